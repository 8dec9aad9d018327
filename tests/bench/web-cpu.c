// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-cpu.c - the web function behind a unix socket, without the USB leg.
 *
 * Stands in for backend/usb/pipe.c: every connection of the socket is a pipe.
 * So a load generator measures what the function and its service cost, and
 * nothing else.  tests/bench/web-cpu.sh runs it against nghttpx.
 *
 *   web-cpu SOCKET UPSTREAM-URL [SERVICE]
 */
#include "backend/function/web.h"
#include "backend/usb/pipe.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TRANSFER_SIZE = 65536 };

struct pipe {
	uv_poll_t poll;
	int fd;
	uint8_t *out;
	size_t out_len;
	size_t out_at;
	uint8_t *in;
	size_t in_len;
	size_t in_at;
	bool ended;
	bool closing;
	bool pumping;
	int events;
	void *data;
};

static struct pipe_function_config function;
static uv_loop_t *loop;

static void pump(struct pipe *pipe);

static void on_closed(uv_handle_t *handle)
{
	struct pipe *pipe = handle->data;

	close(pipe->fd);
	free(pipe->out);
	free(pipe->in);
	free(pipe);
}

static void drop(struct pipe *pipe)
{
	if (pipe->closing)
		return;
	pipe->closing = true;
	function.ops->close(function.context, pipe);
	uv_close((uv_handle_t *)&pipe->poll, on_closed);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	pump(poll->data);
}

static void watch(struct pipe *pipe, int events)
{
	if (events == pipe->events)
		return;
	pipe->events = events;
	uv_poll_start(&pipe->poll, events, on_poll);
}

/* From the client.  False: nothing more can be taken now. */
static bool pump_out(struct pipe *pipe)
{
	size_t taken;
	ssize_t n;

	if (pipe->out_at == pipe->out_len) {
		n = read(pipe->fd, pipe->out, TRANSFER_SIZE);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			drop(pipe);
			return false;
		}
		if (n < 0)
			return false;
		pipe->out_at = 0;
		pipe->out_len = (size_t)n;
	}
	taken = function.ops->receive(function.context, pipe,
				      pipe->out + pipe->out_at,
				      pipe->out_len - pipe->out_at);
	pipe->out_at += taken;
	/* A short read was the last one. */
	return pipe->out_at == pipe->out_len && pipe->out_len == TRANSFER_SIZE;
}

static bool pump_in(struct pipe *pipe)
{
	ssize_t n;

	if (pipe->in_at == pipe->in_len) {
		pipe->in_at = 0;
		pipe->in_len = pipe->ended
				       ? 0
				       : function.ops->produce(function.context,
							       pipe, pipe->in,
							       TRANSFER_SIZE);
		if (!pipe->in_len) {
			if (pipe->ended)
				drop(pipe);
			return false;
		}
	}
	n = write(pipe->fd, pipe->in + pipe->in_at, pipe->in_len - pipe->in_at);
	if (n < 0 && errno != EAGAIN) {
		drop(pipe);
		return false;
	}
	if (n > 0)
		pipe->in_at += (size_t)n;
	return pipe->in_at == pipe->in_len;
}

static void watch_again(struct pipe *pipe)
{
	int events = 0;

	if (pipe->closing)
		return;
	if (pipe->out_at == pipe->out_len)
		events |= UV_READABLE;
	if (pipe->in_at < pipe->in_len)
		events |= UV_WRITABLE;
	watch(pipe, events);
}

static void pump(struct pipe *pipe)
{
	if (pipe->pumping)
		return;
	pipe->pumping = true;
	while (!pipe->closing && pump_out(pipe))
		continue;
	while (!pipe->closing && pump_in(pipe))
		continue;
	watch_again(pipe);
	pipe->pumping = false;
}

/* ---- pipe.h ------------------------------------------------------------- */

struct usb_function *
pipe_function_create(const struct pipe_function_config *config)
{
	static struct usb_function made;

	function = *config;
	return &made;
}

void pipe_established(struct pipe *pipe)
{
	(void)pipe;
}

void pipe_want_out(struct pipe *pipe)
{
	pump(pipe);
}

void pipe_have_in(struct pipe *pipe)
{
	while (!pipe->closing && pump_in(pipe))
		continue;
	watch_again(pipe);
}

void pipe_limits_changed(struct pipe *pipe)
{
	(void)pipe;
}

void pipe_end(struct pipe *pipe)
{
	pipe->ended = true;
	pipe_have_in(pipe);
}

void pipe_reset(struct pipe *pipe, enum tv_pipe_reason reason)
{
	(void)reason;
	drop(pipe);
}

void *pipe_data(const struct pipe *pipe)
{
	return pipe->closing ? NULL : pipe->data;
}

void pipe_set_data(struct pipe *pipe, void *data)
{
	pipe->data = data;
}

/* ---- listener ----------------------------------------------------------- */

static void on_accept(uv_poll_t *poll, int status, int events)
{
	int fd = accept4(*(int *)poll->data, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct pipe *pipe;

	(void)status;
	(void)events;
	if (fd < 0)
		return;
	pipe = calloc(1, sizeof(*pipe));
	pipe->fd = fd;
	pipe->out = malloc(TRANSFER_SIZE);
	pipe->in = malloc(TRANSFER_SIZE);
	uv_poll_init(loop, &pipe->poll, fd);
	pipe->poll.data = pipe;
	function.ops->open(function.context, pipe);
	watch(pipe, UV_READABLE);
}

static int make_listener(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	strcpy(address.sun_path, path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(fd, 64)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void on_signal(uv_signal_t *handle, int number)
{
	(void)number;
	uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
	const struct web_upstream_config upstream = {
		.url = argc > 2 ? argv[2] : NULL,
	};
	const struct web_service_config service = {
		.name = argc > 3 ? argv[3] : "bench",
		.upstreams = &upstream,
		.upstream_count = 1,
	};
	struct web_service_set *services;
	uv_signal_t terminate;
	uv_poll_t listener;
	int fd;

	if (argc < 3) {
		fprintf(stderr, "usage: web-cpu SOCKET URL [SERVICE [RATE]]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	loop = uv_default_loop();
	services = web_service_set_create(&(struct web_service_set_config){
		.loop = loop,
		.domain_name = "bench",
		.domain_uuid = "00000000-0000-0000-0000-000000000000",
	});
	if (!services || web_service_set_put(services, &service) ||
	    !web_function_create(&(struct web_function_config){
		    .name = "default",
		    .services = services,
	    }))
		return 1;
	/* Octets a second, so large that nobody waits: what counting costs. */
	if (argc > 4 &&
	    web_service_set_limit(
		    services, service.name,
		    &(struct web_limits){.rate = strtoull(argv[4], NULL, 10)}))
		return 1;
	fd = make_listener(argv[1]);
	if (fd < 0) {
		perror(argv[1]);
		return 1;
	}
	uv_poll_init(loop, &listener, fd);
	listener.data = &fd;
	uv_poll_start(&listener, UV_READABLE, on_accept);
	uv_signal_init(loop, &terminate);
	uv_signal_start(&terminate, on_signal, SIGTERM);
	uv_run(loop, UV_RUN_DEFAULT);
	unlink(argv[1]);
	return 0;
}
