// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-guest.c - the guest's calls: what is passed on, answered, refused.
 *
 * A call passes if its procedure is in the table, some domain of the policy
 * has the verb, and every domain it names has: libvirt_walk() looks at these
 * and makes the payload anew.  What needs no daemon is answered here.
 */
#include "backend/service/libvirt-internal.h"

#include <stdio.h>
#include <string.h>

enum {
	CONNECT_RO = 1,
	CONNECT_NO_ALIASES = 2,
	LIST_ACTIVE = 1,
	LIST_INACTIVE = 2,
	/* virDrvFeature */
	FEATURE_TYPED_PARAM_STRING = 9,
	FEATURE_KEEPALIVE = 10,
	FEATURE_EVENT_CALLBACK = 14,
};

static const char out_of_shape[] = "malformed";

/* --- answers of our own ----------------------------------------------------
 */

static size_t answer_begin(struct libvirt_filter *filter,
			   const struct libvirt_header *header)
{
	struct libvirt_header answer = *header;

	answer.type = LIBVIRT_REPLY;
	answer.status = LIBVIRT_OK;
	return libvirt_message_begin(filter->to_guest, &answer);
}

static void answer_u32(struct libvirt_filter *filter,
		       const struct libvirt_header *header, uint32_t value)
{
	size_t begin = answer_begin(filter, header);

	xdr_put_u32(filter->to_guest, value);
	libvirt_message_end(filter->to_guest, begin);
}

/* "Log in with nothing." */
static void answer_auth(struct libvirt_filter *filter,
			const struct libvirt_header *header)
{
	size_t begin = answer_begin(filter, header);

	xdr_put_u32(filter->to_guest, 1);
	xdr_put_u32(filter->to_guest, 0);
	libvirt_message_end(filter->to_guest, begin);
}

/* Which driver it is; a path of the host's stays here. */
static void answer_uri(struct libvirt_filter *filter,
		       const struct libvirt_header *header)
{
	static const char *const known[] = {"/system", "/session", "/default"};
	int driver_len = (int)strcspn(filter->uri, ":+");
	const char *path = strstr(filter->uri, "://");
	const char *shown = "/";
	char uri[64];
	size_t begin;

	path = path ? strchr(path + 3, '/') : NULL;
	for (unsigned int i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (path && strcmp(path, known[i]) == 0)
			shown = known[i];
	snprintf(uri, sizeof(uri), "%.*s://%s", driver_len, filter->uri, shown);
	begin = answer_begin(filter, header);
	xdr_put_string(filter->to_guest, uri, strlen(uri));
	libvirt_message_end(filter->to_guest, begin);
}

static bool answer_here(struct libvirt_filter *filter,
			const struct libvirt_header *header,
			const struct libvirt_procedure *procedure,
			struct xdr_in in)
{
	uint32_t value;

	switch (procedure->special) {
	case LIBVIRT_AUTH:
		answer_auth(filter, header);
		return true;
	case LIBVIRT_URI:
		answer_uri(filter, header);
		return true;
	case LIBVIRT_FEATURE:
		if (!xdr_get_u32(&in, &value) || in.len)
			filter_deny(filter, header, procedure, NULL,
				    out_of_shape);
		else
			answer_u32(filter, header,
				   value == FEATURE_TYPED_PARAM_STRING ||
					   value == FEATURE_KEEPALIVE ||
					   value == FEATURE_EVENT_CALLBACK);
		return true;
	default:
		return false;
	}
}

/* --- what is asked of the daemon -------------------------------------------
 */

static size_t call_begin(struct libvirt_filter *filter,
			 const struct filter_call *call)
{
	struct libvirt_header header = filter_call_header(call);

	return libvirt_message_begin(filter->to_daemon, &header);
}

static const char *call_end(struct libvirt_filter *filter, size_t begin)
{
	return libvirt_message_end(filter->to_daemon, begin)
		       ? NULL
		       : "too much at once";
}

/* Our URI, whatever the client said; read-only if nothing else is granted. */
static const char *ask_open(struct libvirt_filter *filter,
			    struct filter_call *call, struct xdr_in in)
{
	static const uint32_t reading = LIBVIRT_INFO | LIBVIRT_EVENTS;
	uint32_t present, flags;
	const uint8_t *name;
	size_t len, begin;

	if (!xdr_get_u32(&in, &present) || present > 1 ||
	    (present && !xdr_get_string(&in, &name, &len)) ||
	    !xdr_get_u32(&in, &flags) || in.len)
		return out_of_shape;
	flags = CONNECT_NO_ALIASES | (flags & CONNECT_RO);
	if (!(filter->verbs & ~reading))
		flags |= CONNECT_RO;
	begin = call_begin(filter, call);
	xdr_put_u32(filter->to_daemon, 1);
	xdr_put_string(filter->to_daemon, filter->uri, strlen(filter->uri));
	xdr_put_u32(filter->to_daemon, flags);
	filter->open = OPEN_WAITING;
	return call_end(filter, begin);
}

/*
 * Counts and lists of all kinds are made from one list, with its results, so
 * that there is one place where domains are left out.
 */
static const char *ask_list(struct libvirt_filter *filter,
			    struct filter_call *call, struct xdr_in in)
{
	uint32_t flags = LIST_ACTIVE, ignored;
	size_t begin;

	switch (call->procedure->special) {
	case LIBVIRT_LIST:
		if (!xdr_get_u32(&in, &ignored) || !xdr_get_u32(&in, &flags))
			return out_of_shape;
		break;
	case LIBVIRT_LIST_NAMES:
		flags = LIST_INACTIVE;
		/* fall through */
	case LIBVIRT_LIST_IDS:
		if (!xdr_get_u32(&in, &call->value) || call->value > INT32_MAX)
			return out_of_shape;
		break;
	default:
		if (call->procedure->special == LIBVIRT_COUNT_DEFINED)
			flags = LIST_INACTIVE;
	}
	if (in.len)
		return out_of_shape;
	call->asked = libvirt_procedure_find(LIBVIRT_REMOTE_PROGRAM, 1,
					     LIBVIRT_PROC_LIST_ALL_DOMAINS);
	begin = call_begin(filter, call);
	xdr_put_u32(filter->to_daemon, 1);
	xdr_put_u32(filter->to_daemon, flags);
	return call_end(filter, begin);
}

/* A name or uuid that is not of the list is not looked up at all. */
static bool lookup_allowed(const struct libvirt_filter *filter,
			   const struct libvirt_procedure *procedure,
			   struct xdr_in in)
{
	const struct libvirt_target *target = NULL;
	const uint8_t *octets;
	size_t len;

	if (filter_plain(filter, NULL))
		return true;
	if (procedure->special == LIBVIRT_LOOKUP_UUID &&
	    xdr_get_octets(&in, LIBVIRT_UUID_LEN, &octets))
		target = libvirt_policy_find(&filter->policy, octets);
	if (procedure->special == LIBVIRT_LOOKUP_NAME &&
	    xdr_get_string(&in, &octets, &len))
		target = libvirt_policy_named(&filter->policy,
					      (const char *)octets, len);
	return target && target->verbs;
}

/* By the shape of the procedure. */
static const char *ask_walked(struct libvirt_filter *filter,
			      struct filter_call *call, struct xdr_in in)
{
	struct libvirt_walk walk = filter_walk(filter, call->procedure, true);
	struct filter_stream *stream = NULL;
	size_t begin = call_begin(filter, call);
	enum libvirt_walked walked =
		libvirt_walk(&walk, in.at, in.len, filter->to_daemon);
	const char *why;

	/* Where the domain may be absent, absent is all of them. */
	if (call->procedure->class == LIBVIRT_CLASS_FULL && !walk.target &&
	    !filter_plain(filter, NULL))
		walked = LIBVIRT_WALK_DOMAIN;
	if (walked != LIBVIRT_WALKED) {
		filter->to_daemon->len = begin;
		filter->to_daemon->failed = false;
		return filter_walk_text(walked);
	}
	if (walk.target) {
		call->has_uuid = true;
		memcpy(call->uuid, walk.target->uuid, sizeof(call->uuid));
	}
	if (call->procedure->special == LIBVIRT_STREAM) {
		stream = filter_stream_new(filter, call);
		if (!stream) {
			filter->to_daemon->len = begin;
			return "too many streams";
		}
	}
	why = call_end(filter, begin);
	if (why && stream)
		stream->state = STREAM_FREE;
	return why;
}

static const char *ask(struct libvirt_filter *filter, struct filter_call *call,
		       struct xdr_in in)
{
	struct xdr_in peek = in;

	switch (call->procedure->special) {
	case LIBVIRT_OPEN:
		return ask_open(filter, call, in);
	case LIBVIRT_LIST:
	case LIBVIRT_LIST_IDS:
	case LIBVIRT_LIST_NAMES:
	case LIBVIRT_COUNT_ACTIVE:
	case LIBVIRT_COUNT_DEFINED:
		return ask_list(filter, call, in);
	case LIBVIRT_LOOKUP_UUID:
	case LIBVIRT_LOOKUP_NAME:
		if (!lookup_allowed(filter, call->procedure, in))
			return filter_walk_text(LIBVIRT_WALK_DOMAIN);
		break;
	case LIBVIRT_REGISTER:
		if (filter->callback_count + filter_calls_waiting(filter) >
		    LIBVIRT_CALLBACKS_MAX)
			return "too many registrations for events";
		break;
	case LIBVIRT_DEREGISTER:
		if (!xdr_get_u32(&peek, &call->value) ||
		    !filter_has_callback(filter, (int32_t)call->value))
			return "not a registration of this connection";
		break;
	default:
		break;
	}
	return ask_walked(filter, call, in);
}

/* --- calls ------------------------------------------------------------------
 */

/* NULL: the call may be tried. */
static const char *refuse_early(const struct libvirt_filter *filter,
				const struct libvirt_header *header,
				const struct libvirt_procedure *procedure)
{
	bool open = filter->open == OPEN_DONE;

	if (!filter->verbs)
		return "nothing is granted";
	if (header->type == LIBVIRT_CALL_WITH_FDS)
		return "descriptors cannot be passed";
	if (!procedure)
		return "unknown procedure";
	if (procedure->event || procedure->class == LIBVIRT_CLASS_NEVER)
		return "never granted";
	if (!libvirt_class_allowed(procedure->class, filter->verbs))
		return "verb not granted";
	/* About the host: not a matter of any domain's grant. */
	if (procedure->class == LIBVIRT_CLASS_FULL &&
	    !strchr(procedure->call, 'D') && !filter_plain(filter, NULL))
		return "verb not granted on the host";
	if (procedure->special == LIBVIRT_OPEN && filter->open != OPEN_NOT)
		return "the connection is open already";
	if (!open && procedure->special != LIBVIRT_OPEN &&
	    procedure->special != LIBVIRT_AUTH &&
	    procedure->special != LIBVIRT_FEATURE)
		return "the connection is not open";
	return NULL;
}

static bool serial_used(const struct libvirt_filter *filter, uint32_t serial)
{
	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++)
		if (filter->calls[i].procedure && !filter->calls[i].own &&
		    !filter->calls[i].expired &&
		    filter->calls[i].header.serial == serial)
			return true;
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++)
		if (filter->streams[i].state != STREAM_FREE &&
		    filter->streams[i].header.serial == serial)
			return true;
	return false;
}

static bool take_call(struct libvirt_filter *filter,
		      const struct libvirt_header *header,
		      const uint8_t *payload, size_t len)
{
	const struct libvirt_procedure *procedure = libvirt_procedure_find(
		header->program, header->version, header->procedure);
	struct xdr_in in = {payload, len};
	const char *why = refuse_early(filter, header, procedure);
	struct filter_call *call;

	filter->stats.calls++;
	if (header->status != LIBVIRT_OK || serial_used(filter, header->serial))
		return false;
	if (why) {
		filter_deny(filter, header, procedure, NULL, why);
		return true;
	}
	if (answer_here(filter, header, procedure, in))
		return true;
	if (filter->login == LOGIN_GONE) {
		filter_error(filter, header, LIBVIRT_ERR_SYSTEM,
			     filter->gone_why);
		return true;
	}
	call = filter_call_new(filter, procedure);
	if (!call)
		return false;
	call->header = *header;
	why = ask(filter, call, in);
	if (why) {
		call->procedure = NULL;
		filter_deny(filter, header, procedure, NULL, why);
	}
	return true;
}

bool libvirt_filter_guest(struct libvirt_filter *filter, uint64_t now_ms,
			  const struct libvirt_header *header,
			  const uint8_t *payload, struct xdr_out *to_guest,
			  struct xdr_out *to_daemon)
{
	size_t len = header->length - LIBVIRT_HEADER_LEN;

	filter->now_ms = now_ms;
	filter->to_guest = to_guest;
	filter->to_daemon = to_daemon;
	if (header->program == LIBVIRT_KEEPALIVE_PROGRAM)
		return filter_keepalive(filter->to_guest, header);
	switch (header->type) {
	case LIBVIRT_CALL:
	case LIBVIRT_CALL_WITH_FDS:
		return take_call(filter, header, payload, len);
	case LIBVIRT_STREAM_DATA:
		return filter_stream_guest(filter, header, payload, len);
	default:
		return false;
	}
}

void libvirt_filter_guest_long(struct libvirt_filter *filter,
			       const struct libvirt_header *header,
			       struct xdr_out *to_guest)
{
	filter->to_guest = to_guest;
	filter->stats.calls++;
	if (header->type == LIBVIRT_CALL)
		filter_deny(filter, header,
			    libvirt_procedure_find(header->program,
						   header->version,
						   header->procedure),
			    NULL, "message too long");
}
