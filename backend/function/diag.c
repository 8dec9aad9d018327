// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * diag.c - echo, sink and source on a pipe.
 *
 * A pipe's state lives from open to close.  Echo holds at most ECHO_BUFFER
 * octets: a guest that does not read what it gets back is not read any more.
 */
#include "backend/function/diag.h"

#include "backend/usb/pipe.h"

#include <stdlib.h>
#include <string.h>

enum {
	DIAG_PIPES = 2,
	ECHO_BUFFER = 64 * 1024,
	SOURCE_PERIOD = 251,
	SOURCE_CYCLE = SOURCE_PERIOD * 256, /* then it begins anew */
	TRANSFER_MAX = 1 << 20,
};

struct diag_pipe {
	char mode; /* 0: the first octet has not come */
	uint64_t count;
	size_t head; /* echo and sink's answer: octets to send */
	size_t tail;
	uint8_t buffer[ECHO_BUFFER];
};

static void diag_open(void *context, struct pipe *pipe)
{
	struct diag_pipe *diag = malloc(sizeof(*diag));

	if (!diag) {
		pipe_reset(pipe, TV_PIPE_REASON_LIMIT);
		return;
	}
	diag->mode = 0;
	diag->count = 0;
	diag->head = 0;
	diag->tail = 0;
	pipe_set_data(pipe, diag);
	pipe_established(pipe);
}

static void diag_close(void *context, struct pipe *pipe)
{
	free(pipe_data(pipe));
	pipe_set_data(pipe, NULL);
}

static size_t echo_take(struct diag_pipe *diag, struct pipe *pipe,
			const uint8_t *data, size_t len)
{
	if (diag->tail && diag->tail == diag->head) {
		diag->tail = 0;
		diag->head = 0;
	}
	if (len > ECHO_BUFFER - diag->head)
		len = ECHO_BUFFER - diag->head;
	memcpy(diag->buffer + diag->head, data, len);
	diag->head += len;
	pipe_have_in(pipe);
	return len;
}

static size_t diag_receive(void *context, struct pipe *pipe,
			   const uint8_t *data, size_t len)
{
	struct diag_pipe *diag = pipe_data(pipe);
	size_t first = 0;

	if (!diag->mode) {
		if (!memchr("ESG", data[0], 3)) {
			pipe_reset(pipe, TV_PIPE_REASON_PROTOCOL);
			return 0;
		}
		diag->mode = (char)data[0];
		if (diag->mode == 'G')
			pipe_have_in(pipe);
		if (len == 1)
			return 1;
		first = 1;
	}
	if (diag->mode == 'E')
		return first + echo_take(diag, pipe, data + first, len - first);
	diag->count += len - first;
	return len;
}

static void diag_receive_end(void *context, struct pipe *pipe)
{
	struct diag_pipe *diag = pipe_data(pipe);

	if (diag->mode == 'S') {
		for (unsigned int i = 0; i < 8; i++)
			diag->buffer[i] = (uint8_t)(diag->count >> 8 * i);
		diag->head = 8;
		pipe_have_in(pipe);
	} else if (diag->mode != 'G' && diag->head == diag->tail) {
		pipe_end(pipe);
	}
	diag->mode = diag->mode == 'G' ? 'G' : 'X'; /* X: only what is left */
}

/* What the source gives: octet n is n plus the number of its period. */
static const uint8_t *source_octets(void)
{
	static uint8_t octets[SOURCE_CYCLE];

	/* Octet 1 of the cycle is 1. */
	if (!octets[1])
		for (unsigned int n = 0; n < SOURCE_CYCLE; n++)
			octets[n] = (uint8_t)(n + n / SOURCE_PERIOD);
	return octets;
}

static size_t source_produce(struct diag_pipe *diag, uint8_t *data, size_t len)
{
	const uint8_t *octets = source_octets();
	size_t done = 0;

	while (done < len) {
		size_t at = (size_t)((diag->count + done) % SOURCE_CYCLE);
		size_t run = SOURCE_CYCLE - at;

		if (run > len - done)
			run = len - done;
		memcpy(data + done, octets + at, run);
		done += run;
	}
	diag->count += len;
	return len;
}

static size_t diag_produce(void *context, struct pipe *pipe, uint8_t *data,
			   size_t len)
{
	struct diag_pipe *diag = pipe_data(pipe);

	if (diag->mode == 'G')
		return source_produce(diag, data, len);
	if (len > diag->head - diag->tail)
		len = diag->head - diag->tail;
	memcpy(data, diag->buffer + diag->tail, len);
	diag->tail += len;
	if (diag->tail == diag->head) {
		if (diag->mode == 'X')
			pipe_end(pipe);
		else if (len)
			pipe_want_out(pipe);
	}
	return len;
}

static const struct pipe_handler_ops diag_ops = {
	.open = diag_open,
	.receive = diag_receive,
	.receive_end = diag_receive_end,
	.produce = diag_produce,
	.close = diag_close,
};

struct usb_function *diag_function_create(const char *name)
{
	return pipe_function_create(&(struct pipe_function_config){
		.type = TV_FUNCTION_DIAG,
		.type_name = "diag",
		.name = name,
		.pipe_count = DIAG_PIPES,
		.transfer_max = TRANSFER_MAX,
		.ops = &diag_ops,
	});
}
