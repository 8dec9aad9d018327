// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-diag.c - echo, sink and source over the in-process bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/mem.h"
#include "backend/function/diag.h"
#include "protocol/pipe.h"

#include <stdlib.h>
#include <string.h>

static struct bus *bus;

static uint32_t control(uint8_t type, uint8_t request, uint16_t value,
			void *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .setup = {type, request, value & 0xff, value >> 8, 0,
				   0, len & 0xff, len >> 8},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(bus, 1, &transfer);
	assert_true(transfer.done);
	assert_int_equal(transfer.xfer.status, USB_STATUS_OK);
	return transfer.xfer.actual;
}

static int setup(void **state)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "diag", .serial = "1"};
	struct usb_function *function = diag_function_create("diag");

	bus = mem_bus_create(1);
	bus_plug(bus, 1, usb_device_create(&identity, &function, 1));
	control(0x00, 5, 3, NULL, 0);
	control(0x00, 9, 1, NULL, 0);
	control(0x01, 11, 1, NULL, 0);
	control(0x41, TV_PIPE_OPEN, 1, NULL, 0);
	return 0;
}

static int teardown(void **state)
{
	bus_destroy(bus);
	return 0;
}

static void submit(struct mem_xfer *transfer, uint8_t endpoint, void *data,
		   uint32_t len)
{
	memset(transfer, 0, sizeof(*transfer));
	transfer->xfer.type = USB_TRANSFER_BULK;
	transfer->xfer.endpoint = endpoint;
	transfer->xfer.length = len;
	transfer->buffer = data;
	mem_bus_submit(bus, 1, transfer);
}

static void send(const char *text)
{
	struct mem_xfer out;

	submit(&out, 0x01, (void *)text, (uint32_t)strlen(text));
	assert_true(out.done);
	assert_int_equal(out.xfer.actual, strlen(text));
}

static struct tv_pipe_status status(void)
{
	struct tv_pipe_status status;

	control(0xc1, TV_PIPE_GET_STATUS, 0, &status, sizeof(status));
	return status;
}

static void echo_returns_what_came(void **state)
{
	uint8_t data[16];
	struct mem_xfer in;
	uint64_t count = 7;

	send("Eabc");
	submit(&in, 0x82, data, sizeof(data));
	assert_int_equal(in.xfer.actual, 3);
	assert_memory_equal(data, "abc", 3);
	send("def");
	control(0x41, TV_PIPE_SHUTDOWN, 1, &count, 8);
	assert_false(status().flags & TV_PIPE_STATUS_IN_ENDED);
	submit(&in, 0x82, data, sizeof(data));
	assert_int_equal(in.xfer.actual, 3);
	assert_true(status().flags & TV_PIPE_STATUS_IN_ENDED);
}

static void echo_holds_a_bounded_amount(void **state)
{
	enum { LEN = 100000 };
	uint8_t *data = calloc(1, LEN);
	uint8_t *back = calloc(1, LEN);
	struct mem_xfer out;
	struct mem_xfer in;
	uint32_t got = 0;

	for (int i = 1; i < LEN; i++)
		data[i] = (uint8_t)(i * 7);
	data[0] = 'E';
	submit(&out, 0x01, data, LEN);
	assert_false(out.done);
	while (got < LEN - 1) {
		submit(&in, 0x82, back + got, LEN - got);
		assert_true(in.done);
		got += in.xfer.actual;
	}
	assert_true(out.done);
	assert_memory_equal(back, data + 1, LEN - 1);
	free(data);
	free(back);
}

static void sink_counts(void **state)
{
	uint64_t count = 9;
	uint8_t data[8] = {0};
	struct mem_xfer in;

	send("S1234");
	send("5678");
	control(0x41, TV_PIPE_SHUTDOWN, 1, &count, 8);
	submit(&in, 0x82, data, sizeof(data));
	assert_int_equal(in.xfer.actual, 8);
	assert_int_equal(data[0], 8);
	assert_true(status().flags & TV_PIPE_STATUS_IN_ENDED);
}

static void source_gives_the_pattern(void **state)
{
	uint8_t data[1000];
	struct mem_xfer in;

	send("G");
	for (unsigned int n = 0; n < 3000; n += sizeof(data)) {
		submit(&in, 0x82, data, sizeof(data));
		assert_int_equal(in.xfer.actual, sizeof(data));
		for (unsigned int i = 0; i < sizeof(data); i++)
			assert_int_equal(data[i],
					 (uint8_t)(n + i + (n + i) / 251));
	}
}

static void another_letter_resets(void **state)
{
	struct mem_xfer out;

	submit(&out, 0x01, (void *)"x", 1);
	assert_int_equal(status().state, TV_PIPE_RESET);
	assert_int_equal(status().reason, TV_PIPE_REASON_PROTOCOL);
	mem_bus_cancel(bus, 1, &out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(echo_returns_what_came, setup,
						teardown),
		cmocka_unit_test_setup_teardown(echo_holds_a_bounded_amount,
						setup, teardown),
		cmocka_unit_test_setup_teardown(sink_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(source_gives_the_pattern, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_letter_resets, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
