// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-schema-live.c - the check of a live XenStore: the real xenstored under
 * the fake Xen, with what the toolstack writes, and with guests that act as
 * themselves.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenstore.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/xenstored.h"
#include "xenstore-schema/live.h"

static struct fake_xenstored *xenstored;
static struct xs_handle *dom0;
static struct schema *schema;
static struct fake_guest *guest;
static uint32_t domid;

static void put(const char *value, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(const char *value, const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	assert_true(xs_write(dom0, XBT_NULL, path, value,
			     (unsigned int)strlen(value)));
}

static void collect(void *context, const struct schema_violation *violation)
{
	fprintf(context, "%s: %s\n", violation->path,
		schema_rule_name(violation->rule));
}

/* "path: rule" lines of the live XenStore, for free(). */
static char *violations(void)
{
	struct snapshot *snapshot;
	struct schema_result result;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(schema_read_live(schema, dom0, &snapshot), 0);
	assert_int_equal(schema_check(schema, snapshot, collect, out, &result),
			 0);
	assert_int_equal(result.perms_unknown, 0);
	assert_true(result.nodes > 20);
	snapshot_free(snapshot);
	fclose(out);
	return text;
}

static void expect(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

static void expect(const char *format, ...)
{
	char expected[1024], *found = violations();
	va_list args;

	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	assert_string_equal(found, expected);
	free(found);
}

static void policy_make(void)
{
	struct xs_permissions nobody = {.id = 0, .perms = XS_PERM_NONE};
	const uint8_t *uuid = fake_guest_uuid(guest);
	char text[37], *at = text;

	for (int i = 0; i < 16; i++)
		at += sprintf(at, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
	assert_true(xs_mkdir(dom0, XBT_NULL, "/tool/2virt"));
	assert_true(
		xs_set_permissions(dom0, XBT_NULL, "/tool/2virt", &nobody, 1));
	put(text, "/tool/2virt/domain/%u/uuid", domid);
	put("rule", "/tool/2virt/domain/%u/grant/web/catalog/origin", domid);
	put("1024", "/tool/2virt/domain/%u/grant/web/catalog/rate", domid);
}

static int setup(void **state)
{
	assert_int_equal(fake_guest_create(&guest, 0, NULL, 0), 0);
	domid = fake_guest_domid(guest);
	assert_int_equal(fake_toolstack_domain_create(dom0, guest, "shop1"), 0);
	assert_int_equal(fake_toolstack_controller_add(dom0, domid, 0, 2, 8),
			 0);
	policy_make();
	return 0;
}

static int teardown(void **state)
{
	char path[64];

	/* Nobody serves it: the controller is gone at once. */
	snprintf(path, sizeof(path), "/local/domain/0/backend/vusb/%u", domid);
	xs_rm(dom0, XBT_NULL, path);
	fake_toolstack_domain_destroy(dom0, guest, 10);
	fake_guest_free(guest);
	xs_rm(dom0, XBT_NULL, "/tool/2virt");
	return 0;
}

static void test_what_the_toolstack_writes_passes(void **state)
{
	expect("%s", "");
}

static void test_no_guest_reads_or_writes_policy(void **state)
{
	static const char *const nodes[] = {"", "/uuid", "/grant",
					    "/grant/web/catalog",
					    "/grant/web/catalog/rate"};
	struct fake_guest *other;
	char path[128], *text;

	assert_int_equal(fake_guest_create(&other, 0, NULL, 0), 0);
	assert_int_equal(fake_toolstack_domain_create(dom0, other, "other"), 0);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		for (int j = 0; j < 2; j++) {
			struct fake_guest *who = j ? other : guest;

			snprintf(path, sizeof(path), "/tool/2virt/domain/%u%s",
				 domid, nodes[i]);
			assert_int_equal(
				fake_guest_xs_read(who, 0, path, &text, NULL),
				-EACCES);
			assert_int_equal(
				fake_guest_xs_write(who, 0, path, "x", 1),
				-EACCES);
			assert_int_equal(fake_guest_xs_rm(who, 0, path),
					 -EACCES);
			strcat(path, "/new");
			assert_int_equal(
				fake_guest_xs_write(who, 0, path, "x", 1),
				-EACCES);
		}
	}
	expect("%s", "");
	assert_int_equal(fake_toolstack_domain_destroy(dom0, other, 10), 0);
	fake_guest_free(other);
}

static void test_policy_opened_to_the_guest_is_told(void **state)
{
	struct xs_permissions open[2] = {{.id = 0, .perms = XS_PERM_NONE},
					 {.id = domid, .perms = XS_PERM_READ}};
	char path[128];

	snprintf(path, sizeof(path),
		 "/tool/2virt/domain/%u/grant/web/catalog/rate", domid);
	assert_true(xs_set_permissions(dom0, XBT_NULL, path, open, 2));
	expect("%s: permission\n", path);
	/* And it is true: the guest can. */
	{
		char *text = NULL;

		assert_int_equal(
			fake_guest_xs_read(guest, 0, path, &text, NULL), 0);
		assert_string_equal(text, "1024");
		free(text);
	}
	open[1].perms = XS_PERM_WRITE;
	assert_true(xs_set_permissions(dom0, XBT_NULL, path, open, 2));
	expect("%s: permission\n", path);
	open[0].id = domid;
	assert_true(xs_set_permissions(dom0, XBT_NULL, path, open, 1));
	expect("%s: owner\n", path);
	open[0] = (struct xs_permissions){.id = 0, .perms = XS_PERM_READ};
	assert_true(xs_set_permissions(dom0, XBT_NULL, path, open, 1));
	expect("%s: permission\n", path);
}

static void test_what_a_guest_writes_is_checked(void **state)
{
	char front[64], path[128];
	struct xs_permissions open[2] = {{.id = domid, .perms = XS_PERM_NONE},
					 {.id = 77, .perms = XS_PERM_WRITE}};

	snprintf(front, sizeof(front), "/local/domain/%u/device/vusb/0", domid);
	snprintf(path, sizeof(path), "%s/event-channel", front);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "0", 1), 0);
	expect("%s: range\n", path);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "\0\xff", 2), 0);
	expect("%s: type\n", path);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "5", 1), 0);
	assert_int_equal(fake_guest_xs_set_permissions(guest, 0, path, open, 2),
			 0);
	expect("%s: permission\n", path);
	assert_int_equal(fake_guest_xs_rm(guest, 0, path), 0);
	/* Without the ring it must not be Connected. */
	snprintf(path, sizeof(path), "%s/state", front);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "4", 1), 0);
	expect("%s/urb-ring-ref: missing\n%s/conn-ring-ref: missing\n"
	       "%s/event-channel: missing\n",
	       front, front, front);
	/* Deep below its own folder it may have what it likes. */
	snprintf(path, sizeof(path), "%s/x/x/x/x/x/x/x/x", front);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "", 0), 0);
	snprintf(path, sizeof(path), "%s/state", front);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "1", 1), 0);
	expect("%s", "");
}

static void test_nodes_of_a_dead_domain_are_told(void **state)
{
	put("01234567-89ab-cdef-0123-456789abcdef",
	    "/tool/2virt/domain/32000/uuid");
	put("", "/tool/2virt/domain/32000/grant/web/catalog");
	expect("/tool/2virt/domain/32000: stale\n");
	xs_rm(dom0, XBT_NULL, "/tool/2virt/domain/32000");
	/* Another uuid than the toolstack's: the number was used again. */
	put("01234567-89ab-cdef-0123-456789abcdef",
	    "/tool/2virt/domain/%u/uuid", domid);
	expect("/tool/2virt/domain/%u/uuid: stale\n", domid);
}

static int run(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_the_tool_reads_live_and_dumps_alike(void **state)
{
	const char *folder = fake_xen_folder();
	char command[1024];

	if (system("command -v xenstore-ls >/dev/null") != 0) {
		print_message("no xenstore-ls (xenstore-utils): skipped\n");
		skip();
	}
	put("a\\b\"c\n\001", "/tool/2virt/domain/%u/name", domid);
	for (int bad = 0; bad < 2; bad++) {
		if (bad)
			put("x", "/tool/2virt/domain/%u/grant/web/catalog",
			    domid);
		else
			put("shop \"1\"", "/tool/2virt/domain/%u/name", domid);
		snprintf(command, sizeof(command),
			 "cd %s && " SCHEMA_TOOL " check --live >live.out; "
			 "test $? = %d",
			 folder, bad);
		assert_int_equal(run(command), 0);
		snprintf(command, sizeof(command),
			 "cd %s && xenstore-ls -fp >dump && " SCHEMA_TOOL
			 " check dump >dump.out; test $? = %d && "
			 "cmp live.out dump.out",
			 folder, bad);
		assert_int_equal(run(command), 0);
		snprintf(command, sizeof(command),
			 "cd %s && xenstore-ls -fp | " SCHEMA_TOOL
			 " check --json - >json; test $? = %d && "
			 "grep -q '\"violations\": \\[%s' json",
			 folder, bad, bad ? "$" : "]");
		assert_int_equal(run(command), 0);
	}
	snprintf(command, sizeof(command),
		 "cd %s && " SCHEMA_TOOL " check /nonexistent 2>trouble; "
		 "test $? = 2 && grep -q nonexistent trouble",
		 folder);
	assert_int_equal(run(command), 0);
}

static int group_setup(void **state)
{
	char why[256];

	schema = schema_load(NULL, why, sizeof(why));
	if (!schema || fake_xen_setup() || fake_xenstored_start(&xenstored))
		return -1;
	dom0 = xs_open(0);
	return dom0 ? 0 : -1;
}

static int group_teardown(void **state)
{
	xs_close(dom0);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	schema_free(schema);
	return 0;
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_what_the_toolstack_writes_passes),
		CASE(test_no_guest_reads_or_writes_policy),
		CASE(test_policy_opened_to_the_guest_is_told),
		CASE(test_what_a_guest_writes_is_checked),
		CASE(test_nodes_of_a_dead_domain_are_told),
		CASE(test_the_tool_reads_live_and_dumps_alike),
	};

	if (!fake_xenstored_available()) {
		fprintf(stderr, "skipped: no xenstored (apt-get install "
				"xenstore-utils xen-utils-common)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
