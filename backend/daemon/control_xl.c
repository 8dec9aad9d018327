// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_xl.c - runs xl.
 *
 * xl waits for our own InitWait, so it must not be waited for.  Its process is
 * over when it has exited and its stderr has ended; one that passed its stderr
 * on to somebody who keeps it is over at the deadline.
 */
#include "backend/daemon/control_xl.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 256 };

struct xl {
	uv_process_t child;
	uv_pipe_t errors; /* its stderr */
	uv_timer_t deadline;
	unsigned int open_handles;
	bool exited, ended, late;
	int error;
	control_xl_done *done;
	void *token;
	char text[TEXT_SIZE]; /* the end of what it said */
	size_t len;
	char block[TEXT_SIZE];
};

static void on_closed(uv_handle_t *handle)
{
	struct xl *xl = handle->data;

	if (--xl->open_handles == 0)
		free(xl);
}

static void finish(struct xl *xl)
{
	if (!xl->exited || (!xl->ended && !xl->late))
		return;
	while (xl->len &&
	       (xl->text[xl->len - 1] == '\n' || xl->text[xl->len - 1] == ' '))
		xl->len--;
	xl->text[xl->len] = '\0';
	for (char *at = xl->text; *at; at++)
		if ((unsigned char)*at < 0x20)
			*at = ' ';
	xl->done(xl->token, xl->late ? -ETIMEDOUT : xl->error,
		 xl->late && !xl->len ? "xl did not end in time" : xl->text);
	uv_close((uv_handle_t *)&xl->child, on_closed);
	uv_close((uv_handle_t *)&xl->errors, on_closed);
	uv_close((uv_handle_t *)&xl->deadline, on_closed);
}

static void on_exit_of_xl(uv_process_t *child, int64_t status, int number)
{
	struct xl *xl = child->data;

	xl->exited = true;
	xl->error = status || number ? -EIO : 0;
	finish(xl);
}

static void on_deadline(uv_timer_t *timer)
{
	struct xl *xl = timer->data;

	xl->late = true;
	if (!xl->exited)
		uv_process_kill(&xl->child, SIGKILL);
	finish(xl);
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct xl *xl = handle->data;

	*buf = uv_buf_init(xl->block, sizeof(xl->block));
}

/* Keeps the last octets. */
static void on_text(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct xl *xl = stream->data;
	size_t add = got > 0 ? (size_t)got : 0, over;

	if (got < 0) {
		uv_read_stop(stream);
		xl->ended = true;
		finish(xl);
		return;
	}
	if (add > TEXT_SIZE - 1)
		add = TEXT_SIZE - 1;
	over = xl->len + add > TEXT_SIZE - 1 ? xl->len + add - (TEXT_SIZE - 1)
					     : 0;
	memmove(xl->text, xl->text + over, xl->len - over);
	xl->len -= over;
	memcpy(xl->text + xl->len, buf->base + ((size_t)got - add), add);
	xl->len += add;
}

static int spawn(struct xl *xl, uv_loop_t *loop, const char *program,
		 const char *const *arguments)
{
	const char *args[CONTROL_XL_ARGS + 2] = {program};
	const char *ours = getenv("PATH");
	char path[1024];
	char *environment[] = {path, NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		 .data.stream = (uv_stream_t *)&xl->errors},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_xl,
		.file = program,
		.args = (char **)args,
		.env = environment,
		.stdio = stdio,
		.stdio_count = 3,
	};

	snprintf(path, sizeof(path), "PATH=%s",
		 ours ? ours : "/usr/sbin:/usr/bin:/sbin:/bin");
	for (size_t i = 0; i < CONTROL_XL_ARGS && arguments[i]; i++)
		args[i + 1] = arguments[i];
	return uv_spawn(loop, &xl->child, &options);
}

int control_xl_run(uv_loop_t *loop, const char *program,
		   const char *const *arguments, uint32_t deadline_ms,
		   control_xl_done *done, void *token)
{
	struct xl *xl = calloc(1, sizeof(*xl));
	int error;

	if (!xl)
		return -ENOMEM;
	xl->done = done;
	xl->token = token;
	xl->child.data = xl;
	xl->errors.data = xl;
	xl->deadline.data = xl;
	uv_pipe_init(loop, &xl->errors, 0);
	uv_timer_init(loop, &xl->deadline);
	xl->open_handles = 3;
	error = spawn(xl, loop, program, arguments);
	if (error) {
		uv_close((uv_handle_t *)&xl->child, on_closed);
		uv_close((uv_handle_t *)&xl->errors, on_closed);
		uv_close((uv_handle_t *)&xl->deadline, on_closed);
		return error;
	}
	uv_read_start((uv_stream_t *)&xl->errors, on_room, on_text);
	uv_timer_start(&xl->deadline, on_deadline, deadline_ms, 0);
	return 0;
}
