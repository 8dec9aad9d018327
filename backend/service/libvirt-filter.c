// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-filter.c - one guest's connection: its life from log-in to end.
 *
 *   LOGIN_NONE ─start─▶ ASKING ─AUTH_LIST─▶ [POLKIT ─▶] DONE
 *        └──────────────────┴─────────────────┴──────────┴─▶ GONE
 *
 * Log-in is ours: the guest is told that none is needed, and the daemon sees
 * the uid of this process, which is what polkit's rules are about.
 */
#include "backend/service/libvirt-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOGIN_TIMEOUT_MS = 5000 };

struct libvirt_filter *
libvirt_filter_create(const struct libvirt_filter_config *config)
{
	struct libvirt_filter *filter = calloc(1, sizeof(*filter));

	if (!filter)
		return NULL;
	filter->uri = strdup(config->uri);
	filter->call_timeout_ms = config->call_timeout_ms
					  ? config->call_timeout_ms
					  : LIBVIRT_CALL_TIMEOUT_MS;
	filter->denied = config->denied;
	filter->context = config->context;
	if (!filter->uri ||
	    libvirt_filter_set_policy(filter, config->policy, NULL, NULL)) {
		libvirt_filter_destroy(filter);
		return NULL;
	}
	return filter;
}

void libvirt_filter_destroy(struct libvirt_filter *filter)
{
	if (!filter)
		return;
	libvirt_policy_fini(&filter->policy);
	free(filter->ids);
	free(filter->uri);
	free(filter);
}

static void end_lost_streams(struct libvirt_filter *filter)
{
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++) {
		struct filter_stream *stream = &filter->streams[i];
		const struct libvirt_target *target =
			filter_target(filter, stream->has_uuid, stream->uuid);
		uint32_t verbs = filter->policy.host_verbs;

		if (target)
			verbs |= target->verbs;
		/* One that is not answered yet is looked at when it is. */
		if (stream->state == STREAM_FREE ||
		    stream->state == STREAM_ASKED ||
		    libvirt_class_allowed(stream->procedure->class, verbs))
			continue;
		filter_stream_end(filter, stream, LIBVIRT_ERR_ACCESS,
				  "access denied: 2virt policy has changed",
				  true);
	}
}

int libvirt_filter_set_policy(struct libvirt_filter *filter,
			      const struct libvirt_policy *policy,
			      struct xdr_out *to_guest,
			      struct xdr_out *to_daemon)
{
	struct libvirt_policy fresh;
	struct libvirt_ids *ids;

	ids = calloc(policy->target_count + 1, sizeof(*ids));
	if (!ids || libvirt_policy_copy(&fresh, policy)) {
		free(ids);
		return -ENOMEM;
	}
	fresh.host_verbs =
		fresh.host_verbs & LIBVIRT_FULL ? LIBVIRT_VERBS_ALL : 0;
	for (unsigned int i = 0; i < fresh.target_count; i++) {
		const struct libvirt_target *old = libvirt_policy_find(
			&filter->policy, fresh.targets[i].uuid);

		ids[i].now = -1;
		if (old)
			ids[i] = filter->ids[old - filter->policy.targets];
	}
	libvirt_policy_fini(&filter->policy);
	free(filter->ids);
	filter->policy = fresh;
	filter->ids = ids;
	filter->verbs = libvirt_policy_verbs(&fresh);
	filter->to_guest = to_guest;
	filter->to_daemon = to_daemon;
	if (to_guest && to_daemon)
		end_lost_streams(filter);
	return 0;
}

/* --- what the parts share --------------------------------------------------
 */

struct filter_call *filter_call_new(struct libvirt_filter *filter,
				    const struct libvirt_procedure *procedure)
{
	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++) {
		struct filter_call *call = &filter->calls[i];

		if (call->procedure)
			continue;
		*call = (struct filter_call){
			.procedure = procedure,
			.asked = procedure,
			.serial = ++filter->serial,
			.deadline_ms = filter->now_ms + filter->call_timeout_ms,
		};
		return call;
	}
	return NULL;
}

unsigned int filter_calls_waiting(const struct libvirt_filter *filter)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++)
		count += filter->calls[i].procedure != NULL;
	return count;
}

struct libvirt_header filter_call_header(const struct filter_call *call)
{
	return (struct libvirt_header){
		.program = call->own ? LIBVIRT_REMOTE_PROGRAM
				     : call->header.program,
		.version = 1,
		.procedure = call->asked->number,
		.type = LIBVIRT_CALL,
		.serial = call->serial,
		.status = LIBVIRT_OK,
	};
}

bool filter_keepalive(struct xdr_out *back, const struct libvirt_header *header)
{
	enum { PING = 1, PONG = 2 };
	struct libvirt_header pong = *header;

	if (header->version != 1 || header->type != LIBVIRT_MESSAGE ||
	    header->length != LIBVIRT_HEADER_LEN)
		return false;
	if (header->procedure == PING) {
		pong.procedure = PONG;
		libvirt_message_end(back, libvirt_message_begin(back, &pong));
	}
	return true;
}

void filter_ask(struct libvirt_filter *filter, unsigned int number)
{
	struct filter_call *call = filter_call_new(
		filter,
		libvirt_procedure_find(LIBVIRT_REMOTE_PROGRAM, 1, number));
	struct libvirt_header header;

	if (!call)
		return;
	call->own = true;
	call->deadline_ms = filter->now_ms + LOGIN_TIMEOUT_MS;
	header = filter_call_header(call);
	libvirt_message_end(filter->to_daemon,
			    libvirt_message_begin(filter->to_daemon, &header));
}

struct libvirt_walk filter_walk(struct libvirt_filter *filter,
				const struct libvirt_procedure *procedure,
				bool call)
{
	return (struct libvirt_walk){
		.policy = &filter->policy,
		.ids = filter->ids,
		.procedure = procedure,
		.call = call,
	};
}

const struct libvirt_target *filter_target(const struct libvirt_filter *filter,
					   bool has_uuid,
					   const uint8_t uuid[LIBVIRT_UUID_LEN])
{
	return has_uuid ? libvirt_policy_find(&filter->policy, uuid) : NULL;
}

bool filter_plain(const struct libvirt_filter *filter,
		  const struct libvirt_target *target)
{
	uint32_t verbs = filter->policy.host_verbs;

	return (verbs | (target ? target->verbs : 0)) & LIBVIRT_FULL;
}

void filter_deny(struct libvirt_filter *filter,
		 const struct libvirt_header *header,
		 const struct libvirt_procedure *procedure,
		 const struct libvirt_target *target, const char *why)
{
	struct libvirt_denial denial = {
		.class = "none",
		.domain = target ? target->name : "",
		.why = why,
	};
	char number[48], text[256];

	snprintf(number, sizeof(number), "%#" PRIx32 ":%" PRIu32,
		 header->program, header->procedure);
	denial.procedure = procedure ? procedure->name : number;
	if (procedure)
		denial.class = libvirt_class_name(procedure->class);
	snprintf(text, sizeof(text),
		 "access denied: 2virt policy: %s (%s, verb '%s')", why,
		 denial.procedure, denial.class);
	filter->stats.denied++;
	filter_error(filter, header,
		     procedure && procedure->special == LIBVIRT_UNSUPPORTED
			     ? LIBVIRT_ERR_NO_SUPPORT
			     : LIBVIRT_ERR_ACCESS,
		     text);
	if (filter->denied)
		filter->denied(filter->context, &denial);
}

void filter_error(struct libvirt_filter *filter,
		  const struct libvirt_header *header, int code,
		  const char *text)
{
	struct libvirt_header answer = *header;

	answer.type = LIBVIRT_REPLY;
	libvirt_put_error(filter->to_guest, &answer, code, text);
}

const char *filter_walk_text(enum libvirt_walked walked)
{
	switch (walked) {
	case LIBVIRT_WALK_DOMAIN:
		return "not granted on this domain";
	case LIBVIRT_WALK_FLAGS:
		return "flags that are not granted";
	case LIBVIRT_WALK_VALUE:
		return "a value that is not granted";
	default:
		return "malformed";
	}
}

bool filter_has_callback(const struct libvirt_filter *filter, int32_t id)
{
	for (unsigned int i = 0; i < filter->callback_count; i++)
		if (filter->callbacks[i] == id)
			return true;
	return false;
}

/* --- life ------------------------------------------------------------------
 */

void libvirt_filter_start(struct libvirt_filter *filter, uint64_t now_ms,
			  struct xdr_out *to_daemon)
{
	if (filter->login != LOGIN_NONE)
		return;
	filter->now_ms = now_ms;
	filter->to_daemon = to_daemon;
	filter->login = LOGIN_ASKING;
	filter_ask(filter, LIBVIRT_PROC_AUTH_LIST);
}

void filter_login_reply(struct libvirt_filter *filter,
			const struct filter_call *call,
			const struct libvirt_header *header,
			const uint8_t *payload, size_t len)
{
	struct xdr_in in = {payload, len};
	bool none = false, polkit = false;
	uint32_t count, type;
	const char *why = "2virt: the platform's libvirt refuses the log-in";

	if (call->procedure->number == LIBVIRT_PROC_GET_LIB_VERSION) {
		if (header->status == LIBVIRT_OK && len == 8 &&
		    xdr_get_u32(&in, &type) && xdr_get_u32(&in, &count))
			filter->stats.daemon_version = count;
		return;
	}
	if (header->status == LIBVIRT_OK &&
	    call->procedure->number == LIBVIRT_PROC_AUTH_POLKIT) {
		filter->login = LOGIN_DONE;
		return;
	}
	if (header->status == LIBVIRT_OK && xdr_get_u32(&in, &count)) {
		while (count-- && xdr_get_u32(&in, &type)) {
			none = none || type == 0;
			polkit = polkit || type == 2;
		}
	}
	if (none) {
		filter->login = LOGIN_DONE;
	} else if (polkit) {
		filter->login = LOGIN_POLKIT;
		filter_ask(filter, LIBVIRT_PROC_AUTH_POLKIT);
	} else {
		libvirt_filter_gone(filter, why, filter->to_guest);
	}
}

bool libvirt_filter_ready(const struct libvirt_filter *filter)
{
	if (filter->login == LOGIN_GONE)
		return true;
	return filter->login == LOGIN_DONE &&
	       /* One for our own. */
	       filter_calls_waiting(filter) < LIBVIRT_CALLS_MAX - 1;
}

void libvirt_filter_gone(struct libvirt_filter *filter, const char *why,
			 struct xdr_out *to_guest)
{
	if (filter->login == LOGIN_GONE)
		return;
	filter->login = LOGIN_GONE;
	filter->gone_why = why;
	filter->to_guest = to_guest;
	filter->callback_count = 0;
	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++) {
		struct filter_call *call = &filter->calls[i];

		if (call->procedure && !call->own && !call->expired)
			filter_error(filter, &call->header, LIBVIRT_ERR_SYSTEM,
				     why);
		call->procedure = NULL;
	}
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++)
		if (filter->streams[i].state != STREAM_FREE)
			filter_stream_end(filter, &filter->streams[i],
					  LIBVIRT_ERR_SYSTEM, why, false);
}

bool libvirt_filter_is_gone(const struct libvirt_filter *filter)
{
	return filter->login == LOGIN_GONE;
}

bool libvirt_filter_is_open(const struct libvirt_filter *filter)
{
	return filter->open == OPEN_DONE;
}

bool libvirt_filter_expire(struct libvirt_filter *filter, uint64_t now_ms,
			   struct xdr_out *to_guest)
{
	unsigned int expired = 0;

	filter->now_ms = now_ms;
	filter->to_guest = to_guest;
	for (unsigned int i = 0; i < LIBVIRT_CALLS_MAX; i++) {
		struct filter_call *call = &filter->calls[i];

		if (!call->procedure)
			continue;
		expired += call->expired;
		if (call->expired || call->deadline_ms > now_ms)
			continue;
		if (call->own && filter->login != LOGIN_DONE)
			return false;
		call->expired = true;
		expired++;
		if (!call->own)
			filter_error(filter, &call->header, LIBVIRT_ERR_TIMEOUT,
				     "2virt: the platform's libvirt does not "
				     "answer in time");
	}
	return expired < LIBVIRT_CALLS_MAX / 2;
}

void libvirt_filter_stats(const struct libvirt_filter *filter,
			  struct libvirt_filter_stats *stats)
{
	*stats = filter->stats;
}
