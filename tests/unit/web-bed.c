// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-bed.c - guest pipes over the mem bus, and odd upstreams.
 */
#define _GNU_SOURCE
#include "tests/unit/web-bed.h"

#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- upstreams ---------------------------------------------------------- */

struct upstream_conn {
	struct upstream *upstream;
	struct upstream_conn *next;
	uv_tcp_t tcp;
	uv_timer_t delay;
	unsigned int handles;
	http_parser parser;
	char url[4096];
	size_t url_len;
	bool in_request;
	uint64_t body; /* of this request */
	uint64_t to_send;
	bool sending;
	bool gone;
};

static void conn_close(struct upstream_conn *conn);

static void on_conn_closed(uv_handle_t *handle)
{
	struct upstream_conn *conn = handle->data;
	struct upstream_conn **at = &conn->upstream->conns;

	if (--conn->handles)
		return;
	while (*at != conn)
		at = &(*at)->next;
	*at = conn->next;
	conn->upstream->open--;
	free(conn);
}

static void conn_close(struct upstream_conn *conn)
{
	if (conn->gone)
		return;
	conn->gone = true;
	uv_close((uv_handle_t *)&conn->tcp, on_conn_closed);
	uv_close((uv_handle_t *)&conn->delay, on_conn_closed);
}

static void on_delay(uv_timer_t *timer)
{
	conn_close(timer->data);
}

/* Closes when what was sent has certainly been read. */
static void conn_close_later(struct upstream_conn *conn)
{
	uv_timer_start(&conn->delay, on_delay, 50, 0);
}

struct write {
	uv_write_t write;
	struct upstream_conn *conn;
	char data[];
};

static void conn_go_on(struct upstream_conn *conn);

static void on_written(uv_write_t *write, int status)
{
	struct write *mine = (struct write *)(void *)write;
	struct upstream_conn *conn = mine->conn;

	free(mine);
	if (!status && !conn->gone)
		conn_go_on(conn);
}

static void conn_send(struct upstream_conn *conn, const char *data, size_t len)
{
	struct write *write = malloc(sizeof(*write) + len);
	uv_buf_t buffer;

	write->conn = conn;
	memcpy(write->data, data, len);
	buffer = uv_buf_init(write->data, (unsigned int)len);
	conn->upstream->sent_octets += len;
	if (uv_write(&write->write, (uv_stream_t *)&conn->tcp, &buffer, 1,
		     on_written))
		free(write);
}

static void conn_text(struct upstream_conn *conn, const char *text)
{
	conn_send(conn, text, strlen(text));
}

/* A large body goes out piece by piece as it is taken. */
static void conn_go_on(struct upstream_conn *conn)
{
	static char zeros[65536];
	size_t len = conn->to_send < sizeof(zeros) ? (size_t)conn->to_send
						   : sizeof(zeros);

	if (!len)
		return;
	conn->to_send -= len;
	conn_send(conn, zeros, len);
}

static bool is(const struct upstream_conn *conn, const char *path)
{
	return !strncmp(conn->url, path, strlen(path));
}

/*
 * /hello and all else: a short answer.  The others are named by what they do.
 */
static void upstream_answer(struct upstream_conn *conn)
{
	char text[512];

	if (is(conn, "/drop")) {
		conn_close(conn);
	} else if (is(conn, "/silent")) {
		return;
	} else if (is(conn, "/partline")) {
		conn_text(conn, "HTTP/1.");
		conn_close(conn);
	} else if (is(conn, "/half")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
				"only this");
		conn_close_later(conn);
	} else if (is(conn, "/halfchunk")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\n"
				"Transfer-Encoding: chunked\r\n\r\n"
				"4\r\nonly\r\n");
		conn_close_later(conn);
	} else if (is(conn, "/stall")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
				"only this");
	} else if (is(conn, "/chunked")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\n"
				"Transfer-Encoding: chunked\r\n\r\n"
				"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n"
				"X-Trailer: gone\r\n\r\n");
	} else if (is(conn, "/endless")) {
		conn_text(conn, "HTTP/1.0 200 OK\r\n\r\n");
		conn->to_send = UINT64_MAX;
		conn_go_on(conn);
	} else if (is(conn, "/toclose")) {
		conn_text(conn, "HTTP/1.0 200 OK\r\n\r\nup to the end");
		conn_close(conn);
	} else if (is(conn, "/empty")) {
		conn_text(conn, "HTTP/1.1 204 No Content\r\n\r\n");
	} else if (is(conn, "/notmodified")) {
		conn_text(conn, "HTTP/1.1 304 Not Modified\r\n"
				"ETag: \"x\"\r\n\r\n");
	} else if (is(conn, "/interim")) {
		conn_text(conn, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
				"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				"\r\nok");
	} else if (is(conn, "/hop")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				"Connection: X-Hop, keep-alive\r\n"
				"X-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
				"Upgrade: h2c\r\nProxy-Connection: x\r\n"
				"X-Stay: 2\r\n\r\nok");
	} else if (is(conn, "/headbomb")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\nX-Big: ");
		conn->to_send = 200000;
		conn_go_on(conn);
	} else if (is(conn, "/badheader")) {
		conn_text(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
				"Bad Name: x\r\n\r\nok");
	} else if (is(conn, "/redirect")) {
		conn_text(conn, "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
				"Location: http://other/\r\n\r\n");
	} else if (is(conn, "/big")) {
		conn->to_send = strtoull(conn->url + 5, NULL, 10);
		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Length: %llu\r\n\r\n",
			 (unsigned long long)conn->to_send);
		conn_text(conn, text);
	} else {
		snprintf(text, sizeof(text),
			 "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n"
			 "X-Body: %llu\r\n\r\n%s",
			 conn->parser.method == HTTP_HEAD ? 6 : 6,
			 (unsigned long long)conn->body,
			 conn->parser.method == HTTP_HEAD ? "" : "hello\n");
		conn_text(conn, text);
	}
}

static int on_begin(http_parser *parser)
{
	struct upstream_conn *conn = parser->data;

	conn->in_request = true;
	conn->url_len = 0;
	conn->body = 0;
	return 0;
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
	struct upstream_conn *conn = parser->data;

	assert(len < sizeof(conn->url) - conn->url_len);
	memcpy(conn->url + conn->url_len, at, len);
	conn->url_len += len;
	conn->url[conn->url_len] = 0;
	return 0;
}

static int on_head(http_parser *parser)
{
	struct upstream_conn *conn = parser->data;

	conn->upstream->requests++;
	/* Answers before it has read the body. */
	if (is(conn, "/early")) {
		conn_text(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 3"
				"\r\nConnection: close\r\n\r\nno\n");
		conn->in_request = false;
	}
	if (is(conn, "/dropbody"))
		conn_close(conn);
	return 0;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
	struct upstream_conn *conn = parser->data;

	(void)at;
	conn->body += len;
	conn->upstream->body_octets += len;
	if (is(conn, "/dropmid") && conn->body > 1000)
		conn_close(conn);
	return 0;
}

static int on_complete(http_parser *parser)
{
	struct upstream_conn *conn = parser->data;

	conn->in_request = false;
	if (!conn->gone && !is(conn, "/early"))
		upstream_answer(conn);
	return 0;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buffer)
{
	static char memory[65536];

	(void)handle;
	(void)size;
	*buffer = uv_buf_init(memory, sizeof(memory));
}

static void keep_head(struct upstream *upstream, const char *data, size_t len)
{
	if (len > sizeof(upstream->head) - 1)
		len = sizeof(upstream->head) - 1;
	memcpy(upstream->head, data, len);
	upstream->head[len] = 0;
	upstream->head_len = len;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
	static const http_parser_settings settings = {
		.on_message_begin = on_begin,
		.on_url = on_url,
		.on_headers_complete = on_head,
		.on_body = on_body,
		.on_message_complete = on_complete,
	};
	struct upstream_conn *conn = stream->data;

	if (n < 0) {
		if (conn->in_request)
			conn->upstream->aborted++;
		conn_close(conn);
		return;
	}
	if (n > 4 && !conn->in_request)
		keep_head(conn->upstream, buffer->base, (size_t)n);
	http_parser_execute(&conn->parser, &settings, buffer->base, (size_t)n);
	if (HTTP_PARSER_ERRNO(&conn->parser) != HPE_OK)
		conn_close(conn);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct upstream *upstream = listener->data;
	struct upstream_conn *conn = calloc(1, sizeof(*conn));

	(void)status;
	conn->upstream = upstream;
	uv_tcp_init(listener->loop, &conn->tcp);
	conn->tcp.data = conn;
	uv_timer_init(listener->loop, &conn->delay);
	conn->delay.data = conn;
	conn->handles = 2;
	uv_accept(listener, (uv_stream_t *)&conn->tcp);
	http_parser_init(&conn->parser, HTTP_REQUEST);
	conn->parser.data = conn;
	conn->next = upstream->conns;
	upstream->conns = conn;
	upstream->connections++;
	upstream->open++;
	if (!upstream->hold)
		uv_read_start((uv_stream_t *)&conn->tcp, on_alloc, on_read);
}

struct upstream *upstream_create(struct bed *bed)
{
	struct upstream *upstream = calloc(1, sizeof(*upstream));
	struct sockaddr_in address;
	int len = sizeof(address);

	upstream->bed = bed;
	uv_tcp_init(&bed->loop, &upstream->listener);
	upstream->listener.data = upstream;
	uv_ip4_addr("127.0.0.1", 0, &address);
	assert(!uv_tcp_bind(&upstream->listener, (struct sockaddr *)&address,
			    0));
	assert(!uv_listen((uv_stream_t *)&upstream->listener, 512,
			  on_connection));
	uv_tcp_getsockname(&upstream->listener, (struct sockaddr *)&address,
			   &len);
	upstream->port = ntohs(address.sin_port);
	upstream->listening = true;
	snprintf(upstream->url, sizeof(upstream->url), "http://127.0.0.1:%d",
		 upstream->port);
	bed->upstreams[bed->upstream_count++] = upstream;
	return upstream;
}

void upstream_kill(struct upstream *upstream)
{
	if (upstream->listening)
		uv_close((uv_handle_t *)&upstream->listener, NULL);
	upstream->listening = false;
	for (struct upstream_conn *conn = upstream->conns; conn;
	     conn = conn->next)
		conn_close(conn);
}

void upstream_hold(struct upstream *upstream, bool hold)
{
	upstream->hold = hold;
	for (struct upstream_conn *conn = upstream->conns; conn;
	     conn = conn->next) {
		if (conn->gone)
			continue;
		if (hold)
			uv_read_stop((uv_stream_t *)&conn->tcp);
		else
			uv_read_start((uv_stream_t *)&conn->tcp, on_alloc,
				      on_read);
	}
}

/* ---- guest -------------------------------------------------------------- */

static int control(struct bed *bed, uint8_t type, uint8_t request,
		   uint16_t value, uint16_t index, uint8_t *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .endpoint = type & 0x80,
			 .setup = {type, request, value & 0xff,
				   (uint8_t)(value >> 8), index & 0xff,
				   (uint8_t)(index >> 8), len & 0xff,
				   (uint8_t)(len >> 8)},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(bed->bus, 1, &transfer);
	assert(transfer.done);
	return transfer.xfer.status == USB_STATUS_OK ? (int)transfer.xfer.actual
						     : -1;
}

static void out_next(struct guest_pipe *pipe);

static void on_out_done(struct mem_xfer *transfer)
{
	struct guest_pipe *pipe = transfer->context;
	size_t done = transfer->xfer.actual;

	pipe->out_busy = false;
	free(transfer->buffer);
	transfer->buffer = NULL;
	if (transfer->xfer.status != USB_STATUS_OK)
		return;
	pipe->sent += done;
	out_next(pipe);
}

static void out_next(struct guest_pipe *pipe)
{
	size_t len = pipe->send_len;

	if (pipe->out_busy || !len)
		return;
	if (pipe->piece && len > pipe->piece)
		len = pipe->piece;
	if (len > BED_TRANSFER)
		len = BED_TRANSFER;
	memset(&pipe->out, 0, sizeof(pipe->out));
	pipe->out.xfer.type = USB_TRANSFER_BULK;
	pipe->out.xfer.endpoint = pipe->out_endpoint;
	pipe->out.xfer.length = (uint32_t)len;
	pipe->out.buffer = malloc(len);
	memcpy(pipe->out.buffer, pipe->send, len);
	pipe->send_len -= len;
	memmove(pipe->send, pipe->send + len, pipe->send_len);
	pipe->out.on_done = on_out_done;
	pipe->out.context = pipe;
	pipe->out_busy = true;
	mem_bus_submit(pipe->bed->bus, 1, &pipe->out);
}

void guest_send(struct guest_pipe *pipe, const void *data, size_t len)
{
	if (len > pipe->send_size - pipe->send_len) {
		pipe->send_size = (pipe->send_len + len) * 2;
		pipe->send = realloc(pipe->send, pipe->send_size);
	}
	if (len)
		memcpy(pipe->send + pipe->send_len, data, len);
	pipe->send_len += len;
	out_next(pipe);
}

void guest_send_text(struct guest_pipe *pipe, const char *text)
{
	guest_send(pipe, text, strlen(text));
}

static void on_in_done(struct mem_xfer *transfer);

static void submit_in(struct guest_pipe *pipe, struct mem_xfer *transfer)
{
	unsigned int at = (unsigned int)(transfer - pipe->ins);

	memset(transfer, 0, sizeof(*transfer));
	transfer->xfer.type = USB_TRANSFER_BULK;
	transfer->xfer.endpoint = pipe->in_endpoint;
	transfer->xfer.length = pipe->in_length;
	transfer->buffer = pipe->in_buffers[at];
	transfer->on_done = on_in_done;
	transfer->context = pipe;
	mem_bus_submit(pipe->bed->bus, 1, transfer);
}

static void on_in_done(struct mem_xfer *transfer)
{
	struct guest_pipe *pipe = transfer->context;
	size_t len = transfer->xfer.actual;

	if (transfer->xfer.status != USB_STATUS_OK)
		return;
	pipe->received += len;
	if (pipe->on_data) {
		pipe->on_data(pipe, transfer->buffer, len);
	} else {
		if (len + 1 > pipe->text_size - pipe->text_len) {
			pipe->text_size = (pipe->text_len + len + 1) * 2;
			pipe->text = realloc(pipe->text, pipe->text_size);
		}
		memcpy(pipe->text + pipe->text_len, transfer->buffer, len);
		pipe->text_len += len;
		pipe->text[pipe->text_len] = 0;
	}
	if (!pipe->stuck)
		submit_in(pipe, transfer);
}

void guest_read(struct guest_pipe *pipe)
{
	pipe->stuck = false;
	for (int i = 0; i < BED_INS; i++)
		if (!pipe->ins[i].submitted || pipe->ins[i].done)
			submit_in(pipe, &pipe->ins[i]);
}

void guest_forget(struct guest_pipe *pipe)
{
	pipe->text_len = 0;
	if (pipe->text)
		pipe->text[0] = 0;
}

void guest_open(struct guest_pipe *pipe)
{
	pipe->generation = (uint16_t)(pipe->generation + 1);
	pipe->opened = false;
	pipe->ended = false;
	pipe->reset = false;
	pipe->reason = 0;
	pipe->send_len = 0;
	pipe->sent = 0;
	pipe->received = 0;
	guest_forget(pipe);
	assert(control(pipe->bed, 0x41, TV_PIPE_OPEN, pipe->generation,
		       (uint16_t)(pipe->index << 8), NULL, 0) == 0);
	assert(pipe->opened);
	if (!pipe->stuck)
		guest_read(pipe);
}

void guest_open_refused(struct guest_pipe *pipe)
{
	pipe->generation = (uint16_t)(pipe->generation + 1);
	pipe->opened = false;
	pipe->reset = false;
	assert(control(pipe->bed, 0x41, TV_PIPE_OPEN, pipe->generation,
		       (uint16_t)(pipe->index << 8), NULL, 0) == 0);
	assert(!pipe->opened && pipe->reset);
}

struct tv_pipe_limits guest_limits(struct guest_pipe *pipe)
{
	struct tv_pipe_limits limits;

	assert(control(pipe->bed, 0xc1, TV_PIPE_GET_LIMITS, 0,
		       (uint16_t)(pipe->index << 8), (uint8_t *)&limits,
		       sizeof(limits)) == (int)sizeof(limits));
	return limits;
}

bool guest_wish(struct guest_pipe *pipe, unsigned int priority, uint64_t rate)
{
	struct tv_pipe_wish wish = {.priority = (uint8_t)priority,
				    .rate = rate};

	return control(pipe->bed, 0x41, TV_PIPE_SET_LIMITS, pipe->generation,
		       (uint16_t)(pipe->index << 8), (uint8_t *)&wish,
		       sizeof(wish)) >= 0;
}

void guest_close(struct guest_pipe *pipe)
{
	assert(control(pipe->bed, 0x41, TV_PIPE_CLOSE, pipe->generation,
		       (uint16_t)(pipe->index << 8), NULL, 0) == 0);
}

void guest_shutdown(struct guest_pipe *pipe)
{
	uint8_t data[8];
	uint64_t total = pipe->sent + pipe->send_len +
			 (pipe->out_busy ? pipe->out.xfer.length : 0);

	for (int i = 0; i < 8; i++)
		data[i] = (uint8_t)(total >> 8 * i);
	assert(control(pipe->bed, 0x41, TV_PIPE_SHUTDOWN, pipe->generation,
		       (uint16_t)(pipe->index << 8), data, 8) >= 0);
}

static void submit_event(struct bed *bed);

static void on_event(struct mem_xfer *transfer)
{
	struct bed *bed = transfer->context;
	struct tv_pipe_event event;
	struct guest_pipe *pipe;

	if (transfer->xfer.status != USB_STATUS_OK)
		return;
	memcpy(&event, transfer->buffer, sizeof(event));
	pipe = &bed->pipes[event.pipe];
	if (event.generation == pipe->generation) {
		pipe->opened |= event.type == TV_PIPE_EVENT_OPENED;
		pipe->ended |= event.type == TV_PIPE_EVENT_EOS;
		pipe->limit_events += event.type == TV_PIPE_EVENT_LIMIT;
		pipe->reset |= event.type == TV_PIPE_EVENT_RESET;
		if (event.type == TV_PIPE_EVENT_RESET)
			pipe->reason = event.reason;
	}
	submit_event(bed);
}

static void submit_event(struct bed *bed)
{
	memset(&bed->event, 0, sizeof(bed->event));
	bed->event.xfer.type = USB_TRANSFER_INTERRUPT;
	bed->event.xfer.endpoint = bed->event_endpoint;
	bed->event.xfer.length = sizeof(bed->event_buffer);
	bed->event.buffer = bed->event_buffer;
	bed->event.on_done = on_event;
	bed->event.context = bed;
	mem_bus_submit(bed->bus, 1, &bed->event);
}

static void find_endpoints(struct bed *bed)
{
	uint8_t data[512];
	int len = control(bed, 0x80, 6, 0x0200, 0, data, sizeof(data));
	unsigned int outs = 0;
	unsigned int ins = 0;

	assert(len > 9);
	for (int at = 0; at + 2 <= len && data[at]; at += data[at]) {
		if (data[at + 1] != 5)
			continue;
		if (data[at + 3] == USB_TRANSFER_INTERRUPT)
			bed->event_endpoint = data[at + 2];
		else if (data[at + 2] & 0x80)
			bed->pipes[ins++].in_endpoint = data[at + 2];
		else
			bed->pipes[outs++].out_endpoint = data[at + 2];
	}
	assert(outs == BED_PIPES && ins == BED_PIPES);
}

/* ---- HTTP/2 clients ----------------------------------------------------- */

static struct h2_stream *h2_find(struct h2_client *client, int32_t id)
{
	unsigned int at = (unsigned int)(id - 1) / 2;

	return at < client->count ? &client->streams[at] : NULL;
}

static int h2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
			const uint8_t *name, size_t name_len,
			const uint8_t *value, size_t value_len, uint8_t flags,
			void *context)
{
	struct h2_stream *stream = h2_find(context, frame->hd.stream_id);
	size_t used;

	(void)session;
	(void)flags;
	if (!stream)
		return 0;
	if (name_len == 7 && !memcmp(name, ":status", 7)) {
		int status = atoi((const char *)value);

		if (status == 100)
			stream->continued = true;
		else
			stream->status = status;
		return 0;
	}
	used = strlen(stream->headers);
	snprintf(stream->headers + used, sizeof(stream->headers) - used,
		 "%.*s: %.*s\n", (int)name_len, (const char *)name,
		 (int)value_len, (const char *)value);
	return 0;
}

static int h2_on_data(nghttp2_session *session, uint8_t flags, int32_t id,
		      const uint8_t *data, size_t len, void *context)
{
	struct h2_client *client = context;
	struct h2_stream *stream = h2_find(client, id);
	size_t keep = sizeof(stream->body) - 1 - stream->body_len;

	(void)flags;
	stream->received += len;
	if (keep > len)
		keep = len;
	memcpy(stream->body + stream->body_len, data, keep);
	stream->body_len += keep;
	stream->body[stream->body_len] = 0;
	if (!client->no_window_updates)
		nghttp2_session_consume(session, id, len);
	else
		nghttp2_session_consume_connection(session, len);
	return 0;
}

static int h2_on_close(nghttp2_session *session, int32_t id, uint32_t error,
		       void *context)
{
	struct h2_client *client = context;
	struct h2_stream *stream = h2_find(client, id);

	(void)session;
	stream->closed = true;
	stream->error = error;
	client->closed++;
	return 0;
}

static int h2_on_frame(nghttp2_session *session, const nghttp2_frame *frame,
		       void *context)
{
	struct h2_client *client = context;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaway = true;
		client->goaway_error = frame->goaway.error_code;
	}
	return 0;
}

static ssize_t h2_on_send(nghttp2_session *session, int32_t id, uint8_t *buffer,
			  size_t len, uint32_t *flags,
			  nghttp2_data_source *source, void *context)
{
	struct h2_stream *stream = source->ptr;

	(void)session;
	(void)id;
	(void)context;
	if (len > stream->to_send)
		len = (size_t)stream->to_send;
	stream->to_send -= len;
	memset(buffer, 'u', len);
	if (stream->text)
		memcpy(buffer,
		       stream->text + strlen(stream->text) - stream->to_send -
			       len,
		       len);
	if (!stream->to_send && stream->cut) {
		if (!len)
			return NGHTTP2_ERR_DEFERRED;
	} else if (!stream->to_send) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)len;
}

void h2_flush(struct h2_client *client)
{
	const uint8_t *data;
	ssize_t len;

	/* Not more at once than a real client's socket would hold. */
	while (client->pipe->send_len < 4 * BED_TRANSFER &&
	       (len = nghttp2_session_mem_send(client->session, &data)) > 0)
		guest_send(client->pipe, data, (size_t)len);
}

static void h2_on_octets(struct guest_pipe *pipe, const uint8_t *data,
			 size_t len)
{
	struct h2_client *client = pipe->context;

	nghttp2_session_mem_recv(client->session, data, len);
	h2_flush(client);
}

void h2_start(struct h2_client *client, struct guest_pipe *pipe,
	      bool no_window_updates)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;

	memset(client, 0, sizeof(*client));
	client->pipe = pipe;
	client->no_window_updates = no_window_updates;
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks,
							 h2_on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
								  h2_on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks,
							       h2_on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
							     h2_on_frame);
	nghttp2_option_new(&option);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_session_client_new2(&client->session, callbacks, client,
				    option);
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, NULL, 0);
	nghttp2_session_set_local_window_size(client->session,
					      NGHTTP2_FLAG_NONE, 0, 64 << 20);
	pipe->on_data = h2_on_octets;
	pipe->context = client;
	h2_flush(client);
}

void h2_stop(struct h2_client *client)
{
	client->pipe->on_data = NULL;
	nghttp2_session_del(client->session);
	client->session = NULL;
}

#define NV(n, v)                                                               \
	{                                                                      \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v),          \
			strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE             \
	}

struct h2_stream *h2_request(struct h2_client *client, const char *method,
			     const char *authority, const char *path,
			     int64_t body, const nghttp2_nv *more,
			     size_t more_count)
{
	nghttp2_nv nva[64] = {
		NV(":method", method),
		NV(":scheme", "http"),
		NV(":path", path),
		NV(":authority", authority),
	};
	size_t count = authority[0] ? 4 : 3;
	struct h2_stream *stream = &client->streams[client->count++];
	nghttp2_data_provider provider = {.source.ptr = stream,
					  .read_callback = h2_on_send};

	assert(client->count < H2_STREAMS && more_count <= 60);
	for (size_t i = 0; i < more_count; i++)
		nva[count++] = more[i];
	stream->to_send = body > 0 ? (uint64_t)body : 0;
	stream->id = nghttp2_submit_request(client->session, NULL, nva, count,
					    body < 0 ? NULL : &provider, NULL);
	assert(stream->id > 0);
	return stream;
}

/* ---- the bed ------------------------------------------------------------ */

static void on_audit(void *context, const struct web_audit *audit)
{
	struct bed *bed = context;

	bed->audits++;
	snprintf(bed->audit.service, sizeof(bed->audit.service), "%s",
		 audit->service);
	snprintf(bed->audit.method, sizeof(bed->audit.method), "%s",
		 audit->method);
	snprintf(bed->audit.path, sizeof(bed->audit.path), "%s", audit->path);
	bed->audit.audit = *audit;
}

struct bed *bed_create(void)
{
	static const struct usb_device_identity identity = {TV_USB_VENDOR_ID,
							    TV_USB_PRODUCT_ID,
							    0x0100,
							    "2Virt",
							    "web",
							    "0"};
	struct bed *bed = calloc(1, sizeof(*bed));
	struct usb_function *function;
	struct usb_device *device;

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&bed->loop);
	bed->services = web_service_set_create(&(struct web_service_set_config){
		.loop = &bed->loop,
		.domain_name = "guest1",
		.domain_uuid = "12345678-1234-1234-1234-123456789abc",
		.contact = "cloud@example.org",
		.audited = on_audit,
		.audit_context = bed,
	});
	assert(bed->services);
	function = web_function_create(&(struct web_function_config){
		.name = "default",
		.services = bed->services,
		.pipe_count = BED_PIPES,
		.events_idle_ms = 300,
	});
	assert(function);
	device = usb_device_create(&identity, &function, 1);
	bed->bus = mem_bus_create(1);
	assert(device && !bus_plug(bed->bus, 1, device));
	assert(control(bed, 0, 5, 1, 0, NULL, 0) == 0);
	assert(control(bed, 0, 9, 1, 0, NULL, 0) == 0);
	assert(control(bed, 1, 11, 1, 0, NULL, 0) == 0);
	for (unsigned int i = 0; i < BED_PIPES; i++) {
		bed->pipes[i].bed = bed;
		bed->pipes[i].index = i;
		bed->pipes[i].in_length = BED_TRANSFER;
		for (int j = 0; j < BED_INS; j++)
			bed->pipes[i].in_buffers[j] = malloc(BED_TRANSFER);
	}
	find_endpoints(bed);
	submit_event(bed);
	return bed;
}

void bed_destroy(struct bed *bed)
{
	bus_destroy(bed->bus);
	web_service_set_destroy(bed->services);
	for (unsigned int i = 0; i < bed->upstream_count; i++)
		upstream_kill(bed->upstreams[i]);
	uv_run(&bed->loop, UV_RUN_DEFAULT);
	assert(!uv_loop_close(&bed->loop));
	for (unsigned int i = 0; i < bed->upstream_count; i++)
		free(bed->upstreams[i]);
	for (unsigned int i = 0; i < BED_PIPES; i++) {
		free(bed->pipes[i].send);
		free(bed->pipes[i].text);
		for (int j = 0; j < BED_INS; j++)
			free(bed->pipes[i].in_buffers[j]);
	}
	free(bed);
}

void bed_grant(struct bed *bed, const char *name, struct upstream **upstreams,
	       unsigned int count, const struct web_service_config *options)
{
	struct web_service_config config = {0};
	struct web_upstream_config list[8] = {{0}};

	if (options)
		config = *options;
	for (unsigned int i = 0; i < count; i++)
		list[i].url = upstreams[i]->url;
	config.name = name;
	config.upstreams = list;
	config.upstream_count = count;
	assert(web_service_set_put(bed->services, &config) == 0);
}

static void on_timeout(uv_timer_t *timer)
{
	((struct bed *)timer->data)->timed_out = true;
}

static bool run(struct bed *bed, uint64_t ms, bool (*done)(void *),
		void *context)
{
	uv_timer_t timer;

	bed->timed_out = false;
	uv_timer_init(&bed->loop, &timer);
	timer.data = bed;
	/* Repeated: due already, it fires before the loop sleeps, not after. */
	uv_timer_start(&timer, on_timeout, ms, 1);
	while (!bed->timed_out && !(done && done(context)))
		uv_run(&bed->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&bed->loop, UV_RUN_NOWAIT);
	return !bed->timed_out;
}

bool bed_until(struct bed *bed, bool (*done)(void *context), void *context)
{
	return run(bed, 10000, done, context);
}

void bed_run_ms(struct bed *bed, unsigned int ms)
{
	run(bed, ms, NULL, NULL);
}

struct text_wait {
	struct guest_pipe *pipe;
	const char *text;
};

static bool has_text(void *context)
{
	const struct text_wait *wait = context;

	return (wait->pipe->text && strstr(wait->pipe->text, wait->text)) ||
	       wait->pipe->reset || wait->pipe->ended;
}

bool bed_until_text(struct guest_pipe *pipe, const char *text)
{
	struct text_wait wait = {pipe, text};

	bed_until(pipe->bed, has_text, &wait);
	return pipe->text && strstr(pipe->text, text);
}

static bool is_over(void *context)
{
	const struct guest_pipe *pipe = context;

	return pipe->reset || pipe->ended;
}

bool bed_until_over(struct guest_pipe *pipe)
{
	return bed_until(pipe->bed, is_over, pipe);
}
