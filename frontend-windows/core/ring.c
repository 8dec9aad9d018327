// SPDX-License-Identifier: MIT
/*
 * ring.c - the urb ring: slots, requests out, responses in.
 *
 * A slot (id) is taken for every request and freed by its response, and there
 * are as many slots as ring entries, so the ring can never be overfull.  The
 * indexes that count are private; of the shared pages only rsp_prod, req_event
 * and the responses are read, each once, and checked before they are used:
 *
 *   rsp_prod    at most as many responses as requests are in flight
 *   id          below the number of entries, and in flight
 *   the rest    by urb.c, against the request that was sent
 *
 * Requests are collected with tv_ring_send() and shown at once by
 * tv_ring_push(): one event for a batch, none if the backend is looking anyway.
 */
#include "frontend-windows/core/hcd.h"

#include <string.h>

union urb_entry {
	struct tv_usbif_request req;
	struct tv_usbif_response rsp;
};

static_assert(sizeof(union urb_entry) == sizeof(struct tv_usbif_request),
	      "request and response share an entry");

static union urb_entry *entry(const struct tv_hcd *hcd, uint32_t index)
{
	union urb_entry *first = (union urb_entry *)(hcd->urb + 1);

	return first + (index & (hcd->entries - 1u));
}

/* tv_ring_init - all slots free, the shared header as for an empty ring */
void tv_ring_init(struct tv_hcd *hcd)
{
	hcd->entries = USBIF_URB_RING_ENTRIES(hcd->ring_order);
	for (unsigned int i = 0; i < hcd->entries; i++) {
		hcd->slot[i] = (struct tv_slot){0};
		hcd->free_id[i] = (uint16_t)(hcd->entries - 1 - i);
	}
	hcd->nr_free = hcd->entries;
	hcd->req_prod = hcd->req_shown = hcd->rsp_cons = 0;
	hcd->need_push = false;
	hcd->urb->req_event = 1;
	hcd->urb->rsp_event = 1;
}

/* tv_ring_slot_get - take a slot; the caller has asked tv_slot_allowed() */
uint16_t tv_ring_slot_get(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	uint16_t id = hcd->free_id[--hcd->nr_free];

	hcd->slot[id].xfer = xfer;
	hcd->slot[id].busy = true;
	return id;
}

/* tv_ring_slot_put - give a slot back: answered, or cut */
void tv_ring_slot_put(struct tv_hcd *hcd, uint16_t id)
{
	hcd->slot[id] = (struct tv_slot){0};
	hcd->free_id[hcd->nr_free++] = id;
}

/* tv_ring_send - put a request on the ring, not yet visible */
void tv_ring_send(struct tv_hcd *hcd, const struct tv_usbif_request *req)
{
	memcpy(&entry(hcd, hcd->req_prod)->req, req, sizeof(*req));
	hcd->req_prod++;
	hcd->need_push = true;
}

/* Would raising prod from `old` to `new` pass the peer's event index? */
static bool event_wanted(uint32_t event, uint32_t old, uint32_t new)
{
	return new - event < new - old;
}

void tv_ring_push(struct tv_hcd *hcd)
{
	uint32_t old = hcd->req_shown, event;

	if (!hcd->need_push)
		return;
	hcd->need_push = false;
	/* The requests are there before the index says so. */
	__atomic_store_n(&hcd->urb->req_prod, hcd->req_prod, __ATOMIC_RELEASE);
	hcd->req_shown = hcd->req_prod;
	/* The index is seen before we look whether they sleep. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(&hcd->urb->req_event, __ATOMIC_RELAXED);
	if (event_wanted(event, old, hcd->req_prod))
		hcd->ops->notify(hcd->os);
}

static bool take(struct tv_hcd *hcd)
{
	struct tv_usbif_response rsp;

	memcpy(&rsp, &entry(hcd, hcd->rsp_cons)->rsp, sizeof(rsp));
	/* The copy is what is looked at: no second read of the entry. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	hcd->rsp_cons++;
	if (rsp.id >= hcd->entries || !hcd->slot[rsp.id].busy) {
		tv_hcd_fail(hcd, "response to no request");
		return false;
	}
	tv_urb_answered(hcd, rsp.id, &rsp);
	return hcd->state == TV_UP;
}

unsigned int tv_ring_poll(struct tv_hcd *hcd)
{
	uint32_t prod = __atomic_load_n(&hcd->urb->rsp_prod, __ATOMIC_ACQUIRE);
	unsigned int found = 0;

	if (!tv_prod_valid(hcd->rsp_cons, prod, tv_ring_used(hcd))) {
		tv_hcd_fail(hcd, "response index beyond the requests");
		return TV_POLL_FAILED;
	}
	while (hcd->rsp_cons != prod) {
		if (!take(hcd))
			return TV_POLL_FAILED;
		found = TV_POLL_WORK;
	}
	/* Ask for an event, then look again: one may have slipped in. */
	__atomic_store_n(&hcd->urb->rsp_event, hcd->rsp_cons + 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	prod = __atomic_load_n(&hcd->urb->rsp_prod, __ATOMIC_RELAXED);
	return prod != hcd->rsp_cons ? found | TV_POLL_MORE : found;
}
