// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture_socket.c - captures of a running device, for who connects.
 *
 *   IDLE ──connection──▶ RUNNING ──its end of file──▶ DRAINING ──all written,
 *    ▲                      │ error                      │       or 2 s──┐
 *    └──────────────────────┴────────────────────────────┴───────────────┘
 *
 * The capture writes by itself while the reader takes it.  What the reader does
 * not take waits in the capture's buffer; a look before each sleep of the loop
 * finds that and waits for the socket.
 *
 * The reader may be anybody who may open the socket.  It costs a buffer of
 * bounded size, and what it sends is thrown away.
 */
#include "backend/bus/capture_socket.h"

#include "backend/bus/address.h"
#include "backend/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRAIN_MS = 2000 };

struct capture_socket {
	uv_loop_t *loop;
	capture_socket_tap *tap;
	void *context;
	int listener;
	uv_poll_t listening;
	struct capture_reader *reader; /* NULL: IDLE */
};

struct capture_reader {
	struct capture_socket *socket;
	struct capture *capture;
	int fd; /* our own; the capture has another */
	bool draining;
	bool waiting; /* for room in the socket */
	uv_poll_t poll;
	uv_prepare_t before_sleep;
	uv_timer_t timer;
	unsigned int handles;
};

static void on_event(uv_poll_t *poll, int status, int events);

static void on_reader_closed(uv_handle_t *handle)
{
	struct capture_reader *reader = handle->data;

	if (--reader->handles)
		return;
	close(reader->fd);
	free(reader);
}

static void stop_tapping(struct capture_reader *reader)
{
	reader->socket->tap(reader->socket->context, NULL);
	reader->draining = true;
	capture_end(reader->capture);
}

static void reader_close(struct capture_reader *reader)
{
	struct capture_stats stats;

	if (!reader->draining)
		stop_tapping(reader);
	capture_get_stats(reader->capture, &stats);
	log_info("capture: ends after %llu records, %llu more were lost",
		 (unsigned long long)stats.records,
		 (unsigned long long)stats.dropped);
	capture_destroy(reader->capture);
	reader->socket->reader = NULL;
	uv_close((uv_handle_t *)&reader->poll, on_reader_closed);
	uv_close((uv_handle_t *)&reader->before_sleep, on_reader_closed);
	uv_close((uv_handle_t *)&reader->timer, on_reader_closed);
}

/* Goes on as far as the reader takes it. */
static void advance(struct capture_reader *reader)
{
	bool waiting;

	if (capture_flush(reader->capture) < 0) {
		reader_close(reader);
		return;
	}
	waiting = capture_pending(reader->capture) > 0;
	if (reader->draining && !waiting) {
		reader_close(reader);
		return;
	}
	if (waiting == reader->waiting)
		return;
	reader->waiting = waiting;
	uv_poll_start(&reader->poll,
		      (reader->draining ? 0 : UV_READABLE) |
			      (waiting ? UV_WRITABLE : 0),
		      on_event);
}

static void on_before_sleep(uv_prepare_t *handle)
{
	struct capture_reader *reader = handle->data;

	if (!reader->waiting && capture_pending(reader->capture))
		advance(reader);
}

static void on_timeout(uv_timer_t *timer)
{
	reader_close(timer->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct capture_reader *reader = poll->data;
	char ignored[256];
	ssize_t got;

	if (status < 0) {
		reader_close(reader);
		return;
	}
	if ((events & UV_READABLE) && !reader->draining) {
		got = recv(reader->fd, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (got < 0 && errno != EAGAIN && errno != EINTR) {
			reader_close(reader);
			return;
		}
		if (got == 0) {
			stop_tapping(reader);
			uv_timer_start(&reader->timer, on_timeout, DRAIN_MS, 0);
			/* Readable for ever: not to be asked again. */
			reader->waiting = true;
			uv_poll_start(&reader->poll, UV_WRITABLE, on_event);
		}
	}
	advance(reader);
}

/* Owns fd. */
static void reader_open(struct capture_socket *socket, int fd)
{
	struct capture_reader *reader = calloc(1, sizeof(*reader));
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (!reader || copy < 0)
		goto err_close;
	reader->capture = capture_create(copy, CAPTURE_SNAP_LEN);
	copy = -1;
	if (!reader->capture)
		goto err_close;
	if (uv_poll_init(socket->loop, &reader->poll, fd) < 0)
		goto err_destroy;
	uv_prepare_init(socket->loop, &reader->before_sleep);
	uv_timer_init(socket->loop, &reader->timer);
	reader->poll.data = reader;
	reader->before_sleep.data = reader;
	reader->timer.data = reader;
	reader->handles = 3;
	reader->fd = fd;
	reader->socket = socket;
	socket->reader = reader;
	uv_poll_start(&reader->poll, UV_READABLE, on_event);
	uv_prepare_start(&reader->before_sleep, on_before_sleep);
	log_info("capture: begins");
	socket->tap(socket->context, reader->capture);
	return;
err_destroy:
	capture_destroy(reader->capture);
err_close:
	if (copy >= 0)
		close(copy);
	free(reader);
	close(fd);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct capture_socket *socket = poll->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	while ((fd = address_accept(socket->listener)) >= 0) {
		if (socket->reader) {
			static struct log_limit limit =
				LOG_LIMIT_INIT(3, 10000);

			log_limited(&limit, LOG_LEVEL_WARNING,
				    "capture: one runs; another reader is "
				    "turned away");
			close(fd);
			continue;
		}
		reader_open(socket, fd);
	}
}

struct capture_socket *capture_socket_create(uv_loop_t *loop, int listener,
					     capture_socket_tap *tap,
					     void *context)
{
	struct capture_socket *socket = calloc(1, sizeof(*socket));

	if (!socket)
		goto err_close;
	socket->loop = loop;
	socket->tap = tap;
	socket->context = context;
	socket->listener = listener;
	if (uv_poll_init(loop, &socket->listening, listener) < 0)
		goto err_free;
	socket->listening.data = socket;
	uv_poll_start(&socket->listening, UV_READABLE, on_connection);
	return socket;
err_free:
	free(socket);
err_close:
	close(listener);
	return NULL;
}

static void on_listening_closed(uv_handle_t *handle)
{
	struct capture_socket *socket = handle->data;

	close(socket->listener);
	free(socket);
}

void capture_socket_destroy(struct capture_socket *socket)
{
	if (!socket)
		return;
	if (socket->reader)
		reader_close(socket->reader);
	uv_close((uv_handle_t *)&socket->listening, on_listening_closed);
}
