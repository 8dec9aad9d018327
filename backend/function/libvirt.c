// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt.c - pipes to the platform's libvirt.
 */
#include "backend/function/libvirt.h"

#include "backend/usb/pipe.h"

#include <stdlib.h>

enum { TRANSFER_MAX = 1 << 16 };

struct libvirt_pipe {
	struct pipe *pipe;
	struct libvirt_link *link;
};

static void on_readable(void *context)
{
	pipe_have_in(((struct libvirt_pipe *)context)->pipe);
}

static void on_writable(void *context)
{
	pipe_want_out(((struct libvirt_pipe *)context)->pipe);
}

static void on_cut(void *context, enum libvirt_cut why)
{
	static const enum tv_pipe_reason reasons[] = {
		[LIBVIRT_CUT_PROTOCOL] = TV_PIPE_REASON_PROTOCOL,
		[LIBVIRT_CUT_STALLED] = TV_PIPE_REASON_TIMEOUT,
		[LIBVIRT_CUT_INTERNAL] = TV_PIPE_REASON_INTERNAL,
	};

	pipe_reset(((struct libvirt_pipe *)context)->pipe, reasons[why]);
}

static const struct libvirt_link_events link_events = {
	.cut = on_cut,
	.readable = on_readable,
	.writable = on_writable,
};

static void libvirt_open(void *context, struct pipe *pipe)
{
	struct libvirt_pipe *end = calloc(1, sizeof(*end));

	if (!end) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return;
	}
	end->pipe = pipe;
	pipe_set_data(pipe, end);
	end->link = libvirt_link_open(context, &link_events, end);
	if (!end->link)
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
	else
		pipe_established(pipe);
}

static size_t libvirt_receive(void *context, struct pipe *pipe,
			      const uint8_t *data, size_t len)
{
	struct libvirt_pipe *end = pipe_data(pipe);

	return libvirt_link_write(end->link, data, len);
}

static void libvirt_receive_end(void *context, struct pipe *pipe)
{
	libvirt_link_shutdown(((struct libvirt_pipe *)pipe_data(pipe))->link);
}

static size_t libvirt_produce(void *context, struct pipe *pipe, uint8_t *data,
			      size_t len)
{
	struct libvirt_pipe *end = pipe_data(pipe);
	ssize_t got = libvirt_link_read(end->link, data, len);

	if (got >= 0)
		return (size_t)got;
	pipe_end(pipe);
	return 0;
}

static void libvirt_close(void *context, struct pipe *pipe)
{
	struct libvirt_pipe *end = pipe_data(pipe);

	if (!end)
		return;
	libvirt_link_close(end->link);
	free(end);
	pipe_set_data(pipe, NULL);
}

static void libvirt_destroy(void *context)
{
	libvirt_service_destroy(context);
}

static const struct pipe_handler_ops libvirt_ops = {
	.open = libvirt_open,
	.receive = libvirt_receive,
	.receive_end = libvirt_receive_end,
	.produce = libvirt_produce,
	.close = libvirt_close,
	.destroy = libvirt_destroy,
};

struct usb_function *libvirt_function_create(const char *name,
					     unsigned int pipes,
					     struct libvirt_service *service)
{
	struct usb_function *function =
		pipe_function_create(&(struct pipe_function_config){
			.type = TV_FUNCTION_LIBVIRT,
			.type_name = "libvirt",
			.name = name,
			.pipe_count = pipes,
			.transfer_max = TRANSFER_MAX,
			.ops = &libvirt_ops,
			.context = service,
		});

	if (!function)
		libvirt_service_destroy(service);
	return function;
}
