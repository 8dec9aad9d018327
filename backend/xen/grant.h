/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grant.h - pages of a guest: ring pages mapped, data copied in batches.
 *
 * Data is never mapped: a frontend may end its grants the moment it reads a
 * response, and the stock one dies if the backend still holds one.  A grant
 * copy holds it only during the call.  Batches matter: a copy alone costs five
 * times its share of a batch of 16.
 */
#ifndef XEN_GRANT_H
#define XEN_GRANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xengnttab.h>

/* A failed element of a copy counts for its own transfer only (XSA-365). */
enum { GRANT_BATCH_MAX = 1024, GRANT_MAP_MAX = 9 };

enum grant_direction { GRANT_FROM_GUEST, GRANT_TO_GUEST };

/* Copies that wait to be done in one call.  Embed and init; no destroy. */
struct grant_batch {
	xengnttab_handle *handle;
	uint16_t domid;
	unsigned int count;
	struct xengnttab_grant_copy_segment segments[GRANT_BATCH_MAX];
};

/*
 * Opens the grant device.  At most GRANT_MAP_MAX pages can be mapped through
 * the handle, so that a guest cannot make us map more (XSA-300).  0 or a
 * negative errno; close with xengnttab_close().
 */
int grant_open(xengnttab_handle **handle);

/*
 * Maps count pages of a guest side by side, readable and writable.  0 or a
 * negative errno, then nothing is mapped.
 */
int grant_map(xengnttab_handle *handle, uint16_t domid, const uint32_t *refs,
	      unsigned int count, void **address);
/* Accepts NULL. */
void grant_unmap(xengnttab_handle *handle, void *address, unsigned int count);

void grant_batch_init(struct grant_batch *batch, xengnttab_handle *handle,
		      uint16_t domid);

static inline unsigned int grant_batch_room(const struct grant_batch *batch)
{
	return GRANT_BATCH_MAX - batch->count;
}

/*
 * Adds a copy of len octets (1..4096) between local and octet offset of the
 * granted page; offset + len must be within the page.  There must be room.
 */
void grant_batch_add(struct grant_batch *batch, enum grant_direction direction,
		     uint32_t ref, uint16_t offset, uint16_t len, void *local);

/*
 * Does all copies of the batch in one call.  0: ask grant_batch_ok() about
 * each element; negative errno: none of them can be relied on, and
 * grant_batch_ok() says so.
 */
int grant_batch_run(struct grant_batch *batch);

/* True if all of the elements first..first+count-1 were copied whole. */
bool grant_batch_ok(const struct grant_batch *batch, unsigned int first,
		    unsigned int count);

static inline void grant_batch_clear(struct grant_batch *batch)
{
	batch->count = 0;
}

#endif
