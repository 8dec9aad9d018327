/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile.h - from rules to the nodes of one domain, and from the nodes that
 * are there to those that shall be.
 *
 * Nothing here touches XenStore.  The caller reads the present tree and
 * carries the changes out in one transaction:
 *
 *	policy_domain_init(set, &domain, name, uuid);
 *	policy_compile(set, &domain, services, count, NULL, NULL, &wanted);
 *	present = ... everything below grant/, limit/ and tags ...
 *	policy_diff(set, &domain, base, wanted, present, &changes);
 *	for each: xs_write() or xs_rm() of <domain's node>/<path>
 *	base = wanted;
 *
 *	grant/<type>/<name>/origin	"rule"
 *	grant/<type>/<name>/<parameter>	param.h
 *	limit/<parameter>		of all traffic of the domain
 *	tags				"a,b"
 */
#ifndef POLICY_COMPILE_H
#define POLICY_COMPILE_H

#include "backend/policy/policy.h"
#include "backend/policy/tree.h"

/*
 * Asked for each service whose rule says ask: POLICY_ALLOW grants, anything
 * else does not (yet).
 */
typedef enum policy_action
policy_answer(void *context, const struct policy_service *service,
	      const struct policy_decision *decision);

/*
 * The tree that the rules want for a domain; *tree is the caller's.  answer
 * NULL: asking is denying.  0, -ENOMEM, -EMSGSIZE.
 */
int policy_compile(const struct policy_set *set,
		   const struct policy_domain *domain,
		   const struct policy_service *services, size_t count,
		   policy_answer *answer, void *context,
		   struct policy_tree **tree);

enum policy_change_kind {
	POLICY_CHANGE_REMOVE, /* the node and all below */
	POLICY_CHANGE_WRITE,
	POLICY_CHANGE_OVERRIDE, /* nothing to do: somebody set it by hand */
};

struct policy_change {
	enum policy_change_kind kind;
	const char *path;  /* relative, as in the tree */
	const char *value; /* of WRITE */
};

/* Removals first, so that a transaction in parts never grants too much. */
struct policy_changes {
	struct policy_change *list;
	size_t count;
	size_t writes; /* WRITE and REMOVE: operations on XenStore */
	size_t overrides;
	/* The rest is the module's. */
	size_t size;
};

/*
 * What leads from present to wanted with the fewest operations: one for each
 * node that differs, one for a whole grant that goes.
 *
 * - A grant of origin "rule" is the rules' own.  Anything else, or no origin,
 *   is a manual one: it stays as it is unless a rule says deny.
 * - base is the tree compiled last (NULL: unknown).  Where present differs
 *   from base, somebody set it by hand; it stays as long as the rules want the
 *   same as then, and is reported as an override.  With base NULL present is
 *   brought to what the rules want.
 *
 * wanted is from policy_compile(); base and present may be NULL: empty.
 * changes is for policy_changes_fini().  0 or -ENOMEM.
 */
int policy_diff(const struct policy_set *set,
		const struct policy_domain *domain, struct policy_tree *base,
		struct policy_tree *wanted, struct policy_tree *present,
		struct policy_changes *changes);

void policy_changes_fini(struct policy_changes *changes);

#endif
