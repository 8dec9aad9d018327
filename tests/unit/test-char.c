// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-char.c - pipes to providers that behave and that do not, over the
 * in-process bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/mem.h"
#include "backend/function/char.h"
#include "protocol/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { PIPES = 2, PATIENCE_MS = 8000 };

static uv_loop_t loop;
static struct bus *bus;
static int listener;
static char path[108];

static uint32_t control(uint8_t type, uint8_t request, uint16_t value,
			uint16_t index, void *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .setup = {type, request, value & 0xff, value >> 8,
				   index & 0xff, index >> 8, len & 0xff,
				   len >> 8},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(bus, 1, &transfer);
	assert_true(transfer.done);
	assert_int_equal(transfer.xfer.status, USB_STATUS_OK);
	return transfer.xfer.actual;
}

static void plug(struct char_target *target)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "char", .serial = "1"};
	struct usb_function *function;

	assert_non_null(target);
	function = char_function_create("test", PIPES, target);
	bus = mem_bus_create(1);
	bus_plug(bus, 1, usb_device_create(&identity, &function, 1));
	control(0x00, 5, 3, 0, NULL, 0);
	control(0x00, 9, 1, 0, NULL, 0);
	control(0x01, 11, 1, 0, NULL, 0);
}

static void open_pipe(unsigned int pipe, uint16_t generation)
{
	control(0x41, TV_PIPE_OPEN, generation, (uint16_t)(pipe << 8), NULL, 0);
}

static struct tv_pipe_status status(unsigned int pipe)
{
	struct tv_pipe_status status;

	control(0xc1, TV_PIPE_GET_STATUS, 0, (uint16_t)(pipe << 8), &status,
		sizeof(status));
	return status;
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(1000);
}

static void expect_state(unsigned int pipe, enum tv_pipe_state state,
			 enum tv_pipe_reason reason)
{
	for (int ms = 0; ms < PATIENCE_MS && status(pipe).state != state; ms++)
		turn();
	assert_int_equal(status(pipe).state, state);
	assert_int_equal(status(pipe).reason, reason);
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

static void wait_done(struct mem_xfer *transfer)
{
	for (int ms = 0; ms < PATIENCE_MS && !transfer->done; ms++)
		turn();
	assert_true(transfer->done);
}

static void send_text(unsigned int pipe, const char *text)
{
	struct mem_xfer out;

	submit(&out, (uint8_t)(1 + pipe), (void *)text, (uint32_t)strlen(text));
	wait_done(&out);
	assert_int_equal(out.xfer.actual, strlen(text));
}

static void expect_text(unsigned int pipe, const char *text)
{
	size_t len = strlen(text);
	char *data = malloc(len);

	for (size_t at = 0; at < len;) {
		struct mem_xfer in;

		submit(&in, (uint8_t)(0x82 + pipe), data + at,
		       (uint32_t)(len - at));
		wait_done(&in);
		assert_int_equal(in.xfer.status, USB_STATUS_OK);
		at += in.xfer.actual;
	}
	assert_memory_equal(data, text, len);
	free(data);
}

static void expect_end(unsigned int pipe)
{
	uint8_t octet;
	struct mem_xfer in;

	submit(&in, (uint8_t)(0x82 + pipe), &octet, 1);
	for (int ms = 0; ms < PATIENCE_MS &&
			 !(status(pipe).flags & TV_PIPE_STATUS_IN_ENDED);
	     ms++)
		turn();
	assert_true(status(pipe).flags & TV_PIPE_STATUS_IN_ENDED);
	assert_false(in.done);
	mem_bus_cancel(bus, 1, &in);
}

static void shutdown_pipe(unsigned int pipe, uint16_t generation,
			  uint64_t count)
{
	control(0x41, TV_PIPE_SHUTDOWN, generation, (uint16_t)(pipe << 8),
		&count, 8);
}

static int setup(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	snprintf(path, sizeof(path), "/tmp/2virt-char-%d.sock", (int)getpid());
	memcpy(name.sun_path, path, sizeof(path));
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    listen(listener, 1) < 0)
		return -1;
	bus = NULL;
	return uv_loop_init(&loop);
}

static int teardown(void **state)
{
	bus_destroy(bus);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop) != 0)
		return -1;
	if (listener >= 0)
		close(listener);
	unlink(path);
	return 0;
}

static void plug_socket(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	memcpy(name.sun_path, path, sizeof(path));
	plug(char_target_socket(&loop, (struct sockaddr *)&name, sizeof(name)));
}

static int accept_one(void)
{
	int fd;

	turn();
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	return fd;
}

/* --- a socket that behaves -------------------------------------------------
 */

static void octets_go_both_ways(void **state)
{
	char data[16] = "";
	int fd;

	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	send_text(0, "question");
	assert_int_equal(read(fd, data, sizeof(data)), 8);
	assert_string_equal(data, "question");
	assert_int_equal(write(fd, "answer", 6), 6);
	expect_text(0, "answer");
	/* Each half ends on its own. */
	shutdown_pipe(0, 1, 8);
	assert_int_equal(read(fd, data, sizeof(data)), 0);
	assert_int_equal(write(fd, "last", 4), 4);
	expect_text(0, "last");
	close(fd);
	expect_end(0);
	assert_int_equal(status(0).state, TV_PIPE_ESTABLISHED);
	assert_int_equal(status(0).in_octets, 10);
}

static void each_pipe_is_its_own_connection(void **state)
{
	char data[16] = "";
	int first;
	int second;

	plug_socket();
	open_pipe(0, 1);
	first = accept_one();
	open_pipe(1, 1);
	second = accept_one();
	send_text(1, "two");
	assert_int_equal(read(second, data, sizeof(data)), 3);
	assert_int_equal(recv(first, data, 1, MSG_DONTWAIT), -1);
	close(first);
	expect_end(0);
	assert_int_equal(status(1).flags, 0);
	close(second);
}

static void a_tcp_socket_is_a_socket(void **state)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int connection;

	assert_int_equal(bind(fd, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&name, &len);
	plug(char_target_socket(&loop, (struct sockaddr *)&name, len));
	open_pipe(0, 1);
	connection = accept(fd, NULL, NULL);
	assert_int_equal(write(connection, "tcp", 3), 3);
	expect_text(0, "tcp");
	close(fd);
	open_pipe(0, 2);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
	/* The first connection went with its generation. */
	assert_int_equal(read(connection, &len, 1), 0);
	close(connection);
}

static void closing_the_pipe_closes_the_connection(void **state)
{
	char octet;
	int fd;

	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	control(0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0);
	assert_int_equal(read(fd, &octet, 1), 0);
	close(fd);
	open_pipe(0, 2);
	fd = accept_one();
	assert_int_equal(write(fd, "new", 3), 3);
	expect_text(0, "new");
	close(fd);
}

/* --- sockets that do not ---------------------------------------------------
 */

static void nobody_there_is_unreachable(void **state)
{
	close(listener);
	listener = -1;
	plug_socket();
	open_pipe(0, 1);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
	unlink(path);
	open_pipe(0, 2);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
}

static void one_that_does_not_accept_times_out(void **state)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fds[4];
	unsigned int count = 0;

	memcpy(name.sun_path, path, sizeof(path));
	/* Fill the backlog. */
	while (count < 4) {
		fds[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(fds[count++], (struct sockaddr *)&name,
			    sizeof(name)) < 0)
			break;
	}
	plug_socket();
	open_pipe(0, 1);
	open_pipe(1, 1);
	control(0x41, TV_PIPE_CLOSE, 1, 0x0100, NULL, 0);
	turn();
	assert_int_equal(status(0).state, TV_PIPE_OPENING);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_TIMEOUT);
	while (count)
		close(fds[--count]);
}

static void one_that_never_reads_leaves_out_unanswered(void **state)
{
	enum { LEN = 4 << 20 };
	uint8_t *data = calloc(1, LEN);
	uint8_t *got = malloc(LEN);
	size_t have = 0;
	struct mem_xfer out;
	int fd;

	for (size_t i = 0; i < LEN; i++)
		data[i] = (uint8_t)(i * 31 >> 4);
	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	submit(&out, 1, data, LEN);
	for (int i = 0; i < 50; i++)
		turn();
	assert_false(out.done);
	assert_true(out.xfer.offset < LEN);
	/* It can still be heard, and closing waits for nothing. */
	assert_int_equal(write(fd, "busy", 4), 4);
	expect_text(0, "busy");
	/* A slow one gets everything in the end. */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (have < LEN) {
		ssize_t n = read(fd, got + have, 100000);

		assert_true(n > 0 || errno == EAGAIN);
		have += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			turn();
	}
	wait_done(&out);
	assert_int_equal(out.xfer.actual, LEN);
	assert_memory_equal(got, data, LEN);
	submit(&out, 1, data, LEN);
	control(0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0);
	assert_true(out.done);
	assert_int_equal(out.xfer.status, USB_STATUS_CANCELLED);
	close(fd);
	free(data);
	free(got);
}

static void one_that_answers_and_goes_is_heard_to_the_end(void **state)
{
	uint8_t *data = calloc(1, 4 << 20);
	struct mem_xfer out;
	struct mem_xfer in;
	int fd;

	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	submit(&out, 1, data, 4 << 20);
	assert_int_equal(write(fd, "too much", 8), 8);
	close(fd);
	for (int i = 0; i < 10; i++)
		turn();
	assert_int_equal(status(0).state, TV_PIPE_ESTABLISHED);
	expect_text(0, "too much");
	submit(&in, 0x82, data, 1);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	assert_int_equal(status(0).in_octets, 8);
	assert_false(out.done);
	mem_bus_cancel(bus, 1, &out);
	mem_bus_cancel(bus, 1, &in);
	free(data);
}

static void one_that_is_gone_resets_when_the_guest_sends(void **state)
{
	struct mem_xfer out;
	int fd;

	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	close(fd);
	expect_end(0);
	submit(&out, 1, (void *)"anybody?", 8);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	assert_false(out.done);
	open_pipe(0, 2);
	assert_true(out.done);
	close(accept_one());
}

static void one_that_resets_resets(void **state)
{
	struct mem_xfer in;
	uint8_t octet;
	int fd;

	plug_socket();
	open_pipe(0, 1);
	fd = accept_one();
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	submit(&in, 0x82, &octet, 1);
	send_text(0, "unread");
	/* A unix socket that is closed with octets unread is a reset one. */
	close(fd);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	mem_bus_cancel(bus, 1, &in);
}

/* --- programs ---------------------------------------------------------------
 */

static void plug_program(const char *script, unsigned int max_running)
{
	const char *const arguments[] = {"/bin/sh", "-c", script, NULL};

	plug(char_target_program(
		&loop, &(struct char_program){.arguments = arguments,
					      .max_running = max_running}));
}

static void a_program_is_started_for_each_connection(void **state)
{
	plug_program("exec cat", 0);
	open_pipe(0, 1);
	open_pipe(1, 1);
	send_text(0, "one");
	send_text(1, "two");
	expect_text(1, "two");
	expect_text(0, "one");
	shutdown_pipe(0, 1, 3);
	expect_end(0);
	assert_int_equal(status(0).state, TV_PIPE_ESTABLISHED);
	send_text(1, "still");
	expect_text(1, "still");
}

static void a_program_that_fails_resets_after_its_output(void **state)
{
	struct mem_xfer in;
	uint8_t octet;

	plug_program("printf partial; exit 3", 0);
	open_pipe(0, 1);
	expect_text(0, "partial");
	submit(&in, 0x82, &octet, 1);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	assert_int_equal(status(0).in_octets, 7);
	mem_bus_cancel(bus, 1, &in);
}

static void a_program_that_crashes_resets(void **state)
{
	struct mem_xfer in;
	uint8_t octet;

	plug_program("read line; kill -KILL $$", 0);
	open_pipe(0, 1);
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	submit(&in, 0x82, &octet, 1);
	send_text(0, "go\n");
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	mem_bus_cancel(bus, 1, &in);
}

static void a_program_that_closes_its_output_has_ended_it(void **state)
{
	plug_program("printf bye; exec >&- <&-; sleep 5", 0);
	open_pipe(0, 1);
	expect_text(0, "bye");
	expect_end(0);
	assert_int_equal(status(0).state, TV_PIPE_ESTABLISHED);
}

static void a_program_that_is_not_there_is_unreachable(void **state)
{
	const char *const arguments[] = {"/nonexistent/program", NULL};

	plug(char_target_program(
		&loop, &(struct char_program){.arguments = arguments}));
	open_pipe(0, 1);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
}

static void programs_are_not_without_number(void **state)
{
	plug_program("exec cat", 1);
	open_pipe(0, 1);
	open_pipe(1, 1);
	expect_state(1, TV_PIPE_RESET, TV_PIPE_REASON_LIMIT);
	control(0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0);
	/* When the first has gone there is room again. */
	for (uint16_t generation = 2; generation < 1000; generation++) {
		open_pipe(1, generation);
		for (int i = 0; i < 5; i++)
			turn();
		if (status(1).state == TV_PIPE_ESTABLISHED)
			break;
	}
	expect_state(1, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	send_text(1, "room");
	expect_text(1, "room");
}

static void a_program_that_does_not_go_is_made_to(void **state)
{
	char text[16] = "";
	struct mem_xfer in;
	pid_t pid;
	int ms = 0;

	plug_program("trap '' TERM; echo $$; while :; do sleep 1; done", 0);
	open_pipe(0, 1);
	submit(&in, 0x82, text, sizeof(text) - 1);
	wait_done(&in);
	pid = (pid_t)atoi(text);
	assert_true(pid > 1);
	control(0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0);
	while (kill(pid, 0) == 0 && ms++ < PATIENCE_MS)
		turn();
	assert_true(ms < PATIENCE_MS);
}

/* --- a serial device --------------------------------------------------------
 */

static void a_serial_device_has_one_guest_at_a_time(void **state)
{
	char data[16] = "";
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	struct termios line;

	assert_true(master >= 0);
	assert_int_equal(grantpt(master), 0);
	assert_int_equal(unlockpt(master), 0);
	plug(char_target_serial(&loop, ptsname(master), 9600));
	open_pipe(0, 1);
	expect_state(0, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	open_pipe(1, 1);
	expect_state(1, TV_PIPE_RESET, TV_PIPE_REASON_LIMIT);
	send_text(0, "\x03\n\r");
	assert_int_equal(read(master, data, sizeof(data)), 3);
	assert_memory_equal(data, "\x03\n\r", 3);
	assert_int_equal(tcgetattr(master, &line), 0);
	assert_int_equal(cfgetospeed(&line), B9600);
	assert_int_equal(write(master, "\x04ok", 3), 3);
	expect_text(0, "\x04ok");
	control(0x41, TV_PIPE_CLOSE, 1, 0, NULL, 0);
	open_pipe(1, 2);
	expect_state(1, TV_PIPE_ESTABLISHED, TV_PIPE_REASON_NONE);
	close(master);
}

static void what_is_no_serial_device_is_unreachable(void **state)
{
	plug(char_target_serial(&loop, "/dev/null", 0));
	open_pipe(0, 1);
	expect_state(0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(octets_go_both_ways),
		CASE(each_pipe_is_its_own_connection),
		CASE(a_tcp_socket_is_a_socket),
		CASE(closing_the_pipe_closes_the_connection),
		CASE(nobody_there_is_unreachable),
		CASE(one_that_does_not_accept_times_out),
		CASE(one_that_never_reads_leaves_out_unanswered),
		CASE(one_that_answers_and_goes_is_heard_to_the_end),
		CASE(one_that_is_gone_resets_when_the_guest_sends),
		CASE(one_that_resets_resets),
		CASE(a_program_is_started_for_each_connection),
		CASE(a_program_that_fails_resets_after_its_output),
		CASE(a_program_that_crashes_resets),
		CASE(a_program_that_closes_its_output_has_ended_it),
		CASE(a_program_that_is_not_there_is_unreachable),
		CASE(programs_are_not_without_number),
		CASE(a_program_that_does_not_go_is_made_to),
		CASE(a_serial_device_has_one_guest_at_a_time),
		CASE(what_is_no_serial_device_is_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
