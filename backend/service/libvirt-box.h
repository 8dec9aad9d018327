/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-box.h - messages put together from octets, and octets that wait to
 * be sent.
 */
#ifndef SERVICE_LIBVIRT_BOX_H
#define SERVICE_LIBVIRT_BOX_H

#include "backend/service/libvirt-xdr.h"

/* One message on its way in. */
struct libvirt_inbox {
	size_t max; /* a longer one is skipped */
	size_t have;
	struct libvirt_header header;
	bool too_long;
	uint8_t *payload;
	uint8_t head[LIBVIRT_HEADER_LEN];
};

enum libvirt_boxed {
	LIBVIRT_BOX_MORE,
	LIBVIRT_BOX_WHOLE,  /* header and payload, or too_long */
	LIBVIRT_BOX_BROKEN, /* a length that libvirt does not know */
};

/* Where the next octets go, and how many at most. */
uint8_t *libvirt_inbox_place(struct libvirt_inbox *box, size_t *len);
/* len octets were put there. */
enum libvirt_boxed libvirt_inbox_advance(struct libvirt_inbox *box, size_t len);
/* For the next message. */
void libvirt_inbox_reset(struct libvirt_inbox *box);

struct libvirt_outbox {
	struct xdr_out out;
	size_t sent;
};

static inline size_t libvirt_outbox_waiting(const struct libvirt_outbox *box)
{
	return box->out.len - box->sent;
}

/* len octets have gone. */
void libvirt_outbox_advance(struct libvirt_outbox *box, size_t len);

#endif
