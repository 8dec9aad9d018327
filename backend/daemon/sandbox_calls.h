/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox_calls.h - the system calls that a device process makes.
 */
#ifndef DAEMON_SANDBOX_CALLS_H
#define DAEMON_SANDBOX_CALLS_H

#include <stdint.h>

/* Groups of calls, for a mask; what each is for stands in sandbox_calls.c. */
enum {
	SANDBOX_CALLS_CORE = 1 << 0,	 /* loop, memory, time, the broker */
	SANDBOX_CALLS_NETWORK = 1 << 1,	 /* connections to upstreams */
	SANDBOX_CALLS_XEN = 1 << 2,	 /* grants and event channels */
	SANDBOX_CALLS_FILES = 1 << 3,	 /* only if the broker is not root */
	SANDBOX_CALLS_SANITIZE = 1 << 4, /* only in such a build */
};

/* 0 or a negative errno (said in the log). */
int sandbox_calls_confine(uint32_t groups);

#endif
