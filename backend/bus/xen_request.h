/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen_request.h - what a request on the urb ring means, or what is wrong.
 *
 * Pure functions over a private copy of the request.  docs/ring.md has the
 * table of which mistake costs the request and which the controller.
 */
#ifndef BUS_XEN_REQUEST_H
#define BUS_XEN_REQUEST_H

#include "backend/usb/xfer.h"
#include "protocol/usbif.h"

#include <stdbool.h>
#include <stdint.h>

/* What this connection has agreed on. */
struct xen_request_limits {
	uint32_t entries;      /* of the ring: ids are below */
	uint32_t max_indirect; /* segments; 0: no indirect requests */
};

enum xen_request_kind {
	XEN_REQUEST_TRANSFER,
	XEN_REQUEST_UNLINK,
	XEN_REQUEST_REFUSED, /* to be answered with INVAL at once */
};

struct xen_request {
	enum xen_request_kind kind;
	uint16_t id;
	uint16_t unlink_id; /* not checked: compare, do not index */
	uint8_t port;	    /* 0..31, not checked */
	uint8_t address;    /* 0..127 */
	uint8_t endpoint;   /* as in struct usb_xfer */
	enum usb_transfer_type type;
	bool in; /* data goes to the guest */
	uint8_t setup[8];
	uint16_t buffer_length;
	uint16_t segment_count; /* ..16, or ..max_indirect */
	uint16_t table_pages;	/* pages of segments; 0: in the request */
	uint32_t length;	/* octets; set by xen_request_measure() */
};

/*
 * Reads everything but the segments.  0, or -EPROTO: no driver sends this, and
 * *reason says what in one line.
 */
int xen_request_parse(const struct xen_request_limits *limits,
		      const struct tv_usbif_request *wire,
		      struct xen_request *request, const char **reason);

/* Segments that page index (0..table_pages-1) of the table holds. */
unsigned int xen_request_table_entries(const struct xen_request *request,
				       unsigned int index);

/*
 * Checks the segment_count segments of a XEN_REQUEST_TRANSFER and adds them
 * up: afterwards length is known, or the request has become refused.  0, or
 * -EPROTO with *reason.
 */
int xen_request_measure(struct xen_request *request,
			const struct tv_usbif_segment *segments,
			const char **reason);

#endif
