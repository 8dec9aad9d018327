// SPDX-License-Identifier: MIT
/*
 * urb.c - a transfer and the ring requests that carry it.
 *
 * A transfer is in one of three places, always under the controller's lock:
 *
 *   waiting   in its endpoint's queue, in order; the endpoint is on hcd->ready
 *   flying    it has a slot; the backend has the request
 *   done      on hcd->done, to be given back
 *
 *            kick, a slot is free          the response
 *   waiting --------------------> flying --------------------> done
 *      ^ |                         |  |                         ^
 *      | `- dequeue, cut ----------|--'- cut ------------------'|
 *      `-- a part arrived, --------'     (dequeue of a flying one asks the
 *          more to send                   backend, and waits)
 *
 * A transfer that one request cannot carry is sent in parts, one after another:
 * the next part only if all of the last one arrived, so that a short packet
 * ends the transfer as it should.  Until the last part is sent the endpoint
 * sends nothing else (tv_ep.partial), which keeps its order.  With indirect
 * segments a part is 128 KiB, without 60 KiB.
 *
 * All data goes through pages of our own: the backend never sees or writes an
 * octet of anybody else's, and a transfer can be ended at any moment without
 * asking whether the backend still has its memory.
 *
 * Ring order makes an id that is used again safe: the backend sees the old
 * unlink before the new request.
 */
#include "frontend-windows/core/hcd.h"

#include <string.h>

/* ---- pages ----------------------------------------------------------------
 */

static struct tv_page *page_get(struct tv_hcd *hcd, bool urgent)
{
	struct tv_page *page = hcd->free_page;

	if (!page || (!urgent && hcd->nr_free_pages <= TV_URGENT_PAGES))
		return NULL;
	hcd->free_page = page->next;
	hcd->nr_free_pages--;
	return page;
}

static void page_put(struct tv_hcd *hcd, struct tv_page *page)
{
	page->next = hcd->free_page;
	hcd->free_page = page;
	hcd->nr_free_pages++;
}

static void part_put(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	for (unsigned int i = 0; i < xfer->nr_pages; i++)
		page_put(hcd, xfer->page[i]);
	xfer->nr_pages = 0;
	if (xfer->table)
		page_put(hcd, xfer->table);
	xfer->table = NULL;
}

/* ---- a part: build it, take it apart --------------------------------------
 */

static bool is_control(const struct tv_xfer *xfer)
{
	return xfer->ep->class == TV_CLASS_CONTROL;
}

static uint32_t xfer_left(const struct tv_xfer *xfer)
{
	return xfer->length - xfer->moved;
}

/* Octets of the part that goes next; 0 if not even a packet fits. */
static uint32_t part_length(const struct tv_hcd *hcd,
			    const struct tv_xfer *xfer)
{
	uint32_t most = TV_DIRECT_PAGES * USBIF_PAGE_SIZE;
	uint32_t left = xfer_left(xfer);

	if (is_control(xfer))
		most = UINT16_MAX;
	else if (hcd->indirect)
		most = TV_PART_PAGES * USBIF_PAGE_SIZE;
	return tv_plan_trim(left < most ? left : most, left, xfer->ep->maxp);
}

static uint32_t page_octets(const struct tv_xfer *xfer, unsigned int i)
{
	uint32_t left = xfer->part - i * USBIF_PAGE_SIZE;

	return left < USBIF_PAGE_SIZE ? left : USBIF_PAGE_SIZE;
}

enum part { PART_READY, PART_LATER, PART_NEVER };

static bool part_fill(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	if (xfer->in)
		return true;
	for (unsigned int i = 0; i < xfer->nr_pages; i++)
		if (!hcd->ops->copy(xfer, xfer->moved + i * USBIF_PAGE_SIZE,
				    xfer->page[i]->octets, page_octets(xfer, i),
				    true))
			return false;
	return true;
}

static enum part part_make(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	bool urgent = is_control(xfer);
	unsigned int pages;

	xfer->part = part_length(hcd, xfer);
	if (xfer_left(xfer) && !xfer->part)
		return PART_NEVER;
	pages = (xfer->part + USBIF_PAGE_SIZE - 1) / USBIF_PAGE_SIZE;
	while (xfer->nr_pages < pages) {
		struct tv_page *page = page_get(hcd, urgent);

		if (!page)
			goto err_later;
		xfer->page[xfer->nr_pages++] = page;
	}
	if (pages > USBIF_MAX_SEGMENTS || xfer->part > UINT16_MAX) {
		xfer->table = page_get(hcd, urgent);
		if (!xfer->table)
			goto err_later;
	}
	if (part_fill(hcd, xfer))
		return PART_READY;
	part_put(hcd, xfer);
	return PART_NEVER;

err_later:
	part_put(hcd, xfer);
	return PART_LATER;
}

/* Brings what an IN brought to its buffer. */
static bool part_copy_in(struct tv_hcd *hcd, struct tv_xfer *xfer,
			 uint32_t actual)
{
	for (unsigned int i = 0; i < xfer->nr_pages; i++) {
		uint32_t pos = i * USBIF_PAGE_SIZE, len = page_octets(xfer, i);

		if (pos >= actual)
			break;
		if (len > actual - pos)
			len = actual - pos;
		if (!hcd->ops->copy(xfer, xfer->moved + pos,
				    xfer->page[i]->octets, len, false))
			return false;
	}
	return true;
}

static uint32_t pipe_word(const struct tv_xfer *xfer)
{
	const struct tv_ep *ep = xfer->ep;

	return (uint32_t)ep->type << USBIF_PIPE_TYPE_SHIFT |
	       (uint32_t)ep->number << USBIF_PIPE_ENDPOINT_SHIFT |
	       (uint32_t)ep->address << USBIF_PIPE_DEVICE_SHIFT |
	       (xfer->in ? USBIF_PIPE_DIR_IN : 0) | ep->port;
}

static void request_make(struct tv_usbif_request *req,
			 const struct tv_xfer *xfer)
{
	struct tv_usbif_segment *seg = req->seg;

	memset(req, 0, sizeof(*req));
	req->id = xfer->slot;
	req->nr_buffer_segs = xfer->nr_pages;
	req->pipe = pipe_word(xfer);
	if (xfer->short_not_ok)
		req->transfer_flags |= USBIF_FLAG_SHORT_NOT_OK;
	if (is_control(xfer))
		memcpy(req->u.ctrl, xfer->setup, sizeof(req->u.ctrl));
	else if (xfer->ep->type == USBIF_PIPE_TYPE_INT)
		req->u.intr.interval = xfer->ep->interval;
	if (xfer->table) {
		req->transfer_flags |= USBIF_FLAG_INDIRECT;
		req->seg[0].gref = xfer->table->gref;
		req->seg[0].length = (uint16_t)(xfer->nr_pages * sizeof(*seg));
		seg = xfer->table->octets;
	} else {
		req->buffer_length = (uint16_t)xfer->part;
	}
	for (unsigned int i = 0; i < xfer->nr_pages; i++)
		seg[i] = (struct tv_usbif_segment){
			.gref = xfer->page[i]->gref,
			.length = (uint16_t)page_octets(xfer, i),
		};
}

/* ---- waiting, flying, done ------------------------------------------------
 */

static void load_count(struct tv_hcd *hcd, const struct tv_xfer *xfer, int by)
{
	xfer->ep->in_flight = (uint16_t)(xfer->ep->in_flight + by);
	if (xfer->ep->class != TV_CLASS_IN)
		return;
	hcd->parked = (uint16_t)(hcd->parked + by);
	hcd->port_parked[xfer->ep->port] =
		(uint16_t)(hcd->port_parked[xfer->ep->port] + by);
}

static void xfer_finish(struct tv_hcd *hcd, struct tv_xfer *xfer,
			enum tv_result result)
{
	xfer->over = true;
	xfer->result = result;
	tv_list_add(&hcd->done, &xfer->node);
}

static void xfer_wait(struct tv_hcd *hcd, struct tv_xfer *xfer, bool first)
{
	struct tv_ep *ep = xfer->ep;

	if (tv_list_empty(&ep->waiting))
		tv_list_add(&hcd->ready, &ep->node);
	if (first)
		tv_list_insert(&ep->waiting, &xfer->node);
	else
		tv_list_add(&ep->waiting, &xfer->node);
}

static void xfer_unwait(struct tv_xfer *xfer)
{
	tv_list_del(&xfer->node);
	if (tv_list_empty(&xfer->ep->waiting))
		tv_list_del(&xfer->ep->node);
}

static enum part xfer_send(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	struct tv_usbif_request req;
	enum part part = part_make(hcd, xfer);

	if (part != PART_READY)
		return part;
	xfer->slot = tv_ring_slot_get(hcd, xfer);
	request_make(&req, xfer);
	tv_ring_send(hcd, &req);
	xfer_unwait(xfer);
	load_count(hcd, xfer, 1);
	if (xfer->part < xfer_left(xfer))
		xfer->ep->partial = xfer;
	return PART_READY;
}

/* From flying to nowhere: slot and pages are free. */
static bool xfer_land(struct tv_hcd *hcd, struct tv_xfer *xfer, uint32_t actual)
{
	bool reached = !xfer->in || part_copy_in(hcd, xfer, actual);

	xfer->moved += actual;
	part_put(hcd, xfer);
	tv_ring_slot_put(hcd, xfer->slot);
	xfer->slot = TV_NO_SLOT;
	tv_list_del(&xfer->unlink_node);
	if (xfer->ep->partial == xfer)
		xfer->ep->partial = NULL;
	load_count(hcd, xfer, -1);
	return reached;
}

/* tv_status_result - what a status of the ring means; unknown is an I/O error
 */
enum tv_result tv_status_result(int32_t status)
{
	switch (status) {
	case USBIF_STATUS_OK:
		return TV_OK;
	case USBIF_STATUS_NODEV:
		return TV_NODEV;
	case USBIF_STATUS_INVAL:
		return TV_INVAL;
	case USBIF_STATUS_STALL:
		return TV_STALL;
	case USBIF_STATUS_BABBLE:
		return TV_BABBLE;
	case USBIF_STATUS_SHUTDOWN:
		return TV_SHUTDOWN;
	default:
		return TV_IOERROR;
	}
}

/* tv_urb_answered - a response to a busy slot; nothing of it is checked yet */
void tv_urb_answered(struct tv_hcd *hcd, uint16_t id,
		     const struct tv_usbif_response *rsp)
{
	struct tv_xfer *xfer = hcd->slot[id].xfer;
	enum tv_result result = tv_status_result(rsp->status);
	uint32_t actual = (uint32_t)rsp->actual_length;
	bool all;

	if (!xfer) {
		/* An unlink: its target answers for itself. */
		hcd->unlinks_out--;
		tv_ring_slot_put(hcd, id);
		return;
	}
	if (!tv_length_valid(rsp->actual_length, xfer->part)) {
		tv_hcd_fail(hcd, "response longer than its request");
		return;
	}
	/* Of an IN that failed no octet is defined. */
	if (result != TV_OK && xfer->in)
		actual = 0;
	all = actual == xfer->part;
	if (!xfer_land(hcd, xfer, actual))
		xfer_finish(hcd, xfer, TV_NOMEM);
	else if (result == TV_OK && all && !xfer->cancelled && xfer_left(xfer))
		xfer_wait(hcd, xfer, true);
	else if (xfer->cancelled &&
		 (result != TV_OK || (all && xfer_left(xfer))))
		/* What came before the cancel is in moved. */
		xfer_finish(hcd, xfer, TV_CANCELLED);
	else
		xfer_finish(hcd, xfer, result);
}

static bool ep_may_send(const struct tv_hcd *hcd, const struct tv_ep *ep)
{
	const struct tv_load load = {
		.entries = hcd->entries,
		.used = tv_ring_used(hcd),
		.parked = hcd->parked,
		.port_parked = hcd->port_parked[ep->port],
		.ep_parked = ep->in_flight,
		.devices = hcd->devices,
	};

	return !ep->partial && tv_slot_allowed(ep->class, &load);
}

static void unlinks_send(struct tv_hcd *hcd)
{
	struct tv_load load = {.entries = hcd->entries};
	struct tv_usbif_request req;

	while (!tv_list_empty(&hcd->unlinks)) {
		struct tv_xfer *xfer = TV_ENTRY(hcd->unlinks.next,
						struct tv_xfer, unlink_node);

		load.used = tv_ring_used(hcd);
		if (!tv_slot_allowed(TV_CLASS_UNLINK, &load))
			return;
		tv_list_del(&xfer->unlink_node);
		memset(&req, 0, sizeof(req));
		req.id = tv_ring_slot_get(hcd, NULL);
		req.pipe = pipe_word(xfer) | USBIF_PIPE_UNLINK;
		req.u.unlink.id = xfer->slot;
		tv_ring_send(hcd, &req);
		hcd->unlinks_out++;
	}
}

/* Sends the first waiting transfer; false if nothing can be sent for now. */
static bool ep_send(struct tv_hcd *hcd, struct tv_ep *ep)
{
	struct tv_xfer *xfer = TV_ENTRY(ep->waiting.next, struct tv_xfer, node);
	enum part part = xfer_send(hcd, xfer);

	if (part == PART_READY)
		return true;
	/* Every response kicks again, so waiting is safe if one is to come. */
	if (part == PART_LATER && tv_ring_used(hcd))
		return false;
	xfer_unwait(xfer);
	xfer_finish(hcd, xfer, TV_NOMEM);
	return true;
}

/* tv_urb_kick - send what can be sent, the endpoints taking turns */
void tv_urb_kick(struct tv_hcd *hcd)
{
	struct tv_list *node, *next;
	bool sent;

	if (hcd->state != TV_UP)
		return;
	unlinks_send(hcd);
	do {
		sent = false;
		for (node = hcd->ready.next; node != &hcd->ready; node = next) {
			struct tv_ep *ep = TV_ENTRY(node, struct tv_ep, node);

			next = node->next;
			if (!ep_may_send(hcd, ep))
				continue;
			if (!ep_send(hcd, ep))
				return;
			sent = true;
		}
	} while (sent);
}

/* tv_urb_cut - fail everything; the state is no longer TV_UP */
void tv_urb_cut(struct tv_hcd *hcd)
{
	for (unsigned int id = 0; id < hcd->entries; id++) {
		struct tv_xfer *xfer = hcd->slot[id].xfer;

		if (!hcd->slot[id].busy)
			continue;
		if (!xfer) {
			tv_ring_slot_put(hcd, (uint16_t)id);
			continue;
		}
		xfer_land(hcd, xfer, 0);
		xfer_finish(hcd, xfer,
			    xfer->cancelled ? TV_CANCELLED : TV_SHUTDOWN);
	}
	hcd->unlinks_out = 0;
	while (!tv_list_empty(&hcd->ready)) {
		struct tv_ep *ep =
			TV_ENTRY(hcd->ready.next, struct tv_ep, node);
		struct tv_xfer *xfer =
			TV_ENTRY(ep->waiting.next, struct tv_xfer, node);

		xfer_unwait(xfer);
		xfer_finish(hcd, xfer, TV_SHUTDOWN);
	}
}

/* ---- what the driver calls ------------------------------------------------
 */

/* tv_ep_init - the lists of an endpoint whose first block is filled */
void tv_ep_init(struct tv_ep *ep)
{
	tv_list_init(&ep->waiting);
	tv_list_init(&ep->node);
	ep->partial = NULL;
	ep->in_flight = 0;
}

bool tv_urb_enqueue(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	if (hcd->state != TV_UP)
		return false;
	tv_list_init(&xfer->node);
	tv_list_init(&xfer->unlink_node);
	xfer->slot = TV_NO_SLOT;
	xfer->nr_pages = 0;
	xfer->table = NULL;
	xfer->moved = 0;
	xfer->cancelled = false;
	xfer->over = false;
	xfer_wait(hcd, xfer, false);
	tv_urb_kick(hcd);
	tv_ring_push(hcd);
	return true;
}

void tv_urb_dequeue(struct tv_hcd *hcd, struct tv_xfer *xfer)
{
	if (xfer->cancelled || xfer->over)
		return;
	xfer->cancelled = true;
	if (xfer->slot == TV_NO_SLOT) {
		xfer_unwait(xfer);
		xfer_finish(hcd, xfer, TV_CANCELLED);
	} else {
		tv_list_add(&hcd->unlinks, &xfer->unlink_node);
	}
	if (hcd->state == TV_UP) {
		tv_urb_kick(hcd);
		tv_ring_push(hcd);
	}
}

void tv_ep_abort(struct tv_hcd *hcd, struct tv_ep *ep)
{
	while (!tv_list_empty(&ep->waiting))
		tv_urb_dequeue(
			hcd, TV_ENTRY(ep->waiting.next, struct tv_xfer, node));
	for (unsigned int id = 0; id < hcd->entries; id++) {
		struct tv_xfer *xfer = hcd->slot[id].xfer;

		if (xfer && xfer->ep == ep)
			tv_urb_dequeue(hcd, xfer);
	}
}

struct tv_xfer *tv_urb_done(struct tv_hcd *hcd)
{
	struct tv_xfer *xfer;

	if (tv_list_empty(&hcd->done))
		return NULL;
	xfer = TV_ENTRY(hcd->done.next, struct tv_xfer, node);
	tv_list_del(&xfer->node);
	return xfer;
}
