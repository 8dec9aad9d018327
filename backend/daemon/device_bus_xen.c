// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_bus_xen.c - joins a device process to the Xen bus.
 */
#include "backend/daemon/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/bus/xen.h"
#include "backend/daemon/sandbox_calls.h"
#include "backend/util/log.h"
#include "backend/xen/event.h"
#include "backend/xen/grant.h"

struct handles {
	xengnttab_handle *gnttab;
	xenevtchn_handle *evtchn;
};

static void bus_xen_close(void *context)
{
	struct handles *handles = context;

	if (handles->evtchn)
		xenevtchn_close(handles->evtchn);
	if (handles->gnttab)
		xengnttab_close(handles->gnttab);
	free(handles);
}

static int bus_xen_open(const struct message_hello *hello, void **opened)
{
	struct handles *handles = calloc(1, sizeof(*handles));
	int error;

	if (!handles)
		return -ENOMEM;
	error = grant_open(&handles->gnttab);
	if (error) {
		log_error("cannot open the grant device: %s", strerror(-error));
		goto err_close;
	}
	error = event_open((uint16_t)hello->domid, &handles->evtchn);
	if (error) {
		log_error("cannot open the event channel device for this "
			  "domain: %s",
			  strerror(-error));
		goto err_close;
	}
	*opened = handles;
	return 0;
err_close:
	bus_xen_close(handles);
	return error;
}

static struct bus *
bus_xen_make(void *context, uv_loop_t *loop, const struct message_hello *hello,
	     int journal_fd, void (*fault)(void *context, const char *reason),
	     void *fault_context)
{
	struct handles *handles = context;
	struct bus_xen_config config = {
		.loop = loop,
		.domid = (uint16_t)hello->domid,
		.devid = (uint16_t)hello->devid,
		.port_count = hello->port_count,
		.gnttab = handles->gnttab,
		.evtchn = handles->evtchn,
		.journal_fd = journal_fd,
		.max_ring_order = hello->max_ring_order,
		.max_indirect_segments = hello->max_indirect_segments,
		.fault = fault,
		.context = fault_context,
	};

	return bus_xen_create(&config);
}

static int bus_xen_join(struct bus *bus, const struct message_connect *connect)
{
	struct bus_xen_rings rings = {
		.order = connect->ring_order,
		.conn_ref = connect->conn_ref,
		.event_port = connect->event_channel,
		.resume = connect->resume != MESSAGE_FRESH,
	};
	int error;

	for (unsigned int i = 0; i < USBIF_MAX_RING_PAGES; i++)
		rings.urb_refs[i] = connect->ring_refs[i];
	error = bus_xen_connect(bus, &rings);
	if (error == -ENOENT && connect->resume == MESSAGE_RESUME_OR_FRESH) {
		rings.resume = false;
		error = bus_xen_connect(bus, &rings);
	}
	return error;
}

static void bus_xen_count(const struct bus *bus, struct message_stats *stats)
{
	struct bus_xen_stats counts;

	bus_xen_get_stats(bus, &counts);
	stats->requests = counts.requests;
	stats->octets_in = counts.octets_in;
	stats->octets_out = counts.octets_out;
	stats->errors = counts.failed_copies;
}

static_assert(MESSAGE_MAX_RING_PAGES == USBIF_MAX_RING_PAGES, "ring pages");

const struct device_bus device_bus_xen = {
	.name = "xen",
	.calls = SANDBOX_CALLS_XEN,
	.open = bus_xen_open,
	.create = bus_xen_make,
	.connect = bus_xen_join,
	.get_stats = bus_xen_count,
	.close = bus_xen_close,
};
