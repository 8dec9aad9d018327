// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-libvirt-xml.c - descriptions from a hostile daemon (first octet even)
 * or a hostile guest (odd).
 *
 * Promised: no crash, never more than came in, no path of a file, and what
 * left is left as it is when it comes again.
 */
#include "backend/service/libvirt-xml.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool run(bool guest, const uint8_t *text, size_t len,
		struct xdr_out *out)
{
	static const struct libvirt_target target = {
		.name = "mine",
		.uuid = "\x11\x11\x11\x11\x22\x22\x33\x33\x44\x44\x55\x55\x55"
			"\x55\x55\x55",
	};

	xdr_out_init(out, 1 << 20);
	return guest ? libvirt_xml_snapshot(text, len, out)
		     : libvirt_xml_scrub(text, len, &target, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xdr_out once, twice;
	bool guest;

	if (!size)
		return 0;
	guest = data[0] & 1;
	data++;
	size--;
	if (run(guest, data, size, &once)) {
		assert(once.len <= size);
		for (size_t i = 0; i < once.len; i++)
			assert(once.data[i] != '/' ||
			       (i && once.data[i - 1] == '<') ||
			       (i + 1 < once.len && once.data[i + 1] == '>'));
		assert(run(guest, once.data, once.len, &twice));
		assert(twice.len == once.len &&
		       memcmp(twice.data, once.data, once.len) == 0);
		xdr_out_fini(&twice);
	}
	xdr_out_fini(&once);
	return 0;
}
