// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_conn.c - what is plugged where, told to the guest.
 *
 * The guest keeps the connection ring filled with requests; an event takes one
 * and answers it at once.  There is no queue of events: a port knows what the
 * guest has seen and what is plugged now, and the difference is told when there
 * is a request.  A device that is replaced is always seen to go first.
 *
 *      guest sees      plugged          next event
 *      nothing         nothing          -
 *      nothing         a device         its speed
 *      a device        the same         -
 *      a device        another, none    none
 */
#include "backend/bus/xen_internal.h"

static bool port_pending(const struct xen_port *port)
{
	return port->seen ? !port->announced : port->device != NULL;
}

bool xen_conn_pending(const struct xen_bus *bus)
{
	for (unsigned int i = 1; i <= bus->bus.port_count; i++)
		if (port_pending(&bus->ports[i]))
			return true;
	return false;
}

/* Changes what the guest sees; the speed that tells it. */
static uint8_t port_advance(struct xen_bus *bus, unsigned int number)
{
	struct xen_port *port = &bus->ports[number];
	uint32_t bit = UINT32_C(1) << number;

	if (port->seen) {
		port->seen = false;
		bus->journal.state.port_mask &= ~bit;
		return USBIF_SPEED_NONE;
	}
	port->seen = true;
	port->announced = true;
	bus->journal.state.port_mask |= bit;
	return USBIF_SPEED_HIGH;
}

/* 1: there is a request to answer; 0: none; -1: the ring is malformed. */
static int request_available(struct xen_bus *bus)
{
	uint32_t count;

	if (ring_request_count(&bus->conn_ring, &count) < 0)
		return -1;
	if (count > 0)
		return 1;
	/* Asks for an event, and sees what was given just before that. */
	if (!ring_final_check(&bus->conn_ring))
		return 0;
	if (ring_request_count(&bus->conn_ring, &count) < 0)
		return -1;
	return count > 0;
}

int xen_conn_put(struct xen_bus *bus)
{
	struct tv_usbif_conn_request request;
	struct tv_usbif_conn_response response;
	unsigned int number = 1;
	int count = 0;

	while (number <= bus->bus.port_count) {
		int available;

		if (!port_pending(&bus->ports[number])) {
			number++;
			continue;
		}
		available = request_available(bus);
		if (available < 0)
			return -1;
		if (available == 0)
			break;
		ring_request_copy(&bus->conn_ring, 0, &request,
				  sizeof(request));
		ring_request_take(&bus->conn_ring, 1);
		/* The id is the guest's own business: it is only echoed. */
		response.id = request.id;
		response.portnum = (uint8_t)number;
		response.speed = port_advance(bus, number);
		ring_response_put(&bus->conn_ring, &response, sizeof(response));
		count++;
	}
	bus->journal.state.conn_req_cons = bus->conn_ring.req_cons;
	return count;
}
