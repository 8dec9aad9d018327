// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * peer.c - a pipe handler that does what a case tells it.
 */
#include "tests/conformance/peer.h"

#include <stdlib.h>
#include <string.h>

void peer_init(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	for (unsigned int i = 0; i < PEER_PIPES; i++) {
		peer->pipes[i].in_box = malloc(PEER_BUFFER);
		peer->pipes[i].out_box = malloc(PEER_BUFFER);
		peer->pipes[i].room = PEER_BUFFER;
	}
}

void peer_fini(struct peer *peer)
{
	for (unsigned int i = 0; i < PEER_PIPES; i++) {
		free(peer->pipes[i].in_box);
		free(peer->pipes[i].out_box);
	}
}

static struct peer_pipe *peer_pipe_of(void *context, const struct pipe *pipe)
{
	return &((struct peer *)context)->pipes[pipe_index(pipe)];
}

static void peer_open(void *context, struct pipe *pipe)
{
	struct peer *peer = context;
	struct peer_pipe *end = peer_pipe_of(context, pipe);

	end->pipe = pipe;
	end->wish_priority = 0;
	end->wish_rate = 0;
	end->opens++;
	end->in_len = 0;
	end->out_len = 0;
	end->out_at = 0;
	end->received_end = false;
	if (peer->refuse)
		pipe_reset(pipe, TV_PIPE_REASON_REFUSED);
	else if (!peer->hold)
		pipe_established(pipe);
}

static size_t peer_receive(void *context, struct pipe *pipe,
			   const uint8_t *data, size_t len)
{
	struct peer_pipe *end = peer_pipe_of(context, pipe);

	if (len > end->room)
		len = end->room;
	if (len > PEER_BUFFER - end->in_len)
		len = PEER_BUFFER - end->in_len;
	memcpy(end->in_box + end->in_len, data, len);
	end->in_len += len;
	end->room -= len;
	return len;
}

static void peer_receive_end(void *context, struct pipe *pipe)
{
	peer_pipe_of(context, pipe)->received_end = true;
}

static size_t peer_produce(void *context, struct pipe *pipe, uint8_t *data,
			   size_t len)
{
	struct peer_pipe *end = peer_pipe_of(context, pipe);

	if (end->out_step && len > end->out_step)
		len = end->out_step;
	if (len > end->out_len - end->out_at)
		len = end->out_len - end->out_at;
	memcpy(data, end->out_box + end->out_at, len);
	end->out_at += len;
	if (end->end_after && end->out_at == end->out_len)
		pipe_end(pipe);
	return len;
}

/* As a service with policy does: nobody gets the high class here. */
static void peer_limits(void *context, struct pipe *pipe,
			struct tv_pipe_limits *limits)
{
	const struct peer *peer = context;
	const struct peer_pipe *end = peer_pipe_of(context, pipe);

	limits->priority = end->wish_priority == TV_PIPE_PRIORITY_LOW
				   ? TV_PIPE_PRIORITY_LOW
				   : TV_PIPE_PRIORITY_NORMAL;
	limits->rate = end->wish_rate;
	if (peer->rate_max && (!limits->rate || limits->rate > peer->rate_max))
		limits->rate = peer->rate_max;
	limits->burst = limits->rate ? 4096 : 0;
}

static void peer_wish(void *context, struct pipe *pipe, uint8_t priority,
		      uint64_t rate)
{
	struct peer_pipe *end = peer_pipe_of(context, pipe);

	end->wish_priority = priority;
	end->wish_rate = rate;
}

static void peer_close(void *context, struct pipe *pipe)
{
	struct peer_pipe *end = peer_pipe_of(context, pipe);

	end->pipe = NULL;
	end->closes++;
}

static void peer_destroy(void *context)
{
	((struct peer *)context)->destroyed = true;
}

const struct pipe_handler_ops peer_ops = {
	.open = peer_open,
	.receive = peer_receive,
	.receive_end = peer_receive_end,
	.produce = peer_produce,
	.limits = peer_limits,
	.wish = peer_wish,
	.close = peer_close,
	.destroy = peer_destroy,
};

void peer_send(struct peer *peer, unsigned int pipe, const void *data,
	       size_t len)
{
	struct peer_pipe *end = &peer->pipes[pipe];

	memcpy(end->out_box + end->out_len, data, len);
	end->out_len += len;
	pipe_have_in(end->pipe);
}

void peer_accept(struct peer *peer, unsigned int pipe, size_t room)
{
	peer->pipes[pipe].room = room;
	pipe_want_out(peer->pipes[pipe].pipe);
}

struct usb_device *peer_device(struct peer *peer, unsigned int pipes)
{
	struct usb_function *function =
		pipe_function_create(&(struct pipe_function_config){
			.type = TV_FUNCTION_WEB,
			.type_name = "web",
			.name = "default",
			.pipe_count = pipes,
			.transfer_max = 1 << 20,
			.ops = &peer_ops,
			.context = peer,
		});

	return usb_device_create(
		&(struct usb_device_identity){
			.vendor_id = TV_USB_VENDOR_ID,
			.product_id = TV_USB_PRODUCT_ID,
			.release = 0x0100,
			.manufacturer = "2Virt",
			.product = "2Virt web",
			.serial = "web-default",
		},
		&function, 1);
}
