// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-ncm-ntb.c - NCM transfer blocks against octets written down by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/function/ncm_ntb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX = 512 };

/* Hexadecimal digits and blanks; the octets and how many. */
static uint32_t octets(uint8_t *at, const char *hex)
{
	uint32_t len = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(len < MAX);
		at[len++] = (uint8_t)strtoul((char[]){hex[0], hex[1], '\0'},
					     NULL, 16);
		hex++;
	}
	return len;
}

/* A block as in the specification's figures: two datagrams of 3 and 2. */
static const char block16[] = "4e434d48 0c00 0700 2800 1400 "
			      "a1a2a3 00 b1b2 0000 "
			      "4e434d30 1400 0000 0c00 0300 1000 0200 "
			      "0000 0000";
static const char block32[] = "6e636d68 1000 0900 48000000 18000000 "
			      "a1a2a3 00 b1b2 0000 "
			      "6e636d30 2800 0000 00000000 00000000 "
			      "10000000 03000000 14000000 02000000 "
			      "00000000 00000000 0000000000000000";

static void known_blocks_are_read(void **state)
{
	for (int wide = 0; wide < 2; wide++) {
		struct ntb_datagram datagram;
		struct ntb_reader reader;
		uint8_t data[MAX];
		uint32_t len = octets(data, wide ? block32 : block16);

		assert_int_equal(ntb_block_length(data, len, wide), len);
		assert_int_equal(ntb_reader_init(&reader, data, len, wide),
				 NTB_OK);
		assert_true(ntb_reader_next(&reader, &datagram));
		assert_int_equal(datagram.len, 3);
		assert_memory_equal(datagram.data, "\xa1\xa2\xa3", 3);
		assert_true(ntb_reader_next(&reader, &datagram));
		assert_int_equal(datagram.len, 2);
		assert_memory_equal(datagram.data, "\xb1\xb2", 2);
		assert_false(ntb_reader_next(&reader, &datagram));
		assert_false(ntb_reader_next(&reader, &datagram));
		/* The other format does not know it. */
		assert_int_equal(ntb_reader_init(&reader, data, len, !wide),
				 NTB_SIGNATURE);
		/* Windows 11 adds an octet instead of an empty packet. */
		data[len] = 0;
		assert_int_equal(ntb_reader_init(&reader, data, len + 1, wide),
				 NTB_OK);
	}
}

static const struct {
	const char *name;
	const char *hex;
	bool wide;
	enum ntb_error error;
} wrong[] = {
	{"nothing", "", false, NTB_SHORT},
	{"half a header", "4e434d48 0c00 0000 2800", false, NTB_SHORT},
	{"no header", "4e434d49 0c00 0000 0c00 0c00", false, NTB_SIGNATURE},
	{"header of another length", "4e434d48 1000 0000 0c00 0c00", false,
	 NTB_HEADER},
	{"longer than what came", "4e434d48 0c00 0000 0d00 0c00", false,
	 NTB_BLOCK_LENGTH},
	{"shorter than its header", "4e434d48 0c00 0000 0b00 0c00", false,
	 NTB_BLOCK_LENGTH},
	{"no table", "4e434d48 0c00 0000 0c00 0000", false, NTB_NDP},
	{"table behind the end", "4e434d48 0c00 0000 0c00 0c00", false,
	 NTB_NDP},
	{"table in the header",
	 "4e434d48 0c00 0000 1c00 0800 4e434d30 1000 0000 0000 0000 0000 0000",
	 false, NTB_NDP},
	{"table that is not aligned",
	 "4e434d48 0c00 0000 2000 0e00 0000 4e434d30 1000 0000 0000 0000 0000 "
	 "0000 0000",
	 false, NTB_NDP},
	{"table of another kind",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d32 1000 0000 0000 0000 0000 0000",
	 false, NTB_SIGNATURE},
	{"table with one entry",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 0c00 0000 0000 0000 0000 0000",
	 false, NTB_NDP},
	{"table of an odd length",
	 "4e434d48 0c00 0000 2000 0c00 4e434d30 1200 0000 0000 0000 0000 0000 "
	 "00000000",
	 false, NTB_NDP},
	{"table longer than the block",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1400 0000 0000 0000 0000 0000",
	 false, NTB_NDP},
	{"table without an end",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1000 0000 0c00 0100 0c00 0100",
	 false, NTB_NDP},
	{"datagram in the header",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1000 0000 0b00 0100 0000 0000",
	 false, NTB_DATAGRAM},
	{"datagram behind the end",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1000 0000 1d00 0100 0000 0000",
	 false, NTB_DATAGRAM},
	{"datagram over the end",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1000 0000 1b00 0200 0000 0000",
	 false, NTB_DATAGRAM},
	{"the same octets again and again",
	 "4e434d48 0c00 0000 2400 0c00 4e434d30 1800 0000 0c00 1800 0c00 1800 "
	 "0000 0000 0000 0000",
	 false, NTB_DATAGRAM},
	{"a table that follows itself",
	 "4e434d48 0c00 0000 1c00 0c00 4e434d30 1000 0c00 0000 0000 0000 0000",
	 false, NTB_NDP},
	{"32: index that wraps",
	 "6e636d68 1000 0000 30000000 10000000 6e636d30 2000 0000 00000000 "
	 "00000000 fcffffff 10000000 0000000000000000",
	 true, NTB_DATAGRAM},
	{"32: length that wraps",
	 "6e636d68 1000 0000 30000000 10000000 6e636d30 2000 0000 00000000 "
	 "00000000 10000000 f8ffffff 0000000000000000",
	 true, NTB_DATAGRAM},
	{"32: table that wraps",
	 "6e636d68 1000 0000 30000000 fcffffff 6e636d30 2000 0000 00000000 "
	 "00000000 00000000 00000000 0000000000000000",
	 true, NTB_NDP},
	{"32: table of 16-bit entries' alignment",
	 "6e636d68 1000 0000 34000000 10000000 6e636d30 2400 0000 00000000 "
	 "00000000 00000000 00000000 0000000000000000 00000000",
	 true, NTB_NDP},
};

static void wrong_blocks_are_refused_whole(void **state)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ntb_reader reader;
		uint8_t buffer[MAX];
		uint32_t len = octets(buffer, wrong[i].hex);
		/* Exactly as long, so that one octet too many is found. */
		uint8_t *data = malloc(len + !len);
		enum ntb_error error;

		memcpy(data, buffer, len);
		error = ntb_reader_init(&reader, data, len, wrong[i].wide);
		if (error != wrong[i].error)
			fail_msg("%s: %s", wrong[i].name,
				 ntb_error_name(error));
		free(data);
	}
}

static void a_block_may_end_with_its_packet(void **state)
{
	struct ntb_datagram datagram;
	struct ntb_reader reader;
	uint8_t data[MAX];
	uint32_t len = octets(data, block16);

	data[8] = 0; /* wBlockLength 0 (3.2.1) */
	assert_int_equal(ntb_block_length(data, len, false), 0);
	assert_int_equal(ntb_reader_init(&reader, data, len, false), NTB_OK);
	assert_true(ntb_reader_next(&reader, &datagram));
	assert_int_equal(datagram.len, 3);
}

static void tables_are_followed(void **state)
{
	struct ntb_datagram datagram;
	struct ntb_reader reader;
	uint8_t data[MAX];
	uint32_t len =
		octets(data, "4e434d48 0c00 0000 3400 1000 a1 b1 0000 "
			     "4e434d30 1000 2000 0c00 0100 0000 0000 "
			     "4e434d30 1400 0000 0d00 0100 0000 0000 ffffffff");

	assert_int_equal(ntb_reader_init(&reader, data, len, false), NTB_OK);
	assert_true(ntb_reader_next(&reader, &datagram));
	assert_int_equal(datagram.data[0], 0xa1);
	assert_true(ntb_reader_next(&reader, &datagram));
	assert_int_equal(datagram.data[0], 0xb1);
	assert_false(ntb_reader_next(&reader, &datagram));
}

static void check_sequences_are_checked(void **state)
{
	struct ntb_datagram datagram;
	struct ntb_reader reader;
	uint8_t data[MAX];
	/* CRC-32 of "123456789" is cbf43926. */
	uint32_t len = octets(data, "4e434d48 0c00 0000 2c00 1c00 "
				    "313233343536373839 2639f4cb 000000 "
				    "4e434d31 1000 0000 0c00 0d00 0000 0000");

	assert_int_equal(ntb_crc32((const uint8_t *)"123456789", 9),
			 0xcbf43926);
	assert_int_equal(ntb_reader_init(&reader, data, len, false), NTB_OK);
	assert_true(ntb_reader_next(&reader, &datagram));
	assert_int_equal(datagram.len, 9);
	assert_false(datagram.crc_wrong);
	data[12] ^= 1;
	assert_int_equal(ntb_reader_init(&reader, data, len, false), NTB_OK);
	assert_true(ntb_reader_next(&reader, &datagram));
	assert_true(datagram.crc_wrong);
}

static void written_blocks_are_known(void **state)
{
	struct ntb_writer writer;
	uint8_t data[NTB_SIZE_MIN], want[MAX];
	uint32_t len;

	memset(data, 0xee, sizeof(data));
	ntb_writer_init(&writer, data, sizeof(data), false, false);
	memcpy(ntb_writer_place(&writer, 1514), "\xa1\xa2\xa3", 3);
	ntb_writer_add(&writer, 3);
	len = ntb_writer_finish(&writer, 0x1234);
	/* The datagram at 14, so that its payload is at 28; the table at 20. */
	octets(want, "4e434d48 0c00 3412 2400 1400 0000 a1a2a3 000000 "
		     "4e434d30 1000 0000 0e00 0300 0000 0000");
	assert_int_equal(len, 36);
	assert_memory_equal(data, want, len);
}

static void what_is_written_is_read(void **state)
{
	uint32_t random = 99;

	for (unsigned int round = 0; round < 2000; round++) {
		static uint8_t data[16384], sent[16384];
		bool wide = round & 1, crc = round & 2;
		uint32_t size = NTB_SIZE_MIN + round * 7;
		struct ntb_datagram datagram;
		struct ntb_writer writer;
		struct ntb_reader reader;
		uint32_t len, at = 0, count = 0;
		uint8_t *place;

		size = size > sizeof(data) ? sizeof(data) : size;
		ntb_writer_init(&writer, data, size, wide, crc);
		while ((place = ntb_writer_place(&writer, 1514))) {
			uint32_t frame;

			random = random * 1664525 + 1013904223;
			frame = 1 + (random >> 8) % 1514;
			assert_int_equal((place - data + 14) % NTB_DIVISOR,
					 NTB_REMAINDER);
			for (uint32_t i = 0; i < frame; i++)
				place[i] = (uint8_t)(i + random);
			if (at + frame <= sizeof(sent))
				memcpy(sent + at, place, frame);
			at += frame;
			ntb_writer_add(&writer, frame);
		}
		len = ntb_writer_finish(&writer, (uint16_t)round);
		assert_true(len <= size);
		assert_true(len % 64 || len == size);
		assert_int_equal(ntb_reader_init(&reader, data, len, wide),
				 NTB_OK);
		for (at = 0; ntb_reader_next(&reader, &datagram); count++) {
			assert_false(datagram.crc_wrong);
			assert_memory_equal(datagram.data, sent + at,
					    datagram.len);
			at += datagram.len;
		}
		assert_int_equal(count, writer.count);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_blocks_are_read),
		cmocka_unit_test(wrong_blocks_are_refused_whole),
		cmocka_unit_test(a_block_may_end_with_its_packet),
		cmocka_unit_test(tables_are_followed),
		cmocka_unit_test(check_sequences_are_checked),
		cmocka_unit_test(written_blocks_are_known),
		cmocka_unit_test(what_is_written_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
