/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inquiry.h - asking a device on the bus' own behalf.
 *
 * Some hosts want to know of a device what its descriptors say before they
 * talk to it, and some keep SET_ADDRESS to themselves.  A bus of such hosts
 * asks by control transfers, as any host does: the device needs no second
 * door.
 */
#ifndef BUS_INQUIRY_H
#define BUS_INQUIRY_H

#include "backend/usb/device.h"

enum { INQUIRY_MAX_INTERFACES = 16, INQUIRY_ENDPOINTS = 32 };

struct inquiry_interface {
	uint8_t class;
	uint8_t subclass;
	uint8_t protocol;
};

struct inquiry_endpoint {
	bool present;
	enum usb_transfer_type type;
	uint16_t max_packet;
	uint8_t interval;
	uint8_t interface;
	uint8_t alt;
};

/* What the descriptors say; a device never changes them. */
struct inquiry {
	uint16_t vendor_id;
	uint16_t product_id;
	uint16_t release; /* bcdDevice */
	uint8_t class;
	uint8_t subclass;
	uint8_t protocol;
	uint8_t configuration_value;
	uint8_t configuration_count;
	uint8_t interface_count;
	struct inquiry_interface interfaces[INQUIRY_MAX_INTERFACES];
	struct inquiry_endpoint endpoints[INQUIRY_ENDPOINTS];
};

/* The place of an endpoint in tables: number | 0x10 for IN. */
static inline unsigned int inquiry_endpoint_index(uint8_t address)
{
	return (address & 0x0f) | (address & 0x80) >> 3;
}

/*
 * A control transfer that ends before this returns.  Octets of an OUT are read
 * from data, those of an IN put there, at most wLength.  *actual may be NULL.
 */
enum usb_status inquiry_control(struct usb_device *device,
				const uint8_t setup[8], void *data,
				uint16_t *actual);

/* 0, or -EPROTO: the device's descriptors are not as they should be. */
int inquiry_describe(struct usb_device *device, struct inquiry *inquiry);

/* SET_ADDRESS for hosts that keep it to themselves. */
void inquiry_set_address(struct usb_device *device);

#endif
