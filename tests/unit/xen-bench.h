/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen-bench.h - the Xen bus with a loop, tiny Xen and a frontend around it.
 */
#ifndef TESTS_XEN_BENCH_H
#define TESTS_XEN_BENCH_H

#include "backend/bus/xen.h"
#include "tests/unit/probe.h"
#include "tests/unit/tiny-front.h"
#include "tests/unit/tiny-xen.h"

enum { BENCH_PORTS = 4, BENCH_ADDRESS = 3 };

struct xen_bench {
	uv_loop_t loop;
	int journal_fd;
	struct bus *bus;
	struct tiny_front front;
	const char *fault; /* reason of the last */
	unsigned int faults;
	/* What on_fault does besides: 0 nothing, 1 disconnect, 2 destroy. */
	int on_fault;
	unsigned int max_indirect;
};

/* A bus that is not connected yet, able to do rings of order 3. */
void xen_bench_init(struct xen_bench *bench);
/* Makes the bus (again, as a successor process would). */
void xen_bench_create_bus(struct xen_bench *bench);
int xen_bench_connect(struct xen_bench *bench, bool resume);
/* Runs the loop until nothing more happens by itself. */
void xen_bench_settle(struct xen_bench *bench);
/* Plugs a probe. */
struct probe *xen_bench_plug(struct xen_bench *bench, unsigned int port);
/* All of the above: order, a probe on port 1, addressed and configured. */
struct probe *xen_bench_start(struct xen_bench *bench, unsigned int order);
/* SET_ADDRESS and SET_CONFIGURATION. */
void xen_bench_enumerate(struct xen_bench *bench, unsigned int port,
			 uint8_t address);
/* Pushes, settles, takes one answer, which must be there. */
struct tv_usbif_response xen_bench_answer(struct xen_bench *bench);
/* Asserts that there is no answer. */
void xen_bench_no_answer(struct xen_bench *bench);
/* One control transfer whose data is at TINY_FRONT_DATA; its status. */
int xen_bench_control(struct xen_bench *bench, unsigned int port,
		      uint8_t address, const uint8_t setup[8]);
void xen_bench_fini(struct xen_bench *bench);

#endif
