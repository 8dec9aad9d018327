// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pipe.c - the guest's side of one pipe (docs/device.md, sections 2 and 3).
 *
 * What keeps one client's octets from the next:
 *   - a generation ends only in CANCELLING, which is left when no transfer and
 *     no request of it is out, and then through CLOSE;
 *   - INs are parked in OPEN only, and never once the count of EOS is met.
 *
 * SHUTDOWN waits for the OUT transfers before it, though its count would not
 * need that: a CLOSE can then never overtake octets that were accepted.
 */
#include "pipe.h"

#include <assert.h>
#include <string.h>

static const char *const state_names[] = {
	[PIPE_FREE] = "free",	    [PIPE_OPENING] = "opening",
	[PIPE_OPEN] = "open",	    [PIPE_CANCELLING] = "cancelling",
	[PIPE_CLOSING] = "closing",
};
static_assert(sizeof(state_names) / sizeof(state_names[0]) == PIPE_STATE_COUNT,
	      "a name for each state");

const char *pipe_state_name(enum pipe_state state)
{
	return (unsigned int)state < PIPE_STATE_COUNT ? state_names[state]
						      : "?";
}

bool pipe_wants_local(const struct pipe *pipe)
{
	return pipe->state == PIPE_OPEN && !pipe->local_ended && !pipe->broken;
}

static bool in_complete(const struct pipe *pipe)
{
	return pipe->eos && pipe->in_octets == pipe->eos_octets;
}

bool pipe_wants_in(const struct pipe *pipe)
{
	return pipe->state == PIPE_OPEN && !in_complete(pipe);
}

static unsigned int drop(struct pipe *pipe, const char *fault)
{
	pipe->fault = fault;
	return PIPE_DO_DROP_DEVICE;
}

/* In CANCELLING: CLOSE once everything is back. */
static unsigned int close_when_back(struct pipe *pipe)
{
	if (pipe->in_transfers || pipe->out_transfers || pipe->request_out)
		return 0;
	pipe->state = PIPE_CLOSING;
	pipe->request_out = true;
	return PIPE_DO_CLOSE;
}

/* Ends the generation; end says what becomes of the local connection. */
static unsigned int finish(struct pipe *pipe, unsigned int end)
{
	unsigned int actions = 0;

	pipe->state = PIPE_CANCELLING;
	if (pipe->local) {
		pipe->local = false;
		actions |= end;
	}
	pipe->in_unwritten = 0;
	if (pipe->in_transfers || pipe->out_transfers)
		actions |= PIPE_DO_CANCEL;
	return actions | close_when_back(pipe);
}

/* After something moved in OPEN: which ends have been reached by it? */
static unsigned int ends_reached(struct pipe *pipe)
{
	unsigned int actions = 0;

	if (pipe->broken)
		return pipe->in_unwritten ? 0
					  : finish(pipe, PIPE_DO_LOCAL_CLOSE);
	if (pipe->local_ended && !pipe->shutdown_sent &&
	    pipe->out_transfers == 0) {
		pipe->shutdown_sent = true;
		pipe->request_out = true;
		actions |= PIPE_DO_SHUTDOWN;
	}
	if (in_complete(pipe) && pipe->in_unwritten == 0 && !pipe->in_ended) {
		pipe->in_ended = true;
		actions |= PIPE_DO_LOCAL_END;
	}
	if (pipe->in_ended && pipe->shutdown_done)
		return (actions & ~PIPE_DO_LOCAL_END) |
		       finish(pipe, PIPE_DO_LOCAL_CLOSE);
	return actions;
}

static unsigned int connect_step(struct pipe *pipe,
				 const struct pipe_input *input)
{
	if (input->type != PIPE_ON_CONNECT)
		return 0;
	memset(pipe, 0, sizeof(*pipe));
	pipe->state = PIPE_OPENING;
	pipe->generation = (uint16_t)input->count;
	pipe->local = true;
	pipe->request_out = true;
	return PIPE_DO_OPEN;
}

static unsigned int opening_step(struct pipe *pipe,
				 const struct pipe_input *input)
{
	switch (input->type) {
	case PIPE_ON_REQUEST_DONE:
		pipe->request_out = false;
		if (input->status == PORT_OK) {
			pipe->state = PIPE_OPEN;
			return ends_reached(pipe);
		}
		if (input->status != PORT_STALL || pipe->retried)
			return finish(pipe, PIPE_DO_LOCAL_ABORT);
		/* A daemon before us may have used this generation last. */
		pipe->retried = true;
		pipe->eos = false;
		pipe->generation = pipe->generation == UINT16_MAX
					   ? 1
					   : pipe->generation + 1;
		pipe->request_out = true;
		return PIPE_DO_OPEN;
	case PIPE_ON_EOS: /* events may overtake the answer to OPEN */
		pipe->eos = true;
		pipe->eos_octets = input->count;
		return 0;
	case PIPE_ON_RESET:
	case PIPE_ON_LOCAL_LOST:
		return finish(pipe, PIPE_DO_LOCAL_ABORT);
	default:
		return 0;
	}
}

static unsigned int in_done(struct pipe *pipe, const struct pipe_input *input)
{
	pipe->in_transfers--;
	if (input->status == PORT_CANCELLED && input->count == 0 &&
	    in_complete(pipe))
		return ends_reached(pipe);
	if (input->status == PORT_OVERFLOW)
		return drop(pipe, "it sent more than was asked for");
	if (input->status != PORT_OK)
		return finish(pipe, PIPE_DO_LOCAL_ABORT);
	if (input->count == 0)
		return drop(pipe, "it answered a bulk IN with nothing");
	pipe->in_octets += input->count;
	if (pipe->eos && pipe->in_octets > pipe->eos_octets)
		return drop(pipe, "it sent octets beyond its end of stream");
	pipe->in_unwritten++;
	/* The last octet is here: nothing is left for the other INs. */
	return in_complete(pipe) && pipe->in_transfers ? PIPE_DO_CANCEL_IN : 0;
}

static unsigned int eos(struct pipe *pipe, uint64_t count)
{
	if (pipe->eos && count != pipe->eos_octets)
		return drop(pipe, "it ended a stream twice");
	if (count < pipe->in_octets)
		return drop(pipe, "it sent octets beyond its end of stream");
	pipe->eos = true;
	pipe->eos_octets = count;
	return (in_complete(pipe) && pipe->in_transfers ? PIPE_DO_CANCEL_IN
							: 0) |
	       ends_reached(pipe);
}

static unsigned int open_step(struct pipe *pipe, const struct pipe_input *input)
{
	switch (input->type) {
	case PIPE_ON_LOCAL_DATA:
		pipe->out_octets += input->count;
		pipe->out_transfers++;
		return 0;
	case PIPE_ON_LOCAL_END:
		pipe->local_ended = true;
		return ends_reached(pipe);
	case PIPE_ON_OUT_DONE:
		pipe->out_transfers--;
		if (input->status != PORT_OK)
			return finish(pipe, PIPE_DO_LOCAL_ABORT);
		if (input->count)
			return drop(pipe, "it took a part of a transfer");
		return ends_reached(pipe);
	case PIPE_ON_IN_PARKED:
		pipe->in_transfers++;
		return 0;
	case PIPE_ON_IN_DONE:
		return in_done(pipe, input);
	case PIPE_ON_LOCAL_WRITTEN:
		pipe->in_unwritten--;
		return ends_reached(pipe);
	case PIPE_ON_REQUEST_DONE: /* the only one here is SHUTDOWN */
		pipe->request_out = false;
		if (pipe->broken)
			return ends_reached(pipe);
		if (input->status != PORT_OK)
			return finish(pipe, PIPE_DO_LOCAL_ABORT);
		pipe->shutdown_done = true;
		return ends_reached(pipe);
	case PIPE_ON_EOS:
		return eos(pipe, input->count);
	case PIPE_ON_RESET:
		if (!in_complete(pipe) || !pipe->in_unwritten)
			return finish(pipe, PIPE_DO_LOCAL_ABORT);
		pipe->broken = true;
		return 0;
	case PIPE_ON_LOCAL_LOST:
	case PIPE_ON_EVICT:
		return finish(pipe, PIPE_DO_LOCAL_CLOSE);
	default:
		return 0;
	}
}

/* What comes back in CANCELLING belongs to nobody any more. */
static unsigned int cancelling_step(struct pipe *pipe,
				    const struct pipe_input *input)
{
	switch (input->type) {
	case PIPE_ON_OUT_DONE:
		pipe->out_transfers--;
		break;
	case PIPE_ON_IN_DONE:
		pipe->in_transfers--;
		break;
	case PIPE_ON_REQUEST_DONE:
		pipe->request_out = false;
		break;
	default:
		return 0;
	}
	return close_when_back(pipe);
}

static unsigned int closing_step(struct pipe *pipe,
				 const struct pipe_input *input)
{
	if (input->type != PIPE_ON_REQUEST_DONE)
		return 0;
	pipe->request_out = false;
	if (input->status != PORT_OK)
		return PIPE_DO_RESET_DEVICE;
	pipe->state = PIPE_FREE;
	return PIPE_DO_FREE;
}

unsigned int pipe_step(struct pipe *pipe, const struct pipe_input *input)
{
	if (input->type == PIPE_ON_FORGET) {
		unsigned int actions = pipe->local ? PIPE_DO_LOCAL_ABORT : 0;

		memset(pipe, 0, sizeof(*pipe));
		return actions;
	}
	switch (pipe->state) {
	case PIPE_FREE:
		return connect_step(pipe, input);
	case PIPE_OPENING:
		return opening_step(pipe, input);
	case PIPE_OPEN:
		return open_step(pipe, input);
	case PIPE_CANCELLING:
		return cancelling_step(pipe, input);
	case PIPE_CLOSING:
		return closing_step(pipe, input);
	default:
		return 0;
	}
}
