// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-http2.c - HTTP/2 with prior knowledge on a pipe (RFC 9113, nghttp2).
 *
 * Each stream is one request to the service set.
 *
 *   up    DATA goes into the request's buffer, which holds a whole stream
 *         window; the window is given back as the upstream takes octets.  So
 *         an upstream that does not read stops its own stream.
 *   down  DATA is packed when the host has room and the guest has window,
 *         straight from the request's buffer into the transfer.  A stream
 *         without window leaves its request paused.
 *
 * What a guest can pile up is bounded: streams by MAX_CONCURRENT_STREAMS,
 * octets by the windows, frames that wait to be sent by OUTBOUND_MAX (above
 * it nothing is taken from the pipe), resets by nghttp2's rate limit.
 *
 * A frame that does not fit into a transfer goes on in the next one: control
 * frames from nghttp2's own memory (pending), DATA through the spill buffer,
 * since the stream may be gone by then.
 */
#include "backend/function/web-conn.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STREAM_MAX = 256,
	STREAM_WINDOW = 1 << 20,
	CONNECTION_WINDOW = 4 << 20,
	FRAME_MAX = 256 * 1024, /* taken from the guest */
	DATA_MAX = 65536,	/* of one DATA frame to the guest */
	FRAME_HEADER = 9,
	OUTBOUND_MAX = 1024,
	TEXT_FIRST_SIZE = 1024,
	TEXT_KEPT_SIZE = 8192,
	SPARE_MAX = 64,
	HEADERS_FIRST = 32,
	ANSWER_NV_MAX = 256 + 3, /* the service set's limit, and three */
	/* As SETTINGS_MAX_HEADER_LIST_SIZE counts (6.5.2). */
	HEADER_OVERHEAD = 32,
};

/* A header whose text may still move. */
struct header_place {
	size_t name;
	size_t value;
	size_t name_len;
	size_t value_len;
	bool present;
};

struct http2_stream {
	struct http2 *http2; /* NULL: spare */
	struct http2_stream *next;
	struct list_node link;
	int32_t id;

	/* The request's head: all text, and where in it things are. */
	char *text;
	size_t text_size;
	size_t text_len;
	struct header_place *places;
	unsigned int place_size;
	unsigned int place_count;
	struct header_place method;
	struct header_place target;
	struct header_place authority;
	uint64_t begun_ns;
	struct web_urgency urgency;
	char service[WEB_SERVICE_NAME_MAX + 1];
	size_t list_bytes;
	bool overflow;

	struct web_request *request;
	bool input_ended;
	bool answered;		   /* a head was submitted */
	bool deferred;		   /* DATA waits for octets */
	size_t unconsumed;	   /* of the windows */
	struct web_own own;	   /* asked of the function itself */
	struct web_events *events; /* instead of request */
	char *page;		   /* an answer of our own, and its length */
	size_t page_len;
	size_t page_at;
};

/* What all sessions of a function share. */
struct web_http2_shared {
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	struct http2_stream *spare;
	unsigned int spare_count;
	struct web_header *headers; /* for one request while it starts */
};

struct http2 {
	struct web_conn *conn;
	struct web_http2_shared *shared;
	nghttp2_session *session;
	struct list_node streams;
	bool blocked;	  /* octets were left in the pipe */
	bool input_ended; /* the guest sends no more */

	/* While producing: the transfer. */
	uint8_t *to;
	size_t room;

	const uint8_t *pending; /* nghttp2's, until it is called again */
	size_t pending_len;
	uint8_t *spill;
	size_t spill_size;
	size_t spill_len;
	size_t spill_at;
};

/* ---- streams ------------------------------------------------------------ */

static struct http2_stream *stream_create(struct http2 *http2, int32_t id)
{
	struct web_http2_shared *shared = http2->shared;
	struct http2_stream *stream = shared->spare;

	if (stream) {
		shared->spare = stream->next;
		shared->spare_count--;
	} else {
		stream = calloc(1, sizeof(*stream));
		if (!stream)
			return NULL;
		list_init(&stream->link);
	}
	stream->http2 = http2;
	stream->id = id;
	stream->begun_ns = uv_hrtime();
	stream->urgency = (struct web_urgency){0};
	stream->text_len = 0;
	stream->place_count = 0;
	memset(&stream->method, 0, sizeof(stream->method));
	memset(&stream->target, 0, sizeof(stream->target));
	memset(&stream->authority, 0, sizeof(stream->authority));
	stream->list_bytes = 0;
	stream->overflow = false;
	stream->request = NULL;
	stream->input_ended = false;
	stream->answered = false;
	stream->deferred = false;
	stream->unconsumed = 0;
	memset(&stream->own, 0, sizeof(stream->own));
	stream->events = NULL;
	stream->page = NULL;
	stream->page_len = 0;
	stream->page_at = 0;
	list_append(&http2->streams, &stream->link);
	return stream;
}

static void stream_free(struct http2_stream *stream)
{
	free(stream->text);
	free(stream->places);
	free(stream);
}

static void stream_destroy(struct http2_stream *stream)
{
	struct web_http2_shared *shared = stream->http2->shared;

	if (stream->request)
		web_request_release(stream->request);
	stream->request = NULL;
	web_own_end(&stream->own);
	web_events_destroy(stream->events);
	stream->events = NULL;
	free(stream->page);
	stream->page = NULL;
	list_remove(&stream->link);
	if (shared->spare_count >= SPARE_MAX ||
	    stream->text_size > TEXT_KEPT_SIZE) {
		stream_free(stream);
		return;
	}
	stream->http2 = NULL;
	stream->next = shared->spare;
	shared->spare = stream;
	shared->spare_count++;
}

static void stream_reset(struct http2_stream *stream, uint32_t error)
{
	nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE,
				  stream->id, error);
	web_conn_mark(stream->http2->conn);
}

/* ---- answers ------------------------------------------------------------ */

static size_t stream_peek(const struct http2_stream *stream,
			  const uint8_t **data)
{
	if (stream->request)
		return web_request_peek(stream->request, data);
	if (stream->events)
		return web_events_peek(stream->events, data);
	*data = (const uint8_t *)stream->page + stream->page_at;
	return stream->page_len - stream->page_at;
}

static void stream_consume(struct http2_stream *stream, size_t len)
{
	if (stream->request)
		web_request_consume(stream->request, len);
	else if (stream->events)
		web_events_consume(stream->events, len);
	else
		stream->page_at += len;
}

static bool stream_complete(const struct http2_stream *stream)
{
	if (stream->events)
		return web_events_over(stream->events);
	return !stream->request || web_request_complete(stream->request);
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buffer,
		       size_t len, uint32_t *flags, nghttp2_data_source *source,
		       void *context)
{
	struct http2_stream *stream = source->ptr;
	const uint8_t *data;
	size_t have = stream_peek(stream, &data);

	(void)session;
	(void)id;
	(void)buffer;
	(void)context;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (have <= len && stream_complete(stream))
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	else if (!have) {
		stream->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	return (ssize_t)(have < len ? have : len);
}

static ssize_t on_read_length(nghttp2_session *session, uint8_t type,
			      int32_t id, int32_t session_window,
			      int32_t stream_window, uint32_t frame_max,
			      void *context)
{
	struct http2 *http2 = context;
	size_t len = DATA_MAX;

	(void)session;
	(void)type;
	(void)id;
	if (len > frame_max)
		len = frame_max;
	if (len > (size_t)session_window)
		len = (size_t)session_window;
	if (len > (size_t)stream_window)
		len = (size_t)stream_window;
	/* What fits into the transfer needs no spilling. */
	if (http2->room > 4 * FRAME_HEADER && len > http2->room - FRAME_HEADER)
		len = http2->room - FRAME_HEADER;
	return (ssize_t)len;
}

static bool spill_reserve(struct http2 *http2, size_t len)
{
	uint8_t *spill;

	http2->spill_at = 0;
	http2->spill_len = 0;
	if (len <= http2->spill_size)
		return true;
	spill = realloc(http2->spill, len);
	if (!spill)
		return false;
	http2->spill = spill;
	http2->spill_size = len;
	return true;
}

static void spill_out(struct http2 *http2)
{
	size_t len = http2->spill_len - http2->spill_at;

	if (len > http2->room)
		len = http2->room;
	if (!len)
		return;
	memcpy(http2->to, http2->spill + http2->spill_at, len);
	http2->to += len;
	http2->room -= len;
	http2->spill_at += len;
}

static int on_send_data(nghttp2_session *session, nghttp2_frame *frame,
			const uint8_t *header, size_t len,
			nghttp2_data_source *source, void *context)
{
	struct http2 *http2 = context;
	struct http2_stream *stream = source->ptr;
	const uint8_t *data;
	uint8_t *to = http2->to;

	(void)session;
	(void)frame;
	if (http2->spill_at < http2->spill_len || !http2->room)
		return NGHTTP2_ERR_WOULDBLOCK;
	stream_peek(stream, &data);
	if (FRAME_HEADER + len > http2->room) {
		if (!spill_reserve(http2, FRAME_HEADER + len))
			return NGHTTP2_ERR_CALLBACK_FAILURE;
		to = http2->spill;
	}
	memcpy(to, header, FRAME_HEADER);
	if (len)
		memcpy(to + FRAME_HEADER, data, len);
	stream_consume(stream, len);
	if (to == http2->to) {
		http2->to += FRAME_HEADER + len;
		http2->room -= FRAME_HEADER + len;
	} else {
		http2->spill_len = FRAME_HEADER + len;
		spill_out(http2);
	}
	return 0;
}

#define NV(n, v, vlen)                                                         \
	{                                                                      \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v),          \
			sizeof(n) - 1, (vlen), NGHTTP2_NV_FLAG_NONE            \
	}

static bool stream_is_head(const struct http2_stream *stream)
{
	return stream->method.value_len == 4 &&
	       !memcmp(stream->text + stream->method.value, "HEAD", 4);
}

/* A page of our own is the answer. */
static void stream_reply(struct http2_stream *stream, bool made,
			 struct web_page *page)
{
	char status_text[12];
	char length_text[24];
	char retry_text[12];
	nghttp2_data_provider provider = {.source.ptr = stream,
					  .read_callback = on_read};
	bool is_head = stream_is_head(stream);
	size_t count = 3;

	if (stream->request)
		web_request_release(stream->request);
	stream->request = NULL;
	stream->answered = true;
	if (!made) {
		stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	snprintf(status_text, sizeof(status_text), "%u", page->status);
	snprintf(length_text, sizeof(length_text), "%zu", page->len);
	snprintf(retry_text, sizeof(retry_text), "%u", page->retry_after_s);
	nghttp2_nv nva[7] = {
		NV(":status", status_text, strlen(status_text)),
		NV("content-type", page->type, strlen(page->type)),
		NV("content-length", length_text, strlen(length_text)),
	};
	if (page->allow)
		nva[count++] = (nghttp2_nv)NV("allow", web_allowed_methods,
					      strlen(web_allowed_methods));
	if (page->retry_after_s)
		nva[count++] = (nghttp2_nv)NV("retry-after", retry_text,
					      strlen(retry_text));
	if (page->fresh)
		nva[count++] = (nghttp2_nv)NV("cache-control", "no-store", 8);
	if (page->policy)
		nva[count++] =
			(nghttp2_nv)NV("content-security-policy", page->policy,
				       strlen(page->policy));
	stream->page = page->text;
	stream->page_len = is_head ? 0 : page->len;
	if (nghttp2_submit_response(stream->http2->session, stream->id, nva,
				    count, is_head ? NULL : &provider))
		stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
	web_conn_mark(stream->http2->conn);
}

static void stream_refuse(struct http2_stream *stream, unsigned int status,
			  const char *why)
{
	struct web_page page;
	bool made = web_page_refuse(&page, status, why);

	stream_reply(stream, made, &page);
}

/* The request failed before its answer began. */
static void stream_fail(struct http2_stream *stream,
			const struct web_failure *failure)
{
	struct web_page page;
	bool made;

	if (failure->verdict == WEB_PIPES) {
		stream->http2->conn->reset = TV_PIPE_REASON_LIMIT;
		web_conn_mark(stream->http2->conn);
		return;
	}
	if (!web_is_denied(failure)) {
		stream_refuse(stream, failure->status, failure->text);
		return;
	}
	made = web_page_deny(&page, stream->http2->conn->function, failure,
			     stream->service);
	stream_reply(stream, made, &page);
}

/* The order of streams on the pipe is as policy allows, and fair otherwise. */
static struct web_urgency stream_prioritise(struct http2_stream *stream)
{
	struct web_urgency got = web_urgency_within(
		&stream->urgency, web_request_priority(stream->request));
	nghttp2_extpri extpri = {.urgency = got.urgency,
				 .inc = got.incremental};

	nghttp2_session_change_extpri_stream_priority(stream->http2->session,
						      stream->id, &extpri, 1);
	return got;
}

static bool is_priority(const struct web_header *header)
{
	return header->name_len == 8 && !memcmp(header->name, "priority", 8);
}

static void on_answer_head(void *context, const struct web_response_head *head)
{
	struct http2_stream *stream = context;
	struct http2 *http2 = stream->http2;
	nghttp2_nv nva[ANSWER_NV_MAX];
	nghttp2_data_provider provider = {.source.ptr = stream,
					  .read_callback = on_read};
	const uint8_t nocopy =
		NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE;
	char status_text[12];
	char length_text[24];
	char priority_text[WEB_PRIORITY_TEXT_MAX];
	struct web_urgency got = stream_prioritise(stream);
	size_t count = 0;
	const uint8_t *data;
	bool bodyless;

	stream->answered = true;
	snprintf(status_text, sizeof(status_text), "%u", head->status);
	nva[count++] =
		(nghttp2_nv)NV(":status", status_text, strlen(status_text));
	for (size_t i = 0; i < head->header_count; i++) {
		if (stream->urgency.given && is_priority(&head->headers[i]))
			continue;
		nva[count++] = (nghttp2_nv){
			(uint8_t *)(uintptr_t)head->headers[i].name,
			(uint8_t *)(uintptr_t)head->headers[i].value,
			head->headers[i].name_len, head->headers[i].value_len,
			nocopy};
	}
	if (stream->urgency.given) {
		size_t len = web_urgency_write(priority_text, &got);

		nva[count++] = (nghttp2_nv)NV("priority", priority_text, len);
	}
	if (head->content_length >= 0 && head->status != 204) {
		snprintf(length_text, sizeof(length_text), "%lld",
			 (long long)head->content_length);
		nva[count++] = (nghttp2_nv)NV("content-length", length_text,
					      strlen(length_text));
	}
	/* The headers live in the request, which lives as the stream does. */
	bodyless = web_request_complete(stream->request) &&
		   !web_request_peek(stream->request, &data);
	if (nghttp2_submit_response(http2->session, stream->id, nva, count,
				    bodyless ? NULL : &provider))
		stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
	web_conn_mark(http2->conn);
}

static void on_answer_readable(void *context)
{
	struct http2_stream *stream = context;

	if (stream->deferred) {
		stream->deferred = false;
		nghttp2_session_resume_data(stream->http2->session, stream->id);
	}
	web_conn_mark(stream->http2->conn);
}

static void on_body_drained(void *context, size_t len)
{
	struct http2_stream *stream = context;

	stream->unconsumed -= len;
	nghttp2_session_consume(stream->http2->session, stream->id, len);
	web_conn_mark(stream->http2->conn);
}

static void on_answer_failed(void *context, const struct web_failure *failure)
{
	struct http2_stream *stream = context;

	if (!stream->answered)
		stream_fail(stream, failure);
	else if (web_is_denied(failure) && !failure->revoked)
		stream_reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
	else
		stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
}

static const struct web_request_ops http2_request_ops = {
	.head = on_answer_head,
	.readable = on_answer_readable,
	.drained = on_body_drained,
	.failed = on_answer_failed,
};

/* The answer is a stream of events. */
static void stream_reply_events(struct http2_stream *stream,
				const struct web_page *page)
{
	const nghttp2_nv nva[] = {
		NV(":status", "200", 3),
		NV("content-type", page->type, strlen(page->type)),
		NV("cache-control", "no-store", 8),
	};
	nghttp2_data_provider provider = {.source.ptr = stream,
					  .read_callback = on_read};

	stream->events = web_events_create(stream->http2->conn->function,
					   on_answer_readable, stream);
	if (!stream->events) {
		stream_refuse(stream, 503, "too many listen to events");
		return;
	}
	stream->answered = true;
	if (nghttp2_submit_response(stream->http2->session, stream->id, nva, 3,
				    &provider))
		stream_reset(stream, NGHTTP2_INTERNAL_ERROR);
	web_conn_mark(stream->http2->conn);
}

/* The function itself answers. */
static void stream_reply_own(struct http2_stream *stream)
{
	struct web_page page;
	bool made = web_own_answer(&stream->own, &page);

	if (made && page.events && !stream_is_head(stream))
		stream_reply_events(stream, &page);
	else
		stream_reply(stream, made, &page);
}

/* ---- requests ----------------------------------------------------------- */

static bool stream_add_text(struct http2_stream *stream, const uint8_t *data,
			    size_t len, size_t *at)
{
	size_t size = stream->text_size ? stream->text_size : TEXT_FIRST_SIZE;
	char *text;

	*at = stream->text_len;
	if (len > stream->text_size - stream->text_len) {
		while (size - stream->text_len < len)
			size *= 2;
		text = realloc(stream->text, size);
		if (!text)
			return false;
		stream->text = text;
		stream->text_size = size;
	}
	if (len)
		memcpy(stream->text + stream->text_len, data, len);
	stream->text_len += len;
	return true;
}

static struct header_place *stream_new_place(struct http2_stream *stream)
{
	unsigned int max = stream->http2->conn->function->header_max_count;
	unsigned int size =
		stream->place_size ? stream->place_size * 2 : HEADERS_FIRST;
	struct header_place *places;

	if (stream->place_count == max)
		return NULL;
	if (stream->place_count == stream->place_size) {
		places = realloc(stream->places, size * sizeof(*places));
		if (!places)
			return NULL;
		stream->places = places;
		stream->place_size = size;
	}
	return &stream->places[stream->place_count++];
}

static bool stream_add_header(struct http2_stream *stream, const uint8_t *name,
			      size_t name_len, const uint8_t *value,
			      size_t value_len)
{
	struct header_place pseudo;
	struct header_place *place = &pseudo;

	stream->list_bytes += name_len + value_len + HEADER_OVERHEAD;
	if (stream->list_bytes >
	    stream->http2->conn->function->header_max_bytes)
		return false;
	if (name[0] == ':') {
		if (name_len == 7 && !memcmp(name, ":method", 7))
			place = &stream->method;
		else if (name_len == 5 && !memcmp(name, ":path", 5))
			place = &stream->target;
		else if (name_len == 10 && !memcmp(name, ":authority", 10))
			place = &stream->authority;
	} else {
		place = stream_new_place(stream);
	}
	if (!place || !stream_add_text(stream, name, name_len, &place->name) ||
	    !stream_add_text(stream, value, value_len, &place->value))
		return false;
	place->name_len = name_len;
	place->value_len = value_len;
	place->present = true;
	return true;
}

static void stream_continue(struct http2_stream *stream)
{
	const nghttp2_nv status = NV(":status", "100", 3);

	nghttp2_submit_headers(stream->http2->session, NGHTTP2_FLAG_NONE,
			       stream->id, NULL, &status, 1, NULL);
}

/* The function itself is asked; if it needs the body, that comes first. */
static void stream_ask_own(struct http2_stream *stream,
			   const struct web_ask *ask)
{
	web_own_begin(&stream->own, stream->http2->conn->function, ask);
	if (stream->input_ended || !web_own_wants_body(&stream->own))
		stream_reply_own(stream);
	else if (ask->expects_continue)
		stream_continue(stream);
}

/* What is asked for is clear: asks the service set for it. */
static void stream_ask(struct http2_stream *stream, const struct web_ask *ask)
{
	struct web_conn *conn = stream->http2->conn;
	struct web_request_head head;
	struct web_failure failure;
	int64_t body_len = 0;

	if (web_own_is(ask)) {
		stream_ask_own(stream, ask);
		return;
	}
	/* nghttp2 holds the body to its Content-Length. */
	if (!stream->input_ended)
		body_len = ask->content_length ? ask->content_length : -1;
	web_ask_fill(ask, body_len, STREAM_WINDOW, &head);
	head.share = conn->share;
	head.begun_ns = stream->begun_ns;
	stream->urgency = ask->urgency;
	memcpy(stream->service, ask->service, ask->service_len + 1);
	if (web_request_start(conn->function->services, &head,
			      &http2_request_ops, stream, &stream->request,
			      &failure))
		stream_fail(stream, &failure);
	else if (ask->expects_continue && body_len)
		stream_continue(stream);
}

/* The head is complete: asks the service set, or refuses. */
static void stream_start(struct http2_stream *stream)
{
	struct web_http2_shared *shared = stream->http2->shared;
	struct web_ask ask = {.major = 2, .ended = stream->input_ended};
	const char *why = NULL;
	unsigned int status;

	if (stream->overflow) {
		stream_refuse(stream, 431, NULL);
		return;
	}
	for (unsigned int i = 0; i < stream->place_count; i++) {
		const struct header_place *place = &stream->places[i];

		shared->headers[i] = (struct web_header){
			.name = stream->text + place->name,
			.value = stream->text + place->value,
			.name_len = place->name_len,
			.value_len = place->value_len,
		};
	}
	ask.headers = shared->headers;
	ask.header_count = stream->place_count;
	ask.method = stream->text + stream->method.value;
	ask.method_len = stream->method.value_len;
	ask.target = stream->text + stream->target.value;
	ask.target_len = stream->target.value_len;
	if (stream->authority.present) {
		ask.authority = stream->text + stream->authority.value;
		ask.authority_len = stream->authority.value_len;
	}
	status = web_ask_check(&ask, &why);
	if (status)
		stream_refuse(stream, status, why);
	else
		stream_ask(stream, &ask);
}

/* ---- nghttp2's callbacks ------------------------------------------------ */

static int on_begin_headers(nghttp2_session *session,
			    const nghttp2_frame *frame, void *context)
{
	struct http2_stream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = stream_create(context, frame->hd.stream_id);
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
					     stream);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
		     const uint8_t *name, size_t name_len, const uint8_t *value,
		     size_t value_len, uint8_t flags, void *context)
{
	struct http2_stream *stream;

	(void)flags;
	(void)context;
	/* Trailers are read and forgotten. */
	if (frame->hd.type != NGHTTP2_HEADERS ||
	    frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = nghttp2_session_get_stream_user_data(session,
						      frame->hd.stream_id);
	if (stream && !stream->overflow &&
	    !stream_add_header(stream, name, name_len, value, value_len))
		stream->overflow = true;
	return 0;
}

static int on_invalid_header(nghttp2_session *session,
			     const nghttp2_frame *frame, const uint8_t *name,
			     size_t name_len, const uint8_t *value,
			     size_t value_len, uint8_t flags, void *context)
{
	(void)session;
	(void)frame;
	(void)name;
	(void)name_len;
	(void)value;
	(void)value_len;
	(void)flags;
	(void)context;
	/* The default is to leave the header out and go on. */
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame,
		    void *context)
{
	struct http2_stream *stream;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	(void)context;
	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	stream = nghttp2_session_get_stream_user_data(session,
						      frame->hd.stream_id);
	if (!stream)
		return 0;
	stream->input_ended = stream->input_ended || end;
	if (frame->hd.type == NGHTTP2_HEADERS &&
	    frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		stream_start(stream);
	else if (end && stream->request)
		web_request_finish(stream->request);
	else if (end && web_own_wants_body(&stream->own))
		stream_reply_own(stream);
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id,
			 const uint8_t *data, size_t len, void *context)
{
	struct http2_stream *stream =
		nghttp2_session_get_stream_user_data(session, id);

	(void)flags;
	(void)context;
	if (!stream || !stream->request) {
		nghttp2_session_consume(session, id, len);
		if (stream && web_own_wants_body(&stream->own) &&
		    !web_own_write(&stream->own, data, len))
			stream_reply_own(stream);
		return 0;
	}
	stream->unconsumed += len;
	/* The buffer is as large as the window: it takes all. */
	if (web_request_write(stream->request, data, len) < len)
		stream_reset(stream, NGHTTP2_FLOW_CONTROL_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error,
			   void *context)
{
	struct http2_stream *stream =
		nghttp2_session_get_stream_user_data(session, id);

	(void)error;
	(void)context;
	if (!stream)
		return 0;
	/* What was never read must not shrink the connection's window. */
	if (stream->unconsumed)
		nghttp2_session_consume_connection(session, stream->unconsumed);
	nghttp2_session_set_stream_user_data(session, id, NULL);
	stream_destroy(stream);
	return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame,
			 void *context)
{
	(void)context;
	/* An answer that ends before its request: the rest is not wanted. */
	if ((frame->hd.type == NGHTTP2_HEADERS ||
	     frame->hd.type == NGHTTP2_DATA) &&
	    frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
	    nghttp2_session_get_stream_remote_close(session,
						    frame->hd.stream_id) == 0)
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
					  frame->hd.stream_id,
					  NGHTTP2_NO_ERROR);
	return 0;
}

/* ---- the pipe ----------------------------------------------------------- */

static void http2_fatal(struct http2 *http2, int error)
{
	http2->conn->reset = error == NGHTTP2_ERR_NOMEM
				     ? TV_PIPE_REASON_INTERNAL
				     : TV_PIPE_REASON_PROTOCOL;
	web_conn_mark(http2->conn);
}

static size_t http2_receive(void *state, const uint8_t *data, size_t len)
{
	struct http2 *http2 = state;
	ssize_t taken;

	if (nghttp2_session_get_outbound_queue_size(http2->session) >
	    OUTBOUND_MAX) {
		http2->blocked = true;
		return 0;
	}
	taken = nghttp2_session_mem_recv(http2->session, data, len);
	if (taken < 0) {
		http2_fatal(http2, (int)taken);
		return len;
	}
	web_conn_mark(http2->conn);
	return len;
}

static void http2_receive_end(void *state)
{
	struct http2 *http2 = state;
	struct list_node *node;
	struct list_node *after;

	/* A request whose body is cut off must not pass for a whole one. */
	list_for_each_safe(node, after, &http2->streams)
	{
		struct http2_stream *stream =
			container_of(node, struct http2_stream, link);

		if (!stream->input_ended)
			stream_reset(stream, NGHTTP2_CANCEL);
	}
	nghttp2_submit_goaway(
		http2->session, NGHTTP2_FLAG_NONE,
		nghttp2_session_get_last_proc_stream_id(http2->session),
		NGHTTP2_NO_ERROR, NULL, 0);
	http2->input_ended = true;
	web_conn_mark(http2->conn);
}

static void pending_out(struct http2 *http2)
{
	size_t len = http2->pending_len < http2->room ? http2->pending_len
						      : http2->room;

	if (!len)
		return;
	memcpy(http2->to, http2->pending, len);
	http2->to += len;
	http2->room -= len;
	http2->pending += len;
	http2->pending_len -= len;
}

static bool http2_is_over(struct http2 *http2)
{
	if (http2->pending_len || http2->spill_at < http2->spill_len)
		return false;
	if (nghttp2_session_want_write(http2->session))
		return false;
	return !nghttp2_session_want_read(http2->session) ||
	       (http2->input_ended && list_empty(&http2->streams));
}

static size_t http2_produce(void *state, uint8_t *data, size_t len)
{
	struct http2 *http2 = state;

	http2->to = data;
	http2->room = len;
	pending_out(http2);
	spill_out(http2);
	while (http2->room) {
		ssize_t more = nghttp2_session_mem_send(http2->session,
							&http2->pending);

		if (more < 0) {
			http2->pending_len = 0;
			http2_fatal(http2, (int)more);
			break;
		}
		http2->pending_len = (size_t)more;
		if (!more)
			break;
		pending_out(http2);
	}
	if (http2->blocked && nghttp2_session_get_outbound_queue_size(
				      http2->session) <= OUTBOUND_MAX / 2) {
		http2->blocked = false;
		http2->conn->want_out = true;
		web_conn_mark(http2->conn);
	}
	if (http2_is_over(http2)) {
		http2->conn->finished = true;
		web_conn_mark(http2->conn);
	}
	return len - http2->room;
}

/* ---- life --------------------------------------------------------------- */

void web_http2_shared_free(struct web_http2_shared *shared)
{
	struct http2_stream *stream;

	if (!shared)
		return;
	while ((stream = shared->spare)) {
		shared->spare = stream->next;
		stream_free(stream);
	}
	nghttp2_session_callbacks_del(shared->callbacks);
	nghttp2_option_del(shared->option);
	free(shared->headers);
	free(shared);
}

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(
		callbacks, on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
							     on_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
							       on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks,
							     on_frame_sent);
	nghttp2_session_callbacks_set_send_data_callback(callbacks,
							 on_send_data);
	nghttp2_session_callbacks_set_data_source_read_length_callback(
		callbacks, on_read_length);
}

static struct web_http2_shared *shared_get(struct web_function *function)
{
	struct web_http2_shared *shared = function->http2;

	if (shared)
		return shared;
	shared = calloc(1, sizeof(*shared));
	if (!shared)
		return NULL;
	shared->headers =
		calloc(function->header_max_count, sizeof(*shared->headers));
	if (!shared->headers ||
	    nghttp2_session_callbacks_new(&shared->callbacks) ||
	    nghttp2_option_new(&shared->option)) {
		web_http2_shared_free(shared);
		return NULL;
	}
	set_callbacks(shared->callbacks);
	nghttp2_option_set_no_auto_window_update(shared->option, 1);
	nghttp2_option_set_no_closed_streams(shared->option, 1);
	function->http2 = shared;
	return shared;
}

static int http2_greet(struct http2 *http2)
{
	const nghttp2_settings_entry settings[] = {
		{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAM_MAX},
		{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
		{NGHTTP2_SETTINGS_MAX_FRAME_SIZE, FRAME_MAX},
		{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
		 (uint32_t)http2->conn->function->header_max_bytes},
		{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
	};
	int error = nghttp2_submit_settings(
		http2->session, NGHTTP2_FLAG_NONE, settings,
		sizeof(settings) / sizeof(settings[0]));

	if (error)
		return error;
	return nghttp2_session_set_local_window_size(
		http2->session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW);
}

static void *http2_create(struct web_conn *conn)
{
	struct http2 *http2 = calloc(1, sizeof(*http2));

	if (!http2)
		return NULL;
	http2->conn = conn;
	list_init(&http2->streams);
	http2->shared = shared_get(conn->function);
	if (!http2->shared)
		goto err_free;
	if (nghttp2_session_server_new2(&http2->session,
					http2->shared->callbacks, http2,
					http2->shared->option))
		goto err_free;
	if (http2_greet(http2))
		goto err_session;
	web_conn_mark(conn);
	return http2;

err_session:
	nghttp2_session_del(http2->session);
err_free:
	free(http2);
	return NULL;
}

static void http2_destroy(void *state)
{
	struct http2 *http2 = state;
	struct list_node *node;

	while ((node = list_first(&http2->streams)))
		stream_destroy(container_of(node, struct http2_stream, link));
	/* Frees what is queued without calling back. */
	nghttp2_session_del(http2->session);
	free(http2->spill);
	free(http2);
}

const struct web_protocol web_http2 = {
	.create = http2_create,
	.receive = http2_receive,
	.receive_end = http2_receive_end,
	.produce = http2_produce,
	.destroy = http2_destroy,
};
