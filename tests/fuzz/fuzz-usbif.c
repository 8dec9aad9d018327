// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-usbif.c - a hostile frontend against the whole Xen bus.
 *
 * The input is a program: the first octet says how many ring pages and whether
 * the frontend is honest, then each octet picks a step.  An honest frontend
 * only takes free ids and well-formed requests: it must get each answered
 * exactly once and never be found at fault.  A hostile one may write what it
 * likes; then only memory safety and the bounds of the answers are checked.
 * Xen is tiny-xen: every copy goes through its checks.
 */
#include "backend/xen/journal.h"
#include "tests/unit/xen-bench.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	MAX_STEPS = 300,
	MAX_DATA_PAGES = 40,
	FIRST_TABLE = 200,
	CANARY_PAGE = 15, /* granted read-only, for ever the same */
	CANARY = 0x6b,
};

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static struct xen_bench bench;
static struct tiny_front *const front = &bench.front;
static struct probe *probes[BENCH_PORTS + 1];
static bool in_flight[128];
static bool honest;
static bool crashed; /* one crash an input: it is slow */

static uint8_t take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static uint16_t take16(struct input *input)
{
	uint16_t low = take(input);

	return (uint16_t)(low | take(input) << 8);
}

static void take_raw(struct input *input, void *into, size_t len)
{
	uint8_t *octets = into;

	for (size_t i = 0; i < len; i++)
		octets[i] = take(input);
}

static void collect(void)
{
	struct tv_usbif_response response;
	struct tv_usbif_conn_response event;

	if (honest) {
		while (tiny_front_response(front, &response)) {
			assert(response.id < front->entries);
			assert(in_flight[response.id]);
			assert(response.actual_length >= 0);
			in_flight[response.id] = false;
		}
	} else {
		front->rsp_cons = front->urb->rsp_prod;
		front->urb->rsp_event = front->rsp_cons + 1;
	}
	if (front->conn->rsp_prod - front->conn_cons > 512)
		front->conn_cons = front->conn->rsp_prod;
	while (tiny_front_event(front, true, &event))
		assert(event.portnum >= 1 && event.portnum <= BENCH_PORTS);
}

static void run(void)
{
	uv_run(&bench.loop, UV_RUN_NOWAIT);
	uv_run(&bench.loop, UV_RUN_NOWAIT);
	assert(!honest || bench.faults == 0);
}

static void push(void)
{
	tiny_front_push(front);
	run();
}

/* A free id, or one of the input's. */
static bool pick_id(struct input *input, uint16_t *id)
{
	*id = take(input);
	if (!honest)
		return true;
	*id = (uint16_t)(*id % front->entries);
	if (in_flight[*id])
		return false;
	in_flight[*id] = true;
	return true;
}

static uint32_t data_page(struct input *input)
{
	return TINY_FRONT_DATA + take(input) % MAX_DATA_PAGES;
}

static void step_control(struct input *input)
{
	uint8_t packet[8];
	uint8_t where = take(input);
	uint16_t id;

	take_raw(input, packet, sizeof(packet));
	packet[7] &= 0x1f;
	if (pick_id(input, &id))
		tiny_front_control(tiny_front_request(front), id, where & 7,
				   where >> 3, packet, data_page(input));
}

static void step_data(struct input *input)
{
	static const uint8_t endpoints[] = {PROBE_IN, PROBE_OUT, PROBE_EVENT};
	uint8_t what = take(input);
	uint16_t offset = take16(input) & 4095;
	uint32_t len = take16(input);
	uint16_t id;

	if (len > 16 * 4096u - offset)
		len = 16 * 4096u - offset;
	if (pick_id(input, &id))
		tiny_front_data(tiny_front_request(front), id, 1 + what % 2,
				BENCH_ADDRESS,
				what & 4 ? USBIF_PIPE_TYPE_BULK
					 : USBIF_PIPE_TYPE_INT,
				endpoints[(what >> 4) % 3], data_page(input),
				offset, len);
}

static void step_unlink(struct input *input)
{
	uint16_t target = take(input);
	uint16_t id;

	if (pick_id(input, &id))
		tiny_front_unlink(tiny_front_request(front), id, 1, target);
}

static void step_indirect(struct input *input)
{
	uint8_t what = take(input);
	unsigned int count = 1 + take16(input) % 512;
	uint32_t table = data_page(input);
	struct tv_usbif_segment *segments;
	struct tv_usbif_request *request;
	uint16_t id;

	if (!pick_id(input, &id))
		return;
	/* A table of its own, or one that is the data of others as well. */
	if (honest)
		table = FIRST_TABLE + id;
	segments = (void *)tiny_xen_page(table);
	for (unsigned int i = 0; i < count; i++)
		segments[i] = (struct tv_usbif_segment){
			TINY_FRONT_DATA + i % MAX_DATA_PAGES, i & 15,
			(uint16_t)(1 + i * 7)};
	if (!honest)
		take_raw(input, segments, 24);
	request = tiny_front_request(front);
	tiny_front_data(request, id, 1, BENCH_ADDRESS, USBIF_PIPE_TYPE_BULK,
			what & 1 ? PROBE_IN : PROBE_OUT, table, 0, 0);
	request->transfer_flags = USBIF_FLAG_INDIRECT;
	request->nr_buffer_segs = (uint16_t)count;
	request->seg[0] =
		(struct tv_usbif_segment){table, 0, (uint16_t)(count * 8)};
}

static void step_raw(struct input *input)
{
	struct tv_usbif_request raw;

	take_raw(input, &raw, 36);
	memset(&raw.seg[2], take(input), sizeof(raw) - 36);
	if (honest)
		return;
	memcpy(tiny_front_request(front), &raw, sizeof(raw));
}

static void step_tamper(struct input *input)
{
	uint8_t what = take(input);

	if (honest)
		return;
	switch (what % 5) {
	case 0:
		front->req_prod += (uint32_t)(int8_t)take(input);
		break;
	case 1:
		front->conn->req_prod += (uint32_t)(int8_t)take(input);
		front->conn_prod = front->conn->req_prod;
		break;
	case 2:
		front->urb->req_event = front->urb->rsp_event = take(input);
		break;
	case 3: /* anything into the ring pages */
		tiny_xen_page(TINY_FRONT_RING)[take16(input) & 4095] =
			take(input);
		break;
	default: /* a request changes after it was pushed */
		front->urb->req_prod = front->req_prod;
		take_raw(input,
			 tiny_xen_page(TINY_FRONT_RING) + 64 +
				 take(input) % 16 * 148,
			 20);
	}
}

static void open_rings(unsigned int order)
{
	tiny_front_open(front, order);
	tiny_xen.grants[CANARY_PAGE] = TINY_READ_ONLY;
	memset(in_flight, 0, sizeof(in_flight));
	assert(xen_bench_connect(&bench, false) == 0);
	run();
	collect();
}

static void step_reconnect(struct input *input)
{
	bus_xen_disconnect(bench.bus);
	assert(tiny_xen.mapped == 0 && !tiny_xen.bound);
	open_rings(take(input) % 4);
}

/* The process dies; another goes on. */
static void step_crash(struct input *input)
{
	static uint8_t pages[9][4096];
	static uint8_t journal[JOURNAL_SIZE];
	uint8_t *shared;

	if (crashed || !bus_xen_is_connected(bench.bus))
		return;
	crashed = true;
	shared = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      bench.journal_fd, 0);
	assert(shared != MAP_FAILED);
	memcpy(pages, tiny_xen_page(TINY_FRONT_RING), sizeof(pages));
	memcpy(journal, shared, sizeof(journal));
	bus_destroy(bench.bus);
	uv_run(&bench.loop, UV_RUN_NOWAIT);
	memset(probes, 0, sizeof(probes));
	memcpy(tiny_xen_page(TINY_FRONT_RING), pages, sizeof(pages));
	memcpy(shared, journal, sizeof(journal));
	munmap(shared, JOURNAL_SIZE);
	tiny_xen_forget();
	xen_bench_create_bus(&bench);
	assert(xen_bench_connect(&bench, true) == 0);
	run();
}

static void step_plug(struct input *input)
{
	unsigned int port = 1 + take(input) % BENCH_PORTS;

	if (!probes[port]) {
		probes[port] = xen_bench_plug(&bench, port);
		return;
	}
	assert(bus_unplug(bench.bus, port) == 0);
	probes[port] = NULL;
}

static void step_function(struct input *input)
{
	uint8_t what = take(input);
	struct probe *probe = probes[1 + (what >> 4) % BENCH_PORTS];
	uint16_t amount = take16(input);

	if (!probe)
		return;
	if (what % 3 == 0)
		probe_accept(probe, (size_t)amount * 8);
	else if (what % 3 == 1)
		probe_give(probe, (size_t)amount * 8);
	else
		probe_raise(probe);
}

static void step_grants(struct input *input)
{
	uint32_t ref = data_page(input);
	uint8_t what = take(input);

	tiny_xen.grants[ref] = what % 3;
	tiny_xen.copy_call_fails = what >= 0xf8;
}

static void step_enumerate(struct input *input)
{
	const uint8_t set_address[8] = {0, 5, BENCH_ADDRESS};
	const uint8_t set_configuration[8] = {0, 9, 1};
	unsigned int port = 1 + take(input) % 2;
	uint16_t id;

	if (pick_id(input, &id))
		tiny_front_control(tiny_front_request(front), id, port, 0,
				   set_address, TINY_FRONT_DATA);
	if (pick_id(input, &id))
		tiny_front_control(tiny_front_request(front), id, port,
				   BENCH_ADDRESS, set_configuration,
				   TINY_FRONT_DATA);
}

static void step(struct input *input)
{
	static void (*const steps[])(struct input *) = {
		step_control, step_data,      step_data,   step_data,
		step_unlink,  step_indirect,  step_raw,	   step_tamper,
		step_plug,    step_function,  step_grants, step_enumerate,
		step_crash,   step_reconnect,
	};
	uint8_t what = take(input);

	/* The rest of the octet: whether to let the backend run now. */
	steps[(what & 15) % 14](input);
	if (honest &&
	    front->req_prod - front->urb->req_prod > front->entries / 2)
		what |= 0x40;
	if (what & 0x10)
		tiny_xen_kick();
	if (what & 0x40)
		push();
	if (what & 0x80)
		collect();
}

static bool any_in_flight(void)
{
	for (unsigned int id = 0; id < front->entries; id++)
		if (in_flight[id])
			return true;
	return false;
}

/* Takes everything away; an honest frontend has all its answers then. */
static void finish(void)
{
	for (unsigned int port = 1; port <= BENCH_PORTS; port++) {
		if (probes[port])
			assert(bus_unplug(bench.bus, port) == 0);
		probes[port] = NULL;
	}
	push();
	push();
	collect();
	/* After a storm of events the next one is late, but it comes. */
	for (unsigned int ms = 0; honest && any_in_flight(); ms++) {
		assert(ms < 200);
		usleep(1000);
		run();
		collect();
	}
	bus_xen_disconnect(bench.bus);
	assert(tiny_xen.mapped == 0 && !tiny_xen.bound);
	assert(tiny_xen.idle_unmasks == 0);
	for (unsigned int i = 0; i < 4096; i++)
		assert(tiny_xen_page(CANARY_PAGE)[i] == CANARY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};
	uint8_t head = take(&input);

	if (!bench.bus) {
		xen_bench_init(&bench);
		memset(tiny_xen_page(CANARY_PAGE), CANARY, 4096);
	}
	bench.faults = 0;
	honest = head & 0x80;
	crashed = false;
	tiny_xen.copy_call_fails = false;
	open_rings(head & 3);
	probes[1] = xen_bench_plug(&bench, 1);
	if (head & 4)
		step_enumerate(&input);
	for (int i = 0; i < MAX_STEPS && input.at < input.end; i++)
		step(&input);
	finish();
	return 0;
}
