/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h - the daemon: what is plugged in, offered and shown.
 */
#ifndef GUEST_GUEST_H
#define GUEST_GUEST_H

#include "settings.h"
#include "status.h"

#include <uv.h>

struct guest;

/* Starts to follow plug and unplug.  0 or a negative errno (said in the log).
 */
int guest_create(struct guest **guest, uv_loop_t *loop,
		 const struct settings *settings);

/*
 * Removes all sockets and lets go of all devices, asynchronously: run the loop
 * until it is empty, then call guest_free().
 */
void guest_stop(struct guest *guest);
void guest_free(struct guest *guest);

/* Where the daemon shows what is plugged in. */
#define GUEST_CONTROL_NAME "guest.sock"

/*
 * What is plugged in as seen without a daemon, at most max rows; how many
 * there are.
 */
size_t guest_look(struct status_row *rows, size_t max);

#endif
