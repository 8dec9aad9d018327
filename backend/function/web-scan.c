// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-scan.c - line and chunk structure of HTTP/1.1, octet by octet.
 */
#include "backend/function/web-scan.h"

enum {
	SIZE_DIGITS_MAX = 15,
	EXTENSION_MAX = 256,
	TRAILERS_MAX = 8192,
};

static bool is_text(uint8_t c)
{
	return c >= ' ' ? c != 0x7f : c == '\t';
}

enum web_scan_result web_scan_lines(struct web_scan *scan, const uint8_t *data,
				    size_t len, size_t *used)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t c = data[i];

		if (scan->after_cr) {
			if (c != '\n')
				return WEB_SCAN_BAD;
			scan->after_cr = false;
			if (!scan->in_line &&
			    (scan->any_lines || scan->trailers)) {
				*used = i + 1;
				return WEB_SCAN_END;
			}
			scan->in_line = false;
			continue;
		}
		if (c == '\r') {
			scan->after_cr = true;
			continue;
		}
		if (!is_text(c))
			return WEB_SCAN_BAD;
		if (scan->in_line)
			continue;
		if (c == ' ' || c == '\t')
			return WEB_SCAN_BAD;
		scan->in_line = true;
		scan->any_lines = true;
	}
	*used = len;
	return WEB_SCAN_MORE;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One octet of the line that says a chunk's size. */
static bool chunk_size_octet(struct web_chunk *chunk, uint8_t c)
{
	int digit = hex_digit(c);

	if (chunk->state == WEB_CHUNK_SIZE_FIRST) {
		chunk->left = 0;
		chunk->digits = 0;
		chunk->extension_len = 0;
		chunk->state = WEB_CHUNK_SIZE;
		if (digit < 0)
			return false;
	}
	if (digit >= 0) {
		chunk->left = chunk->left << 4 | (unsigned int)digit;
		return ++chunk->digits <= SIZE_DIGITS_MAX;
	}
	if (c == '\r')
		chunk->state = WEB_CHUNK_SIZE_LF;
	else if (c == ';')
		chunk->state = WEB_CHUNK_EXTENSION;
	else
		return false;
	return true;
}

/* One octet of what surrounds the data. */
static bool chunk_octet(struct web_chunk *chunk, uint8_t c)
{
	switch (chunk->state) {
	case WEB_CHUNK_SIZE_FIRST:
	case WEB_CHUNK_SIZE:
		return chunk_size_octet(chunk, c);
	case WEB_CHUNK_EXTENSION:
		if (c == '\r') {
			chunk->state = WEB_CHUNK_SIZE_LF;
			return true;
		}
		return is_text(c) && ++chunk->extension_len <= EXTENSION_MAX;
	case WEB_CHUNK_SIZE_LF:
		chunk->state =
			chunk->left ? WEB_CHUNK_DATA : WEB_CHUNK_TRAILERS;
		return c == '\n';
	case WEB_CHUNK_DATA_CR:
		chunk->state = WEB_CHUNK_DATA_LF;
		return c == '\r';
	case WEB_CHUNK_DATA_LF:
		chunk->state = WEB_CHUNK_SIZE_FIRST;
		return c == '\n';
	default:
		return false;
	}
}

static enum web_scan_result chunk_trailers(struct web_chunk *chunk,
					   const uint8_t *data, size_t len,
					   size_t *used)
{
	enum web_scan_result result;

	*used = 0;
	chunk->trailers.trailers = true;
	result = web_scan_lines(&chunk->trailers, data, len, used);
	chunk->trailers_len += *used;
	if (chunk->trailers_len > TRAILERS_MAX)
		return WEB_SCAN_BAD;
	if (result == WEB_SCAN_END)
		chunk->state = WEB_CHUNK_END;
	return result;
}

enum web_scan_result web_chunk_next(struct web_chunk *chunk,
				    const uint8_t *data, size_t len,
				    size_t *used, const uint8_t **body,
				    size_t *body_len)
{
	size_t at = 0;

	*body_len = 0;
	*used = 0;
	while (at < len) {
		if (chunk->state == WEB_CHUNK_DATA) {
			*body = data + at;
			*body_len = chunk->left < len - at ? (size_t)chunk->left
							   : len - at;
			chunk->left -= *body_len;
			if (!chunk->left)
				chunk->state = WEB_CHUNK_DATA_CR;
			*used = at + *body_len;
			return WEB_SCAN_MORE;
		}
		if (chunk->state == WEB_CHUNK_TRAILERS) {
			size_t lines;
			enum web_scan_result result = chunk_trailers(
				chunk, data + at, len - at, &lines);

			*used = at + lines;
			return result;
		}
		if (!chunk_octet(chunk, data[at]))
			return WEB_SCAN_BAD;
		at++;
	}
	*used = at;
	return WEB_SCAN_MORE;
}
