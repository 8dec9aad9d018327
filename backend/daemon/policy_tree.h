/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_tree.h - the life of the trees of domains in XenStore: made, taken
 * over, wiped.  What is in them: grant_store.h.
 *
 *	/tool/2virt/domain/<domid>/uuid, name
 *	/tool/2virt/domain/<domid>/grant/<type>/<name>/...
 *	/tool/2virt/domain/<domid>/state/...	(written by controllers)
 *
 * The tree is dom0's alone.  A node on the way to a grant that somebody else
 * may write makes that grant void.
 */
#ifndef DAEMON_POLICY_TREE_H
#define DAEMON_POLICY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "backend/daemon/domain_list.h"
#include "backend/daemon/message.h"

#define POLICY_TREE_ROOT "/tool/2virt"
enum { POLICY_TREE_MAX_GRANTS = 1024 };

/* Makes the root of the tree with its permissions.  0 or a negative errno. */
int policy_tree_init(struct xs_handle *xs);

/*
 * Takes over the tree of a domain that is met for the first time: what
 * belonged to another uuid is wiped; with strict also what belongs to nobody.
 * Then uuid is written.
 */
void policy_tree_adopt(struct xs_handle *xs, const struct domain_id *domain,
		       bool strict);

void policy_tree_wipe(struct xs_handle *xs, uint32_t domid);

/* Wipes the trees of domids that do not live. */
void policy_tree_sweep(struct xs_handle *xs, const struct domain_list *alive);

#endif
