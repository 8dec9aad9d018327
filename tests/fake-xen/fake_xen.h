/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_xen.h - make, inspect and hurt the fake hypervisor.
 *
 * A test calls fake_xen_setup() once, then starts guests (guest.h), the real
 * xenstored (xenstored.h), a toolstack (toolstack.h) and the code under test,
 * which calls xengnttab_*, xenevtchn_* and xc_* of the fake: linked in
 * (libfakexen.a in place of -lxengnttab -lxenevtchn -lxenctrl) or preloaded
 * (libfakexen.so).
 *
 * Functions return 0 or more, or a negative errno.
 */
#ifndef TV_TESTS_FAKE_XEN_H
#define TV_TESTS_FAKE_XEN_H

#include <stdbool.h>
#include <stdint.h>

/* Environment: the folder of the fake; unset means "this is not Xen". */
#define FAKE_XEN_ENV "TV_FAKE_XEN_DIR"

/*
 * Makes a folder below $TMPDIR (or /tmp) with an empty hypervisor in it and
 * sets TV_FAKE_XEN_DIR for this process and its children.
 */
int fake_xen_setup(void);

/* As fake_xen_setup() in a folder of the caller's, which must be empty. */
int fake_xen_create(const char *folder);

/* Removes the folder that fake_xen_setup() made and unsets TV_FAKE_XEN_DIR. */
void fake_xen_teardown(void);

/* The folder in use; owned by the module. */
const char *fake_xen_folder(void);

/*
 * --- faults ---------------------------------------------------------------
 * A rule lets the next `skip` matching operations pass, hits the following
 * `count` ones (FAKE_XEN_FOREVER: all), then does nothing.  Rules work in every
 * process that uses the folder.  At most 16 at a time.
 */
enum fake_xen_fault {
	FAKE_FAULT_COPY_SEGMENT, /* one segment; value: its GNTST_* status */
	FAKE_FAULT_COPY_CALL, /* a whole xengnttab_grant_copy; value: errno */
	FAKE_FAULT_MAP,	      /* a map call; value: errno */
	FAKE_FAULT_UNMAP,     /* an unmap call; value: errno */
	FAKE_FAULT_BIND,      /* xenevtchn_bind_interdomain; value: errno */
	FAKE_FAULT_NOTIFY,    /* a notification of dom0's gets lost; value: 0,
				 or the errno that the caller sees */
	FAKE_FAULT_DIE, /* the domain starts to die just before this segment
			   of a copy or this map is done; value: ignored */
	FAKE_FAULT_KINDS
};

#define FAKE_XEN_FOREVER UINT32_MAX
#define FAKE_XEN_ANY_DOMAIN UINT32_MAX

int fake_xen_fault(enum fake_xen_fault kind, uint32_t domid, uint32_t skip,
		   uint32_t count, int32_t value);

/* How many operations rules of this kind have hit since setup. */
uint64_t fake_xen_fault_hits(enum fake_xen_fault kind);

/* Removes all rules. */
void fake_xen_fault_clear(void);

/*
 * --- what the whole machine did -------------------------------------------
 */
struct fake_xen_stats {
	uint64_t copy_calls;	/* calls of xengnttab_grant_copy */
	uint64_t copy_segments; /* segments in them */
	uint64_t copy_bytes;	/* bytes moved by segments that succeeded */
	uint64_t copy_failed;	/* segments with a status other than okay */
	uint64_t map_calls;
	uint64_t mapped_now;	   /* grants mapped at this moment, xenstored's
				      one per introduced domain included */
	uint64_t notifies;	   /* notifications sent by dom0 */
	uint64_t notifies_unbound; /* ... on a port nobody is bound to */
	uint64_t unmasks;	   /* xenevtchn_unmask (EOI) calls of dom0 */
	uint64_t unmasks_idle;	   /* ... on a port that had no event: a bug */
	uint64_t denied;	   /* refused because of xenevtchn_restrict */
};

/* Counters since setup; dead processes' maps are released first. */
int fake_xen_stats(struct fake_xen_stats *out);

/*
 * Finds processes that died without closing their handles and releases their
 * maps and ports, as a kernel does at exit.  Done by itself wherever it could
 * be noticed; here for tests that look at the counters of a domain.
 */
void fake_xen_reap(void);

/* True while the hypervisor knows the domain, alive or dying. */
bool fake_xen_domain_exists(uint32_t domid);

/*
 * Waits until a destroyed domain is gone: xenstored and every backend have
 * unmapped its memory.  0 or -ETIMEDOUT (somebody holds on to it).
 */
int fake_xen_domain_wait_gone(uint32_t domid, int timeout_ms);

#endif
