/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen.h - a bus whose host controller is a pvUSB frontend (docs/ring.md).
 *
 * The bus exists as long as the controller; it is connected while a frontend
 * is.  Devices are plugged and unplugged at any time: what is plugged is
 * announced when a frontend connects.
 *
 *        bus_xen_create()
 *              │
 *        ┌─────▼──────┐ bus_xen_connect()   ┌───────────┐  malformed ring
 *        │ not        ├────────────────────▶│ connected ├────────┐
 *        │ connected  │◀────────────────────┤           │        ▼
 *        └─────▲──────┘ bus_xen_disconnect()└───────────┘  fault(), deaf
 *              └──────────── bus_xen_disconnect() ────────────────┘
 */
#ifndef BUS_XEN_H
#define BUS_XEN_H

#include "backend/bus/bus.h"
#include "protocol/usbif.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include <xenevtchn.h>
#include <xengnttab.h>

struct bus_xen_config {
	uv_loop_t *loop;
	uint16_t domid;
	uint16_t devid;		 /* number of the controller, for messages */
	unsigned int port_count; /* 1..USBIF_MAX_PORTS */

	/* Borrowed until bus_destroy() returns: xen/grant.h, xen/event.h. */
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn; /* restricted to domid */
	int journal_fd;		  /* xen/journal.h; not kept */

	/* What was offered to the frontend: 0 for the stock dialect. */
	unsigned int max_ring_order;	    /* ..USBIF_MAX_RING_ORDER */
	unsigned int max_indirect_segments; /* ..USBIF_MAX_INDIRECT_SEGMENTS */

	/*
	 * The frontend broke the protocol: the bus is deaf to it from now on
	 * and all transfers have ended.  Called once for a connection, last
	 * thing in a callback of the loop, so it may do anything to the bus.
	 * reason is one line in static memory.
	 */
	void (*fault)(void *context, const char *reason);
	void *context;
};

/* What the frontend wrote, read in one transaction. */
struct bus_xen_rings {
	unsigned int order; /* log2 of the pages in urb_refs */
	uint32_t urb_refs[USBIF_MAX_RING_PAGES];
	uint32_t conn_ref;
	uint32_t event_port;
	/*
	 * This process succeeds one that died while connected: go on with the
	 * indexes of the journal, answer everything in flight with NODEV once,
	 * and tell the frontend that all ports are empty until bus_plug().
	 */
	bool resume;
};

/* Counts since bus_xen_create(). */
struct bus_xen_stats {
	uint64_t events;
	uint64_t spurious_events; /* no request came with them */
	uint64_t requests;
	uint64_t responses;
	uint64_t notifications;
	uint64_t copy_calls;
	uint64_t copy_segments;
	uint64_t octets_in;
	uint64_t octets_out;
	uint64_t failed_copies; /* transfers */
};

/* NULL: no memory, bad numbers, or no journal (said in the log). */
struct bus *bus_xen_create(const struct bus_xen_config *config);

/*
 * Maps the rings, binds the event channel, announces plugged devices and
 * serves requests from now on.  0 or a negative errno, then nothing is held:
 * -EINVAL (numbers beyond what was offered), -EALREADY (connected), -EPROTO
 * or -ENOENT (resume: the journal does not fit), or that of Xen.
 */
int bus_xen_connect(struct bus *bus, const struct bus_xen_rings *rings);

/*
 * Lets go of the frontend: every transfer ends, every device is as after a
 * reset, nothing of the guest is mapped or bound.  No answer is written any
 * more.  Devices stay plugged.  The journal says that nothing is connected: a
 * process that is to have a successor calls neither this nor bus_destroy(),
 * which does the same, but just exits.  Harmless when not connected.
 */
void bus_xen_disconnect(struct bus *bus);

bool bus_xen_is_connected(const struct bus *bus);
void bus_xen_get_stats(const struct bus *bus, struct bus_xen_stats *stats);

#endif
