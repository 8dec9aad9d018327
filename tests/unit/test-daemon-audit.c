// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-audit.c - every decision is a line, or is counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/audit.h"

static char path[64];
static char text[1 << 16];
static const struct audit_who who = {"shop",
				     "01234567-89ab-cdef-0123-456789abcdef", 5};

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/2virt-audit-XXXXXX");
	fd = mkstemp(path);
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	return unlink(path);
}

static const char *content(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static struct message_audit_record record_make(void)
{
	struct message_audit_record record = {.status = 200,
					      .in_octets = 90,
					      .out_octets = 1200,
					      .duration_us = 5300};

	strcpy(record.service, "catalog");
	strcpy(record.method, "GET");
	strcpy(record.path, "/a");
	return record;
}

static void a_request_is_one_line_with_all_that_was_decided(void **state)
{
	struct message_audit_record record = record_make();
	struct audit *audit;

	assert_int_equal(audit_open(path, &audit), 0);
	audit_request(audit, &who, "20.policy:3", &record);
	audit_close(audit);
	assert_non_null(strstr(
		content(),
		"\"event\":\"request\",\"domain\":\"shop\","
		"\"uuid\":\"01234567-89ab-cdef-0123-456789abcdef\","
		"\"domid\":5,\"service\":\"web:catalog\","
		"\"rule\":\"20.policy:3\",\"result\":\"allowed\","
		"\"method\":\"GET\",\"path\":\"/a\",\"status\":200,\"in\":90,"
		"\"out\":1200,\"us\":5300}\n"));
}

static void a_guest_cannot_forge_a_line(void **state)
{
	struct message_audit_record record = record_make();
	struct audit *audit;

	strcpy(record.path, "/\"}\n{\"event\":\"x\\");
	memset(record.service, '"', sizeof(record.service) - 1);
	assert_int_equal(audit_open(path, &audit), 0);
	audit_request(audit, &who, "default", &record);
	audit_close(audit);
	content();
	assert_non_null(
		strstr(text, "/\\\"}\\u000a{\\\"event\\\":\\\"x\\\\\""));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void every_line_ends_however_long_its_parts_are(void **state)
{
	char name[4096];
	struct audit_who longest = {name, who.uuid, 7};
	const struct audit_event event = {.event = "grant",
					  .type = "web",
					  .service = name,
					  .rule = name,
					  .result = name,
					  .detail = name};
	struct audit *audit;

	memset(name, '\x01', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(audit_open(path, &audit), 0);
	audit_event(audit, &longest, &event);
	audit_event(audit, &who, &event);
	audit_close(audit);
	content();
	assert_int_equal(strncmp(text, "{\"time\":", 8), 0);
	assert_string_equal(text + strlen(text) - 2, "}\n");
}

static void a_guest_beyond_its_rate_is_counted(void **state)
{
	struct audit_guest guest = {0};
	struct audit *audit;
	unsigned int told = 0;

	assert_int_equal(audit_open(path, &audit), 0);
	for (int i = 0; i < 1000; i++)
		told += audit_guest_allows(&guest, 5000);
	assert_int_equal(told, 200);
	assert_int_equal(guest.suppressed, 800);
	/* A second later there are some more, and others are not touched. */
	for (int i = 0; i < 1000; i++)
		told += audit_guest_allows(&guest, 6000);
	assert_int_equal(told, 220);
	guest.lost = 3;
	audit_guest_tell(audit, &who, &guest);
	assert_non_null(strstr(content(), "\"event\":\"suppressed\""));
	assert_non_null(strstr(text, "\"count\":1780,\"lost\":3}"));
	assert_int_equal(guest.suppressed, 0);
	assert_int_equal(audit_totals(audit).suppressed, 1780);
	assert_int_equal(audit_totals(audit).lost, 3);
	audit_guest_tell(audit, &who, &guest);
	assert_int_equal(audit_totals(audit).lines, 1);
	audit_close(audit);
}

static void lines_that_find_no_room_are_counted_and_said(void **state)
{
	const struct audit_event event = {.event = "grant", .result = "done"};
	struct audit *audit;
	int reader;

	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(audit_open(path, &audit), 0);
	/* Nobody reads: it is full soon, and we do not wait. */
	for (int i = 0; i < 2000; i++)
		audit_event(audit, &who, &event);
	assert_true(audit_totals(audit).lost > 0);
	assert_int_equal(audit_totals(audit).lost + audit_totals(audit).lines,
			 2000);
	while (read(reader, text, sizeof(text)) > 0)
		;
	audit_event(audit, &who, &event);
	memset(text, 0, sizeof(text));
	assert_true(read(reader, text, sizeof(text) - 1) > 0);
	assert_non_null(strstr(text, "\"event\":\"lost\",\"count\":"));
	assert_non_null(strstr(text, "\"event\":\"grant\""));
	audit_close(audit);
	close(reader);
}

static void a_rotated_file_is_begun_anew(void **state)
{
	const struct audit_event event = {.event = "grant", .result = "done"};
	struct audit *audit;

	assert_int_equal(audit_open(path, &audit), 0);
	audit_event(audit, &who, &event);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(audit_reopen(audit), 0);
	assert_string_equal(content(), "");
	audit_event(audit, &who, &event);
	assert_non_null(strstr(content(), "\"event\":\"grant\""));
	audit_close(audit);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_request_is_one_line_with_all_that_was_decided),
		CASE(a_guest_cannot_forge_a_line),
		CASE(every_line_ends_however_long_its_parts_are),
		CASE(a_guest_beyond_its_rate_is_counted),
		CASE(lines_that_find_no_room_are_counted_and_said),
		CASE(a_rotated_file_is_begun_anew),
	};

	return cmocka_run_group_tests_name("daemon-audit", tests, NULL, NULL);
}
