/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peer.h - a pipe handler that does what a case tells it.
 */
#ifndef TESTS_CONFORMANCE_PEER_H
#define TESTS_CONFORMANCE_PEER_H

#include "backend/usb/device.h"
#include "backend/usb/pipe.h"

enum { PEER_PIPES = 4, PEER_BUFFER = 1 << 20 };

struct peer_pipe {
	uint8_t wish_priority; /* what the host has asked for */
	uint64_t wish_rate;
	struct pipe *pipe; /* between open and close */
	unsigned int opens;
	unsigned int closes;
	bool received_end;
	/* What came, and how many more octets are welcome. */
	uint8_t *in_box;
	size_t in_len;
	size_t room;
	/* What is to be sent. */
	uint8_t *out_box;
	size_t out_len;
	size_t out_at;
	size_t out_step; /* at most so many at once; 0: no limit */
	bool end_after;	 /* call pipe_end() with the last octet */
};

struct peer {
	uint64_t rate_max; /* policy's; 0: none */
	bool refuse;	   /* reset every pipe that is opened */
	bool hold;	   /* do not establish until told */
	bool destroyed;
	struct peer_pipe pipes[PEER_PIPES];
};

void peer_init(struct peer *peer);
void peer_fini(struct peer *peer);
extern const struct pipe_handler_ops peer_ops;

/* A device of one function, web:default, of so many pipes for this peer. */
struct usb_device *peer_device(struct peer *peer, unsigned int pipes);

/* Appends octets to send and lets them go. */
void peer_send(struct peer *peer, unsigned int pipe, const void *data,
	       size_t len);
/* Makes room for more octets. */
void peer_accept(struct peer *peer, unsigned int pipe, size_t room);

#endif
