// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * address.c - reading addresses and making sockets of them.
 */
#include "backend/bus/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 8, HOST_MAX = 64, SEND_BUFFER = 512 << 10 };

static int parse_unix(struct address *address, const char *path)
{
	struct sockaddr_un *name = (struct sockaddr_un *)&address->name;
	size_t len = strlen(path);

	if (path[0] != '/' || len >= sizeof(name->sun_path))
		return -EINVAL;
	name->sun_family = AF_UNIX;
	memcpy(name->sun_path, path, len + 1);
	address->len = sizeof(*name);
	return 0;
}

static int parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return -EINVAL;
	value = strtoul(text, &end, 10);
	if (*end || value > UINT16_MAX)
		return -EINVAL;
	*port = htons((uint16_t)value);
	return 0;
}

static int parse_tcp(struct address *address, const char *text)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address->name;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->name;
	bool brackets = text[0] == '[';
	const char *host = text + brackets;
	const char *end = strrchr(text, ':');
	char copy[HOST_MAX];
	size_t len;

	if (!end || end <= host)
		return -EINVAL;
	len = (size_t)(end - host);
	if (brackets && host[--len] != ']')
		return -EINVAL;
	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, host, len);
	copy[len] = '\0';
	if (brackets) {
		in6->sin6_family = AF_INET6;
		address->len = sizeof(*in6);
		return inet_pton(AF_INET6, copy, &in6->sin6_addr) == 1
			       ? parse_port(end + 1, &in6->sin6_port)
			       : -EINVAL;
	}
	in->sin_family = AF_INET;
	address->len = sizeof(*in);
	return inet_pton(AF_INET, copy, &in->sin_addr) == 1
		       ? parse_port(end + 1, &in->sin_port)
		       : -EINVAL;
}

int address_parse(struct address *address, const char *text)
{
	struct address parsed = {0};
	int error = -EINVAL;

	if (strncmp(text, "unix:", 5) == 0)
		error = parse_unix(&parsed, text + 5);
	else if (strncmp(text, "tcp:", 4) == 0)
		error = parse_tcp(&parsed, text + 4);
	if (!error)
		*address = parsed;
	return error;
}

bool address_is_local(const struct address *address)
{
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)&address->name;
	const struct sockaddr_in6 *in6 =
		(const struct sockaddr_in6 *)&address->name;

	switch (address->name.ss_family) {
	case AF_UNIX:
		return true;
	case AF_INET:
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	case AF_INET6:
		return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
	default:
		return false;
	}
}

static const char *unix_path(const struct address *address)
{
	return ((const struct sockaddr_un *)&address->name)->sun_path;
}

/*
 * Small answers are what a host waits for.  A unix socket does not grow by
 * itself: the largest answer is to fit it, or its rest has to be kept.
 */
static void set_options(int fd, int family)
{
	int one = 1;
	int room = SEND_BUFFER;

	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	else
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

static int open_socket(const struct address *address)
{
	int fd = socket(address->name.ss_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_options(fd, address->name.ss_family);
	return fd;
}

/* Takes away a unix socket that is left of a process that is gone. */
static int remove_stale(const struct address *address)
{
	struct stat status;
	int fd;
	int error;

	if (lstat(unix_path(address), &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = open_socket(address);
	if (fd < 0)
		return fd;
	error = connect(fd, (const struct sockaddr *)&address->name,
			address->len) < 0
			? errno
			: 0;
	close(fd);
	if (error != ECONNREFUSED)
		return -EADDRINUSE;
	return unlink(unix_path(address)) < 0 ? -errno : 0;
}

int address_listen(const struct address *address, mode_t mode)
{
	bool is_unix = address->name.ss_family == AF_UNIX;
	int one = 1;
	int error = 0;
	mode_t mask;
	int fd;

	if (is_unix)
		error = remove_stale(address);
	if (error)
		return error;
	fd = open_socket(address);
	if (fd < 0)
		return fd;
	if (!is_unix)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* Never wider than mode, not even between bind and chmod. */
	mask = umask(is_unix ? ~mode & 0777 : 077);
	if (bind(fd, (const struct sockaddr *)&address->name, address->len) < 0)
		error = -errno;
	umask(mask);
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	if (!error)
		return fd;
	close(fd);
	return error;
}

int address_connect(const struct address *address)
{
	int fd = open_socket(address);
	int error;

	if (fd < 0)
		return fd;
	if (connect(fd, (const struct sockaddr *)&address->name,
		    address->len) == 0 ||
	    errno == EINPROGRESS)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int address_accept(int listener)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof(name);
	int fd = accept4(listener, (struct sockaddr *)&name, &len,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	set_options(fd, name.ss_family);
	return fd;
}
