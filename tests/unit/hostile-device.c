// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hostile-device.c - a device process that an attacker has taken over, as far
 * as the broker can see it: started in place of 2virt-device, it does what
 * TV_HOSTILE asks for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/daemon/message.h"

extern char **environ;

static uint32_t next_sequence = 1;

static void say(union message *message)
{
	if (message_send(MESSAGE_SOCKET_FD, message, -1, MESSAGE_FROM_DEVICE))
		_exit(3);
}

static void say_ready(void)
{
	union message message = {.header = {MESSAGE_READY, 0, 1}};

	say(&message);
}

static void say_ack(uint32_t sequence)
{
	union message message = {.header = {MESSAGE_ACK, 0, sequence}};

	say(&message);
}

static int say_fault(void)
{
	union message message = {.header.type = MESSAGE_FAULT};

	message.fault.reason = MESSAGE_FAULT_PROTOCOL;
	strcpy(message.fault.detail, "nothing at all");
	return message_send(MESSAGE_SOCKET_FD, &message, -1,
			    MESSAGE_FROM_DEVICE);
}

/* Waits for a request; its type, 0 at the end. */
static unsigned int hear(void)
{
	struct pollfd wait = {.fd = MESSAGE_SOCKET_FD, .events = POLLIN};
	union message message;
	int fd;

	poll(&wait, 1, -1);
	if (message_receive(MESSAGE_SOCKET_FD, &message, &fd,
			    MESSAGE_FROM_BROKER) != 1)
		return 0;
	next_sequence = message.header.sequence;
	return message.header.type;
}

static void never_end(void)
{
	for (;;)
		poll(NULL, 0, 1000);
}

/* Answers everything, also STOP, and lives on. */
static void acknowledge_and_stay(void)
{
	say_ready();
	for (unsigned int type; (type = hear());) {
		if (type == MESSAGE_HELLO)
			continue;
		say_ack(next_sequence);
		if (type == MESSAGE_STOP)
			break;
	}
	never_end();
}

static void flood_faults(void)
{
	say_ready();
	hear();
	if (hear() == MESSAGE_CONNECT)
		say_ack(next_sequence);
	for (;;)
		if (say_fault() == -EAGAIN)
			poll(NULL, 0, 1);
}

static void answer_before_asked(void)
{
	say_ready();
	hear();
	hear();
	say_ack(next_sequence + 1);
	never_end();
}

/* Skips the drop of privileges that READY stands for. */
static void acknowledge_hello(void)
{
	hear();
	say_ack(next_sequence);
	never_end();
}

static void fault_at_once(void)
{
	say_fault();
	never_end();
}

static void send_raw(const char *data, size_t len)
{
	say_ready();
	if (write(MESSAGE_SOCKET_FD, data, len) < 0)
		_exit(3);
	never_end();
}

/* What a child finds when it starts, one line each on stderr. */
static void show_inheritance(void)
{
	for (char **variable = environ; *variable; variable++)
		dprintf(2, "inherited %.*s=\n", (int)strcspn(*variable, "="),
			*variable);
	for (int fd = MESSAGE_SOCKET_FD + 1; fd < 1024; fd++) {
		char path[32], what[256] = "";

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, what, sizeof(what) - 1) < 0)
			what[0] = '?';
		dprintf(2, "inherited descriptor %d: %s\n", fd, what);
	}
	if (getsid(0) != getpid())
		dprintf(2, "inherited session\n");
	dprintf(2, "inherited nothing more\n");
	never_end();
}

int main(void)
{
	const char *name = getenv("TV_HOSTILE");

	if (!name)
		return 2;
	if (strcmp(name, "acknowledge-and-stay") == 0)
		acknowledge_and_stay();
	else if (strcmp(name, "flood-faults") == 0)
		flood_faults();
	else if (strcmp(name, "answer-before-asked") == 0)
		answer_before_asked();
	else if (strcmp(name, "acknowledge-hello") == 0)
		acknowledge_hello();
	else if (strcmp(name, "fault-at-once") == 0)
		fault_at_once();
	else if (strcmp(name, "send-garbage") == 0)
		send_raw("garbage", 7);
	else if (strcmp(name, "show-inheritance") == 0)
		show_inheritance();
	return 2;
}
