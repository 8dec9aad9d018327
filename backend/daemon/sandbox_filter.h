/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox_filter.h - a table of system calls made into a seccomp filter.
 *
 * A rule names a call, tests of its arguments and the answer when all tests
 * hold; the first rule that fits decides.  What no rule is about kills.
 */
#ifndef DAEMON_SANDBOX_FILTER_H
#define DAEMON_SANDBOX_FILTER_H

#include <stddef.h>
#include <stdint.h>

enum { SANDBOX_TESTS = 3, SANDBOX_VALUES = 8 };

/*
 * True when (argument & mask) is one of the values.  Only the low 32 bits of
 * an argument are looked at: what is tested here are ints and flags of which
 * the kernel knows none above.  count 0: no test.
 */
struct sandbox_test {
	uint32_t argument, mask, count;
	uint32_t values[SANDBOX_VALUES];
};

struct sandbox_rule {
	uint32_t groups; /* the rule is there if one of these is asked for */
	uint32_t number; /* __NR_... */
	uint32_t error;	 /* 0: the call is made; else an errno for it */
	struct sandbox_test tests[SANDBOX_TESTS];
};

/*
 * Confines this process for good; it must have no_new_privs.  groups: a mask,
 * meant for rules[].groups.  0 or a negative errno.
 */
int sandbox_filter_enter(const struct sandbox_rule *rules, size_t count,
			 uint32_t groups);

#endif
