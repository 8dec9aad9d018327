// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-pipe.c - a hostile host against device model and pipes.
 *
 * The input is a program: each octet picks an operation (control transfer with
 * raw setup, bulk or interrupt transfer, cancel, reset, and what the handler
 * does), followed by its arguments.  Promises that are asserted: every transfer
 * ends exactly once, octets arrive in order and are never of an older
 * generation, counts are true.
 */
#include "backend/bus/mem.h"
#include "backend/usb/pipe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { PIPES = 2, TRANSFERS = 16, BUFFER = 256, MAX_STEPS = 400 };

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static uint8_t take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

struct fuzz_pipe {
	struct pipe *pipe;
	uint16_t generation;
	size_t room;
	size_t stock;
	uint64_t received;
	uint64_t produced;
};

struct fuzz_peer {
	struct fuzz_pipe pipes[PIPES];
	unsigned int behaviour;
};

static struct fuzz_pipe *end_of(void *context, struct pipe *pipe)
{
	struct fuzz_peer *peer = context;

	assert(pipe_index(pipe) < PIPES);
	return &peer->pipes[pipe_index(pipe)];
}

static void fuzz_open(void *context, struct pipe *pipe)
{
	struct fuzz_peer *peer = context;
	struct fuzz_pipe *end = end_of(context, pipe);

	assert(!end->pipe);
	end->pipe = pipe;
	end->generation = pipe_generation(pipe);
	assert(end->generation);
	end->received = 0;
	end->produced = 0;
	if (peer->behaviour & 1)
		pipe_established(pipe);
	if (peer->behaviour & 2)
		pipe_reset(pipe, TV_PIPE_REASON_REFUSED);
}

static size_t fuzz_receive(void *context, struct pipe *pipe,
			   const uint8_t *data, size_t len)
{
	struct fuzz_peer *peer = context;
	struct fuzz_pipe *end = end_of(context, pipe);
	size_t n = len < end->room ? len : end->room;

	assert(end->pipe == pipe && len > 0);
	/* The host stamps OUT octets with their generation. */
	for (size_t i = 0; i < n; i++)
		assert(data[i] == (uint8_t)end->generation);
	end->room -= n;
	end->received += n;
	if (peer->behaviour & 4) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return 0;
	}
	if (peer->behaviour & 8)
		pipe_end(pipe);
	return n;
}

static void fuzz_receive_end(void *context, struct pipe *pipe)
{
	struct fuzz_peer *peer = context;

	assert(end_of(context, pipe)->pipe == pipe);
	if (peer->behaviour & 16)
		pipe_end(pipe);
}

static size_t fuzz_produce(void *context, struct pipe *pipe, uint8_t *data,
			   size_t len)
{
	struct fuzz_peer *peer = context;
	struct fuzz_pipe *end = end_of(context, pipe);
	size_t n = len < end->stock ? len : end->stock;

	assert(end->pipe == pipe && len > 0);
	memset(data, (uint8_t)end->generation, n);
	end->stock -= n;
	end->produced += n;
	if (peer->behaviour & 32)
		pipe_end(pipe);
	if (peer->behaviour & 64) {
		pipe_reset(pipe, TV_PIPE_REASON_INTERNAL);
		return 0;
	}
	return n;
}

static void fuzz_close(void *context, struct pipe *pipe)
{
	struct fuzz_pipe *end = end_of(context, pipe);

	assert(end->pipe == pipe);
	end->pipe = NULL;
}

static const struct pipe_handler_ops fuzz_ops = {
	.open = fuzz_open,
	.receive = fuzz_receive,
	.receive_end = fuzz_receive_end,
	.produce = fuzz_produce,
	.close = fuzz_close,
};

struct slot {
	struct mem_xfer transfer;
	uint8_t buffer[BUFFER];
};

struct session {
	struct bus *bus;
	struct fuzz_peer peer;
	struct slot slots[TRANSFERS];
};

static struct slot *free_slot(struct session *session)
{
	for (unsigned int i = 0; i < TRANSFERS; i++)
		if (!session->slots[i].transfer.submitted)
			return &session->slots[i];
	return NULL;
}

static void do_control(struct session *session, struct input *input, bool raw)
{
	static const uint8_t opening[][8] = {
		{0x00, 5, 7},
		{0x00, 9, 1},
		{0x01, 11, 1},
		{0x41, TV_PIPE_OPEN, 1},
		{0x41, TV_PIPE_OPEN, 2},
		{0x41, TV_PIPE_CLOSE, 1},
		{0x41, TV_PIPE_SHUTDOWN, 1, 0, 0, 0, 8},
		{0xc1, TV_PIPE_GET_STATUS, 0, 0, 0, 0, 32},
	};
	struct slot *slot = free_slot(session);

	if (!slot)
		return;
	memset(&slot->transfer, 0, sizeof(slot->transfer));
	slot->transfer.xfer.type = USB_TRANSFER_CONTROL;
	if (raw) {
		for (unsigned int i = 0; i < 8; i++)
			slot->transfer.xfer.setup[i] = take(input);
	} else {
		memcpy(slot->transfer.xfer.setup,
		       opening[take(input) % (sizeof(opening) / 8)], 8);
		slot->transfer.xfer.setup[5] = take(input) % (PIPES + 1);
	}
	memset(slot->buffer, 0, sizeof(slot->buffer));
	slot->buffer[0] = take(input);
	slot->transfer.xfer.length = BUFFER;
	slot->transfer.buffer = slot->buffer;
	mem_bus_submit(session->bus, 1, &slot->transfer);
	assert(slot->transfer.done);
}

static void do_transfer(struct session *session, struct input *input)
{
	struct slot *slot = free_slot(session);
	uint8_t endpoint = take(input);
	unsigned int pipe = (endpoint & 0x0f) - 1u;

	if (!slot)
		return;
	memset(&slot->transfer, 0, sizeof(slot->transfer));
	slot->transfer.xfer.type =
		endpoint == 0x81 ? USB_TRANSFER_INTERRUPT : USB_TRANSFER_BULK;
	slot->transfer.xfer.endpoint = endpoint;
	slot->transfer.xfer.length = take(input);
	slot->transfer.buffer = slot->buffer;
	slot->transfer.fail_data = take(input) == 1;
	memset(slot->buffer,
	       pipe < PIPES ? session->peer.pipes[pipe].generation : 0,
	       sizeof(slot->buffer));
	mem_bus_submit(session->bus, 1, &slot->transfer);
}

static void do_cancel(struct session *session, struct input *input)
{
	struct slot *slot = &session->slots[take(input) % TRANSFERS];

	if (slot->transfer.submitted)
		mem_bus_cancel(session->bus, 1, &slot->transfer);
}

static void do_peer(struct session *session, struct input *input)
{
	unsigned int what = take(input);
	struct fuzz_pipe *end = &session->peer.pipes[what % PIPES];

	end->room += take(input);
	end->stock += take(input);
	if (!end->pipe)
		return;
	switch (what / PIPES % 5) {
	case 0:
		pipe_established(end->pipe);
		break;
	case 1:
		pipe_want_out(end->pipe);
		break;
	case 2:
		pipe_have_in(end->pipe);
		break;
	case 3:
		pipe_end(end->pipe);
		break;
	default:
		pipe_reset(end->pipe, TV_PIPE_REASON_PEER_RESET);
		break;
	}
}

static struct usb_device *make_device(struct fuzz_peer *peer)
{
	const struct usb_device_identity identity = {
		.vendor_id = 1,
		.product_id = 2,
		.manufacturer = "m",
		.product = "p",
		.serial = "s",
	};
	const struct pipe_function_config config = {
		.type = TV_FUNCTION_CHAR,
		.type_name = "char",
		.name = "fuzz",
		.pipe_count = PIPES,
		.transfer_max = BUFFER,
		.ops = &fuzz_ops,
		.context = peer,
	};
	struct usb_function *function = pipe_function_create(&config);

	return usb_device_create(&identity, &function, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session session;
	struct input input = {data, data + size};

	memset(&session, 0, sizeof(session));
	session.bus = mem_bus_create(1);
	bus_plug(session.bus, 1, make_device(&session.peer));
	for (int i = 0; i < MAX_STEPS && input.at < input.end; i++) {
		switch (take(&input) % 8) {
		case 0:
			do_control(&session, &input, true);
			break;
		case 1:
		case 2:
			do_control(&session, &input, false);
			break;
		case 3:
		case 4:
			do_transfer(&session, &input);
			break;
		case 5:
			do_cancel(&session, &input);
			break;
		case 6:
			do_peer(&session, &input);
			break;
		default:
			session.peer.behaviour = take(&input);
			if (session.peer.behaviour == 255)
				usb_device_reset(
					mem_bus_device(session.bus, 1));
			break;
		}
	}
	bus_destroy(session.bus);
	for (unsigned int i = 0; i < TRANSFERS; i++)
		assert(!session.slots[i].transfer.submitted);
	return 0;
}
