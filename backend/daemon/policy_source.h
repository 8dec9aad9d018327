/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_source.h - the rules in force: reads policy.d and domains.d at start,
 * when told to and when a file in them changes.
 */
#ifndef DAEMON_POLICY_SOURCE_H
#define DAEMON_POLICY_SOURCE_H

#include <stdbool.h>
#include <uv.h>

#include "backend/daemon/registry.h"
#include "backend/policy/policy.h"

struct policy_source;

struct policy_source_config {
	uv_loop_t *loop;
	struct policy_folders folders; /* copied */
	const struct registry *registry;
	/* Rules may have changed; from the loop. */
	void (*changed)(void *context);
	void *context;
};

/* Without rules: everything is denied.  NULL: no memory. */
struct policy_source *
policy_source_create(const struct policy_source_config *config);
/* Run the loop until its close callbacks are done.  Accepts NULL. */
void policy_source_destroy(struct policy_source *source);

/*
 * Reads all files again; says in the log what is broken.  The number of broken
 * files or a negative errno.  *changed (may be NULL): other rules are in force
 * now; changed() is not called.
 */
int policy_source_reload(struct policy_source *source, bool *changed);

const struct policy_set *policy_source_set(const struct policy_source *source);
const struct policy_folders *
policy_source_folders(const struct policy_source *source);

/*
 * What rules can be about: services that are defined, and those that a rule
 * names.  Borrowed until policy_source_forget() or a reload.  NULL with 0: no
 * memory.
 */
const struct policy_service *
policy_source_services(struct policy_source *source, size_t *count);
/* Services were defined or are not any more. */
void policy_source_forget(struct policy_source *source);

#endif
