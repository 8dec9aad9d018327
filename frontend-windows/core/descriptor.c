// SPDX-License-Identifier: MIT
/*
 * descriptor.c - USB 2.0 chapter 9, BOS, MS OS 1.0 and 2.0 descriptors as a
 * hostile device may write them.
 *
 * A configuration is walked once by tv_config_valid(); the other tv_config_*
 * functions rely on what it has found, but still stay within len.
 */
#include "frontend-windows/core/descriptor.h"

#include <string.h>

static uint16_t u16_at(const uint8_t *octets)
{
	return (uint16_t)(octets[0] | octets[1] << 8);
}

static uint32_t u32_at(const uint8_t *octets)
{
	return u16_at(octets) | (uint32_t)u16_at(octets + 2) << 16;
}

bool tv_device_parse(const uint8_t *octets, size_t len,
		     struct tv_device_desc *out)
{
	if (len < 18 || octets[0] != 18 || octets[1] != TV_DESC_DEVICE)
		return false;
	*out = (struct tv_device_desc){
		.usb = u16_at(octets + 2),
		.class = octets[4],
		.subclass = octets[5],
		.protocol = octets[6],
		.maxp0 = octets[7],
		.vendor = u16_at(octets + 8),
		.product = u16_at(octets + 10),
		.revision = u16_at(octets + 12),
		.manufacturer = octets[14],
		.product_string = octets[15],
		.serial = octets[16],
		.configurations = octets[17],
	};
	return out->maxp0 >= 8 && out->configurations > 0;
}

/* The descriptor after *pos, which is advanced; NULL at the end. */
static const uint8_t *next(const uint8_t *octets, size_t len, size_t *pos)
{
	const uint8_t *at = octets + *pos;

	if (len - *pos < 2 || at[0] < 2 || at[0] > len - *pos)
		return NULL;
	*pos += at[0];
	return at;
}

static bool interface_parse(const uint8_t *at, struct tv_interface *out)
{
	if (at[1] != TV_DESC_INTERFACE || at[0] < 9)
		return false;
	*out = (struct tv_interface){
		.at = at,
		.number = at[2],
		.setting = at[3],
		.endpoints = at[4],
		.class = at[5],
		.subclass = at[6],
		.protocol = at[7],
		.string = at[8],
	};
	return true;
}

bool tv_config_interface(const uint8_t *config, size_t len, uint8_t number,
			 uint8_t setting, struct tv_interface *out)
{
	size_t pos = 0;
	const uint8_t *at;

	while ((at = next(config, len, &pos)) != NULL)
		if (interface_parse(at, out) && out->number == number &&
		    out->setting == setting)
			return true;
	out->at = NULL;
	return false;
}

bool tv_config_nth(const uint8_t *config, size_t len, unsigned int i,
		   struct tv_interface *out)
{
	size_t pos = 0;
	const uint8_t *at;

	while ((at = next(config, len, &pos)) != NULL)
		if (interface_parse(at, out) && out->setting == 0 && i-- == 0)
			return true;
	out->at = NULL;
	return false;
}

bool tv_config_endpoint(const uint8_t *config, size_t len,
			const struct tv_interface *iface, unsigned int i,
			struct tv_endpoint *out)
{
	size_t pos = (size_t)(iface->at - config) + iface->at[0];
	const uint8_t *at;

	while ((at = next(config, len, &pos)) != NULL) {
		if (at[1] == TV_DESC_INTERFACE)
			return false;
		if (at[1] != TV_DESC_ENDPOINT || at[0] < 7 || i-- > 0)
			continue;
		*out = (struct tv_endpoint){
			.address = at[2],
			.type = at[3] & 3,
			.maxp = u16_at(at + 4) & 0x7ff,
			.interval = at[6],
		};
		return true;
	}
	return false;
}

static bool endpoints_valid(const uint8_t *config, size_t len,
			    const struct tv_interface *iface)
{
	struct tv_endpoint ep;

	for (unsigned int i = 0; i < iface->endpoints; i++)
		if (!tv_config_endpoint(config, len, iface, i, &ep) ||
		    !(ep.address & 0x0f) || ep.address & 0x70 || !ep.maxp)
			return false;
	return !tv_config_endpoint(config, len, iface, iface->endpoints, &ep);
}

bool tv_config_valid(const uint8_t *config, size_t len)
{
	struct tv_interface iface, first;
	size_t pos = 0;
	const uint8_t *at;

	if (len < 9 || len > TV_CONFIG_MAX || config[0] < 9 ||
	    config[1] != TV_DESC_CONFIG || u16_at(config + 2) != len)
		return false;
	while (pos < len) {
		at = next(config, len, &pos);
		if (!at)
			return false;
		if (at[1] == TV_DESC_INTERFACE && at[0] < 9)
			return false;
		if (!interface_parse(at, &iface))
			continue;
		tv_config_interface(config, len, iface.number, iface.setting,
				    &first);
		if (first.at != at || !endpoints_valid(config, len, &iface))
			return false;
	}
	return config[4] > 0 &&
	       tv_config_nth(config, len, config[4] - 1u, &iface) &&
	       !tv_config_nth(config, len, config[4], &iface);
}

/* ---- BOS ------------------------------------------------------------------
 */

static const uint8_t msos20_uuid[16] = {0xdf, 0x60, 0xdd, 0xd8, 0x89, 0x45,
					0xc7, 0x4c, 0x9c, 0xd2, 0x65, 0x9d,
					0x9e, 0x64, 0x8a, 0x9f};

/* The entry for the newest Windows up to 10 (0x0a000000) counts. */
static void msos20_parse(const uint8_t *at, struct tv_bos *out)
{
	uint32_t best = 0, version;

	for (size_t pos = 20; pos + 8 <= at[0]; pos += 8) {
		version = u32_at(at + pos);
		if (version < best || version > 0x0a000000)
			continue;
		best = version;
		out->msos20 = true;
		out->msos_length = u16_at(at + pos + 4);
		out->msos_vendor = at[pos + 6];
	}
}

bool tv_bos_parse(const uint8_t *bos, size_t len, struct tv_bos *out)
{
	size_t pos = 0;
	const uint8_t *at;

	memset(out, 0, sizeof(*out));
	if (len < 5 || bos[1] != TV_DESC_BOS || u16_at(bos + 2) > len)
		return false;
	len = u16_at(bos + 2);
	if (len < 5)
		return false;
	while ((at = next(bos, len, &pos)) != NULL) {
		if (at[1] != TV_DESC_CAPABILITY || at[0] < 20)
			continue;
		if (at[2] == 4) {
			out->container = true;
			memcpy(out->container_id, at + 4, 16);
		} else if (at[2] == 5 && !memcmp(at + 4, msos20_uuid, 16)) {
			msos20_parse(at, out);
		}
	}
	return true;
}

/* ---- Microsoft's ----------------------------------------------------------
 */

enum {
	MSOS20_HEADER = 0,
	MSOS20_CONFIGURATION = 1,
	MSOS20_FUNCTION = 2,
	MSOS20_COMPATIBLE = 3,
};

/* Ids are letters, digits and underscores, filled up with zeros. */
static bool id_valid(const uint8_t *id)
{
	bool end = false;

	for (unsigned int i = 0; i < 8; i++) {
		uint8_t c = id[i];

		if (!c)
			end = true;
		else if (end || !((c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '_'))
			return false;
	}
	return true;
}

static bool compat_copy(const uint8_t *id, struct tv_compat_id *out)
{
	if (!id_valid(id) || !id_valid(id + 8) || !id[0])
		return false;
	memcpy(out->id, id, 8);
	memcpy(out->sub, id + 8, 8);
	return true;
}

bool tv_msos20_compat(const uint8_t *set, size_t len, int iface,
		      struct tv_compat_id *out)
{
	int where = -1; /* first interface of the subset we are in */
	size_t pos = 0;

	if (len < 10 || u16_at(set + 2) != MSOS20_HEADER ||
	    u16_at(set + 8) != len)
		return false;
	while (len - pos >= 4) {
		uint16_t length = u16_at(set + pos);
		uint16_t type = u16_at(set + pos + 2);

		if (length < 4 || length > len - pos)
			return false;
		if (type == MSOS20_FUNCTION && length >= 8)
			where = set[pos + 4];
		if (type == MSOS20_COMPATIBLE && length >= 20 && where == iface)
			return compat_copy(set + pos + 4, out);
		pos += length;
	}
	return false;
}

bool tv_msos10_vendor(const uint8_t *string, size_t len, uint8_t *vendor)
{
	static const uint8_t signature[14] = {'M', 0,	'S', 0,	  'F', 0,   'T',
					      0,   '1', 0,   '0', 0,   '0', 0};

	if (len < 18 || string[0] < 18 || string[1] != TV_DESC_STRING ||
	    memcmp(string + 2, signature, sizeof(signature)) != 0)
		return false;
	*vendor = string[16];
	return true;
}

bool tv_msos10_compat(const uint8_t *desc, size_t len, int iface,
		      struct tv_compat_id *out)
{
	if (len < 16 || u32_at(desc) > len || u16_at(desc + 4) != 0x0100 ||
	    u16_at(desc + 6) != 4)
		return false;
	len = u32_at(desc);
	for (unsigned int i = 0; i < desc[8]; i++) {
		size_t pos = 16 + 24 * (size_t)i;

		if (len < 24 || pos > len - 24)
			return false;
		if (iface < 0 || desc[pos] == iface)
			return compat_copy(desc + pos + 2, out);
	}
	return false;
}

size_t tv_string_copy(const uint8_t *string, size_t len, uint16_t *out,
		      size_t room)
{
	size_t count = 0;

	if (!room)
		return 0;
	if (len >= 2 && string[1] == TV_DESC_STRING && string[0] <= len)
		for (size_t pos = 2; pos + 2 <= string[0]; pos += 2) {
			uint16_t c = u16_at(string + pos);

			if (!c || count + 1 >= room)
				break;
			/* Half of a pair, or a control character: not shown. */
			if (c < 0x20 || (c >= 0xd800 && c <= 0xdfff))
				c = '_';
			out[count++] = c;
		}
	out[count] = 0;
	return count;
}
