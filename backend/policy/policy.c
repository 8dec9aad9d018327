// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy.c - the set of both folders: reading it, its health, decisions.
 */
#include "backend/policy/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/glob.h"
#include "backend/policy/set.h"

static const char *const action_names[] = {
	[POLICY_DENY] = "deny", [POLICY_ALLOW] = "allow", [POLICY_ASK] = "ask"};

const char *policy_action_name(unsigned int action)
{
	return action < sizeof(action_names) / sizeof(action_names[0])
		       ? action_names[action]
		       : NULL;
}

/*
 * --- files ---
 */

static int rules_parse(const char *text, size_t len, void **content,
		       struct policy_error *error)
{
	struct policy_rules *rules;
	int rc = policy_rules_parse(text, len, &rules, error);

	if (!rc)
		*content = rules;
	return rc;
}

static void rules_free(void *content)
{
	policy_rules_free(content);
}

static int sections_parse(const char *text, size_t len, void **content,
			  struct policy_error *error)
{
	struct domains_file *file;
	int rc = domains_parse(text, len, &file, error);

	if (!rc)
		*content = file;
	return rc;
}

static void sections_free(void *content)
{
	domains_free(content);
}

static const struct folder_kind policy_kind = {".policy", rules_parse,
					       rules_free};
static const struct folder_kind domains_kind = {".conf", sections_parse,
						sections_free};

struct policy_set *policy_set_create(const struct policy_folders *folders)
{
	struct policy_set *set = calloc(1, sizeof(*set));
	int error;

	if (!set)
		return NULL;
	error = folder_init(&set->policy, &policy_kind, folders->policy,
			    folders->keep);
	error |= folder_init(&set->domains, &domains_kind, folders->domains,
			     folders->keep);
	if (error) {
		policy_set_destroy(set);
		return NULL;
	}
	return set;
}

void policy_set_destroy(struct policy_set *set)
{
	if (!set)
		return;
	folder_fini(&set->policy);
	folder_fini(&set->domains);
	free(set);
}

int policy_set_reload(struct policy_set *set, bool *changed)
{
	bool ignored = false;
	int policy, domains;

	if (!changed)
		changed = &ignored;
	*changed = false;
	/* Both are tried: the one must not hold back the other's denials. */
	policy = folder_reload(&set->policy, changed);
	domains = folder_reload(&set->domains, changed);
	if (policy < 0)
		return policy;
	return domains < 0 ? domains : policy + domains;
}

int policy_set_put(struct policy_set *set, bool domains, const char *name,
		   const char *text, size_t len, struct policy_error *error)
{
	bool changed = false;

	return folder_put(domains ? &set->domains : &set->policy, name, text,
			  len, &changed, error);
}

/*
 * --- health ---
 */

size_t policy_set_file_count(const struct policy_set *set)
{
	return set->policy.count + set->domains.count;
}

static size_t content_count(const void *content, bool domains)
{
	if (!content)
		return 0;
	return domains ? ((const struct domains_file *)content)->count
		       : ((const struct policy_rules *)content)->count;
}

void policy_set_file(const struct policy_set *set, size_t index,
		     struct policy_file_status *status)
{
	bool domains = index >= set->policy.count;
	const struct folder_file *file =
		domains ? &set->domains.files[index - set->policy.count]
			: &set->policy.files[index];

	memset(status, 0, sizeof(*status));
	status->name = file->name;
	status->domains = domains;
	status->broken = file->broken;
	status->in_force = file->content != NULL;
	status->kept = file->kept;
	status->version = file->version;
	status->count = content_count(file->content, domains);
	if (file->broken)
		status->error = file->error;
}

bool policy_set_healthy(const struct policy_set *set)
{
	for (size_t i = 0; i < set->policy.count; i++)
		if (set->policy.files[i].broken)
			return false;
	for (size_t i = 0; i < set->domains.count; i++)
		if (set->domains.files[i].broken)
			return false;
	return true;
}

/*
 * --- domains ---
 */

static int tag_add(struct policy_domain *domain, size_t *size, const char *tag)
{
	const char **grown = (const char **)domain->tags;

	for (size_t i = 0; i < domain->tag_count; i++)
		if (strcmp(domain->tags[i], tag) == 0)
			return 0;
	if (domain->tag_count == *size) {
		size_t more = *size ? 2 * *size : 4;

		grown = reallocarray(grown, more, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		domain->tags = grown;
		*size = more;
	}
	grown[domain->tag_count++] = tag;
	return 0;
}

/* The section of domains.d after this one that fits; NULL: no more. */
static const struct domains_section *
section_next(const struct policy_set *set, const struct policy_domain *domain,
	     size_t *file, size_t *section)
{
	for (; *file < set->domains.count; (*file)++, *section = 0) {
		const struct domains_file *content =
			set->domains.files[*file].content;

		while (content && *section < content->count) {
			const struct domains_section *at =
				&content->sections[(*section)++];

			if (rule_who_matches(at->who, at->whom, domain))
				return at;
		}
	}
	return NULL;
}

int policy_domain_init(const struct policy_set *set,
		       struct policy_domain *domain, const char *name,
		       const char *uuid)
{
	const struct domains_section *section;
	size_t file = 0, next = 0, size = 0;

	memset(domain, 0, sizeof(*domain));
	domain->name = name;
	domain->uuid = uuid;
	while ((section = section_next(set, domain, &file, &next))) {
		for (size_t i = 0; i < section->tag_count; i++) {
			if (tag_add(domain, &size, section->tags[i])) {
				policy_domain_fini(domain);
				return -ENOMEM;
			}
		}
	}
	return 0;
}

void policy_domain_fini(struct policy_domain *domain)
{
	free((void *)domain->tags);
	domain->tags = NULL;
	domain->tag_count = 0;
}

int policy_domain_limits(const struct policy_set *set,
			 const struct policy_domain *domain,
			 struct policy_params *limits)
{
	const struct domains_section *section;
	size_t file = 0, next = 0;

	memset(limits, 0, sizeof(*limits));
	while ((section = section_next(set, domain, &file, &next))) {
		for (int i = 0; i < POLICY_PARAM_COUNT; i++) {
			if (limits->value[i] || !section->limits.value[i])
				continue;
			limits->value[i] = strdup(section->limits.value[i]);
			if (!limits->value[i]) {
				policy_params_fini(limits);
				return -ENOMEM;
			}
		}
	}
	return 0;
}

/*
 * --- decisions ---
 */

static const struct policy_params no_params;

void policy_decision_of(const struct folder_file *file,
			const struct policy_rule *rule,
			struct policy_decision *decision)
{
	*decision = (struct policy_decision){.action = POLICY_DENY,
					     .params = &no_params};
	if (!rule)
		return;
	decision->action = rule->action;
	decision->params = &rule->params;
	decision->file = file->name;
	decision->line = rule->line;
	decision->rule = rule->text;
}

struct policy_decision policy_decide(const struct policy_set *set,
				     const struct policy_service *service,
				     const struct policy_domain *domain)
{
	struct policy_decision decision;

	for (size_t i = 0; i < set->policy.count; i++) {
		const struct folder_file *file = &set->policy.files[i];
		const struct policy_rules *content = file->content;

		for (size_t j = 0; content && j < content->count; j++) {
			const struct policy_rule *rule = &content->rules[j];

			if (!rule_service_matches(rule, service) ||
			    !rule_who_matches(rule->who, rule->whom, domain))
				continue;
			policy_decision_of(file, rule, &decision);
			return decision;
		}
	}
	policy_decision_of(NULL, NULL, &decision);
	return decision;
}

static size_t rules_count(const struct policy_set *set)
{
	size_t count = 0;

	for (size_t i = 0; i < set->policy.count; i++)
		count += content_count(set->policy.files[i].content, false);
	return count;
}

void policy_decision_text(const struct policy_set *set,
			  const struct policy_decision *decision, char *text,
			  size_t size)
{
	size_t used;

	if (decision->file)
		snprintf(text, size, "%s by %s:%u: %s",
			 policy_action_name(decision->action), decision->file,
			 decision->line, decision->rule);
	else
		snprintf(text, size, "deny by default: none of %zu rules fits",
			 rules_count(set));
	for (size_t i = 0; i < set->policy.count; i++) {
		const struct folder_file *file = &set->policy.files[i];

		used = strnlen(text, size);
		if (!file->broken || used + 1 >= size)
			continue;
		snprintf(text + used, size - used, " (%s is broken: %s)",
			 file->name,
			 file->content ? "its last good version is in force"
				       : "none of its rules is in force");
	}
}

void policy_set_named(const struct policy_set *set,
		      void (*named)(void *context,
				    const struct policy_service *service),
		      void *context)
{
	for (size_t i = 0; i < set->policy.count; i++) {
		const struct policy_rules *content =
			set->policy.files[i].content;

		for (size_t j = 0; content && j < content->count; j++) {
			const struct policy_rule *rule = &content->rules[j];
			struct policy_service service = {rule->type,
							 rule->name};

			if (rule->action != POLICY_DENY &&
			    rule->type != POLICY_TYPE_ANY &&
			    glob_is_literal(rule->name))
				named(context, &service);
		}
	}
}

/*
 * --- lint ---
 */

/* The first rule before (file, index) that covers it. */
static const struct policy_rule *covering(const struct policy_set *set,
					  size_t file, size_t index,
					  const char **name)
{
	const struct policy_rules *content = set->policy.files[file].content;
	const struct policy_rule *later = &content->rules[index];

	for (size_t i = 0; i <= file; i++) {
		content = set->policy.files[i].content;
		for (size_t j = 0; content && j < content->count; j++) {
			if (i == file && j == index)
				return NULL;
			if (!rule_covers(&content->rules[j], later))
				continue;
			*name = set->policy.files[i].name;
			return &content->rules[j];
		}
	}
	return NULL;
}

size_t policy_set_lint(const struct policy_set *set,
		       void (*dead)(void *context, const char *file,
				    unsigned int line, const char *by_file,
				    unsigned int by_line),
		       void *context)
{
	size_t found = 0;

	for (size_t i = 0; i < set->policy.count; i++) {
		const struct folder_file *file = &set->policy.files[i];
		const struct policy_rules *content = file->content;

		for (size_t j = 0; content && j < content->count; j++) {
			const char *name;
			const struct policy_rule *by =
				covering(set, i, j, &name);

			if (!by)
				continue;
			found++;
			dead(context, file->name, content->rules[j].line, name,
			     by->line);
		}
	}
	return found;
}
