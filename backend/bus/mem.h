/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.h - a bus inside the process, for tests, fuzzing and benchmarks.
 *
 * The caller is the host: it fills a struct mem_xfer, submits it and is told
 * through on_done when it has completed.
 */
#ifndef BUS_MEM_H
#define BUS_MEM_H

#include "backend/bus/bus.h"

struct mem_xfer {
	/* Set type, endpoint, setup and length; the rest is the bus'. */
	struct usb_xfer xfer;
	uint8_t *buffer; /* length octets, the caller's */
	bool fail_data;	 /* moving the data fails, as a bad grant would */
	/* May be NULL.  The transfer may be submitted again inside. */
	void (*on_done)(struct mem_xfer *transfer);
	void *context;
	bool done;
	bool submitted;
};

/* A bus of 1..31 ports, or NULL. */
struct bus *mem_bus_create(unsigned int port_count);

/* The device on a port, or NULL. */
struct usb_device *mem_bus_device(struct bus *bus, unsigned int port);

/* Submits; ends with NODEV at once if nothing is plugged in. */
void mem_bus_submit(struct bus *bus, unsigned int port,
		    struct mem_xfer *transfer);

/* Cancels a transfer that has been submitted and is not done. */
void mem_bus_cancel(struct bus *bus, unsigned int port,
		    struct mem_xfer *transfer);

#endif
