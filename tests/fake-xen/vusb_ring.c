/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vusb_ring.c - the guest's side of one Xen ring.
 *
 * Requests and responses share the slots: a response may overwrite the request
 * it answers, so the guest counts a slot as used until it consumed a response.
 */
#include "tests/fake-xen/vusb_ring.h"

#include <errno.h>
#include <string.h>

int vusb_ring_create(struct vusb_ring *ring, struct fake_guest *guest,
		     uint32_t page_count, uint32_t entries, uint32_t stride)
{
	struct tv_ring_header *header;
	int ref;

	memset(ring, 0, sizeof(*ring));
	ring->guest = guest;
	ring->page_count = page_count;
	ring->entries = entries;
	ring->stride = stride;
	for (uint32_t i = 0; i < USBIF_MAX_RING_PAGES; i++)
		ring->ref[i] = -1;
	ring->pages = fake_guest_pages_alloc(guest, page_count);
	if (!ring->pages)
		return -ENOMEM;
	for (uint32_t i = 0; i < page_count; i++) {
		ref = fake_guest_grant(
			guest, ring->pages + (size_t)i * USBIF_PAGE_SIZE,
			false);
		if (ref < 0) {
			vusb_ring_destroy(ring);
			return ref;
		}
		ring->ref[i] = ref;
	}
	header = vusb_ring_header(ring);
	header->req_event = 1;
	header->rsp_event = 1;
	return 0;
}

unsigned vusb_ring_destroy(struct vusb_ring *ring)
{
	unsigned held = 0;

	if (!ring->pages)
		return 0;
	for (uint32_t i = 0; i < ring->page_count; i++) {
		if (ring->ref[i] < 0)
			continue;
		if (fake_guest_grant_end(ring->guest, (uint32_t)ring->ref[i]) <
		    0)
			held++;
		ring->ref[i] = -1;
	}
	if (held == 0)
		fake_guest_pages_free(ring->guest, ring->pages,
				      ring->page_count);
	ring->pages = NULL;
	return held;
}

struct tv_ring_header *vusb_ring_header(struct vusb_ring *ring)
{
	return (struct tv_ring_header *)ring->pages;
}

void *vusb_ring_slot(struct vusb_ring *ring, uint32_t index)
{
	return ring->pages + sizeof(struct tv_ring_header) +
	       (size_t)(index & (ring->entries - 1)) * ring->stride;
}

uint32_t vusb_ring_used(const struct vusb_ring *ring)
{
	return ring->req_prod - ring->rsp_cons;
}

bool vusb_ring_push(struct vusb_ring *ring)
{
	struct tv_ring_header *header = vusb_ring_header(ring);
	uint32_t old = ring->req_pushed;
	uint32_t event;

	ring->req_pushed = ring->req_prod;
	/* Requests before the index; the index before the event is read. */
	__atomic_store_n(&header->req_prod, ring->req_prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(&header->req_event, __ATOMIC_RELAXED);
	return ring->req_prod - event < ring->req_prod - old;
}

uint32_t vusb_ring_rsp_prod(struct vusb_ring *ring)
{
	return __atomic_load_n(&vusb_ring_header(ring)->rsp_prod,
			       __ATOMIC_ACQUIRE);
}

bool vusb_ring_final_check(struct vusb_ring *ring)
{
	struct tv_ring_header *header = vusb_ring_header(ring);

	__atomic_store_n(&header->rsp_event, ring->rsp_cons + 1,
			 __ATOMIC_RELAXED);
	/* The wish before the last look, or a response is never announced. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return vusb_ring_rsp_prod(ring) != ring->rsp_cons;
}
