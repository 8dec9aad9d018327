// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * snapshot.c - nodes of a XenStore at one moment.
 *
 * Sorted when somebody looks after something was added, with '/' before all
 * other octets, so that a node's children follow it.
 */
#include "xenstore-schema/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct snapshot {
	struct snapshot_node *nodes;
	size_t count;
	size_t size;
	bool sorted;
};

struct snapshot *snapshot_create(void)
{
	return calloc(1, sizeof(struct snapshot));
}

static void node_fini(struct snapshot_node *node)
{
	free(node->path);
	free(node->value);
	free(node->perms);
}

void snapshot_free(struct snapshot *snapshot)
{
	if (!snapshot)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		node_fini(&snapshot->nodes[i]);
	free(snapshot->nodes);
	free(snapshot);
}

static void *copy(const void *data, size_t len)
{
	char *copied = malloc(len + 1);

	if (!copied)
		return NULL;
	if (len)
		memcpy(copied, data, len);
	copied[len] = '\0';
	return copied;
}

int snapshot_add(struct snapshot *snapshot, const char *path, const char *value,
		 size_t len, const struct snapshot_perm *perms,
		 size_t perm_count)
{
	struct snapshot_node node = {0};

	if (snapshot->count == snapshot->size) {
		size_t size = snapshot->size ? 2 * snapshot->size : 64;
		struct snapshot_node *grown = reallocarray(
			snapshot->nodes, size, sizeof(*snapshot->nodes));

		if (!grown)
			return -ENOMEM;
		snapshot->nodes = grown;
		snapshot->size = size;
	}
	node.path = copy(path, strlen(path));
	node.value = copy(value, len);
	node.len = len;
	node.perms = copy(perms, perm_count * sizeof(*perms));
	node.perm_count = perm_count;
	if (!node.path || !node.value || !node.perms) {
		node_fini(&node);
		return -ENOMEM;
	}
	snapshot->nodes[snapshot->count++] = node;
	snapshot->sorted = false;
	return 0;
}

static int path_compare(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	if (*a == *b)
		return 0;
	if (!*a || !*b)
		return *a ? 1 : -1;
	if (*a == '/' || *b == '/')
		return *a == '/' ? -1 : 1;
	return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int compare(const void *a, const void *b)
{
	const struct snapshot_node *left = a, *right = b;

	return path_compare(left->path, right->path);
}

static void sort(struct snapshot *snapshot)
{
	if (!snapshot->sorted && snapshot->count)
		qsort(snapshot->nodes, snapshot->count,
		      sizeof(*snapshot->nodes), compare);
	snapshot->sorted = true;
}

size_t snapshot_count(struct snapshot *snapshot)
{
	return snapshot->count;
}

const struct snapshot_node *snapshot_get(struct snapshot *snapshot,
					 size_t index)
{
	sort(snapshot);
	return &snapshot->nodes[index];
}

const struct snapshot_node *snapshot_find(struct snapshot *snapshot,
					  const char *path)
{
	struct snapshot_node key = {.path = (char *)path};

	sort(snapshot);
	if (!snapshot->count)
		return NULL;
	return bsearch(&key, snapshot->nodes, snapshot->count, sizeof(key),
		       compare);
}
