// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest-fake-port.c - a device at the port boundary of 2virt-guest.
 *
 * All answers are queued and delivered by an idle callback of the loop, in
 * order, so nothing completes from inside a call of the guest's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guest-fake-port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void pump(struct fake_pipe *pipe);

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static void idle_cb(uv_idle_t *idle);

static void wake(struct fake_port *fake)
{
	if (!fake->closed)
		uv_idle_start(&fake->idle, idle_cb);
}

/* Answers */

/* The guest's mark that a transfer is out is this fake. */
static void done_push(struct fake_port *fake, struct port_xfer *xfer,
		      enum port_status status, uint32_t actual)
{
	assert_true(fake->done_count < 64);
	fake->done[fake->done_count].xfer = xfer;
	fake->done[fake->done_count].status = status;
	fake->done[fake->done_count].actual = actual;
	fake->done_count++;
	wake(fake);
}

static void take_from(struct port_xfer **list, unsigned int *count,
		      struct port_xfer *xfer)
{
	for (unsigned int i = 0; i < *count; i++)
		if (list[i] == xfer) {
			list[i] = list[*count - 1];
			if (i == 0 && *count == 2)
				list[0] = list[1];
			(*count)--;
			return;
		}
}

static void forget(struct fake_port *fake, struct port_xfer *xfer)
{
	for (unsigned int i = 0; i < FAKE_PIPES; i++) {
		struct fake_pipe *pipe = &fake->pipes[i];

		if (pipe->out_count && pipe->out[0] == xfer)
			pipe->out_taken = 0;
		take_from(pipe->out, &pipe->out_count, xfer);
		take_from(pipe->in, &pipe->in_count, xfer);
	}
	for (unsigned int i = 0; i < fake->stuck_count; i++)
		if (fake->stuck[i] == xfer)
			fake->stuck[i] = fake->stuck[--fake->stuck_count];
	if (fake->event == xfer)
		fake->event = NULL;
}

void fake_complete(struct fake_port *fake, struct port_xfer *xfer,
		   enum port_status status, uint32_t actual)
{
	forget(fake, xfer);
	done_push(fake, xfer, status, actual);
}

static void events_deliver(struct fake_port *fake)
{
	if (!fake->event || !fake->event_count)
		return;
	memcpy(fake->event->data, &fake->events[0], TV_PIPE_EVENT_LEN);
	fake_complete(fake, fake->event, PORT_OK, TV_PIPE_EVENT_LEN);
	memmove(&fake->events[0], &fake->events[1],
		--fake->event_count * sizeof(fake->events[0]));
}

void fake_event(struct fake_port *fake, const struct tv_pipe_event *event)
{
	assert_true(fake->event_count < 64);
	fake->events[fake->event_count++] = *event;
	events_deliver(fake);
}

static void idle_cb(uv_idle_t *idle)
{
	struct fake_port *fake = idle->data;
	unsigned int count = fake->done_count;

	uv_idle_stop(idle);
	if (fake->answer_open) {
		fake->answer_open = false;
		fake->port.events->opened(fake->port.context, fake->open_error);
	}
	if (fake->answer_select) {
		fake->answer_select = false;
		fake->port.events->selected(fake->port.context,
					    fake->select_error);
	}
	while (count--) {
		struct port_xfer *xfer = fake->done[0].xfer;

		xfer->status = fake->done[0].status;
		xfer->actual = fake->done[0].actual;
		xfer->handle = NULL;
		fake->done_count--;
		memmove(&fake->done[0], &fake->done[1],
			fake->done_count * sizeof(fake->done[0]));
		xfer->complete(xfer);
		if (fake->closed)
			return;
	}
	for (unsigned int i = 0; i < FAKE_PIPES; i++)
		pump(&fake->pipes[i]);
	if (fake->done_count || fake->answer_open || fake->answer_select)
		wake(fake);
}

/* Pipes */

static bool is_open(const struct fake_pipe *pipe)
{
	return pipe->state == TV_PIPE_OPENING ||
	       pipe->state == TV_PIPE_ESTABLISHED;
}

static void pipe_event(struct fake_pipe *pipe, uint8_t type, uint16_t reason,
		       uint64_t count)
{
	const struct tv_pipe_event event = {
		.type = type,
		.pipe = (uint8_t)(pipe - pipe->fake->pipes),
		.generation = pipe->generation,
		.reason = reason,
		.count = count,
	};

	fake_event(pipe->fake, &event);
}

static void out_take(struct fake_pipe *pipe)
{
	struct port_xfer *xfer = pipe->out[0];
	uint32_t left = xfer->length - pipe->out_taken;
	size_t room = FAKE_BUFFER - pipe->buffer_len;
	uint32_t n;

	if (pipe->fake->service == FAKE_SINK)
		room = SIZE_MAX;
	n = (uint32_t)(left < room ? left : room);
	if (pipe->fake->service == FAKE_ECHO) {
		memcpy(pipe->buffer + pipe->buffer_len,
		       xfer->data + pipe->out_taken, n);
		pipe->buffer_len += n;
	}
	pipe->taken += n;
	pipe->out_taken += n;
	if (pipe->out_taken < xfer->length)
		return;
	pipe->out_taken = 0;
	fake_complete(pipe->fake, xfer, PORT_OK, xfer->length);
}

static void in_give(struct fake_pipe *pipe)
{
	struct port_xfer *xfer = pipe->in[0];
	size_t n = pipe->buffer_len < xfer->length ? pipe->buffer_len
						   : xfer->length;

	/* Boundaries mean nothing: make them odd. */
	if (n > 1 && rand() % 3 == 0)
		n = (size_t)rand() % n + 1;
	memcpy(xfer->data, pipe->buffer, n);
	memmove(pipe->buffer, pipe->buffer + n, pipe->buffer_len - n);
	pipe->buffer_len -= n;
	pipe->given += n;
	fake_complete(pipe->fake, xfer, PORT_OK, (uint32_t)n);
}

static void pump(struct fake_pipe *pipe)
{
	if (!is_open(pipe) || pipe->fake->gone)
		return;
	if (pipe->state == TV_PIPE_OPENING) {
		pipe->state = TV_PIPE_ESTABLISHED;
		pipe_event(pipe, TV_PIPE_EVENT_OPENED, 0, 0);
	}
	if (pipe->out_count && pipe->fake->service != FAKE_HOLD)
		out_take(pipe);
	if (pipe->shut && pipe->taken == pipe->shut_count &&
	    pipe->fake->service != FAKE_HOLD)
		pipe->ending = true;
	if (pipe->in_count && pipe->buffer_len)
		in_give(pipe);
	if (pipe->ending && !pipe->ended && !pipe->buffer_len) {
		pipe->ended = true;
		pipe_event(pipe, TV_PIPE_EVENT_EOS, 0, pipe->given);
	}
	if ((pipe->out_count && pipe->fake->service == FAKE_SINK) ||
	    (pipe->in_count && pipe->buffer_len))
		wake(pipe->fake);
}

void fake_give(struct fake_pipe *pipe, const void *data, size_t len)
{
	assert_true(len <= FAKE_BUFFER - pipe->buffer_len);
	memcpy(pipe->buffer + pipe->buffer_len, data, len);
	pipe->buffer_len += len;
	wake(pipe->fake);
}

void fake_end(struct fake_pipe *pipe)
{
	pipe->ending = true;
	wake(pipe->fake);
}

void fake_reset(struct fake_pipe *pipe, enum tv_pipe_reason reason)
{
	assert_true(is_open(pipe));
	pipe->state = TV_PIPE_RESET;
	pipe->buffer_len = 0;
	pipe_event(pipe, TV_PIPE_EVENT_RESET, (uint16_t)reason, pipe->given);
}

static void pipe_clear(struct fake_pipe *pipe)
{
	/* A transfer never outlives its generation. */
	assert_int_equal(pipe->out_count, 0);
	assert_int_equal(pipe->in_count, 0);
	pipe->taken = 0;
	pipe->given = 0;
	pipe->shut = false;
	pipe->ending = false;
	pipe->ended = false;
	pipe->buffer_len = 0;
	pipe->out_taken = 0;
}

/* Requests; the octets answered, or -1: stall */

static int vendor_request(struct fake_port *fake, uint8_t *setup, bool *mute)
{
	uint16_t value = get16(setup + 2);
	uint16_t len = get16(setup + 6);
	struct fake_pipe *pipe = &fake->pipes[setup[5]];

	assert_int_equal(setup[4], fake->port.interface);
	if (setup[1] == TV_FUNCTION_GET_INFO) {
		assert_int_equal(setup[0], 0xc1);
		assert_int_equal(setup[5], 0);
		assert_int_equal(value, 0);
		memcpy(setup + 8, fake->info, fake->info_len);
		return fake->info_len;
	}
	assert_int_equal(setup[0], 0x41);
	assert_int_equal(fake->alt, 1);
	assert_in_range(setup[5], 0, FAKE_PIPES - 1);
	switch (setup[1]) {
	case TV_PIPE_OPEN:
		assert_int_equal(len, 0);
		assert_int_not_equal(value, 0);
		pipe_clear(pipe);
		*mute = fake->mute_open;
		if (*mute)
			return 0;
		if (fake->stall_opens) {
			fake->stall_opens--;
			return -1;
		}
		assert_int_not_equal(value, pipe->last_generation);
		pipe->generation = value;
		pipe->last_generation = value;
		pipe->state = TV_PIPE_OPENING;
		pipe->opened++;
		return 0;
	case TV_PIPE_SHUTDOWN:
		assert_int_equal(len, 8);
		if (!is_open(pipe))
			return -1;
		assert_int_equal(value, pipe->generation);
		assert_false(pipe->shut);
		pipe->shut = true;
		pipe->shut_count = 0;
		for (int i = 0; i < 8; i++)
			pipe->shut_count |= (uint64_t)setup[8 + i] << (8 * i);
		/* Ours has sent everything before it says so. */
		assert_int_equal(pipe->shut_count, pipe->taken);
		return 8;
	case TV_PIPE_CLOSE:
		assert_int_equal(len, 0);
		pipe_clear(pipe);
		*mute = fake->mute_close;
		if (!*mute)
			pipe->state = TV_PIPE_CLOSED;
		return 0;
	default:
		fail_msg("unknown request %#x", setup[1]);
		return -1;
	}
}

static int string_request(struct fake_port *fake, uint8_t *setup)
{
	size_t len = strlen(fake->name);

	assert_int_equal(setup[1], 6);
	assert_int_equal(get16(setup + 2), 0x0304);
	setup[8] = (uint8_t)(2 + 2 * len);
	setup[9] = 3;
	for (size_t i = 0; i < len; i++) {
		setup[10 + 2 * i] = (uint8_t)fake->name[i];
		setup[11 + 2 * i] = 0;
	}
	return setup[8];
}

static void timeout_cb(uv_timer_t *timer)
{
	struct fake_port *fake = timer->data;

	for (unsigned int i = fake->stuck_count; i-- > 0;)
		if (fake->stuck[i]->type == PORT_CONTROL)
			fake_complete(fake, fake->stuck[i], PORT_TIMEOUT, 0);
}

static void control_submit(struct fake_port *fake, struct port_xfer *xfer)
{
	uint8_t *setup = xfer->data;
	bool mute = false;
	int n;

	assert_int_equal(xfer->length, 8 + get16(setup + 6));
	assert_int_not_equal(xfer->timeout_ms, 0);
	n = setup[0] == 0x80 ? string_request(fake, setup)
			     : vendor_request(fake, setup, &mute);
	if (mute) {
		assert_true(fake->stuck_count < 16);
		fake->stuck[fake->stuck_count++] = xfer;
		uv_timer_start(&fake->timeout, timeout_cb, xfer->timeout_ms, 0);
		return;
	}
	done_push(fake, xfer, n < 0 ? PORT_STALL : PORT_OK,
		  n < 0 ? 0 : (uint32_t)n);
}

/* The port */

static void port_open(struct port *port)
{
	struct fake_port *fake = (struct fake_port *)(void *)port;

	assert_false(fake->opened);
	fake->opened = true;
	fake->answer_open = true;
	wake(fake);
}

static void bulk_submit(struct fake_port *fake, struct port_xfer *xfer)
{
	bool in = xfer->endpoint & 0x80;
	unsigned int index = (xfer->endpoint & 0x0fu) - (in ? 2 : 1);
	struct fake_pipe *pipe;

	assert_int_equal(fake->alt, 1);
	assert_in_range(index, 0, FAKE_PIPES - 1);
	pipe = &fake->pipes[index];
	/* None on a closed pipe; one that was reset may not be known so yet. */
	assert_int_not_equal(pipe->state, TV_PIPE_CLOSED);
	assert_int_not_equal(xfer->length, 0);
	if (in) {
		assert_true(pipe->in_count < 2);
		pipe->in[pipe->in_count++] = xfer;
	} else {
		assert_true(pipe->out_count < 2);
		pipe->out[pipe->out_count++] = xfer;
	}
	wake(fake);
}

static int port_submit(struct port *port, struct port_xfer *xfer)
{
	struct fake_port *fake = (struct fake_port *)(void *)port;

	assert_true(fake->opened && !fake->closed);
	assert_false(fake->answer_open || fake->answer_select);
	assert_null(xfer->handle);
	if (fake->gone)
		return -ENODEV;
	if (xfer->type == PORT_BULK && fake->refuse) {
		fake->refuse--;
		return -ENOMEM;
	}
	if (fake->memory && xfer->length > fake->memory)
		return -ENOMEM;
	xfer->handle = fake;
	switch (xfer->type) {
	case PORT_CONTROL:
		control_submit(fake, xfer);
		break;
	case PORT_INTERRUPT:
		assert_int_equal(fake->alt, 1);
		assert_int_equal(xfer->endpoint, 0x81);
		assert_true(xfer->length >= TV_PIPE_EVENT_LEN);
		assert_null(fake->event);
		fake->event = xfer;
		events_deliver(fake);
		break;
	case PORT_BULK:
		bulk_submit(fake, xfer);
		break;
	}
	return 0;
}

static void port_cancel(struct port *port, struct port_xfer *xfer)
{
	struct fake_port *fake = (struct fake_port *)(void *)port;

	if (!xfer->handle)
		return;
	assert_ptr_equal(xfer->handle, fake);
	for (unsigned int i = 0; i < fake->done_count; i++)
		if (fake->done[i].xfer == xfer)
			return; /* too late */
	if (fake->mute_cancel) {
		for (unsigned int i = 0; i < fake->stuck_count; i++)
			if (fake->stuck[i] == xfer)
				return;
		forget(fake, xfer);
		assert_true(fake->stuck_count < 16);
		fake->stuck[fake->stuck_count++] = xfer;
		return;
	}
	fake_complete(fake, xfer, PORT_CANCELLED, 0);
}

static unsigned int transfers_out(const struct fake_port *fake)
{
	unsigned int count =
		fake->done_count + fake->stuck_count + (fake->event != NULL);

	for (unsigned int i = 0; i < FAKE_PIPES; i++)
		count += fake->pipes[i].out_count + fake->pipes[i].in_count;
	return count;
}

static void port_select(struct port *port, uint8_t alt)
{
	struct fake_port *fake = (struct fake_port *)(void *)port;

	assert_int_equal(transfers_out(fake), 0);
	fake->alt = alt;
	fake->selects++;
	fake->event_count = 0;
	for (unsigned int i = 0; i < FAKE_PIPES; i++) {
		pipe_clear(&fake->pipes[i]);
		fake->pipes[i].state = TV_PIPE_CLOSED;
	}
	fake->answer_select = true;
	wake(fake);
}

static void idle_closed(uv_handle_t *handle)
{
}

static void port_close(struct port *port)
{
	struct fake_port *fake = (struct fake_port *)(void *)port;

	assert_int_equal(transfers_out(fake), 0);
	assert_false(fake->answer_open || fake->answer_select);
	assert_false(fake->closed);
	fake->closed = true;
	uv_close((uv_handle_t *)&fake->idle, idle_closed);
	uv_close((uv_handle_t *)&fake->timeout, idle_closed);
}

static const struct port_ops ops = {
	.open = port_open,
	.submit = port_submit,
	.cancel = port_cancel,
	.select = port_select,
	.close = port_close,
};

/* For the tests */

static size_t endpoint_put(uint8_t *d, uint8_t address, uint8_t type)
{
	const uint8_t endpoint[] = {7, 5, address, type, 0, 2, 4};

	memcpy(d, endpoint, sizeof(endpoint));
	return sizeof(endpoint);
}

static size_t descriptors_put(uint8_t *d)
{
	static const uint8_t head[] = {
		18,   1,    1,	  2,	0,
		0,    0,    64,	  0xa0, 2,
		0x23, 0xa1, 0,	  1,	1,
		2,    3,    1, /* device */
		9,    2,    0,	  0,	1,
		1,    0,    0xc0, 0, /* configuration */
		9,    4,    0,	  0,	0,
		0xff, 1,    1,	  4, /* setting 0 */
		9,    4,    0,	  1,	1 + 2 * FAKE_PIPES,
		0xff, 1,    1,	  4, /* 1 */
	};
	size_t len = sizeof(head);

	memcpy(d, head, len);
	len += endpoint_put(d + len, 0x81, 3);
	for (uint8_t i = 0; i < FAKE_PIPES; i++) {
		len += endpoint_put(d + len, (uint8_t)(0x01 + i), 2);
		len += endpoint_put(d + len, (uint8_t)(0x82 + i), 2);
	}
	d[18 + 2] = (uint8_t)((len - 18) & 0xff);
	d[18 + 3] = (uint8_t)((len - 18) >> 8);
	return len;
}

struct fake_port *fake_port_create(uv_loop_t *loop, const char *name)
{
	struct fake_port *fake = calloc(1, sizeof(*fake));
	static const uint8_t info[] = {1, FAKE_PIPES, 1, 0, 0, 0, 16, 0};

	assert_non_null(fake);
	fake->port.ops = &ops;
	fake->port.configuration = 1;
	fake->port.descriptors = fake->descriptors;
	fake->port.descriptors_len = descriptors_put(fake->descriptors);
	fake->port.transfer_max = 1024 * 1024;
	fake->port.queue_depth = 2;
	fake->loop = loop;
	fake->name = name;
	memcpy(fake->info, info, sizeof(info));
	fake->info_len = TV_FUNCTION_INFO_LEN;
	for (unsigned int i = 0; i < FAKE_PIPES; i++)
		fake->pipes[i].fake = fake;
	uv_idle_init(loop, &fake->idle);
	fake->idle.data = fake;
	uv_timer_init(loop, &fake->timeout);
	fake->timeout.data = fake;
	return fake;
}

void fake_port_destroy(struct fake_port *fake)
{
	assert_true(fake->closed);
	free(fake);
}

void fake_unplug(struct fake_port *fake)
{
	fake->gone = true;
	for (unsigned int i = 0; i < FAKE_PIPES; i++) {
		struct fake_pipe *pipe = &fake->pipes[i];

		while (pipe->out_count)
			fake_complete(fake, pipe->out[0], PORT_GONE, 0);
		while (pipe->in_count)
			fake_complete(fake, pipe->in[0], PORT_GONE, 0);
	}
	while (fake->stuck_count)
		fake_complete(fake, fake->stuck[0], PORT_GONE, 0);
	if (fake->event)
		fake_complete(fake, fake->event, PORT_GONE, 0);
}

void fake_unmute(struct fake_port *fake)
{
	fake->mute_cancel = false;
	while (fake->stuck_count)
		fake_complete(fake, fake->stuck[0], PORT_CANCELLED, 0);
}
