/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller_state.h - what the broker does with one PV USB controller, as a
 * pure function (state, event) -> (state, actions).
 *
 * Nothing here knows XenStore or processes: the broker looks at the nodes of a
 * controller, turns what it sees into one event, asks for the step and carries
 * its actions out.
 *
 *  NEW ─▶ OFFERED ─▶ WAITING ─▶ STARTING ─▶ CONNECTED     backend node:
 *          (2, hold)   (2)  ▲       │  (2)      │ (4)       2 InitWait
 *                           │       └─▶ STOPPING ◀┘         4 Connected
 *                           │               ▼               5 Closing
 *                           ├──────────  CLOSING (5)        6 Closed
 *                           └──────────  CLOSED (6)
 *  any ─▶ REMOVE_STOPPING ─▶ REMOVING (5) ─▶ REMOVED (6) ─▶ GONE
 */
#ifndef DAEMON_CONTROLLER_STATE_H
#define DAEMON_CONTROLLER_STATE_H

#include <stdbool.h>

/* public/io/xenbus.h */
enum xenbus_node_state {
	XENBUS_STATE_UNKNOWN = 0, /* also: no such node */
	XENBUS_STATE_INITIALISING = 1,
	XENBUS_STATE_INIT_WAIT = 2,
	XENBUS_STATE_INITIALISED = 3,
	XENBUS_STATE_CONNECTED = 4,
	XENBUS_STATE_CLOSING = 5,
	XENBUS_STATE_CLOSED = 6,
	/* 7 and 8 are never used by a pvUSB frontend: stands for nonsense. */
	XENBUS_STATE_OTHER = 7,
};

enum controller_state {
	CONTROLLER_NEW,
	CONTROLLER_IGNORED,  /* not ours to serve */
	CONTROLLER_OFFERED,  /* InitWait, held there for libxl to see it */
	CONTROLLER_WAITING,  /* InitWait, the frontend may come */
	CONTROLLER_STARTING, /* a device process maps the rings */
	CONTROLLER_CONNECTED,
	CONTROLLER_STOPPING, /* the device process lets go of the guest */
	CONTROLLER_CLOSING,
	CONTROLLER_CLOSED,
	CONTROLLER_REMOVE_STOPPING, /* as STOPPING, the toolstack waits */
	CONTROLLER_REMOVING,
	CONTROLLER_REMOVED,
	CONTROLLER_GONE,
	CONTROLLER_STATE_COUNT
};

enum controller_event {
	CONTROLLER_EVENT_NONE,
	CONTROLLER_EVENT_GONE,	    /* the backend directory is not there */
	CONTROLLER_EVENT_RECREATED, /* the toolstack wrote it anew */
	CONTROLLER_EVENT_FOREIGN,   /* somebody else serves it */
	CONTROLLER_EVENT_REMOVE,    /* online = 0 and state = Closing */
	CONTROLLER_EVENT_BACK_INITIALISING, /* the own node, as found first */
	CONTROLLER_EVENT_BACK_INIT_WAIT,
	CONTROLLER_EVENT_BACK_CONNECTED, /* and the frontend is, too: resume */
	CONTROLLER_EVENT_BACK_LOST, /* Connected, but the frontend is not */
	CONTROLLER_EVENT_BACK_CLOSING,
	CONTROLLER_EVENT_BACK_CLOSED,
	CONTROLLER_EVENT_HOLD_OVER,  /* libxl has had its time */
	CONTROLLER_EVENT_CLOSE_OVER, /* waited long enough for the guest */
	CONTROLLER_EVENT_DEVICE_CONNECTED, /* rings mapped */
	CONTROLLER_EVENT_DEVICE_FAULT,	   /* the guest broke a rule */
	CONTROLLER_EVENT_DEVICE_STOPPED,   /* the process is gone, as asked */
	CONTROLLER_EVENT_DEVICE_LOST,	   /* it died by itself */
	CONTROLLER_EVENT_FRONT_ABSENT,
	CONTROLLER_EVENT_FRONT_INITIALISING,
	CONTROLLER_EVENT_FRONT_CONNECTED,
	CONTROLLER_EVENT_FRONT_CLOSING,
	CONTROLLER_EVENT_FRONT_CLOSED,
	CONTROLLER_EVENT_COUNT
};

/* Carried out in this order. */
enum controller_action {
	CONTROLLER_ACTION_KILL = 1 << 0,    /* device process, at once */
	CONTROLLER_ACTION_STOP = 1 << 1,    /* device process, in order */
	CONTROLLER_ACTION_START = 1 << 2,   /* device process, new journal */
	CONTROLLER_ACTION_RESUME = 1 << 3,  /* device process, same journal */
	CONTROLLER_ACTION_REPLACE = 1 << 4, /* as RESUME, after a back-off */
	CONTROLLER_ACTION_WRITE_INIT_WAIT = 1 << 5,
	CONTROLLER_ACTION_WRITE_CONNECTED = 1 << 6,
	CONTROLLER_ACTION_WRITE_CLOSING = 1 << 7,
	CONTROLLER_ACTION_WRITE_CLOSED = 1 << 8,
	CONTROLLER_ACTION_ARM_HOLD = 1 << 9,   /* CONTROLLER_HOLD_MS */
	CONTROLLER_ACTION_ARM_CLOSE = 1 << 10, /* CONTROLLER_CLOSE_MS */
	CONTROLLER_ACTION_FREE = 1 << 11,
};

enum { CONTROLLER_HOLD_MS = 500, CONTROLLER_CLOSE_MS = 3000 };

struct controller_step {
	enum controller_state state;
	unsigned int actions; /* of enum controller_action */
};

struct controller_step controller_step(enum controller_state state,
				       enum controller_event event);

/* What the broker saw of a controller in one look. */
struct controller_view {
	bool exists;	/* the backend directory */
	bool foreign;	/* not pv, passthrough, a kernel backend, ... */
	bool domain_up; /* the hypervisor knows the domain and it lives */
	bool online;
	enum xenbus_node_state backend;
	enum xenbus_node_state frontend; /* UNKNOWN: no node, or no number */
	bool hold_over;
	bool close_over;
	/* Consumed by the step that they cause. */
	bool device_connected;
	bool device_fault;
	bool device_stopped;
	bool device_lost;
};

/* The event of a look, NONE if there is nothing to do in this state. */
enum controller_event controller_event(enum controller_state state,
				       const struct controller_view *view);

const char *controller_state_name(enum controller_state state);
const char *controller_event_name(enum controller_event event);

#endif
