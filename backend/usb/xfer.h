/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xfer.h - one USB transfer on its way through the device.
 *
 * A bus embeds struct usb_xfer in its own request, fills it in and hands it to
 * usb_device_submit().  From then on the device owns it until it calls
 * ops->complete(), which happens exactly once for every submitted transfer:
 * done, stalled, cancelled or because the device went away.
 *
 * Data stays with the bus until it is needed:
 *   OUT  fetch() makes data[0..length) readable; before that data is NULL.
 *        A transfer that no function wants yet is parked without being
 *        fetched, so a guest that floods a pipe costs the host nothing.
 *   IN   reserve() gives a place for up to len octets.  It holds only until
 *        the transfer completes or anything else is reserved on that bus;
 *        reserving again is allowed and giving up needs no call.  On
 *        completion data[0..actual) is what the guest gets: octets that were
 *        not produced for this transfer never reach it.
 */
#ifndef USB_XFER_H
#define USB_XFER_H

#include "backend/util/list.h"

#include <stdbool.h>
#include <stdint.h>

/* The device's answer to a transfer (USB 2.0, 8.4.5 and 8.5). */
enum usb_status {
	USB_STATUS_OK,
	USB_STATUS_STALL,     /* STALL handshake */
	USB_STATUS_CANCELLED, /* the host took it back, or reset the port */
	USB_STATUS_NODEV,     /* the device is gone */
	USB_STATUS_OVERFLOW,  /* more data than the host has room for */
	USB_STATUS_INVALID,   /* such a transfer cannot be on such endpoint */
	USB_STATUS_IOERROR,   /* its data could not be moved */
	USB_STATUS_COUNT
};

const char *usb_status_name(enum usb_status status);

/* As bmAttributes of an endpoint descriptor numbers them (table 9-13). */
enum usb_transfer_type {
	USB_TRANSFER_CONTROL = 0,
	USB_TRANSFER_ISOCHRONOUS = 1,
	USB_TRANSFER_BULK = 2,
	USB_TRANSFER_INTERRUPT = 3,
};

struct usb_xfer;

/*
 * Somebody who watches the transfers of a device (usb_device_set_tap()) and
 * changes nothing.  The octets of an OUT are there when it is submitted if the
 * bus has them at hand, when it completes if the function wanted any.
 */
struct usb_tap {
	void (*submitted)(struct usb_tap *tap, struct usb_xfer *xfer);
	void (*completed)(struct usb_tap *tap, struct usb_xfer *xfer);
};

struct usb_xfer_ops {
	/* 0, or a negative errno: then the transfer is to end in IOERROR. */
	int (*fetch)(struct usb_xfer *xfer);
	/* A place for len octets (len <= length), or NULL: end in IOERROR. */
	uint8_t *(*reserve)(struct usb_xfer *xfer, uint32_t len);
	/* Takes the transfer back.  It may be freed or used again at once. */
	void (*complete)(struct usb_xfer *xfer);
};

struct usb_xfer {
	/* Set by the bus before submission. */
	const struct usb_xfer_ops *ops;
	enum usb_transfer_type type;
	uint8_t endpoint; /* number | 0x80 for IN; 0 or 0x80 for control */
	uint8_t setup[8]; /* control only */
	uint32_t length;  /* octets of the data stage or of the buffer */

	/* Kept by the device while it owns the transfer. */
	struct list_node link;
	uint8_t *data;
	uint32_t offset; /* OUT: octets the function has taken so far */
	struct usb_tap *tap;
	uint64_t tap_note; /* the tap's own */

	/* The answer. */
	uint32_t actual;
	enum usb_status status;
};

static inline bool usb_xfer_is_in(const struct usb_xfer *xfer)
{
	return (xfer->type == USB_TRANSFER_CONTROL ? xfer->setup[0]
						   : xfer->endpoint) &
	       0x80;
}

/*
 * Ends a transfer: takes it out of its queue, stores the answer and gives it
 * back to the bus.  For the device model and functions only.
 */
void usb_xfer_complete(struct usb_xfer *xfer, enum usb_status status,
		       uint32_t actual);

#endif
