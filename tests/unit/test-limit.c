// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-limit.c - token buckets and fair queues, on a simulated clock.
 */
#include "backend/service/limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

__extension__ typedef unsigned __int128 wide;

#define SECOND UINT64_C(1000000000)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t seed = 1;

static uint64_t number(uint64_t below)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (seed >> 33) % below;
}

struct rate_case {
	uint64_t rate;
	uint64_t burst;
	uint64_t step_ns;  /* the clock is looked at about so often */
	uint64_t want_max; /* octets that are asked for at once */
};

static const struct rate_case rate_cases[] = {
	{1 << 20, 65536, 1000000, 65536},
	{1 << 20, 0, 1000000, 1460},
	{1 << 20, 65536, 1, 1},	   /* far below a token a look */
	{1024, 0, 10000000, 4096}, /* the slowest rule */
	{7, 2, 1000003, 1},	   /* nothing divides anything */
	{UINT64_C(1) << 40, 0, 1000000, UINT64_C(1) << 40},
	{999999937, 65536, 50000, 65536},
};

/* A taker that always waits gets the rate, to the octet. */
static void the_rate_is_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rate_cases); i++) {
		const struct rate_case *c = &rate_cases[i];
		struct limit_bucket bucket = {0};
		uint64_t now = SECOND * 1000 + 7;
		uint64_t start = now;
		uint64_t taken = 0;
		uint64_t burst;

		limit_bucket_set(&bucket, c->rate, c->burst, now);
		burst = bucket.burst;
		assert_int_equal(limit_bucket_tokens(&bucket, now), burst);
		limit_bucket_take(&bucket, burst);
		for (int n = 0; n < 1000000 && now < start + 10 * SECOND; n++) {
			uint64_t tokens;

			now += 1 + number(c->step_ns);
			tokens = limit_bucket_tokens(&bucket, now);
			assert_true(tokens < burst); /* none was lost */
			if (tokens > c->want_max)
				tokens = number(c->want_max) + 1;
			limit_bucket_take(&bucket, tokens);
			taken += tokens;
		}
		taken += bucket.tokens;
		assert_int_equal(taken, (wide)c->rate * (now - start) / SECOND);
	}
}

/* In no window is more taken than burst and rate allow, idle or not. */
static void a_burst_is_never_exceeded(void **state)
{
	struct limit_bucket bucket = {0};
	uint64_t now = 1;
	uint64_t start[64] = {0};
	uint64_t since[64] = {0};

	(void)state;
	limit_bucket_set(&bucket, 1 << 20, 65536, now);
	for (int i = 0; i < 64; i++)
		start[i] = now;
	for (int n = 0; n < 200000; n++) {
		uint64_t tokens;

		now += number(n % 100 ? 1000000 : SECOND);
		tokens = number(limit_bucket_tokens(&bucket, now) + 1);
		limit_bucket_take(&bucket, tokens);
		if (n % 1000 == 0) {
			start[n / 1000 % 64] = now;
			since[n / 1000 % 64] = 0;
		}
		for (int i = 0; i < 64; i++) {
			since[i] += tokens;
			assert_true(since[i] <=
				    65536 +
					    (now - start[i]) / 1000 *
						    (1 << 20) / 1000000 +
					    2);
		}
	}
}

/* Sleeping as long as it says is enough, and one nanosecond less is not. */
static void a_wait_is_exact(void **state)
{
	struct limit_bucket bucket = {0};
	uint64_t now = 12345;

	(void)state;
	limit_bucket_set(&bucket, 1048573, 65536, now);
	for (int n = 0; n < 10000; n++) {
		uint64_t want = 1 + number(65536);
		uint64_t wait = limit_bucket_wait_ns(&bucket, want, now);

		if (wait) {
			struct limit_bucket early = bucket;

			assert_true(limit_bucket_tokens(&early,
							now + wait - 1) < want);
		}
		now += wait;
		assert_true(limit_bucket_tokens(&bucket, now) >= want);
		limit_bucket_take(&bucket, want);
	}
	/* More than fits is waited for only until it is full. */
	assert_true(limit_bucket_wait_ns(&bucket, UINT64_MAX, now) <= SECOND);
}

static void a_changed_rate_holds_at_once(void **state)
{
	struct limit_bucket bucket = {0};

	(void)state;
	assert_int_equal(limit_bucket_tokens(&bucket, 5), UINT64_MAX);
	assert_int_equal(limit_bucket_wait_ns(&bucket, 5, 5), 0);
	limit_bucket_set(&bucket, 1000000, 10000, SECOND);
	limit_bucket_take(&bucket, 9000);
	/* What it holds stays, what was earned counts at the old rate. */
	limit_bucket_set(&bucket, 1000, 5000, SECOND + 1000000);
	assert_int_equal(limit_bucket_tokens(&bucket, SECOND + 1000000), 2000);
	assert_int_equal(limit_bucket_tokens(&bucket, 2 * SECOND + 1000000),
			 3000);
	/* A smaller burst takes what is beyond it. */
	limit_bucket_set(&bucket, 1000, 100, 2 * SECOND + 1000000);
	assert_int_equal(limit_bucket_tokens(&bucket, 2 * SECOND + 1000000),
			 100);
	/* A clock that goes back gives nothing and takes nothing. */
	assert_int_equal(limit_bucket_tokens(&bucket, 1), 100);
	limit_bucket_set(&bucket, 0, 0, 3 * SECOND);
	assert_int_equal(limit_bucket_tokens(&bucket, 3 * SECOND), UINT64_MAX);
}

/* Woken too late now and then, but never above what is promised. */
static void what_came_too_late_is_made_up_for(void **state)
{
	struct limit_bucket bucket = {0};
	uint64_t now = SECOND;
	uint64_t window = 0, window_at = now;
	uint64_t taken = 0;

	(void)state;
	limit_bucket_set(&bucket, 1 << 20, 65536, now);
	limit_bucket_take(&bucket, 65536);
	bucket.waited_for = true;
	for (int n = 0; n < 10000; n++) {
		uint64_t tokens;

		/* 5 % of the time is lost beyond the burst. */
		now += n % 100 ? 10000000 : 112000000;
		tokens = limit_bucket_tokens(&bucket, now);
		limit_bucket_take(&bucket, tokens);
		taken += tokens;
		if (n % 7 == 0) {
			window = 0;
			window_at = now;
			continue;
		}
		window += tokens;
		assert_true(window <= 65536 +
					      (now - window_at) / 1000 * 11 *
						      (1 << 20) / 10000000 +
					      1);
	}
	assert_in_range(taken,
			(now - SECOND) / 1000 * (1 << 20) / 1000000 * 99 / 100,
			(now - SECOND) / 1000 * (1 << 20) / 1000000);
	/* Nobody waited: what ran over is gone. */
	limit_bucket_set(&bucket, 1 << 20, 65536, now);
	bucket.waited_for = false;
	assert_int_equal(limit_bucket_tokens(&bucket, now + 9 * SECOND), 65536);
	assert_int_equal(bucket.missed, 0);
}

static void a_default_burst_is_small(void **state)
{
	static const struct {
		uint64_t rate;
		uint64_t burst;
	} cases[] = {
		{1024, 4096},	  {65536, 4096},
		{131072, 8192},	  {1 << 20, 65536},
		{4 << 20, 65536}, {100000000, 1000000}, /* 10 ms */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct limit_bucket bucket = {0};

		limit_bucket_set(&bucket, cases[i].rate, 0, 1);
		assert_int_equal(bucket.burst, cases[i].burst);
	}
}

/* ---- queues ------------------------------------------------------------- */

enum { FLOWS = 5, PART = 2048 };

/* Gives tokens octets in pieces to flows that always want more. */
static void serve(struct limit_queue *queue, struct limit_flow *flows,
		  const uint32_t *weights, uint64_t *got, uint64_t tokens,
		  uint64_t piece)
{
	while (tokens) {
		struct limit_flow *flow = limit_queue_first(queue);
		uint64_t octets;

		assert_non_null(flow);
		limit_flow_begin(flow, PART, weights[flow - flows]);
		octets = flow->credit < piece ? flow->credit : piece;
		if (octets > tokens)
			octets = tokens;
		got[flow - flows] += octets;
		tokens -= octets;
		limit_flow_take(queue, flow, octets);
	}
}

/* Whatever the pieces in which tokens come. */
static void shares_are_as_the_weights(void **state)
{
	static const uint32_t weights[FLOWS] = {100, 200, 100, 1000, 25};
	static const uint64_t pieces[] = {1, 100, 1500, 65536};
	const uint64_t sum = 1425, all = 10000000;

	(void)state;
	for (size_t p = 0; p < COUNT(pieces); p++) {
		struct limit_queue queue;
		struct limit_flow flows[FLOWS];
		uint64_t got[FLOWS] = {0};

		limit_queue_init(&queue);
		for (int i = 0; i < FLOWS; i++) {
			limit_flow_init(&flows[i]);
			limit_queue_add(&queue, &flows[i]);
			limit_queue_add(&queue, &flows[i]); /* no error */
		}
		serve(&queue, flows, weights, got, all, pieces[p]);
		for (int i = 0; i < FLOWS; i++) {
			uint64_t fair = all * weights[i] / sum;

			assert_in_range(got[i], fair - fair / 100,
					fair + fair / 100);
		}
	}
}

static void a_fresh_flow_goes_first(void **state)
{
	static const uint32_t weights[FLOWS] = {100, 100, 100, 100, 100};
	struct limit_queue queue;
	struct limit_flow flows[FLOWS];
	uint64_t got[FLOWS] = {0};

	(void)state;
	limit_queue_init(&queue);
	for (int i = 0; i < 4; i++) {
		limit_flow_init(&flows[i]);
		limit_queue_add(&queue, &flows[i]);
	}
	serve(&queue, flows, weights, got, 100 * PART, 512);
	limit_flow_init(&flows[4]);
	limit_queue_add(&queue, &flows[4]);
	/* At most the part that another has begun is before it. */
	assert_ptr_equal(limit_queue_first(&queue), &flows[4]);
	got[4] = 0;
	serve(&queue, flows, weights, got, PART, 512);
	assert_int_equal(got[4], PART);
	limit_queue_remove(&flows[4]);
	limit_queue_remove(&flows[4]); /* no error */
	for (int i = 0; i < 4; i++)
		limit_queue_remove(&flows[i]);
	assert_true(limit_queue_is_empty(&queue));
	assert_null(limit_queue_first(&queue));
}

/* One that is new each time must not starve the one that is not. */
static void a_flood_of_fresh_flows_starves_nobody(void **state)
{
	struct limit_queue queue;
	struct limit_flow bulk;
	struct limit_flow small[1000];
	uint64_t got = 0;

	(void)state;
	limit_queue_init(&queue);
	limit_flow_init(&bulk);
	bulk.steady = true;
	limit_queue_add(&queue, &bulk);
	for (int i = 0; i < 1000; i++) {
		struct limit_flow *flow;

		limit_flow_init(&small[i]);
		limit_queue_add(&queue, &small[i]);
		flow = limit_queue_first(&queue);
		limit_flow_begin(flow, PART, 100);
		if (flow == &bulk)
			got += PART;
		limit_flow_take(&queue, flow, PART);
		if (flow != &bulk)
			limit_queue_remove(flow);
	}
	assert_true(got >= 1000 / (LIMIT_FRESH_RUN + 2) * PART);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rate_is_exact),
		cmocka_unit_test(a_burst_is_never_exceeded),
		cmocka_unit_test(a_wait_is_exact),
		cmocka_unit_test(a_changed_rate_holds_at_once),
		cmocka_unit_test(what_came_too_late_is_made_up_for),
		cmocka_unit_test(a_default_burst_is_small),
		cmocka_unit_test(shares_are_as_the_weights),
		cmocka_unit_test(a_fresh_flow_goes_first),
		cmocka_unit_test(a_flood_of_fresh_flows_starves_nobody),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
