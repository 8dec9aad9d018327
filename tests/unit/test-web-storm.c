// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-storm.c - limits, wishes, grants and pipes change at random while
 * requests of all sorts run: nothing is lost, nothing hangs, nothing is left.
 */
#include "tests/unit/web-bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 600, NAMES = 3, STREAMS = 12 };

static const char *const names[NAMES] = {"catalog", "other", "third"};
static struct bed *bed;
static struct upstream *up;
static struct h2_client clients[BED_PIPES];
static uint32_t seed = 20261121;

static uint32_t number(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void forget_data(struct guest_pipe *pipe, const uint8_t *data,
			size_t len)
{
	(void)pipe;
	(void)data;
	(void)len;
}

static struct web_limits random_limits(void)
{
	static const char *const methods[] = {NULL, NULL, "GET", "GET,POST"};
	static const char *const paths[] = {NULL, NULL, "/b*,/e*", "/big*"};
	static const uint64_t rates[] = {0, 0, 1024, 100000, 10000000};

	return (struct web_limits){
		.methods = methods[number(4)],
		.paths = paths[number(4)],
		.rate = rates[number(5)],
		.burst = number(3) ? 0 : 1024 + number(100000),
		.rps = number(4) ? 0 : 1 + number(50),
		.streams = number(4) ? 0 : 1 + number(20),
		.pipes = number(6) ? 0 : 1 + number(3),
		.response_bytes = number(5) ? 0 : number(1000000),
		.request_bytes = number(5) ? 0 : number(100000),
		.weight = number(3) ? 0 : 1 + number(1000),
		.priority = number(WEB_PRIORITY_COUNT),
	};
}

static void end_pipe(unsigned int at)
{
	struct guest_pipe *pipe = &bed->pipes[at];

	if (clients[at].session)
		h2_stop(&clients[at]);
	pipe->on_data = forget_data;
	guest_close(pipe);
}

static void begin_pipe(unsigned int at)
{
	struct guest_pipe *pipe = &bed->pipes[at];

	guest_open(pipe);
	pipe->on_data = forget_data;
	if (at % 2)
		h2_start(&clients[at], pipe, false);
}

static void ask(unsigned int at)
{
	static const char *const paths[] = {"/hello",	"/big/300000",
					    "/endless", "/silent",
					    "/chunked", "/drop"};
	struct guest_pipe *pipe = &bed->pipes[at];
	const char *name = names[number(NAMES)];
	const char *path = paths[number(6)];
	char text[256];
	int64_t body = number(3) ? -1 : (int64_t)number(200000);

	if (pipe->reset || pipe->ended) {
		end_pipe(at);
		begin_pipe(at);
	}
	if (clients[at].session && clients[at].count + 1 < H2_STREAMS &&
	    clients[at].count - clients[at].closed < STREAMS) {
		h2_request(&clients[at], body < 0 ? "GET" : "POST", name, path,
			   body, NULL, 0);
		h2_flush(&clients[at]);
	} else if (!clients[at].session && pipe->send_len < 1000) {
		snprintf(
			text, sizeof(text),
			"GET %s HTTP/1.1\r\nHost: %s\r\nPriority: u=%u\r\n\r\n",
			path, name, number(8));
		guest_send_text(pipe, text);
	}
}

static void act(void)
{
	unsigned int at = number(BED_PIPES);
	const char *name = names[number(NAMES)];
	struct web_limits limits = random_limits();

	switch (number(12)) {
	case 0:
		web_service_set_limit(bed->services, name, &limits);
		break;
	case 1:
		limits.pipes = 0; /* the bed's pipes are to open */
		web_service_set_domain_limit(bed->services, &limits);
		break;
	case 2:
		guest_wish(&bed->pipes[at], number(4), number(2) * 50000);
		break;
	case 3:
		web_service_set_remove(bed->services, name);
		break;
	case 4:
	case 5:
		bed_grant(bed, name, &up, 1, NULL);
		break;
	case 6:
		end_pipe(at);
		begin_pipe(at);
		break;
	default:
		ask(at);
	}
}

static bool all_came(void *context)
{
	(void)context;
	return bed->pipes[0].text && strstr(bed->pipes[0].text, "hello");
}

static void nothing_is_lost_in_a_storm(void **state)
{
	struct web_service_stats stats;
	struct web_grant_stats grant;

	(void)state;
	/* Another storm each time, for those who wait for a rare one. */
	if (getenv("TV_SEED"))
		seed = (uint32_t)atoi(getenv("TV_SEED"));
	bed = bed_create();
	up = upstream_create(bed);
	for (unsigned int i = 0; i < BED_PIPES; i++)
		begin_pipe(i);
	for (int i = 0; i < ROUNDS; i++) {
		act();
		bed_run_ms(bed, 1 + number(4));
	}
	for (unsigned int i = 0; i < BED_PIPES; i++)
		end_pipe(i);
	/* All have been let go, each was told to the audit. */
	bed_run_ms(bed, 20);
	web_service_set_stats(bed->services, NULL, &stats);
	assert_int_equal(stats.active, 0);
	web_service_set_grant_stats(bed->services, NULL, &grant);
	assert_int_equal(grant.queued, 0);
	assert_int_equal(grant.requests, bed->audits);
	assert_true(grant.requests > 100);
	/* And it works as on the first day. */
	web_service_set_domain_limit(bed->services, NULL);
	web_service_set_limit(bed->services, "catalog", NULL);
	bed_grant(bed, "catalog", &up, 1, NULL);
	guest_open(&bed->pipes[0]);
	bed->pipes[0].on_data = NULL;
	guest_send_text(&bed->pipes[0],
			"GET / HTTP/1.1\r\nHost: catalog\r\n\r\n");
	assert_true(bed_until(bed, all_came, NULL));
	bed_destroy(bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_lost_in_a_storm),
	};

	return cmocka_run_group_tests_name("web-storm", tests, NULL, NULL);
}
