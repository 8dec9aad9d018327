// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * inquiry.c - asking a device on the bus' own behalf.
 *
 * The device ends control transfers before submission returns, so a transfer
 * on the stack will do.
 */
#include "backend/bus/inquiry.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	DESCRIPTOR_DEVICE = 1,
	DESCRIPTOR_CONFIGURATION = 2,
	DESCRIPTOR_INTERFACE = 4,
	DESCRIPTOR_ENDPOINT = 5,
	DEVICE_LEN = 18,
	CONFIGURATION_LEN = 9,
	INTERFACE_LEN = 9,
	ENDPOINT_LEN = 7,
	CONFIGURATION_MAX = 4096,
	ADDRESS = 1,
};

struct inquiry_xfer {
	struct usb_xfer xfer;
	uint8_t *data;
	bool done;
};

static struct inquiry_xfer *inquiry_xfer_of(struct usb_xfer *xfer)
{
	return container_of(xfer, struct inquiry_xfer, xfer);
}

static int inquiry_fetch(struct usb_xfer *xfer)
{
	xfer->data = inquiry_xfer_of(xfer)->data;
	return 0;
}

static uint8_t *inquiry_reserve(struct usb_xfer *xfer, uint32_t len)
{
	assert(len <= xfer->length);
	xfer->data = inquiry_xfer_of(xfer)->data;
	return xfer->data;
}

static void inquiry_complete(struct usb_xfer *xfer)
{
	inquiry_xfer_of(xfer)->done = true;
}

enum usb_status inquiry_control(struct usb_device *device,
				const uint8_t setup[8], void *data,
				uint16_t *actual)
{
	static const struct usb_xfer_ops ops = {
		.fetch = inquiry_fetch,
		.reserve = inquiry_reserve,
		.complete = inquiry_complete,
	};
	struct inquiry_xfer asked = {
		.xfer =
			{
				.ops = &ops,
				.type = USB_TRANSFER_CONTROL,
				.endpoint = setup[0] & 0x80,
				.length = (uint32_t)(setup[6] | setup[7] << 8),
			},
		.data = data,
	};

	memcpy(asked.xfer.setup, setup, 8);
	list_init(&asked.xfer.link);
	usb_device_submit(device, &asked.xfer);
	assert(asked.done);
	if (actual)
		*actual = (uint16_t)asked.xfer.actual;
	return asked.xfer.status;
}

static uint16_t get_descriptor(struct usb_device *device, uint8_t type,
			       uint8_t *data, uint16_t size)
{
	const uint8_t setup[8] = {0x80, 6, 0,		type,
				  0,	0, size & 0xff, (uint8_t)(size >> 8)};
	uint16_t len;

	return inquiry_control(device, setup, data, &len) == USB_STATUS_OK ? len
									   : 0;
}

static void take_endpoint(struct inquiry *inquiry, const uint8_t *d,
			  uint8_t interface, uint8_t alt)
{
	inquiry->endpoints[inquiry_endpoint_index(d[2])] =
		(struct inquiry_endpoint){
			.present = true,
			.type = d[3] & 3,
			.max_packet = (uint16_t)(d[4] | d[5] << 8),
			.interval = d[6],
			.interface = interface,
			.alt = alt,
		};
}

/* The classes of an interface are those of its setting 0. */
static int take_interface(struct inquiry *inquiry, const uint8_t *d)
{
	if (d[2] >= INQUIRY_MAX_INTERFACES)
		return -EPROTO;
	if (d[3] == 0)
		inquiry->interfaces[d[2]] =
			(struct inquiry_interface){d[5], d[6], d[7]};
	return 0;
}

static int walk_configuration(struct inquiry *inquiry, const uint8_t *config,
			      uint16_t len)
{
	uint8_t interface = 0;
	uint8_t alt = 0;

	for (uint16_t at = 0; at < len; at += config[at]) {
		const uint8_t *d = config + at;

		if (len - at < 2 || d[0] < 2 || d[0] > len - at)
			return -EPROTO;
		if (d[1] == DESCRIPTOR_INTERFACE && d[0] >= INTERFACE_LEN) {
			if (take_interface(inquiry, d) < 0)
				return -EPROTO;
			interface = d[2];
			alt = d[3];
		} else if (d[1] == DESCRIPTOR_ENDPOINT &&
			   d[0] >= ENDPOINT_LEN) {
			take_endpoint(inquiry, d, interface, alt);
		}
	}
	return 0;
}

int inquiry_describe(struct usb_device *device, struct inquiry *inquiry)
{
	uint8_t d[DEVICE_LEN];
	uint8_t config[CONFIGURATION_MAX];
	uint16_t len;

	memset(inquiry, 0, sizeof(*inquiry));
	if (get_descriptor(device, DESCRIPTOR_DEVICE, d, sizeof(d)) !=
	    sizeof(d))
		return -EPROTO;
	inquiry->class = d[4];
	inquiry->subclass = d[5];
	inquiry->protocol = d[6];
	inquiry->vendor_id = (uint16_t)(d[8] | d[9] << 8);
	inquiry->product_id = (uint16_t)(d[10] | d[11] << 8);
	inquiry->release = (uint16_t)(d[12] | d[13] << 8);
	inquiry->configuration_count = d[17];
	len = get_descriptor(device, DESCRIPTOR_CONFIGURATION, config,
			     sizeof(config));
	if (len < CONFIGURATION_LEN || config[4] > INQUIRY_MAX_INTERFACES)
		return -EPROTO;
	inquiry->interface_count = config[4];
	inquiry->configuration_value = config[5];
	return walk_configuration(inquiry, config, len);
}

void inquiry_set_address(struct usb_device *device)
{
	static const uint8_t setup[8] = {0x00, 5, ADDRESS};

	inquiry_control(device, setup, NULL, NULL);
}
