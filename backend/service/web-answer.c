// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-answer.c - an upstream's answer: parsed by http-parser, its headers
 * checked and mapped, its body put into a buffer.
 *
 * Names become lower case (HTTP/2 has no others), headers of one hop and those
 * that Connection names go, Content-Length becomes a number.  Interim answers
 * (1xx) and trailers are read and forgotten.
 */
#include "backend/service/web-internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	TEXT_FIRST_SIZE = 1024,
	HEADERS_FIRST = 32,
	HEADERS_MAX = 256,
	STATUS_FINAL_MIN = 200,
};

static const char *const dropped[] = {
	"te",	   "trailer",		"upgrade",	  "keep-alive",
	"alt-svc", "transfer-encoding", "http2-settings", "proxy-connection"};

static struct web_answer *answer_of(http_parser *parser)
{
	return parser->data;
}

static bool name_is(const struct web_answer *answer,
		    const struct web_header_offset *header, const char *name)
{
	return strlen(name) == header->name_len &&
	       !memcmp(answer->text + header->name, name, header->name_len);
}

static bool is_dropped(const struct web_answer *answer,
		       const struct web_header_offset *header)
{
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		if (dropped[i][0] == answer->text[header->name] &&
		    name_is(answer, header, dropped[i]))
			return true;
	return false;
}

static bool is_token_char(char c)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr(others, c));
}

static bool is_value_char(char c)
{
	return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

/* ---- text --------------------------------------------------------------- */

static bool add_text(struct web_answer *answer, const char *data, size_t len)
{
	size_t size = answer->text_size ? answer->text_size : TEXT_FIRST_SIZE;
	char *text;

	if (len > answer->text_max - answer->text_len)
		return false;
	if (len > answer->text_size - answer->text_len) {
		while (size - answer->text_len < len)
			size *= 2;
		text = realloc(answer->text, size);
		if (!text)
			return false;
		answer->text = text;
		answer->text_size = size;
	}
	if (len)
		memcpy(answer->text + answer->text_len, data, len);
	answer->text_len += len;
	return true;
}

static bool reserve_header(struct web_answer *answer)
{
	size_t size =
		answer->header_size ? answer->header_size * 2 : HEADERS_FIRST;
	struct web_header_offset *offsets;
	struct web_header *headers;

	if (answer->header_count < answer->header_size)
		return true;
	if (answer->header_count == HEADERS_MAX)
		return false;
	offsets = realloc(answer->offsets, size * sizeof(*offsets));
	if (!offsets)
		return false;
	answer->offsets = offsets;
	headers = realloc(answer->headers, size * sizeof(*headers));
	if (!headers)
		return false;
	answer->headers = headers;
	answer->header_size = size;
	return true;
}

/* ---- headers ------------------------------------------------------------ */

static bool parse_length(const char *value, size_t len, int64_t *length)
{
	int64_t number = 0;

	/* 18 digits always fit. */
	if (!len || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return false;
		number = number * 10 + (value[i] - '0');
	}
	*length = number;
	return true;
}

static bool is_well_formed(const struct web_answer *answer,
			   const struct web_header_offset *header)
{
	const char *name = answer->text + header->name;
	const char *value = answer->text + header->value;

	for (size_t i = 0; i < header->name_len; i++)
		if (!is_token_char(name[i]))
			return false;
	for (size_t i = 0; i < header->value_len; i++)
		if (!is_value_char(value[i]))
			return false;
	return header->name_len != 0;
}

/* The header whose pieces have come is whole: keeps it or not. */
static bool close_header(struct web_answer *answer)
{
	struct web_header_offset *header = &answer->current;
	const char *value;

	if (!answer->in_header)
		return true;
	answer->in_header = false;
	if (!answer->in_value)
		return false;
	value = answer->text + header->value;
	while (header->value_len && (value[header->value_len - 1] == ' ' ||
				     value[header->value_len - 1] == '\t'))
		header->value_len--;
	if (!is_well_formed(answer, header))
		return false;
	if (is_dropped(answer, header))
		goto forget;
	if (name_is(answer, header, "connection")) {
		if (web_connection_is_plain(value, header->value_len))
			goto forget;
		answer->connection_count++;
	}
	if (name_is(answer, header, "content-length")) {
		if (answer->head.content_length >= 0 ||
		    !parse_length(value, header->value_len,
				  &answer->head.content_length))
			return false;
		goto forget;
	}
	if (!reserve_header(answer))
		return false;
	answer->offsets[answer->header_count++] = *header;
	return true;

forget:
	answer->text_len = header->name;
	return true;
}

static bool is_named(const struct web_answer *answer,
		     const struct web_header_offset *header)
{
	if (name_is(answer, header, "connection"))
		return true;
	for (size_t i = 0; i < answer->header_count; i++) {
		const struct web_header_offset *other = &answer->offsets[i];

		if (name_is(answer, other, "connection") &&
		    web_connection_names(
			    answer->text + other->value, other->value_len,
			    answer->text + header->name, header->name_len))
			return true;
	}
	return false;
}

/* The text will not move any more: offsets become pointers. */
static void finish_head(struct web_answer *answer)
{
	size_t kept = 0;

	for (size_t i = 0; i < answer->header_count; i++) {
		const struct web_header_offset *one = &answer->offsets[i];

		if (answer->connection_count && is_named(answer, one))
			continue;
		answer->headers[kept++] = (struct web_header){
			.name = answer->text + one->name,
			.value = answer->text + one->value,
			.name_len = one->name_len,
			.value_len = one->value_len,
		};
	}
	answer->head.headers = answer->headers;
	answer->head.header_count = kept;
	answer->head_complete = true;
}

/* ---- http-parser's callbacks: other than 0 is an error ------------------ */

static void forget_head(struct web_answer *answer)
{
	answer->text_len = 0;
	answer->header_count = 0;
	answer->connection_count = 0;
	answer->in_header = false;
	answer->in_value = false;
	memset(&answer->head, 0, sizeof(answer->head));
	answer->head.content_length = -1;
}

static int on_begin(http_parser *parser)
{
	forget_head(answer_of(parser));
	return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
	struct web_answer *answer = answer_of(parser);
	struct web_header_offset *header = &answer->current;

	if (answer->head_complete)
		return 0; /* a trailer */
	if (!answer->in_header || answer->in_value) {
		if (!close_header(answer))
			return 1;
		answer->in_header = true;
		answer->in_value = false;
		memset(header, 0, sizeof(*header));
		header->name = answer->text_len;
	}
	if (!add_text(answer, at, len))
		return 1;
	for (size_t i = answer->text_len - len; i < answer->text_len; i++) {
		char *c = &answer->text[i];

		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	}
	header->name_len += len;
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct web_answer *answer = answer_of(parser);
	struct web_header_offset *header = &answer->current;

	if (answer->head_complete)
		return 0;
	if (!answer->in_header)
		return 1;
	if (!answer->in_value)
		header->value = answer->text_len;
	answer->in_value = true;
	if (!add_text(answer, at, len))
		return 1;
	header->value_len += len;
	return 0;
}

static int on_headers_complete(http_parser *parser)
{
	struct web_answer *answer = answer_of(parser);
	unsigned int status = parser->status_code;

	if (!close_header(answer) || status < 100 || status > 999)
		return -1;
	/* 101 answers something that was never asked. */
	if (status == 101)
		return -1;
	answer->head.status = status;
	if (status < STATUS_FINAL_MIN)
		return 1;
	finish_head(answer);
	answer->keep_alive = http_should_keep_alive(parser);
	/* These have no body, whatever their headers say. */
	if (!answer->bodyless && status != 204 && status != 304)
		return 0;
	answer->keep_alive =
		parser->http_minor > 0 && !(parser->flags & F_CONNECTION_CLOSE);
	return 1;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	struct web_answer *answer = answer_of(parser);

	return web_buffer_put(answer->body, at, len) ? 0 : 1;
}

static int on_complete(http_parser *parser)
{
	struct web_answer *answer = answer_of(parser);

	if (!answer->head_complete)
		return 0; /* an interim answer; the true one follows */
	answer->complete = true;
	/* What follows is no answer to anything. */
	http_parser_pause(parser, 1);
	return 0;
}

bool web_answer_feed(struct web_answer *answer, const uint8_t *data, size_t len)
{
	static const http_parser_settings settings = {
		.on_message_begin = on_begin,
		.on_header_field = on_field,
		.on_header_value = on_value,
		.on_headers_complete = on_headers_complete,
		.on_body = on_body,
		.on_message_complete = on_complete,
	};
	size_t used = http_parser_execute(&answer->parser, &settings,
					  (const char *)data, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&answer->parser);

	if (!answer->complete)
		return error == HPE_OK && used == len &&
		       !answer->parser.upgrade;
	if (used < len)
		answer->keep_alive = false;
	return true;
}

void web_answer_init(struct web_answer *answer, size_t text_max, bool bodyless,
		     struct web_buffer *body)
{
	http_parser_init(&answer->parser, HTTP_RESPONSE);
	answer->parser.data = answer;
	forget_head(answer);
	answer->text_max = text_max;
	answer->bodyless = bodyless;
	answer->body = body;
	answer->head_complete = false;
	answer->complete = false;
	answer->keep_alive = false;
}

void web_answer_free(struct web_answer *answer)
{
	free(answer->text);
	free(answer->offsets);
	free(answer->headers);
	memset(answer, 0, sizeof(*answer));
}
