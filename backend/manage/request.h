/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request.h - one HTTP/1.1 request in a buffer: strict, bounded.
 */
#ifndef MANAGE_REQUEST_H
#define MANAGE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

enum {
	REQUEST_HEAD_MAX = 8192,
	REQUEST_BODY_MAX = 256 * 1024,
	REQUEST_MAX_HEADERS = 64,
	REQUEST_PATH_SIZE = 128,
	REQUEST_MAX_QUERY = 8,
	REQUEST_VALUE_SIZE = 320, /* a domain's name has up to 255 octets */
};

struct request_query {
	char name[32];
	char value[REQUEST_VALUE_SIZE];
};

struct request {
	char method[16];
	char path[REQUEST_PATH_SIZE];
	struct request_query query[REQUEST_MAX_QUERY];
	size_t query_count;
	bool keep_alive;
	bool http10;
	size_t head_len;
	size_t body_len;
	const char *body; /* set by the owner of the buffer; not terminated */
};

/*
 * Looks for a whole head in the buffer.  1: it is there; 0: not yet; else a
 * status of HTTP: refused, *why says what for.
 */
int request_parse_head(const char *data, size_t len, struct request *request,
		       const char **why);

/* The value of ?name=; NULL if it was not given. */
const char *request_query_get(const struct request *request, const char *name);

#endif
