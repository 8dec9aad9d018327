/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt.h - libvirt of the platform, as far as a grant goes.
 *
 * A *service* is a daemon (libvirtd, virtxend, virtqemud, …), the URI to open
 * there and the policy of one guest; a *link* is one connection of the guest's
 * client.  Octets are libvirt's RPC, filtered message by message
 * (libvirt-filter.h).
 *
 *      guest ──libvirt_link_write()──▶ filter ──▶ unix socket ──▶ daemon
 *            ◀──libvirt_link_read()─── filter ◀──
 *
 * Events never come from inside a call of these functions.
 */
#ifndef SERVICE_LIBVIRT_H
#define SERVICE_LIBVIRT_H

#include "backend/service/char.h"
#include "backend/service/libvirt-filter.h"

struct libvirt_service;
struct libvirt_link;

struct libvirt_service_config {
	const char *name; /* of the grant, for the log; copied */
	const char *uri;  /* "xen:///system"; copied */
	/* Where the daemon is; owned from then on, also on failure. */
	struct char_target *target;
	const struct libvirt_policy *policy; /* copied */
	uint32_t call_timeout_ms;	     /* 0: LIBVIRT_CALL_TIMEOUT_MS */
	uint32_t stall_timeout_ms; /* a guest that does not read; 0: 30 s */
	/* Each refusal, besides a line in the log now and then; may be NULL. */
	void (*denied)(void *context, const struct libvirt_denial *denial);
	void *context;
};

/* NULL: out of memory. */
struct libvirt_service *
libvirt_service_create(uv_loop_t *loop,
		       const struct libvirt_service_config *config);
/* After the last of its links is closed.  Accepts NULL. */
void libvirt_service_destroy(struct libvirt_service *service);
/* In force at once, also for what is under way.  -ENOMEM: as before. */
int libvirt_service_set_policy(struct libvirt_service *service,
			       const struct libvirt_policy *policy);
/* Of all links since the service was made. */
void libvirt_service_stats(const struct libvirt_service *service,
			   struct libvirt_filter_stats *stats);

/* What libvirt_link_read() returns besides a number of octets. */
enum { LIBVIRT_LINK_END = -1 }; /* the daemon ended it: connect again */

enum libvirt_cut {
	LIBVIRT_CUT_PROTOCOL, /* the guest broke the protocol */
	LIBVIRT_CUT_STALLED,  /* the guest did not read */
	LIBVIRT_CUT_INTERNAL, /* no memory */
};

struct libvirt_link_events {
	/* After a read that gave 0: try again. */
	void (*readable)(void *context);
	/* After a write that took less than it was given: try again. */
	void (*writable)(void *context);
	/* It is over, also for what was not read: close the link. */
	void (*cut)(void *context, enum libvirt_cut why);
};

/* NULL: out of memory.  events must outlive the link. */
struct libvirt_link *libvirt_link_open(struct libvirt_service *service,
				       const struct libvirt_link_events *events,
				       void *context);
/* The octets taken (0: none now). */
size_t libvirt_link_write(struct libvirt_link *link, const void *data,
			  size_t len);
/* The octets put at data (0: none now), or LIBVIRT_LINK_END. */
ssize_t libvirt_link_read(struct libvirt_link *link, void *data, size_t len);
/* No more will be written. */
void libvirt_link_shutdown(struct libvirt_link *link);
/* Lets go at once; no event comes any more.  Accepts NULL. */
void libvirt_link_close(struct libvirt_link *link);

#endif
