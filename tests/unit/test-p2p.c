// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-p2p.c - two guests on a link, each on a bus of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/bus/mem.h"
#include "backend/function/p2p.h"
#include "protocol/pipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIPES = 2, PATIENCE_MS = 3000, EVENT_ENDPOINT = 0x81 };

struct guest {
	struct bus *bus;
	struct link_end *end;
};

static uv_loop_t loop;
static struct guest guests[2];

static const char *const names[2] = {"alpha", "beta"};

static struct mem_xfer request(struct guest *guest, uint8_t type,
			       uint8_t number, uint16_t value, uint16_t index,
			       void *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .setup = {type, number, value & 0xff, value >> 8,
				   index & 0xff, index >> 8, len & 0xff,
				   len >> 8},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(guest->bus, 1, &transfer);
	assert_true(transfer.done);
	return transfer;
}

static uint32_t control(struct guest *guest, uint8_t type, uint8_t number,
			uint16_t value, uint16_t index, void *data,
			uint16_t len)
{
	struct mem_xfer transfer =
		request(guest, type, number, value, index, data, len);

	assert_int_equal(transfer.xfer.status, USB_STATUS_OK);
	return transfer.xfer.actual;
}

static void plug(int i, enum link_role role, const char *peer)
{
	const struct usb_device_identity identity = {
		.manufacturer = "2Virt", .product = "p2p", .serial = "1"};
	struct guest *guest = &guests[i];
	struct p2p_config config = {
		.name = "backup", .pipes = PIPES, .peer_name = peer};
	struct usb_function *function;

	memset(config.peer_uuid, 0x10 + i, sizeof(config.peer_uuid));
	guest->end = link_end_create(&loop, role);
	config.end = guest->end;
	function = p2p_function_create(&config);
	assert_non_null(function);
	guest->bus = mem_bus_create(1);
	bus_plug(guest->bus, 1, usb_device_create(&identity, &function, 1));
	control(guest, 0x00, 5, 3, 0, NULL, 0);
	control(guest, 0x00, 9, 1, 0, NULL, 0);
	control(guest, 0x01, 11, 1, 0, NULL, 0);
}

static void plug_both(enum link_role first, enum link_role second)
{
	assert_int_equal(uv_loop_init(&loop), 0);
	plug(0, first, names[1]);
	plug(1, second, names[0]);
}

static void unplug(struct guest *guest)
{
	if (guest->bus)
		bus_destroy(guest->bus);
	guest->bus = NULL;
	guest->end = NULL;
}

static void unplug_both(void)
{
	unplug(&guests[0]);
	unplug(&guests[1]);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void meet(void)
{
	struct link_fds fds[2];

	assert_int_equal(link_pair_create(fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			link_end_attach(guests[i].end, &fds[i], i == 0), 0);
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static struct tv_pipe_status status(struct guest *guest, unsigned int pipe)
{
	struct tv_pipe_status status;

	control(guest, 0xc1, TV_PIPE_GET_STATUS, 0, (uint16_t)(pipe << 8),
		&status, sizeof(status));
	return status;
}

static void expect_state(struct guest *guest, unsigned int pipe,
			 enum tv_pipe_state state, enum tv_pipe_reason reason)
{
	for (int ms = 0; ms < PATIENCE_MS && status(guest, pipe).state != state;
	     ms++) {
		turn();
		usleep(1000);
	}
	assert_int_equal(status(guest, pipe).state, state);
	assert_int_equal(status(guest, pipe).reason, reason);
}

static void open_pipe(struct guest *guest, unsigned int pipe,
		      uint16_t generation)
{
	control(guest, 0x41, TV_PIPE_OPEN, generation, (uint16_t)(pipe << 8),
		NULL, 0);
}

static void close_pipe(struct guest *guest, unsigned int pipe,
		       uint16_t generation)
{
	control(guest, 0x41, TV_PIPE_CLOSE, generation, (uint16_t)(pipe << 8),
		NULL, 0);
}

static void shut_pipe(struct guest *guest, unsigned int pipe,
		      uint16_t generation, uint64_t count)
{
	control(guest, 0x41, TV_PIPE_SHUTDOWN, generation,
		(uint16_t)(pipe << 8), &count, 8);
}

static void open_both(unsigned int pipe, uint16_t generation)
{
	for (int i = 0; i < 2; i++)
		open_pipe(&guests[i], pipe, generation);
	for (int i = 0; i < 2; i++)
		expect_state(&guests[i], pipe, TV_PIPE_ESTABLISHED, 0);
}

static void submit(struct guest *guest, struct mem_xfer *transfer,
		   uint8_t endpoint, void *data, uint32_t len)
{
	memset(transfer, 0, sizeof(*transfer));
	transfer->xfer.type = endpoint == EVENT_ENDPOINT
				      ? USB_TRANSFER_INTERRUPT
				      : USB_TRANSFER_BULK;
	transfer->xfer.endpoint = endpoint;
	transfer->xfer.length = len;
	transfer->buffer = data;
	mem_bus_submit(guest->bus, 1, transfer);
}

static void wait_done(struct mem_xfer *transfer)
{
	for (int ms = 0; ms < PATIENCE_MS && !transfer->done; ms++) {
		turn();
		if (!transfer->done)
			usleep(1000);
	}
	assert_true(transfer->done);
}

static void send_text(struct guest *guest, unsigned int pipe, const char *text)
{
	struct mem_xfer out;

	submit(guest, &out, (uint8_t)(1 + pipe), (void *)(uintptr_t)text,
	       (uint32_t)strlen(text));
	wait_done(&out);
	assert_int_equal(out.xfer.actual, strlen(text));
}

static void expect_text(struct guest *guest, unsigned int pipe,
			const char *text)
{
	char data[64];
	struct mem_xfer in;

	submit(guest, &in, (uint8_t)(0x82 + pipe), data, sizeof(data));
	wait_done(&in);
	assert_int_equal(in.xfer.status, USB_STATUS_OK);
	assert_int_equal(in.xfer.actual, strlen(text));
	assert_memory_equal(data, text, strlen(text));
}

static struct tv_pipe_event next_event(struct guest *guest)
{
	struct tv_pipe_event event;
	struct mem_xfer in;

	submit(guest, &in, EVENT_ENDPOINT, &event, sizeof(event));
	wait_done(&in);
	assert_int_equal(in.xfer.status, USB_STATUS_OK);
	return event;
}

static struct tv_p2p_peer peer_of(struct guest *guest)
{
	struct tv_p2p_peer peer;

	assert_int_equal(control(guest, 0xc1, TV_P2P_GET_PEER, 0, 0, &peer,
				 sizeof(peer)),
			 TV_P2P_PEER_LEN);
	return peer;
}

static void the_peer_is_who_the_broker_says(void **state)
{
	char name[200];
	struct tv_p2p_peer peer;
	uint8_t uuid[16];

	assert_int_equal(uv_loop_init(&loop), 0);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	plug(0, LINK_CONNECT, "beta");
	plug(1, LINK_LISTEN, name);
	peer = peer_of(&guests[0]);
	memset(uuid, 0x10, sizeof(uuid));
	assert_int_equal(peer.role, TV_P2P_CONNECT);
	assert_int_equal(peer.flags, 0);
	assert_int_equal(peer.name_len, 4);
	assert_memory_equal(peer.name, "beta\0", 5);
	assert_memory_equal(peer.uuid, uuid, 16);
	peer = peer_of(&guests[1]);
	assert_int_equal(peer.role, TV_P2P_LISTEN);
	assert_int_equal(peer.name_len, 199);
	assert_memory_equal(peer.name, name, TV_P2P_NAME_LEN);
	/* Less and more may be asked for; nothing else is answered. */
	assert_int_equal(
		control(&guests[0], 0xc1, TV_P2P_GET_PEER, 0, 0, name, 4), 4);
	assert_int_equal(
		request(&guests[0], 0xc1, TV_P2P_GET_PEER, 1, 0, name, 128)
			.xfer.status,
		USB_STATUS_STALL);
	assert_int_equal(
		request(&guests[0], 0xc1, TV_P2P_GET_PEER, 0, 0x100, name, 128)
			.xfer.status,
		USB_STATUS_STALL);
	assert_int_equal(
		request(&guests[0], 0xc1, 0x91, 0, 0, name, 128).xfer.status,
		USB_STATUS_STALL);
	unplug_both();
}

static void coming_and_going_is_told(void **state)
{
	struct tv_pipe_event event;

	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	assert_int_equal(peer_of(&guests[0]).flags, 0);
	meet();
	event = next_event(&guests[0]);
	assert_int_equal(event.type, TV_PIPE_EVENT_PEER);
	assert_int_equal(event.pipe, 0);
	assert_int_equal(event.generation, 0);
	assert_int_equal(peer_of(&guests[0]).flags, TV_P2P_PEER_PRESENT);
	unplug(&guests[1]);
	event = next_event(&guests[0]);
	assert_int_equal(event.type, TV_PIPE_EVENT_PEER);
	assert_int_equal(peer_of(&guests[0]).flags, 0);
	unplug_both();
}

static void octets_go_both_ways_and_both_ends(void **state)
{
	plug_both(LINK_CONNECT, LINK_LISTEN);
	meet();
	open_both(0, 7);
	open_both(1, 8);
	send_text(&guests[0], 0, "hello");
	send_text(&guests[1], 1, "other pipe");
	expect_text(&guests[1], 0, "hello");
	expect_text(&guests[0], 1, "other pipe");
	shut_pipe(&guests[0], 0, 7, 5);
	assert_int_equal(next_event(&guests[1]).type, TV_PIPE_EVENT_PEER);
	for (int i = 0; i < 2; i++)
		assert_int_equal(next_event(&guests[1]).type,
				 TV_PIPE_EVENT_OPENED);
	/* The end is found by who reads. */
	{
		struct tv_pipe_event event;
		struct mem_xfer in;
		char data[8];

		submit(&guests[1], &in, 0x82, data, sizeof(data));
		event = next_event(&guests[1]);
		assert_int_equal(event.type, TV_PIPE_EVENT_EOS);
		assert_int_equal(event.count, 5);
		mem_bus_cancel(guests[1].bus, 1, &in);
	}
	send_text(&guests[1], 0, "still");
	expect_text(&guests[0], 0, "still");
	unplug_both();
}

static void a_pipe_waits_for_its_peer(void **state)
{
	struct mem_xfer out;
	char text[] = "early";

	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	open_pipe(&guests[0], 0, 1);
	submit(&guests[0], &out, 0x01, text, 5);
	turn();
	assert_int_equal(status(&guests[0], 0).state, TV_PIPE_OPENING);
	assert_false(out.done);
	meet();
	turn();
	assert_int_equal(status(&guests[0], 0).state, TV_PIPE_OPENING);
	/* Any pipe of the other side will do. */
	open_pipe(&guests[1], 1, 1);
	expect_state(&guests[0], 0, TV_PIPE_ESTABLISHED, 0);
	wait_done(&out);
	expect_text(&guests[1], 1, "early");
	unplug_both();
}

static void who_connects_to_an_absent_peer_is_told(void **state)
{
	plug_both(LINK_CONNECT, LINK_LISTEN);
	open_pipe(&guests[0], 0, 1);
	expect_state(&guests[0], 0, TV_PIPE_RESET, TV_PIPE_REASON_UNREACHABLE);
	open_pipe(&guests[1], 0, 1);
	turn();
	assert_int_equal(status(&guests[1], 0).state, TV_PIPE_OPENING);
	unplug_both();
}

static void revoking_one_end_resets_the_other(void **state)
{
	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	meet();
	open_both(0, 1);
	open_pipe(&guests[0], 1, 1);
	unplug(&guests[1]);
	expect_state(&guests[0], 0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	expect_state(&guests[0], 1, TV_PIPE_OPENING, 0);
	unplug_both();
}

static void closing_resets_and_the_next_opening_starts_clean(void **state)
{
	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	meet();
	for (uint16_t generation = 1; generation < 50; generation++) {
		char text[8];

		open_both(0, generation);
		send_text(&guests[0], 0, "left behind");
		close_pipe(&guests[0], 0, generation);
		expect_state(&guests[1], 0, TV_PIPE_RESET,
			     TV_PIPE_REASON_PEER_RESET);
		open_both(0, generation + 1000);
		snprintf(text, sizeof(text), "%u", generation);
		send_text(&guests[0], 0, text);
		expect_text(&guests[1], 0, text);
		close_pipe(&guests[1], 0, generation + 1000);
		expect_state(&guests[0], 0, TV_PIPE_RESET,
			     TV_PIPE_REASON_PEER_RESET);
	}
	unplug_both();
}

static void deselecting_is_a_reset_too(void **state)
{
	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	meet();
	open_both(0, 1);
	control(&guests[0], 0x01, 11, 0, 0, NULL, 0);
	expect_state(&guests[1], 0, TV_PIPE_RESET, TV_PIPE_REASON_PEER_RESET);
	unplug_both();
}

struct flow {
	struct guest *guest;
	struct mem_xfer out, in;
	uint8_t *out_data, *in_data;
	size_t sent, got;
	uint32_t step;
};

static void flow_go_on(struct flow *flow, size_t total)
{
	for (int i = 0; i < 4; i++) {
		if (flow->out.done && flow->sent < total) {
			uint32_t len = flow->step;

			if (len > total - flow->sent)
				len = (uint32_t)(total - flow->sent);
			submit(flow->guest, &flow->out, 0x01,
			       flow->out_data + flow->sent, len);
			flow->sent += len;
		}
		if (flow->in.done && flow->got < total) {
			flow->got += flow->in.xfer.actual;
			if (flow->got < total)
				submit(flow->guest, &flow->in, 0x82,
				       flow->in_data + flow->got,
				       (uint32_t)(total - flow->got > 50000
							  ? 50000
							  : total - flow->got));
		}
	}
}

static void both_directions_are_full_and_nothing_stops(void **state)
{
	const size_t total = 8 << 20;
	struct flow flows[2];

	plug_both(LINK_SYMMETRIC, LINK_SYMMETRIC);
	meet();
	open_both(0, 1);
	for (int i = 0; i < 2; i++) {
		flows[i] = (struct flow){.guest = &guests[i],
					 .out_data = malloc(total),
					 .in_data = malloc(total),
					 .step = i ? 777777 : 30000};
		flows[i].out.done = true;
		flows[i].in.done = true;
		for (size_t k = 0; k < total; k++)
			flows[i].out_data[k] =
				(uint8_t)(k * 31 + k / 251 + (size_t)i);
	}
	for (int turns = 0;
	     turns < 100000 && (flows[0].got < total || flows[1].got < total);
	     turns++) {
		flow_go_on(&flows[0], total);
		flow_go_on(&flows[1], total);
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(flows[i].got, total);
		assert_memory_equal(flows[i].in_data, flows[!i].out_data,
				    total);
	}
	for (int i = 0; i < 2; i++) {
		free(flows[i].in_data);
		free(flows[i].out_data);
	}
	unplug_both();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peer_is_who_the_broker_says),
		cmocka_unit_test(coming_and_going_is_told),
		cmocka_unit_test(octets_go_both_ways_and_both_ends),
		cmocka_unit_test(a_pipe_waits_for_its_peer),
		cmocka_unit_test(who_connects_to_an_absent_peer_is_told),
		cmocka_unit_test(revoking_one_end_resets_the_other),
		cmocka_unit_test(
			closing_resets_and_the_next_opening_starts_clean),
		cmocka_unit_test(deselecting_is_a_reset_too),
		cmocka_unit_test(both_directions_are_full_and_nothing_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
