/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offer.h - a function offered to local programs on its sockets.
 */
#ifndef GUEST_OFFER_H
#define GUEST_OFFER_H

#include "function.h"
#include "settings.h"

struct offer;

/*
 * Offers a function that is ready, borrowed until offer_destroy().  0 or a
 * negative errno (said in the log).
 */
int offer_create(struct offer **offer, uv_loop_t *loop,
		 struct function *function, const struct settings *settings);

/* A pipe of the function may be free. */
void offer_serve(struct offer *offer);

/* The far side has joined a pipe that waited for it. */
void offer_opened(struct offer *offer, unsigned int pipe);

/* Removes the sockets; NULL is allowed. */
void offer_destroy(struct offer *offer);

#endif
