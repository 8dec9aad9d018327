/* SPDX-License-Identifier: MIT */
/*
 * pipe.h - the wire contract of a 2Virt vendor interface.
 *
 * A pipe is one reliable byte stream over a bulk OUT/IN pair.  The k-th bulk
 * OUT and the k-th bulk IN endpoint of the interface's alternate setting 1
 * make pipe k (0..n-1); its only interrupt IN endpoint reports the events of
 * all pipes.  Alternate setting 0 has no endpoints, and selecting it closes
 * everything.
 *
 * All vendor requests go to the interface: wIndex = interface | pipe << 8.
 * Everything is little endian.  Specification: docs/device.md.
 */
#ifndef TV_PROTOCOL_PIPE_H
#define TV_PROTOCOL_PIPE_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/types.h>
#else
#include <assert.h>
#include <stdint.h>
#endif

#define TV_USB_VENDOR_ID 0x02a0
#define TV_USB_PRODUCT_ID 0xa123
/* bInterfaceProtocol of a vendor interface that speaks this contract. */
#define TV_USB_PROTOCOL_PIPE_1 0x01

/* bInterfaceSubClass of a vendor interface: what the pipe carries. */
enum tv_function_type {
	TV_FUNCTION_WEB = 0x01,
	TV_FUNCTION_P2P = 0x02,
	TV_FUNCTION_LIBVIRT = 0x03,
	TV_FUNCTION_CHAR = 0x04,
	TV_FUNCTION_DIAG = 0x05, /* echo, sink and source to measure with */
};

#define TV_PIPE_MAX 14 /* pipes of one interface */
#define TV_PIPE_EVENT_LEN 16
#define TV_PIPE_STATUS_LEN 32
#define TV_FUNCTION_INFO_LEN 32
#define TV_PIPE_LIMITS_LEN 40
#define TV_PIPE_WISH_LEN 16

/* bRequest */
enum tv_pipe_request {
	/* 0x41: wValue = new generation (not 0, not the current one); no data.
	 */
	TV_PIPE_OPEN = 0x01,
	/* 0x41: wValue = generation; data = 8: octets sent on OUT in all. */
	TV_PIPE_SHUTDOWN = 0x02,
	/* 0x41: wValue = generation; no data.  Closing twice is no error. */
	TV_PIPE_CLOSE = 0x03,
	/* 0x41: wValue = generation; data = struct tv_pipe_wish. */
	TV_PIPE_SET_LIMITS = 0x06,
	/* 0xc1: data = struct tv_pipe_status. */
	TV_PIPE_GET_STATUS = 0x84,
	/* 0xc1: data = struct tv_function_info; wIndex' pipe is 0. */
	TV_FUNCTION_GET_INFO = 0x85,
	/* 0xc1: data = struct tv_pipe_limits. */
	TV_PIPE_GET_LIMITS = 0x86,
	/* From here on the meaning is the type's; wIndex' pipe is 0. */
	TV_REQUEST_OF_TYPE = 0x90,
	/* p2p, 0xc1: data = struct tv_p2p_peer. */
	TV_P2P_GET_PEER = 0x90,
};

enum tv_pipe_state {
	TV_PIPE_CLOSED = 0,
	TV_PIPE_OPENING = 1, /* asked for; the far side has not answered */
	TV_PIPE_ESTABLISHED = 2,
	TV_PIPE_RESET = 3, /* ended by the device; open again to use it */
};

enum tv_pipe_event_type {
	TV_PIPE_EVENT_OPENED = 1, /* the far side answered */
	TV_PIPE_EVENT_EOS = 2,	  /* count = octets of this generation on IN */
	TV_PIPE_EVENT_RESET = 3,  /* reason says why */
	TV_PIPE_EVENT_LIMIT = 4,  /* limits changed: read them anew */
	/* Of the function (pipe 0, generation 0): TV_P2P_GET_PEER anew. */
	TV_PIPE_EVENT_PEER = 5,
};

enum tv_pipe_reason {
	TV_PIPE_REASON_NONE = 0,
	TV_PIPE_REASON_PROTOCOL = 1,	/* the guest's bytes were malformed */
	TV_PIPE_REASON_REFUSED = 2,	/* policy does not allow it */
	TV_PIPE_REASON_REVOKED = 3,	/* policy no longer allows it */
	TV_PIPE_REASON_UNREACHABLE = 4, /* the far side cannot be reached */
	TV_PIPE_REASON_PEER_RESET = 5,	/* the far side ended it abruptly */
	TV_PIPE_REASON_TIMEOUT = 6,
	TV_PIPE_REASON_LIMIT = 7,    /* a resource limit was met */
	TV_PIPE_REASON_INTERNAL = 8, /* a fault of the device's own */
	TV_PIPE_REASON_COUNT
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | type  | pipe  |  generation   |
 *     +-------+-------+-------+-------+
 *   4 |    reason     |       0       |
 *     +-------+-------+-------+-------+
 *   8 |             count             |
 *  12 |                               |
 *     +-------+-------+-------+-------+
 */
struct tv_pipe_event {
	uint8_t type;
	uint8_t pipe;
	uint16_t generation;
	uint16_t reason;
	uint16_t reserved;
	uint64_t count;
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | state | flags |  generation   |
 *     +-------+-------+-------+-------+
 *   4 |    reason     |       0       |
 *     +-------+-------+-------+-------+
 *   8 |  octets taken from OUT (u64)  |
 *  16 |  octets given to IN (u64)     |
 *  24 |  0 (u64)                      |
 *     +-------+-------+-------+-------+
 */
struct tv_pipe_status {
	uint8_t state;
	uint8_t flags; /* TV_PIPE_STATUS_* */
	uint16_t generation;
	uint16_t reason;
	uint16_t reserved;
	uint64_t out_octets;
	uint64_t in_octets;
	uint64_t reserved2;
};

#define TV_PIPE_STATUS_OUT_ENDED 0x01 /* the host has shut OUT down */
#define TV_PIPE_STATUS_IN_ENDED 0x02  /* the device will send no more */

enum tv_pipe_priority {
	TV_PIPE_PRIORITY_ANY = 0, /* in a wish: the best there is */
	TV_PIPE_PRIORITY_HIGH = 1,
	TV_PIPE_PRIORITY_NORMAL = 2,
	TV_PIPE_PRIORITY_LOW = 3,
	TV_PIPE_PRIORITY_COUNT
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | class | wish  |  generation   |  class in force, class asked for
 *     +-------+-------+-------+-------+
 *   4 |    streams    |       0       |  requests at once
 *     +-------+-------+-------+-------+
 *   8 |  rate in force (u64)          |  octets a second, both ways together
 *  16 |  rate asked for (u64)         |
 *     +-------+-------+-------+-------+
 *  24 |  burst                        |  octets
 *  28 |  requests a second            |
 *     +-------+-------+-------+-------+
 *  32 |  0 (u64)                      |
 *  40 +-------------------------------+  0 in a number: no limit
 */
struct tv_pipe_limits {
	uint8_t priority;
	uint8_t wanted_priority;
	uint16_t generation;
	uint16_t streams;
	uint16_t reserved;
	uint64_t rate;
	uint64_t wanted_rate;
	uint32_t burst;
	uint32_t rps;
	uint64_t reserved2;
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | class |  0 (7 octets)         |  class: enum tv_pipe_priority
 *     +-------+-------+-------+-------+
 *   8 |  rate (u64)                   |  octets a second; 0: any
 *  16 +-------------------------------+
 */
struct tv_pipe_wish {
	uint8_t priority;
	uint8_t reserved[7];
	uint64_t rate;
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | type  | pipes |   version     |  type: enum tv_function_type
 *     +-------+-------+-------+-------+
 *   4 |  largest useful transfer      |  octets
 *     +-------+-------+-------+-------+
 *   8 |  0 (24 octets)                |
 *  32 +-------------------------------+
 */
struct tv_function_info {
	uint8_t type;
	uint8_t pipe_count;
	uint16_t version;
	uint32_t transfer_max;
	uint8_t reserved[24];
};

enum tv_p2p_role {
	TV_P2P_SYMMETRIC = 0, /* an open joins an open of the peer's */
	TV_P2P_LISTEN = 1,    /* an open waits for the peer to connect */
	TV_P2P_CONNECT = 2,   /* an open fails if the peer does not listen */
};

#define TV_P2P_PEER_LEN 128
#define TV_P2P_NAME_LEN 104
#define TV_P2P_PEER_PRESENT 0x01

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 | role  | flags |   name_len    |  flags: 1 the peer is there
 *     +-------+-------+-------+-------+
 *   4 |  0                            |
 *     +-------+-------+-------+-------+
 *   8 |  uuid (16 octets, in the      |
 *     |  order in which it is written)|
 *     +-------+-------+-------+-------+
 *  24 |  name (104 octets, UTF-8,     |
 *     |  the rest 0)                  |
 * 128 +-------------------------------+
 *
 * name_len is that of the whole name; of a longer one the first 104 octets
 * are given.  The uuid is who the peer is, the name what it is called.
 */
struct tv_p2p_peer {
	uint8_t role; /* enum tv_p2p_role: this side's */
	uint8_t flags;
	uint16_t name_len;
	uint32_t reserved;
	uint8_t uuid[16];
	uint8_t name[TV_P2P_NAME_LEN];
};

static_assert(sizeof(struct tv_p2p_peer) == TV_P2P_PEER_LEN, "peer");
static_assert(sizeof(struct tv_pipe_event) == TV_PIPE_EVENT_LEN, "event");
static_assert(sizeof(struct tv_pipe_status) == TV_PIPE_STATUS_LEN, "status");
static_assert(sizeof(struct tv_pipe_limits) == TV_PIPE_LIMITS_LEN, "limits");
static_assert(sizeof(struct tv_pipe_wish) == TV_PIPE_WISH_LEN, "wish");
static_assert(sizeof(struct tv_function_info) == TV_FUNCTION_INFO_LEN, "info");

#endif
