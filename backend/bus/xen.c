// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen.c - a bus whose host controller is a pvUSB frontend.
 *
 * Everything happens in callbacks of the loop:
 *
 *   poll      an event: take requests, act, answer, notify, then unmask
 *   more      the same without an event, while requests are left: a turn takes
 *             at most one ring of them, so that a flood leaves time for others
 *   prepare   answers what functions have completed in other callbacks, once
 *             for all, before the loop sleeps
 *
 * An event stays masked until its requests are taken and answered (late EOI),
 * and for good after a protocol error.  A guest that keeps sending events
 * without requests waits for each next one (XSA-391).
 */
#include "backend/bus/xen.h"

#include "backend/bus/xen_internal.h"
#include "backend/util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	REST_INTERVAL_MS = 1000,
	IDLE_EVENTS_FREE = 16, /* spurious events in a row without a wait */
	IDLE_EVENTS_WAIT_SHIFT_MAX = 6, /* longest wait: 64 ms */
};

/* --- the loop --- */

/* Tells the owner.  The bus may be gone afterwards: last in a callback. */
static void report_fault(struct xen_bus *bus)
{
	const char *reason = bus->fault_reason;

	if (!reason)
		return;
	bus->fault_reason = NULL;
	bus->config.fault(bus->config.context, reason);
}

static void listening_stop(struct xen_bus *bus)
{
	uv_poll_stop(&bus->poll);
	uv_prepare_stop(&bus->prepare);
	uv_idle_stop(&bus->more);
	uv_timer_stop(&bus->unmask);
	uv_timer_stop(&bus->rest);
}

void xen_bus_fault(struct xen_bus *bus, const char *reason)
{
	if (bus->state != XEN_BUS_CONNECTED)
		return;
	bus->state = XEN_BUS_FAULTED;
	bus->fault_reason = reason;
	listening_stop(bus);
	xen_urb_drop_all(bus);
	xen_data_rest(bus);
}

static void on_rest(uv_timer_t *timer)
{
	struct xen_bus *bus = timer->data;

	/* A frontend that refills the connection ring need not tell. */
	if (xen_conn_pending(bus)) {
		xen_urb_flush(bus);
	} else if (!bus->active) {
		xen_data_rest(bus);
		uv_timer_stop(&bus->rest);
	}
	bus->active = false;
	report_fault(bus);
}

static void stay_awake(struct xen_bus *bus)
{
	bus->active = true;
	if (!uv_is_active((uv_handle_t *)&bus->rest))
		uv_timer_start(&bus->rest, on_rest, REST_INTERVAL_MS,
			       REST_INTERVAL_MS);
}

static void event_release(struct xen_bus *bus)
{
	bus->event_held = false;
	event_unmask(&bus->channel);
}

static void on_unmask(uv_timer_t *timer)
{
	event_release(timer->data);
}

/* Ends the event that is held, later if it was one of many for nothing. */
static void event_finish(struct xen_bus *bus)
{
	uint64_t excess;

	if (!bus->event_held || uv_is_active((uv_handle_t *)&bus->unmask))
		return;
	if (bus->idle_events <= IDLE_EVENTS_FREE) {
		event_release(bus);
		return;
	}
	excess = bus->idle_events - IDLE_EVENTS_FREE - 1;
	if (excess > IDLE_EVENTS_WAIT_SHIFT_MAX)
		excess = IDLE_EVENTS_WAIT_SHIFT_MAX;
	uv_timer_start(&bus->unmask, on_unmask, UINT64_C(1) << excess, 0);
}

static void on_more(uv_idle_t *idle);

/* Serves the rings for one turn of the loop; the requests taken. */
static uint32_t serve(struct xen_bus *bus)
{
	uint32_t budget = bus->limits.entries;
	uint32_t taken;
	bool more;

	stay_awake(bus);
	do {
		taken = xen_urb_take(bus, budget);
		if (bus->state == XEN_BUS_CONNECTED)
			xen_urb_flush(bus);
		if (bus->state != XEN_BUS_CONNECTED)
			return 0;
		budget -= taken;
		more = ring_final_check(&bus->urb_ring);
		/*
		 * Without progress there is no next round: a guest that moves
		 * its index to and fro would keep us here.
		 */
	} while (more && taken > 0 && budget > 0);
	if (more) {
		uv_idle_start(&bus->more, on_more);
	} else {
		uv_idle_stop(&bus->more);
		event_finish(bus);
	}
	return bus->limits.entries - budget;
}

static void on_more(uv_idle_t *idle)
{
	struct xen_bus *bus = idle->data;

	serve(bus);
	report_fault(bus);
}

/* True if the guest has given connection requests since last asked. */
static bool conn_ring_moved(struct xen_bus *bus)
{
	uint32_t given = 0;

	/* A malformed ring is found out when there is something to tell. */
	ring_request_count(&bus->conn_ring, &given);
	given += bus->conn_ring.req_cons;
	if (given == bus->conn_seen)
		return false;
	bus->conn_seen = given;
	return true;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct xen_bus *bus = poll->data;
	bool moved;

	if (status < 0) {
		xen_bus_fault(bus, "the event channel failed");
		report_fault(bus);
		return;
	}
	if (!event_take(&bus->channel))
		return;
	bus->event_held = true;
	bus->stats.events++;
	moved = conn_ring_moved(bus);
	/* Those of the turns that go on by themselves are no idle events. */
	if (uv_is_active((uv_handle_t *)&bus->more))
		moved = true;
	if (serve(bus) > 0 || moved) {
		bus->idle_events = 0;
	} else {
		bus->idle_events++;
		bus->stats.spurious_events++;
	}
	report_fault(bus);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct xen_bus *bus = prepare->data;

	if (list_empty(&bus->done)) {
		/* Nobody is in the middle of anything. */
		xen_data_discard(bus);
		if (!xen_conn_pending(bus))
			return;
	}
	stay_awake(bus);
	xen_urb_flush(bus);
	report_fault(bus);
}

/* --- connection --- */

static int rings_map(struct xen_bus *bus, const struct bus_xen_rings *rings)
{
	const struct bus_xen_config *config = &bus->config;
	unsigned int pages = 1u << rings->order;
	int error;

	error = grant_map(config->gnttab, config->domid, rings->urb_refs, pages,
			  &bus->urb_pages);
	if (error)
		return error;
	bus->urb_page_count = pages;
	error = grant_map(config->gnttab, config->domid, &rings->conn_ref, 1,
			  &bus->conn_page);
	if (error)
		goto err_unmap;
	ring_init(&bus->urb_ring, bus->urb_pages,
		  USBIF_URB_RING_ENTRIES(rings->order),
		  sizeof(struct tv_usbif_request));
	ring_init(&bus->conn_ring, bus->conn_page, USBIF_CONN_RING_ENTRIES,
		  sizeof(struct tv_usbif_conn_response));
	return 0;

err_unmap:
	grant_unmap(config->gnttab, bus->urb_pages, pages);
	bus->urb_pages = NULL;
	return error;
}

static void rings_unmap(struct xen_bus *bus)
{
	grant_unmap(bus->config.gnttab, bus->conn_page, 1);
	bus->conn_page = NULL;
	grant_unmap(bus->config.gnttab, bus->urb_pages, bus->urb_page_count);
	bus->urb_pages = NULL;
}

static void start_fresh(struct xen_bus *bus, unsigned int order)
{
	journal_reset(&bus->journal, order);
	for (unsigned int i = 1; i <= bus->bus.port_count; i++) {
		bus->ports[i].seen = false;
		bus->ports[i].announced = false;
	}
}

/* Goes on where the journal says; everything in flight is lost. */
static void start_resumed(struct xen_bus *bus)
{
	const struct journal_state *state = &bus->journal.state;

	bus->resumed = true;
	ring_resume(&bus->urb_ring, state->urb_req_cons, state->urb_rsp_prod);
	ring_resume(&bus->conn_ring, state->conn_req_cons,
		    state->conn_req_cons);
	for (unsigned int i = 1; i <= bus->bus.port_count; i++) {
		bus->ports[i].seen = state->port_mask >> i & 1;
		bus->ports[i].announced = false;
	}
	for (unsigned int id = 0; id < bus->limits.entries; id++)
		if (journal_id_in_flight(state, id))
			xen_urb_abandon(bus, id);
}

static int resume_check(struct xen_bus *bus, unsigned int order)
{
	int error = journal_load(&bus->journal);

	if (error)
		return error;
	if (bus->journal.state.order != order ||
	    (uint64_t)bus->journal.state.port_mask >>
			    (bus->bus.port_count + 1) !=
		    0)
		return -EPROTO;
	return 0;
}

int bus_xen_connect(struct bus *base, const struct bus_xen_rings *rings)
{
	struct xen_bus *bus = xen_bus_of(base);
	int error;

	if (bus->state != XEN_BUS_IDLE)
		return -EALREADY;
	if (rings->order > bus->config.max_ring_order)
		return -EINVAL;
	if (rings->resume) {
		error = resume_check(bus, rings->order);
		if (error)
			return error;
	}
	error = rings_map(bus, rings);
	if (error)
		return error;
	error = event_bind(&bus->channel, bus->config.domid, rings->event_port);
	if (error)
		goto err_unmap;
	error = uv_poll_start(&bus->poll, UV_READABLE, on_event);
	if (error)
		goto err_unbind;

	bus->state = XEN_BUS_CONNECTED;
	bus->fault_reason = NULL;
	bus->event_held = false;
	bus->idle_events = 0;
	bus->conn_seen = 0;
	bus->limits.entries = bus->urb_ring.entries;
	bus->limits.max_indirect = bus->config.max_indirect_segments;
	if (rings->resume)
		start_resumed(bus);
	else
		start_fresh(bus, rings->order);
	uv_prepare_start(&bus->prepare, on_prepare);
	/* The first event may have come before we were bound. */
	uv_idle_start(&bus->more, on_more);
	return 0;

err_unbind:
	event_unbind(&bus->channel);
err_unmap:
	rings_unmap(bus);
	return error;
}

void bus_xen_disconnect(struct bus *base)
{
	struct xen_bus *bus = xen_bus_of(base);

	if (bus->state == XEN_BUS_IDLE)
		return;
	/* Producers first: nobody touches the rings once they are unmapped. */
	listening_stop(bus);
	xen_urb_drop_all(bus);
	event_unbind(&bus->channel);
	rings_unmap(bus);
	bus->state = XEN_BUS_IDLE;
	bus->fault_reason = NULL;
	bus->resumed = false;
	journal_clear(&bus->journal);
	xen_data_rest(bus);
}

bool bus_xen_is_connected(const struct bus *base)
{
	return xen_bus_of_const(base)->state == XEN_BUS_CONNECTED;
}

void bus_xen_get_stats(const struct bus *base, struct bus_xen_stats *stats)
{
	*stats = xen_bus_of_const(base)->stats;
}

/* --- ports --- */

static int xen_bus_plug(struct bus *base, unsigned int port,
			struct usb_device *device)
{
	struct xen_bus *bus = xen_bus_of(base);

	if (port == 0 || port > base->port_count)
		return -EINVAL;
	if (bus->ports[port].device)
		return -EBUSY;
	bus->ports[port].device = device;
	bus->ports[port].announced = false;
	return 0;
}

static int xen_bus_unplug(struct bus *base, unsigned int port)
{
	struct xen_bus *bus = xen_bus_of(base);
	struct usb_device *device;

	if (port == 0 || port > base->port_count || !bus->ports[port].device)
		return -ENOENT;
	device = bus->ports[port].device;
	bus->ports[port].device = NULL;
	bus->ports[port].announced = false;
	usb_device_destroy(device);
	return 0;
}

/* --- life --- */

static void on_closed(uv_handle_t *handle)
{
	struct xen_bus *bus = handle->data;

	if (--bus->handles == 0)
		free(bus);
}

static void handle_close(struct xen_bus *bus, void *handle)
{
	uv_close(handle, on_closed);
}

static void xen_bus_destroy(struct bus *base)
{
	struct xen_bus *bus = xen_bus_of(base);

	bus_xen_disconnect(base);
	for (unsigned int i = 1; i <= base->port_count; i++)
		xen_bus_unplug(base, i);
	xen_data_close(bus);
	journal_close(&bus->journal);
	/* The last of them frees the bus, in the next turn of the loop. */
	handle_close(bus, &bus->poll);
	handle_close(bus, &bus->prepare);
	handle_close(bus, &bus->more);
	handle_close(bus, &bus->rest);
	handle_close(bus, &bus->unmask);
}

static const struct bus_ops xen_bus_ops = {
	.plug = xen_bus_plug,
	.unplug = xen_bus_unplug,
	.destroy = xen_bus_destroy,
};

static void handles_init(struct xen_bus *bus)
{
	uv_loop_t *loop = bus->config.loop;

	uv_prepare_init(loop, &bus->prepare);
	uv_idle_init(loop, &bus->more);
	uv_timer_init(loop, &bus->rest);
	uv_timer_init(loop, &bus->unmask);
	bus->poll.data = bus;
	bus->prepare.data = bus;
	bus->more.data = bus;
	bus->rest.data = bus;
	bus->unmask.data = bus;
	bus->handles = 5;
	/* They serve the loop, they do not keep it going. */
	uv_unref((uv_handle_t *)&bus->prepare);
	uv_unref((uv_handle_t *)&bus->rest);
}

static bool config_is_sound(const struct bus_xen_config *config)
{
	return config->loop && config->gnttab && config->evtchn &&
	       config->fault && config->port_count >= 1 &&
	       config->port_count <= USBIF_MAX_PORTS &&
	       config->max_ring_order <= USBIF_MAX_RING_ORDER &&
	       config->max_indirect_segments <= USBIF_MAX_INDIRECT_SEGMENTS;
}

struct bus *bus_xen_create(const struct bus_xen_config *config)
{
	struct xen_bus *bus;
	int error = -EINVAL;

	if (!config_is_sound(config))
		goto err_log;
	error = -ENOMEM;
	bus = calloc(1, sizeof(*bus));
	if (!bus)
		goto err_log;
	bus->bus.ops = &xen_bus_ops;
	bus->bus.port_count = config->port_count;
	bus->config = *config;
	bus->config.journal_fd = -1;
	list_init(&bus->done);
	list_init(&bus->unfetched);
	for (unsigned int i = 0; i < XEN_MAX_ENTRIES; i++) {
		struct xen_urb *urb = &bus->urbs[i];

		urb->bus = bus;
		urb->segments = urb->direct;
		list_init(&urb->node);
		list_init(&urb->xfer.link);
	}
	event_init(&bus->channel, config->evtchn);
	error = journal_open(&bus->journal, config->journal_fd);
	if (error)
		goto err_free;
	error = xen_data_open(bus);
	if (error)
		goto err_journal;
	error = uv_poll_init(config->loop, &bus->poll, event_fd(&bus->channel));
	if (error)
		goto err_data;
	handles_init(bus);
	return &bus->bus;

err_data:
	xen_data_close(bus);
err_journal:
	journal_close(&bus->journal);
err_free:
	free(bus);
err_log:
	log_error("dom %u controller %u: no Xen bus: %s", config->domid,
		  config->devid, strerror(-error));
	return NULL;
}
