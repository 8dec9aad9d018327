// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connection.c - one client: reads requests, writes answers and streams.
 *
 *	READING ─request─▶ QUEUED ─▶ WAITING (for the daemon) ─▶ WRITING ─┐
 *	   ▲                                                              │
 *	   └──────────────────────── keep-alive ◀─────────────────────────┤
 *	LOGGING, WATCHING (stream.c) until either side ends               ▼
 *	                                                               closed
 *
 * One request at a time: while one is answered nothing more is read, what has
 * come already stays in the buffer.  A timer runs in every state: a request
 * has to be whole in time, an answer has to get on, a client may idle only so
 * long.
 *
 * One request of all clients in a turn of the loop: what guests and XenStore
 * want is done in between, whatever readers ask for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/connection.h"

enum {
	BUFFER_FIRST = 4096,
	BUFFER_MAX = REQUEST_HEAD_MAX + REQUEST_BODY_MAX,
	HEAD_SIZE = 512,
	/* The daemon is done earlier; this is for one that forgets. */
	WAIT_MS = 60000,
};

static void requests_serve(struct connection *connection);
static void request_drop(struct connection *connection);
static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf);
static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf);

/*
 * --- life ---
 */

struct connection *connection_of(struct list_node *link)
{
	return container_of(link, struct connection, link);
}

uid_t connection_uid(const struct connection *connection)
{
	return connection->peer.uid;
}

uv_stream_t *connection_stream(struct connection *connection)
{
	return (uv_stream_t *)&connection->pipe;
}

struct connection *connection_create(struct manage *manage)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->manage = manage;
	connection->peer.uid = (uid_t)-1;
	uv_pipe_init(manage->config.loop, &connection->pipe, 0);
	uv_timer_init(manage->config.loop, &connection->timer);
	uv_timer_init(manage->config.loop, &connection->tick);
	connection->pipe.data = connection;
	connection->timer.data = connection;
	connection->tick.data = connection;
	connection->open_handles = 3;
	list_append(&manage->connections, &connection->link);
	return connection;
}

static void on_closed(uv_handle_t *handle)
{
	struct connection *connection = handle->data;
	struct manage *manage = connection->manage;

	if (--connection->open_handles)
		return;
	list_remove(&connection->link);
	free(connection->buffer);
	free(connection);
	manage->totals.open--;
	server_forget(manage);
}

void connection_close(struct connection *connection)
{
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (connection->state == CONNECTION_QUEUED)
		list_remove(&connection->turn);
	connection->state = CONNECTION_CLOSING;
	if (connection->later)
		connection->later->owner = NULL;
	uv_close((uv_handle_t *)&connection->pipe, on_closed);
	uv_close((uv_handle_t *)&connection->timer, on_closed);
	uv_close((uv_handle_t *)&connection->tick, on_closed);
}

static void on_late(uv_timer_t *timer);

static void deadline(struct connection *connection, unsigned int ms)
{
	uv_timer_start(&connection->timer, on_late, ms, 0);
}

/*
 * --- writing ---
 */

struct outgoing {
	uv_write_t request;
	struct connection *connection;
	size_t len;
	char data[];
};

static void on_written(uv_write_t *request, int status)
{
	struct outgoing *out = request->data;
	struct connection *connection = out->connection;

	connection->queued -= out->len;
	free(out);
	if (connection->state == CONNECTION_CLOSING)
		return;
	if (status < 0) {
		connection_close(connection);
		return;
	}
	if (connection->queued || connection->state != CONNECTION_WRITING)
		return;
	if (!connection->keep_alive) {
		connection_close(connection);
		return;
	}
	request_drop(connection);
	connection->state = CONNECTION_READING;
	uv_timer_stop(&connection->timer);
	uv_read_start(connection_stream(connection), on_room, on_read);
	requests_serve(connection);
}

bool connection_send(struct connection *connection, const char *head,
		     size_t head_len, const char *body, size_t body_len,
		     const char *end)
{
	size_t end_len = strlen(end);
	size_t len = head_len + body_len + end_len;
	struct outgoing *out = malloc(sizeof(*out) + len);
	uv_buf_t part;

	if (!out) {
		connection_close(connection);
		return false;
	}
	out->connection = connection;
	out->len = len;
	out->request.data = out;
	memcpy(out->data, head, head_len);
	if (body_len)
		memcpy(out->data + head_len, body, body_len);
	memcpy(out->data + head_len + body_len, end, end_len);
	part = uv_buf_init(out->data, (unsigned int)len);
	if (connection->state == CONNECTION_WRITING)
		deadline(connection, connection->manage->config.write_ms);
	connection->queued += len;
	if (uv_write(&out->request, connection_stream(connection), &part, 1,
		     on_written)) {
		connection->queued -= len;
		free(out);
		connection_close(connection);
		return false;
	}
	return true;
}

static void answer_send(struct connection *connection,
			const struct answer *answer)
{
	static const char failed[] = "no memory\n";
	const char *body = answer->body ? answer->body : failed;
	size_t len = answer->body ? answer->len : sizeof(failed) - 1;
	char head[HEAD_SIZE];
	int head_len;

	connection->state = CONNECTION_WRITING;
	head_len = snprintf(
		head, sizeof(head),
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"%s%s%sCache-Control: no-store\r\nConnection: %s\r\n\r\n",
		answer->status, answer_reason(answer->status),
		answer->body ? answer->type : "text/plain", len,
		answer->allow ? "Allow: " : "",
		answer->allow ? answer->allow : "", answer->allow ? "\r\n" : "",
		connection->keep_alive ? "keep-alive" : "close");
	connection_send(connection, head, (size_t)head_len, body, len, "");
}

void connection_refuse(struct connection *connection, int status,
		       const char *why)
{
	struct answer answer = {0};

	connection->keep_alive = false;
	uv_read_stop(connection_stream(connection));
	answer_problem(&answer, status, NULL, "%s", why);
	answer_send(connection, &answer);
	answer_fini(&answer);
}

/*
 * --- requests ---
 */

static void request_route(struct connection *connection, bool fresh);

static void on_later(void *owner, struct answer *answer, bool again)
{
	struct connection *connection = owner;

	connection->later = NULL;
	if (again)
		request_route(connection, true);
	else
		answer_send(connection, answer);
}

static void request_route(struct connection *connection, bool fresh)
{
	struct manage *manage = connection->manage;
	struct answer answer;
	struct call call = {
		.ops = manage->config.ops,
		.context = manage->config.context,
		.peer = &connection->peer,
		.request = &connection->request,
		.answer = &answer,
		.fresh = fresh,
	};

	route(&call);
	switch (answer.kind) {
	case ANSWER_NOW:
		answer_send(connection, &answer);
		break;
	case ANSWER_LATER:
		connection->state = CONNECTION_WAITING;
		connection->later = answer.later;
		answer.later->owner = connection;
		answer.later->finish = on_later;
		deadline(connection, WAIT_MS);
		break;
	case ANSWER_LOG:
		stream_log(connection, &answer);
		break;
	case ANSWER_WATCH:
		stream_watch(connection, &answer);
		break;
	}
	answer_fini(&answer);
}

/* Forgets the request that is done; what came after it moves to the front. */
static void request_drop(struct connection *connection)
{
	size_t used =
		connection->request.head_len + connection->request.body_len;

	memmove(connection->buffer, connection->buffer + used,
		connection->len - used);
	connection->len -= used;
	connection->head_done = false;
}

/* True: a whole request is in the buffer. */
static bool request_ready(struct connection *connection)
{
	struct request *request = &connection->request;
	const char *why = "";
	int status;

	if (!connection->head_done) {
		status = connection->len
				 ? request_parse_head(connection->buffer,
						      connection->len, request,
						      &why)
				 : 0;
		if (status == 0)
			return false;
		if (status != 1) {
			connection_refuse(connection, status, why);
			return false;
		}
		connection->head_done = true;
	}
	return connection->len >= request->head_len + request->body_len;
}

static void request_serve(struct connection *connection)
{
	connection->manage->turn_at_ms =
		uv_now(connection->manage->config.loop);
	connection->keep_alive = connection->request.keep_alive;
	connection->request.body =
		connection->buffer + connection->request.head_len;
	connection->manage->totals.requests++;
	request_route(connection, false);
}

static void on_turn(uv_timer_t *timer)
{
	struct manage *manage = timer->data;
	struct connection *connection;

	if (list_empty(&manage->turns))
		return;
	connection = container_of(manage->turns.next, struct connection, turn);
	list_remove(&connection->turn);
	connection->state = CONNECTION_READING;
	if (!list_empty(&manage->turns))
		uv_timer_start(&manage->turn, on_turn, 1, 0);
	request_serve(connection);
}

/* The time of the loop is that of its turn. */
static void turn_wait(struct connection *connection)
{
	struct manage *manage = connection->manage;

	uv_timer_stop(&connection->timer);
	uv_read_stop(connection_stream(connection));
	if (list_empty(&manage->turns) &&
	    manage->turn_at_ms != uv_now(manage->config.loop)) {
		request_serve(connection);
		return;
	}
	connection->state = CONNECTION_QUEUED;
	list_append(&manage->turns, &connection->turn);
	if (!uv_is_active((uv_handle_t *)&manage->turn))
		uv_timer_start(&manage->turn, on_turn, 1, 0);
}

/* CONNECTION_READING: goes on with what is there, or waits for more. */
static void requests_serve(struct connection *connection)
{
	if (request_ready(connection)) {
		turn_wait(connection);
		return;
	}
	if (connection->state != CONNECTION_READING)
		return;
	if (connection->len == 0)
		deadline(connection, connection->manage->config.idle_ms);
	else if (!uv_is_active((uv_handle_t *)&connection->timer))
		deadline(connection, connection->manage->config.head_ms);
}

static void on_late(uv_timer_t *timer)
{
	struct connection *connection = timer->data;

	if (connection->state == CONNECTION_READING && connection->len)
		connection_refuse(connection, 408, "the request took too long");
	else
		connection_close(connection);
}

/*
 * --- reading ---
 */

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct connection *connection = handle->data;
	size_t size = connection->size ? connection->size : BUFFER_FIRST;
	char *grown;

	if (connection->len == connection->size) {
		if (connection->size)
			size = 2 * size < BUFFER_MAX ? 2 * size : BUFFER_MAX;
		grown = size > connection->size
				? realloc(connection->buffer, size)
				: NULL;
		if (!grown) {
			*buf = uv_buf_init(NULL, 0);
			return;
		}
		connection->buffer = grown;
		connection->size = size;
	}
	*buf = uv_buf_init(connection->buffer + connection->len,
			   (unsigned int)(connection->size - connection->len));
}

/* Nothing is read while a request is answered. */
static void on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct connection *connection = stream->data;
	bool idle = connection->len == 0;

	if (connection->state == CONNECTION_CLOSING || got == 0)
		return;
	if (got < 0) {
		connection_close(connection);
		return;
	}
	if (connection->state == CONNECTION_LOGGING ||
	    connection->state == CONNECTION_WATCHING)
		return; /* nothing more is expected */
	connection->len += (size_t)got;
	if (connection->state != CONNECTION_READING)
		return;
	if (idle) /* the first octet: the clock of the request runs */
		deadline(connection, connection->manage->config.head_ms);
	requests_serve(connection);
}

void connection_listen(struct connection *connection)
{
	uv_read_start(connection_stream(connection), on_room, on_read);
}

void connection_start(struct connection *connection,
		      const struct manage_peer *peer, bool refuse_it)
{
	connection->peer = *peer;
	if (refuse_it) {
		connection->manage->totals.refused++;
		connection_refuse(
			connection, 503,
			"too many connections; close some and try again");
		return;
	}
	deadline(connection, connection->manage->config.idle_ms);
	uv_read_start(connection_stream(connection), on_room, on_read);
}
