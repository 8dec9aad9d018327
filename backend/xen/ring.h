/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - the backend's end of a Xen ring (public/io/ring.h).
 *
 * All indexes and the size are private: what the guest does to the shared page
 * can change which requests it has, never where we read or write.
 *
 *        rsp_prod          req_cons           req_prod (guest's, checked)
 *   ────────┼─────────────────┼──────────────────┼────────▶ index, modulo 2^32
 *           │ taken, being    │ given, not yet   │
 *           │ worked on       │ taken            │
 *           └───────────── at most entries ──────┘
 *
 * The order that makes a crash harmless (journal.h): requests are copied, then
 * journalled as taken; responses are put, then journalled as given, then
 * published.
 */
#ifndef XEN_RING_H
#define XEN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tv_ring_header;

struct ring {
	struct tv_ring_header *shared;
	uint8_t *slots;
	uint32_t entries;
	uint32_t entry_size;
	uint32_t req_cons;
	uint32_t rsp_prod;
	uint32_t published; /* rsp_prod as the guest last saw it */
};

/* entries must be a power of two and fit the mapped pages. */
void ring_init(struct ring *ring, void *pages, uint32_t entries,
	       uint32_t entry_size);

/* Goes on where another process stopped. */
void ring_resume(struct ring *ring, uint32_t req_cons, uint32_t rsp_prod);

/*
 * Counts the requests that can be taken.  0, or -EPROTO: the guest claims more
 * than the ring can hold, or took some back.
 */
int ring_request_count(const struct ring *ring, uint32_t *count);

/* Copies the request that is ahead by ahead entries; the guest may change
 * the original meanwhile, nobody looks at it again. */
void ring_request_copy(const struct ring *ring, uint32_t ahead, void *request,
		       size_t size);

static inline void ring_request_take(struct ring *ring, uint32_t count)
{
	ring->req_cons += count;
}

/*
 * Asks for an event with the next request.  True: there is one already, and
 * no event will come for it.
 */
bool ring_final_check(struct ring *ring);

/* Writes a response that the guest cannot see yet.  There must have been a
 * request for it. */
void ring_response_put(struct ring *ring, const void *response, size_t size);

/* Shows all responses put so far.  True: the guest wants to be notified. */
bool ring_response_publish(struct ring *ring);

#endif
