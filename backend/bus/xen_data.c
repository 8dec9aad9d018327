// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_data.c - octets between guest and process.
 *
 * OUT data is copied into buffers of the pool: for fresh requests in one call
 * as far as XEN_PREFETCH_MAX goes, for others when a function asks, then with
 * the requests that follow on the same endpoint.
 *
 * IN data is produced in the arena, one transfer behind the other, and copied
 * to the guest in one call for the whole turn.  Only octets between the place
 * reserved and the transfer's actual length are ever copied.
 *
 * The kernel splits a copy at the page boundaries of our side as well, so a
 * place begins at the same offset in its page as the guest's.
 *
 * #syscalls: mmap munmap madvise ioctl
 */
#include "backend/bus/xen_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

static_assert(XEN_MAX_ENTRIES * ((USBIF_MAX_INDIRECT_SEGMENTS +
				  USBIF_SEGMENTS_PER_PAGE - 1) /
				 USBIF_SEGMENTS_PER_PAGE) <=
		      GRANT_BATCH_MAX,
	      "the tables of a whole ring are one batch");
static_assert(USBIF_MAX_INDIRECT_SEGMENTS <= GRANT_BATCH_MAX,
	      "a transfer is one batch");

int xen_data_open(struct xen_bus *bus)
{
	void *arena = mmap(NULL, XEN_ARENA_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (arena == MAP_FAILED)
		return -errno;
	bus->arena = arena;
	bus->arena_round = 1;
	grant_batch_init(&bus->batch, bus->config.gnttab, bus->config.domid);
	return 0;
}

void xen_data_close(struct xen_bus *bus)
{
	if (bus->arena)
		munmap(bus->arena, XEN_ARENA_SIZE);
	bus->arena = NULL;
	xen_pool_trim(&bus->pool);
}

void xen_data_rest(struct xen_bus *bus)
{
	xen_pool_trim(&bus->pool);
	if (bus->arena_used == 0)
		madvise(bus->arena, XEN_ARENA_SIZE, MADV_DONTNEED);
}

/* --- one batch --- */

static void batch_run(struct xen_bus *bus)
{
	if (bus->batch.count == 0)
		return;
	bus->stats.copy_calls++;
	bus->stats.copy_segments += bus->batch.count;
	grant_batch_run(&bus->batch);
}

static bool batch_urb_ok(struct xen_bus *bus, const struct xen_urb *urb)
{
	if (grant_batch_ok(&bus->batch, urb->copy_first, urb->copy_count))
		return true;
	bus->stats.failed_copies++;
	return false;
}

/* Adds the first len octets of a transfer; room for all its segments. */
static void batch_add(struct xen_bus *bus, struct xen_urb *urb,
		      enum grant_direction direction, uint8_t *local,
		      uint32_t len)
{
	urb->copy_first = bus->batch.count;
	for (unsigned int i = 0; len > 0; i++) {
		const struct tv_usbif_segment *segment = &urb->segments[i];
		uint16_t part =
			len < segment->length ? (uint16_t)len : segment->length;

		grant_batch_add(&bus->batch, direction, segment->gref,
				segment->offset, part, local);
		local += part;
		len -= part;
	}
	urb->copy_count = bus->batch.count - urb->copy_first;
}

/* --- tables of indirect requests --- */

static void refuse(struct xen_urb *urb)
{
	urb->request.kind = XEN_REQUEST_REFUSED;
	urb->status = USBIF_STATUS_IOERROR;
}

static void batch_add_table(struct xen_bus *bus, struct xen_urb *urb)
{
	struct tv_usbif_segment *into = urb->segments;

	urb->copy_first = bus->batch.count;
	for (unsigned int i = 0; i < urb->request.table_pages; i++) {
		unsigned int entries =
			xen_request_table_entries(&urb->request, i);

		grant_batch_add(&bus->batch, GRANT_FROM_GUEST,
				urb->direct[i].gref, 0,
				(uint16_t)(entries * sizeof(*into)), into);
		into += entries;
	}
	urb->copy_count = bus->batch.count - urb->copy_first;
}

void xen_data_read_tables(struct xen_bus *bus, const uint16_t *ids,
			  uint32_t count)
{
	grant_batch_clear(&bus->batch);
	for (uint32_t i = 0; i < count; i++) {
		struct xen_urb *urb = &bus->urbs[ids[i]];

		if (urb->request.table_pages == 0)
			continue;
		urb->segments = calloc(urb->request.segment_count,
				       sizeof(*urb->segments));
		if (urb->segments) {
			batch_add_table(bus, urb);
		} else {
			urb->segments = urb->direct;
			refuse(urb);
		}
	}
	batch_run(bus);
	for (uint32_t i = 0; i < count; i++) {
		struct xen_urb *urb = &bus->urbs[ids[i]];

		if (urb->request.table_pages > 0 &&
		    urb->segments != urb->direct && !batch_urb_ok(bus, urb))
			refuse(urb);
	}
}

/* --- OUT --- */

static size_t skew_of(const struct xen_urb *urb)
{
	return urb->segments[0].offset;
}

static bool out_fits(const struct xen_bus *bus, const struct xen_urb *urb)
{
	return urb->request.length <= XEN_PREFETCH_MAX &&
	       bus->fetched_octets <= XEN_PREFETCH_MAX - urb->request.length &&
	       grant_batch_room(&bus->batch) >= urb->request.segment_count;
}

static bool out_begin(struct xen_bus *bus, struct xen_urb *urb)
{
	size_t skew = skew_of(urb);

	urb->buffer = xen_pool_get(&bus->pool, skew + urb->request.length);
	if (!urb->buffer)
		return false;
	bus->fetched_octets += urb->request.length;
	batch_add(bus, urb, GRANT_FROM_GUEST, urb->buffer + skew,
		  urb->request.length);
	return true;
}

static void out_release(struct xen_bus *bus, struct xen_urb *urb)
{
	if (!urb->buffer)
		return;
	xen_pool_put(&bus->pool, urb->buffer,
		     skew_of(urb) + urb->request.length);
	bus->fetched_octets -= urb->request.length;
	urb->buffer = NULL;
	urb->xfer.data = NULL;
}

static void out_finish(struct xen_bus *bus, struct xen_urb *urb)
{
	if (batch_urb_ok(bus, urb)) {
		urb->xfer.data = urb->buffer + skew_of(urb);
		return;
	}
	urb->unreadable = true;
	out_release(bus, urb);
}

void xen_data_prefetch(struct xen_bus *bus, const uint16_t *ids, uint32_t count)
{
	grant_batch_clear(&bus->batch);
	for (uint32_t i = 0; i < count; i++) {
		struct xen_urb *urb = &bus->urbs[ids[i]];

		if (urb->request.kind == XEN_REQUEST_TRANSFER &&
		    !urb->request.in && urb->request.length > 0 &&
		    out_fits(bus, urb))
			out_begin(bus, urb);
	}
	batch_run(bus);
	for (uint32_t i = 0; i < count; i++)
		if (bus->urbs[ids[i]].buffer)
			out_finish(bus, &bus->urbs[ids[i]]);
}

/* True if other may be fetched along with urb. */
static bool out_follows(const struct xen_urb *urb, const struct xen_urb *other)
{
	return other != urb && !other->unreadable &&
	       other->request.port == urb->request.port &&
	       other->request.endpoint == urb->request.endpoint;
}

int xen_data_fetch(struct usb_xfer *xfer)
{
	struct xen_urb *urb = xen_urb_of(xfer);
	struct xen_bus *bus = urb->bus;
	struct xen_urb *wanted[XEN_MAX_ENTRIES];
	unsigned int count = 0;
	struct list_node *node;

	if (urb->buffer)
		return 0;
	grant_batch_clear(&bus->batch);
	if (!out_begin(bus, urb))
		return -ENOMEM;
	wanted[count++] = urb;
	list_for_each(node, &bus->unfetched)
	{
		struct xen_urb *other =
			container_of(node, struct xen_urb, node);

		if (!out_follows(urb, other))
			continue;
		if (!out_fits(bus, other) || !out_begin(bus, other))
			break;
		wanted[count++] = other;
	}
	batch_run(bus);
	for (unsigned int i = 0; i < count; i++) {
		list_remove(&wanted[i]->node);
		out_finish(bus, wanted[i]);
	}
	return urb->buffer ? 0 : -EIO;
}

/* --- IN --- */

/*
 * Places are given out behind what is staged and behind each other: an owner
 * may be in the middle of filling one, with us called from there.  Only the
 * last one given out is known to be free again, when its owner asks again or
 * ends; the others are when the loop's callback is over.
 */
static size_t place_find(const struct xen_bus *bus, const struct xen_urb *urb,
			 uint32_t len)
{
	/* Small ones share a page, others begin as the guest's do. */
	size_t align = len < USBIF_PAGE_SIZE / 4 ? 64 : USBIF_PAGE_SIZE;
	size_t skew = align == 64 ? 0 : skew_of(urb);
	size_t from = bus->arena_used;

	if (bus->reserved_end > from)
		from = bus->reserved_end;
	return ((from + align - 1) & ~(align - 1)) + skew;
}

static void place_release(struct xen_bus *bus, const struct xen_urb *urb)
{
	if (bus->reserver != urb)
		return;
	bus->reserver = NULL;
	bus->reserved_end = bus->reserved_start;
}

uint8_t *xen_data_reserve(struct usb_xfer *xfer, uint32_t len)
{
	struct xen_urb *urb = xen_urb_of(xfer);
	struct xen_bus *bus = urb->bus;
	size_t at;

	assert(len <= urb->request.length);
	place_release(bus, urb);
	if (bus->arena_used > XEN_STAGE_MAX &&
	    bus->reserved_end <= bus->arena_used)
		xen_data_deliver(bus);
	at = place_find(bus, urb, len);
	if (at > XEN_ARENA_SIZE || len > XEN_ARENA_SIZE - at) {
		/* Who still fills a place loses it: see xen_data_end(). */
		xen_data_deliver(bus);
		at = place_find(bus, urb, len);
	}
	bus->reserver = urb;
	bus->reserved_start = bus->reserved_end;
	bus->reserved_end = at + len;
	urb->reserved_len = len;
	urb->reserved_round = bus->arena_round;
	xfer->data = bus->arena + at;
	return xfer->data;
}

int xen_data_end(struct xen_bus *bus, struct xen_urb *urb)
{
	struct usb_xfer *xfer = &urb->xfer;
	size_t end;

	list_remove(&urb->node);
	if (!urb->request.in) {
		out_release(bus, urb);
		return 0;
	}
	place_release(bus, urb);
	if (xfer->actual == 0)
		return 0;
	/* Who answers with octets that it has no place for is broken. */
	assert(xfer->data && xfer->actual <= urb->reserved_len);
	if (urb->reserved_round != bus->arena_round)
		return -EIO;
	end = (size_t)(xfer->data - bus->arena) + xfer->actual;
	if (end > bus->arena_used)
		bus->arena_used = end;
	urb->staged = true;
	return 0;
}

void xen_data_discard(struct xen_bus *bus)
{
	bus->arena_used = 0;
	bus->reserver = NULL;
	bus->reserved_end = 0;
	if (++bus->arena_round == 0)
		bus->arena_round = 1;
}

static void deliver_batch(struct xen_bus *bus, struct xen_urb **urbs,
			  unsigned int count)
{
	batch_run(bus);
	for (unsigned int i = 0; i < count; i++) {
		urbs[i]->staged = false;
		if (batch_urb_ok(bus, urbs[i])) {
			bus->stats.octets_in += urbs[i]->actual;
			continue;
		}
		urbs[i]->status = USBIF_STATUS_IOERROR;
		urbs[i]->actual = 0;
	}
	grant_batch_clear(&bus->batch);
}

void xen_data_deliver(struct xen_bus *bus)
{
	struct xen_urb *urbs[XEN_MAX_ENTRIES];
	unsigned int count = 0;
	struct list_node *node;

	grant_batch_clear(&bus->batch);
	list_for_each(node, &bus->done)
	{
		struct xen_urb *urb = container_of(node, struct xen_urb, node);

		if (!urb->staged)
			continue;
		if (grant_batch_room(&bus->batch) <
		    urb->request.segment_count) {
			deliver_batch(bus, urbs, count);
			count = 0;
		}
		batch_add(bus, urb, GRANT_TO_GUEST, urb->xfer.data,
			  urb->actual);
		urbs[count++] = urb;
	}
	if (count > 0)
		deliver_batch(bus, urbs, count);
	xen_data_discard(bus);
}
