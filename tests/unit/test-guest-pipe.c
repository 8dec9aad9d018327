// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-pipe.c - the guest's pipe as tables of (input → state, actions).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frontend-linux/guest/pipe.h"

#include <stdlib.h>
#include <string.h>

struct line {
	struct pipe_input input;
	enum pipe_state state; /* after it */
	unsigned int actions;
};

static void play(const struct line *lines, size_t count)
{
	struct pipe pipe = {0};

	for (size_t i = 0; i < count; i++) {
		unsigned int actions = pipe_step(&pipe, &lines[i].input);

		if (pipe.state != lines[i].state || actions != lines[i].actions)
			print_error("line %zu: state %s, actions %#x\n", i,
				    pipe_state_name(pipe.state), actions);
		assert_int_equal(pipe.state, lines[i].state);
		assert_int_equal(actions, lines[i].actions);
	}
}

#define PLAY(...)                                                              \
	do {                                                                   \
		static const struct line lines[] = {__VA_ARGS__};              \
		play(lines, sizeof(lines) / sizeof(lines[0]));                 \
	} while (0)

/* Short names for what the tables are made of. */
#define ON(type, status, count)                                                \
	{                                                                      \
		PIPE_ON_##type, status, count                                  \
	}
#define CONNECT                                                                \
	{                                                                      \
		ON(CONNECT, PORT_OK, 9), PIPE_OPENING, PIPE_DO_OPEN            \
	}
#define OPENED                                                                 \
	{                                                                      \
		ON(REQUEST_DONE, PORT_OK, 0), PIPE_OPEN, 0                     \
	}
#define PARK                                                                   \
	{                                                                      \
		ON(IN_PARKED, PORT_OK, 0), PIPE_OPEN, 0                        \
	}
#define CLOSED                                                                 \
	{                                                                      \
		ON(REQUEST_DONE, PORT_OK, 0), PIPE_FREE, PIPE_DO_FREE          \
	}

static void both_ends_close_in_order(void **state)
{
	PLAY(CONNECT, OPENED, PARK,
	     {ON(LOCAL_DATA, PORT_OK, 100), PIPE_OPEN, 0},
	     /* The local end waits for the OUT before it. */
	     {ON(LOCAL_END, PORT_OK, 0), PIPE_OPEN, 0},
	     {ON(OUT_DONE, PORT_OK, 0), PIPE_OPEN, PIPE_DO_SHUTDOWN},
	     {ON(REQUEST_DONE, PORT_OK, 0), PIPE_OPEN, 0},
	     {ON(IN_DONE, PORT_OK, 50), PIPE_OPEN, 0},
	     {ON(LOCAL_WRITTEN, PORT_OK, 0), PIPE_OPEN, 0},
	     {ON(EOS, PORT_OK, 50), PIPE_CLOSING,
	      PIPE_DO_LOCAL_CLOSE | PIPE_DO_CLOSE},
	     CLOSED);
}

static void end_of_stream_waits_for_the_octets_before_it(void **state)
{
	PLAY(CONNECT, OPENED, PARK, PARK, {ON(EOS, PORT_OK, 70), PIPE_OPEN, 0},
	     {ON(IN_DONE, PORT_OK, 30), PIPE_OPEN, 0},
	     {ON(LOCAL_WRITTEN, PORT_OK, 0), PIPE_OPEN, 0}, PARK,
	     /* The count is met: the other IN is taken back at once… */
	     {ON(IN_DONE, PORT_OK, 40), PIPE_OPEN, PIPE_DO_CANCEL_IN},
	     {ON(IN_DONE, PORT_CANCELLED, 0), PIPE_OPEN, 0},
	     /* …the local side hears of it when it has all octets. */
	     {ON(LOCAL_WRITTEN, PORT_OK, 0), PIPE_OPEN, PIPE_DO_LOCAL_END},
	     {ON(LOCAL_END, PORT_OK, 0), PIPE_OPEN, PIPE_DO_SHUTDOWN},
	     {ON(REQUEST_DONE, PORT_OK, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_CLOSE | PIPE_DO_CLOSE},
	     CLOSED);
}

static void empty_stream_ends(void **state)
{
	/* EOS may even overtake the answer to OPEN. */
	PLAY(CONNECT, {ON(EOS, PORT_OK, 0), PIPE_OPENING, 0},
	     {ON(REQUEST_DONE, PORT_OK, 0), PIPE_OPEN, PIPE_DO_LOCAL_END},
	     {ON(LOCAL_END, PORT_OK, 0), PIPE_OPEN, PIPE_DO_SHUTDOWN},
	     {ON(REQUEST_DONE, PORT_OK, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_CLOSE | PIPE_DO_CLOSE},
	     CLOSED);
}

static void reset_takes_everything_back_before_close(void **state)
{
	PLAY(CONNECT, OPENED, PARK, PARK,
	     {ON(LOCAL_DATA, PORT_OK, 100), PIPE_OPEN, 0},
	     {ON(RESET, PORT_OK, 0), PIPE_CANCELLING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CANCEL},
	     {ON(IN_DONE, PORT_CANCELLED, 0), PIPE_CANCELLING, 0},
	     {ON(OUT_DONE, PORT_CANCELLED, 100), PIPE_CANCELLING, 0},
	     /* Octets that come now belong to nobody. */
	     {ON(IN_DONE, PORT_OK, 10), PIPE_CLOSING, PIPE_DO_CLOSE}, CLOSED);
}

static void reset_before_the_answer_to_open(void **state)
{
	PLAY(CONNECT,
	     {ON(RESET, PORT_OK, 0), PIPE_CANCELLING, PIPE_DO_LOCAL_ABORT},
	     {ON(REQUEST_DONE, PORT_OK, 0), PIPE_CLOSING, PIPE_DO_CLOSE},
	     CLOSED);
}

static void reset_while_shutdown_is_out(void **state)
{
	PLAY(CONNECT, OPENED,
	     {ON(LOCAL_END, PORT_OK, 0), PIPE_OPEN, PIPE_DO_SHUTDOWN},
	     {ON(RESET, PORT_OK, 0), PIPE_CANCELLING, PIPE_DO_LOCAL_ABORT},
	     {ON(REQUEST_DONE, PORT_STALL, 0), PIPE_CLOSING, PIPE_DO_CLOSE},
	     CLOSED);
}

static void used_generation_is_tried_once_more(void **state)
{
	struct pipe pipe = {0};

	pipe_step(&pipe, &(struct pipe_input)ON(CONNECT, PORT_OK, UINT16_MAX));
	assert_int_equal(pipe.generation, UINT16_MAX);
	assert_int_equal(pipe_step(&pipe, &(struct pipe_input)ON(
						  REQUEST_DONE, PORT_STALL, 0)),
			 PIPE_DO_OPEN);
	assert_int_equal(pipe.generation, 1); /* never 0 */
	assert_int_equal(pipe_step(&pipe, &(struct pipe_input)ON(
						  REQUEST_DONE, PORT_STALL, 0)),
			 PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE);
}

static void open_without_answer_is_closed(void **state)
{
	PLAY(CONNECT,
	     {ON(REQUEST_DONE, PORT_TIMEOUT, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     {ON(REQUEST_DONE, PORT_TIMEOUT, 0), PIPE_CLOSING,
	      PIPE_DO_RESET_DEVICE},
	     {ON(FORGET, PORT_OK, 0), PIPE_FREE, 0});
}

static void lost_client_closes_the_pipe(void **state)
{
	PLAY(CONNECT, OPENED, PARK,
	     {ON(LOCAL_LOST, PORT_OK, 0), PIPE_CANCELLING,
	      PIPE_DO_LOCAL_CLOSE | PIPE_DO_CANCEL},
	     {ON(IN_DONE, PORT_CANCELLED, 0), PIPE_CLOSING, PIPE_DO_CLOSE},
	     CLOSED);
}

static void evicted_client_is_closed_in_order(void **state)
{
	PLAY(CONNECT, OPENED,
	     {ON(EVICT, PORT_OK, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_CLOSE | PIPE_DO_CLOSE},
	     CLOSED);
}

static void failed_transfers_end_the_connection_as_an_error(void **state)
{
	PLAY(CONNECT, OPENED, PARK,
	     {ON(IN_DONE, PORT_ERROR, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     CLOSED);
	PLAY(CONNECT, OPENED, PARK,
	     {ON(IN_DONE, PORT_STALL, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     CLOSED);
	PLAY(CONNECT, OPENED, {ON(LOCAL_DATA, PORT_OK, 5), PIPE_OPEN, 0},
	     {ON(OUT_DONE, PORT_ERROR, 5), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     CLOSED);
	PLAY(CONNECT, OPENED,
	     {ON(LOCAL_END, PORT_OK, 0), PIPE_OPEN, PIPE_DO_SHUTDOWN},
	     {ON(REQUEST_DONE, PORT_STALL, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     CLOSED);
	/* An IN that ends cancelled though nobody asked for that. */
	PLAY(CONNECT, OPENED, PARK,
	     {ON(IN_DONE, PORT_CANCELLED, 0), PIPE_CLOSING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CLOSE},
	     CLOSED);
}

static void lies_drop_the_device(void **state)
{
	PLAY(CONNECT, OPENED, PARK,
	     {ON(IN_DONE, PORT_OK, 0), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
	PLAY(CONNECT, OPENED, PARK,
	     {ON(IN_DONE, PORT_OVERFLOW, 9), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
	PLAY(CONNECT, OPENED, PARK, {ON(EOS, PORT_OK, 10), PIPE_OPEN, 0},
	     {ON(IN_DONE, PORT_OK, 11), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
	PLAY(CONNECT, OPENED, PARK, {ON(IN_DONE, PORT_OK, 11), PIPE_OPEN, 0},
	     {ON(EOS, PORT_OK, 10), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
	PLAY(CONNECT, OPENED, {ON(EOS, PORT_OK, 10), PIPE_OPEN, 0},
	     {ON(EOS, PORT_OK, 11), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
	PLAY(CONNECT, OPENED, {ON(LOCAL_DATA, PORT_OK, 9), PIPE_OPEN, 0},
	     {ON(OUT_DONE, PORT_OK, 4), PIPE_OPEN, PIPE_DO_DROP_DEVICE});
}

static void forget_is_allowed_in_every_state(void **state)
{
	PLAY({ON(FORGET, PORT_OK, 0), PIPE_FREE, 0}, CONNECT,
	     {ON(FORGET, PORT_OK, 0), PIPE_FREE, PIPE_DO_LOCAL_ABORT}, CONNECT,
	     OPENED, {ON(FORGET, PORT_OK, 0), PIPE_FREE, PIPE_DO_LOCAL_ABORT},
	     CONNECT, OPENED, PARK,
	     {ON(RESET, PORT_OK, 0), PIPE_CANCELLING,
	      PIPE_DO_LOCAL_ABORT | PIPE_DO_CANCEL},
	     {ON(FORGET, PORT_OK, 0), PIPE_FREE, 0});
}

static void nothing_is_wanted_but_in_open(void **state)
{
	struct pipe pipe = {0};

	for (unsigned int s = 0; s < PIPE_STATE_COUNT; s++) {
		pipe.state = (enum pipe_state)s;
		assert_int_equal(pipe_wants_in(&pipe), s == PIPE_OPEN);
		assert_int_equal(pipe_wants_local(&pipe), s == PIPE_OPEN);
	}
}

/*
 * Whatever comes in whatever order, as long as what is out comes back once:
 * the machine asks for OPEN, SHUTDOWN and CLOSE one at a time, for CLOSE only
 * when nothing is out, and ends the local connection once.
 */
static void any_order_keeps_the_promises(void **state)
{
	srand(1);
	for (int run = 0; run < 3000; run++) {
		struct pipe pipe = {0};
		unsigned int in = 0, out = 0, held = 0, requests = 0;
		bool local = false;

		for (int step = 0; step < 60; step++) {
			struct pipe_input input = {0};
			bool was_open = pipe.state == PIPE_OPEN;
			unsigned int actions;

			input.type = (enum pipe_input_type)(rand() %
							    PIPE_INPUT_COUNT);
			input.count = (uint64_t)(rand() % 4);
			input.status =
				rand() % 4
					? PORT_OK
					: (enum port_status)(rand() %
							     PORT_STATUS_COUNT);
			switch (input.type) {
			case PIPE_ON_CONNECT:
				if (pipe.state != PIPE_FREE)
					continue;
				local = true;
				break;
			case PIPE_ON_IN_PARKED:
				if (!pipe_wants_in(&pipe) || in == 2)
					continue;
				in++;
				break;
			case PIPE_ON_IN_DONE:
				if (!in)
					continue;
				in--;
				break;
			case PIPE_ON_LOCAL_DATA:
				if (!pipe_wants_local(&pipe) || out == 2)
					continue;
				out++;
				break;
			case PIPE_ON_OUT_DONE:
				if (!out)
					continue;
				if (input.status == PORT_OK)
					input.count = 0;
				out--;
				break;
			case PIPE_ON_LOCAL_WRITTEN:
				if (!held)
					continue;
				held--;
				break;
			case PIPE_ON_REQUEST_DONE:
				if (!requests)
					continue;
				requests--;
				break;
			case PIPE_ON_LOCAL_END:
				if (!pipe_wants_local(&pipe))
					continue;
				break;
			case PIPE_ON_FORGET:
				in = out = requests = 0;
				break;
			default:
				break;
			}
			actions = pipe_step(&pipe, &input);
			held = pipe.in_unwritten;
			if (actions & PIPE_DO_DROP_DEVICE) {
				assert_true(was_open);
				assert_non_null(pipe.fault);
				break;
			}
			if (actions & PIPE_DO_RESET_DEVICE) {
				input.type = PIPE_ON_FORGET;
				actions |= pipe_step(&pipe, &input);
				in = out = requests = 0;
			}
			requests += !!(actions & PIPE_DO_OPEN);
			requests += !!(actions & PIPE_DO_SHUTDOWN);
			requests += !!(actions & PIPE_DO_CLOSE);
			assert_true(requests <= 1);
			if (actions & PIPE_DO_CLOSE)
				assert_true(in == 0 && out == 0);
			if (actions &
			    (PIPE_DO_LOCAL_ABORT | PIPE_DO_LOCAL_CLOSE)) {
				assert_true(local);
				local = false;
			}
			if (pipe.state == PIPE_FREE)
				assert_false(local);
			if (pipe.state == PIPE_OPEN)
				assert_true(local);
			assert_int_equal(pipe.in_transfers, in);
			assert_int_equal(pipe.out_transfers, out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_close_in_order),
		cmocka_unit_test(end_of_stream_waits_for_the_octets_before_it),
		cmocka_unit_test(empty_stream_ends),
		cmocka_unit_test(reset_takes_everything_back_before_close),
		cmocka_unit_test(reset_before_the_answer_to_open),
		cmocka_unit_test(reset_while_shutdown_is_out),
		cmocka_unit_test(used_generation_is_tried_once_more),
		cmocka_unit_test(open_without_answer_is_closed),
		cmocka_unit_test(lost_client_closes_the_pipe),
		cmocka_unit_test(evicted_client_is_closed_in_order),
		cmocka_unit_test(
			failed_transfers_end_the_connection_as_an_error),
		cmocka_unit_test(lies_drop_the_device),
		cmocka_unit_test(forget_is_allowed_in_every_state),
		cmocka_unit_test(nothing_is_wanted_but_in_open),
		cmocka_unit_test(any_order_keeps_the_promises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
