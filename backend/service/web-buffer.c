// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-buffer.c - bounded byte queue in one piece of memory.
 */
#include "backend/service/web-buffer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 4096 };

static size_t budget_part(size_t size)
{
	return size > WEB_BUFFER_FREE_BYTES ? size - WEB_BUFFER_FREE_BYTES : 0;
}

void web_buffer_free(struct web_buffer *buffer)
{
	if (buffer->budget)
		buffer->budget->used_bytes -= budget_part(buffer->size);
	free(buffer->data);
	buffer->data = NULL;
	buffer->size = 0;
	buffer->start = 0;
	buffer->end = 0;
}

void web_buffer_trim(struct web_buffer *buffer)
{
	if (buffer->size > WEB_BUFFER_FREE_BYTES)
		web_buffer_free(buffer);
	buffer->start = 0;
	buffer->end = 0;
}

void web_buffer_init(struct web_buffer *buffer, size_t limit,
		     struct web_budget *budget)
{
	web_buffer_trim(buffer);
	buffer->limit = limit;
	buffer->budget = budget;
}

static bool web_buffer_grow(struct web_buffer *buffer, size_t needed)
{
	size_t size = buffer->size ? buffer->size : FIRST_SIZE;
	size_t more;
	uint8_t *data;

	while (size < needed)
		size *= 2;
	more = budget_part(size) - budget_part(buffer->size);
	if (more > buffer->budget->max_bytes - buffer->budget->used_bytes)
		return false;
	data = malloc(size);
	if (!data)
		return false;
	buffer->budget->used_bytes += more;
	buffer->end -= buffer->start;
	if (buffer->end)
		memcpy(data, buffer->data + buffer->start, buffer->end);
	buffer->start = 0;
	free(buffer->data);
	buffer->data = data;
	buffer->size = size;
	return true;
}

bool web_buffer_put(struct web_buffer *buffer, const void *data, size_t len)
{
	size_t used = web_buffer_used(buffer);

	if (len > buffer->limit - used)
		return false;
	if (len > buffer->size - buffer->end) {
		if (len > buffer->size - used) {
			if (!web_buffer_grow(buffer, used + len))
				return false;
		} else {
			memmove(buffer->data, buffer->data + buffer->start,
				used);
			buffer->start = 0;
			buffer->end = used;
		}
	}
	if (len)
		memcpy(buffer->data + buffer->end, data, len);
	buffer->end += len;
	return true;
}

size_t web_buffer_make_room(struct web_buffer *buffer, size_t len)
{
	size_t used = web_buffer_used(buffer);

	if (len > buffer->limit - used)
		len = buffer->limit - used;
	if (used + len > buffer->size && !web_buffer_grow(buffer, used + len)) {
		if (buffer->size < WEB_BUFFER_FREE_BYTES)
			web_buffer_grow(buffer, WEB_BUFFER_FREE_BYTES);
		len = buffer->size - used;
	}
	return len;
}

void web_buffer_consume(struct web_buffer *buffer, size_t len)
{
	assert(len <= web_buffer_used(buffer));
	buffer->start += len;
	if (buffer->start == buffer->end) {
		buffer->start = 0;
		buffer->end = 0;
	}
}
