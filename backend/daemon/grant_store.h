/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grant_store.h - what stands below /tool/2virt/domain/<domid>/grant and
 * /limit, read once and then kept up to date by watch events.
 *
 * Only what dom0 alone can write is in it: a grant with one node that somebody
 * else may write is left out whole; if that is so above the grants or of a
 * limit of the domain, nothing is honoured.
 */
#ifndef DAEMON_GRANT_STORE_H
#define DAEMON_GRANT_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "backend/policy/compile.h"

struct grant_store;

/* Nothing is read yet.  NULL: no memory. */
struct grant_store *grant_store_create(struct xs_handle *xs, uint32_t domid);
/* Accepts NULL. */
void grant_store_destroy(struct grant_store *store);

/*
 * Something changed at a path relative to the domain's node ("grant/web/x");
 * "" or NULL: anywhere.
 */
void grant_store_touch(struct grant_store *store, const char *path);

/*
 * Reads what was touched.  1: something is different now; 0: nothing is; a
 * negative errno (said in the log): then nothing is honoured.
 */
int grant_store_refresh(struct grant_store *store);

/*
 * The tree: grant/<type>/<name> (without value), its parameters, limit/...,
 * tags.  NULL: nothing may be honoured, nor written.  Valid until the next
 * call.
 */
struct policy_tree *grant_store_tree(const struct grant_store *store);

/*
 * Carries changes out in one transaction; if others interfere each time, in
 * one for each grant.  0; -ESTALE: a grant that shall be made has been made by
 * somebody else, refresh and compare again; or another negative errno.
 */
int grant_store_write(struct grant_store *store,
		      const struct policy_changes *changes);

#endif
