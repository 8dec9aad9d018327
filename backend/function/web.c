// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web.c - the web function's pipes.
 *
 * Each open pipe is one connection of a client in the guest.  It speaks HTTP/2
 * with prior knowledge if its first 24 octets are HTTP/2's, and HTTP/1.1 if
 * not; no HTTP/1.1 method begins with "PRI".
 *
 * Protocols work on octets and requests and mark the connection when there is
 * something for the pipe.  The pipe is told once for each turn of the
 * services, so that the answers of many streams leave in one transfer, and
 * never from inside receive() or produce().
 */
#include "backend/function/web.h"

#include "backend/function/web-conn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_PIPES = 4,
	DEFAULT_TRANSFER_MAX = 1 << 20,
	DEFAULT_HEADER_BYTES = 32768,
	DEFAULT_HEADER_COUNT = 128,
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum { PREFACE_LEN = sizeof(preface) - 1 };

void web_conn_mark(struct web_conn *conn)
{
	if (!list_linked(&conn->dirty))
		list_append(&conn->function->dirty, &conn->dirty);
	web_service_set_wake(conn->function->services);
}

/* Tells the pipe of one connection everything.  It may be gone after that. */
static void flush_conn(struct web_conn *conn)
{
	struct pipe *pipe = conn->pipe;
	enum tv_pipe_reason reset = conn->reset;

	if (reset != TV_PIPE_REASON_NONE) {
		pipe_reset(pipe, reset);
		return;
	}
	if (conn->want_out) {
		conn->want_out = false;
		pipe_want_out(pipe);
		if (pipe_data(pipe) != conn)
			return;
	}
	if (!conn->finished) {
		pipe_have_in(pipe);
		return;
	}
	pipe_end(pipe);
	if (pipe_data(pipe) == conn)
		pipe_want_out(pipe); /* what still comes is thrown away */
}

static void function_flush(void *context)
{
	struct web_function *function = context;
	struct list_node list;
	struct list_node *node;

	web_events_turn(function);
	if (list_empty(&function->dirty))
		return;
	/* What is marked meanwhile is for the next turn. */
	list_init(&list);
	while ((node = list_first(&function->dirty))) {
		list_remove(node);
		list_append(&list, node);
	}
	while ((node = list_first(&list))) {
		list_remove(node);
		flush_conn(container_of(node, struct web_conn, dirty));
	}
}

/* ---- the pipe's handler ------------------------------------------------- */

static void on_limits_changed(void *context)
{
	struct web_conn *conn = context;

	pipe_limits_changed(conn->pipe);
}

static void on_open(void *context, struct pipe *pipe)
{
	struct web_function *function = context;
	struct web_conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return;
	}
	conn->function = function;
	conn->pipe = pipe;
	conn->share =
		web_share_create(function->services, on_limits_changed, conn);
	if (!conn->share) {
		free(conn);
		pipe_reset(pipe, TV_PIPE_REASON_LIMIT);
		return;
	}
	list_init(&conn->dirty);
	pipe_set_data(pipe, conn);
	pipe_established(pipe);
}

static bool conn_start(struct web_conn *conn,
		       const struct web_protocol *protocol)
{
	conn->protocol = protocol;
	conn->state = protocol->create(conn);
	if (!conn->state) {
		conn->reset = TV_PIPE_REASON_INTERNAL;
		web_conn_mark(conn);
		return false;
	}
	/* What was held back; a protocol that begins takes it. */
	protocol->receive(conn->state, (const uint8_t *)preface,
			  conn->preface_len);
	return true;
}

static size_t on_receive(void *context, struct pipe *pipe, const uint8_t *data,
			 size_t len)
{
	struct web_conn *conn = pipe_data(pipe);
	size_t taken = 0;

	(void)context;
	while (!conn->protocol && taken < len) {
		if (data[taken] == (uint8_t)preface[conn->preface_len]) {
			taken++;
			if (++conn->preface_len == PREFACE_LEN)
				conn_start(conn, &web_http2);
		} else {
			conn_start(conn, &web_http1);
		}
	}
	if (taken == len || conn->finished ||
	    conn->reset != TV_PIPE_REASON_NONE)
		return len;
	return taken +
	       conn->protocol->receive(conn->state, data + taken, len - taken);
}

static void on_receive_end(void *context, struct pipe *pipe)
{
	struct web_conn *conn = pipe_data(pipe);

	(void)context;
	if (!conn->protocol && !conn_start(conn, &web_http1))
		return;
	if (!conn->finished && conn->reset == TV_PIPE_REASON_NONE)
		conn->protocol->receive_end(conn->state);
}

static size_t on_produce(void *context, struct pipe *pipe, uint8_t *data,
			 size_t len)
{
	struct web_conn *conn = pipe_data(pipe);

	(void)context;
	if (!conn->protocol || !conn->state || conn->finished)
		return 0;
	return conn->protocol->produce(conn->state, data, len);
}

static void on_close(void *context, struct pipe *pipe)
{
	struct web_conn *conn = pipe_data(pipe);

	(void)context;
	if (!conn)
		return;
	pipe_set_data(pipe, NULL);
	if (conn->state)
		conn->protocol->destroy(conn->state);
	web_share_destroy(conn->share);
	list_remove(&conn->dirty);
	free(conn);
}

static void on_limits(void *context, struct pipe *pipe,
		      struct tv_pipe_limits *limits)
{
	const struct web_conn *conn = pipe_data(pipe);
	struct web_share_limits share;

	(void)context;
	web_share_get(conn->share, &share);
	limits->priority = (uint8_t)share.priority;
	limits->rate = share.rate;
	limits->burst =
		share.burst < UINT32_MAX ? (uint32_t)share.burst : UINT32_MAX;
	limits->rps = share.rps;
	limits->streams = share.streams < UINT16_MAX ? (uint16_t)share.streams
						     : UINT16_MAX;
}

static void on_wish(void *context, struct pipe *pipe, uint8_t priority,
		    uint64_t rate)
{
	const struct web_conn *conn = pipe_data(pipe);

	(void)context;
	web_share_wish(conn->share, (enum web_priority)priority, rate);
}

static_assert((int)TV_PIPE_PRIORITY_HIGH == (int)WEB_PRIORITY_HIGH &&
		      (int)TV_PIPE_PRIORITY_NORMAL ==
			      (int)WEB_PRIORITY_NORMAL &&
		      (int)TV_PIPE_PRIORITY_LOW == (int)WEB_PRIORITY_LOW,
	      "classes of the wire and of the service are the same");

static void on_destroy(void *context)
{
	struct web_function *function = context;

	web_service_set_observe(function->services, NULL, NULL);
	web_http2_shared_free(function->http2);
	web_watch_free(function->watch);
	free(function);
}

static const struct pipe_handler_ops web_pipe_ops = {
	.open = on_open,
	.receive = on_receive,
	.receive_end = on_receive_end,
	.produce = on_produce,
	.limits = on_limits,
	.wish = on_wish,
	.close = on_close,
	.destroy = on_destroy,
};

struct usb_function *
web_function_create(const struct web_function_config *config)
{
	struct web_function *function = calloc(1, sizeof(*function));
	struct usb_function *made;

	if (!function)
		return NULL;
	function->services = config->services;
	function->header_max_bytes = config->header_max_bytes
					     ? config->header_max_bytes
					     : DEFAULT_HEADER_BYTES;
	function->header_max_count = config->header_max_count
					     ? config->header_max_count
					     : DEFAULT_HEADER_COUNT;
	function->events_idle_ms = config->events_idle_ms;
	list_init(&function->dirty);
	made = pipe_function_create(&(struct pipe_function_config){
		.type = TV_FUNCTION_WEB,
		.type_name = "web",
		.name = config->name,
		.pipe_count =
			config->pipe_count ? config->pipe_count : DEFAULT_PIPES,
		.transfer_max = config->transfer_max_bytes
					? config->transfer_max_bytes
					: DEFAULT_TRANSFER_MAX,
		.ops = &web_pipe_ops,
		.context = function,
	});
	if (!made) {
		free(function);
		return NULL;
	}
	web_service_set_observe(function->services, function_flush, function);
	return made;
}
