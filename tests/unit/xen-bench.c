// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen-bench.c - the Xen bus with a loop, tiny Xen and a frontend around it.
 */
#include "tests/unit/xen-bench.h"

#include "backend/xen/journal.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

static void on_fault(void *context, const char *reason)
{
	struct xen_bench *bench = context;

	bench->fault = reason;
	bench->faults++;
	if (bench->on_fault == 1)
		bus_xen_disconnect(bench->bus);
	if (bench->on_fault == 2) {
		bus_destroy(bench->bus);
		bench->bus = NULL;
	}
}

void xen_bench_create_bus(struct xen_bench *bench)
{
	const struct bus_xen_config config = {
		.loop = &bench->loop,
		.domid = TINY_XEN_DOMID,
		.port_count = BENCH_PORTS,
		.gnttab = tiny_xen_gnttab(),
		.evtchn = tiny_xen_evtchn(),
		.journal_fd = bench->journal_fd,
		.max_ring_order = USBIF_MAX_RING_ORDER,
		.max_indirect_segments = bench->max_indirect,
		.fault = on_fault,
		.context = bench,
	};

	bench->bus = bus_xen_create(&config);
	assert(bench->bus);
}

void xen_bench_init(struct xen_bench *bench)
{
	memset(bench, 0, sizeof(*bench));
	bench->max_indirect = USBIF_MAX_INDIRECT_SEGMENTS;
	tiny_xen_init();
	uv_loop_init(&bench->loop);
	bench->journal_fd = journal_create();
	assert(bench->journal_fd >= 0);
	xen_bench_create_bus(bench);
}

int xen_bench_connect(struct xen_bench *bench, bool resume)
{
	struct bus_xen_rings rings;

	tiny_front_rings(&bench->front, &rings);
	rings.resume = resume;
	return bus_xen_connect(bench->bus, &rings);
}

void xen_bench_settle(struct xen_bench *bench)
{
	/* A turn for each kind of callback that can follow another. */
	for (int i = 0; i < 16; i++)
		uv_run(&bench->loop, UV_RUN_NOWAIT);
}

struct probe *xen_bench_plug(struct xen_bench *bench, unsigned int port)
{
	struct probe *probe = probe_create();

	assert(probe);
	assert(bus_plug(bench->bus, port, probe->device) == 0);
	return probe;
}

struct tv_usbif_response xen_bench_answer(struct xen_bench *bench)
{
	struct tv_usbif_response response;

	tiny_front_push(&bench->front);
	xen_bench_settle(bench);
	assert(tiny_front_response(&bench->front, &response));
	return response;
}

void xen_bench_no_answer(struct xen_bench *bench)
{
	struct tv_usbif_response response;

	tiny_front_push(&bench->front);
	xen_bench_settle(bench);
	assert(!tiny_front_response(&bench->front, &response));
}

int xen_bench_control(struct xen_bench *bench, unsigned int port,
		      uint8_t address, const uint8_t setup[8])
{
	struct tv_usbif_response response;

	tiny_front_control(tiny_front_request(&bench->front), 0, port, address,
			   setup, TINY_FRONT_DATA);
	response = xen_bench_answer(bench);
	assert(response.id == 0);
	return response.status;
}

void xen_bench_enumerate(struct xen_bench *bench, unsigned int port,
			 uint8_t address)
{
	const uint8_t set_address[8] = {0, 5, address};
	const uint8_t set_configuration[8] = {0, 9, 1};

	assert(xen_bench_control(bench, port, 0, set_address) == 0);
	assert(xen_bench_control(bench, port, address, set_configuration) == 0);
}

struct probe *xen_bench_start(struct xen_bench *bench, unsigned int order)
{
	struct tv_usbif_conn_response event;
	struct probe *probe;

	xen_bench_init(bench);
	tiny_front_open(&bench->front, order);
	probe = xen_bench_plug(bench, 1);
	assert(xen_bench_connect(bench, false) == 0);
	xen_bench_settle(bench);
	assert(tiny_front_event(&bench->front, true, &event));
	assert(event.portnum == 1 && event.speed == USBIF_SPEED_HIGH);
	xen_bench_enumerate(bench, 1, BENCH_ADDRESS);
	return probe;
}

void xen_bench_fini(struct xen_bench *bench)
{
	bus_destroy(bench->bus);
	uv_run(&bench->loop, UV_RUN_DEFAULT);
	assert(uv_loop_close(&bench->loop) == 0);
	assert(tiny_xen.mapped == 0 && !tiny_xen.bound);
	close(bench->journal_fd);
	tiny_xen_fini();
}
