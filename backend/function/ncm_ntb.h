/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ncm_ntb.h - NCM transfer blocks: taken apart and put together (CDC NCM 1.0,
 * chapter 3).
 *
 * The parser takes what comes from a guest: it either accepts a block with all
 * its datagrams inside its bounds, or nothing of it.  The writer puts the
 * datagrams first and the table of pointers behind them:
 *
 *   NTH-16                          NTH-32
 *   +------------------------+      +------------------------+
 *   | "NCMH"                 |      | "ncmh"                 |
 *   | 12        | sequence   |      | 16        | sequence   |
 *   | block len | NDP index  |      | block len              |
 *   +------------------------+      | NDP index              |
 *                                   +------------------------+
 *   NDP-16                          NDP-32
 *   +------------------------+      +------------------------+
 *   | "NCM0" or "NCM1" (CRC) |      | "ncm0" or "ncm1" (CRC) |
 *   | length    | next NDP   |      | length    | 0          |
 *   | index 0   | length 0   |      | next NDP               |
 *   | ...                    |      | 0                      |
 *   | 0         | 0          |      | index 0                |
 *   +------------------------+      | length 0 ...           |
 *                                   +------------------------+
 */
#ifndef FUNCTION_NCM_NTB_H
#define FUNCTION_NCM_NTB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NTB_SIZE_MIN = 2048,	/* 3.4: no host may ask for less */
	NTB_MAX_DATAGRAMS = 40, /* that we put into one block */
	NTB_MAX_NDPS = 16,	/* that we follow in one */
	NTB_DIVISOR = 4,	/* of where the payload begins */
	NTB_REMAINDER = 0,
	NTB_NDP_ALIGNMENT = 4,
	NTB_ETHERNET_HEADER = 14,
	NTB_CRC_LEN = 4,
};

enum ntb_error {
	NTB_OK,
	NTB_SHORT,	  /* no room for a header */
	NTB_SIGNATURE,	  /* neither that of a block nor of a table */
	NTB_HEADER,	  /* wHeaderLength */
	NTB_BLOCK_LENGTH, /* longer than what came, or shorter than a header */
	NTB_NDP,	  /* a table that is misplaced, cut or endless */
	NTB_DATAGRAM,	  /* outside of the block, or twice the same octets */
	NTB_ERROR_COUNT
};

const char *ntb_error_name(enum ntb_error error);

struct ntb_reader {
	const uint8_t *data; /* borrowed */
	uint32_t len;	     /* of the block */
	bool wide;	     /* NTB-32 */
	uint32_t ndp;	     /* of the table that is read; 0: no more */
	uint32_t entry;	     /* next in it */
};

struct ntb_datagram {
	const uint8_t *data;
	uint32_t len;
	bool crc_wrong; /* it had one; len is without it */
};

/*
 * The block's own length if its header is among the len octets and says one;
 * 0: not known.
 */
uint32_t ntb_block_length(const uint8_t *data, uint32_t len, bool wide);

/* Checks a whole block.  Octets behind it are no error (some hosts add one). */
enum ntb_error ntb_reader_init(struct ntb_reader *reader, const uint8_t *data,
			       uint32_t len, bool wide);
/* The next datagram; false: there is none. */
bool ntb_reader_next(struct ntb_reader *reader, struct ntb_datagram *datagram);

struct ntb_writer {
	uint8_t *data; /* borrowed */
	uint32_t size; /* at most so many octets */
	bool wide;
	bool crc;
	uint32_t at; /* end of what is written */
	unsigned int count;
	struct {
		uint32_t index;
		uint32_t len;
	} entries[NTB_MAX_DATAGRAMS];
};

/* size: NTB_SIZE_MIN or more, and below 65536 unless wide. */
void ntb_writer_init(struct ntb_writer *writer, uint8_t *data, uint32_t size,
		     bool wide, bool crc);
/* Where the next datagram of up to max octets goes; NULL: it does not fit. */
uint8_t *ntb_writer_place(struct ntb_writer *writer, uint32_t max);
/* A datagram of len octets was put there. */
void ntb_writer_add(struct ntb_writer *writer, uint32_t len);
/*
 * Completes a block of one datagram or more.  Its length is never a multiple of
 * a packet's size unless it is the greatest possible, so no zero-length packet
 * is due (3.2.2).
 */
uint32_t ntb_writer_finish(struct ntb_writer *writer, uint16_t sequence);

/* The Ethernet CRC, as it stands behind a frame in little endian. */
uint32_t ntb_crc32(const uint8_t *data, size_t len);

#endif
