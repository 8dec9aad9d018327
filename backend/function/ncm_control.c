// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ncm_control.c - class requests (NCM 1.0, section 6.2) and notifications
 * (section 6.3; CDC 1.2, section 6.3) of a CDC NCM function.
 *
 * Everything that is not in the table is stalled, and so is a field out of
 * range.  Format and CRC mode may change only while no block is on its way,
 * that is in alternate setting 0 (6.2.5, 6.2.11).
 */
#include "backend/function/ncm_internal.h"

#include <string.h>

enum { STALL = -1 };

/* bmRequestType << 8 | bRequest */
enum {
	SET_MULTICAST_FILTERS = 0x2140,
	SET_PACKET_FILTER = 0x2143,
	GET_NTB_PARAMETERS = 0xa180,
	GET_NTB_FORMAT = 0xa183,
	SET_NTB_FORMAT = 0x2184,
	GET_NTB_INPUT_SIZE = 0xa185,
	SET_NTB_INPUT_SIZE = 0x2186,
	GET_CRC_MODE = 0xa189,
	SET_CRC_MODE = 0x218a,
};

enum {
	NETWORK_CONNECTION = 0x00,
	CONNECTION_SPEED_CHANGE = 0x2a,
	NOTIFICATION_LEN = 8,
	SPEED_LEN = 16,
	PARAMETERS_LEN = 28,
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8 & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
	       (uint32_t)at[3] << 24;
}

static int put_data(uint8_t *data, uint16_t len, const uint8_t *from,
		    uint16_t size)
{
	if (len > size)
		len = size;
	memcpy(data, from, len);
	return len;
}

/*
 * 6.2.1.  Divisors are 4, not the 1 that the specification allows too: Windows
 * takes powers of two from 4 on only.
 */
static int get_parameters(uint8_t *data, uint16_t len)
{
	uint8_t p[PARAMETERS_LEN] = {0};

	put16(p, PARAMETERS_LEN);
	put16(p + 2, 3); /* NTB-16 and NTB-32 */
	put32(p + 4, NCM_NTB_SIZE);
	put16(p + 8, NTB_DIVISOR);
	put16(p + 10, NTB_REMAINDER);
	put16(p + 12, NTB_NDP_ALIGNMENT);
	put32(p + 16, NCM_NTB_SIZE);
	put16(p + 20, NTB_DIVISOR);
	put16(p + 22, NTB_REMAINDER);
	put16(p + 24, NTB_NDP_ALIGNMENT);
	put16(p + 26, NTB_MAX_DATAGRAMS);
	return put_data(data, len, p, sizeof(p));
}

static int get_input_size(const struct ncm *ncm, uint8_t *data, uint16_t len)
{
	uint8_t size[8] = {0};

	put32(size, ncm->in_size);
	put16(size + 4, ncm->in_datagrams);
	/* 6.2.6: the short form, or the long one. */
	return put_data(data, len, size, len < 8 ? 4 : 8);
}

static int set_input_size(struct ncm *ncm, const uint8_t *data, uint16_t len)
{
	uint32_t size;

	if (len != 4 && len != 8)
		return STALL;
	size = get32(data);
	if (size < NTB_SIZE_MIN || size > NCM_NTB_SIZE ||
	    (len == 8 && (data[6] || data[7])))
		return STALL;
	ncm->in_size = size;
	ncm->in_datagrams = len == 8 ? (uint16_t)(data[4] | data[5] << 8) : 0;
	return 0;
}

static int set_multicast(struct ncm *ncm, uint16_t count, const uint8_t *data,
			 uint16_t len)
{
	if (count > NCM_MULTICAST_FILTERS || len != count * FRAME_MAC_LEN)
		return STALL;
	if (len)
		memcpy(ncm->multicast, data, len);
	ncm->multicast_count = count;
	return 0;
}

static int get_word(uint8_t *data, uint16_t len, uint16_t value)
{
	uint8_t word[2];

	put16(word, value);
	return put_data(data, len, word, sizeof(word));
}

static int set_mode(const struct ncm *ncm, bool *mode, uint16_t value,
		    uint16_t len)
{
	if (value > 1 || len != 0 || ncm->running)
		return STALL;
	*mode = value;
	return 0;
}

int ncm_control(struct usb_function *function, const struct usb_setup *setup,
		uint8_t *data, uint16_t len)
{
	struct ncm *ncm = ncm_of(function);
	unsigned int request = setup->bmRequestType << 8 | setup->bRequest;
	bool in = setup->bmRequestType & 0x80;

	if (setup->wIndex != ncm->control_interface ||
	    (in && setup->wValue != 0))
		return STALL;
	switch (request) {
	case GET_NTB_PARAMETERS:
		return get_parameters(data, len);
	case GET_NTB_FORMAT:
		return get_word(data, len, ncm->wide);
	case SET_NTB_FORMAT:
		return set_mode(ncm, &ncm->wide, setup->wValue, len);
	case GET_NTB_INPUT_SIZE:
		return get_input_size(ncm, data, len);
	case SET_NTB_INPUT_SIZE:
		return setup->wValue ? STALL : set_input_size(ncm, data, len);
	case GET_CRC_MODE:
		return get_word(data, len, ncm->crc);
	case SET_CRC_MODE:
		return set_mode(ncm, &ncm->crc, setup->wValue, len);
	case SET_PACKET_FILTER:
		if (setup->wValue & ~NCM_FILTER_ALL || len != 0)
			return STALL;
		ncm->packet_filter = setup->wValue;
		return 0;
	case SET_MULTICAST_FILTERS:
		return set_multicast(ncm, setup->wValue, data, len);
	default:
		return STALL;
	}
}

void ncm_reset_settings(struct ncm *ncm)
{
	ncm->wide = false;
	ncm->crc = false;
	ncm->in_size = NCM_NTB_SIZE;
	ncm->in_datagrams = 0;
	ncm->packet_filter = NCM_FILTER_DEFAULT;
	ncm->multicast_count = 0;
}

bool ncm_wants(const struct ncm *ncm, const uint8_t *mac)
{
	static const uint8_t broadcast[FRAME_MAC_LEN] = {0xff, 0xff, 0xff,
							 0xff, 0xff, 0xff};
	uint16_t filter = ncm->packet_filter;

	if (filter & NCM_FILTER_PROMISCUOUS)
		return true;
	if (memcmp(mac, broadcast, sizeof(broadcast)) == 0)
		return filter & NCM_FILTER_BROADCAST;
	if (!(mac[0] & 1))
		return (filter & NCM_FILTER_DIRECTED) &&
		       memcmp(mac, ncm->mac, FRAME_MAC_LEN) == 0;
	if (filter & NCM_FILTER_ALL_MULTICAST)
		return true;
	for (unsigned int i = 0;
	     (filter & NCM_FILTER_MULTICAST) && i < ncm->multicast_count; i++)
		if (memcmp(mac, ncm->multicast[i], FRAME_MAC_LEN) == 0)
			return true;
	return false;
}

static uint32_t make_notification(struct ncm *ncm, uint8_t *at)
{
	memset(at, 0, SPEED_LEN);
	at[0] = 0xa1;
	at[4] = ncm->control_interface;
	/* 7.1: how fast, before that it is there. */
	if (ncm->tell & NCM_TELL_SPEED) {
		at[1] = CONNECTION_SPEED_CHANGE;
		at[6] = SPEED_LEN - NOTIFICATION_LEN;
		put32(at + 8, ncm->bits_per_second);
		put32(at + 12, ncm->bits_per_second);
		ncm->tell &= ~NCM_TELL_SPEED;
		return SPEED_LEN;
	}
	at[1] = NETWORK_CONNECTION;
	at[2] = ncm->port->ops->link_up(ncm->port);
	ncm->tell &= ~NCM_TELL_LINK;
	return NOTIFICATION_LEN;
}

void ncm_notify(struct ncm *ncm)
{
	struct usb_xfer *xfer;

	if (ncm->notifying)
		return;
	ncm->notifying = true;
	while (ncm->tell && (xfer = usb_endpoint_first(&ncm->function,
						       ncm->notify_endpoint))) {
		uint32_t len = ncm->tell & NCM_TELL_SPEED ? SPEED_LEN
							  : NOTIFICATION_LEN;
		uint8_t notification[SPEED_LEN];
		uint8_t *place;

		if (xfer->length < len) {
			usb_xfer_complete(xfer, USB_STATUS_OVERFLOW, 0);
			continue;
		}
		place = xfer->ops->reserve(xfer, len);
		if (!place) {
			usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
			continue;
		}
		make_notification(ncm, notification);
		memcpy(place, notification, len);
		usb_xfer_complete(xfer, USB_STATUS_OK, len);
	}
	ncm->notifying = false;
}
