// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-limit.c - what a grant allows is what its guest gets: denials,
 * sizes, counts, live changes, classes, the directory, numbers and audit.
 */
#include "tests/unit/web-bed.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GET(path) "GET " path " HTTP/1.1\r\nHost: catalog\r\n\r\n"
#define assert_has(text, what) assert_non_null(strstr(text, what))
#define assert_has_not(text, what) assert_null(strstr(text, what))

enum { MIB = 1 << 20 };

static struct bed *bed;
static struct upstream *up;
static struct guest_pipe *guest;

static int setup(void **state)
{
	(void)state;
	bed = bed_create();
	up = upstream_create(bed);
	bed_grant(bed, "catalog", &up, 1, NULL);
	guest = &bed->pipes[0];
	guest_open(guest);
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

static uint64_t denials(const char *name, enum web_verdict verdict)
{
	struct web_grant_stats stats;

	assert_int_equal(
		web_service_set_grant_stats(bed->services, name, &stats), 0);
	return stats.denials[verdict];
}

/* ---- denials ------------------------------------------------------------ */

struct denial {
	const char *name;
	struct web_limits limits;
	const char *method;
	const char *host;
	const char *target;
	int64_t body;
	unsigned int status; /* 200: let through */
	enum web_verdict verdict;
};

static const struct denial denial_cases[] = {
	{"nothing is limited", {0}, "GET", "catalog", "/x", -1, 200, 0},
	{"no grant", {0}, "GET", "other", "/x", -1, 403, WEB_NO_GRANT},
	{"method allowed",
	 {.methods = "GET,HEAD"},
	 "GET",
	 "catalog",
	 "/x",
	 -1,
	 200,
	 0},
	{"method",
	 {.methods = "GET,HEAD"},
	 "DELETE",
	 "catalog",
	 "/x",
	 -1,
	 403,
	 WEB_METHOD},
	{"part of a method's name",
	 {.methods = "POSTER"},
	 "POST",
	 "catalog",
	 "/x",
	 0,
	 403,
	 WEB_METHOD},
	{"path allowed",
	 {.paths = "/api/*"},
	 "GET",
	 "catalog",
	 "/api/x?q",
	 -1,
	 200,
	 0},
	{"path",
	 {.paths = "/api/*"},
	 "GET",
	 "catalog",
	 "/secret",
	 -1,
	 403,
	 WEB_PATH},
	{"path with dots",
	 {.paths = "/api/*"},
	 "GET",
	 "catalog",
	 "/api/%2e%2E/secret",
	 -1,
	 403,
	 WEB_PATH},
	{"path that is none",
	 {.paths = "/api/*"},
	 "GET",
	 "catalog",
	 "/api/%zz",
	 -1,
	 400,
	 WEB_PATH},
	{"asterisk",
	 {.paths = "*"},
	 "OPTIONS",
	 "catalog",
	 "*",
	 -1,
	 400,
	 WEB_PATH},
	{"request of the size",
	 {.request_bytes = 1000},
	 "POST",
	 "catalog",
	 "/x",
	 1000,
	 200,
	 0},
	{"request's size",
	 {.request_bytes = 1000},
	 "POST",
	 "catalog",
	 "/x",
	 1001,
	 413,
	 WEB_REQUEST_SIZE},
	{"answer of the size",
	 {.response_bytes = 6},
	 "GET",
	 "catalog",
	 "/x",
	 -1,
	 200,
	 0},
	{"answer's size, announced",
	 {.response_bytes = 5},
	 "GET",
	 "catalog",
	 "/x",
	 -1,
	 403,
	 WEB_RESPONSE_SIZE},
	{"answer's size, in chunks",
	 {.response_bytes = 5},
	 "GET",
	 "catalog",
	 "/chunked",
	 -1,
	 403,
	 WEB_RESPONSE_SIZE},
	{"answer without a body",
	 {.response_bytes = 5},
	 "HEAD",
	 "catalog",
	 "/x",
	 -1,
	 200,
	 0},
};

static void check_verdict(const struct denial *c)
{
	const struct web_audit *audit = &bed->audit.audit;

	assert_int_equal(bed->audits, 1);
	assert_string_equal(bed->audit.service, c->host);
	assert_string_equal(bed->audit.method, c->method);
	assert_int_equal(strlen(bed->audit.path), strcspn(c->target, "?"));
	assert_int_equal(audit->status, c->status);
	assert_int_equal(audit->verdict, c->verdict);
	if (c->verdict != WEB_ALLOWED)
		assert_int_equal(denials(NULL, c->verdict), 1);
	if (c->verdict != WEB_ALLOWED && c->verdict != WEB_NO_GRANT)
		assert_int_equal(denials("catalog", c->verdict), 1);
	if (c->verdict != WEB_ALLOWED && c->verdict != WEB_RESPONSE_SIZE)
		assert_int_equal(up->requests, 0);
}

static void deny_http1(const struct denial *c)
{
	char text[4096];
	int len;

	len = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: %s\r\n",
		       c->method, c->target, c->host);
	if (c->body >= 0)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				"Content-Length: %lld\r\n", (long long)c->body);
	len += snprintf(text + len, sizeof(text) - (size_t)len, "\r\n%*s",
			c->body > 0 ? (int)c->body : 0, "");
	guest_send(guest, text, (size_t)len);
	snprintf(text, sizeof(text), "HTTP/1.1 %u ", c->status);
	assert_true(bed_until_text(guest, text));
	bed_run_ms(bed, 5);
	if (c->verdict == WEB_ALLOWED)
		return;
	assert_has(guest->text, "policy of the platform");
	assert_has(guest->text, c->host);
	assert_has(guest->text, "Ask cloud@example.org.");
}

static bool stream_is_closed(void *context)
{
	return ((struct h2_stream *)context)->closed;
}

static void deny_http2(const struct denial *c)
{
	static struct h2_client client;
	struct h2_stream *stream;

	h2_start(&client, guest, false);
	stream = h2_request(&client, c->method, c->host, c->target, c->body,
			    NULL, 0);
	/* Announced, as a length is in HTTP/1.1. */
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, stream));
	assert_int_equal(stream->status, c->status);
	if (c->verdict != WEB_ALLOWED)
		assert_has(stream->body, "Ask cloud@example.org.");
	h2_stop(&client);
}

static void each_denial_is_policy_and_says_whom_to_ask(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * COUNT(denial_cases); i++) {
		const struct denial *c = &denial_cases[i / 2];

		print_message("%s, HTTP/%zu\n", c->name, i % 2 + 1);
		setup(NULL);
		limit("catalog", c->limits);
		if (i % 2)
			deny_http2(c);
		else
			deny_http1(c);
		guest_close(guest);
		if (!(i % 2 && c->verdict == WEB_REQUEST_SIZE))
			check_verdict(c);
		teardown(NULL);
	}
}

static void a_chunked_body_is_cut_at_its_size(void **state)
{
	char piece[600];

	(void)state;
	limit("catalog", (struct web_limits){.request_bytes = 1000});
	guest_send_text(guest, "POST /x HTTP/1.1\r\nHost: catalog\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n");
	memset(piece, 'x', sizeof(piece));
	guest_send_text(guest, "258\r\n");
	guest_send(guest, piece, 600);
	bed_run_ms(bed, 20);
	assert_int_equal(up->body_octets, 600);
	guest_send_text(guest, "\r\n258\r\n");
	guest_send(guest, piece, 600);
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 413 ");
	/* Nothing of what is too much has gone out. */
	assert_true(up->body_octets <= 1000);
	bed_run_ms(bed, 20);
	assert_int_equal(up->aborted, 1);
	assert_int_equal(denials("catalog", WEB_REQUEST_SIZE), 1);
}

static void an_answer_of_unknown_size_is_cut(void **state)
{
	(void)state;
	limit("catalog", (struct web_limits){.response_bytes = 300000});
	guest_send_text(guest, GET("/endless"));
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
	assert_int_equal(guest->reason, TV_PIPE_REASON_LIMIT);
	assert_true(guest->received <= 300000 + 40000); /* with chunks, head */
	assert_int_equal(bed->audit.audit.verdict, WEB_RESPONSE_SIZE);
	assert_int_equal(bed->audit.audit.status, 200);
}

/* ---- counts ------------------------------------------------------------- */

static unsigned int count_text(const char *text, const char *what)
{
	unsigned int count = 0;

	while (text && (text = strstr(text, what))) {
		count++;
		text += strlen(what);
	}
	return count;
}

static void requests_a_second_are_counted(void **state)
{
	(void)state;
	limit("catalog", (struct web_limits){.rps = 5});
	for (int i = 0; i < 9; i++)
		guest_send_text(guest, GET("/x"));
	guest_send_text(guest, GET("/x?last"));
	bed_run_ms(bed, 60);
	assert_int_equal(count_text(guest->text, "HTTP/1.1 200 "), 5);
	assert_int_equal(count_text(guest->text, "HTTP/1.1 429 "), 5);
	assert_int_equal(count_text(guest->text, "Retry-After: 1\r\n"), 5);
	assert_has(guest->text, "more requests a second than allowed");
	assert_int_equal(denials("catalog", WEB_RPS), 5);
	guest_forget(guest);
	bed_run_ms(bed, 250);
	guest_send_text(guest, GET("/x"));
	assert_true(bed_until_text(guest, "hello"));
	/* And of the domain as a whole. */
	limit("catalog", (struct web_limits){0});
	assert_int_equal(web_service_set_domain_limit(
				 bed->services, &(struct web_limits){.rps = 1}),
			 0);
	guest_forget(guest);
	guest_send_text(guest, GET("/x") GET("/x"));
	assert_true(bed_until_text(guest, "HTTP/1.1 429 "));
	assert_int_equal(count_text(guest->text, "HTTP/1.1 200 "), 1);
}

static void requests_at_once_are_counted(void **state)
{
	static struct h2_client client;
	struct h2_stream *streams[3];

	(void)state;
	limit("catalog", (struct web_limits){.streams = 2});
	h2_start(&client, guest, false);
	for (int i = 0; i < 3; i++)
		streams[i] = h2_request(&client, "GET", "catalog", "/silent",
					-1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, streams[2]));
	assert_int_equal(streams[2]->status, 429);
	assert_has(streams[2]->headers, "retry-after: 1\n");
	assert_has(streams[2]->body, "more requests at once than allowed");
	nghttp2_submit_rst_stream(client.session, 0, streams[0]->id,
				  NGHTTP2_CANCEL);
	streams[0] = h2_request(&client, "GET", "catalog", "/x", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, streams[0]));
	assert_int_equal(streams[0]->status, 200);
	h2_stop(&client);
}

static void pipes_of_a_grant_are_counted(void **state)
{
	struct guest_pipe *other = &bed->pipes[1];

	(void)state;
	limit("catalog", (struct web_limits){.pipes = 1});
	bed_grant(bed, "free", &up, 1, NULL);
	guest_send_text(guest, GET("/x"));
	assert_true(bed_until_text(guest, "hello"));
	guest_open(other);
	guest_send_text(other, "GET / HTTP/1.1\r\nHost: free\r\n\r\n");
	assert_true(bed_until_text(other, "hello"));
	guest_send_text(other, GET("/x"));
	assert_true(bed_until_over(other));
	assert_true(other->reset);
	assert_int_equal(other->reason, TV_PIPE_REASON_LIMIT);
	assert_int_equal(denials("catalog", WEB_PIPES), 1);
	/* The pipe is free again when the first has gone. */
	guest_close(guest);
	guest_open(other);
	guest_send_text(other, GET("/x"));
	assert_true(bed_until_text(other, "hello"));
}

static void pipes_of_a_domain_are_counted(void **state)
{
	(void)state;
	web_service_set_domain_limit(bed->services,
				     &(struct web_limits){.pipes = 2});
	guest_open(&bed->pipes[1]);
	guest_open_refused(&bed->pipes[2]);
	assert_int_equal(bed->pipes[2].reason, TV_PIPE_REASON_LIMIT);
	guest_close(guest);
	guest_open(&bed->pipes[2]);
	assert_int_equal(denials(NULL, WEB_PIPES), 1);
}

/* ---- live changes ------------------------------------------------------- */

static void a_limit_may_come_before_its_service(void **state)
{
	(void)state;
	limit("later", (struct web_limits){.methods = "POST"});
	bed_grant(bed, "later", &up, 1, NULL);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: later\r\n\r\n");
	assert_true(bed_until_text(guest, "HTTP/1.1 403 "));
	/* It outlives a replacement, and ends with the service. */
	bed_grant(bed, "later", &up, 1, NULL);
	guest_forget(guest);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: later\r\n\r\n");
	assert_true(bed_until_text(guest, "HTTP/1.1 403 "));
	assert_int_equal(web_service_set_remove(bed->services, "later"), 0);
	bed_grant(bed, "later", &up, 1, NULL);
	guest_forget(guest);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: later\r\n\r\n");
	assert_true(bed_until_text(guest, "hello"));
}

static void malformed_limits_change_nothing(void **state)
{
	static const struct web_limits wrong[] = {
		{.methods = ""},      {.methods = "GET,"},
		{.methods = "get"},   {.methods = ",GET"},
		{.methods = "A B"},   {.paths = "x"},
		{.paths = "/a/../b"}, {.priority = WEB_PRIORITY_COUNT},
		{.paths = ""},
	};

	(void)state;
	limit("catalog", (struct web_limits){.methods = "POST"});
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(web_service_set_limit(bed->services, "catalog",
						       &wrong[i]),
				 -EINVAL);
		assert_int_equal(
			web_service_set_limit(bed->services, "new", &wrong[i]),
			-EINVAL);
	}
	guest_send_text(guest, GET("/x"));
	assert_true(bed_until_text(guest, "HTTP/1.1 403 "));
	assert_int_equal(web_service_set_limit(bed->services, "catalog", NULL),
			 0);
	guest_forget(guest);
	guest_send_text(guest, GET("/x"));
	assert_true(bed_until_text(guest, "hello"));
}

static const struct {
	struct web_limits limits;
	enum web_verdict verdict;
} change_cases[] = {
	{{.methods = "POST"}, WEB_METHOD},
	{{.paths = "/other*"}, WEB_PATH},
	{{.response_bytes = 1000}, WEB_RESPONSE_SIZE},
};

static bool much_came(void *context)
{
	return ((struct guest_pipe *)context)->received > 200000;
}

static void a_change_cuts_what_it_no_longer_allows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(change_cases); i++) {
		uint64_t received;

		guest_open(guest);
		guest_send_text(guest, GET("/endless"));
		assert_true(bed_until(bed, much_came, guest));
		limit("catalog", change_cases[i].limits);
		received = guest->received;
		assert_true(bed_until_over(guest));
		assert_true(guest->reset);
		assert_int_equal(guest->reason, TV_PIPE_REASON_LIMIT);
		assert_int_equal(guest->received, received);
		assert_int_equal(bed->audit.audit.verdict,
				 change_cases[i].verdict);
		limit("catalog", (struct web_limits){0});
	}
}

/* ---- classes ------------------------------------------------------------ */

static const struct {
	enum web_priority allowed;
	const char *asked;
	const char *got; /* NULL: nothing is said */
} priority_cases[] = {
	{WEB_PRIORITY_NONE, NULL, NULL},
	{WEB_PRIORITY_NONE, "u=3", "u=3"},
	{WEB_PRIORITY_NONE, "u=0", "u=3"},
	{WEB_PRIORITY_NONE, "u=6, i", "u=6, i"},
	{WEB_PRIORITY_NONE, "i", "u=3, i"},
	{WEB_PRIORITY_NONE, "u=1,i=?0", "u=3"},
	{WEB_PRIORITY_NONE, "x=1;y, u=7", "u=7"},
	{WEB_PRIORITY_NONE, "u=9", "u=3"},
	{WEB_PRIORITY_NONE, ",,;;=", "u=3"},
	{WEB_PRIORITY_HIGH, "u=0", "u=0"},
	{WEB_PRIORITY_HIGH, "u=5", "u=5"},
	{WEB_PRIORITY_LOW, "u=0", "u=5"},
	{WEB_PRIORITY_LOW, "u=7", "u=7"},
};

static void a_class_is_given_within_policy(void **state)
{
	static struct h2_client client;

	(void)state;
	for (size_t i = 0; i < COUNT(priority_cases); i++) {
		const char *asked = priority_cases[i].asked;
		const char *got = priority_cases[i].got;
		char text[256];

		limit("catalog",
		      (struct web_limits){.priority =
						  priority_cases[i].allowed});
		guest_open(guest);
		snprintf(text, sizeof(text),
			 "GET /x HTTP/1.1\r\nHost: catalog\r\n%s%s%s\r\n",
			 asked ? "Priority: " : "", asked ? asked : "",
			 asked ? "\r\n" : "");
		guest_send_text(guest, text);
		assert_true(bed_until_text(guest, "hello"));
		snprintf(text, sizeof(text), "\r\npriority: %s\r\n",
			 got ? got : "");
		if (got)
			assert_has(guest->text, text);
		else
			assert_has_not(guest->text, "priority");
	}
	guest_open(guest);
	limit("catalog", (struct web_limits){0});
	h2_start(&client, guest, false);
	h2_request(&client, "GET", "catalog", "/x", -1,
		   &(nghttp2_nv){(uint8_t *)(uintptr_t) "priority",
				 (uint8_t *)(uintptr_t) "u=1", 8, 3, 0},
		   1);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, &client.streams[0]));
	assert_has(client.streams[0].headers, "priority: u=3\n");
	h2_stop(&client);
}

static void a_pipe_asks_and_sees_what_it_gets(void **state)
{
	struct tv_pipe_limits got = guest_limits(guest);

	(void)state;
	assert_int_equal(got.priority, TV_PIPE_PRIORITY_NORMAL);
	assert_int_equal(got.rate, 0);
	assert_int_equal(got.generation, guest->generation);
	assert_true(guest_wish(guest, TV_PIPE_PRIORITY_LOW, 100000));
	assert_int_equal(guest->limit_events, 1);
	got = guest_limits(guest);
	assert_int_equal(got.priority, TV_PIPE_PRIORITY_LOW);
	assert_int_equal(got.wanted_priority, TV_PIPE_PRIORITY_LOW);
	assert_int_equal(got.rate, 100000);
	assert_int_equal(got.wanted_rate, 100000);
	assert_true(got.burst > 0);
	/* Policy gives less, and the pipe is told. */
	web_service_set_domain_limit(
		bed->services,
		&(struct web_limits){.rate = 50000, .streams = 7, .rps = 9});
	bed_run_ms(bed, 5);
	assert_int_equal(guest->limit_events, 2);
	got = guest_limits(guest);
	assert_int_equal(got.rate, 50000);
	assert_int_equal(got.wanted_rate, 100000);
	assert_int_equal(got.streams, 7);
	assert_int_equal(got.rps, 9);
	/* The next opening begins with nothing asked for. */
	guest_close(guest);
	guest_open(guest);
	assert_int_equal(guest_limits(guest).wanted_rate, 0);
	assert_false(guest_wish(guest, 4, 0));
}

/* ---- the directory ------------------------------------------------------ */

static json_t *directory(void)
{
	json_t *root;
	const char *body;

	guest_forget(guest);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: directory\r\n\r\n");
	assert_true(bed_until_text(guest, "\n]}\n"));
	assert_has(guest->text, "HTTP/1.1 200 OK\r\n");
	assert_has(guest->text, "Content-Type: application/json\r\n");
	body = strstr(guest->text, "\r\n\r\n") + 4;
	root = json_loads(body, 0, NULL);
	assert_non_null(root);
	return root;
}

static void the_directory_tells_grants_and_limits(void **state)
{
	json_t *root;
	json_t *grant;
	json_t *limits;

	(void)state;
	limit("catalog", (struct web_limits){.methods = "GET,HEAD",
					     .paths = "/api/*,/\"x",
					     .rate = MIB,
					     .rps = 7,
					     .priority = WEB_PRIORITY_LOW});
	web_service_set_domain_limit(bed->services,
				     &(struct web_limits){.streams = 9});
	bed_grant(bed, "down", &up, 1, NULL);
	root = directory();
	assert_string_equal(json_string_value(json_object_get(root, "contact")),
			    "cloud@example.org");
	limits = json_object_get(json_object_get(root, "domain"), "limits");
	assert_int_equal(json_integer_value(json_object_get(limits, "streams")),
			 9);
	assert_int_equal(json_array_size(json_object_get(root, "grants")), 2);
	grant = json_array_get(json_object_get(root, "grants"), 0);
	assert_string_equal(json_string_value(json_object_get(grant, "type")),
			    "web");
	assert_string_equal(json_string_value(json_object_get(grant, "name")),
			    "catalog");
	assert_string_equal(json_string_value(json_object_get(grant, "health")),
			    "up");
	limits = json_object_get(grant, "limits");
	assert_int_equal(json_integer_value(json_object_get(limits, "rate")),
			 MIB);
	assert_string_equal(json_string_value(json_object_get(limits, "class")),
			    "low");
	assert_string_equal(json_string_value(json_array_get(
				    json_object_get(limits, "path"), 1)),
			    "/\"x");
	json_decref(root);
	/* What is taken away is not in it, and nothing else can be asked. */
	web_service_set_remove(bed->services, "catalog");
	root = directory();
	assert_int_equal(json_array_size(json_object_get(root, "grants")), 1);
	json_decref(root);
	guest_send_text(guest, "GET /x HTTP/1.1\r\nHost: directory\r\n\r\n");
	assert_true(bed_until_text(guest, "HTTP/1.1 404 "));
	guest_send_text(guest, "PUT / HTTP/1.1\r\nHost: directory\r\n"
			       "Content-Length: 3\r\n\r\nabc");
	assert_true(bed_until_text(guest, "HTTP/1.1 405 "));
}

static void the_directory_is_no_service(void **state)
{
	struct web_upstream_config upstream = {.url = up->url};
	struct web_service_config config = {.name = "directory",
					    .upstreams = &upstream,
					    .upstream_count = 1};
	static struct h2_client client;

	(void)state;
	assert_int_equal(web_service_set_put(bed->services, &config), -EINVAL);
	h2_start(&client, guest, false);
	h2_request(&client, "GET", "directory", "/", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, &client.streams[0]));
	assert_int_equal(client.streams[0].status, 200);
	assert_has(client.streams[0].body, "\"grants\":[");
	h2_stop(&client);
}

/* ---- numbers ------------------------------------------------------------ */

static void numbers_and_audit_say_what_was_used(void **state)
{
	struct web_grant_stats stats;
	uint64_t counted = 0;

	(void)state;
	limit("catalog", (struct web_limits){.notify = true});
	guest_send_text(guest, "POST /upload?secret HTTP/1.1\r\nHost: catalog"
			       "\r\nContent-Length: 1000\r\n\r\n");
	for (int i = 0; i < 100; i++)
		guest_send_text(guest, "0123456789");
	assert_true(bed_until_text(guest, "hello"));
	assert_int_equal(bed->audits, 1);
	assert_string_equal(bed->audit.path, "/upload");
	assert_int_equal(bed->audit.audit.status, 200);
	assert_int_equal(bed->audit.audit.verdict, WEB_ALLOWED);
	assert_true(bed->audit.audit.notify);
	assert_true(bed->audit.audit.in_octets > 1000);
	assert_true(bed->audit.audit.out_octets > 6);
	assert_true(bed->audit.audit.duration_us > 0);
	assert_int_equal(
		web_service_set_grant_stats(bed->services, "catalog", &stats),
		0);
	assert_int_equal(stats.requests, 1);
	assert_int_equal(stats.octets, bed->audit.audit.in_octets +
					       bed->audit.audit.out_octets);
	for (int stage = 0; stage < WEB_STAGE_COUNT; stage++)
		for (int i = 0; i < WEB_HISTOGRAM_BUCKETS; i++)
			counted += stats.histogram[stage][i];
	assert_int_equal(counted, WEB_STAGE_COUNT);
	assert_int_equal(
		web_service_set_grant_stats(bed->services, "none", &stats),
		-ENOENT);
}

static void a_guest_that_leaves_is_told_to_the_audit(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/silent"));
	bed_run_ms(bed, 20);
	guest_close(guest);
	assert_int_equal(bed->audits, 1);
	assert_int_equal(bed->audit.audit.status, 0);
	assert_int_equal(bed->audit.audit.verdict, WEB_ALLOWED);
}

static void revocation_is_told_and_counted(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/silent"));
	bed_run_ms(bed, 20);
	web_service_set_remove(bed->services, "catalog");
	assert_true(bed_until_text(guest, "HTTP/1.1 403 "));
	assert_int_equal(bed->audit.audit.verdict, WEB_REVOKED);
	assert_int_equal(bed->audit.audit.status, 403);
	assert_int_equal(denials(NULL, WEB_REVOKED), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_denial_is_policy_and_says_whom_to_ask),
		TEST(a_chunked_body_is_cut_at_its_size),
		TEST(an_answer_of_unknown_size_is_cut),
		TEST(requests_a_second_are_counted),
		TEST(requests_at_once_are_counted),
		TEST(pipes_of_a_grant_are_counted),
		TEST(pipes_of_a_domain_are_counted),
		TEST(a_limit_may_come_before_its_service),
		TEST(malformed_limits_change_nothing),
		TEST(a_change_cuts_what_it_no_longer_allows),
		TEST(a_class_is_given_within_policy),
		TEST(a_pipe_asks_and_sees_what_it_gets),
		TEST(the_directory_tells_grants_and_limits),
		TEST(the_directory_is_no_service),
		TEST(numbers_and_audit_say_what_was_used),
		TEST(a_guest_that_leaves_is_told_to_the_audit),
		TEST(revocation_is_told_and_counted),
	};

	return cmocka_run_group_tests_name("web-limit", tests, NULL, NULL);
}
