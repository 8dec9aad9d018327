// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-standalone.c - the whole of 2virt-device without a broker: a program
 * serves on a unix socket, a USB/IP client attaches, uses every function and
 * goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/usbip_wire.h"
#include "protocol/pipe.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static char folder[64];
static char address[128];
static char path[108];
static pid_t program;
static uint32_t seqnum;

static int exit_status(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *const arguments[])
{
	pid_t pid = fork();

	if (pid == 0) {
		execv(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	return exit_status(pid);
}

static int connect_server(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	struct timeval patience = {PATIENCE_MS / 1000, 0};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(name.sun_path, path, sizeof(path));
	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0) {
			setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				   sizeof(patience));
			return fd;
		}
		usleep(10000);
	}
	fail_msg("nobody listens on %s", path);
	return -1;
}

static void read_exactly(int fd, void *data, size_t len)
{
	for (uint8_t *at = data; len;) {
		ssize_t got = read(fd, at, len);

		assert_true(got > 0);
		at += got;
		len -= (size_t)got;
	}
}

static void start_program(const char *const arguments[])
{
	program = fork();
	if (program == 0) {
		execv(arguments[0], (char *const *)arguments);
		_exit(127);
	}
}

static int setup(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/2virt-standalone-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/usbip", folder);
	snprintf(address, sizeof(address), "usbip:unix:%s", path);
	program = -1;
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	if (program > 0) {
		kill(program, SIGKILL);
		waitpid(program, NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static int attach(const char *busid)
{
	struct {
		struct usbip_op op;
		char busid[USBIP_BUSID_LEN];
	} request = {{htons(USBIP_VERSION), htons(USBIP_OP_REQ_IMPORT), 0}, ""};
	struct usbip_op answer;
	struct usbip_device device;
	int fd = connect_server();

	snprintf(request.busid, sizeof(request.busid), "%s", busid);
	assert_int_equal(write(fd, &request, sizeof(request)), sizeof(request));
	read_exactly(fd, &answer, sizeof(answer));
	assert_int_equal(answer.status, 0);
	read_exactly(fd, &device, sizeof(device));
	return fd;
}

/* One transfer, waited for; the octets moved. */
static uint32_t transfer(int fd, uint8_t endpoint, const uint8_t *setup_packet,
			 void *data, uint32_t len)
{
	bool in = (endpoint | (setup_packet ? setup_packet[0] : 0)) & 0x80;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.seqnum = htonl(++seqnum),
		.direction = htonl(in),
		.endpoint = htonl(endpoint & 0x0f),
		.u.submit.length = htonl(len),
	};
	uint32_t actual;

	if (setup_packet)
		memcpy(header.u.submit.setup, setup_packet, 8);
	assert_int_equal(write(fd, &header, sizeof(header)), sizeof(header));
	if (!in && len)
		assert_int_equal(write(fd, data, len), len);
	read_exactly(fd, &header, sizeof(header));
	assert_int_equal(ntohl(header.seqnum), seqnum);
	assert_int_equal(header.u.submit_answer.status, 0);
	actual = ntohl(header.u.submit_answer.actual);
	if (in)
		read_exactly(fd, data, actual);
	return actual;
}

static void control(int fd, uint8_t type, uint8_t request, uint16_t value,
		    uint16_t index)
{
	const uint8_t packet[8] = {type,	 request,
				   value & 0xff, (uint8_t)(value >> 8),
				   index & 0xff, (uint8_t)(index >> 8)};

	transfer(fd, 0, packet, NULL, 0);
}

static void expect_event(int fd, uint8_t endpoint, uint8_t type, uint8_t pipe)
{
	struct tv_pipe_event event;

	assert_int_equal(transfer(fd, endpoint, NULL, &event, 64),
			 sizeof(event));
	assert_int_equal(event.type, type);
	assert_int_equal(event.pipe, pipe);
}

static void expect_octets(int fd, uint8_t endpoint, const char *text)
{
	char data[4096] = "";
	size_t have = 0;

	while (!strstr(data, text)) {
		assert_true(have < sizeof(data) - 513);
		have += transfer(fd, endpoint, NULL, data + have, 512);
	}
}

/* Answers one request with "ok", in a process of its own. */
static uint16_t start_web_server(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&name, &len);
	if (fork() == 0) {
		static const char answer[] =
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
			"Connection: close\r\n\r\nfirst";
		char data[4096];
		int fd;

		alarm(PATIENCE_MS / 1000);
		fd = accept(listener, NULL, NULL);
		if (read(fd, data, sizeof(data)) <= 0 ||
		    write(fd, answer, sizeof(answer) - 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(listener);
	return ntohs(name.sin_port);
}

static void every_function_works_without_a_broker(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: catalog\r\n\r\n";
	char capture[96];
	char web[96];
	char command[256];
	const char *const arguments[] = {BUILDDIR "/2virt-device",
					 "--bus",
					 address,
					 "--device",
					 "char:echo=exec:exec cat",
					 "--device",
					 web,
					 "--with",
					 "diag:measure",
					 "--capture",
					 capture,
					 NULL};
	struct stat status;
	int fd;

	snprintf(capture, sizeof(capture), "%s/capture.pcapng", folder);
	snprintf(web, sizeof(web), "web:catalog=http://127.0.0.1:%u",
		 start_web_server());
	start_program(arguments);
	fd = attach("1-1");
	/* Nobody else of this machine may attach. */
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	control(fd, 0x00, 9, 1, 0);
	control(fd, 0x01, 11, 1, 0);
	control(fd, 0x41, TV_PIPE_OPEN, 1, 0);
	expect_event(fd, 0x81, TV_PIPE_EVENT_OPENED, 0);
	transfer(fd, 0x01, NULL, (void *)"hello", 5);
	expect_octets(fd, 0x82, "hello");
	close(fd);
	/* Both functions of the second device, each by its interface. */
	fd = attach("1-2");
	control(fd, 0x00, 9, 1, 0);
	control(fd, 0x01, 11, 1, 0);
	control(fd, 0x01, 11, 1, 1);
	control(fd, 0x41, TV_PIPE_OPEN, 1, 0);
	expect_event(fd, 0x81, TV_PIPE_EVENT_OPENED, 0);
	transfer(fd, 0x01, NULL, (void *)request, sizeof(request) - 1);
	expect_octets(fd, 0x82, "\r\n\r\nfirst");
	control(fd, 0x41, TV_PIPE_OPEN, 1, 1);
	transfer(fd, 0x05, NULL, (void *)"Eback", 5);
	expect_octets(fd, 0x87, "back");
	close(fd);
	/* It goes when it is asked to, and leaves a whole capture. */
	kill(program, SIGTERM);
	assert_int_equal(waitpid(program, NULL, 0), program);
	program = -1;
	if (system("command -v tshark >/dev/null 2>&1") != 0)
		return;
	snprintf(command, sizeof(command),
		 "tshark -n -r %s -Y 'usb.device_address==2 && usb.capdata' "
		 "-T fields -e usb.capdata 2>/dev/null | "
		 "grep -q 474554202f20485454502f312e31",
		 capture);
	assert_int_equal(system(command), 0);
}

/* 2virt capture, in a process of its own. */
static pid_t fork_capture(const char *source, const char *file)
{
	pid_t pid = fork();

	if (pid == 0) {
		alarm(PATIENCE_MS / 1000);
		execl(BUILDDIR "/2virt", "2virt", "capture", source, "-w", file,
		      NULL);
		_exit(127);
	}
	return pid;
}

/* The same, once it has begun. */
static pid_t start_capture(const char *source, const char *file)
{
	struct stat status = {0};
	pid_t pid = fork_capture(source, file);

	for (int ms = 0; ms < PATIENCE_MS && !status.st_size; ms += 10) {
		usleep(10000);
		stat(file, &status);
	}
	assert_true(status.st_size > 0);
	return pid;
}

static void stop_capture(pid_t pid)
{
	kill(pid, SIGTERM);
	assert_int_equal(exit_status(pid), EXIT_SUCCESS);
}

/* What tshark prints holds the line. */
static void expect_decoded(const char *file, const char *arguments,
			   const char *line)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "tshark -n -r %s %s 2>/dev/null | grep -qx -e '%s'", file,
		 arguments, line);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void a_running_device_is_captured_on_request(void **state)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: catalog\r\n\r\n";
	static const uint8_t device[8] = {0x80, 6, 0, 1, 0, 0, 18};
	static const uint8_t configuration[8] = {0x80, 6, 0, 2, 0, 0, 255};
	char address_of_capture[128];
	const char *source = address_of_capture + strlen("unix:");
	char file[96];
	char again[96];
	char web[96];
	uint8_t data[255];
	const char *const arguments[] = {BUILDDIR "/2virt-device",
					 "--bus",
					 address,
					 "--device",
					 web,
					 "--capture-socket",
					 address_of_capture,
					 NULL};
	struct stat status;
	pid_t capture;
	int fd;

	snprintf(address_of_capture, sizeof(address_of_capture),
		 "unix:%s/capture", folder);
	snprintf(file, sizeof(file), "%s/capture.pcapng", folder);
	snprintf(again, sizeof(again), "%s/again.pcapng", folder);
	snprintf(web, sizeof(web), "web:catalog=http://127.0.0.1:%u",
		 start_web_server());
	start_program(arguments);
	fd = attach("1-1");
	assert_int_equal(stat(source, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	capture = start_capture(source, file);
	transfer(fd, 0, device, data, 18);
	transfer(fd, 0, configuration, data, sizeof(data));
	control(fd, 0x00, 9, 1, 0);
	control(fd, 0x01, 11, 1, 0);
	control(fd, 0x41, TV_PIPE_OPEN, 1, 0);
	expect_event(fd, 0x81, TV_PIPE_EVENT_OPENED, 0);
	transfer(fd, 0x01, NULL, (void *)request, sizeof(request) - 1);
	expect_octets(fd, 0x82, "\r\n\r\nfirst");
	/* One at a time, and the one that runs goes on. */
	assert_int_equal(exit_status(fork_capture(source, again)),
			 EXIT_FAILURE);
	stop_capture(capture);
	/* The device does, too; and there can be another. One dies. */
	capture = start_capture(source, again);
	kill(capture, SIGKILL);
	exit_status(capture);
	control(fd, 0x41, TV_PIPE_CLOSE, 1, 0);
	unlink(again);
	capture = start_capture(source, again);
	control(fd, 0x41, TV_PIPE_OPEN, 2, 0);
	/* The device goes while it is watched: what there is is whole. */
	kill(program, SIGTERM);
	assert_int_equal(waitpid(program, NULL, 0), program);
	program = -1;
	stop_capture(capture);
	close(fd);
	if (system("command -v tshark >/dev/null 2>&1") != 0)
		skip();
	expect_decoded(file,
		       "-Y usb.idVendor -T fields -e usb.device_address "
		       "-e usb.idVendor -e usb.idProduct",
		       "1\t0x02a0\t0xa123");
	expect_decoded(file,
		       "-Y usb.bInterfaceClass -T fields "
		       "-e usb.bInterfaceClass -e usb.bInterfaceSubClass",
		       "0xff,0xff\t0x01,0x01");
	expect_decoded(file,
		       "-Y 'usb.endpoint_address==1 && usb.capdata' -T fields "
		       "-e usb.urb_status -e usb.data_len -e usb.capdata",
		       "-115\t33\t474554202f20485454502f312e310d0a486f73743a20"
		       "636174616c6f670d0a0d0a");
	expect_decoded(file,
		       "-Y 'usb.endpoint_address==0x82 && usb.capdata' "
		       "-T fields -e usb.urb_type -e usb.urb_status",
		       "'\\''C'\\''\t0");
	expect_decoded(again,
		       "-Y usb.setup.bRequest -T fields "
		       "-e usb.bmRequestType -e usb.setup.wValue",
		       "0x41\t0x0002");
}

static void what_cannot_be_is_refused_in_words(void **state)
{
	const char *const wrong[][8] = {
		{BUILDDIR "/2virt-device", "--bus", address, NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--with", "diag",
		 NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device", "diag",
		 "--bus", address, NULL},
		{BUILDDIR "/2virt-device", "--bus", "usbredir:unix:/x",
		 "--device", "diag", "--device", "diag", NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device=diag",
		 "--capture=/x", "--capture-socket=unix:/x", NULL},
	};
	const char *const refused[][8] = {
		{BUILDDIR "/2virt-device", "--bus", "usbip:tcp:0.0.0.0:0",
		 "--device", "diag", NULL},
		{BUILDDIR "/2virt-device", "--bus", "usbip:tcp:[::]:0",
		 "--device", "diag", NULL},
		{BUILDDIR "/2virt-device", "--bus",
		 "usbredir:connect:tcp:192.0.2.1:1", "--device", "diag", NULL},
		{BUILDDIR "/2virt-device", "--bus", "usbip:tcp:localhost:0",
		 "--device", "diag", NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device",
		 "disk:x=/dev/sda", NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device",
		 "char:x=nothing", NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device",
		 "char:X=exec:cat", NULL},
		{BUILDDIR "/2virt-device", "--bus", address, "--device",
		 "web:x", NULL},
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(run(wrong[i]), 2);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_int_equal(run(refused[i]), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(every_function_works_without_a_broker),
		CASE(a_running_device_is_captured_on_request),
		CASE(what_cannot_be_is_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
