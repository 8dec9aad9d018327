// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-bus-xen.c - promises of the Xen bus to a frontend, in tiny Xen.
 *
 * What the stock frontend relies on, what hostile ones try, and what it may
 * cost.  tests/unit/test-bus-xen-crash.c has the successor's promises.
 */
#include "tests/unit/xen-bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static struct xen_bench bench;
static struct probe *probe;
static struct tiny_front *const front = &bench.front;

static int setup(void **state)
{
	(void)state;
	probe = xen_bench_start(&bench, 0);
	return 0;
}

static int setup_large(void **state)
{
	(void)state;
	probe = xen_bench_start(&bench, 3);
	return 0;
}

static int setup_bare(void **state)
{
	(void)state;
	xen_bench_init(&bench);
	tiny_front_open(front, 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	assert_int_equal(tiny_xen.idle_unmasks, 0);
	if (bench.bus) {
		xen_bench_fini(&bench);
		return 0;
	}
	/* A case destroyed it. */
	xen_bench_create_bus(&bench);
	xen_bench_fini(&bench);
	return 0;
}

static void request_in(uint16_t id, uint32_t page, uint32_t len)
{
	tiny_front_data(tiny_front_request(front), id, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_BULK, PROBE_IN, page, 0, len);
}

static void request_out(uint16_t id, uint32_t page, uint32_t len)
{
	tiny_front_data(tiny_front_request(front), id, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_BULK, PROBE_OUT, page, 0, len);
}

static void expect(uint16_t id, int status, int actual)
{
	struct tv_usbif_response response;

	assert_true(tiny_front_response(front, &response));
	assert_int_equal(response.id, id);
	assert_int_equal(response.status, status);
	assert_int_equal(response.actual_length, actual);
}

static void expect_nothing(void)
{
	struct tv_usbif_response response;

	assert_false(tiny_front_response(front, &response));
}

static void go(void)
{
	tiny_front_push(front);
	xen_bench_settle(&bench);
}

static void expect_event(unsigned int port, unsigned int speed)
{
	struct tv_usbif_conn_response event;

	assert_true(tiny_front_event(front, true, &event));
	assert_int_equal(event.portnum, port);
	assert_int_equal(event.speed, speed);
}

static void expect_no_event(void)
{
	struct tv_usbif_conn_response event;

	assert_false(tiny_front_event(front, true, &event));
}

/* --- the stock frontend --- */

static void every_id_is_answered_once(void **state)
{
	bool seen[16] = {false};
	struct tv_usbif_response response;

	(void)state;
	probe_give(probe, 4 * 100);
	for (uint16_t id = 0; id < 16; id++)
		request_in(id, TINY_FRONT_DATA + id, 100);
	go();
	probe_give(probe, 1000);
	xen_bench_settle(&bench);
	probe_give(probe, 200);
	xen_bench_settle(&bench);
	for (unsigned int i = 0; i < 16; i++) {
		assert_true(tiny_front_response(front, &response));
		assert_false(seen[response.id]);
		seen[response.id] = true;
		assert_int_equal(response.status, 0);
	}
	expect_nothing();
}

static void an_unlink_and_its_target_are_both_answered(void **state)
{
	(void)state;
	request_in(4, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	tiny_front_unlink(tiny_front_request(front), 5, 1, 4);
	go();
	expect(4, USBIF_STATUS_IOERROR, 0);
	expect(5, USBIF_STATUS_OK, 0);
	expect_nothing();
	/* The function has forgotten it: its octets go to the next. */
	probe_give(probe, 10);
	request_in(4, TINY_FRONT_DATA, 64);
	go();
	expect(4, 0, 10);
}

static void an_unlink_of_nothing_is_answered(void **state)
{
	(void)state;
	tiny_front_unlink(tiny_front_request(front), 5, 1, 4);
	tiny_front_unlink(tiny_front_request(front), 6, 1, 6);
	tiny_front_unlink(tiny_front_request(front), 7, 1, 0xffff);
	tiny_front_unlink(tiny_front_request(front), 8, 0, 16);
	go();
	expect(5, USBIF_STATUS_INVAL, 0);
	expect(6, USBIF_STATUS_INVAL, 0);
	expect(7, USBIF_STATUS_INVAL, 0);
	expect(8, USBIF_STATUS_INVAL, 0);
	assert_int_equal(bench.faults, 0);
}

static void an_unlink_in_the_batch_of_its_target_works(void **state)
{
	(void)state;
	request_in(1, TINY_FRONT_DATA, 64);
	tiny_front_unlink(tiny_front_request(front), 2, 1, 1);
	go();
	expect(1, USBIF_STATUS_IOERROR, 0);
	expect(2, USBIF_STATUS_OK, 0);
}

static void parked_ins_leave_room_to_unlink_them(void **state)
{
	(void)state;
	for (uint16_t id = 0; id < 15; id++)
		request_in(id, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	for (uint16_t id = 0; id < 15; id++) {
		tiny_front_unlink(tiny_front_request(front), 15, 1, id);
		go();
		expect(id, USBIF_STATUS_IOERROR, 0);
		expect(15, USBIF_STATUS_OK, 0);
	}
}

static void no_notification_without_progress(void **state)
{
	unsigned int before = tiny_xen.notifications;

	(void)state;
	request_in(0, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	for (int i = 0; i < 5; i++) {
		tiny_xen_kick();
		xen_bench_settle(&bench);
	}
	assert_int_equal(tiny_xen.notifications, before);
}

static void one_notification_for_a_batch(void **state)
{
	unsigned int before = tiny_xen.notifications;

	(void)state;
	/* As a driver does before it sleeps: asks for the next response. */
	expect_nothing();
	probe_give(probe, 16);
	for (uint16_t id = 0; id < 16; id++)
		request_in(id, TINY_FRONT_DATA + id, 1);
	go();
	for (uint16_t id = 0; id < 16; id++)
		expect(id, 0, 1);
	assert_int_equal(tiny_xen.notifications, before + 1);
}

static void completions_from_elsewhere_are_flushed_together(void **state)
{
	unsigned int before;
	unsigned int copies;

	(void)state;
	for (uint16_t id = 0; id < 8; id++)
		request_in(id, TINY_FRONT_DATA + id, 10);
	xen_bench_no_answer(&bench);
	before = tiny_xen.notifications;
	copies = tiny_xen.copy_calls;
	for (unsigned int i = 0; i < 8; i++)
		probe_give(probe, 10);
	expect_nothing();
	xen_bench_settle(&bench);
	for (uint16_t id = 0; id < 8; id++)
		expect(id, 0, 10);
	assert_int_equal(tiny_xen.notifications, before + 1);
	assert_int_equal(tiny_xen.copy_calls, copies + 1);
}

static void a_plugged_port_is_announced_once(void **state)
{
	(void)state;
	expect_no_event();
	xen_bench_plug(&bench, 4);
	xen_bench_settle(&bench);
	expect_event(4, USBIF_SPEED_HIGH);
	expect_no_event();
	assert_int_equal(bus_unplug(bench.bus, 4), 0);
	xen_bench_settle(&bench);
	expect_event(4, USBIF_SPEED_NONE);
	expect_no_event();
}

static void a_replaced_device_is_seen_to_go_first(void **state)
{
	(void)state;
	assert_int_equal(bus_unplug(bench.bus, 1), 0);
	probe = xen_bench_plug(&bench, 1);
	xen_bench_settle(&bench);
	expect_event(1, USBIF_SPEED_NONE);
	expect_event(1, USBIF_SPEED_HIGH);
	expect_no_event();
}

static void a_device_that_nobody_saw_goes_unseen(void **state)
{
	(void)state;
	xen_bench_plug(&bench, 2);
	assert_int_equal(bus_unplug(bench.bus, 2), 0);
	xen_bench_settle(&bench);
	expect_no_event();
}

static void hotplug_goes_on_after_thousands_of_events(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1500; i++) {
		assert_int_equal(bus_unplug(bench.bus, 1), 0);
		xen_bench_plug(&bench, 1);
		xen_bench_settle(&bench);
		expect_event(1, USBIF_SPEED_NONE);
		expect_event(1, USBIF_SPEED_HIGH);
	}
	assert_int_equal(bench.faults, 0);
}

static void a_starved_conn_ring_keeps_the_latest_state(void **state)
{
	struct tv_usbif_conn_response event;
	unsigned int count = 0;

	(void)state;
	/* The frontend gives nothing back of its 512 requests. */
	for (unsigned int i = 0; i < 400; i++) {
		assert_int_equal(bus_unplug(bench.bus, 1), 0);
		xen_bench_plug(&bench, 1);
		xen_bench_settle(&bench);
		while (tiny_front_event(front, false, &event))
			count++;
	}
	assert_int_equal(count, 512);
	assert_int_equal(bus_unplug(bench.bus, 1), 0);
	xen_bench_settle(&bench);
	assert_false(tiny_front_event(front, false, &event));
	/* It gives some again and says so. */
	front->conn->req_prod = front->conn_prod += 3;
	tiny_xen_kick();
	xen_bench_settle(&bench);
	assert_int_equal(bench.faults, 0);
	assert_true(tiny_front_event(front, false, &event));
	assert_int_equal(event.portnum, 1);
	assert_int_equal(event.speed, USBIF_SPEED_NONE);
	assert_false(tiny_front_event(front, false, &event));
}

static void set_address_on_the_ring_addresses_the_port(void **state)
{
	const uint8_t set_address[8] = {0, 5, 9};
	const uint8_t get_status[8] = {0x80, 0, 0, 0, 0, 0, 2, 0};

	(void)state;
	xen_bench_plug(&bench, 3);
	xen_bench_settle(&bench);
	expect_event(3, USBIF_SPEED_HIGH);
	/* Both are at address 0 of their own port. */
	assert_int_equal(xen_bench_control(&bench, 3, 0, set_address), 0);
	assert_int_equal(xen_bench_control(&bench, 3, 9, get_status), 0);
	assert_int_equal(
		xen_bench_control(&bench, 1, BENCH_ADDRESS, get_status), 0);
	assert_int_equal(xen_bench_control(&bench, 1, 9, get_status),
			 USBIF_STATUS_NODEV);
	assert_int_equal(
		xen_bench_control(&bench, 3, BENCH_ADDRESS, get_status),
		USBIF_STATUS_NODEV);
}

static void set_address_beyond_127_stalls(void **state)
{
	const uint8_t beyond[8] = {0, 5, 128};
	const uint8_t far_beyond[8] = {0, 5, 0xff, 0xff};

	(void)state;
	xen_bench_plug(&bench, 2);
	xen_bench_settle(&bench);
	assert_int_equal(xen_bench_control(&bench, 2, 0, beyond),
			 USBIF_STATUS_STALL);
	assert_int_equal(xen_bench_control(&bench, 2, 0, far_beyond),
			 USBIF_STATUS_STALL);
	xen_bench_enumerate(&bench, 2, 127);
}

static void address_zero_means_that_the_port_was_reset(void **state)
{
	const uint8_t get_descriptor[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};

	(void)state;
	request_in(7, TINY_FRONT_DATA + 1, 64);
	xen_bench_no_answer(&bench);
	tiny_front_control(tiny_front_request(front), 0, 1, 0, get_descriptor,
			   TINY_FRONT_DATA);
	go();
	expect(7, USBIF_STATUS_IOERROR, 0);
	expect(0, 0, 18);
	assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[0], 18);
	assert_int_equal(usb_device_address(probe->device), 0);
	xen_bench_enumerate(&bench, 1, 5);
}

static void data_to_address_zero_resets_nothing(void **state)
{
	(void)state;
	tiny_front_data(tiny_front_request(front), 1, 1, 0,
			USBIF_PIPE_TYPE_BULK, PROBE_IN, TINY_FRONT_DATA, 0, 8);
	go();
	expect(1, USBIF_STATUS_NODEV, 0);
	assert_int_equal(usb_device_address(probe->device), BENCH_ADDRESS);
}

static void ports_that_do_not_exist_have_no_device(void **state)
{
	const uint8_t get_status[8] = {0x80, 0, 0, 0, 0, 0, 2, 0};

	(void)state;
	assert_int_equal(xen_bench_control(&bench, 0, 0, get_status),
			 USBIF_STATUS_NODEV);
	assert_int_equal(xen_bench_control(&bench, 2, 0, get_status),
			 USBIF_STATUS_NODEV);
	assert_int_equal(
		xen_bench_control(&bench, BENCH_PORTS + 1, 0, get_status),
		USBIF_STATUS_NODEV);
	assert_int_equal(xen_bench_control(&bench, 31, 0, get_status),
			 USBIF_STATUS_NODEV);
	assert_int_equal(bench.faults, 0);
}

static void statuses_are_those_the_stock_frontend_knows(void **state)
{
	const uint8_t unknown[8] = {0x80, 99, 0, 0, 0, 0, 2, 0};

	(void)state;
	assert_int_equal(xen_bench_control(&bench, 1, BENCH_ADDRESS, unknown),
			 USBIF_STATUS_STALL);
	/* no such endpoint; wrong type; isochronous */
	tiny_front_data(tiny_front_request(front), 1, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_BULK, 0x8e, TINY_FRONT_DATA, 0, 8);
	tiny_front_data(tiny_front_request(front), 2, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_INT, PROBE_IN, TINY_FRONT_DATA, 0, 8);
	tiny_front_data(tiny_front_request(front), 3, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_ISOC, PROBE_IN, TINY_FRONT_DATA, 0, 8);
	go();
	expect(1, USBIF_STATUS_INVAL, 0);
	expect(2, USBIF_STATUS_INVAL, 0);
	expect(3, USBIF_STATUS_INVAL, 0);
	assert_int_equal(bench.faults, 0);
}

static void unplugging_answers_what_is_in_flight(void **state)
{
	(void)state;
	request_in(2, TINY_FRONT_DATA, 64);
	request_out(3, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	assert_int_equal(bus_unplug(bench.bus, 1), 0);
	xen_bench_settle(&bench);
	expect(3, USBIF_STATUS_NODEV, 0);
	expect(2, USBIF_STATUS_NODEV, 0);
	expect_nothing();
	expect_event(1, USBIF_SPEED_NONE);
	request_in(2, TINY_FRONT_DATA, 64);
	go();
	expect(2, USBIF_STATUS_NODEV, 0);
}

static void an_interrupt_transfer_waits_for_its_event(void **state)
{
	(void)state;
	tiny_front_data(tiny_front_request(front), 9, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_INT, PROBE_EVENT, TINY_FRONT_DATA, 7,
			16);
	xen_bench_no_answer(&bench);
	probe_raise(probe);
	xen_bench_settle(&bench);
	expect(9, 0, 1);
	assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[7], 0x5a);
	assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[8], 0);
}

/* --- data --- */

static void fill_page_pattern(uint32_t ref, uint32_t offset, uint32_t len,
			      size_t from)
{
	uint8_t *at = tiny_xen_page(ref) + offset;

	for (uint32_t i = 0; i < len; i++)
		at[i] = probe_octet(from + i);
}

static void out_octets_arrive_in_order_at_any_offset(void **state)
{
	const uint32_t offsets[] = {0, 1, 4095, 64};
	const uint32_t lengths[] = {61441, 1, 61441, 512};
	size_t at = 0;

	(void)state;
	probe_accept(probe, 1 << 20);
	for (unsigned int i = 0; i < 4; i++) {
		uint32_t first = TINY_FRONT_DATA + 20 * i;

		fill_page_pattern(first, offsets[i], lengths[i], at);
		at += lengths[i];
		tiny_front_data(tiny_front_request(front), (uint16_t)i, 1,
				BENCH_ADDRESS, USBIF_PIPE_TYPE_BULK, PROBE_OUT,
				first, offsets[i], lengths[i]);
	}
	go();
	for (unsigned int i = 0; i < 4; i++)
		expect((uint16_t)i, 0, (int)lengths[i]);
	assert_int_equal(probe->taken_len, at);
	for (size_t i = 0; i < at; i++)
		assert_int_equal(probe->taken[i], probe_octet(i));
}

static void in_octets_arrive_and_no_others(void **state)
{
	(void)state;
	memset(tiny_xen_page(TINY_FRONT_DATA), 0xaa, 20 * 4096);
	probe_give(probe, 10000);
	tiny_front_data(tiny_front_request(front), 1, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_BULK, PROBE_IN, TINY_FRONT_DATA, 1000,
			40000);
	go();
	expect(1, 0, 10000);
	for (uint32_t i = 0; i < 20 * 4096; i++) {
		uint8_t octet = tiny_xen_page(TINY_FRONT_DATA)[i];

		if (i < 1000 || i >= 11000)
			assert_int_equal(octet, 0xaa);
		else
			assert_int_equal(octet, probe_octet(i - 1000));
	}
}

static void sixty_four_kib_in_sixteen_segments(void **state)
{
	(void)state;
	probe_give(probe, 65536);
	request_in(1, TINY_FRONT_DATA, 65536);
	go();
	expect(1, 0, 65536);
	probe_accept(probe, 65536);
	request_out(1, TINY_FRONT_DATA, 65536);
	go();
	expect(1, 0, 65536);
	for (size_t i = 0; i < 65536; i++)
		assert_int_equal(probe->taken[i], probe_octet(i));
}

static void a_zero_length_transfer_touches_no_memory(void **state)
{
	unsigned int before = tiny_xen.copy_calls;

	(void)state;
	probe_accept(probe, 1);
	request_out(0, 0, 0);
	go();
	expect(0, 0, 0);
	assert_int_equal(tiny_xen.copy_calls, before);
}

static void one_copy_for_all_ins_of_a_turn(void **state)
{
	unsigned int before;

	(void)state;
	probe_give(probe, 16 * 65536);
	before = tiny_xen.copy_calls;
	for (uint16_t id = 0; id < 16; id++)
		request_in(id, TINY_FRONT_DATA + 16 * id, 65536);
	go();
	for (uint16_t id = 0; id < 16; id++)
		expect(id, 0, 65536);
	assert_int_equal(tiny_xen.copy_calls, before + 1);
	assert_int_equal(tiny_xen.copy_segments % 256, 0);
	for (size_t i = 0; i < 16 * 65536; i++)
		assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[i],
				 probe_octet(i));
}

static void one_copy_for_all_outs_of_a_batch(void **state)
{
	unsigned int before = tiny_xen.copy_calls;

	(void)state;
	fill_page_pattern(TINY_FRONT_DATA, 0, 16 * 65536, 0);
	probe_accept(probe, 2 << 20);
	for (uint16_t id = 0; id < 16; id++)
		request_out(id, TINY_FRONT_DATA + 16 * id, 65536);
	go();
	for (uint16_t id = 0; id < 16; id++)
		expect(id, 0, 65536);
	assert_int_equal(tiny_xen.copy_calls, before + 1);
	for (size_t i = 0; i < 16 * 65536; i++)
		assert_int_equal(probe->taken[i], probe_octet(i));
}

static void a_flood_of_parked_outs_is_not_copied(void **state)
{
	struct bus_xen_stats stats;
	unsigned int before = tiny_xen.copy_segments;

	(void)state;
	for (uint16_t id = 0; id < 128; id++)
		request_out(id, TINY_FRONT_DATA, 65536);
	xen_bench_no_answer(&bench);
	/* A megabyte ahead, no more. */
	assert_int_equal(tiny_xen.copy_segments - before, 256);
	before = tiny_xen.copy_calls;
	probe_accept(probe, 8 << 20);
	xen_bench_settle(&bench);
	for (uint16_t id = 0; id < 128; id++)
		expect(id, 0, 65536);
	/* The rest by the megabyte as well. */
	assert_int_equal(tiny_xen.copy_calls - before, 7);
	bus_xen_get_stats(bench.bus, &stats);
	assert_int_equal(stats.octets_out, 8 << 20);
}

static void a_partly_taken_out_says_how_much_when_unlinked(void **state)
{
	(void)state;
	probe_accept(probe, 100);
	request_out(1, TINY_FRONT_DATA, 300);
	xen_bench_no_answer(&bench);
	tiny_front_unlink(tiny_front_request(front), 2, 1, 1);
	go();
	expect(1, USBIF_STATUS_IOERROR, 100);
	expect(2, 0, 0);
}

static void a_failed_in_copy_fails_that_transfer_only(void **state)
{
	(void)state;
	probe_give(probe, 3 * 8192);
	tiny_xen.grants[TINY_FRONT_DATA + 3] = TINY_READ_ONLY;
	for (uint16_t id = 0; id < 3; id++)
		request_in(id, TINY_FRONT_DATA + 2 * id, 8192);
	go();
	expect(0, 0, 8192);
	expect(1, USBIF_STATUS_IOERROR, 0);
	expect(2, 0, 8192);
	assert_int_equal(bench.faults, 0);
}

static void a_failed_out_copy_fails_that_transfer_only(void **state)
{
	(void)state;
	probe_accept(probe, 1 << 20);
	tiny_xen.grants[TINY_FRONT_DATA + 3] = TINY_NOT_GRANTED;
	for (uint16_t id = 0; id < 3; id++)
		request_out(id, TINY_FRONT_DATA + 2 * id, 8192);
	go();
	expect(0, 0, 8192);
	expect(1, USBIF_STATUS_IOERROR, 0);
	expect(2, 0, 8192);
	assert_int_equal(probe->taken_len, 2 * 8192);
	assert_int_equal(probe->refused, 1);
}

static void a_failed_copy_call_fails_its_transfers(void **state)
{
	struct bus_xen_stats stats;

	(void)state;
	probe_give(probe, 100);
	probe_accept(probe, 100);
	tiny_xen.copy_call_fails = true;
	request_in(0, TINY_FRONT_DATA, 50);
	request_out(1, TINY_FRONT_DATA, 50);
	go();
	expect(0, USBIF_STATUS_IOERROR, 0);
	expect(1, USBIF_STATUS_IOERROR, 0);
	tiny_xen.copy_call_fails = false;
	request_in(0, TINY_FRONT_DATA, 50);
	go();
	expect(0, 0, 50);
	bus_xen_get_stats(bench.bus, &stats);
	assert_true(stats.failed_copies >= 2);
}

static void a_place_within_a_place_harms_neither(void **state)
{
	struct usb_xfer *outer, *inner, *idle;
	uint8_t *place;

	(void)state;
	request_in(0, TINY_FRONT_DATA, 5000);
	request_in(1, TINY_FRONT_DATA + 2, 5000);
	tiny_front_data(tiny_front_request(front), 2, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_INT, PROBE_EVENT, TINY_FRONT_DATA + 4,
			0, 16);
	xen_bench_no_answer(&bench);
	outer = usb_endpoint_first(&probe->function, PROBE_IN);
	idle = container_of(outer->link.next, struct usb_xfer, link);
	inner = usb_endpoint_first(&probe->function, PROBE_EVENT);

	memset(outer->ops->reserve(outer, 5000), 1, 5000);
	/* Given up, without saying so. */
	memset(idle->ops->reserve(idle, 5000), 2, 5000);
	place = inner->ops->reserve(inner, 16);
	assert_ptr_equal(inner->ops->reserve(inner, 16), place);
	memset(place, 3, 16);
	usb_xfer_complete(inner, USB_STATUS_OK, 16);
	usb_xfer_complete(outer, USB_STATUS_OK, 5000);
	xen_bench_settle(&bench);
	expect(2, 0, 16);
	expect(0, 0, 5000);
	for (unsigned int i = 0; i < 5000; i++)
		assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[i], 1);
	for (unsigned int i = 0; i < 16; i++)
		assert_int_equal(tiny_xen_page(TINY_FRONT_DATA + 4)[i], 3);
	assert_int_equal(tiny_xen_page(TINY_FRONT_DATA + 2)[0], 0);
}

static void control_data_moves_both_ways(void **state)
{
	const uint8_t in[8] = {0xc1, 1, 0, 0, 0, 0, 44, 0};
	const uint8_t out[8] = {0x41, 1, 0, 0, 0, 0, 44, 0};

	(void)state;
	assert_int_equal(xen_bench_control(&bench, 1, BENCH_ADDRESS, in), 0);
	for (size_t i = 0; i < 44; i++)
		assert_int_equal(tiny_xen_page(TINY_FRONT_DATA)[i],
				 probe_octet(i));
	assert_int_equal(xen_bench_control(&bench, 1, BENCH_ADDRESS, out), 0);
}

/* --- our own dialect --- */

static void indirect(uint16_t id, uint8_t endpoint, unsigned int pages,
		     uint32_t table, uint32_t first)
{
	struct tv_usbif_request *request = tiny_front_request(front);
	struct tv_usbif_segment *segments = (void *)tiny_xen_page(table);

	for (unsigned int i = 0; i < pages; i++)
		segments[i] = (struct tv_usbif_segment){first + i, 0, 4096};
	tiny_front_data(request, id, 1, BENCH_ADDRESS, USBIF_PIPE_TYPE_BULK,
			endpoint, table, 0, 0);
	request->transfer_flags = USBIF_FLAG_INDIRECT;
	request->nr_buffer_segs = (uint16_t)pages;
	request->seg[0] =
		(struct tv_usbif_segment){table, 0, (uint16_t)(pages * 8)};
}

static void two_mib_in_one_indirect_request(void **state)
{
	unsigned int before;

	(void)state;
	probe_give(probe, 2 << 20);
	before = tiny_xen.copy_calls;
	indirect(100, PROBE_IN, 512, TINY_FRONT_DATA, TINY_FRONT_DATA + 1);
	go();
	expect(100, 0, 2 << 20);
	/* the table, the data */
	assert_int_equal(tiny_xen.copy_calls, before + 2);
	probe_accept(probe, 2 << 20);
	indirect(101, PROBE_OUT, 512, TINY_FRONT_DATA, TINY_FRONT_DATA + 1);
	go();
	expect(101, 0, 2 << 20);
	assert_int_equal(probe->taken_len, 2 << 20);
	for (size_t i = 0; i < 2 << 20; i++)
		assert_int_equal(probe->taken[i], probe_octet(i));
}

static void an_unreadable_table_costs_the_request(void **state)
{
	(void)state;
	indirect(1, PROBE_IN, 3, TINY_FRONT_DATA, TINY_FRONT_DATA + 1);
	tiny_xen.grants[TINY_FRONT_DATA] = TINY_NOT_GRANTED;
	go();
	expect(1, USBIF_STATUS_IOERROR, 0);
	assert_int_equal(bench.faults, 0);
}

static void a_table_with_a_segment_beyond_its_page_is_a_fault(void **state)
{
	struct tv_usbif_segment *segments;

	(void)state;
	indirect(1, PROBE_OUT, 3, TINY_FRONT_DATA, TINY_FRONT_DATA + 1);
	segments = (void *)tiny_xen_page(TINY_FRONT_DATA);
	segments[2].offset = 1;
	xen_bench_no_answer(&bench);
	assert_int_equal(bench.faults, 1);
}

static void a_ring_of_eight_pages_has_128_ids(void **state)
{
	(void)state;
	probe_give(probe, 128);
	for (uint16_t id = 0; id < 128; id++)
		request_in(id, TINY_FRONT_DATA, 1);
	go();
	for (uint16_t id = 0; id < 128; id++)
		expect(id, 0, 1);
	request_in(128, TINY_FRONT_DATA, 1);
	xen_bench_no_answer(&bench);
	assert_int_equal(bench.faults, 1);
}

/* --- malformed rings --- */

static void expect_fault(void)
{
	unsigned int unmasks = tiny_xen.unmasks;
	unsigned int notifications = tiny_xen.notifications;

	request_in(9, TINY_FRONT_DATA, 64);
	front->urb->req_prod = front->req_prod;
	tiny_xen_kick();
	xen_bench_settle(&bench);
	assert_int_equal(bench.faults, 1);
	assert_non_null(bench.fault);
	/* Deaf: the event stays masked, nothing is answered. */
	assert_true(tiny_xen.masked);
	tiny_xen_kick();
	xen_bench_settle(&bench);
	assert_int_equal(tiny_xen.unmasks, unmasks);
	assert_int_equal(tiny_xen.notifications, notifications);
	assert_int_equal(bench.faults, 1);
	assert_false(bus_xen_is_connected(bench.bus));
	/* The transfer that waited has ended. */
	assert_null(usb_endpoint_first(&probe->function, PROBE_IN));
	assert_int_equal(tiny_xen.mapped, 2);
	bus_xen_disconnect(bench.bus);
	assert_int_equal(tiny_xen.mapped, 0);
}

static void an_id_beyond_the_ring_is_a_fault(void **state)
{
	(void)state;
	request_in(1, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	request_in(16, TINY_FRONT_DATA, 64);
	expect_fault();
}

static void an_id_in_flight_is_a_fault(void **state)
{
	(void)state;
	request_in(1, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	tiny_front_unlink(tiny_front_request(front), 1, 1, 1);
	expect_fault();
}

static void an_id_twice_in_a_batch_is_a_fault(void **state)
{
	(void)state;
	request_in(3, TINY_FRONT_DATA, 64);
	request_in(3, TINY_FRONT_DATA, 64);
	expect_fault();
}

static void a_request_index_beyond_the_ring_is_a_fault(void **state)
{
	(void)state;
	front->req_prod += 16;
	expect_fault();
}

static void requests_taken_back_are_a_fault(void **state)
{
	(void)state;
	request_in(1, TINY_FRONT_DATA, 64);
	request_in(2, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	front->req_prod -= 2;
	expect_fault();
}

static void a_conn_index_beyond_the_ring_is_a_fault(void **state)
{
	(void)state;
	front->conn->req_prod += 600;
	xen_bench_plug(&bench, 2);
	xen_bench_settle(&bench);
	assert_int_equal(bench.faults, 1);
	assert_false(bus_xen_is_connected(bench.bus));
}

static void out_data_of_a_faulty_batch_is_let_go(void **state)
{
	(void)state;
	/* A table is read before the fault shows, other data is not kept. */
	request_out(1, TINY_FRONT_DATA, 65536);
	xen_bench_no_answer(&bench);
	indirect(2, PROBE_OUT, 4, TINY_FRONT_DATA, TINY_FRONT_DATA + 1);
	((struct tv_usbif_segment *)(void *)tiny_xen_page(TINY_FRONT_DATA))
		->length = 0;
	expect_fault();
}

static void the_owner_may_disconnect_when_told_of_a_fault(void **state)
{
	(void)state;
	bench.on_fault = 1;
	request_in(99, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	assert_int_equal(bench.faults, 1);
	assert_int_equal(tiny_xen.mapped, 0);
}

static void the_owner_may_destroy_when_told_of_a_fault(void **state)
{
	(void)state;
	bench.on_fault = 2;
	request_in(99, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	assert_int_equal(bench.faults, 1);
	assert_int_equal(tiny_xen.mapped, 0);
}

/* --- events --- */

static void an_event_is_unmasked_once_and_after_the_work(void **state)
{
	unsigned int unmasks = tiny_xen.unmasks;
	struct bus_xen_stats stats;

	(void)state;
	request_in(0, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	assert_int_equal(tiny_xen.unmasks, unmasks + 1);
	assert_false(tiny_xen.masked);
	bus_xen_get_stats(bench.bus, &stats);
	assert_int_equal(stats.events, tiny_xen.unmasks);
}

static void a_storm_of_events_is_slowed_down(void **state)
{
	struct timespec from, to;
	unsigned int unmasks = tiny_xen.unmasks;
	long ms;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		tiny_xen_kick();
		uv_run(&bench.loop, UV_RUN_NOWAIT);
		clock_gettime(CLOCK_MONOTONIC, &to);
		ms = (to.tv_sec - from.tv_sec) * 1000 +
		     (to.tv_nsec - from.tv_nsec) / 1000000;
	} while (ms < 300);
	/* 16 free ones, then 1, 2, 4 ... 64 ms. */
	assert_true(tiny_xen.unmasks - unmasks < 16 + 12);
	/* Real work is served as before. */
	probe_give(probe, 5);
	request_in(0, TINY_FRONT_DATA, 64);
	for (unsigned int i = 0; i < 20; i++) {
		tiny_front_push(front);
		usleep(10000);
		uv_run(&bench.loop, UV_RUN_NOWAIT);
	}
	expect(0, 0, 5);
}

/* A turn takes at most one ring, however fast the guest refills it. */
static void a_flood_of_requests_leaves_turns_to_others(void **state)
{
	struct bus_xen_stats before, after;
	struct tv_usbif_response response;

	(void)state;
	for (unsigned int round = 0; round < 50; round++) {
		for (uint16_t id = 0; id < 16; id++)
			tiny_front_unlink(tiny_front_request(front), id, 1, id);
		tiny_front_push(front);
		bus_xen_get_stats(bench.bus, &before);
		uv_run(&bench.loop, UV_RUN_NOWAIT);
		bus_xen_get_stats(bench.bus, &after);
		assert_true(after.requests - before.requests <= 16);
		while (tiny_front_response(front, &response))
			;
	}
}

/* --- connections --- */

static void a_failed_bind_leaves_nothing_mapped(void **state)
{
	(void)state;
	tiny_xen.bind_fails = true;
	assert_int_equal(xen_bench_connect(&bench, false), -EINVAL);
	assert_int_equal(tiny_xen.mapped, 0);
	tiny_xen.bind_fails = false;
	tiny_xen.grants[TINY_FRONT_CONN] = TINY_READ_ONLY;
	assert_int_equal(xen_bench_connect(&bench, false), -EINVAL);
	assert_int_equal(tiny_xen.mapped, 0);
	assert_false(tiny_xen.bound);
	tiny_xen.grants[TINY_FRONT_CONN] = TINY_WRITABLE;
	assert_int_equal(xen_bench_connect(&bench, false), 0);
	assert_int_equal(xen_bench_connect(&bench, false), -EALREADY);
}

static void more_pages_than_offered_are_refused(void **state)
{
	struct bus_xen_rings rings;

	(void)state;
	tiny_front_rings(front, &rings);
	rings.order = 4;
	assert_int_equal(bus_xen_connect(bench.bus, &rings), -EINVAL);
	rings.order = UINT32_MAX;
	assert_int_equal(bus_xen_connect(bench.bus, &rings), -EINVAL);
}

static void requests_given_before_the_connection_are_served(void **state)
{
	const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};

	(void)state;
	xen_bench_plug(&bench, 2);
	tiny_front_control(tiny_front_request(front), 3, 2, 0, get,
			   TINY_FRONT_DATA);
	tiny_front_push(front);
	assert_int_equal(xen_bench_connect(&bench, false), 0);
	xen_bench_settle(&bench);
	expect(3, 0, 18);
	expect_event(2, USBIF_SPEED_HIGH);
}

static void disconnecting_ends_everything_and_writes_nothing(void **state)
{
	uint32_t produced;

	(void)state;
	request_in(1, TINY_FRONT_DATA, 64);
	request_out(2, TINY_FRONT_DATA, 64);
	xen_bench_no_answer(&bench);
	produced = front->urb->rsp_prod;
	bus_xen_disconnect(bench.bus);
	bus_xen_disconnect(bench.bus);
	assert_int_equal(front->urb->rsp_prod, produced);
	assert_int_equal(tiny_xen.mapped, 0);
	assert_false(tiny_xen.bound);
	assert_null(usb_endpoint_first(&probe->function, PROBE_IN));
	assert_null(usb_endpoint_first(&probe->function, PROBE_OUT));
	assert_int_equal(usb_device_address(probe->device), 0);
	/* Nothing is lost of the bus itself. */
	tiny_front_open(front, 1);
	assert_int_equal(xen_bench_connect(&bench, false), 0);
	xen_bench_settle(&bench);
	expect_event(1, USBIF_SPEED_HIGH);
	xen_bench_enumerate(&bench, 1, 20);
}

static void plugging_minds_its_ports(void **state)
{
	struct probe *other = probe_create();

	(void)state;
	assert_int_equal(bus_plug(bench.bus, 0, other->device), -EINVAL);
	assert_int_equal(bus_plug(bench.bus, BENCH_PORTS + 1, other->device),
			 -EINVAL);
	assert_int_equal(bus_plug(bench.bus, 1, other->device), -EBUSY);
	assert_int_equal(bus_unplug(bench.bus, 0), -ENOENT);
	assert_int_equal(bus_unplug(bench.bus, 2), -ENOENT);
	assert_int_equal(bus_unplug(bench.bus, BENCH_PORTS + 1), -ENOENT);
	usb_device_destroy(other->device);
}

static long resident_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	char line[128];
	long total = 0;
	long kib;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			total += kib;
	fclose(file);
	return total;
}

static void memory_is_given_back_when_idle(void **state)
{
	long busy, idle;

	(void)state;
	for (uint16_t id = 0; id < 16; id++)
		request_out(id, TINY_FRONT_DATA, 65536);
	xen_bench_no_answer(&bench);
	probe_accept(probe, 1 << 20);
	probe_give(probe, 1 << 20);
	xen_bench_settle(&bench);
	for (uint16_t id = 0; id < 16; id++)
		expect(id, 0, 65536);
	for (uint16_t id = 0; id < 16; id++)
		request_in(id, TINY_FRONT_DATA, 65536);
	go();
	busy = resident_kib();
	for (unsigned int i = 0; i < 25; i++) {
		usleep(100000);
		uv_run(&bench.loop, UV_RUN_NOWAIT);
	}
	idle = resident_kib();
	assert_true(busy - idle >= 1500);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define LARGE(name) cmocka_unit_test_setup_teardown(name, setup_large, teardown)
#define BARE(name) cmocka_unit_test_setup_teardown(name, setup_bare, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_id_is_answered_once),
		TEST(an_unlink_and_its_target_are_both_answered),
		TEST(an_unlink_of_nothing_is_answered),
		TEST(an_unlink_in_the_batch_of_its_target_works),
		TEST(parked_ins_leave_room_to_unlink_them),
		TEST(no_notification_without_progress),
		TEST(one_notification_for_a_batch),
		TEST(completions_from_elsewhere_are_flushed_together),
		TEST(a_plugged_port_is_announced_once),
		TEST(a_replaced_device_is_seen_to_go_first),
		TEST(a_device_that_nobody_saw_goes_unseen),
		TEST(hotplug_goes_on_after_thousands_of_events),
		TEST(a_starved_conn_ring_keeps_the_latest_state),
		TEST(set_address_on_the_ring_addresses_the_port),
		TEST(set_address_beyond_127_stalls),
		TEST(address_zero_means_that_the_port_was_reset),
		TEST(data_to_address_zero_resets_nothing),
		TEST(ports_that_do_not_exist_have_no_device),
		TEST(statuses_are_those_the_stock_frontend_knows),
		TEST(unplugging_answers_what_is_in_flight),
		TEST(an_interrupt_transfer_waits_for_its_event),
		TEST(out_octets_arrive_in_order_at_any_offset),
		TEST(in_octets_arrive_and_no_others),
		TEST(sixty_four_kib_in_sixteen_segments),
		TEST(a_zero_length_transfer_touches_no_memory),
		TEST(one_copy_for_all_ins_of_a_turn),
		TEST(one_copy_for_all_outs_of_a_batch),
		LARGE(a_flood_of_parked_outs_is_not_copied),
		TEST(a_partly_taken_out_says_how_much_when_unlinked),
		TEST(a_failed_in_copy_fails_that_transfer_only),
		TEST(a_failed_out_copy_fails_that_transfer_only),
		TEST(a_failed_copy_call_fails_its_transfers),
		TEST(a_place_within_a_place_harms_neither),
		TEST(control_data_moves_both_ways),
		LARGE(two_mib_in_one_indirect_request),
		TEST(an_unreadable_table_costs_the_request),
		TEST(a_table_with_a_segment_beyond_its_page_is_a_fault),
		LARGE(a_ring_of_eight_pages_has_128_ids),
		TEST(an_id_beyond_the_ring_is_a_fault),
		TEST(an_id_in_flight_is_a_fault),
		TEST(an_id_twice_in_a_batch_is_a_fault),
		TEST(a_request_index_beyond_the_ring_is_a_fault),
		TEST(requests_taken_back_are_a_fault),
		TEST(a_conn_index_beyond_the_ring_is_a_fault),
		TEST(out_data_of_a_faulty_batch_is_let_go),
		TEST(the_owner_may_disconnect_when_told_of_a_fault),
		TEST(the_owner_may_destroy_when_told_of_a_fault),
		TEST(an_event_is_unmasked_once_and_after_the_work),
		TEST(a_storm_of_events_is_slowed_down),
		TEST(a_flood_of_requests_leaves_turns_to_others),
		BARE(a_failed_bind_leaves_nothing_mapped),
		BARE(more_pages_than_offered_are_refused),
		BARE(requests_given_before_the_connection_are_served),
		TEST(disconnecting_ends_everything_and_writes_nothing),
		TEST(plugging_minds_its_ports),
		TEST(memory_is_given_back_when_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
