/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest.h - a fake domain, driven by a test: memory, grants, event channels and
 * XenStore as that domain.
 *
 * A guest lives in the process that created it and is driven by one thread.
 * Functions return 0 or more, or a negative errno; "timeout_ms" < 0 waits for
 * ever.  Memory returned by *_read, *_directory, *_permissions is the caller's
 * to free().
 */
#ifndef TV_TESTS_FAKE_GUEST_H
#define TV_TESTS_FAKE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#define FAKE_GUEST_PAGE_SIZE 4096u
#define FAKE_GUEST_MAX_PAGES 8192u

struct fake_guest;

/*
 * --- life -----------------------------------------------------------------
 */

/*
 * Creates a running domain with `pages` pages of zeroed memory (0: 2048).
 * domid 0 takes the next number never used before; -EEXIST if it is in use.
 * uuid NULL makes one up.  The domain outlives the process until destroyed.
 */
int fake_guest_create(struct fake_guest **out, uint32_t domid,
		      const uint8_t uuid[16], uint32_t pages);

/*
 * Makes the domain known to xenstored (XS_INTRODUCE by dom0).  /local/domain/
 * <domid> with its permissions is toolstack.h's job, before or after.
 */
int fake_guest_introduce(struct fake_guest *guest, struct xs_handle *dom0);

/*
 * Kills the domain as the hypervisor sees it: its ports close, it is dying
 * until the last foreign mapping of its memory is gone, VIRQ_DOM_EXC fires, so
 * xenstored drops its connection and fires @releaseDomain.  XenStore nodes stay
 * (toolstack.h removes them).  The guest's memory stays readable for the test
 * until fake_guest_free().
 */
void fake_guest_destroy(struct fake_guest *guest);

/* Destroys if need be, frees the handle.  NULL is fine. */
void fake_guest_free(struct fake_guest *guest);

/*
 * xl's reboot: the old domain is destroyed, a new one with the same uuid and
 * size and a new domid takes its place in *guest (not introduced yet).
 */
int fake_guest_reboot(struct fake_guest **guest);

/* Flags the toolstack sees; shutdown and crashed also fire VIRQ_DOM_EXC. */
void fake_guest_set_paused(struct fake_guest *guest, bool paused);
void fake_guest_set_shutdown(struct fake_guest *guest, bool crashed);

uint32_t fake_guest_domid(const struct fake_guest *guest);
const uint8_t *fake_guest_uuid(const struct fake_guest *guest);

/*
 * --- memory and grants -----------------------------------------------------
 */

/* Page-aligned, zeroed; NULL when the domain has none left. */
void *fake_guest_page_alloc(struct fake_guest *guest);
/* `count` adjacent pages, freed one by one or by pages_free. */
void *fake_guest_pages_alloc(struct fake_guest *guest, uint32_t count);
void fake_guest_page_free(struct fake_guest *guest, void *page);
void fake_guest_pages_free(struct fake_guest *guest, void *page,
			   uint32_t count);

/* Grants one of the guest's pages to dom0; returns the reference. */
int fake_guest_grant(struct fake_guest *guest, const void *page, bool readonly);
/* As fake_guest_grant() to another domain than dom0. */
int fake_guest_grant_to(struct fake_guest *guest, uint32_t domid,
			const void *page, bool readonly);

/*
 * Ends access and frees the reference; -EBUSY (and nothing changed) while the
 * backend maps it or copies: "backend didn't release grant".
 */
int fake_guest_grant_end(struct fake_guest *guest, uint32_t ref);

/* As a hostile guest: takes a grant back (-EBUSY while mapped), keeps the
 * reference number out of use. */
int fake_guest_grant_revoke(struct fake_guest *guest, uint32_t ref);

/* Counters of one reference since it was granted. */
struct fake_guest_grant_stats {
	uint32_t maps_now;
	uint32_t maps;		 /* times mapped */
	uint32_t copies_read;	 /* copies out of the page by the backend */
	uint32_t copies_written; /* copies into the page */
};
int fake_guest_grant_stats(struct fake_guest *guest, uint32_t ref,
			   struct fake_guest_grant_stats *out);

/* References in use; 0 at the end of a clean test (XenStore's not counted). */
unsigned fake_guest_grants_in_use(const struct fake_guest *guest);
/* Foreign mappings of this domain's memory now, the XenStore ring not counted;
 * also valid after destroy. */
unsigned fake_guest_mappings(struct fake_guest *guest);

/*
 * --- event channels ---------------------------------------------------------
 */

/* An unbound port that `remote_domid` may bind; returns the port. */
int fake_guest_port_alloc(struct fake_guest *guest, uint32_t remote_domid);
int fake_guest_port_close(struct fake_guest *guest, int port);
int fake_guest_notify(struct fake_guest *guest, int port);

/* 1: an event came (and is consumed), 0: timeout. */
int fake_guest_wait(struct fake_guest *guest, int port, int timeout_ms);

/* Readable when any port has an event; then call fake_guest_wait(.., 0). */
int fake_guest_fd(const struct fake_guest *guest);

/* True while a live backend is bound to the port. */
bool fake_guest_port_bound(struct fake_guest *guest, int port);

struct fake_guest_port_stats {
	uint64_t sent;	    /* notifications by this guest */
	uint64_t received;  /* notifications by the peer, coalesced or not */
	uint64_t delivered; /* ... that woke this guest */
	uint64_t peer_delivered; /* events the peer's descriptor reported */
	uint64_t peer_eois;	 /* xenevtchn_unmask calls of the peer */
	uint64_t binds;		 /* times a backend bound to this port */
};
int fake_guest_port_stats(struct fake_guest *guest, int port,
			  struct fake_guest_port_stats *out);

/*
 * --- XenStore as this domain
 * -------------------------------------------------- Over the ring of the
 * domain, with the domain's rights; relative paths are below
 * /local/domain/<domid>.  Errors are those of xenstored (-EACCES, -ENOENT,
 * -EAGAIN, -EQUOTA as -ENOSPC ...); -ETIMEDOUT after 10 s of silence, -EPIPE
 * when xenstored has let go of the domain.  Transaction 0 is none.
 */
int fake_guest_xs_read(struct fake_guest *guest, uint32_t tx, const char *path,
		       char **out, size_t *len); /* len may be NULL */
int fake_guest_xs_write(struct fake_guest *guest, uint32_t tx, const char *path,
			const void *data, size_t len);
/* printf into a node; at most 255 octets. */
int fake_guest_xs_printf(struct fake_guest *guest, uint32_t tx,
			 const char *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A decimal number in a node. */
int fake_guest_xs_number(struct fake_guest *guest, uint32_t tx,
			 const char *path, unsigned long *out);
int fake_guest_xs_mkdir(struct fake_guest *guest, uint32_t tx,
			const char *path);
int fake_guest_xs_rm(struct fake_guest *guest, uint32_t tx, const char *path);
/* *out: `count` names in one malloc'ed block, free(*out). */
int fake_guest_xs_directory(struct fake_guest *guest, uint32_t tx,
			    const char *path, char ***out, unsigned *count);
int fake_guest_xs_get_permissions(struct fake_guest *guest, uint32_t tx,
				  const char *path, struct xs_permissions **out,
				  unsigned *count);
int fake_guest_xs_set_permissions(struct fake_guest *guest, uint32_t tx,
				  const char *path,
				  const struct xs_permissions *perms,
				  unsigned count);
int fake_guest_xs_watch(struct fake_guest *guest, const char *path,
			const char *token);
int fake_guest_xs_unwatch(struct fake_guest *guest, const char *path,
			  const char *token);
/* Next watch event: 1 with both strings malloc'ed, 0 on timeout. */
int fake_guest_xs_event(struct fake_guest *guest, char **path, char **token,
			int timeout_ms);
int fake_guest_xs_transaction_start(struct fake_guest *guest, uint32_t *tx);
/* -EAGAIN: somebody interfered, do it all again. */
int fake_guest_xs_transaction_end(struct fake_guest *guest, uint32_t tx,
				  bool abort);
/* Any message, for tests of xenstored clients: the reply's body in *out. */
int fake_guest_xs_talk(struct fake_guest *guest, uint32_t type, uint32_t tx,
		       const void *body, size_t body_len, char **out,
		       size_t *out_len);

#endif
