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
 *        GRANT_PUT, DOMAIN_LIMITS,
 *        UNPLUG, SERVICE_REMOVE, STOP
 *                        ◀───────────────  ACK (same sequence), in order
 *        STATS_GET       ───────────────▶
 *                        ◀───────────────  STATS (same sequence)
 *        GRANT_STATS_GET ───────────────▶
 *                        ◀───────────────  GRANT_STATS (same sequence)
 *                        ◀───────────────  FAULT (the guest broke a rule)
 *                        ◀───────────────  AUDIT (requests decided about)
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

#define MESSAGE_VERSION 2u
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
	MESSAGE_CONTACT_SIZE = 128,    /* whom to ask + NUL */
	MESSAGE_METHODS_SIZE = 288,    /* list of methods + NUL */
	MESSAGE_PATHS_SIZE = 2048,     /* list of path patterns + NUL */
	MESSAGE_METHOD_SIZE = 16,      /* of one request + NUL */
	MESSAGE_AUDIT_PATH_SIZE = 128, /* beginning of a path + NUL */
	MESSAGE_AUDIT_MAX = 16,	       /* records in a message */
	MESSAGE_VERDICTS = 10,	       /* of enum web_verdict */
	MESSAGE_STAGES = 4,	       /* ring, function, service, upstream */
	MESSAGE_BUCKETS = 20,	       /* of a histogram: less than 2^i us */
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
	MESSAGE_GRANT_PUT = 9,
	MESSAGE_DOMAIN_LIMITS = 10,
	MESSAGE_GRANT_STATS_GET = 11,
	/* device to broker */
	MESSAGE_READY = 65,
	MESSAGE_ACK = 66,
	MESSAGE_FAULT = 67,
	MESSAGE_STATS = 68,
	MESSAGE_AUDIT = 69,
	MESSAGE_GRANT_STATS = 70,
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
	/* Whom a guest's user may ask about a refusal; empty: nobody. */
	char contact[MESSAGE_CONTACT_SIZE];
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

enum message_priority {
	MESSAGE_PRIORITY_NONE, /* not given */
	MESSAGE_PRIORITY_HIGH,
	MESSAGE_PRIORITY_NORMAL,
	MESSAGE_PRIORITY_LOW,
	MESSAGE_PRIORITY_COUNT
};

/* What may be used; 0 or empty: no limit. */
struct message_limits {
	uint64_t request_bytes;	 /* of a request's body */
	uint64_t response_bytes; /* of an answer's body */
	uint64_t rate;		 /* octets a second */
	uint64_t burst;		 /* octets */
	uint32_t rps;		 /* requests a second */
	uint32_t streams;	 /* requests at once */
	uint32_t pipes;		 /* pipes at once */
	uint32_t weight;	 /* share when the host is the bottleneck */
	uint32_t priority;	 /* enum message_priority */
	uint32_t notify;	 /* 1: each use is to be told */
	char methods[MESSAGE_METHODS_SIZE]; /* "GET,HEAD" */
	char paths[MESSAGE_PATHS_SIZE];	    /* patterns, commas between */
};

/*
 * Grants a service with these limits.  Comes before the SERVICE_PUT of that
 * name, which is refused without it, and again whenever a limit changes, which
 * does not touch the definition.
 */
struct message_grant {
	struct message_header header;
	char name[MESSAGE_NAME_SIZE];
	struct message_limits limits;
};

/* For all traffic of the domain together. */
struct message_domain_limits {
	struct message_header header;
	struct message_limits limits;
};

/*
 * Revokes: requests of this service that are in flight end before the ACK.
 * Forgets the definition and the grant.
 */
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

/* One request that was decided about. */
struct message_audit_record {
	char service[MESSAGE_NAME_SIZE];    /* as the guest asked for it */
	char method[MESSAGE_METHOD_SIZE];   /* its beginning */
	char path[MESSAGE_AUDIT_PATH_SIZE]; /* its beginning, no query */
	uint32_t status;		    /* 0: none was given */
	uint32_t verdict;		    /* enum web_verdict */
	uint64_t in_octets;		    /* from the guest */
	uint64_t out_octets;		    /* to the guest */
	uint64_t duration_us;
	uint32_t notify; /* 1: its grant wants it told */
	uint32_t reserved;
};

/* Has no answer.  Records, or lost ones, or both. */
struct message_audit {
	struct message_header header;
	uint32_t lost;	/* records before these that found no room */
	uint32_t count; /* 0..MESSAGE_AUDIT_MAX */
	struct message_audit_record records[MESSAGE_AUDIT_MAX];
};

struct message_grant_stats_get {
	struct message_header header;
	char name[MESSAGE_NAME_SIZE];
};

/* Since the grant began; all 0 if there is none of this name. */
struct message_grant_stats {
	struct message_header header;
	char name[MESSAGE_NAME_SIZE];
	uint64_t requests; /* decided about */
	uint64_t octets;   /* both ways */
	uint64_t denials[MESSAGE_VERDICTS];
	uint64_t queued;  /* that wait at this moment */
	uint64_t dropped; /* cut after they had been allowed */
	uint64_t histogram[MESSAGE_STAGES][MESSAGE_BUCKETS];
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
	struct message_grant grant;
	struct message_domain_limits domain_limits;
	struct message_audit audit;
	struct message_grant_stats_get grant_stats_get;
	struct message_grant_stats grant_stats;
};

static_assert(sizeof(struct message_header) == 8, "header");
static_assert(sizeof(struct message_hello) == 248, "hello");
static_assert(sizeof(struct message_connect) == 56, "connect");
static_assert(sizeof(struct message_upstream) == 444, "upstream");
static_assert(sizeof(struct message_service) == 368 + 16 * 444, "service");
static_assert(sizeof(struct message_stats) == 40, "stats");
static_assert(sizeof(struct message_limits) == 56 + 288 + 2048, "limits");
static_assert(sizeof(struct message_audit_record) == 248, "audit record");
static_assert(sizeof(struct message_audit) == 16 + 16 * 248, "audit");
static_assert(sizeof(struct message_grant_stats) == 824, "grant stats");

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
