// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-ncm.c - the network card over the in-process bus, with a port that does
 * what the case says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/mem.h"
#include "backend/function/ncm.h"
#include "backend/function/ncm_ntb.h"
#include "backend/usb/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTIFY = 0x81, IN = 0x82, OUT = 0x01, FRAMES = 64 };

struct frame {
	uint8_t data[FRAME_BUFFER];
	size_t len;
};

/* The network's side. */
static struct fake {
	struct frame_port port;
	struct frame sent[FRAMES]; /* by the guest */
	unsigned int sent_count;
	unsigned int room; /* frames it still takes */
	struct frame to_come[FRAMES];
	unsigned int next, count;
	unsigned int unwanted;
	bool up;
	bool destroyed;
} fake;

static const uint8_t mac[FRAME_MAC_LEN] = {0x02, 0xab, 0xcd, 0, 0, 1};
static struct bus *bus;

static bool fake_send(struct frame_port *port, uint8_t *frame, size_t len)
{
	if (!fake.room)
		return false;
	fake.room--;
	assert_true(fake.sent_count < FRAMES);
	memcpy(fake.sent[fake.sent_count].data, frame, len);
	fake.sent[fake.sent_count++].len = len;
	return true;
}

static size_t fake_receive(struct frame_port *port, uint8_t *frame)
{
	struct frame *next = &fake.to_come[fake.next];

	if (fake.next == fake.count)
		return 0;
	fake.next++;
	memcpy(frame, next->data, next->len);
	return next->len;
}

static void fake_unwanted(struct frame_port *port)
{
	fake.unwanted++;
}

static bool fake_link_up(const struct frame_port *port)
{
	return fake.up;
}

static void fake_destroy(struct frame_port *port)
{
	fake.destroyed = true;
}

static const struct frame_port_ops fake_ops = {
	.send = fake_send,
	.receive = fake_receive,
	.unwanted = fake_unwanted,
	.link_up = fake_link_up,
	.destroy = fake_destroy,
};

static struct mem_xfer request(uint8_t type, uint8_t number, uint16_t value,
			       uint16_t index, void *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .setup = {type, number, value & 0xff, value >> 8,
				   index & 0xff, index >> 8, len & 0xff,
				   len >> 8},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(bus, 1, &transfer);
	assert_true(transfer.done);
	return transfer;
}

static uint32_t control(uint8_t type, uint8_t number, uint16_t value,
			uint16_t index, void *data, uint16_t len)
{
	struct mem_xfer transfer =
		request(type, number, value, index, data, len);

	assert_int_equal(transfer.xfer.status, USB_STATUS_OK);
	return transfer.xfer.actual;
}

static void expect_stall(uint8_t type, uint8_t number, uint16_t value,
			 uint16_t index, uint16_t len)
{
	uint8_t data[256] = {0};

	assert_int_equal(
		request(type, number, value, index, data, len).xfer.status,
		USB_STATUS_STALL);
}

static void select_data(uint16_t alt)
{
	control(0x01, 11, alt, 1, NULL, 0);
}

static int setup(void **state)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "p2m", .serial = "1"};
	struct ncm_config config = {.name = "cluster", .port = &fake.port};
	struct usb_function *function;

	memset(&fake, 0, sizeof(fake));
	fake.port.ops = &fake_ops;
	fake.up = true;
	fake.room = FRAMES;
	memcpy(config.mac, mac, sizeof(mac));
	function = ncm_function_create(&config);
	assert_non_null(function);
	bus = mem_bus_create(1);
	bus_plug(bus, 1, usb_device_create(&identity, &function, 1));
	control(0x00, 5, 3, 0, NULL, 0);
	control(0x00, 9, 1, 0, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	bus_destroy(bus);
	assert_true(fake.destroyed);
	return 0;
}

static void submit(struct mem_xfer *transfer, uint8_t endpoint, void *data,
		   uint32_t len)
{
	memset(transfer, 0, sizeof(*transfer));
	transfer->xfer.type =
		endpoint == NOTIFY ? USB_TRANSFER_INTERRUPT : USB_TRANSFER_BULK;
	transfer->xfer.endpoint = endpoint;
	transfer->xfer.length = len;
	transfer->buffer = data;
	mem_bus_submit(bus, 1, transfer);
}

static void send_out(const void *data, uint32_t len)
{
	struct mem_xfer out;

	submit(&out, OUT, (void *)(uintptr_t)data, len);
	assert_true(out.done);
	assert_int_equal(out.xfer.status, USB_STATUS_OK);
	assert_int_equal(out.xfer.actual, len);
}

/* A block of count frames, the i-th of len + i octets with i in each. */
static uint32_t make_block(uint8_t *data, uint32_t size, unsigned int count,
			   uint32_t len, bool wide, bool crc)
{
	struct ntb_writer writer;

	ntb_writer_init(&writer, data, size, wide, crc);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t *place = ntb_writer_place(&writer, len + i);

		assert_non_null(place);
		memset(place, (int)i, len + i);
		ntb_writer_add(&writer, len + i);
	}
	return ntb_writer_finish(&writer, 0);
}

static void expect_sent(unsigned int count, uint32_t len)
{
	assert_int_equal(fake.sent_count, count);
	for (unsigned int i = 0; i < count; i++) {
		assert_int_equal(fake.sent[i].len, len + i);
		assert_int_equal(fake.sent[i].data[0], i);
		assert_int_equal(fake.sent[i].data[len + i - 1], i);
	}
	fake.sent_count = 0;
}

static void give_frame(const uint8_t *target, size_t len)
{
	struct frame *frame = &fake.to_come[fake.count++];

	assert_true(fake.count <= FRAMES);
	memset(frame->data, (int)fake.count, sizeof(frame->data));
	memcpy(frame->data, target, FRAME_MAC_LEN);
	frame->len = len;
}

/* --- requests ------------------------------------------------------------- */

static void requests_are_those_of_the_specification(void **state)
{
	static const uint8_t parameters[28] = {
		28, 0, 3, 0,	0, 0x40, 0, 0, 4, 0, 0, 0, 4,  0,
		0,  0, 0, 0x40, 0, 0,	 4, 0, 0, 0, 4, 0, 40, 0};
	uint8_t data[64];

	assert_int_equal(control(0xa1, 0x80, 0, 0, data, 28), 28);
	assert_memory_equal(data, parameters, 28);
	assert_int_equal(control(0xa1, 0x80, 0, 0, data, 2), 2);
	assert_int_equal(control(0xa1, 0x83, 0, 0, data, 2), 2);
	assert_int_equal(data[0], 0);
	control(0x21, 0x84, 1, 0, NULL, 0);
	control(0xa1, 0x83, 0, 0, data, 2);
	assert_int_equal(data[0], 1);
	assert_int_equal(control(0xa1, 0x85, 0, 0, data, 4), 4);
	assert_memory_equal(data, "\x00\x40\x00\x00", 4);
	memcpy(data, "\x00\x08\x00\x00", 4);
	control(0x21, 0x86, 0, 0, data, 4);
	memcpy(data, "\x00\x10\x00\x00\x05\x00\x00\x00", 8);
	control(0x21, 0x86, 0, 0, data, 8);
	memset(data, 0xee, sizeof(data));
	assert_int_equal(control(0xa1, 0x85, 0, 0, data, 8), 8);
	assert_memory_equal(data, "\x00\x10\x00\x00\x05\x00\x00\x00", 8);
	control(0x21, 0x8a, 1, 0, NULL, 0);
	assert_int_equal(control(0xa1, 0x89, 0, 0, data, 2), 2);
	assert_int_equal(data[0], 1);
	control(0x21, 0x43, 0x0e, 0, NULL, 0);
	memset(data, 1, sizeof(data));
	control(0x21, 0x40, 2, 0, data, 12);
	control(0x21, 0x40, 0, 0, NULL, 0);
	/* Setting 0 forgets it all. */
	select_data(1);
	select_data(0);
	control(0xa1, 0x83, 0, 0, data, 2);
	assert_int_equal(data[0], 0);
	control(0xa1, 0x89, 0, 0, data, 2);
	assert_int_equal(data[0], 0);
	control(0xa1, 0x85, 0, 0, data, 8);
	assert_memory_equal(data, "\x00\x40\x00\x00\x00\x00\x00\x00", 8);
}

static void every_other_request_stalls(void **state)
{
	uint8_t size[8] = {0xff, 0x07}; /* 2047 */
	static const struct {
		uint8_t type, number;
		uint16_t value, index, len;
	} table[] = {
		{0xa1, 0x80, 1, 0, 28}, /* wValue */
		{0xa1, 0x80, 0, 1, 28}, /* the data interface */
		{0x21, 0x80, 0, 0, 0},	/* direction */
		{0x21, 0x84, 2, 0, 0},	/* no such format */
		{0x21, 0x84, 1, 0, 2},	/* no data */
		{0x21, 0x8a, 2, 0, 0},	  {0x21, 0x86, 0, 0, 4}, /* 0 */
		{0x21, 0x86, 0, 0, 6},	  {0x21, 0x86, 0, 0, 0},
		{0x21, 0x43, 0x20, 0, 0}, {0x21, 0x40, 1, 0, 5},
		{0x21, 0x40, 33, 0, 198}, {0xa1, 0x44, 1, 0, 4},
		{0xa1, 0x81, 0, 0, 6},	  {0x21, 0x82, 0, 0, 6},
		{0xa1, 0x87, 0, 0, 2},	  {0x21, 0x88, 0, 0, 2},
		{0x21, 0x00, 0, 0, 1},	  {0xa1, 0x01, 0, 0, 1},
		{0xc1, 0x80, 0, 0, 28},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		expect_stall(table[i].type, table[i].number, table[i].value,
			     table[i].index, table[i].len);
	assert_int_equal(request(0x21, 0x86, 0, 0, size, 4).xfer.status,
			 USB_STATUS_STALL);
	memcpy(size, "\x01\x40\x00\x00", 4); /* 16385 */
	assert_int_equal(request(0x21, 0x86, 0, 0, size, 4).xfer.status,
			 USB_STATUS_STALL);
	memcpy(size, "\x00\x40\x00\x00\x00\x00\x01\x00", 8); /* reserved */
	assert_int_equal(request(0x21, 0x86, 0, 0, size, 8).xfer.status,
			 USB_STATUS_STALL);
	/* Format and CRC mode stay while blocks are on their way. */
	select_data(1);
	expect_stall(0x21, 0x84, 1, 0, 0);
	expect_stall(0x21, 0x8a, 1, 0, 0);
}

static void the_link_is_told_speed_first(void **state)
{
	static const uint8_t speed[16] = {0xa1, 0x2a, 0,    0,	  0,	0,
					  8,	0,    0,    0xca, 0x9a, 0x3b,
					  0,	0xca, 0x9a, 0x3b};
	static const uint8_t up[8] = {0xa1, 0, 1};
	static const uint8_t down[8] = {0xa1, 0, 0};
	struct mem_xfer in;
	uint8_t data[64];

	submit(&in, NOTIFY, data, 64);
	assert_false(in.done);
	select_data(1);
	assert_true(in.done);
	assert_int_equal(in.xfer.actual, 16);
	assert_memory_equal(data, speed, 16);
	/* Too short a buffer is told, and nothing is lost. */
	submit(&in, NOTIFY, data, 4);
	assert_int_equal(in.xfer.status, USB_STATUS_OVERFLOW);
	submit(&in, NOTIFY, data, 16);
	assert_int_equal(in.xfer.actual, 8);
	assert_memory_equal(data, up, 8);
	submit(&in, NOTIFY, data, 16);
	assert_false(in.done);
	fake.up = false;
	fake.port.events->link_changed(fake.port.context);
	assert_true(in.done);
	assert_int_equal(in.xfer.actual, 8);
	assert_memory_equal(data, down, 8);
	/* Of several changes the last counts. */
	fake.up = true;
	fake.port.events->link_changed(fake.port.context);
	fake.up = false;
	fake.port.events->link_changed(fake.port.context);
	submit(&in, NOTIFY, data, 16);
	submit(&in, NOTIFY, data, 16);
	assert_memory_equal(data, down, 8);
	submit(&in, NOTIFY, data, 16);
	assert_false(in.done);
	mem_bus_cancel(bus, 1, &in);
}

/* --- from the guest ------------------------------------------------------- */

static void blocks_become_frames(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];

	for (int mode = 0; mode < 4; mode++) {
		bool wide = mode & 1, crc = mode & 2;
		uint32_t len =
			make_block(data, sizeof(data), 9, 1000, wide, crc);

		control(0x21, 0x84, wide, 0, NULL, 0);
		select_data(1);
		send_out(data, len);
		expect_sent(9, 1000);
		select_data(0);
	}
}

static void a_block_may_come_in_pieces(void **state)
{
	static uint8_t data[NCM_NTB_SIZE + 1];
	uint32_t len = make_block(data, NCM_NTB_SIZE, 5, 1500, false, false);

	select_data(1);
	for (uint32_t at = 0; at < len; at += 512)
		send_out(data + at, len - at < 512 ? len - at : 512);
	expect_sent(5, 1500);
	/* Exactly as many packets as its length says, and none behind. */
	data[8] = 1024 & 0xff;
	data[9] = 1024 >> 8;
	len = make_block(data, NCM_NTB_SIZE, 1, 900, false, false);
	memset(data + len, 0, 1024 - len);
	data[8] = 0;
	data[9] = 4;
	send_out(data, 512);
	assert_int_equal(fake.sent_count, 0);
	send_out(data + 512, 512);
	expect_sent(1, 900);
	/* ... or an empty one, or one octet, as two systems do. */
	send_out(data, 0);
	send_out(data, 1024);
	expect_sent(1, 900);
	send_out(data + 1024, 1);
	send_out(data, 1025);
	expect_sent(1, 900);
}

static void a_block_that_is_wrong_is_dropped_alone(void **state)
{
	static uint8_t data[NCM_NTB_SIZE], garbage[3 * 16384];
	uint32_t len = make_block(data, sizeof(data), 3, 100, false, false);

	select_data(1);
	memset(garbage, 0x5a, sizeof(garbage));
	send_out(garbage, 700);
	send_out(data, len);
	expect_sent(3, 100);
	/* Longer than any block, in any pieces; its short end frees us. */
	send_out(garbage, sizeof(garbage));
	send_out(garbage, 10);
	send_out(data, len);
	expect_sent(3, 100);
	for (int i = 0; i < 5; i++)
		send_out(garbage, 8192);
	send_out(garbage, 10);
	send_out(data, len);
	expect_sent(3, 100);
	data[12 + 2 + 5]++; /* the frame itself is nobody's business here */
	send_out(data, len);
	assert_int_equal(fake.sent_count, 3);
}

static void a_wrong_check_sequence_loses_one_frame(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];
	uint32_t len = make_block(data, sizeof(data), 2, 100, false, true);

	select_data(1);
	data[20] ^= 1;
	send_out(data, len);
	assert_int_equal(fake.sent_count, 1);
	assert_int_equal(fake.sent[0].len, 101);
}

static void a_frame_too_long_is_shown_as_such(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];
	uint32_t len = make_block(data, sizeof(data), 1, 9000, false, false);

	select_data(1);
	send_out(data, len);
	assert_int_equal(fake.sent_count, 1);
	assert_int_equal(fake.sent[0].len, FRAME_BUFFER);
}

static void a_network_that_is_full_stops_the_guest(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];
	uint32_t len = make_block(data, sizeof(data), 6, 200, false, false);
	struct mem_xfer out;

	select_data(1);
	fake.room = 2;
	send_out(data, len);
	assert_int_equal(fake.sent_count, 2);
	submit(&out, OUT, data, len);
	assert_false(out.done);
	fake.room = 3;
	fake.port.events->writable(fake.port.context);
	assert_false(out.done);
	assert_int_equal(fake.sent_count, 5);
	fake.room = FRAMES;
	fake.port.events->writable(fake.port.context);
	assert_true(out.done);
	assert_int_equal(fake.sent_count, 12);
	/* What is held back is forgotten with the setting. */
	fake.sent_count = 0;
	fake.room = 0;
	send_out(data, len);
	select_data(0);
	fake.room = FRAMES;
	fake.port.events->writable(fake.port.context);
	select_data(1);
	assert_int_equal(fake.sent_count, 0);
}

/* --- to the guest --------------------------------------------------------- */

static unsigned int count_datagrams(const uint8_t *data, uint32_t len,
				    bool wide)
{
	struct ntb_datagram datagram;
	struct ntb_reader reader;
	unsigned int count = 0;

	assert_int_equal(ntb_reader_init(&reader, data, len, wide), NTB_OK);
	while (ntb_reader_next(&reader, &datagram)) {
		assert_false(datagram.crc_wrong);
		count++;
	}
	return count;
}

static void frames_become_blocks(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];
	struct mem_xfer in;

	for (int mode = 0; mode < 4; mode++) {
		bool wide = mode & 1, crc = mode & 2;

		control(0x21, 0x84, wide, 0, NULL, 0);
		control(0x21, 0x8a, crc, 0, NULL, 0);
		select_data(1);
		submit(&in, IN, data, sizeof(data));
		assert_false(in.done);
		for (int i = 0; i < 12; i++)
			give_frame(mac, 1514);
		fake.port.events->readable(fake.port.context);
		assert_true(in.done);
		assert_int_equal(count_datagrams(data, in.xfer.actual, wide),
				 10);
		assert_true(in.xfer.actual % 64);
		assert_int_equal(data[6], 0); /* wSequence */
		submit(&in, IN, data, sizeof(data));
		assert_int_equal(count_datagrams(data, in.xfer.actual, wide),
				 2);
		assert_int_equal(data[6], 1);
		fake.next = fake.count = 0;
		select_data(0);
	}
}

static void the_size_and_number_asked_for_are_kept(void **state)
{
	uint8_t wish[8] = {0x00, 0x08, 0, 0, 0, 0, 0, 0};
	static uint8_t data[NCM_NTB_SIZE];
	struct mem_xfer in;

	control(0x21, 0x86, 0, 0, wish, 4);
	select_data(1);
	for (int i = 0; i < 30; i++)
		give_frame(mac, 60);
	submit(&in, IN, data, sizeof(data));
	assert_true(in.xfer.actual <= 2048);
	wish[4] = 3;
	control(0x21, 0x86, 0, 0, wish, 8);
	submit(&in, IN, data, sizeof(data));
	assert_int_equal(count_datagrams(data, in.xfer.actual, false), 3);
}

static void a_block_goes_over_several_transfers(void **state)
{
	static uint8_t data[NCM_NTB_SIZE];
	struct mem_xfer in;
	uint32_t at = 0;

	select_data(1);
	for (int i = 0; i < 10; i++)
		give_frame(mac, 1514);
	do {
		submit(&in, IN, data + at, 512);
		assert_true(in.done);
		at += in.xfer.actual;
	} while (in.xfer.actual == 512);
	assert_int_equal(count_datagrams(data, at, false), 10);
	/* The end falls on a transfer's: an empty one says so. */
	give_frame(mac, 60);
	submit(&in, IN, data, 512);
	at = in.xfer.actual;
	assert_true(at < 512);
	submit(&in, IN, data, 512);
	assert_false(in.done);
	mem_bus_cancel(bus, 1, &in);
}

static void only_wanted_frames_arrive(void **state)
{
	static const uint8_t broadcast[6] = {255, 255, 255, 255, 255, 255};
	static const uint8_t group[6] = {0x33, 0x33, 0, 0, 0, 1};
	static const uint8_t group2[6] = {0x33, 0x33, 0, 0, 0, 2};
	static const uint8_t other[6] = {0x02, 9, 9, 9, 9, 9};
	const uint8_t *targets[] = {mac, broadcast, group, group2, other};
	static const struct {
		int filter; /* -1: as it is at first */
		unsigned int wanted;
	} table[] = {{-1, 4}, {0, 0}, {1, 5},  {2, 2},
		     {4, 1},  {8, 1}, {16, 1}, {4 | 8 | 16, 3}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		static uint8_t data[NCM_NTB_SIZE];
		struct mem_xfer in;

		select_data(1);
		control(0x21, 0x40, 1, 0, (void *)(uintptr_t)group, 6);
		if (table[i].filter >= 0)
			control(0x21, 0x43, (uint16_t)table[i].filter, 0, NULL,
				0);
		for (int k = 0; k < 5; k++)
			give_frame(targets[k], 60);
		submit(&in, IN, data, sizeof(data));
		assert_int_equal(fake.unwanted, 5 - table[i].wanted);
		if (table[i].wanted)
			assert_int_equal(
				count_datagrams(data, in.xfer.actual, false),
				table[i].wanted);
		else
			assert_false(in.done);
		fake.next = fake.count = 0;
		fake.unwanted = 0;
		select_data(0);
		assert_true(in.done);
	}
}

static void nothing_moves_in_setting_0(void **state)
{
	struct mem_xfer in;
	uint8_t data[512];

	submit(&in, IN, data, sizeof(data));
	assert_int_equal(in.xfer.status, USB_STATUS_INVALID);
	give_frame(mac, 60);
	fake.port.events->readable(fake.port.context);
	fake.port.events->writable(fake.port.context);
	fake.port.events->link_changed(fake.port.context);
	assert_int_equal(fake.next, 0);
	submit(&in, NOTIFY, data, 16);
	assert_false(in.done);
	mem_bus_cancel(bus, 1, &in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(requests_are_those_of_the_specification),
		TEST(every_other_request_stalls),
		TEST(the_link_is_told_speed_first),
		TEST(blocks_become_frames),
		TEST(a_block_may_come_in_pieces),
		TEST(a_block_that_is_wrong_is_dropped_alone),
		TEST(a_wrong_check_sequence_loses_one_frame),
		TEST(a_frame_too_long_is_shown_as_such),
		TEST(a_network_that_is_full_stops_the_guest),
		TEST(frames_become_blocks),
		TEST(the_size_and_number_asked_for_are_kept),
		TEST(a_block_goes_over_several_transfers),
		TEST(only_wanted_frames_arrive),
		TEST(nothing_moves_in_setting_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
