/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.c - a fake domain: its life, memory, grants and event channels.
 *
 * The guest writes its own grant entries and reads its own event queue, as a
 * guest does; what is the hypervisor's (ports, life) goes through core.h and
 * event.h.  Page 0 is the XenStore ring, granted as reference 1, and one port
 * is kept for XenStore from the beginning, as the domain builder does it.
 * References and pages are handed out round robin: a backend that uses a stale
 * one is noticed.
 */
#include "tests/fake-xen/guest.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <xen/grant_table.h>
#include <xen/io/xs_wire.h>

#include "tests/fake-xen/core.h"
#include "tests/fake-xen/event.h"
#include "tests/fake-xen/guest_internal.h"

#define DEFAULT_PAGES 2048u

int64_t guest_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t guest_deadline_ms(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : guest_now_ms() + timeout_ms;
}

int guest_left_ms(int64_t deadline_ms)
{
	int64_t left;

	if (deadline_ms == INT64_MAX)
		return -1;
	left = deadline_ms - guest_now_ms();
	return left < 0 ? 0 : (int)left;
}

/*
 * --- life -----------------------------------------------------------------
 */

int fake_guest_create(struct fake_guest **out, uint32_t domid,
		      const uint8_t uuid[16], uint32_t pages)
{
	struct fake_guest *guest = calloc(1, sizeof(*guest));
	int rc;

	if (!guest)
		return -ENOMEM;
	guest->pages = pages ? pages : DEFAULT_PAGES;
	if (uuid) {
		memcpy(guest->uuid, uuid, sizeof(guest->uuid));
	} else if (getrandom(guest->uuid, sizeof(guest->uuid), 0) !=
		   (ssize_t)sizeof(guest->uuid)) {
		rc = -EIO;
		goto err_guest;
	}
	rc = fx_handle_open(FX_HANDLE_GUEST, domid, true, &guest->fd);
	if (rc < 0)
		goto err_guest;
	guest->handle = (unsigned)rc;

	fx_lock();
	rc = fx_domain_create_locked(domid, guest->uuid, guest->pages);
	if (rc >= 0) {
		guest->slot = (unsigned)rc;
		guest->domid = fx_machine()->domain[rc].domid;
		fx_machine()->domain[rc].keeper = guest->handle + 1;
		fx_handle(guest->handle)->domid = guest->domid;
		guest->domain = fx_domain_locked(guest->slot);
		guest->memory = fx_memory_locked(guest->slot);
		guest->store_port = fx_port_alloc_locked(guest->slot,
							 (int)guest->handle, 0);
	}
	fx_unlock();
	if (rc < 0)
		goto err_handle;

	guest->store = (struct xenstore_domain_interface *)guest->memory;
	guest->page_used[0] = 1;
	guest->page_next = 1;
	guest->ref_next = FX_GRANTS_RESERVED;
	guest->domain->grant[GNTTAB_RESERVED_XENSTORE].frame = 0;
	atomic_store(
		&guest->domain->grant[GNTTAB_RESERVED_XENSTORE].flags_domid,
		FX_GTF_PERMIT);
	*out = guest;
	return 0;

err_handle:
	fx_handle_close(guest->handle, guest->fd);
err_guest:
	free(guest);
	return rc;
}

int fake_guest_introduce(struct fake_guest *guest, struct xs_handle *dom0)
{
	if (!xs_introduce_domain(dom0, guest->domid, 1,
				 (unsigned)guest->store_port))
		return -errno;
	return 0;
}

void fake_guest_destroy(struct fake_guest *guest)
{
	if (guest->destroyed)
		return;
	guest->destroyed = true;
	fx_lock();
	fx_reap_locked();
	fx_domain_kill_locked(guest->slot);
	fx_unlock();
}

void fake_guest_free(struct fake_guest *guest)
{
	if (!guest)
		return;
	fake_guest_destroy(guest);
	guest_store_fini(guest);
	fx_handle_close(guest->handle, guest->fd);
	free(guest);
}

int fake_guest_reboot(struct fake_guest **guest)
{
	struct fake_guest *fresh;
	int rc;

	fake_guest_destroy(*guest);
	rc = fake_guest_create(&fresh, 0, (*guest)->uuid, (*guest)->pages);
	if (rc < 0)
		return rc;
	fake_guest_free(*guest);
	*guest = fresh;
	return 0;
}

/* The hypervisor's flags of a domain that is still there. */
static void flags_change(struct fake_guest *guest, uint32_t set, uint32_t clear,
			 bool exception)
{
	struct fx_domain_info *info = &fx_machine()->domain[guest->slot];

	fx_lock();
	info->flags = (info->flags & ~clear) | set;
	if (exception)
		fx_virq_raise_locked(FX_VIRQ_DOM_EXC);
	fx_unlock();
}

void fake_guest_set_paused(struct fake_guest *guest, bool paused)
{
	flags_change(guest, paused ? FX_DOMAIN_PAUSED : 0,
		     paused ? 0 : FX_DOMAIN_PAUSED, false);
}

void fake_guest_set_shutdown(struct fake_guest *guest, bool crashed)
{
	flags_change(guest,
		     FX_DOMAIN_SHUTDOWN | (crashed ? FX_DOMAIN_CRASHED : 0), 0,
		     true);
}

uint32_t fake_guest_domid(const struct fake_guest *guest)
{
	return guest->domid;
}

const uint8_t *fake_guest_uuid(const struct fake_guest *guest)
{
	return guest->uuid;
}

/*
 * --- memory and grants ----------------------------------------------------
 */

void *fake_guest_pages_alloc(struct fake_guest *guest, uint32_t count)
{
	uint32_t start, run = 0;

	if (count == 0)
		return NULL;
	/* Twice around, so that a run may begin anywhere. */
	for (uint32_t i = 0; i < 2 * guest->pages; i++) {
		uint32_t page = (guest->page_next + i) % guest->pages;

		if (page == 0)
			run = 0;
		run = guest->page_used[page] ? 0 : run + 1;
		if (run < count)
			continue;
		start = page + 1 - count;
		memset(&guest->page_used[start], 1, count);
		guest->page_next = page + 1;
		memset(guest->memory + (size_t)start * FX_PAGE_SIZE, 0,
		       (size_t)count * FX_PAGE_SIZE);
		return guest->memory + (size_t)start * FX_PAGE_SIZE;
	}
	return NULL;
}

void *fake_guest_page_alloc(struct fake_guest *guest)
{
	return fake_guest_pages_alloc(guest, 1);
}

/* Frame of an address in the guest's memory, or -EFAULT. */
static int64_t frame_of(const struct fake_guest *guest, const void *page)
{
	size_t offset = (size_t)((const uint8_t *)page - guest->memory);

	if ((const uint8_t *)page < guest->memory ||
	    offset / FX_PAGE_SIZE >= guest->pages)
		return -EFAULT;
	return (int64_t)(offset / FX_PAGE_SIZE);
}

void fake_guest_pages_free(struct fake_guest *guest, void *page, uint32_t count)
{
	int64_t frame = page ? frame_of(guest, page) : -EFAULT;

	for (uint32_t i = 0; frame > 0 && i < count; i++)
		guest->page_used[frame + i] = 0;
}

void fake_guest_page_free(struct fake_guest *guest, void *page)
{
	fake_guest_pages_free(guest, page, 1);
}

int fake_guest_grant_to(struct fake_guest *guest, uint32_t domid,
			const void *page, bool readonly)
{
	int64_t frame = frame_of(guest, page);
	struct fx_grant *grant;
	uint32_t ref = 0;

	if (frame < 0)
		return (int)frame;
	for (uint32_t i = 0; i < FX_GRANTS && ref == 0; i++) {
		uint32_t candidate = (guest->ref_next + i) % FX_GRANTS;

		if (candidate >= FX_GRANTS_RESERVED &&
		    !guest->ref_used[candidate])
			ref = candidate;
	}
	if (ref == 0)
		return -ENOSPC;
	guest->ref_used[ref] = 1;
	guest->ref_next = ref + 1;
	guest->refs++;
	memset(&guest->domain->active[ref], 0, sizeof(struct fx_active));
	grant = &guest->domain->grant[ref];
	grant->frame = (uint32_t)frame;
	/* The frame must be there before the entry counts. */
	atomic_store_explicit(&grant->flags_domid,
			      FX_GTF_PERMIT | (readonly ? FX_GTF_READONLY : 0) |
				      domid << 16,
			      memory_order_release);
	return (int)ref;
}

int fake_guest_grant(struct fake_guest *guest, const void *page, bool readonly)
{
	return fake_guest_grant_to(guest, 0, page, readonly);
}

int fake_guest_grant_revoke(struct fake_guest *guest, uint32_t ref)
{
	struct fx_grant *grant;
	uint32_t word;

	if (ref < FX_GRANTS_RESERVED || ref >= FX_GRANTS ||
	    !guest->ref_used[ref])
		return -EINVAL;
	grant = &guest->domain->grant[ref];
	word = atomic_load(&grant->flags_domid);
	if (word & FX_GTF_IN_USE) {
		/* The holder may be a process that died. */
		fake_xen_reap();
		word = atomic_load(&grant->flags_domid);
	}
	do {
		if (word & FX_GTF_IN_USE)
			return -EBUSY;
	} while (!atomic_compare_exchange_weak(&grant->flags_domid, &word, 0));
	return 0;
}

int fake_guest_grant_end(struct fake_guest *guest, uint32_t ref)
{
	int rc = fake_guest_grant_revoke(guest, ref);

	if (rc < 0)
		return rc;
	guest->ref_used[ref] = 0;
	guest->refs--;
	return 0;
}

int fake_guest_grant_stats(struct fake_guest *guest, uint32_t ref,
			   struct fake_guest_grant_stats *out)
{
	const struct fx_active *active;

	if (ref >= FX_GRANTS)
		return -EINVAL;
	fx_lock();
	fx_reap_locked();
	active = &guest->domain->active[ref];
	out->maps_now = active->maps_readonly + active->maps_writable;
	out->maps = active->maps_total;
	out->copies_read = active->copies_read;
	out->copies_written = active->copies_written;
	fx_unlock();
	return 0;
}

unsigned fake_guest_grants_in_use(const struct fake_guest *guest)
{
	return guest->refs;
}

unsigned fake_guest_mappings(struct fake_guest *guest)
{
	const struct fx_domain_info *info = &fx_machine()->domain[guest->slot];
	unsigned maps;

	fx_lock();
	fx_reap_locked();
	maps = info->maps - info->maps_xenstore;
	fx_unlock();
	return maps;
}

/*
 * --- event channels -------------------------------------------------------
 */

static bool port_valid(int port)
{
	return port > 0 && port < (int)FX_PORTS;
}

int fake_guest_port_alloc(struct fake_guest *guest, uint32_t remote_domid)
{
	int port;

	if (guest->destroyed)
		return -ESRCH;
	fx_lock();
	port = fx_port_alloc_locked(guest->slot, (int)guest->handle,
				    remote_domid);
	fx_unlock();
	if (port > 0)
		guest->pending[port] = false;
	return port;
}

int fake_guest_port_close(struct fake_guest *guest, int port)
{
	if (!port_valid(port))
		return -EINVAL;
	if (guest->destroyed)
		return 0;
	fx_lock();
	fx_port_close_locked(guest->slot, (uint32_t)port);
	fx_unlock();
	guest->pending[port] = false;
	return 0;
}

int fake_guest_notify(struct fake_guest *guest, int port)
{
	if (!port_valid(port))
		return -EINVAL;
	if (guest->destroyed)
		return -ESRCH;
	fx_lock();
	(void)fx_port_notify_locked(guest->slot, (uint32_t)port);
	fx_unlock();
	return 0;
}

/* Takes one event off the queue; 0 if there was none in time. */
static int event_take(struct fake_guest *guest, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = guest->fd, .events = POLLIN};
	uint32_t port;
	int rc = poll(&poll_fd, 1, timeout_ms);

	if (rc < 0)
		return errno == EINTR ? 0 : -errno;
	if (rc == 0)
		return 0;
	if (read(guest->fd, &port, sizeof(port)) != (ssize_t)sizeof(port))
		return -EIO;
	fx_lock();
	if (fx_port_taken_locked(guest->slot, (int)guest->handle, port))
		guest->pending[port] = true;
	fx_unlock();
	return 1;
}

int fake_guest_wait(struct fake_guest *guest, int port, int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	int rc;

	if (!port_valid(port))
		return -EINVAL;
	while (!guest->pending[port]) {
		rc = event_take(guest, guest_left_ms(deadline));
		if (rc < 0)
			return rc;
		if (rc == 0 && guest_left_ms(deadline) == 0)
			return 0;
	}
	guest->pending[port] = false;
	fx_lock();
	if (!guest->destroyed)
		(void)fx_port_eoi_locked(guest->slot, (uint32_t)port);
	fx_unlock();
	return 1;
}

int fake_guest_fd(const struct fake_guest *guest)
{
	return guest->fd;
}

bool fake_guest_port_bound(struct fake_guest *guest, int port)
{
	bool bound;

	if (!port_valid(port) || guest->destroyed)
		return false;
	fx_lock();
	fx_reap_locked();
	bound = guest->domain->port[port].state == FX_PORT_INTERDOMAIN;
	fx_unlock();
	return bound;
}

int fake_guest_port_stats(struct fake_guest *guest, int port,
			  struct fake_guest_port_stats *out)
{
	const struct fx_port *from;

	if (!port_valid(port))
		return -EINVAL;
	fx_lock();
	from = &guest->domain->port[port];
	*out = (struct fake_guest_port_stats){
		.sent = from->sent,
		.received = from->received,
		.delivered = from->delivered,
		.peer_delivered = from->peer_delivered,
		.peer_eois = from->peer_eois,
		.binds = from->binds,
	};
	fx_unlock();
	return 0;
}
