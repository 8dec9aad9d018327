// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-xen-handles.c - what the handles of a device process cannot do, whoever
 * uses them: they are opened as root and kept for its whole life.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/xen/event.h"
#include "backend/xen/grant.h"
#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"

static struct fake_guest *guest_make(void)
{
	struct fake_guest *guest;

	assert_true(fake_guest_create(&guest, 0, NULL, 0) >= 0);
	return guest;
}

static void an_event_handle_serves_one_domain(void **state)
{
	struct fake_guest *mine = guest_make(), *other = guest_make();
	int my_port = fake_guest_port_alloc(mine, 0);
	int other_port = fake_guest_port_alloc(other, 0);
	struct event_channel channel;
	xenevtchn_handle *handle;

	assert_int_equal(event_open((uint16_t)fake_guest_domid(mine), &handle),
			 0);
	event_init(&channel, handle);
	assert_true(event_bind(&channel, (uint16_t)fake_guest_domid(other),
			       (uint32_t)other_port) < 0);
	assert_false(fake_guest_port_bound(other, other_port));
	assert_int_equal(event_bind(&channel, (uint16_t)fake_guest_domid(mine),
				    (uint32_t)my_port),
			 0);
	event_unbind(&channel);
	xenevtchn_close(handle);
	fake_guest_free(mine);
	fake_guest_free(other);
}

/* XSA-300: eight ring pages and the connection ring, not one page more. */
static void a_grant_handle_maps_its_rings_and_no_more(void **state)
{
	struct fake_guest *guest = guest_make();
	uint16_t domid = (uint16_t)fake_guest_domid(guest);
	uint32_t refs[GRANT_MAP_MAX + 1];
	xengnttab_handle *handle;
	void *rings, *more = NULL;

	for (int i = 0; i < GRANT_MAP_MAX + 1; i++)
		refs[i] = (uint32_t)fake_guest_grant(
			guest, fake_guest_page_alloc(guest), false);
	assert_int_equal(grant_open(&handle), 0);
	assert_true(grant_map(handle, domid, refs, GRANT_MAP_MAX + 1, &more) <
		    0);
	assert_true(grant_map(handle, domid, refs, 0, &more) < 0);
	assert_int_equal(fake_guest_mappings(guest), 0);
	assert_int_equal(grant_map(handle, domid, refs, GRANT_MAP_MAX, &rings),
			 0);
	assert_true(grant_map(handle, domid, refs + GRANT_MAP_MAX, 1, &more) <
		    0);
	assert_int_equal(fake_guest_mappings(guest), GRANT_MAP_MAX);
	/* What is let go can be used again. */
	grant_unmap(handle, rings, GRANT_MAP_MAX);
	assert_int_equal(grant_map(handle, domid, refs, 1, &more), 0);
	grant_unmap(handle, more, 1);
	xengnttab_close(handle);
	fake_guest_free(guest);
}

static int setup(void **state)
{
	return fake_xen_setup();
}

static int teardown(void **state)
{
	fake_xen_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_handle_serves_one_domain),
		cmocka_unit_test(a_grant_handle_maps_its_rings_and_no_more),
	};

	return cmocka_run_group_tests_name("xen-handles", tests, setup,
					   teardown);
}
