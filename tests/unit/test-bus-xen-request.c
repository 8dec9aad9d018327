// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-bus-xen-request.c - what a request means, line by line of the table in
 * docs/ring.md.
 */
#include "backend/bus/xen_request.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct tv_usbif_request wire;
static struct xen_request request;
static const char *reason;

static int setup(void **state)
{
	(void)state;
	memset(&wire, 0, sizeof(wire));
	memset(&request, 0xff, sizeof(request));
	reason = NULL;
	wire.pipe = 1 | USBIF_PIPE_TYPE_BULK << USBIF_PIPE_TYPE_SHIFT;
	return 0;
}

static int parse(uint32_t entries, uint32_t max_indirect)
{
	const struct xen_request_limits limits = {entries, max_indirect};

	return xen_request_parse(&limits, &wire, &request, &reason);
}

/* Parses, then measures the direct segments. */
static int whole(void)
{
	int error = parse(16, 0);

	if (error || request.kind != XEN_REQUEST_TRANSFER)
		return error;
	return xen_request_measure(&request, wire.seg, &reason);
}

static void segments(unsigned int count, uint16_t offset, uint16_t length)
{
	wire.nr_buffer_segs = (uint16_t)count;
	for (unsigned int i = 0; i < count && i < USBIF_MAX_SEGMENTS; i++)
		wire.seg[i] = (struct tv_usbif_segment){9, offset, length};
}

static void the_pipe_is_taken_apart(void **state)
{
	(void)state;
	wire.id = 15;
	wire.pipe = 31 | USBIF_PIPE_DIR_IN | 127 << 8 | 15 << 15 |
		    USBIF_PIPE_TYPE_INT << 30;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	assert_int_equal(request.id, 15);
	assert_int_equal(request.port, 31);
	assert_int_equal(request.address, 127);
	assert_int_equal(request.endpoint, 0x8f);
	assert_int_equal(request.type, USB_TRANSFER_INTERRUPT);
	assert_true(request.in);
	assert_int_equal(request.length, 0);
}

static void bits_that_old_frontends_leave_set_are_ignored(void **state)
{
	(void)state;
	wire.pipe |= 0x40 | 0x3ff80000;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	assert_int_equal(request.endpoint, 0);
}

static void an_id_beyond_the_ring_is_malformed(void **state)
{
	(void)state;
	wire.id = 16;
	assert_int_equal(whole(), -EPROTO);
	assert_non_null(reason);
	assert_int_equal(parse(32, 0), 0);
}

static void seventeen_segments_are_malformed(void **state)
{
	(void)state;
	segments(16, 0, 1);
	wire.buffer_length = 16;
	assert_int_equal(whole(), 0);
	wire.nr_buffer_segs = 17;
	assert_int_equal(whole(), -EPROTO);
	wire.nr_buffer_segs = 0xffff;
	assert_int_equal(whole(), -EPROTO);
}

static void a_segment_beyond_its_page_is_malformed(void **state)
{
	(void)state;
	wire.buffer_length = 1;
	segments(1, 4095, 1);
	assert_int_equal(whole(), 0);
	segments(1, 4095, 2);
	assert_int_equal(whole(), -EPROTO);
	segments(1, 4096, 1);
	assert_int_equal(whole(), -EPROTO);
	segments(1, 0xffff, 1);
	assert_int_equal(whole(), -EPROTO);
	segments(1, 1, 0xffff);
	assert_int_equal(whole(), -EPROTO);
}

static void an_empty_segment_is_malformed(void **state)
{
	(void)state;
	segments(1, 0, 0);
	assert_int_equal(whole(), -EPROTO);
}

static void the_length_is_the_sum_of_the_segments(void **state)
{
	(void)state;
	segments(3, 100, 1000);
	wire.buffer_length = 3000;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	assert_int_equal(request.length, 3000);
}

static void sixty_four_kib_are_zero_in_sixteen_bits(void **state)
{
	(void)state;
	segments(16, 0, 4096);
	wire.buffer_length = 0;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	assert_int_equal(request.length, 65536);
}

static void a_sum_beyond_the_buffer_costs_the_request(void **state)
{
	(void)state;
	segments(2, 0, 4096);
	wire.buffer_length = 4096;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_REFUSED);
	setup(state);
	wire.buffer_length = 5;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_REFUSED);
}

static void isochronous_costs_the_request(void **state)
{
	(void)state;
	wire.pipe = 1;
	/* Segments of frames come on top: not looked at. */
	segments(16, 5000, 0);
	wire.nr_buffer_segs = 40;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_REFUSED);
}

static void unlink_ignores_what_is_left_in_the_slot(void **state)
{
	(void)state;
	memset(&wire, 0xff, sizeof(wire));
	wire.id = 3;
	wire.pipe = 1 | USBIF_PIPE_UNLINK;
	wire.u.unlink.id = 9;
	assert_int_equal(parse(16, 512), 0);
	assert_int_equal(request.kind, XEN_REQUEST_UNLINK);
	assert_int_equal(request.unlink_id, 9);
	assert_int_equal(request.segment_count, 0);
}

static void control(const uint8_t packet[8])
{
	wire.pipe = 1 | USBIF_PIPE_TYPE_CTRL << 30;
	memcpy(wire.u.ctrl, packet, 8);
}

static void the_setup_packet_gives_direction_and_length(void **state)
{
	const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};

	(void)state;
	control(get);
	segments(1, 0, 64);
	wire.buffer_length = 64;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	assert_true(request.in);
	assert_int_equal(request.endpoint, 0x80);
	assert_int_equal(request.length, 18);
}

static void wlength_beyond_the_segments_costs_the_request(void **state)
{
	const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 65, 0};

	(void)state;
	control(get);
	segments(1, 0, 64);
	wire.buffer_length = 64;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.kind, XEN_REQUEST_REFUSED);
}

static void indirect(unsigned int count)
{
	wire.transfer_flags = USBIF_FLAG_INDIRECT;
	wire.nr_buffer_segs = (uint16_t)count;
	wire.seg[0] = (struct tv_usbif_segment){4, 0, (uint16_t)(count * 8)};
}

static void an_indirect_request_names_its_table(void **state)
{
	static struct tv_usbif_segment table[512];

	(void)state;
	indirect(512);
	assert_int_equal(parse(16, 512), 0);
	assert_int_equal(request.table_pages, 1);
	assert_int_equal(request.segment_count, 512);
	assert_int_equal(xen_request_table_entries(&request, 0), 512);
	for (unsigned int i = 0; i < 512; i++)
		table[i].length = 4096;
	assert_int_equal(xen_request_measure(&request, table, &reason), 0);
	assert_int_equal(request.length, 2 << 20);
	assert_int_equal(request.kind, XEN_REQUEST_TRANSFER);
	table[511].offset = 1;
	assert_int_equal(xen_request_measure(&request, table, &reason),
			 -EPROTO);
}

static void a_table_of_another_shape_is_malformed(void **state)
{
	(void)state;
	indirect(0);
	assert_int_equal(parse(16, 512), -EPROTO);
	indirect(257);
	assert_int_equal(parse(16, 256), -EPROTO);
	indirect(17);
	wire.seg[0].offset = 8;
	assert_int_equal(parse(16, 512), -EPROTO);
	indirect(17);
	wire.seg[0].length = 16 * 8;
	assert_int_equal(parse(16, 512), -EPROTO);
	indirect(17);
	wire.seg[0].length = 0;
	assert_int_equal(parse(16, 512), -EPROTO);
}

static void an_indirect_request_has_no_buffer_length(void **state)
{
	const struct tv_usbif_segment table[] = {{1, 0, 8}};

	(void)state;
	indirect(1);
	wire.buffer_length = 8;
	assert_int_equal(parse(16, 512), 0);
	assert_int_equal(xen_request_measure(&request, table, &reason), 0);
	assert_int_equal(request.kind, XEN_REQUEST_REFUSED);
}

static void indirect_means_nothing_where_it_was_not_offered(void **state)
{
	(void)state;
	segments(1, 0, 8);
	wire.buffer_length = 8;
	wire.transfer_flags = USBIF_FLAG_INDIRECT;
	assert_int_equal(whole(), 0);
	assert_int_equal(request.table_pages, 0);
	assert_int_equal(request.length, 8);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_pipe_is_taken_apart),
		TEST(bits_that_old_frontends_leave_set_are_ignored),
		TEST(an_id_beyond_the_ring_is_malformed),
		TEST(seventeen_segments_are_malformed),
		TEST(a_segment_beyond_its_page_is_malformed),
		TEST(an_empty_segment_is_malformed),
		TEST(the_length_is_the_sum_of_the_segments),
		TEST(sixty_four_kib_are_zero_in_sixteen_bits),
		TEST(a_sum_beyond_the_buffer_costs_the_request),
		TEST(isochronous_costs_the_request),
		TEST(unlink_ignores_what_is_left_in_the_slot),
		TEST(the_setup_packet_gives_direction_and_length),
		TEST(wlength_beyond_the_segments_costs_the_request),
		TEST(an_indirect_request_names_its_table),
		TEST(a_table_of_another_shape_is_malformed),
		TEST(an_indirect_request_has_no_buffer_length),
		TEST(indirect_means_nothing_where_it_was_not_offered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
