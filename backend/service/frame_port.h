/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame_port.h - where a network function's frames go to and come from.
 *
 * Events never come from inside a call of these operations.
 */
#ifndef SERVICE_FRAME_PORT_H
#define SERVICE_FRAME_PORT_H

#include "backend/service/frame_filter.h"

struct frame_port;

struct frame_port_events {
	void (*readable)(void *context); /* after a receive() that gave 0 */
	void (*writable)(void *context); /* after a send() that refused */
	void (*link_changed)(void *context);
};

struct frame_port_ops {
	/*
	 * A frame of the guest's, in a buffer of FRAME_BUFFER that may be
	 * changed.  false: not now, and again after writable(); true: sent, or
	 * dropped and counted.
	 */
	bool (*send)(struct frame_port *port, uint8_t *frame, size_t len);
	/*
	 * The next frame for the guest (FRAME_BUFFER octets at frame): its
	 * length, at most FRAME_MAX, or 0: none now.
	 */
	size_t (*receive)(struct frame_port *port, uint8_t *frame);
	/* The guest does not want a frame that it was given. */
	void (*unwanted)(struct frame_port *port);
	bool (*link_up)(const struct frame_port *port);
	void (*destroy)(struct frame_port *port);
};

struct frame_port {
	const struct frame_port_ops *ops;
	/* Set by the function that uses it. */
	const struct frame_port_events *events;
	void *context;
};

#endif
