// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tail.c - the last lines of the audit log.
 */
#include "backend/manage/tail.h"

#include <stdlib.h>
#include <string.h>

static void drop_oldest(struct tail *tail)
{
	char **oldest = &tail->lines[tail->first];

	tail->bytes -= strlen(*oldest);
	free(*oldest);
	*oldest = NULL;
	tail->first = (tail->first + 1) % TAIL_LINES;
	tail->count--;
}

void tail_add(struct tail *tail, const char *line)
{
	size_t len = strnlen(line, TAIL_LINE_MAX);
	char *copy = strndup(line, len);

	if (!copy)
		return;
	for (char *at = copy; *at; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	while (tail->count == TAIL_LINES ||
	       (tail->count && tail->bytes + len > TAIL_BYTES))
		drop_oldest(tail);
	tail->lines[(tail->first + tail->count) % TAIL_LINES] = copy;
	tail->count++;
	tail->bytes += len;
}

const char *tail_get(const struct tail *tail, size_t index)
{
	if (index >= tail->count)
		return NULL;
	return tail
		->lines[(tail->first + tail->count - 1 - index) % TAIL_LINES];
}

void tail_fini(struct tail *tail)
{
	while (tail->count)
		drop_oldest(tail);
}
