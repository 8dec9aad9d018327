/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap.h - a member's TAP: its frames, its policy, what was dropped and why.
 *
 * The broker makes the TAP and puts it where it belongs (network.h); here is
 * its descriptor.  Policy is enforced on every frame, in both directions, in
 * the process of the member: a guest cannot get round it, and a network that is
 * shared needs no rules in the kernel.
 */
#ifndef SERVICE_TAP_H
#define SERVICE_TAP_H

#include "backend/service/frame_port.h"

#include <uv.h>

enum { TAP_NAME_SIZE = 16 };

/*
 * A TAP of this machine, by its name; made if there is none and one may.  Its
 * descriptor or a negative errno.
 */
int tap_open(const char *name);

struct tap_config {
	int fd; /* IFF_TAP | IFF_NO_PI; owned, also on failure */
	struct frame_policy policy;
	uint64_t rate;	/* octets a second from the guest; 0: no limit */
	uint32_t burst; /* octets; 0: what rate gives in 50 ms, or 64 KiB */
	bool up;
};

struct tap_counters {
	uint64_t frames_in; /* to the guest */
	uint64_t octets_in;
	uint64_t frames_out; /* from the guest */
	uint64_t octets_out;
	/* By enum frame_verdict; [FRAME_PASS] stays 0. */
	uint64_t dropped_in[FRAME_VERDICT_COUNT];
	uint64_t dropped_out[FRAME_VERDICT_COUNT];
};

/* NULL: no memory, or the descriptor is none that can be waited for. */
struct frame_port *tap_create(uv_loop_t *loop, const struct tap_config *config);

/* From the next frame on. */
void tap_set_policy(struct frame_port *port, const struct frame_policy *policy,
		    uint64_t rate, uint32_t burst);
/* A member that is out, or let in: no frame passes while it is down. */
void tap_set_up(struct frame_port *port, bool up);
void tap_get_counters(const struct frame_port *port,
		      struct tap_counters *counters);

#endif
