// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-xl-attach.c - a domain that wants one gets one controller, by xl.
 *
 * xl is a script that writes down how it was called; configuration and
 * hypervisor are tables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/xl_attach.h"

enum { DOMAINS = 8, LOOK_MS = 5, DEADLINE_MS = 500 };

/* The world: domid is the index. */
static struct {
	bool wanted, has_controller;
	int state;
	unsigned int asked;
} domains[DOMAINS];

static char folder[64], program[80], calls[80];
static uv_loop_t loop;
static struct xl_attach *attach;

static bool is_wanted(void *context, const struct domain_id *domain)
{
	domains[domain->domid].asked++;
	return domains[domain->domid].wanted;
}

static bool has_controller(void *context, const struct domain_id *domain)
{
	return domains[domain->domid].has_controller;
}

static int run_state(void *context, const struct domain_id *domain)
{
	return domains[domain->domid].state;
}

static const struct xl_attach_ops ops = {is_wanted, has_controller, run_state};

static void xl_is(const char *body)
{
	FILE *file;

	unlink(program);
	file = fopen(program, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho \"$*\" >>'%s'\n%s\n", calls, body);
	fclose(file);
	assert_int_equal(chmod(program, 0755), 0);
}

/* What xl was called with so far, the calls separated by "; ". */
static const char *called(void)
{
	static char text[1024];
	FILE *file = fopen(calls, "re");
	char line[256];

	text[0] = '\0';
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (text[0])
			strcat(text, "; ");
		strcat(text, line);
	}
	if (file)
		fclose(file);
	return text;
}

#define ATTACH(domid) "usbctrl-attach " domid " type=pv version=2 ports=8"

static void on_time(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

static void run_ms(unsigned int ms)
{
	uv_timer_t timer;

	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_time, ms, 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

/* Until nothing waits; false after five seconds. */
static bool settled(void)
{
	for (int i = 0; i < 250 && xl_attach_pending(attach); i++)
		run_ms(20);
	return !xl_attach_pending(attach);
}

static void meet(uint32_t domid)
{
	xl_attach_add(attach, &(struct domain_id){.domid = domid});
}

static void one_that_wants_gets_one(void **state)
{
	domains[5].wanted = true;
	meet(5);
	assert_true(settled());
	assert_string_equal(called(), ATTACH("5"));
	run_ms(50);
	assert_string_equal(called(), ATTACH("5"));
}

static void one_that_does_not_want_gets_none(void **state)
{
	meet(5);
	assert_true(settled());
	assert_string_equal(called(), "");
	/* Asked again once: its name may not have been there yet. */
	assert_int_equal(domains[5].asked, 2);
}

static void nothing_is_attached_while_it_is_paused(void **state)
{
	domains[5].wanted = true;
	domains[5].state = XL_ATTACH_PAUSED;
	meet(5);
	run_ms(300);
	assert_string_equal(called(), "");
	assert_int_equal(xl_attach_pending(attach), 1);
	domains[5].state = XL_ATTACH_RUNS;
	assert_true(settled());
	assert_string_equal(called(), ATTACH("5"));
}

static void what_is_said_late_is_heard_when_it_is_unpaused(void **state)
{
	domains[5].state = XL_ATTACH_PAUSED;
	meet(5);
	run_ms(100);
	domains[5].wanted = true;
	domains[5].state = XL_ATTACH_RUNS;
	assert_true(settled());
	assert_string_equal(called(), ATTACH("5"));
}

/* As after a reboot, a restore, or a restart of 2virtd. */
static void one_that_has_a_controller_gets_no_second(void **state)
{
	domains[5].wanted = true;
	domains[5].has_controller = true;
	meet(5);
	assert_true(settled());
	assert_string_equal(called(), "");
	/* And no file was read for it. */
	assert_int_equal(domains[5].asked, 0);
}

static void a_controller_that_comes_meanwhile_is_enough(void **state)
{
	domains[5].wanted = true;
	domains[5].state = XL_ATTACH_PAUSED;
	meet(5);
	run_ms(50);
	domains[5].has_controller = true;
	domains[5].state = XL_ATTACH_RUNS;
	assert_true(settled());
	assert_string_equal(called(), "");
}

static void one_that_dies_is_forgotten(void **state)
{
	domains[5].wanted = true;
	domains[5].state = XL_ATTACH_PAUSED;
	meet(5);
	run_ms(50);
	domains[5].state = XL_ATTACH_GONE;
	assert_true(settled());
	assert_string_equal(called(), "");
}

static void xl_that_fails_is_tried_three_times(void **state)
{
	domains[5].wanted = true;
	xl_is("exit 1");
	meet(5);
	assert_true(settled());
	assert_string_equal(called(),
			    ATTACH("5") "; " ATTACH("5") "; " ATTACH("5"));
}

static void xl_that_fails_because_it_died_is_not_tried_again(void **state)
{
	domains[5].wanted = true;
	xl_is("sleep 0.2; exit 1");
	meet(5);
	run_ms(100);
	domains[5].state = XL_ATTACH_GONE;
	assert_true(settled());
	assert_string_equal(called(), ATTACH("5"));
}

static void xl_that_hangs_is_killed_and_holds_up_nobody(void **state)
{
	uint64_t begin = uv_hrtime();

	domains[5].wanted = true;
	domains[6].wanted = true;
	xl_is("[ \"$2\" = 6 ] || exec sleep 100");
	meet(5);
	meet(6);
	assert_true(settled());
	assert_non_null(strstr(called(), ATTACH("6")));
	assert_true(uv_hrtime() - begin < 5ull * 1000 * 1000 * 1000);
}

static void xl_that_is_not_there_is_an_error_and_no_more(void **state)
{
	domains[5].wanted = true;
	unlink(program);
	meet(5);
	assert_true(settled());
	assert_string_equal(called(), "");
}

static void one_at_a_time(void **state)
{
	char lock[80], body[400];

	snprintf(lock, sizeof(lock), "%s/lock", folder);
	snprintf(body, sizeof(body),
		 "mkdir '%s' || { echo both >>'%s'; exit 0; }\n"
		 "sleep 0.05; rmdir '%s'",
		 lock, calls, lock);
	xl_is(body);
	for (uint32_t domid = 1; domid < 5; domid++) {
		domains[domid].wanted = true;
		meet(domid);
	}
	assert_true(settled());
	assert_string_equal(called(), ATTACH("1") "; " ATTACH("2") "; " ATTACH(
					      "3") "; " ATTACH("4"));
}

static void it_inherits_a_path_and_nothing_else(void **state)
{
	char body[256];

	snprintf(body, sizeof(body),
		 "env | grep -vE '^(PATH|PWD|SHLVL|_|OLDPWD)=' >>'%s'; exit 0",
		 calls);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	domains[5].wanted = true;
	xl_is(body);
	meet(5);
	assert_true(settled());
	unsetenv("NOTIFY_SOCKET");
	assert_string_equal(called(), ATTACH("5"));
}

static void the_end_does_not_wait_for_xl(void **state)
{
	domains[5].wanted = true;
	xl_is("exec sleep 100");
	meet(5);
	run_ms(100);
	/* each_teardown() destroys it and runs the loop empty. */
}

static int each_setup(void **state)
{
	memset(domains, 0, sizeof(domains));
	unlink(calls);
	xl_is("exit 0");
	if (uv_loop_init(&loop))
		return -1;
	attach = xl_attach_create(&(struct xl_attach_config){
		.loop = &loop,
		.program = program,
		.deadline_ms = DEADLINE_MS,
		.look_ms = LOOK_MS,
		.ops = &ops,
	});
	return attach ? 0 : -1;
}

static int each_teardown(void **state)
{
	xl_attach_destroy(attach);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static int folder_make(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/2virt-xl-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(program, sizeof(program), "%s/xl", folder);
	snprintf(calls, sizeof(calls), "%s/calls", folder);
	return 0;
}

static int folder_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, each_setup, each_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_that_wants_gets_one),
		CASE(one_that_does_not_want_gets_none),
		CASE(nothing_is_attached_while_it_is_paused),
		CASE(what_is_said_late_is_heard_when_it_is_unpaused),
		CASE(one_that_has_a_controller_gets_no_second),
		CASE(a_controller_that_comes_meanwhile_is_enough),
		CASE(one_that_dies_is_forgotten),
		CASE(xl_that_fails_is_tried_three_times),
		CASE(xl_that_fails_because_it_died_is_not_tried_again),
		CASE(xl_that_hangs_is_killed_and_holds_up_nobody),
		CASE(xl_that_is_not_there_is_an_error_and_no_more),
		CASE(one_at_a_time),
		CASE(it_inherits_a_path_and_nothing_else),
		CASE(the_end_does_not_wait_for_xl),
	};

	return cmocka_run_group_tests_name("xl-attach", tests, folder_make,
					   folder_remove);
}
