/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vusb_ring.h - the guest's side of one Xen ring (public/io/ring.h), for the
 * fake pvUSB frontend.  Internal to tests/fake-xen.
 */
#ifndef TV_TESTS_FAKE_VUSB_RING_H
#define TV_TESTS_FAKE_VUSB_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/usbif.h"
#include "tests/fake-xen/guest.h"

struct vusb_ring {
	struct fake_guest *guest;
	uint8_t *pages; /* shared; NULL: no ring */
	uint32_t page_count;
	int ref[USBIF_MAX_RING_PAGES];
	uint32_t entries; /* a power of two */
	uint32_t stride;
	uint32_t req_prod;   /* private */
	uint32_t req_pushed; /* what the backend was told */
	uint32_t rsp_cons;
};

/* Allocates and grants the pages. */
int vusb_ring_create(struct vusb_ring *ring, struct fake_guest *guest,
		     uint32_t page_count, uint32_t entries, uint32_t stride);

/* Ends access and frees; pages that the backend still maps are left to it, and
 * counted in the result. */
unsigned vusb_ring_destroy(struct vusb_ring *ring);

struct tv_ring_header *vusb_ring_header(struct vusb_ring *ring);
void *vusb_ring_slot(struct vusb_ring *ring, uint32_t index);

/* Requests without a response consumed yet: full when equal to entries. */
uint32_t vusb_ring_used(const struct vusb_ring *ring);

/* Tells the backend of the requests so far; true if it wants a notification. */
bool vusb_ring_push(struct vusb_ring *ring);

/* The backend's response index, read once. */
uint32_t vusb_ring_rsp_prod(struct vusb_ring *ring);

/* Asks for a notification at the next response; true if one is there already.
 */
bool vusb_ring_final_check(struct vusb_ring *ring);

#endif
