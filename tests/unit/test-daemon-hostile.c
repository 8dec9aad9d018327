// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-hostile.c - the promises of 2virtd about device processes that
 * are somebody else's by now.  Each case starts 2virtd with hostile-device.c
 * under a name that says what it does.
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

#include "tests/unit/daemon_bed.h"

#define BACK "/local/domain/0/backend/vusb/%u/%u"
#define TREE "/tool/2virt/domain/%u"

enum { PATIENCE_MS = 5000 };

/* The frontend comes up; its backend is a hostile process. */
static struct vusb_front *front_up(struct fake_guest *guest)
{
	const struct vusb_front_options options = {.keep_going = true};
	struct vusb_front *front;

	assert_int_equal(vusb_front_create(&front, guest, 0, &options), 0);
	assert_int_equal(vusb_front_publish(front), 0);
	assert_int_equal(vusb_front_set_state(front, XENBUS_CONNECTED), 0);
	return front;
}

static void guest_end(struct fake_guest *guest, struct vusb_front *front)
{
	vusb_front_free(front);
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, guest, PATIENCE_MS), 0);
	fake_guest_free(guest);
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_true(bed_daemon_runs());
	bed_daemon_stop();
}

static void detach_does_not_depend_on_the_device_process(void **state)
{
	struct fake_guest *guest;
	struct vusb_front *front;
	uint32_t domid;

	bed_device_program("acknowledge-and-stay");
	bed_daemon_start();
	guest = bed_guest("stays", 1);
	domid = fake_guest_domid(guest);
	front = front_up(guest);
	assert_true(bed_node_wait("4", PATIENCE_MS, BACK "/state", domid, 0u));
	/* It says that it has let go, and has not. */
	bed_write("0", BACK "/online", domid, 0u);
	bed_write("5", BACK "/state", domid, 0u);
	assert_true(bed_devices_wait(0, 2000));
	assert_int_equal(vusb_front_set_state(front, XENBUS_CLOSED), 0);
	assert_true(bed_node_wait("6", 1000, BACK "/state", domid, 0u));
	bed_write(NULL, BACK, domid, 0u);
	guest_end(guest, front);
}

static void a_flood_of_faults_is_one_line_and_ends(void **state)
{
	struct fake_guest *guest;
	struct vusb_front *front;

	bed_device_program("flood-faults");
	bed_daemon_start();
	guest = bed_guest("flood", 1);
	front = front_up(guest);
	assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state",
				  fake_guest_domid(guest), 0u));
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_int_equal(bed_log_count("nothing at all"), 1);
	guest_end(guest, front);
}

/* Killed, backed off, and never believed. */
static void is_killed_for(const char *program, const char *why)
{
	struct fake_guest *guest;
	struct vusb_front *front;
	char line[96];

	bed_device_program(program);
	bed_daemon_start();
	guest = bed_guest("liar", 1);
	front = front_up(guest);
	snprintf(line, sizeof(line), "the device process ended: %s", why);
	assert_true(bed_log_wait(line, PATIENCE_MS));
	bed_turn(front, 300);
	/* Nobody has served the guest. */
	assert_int_equal(fake_toolstack_backend_state(
				 bed_xs, fake_guest_domid(guest), 0),
			 XENBUS_INIT_WAIT);
	guest_end(guest, front);
}

static void an_answer_before_the_question_kills(void **state)
{
	is_killed_for("answer-before-asked", "it spoke out of turn");
}

static void only_ready_answers_hello(void **state)
{
	is_killed_for("acknowledge-hello", "it spoke out of turn");
}

static void nothing_is_said_before_ready(void **state)
{
	is_killed_for("fault-at-once", "it spoke out of turn");
}

static void garbage_kills(void **state)
{
	is_killed_for("send-garbage", "it broke the message protocol");
}

/* Whatever 2virtd has open or was told by systemd is not its children's. */
static void a_device_process_inherits_nothing(void **state)
{
	struct fake_guest *first, *second;
	struct vusb_front *fronts[2];

	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("CREDENTIALS_DIRECTORY", "/run/credentials", 1);
	bed_device_program("show-inheritance");
	bed_daemon_start();
	unsetenv("https_proxy");
	unsetenv("CREDENTIALS_DIRECTORY");
	first = bed_guest("heir", 1);
	second = bed_guest("heiress", 1);
	fronts[0] = front_up(first);
	assert_true(bed_log_wait("inherited nothing more", PATIENCE_MS));
	bed_log_clear();
	/* The one that is started while another one runs. */
	fronts[1] = front_up(second);
	assert_true(bed_log_wait("inherited nothing more", PATIENCE_MS));
	assert_int_equal(bed_log_count("inherited descriptor"), 0);
	assert_int_equal(bed_log_count("inherited session"), 0);
	assert_int_equal(bed_log_count("inherited NOTIFY_SOCKET"), 0);
	assert_int_equal(bed_log_count("inherited https_proxy"), 0);
	assert_int_equal(bed_log_count("inherited CREDENTIALS_DIRECTORY"), 0);
	vusb_front_free(fronts[1]);
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, second, PATIENCE_MS), 0);
	fake_guest_free(second);
	guest_end(first, fronts[0]);
}

/*
 * --- guests ---
 */

static void a_guest_with_no_rings_costs_one_line(void **state)
{
	static const char nowhere[] = "1048000";
	const struct vusb_front_options options = {.keep_going = true};
	struct fake_guest *guest;
	struct vusb_front *front;

	bed_device_program(NULL);
	bed_daemon_start();
	guest = bed_guest("ringless", 1);
	bed_log_clear();
	assert_int_equal(vusb_front_create(&front, guest, 0, &options), 0);
	assert_int_equal(vusb_front_publish(front), 0);
	assert_int_equal(fake_guest_xs_write(guest, 0,
					     "device/vusb/0/conn-ring-ref",
					     nowhere, sizeof(nowhere) - 1),
			 0);
	assert_int_equal(vusb_front_set_state(front, XENBUS_CONNECTED), 0);
	assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state",
				  fake_guest_domid(guest), 0u));
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_int_equal(bed_log_count("rings unusable"), 1);
	assert_int_equal(bed_log_count("<3>") + bed_log_count("<4>"), 1);
	guest_end(guest, front);
}

/*
 * Between two looks of 2virtd a domain dies and its number is taken.  (One
 * whose pages are mapped cannot: Xen keeps its number until they are not.)
 */
static void a_domid_taken_unseen_inherits_nothing(void **state)
{
	static const uint8_t uuid[16] = {0xbb, 2};
	struct tv_usbif_conn_response event;
	struct fake_guest *guest;
	struct vusb_front *front;
	uint32_t domid;

	bed_device_program(NULL);
	bed_daemon_start();
	guest = bed_guest("before", 1);
	domid = fake_guest_domid(guest);
	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_node_wait("", PATIENCE_MS, TREE "/grant/web/catalog",
				  domid));

	bed_daemon_signal(SIGSTOP);
	fake_guest_destroy(guest);
	fake_guest_free(guest);
	bed_write(NULL, "/local/domain/0/backend/vusb/%u", domid);
	bed_write(NULL, "/local/domain/%u", domid);
	assert_true(fake_guest_create(&guest, domid, uuid, 0) >= 0);
	assert_int_equal(fake_toolstack_domain_create(bed_xs, guest, "after"),
			 0);
	assert_int_equal(fake_toolstack_controller_add(bed_xs, domid, 0, 2, 4),
			 0);
	bed_daemon_signal(SIGCONT);

	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE "/grant", domid));
	assert_true(bed_node_wait("2", PATIENCE_MS, BACK "/state", domid, 0u));
	front = bed_front(guest, 0);
	bed_turn(front, 300);
	assert_int_equal(vusb_front_conn_next(front, &event, 0), 0);
	guest_end(guest, front);
}

static int each_setup(void **state)
{
	bed_log_clear();
	return 0;
}

static int each_teardown(void **state)
{
	bool wrong = bed_log_count("runtime error") ||
		     bed_log_count("AddressSanitizer");

	bed_daemon_kill();
	if (wrong)
		bed_log_show();
	return wrong ? -1 : 0;
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, each_setup, each_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(detach_does_not_depend_on_the_device_process),
		CASE(a_flood_of_faults_is_one_line_and_ends),
		CASE(an_answer_before_the_question_kills),
		CASE(only_ready_answers_hello),
		CASE(nothing_is_said_before_ready),
		CASE(garbage_kills),
		CASE(a_device_process_inherits_nothing),
		CASE(a_guest_with_no_rings_costs_one_line),
		CASE(a_domid_taken_unseen_inherits_nothing),
	};
	int result = bed_setup();

	if (result)
		return result;
	if (getenv("TV_CASE"))
		cmocka_set_test_filter(getenv("TV_CASE"));
	result = cmocka_run_group_tests_name("daemon-hostile", tests, NULL,
					     NULL);
	bed_teardown();
	return result;
}
