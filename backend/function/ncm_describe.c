// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ncm_describe.c - the descriptors of a CDC NCM function (NCM 1.0, chapter 5;
 * ECM 1.2, section 5.4).
 *
 *   interface 0  communications: one interrupt IN
 *   interface 1  data: setting 0 nothing, setting 1 bulk IN and OUT
 */
#include "backend/function/ncm_internal.h"

#include "backend/usb/descriptor.h"

#include <stdio.h>

enum {
	CS_INTERFACE = 0x24,
	CLASS_COMMUNICATIONS = 0x02,
	SUBCLASS_NCM = 0x0d,
	CLASS_DATA = 0x0a,
	PROTOCOL_NTB = 0x01,
	/* Packet filter, CRC mode, 8-octet form of the input size. */
	CAPABILITIES = 0x01 | 0x10 | 0x20,
	NOTIFY_PACKET = 16,
	NOTIFY_INTERVAL = 9, /* 2^(9-1) microframes: 32 ms */
	BULK_PACKET = 512,
};

static void write_interface(struct usb_descriptor_writer *writer,
			    const uint8_t number_alt_endpoints[3],
			    const uint8_t class[3], uint8_t string)
{
	const uint8_t interface[9] = {9,
				      USB_DT_INTERFACE,
				      number_alt_endpoints[0],
				      number_alt_endpoints[1],
				      number_alt_endpoints[2],
				      class[0],
				      class[1],
				      class[2],
				      string};

	usb_write_descriptor(writer, interface);
}

static void write_endpoint(struct usb_descriptor_writer *writer,
			   uint8_t address, enum usb_transfer_type type,
			   uint16_t packet, uint8_t interval)
{
	const uint8_t endpoint[7] = {7,
				     USB_DT_ENDPOINT,
				     address,
				     (uint8_t)type,
				     packet & 0xff,
				     (uint8_t)(packet >> 8),
				     interval};

	usb_write_descriptor(writer, endpoint);
}

static void write_functional(struct ncm *ncm,
			     struct usb_descriptor_writer *writer)
{
	static const uint8_t header[5] = {5, CS_INTERFACE, 0x00, 0x20, 0x01};
	const uint8_t both[5] = {5, CS_INTERFACE, 0x06, ncm->control_interface,
				 ncm->data_interface};
	static const uint8_t network[6] = {6,	 CS_INTERFACE, 0x1a,
					   0x00, 0x01,	       CAPABILITIES};
	char mac[2 * FRAME_MAC_LEN + 1];
	uint8_t ethernet[13] = {13, CS_INTERFACE, 0x0f};

	/* Twelve capital digits and nothing between them (ECM 1.2, 5.4). */
	for (unsigned int i = 0; i < FRAME_MAC_LEN; i++)
		snprintf(mac + 2 * (size_t)i, 3, "%02X", ncm->mac[i]);
	ethernet[3] = usb_write_string(writer, mac);
	/* Hosts take their MTU from it. */
	ethernet[8] = ncm->segment_size & 0xff;
	ethernet[9] = (uint8_t)(ncm->segment_size >> 8);
	ethernet[10] = NCM_MULTICAST_FILTERS; /* each is exact */
	usb_write_descriptor(writer, header);
	usb_write_descriptor(writer, both);
	usb_write_descriptor(writer, ethernet);
	usb_write_descriptor(writer, network);
}

void ncm_describe(struct usb_function *function,
		  struct usb_descriptor_writer *writer)
{
	static const uint8_t communications[3] = {CLASS_COMMUNICATIONS,
						  SUBCLASS_NCM, 0};
	static const uint8_t data[3] = {CLASS_DATA, 0, PROTOCOL_NTB};
	struct ncm *ncm = ncm_of(function);
	uint8_t string = usb_write_string(writer, ncm->label);
	uint8_t control, bulk;

	control = ncm->control_interface = usb_write_interface_number(writer);
	bulk = ncm->data_interface = usb_write_interface_number(writer);
	ncm->notify_endpoint = usb_write_endpoint_address(writer, 0x80);
	ncm->in_endpoint = usb_write_endpoint_address(writer, 0x80);
	ncm->out_endpoint = usb_write_endpoint_address(writer, 0);
	write_interface(writer, (const uint8_t[]){control, 0, 1},
			communications, string);
	write_functional(ncm, writer);
	write_endpoint(writer, ncm->notify_endpoint, USB_TRANSFER_INTERRUPT,
		       NOTIFY_PACKET, NOTIFY_INTERVAL);
	write_interface(writer, (const uint8_t[]){bulk, 0, 0}, data, 0);
	write_interface(writer, (const uint8_t[]){bulk, 1, 2}, data, 0);
	write_endpoint(writer, ncm->in_endpoint, USB_TRANSFER_BULK, BULK_PACKET,
		       0);
	write_endpoint(writer, ncm->out_endpoint, USB_TRANSFER_BULK,
		       BULK_PACKET, 0);
}
