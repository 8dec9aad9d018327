// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the Linux driver decides without the kernel: what it believes of a
 * backend, how it cuts buffers, whom it gives slots, what its ports report.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frontend-linux/driver/core.h"
#include "frontend-linux/driver/port.h"

#define PAGE USBIF_PAGE_SIZE

static void index_is_believed_only_up_to_what_is_in_flight(void **state)
{
	assert_true(tv_prod_valid(7, 7, 0));
	assert_true(tv_prod_valid(7, 10, 3));
	assert_false(tv_prod_valid(7, 11, 3));
	assert_false(tv_prod_valid(7, 6, 16));
	assert_true(tv_prod_valid(UINT32_MAX, 1, 2));
	assert_false(tv_prod_valid(UINT32_MAX, 2, 2));
}

static void length_is_believed_only_up_to_what_was_asked(void **state)
{
	assert_true(tv_length_valid(0, 0));
	assert_true(tv_length_valid(512, 512));
	assert_false(tv_length_valid(513, 512));
	assert_false(tv_length_valid(1, 0));
	assert_false(tv_length_valid(-1, 512));
	assert_false(tv_length_valid(INT32_MIN, UINT32_MAX));
}

static void event_names_a_port_and_a_speed_there_are(void **state)
{
	struct tv_usbif_conn_response rsp = {.portnum = 1, .speed = 3};

	assert_true(tv_conn_valid(&rsp, 1));
	rsp.portnum = 0;
	assert_false(tv_conn_valid(&rsp, 4));
	rsp.portnum = 5;
	assert_false(tv_conn_valid(&rsp, 4));
	rsp.portnum = 255;
	assert_false(tv_conn_valid(&rsp, 31));
	rsp.portnum = 4;
	rsp.speed = 4;
	assert_false(tv_conn_valid(&rsp, 4));
}

static void unknown_status_is_an_error(void **state)
{
	assert_int_equal(tv_status_errno(0), 0);
	assert_int_equal(tv_status_errno(-32), -EPIPE);
	assert_int_equal(tv_status_errno(-75), -EOVERFLOW);
	assert_int_equal(tv_status_errno(-108), -ESHUTDOWN);
	assert_int_equal(tv_status_errno(-1), -EPROTO);
	assert_int_equal(tv_status_errno(1), -EPROTO);
	assert_int_equal(tv_status_errno(INT32_MAX), -EPROTO);
}

/* Offers a linear buffer to the plan as the driver does. */
struct cut {
	struct tv_plan plan;
	unsigned int shared;
	u32 seg[USBIF_MAX_INDIRECT_SEGMENTS];
	u32 nr;
};

static void cut_linear(struct cut *cut, u32 address, u32 length, bool shareable)
{
	u32 pos = 0, len, offset;

	while (pos < length) {
		offset = (address + pos) % PAGE;
		len = PAGE - offset;
		if (len > length - pos)
			len = length - pos;
		switch (tv_plan_step(&cut->plan, offset, &len, shareable)) {
		case TV_STEP_STOP:
			return;
		case TV_STEP_SHARE:
			/* the whole page is the buffer's */
			assert_int_equal(offset, 0);
			assert_int_equal(len, PAGE);
			assert_true(length - pos >= PAGE);
			cut->shared++;
			cut->seg[cut->nr++] = len;
			break;
		case TV_STEP_BOUNCE:
			cut->seg[cut->nr++] = len;
			break;
		case TV_STEP_APPEND:
			cut->seg[cut->nr - 1] += len;
			break;
		}
		assert_true(len > 0);
		assert_true(cut->seg[cut->nr - 1] <= PAGE);
		pos += len;
	}
}

static void cut_check(const struct cut *cut)
{
	u32 i, sum = 0;

	for (i = 0; i < cut->nr; i++)
		sum += cut->seg[i];
	assert_int_equal(sum, cut->plan.bytes);
	assert_int_equal(cut->nr, cut->plan.segs);
	assert_true(cut->plan.segs <= cut->plan.max_segs);
	assert_true(cut->plan.bounces <= cut->plan.max_bounces);
	assert_true(cut->plan.bytes <= cut->plan.max_bytes);
}

static struct cut stock_cut(void)
{
	return (struct cut){.plan = {.max_segs = USBIF_MAX_SEGMENTS,
				     .max_bounces = 32,
				     .max_bytes = TV_DIRECT_BYTES}};
}

static void only_whole_pages_of_the_buffer_are_shared(void **state)
{
	struct cut cut = stock_cut();

	cut_linear(&cut, 0x1100, 3 * PAGE, true);
	cut_check(&cut);
	assert_int_equal(cut.plan.bytes, 3 * PAGE);
	assert_int_equal(cut.shared, 2);
	assert_int_equal(cut.nr, 4);

	cut = stock_cut();
	cut_linear(&cut, 0x1000, PAGE - 1, true);
	assert_int_equal(cut.shared, 0);
	assert_int_equal(cut.nr, 1);

	cut = stock_cut();
	cut_linear(&cut, 0x1000, 4 * PAGE, false);
	assert_int_equal(cut.shared, 0);
	assert_int_equal(cut.nr, 4);
}

static void stock_request_always_takes_sixty_kilobytes(void **state)
{
	u32 address;

	for (address = 0; address < PAGE; address++) {
		struct cut cut = stock_cut();

		cut_linear(&cut, address, 1 << 20, true);
		cut_check(&cut);
		assert_int_equal(cut.plan.bytes, TV_DIRECT_BYTES);
		assert_int_equal(tv_plan_trim(cut.plan.bytes, 1 << 20, 512),
				 TV_DIRECT_BYTES);
	}
}

static void small_runs_are_packed_into_one_page(void **state)
{
	struct cut cut = stock_cut();
	u32 i, len;

	for (i = 0; i < 8; i++) {
		len = 512;
		assert_int_equal(tv_plan_step(&cut.plan, 100, &len, true),
				 i ? TV_STEP_APPEND : TV_STEP_BOUNCE);
		assert_int_equal(len, 512);
	}
	len = 512;
	assert_int_equal(tv_plan_step(&cut.plan, 100, &len, true),
			 TV_STEP_BOUNCE);
	len = PAGE;
	assert_int_equal(tv_plan_step(&cut.plan, 0, &len, true), TV_STEP_SHARE);
	/* a bounce page is closed by what was shared after it */
	len = 8;
	assert_int_equal(tv_plan_step(&cut.plan, 0, &len, true),
			 TV_STEP_BOUNCE);
	assert_int_equal(cut.plan.segs, 4);
}

static void part_that_is_not_the_last_ends_on_a_packet(void **state)
{
	assert_int_equal(tv_plan_trim(1000, 1000, 512), 1000);
	assert_int_equal(tv_plan_trim(1000, 1001, 512), 512);
	assert_int_equal(tv_plan_trim(511, 1000, 512), 0);
	assert_int_equal(tv_plan_trim(0, 0, 512), 0);
	assert_int_equal(tv_plan_trim(100, 200, 0), 100);
}

static void random_plans_keep_their_limits(void **state)
{
	unsigned int seed = 1, i;

	for (i = 0; i < 20000; i++) {
		u32 segs = rand_r(&seed) % 512 + 1;
		struct cut cut = {.plan = {.max_segs = segs,
					   .max_bounces = rand_r(&seed) % 33,
					   .max_bytes = rand_r(&seed) %
							TV_INDIRECT_BYTES}};
		u32 length = rand_r(&seed) % (3 << 20);

		cut_linear(&cut, rand_r(&seed) % (2 * PAGE), length,
			   rand_r(&seed) & 1);
		cut_check(&cut);
		assert_true(cut.plan.bytes <= length);
	}
}

static void array_of_pieces_is_never_too_small(void **state)
{
	u32 address, length;

	for (length = 0; length < 5 * PAGE; length += 511)
		for (address = 0; address < PAGE; address += 255) {
			struct cut cut = stock_cut();

			cut.plan.max_segs =
				tv_segs_needed(length, 1, USBIF_MAX_SEGMENTS);
			cut_linear(&cut, address, length, true);
			assert_int_equal(cut.plan.bytes, length);
		}
	assert_int_equal(tv_segs_needed(0, 1, 16), 0);
	assert_int_equal(tv_segs_needed(UINT32_MAX, 1, 16), 16);
	assert_int_equal(tv_segs_needed(16, UINT32_MAX, 512), 512);
}

static void last_slots_are_for_control_and_unlink(void **state)
{
	struct tv_load load = {.entries = 16, .used = 14, .devices = 1};

	assert_false(tv_slot_allowed(TV_CLASS_IN, &load));
	assert_false(tv_slot_allowed(TV_CLASS_OUT, &load));
	assert_true(tv_slot_allowed(TV_CLASS_CONTROL, &load));
	load.used = 15;
	assert_false(tv_slot_allowed(TV_CLASS_CONTROL, &load));
	assert_true(tv_slot_allowed(TV_CLASS_UNLINK, &load));
	load.used = 16;
	assert_false(tv_slot_allowed(TV_CLASS_UNLINK, &load));
}

static void parked_ins_leave_room_for_others(void **state)
{
	struct tv_load load = {.entries = 16, .devices = 2};

	load.used = load.parked = load.port_parked = load.ep_parked = 4;
	assert_true(tv_slot_allowed(TV_CLASS_IN, &load));
	load.used = load.parked = load.port_parked = load.ep_parked = 5;
	assert_false(tv_slot_allowed(TV_CLASS_IN, &load));
	/* ... but an endpoint that has none gets one */
	load.ep_parked = 0;
	assert_true(tv_slot_allowed(TV_CLASS_IN, &load));
	load.used = load.parked = 10;
	assert_false(tv_slot_allowed(TV_CLASS_IN, &load));
	assert_true(tv_slot_allowed(TV_CLASS_OUT, &load));
	/* no device counted yet: no division by zero */
	load = (struct tv_load){.entries = 16};
	assert_true(tv_slot_allowed(TV_CLASS_IN, &load));
}

static void port_reports_plug_reset_and_unplug(void **state)
{
	struct tv_port port = {0};

	/* plugged before it has power: told when it has */
	assert_false(tv_port_connect(&port, USBIF_SPEED_HIGH));
	assert_int_equal(tv_port_status(&port), 0);
	tv_port_power(&port, true);
	assert_int_equal(tv_port_status(&port),
			 TV_PORT_POWER | TV_PORT_CONNECTION |
				 TV_PORT_HIGH_SPEED |
				 TV_PORT_C_CONNECTION << 16);
	port.change = 0;
	tv_port_reset(&port);
	assert_int_equal(tv_port_status(&port),
			 TV_PORT_POWER | TV_PORT_CONNECTION |
				 TV_PORT_HIGH_SPEED | TV_PORT_ENABLE |
				 TV_PORT_C_RESET << 16);
	port.change = 0;
	tv_port_suspend(&port);
	assert_true(tv_port_status(&port) & TV_PORT_SUSPEND);
	tv_port_resume(&port);
	assert_int_equal(port.change, TV_PORT_C_SUSPEND);
	port.change = 0;
	assert_false(tv_port_connect(&port, USBIF_SPEED_HIGH));
	assert_true(tv_port_connect(&port, USBIF_SPEED_NONE));
	assert_int_equal(tv_port_status(&port),
			 TV_PORT_POWER | TV_PORT_C_CONNECTION << 16);
}

static void replug_in_one_batch_is_seen(void **state)
{
	struct tv_port port = {
		.powered = true, .enabled = true, .speed = USBIF_SPEED_FULL};

	tv_port_connect(&port, USBIF_SPEED_NONE);
	tv_port_connect(&port, USBIF_SPEED_FULL);
	assert_int_equal(tv_port_status(&port),
			 TV_PORT_POWER | TV_PORT_CONNECTION |
				 TV_PORT_C_CONNECTION << 16);
}

static void empty_port_resets_to_nothing(void **state)
{
	struct tv_port port = {.powered = true};

	tv_port_reset(&port);
	assert_false(tv_port_status(&port) & TV_PORT_ENABLE);
	tv_port_suspend(&port);
	tv_port_resume(&port);
	assert_int_equal(port.change, TV_PORT_C_RESET);
	tv_port_power(&port, false);
	tv_port_reset(&port);
	assert_int_equal(tv_port_status(&port), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			index_is_believed_only_up_to_what_is_in_flight),
		cmocka_unit_test(length_is_believed_only_up_to_what_was_asked),
		cmocka_unit_test(event_names_a_port_and_a_speed_there_are),
		cmocka_unit_test(unknown_status_is_an_error),
		cmocka_unit_test(only_whole_pages_of_the_buffer_are_shared),
		cmocka_unit_test(stock_request_always_takes_sixty_kilobytes),
		cmocka_unit_test(small_runs_are_packed_into_one_page),
		cmocka_unit_test(part_that_is_not_the_last_ends_on_a_packet),
		cmocka_unit_test(random_plans_keep_their_limits),
		cmocka_unit_test(array_of_pieces_is_never_too_small),
		cmocka_unit_test(last_slots_are_for_control_and_unlink),
		cmocka_unit_test(parked_ins_leave_room_for_others),
		cmocka_unit_test(port_reports_plug_reset_and_unplug),
		cmocka_unit_test(replug_in_one_batch_is_seen),
		cmocka_unit_test(empty_port_resets_to_nothing),
	};

	return cmocka_run_group_tests_name("hcd-core", tests, NULL, NULL);
}
