// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-error.c - errors as libvirt's clients understand them.
 */
#include "backend/service/libvirt-error.h"

#include <stdio.h>
#include <string.h>

enum {
	FROM_RPC = 7,	 /* virErrorDomain */
	LEVEL_ERROR = 2, /* virErrorLevel */
	TEXT_MAX = 4096,
};

struct meaning {
	uint32_t code;
	const char *text;
};

/* Texts of libvirt's that are the same whatever they are about. */
static const char *const constant_texts[] = {
	"Requested operation is not valid: domain is not running",
	"Requested operation is not valid: domain is already running",
	"Requested operation is not valid: domain is already active",
	"Requested operation is not valid: Domain is not running",
	"Requested operation is not valid: Domain is already running",
	"Requested operation is not valid: domain is not paused",
	"Requested operation is not valid: domain is pmsuspended",
	"Requested operation is not valid: Domain not running",
	"Requested operation is not valid: domain is not active",
	"Requested operation is not valid: transient domain cannot be created",
	"invalid argument: the domain does not have a current snapshot",
	"domain snapshot not found: the domain does not have a current "
	"snapshot",
	"Domain snapshot not found: the domain does not have a current "
	"snapshot",
	"internal error: cannot find character device (null)",
	"internal error: Active console session exists for this domain",
	"operation failed: Active console session exists for this domain",
	"Guest agent is not responding: QEMU guest agent is not connected",
	"argument unsupported: QEMU guest agent is not configured",
};

static const struct meaning meanings[] = {
	{1, "internal error"},
	{2, "out of memory"},
	{3, "this function is not supported by the connection driver"},
	{6, "invalid connection"},
	{8, "invalid argument"},
	{9, "operation failed"},
	{27, "XML description is invalid"},
	{29, "operation forbidden"},
	{38, "system error"},
	{39, "RPC error"},
	{42, "Domain not found"},
	{55, "Requested operation is not valid"},
	{67, "unsupported configuration"},
	{68, "Timed out during operation"},
	{71, "Invalid snapshot"},
	{72, "Domain snapshot not found"},
	{74, "argument unsupported"},
	{77, "revert requires force"},
	{78, "operation aborted"},
	{80, "metadata not found"},
	{84, "Operation not supported"},
	{86, "Guest agent is not responding"},
	{87, "resource busy"},
	{88, "access denied"},
	{99, "device not found"},
};

static void put_error(struct xdr_out *out, const struct libvirt_header *header,
		      uint32_t code, uint32_t from, const char *text,
		      size_t len)
{
	struct libvirt_header answer = *header;
	size_t begin;

	answer.status = LIBVIRT_ERROR;
	begin = libvirt_message_begin(out, &answer);
	xdr_put_u32(out, code);
	xdr_put_u32(out, from);
	xdr_put_u32(out, 1);
	xdr_put_string(out, text, len);
	xdr_put_u32(out, LEVEL_ERROR);
	/* No domain, no further texts, two numbers, no network. */
	for (unsigned int i = 0; i < 7; i++)
		xdr_put_u32(out, 0);
	libvirt_message_end(out, begin);
}

void libvirt_put_error(struct xdr_out *out, const struct libvirt_header *header,
		       int code, const char *text)
{
	put_error(out, header, (uint32_t)code, FROM_RPC, text, strlen(text));
}

static bool is_constant(const uint8_t *text, size_t len)
{
	for (size_t i = 0;
	     i < sizeof(constant_texts) / sizeof(constant_texts[0]); i++)
		if (strlen(constant_texts[i]) == len &&
		    memcmp(constant_texts[i], text, len) == 0)
			return true;
	return false;
}

static const char *meaning_of(uint32_t code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code)
			return meanings[i].text;
	return "error";
}

void libvirt_pass_error(struct xdr_out *out,
			const struct libvirt_header *header,
			const uint8_t *payload, size_t len, bool plain)
{
	struct xdr_in in = {payload, len};
	uint32_t code, from, present;
	const uint8_t *text = NULL;
	char own[160];
	size_t text_len = 0;

	if (!xdr_get_u32(&in, &code) || !xdr_get_u32(&in, &from) ||
	    !xdr_get_u32(&in, &present) || present > 1 ||
	    (present && !xdr_get_string(&in, &text, &text_len))) {
		libvirt_put_error(out, header, LIBVIRT_ERR_RPC,
				  "2virt: the platform's libvirt failed");
		return;
	}
	if (text && text_len <= TEXT_MAX && !memchr(text, '\0', text_len) &&
	    (plain || is_constant(text, text_len))) {
		put_error(out, header, code, from, (const char *)text,
			  text_len);
		return;
	}
	snprintf(own, sizeof(own),
		 "%s (libvirt error %u, details withheld by 2virt)",
		 meaning_of(code), (unsigned int)code);
	put_error(out, header, code, from, own, strlen(own));
}
