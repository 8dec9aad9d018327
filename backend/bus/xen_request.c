// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_request.c - what a request on the urb ring means, or what is wrong.
 *
 * Two kinds of wrong.  What no driver can send by accident, and what leaves
 * open which memory is meant or how to answer, ends the controller (-EPROTO).
 * What a driver may well ask for but cannot have ends the one request
 * (refused).
 */
#include "backend/bus/xen_request.h"

#include <errno.h>
#include <string.h>

static const enum usb_transfer_type transfer_types[] = {
	[USBIF_PIPE_TYPE_ISOC] = USB_TRANSFER_ISOCHRONOUS,
	[USBIF_PIPE_TYPE_INT] = USB_TRANSFER_INTERRUPT,
	[USBIF_PIPE_TYPE_CTRL] = USB_TRANSFER_CONTROL,
	[USBIF_PIPE_TYPE_BULK] = USB_TRANSFER_BULK,
};

static int malformed(const char **reason, const char *text)
{
	*reason = text;
	return -EPROTO;
}

static int parse_table(const struct xen_request_limits *limits,
		       const struct tv_usbif_request *wire,
		       struct xen_request *request, const char **reason)
{
	if (request->segment_count == 0 ||
	    request->segment_count > limits->max_indirect)
		return malformed(reason, "number of indirect segments");
	request->table_pages = (uint16_t)((request->segment_count +
					   USBIF_SEGMENTS_PER_PAGE - 1) /
					  USBIF_SEGMENTS_PER_PAGE);
	if (request->table_pages > USBIF_MAX_SEGMENTS)
		return malformed(reason, "number of indirect pages");
	for (unsigned int i = 0; i < request->table_pages; i++) {
		unsigned int used = xen_request_table_entries(request, i);

		if (wire->seg[i].offset != 0 ||
		    wire->seg[i].length !=
			    used * sizeof(struct tv_usbif_segment))
			return malformed(reason, "shape of an indirect page");
	}
	return 0;
}

int xen_request_parse(const struct xen_request_limits *limits,
		      const struct tv_usbif_request *wire,
		      struct xen_request *request, const char **reason)
{
	uint32_t pipe = wire->pipe;

	memset(request, 0, sizeof(*request));
	if (wire->id >= limits->entries)
		return malformed(reason, "request id beyond the ring");
	request->id = wire->id;
	request->port = pipe & USBIF_PIPE_PORT_MASK;
	if (pipe & USBIF_PIPE_UNLINK) {
		/* The rest is what an earlier request left in the slot. */
		request->kind = XEN_REQUEST_UNLINK;
		request->unlink_id = wire->u.unlink.id;
		return 0;
	}
	request->type = transfer_types[pipe >> USBIF_PIPE_TYPE_SHIFT];
	if (request->type == USB_TRANSFER_ISOCHRONOUS) {
		/* Its segments are counted otherwise: do not look at them. */
		request->kind = XEN_REQUEST_REFUSED;
		return 0;
	}
	request->kind = XEN_REQUEST_TRANSFER;
	request->address =
		pipe >> USBIF_PIPE_DEVICE_SHIFT & USBIF_PIPE_DEVICE_MASK;
	request->endpoint =
		pipe >> USBIF_PIPE_ENDPOINT_SHIFT & USBIF_PIPE_ENDPOINT_MASK;
	request->in = pipe & USBIF_PIPE_DIR_IN;
	if (request->type == USB_TRANSFER_CONTROL) {
		/* The setup packet says where the data goes (8.5.3). */
		memcpy(request->setup, wire->u.ctrl, sizeof(request->setup));
		request->in = request->setup[0] & 0x80;
	}
	if (request->in)
		request->endpoint |= 0x80;
	request->buffer_length = wire->buffer_length;
	request->segment_count = wire->nr_buffer_segs;
	if (wire->transfer_flags & USBIF_FLAG_INDIRECT && limits->max_indirect)
		return parse_table(limits, wire, request, reason);
	if (request->segment_count > USBIF_MAX_SEGMENTS)
		return malformed(reason, "number of segments");
	return 0;
}

unsigned int xen_request_table_entries(const struct xen_request *request,
				       unsigned int index)
{
	unsigned int left =
		request->segment_count - index * USBIF_SEGMENTS_PER_PAGE;

	return left < USBIF_SEGMENTS_PER_PAGE ? left : USBIF_SEGMENTS_PER_PAGE;
}

int xen_request_measure(struct xen_request *request,
			const struct tv_usbif_segment *segments,
			const char **reason)
{
	uint32_t sum = 0;
	uint16_t expected;

	for (unsigned int i = 0; i < request->segment_count; i++) {
		const struct tv_usbif_segment *segment = &segments[i];

		if (segment->length == 0)
			return malformed(reason, "empty segment");
		if (segment->offset >= USBIF_PAGE_SIZE ||
		    segment->length > USBIF_PAGE_SIZE - segment->offset)
			return malformed(reason, "segment beyond its page");
		sum += segment->length;
	}
	request->length = sum;
	/* 65536 octets are 0 in 16 bits; an indirect request says 0. */
	expected = request->table_pages ? 0 : (uint16_t)sum;
	if (request->buffer_length != expected) {
		request->kind = XEN_REQUEST_REFUSED;
		return 0;
	}
	if (request->type == USB_TRANSFER_CONTROL) {
		uint32_t wLength = (uint32_t)request->setup[6] |
				   (uint32_t)request->setup[7] << 8;

		if (wLength > sum)
			request->kind = XEN_REQUEST_REFUSED;
		request->length = wLength;
	}
	return 0;
}
