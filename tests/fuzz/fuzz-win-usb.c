// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-win-usb.c - descriptors, ids and pipe events of a hostile device in the
 * Windows drivers' portable core.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-windows/core/id.h"
#include "frontend-windows/core/stream.h"

static void descriptors(const uint8_t *octets, size_t len)
{
	struct tv_device_desc device;
	struct tv_interface iface;
	struct tv_compat_id compat = {"", ""};
	struct tv_endpoint ep;
	struct tv_bos bos;
	struct tv_ids ids;
	uint16_t text[64];
	uint8_t vendor;
	bool named;

	memset(&device, 0, sizeof(device));
	tv_device_parse(octets, len, &device);
	tv_bos_parse(octets, len, &bos);
	tv_string_copy(octets, len, text, 64);
	tv_msos10_vendor(octets, len, &vendor);
	named = tv_msos20_compat(octets, len, -1, &compat) ||
		tv_msos20_compat(octets, len, 0, &compat) ||
		tv_msos10_compat(octets, len, 0, &compat);
	if (!tv_config_valid(octets, len))
		return;
	for (unsigned int i = 0; tv_config_nth(octets, len, i, &iface); i++)
		for (unsigned int k = 0; k < iface.endpoints; k++)
			if (!tv_config_endpoint(octets, len, &iface, k, &ep))
				abort();
	tv_id_compatible(&device, octets, len, named ? &compat : NULL, &ids);
	if (ids.used > TV_ID_CHARS || ids.text[ids.used - 1])
		abort();
}

static void events(const uint8_t *octets, size_t len)
{
	struct tv_stream stream[3] = {{0}};

	for (size_t at = 0; at + 17 <= len; at += 17) {
		struct tv_stream *s = &stream[octets[at] % 3];

		switch (octets[at] / 3 % 4) {
		case 0:
			tv_stream_open(s, tv_stream_next(s));
			break;
		case 1:
			tv_stream_received(s, octets[at + 1]);
			break;
		case 2:
			tv_stream_close(s);
			break;
		default:
			tv_stream_event(stream, 3, octets + at + 1, 16);
		}
		if (tv_stream_readable(s) == TV_READ_WAIT && s->eos &&
		    s->in_octets > s->eos_count)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	if (!size)
		return 0;
	/* Of its own, so that a read beyond the end is seen. */
	copy = malloc(size);
	memcpy(copy, data, size);
	if (data[0] & 1)
		events(copy, size);
	else
		descriptors(copy, size);
	descriptors(copy + 1, size - 1);
	free(copy);
	return 0;
}
