// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xfer.c - completing transfers.
 */
#include "backend/usb/xfer.h"

#include <assert.h>
#include <stddef.h>

static const char *const status_names[] = {
	[USB_STATUS_OK] = "ok",
	[USB_STATUS_STALL] = "stall",
	[USB_STATUS_CANCELLED] = "cancelled",
	[USB_STATUS_NODEV] = "no device",
	[USB_STATUS_OVERFLOW] = "overflow",
	[USB_STATUS_INVALID] = "invalid",
	[USB_STATUS_IOERROR] = "i/o error",
};
static_assert(sizeof(status_names) / sizeof(status_names[0]) ==
		      USB_STATUS_COUNT,
	      "one name for each status");

const char *usb_status_name(enum usb_status status)
{
	return status < USB_STATUS_COUNT ? status_names[status] : "unknown";
}

void usb_xfer_complete(struct usb_xfer *xfer, enum usb_status status,
		       uint32_t actual)
{
	struct usb_tap *tap = xfer->tap;

	assert(actual <= xfer->length);
	list_remove(&xfer->link);
	xfer->status = status;
	xfer->actual = actual;
	xfer->tap = NULL;
	if (tap)
		tap->completed(tap, xfer);
	xfer->ops->complete(xfer);
}
