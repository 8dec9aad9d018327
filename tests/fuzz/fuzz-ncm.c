// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-ncm.c - octets of a hostile guest as NCM transfer blocks.
 *
 * The first octet chooses the format; the rest is the block.  Every datagram of
 * a block that is accepted lies in it, and all of them together are no longer;
 * what is written again from them is accepted with the same datagrams.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/function/ncm_ntb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

enum { SIZE = 65535 };

static void write_again(struct ntb_reader reader, bool wide, bool crc)
{
	static uint8_t block[SIZE];
	struct ntb_reader before = reader, again;
	struct ntb_datagram a, b;
	struct ntb_writer writer;
	uint32_t len;
	uint8_t *place;

	ntb_writer_init(&writer, block, sizeof(block), wide, crc);
	while (ntb_reader_next(&reader, &a) && a.len &&
	       (place = ntb_writer_place(&writer, a.len))) {
		memcpy(place, a.data, a.len);
		ntb_writer_add(&writer, a.len);
	}
	if (!writer.count)
		return;
	len = ntb_writer_finish(&writer, 0);
	REQUIRE(len <= sizeof(block));
	REQUIRE(ntb_reader_init(&again, block, len, wide) == NTB_OK);
	for (unsigned int i = 0; i < writer.count; i++) {
		REQUIRE(ntb_reader_next(&before, &a));
		REQUIRE(ntb_reader_next(&again, &b));
		REQUIRE(a.len == b.len && !b.crc_wrong);
		REQUIRE(memcmp(a.data, b.data, a.len) == 0);
	}
	REQUIRE(!ntb_reader_next(&again, &b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ntb_datagram datagram;
	struct ntb_reader reader, copy;
	uint64_t total = 0;
	bool wide;

	if (size < 1 || size > SIZE)
		return 0;
	wide = data[0] & 1;
	if (ntb_reader_init(&reader, data + 1, (uint32_t)size - 1, wide))
		return 0;
	copy = reader;
	while (ntb_reader_next(&reader, &datagram)) {
		REQUIRE(datagram.data >= data + 1);
		REQUIRE(datagram.data + datagram.len <= data + size);
		total += datagram.len;
		REQUIRE(total < size);
	}
	write_again(copy, wide, data[0] & 2);
	return 0;
}
