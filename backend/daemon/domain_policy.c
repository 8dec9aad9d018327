// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domain_policy.c - the policy of one living domain.
 *
 *	rules, name, answers ──compile──▶ wanted ─┐
 *	                     last wanted (base) ──┼─diff─▶ written ─▶ tree
 *	XenStore ──watch, read──▶ present ────────┘                    │
 *	                                     grants ◀──parse───────────┘
 *
 * The tree is what is enforced.  Rules are compiled only when something they
 * rest on changed; a change in the tree is compared with what was compiled
 * last, which finds overrides and what a rule denies.
 *
 * As long as the name is not known, no rule counts: a rule that denies by name
 * could be the one that matters.  Nor do grants that rules made before count
 * until the rules have been compiled.
 */
#include "backend/daemon/domain_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/grant_store.h"
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/store.h"
#include "backend/util/log.h"

enum {
	WRITE_TRIES = 4,
	RETRY_MS = 500,
	TELL_MS = 1000, /* what the audit left out */
};

struct domain_policy {
	const struct domain_policy_env *env;
	struct domain_id id;
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	char name[POLICY_DOMAIN_SIZE]; /* "": unknown */
	struct policy_domain who;      /* tags as the rules say now */
	bool stale;		       /* compile again */
	bool unwritten;		       /* compare again */
	struct grant_store *store;
	struct policy_tree *base; /* compiled last; NULL: never */
	struct grants grants;
	struct policy_changes compared; /* for its overrides */
	struct asks *asks;
	struct audit_guest guest;
	uint64_t told_ms;
};

#define NAME_NODE "/local/domain/%u/name"

static void on_answered(void *context)
{
	struct domain_policy *policy = context;

	policy->stale = true;
	policy->env->wake(policy->env->context, policy->id.domid, 0);
}

struct domain_policy *domain_policy_create(const struct domain_policy_env *env,
					   const struct domain_id *id)
{
	struct domain_policy *policy = calloc(1, sizeof(*policy));
	char path[STORE_PATH_SIZE];

	if (!policy)
		return NULL;
	policy->env = env;
	policy->id = *id;
	policy->stale = true;
	domain_uuid_text(id->uuid, policy->uuid);
	policy->store = grant_store_create(env->xs, id->domid);
	policy->asks = asks_create(env->launcher, on_answered, policy);
	if (!policy->store || !policy->asks) {
		domain_policy_destroy(policy);
		return NULL;
	}
	snprintf(path, sizeof(path), NAME_NODE, id->domid);
	xs_watch(env->xs, path, DOMAIN_POLICY_NAME_TOKEN);
	return policy;
}

void domain_policy_destroy(struct domain_policy *policy)
{
	char path[STORE_PATH_SIZE];

	if (!policy)
		return;
	snprintf(path, sizeof(path), NAME_NODE, policy->id.domid);
	xs_unwatch(policy->env->xs, path, DOMAIN_POLICY_NAME_TOKEN);
	policy_domain_fini(&policy->who);
	policy_changes_fini(&policy->compared);
	policy_tree_destroy(policy->base);
	grants_fini(&policy->grants);
	grant_store_destroy(policy->store);
	asks_destroy(policy->asks);
	free(policy);
}

void domain_policy_touch(struct domain_policy *policy, const char *path)
{
	grant_store_touch(policy->store, path);
}

void domain_policy_stale(struct domain_policy *policy)
{
	policy->stale = true;
}

/*
 * --- audit ---
 */

static struct audit_who who_of(const struct domain_policy *policy)
{
	return (struct audit_who){
		.domain = policy->name[0] ? policy->name : NULL,
		.uuid = policy->uuid,
		.domid = policy->id.domid,
	};
}

void domain_policy_rule(struct domain_policy *policy, enum policy_type type,
			const char *name, char *text, size_t size)
{
	const struct grant *grant = grants_find(&policy->grants, type, name);
	const struct policy_service service = {type, name};
	struct policy_decision decision;

	if (grant && !grant->rule) {
		snprintf(text, size, "manual");
		return;
	}
	decision = policy_decide(policy_source_set(policy->env->source),
				 &service, &policy->who);
	if (decision.file && policy->who.uuid)
		snprintf(text, size, "%.200s:%u", decision.file, decision.line);
	else
		snprintf(text, size, "default");
}

static void audit_grant(struct domain_policy *policy, const struct grant *grant,
			const char *event, const char *result,
			const char *detail)
{
	const struct audit_who who = who_of(policy);
	char rule[256];
	const struct audit_event entry = {
		.event = event,
		.type = policy_type_name(grant->type),
		.service = grant->name,
		.rule = rule,
		.result = result,
		.detail = detail,
	};

	domain_policy_rule(policy, grant->type, grant->name, rule,
			   sizeof(rule));
	audit_event(policy->env->audit, &who, &entry);
}

void domain_policy_audit_device(struct domain_policy *policy, bool plugged,
				const char *type, const char *name,
				unsigned int controller, unsigned int port)
{
	const struct audit_who who = who_of(policy);
	char detail[64];
	const struct audit_event entry = {
		.event = plugged ? "plug" : "unplug",
		.type = type,
		.service = name,
		.result = "done",
		.detail = detail,
	};

	snprintf(detail, sizeof(detail), "controller %u port %u", controller,
		 port);
	audit_event(policy->env->audit, &who, &entry);
}

void domain_policy_audit(struct domain_policy *policy,
			 const struct message_audit *message)
{
	const struct audit_who who = who_of(policy);
	uint64_t now = uv_now(policy->env->loop);

	policy->guest.lost += message->lost;
	for (uint32_t i = 0; i < message->count; i++) {
		const struct message_audit_record *record =
			&message->records[i];
		char rule[256] = "default";

		if (!audit_guest_allows(&policy->guest, now))
			continue;
		if (policy_name_valid(record->service, strlen(record->service),
				      false))
			domain_policy_rule(policy, POLICY_TYPE_WEB,
					   record->service, rule, sizeof(rule));
		audit_request(policy->env->audit, &who, rule, record);
	}
	if (!policy->guest.suppressed && !policy->guest.lost)
		return;
	/* Not with every message: that would be a flood of its own. */
	if (now - policy->told_ms >= TELL_MS) {
		policy->told_ms = now;
		audit_guest_tell(policy->env->audit, &who, &policy->guest);
	} else {
		policy->env->wake(policy->env->context, policy->id.domid,
				  TELL_MS);
	}
}

static void audit_left_out(struct domain_policy *policy)
{
	const struct audit_who who = who_of(policy);
	uint64_t now = uv_now(policy->env->loop);

	if (now - policy->told_ms < TELL_MS)
		return;
	policy->told_ms = now;
	audit_guest_tell(policy->env->audit, &who, &policy->guest);
}

/*
 * --- grants ---
 */

/* A grant that cannot be: said in the log and beside the tree. */
static void tell_void(struct domain_policy *policy, const struct grant *grant,
		      const struct grant *former)
{
	const char *type = policy_type_name(grant->type);
	struct xs_handle *xs = policy->env->xs;
	uint32_t domid = policy->id.domid;
	struct policy_params params;
	char why[GRANTS_WHY_SIZE] = "no memory";

#define VOID_NODE POLICY_TREE_ROOT "/domain/%u/state/void/%s/%s"
	if (grant->valid) {
		if (former && !former->valid)
			store_remove(xs, XBT_NULL, VOID_NODE, domid, type,
				     grant->name);
		return;
	}
	if (former && former->content == grant->content)
		return;
	grants_params(grant_store_tree(policy->store), grant->type, grant->name,
		      &params, why);
	policy_params_fini(&params);
	log_error("domain %u: the grant of %s:%s is void: %s", domid, type,
		  grant->name, why);
	store_write(xs, XBT_NULL, why, VOID_NODE, domid, type, grant->name);
	audit_grant(policy, grant, "grant", "void", why);
}

static void tell_gone(struct domain_policy *policy, const struct grant *grant)
{
	if (grant->valid)
		audit_grant(policy, grant, "revoke", "done", NULL);
	else
		store_remove(policy->env->xs, XBT_NULL, VOID_NODE,
			     policy->id.domid, policy_type_name(grant->type),
			     grant->name);
}

static void tell_changes(struct domain_policy *policy,
			 const struct grants *former)
{
	const struct grants *now = &policy->grants;

	for (size_t i = 0; i < former->count; i++)
		if (!grants_find(now, former->list[i].type,
				 former->list[i].name))
			tell_gone(policy, &former->list[i]);
	for (size_t i = 0; i < now->count; i++) {
		const struct grant *grant = &now->list[i];
		const struct grant *old =
			grants_find(former, grant->type, grant->name);

		tell_void(policy, grant, old);
		if (grant->valid && (!old || !old->valid))
			audit_grant(policy, grant, "grant", "done", NULL);
		else if (grant->valid && old->content != grant->content)
			audit_grant(policy, grant, "limit", "done", NULL);
		else if (!grant->valid && old && old->valid)
			audit_grant(policy, grant, "revoke", "void", NULL);
	}
	if (!now->limits_valid && former->limits_valid)
		log_error("domain %u: a limit of the domain is wrong: no grant "
			  "is honoured",
			  policy->id.domid);
}

static bool grants_equal(const struct grants *a, const struct grants *b)
{
	if (a->count != b->count || a->limits != b->limits ||
	    a->limits_valid != b->limits_valid)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->list[i].type != b->list[i].type ||
		    a->list[i].content != b->list[i].content ||
		    a->list[i].rule != b->list[i].rule ||
		    strcmp(a->list[i].name, b->list[i].name) != 0)
			return false;
	return true;
}

static bool grants_update(struct domain_policy *policy)
{
	struct grants former = policy->grants;
	bool changed;

	if (grants_parse(&policy->grants, grant_store_tree(policy->store),
			 policy->base != NULL)) {
		log_error("domain %u: no memory for its grants",
			  policy->id.domid);
		grants_fini(&policy->grants);
	}
	changed = !grants_equal(&policy->grants, &former);
	if (changed)
		tell_changes(policy, &former);
	grants_fini(&former);
	return changed;
}

/*
 * --- rules ---
 */

/* The name as dom0 alone can have written it. */
static void name_read(struct domain_policy *policy)
{
	char path[STORE_PATH_SIZE], name[POLICY_DOMAIN_SIZE];
	struct xs_handle *xs = policy->env->xs;

	snprintf(path, sizeof(path), NAME_NODE, policy->id.domid);
	if (store_read(xs, XBT_NULL, name, sizeof(name), "%s", path) ||
	    store_check_private(xs, path))
		name[0] = '\0';
	if (strcmp(name, policy->name) == 0)
		return;
	snprintf(policy->name, sizeof(policy->name), "%s", name);
	store_write(xs, XBT_NULL, name, POLICY_TREE_ROOT "/domain/%u/name",
		    policy->id.domid);
}

static enum policy_action on_ask(void *context,
				 const struct policy_service *service,
				 const struct policy_decision *decision)
{
	struct domain_policy *policy = context;

	return asks_get(policy->asks, policy->id.domid, &policy->who, service,
			decision);
}

/* What the rules want now, in *wanted.  0 or a negative errno. */
static int compile(struct domain_policy *policy, struct policy_tree **wanted)
{
	const struct policy_set *set = policy_source_set(policy->env->source);
	const struct policy_service *services;
	size_t count;
	int error;

	name_read(policy);
	policy_domain_fini(&policy->who);
	memset(&policy->who, 0, sizeof(policy->who));
	if (!policy->name[0]) {
		policy_tree_destroy(policy->base);
		policy->base = NULL;
		return -ENOENT;
	}
	services = policy_source_services(policy->env->source, &count);
	error = policy_domain_init(set, &policy->who, policy->name,
				   policy->uuid);
	if (!error)
		error = policy_compile(set, &policy->who, services,
				       services ? count : 0, on_ask, policy,
				       wanted);
	asks_sweep(policy->asks);
	return error;
}

/* True if this change is an override that was told before. */
static bool override_is_known(const struct policy_changes *former,
			      const char *path)
{
	for (size_t i = 0; i < former->count; i++)
		if (former->list[i].kind == POLICY_CHANGE_OVERRIDE &&
		    strcmp(former->list[i].path, path) == 0)
			return true;
	return false;
}

static void overrides_tell(struct domain_policy *policy,
			   const struct policy_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		if (changes->list[i].kind == POLICY_CHANGE_OVERRIDE &&
		    !override_is_known(&policy->compared,
				       changes->list[i].path))
			log_notice("domain %u: override by hand: %s",
				   policy->id.domid, changes->list[i].path);
}

/* What was written is of no account any more, and a lot for many domains. */
static void overrides_keep(struct policy_changes *changes)
{
	size_t used = 0;

	for (size_t i = 0; i < changes->count; i++) {
		if (changes->list[i].kind == POLICY_CHANGE_OVERRIDE) {
			changes->list[used++] = changes->list[i];
			continue;
		}
		free((void *)changes->list[i].path);
		free((void *)changes->list[i].value);
	}
	changes->count = used;
	if (!used)
		policy_changes_fini(changes);
}

/* Compares and writes.  0 or a negative errno. */
static int tree_write(struct domain_policy *policy, struct policy_tree *wanted)
{
	struct policy_changes changes;
	int error = -ESTALE;

	for (int i = 0; error == -ESTALE && i < WRITE_TRIES; i++) {
		struct policy_tree *present = grant_store_tree(policy->store);

		if (!present)
			return -EPERM;
		error = policy_diff(policy_source_set(policy->env->source),
				    &policy->who, policy->base, wanted, present,
				    &changes);
		if (error)
			return error;
		error = grant_store_write(policy->store, &changes);
		if (!error) {
			overrides_tell(policy, &changes);
			overrides_keep(&changes);
			policy_changes_fini(&policy->compared);
			policy->compared = changes;
			return 0;
		}
		policy_changes_fini(&changes);
		if (error == -ESTALE && grant_store_refresh(policy->store) < 0)
			return -EIO;
	}
	return error;
}

static void rules_apply(struct domain_policy *policy)
{
	struct policy_tree *wanted = policy->base;
	int error = 0;

	if (policy->stale)
		error = compile(policy, &wanted);
	/* Without a name: what is in the tree by hand is all there is. */
	if (error == -ENOENT || (!error && !wanted)) {
		policy->stale = false;
		return;
	}
	if (!error)
		error = tree_write(policy, wanted);
	if (!error) {
		if (wanted != policy->base)
			policy_tree_destroy(policy->base);
		policy->base = wanted;
		policy->stale = false;
		policy->unwritten = false;
		return;
	}
	if (wanted != policy->base)
		policy_tree_destroy(wanted);
	/* A tree that is not ours is not written; repairing it is seen. */
	if (error == -EPERM) {
		policy->unwritten = true;
		return;
	}
	log_error("domain %u: its rules cannot be written: %s",
		  policy->id.domid, strerror(-error));
	policy->unwritten = true;
	policy->env->wake(policy->env->context, policy->id.domid, RETRY_MS);
}

bool domain_policy_run(struct domain_policy *policy)
{
	int changed = grant_store_refresh(policy->store);

	if (changed || policy->stale || policy->unwritten)
		rules_apply(policy);
	if (policy->guest.suppressed || policy->guest.lost)
		audit_left_out(policy);
	return grants_update(policy);
}

/*
 * --- what there is ---
 */

const struct grants *domain_policy_grants(const struct domain_policy *policy)
{
	return &policy->grants;
}

struct policy_tree *domain_policy_tree(const struct domain_policy *policy)
{
	return grant_store_tree(policy->store);
}

const char *domain_policy_name(const struct domain_policy *policy)
{
	return policy->name;
}

size_t domain_policy_override_count(const struct domain_policy *policy)
{
	return policy->compared.overrides;
}

const char *domain_policy_override(const struct domain_policy *policy,
				   size_t index)
{
	for (size_t i = 0; i < policy->compared.count; i++)
		if (policy->compared.list[i].kind == POLICY_CHANGE_OVERRIDE &&
		    index-- == 0)
			return policy->compared.list[i].path;
	return NULL;
}
