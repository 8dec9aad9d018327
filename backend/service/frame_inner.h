/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame_inner.h - what is inside of a frame; for frame_filter.c only.
 */
#ifndef SERVICE_FRAME_INNER_H
#define SERVICE_FRAME_INNER_H

#include "backend/service/frame_filter.h"

enum { FRAME_HEADER_LEN = 14 };

struct frame_inner {
	const struct frame_policy *policy; /* NULL: only the shape counts */
	const uint8_t *source_mac;
	const uint8_t *data; /* behind the Ethernet header */
	size_t len;
};

bool frame_mac_allowed(const struct frame_policy *policy, const uint8_t *mac);

/* On FRAME_PASS *payload is how many octets of data mean something. */
enum frame_verdict frame_check_arp(const struct frame_inner *inner,
				   size_t *payload);
enum frame_verdict frame_check_ipv4(const struct frame_inner *inner,
				    size_t *payload);
enum frame_verdict frame_check_ipv6(const struct frame_inner *inner,
				    size_t *payload);

#endif
