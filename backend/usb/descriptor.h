/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * descriptor.h - building and reading the descriptors of a device.
 *
 * The builder asks each function for its interfaces and adds what belongs to
 * the device as a whole: interface associations, strings, the BOS and the
 * MS OS 2.0 set (docs/device.md, section 1).
 */
#ifndef USB_DESCRIPTOR_H
#define USB_DESCRIPTOR_H

#include "backend/usb/device.h"

/* bDescriptorType (table 9-5 and the BOS and association supplements). */
enum usb_descriptor_type {
	USB_DT_DEVICE = 1,
	USB_DT_CONFIGURATION = 2,
	USB_DT_STRING = 3,
	USB_DT_INTERFACE = 4,
	USB_DT_ENDPOINT = 5,
	USB_DT_DEVICE_QUALIFIER = 6,
	USB_DT_OTHER_SPEED = 7,
	USB_DT_ASSOCIATION = 11,
	USB_DT_BOS = 15,
	USB_DT_DEVICE_CAPABILITY = 16,
};

enum {
	USB_DESCRIPTORS_MAX_STRINGS = 24,
	USB_DESCRIPTORS_MAX_CONFIG = 2048,
	USB_DESCRIPTORS_MAX_MSOS = 1024,
	USB_MSOS_VENDOR_CODE = 0x20,
};

struct usb_descriptors {
	uint8_t device[18];
	uint8_t qualifier[10];
	uint8_t bos[48];
	uint16_t bos_len;
	uint16_t config_len;
	uint16_t msos_len;
	uint8_t config[USB_DESCRIPTORS_MAX_CONFIG];
	uint8_t msos[USB_DESCRIPTORS_MAX_MSOS];
	unsigned int string_count;
	uint8_t *strings[USB_DESCRIPTORS_MAX_STRINGS]; /* whole descriptors */
	uint8_t interface_count;
};

/*
 * Fills a zeroed struct and the interface numbers of the functions.
 * 0, -ENOMEM, or -EINVAL when the functions' descriptors do not fit.  Call
 * usb_descriptors_fini() in any case.
 */
int usb_descriptors_build(struct usb_descriptors *descriptors,
			  const struct usb_device_identity *identity,
			  struct usb_function *const *functions,
			  unsigned int count);
void usb_descriptors_fini(struct usb_descriptors *descriptors);

/*
 * GET_DESCRIPTOR (9.4.3): at most size octets of the descriptor that wValue
 * and wIndex name are put at out.  Their number, or -1: stall.
 */
int usb_descriptors_get(const struct usb_descriptors *descriptors,
			uint16_t value, uint16_t index, uint8_t *out,
			uint16_t size);

#endif
