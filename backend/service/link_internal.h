/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_internal.h - what link.c (ends) and link_stream.c (streams) share.
 */
#ifndef SERVICE_LINK_INTERNAL_H
#define SERVICE_LINK_INTERNAL_H

#include "backend/service/link.h"
#include "backend/service/link_state.h"
#include "backend/util/list.h"

/* Events that wait to be told, in this order. */
enum {
	LINK_TELL_OPENED = 1,
	LINK_TELL_FAILED = 2,
	LINK_TELL_READABLE = 4,
	LINK_TELL_WRITABLE = 8,
};

/*
 * One attachment: a pair of memories.  Its end lets go of it when the peer is
 * gone; then it lives on for the streams that have still to read from it.
 */
struct link_map {
	struct link_end *end; /* NULL: detached */
	struct link_memory memory;
	struct link_fds fds;
	uv_poll_t bell;
	uv_poll_t life;
	unsigned int handles;
	unsigned int streams;
	bool closing;
	struct link_channel channels[LINK_CHANNELS];
	struct link_stream *joined[LINK_CHANNELS];
};

struct link_stream {
	struct link_end *end;
	struct list_node link; /* in end->streams, oldest first */
	const struct link_stream_events *events;
	void *context;

	struct link_map *map; /* NULL: waits to be joined, or failed */
	unsigned int channel;
	bool established;
	bool failed;
	enum link_failure failure;
	bool shut;     /* no more is written */
	bool end_read; /* LINK_END was returned */
	bool final;    /* peer_head is the last one */
	bool wants_octets;
	bool wants_room;
	uint64_t deadline_ms; /* to be joined; 0: none */
	unsigned int tell;    /* LINK_TELL_* */

	/* Our copies of what is in the memories; only these are used. */
	uint64_t head;
	uint64_t tail;
	uint64_t peer_head;
	uint64_t peer_tail;
};

struct link_end {
	uv_loop_t *loop;
	enum link_role role;
	const struct link_end_events *events;
	void *context;
	struct link_map *map; /* NULL: the peer is not there */
	struct list_node streams;
	uv_timer_t timer;
	bool told_present;
};

/* Looks at everything again soon. */
void link_end_kick(struct link_end *end);
void link_map_ring(struct link_map *map);
/* A stream lets go of its attachment. */
void link_map_put(struct link_map *map);

/* Writes the channel's own word for the peer to see. */
void link_channel_publish(struct link_map *map, unsigned int channel);

/* Joins a waiting stream to a channel: counts start from nothing. */
void link_stream_join(struct link_stream *stream, struct link_map *map,
		      unsigned int channel);
/* Takes in what the peer has written; may fail the stream. */
void link_stream_look(struct link_stream *stream);
void link_stream_fail(struct link_stream *stream, enum link_failure failure);
/*
 * The peer is gone: fail, unless all it will ever say is there, or it had not
 * been joined.
 */
void link_stream_orphan(struct link_stream *stream);
/* Notes what can be told after a look. */
void link_stream_note(struct link_stream *stream);

#endif
