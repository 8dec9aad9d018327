/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-buffer.h - octets of a body on their way: first in, first out, bounded.
 *
 * The memory grows by doubling from 4 KiB to the limit and is one piece, so
 * what waits can be handed out without copying.  Growth beyond the first
 * 16 KiB is taken from a budget that all buffers of a set share.
 */
#ifndef SERVICE_WEB_BUFFER_H
#define SERVICE_WEB_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_BUFFER_FREE_BYTES = 16384 };

struct web_budget {
	size_t used_bytes;
	size_t max_bytes;
};

struct web_buffer {
	uint8_t *data;
	size_t size;
	size_t start;
	size_t end;
	size_t limit;
	struct web_budget *budget;
};

/* Empties the buffer, keeping memory that is for free. */
void web_buffer_init(struct web_buffer *buffer, size_t limit,
		     struct web_budget *budget);
/* Gives back all memory that is not for free, or all of it. */
void web_buffer_trim(struct web_buffer *buffer);
void web_buffer_free(struct web_buffer *buffer);

static inline size_t web_buffer_used(const struct web_buffer *buffer)
{
	return buffer->end - buffer->start;
}

/* Octets that fit when memory and budget allow. */
static inline size_t web_buffer_room(const struct web_buffer *buffer)
{
	return buffer->limit - web_buffer_used(buffer);
}

/* At most half full: worth going on after a pause. */
static inline bool web_buffer_is_low(const struct web_buffer *buffer)
{
	return web_buffer_used(buffer) <= buffer->limit / 2;
}

/*
 * Makes room for up to len octets, as limit, budget and memory allow.  How
 * many will certainly fit: 0 only if the buffer holds some.
 */
size_t web_buffer_make_room(struct web_buffer *buffer, size_t len);

/* All of len octets, or false: no room, no budget, no memory. */
bool web_buffer_put(struct web_buffer *buffer, const void *data, size_t len);

static inline const uint8_t *web_buffer_data(const struct web_buffer *buffer)
{
	return buffer->data ? buffer->data + buffer->start : NULL;
}

void web_buffer_consume(struct web_buffer *buffer, size_t len);

#endif
