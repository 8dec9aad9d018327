// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link_stream.c - one connection over a link.
 *
 * Everything the peer writes is read once, compared with what it said before
 * and then used from our copy: a head may only grow, and by no more than there
 * is room in its ring; a tail may only grow, and not beyond our head.  What is
 * against that ends the connection.  Its octets themselves have no meaning
 * here, so a peer that changes them while they are copied harms its own words.
 *
 * Sleeping and waking, on each side and for each direction:
 *
 *   waiter   wants |= X, fence, look again, sleep
 *   mover    move the index, fence, look at wants, ring
 *
 * One of the two looks sees the other's step.
 */
#include "backend/service/link_internal.h"
#include "backend/util/log.h"

#include <assert.h>
#include <stdlib.h>

static struct log_limit broken_limit = LOG_LIMIT_INIT(5, 60000);

static struct link_control *own_control(const struct link_stream *stream)
{
	return link_memory_own(&stream->map->memory, stream->channel);
}

static const struct link_control *peer_control(const struct link_stream *stream)
{
	return link_memory_peer(&stream->map->memory, stream->channel);
}

static struct link_channel *machine(const struct link_stream *stream)
{
	return &stream->map->channels[stream->channel];
}

void link_channel_publish(struct link_map *map, unsigned int channel)
{
	__atomic_store_n(&link_memory_own(&map->memory, channel)->word,
			 link_word_pack(&map->channels[channel].own),
			 __ATOMIC_RELEASE);
	link_map_ring(map);
}

void link_stream_join(struct link_stream *stream, struct link_map *map,
		      unsigned int channel)
{
	struct link_control *own = link_memory_own(&map->memory, channel);

	/* Nobody reads these before our word says the new epoch. */
	__atomic_store_n(&own->head, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&own->tail, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&own->wants, 0, __ATOMIC_RELAXED);
	stream->map = map;
	stream->channel = channel;
	map->joined[channel] = stream;
	map->streams++;
}

static void leave_map(struct link_stream *stream)
{
	struct link_map *map = stream->map;

	if (!map)
		return;
	map->joined[stream->channel] = NULL;
	stream->map = NULL;
	link_map_put(map);
}

void link_stream_fail(struct link_stream *stream, enum link_failure failure)
{
	if (stream->failed)
		return;
	stream->failed = true;
	stream->failure = failure;
	stream->tell |= LINK_TELL_FAILED;
	if (stream->map && link_channel_close(machine(stream)))
		link_channel_publish(stream->map, stream->channel);
	leave_map(stream);
	link_end_kick(stream->end);
}

static void peer_is_wrong(struct link_stream *stream, const char *what)
{
	log_limited(&broken_limit, LOG_LEVEL_WARNING,
		    "link: the other side %s: connection reset", what);
	link_stream_fail(stream, LINK_PEER_RESET);
}

static void look_at_head(struct link_stream *stream)
{
	uint64_t head =
		__atomic_load_n(&peer_control(stream)->head, __ATOMIC_ACQUIRE);
	uint64_t unread = head - stream->tail;

	if (unread > LINK_RING || unread < stream->peer_head - stream->tail) {
		peer_is_wrong(stream, "wrote an impossible head");
		return;
	}
	stream->peer_head = head;
}

static void look_at_tail(struct link_stream *stream)
{
	uint64_t tail =
		__atomic_load_n(&peer_control(stream)->tail, __ATOMIC_ACQUIRE);

	if (tail - stream->peer_tail > stream->head - stream->peer_tail) {
		peer_is_wrong(stream, "wrote an impossible tail");
		return;
	}
	stream->peer_tail = tail;
}

void link_stream_look(struct link_stream *stream)
{
	unsigned int actions;
	uint64_t raw;

	if (!stream->map)
		return;
	/* Before the indexes: a head read after FIN is the last one. */
	raw = __atomic_load_n(&peer_control(stream)->word, __ATOMIC_ACQUIRE);
	actions = link_channel_see(machine(stream), link_word_unpack(raw));
	if (actions & LINK_DO_PUBLISH)
		link_channel_publish(stream->map, stream->channel);
	if (actions & LINK_DO_RESET) {
		link_stream_fail(stream, LINK_PEER_RESET);
		return;
	}
	if (actions & LINK_DO_ESTABLISH) {
		stream->established = true;
		stream->deadline_ms = 0;
		stream->tell |= LINK_TELL_OPENED;
		link_end_kick(stream->end);
	}
	if (!stream->established)
		return;
	if (!stream->final)
		look_at_head(stream);
	if (stream->map)
		look_at_tail(stream);
	if (stream->map && machine(stream)->peer_fin)
		stream->final = true;
}

/* It takes no more, and has not taken all that we said. */
static bool octets_lost(const struct link_stream *stream)
{
	return machine(stream)->peer_done && stream->peer_tail != stream->head;
}

void link_stream_note(struct link_stream *stream)
{
	if (!stream->map || !stream->established)
		return;
	if (stream->end_read && octets_lost(stream)) {
		link_stream_fail(stream, LINK_PEER_RESET);
		return;
	}
	if (stream->wants_octets &&
	    (stream->peer_head != stream->tail || stream->final)) {
		stream->wants_octets = false;
		stream->tell |= LINK_TELL_READABLE;
	}
	if (stream->wants_room &&
	    (stream->head - stream->peer_tail < LINK_RING ||
	     machine(stream)->peer_done)) {
		stream->wants_room = false;
		stream->tell |= LINK_TELL_WRITABLE;
	}
}

void link_stream_orphan(struct link_stream *stream)
{
	link_stream_look(stream);
	if (!stream->map)
		return;
	if (!stream->established) {
		/* Nobody had answered: it waits for the next peer. */
		link_channel_close(machine(stream));
		link_channel_publish(stream->map, stream->channel);
		leave_map(stream);
	} else if (!machine(stream)->peer_done) {
		link_stream_fail(stream, LINK_PEER_RESET);
	} else {
		link_stream_note(stream);
	}
}

/* Says what we wait for; the caller looks once more afterwards. */
static void want(struct link_stream *stream, uint32_t what)
{
	__atomic_or_fetch(&own_control(stream)->wants, what, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void want_no_more(struct link_stream *stream, uint32_t what)
{
	if (__atomic_load_n(&own_control(stream)->wants, __ATOMIC_RELAXED) &
	    what)
		__atomic_and_fetch(&own_control(stream)->wants, ~what,
				   __ATOMIC_SEQ_CST);
}

static void ring_if_wanted(struct link_stream *stream, uint32_t what)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&peer_control(stream)->wants, __ATOMIC_RELAXED) &
	    what)
		link_map_ring(stream->map);
}

static size_t take_octets(struct link_stream *stream, void *data, size_t len)
{
	uint64_t unread = stream->peer_head - stream->tail;

	if (len > unread)
		len = (size_t)unread;
	link_memory_get(&stream->map->memory, stream->channel, stream->tail,
			data, len);
	stream->tail += len;
	__atomic_store_n(&own_control(stream)->tail, stream->tail,
			 __ATOMIC_RELEASE);
	/* A writer that waits is woken for a good piece, or for the last. */
	if (unread - len <= LINK_RING / 2)
		ring_if_wanted(stream, LINK_WANTS_ROOM);
	return len;
}

ssize_t link_stream_read(struct link_stream *stream, void *data, size_t len)
{
	stream->wants_octets = true;
	link_stream_look(stream);
	if (stream->map && stream->peer_head == stream->tail &&
	    !stream->final) {
		want(stream, LINK_WANTS_OCTETS);
		link_stream_look(stream);
	}
	if (stream->failed)
		return LINK_BROKEN;
	if (!stream->established)
		return 0;
	if (stream->peer_head != stream->tail) {
		stream->wants_octets = false;
		want_no_more(stream, LINK_WANTS_OCTETS);
		return (ssize_t)take_octets(stream, data, len);
	}
	if (!stream->final)
		return 0;
	stream->wants_octets = false;
	stream->end_read = true;
	return octets_lost(stream) ? LINK_BROKEN : LINK_END;
}

static size_t put_octets(struct link_stream *stream, const void *data,
			 size_t len)
{
	uint64_t room = LINK_RING - (stream->head - stream->peer_tail);

	if (len > room)
		len = (size_t)room;
	link_memory_put(&stream->map->memory, stream->channel, stream->head,
			data, len);
	stream->head += len;
	__atomic_store_n(&own_control(stream)->head, stream->head,
			 __ATOMIC_RELEASE);
	ring_if_wanted(stream, LINK_WANTS_OCTETS);
	return len;
}

ssize_t link_stream_write(struct link_stream *stream, const void *data,
			  size_t len)
{
	size_t taken = 0;

	assert(!stream->shut);
	link_stream_look(stream);
	if (stream->failed || (stream->map && machine(stream)->peer_done))
		return LINK_BROKEN;
	if (!stream->established) {
		stream->wants_room = len > 0;
		return 0;
	}
	/* The second turn is for room that was made before we said we wait. */
	for (int turn = 0; turn < 2 && taken < len; turn++) {
		taken += put_octets(stream, (const uint8_t *)data + taken,
				    len - taken);
		if (taken == len)
			break;
		stream->wants_room = true;
		want(stream, LINK_WANTS_ROOM);
		link_stream_look(stream);
		if (stream->failed || machine(stream)->peer_done)
			return LINK_BROKEN;
	}
	if (taken == len) {
		stream->wants_room = false;
		want_no_more(stream, LINK_WANTS_ROOM);
	} else {
		link_stream_note(stream);
		if (stream->tell)
			link_end_kick(stream->end);
	}
	return (ssize_t)taken;
}

void link_stream_shutdown(struct link_stream *stream)
{
	stream->shut = true;
	if (stream->map && link_channel_fin(machine(stream)))
		link_channel_publish(stream->map, stream->channel);
}

void link_stream_close(struct link_stream *stream)
{
	if (!stream)
		return;
	if (stream->map && link_channel_close(machine(stream)))
		link_channel_publish(stream->map, stream->channel);
	leave_map(stream);
	list_remove(&stream->link);
	link_end_kick(stream->end);
	free(stream);
}
