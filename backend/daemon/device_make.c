// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_make.c - which USB device a grant becomes.
 */
#include "backend/daemon/device_make.h"

#include <stdio.h>

#include "backend/daemon/message.h"
#include "backend/function/diag.h"
#include "backend/function/web.h"
#include "protocol/pipe.h"

static struct usb_function *function_make(uint32_t function, const char *name,
					  struct web_service_set *services)
{
	switch (function) {
	case MESSAGE_FUNCTION_WEB:
		return web_function_create(&(struct web_function_config){
			.name = name,
			.services = services,
		});
	case MESSAGE_FUNCTION_DIAG:
		return diag_function_create(name);
	default:
		return NULL;
	}
}

struct usb_device *device_make(uint32_t function, const char *name,
			       struct web_service_set *services)
{
	struct usb_function *made = function_make(function, name, services);
	char serial[MESSAGE_NAME_SIZE + 16];
	const struct usb_device_identity identity = {
		.vendor_id = TV_USB_VENDOR_ID,
		.product_id = TV_USB_PRODUCT_ID,
		.release = 0x0100,
		.manufacturer = "2Virt",
		.product = function == MESSAGE_FUNCTION_WEB
				   ? "2Virt Web Service"
				   : "2Virt Diagnosis",
		.serial = serial,
	};

	if (!made)
		return NULL;
	snprintf(serial, sizeof(serial), "%s-%s",
		 message_function_name(function), name);
	/* Owns the function, also on failure. */
	return usb_device_create(&identity, &made, 1);
}
