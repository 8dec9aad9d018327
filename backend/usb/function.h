/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * function.h - what a function gives to the device it is part of.
 *
 * A function embeds struct usb_function.  The device calls down through ops;
 * a function answers by completing transfers.  All calls come from the one
 * loop of the process; a function may complete transfers inside them.
 */
#ifndef USB_FUNCTION_H
#define USB_FUNCTION_H

#include "backend/usb/xfer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct usb_device;
struct usb_function;

/* A setup packet in host order (9.3). */
struct usb_setup {
	uint8_t bmRequestType;
	uint8_t bRequest;
	uint16_t wValue;
	uint16_t wIndex;
	uint16_t wLength;
};

/*
 * Where a function's descriptors are put.  Interface and endpoint numbers and
 * string indexes are assigned by the device: the function asks for them.
 */
struct usb_descriptor_writer;
uint8_t usb_write_interface_number(struct usb_descriptor_writer *writer);
/* direction: 0 OUT, 0x80 IN.  The address, 0 if there is none left. */
uint8_t usb_write_endpoint_address(struct usb_descriptor_writer *writer,
				   uint8_t direction);
/* Copies a UTF-8 string; its index. */
uint8_t usb_write_string(struct usb_descriptor_writer *writer,
			 const char *text);
/* Appends one descriptor as it stands (bLength octets). */
void usb_write_descriptor(struct usb_descriptor_writer *writer,
			  const uint8_t *descriptor);

struct usb_function_ops {
	/*
	 * Writes all interfaces of the function with all alternate settings,
	 * called once, when the device is made.
	 */
	void (*describe)(struct usb_function *function,
			 struct usb_descriptor_writer *writer);
	/*
	 * Alternate setting alt of an own interface is selected; transfers on
	 * its endpoints have ended already.  Setting 0 is also announced when
	 * the device is configured, deconfigured or reset.
	 */
	void (*select)(struct usb_function *function, uint8_t interface,
		       uint8_t alt);
	/*
	 * A class or vendor request to an own interface or endpoint.  OUT data
	 * are at data (len = wLength).  For IN, put at most len octets at data.
	 * The octets put, or a negative number: stall.
	 */
	int (*control)(struct usb_function *function,
		       const struct usb_setup *setup, uint8_t *data,
		       uint16_t len);
	/*
	 * A transfer was put at the end of the queue of an own endpoint that
	 * is not halted.  Complete it now or later; take it from
	 * usb_endpoint_first().
	 */
	void (*transfer)(struct usb_function *function, uint8_t endpoint);
	/* Frees the function.  All its transfers have ended. */
	void (*destroy)(struct usb_function *function);
	/* MS OS 2.0: true binds WinUSB to the function (never for NCM). */
	bool winusb;
	/*
	 * It has several interfaces, which an association is to hold together
	 * even if the device has no other function.
	 */
	bool associated;
};

struct usb_function {
	const struct usb_function_ops *ops;
	/* Set by the device. */
	struct usb_device *device;
	uint8_t first_interface;
	uint8_t interface_count;
};

/* The oldest transfer that waits on an endpoint, or NULL. */
struct usb_xfer *usb_endpoint_first(struct usb_function *function,
				    uint8_t endpoint);

/* Ends all transfers that wait on an endpoint. */
void usb_endpoint_flush(struct usb_function *function, uint8_t endpoint,
			enum usb_status status);

/* Halts an endpoint: STALL until the host clears it (9.4.5). */
void usb_endpoint_halt(struct usb_function *function, uint8_t endpoint);

#endif
