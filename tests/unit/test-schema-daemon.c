// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-schema-daemon.c - what 2virtd, a toolstack and a stock frontend write
 * through the life of a controller is what the schema says, node by node.
 *
 * When this fails after a change of the daemon: bring 2virt.json and
 * docs/xenstore.md in step with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/daemon_bed.h"
#include "xenstore-schema/live.h"

enum { PATIENCE_MS = 5000 };

static struct schema *schema;

static void collect(void *context, const struct schema_violation *violation)
{
	fprintf(context, "%s: %s: %s\n", violation->path,
		schema_rule_name(violation->rule), violation->message);
}

/* The live XenStore is as the schema says. */
static void check(const char *when, size_t at_least)
{
	struct snapshot *snapshot;
	struct schema_result result;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(schema_read_live(schema, bed_xs, &snapshot), 0);
	assert_int_equal(schema_check(schema, snapshot, collect, out, &result),
			 0);
	snapshot_free(snapshot);
	fclose(out);
	if (result.violations)
		fail_msg("%s:\n%s", when, text);
	assert_true(result.nodes >= at_least);
	free(text);
}

static void the_daemon_keeps_to_the_schema(void **state)
{
	struct fake_guest *guest;
	struct vusb_front *front;
	uint32_t domid;

	check("without a domain", 2);
	guest = bed_guest("shop1", 2);
	domid = fake_guest_domid(guest);
	check("attached", 40);
	front = bed_front(guest, 0);
	check("connected", 45);
	bed_grant(guest, "web", "catalog", true);
	bed_grant(guest, "diag", "diag", true);
	assert_int_equal(
		vusb_front_port_wait(front, 2, USBIF_SPEED_HIGH, PATIENCE_MS),
		0);
	/* The guest may see the device before the daemon has said so. */
	for (uint64_t end = bed_now_ms() + PATIENCE_MS; !bed_node_exists(
		     "/tool/2virt/domain/%u/state/0/port/2/type", domid);
	     bed_turn(front, 10))
		assert_true(bed_now_ms() < end);
	check("granted", 55);
	bed_grant(guest, "web", "catalog", false);
	assert_int_equal(
		vusb_front_port_wait(front, 1, USBIF_SPEED_NONE, PATIENCE_MS),
		0);
	check("revoked", 50);
	assert_int_equal(
		fake_toolstack_controller_detach(bed_xs, domid, 1, 10000), 0);
	check("detached", 30);
	assert_null(vusb_front_violation(front));
	vusb_front_free(front);
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, guest, PATIENCE_MS), 0);
	fake_guest_free(guest);
	assert_true(bed_node_wait(NULL, PATIENCE_MS, "/tool/2virt/domain/%u",
				  domid));
	check("destroyed", 2);
}

static int setup(void **state)
{
	bed_daemon_start();
	return 0;
}

static int teardown(void **state)
{
	bed_daemon_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_daemon_keeps_to_the_schema,
						setup, teardown),
	};
	int result = bed_setup();
	char why[256];

	if (result)
		return result;
	schema = schema_load(NULL, why, sizeof(why));
	if (!schema)
		return 1;
	result = cmocka_run_group_tests(tests, NULL, NULL);
	schema_free(schema);
	bed_teardown();
	return result;
}
