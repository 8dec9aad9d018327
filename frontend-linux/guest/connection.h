/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection.h - one accepted local connection.
 */
#ifndef GUEST_CONNECTION_H
#define GUEST_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct connection;

struct connection_ops {
	/* As asked for by connection_watch(). */
	void (*readable)(void *context);
	void (*writable)(void *context);
	/*
	 * broken: the connection failed.  Otherwise the peer has closed it
	 * entirely, and octets of its may still be there to be read.  At most
	 * once each.
	 */
	void (*lost)(void *context, bool broken);
};

/* Takes over fd (a non-blocking stream socket).  NULL: fd stays the caller's.
 */
struct connection *connection_create(uv_loop_t *loop, int fd,
				     const struct connection_ops *ops,
				     void *context);

/* Which of readable() and writable() to call; level triggered. */
void connection_watch(struct connection *connection, bool read, bool write);

/* Octets that wait to be read, as far as is known. */
size_t connection_pending(const struct connection *connection);

/* Octets moved, 0 at the end (read only), or a negative errno. */
ssize_t connection_read(struct connection *connection, uint8_t *data,
			size_t len);
ssize_t connection_write(struct connection *connection, const uint8_t *data,
			 size_t len);

/* Half-close: the peer reads an end of stream after what was written. */
void connection_end(struct connection *connection);

/* Ends it in order, or visibly as an error (RST on TCP).  Both free it. */
void connection_close(struct connection *connection);
void connection_abort(struct connection *connection);

#endif
