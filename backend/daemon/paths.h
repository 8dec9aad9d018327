/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paths.h - a list of XenStore paths, each meaning all that is below it too.
 */
#ifndef DAEMON_PATHS_H
#define DAEMON_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: empty. */
struct paths {
	char **list;
	size_t count, size;
};

/* Empties and frees. */
void paths_clear(struct paths *paths);
/* Copies the path.  0 or -ENOMEM. */
int paths_add(struct paths *paths, const char *path);
/* Removes a path and those below it. */
void paths_drop(struct paths *paths, const char *path);
/* True if the path is one of these or below one. */
bool paths_cover(const struct paths *paths, const char *path);
/* Sorts; leaves out what is there twice or below another one. */
void paths_settle(struct paths *paths);

bool path_is_below(const char *path, const char *above);

#endif
