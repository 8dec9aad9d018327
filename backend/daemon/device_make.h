/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device_make.h - which USB device a grant becomes.
 */
#ifndef DAEMON_DEVICE_MAKE_H
#define DAEMON_DEVICE_MAKE_H

#include <stdint.h>

#include "backend/service/web.h"
#include "backend/usb/device.h"

/*
 * A device with one function (enum message_function) of this name.  services
 * is borrowed and must outlive it.  NULL: no memory, or no such function.
 */
struct usb_device *device_make(uint32_t function, const char *name,
			       struct web_service_set *services);

#endif
