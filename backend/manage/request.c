// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * request.c - one HTTP/1.1 request in a buffer: strict, bounded.
 *
 * http-parser takes the head apart once it is whole; what it is lenient about
 * (bare LF, folding, control characters, several lengths) is refused before or
 * after.  Bodies have a Content-Length: what is sent chunked is refused.
 */
#include "backend/manage/request.h"

#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	HTTP_BAD_REQUEST = 400,
	HTTP_LENGTH_REQUIRED = 411,
	HTTP_TOO_LARGE = 413,
	HTTP_URI_LONG = 414,
	HTTP_EXPECTATION = 417,
	HTTP_HEAD_LARGE = 431,
	HTTP_VERSION = 505,
};

struct head {
	struct request *request;
	const char *url;
	size_t url_len;
	const char *field;
	size_t field_len;
	unsigned int headers, hosts, lengths;
	bool expect, transfer_encoding, complete;
};

static bool field_is(const struct head *head, const char *name)
{
	return head->field_len == strlen(name) &&
	       strncasecmp(head->field, name, head->field_len) == 0;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct head *head = parser->data;

	head->url = at;
	head->url_len = len;
	return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
	struct head *head = parser->data;

	head->field = at;
	head->field_len = len;
	head->headers++;
	if (field_is(head, "host"))
		head->hosts++;
	if (field_is(head, "content-length"))
		head->lengths++;
	if (field_is(head, "expect"))
		head->expect = true;
	if (field_is(head, "transfer-encoding"))
		head->transfer_encoding = true;
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct head *head = parser->data;

	head->complete = true;
	return 1; /* the body is not http-parser's */
}

/* What http-parser takes and we do not. */
static const char *lines_check(const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		if (c == '\n') {
			if (i == 0 || data[i - 1] != '\r')
				return "a line ends without CR";
			if (i + 1 < len &&
			    (data[i + 1] == ' ' || data[i + 1] == '\t'))
				return "a header is folded";
		} else if (c == '\r') {
			if (i + 1 == len || data[i + 1] != '\n')
				return "a CR stands alone";
		} else if ((c < 0x20 && c != '\t') || c >= 0x7f) {
			return "the head has other octets than printable ASCII";
		}
	}
	return NULL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes %XX and +; false: not well-formed, a NUL, or it does not fit. */
static bool decode(const char *text, size_t len, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)text[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%') {
			if (len - i < 3 || hex(text[i + 1]) < 0 ||
			    hex(text[i + 2]) < 0)
				return false;
			c = hex(text[i + 1]) << 4 | hex(text[i + 2]);
			i += 2;
		}
		if (c == 0 || used + 1 >= size)
			return false;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return true;
}

static int query_parse(struct request *request, const char *text, size_t len,
		       const char **why)
{
	const char *end = text + len;

	while (text < end) {
		const char *stop = memchr(text, '&', (size_t)(end - text));
		const char *equals;
		struct request_query *query;

		stop = stop ? stop : end;
		equals = memchr(text, '=', (size_t)(stop - text));
		*why = "the query is no name=value&name=value, or too long";
		if (!equals || request->query_count == REQUEST_MAX_QUERY)
			return HTTP_BAD_REQUEST;
		query = &request->query[request->query_count];
		if (!decode(text, (size_t)(equals - text), query->name,
			    sizeof(query->name)) ||
		    !decode(equals + 1, (size_t)(stop - equals - 1),
			    query->value, sizeof(query->value)))
			return HTTP_BAD_REQUEST;
		*why = "a name stands twice in the query";
		if (request_query_get(request, query->name))
			return HTTP_BAD_REQUEST;
		request->query_count++;
		text = stop + 1;
	}
	return 1;
}

static int target_parse(struct request *request, const char *data,
			const struct head *head, const char **why)
{
	const char *mark = memchr(head->url, '?', head->url_len);
	size_t len = mark ? (size_t)(mark - head->url) : head->url_len;

	*why = "the request line is not \"METHOD /path HTTP/1.1\"";
	if (head->url != data + strlen(request->method) + 1 ||
	    strncmp(head->url + head->url_len, " HTTP/", 6) != 0)
		return HTTP_BAD_REQUEST;
	*why = "the path is too long";
	if (len >= sizeof(request->path))
		return HTTP_URI_LONG;
	*why = "the path is not a plain one that begins with /";
	if (len == 0 || head->url[0] != '/' || memchr(head->url, '%', len) ||
	    memchr(head->url, '#', head->url_len))
		return HTTP_BAD_REQUEST;
	memcpy(request->path, head->url, len);
	request->path[len] = '\0';
	if (!mark)
		return 1;
	return query_parse(request, mark + 1, head->url_len - len - 1, why);
}

static int head_check(const http_parser *parser, const char *data,
		      const struct head *head, struct request *request,
		      const char **why)
{
	*why = "the version is not HTTP/1.1 or 1.0";
	if (parser->http_major != 1 || parser->http_minor > 1)
		return HTTP_VERSION;
	*why = "too many headers";
	if (head->headers > REQUEST_MAX_HEADERS)
		return HTTP_HEAD_LARGE;
	*why = "there must be one Host header";
	if (head->hosts > 1 || (head->hosts == 0 && parser->http_minor == 1))
		return HTTP_BAD_REQUEST;
	*why = "more than one Content-Length";
	if (head->lengths > 1)
		return HTTP_BAD_REQUEST;
	*why = "a body needs a Content-Length; Transfer-Encoding is not taken";
	if (head->transfer_encoding)
		return HTTP_LENGTH_REQUIRED;
	*why = "Expect is not taken; send the body at once";
	if (head->expect)
		return HTTP_EXPECTATION;
	if (head->lengths) {
		*why = "the body is larger than 256 KiB";
		if (parser->content_length > REQUEST_BODY_MAX)
			return HTTP_TOO_LARGE;
		request->body_len = (size_t)parser->content_length;
	}
	snprintf(request->method, sizeof(request->method), "%s",
		 http_method_str((enum http_method)parser->method));
	request->http10 = parser->http_minor == 0;
	request->keep_alive = http_should_keep_alive(parser);
	return target_parse(request, data, head, why);
}

int request_parse_head(const char *data, size_t len, struct request *request,
		       const char **why)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_field,
		.on_headers_complete = on_complete,
	};
	size_t seen = len < REQUEST_HEAD_MAX ? len : REQUEST_HEAD_MAX;
	const char *end = memmem(data, seen, "\r\n\r\n", 4);
	struct head head = {.request = request};
	const char *wrong;
	http_parser parser;

	/* What is wrong already need not be waited for. */
	seen = end ? (size_t)(end - data) + 4 : seen;
	wrong = lines_check(
		data, !end && seen && data[seen - 1] == '\r' ? seen - 1 : seen);
	if (wrong) {
		*why = wrong;
		return HTTP_BAD_REQUEST;
	}
	if (!end) {
		*why = "the head is larger than 8 KiB";
		return len >= REQUEST_HEAD_MAX ? HTTP_HEAD_LARGE : 0;
	}
	memset(request, 0, sizeof(*request));
	request->head_len = seen;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = &head;
	http_parser_execute(&parser, &settings, data, seen);
	*why = "this is no HTTP request";
	if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || !head.complete || !head.url)
		return HTTP_BAD_REQUEST;
	return head_check(&parser, data, &head, request, why);
}

const char *request_query_get(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->query[i].name, name) == 0)
			return request->query[i].value;
	return NULL;
}
