/* SPDX-License-Identifier: MIT */
/*
 * list.h - a doubly linked list whose nodes lie in their elements.
 *
 * A node that is in no list points to itself, so that taking it out twice does
 * no harm.
 */
#ifndef TV_WIN_LIST_H
#define TV_WIN_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct tv_list {
	struct tv_list *next, *prev;
};

#define TV_ENTRY(node, type, member)                                           \
	((type *)((char *)(node)-offsetof(type, member)))

static inline void tv_list_init(struct tv_list *list)
{
	list->next = list->prev = list;
}

static inline bool tv_list_empty(const struct tv_list *list)
{
	return list->next == list;
}

static inline void tv_list_insert(struct tv_list *prev, struct tv_list *node)
{
	node->next = prev->next;
	node->prev = prev;
	prev->next->prev = node;
	prev->next = node;
}

/* At the end. */
static inline void tv_list_add(struct tv_list *list, struct tv_list *node)
{
	tv_list_insert(list->prev, node);
}

static inline void tv_list_del(struct tv_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	tv_list_init(node);
}

#endif
