// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-capture.c - what is captured is what tshark decodes: enumeration and a
 * web request, by fields.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/capture.h"
#include "backend/bus/mem.h"
#include "tests/conformance/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char request[] = "GET /cluster HTTP/1.1\r\nHost: default\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static struct peer peer;
static struct bus *bus;
static struct usb_device *device;
static char path[64];

static int setup(void **state)
{
	peer_init(&peer);
	device = peer_device(&peer, 1);
	bus = mem_bus_create(1);
	bus_plug(bus, 1, device);
	snprintf(path, sizeof(path), "/tmp/2virt-capture-%d.pcapng",
		 (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	bus_destroy(bus);
	peer_fini(&peer);
	unlink(path);
	return 0;
}

static struct capture *start(void)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct capture *capture;

	assert_true(fd >= 0);
	capture = capture_create(fd, CAPTURE_SNAP_LEN);
	assert_non_null(capture);
	usb_device_set_tap(device, capture_tap(capture, 7, 5));
	return capture;
}

static void stop(struct capture *capture)
{
	usb_device_set_tap(device, NULL);
	capture_destroy(capture);
}

static void transfer(enum usb_transfer_type type, uint8_t endpoint,
		     const uint8_t *setup_packet, void *data, uint32_t len)
{
	struct mem_xfer mem = {
		.xfer = {.type = type, .endpoint = endpoint, .length = len},
		.buffer = data,
	};

	if (setup_packet)
		memcpy(mem.xfer.setup, setup_packet, 8);
	mem_bus_submit(bus, 1, &mem);
	assert_true(mem.done);
}

static void control(uint8_t type, uint8_t number, uint16_t value,
		    uint16_t index, void *data, uint16_t len)
{
	const uint8_t packet[8] = {
		type,	      number,
		value & 0xff, (uint8_t)(value >> 8),
		index & 0xff, (uint8_t)(index >> 8),
		len & 0xff,   (uint8_t)(len >> 8),
	};

	transfer(USB_TRANSFER_CONTROL, type & 0x80, packet, data, len);
}

static void enumerate(void)
{
	uint8_t d[255];

	control(0x80, 6, 0x0100, 0, d, 64);
	control(0x00, 5, 5, 0, NULL, 0);
	control(0x80, 6, 0x0100, 0, d, 18);
	control(0x80, 6, 0x0200, 0, d, 255);
	control(0x80, 6, 0x0302, 0x0409, d, 255);
	control(0x80, 6, 0x03ff, 0x0409, d, 255); /* stalls */
	control(0x00, 9, 1, 0, NULL, 0);
	control(0x01, 11, 1, 0, NULL, 0);
}

static void ask_the_web(void)
{
	uint8_t data[512];
	uint64_t count = sizeof(request) - 1;

	control(0x41, TV_PIPE_OPEN, 1, 0, NULL, 0);
	transfer(USB_TRANSFER_INTERRUPT, 0x81, NULL, data, 64);
	transfer(USB_TRANSFER_BULK, 0x01, NULL, (void *)request,
		 sizeof(request) - 1);
	control(0x41, TV_PIPE_SHUTDOWN, 1, 0, &count, 8);
	peer_send(&peer, 0, answer, sizeof(answer) - 1);
	transfer(USB_TRANSFER_BULK, 0x82, NULL, data, sizeof(data));
}

/* Runs tshark over the capture; its lines, to be freed. */
static char *tshark(const char *arguments)
{
	char command[512];
	char *text = calloc(1, 65536);
	size_t len;
	FILE *pipe;

	if (system("command -v tshark >/dev/null 2>&1") != 0) {
		free(text);
		print_message("there is no tshark: apt-get install tshark\n");
		skip();
	}
	snprintf(command, sizeof(command), "tshark -n -r %s %s 2>/dev/null",
		 path, arguments);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	len = fread(text, 1, 65535, pipe);
	text[len] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return text;
}

static void expect_line(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("\"%s\" is not in:\n%s", line, text);
}

static unsigned int count_lines(const char *text)
{
	unsigned int lines = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		lines++;
	}
	return lines;
}

static void enumeration_is_decoded(void **state)
{
	struct capture *capture = start();
	char *text;

	enumerate();
	stop(capture);
	text = tshark("-Y usb.idVendor -T fields -e usb.bus_id "
		      "-e usb.device_address -e usb.idVendor -e usb.idProduct "
		      "-e usb.bcdUSB");
	expect_line(text, "7\t5\t0x02a0\t0xa123\t0x0201");
	assert_int_equal(count_lines(text), 2);
	free(text);
	text = tshark("-Y usb.bConfigurationValue -T fields "
		      "-e usb.bInterfaceClass -e usb.bInterfaceSubClass "
		      "-e usb.bEndpointAddress -e usb.wMaxPacketSize");
	expect_line(text, "0xff,0xff\t0x01,0x01\t0x81,0x01,0x82");
	free(text);
	text = tshark("-Y usb.bString -T fields -e usb.bString");
	expect_line(text, "2Virt web");
	free(text);
	/* Every submission has its completion, by id and by time. */
	text = tshark("-Y usb.time -T fields -e usb.urb_id -e usb.urb_status");
	assert_int_equal(count_lines(text), 8);
	expect_line(text, "\t-32\n");
	free(text);
	text = tshark(
		"-Y usb.setup.bRequest==11 -T fields "
		"-e usb.setup.wValue -e usb.transfer_type -e usb.urb_type "
		"-e usb.bAlternateSetting -e usb.setup.bRequest");
	expect_line(text, "0x02\t'S'");
	free(text);
}

static void append_hex(char *out, const char *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sprintf(out + 2 * i, "%02x", (unsigned char)octets[i]);
}

static void a_web_request_is_decoded(void **state)
{
	struct capture *capture = start();
	char hex[256];
	char line[320];
	char *text;

	enumerate();
	ask_the_web();
	stop(capture);
	text = tshark("-Y usb.transfer_type==3 -T fields "
		      "-e usb.endpoint_address -e usb.urb_status "
		      "-e usb.data_len -e usb.capdata");
	append_hex(hex, request, sizeof(request) - 1);
	snprintf(line, sizeof(line), "0x01\t0\t%zu\t%s", sizeof(request) - 1,
		 hex);
	expect_line(text, line);
	append_hex(hex, answer, sizeof(answer) - 1);
	snprintf(line, sizeof(line), "0x82\t0\t%zu\t%s", sizeof(answer) - 1,
		 hex);
	expect_line(text, line);
	free(text);
	/* The event: OPENED on pipe 0 of generation 1. */
	text = tshark("-Y \"usb.transfer_type==1 && usb.capdata\" -T fields "
		      "-e usb.endpoint_address -e usb.capdata");
	expect_line(text, "0x81\t01000100000000000000000000000000\n");
	free(text);
	/* Vendor requests stand with their octets. */
	text = tshark(
		"-Y \"usb.setup.bRequest==2 && usb.bmRequestType.type==2\""
		" -T fields -e usb.bmRequestType -e usb.setup.wLength");
	expect_line(text, "0x41\t8");
	free(text);
}

static void waiting_transfers_are_submissions_without_end(void **state)
{
	struct capture *capture;
	uint8_t data[64];
	struct mem_xfer before = {
		.xfer = {.type = USB_TRANSFER_BULK,
			 .endpoint = 0x82,
			 .length = sizeof(data)},
		.buffer = data,
	};
	struct mem_xfer after = before;
	struct capture_stats stats;

	enumerate();
	control(0x41, TV_PIPE_OPEN, 1, 0, NULL, 0);
	mem_bus_submit(bus, 1, &before);
	capture = start();
	mem_bus_submit(bus, 1, &after);
	capture_get_stats(capture, &stats);
	assert_int_equal(stats.records, 1);
	/* The first was submitted before: its end is not recorded. */
	mem_bus_cancel(bus, 1, &before);
	mem_bus_cancel(bus, 1, &after);
	capture_get_stats(capture, &stats);
	assert_int_equal(stats.records, 2);
	stop(capture);
}

static void long_transfers_are_cut_and_say_so(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	struct capture *capture = capture_create(fd, 100);
	uint8_t data[1001] = {0};
	char *text;

	enumerate();
	control(0x41, TV_PIPE_OPEN, 1, 0, NULL, 0);
	usb_device_set_tap(device, capture_tap(capture, 1, 1));
	transfer(USB_TRANSFER_BULK, 0x01, NULL, data, sizeof(data));
	stop(capture);
	text = tshark("-T fields -e usb.urb_type -e frame.len "
		      "-e frame.cap_len -e usb.urb_len -e usb.data_len");
	expect_line(text, "'C'\t1065\t164\t1001\t100\n");
	free(text);
}

static void a_slow_reader_loses_records_and_not_the_guest(void **state)
{
	int fds[2];
	struct capture *capture;
	struct capture_stats stats;
	uint8_t *data = calloc(1, 1 << 16);

	enumerate();
	control(0x41, TV_PIPE_OPEN, 1, 0, NULL, 0);
	assert_int_equal(pipe(fds), 0);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	capture = capture_create(fds[1], CAPTURE_SNAP_LEN);
	usb_device_set_tap(device, capture_tap(capture, 1, 1));
	for (int i = 0; i < 200; i++) {
		peer.pipes[0].in_len = 0;
		peer.pipes[0].room = PEER_BUFFER;
		transfer(USB_TRANSFER_BULK, 0x01, NULL, data, 1 << 16);
	}
	capture_get_stats(capture, &stats);
	assert_true(stats.dropped > 0);
	assert_true(stats.records > 0);
	assert_int_equal(stats.records + stats.dropped, 400);
	/* One that is gone is noticed, and nothing else happens. */
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	assert_int_equal(capture_flush(capture), -EPIPE);
	transfer(USB_TRANSFER_BULK, 0x01, NULL, data, 1);
	stop(capture);
	free(data);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(enumeration_is_decoded),
		CASE(a_web_request_is_decoded),
		CASE(waiting_transfers_are_submissions_without_end),
		CASE(long_transfers_are_cut_and_say_so),
		CASE(a_slow_reader_loses_records_and_not_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
