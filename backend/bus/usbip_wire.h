/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usbip_wire.h - the octets of USB/IP 1.1.1 (Linux, Documentation/usb/
 * usbip_protocol.rst).  Everything but the setup packet is big endian.
 *
 * A connection begins with one request and, after a good IMPORT, carries
 * commands and answers until it is closed.
 *
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 |    version    |     code      |   operation (8 octets)
 *   4 |            status             |
 *     +-------+-------+-------+-------+
 *
 *     +-------+-------+-------+-------+
 *   0 | command       | seqnum        |   every command and answer: 48 octets
 *   8 | devid         | direction     |
 *  16 | endpoint      | SUBMIT: flags, length, start frame, packets, interval,
 *  20 |               |         setup (8)
 *  48 | octets of an OUT, or of the answer to an IN
 */
#ifndef BUS_USBIP_WIRE_H
#define BUS_USBIP_WIRE_H

#include <assert.h>
#include <stdint.h>

enum {
	USBIP_VERSION = 0x0111,
	USBIP_OP_REQ_DEVLIST = 0x8005,
	USBIP_OP_REP_DEVLIST = 0x0005,
	USBIP_OP_REQ_IMPORT = 0x8003,
	USBIP_OP_REP_IMPORT = 0x0003,
};

enum usbip_op_status {
	USBIP_ST_OK = 0,
	USBIP_ST_NA = 1,
	USBIP_ST_DEV_BUSY = 2,
	USBIP_ST_DEV_ERR = 3,
	USBIP_ST_NODEV = 4,
};

enum {
	USBIP_CMD_SUBMIT = 1,
	USBIP_CMD_UNLINK = 2,
	USBIP_RET_SUBMIT = 3,
	USBIP_RET_UNLINK = 4,
};

enum {
	USBIP_DIR_OUT = 0,
	USBIP_DIR_IN = 1,
	USBIP_SPEED_HIGH = 3,
	USBIP_BUSID_LEN = 32,
	USBIP_MAX_ISO_PACKETS = 1024,
	USBIP_ISO_PACKET_LEN = 16,
};
/* "Not isochronous", besides 0. */
#define USBIP_NO_PACKETS 0xffffffffu

/* Linux' error numbers: they are on the wire, whatever the server runs on. */
enum {
	USBIP_EPIPE = 32,
	USBIP_ENODEV = 19,
	USBIP_EINVAL = 22,
	USBIP_EPROTO = 71,
	USBIP_EOVERFLOW = 75,
	USBIP_ECONNRESET = 104,
	USBIP_ESHUTDOWN = 108,
};

struct usbip_op {
	uint16_t version;
	uint16_t code;
	uint32_t status;
};
static_assert(sizeof(struct usbip_op) == 8, "operation");

struct usbip_device {
	char path[256];
	char busid[USBIP_BUSID_LEN];
	uint32_t busnum;
	uint32_t devnum;
	uint32_t speed;
	uint16_t vendor_id;
	uint16_t product_id;
	uint16_t release;
	uint8_t class;
	uint8_t subclass;
	uint8_t protocol;
	uint8_t configuration_value;
	uint8_t configuration_count;
	uint8_t interface_count;
};
static_assert(sizeof(struct usbip_device) == 312, "device");

struct usbip_interface {
	uint8_t class;
	uint8_t subclass;
	uint8_t protocol;
	uint8_t reserved;
};

struct usbip_header {
	uint32_t command;
	uint32_t seqnum;
	uint32_t devid;
	uint32_t direction;
	uint32_t endpoint;
	union {
		struct {
			uint32_t flags;
			uint32_t length;
			uint32_t start_frame;
			uint32_t packets;
			uint32_t interval;
			uint8_t setup[8];
		} submit;
		struct {
			uint32_t status;
			uint32_t actual;
			uint32_t start_frame;
			uint32_t packets;
			uint32_t errors;
			uint32_t reserved[2];
		} submit_answer;
		struct {
			uint32_t seqnum;
			uint32_t reserved[6];
		} unlink;
		struct {
			uint32_t status;
			uint32_t reserved[6];
		} unlink_answer;
	} u;
};
static_assert(sizeof(struct usbip_header) == 48, "header");

#endif
