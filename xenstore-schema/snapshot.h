/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * snapshot.h - nodes of a XenStore at one moment: path, value, permissions.
 */
#ifndef SCHEMA_SNAPSHOT_H
#define SCHEMA_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SNAPSHOT_PATH_MAX = 3072, /* XENSTORE_ABS_PATH_MAX */
	SNAPSHOT_VALUE_MAX = 65536,
	SNAPSHOT_PERM_MAX = 256,
};

/* As xenstored has it: the first one's domain owns the node and has all
 * rights, the first one's letter is for everybody not named after it. */
struct snapshot_perm {
	uint32_t domid;
	char letter; /* n none, r read, w write, b both */
};

struct snapshot_node {
	char *path;
	char *value; /* may hold NUL; one NUL more follows */
	size_t len;
	struct snapshot_perm *perms;
	size_t perm_count; /* 0: not known */
};

struct snapshot;

/* NULL: no memory. */
struct snapshot *snapshot_create(void);
/* Accepts NULL. */
void snapshot_free(struct snapshot *snapshot);

/* Everything is copied.  0 or -ENOMEM. */
int snapshot_add(struct snapshot *snapshot, const char *path, const char *value,
		 size_t len, const struct snapshot_perm *perms,
		 size_t perm_count);

/* In order of paths; what is below a node follows it. */
size_t snapshot_count(struct snapshot *snapshot);
const struct snapshot_node *snapshot_get(struct snapshot *snapshot,
					 size_t index);
/* NULL: no such node. */
const struct snapshot_node *snapshot_find(struct snapshot *snapshot,
					  const char *path);

/*
 * Reads what "xenstore-ls -fp" (or -f: without permissions) prints.  0; or
 * -EINVAL: line *line (from 1) is none of its lines, *why says what is wrong;
 * -ENOMEM.  *snapshot is for snapshot_free().
 */
int snapshot_parse(const char *text, size_t len, struct snapshot **snapshot,
		   unsigned int *line, const char **why);

#endif
