// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-daemon.c - what the daemon sends: replies, events, keep-alive.
 *
 * A reply is matched to the call it answers by our own serial; an event to a
 * registration by its callback's id.  What was not asked for is dropped.
 */
#include "backend/service/libvirt-internal.h"

#include <string.h>

static const char broken[] =
	"2virt: the platform's libvirt answers in a way that cannot be passed";

static struct filter_call *find_call(struct libvirt_filter *filter,
				     const struct libvirt_header *header)
{
	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++) {
		struct filter_call *call = &filter->calls[i];
		struct libvirt_header sent;

		if (!call->procedure || call->serial != header->serial)
			continue;
		sent = filter_call_header(call);
		if (sent.program == header->program &&
		    sent.version == header->version &&
		    sent.procedure == header->procedure)
			return call;
	}
	return NULL;
}

static struct libvirt_header reply_header(const struct filter_call *call)
{
	struct libvirt_header header = call->header;

	header.type = LIBVIRT_REPLY;
	header.status = LIBVIRT_OK;
	return header;
}

/* --- lists made of the list of all ------------------------------------------
 */

/* list: domains that may be known, as the daemon's reply has them. */
static void put_ids(struct xdr_out *out, struct xdr_in list, uint32_t count,
		    uint32_t max)
{
	xdr_put_u32(out, count < max ? count : max);
	for (uint32_t i = 0; i < count && i < max; i++) {
		const uint8_t *octets;
		uint32_t id = 0;
		size_t len;

		xdr_get_string(&list, &octets, &len);
		xdr_get_octets(&list, LIBVIRT_UUID_LEN, &octets);
		xdr_get_u32(&list, &id);
		xdr_put_u32(out, id);
	}
}

static void put_names(struct xdr_out *out, struct xdr_in list, uint32_t count,
		      uint32_t max)
{
	xdr_put_u32(out, count < max ? count : max);
	for (uint32_t i = 0; i < count && i < max; i++) {
		const uint8_t *name = NULL, *octets;
		size_t len = 0;

		xdr_get_string(&list, &name, &len);
		xdr_get_octets(&list, LIBVIRT_UUID_LEN + 4, &octets);
		xdr_put_string(out, name, len);
	}
}

/* all: a reply of LIST_ALL_DOMAINS, filtered. */
static void put_listed(struct libvirt_filter *filter,
		       const struct filter_call *call,
		       const struct xdr_out *all)
{
	struct libvirt_header header = reply_header(call);
	struct xdr_out *out = filter->to_guest;
	struct xdr_in list = {all->data, all->len};
	uint32_t count = 0;
	size_t begin = libvirt_message_begin(out, &header);

	if (call->procedure->special == LIBVIRT_LIST) {
		xdr_put_octets(out, all->data, all->len);
	} else {
		xdr_get_u32(&list, &count);
		if (call->procedure->special == LIBVIRT_LIST_IDS)
			put_ids(out, list, count, call->value);
		else if (call->procedure->special == LIBVIRT_LIST_NAMES)
			put_names(out, list, count, call->value);
		else
			xdr_put_u32(out, count);
	}
	if (!libvirt_message_end(out, begin))
		filter_error(filter, &call->header, LIBVIRT_ERR_RPC, broken);
}

static void pass_listed(struct libvirt_filter *filter,
			const struct filter_call *call, const uint8_t *payload,
			size_t len)
{
	struct libvirt_walk walk = filter_walk(filter, call->asked, false);
	struct xdr_out all;

	xdr_out_init(&all, LIBVIRT_REPLY_MAX);
	if (libvirt_walk(&walk, payload, len, &all) == LIBVIRT_WALKED)
		put_listed(filter, call, &all);
	else
		filter_error(filter, &call->header, LIBVIRT_ERR_RPC, broken);
	xdr_out_fini(&all);
}

/* --- replies ----------------------------------------------------------------
 */

static void registered(struct libvirt_filter *filter,
		       const struct filter_call *call, struct xdr_in in)
{
	uint32_t id;

	switch (call->procedure->special) {
	case LIBVIRT_REGISTER:
		if (xdr_get_u32(&in, &id) &&
		    !filter_has_callback(filter, (int32_t)id) &&
		    filter->callback_count < LIBVIRT_CALLBACKS_MAX)
			filter->callbacks[filter->callback_count++] =
				(int32_t)id;
		return;
	case LIBVIRT_DEREGISTER:
		for (unsigned int i = 0; i < filter->callback_count; i++)
			if (filter->callbacks[i] == (int32_t)call->value)
				filter->callbacks[i] =
					filter->callbacks
						[--filter->callback_count];
		return;
	default:
		return;
	}
}

static void pass_walked(struct libvirt_filter *filter,
			const struct filter_call *call, const uint8_t *payload,
			size_t len)
{
	struct libvirt_walk walk = filter_walk(filter, call->asked, false);
	struct libvirt_header header = reply_header(call);
	size_t begin = libvirt_message_begin(filter->to_guest, &header);
	enum libvirt_walked walked;

	walk.target = filter_target(filter, call->has_uuid, call->uuid);
	walked = libvirt_walk(&walk, payload, len, filter->to_guest);
	if (walked == LIBVIRT_WALKED) {
		registered(filter, call, (struct xdr_in){payload, len});
		libvirt_message_end(filter->to_guest, begin);
		return;
	}
	filter->to_guest->len = begin;
	filter->to_guest->failed = false;
	if (walked == LIBVIRT_WALK_DOMAIN)
		filter_deny(filter, &call->header, call->procedure, NULL,
			    filter_walk_text(walked));
	else
		filter_error(filter, &call->header, LIBVIRT_ERR_RPC, broken);
}

/* The grant may have gone while the daemon worked. */
static bool still_allowed(const struct libvirt_filter *filter,
			  const struct filter_call *call)
{
	const struct libvirt_target *target =
		filter_target(filter, call->has_uuid, call->uuid);
	uint32_t verbs = filter->policy.host_verbs;

	if (!call->has_uuid)
		return libvirt_class_allowed(call->procedure->class,
					     filter->verbs);
	if (target)
		verbs |= target->verbs;
	return libvirt_class_allowed(call->procedure->class, verbs);
}

static void pass_error(struct libvirt_filter *filter,
		       const struct filter_call *call, const uint8_t *payload,
		       size_t len)
{
	const struct libvirt_target *target =
		filter_target(filter, call->has_uuid, call->uuid);
	struct libvirt_header header = reply_header(call);

	/* Not to be told from a domain that exists but is not granted. */
	if (call->procedure->class == LIBVIRT_CLASS_SEE && !call->has_uuid &&
	    !filter_plain(filter, NULL)) {
		filter_deny(filter, &call->header, call->procedure, NULL,
			    filter_walk_text(LIBVIRT_WALK_DOMAIN));
		return;
	}
	libvirt_pass_error(filter->to_guest, &header, payload, len,
			   filter_plain(filter, target));
}

static void pass_reply(struct libvirt_filter *filter,
		       const struct filter_call *call,
		       const struct libvirt_header *header,
		       const uint8_t *payload, size_t len)
{
	bool open = call->procedure->special == LIBVIRT_OPEN;

	if (!still_allowed(filter, call)) {
		filter_deny(filter, &call->header, call->procedure, NULL,
			    "policy has changed");
		return;
	}
	if (open)
		filter->open =
			header->status == LIBVIRT_OK ? OPEN_DONE : OPEN_NOT;
	if (header->status != LIBVIRT_OK) {
		pass_error(filter, call, payload, len);
		return;
	}
	if (open)
		filter_ask(filter, LIBVIRT_PROC_GET_LIB_VERSION);
	if (call->asked->number == LIBVIRT_PROC_LIST_ALL_DOMAINS &&
	    call->header.program == LIBVIRT_REMOTE_PROGRAM)
		pass_listed(filter, call, payload, len);
	else
		pass_walked(filter, call, payload, len);
}

static bool take_reply(struct libvirt_filter *filter,
		       const struct libvirt_header *header,
		       const uint8_t *payload, size_t len)
{
	struct filter_call *waiting = find_call(filter, header);
	struct filter_stream *stream;
	struct filter_call call;

	if (header->status > LIBVIRT_ERROR)
		return false;
	if (!waiting)
		return true;
	call = *waiting;
	waiting->procedure = NULL;
	filter->stats.replies++;
	stream = filter_stream_of(filter, call.serial);
	if (stream && (header->status != LIBVIRT_OK || call.expired ||
		       !still_allowed(filter, &call)))
		filter_stream_end(filter, stream, 0, "",
				  header->status == LIBVIRT_OK);
	else if (stream)
		stream->state = STREAM_OPEN;
	if (call.own)
		filter_login_reply(filter, &call, header, payload, len);
	else if (!call.expired)
		pass_reply(filter, &call, header, payload, len);
	return true;
}

/* --- events ------------------------------------------------------------------
 */

static bool event_wanted(const struct libvirt_filter *filter,
			 const struct libvirt_procedure *procedure,
			 struct xdr_in in)
{
	uint32_t id;

	if (!procedure || !procedure->event || filter->open != OPEN_DONE ||
	    !libvirt_class_allowed(procedure->class, filter->verbs))
		return false;
	if (procedure->class == LIBVIRT_CLASS_FULL)
		return filter_plain(filter, NULL);
	if (procedure->class != LIBVIRT_CLASS_EVENTS)
		return true;
	return xdr_get_u32(&in, &id) &&
	       filter_has_callback(filter, (int32_t)id);
}

static bool take_event(struct libvirt_filter *filter,
		       const struct libvirt_header *header,
		       const uint8_t *payload, size_t len)
{
	const struct libvirt_procedure *procedure = libvirt_procedure_find(
		header->program, header->version, header->procedure);
	struct libvirt_header event = *header;
	struct libvirt_walk walk;
	size_t begin;

	filter->stats.events++;
	if (!event_wanted(filter, procedure, (struct xdr_in){payload, len})) {
		filter->stats.events_hidden++;
		return true;
	}
	event.serial = 0;
	event.status = LIBVIRT_OK;
	walk = filter_walk(filter, procedure, false);
	begin = libvirt_message_begin(filter->to_guest, &event);
	if (libvirt_walk(&walk, payload, len, filter->to_guest) ==
	    LIBVIRT_WALKED) {
		libvirt_message_end(filter->to_guest, begin);
		return true;
	}
	filter->to_guest->len = begin;
	filter->to_guest->failed = false;
	filter->stats.events_hidden++;
	return true;
}

bool libvirt_filter_daemon(struct libvirt_filter *filter, uint64_t now_ms,
			   const struct libvirt_header *header,
			   const uint8_t *payload, struct xdr_out *to_guest,
			   struct xdr_out *to_daemon)
{
	size_t len = header->length - LIBVIRT_HEADER_LEN;

	filter->now_ms = now_ms;
	filter->to_guest = to_guest;
	filter->to_daemon = to_daemon;
	if (header->program == LIBVIRT_KEEPALIVE_PROGRAM)
		return filter_keepalive(filter->to_daemon, header);
	switch (header->type) {
	case LIBVIRT_REPLY:
		return take_reply(filter, header, payload, len);
	case LIBVIRT_MESSAGE:
		return take_event(filter, header, payload, len);
	case LIBVIRT_STREAM_DATA:
		return filter_stream_daemon(filter, header, payload, len);
	default:
		/* Descriptors, holes: never asked for. */
		return false;
	}
}

void libvirt_filter_daemon_long(struct libvirt_filter *filter,
				const struct libvirt_header *header,
				struct xdr_out *to_guest)
{
	struct filter_call *call = find_call(filter, header);

	filter->to_guest = to_guest;
	if (header->type != LIBVIRT_REPLY || !call)
		return;
	if (!call->own && !call->expired)
		filter_error(filter, &call->header, LIBVIRT_ERR_RPC,
			     "2virt: the answer is too long");
	call->procedure = NULL;
}
