// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cases.c - what every bus must show: docs/device.md as a table of cases.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/function/ncm.h"
#include "backend/function/ncm_ntb.h"
#include "backend/function/p2p.h"
#include "tests/conformance/host.h"
#include "tests/conformance/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_ENDPOINT(pipe) (0x01 + (pipe))
#define IN_ENDPOINT(pipe) (0x82 + (pipe))
#define EVENT_ENDPOINT 0x81
#define WINDEX(pipe) ((uint16_t)((pipe) << 8))

static struct peer peer;

/* --- what the cases are written in ------------------------------------- */

static struct usb_device *make_device(unsigned int functions)
{
	static const char *const names[] = {"default", "second"};
	const struct usb_device_identity identity = {
		.vendor_id = TV_USB_VENDOR_ID,
		.product_id = TV_USB_PRODUCT_ID,
		.release = 0x0100,
		.manufacturer = "2Virt",
		.product = "2Virt web",
		.serial = "web-default",
	};
	struct usb_function *made[2];

	for (unsigned int i = 0; i < functions; i++)
		made[i] = pipe_function_create(&(struct pipe_function_config){
			.type = TV_FUNCTION_WEB,
			.type_name = "web",
			.name = names[i],
			.pipe_count = i ? 1 : PEER_PIPES,
			.transfer_max = 1 << 20,
			.ops = &peer_ops,
			.context = &peer,
		});
	return usb_device_create(&identity, made, functions);
}

static void assert_status(struct host *host,
			  const struct host_transfer *transfer,
			  enum usb_status status)
{
	assert_true(transfer->done);
	assert_int_equal(transfer->wire_status, host->ops->wire_status(status));
}

/* A control transfer: octets moved, or minus the wire status' magnitude. */
static struct host_transfer control(struct host *host, uint8_t type,
				    uint8_t request, uint16_t value,
				    uint16_t index, void *data, uint16_t len)
{
	struct host_transfer transfer = {
		.type = USB_TRANSFER_CONTROL,
		.setup = {type, request, value & 0xff, value >> 8, index & 0xff,
			  index >> 8, len & 0xff, len >> 8},
		.data = data,
		.length = len,
	};

	host->ops->submit(host, &transfer);
	assert_true(host->ops->wait(host, &transfer));
	return transfer;
}

static void expect_ok(struct host *host, uint8_t type, uint8_t request,
		      uint16_t value, uint16_t index, void *data, uint16_t len,
		      uint32_t actual)
{
	struct host_transfer transfer =
		control(host, type, request, value, index, data, len);

	assert_status(host, &transfer, USB_STATUS_OK);
	assert_int_equal(transfer.actual, actual);
}

static void expect_stall(struct host *host, uint8_t type, uint8_t request,
			 uint16_t value, uint16_t index, uint16_t len)
{
	uint8_t data[256] = {0};
	struct host_transfer transfer =
		control(host, type, request, value, index, data, len);

	assert_status(host, &transfer, USB_STATUS_STALL);
}

static void set_address(struct host *host)
{
	expect_ok(host, 0x00, 5, 9, 0, NULL, 0, 0);
	host->address = 9;
}

static void configure(struct host *host)
{
	set_address(host);
	expect_ok(host, 0x00, 9, 1, 0, NULL, 0, 0);
}

static void ready(struct host *host)
{
	configure(host);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
}

static void plug(struct host *host)
{
	host->ops->plug(host, make_device(1));
}

static void start(struct host *host)
{
	plug(host);
	ready(host);
}

static struct host_transfer *submit(struct host *host,
				    enum usb_transfer_type type,
				    uint8_t endpoint, void *data, uint32_t len)
{
	static struct host_transfer transfers[64];
	static unsigned int next;
	struct host_transfer *transfer = &transfers[next++ % 64];

	*transfer = (struct host_transfer){.type = type,
					   .endpoint = endpoint,
					   .data = data,
					   .length = len};
	host->ops->submit(host, transfer);
	host->ops->settle(host);
	return transfer;
}

static struct host_transfer *submit_in(struct host *host, unsigned int pipe,
				       void *data, uint32_t len)
{
	return submit(host, USB_TRANSFER_BULK, IN_ENDPOINT(pipe), data, len);
}

static struct host_transfer *submit_out(struct host *host, unsigned int pipe,
					void *data, uint32_t len)
{
	return submit(host, USB_TRANSFER_BULK, OUT_ENDPOINT(pipe), data, len);
}

static void open_pipe(struct host *host, unsigned int pipe, uint16_t generation)
{
	expect_ok(host, 0x41, TV_PIPE_OPEN, generation, WINDEX(pipe), NULL, 0,
		  0);
}

static void shutdown_pipe(struct host *host, unsigned int pipe,
			  uint16_t generation, uint64_t count)
{
	expect_ok(host, 0x41, TV_PIPE_SHUTDOWN, generation, WINDEX(pipe),
		  &count, 8, 8);
}

static struct tv_pipe_status pipe_status(struct host *host, unsigned int pipe)
{
	struct tv_pipe_status status;

	expect_ok(host, 0xc1, TV_PIPE_GET_STATUS, 0, WINDEX(pipe), &status,
		  sizeof(status), sizeof(status));
	return status;
}

static void expect_event(struct host *host, uint8_t type, uint8_t pipe,
			 uint16_t generation, uint16_t reason, uint64_t count)
{
	struct tv_pipe_event event = {0};
	struct host_transfer *transfer = submit(host, USB_TRANSFER_INTERRUPT,
						EVENT_ENDPOINT, &event, 64);

	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_OK);
	assert_int_equal(transfer->actual, sizeof(event));
	assert_int_equal(event.type, type);
	assert_int_equal(event.pipe, pipe);
	assert_int_equal(event.generation, generation);
	assert_int_equal(event.reason, reason);
	assert_int_equal(event.reserved, 0);
	assert_int_equal(event.count, count);
}

static void expect_no_event(struct host *host)
{
	uint8_t data[64];
	struct host_transfer *transfer =
		submit(host, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT, data, 64);

	host->ops->settle(host);
	assert_false(transfer->done);
	host->ops->cancel(host, transfer);
	assert_true(host->ops->wait(host, transfer));
}

static void expect_in(struct host *host, unsigned int pipe, const void *bytes,
		      uint32_t len)
{
	uint8_t data[4096];
	struct host_transfer *transfer =
		submit_in(host, pipe, data, sizeof(data));

	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_OK);
	assert_int_equal(transfer->actual, len);
	assert_memory_equal(data, bytes, len);
}

static void fill(uint8_t *data, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245u + 12345u;
		data[i] = (uint8_t)(seed >> 16);
	}
}

/* --- chapter 9 ----------------------------------------------------------- */

static void device_descriptor(struct host *host)
{
	uint8_t d[64] = {0};

	plug(host);
	expect_ok(host, 0x80, 6, 0x0100, 0, d, 64, 18);
	assert_int_equal(d[0], 18);
	assert_int_equal(d[2] | d[3] << 8, 0x0201);
	assert_int_equal(d[4], 0);
	assert_int_equal(d[7], 64);
	assert_int_equal(d[8] | d[9] << 8, 0x02a0);
	assert_int_equal(d[10] | d[11] << 8, 0xa123);
	assert_int_equal(d[17], 1);
	expect_ok(host, 0x80, 6, 0x0100, 0, d, 8, 8);
	expect_ok(host, 0x80, 6, 0x0600, 0, d, 64, 10);
	assert_int_equal(d[8], 1);
}

static void configuration_descriptor(struct host *host)
{
	uint8_t d[255] = {0};
	unsigned int endpoints = 0;
	unsigned int len = 9 + 9 + 9 + 7 * (1 + 2 * PEER_PIPES);

	plug(host);
	expect_ok(host, 0x80, 6, 0x0200, 0, d, 255, len);
	assert_int_equal(d[2] | d[3] << 8, len);
	assert_int_equal(d[4], 1);
	assert_int_equal(d[5], 1);
	assert_int_equal(d[7], 0xc0);
	for (unsigned int at = 0; at < len; at += d[at]) {
		assert_true(d[at] >= 2);
		if (d[at + 1] == 5)
			endpoints++;
		if (d[at + 1] == 4)
			assert_int_equal(d[at + 5], 0xff);
	}
	assert_int_equal(endpoints, 1 + 2 * PEER_PIPES);
	/* Cut where the host wants it cut. */
	expect_ok(host, 0x80, 6, 0x0200, 0, d, 9, 9);
	expect_stall(host, 0x80, 6, 0x0201, 0, 9);
}

static void other_speed_configuration(struct host *host)
{
	uint8_t d[255] = {0};
	unsigned int len = 9 + 9 + 9 + 7 * (1 + 2 * PEER_PIPES);

	plug(host);
	expect_ok(host, 0x80, 6, 0x0700, 0, d, 255, len);
	assert_int_equal(d[1], 7);
	for (unsigned int at = 0; at < len; at += d[at])
		if (d[at + 1] == 5)
			assert_int_equal(d[at + 4] | d[at + 5] << 8, 64);
}

static void string_descriptors(struct host *host)
{
	uint8_t device[18];
	uint8_t d[255] = {0};

	plug(host);
	expect_ok(host, 0x80, 6, 0x0100, 0, device, 18, 18);
	expect_ok(host, 0x80, 6, 0x0300, 0, d, 255, 4);
	assert_int_equal(d[2] | d[3] << 8, 0x0409);
	expect_ok(host, 0x80, 6, 0x0300 | device[14], 0x0409, d, 255, 12);
	assert_memory_equal(d + 2, "2\0V\0i\0r\0t\0", 10);
	expect_stall(host, 0x80, 6, 0x0300 | device[14], 0x0407, 255);
	expect_stall(host, 0x80, 6, 0x03ff, 0x0409, 255);
}

static void interface_string_names_the_service(struct host *host)
{
	uint8_t config[255];
	uint8_t d[255] = {0};

	plug(host);
	expect_ok(host, 0x80, 6, 0x0200, 0, config, 27, 27);
	expect_ok(host, 0x80, 6, 0x0300 | config[9 + 8], 0x0409, d, 255,
		  2 + 2 * 11);
	assert_memory_equal(d + 2, "w\0e\0b\0:\0d\0e\0f\0a\0u\0l\0t\0", 22);
}

static void bos_and_msos_bind_winusb(struct host *host)
{
	uint8_t d[255] = {0};

	plug(host);
	expect_ok(host, 0x80, 6, 0x0f00, 0, d, 255, 40);
	assert_int_equal(d[4], 2);
	assert_int_equal(d[12 + 2], 5);
	assert_int_equal(d[12 + 26], 0x20);
	assert_int_equal(d[12 + 24] | d[12 + 25] << 8, 162);
	expect_ok(host, 0xc0, 0x20, 0, 7, d, 255, 162);
	assert_int_equal(d[8] | d[9] << 8, 162);
	assert_memory_equal(d + 14, "WINUSB\0\0", 8);
	expect_stall(host, 0xc0, 0x20, 0, 5, 255);
}

static void composite_uses_association(struct host *host)
{
	uint8_t d[255] = {0};
	unsigned int associations = 0;
	struct host_transfer transfer;

	host->ops->plug(host, make_device(2));
	expect_ok(host, 0x80, 6, 0x0100, 0, d, 18, 18);
	assert_int_equal(d[4], 0xef);
	assert_int_equal(d[5], 2);
	assert_int_equal(d[6], 1);
	transfer = control(host, 0x80, 6, 0x0200, 0, d, 255);
	assert_status(host, &transfer, USB_STATUS_OK);
	assert_int_equal(d[4], 2);
	for (unsigned int at = 0; at < transfer.actual; at += d[at])
		if (d[at + 1] == 11)
			assert_int_equal(d[at + 2], associations++);
	assert_int_equal(associations, 2);
	configure(host);
	expect_ok(host, 0x01, 11, 1, 1, NULL, 0, 0);
	expect_ok(host, 0x41, TV_PIPE_OPEN, 3, 0x0001, NULL, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 4, 0x0101, 0);
	/* The first function's setting is 0: its pipes do not exist. */
	expect_stall(host, 0x41, TV_PIPE_OPEN, 5, 0x0000, 0);
}

static void address_state(struct host *host)
{
	uint8_t d[2] = {9, 9};

	plug(host);
	if (!host->ops->addressed_by_bus) {
		expect_stall(host, 0x80, 8, 0, 0, 1); /* GET_CONFIGURATION */
		expect_stall(host, 0x00, 9, 1, 0, 0);
	}
	expect_stall(host, 0x00, 5, 128, 0, 0);
	set_address(host);
	expect_ok(host, 0x80, 8, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 0);
	expect_ok(host, 0x80, 0, 0, 0, d, 2, 2);
	assert_int_equal(d[0] | d[1] << 8, 1);
	expect_stall(host, 0x81, 0, 0, 0, 2);	 /* no interface yet */
	expect_stall(host, 0x82, 0, 0, 0x81, 2); /* no endpoint yet */
	expect_ok(host, 0x82, 0, 0, 0, d, 2, 2);
	expect_stall(host, 0x00, 9, 2, 0, 0);
	expect_stall(host, 0x81, 10, 0, 0, 1);
}

static void configured_state(struct host *host)
{
	uint8_t d[2] = {9, 9};

	plug(host);
	configure(host);
	expect_ok(host, 0x80, 8, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 1);
	expect_ok(host, 0x81, 10, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 0);
	expect_ok(host, 0x81, 0, 0, 0, d, 2, 2);
	assert_int_equal(d[0] | d[1] << 8, 0);
	expect_stall(host, 0x81, 0, 0, 1, 2);
	expect_stall(host, 0x00, 5, 4, 0, 0); /* SET_ADDRESS when configured */
	expect_stall(host, 0x01, 11, 2, 0, 0);
	expect_stall(host, 0x01, 11, 0, 1, 0);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	expect_ok(host, 0x81, 10, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 1);
	/* Configuring anew selects setting 0. */
	expect_ok(host, 0x00, 9, 1, 0, NULL, 0, 0);
	expect_ok(host, 0x81, 10, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 0);
	expect_ok(host, 0x00, 9, 0, 0, NULL, 0, 0);
	expect_ok(host, 0x80, 8, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 0);
}

static void every_other_request_stalls(struct host *host)
{
	start(host);
	for (unsigned int type = 0; type < 256; type++) {
		static const uint8_t unknown[] = {2, 4, 7, 12, 0x30, 0xff};

		for (unsigned int i = 0; i < sizeof(unknown); i++)
			expect_stall(host, (uint8_t)type, unknown[i], 0, 0,
				     type & 0x80 ? 8 : 0);
	}
	expect_stall(host, 0x00, 3, 2, 0x0100, 0); /* TEST_MODE */
	expect_stall(host, 0x00, 3, 1, 0, 0);	   /* remote wake-up */
	expect_stall(host, 0x00, 1, 1, 0, 0);
	expect_stall(host, 0x60, 0, 0, 0, 0); /* reserved type */
	/* The high octet of wIndex belongs to no endpoint. */
	expect_stall(host, 0x82, 0, 0, 0x0100 | IN_ENDPOINT(0), 2);
	expect_stall(host, 0x02, 3, 0, 0x0100 | IN_ENDPOINT(0), 0);
	expect_stall(host, 0x80, 6, 0x0400, 0, 9);
	expect_stall(host, 0x80, 6, 0x0500, 0, 9);
}

static void halt_and_clear(struct host *host)
{
	uint8_t data[64];
	uint8_t d[2];
	struct host_transfer *waiting;
	struct host_transfer *late;

	start(host);
	open_pipe(host, 0, 1);
	waiting = submit_in(host, 0, data, sizeof(data));
	assert_false(waiting->done);
	expect_ok(host, 0x02, 3, 0, IN_ENDPOINT(0), NULL, 0, 0);
	assert_true(host->ops->wait(host, waiting));
	assert_status(host, waiting, USB_STATUS_STALL);
	expect_ok(host, 0x82, 0, 0, IN_ENDPOINT(0), d, 2, 2);
	assert_int_equal(d[0], 1);
	late = submit_in(host, 0, data, sizeof(data));
	assert_true(host->ops->wait(host, late));
	assert_status(host, late, USB_STATUS_STALL);
	expect_ok(host, 0x02, 1, 0, IN_ENDPOINT(0), NULL, 0, 0);
	expect_ok(host, 0x82, 0, 0, IN_ENDPOINT(0), d, 2, 2);
	assert_int_equal(d[0], 0);
	/* The pipe itself lives on. */
	peer_send(&peer, 0, "abc", 3);
	expect_in(host, 0, "abc", 3);
	expect_stall(host, 0x02, 3, 0, 0x0f, 0);
	expect_stall(host, 0x02, 3, 1, IN_ENDPOINT(0), 0);
	/* Selecting a setting clears halts. */
	expect_ok(host, 0x02, 3, 0, OUT_ENDPOINT(0), NULL, 0, 0);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	expect_ok(host, 0x82, 0, 0, OUT_ENDPOINT(0), d, 2, 2);
	assert_int_equal(d[0], 0);
}

static void transfers_on_no_endpoint_are_invalid(struct host *host)
{
	uint8_t data[64] = {0};
	struct host_transfer *transfer;

	plug(host);
	configure(host);
	/* Setting 0 has no endpoints. */
	transfer = submit_in(host, 0, data, 64);
	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_INVALID);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	transfer = submit(host, USB_TRANSFER_BULK, 0x0f, data, 64);
	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_INVALID);
	if (host->ops->types_unsaid)
		return;
	/* An endpoint of another type. */
	transfer =
		submit(host, USB_TRANSFER_INTERRUPT, IN_ENDPOINT(0), data, 64);
	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_INVALID);
}

static void less_data_than_announced_is_invalid(struct host *host)
{
	uint8_t data[4] = {0};
	struct host_transfer transfer = {
		.type = USB_TRANSFER_CONTROL,
		.setup = {0x41, TV_PIPE_SHUTDOWN, 1, 0, 0, 0, 8, 0},
		.data = data,
		.length = sizeof(data),
	};

	if (host->ops->one_length)
		return;
	start(host);
	open_pipe(host, 0, 1);
	host->ops->submit(host, &transfer);
	assert_true(host->ops->wait(host, &transfer));
	assert_status(host, &transfer, USB_STATUS_INVALID);
	assert_false(peer.pipes[0].received_end);
}

static void cancel_ends_exactly_once(struct host *host)
{
	uint8_t data[64];
	struct host_transfer *transfer;

	start(host);
	open_pipe(host, 1, 1);
	transfer = submit_in(host, 1, data, sizeof(data));
	assert_false(transfer->done);
	host->ops->cancel(host, transfer);
	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_CANCELLED);
	assert_int_equal(transfer->actual, 0);
	/* Nothing was taken for it. */
	peer_send(&peer, 1, "xyz", 3);
	expect_in(host, 1, "xyz", 3);
}

static void unplug_ends_everything(struct host *host)
{
	uint8_t data[4][64];
	struct host_transfer *waiting[4];
	struct host_transfer *late;

	start(host);
	open_pipe(host, 0, 1);
	peer.pipes[0].room = 0;
	waiting[0] = submit_in(host, 0, data[0], 64);
	waiting[1] = submit_out(host, 0, data[1], 64);
	waiting[2] =
		submit(host, USB_TRANSFER_BULK, IN_ENDPOINT(1), data[2], 64);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	waiting[3] = submit(host, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT,
			    data[3], 64);
	host->ops->plug(host, NULL);
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(host->ops->wait(host, waiting[i]));
		assert_status(host, waiting[i], USB_STATUS_NODEV);
	}
	assert_true(peer.destroyed);
	assert_int_equal(peer.pipes[0].closes, 1);
	late = submit_in(host, 0, data[0], 64);
	assert_true(host->ops->wait(host, late));
	assert_status(host, late, USB_STATUS_NODEV);
}

static void replug_starts_from_nothing(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	host->ops->plug(host, NULL);
	host->address = 0;
	peer.destroyed = false;
	start(host);
	assert_int_equal(pipe_status(host, 0).state, TV_PIPE_CLOSED);
	open_pipe(host, 0, 1);
}

static void port_reset_starts_from_nothing(struct host *host)
{
	uint8_t d[2];
	uint8_t data[64];
	struct host_transfer *waiting;

	start(host);
	open_pipe(host, 0, 7);
	waiting = submit_in(host, 0, data, 64);
	host->ops->cancel(host, waiting);
	assert_true(host->ops->wait(host, waiting));
	host->ops->reset(host);
	host->address = 0;
	/* Some buses learn of a reset by the first request to address 0. */
	set_address(host);
	assert_int_equal(peer.pipes[0].closes, 1);
	expect_ok(host, 0x80, 8, 0, 0, d, 1, 1);
	assert_int_equal(d[0], 0);
	expect_ok(host, 0x00, 9, 1, 0, NULL, 0, 0);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	open_pipe(host, 0, 7);
}

/* --- pipes --------------------------------------------------------------- */

static void info_describes_the_function(struct host *host)
{
	struct tv_function_info info;

	plug(host);
	configure(host);
	expect_ok(host, 0xc1, TV_FUNCTION_GET_INFO, 0, 0, &info, sizeof(info),
		  sizeof(info));
	assert_int_equal(info.type, TV_FUNCTION_WEB);
	assert_int_equal(info.pipe_count, PEER_PIPES);
	assert_int_equal(info.version, 1);
	assert_int_equal(info.transfer_max, 1 << 20);
	expect_stall(host, 0xc1, TV_FUNCTION_GET_INFO, 1, 0, 32);
	expect_stall(host, 0xc1, TV_FUNCTION_GET_INFO, 0, 0x0100, 32);
	expect_ok(host, 0xc1, TV_FUNCTION_GET_INFO, 0, 0, &info, 4, 4);
}

static void requests_are_checked(struct host *host)
{
	uint64_t count = 0;
	struct host_transfer transfer;

	plug(host);
	configure(host);
	/* Setting 0: no pipes. */
	expect_stall(host, 0x41, TV_PIPE_OPEN, 1, 0, 0);
	expect_stall(host, 0xc1, TV_PIPE_GET_STATUS, 0, 0, 32);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 0, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 1, WINDEX(PEER_PIPES), 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 1, WINDEX(255), 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 1, 1, 0); /* no interface 1 */
	expect_stall(host, 0x41, TV_PIPE_OPEN, 1, 0, 4);
	expect_stall(host, 0xc1, TV_PIPE_OPEN, 1, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_SHUTDOWN, 1, 0, 8);
	expect_stall(host, 0xc1, TV_PIPE_GET_STATUS, 1, 0, 32);
	open_pipe(host, 0, 5);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 5, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_SHUTDOWN, 4, 0, 8);
	expect_stall(host, 0x41, TV_PIPE_SHUTDOWN, 5, 0, 7);
	expect_stall(host, 0x41, TV_PIPE_SHUTDOWN, 5, 0, 0);
	shutdown_pipe(host, 0, 5, 0);
	shutdown_pipe(host, 0, 5, 0);
	count = 1;
	transfer = control(host, 0x41, TV_PIPE_SHUTDOWN, 5, 0, &count, 8);
	assert_status(host, &transfer, USB_STATUS_STALL);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 5, 0, NULL, 0, 0);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 5, 0, NULL, 0, 0);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 4, 0, NULL, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_OPEN, 5, 0, 0);
	open_pipe(host, 0, 6);
	assert_int_equal(peer.pipes[0].opens, 2);
	assert_int_equal(peer.pipes[0].closes, 1);
}

static void octets_go_both_ways(struct host *host)
{
	uint8_t hello[] = "hello";
	struct host_transfer *out;
	struct tv_pipe_status status;

	start(host);
	open_pipe(host, 2, 1);
	expect_event(host, TV_PIPE_EVENT_OPENED, 2, 1, 0, 0);
	out = submit_out(host, 2, hello, 5);
	assert_true(host->ops->wait(host, out));
	assert_status(host, out, USB_STATUS_OK);
	assert_int_equal(out->actual, 5);
	assert_int_equal(peer.pipes[2].in_len, 5);
	assert_memory_equal(peer.pipes[2].in_box, "hello", 5);
	peer_send(&peer, 2, "world!", 6);
	expect_in(host, 2, "world!", 6);
	status = pipe_status(host, 2);
	assert_int_equal(status.state, TV_PIPE_ESTABLISHED);
	assert_int_equal(status.generation, 1);
	assert_int_equal(status.out_octets, 5);
	assert_int_equal(status.in_octets, 6);
	assert_int_equal(status.flags, 0);
}

static void sizes_are_exact(struct host *host)
{
	static const uint32_t sizes[] = {1,    511,  512,   513,  4095,
					 4096, 4097, 16384, 61440};
	uint8_t *sent = malloc(65536);
	uint8_t *got = malloc(65536);

	start(host);
	open_pipe(host, 0, 1);
	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint32_t len = sizes[i];
		struct host_transfer *transfer;

		fill(sent, len, i);
		peer.pipes[0].in_len = 0;
		peer.pipes[0].room = PEER_BUFFER;
		transfer = submit_out(host, 0, sent, len);
		assert_true(host->ops->wait(host, transfer));
		assert_status(host, transfer, USB_STATUS_OK);
		assert_int_equal(transfer->actual, len);
		assert_int_equal(peer.pipes[0].in_len, len);
		assert_memory_equal(peer.pipes[0].in_box, sent, len);

		peer.pipes[0].out_len = 0;
		peer.pipes[0].out_at = 0;
		peer_send(&peer, 0, sent, len);
		memset(got, 0xee, 65536);
		transfer = submit_in(host, 0, got, 61440);
		assert_true(host->ops->wait(host, transfer));
		assert_status(host, transfer, USB_STATUS_OK);
		assert_int_equal(transfer->actual, len);
		assert_memory_equal(got, sent, len);
		/* Nothing behind what was produced. */
		for (uint32_t at = len; at < 61440; at++)
			assert_int_equal(got[at], 0xee);
	}
	free(sent);
	free(got);
}

static void a_full_reader_leaves_out_unanswered(struct host *host)
{
	uint8_t data[100];
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	fill(data, sizeof(data), 3);
	peer.pipes[0].room = 60;
	out = submit_out(host, 0, data, sizeof(data));
	host->ops->settle(host);
	assert_false(out->done);
	assert_int_equal(peer.pipes[0].in_len, 60);
	/* Another pipe does not care. */
	open_pipe(host, 1, 1);
	peer_send(&peer, 1, "free", 4);
	expect_in(host, 1, "free", 4);
	peer_accept(&peer, 0, 39);
	host->ops->settle(host);
	assert_false(out->done);
	peer_accept(&peer, 0, 1);
	assert_true(host->ops->wait(host, out));
	assert_status(host, out, USB_STATUS_OK);
	assert_memory_equal(peer.pipes[0].in_box, data, sizeof(data));
}

static void a_cancelled_out_says_what_was_taken(struct host *host)
{
	uint8_t data[100] = {0};
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	peer.pipes[0].room = 60;
	out = submit_out(host, 0, data, sizeof(data));
	host->ops->settle(host);
	host->ops->cancel(host, out);
	assert_true(host->ops->wait(host, out));
	assert_status(host, out, USB_STATUS_CANCELLED);
	assert_int_equal(out->actual, 60);
	assert_int_equal(pipe_status(host, 0).out_octets, 60);
}

static void transfers_are_answered_in_order(struct host *host)
{
	uint8_t data[3][2];
	struct host_transfer *in[3];

	start(host);
	open_pipe(host, 0, 1);
	peer.pipes[0].out_step = 2;
	for (int i = 0; i < 3; i++)
		in[i] = submit_in(host, 0, data[i], 2);
	peer_send(&peer, 0, "aabbcc", 6);
	for (int i = 0; i < 3; i++) {
		assert_true(host->ops->wait(host, in[i]));
		assert_int_equal(data[i][0], 'a' + i);
		assert_int_equal(data[i][1], 'a' + i);
	}
}

static void half_close_of_the_host_is_exact(struct host *host)
{
	uint8_t data[10] = "0123456789";
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	peer.pipes[0].room = 4;
	out = submit_out(host, 0, data, 10);
	/* Announced before the data are through: the end waits for them. */
	shutdown_pipe(host, 0, 1, 10);
	assert_false(peer.pipes[0].received_end);
	peer_accept(&peer, 0, 6);
	assert_true(host->ops->wait(host, out));
	assert_true(peer.pipes[0].received_end);
	assert_int_equal(peer.pipes[0].in_len, 10);
	assert_true(pipe_status(host, 0).flags & TV_PIPE_STATUS_OUT_ENDED);
	/* The other direction goes on. */
	peer_send(&peer, 0, "still", 5);
	expect_in(host, 0, "still", 5);
}

static void shutdown_before_any_data(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	shutdown_pipe(host, 0, 1, 0);
	assert_true(peer.pipes[0].received_end);
}

static void octets_beyond_the_announced_end_reset(struct host *host)
{
	uint8_t data[10] = {0};
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	shutdown_pipe(host, 0, 1, 9);
	out = submit_out(host, 0, data, 10);
	host->ops->settle(host);
	assert_int_equal(peer.pipes[0].closes, 1);
	assert_int_equal(peer.pipes[0].in_len, 0);
	expect_event(host, TV_PIPE_EVENT_RESET, 0, 1, TV_PIPE_REASON_PROTOCOL,
		     0);
	assert_false(out->done);
	host->ops->cancel(host, out);
	assert_true(host->ops->wait(host, out));
}

static void a_shutdown_below_what_was_sent_resets(struct host *host)
{
	uint8_t data[10] = {0};
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	out = submit_out(host, 0, data, 10);
	assert_true(host->ops->wait(host, out));
	shutdown_pipe(host, 0, 1, 9);
	assert_int_equal(pipe_status(host, 0).state, TV_PIPE_RESET);
	assert_int_equal(pipe_status(host, 0).reason, TV_PIPE_REASON_PROTOCOL);
}

static void end_of_stream_comes_after_the_data(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	peer.pipes[0].out_step = 3;
	peer.pipes[0].end_after = true;
	peer_send(&peer, 0, "abcdef", 6);
	expect_no_event(host);
	expect_in(host, 0, "abc", 3);
	expect_no_event(host);
	expect_in(host, 0, "def", 3);
	expect_event(host, TV_PIPE_EVENT_EOS, 0, 1, 0, 6);
	assert_true(pipe_status(host, 0).flags & TV_PIPE_STATUS_IN_ENDED);
	/* It is said once, whatever the handler does. */
	pipe_have_in(peer.pipes[0].pipe);
	pipe_end(peer.pipes[0].pipe);
	expect_no_event(host);
}

static void an_empty_stream_ends(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	pipe_end(peer.pipes[0].pipe);
	expect_event(host, TV_PIPE_EVENT_EOS, 0, 1, 0, 0);
}

static void a_refused_pipe_says_why(struct host *host)
{
	start(host);
	peer.refuse = true;
	open_pipe(host, 3, 1);
	expect_event(host, TV_PIPE_EVENT_RESET, 3, 1, TV_PIPE_REASON_REFUSED,
		     0);
	assert_int_equal(peer.pipes[3].closes, 1);
	peer.refuse = false;
	open_pipe(host, 3, 2);
	expect_event(host, TV_PIPE_EVENT_OPENED, 3, 2, 0, 0);
}

static void an_opening_pipe_is_established_later(struct host *host)
{
	start(host);
	peer.hold = true;
	open_pipe(host, 0, 1);
	expect_no_event(host);
	assert_int_equal(pipe_status(host, 0).state, TV_PIPE_OPENING);
	pipe_established(peer.pipes[0].pipe);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
}

static void a_reset_pipe_naks_until_opened(struct host *host)
{
	uint8_t data[64];
	struct host_transfer *in;

	start(host);
	open_pipe(host, 0, 1);
	peer.pipes[0].out_step = 2;
	peer_send(&peer, 0, "abcd", 4);
	expect_in(host, 0, "ab", 2);
	pipe_reset(peer.pipes[0].pipe, TV_PIPE_REASON_PEER_RESET);
	in = submit_in(host, 0, data, 64);
	host->ops->settle(host);
	assert_false(in->done);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	expect_event(host, TV_PIPE_EVENT_RESET, 0, 1, TV_PIPE_REASON_PEER_RESET,
		     2);
	/* Opening ends what waits; nothing of the old stream is left. */
	open_pipe(host, 0, 2);
	assert_true(host->ops->wait(host, in));
	assert_status(host, in, USB_STATUS_CANCELLED);
	assert_int_equal(in->actual, 0);
	peer_send(&peer, 0, "x", 1);
	expect_in(host, 0, "x", 1);
}

static void opening_anew_forgets_the_old_stream(struct host *host)
{
	uint8_t data[8] = "old old";
	struct host_transfer *out;

	start(host);
	open_pipe(host, 0, 1);
	peer_send(&peer, 0, "read", 4);
	expect_in(host, 0, "read", 4);
	peer_send(&peer, 0, "secret of one", 13);
	peer.pipes[0].room = 2;
	out = submit_out(host, 0, data, 8);
	open_pipe(host, 0, 2);
	assert_true(host->ops->wait(host, out));
	assert_status(host, out, USB_STATUS_CANCELLED);
	assert_int_equal(out->actual, 2);
	assert_int_equal(peer.pipes[0].closes, 1);
	assert_int_equal(peer.pipes[0].in_len, 0);
	assert_int_equal(pipe_status(host, 0).in_octets, 0);
	assert_int_equal(pipe_status(host, 0).out_octets, 0);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 2, 0, 0);
	expect_no_event(host);
	peer_send(&peer, 0, "two", 3);
	expect_in(host, 0, "two", 3);
}

static void closing_lets_go(struct host *host)
{
	uint8_t data[64];
	struct host_transfer *in;

	start(host);
	open_pipe(host, 0, 1);
	in = submit_in(host, 0, data, 64);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0, 0);
	assert_true(host->ops->wait(host, in));
	assert_status(host, in, USB_STATUS_CANCELLED);
	assert_int_equal(peer.pipes[0].closes, 1);
	assert_null(peer.pipes[0].pipe);
	expect_no_event(host);
	assert_int_equal(pipe_status(host, 0).state, TV_PIPE_CLOSED);
}

static void closing_an_old_generation_changes_nothing(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	open_pipe(host, 0, 2);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0, 0);
	assert_int_equal(pipe_status(host, 0).state, TV_PIPE_ESTABLISHED);
	peer_send(&peer, 0, "lives", 5);
	expect_in(host, 0, "lives", 5);
}

static void an_end_before_a_reset_is_told_first(struct host *host)
{
	start(host);
	open_pipe(host, 0, 1);
	pipe_end(peer.pipes[0].pipe);
	pipe_reset(peer.pipes[0].pipe, TV_PIPE_REASON_TIMEOUT);
	expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
	expect_event(host, TV_PIPE_EVENT_EOS, 0, 1, 0, 0);
	expect_event(host, TV_PIPE_EVENT_RESET, 0, 1, TV_PIPE_REASON_TIMEOUT,
		     0);
}

static void setting_0_closes_all_pipes(struct host *host)
{
	uint8_t data[64];
	struct host_transfer *in;

	start(host);
	for (unsigned int i = 0; i < PEER_PIPES; i++)
		open_pipe(host, i, 1);
	in = submit_in(host, 2, data, 64);
	expect_ok(host, 0x01, 11, 0, 0, NULL, 0, 0);
	assert_true(host->ops->wait(host, in));
	assert_status(host, in, USB_STATUS_CANCELLED);
	for (unsigned int i = 0; i < PEER_PIPES; i++)
		assert_int_equal(peer.pipes[i].closes, 1);
	expect_ok(host, 0x01, 11, 1, 0, NULL, 0, 0);
	expect_no_event(host);
	/* Generations start from nothing too. */
	open_pipe(host, 0, 1);
}

static void a_short_event_buffer_keeps_the_event(struct host *host)
{
	uint8_t data[8];
	struct host_transfer *transfer;

	start(host);
	open_pipe(host, 0, 1);
	transfer =
		submit(host, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT, data, 8);
	assert_true(host->ops->wait(host, transfer));
	assert_status(host, transfer, USB_STATUS_OVERFLOW);
	if (!host->ops->interrupts_ahead)
		expect_event(host, TV_PIPE_EVENT_OPENED, 0, 1, 0, 0);
}

static void events_of_all_pipes_arrive(struct host *host)
{
	bool seen[PEER_PIPES] = {false};

	start(host);
	for (unsigned int i = 0; i < PEER_PIPES; i++)
		open_pipe(host, i, (uint16_t)(i + 1));
	for (unsigned int i = 0; i < PEER_PIPES; i++) {
		struct tv_pipe_event event;
		struct host_transfer *transfer =
			submit(host, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT,
			       &event, sizeof(event));

		assert_true(host->ops->wait(host, transfer));
		assert_int_equal(event.type, TV_PIPE_EVENT_OPENED);
		assert_in_range(event.pipe, 0, PEER_PIPES - 1);
		assert_int_equal(event.generation, event.pipe + 1);
		assert_false(seen[event.pipe]);
		seen[event.pipe] = true;
	}
	expect_no_event(host);
}

static struct tv_pipe_limits pipe_limits(struct host *host, unsigned int pipe)
{
	struct tv_pipe_limits limits;

	expect_ok(host, 0xc1, TV_PIPE_GET_LIMITS, 0, WINDEX(pipe), &limits,
		  sizeof(limits), sizeof(limits));
	return limits;
}

static void wish(struct host *host, unsigned int pipe, uint16_t generation,
		 uint8_t priority, uint64_t rate)
{
	struct tv_pipe_wish data = {.priority = priority, .rate = rate};

	expect_ok(host, 0x41, TV_PIPE_SET_LIMITS, generation, WINDEX(pipe),
		  &data, sizeof(data), sizeof(data));
}

static void limits_are_asked_for_and_told(struct host *host)
{
	struct tv_pipe_limits limits;

	start(host);
	limits = pipe_limits(host, 1); /* a closed pipe has none */
	assert_int_equal(limits.priority, TV_PIPE_PRIORITY_NORMAL);
	assert_int_equal(limits.rate, 0);
	open_pipe(host, 1, 3);
	expect_event(host, TV_PIPE_EVENT_OPENED, 1, 3, 0, 0);
	wish(host, 1, 3, TV_PIPE_PRIORITY_LOW, 50000);
	expect_event(host, TV_PIPE_EVENT_LIMIT, 1, 3, 0, 0);
	limits = pipe_limits(host, 1);
	assert_int_equal(limits.generation, 3);
	assert_int_equal(limits.priority, TV_PIPE_PRIORITY_LOW);
	assert_int_equal(limits.wanted_priority, TV_PIPE_PRIORITY_LOW);
	assert_int_equal(limits.rate, 50000);
	assert_int_equal(limits.wanted_rate, 50000);
	assert_int_equal(limits.burst, 4096);
	assert_int_equal(limits.reserved, 0);
	/* Policy gives less than was asked for. */
	peer.rate_max = 20000;
	pipe_limits_changed(peer.pipes[1].pipe);
	expect_event(host, TV_PIPE_EVENT_LIMIT, 1, 3, 0, 0);
	limits = pipe_limits(host, 1);
	assert_int_equal(limits.rate, 20000);
	assert_int_equal(limits.wanted_rate, 50000);
	/* What changes nothing is not told: high is not to be had. */
	wish(host, 1, 3, TV_PIPE_PRIORITY_NORMAL, 60000);
	expect_event(host, TV_PIPE_EVENT_LIMIT, 1, 3, 0, 0);
	wish(host, 1, 3, TV_PIPE_PRIORITY_HIGH, 0);
	expect_no_event(host);
	assert_int_equal(pipe_limits(host, 1).priority,
			 TV_PIPE_PRIORITY_NORMAL);
	/* The next opening begins with nothing asked for. */
	open_pipe(host, 1, 4);
	limits = pipe_limits(host, 1);
	assert_int_equal(limits.wanted_priority, TV_PIPE_PRIORITY_ANY);
	assert_int_equal(limits.wanted_rate, 0);
}

static void wishes_are_checked(struct host *host)
{
	static const uint8_t wrong[][TV_PIPE_WISH_LEN] = {
		{4}, {255}, {1, 1}, {1, 0, 0, 0, 0, 0, 0, 1}};

	start(host);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 1, 0, TV_PIPE_WISH_LEN);
	expect_stall(host, 0xc1, TV_PIPE_GET_LIMITS, 1, 0, 40);
	expect_stall(host, 0xc1, TV_PIPE_GET_LIMITS, 0, WINDEX(PEER_PIPES), 40);
	open_pipe(host, 0, 2);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 1, 0, TV_PIPE_WISH_LEN);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 2, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 2, 0, 15);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 2, 0, 17);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t data[TV_PIPE_WISH_LEN];
		struct host_transfer transfer;

		memcpy(data, wrong[i], sizeof(data));
		transfer = control(host, 0x41, TV_PIPE_SET_LIMITS, 2, 0, data,
				   sizeof(data));
		assert_status(host, &transfer, USB_STATUS_STALL);
	}
	assert_int_equal(peer.pipes[0].wish_priority, 0);
	expect_ok(host, 0x41, TV_PIPE_CLOSE, 2, 0, NULL, 0, 0);
	expect_stall(host, 0x41, TV_PIPE_SET_LIMITS, 2, 0, TV_PIPE_WISH_LEN);
}

static void a_megabyte_arrives_whole(struct host *host)
{
	enum { TOTAL = 1 << 20, CHUNK = 61440 };
	uint8_t *sent = malloc(TOTAL);
	uint8_t *got = malloc(TOTAL + CHUNK);
	uint32_t at = 0;

	start(host);
	open_pipe(host, 0, 1);
	fill(sent, TOTAL, 77);
	while (at < TOTAL) {
		uint32_t len = TOTAL - at < CHUNK ? TOTAL - at : CHUNK;
		struct host_transfer *out = submit_out(host, 0, sent + at, len);

		assert_true(host->ops->wait(host, out));
		assert_status(host, out, USB_STATUS_OK);
		at += len;
	}
	assert_int_equal(peer.pipes[0].in_len, TOTAL);
	assert_memory_equal(peer.pipes[0].in_box, sent, TOTAL);
	peer_send(&peer, 0, sent, TOTAL);
	for (at = 0; at < TOTAL;) {
		struct host_transfer *in = submit_in(host, 0, got + at, CHUNK);

		assert_true(host->ops->wait(host, in));
		assert_status(host, in, USB_STATUS_OK);
		assert_true(in->actual > 0);
		at += in->actual;
	}
	assert_int_equal(at, TOTAL);
	assert_memory_equal(got, sent, TOTAL);
	free(sent);
	free(got);
}

/* --- types with requests of their own ------------------------------------- */

static struct link_end *plug_p2p(struct host *host, uv_loop_t *loop,
				 enum link_role role)
{
	const struct usb_device_identity identity = {
		.vendor_id = TV_USB_VENDOR_ID,
		.product_id = TV_USB_PRODUCT_ID,
		.manufacturer = "2Virt",
		.product = "2Virt p2p",
		.serial = "p2p-backup",
	};
	struct link_end *end = link_end_create(loop, role);
	struct p2p_config config = {
		.name = "backup", .pipes = 2, .end = end, .peer_name = "beta"};
	struct usb_function *function;

	for (unsigned int i = 0; i < sizeof(config.peer_uuid); i++)
		config.peer_uuid[i] = (uint8_t)(0xa0 + i);
	function = p2p_function_create(&config);
	assert_non_null(function);
	host->ops->plug(host, usb_device_create(&identity, &function, 1));
	return end;
}

static void p2p_says_who_the_peer_is(struct host *host)
{
	struct tv_p2p_peer peer;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	plug_p2p(host, &loop, LINK_LISTEN);
	configure(host);
	/* In setting 0 too: who it is does not depend on being used. */
	expect_ok(host, 0xc1, TV_P2P_GET_PEER, 0, 0, &peer, sizeof(peer),
		  TV_P2P_PEER_LEN);
	assert_int_equal(peer.role, TV_P2P_LISTEN);
	assert_int_equal(peer.flags, 0);
	assert_int_equal(peer.name_len, 4);
	assert_int_equal(peer.reserved, 0);
	assert_int_equal(peer.uuid[0], 0xa0);
	assert_int_equal(peer.uuid[15], 0xaf);
	assert_memory_equal(peer.name, "beta\0", 5);
	expect_ok(host, 0xc1, TV_P2P_GET_PEER, 0, 0, &peer, 8, 8);
	expect_stall(host, 0xc1, TV_P2P_GET_PEER, 1, 0, 128);
	expect_stall(host, 0xc1, TV_P2P_GET_PEER, 0, WINDEX(1), 128);
	expect_stall(host, 0xc1, TV_P2P_GET_PEER + 1, 0, 0, 128);
	expect_stall(host, 0x41, TV_P2P_GET_PEER, 0, 0, 0);
	/* A web function has no peer. */
	host->ops->plug(host, NULL);
	plug(host);
	host->address = 0;
	configure(host);
	expect_stall(host, 0xc1, TV_P2P_GET_PEER, 0, 0, 128);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void p2p_tells_that_the_peer_came_and_went(struct host *host)
{
	struct link_fds fds[2];
	struct tv_p2p_peer peer;
	struct link_end *end;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	end = plug_p2p(host, &loop, LINK_CONNECT);
	ready(host);
	assert_int_equal(link_pair_create(fds), 0);
	assert_int_equal(link_end_attach(end, &fds[0], true), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	expect_event(host, TV_PIPE_EVENT_PEER, 0, 0, 0, 0);
	expect_ok(host, 0xc1, TV_P2P_GET_PEER, 0, 0, &peer, sizeof(peer),
		  TV_P2P_PEER_LEN);
	assert_int_equal(peer.flags, TV_P2P_PEER_PRESENT);
	link_fds_close(&fds[1]);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	expect_event(host, TV_PIPE_EVENT_PEER, 0, 0, 0, 0);
	/* Who connects to nobody is told. */
	open_pipe(host, 0, 1);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	expect_event(host, TV_PIPE_EVENT_RESET, 0, 1,
		     TV_PIPE_REASON_UNREACHABLE, 0);
	host->ops->plug(host, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* --- the network card ----------------------------------------------------- */

/* A network that sends back what comes. */
struct mirror {
	struct frame_port port;
	uint8_t frame[FRAME_BUFFER];
	size_t len;
};

static bool mirror_send(struct frame_port *port, uint8_t *frame, size_t len)
{
	struct mirror *mirror = container_of(port, struct mirror, port);

	memcpy(mirror->frame, frame, len);
	mirror->len = len;
	return true;
}

static size_t mirror_receive(struct frame_port *port, uint8_t *frame)
{
	struct mirror *mirror = container_of(port, struct mirror, port);
	size_t len = mirror->len;

	memcpy(frame, mirror->frame, len);
	mirror->len = 0;
	return len;
}

static void mirror_unwanted(struct frame_port *port)
{
}

static bool mirror_link_up(const struct frame_port *port)
{
	return true;
}

static void mirror_destroy(struct frame_port *port)
{
}

static const struct frame_port_ops mirror_ops = {
	.send = mirror_send,
	.receive = mirror_receive,
	.unwanted = mirror_unwanted,
	.link_up = mirror_link_up,
	.destroy = mirror_destroy,
};

static void plug_ncm(struct host *host, struct mirror *mirror)
{
	const struct usb_device_identity identity = {
		.vendor_id = TV_USB_VENDOR_ID,
		.product_id = TV_USB_PRODUCT_ID,
		.manufacturer = "2Virt",
		.product = "2Virt p2m",
		.serial = "p2m-cluster",
	};
	struct usb_function *function;

	memset(mirror, 0, sizeof(*mirror));
	mirror->port.ops = &mirror_ops;
	function = ncm_function_create(&(struct ncm_config){
		.name = "cluster",
		.mac = {0x02, 0xab, 0, 0, 0, 1},
		.port = &mirror->port,
	});
	assert_non_null(function);
	host->ops->plug(host, usb_device_create(&identity, &function, 1));
}

static void ncm_is_what_in_box_drivers_look_for(struct host *host)
{
	static const uint8_t config[] = {
		9, 2, 94, 0, 2, 1, 0, 0xc0, 0,
		/* association, communications, functional descriptors */
		8, 11, 0, 2, 2, 0x0d, 0, 4, 9, 4, 0, 0, 1, 2, 0x0d, 0, 4, 5,
		0x24, 0, 0x20, 1, 5, 0x24, 6, 0, 1, 13, 0x24, 0x0f, 5, 0, 0, 0,
		0, 0xea, 5, 32, 0, 0, 6, 0x24, 0x1a, 0, 1, 0x31, 7, 5, 0x81, 3,
		16, 0, 9,
		/* data */
		9, 4, 1, 0, 0, 0x0a, 0, 1, 0, 9, 4, 1, 1, 2, 0x0a, 0, 1, 0, 7,
		5, 0x82, 2, 0, 2, 0, 7, 5, 0x01, 2, 0, 2, 0};
	static const char mac[] = "02AB00000001";
	struct mirror mirror;
	uint8_t d[255];

	plug_ncm(host, &mirror);
	expect_ok(host, 0x80, 6, 0x0100, 0, d, 18, 18);
	assert_memory_equal(d + 4, "\xef\x02\x01", 3);
	expect_ok(host, 0x80, 6, 0x0200, 0, d, 255, sizeof(config));
	assert_memory_equal(d, config, sizeof(config));
	expect_ok(host, 0x80, 6, 0x0305, 0x0409, d, 255, 26);
	for (int i = 0; i < 12; i++)
		assert_int_equal(d[2 + 2 * i], mac[i]);
	/* Nothing binds WinUSB to it. */
	expect_ok(host, 0x80, 6, 0x0f00, 0, d, 255, 12);
	assert_int_equal(d[4], 1);
	configure(host);
	expect_stall(host, 0xc0, 0x20, 0, 7, 64);
	host->ops->plug(host, NULL);
}

static void ncm_answers_what_it_is_asked(struct host *host)
{
	struct mirror mirror;
	uint8_t data[28];

	plug_ncm(host, &mirror);
	configure(host);
	expect_ok(host, 0xa1, 0x80, 0, 0, data, 28, 28);
	assert_int_equal(data[0], 28);
	assert_int_equal(data[2], 3);
	expect_ok(host, 0xa1, 0x85, 0, 0, data, 4, 4);
	assert_memory_equal(data, "\x00\x40\x00\x00", 4);
	expect_ok(host, 0x21, 0x86, 0, 0, data, 4, 4);
	expect_ok(host, 0x21, 0x84, 1, 0, NULL, 0, 0);
	expect_ok(host, 0xa1, 0x83, 0, 0, data, 2, 2);
	assert_int_equal(data[0], 1);
	expect_ok(host, 0x21, 0x43, 0x0f, 0, NULL, 0, 0);
	expect_stall(host, 0x21, 0x84, 2, 0, 0);
	expect_stall(host, 0xa1, 0x80, 0, 1, 28);
	expect_stall(host, 0xa1, 0x44, 1, 0, 4);
	/* Setting 1 of the data interface: how fast, and that it is there. */
	expect_ok(host, 0x01, 11, 1, 1, NULL, 0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t told[16] = {0};
		struct host_transfer *transfer =
			submit(host, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT,
			       told, sizeof(told));

		assert_true(host->ops->wait(host, transfer));
		assert_status(host, transfer, USB_STATUS_OK);
		assert_int_equal(transfer->actual, i ? 8 : 16);
		assert_int_equal(told[0], 0xa1);
		assert_int_equal(told[1], i ? 0 : 0x2a);
	}
	expect_stall(host, 0x21, 0x84, 1, 0, 0);
	host->ops->plug(host, NULL);
}

static void ncm_moves_frames_both_ways(struct host *host)
{
	static uint8_t block[NCM_NTB_SIZE], got[NCM_NTB_SIZE];

	for (int wide = 0; wide < 2; wide++) {
		struct host_transfer *in, *out;
		struct ntb_datagram datagram;
		struct ntb_writer writer;
		struct ntb_reader reader;
		struct mirror mirror;
		uint8_t *place;
		uint32_t len;

		plug_ncm(host, &mirror);
		host->address = 0;
		configure(host);
		expect_ok(host, 0x21, 0x84, (uint16_t)wide, 0, NULL, 0, 0);
		expect_ok(host, 0x01, 11, 1, 1, NULL, 0, 0);
		ntb_writer_init(&writer, block, sizeof(block), wide, false);
		place = ntb_writer_place(&writer, FRAME_MAX);
		fill(place, FRAME_MAX, 3);
		memset(place, 0xff, FRAME_MAC_LEN); /* comes back to us */
		ntb_writer_add(&writer, FRAME_MAX);
		len = ntb_writer_finish(&writer, 0);
		out = submit_out(host, 0, block, len);
		assert_true(host->ops->wait(host, out));
		assert_status(host, out, USB_STATUS_OK);
		assert_int_equal(out->actual, len);
		in = submit_in(host, 0, got, sizeof(got));
		assert_true(host->ops->wait(host, in));
		assert_status(host, in, USB_STATUS_OK);
		assert_int_equal(
			ntb_reader_init(&reader, got, in->actual, wide),
			NTB_OK);
		assert_true(ntb_reader_next(&reader, &datagram));
		assert_int_equal(datagram.len, FRAME_MAX);
		assert_memory_equal(datagram.data, place, FRAME_MAX);
		assert_false(ntb_reader_next(&reader, &datagram));
		host->ops->plug(host, NULL);
	}
}

#define CASE(function)                                                         \
	{                                                                      \
#function, function                                            \
	}

const struct conformance_case conformance_cases[] = {
	CASE(device_descriptor),
	CASE(configuration_descriptor),
	CASE(other_speed_configuration),
	CASE(string_descriptors),
	CASE(interface_string_names_the_service),
	CASE(bos_and_msos_bind_winusb),
	CASE(composite_uses_association),
	CASE(address_state),
	CASE(configured_state),
	CASE(every_other_request_stalls),
	CASE(halt_and_clear),
	CASE(transfers_on_no_endpoint_are_invalid),
	CASE(less_data_than_announced_is_invalid),
	CASE(cancel_ends_exactly_once),
	CASE(unplug_ends_everything),
	CASE(replug_starts_from_nothing),
	CASE(port_reset_starts_from_nothing),
	CASE(info_describes_the_function),
	CASE(requests_are_checked),
	CASE(octets_go_both_ways),
	CASE(sizes_are_exact),
	CASE(a_full_reader_leaves_out_unanswered),
	CASE(a_cancelled_out_says_what_was_taken),
	CASE(transfers_are_answered_in_order),
	CASE(half_close_of_the_host_is_exact),
	CASE(shutdown_before_any_data),
	CASE(octets_beyond_the_announced_end_reset),
	CASE(a_shutdown_below_what_was_sent_resets),
	CASE(end_of_stream_comes_after_the_data),
	CASE(an_empty_stream_ends),
	CASE(a_refused_pipe_says_why),
	CASE(an_opening_pipe_is_established_later),
	CASE(a_reset_pipe_naks_until_opened),
	CASE(opening_anew_forgets_the_old_stream),
	CASE(closing_lets_go),
	CASE(closing_an_old_generation_changes_nothing),
	CASE(an_end_before_a_reset_is_told_first),
	CASE(setting_0_closes_all_pipes),
	CASE(a_short_event_buffer_keeps_the_event),
	CASE(events_of_all_pipes_arrive),
	CASE(limits_are_asked_for_and_told),
	CASE(wishes_are_checked),
	CASE(a_megabyte_arrives_whole),
	CASE(p2p_says_who_the_peer_is),
	CASE(p2p_tells_that_the_peer_came_and_went),
	CASE(ncm_is_what_in_box_drivers_look_for),
	CASE(ncm_answers_what_it_is_asked),
	CASE(ncm_moves_frames_both_ways),
};

const unsigned int conformance_case_count =
	sizeof(conformance_cases) / sizeof(conformance_cases[0]);

/* --- running ---------------------------------------------------------------
 */

static struct host *(*make_host)(void);
static void (*drop_host)(struct host *host);

static void run_case(void **state)
{
	const struct conformance_case *conformance = *state;
	struct host *host;

	peer_init(&peer);
	host = make_host();
	conformance->run(host);
	drop_host(host);
	peer_fini(&peer);
}

int conformance_run(const char *bus_name, struct host *(*setup)(void),
		    void (*teardown)(struct host *host))
{
	struct CMUnitTest *tests =
		calloc(conformance_case_count, sizeof(*tests));
	char name[64];
	int failed;

	make_host = setup;
	drop_host = teardown;
	for (unsigned int i = 0; i < conformance_case_count; i++) {
		tests[i].name = conformance_cases[i].name;
		tests[i].test_func = run_case;
		tests[i].initial_state = (void *)&conformance_cases[i];
	}
	snprintf(name, sizeof(name), "conformance-%s", bus_name);
	failed = _cmocka_run_group_tests(name, tests, conformance_case_count,
					 NULL, NULL);
	free(tests);
	return failed;
}
