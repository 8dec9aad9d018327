// SPDX-License-Identifier: MIT
/*
 * stream.c - the host's half of a pipe's state; see stream.h.
 */
#include "frontend-windows/core/stream.h"

#include <string.h>

uint16_t tv_stream_next(const struct tv_stream *stream)
{
	uint16_t next = (uint16_t)(stream->generation + 1);

	return next ? next : 1;
}

void tv_stream_open(struct tv_stream *stream, uint16_t generation)
{
	uint32_t news = stream->news + 1;

	memset(stream, 0, sizeof(*stream));
	stream->state = TV_PIPE_OPENING;
	stream->generation = generation;
	stream->news = news;
}

void tv_stream_close(struct tv_stream *stream)
{
	stream->state = TV_PIPE_CLOSED;
	stream->news++;
}

static bool is_open(const struct tv_stream *stream)
{
	return stream->state == TV_PIPE_OPENING ||
	       stream->state == TV_PIPE_ESTABLISHED;
}

void tv_stream_break(struct tv_stream *stream, uint16_t reason)
{
	if (!is_open(stream))
		return;
	stream->state = TV_PIPE_RESET;
	stream->reason = reason;
	stream->news++;
}

static void ended(struct tv_stream *stream, uint64_t count)
{
	if (stream->eos && stream->eos_count != count)
		tv_stream_break(stream, TV_PIPE_REASON_PROTOCOL);
	stream->eos = true;
	stream->eos_count = count;
	stream->news++;
	if (stream->in_octets > count)
		tv_stream_break(stream, TV_PIPE_REASON_PROTOCOL);
}

int tv_stream_event(struct tv_stream *streams, unsigned int count,
		    const uint8_t *octets, uint32_t len)
{
	struct tv_pipe_event event;
	struct tv_stream *stream;

	if (len != sizeof(event))
		return -1;
	memcpy(&event, octets, sizeof(event));
	if (event.pipe >= count)
		return -1;
	stream = &streams[event.pipe];
	/* Of a generation that we have left, or of none. */
	if (event.generation != stream->generation || !is_open(stream))
		return -1;
	switch (event.type) {
	case TV_PIPE_EVENT_OPENED:
		if (stream->state != TV_PIPE_OPENING)
			return -1;
		stream->state = TV_PIPE_ESTABLISHED;
		stream->news++;
		break;
	case TV_PIPE_EVENT_EOS:
		ended(stream, event.count);
		break;
	case TV_PIPE_EVENT_RESET:
		tv_stream_break(stream, event.reason < TV_PIPE_REASON_COUNT
						? event.reason
						: TV_PIPE_REASON_INTERNAL);
		break;
	case TV_PIPE_EVENT_LIMIT:
		stream->news++;
		break;
	default:
		return -1;
	}
	return event.pipe;
}

bool tv_stream_received(struct tv_stream *stream, uint32_t octets)
{
	stream->in_octets += octets;
	if (!stream->eos || stream->in_octets <= stream->eos_count)
		return true;
	tv_stream_break(stream, TV_PIPE_REASON_PROTOCOL);
	return false;
}

enum tv_stream_read tv_stream_readable(const struct tv_stream *stream)
{
	if (!is_open(stream))
		return TV_READ_BROKEN;
	if (stream->eos && stream->in_octets == stream->eos_count)
		return TV_READ_END;
	return TV_READ_WAIT;
}

bool tv_stream_writable(const struct tv_stream *stream)
{
	return is_open(stream) && !stream->out_ended;
}
