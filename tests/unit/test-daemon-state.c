// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-state.c - the life of a controller, without Xen.
 *
 * A simulated world applies the actions of the machine to its nodes, so whole
 * walks are tested as well as single steps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backend/daemon/controller_state.h"

#define S(name) CONTROLLER_##name
#define E(name) CONTROLLER_EVENT_##name
#define A(name) CONTROLLER_ACTION_##name
#define X(name) XENBUS_STATE_##name

struct world {
	enum controller_state state;
	struct controller_view view;
	unsigned int actions; /* of the last settle() */
	bool device;	      /* a device process runs */
};

static void apply(struct world *world, unsigned int actions)
{
	struct controller_view *view = &world->view;

	if (actions & A(KILL))
		world->device = false;
	if (actions & A(STOP)) {
		view->device_stopped = true;
		world->device = false;
	}
	if (actions & (A(START) | A(RESUME) | A(REPLACE))) {
		world->device = true;
		view->device_stopped = false;
		view->device_fault = false;
		view->device_lost = false;
		view->device_connected = false;
	}
	if (actions & A(WRITE_INIT_WAIT))
		view->backend = X(INIT_WAIT);
	if (actions & A(WRITE_CONNECTED))
		view->backend = X(CONNECTED);
	if (actions & A(WRITE_CLOSING))
		view->backend = X(CLOSING);
	if (actions & A(WRITE_CLOSED))
		view->backend = X(CLOSED);
	if (actions & A(ARM_HOLD))
		view->hold_over = false;
	if (actions & A(ARM_CLOSE))
		view->close_over = false;
}

/* Steps until nothing is to be done; fails on a walk without an end. */
static void settle(struct world *world)
{
	world->actions = 0;
	for (int i = 0; i < 8; i++) {
		enum controller_event event =
			controller_event(world->state, &world->view);
		struct controller_step step =
			controller_step(world->state, event);

		if (event == E(NONE))
			return;
		if (event == E(DEVICE_STOPPED)) {
			world->view.device_stopped = false;
			world->view.device_fault = false;
		}
		world->view.device_connected = false;
		world->state = step.state;
		world->actions |= step.actions;
		apply(world, step.actions);
	}
	fail_msg("the machine does not come to rest");
}

static struct world world_new(void)
{
	return (struct world){
		.state = S(NEW),
		.view = {.exists = true,
			 .domain_up = true,
			 .online = true,
			 .backend = X(INITIALISING),
			 .frontend = X(INITIALISING)},
	};
}

static struct world world_connected(void)
{
	struct world world = world_new();

	settle(&world);
	world.view.hold_over = true;
	world.view.frontend = X(CONNECTED);
	settle(&world);
	world.view.device_connected = true;
	settle(&world);
	assert_int_equal(world.state, S(CONNECTED));
	assert_int_equal(world.view.backend, X(CONNECTED));
	assert_true(world.device);
	return world;
}

static void connects_only_after_the_hold(void **state)
{
	struct world world = world_new();

	settle(&world);
	assert_int_equal(world.state, S(OFFERED));
	assert_int_equal(world.view.backend, X(INIT_WAIT));
	assert_true(world.actions & A(ARM_HOLD));
	world.view.frontend = X(CONNECTED);
	settle(&world);
	assert_int_equal(world.state, S(OFFERED));
	assert_false(world.device);
	world.view.hold_over = true;
	settle(&world);
	assert_int_equal(world.state, S(STARTING));
	assert_int_equal(world.view.backend, X(INIT_WAIT));
	world.view.device_connected = true;
	settle(&world);
	assert_int_equal(world.view.backend, X(CONNECTED));
}

static void foreign_controllers_are_never_written(void **state)
{
	struct world world = world_new();

	world.view.foreign = true;
	settle(&world);
	assert_int_equal(world.state, S(IGNORED));
	for (int backend = 0; backend <= 6; backend++) {
		for (int frontend = 0; frontend <= 6; frontend++) {
			world.view.backend = (enum xenbus_node_state)backend;
			world.view.frontend = (enum xenbus_node_state)frontend;
			world.view.online = frontend & 1;
			settle(&world);
			assert_int_equal(world.state, S(IGNORED));
			assert_int_equal(world.actions, 0);
		}
	}
	/* It became ours when the toolstack wrote it anew. */
	world.view.foreign = false;
	world.view.online = true;
	world.view.backend = X(INITIALISING);
	settle(&world);
	assert_int_equal(world.state, S(OFFERED));
}

static void removal_unmaps_before_it_waits(void **state)
{
	struct world world = world_connected();

	world.view.online = false;
	world.view.backend = X(CLOSING);
	settle(&world);
	assert_int_equal(world.state, S(REMOVING));
	assert_false(world.device);
	assert_true(world.actions & A(ARM_CLOSE));
	assert_int_equal(world.view.backend, X(CLOSING));
	world.view.frontend = X(CLOSED);
	settle(&world);
	assert_int_equal(world.state, S(REMOVED));
	assert_int_equal(world.view.backend, X(CLOSED));
	world.view.exists = false;
	settle(&world);
	assert_int_equal(world.state, S(GONE));
	assert_true(world.actions & A(FREE));
}

static void removal_does_not_wait_for_ever(void **state)
{
	struct world world = world_connected();

	world.view.online = false;
	world.view.backend = X(CLOSING);
	settle(&world);
	assert_int_equal(world.state, S(REMOVING));
	world.view.close_over = true;
	settle(&world);
	assert_int_equal(world.view.backend, X(CLOSED));
}

static void removal_of_a_vanished_guest_is_immediate(void **state)
{
	struct world vanished = world_connected(), dead = world_connected();

	vanished.view.online = dead.view.online = false;
	vanished.view.backend = dead.view.backend = X(CLOSING);
	vanished.view.frontend = X(UNKNOWN);
	dead.view.domain_up = false;
	settle(&vanished);
	settle(&dead);
	assert_int_equal(vanished.view.backend, X(CLOSED));
	assert_int_equal(dead.view.backend, X(CLOSED));
}

static void a_frontend_that_closes_can_come_back(void **state)
{
	struct world world = world_connected();

	world.view.frontend = X(CLOSING);
	settle(&world);
	assert_int_equal(world.view.backend, X(CLOSING));
	assert_false(world.device);
	world.view.frontend = X(CLOSED);
	settle(&world);
	assert_int_equal(world.view.backend, X(CLOSED));
	world.view.frontend = X(INITIALISING);
	settle(&world);
	assert_int_equal(world.view.backend, X(INIT_WAIT));
	world.view.frontend = X(CONNECTED);
	settle(&world);
	assert_int_equal(world.state, S(STARTING));
	assert_true(world.actions & A(START));
}

static void a_fault_closes_and_stays_closed(void **state)
{
	struct world world = world_connected();

	world.view.device_fault = true;
	settle(&world);
	assert_int_equal(world.state, S(CLOSING));
	assert_false(world.device);
	settle(&world);
	assert_int_equal(world.state, S(CLOSING));
	world.view.close_over = true;
	settle(&world);
	assert_int_equal(world.state, S(CLOSED));
	/* Still "connected", says the guest: not again. */
	settle(&world);
	assert_int_equal(world.state, S(CLOSED));
	assert_false(world.device);
	world.view.frontend = X(INITIALISING);
	settle(&world);
	assert_int_equal(world.state, S(WAITING));
}

static void a_lost_process_is_replaced_without_a_trace(void **state)
{
	struct world world = world_connected();

	for (int i = 0; i < 10; i++) {
		world.view.device_lost = true;
		settle(&world);
		assert_int_equal(world.state, S(STARTING));
		assert_int_equal(world.actions, A(REPLACE));
		assert_int_equal(world.view.backend, X(CONNECTED));
	}
	world.view.device_connected = true;
	settle(&world);
	assert_int_equal(world.state, S(CONNECTED));
}

static void a_new_broker_takes_over(void **state)
{
	static const struct {
		enum xenbus_node_state backend, frontend;
		enum controller_state state;
		unsigned int actions;
	} found[] = {
		{X(INIT_WAIT), X(INITIALISING), S(WAITING), 0},
		{X(INIT_WAIT), X(CONNECTED), S(STARTING), A(START)},
		{X(CONNECTED), X(CONNECTED), S(STARTING), A(RESUME)},
		{X(CONNECTED), X(CLOSING), S(CLOSING),
		 A(WRITE_CLOSING) | A(ARM_CLOSE)},
		{X(CONNECTED), X(CLOSED), S(CLOSED),
		 A(WRITE_CLOSING) | A(ARM_CLOSE) | A(WRITE_CLOSED)},
		{X(CONNECTED), X(UNKNOWN), S(CLOSED),
		 A(WRITE_CLOSING) | A(ARM_CLOSE) | A(WRITE_CLOSED)},
		{X(CLOSING), X(CLOSING), S(CLOSING), A(ARM_CLOSE)},
		{X(CLOSED), X(CONNECTED), S(CLOSED), 0},
		{X(CLOSED), X(INITIALISING), S(WAITING), A(WRITE_INIT_WAIT)},
		{X(INITIALISED), X(CONNECTED), S(NEW), 0},
	};

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		struct world world = world_new();

		world.view.backend = found[i].backend;
		world.view.frontend = found[i].frontend;
		settle(&world);
		assert_int_equal(world.state, found[i].state);
		assert_int_equal(world.actions, found[i].actions);
	}
}

static void what_the_toolstack_writes_anew_begins_anew(void **state)
{
	struct world world = world_connected();

	world.view.backend = X(INITIALISING);
	world.view.frontend = X(INITIALISING);
	world.view.hold_over = false;
	settle(&world);
	assert_int_equal(world.state, S(OFFERED));
	assert_true(world.actions & A(KILL));
	assert_false(world.device);
}

static void nonsense_of_a_frontend_changes_nothing(void **state)
{
	struct world world = world_connected();

	world.view.frontend = X(OTHER);
	settle(&world);
	assert_int_equal(world.state, S(CONNECTED));
	world.view.frontend = X(INIT_WAIT);
	settle(&world);
	assert_int_equal(world.state, S(CONNECTED));
}

/* Whatever is seen in whatever state, the machine rests after a few steps,
 * never starts a process for the dead, and never has one when told to stop. */
static void every_view_in_every_state_comes_to_rest(void **state)
{
	for (int from = 0; from < S(STATE_COUNT); from++) {
		for (unsigned int bits = 0; bits < 1u << 9; bits++) {
			for (int nodes = 0; nodes < 64; nodes++) {
				struct world world = {
					.state = (enum controller_state)from,
					.view =
						{
							.exists = bits & 1,
							.foreign = bits & 2,
							.domain_up = bits & 4,
							.online = bits & 8,
							.hold_over = bits & 16,
							.close_over = bits & 32,
							.device_fault =
								bits & 64,
							.device_stopped =
								bits & 128,
							.device_lost =
								bits & 256,
							.backend = nodes % 8,
							.frontend = nodes / 8,
						},
				};

				settle(&world);
				if (!world.view.domain_up)
					assert_false(world.actions & A(START));
				if (world.state == S(GONE))
					assert_false(world.view.exists &&
						     from != S(GONE));
			}
		}
	}
}

static void names_are_complete(void **state)
{
	for (int i = 0; i < S(STATE_COUNT); i++)
		assert_string_not_equal(
			controller_state_name((enum controller_state)i),
			"unknown");
	for (int i = 0; i < E(COUNT); i++)
		assert_string_not_equal(
			controller_event_name((enum controller_event)i),
			"unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connects_only_after_the_hold),
		cmocka_unit_test(foreign_controllers_are_never_written),
		cmocka_unit_test(removal_unmaps_before_it_waits),
		cmocka_unit_test(removal_does_not_wait_for_ever),
		cmocka_unit_test(removal_of_a_vanished_guest_is_immediate),
		cmocka_unit_test(a_frontend_that_closes_can_come_back),
		cmocka_unit_test(a_fault_closes_and_stays_closed),
		cmocka_unit_test(a_lost_process_is_replaced_without_a_trace),
		cmocka_unit_test(a_new_broker_takes_over),
		cmocka_unit_test(what_the_toolstack_writes_anew_begins_anew),
		cmocka_unit_test(nonsense_of_a_frontend_changes_nothing),
		cmocka_unit_test(every_view_in_every_state_comes_to_rest),
		cmocka_unit_test(names_are_complete),
	};

	return cmocka_run_group_tests_name("daemon-state", tests, NULL, NULL);
}
