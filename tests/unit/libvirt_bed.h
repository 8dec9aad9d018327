/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt_bed.h - payloads made from the shapes of the table, and a filter
 * between two sides that a test plays.
 */
#ifndef TESTS_UNIT_LIBVIRT_BED_H
#define TESTS_UNIT_LIBVIRT_BED_H

#include "backend/service/libvirt-filter.h"

enum { BED_REMOTE = 0x20008086, BED_KEEPALIVE = 0x6b656570 };

extern const uint8_t bed_mine[LIBVIRT_UUID_LEN];
extern const uint8_t bed_other[LIBVIRT_UUID_LEN];
#define BED_MINE_NAME "mine"
#define BED_OTHER_NAME "zz-other-zz"
#define BED_OTHER_ID 0x5a5b5c5d

struct bed {
	struct libvirt_filter *filter;
	struct xdr_out to_guest;
	struct xdr_out to_daemon;
	uint32_t serial;
	uint64_t now_ms;
	/* The last denial. */
	char denied[64];
};

/* Whose domains a payload made from a shape has. */
struct bed_domain {
	const char *name;
	const uint8_t *uuid;
	int32_t id;
};
extern const struct bed_domain bed_domain_mine;
extern const struct bed_domain bed_domain_other;

/* A filter whose policy is these verbs on "mine"; logged in. */
void bed_init(struct bed *bed, uint32_t verbs, uint32_t host_verbs);
/* ... and the guest has opened its connection. */
void bed_open(struct bed *bed);
void bed_fini(struct bed *bed);

/* Appends what fits the shape; arrays have one element, texts are text. */
void bed_payload(struct xdr_out *out, const char *shape,
		 const struct bed_domain *domain, const char *text);

/* One message of the guest's or the daemon's; what filter says. */
bool bed_guest(struct bed *bed, const struct libvirt_header *header,
	       const void *payload, size_t len);
bool bed_daemon(struct bed *bed, const struct libvirt_header *header,
		const void *payload, size_t len);
/* A call of the guest's with a serial of its own. */
bool bed_call(struct bed *bed, uint32_t program, uint32_t procedure,
	      const struct xdr_out *payload);
/* A reply to what was sent to the daemon last. */
bool bed_reply(struct bed *bed, uint32_t status, const void *payload,
	       size_t len);

/* The message at the begin of out; false: there is none. */
bool bed_first(const struct xdr_out *out, struct libvirt_header *header,
	       struct xdr_in *payload);
void bed_clear(struct bed *bed);
/* Is the text in these octets? */
bool bed_has(const struct xdr_out *out, const void *octets, size_t len);

#endif
