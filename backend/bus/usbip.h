/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usbip.h - a bus behind a USB/IP server: simulated firmware.
 *
 * Linux' `usbip attach`, usbip-win2 and other clients list the devices of this
 * bus and import them.  Port n is device "1-n".  A device is imported by one
 * client at a time; when that one goes, by detaching or in the middle of a
 * transfer, the device is reset and free for the next.
 */
#ifndef BUS_USBIP_H
#define BUS_USBIP_H

#include "backend/bus/bus.h"

#include <uv.h>

enum { BUS_USBIP_MAX_PORTS = 31 };

struct bus_usbip_config {
	uv_loop_t *loop;
	unsigned int port_count; /* 1..BUS_USBIP_MAX_PORTS */
	int listener;		 /* address_listen(); owned, also on failure */
};

/* NULL: said in the log.  Run the loop once more after bus_destroy(). */
struct bus *bus_usbip_create(const struct bus_usbip_config *config);

struct bus_usbip_stats {
	uint64_t requests;
	uint64_t octets_in;
	uint64_t octets_out;
	unsigned int connections;
	unsigned int attached;
};

void bus_usbip_get_stats(const struct bus *bus, struct bus_usbip_stats *stats);

#endif
