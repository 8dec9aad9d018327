// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-device.c - 2virt-guest against the real device model: functions
 * and relays of the guest over the in-process bus, with the diag function
 * (echo, sink, source) at the far end. A composite device, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/mem.h"
#include "backend/function/diag.h"
#include "frontend-linux/guest/function.h"
#include "tests/unit/guest-mem-port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum { PATIENCE_MS = 10000 };

/* The bench: a composite device of two diag functions */

struct owned {
	struct function *function;
	unsigned int ready;
	unsigned int over;
	int error;
};

static uv_loop_t loop;
static uv_timer_t tick;
static struct owned owned[2];

static void on_ready(void *context, struct function *function)
{
	((struct owned *)context)->ready++;
}

static void on_freed(void *context, struct function *function)
{
}

static void on_over(void *context, struct function *function, int error)
{
	struct owned *mine = context;

	mine->over++;
	mine->error = error;
	mine->function = NULL;
}

static const struct function_owner_ops owner_ops = {
	.ready = on_ready,
	.freed = on_freed,
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

static void plug(void)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "diag", .serial = "1"};
	struct usb_function *functions[] = {diag_function_create("one"),
					    diag_function_create("two")};

	assert_int_equal(bus_plug(bus, MEM_PORT_NUMBER,
				  usb_device_create(&identity, functions, 2)),
			 0);
	assert_int_equal(mem_port_control(0x00, 5, 3, 0, NULL, 0), 0);
	assert_int_equal(mem_port_control(0x00, 9, 1, 0, NULL, 0), 0);
}

static void follow(void)
{
	for (int i = 0; i < 2; i++) {
		owned[i] = (struct owned){0};
		owned[i].function = function_create(
			&loop, mem_port_create(&loop, (uint8_t)i), "1-1", NULL,
			&owner_ops, &owned[i]);
		assert_non_null(owned[i].function);
	}
	UNTIL((owned[0].ready && owned[1].ready) || owned[0].over ||
	      owned[1].over);
	assert_true(owned[0].ready && owned[1].ready);
}

static int setup(void **state)
{
	srand(4);
	uv_loop_init(&loop);
	uv_timer_init(&loop, &tick);
	uv_timer_start(&tick, tick_cb, 2, 2);
	bus = mem_bus_create(1);
	plug();
	follow();
	return 0;
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++)
		if (owned[i].function)
			function_unplug(owned[i].function);
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	bus_destroy(bus);
	return 0;
}

/* A local program */
struct client {
	int fd;
	const uint8_t *data;
	size_t len;
	size_t sent;
	bool keep;
	bool shut;
	uint8_t *got;
	size_t got_len;
	bool ended;
};

static void client_start(struct client *client, struct owned *at,
			 const uint8_t *data, size_t len)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(function_connect(at->function, fds[1]), 0);
	*client = (struct client){.fd = fds[0], .data = data, .len = len};
}

static bool client_step(struct client *client)
{
	uint8_t buffer[20000];
	ssize_t n;

	if (client->sent < client->len) {
		n = send(client->fd, client->data + client->sent,
			 (size_t)rand() % (client->len - client->sent) + 1,
			 MSG_NOSIGNAL);
		client->sent += n > 0 ? (size_t)n : 0;
	} else if (!client->shut && !client->keep) {
		client->shut = true;
		shutdown(client->fd, SHUT_WR);
	}
	n = client->ended ? -1 : recv(client->fd, buffer, sizeof(buffer), 0);
	if (n > 0) {
		client->got = realloc(client->got, client->got_len + (size_t)n);
		memcpy(client->got + client->got_len, buffer, (size_t)n);
		client->got_len += (size_t)n;
	} else if (n == 0 || (!client->ended && errno != EAGAIN)) {
		client->ended = true;
	}
	return client->ended;
}

static void client_end(struct client *client)
{
	close(client->fd);
	free(client->got);
}

static bool all_free(void)
{
	for (int i = 0; i < 2; i++) {
		struct function_stats stats;

		if (!owned[i].function)
			continue;
		function_stats(owned[i].function, &stats);
		if (stats.pipes_used)
			return false;
	}
	return true;
}

static void names_and_pipes_are_read(void **state)
{
	struct function_stats stats;

	assert_string_equal(function_name(owned[0].function)->name, "one");
	assert_string_equal(function_name(owned[1].function)->name, "two");
	function_stats(owned[0].function, &stats);
	assert_int_equal(stats.pipes, 2);
}

static void echo_comes_back_on_all_pipes_at_once(void **state)
{
	enum { LEN = 3000000 };
	struct client clients[4];
	uint8_t *data = malloc(LEN);
	unsigned int done;

	for (int i = 0; i < LEN; i++)
		data[i] = (uint8_t)rand();
	data[0] = 'E';
	for (int i = 0; i < 4; i++)
		client_start(&clients[i], &owned[i / 2], data,
			     LEN - (size_t)i * 1000);
	assert_false(function_has_free(owned[0].function));
	UNTIL(({
		done = 0;
		for (int i = 0; i < 4; i++)
			done += client_step(&clients[i]);
		done == 4;
	}));
	for (int i = 0; i < 4; i++) {
		assert_int_equal(clients[i].got_len, clients[i].len - 1);
		assert_memory_equal(clients[i].got, data + 1,
				    clients[i].got_len);
		client_end(&clients[i]);
	}
	UNTIL(all_free());
	free(data);
}

static void the_sink_counts_what_was_sent(void **state)
{
	static uint8_t data[777777] = {'S'};
	struct client client;
	uint64_t count;

	client_start(&client, &owned[0], data, sizeof(data));
	UNTIL(client_step(&client));
	assert_int_equal(client.got_len, 8);
	memcpy(&count, client.got, 8);
	assert_int_equal(count, sizeof(data) - 1);
	client_end(&client);
	UNTIL(all_free());
}

static void the_source_is_cut_when_the_client_goes(void **state)
{
	struct client client;

	client_start(&client, &owned[1], (const uint8_t *)"G", 1);
	client.keep = true;
	UNTIL((client_step(&client), client.got_len > 2000000));
	for (size_t i = 0; i < client.got_len; i++)
		assert_int_equal(client.got[i], (uint8_t)(i + i / 251));
	client_end(&client);
	UNTIL(all_free());
}

static void malformed_octets_reset_the_connection_alone(void **state)
{
	struct client good, bad;

	client_start(&good, &owned[0], (const uint8_t *)"Ehello", 6);
	good.keep = true;
	client_start(&bad, &owned[0], (const uint8_t *)"?", 1);
	UNTIL((client_step(&good), client_step(&bad)));
	assert_int_equal(bad.got_len, 0);
	client_end(&bad);
	UNTIL((client_step(&good), good.got_len == 5));
	good.keep = false;
	UNTIL(client_step(&good));
	client_end(&good);
	UNTIL(all_free());
}

static void unplug_and_plug_while_in_use(void **state)
{
	struct client clients[4];

	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 4; i++) {
			client_start(&clients[i], &owned[i / 2],
				     (const uint8_t *)"G", 1);
			clients[i].keep = true;
		}
		UNTIL(({
			bool all = true;
			for (int i = 0; i < 4; i++) {
				client_step(&clients[i]);
				all &= clients[i].got_len > 100000;
			}
			all;
		}));
		assert_int_equal(bus_unplug(bus, MEM_PORT_NUMBER), 0);
		UNTIL(owned[0].over && owned[1].over);
		assert_int_equal(owned[0].error, 0);
		for (int i = 0; i < 4; i++) {
			UNTIL(client_step(&clients[i]));
			client_end(&clients[i]);
		}
		plug();
		follow();
	}
}

static void clients_in_any_order(void **state)
{
	struct client clients[4] = {0};
	uint8_t *data = malloc(200000);

	for (int i = 0; i < 200000; i++)
		data[i] = (uint8_t)rand();
	for (int i = 0; i < 4; i++)
		clients[i].fd = -1;
	for (int step = 0; step < 20000; step++) {
		int i = rand() % 4;
		struct client *client = &clients[i];
		struct owned *at = &owned[i / 2];

		if (client->fd < 0 && function_has_free(at->function)) {
			data[0] = "EEEESG?"[rand() % 7];
			client_start(client, at, data, (size_t)rand() % 200000);
			client->keep = rand() % 2;
		} else if (client->fd >= 0 && rand() % 30 == 0) {
			client_end(client);
			client->fd = -1;
		} else if (client->fd >= 0) {
			client_step(client);
		}
		uv_run(&loop, UV_RUN_NOWAIT);
		assert_false(owned[0].over || owned[1].over);
	}
	for (int i = 0; i < 4; i++)
		if (clients[i].fd >= 0)
			client_end(&clients[i]);
	UNTIL(all_free());
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_pipes_are_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			echo_comes_back_on_all_pipes_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_sink_counts_what_was_sent,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			the_source_is_cut_when_the_client_goes, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			malformed_octets_reset_the_connection_alone, setup,
			teardown),
		cmocka_unit_test_setup_teardown(unplug_and_plug_while_in_use,
						setup, teardown),
		cmocka_unit_test_setup_teardown(clients_in_any_order, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
