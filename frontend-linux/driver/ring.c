// SPDX-License-Identifier: GPL-2.0
/*
 * The urb ring: slots, requests out, responses in.
 *
 * Theory of operation
 *
 * A slot (id) is taken for every request and freed by its response, and there
 * are as many slots as ring entries, so the ring can never be overfull.  The
 * indexes that count are private (req_prod_pvt, rsp_cons); of the shared page
 * only rsp_prod and the responses are read, each once, and checked before they
 * are used:
 *
 *   rsp_prod    at most as many responses as requests are in flight
 *   id          below the number of entries, and in flight
 *   the rest    by urb.c, against the request that was sent
 *
 * A backend that fails a check loses the controller (tv_hcd_fail()): nothing
 * it says can be believed any more, and nothing is dereferenced on its word.
 *
 * Order 0 is Xen's ring of one page; with a backend that offers
 * "max-ring-page-order" it has up to 8 pages, physically contiguous for us.
 *
 * Requests are collected with tv_ring_send() and made visible at once by
 * tv_ring_push(): one notification for a batch, and none if the backend is
 * looking anyway.
 *
 * Everything here but set-up and teardown runs under tv_hcd.lock.
 */
#include <linux/build_bug.h>
#include <xen/events.h>

#include "tv_hcd.h"

static_assert(sizeof(union tv_urb_sring_entry) ==
	      sizeof(struct tv_usbif_request));
static_assert(offsetof(struct tv_urb_sring, ring) ==
	      sizeof(struct tv_ring_header));
static_assert(PAGE_SIZE == USBIF_PAGE_SIZE);

/**
 * tv_ring_setup - make and grant an empty ring with all slots free
 * @tv:		controller, TV_DOWN
 * @order:	pages of the ring, as a power of two
 *
 * Returns 0 or a negative errno.  tv_ring_teardown() undoes it.
 */
int tv_ring_setup(struct tv_hcd *tv, unsigned int order)
{
	struct tv_urb_sring *sring = NULL;
	unsigned int i, pages = 1U << order;
	int err;

	err = xenbus_setup_ring(tv->xbdev, GFP_NOIO | __GFP_HIGH,
				(void **)&sring, pages, tv->urb_gref);
	if (err)
		return err;

	tv->ring_order = order;
	XEN_FRONT_RING_INIT(&tv->urb_ring, sring, pages * XEN_PAGE_SIZE);
	tv->entries = USBIF_URB_RING_ENTRIES(order);
	WARN_ON(tv->entries != RING_SIZE(&tv->urb_ring));
	for (i = 0; i < tv->entries; i++) {
		tv->slot[i] = (struct tv_slot){};
		tv->free_id[i] = tv->entries - 1 - i;
	}
	tv->nr_free = tv->entries;
	tv->need_push = false;
	return 0;
}

/**
 * tv_ring_teardown - take the ring back and free it
 * @tv:		controller, TV_DOWN, no slot busy, interrupt unbound
 *
 * Pages that the backend still maps stay out of the allocator until it lets
 * go (grant-table.c defers).  Harmless without a ring.
 */
void tv_ring_teardown(struct tv_hcd *tv)
{
	if (!tv->urb_ring.sring)
		return;
	xenbus_teardown_ring((void **)&tv->urb_ring.sring,
			     1U << tv->ring_order, tv->urb_gref);
	tv->entries = 0;
	tv->nr_free = 0;
}

/**
 * tv_ring_slot_get - take a slot
 * @tv:		controller
 * @xfer:	what its response will be for, NULL for an unlink
 *
 * The caller has asked tv_slot_allowed(), so there is one.
 */
u16 tv_ring_slot_get(struct tv_hcd *tv, struct tv_xfer *xfer)
{
	u16 id = tv->free_id[--tv->nr_free];

	tv->slot[id].xfer = xfer;
	tv->slot[id].busy = true;
	return id;
}

/* tv_ring_slot_put - give a slot back: answered, or never sent */
void tv_ring_slot_put(struct tv_hcd *tv, u16 id)
{
	tv->slot[id] = (struct tv_slot){};
	tv->free_id[tv->nr_free++] = id;
}

/**
 * tv_ring_send - put a request on the ring, not yet visible
 * @tv:		controller
 * @req:	complete, with the id of a slot
 */
void tv_ring_send(struct tv_hcd *tv, const struct tv_usbif_request *req)
{
	*RING_GET_REQUEST(&tv->urb_ring, tv->urb_ring.req_prod_pvt) = *req;
	tv->urb_ring.req_prod_pvt++;
	tv->need_push = true;
}

/* tv_ring_push - show what was sent to the backend, waking it if it sleeps */
void tv_ring_push(struct tv_hcd *tv)
{
	int notify;

	if (!tv->need_push)
		return;
	tv->need_push = false;
	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&tv->urb_ring, notify);
	if (notify)
		notify_remote_via_irq(tv->irq);
}

/**
 * tv_ring_poll - take the responses that are there
 * @tv:		controller
 *
 * Takes at most what is in flight at the start, so a call is bounded whatever
 * the backend does.  Returns TV_POLL_* bits.
 */
unsigned int tv_ring_poll(struct tv_hcd *tv)
{
	struct tv_urb_front_ring *ring = &tv->urb_ring;
	struct tv_usbif_response rsp;
	u32 prod, cons = ring->rsp_cons;
	unsigned int found = 0;
	int more;

	prod = READ_ONCE(ring->sring->rsp_prod);
	if (!tv_prod_valid(cons, prod, tv_ring_used(tv))) {
		tv_hcd_fail(tv, "response index beyond the requests");
		return TV_POLL_FAILED;
	}
	virt_rmb(); /* read the responses only after the index says so */

	for (; cons != prod; cons++) {
		RING_COPY_RESPONSE(ring, cons, &rsp);
		ring->rsp_cons = cons + 1;
		if (rsp.id >= tv->entries || !tv->slot[rsp.id].busy) {
			tv_hcd_fail(tv, "response to no request");
			return TV_POLL_FAILED;
		}
		if (!tv_urb_answered(tv, rsp.id, &rsp))
			return TV_POLL_FAILED;
		found = TV_POLL_WORK;
	}

	RING_FINAL_CHECK_FOR_RESPONSES(ring, more);
	return more ? found | TV_POLL_MORE : found;
}
