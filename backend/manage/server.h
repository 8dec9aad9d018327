/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - what the listener and its connections share.
 */
#ifndef MANAGE_SERVER_H
#define MANAGE_SERVER_H

#include "backend/manage/manage.h"
#include "backend/manage/route.h"
#include "backend/manage/tail.h"
#include "backend/util/list.h"

enum {
	/* Open at once: in all, of others than root, of one of these. */
	SERVER_MAX = 64,
	SERVER_MAX_READERS = 48,
	SERVER_MAX_UID = 16,
	/* Those that are told 503 take a place for a moment, too. */
	SERVER_FLOOD = 96,
	SERVER_FLOOD_ROOT = 160,
	/* Octets that may wait for a slow reader of a stream. */
	SERVER_BACKLOG = 256 * 1024,
};

struct manage {
	struct manage_config config;
	char *path;
	gid_t group;
	bool has_group;
	uv_pipe_t listener;
	struct list_node connections;
	struct manage_totals totals;
	struct tail tail;
	bool stopping;
	unsigned int open_handles; /* not closed yet */
	struct list_node turns;	   /* of connections with a request */
	uv_timer_t turn;
	uint64_t turn_at_ms; /* when the last one was served */
};

struct connection;

/* Takes over a pipe that was accepted into it.  NULL: no memory. */
struct connection *connection_create(struct manage *manage);
uv_stream_t *connection_stream(struct connection *connection);
/* The peer is known: begins to serve, or with refuse says 503 and ends. */
void connection_start(struct connection *connection,
		      const struct manage_peer *peer, bool refuse);
void connection_close(struct connection *connection);
/* The server's list goes through these. */
struct connection *connection_of(struct list_node *link);
uid_t connection_uid(const struct connection *connection);
/* A line for those that follow the log. */
void connection_log(struct connection *connection, const char *line);
/* A connection is gone. */
void server_forget(struct manage *manage);

#endif
