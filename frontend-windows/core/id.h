/* SPDX-License-Identifier: MIT */
/*
 * id.h - the strings by which Windows finds a driver for a USB device.
 *
 * Written into a fixed buffer as UTF-16; what does not fit is left out whole.
 */
#ifndef TV_WIN_ID_H
#define TV_WIN_ID_H

#include "frontend-windows/core/descriptor.h"

#define TV_ID_CHARS 512

/* Strings one after another, each ended by 0, the last by two. */
struct tv_ids {
	uint16_t text[TV_ID_CHARS];
	unsigned int used; /* characters with all zeros */
};

/*
 * A device is composite if it has several interfaces, one configuration and
 * leaves its class to them (0/0/0 or EF/02/01).
 */
bool tv_id_composite(const struct tv_device_desc *device,
		     const uint8_t *config);

/* USB\VID_v(4)&PID_p(4), one string ended by one 0. */
void tv_id_device(const struct tv_device_desc *device, struct tv_ids *out);
/* The same with &REV_r(4), then without; a list. */
void tv_id_hardware(const struct tv_device_desc *device, struct tv_ids *out);
/*
 * USB\MS_COMP_..., then by class: of the device if composite, ending with
 * USB\COMPOSITE, else of the first interface.  compat may be NULL.
 */
void tv_id_compatible(const struct tv_device_desc *device,
		      const uint8_t *config, size_t len,
		      const struct tv_compat_id *compat, struct tv_ids *out);
/* "c<controller>p<port>": unique below one bus driver, whatever devices say. */
void tv_id_instance(unsigned int controller, unsigned int port,
		    struct tv_ids *out);
/*
 * The container: the device's own if it gives one, else made of what names the
 * device and where it is plugged, the same each time.
 */
void tv_id_container(const struct tv_device_desc *device,
		     const struct tv_bos *bos, const uint16_t *serial,
		     unsigned int controller, unsigned int port,
		     uint8_t out[16]);

#endif
