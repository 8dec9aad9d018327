/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usbip_internal.h - what the server (usbip.c) and its connections
 * (usbip_conn.c) share.
 */
#ifndef BUS_USBIP_INTERNAL_H
#define BUS_USBIP_INTERNAL_H

#include "backend/bus/attach.h"
#include "backend/bus/usbip.h"
#include "backend/bus/usbip_wire.h"

struct usbip_conn;

struct usbip_port {
	struct usb_device *device;
	struct usbip_conn *conn; /* who has imported it */
};

struct usbip_bus {
	struct bus bus;
	uv_loop_t *loop;
	uv_poll_t listening;
	int listener;
	struct list_node connections;
	unsigned int connection_count;
	struct bus_usbip_stats stats;
	bool destroyed;
	unsigned int handles; /* open handles that refer to the bus */
	struct usbip_port ports[BUS_USBIP_MAX_PORTS + 1];
};

/* A new connection; takes fd. */
void usbip_conn_open(struct usbip_bus *bus, int fd);

/* Closes; what is attached to it is let go with this status. */
void usbip_conn_close(struct usbip_conn *conn, enum usb_status status);

struct usbip_conn *usbip_conn_of_link(struct list_node *link);

/* One handle of the bus has closed; frees the bus after the last. */
void usbip_bus_put(struct usbip_bus *bus);

#endif
