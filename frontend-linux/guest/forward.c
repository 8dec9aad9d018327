// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward.c - a local service that answers what comes over a link.
 */
#include "config.h"

#include "forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_un local;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int read_unix(const char *path, union address *address)
{
	if (path[0] != '/' || strlen(path) >= sizeof(address->local.sun_path))
		return -EINVAL;
	address->local.sun_family = AF_UNIX;
	strcpy(address->local.sun_path, path);
	return sizeof(address->local);
}

static int read_tcp(const char *text, union address *address)
{
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned long port;
	char *end;

	if (len < 2 || len >= sizeof(host) || colon[1] < '0' || colon[1] > '9')
		return -EINVAL;
	port = strtoul(colon + 1, &end, 10);
	if (*end || port < 1 || port > 65535)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons((uint16_t)port);
		return inet_pton(AF_INET6, host + 1, &address->v6.sin6_addr) ==
					       1 &&
				       IN6_IS_ADDR_LOOPBACK(
					       &address->v6.sin6_addr)
			       ? (int)sizeof(address->v6)
			       : -EINVAL;
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, host, &address->v4.sin_addr) == 1 &&
			       ntohl(address->v4.sin_addr.s_addr) >> 24 == 127
		       ? (int)sizeof(address->v4)
		       : -EINVAL;
}

/* The length of the address, or -EINVAL. */
static int read_target(const char *target, union address *address)
{
	memset(address, 0, sizeof(*address));
	if (strncmp(target, "unix:", 5) == 0)
		return read_unix(target + 5, address);
	if (strncmp(target, "tcp:", 4) == 0)
		return read_tcp(target + 4, address);
	return -EINVAL;
}

int forward_check(const char *target)
{
	union address address;
	int len = read_target(target, &address);

	return len < 0 ? len : 0;
}

int forward_connect(const char *target)
{
	union address address;
	int len = read_target(target, &address);
	int one = 1;
	int fd, rc;

	if (len < 0)
		return len;
	fd = socket(address.any.sa_family,
		    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (address.any.sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(fd, &address.any, (socklen_t)len) < 0 &&
	    errno != EINPROGRESS) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}
