/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-internal.h - a connection's state, shared by the files that make the
 * filter: libvirt-filter.c (life), libvirt-guest.c (calls), libvirt-daemon.c
 * (replies, events), libvirt-stream.c (streams).
 */
#ifndef SERVICE_LIBVIRT_INTERNAL_H
#define SERVICE_LIBVIRT_INTERNAL_H

#include "backend/service/libvirt-error.h"
#include "backend/service/libvirt-filter.h"
#include "backend/service/libvirt-walk.h"

enum {
	LIBVIRT_REMOTE_PROGRAM = 0x20008086,
	LIBVIRT_KEEPALIVE_PROGRAM = 0x6b656570,
	/* Procedures that we use ourselves. */
	LIBVIRT_PROC_OPEN = 1,
	LIBVIRT_PROC_AUTH_LIST = 66,
	LIBVIRT_PROC_AUTH_POLKIT = 70,
	LIBVIRT_PROC_GET_LIB_VERSION = 157,
	LIBVIRT_PROC_LIST_ALL_DOMAINS = 273,
};

/* Towards the daemon. */
enum filter_login {
	LOGIN_NONE, /* not connected yet */
	LOGIN_ASKING,
	LOGIN_POLKIT,
	LOGIN_DONE,
	LOGIN_GONE,
};

/* What the guest made of it. */
enum filter_open {
	OPEN_NOT,
	OPEN_WAITING,
	OPEN_DONE,
};

struct filter_call {
	const struct libvirt_procedure *procedure; /* NULL: free */
	/* What the daemon was asked instead; else the same. */
	const struct libvirt_procedure *asked;
	struct libvirt_header header; /* the guest's, to answer with */
	uint32_t serial;	      /* towards the daemon */
	uint32_t value; /* of the call: maxids, maxnames, a callback's id */
	bool own;	/* ours: the guest knows nothing of it */
	bool expired;	/* the guest has had an error */
	bool has_uuid;
	uint8_t uuid[LIBVIRT_UUID_LEN];
	uint64_t deadline_ms;
};

enum stream_state {
	STREAM_FREE,
	STREAM_ASKED, /* the call is not answered yet */
	STREAM_OPEN,
	STREAM_FINISHING, /* the guest sends no more */
};

struct filter_stream {
	enum stream_state state;
	struct libvirt_header header; /* the guest's call */
	uint32_t serial;	      /* towards the daemon */
	const struct libvirt_procedure *procedure;
	bool has_uuid;
	uint8_t uuid[LIBVIRT_UUID_LEN];
};

struct libvirt_filter {
	char *uri;
	struct libvirt_policy policy;
	struct libvirt_ids *ids; /* one for each target, NULL: none */
	uint32_t verbs;		 /* all of the policy together */
	uint32_t call_timeout_ms;
	void (*denied)(void *context, const struct libvirt_denial *denial);
	void *context;

	enum filter_login login;
	enum filter_open open;
	const char *gone_why;
	uint32_t serial;
	struct filter_call calls[LIBVIRT_CALLS_MAX];
	struct filter_stream streams[LIBVIRT_STREAMS_MAX];
	unsigned int callback_count;
	int32_t callbacks[LIBVIRT_CALLBACKS_MAX];
	struct libvirt_filter_stats stats;
	/* Where the messages of this turn go. */
	uint64_t now_ms;
	struct xdr_out *to_guest;
	struct xdr_out *to_daemon;
};

/*
 * Keep-alive is each side's own: a ping is answered on the way back and goes no
 * further, an answer is taken.  False: the message is malformed.
 */
bool filter_keepalive(struct xdr_out *back,
		      const struct libvirt_header *header);

/* A free entry with a serial and a deadline, marked by procedure; or NULL. */
struct filter_call *filter_call_new(struct libvirt_filter *filter,
				    const struct libvirt_procedure *procedure);
unsigned int filter_calls_waiting(const struct libvirt_filter *filter);
/* The header of a call to the daemon. */
struct libvirt_header filter_call_header(const struct filter_call *call);
/* A call of our own without arguments. */
void filter_ask(struct libvirt_filter *filter, unsigned int procedure);
struct libvirt_walk filter_walk(struct libvirt_filter *filter,
				const struct libvirt_procedure *procedure,
				bool call);
const struct libvirt_target *
filter_target(const struct libvirt_filter *filter, bool has_uuid,
	      const uint8_t uuid[LIBVIRT_UUID_LEN]);
/* May everything be shown of the domain that this is about? */
bool filter_plain(const struct libvirt_filter *filter,
		  const struct libvirt_target *target);
/* Answers a call of the guest's with an error that names policy. */
void filter_deny(struct libvirt_filter *filter,
		 const struct libvirt_header *header,
		 const struct libvirt_procedure *procedure,
		 const struct libvirt_target *target, const char *why);
void filter_error(struct libvirt_filter *filter,
		  const struct libvirt_header *header, int code,
		  const char *text);
const char *filter_walk_text(enum libvirt_walked walked);
bool filter_has_callback(const struct libvirt_filter *filter, int32_t id);

/* --- libvirt-daemon.c ------------------------------------------------------
 */

/* A reply of the daemon to one of our own calls. */
void filter_login_reply(struct libvirt_filter *filter,
			const struct filter_call *call,
			const struct libvirt_header *header,
			const uint8_t *payload, size_t len);

/* --- libvirt-stream.c ------------------------------------------------------
 */

struct filter_stream *filter_stream_new(struct libvirt_filter *filter,
					const struct filter_call *call);
struct filter_stream *filter_stream_of(struct libvirt_filter *filter,
				       uint32_t daemon_serial);
bool filter_stream_guest(struct libvirt_filter *filter,
			 const struct libvirt_header *header,
			 const uint8_t *payload, size_t len);
bool filter_stream_daemon(struct libvirt_filter *filter,
			  const struct libvirt_header *header,
			  const uint8_t *payload, size_t len);
/* Ends it on the guest's side, and the daemon's if tell_daemon. */
void filter_stream_end(struct libvirt_filter *filter,
		       struct filter_stream *stream, int code, const char *text,
		       bool tell_daemon);

#endif
