/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain_policy.h - the policy of one living domain: brings its tree in
 * XenStore in step with the rules, and says what the tree grants.
 */
#ifndef DAEMON_DOMAIN_POLICY_H
#define DAEMON_DOMAIN_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include <xenstore.h>

#include "backend/daemon/ask.h"
#include "backend/daemon/audit.h"
#include "backend/daemon/domain_list.h"
#include "backend/daemon/grants.h"
#include "backend/daemon/policy_source.h"

struct domain_policy;

/* What all domains share; outlives them. */
struct domain_policy_env {
	uv_loop_t *loop;
	struct xs_handle *xs;
	struct policy_source *source;
	struct ask_launcher *launcher;
	struct audit *audit;
	/* domain_policy_run() is wanted: soon, or after_ms from now. */
	void (*wake)(void *context, uint32_t domid, unsigned int after_ms);
	void *context;
};

/* Watches the domain's name.  NULL: no memory. */
struct domain_policy *domain_policy_create(const struct domain_policy_env *env,
					   const struct domain_id *id);
/* Accepts NULL. */
void domain_policy_destroy(struct domain_policy *policy);

/* Something changed at this path relative to the domain's node; NULL: all. */
void domain_policy_touch(struct domain_policy *policy, const char *path);
/* Rules, services or the domain's name may have changed. */
void domain_policy_stale(struct domain_policy *policy);

/*
 * Does what the former two ask for: reads, compiles, writes, reads again.
 * True: grants or limits are others than before.
 */
bool domain_policy_run(struct domain_policy *policy);

/* Valid until the next run. */
const struct grants *domain_policy_grants(const struct domain_policy *policy);
struct policy_tree *domain_policy_tree(const struct domain_policy *policy);

/* "" as long as it is not known. */
const char *domain_policy_name(const struct domain_policy *policy);

/* Nodes below the domain's that somebody set by hand against the rules. */
size_t domain_policy_override_count(const struct domain_policy *policy);
const char *domain_policy_override(const struct domain_policy *policy,
				   size_t index);

/* Who decides about a service now: "file:line", "manual" or "default". */
void domain_policy_rule(struct domain_policy *policy, enum policy_type type,
			const char *name, char *text, size_t size);

/* What a device process said about its guest's requests. */
void domain_policy_audit(struct domain_policy *policy,
			 const struct message_audit *message);
/* A device was plugged in or pulled out. */
void domain_policy_audit_device(struct domain_policy *policy, bool plugged,
				const char *type, const char *name,
				unsigned int controller, unsigned int port);

/* The token of the watch on the name. */
#define DOMAIN_POLICY_NAME_TOKEN "name"

#endif
