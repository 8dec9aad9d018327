// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-pipe-reentry.c - a host that answers each completion at once, from
 * inside it, with what disturbs the pipe most: the next opening.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "backend/usb/device.h"
#include "backend/usb/pipe.h"

enum { OUT_ENDPOINT = 0x01, EVENT_ENDPOINT = 0x81 };

struct transfer {
	struct usb_xfer xfer;
	uint8_t octets[64];
	bool unreadable;
	unsigned int completed;
	void (*then)(void); /* at once, inside complete() */
};

static struct usb_device *device;
static size_t received;
static bool reset_at_end;
static unsigned int opened, closed;

/* --- the host --- */

static struct transfer *transfer_of(struct usb_xfer *xfer)
{
	return container_of(xfer, struct transfer, xfer);
}

static int fetch(struct usb_xfer *xfer)
{
	if (transfer_of(xfer)->unreadable)
		return -EIO;
	xfer->data = transfer_of(xfer)->octets;
	return 0;
}

static uint8_t *reserve(struct usb_xfer *xfer, uint32_t len)
{
	assert_true(len <= sizeof(transfer_of(xfer)->octets));
	xfer->data = transfer_of(xfer)->octets;
	return xfer->data;
}

static void complete(struct usb_xfer *xfer)
{
	struct transfer *transfer = transfer_of(xfer);

	transfer->completed++;
	if (transfer->then)
		transfer->then();
}

static const struct usb_xfer_ops host_ops = {
	.fetch = fetch,
	.reserve = reserve,
	.complete = complete,
};

static void submit(struct transfer *transfer, enum usb_transfer_type type,
		   uint8_t endpoint, uint32_t length)
{
	transfer->xfer.ops = &host_ops;
	transfer->xfer.type = type;
	transfer->xfer.endpoint = endpoint;
	transfer->xfer.length = length;
	usb_device_submit(device, &transfer->xfer);
}

static enum usb_status control(uint8_t type, uint8_t request, uint16_t value,
			       uint16_t index, struct transfer *transfer,
			       uint8_t len)
{
	const uint8_t setup[8] = {type,	 request, value & 0xff, value >> 8,
				  index, 0,	  len};

	memcpy(transfer->xfer.setup, setup, sizeof(setup));
	submit(transfer, USB_TRANSFER_CONTROL, type & 0x80, len);
	assert_int_equal(transfer->completed, 1);
	return transfer->xfer.status;
}

static void request(uint8_t type, uint8_t number, uint16_t value,
		    uint16_t index)
{
	struct transfer transfer = {0};

	assert_int_equal(control(type, number, value, index, &transfer, 0),
			 USB_STATUS_OK);
}

static void open_pipe(uint16_t generation)
{
	request(0x41, TV_PIPE_OPEN, generation, 0);
}

static void shutdown_after(uint16_t generation, uint8_t octets)
{
	struct transfer transfer = {.octets = {octets}};

	assert_int_equal(
		control(0x41, TV_PIPE_SHUTDOWN, generation, 0, &transfer, 8),
		USB_STATUS_OK);
}

static struct tv_pipe_status status(void)
{
	struct transfer transfer = {0};
	struct tv_pipe_status found;

	assert_int_equal(control(0xc1, TV_PIPE_GET_STATUS, 0, 0, &transfer,
				 sizeof(found)),
			 USB_STATUS_OK);
	memcpy(&found, transfer.octets, sizeof(found));
	return found;
}

/* --- the handler --- */

static void on_open(void *context, struct pipe *pipe)
{
	opened++;
	pipe_established(pipe);
}

static size_t on_receive(void *context, struct pipe *pipe, const uint8_t *data,
			 size_t len)
{
	received += len;
	return len;
}

static void on_receive_end(void *context, struct pipe *pipe)
{
	if (reset_at_end)
		pipe_reset(pipe, TV_PIPE_REASON_PEER_RESET);
}

static size_t on_produce(void *context, struct pipe *pipe, uint8_t *data,
			 size_t len)
{
	return 0;
}

static void on_close(void *context, struct pipe *pipe)
{
	closed++;
}

static const struct pipe_handler_ops handler_ops = {
	.open = on_open,
	.receive = on_receive,
	.receive_end = on_receive_end,
	.produce = on_produce,
	.close = on_close,
};

static int setup(void **state)
{
	const struct usb_device_identity identity = {
		.vendor_id = TV_USB_VENDOR_ID,
		.product_id = TV_USB_PRODUCT_ID,
		.manufacturer = "2Virt",
		.product = "reentry",
		.serial = "1",
	};
	struct usb_function *function =
		pipe_function_create(&(struct pipe_function_config){
			.type = TV_FUNCTION_CHAR,
			.type_name = "char",
			.name = "reentry",
			.pipe_count = 1,
			.transfer_max = 64,
			.ops = &handler_ops,
		});

	received = 0;
	reset_at_end = false;
	opened = closed = 0;
	device = usb_device_create(&identity, &function, 1);
	assert_non_null(device);
	request(0x00, 5, 1, 0);
	request(0x00, 9, 1, 0);
	request(0x01, 11, 1, 0);
	open_pipe(1);
	return 0;
}

static int teardown(void **state)
{
	usb_device_destroy(device);
	assert_int_equal(opened, closed);
	return 0;
}

/* --- the promises --- */

static void open_second(void)
{
	open_pipe(2);
}

static void a_failed_fetch_does_not_reset_the_next_opening(void **state)
{
	struct transfer bad = {.unreadable = true, .then = open_second};
	struct transfer good = {0};

	submit(&bad, USB_TRANSFER_BULK, OUT_ENDPOINT, 8);
	assert_int_equal(bad.completed, 1);
	assert_int_equal(bad.xfer.status, USB_STATUS_IOERROR);
	assert_int_equal(status().generation, 2);
	assert_int_equal(status().state, TV_PIPE_ESTABLISHED);
	submit(&good, USB_TRANSFER_BULK, OUT_ENDPOINT, 8);
	assert_int_equal(good.completed, 1);
	assert_int_equal(received, 8);
}

static void a_failed_fetch_resets_its_own_opening(void **state)
{
	struct transfer bad = {.unreadable = true};

	submit(&bad, USB_TRANSFER_BULK, OUT_ENDPOINT, 8);
	assert_int_equal(status().state, TV_PIPE_RESET);
	assert_int_equal(status().reason, TV_PIPE_REASON_PROTOCOL);
}

static struct transfer after_end;

static void open_second_and_send(void)
{
	open_pipe(2);
	submit(&after_end, USB_TRANSFER_BULK, OUT_ENDPOINT, 8);
}

static void an_opening_inside_the_end_of_the_last_is_served(void **state)
{
	struct transfer opened_event = {0};
	struct transfer reset_event = {.then = open_second_and_send};

	memset(&after_end, 0, sizeof(after_end));
	submit(&opened_event, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT, 16);
	submit(&reset_event, USB_TRANSFER_INTERRUPT, EVENT_ENDPOINT, 16);
	assert_int_equal(opened_event.completed, 1);
	reset_at_end = true;
	shutdown_after(1, 0);
	assert_int_equal(reset_event.completed, 1);
	assert_int_equal(status().generation, 2);
	assert_int_equal(after_end.completed, 1);
	assert_int_equal(received, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_failed_fetch_does_not_reset_the_next_opening, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_failed_fetch_resets_its_own_opening, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_opening_inside_the_end_of_the_last_is_served, setup,
			teardown),
	};

	return cmocka_run_group_tests_name("pipe-reentry", tests, NULL, NULL);
}
