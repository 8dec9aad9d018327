// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_urb.c - requests taken, routed, ended, answered.
 *
 *            take                submit               complete
 *   FREE ───────────▶ TAKEN ───────────────▶ SUBMITTED ─────────▶ DONE
 *    ▲                  └── refused, unlink, no such device ──────▶│
 *    └────────────────────────── answered ◀────────────────────────┘
 *
 * Taking copies and checks a whole batch before anything of it has an effect;
 * then the journal says that the ids are in flight, then the requests are acted
 * on in the order of the ring.  Each id is answered exactly once, in
 * xen_urb_flush() or by the next process (xen_urb_abandon()).
 */
#include "backend/bus/xen_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What the stock frontend turns into the errno of the same number. */
static const int32_t statuses[] = {
	[USB_STATUS_OK] = USBIF_STATUS_OK,
	[USB_STATUS_STALL] = USBIF_STATUS_STALL,
	/*
	 * After an unlink the frontend has a status of its own.  Otherwise the
	 * port was reset or a setting selected: it did not happen, and unlike
	 * NODEV and SHUTDOWN this does not say that the device is gone.
	 */
	[USB_STATUS_CANCELLED] = USBIF_STATUS_IOERROR,
	[USB_STATUS_NODEV] = USBIF_STATUS_NODEV,
	[USB_STATUS_OVERFLOW] = USBIF_STATUS_BABBLE,
	[USB_STATUS_INVALID] = USBIF_STATUS_INVAL,
	[USB_STATUS_IOERROR] = USBIF_STATUS_IOERROR,
};
static_assert(sizeof(statuses) / sizeof(statuses[0]) == USB_STATUS_COUNT,
	      "a status for each");

static void urb_release(struct xen_urb *urb)
{
	list_remove(&urb->node);
	if (urb->segments != urb->direct)
		free(urb->segments);
	urb->segments = urb->direct;
	urb->state = XEN_URB_FREE;
}

static void urb_end(struct xen_urb *urb, int32_t status, uint32_t actual)
{
	struct xen_bus *bus = urb->bus;

	urb->state = XEN_URB_DONE;
	urb->status = status;
	urb->actual = actual;
	if (bus->dropping)
		urb_release(urb);
	else
		list_append(&bus->done, &urb->node);
}

static void urb_complete(struct usb_xfer *xfer)
{
	struct xen_urb *urb = xen_urb_of(xfer);
	struct xen_bus *bus = urb->bus;

	assert(urb->state == XEN_URB_SUBMITTED);
	if (xen_data_end(bus, urb) < 0) {
		urb_end(urb, USBIF_STATUS_IOERROR, 0);
		return;
	}
	if (!urb->request.in)
		bus->stats.octets_out += xfer->actual;
	urb_end(urb, statuses[xfer->status], xfer->actual);
}

static const struct usb_xfer_ops urb_ops = {
	.fetch = xen_data_fetch,
	.reserve = xen_data_reserve,
	.complete = urb_complete,
};

/* --- taking --- */

/* Copies and checks the request that is ahead by ahead entries. */
static int urb_read(struct xen_bus *bus, uint32_t ahead, uint16_t *id)
{
	struct tv_usbif_request wire;
	struct xen_request request;
	const char *reason;
	struct xen_urb *urb;

	ring_request_copy(&bus->urb_ring, ahead, &wire, sizeof(wire));
	if (xen_request_parse(&bus->limits, &wire, &request, &reason) < 0)
		goto err_fault;
	urb = &bus->urbs[request.id];
	reason = "request id is in flight";
	if (urb->state != XEN_URB_FREE)
		goto err_fault;
	urb->state = XEN_URB_TAKEN;
	urb->request = request;
	memcpy(urb->direct, wire.seg, sizeof(urb->direct));
	urb->segments = urb->direct;
	urb->unreadable = false;
	urb->staged = false;
	urb->status = USBIF_STATUS_INVAL;
	urb->reserved_len = 0;
	urb->xfer.data = NULL;
	*id = request.id;
	return 0;

err_fault:
	xen_bus_fault(bus, reason);
	return -1;
}

static int urb_measure(struct xen_bus *bus, struct xen_urb *urb)
{
	const char *reason;

	if (urb->request.kind != XEN_REQUEST_TRANSFER ||
	    xen_request_measure(&urb->request, urb->segments, &reason) == 0)
		return 0;
	xen_bus_fault(bus, reason);
	return -1;
}

/* --- acting --- */

static void act_unlink(struct xen_bus *bus, struct xen_urb *urb)
{
	uint16_t id = urb->request.unlink_id;
	struct xen_urb *target;

	if (id >= bus->limits.entries || id == urb->request.id ||
	    bus->urbs[id].state == XEN_URB_FREE) {
		/* It was answered meanwhile: nothing to worry about. */
		urb_end(urb, USBIF_STATUS_INVAL, 0);
		return;
	}
	target = &bus->urbs[id];
	if (target->state == XEN_URB_SUBMITTED)
		usb_device_cancel(bus->ports[target->request.port].device,
				  &target->xfer);
	urb_end(urb, USBIF_STATUS_OK, 0);
}

/* The device that the request is for, or NULL. */
static struct usb_device *urb_route(struct xen_bus *bus,
				    const struct xen_request *request)
{
	struct usb_device *device;

	if (request->port == 0 || request->port > bus->bus.port_count)
		return NULL;
	device = bus->ports[request->port].device;
	if (!device)
		return NULL;
	if (request->address == usb_device_address(device))
		return device;
	if (request->address != 0 || request->type != USB_TRANSFER_CONTROL)
		return NULL;
	/*
	 * The frontend keeps the root hub to itself and resets ports without
	 * telling.  A device that is talked to at address 0 has been reset.
	 */
	usb_device_reset(device);
	return device;
}

static void act_transfer(struct xen_bus *bus, struct xen_urb *urb)
{
	const struct xen_request *request = &urb->request;
	struct usb_device *device = urb_route(bus, request);
	struct usb_xfer *xfer = &urb->xfer;

	/* Submitted from here on, so that its data is let go in one way. */
	urb->state = XEN_URB_SUBMITTED;
	xfer->ops = &urb_ops;
	xfer->type = request->type;
	xfer->endpoint = request->endpoint;
	memcpy(xfer->setup, request->setup, sizeof(xfer->setup));
	xfer->length = request->length;
	xfer->offset = 0;
	xfer->actual = 0;
	if (!device) {
		xfer->status = USB_STATUS_NODEV;
		urb_complete(xfer);
		return;
	}
	if (!request->in && request->length > 0 && !urb->buffer)
		list_append(&bus->unfetched, &urb->node);
	usb_device_submit(device, xfer);
}

static void urb_act(struct xen_bus *bus, struct xen_urb *urb)
{
	switch (urb->request.kind) {
	case XEN_REQUEST_UNLINK:
		act_unlink(bus, urb);
		break;
	case XEN_REQUEST_REFUSED:
		urb_end(urb, urb->status, 0);
		break;
	case XEN_REQUEST_TRANSFER:
		act_transfer(bus, urb);
		break;
	}
}

uint32_t xen_urb_take(struct xen_bus *bus, uint32_t max)
{
	uint16_t ids[XEN_MAX_ENTRIES];
	uint32_t count;

	if (ring_request_count(&bus->urb_ring, &count) < 0) {
		xen_bus_fault(bus, "request index beyond the urb ring");
		return 0;
	}
	if (count > max)
		count = max;
	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		if (urb_read(bus, i, &ids[i]) < 0)
			return 0;
	ring_request_take(&bus->urb_ring, count);
	for (uint32_t i = 0; i < count; i++)
		journal_id_set(&bus->journal.state, ids[i]);
	bus->journal.state.urb_req_cons = bus->urb_ring.req_cons;
	journal_commit(&bus->journal);
	bus->stats.requests += count;

	xen_data_read_tables(bus, ids, count);
	for (uint32_t i = 0; i < count; i++)
		if (urb_measure(bus, &bus->urbs[ids[i]]) < 0)
			return 0;
	xen_data_prefetch(bus, ids, count);
	for (uint32_t i = 0; i < count; i++)
		urb_act(bus, &bus->urbs[ids[i]]);
	return count;
}

/* --- answering --- */

static void urb_answer(struct xen_bus *bus, struct xen_urb *urb)
{
	struct tv_usbif_response response = {
		.id = urb->request.id,
		.status = urb->status,
		.actual_length = (int32_t)urb->actual,
	};

	ring_response_put(&bus->urb_ring, &response, sizeof(response));
	journal_id_clear(&bus->journal.state, urb->request.id);
	urb_release(urb);
	bus->stats.responses++;
}

/* Shows the guest what was put; notifies it if it wants to know. */
static void publish(struct xen_bus *bus, bool answers, bool events)
{
	struct journal_state *state = &bus->journal.state;
	/* After a crash nobody knows how far the guest was told. */
	bool notify = bus->resumed && (answers || events || state->unannounced);

	state->urb_rsp_prod = bus->urb_ring.rsp_prod;
	state->unannounced = 1;
	journal_commit(&bus->journal);
	if ((answers || bus->resumed) &&
	    ring_response_publish(&bus->urb_ring) && !bus->resumed)
		notify = true;
	if ((events || bus->resumed) &&
	    ring_response_publish(&bus->conn_ring) && !bus->resumed)
		notify = true;
	bus->resumed = false;
	if (notify) {
		event_notify(&bus->channel);
		bus->stats.notifications++;
	}
	state->unannounced = 0;
	journal_commit(&bus->journal);
}

void xen_urb_flush(struct xen_bus *bus)
{
	bool answers = !list_empty(&bus->done);
	struct list_node *node;
	int events = 0;

	if (answers)
		xen_data_deliver(bus);
	while ((node = list_first(&bus->done)))
		urb_answer(bus, container_of(node, struct xen_urb, node));
	if (xen_conn_pending(bus)) {
		events = xen_conn_put(bus);
		if (events < 0) {
			xen_bus_fault(bus,
				      "request index beyond the conn ring");
			return;
		}
	}
	if (answers || events > 0 || bus->resumed)
		publish(bus, answers, events > 0);
}

void xen_urb_abandon(struct xen_bus *bus, unsigned int id)
{
	struct xen_urb *urb = &bus->urbs[id];

	memset(&urb->request, 0, sizeof(urb->request));
	urb->request.id = (uint16_t)id;
	urb->segments = urb->direct;
	urb->staged = false;
	urb_end(urb, USBIF_STATUS_NODEV, 0);
}

void xen_urb_drop_all(struct xen_bus *bus)
{
	bus->dropping = true;
	for (unsigned int i = 1; i <= bus->bus.port_count; i++)
		if (bus->ports[i].device)
			usb_device_reset(bus->ports[i].device);
	for (unsigned int i = 0; i < XEN_MAX_ENTRIES; i++) {
		struct xen_urb *urb = &bus->urbs[i];

		if (urb->state == XEN_URB_TAKEN) {
			/* Its data may have been fetched already. */
			urb->xfer.actual = 0;
			xen_data_end(bus, urb);
		}
		if (urb->state != XEN_URB_FREE)
			urb_release(urb);
	}
	xen_data_discard(bus);
	bus->dropping = false;
}
