// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-box.c - messages put together from octets, and octets that wait to
 * be sent.
 */
#include "backend/service/libvirt-box.h"

#include "backend/service/libvirt-filter.h"

#include <stdlib.h>
#include <string.h>

enum { KEEP_MAX = 64 * 1024 };

uint8_t *libvirt_inbox_place(struct libvirt_inbox *box, size_t *len)
{
	/* What nobody will look at. */
	static uint8_t waste[4096];

	if (box->have < LIBVIRT_HEADER_LEN) {
		*len = LIBVIRT_HEADER_LEN - box->have;
		return box->head + box->have;
	}
	*len = box->header.length - box->have;
	if (!box->too_long)
		return box->payload + (box->have - LIBVIRT_HEADER_LEN);
	if (*len > sizeof(waste))
		*len = sizeof(waste);
	return waste;
}

enum libvirt_boxed libvirt_inbox_advance(struct libvirt_inbox *box, size_t len)
{
	box->have += len;
	if (box->have < LIBVIRT_HEADER_LEN)
		return LIBVIRT_BOX_MORE;
	if (box->have == LIBVIRT_HEADER_LEN) {
		libvirt_header_read(&box->header, box->head);
		if (box->header.length < LIBVIRT_HEADER_LEN ||
		    box->header.length > LIBVIRT_MESSAGE_MAX)
			return LIBVIRT_BOX_BROKEN;
		box->too_long = box->header.length > box->max;
		/* One octet more, so that there is one. */
		if (!box->too_long)
			box->payload = malloc(box->header.length + 1 -
					      LIBVIRT_HEADER_LEN);
		if (!box->too_long && !box->payload)
			return LIBVIRT_BOX_BROKEN;
	}
	return box->have == box->header.length ? LIBVIRT_BOX_WHOLE
					       : LIBVIRT_BOX_MORE;
}

void libvirt_inbox_reset(struct libvirt_inbox *box)
{
	free(box->payload);
	box->payload = NULL;
	box->have = 0;
	box->too_long = false;
}

void libvirt_outbox_advance(struct libvirt_outbox *box, size_t len)
{
	box->sent += len;
	if (box->sent == box->out.len) {
		box->sent = 0;
		box->out.len = 0;
		if (box->out.size > KEEP_MAX)
			xdr_out_fini(&box->out);
	} else if (box->sent > KEEP_MAX) {
		box->out.len -= box->sent;
		memmove(box->out.data, box->out.data + box->sent, box->out.len);
		box->sent = 0;
	}
}
