/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folder.h - the files of a folder, each in its last good version.
 *
 * What a file means is the owner's: it gives parse() and free().  A folder of
 * copies (keep) holds each good version, so that a file found broken at the
 * next start still has one.
 */
#ifndef POLICY_FOLDER_H
#define POLICY_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/policy/error.h"

enum { FOLDER_FILE_MAX_BYTES = 1 << 20, FOLDER_MAX_FILES = 1000 };

struct folder_kind {
	const char *suffix;
	/* 0, -EINVAL with an error, -ENOMEM */
	int (*parse)(const char *text, size_t len, void **content,
		     struct policy_error *error);
	void (*free)(void *content); /* accepts NULL */
};

struct folder_file {
	char *name;
	void *content; /* NULL: no good version is known */
	char *text;    /* of content */
	size_t len;
	unsigned int version;
	bool kept; /* content comes from the copies */
	bool broken;
	bool seen; /* only while reading */
	struct policy_error error;
};

struct folder {
	const struct folder_kind *kind;
	char *path; /* NULL: none */
	char *keep; /* NULL: none */
	struct folder_file *files;
	size_t count;
};

/* Paths are copied.  0 or -ENOMEM; folder_fini() is fine in any case. */
int folder_init(struct folder *folder, const struct folder_kind *kind,
		const char *path, const char *keep);
void folder_fini(struct folder *folder);

/* As policy_set_reload() for one folder. */
int folder_reload(struct folder *folder, bool *changed);

/* As policy_set_put() for one folder. */
int folder_put(struct folder *folder, const char *name, const char *text,
	       size_t len, bool *changed, struct policy_error *error);

#endif
