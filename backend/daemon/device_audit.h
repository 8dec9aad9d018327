/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device_audit.h - collects the decisions of a device process and tells them
 * to the broker, several in a message.
 */
#ifndef DAEMON_DEVICE_AUDIT_H
#define DAEMON_DEVICE_AUDIT_H

#include <uv.h>

#include "backend/daemon/message.h"
#include "backend/service/web.h"

struct device_audit;

/* NULL: no memory.  socket is borrowed. */
struct device_audit *device_audit_create(uv_loop_t *loop, int socket);
/* Run the loop until its close callback is done.  Accepts NULL. */
void device_audit_destroy(struct device_audit *audit);

/* For struct web_service_set_config: context is a struct device_audit. */
void device_audit_add(void *context, const struct web_audit *request);

/* Sends what has been collected, if the broker reads. */
void device_audit_flush(struct device_audit *audit);

#endif
