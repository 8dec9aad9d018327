// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compile.c - from rules to the nodes of one domain.
 *
 * Rules that do not fit the domain are left out once, before the services are
 * gone through: most rules name another domain.
 */
#include "backend/policy/compile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/set.h"

enum { PATH_SIZE = 128, TAGS_SIZE = 2048 };

struct candidate {
	const struct folder_file *file;
	const struct policy_rule *rule;
};

/* The rules that fit a domain, in order.  NULL: no memory. */
static struct candidate *candidates_find(const struct policy_set *set,
					 const struct policy_domain *domain,
					 size_t *count)
{
	struct candidate *found;
	size_t most = 1, used = 0;

	for (size_t i = 0; i < set->policy.count; i++) {
		const struct policy_rules *content =
			set->policy.files[i].content;

		most += content ? content->count : 0;
	}
	found = calloc(most, sizeof(*found));
	for (size_t i = 0; found && i < set->policy.count; i++) {
		const struct folder_file *file = &set->policy.files[i];
		const struct policy_rules *content = file->content;

		for (size_t j = 0; content && j < content->count; j++) {
			const struct policy_rule *rule = &content->rules[j];

			if (rule_who_matches(rule->who, rule->whom, domain))
				found[used++] = (struct candidate){file, rule};
		}
	}
	*count = used;
	return found;
}

static struct policy_decision decide(const struct candidate *candidates,
				     size_t count,
				     const struct policy_service *service)
{
	struct policy_decision decision;

	for (size_t i = 0; i < count; i++) {
		if (!rule_service_matches(candidates[i].rule, service))
			continue;
		policy_decision_of(candidates[i].file, candidates[i].rule,
				   &decision);
		return decision;
	}
	policy_decision_of(NULL, NULL, &decision);
	return decision;
}

static int grant_add(struct policy_tree *tree,
		     const struct policy_service *service,
		     const struct policy_params *params)
{
	const char *type = policy_type_name(service->type);
	char path[PATH_SIZE];
	int error;

	snprintf(path, sizeof(path), "grant/%s/%s/origin", type, service->name);
	error = policy_tree_add(tree, path, "rule");
	for (unsigned int i = 0; !error && i < POLICY_PARAM_COUNT; i++) {
		if (!params->value[i] ||
		    !(policy_param_uses(i) & POLICY_PARAM_IN_TREE))
			continue;
		snprintf(path, sizeof(path), "grant/%s/%s/%s", type,
			 service->name, policy_param_name(i));
		error = policy_tree_add(tree, path, params->value[i]);
	}
	return error;
}

static int grants_add(const struct policy_set *set,
		      const struct policy_domain *domain,
		      const struct policy_service *services, size_t count,
		      policy_answer *answer, void *context,
		      struct policy_tree *tree)
{
	size_t candidate_count;
	struct candidate *candidates =
		candidates_find(set, domain, &candidate_count);
	int error = candidates ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < count; i++) {
		struct policy_decision decision;
		enum policy_action action;

		/* Never a path made of what is no name. */
		if (services[i].type >= POLICY_TYPE_COUNT ||
		    !policy_name_valid(services[i].name,
				       strlen(services[i].name), false))
			continue;
		decision = decide(candidates, candidate_count, &services[i]);
		action = decision.action;
		if (action == POLICY_ASK)
			action = answer ? answer(context, &services[i],
						 &decision)
					: POLICY_DENY;
		if (action == POLICY_ALLOW)
			error = grant_add(tree, &services[i], decision.params);
	}
	free(candidates);
	return error;
}

static int limits_add(const struct policy_set *set,
		      const struct policy_domain *domain,
		      struct policy_tree *tree)
{
	struct policy_params limits;
	char path[PATH_SIZE];
	int error = policy_domain_limits(set, domain, &limits);

	if (error)
		return error;
	for (unsigned int i = 0; !error && i < POLICY_PARAM_COUNT; i++) {
		if (!limits.value[i])
			continue;
		snprintf(path, sizeof(path), "limit/%s", policy_param_name(i));
		error = policy_tree_add(tree, path, limits.value[i]);
	}
	policy_params_fini(&limits);
	return error;
}

/* For people: those that do not fit are left out. */
static int tags_add(const struct policy_domain *domain,
		    struct policy_tree *tree)
{
	char text[TAGS_SIZE];
	size_t used = 0;

	if (!domain->tag_count)
		return 0;
	for (size_t i = 0; i < domain->tag_count; i++) {
		size_t len = strlen(domain->tags[i]);

		if (len + 2 > sizeof(text) - used)
			break;
		if (used)
			text[used++] = ',';
		memcpy(text + used, domain->tags[i], len);
		used += len;
	}
	text[used] = '\0';
	return policy_tree_add(tree, "tags", text);
}

int policy_compile(const struct policy_set *set,
		   const struct policy_domain *domain,
		   const struct policy_service *services, size_t count,
		   policy_answer *answer, void *context,
		   struct policy_tree **tree)
{
	struct policy_tree *compiled = policy_tree_create();
	int error;

	if (!compiled)
		return -ENOMEM;
	error = grants_add(set, domain, services, count, answer, context,
			   compiled);
	if (!error)
		error = limits_add(set, domain, compiled);
	if (!error)
		error = tags_add(domain, compiled);
	if (error) {
		policy_tree_destroy(compiled);
		return error;
	}
	*tree = compiled;
	return 0;
}
