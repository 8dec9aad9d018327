// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * controller_state.c - the life of a PV USB controller as a table.
 *
 * Pairs that the table does not name change nothing.  Two rules hold in every
 * state and stand before it: a directory that is gone ends everything, one that
 * the toolstack wrote anew begins everything.
 *
 * The order of closing follows what frontends wait for: the rings are let go
 * (STOPPING) before the guest is told (CLOSING, then CLOSED), and a frontend
 * that begins anew finds InitWait again.  A guest that crashed into another
 * kernel walks Closing, Closed, Initialising and waits for our 5, 6 and 2
 * (xenbus_reset_frontend in Linux), so none of these may be skipped.
 */
#include "backend/daemon/controller_state.h"

#include <assert.h>
#include <stddef.h>

#define S(name) CONTROLLER_##name
#define E(name) CONTROLLER_EVENT_##name
#define A(name) CONTROLLER_ACTION_##name

struct rule {
	enum controller_state state;
	enum controller_event event;
	enum controller_state next;
	unsigned int actions;
};

static const struct rule rules[] = {
	{S(NEW), E(FOREIGN), S(IGNORED), 0},
	{S(NEW), E(REMOVE), S(REMOVING), A(ARM_CLOSE)},
	{S(NEW), E(BACK_INITIALISING), S(OFFERED),
	 A(WRITE_INIT_WAIT) | A(ARM_HOLD)},
	{S(NEW), E(BACK_INIT_WAIT), S(WAITING), 0},
	{S(NEW), E(BACK_CONNECTED), S(STARTING), A(RESUME)},
	{S(NEW), E(BACK_LOST), S(CLOSING), A(WRITE_CLOSING) | A(ARM_CLOSE)},
	{S(NEW), E(BACK_CLOSING), S(CLOSING), A(ARM_CLOSE)},
	{S(NEW), E(BACK_CLOSED), S(CLOSED), 0},

	{S(OFFERED), E(HOLD_OVER), S(WAITING), 0},
	{S(OFFERED), E(REMOVE), S(REMOVING), A(ARM_CLOSE)},

	{S(WAITING), E(FRONT_CONNECTED), S(STARTING), A(START)},
	{S(WAITING), E(FRONT_CLOSING), S(CLOSING),
	 A(WRITE_CLOSING) | A(ARM_CLOSE)},
	{S(WAITING), E(FRONT_CLOSED), S(CLOSED), A(WRITE_CLOSED)},
	{S(WAITING), E(REMOVE), S(REMOVING), A(ARM_CLOSE)},

	{S(STARTING), E(DEVICE_CONNECTED), S(CONNECTED), A(WRITE_CONNECTED)},
	{S(STARTING), E(DEVICE_FAULT), S(STOPPING), A(STOP)},
	{S(STARTING), E(DEVICE_LOST), S(STARTING), A(REPLACE)},
	{S(STARTING), E(FRONT_ABSENT), S(STOPPING), A(STOP)},
	{S(STARTING), E(FRONT_INITIALISING), S(STOPPING), A(STOP)},
	{S(STARTING), E(FRONT_CLOSING), S(STOPPING), A(STOP)},
	{S(STARTING), E(FRONT_CLOSED), S(STOPPING), A(STOP)},
	{S(STARTING), E(REMOVE), S(REMOVE_STOPPING), A(STOP)},

	{S(CONNECTED), E(DEVICE_FAULT), S(STOPPING), A(STOP)},
	{S(CONNECTED), E(DEVICE_LOST), S(STARTING), A(REPLACE)},
	{S(CONNECTED), E(FRONT_ABSENT), S(STOPPING), A(STOP)},
	{S(CONNECTED), E(FRONT_INITIALISING), S(STOPPING), A(STOP)},
	{S(CONNECTED), E(FRONT_CLOSING), S(STOPPING), A(STOP)},
	{S(CONNECTED), E(FRONT_CLOSED), S(STOPPING), A(STOP)},
	{S(CONNECTED), E(REMOVE), S(REMOVE_STOPPING), A(STOP)},

	{S(STOPPING), E(DEVICE_STOPPED), S(CLOSING),
	 A(WRITE_CLOSING) | A(ARM_CLOSE)},
	{S(STOPPING), E(REMOVE), S(REMOVE_STOPPING), 0},

	{S(CLOSING), E(FRONT_CLOSED), S(CLOSED), A(WRITE_CLOSED)},
	{S(CLOSING), E(FRONT_ABSENT), S(CLOSED), A(WRITE_CLOSED)},
	{S(CLOSING), E(CLOSE_OVER), S(CLOSED), A(WRITE_CLOSED)},
	{S(CLOSING), E(FRONT_INITIALISING), S(WAITING), A(WRITE_INIT_WAIT)},
	{S(CLOSING), E(REMOVE), S(REMOVING), A(ARM_CLOSE)},

	{S(CLOSED), E(FRONT_INITIALISING), S(WAITING), A(WRITE_INIT_WAIT)},
	{S(CLOSED), E(REMOVE), S(REMOVING), A(ARM_CLOSE)},

	{S(REMOVE_STOPPING), E(DEVICE_STOPPED), S(REMOVING), A(ARM_CLOSE)},

	{S(REMOVING), E(FRONT_CLOSED), S(REMOVED), A(WRITE_CLOSED)},
	{S(REMOVING), E(FRONT_ABSENT), S(REMOVED), A(WRITE_CLOSED)},
	/* No driver came near it: there is nobody to wait for. */
	{S(REMOVING), E(FRONT_INITIALISING), S(REMOVED), A(WRITE_CLOSED)},
	{S(REMOVING), E(CLOSE_OVER), S(REMOVED), A(WRITE_CLOSED)},
};

struct controller_step controller_step(enum controller_state state,
				       enum controller_event event)
{
	struct controller_step step = {.state = state, .actions = 0};

	if (state == S(GONE) || event == E(NONE))
		return step;
	if (event == E(GONE)) {
		step.state = S(GONE);
		step.actions = A(KILL) | A(FREE);
		return step;
	}
	if (event == E(RECREATED)) {
		step.state = S(NEW);
		step.actions = A(KILL);
		return step;
	}
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].state == state && rules[i].event == event) {
			step.state = rules[i].next;
			step.actions = rules[i].actions;
			break;
		}
	}
	return step;
}

/* What a controller looks like that was never looked at before. */
static enum controller_event first_event(const struct controller_view *view)
{
	if (view->foreign)
		return E(FOREIGN);
	if (!view->online && view->backend == XENBUS_STATE_CLOSING)
		return E(REMOVE);
	if (!view->domain_up)
		return E(NONE);
	switch (view->backend) {
	case XENBUS_STATE_INITIALISING:
		return E(BACK_INITIALISING);
	case XENBUS_STATE_INIT_WAIT:
		return E(BACK_INIT_WAIT);
	case XENBUS_STATE_CONNECTED:
		return view->frontend == XENBUS_STATE_CONNECTED
			       ? E(BACK_CONNECTED)
			       : E(BACK_LOST);
	case XENBUS_STATE_CLOSING:
		return E(BACK_CLOSING);
	case XENBUS_STATE_CLOSED:
		return E(BACK_CLOSED);
	default:
		return E(NONE);
	}
}

static enum controller_event front_event(const struct controller_view *view)
{
	if (!view->domain_up)
		return E(FRONT_ABSENT);
	switch (view->frontend) {
	case XENBUS_STATE_UNKNOWN:
		return E(FRONT_ABSENT);
	case XENBUS_STATE_INITIALISING:
		return E(FRONT_INITIALISING);
	case XENBUS_STATE_CONNECTED:
		return E(FRONT_CONNECTED);
	case XENBUS_STATE_CLOSING:
		return E(FRONT_CLOSING);
	case XENBUS_STATE_CLOSED:
		return E(FRONT_CLOSED);
	default:
		return E(NONE);
	}
}

static enum controller_event device_event(enum controller_state state,
					  const struct controller_view *view)
{
	bool running = state == S(STARTING) || state == S(CONNECTED);
	bool stopping = state == S(STOPPING) || state == S(REMOVE_STOPPING);

	if (running && view->device_fault)
		return E(DEVICE_FAULT);
	if (running && view->device_lost)
		return E(DEVICE_LOST);
	if (stopping && (view->device_stopped || view->device_lost))
		return E(DEVICE_STOPPED);
	return E(NONE);
}

enum controller_event controller_event(enum controller_state state,
				       const struct controller_view *view)
{
	enum controller_event event;
	bool removed = state == S(REMOVE_STOPPING) || state == S(REMOVING) ||
		       state == S(REMOVED);

	if (state == S(GONE))
		return E(NONE);
	if (!view->exists)
		return E(GONE);
	if (state == S(NEW))
		return first_event(view);
	if (view->backend == XENBUS_STATE_INITIALISING) {
		/* Nobody but the toolstack writes 1. */
		if (state == S(IGNORED) && (view->foreign || !view->domain_up))
			return E(NONE);
		return E(RECREATED);
	}
	if (state == S(IGNORED))
		return E(NONE);
	if (!removed && !view->online && view->backend == XENBUS_STATE_CLOSING)
		return E(REMOVE);
	event = device_event(state, view);
	if (event != E(NONE))
		return event;
	if (state == S(OFFERED))
		return view->hold_over ? E(HOLD_OVER) : E(NONE);
	event = front_event(view);
	/* The guest's own move goes before our patience with it. */
	if (controller_step(state, event).state != state)
		return event;
	if (view->close_over && (state == S(CLOSING) || state == S(REMOVING)))
		return E(CLOSE_OVER);
	if (state == S(STARTING) && view->device_connected)
		return E(DEVICE_CONNECTED);
	return E(NONE);
}

const char *controller_state_name(enum controller_state state)
{
	static const char *const names[] = {
		"new",	    "ignored",	       "offered",  "waiting",
		"starting", "connected",       "stopping", "closing",
		"closed",   "remove-stopping", "removing", "removed",
		"gone",
	};

	static_assert(sizeof(names) / sizeof(names[0]) ==
			      CONTROLLER_STATE_COUNT,
		      "a name for every state");
	return state < CONTROLLER_STATE_COUNT ? names[state] : "unknown";
}

const char *controller_event_name(enum controller_event event)
{
	static const char *const names[] = {
		"none",
		"gone",
		"recreated",
		"foreign",
		"remove",
		"back-initialising",
		"back-init-wait",
		"back-connected",
		"back-lost",
		"back-closing",
		"back-closed",
		"hold-over",
		"close-over",
		"device-connected",
		"device-fault",
		"device-stopped",
		"device-lost",
		"front-absent",
		"front-initialising",
		"front-connected",
		"front-closing",
		"front-closed",
	};

	static_assert(sizeof(names) / sizeof(names[0]) ==
			      CONTROLLER_EVENT_COUNT,
		      "a name for every event");
	return event < CONTROLLER_EVENT_COUNT ? names[event] : "unknown";
}
