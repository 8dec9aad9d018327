// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-link.c - one connection of the guest's client: octets to messages,
 * the daemon's socket, and what waits.
 *
 * Nothing grows without bound: octets of the guest are taken while less than
 * LOW waits in each direction and the filter has room for a call, the daemon
 * is read while less than HIGH waits for the guest.  A guest that lets octets
 * wait and does not read is cut.
 *
 *   CONNECTING ─▶ UP ─▶ ENDING (the daemon went; what waits is delivered)
 *        └─▶ DOWN (no daemon: the filter answers)   any ─▶ CUT
 */
#include "backend/service/libvirt-link.h"

#include "backend/service/libvirt-box.h"

#include <stdlib.h>
#include <string.h>

enum {
	LOW = 128 * 1024,
	HIGH = 256 * 1024,
	READ_MAX = 64 * 1024,
	TURN_READS = 16, /* of a daemon, in one turn of the loop */
	TICK_MS = 500,
	STALL_MS = 30000,
};

enum link_state {
	LINK_CONNECTING,
	LINK_UP,
	LINK_DOWN,
	LINK_ENDING,
	LINK_CUT,
	LINK_CLOSED,
};

struct libvirt_link {
	struct libvirt_service *service;
	const struct libvirt_link_events *events;
	void *context;
	struct list_node node;
	enum link_state state;
	enum libvirt_cut why; /* if CUT */
	bool told;	      /* ... and that was said */
	struct libvirt_filter *filter;
	struct char_stream *stream;
	struct libvirt_inbox from_guest;
	struct libvirt_inbox from_daemon;
	struct libvirt_outbox to_guest;
	struct libvirt_outbox to_daemon;
	bool wants_octets;
	bool wants_room;
	uint64_t stalled_ms; /* since then the guest lets octets wait, or 0 */
	unsigned int handles;
	uv_timer_t kick; /* events that must not come from inside a call */
	uv_timer_t tick;
};

static void kicked(uv_timer_t *timer);

static void kick(struct libvirt_link *link)
{
	if (link->state != LINK_CLOSED)
		uv_timer_start(&link->kick, kicked, 0, 0);
}

static uint64_t now_ms(struct libvirt_link *link)
{
	return uv_now(link->service->loop);
}

static void cut(struct libvirt_link *link, enum libvirt_cut why)
{
	if (link->state >= LINK_CUT)
		return;
	link->state = LINK_CUT;
	link->why = why;
	char_stream_close(link->stream);
	link->stream = NULL;
	kick(link);
}

/* The daemon is of no use any more. */
static void daemon_gone(struct libvirt_link *link, const char *why)
{
	if (link->state != LINK_CONNECTING && link->state != LINK_UP)
		return;
	char_stream_close(link->stream);
	link->stream = NULL;
	libvirt_filter_gone(link->filter, why, &link->to_guest.out);
	link->state =
		libvirt_filter_is_open(link->filter) ? LINK_ENDING : LINK_DOWN;
	kick(link);
}

static bool may_take(const struct libvirt_link *link)
{
	return link->state < LINK_ENDING &&
	       libvirt_outbox_waiting(&link->to_guest) < LOW &&
	       libvirt_outbox_waiting(&link->to_daemon) < LOW &&
	       libvirt_filter_ready(link->filter);
}

static void check_lost(struct libvirt_link *link)
{
	if (link->to_guest.out.lost || link->to_daemon.out.lost)
		cut(link, LIBVIRT_CUT_INTERNAL);
}

/* --- the daemon's side -----------------------------------------------------
 */

static void push_daemon(struct libvirt_link *link)
{
	struct libvirt_outbox *box = &link->to_daemon;

	while (link->state == LINK_UP && libvirt_outbox_waiting(box)) {
		ssize_t sent = char_stream_write(link->stream,
						 box->out.data + box->sent,
						 libvirt_outbox_waiting(box));

		/* A broken one is told by reading. */
		if (sent <= 0)
			return;
		libvirt_outbox_advance(box, (size_t)sent);
	}
}

static void take_daemon(struct libvirt_link *link, enum libvirt_boxed boxed)
{
	struct libvirt_inbox *box = &link->from_daemon;
	bool good = boxed != LIBVIRT_BOX_BROKEN;

	if (boxed == LIBVIRT_BOX_MORE)
		return;
	if (good && box->too_long)
		libvirt_filter_daemon_long(link->filter, &box->header,
					   &link->to_guest.out);
	else if (good)
		good = libvirt_filter_daemon(
			link->filter, now_ms(link), &box->header, box->payload,
			&link->to_guest.out, &link->to_daemon.out);
	libvirt_inbox_reset(box);
	if (!good)
		daemon_gone(
			link,
			"2virt: the platform's libvirt breaks the protocol");
	check_lost(link);
}

/* Octets of the daemon's, any number of messages. */
static void feed_daemon(struct libvirt_link *link, const uint8_t *data,
			size_t len)
{
	while (len && link->state == LINK_UP) {
		size_t room;
		uint8_t *place = libvirt_inbox_place(&link->from_daemon, &room);

		if (room > len)
			room = len;
		memcpy(place, data, room);
		data += room;
		len -= room;
		take_daemon(link,
			    libvirt_inbox_advance(&link->from_daemon, room));
	}
}

/* Reads what there is, within one turn's share. */
static void pull_daemon(struct libvirt_link *link)
{
	/* Nothing stays here from one read to the next. */
	static uint8_t chunk[READ_MAX];

	for (unsigned int reads = 0;
	     link->state == LINK_UP &&
	     libvirt_outbox_waiting(&link->to_guest) < HIGH &&
	     libvirt_outbox_waiting(&link->to_daemon) < HIGH;
	     reads++) {
		ssize_t got;

		if (reads == TURN_READS) {
			kick(link);
			break;
		}
		got = char_stream_read(link->stream, chunk, sizeof(chunk));
		if (got < 0) {
			daemon_gone(link,
				    "2virt: the platform's libvirt has gone");
			return;
		}
		if (got == 0)
			break;
		feed_daemon(link, chunk, (size_t)got);
	}
	push_daemon(link);
}

/* Tells the user of the link what can go on. */
static void notify(struct libvirt_link *link)
{
	if (libvirt_filter_is_gone(link->filter) &&
	    (link->state == LINK_UP || link->state == LINK_CONNECTING))
		daemon_gone(link, "2virt: the platform's libvirt is no use");
	if (link->state == LINK_CUT) {
		if (!link->told) {
			link->told = true;
			link->events->cut(link->context, link->why);
		}
		return;
	}
	if (link->wants_octets && (libvirt_outbox_waiting(&link->to_guest) ||
				   link->state >= LINK_ENDING)) {
		link->wants_octets = false;
		link->events->readable(link->context);
	}
	if (link->state != LINK_CLOSED && link->wants_room && may_take(link)) {
		link->wants_room = false;
		link->events->writable(link->context);
	}
}

static void on_opened(void *context)
{
	struct libvirt_link *link = context;

	link->state = LINK_UP;
	libvirt_filter_start(link->filter, now_ms(link), &link->to_daemon.out);
	pull_daemon(link);
	notify(link);
}

static void on_failed(void *context, enum char_failure failure)
{
	struct libvirt_link *link = context;

	daemon_gone(link, failure == CHAR_TIMEOUT
				  ? "2virt: the platform's libvirt does not "
				    "take connections"
				  : "2virt: the platform's libvirt is not "
				    "running");
	notify(link);
}

static void on_traffic(void *context)
{
	struct libvirt_link *link = context;

	push_daemon(link);
	pull_daemon(link);
	notify(link);
}

static const struct char_events stream_events = {
	.opened = on_opened,
	.failed = on_failed,
	.readable = on_traffic,
	.writable = on_traffic,
};

/* --- time -------------------------------------------------------------------
 */

static void kicked(uv_timer_t *timer)
{
	on_traffic(timer->data);
}

static void ticked(uv_timer_t *timer)
{
	struct libvirt_link *link = timer->data;
	uint32_t patience = link->service->stall_timeout_ms;
	uint64_t now = now_ms(link);

	if (link->state <= LINK_UP &&
	    !libvirt_filter_expire(link->filter, now, &link->to_guest.out))
		daemon_gone(link,
			    "2virt: the platform's libvirt does not answer");
	check_lost(link);
	if (!libvirt_outbox_waiting(&link->to_guest))
		link->stalled_ms = 0;
	else if (!link->stalled_ms)
		link->stalled_ms = now;
	else if (now - link->stalled_ms >= (patience ? patience : STALL_MS))
		cut(link, LIBVIRT_CUT_STALLED);
	notify(link);
}

/* --- the guest's side
 * --------------------------------------------------------- */

static void take_guest(struct libvirt_link *link, enum libvirt_boxed boxed)
{
	struct libvirt_inbox *box = &link->from_guest;
	bool good = boxed != LIBVIRT_BOX_BROKEN;

	if (boxed == LIBVIRT_BOX_MORE)
		return;
	if (good && box->too_long)
		libvirt_filter_guest_long(link->filter, &box->header,
					  &link->to_guest.out);
	else if (good)
		good = libvirt_filter_guest(
			link->filter, now_ms(link), &box->header, box->payload,
			&link->to_guest.out, &link->to_daemon.out);
	libvirt_inbox_reset(box);
	if (!good)
		cut(link, LIBVIRT_CUT_PROTOCOL);
	check_lost(link);
}

size_t libvirt_link_write(struct libvirt_link *link, const void *data,
			  size_t len)
{
	const uint8_t *octets = data;
	size_t taken = 0;

	while (taken < len && may_take(link)) {
		size_t room;
		uint8_t *place = libvirt_inbox_place(&link->from_guest, &room);

		if (room > len - taken)
			room = len - taken;
		memcpy(place, octets + taken, room);
		taken += room;
		take_guest(link,
			   libvirt_inbox_advance(&link->from_guest, room));
	}
	push_daemon(link);
	link->wants_room = taken < len;
	if (link->wants_octets && libvirt_outbox_waiting(&link->to_guest))
		kick(link);
	return taken;
}

ssize_t libvirt_link_read(struct libvirt_link *link, void *data, size_t len)
{
	struct libvirt_outbox *box = &link->to_guest;
	size_t waiting = libvirt_outbox_waiting(box);

	if (link->state == LINK_CUT)
		return 0;
	if (len > waiting)
		len = waiting;
	if (!waiting) {
		if (link->state == LINK_ENDING)
			return LIBVIRT_LINK_END;
		link->wants_octets = true;
		return 0;
	}
	memcpy(data, box->out.data + box->sent, len);
	libvirt_outbox_advance(box, len);
	link->stalled_ms = 0;
	if (waiting >= LOW && waiting - len < LOW)
		kick(link);
	return (ssize_t)len;
}

void libvirt_link_shutdown(struct libvirt_link *link)
{
	if (link->state >= LINK_ENDING)
		return;
	char_stream_close(link->stream);
	link->stream = NULL;
	link->state = LINK_ENDING;
	kick(link);
}

/* --- life
 * --------------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle)
{
	struct libvirt_link *link = handle->data;

	if (--link->handles == 0)
		free(link);
}

void libvirt_link_close(struct libvirt_link *link)
{
	struct libvirt_filter_stats stats;

	if (!link)
		return;
	link->state = LINK_CLOSED;
	char_stream_close(link->stream);
	link->stream = NULL;
	if (link->filter) {
		libvirt_filter_stats(link->filter, &stats);
		libvirt_service_count(link->service, &stats);
	}
	libvirt_filter_destroy(link->filter);
	link->filter = NULL;
	libvirt_inbox_reset(&link->from_guest);
	libvirt_inbox_reset(&link->from_daemon);
	xdr_out_fini(&link->to_guest.out);
	xdr_out_fini(&link->to_daemon.out);
	list_remove(&link->node);
	uv_close((uv_handle_t *)&link->kick, on_closed);
	uv_close((uv_handle_t *)&link->tick, on_closed);
}

struct libvirt_link *libvirt_link_open(struct libvirt_service *service,
				       const struct libvirt_link_events *events,
				       void *context)
{
	struct libvirt_link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->service = service;
	link->events = events;
	link->context = context;
	link->from_guest.max = LIBVIRT_CALL_MAX;
	link->from_daemon.max = LIBVIRT_REPLY_MAX;
	xdr_out_init(&link->to_guest.out, 2 * LIBVIRT_REPLY_MAX);
	xdr_out_init(&link->to_daemon.out, 4 * LIBVIRT_CALL_MAX);
	list_init(&link->node);
	list_append(&service->links, &link->node);
	uv_timer_init(service->loop, &link->kick);
	uv_timer_init(service->loop, &link->tick);
	link->kick.data = link;
	link->tick.data = link;
	link->handles = 2;
	link->filter = libvirt_filter_create(&(struct libvirt_filter_config){
		.uri = service->uri,
		.policy = &service->policy,
		.call_timeout_ms = service->call_timeout_ms,
		.denied = libvirt_service_refused,
		.context = service,
	});
	if (link->filter)
		link->stream =
			char_stream_open(service->target, &stream_events, link);
	if (!link->stream) {
		libvirt_link_close(link);
		return NULL;
	}
	uv_timer_start(&link->tick, ticked, TICK_MS, TICK_MS);
	return link;
}

/* --- all links of a service -------------------------------------------------
 */

void libvirt_service_update_links(struct libvirt_service *service)
{
	struct list_node *node, *after;

	list_for_each_safe(node, after, &service->links)
	{
		struct libvirt_link *link =
			container_of(node, struct libvirt_link, node);

		if (libvirt_filter_set_policy(link->filter, &service->policy,
					      &link->to_guest.out,
					      &link->to_daemon.out))
			cut(link, LIBVIRT_CUT_INTERNAL);
		kick(link);
	}
}

void libvirt_service_add_links(const struct libvirt_service *service,
			       struct libvirt_filter_stats *sum)
{
	const struct list_node *node;

	list_for_each(node, &service->links)
	{
		struct libvirt_link *link =
			container_of(node, struct libvirt_link, node);
		struct libvirt_filter_stats stats;

		libvirt_filter_stats(link->filter, &stats);
		sum->calls += stats.calls;
		sum->denied += stats.denied;
		sum->replies += stats.replies;
		sum->events += stats.events;
		sum->events_hidden += stats.events_hidden;
		if (stats.daemon_version)
			sum->daemon_version = stats.daemon_version;
	}
}
