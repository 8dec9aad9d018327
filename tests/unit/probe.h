/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - a function that takes and gives what a test tells it.
 *
 * One interface, bulk OUT and IN, interrupt IN.  IN octets are the pattern
 * probe_octet(0), probe_octet(1), ... through all transfers.
 */
#ifndef TESTS_PROBE_H
#define TESTS_PROBE_H

#include "backend/usb/device.h"

enum { PROBE_OUT = 0x01, PROBE_IN = 0x82, PROBE_EVENT = 0x81 };

struct probe {
	struct usb_function function;
	struct usb_device *device; /* to be plugged; owned by the bus then */
	size_t room;		   /* OUT octets it will take */
	uint8_t *taken;
	size_t taken_len;
	bool forgets; /* does not keep what it takes */
	size_t stock; /* IN octets it has */
	size_t given;
	size_t events;	      /* interrupt transfers it can answer */
	unsigned int refused; /* transfers whose data could not be had */
	unsigned int resets;  /* times setting 0 was selected */
	bool *destroyed;      /* set at the end, if not NULL */
};

/* NULL only if out of memory. */
struct probe *probe_create(void);
static inline uint8_t probe_octet(size_t index)
{
	return (uint8_t)(index * 7 + (index >> 8) * 13 + 1);
}

void probe_accept(struct probe *probe, size_t room);
void probe_give(struct probe *probe, size_t stock);
void probe_raise(struct probe *probe);

#endif
