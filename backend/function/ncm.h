/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ncm.h - a network card: CDC NCM 1.0, for the in-box drivers of every system.
 *
 * Linux binds cdc_ncm, Windows 11 UsbNcm.sys; neither needs anything of ours.
 * What it says to the host is in docs/p2m.md.
 */
#ifndef FUNCTION_NCM_H
#define FUNCTION_NCM_H

#include "backend/service/frame_port.h"
#include "backend/usb/function.h"

enum {
	NCM_NTB_SIZE = 16384, /* both ways; a transfer of 32 KiB is too much
				 for the stock ring */
	NCM_MULTICAST_FILTERS = 32,
};

struct ncm_config {
	const char *name; /* of the network, as in the grant; copied */
	uint8_t mac[FRAME_MAC_LEN];
	struct frame_port *port;  /* owned, also on failure */
	uint16_t mtu;		  /* told to the host; 0: 1500 */
	uint32_t bits_per_second; /* told to the host; 0: 1 Gbit/s */
};

/* NULL: out of memory. */
struct usb_function *ncm_function_create(const struct ncm_config *config);

#endif
