// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-link.c - two ends of a link on one loop, and a peer that writes what it
 * likes into its memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/link.h"
#include "backend/service/link_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TURNS = 200 };

struct user {
	struct link_stream *stream;
	unsigned int opened;
	unsigned int failed;
	enum link_failure failure;
	unsigned int readable;
	unsigned int writable;
};

static uv_loop_t loop;
static struct link_end *ends[2];
static struct link_fds fds[2];

static void on_opened(void *context)
{
	((struct user *)context)->opened++;
}

static void on_failed(void *context, enum link_failure failure)
{
	((struct user *)context)->failed++;
	((struct user *)context)->failure = failure;
}

static void on_readable(void *context)
{
	((struct user *)context)->readable++;
}

static void on_writable(void *context)
{
	((struct user *)context)->writable++;
}

static const struct link_stream_events events = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_readable,
	.writable = on_writable,
};

static void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void setup_roles(enum link_role first, enum link_role second)
{
	assert_int_equal(uv_loop_init(&loop), 0);
	ends[0] = link_end_create(&loop, first);
	ends[1] = link_end_create(&loop, second);
	assert_int_equal(link_pair_create(fds), 0);
}

static void attach(void)
{
	for (int i = 0; i < 2; i++)
		assert_int_equal(link_end_attach(ends[i], &fds[i], i == 0), 0);
	turn();
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++) {
		link_end_destroy(ends[i]);
		link_fds_close(&fds[i]);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void open_stream(struct user *user, int end)
{
	memset(user, 0, sizeof(*user));
	user->stream = link_stream_open(ends[end], &events, user);
	assert_non_null(user->stream);
}

static void close_stream(struct user *user)
{
	link_stream_close(user->stream);
	user->stream = NULL;
}

static void join(struct user *a, struct user *b)
{
	open_stream(a, 0);
	open_stream(b, 1);
	turn();
	assert_int_equal(a->opened, 1);
	assert_int_equal(b->opened, 1);
}

static void expect_text(struct user *user, const char *text)
{
	char data[64] = {0};

	assert_int_equal(link_stream_read(user->stream, data, sizeof(data)),
			 strlen(text));
	assert_string_equal(data, text);
}

static void send_text(struct user *user, const char *text)
{
	assert_int_equal(link_stream_write(user->stream, text, strlen(text)),
			 strlen(text));
}

static ssize_t read_some(struct user *user)
{
	char data[64];

	return link_stream_read(user->stream, data, sizeof(data));
}

static void streams_are_joined_in_order(void **state)
{
	struct user a[3], b[3];

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	for (int i = 0; i < 3; i++)
		open_stream(&a[i], 0);
	turn();
	assert_int_equal(a[0].opened, 0);
	attach();
	assert_int_equal(a[0].opened, 0);
	for (int i = 0; i < 3; i++)
		open_stream(&b[i], 1);
	turn();
	for (int i = 0; i < 3; i++) {
		char text[2] = {(char)('a' + i), '\0'};

		assert_int_equal(a[i].opened, 1);
		send_text(&a[i], text);
		expect_text(&b[i], text);
		close_stream(&a[i]);
		close_stream(&b[i]);
	}
	teardown();
}

static void each_direction_ends_by_itself(void **state)
{
	struct user a, b;

	setup_roles(LINK_CONNECT, LINK_LISTEN);
	attach();
	join(&a, &b);
	send_text(&a, "question");
	link_stream_shutdown(a.stream);
	expect_text(&b, "question");
	assert_int_equal(read_some(&b), LINK_END);
	send_text(&b, "answer");
	turn();
	expect_text(&a, "answer");
	link_stream_shutdown(b.stream);
	close_stream(&b);
	turn();
	assert_int_equal(read_some(&a), LINK_END);
	assert_int_equal(a.failed, 0);
	close_stream(&a);
	teardown();
}

static void octets_said_before_the_good_bye_arrive(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	join(&a, &b);
	send_text(&a, "last words");
	link_stream_shutdown(a.stream);
	close_stream(&a);
	/* Even when the process is gone by then. */
	link_end_detach(ends[0]);
	turn();
	assert_false(link_end_present(ends[1]));
	assert_int_equal(b.failed, 0);
	expect_text(&b, "last words");
	assert_int_equal(read_some(&b), LINK_END);
	assert_int_equal(link_stream_write(b.stream, "x", 1), LINK_BROKEN);
	close_stream(&b);
	teardown();
}

static void octets_nobody_took_break_the_stream(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	join(&a, &b);
	send_text(&b, "never read");
	link_stream_shutdown(a.stream);
	assert_int_equal(read_some(&b), LINK_END);
	close_stream(&a);
	turn();
	assert_int_equal(b.failed, 1);
	assert_int_equal(b.failure, LINK_PEER_RESET);
	close_stream(&b);
	teardown();
}

static void an_abrupt_end_is_a_reset(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	join(&a, &b);
	send_text(&a, "lost");
	close_stream(&a);
	turn();
	assert_int_equal(b.failed, 1);
	assert_int_equal(b.failure, LINK_PEER_RESET);
	assert_int_equal(read_some(&b), LINK_BROKEN);
	close_stream(&b);
	teardown();
}

static void a_dead_process_is_a_reset(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	/* Side 1's peer is nobody but the descriptors. */
	assert_int_equal(link_end_attach(ends[1], &fds[1], false), 0);
	open_stream(&b, 1);
	turn();
	assert_true(link_end_present(ends[1]));
	link_fds_close(&fds[0]);
	turn();
	assert_false(link_end_present(ends[1]));
	/* It was not joined: it waits for the next peer. */
	assert_int_equal(b.failed, 0);
	assert_int_equal(link_pair_create(fds), 0);
	attach();
	open_stream(&a, 0);
	turn();
	assert_int_equal(b.opened, 1);
	link_end_detach(ends[0]);
	turn();
	assert_int_equal(a.failed, 1);
	assert_int_equal(b.failed, 1);
	close_stream(&a);
	close_stream(&b);
	teardown();
}

static void who_connects_to_nobody_is_told(void **state)
{
	struct user a, b;

	setup_roles(LINK_CONNECT, LINK_LISTEN);
	open_stream(&a, 0);
	open_stream(&b, 1);
	turn();
	assert_int_equal(a.failed, 1);
	assert_int_equal(a.failure, LINK_UNREACHABLE);
	assert_int_equal(b.failed, 0);
	close_stream(&a);
	close_stream(&b);
	teardown();
}

static void roles_have_their_sides(void **state)
{
	setup_roles(LINK_CONNECT, LINK_LISTEN);
	assert_int_equal(link_end_attach(ends[0], &fds[0], false), -EINVAL);
	assert_int_equal(fds[0].own, -1);
	assert_int_equal(link_end_attach(ends[1], &fds[1], true), -EINVAL);
	teardown();
}

static void a_writer_stops_at_a_reader_that_stops(void **state)
{
	static uint8_t data[LINK_RING + 1000], got[LINK_RING + 1000];
	struct user a, b, c, d;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	join(&a, &b);
	join(&c, &d);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 255);
	assert_int_equal(link_stream_write(a.stream, data, sizeof(data)),
			 LINK_RING);
	/* The other way and the other connection go on. */
	assert_int_equal(link_stream_write(b.stream, data, sizeof(data)),
			 LINK_RING);
	send_text(&c, "not me");
	expect_text(&d, "not me");
	turn();
	assert_int_equal(a.writable, 0);
	assert_int_equal(link_stream_read(b.stream, got, LINK_RING), LINK_RING);
	turn();
	assert_int_equal(a.writable, 1);
	assert_int_equal(link_stream_write(a.stream, data + LINK_RING, 1000),
			 1000);
	assert_int_equal(link_stream_read(b.stream, got + LINK_RING, 5000),
			 1000);
	assert_memory_equal(data, got, sizeof(data));
	close_stream(&a);
	close_stream(&b);
	close_stream(&c);
	close_stream(&d);
	teardown();
}

static void a_thousand_connections_in_a_row(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	for (int i = 0; i < 1000; i++) {
		join(&a, &b);
		send_text(i & 1 ? &a : &b, "foreign");
		if (i & 2)
			link_stream_shutdown(a.stream);
		close_stream(i & 4 ? &a : &b);
		close_stream(i & 4 ? &b : &a);
	}
	turn();
	join(&a, &b);
	assert_int_equal(read_some(&a), 0);
	assert_int_equal(read_some(&b), 0);
	close_stream(&a);
	close_stream(&b);
	teardown();
}

static void a_call_that_was_given_up_is_not_answered(void **state)
{
	struct user a, b;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	for (int i = 0; i < 40; i++) {
		open_stream(&a, 0);
		if (i & 1)
			turn();
		close_stream(&a);
	}
	turn();
	open_stream(&b, 1);
	turn();
	assert_int_equal(b.opened, 0);
	open_stream(&a, 0);
	turn();
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 1);
	close_stream(&a);
	close_stream(&b);
	teardown();
}

static void more_streams_than_channels_wait(void **state)
{
	struct user a[LINK_CHANNELS + 1], b[LINK_CHANNELS + 1];

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	attach();
	for (int i = 0; i <= LINK_CHANNELS; i++) {
		open_stream(&a[i], 0);
		open_stream(&b[i], 1);
	}
	turn();
	assert_int_equal(a[LINK_CHANNELS - 1].opened, 1);
	assert_int_equal(a[LINK_CHANNELS].opened, 0);
	close_stream(&a[3]);
	close_stream(&b[3]);
	turn();
	assert_int_equal(a[LINK_CHANNELS].opened, 1);
	assert_int_equal(b[LINK_CHANNELS].opened, 1);
	for (int i = 0; i <= LINK_CHANNELS; i++) {
		close_stream(&a[i]);
		close_stream(&b[i]);
	}
	teardown();
}

/* --- a hostile peer ------------------------------------------------------- */

struct lie {
	const char *name;
	uint64_t word, head, tail;
};

#define WORD(epoch, phase, fin)                                                \
	((uint64_t)(epoch) | (uint64_t)(phase) << 32 | (uint64_t)(fin) << 40)

static const struct lie lies[] = {
	{"head beyond the ring", WORD(1, LINK_OPEN, 0), LINK_RING + 1, 0},
	{"head of a million rings", WORD(1, LINK_OPEN, 0), UINT64_MAX, 0},
	{"tail beyond the head", WORD(1, LINK_OPEN, 0), 0, 5},
	{"tail that goes back", WORD(1, LINK_OPEN, 0), 0, UINT64_MAX},
	{"another epoch", WORD(2, LINK_OPEN, 0), 0, 0},
	{"no phase", WORD(1, 77, 0), 0, 0},
	{"an end that is no end", WORD(1, LINK_IDLE, 1), 0, 0},
	{"idle", WORD(1, LINK_IDLE, 0), 0, 0},
};

static void a_lie_ends_the_connection_and_nothing_else(void **state)
{
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		struct link_memory memory;
		struct link_control *control;
		const uint64_t one = 1;
		struct user a;

		setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
		assert_int_equal(link_memory_map(&memory, &fds[1]), 0);
		control = link_memory_own(&memory, 0);
		assert_int_equal(link_end_attach(ends[0], &fds[0], true), 0);
		open_stream(&a, 0);
		turn();
		control->word = WORD(1, LINK_OPEN, 0);
		assert_int_equal(write(fds[1].peer_bell, &one, 8), 8);
		turn();
		assert_int_equal(a.opened, 1);
		send_text(&a, "four");
		control->head = lies[i].head;
		control->tail = lies[i].tail;
		control->word = lies[i].word;
		assert_int_equal(write(fds[1].peer_bell, &one, 8), 8);
		turn();
		if (!a.failed)
			fail_msg("%s is believed", lies[i].name);
		assert_true(link_end_present(ends[0]));
		close_stream(&a);
		link_memory_unmap(&memory);
		teardown();
	}
}

/* Random words and indexes, at every call: nothing but results. */
static void noise_in_the_memory_is_survived(void **state)
{
	uint32_t random = 12345;
	struct link_memory memory;
	struct user users[4] = {0};

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	assert_int_equal(link_memory_map(&memory, &fds[1]), 0);
	assert_int_equal(link_end_attach(ends[0], &fds[0], true), 0);
	for (int i = 0; i < 20000; i++) {
		struct link_control *control;
		const uint64_t one = 1;
		struct user *user;
		uint8_t data[4096];

		random = random * 1664525 + 1013904223;
		user = &users[random >> 30];
		control = link_memory_own(&memory, random >> 26 & 3);
		control->word = WORD(random >> 24 & 7, random >> 20 & 3,
				     random >> 19 & 1);
		if (random >> 17 & 1)
			control->head += random & 0xfff;
		if (random >> 16 & 1)
			control->tail += random & 0xff;
		control->wants = random >> 10;
		assert_int_equal(write(fds[1].peer_bell, &one, 8), 8);
		uv_run(&loop, UV_RUN_NOWAIT);
		if (user->stream && (user->failed || (random & 15) == 0))
			close_stream(user);
		if (!user->stream)
			open_stream(user, 0);
		else if (random & 1)
			link_stream_write(user->stream, data, random & 0xfff);
		else
			link_stream_read(user->stream, data, sizeof(data));
	}
	for (int i = 0; i < 4; i++)
		close_stream(&users[i]);
	link_memory_unmap(&memory);
	teardown();
}

static void a_side_cannot_write_what_is_the_others(void **state)
{
	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ftruncate(fds[i].own, 4096), -1);
		assert_int_equal(ftruncate(fds[i].own, LINK_FILE_SIZE + 4096),
				 -1);
		assert_int_equal(fcntl(fds[i].peer, F_GETFL) & O_ACCMODE,
				 O_RDONLY);
		assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				      MAP_SHARED, fds[i].peer, 0),
				 MAP_FAILED);
		/* Nobody adds a seal that would stop its owner. */
		assert_int_equal(fcntl(fds[i].own, F_ADD_SEALS, F_SEAL_WRITE),
				 -1);
	}
	teardown();
}

static void memory_that_is_no_links_is_refused(void **state)
{
	int own;

	setup_roles(LINK_SYMMETRIC, LINK_SYMMETRIC);
	own = memfd_create("short", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(own, 4096), 0);
	assert_int_equal(fcntl(own, F_ADD_SEALS,
			       F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL),
			 0);
	close(fds[0].own);
	fds[0].own = own;
	assert_int_equal(link_end_attach(ends[0], &fds[0], true), -EINVAL);
	own = memfd_create("unsealed", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(own, LINK_FILE_SIZE), 0);
	close(fds[1].own);
	fds[1].own = own;
	assert_int_equal(link_end_attach(ends[1], &fds[1], false), -EINVAL);
	assert_false(link_end_present(ends[0]));
	teardown();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_are_joined_in_order),
		cmocka_unit_test(each_direction_ends_by_itself),
		cmocka_unit_test(octets_said_before_the_good_bye_arrive),
		cmocka_unit_test(octets_nobody_took_break_the_stream),
		cmocka_unit_test(an_abrupt_end_is_a_reset),
		cmocka_unit_test(a_dead_process_is_a_reset),
		cmocka_unit_test(who_connects_to_nobody_is_told),
		cmocka_unit_test(roles_have_their_sides),
		cmocka_unit_test(a_writer_stops_at_a_reader_that_stops),
		cmocka_unit_test(a_thousand_connections_in_a_row),
		cmocka_unit_test(a_call_that_was_given_up_is_not_answered),
		cmocka_unit_test(more_streams_than_channels_wait),
		cmocka_unit_test(a_lie_ends_the_connection_and_nothing_else),
		cmocka_unit_test(noise_in_the_memory_is_survived),
		cmocka_unit_test(a_side_cannot_write_what_is_the_others),
		cmocka_unit_test(memory_that_is_no_links_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
