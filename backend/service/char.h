/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * char.h - octet streams to providers: sockets, programs, serial devices.
 *
 * A *target* is what a name stands for and makes connections; a *stream* is
 * one connection.  Octets are read and written where the caller has them:
 * nothing is kept here, so back-pressure is that of the provider's socket.
 *
 * Events never come from inside a call of these functions.
 *
 *   provider                        the user of a stream sees
 *   takes the connection            opened()
 *   is not there, refuses           failed(CHAR_UNREACHABLE)
 *   does not answer                 failed(CHAR_TIMEOUT)
 *   is slow or never reads          char_stream_write() takes less
 *   ends its output                 char_stream_read() says CHAR_END
 *   goes while there is output      the output first, then CHAR_END
 *   takes no more input             char_stream_write() says CHAR_BROKEN
 *   resets, or a program ends with  char_stream_read() says CHAR_BROKEN
 *   another status than 0
 */
#ifndef SERVICE_CHAR_H
#define SERVICE_CHAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <uv.h>

struct char_target;
struct char_stream;

enum char_failure {
	CHAR_UNREACHABLE,
	CHAR_TIMEOUT,
	CHAR_LIMIT,    /* no more connections of this target now */
	CHAR_INTERNAL, /* our own */
};

/* What read and write return besides a number of octets. */
enum {
	CHAR_END = -1,	  /* read: the provider sends no more */
	CHAR_BROKEN = -2, /* the provider is gone, or takes no more */
};

struct char_events {
	void (*opened)(void *context);
	/* Instead of opened(): close the stream. */
	void (*failed)(void *context, enum char_failure failure);
	/* After a read that gave 0: try again. */
	void (*readable)(void *context);
	/* After a write that took less than it was given: try again. */
	void (*writable)(void *context);
};

/* NULL: out of memory.  events must outlive the stream. */
struct char_stream *char_stream_open(struct char_target *target,
				     const struct char_events *events,
				     void *context);
/* The octets put at data (0: none now), CHAR_END or CHAR_BROKEN. */
ssize_t char_stream_read(struct char_stream *stream, void *data, size_t len);
/* The octets taken (0: none now) or CHAR_BROKEN. */
ssize_t char_stream_write(struct char_stream *stream, const void *data,
			  size_t len);
/* No more will be written. */
void char_stream_shutdown(struct char_stream *stream);
/* Lets go at once; no event comes any more.  Accepts NULL. */
void char_stream_close(struct char_stream *stream);

/* --- targets --------------------------------------------------------------
 * Each returns NULL without memory.  Texts and addresses are copied.
 */

/* A unix or TCP socket, by number: nothing is resolved. */
struct char_target *
char_target_socket(uv_loop_t *loop, const struct sockaddr *name, socklen_t len);

struct char_program {
	const char *const *arguments;	/* [0]: the program's path */
	const char *const *environment; /* NULL: as ours */
	bool has_user;			/* run as uid, gid */
	uid_t uid;
	gid_t gid;
	unsigned int max_running; /* 0: 16 */
};

/*
 * A program started for each connection, with the stream as its standard
 * input and output.  When the stream is closed it is asked to go (SIGTERM),
 * and after 2 s it is made to.  Not for a process in a sandbox.
 */
struct char_target *char_target_program(uv_loop_t *loop,
					const struct char_program *program);

/*
 * A serial device, one connection at a time; baud 0 leaves its speed alone.
 * Half-close means nothing to it.
 */
struct char_target *char_target_serial(uv_loop_t *loop, const char *path,
				       unsigned int baud);

/* After the last of its streams is closed.  Run the loop once more. */
void char_target_destroy(struct char_target *target);

/* --- for targets ----------------------------------------------------------
 */

struct char_target_ops {
	/*
	 * Makes a connection: char_stream_give() or char_stream_fail(), now or
	 * later.  *connection is the target's own, for close().
	 */
	void (*open)(struct char_target *target, struct char_stream *stream,
		     void **connection);
	/*
	 * The stream has ended: char_stream_judge(), now or later.  NULL: an
	 * end is an end.
	 */
	void (*judge)(struct char_target *target, struct char_stream *stream,
		      void *connection);
	/* The stream is closed; nothing of it may be used any more. */
	void (*close)(struct char_target *target, void *connection);
	void (*destroy)(struct char_target *target);
};

struct char_target {
	const struct char_target_ops *ops;
	uv_loop_t *loop;
};

/* A non-blocking descriptor, connected or on its way; owned. */
void char_stream_give(struct char_stream *stream, int fd);
void char_stream_fail(struct char_stream *stream, enum char_failure failure);
void char_stream_judge(struct char_stream *stream, bool clean);

#endif
