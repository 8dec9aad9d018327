/* SPDX-License-Identifier: MIT */
/*
 * hcd.h - the controller of a pvUSB frontend, without an operating system.
 *
 *   the driver (xen2virt/)      lock, pages, grants, events, IRPs
 *        │ tv_hcd_*, tv_urb_*        ▲ tv_hcd_ops
 *   urb.c ── conn.c                  │
 *        │      │
 *      ring.c ──┘                 shared pages of the backend
 *
 * Plain C: the same object files are tested natively under the sanitizers and
 * by a fuzz target that plays the backend.  File names and concepts are those
 * of frontend-linux/driver, so that a fix travels.
 *
 * Everything here runs under the driver's one lock for the controller and never
 * blocks, allocates or calls anything but tv_hcd_ops.
 */
#ifndef TV_WIN_HCD_H
#define TV_WIN_HCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/front.h"
#include "protocol/usbif.h"
#include "frontend-windows/core/list.h"

/* The ring is at most 2^2 pages here: 64 slots. */
#define TV_MAX_RING_ORDER 2
#define TV_MAX_ENTRIES USBIF_URB_RING_ENTRIES(TV_MAX_RING_ORDER)
/* Pages of the data of one part of a transfer; 15 without indirect segments. */
#define TV_PART_PAGES 32
#define TV_DIRECT_PAGES 15
/* Pages that only control transfers may take: one of 64 KiB. */
#define TV_URGENT_PAGES 16
#define TV_POOL_PAGES(entries) (4u * (entries) + TV_URGENT_PAGES)
#define TV_MAX_POOL TV_POOL_PAGES(TV_MAX_ENTRIES)
#define TV_NO_SLOT 0xffff

/* A page of our own that is granted to the backend while the rings stand. */
struct tv_page {
	struct tv_page *next; /* free pages */
	void *octets;
	uint32_t gref;
};

/*
 * An endpoint.  The driver owns it and fills the first block; it must stay
 * until it is idle (tv_ep_idle).
 */
struct tv_ep {
	enum tv_class class;
	uint8_t number;	 /* 0..15 */
	uint8_t type;	 /* USBIF_PIPE_TYPE_* */
	uint8_t port;	 /* 1..31 */
	uint8_t address; /* 0..127 */
	bool in;	 /* not of endpoint 0: there the setup packet says */
	uint16_t maxp;	 /* octets */
	uint16_t interval;

	struct tv_list waiting;	 /* xfers not on the ring, in order */
	struct tv_list node;	 /* tv_hcd.ready iff waiting is not empty */
	struct tv_xfer *partial; /* on the ring, and not all of it */
	uint16_t in_flight;
};

/* What became of a transfer; the driver makes a USBD_STATUS of it. */
enum tv_result {
	TV_OK,
	TV_STALL,
	TV_NODEV,
	TV_INVAL,
	TV_BABBLE,
	TV_IOERROR,
	TV_SHUTDOWN,  /* the backend is gone or was not to be believed */
	TV_CANCELLED, /* tv_urb_dequeue() */
	TV_NOMEM,     /* the transfer's buffer could not be reached */
	TV_RESULTS
};

/*
 * A transfer.  The driver owns it, fills the first block (zeroing the rest) and
 * has it back when it is on the list of tv_urb_done().
 */
struct tv_xfer {
	struct tv_ep *ep;
	void *os;	 /* the driver's own */
	uint32_t length; /* octets of the buffer */
	bool in;
	bool short_not_ok;
	uint8_t setup[8]; /* control */

	uint32_t moved; /* octets that went or came */
	enum tv_result result;

	struct tv_list node;	    /* tv_ep.waiting or tv_hcd.done */
	struct tv_list unlink_node; /* tv_hcd.unlinks, or in no list */
	struct tv_page *page[TV_PART_PAGES];
	struct tv_page *table; /* page of segments, or NULL */
	uint32_t part;	       /* octets of the part in flight */
	uint16_t slot;	       /* TV_NO_SLOT unless on the ring */
	uint16_t nr_pages;
	bool cancelled;
	bool over; /* on the way back */
};

struct tv_hcd_ops {
	/*
	 * Copies between the transfer's buffer at pos and a page; false if the
	 * buffer cannot be reached.  len is at most USBIF_PAGE_SIZE.
	 */
	bool (*copy)(struct tv_xfer *xfer, uint32_t pos, void *octets,
		     uint32_t len, bool out);
	/* Sends an event to the backend. */
	void (*notify)(void *os);
};

enum tv_hcd_state {
	TV_DOWN, /* no rings: transfers are refused */
	TV_UP,
	TV_FAILED, /* the backend broke the protocol; the driver cleans up */
};

struct tv_slot {
	struct tv_xfer *xfer; /* NULL for an unlink */
	bool busy;
};

struct tv_hcd {
	const struct tv_hcd_ops *ops;
	void *os;
	enum tv_hcd_state state;
	const char *reason; /* of TV_FAILED, constant text */

	/* What the driver sets before tv_hcd_up(). */
	struct tv_ring_header *urb; /* 2^ring_order pages side by side */
	struct tv_ring_header *conn;
	unsigned int ring_order;
	uint16_t num_ports;
	bool indirect; /* agreed with the backend */

	/* Private indexes: the shared ones are never read back. */
	uint32_t req_prod, rsp_cons, req_shown;
	uint32_t conn_prod, conn_cons;
	bool need_push;

	struct tv_slot slot[TV_MAX_ENTRIES];
	uint16_t free_id[TV_MAX_ENTRIES]; /* a stack */
	uint16_t nr_free;
	uint16_t entries;
	uint16_t parked; /* IN transfers on the ring */
	uint16_t devices;
	uint16_t port_parked[USBIF_MAX_PORTS + 1];
	uint8_t speed[USBIF_MAX_PORTS + 1];  /* as the backend says */
	uint32_t plugs[USBIF_MAX_PORTS + 1]; /* changes seen, for the driver */

	struct tv_page *free_page;
	uint16_t nr_free_pages;
	uint16_t unlinks_out; /* unlinks on the ring */

	struct tv_list ready;	/* endpoints with transfers that wait */
	struct tv_list unlinks; /* unlinks that wait for a slot */
	struct tv_list done;	/* transfers to give back */
};

/* What a look at the rings found, or-ed together. */
#define TV_POLL_WORK 1u	  /* there was something to do */
#define TV_POLL_MORE 2u	  /* and there is more */
#define TV_POLL_NEWS 4u	  /* a port changed */
#define TV_POLL_FAILED 8u /* the backend broke the protocol */

/* ---- hcd.c ----------------------------------------------------------------
 */

/* Once, before anything else.  state is TV_DOWN then. */
void tv_hcd_init(struct tv_hcd *hcd, const struct tv_hcd_ops *ops, void *os);
/*
 * Goes up with the rings that stand in the structure (zeroed pages) and `count`
 * pages, at least TV_POOL_PAGES(entries), granted to the backend.
 */
void tv_hcd_up(struct tv_hcd *hcd, struct tv_page *page, unsigned int count);
/*
 * Ends everything at once: all transfers are on `done` with TV_SHUTDOWN, no
 * page is in use, all ports are empty.  The backend may still write into the
 * pages: that is why only pages of our own are ever granted.
 */
void tv_hcd_down(struct tv_hcd *hcd);
/* The backend cannot be believed any more.  The first reason counts. */
void tv_hcd_fail(struct tv_hcd *hcd, const char *reason);
/*
 * Looks at both rings and sends what can be sent; TV_POLL_* bits.  Bounded,
 * whatever the backend does.
 */
unsigned int tv_hcd_poll(struct tv_hcd *hcd);

/* ---- ring.c ---------------------------------------------------------------
 */

void tv_ring_init(struct tv_hcd *hcd);
uint16_t tv_ring_slot_get(struct tv_hcd *hcd, struct tv_xfer *xfer);
void tv_ring_slot_put(struct tv_hcd *hcd, uint16_t id);
void tv_ring_send(struct tv_hcd *hcd, const struct tv_usbif_request *req);
/* Shows what was sent, with one event if the backend wants one. */
void tv_ring_push(struct tv_hcd *hcd);
unsigned int tv_ring_poll(struct tv_hcd *hcd);
static inline uint16_t tv_ring_used(const struct tv_hcd *hcd)
{
	return hcd->entries - hcd->nr_free;
}

/* ---- conn.c ---------------------------------------------------------------
 */

void tv_conn_init(struct tv_hcd *hcd);
unsigned int tv_conn_poll(struct tv_hcd *hcd);

/* ---- urb.c ----------------------------------------------------------------
 */

void tv_ep_init(struct tv_ep *ep);
static inline bool tv_ep_idle(const struct tv_ep *ep)
{
	return !ep->in_flight && tv_list_empty(&ep->waiting);
}
/* Takes a transfer; false (and nothing done) unless the controller is up. */
bool tv_urb_enqueue(struct tv_hcd *hcd, struct tv_xfer *xfer);
/*
 * Cancels: a waiting transfer is done at once, one on the ring when the backend
 * answers it (the driver bounds that wait).
 */
void tv_urb_dequeue(struct tv_hcd *hcd, struct tv_xfer *xfer);
/* Cancels all transfers of an endpoint. */
void tv_ep_abort(struct tv_hcd *hcd, struct tv_ep *ep);
/* Next transfer that is over, or NULL. */
struct tv_xfer *tv_urb_done(struct tv_hcd *hcd);
void tv_urb_answered(struct tv_hcd *hcd, uint16_t id,
		     const struct tv_usbif_response *rsp);
void tv_urb_kick(struct tv_hcd *hcd);
void tv_urb_cut(struct tv_hcd *hcd);
enum tv_result tv_status_result(int32_t status);

#endif
