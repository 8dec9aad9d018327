/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settings.h - what can be configured, from guest.conf and the command line.
 */
#ifndef GUEST_SETTINGS_H
#define GUEST_SETTINGS_H

#include "listener.h"
#include "name.h"

#include <stdbool.h>

enum { SETTINGS_FORWARDS = 16, SETTINGS_TARGET_MAX = 128 };

/* A local service that answers what comes over a link. */
struct forward_setting {
	char link[NAME_MAX_LEN];
	char target[SETTINGS_TARGET_MAX]; /* forward.h */
};

struct settings {
	char runtime_dir[64];	       /* where sockets go */
	struct listener_access access; /* of the functions' sockets */
	char web_listen[64];	       /* loopback address, or "" */
	char web_name[NAME_MAX_LEN];   /* the web function it serves */
	struct forward_setting forwards[SETTINGS_FORWARDS];
	unsigned int forward_count;
};

/* Everything that works without a file. */
void settings_init(struct settings *settings);

/*
 * Sets one value ("web", "listen", "127.0.0.1:8080").  0, or -EINVAL with
 * *why (a static string) when there is no such key or the value is not one.
 */
int settings_set(struct settings *settings, const char *section,
		 const char *key, const char *value, const char **why);

/* Where what comes over a link goes, or NULL. */
const char *settings_forward(const struct settings *settings,
			     const struct function_name *name);

/*
 * Reads an ini file; what is wrong goes to the log with its line.  0,
 * -ENOENT, or -EINVAL.
 */
int settings_read(struct settings *settings, const char *path);

#endif
