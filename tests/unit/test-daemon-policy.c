// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-policy.c - rules and the tree, in a whole 2virtd with a real
 * xenstored: what is granted, what is not, when, and at what cost.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/wait.h>

#include "tests/unit/daemon_bed.h"

#define TREE "/tool/2virt/domain/%u"
#define GRANT TREE "/grant/web/%s"

enum { PATIENCE_MS = 5000, LIVE_MS = 1000 };

static struct fake_guest *guest;
static struct vusb_front *front;
static uint32_t domid;

static void guest_begin(const char *name)
{
	guest = bed_guest(name, 1);
	domid = fake_guest_domid(guest);
	front = bed_front(guest, 0);
}

static void guest_end(void)
{
	if (!guest)
		return;
	vusb_front_free(front);
	fake_toolstack_domain_destroy(bed_xs, guest, PATIENCE_MS);
	fake_guest_free(guest);
	guest = NULL;
	front = NULL;
}

static bool plugged_within(int timeout_ms)
{
	return vusb_front_port_wait(front, 1, USBIF_SPEED_HIGH, timeout_ms) ==
	       0;
}

static bool empty_within(int timeout_ms)
{
	return vusb_front_port_wait(front, 1, USBIF_SPEED_NONE, timeout_ms) ==
	       0;
}

/* Stays unplugged for a while. */
static void nothing_is_reachable(void)
{
	bed_turn(front, 300);
	for (unsigned int port = 1; port <= 4; port++)
		assert_int_equal(vusb_front_port_speed(front, port), 0);
}

static bool value_is(const char *name, const char *param, const char *value)
{
	return bed_node_wait(value, PATIENCE_MS, GRANT "/%s", domid, name,
			     param);
}

/*
 * --- rules ---
 */

static void a_rule_is_compiled_and_plugs(void **state)
{
	bed_policy_write("10.policy",
			 "web:catalog shop-? allow methods=GET,HEAD "
			 "path=/api/* request-size=64KiB response-size=1MiB "
			 "rps=10 rate=1MiB/s burst=64KiB streams=4 pipes=2 "
			 "class=high weight=200 notify\n");
	guest_begin("shop-1");
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(value_is("catalog", "origin", "rule"));
	assert_true(value_is("catalog", "methods", "GET,HEAD"));
	assert_true(value_is("catalog", "path", "/api/*"));
	assert_true(value_is("catalog", "request-size", "65536"));
	assert_true(value_is("catalog", "response-size", "1048576"));
	assert_true(value_is("catalog", "rps", "10"));
	assert_true(value_is("catalog", "rate", "1048576"));
	assert_true(value_is("catalog", "burst", "65536"));
	assert_true(value_is("catalog", "streams", "4"));
	assert_true(value_is("catalog", "pipes", "2"));
	assert_true(value_is("catalog", "class", "high"));
	assert_true(value_is("catalog", "weight", "200"));
	assert_true(value_is("catalog", "notify", "1"));
	assert_true(bed_node_wait("shop-1", PATIENCE_MS, TREE "/name", domid));
	assert_true(bed_audit_wait("\"event\":\"grant\"",
				   "\"rule\":\"10.policy:1\"", PATIENCE_MS));
	assert_true(
		bed_audit_wait("\"event\":\"plug\"", "shop-1", PATIENCE_MS));
}

struct decision_case {
	const char *policy, *domains; /* NULL: none */
	const char *name;	      /* of the domain */
	bool granted;
};

static void domains_are_told_apart(void **state)
{
	static const struct decision_case cases[] = {
		{NULL, NULL, "a", false},
		{"web:catalog a allow\n", NULL, "a", true},
		{"web:catalog a allow\n", NULL, "b", false},
		{"*:* @any allow\n", NULL, "b", true},
		{"web:cat* ?x allow\n", NULL, "ax", true},
		{"web:cat* ?x allow\n", NULL, "x", false},
		{"web:* a deny\nweb:* @any allow\n", NULL, "a", false},
		{"web:* a deny\nweb:* @any allow\n", NULL, "b", true},
		{"web:* @tag:shop allow\n", "[a*]\ntags = shop\n", "ab", true},
		{"web:* @tag:shop allow\n", "[a*]\ntags = shop\n", "b", false},
		{"web:other @any allow\n", NULL, "a", false},
		{"web:* @any alow\n", NULL, "a", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bed_policy_write("10.policy", cases[i].policy);
		bed_domains_write(cases[i].domains);
		bed_daemon_stop();
		bed_daemon_start();
		guest_begin(cases[i].name);
		if (cases[i].granted)
			assert_true(plugged_within(PATIENCE_MS));
		else
			nothing_is_reachable();
		guest_end();
	}
}

static void a_uuid_in_a_rule_is_the_hypervisors(void **state)
{
	char line[128];
	const uint8_t *u;

	guest_begin("by-uuid");
	u = fake_guest_uuid(guest);
	snprintf(line, sizeof(line),
		 "web:* %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x"
		 "%02x%02x%02x%02x allow\n",
		 u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9],
		 u[10], u[11], u[12], u[13], u[14], u[15]);
	nothing_is_reachable();
	bed_policy_write("10.policy", line);
	assert_true(plugged_within(LIVE_MS));
}

static void a_change_of_a_file_is_in_force_within_a_second(void **state)
{
	guest_begin("live");
	nothing_is_reachable();
	bed_policy_write("10.policy", "web:catalog @any allow\n");
	assert_true(plugged_within(LIVE_MS));
	bed_policy_write("10.policy", "web:catalog @any allow rate=2KiB/s\n");
	assert_true(bed_log_wait("limits of catalog are others now", LIVE_MS));
	assert_int_not_equal(vusb_front_port_speed(front, 1), 0);
	bed_policy_write("05.policy", "web:* @any deny\n");
	assert_true(empty_within(LIVE_MS));
	assert_true(bed_node_wait(NULL, LIVE_MS, GRANT, domid, "catalog"));
	assert_true(bed_audit_wait("\"event\":\"revoke\"",
				   "\"rule\":\"05.policy:1\"", LIVE_MS));
	bed_policy_write("05.policy", NULL);
	assert_true(plugged_within(LIVE_MS));
	bed_policy_write("10.policy", NULL);
	assert_true(empty_within(LIVE_MS));
}

static void a_broken_file_keeps_its_last_good_version(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any allow\n");
	guest_begin("broken");
	assert_true(plugged_within(PATIENCE_MS));
	bed_policy_write("10.policy", "web:* @any permit\n");
	assert_true(bed_log_wait("10.policy:1:12: expected allow, deny or ask",
				 LIVE_MS));
	bed_turn(front, 300);
	assert_int_not_equal(vusb_front_port_speed(front, 1), 0);
	/* Others are read as they are. */
	bed_policy_write("05.policy", "web:* @any deny\n");
	assert_true(empty_within(LIVE_MS));
	/* Good versions outlive the daemon. */
	bed_policy_write("05.policy", NULL);
	assert_true(plugged_within(LIVE_MS));
	bed_daemon_stop();
	bed_daemon_start();
	bed_turn(front, 500);
	assert_true(value_is("catalog", "origin", "rule"));
	/* A copy goes when its file goes. */
	bed_policy_write("10.policy", NULL);
	assert_true(bed_node_wait(NULL, LIVE_MS, GRANT, domid, "catalog"));
}

static void a_redirect_gives_another_service_under_the_name(void **state)
{
	bed_policy_write("10.policy", "web:news @any allow redirect=catalog\n");
	guest_begin("redirected");
	assert_true(plugged_within(PATIENCE_MS));
	assert_true(bed_log_wait("service news granted", LIVE_MS));
	assert_int_equal(bed_log_count("service catalog granted"), 0);
	bed_policy_write("10.policy",
			 "web:news @any allow redirect=undefined\n");
	assert_true(bed_log_wait("service news revoked", LIVE_MS));
	assert_true(empty_within(LIVE_MS));
}

static void limits_of_a_domain_come_from_domains_d(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any allow\n");
	bed_domains_write("[limited]\ntags = x\nrate = 1MiB/s\n");
	guest_begin("limited");
	assert_true(plugged_within(PATIENCE_MS));
	assert_true(
		bed_node_wait("1048576", LIVE_MS, TREE "/limit/rate", domid));
	assert_true(bed_node_wait("x", LIVE_MS, TREE "/tags", domid));
	/* A limit that is wrong is none of no limit. */
	bed_write("fast", TREE "/limit/rate", domid);
	assert_true(empty_within(LIVE_MS));
	bed_write("4096", TREE "/limit/rate", domid);
	assert_true(plugged_within(LIVE_MS));
}

static void a_name_that_changes_is_followed(void **state)
{
	bed_policy_write("10.policy", "web:catalog good allow\n");
	guest_begin("bad");
	nothing_is_reachable();
	bed_write("good", "/local/domain/%u/name", domid);
	assert_true(plugged_within(LIVE_MS));
	bed_write(NULL, "/local/domain/%u/name", domid);
	assert_true(empty_within(LIVE_MS));
}

/*
 * --- asking ---
 */

static void the_program_is_asked(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any ask timeout=500ms\n");
	bed_ask_write("[ \"$1 $3\" = \"yes web:catalog\" ] && "
		      "[ \"$TV_RULE\" = 10.policy:1 ] && [ -n \"$TV_UUID\" ]");
	guest_begin("yes");
	assert_true(plugged_within(PATIENCE_MS));
	/* Lines move, the rule is the same: nobody is asked again. */
	bed_ask_write("exit 1");
	bed_policy_write("10.policy",
			 "# moved\nweb:catalog @any ask timeout=500ms\n");
	bed_turn(front, 500);
	assert_int_not_equal(vusb_front_port_speed(front, 1), 0);
	/* Another rule asks again. */
	bed_policy_write("10.policy", "web:catalog @any ask timeout=1s\n");
	assert_true(empty_within(LIVE_MS));
	assert_true(bed_log_wait("no (exit code 1)", LIVE_MS));
}

static void no_answer_is_no(void **state)
{
	static const struct {
		const char *script, *said;
	} cases[] = {
		{"exit 1", "no (exit code 1)"},
		{"exec sleep 60", "no (no answer in time)"},
		{"sleep 60 & wait", "no (no answer in time)"},
		{"kill -9 $$", "no (killed by signal 9)"},
	};

	bed_policy_write("10.policy", "web:catalog @any ask timeout=300ms\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bed_ask_write(cases[i].script);
		bed_log_clear();
		guest_begin("no");
		assert_true(bed_log_wait(cases[i].said, PATIENCE_MS));
		nothing_is_reachable();
		guest_end();
	}
}

static void a_domain_that_ends_is_not_asked_about_any_more(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any ask timeout=1min\n");
	bed_ask_write("exec sleep 60");
	guest_begin("short");
	assert_true(bed_devices_wait(2, PATIENCE_MS));
	guest_end();
	assert_true(bed_devices_wait(0, PATIENCE_MS));
}

/*
 * --- by hand ---
 */

static void manual_grants_stay_unless_a_rule_denies(void **state)
{
	bed_policy_write("10.policy", "web:shop @any allow\n");
	guest_begin("manual");
	bed_write("manual", GRANT "/origin", domid, "catalog");
	assert_true(plugged_within(PATIENCE_MS));
	assert_true(
		bed_log_wait("override by hand: grant/web/catalog", LIVE_MS));
	assert_true(bed_audit_wait("\"service\":\"web:catalog\"",
				   "\"rule\":\"manual\"", LIVE_MS));
	bed_policy_write("10.policy", "web:shop @any allow rate=1MiB/s\n");
	assert_true(value_is("shop", "rate", "1048576"));
	assert_true(bed_node_exists(GRANT, domid, "catalog"));
	bed_policy_write("10.policy", "web:catalog @any deny\n");
	assert_true(bed_node_wait(NULL, LIVE_MS, GRANT, domid, "catalog"));
	assert_true(empty_within(LIVE_MS));
	/* Also when it is made later. */
	bed_write("manual", GRANT "/origin", domid, "catalog");
	assert_true(bed_node_wait(NULL, LIVE_MS, GRANT, domid, "catalog"));
	nothing_is_reachable();
}

static void values_set_by_hand_hold_until_the_rules_change(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any allow rate=1MiB/s\n");
	guest_begin("hand");
	assert_true(plugged_within(PATIENCE_MS));
	assert_true(value_is("catalog", "rate", "1048576"));
	bed_write("4096", GRANT "/rate", domid, "catalog");
	assert_true(bed_log_wait("limits of catalog are others now", LIVE_MS));
	assert_true(bed_log_wait("override by hand: grant/web/catalog/rate",
				 LIVE_MS));
	bed_policy_write("10.policy",
			 "# same\nweb:catalog @any allow rate=1MiB/s\n");
	bed_turn(front, 400);
	assert_true(value_is("catalog", "rate", "4096"));
	bed_daemon_stop();
	bed_daemon_start();
	assert_true(value_is("catalog", "rate", "1048576"));
	bed_write(NULL, GRANT, domid, "catalog");
	assert_true(empty_within(LIVE_MS));
	bed_turn(front, 300);
	assert_false(bed_node_exists(GRANT, domid, "catalog"));
	bed_policy_write("10.policy", "web:catalog @any allow rate=2MiB/s\n");
	assert_true(plugged_within(LIVE_MS));
}

static void a_value_that_cannot_be_voids_its_grant(void **state)
{
	static const struct {
		const char *param, *value;
	} cases[] = {
		{"rate", "fast"},     {"rate", "-1"},
		{"rate", ""},	      {"rate", "99999999999999999999"},
		{"methods", "get"},   {"path", "api"},
		{"class", "urgent"},  {"notify", "2"},
		{"redirect", "../x"}, {"request-size", "0"},
		{"ratee", "1048576"}, {"timeout", "1000"},
		{"pipes", "1000"},
	};

	guest_begin("void");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bed_write("manual", GRANT "/origin", domid, "catalog");
		assert_true(plugged_within(PATIENCE_MS));
		bed_log_clear();
		bed_write(cases[i].value, GRANT "/%s", domid, "catalog",
			  cases[i].param);
		assert_true(empty_within(LIVE_MS));
		assert_true(bed_log_wait("the grant of web:catalog is void",
					 LIVE_MS));
		assert_true(
			bed_node_exists(TREE "/state/void/web/catalog", domid));
		bed_write(NULL, GRANT "/%s", domid, "catalog", cases[i].param);
		assert_true(plugged_within(LIVE_MS));
		assert_true(bed_node_wait(
			NULL, LIVE_MS, TREE "/state/void/web/catalog", domid));
		bed_write(NULL, GRANT, domid, "catalog");
		assert_true(empty_within(LIVE_MS));
	}
}

/*
 * --- trust ---
 */

static void permissions_set(const char *path, uint32_t other, bool write)
{
	struct xs_permissions perms[2] = {
		{.id = 0, .perms = XS_PERM_NONE},
		{.id = other, .perms = write ? XS_PERM_WRITE : XS_PERM_NONE},
	};

	assert_true(xs_set_permissions(bed_xs, XBT_NULL, path, perms, 2));
}

static void what_others_can_write_is_not_honoured(void **state)
{
	static const char *const nodes[] = {
		"/tool/2virt",
		"/tool/2virt/domain",
		TREE,
		TREE "/grant",
		TREE "/grant/web",
		TREE "/grant/web/catalog",
		TREE "/grant/web/catalog/origin",
		TREE "/grant/web/catalog/rate",
	};

	bed_policy_write("10.policy", "web:catalog @any allow rate=1MiB/s\n");
	guest_begin("perms");
	assert_true(plugged_within(PATIENCE_MS));
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), nodes[i], domid);
		bed_log_clear();
		permissions_set(path, domid, true);
		assert_true(empty_within(LIVE_MS));
		assert_true(
			bed_log_wait("others than dom0 may write it", LIVE_MS));
		permissions_set(path, domid, false);
		assert_true(plugged_within(LIVE_MS));
	}
}

static void guests_neither_read_nor_write_the_tree(void **state)
{
	static const char *const nodes[] = {
		"/tool/2virt",
		TREE,
		TREE "/grant",
		TREE "/grant/web",
		TREE "/grant/web/catalog",
		TREE "/grant/web/catalog/rate",
		TREE "/name",
		TREE "/uuid",
		TREE "/limit/rate",
	};
	struct fake_guest *other;

	bed_policy_write("10.policy", "web:catalog @any allow rate=1MiB/s\n");
	bed_domains_write("[closed]\nrate = 1MiB/s\n");
	guest_begin("closed");
	assert_true(plugged_within(PATIENCE_MS));
	assert_true(
		bed_node_wait("1048576", LIVE_MS, TREE "/limit/rate", domid));
	other = bed_guest("else", 0);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		struct fake_guest *const asking[] = {guest, other};
		char path[128], *value = NULL;

		snprintf(path, sizeof(path), nodes[i], domid);
		for (int j = 0; j < 2; j++) {
			assert_int_equal(fake_guest_xs_read(asking[j], 0, path,
							    &value, NULL),
					 -EACCES);
			assert_int_equal(
				fake_guest_xs_write(asking[j], 0, path, "1", 1),
				-EACCES);
		}
	}
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, other, PATIENCE_MS), 0);
	fake_guest_free(other);
}

static void grants_of_a_former_domain_are_void(void **state)
{
	uint32_t former;

	bed_policy_write("10.policy", "web:catalog first allow\n");
	guest_begin("first");
	former = domid;
	assert_true(plugged_within(PATIENCE_MS));
	guest_end();
	/* As if somebody had kept them. */
	bed_write("manual", "/tool/2virt/domain/%u/grant/web/catalog/origin",
		  former);
	bed_write("0f0f0f0f-0000-0000-0000-000000000000",
		  "/tool/2virt/domain/%u/uuid", former);
	assert_int_equal(fake_guest_create(&guest, former, NULL, 0), 0);
	assert_int_equal(fake_toolstack_domain_create(bed_xs, guest, "second"),
			 0);
	domid = former;
	assert_int_equal(
		fake_toolstack_controller_attach(bed_xs, domid, 0, 2, 4, 10000),
		0);
	front = bed_front(guest, 0);
	nothing_is_reachable();
	assert_false(bed_node_exists(GRANT, domid, "catalog"));
}

static void without_any_single_rule_nothing_is_reachable(void **state)
{
	static const char *const rules[] = {
		"web:catalog @tag:t allow\n",
		"web:shop trusted allow rate=1MiB/s\n",
		"diag:echo @any allow\n",
	};
	static const char *const services[] = {"web/catalog", "web/shop",
					       "diag/echo"};

	bed_domains_write("[trusted]\ntags = t\n");
	guest_begin("trusted");
	for (int without = 0; without < 3; without++) {
		char text[256] = "";

		for (int i = 0; i < 3; i++)
			if (i != without)
				strcat(text, rules[i]);
		bed_policy_write("10.policy", text);
		for (int i = 0; i < 3; i++)
			assert_true(bed_node_wait(
				i == without ? NULL : "rule", PATIENCE_MS,
				TREE "/grant/%s/origin", domid, services[i]));
	}
	/* The tree emptied, as a whole and from below. */
	assert_true(plugged_within(LIVE_MS));
	bed_write(NULL, TREE "/grant", domid);
	assert_true(empty_within(LIVE_MS));
	nothing_is_reachable();
}

/*
 * --- requests ---
 */

#define REQUEST(method, path)                                                  \
	method " " path " HTTP/1.1\r\nHost: catalog\r\n\r\n"

static void requests_are_judged_and_told_with_their_rule(void **state)
{
	bed_policy_write("10.policy", "# nothing here\n"
				      "web:catalog @any allow methods=GET "
				      "path=/api/*\n");
	guest_begin("judged");
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service catalog granted", PATIENCE_MS));
	assert_true(
		bed_request(front, 2, 1, REQUEST("GET", "/api/1"), " 502 "));
	assert_true(bed_audit_wait("\"path\":\"/api/1\"",
				   "\"rule\":\"10.policy:2\","
				   "\"result\":\"allowed\"",
				   PATIENCE_MS));
	/* The refusal says whom to ask. */
	assert_true(bed_request(front, 2, 2, REQUEST("DELETE", "/api/2"),
				"ops@example.org"));
	assert_true(bed_audit_wait("\"path\":\"/api/2\"",
				   "\"rule\":\"10.policy:2\","
				   "\"result\":\"method\"",
				   PATIENCE_MS));
	assert_true(bed_request(front, 2, 3,
				REQUEST("GET", "/private?x=secret"), " 403 "));
	assert_true(bed_audit_wait("\"path\":\"/private\"",
				   "\"result\":\"path\"", PATIENCE_MS));
	/* What is set by hand counts at once. */
	bed_write("GET,DELETE", GRANT "/methods", domid, "catalog");
	assert_true(bed_log_wait("limits of catalog are others now", LIVE_MS));
	assert_true(
		bed_request(front, 2, 4, REQUEST("DELETE", "/api/4"), " 502 "));
	/* Somebody else's service. */
	assert_true(bed_request(
		front, 2, 5, "GET / HTTP/1.1\r\nHost: shop\r\n\r\n", " 403 "));
	assert_true(bed_audit_wait("\"service\":\"web:shop\"",
				   "\"rule\":\"default\","
				   "\"result\":\"no-grant\"",
				   PATIENCE_MS));
}

static void a_flood_of_requests_is_counted_in_the_audit(void **state)
{
	bed_policy_write("10.policy", "web:catalog @any allow methods=GET\n");
	guest_begin("flooding");
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service catalog granted", PATIENCE_MS));
	for (uint16_t i = 1; i <= 500; i++)
		assert_true(bed_request(front, 2, i,
					REQUEST("DELETE", "/flood"), " 403 "));
	bed_turn(front, 2000);
	assert_true(bed_audit_wait("\"event\":\"suppressed\"", "flooding",
				   PATIENCE_MS));
}

static void a_stopped_process_does_not_keep_old_limits(void **state)
{
	pid_t pid;

	bed_policy_write("10.policy", "web:catalog @any allow rate=1MiB/s\n");
	guest_begin("stopped");
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service catalog granted", PATIENCE_MS));
	assert_int_equal(bed_devices(&pid, 1), 1);
	kill(pid, SIGSTOP);
	bed_policy_write("10.policy", "web:catalog @any allow rate=2KiB/s\n");
	assert_true(bed_log_wait("no answer to GRANT_PUT in time", LIVE_MS));
	/* Its successor has the new ones. */
	assert_true(plugged_within(PATIENCE_MS));
}

/*
 * --- cost ---
 */

static void many_rules(unsigned int grants, unsigned int rate)
{
	char *text = calloc(1, 100 * grants + 1), *at = text;

	for (unsigned int i = 0; i < grants; i++)
		at += sprintf(at,
			      "web:s%u @any allow redirect=catalog "
			      "methods=GET rate=%uKiB/s\n",
			      i, rate);
	bed_policy_write("10.policy", text);
	free(text);
}

/* Until the daemon has nothing to do any more. */
static uint64_t operations_settled(void)
{
	uint64_t before = bed_operations(), now;

	for (;;) {
		bed_turn(front, 250);
		now = bed_operations();
		if (now == before)
			return now;
		before = now;
	}
}

static void xenstore_is_used_sparingly(void **state)
{
	const unsigned int grants = 20, values = grants * 4;
	uint64_t before, after;

	guest_begin("counted");
	before = operations_settled();
	many_rules(grants, 1024);
	assert_true(value_is("s19", "rate", "1048576"));
	after = operations_settled();
	printf("compiling %u values: %llu operations\n", values,
	       (unsigned long long)(after - before));
	assert_true(after - before <= 4 * values);

	before = after;
	bed_write("4096", GRANT "/rate", domid, "s3");
	assert_true(bed_log_wait("limits of s3 are others now", LIVE_MS));
	after = operations_settled();
	printf("one value by hand: %llu operations\n",
	       (unsigned long long)(after - before));
	assert_true(after - before <= 50);

	before = after;
	bed_write("manual", GRANT "/origin", domid, "shop");
	assert_true(bed_log_wait("override by hand: grant/web/shop", LIVE_MS));
	after = operations_settled();
	printf("one grant by hand: %llu operations\n",
	       (unsigned long long)(after - before));
	assert_true(after - before <= 50);

	before = after;
	many_rules(grants, 2048);
	assert_true(value_is("s19", "rate", "2097152"));
	after = operations_settled();
	printf("20 values by rules: %llu operations\n",
	       (unsigned long long)(after - before));
	assert_true(after - before <= 4 * grants + 10);
}

static void a_thousand_changed_keys_are_about_one_reconfiguration(void **state)
{
	unsigned int rounds;

	guest_begin("flood");
	many_rules(20, 1024);
	assert_true(value_is("s19", "rate", "1048576"));
	operations_settled();
	bed_log_clear();
	for (unsigned int i = 0; i < 1000; i++) {
		char value[16];

		snprintf(value, sizeof(value), "%u", 2048 + i);
		bed_write(value, GRANT "/rate", domid, i % 2 ? "s3" : "s4");
	}
	bed_turn(front, 1000);
	rounds = bed_log_count("limits of s3 are others now");
	printf("1000 keys: %u reconfigurations\n", rounds);
	assert_in_range(rounds, 1, 10);
	assert_true(value_is("s3", "rate", "3047"));
}

/* Somebody who writes the same nodes all the time; dies with us. */
static pid_t writer_start(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct xs_handle *xs = xs_open(0);
		char path[128];

		for (unsigned int i = 0; xs && i < 200000; i++) {
			snprintf(path, sizeof(path), GRANT "/rate", domid,
				 i % 3 ? "s1" : "extra");
			xs_write(xs, XBT_NULL, path, i % 2 ? "2048" : "4096",
				 4);
		}
		_exit(0);
	}
	return pid;
}

static void another_writer_does_not_keep_rules_out(void **state)
{
	pid_t writer;

	guest_begin("contended");
	many_rules(10, 1024);
	assert_true(value_is("s9", "rate", "1048576"));
	writer = writer_start();
	many_rules(10, 2048);
	assert_true(value_is("s9", "rate", "2097152"));
	assert_true(value_is("s0", "rate", "2097152"));
	bed_policy_write("10.policy", "web:* @any deny\n");
	bed_turn(front, 500);
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	assert_true(bed_node_wait(NULL, PATIENCE_MS, GRANT, domid, "s1"));
	assert_true(bed_node_wait(NULL, PATIENCE_MS, GRANT, domid, "extra"));
	assert_true(empty_within(LIVE_MS));
}

/*
 * --- ---
 */

static int each_setup(void **state)
{
	bed_policy_write("10.policy", NULL);
	bed_policy_write("05.policy", NULL);
	bed_domains_write(NULL);
	bed_ask_write("exit 1");
	if (bed_daemon_runs())
		bed_daemon_stop();
	bed_log_clear();
	bed_daemon_start();
	return 0;
}

static int each_teardown(void **state)
{
	guest_end();
	if (bed_log_count("runtime error") ||
	    bed_log_count("AddressSanitizer") || !bed_devices_wait(0, 2000)) {
		bed_log_show();
		return -1;
	}
	return 0;
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, each_setup, each_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_rule_is_compiled_and_plugs),
		CASE(domains_are_told_apart),
		CASE(a_uuid_in_a_rule_is_the_hypervisors),
		CASE(a_change_of_a_file_is_in_force_within_a_second),
		CASE(a_broken_file_keeps_its_last_good_version),
		CASE(a_redirect_gives_another_service_under_the_name),
		CASE(limits_of_a_domain_come_from_domains_d),
		CASE(a_name_that_changes_is_followed),
		CASE(the_program_is_asked),
		CASE(no_answer_is_no),
		CASE(a_domain_that_ends_is_not_asked_about_any_more),
		CASE(manual_grants_stay_unless_a_rule_denies),
		CASE(values_set_by_hand_hold_until_the_rules_change),
		CASE(a_value_that_cannot_be_voids_its_grant),
		CASE(what_others_can_write_is_not_honoured),
		CASE(guests_neither_read_nor_write_the_tree),
		CASE(grants_of_a_former_domain_are_void),
		CASE(without_any_single_rule_nothing_is_reachable),
		CASE(requests_are_judged_and_told_with_their_rule),
		CASE(a_flood_of_requests_is_counted_in_the_audit),
		CASE(a_stopped_process_does_not_keep_old_limits),
		CASE(xenstore_is_used_sparingly),
		CASE(a_thousand_changed_keys_are_about_one_reconfiguration),
		CASE(another_writer_does_not_keep_rules_out),
	};
	int failed = bed_setup();

	if (failed)
		return failed;
	failed =
		cmocka_run_group_tests_name("daemon-policy", tests, NULL, NULL);
	bed_teardown();
	return failed;
}
