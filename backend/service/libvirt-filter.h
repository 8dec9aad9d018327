/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-filter.h - one guest's connection to libvirt, message by message.
 *
 * Pure: messages come in whole, what is to be sent is appended to one of two
 * buffers, time is told.  Both sides are hostile.
 *
 *   guest ── libvirt_filter_guest() ──▶ to_daemon     may pass, made anew
 *                     └───────────────▶ to_guest      refused, or known here
 *   daemon ─ libvirt_filter_daemon() ─▶ to_guest      filtered
 *                     └───────────────▶ to_daemon     keep-alive, log-in
 *
 * The guest's serials are never the daemon's: each call gets a serial of our
 * own, and only replies, streams and events that were asked for pass.
 */
#ifndef SERVICE_LIBVIRT_FILTER_H
#define SERVICE_LIBVIRT_FILTER_H

#include "backend/service/libvirt-policy.h"
#include "backend/service/libvirt-xdr.h"

enum {
	LIBVIRT_MESSAGE_MAX = 32 << 20, /* libvirt's own limit */
	LIBVIRT_CALL_MAX = 1 << 20,	/* octets of a message from the guest */
	LIBVIRT_REPLY_MAX = 8 << 20,	/* ... from the daemon */
	LIBVIRT_CALLS_MAX = 16,		/* calls not answered */
	LIBVIRT_STREAMS_MAX = 4,
	LIBVIRT_CALLBACKS_MAX = 64, /* registrations for events */
	LIBVIRT_CALL_TIMEOUT_MS = 60000,
};

struct libvirt_filter;

/* A refusal; everything lives only while denied() runs. */
struct libvirt_denial {
	const char *procedure; /* "DOMAIN_DESTROY", "remote:999" */
	const char *class;     /* the verb it would have needed */
	const char *domain;    /* its name, if it is one of the list; or "" */
	const char *why;
};

struct libvirt_filter_config {
	const char *uri; /* what the service opens: "xen:///system"; copied */
	const struct libvirt_policy *policy; /* copied */
	uint32_t call_timeout_ms;	     /* 0: LIBVIRT_CALL_TIMEOUT_MS */
	void (*denied)(void *context, const struct libvirt_denial *denial);
	void *context;
};

struct libvirt_filter_stats {
	uint64_t calls; /* from the guest, all kinds */
	uint64_t denied;
	uint64_t replies;
	uint64_t events;
	uint64_t events_hidden;
	unsigned long daemon_version; /* 0: not known yet */
};

/* NULL: out of memory. */
struct libvirt_filter *
libvirt_filter_create(const struct libvirt_filter_config *config);
void libvirt_filter_destroy(struct libvirt_filter *filter);

/* The daemon's socket is connected: begins to log in. */
void libvirt_filter_start(struct libvirt_filter *filter, uint64_t now_ms,
			  struct xdr_out *to_daemon);

/* Is there room for another message of the guest's? */
bool libvirt_filter_ready(const struct libvirt_filter *filter);

/*
 * One message, header->length octets in all; payload is what follows the
 * header.  False: the peer broke the protocol, cut the connection.
 */
bool libvirt_filter_guest(struct libvirt_filter *filter, uint64_t now_ms,
			  const struct libvirt_header *header,
			  const uint8_t *payload, struct xdr_out *to_guest,
			  struct xdr_out *to_daemon);
bool libvirt_filter_daemon(struct libvirt_filter *filter, uint64_t now_ms,
			   const struct libvirt_header *header,
			   const uint8_t *payload, struct xdr_out *to_guest,
			   struct xdr_out *to_daemon);

/* Messages that were too long to be read, known by their headers only. */
void libvirt_filter_guest_long(struct libvirt_filter *filter,
			       const struct libvirt_header *header,
			       struct xdr_out *to_guest);
void libvirt_filter_daemon_long(struct libvirt_filter *filter,
				const struct libvirt_header *header,
				struct xdr_out *to_guest);

/* The daemon is gone or was never there: everything is answered with this. */
void libvirt_filter_gone(struct libvirt_filter *filter, const char *why,
			 struct xdr_out *to_guest);
bool libvirt_filter_is_gone(const struct libvirt_filter *filter);
/* Has the guest opened its connection, with success? */
bool libvirt_filter_is_open(const struct libvirt_filter *filter);

/*
 * Answers the calls that wait too long.  False: the daemon does not even let
 * us log in, or leaves too many unanswered; treat it as gone.
 */
bool libvirt_filter_expire(struct libvirt_filter *filter, uint64_t now_ms,
			   struct xdr_out *to_guest);

/* From now on; streams that it does not allow any more are ended.  -ENOMEM. */
int libvirt_filter_set_policy(struct libvirt_filter *filter,
			      const struct libvirt_policy *policy,
			      struct xdr_out *to_guest,
			      struct xdr_out *to_daemon);

void libvirt_filter_stats(const struct libvirt_filter *filter,
			  struct libvirt_filter_stats *stats);

#endif
