/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * service.h - answers the connections of a link's far side.
 *
 * One pipe is always open and waits; when the far side joins it, the local
 * service of the settings is connected to, and the next pipe waits.
 */
#ifndef GUEST_SERVICE_H
#define GUEST_SERVICE_H

#include "function.h"

struct service;

/* target: forward.h; copied.  NULL: out of memory. */
struct service *service_create(uv_loop_t *loop, struct function *function,
			       const char *target);

/* Begins, or goes on: a pipe may be free. */
void service_go_on(struct service *service);

/* The far side has joined a pipe that waited. */
void service_opened(struct service *service, unsigned int pipe);

/* NULL is allowed. */
void service_destroy(struct service *service);

#endif
