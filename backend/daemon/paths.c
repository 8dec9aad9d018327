// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * paths.c - a list of XenStore paths, each meaning all that is below it too.
 */
#include "backend/daemon/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void paths_clear(struct paths *paths)
{
	for (size_t i = 0; i < paths->count; i++)
		free(paths->list[i]);
	free(paths->list);
	memset(paths, 0, sizeof(*paths));
}

int paths_add(struct paths *paths, const char *text)
{
	if (paths->count == paths->size) {
		size_t size = paths->size ? 2 * paths->size : 8;
		char **grown = reallocarray(paths->list, size, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		paths->list = grown;
		paths->size = size;
	}
	paths->list[paths->count] = strdup(text);
	return paths->list[paths->count] ? (paths->count++, 0) : -ENOMEM;
}

bool path_is_below(const char *path, const char *unit)
{
	size_t len = strlen(unit);

	return strncmp(path, unit, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

bool paths_cover(const struct paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++)
		if (path_is_below(path, paths->list[i]))
			return true;
	return false;
}

void paths_drop(struct paths *paths, const char *unit)
{
	size_t used = 0;

	for (size_t i = 0; i < paths->count; i++) {
		if (path_is_below(paths->list[i], unit))
			free(paths->list[i]);
		else
			paths->list[used++] = paths->list[i];
	}
	paths->count = used;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void paths_settle(struct paths *paths)
{
	size_t used = 0;

	if (paths->count)
		qsort(paths->list, paths->count, sizeof(*paths->list),
		      compare_text);
	for (size_t i = 0; i < paths->count; i++) {
		const struct paths before = {paths->list, used, used};

		if (paths_cover(&before, paths->list[i]))
			free(paths->list[i]);
		else
			paths->list[used++] = paths->list[i];
	}
	paths->count = used;
}
