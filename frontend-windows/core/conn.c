// SPDX-License-Identifier: MIT
/*
 * conn.c - the connection ring: what is plugged into which port.
 *
 * The ring works the wrong way round: the frontend lends the backend all its
 * entries as empty requests, and each plug or unplug comes back as a response.
 * The entry is lent again at once.  The id in it means nothing and is not
 * looked at.  A backend could answer for ever: a call takes at most one ring
 * full and says that there is more.
 */
#include "frontend-windows/core/hcd.h"

#include <string.h>

union conn_entry {
	struct tv_usbif_conn_request req;
	struct tv_usbif_conn_response rsp;
};

static union conn_entry *entry(const struct tv_hcd *hcd, uint32_t index)
{
	union conn_entry *first = (union conn_entry *)(hcd->conn + 1);

	return first + (index & (USBIF_CONN_RING_ENTRIES - 1));
}

static void lend(struct tv_hcd *hcd)
{
	uint32_t index = hcd->conn_prod++;

	entry(hcd, index)->req.id =
		(uint16_t)(index & (USBIF_CONN_RING_ENTRIES - 1));
}

static void show(struct tv_hcd *hcd)
{
	__atomic_store_n(&hcd->conn->req_prod, hcd->conn_prod,
			 __ATOMIC_RELEASE);
}

/* tv_conn_init - lend the backend every entry of a new ring */
void tv_conn_init(struct tv_hcd *hcd)
{
	hcd->conn_prod = hcd->conn_cons = 0;
	hcd->conn->req_event = 1;
	hcd->conn->rsp_event = 1;
	for (unsigned int i = 0; i < USBIF_CONN_RING_ENTRIES; i++)
		lend(hcd);
	show(hcd);
}

static void event(struct tv_hcd *hcd, const struct tv_usbif_conn_response *rsp)
{
	uint8_t *speed = &hcd->speed[rsp->portnum];

	if (*speed == rsp->speed)
		return;
	if (*speed == USBIF_SPEED_NONE)
		hcd->devices++;
	else if (rsp->speed == USBIF_SPEED_NONE)
		hcd->devices--;
	*speed = rsp->speed;
	hcd->plugs[rsp->portnum]++;
}

unsigned int tv_conn_poll(struct tv_hcd *hcd)
{
	uint32_t prod = __atomic_load_n(&hcd->conn->rsp_prod, __ATOMIC_ACQUIRE);
	struct tv_usbif_conn_response rsp;
	unsigned int found = 0;

	/* All entries are with the backend between two calls. */
	if (!tv_prod_valid(hcd->conn_cons, prod, USBIF_CONN_RING_ENTRIES)) {
		tv_hcd_fail(hcd, "connection event index beyond the ring");
		return TV_POLL_FAILED;
	}
	while (hcd->conn_cons != prod) {
		memcpy(&rsp, &entry(hcd, hcd->conn_cons)->rsp, sizeof(rsp));
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		hcd->conn_cons++;
		if (!tv_conn_valid(&rsp, hcd->num_ports)) {
			tv_hcd_fail(hcd,
				    "connection event of no port or speed");
			return TV_POLL_FAILED;
		}
		event(hcd, &rsp);
		lend(hcd);
		found = TV_POLL_WORK | TV_POLL_NEWS;
	}
	if (found) {
		show(hcd);
		/* A backend without entries sleeps until it is told. */
		hcd->ops->notify(hcd->os);
	}
	__atomic_store_n(&hcd->conn->rsp_event, hcd->conn_cons + 1,
			 __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	prod = __atomic_load_n(&hcd->conn->rsp_prod, __ATOMIC_RELAXED);
	return prod != hcd->conn_cons ? found | TV_POLL_MORE : found;
}
