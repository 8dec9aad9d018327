// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.c - one device process as the broker sees it.
 *
 * Requests are answered in order, so those without an answer form a queue; the
 * timer runs for the earliest deadline in it.  What takes something away has
 * MESSAGE_CUT_DEADLINE_MS; everything else has WORK_DEADLINE_MS, which only a
 * hung process meets.
 *
 * A process ends in one way only: its exit is seen.  Then the socket and the
 * timer are closed, and the last close callback frees the struct, so that the
 * loop never holds a pointer into freed memory.
 */
#define _GNU_SOURCE /* environ */
#include "backend/daemon/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/util/log.h"

enum {
	PENDING_MAX = 256,
	WORK_DEADLINE_MS = 10000,
	/* A child may send at most this many messages in a turn of the loop. */
	RECEIVE_MAX = 64,
};

struct pending {
	uint32_t sequence;
	uint16_t type;
	uint64_t deadline_ms;
};

struct process {
	uv_process_t child;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int open_handles;
	uv_loop_t *loop;
	int socket;
	uint32_t domid, devid;
	uint32_t sequence;
	struct pending pending[PENDING_MAX]; /* a ring */
	unsigned int first, count;
	bool ready;
	bool stopping;
	bool killed;
	char why[128];
	const struct process_ops *ops; /* NULL: abandoned */
	void *context;
};

static uint64_t deadline_of(const struct process *process, unsigned int type)
{
	bool cut = type == MESSAGE_UNPLUG || type == MESSAGE_SERVICE_REMOVE ||
		   type == MESSAGE_STOP;

	return uv_now(process->loop) +
	       (cut ? MESSAGE_CUT_DEADLINE_MS : WORK_DEADLINE_MS);
}

void process_kill(struct process *process, const char *why)
{
	if (process->killed)
		return;
	process->killed = true;
	snprintf(process->why, sizeof(process->why), "%s", why);
	uv_timer_stop(&process->timer);
	uv_poll_stop(&process->poll);
	uv_process_kill(&process->child, SIGKILL);
}

static void on_deadline(uv_timer_t *timer)
{
	struct process *process = timer->data;
	char why[64] = "it does not exit";

	if (process->count)
		snprintf(why, sizeof(why), "no answer to %s in time",
			 message_type_name(
				 process->pending[process->first].type));
	process_kill(process, why);
}

/*
 * Runs the timer for the earliest deadline.  One that was told to stop and has
 * nothing left to answer is to be gone soon, whatever it said.
 */
static void deadline_arm(struct process *process)
{
	uint64_t now = uv_now(process->loop), earliest = UINT64_MAX;

	for (unsigned int i = 0; i < process->count; i++) {
		const struct pending *pending =
			&process->pending[(process->first + i) % PENDING_MAX];

		if (pending->deadline_ms < earliest)
			earliest = pending->deadline_ms;
	}
	if (earliest == UINT64_MAX && process->stopping)
		earliest = now + MESSAGE_CUT_DEADLINE_MS;
	if (earliest == UINT64_MAX)
		uv_timer_stop(&process->timer);
	else
		uv_timer_start(&process->timer, on_deadline,
			       earliest > now ? earliest - now : 0, 0);
}

uint32_t process_request(struct process *process, union message *message,
			 int fd)
{
	struct pending *pending;
	int error;

	if (process->killed ||
	    (process->stopping && message->header.type != MESSAGE_STOP))
		return 0;
	if (process->count == PENDING_MAX) {
		process_kill(process, "too many requests without an answer");
		return 0;
	}
	if (++process->sequence == 0)
		process->sequence = 1;
	message->header.reserved = 0;
	message->header.sequence = process->sequence;
	error = message_send(process->socket, message, fd, MESSAGE_FROM_BROKER);
	if (error) {
		char why[64];

		snprintf(why, sizeof(why), "cannot send %s: %s",
			 message_type_name(message->header.type),
			 strerror(-error));
		process_kill(process, why);
		return 0;
	}
	pending = &process->pending[(process->first + process->count++) %
				    PENDING_MAX];
	pending->sequence = process->sequence;
	pending->type = message->header.type;
	pending->deadline_ms = deadline_of(process, message->header.type);
	deadline_arm(process);
	return process->sequence;
}

uint32_t process_cut(struct process *process, union message *message)
{
	uint32_t sequence = process_request(process, message, -1);

	if (!sequence)
		return 0;
	process->pending[(process->first + process->count - 1) % PENDING_MAX]
		.deadline_ms = uv_now(process->loop) + MESSAGE_CUT_DEADLINE_MS;
	deadline_arm(process);
	return sequence;
}

unsigned int process_outstanding(const struct process *process)
{
	return process->count;
}

pid_t process_pid(const struct process *process)
{
	return process->child.pid;
}

void process_stop(struct process *process)
{
	union message message = {.header.type = MESSAGE_STOP};

	if (process->stopping)
		return;
	process->stopping = true;
	process_request(process, &message, -1);
}

void process_abandon(struct process *process)
{
	if (!process)
		return;
	process->ops = NULL;
	process_kill(process, "abandoned");
}

/* What the answer to a request is. */
static unsigned int answer_to(unsigned int type)
{
	switch (type) {
	case MESSAGE_HELLO:
		return MESSAGE_READY;
	case MESSAGE_STATS_GET:
		return MESSAGE_STATS;
	case MESSAGE_GRANT_STATS_GET:
		return MESSAGE_GRANT_STATS;
	default:
		return MESSAGE_ACK;
	}
}

/* Takes the oldest request out of the queue if this is the answer to it. */
static bool answer_take(struct process *process,
			const struct message_header *answer, unsigned int *type)
{
	const struct pending *pending = &process->pending[process->first];

	if (!process->count || pending->sequence != answer->sequence ||
	    answer_to(pending->type) != answer->type)
		return false;
	*type = pending->type;
	process->first = (process->first + 1) % PENDING_MAX;
	process->count--;
	deadline_arm(process);
	return true;
}

/* False: the process said something it may not. */
static bool message_handle(struct process *process,
			   const union message *message)
{
	uint32_t sequence = message->header.sequence;
	unsigned int type;

	switch (message->header.type) {
	case MESSAGE_READY:
		if (process->ready ||
		    !answer_take(process, &message->header, &type))
			return false;
		process->ready = true;
		return true;
	case MESSAGE_ACK:
		if (!process->ready ||
		    !answer_take(process, &message->header, &type))
			return false;
		if (process->ops)
			process->ops->acknowledged(process->context, type,
						   sequence,
						   message->ack.error);
		return true;
	case MESSAGE_STATS:
		if (!process->ready ||
		    !answer_take(process, &message->header, &type))
			return false;
		if (process->ops)
			process->ops->stats(process->context, &message->stats);
		return true;
	case MESSAGE_GRANT_STATS:
		if (!process->ready ||
		    !answer_take(process, &message->header, &type))
			return false;
		if (process->ops && process->ops->grant_stats)
			process->ops->grant_stats(process->context,
						  &message->grant_stats);
		return true;
	case MESSAGE_AUDIT:
		if (!process->ready)
			return false;
		if (process->ops && process->ops->audit)
			process->ops->audit(process->context, &message->audit);
		return true;
	case MESSAGE_FAULT:
		if (!process->ready)
			return false;
		if (process->ops)
			process->ops->fault(process->context, &message->fault);
		return true;
	default:
		return false;
	}
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct process *process = poll->data;

	for (int i = 0; i < RECEIVE_MAX && !process->killed; i++) {
		union message message;
		int fd, got;

		got = message_receive(process->socket, &message, &fd,
				      MESSAGE_FROM_DEVICE);
		if (got == -EAGAIN)
			return;
		if (got == 0) {
			/* It is exiting: wait for that, but not for ever. */
			uv_poll_stop(&process->poll);
			if (!process->count)
				uv_timer_start(&process->timer, on_deadline,
					       MESSAGE_CUT_DEADLINE_MS, 0);
			return;
		}
		if (got < 0) {
			process_kill(process, "it broke the message protocol");
			return;
		}
		if (!message_handle(process, &message))
			process_kill(process, "it spoke out of turn");
	}
}

static void on_close(uv_handle_t *handle)
{
	struct process *process = handle->data;

	if (--process->open_handles == 0)
		free(process);
}

static void process_close(struct process *process)
{
	uv_close((uv_handle_t *)&process->child, on_close);
	uv_close((uv_handle_t *)&process->timer, on_close);
	uv_close((uv_handle_t *)&process->poll, on_close);
	close(process->socket);
	process->socket = -1;
}

static void on_child_exit(uv_process_t *child, int64_t status, int signal)
{
	struct process *process = child->data;
	const struct process_ops *ops = process->ops;

	/* Its last words; nothing can be said to it any more. */
	if (!process->killed && !process->stopping) {
		process->stopping = true;
		on_readable(&process->poll, 0, UV_READABLE);
	}
	if (!process->why[0]) {
		if (signal)
			snprintf(process->why, sizeof(process->why),
				 "killed by signal %d (%s)", signal,
				 strsignal(signal));
		else
			snprintf(process->why, sizeof(process->why),
				 "exited with %lld", (long long)status);
	}
	process->killed = true;
	uv_timer_stop(&process->timer);
	uv_poll_stop(&process->poll);
	if (ops)
		ops->ended(process->context, process->why);
	process_close(process);
}

/* True for what a loader or a sanitizer must be told, and for our own. */
static bool variable_is_passed(const char *variable)
{
	static const char *const heads[] = {
		"LD_", "ASAN_OPTIONS=", "UBSAN_OPTIONS=", "TV_"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strncmp(variable, heads[i], strlen(heads[i])) == 0)
			return true;
	return false;
}

/*
 * The environment of a device process, for free(); NULL: no memory.  What the
 * broker was told by systemd or a shell (sockets, proxies, credentials) is not
 * for it.
 */
static char **environment_make(void)
{
	size_t count = 0, kept = 0;
	char **made;

	while (environ[count])
		count++;
	made = calloc(count + 1, sizeof(*made));
	if (!made)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (variable_is_passed(environ[i]))
			made[kept++] = environ[i];
	return made;
}

static int child_spawn(struct process *process, const char *program,
		       const char *bus, int socket)
{
	char *args[] = {(char *)program, (char *)"--bus", (char *)bus, NULL};
	uv_stdio_container_t stdio[MESSAGE_SOCKET_FD + 1] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
		{.flags = UV_INHERIT_FD, .data.fd = socket},
	};
	uv_process_options_t options = {
		.exit_cb = on_child_exit,
		.file = program,
		.args = args,
		.stdio_count = MESSAGE_SOCKET_FD + 1,
		.stdio = stdio,
		/* A session of its own: no terminal to type into. */
		.flags = UV_PROCESS_DETACHED,
	};
	char **environment = environment_make();
	char *nothing[] = {NULL};
	int error;

	options.env = environment ? environment : nothing;
	error = uv_spawn(process->loop, &process->child, &options);
	free(environment);
	return error;
}

int process_start(const struct process_config *config, struct process **process)
{
	union message message = {.hello = config->hello};
	struct process *made;
	int sockets[2];
	int error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
		return -errno;
	made = calloc(1, sizeof(*made));
	if (!made) {
		error = -ENOMEM;
		goto err_sockets;
	}
	made->loop = config->loop;
	made->socket = sockets[0];
	made->domid = config->hello.domid;
	made->devid = config->hello.devid;
	made->ops = config->ops;
	made->context = config->context;
	made->child.data = made;
	made->timer.data = made;
	made->poll.data = made;
	error = uv_poll_init(made->loop, &made->poll, made->socket);
	if (error) {
		free(made);
		goto err_sockets;
	}
	uv_timer_init(made->loop, &made->timer);
	made->open_handles = 3;
	error = child_spawn(made, config->program, config->bus, sockets[1]);
	close(sockets[1]);
	if (error) {
		/* libuv wants the handle of a failed spawn closed as well. */
		process_close(made);
		return error;
	}
	uv_poll_start(&made->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	message.header.type = MESSAGE_HELLO;
	process_request(made, &message, config->journal_fd);
	*process = made;
	return 0;
err_sockets:
	close(sockets[0]);
	close(sockets[1]);
	return error;
}
