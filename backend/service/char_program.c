// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * char_program.c - a target that starts a program for each connection.
 *
 * The program has one end of a socket pair as standard input and output, so it
 * sees a half-close as end of file.  Its process may outlive the stream by the
 * time it is given to go; the target is freed after the last process.
 *
 * How a program ended is known by its exit status, which comes a moment after
 * the end of its output.  A program that closes its output and goes on is not
 * waited for longer than JUDGE_MS.
 */
#include "backend/service/char.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { JUDGE_MS = 200, GRACE_MS = 2000, MAX_RUNNING = 16 };

struct program_target {
	struct char_target target;
	char **arguments;
	char **environment;
	bool has_user;
	uid_t uid;
	gid_t gid;
	unsigned int max_running;
	unsigned int processes;
	bool destroyed;
	struct program_process *first;
};

struct program_process {
	struct program_target *owner;
	struct program_process *next;
	struct char_stream *stream; /* NULL: closed */
	uv_process_t process;
	uv_timer_t timer;
	unsigned int handles;
	bool spawned;
	bool exited;
	bool clean; /* exit status 0 */
};

static void free_texts(char **texts)
{
	if (!texts)
		return;
	for (size_t i = 0; texts[i]; i++)
		free(texts[i]);
	free(texts);
}

static char **copy_texts(const char *const *texts)
{
	size_t count = 0;
	char **copy;

	while (texts[count])
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < count; i++) {
		copy[i] = strdup(texts[i]);
		if (!copy[i]) {
			free_texts(copy);
			return NULL;
		}
	}
	return copy;
}

static void target_free(struct program_target *target)
{
	free_texts(target->arguments);
	free_texts(target->environment);
	free(target);
}

static void process_unlink(struct program_process *process)
{
	struct program_process **at = &process->owner->first;

	while (*at != process)
		at = &(*at)->next;
	*at = process->next;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct program_process *process = handle->data;
	struct program_target *target = process->owner;

	if (--process->handles)
		return;
	process_unlink(process);
	free(process);
	if (--target->processes == 0 && target->destroyed)
		target_free(target);
}

/* Frees what has neither a stream nor a running program. */
static void process_release(struct program_process *process)
{
	if (process->stream || (process->spawned && !process->exited) ||
	    uv_is_closing((uv_handle_t *)&process->timer))
		return;
	uv_close((uv_handle_t *)&process->timer, on_handle_closed);
	uv_close((uv_handle_t *)&process->process, on_handle_closed);
}

static void on_exited(uv_process_t *handle, int64_t status, int signal)
{
	struct program_process *process = handle->data;

	process->exited = true;
	process->clean = status == 0 && signal == 0;
	if (process->stream)
		char_stream_judge(process->stream, process->clean);
	process_release(process);
}

static void on_timer(uv_timer_t *timer)
{
	struct program_process *process = timer->data;

	if (process->stream)
		char_stream_judge(process->stream, true);
	else if (process->spawned && !process->exited)
		uv_process_kill(&process->process, SIGKILL);
}

static int spawn(struct program_process *process, int fd)
{
	struct program_target *target = process->owner;
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_INHERIT_FD, .data.fd = fd},
		{.flags = UV_INHERIT_FD, .data.fd = fd},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	};
	uv_process_options_t options = {
		.exit_cb = on_exited,
		.file = target->arguments[0],
		.args = target->arguments,
		.env = target->environment,
		.stdio = stdio,
		.stdio_count = 3,
	};

	if (target->has_user) {
		options.flags = UV_PROCESS_SETUID | UV_PROCESS_SETGID;
		options.uid = target->uid;
		options.gid = target->gid;
	}
	return uv_spawn(target->target.loop, &process->process, &options);
}

static void program_open(struct char_target *target, struct char_stream *stream,
			 void **connection)
{
	struct program_target *program = (struct program_target *)target;
	struct program_process *process;
	int fds[2];

	if (program->processes >= program->max_running) {
		char_stream_fail(stream, CHAR_LIMIT);
		return;
	}
	process = calloc(1, sizeof(*process));
	if (!process) {
		char_stream_fail(stream, CHAR_INTERNAL);
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
		free(process);
		char_stream_fail(stream, CHAR_INTERNAL);
		return;
	}
	process->owner = program;
	process->stream = stream;
	process->next = program->first;
	program->first = process;
	program->processes++;
	process->handles = 2;
	uv_timer_init(target->loop, &process->timer);
	process->timer.data = process;
	*connection = process;
	/* Initializes the handle also when it fails. */
	process->spawned = spawn(process, fds[1]) == 0;
	process->process.data = process;
	close(fds[1]);
	if (!process->spawned) {
		close(fds[0]);
		char_stream_fail(stream, CHAR_UNREACHABLE);
		return;
	}
	/* Ours alone does not block. */
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	char_stream_give(stream, fds[0]);
}

static void program_judge(struct char_target *target,
			  struct char_stream *stream, void *connection)
{
	struct program_process *process = connection;

	if (process->exited)
		char_stream_judge(stream, process->clean);
	else
		uv_timer_start(&process->timer, on_timer, JUDGE_MS, 0);
}

static void program_close(struct char_target *target, void *connection)
{
	struct program_process *process = connection;

	if (!process)
		return;
	process->stream = NULL;
	if (process->spawned && !process->exited) {
		uv_process_kill(&process->process, SIGTERM);
		uv_timer_start(&process->timer, on_timer, GRACE_MS, 0);
	}
	process_release(process);
}

static void program_destroy(struct char_target *target)
{
	struct program_target *program = (struct program_target *)target;

	program->destroyed = true;
	for (struct program_process *process = program->first; process;
	     process = process->next)
		if (process->spawned && !process->exited)
			uv_process_kill(&process->process, SIGKILL);
	if (!program->processes)
		target_free(program);
}

static const struct char_target_ops program_ops = {
	.open = program_open,
	.judge = program_judge,
	.close = program_close,
	.destroy = program_destroy,
};

struct char_target *char_target_program(uv_loop_t *loop,
					const struct char_program *config)
{
	struct program_target *target = calloc(1, sizeof(*target));

	if (!target)
		return NULL;
	target->target.ops = &program_ops;
	target->target.loop = loop;
	target->has_user = config->has_user;
	target->uid = config->uid;
	target->gid = config->gid;
	target->max_running =
		config->max_running ? config->max_running : MAX_RUNNING;
	target->arguments = copy_texts(config->arguments);
	if (config->environment)
		target->environment = copy_texts(config->environment);
	if (target->arguments && (target->environment || !config->environment))
		return &target->target;
	target_free(target);
	return NULL;
}
