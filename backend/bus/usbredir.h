/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usbredir.h - a bus of sockets that QEMU's usb-redir devices speak to:
 * emulated firmware, for KVM, TCG and the device models of Xen HVM domains.
 *
 * Port n is one socket.  Its peer (QEMU) comes and goes: when it is there the
 * device is plugged into the guest, when it goes the device is reset and waits
 * for the next one.
 */
#ifndef BUS_USBREDIR_H
#define BUS_USBREDIR_H

#include "backend/bus/address.h"
#include "backend/bus/bus.h"

#include <uv.h>

enum { BUS_USBREDIR_MAX_PORTS = 31 };

struct bus_usbredir_socket {
	int listener;	     /* address_listen(); owned.  -1: connect */
	struct address peer; /* where to, again and again, if listener is -1 */
};

struct bus_usbredir_config {
	uv_loop_t *loop;
	unsigned int port_count; /* 1..BUS_USBREDIR_MAX_PORTS */
	const struct bus_usbredir_socket *sockets; /* of ports 1..port_count */
};

/*
 * NULL: said in the log; the listeners are closed.  Run the loop once more
 * after bus_destroy().
 */
struct bus *bus_usbredir_create(const struct bus_usbredir_config *config);

struct bus_usbredir_stats {
	uint64_t requests;
	uint64_t octets_in;
	uint64_t octets_out;
	unsigned int peers;
};

void bus_usbredir_get_stats(const struct bus *bus,
			    struct bus_usbredir_stats *stats);

#endif
