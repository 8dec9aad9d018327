/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.h - a high-speed USB device made of functions (USB 2.0, chapter 9).
 *
 * The device answers every standard request itself and passes class and
 * vendor requests, and transfers on endpoints other than 0, to the function
 * that owns the interface.  It knows nothing of the bus it is plugged into.
 */
#ifndef USB_DEVICE_H
#define USB_DEVICE_H

#include "backend/usb/function.h"
#include "backend/usb/xfer.h"

#include <stdint.h>

struct usb_device;

enum { USB_DEVICE_MAX_FUNCTIONS = 4 };

/*
 * What the device is called.  Strings are UTF-8, at most 126 UTF-16 units
 * each after conversion; they are copied.
 */
struct usb_device_identity {
	uint16_t vendor_id;
	uint16_t product_id;
	uint16_t release; /* bcdDevice */
	const char *manufacturer;
	const char *product;
	const char *serial;
};

enum usb_state {
	USB_STATE_DEFAULT,
	USB_STATE_ADDRESS,
	USB_STATE_CONFIGURED,
	USB_STATE_COUNT
};

/*
 * Makes a device of count functions (1..USB_DEVICE_MAX_FUNCTIONS).  It owns
 * the functions from then on, also on failure.  NULL: out of memory, or the
 * functions' descriptors do not fit together (said in the log).
 */
struct usb_device *usb_device_create(const struct usb_device_identity *identity,
				     struct usb_function *const *functions,
				     unsigned int count);

/* Ends every transfer with NODEV, then frees device and functions. */
void usb_device_destroy(struct usb_device *device);

/* Hands a transfer over; it may complete before this returns. */
void usb_device_submit(struct usb_device *device, struct usb_xfer *xfer);

/*
 * Takes a submitted, not yet completed transfer back: it completes with
 * CANCELLED before this returns.  Octets of an OUT that a function had taken
 * already are in actual.
 */
void usb_device_cancel(struct usb_device *device, struct usb_xfer *xfer);

/*
 * A reset on the port (9.1.1.3): transfers end CANCELLED, every function is
 * back at its beginning, the address is 0, no configuration is selected.
 */
void usb_device_reset(struct usb_device *device);

/*
 * From now on tap sees every transfer; NULL: nobody does.  One at a time.  Not
 * from inside a tap or a completion.
 */
void usb_device_set_tap(struct usb_device *device, struct usb_tap *tap);

enum usb_state usb_device_state(const struct usb_device *device);
uint8_t usb_device_address(const struct usb_device *device);

#endif
