/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tail.h - the last lines of the audit log, in a bounded piece of memory.
 */
#ifndef MANAGE_TAIL_H
#define MANAGE_TAIL_H

#include <stddef.h>
#include <stdint.h>

enum { TAIL_LINES = 1000, TAIL_LINE_MAX = 4096, TAIL_BYTES = 1 << 20 };

struct tail {
	char *lines[TAIL_LINES]; /* a ring */
	size_t first, count, bytes;
};

/* Adds a copy, without a line end; the oldest go when it is full.  A line that
 * is too long or finds no memory is cut or left out. */
void tail_add(struct tail *tail, const char *line);

/* The line that is index lines before the newest (0); NULL: none. */
const char *tail_get(const struct tail *tail, size_t index);

void tail_fini(struct tail *tail);

#endif
