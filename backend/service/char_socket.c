// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * char_socket.c - a target that is a unix or TCP socket.
 *
 * A unix socket whose provider does not accept says EAGAIN instead of waiting;
 * it is tried again until the stream's own time is over.
 */
#include "backend/service/char.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RETRY_MS = 50 };

struct socket_target {
	struct char_target target;
	struct sockaddr_storage name;
	socklen_t len;
};

struct socket_retry {
	struct socket_target *owner;
	struct char_stream *stream; /* NULL: closed */
	uv_timer_t timer;
};

static void on_retry_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* -EAGAIN: try again later; otherwise the stream has been told. */
static int try_connect(struct socket_target *socket_target,
		       struct char_stream *stream)
{
	int family = socket_target->name.ss_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;
	int error;

	if (fd < 0) {
		char_stream_fail(stream, CHAR_INTERNAL);
		return 0;
	}
	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, (const struct sockaddr *)&socket_target->name,
		    socket_target->len) == 0 ||
	    errno == EINPROGRESS) {
		char_stream_give(stream, fd);
		return 0;
	}
	error = errno;
	close(fd);
	if (error == EAGAIN)
		return -EAGAIN;
	char_stream_fail(stream, CHAR_UNREACHABLE);
	return 0;
}

static void on_retry(uv_timer_t *timer)
{
	struct socket_retry *retry = timer->data;

	if (try_connect(retry->owner, retry->stream) == 0)
		uv_timer_stop(timer);
}

static void socket_open(struct char_target *target, struct char_stream *stream,
			void **connection)
{
	struct socket_target *socket_target = (struct socket_target *)target;
	struct socket_retry *retry;

	if (try_connect(socket_target, stream) == 0)
		return;
	retry = calloc(1, sizeof(*retry));
	if (!retry) {
		char_stream_fail(stream, CHAR_INTERNAL);
		return;
	}
	retry->owner = socket_target;
	retry->stream = stream;
	uv_timer_init(target->loop, &retry->timer);
	retry->timer.data = retry;
	uv_timer_start(&retry->timer, on_retry, RETRY_MS, RETRY_MS);
	*connection = retry;
}

static void socket_close(struct char_target *target, void *connection)
{
	struct socket_retry *retry = connection;

	if (retry)
		uv_close((uv_handle_t *)&retry->timer, on_retry_closed);
}

static void socket_destroy(struct char_target *target)
{
	free(target);
}

static const struct char_target_ops socket_ops = {
	.open = socket_open,
	.close = socket_close,
	.destroy = socket_destroy,
};

struct char_target *
char_target_socket(uv_loop_t *loop, const struct sockaddr *name, socklen_t len)
{
	struct socket_target *target;

	if (len > sizeof(target->name))
		return NULL;
	target = calloc(1, sizeof(*target));
	if (!target)
		return NULL;
	target->target.ops = &socket_ops;
	target->target.loop = loop;
	memcpy(&target->name, name, len);
	target->len = len;
	return &target->target;
}
