// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - answers without an end: lines of the log, and numbers at an
 * interval.
 *
 * A stream that its client does not read loses lines, and says how many,
 * instead of growing.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/connection.h"

enum { HEAD_SIZE = 512 };

/* One chunk is one line. */
static void line_send(struct connection *connection, const char *line)
{
	size_t len = strlen(line);
	char head[24], note[64];
	int head_len;

	/* A single line may be larger. */
	if (connection->state != CONNECTION_WRITING && connection->queued &&
	    connection->queued + len > SERVER_BACKLOG) {
		connection->lost++;
		connection->manage->totals.lines_lost++;
		return;
	}
	if (connection->lost) {
		snprintf(note, sizeof(note), "{\"lost\": %" PRIu64 "}",
			 connection->lost);
		connection->lost = 0;
		line_send(connection, note);
		if (connection->state == CONNECTION_CLOSING)
			return;
	}
	head_len = snprintf(head, sizeof(head), "%zx\r\n", len + 1);
	connection_send(connection, head, (size_t)head_len, line, len,
			"\n\r\n");
}

static bool stream_begin(struct connection *connection,
			 const struct answer *answer)
{
	char head[HEAD_SIZE];
	int len;

	if (connection->request.http10) {
		connection_refuse(connection, 505, "a stream needs HTTP/1.1");
		return false;
	}
	len = snprintf(head, sizeof(head),
		       "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
		       "Transfer-Encoding: chunked\r\n"
		       "Cache-Control: no-store\r\nConnection: %s\r\n\r\n",
		       answer->type,
		       connection->keep_alive ? "keep-alive" : "close");

	uv_timer_stop(&connection->timer);
	if (connection->state != CONNECTION_WRITING) /* to see the client go */
		connection_listen(connection);
	return connection_send(connection, head, (size_t)len, NULL, 0, "");
}

void stream_log(struct connection *connection, const struct answer *answer)
{
	const struct tail *tail = &connection->manage->tail;
	size_t count =
		answer->lines < tail->count ? answer->lines : tail->count;

	connection->state =
		answer->follow ? CONNECTION_LOGGING : CONNECTION_WRITING;
	if (answer->follow)
		connection->keep_alive = false;
	if (!stream_begin(connection, answer))
		return;
	while (count-- > 0 && connection->state != CONNECTION_CLOSING)
		line_send(connection, tail_get(tail, count));
	if (connection->state == CONNECTION_WRITING)
		connection_send(connection, "0\r\n\r\n", 5, NULL, 0, "");
}

void connection_log(struct connection *connection, const char *line)
{
	if (connection->state == CONNECTION_LOGGING && line)
		line_send(connection, line);
}

static void watch_send(struct connection *connection, struct answer *answer)
{
	if (answer->body && answer->len) {
		/* One line of what was made for people. */
		for (size_t i = 0; i < answer->len; i++)
			if (answer->body[i] == '\n')
				answer->body[i] = ' ';
		line_send(connection, answer->body);
	}
	answer_fini(answer);
}

static void watch_later(void *owner, struct answer *answer, bool again);

/* The same as GET /v1/stats gives, once more. */
static void watch_look(struct connection *connection, bool fresh)
{
	struct manage *manage = connection->manage;
	struct request request = {.method = "GET", .path = "/v1/stats"};
	struct answer answer;
	struct call call = {
		.ops = manage->config.ops,
		.context = manage->config.context,
		.peer = &connection->peer,
		.request = &request,
		.answer = &answer,
		.fresh = fresh,
	};

	route(&call);
	if (answer.kind != ANSWER_LATER) {
		watch_send(connection, &answer);
		return;
	}
	connection->later = answer.later;
	answer.later->owner = connection;
	answer.later->finish = watch_later;
}

static void watch_later(void *owner, struct answer *answer, bool again)
{
	struct connection *connection = owner;

	connection->later = NULL;
	watch_look(connection, true);
}

static void on_tick(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	uint64_t begin = uv_hrtime(), pause;

	/* A tenth of our time at most is for one who watches. */
	if (!connection->later)
		watch_look(connection, false);
	pause = (uv_hrtime() - begin) / 100000;
	if (connection->state != CONNECTION_CLOSING)
		uv_timer_start(timer, on_tick,
			       pause > connection->interval_ms
				       ? pause
				       : connection->interval_ms,
			       0);
}

void stream_watch(struct connection *connection, const struct answer *answer)
{
	connection->state = CONNECTION_WATCHING;
	connection->interval_ms = answer->interval_ms;
	connection->keep_alive = false;
	if (stream_begin(connection, answer))
		uv_timer_start(&connection->tick, on_tick, 0, 0);
}
