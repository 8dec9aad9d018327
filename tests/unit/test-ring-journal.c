// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-ring-journal.c - promises of the journal.
 */
#define _GNU_SOURCE
#include "backend/xen/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static int fd = -1;
static struct journal writer;
static uint8_t *octets; /* the page as anybody may write it */

static int setup(void **state)
{
	(void)state;
	fd = journal_create();
	octets = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      fd, 0);
	return fd < 0 || octets == MAP_FAILED || journal_open(&writer, fd);
}

static int teardown(void **state)
{
	(void)state;
	journal_close(&writer);
	munmap(octets, JOURNAL_SIZE);
	close(fd);
	return 0;
}

static int load(struct journal_state *state)
{
	struct journal reader;
	int error;

	assert_int_equal(journal_open(&reader, fd), 0);
	error = journal_load(&reader);
	*state = reader.state;
	journal_close(&reader);
	return error;
}

static void a_new_journal_says_never_connected(void **state)
{
	struct journal_state found;

	(void)state;
	assert_int_equal(load(&found), -ENOENT);
}

static void a_cleared_journal_says_not_connected(void **state)
{
	struct journal_state found;

	(void)state;
	journal_reset(&writer, 2);
	assert_int_equal(load(&found), 0);
	journal_clear(&writer);
	assert_int_equal(load(&found), -ENOENT);
}

static void its_size_cannot_change(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 8192), -1);
}

static void another_file_is_no_journal(void **state)
{
	struct journal journal;
	int other = memfd_create("other", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(journal_open(&journal, other), -EINVAL);
	journal_close(&journal);
	close(other);
}

static void the_successor_finds_what_was_committed_last(void **state)
{
	struct journal_state found;

	(void)state;
	journal_reset(&writer, 1);
	for (uint32_t i = 1; i < 40; i++) {
		writer.state.urb_req_cons = i;
		writer.state.urb_rsp_prod = i - 1;
		memset(writer.state.in_flight, 0,
		       sizeof(writer.state.in_flight));
		journal_id_set(&writer.state, i % 32);
		writer.state.conn_req_cons = 2 * i;
		writer.state.port_mask = 2;
		journal_commit(&writer);
		/* Not committed. */
		writer.state.urb_req_cons = 77;
		assert_int_equal(load(&found), 0);
		assert_int_equal(found.order, 1);
		assert_int_equal(found.urb_req_cons, i);
		assert_int_equal(found.urb_rsp_prod, i - 1);
		assert_int_equal(found.conn_req_cons, 2 * i);
		assert_true(journal_id_in_flight(&found, i % 32));
		assert_int_equal(found.port_mask, 2);
	}
}

static void a_journal_that_contradicts_itself_is_refused(void **state)
{
	struct journal_state found;
	const struct journal_state wrong[] = {
		{.connected = 2},
		{.connected = 1, .order = 4},
		{.connected = 1, .order = UINT32_MAX},
		/* one taken, none in flight */
		{.connected = 1, .urb_req_cons = 1},
		/* one in flight, none taken */
		{.connected = 1, .in_flight = {1}},
		/* answered more than taken */
		{.connected = 1, .urb_rsp_prod = 1},
		/* an id beyond the ring */
		{.connected = 1, .urb_req_cons = 1, .in_flight = {1 << 16}},
		/* more than the ring holds */
		{.connected = 1, .urb_req_cons = 17, .in_flight = {0x1ffff}},
		{.connected = 1, .unannounced = 2},
		{.connected = 1, .reserved = 1},
		/* port 0 */
		{.connected = 1, .port_mask = 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		journal_reset(&writer, 0);
		writer.state = wrong[i];
		journal_commit(&writer);
		assert_int_equal(load(&found), -EPROTO);
	}
}

static void no_octet_of_the_page_can_crash_the_successor(void **state)
{
	struct journal_state found;
	uint8_t good[128];
	unsigned int refused = 0;

	(void)state;
	journal_reset(&writer, 3);
	memcpy(good, octets, sizeof(good));
	for (size_t i = 0; i < sizeof(good); i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(octets, good, sizeof(good));
			octets[i] ^= (uint8_t)(1 << bit);
			refused += load(&found) != 0;
		}
	}
	assert_true(refused > 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_new_journal_says_never_connected, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_cleared_journal_says_not_connected, setup, teardown),
		cmocka_unit_test_setup_teardown(its_size_cannot_change, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_file_is_no_journal,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_successor_finds_what_was_committed_last, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			a_journal_that_contradicts_itself_is_refused, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			no_octet_of_the_page_can_crash_the_successor, setup,
			teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
