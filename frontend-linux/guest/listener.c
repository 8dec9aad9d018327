// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * listener.c - a listening socket that is accepted from only when asked.
 *
 * The socket is polled one-shot: once a connection waits and no pipe is free,
 * polling on would only burn time until one is.
 */
#include "config.h"

#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, RETRY_MS = 100 };

struct listener {
	uv_poll_t poll;
	uv_timer_t retry;
	unsigned int handles;
	int fd;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)]; /* or "" */
	dev_t device; /* of the socket at path, to know it again */
	ino_t inode;
	void (*pending)(void *context);
	void *context;
};

static void poll_cb(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = poll->data;

	uv_poll_stop(poll);
	listener->pending(listener->context);
}

void listener_resume(struct listener *listener)
{
	if (!uv_is_active((uv_handle_t *)&listener->poll) &&
	    !uv_is_active((uv_handle_t *)&listener->retry))
		uv_poll_start(&listener->poll, UV_READABLE, poll_cb);
}

static void retry_cb(uv_timer_t *timer)
{
	listener_resume(timer->data);
}

int listener_accept(struct listener *listener)
{
	int fd;

	/* A connection that failed while it waited is not the last one. */
	do
		fd = accept4(listener->fd, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	/* Out of descriptors or memory: polling at once would spin. */
	if (fd < 0 && errno != EAGAIN)
		uv_timer_start(&listener->retry, retry_cb, RETRY_MS, 0);
	return fd;
}

/* Takes fd over, also on failure. */
static int create(struct listener **result, uv_loop_t *loop, int fd,
		  void (*pending)(void *context), void *context)
{
	struct listener *listener;
	int rc;

	if (listen(fd, BACKLOG) < 0) {
		rc = -errno;
		goto err_close;
	}
	listener = calloc(1, sizeof(*listener));
	if (!listener) {
		rc = -ENOMEM;
		goto err_close;
	}
	rc = uv_poll_init(loop, &listener->poll, fd);
	if (rc)
		goto err_free;
	listener->fd = fd;
	listener->poll.data = listener;
	uv_timer_init(loop, &listener->retry);
	listener->retry.data = listener;
	listener->handles = 2;
	listener->pending = pending;
	listener->context = context;
	listener_resume(listener);
	*result = listener;
	return 0;

err_free:
	free(listener);
err_close:
	close(fd);
	return rc;
}

/* Makes the last two folders of a path, as far as they are missing. */
static int folders_make(const char *path)
{
	char folder[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *last, *before;

	snprintf(folder, sizeof(folder), "%s", path);
	last = strrchr(folder, '/');
	if (!last || last == folder)
		return 0;
	*last = '\0';
	before = strrchr(folder, '/');
	if (before && before != folder) {
		*before = '\0';
		if (mkdir(folder, 0755) < 0 && errno != EEXIST)
			return -errno;
		*before = '/';
	}
	if (mkdir(folder, 0755) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int listener_create_unix(struct listener **listener, uv_loop_t *loop,
			 const char *path, const struct listener_access *access,
			 void (*pending)(void *context), void *context)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	rc = folders_make(path);
	if (rc)
		return rc;
	/* What an earlier daemon left; never anything but a socket. */
	if (lstat(path, &st) == 0) {
		if (!S_ISSOCK(st.st_mode))
			return -EEXIST;
		unlink(path);
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0777);
	rc = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno
									: 0;
	umask(mask);
	if (rc)
		goto err_close;
	/* Nobody could connect until here. */
	if (access->group != (gid_t)-1 &&
	    chown(path, (uid_t)-1, access->group) < 0)
		rc = -errno;
	if (!rc && chmod(path, access->mode) < 0)
		rc = -errno;
	if (!rc && lstat(path, &st) < 0)
		rc = -errno;
	if (rc)
		goto err_unlink;
	rc = create(listener, loop, fd, pending, context);
	fd = -1;
	if (rc)
		goto err_unlink;
	strcpy((*listener)->path, path);
	(*listener)->device = st.st_dev;
	(*listener)->inode = st.st_ino;
	return 0;

err_unlink:
	unlink(path);
err_close:
	if (fd >= 0)
		close(fd);
	return rc;
}

union tcp_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The length of the address, or -EINVAL: malformed or not loopback. */
static int address_parse(const char *text, union tcp_address *address)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char *end;
	long port;

	memset(address, 0, sizeof(*address));
	if (len == 0 || len >= sizeof(host) || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	if (*end || port < 1 || port > 65535)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		if (inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) !=
			    1 ||
		    !IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr))
			return -EINVAL;
		return sizeof(address->v6);
	}
	if (strcmp(host, "localhost") == 0)
		strcpy(host, "127.0.0.1");
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &address->v4.sin_addr) != 1 ||
	    (ntohl(address->v4.sin_addr.s_addr) >> 24) != 127)
		return -EINVAL;
	return sizeof(address->v4);
}

int listener_address_check(const char *text)
{
	union tcp_address address;
	int len = address_parse(text, &address);

	return len < 0 ? len : 0;
}

int listener_create_tcp(struct listener **listener, uv_loop_t *loop,
			const char *text, void (*pending)(void *context),
			void *context)
{
	union tcp_address address;
	int len = address_parse(text, &address);
	int one = 1;
	int fd, rc;

	if (len < 0)
		return len;
	fd = socket(address.any.sa_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* Another daemon's connections may still be in TIME_WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* A guest without a network may raise its loopback later. */
	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	if (bind(fd, &address.any, (socklen_t)len) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return create(listener, loop, fd, pending, context);
}

static void closed_cb(uv_handle_t *handle)
{
	struct listener *listener = handle->data;

	if (--listener->handles == 0)
		free(listener);
}

void listener_destroy(struct listener *listener)
{
	struct stat st;

	if (!listener)
		return;
	/* The path may be a successor's by now. */
	if (listener->path[0] && lstat(listener->path, &st) == 0 &&
	    st.st_dev == listener->device && st.st_ino == listener->inode)
		unlink(listener->path);
	uv_close((uv_handle_t *)&listener->poll, closed_cb);
	uv_close((uv_handle_t *)&listener->retry, closed_cb);
	close(listener->fd);
	listener->fd = -1;
}
