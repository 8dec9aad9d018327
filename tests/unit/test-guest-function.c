// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-function.c - functions and their relays over a fake device, with
 * real sockets as local programs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frontend-linux/guest/function.h"
#include "frontend-linux/guest/offer.h"
#include "frontend-linux/guest/relay.h"
#include "tests/unit/guest-fake-port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

static const struct relay_times times = {
	.request_ms = 100,
	.close_ms = 200,
	.reset_ms = 200,
	.idle_ms = 300,
};

/* One device and what its owner is told. */
struct bench {
	uv_loop_t loop;
	uv_timer_t tick; /* lets a test wait without spinning */
	struct fake_port *fake;
	struct function *function;
	struct offer *offer;
	unsigned int ready;
	unsigned int over;
	int error;
};

static void on_ready(void *context, struct function *function)
{
	((struct bench *)context)->ready++;
}

static void on_freed(void *context, struct function *function)
{
	struct bench *bench = context;

	if (bench->offer)
		offer_serve(bench->offer);
}

static void on_over(void *context, struct function *function, int error)
{
	struct bench *bench = context;

	offer_destroy(bench->offer);
	bench->offer = NULL;
	bench->function = NULL;
	bench->over++;
	bench->error = error;
}

static const struct function_owner_ops owner_ops = {
	.ready = on_ready,
	.freed = on_freed,
	.over = on_over,
};

static void tick_cb(uv_timer_t *timer)
{
}

/* Runs the loop until a condition holds. */
#define UNTIL(bench, condition)                                                \
	do {                                                                   \
		uint64_t end_ = uv_hrtime() / 1000000 + PATIENCE_MS;           \
		while (!(condition)) {                                         \
			uv_run(&(bench)->loop, UV_RUN_ONCE);                   \
			if (uv_hrtime() / 1000000 > end_)                      \
				fail_msg("in vain: " #condition);              \
		}                                                              \
	} while (0)

static void run_ms(struct bench *bench, uint64_t ms)
{
	uint64_t end = uv_hrtime() / 1000000 + ms;

	while (uv_hrtime() / 1000000 < end)
		uv_run(&bench->loop, UV_RUN_ONCE);
}

static void bench_init(struct bench *bench, const char *name)
{
	memset(bench, 0, sizeof(*bench));
	srand(3);
	uv_loop_init(&bench->loop);
	uv_timer_init(&bench->loop, &bench->tick);
	uv_timer_start(&bench->tick, tick_cb, 2, 2);
	bench->fake = fake_port_create(&bench->loop, name);
}

static void bench_plug(struct bench *bench)
{
	bench->function = function_create(&bench->loop, &bench->fake->port,
					  "1-1:1.0", &times, &owner_ops, bench);
	assert_non_null(bench->function);
}

static void bench_start(struct bench *bench)
{
	bench_init(bench, "web:default");
	bench_plug(bench);
	UNTIL(bench, bench->ready);
}

static void bench_end(struct bench *bench)
{
	if (bench->function)
		function_unplug(bench->function);
	assert_int_equal(bench->over, 1);
	UNTIL(bench, bench->fake->closed);
	uv_close((uv_handle_t *)&bench->tick, NULL);
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&bench->loop), 0);
	fake_port_destroy(bench->fake);
}

/* A local program: sends its octets, half-closes, keeps what comes. */
struct client {
	int fd;
	const uint8_t *send;
	size_t send_len;
	size_t sent;
	bool shut;
	bool keep; /* do not half-close */
	uint8_t *got;
	size_t got_len;
	size_t got_size;
	bool ended;
	int error;
};

static void client_init(struct client *client, int fd, const uint8_t *send,
			size_t len)
{
	*client = (struct client){.fd = fd, .send = send, .send_len = len};
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void client_step(struct client *client)
{
	uint8_t buffer[5000];
	ssize_t n;

	if (client->sent < client->send_len) {
		size_t len = client->send_len - client->sent;

		/* Odd pieces. */
		if (len > 1 && rand() % 2)
			len = (size_t)rand() % len + 1;
		n = send(client->fd, client->send + client->sent, len,
			 MSG_NOSIGNAL);
		if (n > 0)
			client->sent += (size_t)n;
		else if (errno != EAGAIN)
			client->error = errno;
	} else if (!client->shut && !client->keep) {
		shutdown(client->fd, SHUT_WR);
		client->shut = true;
	}
	while (!client->ended &&
	       (n = recv(client->fd, buffer,
			 (size_t)rand() % sizeof(buffer) + 1, 0)) != -1) {
		if (n == 0) {
			client->ended = true;
			break;
		}
		if (client->got_len + (size_t)n > client->got_size) {
			client->got_size =
				2 * client->got_size + sizeof(buffer);
			client->got = realloc(client->got, client->got_size);
		}
		memcpy(client->got + client->got_len, buffer, (size_t)n);
		client->got_len += (size_t)n;
	}
	if (!client->ended && errno != EAGAIN) {
		client->error = errno;
		client->ended = true;
	}
}

static void client_fini(struct client *client)
{
	close(client->fd);
	free(client->got);
}

static bool client_done(struct client *client)
{
	client_step(client);
	return client->ended;
}

/* A connection to a free pipe; the program's end. */
static int attach(struct bench *bench)
{
	int fds[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	assert_int_equal(function_connect(bench->function, fds[1]), 0);
	return fds[0];
}

static bool pipes_used(struct bench *bench, unsigned int count)
{
	struct function_stats stats;

	function_stats(bench->function, &stats);
	return stats.pipes_used == count;
}

static uint8_t *noise(size_t len)
{
	uint8_t *data = malloc(len + 1);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)rand();
	return data;
}

static bool readable(int fd)
{
	struct pollfd now = {.fd = fd, .events = POLLIN};

	return poll(&now, 1, 0) == 1;
}

/* Set-up */

static void a_device_becomes_ready(void **state)
{
	struct bench bench;

	bench_start(&bench);
	assert_string_equal(function_name(bench.function)->type, "web");
	assert_string_equal(function_name(bench.function)->name, "default");
	assert_true(function_has_free(bench.function));
	assert_int_equal(bench.fake->selects, 1);
	bench_end(&bench);
	assert_int_equal(bench.error, 0);
}

static void expect_dropped(struct bench *bench, int error)
{
	bench_plug(bench);
	UNTIL(bench, bench->over);
	assert_int_equal(bench->ready, 0);
	assert_int_equal(bench->error, error);
	bench_end(bench);
}

static void devices_that_do_not_fit_are_dropped(void **state)
{
	static const char *const names[] = {
		"web:../../etc/x", "web:",     "p2p:default",
		"default",	   "web:\x01", ""};
	struct bench bench;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bench_init(&bench, names[i]);
		expect_dropped(&bench, -EPROTO);
	}
	bench_init(&bench, "web:a");
	bench.fake->port.descriptors_len -= 7;
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->info[0] = 2; /* another type */
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->info[1] = 14; /* more pipes than endpoints */
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->info[2] = 2; /* another version */
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->info_len = 8; /* cut short */
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->select_error = -EIO;
	expect_dropped(&bench, -EPROTO);
	bench_init(&bench, "web:a");
	bench.fake->open_error = -EBUSY; /* to be tried again */
	expect_dropped(&bench, -EBUSY);
	bench_init(&bench, "web:a");
	bench.fake->open_error = -ENODEV; /* gone */
	expect_dropped(&bench, 0);
}

static void unplug_during_set_up(void **state)
{
	/* After each number of turns of the loop. */
	for (int turns = 0; turns < 8; turns++) {
		struct bench bench;

		bench_init(&bench, "web:default");
		bench_plug(&bench);
		for (int i = 0; i < turns && bench.function; i++)
			uv_run(&bench.loop, UV_RUN_NOWAIT);
		bench_end(&bench);
	}
}

/* Relays */

static void echo_one(struct bench *bench, size_t len)
{
	uint8_t *data = noise(len);
	struct client client;

	client_init(&client, attach(bench), data, len);
	UNTIL(bench, client_done(&client));
	assert_int_equal(client.error, 0);
	assert_int_equal(client.got_len, len);
	if (len)
		assert_memory_equal(client.got, data, len);
	UNTIL(bench, pipes_used(bench, 0));
	client_fini(&client);
	free(data);
}

static void octets_come_back_exactly(void **state)
{
	static const size_t sizes[] = {0,     1,      511,     512,
				       513,   4096,   16383,   32768,
				       65537, 300000, 1 << 20, 3 << 20};
	struct function_stats stats;
	struct bench bench;
	uint64_t total = 0;

	bench_start(&bench);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		echo_one(&bench, sizes[i]);
		total += sizes[i];
	}
	function_stats(bench.function, &stats);
	assert_int_equal(stats.bytes_in, total);
	assert_int_equal(stats.bytes_out, total);
	bench_end(&bench);
}

static void small_transfers_do_when_memory_is_short(void **state)
{
	struct bench bench;

	bench_start(&bench);
	bench.fake->memory = 8192;
	echo_one(&bench, 500000);
	bench.fake->memory = 0;
	bench.fake->refuse = 30; /* not even small ones, for a while */
	echo_one(&bench, 500000);
	bench_end(&bench);
}

static void plain_ports_get_one_small_transfer_at_a_time(void **state)
{
	struct bench bench;
	struct client client;
	uint8_t *data = noise(200000);

	bench_init(&bench, "web:default");
	bench.fake->port.transfer_max = 16384;
	bench.fake->port.queue_depth = 1;
	bench_plug(&bench);
	UNTIL(&bench, bench.ready);
	client_init(&client, attach(&bench), data, 200000);
	while (!client_done(&client)) {
		uv_run(&bench.loop, UV_RUN_ONCE);
		assert_true(bench.fake->pipes[0].in_count <= 1);
		assert_true(bench.fake->pipes[0].out_count <= 1);
	}
	assert_int_equal(client.got_len, 200000);
	assert_memory_equal(client.got, data, 200000);
	client_fini(&client);
	free(data);
	bench_end(&bench);
}

static void the_devices_end_half_closes(void **state)
{
	struct bench bench;
	struct client client;
	struct fake_pipe *pipe;
	uint8_t *data = noise(100000);

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	client_init(&client, attach(&bench), NULL, 0);
	client.keep = true;
	UNTIL(&bench, pipe->state == TV_PIPE_ESTABLISHED);
	fake_give(pipe, data, 100000);
	fake_end(pipe);
	UNTIL(&bench, client_done(&client));
	assert_int_equal(client.error, 0);
	assert_int_equal(client.got_len, 100000);
	assert_memory_equal(client.got, data, 100000);
	/* None is parked any more, and the other direction still goes. */
	UNTIL(&bench, pipe->in_count == 0);
	assert_int_equal(send(client.fd, "more", 4, 0), 4);
	UNTIL(&bench, pipe->out_count == 1);
	assert_memory_equal(pipe->out[0]->data, "more", 4);
	bench.fake->service = FAKE_SINK;
	shutdown(client.fd, SHUT_WR);
	UNTIL(&bench, pipe->state == TV_PIPE_CLOSED);
	UNTIL(&bench, pipes_used(&bench, 0));
	client_fini(&client);
	free(data);
	bench_end(&bench);
}

static void end_of_stream_may_come_before_its_octets(void **state)
{
	struct bench bench;
	struct client client;
	struct fake_pipe *pipe;
	struct tv_pipe_event event;
	uint8_t *data = noise(100000);

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	client_init(&client, attach(&bench), NULL, 0);
	UNTIL(&bench, (client_step(&client),
		       pipe->state == TV_PIPE_ESTABLISHED && pipe->shut));
	event = (struct tv_pipe_event){.type = TV_PIPE_EVENT_EOS,
				       .generation = pipe->generation,
				       .count = 100000};
	pipe->ended = true;
	fake_event(bench.fake, &event);
	run_ms(&bench, 20);
	assert_false(client_done(&client));
	fake_give(pipe, data, 100000);
	UNTIL(&bench, client_done(&client));
	assert_int_equal(client.got_len, 100000);
	assert_memory_equal(client.got, data, 100000);
	UNTIL(&bench, pipes_used(&bench, 0));
	client_fini(&client);
	free(data);
	bench_end(&bench);
}

static void back_pressure_holds_octets_back_both_ways(void **state)
{
	struct bench bench;
	struct fake_pipe *pipe;
	size_t sent = 0;
	ssize_t n;
	uint8_t *data = noise(FAKE_BUFFER);
	int fd;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	fd = attach(&bench);
	UNTIL(&bench, pipe->state == TV_PIPE_ESTABLISHED);
	/* Towards the device: two transfers and the socket's buffers. */
	for (int i = 0; i < 200; i++) {
		n = send(fd, data, FAKE_BUFFER, MSG_DONTWAIT);
		if (n > 0)
			sent += (size_t)n;
		uv_run(&bench.loop, UV_RUN_NOWAIT);
	}
	assert_true(sent < 4 << 20);
	assert_int_equal(pipe->out_count, 2);
	/* Towards the program: it reads nothing, INs stay away. */
	for (int i = 0; i < 500; i++) {
		if (pipe->buffer_len == 0)
			fake_give(pipe, data, FAKE_BUFFER);
		uv_run(&bench.loop, UV_RUN_NOWAIT);
	}
	assert_true(pipe->given < 4 << 20);
	assert_int_equal(pipe->in_count, 0);
	close(fd);
	UNTIL(&bench, pipes_used(&bench, 0));
	free(data);
	bench_end(&bench);
}

static void a_reset_ends_the_connection_at_once(void **state)
{
	struct bench bench;
	struct client client;
	struct fake_pipe *pipe;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	client_init(&client, attach(&bench), (const uint8_t *)"abc", 3);
	client.keep = true;
	UNTIL(&bench, (client_step(&client), pipe->out_count == 1));
	fake_reset(pipe, TV_PIPE_REASON_PEER_RESET);
	UNTIL(&bench, client_done(&client));
	assert_int_equal(client.got_len, 0);
	UNTIL(&bench, pipe->state == TV_PIPE_CLOSED);
	client_fini(&client);
	/* The pipe works again, for another client. */
	bench.fake->service = FAKE_ECHO;
	echo_one(&bench, 1000);
	bench_end(&bench);
	assert_int_equal(bench.error, 0);
}

static void a_tcp_client_sees_a_reset(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	struct bench bench;
	struct client client;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int accepted;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&address, &len);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
	accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	assert_int_equal(function_connect(bench.function, accepted), 0);
	client_init(&client, fd, NULL, 0);
	client.keep = true;
	UNTIL(&bench, bench.fake->pipes[0].state == TV_PIPE_ESTABLISHED);
	fake_reset(&bench.fake->pipes[0], TV_PIPE_REASON_PROTOCOL);
	UNTIL(&bench, client_done(&client));
	assert_int_equal(client.error, ECONNRESET);
	client_fini(&client);
	close(listener);
	bench_end(&bench);
}

static void a_web_client_that_goes_away_frees_its_pipe(void **state)
{
	struct bench bench;
	struct fake_pipe *pipe;
	int fd;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	fd = attach(&bench);
	assert_int_equal(send(fd, "GET", 3, 0), 3);
	UNTIL(&bench, pipe->out_count == 1);
	close(fd);
	UNTIL(&bench, pipe->state == TV_PIPE_CLOSED && pipe->opened);
	UNTIL(&bench, pipes_used(&bench, 0));
	/* Also when it waits for an answer that never comes. */
	bench.fake->service = FAKE_SINK;
	fd = attach(&bench);
	pipe->ended = true; /* no EOS from us */
	assert_int_equal(send(fd, "GET", 3, 0), 3);
	UNTIL(&bench, pipe->opened == 2 && pipe->taken == 3);
	close(fd);
	UNTIL(&bench, pipe->state == TV_PIPE_CLOSED);
	bench_end(&bench);
}

static void another_client_that_closes_has_its_octets_delivered(void **state)
{
	struct bench bench;
	struct fake_pipe *pipe;
	int fd;

	bench_init(&bench, "char:log");
	bench.fake->info[0] = TV_FUNCTION_CHAR;
	bench.fake->descriptors[27 + 6] = TV_FUNCTION_CHAR;
	bench.fake->descriptors[36 + 6] = TV_FUNCTION_CHAR;
	bench.fake->service = FAKE_HOLD;
	bench_plug(&bench);
	UNTIL(&bench, bench.ready);
	pipe = &bench.fake->pipes[0];
	fd = attach(&bench);
	assert_int_equal(send(fd, "line\n", 5, 0), 5);
	close(fd);
	UNTIL(&bench, pipe->out_count == 1);
	run_ms(&bench, 20);
	assert_int_equal(pipe->state, TV_PIPE_ESTABLISHED);
	bench.fake->service = FAKE_SINK;
	fake_give(pipe, "", 0);
	UNTIL(&bench, pipe->shut);
	assert_int_equal(pipe->shut_count, 5);
	UNTIL(&bench, pipes_used(&bench, 0));
	bench_end(&bench);
}

static void unplug_in_the_middle_ends_all_connections(void **state)
{
	struct bench bench;
	struct client clients[FAKE_PIPES];
	uint8_t *data = noise((8 << 20));

	bench_start(&bench);
	for (int i = 0; i < FAKE_PIPES; i++)
		client_init(&clients[i], attach(&bench), data, (8 << 20));
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < FAKE_PIPES; k++)
			client_step(&clients[k]);
		uv_run(&bench.loop, UV_RUN_NOWAIT);
	}
	fake_unplug(bench.fake);
	for (int i = 0; i < FAKE_PIPES; i++) {
		UNTIL(&bench, client_done(&clients[i]));
		assert_true(clients[i].got_len < (8 << 20));
		/* What came is what was sent, as far as it goes. */
		if (clients[i].got_len)
			assert_memory_equal(clients[i].got, data,
					    clients[i].got_len);
		client_fini(&clients[i]);
	}
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, 0);
	free(data);
	bench_end(&bench);
}

/* Devices that do not answer */

static void a_used_generation_is_stepped_over(void **state)
{
	struct bench bench;

	bench_start(&bench);
	bench.fake->stall_opens = 1;
	echo_one(&bench, 100);
	for (int i = 0; i < 5; i++)
		echo_one(&bench, 100);
	bench_end(&bench);
}

static void close_does_not_wait_without_bound(void **state)
{
	struct bench bench;
	int fd;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	bench.fake->mute_close = true;
	fd = attach(&bench);
	UNTIL(&bench, bench.fake->pipes[0].state == TV_PIPE_ESTABLISHED);
	close(fd);
	/* Settings 0 and 1 are selected anew, and it works again. */
	UNTIL(&bench, bench.fake->selects == 3);
	bench.fake->mute_close = false;
	bench.fake->service = FAKE_ECHO;
	UNTIL(&bench, function_has_free(bench.function));
	echo_one(&bench, 1000);
	bench_end(&bench);
}

static void a_device_that_never_answers_is_dropped(void **state)
{
	struct bench bench;
	unsigned int rounds = 0;

	bench_start(&bench);
	bench.fake->mute_open = true;
	bench.fake->mute_close = true;
	while (!bench.over) {
		int fd = -1;

		if (function_has_free(bench.function))
			fd = attach(&bench);
		UNTIL(&bench, bench.over || readable(fd));
		close(fd);
		UNTIL(&bench, bench.over || function_has_free(bench.function));
		assert_true(++rounds < 10);
	}
	assert_int_equal(bench.error, -EPROTO);
	bench_end(&bench);
}

static void transfers_that_do_not_come_back_drop_the_device(void **state)
{
	struct bench bench;
	int fd;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	fd = attach(&bench);
	UNTIL(&bench, bench.fake->pipes[0].in_count == 1);
	bench.fake->mute_cancel = true;
	close(fd);
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, -EPROTO);
	run_ms(&bench, 20);
	assert_false(bench.fake->closed); /* it still has our buffers */
	fake_unmute(bench.fake);
	UNTIL(&bench, bench.fake->closed);
	bench_end(&bench);
}

static void a_failing_event_endpoint_resets_the_device(void **state)
{
	struct bench bench;

	bench_start(&bench);
	fake_complete(bench.fake, bench.fake->event, PORT_ERROR, 0);
	UNTIL(&bench, bench.fake->selects == 3);
	UNTIL(&bench, function_has_free(bench.function));
	echo_one(&bench, 1000);
	bench_end(&bench);
}

/* Devices that lie */

static void expect_dropped_by_event(const struct tv_pipe_event *event,
				    uint32_t len, bool known_generation)
{
	struct tv_pipe_event sent = *event;
	struct bench bench;
	struct client client;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	client_init(&client, attach(&bench), NULL, 0);
	client.keep = true;
	UNTIL(&bench, bench.fake->pipes[0].state == TV_PIPE_ESTABLISHED &&
			      bench.fake->event);
	UNTIL(&bench, !bench.fake->event_count);
	run_ms(&bench, 5);
	if (known_generation)
		sent.generation = bench.fake->pipes[0].generation;
	memcpy(bench.fake->event->data, &sent, sizeof(sent));
	fake_complete(bench.fake, bench.fake->event,
		      len > 64 ? PORT_OVERFLOW : PORT_OK, len);
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, -EPROTO);
	UNTIL(&bench, client_done(&client));
	client_fini(&client);
	bench_end(&bench);
}

static void malformed_events_drop_the_device(void **state)
{
	const struct tv_pipe_event good = {.type = TV_PIPE_EVENT_LIMIT};
	struct tv_pipe_event event;

	expect_dropped_by_event(&good, 15, true);
	expect_dropped_by_event(&good, 0, true);
	expect_dropped_by_event(&good, 65, true);
	event = good;
	event.pipe = FAKE_PIPES;
	expect_dropped_by_event(&event, 16, false);
	event = good;
	event.type = 0;
	expect_dropped_by_event(&event, 16, true);
	event = good;
	event.type = 77;
	expect_dropped_by_event(&event, 16, true);
	event = good;
	event.reserved = 1;
	expect_dropped_by_event(&event, 16, true);
	event = good;
	event.reason = TV_PIPE_REASON_COUNT;
	expect_dropped_by_event(&event, 16, true);
}

static void events_of_other_generations_are_ignored(void **state)
{
	struct tv_pipe_event event = {.type = TV_PIPE_EVENT_RESET,
				      .reason = TV_PIPE_REASON_PROTOCOL};
	struct bench bench;
	struct client client;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	client_init(&client, attach(&bench), NULL, 0);
	client.keep = true;
	UNTIL(&bench, bench.fake->pipes[0].state == TV_PIPE_ESTABLISHED);
	event.generation = (uint16_t)(bench.fake->pipes[0].generation - 1);
	fake_event(bench.fake, &event);
	event.pipe = 2; /* a pipe that is not open */
	fake_event(bench.fake, &event);
	run_ms(&bench, 20);
	assert_false(client_done(&client));
	assert_int_equal(bench.over, 0);
	client_fini(&client);
	bench_end(&bench);
}

static void expect_dropped_by_transfer(bool in, enum port_status status,
				       uint32_t actual)
{
	struct bench bench;
	struct client client;
	struct fake_pipe *pipe;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	client_init(&client, attach(&bench), (const uint8_t *)"abc", 3);
	client.keep = true;
	UNTIL(&bench, (client_step(&client),
		       pipe->out_count == 1 && pipe->in_count == 1));
	fake_complete(bench.fake, in ? pipe->in[0] : pipe->out[0], status,
		      actual);
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, -EPROTO);
	UNTIL(&bench, client_done(&client));
	assert_int_equal(client.got_len, 0);
	client_fini(&client);
	bench_end(&bench);
}

static void lying_transfers_drop_the_device(void **state)
{
	expect_dropped_by_transfer(true, PORT_OK, 0);
	expect_dropped_by_transfer(true, PORT_OVERFLOW, 32768);
	expect_dropped_by_transfer(false, PORT_OK, 2);
	expect_dropped_by_transfer(false, PORT_OK, 0);
}

static void wrong_counts_drop_the_device(void **state)
{
	struct bench bench;
	struct client client;
	struct fake_pipe *pipe;

	bench_start(&bench);
	bench.fake->service = FAKE_HOLD;
	pipe = &bench.fake->pipes[0];
	client_init(&client, attach(&bench), NULL, 0);
	UNTIL(&bench, pipe->state == TV_PIPE_ESTABLISHED);
	fake_give(pipe, "12345", 5);
	UNTIL(&bench, (client_step(&client), client.got_len == 5));
	pipe->given = 4;
	fake_end(pipe);
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, -EPROTO);
	client_fini(&client);
	bench_end(&bench);
}

/* Many clients */

static char folder[] = "/tmp/test-guest-XXXXXX";

static int folder_setup(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void bench_offer(struct bench *bench, struct settings *settings)
{
	bench_start(bench);
	settings_init(settings);
	strcpy(settings->runtime_dir, folder);
	assert_int_equal(offer_create(&bench->offer, &bench->loop,
				      bench->function, settings),
			 0);
}

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path),
		 "%s/web/default.sock", folder);
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void forty_clients_share_four_pipes(void **state)
{
	enum { CLIENTS = 40 };
	struct client clients[CLIENTS];
	uint8_t *data[CLIENTS];
	struct settings settings;
	struct bench bench;
	unsigned int done = 0;

	bench_offer(&bench, &settings);
	for (int i = 0; i < CLIENTS; i++) {
		size_t len = (size_t)rand() % 200000;

		data[i] = noise(len);
		client_init(&clients[i], dial(), data[i], len);
	}
	UNTIL(&bench, ({
		done = 0;
		for (int i = 0; i < CLIENTS; i++)
			done += client_done(&clients[i]);
		done == CLIENTS;
	}));
	/* Everybody has back its own octets and nobody else's. */
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i].error, 0);
		assert_int_equal(clients[i].got_len, clients[i].send_len);
		if (clients[i].got_len)
			assert_memory_equal(clients[i].got, data[i],
					    clients[i].got_len);
		client_fini(&clients[i]);
		free(data[i]);
	}
	bench_end(&bench);
}

static void nothing_of_a_client_reaches_the_next(void **state)
{
	enum { ROUNDS = 200 };
	struct settings settings;
	struct bench bench;
	uint8_t *mine = noise(50000);

	bench_offer(&bench, &settings);
	for (int i = 0; i < ROUNDS; i++) {
		/* One leaves in the middle of its answer… */
		struct client client;
		uint8_t other[3000];
		int fd = dial();

		memset(other, 0xee, sizeof(other));
		send(fd, other, (size_t)rand() % sizeof(other) + 1, 0);
		for (int k = rand() % 10; k; k--)
			uv_run(&bench.loop, UV_RUN_NOWAIT);
		close(fd);
		/* …the next one gets its own octets only. */
		client_init(&client, dial(), mine, (size_t)rand() % 50000);
		UNTIL(&bench, client_done(&client));
		assert_int_equal(client.error, 0);
		assert_int_equal(client.got_len, client.send_len);
		if (client.got_len)
			assert_memory_equal(client.got, mine, client.got_len);
		client_fini(&client);
	}
	free(mine);
	bench_end(&bench);
}

static void idle_connections_make_room(void **state)
{
	struct client idle[FAKE_PIPES], waiting;
	struct settings settings;
	struct bench bench;
	uint64_t since_ms;

	bench_offer(&bench, &settings);
	for (int i = 0; i < FAKE_PIPES; i++) {
		client_init(&idle[i], dial(), (const uint8_t *)"ping", 4);
		idle[i].keep = true;
		UNTIL(&bench, (client_step(&idle[i]), idle[i].got_len == 4));
	}
	assert_true(pipes_used(&bench, FAKE_PIPES));
	/* As long as nobody waits they may stay. */
	run_ms(&bench, 2 * times.idle_ms);
	for (int i = 0; i < FAKE_PIPES; i++)
		assert_false(client_done(&idle[i]));
	/* Three of them are in use when one more comes. */
	for (int i = 1; i < FAKE_PIPES; i++) {
		idle[i].sent = 0;
		UNTIL(&bench, (client_step(&idle[i]), idle[i].got_len == 8));
	}
	since_ms = uv_hrtime() / 1000000;
	client_init(&waiting, dial(), (const uint8_t *)"pong", 4);
	UNTIL(&bench, client_done(&waiting));
	assert_int_equal(waiting.got_len, 4);
	assert_true(uv_hrtime() / 1000000 - since_ms < times.idle_ms);
	/* It was the one that had idled for longest, and ended in order. */
	UNTIL(&bench, client_done(&idle[0]));
	assert_int_equal(idle[0].error, 0);
	for (int i = 1; i < FAKE_PIPES; i++)
		assert_false(client_done(&idle[i]));
	for (int i = 0; i < FAKE_PIPES; i++)
		client_fini(&idle[i]);
	client_fini(&waiting);
	bench_end(&bench);
}

static void connections_with_an_answer_outstanding_stay(void **state)
{
	struct client busy[FAKE_PIPES], waiting;
	struct settings settings;
	struct bench bench;

	bench_offer(&bench, &settings);
	bench.fake->service = FAKE_SINK; /* requests, but no answers */
	for (int i = 0; i < FAKE_PIPES; i++) {
		client_init(&busy[i], dial(), (const uint8_t *)"GET", 3);
		busy[i].keep = true;
		UNTIL(&bench,
		      (client_step(&busy[i]), bench.fake->pipes[i].taken == 3));
	}
	client_init(&waiting, dial(), (const uint8_t *)"pong", 4);
	run_ms(&bench, 3 * times.idle_ms);
	for (int i = 0; i < FAKE_PIPES; i++)
		assert_false(client_done(&busy[i]));
	assert_false(client_done(&waiting));
	/* One gets its answer: now it idles, and goes. */
	fake_give(&bench.fake->pipes[2], "200", 3);
	bench.fake->service = FAKE_ECHO;
	UNTIL(&bench, client_done(&waiting));
	assert_int_equal(waiting.got_len, 4);
	for (int i = 0; i < FAKE_PIPES; i++)
		client_fini(&busy[i]);
	client_fini(&waiting);
	bench_end(&bench);
}

static void the_socket_goes_with_the_device(void **state)
{
	struct settings settings;
	struct bench bench;
	struct stat st;
	char path[80];

	snprintf(path, sizeof(path), "%s/web/default.sock", folder);
	bench_offer(&bench, &settings);
	assert_int_equal(stat(path, &st), 0);
	fake_unplug(bench.fake);
	UNTIL(&bench, bench.over);
	assert_int_equal(stat(path, &st), -1);
	bench_end(&bench);
}

static void a_device_may_go_while_connections_are_accepted(void **state)
{
	struct client clients[8];
	struct settings settings;
	struct bench bench;

	bench_offer(&bench, &settings);
	bench.fake->gone = true; /* the next submission finds out */
	for (int i = 0; i < 8; i++)
		client_init(&clients[i], dial(), NULL, 0);
	UNTIL(&bench, bench.over);
	assert_int_equal(bench.error, 0);
	for (int i = 0; i < 8; i++) {
		UNTIL(&bench, client_done(&clients[i]));
		client_fini(&clients[i]);
	}
	bench_end(&bench);
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	getsockname(fd, (struct sockaddr *)&address, &len);
	close(fd);
	return ntohs(address.sin_port);
}

static void tcp_and_unix_clients_share_the_pipes(void **state)
{
	enum { CLIENTS = 16 };
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct client clients[CLIENTS];
	struct settings settings;
	struct bench bench;
	uint8_t *data = noise(50000);
	unsigned int done = 0;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(free_port());
	bench_start(&bench);
	settings_init(&settings);
	strcpy(settings.runtime_dir, folder);
	snprintf(settings.web_listen, sizeof(settings.web_listen),
		 "127.0.0.1:%u", ntohs(address.sin_port));
	assert_int_equal(offer_create(&bench.offer, &bench.loop, bench.function,
				      &settings),
			 0);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = i % 2 ? dial() : socket(AF_INET, SOCK_STREAM, 0);

		if (i % 2 == 0)
			assert_int_equal(connect(fd,
						 (struct sockaddr *)&address,
						 sizeof(address)),
					 0);
		client_init(&clients[i], fd, data, 50000 - (size_t)i * 1000);
	}
	UNTIL(&bench, ({
		done = 0;
		for (int i = 0; i < CLIENTS; i++)
			done += client_done(&clients[i]);
		done == CLIENTS;
	}));
	for (int i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i].error, 0);
		assert_int_equal(clients[i].got_len, clients[i].send_len);
		assert_memory_equal(clients[i].got, data, clients[i].got_len);
		client_fini(&clients[i]);
	}
	free(data);
	bench_end(&bench);
}

/*
 * Everything at once: clients that come, send, stop, vanish; resets, stalls,
 * shortage, unplug. Nothing to compare but that the rules hold (the fake
 * insists), that nothing leaks and that it ends.
 */
static void chaos_keeps_the_rules(void **state)
{
	for (int run = 0; run < 30; run++) {
		struct client clients[FAKE_PIPES] = {0};
		uint8_t *data = noise(100000);
		struct bench bench;

		bench_start(&bench);
		srand((unsigned int)run);
		for (int i = 0; i < FAKE_PIPES; i++)
			clients[i].fd = -1;
		for (int step = 0; step < 1500 && bench.function; step++) {
			int i = rand() % FAKE_PIPES;
			struct client *client = &clients[i];
			struct fake_pipe *pipe = &bench.fake->pipes[i];

			switch (rand() % 40) {
			case 0:
				if (client->fd >= 0)
					client_fini(client);
				client->fd = -1;
				break;
			case 1:
				if (pipe->state == TV_PIPE_ESTABLISHED &&
				    bench.fake->event_count < 8)
					fake_reset(pipe,
						   TV_PIPE_REASON_TIMEOUT);
				break;
			case 2:
				bench.fake->refuse = (unsigned int)rand() % 6;
				break;
			case 3:
				if (pipe->in_count)
					fake_complete(bench.fake, pipe->in[0],
						      PORT_ERROR, 0);
				break;
			case 4:
				if (pipe->out_count)
					fake_complete(bench.fake, pipe->out[0],
						      PORT_STALL, 0);
				break;
			case 5:
				bench.fake->service =
					(enum fake_service)(rand() % 3);
				break;
			case 6:
				if (rand() % 40 == 0 && bench.fake->event)
					fake_complete(bench.fake,
						      bench.fake->event,
						      PORT_ERROR, 0);
				break;
			case 7:
				bench.fake->stall_opens = rand() % 2;
				break;
			default:
				if (client->fd < 0 &&
				    function_has_free(bench.function)) {
					client_init(client, attach(&bench),
						    data,
						    (size_t)rand() % 100000);
					client->keep = rand() % 2;
				} else if (client->fd >= 0) {
					client_step(client);
				}
			}
			uv_run(&bench.loop, UV_RUN_NOWAIT);
		}
		if (rand() % 2)
			fake_unplug(bench.fake);
		for (int i = 0; i < FAKE_PIPES; i++)
			if (clients[i].fd >= 0)
				client_fini(&clients[i]);
		bench_end(&bench);
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_device_becomes_ready),
		cmocka_unit_test(devices_that_do_not_fit_are_dropped),
		cmocka_unit_test(unplug_during_set_up),
		cmocka_unit_test(octets_come_back_exactly),
		cmocka_unit_test(small_transfers_do_when_memory_is_short),
		cmocka_unit_test(plain_ports_get_one_small_transfer_at_a_time),
		cmocka_unit_test(the_devices_end_half_closes),
		cmocka_unit_test(end_of_stream_may_come_before_its_octets),
		cmocka_unit_test(back_pressure_holds_octets_back_both_ways),
		cmocka_unit_test(a_reset_ends_the_connection_at_once),
		cmocka_unit_test(a_tcp_client_sees_a_reset),
		cmocka_unit_test(a_web_client_that_goes_away_frees_its_pipe),
		cmocka_unit_test(
			another_client_that_closes_has_its_octets_delivered),
		cmocka_unit_test(unplug_in_the_middle_ends_all_connections),
		cmocka_unit_test(a_used_generation_is_stepped_over),
		cmocka_unit_test(close_does_not_wait_without_bound),
		cmocka_unit_test(a_device_that_never_answers_is_dropped),
		cmocka_unit_test(
			transfers_that_do_not_come_back_drop_the_device),
		cmocka_unit_test(a_failing_event_endpoint_resets_the_device),
		cmocka_unit_test(malformed_events_drop_the_device),
		cmocka_unit_test(events_of_other_generations_are_ignored),
		cmocka_unit_test(lying_transfers_drop_the_device),
		cmocka_unit_test(wrong_counts_drop_the_device),
		cmocka_unit_test(forty_clients_share_four_pipes),
		cmocka_unit_test(nothing_of_a_client_reaches_the_next),
		cmocka_unit_test(idle_connections_make_room),
		cmocka_unit_test(connections_with_an_answer_outstanding_stay),
		cmocka_unit_test(the_socket_goes_with_the_device),
		cmocka_unit_test(
			a_device_may_go_while_connections_are_accepted),
		cmocka_unit_test(tcp_and_unix_clients_share_the_pipes),
		cmocka_unit_test(chaos_keeps_the_rules),
	};

	return cmocka_run_group_tests(tests, folder_setup, folder_teardown);
}
