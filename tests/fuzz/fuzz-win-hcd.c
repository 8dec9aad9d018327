// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-win-hcd.c - a hostile backend against the Windows driver's controller:
 * the input says what it writes into the shared pages and when we transfer,
 * cancel and look.  Whatever it does, every transfer comes back once.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-windows/core/hcd.h"

enum { POOL = 4 * 16 + TV_URGENT_PAGES, XFERS = 40 };

static uint8_t memory[POOL][USBIF_PAGE_SIZE];
static uint8_t urb[USBIF_PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t conn[USBIF_PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t buffer[200000];

static bool copy(struct tv_xfer *xfer, uint32_t pos, void *octets, uint32_t len,
		 bool out)
{
	if (len > USBIF_PAGE_SIZE || pos > xfer->length ||
	    len > xfer->length - pos)
		abort();
	if (out)
		memcpy(octets, buffer + pos, len);
	else
		memcpy(buffer + pos, octets, len);
	return true;
}

static void notify(void *os)
{
}

struct world {
	struct tv_hcd hcd;
	struct tv_page page[POOL];
	struct tv_ep ep[3];
	struct tv_xfer xfer[XFERS];
	bool busy[XFERS];
};

static void reap(struct world *w)
{
	struct tv_xfer *xfer;

	while ((xfer = tv_urb_done(&w->hcd)) != NULL) {
		size_t i = (size_t)(xfer - w->xfer);

		if (!w->busy[i] || xfer->moved > xfer->length)
			abort();
		w->busy[i] = false;
	}
}

static void submit(struct world *w, uint8_t which, uint32_t length)
{
	static const uint32_t most[] = {65535, sizeof(buffer), sizeof(buffer)};
	size_t i = which % XFERS;
	unsigned int ep = which % 3;

	if (w->busy[i])
		return;
	memset(&w->xfer[i], 0, sizeof(w->xfer[i]));
	w->xfer[i].ep = &w->ep[ep];
	w->xfer[i].length = length % most[ep];
	w->xfer[i].in = ep == 1 || (ep == 0 && which & 64);
	w->busy[i] = tv_urb_enqueue(&w->hcd, &w->xfer[i]);
}

static void step(struct world *w, uint8_t what, const uint8_t *arg)
{
	uint32_t value =
		arg[0] | (uint32_t)arg[1] << 8 | (uint32_t)arg[2] << 16;

	switch (what % 8) {
	case 0:
		submit(w, arg[0], value);
		break;
	case 1:
		if (w->busy[arg[0] % XFERS])
			tv_urb_dequeue(&w->hcd, &w->xfer[arg[0] % XFERS]);
		break;
	case 2:
		urb[value % sizeof(urb)] = arg[3];
		break;
	case 3:
		conn[value % sizeof(conn)] = arg[3];
		break;
	case 4: /* a response that looks right */
		if (w->hcd.state == TV_UP) {
			struct tv_usbif_response rsp = {
				.id = arg[0] % 20,
				.status = arg[1] ? -(int32_t)arg[1] : 0,
				.actual_length = arg[2] * 64};
			uint32_t at = ((struct tv_ring_header *)urb)->rsp_prod;

			memcpy(urb + 64 + at % 16 * 148, &rsp, sizeof(rsp));
			((struct tv_ring_header *)urb)->rsp_prod = at + 1;
		}
		break;
	case 5:
		tv_ep_abort(&w->hcd, &w->ep[arg[0] % 3]);
		break;
	default:
		tv_hcd_poll(&w->hcd);
	}
	reap(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct tv_hcd_ops ops = {copy, notify};
	static struct world w;

	memset(&w, 0, sizeof(w));
	memset(urb, 0, sizeof(urb));
	memset(conn, 0, sizeof(conn));
	tv_hcd_init(&w.hcd, &ops, NULL);
	w.hcd.urb = (void *)urb;
	w.hcd.conn = (void *)conn;
	w.hcd.num_ports = 4;
	w.hcd.indirect = size && data[0] & 1;
	for (unsigned int i = 0; i < POOL; i++)
		w.page[i].octets = memory[i];
	for (unsigned int i = 0; i < 3; i++) {
		tv_ep_init(&w.ep[i]);
		w.ep[i].class = i == 0	 ? TV_CLASS_CONTROL
				: i == 1 ? TV_CLASS_IN
					 : TV_CLASS_OUT;
		w.ep[i].type = i ? USBIF_PIPE_TYPE_BULK : USBIF_PIPE_TYPE_CTRL;
		w.ep[i].port = 1;
		w.ep[i].maxp = 512;
	}
	tv_hcd_up(&w.hcd, w.page, POOL);
	for (size_t at = 0; at + 5 <= size; at += 5)
		step(&w, data[at], data + at + 1);
	tv_hcd_down(&w.hcd);
	reap(&w);
	for (unsigned int i = 0; i < XFERS; i++)
		if (w.busy[i])
			abort();
	for (unsigned int i = 0; i < 3; i++)
		if (!tv_ep_idle(&w.ep[i]))
			abort();
	return 0;
}
