/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * list.h - doubly linked list whose nodes live inside their owners.
 *
 * A node that is in no list points to itself, so removing twice is harmless
 * and list_linked() tells.
 */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
	struct list_node *prev;
	struct list_node *next;
};

#define container_of(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walks a list whose current node may be removed by the body. */
#define list_for_each_safe(pos, after, head)                                   \
	for ((pos) = (head)->next, (after) = (pos)->next; (pos) != (head);     \
	     (pos) = (after), (after) = (pos)->next)

#define list_for_each(pos, head)                                               \
	for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)

static inline void list_init(struct list_node *node)
{
	node->prev = node;
	node->next = node;
}

static inline bool list_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline bool list_linked(const struct list_node *node)
{
	return node->next != node;
}

static inline void list_append(struct list_node *head, struct list_node *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_remove(struct list_node *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

static inline struct list_node *list_first(const struct list_node *head)
{
	return list_empty(head) ? NULL : head->next;
}

#endif
