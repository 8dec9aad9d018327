// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-http1.c - HTTP/1.1 (and 1.0) on a pipe.
 *
 *            ┌───────────────────── next request ◀──────────────────┐
 *            ▼                                                      │
 *          HEAD ──complete──▶ BODY ──all of it──▶ ANSWER ──sent──▶ keep alive?
 *            │                 (or none)             │              │ no
 *            └── malformed ──▶ page, then ──────────────────────▶ DISCARD
 *
 * One request at a time: octets after a request stay in the pipe until its
 * answer has been produced, so pipelined requests are answered in order and
 * cost nothing while they wait.
 *
 * The head is scanned strictly (web-scan.c), collected if it comes in pieces,
 * and parsed at once by http-parser, which sees nothing but whole heads.  The
 * body's framing is decided by web-ask.c and followed here.
 *
 * An answer that fails after its head was sent can only be cut: the pipe is
 * reset, and the client sees neither a final chunk nor the whole length.
 */
#include "backend/function/web-conn.h"
#include "backend/function/web-scan.h"

#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BODY_BUFFER_BYTES = 128 * 1024,
	OUT_FIRST_SIZE = 1024,
	OUT_KEPT_SIZE = 8192,
};

enum http1_state {
	HTTP1_HEAD,
	HTTP1_BODY,
	HTTP1_ANSWER,
	HTTP1_DISCARD,
	HTTP1_STATE_COUNT
};

enum http1_framing {
	HTTP1_NONE,	/* no head was sent yet, or no body follows it */
	HTTP1_LENGTH,	/* Content-Length octets */
	HTTP1_CHUNKED,	/* chunks */
	HTTP1_TO_CLOSE, /* up to the end of the pipe */
};

struct http1_text {
	char *data;
	size_t size;
	size_t len;
	size_t at; /* produced so far */
};

struct http1 {
	struct web_conn *conn;
	enum http1_state state;
	bool blocked;	  /* octets were left in the pipe */
	bool input_ended; /* the guest sends no more */

	/* The request's head. */
	struct web_scan scan;
	uint64_t begun_ns; /* when its first octet came; 0: none has */
	struct http1_text head;
	struct web_ask ask;
	struct web_header *headers;
	const char *url;
	size_t url_len;
	bool in_value;
	bool head_overflow;
	bool head_complete;
	bool keep_alive;
	bool is_head; /* the method is HEAD */

	/* Its body. */
	uint64_t body_left;
	struct web_chunk chunk;

	/* The answer. */
	struct web_request *request;
	enum http1_framing framing;
	bool head_sent;
	struct web_own own;
	struct web_events *events; /* instead of request */
	bool local;		   /* a page of our own is all of it */
	uint64_t answer_left;
	size_t chunk_left;
	bool first_chunk;
	struct http1_text out;
};

/* ---- text --------------------------------------------------------------- */

static bool text_reserve(struct http1_text *text, size_t len)
{
	size_t size = text->size ? text->size : OUT_FIRST_SIZE;
	char *data;

	if (len <= text->size - text->len)
		return true;
	while (size - text->len < len)
		size *= 2;
	data = realloc(text->data, size);
	if (!data)
		return false;
	text->data = data;
	text->size = size;
	return true;
}

static bool text_add(struct http1_text *text, const char *data, size_t len)
{
	if (!text_reserve(text, len))
		return false;
	if (len)
		memcpy(text->data + text->len, data, len);
	text->len += len;
	return true;
}

static bool text_add_string(struct http1_text *text, const char *string)
{
	return text_add(text, string, strlen(string));
}

static void text_clear(struct http1_text *text)
{
	text->len = 0;
	text->at = 0;
	if (text->size > OUT_KEPT_SIZE) {
		free(text->data);
		text->data = NULL;
		text->size = 0;
	}
}

/* ---- ends --------------------------------------------------------------- */

static void http1_let_go(struct http1 *http1)
{
	if (http1->request)
		web_request_release(http1->request);
	http1->request = NULL;
	web_own_end(&http1->own);
	web_events_destroy(http1->events);
	http1->events = NULL;
}

static void http1_abort(struct http1 *http1, enum tv_pipe_reason reason)
{
	http1_let_go(http1);
	http1->state = HTTP1_DISCARD;
	http1->conn->reset = reason;
	web_conn_mark(http1->conn);
}

static void http1_want_out(struct http1 *http1)
{
	if (!http1->blocked)
		return;
	http1->blocked = false;
	http1->conn->want_out = true;
	web_conn_mark(http1->conn);
}

static void http1_begin(struct http1 *http1)
{
	http1->state = HTTP1_HEAD;
	memset(&http1->scan, 0, sizeof(http1->scan));
	text_clear(&http1->head);
	http1->begun_ns = 0;
	http1->framing = HTTP1_NONE;
	http1->head_sent = false;
	http1->local = false;
	http1->chunk_left = 0;
}

/* The whole answer has been produced. */
static void http1_answered(struct http1 *http1)
{
	bool body_open = http1->state == HTTP1_BODY;

	http1_let_go(http1);
	text_clear(&http1->out);
	if (http1->keep_alive && !body_open && !http1->input_ended) {
		http1_begin(http1);
		http1_want_out(http1);
		return;
	}
	http1->state = HTTP1_DISCARD;
	http1->conn->finished = true;
	web_conn_mark(http1->conn);
}

/* ---- answers ------------------------------------------------------------ */

/* Answers with a page of our own and, if the request is not over, closes. */
static void http1_reply(struct http1 *http1, bool made, struct web_page *page)
{
	char retry[40] = "";
	char head[512];
	int len;
	bool fine;

	http1_let_go(http1);
	if (!made) {
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
		return;
	}
	if (http1->state != HTTP1_ANSWER)
		http1->keep_alive = false;
	if (page->retry_after_s)
		snprintf(retry, sizeof(retry), "Retry-After: %u\r\n",
			 page->retry_after_s);
	len = snprintf(head, sizeof(head),
		       "HTTP/1.1 %u %s\r\n"
		       "Content-Type: %s\r\n"
		       "Content-Length: %zu\r\n"
		       "%s%s%s%s%s%s%s%s%s\r\n",
		       page->status, web_status_phrase(page->status),
		       page->type, page->len, page->allow ? "Allow: " : "",
		       page->allow ? web_allowed_methods : "",
		       page->allow ? "\r\n" : "", retry,
		       page->fresh ? "Cache-Control: no-store\r\n" : "",
		       page->policy ? "Content-Security-Policy: " : "",
		       page->policy ? page->policy : "",
		       page->policy ? "\r\n" : "",
		       http1->keep_alive ? "" : "Connection: close\r\n");
	fine = text_add(&http1->out, head, (size_t)len) &&
	       text_add(&http1->out, page->text,
			http1->is_head ? 0 : page->len);
	free(page->text);
	if (!fine) {
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
		return;
	}
	http1->head_sent = true;
	http1->local = true;
	if (http1->state != HTTP1_ANSWER)
		http1->state = HTTP1_DISCARD;
	web_conn_mark(http1->conn);
}

static void http1_refuse(struct http1 *http1, unsigned int status,
			 const char *why)
{
	struct web_page page;
	bool made = web_page_refuse(&page, status, why);

	http1_reply(http1, made, &page);
}

/* The request failed before its answer began. */
static void http1_fail(struct http1 *http1, const struct web_failure *failure)
{
	struct web_page page;
	bool made;

	if (failure->verdict == WEB_PIPES) {
		http1_abort(http1, TV_PIPE_REASON_LIMIT);
		return;
	}
	if (!web_is_denied(failure)) {
		http1_refuse(http1, failure->status, failure->text);
		return;
	}
	made = web_page_deny(&page, http1->conn->function, failure,
			     http1->ask.service);
	http1_reply(http1, made, &page);
}

static bool is_priority(const struct web_header *header)
{
	return header->name_len == 8 && !memcmp(header->name, "priority", 8);
}

/* What the request has got, said to those who asked (RFC 9218, 5). */
static bool http1_write_priority(struct http1 *http1)
{
	char text[WEB_PRIORITY_TEXT_MAX];
	struct web_urgency got = web_urgency_within(
		&http1->ask.urgency, web_request_priority(http1->request));

	web_urgency_write(text, &got);
	return text_add_string(&http1->out, "priority: ") &&
	       text_add_string(&http1->out, text) &&
	       text_add(&http1->out, "\r\n", 2);
}

static bool http1_write_head(struct http1 *http1,
			     const struct web_response_head *head)
{
	struct http1_text *out = &http1->out;
	char line[64];
	bool ok;

	snprintf(line, sizeof(line), "HTTP/1.1 %u ", head->status);
	ok = text_add_string(out, line) &&
	     text_add_string(out, web_status_phrase(head->status)) &&
	     text_add(out, "\r\n", 2);
	for (size_t i = 0; ok && i < head->header_count; i++)
		ok = (http1->ask.urgency.given &&
		      is_priority(&head->headers[i])) ||
		     (text_add(out, head->headers[i].name,
			       head->headers[i].name_len) &&
		      text_add(out, ": ", 2) &&
		      text_add(out, head->headers[i].value,
			       head->headers[i].value_len) &&
		      text_add(out, "\r\n", 2));
	if (ok && http1->ask.urgency.given)
		ok = http1_write_priority(http1);
	if (ok && head->content_length >= 0 && head->status != 204) {
		snprintf(line, sizeof(line), "content-length: %lld\r\n",
			 (long long)head->content_length);
		ok = text_add_string(out, line);
	}
	if (ok && http1->framing == HTTP1_CHUNKED)
		ok = text_add_string(out, "transfer-encoding: chunked\r\n");
	if (ok && !http1->keep_alive)
		ok = text_add_string(out, "connection: close\r\n");
	else if (ok && http1->ask.minor == 0)
		ok = text_add_string(out, "connection: keep-alive\r\n");
	return ok && text_add(out, "\r\n", 2);
}

static void on_answer_head(void *context, const struct web_response_head *head)
{
	struct http1 *http1 = context;

	if (http1->is_head || head->status == 204 || head->status == 304) {
		http1->framing = HTTP1_NONE;
	} else if (head->content_length >= 0) {
		http1->framing = HTTP1_LENGTH;
		http1->answer_left = (uint64_t)head->content_length;
	} else if (http1->ask.minor > 0) {
		http1->framing = HTTP1_CHUNKED;
		http1->first_chunk = true;
	} else {
		http1->framing = HTTP1_TO_CLOSE;
		http1->keep_alive = false;
	}
	/* The rest of a body that nobody waits for is not worth reading. */
	if (http1->state == HTTP1_BODY && web_request_complete(http1->request))
		http1->keep_alive = false;
	if (!http1_write_head(http1, head)) {
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
		return;
	}
	http1->head_sent = true;
	web_conn_mark(http1->conn);
}

static void on_answer_readable(void *context)
{
	struct http1 *http1 = context;

	web_conn_mark(http1->conn);
}

static void on_body_drained(void *context, size_t len)
{
	(void)len;
	http1_want_out(context);
}

static void on_answer_failed(void *context, const struct web_failure *failure)
{
	struct http1 *http1 = context;

	if (!http1->head_sent)
		http1_fail(http1, failure);
	else
		http1_abort(http1, web_failure_reason(failure));
}

static const struct web_request_ops http1_request_ops = {
	.head = on_answer_head,
	.readable = on_answer_readable,
	.drained = on_body_drained,
	.failed = on_answer_failed,
};

/* The answer is a stream of events: as one of unknown length. */
static void http1_reply_events(struct http1 *http1, const struct web_page *page)
{
	const struct web_header headers[] = {
		{"content-type", page->type, 12, strlen(page->type)},
		{"cache-control", "no-store", 13, 8},
	};
	const struct web_response_head head = {.status = page->status,
					       .headers = headers,
					       .header_count = 2,
					       .content_length = -1};

	http1->events = web_events_create(http1->conn->function,
					  on_answer_readable, http1);
	if (!http1->events) {
		http1_refuse(http1, 503, "too many listen to events");
		return;
	}
	http1->ask.urgency.given = false;
	on_answer_head(http1, &head);
}

/* The function itself answers. */
static void http1_reply_own(struct http1 *http1)
{
	struct web_page page;
	bool made = web_own_answer(&http1->own, &page);

	if (!made || !page.events || http1->is_head)
		http1_reply(http1, made, &page);
	else if (http1->state == HTTP1_ANSWER)
		http1_reply_events(http1, &page);
	else
		http1_refuse(http1, 400, "such a request has no body");
}

/* ---- what is produced ---------------------------------------------------- */

static size_t answer_peek(const struct http1 *http1, const uint8_t **data)
{
	return http1->events ? web_events_peek(http1->events, data)
			     : web_request_peek(http1->request, data);
}

static void answer_consume(struct http1 *http1, size_t len)
{
	if (http1->events)
		web_events_consume(http1->events, len);
	else
		web_request_consume(http1->request, len);
}

static bool answer_complete(const struct http1 *http1)
{
	return http1->events ? web_events_over(http1->events)
			     : web_request_complete(http1->request);
}

static size_t text_produce(struct http1_text *text, uint8_t *data, size_t len)
{
	size_t left = text->len - text->at;

	if (len > left)
		len = left;
	if (len)
		memcpy(data, text->data + text->at, len);
	text->at += len;
	if (text->at == text->len) {
		text->at = 0;
		text->len = 0;
	}
	return len;
}

static size_t body_produce(struct http1 *http1, uint8_t *data, size_t len)
{
	const uint8_t *from;
	size_t have = answer_peek(http1, &from);

	if (len > have)
		len = have;
	if (http1->framing == HTTP1_CHUNKED && len > http1->chunk_left)
		len = http1->chunk_left;
	if (http1->framing == HTTP1_LENGTH && len > http1->answer_left)
		len = (size_t)http1->answer_left;
	if (!len)
		return 0;
	memcpy(data, from, len);
	answer_consume(http1, len);
	http1->chunk_left -= http1->framing == HTTP1_CHUNKED ? len : 0;
	http1->answer_left -= http1->framing == HTTP1_LENGTH ? len : 0;
	return len;
}

/* Puts what is between chunks in the way.  False: nothing to do. */
static bool chunk_frame(struct http1 *http1)
{
	const uint8_t *from;
	size_t have = answer_peek(http1, &from);
	char line[32];

	if (http1->chunk_left || !have)
		return false;
	snprintf(line, sizeof(line), "%s%zx\r\n",
		 http1->first_chunk ? "" : "\r\n", have);
	http1->first_chunk = false;
	http1->chunk_left = have;
	if (text_add_string(&http1->out, line))
		return true;
	http1_abort(http1, TV_PIPE_REASON_INTERNAL);
	return false;
}

/* All octets of the answer's body are out.  True: there are some more. */
static bool answer_end(struct http1 *http1)
{
	if (http1->framing == HTTP1_LENGTH && http1->answer_left) {
		http1_abort(http1, TV_PIPE_REASON_PEER_RESET);
		return false;
	}
	if (http1->framing == HTTP1_CHUNKED) {
		const char *last =
			http1->first_chunk ? "0\r\n\r\n" : "\r\n0\r\n\r\n";

		http1->framing = HTTP1_NONE;
		if (text_add_string(&http1->out, last))
			return true;
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
		return false;
	}
	http1_answered(http1);
	return false;
}

static bool answer_is_out(const struct http1 *http1)
{
	const uint8_t *from;

	if (http1->local)
		return true;
	return (http1->request || http1->events) && answer_complete(http1) &&
	       (http1->framing == HTTP1_NONE || !answer_peek(http1, &from));
}

static size_t http1_produce(void *state, uint8_t *data, size_t len)
{
	struct http1 *http1 = state;
	size_t n = 0;

	while (n < len) {
		n += text_produce(&http1->out, data + n, len - n);
		if (n == len || !http1->head_sent)
			break;
		if ((http1->request || http1->events) &&
		    http1->framing != HTTP1_NONE) {
			size_t more = body_produce(http1, data + n, len - n);

			n += more;
			if (more || (http1->framing == HTTP1_CHUNKED &&
				     chunk_frame(http1)))
				continue;
		}
		if (http1->conn->reset != TV_PIPE_REASON_NONE ||
		    !answer_is_out(http1) || !answer_end(http1))
			break;
	}
	return n;
}

/* ---- heads -------------------------------------------------------------- */

static struct http1 *http1_of(http_parser *parser)
{
	return parser->data;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct http1 *http1 = http1_of(parser);

	if (!http1->url)
		http1->url = at;
	http1->url_len = (size_t)(at - http1->url) + len;
	return 0;
}

static int on_field(http_parser *parser, const char *at, size_t len)
{
	struct http1 *http1 = http1_of(parser);
	struct web_ask *ask = &http1->ask;
	struct web_header *header;

	if (http1->in_value || !ask->header_count) {
		if (ask->header_count ==
		    http1->conn->function->header_max_count) {
			http1->head_overflow = true;
			return 1;
		}
		header = &http1->headers[ask->header_count++];
		memset(header, 0, sizeof(*header));
		header->name = at;
		header->value = at;
		http1->in_value = false;
	}
	header = &http1->headers[ask->header_count - 1];
	header->name_len = (size_t)(at - header->name) + len;
	return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
	struct http1 *http1 = http1_of(parser);
	struct web_header *header =
		&http1->headers[http1->ask.header_count - 1];

	if (!http1->in_value)
		header->value = at;
	http1->in_value = true;
	header->value_len = (size_t)(at - header->value) + len;
	return 0;
}

static int on_headers_complete(http_parser *parser)
{
	struct http1 *http1 = http1_of(parser);

	http1->head_complete = true;
	http1->keep_alive = http_should_keep_alive(parser);
	http1->ask.major = parser->http_major;
	http1->ask.minor = parser->http_minor;
	return 1; /* the body is not its business */
}

static void trim_values(struct web_ask *ask, struct web_header *headers)
{
	for (size_t i = 0; i < ask->header_count; i++) {
		struct web_header *header = &headers[i];

		while (header->value_len &&
		       (header->value[header->value_len - 1] == ' ' ||
			header->value[header->value_len - 1] == '\t'))
			header->value_len--;
	}
}

/* Splits "http://authority/path"; the parser has taken other forms as well. */
static void split_target(struct http1 *http1)
{
	static const char scheme[] = "http://";
	const size_t scheme_len = sizeof(scheme) - 1;
	struct web_ask *ask = &http1->ask;
	size_t end = scheme_len;

	ask->target = http1->url;
	ask->target_len = http1->url_len;
	if (http1->url_len < scheme_len)
		return;
	for (size_t i = 0; i < scheme_len; i++)
		if ((http1->url[i] | (i < 4 ? 0x20 : 0)) != scheme[i])
			return;
	while (end < http1->url_len && http1->url[end] != '/' &&
	       http1->url[end] != '?')
		end++;
	ask->authority = http1->url + scheme_len;
	ask->authority_len = end - scheme_len;
	ask->target = http1->url + end;
	ask->target_len = http1->url_len - end;
	if (!ask->target_len) {
		ask->target = "/";
		ask->target_len = 1;
	}
}

/* 0, or the status to refuse the head with. */
static unsigned int parse_head(struct http1 *http1, const char *data,
			       size_t len, const char **why)
{
	static const http_parser_settings settings = {
		.on_url = on_url,
		.on_header_field = on_field,
		.on_header_value = on_value,
		.on_headers_complete = on_headers_complete,
	};
	struct web_ask *ask = &http1->ask;
	http_parser parser;
	enum http_errno error;

	memset(ask, 0, sizeof(*ask));
	http1->url = NULL;
	http1->url_len = 0;
	http1->in_value = false;
	http1->head_overflow = false;
	http1->head_complete = false;
	http_parser_init(&parser, HTTP_REQUEST);
	parser.data = http1;
	http_parser_execute(&parser, &settings, data, len);
	error = HTTP_PARSER_ERRNO(&parser);
	if (http1->head_overflow || error == HPE_HEADER_OVERFLOW)
		return 431;
	if (error == HPE_INVALID_METHOD) {
		*why = "the method is not known";
		return 501;
	}
	if (error == HPE_INVALID_VERSION)
		return 505;
	if (error != HPE_OK || !http1->head_complete || !http1->url)
		return 400;
	if (ask->major != 1 || ask->minor > 1)
		return 505;
	ask->method = http_method_str(parser.method);
	ask->method_len = strlen(ask->method);
	ask->headers = http1->headers;
	http1->is_head = parser.method == HTTP_HEAD;
	trim_values(ask, http1->headers);
	split_target(http1);
	return web_ask_check(ask, why);
}

static void send_continue(struct http1 *http1)
{
	const struct web_ask *ask = &http1->ask;

	if (!ask->expects_continue || ask->minor == 0)
		return;
	if (!text_add_string(&http1->out, "HTTP/1.1 100 Continue\r\n\r\n"))
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
	web_conn_mark(http1->conn);
}

/* The function itself is asked; if it needs the body, that comes first. */
static void start_own(struct http1 *http1)
{
	web_own_begin(&http1->own, http1->conn->function, &http1->ask);
	if (http1->state == HTTP1_BODY && web_own_wants_body(&http1->own))
		send_continue(http1);
	else
		http1_reply_own(http1);
}

static void start_request(struct http1 *http1)
{
	struct web_ask *ask = &http1->ask;
	struct web_request_head head;
	struct web_failure failure;
	int64_t body_len = 0;

	if (ask->chunked)
		body_len = -1;
	else if (ask->content_length > 0)
		body_len = ask->content_length;
	http1->state = body_len ? HTTP1_BODY : HTTP1_ANSWER;
	http1->body_left = body_len > 0 ? (uint64_t)body_len : 0;
	memset(&http1->chunk, 0, sizeof(http1->chunk));
	if (web_own_is(ask)) {
		start_own(http1);
		return;
	}
	web_ask_fill(ask, body_len, BODY_BUFFER_BYTES, &head);
	head.share = http1->conn->share;
	head.begun_ns = http1->begun_ns;
	if (web_request_start(http1->conn->function->services, &head,
			      &http1_request_ops, http1, &http1->request,
			      &failure)) {
		http1_fail(http1, &failure);
		return;
	}
	if (body_len)
		send_continue(http1);
}

static void take_head(struct http1 *http1, const char *data, size_t len)
{
	const char *why = NULL;
	unsigned int status = parse_head(http1, data, len, &why);

	if (status)
		http1_refuse(http1, status, why);
	else
		start_request(http1);
}

static size_t receive_head(struct http1 *http1, const uint8_t *data, size_t len)
{
	struct http1_text *head = &http1->head;
	size_t max = http1->conn->function->header_max_bytes;
	size_t used = 0;
	enum web_scan_result result =
		web_scan_lines(&http1->scan, data, len, &used);

	http1->is_head = false;
	if (!http1->begun_ns)
		http1->begun_ns = uv_hrtime();
	if (result == WEB_SCAN_BAD) {
		http1_refuse(http1, 400, "a line of the head is malformed");
		return len;
	}
	if (used > max - head->len) {
		http1_refuse(http1, 431, NULL);
		return len;
	}
	/* Mostly it is in one piece and need not be copied. */
	if (result == WEB_SCAN_END && !head->len) {
		take_head(http1, (const char *)data, used);
		return used;
	}
	if (!text_add(head, (const char *)data, used)) {
		http1_abort(http1, TV_PIPE_REASON_INTERNAL);
		return len;
	}
	if (result == WEB_SCAN_END)
		take_head(http1, head->data, head->len);
	return used;
}

/* ---- bodies ------------------------------------------------------------- */

static void body_ended(struct http1 *http1)
{
	http1->state = HTTP1_ANSWER;
	if (http1->request)
		web_request_finish(http1->request);
	else
		http1_reply_own(http1);
}

/* Octets of a body that can be taken now. */
static size_t body_room(const struct http1 *http1)
{
	return http1->request ? web_request_room(http1->request) : SIZE_MAX;
}

static size_t body_write(struct http1 *http1, const uint8_t *data, size_t len)
{
	if (http1->request)
		return web_request_write(http1->request, data, len);
	if (!web_own_write(&http1->own, data, len))
		http1_reply_own(http1);
	return len;
}

static size_t receive_length(struct http1 *http1, const uint8_t *data,
			     size_t len)
{
	if (len > http1->body_left)
		len = (size_t)http1->body_left;
	len = body_write(http1, data, len);
	http1->body_left -= len;
	if (!http1->body_left && http1->state == HTTP1_BODY)
		body_ended(http1);
	return len;
}

static size_t receive_chunked(struct http1 *http1, const uint8_t *data,
			      size_t len)
{
	size_t room = body_room(http1);
	size_t at = 0;

	/* No more is looked at than would fit as data. */
	if (len > room)
		len = room;
	while (at < len) {
		const uint8_t *body = NULL;
		size_t body_len;
		size_t used;
		enum web_scan_result result =
			web_chunk_next(&http1->chunk, data + at, len - at,
				       &used, &body, &body_len);

		at += used;
		if (result == WEB_SCAN_BAD) {
			if (http1->head_sent)
				http1_abort(http1, TV_PIPE_REASON_PROTOCOL);
			else
				http1_refuse(http1, 400,
					     "the chunked body is malformed");
			break;
		}
		if (body_len)
			body_write(http1, body, body_len);
		if (http1->state != HTTP1_BODY)
			break;
		if (result == WEB_SCAN_END) {
			body_ended(http1);
			break;
		}
	}
	return at;
}

static size_t receive_body(struct http1 *http1, const uint8_t *data, size_t len)
{
	return http1->ask.chunked ? receive_chunked(http1, data, len)
				  : receive_length(http1, data, len);
}

static size_t http1_receive(void *state, const uint8_t *data, size_t len)
{
	struct http1 *http1 = state;
	size_t taken = 0;
	size_t more = 0;

	while (taken < len) {
		switch (http1->state) {
		case HTTP1_HEAD:
			more = receive_head(http1, data + taken, len - taken);
			break;
		case HTTP1_BODY:
			more = receive_body(http1, data + taken, len - taken);
			break;
		case HTTP1_ANSWER:
			more = 0;
			break;
		default:
			return len;
		}
		taken += more;
		if (!more && http1->state != HTTP1_DISCARD) {
			http1->blocked = true;
			break;
		}
	}
	return taken;
}

static void http1_receive_end(void *state)
{
	struct http1 *http1 = state;

	http1->input_ended = true;
	switch (http1->state) {
	case HTTP1_HEAD:
		if (http1->head.len || http1->scan.any_lines) {
			http1_refuse(http1, 400, "the request is cut off");
			return;
		}
		http1->state = HTTP1_DISCARD;
		http1->conn->finished = true;
		web_conn_mark(http1->conn);
		return;
	case HTTP1_BODY:
		/* The upstream must not take it for a whole one. */
		http1_abort(http1, TV_PIPE_REASON_PROTOCOL);
		return;
	default:
		return;
	}
}

/* ---- life --------------------------------------------------------------- */

static void *http1_create(struct web_conn *conn)
{
	struct http1 *http1 = calloc(1, sizeof(*http1));

	if (!http1)
		return NULL;
	http1->headers = calloc(conn->function->header_max_count,
				sizeof(*http1->headers));
	if (!http1->headers) {
		free(http1);
		return NULL;
	}
	http1->conn = conn;
	http1_begin(http1);
	return http1;
}

static void http1_destroy(void *state)
{
	struct http1 *http1 = state;

	http1_let_go(http1);
	free(http1->head.data);
	free(http1->out.data);
	free(http1->headers);
	free(http1);
}

const struct web_protocol web_http1 = {
	.create = http1_create,
	.receive = http1_receive,
	.receive_end = http1_receive_end,
	.produce = http1_produce,
	.destroy = http1_destroy,
};
