// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-xdr.c - XDR items read and written within bounds.
 */
#include "backend/service/libvirt-xdr.h"

#include <stdlib.h>
#include <string.h>

static uint32_t load(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

static void store(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

void libvirt_header_read(struct libvirt_header *header, const uint8_t *data)
{
	*header = (struct libvirt_header){
		.length = load(data),
		.program = load(data + 4),
		.version = load(data + 8),
		.procedure = load(data + 12),
		.type = load(data + 16),
		.serial = load(data + 20),
		.status = load(data + 24),
	};
}

bool xdr_get_octets(struct xdr_in *in, size_t len, const uint8_t **octets)
{
	if (len > in->len)
		return false;
	*octets = in->at;
	in->at += len;
	in->len -= len;
	return true;
}

bool xdr_get_u32(struct xdr_in *in, uint32_t *value)
{
	const uint8_t *octets;

	if (!xdr_get_octets(in, 4, &octets))
		return false;
	*value = load(octets);
	return true;
}

bool xdr_get_string(struct xdr_in *in, const uint8_t **octets, size_t *len)
{
	struct xdr_in from = *in;
	const uint8_t *align;
	uint32_t size;

	if (!xdr_get_u32(in, &size) || !xdr_get_octets(in, size, octets) ||
	    !xdr_get_octets(in, -(size_t)size & 3, &align)) {
		*in = from;
		return false;
	}
	*len = size;
	return true;
}

void xdr_out_init(struct xdr_out *out, size_t max)
{
	*out = (struct xdr_out){.max = max};
}

void xdr_out_fini(struct xdr_out *out)
{
	free(out->data);
	xdr_out_init(out, out->max);
}

static bool grow(struct xdr_out *out, size_t len)
{
	size_t size = out->size ? out->size : 1024;
	uint8_t *data;

	if (len > out->max || out->len > out->max - len)
		return false;
	while (size < out->len + len)
		size *= 2;
	if (size == out->size)
		return true;
	data = realloc(out->data, size);
	if (!data)
		return false;
	out->data = data;
	out->size = size;
	return true;
}

uint8_t *xdr_put_space(struct xdr_out *out, size_t len)
{
	uint8_t *at;

	if (out->failed || !grow(out, len)) {
		out->failed = true;
		return NULL;
	}
	at = out->data + out->len;
	out->len += len;
	return at;
}

void xdr_put_octets(struct xdr_out *out, const void *octets, size_t len)
{
	uint8_t *at = xdr_put_space(out, len);

	if (at && len)
		memcpy(at, octets, len);
}

void xdr_put_u32(struct xdr_out *out, uint32_t value)
{
	uint8_t *at = xdr_put_space(out, 4);

	if (at)
		store(at, value);
}

void xdr_put_string(struct xdr_out *out, const void *octets, size_t len)
{
	uint8_t *align;

	xdr_put_u32(out, (uint32_t)len);
	xdr_put_octets(out, octets, len);
	align = xdr_put_space(out, -len & 3);
	if (align)
		memset(align, 0, -len & 3);
}

void xdr_patch_u32(struct xdr_out *out, size_t at, uint32_t value)
{
	if (!out->failed && at <= out->len && out->len - at >= 4)
		store(out->data + at, value);
}

size_t libvirt_message_begin(struct xdr_out *out,
			     const struct libvirt_header *header)
{
	size_t begin = out->len;

	xdr_put_u32(out, 0);
	xdr_put_u32(out, header->program);
	xdr_put_u32(out, header->version);
	xdr_put_u32(out, header->procedure);
	xdr_put_u32(out, header->type);
	xdr_put_u32(out, header->serial);
	xdr_put_u32(out, header->status);
	return begin;
}

bool libvirt_message_end(struct xdr_out *out, size_t begin)
{
	if (out->failed) {
		out->len = begin;
		out->failed = false;
		out->lost = true;
		return false;
	}
	xdr_patch_u32(out, begin, (uint32_t)(out->len - begin));
	return true;
}
