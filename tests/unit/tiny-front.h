/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tiny-front.h - a frontend's end of the rings in tiny-xen's guest.
 *
 * Pages 1..8 are the urb ring, page 9 the connection ring; a test uses the
 * pages from TINY_FRONT_DATA on.
 */
#ifndef TESTS_TINY_FRONT_H
#define TESTS_TINY_FRONT_H

#include "backend/bus/xen.h"
#include "protocol/usbif.h"

enum { TINY_FRONT_RING = 1, TINY_FRONT_CONN = 9, TINY_FRONT_DATA = 16 };

struct tiny_front {
	unsigned int order;
	uint32_t entries;
	struct tv_ring_header *urb;
	struct tv_ring_header *conn;
	uint32_t req_prod;
	uint32_t rsp_cons;
	uint32_t conn_prod;
	uint32_t conn_cons;
};

/* Shares the rings and primes the connection ring; grants all data pages. */
void tiny_front_open(struct tiny_front *front, unsigned int order);
void tiny_front_rings(const struct tiny_front *front,
		      struct bus_xen_rings *rings);

/* The next request slot, zeroed; counts as given with the next push. */
struct tv_usbif_request *tiny_front_request(struct tiny_front *front);
/* Publishes requests; raises the event if the backend asked for it. */
void tiny_front_push(struct tiny_front *front);

/* Takes what the backend has published. */
bool tiny_front_response(struct tiny_front *front,
			 struct tv_usbif_response *response);
/* Gives the request back at once, as the stock driver does, if refill. */
bool tiny_front_event(struct tiny_front *front, bool refill,
		      struct tv_usbif_conn_response *event);

/* Fill in a slot. */
void tiny_front_control(struct tv_usbif_request *request, uint16_t id,
			unsigned int port, uint8_t address,
			const uint8_t setup[8], uint32_t ref);
void tiny_front_data(struct tv_usbif_request *request, uint16_t id,
		     unsigned int port, uint8_t address, unsigned int type,
		     uint8_t endpoint, uint32_t ref, uint32_t offset,
		     uint32_t len);
void tiny_front_unlink(struct tv_usbif_request *request, uint16_t id,
		       unsigned int port, uint16_t target);

#endif
