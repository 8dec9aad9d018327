/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gnttab.c - libxengnttab over the fake hypervisor: xengnttab_*, acting as
 * dom0, with the errors of Linux's gntdev.
 *
 * Statuses of copies are the hypervisor's: a domain or reference that does not
 * exist, an entry that is not granted to us, a write to a read-only one.  What
 * gntdev itself refuses (a foreign range that leaves its page) fails the whole
 * call with EINVAL and segments before it are copied already or not, as in
 * the kernel: they are collected in batches of 24.
 */
#include <xengnttab.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/fake-xen/core.h"

/* One xengnttab_map_*: `count` pages at `address`. */
struct mapping {
	struct mapping *next;
	uint8_t *address;
	uint32_t count;
	uint32_t track[]; /* indexes in the handle's map table */
};

struct xengntdev_handle {
	unsigned index;
	int fd;
	struct mapping *mappings;
	uint32_t max_grants; /* mapped at a time; 0: any number */
};

#define GNTDEV_COPY_BATCH 24u

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
				 unsigned open_flags)
{
	xengnttab_handle *xgt = calloc(1, sizeof(*xgt));
	int index;

	if (!xgt) {
		errno = ENOMEM;
		return NULL;
	}
	index = fx_handle_open(FX_HANDLE_GNTTAB, 0, true, &xgt->fd);
	if (index < 0) {
		free(xgt);
		errno = -index;
		return NULL;
	}
	xgt->index = (unsigned)index;
	return xgt;
}

int xengnttab_close(xengnttab_handle *xgt)
{
	if (!xgt)
		return 0;
	/*
	 * A mapping holds the real device open until it is unmapped or the
	 * process ends; so whoever closes without unmapping keeps the grants.
	 */
	if (xgt->mappings && fcntl(xgt->fd, F_DUPFD_CLOEXEC, 0) < 0)
		perror("fake-xen: keep a handle with mappings");
	fx_handle_close(xgt->index, xgt->fd);
	while (xgt->mappings) {
		struct mapping *mapping = xgt->mappings;

		xgt->mappings = mapping->next;
		free(mapping);
	}
	free(xgt);
	return 0;
}

int xengnttab_fd(xengnttab_handle *xgt)
{
	return xgt->fd;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	xgt->max_grants = nr_grants;
	return 0;
}

static uint32_t grants_mapped(const xengnttab_handle *xgt)
{
	uint32_t count = 0;

	for (const struct mapping *mapping = xgt->mappings; mapping;
	     mapping = mapping->next)
		count += mapping->count;
	return count;
}

/*
 * Pins a grant for reading or writing as the hypervisor does; returns a
 * GNTST_* and, if okay, the slot and frame.
 */
static int pin_locked(uint32_t domid, uint32_t ref, bool writable, int *slot,
		      uint32_t *frame)
{
	const struct fx_domain_info *info;
	struct fx_grant *grant;
	uint32_t word, wanted;

	*slot = fx_slot_locked(domid);
	if (*slot < 0)
		return GNTST_bad_domain;
	info = &fx_machine()->domain[*slot];
	if (info->state == FX_DOMAIN_DYING)
		return GNTST_bad_page;
	if (ref >= FX_GRANTS)
		return GNTST_bad_gntref;
	grant = &fx_domain_locked((unsigned)*slot)->grant[ref];
	word = grant->flags_domid;
	wanted = FX_GTF_READING | (writable ? FX_GTF_WRITING : 0);
	do {
		if (!(word & FX_GTF_PERMIT) || word >> 16 != 0 ||
		    (writable && (word & FX_GTF_READONLY)))
			return GNTST_general_error;
	} while (!atomic_compare_exchange_weak(&grant->flags_domid, &word,
					       word | wanted));
	*frame = grant->frame;
	if (*frame >= info->pages) {
		/* Give the pin back: only what mappings hold stays. */
		atomic_fetch_and(&grant->flags_domid, ~wanted | word);
		return GNTST_bad_page;
	}
	return GNTST_okay;
}

static void unpin_locked(int slot, uint32_t ref)
{
	struct fx_domain *domain = fx_domain_locked((unsigned)slot);
	const struct fx_active *active = &domain->active[ref];
	uint32_t clear = 0;

	if (active->maps_writable == 0)
		clear |= FX_GTF_WRITING;
	if (active->maps_writable == 0 && active->maps_readonly == 0)
		clear |= FX_GTF_READING;
	atomic_fetch_and(&domain->grant[ref].flags_domid, ~clear);
}

/*
 * --- mappings -------------------------------------------------------------
 */

static int map_one_locked(struct fx_handle *handle, uint32_t domid,
			  uint32_t ref, int prot, uint8_t *address,
			  uint32_t *track)
{
	bool writable = prot & PROT_WRITE;
	struct fx_domain_info *info;
	struct fx_active *active;
	uint32_t frame = 0, i;
	int slot = -1, rc;
	int32_t value;

	for (i = 0; i < FX_MAPS && handle->map[i].used; i++)
		;
	if (i == FX_MAPS)
		return -ENOSPC;
	if (fx_fault_locked(FAKE_FAULT_DIE, domid, &value)) {
		slot = fx_slot_locked(domid);
		if (slot > 0)
			fx_domain_kill_locked((unsigned)slot);
	}
	if (pin_locked(domid, ref, writable, &slot, &frame) != GNTST_okay)
		return -EINVAL;
	rc = fx_page_map(address, (unsigned)slot, frame, prot);
	if (rc < 0) {
		unpin_locked(slot, ref);
		return rc;
	}
	info = &fx_machine()->domain[slot];
	active = &fx_domain_locked((unsigned)slot)->active[ref];
	if (writable)
		active->maps_writable++;
	else
		active->maps_readonly++;
	active->maps_total++;
	info->maps++;
	if (ref < FX_GRANTS_RESERVED)
		info->maps_xenstore++;
	handle->map[i] = (struct fx_map){.used = 1,
					 .slot = (uint16_t)slot,
					 .writable = writable,
					 .ref = ref};
	handle->maps++;
	*track = i;
	return 0;
}

static void unmap_tracked_locked(struct fx_handle *handle, uint32_t track)
{
	struct fx_map *map = &handle->map[track];

	if (!map->used)
		return;
	map->used = 0;
	handle->maps--;
	fx_unmap_locked(map->slot, map->ref, map->writable);
}

/* domids or domid: one for each page, or the same for all. */
static void *map_refs(xengnttab_handle *xgt, uint32_t count,
		      const uint32_t *domids, uint32_t domid,
		      const uint32_t *refs, int prot)
{
	struct mapping *mapping;
	uint32_t done = 0;
	int32_t value;
	int rc = 0;

	if (count == 0 || count > FX_MAPS) {
		errno = EINVAL;
		return NULL;
	}
	if (xgt->max_grants && count > xgt->max_grants - grants_mapped(xgt)) {
		errno = ENOMEM;
		return NULL;
	}
	mapping = malloc(sizeof(*mapping) + count * sizeof(mapping->track[0]));
	if (!mapping) {
		errno = ENOMEM;
		return NULL;
	}
	mapping->count = count;
	mapping->address = mmap(NULL, (size_t)count * FX_PAGE_SIZE, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping->address == MAP_FAILED) {
		rc = -errno;
		goto err_mapping;
	}
	fx_lock();
	fx_machine()->stats.map_calls++;
	if (fx_fault_locked(FAKE_FAULT_MAP, domids ? domids[0] : domid, &value))
		rc = -value;
	for (; rc == 0 && done < count; done++) {
		rc = map_one_locked(
			fx_handle(xgt->index), domids ? domids[done] : domid,
			refs[done], prot,
			mapping->address + (size_t)done * FX_PAGE_SIZE,
			&mapping->track[done]);
		if (rc < 0)
			break;
	}
	if (rc < 0)
		while (done > 0)
			unmap_tracked_locked(fx_handle(xgt->index),
					     mapping->track[--done]);
	fx_unlock();
	if (rc < 0)
		goto err_address;
	mapping->next = xgt->mappings;
	xgt->mappings = mapping;
	return mapping->address;

err_address:
	munmap(mapping->address, (size_t)count * FX_PAGE_SIZE);
err_mapping:
	free(mapping);
	errno = -rc;
	return NULL;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
			      uint32_t ref, int prot)
{
	return map_refs(xgt, 1, NULL, domid, &ref, prot);
}

void *xengnttab_map_grant_refs(xengnttab_handle *xgt, uint32_t count,
			       uint32_t *domids, uint32_t *refs, int prot)
{
	return map_refs(xgt, count, domids, 0, refs, prot);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count,
				      uint32_t domid, uint32_t *refs, int prot)
{
	return map_refs(xgt, count, NULL, domid, refs, prot);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
	struct mapping **link, *mapping;
	int32_t value;
	int rc = 0;

	for (link = &xgt->mappings; *link; link = &(*link)->next)
		if ((*link)->address == start_address)
			break;
	mapping = *link;
	if (!mapping || mapping->count != count) {
		errno = EINVAL;
		return -1;
	}
	fx_lock();
	if (fx_fault_locked(FAKE_FAULT_UNMAP, FAKE_XEN_ANY_DOMAIN, &value))
		rc = -value;
	for (uint32_t i = 0; rc == 0 && i < count; i++)
		unmap_tracked_locked(fx_handle(xgt->index), mapping->track[i]);
	fx_unlock();
	if (rc < 0) {
		errno = -rc;
		return -1;
	}
	*link = mapping->next;
	munmap(mapping->address, (size_t)count * FX_PAGE_SIZE);
	free(mapping);
	return 0;
}

/*
 * --- copies ---------------------------------------------------------------
 */

/* A side of a copy: local memory, or a pinned page. */
struct side {
	uint8_t *data;
	int slot; /* -1: local */
	uint32_t ref;
};

static int side_open_locked(const union xengnttab_copy_ptr *ptr, bool foreign,
			    bool writable, struct side *side)
{
	uint32_t frame;
	int32_t value;
	int slot, status;

	side->slot = -1;
	if (!foreign) {
		side->data = ptr->virt;
		return GNTST_okay;
	}
	if (fx_fault_locked(FAKE_FAULT_DIE, ptr->foreign.domid, &value)) {
		slot = fx_slot_locked(ptr->foreign.domid);
		if (slot > 0)
			fx_domain_kill_locked((unsigned)slot);
	}
	if (fx_fault_locked(FAKE_FAULT_COPY_SEGMENT, ptr->foreign.domid,
			    &value))
		return value;
	status = pin_locked(ptr->foreign.domid, ptr->foreign.ref, writable,
			    &slot, &frame);
	if (status != GNTST_okay)
		return status;
	side->slot = slot;
	side->ref = ptr->foreign.ref;
	side->data = fx_memory_locked((unsigned)slot) +
		     (size_t)frame * FX_PAGE_SIZE + ptr->foreign.offset;
	return GNTST_okay;
}

static void side_close_locked(const struct side *side, bool written)
{
	struct fx_active *active;

	if (side->slot < 0)
		return;
	active = &fx_domain_locked((unsigned)side->slot)->active[side->ref];
	if (written)
		active->copies_written++;
	else
		active->copies_read++;
	unpin_locked(side->slot, side->ref);
}

static int16_t copy_locked(const xengnttab_grant_copy_segment_t *segment)
{
	struct side source, dest;
	int status;

	status = side_open_locked(&segment->source,
				  segment->flags & GNTCOPY_source_gref, false,
				  &source);
	if (status != GNTST_okay)
		return (int16_t)status;
	status = side_open_locked(&segment->dest,
				  segment->flags & GNTCOPY_dest_gref, true,
				  &dest);
	if (status == GNTST_okay) {
		memcpy(dest.data, source.data, segment->len);
		fx_machine()->stats.copy_bytes += segment->len;
		side_close_locked(&dest, true);
	}
	side_close_locked(&source, false);
	return (int16_t)status;
}

static bool leaves_page(const union xengnttab_copy_ptr *ptr, uint16_t len)
{
	return ptr->foreign.offset > FX_PAGE_SIZE ||
	       len > FX_PAGE_SIZE - ptr->foreign.offset;
}

static uint32_t segment_domid(const xengnttab_grant_copy_segment_t *segment)
{
	return segment->flags & GNTCOPY_source_gref
		       ? segment->source.foreign.domid
		       : segment->dest.foreign.domid;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
			 xengnttab_grant_copy_segment_t *segs)
{
	struct fx_stats *stats = &fx_machine()->stats;
	uint32_t checked = 0, copied = 0, i;
	int32_t value;
	int rc = 0;

	fx_lock();
	stats->copy_calls++;
	if (count > 0 && fx_fault_locked(FAKE_FAULT_COPY_CALL,
					 segment_domid(&segs[0]), &value)) {
		fx_unlock();
		errno = value;
		return -1;
	}
	while (copied < count && rc == 0) {
		for (i = 0; i < GNTDEV_COPY_BATCH && checked < count; i++) {
			const xengnttab_grant_copy_segment_t *segment =
				&segs[checked];

			if (((segment->flags & GNTCOPY_source_gref) &&
			     leaves_page(&segment->source, segment->len)) ||
			    ((segment->flags & GNTCOPY_dest_gref) &&
			     leaves_page(&segment->dest, segment->len))) {
				rc = -EINVAL;
				break;
			}
			checked++;
		}
		if (rc < 0)
			break;
		for (; copied < checked; copied++) {
			segs[copied].status = GNTST_okay;
			stats->copy_segments++;
			/* gntdev makes no operation of an empty segment. */
			if (segs[copied].len == 0)
				continue;
			segs[copied].status = copy_locked(&segs[copied]);
			if (segs[copied].status != GNTST_okay)
				stats->copy_failed++;
		}
	}
	fx_unlock();
	if (rc < 0) {
		errno = -rc;
		return -1;
	}
	return 0;
}
