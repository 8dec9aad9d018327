// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-files.c - journals on disk and numbers in nodes are taken exactly
 * as they should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/journal_file.h"
#include "backend/daemon/store.h"
#include "backend/xen/journal.h"

static const struct domain_id domain = {.domid = 5, .uuid = {1, 2, 3}};
static const char file_name[] =
	"5-0-01020300-0000-0000-0000-000000000000.journal";
static char folder[64];

static char *path_of(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int folder_make(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/2virt-files-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/* Two brokers, or a process that did not die, never share one. */
static void a_journal_is_one_holders(void **state)
{
	int first = journal_file_open(folder, &domain, 0, true), second;

	assert_true(first >= 0);
	assert_int_equal(journal_file_open(folder, &domain, 0, false), -EBUSY);
	close(first);
	second = journal_file_open(folder, &domain, 0, false);
	assert_true(second >= 0);
	close(second);
}

static void a_fresh_journal_is_new_and_private(void **state)
{
	struct stat status;
	int old, fd;

	old = journal_file_open(folder, &domain, 0, true);
	assert_int_equal(write(old, "x", 1), 1);
	/* Even from under its holder, who keeps the one without a name. */
	fd = journal_file_open(folder, &domain, 0, true);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(status.st_size, 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(old);
}

static void a_journal_that_is_not_there_is_said(void **state)
{
	static const struct domain_id other = {.domid = 5, .uuid = {9}};
	int fd = journal_file_open(folder, &domain, 0, true);

	close(fd);
	/* Another domain of the same number has none, nor another devid. */
	assert_int_equal(journal_file_open(folder, &other, 0, false), -ENOENT);
	assert_int_equal(journal_file_open(folder, &domain, 1, false), -ENOENT);
	assert_int_equal(access(path_of(file_name), F_OK), 0);
	journal_file_remove(folder, &domain, 0);
	assert_int_equal(journal_file_open(folder, &domain, 0, false), -ENOENT);
}

static void a_link_is_not_followed(void **state)
{
	FILE *file = fopen(path_of("elsewhere"), "we");

	fclose(file);
	assert_int_equal(symlink("elsewhere", path_of(file_name)), 0);
	assert_int_equal(journal_file_open(folder, &domain, 0, false), -ELOOP);
	unlink(path_of(file_name));
}

/* A device process holds it and may cut it: a mapping must not end early. */
static void a_journal_has_its_size_again(void **state)
{
	static const off_t sizes[] = {0,
				      1,
				      JOURNAL_SIZE - 1,
				      JOURNAL_SIZE,
				      JOURNAL_SIZE + 1,
				      10 * JOURNAL_SIZE};
	int fd = journal_file_open(folder, &domain, 0, true);
	struct stat status;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		assert_int_equal(ftruncate(fd, sizes[i]), 0);
		assert_int_equal(journal_file_check(fd), 0);
		assert_int_equal(fstat(fd, &status), 0);
		assert_int_equal(status.st_size, JOURNAL_SIZE);
	}
	close(fd);
}

static const struct {
	const char *text;
	uint32_t max;
	bool good;
	uint32_t number;
} numbers[] = {
	{"0", 0, true, 0},
	{"1", 0, false, 0},
	{"31", 31, true, 31},
	{"32", 31, false, 0},
	{"007", 7, true, 7},
	{"65535", UINT16_MAX, true, 65535},
	{"65536", UINT16_MAX, false, 0},
	{"4294967295", UINT32_MAX, true, UINT32_MAX},
	{"4294967296", UINT32_MAX, false, 0},
	{"18446744073709551617", UINT32_MAX, false, 0},
	{"99999999999999999999999999999999", UINT32_MAX, false, 0},
	{"", 9, false, 0},
	{"-1", 9, false, 0},
	{"+1", 9, false, 0},
	{" 1", 9, false, 0},
	{"1 ", 9, false, 0},
	{"1\n", 9, false, 0},
	{"0x1", 99, false, 0},
	{"1.0", 99, false, 0},
	{":", 99, false, 0},
	{"/", 99, false, 0},
};

static void a_number_is_digits_up_to_its_limit(void **state)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t number = 4711;

		if (store_parse_number(numbers[i].text, numbers[i].max,
				       &number) != numbers[i].good)
			fail_msg("\"%s\" up to %u", numbers[i].text,
				 numbers[i].max);
		assert_int_equal(number,
				 numbers[i].good ? numbers[i].number : 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_journal_is_one_holders),
		cmocka_unit_test(a_fresh_journal_is_new_and_private),
		cmocka_unit_test(a_journal_that_is_not_there_is_said),
		cmocka_unit_test(a_link_is_not_followed),
		cmocka_unit_test(a_journal_has_its_size_again),
		cmocka_unit_test(a_number_is_digits_up_to_its_limit),
	};

	return cmocka_run_group_tests_name("daemon-files", tests, folder_make,
					   folder_remove);
}
