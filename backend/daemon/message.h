/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message.h - what the broker (2virtd) and a device process (2virt-device) say
 * to each other.
 *
 * One message is one datagram of a SOCK_SEQPACKET pair.  Every type has exactly
 * one length and one count of passed descriptors; anything else is a violation,
 * and the peer is not listened to any more: the broker kills such a child, a
 * child exits.
 *
 *      broker                              device process
 *        HELLO (journal) ───────────────▶  opens Xen, drops privileges
 *                        ◀───────────────  READY
 *        CONNECT, PLUG, SERVICE_PUT, ───▶
 *        UNPLUG, SERVICE_REMOVE, STOP
 *                        ◀───────────────  ACK (same sequence), in order
 *        STATS_GET       ───────────────▶
 *                        ◀───────────────  STATS (same sequence)
 *                        ◀───────────────  FAULT (the guest broke a rule)
 *
 * Sequence numbers of requests count up from 1 and are answered in that order.
 * UNPLUG, SERVICE_REMOVE and STOP take something away: a child that has not
 * acknowledged within MESSAGE_CUT_DEADLINE_MS is killed, so that revocation
 * never depends on it.
 *
 * Host byte order: both ends are programs of one build on one machine.
 */
#ifndef DAEMON_MESSAGE_H
#define DAEMON_MESSAGE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_VERSION 1u
#define MESSAGE_CUT_DEADLINE_MS 300
#define MESSAGE_MAX_FDS 1
/* The descriptor that a device process finds its socket at. */
#define MESSAGE_SOCKET_FD 3

enum {
	MESSAGE_NAME_SIZE = 64,	   /* service, function or domain name + NUL */
	MESSAGE_URL_SIZE = 256,	   /* URL + NUL */
	MESSAGE_ADDRESS_SIZE = 46, /* numeric IPv4 or IPv6 address + NUL */
	MESSAGE_DETAIL_SIZE = 128, /* reason of a fault + NUL */
	MESSAGE_MAX_UPSTREAMS = 16,
	MESSAGE_MAX_ADDRESSES = 4, /* of one upstream */
	MESSAGE_MAX_RING_PAGES = 8,
	MESSAGE_MAX_CA_BYTES = 1 << 20,
};

enum message_type {
	/* broker to device */
	MESSAGE_HELLO = 1,
	MESSAGE_CONNECT = 2,
	MESSAGE_PLUG = 3,
	MESSAGE_UNPLUG = 4,
	MESSAGE_SERVICE_PUT = 5,
	MESSAGE_SERVICE_REMOVE = 6,
	MESSAGE_STOP = 7,
	MESSAGE_STATS_GET = 8,
	/* device to broker */
	MESSAGE_READY = 65,
	MESSAGE_ACK = 66,
	MESSAGE_FAULT = 67,
	MESSAGE_STATS = 68,
};

enum message_side {
	MESSAGE_FROM_BROKER,
	MESSAGE_FROM_DEVICE,
};

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 |     type      |       0       |
 *     +-------+-------+-------+-------+
 *   4 |           sequence            |
 *     +-------+-------+-------+-------+
 */
struct message_header {
	uint16_t type;
	uint16_t reserved;
	uint32_t sequence;
};

/* First message; passes the journal (opened for reading and writing). */
struct message_hello {
	struct message_header header;
	uint32_t version;
	uint32_t domid;
	uint32_t devid;
	uint32_t port_count; /* 1..31 */
	uint32_t uid;	     /* to drop to; 0: the broker is not root, stay */
	uint32_t log_level;
	uint32_t max_ring_order;	/* as offered to the frontend */
	uint32_t max_indirect_segments; /* as offered to the frontend */
	uint8_t domain_uuid[16];
	char domain_name[MESSAGE_NAME_SIZE];
};

/* The frontend's ring, read in one transaction and range-checked. */
struct message_connect {
	struct message_header header;
	uint32_t ring_order;			    /* 0..3 */
	uint32_t ring_refs[MESSAGE_MAX_RING_PAGES]; /* unused ones are 0 */
	uint32_t conn_ref;
	uint32_t event_channel;
	uint32_t resume; /* enum message_resume */
};

enum message_resume {
	/* A new connection: whatever the journal says is void. */
	MESSAGE_FRESH,
	/* The journal tells what a predecessor left; without it: an error. */
	MESSAGE_RESUME,
	/* As RESUME; a journal that was never connected means FRESH: the
	 * predecessor died before it touched a ring. */
	MESSAGE_RESUME_OR_FRESH,
};

enum message_function {
	MESSAGE_FUNCTION_WEB = 1,  /* all web services of the domain */
	MESSAGE_FUNCTION_DIAG = 2, /* echo, sink and source, for measuring */
};

struct message_plug {
	struct message_header header;
	uint32_t port;	   /* 1..31 */
	uint32_t function; /* enum message_function */
	char name[MESSAGE_NAME_SIZE];
};

struct message_unplug {
	struct message_header header;
	uint32_t port;
	uint32_t reserved;
};

/* One upstream URL and where its host is, as resolved by the broker. */
struct message_upstream {
	char url[MESSAGE_URL_SIZE];
	uint32_t address_count; /* 1..MESSAGE_MAX_ADDRESSES */
	char addresses[MESSAGE_MAX_ADDRESSES][MESSAGE_ADDRESS_SIZE];
};

/*
 * Adds a service or replaces its definition; passes a file if ca is 1.  A
 * number that is 0 means the default.
 */
struct message_service {
	struct message_header header;
	char name[MESSAGE_NAME_SIZE];
	char host_header[MESSAGE_URL_SIZE]; /* empty: that of the URL */
	uint32_t connect_timeout_ms;
	uint32_t response_timeout_ms;
	uint32_t idle_timeout_ms;
	uint32_t retry_after_ms;
	uint32_t connection_max;
	uint32_t ca; /* 1: a sealed memfd with PEM text is passed */
	uint64_t body_max_bytes;
	uint32_t reserved;
	uint32_t upstream_count; /* 1..MESSAGE_MAX_UPSTREAMS */
	struct message_upstream upstreams[MESSAGE_MAX_UPSTREAMS];
};

/* Revokes: requests of this service that are in flight end before the ACK. */
struct message_service_remove {
	struct message_header header;
	char name[MESSAGE_NAME_SIZE];
};

/* STOP, STATS_GET and READY have no body.  STOP: let go of the guest, exit. */
struct message_plain {
	struct message_header header;
};

struct message_ack {
	struct message_header header;
	int32_t error; /* 0 or a negative errno */
	uint32_t reserved;
};

/* The frontend broke the protocol: its device is over. */
struct message_fault {
	struct message_header header;
	uint32_t reason; /* enum message_fault_reason */
	uint32_t reserved;
	char detail[MESSAGE_DETAIL_SIZE]; /* printable ASCII */
};

enum message_fault_reason {
	MESSAGE_FAULT_NONE,
	MESSAGE_FAULT_PROTOCOL, /* what is on the ring cannot be */
	MESSAGE_FAULT_CONNECT,	/* rings or event channel cannot be used */
	MESSAGE_FAULT_COUNT
};

struct message_stats {
	struct message_header header;
	uint64_t requests;
	uint64_t octets_in;
	uint64_t octets_out;
	uint64_t errors;
};

union message {
	struct message_header header;
	struct message_hello hello;
	struct message_connect connect;
	struct message_plug plug;
	struct message_unplug unplug;
	struct message_service service;
	struct message_service_remove service_remove;
	struct message_plain plain;
	struct message_ack ack;
	struct message_fault fault;
	struct message_stats stats;
};

static_assert(sizeof(struct message_header) == 8, "header");
static_assert(sizeof(struct message_hello) == 120, "hello");
static_assert(sizeof(struct message_connect) == 56, "connect");
static_assert(sizeof(struct message_upstream) == 444, "upstream");
static_assert(sizeof(struct message_service) == 368 + 16 * 444, "service");
static_assert(sizeof(struct message_stats) == 40, "stats");

const char *message_type_name(unsigned int type);
/* As in grant/<type>/: "web", "diag". */
const char *message_function_name(unsigned int function);
const char *message_fault_name(unsigned int reason);

/*
 * Checks len octets as they came from a side, with fd_count descriptors: the
 * type exists for that side, length and count are exact, every field is in
 * range, every string ends inside its field and holds printable ASCII only
 * (names: a service name), reserved fields are zero.  0 or -EPROTO.
 */
int message_check(const void *data, size_t len, unsigned int fd_count,
		  enum message_side from);

/* Length of a message of this type, 0 if there is no such type. */
size_t message_length(unsigned int type);

/*
 * Sends the message with fd (-1: none); never blocks.  The descriptor stays
 * the caller's.  0, -EPROTO (message_check() says no), -EAGAIN (the peer does
 * not read) or another negative errno.
 */
int message_send(int socket, const union message *message, int fd,
		 enum message_side from);

/*
 * Takes one message that came from the given side; never blocks.  *fd is -1 or
 * a descriptor that the caller now owns.  1: got one; 0: the peer is gone;
 * -EAGAIN: nothing there; -EPROTO: a violation; another negative errno.
 */
int message_receive(int socket, union message *message, int *fd,
		    enum message_side from);

/*
 * True for 1..63 of a-z 0-9 _ - beginning with a letter or digit: what
 * services, functions and XenStore nodes of ours are called (a path of XenStore
 * takes no dot).
 */
int message_name_valid(const char *name);

#endif
