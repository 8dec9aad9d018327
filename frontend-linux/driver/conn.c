// SPDX-License-Identifier: GPL-2.0
/*
 * The connection ring: what is plugged into which port.
 *
 * Theory of operation
 *
 * The ring works the wrong way round: the frontend lends the backend all its
 * entries as empty requests, and each plug or unplug comes back as a response.
 * The entry is lent again at once.  The id in it means nothing and is not
 * looked at: an entry lent again carries its own number.
 *
 * A backend could answer for ever; a call takes at most one ring full, and
 * the interrupt handler hands what is left to a worker (xenbus.c).
 *
 * Everything here but set-up and teardown runs under tv_hcd.lock.
 */
#include <xen/events.h>

#include "tv_hcd.h"

/**
 * tv_conn_setup - make and grant the connection ring
 * @tv:		controller, TV_DOWN
 *
 * Returns 0 or a negative errno.  tv_conn_teardown() undoes it.
 */
int tv_conn_setup(struct tv_hcd *tv)
{
	struct tv_conn_sring *sring = NULL;
	int err;

	err = xenbus_setup_ring(tv->xbdev, GFP_NOIO | __GFP_HIGH,
				(void **)&sring, 1, &tv->conn_gref);
	if (err)
		return err;
	XEN_FRONT_RING_INIT(&tv->conn_ring, sring, XEN_PAGE_SIZE);
	WARN_ON(RING_SIZE(&tv->conn_ring) != USBIF_CONN_RING_ENTRIES);
	return 0;
}

/* tv_conn_teardown - take the ring back and free it; harmless without one */
void tv_conn_teardown(struct tv_hcd *tv)
{
	if (tv->conn_ring.sring)
		xenbus_teardown_ring((void **)&tv->conn_ring.sring, 1,
				     &tv->conn_gref);
}

static void tv_conn_lend(struct tv_hcd *tv)
{
	u32 i = tv->conn_ring.req_prod_pvt++;

	RING_GET_REQUEST(&tv->conn_ring, i)->id =
		i & (USBIF_CONN_RING_ENTRIES - 1);
}

static void tv_conn_push(struct tv_hcd *tv)
{
	int notify;

	RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&tv->conn_ring, notify);
	if (notify)
		notify_remote_via_irq(tv->irq);
}

/* tv_conn_prime - lend the backend every entry of a new ring */
void tv_conn_prime(struct tv_hcd *tv)
{
	unsigned int i;

	for (i = 0; i < USBIF_CONN_RING_ENTRIES; i++)
		tv_conn_lend(tv);
	tv_conn_push(tv);
}

static unsigned int tv_conn_event(struct tv_hcd *tv,
				  const struct tv_usbif_conn_response *rsp)
{
	struct tv_port *port = &tv->port[rsp->portnum - 1];
	bool was = port->speed != USBIF_SPEED_NONE;
	bool news = tv_port_connect(port, rsp->speed);
	bool is = port->speed != USBIF_SPEED_NONE;

	tv->devices += is - was;
	return news ? TV_POLL_NEWS : 0;
}

/* tv_conn_poll - take the events that are there; returns TV_POLL_* bits */
unsigned int tv_conn_poll(struct tv_hcd *tv)
{
	struct tv_conn_front_ring *ring = &tv->conn_ring;
	struct tv_usbif_conn_response rsp;
	u32 prod, cons = ring->rsp_cons;
	unsigned int found = 0;
	int more;

	prod = READ_ONCE(ring->sring->rsp_prod);
	/* All entries are with the backend between two calls. */
	if (!tv_prod_valid(cons, prod, USBIF_CONN_RING_ENTRIES)) {
		tv_hcd_fail(tv, "connection event index beyond the ring");
		return TV_POLL_FAILED;
	}
	virt_rmb(); /* read the events only after the index says so */

	for (; cons != prod; cons++) {
		RING_COPY_RESPONSE(ring, cons, &rsp);
		ring->rsp_cons = cons + 1;
		if (!tv_conn_valid(&rsp, tv->num_ports)) {
			tv_hcd_fail(tv, "connection event of no port or speed");
			return TV_POLL_FAILED;
		}
		found |= TV_POLL_WORK | tv_conn_event(tv, &rsp);
		tv_conn_lend(tv);
	}
	if (found)
		tv_conn_push(tv);

	RING_FINAL_CHECK_FOR_RESPONSES(ring, more);
	return more ? found | TV_POLL_MORE : found;
}
