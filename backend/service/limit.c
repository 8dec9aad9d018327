// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limit.c - token buckets and deficit round robin.
 */
#include "backend/service/limit.h"

#define SECOND_NS UINT64_C(1000000000)

enum { MAKE_UP_PART = 10 };

__extension__ typedef unsigned __int128 wide;

/* ---- token buckets ------------------------------------------------------ */

static uint64_t default_burst(uint64_t rate)
{
	uint64_t burst = rate / 16;

	if (burst < LIMIT_BURST_MIN)
		burst = LIMIT_BURST_MIN;
	if (burst > LIMIT_BURST_DEFAULT)
		burst = LIMIT_BURST_DEFAULT;
	return burst > rate / 100 ? burst : rate / 100;
}

/* What did not fit is remembered, up to a second's worth. */
static void miss(struct limit_bucket *bucket, uint64_t tokens)
{
	if (!bucket->waited_for)
		return;
	if (tokens > bucket->rate - bucket->missed)
		tokens = bucket->rate - bucket->missed;
	bucket->missed += tokens;
}

/* A tenth more than came, while there is something to make up for. */
static uint64_t made_up(struct limit_bucket *bucket, uint64_t tokens)
{
	uint64_t more = tokens / MAKE_UP_PART;

	if (more > bucket->missed)
		more = bucket->missed;
	bucket->missed -= more;
	return more;
}

static void refill(struct limit_bucket *bucket, uint64_t now_ns)
{
	uint64_t room = bucket->burst - bucket->tokens;
	uint64_t tokens;
	wide more;

	if (now_ns <= bucket->at_ns)
		return;
	more = (wide)bucket->rate * (now_ns - bucket->at_ns) + bucket->part;
	bucket->at_ns = now_ns;
	if (more / SECOND_NS >= room) {
		more = more / SECOND_NS - room;
		miss(bucket,
		     more < bucket->rate ? (uint64_t)more : bucket->rate);
		bucket->tokens = bucket->burst;
		bucket->part = 0;
		return;
	}
	tokens = (uint64_t)(more / SECOND_NS);
	if (bucket->missed)
		tokens += made_up(bucket, tokens);
	bucket->tokens += tokens < room ? tokens : room;
	bucket->part = (uint64_t)(more % SECOND_NS);
}

void limit_bucket_set(struct limit_bucket *bucket, uint64_t rate,
		      uint64_t burst, uint64_t now_ns)
{
	bool had_rate = bucket->rate != 0;

	if (had_rate)
		refill(bucket, now_ns);
	if (!burst)
		burst = default_burst(rate);
	bucket->rate = rate;
	bucket->missed = 0;
	bucket->burst = burst;
	bucket->at_ns = now_ns;
	if (!had_rate || bucket->tokens > burst) {
		bucket->tokens = burst;
		bucket->part = 0;
	}
}

uint64_t limit_bucket_tokens(struct limit_bucket *bucket, uint64_t now_ns)
{
	if (!bucket->rate)
		return UINT64_MAX;
	refill(bucket, now_ns);
	return bucket->tokens;
}

void limit_bucket_take(struct limit_bucket *bucket, uint64_t tokens)
{
	if (bucket->rate)
		bucket->tokens -=
			tokens < bucket->tokens ? tokens : bucket->tokens;
}

uint64_t limit_bucket_wait_ns(struct limit_bucket *bucket, uint64_t tokens,
			      uint64_t now_ns)
{
	wide missing;

	if (!bucket->rate)
		return 0;
	refill(bucket, now_ns);
	if (tokens > bucket->burst)
		tokens = bucket->burst;
	if (tokens <= bucket->tokens)
		return 0;
	missing = (wide)(tokens - bucket->tokens) * SECOND_NS - bucket->part;
	return (uint64_t)((missing + bucket->rate - 1) / bucket->rate);
}

uint64_t limit_bucket_grain(const struct limit_bucket *bucket)
{
	uint64_t grain = bucket->rate / 100;

	if (grain > bucket->burst / 2)
		grain = bucket->burst / 2;
	return grain ? grain : 1;
}

/* ---- queues ------------------------------------------------------------- */

void limit_queue_init(struct limit_queue *queue)
{
	list_init(&queue->fresh);
	list_init(&queue->steady);
	queue->fresh_run = 0;
}

bool limit_queue_is_empty(const struct limit_queue *queue)
{
	return list_empty(&queue->fresh) && list_empty(&queue->steady);
}

void limit_flow_init(struct limit_flow *flow)
{
	list_init(&flow->link);
	flow->credit = 0;
	flow->steady = false;
}

void limit_queue_add(struct limit_queue *queue, struct limit_flow *flow)
{
	if (list_linked(&flow->link))
		return;
	flow->credit = 0;
	list_append(flow->steady ? &queue->steady : &queue->fresh, &flow->link);
}

void limit_queue_remove(struct limit_flow *flow)
{
	if (list_linked(&flow->link))
		list_remove(&flow->link);
	flow->credit = 0;
}

struct limit_flow *limit_queue_first(struct limit_queue *queue)
{
	struct list_node *fresh = NULL;
	struct list_node *node = NULL;

	if (!list_empty(&queue->fresh))
		fresh = queue->fresh.next;
	if (!list_empty(&queue->steady))
		node = queue->steady.next;
	if (fresh && (!node || queue->fresh_run < LIMIT_FRESH_RUN))
		node = fresh;
	return node ? container_of(node, struct limit_flow, link) : NULL;
}

void limit_flow_begin(struct limit_flow *flow, uint64_t part, uint32_t weight)
{
	if (flow->credit)
		return;
	flow->credit = part * weight / LIMIT_WEIGHT_NORMAL;
	if (!flow->credit)
		flow->credit = 1;
}

void limit_flow_take(struct limit_queue *queue, struct limit_flow *flow,
		     uint64_t octets)
{
	flow->credit -= octets < flow->credit ? octets : flow->credit;
	if (flow->credit)
		return;
	if (flow->steady)
		queue->fresh_run = 0;
	else
		queue->fresh_run++;
	flow->steady = true;
	if (!list_linked(&flow->link))
		return;
	list_remove(&flow->link);
	list_append(&queue->steady, &flow->link);
}
