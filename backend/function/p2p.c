// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * p2p.c - pipes to another domain, over a link.
 *
 * No octet is kept here: what the guest sends is put into the link's memory
 * from where the bus has it, what the peer sends is taken out to where the bus
 * wants it.  A pipe that waits for its peer takes no octets.
 *
 * A peer that takes no more may still have said something, so a write that
 * fails only leaves the guest's octets untaken; the pipe is reset when it has
 * all that the peer said.
 */
#include "backend/function/p2p.h"

#include "backend/usb/pipe.h"

#include <stdlib.h>
#include <string.h>

enum { TRANSFER_MAX = 1 << 18, PIPES_DEFAULT = 4 };

struct p2p {
	struct usb_function *function;
	struct link_end *end;
	struct tv_p2p_peer peer;
};

struct p2p_pipe {
	struct pipe *pipe;
	struct link_stream *stream;
	bool out_broken; /* the peer takes no more */
	bool in_ended;	 /* ... and sends no more */
};

static void on_opened(void *context)
{
	struct p2p_pipe *end = context;

	pipe_established(end->pipe);
	/* It may be over by now; waiting OUTs are taken from here on. */
}

static void on_failed(void *context, enum link_failure failure)
{
	static const enum tv_pipe_reason reasons[] = {
		[LINK_UNREACHABLE] = TV_PIPE_REASON_UNREACHABLE,
		[LINK_TIMEOUT] = TV_PIPE_REASON_TIMEOUT,
		[LINK_PEER_RESET] = TV_PIPE_REASON_PEER_RESET,
	};
	struct p2p_pipe *end = context;

	pipe_reset(end->pipe, reasons[failure]);
}

static void on_readable(void *context)
{
	pipe_have_in(((struct p2p_pipe *)context)->pipe);
}

static void on_writable(void *context)
{
	pipe_want_out(((struct p2p_pipe *)context)->pipe);
}

static const struct link_stream_events stream_events = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
};

static void p2p_open(void *context, struct pipe *pipe)
{
	struct p2p *p2p = context;
	struct p2p_pipe *end = calloc(1, sizeof(*end));

	if (!end) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return;
	}
	end->pipe = pipe;
	pipe_set_data(pipe, end);
	end->stream = link_stream_open(p2p->end, &stream_events, end);
	if (!end->stream)
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
}

static size_t p2p_receive(void *context, struct pipe *pipe, const uint8_t *data,
			  size_t len)
{
	struct p2p_pipe *end = pipe_data(pipe);
	ssize_t taken;

	if (end->out_broken)
		return 0;
	taken = link_stream_write(end->stream, data, len);
	if (taken >= 0)
		return (size_t)taken;
	end->out_broken = true;
	if (end->in_ended)
		pipe_reset(pipe, TV_PIPE_REASON_PEER_RESET);
	else
		pipe_have_in(pipe);
	return 0;
}

static void p2p_receive_end(void *context, struct pipe *pipe)
{
	link_stream_shutdown(((struct p2p_pipe *)pipe_data(pipe))->stream);
}

static size_t p2p_produce(void *context, struct pipe *pipe, uint8_t *data,
			  size_t len)
{
	struct p2p_pipe *end = pipe_data(pipe);
	ssize_t got = link_stream_read(end->stream, data, len);

	if (got >= 0)
		return (size_t)got;
	end->in_ended = true;
	if (got == LINK_BROKEN || end->out_broken)
		pipe_reset(pipe, TV_PIPE_REASON_PEER_RESET);
	else
		pipe_end(pipe);
	return 0;
}

static void p2p_close(void *context, struct pipe *pipe)
{
	struct p2p_pipe *end = pipe_data(pipe);

	if (!end)
		return;
	link_stream_close(end->stream);
	free(end);
	pipe_set_data(pipe, NULL);
}

static int p2p_request(void *context, uint8_t request, uint8_t *data,
		       uint16_t len)
{
	struct p2p *p2p = context;

	if (request != TV_P2P_GET_PEER)
		return -1;
	p2p->peer.flags = link_end_present(p2p->end) ? TV_P2P_PEER_PRESENT : 0;
	if (len > sizeof(p2p->peer))
		len = sizeof(p2p->peer);
	memcpy(data, &p2p->peer, len);
	return len;
}

static void p2p_destroy(void *context)
{
	struct p2p *p2p = context;

	link_end_destroy(p2p->end);
	free(p2p);
}

static const struct pipe_handler_ops p2p_ops = {
	.open = p2p_open,
	.receive = p2p_receive,
	.receive_end = p2p_receive_end,
	.produce = p2p_produce,
	.close = p2p_close,
	.destroy = p2p_destroy,
	.request = p2p_request,
};

static void on_present(void *context, bool present)
{
	pipe_function_notify(((struct p2p *)context)->function,
			     TV_PIPE_EVENT_PEER);
}

static const struct link_end_events end_events = {.present = on_present};

static void fill_peer(struct tv_p2p_peer *peer, const struct p2p_config *config)
{
	static const enum tv_p2p_role roles[LINK_ROLE_COUNT] = {
		[LINK_SYMMETRIC] = TV_P2P_SYMMETRIC,
		[LINK_LISTEN] = TV_P2P_LISTEN,
		[LINK_CONNECT] = TV_P2P_CONNECT,
	};
	size_t len = strlen(config->peer_name);

	peer->role = (uint8_t)roles[link_end_role(config->end)];
	peer->name_len = len > UINT16_MAX ? UINT16_MAX : (uint16_t)len;
	memcpy(peer->name, config->peer_name,
	       len > sizeof(peer->name) ? sizeof(peer->name) : len);
	memcpy(peer->uuid, config->peer_uuid, sizeof(peer->uuid));
}

struct usb_function *p2p_function_create(const struct p2p_config *config)
{
	struct p2p *p2p = calloc(1, sizeof(*p2p));

	if (!p2p) {
		link_end_destroy(config->end);
		return NULL;
	}
	p2p->end = config->end;
	fill_peer(&p2p->peer, config);
	p2p->function = pipe_function_create(&(struct pipe_function_config){
		.type = TV_FUNCTION_P2P,
		.type_name = "p2p",
		.name = config->name,
		.pipe_count = config->pipes ? config->pipes : PIPES_DEFAULT,
		.transfer_max = TRANSFER_MAX,
		.ops = &p2p_ops,
		.context = p2p,
	});
	if (!p2p->function) {
		p2p_destroy(p2p);
		return NULL;
	}
	link_end_watch(p2p->end, &end_events, p2p);
	return p2p->function;
}
