/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-error.h - errors as libvirt's clients understand them.
 */
#ifndef SERVICE_LIBVIRT_ERROR_H
#define SERVICE_LIBVIRT_ERROR_H

#include "backend/service/libvirt-xdr.h"

/* virErrorNumber, as far as we say them ourselves. */
enum {
	LIBVIRT_ERR_NO_SUPPORT = 3,
	LIBVIRT_ERR_SYSTEM = 38,
	LIBVIRT_ERR_RPC = 39,
	LIBVIRT_ERR_TIMEOUT = 68,
	LIBVIRT_ERR_ACCESS = 88,
};

/*
 * Appends a message of type REPLY or STREAM_DATA (header->type) with status
 * ERROR and this text; length and status of header do not matter.
 */
void libvirt_put_error(struct xdr_out *out, const struct libvirt_header *header,
		       int code, const char *text);

/*
 * Passes an error of the daemon on.  Its text may name anybody's domains and
 * the host's files, so unless plain a guest gets the texts that we know to be
 * constant, or what the number means.
 */
void libvirt_pass_error(struct xdr_out *out,
			const struct libvirt_header *header,
			const uint8_t *payload, size_t len, bool plain);

#endif
