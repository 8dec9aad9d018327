/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-fake-xen.c - the fake keeps the promises that other tests build on.
 *
 * One machine and one xenstored for the whole program; each test makes its own
 * guests, so that no domid is used twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/vusb_front.h"
#include "tests/fake-xen/xenstored.h"

#define SECOND 1000

static struct fake_xenstored *xenstored;
static struct xs_handle *dom0;

static struct fake_guest *guest_new(void)
{
	struct fake_guest *guest = NULL;

	assert_int_equal(fake_guest_create(&guest, 0, NULL, 64), 0);
	return guest;
}

/* A guest that xenstored knows, as xl would create it. */
static struct fake_guest *domain_new(const char *name)
{
	struct fake_guest *guest = guest_new();

	assert_int_equal(fake_toolstack_domain_create(dom0, guest, name), 0);
	return guest;
}

/*
 * --- grants ---------------------------------------------------------------
 */

static void test_map_shows_the_guests_page(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	char *page = fake_guest_page_alloc(guest), *mapped;
	int ref = fake_guest_grant(guest, page, false);

	assert_non_null(xgt);
	assert_true(ref >= 8);
	strcpy(page, "from the guest");
	mapped = xengnttab_map_grant_ref(xgt, fake_guest_domid(guest),
					 (uint32_t)ref, PROT_READ | PROT_WRITE);
	assert_non_null(mapped);
	assert_string_equal(mapped, "from the guest");
	strcpy(mapped, "from dom0");
	assert_string_equal(page, "from dom0");
	assert_int_equal(fake_guest_mappings(guest), 1);
	assert_int_equal(fake_guest_grant_end(guest, (uint32_t)ref), -EBUSY);
	assert_int_equal(xengnttab_unmap(xgt, mapped, 2), -1);
	assert_int_equal(xengnttab_unmap(xgt, mapped, 1), 0);
	assert_int_equal(fake_guest_mappings(guest), 0);
	assert_int_equal(fake_guest_grant_end(guest, (uint32_t)ref), 0);
	assert_int_equal(fake_guest_grants_in_use(guest), 0);
	assert_null(xengnttab_map_grant_ref(xgt, fake_guest_domid(guest),
					    (uint32_t)ref, PROT_READ));
	assert_int_equal(errno, EINVAL);
	xengnttab_close(xgt);
	fake_guest_free(guest);
}

static void test_map_of_several_pages_is_adjacent(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *pages = fake_guest_pages_alloc(guest, 3);
	uint32_t refs[3], domids[3];
	uint8_t *mapped;

	for (int i = 0; i < 3; i++) {
		pages[i * 4096] = (uint8_t)(i + 1);
		/* Reverse order: frames are not adjacent in the mapping. */
		refs[2 - i] = (uint32_t)fake_guest_grant(
			guest, pages + i * 4096, i == 1);
		domids[i] = fake_guest_domid(guest);
	}
	assert_null(xengnttab_map_domain_grant_refs(
		xgt, 3, fake_guest_domid(guest), refs, PROT_READ | PROT_WRITE));
	assert_int_equal(fake_guest_mappings(guest), 0);
	mapped = xengnttab_map_domain_grant_refs(
		xgt, 3, fake_guest_domid(guest), refs, PROT_READ);
	assert_non_null(mapped);
	assert_int_equal(mapped[0], 3);
	assert_int_equal(mapped[4096], 2);
	assert_int_equal(mapped[8192], 1);
	assert_int_equal(xengnttab_unmap(xgt, mapped, 3), 0);
	mapped = xengnttab_map_grant_refs(xgt, 3, domids, refs, PROT_READ);
	assert_non_null(mapped);
	assert_int_equal(fake_guest_mappings(guest), 3);
	assert_int_equal(xengnttab_unmap(xgt, mapped, 3), 0);
	xengnttab_close(xgt);
	assert_int_equal(fake_guest_mappings(guest), 0);
	fake_guest_free(guest);
}

/* Waits for one octet from the other process. */
static void meet(int fd)
{
	char octet;

	assert_int_equal(read(fd, &octet, 1), 1);
}

static void test_closing_without_unmapping_keeps_the_grant(void **state)
{
	struct fake_guest *guest = guest_new();
	void *page = fake_guest_page_alloc(guest);
	uint32_t ref = (uint32_t)fake_guest_grant(guest, page, false);
	int there[2], back[2];
	pid_t child;

	assert_int_equal(pipe(there) | pipe(back), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		xengnttab_handle *xgt = xengnttab_open(NULL, 0);

		if (!xengnttab_map_grant_ref(xgt, fake_guest_domid(guest), ref,
					     PROT_READ))
			_exit(1);
		xengnttab_close(xgt);
		if (write(there[1], "", 1) == 1)
			meet(back[0]);
		_exit(0);
	}
	meet(there[0]);
	assert_int_equal(fake_guest_mappings(guest), 1);
	assert_int_equal(fake_guest_grant_end(guest, ref), -EBUSY);
	assert_int_equal(write(back[1], "", 1), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(fake_guest_grant_end(guest, ref), 0);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	fake_guest_free(guest);
}

/* One copy out of the guest; returns its status, or the errno as 1000 + n. */
static int copy_from(xengnttab_handle *xgt, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len)
{
	xengnttab_grant_copy_segment_t segment = {
		.source.foreign = {.ref = ref,
				   .offset = offset,
				   .domid = (uint16_t)domid},
		.dest.virt = to,
		.len = len,
		.flags = GNTCOPY_source_gref,
		.status = 77,
	};

	if (xengnttab_grant_copy(xgt, 1, &segment) != 0)
		return 1000 + errno;
	return segment.status;
}

static int copy_to(xengnttab_handle *xgt, uint32_t domid, uint32_t ref,
		   uint16_t offset, const void *from, uint16_t len)
{
	xengnttab_grant_copy_segment_t segment = {
		.source.virt = (void *)(uintptr_t)from,
		.dest.foreign = {.ref = ref,
				 .offset = offset,
				 .domid = (uint16_t)domid},
		.len = len,
		.flags = GNTCOPY_dest_gref,
		.status = 77,
	};

	if (xengnttab_grant_copy(xgt, 1, &segment) != 0)
		return 1000 + errno;
	return segment.status;
}

static void test_copy_moves_octets_both_ways(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page = fake_guest_page_alloc(guest);
	uint32_t ref = (uint32_t)fake_guest_grant(guest, page, false);
	uint32_t domid = fake_guest_domid(guest);
	struct fake_guest_grant_stats stats;
	char buffer[16] = "";

	memcpy(page + 4086, "0123456789", 10);
	assert_int_equal(copy_from(xgt, domid, ref, 4086, buffer, 10), 0);
	assert_memory_equal(buffer, "0123456789", 10);
	assert_int_equal(copy_to(xgt, domid, ref, 0, "hello", 6), 0);
	assert_string_equal((char *)page, "hello");
	fake_guest_grant_stats(guest, ref, &stats);
	assert_int_equal(stats.copies_read, 1);
	assert_int_equal(stats.copies_written, 1);
	assert_int_equal(stats.maps, 0);
	/* A copy leaves nothing behind. */
	assert_int_equal(fake_guest_grant_end(guest, ref), 0);
	xengnttab_close(xgt);
	fake_guest_free(guest);
}

static void test_copy_refuses_with_xens_statuses(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page = fake_guest_page_alloc(guest);
	uint32_t ro = (uint32_t)fake_guest_grant(guest, page, true);
	uint32_t other = (uint32_t)fake_guest_grant_to(guest, 9, page, false);
	uint32_t domid = fake_guest_domid(guest);
	char buffer[32] = "";

	assert_int_equal(copy_from(xgt, 60000, ro, 0, buffer, 1),
			 GNTST_bad_domain);
	assert_int_equal(copy_from(xgt, domid, 1u << 30, 0, buffer, 1),
			 GNTST_bad_gntref);
	assert_int_equal(copy_from(xgt, domid, 4000, 0, buffer, 1),
			 GNTST_general_error);
	assert_int_equal(copy_from(xgt, domid, other, 0, buffer, 1),
			 GNTST_general_error);
	assert_int_equal(copy_from(xgt, domid, ro, 0, buffer, 1), GNTST_okay);
	assert_int_equal(copy_to(xgt, domid, ro, 0, buffer, 1),
			 GNTST_general_error);
	/* gntdev refuses what leaves the page, and empties are nothing. */
	assert_int_equal(copy_from(xgt, domid, ro, 4090, buffer, 7),
			 1000 + EINVAL);
	assert_int_equal(copy_from(xgt, domid, ro, 4090, buffer, 6), 0);
	assert_int_equal(copy_from(xgt, domid, 4000, 4096, buffer, 0), 0);
	assert_int_equal(fake_guest_grant_revoke(guest, ro), 0);
	assert_int_equal(copy_from(xgt, domid, ro, 0, buffer, 1),
			 GNTST_general_error);
	assert_int_equal(fake_guest_grants_in_use(guest), 2);
	xengnttab_close(xgt);
	fake_guest_free(guest);
}

static void test_copy_batch_reports_each_segment(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page = fake_guest_page_alloc(guest);
	uint32_t ref = (uint32_t)fake_guest_grant(guest, page, false);
	xengnttab_grant_copy_segment_t segments[40];
	uint8_t buffer[40];

	for (int i = 0; i < 40; i++) {
		page[i] = (uint8_t)(i + 1);
		segments[i] = (xengnttab_grant_copy_segment_t){
			.source.foreign = {.ref = i == 30 ? 4000 : ref,
					   .offset = (uint16_t)i,
					   .domid = (uint16_t)fake_guest_domid(
						   guest)},
			.dest.virt = buffer + i,
			.len = 1,
			.flags = GNTCOPY_source_gref,
		};
	}
	memset(buffer, 0, sizeof(buffer));
	assert_int_equal(fake_xen_fault(FAKE_FAULT_COPY_SEGMENT,
					fake_guest_domid(guest), 3, 2,
					GNTST_eagain),
			 0);
	assert_int_equal(xengnttab_grant_copy(xgt, 40, segments), 0);
	for (int i = 0; i < 40; i++) {
		int expected = i == 3 || i == 4 ? GNTST_eagain
			       : i == 30	? GNTST_general_error
						: 0;

		assert_int_equal(segments[i].status, expected);
		assert_int_equal(buffer[i], expected ? 0 : i + 1);
	}
	assert_int_equal(fake_xen_fault_hits(FAKE_FAULT_COPY_SEGMENT), 2);
	fake_xen_fault_clear();
	xengnttab_close(xgt);
	fake_guest_free(guest);
}

static void test_faults_fail_maps_and_calls(void **state)
{
	struct fake_guest *guest = guest_new();
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	uint8_t *page = fake_guest_page_alloc(guest);
	uint32_t ref = (uint32_t)fake_guest_grant(guest, page, false);
	uint32_t domid = fake_guest_domid(guest);
	char byte = 0;
	void *mapped;

	fake_xen_fault(FAKE_FAULT_MAP, domid, 0, 1, ENOMEM);
	assert_null(xengnttab_map_grant_ref(xgt, domid, ref, PROT_READ));
	assert_int_equal(errno, ENOMEM);
	mapped = xengnttab_map_grant_ref(xgt, domid, ref, PROT_READ);
	assert_non_null(mapped);
	fake_xen_fault(FAKE_FAULT_COPY_CALL, FAKE_XEN_ANY_DOMAIN, 0, 1, EIO);
	assert_int_equal(copy_from(xgt, domid, ref, 0, &byte, 1), 1000 + EIO);
	/* The domain dies under our hands; its memory stays while mapped. */
	fake_xen_fault(FAKE_FAULT_DIE, domid, 1, 1, 0);
	assert_int_equal(copy_from(xgt, domid, ref, 0, &byte, 1), 0);
	assert_int_equal(copy_from(xgt, domid, ref, 0, &byte, 1),
			 GNTST_bad_page);
	assert_true(fake_xen_domain_exists(domid));
	xengnttab_unmap(xgt, mapped, 1);
	assert_false(fake_xen_domain_exists(domid));
	assert_int_equal(copy_from(xgt, domid, ref, 0, &byte, 1),
			 GNTST_bad_domain);
	fake_xen_fault_clear();
	xengnttab_close(xgt);
	fake_guest_free(guest);
}

/*
 * --- event channels -------------------------------------------------------
 */

static bool readable(int fd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

/* Binds and takes the event that a new binding starts with. */
static int bind_quiet(xenevtchn_handle *xce, struct fake_guest *guest, int port)
{
	int local = xenevtchn_bind_interdomain(xce, fake_guest_domid(guest),
					       (evtchn_port_t)port);

	if (local < 0)
		return -errno;
	assert_int_equal(xenevtchn_pending(xce), local);
	assert_int_equal(xenevtchn_unmask(xce, (evtchn_port_t)local), 0);
	assert_false(readable(xenevtchn_fd(xce), 0));
	return local;
}

static void test_events_are_masked_until_unmasked(void **state)
{
	struct fake_guest *guest = guest_new();
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int port = fake_guest_port_alloc(guest, 0);
	struct fake_guest_port_stats stats;
	int local = bind_quiet(xce, guest, port);

	assert_true(local > 0);
	assert_true(fake_guest_port_bound(guest, port));
	for (int i = 0; i < 3; i++)
		assert_int_equal(fake_guest_notify(guest, port), 0);
	assert_true(readable(xenevtchn_fd(xce), 0));
	assert_int_equal(xenevtchn_pending(xce), local);
	/* Nothing more until the end of interrupt, then once more. */
	assert_false(readable(xenevtchn_fd(xce), 0));
	xenevtchn_unmask(xce, (evtchn_port_t)local);
	assert_int_equal(xenevtchn_pending(xce), local);
	xenevtchn_unmask(xce, (evtchn_port_t)local);
	assert_false(readable(xenevtchn_fd(xce), 0));

	assert_int_equal(fake_guest_wait(guest, port, 0), 0);
	assert_int_equal(xenevtchn_notify(xce, (evtchn_port_t)local), 0);
	assert_int_equal(fake_guest_wait(guest, port, SECOND), 1);
	assert_int_equal(fake_guest_wait(guest, port, 0), 0);
	assert_int_equal(fake_guest_port_stats(guest, port, &stats), 0);
	assert_int_equal(stats.sent, 3);
	assert_int_equal(stats.received, 1);
	assert_int_equal(stats.delivered, 1);
	assert_int_equal(stats.peer_delivered, 3);
	assert_int_equal(stats.peer_eois, 3);
	assert_int_equal(xenevtchn_notify(xce, 1000), -1);
	assert_int_equal(errno, ENOTCONN);
	xenevtchn_close(xce);
	assert_false(fake_guest_port_bound(guest, port));
	fake_guest_free(guest);
}

static void test_restrict_refuses_other_domains(void **state)
{
	struct fake_guest *mine = guest_new(), *other = guest_new();
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int port = fake_guest_port_alloc(mine, 0);
	int other_port = fake_guest_port_alloc(other, 0);

	assert_int_equal(
		xenevtchn_restrict(xce, (domid_t)fake_guest_domid(mine)), 0);
	assert_int_equal(
		xenevtchn_restrict(xce, (domid_t)fake_guest_domid(other)), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(bind_quiet(xce, other, other_port), -EACCES);
	assert_int_equal(
		xenevtchn_bind_unbound_port(xce, fake_guest_domid(other)), -1);
	assert_int_equal(xenevtchn_bind_virq(xce, 3), -1);
	assert_true(bind_quiet(xce, mine, port) > 0);
	/* A bound port is not free for a second one. */
	assert_int_equal(xenevtchn_bind_interdomain(xce, fake_guest_domid(mine),
						    (evtchn_port_t)port),
			 -1);
	assert_int_equal(errno, EINVAL);
	xenevtchn_close(xce);
	fake_guest_free(mine);
	fake_guest_free(other);
}

/* A backend in another process: binds, maps, answers each event. */
static void echo_backend(uint32_t domid, int port, int ref)
{
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	xengnttab_handle *xgt = xengnttab_open(NULL, 0);
	int local = xenevtchn_bind_interdomain(xce, domid, (evtchn_port_t)port);
	int *page = xengnttab_map_grant_ref(xgt, domid, (uint32_t)ref,
					    PROT_READ | PROT_WRITE);

	if (local < 0 || !page)
		_exit(1);
	for (;;) {
		if (xenevtchn_pending(xce) != local)
			_exit(2);
		page[0]++;
		xenevtchn_notify(xce, (evtchn_port_t)local);
		xenevtchn_unmask(xce, (evtchn_port_t)local);
	}
}

static void test_a_killed_backend_is_replaced(void **state)
{
	struct fake_guest *guest = guest_new();
	int port = fake_guest_port_alloc(guest, 0);
	int *page = fake_guest_page_alloc(guest);
	int ref = fake_guest_grant(guest, page, false);
	struct fake_guest_port_stats stats;

	for (int round = 1; round <= 3; round++) {
		int before = page[0];
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			alarm(20);
			echo_backend(fake_guest_domid(guest), port, ref);
		}
		/* The event that each binding starts with. */
		assert_int_equal(fake_guest_wait(guest, port, 5 * SECOND), 1);
		assert_int_equal(page[0], before + 1);
		fake_guest_notify(guest, port);
		assert_int_equal(fake_guest_wait(guest, port, 5 * SECOND), 1);
		assert_int_equal(page[0], before + 2);
		assert_int_equal(fake_guest_mappings(guest), 1);
		assert_true(fake_guest_port_bound(guest, port));
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_false(fake_guest_port_bound(guest, port));
		assert_int_equal(fake_guest_mappings(guest), 0);
		/* An event on a port nobody holds is lost, as in Xen. */
		assert_int_equal(fake_guest_notify(guest, port), 0);
	}
	fake_guest_port_stats(guest, port, &stats);
	assert_int_equal(stats.binds, 3);
	assert_int_equal(fake_guest_grant_end(guest, (uint32_t)ref), 0);
	fake_guest_free(guest);
}

static void test_a_passed_descriptor_keeps_the_handle(void **state)
{
	struct fake_guest *guest = guest_new();
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0), *again;
	int port = fake_guest_port_alloc(guest, 0);
	int local = bind_quiet(xce, guest, port);
	int fd = dup(xenevtchn_fd(xce));

	xenevtchn_close(xce);
	assert_true(fake_guest_port_bound(guest, port));
	again = xenevtchn_fdopen(NULL, fd, 0);
	assert_non_null(again);
	fake_guest_notify(guest, port);
	assert_int_equal(xenevtchn_pending(again), local);
	xenevtchn_close(again);
	assert_false(fake_guest_port_bound(guest, port));
	assert_null(xenevtchn_fdopen(NULL, 0, 0));
	fake_guest_free(guest);
}

static void test_faults_lose_events_and_refuse_bindings(void **state)
{
	struct fake_guest *guest = guest_new();
	xenevtchn_handle *xce = xenevtchn_open(NULL, 0);
	int port = fake_guest_port_alloc(guest, 0);
	uint32_t domid = fake_guest_domid(guest);
	struct fake_xen_stats before, after;
	evtchn_port_t local;

	fake_xen_fault(FAKE_FAULT_BIND, domid, 0, 1, ENOMEM);
	assert_int_equal(bind_quiet(xce, guest, port), -ENOMEM);
	local = (evtchn_port_t)bind_quiet(xce, guest, port);
	fake_xen_fault(FAKE_FAULT_NOTIFY, domid, 0, 1, 0);
	assert_int_equal(xenevtchn_notify(xce, local), 0);
	assert_int_equal(fake_guest_wait(guest, port, 20), 0);
	assert_int_equal(xenevtchn_notify(xce, local), 0);
	assert_int_equal(fake_guest_wait(guest, port, SECOND), 1);
	/* The guest closes its end, then there is nobody to hear. */
	fake_guest_port_close(guest, port);
	fake_xen_stats(&before);
	assert_int_equal(xenevtchn_notify(xce, local), 0);
	fake_xen_stats(&after);
	assert_int_equal(after.notifies_unbound, before.notifies_unbound + 1);
	/* An end of interrupt that ends nothing is counted. */
	assert_int_equal(xenevtchn_unmask(xce, local), 0);
	fake_xen_stats(&after);
	assert_int_equal(after.unmasks_idle, before.unmasks_idle + 1);
	assert_int_equal(xenevtchn_unbind(xce, local), 0);
	assert_int_equal(xenevtchn_unbind(xce, local), -1);
	xenevtchn_close(xce);
	fake_guest_free(guest);
}

/*
 * --- domains --------------------------------------------------------------
 */

static void test_getinfo_lists_live_domains(void **state)
{
	struct fake_guest *a = guest_new(), *b = guest_new();
	xc_interface *xch = xc_interface_open(NULL, NULL, 0);
	uint32_t domid = fake_guest_domid(a);
	xc_domaininfo_t list[64];
	xc_dominfo_t info;
	int count;

	assert_non_null(xch);
	assert_int_equal(xc_domain_getinfo(xch, domid, 1, &info), 1);
	assert_int_equal(info.domid, domid);
	assert_true(info.running && !info.dying);
	assert_memory_equal(info.handle, fake_guest_uuid(a), 16);
	fake_guest_set_paused(a, true);
	count = xc_domain_getinfolist(xch, 0, 64, list);
	assert_true(count >= 3);
	assert_int_equal(list[0].domain, 0);
	assert_int_equal(list[count - 1].domain, fake_guest_domid(b));
	assert_memory_equal(list[count - 1].handle, fake_guest_uuid(b), 16);
	assert_true(list[count - 2].flags & XEN_DOMINF_paused);
	fake_guest_destroy(b);
	assert_int_equal(xc_domain_getinfolist(xch, 0, 64, list), count - 1);
	assert_int_equal(xc_domain_getinfo(xch, fake_guest_domid(b), 1, &info),
			 -1);
	/* Reboot: same uuid, next domid. */
	assert_int_equal(fake_guest_reboot(&a), 0);
	assert_true(fake_guest_domid(a) > domid);
	assert_false(fake_xen_domain_exists(domid));
	xc_interface_close(xch);
	fake_guest_free(a);
	fake_guest_free(b);
}

/*
 * --- XenStore -------------------------------------------------------------
 */

static void test_store_works_as_the_domain(void **state)
{
	struct fake_guest *guest = domain_new("store");
	struct xs_permissions *perms, wanted[2] = {{0}};
	char path[64], *text, **names, big[3000];
	unsigned count, len;
	uint32_t tx, tx2;
	size_t size;

	assert_int_equal(fake_guest_xs_write(guest, 0, "data/a", "one", 3), 0);
	assert_int_equal(fake_guest_xs_read(guest, 0, "data/a", &text, &size),
			 0);
	assert_int_equal(size, 3);
	assert_string_equal(text, "one");
	free(text);
	snprintf(path, sizeof(path), "/local/domain/%u/data/a",
		 fake_guest_domid(guest));
	text = xs_read(dom0, XBT_NULL, path, &len);
	assert_string_equal(text, "one");
	free(text);
	assert_int_equal(fake_guest_xs_mkdir(guest, 0, "data/b"), 0);
	assert_int_equal(
		fake_guest_xs_directory(guest, 0, "data", &names, &count), 0);
	assert_int_equal(count, 2);
	free(names);
	wanted[0].id = fake_guest_domid(guest);
	wanted[1].id = 0;
	wanted[1].perms = XS_PERM_READ | XS_PERM_WRITE;
	assert_int_equal(
		fake_guest_xs_set_permissions(guest, 0, "data/b", wanted, 2),
		0);
	assert_int_equal(fake_guest_xs_get_permissions(guest, 0, "data/b",
						       &perms, &count),
			 0);
	assert_int_equal(count, 2);
	assert_int_equal(perms[0].id, fake_guest_domid(guest));
	assert_int_equal(perms[1].perms, XS_PERM_READ | XS_PERM_WRITE);
	free(perms);
	/* Longer than the ring. */
	memset(big, 'x', sizeof(big));
	assert_int_equal(fake_guest_xs_write(guest, 0, "data/b", big, 1900), 0);
	assert_int_equal(fake_guest_xs_read(guest, 0, "data/b", &text, &size),
			 0);
	assert_int_equal(size, 1900);
	free(text);

	assert_int_equal(fake_guest_xs_transaction_start(guest, &tx), 0);
	assert_int_equal(fake_guest_xs_printf(guest, tx, "data/a", "%d", 2), 0);
	assert_int_equal(fake_guest_xs_transaction_start(guest, &tx2), 0);
	assert_int_equal(fake_guest_xs_read(guest, tx2, "data/a", &text, NULL),
			 0);
	assert_string_equal(text, "one");
	free(text);
	assert_int_equal(fake_guest_xs_write(guest, tx2, "data/a", "3", 1), 0);
	assert_int_equal(fake_guest_xs_transaction_end(guest, tx, false), 0);
	assert_int_equal(fake_guest_xs_transaction_end(guest, tx2, false),
			 -EAGAIN);
	assert_int_equal(fake_guest_xs_rm(guest, 0, "data/a"), 0);
	assert_int_equal(fake_guest_xs_read(guest, 0, "data/a", &text, NULL),
			 -ENOENT);
	assert_int_equal(fake_toolstack_domain_destroy(dom0, guest, SECOND), 0);
	fake_guest_free(guest);
}

static void test_store_denies_what_is_not_the_domains(void **state)
{
	struct fake_guest *a = domain_new("a"), *b = domain_new("b");
	struct xs_permissions secret = {.id = 0, .perms = XS_PERM_NONE};
	char path[64], *text;

	assert_true(xs_write(dom0, XBT_NULL, "/tool/2virt/x", "s", 1));
	assert_true(xs_set_permissions(dom0, XBT_NULL, "/tool/2virt/x", &secret,
				       1));
	assert_int_equal(fake_guest_xs_read(a, 0, "/tool/2virt/x", &text, NULL),
			 -EACCES);
	assert_int_equal(fake_guest_xs_write(a, 0, "/tool/2virt/x", "z", 1),
			 -EACCES);
	snprintf(path, sizeof(path), "/local/domain/%u/data/y",
		 fake_guest_domid(b));
	assert_int_equal(fake_guest_xs_write(a, 0, path, "z", 1), -EACCES);
	assert_int_equal(fake_guest_xs_write(b, 0, path, "z", 1), 0);
	assert_int_equal(fake_guest_xs_read(a, 0, path, &text, NULL), -EACCES);
	xs_rm(dom0, XBT_NULL, "/tool/2virt/x");
	fake_toolstack_domain_destroy(dom0, a, SECOND);
	fake_toolstack_domain_destroy(dom0, b, SECOND);
	fake_guest_free(a);
	fake_guest_free(b);
}

static void test_watch_fires_for_the_domain(void **state)
{
	struct fake_guest *guest = domain_new("watch");
	char path[64], *where, *token;

	assert_int_equal(fake_guest_xs_watch(guest, "data", "tok"), 0);
	assert_int_equal(fake_guest_xs_event(guest, &where, &token, SECOND), 1);
	assert_string_equal(where, "data");
	assert_string_equal(token, "tok");
	free(where);
	free(token);
	assert_int_equal(fake_guest_xs_event(guest, &where, &token, 50), 0);
	snprintf(path, sizeof(path), "/local/domain/%u/data/x",
		 fake_guest_domid(guest));
	assert_true(xs_write(dom0, XBT_NULL, path, "1", 1));
	assert_int_equal(fake_guest_xs_event(guest, &where, &token, SECOND), 1);
	assert_string_equal(where, "data/x");
	free(where);
	free(token);
	assert_int_equal(fake_guest_xs_unwatch(guest, "data", "tok"), 0);
	fake_toolstack_domain_destroy(dom0, guest, SECOND);
	fake_guest_free(guest);
}

/* True if the watch fires within the time; the event is consumed. */
static bool watch_fires(struct xs_handle *xs, int timeout_ms)
{
	unsigned count;
	char **event;

	if (!readable(xs_fileno(xs), timeout_ms))
		return false;
	event = xs_read_watch(xs, &count);
	free(event);
	return event != NULL;
}

static void test_xenstored_notices_a_dead_domain(void **state)
{
	struct fake_guest *guest = domain_new("dies");
	uint32_t domid = fake_guest_domid(guest);
	struct xs_handle *xs = xs_open(0);

	assert_true(xs_is_domain_introduced(dom0, domid));
	assert_true(xs_watch(xs, "@releaseDomain", "r"));
	assert_true(watch_fires(xs, SECOND));
	fake_guest_destroy(guest);
	assert_true(watch_fires(xs, SECOND));
	assert_false(xs_is_domain_introduced(dom0, domid));
	/* xenstored has let go of the ring: nothing is left of the domain. */
	assert_false(fake_xen_domain_exists(domid));
	assert_int_equal(fake_guest_xs_mkdir(guest, 0, "data/z"), -ESRCH);
	xs_close(xs);
	fake_guest_free(guest);
}

static void test_xenstored_survives_a_guest_that_shuts_down(void **state)
{
	struct fake_guest *guest = domain_new("halts");
	struct xs_handle *xs = xs_open(0);

	assert_true(xs_watch(xs, "@releaseDomain", "r"));
	assert_true(watch_fires(xs, SECOND));
	fake_guest_set_shutdown(guest, false);
	assert_true(watch_fires(xs, SECOND));
	assert_true(xs_is_domain_introduced(dom0, fake_guest_domid(guest)));
	fake_toolstack_domain_destroy(dom0, guest, SECOND);
	assert_true(watch_fires(xs, SECOND));
	xs_close(xs);
	fake_guest_free(guest);
}

/* The last test: the store is empty afterwards. */
static void test_xenstored_can_crash_and_come_back(void **state)
{
	struct fake_guest *guest = domain_new("orphan");
	char *text;

	fake_xenstored_kill(xenstored);
	assert_int_equal(fake_guest_xs_read(guest, 0, "name", &text, NULL),
			 -EPIPE);
	assert_int_equal(fake_xen_domain_wait_gone(fake_guest_domid(guest), 0),
			 -ETIMEDOUT);
	xs_close(dom0);
	fake_xenstored_stop(xenstored);
	xenstored = NULL;
	assert_int_equal(fake_xenstored_start(&xenstored), 0);
	dom0 = xs_open(0);
	assert_non_null(dom0);
	assert_int_equal(fake_toolstack_domain_create(dom0, guest, "again"), 0);
	assert_int_equal(fake_guest_xs_read(guest, 0, "name", &text, NULL), 0);
	assert_string_equal(text, "again");
	free(text);
	fake_toolstack_domain_destroy(dom0, guest, SECOND);
	assert_int_equal(
		fake_xen_domain_wait_gone(fake_guest_domid(guest), SECOND), 0);
	fake_guest_free(guest);
}

/*
 * --- start ----------------------------------------------------------------
 */

static int group_setup(void **state)
{
	int rc = fake_xen_setup();

	if (rc < 0)
		return rc;
	rc = fake_xenstored_start(&xenstored);
	if (rc < 0) {
		fprintf(stderr, "xenstored: %s\n", strerror(-rc));
		return rc;
	}
	dom0 = xs_open(0);
	return dom0 ? 0 : -1;
}

static int group_teardown(void **state)
{
	struct fake_xen_stats stats;

	if (dom0)
		xs_close(dom0);
	fake_xenstored_stop(xenstored);
	if (fake_xen_stats(&stats) == 0 && stats.mapped_now != 0)
		return -1;
	fake_xen_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_shows_the_guests_page),
		cmocka_unit_test(test_map_of_several_pages_is_adjacent),
		cmocka_unit_test(
			test_closing_without_unmapping_keeps_the_grant),
		cmocka_unit_test(test_copy_moves_octets_both_ways),
		cmocka_unit_test(test_copy_refuses_with_xens_statuses),
		cmocka_unit_test(test_copy_batch_reports_each_segment),
		cmocka_unit_test(test_faults_fail_maps_and_calls),
		cmocka_unit_test(test_events_are_masked_until_unmasked),
		cmocka_unit_test(test_restrict_refuses_other_domains),
		cmocka_unit_test(test_a_killed_backend_is_replaced),
		cmocka_unit_test(test_a_passed_descriptor_keeps_the_handle),
		cmocka_unit_test(test_faults_lose_events_and_refuse_bindings),
		cmocka_unit_test(test_getinfo_lists_live_domains),
		cmocka_unit_test(test_store_works_as_the_domain),
		cmocka_unit_test(test_store_denies_what_is_not_the_domains),
		cmocka_unit_test(test_watch_fires_for_the_domain),
		cmocka_unit_test(test_xenstored_notices_a_dead_domain),
		cmocka_unit_test(
			test_xenstored_survives_a_guest_that_shuts_down),
		cmocka_unit_test(test_xenstored_can_crash_and_come_back),
	};

	if (!fake_xenstored_available()) {
		printf("SKIP: no xenstored (apt-get install xen-utils-4.17)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
