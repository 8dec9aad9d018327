// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tiny-xen.c - one guest's memory and event channel, inside the process.
 */
#include "tests/unit/tiny-xen.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096 };

struct tiny_xen tiny_xen;

void tiny_xen_init(void)
{
	int flags;

	memset(&tiny_xen, 0, sizeof(tiny_xen));
	tiny_xen.memory =
		mmap(NULL, (size_t)TINY_XEN_PAGES * PAGE,
		     PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert(tiny_xen.memory != MAP_FAILED);
	assert(pipe(tiny_xen.queue) == 0);
	flags = fcntl(tiny_xen.queue[0], F_GETFL);
	fcntl(tiny_xen.queue[0], F_SETFL, flags | O_NONBLOCK);
}

void tiny_xen_fini(void)
{
	munmap(tiny_xen.memory, (size_t)TINY_XEN_PAGES * PAGE);
	close(tiny_xen.queue[0]);
	close(tiny_xen.queue[1]);
}

static void channel_close(void)
{
	uint32_t port;

	tiny_xen.bound = false;
	tiny_xen.masked = false;
	tiny_xen.pending = false;
	while (read(tiny_xen.queue[0], &port, sizeof(port)) > 0)
		;
}

void tiny_xen_forget(void)
{
	tiny_xen.mapped = 0;
	channel_close();
}

xengnttab_handle *tiny_xen_gnttab(void)
{
	return (xengnttab_handle *)&tiny_xen.grants;
}

xenevtchn_handle *tiny_xen_evtchn(void)
{
	return (xenevtchn_handle *)&tiny_xen.queue;
}

uint8_t *tiny_xen_page(uint32_t ref)
{
	assert(ref < TINY_XEN_PAGES);
	return tiny_xen.memory + (size_t)ref * PAGE;
}

static void raise_event(void)
{
	uint32_t port = TINY_XEN_PORT;

	tiny_xen.masked = true;
	assert(write(tiny_xen.queue[1], &port, sizeof(port)) == sizeof(port));
}

void tiny_xen_kick(void)
{
	if (!tiny_xen.bound)
		return;
	if (tiny_xen.masked)
		tiny_xen.pending = true;
	else
		raise_event();
}

/* --- libxengnttab --- */

void *xengnttab_map_domain_grant_refs(xengnttab_handle *handle, uint32_t count,
				      uint32_t domid, uint32_t *refs, int prot)
{
	(void)handle;
	(void)prot;
	for (uint32_t i = 0; i < count; i++) {
		/* Side by side here as there: the frontends do that. */
		if (domid != TINY_XEN_DOMID || refs[i] >= TINY_XEN_PAGES ||
		    refs[i] != refs[0] + i ||
		    tiny_xen.grants[refs[i]] != TINY_WRITABLE) {
			errno = EINVAL;
			return NULL;
		}
	}
	tiny_xen.mapped += count;
	return tiny_xen_page(refs[0]);
}

int xengnttab_unmap(xengnttab_handle *handle, void *address, uint32_t count)
{
	(void)handle;
	(void)address;
	assert(count <= tiny_xen.mapped);
	tiny_xen.mapped -= count;
	return 0;
}

static int16_t copy_one(const struct xengnttab_grant_copy_segment *segment)
{
	bool write = segment->flags & GNTCOPY_dest_gref;
	const union xengnttab_copy_ptr *guest =
		write ? &segment->dest : &segment->source;
	uint32_t ref = guest->foreign.ref;
	uint8_t *page;

	/* The caller's duty, not the guest's. */
	assert(segment->len > 0 &&
	       guest->foreign.offset + segment->len <= PAGE);
	if (guest->foreign.domid != TINY_XEN_DOMID || ref >= TINY_XEN_PAGES ||
	    tiny_xen.grants[ref] == TINY_NOT_GRANTED)
		return GNTST_bad_gntref;
	if (write && tiny_xen.grants[ref] != TINY_WRITABLE)
		return GNTST_permission_denied;
	page = tiny_xen_page(ref) + guest->foreign.offset;
	if (write)
		memcpy(page, segment->source.virt, segment->len);
	else
		memcpy(segment->dest.virt, page, segment->len);
	return GNTST_okay;
}

int xengnttab_grant_copy(xengnttab_handle *handle, uint32_t count,
			 struct xengnttab_grant_copy_segment *segments)
{
	(void)handle;
	tiny_xen.copy_calls++;
	tiny_xen.copy_segments += count;
	if (tiny_xen.copy_call_fails) {
		errno = EFAULT;
		return -1;
	}
	for (uint32_t i = 0; i < count; i++)
		segments[i].status = copy_one(&segments[i]);
	return 0;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
				 unsigned int flags)
{
	(void)logger;
	(void)flags;
	return tiny_xen_gnttab();
}

int xengnttab_set_max_grants(xengnttab_handle *handle, uint32_t count)
{
	(void)handle;
	(void)count;
	return 0;
}

/* --- libxenevtchn --- */

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
				 unsigned int flags)
{
	(void)logger;
	(void)flags;
	return tiny_xen_evtchn();
}

int xenevtchn_close(xenevtchn_handle *handle)
{
	(void)handle;
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *handle, domid_t domid)
{
	(void)handle;
	(void)domid;
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *handle)
{
	(void)handle;
	return tiny_xen.queue[0];
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *handle,
						     uint32_t domid,
						     evtchn_port_t port)
{
	(void)handle;
	if (tiny_xen.bind_fails || domid != TINY_XEN_DOMID ||
	    port != TINY_XEN_PORT) {
		errno = EINVAL;
		return -1;
	}
	tiny_xen.bound = true;
	return TINY_XEN_PORT;
}

int xenevtchn_unbind(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	(void)port;
	channel_close();
	return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *handle)
{
	uint32_t port;

	(void)handle;
	if (read(tiny_xen.queue[0], &port, sizeof(port)) != sizeof(port))
		return -1;
	return (int)port;
}

int xenevtchn_unmask(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	(void)port;
	tiny_xen.unmasks++;
	if (!tiny_xen.masked)
		tiny_xen.idle_unmasks++;
	tiny_xen.masked = false;
	if (tiny_xen.pending) {
		tiny_xen.pending = false;
		raise_event();
	}
	return 0;
}

int xenevtchn_notify(xenevtchn_handle *handle, evtchn_port_t port)
{
	(void)handle;
	(void)port;
	tiny_xen.notifications++;
	return 0;
}
