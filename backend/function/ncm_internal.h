/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ncm_internal.h - what ncm.c (data), ncm_control.c (requests and
 * notifications) and ncm_describe.c (descriptors) share.
 */
#ifndef FUNCTION_NCM_INTERNAL_H
#define FUNCTION_NCM_INTERNAL_H

#include "backend/function/ncm.h"
#include "backend/function/ncm_ntb.h"

/* bmCapabilities of SetEthernetPacketFilter (ECM 1.2, table 8). */
enum {
	NCM_FILTER_PROMISCUOUS = 1,
	NCM_FILTER_ALL_MULTICAST = 2,
	NCM_FILTER_DIRECTED = 4,
	NCM_FILTER_BROADCAST = 8,
	NCM_FILTER_MULTICAST = 16,
	NCM_FILTER_ALL = 31,
	/* What hosts that never ask expect. */
	NCM_FILTER_DEFAULT = NCM_FILTER_ALL_MULTICAST | NCM_FILTER_DIRECTED |
			     NCM_FILTER_BROADCAST,
};

enum { NCM_TELL_SPEED = 1, NCM_TELL_LINK = 2 };

struct ncm {
	struct usb_function function;
	struct frame_port *port;
	char label[128];
	uint8_t mac[FRAME_MAC_LEN];
	uint16_t segment_size; /* longest frame a host is to send */
	uint32_t bits_per_second;

	uint8_t control_interface;
	uint8_t data_interface;
	uint8_t notify_endpoint;
	uint8_t out_endpoint;
	uint8_t in_endpoint;
	bool running; /* alternate setting 1 of the data interface */

	/* What the host has set; setting 0 forgets it (NCM 1.0, 7.2). */
	bool wide; /* NTB-32 */
	bool crc;
	uint32_t in_size;
	uint16_t in_datagrams; /* 0: any number */
	uint16_t packet_filter;
	uint8_t multicast[NCM_MULTICAST_FILTERS][FRAME_MAC_LEN];
	unsigned int multicast_count;

	unsigned int tell; /* NCM_TELL_* that wait */
	bool notifying;

	/* From the host: one block at a time. */
	uint8_t out[NCM_NTB_SIZE + 1]; /* some hosts end with one octet more */
	uint32_t out_len;
	bool out_ready; /* a whole block, being read */
	struct ntb_reader reader;
	uint8_t frame[FRAME_BUFFER]; /* held back if frame_len is not 0 */
	size_t frame_len;
	bool out_pumping;

	/* To the host: one block, which may take several transfers. */
	uint8_t in[NCM_NTB_SIZE];
	uint32_t in_len; /* 0: none */
	uint32_t in_at;
	bool in_zero; /* a zero-length packet is due */
	uint16_t sequence;
	bool in_pumping;
};

static inline struct ncm *ncm_of(struct usb_function *function)
{
	return container_of(function, struct ncm, function);
}

void ncm_describe(struct usb_function *function,
		  struct usb_descriptor_writer *writer);
int ncm_control(struct usb_function *function, const struct usb_setup *setup,
		uint8_t *data, uint16_t len);
/* Back to what a host may expect that has said nothing yet. */
void ncm_reset_settings(struct ncm *ncm);
/* Sends what is to be told, as far as the host asks. */
void ncm_notify(struct ncm *ncm);
/* True if the host wants frames to this address. */
bool ncm_wants(const struct ncm *ncm, const uint8_t *mac);

#endif
