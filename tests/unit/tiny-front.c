// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tiny-front.c - a frontend's end of the rings in tiny-xen's guest.
 */
#include "tests/unit/tiny-front.h"

#include "tests/unit/tiny-xen.h"

#include <assert.h>
#include <string.h>

static void header_init(struct tv_ring_header *header)
{
	memset(header, 0, 64);
	header->req_event = 1;
	header->rsp_event = 1;
}

static uint8_t *slot(struct tv_ring_header *header, uint32_t index,
		     uint32_t entries, size_t size)
{
	return (uint8_t *)(header + 1) + (index & (entries - 1)) * size;
}

static void conn_give(struct tiny_front *front, uint16_t id)
{
	struct tv_usbif_conn_request request = {id};

	memcpy(slot(front->conn, front->conn_prod++, 512, 4), &request,
	       sizeof(request));
	__atomic_store_n(&front->conn->req_prod, front->conn_prod,
			 __ATOMIC_RELEASE);
}

void tiny_front_open(struct tiny_front *front, unsigned int order)
{
	memset(front, 0, sizeof(*front));
	for (unsigned int i = 1; i < TINY_XEN_PAGES; i++)
		tiny_xen.grants[i] = TINY_WRITABLE;
	front->order = order;
	front->entries = USBIF_URB_RING_ENTRIES(order);
	front->urb = (void *)tiny_xen_page(TINY_FRONT_RING);
	front->conn = (void *)tiny_xen_page(TINY_FRONT_CONN);
	header_init(front->urb);
	header_init(front->conn);
	for (uint16_t i = 0; i < 512; i++)
		conn_give(front, i);
}

void tiny_front_rings(const struct tiny_front *front,
		      struct bus_xen_rings *rings)
{
	memset(rings, 0, sizeof(*rings));
	rings->order = front->order;
	for (uint32_t i = 0; i < USBIF_MAX_RING_PAGES; i++)
		rings->urb_refs[i] = TINY_FRONT_RING + i;
	rings->conn_ref = TINY_FRONT_CONN;
	rings->event_port = TINY_XEN_PORT;
}

struct tv_usbif_request *tiny_front_request(struct tiny_front *front)
{
	void *request = slot(front->urb, front->req_prod++, front->entries,
			     sizeof(struct tv_usbif_request));

	memset(request, 0, sizeof(struct tv_usbif_request));
	return request;
}

void tiny_front_push(struct tiny_front *front)
{
	uint32_t old = front->urb->req_prod;
	uint32_t new = front->req_prod;

	__atomic_store_n(&front->urb->req_prod, new, __ATOMIC_SEQ_CST);
	if (new - front->urb->req_event < new - old)
		tiny_xen_kick();
}

bool tiny_front_response(struct tiny_front *front,
			 struct tv_usbif_response *response)
{
	if (front->urb->rsp_prod == front->rsp_cons) {
		front->urb->rsp_event = front->rsp_cons + 1;
		return false;
	}
	assert(front->urb->rsp_prod - front->rsp_cons <= front->entries);
	memcpy(response,
	       slot(front->urb, front->rsp_cons++, front->entries,
		    sizeof(struct tv_usbif_request)),
	       sizeof(*response));
	return true;
}

bool tiny_front_event(struct tiny_front *front, bool refill,
		      struct tv_usbif_conn_response *event)
{
	if (front->conn->rsp_prod == front->conn_cons) {
		front->conn->rsp_event = front->conn_cons + 1;
		return false;
	}
	memcpy(event, slot(front->conn, front->conn_cons++, 512, 4),
	       sizeof(*event));
	if (refill)
		conn_give(front, event->id);
	return true;
}

void tiny_front_control(struct tv_usbif_request *request, uint16_t id,
			unsigned int port, uint8_t address,
			const uint8_t setup[8], uint32_t ref)
{
	uint32_t len = (uint32_t)(setup[6] | setup[7] << 8);

	tiny_front_data(request, id, port, address, USBIF_PIPE_TYPE_CTRL,
			setup[0] & 0x80, ref, 0, len);
	memcpy(request->u.ctrl, setup, 8);
}

void tiny_front_data(struct tv_usbif_request *request, uint16_t id,
		     unsigned int port, uint8_t address, unsigned int type,
		     uint8_t endpoint, uint32_t ref, uint32_t offset,
		     uint32_t len)
{
	request->id = id;
	request->pipe = port | (uint32_t)address << USBIF_PIPE_DEVICE_SHIFT |
			(uint32_t)(endpoint & 15) << USBIF_PIPE_ENDPOINT_SHIFT |
			(endpoint & 0x80) | type << USBIF_PIPE_TYPE_SHIFT;
	request->buffer_length = (uint16_t)len;
	while (len > 0) {
		uint32_t part = 4096 - offset < len ? 4096 - offset : len;

		assert(request->nr_buffer_segs < USBIF_MAX_SEGMENTS);
		request->seg[request->nr_buffer_segs++] =
			(struct tv_usbif_segment){ref++, (uint16_t)offset,
						  (uint16_t)part};
		offset = 0;
		len -= part;
	}
}

void tiny_front_unlink(struct tv_usbif_request *request, uint16_t id,
		       unsigned int port, uint16_t target)
{
	/* What is left of an earlier request, as the stock driver leaves it. */
	memset(request, 0xee, sizeof(*request));
	request->id = id;
	request->pipe = port | USBIF_PIPE_UNLINK;
	request->u.unlink.id = target;
}
