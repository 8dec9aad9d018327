/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - how a device process gives everything away that it does not need.
 */
#ifndef DAEMON_SANDBOX_H
#define DAEMON_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#include "backend/daemon/sandbox_calls.h"

/*
 * Stages, in this order; any that fails ends it:
 *   1  a mount name space of its own, whose only file system is an empty,
 *      read-only tmpfs (root only)
 *   2  resource limits: no core, no new process or thread, few descriptors,
 *      bounded memory
 *   3  uid and gid of the domain, no supplementary group, no capability
 *      (root only)
 *   4  no new privileges; not dumpable, so no other process of this uid can
 *      look into it; killed when the broker dies
 *   5  only the system calls that sandbox_calls.c lists for these groups
 *
 * calls: SANDBOX_CALLS_CORE and what bus and functions need besides.
 * uid 0 means that the broker is not root: stages 1 and 3 are left out, files
 * can be opened, and it is an error if this process is root.  0 or a negative
 * errno; then the caller must exit.
 */
int sandbox_enter(uid_t uid, pid_t broker, uint32_t calls);

#endif
