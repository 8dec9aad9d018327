/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay.h - joins one pipe of a function to one local connection.
 */
#ifndef GUEST_RELAY_H
#define GUEST_RELAY_H

#include "connection.h"
#include "pipe.h"
#include "port.h"

#include "protocol/pipe.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

enum { RELAY_SLOTS = 2 };

struct relay;

/* What a relay asks of the function it is part of. */
struct relay_host_ops {
	/* As port_ops.submit(); the host counts what is out. */
	int (*submit)(struct relay *relay, struct port_xfer *xfer);
	void (*cancel)(struct relay *relay, struct port_xfer *xfer);
	/* A transfer given to submit() has come back. */
	void (*returned)(struct relay *relay);
	/* The pipe is free again; last thing the relay does. */
	void (*freed)(struct relay *relay);
	/* The device does not answer: reset it. */
	void (*reset)(struct relay *relay);
	/* The device lies (why: a static string) or is gone (why NULL). */
	void (*drop)(struct relay *relay, const char *why);
	/* relay_deadline_ms() may have changed. */
	void (*deadline)(struct relay *relay);
	/* The far side has joined a pipe that has no connection yet. */
	void (*opened)(struct relay *relay);
};

/* How long is waited for what. */
struct relay_times {
	uint32_t request_ms; /* a device answers a request within */
	uint32_t close_ms;   /* a pipe is closed within */
	uint32_t reset_ms;   /* transfers taken back for a reset are back */
	uint32_t idle_ms;    /* a connection counts as idle after */
	uint32_t join_ms;    /* a client that went before the far side came */
};

struct relay_host {
	const struct relay_host_ops *ops;
	const struct relay_times *times;
	uv_loop_t *loop;
	uint8_t interface;
	uint32_t transfer_max;
	unsigned int queue_depth;
	bool abandon; /* a client that closed wants no answer any more (web) */
	bool joins;   /* OPENED may take its time (p2p) */
	uint64_t *bytes_out; /* totals of the function */
	uint64_t *bytes_in;
};

/* One bulk transfer and its buffer. */
struct relay_slot {
	struct port_xfer xfer;
	struct relay *relay;
	/* WAITING: an IN that is not yet written, an OUT not yet sent. */
	enum { SLOT_IDLE, SLOT_SUBMITTED, SLOT_WAITING } state;
	uint8_t *data;
	uint32_t size;	 /* of data */
	uint32_t offset; /* octets of data dealt with */
	uint32_t len;	 /* octets of data that count */
};

struct relay {
	const struct relay_host *host;
	unsigned int index; /* of the pipe */
	uint8_t endpoint_out;
	uint8_t endpoint_in;

	struct pipe pipe;
	struct connection *connection;
	bool opened; /* the far side has answered */
	uint16_t generation_next;

	struct relay_slot out[RELAY_SLOTS];
	struct relay_slot in[RELAY_SLOTS];
	unsigned int in_park;  /* next slot to park */
	unsigned int in_write; /* next slot to write locally */
	uint32_t in_size;      /* size of the next IN */
	bool in_full;	       /* the last IN came back full */
	uint32_t in_size_max;  /* lowered when memory is short */
	bool write_blocked;

	struct port_xfer request;
	uint8_t request_data[16];

	uint64_t close_deadline_ms; /* 0: none */
	uint64_t retry_ms;	    /* 0: none; no memory, try then */
	uint64_t gone_ms;	    /* 0: none; nobody waits any more then */
	uint64_t moved_ms;	    /* when an octet last moved */
	bool moved_out;		    /* it went towards the device */
};

/* generation: where the pipe's generations begin. */
void relay_init(struct relay *relay, const struct relay_host *host,
		unsigned int index, uint8_t endpoint_out, uint8_t endpoint_in,
		uint16_t generation);

static inline bool relay_is_free(const struct relay *relay)
{
	return relay->pipe.state == PIPE_FREE;
}

/*
 * Opens the pipe for an accepted connection; the relay must be free.  Owns fd
 * from then on.  0 or -ENOMEM (fd is closed then).
 */
int relay_connect(struct relay *relay, int fd);

/*
 * Opens the pipe for nobody yet: host->ops->opened() is called when the far
 * side has joined; relay_attach() then gives it a connection, owning fd, or -1
 * if there is none to be had.
 */
void relay_wait(struct relay *relay);
void relay_attach(struct relay *relay, int fd);

/* True between relay_wait() and the joining of the far side. */
static inline bool relay_is_waiting(const struct relay *relay)
{
	return !relay_is_free(relay) && !relay->connection && !relay->opened;
}

/* Event OPENED of this pipe's present generation. */
void relay_opened(struct relay *relay);

/* An event of this pipe's present generation: PIPE_ON_EOS or PIPE_ON_RESET. */
void relay_event(struct relay *relay, enum pipe_input_type type,
		 uint64_t count);

/*
 * Since when (loop time) nothing has moved and nothing is owed as far as the
 * octets tell: the last ones came from the device, or there were none at all.
 * 0: not idle.
 */
uint64_t relay_idle_since_ms(const struct relay *relay);

/* Closes an idle connection in order. */
void relay_evict(struct relay *relay);

/* The device is reset or gone: aborts the connection, forgets the pipe. */
void relay_forget(struct relay *relay);

/* When relay_tick() is to be called next, loop time; 0: never. */
uint64_t relay_deadline_ms(const struct relay *relay);
void relay_tick(struct relay *relay, uint64_t now_ms);

#endif
