/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * discover.h - finds 2Virt functions and follows plug and unplug.
 */
#ifndef GUEST_DISCOVER_H
#define GUEST_DISCOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { DISCOVER_MAX = 64 };

/* Where a function is.  Equal if it is the same one, not plugged anew. */
struct location {
	char interface[32]; /* as sysfs names it, "1-2:1.0" */
	uint16_t bus;
	uint16_t address; /* never used twice in a row by the kernel */
	uint8_t configuration;
	uint8_t number; /* bInterfaceNumber */
	uint8_t subclass;
	/*
	 * It is surely ours: by its name, or by vendor and product.  Others
	 * use class and protocol for their own ends.  A function in use may
	 * seem unsure for a moment: its name is away while a setting is
	 * selected.
	 */
	bool sure;
	char device[32]; /* "/dev/bus/usb/001/002" */
};

bool location_equal(const struct location *a, const struct location *b);

/*
 * Reads all interfaces that may be functions from sysfs (sysfs: "/sys", or a
 * copy in tests).  How many there are, at most max.
 */
size_t discover_scan(const char *sysfs, struct location *locations, size_t max);

/* True if a kernel event (netlink, kobject uevent) concerns USB. */
bool discover_event_is_usb(const char *message, size_t len);

struct discover;

/*
 * Calls changed() after kernel events that concern USB, soon after the last
 * of a burst; where events cannot be had, every two seconds.  NULL: out of
 * memory.
 */
struct discover *discover_create(uv_loop_t *loop,
				 void (*changed)(void *context), void *context);
void discover_destroy(struct discover *discover);

#endif
