// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grant.c - pages of a guest: ring pages mapped, data copied in batches.
 *
 * #syscalls: ioctl mmap munmap
 */
#include "backend/xen/grant.h"

#include <errno.h>
#include <sys/mman.h>

int grant_open(xengnttab_handle **handle)
{
	xengnttab_handle *opened = xengnttab_open(NULL, 0);

	if (!opened)
		return errno ? -errno : -EIO;
	/* A kernel without the limit is no reason not to work. */
	xengnttab_set_max_grants(opened, GRANT_MAP_MAX);
	*handle = opened;
	return 0;
}

int grant_map(xengnttab_handle *handle, uint16_t domid, const uint32_t *refs,
	      unsigned int count, void **address)
{
	uint32_t copy[GRANT_MAP_MAX];
	void *mapped;

	if (count == 0 || count > GRANT_MAP_MAX)
		return -EINVAL;
	/* The library's parameter is not const. */
	for (unsigned int i = 0; i < count; i++)
		copy[i] = refs[i];
	mapped = xengnttab_map_domain_grant_refs(handle, count, domid, copy,
						 PROT_READ | PROT_WRITE);
	if (!mapped)
		return errno ? -errno : -EIO;
	*address = mapped;
	return 0;
}

void grant_unmap(xengnttab_handle *handle, void *address, unsigned int count)
{
	if (address)
		xengnttab_unmap(handle, address, count);
}

void grant_batch_init(struct grant_batch *batch, xengnttab_handle *handle,
		      uint16_t domid)
{
	batch->handle = handle;
	batch->domid = domid;
	batch->count = 0;
}

void grant_batch_add(struct grant_batch *batch, enum grant_direction direction,
		     uint32_t ref, uint16_t offset, uint16_t len, void *local)
{
	struct xengnttab_grant_copy_segment *segment =
		&batch->segments[batch->count++];
	union xengnttab_copy_ptr *guest = &segment->source;
	union xengnttab_copy_ptr *host = &segment->dest;

	if (direction == GRANT_TO_GUEST) {
		guest = &segment->dest;
		host = &segment->source;
	}
	guest->foreign.ref = ref;
	guest->foreign.offset = offset;
	guest->foreign.domid = batch->domid;
	host->virt = local;
	segment->len = len;
	segment->flags = direction == GRANT_TO_GUEST ? GNTCOPY_dest_gref
						     : GNTCOPY_source_gref;
	/* Anything but okay, should the call leave it untouched. */
	segment->status = GNTST_general_error;
}

int grant_batch_run(struct grant_batch *batch)
{
	int error;

	if (batch->count == 0)
		return 0;
	if (xengnttab_grant_copy(batch->handle, batch->count,
				 batch->segments) == 0)
		return 0;
	error = errno ? -errno : -EIO;
	for (unsigned int i = 0; i < batch->count; i++)
		batch->segments[i].status = GNTST_general_error;
	return error;
}

bool grant_batch_ok(const struct grant_batch *batch, unsigned int first,
		    unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (batch->segments[first + i].status != GNTST_okay)
			return false;
	return true;
}
