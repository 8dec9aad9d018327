// SPDX-License-Identifier: MIT
/*
 * setup.c - the table of URB functions that are control transfers.
 *
 * Numbers of functions are those of usb.h of the Windows kit.
 */
#include "frontend-windows/core/setup.h"

#include <stddef.h>

enum kind {
	NONE,
	DESCRIPTOR, /* wValue = type and index, wIndex = language or target */
	FEATURE,    /* wValue = selector */
	STATUS,
	REQUEST, /* class and vendor: all fields from the URB */
	CONFIGURATION,
	INTERFACE,
	MSOS,
};

struct row {
	uint8_t kind;
	uint8_t type;	 /* bmRequestType; of REQUEST without the direction */
	uint8_t request; /* bRequest */
};

static const struct row rows[] = {
	[0x0b] = {DESCRIPTOR, 0x80, 6}, /* GET_DESCRIPTOR_FROM_DEVICE */
	[0x0c] = {DESCRIPTOR, 0x00, 7}, /* SET_DESCRIPTOR_TO_DEVICE */
	[0x0d] = {FEATURE, 0x00, 3},	/* SET_FEATURE_TO_DEVICE */
	[0x0e] = {FEATURE, 0x01, 3},	/* ..._INTERFACE */
	[0x0f] = {FEATURE, 0x02, 3},	/* ..._ENDPOINT */
	[0x10] = {FEATURE, 0x00, 1},	/* CLEAR_FEATURE_TO_DEVICE */
	[0x11] = {FEATURE, 0x01, 1},
	[0x12] = {FEATURE, 0x02, 1},
	[0x13] = {STATUS, 0x80, 0}, /* GET_STATUS_FROM_DEVICE */
	[0x14] = {STATUS, 0x81, 0},
	[0x15] = {STATUS, 0x82, 0},
	[0x17] = {REQUEST, 0x40, 0}, /* VENDOR_DEVICE */
	[0x18] = {REQUEST, 0x41, 0},
	[0x19] = {REQUEST, 0x42, 0},
	[0x1a] = {REQUEST, 0x20, 0}, /* CLASS_DEVICE */
	[0x1b] = {REQUEST, 0x21, 0},
	[0x1c] = {REQUEST, 0x22, 0},
	[0x1f] = {REQUEST, 0x23, 0},	/* CLASS_OTHER */
	[0x20] = {REQUEST, 0x43, 0},	/* VENDOR_OTHER */
	[0x21] = {STATUS, 0x83, 0},	/* GET_STATUS_FROM_OTHER */
	[0x22] = {FEATURE, 0x03, 1},	/* CLEAR_FEATURE_TO_OTHER */
	[0x23] = {FEATURE, 0x03, 3},	/* SET_FEATURE_TO_OTHER */
	[0x24] = {DESCRIPTOR, 0x82, 6}, /* GET_DESCRIPTOR_FROM_ENDPOINT */
	[0x25] = {DESCRIPTOR, 0x02, 7},
	[0x26] = {CONFIGURATION, 0x80, 8}, /* GET_CONFIGURATION */
	[0x27] = {INTERFACE, 0x81, 10},	   /* GET_INTERFACE */
	[0x28] = {DESCRIPTOR, 0x81, 6},	   /* GET_DESCRIPTOR_FROM_INTERFACE */
	[0x29] = {DESCRIPTOR, 0x01, 7},
	[0x2a] = {MSOS, 0xc0, 0}, /* GET_MS_FEATURE_DESCRIPTOR */
};

static void word(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

bool tv_setup_make(const struct tv_setup *urb, uint8_t packet[8], bool *in)
{
	const struct row *row = &rows[0];
	uint32_t value = 0, index = urb->index, length = urb->length;
	uint8_t request, type;

	if (urb->function < sizeof(rows) / sizeof(rows[0]))
		row = &rows[urb->function];
	if (row->kind == NONE || length > UINT16_MAX)
		return false;
	request = row->request;
	type = row->type;
	switch (row->kind) {
	case DESCRIPTOR:
		value = (uint32_t)urb->desc_type << 8 | urb->desc_index;
		break;
	case FEATURE:
		value = urb->value;
		length = 0;
		break;
	case REQUEST:
		request = urb->request;
		value = urb->value;
		if (urb->in)
			type |= 0x80;
		break;
	case CONFIGURATION:
		index = 0;
		break;
	case MSOS:
		if (urb->recipient > 2)
			return false;
		type = (uint8_t)(0xc0 | urb->recipient);
		request = urb->msos_vendor;
		/* Interface in the low, page in the high octet of wValue. */
		value = (urb->value & 0xff) | (uint32_t)urb->page << 8;
		break;
	default:
		break;
	}
	packet[0] = type;
	packet[1] = request;
	word(packet + 2, value);
	word(packet + 4, index);
	word(packet + 6, length);
	*in = type & 0x80;
	return true;
}
