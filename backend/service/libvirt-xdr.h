/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-xdr.h - XDR items (RFC 4506) read and written within bounds, and the
 * header of libvirt's messages.
 *
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | length of all, these 4 too    |
 *   4 | program                       |
 *   8 | version                       |
 *  12 | procedure                     |
 *  16 | type                          |
 *  20 | serial                        |
 *  24 | status                        |
 *  28 | payload …                     |
 *     +-------+-------+-------+-------+        all big endian
 */
#ifndef SERVICE_LIBVIRT_XDR_H
#define SERVICE_LIBVIRT_XDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIBVIRT_HEADER_LEN = 28 };

enum libvirt_message_type {
	LIBVIRT_CALL = 0,
	LIBVIRT_REPLY = 1,
	LIBVIRT_MESSAGE = 2,
	LIBVIRT_STREAM_DATA = 3,
	LIBVIRT_CALL_WITH_FDS = 4,
	LIBVIRT_REPLY_WITH_FDS = 5,
	LIBVIRT_STREAM_HOLE = 6,
};

enum libvirt_status {
	LIBVIRT_OK = 0,
	LIBVIRT_ERROR = 1,
	LIBVIRT_CONTINUE = 2,
};

struct libvirt_header {
	uint32_t length;
	uint32_t program;
	uint32_t version;
	uint32_t procedure;
	uint32_t type;
	uint32_t serial;
	uint32_t status;
};

/* What is left to read. */
struct xdr_in {
	const uint8_t *at;
	size_t len;
};

/* What is being written.  failed: it has no room or no memory; stays so. */
struct xdr_out {
	uint8_t *data;
	size_t len;
	size_t size;
	size_t max;
	bool failed;
	bool lost; /* a whole message had no room */
};

/* data: LIBVIRT_HEADER_LEN octets. */
void libvirt_header_read(struct libvirt_header *header, const uint8_t *data);

/* Each: false, and nothing is taken, if it does not fit. */
bool xdr_get_u32(struct xdr_in *in, uint32_t *value);
bool xdr_get_octets(struct xdr_in *in, size_t len, const uint8_t **octets);
/* With its length in front and up to 3 octets to align behind. */
bool xdr_get_string(struct xdr_in *in, const uint8_t **octets, size_t *len);

void xdr_out_init(struct xdr_out *out, size_t max);
void xdr_out_fini(struct xdr_out *out);
/* A place for len octets; NULL: failed. */
uint8_t *xdr_put_space(struct xdr_out *out, size_t len);
void xdr_put_octets(struct xdr_out *out, const void *octets, size_t len);
void xdr_put_u32(struct xdr_out *out, uint32_t value);
void xdr_put_string(struct xdr_out *out, const void *octets, size_t len);
/* Writes over 4 octets that are there. */
void xdr_patch_u32(struct xdr_out *out, size_t at, uint32_t value);

/*
 * Begins a message; the place to give to libvirt_message_end(), which writes
 * the length, or takes everything back and says false if out has failed.
 */
size_t libvirt_message_begin(struct xdr_out *out,
			     const struct libvirt_header *header);
bool libvirt_message_end(struct xdr_out *out, size_t begin);

#endif
