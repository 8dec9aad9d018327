/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - what survives a device process: where its rings stood.
 *
 * A page of memory that the broker owns and each device process of a
 * controller maps in turn.  It holds the state twice; the copy that is not
 * current is filled in, then one store makes it the current one.  So whatever
 * two instructions a process dies between, its successor finds one whole
 * state:
 *
 *   taking       copy requests │ commit (taken, in flight) │ act on them
 *   answering    put responses │ commit (answered)         │ publish │ notify
 *                │ commit (announced)
 *
 *   died before the commit   not taken: the successor takes them;
 *                            not answered: the successor answers (an error)
 *   died after the commit    in flight: the successor answers (an error);
 *                            answered: the successor publishes again, which
 *                            the guest cannot tell from once
 *
 * The successor does not trust the page more than it can check.
 */
#ifndef XEN_JOURNAL_H
#define XEN_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

enum {
	JOURNAL_SIZE = 4096,
	JOURNAL_ID_MAX = 128,
	JOURNAL_ID_WORDS = JOURNAL_ID_MAX / 64,
};

struct journal_state {
	uint32_t connected; /* 0: nothing below is meant */
	uint32_t order;	    /* pages of the urb ring, log2 */
	uint32_t urb_req_cons;
	uint32_t urb_rsp_prod;
	uint32_t conn_req_cons; /* also its rsp_prod: answered when taken */
	uint32_t port_mask;	/* bit n: the guest sees a device on port n */
	uint64_t in_flight[JOURNAL_ID_WORDS]; /* bit id: taken, not answered */
	uint32_t unannounced; /* 1: answered, perhaps not published, notified */
	uint32_t reserved;
};

struct journal_page;

struct journal {
	struct journal_page *page;
	struct journal_state state; /* change this, then journal_commit() */
};

/* Makes an empty journal of fixed size.  A descriptor, or negative errno. */
int journal_create(void);

/*
 * Maps a journal; the descriptor stays the caller's and may be closed then.
 * 0 or a negative errno.  Reads nothing.
 */
int journal_open(struct journal *journal, int fd);
/* Accepts a journal that is not open. */
void journal_close(struct journal *journal);

/*
 * Reads what the process before left into state.  0; -ENOENT: it was not
 * connected; -EPROTO: the page contradicts itself or is of another version.
 */
int journal_load(struct journal *journal);

/* Starts over: connected with empty rings of 2^order pages. */
void journal_reset(struct journal *journal, uint32_t order);
/* Nothing is connected. */
void journal_clear(struct journal *journal);

/* Makes journal->state what a successor finds. */
void journal_commit(struct journal *journal);

static inline bool journal_id_in_flight(const struct journal_state *state,
					unsigned int id)
{
	return state->in_flight[id / 64] >> (id % 64) & 1;
}

static inline void journal_id_set(struct journal_state *state, unsigned int id)
{
	state->in_flight[id / 64] |= UINT64_C(1) << (id % 64);
}

static inline void journal_id_clear(struct journal_state *state,
				    unsigned int id)
{
	state->in_flight[id / 64] &= ~(UINT64_C(1) << (id % 64));
}

#endif
