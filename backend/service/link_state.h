/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_state.h - the states of one channel of a link, as pure functions.
 *
 * A channel carries one connection at a time.  Each of the two sides has one
 * *word* in memory that only it can write: the number of the connection (its
 * epoch), how far this side is, and whether it has said its last octet.  What
 * a side does next follows from its own word and what it sees of the other's:
 *
 *   caller     FREE ──call──▶ CALLING ──peer OPEN e──▶ ESTABLISHED
 *               ▲                │ close                 │ close, or the peer
 *               │                ▼                       ▼ is over with e
 *               └──peer over e── ENDING ◀────────────────┘
 *
 *   answerer   FREE ──peer OPEN e, answer──▶ ESTABLISHED ──▶ ENDING ──▶ FREE
 *
 * Only the caller begins an epoch, and not before the answerer has shown that
 * it is done with the last one: so whatever lies in the memory of a channel
 * belongs to one connection on both sides.
 *
 * The peer is not trusted: every word has a meaning here, and the worst one
 * can say is "this connection is over".
 */
#ifndef SERVICE_LINK_STATE_H
#define SERVICE_LINK_STATE_H

#include <stdbool.h>
#include <stdint.h>

enum link_phase {
	LINK_IDLE,  /* over and forgotten; nothing yet, if the epoch is 0 */
	LINK_OPEN,  /* called or answered */
	LINK_DONE,  /* said all it had to say, takes no more */
	LINK_RESET, /* ended abruptly */
	LINK_PHASE_COUNT
};

struct link_word {
	uint32_t epoch;
	enum link_phase phase;
	bool fin; /* with OPEN: the last octet is out */
};

uint64_t link_word_pack(const struct link_word *word);
/* A word that no honest side writes reads as RESET of its epoch. */
struct link_word link_word_unpack(uint64_t raw);

enum link_channel_state {
	LINK_CHANNEL_FREE,
	LINK_CHANNEL_CALLING,
	LINK_CHANNEL_ESTABLISHED,
	LINK_CHANNEL_ENDING, /* waits for the peer to let go of the epoch */
	LINK_CHANNEL_STATE_COUNT
};

struct link_channel {
	bool caller;
	enum link_channel_state state;
	struct link_word own;
	bool peer_fin;	/* its octets are counted */
	bool peer_done; /* and it takes none of ours any more */
};

/* What is to be done after a step, in this order. */
enum link_action {
	LINK_DO_PUBLISH = 1,   /* own word has changed */
	LINK_DO_ESTABLISH = 2, /* the connection is made */
	LINK_DO_PEER_FIN = 4,
	LINK_DO_PEER_DONE = 8,
	LINK_DO_RESET = 16, /* the connection is over: nothing more comes */
};

void link_channel_init(struct link_channel *channel, bool caller);

/* Takes what the peer's word says; enum link_action. */
unsigned int link_channel_see(struct link_channel *channel,
			      struct link_word peer);

/* Caller: true if a new connection may begin here. */
bool link_channel_callable(const struct link_channel *channel,
			   struct link_word peer);
/* Answerer: true if the peer calls here. */
bool link_channel_called(const struct link_channel *channel,
			 struct link_word peer);

/*
 * Local events.  Each returns enum link_action, always with PUBLISH unless
 * nothing changed.  call: only if callable.  answer: only if called with this
 * very word; what the word says besides is taken too.
 */
unsigned int link_channel_call(struct link_channel *channel);
unsigned int link_channel_answer(struct link_channel *channel,
				 struct link_word peer);
unsigned int link_channel_fin(struct link_channel *channel);
unsigned int link_channel_close(struct link_channel *channel);

#endif
