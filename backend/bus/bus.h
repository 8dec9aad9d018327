/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus.h - what a device is plugged into, seen from above.
 *
 * A bus has ports 1..n.  Plugging hands the device over: the bus destroys it
 * when it is unplugged or the bus goes.
 */
#ifndef BUS_BUS_H
#define BUS_BUS_H

#include "backend/usb/device.h"

struct bus;

struct bus_ops {
	/* 0, -EBUSY (occupied), -EINVAL (no such port); owns device on 0. */
	int (*plug)(struct bus *bus, unsigned int port,
		    struct usb_device *device);
	/* 0 or -ENOENT.  All its transfers end with NODEV. */
	int (*unplug)(struct bus *bus, unsigned int port);
	void (*destroy)(struct bus *bus);
};

struct bus {
	const struct bus_ops *ops;
	unsigned int port_count;
};

static inline int bus_plug(struct bus *bus, unsigned int port,
			   struct usb_device *device)
{
	return bus->ops->plug(bus, port, device);
}

static inline int bus_unplug(struct bus *bus, unsigned int port)
{
	return bus->ops->unplug(bus, port);
}

static inline void bus_destroy(struct bus *bus)
{
	if (bus)
		bus->ops->destroy(bus);
}

#endif
