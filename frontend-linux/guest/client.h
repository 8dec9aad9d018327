/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * client.h - the commands of 2virt-guest that talk to the running daemon.
 */
#ifndef GUEST_CLIENT_H
#define GUEST_CLIENT_H

#include <stdbool.h>

/* Both return an exit status and say on stderr what went wrong. */

/* Shows what is plugged in, asking the daemon if one runs. */
int client_list(const char *runtime_dir, bool json);

/*
 * Joins stdin and stdout to a function ("web:default") until both directions
 * have ended; an end of stdin is passed on as a half-close.
 */
int client_connect(const char *runtime_dir, const char *text);

#endif
