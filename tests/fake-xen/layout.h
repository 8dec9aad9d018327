/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * layout.h - the files of the fake hypervisor, octet for octet.
 *
 * A folder ($TV_FAKE_XEN_DIR) holds:
 *
 *   xen       one sparse file that every process maps shared: the machine, its
 *             handles, its domains with ports, grants and memory (below)
 *   ev-<n>    a FIFO for each handle n: the queue of its event channels.  Each
 *             event is a native uint32_t, the local port.  Who owns the handle
 *             reads it; who sends writes to it.  The owner keeps an OFD write
 *             lock on octet 0 for as long as the descriptor is open anywhere,
 *             so that "is it dead?" has an answer the kernel guarantees.
 *   xsd_port  decimal port of dom0's kernel, and
 *   xsd_kva   its XenStore page: what /proc/xen/xsd_* is to xenstored
 *   run/      xenstored's sockets and pid file
 *
 * One file instead of one a domain, because a process that has dropped its
 * rights and its view of the file system must still reach every domain through
 * the descriptor it opened before.
 *
 *   xen:   0 +--------------------------+
 *            | struct fx_machine        |
 *          FX_HANDLES_OFFSET            |
 *            | struct fx_handle [256]   |
 *          FX_DOMAINS_OFFSET            |  slot 0 is dom0
 *            | struct fx_domain [64]    |  FX_DOMAIN_SIZE octets each:
 *            |   ports, grants, active  |
 *            |   FX_MEMORY_OFFSET: page 0, 1, ... FX_PAGES - 1
 *            +--------------------------+
 *
 * What needs `lock`: everything except what a guest does alone, which is
 * atomic so that a guest which cannot take a pthread mutex (a driver under
 * Wine) can take part:
 *
 *   grant an entry    write frame, then store flags_domid (release)
 *   end a grant       compare-and-swap flags_domid to 0, fails while
 *                     FX_GTF_READING or FX_GTF_WRITING is set
 *   notify            port = peer's entry (remote_domid, remote_port);
 *                     compare-and-swap port.event: 0 to FX_EVENT_QUEUED, then
 *                     write the port number to ev-<handle - 1>; anything else
 *                     to FX_EVENT_QUEUED | FX_EVENT_AGAIN, and that is all
 *   end of interrupt  swap(port.event, 0); if FX_EVENT_AGAIN was set: notify
 *                     oneself
 */
#ifndef TV_TESTS_FAKE_LAYOUT_H
#define TV_TESTS_FAKE_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

#define FX_MAGIC 0x314e4558454b4146ull /* "FAKEXEN1" */

#define FX_PAGE_SIZE 4096u
#define FX_DOMAINS 64u
#define FX_HANDLES 256u
#define FX_PORTS 1024u	/* a domain; port 0 is never used */
#define FX_GRANTS 8192u /* a domain; 0..7 are reserved as Xen does */
#define FX_GRANTS_RESERVED 8u
#define FX_PAGES 8192u /* a domain; 32 MiB */
#define FX_MAPS 4096u  /* grants one handle can map */
#define FX_FAULTS 16u
#define FX_FAULT_KINDS 8u

#define FX_VIRQ_DOM_EXC 3u

enum fx_domain_state {
	FX_DOMAIN_FREE,
	FX_DOMAIN_ALIVE,
	FX_DOMAIN_DYING, /* destroyed, but its memory is still mapped */
	FX_DOMAIN_GONE /* unknown to the hypervisor, memory kept for its test */
};

#define FX_DOMAIN_PAUSED 1u
#define FX_DOMAIN_SHUTDOWN 2u
#define FX_DOMAIN_CRASHED 4u

struct fx_domain_info {
	_Atomic uint32_t state; /* enum fx_domain_state */
	uint32_t domid;
	uint8_t uuid[16];
	uint32_t flags;		/* FX_DOMAIN_* */
	uint32_t pages;		/* of memory, 0..FX_PAGES */
	uint32_t maps;		/* foreign mappings of its pages now */
	uint32_t maps_xenstore; /* ... of them by the XenStore grant */
	uint32_t next_port;	/* where to look for a free port */
	uint32_t keeper; /* handle (index + 1) of the guest's process, or 0 */
	uint8_t pad[16];
};

/* One rule, see fake_xen.h. */
struct fx_fault {
	uint32_t kind; /* enum fake_xen_fault */
	uint32_t used;
	uint32_t domid;
	uint32_t skip;
	uint32_t count;
	int32_t value;
};

struct fx_stats {
	uint64_t copy_calls;
	uint64_t copy_segments;
	uint64_t copy_bytes;
	uint64_t copy_failed;
	uint64_t map_calls;
	uint64_t notifies;
	uint64_t notifies_unbound;
	uint64_t unmasks;
	uint64_t unmasks_idle;
	uint64_t denied;
};

struct fx_machine {
	uint64_t magic;
	uint32_t next_domid;
	uint32_t pad0;
	uint64_t lock[8]; /* pthread_mutex_t, robust, process-shared */
	struct fx_stats stats;
	uint64_t fault_hits[FX_FAULT_KINDS];
	struct fx_fault fault[FX_FAULTS];
	struct fx_domain_info domain[FX_DOMAINS];
};

enum fx_handle_kind {
	FX_HANDLE_FREE,
	FX_HANDLE_GNTTAB, /* a /dev/xen/gntdev of dom0 */
	FX_HANDLE_EVTCHN, /* a /dev/xen/evtchn of dom0 */
	FX_HANDLE_GUEST	  /* the interrupts of a guest */
};

#define FX_UNRESTRICTED UINT32_MAX

/* A grant that a handle has mapped. */
struct fx_map {
	uint16_t used;
	uint16_t slot; /* of the domain */
	uint16_t writable;
	uint16_t pad;
	uint32_t ref;
};

struct fx_handle {
	uint32_t kind;	     /* enum fx_handle_kind */
	uint32_t domid;	     /* whose handle it is */
	uint32_t pid;	     /* who opened it, for people */
	uint32_t restricted; /* domid, or FX_UNRESTRICTED */
	uint32_t maps;
	uint32_t pad[3];
	struct fx_map map[FX_MAPS];
};

enum fx_port_state {
	FX_PORT_FREE,
	FX_PORT_UNBOUND, /* remote_domid may bind */
	FX_PORT_INTERDOMAIN,
	FX_PORT_VIRQ /* remote_port is the virq */
};

#define FX_EVENT_QUEUED 1u /* in the FIFO or being handled: masked */
#define FX_EVENT_AGAIN 2u  /* came while queued, to be queued at EOI */

struct fx_port {
	_Atomic uint32_t state; /* enum fx_port_state */
	uint32_t remote_domid;
	uint32_t remote_port;
	uint32_t handle; /* index + 1 of the handle it belongs to, or 0 */
	_Atomic uint32_t event;	    /* FX_EVENT_* */
	uint32_t binds;		    /* times a peer bound to this port */
	_Atomic uint64_t sent;	    /* notifications by this side */
	_Atomic uint64_t received;  /* notifications by the peer */
	_Atomic uint64_t delivered; /* events read by this side */
	_Atomic uint64_t eois;
	_Atomic uint64_t peer_delivered; /* delivered and eois of all peers */
	_Atomic uint64_t peer_eois;
};

/* Xen's grant_entry_v1 with flags and domid as one word. */
#define FX_GTF_PERMIT 0x0001u
#define FX_GTF_READONLY 0x0004u
#define FX_GTF_READING 0x0008u
#define FX_GTF_WRITING 0x0010u
#define FX_GTF_IN_USE (FX_GTF_READING | FX_GTF_WRITING)

struct fx_grant {
	_Atomic uint32_t flags_domid; /* flags | domid << 16 */
	uint32_t frame;		      /* page of the domain's memory */
};

/* What the hypervisor knows of a grant. */
struct fx_active {
	uint32_t maps_readonly; /* now */
	uint32_t maps_writable;
	uint32_t maps_total;
	uint32_t copies_read;
	uint32_t copies_written;
	uint32_t pad[3];
};

struct fx_domain {
	struct fx_port port[FX_PORTS];
	struct fx_grant grant[FX_GRANTS];
	struct fx_active active[FX_GRANTS];
};

#define FX_ALIGN(size)                                                         \
	(((uint64_t)(size) + FX_PAGE_SIZE - 1) & ~(uint64_t)(FX_PAGE_SIZE - 1))
#define FX_HANDLES_OFFSET FX_ALIGN(sizeof(struct fx_machine))
#define FX_DOMAINS_OFFSET                                                      \
	(FX_HANDLES_OFFSET + FX_ALIGN(sizeof(struct fx_handle) * FX_HANDLES))
#define FX_MEMORY_OFFSET FX_ALIGN(sizeof(struct fx_domain))
#define FX_DOMAIN_SIZE (FX_MEMORY_OFFSET + (uint64_t)FX_PAGES * FX_PAGE_SIZE)
#define FX_FILE_SIZE (FX_DOMAINS_OFFSET + FX_DOMAINS * FX_DOMAIN_SIZE)

static_assert(sizeof(struct fx_domain_info) == 64, "domain info");
static_assert(sizeof(struct fx_port) == 72, "port");
static_assert(sizeof(struct fx_grant) == 8, "grant_entry_v1");
static_assert(sizeof(struct fx_active) == 32, "active");
static_assert(sizeof(struct fx_map) == 12, "map");

#endif
