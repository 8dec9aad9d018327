// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pipe.c - the vendor interface and its pipes (docs/device.md, section 2).
 *
 * Two pumps move octets, each until one side pauses:
 *
 *   OUT  first waiting transfer → fetch → receive() → completed when all of it
 *        has been taken.  Restarted by a new transfer and by pipe_want_out().
 *   IN   first waiting transfer → reserve → produce() → completed with what
 *        was produced.  Restarted by a new transfer and by pipe_have_in().
 *
 * A handler may reset or end the pipe from inside receive() and produce(), and
 * completing a transfer may bring in the next one.  So every opening and every
 * ending of a pipe changes its epoch, and a pump that finds another epoch after
 * a call out leaves everything alone and stops.  Pumps do not nest: one that is
 * restarted while it runs goes round once more, for what made it pause may have
 * changed since (a receive() that took a part, whose answer was then fetched).
 *
 * The octet counts are kept here and not by handlers: they are what makes end
 * of stream exact (section 2.1).
 */
#include "backend/usb/pipe.h"

#include "backend/usb/descriptor.h"
#include "backend/usb/device.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	EVENT_BIT_OPENED = 1 << TV_PIPE_EVENT_OPENED,
	EVENT_BIT_EOS = 1 << TV_PIPE_EVENT_EOS,
	EVENT_BIT_RESET = 1 << TV_PIPE_EVENT_RESET,
	EVENT_BIT_LIMIT = 1 << TV_PIPE_EVENT_LIMIT,
	INTERRUPT_PACKET = 64,
	INTERRUPT_INTERVAL = 4, /* 2^(4-1) microframes: 1 ms */
	BULK_PACKET = 512,
	NAME_MAX_LEN = 128,
	REQUEST_OUT = 0x41,
	REQUEST_IN = 0xc1,
};

struct pipe_function;

struct pipe {
	struct pipe_function *owner;
	unsigned int index;
	uint8_t out_endpoint;
	uint8_t in_endpoint;

	enum tv_pipe_state state;
	uint16_t generation; /* of the current or last opening; 0: none */
	uint16_t reason;
	uint64_t out_octets;
	uint64_t in_octets;
	uint64_t out_total; /* announced by SHUTDOWN */
	bool out_shut;
	bool out_ended; /* receive_end() was called */
	bool in_ended;	/* the handler produces no more */
	bool eos_queued;
	uint8_t wanted_priority; /* what the host has asked for */
	uint64_t wanted_rate;
	unsigned int events; /* EVENT_BIT_* that wait */

	void *data;
	unsigned int epoch;
	bool out_pumping;
	bool in_pumping;
	bool out_again; /* restarted while it runs */
	bool in_again;
};

struct pipe_function {
	struct usb_function function;
	struct pipe_function_config config;
	char label[NAME_MAX_LEN];
	uint8_t event_endpoint;
	uint8_t alt;
	unsigned int next_event_pipe;
	uint8_t notice; /* the function's own event that waits; 0: none */
	bool event_pumping;
	struct pipe pipes[TV_PIPE_MAX];
};

static struct pipe_function *pipe_function_of(struct usb_function *function)
{
	return container_of(function, struct pipe_function, function);
}

static bool pipe_is_open(const struct pipe *pipe)
{
	return pipe->state == TV_PIPE_OPENING ||
	       pipe->state == TV_PIPE_ESTABLISHED;
}

/* Takes the next waiting event of a pipe, in the order of section 2.3. */
static bool pipe_take_event(struct pipe *pipe, struct tv_pipe_event *event)
{
	static const uint8_t order[] = {TV_PIPE_EVENT_OPENED,
					TV_PIPE_EVENT_LIMIT, TV_PIPE_EVENT_EOS,
					TV_PIPE_EVENT_RESET};

	for (size_t i = 0; i < sizeof(order); i++) {
		uint8_t type = order[i];

		if (!(pipe->events & 1u << type))
			continue;
		pipe->events &= ~(1u << type);
		memset(event, 0, sizeof(*event));
		event->type = type;
		event->pipe = (uint8_t)pipe->index;
		event->generation = pipe->generation;
		if (type == TV_PIPE_EVENT_RESET)
			event->reason = pipe->reason;
		if (type == TV_PIPE_EVENT_RESET || type == TV_PIPE_EVENT_EOS)
			event->count = pipe->in_octets;
		return true;
	}
	return false;
}

static bool take_event(struct pipe_function *owner, struct tv_pipe_event *event)
{
	unsigned int count = owner->config.pipe_count;

	if (owner->notice) {
		*event = (struct tv_pipe_event){.type = owner->notice};
		owner->notice = 0;
		return true;
	}
	for (unsigned int i = 0; i < count; i++) {
		unsigned int at = (owner->next_event_pipe + i) % count;

		if (pipe_take_event(&owner->pipes[at], event)) {
			owner->next_event_pipe = (at + 1) % count;
			return true;
		}
	}
	return false;
}

static bool event_waits(const struct pipe_function *owner)
{
	if (owner->notice)
		return true;
	for (unsigned int i = 0; i < owner->config.pipe_count; i++)
		if (owner->pipes[i].events)
			return true;
	return false;
}

static void pump_events(struct pipe_function *owner)
{
	struct usb_xfer *xfer;

	if (owner->event_pumping || owner->alt != 1)
		return;
	owner->event_pumping = true;
	while (event_waits(owner) &&
	       (xfer = usb_endpoint_first(&owner->function,
					  owner->event_endpoint))) {
		struct tv_pipe_event event;
		uint8_t *place;

		if (xfer->length < sizeof(event)) {
			usb_xfer_complete(xfer, USB_STATUS_OVERFLOW, 0);
			continue;
		}
		place = xfer->ops->reserve(xfer, sizeof(event));
		if (!place) {
			usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
			continue;
		}
		take_event(owner, &event);
		memcpy(place, &event, sizeof(event));
		usb_xfer_complete(xfer, USB_STATUS_OK, sizeof(event));
	}
	owner->event_pumping = false;
}

void pipe_function_notify(struct usb_function *function, uint8_t type)
{
	struct pipe_function *owner = pipe_function_of(function);

	if (owner->alt != 1)
		return; /* who selects it asks anyway */
	owner->notice = type;
	pump_events(owner);
}

static void pipe_queue_event(struct pipe *pipe, unsigned int bit)
{
	pipe->events |= bit;
	pump_events(pipe->owner);
}

/*
 * Leaves the open states.  The handler lets go first, so that nothing it still
 * says can be taken for the next generation.
 */
static void pipe_leave(struct pipe *pipe, enum tv_pipe_state state,
		       uint16_t reason)
{
	bool was_open = pipe_is_open(pipe);

	pipe->state = state;
	pipe->reason = reason;
	pipe->epoch++;
	if (was_open)
		pipe->owner->config.ops->close(pipe->owner->config.context,
					       pipe);
	pipe->data = NULL;
}

void pipe_reset(struct pipe *pipe, enum tv_pipe_reason reason)
{
	if (!pipe_is_open(pipe))
		return;
	pipe_leave(pipe, TV_PIPE_RESET, reason);
	pipe_queue_event(pipe, EVENT_BIT_RESET);
}

/* Gives the handler what is left of one transfer; false: wait or stop. */
static bool pump_out_one(struct pipe *pipe, struct usb_xfer *xfer)
{
	const struct pipe_handler_ops *ops = pipe->owner->config.ops;
	unsigned int epoch = pipe->epoch;
	uint32_t left;
	size_t taken;

	if (xfer->length && !xfer->data && xfer->ops->fetch(xfer) < 0) {
		/*
		 * The stream has a hole now; nothing after it is right.  But
		 * the host may answer with a new opening before we are back.
		 */
		usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
		if (pipe->epoch == epoch)
			pipe_reset(pipe, TV_PIPE_REASON_PROTOCOL);
		return false;
	}
	left = xfer->length - xfer->offset;
	if (pipe->out_shut && left > pipe->out_total - pipe->out_octets) {
		pipe_reset(pipe, TV_PIPE_REASON_PROTOCOL);
		return false;
	}
	if (left) {
		taken = ops->receive(pipe->owner->config.context, pipe,
				     xfer->data + xfer->offset, left);
		if (pipe->epoch != epoch)
			return false;
		assert(taken <= left);
		xfer->offset += (uint32_t)taken;
		pipe->out_octets += taken;
		if (taken < left)
			return false;
	}
	usb_xfer_complete(xfer, USB_STATUS_OK, xfer->length);
	return pipe->epoch == epoch;
}

static void pump_out(struct pipe *pipe)
{
	struct pipe_function *owner = pipe->owner;
	struct usb_xfer *xfer;
	unsigned int epoch;

	if (pipe->out_pumping) {
		pipe->out_again = true;
		return;
	}
	pipe->out_pumping = true;
	/* A pipe that was opened anew meanwhile has found this pump busy. */
	do {
		epoch = pipe->epoch;
		pipe->out_again = false;
		while (pipe_is_open(pipe) &&
		       (xfer = usb_endpoint_first(&owner->function,
						  pipe->out_endpoint)) &&
		       pump_out_one(pipe, xfer))
			continue;
	} while (pipe->epoch != epoch || pipe->out_again);
	/* receive_end() may end this opening, and the host begin the next. */
	pipe->out_pumping = false;
	if (pipe_is_open(pipe) && pipe->out_shut && !pipe->out_ended &&
	    pipe->out_octets == pipe->out_total) {
		pipe->out_ended = true;
		owner->config.ops->receive_end(owner->config.context, pipe);
	}
}

static bool pump_in_one(struct pipe *pipe, struct usb_xfer *xfer)
{
	struct pipe_function *owner = pipe->owner;
	unsigned int epoch = pipe->epoch;
	uint8_t *place;
	size_t produced;

	if (!xfer->length) {
		usb_xfer_complete(xfer, USB_STATUS_INVALID, 0);
		return pipe->epoch == epoch;
	}
	place = xfer->ops->reserve(xfer, xfer->length);
	if (!place) {
		usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
		return pipe->epoch == epoch;
	}
	produced = owner->config.ops->produce(owner->config.context, pipe,
					      place, xfer->length);
	if (pipe->epoch != epoch || !produced)
		return false;
	assert(produced <= xfer->length);
	pipe->in_octets += produced;
	usb_xfer_complete(xfer, USB_STATUS_OK, (uint32_t)produced);
	return pipe->epoch == epoch;
}

static void pump_in(struct pipe *pipe)
{
	struct usb_xfer *xfer;
	unsigned int epoch;

	if (pipe->in_pumping) {
		pipe->in_again = true;
		return;
	}
	pipe->in_pumping = true;
	do {
		epoch = pipe->epoch;
		pipe->in_again = false;
		while (pipe->state == TV_PIPE_ESTABLISHED && !pipe->in_ended &&
		       (xfer = usb_endpoint_first(&pipe->owner->function,
						  pipe->in_endpoint)) &&
		       pump_in_one(pipe, xfer))
			continue;
	} while (pipe->epoch != epoch || pipe->in_again);
	pipe->in_pumping = false;
	/* Only here is the count final: produce() may have ended the pipe. */
	if (pipe->state == TV_PIPE_ESTABLISHED && pipe->in_ended &&
	    !pipe->eos_queued) {
		pipe->eos_queued = true;
		pipe_queue_event(pipe, EVENT_BIT_EOS);
	}
}

void pipe_established(struct pipe *pipe)
{
	if (pipe->state != TV_PIPE_OPENING)
		return;
	pipe->state = TV_PIPE_ESTABLISHED;
	pipe_queue_event(pipe, EVENT_BIT_OPENED);
	pump_in(pipe);
}

void pipe_want_out(struct pipe *pipe)
{
	pump_out(pipe);
}

void pipe_have_in(struct pipe *pipe)
{
	pump_in(pipe);
}

void pipe_limits_changed(struct pipe *pipe)
{
	if (pipe->state == TV_PIPE_ESTABLISHED)
		pipe_queue_event(pipe, EVENT_BIT_LIMIT);
}

void pipe_end(struct pipe *pipe)
{
	if (!pipe_is_open(pipe))
		return;
	pipe->in_ended = true;
	pump_in(pipe);
}

unsigned int pipe_index(const struct pipe *pipe)
{
	return pipe->index;
}

uint16_t pipe_generation(const struct pipe *pipe)
{
	return pipe->generation;
}

void *pipe_data(const struct pipe *pipe)
{
	return pipe->data;
}

void pipe_set_data(struct pipe *pipe, void *data)
{
	pipe->data = data;
}

static void flush_pipe(struct pipe *pipe)
{
	struct usb_function *function = &pipe->owner->function;

	usb_endpoint_flush(function, pipe->out_endpoint, USB_STATUS_CANCELLED);
	usb_endpoint_flush(function, pipe->in_endpoint, USB_STATUS_CANCELLED);
}

static int request_open(struct pipe *pipe, uint16_t generation)
{
	const struct pipe_function_config *config = &pipe->owner->config;

	if (generation == 0 || generation == pipe->generation)
		return -1;
	pipe_leave(pipe, TV_PIPE_CLOSED, TV_PIPE_REASON_NONE);
	flush_pipe(pipe);
	pipe->generation = generation;
	pipe->out_octets = 0;
	pipe->in_octets = 0;
	pipe->out_total = 0;
	pipe->out_shut = false;
	pipe->out_ended = false;
	pipe->in_ended = false;
	pipe->eos_queued = false;
	pipe->wanted_priority = TV_PIPE_PRIORITY_ANY;
	pipe->wanted_rate = 0;
	pipe->events = 0;
	pipe->state = TV_PIPE_OPENING;
	config->ops->open(config->context, pipe);
	return 0;
}

static int request_shutdown(struct pipe *pipe, uint16_t generation,
			    const uint8_t *data)
{
	uint64_t total = 0;

	if (!pipe_is_open(pipe) || generation != pipe->generation)
		return -1;
	for (int i = 7; i >= 0; i--)
		total = total << 8 | data[i];
	if (pipe->out_shut)
		return total == pipe->out_total ? 0 : -1;
	if (total < pipe->out_octets) {
		pipe_reset(pipe, TV_PIPE_REASON_PROTOCOL);
		return 0;
	}
	pipe->out_shut = true;
	pipe->out_total = total;
	pump_out(pipe);
	return 0;
}

static int request_close(struct pipe *pipe, uint16_t generation)
{
	if (generation != pipe->generation)
		return 0; /* that generation is over already */
	pipe_leave(pipe, TV_PIPE_CLOSED, TV_PIPE_REASON_NONE);
	pipe->events = 0;
	flush_pipe(pipe);
	return 0;
}

static int put_data(uint8_t *data, uint16_t len, const void *from, size_t size)
{
	if (len > size)
		len = (uint16_t)size;
	memcpy(data, from, len);
	return len;
}

static int request_status(const struct pipe *pipe, uint8_t *data, uint16_t len)
{
	struct tv_pipe_status status = {
		.state = (uint8_t)pipe->state,
		.generation = pipe->generation,
		.reason = pipe->reason,
		.out_octets = pipe->out_octets,
		.in_octets = pipe->in_octets,
	};

	if (pipe->out_shut)
		status.flags |= TV_PIPE_STATUS_OUT_ENDED;
	if (pipe->in_ended)
		status.flags |= TV_PIPE_STATUS_IN_ENDED;
	return put_data(data, len, &status, sizeof(status));
}

static void read_limits(struct pipe *pipe, struct tv_pipe_limits *limits)
{
	const struct pipe_function_config *config = &pipe->owner->config;

	*limits = (struct tv_pipe_limits){.priority = TV_PIPE_PRIORITY_NORMAL};
	if (config->ops->limits && pipe_is_open(pipe))
		config->ops->limits(config->context, pipe, limits);
	limits->generation = pipe->generation;
	limits->wanted_priority = pipe->wanted_priority;
	limits->wanted_rate = pipe->wanted_rate;
}

static int request_limits(struct pipe *pipe, uint8_t *data, uint16_t len)
{
	struct tv_pipe_limits limits;

	read_limits(pipe, &limits);
	return put_data(data, len, &limits, sizeof(limits));
}

static int request_wish(struct pipe *pipe, uint16_t generation,
			const uint8_t *data)
{
	const struct pipe_function_config *config = &pipe->owner->config;
	static const uint8_t zeros[7];
	struct tv_pipe_limits before;
	struct tv_pipe_limits after;
	struct tv_pipe_wish wish;

	memcpy(&wish, data, sizeof(wish));
	if (!pipe_is_open(pipe) || generation != pipe->generation ||
	    wish.priority >= TV_PIPE_PRIORITY_COUNT ||
	    memcmp(wish.reserved, zeros, sizeof(zeros)) != 0)
		return -1;
	read_limits(pipe, &before);
	pipe->wanted_priority = wish.priority;
	pipe->wanted_rate = wish.rate;
	if (config->ops->wish)
		config->ops->wish(config->context, pipe, wish.priority,
				  wish.rate);
	read_limits(pipe, &after);
	if (before.priority != after.priority || before.rate != after.rate)
		pipe_limits_changed(pipe);
	return 0;
}

static int request_info(const struct pipe_function *owner, uint8_t *data,
			uint16_t len)
{
	const struct tv_function_info info = {
		.type = (uint8_t)owner->config.type,
		.pipe_count = (uint8_t)owner->config.pipe_count,
		.version = 1,
		.transfer_max = owner->config.transfer_max,
	};

	return put_data(data, len, &info, sizeof(info));
}

static int function_control(struct usb_function *function,
			    const struct usb_setup *setup, uint8_t *data,
			    uint16_t len)
{
	struct pipe_function *owner = pipe_function_of(function);
	unsigned int index = setup->wIndex >> 8;
	unsigned int request = setup->bmRequestType << 8 | setup->bRequest;
	struct pipe *pipe;

	if (request == (REQUEST_IN << 8 | TV_FUNCTION_GET_INFO))
		return index == 0 && setup->wValue == 0
			       ? request_info(owner, data, len)
			       : -1;
	if (setup->bmRequestType == REQUEST_IN &&
	    setup->bRequest >= TV_REQUEST_OF_TYPE)
		return index == 0 && setup->wValue == 0 &&
				       owner->config.ops->request
			       ? owner->config.ops->request(
					 owner->config.context, setup->bRequest,
					 data, len)
			       : -1;
	if (owner->alt != 1 || index >= owner->config.pipe_count)
		return -1;
	pipe = &owner->pipes[index];
	switch (request) {
	case REQUEST_OUT << 8 | TV_PIPE_OPEN:
		return len == 0 ? request_open(pipe, setup->wValue) : -1;
	case REQUEST_OUT << 8 | TV_PIPE_SHUTDOWN:
		return len == 8 ? request_shutdown(pipe, setup->wValue, data)
				: -1;
	case REQUEST_OUT << 8 | TV_PIPE_CLOSE:
		return len == 0 ? request_close(pipe, setup->wValue) : -1;
	case REQUEST_OUT << 8 | TV_PIPE_SET_LIMITS:
		return len == sizeof(struct tv_pipe_wish)
			       ? request_wish(pipe, setup->wValue, data)
			       : -1;
	case REQUEST_IN << 8 | TV_PIPE_GET_LIMITS:
		return setup->wValue == 0 ? request_limits(pipe, data, len)
					  : -1;
	case REQUEST_IN << 8 | TV_PIPE_GET_STATUS:
		return setup->wValue == 0 ? request_status(pipe, data, len)
					  : -1;
	default:
		return -1;
	}
}

static void function_select(struct usb_function *function, uint8_t interface,
			    uint8_t alt)
{
	struct pipe_function *owner = pipe_function_of(function);

	(void)interface;
	owner->alt = alt;
	owner->notice = 0;
	for (unsigned int i = 0; i < owner->config.pipe_count; i++) {
		struct pipe *pipe = &owner->pipes[i];

		pipe_leave(pipe, TV_PIPE_CLOSED, TV_PIPE_REASON_NONE);
		pipe->events = 0;
		pipe->generation = 0;
	}
}

static void function_transfer(struct usb_function *function, uint8_t endpoint)
{
	struct pipe_function *owner = pipe_function_of(function);

	if (endpoint == owner->event_endpoint) {
		pump_events(owner);
		return;
	}
	for (unsigned int i = 0; i < owner->config.pipe_count; i++) {
		struct pipe *pipe = &owner->pipes[i];

		if (endpoint == pipe->out_endpoint)
			pump_out(pipe);
		else if (endpoint == pipe->in_endpoint)
			pump_in(pipe);
		else
			continue;
		return;
	}
}

static void write_endpoint(struct usb_descriptor_writer *writer,
			   uint8_t address, enum usb_transfer_type type,
			   uint16_t packet, uint8_t interval)
{
	const uint8_t endpoint[] = {7,
				    USB_DT_ENDPOINT,
				    address,
				    (uint8_t)type,
				    packet & 0xff,
				    (uint8_t)(packet >> 8),
				    interval};

	usb_write_descriptor(writer, endpoint);
}

static void function_describe(struct usb_function *function,
			      struct usb_descriptor_writer *writer)
{
	struct pipe_function *owner = pipe_function_of(function);
	unsigned int pipes = owner->config.pipe_count;
	uint8_t interface[] = {9,
			       USB_DT_INTERFACE,
			       usb_write_interface_number(writer),
			       0,
			       0,
			       0xff,
			       (uint8_t)owner->config.type,
			       TV_USB_PROTOCOL_PIPE_1,
			       usb_write_string(writer, owner->label)};

	usb_write_descriptor(writer, interface);
	interface[3] = 1;
	interface[4] = (uint8_t)(1 + 2 * pipes);
	usb_write_descriptor(writer, interface);
	owner->event_endpoint = usb_write_endpoint_address(writer, 0x80);
	write_endpoint(writer, owner->event_endpoint, USB_TRANSFER_INTERRUPT,
		       INTERRUPT_PACKET, INTERRUPT_INTERVAL);
	for (unsigned int i = 0; i < pipes; i++) {
		struct pipe *pipe = &owner->pipes[i];

		pipe->out_endpoint = usb_write_endpoint_address(writer, 0);
		pipe->in_endpoint = usb_write_endpoint_address(writer, 0x80);
		write_endpoint(writer, pipe->out_endpoint, USB_TRANSFER_BULK,
			       BULK_PACKET, 0);
		write_endpoint(writer, pipe->in_endpoint, USB_TRANSFER_BULK,
			       BULK_PACKET, 0);
	}
}

static void function_destroy(struct usb_function *function)
{
	struct pipe_function *owner = pipe_function_of(function);

	for (unsigned int i = 0; i < owner->config.pipe_count; i++)
		pipe_leave(&owner->pipes[i], TV_PIPE_CLOSED,
			   TV_PIPE_REASON_NONE);
	if (owner->config.ops->destroy)
		owner->config.ops->destroy(owner->config.context);
	free(owner);
}

static const struct usb_function_ops pipe_function_ops = {
	.describe = function_describe,
	.select = function_select,
	.control = function_control,
	.transfer = function_transfer,
	.destroy = function_destroy,
	.winusb = true,
};

struct usb_function *
pipe_function_create(const struct pipe_function_config *config)
{
	struct pipe_function *owner;

	if (config->pipe_count < 1 || config->pipe_count > TV_PIPE_MAX)
		return NULL;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->function.ops = &pipe_function_ops;
	owner->config = *config;
	snprintf(owner->label, sizeof(owner->label), "%s:%s", config->type_name,
		 config->name);
	/* The two names live on in label only. */
	owner->config.type_name = NULL;
	owner->config.name = NULL;
	for (unsigned int i = 0; i < config->pipe_count; i++) {
		owner->pipes[i].owner = owner;
		owner->pipes[i].index = i;
	}
	return &owner->function;
}
