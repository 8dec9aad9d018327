// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * live.c - a snapshot of a live XenStore, permissions included.
 *
 * Guests can make many nodes and deep ones in their own folders; xenstored's
 * quota bounds the former, LIVE_MAX_DEPTH the latter.
 */
#include "xenstore-schema/live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVE_MAX_DEPTH = 32 };

struct reader {
	const struct schema *schema;
	struct xs_handle *xs;
	xs_transaction_t transaction;
	struct snapshot *snapshot;
};

static char letter_of(unsigned int perms)
{
	switch (perms & (XS_PERM_READ | XS_PERM_WRITE)) {
	case XS_PERM_READ:
		return 'r';
	case XS_PERM_WRITE:
		return 'w';
	case XS_PERM_READ | XS_PERM_WRITE:
		return 'b';
	default:
		return 'n';
	}
}

static int node_read(struct reader *reader, const char *path)
{
	struct snapshot_perm made[SNAPSHOT_PERM_MAX];
	unsigned int len, count = 0;
	struct xs_permissions *perms;
	char *value = xs_read(reader->xs, reader->transaction, path, &len);
	int error;

	/* The root has no value that anybody may read. */
	if (!value)
		return errno == ENOENT ? 0 : -errno;
	perms = xs_get_permissions(reader->xs, reader->transaction, path,
				   &count);
	if (!perms) {
		error = -errno;
		free(value);
		return error;
	}
	if (count > SNAPSHOT_PERM_MAX)
		count = SNAPSHOT_PERM_MAX;
	for (unsigned int i = 0; i < count; i++)
		made[i] = (struct snapshot_perm){perms[i].id,
						 letter_of(perms[i].perms)};
	error = snapshot_add(reader->snapshot, path, value, len, made, count);
	free(perms);
	free(value);
	return error;
}

static int tree_read(struct reader *reader, const char *path, int depth)
{
	char child[SNAPSHOT_PATH_MAX + 1];
	unsigned int count = 0;
	char **names;
	int error = strcmp(path, "/") == 0 ? 0 : node_read(reader, path);

	if (error || depth == LIVE_MAX_DEPTH)
		return error;
	names = xs_directory(reader->xs, reader->transaction, path, &count);
	if (!names)
		return errno == ENOENT ? 0 : -errno;
	for (unsigned int i = 0; !error && i < count; i++) {
		int len =
			snprintf(child, sizeof(child), "%s/%s",
				 strcmp(path, "/") == 0 ? "" : path, names[i]);

		if (len < (int)sizeof(child) &&
		    schema_concerns(reader->schema, child))
			error = tree_read(reader, child, depth + 1);
	}
	free(names);
	return error;
}

int schema_read_live(const struct schema *schema, struct xs_handle *xs,
		     struct snapshot **snapshot)
{
	struct reader reader = {.schema = schema, .xs = xs};
	int error;

	reader.snapshot = snapshot_create();
	if (!reader.snapshot)
		return -ENOMEM;
	reader.transaction = xs_transaction_start(xs);
	if (reader.transaction == XBT_NULL) {
		error = -errno;
		goto err_free;
	}
	error = tree_read(&reader, "/", 0);
	xs_transaction_end(xs, reader.transaction, true);
	if (error)
		goto err_free;
	*snapshot = reader.snapshot;
	return 0;

err_free:
	snapshot_free(reader.snapshot);
	return error;
}
