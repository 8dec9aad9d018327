/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-walk.h - one payload read by its shape, checked, and written anew.
 *
 * Nothing is copied that was not understood: what leaves is made of the items
 * that were read, so reader and receiver cannot disagree.
 */
#ifndef SERVICE_LIBVIRT_WALK_H
#define SERVICE_LIBVIRT_WALK_H

#include "backend/service/libvirt-policy.h"
#include "backend/service/libvirt-xdr.h"

enum { LIBVIRT_IDS_SEEN = 8 };

/* The ids a domain has had, as far as the guest was told of them. */
struct libvirt_ids {
	int32_t now; /* -1: not running, or not known */
	unsigned int count;
	int32_t seen[LIBVIRT_IDS_SEEN];
};

enum libvirt_walked {
	LIBVIRT_WALKED,
	LIBVIRT_WALK_MALFORMED, /* not of this shape */
	LIBVIRT_WALK_DOMAIN,	/* of a domain without a grant for this */
	LIBVIRT_WALK_FLAGS,	/* flags that are not allowed */
	LIBVIRT_WALK_VALUE,	/* another value that is not allowed */
};

struct libvirt_walk {
	const struct libvirt_policy *policy;
	struct libvirt_ids *ids; /* as many as the policy has targets */
	const struct libvirt_procedure *procedure;
	bool call; /* else a reply or an event */
	/*
	 * The domain that the call was for, when its reply is read; then and
	 * afterwards the last domain that was read.
	 */
	const struct libvirt_target *target;
	/* Results. */
	unsigned int kept;    /* elements of the last array */
	unsigned int dropped; /* ... and those not written */
	/* Own. */
	struct xdr_in in;
	struct xdr_out *out;
	bool plain; /* full: texts pass as they are */
	bool omit;  /* the element at hand is not written */
};

/*
 * Reads the payload by the shape of the walk's procedure and appends what may
 * pass to out.  Anything but LIBVIRT_WALKED: what is behind out's old end is
 * of no use.
 */
enum libvirt_walked libvirt_walk(struct libvirt_walk *walk,
				 const uint8_t *payload, size_t len,
				 struct xdr_out *out);

/* The domain as the guest may know it. */
void libvirt_put_domain(struct xdr_out *out,
			const struct libvirt_target *target, int32_t id);

/* A text that may pass without a look at what it means. */
bool libvirt_text_harmless(const uint8_t *text, size_t len);

#endif
