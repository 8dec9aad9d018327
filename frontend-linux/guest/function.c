// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * function.c - one 2Virt function that is plugged in: set-up, events, reset
 * and end.  Its pipes are relays (relay.c).
 *
 *   OPENING ─▶ NAMING ─▶ INFORMING ─▶ SELECTING ─▶ READY ◀──┐
 *   claim      iInterface  GET_INFO    setting 1     │       │ settings 0, 1
 *      └──────────┴───────────┴───────────┴──────────┤       │
 *                                       over         ▼       │
 *                                      OVER ◀── RESETTING ───┘
 *
 * The device is not trusted.  One that breaks the specification is dropped
 * with one line in the log: its sockets go, what it holds is taken back, and
 * the port is closed when the last transfer is back, however long that takes;
 * nothing else waits for it.  One that does not answer is reset by selecting
 * settings 0 and 1, and dropped when that does not help RESETS_MAX times.
 *
 * The struct is freed from the close callback of its timer, after the last
 * transfer, open() and select() are back; none of them can call into it then.
 */
#include "function.h"

#include "descriptor.h"
#include "log.h"
#include "relay.h"

#include "protocol/pipe.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum function_state {
	FUNCTION_OPENING,
	FUNCTION_NAMING,
	FUNCTION_INFORMING,
	FUNCTION_SELECTING,
	FUNCTION_READY,
	FUNCTION_RESETTING,
	FUNCTION_OVER,
	FUNCTION_STATE_COUNT
};

enum {
	RESETS_MAX = 3,
	EVENT_BUFFER_LEN = 64, /* wMaxPacketSize */
	SETUP_LEN = 8,
	STRING_MAX = 255,
	TRANSFER_MIN = 16 * 1024, /* smaller offers are not taken at word */
};

static const struct relay_times default_times = {
	.request_ms = 5000,
	.close_ms = 5000,
	.reset_ms = 5000,
	.idle_ms = 5000,
	.join_ms = 10000,
};

struct function {
	uv_loop_t *loop;
	struct port *port;
	char label[32];
	const struct function_owner_ops *ops;
	const struct relay_times *times;
	void *context;

	enum function_state state;
	bool port_busy; /* open() or select() is out */
	bool closing;	/* timer and port are closed */
	uint8_t alt;	/* last asked for with select() */
	bool waiting;
	unsigned int transfers_out;
	unsigned int resets; /* since a pipe was last closed well */
	uint64_t reset_deadline_ms;

	struct function_name name;
	struct descriptor_pipes pipes;
	struct relay_host host;
	struct relay *relays; /* pipes.count, from SELECTING on */
	struct function_peer peer;
	bool peer_again; /* it changed while it was asked for */
	uint64_t bytes_in;
	uint64_t bytes_out;

	struct port_xfer control;
	uint8_t control_data[SETUP_LEN + STRING_MAX];
	struct port_xfer event;
	uint8_t event_data[EVENT_BUFFER_LEN];
	uv_timer_t timer;
};

static void function_over(struct function *function, int error,
			  const char *why);
static void function_reset(struct function *function);
static void peer_ask(struct function *function);

/* Freeing */

static void timer_closed(uv_handle_t *handle)
{
	struct function *function = handle->data;

	free(function->relays);
	free(function);
}

/* Ends the port once nothing of it is out. */
static void close_when_back(struct function *function)
{
	if (function->state != FUNCTION_OVER || function->transfers_out ||
	    function->port_busy || function->closing)
		return;
	function->closing = true;
	function->port->ops->close(function->port);
	function->port = NULL;
	uv_close((uv_handle_t *)&function->timer, timer_closed);
}

/* The timer: one for all deadlines of the function. */

static void timer_set(struct function *function);

static void evict_idle(struct function *function, uint64_t now_ms)
{
	struct relay *idlest = NULL;
	uint64_t since_ms = 0;

	if (!function->waiting || !function->host.abandon)
		return;
	for (unsigned int i = 0; i < function->pipes.count; i++) {
		uint64_t idle = relay_idle_since_ms(&function->relays[i]);

		if (idle && (!idlest || idle < since_ms)) {
			idlest = &function->relays[i];
			since_ms = idle;
		}
	}
	if (idlest && since_ms + function->times->idle_ms <= now_ms) {
		/* One at a time: the next one when that pipe is taken. */
		function->waiting = false;
		relay_evict(idlest);
	}
}

static void timer_cb(uv_timer_t *timer)
{
	struct function *function = timer->data;
	uint64_t now_ms = uv_now(function->loop);

	if (function->reset_deadline_ms &&
	    function->reset_deadline_ms <= now_ms) {
		function->reset_deadline_ms = 0;
		function_over(function, -EPROTO,
			      "it does not give transfers back");
		return;
	}
	for (unsigned int i = 0;
	     function->state == FUNCTION_READY && i < function->pipes.count;
	     i++)
		relay_tick(&function->relays[i], now_ms);
	if (function->state == FUNCTION_READY)
		evict_idle(function, now_ms);
	timer_set(function);
}

static uint64_t earlier(uint64_t a_ms, uint64_t b_ms)
{
	if (a_ms == 0 || (b_ms && b_ms < a_ms))
		return b_ms;
	return a_ms;
}

static void timer_set(struct function *function)
{
	uint64_t now_ms = uv_now(function->loop);
	uint64_t next_ms = function->reset_deadline_ms;

	if (function->state == FUNCTION_OVER) {
		uv_timer_stop(&function->timer);
		return;
	}
	for (unsigned int i = 0;
	     function->state == FUNCTION_READY && i < function->pipes.count;
	     i++) {
		struct relay *relay = &function->relays[i];
		uint64_t idle = relay_idle_since_ms(relay);

		next_ms = earlier(next_ms, relay_deadline_ms(relay));
		/* A connection that is not idle now is looked at again. */
		if (function->waiting && function->host.abandon)
			next_ms = earlier(next_ms,
					  (idle ? idle : now_ms) +
						  function->times->idle_ms);
	}
	if (next_ms)
		uv_timer_start(&function->timer, timer_cb,
			       next_ms > now_ms ? next_ms - now_ms : 1, 0);
	else
		uv_timer_stop(&function->timer);
}

/* Transfers of the function itself */

static int function_submit(struct function *function, struct port_xfer *xfer)
{
	int rc;

	if (function->state == FUNCTION_OVER ||
	    function->state == FUNCTION_RESETTING)
		return -ECANCELED;
	rc = function->port->ops->submit(function->port, xfer);
	if (rc == 0)
		function->transfers_out++;
	return rc;
}

static void setting_select(struct function *function, uint8_t alt)
{
	function->state = FUNCTION_SELECTING;
	function->alt = alt;
	function->port_busy = true;
	function->port->ops->select(function->port, alt);
}

/* Select settings 0 and 1 again, once nothing is out. */
static void reset_when_back(struct function *function)
{
	if (function->state != FUNCTION_RESETTING || function->transfers_out ||
	    function->port_busy)
		return;
	function->reset_deadline_ms = 0;
	timer_set(function);
	setting_select(function, 0);
}

static void function_returned(struct function *function)
{
	assert(function->transfers_out > 0);
	function->transfers_out--;
	reset_when_back(function);
	close_when_back(function);
}

static struct function *control_owner(struct port_xfer *xfer)
{
	return (struct function *)(void *)((char *)xfer -
					   offsetof(struct function, control));
}

static void control_submit(struct function *function, uint8_t type,
			   uint8_t request, uint16_t value, uint16_t index,
			   uint16_t len, void (*complete)(struct port_xfer *))
{
	uint8_t *setup = function->control_data;
	int rc;

	setup[0] = type;
	setup[1] = request;
	setup[2] = value & 0xff;
	setup[3] = value >> 8;
	setup[4] = index & 0xff;
	setup[5] = index >> 8;
	setup[6] = len & 0xff;
	setup[7] = len >> 8;
	function->control = (struct port_xfer){
		.type = PORT_CONTROL,
		.timeout_ms = function->times->request_ms,
		.data = setup,
		.length = SETUP_LEN + (uint32_t)len,
		.complete = complete,
	};
	rc = function_submit(function, &function->control);
	if (rc == -ENODEV)
		function_over(function, 0, NULL);
	else if (rc)
		function_over(function, rc, "a request cannot be sent");
}

/* True if set-up goes on after a control transfer. */
static bool control_done(struct function *function, struct port_xfer *xfer,
			 const char *what)
{
	enum port_status status = xfer->status;
	bool over = function->state == FUNCTION_OVER;

	function_returned(function);
	if (over)
		return false;
	if (status == PORT_OK)
		return true;
	function_over(function, status == PORT_GONE ? 0 : -EPROTO, what);
	return false;
}

/* The peer of a p2p function */

/* Takes what GET_PEER answered; false: nothing one could use. */
static bool peer_read(struct function_peer *peer, const uint8_t *data,
		      uint32_t len)
{
	static const char digits[] = "0123456789abcdef";
	unsigned int at = 0;

	if (len != TV_P2P_PEER_LEN || data[0] > TV_P2P_CONNECT)
		return false;
	memset(peer, 0, sizeof(*peer));
	peer->known = true;
	peer->role = data[0];
	peer->present = data[1] & TV_P2P_PEER_PRESENT;
	for (unsigned int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			peer->uuid[at++] = '-';
		peer->uuid[at++] = digits[data[8 + i] >> 4];
		peer->uuid[at++] = digits[data[8 + i] & 15];
	}
	for (unsigned int i = 0; i < TV_P2P_NAME_LEN && data[24 + i]; i++) {
		char c = (char)data[24 + i];

		peer->name[i] = c > ' ' && c <= '~' ? c : '?';
	}
	return true;
}

static void peer_take(struct function *function, const struct port_xfer *xfer)
{
	struct function_peer *peer = &function->peer;

	if (xfer->status == PORT_OK &&
	    peer_read(peer, function->control_data + SETUP_LEN, xfer->actual))
		log_info("%s: %s is joined with %s (%s), which is %s",
			 function->label, function->name.name, peer->name,
			 peer->uuid, peer->present ? "there" : "not there");
}

static void peer_changed(struct port_xfer *xfer)
{
	struct function *function = control_owner(xfer);

	if (function->state == FUNCTION_READY)
		peer_take(function, xfer);
	xfer->complete = NULL; /* the control transfer is free */
	function_returned(function);
	if (function->state == FUNCTION_READY && function->peer_again) {
		function->peer_again = false;
		peer_ask(function);
	}
}

static void peer_ask(struct function *function)
{
	if (function->control.complete == peer_changed)
		function->peer_again = true;
	else
		control_submit(function, 0xc1, TV_P2P_GET_PEER, 0,
			       function->port->interface, TV_P2P_PEER_LEN,
			       peer_changed);
}

/* Events */

static void event_submit(struct function *function);

/* NULL, or what is wrong with an event. */
static const char *event_take(struct function *function, const uint8_t *data,
			      uint32_t len)
{
	struct relay *relay;
	uint16_t generation, reason;
	uint64_t count = 0;

	if (len != TV_PIPE_EVENT_LEN)
		return "it sent an event of a wrong length";
	if (data[1] >= function->pipes.count)
		return "it sent an event of a pipe that does not exist";
	generation = (uint16_t)(data[2] | data[3] << 8);
	reason = (uint16_t)(data[4] | data[5] << 8);
	for (unsigned int i = 0; i < 8; i++)
		count |= (uint64_t)data[8 + i] << (8 * i);
	if (data[6] || data[7] || reason >= TV_PIPE_REASON_COUNT)
		return "it sent a malformed event";

	if (data[0] == TV_PIPE_EVENT_PEER &&
	    function->pipes.subclass == TV_FUNCTION_P2P) {
		peer_ask(function);
		return NULL;
	}
	relay = &function->relays[data[1]];
	if (relay_is_free(relay) || relay->pipe.generation != generation)
		return NULL; /* of a generation we have left */
	switch (data[0]) {
	case TV_PIPE_EVENT_OPENED:
		relay_opened(relay);
		return NULL;
	case TV_PIPE_EVENT_LIMIT:
		return NULL;
	case TV_PIPE_EVENT_EOS:
		relay_event(relay, PIPE_ON_EOS, count);
		return NULL;
	case TV_PIPE_EVENT_RESET:
		log_debug("%s: pipe %u reset by the device, reason %u",
			  function->label, data[1], reason);
		relay_event(relay, PIPE_ON_RESET, count);
		return NULL;
	default:
		return "it sent an unknown event";
	}
}

static void event_done(struct port_xfer *xfer)
{
	struct function *function =
		(struct function *)(void *)((char *)xfer -
					    offsetof(struct function, event));
	enum port_status status = xfer->status;
	uint32_t actual = xfer->actual;
	bool ready = function->state == FUNCTION_READY;
	const char *why;

	function_returned(function);
	if (!ready)
		return;
	switch (status) {
	case PORT_OK:
		why = event_take(function, function->event_data, actual);
		if (why)
			function_over(function, -EPROTO, why);
		else if (function->state == FUNCTION_READY)
			event_submit(function);
		break;
	case PORT_GONE:
		function_over(function, 0, NULL);
		break;
	case PORT_OVERFLOW:
		function_over(function, -EPROTO,
			      "it sent an event of a wrong length");
		break;
	default:
		/* An event may be lost: nothing is known for sure any more. */
		function_reset(function);
	}
}

static void event_submit(struct function *function)
{
	int rc;

	function->event = (struct port_xfer){
		.type = PORT_INTERRUPT,
		.endpoint = function->pipes.event_endpoint,
		.data = function->event_data,
		.length = EVENT_BUFFER_LEN,
		.complete = event_done,
	};
	rc = function_submit(function, &function->event);
	if (rc == -ENODEV)
		function_over(function, 0, NULL);
	else if (rc)
		function_over(function, rc, "its events cannot be read");
}

/* What relays ask for */

static struct function *relay_owner(struct relay *relay)
{
	return (struct function *)(void *)((char *)(uintptr_t)relay->host -
					   offsetof(struct function, host));
}

static int relay_submit(struct relay *relay, struct port_xfer *xfer)
{
	return function_submit(relay_owner(relay), xfer);
}

static void relay_cancel(struct relay *relay, struct port_xfer *xfer)
{
	struct port *port = relay_owner(relay)->port;

	port->ops->cancel(port, xfer);
}

static void relay_returned(struct relay *relay)
{
	function_returned(relay_owner(relay));
}

static void relay_freed(struct relay *relay)
{
	struct function *function = relay_owner(relay);

	function->resets = 0;
	function->ops->freed(function->context, function);
}

static void relay_reset(struct relay *relay)
{
	function_reset(relay_owner(relay));
}

static void relay_drop(struct relay *relay, const char *why)
{
	function_over(relay_owner(relay), why ? -EPROTO : 0, why);
}

static void relay_deadline(struct relay *relay)
{
	timer_set(relay_owner(relay));
}

static void relay_joined(struct relay *relay)
{
	struct function *function = relay_owner(relay);

	if (function->ops->opened)
		function->ops->opened(function->context, function,
				      relay->index);
}

static const struct relay_host_ops relay_ops = {
	.submit = relay_submit,
	.cancel = relay_cancel,
	.returned = relay_returned,
	.freed = relay_freed,
	.reset = relay_reset,
	.drop = relay_drop,
	.deadline = relay_deadline,
	.opened = relay_joined,
};

/* Set-up */

/* One that cannot say who its peer is works nevertheless. */
static void peer_done(struct port_xfer *xfer)
{
	struct function *function = control_owner(xfer);

	peer_take(function, xfer);
	if (xfer->status == PORT_STALL)
		xfer->status = PORT_OK;
	if (control_done(function, xfer, "it does not answer GET_PEER"))
		setting_select(function, 1);
}

static void info_done(struct port_xfer *xfer)
{
	struct function *function = control_owner(xfer);
	const uint8_t *info = function->control_data + SETUP_LEN;
	uint32_t actual = xfer->actual;
	uint32_t transfer_max;
	uint16_t seed[TV_PIPE_MAX];

	if (!control_done(function, xfer, "it does not answer GET_INFO"))
		return;
	if (actual != TV_FUNCTION_INFO_LEN ||
	    info[0] != function->pipes.subclass ||
	    info[1] != function->pipes.count) {
		function_over(function, -EPROTO,
			      "its info does not fit its descriptors");
		return;
	}
	if ((info[2] | info[3] << 8) != 1) {
		function_over(function, -EPROTO,
			      "it speaks another version of the protocol");
		return;
	}
	transfer_max = info[4] | (uint32_t)info[5] << 8 |
		       (uint32_t)info[6] << 16 | (uint32_t)info[7] << 24;
	if (transfer_max < TRANSFER_MIN)
		transfer_max = TRANSFER_MIN;
	if (transfer_max > function->port->transfer_max)
		transfer_max = function->port->transfer_max;

	/* Where generations begin means nothing: any number will do. */
	memset(seed, 0, sizeof(seed));
	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed[0] = (uint16_t)uv_hrtime();
	function->host = (struct relay_host){
		.ops = &relay_ops,
		.times = function->times,
		.loop = function->loop,
		.interface = function->port->interface,
		.transfer_max = transfer_max,
		.queue_depth = function->port->queue_depth,
		.abandon = function->pipes.subclass == TV_FUNCTION_WEB,
		.joins = function->pipes.subclass == TV_FUNCTION_P2P,
		.bytes_in = &function->bytes_in,
		.bytes_out = &function->bytes_out,
	};
	function->relays =
		calloc(function->pipes.count, sizeof(*function->relays));
	if (!function->relays) {
		function_over(function, -ENOMEM, "there is no memory");
		return;
	}
	for (unsigned int i = 0; i < function->pipes.count; i++)
		relay_init(&function->relays[i], &function->host, i,
			   function->pipes.pipe[i].out,
			   function->pipes.pipe[i].in, seed[i]);

	if (function->pipes.subclass == TV_FUNCTION_P2P)
		control_submit(function, 0xc1, TV_P2P_GET_PEER, 0,
			       function->port->interface, TV_P2P_PEER_LEN,
			       peer_done);
	else
		setting_select(function, 1);
}

/* A string descriptor (9.6.7) of plain ASCII; its length, or -1. */
static int string_read(char *text, const uint8_t *data, uint32_t len)
{
	if (len < 2 || data[0] < 2 || data[0] > len || data[1] != 3 ||
	    data[0] % 2)
		return -1;
	for (unsigned int i = 2; i < data[0]; i += 2) {
		if (data[i + 1] || data[i] < ' ' || data[i] > '~')
			return -1;
		text[i / 2 - 1] = (char)data[i];
	}
	return data[0] / 2 - 1;
}

static void name_done(struct port_xfer *xfer)
{
	struct function *function = control_owner(xfer);
	uint32_t actual = xfer->actual;
	const char *type = name_of_type(function->pipes.subclass);
	char text[STRING_MAX / 2 + 1];
	int len;

	if (!control_done(function, xfer, "its name cannot be read"))
		return;
	len = string_read(text, function->control_data + SETUP_LEN, actual);
	if (len < 0 || name_parse(&function->name, text, (size_t)len)) {
		function_over(function, -EPROTO, "its name is not valid");
		return;
	}
	if (!type || strcmp(type, function->name.type) != 0) {
		function_over(function, -EPROTO,
			      "its name and its subclass disagree");
		return;
	}
	function->state = FUNCTION_INFORMING;
	control_submit(function, 0xc1, TV_FUNCTION_GET_INFO, 0,
		       function->port->interface, TV_FUNCTION_INFO_LEN,
		       info_done);
}

static void port_opened(void *context, int error)
{
	struct function *function = context;
	struct port *port = function->port;
	const char *why;

	function->port_busy = false;
	if (function->state == FUNCTION_OVER) {
		close_when_back(function);
		return;
	}
	if (error == -ENODEV) {
		function_over(function, 0, NULL);
	} else if (error) {
		function_over(function, error, NULL);
	} else if (descriptor_parse(&function->pipes, port->descriptors,
				    port->descriptors_len, port->configuration,
				    port->interface, &why)) {
		function_over(function, -EPROTO, why);
	} else if (function->pipes.string == 0) {
		function_over(function, -EPROTO, "it has no name");
	} else {
		function->state = FUNCTION_NAMING;
		control_submit(function, 0x80, 6,
			       (uint16_t)(0x0300 | function->pipes.string),
			       0x0409, STRING_MAX, name_done);
	}
}

static void port_selected(void *context, int error)
{
	struct function *function = context;
	bool again = function->resets > 0;

	function->port_busy = false;
	if (function->state == FUNCTION_OVER) {
		close_when_back(function);
		return;
	}
	if (error) {
		function_over(function, error == -ENODEV ? 0 : -EPROTO,
			      "its setting cannot be selected");
		return;
	}
	if (function->alt == 0) {
		setting_select(function, 1);
		return;
	}
	function->state = FUNCTION_READY;
	event_submit(function);
	if (function->state != FUNCTION_READY)
		return;
	/* It may have come or gone meanwhile. */
	if (again && function->pipes.subclass == TV_FUNCTION_P2P)
		peer_ask(function);
	if (function->state != FUNCTION_READY)
		return;
	if (again)
		function->ops->freed(function->context, function);
	else
		function->ops->ready(function->context, function);
}

static const struct port_events port_events = {
	.opened = port_opened,
	.selected = port_selected,
};

/* Reset and end */

static void function_reset(struct function *function)
{
	if (function->state != FUNCTION_READY)
		return;
	if (function->resets++ >= RESETS_MAX) {
		function_over(function, -EPROTO, "it does not answer");
		return;
	}
	log_warning("%s: device does not answer, resetting its pipes",
		    function->label);
	function->state = FUNCTION_RESETTING;
	function->reset_deadline_ms =
		uv_now(function->loop) + function->times->reset_ms;
	function->port->ops->cancel(function->port, &function->control);
	function->port->ops->cancel(function->port, &function->event);
	for (unsigned int i = 0; i < function->pipes.count; i++)
		relay_forget(&function->relays[i]);
	timer_set(function);
	reset_when_back(function);
}

static void function_over(struct function *function, int error, const char *why)
{
	if (function->state == FUNCTION_OVER)
		return;
	if (error && why)
		log_warning("%s: device dropped: %s", function->label, why);
	function->state = FUNCTION_OVER;
	uv_timer_stop(&function->timer);
	function->port->ops->cancel(function->port, &function->control);
	function->port->ops->cancel(function->port, &function->event);
	for (unsigned int i = 0; function->relays && i < function->pipes.count;
	     i++)
		relay_forget(&function->relays[i]);
	function->ops->over(function->context, function, error);
	close_when_back(function);
}

/* Public */

struct function *function_create(uv_loop_t *loop, struct port *port,
				 const char *label,
				 const struct relay_times *times,
				 const struct function_owner_ops *ops,
				 void *context)
{
	struct function *function = calloc(1, sizeof(*function));

	if (!function) {
		port->ops->close(port);
		return NULL;
	}
	function->loop = loop;
	function->port = port;
	function->ops = ops;
	function->times = times ? times : &default_times;
	function->context = context;
	function->state = FUNCTION_OPENING;
	strncpy(function->label, label, sizeof(function->label) - 1);
	uv_timer_init(loop, &function->timer);
	function->timer.data = function;
	port->events = &port_events;
	port->context = function;
	function->port_busy = true;
	port->ops->open(port);
	return function;
}

void function_unplug(struct function *function)
{
	function_over(function, 0, NULL);
}

const struct function_name *function_name(const struct function *function)
{
	return &function->name;
}

bool function_has_free(const struct function *function)
{
	if (function->state != FUNCTION_READY)
		return false;
	for (unsigned int i = 0; i < function->pipes.count; i++)
		if (relay_is_free(&function->relays[i]))
			return true;
	return false;
}

int function_connect(struct function *function, int fd)
{
	int rc = -EBUSY;

	for (unsigned int i = 0;
	     function->state == FUNCTION_READY && i < function->pipes.count;
	     i++)
		if (relay_is_free(&function->relays[i])) {
			rc = relay_connect(&function->relays[i], fd);
			if (function->state == FUNCTION_READY)
				timer_set(function);
			return rc;
		}
	close(fd);
	return rc;
}

int function_wait(struct function *function)
{
	for (unsigned int i = 0;
	     function->state == FUNCTION_READY && i < function->pipes.count;
	     i++)
		if (relay_is_free(&function->relays[i])) {
			relay_wait(&function->relays[i]);
			return (int)i;
		}
	return -EBUSY;
}

bool function_is_waiting(const struct function *function, unsigned int pipe)
{
	return function->state == FUNCTION_READY &&
	       pipe < function->pipes.count &&
	       relay_is_waiting(&function->relays[pipe]);
}

void function_attach(struct function *function, unsigned int pipe, int fd)
{
	relay_attach(&function->relays[pipe], fd);
	if (function->state == FUNCTION_READY)
		timer_set(function);
}

const struct function_peer *function_peer(const struct function *function)
{
	return &function->peer;
}

void function_set_waiting(struct function *function, bool waiting)
{
	function->waiting = waiting;
	if (function->state == FUNCTION_READY)
		timer_set(function);
}

void function_stats(const struct function *function,
		    struct function_stats *stats)
{
	*stats = (struct function_stats){
		.pipes = function->relays ? function->pipes.count : 0,
		.bytes_in = function->bytes_in,
		.bytes_out = function->bytes_out,
	};
	for (unsigned int i = 0; i < stats->pipes; i++)
		if (!relay_is_free(&function->relays[i]))
			stats->pipes_used++;
}
