// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-directory.c - http://directory/ through a guest's pipe: what a
 * guest's programs see of its grants, and what of their requests is refused.
 */
#define _GNU_SOURCE
#include "tests/unit/web-bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define assert_has(text, what) assert_non_null(strstr(text, what))
#define assert_has_not(text, what) assert_null(strstr(text, what))

#define FIND_SERVICE                                                           \
	"<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'>"     \
	"<e:Body><find_service xmlns='urn:uddi-org:api_v3'/></e:Body>"         \
	"</e:Envelope>"
#define POST_UDDI "POST /uddi HTTP/1.1\r\nHost: directory\r\n"
#define SECOND "GET /catalog-is-next HTTP/1.1\r\nHost: directory\r\n\r\n"

enum { BODY_MAX = 64 * 1024 };

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

static bool stream_is_closed(void *context)
{
	return ((struct h2_stream *)context)->closed;
}

/* ---- UDDI over HTTP/1.1 -------------------------------------------------- */

struct case1 {
	const char *name;
	const char *head;
	const char *body; /* NULL: none */
	size_t zeros;	  /* octets that follow it */
	const char *wanted[3];
};

static const struct case1 http1_cases[] = {
	{"an inquiry with a length",
	 POST_UDDI "Content-Type: text/xml\r\nContent-Length: %zu\r\n\r\n",
	 FIND_SERVICE,
	 0,
	 {"HTTP/1.1 200 OK\r\n", "Content-Type: text/xml; charset=utf-8\r\n",
	  "uddi:2virt:service:catalog"}},
	{"an inquiry in chunks",
	 POST_UDDI "Transfer-Encoding: chunked\r\n\r\n%zx\r\n",
	 FIND_SERVICE "\r\n0\r\n\r\n",
	 0,
	 {"HTTP/1.1 200 OK\r\n", "<serviceList"}},
	{"100-continue is answered",
	 POST_UDDI "Expect: 100-continue\r\nContent-Length: %zu\r\n\r\n",
	 FIND_SERVICE,
	 0,
	 {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"}},
	{"no body is no inquiry",
	 POST_UDDI "Content-Length: 0\r\n\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 500 ", "<Fault"}},
	{"an encoding that would need a converter",
	 POST_UDDI "Content-Length: %zu\r\n\r\n",
	 "\x4c\x6f\xa7\x94\x93\x40",
	 0,
	 {"HTTP/1.1 500 ", "<Fault", "UTF-8"}},
	{"a length that is too large",
	 POST_UDDI "Content-Length: 65537\r\n\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 413 ", "Connection: close\r\n"}},
	{"chunks that are too large",
	 POST_UDDI "Transfer-Encoding: chunked\r\n\r\n20000\r\n",
	 "",
	 0x20000,
	 {"HTTP/1.1 413 ", "Connection: close\r\n"}},
	{"malformed chunks",
	 POST_UDDI "Transfer-Encoding: chunked\r\n\r\nxyz\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 400 "}},
	{"a browser gets a page",
	 "GET / HTTP/1.1\r\nHost: directory\r\n"
	 "Accept: Text/HTML,application/xhtml+xml,*/*;q=0.8\r\n\r\n",
	 NULL,
	 0,
	 {"Content-Type: text/html; charset=utf-8\r\n",
	  "Content-Security-Policy: default-src 'none'",
	  "<a href=\"http://catalog/\">catalog</a></td><td>web</td>"
	  "<td>up</td>"}},
	{"a program gets JSON",
	 "GET / HTTP/1.1\r\nHost: directory\r\n"
	 "Accept: application/json, text/html;q=0.1\r\n\r\n",
	 NULL,
	 0,
	 {"Content-Type: application/json\r\n", "Cache-Control: no-store"}},
	{"any type is JSON",
	 "GET / HTTP/1.1\r\nHost: directory\r\nAccept: */*\r\n\r\n",
	 NULL,
	 0,
	 {"Content-Type: application/json\r\n"}},
	{"GET of the endpoint",
	 "GET /uddi HTTP/1.1\r\nHost: directory\r\n\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 405 "}},
	{"POST of the list",
	 "POST / HTTP/1.1\r\nHost: directory\r\nContent-Length: 0\r\n\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 405 "}},
	{"a page that is none",
	 "GET /x HTTP/1.1\r\nHost: directory\r\n\r\n",
	 NULL,
	 0,
	 {"HTTP/1.1 404 "}},
};

static void send_case(const struct case1 *c, bool in_pieces)
{
	char head[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(head, sizeof(head), c->head,
		 c->body ? strcspn(c->body, "\r") : 0);
#pragma GCC diagnostic pop
	guest->piece = in_pieces ? 7 : 0;
	guest_send_text(guest, head);
	if (c->body)
		guest_send_text(guest, c->body);
	for (size_t i = 0; i < c->zeros; i += 1024) {
		static const char some[1024];

		guest_send(guest, some, sizeof(some));
	}
}

static void each_inquiry_gets_its_answer_over_http1(void **state)
{
	for (size_t i = 0; i < COUNT(http1_cases) * 2; i++) {
		const struct case1 *c = &http1_cases[i / 2];

		print_message("  %s%s\n", c->name, i & 1 ? ", in pieces" : "");
		setup(state);
		send_case(c, i & 1);
		for (size_t j = 0; j < COUNT(c->wanted) && c->wanted[j]; j++)
			assert_true(bed_until_text(guest, c->wanted[j]));
		teardown(state);
	}
}

static void a_connection_goes_on_after_an_inquiry(void **state)
{
	(void)state;
	send_case(&http1_cases[0], false);
	send_case(&http1_cases[1], false);
	guest_send_text(guest, SECOND);
	assert_true(bed_until_text(guest, "HTTP/1.1 404 "));
	assert_false(guest->reset);
}

static void an_inquiry_that_is_cut_off_ends_with_its_pipe(void **state)
{
	(void)state;
	guest_send_text(guest, POST_UDDI "Content-Length: 60000\r\n\r\n<a>");
	bed_run_ms(bed, 20);
	guest_shutdown(guest);
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
}

static void what_is_not_granted_is_not_found(void **state)
{
	(void)state;
	web_service_set_remove(bed->services, "catalog");
	send_case(&http1_cases[0], false);
	assert_true(bed_until_text(guest, "<actualCount>0</actualCount>"));
	assert_has_not(guest->text, "catalog");
}

/* ---- HTML ---------------------------------------------------------------- */

static void a_page_says_limits_and_escapes_them(void **state)
{
	(void)state;
	web_service_set_limit(
		bed->services, "catalog",
		&(struct web_limits){.paths = "/a'<b>&\"*",
				     .rps = 7,
				     .priority = WEB_PRIORITY_LOW});
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: directory\r\n"
			       "Accept: text/html\r\n\r\n");
	assert_true(bed_until_text(guest, "</html>"));
	assert_has(guest->text, "<li>rps: 7</li>");
	assert_has(guest->text, "<li>class: <code>low</code></li>");
	assert_has(guest->text, "/a&#39;&#60;b&#62;&#38;&#34;*");
	assert_has_not(guest->text, "<b>");
	assert_has_not(guest->text, "script");
}

/* ---- UDDI over HTTP/2 ---------------------------------------------------- */

static void an_inquiry_is_answered_over_http2(void **state)
{
	static struct h2_client client;
	struct h2_stream *found;
	struct h2_stream *large;

	(void)state;
	h2_start(&client, guest, false);
	found = h2_request(&client, "POST", "directory", "/uddi",
			   sizeof(FIND_SERVICE) - 1, NULL, 0);
	found->text = FIND_SERVICE;
	large = h2_request(&client, "POST", "directory", "/uddi", BODY_MAX + 1,
			   NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, found));
	assert_int_equal(found->status, 200);
	assert_has(found->headers, "text/xml; charset=utf-8");
	assert_has(found->body, "<Envelope");
	assert_true(bed_until(bed, stream_is_closed, large));
	assert_int_equal(large->status, 413);
	h2_stop(&client);
}

static bool ten_are_refused(void *context)
{
	struct h2_client *client = context;
	unsigned int refused = 0;

	for (unsigned int i = 0; i < client->count; i++)
		refused += client->streams[i].status == 503;
	return refused >= 10;
}

/* Bodies that never end share one budget, and give it back. */
static void bodies_that_never_end_are_bounded(void **state)
{
	static struct h2_client client;

	(void)state;
	h2_start(&client, guest, false);
	for (int i = 0; i < 20; i++)
		h2_request(&client, "POST", "directory", "/uddi", 40000, NULL,
			   0)
			->cut = true;
	h2_flush(&client);
	assert_true(bed_until(bed, ten_are_refused, &client));
	h2_stop(&client);
	guest_close(guest);
	guest_open(guest);
	send_case(&http1_cases[0], false);
	assert_true(bed_until_text(guest, "uddi:2virt:service:catalog"));
}

/* ---- events -------------------------------------------------------------- */

#define GET_EVENTS "GET /events HTTP/1.1\r\nHost: directory\r\n\r\n"

static void listen_on(struct guest_pipe *pipe)
{
	guest_send_text(pipe, GET_EVENTS);
	assert_true(bed_until_text(pipe, "event: directory\ndata: {"));
	assert_has(pipe->text, "content-type: text/event-stream\r\n");
}

/* Waits for the event; it must come within a second. */
static void expect_event(struct guest_pipe *pipe, const char *text)
{
	uint64_t from = uv_hrtime();

	assert_true(bed_until_text(pipe, text));
	assert_true(uv_hrtime() - from < 1000000000);
}

static void a_grant_and_a_revocation_are_seen_as_events(void **state)
{
	(void)state;
	listen_on(guest);
	bed_grant(bed, "shop", &up, 1, NULL);
	expect_event(guest, "event: plug\ndata: {\"type\":\"web\",\"name\":"
			    "\"shop\",\"health\":\"up\",\"limits\":{}}\n\n");
	web_service_set_limit(bed->services, "shop",
			      &(struct web_limits){.rps = 7});
	expect_event(guest,
		     "event: limits\ndata: {\"type\":\"web\",\"name\":"
		     "\"shop\",\"health\":\"up\",\"limits\":{\"rps\":7}}\n\n");
	web_service_set_domain_limit(bed->services,
				     &(struct web_limits){.rate = 99999});
	expect_event(guest, "event: limits\ndata: {\"type\":\"domain\"");
	web_service_set_remove(bed->services, "shop");
	expect_event(guest, "event: unplug\ndata: {\"type\":\"web\","
			    "\"name\":\"shop\"");
	assert_has_not(guest->text, "event: health");
	assert_false(guest->ended);
}

static void a_change_of_health_is_seen_as_an_event(void **state)
{
	struct guest_pipe *other = &bed->pipes[1];

	(void)state;
	guest_open(other);
	listen_on(guest);
	upstream_kill(up);
	guest_send_text(other, "GET /x HTTP/1.1\r\nHost: catalog\r\n\r\n");
	assert_true(bed_until_text(other, "HTTP/1.1 50"));
	expect_event(guest, "event: health\ndata: {\"type\":\"web\",\"name\":"
			    "\"catalog\",\"health\":\"down\"");
}

static void a_quiet_stream_says_that_it_lives(void **state)
{
	(void)state;
	listen_on(guest);
	assert_true(bed_until_text(guest, "\n:\n\n"));
}

static bool has_some(void *context)
{
	return ((struct h2_stream *)context)->received > 0;
}

static bool has_more(void *context)
{
	return ((struct h2_stream *)context)->received > 800;
}

static void events_come_over_http2_beside_other_requests(void **state)
{
	static struct h2_client client;
	struct h2_stream *events;
	struct h2_stream *page;

	(void)state;
	h2_start(&client, guest, false);
	events =
		h2_request(&client, "GET", "directory", "/events", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, has_some, events));
	assert_has(events->headers, "text/event-stream");
	assert_has(events->body, "event: directory");
	for (char name[] = "s0"; name[1] <= '9'; name[1]++)
		bed_grant(bed, name, &up, 1, NULL);
	page = h2_request(&client, "GET", "directory", "/", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, stream_is_closed, page));
	assert_true(bed_until(bed, has_more, events));
	assert_false(events->closed);
	h2_stop(&client);
}

static unsigned int statuses(const struct h2_client *client, int status)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < client->count; i++)
		count += client->streams[i].status == status;
	return count;
}

static bool twenty_are_told(void *context)
{
	return statuses(context, 200) + statuses(context, 503) == 20;
}

static void listeners_are_counted(void **state)
{
	static struct h2_client client;

	(void)state;
	h2_start(&client, guest, false);
	for (int i = 0; i < 20; i++)
		h2_request(&client, "GET", "directory", "/events", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, twenty_are_told, &client));
	assert_int_equal(statuses(&client, 200), 16);
	h2_stop(&client);
	/* They ended with their pipe. */
	guest_close(guest);
	guest_open(guest);
	listen_on(guest);
}

/* One who does not read costs one buffer; its stream ends. */
static void a_listener_who_does_not_read_is_let_go(void **state)
{
	static char path[4000];
	char name[8];

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	/* 16 patterns of 249 octets. */
	for (size_t i = 0; i < sizeof(path) - 1; i += 250) {
		path[i] = '/';
		path[i + 249] = ',';
	}
	path[sizeof(path) - 1] = 0;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		bed_grant(bed, name, &up, 1, NULL);
	}
	listen_on(guest);
	guest->stuck = true;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "s%d", i);
			path[1] = (char)('a' + round);
			assert_int_equal(
				web_service_set_limit(
					bed->services, name,
					&(struct web_limits){.paths = path}),
				0);
		}
		bed_run_ms(bed, 300);
	}
	guest->stuck = false;
	guest_read(guest);
	assert_true(bed_until_text(guest, "\r\n0\r\n\r\n"));
	assert_false(guest->reset);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_inquiry_gets_its_answer_over_http1),
		TEST(a_connection_goes_on_after_an_inquiry),
		TEST(an_inquiry_that_is_cut_off_ends_with_its_pipe),
		TEST(what_is_not_granted_is_not_found),
		TEST(a_page_says_limits_and_escapes_them),
		TEST(an_inquiry_is_answered_over_http2),
		TEST(bodies_that_never_end_are_bounded),
		TEST(a_grant_and_a_revocation_are_seen_as_events),
		TEST(a_change_of_health_is_seen_as_an_event),
		TEST(a_quiet_stream_says_that_it_lives),
		TEST(events_come_over_http2_beside_other_requests),
		TEST(listeners_are_counted),
		TEST(a_listener_who_does_not_read_is_let_go),
	};

	return cmocka_run_group_tests_name("web-directory", tests, NULL, NULL);
}
