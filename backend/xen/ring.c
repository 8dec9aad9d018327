// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ring.c - the backend's end of a Xen ring (public/io/ring.h).
 *
 * The guest writes the shared page whenever it likes.  It gives requests by
 * raising req_prod; we read it once a time and believe nothing but the
 * difference to our own indexes, bounded by our own size.
 */
#include "backend/xen/ring.h"

#include <errno.h>
#include <string.h>

#include "protocol/usbif.h"

void ring_init(struct ring *ring, void *pages, uint32_t entries,
	       uint32_t entry_size)
{
	*ring = (struct ring){
		.shared = pages,
		.slots = (uint8_t *)pages + sizeof(struct tv_ring_header),
		.entries = entries,
		.entry_size = entry_size,
	};
}

void ring_resume(struct ring *ring, uint32_t req_cons, uint32_t rsp_prod)
{
	ring->req_cons = req_cons;
	ring->rsp_prod = rsp_prod;
	/*
	 * What the guest has seen is not known: any response of the last round
	 * may be news to it.
	 */
	ring->published = rsp_prod - ring->entries;
}

static uint8_t *slot_at(const struct ring *ring, uint32_t index)
{
	return ring->slots +
	       (size_t)(index & (ring->entries - 1)) * ring->entry_size;
}

int ring_request_count(const struct ring *ring, uint32_t *count)
{
	/*
	 * Acquire: the entries are read after the index that announces them,
	 * pairs with the guest's write barrier before it raises req_prod.
	 */
	uint32_t prod =
		__atomic_load_n(&ring->shared->req_prod, __ATOMIC_ACQUIRE);
	uint32_t fresh = prod - ring->req_cons;
	uint32_t taken = ring->req_cons - ring->rsp_prod;

	if (fresh > ring->entries - taken)
		return -EPROTO;
	*count = fresh;
	return 0;
}

void ring_request_copy(const struct ring *ring, uint32_t ahead, void *request,
		       size_t size)
{
	memcpy(request, slot_at(ring, ring->req_cons + ahead), size);
	/*
	 * The compiler must not read the entry again in place of the copy
	 * once it has been checked.
	 */
	__asm__ __volatile__("" : : "r"(request) : "memory");
}

bool ring_final_check(struct ring *ring)
{
	__atomic_store_n(&ring->shared->req_event, ring->req_cons + 1,
			 __ATOMIC_RELAXED);
	/*
	 * Our req_event is visible before we look for requests a last time,
	 * as the guest's req_prod is before it looks whether to notify us: one
	 * of the two sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&ring->shared->req_prod, __ATOMIC_RELAXED) !=
	       ring->req_cons;
}

void ring_response_put(struct ring *ring, const void *response, size_t size)
{
	memcpy(slot_at(ring, ring->rsp_prod++), response, size);
}

bool ring_response_publish(struct ring *ring)
{
	uint32_t old = ring->published;
	uint32_t new = ring->rsp_prod;
	uint32_t event;

	/* Release: the responses are visible before the index is. */
	__atomic_store_n(&ring->shared->rsp_prod, new, __ATOMIC_RELEASE);
	ring->published = new;
	/*
	 * The guest sets rsp_event, then looks at rsp_prod; we set rsp_prod,
	 * then look at rsp_event: one of the two sees the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	event = __atomic_load_n(&ring->shared->rsp_event, __ATOMIC_RELAXED);
	return new - event < new - old;
}
