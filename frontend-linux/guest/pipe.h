/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipe.h - the guest's side of one pipe as a state machine.
 *
 * Pure: pipe_step() takes what happened and says what to do; it knows neither
 * USB nor sockets.  relay.c does what it says.
 *
 *         CONNECT            OPEN answered
 *   FREE ────────▶ OPENING ────────────────▶ OPEN
 *    ▲                │                        │ both ends, error, reset,
 *    │                │ error                  │ local connection lost
 *    │ CLOSE          ▼                        ▼
 *    │ answered   CANCELLING ◀─────────────────┘
 *    └─ CLOSING ◀───┘ no transfer of the pipe is out any more
 */
#ifndef GUEST_PIPE_H
#define GUEST_PIPE_H

#include "port.h"

#include <stdbool.h>
#include <stdint.h>

enum pipe_state {
	PIPE_FREE,
	PIPE_OPENING,
	PIPE_OPEN,
	PIPE_CANCELLING,
	PIPE_CLOSING,
	PIPE_STATE_COUNT
};

enum pipe_input_type {
	PIPE_ON_CONNECT,       /* a local connection; count = generation */
	PIPE_ON_REQUEST_DONE,  /* the one request that is out; status */
	PIPE_ON_LOCAL_DATA,    /* count octets go into an OUT transfer now */
	PIPE_ON_LOCAL_END,     /* the local side sends no more */
	PIPE_ON_LOCAL_WRITTEN, /* all octets of one IN are written locally */
	PIPE_ON_LOCAL_LOST,    /* the local connection is broken */
	PIPE_ON_OUT_DONE,      /* status; count = octets not taken */
	PIPE_ON_IN_PARKED,     /* an IN transfer was submitted */
	PIPE_ON_IN_DONE,       /* status; count = octets received */
	PIPE_ON_EOS,	       /* event; count = octets given in all */
	PIPE_ON_RESET,	       /* event */
	PIPE_ON_EVICT,	       /* idle, and others wait */
	PIPE_ON_FORGET,	       /* the device is reset or gone */
	PIPE_INPUT_COUNT
};

struct pipe_input {
	enum pipe_input_type type;
	enum port_status status;
	uint64_t count;
};

/* What to do, in this order.  Bits, for several may come at once. */
enum pipe_action {
	PIPE_DO_DROP_DEVICE = 1 << 0,  /* it lies: pipe.fault says how */
	PIPE_DO_RESET_DEVICE = 1 << 1, /* it does not answer */
	PIPE_DO_LOCAL_ABORT = 1 << 2,  /* end the connection as an error */
	PIPE_DO_LOCAL_CLOSE = 1 << 3,  /* end the connection in order */
	PIPE_DO_LOCAL_END = 1 << 4,    /* half-close it: no more will come */
	PIPE_DO_CANCEL = 1 << 5,       /* take all transfers back */
	PIPE_DO_CANCEL_IN = 1 << 6,    /* take the waiting INs back */
	PIPE_DO_OPEN = 1 << 7,	       /* request, with pipe.generation */
	PIPE_DO_SHUTDOWN = 1 << 8,     /* request, with pipe.out_octets */
	PIPE_DO_CLOSE = 1 << 9,	       /* request, with pipe.generation */
	PIPE_DO_FREE = 1 << 10,	       /* ready for another connection */
};

struct pipe {
	enum pipe_state state;
	uint16_t generation;
	bool request_out; /* a request waits for its answer */
	bool retried;	  /* OPEN was stalled once */
	bool local;	  /* the local connection is there */

	/* Towards the device. */
	uint64_t out_octets;
	unsigned int out_transfers; /* out now */
	bool local_ended;
	bool shutdown_sent;
	bool shutdown_done;

	/* Towards the local side. */
	uint64_t in_octets;
	uint64_t eos_octets;	   /* if eos */
	unsigned int in_transfers; /* out now */
	unsigned int in_unwritten; /* done, not yet written locally */
	bool eos;
	bool in_ended; /* local side has been told */
	bool broken;   /* reset when all had come: it is still delivered */

	const char *fault; /* why the device is dropped */
};

/* Takes one step: the actions, enum pipe_action. */
unsigned int pipe_step(struct pipe *pipe, const struct pipe_input *input);

/* True if octets read from the local side could go out. */
bool pipe_wants_local(const struct pipe *pipe);

/* True if a further IN transfer may be parked. */
bool pipe_wants_in(const struct pipe *pipe);

const char *pipe_state_name(enum pipe_state state);

#endif
