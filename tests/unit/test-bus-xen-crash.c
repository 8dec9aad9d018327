// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-bus-xen-crash.c - a device process may die between any two
 * instructions.
 *
 * A child serves a batch of requests, one machine instruction at a time under
 * ptrace(2).  Whenever an instruction has changed the rings or the journal, the
 * three are kept.  Then each of these moments is taken as that of a crash: a
 * successor goes on from there, and the guest must have got an answer to each
 * of its ids exactly once, before or after.
 */
#include "backend/xen/journal.h"
#include "tests/unit/xen-bench.h"

#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { PAGE = 4096, PARTS = 3, MAX_MOMENTS = 4000, IDS = 8 };

struct moment {
	uint8_t part[PARTS][PAGE];
};

static struct xen_bench bench;
static struct tiny_front *const front = &bench.front;
static uint8_t *parts[PARTS];
static struct moment *moments;
static unsigned int moment_count;

static void moment_keep(void)
{
	const struct moment *last =
		moment_count ? &moments[moment_count - 1] : NULL;
	bool same = last;

	for (unsigned int i = 0; same && i < PARTS; i++)
		same = memcmp(last->part[i], parts[i], PAGE) == 0;
	if (same)
		return;
	assert_true(moment_count < MAX_MOMENTS);
	for (unsigned int i = 0; i < PARTS; i++)
		memcpy(moments[moment_count].part[i], parts[i], PAGE);
	moment_count++;
}

static void moment_restore(const struct moment *moment)
{
	for (unsigned int i = 0; i < PARTS; i++)
		memcpy(parts[i], moment->part[i], PAGE);
}

static void data(uint16_t id, uint8_t endpoint, uint32_t len)
{
	tiny_front_data(tiny_front_request(front), id, 1, BENCH_ADDRESS,
			USBIF_PIPE_TYPE_BULK, endpoint, TINY_FRONT_DATA + id, 0,
			len);
}

/* Ids 0 and 1 in flight; a batch of everything on the ring. */
static void scene_set(void)
{
	const uint8_t get[8] = {0x80, 6, 0, 1, 0, 0, 18, 0};
	struct probe *probe = xen_bench_start(&bench, 0);
	uint8_t *journal = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE,
				MAP_SHARED, bench.journal_fd, 0);

	assert(journal != MAP_FAILED);
	parts[0] = tiny_xen_page(TINY_FRONT_RING);
	parts[1] = tiny_xen_page(TINY_FRONT_CONN);
	parts[2] = journal;
	data(0, PROBE_IN, 64);
	data(1, PROBE_OUT, 64);
	xen_bench_no_answer(&bench);

	tiny_front_control(tiny_front_request(front), 2, 1, BENCH_ADDRESS, get,
			   TINY_FRONT_DATA + 2);
	tiny_front_unlink(tiny_front_request(front), 3, 1, 0);
	data(4, PROBE_OUT, 100);
	data(5, PROBE_IN, 8);
	data(6, PROBE_IN, 64);
	data(7, PROBE_IN, 64);
	tiny_front_push(front);
	/* One IN can be answered, and 64 octets of OUT are wanted. */
	probe->stock = 8;
	probe->room = 64;
	xen_bench_plug(&bench, 2);
}

static void child_serve(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(1);
	raise(SIGSTOP);
	uv_run(&bench.loop, UV_RUN_NOWAIT);
	uv_run(&bench.loop, UV_RUN_NOWAIT);
	_exit(0);
}

/* Records the moments; false: this machine does not let us. */
static bool child_step_through(void)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		child_serve();
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		return false;
	moment_keep();
	for (;;) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) < 0)
			return false;
		assert_int_equal(waitpid(child, &status, 0), child);
		moment_keep();
		if (WIFEXITED(status))
			break;
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	return true;
}

static void collect(unsigned int *answers)
{
	struct tv_usbif_response response;

	while (tiny_front_response(front, &response)) {
		assert_true(response.id < IDS);
		answers[response.id]++;
	}
}

/* Follows the connection events: none may repeat what the guest knows. */
static void follow_ports(bool *plugged)
{
	struct tv_usbif_conn_response event;

	while (tiny_front_event(front, true, &event)) {
		assert_true(event.portnum >= 1 && event.portnum <= 2);
		assert_true(plugged[event.portnum] !=
			    (event.speed != USBIF_SPEED_NONE));
		plugged[event.portnum] = event.speed != USBIF_SPEED_NONE;
	}
}

/* What was taken by the dead process, the successor must not do. */
static void successor_run(const struct moment *moment)
{
	struct tiny_front before = *front;
	unsigned int answers[IDS] = {0};
	bool plugged[3] = {false, true, false};
	unsigned int notified;

	moment_restore(moment);
	tiny_xen_forget();
	xen_bench_create_bus(&bench);
	/* The guest reads on, crash or not. */
	collect(answers);
	follow_ports(plugged);
	notified = tiny_xen.notifications;
	assert_int_equal(xen_bench_connect(&bench, true), 0);
	xen_bench_settle(&bench);
	collect(answers);
	follow_ports(plugged);
	assert_int_equal(bench.faults, 0);
	assert_int_equal(tiny_xen.notifications, notified + 1);
	for (unsigned int id = 0; id < IDS; id++)
		assert_int_equal(answers[id], 1);
	assert_false(plugged[1] || plugged[2]);

	/* And it works: the device comes back, all ids are free. */
	xen_bench_plug(&bench, 1);
	xen_bench_settle(&bench);
	follow_ports(plugged);
	assert_true(plugged[1] && !plugged[2]);
	xen_bench_enumerate(&bench, 1, 77);
	bus_destroy(bench.bus);
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	bench.bus = NULL;
	*front = before;
}

static void a_crash_at_any_instruction_answers_every_id_once(void **state)
{
	(void)state;
	moments = malloc(MAX_MOMENTS * sizeof(*moments));
	assert_non_null(moments);
	scene_set();
	if (!child_step_through()) {
		print_message("ptrace is not allowed here\n");
		skip();
	}
	bus_destroy(bench.bus);
	uv_run(&bench.loop, UV_RUN_DEFAULT);
	bench.bus = NULL;
	print_message("%u moments to crash at\n", moment_count);
	/* Taken, answered, told of a port: there must be some. */
	assert_true(moment_count > 15);
	for (unsigned int i = 0; i < moment_count; i++)
		successor_run(&moments[i]);

	munmap(parts[2], JOURNAL_SIZE);
	free(moments);
	xen_bench_create_bus(&bench);
	xen_bench_fini(&bench);
}

static void nothing_to_tell_is_no_reason_to_notify(void **state)
{
	struct moment *moment = malloc(sizeof(*moment));
	unsigned int before;

	(void)state;
	assert_non_null(moment);
	xen_bench_init(&bench);
	tiny_front_open(front, 0);
	parts[0] = tiny_xen_page(TINY_FRONT_RING);
	parts[1] = tiny_xen_page(TINY_FRONT_CONN);
	parts[2] = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			bench.journal_fd, 0);
	assert_true(parts[2] != MAP_FAILED);
	assert_int_equal(xen_bench_connect(&bench, false), 0);
	xen_bench_settle(&bench);
	before = tiny_xen.notifications;
	for (int i = 0; i < 5; i++) {
		for (unsigned int j = 0; j < PARTS; j++)
			memcpy(moment->part[j], parts[j], PAGE);
		bus_destroy(bench.bus);
		uv_run(&bench.loop, UV_RUN_DEFAULT);
		moment_restore(moment);
		tiny_xen_forget();
		xen_bench_create_bus(&bench);
		assert_int_equal(xen_bench_connect(&bench, true), 0);
		xen_bench_settle(&bench);
	}
	assert_int_equal(tiny_xen.notifications, before);
	munmap(parts[2], JOURNAL_SIZE);
	free(moment);
	xen_bench_fini(&bench);
}

static void a_journal_of_other_rings_is_refused(void **state)
{
	(void)state;
	xen_bench_init(&bench);
	tiny_front_open(front, 0);
	assert_int_equal(xen_bench_connect(&bench, true), -ENOENT);
	assert_int_equal(xen_bench_connect(&bench, false), 0);
	/* A second process of the same journal, without disconnecting. */
	bus_xen_disconnect(bench.bus);
	assert_int_equal(xen_bench_connect(&bench, true), -ENOENT);
	{
		struct journal journal;

		assert_int_equal(journal_open(&journal, bench.journal_fd), 0);
		journal_reset(&journal, 2);
		assert_int_equal(xen_bench_connect(&bench, true), -EPROTO);
		journal_reset(&journal, 0);
		journal.state.port_mask = 1u << (BENCH_PORTS + 1);
		journal_commit(&journal);
		assert_int_equal(xen_bench_connect(&bench, true), -EPROTO);
		journal_close(&journal);
	}
	assert_int_equal(tiny_xen.mapped, 0);
	xen_bench_fini(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_crash_at_any_instruction_answers_every_id_once),
		cmocka_unit_test(nothing_to_tell_is_no_reason_to_notify),
		cmocka_unit_test(a_journal_of_other_rings_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
