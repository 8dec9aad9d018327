/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pipe.h - the pipes of a vendor interface (docs/device.md, protocol/pipe.h).
 *
 * pipe_function_create() makes a usb_function with one interface and n pipes;
 * what goes through the pipes is the business of a handler.  The handler is
 * given octets as they come and asked for octets when the host wants some, so
 * back-pressure is USB's own: the handler that takes nothing leaves OUT
 * transfers unanswered, the one that has nothing leaves IN transfers parked.
 *
 *      host                      device                   handler
 *   PIPE_OPEN gen   ─────────▶  CLOSED → OPENING   ─────▶ open()
 *                  ◀─ OPENED ─  → ESTABLISHED     ◀───── pipe_established()
 *   OUT transfers   ─────────▶                     ─────▶ receive()
 *   SHUTDOWN count  ─────────▶  after count octets ─────▶ receive_end()
 *   IN transfers    ◀─────────                    ◀─────  produce()
 *                  ◀── EOS ───  after the last one ◀───── pipe_end()
 *   PIPE_CLOSE      ─────────▶  → CLOSED           ─────▶ close()
 *                  ◀─ RESET ──  → RESET            ◀───── pipe_reset()
 */
#ifndef USB_PIPE_H
#define USB_PIPE_H

#include "backend/usb/function.h"
#include "protocol/pipe.h"

#include <stddef.h>
#include <stdint.h>

struct pipe;

struct pipe_handler_ops {
	/*
	 * The host opened the pipe: forget everything of the generation
	 * before.  Answer now or later with pipe_established() or
	 * pipe_reset().
	 */
	void (*open)(void *context, struct pipe *pipe);
	/*
	 * Octets from the guest: take all or part of them, return how many.
	 * After taking less than len, call pipe_want_out() when there is room.
	 */
	size_t (*receive)(void *context, struct pipe *pipe, const uint8_t *data,
			  size_t len);
	/* The guest sends no more; all it sent has been received. */
	void (*receive_end)(void *context, struct pipe *pipe);
	/*
	 * The host has room for len octets: put some at data, return how many.
	 * After returning 0, call pipe_have_in() when there are some.
	 */
	size_t (*produce)(void *context, struct pipe *pipe, uint8_t *data,
			  size_t len);
	/*
	 * Optional.  What holds for the pipe: fills in all but what the host
	 * has asked for.  Without it nothing is limited and nothing can be
	 * asked for.
	 */
	void (*limits)(void *context, struct pipe *pipe,
		       struct tv_pipe_limits *limits);
	/*
	 * The host asks for a class (enum tv_pipe_priority; 0: any) and a rate
	 * (octets a second; 0: any).  Goes with limits.
	 */
	void (*wish)(void *context, struct pipe *pipe, uint8_t priority,
		     uint64_t rate);
	/*
	 * The pipe is over (closed by the host, deselected, device reset or
	 * unplugged, or after pipe_reset()): let go of everything.  Called
	 * exactly once for each open().
	 */
	void (*close)(void *context, struct pipe *pipe);
	/* The function is being destroyed, after the last close(). */
	void (*destroy)(void *context);
	/*
	 * A vendor IN request that is the type's own: put at most len octets
	 * at data, return how many, or a negative number: stall.  May be NULL.
	 */
	int (*request)(void *context, uint8_t request, uint8_t *data,
		       uint16_t len);
};

struct pipe_function_config {
	enum tv_function_type type;
	const char *type_name;	 /* "web": copied */
	const char *name;	 /* "default": copied */
	unsigned int pipe_count; /* 1..TV_PIPE_MAX */
	uint32_t transfer_max;	 /* largest useful transfer, octets */
	const struct pipe_handler_ops *ops;
	void *context; /* owned: freed through ops->destroy */
};

/* NULL: out of memory; then the context is still the caller's. */
struct usb_function *
pipe_function_create(const struct pipe_function_config *config);

/*
 * Tells the host an event of the function itself (pipe 0, generation 0; type
 * is its TV_PIPE_EVENT_*).  At most one waits; one that nobody could read since
 * setting 1 was selected last is forgotten.
 */
void pipe_function_notify(struct usb_function *function, uint8_t type);

/*
 * For handlers, between open() and close().  Any of them may call back into
 * receive() or produce() before it returns, except from inside these two.
 */
void pipe_established(struct pipe *pipe);
void pipe_want_out(struct pipe *pipe);
void pipe_have_in(struct pipe *pipe);
/* No more octets will be produced: the host is told the total count. */
void pipe_end(struct pipe *pipe);
/* What limits() says has changed: the host is told to read it. */
void pipe_limits_changed(struct pipe *pipe);
/* Ends the pipe at once; close() is called before this returns. */
void pipe_reset(struct pipe *pipe, enum tv_pipe_reason reason);

unsigned int pipe_index(const struct pipe *pipe);
uint16_t pipe_generation(const struct pipe *pipe);
/* A place for the handler's own state of this pipe; NULL at open(). */
void *pipe_data(const struct pipe *pipe);
void pipe_set_data(struct pipe *pipe, void *data);

#endif
