/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * connection.h - what requests and streams of a connection share.
 */
#ifndef MANAGE_CONNECTION_H
#define MANAGE_CONNECTION_H

#include "backend/manage/server.h"

enum connection_state {
	CONNECTION_READING,
	CONNECTION_QUEUED,  /* a request waits for its turn */
	CONNECTION_WAITING, /* for the daemon */
	CONNECTION_WRITING,
	CONNECTION_LOGGING,
	CONNECTION_WATCHING,
	CONNECTION_CLOSING
};

struct connection {
	struct list_node link; /* of the server */
	struct list_node turn; /* QUEUED: of those whose request is next */
	struct manage *manage;
	struct manage_peer peer;
	uv_pipe_t pipe;
	uv_timer_t timer;	  /* of the state */
	uv_timer_t tick;	  /* of watch */
	unsigned int interval_ms; /* of watch */
	unsigned int open_handles;
	enum connection_state state;
	char *buffer;
	size_t len, size;
	struct request request;
	bool head_done;
	bool keep_alive;
	struct later *later;
	size_t queued; /* octets handed to libuv and not written yet */
	uint64_t lost; /* lines of a stream, not told yet */
};

/* Closes the connection and says false if there is no memory.  body may be
 * NULL with 0. */
bool connection_send(struct connection *connection, const char *head,
		     size_t head_len, const char *body, size_t body_len,
		     const char *end);
/* A problem, and the end of the connection. */
void connection_refuse(struct connection *connection, int status,
		       const char *why);
/* Reads, to see the client go. */
void connection_listen(struct connection *connection);

/* stream.c */
void stream_log(struct connection *connection, const struct answer *answer);
void stream_watch(struct connection *connection, const struct answer *answer);

#endif
