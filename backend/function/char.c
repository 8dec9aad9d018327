// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * char.c - pipes to a provider's streams.
 *
 * No octet is kept here: what the guest sends is written from where the bus
 * has it, what the provider sends is read to where the bus wants it.
 *
 * A provider that takes no more input may still have output.  So a write that
 * fails only leaves the guest's octets untaken; the pipe is reset when the
 * output has ended, and the guest has all of it.
 */
#include "backend/function/char.h"

#include "backend/usb/pipe.h"

#include <stdlib.h>

enum { TRANSFER_MAX = 1 << 18 };

struct char_pipe {
	struct pipe *pipe;
	struct char_stream *stream;
	bool out_broken; /* the provider takes no more */
	bool in_ended;	 /* ... and sends no more */
};

static void on_opened(void *context)
{
	struct char_pipe *end = context;

	pipe_established(end->pipe);
}

static void on_failed(void *context, enum char_failure failure)
{
	static const enum tv_pipe_reason reasons[] = {
		[CHAR_UNREACHABLE] = TV_PIPE_REASON_UNREACHABLE,
		[CHAR_TIMEOUT] = TV_PIPE_REASON_TIMEOUT,
		[CHAR_LIMIT] = TV_PIPE_REASON_LIMIT,
		[CHAR_INTERNAL] = TV_PIPE_REASON_INTERNAL,
	};
	struct char_pipe *end = context;

	pipe_reset(end->pipe, reasons[failure]);
}

static void on_readable(void *context)
{
	pipe_have_in(((struct char_pipe *)context)->pipe);
}

static void on_writable(void *context)
{
	pipe_want_out(((struct char_pipe *)context)->pipe);
}

static const struct char_events stream_events = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
};

static void char_open(void *context, struct pipe *pipe)
{
	struct char_pipe *end = calloc(1, sizeof(*end));

	if (!end) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return;
	}
	end->pipe = pipe;
	pipe_set_data(pipe, end);
	end->stream = char_stream_open(context, &stream_events, end);
	if (!end->stream)
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
}

static size_t char_receive(void *context, struct pipe *pipe,
			   const uint8_t *data, size_t len)
{
	struct char_pipe *end = pipe_data(pipe);
	ssize_t taken;

	if (end->out_broken)
		return 0;
	taken = char_stream_write(end->stream, data, len);
	if (taken >= 0)
		return (size_t)taken;
	end->out_broken = true;
	if (end->in_ended)
		pipe_reset(pipe, TV_PIPE_REASON_PEER_RESET);
	else
		pipe_have_in(pipe);
	return 0;
}

static void char_receive_end(void *context, struct pipe *pipe)
{
	char_stream_shutdown(((struct char_pipe *)pipe_data(pipe))->stream);
}

static size_t char_produce(void *context, struct pipe *pipe, uint8_t *data,
			   size_t len)
{
	struct char_pipe *end = pipe_data(pipe);
	ssize_t got = char_stream_read(end->stream, data, len);

	if (got >= 0)
		return (size_t)got;
	end->in_ended = true;
	if (got == CHAR_BROKEN || end->out_broken)
		pipe_reset(pipe, TV_PIPE_REASON_PEER_RESET);
	else
		pipe_end(pipe);
	return 0;
}

static void char_close(void *context, struct pipe *pipe)
{
	struct char_pipe *end = pipe_data(pipe);

	if (!end)
		return;
	char_stream_close(end->stream);
	free(end);
	pipe_set_data(pipe, NULL);
}

static void char_destroy(void *context)
{
	char_target_destroy(context);
}

static const struct pipe_handler_ops char_ops = {
	.open = char_open,
	.receive = char_receive,
	.receive_end = char_receive_end,
	.produce = char_produce,
	.close = char_close,
	.destroy = char_destroy,
};

struct usb_function *char_function_create(const char *name, unsigned int pipes,
					  struct char_target *target)
{
	struct usb_function *function =
		pipe_function_create(&(struct pipe_function_config){
			.type = TV_FUNCTION_CHAR,
			.type_name = "char",
			.name = name,
			.pipe_count = pipes,
			.transfer_max = TRANSFER_MAX,
			.ops = &char_ops,
			.context = target,
		});

	if (!function)
		char_target_destroy(target);
	return function;
}
