/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usbredir_internal.h - what the bus (usbredir.c) and the connection of one
 * port (usbredir_peer.c) share.
 */
#ifndef BUS_USBREDIR_INTERNAL_H
#define BUS_USBREDIR_INTERNAL_H

#include "backend/bus/attach.h"
#include "backend/bus/usbredir.h"

struct usbredir_bus;
struct usbredir_peer;

struct usbredir_port {
	struct usbredir_bus *bus;
	unsigned int number;
	struct usb_device *device;
	struct usbredir_peer *peer;
	/* Listening, or waiting to connect again. */
	int listener;
	struct address address;
	uv_poll_t listening;
	uv_timer_t again;
};

struct usbredir_bus {
	struct bus bus;
	uv_loop_t *loop;
	struct bus_usbredir_stats stats;
	bool destroyed;
	unsigned int handles;
	struct usbredir_port ports[BUS_USBREDIR_MAX_PORTS + 1];
};

/*
 * A new connection of a port; takes fd.  port->peer is set, or the connection
 * is closed.  connecting: it is on its way still.
 */
void usbredir_peer_open(struct usbredir_port *port, int fd);

/* Closes; port->peer is NULL afterwards. */
void usbredir_peer_close(struct usbredir_peer *peer);

/* port->device has come, or is about to go. */
void usbredir_peer_plug(struct usbredir_peer *peer);
void usbredir_peer_unplug(struct usbredir_peer *peer);

/* The peer of a port has closed: wait for the next. */
void usbredir_port_vacant(struct usbredir_port *port);

/* One handle has closed; frees the bus after the last. */
void usbredir_bus_put(struct usbredir_bus *bus);

#endif
