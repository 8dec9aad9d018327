// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link.c - the ends of point-to-point links: coming and going of the peer,
 * joining of streams, and the telling of events.
 *
 * Everything happens in one place, run(), which the bell and a timer call: look
 * at all channels, join what waits, let what has waited too long fail, tell.
 * Telling comes last and one event at a time, because an event may close or
 * open any stream of the end.
 */
#include "backend/service/link_internal.h"
#include "backend/util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	JOIN_TIMEOUT_MS = 10000,
	TELL_MAX = 64, /* in one turn of the loop: others live there too */
};

static void run(struct link_end *end);
static void on_timer(uv_timer_t *timer);

/* --- attachments ---------------------------------------------------------- */

static void on_handle_closed(uv_handle_t *handle)
{
	struct link_map *map = handle->data;

	if (--map->handles)
		return;
	link_fds_close(&map->fds);
	if (map->memory.own)
		link_memory_unmap(&map->memory);
	free(map);
}

/* Frees what neither an end nor a stream has. */
static void map_release(struct link_map *map)
{
	if (map->end || map->streams || map->closing)
		return;
	map->closing = true;
	uv_close((uv_handle_t *)&map->bell, on_handle_closed);
	uv_close((uv_handle_t *)&map->life, on_handle_closed);
}

void link_map_put(struct link_map *map)
{
	assert(map->streams > 0);
	map->streams--;
	map_release(map);
}

void link_map_ring(struct link_map *map)
{
	const uint64_t one = 1;

	/* A bell that cannot ring any more is still ringing. */
	if (map->end && write(map->fds.peer_bell, &one, sizeof(one)) < 0 &&
	    errno != EAGAIN)
		log_debug("link: the bell does not ring");
}

static void on_bell(uv_poll_t *poll, int status, int events)
{
	struct link_map *map = poll->data;
	uint64_t count;

	if (status < 0) {
		if (map->end)
			link_end_detach(map->end);
		return;
	}
	if (read(map->fds.bell, &count, sizeof(count)) < 0 && errno != EAGAIN)
		log_debug("link: the bell cannot be read");
	if (map->end)
		run(map->end);
}

/* Nothing is ever sent there: whatever happens, it is the end. */
static void on_life(uv_poll_t *poll, int status, int events)
{
	struct link_map *map = poll->data;

	if (map->end)
		link_end_detach(map->end);
}

/* NULL: *error says why. */
static struct link_map *map_create(struct link_end *end, struct link_fds *fds,
				   bool caller, int *error)
{
	struct link_map *map = calloc(1, sizeof(*map));

	if (!map) {
		*error = -ENOMEM;
		return NULL;
	}
	*error = link_memory_map(&map->memory, fds);
	if (*error)
		goto err_free;
	*error = uv_poll_init(end->loop, &map->bell, fds->bell);
	if (*error)
		goto err_unmap;
	map->bell.data = map;
	map->handles = 1;
	*error = uv_poll_init(end->loop, &map->life, fds->life);
	if (*error) {
		/* The rest goes with the handle. */
		map->closing = true;
		map->fds = *fds;
		*fds = (struct link_fds){-1, -1, -1, -1, -1};
		uv_close((uv_handle_t *)&map->bell, on_handle_closed);
		return NULL;
	}
	map->life.data = map;
	map->handles = 2;
	map->fds = *fds;
	for (unsigned int i = 0; i < LINK_CHANNELS; i++)
		link_channel_init(&map->channels[i], caller);
	return map;

err_unmap:
	link_memory_unmap(&map->memory);
err_free:
	free(map);
	return NULL;
}

/* The memory is mapped: nobody needs its descriptors any more. */
static void map_trim_fds(struct link_map *map)
{
	close(map->fds.own);
	close(map->fds.peer);
	map->fds.own = -1;
	map->fds.peer = -1;
}

int link_end_attach(struct link_end *end, struct link_fds *fds, bool caller)
{
	struct link_map *map = NULL;
	int error = -EINVAL;

	if ((end->role != LINK_CONNECT || caller) &&
	    (end->role != LINK_LISTEN || !caller))
		map = map_create(end, fds, caller, &error);
	if (!map) {
		link_fds_close(fds);
		return error;
	}
	*fds = (struct link_fds){-1, -1, -1, -1, -1};
	link_end_detach(end);
	map_trim_fds(map);
	map->end = end;
	end->map = map;
	uv_poll_start(&map->bell, UV_READABLE, on_bell);
	uv_poll_start(&map->life, UV_READABLE | UV_DISCONNECT, on_life);
	link_end_kick(end);
	return 0;
}

void link_end_detach(struct link_end *end)
{
	struct link_map *map = end->map;

	if (!map)
		return;
	end->map = NULL;
	for (unsigned int i = 0; i < LINK_CHANNELS; i++)
		if (map->joined[i])
			link_stream_orphan(map->joined[i]);
	map->end = NULL;
	uv_poll_stop(&map->bell);
	uv_poll_stop(&map->life);
	map_release(map);
	link_end_kick(end);
}

bool link_end_present(const struct link_end *end)
{
	return end->map != NULL;
}

/* --- joining -------------------------------------------------------------- */

static struct link_stream *stream_of(struct list_node *node)
{
	return container_of(node, struct link_stream, link);
}

static struct link_stream *first_waiting(struct link_end *end)
{
	struct list_node *node;

	list_for_each(node, &end->streams)
	{
		struct link_stream *stream = stream_of(node);

		if (!stream->map && !stream->failed)
			return stream;
	}
	return NULL;
}

static struct link_word peer_word(const struct link_map *map, unsigned int i)
{
	return link_word_unpack(__atomic_load_n(
		&link_memory_peer(&map->memory, i)->word, __ATOMIC_ACQUIRE));
}

static void look_at_channels(struct link_end *end)
{
	struct link_map *map = end->map;

	for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
		if (map->joined[i]) {
			link_stream_look(map->joined[i]);
			continue;
		}
		/* One step may be followed by the next: to free, to known. */
		for (int step = 0; step < 2; step++)
			if (link_channel_see(&map->channels[i],
					     peer_word(map, i)) &
			    LINK_DO_PUBLISH)
				link_channel_publish(map, i);
	}
}

static void join(struct link_stream *stream, struct link_map *map,
		 unsigned int i, struct link_word peer)
{
	struct link_channel *channel = &map->channels[i];

	link_stream_join(stream, map, i);
	if (channel->caller) {
		link_channel_call(channel);
	} else {
		link_channel_answer(channel, peer);
		stream->established = true;
		stream->tell |= LINK_TELL_OPENED;
	}
	if (stream->shut)
		link_channel_fin(channel);
	link_channel_publish(map, i);
	link_stream_look(stream);
}

static void join_waiting(struct link_end *end)
{
	struct link_map *map = end->map;

	for (unsigned int i = 0; i < LINK_CHANNELS; i++) {
		struct link_word peer = peer_word(map, i);
		struct link_stream *stream;

		if (map->joined[i] ||
		    (!link_channel_callable(&map->channels[i], peer) &&
		     !link_channel_called(&map->channels[i], peer)))
			continue;
		stream = first_waiting(end);
		if (!stream)
			return;
		join(stream, map, i, peer);
	}
}

/*
 * One who connects does not wait for ever, nor for a peer that is not there.
 * When to look again; 0: not because of this.
 */
static uint64_t expire(struct link_end *end)
{
	uint64_t now_ms = uv_now(end->loop);
	uint64_t next_ms = 0;
	struct list_node *node;

	if (end->role != LINK_CONNECT)
		return 0;
	list_for_each(node, &end->streams)
	{
		struct link_stream *stream = stream_of(node);

		if (stream->failed || stream->established)
			continue;
		if (!end->map)
			link_stream_fail(stream, LINK_UNREACHABLE);
		else if (stream->deadline_ms <= now_ms)
			link_stream_fail(stream, LINK_TIMEOUT);
		else if (!next_ms || stream->deadline_ms < next_ms)
			next_ms = stream->deadline_ms;
	}
	return next_ms ? next_ms - now_ms : 0;
}

/* --- telling -------------------------------------------------------------- */

static struct link_stream *next_to_tell(struct link_end *end)
{
	struct list_node *node;

	list_for_each(node,
		      &end->streams) if (stream_of(node)
						 ->tell) return stream_of(node);
	return NULL;
}

static void tell(struct link_stream *stream)
{
	const struct link_stream_events *events = stream->events;
	unsigned int bit = stream->tell & -stream->tell;

	/* Who has failed hears of nothing else. */
	if (stream->failed)
		bit = LINK_TELL_FAILED;
	stream->tell = stream->failed ? 0 : stream->tell & ~bit;
	switch (bit) {
	case LINK_TELL_OPENED:
		events->opened(stream->context);
		break;
	case LINK_TELL_FAILED:
		events->failed(stream->context, stream->failure);
		break;
	case LINK_TELL_READABLE:
		events->readable(stream->context);
		break;
	default:
		events->writable(stream->context);
	}
}

static void run(struct link_end *end)
{
	struct list_node *node, *after;
	struct link_stream *stream;
	uint64_t wait_ms;

	uv_timer_stop(&end->timer);
	if (end->map)
		look_at_channels(end);
	if (end->map)
		join_waiting(end);
	wait_ms = expire(end);
	list_for_each_safe(node, after, &end->streams)
		link_stream_note(stream_of(node));
	/* What follows from the rest is told in the next turn of the loop. */
	uv_timer_stop(&end->timer);
	if (wait_ms)
		uv_timer_start(&end->timer, on_timer, wait_ms, 0);
	if (end->told_present != (end->map != NULL)) {
		end->told_present = end->map != NULL;
		if (end->events && end->events->present)
			end->events->present(end->context, end->told_present);
	}
	for (unsigned int i = 0; (stream = next_to_tell(end)); i++) {
		if (i == TELL_MAX) {
			link_end_kick(end);
			break;
		}
		tell(stream);
	}
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

void link_end_kick(struct link_end *end)
{
	uv_timer_start(&end->timer, on_timer, 0, 0);
}

/* --- the end -------------------------------------------------------------- */

struct link_end *link_end_create(uv_loop_t *loop, enum link_role role)
{
	struct link_end *end = calloc(1, sizeof(*end));

	if (!end)
		return NULL;
	end->loop = loop;
	end->role = role;
	list_init(&end->streams);
	uv_timer_init(loop, &end->timer);
	end->timer.data = end;
	return end;
}

void link_end_watch(struct link_end *end, const struct link_end_events *events,
		    void *context)
{
	end->events = events;
	end->context = context;
}

enum link_role link_end_role(const struct link_end *end)
{
	return end->role;
}

static void on_end_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void link_end_destroy(struct link_end *end)
{
	if (!end)
		return;
	assert(list_empty(&end->streams));
	link_end_detach(end);
	uv_close((uv_handle_t *)&end->timer, on_end_closed);
}

struct link_stream *link_stream_open(struct link_end *end,
				     const struct link_stream_events *events,
				     void *context)
{
	struct link_stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->end = end;
	stream->events = events;
	stream->context = context;
	if (end->role == LINK_CONNECT)
		stream->deadline_ms = uv_now(end->loop) + JOIN_TIMEOUT_MS;
	list_append(&end->streams, &stream->link);
	link_end_kick(end);
	return stream;
}
