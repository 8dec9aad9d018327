/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture_socket.h - captures of a running device, for who connects.
 *
 * Whoever connects to the socket gets a capture (capture.h) as an octet stream,
 * from now until it ends its own direction; then the rest follows and the
 * statistics, and the connection is closed.  There are no requests, so there is
 * nothing to parse.  One at a time: a second one is closed at once, without an
 * octet.
 */
#ifndef BUS_CAPTURE_SOCKET_H
#define BUS_CAPTURE_SOCKET_H

#include <uv.h>

#include "backend/bus/capture.h"

struct capture_socket;

/*
 * Gives each device its tap of the capture (capture_tap()), or takes all away
 * (NULL) before it is destroyed.
 */
typedef void capture_socket_tap(void *context, struct capture *capture);

/*
 * Takes listener, a listening non-blocking descriptor, also on failure.  NULL:
 * out of memory or of descriptors.
 */
struct capture_socket *capture_socket_create(uv_loop_t *loop, int listener,
					     capture_socket_tap *tap,
					     void *context);

/* Ends a capture that runs.  Run the loop once more.  Accepts NULL. */
void capture_socket_destroy(struct capture_socket *socket);

#endif
