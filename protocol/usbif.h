/* SPDX-License-Identifier: MIT */
/*
 * usbif.h - the rings between a pvUSB frontend and backend.
 *
 * The base dialect is Xen's public/io/usbif.h, octet for octet.  Two additions
 * are negotiated through XenStore and are used only between our own drivers
 * and our own backend; a peer that knows neither never sees them:
 *
 *   multi-page ring     backend node "max-ring-page-order" (0..3);
 *                       frontend nodes "urb-ring-page-order" and
 *                       "urb-ring-ref0".."urb-ring-ref7" in place of
 *                       "urb-ring-ref" when the order is not 0.
 *   indirect segments   backend node "feature-max-indirect-segments" (N > 0):
 *                       a request with USBIF_FLAG_INDIRECT in transfer_flags
 *                       names its data by whole pages of segment entries.
 *
 * Everything is little endian (x86 is the only platform served).  All
 * structures are shared with a peer that is not trusted: copy once, then look.
 *
 * Specification: docs/ring.md.
 */
#ifndef TV_PROTOCOL_USBIF_H
#define TV_PROTOCOL_USBIF_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <stdint.h>
#endif

#define USBIF_PAGE_SIZE 4096
#define USBIF_MAX_PORTS 31
#define USBIF_MAX_SEGMENTS 16
#define USBIF_MAX_RING_ORDER 3
#define USBIF_MAX_RING_PAGES (1 << USBIF_MAX_RING_ORDER)
#define USBIF_SEGMENTS_PER_PAGE 512
/* 2 MiB a request, 4 indirect pages for an unaligned megabyte and more. */
#define USBIF_MAX_INDIRECT_SEGMENTS 512

/* XenStore node names (relative to the frontend's or backend's directory). */
#define USBIF_NODE_URB_RING_REF "urb-ring-ref"
#define USBIF_NODE_CONN_RING_REF "conn-ring-ref"
#define USBIF_NODE_EVENT_CHANNEL "event-channel"
#define USBIF_NODE_URB_RING_ORDER "urb-ring-page-order"
#define USBIF_NODE_MAX_RING_ORDER "max-ring-page-order"
#define USBIF_NODE_MAX_INDIRECT "feature-max-indirect-segments"
#define USBIF_NODE_NUM_PORTS "num-ports"
#define USBIF_NODE_USB_VER "usb-ver"

/*
 * pipe:  31 30 | 29..19 | 18..15   | 14..8  | 7  | 6 | 5      | 4..0
 *        type  | 0      | endpoint | device | in | 0 | unlink | port
 */
#define USBIF_PIPE_PORT_MASK 0x0000001fu
#define USBIF_PIPE_UNLINK 0x00000020u
#define USBIF_PIPE_DIR_IN 0x00000080u
#define USBIF_PIPE_DEVICE_SHIFT 8
#define USBIF_PIPE_DEVICE_MASK 0x7fu
#define USBIF_PIPE_ENDPOINT_SHIFT 15
#define USBIF_PIPE_ENDPOINT_MASK 0x0fu
#define USBIF_PIPE_TYPE_SHIFT 30
#define USBIF_PIPE_TYPE_ISOC 0u
#define USBIF_PIPE_TYPE_INT 1u
#define USBIF_PIPE_TYPE_CTRL 2u
#define USBIF_PIPE_TYPE_BULK 3u

/* transfer_flags */
#define USBIF_FLAG_SHORT_NOT_OK 0x0001u
/*
 * Indirect request: nr_buffer_segs counts all data segments (1..max agreed),
 * seg[i] names the pages that hold them, USBIF_SEGMENTS_PER_PAGE entries each,
 * offset 0, length = used entries * 8; buffer_length is 0 and the transfer's
 * length is the sum of the segments.  Isochronous and unlink never use it.
 */
#define USBIF_FLAG_INDIRECT 0x8000u

/* status of a response; a negative errno as Linux numbers them */
#define USBIF_STATUS_OK 0
#define USBIF_STATUS_NODEV (-19)
#define USBIF_STATUS_INVAL (-22)
#define USBIF_STATUS_STALL (-32)
#define USBIF_STATUS_IOERROR (-71)
#define USBIF_STATUS_BABBLE (-75)
#define USBIF_STATUS_SHUTDOWN (-108)

/* speed of a connection event; NONE means unplugged */
#define USBIF_SPEED_NONE 0
#define USBIF_SPEED_LOW 1
#define USBIF_SPEED_FULL 2
#define USBIF_SPEED_HIGH 3

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 |             gref              |
 *     +-------+-------+-------+-------+
 *   4 |    offset     |    length     |  within one page, length 1..4096
 *     +-------+-------+-------+-------+
 */
struct tv_usbif_segment {
	uint32_t gref;
	uint16_t offset;
	uint16_t length;
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 |      id       | nr_buffer_segs|
 *     +-------+-------+-------+-------+
 *   4 |             pipe              |
 *     +-------+-------+-------+-------+
 *   8 | transfer_flags| buffer_length |
 *     +-------+-------+-------+-------+
 *  12 |  control: the setup packet    |
 *  16 |  interrupt: interval u16, 0   |
 *     |  unlink: id u16, 0            |
 *     +-------+-------+-------+-------+
 *  20 |  seg[0] .. seg[15]            |
 * 148 +-------------------------------+
 */
struct tv_usbif_request {
	uint16_t id;
	uint16_t nr_buffer_segs;
	uint32_t pipe;
	uint16_t transfer_flags;
	uint16_t buffer_length;
	union {
		uint8_t ctrl[8];
		struct {
			uint16_t interval;
			uint16_t start_frame;
			uint16_t number_of_packets;
			uint16_t nr_frame_desc_segs;
		} isoc;
		struct {
			uint16_t interval;
			uint16_t pad[3];
		} intr;
		struct {
			uint16_t id;
			uint16_t pad[3];
		} unlink;
	} u;
	struct tv_usbif_segment seg[USBIF_MAX_SEGMENTS];
};

struct tv_usbif_response {
	uint16_t id;
	uint16_t start_frame;
	int32_t status;
	int32_t actual_length;
	int32_t error_count;
};

struct tv_usbif_conn_request {
	uint16_t id;
};

struct tv_usbif_conn_response {
	uint16_t id;
	uint8_t portnum;
	uint8_t speed;
};

/* The 64 octets before the entries of any Xen ring (public/io/ring.h). */
struct tv_ring_header {
	uint32_t req_prod;
	uint32_t req_event;
	uint32_t rsp_prod;
	uint32_t rsp_event;
	uint8_t pad[48];
};

static_assert(sizeof(struct tv_usbif_segment) == 8, "segment is 8 octets");
static_assert(sizeof(struct tv_usbif_request) == 148, "request is 148 octets");
static_assert(sizeof(struct tv_usbif_response) == 16, "response is 16 octets");
static_assert(sizeof(struct tv_usbif_conn_response) == 4, "event is 4 octets");
static_assert(sizeof(struct tv_ring_header) == 64, "header is 64 octets");

/* Entries of an urb ring of 2^order pages: 16, 32, 64, 128. */
#define USBIF_URB_RING_ENTRIES(order) (16u << (order))
/* Entries of the connection ring, always one page. */
#define USBIF_CONN_RING_ENTRIES 512u

#endif
