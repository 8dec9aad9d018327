/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port-libusb.h - ports on real USB, through libusb-1.0 and usbfs.
 */
#ifndef GUEST_PORT_LIBUSB_H
#define GUEST_PORT_LIBUSB_H

#include "port.h"

#include <uv.h>

struct port_libusb_context;

/* NULL: out of memory.  libusb itself is started with the first port. */
struct port_libusb_context *port_libusb_init(uv_loop_t *loop);

/* All its ports must have been closed, and the loop be run to its end after. */
void port_libusb_fini(struct port_libusb_context *context);

/*
 * A port for an interface of the device at path ("/dev/bus/usb/001/002",
 * copied).  NULL: out of memory.
 */
struct port *port_libusb_create(struct port_libusb_context *context,
				const char *path, uint8_t configuration,
				uint8_t interface);

#endif
