// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ncm_ntb.c - NCM transfer blocks: taken apart and put together.
 *
 * All offsets come from the guest.  They are compared by subtraction, tables
 * are followed forward only, and all datagrams together are no longer than the
 * block: one block cannot be made to say the same octets a thousand times.
 */
#include "backend/function/ncm_ntb.h"

#include <assert.h>
#include <string.h>

enum {
	NTH16_LEN = 12,
	NTH32_LEN = 16,
	NDP16_LEN = 8, /* before the entries */
	NDP32_LEN = 16,
	ENTRY16_LEN = 4,
	ENTRY32_LEN = 8,
	FULL_SPEED_PACKET = 64, /* divides that of every speed */
};

static const uint32_t nth_signature[2] = {0x484d434e, 0x686d636e};
static const uint32_t ndp_signature[2] = {0x304d434e, 0x306d636e};
static const uint32_t crc_signature[2] = {0x314d434e, 0x316d636e};

const char *ntb_error_name(enum ntb_error error)
{
	static const char *const names[] = {
		[NTB_OK] = "ok",
		[NTB_SHORT] = "short",
		[NTB_SIGNATURE] = "signature",
		[NTB_HEADER] = "header length",
		[NTB_BLOCK_LENGTH] = "block length",
		[NTB_NDP] = "datagram table",
		[NTB_DATAGRAM] = "datagram",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == NTB_ERROR_COUNT,
		      "a name for each");
	return names[error];
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | get16(at + 2) << 16;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8 & 0xff;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

static uint32_t header_len(bool wide)
{
	return wide ? NTH32_LEN : NTH16_LEN;
}

static uint32_t table_len(bool wide, unsigned int entries)
{
	return wide ? NDP32_LEN + entries * ENTRY32_LEN
		    : NDP16_LEN + entries * ENTRY16_LEN;
}

uint32_t ntb_crc32(const uint8_t *data, size_t len)
{
	static uint32_t table[256];
	uint32_t crc = ~0u;

	if (!table[1])
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t c = i;

			for (unsigned int bit = 0; bit < 8; bit++)
				c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
			table[i] = c;
		}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *data++) & 0xff];
	return ~crc;
}

/* --- reading -------------------------------------------------------------- */

uint32_t ntb_block_length(const uint8_t *data, uint32_t len, bool wide)
{
	if (len < header_len(wide) || get32(data) != nth_signature[wide])
		return 0;
	return wide ? get32(data + 8) : get16(data + 8);
}

static uint32_t next_ndp(const struct ntb_reader *reader, uint32_t ndp)
{
	const uint8_t *at = reader->data + ndp;

	return reader->wide ? get32(at + 8) : get16(at + 6);
}

static void get_entry(const struct ntb_reader *reader, uint32_t ndp,
		      uint32_t entry, uint32_t *index, uint32_t *len)
{
	const uint8_t *at = reader->data + ndp + table_len(reader->wide, entry);

	*index = reader->wide ? get32(at) : get16(at);
	*len = reader->wide ? get32(at + 4) : get16(at + 2);
}

static bool ndp_has_crc(const struct ntb_reader *reader, uint32_t ndp)
{
	return get32(reader->data + ndp) == crc_signature[reader->wide];
}

/* The entries of a table, with the one that ends it; 0: it is wrong. */
static uint32_t ndp_entries(const struct ntb_reader *reader, uint32_t ndp)
{
	uint32_t min = table_len(reader->wide, 2);
	uint32_t len;

	if (ndp % NTB_NDP_ALIGNMENT || ndp < header_len(reader->wide) ||
	    ndp > reader->len || reader->len - ndp < min)
		return 0;
	len = get16(reader->data + ndp + 4);
	/* 3.3.1: a multiple of 4, 3.3.2: of 8. */
	if (len < min || len > reader->len - ndp ||
	    len % (reader->wide ? 8 : 4))
		return 0;
	return (len - table_len(reader->wide, 0)) /
	       (reader->wide ? ENTRY32_LEN : ENTRY16_LEN);
}

static enum ntb_error check_ndp(const struct ntb_reader *reader, uint32_t ndp,
				uint32_t *budget)
{
	uint32_t entries = ndp_entries(reader, ndp);
	uint32_t signature;

	if (!entries)
		return NTB_NDP;
	signature = get32(reader->data + ndp);
	if (signature != ndp_signature[reader->wide] &&
	    signature != crc_signature[reader->wide])
		return NTB_SIGNATURE;
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t index, len;

		get_entry(reader, ndp, i, &index, &len);
		if (index == 0 || len == 0)
			return NTB_OK;
		if (index < header_len(reader->wide) || index > reader->len ||
		    len > reader->len - index || len > *budget)
			return NTB_DATAGRAM;
		*budget -= len;
	}
	return NTB_NDP; /* 3.7: the last entry is zero */
}

enum ntb_error ntb_reader_init(struct ntb_reader *reader, const uint8_t *data,
			       uint32_t len, bool wide)
{
	uint32_t block, ndp, budget;
	unsigned int count = 0;

	memset(reader, 0, sizeof(*reader));
	if (len < header_len(wide))
		return NTB_SHORT;
	if (get32(data) != nth_signature[wide])
		return NTB_SIGNATURE;
	if (get16(data + 4) != header_len(wide))
		return NTB_HEADER;
	block = ntb_block_length(data, len, wide);
	if (block > len || (block && block < header_len(wide)))
		return NTB_BLOCK_LENGTH;
	reader->data = data;
	reader->len = block ? block : len;
	reader->wide = wide;
	reader->ndp = wide ? get32(data + 12) : get16(data + 10);
	budget = reader->len;
	for (ndp = reader->ndp; ndp; ndp = next_ndp(reader, ndp)) {
		enum ntb_error error =
			++count > NTB_MAX_NDPS
				? NTB_NDP
				: check_ndp(reader, ndp, &budget);

		if (error)
			return error;
	}
	return count ? NTB_OK : NTB_NDP;
}

bool ntb_reader_next(struct ntb_reader *reader, struct ntb_datagram *datagram)
{
	while (reader->ndp) {
		uint32_t index, len;

		get_entry(reader, reader->ndp, reader->entry++, &index, &len);
		if (index == 0 || len == 0) {
			reader->ndp = next_ndp(reader, reader->ndp);
			reader->entry = 0;
			continue;
		}
		datagram->data = reader->data + index;
		datagram->len = len;
		datagram->crc_wrong = false;
		if (ndp_has_crc(reader, reader->ndp)) {
			if (len < NTB_CRC_LEN) {
				datagram->crc_wrong = true;
				return true;
			}
			datagram->len = len - NTB_CRC_LEN;
			datagram->crc_wrong =
				get32(datagram->data + datagram->len) !=
				ntb_crc32(datagram->data, datagram->len);
		}
		return true;
	}
	return false;
}

/* --- writing -------------------------------------------------------------- */

static uint32_t align(uint32_t at, uint32_t by)
{
	return (at + by - 1) / by * by;
}

void ntb_writer_init(struct ntb_writer *writer, uint8_t *data, uint32_t size,
		     bool wide, bool crc)
{
	writer->data = data;
	writer->size = size;
	writer->wide = wide;
	writer->crc = crc;
	writer->at = header_len(wide);
	writer->count = 0;
}

/* Where the next datagram begins, so that its payload is aligned (3.3.4). */
static uint32_t next_index(const struct ntb_writer *writer)
{
	return align(writer->at + NTB_ETHERNET_HEADER, NTB_DIVISOR) +
	       NTB_REMAINDER - NTB_ETHERNET_HEADER;
}

uint8_t *ntb_writer_place(struct ntb_writer *writer, uint32_t max)
{
	uint32_t index = next_index(writer);
	uint32_t end = index + max + (writer->crc ? NTB_CRC_LEN : 0);

	/* One entry more for this datagram, and the one that ends the table. */
	if (writer->count == NTB_MAX_DATAGRAMS ||
	    align(end, NTB_NDP_ALIGNMENT) +
			    table_len(writer->wide, writer->count + 2) >
		    writer->size)
		return NULL;
	memset(writer->data + writer->at, 0, index - writer->at);
	return writer->data + index;
}

void ntb_writer_add(struct ntb_writer *writer, uint32_t len)
{
	uint32_t index = next_index(writer);

	if (writer->crc) {
		put32(writer->data + index + len,
		      ntb_crc32(writer->data + index, len));
		len += NTB_CRC_LEN;
	}
	writer->entries[writer->count].index = index;
	writer->entries[writer->count].len = len;
	writer->count++;
	writer->at = index + len;
}

static void put_table(const struct ntb_writer *writer, uint32_t ndp)
{
	const uint32_t *signature = writer->crc ? crc_signature : ndp_signature;
	uint32_t len = table_len(writer->wide, writer->count + 1);
	uint8_t *at = writer->data + ndp;

	memset(at, 0, len);
	put32(at, signature[writer->wide]);
	put16(at + 4, len);
	for (unsigned int i = 0; i < writer->count; i++) {
		uint8_t *entry = at + table_len(writer->wide, i);

		if (writer->wide) {
			put32(entry, writer->entries[i].index);
			put32(entry + 4, writer->entries[i].len);
		} else {
			put16(entry, writer->entries[i].index);
			put16(entry + 2, writer->entries[i].len);
		}
	}
}

uint32_t ntb_writer_finish(struct ntb_writer *writer, uint16_t sequence)
{
	uint32_t ndp = align(writer->at, NTB_NDP_ALIGNMENT);
	uint32_t len = ndp + table_len(writer->wide, writer->count + 1);
	uint8_t *data = writer->data;

	memset(data + writer->at, 0, ndp - writer->at);
	put_table(writer, ndp);
	if (len % FULL_SPEED_PACKET == 0 && len < writer->size)
		data[len++] = 0;
	put32(data, nth_signature[writer->wide]);
	put16(data + 4, header_len(writer->wide));
	put16(data + 6, sequence);
	if (writer->wide) {
		put32(data + 8, len);
		put32(data + 12, ndp);
	} else {
		put16(data + 8, len);
		put16(data + 10, ndp);
	}
	return len;
}
