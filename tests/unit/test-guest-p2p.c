// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-p2p.c - 2virt-guest at both ends of a link: its functions and
 * relays over the in-process bus, the p2p function and a real link between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/function/p2p.h"
#include "frontend-linux/guest/function.h"
#include "frontend-linux/guest/offer.h"
#include "frontend-linux/guest/relay.h"
#include "protocol/pipe.h"
#include "tests/unit/guest-mem-port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, HERE = 0, THERE = 1, PIPES = 2 };

static const struct relay_times times = {
	.request_ms = 1000,
	.close_ms = 1000,
	.reset_ms = 1000,
	.idle_ms = 1000,
	.join_ms = 100,
};

struct side {
	struct link_end *end;
	struct function *function;
	struct offer *offer;
	unsigned int ready;
	unsigned int over;
};

static uv_loop_t loop;
static uv_timer_t tick;
static struct side sides[2];
static char folder[32];

static void on_ready(void *context, struct function *function)
{
	((struct side *)context)->ready++;
}

static void on_freed(void *context, struct function *function)
{
	struct side *side = context;

	if (side->offer)
		offer_serve(side->offer);
}

static void on_opened(void *context, struct function *function,
		      unsigned int pipe)
{
	offer_opened(((struct side *)context)->offer, pipe);
}

static void on_over(void *context, struct function *function, int error)
{
	struct side *side = context;

	offer_destroy(side->offer);
	side->offer = NULL;
	side->function = NULL;
	side->over++;
}

static const struct function_owner_ops owner_ops = {
	.ready = on_ready,
	.freed = on_freed,
	.opened = on_opened,
	.over = on_over,
};

static void tick_cb(uv_timer_t *timer)
{
}

#define UNTIL(condition)                                                       \
	do {                                                                   \
		uint64_t end_ = uv_hrtime() / 1000000 + PATIENCE_MS;           \
		while (!(condition)) {                                         \
			uv_run(&loop, UV_RUN_ONCE);                            \
			if (uv_hrtime() / 1000000 > end_)                      \
				fail_msg("in vain: " #condition);              \
		}                                                              \
	} while (0)

static void run_ms(uint64_t ms)
{
	uint64_t end = uv_hrtime() / 1000000 + ms;

	while (uv_hrtime() / 1000000 < end)
		uv_run(&loop, UV_RUN_ONCE);
}

static struct usb_function *make_end(int i, enum link_role role)
{
	struct p2p_config config = {.name = i ? "there" : "here",
				    .pipes = PIPES,
				    .peer_name = i ? "alpha" : "beta\tx"};

	memset(config.peer_uuid, 0x11 * (i + 1), sizeof(config.peer_uuid));
	sides[i].end = link_end_create(&loop, role);
	config.end = sides[i].end;
	return p2p_function_create(&config);
}

static void meet(void)
{
	struct link_fds fds[2];

	assert_int_equal(link_pair_create(fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(link_end_attach(sides[i].end, &fds[i], i == 0),
				 0);
}

/* forward: where there answers, or NULL. */
static void start(enum link_role first, enum link_role second,
		  const char *forward)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "p2p", .serial = "1"};
	struct usb_function *functions[2];
	struct settings settings;
	const char *why;

	memset(sides, 0, sizeof(sides));
	uv_loop_init(&loop);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, tick_cb, 2, 2);
	bus = mem_bus_create(1);
	functions[0] = make_end(0, first);
	functions[1] = make_end(1, second);
	assert_int_equal(bus_plug(bus, MEM_PORT_NUMBER,
				  usb_device_create(&identity, functions, 2)),
			 0);
	mem_port_control(0x00, 5, 3, 0, NULL, 0);
	mem_port_control(0x00, 9, 1, 0, NULL, 0);
	settings_init(&settings);
	strcpy(settings.runtime_dir, folder);
	if (forward)
		assert_int_equal(settings_set(&settings, "p2p:there", "forward",
					      forward, &why),
				 0);
	for (int i = 0; i < 2; i++) {
		sides[i].function = function_create(
			&loop, mem_port_create(&loop, (uint8_t)i), "1-1",
			&times, &owner_ops, &sides[i]);
		UNTIL(sides[i].ready);
		assert_int_equal(offer_create(&sides[i].offer, &loop,
					      sides[i].function, &settings),
				 0);
		offer_serve(sides[i].offer);
	}
}

static void finish(void)
{
	for (int i = 0; i < 2; i++)
		if (sides[i].function)
			function_unplug(sides[i].function);
	for (int i = 0; i < 50; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	bus_destroy(bus);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static unsigned int used(int i)
{
	struct function_stats stats;

	function_stats(sides[i].function, &stats);
	return stats.pipes_used;
}

static int dial(int i)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/p2p/%s.sock",
		 folder, i ? "there" : "here");
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* What arrives within a while, up to the end ("." is appended) or len. */
static void expect(int fd, const char *text)
{
	char got[64] = {0};
	size_t len = 0;

	UNTIL(({
		ssize_t n = recv(fd, got + len, sizeof(got) - 2 - len, 0);

		if (n > 0)
			len += (size_t)n;
		else if (n == 0)
			got[len++] = '.';
		n == 0 || len >= strlen(text);
	}));
	assert_string_equal(got, text);
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL),
			 strlen(text));
}

static void two_programs_talk_and_end_one_by_one(void **state)
{
	int here, there;

	start(LINK_CONNECT, LINK_LISTEN, NULL);
	meet();
	there = dial(THERE);
	here = dial(HERE);
	say(here, "question");
	expect(there, "question");
	shutdown(here, SHUT_WR);
	expect(there, ".");
	say(there, "answer");
	expect(here, "answer");
	close(there);
	expect(here, ".");
	UNTIL(used(HERE) == 0 && used(THERE) == 0);
	close(here);
	finish();
}

static void a_program_that_says_its_all_and_goes_is_heard(void **state)
{
	int here, there;

	start(LINK_SYMMETRIC, LINK_SYMMETRIC, NULL);
	meet();
	here = dial(HERE);
	say(here, "last will");
	close(here);
	there = dial(THERE);
	expect(there, "last will.");
	/* The other direction has nobody: saying more is an error, in the end.
	 */
	UNTIL(send(there, "x", 1, MSG_NOSIGNAL) < 0);
	close(there);
	UNTIL(used(HERE) == 0 && used(THERE) == 0);
	finish();
}

static void who_waits_and_goes_frees_the_pipe(void **state)
{
	int fds[PIPES], here, there;

	start(LINK_SYMMETRIC, LINK_SYMMETRIC, NULL);
	for (int i = 0; i < PIPES; i++)
		fds[i] = dial(HERE);
	UNTIL(used(HERE) == PIPES);
	for (int i = 0; i < PIPES; i++)
		close(fds[i]);
	UNTIL(used(HERE) == 0);
	/* Nobody is joined with the dead. */
	meet();
	there = dial(THERE);
	run_ms(50);
	here = dial(HERE);
	say(here, "alive");
	expect(there, "alive");
	close(here);
	close(there);
	UNTIL(used(HERE) == 0 && used(THERE) == 0);
	finish();
}

static void who_connects_to_nobody_is_let_go(void **state)
{
	int here;

	start(LINK_CONNECT, LINK_LISTEN, NULL);
	here = dial(HERE);
	expect(here, ".");
	UNTIL(used(HERE) == 0);
	close(here);
	finish();
}

static void the_peer_is_known(void **state)
{
	const struct function_peer *peer;

	start(LINK_CONNECT, LINK_LISTEN, NULL);
	peer = function_peer(sides[HERE].function);
	assert_true(peer->known);
	assert_false(peer->present);
	assert_int_equal(peer->role, TV_P2P_CONNECT);
	assert_string_equal(peer->uuid, "11111111-1111-1111-1111-111111111111");
	assert_string_equal(peer->name, "beta?x");
	meet();
	UNTIL(peer->present);
	UNTIL(function_peer(sides[THERE].function)->present);
	link_end_detach(sides[THERE].end);
	UNTIL(!peer->present);
	meet();
	UNTIL(peer->present);
	finish();
}

/* A service of the guest's: takes what comes. */
static int serve(char *target, size_t size)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/service",
		 folder);
	unlink(address.sun_path);
	snprintf(target, size, "unix:%s", address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void a_service_answers_each_connection(void **state)
{
	char target[128];
	int service = serve(target, sizeof(target));
	int here[PIPES], there[PIPES];

	start(LINK_CONNECT, LINK_LISTEN, target);
	run_ms(20);
	/* It waits with one pipe, and has called nobody yet. */
	assert_int_equal(used(THERE), 1);
	assert_true(accept(service, NULL, NULL) < 0);
	meet();
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < PIPES; i++) {
			here[i] = dial(HERE);
			/* The service may speak first. */
			UNTIL((there[i] = accept4(service, NULL, NULL,
						  SOCK_NONBLOCK)) >= 0);
			say(there[i], "welcome");
			expect(here[i], "welcome");
			say(here[i], "thanks");
			expect(there[i], "thanks");
		}
		for (int i = 0; i < PIPES; i++) {
			close(i ? here[i] : there[i]);
			shutdown(i ? there[i] : here[i], SHUT_WR);
			expect(i ? there[i] : here[i], ".");
			close(i ? there[i] : here[i]);
		}
		UNTIL(used(HERE) == 0 && used(THERE) == 1);
	}
	finish();
	close(service);
}

static void a_service_that_is_not_there_ends_the_connection(void **state)
{
	char target[128];
	int service = serve(target, sizeof(target));
	int here;

	start(LINK_CONNECT, LINK_LISTEN, target);
	close(service);
	meet();
	for (int i = 0; i < 3; i++) {
		here = dial(HERE);
		expect(here, ".");
		close(here);
		UNTIL(used(HERE) == 0);
	}
	finish();
}

static void a_service_on_the_wrong_side_does_not_spin(void **state)
{
	uint64_t start_ms;
	unsigned int turns = 0;

	/* There is the one that connects, and nobody is here. */
	start(LINK_LISTEN, LINK_CONNECT, "unix:/nowhere");
	start_ms = uv_hrtime() / 1000000;
	while (uv_hrtime() / 1000000 < start_ms + 300) {
		uv_run(&loop, UV_RUN_ONCE);
		turns++;
	}
	assert_true(turns < 400); /* the tick's 150, and a few */
	finish();
}

static void an_end_is_delivered_before_the_reset_that_follows(void **state)
{
	static uint8_t data[1 << 20], got[1 << 20];
	size_t sent = 0, len = 0;
	int here, there;

	start(LINK_SYMMETRIC, LINK_SYMMETRIC, NULL);
	meet();
	here = dial(HERE);
	there = dial(THERE);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13 + i / 255);
	/* Here says its all and goes; there reads late and still speaks. */
	UNTIL(({
		ssize_t n = send(here, data + sent, sizeof(data) - sent,
				 MSG_NOSIGNAL);
		ssize_t m =
			recv(there, got + len,
			     sent < sizeof(data) ? sizeof(got) - len : 0, 0);

		sent += n > 0 ? (size_t)n : 0;
		len += m > 0 ? (size_t)m : 0;
		sent == sizeof(data);
	}));
	close(here);
	send(there, "chatter", 7, MSG_NOSIGNAL);
	run_ms(50);
	send(there, "chatter", 7, MSG_NOSIGNAL);
	run_ms(50);
	UNTIL(({
		ssize_t n = recv(there, got + len, sizeof(got) - len, 0);

		len += n > 0 ? (size_t)n : 0;
		n == 0 || len == sizeof(got);
	}));
	assert_int_equal(len, sizeof(data));
	assert_memory_equal(got, data, sizeof(data));
	close(there);
	UNTIL(used(HERE) == 0 && used(THERE) == 0);
	finish();
}

static int setup_group(void **state)
{
	strcpy(folder, "/tmp/test-guest-p2p-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown_group(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_programs_talk_and_end_one_by_one),
		cmocka_unit_test(a_program_that_says_its_all_and_goes_is_heard),
		cmocka_unit_test(who_waits_and_goes_frees_the_pipe),
		cmocka_unit_test(who_connects_to_nobody_is_let_go),
		cmocka_unit_test(the_peer_is_known),
		cmocka_unit_test(a_service_answers_each_connection),
		cmocka_unit_test(
			a_service_that_is_not_there_ends_the_connection),
		cmocka_unit_test(a_service_on_the_wrong_side_does_not_spin),
		cmocka_unit_test(
			an_end_is_delivered_before_the_reset_that_follows),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
