// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link_state.c - the states of one channel of a link, as pure functions.
 */
#include "backend/service/link_state.h"

#include <string.h>

enum { PHASE_SHIFT = 32, FIN_SHIFT = 40 };

uint64_t link_word_pack(const struct link_word *word)
{
	return (uint64_t)word->epoch | (uint64_t)word->phase << PHASE_SHIFT |
	       (uint64_t)word->fin << FIN_SHIFT;
}

struct link_word link_word_unpack(uint64_t raw)
{
	uint64_t phase = raw >> PHASE_SHIFT & 0xff;
	uint64_t fin = raw >> FIN_SHIFT;
	struct link_word word = {.epoch = (uint32_t)raw};

	if (phase >= LINK_PHASE_COUNT || fin > 1 ||
	    (fin && phase != LINK_OPEN)) {
		word.phase = LINK_RESET;
		return word;
	}
	word.phase = (enum link_phase)phase;
	word.fin = fin;
	return word;
}

void link_channel_init(struct link_channel *channel, bool caller)
{
	memset(channel, 0, sizeof(*channel));
	channel->caller = caller;
}

static unsigned int enter_free(struct link_channel *channel, uint32_t epoch)
{
	channel->state = LINK_CHANNEL_FREE;
	channel->own = (struct link_word){.epoch = epoch, .phase = LINK_IDLE};
	channel->peer_fin = false;
	channel->peer_done = false;
	return LINK_DO_PUBLISH;
}

static unsigned int enter_ending(struct link_channel *channel,
				 enum link_phase phase)
{
	channel->state = LINK_CHANNEL_ENDING;
	channel->own.phase = phase;
	channel->own.fin = false;
	return LINK_DO_PUBLISH;
}

/* What an open connection learns from the peer's word of the same epoch. */
static unsigned int see_open(struct link_channel *channel,
			     struct link_word peer)
{
	bool fin = peer.fin || peer.phase == LINK_DONE;
	unsigned int actions = 0;

	if (fin && !channel->peer_fin) {
		channel->peer_fin = true;
		actions |= LINK_DO_PEER_FIN;
	}
	if (peer.phase == LINK_DONE && !channel->peer_done) {
		channel->peer_done = true;
		actions |= LINK_DO_PEER_DONE;
	}
	/* Nobody takes an end back. */
	if ((channel->peer_fin && !fin) ||
	    (channel->peer_done && peer.phase != LINK_DONE))
		return enter_ending(channel, LINK_RESET) | LINK_DO_RESET;
	return actions;
}

static unsigned int see_connection(struct link_channel *channel,
				   struct link_word peer)
{
	bool same = peer.epoch == channel->own.epoch;
	unsigned int actions = 0;

	if (channel->state == LINK_CHANNEL_CALLING && !same)
		return 0; /* not answered yet */
	if (!same || peer.phase == LINK_IDLE || peer.phase == LINK_RESET)
		return enter_ending(channel, LINK_RESET) | LINK_DO_RESET;
	if (channel->state == LINK_CHANNEL_CALLING) {
		channel->state = LINK_CHANNEL_ESTABLISHED;
		actions = LINK_DO_ESTABLISH;
	}
	return actions | see_open(channel, peer);
}

/* True if the peer will not touch this epoch any more. */
static bool peer_let_go(const struct link_channel *channel,
			struct link_word peer)
{
	if (peer.epoch == channel->own.epoch)
		return peer.phase != LINK_OPEN;
	/* A caller that is at another epoch is over with this one. */
	return !channel->caller;
}

unsigned int link_channel_see(struct link_channel *channel,
			      struct link_word peer)
{
	switch (channel->state) {
	case LINK_CHANNEL_CALLING:
	case LINK_CHANNEL_ESTABLISHED:
		return see_connection(channel, peer);
	case LINK_CHANNEL_ENDING:
		if (!peer_let_go(channel, peer))
			return 0;
		return enter_free(channel, channel->own.epoch);
	default:
		/* The caller gave up before it was answered: we know. */
		if (!channel->caller && peer.epoch != channel->own.epoch &&
		    peer.phase != LINK_OPEN)
			return enter_free(channel, peer.epoch);
		return 0;
	}
}

bool link_channel_callable(const struct link_channel *channel,
			   struct link_word peer)
{
	return channel->caller && channel->state == LINK_CHANNEL_FREE &&
	       peer.epoch == channel->own.epoch && peer.phase != LINK_OPEN;
}

bool link_channel_called(const struct link_channel *channel,
			 struct link_word peer)
{
	return !channel->caller && channel->state == LINK_CHANNEL_FREE &&
	       peer.epoch != channel->own.epoch && peer.phase == LINK_OPEN;
}

unsigned int link_channel_call(struct link_channel *channel)
{
	channel->state = LINK_CHANNEL_CALLING;
	channel->own.epoch++;
	channel->own.phase = LINK_OPEN;
	channel->own.fin = false;
	return LINK_DO_PUBLISH;
}

unsigned int link_channel_answer(struct link_channel *channel,
				 struct link_word peer)
{
	channel->state = LINK_CHANNEL_ESTABLISHED;
	channel->own =
		(struct link_word){.epoch = peer.epoch, .phase = LINK_OPEN};
	return LINK_DO_PUBLISH | LINK_DO_ESTABLISH | see_open(channel, peer);
}

unsigned int link_channel_fin(struct link_channel *channel)
{
	if (channel->own.phase != LINK_OPEN || channel->own.fin)
		return 0;
	channel->own.fin = true;
	return LINK_DO_PUBLISH;
}

unsigned int link_channel_close(struct link_channel *channel)
{
	bool established = channel->state == LINK_CHANNEL_ESTABLISHED;

	if (!established && channel->state != LINK_CHANNEL_CALLING)
		return 0;
	return enter_ending(channel, established && channel->own.fin
					     ? LINK_DONE
					     : LINK_RESET);
}
