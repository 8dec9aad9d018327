// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-http2.c - promises of the web function to HTTP/2 clients, and of
 * the service set whatever the protocol.
 */
#define _GNU_SOURCE
#include "tests/unit/web-bed.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bed *bed;
static struct upstream *up;
static struct guest_pipe *guest;
static struct h2_client client;

static int setup(void **state)
{
	(void)state;
	bed = bed_create();
	up = upstream_create(bed);
	bed_grant(bed, "catalog", &up, 1, NULL);
	guest = &bed->pipes[0];
	guest_open(guest);
	h2_start(&client, guest, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (client.session)
		h2_stop(&client);
	bed_destroy(bed);
	return 0;
}

#define assert_has(text, what) assert_non_null(strstr(text, what))
#define assert_has_not(text, what) assert_null(strstr(text, what))
#define NV(n, v)                                                               \
	{                                                                      \
		(uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v),          \
			sizeof(n) - 1, sizeof(v) - 1, NGHTTP2_NV_FLAG_NONE     \
	}

static bool is_closed(void *context)
{
	return ((struct h2_stream *)context)->closed || guest->reset;
}

static bool are_closed(void *context)
{
	(void)context;
	return client.closed == client.count || guest->reset;
}

static struct h2_stream *get(const char *path)
{
	struct h2_stream *stream =
		h2_request(&client, "GET", "catalog", path, -1, NULL, 0);

	h2_flush(&client);
	return stream;
}

static void until_closed(struct h2_stream *stream)
{
	assert_true(bed_until(bed, is_closed, stream));
	assert_true(stream->closed);
}

static void page_comes(void **state)
{
	struct h2_stream *stream = get("/hello");

	(void)state;
	until_closed(stream);
	assert_int_equal(stream->status, 200);
	assert_string_equal(stream->body, "hello\n");
	assert_has(stream->headers, "content-length: 6\n");
	assert_has(up->head, "Via: 2.0 2virt\r\n");
}

static void preface_in_pieces(void **state)
{
	(void)state;
	guest_close(guest);
	h2_stop(&client);
	guest->piece = 1;
	guest_open(guest);
	h2_start(&client, guest, false);
	page_comes(state);
}

static void broken_preface_is_refused(void **state)
{
	(void)state;
	guest_close(guest);
	h2_stop(&client);
	guest_open(guest);
	guest_send_text(guest, "PRI * HTTP/2.0\r\n\r\nSM\r\nXXXX");
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 501 ");
	guest_open(guest);
	guest_send_text(guest, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nnot a frame at "
			       "all, this is");
	assert_true(bed_until_over(guest));
	guest_open(guest);
	guest_send_text(guest, "PRI * HT");
	guest_shutdown(guest);
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 400 ");
}

static void two_hundred_streams_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		h2_request(&client, "GET", "catalog", "/hello", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	for (unsigned int i = 0; i < client.count; i++) {
		assert_int_equal(client.streams[i].status, 200);
		assert_string_equal(client.streams[i].body, "hello\n");
	}
	assert_true(up->connections <= 128);
}

static void answers_of_all_kinds(void **state)
{
	struct h2_stream *streams[] = {get("/chunked"), get("/toclose"),
				       get("/empty"),	get("/notmodified"),
				       get("/interim"), get("/hop"),
				       get("/redirect")};
	struct h2_stream *head =
		h2_request(&client, "HEAD", "catalog", "/", -1, NULL, 0);

	(void)state;
	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	assert_string_equal(streams[0]->body, "firstsecond");
	assert_has_not(streams[0]->headers, "transfer-encoding");
	assert_string_equal(streams[1]->body, "up to the end");
	assert_int_equal(streams[2]->status, 204);
	assert_int_equal(streams[3]->status, 304);
	assert_string_equal(streams[4]->body, "ok");
	assert_string_equal(streams[5]->headers,
			    "x-stay: 2\ncontent-length: 2\n");
	assert_int_equal(streams[6]->status, 302);
	assert_int_equal(head->status, 200);
	assert_has(head->headers, "content-length: 6\n");
	assert_int_equal(head->received, 0);
}

static void refusals(void **state)
{
	static const nghttp2_nv expect[] = {NV("expect", "miracles")};
	static const nghttp2_nv host[] = {NV("host", "other")};
	static const nghttp2_nv hosts[] = {NV("host", "catalog"),
					   NV("host", "catalog")};
	const struct {
		struct h2_stream *stream;
		int status;
	} cases[] = {
		{h2_request(&client, "GET", "nowhere", "/", -1, NULL, 0), 403},
		{h2_request(&client, "GET", "a b", "/", -1, NULL, 0), 400},
		{h2_request(&client, "GET", "u@catalog", "/", -1, NULL, 0),
		 400},
		{h2_request(&client, "GET", "catalog", "/a#b", -1, NULL, 0),
		 400},
		{h2_request(&client, "BREW", "catalog", "/", -1, NULL, 0), 501},
		{h2_request(&client, "GET", "catalog", "/", -1, expect, 1),
		 417},
		{h2_request(&client, "GET", "catalog", "/", -1, host, 1), 400},
		{h2_request(&client, "GET", "catalog", "/", -1, hosts, 2), 400},
		{h2_request(&client, "GET", "CATALOG:8080", "/", -1, NULL, 0),
		 200},
		{h2_request(&client, "POST", "nowhere", "/", 100000, NULL, 0),
		 403},
	};

	(void)state;
	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (cases[i].stream->status != cases[i].status &&
		    !(cases[i].status == 400 && cases[i].stream->error))
			fail_msg("case %zu: %d", i, cases[i].stream->status);
	assert_int_equal(up->requests, 1);
	/* And the session is well. */
	page_comes(state);
}

/* nghttp2's client sends them as they are. */
static void forbidden_headers_reset_the_stream(void **state)
{
	static const nghttp2_nv bad[][1] = {
		{NV("connection", "close")},
		{NV("transfer-encoding", "chunked")},
		{NV("X-Upper", "a")},
		{NV("x-bad", "a\nb")},
		{NV("te", "gzip")},
		{NV(":late", "a")},
		{NV("keep-alive", "1")},
		{NV("upgrade", "h2c")},
	};

	(void)state;
	/* Written by hand: the client library would mend some of these. */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		nghttp2_hd_deflater *deflater;
		nghttp2_nv nva[] = {NV(":method", "GET"), NV(":scheme", "http"),
				    NV(":path", "/bad"),
				    NV(":authority", "catalog"), bad[i][0]};
		uint8_t frame[512] = {0, 0, 0, 1, 5, 0, 0, 0, 1};
		static const uint8_t settings[9] = {0, 0, 0, 4};
		ssize_t len;

		for (size_t j = 0; j < 5; j++)
			nva[j].flags = NGHTTP2_NV_FLAG_NO_COPY_NAME;
		nghttp2_hd_deflate_new(&deflater, 4096);
		len = nghttp2_hd_deflate_hd(deflater, frame + 9, 500, nva, 5);
		assert_true(len > 0);
		nghttp2_hd_deflate_del(deflater);
		frame[1] = (uint8_t)(len >> 8);
		frame[2] = (uint8_t)len;
		guest_close(guest);
		guest->on_data = NULL;
		guest_open(guest);
		guest_send_text(guest, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
		guest_send(guest, settings, sizeof(settings));
		guest_send(guest, frame, 9 + (size_t)len);
		bed_run_ms(bed, 30);
		/* RST_STREAM of stream 1, and no upstream has seen it. */
		assert_true(guest->reset || guest->ended ||
			    memmem(guest->text, guest->text_len,
				   "\0\0\4\3\0\0\0\0\1\0\0\0\1", 13));
		assert_int_equal(up->requests, 0);
	}
}

static void header_bombs(void **state)
{
	static char value[8000];
	nghttp2_nv more[8];
	struct h2_stream *stream;

	(void)state;
	memset(value, 'x', sizeof(value));
	for (size_t i = 0; i < 8; i++)
		more[i] = (nghttp2_nv){(uint8_t *)(uintptr_t) "x-bomb",
				       (uint8_t *)value, 6, sizeof(value),
				       NGHTTP2_NV_FLAG_NO_INDEX};
	stream = h2_request(&client, "GET", "catalog", "/", -1, more, 8);
	h2_flush(&client);
	assert_true(bed_until(bed, is_closed, stream));
	/* 431, or the session is ended for it. */
	assert_true(stream->status == 431 || stream->error || client.goaway);
	assert_int_equal(up->requests, 0);
}

/* One indexed header of 4 KiB, named by one octet each, 60,000 times. */
static void compression_bomb(void **state)
{
	static uint8_t frame[70000];
	nghttp2_hd_deflater *deflater;
	static char value[3900];
	nghttp2_nv nva[] = {NV(":method", "GET"), NV(":scheme", "http"),
			    NV(":path", "/"), NV(":authority", "catalog"),
			    NV("x-b", "")};
	size_t len;
	ssize_t n;

	(void)state;
	memset(value, 'x', sizeof(value));
	nva[4].value = (uint8_t *)value;
	nva[4].valuelen = sizeof(value);
	nghttp2_hd_deflate_new(&deflater, 4096);
	n = nghttp2_hd_deflate_hd(deflater, frame + 9, 8000, nva, 5);
	nghttp2_hd_deflate_del(deflater);
	assert_true(n > 0);
	memset(frame + 9 + n, 0xbe, 60000);
	len = (size_t)n + 60000;
	frame[0] = (uint8_t)(len >> 16);
	frame[1] = (uint8_t)(len >> 8);
	frame[2] = (uint8_t)len;
	frame[3] = 1;
	frame[4] = 5;
	frame[8] = 1;
	bed_run_ms(bed, 20);
	guest_send(guest, frame, 9 + len);
	bed_run_ms(bed, 200);
	assert_int_equal(up->requests, 0);
	assert_true(mallinfo2().uordblks < 64 << 20);
}

static void rapid_reset_is_stopped(void **state)
{
	(void)state;
	/* Far more than the burst that is allowed. */
	for (int round = 0; round < 100 && !client.goaway && !guest->reset;
	     round++) {
		h2_stop(&client);
		guest_close(guest);
		guest_open(guest);
		h2_start(&client, guest, false);
		for (int i = 0; i < 500; i++) {
			struct h2_stream *stream =
				h2_request(&client, "GET", "catalog", "/silent",
					   -1, NULL, 0);
			h2_flush(&client);
			nghttp2_submit_rst_stream(client.session, 0, stream->id,
						  NGHTTP2_CANCEL);
			h2_flush(&client);
		}
		bed_run_ms(bed, 5);
		break;
	}
	bed_run_ms(bed, 100);
	/* Whatever became of the session, nothing is left running. */
	assert_true(up->open <= 128);
	guest_close(guest);
	bed_run_ms(bed, 100);
	{
		struct web_service_stats stats;

		web_service_set_stats(bed->services, "catalog", &stats);
		assert_int_equal(stats.active, 0);
	}
}

static void raw_rapid_reset_ends_the_session(void **state)
{
	static const uint8_t settings[9] = {0, 0, 0, 4};
	/* HEADERS: GET http / of "catalog", all but the last from the tables */
	uint8_t headers[] = {0,	  0,   12,   1,	   5,	 0,    0,
			     0,	  1,   0x82, 0x86, 0x84, 0x01, 7,
			     'c', 'a', 't',  'a',  'l',	 'o',  'g'};
	uint8_t reset[] = {0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8};

	(void)state;
	h2_stop(&client);
	guest_close(guest);
	guest_open(guest);
	guest_send_text(guest, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	guest_send(guest, settings, sizeof(settings));
	for (uint32_t id = 1; id < 6000; id += 2) {
		for (int i = 0; i < 4; i++)
			headers[5 + i] = reset[5 + i] =
				(uint8_t)(id >> (24 - 8 * i));
		guest_send(guest, headers, sizeof(headers));
		guest_send(guest, reset, sizeof(reset));
	}
	assert_true(bed_until_over(guest));
}

static void stalled_window_stops_only_its_stream(void **state)
{
	struct h2_stream *stalled;
	struct h2_stream *after;

	(void)state;
	guest_close(guest);
	h2_stop(&client);
	guest_open(guest);
	h2_start(&client, guest, true);
	stalled = get("/big/100000000");
	bed_run_ms(bed, 200);
	assert_int_equal(stalled->received, 65535);
	for (int i = 0; i < 100; i++)
		get("/big/100000000");
	bed_run_ms(bed, 100);
	after = get("/hello");
	until_closed(after);
	assert_string_equal(after->body, "hello\n");
	assert_false(stalled->closed);
}

static void large_download(void **state)
{
	size_t before;
	struct h2_stream *stream;

	(void)state;
	until_closed(get("/big/3000000"));
	before = mallinfo2().uordblks;
	stream = get("/big/104857600");
	until_closed(stream);
	assert_true(stream->received == 104857600);
	assert_true(mallinfo2().uordblks < before + (4 << 20));
}

static void large_upload(void **state)
{
	size_t before = mallinfo2().uordblks;
	struct h2_stream *stream = h2_request(&client, "POST", "catalog",
					      "/sink", 104857600, NULL, 0);

	(void)state;
	h2_flush(&client);
	until_closed(stream);
	assert_int_equal(stream->status, 200);
	assert_has(stream->headers, "x-body: 104857600\n");
	assert_true(mallinfo2().uordblks < before + (8 << 20));
}

static void upload_waits_for_the_upstream(void **state)
{
	struct h2_stream *stream;
	struct h2_stream *after;

	(void)state;
	upstream_hold(up, true);
	stream = h2_request(&client, "POST", "catalog", "/sink", 50000000, NULL,
			    0);
	h2_flush(&client);
	bed_run_ms(bed, 300);
	/* Window and socket buffers hold some; most is still unsent. */
	assert_true(stream->to_send > 30000000);
	upstream_hold(up, false);
	after = get("/hello");
	until_closed(after);
	until_closed(stream);
	assert_has(stream->headers, "x-body: 50000000\n");
}

static void continue_comes_before_the_body(void **state)
{
	static const nghttp2_nv expect[] = {NV("expect", "100-continue")};
	struct h2_stream *stream =
		h2_request(&client, "PUT", "catalog", "/x", 5, expect, 1);

	(void)state;
	h2_flush(&client);
	until_closed(stream);
	assert_true(stream->continued);
	assert_has(stream->headers, "x-body: 5\n");
}

static void cut_answers_reset_the_stream(void **state)
{
	const struct web_service_config quick = {.response_timeout_ms = 300,
						 .idle_timeout_ms = 300};
	struct h2_stream *half;
	struct h2_stream *stall;
	struct h2_stream *silent;

	(void)state;
	bed_grant(bed, "catalog", &up, 1, &quick);
	half = get("/half");
	stall = get("/stall");
	silent = get("/silent");
	until_closed(half);
	until_closed(stall);
	until_closed(silent);
	assert_int_equal(half->status, 200);
	assert_int_equal(half->error, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(stall->error, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(silent->status, 504);
	page_comes(state);
}

static bool upstream_idle(void *context)
{
	return ((struct upstream *)context)->open == 0;
}

static void reset_and_close_cancel_upstream(void **state)
{
	struct h2_stream *stream = get("/silent");

	(void)state;
	bed_run_ms(bed, 30);
	assert_int_equal(up->open, 1);
	nghttp2_submit_rst_stream(client.session, 0, stream->id,
				  NGHTTP2_CANCEL);
	h2_flush(&client);
	assert_true(bed_until(bed, upstream_idle, up));
	for (int i = 0; i < 10; i++)
		get("/silent");
	bed_run_ms(bed, 50);
	assert_int_equal(up->open, 10);
	guest_close(guest);
	assert_true(bed_until(bed, upstream_idle, up));
}

static void revoking_cuts_streams(void **state)
{
	struct h2_stream *begun = get("/stall");
	struct h2_stream *waits = get("/silent");
	struct upstream *kept = upstream_create(bed);
	struct h2_stream *other;

	(void)state;
	bed_grant(bed, "kept", &kept, 1, NULL);
	bed_run_ms(bed, 50);
	assert_int_equal(web_service_set_remove(bed->services, "catalog"), 0);
	until_closed(begun);
	until_closed(waits);
	assert_int_equal(begun->error, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(waits->status, 403);
	other = h2_request(&client, "GET", "kept", "/hello", -1, NULL, 0);
	h2_flush(&client);
	until_closed(other);
	assert_int_equal(other->status, 200);
}

static void cookies_in_pieces_are_joined(void **state)
{
	static const nghttp2_nv cookies[] = {
		NV("cookie", "a=1"), NV("cookie", "b=2"),
		NV("x-2virt-domain", "forged"), NV("te", "trailers")};
	struct h2_stream *stream =
		h2_request(&client, "GET", "catalog", "/", -1, cookies, 4);

	(void)state;
	h2_flush(&client);
	until_closed(stream);
	assert_has(up->head, "Cookie: a=1; b=2\r\n");
	assert_has(up->head, "X-2Virt-Domain: guest1\r\n");
	assert_has_not(up->head, "forged");
	assert_has_not(up->head, "railers");
}

/* ---- services ----------------------------------------------------------- */

static void requests_go_round(void **state)
{
	struct upstream *ups[3] = {up, upstream_create(bed),
				   upstream_create(bed)};

	(void)state;
	bed_grant(bed, "cluster", ups, 3, NULL);
	for (int i = 0; i < 30; i++) {
		h2_request(&client, "GET", "cluster", "/", -1, NULL, 0);
		h2_flush(&client);
		assert_true(bed_until(bed, are_closed, NULL));
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(ups[i]->requests, 10);
}

static void dead_upstreams_are_passed_over(void **state)
{
	struct upstream *ups[3] = {up, upstream_create(bed),
				   upstream_create(bed)};

	(void)state;
	bed_grant(bed, "cluster", ups, 3, NULL);
	for (int i = 0; i < 60; i++) {
		if (i == 20)
			upstream_kill(ups[0]);
		if (i == 40)
			upstream_kill(ups[2]);
		h2_request(&client, "GET", "cluster", "/hello", -1, NULL, 0);
		h2_request(&client, "GET", "cluster", "/hello", -1, NULL, 0);
		h2_flush(&client);
		assert_true(bed_until(bed, are_closed, NULL));
	}
	for (unsigned int i = 0; i < client.count; i++)
		assert_int_equal(client.streams[i].status, 200);
}

static void killed_under_load(void **state)
{
	struct upstream *ups[3] = {up, upstream_create(bed),
				   upstream_create(bed)};
	unsigned int failed = 0;

	(void)state;
	bed_grant(bed, "cluster", ups, 3, NULL);
	for (int i = 0; i < 100; i++)
		h2_request(&client, "GET", "cluster", "/hello", -1, NULL, 0);
	h2_flush(&client);
	for (int i = 0; i < 5; i++)
		uv_run(&bed->loop, UV_RUN_ONCE);
	upstream_kill(ups[1]);
	for (int i = 0; i < 100; i++)
		h2_request(&client, "GET", "cluster", "/hello", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	for (unsigned int i = 0; i < client.count; i++)
		if (client.streams[i].status != 200)
			failed++;
	assert_int_equal(failed, 0);
}

static void only_idempotent_requests_are_retried(void **state)
{
	static const struct {
		const char *method;
		const char *path;
		int64_t body;
		unsigned int seen; /* by all upstreams */
	} cases[] = {
		{"GET", "/drop", -1, 3},      {"OPTIONS", "/drop", -1, 3},
		{"DELETE", "/drop", -1, 3},   {"POST", "/drop", -1, 1},
		{"PATCH", "/drop", -1, 1},    {"PUT", "/dropbody", 10, 1},
		{"PUT", "/dropmid", 2000, 1}, {"POST", "/dropbody", 10, 1},
		{"GET", "/partline", -1, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct upstream *ups[3] = {bed->upstreams[0],
					   upstream_create(bed),
					   upstream_create(bed)};
		struct h2_stream *stream;
		unsigned int seen = 0;

		bed_grant(bed, "cluster", ups, 3, NULL);
		/* Warm connections: a dead one must not be an excuse. */
		for (int j = 0; j < 3; j++) {
			stream = h2_request(&client, "GET", "cluster", "/", -1,
					    NULL, 0);
			h2_flush(&client);
			until_closed(stream);
		}
		for (int j = 0; j < 3; j++)
			ups[j]->requests = 0;
		stream = h2_request(&client, cases[i].method, "cluster",
				    cases[i].path, cases[i].body, NULL, 0);
		h2_flush(&client);
		until_closed(stream);
		assert_int_equal(stream->status, 502);
		for (int j = 0; j < 3; j++)
			seen += ups[j]->requests;
		/*
		 * A warm connection that ends costs no upstream its turn: it
		 * may be asked again, but only where a retry is allowed.
		 */
		if (cases[i].seen == 1 ? seen != 1 : seen < 3)
			fail_msg("%s %s: seen %u times", cases[i].method,
				 cases[i].path, seen);
		for (int j = 1; j < 3; j++)
			upstream_kill(ups[j]);
		bed->upstream_count = 1;
		web_service_set_remove(bed->services, "cluster");
		bed_run_ms(bed, 20);
		free(ups[1]);
		free(ups[2]);
	}
}

static void bad_configurations_are_refused(void **state)
{
	static const struct web_upstream_config good = {
		.url = "http://127.0.0.1:1"};
	static const char *const name_address[] = {"localhost"};
	static const struct {
		const char *name;
		struct web_upstream_config upstream;
	} bad[] = {
		{"", {.url = "http://127.0.0.1"}},
		{"Upper", {.url = "http://127.0.0.1"}},
		{"a/b", {.url = "http://127.0.0.1"}},
		{"a", {.url = "ftp://127.0.0.1"}},
		{"a", {.url = "127.0.0.1"}},
		{"a", {.url = "http://u:p@127.0.0.1"}},
		{"a", {.url = "http://127.0.0.1/?q"}},
		{"a", {.url = "http://name"}},
		{"a", {.url = "https://127.0.0.1"}},
		{"a", {.url = "http://"}},
		{"a", {.url = "http://name", name_address, 1}},
	};
	struct web_service_config config = {.name = "a", .upstreams = &good};

	(void)state;
	assert_true(web_service_set_put(bed->services, &config) < 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		config.name = bad[i].name;
		config.upstreams = &bad[i].upstream;
		config.upstream_count = 1;
		if (web_service_set_put(bed->services, &config) >= 0)
			fail_msg("case %zu", i);
	}
	assert_true(web_service_set_remove(bed->services, "a") < 0);
	assert_null(web_service_set_create(&(struct web_service_set_config){
		.loop = &bed->loop,
		.domain_name = "a\r\nX: b",
		.domain_uuid = "u",
	}));
}

static void base_paths_and_names(void **state)
{
	char url[64];
	const char *const address[] = {"127.0.0.1"};
	struct web_upstream_config upstream = {url, address, 1};
	struct web_service_config config = {
		.name = "named", .upstreams = &upstream, .upstream_count = 1};
	struct h2_stream *stream;

	(void)state;
	snprintf(url, sizeof(url), "http://shop.example:%d/base/", up->port);
	assert_int_equal(web_service_set_put(bed->services, &config), 0);
	stream = h2_request(&client, "GET", "named", "/a/../b?q=%20", -1, NULL,
			    0);
	h2_flush(&client);
	until_closed(stream);
	assert_int_equal(stream->status, 200);
	assert_has(up->head, "GET /base/a/../b?q=%20 HTTP/1.1\r\n");
	assert_has(up->head, "Host: shop.example:");
}

static void nothing_grows(void **state)
{
	size_t before = 0;

	(void)state;
	for (int round = 0; round < 200; round++) {
		h2_stop(&client);
		guest_close(guest);
		guest_open(guest);
		h2_start(&client, guest, false);
		for (int i = 0; i < 50; i++)
			h2_request(&client, "GET", "catalog", "/hello", -1,
				   NULL, 0);
		h2_flush(&client);
		assert_true(bed_until(bed, are_closed, NULL));
		assert_int_equal(client.streams[49].status, 200);
		if (round == 20)
			before = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks < before + 65536);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(page_comes),
		TEST(preface_in_pieces),
		TEST(broken_preface_is_refused),
		TEST(two_hundred_streams_at_once),
		TEST(answers_of_all_kinds),
		TEST(refusals),
		TEST(forbidden_headers_reset_the_stream),
		TEST(header_bombs),
		TEST(compression_bomb),
		TEST(rapid_reset_is_stopped),
		TEST(raw_rapid_reset_ends_the_session),
		TEST(stalled_window_stops_only_its_stream),
		TEST(large_download),
		TEST(large_upload),
		TEST(upload_waits_for_the_upstream),
		TEST(continue_comes_before_the_body),
		TEST(cut_answers_reset_the_stream),
		TEST(reset_and_close_cancel_upstream),
		TEST(revoking_cuts_streams),
		TEST(cookies_in_pieces_are_joined),
		TEST(requests_go_round),
		TEST(dead_upstreams_are_passed_over),
		TEST(killed_under_load),
		TEST(only_idempotent_requests_are_retried),
		TEST(bad_configurations_are_refused),
		TEST(base_paths_and_names),
		TEST(nothing_grows),
	};

	/* One test alone: its name in CMOCKA_TEST_FILTER. */
	if (getenv("CMOCKA_TEST_FILTER"))
		cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
