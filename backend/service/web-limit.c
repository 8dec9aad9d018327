// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-limit.c - rates: who may move octets now, and who waits.
 *
 * Theory of operation.  Octets are counted where they cross to and from an
 * upstream: heads, bodies and what frames them, both ways, before TLS.  Up to
 * three buckets hold for a request: its pipe's, its grant's, its domain's.  An
 * exchange asks web_limit_allow() before it sends or receives and says
 * web_limit_spend() after; told 0 it stops touching the socket, so the upstream
 * (or the guest) is held up by its own protocol and nothing is buffered.
 *
 * It then waits in the queue of the first bucket that had too little.  While
 * somebody waits for a bucket nobody else takes from it: tokens go round by
 * deficit round robin (limit.h) in web_limit_turn(), which a timer wakes when
 * a grain of tokens has come.  A request has its turn by being asked to go on
 * with an allowance; it may find another bucket empty and wait there instead.
 */
#include "backend/service/web-internal.h"

enum {
	TURNS_MAX = 256, /* of requests in one turn of the loop */
	PART_MIN = 2048,
	PART_MAX = 65536,
	SHARE_OF_HIGH = 8, /* of a weight; a normal one has 4 */
	SHARE_OF_NORMAL = 4,
	SHARE_OF_LOW = 1,
	NS_PER_MS = 1000000,
};

/* ---- limiters ----------------------------------------------------------- */

void web_limiter_init(struct web_service_set *set, struct web_limiter *limiter)
{
	limiter->set = set;
	list_init(&limiter->link);
	limiter->bucket = (struct limit_bucket){0};
	limit_queue_init(&limiter->queue);
}

void web_limiter_set(struct web_limiter *limiter, uint64_t rate, uint64_t burst)
{
	if (limiter->bucket.rate != rate || limiter->bucket.burst != burst)
		limit_bucket_set(&limiter->bucket, rate, burst, uv_hrtime());
	/* One without a rate stays listed until nobody waits for it. */
	if (rate && !list_linked(&limiter->link))
		list_append(&limiter->set->limiters, &limiter->link);
	web_set_wake(limiter->set);
}

static struct web_request *request_of(struct limit_flow *flow)
{
	return container_of(flow, struct web_request, flow);
}

/* All that wait for it go on; they will wait elsewhere if they must. */
static void let_all_go_on(struct web_limiter *limiter)
{
	struct limit_flow *flow;

	while ((flow = limit_queue_first(&limiter->queue))) {
		struct web_request *request = request_of(flow);

		web_limit_leave(request);
		web_request_ask_to_go_on(request);
	}
}

void web_limiter_fini(struct web_limiter *limiter)
{
	let_all_go_on(limiter);
	list_remove(&limiter->link);
}

/* ---- requests ----------------------------------------------------------- */

static unsigned int limiters_of(const struct web_request *request,
				struct web_limiter *limiters[3])
{
	unsigned int count = 0;

	if (request->share && request->share->limiter.bucket.rate)
		limiters[count++] = &request->share->limiter;
	if (request->grant->limiter.bucket.rate)
		limiters[count++] = &request->grant->limiter;
	if (request->set->domain.limiter.bucket.rate)
		limiters[count++] = &request->set->domain.limiter;
	return count;
}

uint64_t web_limit_rate(const struct web_request *request)
{
	struct web_limiter *limiters[3];
	unsigned int count = limiters_of(request, limiters);
	uint64_t rate = 0;

	for (unsigned int i = 0; i < count; i++)
		if (!rate || limiters[i]->bucket.rate < rate)
			rate = limiters[i]->bucket.rate;
	return rate;
}

static uint32_t weight_of(const struct web_request *request)
{
	static const uint32_t share[] = {
		[WEB_PRIORITY_NONE] = SHARE_OF_NORMAL,
		[WEB_PRIORITY_HIGH] = SHARE_OF_HIGH,
		[WEB_PRIORITY_NORMAL] = SHARE_OF_NORMAL,
		[WEB_PRIORITY_LOW] = SHARE_OF_LOW,
	};
	uint32_t weight = request->grant->limits.weight;

	if (!weight)
		weight = LIMIT_WEIGHT_NORMAL;
	weight = weight * share[request->priority] / SHARE_OF_NORMAL;
	return weight ? weight : 1;
}

void web_limit_leave(struct web_request *request)
{
	limit_queue_remove(&request->flow);
	request->waits_for = NULL;
	request->throttled = false;
}

static void wait_for(struct web_request *request, struct web_limiter *limiter)
{
	if (request->waits_for != limiter) {
		limit_queue_remove(&request->flow);
		request->waits_for = limiter;
	}
	limit_queue_add(&limiter->queue, &request->flow);
	request->throttled = true;
	web_set_wake(request->set); /* arms the timer */
}

size_t web_limit_allow(struct web_request *request, size_t want)
{
	struct web_limiter *limiters[3];
	unsigned int count;
	uint64_t now_ns;

	/* Most have no rate at all. */
	if (list_empty(&request->set->limiters))
		return want;
	count = limiters_of(request, limiters);
	if (!count)
		return want;
	if (request->has_turn && !request->allowance) {
		request->throttled = true; /* it still is in the queue */
		return 0;
	}
	now_ns = uv_hrtime();
	for (unsigned int i = 0; i < count; i++) {
		struct web_limiter *limiter = limiters[i];
		uint64_t tokens = limit_bucket_tokens(&limiter->bucket, now_ns);
		uint64_t least = limit_bucket_grain(&limiter->bucket);

		if (least > want || request->has_turn)
			least = request->has_turn ? 1 : want;
		if (tokens < least ||
		    (!request->has_turn &&
		     !limit_queue_is_empty(&limiter->queue))) {
			wait_for(request, limiter);
			return 0;
		}
		if (want > tokens)
			want = (size_t)tokens;
	}
	if (request->has_turn && want > request->allowance)
		want = (size_t)request->allowance;
	return want;
}

void web_limit_spend(struct web_request *request, size_t octets)
{
	struct web_limiter *limiters[3];
	unsigned int count;

	request->grant->stats.octets += octets;
	request->set->domain.stats.octets += octets;
	if (list_empty(&request->set->limiters))
		return;
	count = limiters_of(request, limiters);
	for (unsigned int i = 0; i < count; i++)
		limit_bucket_take(&limiters[i]->bucket, octets);
	if (request->has_turn)
		request->allowance -= octets < request->allowance
					      ? octets
					      : request->allowance;
}

/* ---- turns -------------------------------------------------------------- */

static uint64_t part_of(const struct web_limiter *limiter)
{
	uint64_t part = limiter->bucket.burst / 16;

	if (part < PART_MIN)
		return PART_MIN;
	return part < PART_MAX ? part : PART_MAX;
}

/* The first of the queue takes what it may of the tokens there are. */
static void give_turn(struct web_limiter *limiter, struct limit_flow *flow,
		      uint64_t tokens)
{
	struct web_request *request = request_of(flow);
	uint64_t given;

	limit_flow_begin(flow, part_of(limiter), weight_of(request));
	given = flow->credit < tokens ? flow->credit : tokens;
	request->allowance = given;
	request->has_turn = true;
	request->throttled = false;
	web_exchange_go_on(request);
	request->has_turn = false;
	/* It may have ended, or wait elsewhere: then it is not in here. */
	if (request->waits_for != limiter)
		return;
	given -= request->allowance;
	if (!request->throttled) {
		/* Nothing more to move; fresh it stays if it took little. */
		limit_flow_take(&limiter->queue, flow, given);
		web_limit_leave(request);
		web_request_update_stalled(request);
		return;
	}
	limit_flow_take(&limiter->queue, flow, given);
}

/* Until when the set may sleep, for the sake of one limiter. */
static uint64_t limiter_turn(struct web_limiter *limiter, unsigned int *turns)
{
	uint64_t grain = limit_bucket_grain(&limiter->bucket);
	uint64_t now_ns = uv_hrtime();
	uint64_t tokens = limit_bucket_tokens(&limiter->bucket, now_ns);
	struct limit_flow *flow;

	if (!limiter->bucket.rate) {
		let_all_go_on(limiter);
		return UINT64_MAX;
	}
	limiter->bucket.waited_for = !limit_queue_is_empty(&limiter->queue);
	if (tokens < grain && limiter->bucket.waited_for)
		return limit_bucket_wait_ns(&limiter->bucket, grain, now_ns);
	while ((flow = limit_queue_first(&limiter->queue))) {
		tokens = limit_bucket_tokens(&limiter->bucket, now_ns);
		if (!tokens)
			return limit_bucket_wait_ns(&limiter->bucket, grain,
						    now_ns);
		if (!*turns)
			return 0;
		--*turns;
		give_turn(limiter, flow, tokens);
	}
	limiter->bucket.waited_for = false;
	limiter->bucket.missed = 0;
	return UINT64_MAX;
}

static void on_refill(uv_timer_t *timer)
{
	web_set_wake(timer->data);
}

void web_limit_turn(struct web_service_set *set)
{
	uint64_t least_ns = UINT64_MAX;
	unsigned int turns = TURNS_MAX;
	struct list_node *node;
	struct list_node *after;

	if (list_empty(&set->limiters))
		return;
	list_for_each_safe(node, after, &set->limiters)
	{
		struct web_limiter *limiter =
			container_of(node, struct web_limiter, link);
		uint64_t wait_ns = limiter_turn(limiter, &turns);

		if (wait_ns < least_ns)
			least_ns = wait_ns;
		if (!limiter->bucket.rate)
			list_remove(&limiter->link);
	}
	if (least_ns == UINT64_MAX) {
		uv_timer_stop(&set->refill);
		return;
	}
	if (!least_ns) {
		web_set_wake(set);
		return;
	}
	uv_update_time(set->loop);
	uv_timer_start(&set->refill, on_refill,
		       (least_ns + NS_PER_MS - 1) / NS_PER_MS, 0);
}
