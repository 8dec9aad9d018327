/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * limit.h - exact rates and fair shares.
 *
 * Nothing in here knows what is limited or looks at a clock: time is passed
 * in, in nanoseconds of a clock that does not go back, so that tests can
 * pass a simulated one.
 */
#ifndef SERVICE_LIMIT_H
#define SERVICE_LIMIT_H

#include "backend/util/list.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- token buckets ------------------------------------------------------ */

enum { LIMIT_BURST_MIN = 4096, LIMIT_BURST_DEFAULT = 65536 };

/*
 * In any time t no more than burst + rate * t tokens can be taken, and a taker
 * that always waits gets rate * t exactly: what is left of a token is kept,
 * however often the clock is looked at.
 *
 * A machine that is busy may wake the taker so late that the bucket has run
 * over.  What is lost so while waited_for is set is made up for later, at no
 * more than a tenth above the rate: then the bound is burst + 1.1 * rate * t.
 */
struct limit_bucket {
	uint64_t rate; /* tokens a second; 0: no limit */
	uint64_t burst;
	uint64_t tokens;
	uint64_t part; /* of the next token, in 1/1000000000 */
	uint64_t at_ns;
	bool waited_for; /* somebody takes what comes, if only he is woken */
	uint64_t missed; /* tokens: he was woken too late for them */
};

/*
 * Sets or changes the rate.  A bucket that had none begins full; another keeps
 * what it holds, up to the new burst.  burst 0: a 16th of a second's worth, at
 * least 4 KiB and at most 64 KiB, or what comes in 10 ms if that is more
 * (clocks and sleeps are not exact enough for less).
 */
void limit_bucket_set(struct limit_bucket *bucket, uint64_t rate,
		      uint64_t burst, uint64_t now_ns);
/* Tokens there are; UINT64_MAX without a rate. */
uint64_t limit_bucket_tokens(struct limit_bucket *bucket, uint64_t now_ns);
/* Takes tokens that limit_bucket_tokens() has just shown. */
void limit_bucket_take(struct limit_bucket *bucket, uint64_t tokens);
/* Until there are so many (at most the burst); 0: there are. */
uint64_t limit_bucket_wait_ns(struct limit_bucket *bucket, uint64_t tokens,
			      uint64_t now_ns);
/* How many are worth waiting for: 10 ms' worth, at most half the burst. */
uint64_t limit_bucket_grain(const struct limit_bucket *bucket);

/* ---- queues ------------------------------------------------------------- */

/*
 * Who waits for tokens, in the order of deficit round robin: each flow in turn
 * may take a part that is proportional to its weight.
 *
 * A flow that has not yet had a whole part is fresh and goes before the steady
 * ones, so a small request does not wait behind bulk ones; but after
 * LIMIT_FRESH_RUN fresh parts a steady flow has its turn, so that a flood of
 * small requests starves nobody either.
 */
enum { LIMIT_FRESH_RUN = 4, LIMIT_WEIGHT_NORMAL = 100 };

struct limit_flow {
	struct list_node link;
	uint64_t credit; /* of its part, not yet taken */
	bool steady;
};

struct limit_queue {
	struct list_node fresh;
	struct list_node steady;
	unsigned int fresh_run;
};

void limit_queue_init(struct limit_queue *queue);
bool limit_queue_is_empty(const struct limit_queue *queue);
/* For one that begins; it stays fresh until it has had a whole part. */
void limit_flow_init(struct limit_flow *flow);
/* A flow that waits already is left where it is. */
void limit_queue_add(struct limit_queue *queue, struct limit_flow *flow);
/* A flow that waits for nothing (any more) is no error. */
void limit_queue_remove(struct limit_flow *flow);
/* Whose turn it is, or NULL.  It stays in the queue. */
struct limit_flow *limit_queue_first(struct limit_queue *queue);
/*
 * The flow that is first begins its part, unless it has begun it: part octets
 * for a weight of LIMIT_WEIGHT_NORMAL.
 */
void limit_flow_begin(struct limit_flow *flow, uint64_t part, uint32_t weight);
/* It has taken some of it.  Having had all, it goes to the end. */
void limit_flow_take(struct limit_queue *queue, struct limit_flow *flow,
		     uint64_t octets);

#endif
