// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-manage.c - the control API without a socket: requests as octets, a
 * daemon in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/manage/route.h"
#include "backend/manage/tail.h"
#include "tests/unit/manage_fake.h"

static char folder[64];
static struct manage_fake fake;
static char request_text[REQUEST_HEAD_MAX + 4096];

/*
 * --- asking ---
 */

struct reply {
	int status;
	const char *type; /* static */
	char *text;
	json_t *json; /* NULL: none */
	struct answer answer;
};

static void reply_fini(struct reply *reply)
{
	json_decref(reply->json);
	answer_fini(&reply->answer);
}

static struct reply ask_as(bool may_change, const char *method,
			   const char *target, const char *body)
{
	static struct request request;
	static struct manage_peer peer;
	struct reply reply = {0};
	const char *why = "";
	struct call call = {
		.ops = &manage_fake_ops,
		.context = &fake,
		.peer = &peer,
		.request = &request,
		.answer = &reply.answer,
	};
	int len = snprintf(request_text, sizeof(request_text),
			   "%s %s HTTP/1.1\r\nHost: x\r\n"
			   "Content-Length: %zu\r\n\r\n%s",
			   method, target, strlen(body), body);

	peer = (struct manage_peer){.uid = may_change ? 0 : 1000,
				    .may_change = may_change};
	assert_int_equal(
		request_parse_head(request_text, (size_t)len, &request, &why),
		1);
	request.body = request_text + request.head_len;
	route(&call);
	reply.status = reply.answer.status;
	reply.type = reply.answer.type;
	reply.text = reply.answer.body;
	if (reply.text && strstr(reply.type, "json"))
		reply.json = json_loads(reply.text, 0, NULL);
	return reply;
}

static struct reply ask(const char *method, const char *target,
			const char *body)
{
	return ask_as(true, method, target, body);
}

static void assert_status(struct reply *reply, int status)
{
	if (reply->status != status)
		print_error("%s\n", reply->text);
	assert_int_equal(reply->status, status);
}

/* Asks, wants that status and that text in the answer. */
static void want(const char *method, const char *target, const char *body,
		 int status, const char *text)
{
	struct reply reply = ask(method, target, body);

	assert_status(&reply, status);
	if (!strstr(reply.text, text)) {
		print_error("no \"%s\" in %s\n", text, reply.text);
		fail();
	}
	if (status >= 400)
		assert_string_equal(reply.type, "application/problem+json");
	reply_fini(&reply);
}

static void file_write(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static char *file_text(const char *name)
{
	static char text[4096];
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	memset(text, 0, sizeof(text));
	if (file) {
		assert_true(fread(text, 1, sizeof(text) - 1, file) <
			    sizeof(text));
		fclose(file);
	}
	return text;
}

static int start(void **state)
{
	strcpy(folder, "/tmp/2virt-manage-XXXXXX");
	assert_non_null(mkdtemp(folder));
	file_write("10-shop.policy", "web:catalog shop-* allow rate=1MiB/s\n"
				     "web:secret @any deny\n");
	manage_fake_init(&fake, folder);
	return 0;
}

static int end(void **state)
{
	char command[128];

	manage_fake_fini(&fake);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/*
 * --- requests ---
 */

static void requests_are_taken_apart_strictly(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{"GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"GET /v1?a=b&c=%20 HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"GET /v1 HTTP/1.0\r\n\r\n", 1},
		{"PUT /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", 1},
		{"", 0},
		{"GET /v1 HT", 0},
		{"GET /v1 HTTP/1.1\r\nHost: x\r", 0},
		{"GET /v1 HTTP/1.1\r\nHost: x\r\n", 0},
		{"GET /v1 HTTP/1.1\nHost: x\n\n", 400},
		{"GET /v1 HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400},
		{"GET /v1 HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", 400},
		{"GET /v1 HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", 400},
		{"GET /v1 HTTP/1.1\r\n\r\n", 400},
		{"GET /v1 HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
		{"GET /v1 HTTP/1.1\r\nHost : x\r\n\r\n", 400},
		{"GET  /v1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET v1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET http://x/v1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1%2f HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1?a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1?a=%0 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"GET /v1 HTTP/2.0\r\nHost: x\r\n\r\n", 505},
		{"GET /v1 HTTP/1.9\r\nHost: x\r\n\r\n", 505},
		{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		 "Content-Length: 1\r\n\r\n",
		 400},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		 400},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: "
		 "99999999999999999999\r\n\r\n",
		 400},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: "
		 "262145\r\n\r\n",
		 413},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 411},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 400},
		{"POST /v1 HTTP/1.1\r\nHost: x\r\nExpect: "
		 "100-continue\r\n\r\n",
		 417},
		{"\x16\x03\x01\x02", 400},
	};
	struct request request;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *why = NULL;
		size_t len = strlen(cases[i].text);
		char *copy = malloc(len ? len : 1);
		int status;

		memcpy(copy, cases[i].text, len);
		status = request_parse_head(copy, len, &request, &why);
		free(copy);
		if (status == cases[i].status ||
		    /* http-parser may see it before we do */
		    (cases[i].status >= 400 && status == 400 && why))
			continue;
		print_error("case %zu gave %d: %s\n", i, status, cases[i].text);
		fail();
	}
}

static void a_head_is_bounded(void **state)
{
	struct request request;
	const char *why;
	char *text = malloc(REQUEST_HEAD_MAX);
	size_t used = (size_t)sprintf(text, "GET / HTTP/1.1\r\nA: ");

	memset(text + used, 'x', REQUEST_HEAD_MAX - used);
	assert_int_equal(
		request_parse_head(text, REQUEST_HEAD_MAX - 1, &request, &why),
		0);
	assert_int_equal(
		request_parse_head(text, REQUEST_HEAD_MAX, &request, &why),
		431);
	free(text);
}

static void what_is_not_there_is_said_to_be_so(void **state)
{
	want("GET", "/", "", 404, "GET /v1 lists");
	want("GET", "/v1/domainss", "", 404, "there is no");
	want("DELETE", "/v1/domains", "", 405, "takes GET");
	want("GET", "/v1/allow", "", 405, "takes POST");
	want("GET", "/v1/domains?color=red", "", 400, "takes no");
	want("GET", "/v1/domains?=red", "", 400, "takes no");
	want("GET", "/v1/domains", "{}", 400, "takes no body");
	want("GET", "/v1/grants?domain=nobody", "", 404, "2virt domains");
	want("GET", "/v1/log?lines=-1", "", 400, "a number");
	want("GET", "/v1/watch?interval_ms=1", "", 400, "a number");
}

/*
 * --- reading ---
 */

static void everything_there_is_can_be_listed(void **state)
{
	want("GET", "/v1", "", 200, "/v1/explain");
	want("GET", "/v1/domains", "", 200, "shop-1");
	/* A name that is no UTF-8 still makes JSON. */
	want("GET", "/v1/domains?domain=7", "", 200, "evil\\\" } \\n?");
	want("GET", "/v1/services", "", 200, "web:catalog");
	want("GET", "/v1/policy", "", 200, "10-shop.policy");
	want("POST", "/v1/allow",
	     "{\"domain\": 5, \"service\": \"p2p:db\", \"params\": {}}", 200,
	     "allow p2p:db");
	want("GET", "/v1/links", "", 200, "p2p:db");
	want("GET", "/v1/grants?domain=shop-1", "", 200, "p2p:db");
	want("GET", "/v1/limits", "", 200, "p2p:db");
	want("GET", "/v1/stats", "", 200, "p99_us");
}

static void metrics_are_prometheus_text(void **state)
{
	static const char *const lines[] = {
		"\n# TYPE twovirt_requests_total counter\n"
		"twovirt_requests_total{domid=\"5\",domain=\"shop-1\","
		"service=\"web:catalog\"} 10\n",
		"service=\"web:catalog\",reason=\"rate\"} 4\n",
		"\ntwovirt_bytes_total{domid=\"5\",domain=\"shop-1\","
		"service=\"web:catalog\"} 21000\n",
		"stage=\"function\",le=\"0.000016\"} 9\n",
		"stage=\"function\",le=\"+Inf\"} 10\n",
		"\ntwovirt_domains 2\n",
		/* nobody's name ends a label */
		"domain=\"evil\\\" } \\n?\"",
	};
	struct reply reply = ask("GET", "/metrics", "");

	assert_status(&reply, 200);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(reply.text, lines[i])) {
			print_error("not there: %s", lines[i]);
			fail();
		}
	reply_fini(&reply);
}

/*
 * --- changing ---
 */

static void readers_change_nothing(void **state)
{
	static const struct {
		const char *method, *path;
	} changes[] = {
		{"POST", "/v1/attach"},	      {"POST", "/v1/detach"},
		{"POST", "/v1/allow"},	      {"POST", "/v1/deny"},
		{"POST", "/v1/revoke"},	      {"PUT", "/v1/limits"},
		{"POST", "/v1/policy/apply"},
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct reply reply =
			ask_as(false, changes[i].method, changes[i].path,
			       "{\"domain\": 5, \"service\": \"web:shop\"}");

		assert_status(&reply, 403);
		assert_non_null(strstr(reply.text, "do it as root"));
		reply_fini(&reply);
		assert_int_equal(fake.audits, i + 1);
		assert_non_null(strstr(fake.audit, "1000: "));
		assert_non_null(strstr(fake.audit, "refused"));
	}
	assert_false(manage_fake_granted(&fake, 5, "shop"));
	assert_int_equal(fake.controllers, 0);
}

static void bodies_are_checked_before_anything_is_done(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *text;
	} cases[] = {
		{"", 400, "no JSON object"},
		{"[]", 400, "something else"},
		{"{\"domain\": 5", 400, "no JSON object"},
		{"{\"domain\": 5, \"domain\": 7, \"service\": \"web:shop\"}",
		 400, "no JSON object"},
		{"{\"service\": \"web:shop\"}", 400, "no domain"},
		{"{\"domain\": 6, \"service\": \"web:shop\"}", 404,
		 "\\\"6\\\""},
		{"{\"domain\": 5}", 400, "type:name"},
		{"{\"domain\": 5, \"service\": \"web:Shop\"}", 400,
		 "type:name"},
		{"{\"domain\": 5, \"service\": \"web:../x\"}", 400,
		 "type:name"},
		{"{\"domain\": 5, \"service\": \"gpu:x\"}", 400, "type:name"},
		{"{\"domain\": 5, \"service\": \"web:shop\", \"x\": 1}", 400,
		 "not known"},
		{"{\"domain\": 5, \"service\": \"web:shop\", \"save\": 1}", 400,
		 "true or false"},
		{"{\"domain\": 5, \"service\": \"web:shop\", \"params\": 1}",
		 400, "an object"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"speed\": \"1\"}}",
		 400, "no parameter"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"rate\": \"fast\"}}",
		 422, "rate must be"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"rate\": 5}}",
		 422, "as a string"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"path\": \"/a\\n*:* @any allow\"}}",
		 422, "path must be"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"burst\": \"1MiB\"}}",
		 422, "beside it"},
		{"{\"domain\": 5, \"service\": \"p2p:db\", "
		 "\"params\": {\"methods\": \"GET\"}}",
		 422, "web services only"},
		{"{\"domain\": 5, \"service\": \"web:shop\", "
		 "\"params\": {\"timeout\": \"1s\"}}",
		 422, "no parameter of a grant"},
		{"{\"domain\": 5, \"service\": \"web:secret\"}", 409,
		 "10-shop.policy:2"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		want("POST", "/v1/allow", cases[i].body, cases[i].status,
		     cases[i].text);
	for (int i = 0; i < FAKE_MAX_GRANTS; i++)
		assert_false(fake.grants[i].used);
}

static void allow_and_revoke_are_done_and_audited(void **state)
{
	want("POST", "/v1/allow",
	     "{\"domain\": \"shop-1\", \"service\": \"web:shop\", "
	     "\"params\": {\"rate\": \"1MiB/s\", \"methods\": \"GET\"}}",
	     200, "until the next start");
	assert_true(manage_fake_granted(&fake, 5, "shop"));
	assert_string_equal(fake.grants[0].params.value[POLICY_PARAM_RATE],
			    "1048576");
	assert_string_equal(fake.grants[0].origin, "manual");
	assert_string_equal(fake.audit, "0: allow web:shop of domain 5 "
					"(shop-1) methods=GET rate=1048576: "
					"done");
	want("POST", "/v1/revoke",
	     "{\"domain\": \"00000000-0000-0000-0000-000000000005\", "
	     "\"service\": \"web:shop\"}",
	     200, "revoke web:shop");
	assert_false(manage_fake_granted(&fake, 5, "shop"));
	/* once more is no mistake */
	want("POST", "/v1/deny", "{\"domain\": 5, \"service\": \"web:shop\"}",
	     200, "not granted");
}

static void limits_are_set_and_taken_away(void **state)
{
	want("PUT", "/v1/limits",
	     "{\"domain\": 5, \"limits\": {\"rate\": \"2MiB/s\"}}", 200,
	     "rate=2097152");
	assert_string_equal(fake.limits.value[POLICY_PARAM_RATE], "2097152");
	want("PUT", "/v1/limits",
	     "{\"domain\": 5, \"limits\": {\"rate\": null}}", 200, "-rate");
	assert_null(fake.limits.value[POLICY_PARAM_RATE]);
	want("PUT", "/v1/limits",
	     "{\"domain\": 5, \"limits\": {\"path\": \"/x\"}}", 422,
	     "whole domain");
	want("PUT", "/v1/limits",
	     "{\"domain\": 5, \"service\": \"web:shop\", "
	     "\"limits\": {\"rate\": \"1MiB/s\"}}",
	     404, "");
}

static void attach_may_take_its_time(void **state)
{
	struct reply reply;

	want("POST", "/v1/attach", "{\"domain\": 5, \"ports\": 32}", 400,
	     "1 to 31");
	want("POST", "/v1/attach", "{\"domain\": 5}", 200, "as asked");
	fake.wait = true;
	reply = ask("POST", "/v1/detach", "{\"domain\": 5}");
	assert_int_equal(reply.answer.kind, ANSWER_LATER);
	/* The client goes away before: nothing is touched. */
	reply.answer.later->owner = NULL;
	manage_fake_finish(&fake, 0);
	assert_non_null(
		strstr(fake.audit, "detach of domain 5 (shop-1): done"));
}

/*
 * --- saving ---
 */

#define SAVE(service, more)                                                    \
	"{\"domain\": \"shop-1\", \"service\": \"" service "\", "              \
	"\"save\": true" more "}"

static void saved_rules_decide(void **state)
{
	want("POST", "/v1/allow",
	     SAVE("web:shop", ", \"params\": {\"rate\": \"1MiB/s\"}"), 200,
	     "saved");
	assert_non_null(strstr(file_text("00-2virt.policy"),
			       "web:shop \"shop-1\" allow rate=\"1MiB/s\"\n"));
	assert_string_equal(fake.grants[0].origin, "rule");
	want("GET", "/v1/explain?domain=5&service=web:shop", "", 200,
	     "allow by 00-2virt.policy:2: ");
	/* The same once more takes the place of the former. */
	want("POST", "/v1/deny", SAVE("web:shop", ""), 200, "saved");
	assert_null(strstr(file_text("00-2virt.policy"), "allow rate"));
	want("GET", "/v1/explain?domain=5&service=web:shop", "", 200,
	     "deny by 00-2virt.policy:2: ");
	assert_false(manage_fake_granted(&fake, 5, "shop"));
	/* Over a rule that allows. */
	want("POST", "/v1/deny", SAVE("web:catalog", ""), 200, "saved");
	want("GET", "/v1/explain?domain=5&service=web:catalog", "", 200,
	     "deny by 00-2virt.policy:2: ");
	/* Without them the other files decide again, and it is said. */
	want("POST", "/v1/revoke", SAVE("web:catalog", ""), 200,
	     "allow by 10-shop.policy:1");
	want("POST", "/v1/revoke", SAVE("web:shop", ""), 200, "saved");
	assert_null(strstr(file_text("00-2virt.policy"), "shop-1"));
}

static void what_people_wrote_stays(void **state)
{
	file_write("00-2virt.policy", "# mine\n"
				      "web:shop \"shop-1\" deny\n"
				      "web:shop shop-1 deny # pattern\n"
				      "  p2p:x @any allow\n");
	want("POST", "/v1/allow", SAVE("web:shop", ""), 200, "saved");
	assert_string_equal(file_text("00-2virt.policy"),
			    "# mine\n"
			    "web:shop \"shop-1\" allow\n"
			    "web:shop shop-1 deny # pattern\n"
			    "  p2p:x @any allow\n");
}

static void nothing_is_saved_that_would_not_hold(void **state)
{
	struct stat status;
	char path[128];

	/* A file before ours decides. */
	file_write("00-0.policy", "web:shop @any deny\n");
	want("POST", "/v1/allow", SAVE("web:shop", ""), 409,
	     "00-0.policy:1: web:shop @any deny");
	snprintf(path, sizeof(path), "%s/00-2virt.policy", folder);
	assert_int_not_equal(stat(path, &status), 0);
	assert_false(manage_fake_granted(&fake, 5, "shop"));
	/* A broken file is not made worse. */
	file_write("00-2virt.policy", "web:x shop-1 permit\n");
	want("POST", "/v1/deny", SAVE("web:shop", ""), 409,
	     "expected allow, deny or ask");
	assert_string_equal(file_text("00-2virt.policy"),
			    "web:x shop-1 permit\n");
	/* A link is not followed. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	want("POST", "/v1/deny", SAVE("web:shop", ""), 500, "");
	assert_non_null(strstr(fake.audit, "deny web:shop"));
}

/*
 * --- rules ---
 */

static void explain_names_file_line_and_what_is_in_force(void **state)
{
	want("GET", "/v1/explain?domain=shop-1&service=web:catalog", "", 200,
	     "allow by 10-shop.policy:1: web:catalog shop-* allow "
	     "rate=1MiB/s; not granted: taken away by hand");
	want("GET", "/v1/explain?domain=shop-9&service=web:catalog", "", 200,
	     "no such domain runs now");
	want("GET", "/v1/explain?domain=5&service=web:secret", "", 200,
	     "deny by 10-shop.policy:2");
	want("GET", "/v1/explain?domain=5&service=web:shop", "", 200,
	     "deny by default: none of 2 rules fits");
	want("POST", "/v1/allow", "{\"domain\": 5, \"service\": \"web:shop\"}",
	     200, "");
	want("GET", "/v1/explain?domain=5&service=web:shop", "", 200,
	     "granted by hand all the same");
	file_write("20-ask.policy", "web:admin @any ask\n");
	want("POST", "/v1/policy/apply", "", 200, "20-ask.policy");
	want("GET", "/v1/explain?domain=5&service=web:admin", "", 200,
	     "said no, or has not answered");
	want("GET", "/v1/explain?domain=5", "", 400, "type:name");
	want("GET", "/v1/explain?service=web:shop", "", 400, "no domain");
}

static void check_names_line_and_column(void **state)
{
	want("POST", "/v1/policy/check", "web:a x allow\nweb:a x permit\n", 200,
	     "stdin.policy:2:9: expected allow, deny or ask");
	want("POST", "/v1/policy/check?name=a.policy", "web:a @any deny\n", 200,
	     "\"healthy\": true");
	want("POST", "/v1/policy/check", "web:* @any deny\nweb:a x allow\n",
	     200, "never decides");
	want("POST", "/v1/policy/check?name=a.conf", "[x]\ntags = a\n", 200,
	     "\"healthy\": true");
	want("POST", "/v1/policy/check?name=../x.policy", "", 400, "NAME");
	want("POST", "/v1/policy/check?name=x", "", 400, "NAME");
}

static void diff_says_what_apply_would_change(void **state)
{
	want("POST", "/v1/policy/diff", "", 200, "\"changes\": []");
	file_write("10-shop.policy", "web:catalog shop-* allow rate=2MiB/s\n");
	want("POST", "/v1/policy/diff", "", 200, "\"rate\": \"2097152\"");
	/* Nothing was changed by asking. */
	want("GET", "/v1/explain?domain=5&service=web:catalog", "", 200,
	     "1MiB/s");
	want("POST", "/v1/policy/diff?name=00-x.policy", "web:* shop-1 deny\n",
	     200, "deny by 00-x.policy:1");
	want("POST", "/v1/policy/diff?name=00-x.policy", "web:* shop-1 den\n",
	     422, "00-x.policy:1:14");
	/* A broken file changes nothing: its last good version stays. */
	file_write("10-shop.policy", "nonsense\n");
	want("POST", "/v1/policy/diff", "", 200, "\"changes\": []");
	want("POST", "/v1/policy/apply", "", 200, "\"healthy\": false");
	want("GET", "/v1/explain?domain=5&service=web:catalog", "", 200,
	     "its last good version is in force");
}

/* While a request is answered, no grant is looked at. */
static void a_thousand_domains_are_answered_in_time(void **state)
{
	static const char *const targets[] = {"/v1/domains",
					      "/v1/grants",
					      "/v1/limits",
					      "/v1/links",
					      "/v1/grants?domain=crowd-999",
					      "/v1/policy"};

	fake.crowd = 1000;
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		uint64_t begin = uv_hrtime();
		struct reply reply = ask("GET", targets[i], "");
		unsigned int ms =
			(unsigned int)((uv_hrtime() - begin) / 1000000);

		assert_status(&reply, 200);
		print_message("%s: %zu octets in %u ms\n", targets[i],
			      reply.answer.len, ms);
		assert_true(ms < 5000); /* sanitized, on a busy machine */
		reply_fini(&reply);
	}
	want("POST", "/v1/policy/diff?name=00-x.policy", "web:* @any allow\n",
	     200, "complete");
}

static void without_rules_grants_by_hand_still_work(void **state)
{
	manage_fake_fini(&fake);
	manage_fake_init(&fake, NULL);
	want("GET", "/v1/policy", "", 501, "does not read rules");
	want("POST", "/v1/policy/diff", "", 501, "does not read rules");
	want("POST", "/v1/allow", SAVE("web:shop", ""), 501, "does not read");
	want("POST", "/v1/allow", "{\"domain\": 5, \"service\": \"web:shop\"}",
	     200, "allow");
	want("GET", "/v1/explain?domain=5&service=web:shop", "", 200,
	     "does not read rules");
}

static void the_tail_of_the_log_is_bounded(void **state)
{
	static struct tail tail;
	char line[TAIL_LINE_MAX + 100];

	assert_null(tail_get(&tail, 0));
	for (int i = 0; i < 3 * TAIL_LINES; i++) {
		snprintf(line, sizeof(line), "line\n%d", i);
		tail_add(&tail, line);
	}
	assert_string_equal(tail_get(&tail, 0), "line 2999");
	assert_string_equal(tail_get(&tail, TAIL_LINES - 1), "line 2000");
	assert_null(tail_get(&tail, TAIL_LINES));
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < TAIL_LINES; i++)
		tail_add(&tail, line);
	assert_true(tail.bytes <= TAIL_BYTES);
	assert_int_equal(strlen(tail_get(&tail, 0)), TAIL_LINE_MAX);
	tail_fini(&tail);
	assert_int_equal(tail.bytes, 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_taken_apart_strictly),
		cmocka_unit_test(a_head_is_bounded),
		CASE(what_is_not_there_is_said_to_be_so),
		CASE(everything_there_is_can_be_listed),
		CASE(metrics_are_prometheus_text),
		CASE(readers_change_nothing),
		CASE(bodies_are_checked_before_anything_is_done),
		CASE(allow_and_revoke_are_done_and_audited),
		CASE(limits_are_set_and_taken_away),
		CASE(attach_may_take_its_time),
		CASE(saved_rules_decide),
		CASE(what_people_wrote_stays),
		CASE(nothing_is_saved_that_would_not_hold),
		CASE(explain_names_file_line_and_what_is_in_force),
		CASE(check_names_line_and_column),
		CASE(diff_says_what_apply_would_change),
		CASE(a_thousand_domains_are_answered_in_time),
		CASE(without_rules_grants_by_hand_still_work),
		cmocka_unit_test(the_tail_of_the_log_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
