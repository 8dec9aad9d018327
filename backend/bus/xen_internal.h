/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen_internal.h - the parts of the Xen bus to each other.
 *
 *   xen.c          life of the bus, the loop, faults
 *   xen_urb.c      requests taken, routed, ended, answered
 *   xen_data.c     octets between guest and process
 *   xen_conn.c     what is plugged where, told to the guest
 *   xen_request.c  meaning of a request
 *   xen_pool.c     memory
 *
 * One turn of the loop with work in it:
 *
 *   event ─▶ take requests ─▶ fetch OUT data ─▶ submit ─▶ device
 *            (journal)        (one copy)                    │ complete
 *   notify ◀─ publish ◀─ answer ◀─ copy IN data ◀───────────┘
 *   (one)     (journal)            (one copy)
 */
#ifndef BUS_XEN_INTERNAL_H
#define BUS_XEN_INTERNAL_H

#include "backend/bus/xen.h"
#include "backend/bus/xen_pool.h"
#include "backend/bus/xen_request.h"
#include "backend/util/list.h"
#include "backend/xen/event.h"
#include "backend/xen/grant.h"
#include "backend/xen/journal.h"
#include "backend/xen/ring.h"

enum {
	XEN_MAX_ENTRIES = USBIF_URB_RING_ENTRIES(USBIF_MAX_RING_ORDER),
	XEN_MAX_LENGTH = USBIF_MAX_INDIRECT_SEGMENTS * USBIF_PAGE_SIZE,
	/* OUT octets copied before a function asks for them. */
	XEN_PREFETCH_MAX = 1 << 20,
	/* IN octets staged before they are copied to the guest. */
	XEN_STAGE_MAX = 1 << 20,
	/*
	 * Staged octets, then two transfers of full length, aligned.  Only
	 * what is written costs memory.
	 */
	XEN_ARENA_SIZE =
		XEN_STAGE_MAX + 2 * (XEN_MAX_LENGTH + 2 * USBIF_PAGE_SIZE),
};

enum xen_urb_state {
	XEN_URB_FREE,	   /* the id is the guest's */
	XEN_URB_TAKEN,	   /* read from the ring, not yet acted on */
	XEN_URB_SUBMITTED, /* the device's, in no list or in unfetched */
	XEN_URB_DONE,	   /* in done, waits to be answered */
};

/* A request, at the index of its id. */
struct xen_urb {
	struct usb_xfer xfer;
	struct xen_bus *bus;
	struct list_node node;
	enum xen_urb_state state;
	struct xen_request request;
	struct tv_usbif_segment *segments; /* direct, or allocated */
	struct tv_usbif_segment direct[USBIF_MAX_SEGMENTS];
	uint8_t *buffer; /* OUT data, from the pool */
	bool unreadable; /* a copy failed: no use to fetch it ahead */
	bool staged;	 /* IN data is in the arena, not yet in the guest */
	uint32_t reserved_len;	 /* at xfer.data */
	uint32_t reserved_round; /* of the arena; another: the place is lost */
	unsigned int copy_first; /* index in the batch during a copy */
	unsigned int copy_count;
	int32_t status; /* of the response */
	uint32_t actual;
};

struct xen_port {
	struct usb_device *device;
	bool seen;	/* the guest sees something plugged */
	bool announced; /* ... and it is this device */
};

enum xen_bus_state { XEN_BUS_IDLE, XEN_BUS_CONNECTED, XEN_BUS_FAULTED };

struct xen_bus {
	struct bus bus;
	struct bus_xen_config config;
	enum xen_bus_state state;
	const char *fault_reason; /* to be reported */

	struct event_channel channel;
	bool event_held;      /* an event was taken and not unmasked */
	uint64_t idle_events; /* spurious ones in a row */
	uint32_t conn_seen;   /* conn requests available last time */
	void *urb_pages;
	unsigned int urb_page_count;
	void *conn_page;
	struct ring urb_ring;
	struct ring conn_ring;
	struct journal journal;
	struct xen_request_limits limits;
	bool resumed; /* what was published before is not known */

	struct xen_port ports[USBIF_MAX_PORTS + 1];
	struct xen_urb urbs[XEN_MAX_ENTRIES];
	struct list_node done;
	struct list_node unfetched; /* OUT, submitted, no data yet; in order */
	bool dropping;		    /* ended transfers are not answered */

	struct xen_pool pool;
	size_t fetched_octets; /* OUT data held */
	uint8_t *arena;
	size_t arena_used;
	uint32_t arena_round;	  /* counts how often it was emptied; never 0 */
	struct xen_urb *reserver; /* whose place was given out last */
	size_t reserved_start;	  /* reserved_end before that */
	size_t reserved_end;	  /* of all places given out */
	struct grant_batch batch;

	uv_poll_t poll;
	uv_prepare_t prepare;
	uv_idle_t more;	      /* requests are left from the last turn */
	uv_timer_t rest;      /* memory goes back when there is no traffic */
	uv_timer_t unmask;    /* a rogue's next event has to wait */
	unsigned int handles; /* not yet closed */
	bool active;	      /* since rest last looked */

	struct bus_xen_stats stats;
};

static inline struct xen_bus *xen_bus_of(struct bus *bus)
{
	return container_of(bus, struct xen_bus, bus);
}

static inline const struct xen_bus *xen_bus_of_const(const struct bus *bus)
{
	return container_of(bus, const struct xen_bus, bus);
}

static inline struct xen_urb *xen_urb_of(struct usb_xfer *xfer)
{
	return container_of(xfer, struct xen_urb, xfer);
}

/* --- xen.c --- */

/* The guest broke the protocol.  Reported when the loop's callback ends. */
void xen_bus_fault(struct xen_bus *bus, const char *reason);

/* --- xen_urb.c --- */

/*
 * Takes up to max requests off the ring and acts on them.  The number taken;
 * faults if they are malformed.
 */
uint32_t xen_urb_take(struct xen_bus *bus, uint32_t max);
/* Answers all that is done and tells the ports' changes, in one batch. */
void xen_urb_flush(struct xen_bus *bus);
/* Answers an id that a process before left in flight. */
void xen_urb_abandon(struct xen_bus *bus, unsigned int id);
/* Ends and forgets everything unanswered. */
void xen_urb_drop_all(struct xen_bus *bus);

/* --- xen_data.c --- */

int xen_data_open(struct xen_bus *bus);
void xen_data_close(struct xen_bus *bus);
/* Copies the tables of count taken requests with indirect segments. */
void xen_data_read_tables(struct xen_bus *bus, const uint16_t *ids,
			  uint32_t count);
/* Copies OUT data of count taken requests ahead, as far as memory allows. */
void xen_data_prefetch(struct xen_bus *bus, const uint16_t *ids,
		       uint32_t count);
/*
 * The transfer has ended with xfer.actual octets: keep only those.  0, or -EIO:
 * its place was lost.
 */
int xen_data_end(struct xen_bus *bus, struct xen_urb *urb);
/* Copies all staged IN data to the guest and empties the arena. */
void xen_data_deliver(struct xen_bus *bus);
/* Empties the arena: nothing in it is wanted. */
void xen_data_discard(struct xen_bus *bus);
/* Gives memory back. */
void xen_data_rest(struct xen_bus *bus);
/* The first two of struct usb_xfer_ops. */
int xen_data_fetch(struct usb_xfer *xfer);
uint8_t *xen_data_reserve(struct usb_xfer *xfer, uint32_t len);

/* --- xen_conn.c --- */

/* True if the guest has yet to be told of a port. */
bool xen_conn_pending(const struct xen_bus *bus);
/*
 * Puts what can be told on the connection ring and into the journal's state.
 * The number of events; -EPROTO: the ring is malformed.
 */
int xen_conn_put(struct xen_bus *bus);

#endif
