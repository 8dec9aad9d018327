// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-http1.c - promises of the web function to HTTP/1.1 clients.
 */
#include "tests/unit/web-bed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

#define GET(path) "GET " path " HTTP/1.1\r\nHost: catalog\r\n\r\n"

static unsigned int count_text(const char *text, const char *what)
{
	unsigned int count = 0;

	while (text && (text = strstr(text, what))) {
		count++;
		text += strlen(what);
	}
	return count;
}

#define assert_has(text, what) assert_non_null(strstr(text, what))
#define assert_has_not(text, what) assert_null(strstr(text, what))

static void page_comes(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/hello"));
	assert_true(bed_until_text(guest, "hello\n"));
	assert_has(guest->text, "HTTP/1.1 200 OK\r\n");
	assert_has(guest->text, "content-length: 6\r\n");
	assert_false(guest->ended);
	assert_has(up->head, "GET /hello HTTP/1.1\r\n");
}

static void pieces_of_one_octet(void **state)
{
	(void)state;
	guest->piece = 1;
	guest_send_text(
		guest,
		"\r\nPOST /x?y=1 HTTP/1.1\r\nHost: Catalog:80\r\n"
		"Transfer-Encoding: chunked\r\n\r\n"
		"3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nT: x\r\n\r\n" GET("/two"));
	assert_true(bed_until_text(guest, "x-body: 5\r\n"));
	assert_true(bed_until_text(guest, "x-body: 0\r\n"));
	assert_int_equal(count_text(guest->text, "HTTP/1.1 200 OK"), 2);
}

static void in_transfers_of_eight_octets(void **state)
{
	(void)state;
	guest_close(guest);
	guest->in_length = 8;
	guest_open(guest);
	guest_send_text(guest, GET("/chunked"));
	assert_true(bed_until_text(guest, "\r\n0\r\n\r\n"));
	assert_has(guest->text, "first");
}

static void pipelined_answers_in_order(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/chunked") GET("/nothing") GET("/empty")
				       GET("/hop"));
	assert_true(bed_until_text(guest, "x-stay: 2\r\n"));
	assert_true(strstr(guest->text, "0\r\n\r\n") <
		    strstr(guest->text, "hello"));
	assert_true(strstr(guest->text, "hello") <
		    strstr(guest->text, " 204 No Content"));
	assert_true(strstr(guest->text, " 204 ") <
		    strstr(guest->text, "x-stay"));
	assert_int_equal(up->requests, 4);
	assert_int_equal(up->connections, 1);
}

static void keep_alive_uses_one_upstream_connection(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		guest_forget(guest);
		guest_send_text(guest, GET("/hello"));
		assert_true(bed_until_text(guest, "hello\n"));
	}
	assert_int_equal(up->connections, 1);
}

static void connection_close_ends_the_pipe(void **state)
{
	(void)state;
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: catalog\r\n"
			       "Connection: close\r\n\r\n");
	assert_true(bed_until_over(guest));
	assert_true(guest->ended);
	assert_has(guest->text, "connection: close\r\n");
	assert_has(guest->text, "hello\n");
}

static void http10_works(void **state)
{
	(void)state;
	guest_send_text(guest,
			"GET /chunked HTTP/1.0\r\nHost: catalog\r\n\r\n");
	assert_true(bed_until_over(guest));
	assert_true(guest->ended);
	assert_has_not(guest->text, "chunked\r\n");
	assert_has(guest->text, "\r\n\r\nfirstsecond");
}

static void head_has_no_body(void **state)
{
	(void)state;
	guest_send_text(guest, "HEAD / HTTP/1.1\r\nHost: catalog\r\n\r\n" GET(
				       "/empty"));
	assert_true(bed_until_text(guest, " 204 "));
	assert_has(guest->text, "content-length: 6\r\n");
	assert_has_not(guest->text, "hello");
}

static void answers_of_all_kinds(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/toclose"));
	assert_true(bed_until_text(guest, "up to the end"));
	assert_true(bed_until_text(guest, "\r\n0\r\n\r\n"));
	guest_forget(guest);
	guest_send_text(guest, GET("/notmodified"));
	assert_true(bed_until_text(guest, "etag: \"x\"\r\n\r\n"));
	guest_forget(guest);
	guest_send_text(guest, GET("/interim"));
	assert_true(bed_until_text(guest, "\r\n\r\nok"));
	assert_has_not(guest->text, "link");
	guest_forget(guest);
	guest_send_text(guest, GET("/redirect"));
	assert_true(bed_until_text(guest, "location: http://other/\r\n"));
	assert_has(guest->text, " 302 Found");
}

static void continue_comes_before_the_body(void **state)
{
	(void)state;
	guest_send_text(guest, "PUT /x HTTP/1.1\r\nHost: catalog\r\n"
			       "Content-Length: 4\r\n"
			       "Expect: 100-continue\r\n\r\n");
	assert_true(bed_until_text(guest, "HTTP/1.1 100 Continue\r\n\r\n"));
	guest_send_text(guest, "body");
	assert_true(bed_until_text(guest, "x-body: 4\r\n"));
	assert_has_not(up->head, "Expect");
}

static void absolute_form_names_the_service(void **state)
{
	(void)state;
	guest_send_text(guest, "GET http://catalog/abs?x HTTP/1.1\r\n"
			       "Host: catalog\r\n\r\n");
	assert_true(bed_until_text(guest, "hello\n"));
	assert_has(up->head, "GET /abs?x HTTP/1.1\r\n");
	guest_forget(guest);
	guest_send_text(guest, "OPTIONS * HTTP/1.1\r\nHost: catalog\r\n\r\n");
	assert_true(bed_until_text(guest, "hello\n"));
	assert_has(up->head, "OPTIONS * HTTP/1.1\r\n");
}

/* Each is refused with its status and the pipe ends; no upstream sees it. */
struct refusal {
	const char *what;
	const char *request;
	const char *status;
};

#define HEAD "GET / HTTP/1.1\r\nHost: catalog\r\n"
#define POST "POST / HTTP/1.1\r\nHost: catalog\r\n"
#define SMUGGLED GET("/smuggled")

static const struct refusal refusals[] = {
	{"length and coding",
	 POST "Content-Length: 3\r\nTransfer-Encoding: "
	      "chunked\r\n\r\n0\r\n\r\n" SMUGGLED,
	 "400"},
	{"two lengths", POST "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
	 "400"},
	{"two equal lengths",
	 POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "400"},
	{"list of lengths", POST "Content-Length: 5, 5\r\n\r\nhello", "400"},
	{"signed length", POST "Content-Length: +5\r\n\r\nhello", "400"},
	{"negative length", POST "Content-Length: -1\r\n\r\n", "400"},
	{"hex length", POST "Content-Length: 0x5\r\n\r\n", "400"},
	{"empty length", POST "Content-Length: \r\n\r\n", "400"},
	{"huge length", POST "Content-Length: 99999999999999999999999\r\n\r\n",
	 "400"},
	{"unknown coding", POST "Transfer-Encoding: gzip\r\n\r\n", "501"},
	{"list of codings", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
	 "501"},
	{"two codings",
	 POST "Transfer-Encoding: chunked\r\n"
	      "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	 "400"},
	{"obscured coding", POST "Transfer-Encoding: xchunked\r\n\r\n", "501"},
	{"coding with a tab before the colon",
	 POST "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", "400"},
	{"coding in HTTP/1.0",
	 "POST / HTTP/1.0\r\nHost: catalog\r\nTransfer-Encoding: chunked\r\n"
	 "\r\n0\r\n\r\n",
	 "400"},
	{"folded header", HEAD "X: a\r\n b\r\n\r\n", "400"},
	{"folded header with a tab", HEAD "X: a\r\n\tb\r\n\r\n", "400"},
	{"white space before the first header",
	 "GET / HTTP/1.1\r\n Host: catalog\r\n\r\n", "400"},
	{"bare LF", "GET / HTTP/1.1\nHost: catalog\n\n", "400"},
	{"bare LF in a header", HEAD "X: a\nY: b\r\n\r\n", "400"},
	{"bare LF as the end", HEAD "\n", "400"},
	{"bare CR in a header", HEAD "X: a\rY: b\r\n\r\n", "400"},
	{"control character in a value", HEAD "X: a\001b\r\n\r\n", "400"},
	{"DEL in a value", HEAD "X: a\177b\r\n\r\n", "400"},
	{"control character in a name", HEAD "X\001: a\r\n\r\n", "400"},
	{"space in a name", HEAD "X Y: a\r\n\r\n", "400"},
	{"space before the colon", HEAD "Content-Length : 5\r\n\r\nhello",
	 "400"},
	{"no name", HEAD ": a\r\n\r\n", "400"},
	{"no colon", HEAD "Nothing\r\n\r\n", "400"},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", "400"},
	{"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "400"},
	{"two Hosts", HEAD "Host: catalog\r\n\r\n", "400"},
	{"two different Hosts", HEAD "Host: other\r\n\r\n", "400"},
	{"empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n", "400"},
	{"Host with a user", "GET / HTTP/1.1\r\nHost: a@catalog\r\n\r\n",
	 "400"},
	{"Host with a path", "GET / HTTP/1.1\r\nHost: catalog/x\r\n\r\n",
	 "400"},
	{"Host with a bad port", "GET / HTTP/1.1\r\nHost: catalog:x\r\n\r\n",
	 "400"},
	{"Host with a list", "GET / HTTP/1.1\r\nHost: catalog, a\r\n\r\n",
	 "400"},
	{"absolute form against Host",
	 "GET http://other/ HTTP/1.1\r\nHost: catalog\r\n\r\n", "400"},
	{"absolute form without Host", "GET http://catalog/ HTTP/1.1\r\n\r\n",
	 "400"},
	{"absolute form with a user",
	 "GET http://a@catalog/ HTTP/1.1\r\nHost: catalog\r\n\r\n", "400"},
	{"absolute form of another scheme",
	 "GET ftp://catalog/ HTTP/1.1\r\nHost: catalog\r\n\r\n", "400"},
	{"asterisk form of GET", "GET * HTTP/1.1\r\nHost: catalog\r\n\r\n",
	 "400"},
	{"fragment", "GET /a#b HTTP/1.1\r\nHost: catalog\r\n\r\n", "400"},
	{"space in the target", "GET /a b HTTP/1.1\r\nHost: catalog\r\n\r\n",
	 "400"},
	{"octet above ASCII in the target",
	 "GET /\303\244 HTTP/1.1\r\nHost: catalog\r\n\r\n", "400"},
	{"HTTP/0.9", "GET /\r\n\r\n", "50"},
	{"HTTP/2.0 without preface", "GET / HTTP/2.0\r\nHost: catalog\r\n\r\n",
	 "505"},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: catalog\r\n\r\n", "505"},
	{"two preludes of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "501"},
	{"unknown method", "BREW / HTTP/1.1\r\nHost: catalog\r\n\r\n", "501"},
	{"method in lower case", "get / HTTP/1.1\r\nHost: catalog\r\n\r\n",
	 "501"},
	{"CONNECT", "CONNECT catalog:80 HTTP/1.1\r\nHost: catalog\r\n\r\n",
	 "405"},
	{"upgrade", HEAD "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n",
	 "501"},
	{"HEAD with a body",
	 "HEAD / HTTP/1.1\r\nHost: catalog\r\n"
	 "Content-Length: 3\r\n\r\nabc",
	 "400"},
	{"other expectation", HEAD "Expect: miracles\r\n\r\n", "417"},
	{"chunk without size", POST "Transfer-Encoding: chunked\r\n\r\n\r\nabc",
	 "400"},
	{"chunk with a signed size",
	 POST "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc", "400"},
	{"chunk with a space",
	 POST "Transfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n", "400"},
	{"chunk with 0x",
	 POST "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n", "400"},
	{"chunk with a huge size",
	 POST "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "400"},
	{"chunk with bare LF",
	 POST "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", "400"},
	{"chunk that is too long",
	 POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
	 "400"},
	{"chunk with LF after the data",
	 POST "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", "400"},
	{"trailer that is folded",
	 POST "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n",
	 "400"},
};

static void smuggling_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *refusal = &refusals[i];
		char expected[32];

		guest_open(guest);
		guest_send_text(guest, refusal->request);
		guest_send_text(guest, SMUGGLED);
		snprintf(expected, sizeof(expected), "HTTP/1.1 %s",
			 refusal->status);
		if (!bed_until_over(guest) || !guest->ended ||
		    count_text(guest->text, "Content-Type") != 1 ||
		    !strstr(guest->text, expected) ||
		    strstr(up->head, "smuggled"))
			fail_msg("%s: %s", refusal->what,
				 guest->text ? guest->text : "(nothing)");
	}
}

static void nul_is_refused(void **state)
{
	static const char request[] = HEAD "X: a\0b\r\n\r\n";

	(void)state;
	guest_send(guest, request, sizeof(request) - 1);
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 400");
}

static void unknown_and_not_granted_look_the_same(void **state)
{
	char *first;

	(void)state;
	bed_grant(bed, "secret", &up, 1, NULL);
	assert_int_equal(web_service_set_remove(bed->services, "secret"), 0);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: secret\r\n\r\n");
	assert_true(bed_until_text(guest, "Ask cloud@example.org.\n"));
	assert_has(guest->text, "HTTP/1.1 403 Forbidden\r\n");
	assert_has(guest->text, "no such service is granted to this machine");
	first = strdup(guest->text);
	memcpy(strstr(first, "secret"), "absent", 6);
	guest_forget(guest);
	guest_send_text(guest, "GET / HTTP/1.1\r\nHost: absent\r\n\r\n");
	assert_true(bed_until_text(guest, "Ask cloud@example.org.\n"));
	assert_string_equal(guest->text, first);
	free(first);
	/* And the connection goes on. */
	guest_forget(guest);
	guest_send_text(guest, GET("/"));
	assert_true(bed_until_text(guest, "hello\n"));
}

static void too_large_is_said(void **state)
{
	const struct web_service_config limits = {.body_max_bytes = 1000};
	static char long_value[40000];

	(void)state;
	bed_grant(bed, "small", &up, 1, &limits);
	memset(long_value, 'x', sizeof(long_value) - 1);
	guest_send_text(guest, HEAD "X: ");
	guest_send_text(guest, long_value);
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 431 ");
	guest_open(guest);
	guest_send_text(guest, HEAD);
	for (int i = 0; i < 200; i++)
		guest_send_text(guest, "X: a\r\n");
	guest_send_text(guest, "\r\n");
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 431 ");
	guest_open(guest);
	guest_send_text(guest, "POST / HTTP/1.1\r\nHost: small\r\n"
			       "Content-Length: 1001\r\n\r\n");
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 413 ");
	guest_open(guest);
	guest_send_text(guest, "POST / HTTP/1.1\r\nHost: small\r\n"
			       "Transfer-Encoding: chunked\r\n\r\n800\r\n");
	guest_send(guest, long_value, 0x800);
	assert_true(bed_until_over(guest));
	assert_has(guest->text, "HTTP/1.1 413 ");
}

static void headers_that_do_not_travel(void **state)
{
	(void)state;
	guest_send_text(
		guest,
		"GET / HTTP/1.1\r\nHost: catalog\r\n"
		"Connection: X-Gone, x-gone-too, Authorization\r\n"
		"X-Gone: 1\r\nX-GONE-TOO: 1\r\nAuthorization: 1\r\n"
		"Keep-Alive: 1\r\nProxy-Authorization: 1\r\n"
		"Proxy-Connection: 1\r\nTE: trailers\r\nTrailer: X\r\n"
		"X-2Virt-Domain: forged\r\nx-2virt-anything: forged\r\n"
		"X_2Virt_Domain: forged\r\nX-2Virt_Domain-UUID: forged\r\n"
		"Forwarded: for=forged\r\nX-Forwarded-For: forged\r\n"
		"X_Forwarded_Host: forged\r\nX-Real-IP: forged\r\n"
		"Upgrade: h2c\r\nHTTP2-Settings: x\r\n"
		"X-Empty:\r\nX-Stays: yes \r\nCookie: a=1\r\nCookie: b=2\r\n"
		"\r\n");
	assert_true(bed_until_text(guest, "hello\n"));
	assert_has_not(up->head, "one");
	assert_has_not(up->head, "forged");
	assert_has_not(up->head, ": 1\r\n");
	assert_has_not(up->head, "railer");
	assert_has_not(up->head, "pgrade");
	assert_has_not(up->head, "HTTP2");
	assert_has(up->head, "X-Stays: yes\r\n");
	assert_has(up->head, "X-Empty: \r\n");
	assert_has(up->head, "Cookie: a=1; b=2\r\n");
	assert_has(up->head, "\r\nX-2Virt-Domain: guest1\r\n");
	assert_has(up->head, "\r\nX-2Virt-Domain-UUID: "
			     "12345678-1234-1234-1234-123456789abc\r\n");
	assert_has(up->head, "\r\nX-2Virt-Service: catalog\r\n");
	assert_has(up->head, "\r\nVia: 1.1 2virt\r\n");
	assert_has(up->head, "Host: 127.0.0.1:");
	assert_int_equal(count_text(up->head, "X-2Virt-Domain:"), 1);
	assert_int_equal(count_text(up->head, "Host:"), 1);
	assert_has_not(up->head, "Accept");
	guest_forget(guest);
	guest_send_text(guest, GET("/hop"));
	assert_true(bed_until_text(guest, "\r\n\r\nok"));
	assert_has_not(guest->text, "x-hop");
	assert_has_not(guest->text, "keep-alive");
	assert_has_not(guest->text, "upgrade");
	assert_has_not(guest->text, "proxy");
	assert_has(guest->text, "x-stay: 2\r\n");
}

static void broken_upstreams_are_said(void **state)
{
	const struct web_service_config quick = {.response_timeout_ms = 300,
						 .idle_timeout_ms = 300};

	(void)state;
	bed_grant(bed, "catalog", &up, 1, &quick);
	guest_send_text(guest, GET("/drop"));
	assert_true(bed_until_text(guest, "HTTP/1.1 502 "));
	guest_forget(guest);
	guest_send_text(guest, GET("/headbomb"));
	assert_true(bed_until_text(guest, "HTTP/1.1 502 "));
	guest_forget(guest);
	guest_send_text(guest, GET("/badheader"));
	assert_true(bed_until_text(guest, "HTTP/1.1 502 "));
	guest_forget(guest);
	guest_send_text(guest, GET("/silent"));
	assert_true(bed_until_text(guest, "HTTP/1.1 504 "));
	guest_forget(guest);
	upstream_kill(up);
	guest_send_text(guest, GET("/"));
	assert_true(bed_until_text(guest, "HTTP/1.1 502 "));
	assert_has(guest->text, "cannot be reached");
}

static void cut_answers_reset_the_pipe(void **state)
{
	const struct web_service_config quick = {.response_timeout_ms = 300,
						 .idle_timeout_ms = 300};

	(void)state;
	bed_grant(bed, "catalog", &up, 1, &quick);
	guest_send_text(guest, GET("/half"));
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
	assert_int_equal(guest->reason, TV_PIPE_REASON_PEER_RESET);
	guest_open(guest);
	guest_send_text(guest, GET("/halfchunk"));
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
	assert_has_not(guest->text, "\n0\r\n");
	guest_open(guest);
	guest_send_text(guest, GET("/stall"));
	assert_true(bed_until_over(guest));
	assert_int_equal(guest->reason, TV_PIPE_REASON_TIMEOUT);
}

static void cut_requests_never_end_upstream(void **state)
{
	(void)state;
	guest_send_text(guest, POST "Content-Length: 10\r\n\r\nhalf");
	bed_run_ms(bed, 50);
	assert_int_equal(up->requests, 1);
	guest_shutdown(guest);
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
	bed_run_ms(bed, 50);
	assert_int_equal(up->aborted, 1);
	guest_open(guest);
	guest_send_text(guest,
			POST "Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
	bed_run_ms(bed, 50);
	guest_close(guest);
	bed_run_ms(bed, 50);
	assert_int_equal(up->aborted, 2);
}

static void half_close_still_answers(void **state)
{
	(void)state;
	guest_send_text(guest, GET("/hello") GET("/chunked"));
	guest_shutdown(guest);
	assert_true(bed_until_over(guest));
	assert_true(guest->ended);
	assert_has(guest->text, "hello\n");
	assert_has(guest->text, "second\r\n0\r\n\r\n");
	guest_open(guest);
	guest_shutdown(guest);
	assert_true(bed_until_over(guest));
	assert_true(guest->ended);
}

static bool upstream_idle(void *context)
{
	return ((struct upstream *)context)->open == 0;
}

static void closing_cancels_and_nothing_is_left(void **state)
{
	(void)state;
	guest->stuck = true;
	guest_send_text(guest, GET("/big/10000000") GET("/second"));
	bed_run_ms(bed, 50);
	guest_close(guest);
	assert_true(bed_until(bed, upstream_idle, up));
	guest_open(guest);
	guest_read(guest);
	guest_send_text(guest, GET("/hello"));
	assert_true(bed_until_text(guest, "hello\n"));
	/* The next client gets its own answer and not an octet more. */
	assert_int_equal(strncmp(guest->text, "HTTP/1.1 200 OK", 15), 0);
	assert_int_equal(guest->text_len,
			 strstr(guest->text, "hello\n") + 6 - guest->text);
}

static void stuck_reader_stops_only_its_pipe(void **state)
{
	struct guest_pipe *other = &bed->pipes[1];

	(void)state;
	guest_close(guest);
	for (int i = 0; i < BED_INS; i++)
		assert_true(guest->ins[i].done);
	guest->stuck = true;
	guest_open(guest);
	guest_send_text(guest, GET("/big/100000000"));
	bed_run_ms(bed, 100);
	guest_open(other);
	for (int i = 0; i < 20; i++) {
		guest_forget(other);
		guest_send_text(other, GET("/hello"));
		assert_true(bed_until_text(other, "hello\n"));
	}
	/* What it left unread stayed with the upstream. */
	assert_true(up->sent_octets < 20 << 20);
}

static void revoking_cuts_at_once(void **state)
{
	struct guest_pipe *other = &bed->pipes[1];

	(void)state;
	guest_send_text(guest, GET("/stall"));
	assert_true(bed_until_text(guest, "only this"));
	guest_open(other);
	guest_send_text(other, GET("/silent"));
	bed_run_ms(bed, 20);
	assert_int_equal(web_service_set_remove(bed->services, "catalog"), 0);
	assert_true(bed_until_over(guest));
	assert_true(guest->reset);
	assert_int_equal(guest->reason, TV_PIPE_REASON_REVOKED);
	assert_true(bed_until_text(other, "HTTP/1.1 403 "));
	assert_has(other->text, "no such service is granted");
	bed_run_ms(bed, 20);
	assert_int_equal(up->open, 0);
}

static void replacing_lets_old_requests_end(void **state)
{
	struct upstream *fresh = upstream_create(bed);

	(void)state;
	guest_send_text(guest, GET("/big/3000000"));
	bed_run_ms(bed, 1);
	bed_grant(bed, "catalog", &fresh, 1, NULL);
	guest_send_text(guest, GET("/hello"));
	assert_true(bed_until_text(guest, "HTTP/1.1 200 OK"));
	while (guest->received < 3000000)
		bed_run_ms(bed, 20);
	bed_run_ms(bed, 100);
	assert_int_equal(up->requests, 1);
	assert_int_equal(fresh->requests, 1);
	assert_int_equal(up->open, 0);
}

static void early_answer_to_a_large_body(void **state)
{
	static char zeros[100000];

	(void)state;
	guest_send_text(guest, "POST /early HTTP/1.1\r\nHost: catalog\r\n"
			       "Content-Length: 100000000\r\n\r\n");
	for (int i = 0; i < 20; i++)
		guest_send(guest, zeros, sizeof(zeros));
	assert_true(bed_until_over(guest));
	assert_true(guest->ended || guest->reset);
	if (guest->ended)
		assert_has(guest->text, "HTTP/1.1 413");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(page_comes),
		TEST(pieces_of_one_octet),
		TEST(in_transfers_of_eight_octets),
		TEST(pipelined_answers_in_order),
		TEST(keep_alive_uses_one_upstream_connection),
		TEST(connection_close_ends_the_pipe),
		TEST(http10_works),
		TEST(head_has_no_body),
		TEST(answers_of_all_kinds),
		TEST(continue_comes_before_the_body),
		TEST(absolute_form_names_the_service),
		TEST(smuggling_is_refused),
		TEST(nul_is_refused),
		TEST(unknown_and_not_granted_look_the_same),
		TEST(too_large_is_said),
		TEST(headers_that_do_not_travel),
		TEST(broken_upstreams_are_said),
		TEST(cut_answers_reset_the_pipe),
		TEST(cut_requests_never_end_upstream),
		TEST(half_close_still_answers),
		TEST(closing_cancels_and_nothing_is_left),
		TEST(stuck_reader_stops_only_its_pipe),
		TEST(revoking_cuts_at_once),
		TEST(replacing_lets_old_requests_end),
		TEST(early_answer_to_a_large_body),
	};

	/* One test alone: its name in CMOCKA_TEST_FILTER. */
	if (getenv("CMOCKA_TEST_FILTER"))
		cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
