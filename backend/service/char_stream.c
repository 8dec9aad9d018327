// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * char_stream.c - one connection to a provider.
 *
 *   OPENING ──give──▶ CONNECTING ──writable──▶ OPEN ──end──▶ JUDGING ──▶ ENDED
 *      └──fail, timeout──▶ FAILED ◀──┘           └──error──▶ BROKEN ◀──┘
 *
 * The descriptor is watched only for what somebody waits for: octets after a
 * read that found none, room after a write that found none.
 */
#include "backend/service/char.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { OPEN_TIMEOUT_MS = 5000 };

enum stream_state {
	STREAM_OPENING,
	STREAM_CONNECTING,
	STREAM_OPEN,
	STREAM_JUDGING,
	STREAM_ENDED,
	STREAM_BROKEN,
	STREAM_FAILED,
	STREAM_CLOSED,
};

struct char_stream {
	struct char_target *target;
	const struct char_events *events;
	void *context;
	void *connection; /* the target's */
	enum stream_state state;
	enum char_failure failure;
	int fd;
	bool is_socket;
	bool wants_octets;
	bool wants_room;
	bool polling; /* poll has been initialized */
	unsigned int handles;
	uv_poll_t poll;
	uv_timer_t timer;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct char_stream *stream)
{
	int events = 0;

	if (stream->wants_octets && stream->state == STREAM_OPEN)
		events |= UV_READABLE;
	if (stream->wants_room || stream->state == STREAM_CONNECTING)
		events |= UV_WRITABLE;
	if (events)
		uv_poll_start(&stream->poll, events, on_poll);
	else
		uv_poll_stop(&stream->poll);
}

static void connected(struct char_stream *stream)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (stream->is_socket &&
	    getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	uv_timer_stop(&stream->timer);
	if (error) {
		char_stream_fail(stream, error == ETIMEDOUT ? CHAR_TIMEOUT
							    : CHAR_UNREACHABLE);
		return;
	}
	stream->state = STREAM_OPEN;
	watch(stream);
	stream->events->opened(stream->context);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct char_stream *stream = poll->data;
	bool octets = stream->wants_octets;
	bool room = stream->wants_room;

	if (stream->state == STREAM_CONNECTING) {
		connected(stream);
		return;
	}
	/* What is wrong is said by the read or write that follows. */
	octets = octets && (status < 0 || events & UV_READABLE);
	room = room && (status < 0 || events & UV_WRITABLE);
	stream->wants_octets = stream->wants_octets && !octets;
	stream->wants_room = stream->wants_room && !room;
	watch(stream);
	if (room)
		stream->events->writable(stream->context);
	/* That may have closed the stream, which lives until its handles go. */
	if (octets && stream->state != STREAM_CLOSED)
		stream->events->readable(stream->context);
}

static void on_timer(uv_timer_t *timer)
{
	struct char_stream *stream = timer->data;

	if (stream->state == STREAM_FAILED) {
		stream->events->failed(stream->context, stream->failure);
	} else if (stream->state == STREAM_OPENING ||
		   stream->state == STREAM_CONNECTING) {
		stream->state = STREAM_FAILED;
		if (stream->polling)
			uv_poll_stop(&stream->poll);
		stream->events->failed(stream->context, CHAR_TIMEOUT);
	} else if (stream->state == STREAM_ENDED ||
		   stream->state == STREAM_BROKEN) {
		stream->events->readable(stream->context);
	}
}

void char_stream_fail(struct char_stream *stream, enum char_failure failure)
{
	if (stream->state != STREAM_OPENING &&
	    stream->state != STREAM_CONNECTING)
		return;
	stream->state = STREAM_FAILED;
	stream->failure = failure;
	if (stream->polling)
		uv_poll_stop(&stream->poll);
	uv_timer_start(&stream->timer, on_timer, 0, 0);
}

void char_stream_give(struct char_stream *stream, int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (stream->state != STREAM_OPENING ||
	    uv_poll_init(stream->target->loop, &stream->poll, fd) < 0) {
		close(fd);
		char_stream_fail(stream, CHAR_INTERNAL);
		return;
	}
	stream->poll.data = stream;
	stream->polling = true;
	stream->handles++;
	stream->fd = fd;
	stream->is_socket =
		getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
	stream->state = STREAM_CONNECTING;
	watch(stream);
}

void char_stream_judge(struct char_stream *stream, bool clean)
{
	if (stream->state != STREAM_JUDGING)
		return;
	stream->state = clean ? STREAM_ENDED : STREAM_BROKEN;
	if (stream->wants_octets)
		uv_timer_start(&stream->timer, on_timer, 0, 0);
	stream->wants_octets = false;
}

struct char_stream *char_stream_open(struct char_target *target,
				     const struct char_events *events,
				     void *context)
{
	struct char_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->target = target;
	stream->events = events;
	stream->context = context;
	stream->state = STREAM_OPENING;
	stream->fd = -1;
	uv_timer_init(target->loop, &stream->timer);
	stream->timer.data = stream;
	stream->handles = 1;
	uv_timer_start(&stream->timer, on_timer, OPEN_TIMEOUT_MS, 0);
	target->ops->open(target, stream, &stream->connection);
	return stream;
}

static void ask_for_judgement(struct char_stream *stream)
{
	const struct char_target_ops *ops = stream->target->ops;

	stream->state = STREAM_JUDGING;
	if (ops->judge)
		ops->judge(stream->target, stream, stream->connection);
	else
		char_stream_judge(stream, true);
}

ssize_t char_stream_read(struct char_stream *stream, void *data, size_t len)
{
	ssize_t got;

	if (stream->state == STREAM_OPEN) {
		got = read(stream->fd, data, len);
		if (got > 0)
			return got;
		if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
			stream->wants_octets = true;
			watch(stream);
			return 0;
		}
		if (got < 0)
			stream->state = STREAM_BROKEN;
		else
			ask_for_judgement(stream);
	}
	switch (stream->state) {
	case STREAM_ENDED:
		return CHAR_END;
	case STREAM_BROKEN:
		return CHAR_BROKEN;
	default:
		stream->wants_octets = true;
		return 0;
	}
}

ssize_t char_stream_write(struct char_stream *stream, const void *data,
			  size_t len)
{
	ssize_t sent;

	if (stream->state == STREAM_OPENING ||
	    stream->state == STREAM_CONNECTING) {
		stream->wants_room = true;
		return 0;
	}
	if (stream->fd < 0)
		return CHAR_BROKEN;
	if (stream->is_socket)
		sent = send(stream->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		sent = write(stream->fd, data, len);
	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return CHAR_BROKEN;
	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len) {
		stream->wants_room = true;
		watch(stream);
	}
	return sent;
}

void char_stream_shutdown(struct char_stream *stream)
{
	if (stream->fd >= 0 && stream->is_socket)
		shutdown(stream->fd, SHUT_WR);
}

static void on_closed(uv_handle_t *handle)
{
	struct char_stream *stream = handle->data;

	if (--stream->handles)
		return;
	if (stream->fd >= 0)
		close(stream->fd);
	free(stream);
}

void char_stream_close(struct char_stream *stream)
{
	if (!stream)
		return;
	stream->state = STREAM_CLOSED;
	/* The provider learns of it now, not in the next turn of the loop. */
	if (stream->fd >= 0 && stream->is_socket)
		shutdown(stream->fd, SHUT_RDWR);
	stream->target->ops->close(stream->target, stream->connection);
	if (stream->polling)
		uv_close((uv_handle_t *)&stream->poll, on_closed);
	uv_close((uv_handle_t *)&stream->timer, on_closed);
}

void char_target_destroy(struct char_target *target)
{
	if (target)
		target->ops->destroy(target);
}
