/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address.h - where a bus of sockets listens or connects.
 *
 *   unix:/path           tcp:127.0.0.1:3240           tcp:[::1]:3240
 *
 * Numeric only: nothing is resolved.  Who reaches such a socket has a device
 * of the host's plugged in, so what is reachable from another machine is to be
 * asked for in words (address_is_local()).
 */
#ifndef BUS_ADDRESS_H
#define BUS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

struct address {
	struct sockaddr_storage name;
	socklen_t len;
};

/* 0 or -EINVAL (not such an address, or a path that is too long). */
int address_parse(struct address *address, const char *text);

/* A unix socket, or an address of the loopback interface. */
bool address_is_local(const struct address *address);

/*
 * A listening, non-blocking descriptor, or a negative errno.  A unix socket
 * that nobody listens on is replaced (-EADDRINUSE if somebody does) and gets
 * mode; what is not a socket is never removed.
 */
int address_listen(const struct address *address, mode_t mode);

/* A non-blocking descriptor whose connection is made or on its way. */
int address_connect(const struct address *address);

/* The next waiting connection, non-blocking, or a negative errno. */
int address_accept(int listener);

#endif
