/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * function.h - one 2Virt function that is plugged in.
 */
#ifndef GUEST_FUNCTION_H
#define GUEST_FUNCTION_H

#include "name.h"
#include "port.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct function;
struct relay_times;

struct function_owner_ops {
	/* Set up: name and pipes are known, connections are welcome. */
	void (*ready)(void *context, struct function *function);
	/* A pipe may be free now. */
	void (*freed)(void *context, struct function *function);
	/*
	 * The far side has joined a pipe of function_wait(): answer with
	 * function_attach().  May be NULL.
	 */
	void (*opened)(void *context, struct function *function,
		       unsigned int pipe);
	/*
	 * It is over, called exactly once; the function frees itself when its
	 * last transfer is back.  error: 0 after function_unplug() or when the
	 * device vanished, -EPROTO when it was dropped for its behaviour (said
	 * in the log), otherwise why it could not be opened.
	 */
	void (*over)(void *context, struct function *function, int error);
};

struct function_stats {
	unsigned int pipes;
	unsigned int pipes_used;
	uint64_t bytes_in;  /* towards local programs */
	uint64_t bytes_out; /* towards the device */
};

/*
 * Starts to set a function up; owns the port from then on, also on failure.
 * label names it in messages ("1-2:1.0") and is copied; times (relay.h,
 * borrowed) may be NULL.  NULL: out of memory.
 */
struct function *function_create(uv_loop_t *loop, struct port *port,
				 const char *label,
				 const struct relay_times *times,
				 const struct function_owner_ops *ops,
				 void *context);

/* The device is unplugged, or the daemon ends: over() before this returns. */
void function_unplug(struct function *function);

/* Valid from ready() on. */
const struct function_name *function_name(const struct function *function);

/* True if function_connect() would find a free pipe. */
bool function_has_free(const struct function *function);

/*
 * Gives an accepted connection to a free pipe; owns fd.  0, -EBUSY (none is
 * free) or -ENOMEM; fd is closed then.
 */
int function_connect(struct function *function, int fd);

/*
 * Opens a free pipe for nobody yet, until the far side joins it.  Its number,
 * or -EBUSY.
 */
int function_wait(struct function *function);
/* True while such a pipe has not been joined, and is not over. */
bool function_is_waiting(const struct function *function, unsigned int pipe);
/* A connection for it; owns fd, -1: none is to be had. */
void function_attach(struct function *function, unsigned int pipe, int fd);

/* Who is at the other end of a p2p function, as the platform says. */
struct function_peer {
	bool known;
	bool present;
	uint8_t role;	/* enum tv_p2p_role: this side's */
	char uuid[37];	/* as it is written */
	char name[105]; /* nothing but printable ASCII */
};

const struct function_peer *function_peer(const struct function *function);

/*
 * Says whether connections wait for a pipe.  While they do, a web connection
 * that has idled for long (times.idle_ms) is closed to make room.
 */
void function_set_waiting(struct function *function, bool waiting);

void function_stats(const struct function *function,
		    struct function_stats *stats);

#endif
