// SPDX-License-Identifier: MIT
/*
 * hcd.c - the controller's life: down, up, failed.
 *
 *            tv_hcd_up              tv_hcd_fail
 *   DOWN ---------------> UP ------------------> FAILED
 *     ^                   |                        |
 *     `------ down -------'----------- down -------'
 *
 * In FAILED nothing is read from the backend any more and nothing sent;
 * transfers wait for the driver's tv_hcd_down(), which it owes promptly.
 */
#include "frontend-windows/core/hcd.h"

#include <string.h>

void tv_hcd_init(struct tv_hcd *hcd, const struct tv_hcd_ops *ops, void *os)
{
	memset(hcd, 0, sizeof(*hcd));
	hcd->ops = ops;
	hcd->os = os;
	tv_list_init(&hcd->ready);
	tv_list_init(&hcd->unlinks);
	tv_list_init(&hcd->done);
}

void tv_hcd_up(struct tv_hcd *hcd, struct tv_page *page, unsigned int count)
{
	hcd->free_page = NULL;
	hcd->nr_free_pages = 0;
	for (unsigned int i = 0; i < count; i++) {
		page[i].next = hcd->free_page;
		hcd->free_page = &page[i];
		hcd->nr_free_pages++;
	}
	memset(hcd->port_parked, 0, sizeof(hcd->port_parked));
	memset(hcd->speed, 0, sizeof(hcd->speed));
	hcd->parked = 0;
	hcd->devices = 0;
	hcd->unlinks_out = 0;
	hcd->reason = NULL;
	hcd->state = TV_UP;
	tv_ring_init(hcd);
	tv_conn_init(hcd);
	tv_ring_push(hcd);
}

void tv_hcd_down(struct tv_hcd *hcd)
{
	if (hcd->state == TV_DOWN)
		return;
	hcd->state = TV_DOWN;
	tv_urb_cut(hcd);
	for (unsigned int port = 1; port <= USBIF_MAX_PORTS; port++) {
		if (hcd->speed[port] != USBIF_SPEED_NONE)
			hcd->plugs[port]++;
		hcd->speed[port] = USBIF_SPEED_NONE;
	}
	hcd->devices = 0;
	hcd->urb = NULL;
	hcd->conn = NULL;
	hcd->free_page = NULL;
	hcd->nr_free_pages = 0;
}

void tv_hcd_fail(struct tv_hcd *hcd, const char *reason)
{
	if (hcd->state != TV_UP)
		return;
	hcd->state = TV_FAILED;
	hcd->reason = reason;
}

unsigned int tv_hcd_poll(struct tv_hcd *hcd)
{
	unsigned int found = 0;

	if (hcd->state == TV_UP)
		found |= tv_ring_poll(hcd);
	if (hcd->state == TV_UP)
		found |= tv_conn_poll(hcd);
	if (hcd->state == TV_UP) {
		tv_urb_kick(hcd);
		tv_ring_push(hcd);
	}
	if (hcd->state == TV_FAILED)
		found |= TV_POLL_FAILED;
	return found;
}
