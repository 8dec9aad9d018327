// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * connection.c - one accepted local connection.
 *
 * The socket is polled, not wrapped in a uv_stream_t: octets are read straight
 * into the buffer that becomes an OUT transfer and written straight out of the
 * one an IN transfer filled, and nothing is read before there is room for it.
 *
 * A peer that goes away while nothing is read is noticed through POLLHUP.
 * libuv hands that on only if some event is watched; on unix sockets
 * UV_PRIORITIZED serves.  On TCP, HUP tells nothing that a later write would
 * not.
 */
#include "connection.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
	uv_poll_t poll;
	int fd;
	bool tcp;
	bool read;
	bool write;
	bool lost; /* told already */
	const struct connection_ops *ops;
	void *context;
};

static void poll_cb(uv_poll_t *poll, int status, int events);

static void rearm(struct connection *connection)
{
	int events = (connection->read ? UV_READABLE : 0) |
		     (connection->write ? UV_WRITABLE : 0);

	if (!connection->tcp && !connection->lost)
		events |= UV_PRIORITIZED;
	if (events)
		uv_poll_start(&connection->poll, events, poll_cb);
	else
		uv_poll_stop(&connection->poll);
}

/* Something out of the ordinary: find out what, say so once. */
static void look(struct connection *connection)
{
	struct pollfd now = {.fd = connection->fd};
	bool broken;

	if (connection->lost)
		return;
	if (poll(&now, 1, 0) < 0)
		now.revents = POLLERR;
	/* Urgent data, of which no protocol here knows, counts as broken. */
	broken = (now.revents & POLLERR) || !(now.revents & POLLHUP);
	connection->lost = true;
	rearm(connection);
	connection->ops->lost(connection->context, broken);
}

static void poll_cb(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = poll->data;

	/* Each callback may free the connection: at most one per event. */
	if (status < 0 || events == UV_PRIORITIZED)
		look(connection);
	else if (events & UV_READABLE)
		connection->ops->readable(connection->context);
	else if (events & UV_WRITABLE)
		connection->ops->writable(connection->context);
}

struct connection *connection_create(uv_loop_t *loop, int fd,
				     const struct connection_ops *ops,
				     void *context)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	socklen_t len = sizeof(int);
	int domain;

	if (!connection)
		return NULL;
	connection->fd = fd;
	connection->ops = ops;
	connection->context = context;
	connection->poll.data = connection;
	connection->tcp =
		getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
		domain != AF_UNIX;
	if (uv_poll_init(loop, &connection->poll, fd)) {
		free(connection);
		return NULL;
	}
	return connection;
}

void connection_watch(struct connection *connection, bool read, bool write)
{
	if (connection->read == read && connection->write == write &&
	    uv_is_active((uv_handle_t *)&connection->poll))
		return;
	connection->read = read;
	connection->write = write;
	rearm(connection);
}

size_t connection_pending(const struct connection *connection)
{
	int pending = 0;

	if (ioctl(connection->fd, FIONREAD, &pending) < 0 || pending < 0)
		return 0;
	return (size_t)pending;
}

ssize_t connection_read(struct connection *connection, uint8_t *data,
			size_t len)
{
	ssize_t n;

	do
		n = recv(connection->fd, data, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

ssize_t connection_write(struct connection *connection, const uint8_t *data,
			 size_t len)
{
	ssize_t n;

	do
		n = send(connection->fd, data, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

void connection_end(struct connection *connection)
{
	shutdown(connection->fd, SHUT_WR);
}

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

void connection_close(struct connection *connection)
{
	uv_poll_stop(&connection->poll);
	uv_close((uv_handle_t *)&connection->poll, closed_cb);
	close(connection->fd);
	connection->fd = -1;
}

void connection_abort(struct connection *connection)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (connection->tcp)
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now,
			   sizeof(now));
	connection_close(connection);
}
