/* SPDX-License-Identifier: MIT */
/*
 * stream.h - a pipe of a 2Virt function as its host sees it (docs/device.md,
 * section 2): generation, counts, what the device said.
 *
 *              OPEN was answered            event OPENED
 *   CLOSED ----------------------> OPENING ---------------> ESTABLISHED
 *     ^  tv_stream_open                 |  event RESET            |
 *     `------- tv_stream_close --- RESET <------------------------'
 *
 * Pure: no lock, no time, no transfers of its own.  The device is not trusted:
 * an event that cannot be is dropped, a count that cannot be resets the stream
 * here.
 */
#ifndef TV_WIN_STREAM_H
#define TV_WIN_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/pipe.h"

struct tv_stream {
	uint8_t state; /* enum tv_pipe_state */
	uint16_t generation;
	uint16_t reason; /* of TV_PIPE_RESET */
	bool out_ended;	 /* PIPE_SHUTDOWN was sent */
	bool eos;	 /* the device said how much it gives */
	uint64_t eos_count;
	uint64_t out_octets, in_octets; /* of this generation */
	uint32_t news; /* raised by 1 with each change worth telling */
};

/* The generation for the next OPEN, which is never 0. */
uint16_t tv_stream_next(const struct tv_stream *stream);
/* OPEN with that generation is about to be sent. */
void tv_stream_open(struct tv_stream *stream, uint16_t generation);
void tv_stream_close(struct tv_stream *stream);
/* The device or its bus is gone, or the stream cannot go on: as a reset. */
void tv_stream_break(struct tv_stream *stream, uint16_t reason);

/*
 * An event as it came; octets is what the interrupt transfer brought.  Returns
 * the index of the stream (of `count`) that changed, or -1.
 */
int tv_stream_event(struct tv_stream *streams, unsigned int count,
		    const uint8_t *octets, uint32_t len);

/* Octets that came on IN; false (and a reset) if that is beyond the end. */
bool tv_stream_received(struct tv_stream *stream, uint32_t octets);

enum tv_stream_read {
	TV_READ_WAIT, /* octets may come */
	TV_READ_END,  /* all have come */
	TV_READ_BROKEN
};

/* What a read has to expect now. */
enum tv_stream_read tv_stream_readable(const struct tv_stream *stream);
/* May octets be written? */
bool tv_stream_writable(const struct tv_stream *stream);

#endif
