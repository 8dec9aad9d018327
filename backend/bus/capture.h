/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h - writing down all transfers of devices, for Wireshark.
 *
 * The file is pcapng, link type USB_LINUX_MMAPPED (220): what Linux' usbmon
 * gives for a real device.  It sits between bus and device (struct usb_tap),
 * so it is the same on every bus and sees exactly what the device sees.
 *
 * A capture watches and does not touch: an OUT that nobody has fetched from
 * the guest yet is recorded without octets, and with them when it completes.
 */
#ifndef BUS_CAPTURE_H
#define BUS_CAPTURE_H

#include "backend/usb/device.h"

struct capture;

struct capture_stats {
	uint64_t records;
	uint64_t dropped; /* the reader was too slow */
};

enum { CAPTURE_SNAP_LEN = 64 << 10 };

/*
 * Captures to fd (owned, also on failure), at most snap_len octets of each
 * transfer.  A pipe or a socket should be non-blocking: a reader that is too
 * slow loses records, never the guest.  NULL: out of memory.
 */
struct capture *capture_create(int fd, uint32_t snap_len);

/*
 * A tap for one device, for usb_device_set_tap(); valid until the capture is
 * destroyed.  Wireshark shows it as bus.device.  NULL: out of memory.
 */
struct usb_tap *capture_tap(struct capture *capture, uint16_t bus,
			    uint8_t device);

/*
 * Writes what is waiting, as far as the reader takes it.  0, or a negative
 * errno: the reader is gone.
 */
int capture_flush(struct capture *capture);

/* Octets that wait for the reader. */
size_t capture_pending(const struct capture *capture);

/*
 * No device is tapped any more (usb_device_set_tap(device, NULL)): writes the
 * statistics.  What waits then can still be flushed.
 */
void capture_end(struct capture *capture);

void capture_get_stats(const struct capture *capture,
		       struct capture_stats *stats);

/*
 * After usb_device_set_tap(device, NULL).  Ends it if that has not been done;
 * what the reader does not take at once is lost.  Accepts NULL.
 */
void capture_destroy(struct capture *capture);

#endif
