// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * relay.c - joins one pipe of a function to one local connection.
 *
 * pipe.c decides, this file does.  Every callback goes the same way:
 *
 *   callback ──▶ relay_feed() ──▶ pipe_step() ──▶ relay_perform()
 *            └─▶ relay_pump(): write what came, park INs, watch the socket
 *
 * Sizes follow the traffic.  An OUT is as large as what waits in the socket,
 * so nothing is delayed to make it larger.  INs start small and alone; one
 * that comes back full makes the next larger and adds a second, one that
 * comes back short makes it smaller.  An idle pipe holds one small IN.
 *
 * When the kernel has no memory for a transfer (usbfs has a limit for all
 * programs together) it is tried smaller, and at last again later.
 */
#include "relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	IN_MIN = 32 * 1024,
	OUT_MIN = 4 * 1024,
	OUT_KEEP = 16 * 1024, /* larger OUT buffers go when idle */
	SIZE_MAX_BYTES = 1024 * 1024,
	RETRY_MS = 50,
};

static void relay_feed(struct relay *relay, enum pipe_input_type type,
		       enum port_status status, uint64_t count);
static void relay_pump(struct relay *relay);

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t transfer_max(const struct relay *relay)
{
	return min_u32(relay->host->transfer_max, SIZE_MAX_BYTES);
}

static unsigned int queue_depth(const struct relay *relay)
{
	return relay->host->queue_depth < RELAY_SLOTS ? relay->host->queue_depth
						      : RELAY_SLOTS;
}

static void deadline_set(struct relay *relay, uint64_t *deadline_ms,
			 uint64_t value_ms)
{
	*deadline_ms = value_ms;
	relay->host->ops->deadline(relay);
}

/* Slots */

static void slot_buffer_free(struct relay_slot *slot)
{
	free(slot->data);
	slot->data = NULL;
	slot->size = 0;
}

/* A buffer of exactly (IN) or at least (OUT) size octets. */
static bool slot_buffer_get(struct relay_slot *slot, uint32_t size, bool exact)
{
	if (slot->data && (exact ? slot->size == size : slot->size >= size))
		return true;
	slot_buffer_free(slot);
	slot->data = malloc(size);
	if (!slot->data)
		return false;
	slot->size = size;
	return true;
}

static struct relay_slot *slot_idle(struct relay *relay,
				    struct relay_slot *slots)
{
	for (unsigned int i = 0; i < queue_depth(relay); i++)
		if (slots[i].state == SLOT_IDLE)
			return &slots[i];
	return NULL;
}

/* Requests */

static void request_done(struct port_xfer *xfer)
{
	struct relay *relay =
		(struct relay *)(void *)((char *)xfer -
					 offsetof(struct relay, request));

	relay->host->ops->returned(relay);
	relay_feed(relay, PIPE_ON_REQUEST_DONE, xfer->status, 0);
	relay_pump(relay);
}

static void request_submit(struct relay *relay, enum tv_pipe_request request)
{
	uint16_t len = request == TV_PIPE_SHUTDOWN ? 8 : 0;
	uint8_t *setup = relay->request_data;
	int rc;

	setup[0] = 0x41;
	setup[1] = (uint8_t)request;
	setup[2] = relay->pipe.generation & 0xff;
	setup[3] = relay->pipe.generation >> 8;
	setup[4] = relay->host->interface;
	setup[5] = (uint8_t)relay->index;
	setup[6] = (uint8_t)len;
	setup[7] = 0;
	for (unsigned int i = 0; i < len; i++)
		setup[8 + i] = (uint8_t)(relay->pipe.out_octets >> (8 * i));

	relay->request = (struct port_xfer){
		.type = PORT_CONTROL,
		.timeout_ms = relay->host->times->request_ms,
		.data = setup,
		.length = 8u + len,
		.complete = request_done,
	};
	rc = relay->host->ops->submit(relay, &relay->request);
	if (rc == -ENODEV)
		relay->host->ops->drop(relay, NULL);
	else if (rc)
		relay_feed(relay, PIPE_ON_REQUEST_DONE, PORT_ERROR, 0);
}

/* Actions */

static void transfers_cancel(struct relay *relay, struct relay_slot *slots)
{
	for (unsigned int i = 0; i < RELAY_SLOTS; i++)
		relay->host->ops->cancel(relay, &slots[i].xfer);
}

/* The connection is over: what was read for it or from it is discarded. */
static void connection_forget(struct relay *relay)
{
	relay->connection = NULL;
	for (unsigned int i = 0; i < RELAY_SLOTS; i++)
		if (relay->in[i].state == SLOT_WAITING)
			relay->in[i].state = SLOT_IDLE;
}

static void relay_perform(struct relay *relay, unsigned int actions)
{
	if (actions & PIPE_DO_DROP_DEVICE) {
		relay->host->ops->drop(relay, relay->pipe.fault);
		return;
	}
	if (actions & PIPE_DO_RESET_DEVICE) {
		relay->host->ops->reset(relay);
		return;
	}
	if ((actions & PIPE_DO_LOCAL_ABORT) && relay->connection) {
		connection_abort(relay->connection);
		connection_forget(relay);
	}
	if ((actions & PIPE_DO_LOCAL_CLOSE) && relay->connection) {
		connection_close(relay->connection);
		connection_forget(relay);
	}
	if ((actions & PIPE_DO_LOCAL_END) && relay->connection)
		connection_end(relay->connection);
	if (actions & (PIPE_DO_CANCEL | PIPE_DO_CANCEL_IN))
		transfers_cancel(relay, relay->in);
	if (actions & PIPE_DO_CANCEL) {
		transfers_cancel(relay, relay->out);
		for (unsigned int i = 0; i < RELAY_SLOTS; i++) {
			if (relay->out[i].state != SLOT_WAITING)
				continue;
			relay->out[i].state = SLOT_IDLE;
			relay_feed(relay, PIPE_ON_OUT_DONE, PORT_CANCELLED, 0);
		}
	}
	if (actions & PIPE_DO_OPEN)
		request_submit(relay, TV_PIPE_OPEN);
	if (actions & PIPE_DO_SHUTDOWN)
		request_submit(relay, TV_PIPE_SHUTDOWN);
	if (actions & PIPE_DO_CLOSE)
		request_submit(relay, TV_PIPE_CLOSE);
	if (actions & PIPE_DO_FREE) {
		for (unsigned int i = 0; i < RELAY_SLOTS; i++) {
			slot_buffer_free(&relay->in[i]);
			slot_buffer_free(&relay->out[i]);
		}
		relay->host->ops->freed(relay);
	}
}

static void relay_feed(struct relay *relay, enum pipe_input_type type,
		       enum port_status status, uint64_t count)
{
	struct pipe_input input = {type, status, count};
	unsigned int actions = pipe_step(&relay->pipe, &input);
	enum pipe_state state = relay->pipe.state;

	if (state == PIPE_CANCELLING || state == PIPE_CLOSING) {
		relay->retry_ms = 0;
		relay->gone_ms = 0;
		if (relay->close_deadline_ms == 0)
			deadline_set(relay, &relay->close_deadline_ms,
				     uv_now(relay->host->loop) +
					     relay->host->times->close_ms);
	} else {
		relay->close_deadline_ms = 0;
	}
	relay_perform(relay, actions);
}

/* From the local side to the device */

static void out_done(struct port_xfer *xfer);

/* Sends what is left of a slot, in as large a piece as there is room for. */
static void out_submit(struct relay *relay, struct relay_slot *slot)
{
	uint32_t left = slot->len - slot->offset;
	uint32_t len = min_u32(left, transfer_max(relay));
	int rc;

	for (;;) {
		slot->xfer = (struct port_xfer){
			.type = PORT_BULK,
			.endpoint = relay->endpoint_out,
			.data = slot->data + slot->offset,
			.length = len,
			.complete = out_done,
		};
		rc = relay->host->ops->submit(relay, &slot->xfer);
		if (rc != -ENOMEM || len <= OUT_MIN)
			break;
		len /= 2;
	}
	if (rc == 0) {
		slot->state = SLOT_SUBMITTED;
	} else if (rc == -ENOMEM) {
		slot->state = SLOT_WAITING;
		deadline_set(relay, &relay->retry_ms,
			     uv_now(relay->host->loop) + RETRY_MS);
	} else {
		slot->state = SLOT_IDLE;
		if (rc == -ENODEV)
			relay->host->ops->drop(relay, NULL);
		else
			relay_feed(relay, PIPE_ON_OUT_DONE, PORT_ERROR, 0);
	}
}

static void out_done(struct port_xfer *xfer)
{
	struct relay_slot *slot = (struct relay_slot *)(void *)xfer;
	struct relay *relay = slot->relay;
	enum port_status status = xfer->status;
	uint32_t missing = xfer->length - min_u32(xfer->actual, xfer->length);

	slot->state = SLOT_IDLE;
	relay->host->ops->returned(relay);
	if (status == PORT_OK && missing == 0 &&
	    relay->pipe.state == PIPE_OPEN) {
		*relay->host->bytes_out += xfer->length;
		relay->moved_ms = uv_now(relay->host->loop);
		relay->moved_out = true;
		slot->offset += xfer->length;
		if (slot->offset < slot->len) {
			out_submit(relay, slot);
			relay_pump(relay);
			return;
		}
	}
	if (relay_is_free(relay)) {
		slot_buffer_free(slot);
		return;
	}
	relay_feed(relay, PIPE_ON_OUT_DONE, status, missing);
	if (slot->size > OUT_KEEP && slot->state == SLOT_IDLE &&
	    (!relay->connection || connection_pending(relay->connection) == 0))
		slot_buffer_free(slot);
	relay_pump(relay);
}

/* Octets that are not submitted yet: nothing may pass them. */
static bool out_waits(const struct relay *relay)
{
	for (unsigned int i = 0; i < RELAY_SLOTS; i++) {
		const struct relay_slot *slot = &relay->out[i];

		if (slot->state == SLOT_WAITING ||
		    (slot->state == SLOT_SUBMITTED &&
		     slot->xfer.length < slot->len - slot->offset))
			return true;
	}
	return false;
}

static bool out_possible(struct relay *relay)
{
	return pipe_wants_local(&relay->pipe) && !out_waits(relay) &&
	       slot_idle(relay, relay->out);
}

static void local_readable(void *context)
{
	struct relay *relay = context;
	struct relay_slot *slot = slot_idle(relay, relay->out);
	size_t size;
	ssize_t n;

	if (!out_possible(relay)) {
		relay_pump(relay);
		return;
	}
	size = connection_pending(relay->connection);
	if (size < OUT_MIN)
		size = OUT_MIN;
	size = min_u32((uint32_t)(size > UINT32_MAX ? UINT32_MAX : size),
		       transfer_max(relay));
	if (!slot_buffer_get(slot, (uint32_t)size, false)) {
		relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
		return;
	}
	n = connection_read(relay->connection, slot->data,
			    min_u32(slot->size, transfer_max(relay)));
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
	} else if (n == 0) {
		relay_feed(relay, PIPE_ON_LOCAL_END, PORT_OK, 0);
	} else {
		relay->moved_ms = uv_now(relay->host->loop);
		relay->moved_out = true;
		slot->offset = 0;
		slot->len = (uint32_t)n;
		relay_feed(relay, PIPE_ON_LOCAL_DATA, PORT_OK, (uint64_t)n);
		out_submit(relay, slot);
	}
	relay_pump(relay);
}

/* From the device to the local side */

/* The size of the next IN, from how full the last one came back. */
static void in_size_adapt(struct relay *relay, uint32_t actual, uint32_t length)
{
	relay->in_full = actual == length;
	if (relay->in_full) {
		relay->in_size = min_u32(length * 4, relay->in_size_max);
		return;
	}
	while (relay->in_size / 2 >= IN_MIN && relay->in_size / 4 > actual)
		relay->in_size /= 2;
}

static void in_done(struct port_xfer *xfer)
{
	struct relay_slot *slot = (struct relay_slot *)(void *)xfer;
	struct relay *relay = slot->relay;
	enum port_status status = xfer->status;
	uint32_t actual = min_u32(xfer->actual, xfer->length);

	slot->state = SLOT_IDLE;
	relay->host->ops->returned(relay);
	if (relay_is_free(relay)) {
		slot_buffer_free(slot);
		return;
	}
	if (status == PORT_OK && relay->pipe.state == PIPE_OPEN) {
		slot->state = SLOT_WAITING;
		slot->offset = 0;
		slot->len = actual;
		*relay->host->bytes_in += actual;
		in_size_adapt(relay, actual, xfer->length);
	}
	relay_feed(relay, PIPE_ON_IN_DONE, status, actual);
	relay_pump(relay);
}

static void local_write(struct relay *relay)
{
	relay->write_blocked = false;
	while (relay->connection &&
	       relay->in[relay->in_write].state == SLOT_WAITING) {
		struct relay_slot *slot = &relay->in[relay->in_write];
		ssize_t n = connection_write(relay->connection,
					     slot->data + slot->offset,
					     slot->len - slot->offset);

		if (n == -EAGAIN) {
			relay->write_blocked = true;
			return;
		}
		if (n < 0) {
			relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
			return;
		}
		relay->moved_ms = uv_now(relay->host->loop);
		relay->moved_out = false;
		slot->offset += (uint32_t)n;
		if (slot->offset < slot->len)
			continue;
		slot->state = SLOT_IDLE;
		relay->in_write = (relay->in_write + 1) % queue_depth(relay);
		relay_feed(relay, PIPE_ON_LOCAL_WRITTEN, PORT_OK, 0);
	}
}

static void in_park(struct relay *relay)
{
	while (pipe_wants_in(&relay->pipe)) {
		struct relay_slot *slot = &relay->in[relay->in_park];
		unsigned int wanted = relay->in_full ? queue_depth(relay) : 1;
		unsigned int used = 0;
		int rc;

		for (unsigned int i = 0; i < RELAY_SLOTS; i++)
			used += relay->in[i].state != SLOT_IDLE;
		if (used >= wanted || slot->state != SLOT_IDLE)
			return;
		rc = -ENOMEM;
		if (slot_buffer_get(slot, relay->in_size, true)) {
			slot->xfer = (struct port_xfer){
				.type = PORT_BULK,
				.endpoint = relay->endpoint_in,
				.data = slot->data,
				.length = relay->in_size,
				.complete = in_done,
			};
			rc = relay->host->ops->submit(relay, &slot->xfer);
		}
		if (rc == 0) {
			slot->state = SLOT_SUBMITTED;
			relay->in_park =
				(relay->in_park + 1) % queue_depth(relay);
			relay_feed(relay, PIPE_ON_IN_PARKED, PORT_OK, 0);
		} else if (rc == -ENOMEM && relay->in_size > OUT_MIN) {
			relay->in_size /= 2;
			relay->in_size_max = relay->in_size;
		} else if (rc == -ENOMEM) {
			if (used == 0)
				deadline_set(relay, &relay->retry_ms,
					     uv_now(relay->host->loop) +
						     RETRY_MS);
			return;
		} else if (rc == -ENODEV) {
			relay->host->ops->drop(relay, NULL);
			return;
		} else {
			relay_feed(relay, PIPE_ON_IN_PARKED, PORT_OK, 0);
			relay_feed(relay, PIPE_ON_IN_DONE, PORT_ERROR, 0);
		}
	}
}

static void relay_pump(struct relay *relay)
{
	local_write(relay);
	in_park(relay);
	if (relay->connection)
		connection_watch(relay->connection, out_possible(relay),
				 relay->write_blocked);
}

static void local_writable(void *context)
{
	relay_pump(context);
}

static void local_lost(void *context, bool broken)
{
	struct relay *relay = context;

	/* What it sent is still to be delivered, if anybody comes for it. */
	if (!broken && !relay->host->abandon) {
		if (relay->host->joins && !relay->opened)
			deadline_set(relay, &relay->gone_ms,
				     uv_now(relay->host->loop) +
					     relay->host->times->join_ms);
		return;
	}
	relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
	relay_pump(relay);
}

static const struct connection_ops local_ops = {
	.readable = local_readable,
	.writable = local_writable,
	.lost = local_lost,
};

/* Called by the function */

void relay_init(struct relay *relay, const struct relay_host *host,
		unsigned int index, uint8_t endpoint_out, uint8_t endpoint_in,
		uint16_t generation)
{
	memset(relay, 0, sizeof(*relay));
	relay->host = host;
	relay->index = index;
	relay->endpoint_out = endpoint_out;
	relay->endpoint_in = endpoint_in;
	relay->generation_next = generation;
	for (unsigned int i = 0; i < RELAY_SLOTS; i++) {
		relay->in[i].relay = relay;
		relay->out[i].relay = relay;
	}
}

/* Opens the pipe, with or without a connection. */
static void open_pipe(struct relay *relay)
{
	if (relay->generation_next == 0)
		relay->generation_next = 1;
	relay->in_park = 0;
	relay->in_write = 0;
	relay->in_full = false;
	relay->in_size_max = transfer_max(relay);
	relay->in_size = min_u32(IN_MIN, relay->in_size_max);
	relay->write_blocked = false;
	relay->moved_ms = uv_now(relay->host->loop);
	relay->moved_out = false;
	relay->opened = false;
	relay->gone_ms = 0;
	relay_feed(relay, PIPE_ON_CONNECT, PORT_OK, relay->generation_next);
	/* Two ahead: the machine may have to use the next one itself. */
	relay->generation_next += 2;
}

int relay_connect(struct relay *relay, int fd)
{
	assert(relay_is_free(relay));
	relay->connection =
		connection_create(relay->host->loop, fd, &local_ops, relay);
	if (!relay->connection) {
		close(fd);
		return -ENOMEM;
	}
	open_pipe(relay);
	return 0;
}

void relay_wait(struct relay *relay)
{
	assert(relay_is_free(relay));
	relay->connection = NULL;
	open_pipe(relay);
}

void relay_attach(struct relay *relay, int fd)
{
	bool wanted = !relay->connection && relay->opened &&
		      (relay->pipe.state == PIPE_OPENING ||
		       relay->pipe.state == PIPE_OPEN);

	if (fd >= 0 && wanted)
		relay->connection = connection_create(relay->host->loop, fd,
						      &local_ops, relay);
	if (fd >= 0 && !(wanted && relay->connection))
		close(fd);
	if (wanted && !relay->connection)
		relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
	if (wanted && relay->pipe.in_ended && relay->connection)
		connection_end(relay->connection);
	relay_pump(relay);
}

void relay_opened(struct relay *relay)
{
	if (relay->opened)
		return;
	relay->opened = true;
	relay->gone_ms = 0;
	if (!relay->connection && relay->host->ops->opened)
		relay->host->ops->opened(relay);
}

void relay_event(struct relay *relay, enum pipe_input_type type, uint64_t count)
{
	relay_feed(relay, type, PORT_OK, count);
	relay_pump(relay);
}

uint64_t relay_idle_since_ms(const struct relay *relay)
{
	const struct pipe *pipe = &relay->pipe;

	if (pipe->state != PIPE_OPEN || relay->moved_out ||
	    pipe->out_transfers || pipe->in_unwritten)
		return 0;
	return relay->moved_ms;
}

void relay_evict(struct relay *relay)
{
	relay_feed(relay, PIPE_ON_EVICT, PORT_OK, 0);
}

void relay_forget(struct relay *relay)
{
	relay->retry_ms = 0;
	relay->gone_ms = 0;
	relay_feed(relay, PIPE_ON_FORGET, PORT_OK, 0);
	transfers_cancel(relay, relay->in);
	transfers_cancel(relay, relay->out);
	relay->host->ops->cancel(relay, &relay->request);
	for (unsigned int i = 0; i < RELAY_SLOTS; i++) {
		struct relay_slot *slots[] = {&relay->in[i], &relay->out[i]};

		for (unsigned int k = 0; k < 2; k++) {
			if (slots[k]->state == SLOT_SUBMITTED)
				continue; /* freed when it is back */
			slots[k]->state = SLOT_IDLE;
			slot_buffer_free(slots[k]);
		}
	}
}

uint64_t relay_deadline_ms(const struct relay *relay)
{
	const uint64_t all[] = {relay->close_deadline_ms, relay->retry_ms,
				relay->gone_ms};
	uint64_t next_ms = 0;

	for (unsigned int i = 0; i < 3; i++)
		if (all[i] && (!next_ms || all[i] < next_ms))
			next_ms = all[i];
	return next_ms;
}

void relay_tick(struct relay *relay, uint64_t now_ms)
{
	if (relay->close_deadline_ms && relay->close_deadline_ms <= now_ms) {
		relay->close_deadline_ms = 0;
		relay->host->ops->reset(relay);
		return;
	}
	if (relay->gone_ms && relay->gone_ms <= now_ms) {
		relay->gone_ms = 0;
		relay_feed(relay, PIPE_ON_LOCAL_LOST, PORT_OK, 0);
		relay_pump(relay);
		return;
	}
	if (!relay->retry_ms || relay->retry_ms > now_ms)
		return;
	relay->retry_ms = 0;
	for (unsigned int i = 0; i < RELAY_SLOTS; i++)
		if (relay->out[i].state == SLOT_WAITING &&
		    relay->pipe.state == PIPE_OPEN)
			out_submit(relay, &relay->out[i]);
	relay_pump(relay);
}
