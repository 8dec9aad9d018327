/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-scan.h - where HTTP/1.1 heads and chunked bodies end, strictly.
 *
 * http-parser accepts more than RFC 9112 allows (bare LF, folded lines, and in
 * Debian's build spaces in names).  Nothing reaches it, or passes for the end
 * of something, that these two have not let through.
 */
#ifndef FUNCTION_WEB_SCAN_H
#define FUNCTION_WEB_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum web_scan_result { WEB_SCAN_MORE, WEB_SCAN_END, WEB_SCAN_BAD };

/* Lines up to and with an empty one.  Zeroed: the beginning. */
struct web_scan {
	bool after_cr;
	bool in_line;	/* the line has an octet already */
	bool any_lines; /* a line that was not empty came */
	bool trailers;	/* the section may be empty */
};

/*
 * Looks at octets in turn; *used are those of the section.  Refused are CR
 * without LF, LF without CR, control characters and a line that begins with
 * white space.  Empty lines before a head are skipped.
 */
enum web_scan_result web_scan_lines(struct web_scan *scan, const uint8_t *data,
				    size_t len, size_t *used);

enum web_chunk_state {
	WEB_CHUNK_SIZE_FIRST,
	WEB_CHUNK_SIZE,
	WEB_CHUNK_EXTENSION,
	WEB_CHUNK_SIZE_LF,
	WEB_CHUNK_DATA,
	WEB_CHUNK_DATA_CR,
	WEB_CHUNK_DATA_LF,
	WEB_CHUNK_TRAILERS,
	WEB_CHUNK_END,
	WEB_CHUNK_STATE_COUNT
};

/* A chunked body (RFC 9112, 7.1).  Zeroed: the beginning. */
struct web_chunk {
	enum web_chunk_state state;
	uint64_t left; /* of the current chunk's data */
	unsigned int digits;
	unsigned int extension_len;
	size_t trailers_len;
	struct web_scan trailers;
};

/*
 * Takes octets up to the next piece of data, which is at *body (*body_len 0:
 * none), or to the end.  *used are all that were taken.
 */
enum web_scan_result web_chunk_next(struct web_chunk *chunk,
				    const uint8_t *data, size_t len,
				    size_t *used, const uint8_t **body,
				    size_t *body_len);

#endif
