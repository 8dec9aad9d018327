// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen.c - the conformance table over the Xen bus: real xenstored, fake grants
 * and event channels, a frontend that behaves as the stock one and one that
 * behaves as ours (8 ring pages, indirect segments).
 *
 * This program is the backend and the guest in one process; the bus' loop and
 * the frontend are turned alternately.  What the broker does in XenStore is
 * done here by hand.
 */
#include "tests/conformance/host.h"

#include "backend/bus/xen.h"
#include "backend/xen/event.h"
#include "backend/xen/grant.h"
#include "backend/xen/journal.h"
#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/vusb_front.h"
#include "tests/fake-xen/xenstored.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenstore.h>

enum { MAX_WAITING = 32, PATIENCE_MS = 3000, PORTS = 4 };

struct waiting {
	struct vusb_urb urb;
	struct host_transfer *transfer; /* NULL: free */
};

struct xen_host {
	struct host host;
	uv_loop_t loop;
	struct fake_guest *guest;
	struct vusb_front *front;
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
	struct waiting waiting[MAX_WAITING];
};

static struct fake_xenstored *xenstored;
static struct xs_handle *xs;
static struct vusb_front_options options;

static struct xen_host *xen_host_of(struct host *host)
{
	return container_of(host, struct xen_host, host);
}

static void collect(struct xen_host *xen)
{
	for (unsigned int i = 0; i < MAX_WAITING; i++) {
		struct waiting *waiting = &xen->waiting[i];

		if (!waiting->transfer || !waiting->urb.done)
			continue;
		waiting->transfer->done = true;
		waiting->transfer->wire_status = waiting->urb.status;
		waiting->transfer->actual =
			(uint32_t)waiting->urb.actual_length;
		waiting->transfer = NULL;
	}
}

/* One turn of both sides; true if anything happened. */
static bool turn(struct host *host, int timeout_ms)
{
	struct xen_host *xen = xen_host_of(host);
	int handled;

	uv_run(&xen->loop, UV_RUN_NOWAIT);
	handled = vusb_front_poll(xen->front, timeout_ms);
	if (vusb_front_violation(xen->front)) {
		fprintf(stderr, "violation: %s\n",
			vusb_front_violation(xen->front));
		abort();
	}
	collect(xen);
	return handled > 0;
}

static uint8_t pipe_type(enum usb_transfer_type type)
{
	switch (type) {
	case USB_TRANSFER_CONTROL:
		return USBIF_PIPE_TYPE_CTRL;
	case USB_TRANSFER_INTERRUPT:
		return USBIF_PIPE_TYPE_INT;
	case USB_TRANSFER_ISOCHRONOUS:
		return USBIF_PIPE_TYPE_ISOC;
	default:
		return USBIF_PIPE_TYPE_BULK;
	}
}

static void submit(struct host *host, struct host_transfer *transfer)
{
	struct xen_host *xen = xen_host_of(host);
	struct waiting *waiting = xen->waiting;

	while (waiting->transfer)
		REQUIRE(++waiting < xen->waiting + MAX_WAITING);
	waiting->urb = (struct vusb_urb){
		.port = (uint8_t)host->port,
		.address = host->address,
		.endpoint = transfer->endpoint,
		.type = pipe_type(transfer->type),
		.interval = 1,
		.data = transfer->data,
		.length = transfer->length,
	};
	memcpy(waiting->urb.setup, transfer->setup, 8);
	waiting->transfer = transfer;
	transfer->done = false;
	transfer->bus_private = waiting;
	REQUIRE(vusb_front_submit(xen->front, &waiting->urb) == 0);
}

static void cancel(struct host *host, struct host_transfer *transfer)
{
	struct waiting *waiting = transfer->bus_private;

	if (!transfer->done)
		REQUIRE(vusb_front_unlink(xen_host_of(host)->front,
					  &waiting->urb) == 0);
}

/* The ring carries no reset: the next thing is a request to address 0. */
static void reset(struct host *host)
{
}

static int wire_status(enum usb_status status)
{
	static const int wire[] = {
		[USB_STATUS_OK] = USBIF_STATUS_OK,
		[USB_STATUS_STALL] = USBIF_STATUS_STALL,
		[USB_STATUS_CANCELLED] = USBIF_STATUS_IOERROR,
		[USB_STATUS_NODEV] = USBIF_STATUS_NODEV,
		[USB_STATUS_OVERFLOW] = USBIF_STATUS_BABBLE,
		[USB_STATUS_INVALID] = USBIF_STATUS_INVAL,
		[USB_STATUS_IOERROR] = USBIF_STATUS_IOERROR,
	};

	return wire[status];
}

static void plug(struct host *host, struct usb_device *device)
{
	struct xen_host *xen = xen_host_of(host);
	unsigned int speed = device ? USBIF_SPEED_HIGH : USBIF_SPEED_NONE;

	if (device)
		REQUIRE(bus_plug(host->bus, host->port, device) == 0);
	else
		REQUIRE(bus_unplug(host->bus, host->port) == 0);
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		turn(&xen->host, 1);
		if (vusb_front_port_speed(xen->front, host->port) == speed)
			return;
	}
	REQUIRE(!"the frontend was told of the plug");
}

static const struct host_ops xen_host_ops = {
	.submit = submit,
	.cancel = cancel,
	.wait = host_wait,
	.settle = host_settle,
	.turn = turn,
	.reset = reset,
	.wire_status = wire_status,
	.plug = plug,
};

static void fault(void *context, const char *reason)
{
	fprintf(stderr, "the bus found a fault: %s\n", reason);
	abort();
}

static unsigned long frontend_number(uint32_t domid, const char *name)
{
	char path[128];
	unsigned int len;
	char *value;
	unsigned long number;

	snprintf(path, sizeof(path), "/local/domain/%u/device/vusb/0/%s", domid,
		 name);
	value = xs_read(xs, XBT_NULL, path, &len);
	REQUIRE(value);
	number = strtoul(value, NULL, 10);
	free(value);
	return number;
}

static void backend_write(uint32_t domid, const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/local/domain/0/backend/vusb/%u/0/%s",
		 domid, name);
	REQUIRE(xs_write(xs, XBT_NULL, path, value,
			 (unsigned int)strlen(value)));
}

static void connect_rings(struct xen_host *xen, uint32_t domid)
{
	struct bus_xen_rings rings = {.order = options.ring_order};
	char name[32];

	backend_write(domid, USBIF_NODE_MAX_RING_ORDER, "3");
	backend_write(domid, USBIF_NODE_MAX_INDIRECT, "512");
	backend_write(domid, "state", "2");
	REQUIRE(vusb_front_create(&xen->front, xen->guest, 0, &options) == 0);
	REQUIRE(vusb_front_publish(xen->front) == 0);
	REQUIRE(vusb_front_set_state(xen->front, XENBUS_CONNECTED) == 0);
	for (unsigned int i = 0; i < 1u << rings.order; i++) {
		snprintf(name, sizeof(name), USBIF_NODE_URB_RING_REF "%u", i);
		rings.urb_refs[i] = (uint32_t)frontend_number(
			domid, rings.order ? name : USBIF_NODE_URB_RING_REF);
	}
	rings.conn_ref =
		(uint32_t)frontend_number(domid, USBIF_NODE_CONN_RING_REF);
	rings.event_port =
		(uint32_t)frontend_number(domid, USBIF_NODE_EVENT_CHANNEL);
	REQUIRE(bus_xen_connect(xen->host.bus, &rings) == 0);
	backend_write(domid, "state", "4");
}

static struct host *setup(void)
{
	struct xen_host *xen = calloc(1, sizeof(*xen));
	int journal = journal_create();
	uint32_t domid;

	REQUIRE(xen && journal >= 0);
	REQUIRE(uv_loop_init(&xen->loop) == 0);
	REQUIRE(fake_guest_create(&xen->guest, 0, NULL, 4096) >= 0);
	domid = fake_guest_domid(xen->guest);
	REQUIRE(fake_toolstack_domain_create(xs, xen->guest, "conformance") ==
		0);
	REQUIRE(fake_toolstack_controller_add(xs, domid, 0, 2, PORTS) == 0);
	REQUIRE(grant_open(&xen->gnttab) == 0);
	REQUIRE(event_open((uint16_t)domid, &xen->evtchn) == 0);
	xen->host.bus = bus_xen_create(&(struct bus_xen_config){
		.loop = &xen->loop,
		.domid = (uint16_t)domid,
		.port_count = PORTS,
		.gnttab = xen->gnttab,
		.evtchn = xen->evtchn,
		.journal_fd = journal,
		.max_ring_order = USBIF_MAX_RING_ORDER,
		.max_indirect_segments = USBIF_MAX_INDIRECT_SEGMENTS,
		.fault = fault,
	});
	REQUIRE(xen->host.bus);
	close(journal);
	xen->host.ops = &xen_host_ops;
	xen->host.port = 2;
	connect_rings(xen, domid);
	return &xen->host;
}

static void teardown(struct host *host)
{
	struct xen_host *xen = xen_host_of(host);

	host_settle(host);
	bus_destroy(host->bus);
	uv_run(&xen->loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&xen->loop) == 0);
	REQUIRE(fake_guest_mappings(xen->guest) == 0);
	vusb_front_free(xen->front);
	REQUIRE(fake_guest_grants_in_use(xen->guest) == 0);
	xenevtchn_close(xen->evtchn);
	xengnttab_close(xen->gnttab);
	fake_toolstack_domain_destroy(xs, xen->guest, 0);
	fake_guest_free(xen->guest);
	free(xen);
}

int main(void)
{
	int failed;

	REQUIRE(fake_xen_setup() == 0);
	REQUIRE(fake_xenstored_start(&xenstored) == 0);
	xs = xs_open(0);
	REQUIRE(xs);
	failed = conformance_run("xen-stock", setup, teardown);
	options.ring_order = USBIF_MAX_RING_ORDER;
	options.indirect = true;
	failed += conformance_run("xen-2virt", setup, teardown);
	xs_close(xs);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	return failed;
}
