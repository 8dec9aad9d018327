// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-rate.c - octets a second: of pipes, grants and domains, both ways,
 * live, and shared fairly.
 */
#include "tests/unit/web-bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MIB = 1 << 20, BURST = 65536, MARGIN = 16384 };

static struct bed *bed;
static struct upstream *up;
static struct guest_pipe *guest;

static int setup(void **state)
{
	(void)state;
	bed = bed_create();
	up = upstream_create(bed);
	bed_grant(bed, "catalog", &up, 1, NULL);
	bed_grant(bed, "other", &up, 1, NULL);
	guest = &bed->pipes[0];
	for (int i = 0; i < BED_PIPES; i++)
		guest_open(&bed->pipes[i]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	bed_destroy(bed);
	return 0;
}

static void limit(const char *name, struct web_limits limits)
{
	assert_int_equal(web_service_set_limit(bed->services, name, &limits),
			 0);
}

static void limit_domain(struct web_limits limits)
{
	assert_int_equal(web_service_set_domain_limit(bed->services, &limits),
			 0);
}

static void forget_data(struct guest_pipe *pipe, const uint8_t *data,
			size_t len)
{
	(void)pipe;
	(void)data;
	(void)len;
}

static void download(struct guest_pipe *pipe, const char *service)
{
	char text[128];

	pipe->on_data = forget_data;
	snprintf(text, sizeof(text),
		 "GET /endless HTTP/1.1\r\nHost: %s\r\n\r\n", service);
	guest_send_text(pipe, text);
}

static uint64_t grant_octets(const char *name)
{
	struct web_grant_stats stats;

	assert_int_equal(
		web_service_set_grant_stats(bed->services, name, &stats), 0);
	return stats.octets;
}

/*
 * What the time that really went by allows, within a tenth.  Never more; a
 * machine that is busy with other things may have it less, so that is tried
 * again by the caller.
 */
static bool is_rate(uint64_t octets, uint64_t rate, uint64_t ns)
{
	uint64_t fair = rate * (ns / 1000) / 1000000;

	if (octets > fair + fair / 10 + BURST + 1)
		fail_msg("%llu octets, %llu would be right",
			 (unsigned long long)octets, (unsigned long long)fair);
	return octets >= fair - fair / 10;
}

enum { TRIES = 8 };

static void run_at(const char *name, uint64_t rate, unsigned int ms)
{
	for (int i = 0; i < TRIES; i++) {
		uint64_t begin = uv_hrtime();
		uint64_t before = grant_octets(name);

		bed_run_ms(bed, ms);
		if (is_rate(grant_octets(name) - before, rate,
			    uv_hrtime() - begin))
			return;
	}
	fail_msg("%s never had its rate", name);
}

static void a_download_keeps_the_rate(void **state)
{
	(void)state;
	limit("catalog", (struct web_limits){.rate = MIB});
	download(guest, "catalog");
	run_at("catalog", MIB, 1000);
	/* What the guest has is what was counted, and nothing piles up. */
	assert_true(guest->received + MARGIN >= grant_octets("catalog"));
}

static void an_upload_keeps_the_rate(void **state)
{
	static char zeros[4 * MIB];

	(void)state;
	limit("catalog", (struct web_limits){.rate = MIB});
	guest_send_text(guest, "POST /x HTTP/1.1\r\nHost: catalog\r\n"
			       "Content-Length: 4194304\r\n\r\n");
	guest_send(guest, zeros, sizeof(zeros));
	run_at("catalog", MIB, 1000);
	assert_true(up->body_octets + MARGIN >= grant_octets("catalog"));
}

/* Heads are octets too: many small requests are held to the same rate. */
static void small_requests_keep_the_rate(void **state)
{
	(void)state;
	limit("catalog", (struct web_limits){.rate = 65536});
	for (int i = 0; i < 2000; i++)
		guest_send_text(guest,
				"GET /x HTTP/1.1\r\nHost: catalog\r\n\r\n");
	run_at("catalog", 65536, 1000);
}

static void a_changed_rate_holds_for_what_runs(void **state)
{
	(void)state;
	download(guest, "catalog");
	bed_run_ms(bed, 100);
	assert_true(guest->received > 2 * MIB); /* no limit */
	limit("catalog", (struct web_limits){.rate = MIB});
	run_at("catalog", MIB, 500);
	limit("catalog", (struct web_limits){.rate = 8 * MIB});
	run_at("catalog", 8 * MIB, 500);
	limit("catalog", (struct web_limits){.rate = MIB / 4});
	bed_run_ms(bed, 20);
	run_at("catalog", MIB / 4, 500);
	limit_domain((struct web_limits){.rate = MIB / 8});
	bed_run_ms(bed, 20);
	run_at("catalog", MIB / 8, 500);
	limit_domain((struct web_limits){0});
	limit("catalog", (struct web_limits){0});
	{
		uint64_t before = guest->received;

		bed_run_ms(bed, 100);
		assert_true(guest->received - before > 2 * MIB);
	}
}

static void a_pipe_gets_the_rate_it_asks_for(void **state)
{
	(void)state;
	limit("catalog", (struct web_limits){.rate = MIB});
	assert_true(guest_wish(guest, 0, MIB / 4));
	download(guest, "catalog");
	run_at("catalog", MIB / 4, 500);
	/* More than policy has it cannot get. */
	assert_true(guest_wish(guest, 0, 100 * MIB));
	bed_run_ms(bed, 20);
	run_at("catalog", MIB, 500);
}

static void a_revoked_stream_that_waits_ends_at_once(void **state)
{
	uint64_t received;

	(void)state;
	limit("catalog", (struct web_limits){.rate = 1024});
	download(guest, "catalog");
	bed_run_ms(bed, 50);
	received = guest->received;
	web_service_set_remove(bed->services, "catalog");
	bed_run_ms(bed, 20);
	assert_true(guest->reset);
	assert_int_equal(guest->reason, TV_PIPE_REASON_REVOKED);
	assert_int_equal(guest->received, received);
}

/* ---- shares ------------------------------------------------------------- */

static void a_small_request_does_not_wait_behind_bulk(void **state)
{
	unsigned int slow = 0;

	(void)state;
	limit_domain((struct web_limits){.rate = MIB});
	for (int i = 1; i < BED_PIPES; i++)
		download(&bed->pipes[i], "catalog");
	bed_run_ms(bed, 200);
	for (int i = 0; i < 20; i++) {
		uint64_t begin = uv_hrtime();

		guest_forget(guest);
		guest_send_text(guest,
				"GET /x HTTP/1.1\r\nHost: other\r\n\r\n");
		assert_true(bed_until_text(guest, "hello"));
		/* Two waits for a grain of tokens. */
		slow += uv_hrtime() - begin > UINT64_C(50000000);
	}
	assert_true(slow <= 10);
}

static void weights_share_what_a_domain_has(void **state)
{
	(void)state;
	limit_domain((struct web_limits){.rate = MIB});
	limit("catalog", (struct web_limits){.weight = 300});
	limit("other", (struct web_limits){.weight = 100});
	download(&bed->pipes[0], "catalog");
	download(&bed->pipes[1], "other");
	bed_run_ms(bed, 300);
	for (int i = 0; i < TRIES; i++) {
		uint64_t catalog = grant_octets("catalog");
		uint64_t other = grant_octets("other");

		bed_run_ms(bed, 1000);
		catalog = grant_octets("catalog") - catalog;
		other = grant_octets("other") - other;
		/* Exact is test-limit's: an upstream may miss its turn. */
		if (catalog * 10 / other >= 24 && catalog * 10 / other <= 36)
			return;
	}
	fail_msg("%s", "never had their shares");
}

static void classes_share_what_a_domain_has(void **state)
{
	(void)state;
	limit_domain((struct web_limits){.rate = MIB});
	assert_true(guest_wish(&bed->pipes[1], TV_PIPE_PRIORITY_LOW, 0));
	download(&bed->pipes[0], "catalog");
	download(&bed->pipes[1], "other");
	bed_run_ms(bed, 300);
	for (int i = 0; i < TRIES; i++) {
		uint64_t normal = grant_octets("catalog");
		uint64_t low = grant_octets("other");

		bed_run_ms(bed, 1000);
		normal = grant_octets("catalog") - normal;
		low = grant_octets("other") - low;
		/* Exact is test-limit's: an upstream may miss its turn. */
		if (normal * 10 / low >= 30 && normal * 10 / low <= 50)
			return;
	}
	fail_msg("%s", "never had their shares");
}

/* A grant that waits for its own rate holds up no other. */
static void a_slow_grant_leaves_the_rest_to_others(void **state)
{
	(void)state;
	limit_domain((struct web_limits){.rate = MIB});
	limit("catalog", (struct web_limits){.rate = MIB / 8});
	download(&bed->pipes[0], "catalog");
	download(&bed->pipes[1], "other");
	bed_run_ms(bed, 100);
	for (int i = 0; i < TRIES; i++) {
		uint64_t begin = uv_hrtime();
		uint64_t catalog = grant_octets("catalog");
		uint64_t other = grant_octets("other");
		uint64_t ns;

		bed_run_ms(bed, 1000);
		ns = uv_hrtime() - begin;
		if (is_rate(grant_octets("catalog") - catalog, MIB / 8, ns) &&
		    is_rate(grant_octets("other") - other, MIB - MIB / 8, ns))
			return;
	}
	fail_msg("%s", "never had their rates");
}

/* ---- slow guests -------------------------------------------------------- */

/* Heads that never end and bodies that never come hold nothing for others. */
static void slow_guests_hold_up_nobody(void **state)
{
	const struct web_service_config few = {.connection_max = 2};
	static struct h2_client client;

	(void)state;
	bed_grant(bed, "few", &up, 1, &few);
	limit("few", (struct web_limits){.streams = 20});
	guest_send_text(&bed->pipes[1], "GET /x HTTP/1.1\r\nHost: few\r\nX: ");
	h2_start(&client, &bed->pipes[2], false);
	for (int i = 0; i < 30; i++)
		h2_request(&client, "POST", "few", "/x", 10, NULL, 0)->cut =
			true;
	h2_flush(&client);
	bed_run_ms(bed, 300);
	/* What is beyond the limit was refused, the others are held. */
	assert_int_equal(client.closed, 10);
	assert_true(up->connections <= 20);
	guest_send_text(guest, "GET /x HTTP/1.1\r\nHost: catalog\r\n\r\n");
	assert_true(bed_until_text(guest, "hello"));
	h2_stop(&client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_download_keeps_the_rate),
		TEST(an_upload_keeps_the_rate),
		TEST(small_requests_keep_the_rate),
		TEST(a_changed_rate_holds_for_what_runs),
		TEST(a_pipe_gets_the_rate_it_asks_for),
		TEST(a_revoked_stream_that_waits_ends_at_once),
		TEST(a_small_request_does_not_wait_behind_bulk),
		TEST(weights_share_what_a_domain_has),
		TEST(classes_share_what_a_domain_has),
		TEST(a_slow_grant_leaves_the_rest_to_others),
		TEST(slow_guests_hold_up_nobody),
	};

	return cmocka_run_group_tests_name("web-rate", tests, NULL, NULL);
}
