/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * descriptor.h - finds the pipes of a vendor interface in its descriptors.
 */
#ifndef GUEST_DESCRIPTOR_H
#define GUEST_DESCRIPTOR_H

#include "protocol/pipe.h"

#include <stddef.h>
#include <stdint.h>

struct descriptor_pipes {
	uint8_t subclass; /* enum tv_function_type */
	uint8_t string;	  /* iInterface */
	uint8_t event_endpoint;
	unsigned int count; /* 1..TV_PIPE_MAX */
	struct {
		uint8_t out;
		uint8_t in;
	} pipe[TV_PIPE_MAX];
};

/*
 * Reads alternate setting 1 of an interface out of a device descriptor that
 * is followed by configuration descriptors (docs/device.md, 1.2).  0, or
 * -EINVAL: the descriptors are malformed or describe no such interface, and
 * *why says what is wrong with them (a static string).
 */
int descriptor_parse(struct descriptor_pipes *pipes, const uint8_t *data,
		     size_t len, uint8_t configuration, uint8_t interface,
		     const char **why);

#endif
