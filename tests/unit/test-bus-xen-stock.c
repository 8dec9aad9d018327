// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-bus-xen-stock.c - the Xen bus in a process of its own against the
 * frontend of tests/fake-xen, which behaves as mainline Linux does and judges
 * every step (vusb_front.h lists what it calls a violation).
 *
 * This process is the guest and, in XenStore, the broker.  The device process
 * gives and takes octets without end; it is killed, replaced and lied to.
 */
#include "backend/bus/xen.h"
#include "backend/xen/event.h"
#include "backend/xen/grant.h"
#include "backend/xen/journal.h"
#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/vusb_front.h"
#include "tests/fake-xen/xenstored.h"
#include "tests/unit/probe.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum {
	PORTS = 4,
	PORT = 2,
	ADDRESS = 5,
	PATIENCE_MS = 5000,
	/* How a device process ends. */
	ENDED_STOPPED = 0,
	ENDED_FAULT = 42,
	ENDED_NOT_CONNECTED = 43,
	ENDED_BROKEN = 44,
};

struct machine {
	struct fake_guest *guest;
	struct vusb_front *front;
	int journal_fd;
	pid_t process; /* 0: none */
};

static struct fake_xenstored *xenstored;
static struct xs_handle *xs;

/* --- the device process --- */

static void on_fault(void *context, const char *reason)
{
	struct bus **bus = context;

	/* As after the broker's order: everything is let go. */
	bus_xen_disconnect(*bus);
	_exit(ENDED_FAULT);
}

static void on_stop(uv_signal_t *signal, int number)
{
	bus_destroy(signal->data);
	uv_run(signal->loop, UV_RUN_NOWAIT);
	_exit(ENDED_STOPPED);
}

static void device_main(uint32_t domid, int journal_fd,
			const struct bus_xen_rings *rings)
{
	struct bus *bus = NULL;
	struct bus_xen_config config = {
		.domid = (uint16_t)domid,
		.port_count = PORTS,
		.journal_fd = journal_fd,
		.max_ring_order = USBIF_MAX_RING_ORDER,
		.max_indirect_segments = USBIF_MAX_INDIRECT_SEGMENTS,
		.fault = on_fault,
		.context = &bus,
	};
	uv_signal_t stop;
	struct probe *probe = probe_create();
	uv_loop_t loop;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	uv_loop_init(&loop);
	config.loop = &loop;
	if (!probe || grant_open(&config.gnttab) < 0 ||
	    event_open((uint16_t)domid, &config.evtchn) < 0)
		_exit(ENDED_BROKEN);
	bus = bus_xen_create(&config);
	if (!bus || bus_plug(bus, PORT, probe->device) < 0)
		_exit(ENDED_BROKEN);
	probe->forgets = true;
	probe->room = SIZE_MAX / 2;
	probe->stock = SIZE_MAX / 2;
	uv_signal_init(&loop, &stop);
	stop.data = bus;
	uv_signal_start(&stop, on_stop, SIGTERM);
	if (bus_xen_connect(bus, rings) < 0)
		_exit(ENDED_NOT_CONNECTED);
	uv_run(&loop, UV_RUN_DEFAULT);
	_exit(ENDED_BROKEN);
}

static unsigned long frontend_number(uint32_t domid, const char *name)
{
	char path[128];
	unsigned int len;
	unsigned long number;
	char *value;

	snprintf(path, sizeof(path), "/local/domain/%u/device/vusb/0/%s", domid,
		 name);
	value = xs_read(xs, XBT_NULL, path, &len);
	assert_non_null(value);
	number = strtoul(value, NULL, 10);
	free(value);
	return number;
}

static void backend_write(uint32_t domid, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vusb/%u/0/%s",
		 domid, name);
	assert_true(xs_write(xs, XBT_NULL, path, value,
			     (unsigned int)strlen(value)));
}

static void device_start(struct machine *machine, bool resume)
{
	uint32_t domid = fake_guest_domid(machine->guest);
	struct bus_xen_rings rings = {.resume = resume};
	char name[32];

	if (vusb_front_ring_entries(machine->front) > 16)
		rings.order = 3;
	for (unsigned int i = 0; i < 1u << rings.order; i++) {
		snprintf(name, sizeof(name), USBIF_NODE_URB_RING_REF "%u", i);
		rings.urb_refs[i] = (uint32_t)frontend_number(
			domid, rings.order ? name : USBIF_NODE_URB_RING_REF);
	}
	rings.conn_ref =
		(uint32_t)frontend_number(domid, USBIF_NODE_CONN_RING_REF);
	rings.event_port =
		(uint32_t)frontend_number(domid, USBIF_NODE_EVENT_CHANNEL);
	machine->process = fork();
	assert_true(machine->process >= 0);
	if (machine->process == 0)
		device_main(domid, machine->journal_fd, &rings);
}

/* How it ended; sends a signal first if that is not 0. */
static int device_end(struct machine *machine, int signal)
{
	int status;

	if (!machine->process)
		return ENDED_STOPPED;
	if (signal)
		kill(machine->process, signal);
	assert_int_equal(waitpid(machine->process, &status, 0),
			 machine->process);
	machine->process = 0;
	fake_xen_reap();
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* --- the machine around it --- */

static void enumerate(struct machine *machine)
{
	struct vusb_front *front = machine->front;

	assert_int_equal(vusb_front_port_wait(front, PORT, USBIF_SPEED_HIGH,
					      PATIENCE_MS),
			 0);
	assert_int_equal(vusb_front_control(front, PORT, 0, 0, 5, ADDRESS, 0,
					    NULL, 0, NULL, PATIENCE_MS),
			 0);
	assert_int_equal(vusb_front_control(front, PORT, ADDRESS, 0, 9, 1, 0,
					    NULL, 0, NULL, PATIENCE_MS),
			 0);
}

static void front_publish(struct machine *machine)
{
	assert_int_equal(vusb_front_publish(machine->front), 0);
	assert_int_equal(vusb_front_set_state(machine->front, XENBUS_CONNECTED),
			 0);
}

static void machine_open(struct machine *machine,
			 const struct vusb_front_options *options)
{
	uint32_t domid;

	memset(machine, 0, sizeof(*machine));
	machine->journal_fd = journal_create();
	assert_true(machine->journal_fd >= 0);
	assert_true(fake_guest_create(&machine->guest, 0, NULL, 4096) >= 0);
	domid = fake_guest_domid(machine->guest);
	assert_int_equal(
		fake_toolstack_domain_create(xs, machine->guest, "stock"), 0);
	assert_int_equal(fake_toolstack_controller_add(xs, domid, 0, 2, PORTS),
			 0);
	backend_write(domid, USBIF_NODE_MAX_RING_ORDER, "3");
	backend_write(domid, USBIF_NODE_MAX_INDIRECT, "512");
	backend_write(domid, "state", "2");
	assert_int_equal(
		vusb_front_create(&machine->front, machine->guest, 0, options),
		0);
	front_publish(machine);
}

static void machine_start(struct machine *machine,
			  const struct vusb_front_options *options)
{
	machine_open(machine, options);
	device_start(machine, false);
	backend_write(fake_guest_domid(machine->guest), "state", "4");
	enumerate(machine);
}

static void wait_for(struct machine *machine, struct vusb_urb *urb)
{
	int error = vusb_front_wait(machine->front, urb, PATIENCE_MS);
	const char *words = vusb_front_violation(machine->front);

	assert_string_equal(words ? words : "", "");
	assert_int_equal(error, 0);
}

static void machine_close(struct machine *machine)
{
	struct fake_xen_stats stats;

	device_end(machine, SIGKILL);
	assert_null(vusb_front_violation(machine->front));
	assert_int_equal(fake_guest_mappings(machine->guest), 0);
	vusb_front_free(machine->front);
	assert_int_equal(fake_guest_grants_in_use(machine->guest), 0);
	fake_toolstack_domain_destroy(xs, machine->guest, 0);
	fake_guest_free(machine->guest);
	close(machine->journal_fd);
	assert_int_equal(fake_xen_stats(&stats), 0);
	assert_int_equal(stats.unmasks_idle, 0);
}

static int bulk(struct machine *machine, uint8_t endpoint, void *data,
		size_t len, int *actual)
{
	return vusb_front_bulk(machine->front, PORT, ADDRESS, endpoint, data,
			       len, actual, PATIENCE_MS);
}

static void traffic_works(struct machine *machine)
{
	uint8_t data[3000];
	int actual;

	assert_int_equal(bulk(machine, PROBE_IN, data, sizeof(data), &actual),
			 0);
	assert_int_equal(actual, sizeof(data));
	assert_int_equal(bulk(machine, PROBE_OUT, data, sizeof(data), &actual),
			 0);
	assert_int_equal(actual, sizeof(data));
	assert_null(vusb_front_violation(machine->front));
}

/* --- cases --- */

static void the_stock_frontend_finds_no_violation(void **state)
{
	struct machine machine;
	uint8_t *data = malloc(65536);
	size_t at = 0;
	int actual;

	machine_start(&machine, NULL);
	for (unsigned int i = 0; i < 50; i++) {
		size_t len = 1 + i * 1229 % 61440;

		assert_int_equal(bulk(&machine, PROBE_IN, data, len, &actual),
				 0);
		assert_int_equal(actual, len);
		for (size_t j = 0; j < len; j++)
			assert_int_equal(data[j], probe_octet(at++));
		assert_int_equal(bulk(&machine, PROBE_OUT, data, len, &actual),
				 0);
		assert_int_equal(actual, len);
		/* Only the rings are ever mapped. */
		assert_int_equal(fake_guest_mappings(machine.guest), 2);
	}
	assert_int_equal(device_end(&machine, SIGTERM), ENDED_STOPPED);
	assert_int_equal(fake_guest_mappings(machine.guest), 0);
	machine_close(&machine);
	free(data);
}

static void our_own_frontend_moves_megabytes(void **state)
{
	const struct vusb_front_options own = {.ring_order = 3,
					       .indirect = true};
	struct machine machine;
	uint8_t *data = malloc(1 << 20);
	int actual;

	machine_start(&machine, &own);
	assert_int_equal(vusb_front_ring_entries(machine.front), 128);
	assert_int_equal(bulk(&machine, PROBE_IN, data, 1 << 20, &actual), 0);
	assert_int_equal(actual, 1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		assert_int_equal(data[i], probe_octet(i));
	assert_int_equal(bulk(&machine, PROBE_OUT, data, 1 << 20, &actual), 0);
	assert_int_equal(actual, 1 << 20);
	machine_close(&machine);
	free(data);
}

static void
a_killed_process_is_replaced_and_the_guest_sees_a_replug(void **state)
{
	struct machine machine;
	struct vusb_urb waiting, busy[6];
	static uint8_t data[6][8192];
	uint8_t event[16];

	machine_start(&machine, NULL);
	for (unsigned int round = 0; round < 12; round++) {
		waiting = (struct vusb_urb){.port = PORT,
					    .address = ADDRESS,
					    .endpoint = PROBE_EVENT,
					    .type = USBIF_PIPE_TYPE_INT,
					    .interval = 4,
					    .data = event,
					    .length = sizeof(event)};
		assert_int_equal(vusb_front_submit(machine.front, &waiting), 0);
		for (unsigned int i = 0; i < 6; i++) {
			busy[i] = (struct vusb_urb){
				.port = PORT,
				.address = ADDRESS,
				.endpoint = i & 1 ? PROBE_IN : PROBE_OUT,
				.type = USBIF_PIPE_TYPE_BULK,
				.data = data[i],
				.length = sizeof(data[i])};
			assert_int_equal(
				vusb_front_submit(machine.front, &busy[i]), 0);
		}
		/* At another moment each time. */
		usleep(round * 150);
		device_end(&machine, SIGKILL);
		device_start(&machine, true);
		wait_for(&machine, &waiting);
		assert_int_equal(waiting.status, USBIF_STATUS_NODEV);
		for (unsigned int i = 0; i < 6; i++) {
			wait_for(&machine, &busy[i]);
			assert_true(busy[i].status == 0 ||
				    busy[i].status == USBIF_STATUS_NODEV);
		}
		while (vusb_front_port_speed(machine.front, PORT) !=
		       USBIF_SPEED_HIGH)
			assert_true(vusb_front_poll(machine.front,
						    PATIENCE_MS) > 0);
		assert_int_equal(vusb_front_in_flight(machine.front), 0);
		assert_null(vusb_front_violation(machine.front));
		/* Controller and rings are the same, the device is new. */
		enumerate(&machine);
		traffic_works(&machine);
	}
	machine_close(&machine);
}

static void each_failed_segment_fails_its_transfer(void **state)
{
	static const int16_t statuses[] = {-1, -2, -3, -8, -9, -10, -12, 1};
	static uint8_t data[40000];
	struct machine machine;
	int actual;

	machine_start(&machine, NULL);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		for (unsigned int endpoint = PROBE_OUT;; endpoint = PROBE_IN) {
			/* One in the middle, on any attempt. */
			assert_int_equal(
				fake_xen_fault(FAKE_FAULT_COPY_SEGMENT,
					       fake_guest_domid(machine.guest),
					       (uint32_t)i, FAKE_XEN_FOREVER,
					       statuses[i]),
				0);
			assert_int_equal(bulk(&machine, (uint8_t)endpoint, data,
					      sizeof(data), &actual),
					 USBIF_STATUS_IOERROR);
			assert_int_equal(actual, 0);
			fake_xen_fault_clear();
			traffic_works(&machine);
			if (endpoint == PROBE_IN)
				break;
		}
	}
	machine_close(&machine);
}

static void a_failed_call_fails_its_transfers(void **state)
{
	static uint8_t data[4096];
	struct machine machine;
	int actual;

	machine_start(&machine, NULL);
	assert_int_equal(fake_xen_fault(FAKE_FAULT_COPY_CALL,
					fake_guest_domid(machine.guest), 0, 1,
					EFAULT),
			 0);
	assert_int_equal(bulk(&machine, PROBE_IN, data, sizeof(data), &actual),
			 USBIF_STATUS_IOERROR);
	fake_xen_fault_clear();
	traffic_works(&machine);
	machine_close(&machine);
}

static void a_grant_that_is_no_grant_costs_the_request(void **state)
{
	struct machine machine;
	struct tv_usbif_request raw = {
		.nr_buffer_segs = 2,
		.pipe = PORT | ADDRESS << 8 | 2 << 15 | USBIF_PIPE_DIR_IN |
			USBIF_PIPE_TYPE_BULK << 30,
		.buffer_length = 200,
		.seg = {{0x7fffffff, 0, 100}, {0, 0, 100}},
	};
	struct tv_usbif_response response;

	machine_start(&machine, NULL);
	raw.id = (uint16_t)vusb_front_raw_id(machine.front);
	assert_int_equal(vusb_front_raw(machine.front, &raw), 0);
	assert_int_equal(
		vusb_front_raw_next(machine.front, &response, PATIENCE_MS), 1);
	assert_int_equal(response.status, USBIF_STATUS_IOERROR);
	assert_int_equal(response.actual_length, 0);
	traffic_works(&machine);
	machine_close(&machine);
}

static void a_hostile_guest_loses_its_own_device_only(void **state)
{
	const struct vusb_front_options hostile = {.keep_going = true};
	struct machine victim, machine;
	struct fake_guest_port_stats before, after;

	machine_start(&victim, NULL);
	for (unsigned int way = 0; way < 4; way++) {
		struct tv_usbif_request raw = {
			.pipe = PORT | USBIF_PIPE_TYPE_BULK << 30};

		machine_start(&machine, &hostile);
		switch (way) {
		case 0: /* an id beyond the ring */
			raw.id = 0xffff;
			vusb_front_raw(machine.front, &raw);
			break;
		case 1: /* segments beyond the request */
			raw.id = (uint16_t)vusb_front_raw_id(machine.front);
			raw.nr_buffer_segs = 17;
			vusb_front_raw(machine.front, &raw);
			break;
		case 2: /* beyond the page */
			raw.id = (uint16_t)vusb_front_raw_id(machine.front);
			raw.nr_buffer_segs = 1;
			raw.buffer_length = 2;
			raw.seg[0].offset = 4095;
			raw.seg[0].length = 2;
			vusb_front_raw(machine.front, &raw);
			break;
		default: /* more requests than the ring has entries */
			vusb_front_urb_sring(machine.front)->req_prod += 999;
			vusb_front_kick(machine.front);
		}
		assert_int_equal(device_end(&machine, 0), ENDED_FAULT);
		traffic_works(&victim);
		vusb_front_violation_clear(machine.front);
		machine_close(&machine);
	}
	assert_int_equal(fake_guest_port_stats(
				 victim.guest,
				 vusb_front_event_port(victim.front), &before),
			 0);
	traffic_works(&victim);
	/* The end of an event comes after the answer. */
	for (unsigned int i = 0; i < 500; i++) {
		fake_guest_port_stats(victim.guest,
				      vusb_front_event_port(victim.front),
				      &after);
		if (after.peer_eois > before.peer_eois)
			break;
		usleep(1000);
	}
	assert_true(after.peer_eois > before.peer_eois);
	machine_close(&victim);
}

static void rogue_events_are_answered_by_nothing_and_slowed(void **state)
{
	struct machine machine;
	struct fake_guest_port_stats before, after;
	int port;

	machine_start(&machine, NULL);
	port = vusb_front_event_port(machine.front);
	while (vusb_front_poll(machine.front, 20) > 0)
		;
	fake_guest_port_stats(machine.guest, port, &before);
	for (unsigned int i = 0; i < 300; i++) {
		vusb_front_kick(machine.front);
		usleep(1000);
	}
	fake_guest_port_stats(machine.guest, port, &after);
	assert_int_equal(after.received, before.received);
	assert_true(after.peer_eois - before.peer_eois < 40);
	traffic_works(&machine);
	machine_close(&machine);
}

static void a_domain_that_dies_in_a_copy_is_let_go(void **state)
{
	struct machine machine;
	struct vusb_urb urb;
	static uint8_t data[20000];
	uint32_t domid;

	machine_start(&machine, NULL);
	domid = fake_guest_domid(machine.guest);
	assert_int_equal(fake_xen_fault(FAKE_FAULT_DIE, domid, 2, 1, 0), 0);
	urb = (struct vusb_urb){.port = PORT,
				.address = ADDRESS,
				.endpoint = PROBE_IN,
				.type = USBIF_PIPE_TYPE_BULK,
				.data = data,
				.length = sizeof(data)};
	assert_int_equal(vusb_front_submit(machine.front, &urb), 0);
	for (int i = 0; i < 100 && !fake_xen_fault_hits(FAKE_FAULT_DIE); i++)
		usleep(10000);
	assert_true(fake_xen_fault_hits(FAKE_FAULT_DIE) > 0);
	fake_xen_fault_clear();
	/* The process is none the worse, and lets go when it is told to. */
	assert_int_equal(device_end(&machine, SIGTERM), ENDED_STOPPED);
	assert_int_equal(fake_guest_mappings(machine.guest), 0);
	vusb_front_free(machine.front);
	fake_guest_destroy(machine.guest);
	assert_int_equal(fake_xen_domain_wait_gone(domid, PATIENCE_MS), 0);
	fake_guest_free(machine.guest);
	close(machine.journal_fd);
}

static void what_cannot_be_mapped_or_bound_is_not_connected(void **state)
{
	struct machine machine;
	uint32_t domid;

	machine_open(&machine, NULL);
	domid = fake_guest_domid(machine.guest);
	for (uint32_t skip = 0; skip < 2; skip++) {
		assert_int_equal(
			fake_xen_fault(FAKE_FAULT_MAP, domid, skip, 1, EINVAL),
			0);
		device_start(&machine, false);
		assert_int_equal(device_end(&machine, 0), ENDED_NOT_CONNECTED);
		assert_int_equal(fake_guest_mappings(machine.guest), 0);
		fake_xen_fault_clear();
	}
	assert_int_equal(fake_xen_fault(FAKE_FAULT_BIND, domid, 0, 1, EINVAL),
			 0);
	device_start(&machine, false);
	assert_int_equal(device_end(&machine, 0), ENDED_NOT_CONNECTED);
	assert_int_equal(fake_guest_mappings(machine.guest), 0);
	fake_xen_fault_clear();
	device_start(&machine, false);
	backend_write(domid, "state", "4");
	enumerate(&machine);
	traffic_works(&machine);
	machine_close(&machine);
}

static void a_frontend_may_come_back_with_new_rings(void **state)
{
	struct machine machine;

	machine_start(&machine, NULL);
	for (unsigned int round = 0; round < 3; round++) {
		traffic_works(&machine);
		assert_int_equal(device_end(&machine, SIGTERM), ENDED_STOPPED);
		assert_int_equal(vusb_front_disconnect(machine.front), 0);
		backend_write(fake_guest_domid(machine.guest), "state", "2");
		assert_int_equal(vusb_front_reopen(machine.front), 0);
		front_publish(&machine);
		device_start(&machine, false);
		backend_write(fake_guest_domid(machine.guest), "state", "4");
		enumerate(&machine);
	}
	machine_close(&machine);
}

static int setup(void **state)
{
	if (fake_xen_setup() < 0 || fake_xenstored_start(&xenstored) < 0)
		return -1;
	xs = xs_open(0);
	return xs ? 0 : -1;
}

static int teardown(void **state)
{
	xs_close(xs);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stock_frontend_finds_no_violation),
		cmocka_unit_test(our_own_frontend_moves_megabytes),
		cmocka_unit_test(
			a_killed_process_is_replaced_and_the_guest_sees_a_replug),
		cmocka_unit_test(each_failed_segment_fails_its_transfer),
		cmocka_unit_test(a_failed_call_fails_its_transfers),
		cmocka_unit_test(a_grant_that_is_no_grant_costs_the_request),
		cmocka_unit_test(a_hostile_guest_loses_its_own_device_only),
		cmocka_unit_test(
			rogue_events_are_answered_by_nothing_and_slowed),
		cmocka_unit_test(a_domain_that_dies_in_a_copy_is_let_go),
		cmocka_unit_test(
			what_cannot_be_mapped_or_bound_is_not_connected),
		cmocka_unit_test(a_frontend_may_come_back_with_new_rings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
