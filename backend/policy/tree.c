// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tree.c - nodes below /tool/2virt/domain/<domid>.
 *
 * Sorted when somebody looks after something was added.  '/' sorts before
 * everything else, so that "a/b" comes before "a-b" and a node's children
 * follow it without a stranger between.
 */
#include "backend/policy/tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/order.h"

struct tree_node {
	uint32_t path; /* offset in text */
	uint32_t value;
};

struct policy_tree {
	struct tree_node *nodes;
	size_t count;
	size_t size;
	char *text;
	size_t text_len;
	size_t text_size;
	bool sorted;
};

int policy_path_compare(const char *a, const char *b)
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

struct policy_tree *policy_tree_create(void)
{
	struct policy_tree *tree = calloc(1, sizeof(*tree));

	if (tree)
		tree->sorted = true;
	return tree;
}

void policy_tree_destroy(struct policy_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->text);
	free(tree);
}

/* Room for more octets of text. */
static int text_reserve(struct policy_tree *tree, size_t more)
{
	size_t size = tree->text_size ? tree->text_size : 256;
	char *grown;

	if (more > UINT32_MAX - tree->text_len)
		return -EMSGSIZE;
	if (more <= tree->text_size - tree->text_len)
		return 0;
	while (size - tree->text_len < more)
		size += size / 2;
	grown = realloc(tree->text, size);
	if (!grown)
		return -ENOMEM;
	tree->text = grown;
	tree->text_size = size;
	return 0;
}

static uint32_t text_add(struct policy_tree *tree, const char *text, size_t len)
{
	uint32_t offset = (uint32_t)tree->text_len;

	memcpy(tree->text + offset, text, len + 1);
	tree->text_len += len + 1;
	return offset;
}

int policy_tree_add(struct policy_tree *tree, const char *path,
		    const char *value)
{
	size_t path_len = strlen(path), value_len = strlen(value);
	struct tree_node *grown;
	int error;

	if (tree->count == tree->size) {
		size_t size = tree->size ? tree->size + tree->size / 2 : 16;

		grown = reallocarray(tree->nodes, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		tree->nodes = grown;
		tree->size = size;
	}
	error = text_reserve(tree, path_len + value_len + 2);
	if (error)
		return error;
	tree->nodes[tree->count].path = text_add(tree, path, path_len);
	tree->nodes[tree->count].value = text_add(tree, value, value_len);
	tree->count++;
	tree->sorted = false;
	return 0;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct tree_node *left = a, *right = b;
	const char *text = context;
	int order = policy_path_compare(text + left->path, text + right->path);

	if (order)
		return order;
	/* Of the same path: as they were added. */
	return left->path < right->path ? -1 : 1;
}

static void sort(struct policy_tree *tree)
{
	size_t used = 0;

	if (tree->sorted)
		return;
	qsort_r(tree->nodes, tree->count, sizeof(*tree->nodes), compare,
		tree->text);
	for (size_t i = 0; i < tree->count; i++) {
		if (used > 0 && strcmp(tree->text + tree->nodes[used - 1].path,
				       tree->text + tree->nodes[i].path) == 0)
			continue;
		tree->nodes[used++] = tree->nodes[i];
	}
	tree->count = used;
	tree->sorted = true;
}

size_t policy_tree_count(struct policy_tree *tree)
{
	sort(tree);
	return tree->count;
}

const char *policy_tree_path(struct policy_tree *tree, size_t index)
{
	sort(tree);
	return tree->text + tree->nodes[index].path;
}

const char *policy_tree_value(struct policy_tree *tree, size_t index)
{
	sort(tree);
	return tree->text + tree->nodes[index].value;
}

const char *policy_tree_get(struct policy_tree *tree, const char *path)
{
	size_t low = 0, high;

	if (!tree)
		return NULL;
	sort(tree);
	high = tree->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = policy_path_compare(
			path, tree->text + tree->nodes[middle].path);

		if (order == 0)
			return tree->text + tree->nodes[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

size_t policy_tree_memory(const struct policy_tree *tree)
{
	return sizeof(*tree) + tree->size * sizeof(*tree->nodes) +
	       tree->text_size;
}
