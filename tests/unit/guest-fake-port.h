/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest-fake-port.h - a device at the port boundary of 2virt-guest.
 *
 * It follows docs/device.md and insists that the guest does: everything the
 * guest must not do fails the test. What it does with the octets of a pipe,
 * and how it lies, is set by the test.
 */
#ifndef GUEST_FAKE_PORT_H
#define GUEST_FAKE_PORT_H

#include "frontend-linux/guest/port.h"
#include "protocol/pipe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum { FAKE_PIPES = 4, FAKE_BUFFER = 200000 };

enum fake_service {
	FAKE_ECHO, /* what comes goes back, the end too */
	FAKE_SINK, /* takes everything, gives nothing, ends with the guest */
	FAKE_HOLD, /* takes nothing, gives what fake_give() says */
};

struct fake_port;

struct fake_pipe {
	struct fake_port *fake;
	enum tv_pipe_state state;
	uint16_t generation;
	uint16_t last_generation;
	unsigned int opened; /* how often */
	struct port_xfer *out[2];
	uint32_t out_taken; /* octets of out[0] */
	unsigned int out_count;
	struct port_xfer *in[2];
	unsigned int in_count;
	uint64_t taken;
	uint64_t given;
	bool shut;
	uint64_t shut_count;
	bool ending; /* EOS when the buffer is empty */
	bool ended;
	uint8_t buffer[FAKE_BUFFER];
	size_t buffer_len;
};

struct fake_port {
	struct port port;
	uv_loop_t *loop;
	uv_idle_t idle;
	uv_timer_t timeout; /* of requests that are not answered */
	uint8_t descriptors[512];
	enum fake_service service;
	uint8_t alt;
	bool opened;
	bool gone;
	bool closed;
	unsigned int selects;

	struct fake_pipe pipes[FAKE_PIPES];
	struct port_xfer *event;
	struct tv_pipe_event events[64];
	unsigned int event_count;

	/* Completions and answers that the loop delivers. */
	struct {
		struct port_xfer *xfer;
		enum port_status status;
		uint32_t actual;
	} done[64];
	unsigned int done_count;
	bool answer_open;
	bool answer_select;

	/* Faults. */
	int open_error;
	int select_error;
	bool mute_open;		  /* PIPE_OPEN is never answered */
	bool mute_close;	  /* PIPE_CLOSE neither */
	bool mute_cancel;	  /* transfers are not given back */
	unsigned int stall_opens; /* that many PIPE_OPEN are stalled */
	uint32_t memory;     /* largest transfer there is room for; 0: any */
	unsigned int refuse; /* that many bulk transfers find no room */
	const char *name;    /* iInterface */
	uint8_t info[TV_FUNCTION_INFO_LEN];
	uint8_t info_len;
	uint32_t stuck_count; /* requests held back by mute_* */
	struct port_xfer *stuck[16];
};

/* A web device called name with FAKE_PIPES pipes. */
struct fake_port *fake_port_create(uv_loop_t *loop, const char *name);

/* Frees it; the guest must have closed it. */
void fake_port_destroy(struct fake_port *fake);

/* Puts octets into a pipe, towards the guest. */
void fake_give(struct fake_pipe *pipe, const void *data, size_t len);
/* Ends that direction after what was given. */
void fake_end(struct fake_pipe *pipe);
void fake_reset(struct fake_pipe *pipe, enum tv_pipe_reason reason);
/* An event as it stands. */
void fake_event(struct fake_port *fake, const struct tv_pipe_event *event);
/* Completes a transfer of the guest with a lie. */
void fake_complete(struct fake_port *fake, struct port_xfer *xfer,
		   enum port_status status, uint32_t actual);
/* Pulls the device: everything ends with PORT_GONE. */
void fake_unplug(struct fake_port *fake);
/* Gives back what mute_cancel held. */
void fake_unmute(struct fake_port *fake);

#endif
