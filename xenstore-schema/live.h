/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * live.h - a snapshot of a live XenStore, permissions included.
 */
#ifndef SCHEMA_LIVE_H
#define SCHEMA_LIVE_H

#include <xenstore.h>

#include "xenstore-schema/schema.h"

/*
 * Reads all nodes that the schema concerns, in one transaction that changes
 * nothing.  Needs dom0's rights.  0 or a negative errno; *snapshot is for
 * snapshot_free().
 */
int schema_read_live(const struct schema *schema, struct xs_handle *xs,
		     struct snapshot **snapshot);

#endif
