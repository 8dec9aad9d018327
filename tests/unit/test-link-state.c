// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-link-state.c - the states of a link's channel, row by row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/link_state.h"

#include <string.h>

enum { MINE = 7, OTHER = 8 }; /* epochs */

#define FREE LINK_CHANNEL_FREE
#define CALLING LINK_CHANNEL_CALLING
#define ESTABLISHED LINK_CHANNEL_ESTABLISHED
#define ENDING LINK_CHANNEL_ENDING
#define PUBLISH LINK_DO_PUBLISH
#define ESTABLISH LINK_DO_ESTABLISH
#define FIN LINK_DO_PEER_FIN
#define DONE LINK_DO_PEER_DONE
#define RESET LINK_DO_RESET

/* What a side sees, in the order of the tables' columns. */
static const struct link_word seen[] = {
	{MINE, LINK_IDLE, false},  {MINE, LINK_OPEN, false},
	{MINE, LINK_OPEN, true},   {MINE, LINK_DONE, false},
	{MINE, LINK_RESET, false}, {OTHER, LINK_IDLE, false},
	{OTHER, LINK_OPEN, false}, {OTHER, LINK_OPEN, true},
	{OTHER, LINK_DONE, false}, {OTHER, LINK_RESET, false},
};

enum { COLUMNS = sizeof(seen) / sizeof(seen[0]) };

struct cell {
	enum link_channel_state state;
	unsigned int actions;
};

struct row {
	const char *name;
	bool caller;
	enum link_channel_state state;
	bool peer_fin;
	bool peer_done;
	struct cell cells[COLUMNS];
};

#define STAY_FREE                                                              \
	{                                                                      \
		FREE, 0                                                        \
	}
#define OVER                                                                   \
	{                                                                      \
		ENDING, PUBLISH | RESET                                        \
	}
#define GO_FREE                                                                \
	{                                                                      \
		FREE, PUBLISH                                                  \
	}
#define STAY_ENDING                                                            \
	{                                                                      \
		ENDING, 0                                                      \
	}
#define STAY                                                                   \
	{                                                                      \
		ESTABLISHED, 0                                                 \
	}

static const struct row rows[] = {
	{"a free caller needs nothing of the peer",
	 true,
	 FREE,
	 false,
	 false,
	 {STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE,
	  STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE}},
	{"a caller is answered in its own epoch only",
	 true,
	 CALLING,
	 false,
	 false,
	 {OVER,
	  {ESTABLISHED, ESTABLISH},
	  {ESTABLISHED, ESTABLISH | FIN},
	  {ESTABLISHED, ESTABLISH | FIN | DONE},
	  OVER,
	  {CALLING, 0},
	  {CALLING, 0},
	  {CALLING, 0},
	  {CALLING, 0},
	  {CALLING, 0}}},
	{"a connection ends when the peer is elsewhere",
	 true,
	 ESTABLISHED,
	 false,
	 false,
	 {OVER,
	  STAY,
	  {ESTABLISHED, FIN},
	  {ESTABLISHED, FIN | DONE},
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER}},
	{"an end is not taken back",
	 true,
	 ESTABLISHED,
	 true,
	 false,
	 {OVER,
	  OVER,
	  STAY,
	  {ESTABLISHED, DONE},
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER}},
	{"nor is a good-bye",
	 true,
	 ESTABLISHED,
	 true,
	 true,
	 {OVER, OVER, OVER, STAY, OVER, OVER, OVER, OVER, OVER, OVER}},
	{"a caller waits until the answerer has let go",
	 true,
	 ENDING,
	 false,
	 false,
	 {GO_FREE, STAY_ENDING, STAY_ENDING, GO_FREE, GO_FREE, STAY_ENDING,
	  STAY_ENDING, STAY_ENDING, STAY_ENDING, STAY_ENDING}},
	{"a free answerer acknowledges calls that were given up",
	 false,
	 FREE,
	 false,
	 false,
	 {STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE, STAY_FREE, GO_FREE,
	  STAY_FREE, STAY_FREE, GO_FREE, GO_FREE}},
	{"an answered connection ends the same way",
	 false,
	 ESTABLISHED,
	 false,
	 false,
	 {OVER,
	  STAY,
	  {ESTABLISHED, FIN},
	  {ESTABLISHED, FIN | DONE},
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER,
	  OVER}},
	{"an answerer is free when the caller has moved on",
	 false,
	 ENDING,
	 false,
	 false,
	 {GO_FREE, STAY_ENDING, STAY_ENDING, GO_FREE, GO_FREE, GO_FREE, GO_FREE,
	  GO_FREE, GO_FREE, GO_FREE}},
};

static struct link_channel channel_in(const struct row *row)
{
	static const enum link_phase phases[] = {
		[FREE] = LINK_IDLE,
		[CALLING] = LINK_OPEN,
		[ESTABLISHED] = LINK_OPEN,
		[ENDING] = LINK_RESET,
	};
	struct link_channel channel;

	link_channel_init(&channel, row->caller);
	channel.state = row->state;
	channel.own.epoch = MINE;
	channel.own.phase = phases[row->state];
	channel.peer_fin = row->peer_fin;
	channel.peer_done = row->peer_done;
	return channel;
}

static void every_state_meets_every_word(void **state)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		const struct row *row = &rows[r];

		for (unsigned int c = 0; c < COLUMNS; c++) {
			struct link_channel channel = channel_in(row);
			unsigned int actions =
				link_channel_see(&channel, seen[c]);

			if (channel.state != row->cells[c].state ||
			    actions != row->cells[c].actions)
				fail_msg("%s, word %u: state %u, actions %#x",
					 row->name, c, channel.state, actions);
		}
	}
}

static void seeing_the_same_again_changes_nothing(void **state)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (unsigned int c = 0; c < COLUMNS; c++) {
			struct link_channel channel = channel_in(&rows[r]);

			/* Over, then free, then aware of a call given up. */
			link_channel_see(&channel, seen[c]);
			link_channel_see(&channel, seen[c]);
			link_channel_see(&channel, seen[c]);
			assert_int_equal(link_channel_see(&channel, seen[c]),
					 0);
		}
}

static void only_a_free_caller_calls(void **state)
{
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (unsigned int c = 0; c < COLUMNS; c++) {
			struct link_channel channel = channel_in(&rows[r]);
			bool free = rows[r].state == FREE;
			bool open = seen[c].phase == LINK_OPEN;
			bool mine = seen[c].epoch == MINE;

			assert_int_equal(
				link_channel_callable(&channel, seen[c]),
				rows[r].caller && free && mine && !open);
			assert_int_equal(link_channel_called(&channel, seen[c]),
					 !rows[r].caller && free && !mine &&
						 open);
		}
}

static void a_close_is_a_good_bye_only_after_the_end(void **state)
{
	static const struct {
		enum link_channel_state state;
		bool fin;
		enum link_phase phase;
		unsigned int actions;
	} table[] = {
		{FREE, false, LINK_IDLE, 0},
		{CALLING, false, LINK_RESET, PUBLISH},
		{CALLING, true, LINK_RESET, PUBLISH},
		{ESTABLISHED, false, LINK_RESET, PUBLISH},
		{ESTABLISHED, true, LINK_DONE, PUBLISH},
		{ENDING, false, LINK_RESET, 0},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct row row = {.caller = true,
					.state = table[i].state};
		struct link_channel channel = channel_in(&row);

		channel.own.fin = table[i].fin;
		assert_int_equal(link_channel_close(&channel),
				 table[i].actions);
		assert_int_equal(channel.own.phase, table[i].phase);
		assert_false(channel.own.fin);
		assert_int_equal(channel.own.epoch, MINE);
	}
}

static void an_end_is_said_once(void **state)
{
	const struct row row = {.caller = true, .state = ESTABLISHED};
	const struct row over = {.caller = true, .state = ENDING};
	struct link_channel channel = channel_in(&row);

	assert_int_equal(link_channel_fin(&channel), PUBLISH);
	assert_true(channel.own.fin);
	assert_int_equal(link_channel_fin(&channel), 0);
	channel = channel_in(&over);
	assert_int_equal(link_channel_fin(&channel), 0);
}

static void words_survive_the_memory_and_nonsense_is_a_reset(void **state)
{
	for (unsigned int c = 0; c < COLUMNS; c++) {
		struct link_word word =
			link_word_unpack(link_word_pack(&seen[c]));

		assert_int_equal(word.epoch, seen[c].epoch);
		assert_int_equal(word.phase, seen[c].phase);
		assert_int_equal(word.fin, seen[c].fin);
	}
	for (unsigned int bit = 34; bit < 64; bit++) {
		uint64_t raw = link_word_pack(&seen[0]) | UINT64_C(1) << bit;

		assert_int_equal(link_word_unpack(raw).phase, LINK_RESET);
		assert_int_equal(link_word_unpack(raw).epoch, MINE);
		assert_false(link_word_unpack(raw).fin);
	}
}

/* Both machines at once, each step in every order: nothing gets stuck. */
static void two_honest_sides_always_come_to_rest(void **state)
{
	uint32_t random = 1;

	for (unsigned int round = 0; round < 20000; round++) {
		static struct link_channel sides[2];
		struct link_channel *me;
		struct link_word peer;

		if (round == 0) {
			link_channel_init(&sides[0], true);
			link_channel_init(&sides[1], false);
		}
		random = random * 1664525 + 1013904223;
		me = &sides[random >> 31];
		peer = sides[!(random >> 31)].own;
		switch (random >> 28 & 7) {
		case 0:
			if (link_channel_callable(me, peer))
				link_channel_call(me);
			break;
		case 1:
			if (link_channel_called(me, peer))
				link_channel_answer(me, peer);
			break;
		case 2:
			link_channel_fin(me);
			break;
		case 3:
			link_channel_close(me);
			break;
		default:
			link_channel_see(me, peer);
		}
		if (round % 50)
			continue;
		/* Both close: the channel must be free for a new call. */
		for (unsigned int i = 0; i < 8; i++) {
			link_channel_close(&sides[i & 1]);
			link_channel_see(&sides[i & 1], sides[!(i & 1)].own);
		}
		assert_int_equal(sides[0].state, FREE);
		assert_int_equal(sides[1].state, FREE);
		assert_true(link_channel_callable(&sides[0], sides[1].own));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_state_meets_every_word),
		cmocka_unit_test(seeing_the_same_again_changes_nothing),
		cmocka_unit_test(only_a_free_caller_calls),
		cmocka_unit_test(a_close_is_a_good_bye_only_after_the_end),
		cmocka_unit_test(an_end_is_said_once),
		cmocka_unit_test(
			words_survive_the_memory_and_nonsense_is_a_reset),
		cmocka_unit_test(two_honest_sides_always_come_to_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
