/* SPDX-License-Identifier: MIT */
/*
 * setup.h - from a Windows URB function to the setup packet it stands for.
 */
#ifndef TV_WIN_SETUP_H
#define TV_WIN_SETUP_H

#include <stdbool.h>
#include <stdint.h>

/* What the URB structures of all control functions say, in one. */
struct tv_setup {
	uint16_t function; /* URB_FUNCTION_* */
	bool in;	   /* USBD_TRANSFER_DIRECTION_IN of class and vendor */
	uint8_t request;   /* class and vendor */
	uint16_t value;	   /* class and vendor; feature selector */
	uint16_t index;	   /* interface, endpoint, language */
	uint8_t desc_type, desc_index;
	uint8_t page;	     /* of an MS feature descriptor */
	uint8_t recipient;   /* of an MS feature descriptor: 0, 1, 2 */
	uint8_t msos_vendor; /* bRequest of MS OS 1.0 */
	uint32_t length;     /* octets of the buffer */
};

/*
 * Fills packet and direction.  False if the function is none of a control
 * transfer, or the length is beyond what a setup packet can say.
 */
bool tv_setup_make(const struct tv_setup *urb, uint8_t packet[8], bool *in);

#endif
