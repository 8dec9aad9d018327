/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tree.h - what stands below /tool/2virt/domain/<domid>, as a sorted list of
 * (path, value) in one block of memory.
 *
 * Paths are relative: "grant/web/catalog/methods", "limit/rate", "tags".
 */
#ifndef POLICY_TREE_H
#define POLICY_TREE_H

#include <stddef.h>

struct policy_tree;

/* NULL: no memory. */
struct policy_tree *policy_tree_create(void);
/* Accepts NULL. */
void policy_tree_destroy(struct policy_tree *tree);

/*
 * Adds a node, in any order; both strings are copied.  A path that is there
 * already keeps its first value.  0, -ENOMEM, -EMSGSIZE (over 4 GiB).
 */
int policy_tree_add(struct policy_tree *tree, const char *path,
		    const char *value);

/* Nodes in order of their paths; what is below a node follows it at once. */
size_t policy_tree_count(struct policy_tree *tree);
const char *policy_tree_path(struct policy_tree *tree, size_t index);
const char *policy_tree_value(struct policy_tree *tree, size_t index);

/* The value of a path; NULL: no such node.  Accepts a NULL tree. */
const char *policy_tree_get(struct policy_tree *tree, const char *path);

/* Octets of memory it takes. */
size_t policy_tree_memory(const struct policy_tree *tree);

#endif
