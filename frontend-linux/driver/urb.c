// SPDX-License-Identifier: GPL-2.0
/*
 * A URB and the ring requests that carry it.
 *
 * Theory of operation
 *
 * Every URB gets a struct tv_xfer (urb->hcpriv), which is in one of three
 * places, always under tv_hcd.lock:
 *
 *   waiting   in its endpoint's queue, in order; the endpoint is on tv->ready
 *   flying    it has a slot; the backend has the request
 *   done      on tv->done, unlinked from its endpoint, to be given back
 *
 *            kick, a slot is free          the response
 *   waiting --------------------> flying --------------------> done
 *      ^ |                         |  |                         ^
 *      | `- dequeue, cut ----------|--'- cut ------------------'|
 *      |                           |                            |
 *      `-- a part arrived, --------'     (dequeue of a flying one asks the
 *          more to send                   backend, and waits)
 *
 * A URB that one request cannot carry is sent in parts, one after another:
 * the next part only if all of the last one arrived, so that a short packet
 * ends the URB as it should.  Until the last part is sent the endpoint sends
 * nothing else (tv_ep.partial), which keeps its order.  With indirect segments
 * a part is 2 MiB, without 60 KiB.
 *
 * Cancel: a waiting URB is done at once.  A flying one gets an unlink request
 * and is done when its *own* response comes; the unlink has a slot and a
 * response of its own.  Ring order makes an id that is used again safe: the
 * backend sees the old unlink before the new request.
 *
 * What is granted.  A page is shared with the backend for the time of a
 * request if the buffer covers all of it and it is no slab page; for OUT it is
 * shared read-only.  Everything else is copied through pages of the pool, so
 * that the backend never sees or writes an octet of a neighbour.  Slab pages
 * are out because they could not be kept out of use if the backend held on to
 * one.  With the module parameter bounce=1 nothing of a buffer is shared.
 *
 * A backend that still maps a shared page when it answers has broken the
 * protocol; the grant is left to grant-table.c, which keeps the page out of
 * the allocator until it is let go, and the controller is failed.
 *
 * Isochronous transfers are refused: no 2Virt device has such an endpoint.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "tv_hcd.h"

/* Bounce pages of one request; beyond that the URB goes in parts. */
#define TV_MAX_BOUNCES 32

/* A segment of the request in flight. */
struct tv_piece {
	struct page *page;		/* shared, or NULL */
	struct tv_bounce *bounce;	/* if not shared */
	grant_ref_t gref;
	u16 length;
};

struct tv_xfer {
	struct list_head node;		/* tv_ep.waiting or tv_hcd.done */
	struct list_head unlink_node;	/* tv_hcd.unlinks, or empty */
	struct urb *urb;
	struct tv_ep *ep;
	struct tv_port *port;
	struct tv_bounce *indirect;	/* page of segments, or NULL */
	u32 moved;			/* octets of the parts answered */
	u32 length;			/* octets of the part in flight */
	int status;			/* for the giveback */
	u16 slot;			/* TV_NO_SLOT unless flying */
	u16 max_pieces;
	u16 nr_pieces;
	u8 portnum;
	bool cancelled;
	bool zero_packet;		/* one more, empty part to go */
	struct tv_piece piece[];
};

/* ---- walking a URB's buffer --------------------------------------------- */

struct tv_cursor {
	const struct urb *urb;
	struct scatterlist *sg;		/* NULL: linear */
	u32 sg_offset;			/* within *sg */
	u32 pos;			/* within the URB */
};

static void cursor_advance(struct tv_cursor *cur, u32 bytes)
{
	cur->pos += bytes;
	if (!cur->sg)
		return;
	cur->sg_offset += bytes;
	while (cur->sg && cur->sg_offset >= cur->sg->length) {
		cur->sg_offset -= cur->sg->length;
		cur->sg = sg_next(cur->sg);
	}
}

static void cursor_init(struct tv_cursor *cur, const struct urb *urb, u32 pos)
{
	*cur = (struct tv_cursor){ .urb = urb };
	if (urb->num_sgs)
		cur->sg = urb->sg;
	cursor_advance(cur, pos);
}

/*
 * The run at the cursor: where it begins in its page, and its length up to the
 * end of the page, of the extent or of the URB.  *page is NULL if the memory
 * has no page that could be shared (vmalloc, stack).  Returns 0 octets at the
 * end of a scatter list that is shorter than the URB says.
 */
static u32 cursor_run(const struct tv_cursor *cur, struct page **page,
		      u32 *offset)
{
	u32 left = cur->urb->transfer_buffer_length - cur->pos;
	const void *addr;
	size_t at;

	if (cur->urb->num_sgs) {
		if (!cur->sg)
			return 0;
		at = cur->sg->offset + cur->sg_offset;
		*offset = offset_in_page(at);
		*page = pfn_to_page(page_to_pfn(sg_page(cur->sg)) +
				    (at >> PAGE_SHIFT));
		left = min(left, cur->sg->length - cur->sg_offset);
	} else {
		addr = cur->urb->transfer_buffer + cur->pos;
		*offset = offset_in_page(addr);
		*page = virt_addr_valid(addr) ? virt_to_page(addr) : NULL;
	}
	return min_t(u32, left, PAGE_SIZE - *offset);
}

static bool page_shareable(const struct tv_xfer *xfer, struct page *page)
{
	return page && !tv_bounce_all && !PageSlab(page) &&
	       page_count(page) > 0 && xfer->ep->class != TV_CLASS_CONTROL;
}

/* Copies between the URB at pos and a bounce page. */
static void urb_copy(struct urb *urb, u32 pos, void *bounce, u32 len, bool out)
{
	if (urb->num_sgs && out)
		sg_pcopy_to_buffer(urb->sg, urb->num_sgs, bounce, len, pos);
	else if (urb->num_sgs)
		sg_pcopy_from_buffer(urb->sg, urb->num_sgs, bounce, len, pos);
	else if (out)
		memcpy(bounce, urb->transfer_buffer + pos, len);
	else
		memcpy(urb->transfer_buffer + pos, bounce, len);
}

/* ---- a part: build it, take it apart ------------------------------------ */

static u32 xfer_left(const struct tv_xfer *xfer)
{
	return xfer->urb->transfer_buffer_length - xfer->moved;
}

/* Puts the pages of the pool back. */
static void part_put_bounces(struct tv_hcd *tv, struct tv_xfer *xfer)
{
	unsigned int i;

	for (i = 0; i < xfer->nr_pieces; i++)
		if (xfer->piece[i].bounce)
			tv_bounce_put(tv, xfer->piece[i].bounce);
	xfer->nr_pieces = 0;
	if (xfer->indirect)
		tv_bounce_put(tv, xfer->indirect);
	xfer->indirect = NULL;
}

/* Cuts the pieces down to xfer->length, dropping what is empty then. */
static void part_trim(struct tv_hcd *tv, struct tv_xfer *xfer, u32 cut)
{
	struct tv_piece *last;

	while (cut) {
		last = &xfer->piece[xfer->nr_pieces - 1];
		if (last->length > cut) {
			last->length -= cut;
			return;
		}
		cut -= last->length;
		if (last->bounce)
			tv_bounce_put(tv, last->bounce);
		xfer->nr_pieces--;
	}
}

/*
 * Decides which octets of the URB go next, and through which pages.  Returns
 * 0, -EAGAIN if pages are short for the moment, or a reason to fail the URB.
 */
static int part_plan(struct tv_hcd *tv, struct tv_xfer *xfer)
{
	bool urgent = xfer->ep->class == TV_CLASS_CONTROL;
	bool indirect = !urgent && tv->max_segs > USBIF_MAX_SEGMENTS;
	struct tv_plan plan = {
		.max_segs = min(xfer->max_pieces, tv->max_segs),
		.max_bounces = TV_MAX_BOUNCES,
		.max_bytes = indirect ? TV_INDIRECT_BYTES : TV_DIRECT_BYTES,
	};
	u32 left = xfer_left(xfer);
	struct tv_cursor cur;
	struct tv_piece *piece;
	struct page *page;
	enum tv_step step;
	u32 len, offset;

	if (urgent)
		plan.max_bytes = U16_MAX;

	xfer->nr_pieces = 0;
	cursor_init(&cur, xfer->urb, xfer->moved);
	while (plan.bytes < left) {
		len = cursor_run(&cur, &page, &offset);
		if (!len)
			goto err_short;
		step = tv_plan_step(&plan, offset, &len,
				    page_shareable(xfer, page));
		if (step == TV_STEP_STOP)
			break;
		if (step == TV_STEP_APPEND) {
			xfer->piece[xfer->nr_pieces - 1].length += len;
		} else {
			piece = &xfer->piece[xfer->nr_pieces];
			*piece = (struct tv_piece){ .length = len };
			if (step == TV_STEP_SHARE)
				piece->page = page;
			else
				piece->bounce = tv_bounce_get(tv, urgent);
			if (!piece->page && !piece->bounce)
				goto err_again;
			xfer->nr_pieces++;
		}
		cursor_advance(&cur, len);
	}

	xfer->length = tv_plan_trim(plan.bytes, left,
				    usb_endpoint_maxp(&xfer->urb->ep->desc));
	if (left && (!xfer->length || (urgent && xfer->length < left)))
		goto err_short;
	part_trim(tv, xfer, plan.bytes - xfer->length);
	return 0;

err_again:
	part_put_bounces(tv, xfer);
	return -EAGAIN;
err_short:
	part_put_bounces(tv, xfer);
	return -EINVAL;
}

/* Grants the shared pages and fills the bounce pages of an OUT. */
static int part_grant(struct tv_hcd *tv, struct tv_xfer *xfer)
{
	domid_t backend = tv->xbdev->otherend_id;
	bool out = !usb_urb_dir_in(xfer->urb);
	struct tv_piece *piece;
	grant_ref_t head;
	u32 pos = xfer->moved;
	u16 i, shared = 0;

	for (i = 0; i < xfer->nr_pieces; i++)
		shared += !!xfer->piece[i].page;
	if (shared && gnttab_alloc_grant_references(shared, &head))
		return -EAGAIN;

	for (i = 0; i < xfer->nr_pieces; i++) {
		piece = &xfer->piece[i];
		if (piece->page) {
			piece->gref = gnttab_claim_grant_reference(&head);
			gnttab_grant_foreign_access_ref(piece->gref, backend,
							xen_page_to_gfn(piece->page),
							out);
		} else {
			piece->gref = piece->bounce->gref;
			if (out)
				urb_copy(xfer->urb, pos,
					 page_address(piece->bounce->page),
					 piece->length, true);
		}
		pos += piece->length;
	}
	return 0;
}

/*
 * Ends the grants of the shared pages.  Returns false if the backend still
 * maps one; grant-table.c then holds a reference to that page until it does
 * not (such a page is never slab memory, so the reference keeps it from being
 * used again).
 */
static bool part_revoke(struct tv_xfer *xfer)
{
	struct tv_piece *piece;
	bool released = true;
	unsigned int i;

	for (i = 0; i < xfer->nr_pieces; i++) {
		piece = &xfer->piece[i];
		if (!piece->page || gnttab_try_end_foreign_access(piece->gref))
			continue;
		gnttab_end_foreign_access(piece->gref, NULL);
		released = false;
	}
	return released;
}

/* Copies what an IN brought out of the bounce pages. */
static void part_copy_in(struct tv_xfer *xfer, u32 actual)
{
	u32 pos = xfer->moved, left = actual, len;
	struct tv_piece *piece;
	unsigned int i;

	for (i = 0; i < xfer->nr_pieces && left; i++) {
		piece = &xfer->piece[i];
		len = min_t(u32, piece->length, left);
		if (piece->bounce)
			urb_copy(xfer->urb, pos,
				 page_address(piece->bounce->page), len, false);
		pos += len;
		left -= len;
	}
}

static u32 urb_pipe(const struct tv_xfer *xfer)
{
	static const u8 type[] = {
		[PIPE_ISOCHRONOUS] = USBIF_PIPE_TYPE_ISOC,
		[PIPE_INTERRUPT] = USBIF_PIPE_TYPE_INT,
		[PIPE_CONTROL] = USBIF_PIPE_TYPE_CTRL,
		[PIPE_BULK] = USBIF_PIPE_TYPE_BULK,
	};
	unsigned int pipe = xfer->urb->pipe;

	return (u32)type[usb_pipetype(pipe)] << USBIF_PIPE_TYPE_SHIFT |
	       usb_pipeendpoint(pipe) << USBIF_PIPE_ENDPOINT_SHIFT |
	       usb_pipedevice(pipe) << USBIF_PIPE_DEVICE_SHIFT |
	       (usb_urb_dir_in(xfer->urb) ? USBIF_PIPE_DIR_IN : 0) |
	       xfer->portnum;
}

static void segments_write(struct tv_usbif_segment *seg,
			   const struct tv_xfer *xfer)
{
	unsigned int i;

	for (i = 0; i < xfer->nr_pieces; i++)
		seg[i] = (struct tv_usbif_segment){
			.gref = xfer->piece[i].gref,
			.length = xfer->piece[i].length,
		};
}

static void request_write(struct tv_usbif_request *req,
			  const struct tv_xfer *xfer)
{
	const struct urb *urb = xfer->urb;

	*req = (struct tv_usbif_request){
		.id = xfer->slot,
		.nr_buffer_segs = xfer->nr_pieces,
		.pipe = urb_pipe(xfer),
	};
	if (urb->transfer_flags & URB_SHORT_NOT_OK)
		req->transfer_flags |= USBIF_FLAG_SHORT_NOT_OK;
	if (xfer->ep->class == TV_CLASS_CONTROL)
		memcpy(req->u.ctrl, urb->setup_packet, sizeof(req->u.ctrl));
	else if (usb_pipeint(urb->pipe))
		req->u.intr.interval = min_t(u32, urb->interval, U16_MAX);

	if (xfer->indirect) {
		req->transfer_flags |= USBIF_FLAG_INDIRECT;
		req->seg[0].gref = xfer->indirect->gref;
		req->seg[0].length = xfer->nr_pieces *
				     sizeof(struct tv_usbif_segment);
		segments_write(page_address(xfer->indirect->page), xfer);
	} else {
		req->buffer_length = xfer->length;
		segments_write(req->seg, xfer);
	}
}

/* ---- waiting, flying, done ---------------------------------------------- */

static void load_count(struct tv_hcd *tv, struct tv_xfer *xfer, int by)
{
	xfer->ep->in_flight += by;
	if (xfer->ep->class != TV_CLASS_IN)
		return;
	tv->parked += by;
	xfer->port->parked += by;
}

/* From anywhere to done; the URB no longer belongs to its endpoint. */
static void xfer_finish(struct tv_hcd *tv, struct tv_xfer *xfer, int status)
{
	usb_hcd_unlink_urb_from_ep(tv->hcd, xfer->urb);
	xfer->urb->hcpriv = NULL;
	xfer->urb->actual_length = xfer->moved;
	xfer->status = status;
	list_add_tail(&xfer->node, &tv->done);
}

static void xfer_wait(struct tv_hcd *tv, struct tv_xfer *xfer, bool first)
{
	struct tv_ep *ep = xfer->ep;

	if (list_empty(&ep->waiting))
		list_add_tail(&ep->node, &tv->ready);
	if (first)
		list_add(&xfer->node, &ep->waiting);
	else
		list_add_tail(&xfer->node, &ep->waiting);
}

static void xfer_unwait(struct tv_xfer *xfer)
{
	list_del(&xfer->node);
	if (list_empty(&xfer->ep->waiting))
		list_del_init(&xfer->ep->node);
}

/*
 * From waiting to flying.  Returns 0, -EAGAIN if it must go on waiting, or a
 * reason to fail the URB.
 */
static int xfer_send(struct tv_hcd *tv, struct tv_xfer *xfer)
{
	bool empty = !xfer_left(xfer);
	struct tv_usbif_request req;
	int err;

	err = part_plan(tv, xfer);
	if (err)
		return err;
	if (xfer->nr_pieces > USBIF_MAX_SEGMENTS || xfer->length > U16_MAX) {
		xfer->indirect = tv_bounce_get(tv, false);
		err = xfer->indirect ? 0 : -EAGAIN;
	}
	if (!err)
		err = part_grant(tv, xfer);
	if (err) {
		part_put_bounces(tv, xfer);
		return err;
	}

	if (empty)
		xfer->zero_packet = false;
	xfer->slot = tv_ring_slot_get(tv, xfer);
	request_write(&req, xfer);
	tv_ring_send(tv, &req);

	xfer_unwait(xfer);
	load_count(tv, xfer, 1);
	if (xfer->length < xfer_left(xfer) || xfer->zero_packet)
		xfer->ep->partial = xfer;
	return 0;
}

/* From flying to nowhere: the slot is free, the grants are over. */
static bool xfer_land(struct tv_hcd *tv, struct tv_xfer *xfer, u32 actual)
{
	bool released = part_revoke(xfer);

	if (usb_urb_dir_in(xfer->urb))
		part_copy_in(xfer, actual);
	xfer->moved += actual;
	part_put_bounces(tv, xfer);
	tv_ring_slot_put(tv, xfer->slot);
	xfer->slot = TV_NO_SLOT;
	list_del_init(&xfer->unlink_node);
	if (xfer->ep->partial == xfer)
		xfer->ep->partial = NULL;
	load_count(tv, xfer, -1);
	return released;
}

/**
 * tv_urb_answered - a response to a request in flight has come
 * @tv:		controller
 * @id:		its slot, busy
 * @rsp:	copy of the response, its id checked and nothing else
 *
 * Returns false if the backend broke the protocol; the controller is failed.
 */
bool tv_urb_answered(struct tv_hcd *tv, u16 id,
		     const struct tv_usbif_response *rsp)
{
	struct tv_xfer *xfer = tv->slot[id].xfer;
	int status = tv_status_errno(rsp->status);
	bool all;

	if (!xfer) {
		/* An unlink: its target answers for itself. */
		tv_ring_slot_put(tv, id);
		return true;
	}
	if (!tv_length_valid(rsp->actual_length, xfer->length)) {
		tv_hcd_fail(tv, "response longer than its request");
		return false;
	}
	all = (u32)rsp->actual_length == xfer->length;
	if (!xfer_land(tv, xfer, rsp->actual_length)) {
		tv_hcd_fail(tv, "grant still in use after the response");
		xfer_finish(tv, xfer, -ESHUTDOWN);
		return false;
	}
	if (!status && all && !xfer->cancelled &&
	    (xfer_left(xfer) || xfer->zero_packet))
		xfer_wait(tv, xfer, true);
	else
		xfer_finish(tv, xfer, status);
	return true;
}

static bool ep_may_send(struct tv_hcd *tv, const struct tv_ep *ep)
{
	const struct tv_xfer *xfer =
		list_first_entry(&ep->waiting, struct tv_xfer, node);
	struct tv_load load = {
		.entries = tv->entries,
		.used = tv_ring_used(tv),
		.parked = tv->parked,
		.port_parked = xfer->port->parked,
		.ep_parked = ep->in_flight,
		.devices = tv->devices,
	};

	return !ep->partial && tv_slot_allowed(ep->class, &load);
}

static void unlinks_send(struct tv_hcd *tv)
{
	struct tv_load load = { .entries = tv->entries };
	struct tv_usbif_request req;
	struct tv_xfer *xfer, *next;

	list_for_each_entry_safe(xfer, next, &tv->unlinks, unlink_node) {
		load.used = tv_ring_used(tv);
		if (!tv_slot_allowed(TV_CLASS_UNLINK, &load))
			return;
		list_del_init(&xfer->unlink_node);
		req = (struct tv_usbif_request){
			.id = tv_ring_slot_get(tv, NULL),
			.pipe = urb_pipe(xfer) | USBIF_PIPE_UNLINK,
			.u.unlink.id = xfer->slot,
		};
		tv_ring_send(tv, &req);
	}
}

/*
 * Sends the first waiting URB of an endpoint.  Returns false if nothing can be
 * sent for the time being.
 */
static bool ep_send(struct tv_hcd *tv, struct tv_ep *ep)
{
	struct tv_xfer *xfer =
		list_first_entry(&ep->waiting, struct tv_xfer, node);
	int err = xfer_send(tv, xfer);

	if (!err)
		return true;
	/* Every response kicks again, so waiting is safe if one is to come. */
	if (err == -EAGAIN && tv_ring_used(tv))
		return false;
	xfer_unwait(xfer);
	xfer_finish(tv, xfer, err == -EAGAIN ? -ENOMEM : err);
	return true;
}

/**
 * tv_urb_kick - send what can be sent, the endpoints taking turns
 * @tv:		controller
 *
 * Under tv_hcd.lock, TV_UP.  tv_ring_push() has to follow.
 */
void tv_urb_kick(struct tv_hcd *tv)
{
	struct tv_ep *ep, *next;
	bool sent;

	unlinks_send(tv);
	do {
		sent = false;
		list_for_each_entry_safe(ep, next, &tv->ready, node) {
			if (!ep_may_send(tv, ep))
				continue;
			if (!ep_send(tv, ep))
				return;
			sent = true;
		}
	} while (sent);
}

/**
 * tv_urb_giveback - give the URBs on tv->done back to USB core
 * @tv:		controller
 *
 * Under tv_hcd.lock, which is dropped meanwhile; interrupts stay off.
 */
void tv_urb_giveback(struct tv_hcd *tv)
	__releases(&tv->lock) __acquires(&tv->lock)
{
	struct tv_xfer *xfer;
	struct urb *urb;
	int status;

	while ((xfer = list_first_entry_or_null(&tv->done, struct tv_xfer,
						node))) {
		list_del(&xfer->node);
		urb = xfer->urb;
		status = xfer->status;
		kfree(xfer);
		spin_unlock(&tv->lock);
		usb_hcd_giveback_urb(tv->hcd, urb, status);
		spin_lock(&tv->lock);
	}
}

/**
 * tv_urb_cut - fail everything: the backend is gone or not to be believed
 * @tv:		controller
 *
 * Under tv_hcd.lock, not TV_UP.  tv_urb_giveback() has to follow.  Grants that
 * the backend still maps are left to grant-table.c.
 */
void tv_urb_cut(struct tv_hcd *tv)
{
	struct tv_ep *ep, *next_ep;
	struct tv_xfer *xfer, *next;
	unsigned int id;

	for (id = 0; id < tv->entries; id++) {
		if (!tv->slot[id].busy)
			continue;
		xfer = tv->slot[id].xfer;
		if (xfer) {
			xfer_land(tv, xfer, 0);
			xfer_finish(tv, xfer, -ESHUTDOWN);
		} else {
			tv_ring_slot_put(tv, id);
		}
	}
	list_for_each_entry_safe(ep, next_ep, &tv->ready, node) {
		list_for_each_entry_safe(xfer, next, &ep->waiting, node) {
			xfer_unwait(xfer);
			xfer_finish(tv, xfer, -ESHUTDOWN);
		}
	}
}

/* ---- hc_driver ---------------------------------------------------------- */

static enum tv_class urb_class(struct urb *urb)
{
	if (usb_endpoint_xfer_control(&urb->ep->desc))
		return TV_CLASS_CONTROL;
	return usb_urb_dir_in(urb) ? TV_CLASS_IN : TV_CLASS_OUT;
}

/* The port of the root hub under which the URB's device is. */
static u8 urb_port(const struct urb *urb)
{
	const struct usb_device *udev = urb->dev;

	while (udev->parent && udev->parent->parent)
		udev = udev->parent;
	return udev->portnum;
}

static struct tv_xfer *xfer_create(struct tv_hcd *tv, struct urb *urb,
				   gfp_t gfp)
{
	u32 length = urb->transfer_buffer_length;
	struct tv_xfer *xfer;
	u32 pieces;

	pieces = tv_segs_needed(length, max(urb->num_sgs, 1),
				READ_ONCE(tv->max_segs));
	if (usb_endpoint_xfer_control(&urb->ep->desc))
		pieces = DIV_ROUND_UP(length, USBIF_PAGE_SIZE);

	xfer = kzalloc(struct_size(xfer, piece, pieces), gfp);
	if (!xfer)
		return NULL;
	INIT_LIST_HEAD(&xfer->unlink_node);
	xfer->urb = urb;
	xfer->slot = TV_NO_SLOT;
	xfer->max_pieces = pieces;
	xfer->portnum = urb_port(urb);
	xfer->port = &tv->port[xfer->portnum - 1];
	xfer->zero_packet = (urb->transfer_flags & URB_ZERO_PACKET) &&
			    usb_endpoint_is_bulk_out(&urb->ep->desc) &&
			    length &&
			    length % usb_endpoint_maxp(&urb->ep->desc) == 0;
	return xfer;
}

static struct tv_ep *ep_create(enum tv_class class, gfp_t gfp)
{
	struct tv_ep *ep = kzalloc(sizeof(*ep), gfp);

	if (!ep)
		return NULL;
	INIT_LIST_HEAD(&ep->waiting);
	INIT_LIST_HEAD(&ep->node);
	ep->class = class;
	return ep;
}

/**
 * tv_urb_enqueue - hc_driver.urb_enqueue: take a URB
 * @hcd:	the controller
 * @urb:	of USB core until it is linked to its endpoint, then ours
 * @gfp:	how memory may be had
 *
 * Returns 0 if the URB will be given back some day, else a negative errno.
 */
int tv_urb_enqueue(struct usb_hcd *hcd, struct urb *urb, gfp_t gfp)
{
	struct tv_hcd *tv = tv_of(hcd);
	struct tv_ep *ep = NULL;
	struct tv_xfer *xfer;
	unsigned long flags;
	u8 port = urb_port(urb);
	int err;

	if (usb_endpoint_xfer_isoc(&urb->ep->desc))
		return -EOPNOTSUPP;
	if (port < 1 || port > tv->num_ports)
		return -ENODEV;
	if (usb_endpoint_xfer_control(&urb->ep->desc) &&
	    urb->transfer_buffer_length > U16_MAX)
		return -EINVAL;

	xfer = xfer_create(tv, urb, gfp);
	if (!xfer)
		return -ENOMEM;
	if (!READ_ONCE(urb->ep->hcpriv)) {
		ep = ep_create(urb_class(urb), gfp);
		if (!ep) {
			err = -ENOMEM;
			goto err_ep;
		}
	}

	spin_lock_irqsave(&tv->lock, flags);
	if (tv->state != TV_UP) {
		err = -ESHUTDOWN;
		goto err_link;
	}
	err = usb_hcd_link_urb_to_ep(hcd, urb);
	if (err)
		goto err_link;
	if (!urb->ep->hcpriv) {
		urb->ep->hcpriv = ep;
		ep = NULL;
	}
	xfer->ep = urb->ep->hcpriv;
	urb->hcpriv = xfer;
	xfer_wait(tv, xfer, false);
	tv_urb_kick(tv);
	tv_ring_push(tv);
	tv_urb_giveback(tv);
	spin_unlock_irqrestore(&tv->lock, flags);
	kfree(ep);
	return 0;

err_link:
	spin_unlock_irqrestore(&tv->lock, flags);
	kfree(ep);
err_ep:
	kfree(xfer);
	return err;
}

/**
 * tv_urb_dequeue - hc_driver.urb_dequeue: cancel a URB
 * @hcd:	the controller
 * @urb:	the URB, which may be on its way back already
 * @status:	for the giveback
 *
 * Returns 0 if it will be given back soon, else a negative errno.
 */
int tv_urb_dequeue(struct usb_hcd *hcd, struct urb *urb, int status)
{
	struct tv_hcd *tv = tv_of(hcd);
	struct tv_xfer *xfer;
	unsigned long flags;
	int err;

	spin_lock_irqsave(&tv->lock, flags);
	err = usb_hcd_check_unlink_urb(hcd, urb, status);
	xfer = urb->hcpriv;
	if (err || !xfer)
		goto out;
	xfer->cancelled = true;
	if (xfer->slot == TV_NO_SLOT) {
		xfer_unwait(xfer);
		xfer_finish(tv, xfer, status);
	} else if (tv->state == TV_UP) {
		list_add_tail(&xfer->unlink_node, &tv->unlinks);
	}
	if (tv->state == TV_UP) {
		tv_urb_kick(tv);
		tv_ring_push(tv);
	}
	tv_urb_giveback(tv);
out:
	spin_unlock_irqrestore(&tv->lock, flags);
	return err;
}

/**
 * tv_urb_ep_disable - hc_driver.endpoint_disable: forget an endpoint
 * @hcd:	the controller
 * @hep:	the endpoint
 *
 * USB core has flushed its URBs and submits no more.
 */
void tv_urb_ep_disable(struct usb_hcd *hcd, struct usb_host_endpoint *hep)
{
	struct tv_hcd *tv = tv_of(hcd);
	struct tv_ep *ep;
	unsigned long flags;

	spin_lock_irqsave(&tv->lock, flags);
	ep = hep->hcpriv;
	if (ep && WARN_ON(ep->in_flight || !list_empty(&ep->waiting)))
		ep = NULL;
	else
		hep->hcpriv = NULL;
	spin_unlock_irqrestore(&tv->lock, flags);
	kfree(ep);
}
