// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attach.c - the transfers that a host behind a socket has on one device.
 *
 * An IN is *held* until its endpoint has room in its window, then it is in the
 * device.  What ends the transfers of an endpoint (halt, another setting,
 * another opening of a pipe, removal) ends those that are held as well: they
 * were submitted before it, and a transfer must not outlive what it was
 * submitted to.  So the first one that the device ends that way takes the
 * held ones with it.
 *
 * Ending a transfer may end others and bring in new ones; release() does not
 * nest, so a host cannot make the stack grow.
 */
#include "backend/bus/attach.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct attach_xfer *attach_xfer_of(struct usb_xfer *xfer)
{
	return container_of(xfer, struct attach_xfer, xfer);
}

static struct attach_endpoint *endpoint_of(struct attach_xfer *transfer)
{
	return &transfer->attach->endpoints[inquiry_endpoint_index(
		transfer->xfer.endpoint)];
}

static bool is_windowed(const struct usb_xfer *xfer)
{
	return xfer->type != USB_TRANSFER_CONTROL && usb_xfer_is_in(xfer);
}

static void submit_now(struct attach_xfer *transfer)
{
	if (is_windowed(&transfer->xfer))
		endpoint_of(transfer)->in_device++;
	transfer->submitted = true;
	usb_device_submit(transfer->attach->device, &transfer->xfer);
}

static void release(struct attach *attach, struct attach_endpoint *endpoint)
{
	struct list_node *node;

	if (endpoint->releasing)
		return;
	endpoint->releasing = true;
	while (!attach->congested && endpoint->in_device < ATTACH_WINDOW &&
	       (node = list_first(&endpoint->held))) {
		list_remove(node);
		submit_now(attach_xfer_of(
			container_of(node, struct usb_xfer, link)));
	}
	endpoint->releasing = false;
}

static void end_held(struct attach_endpoint *endpoint, enum usb_status status)
{
	struct list_node *node;

	while ((node = list_first(&endpoint->held)))
		usb_xfer_complete(container_of(node, struct usb_xfer, link),
				  status, 0);
}

static int attach_fetch(struct usb_xfer *xfer)
{
	xfer->data = attach_xfer_of(xfer)->payload;
	return xfer->data ? 0 : -EFAULT;
}

static uint8_t *attach_reserve(struct usb_xfer *xfer, uint32_t len)
{
	struct attach *attach = attach_xfer_of(xfer)->attach;

	assert(len <= xfer->length);
	if (len > attach->scratch_size) {
		uint8_t *larger = realloc(attach->scratch, len);

		if (!larger)
			return NULL;
		attach->scratch = larger;
		attach->scratch_size = len;
	}
	xfer->data = attach->scratch;
	return xfer->data;
}

static void attach_complete(struct usb_xfer *xfer)
{
	struct attach_xfer *transfer = attach_xfer_of(xfer);
	struct attach *attach = transfer->attach;
	struct attach_endpoint *endpoint = endpoint_of(transfer);
	enum usb_status status = xfer->status;
	bool windowed = is_windowed(xfer);
	bool was_submitted = transfer->submitted;
	bool all_end =
		was_submitted && !transfer->cancelling &&
		(status == USB_STATUS_CANCELLED || status == USB_STATUS_STALL ||
		 status == USB_STATUS_NODEV);

	list_remove(&transfer->link);
	attach->count--;
	if (transfer->payload)
		endpoint->out_octets -= transfer->wanted;
	attach->ops->done(attach, transfer);
	if (transfer->payload)
		attach->ops->free_payload(attach, transfer->payload);
	free(transfer);
	if (!windowed || !was_submitted)
		return;
	endpoint->in_device--;
	if (all_end)
		end_held(endpoint, status);
	else
		release(attach, endpoint);
}

static const struct usb_xfer_ops attach_xfer_ops = {
	.fetch = attach_fetch,
	.reserve = attach_reserve,
	.complete = attach_complete,
};

void attach_init(struct attach *attach, const struct attach_ops *ops)
{
	memset(attach, 0, sizeof(*attach));
	attach->ops = ops;
	list_init(&attach->transfers);
	for (unsigned int i = 0; i < INQUIRY_ENDPOINTS; i++)
		list_init(&attach->endpoints[i].held);
}

void attach_fini(struct attach *attach)
{
	assert(list_empty(&attach->transfers));
	free(attach->scratch);
	attach->scratch = NULL;
	attach->scratch_size = 0;
}

int attach_begin(struct attach *attach, struct usb_device *device)
{
	assert(!attach->device);
	if (inquiry_describe(device, &attach->inquiry) < 0)
		return -EPROTO;
	usb_device_reset(device);
	inquiry_set_address(device);
	attach->device = device;
	attach->congested = false;
	return 0;
}

static void end_all_held(struct attach *attach, enum usb_status status)
{
	for (unsigned int i = 0; i < INQUIRY_ENDPOINTS; i++)
		end_held(&attach->endpoints[i], status);
}

void attach_reset(struct attach *attach)
{
	end_all_held(attach, USB_STATUS_CANCELLED);
	usb_device_reset(attach->device);
	inquiry_set_address(attach->device);
}

void attach_end(struct attach *attach, enum usb_status status)
{
	struct usb_device *device = attach->device;
	struct list_node *node;

	if (!device)
		return;
	attach->congested = true;
	end_all_held(attach, status);
	while ((node = list_first(&attach->transfers)))
		usb_xfer_complete(
			&container_of(node, struct attach_xfer, link)->xfer,
			status,
			container_of(node, struct attach_xfer, link)
				->xfer.offset);
	attach->device = NULL;
	usb_device_reset(device);
}

enum usb_transfer_type attach_type(const struct attach *attach,
				   uint8_t endpoint)
{
	const struct inquiry_endpoint *known =
		&attach->inquiry.endpoints[inquiry_endpoint_index(endpoint)];

	if (!(endpoint & 0x0f))
		return USB_TRANSFER_CONTROL;
	return known->present ? known->type : USB_TRANSFER_BULK;
}

bool attach_has_room(const struct attach *attach, uint8_t endpoint,
		     uint32_t len)
{
	uint32_t max = endpoint & 0x0f ? ATTACH_MAX_OUT : ATTACH_MAX_CONTROL;

	return len <=
	       max - attach->endpoints[inquiry_endpoint_index(endpoint & 0x0f)]
			       .out_octets;
}

void attach_halt(struct attach *attach, uint8_t endpoint)
{
	const uint8_t setup[8] = {0x02, 3, 0, 0, endpoint & 0x0f};

	inquiry_control(attach->device, setup, NULL, NULL);
}

int attach_submit(struct attach *attach, uint64_t id,
		  enum usb_transfer_type type, uint8_t endpoint,
		  const uint8_t *setup, uint32_t len, uint8_t *payload)
{
	struct attach_xfer *transfer;
	struct usb_xfer *xfer;

	if (attach->count >= ATTACH_MAX_TRANSFERS)
		return -ENOBUFS;
	transfer = calloc(1, sizeof(*transfer));
	if (!transfer)
		return -ENOMEM;
	transfer->attach = attach;
	transfer->id = id;
	transfer->wanted = len;
	transfer->payload = payload;
	xfer = &transfer->xfer;
	xfer->ops = &attach_xfer_ops;
	xfer->type = type;
	xfer->endpoint = endpoint;
	xfer->length = len;
	if (setup)
		memcpy(xfer->setup, setup, sizeof(xfer->setup));
	list_init(&xfer->link);
	list_append(&attach->transfers, &transfer->link);
	attach->count++;
	if (payload) {
		xfer->data = payload;
		endpoint_of(transfer)->out_octets += len;
	}
	if (!is_windowed(xfer)) {
		submit_now(transfer);
		return 0;
	}
	if (xfer->length > ATTACH_MAX_IN)
		xfer->length = ATTACH_MAX_IN;
	list_append(&endpoint_of(transfer)->held, &xfer->link);
	release(attach, endpoint_of(transfer));
	return 0;
}

bool attach_cancel(struct attach *attach, uint64_t id)
{
	struct list_node *node;

	list_for_each(node, &attach->transfers)
	{
		struct attach_xfer *transfer =
			container_of(node, struct attach_xfer, link);

		if (transfer->id != id)
			continue;
		transfer->cancelling = true;
		usb_device_cancel(attach->device, &transfer->xfer);
		return true;
	}
	return false;
}

void attach_set_congested(struct attach *attach, bool congested)
{
	if (attach->congested == congested || !attach->device)
		return;
	attach->congested = congested;
	if (congested)
		return;
	for (unsigned int i = 0; i < INQUIRY_ENDPOINTS; i++)
		release(attach, &attach->endpoints[i]);
}
