// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rules.c - the rules: their health, why a service is granted or not, what a
 * text of rules is worth, what would change.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"
#include "backend/manage/rules.h"
#include "backend/policy/set.h"

enum {
	NAME_SIZE = 128,
	LINT_MAX_RULES = 2000,
	/* All else in 2virtd waits as long. */
	DIFF_BUDGET_MS = 200,
};

static json_t *error_json(const struct policy_error *error, const char *name)
{
	char text[512];

	policy_error_text(error, name, text, sizeof(text));
	return json_pack("{s:i, s:i, s:s, s:o, s:o}", "line", (int)error->line,
			 "column", (int)error->column, "expected",
			 error->expected ? error->expected : "", "found",
			 answer_string(error->found), "text",
			 answer_string(text));
}

json_t *rules_health_json(const struct policy_set *set)
{
	json_t *files = json_array();

	for (size_t i = 0; i < policy_set_file_count(set); i++) {
		struct policy_file_status status;
		json_t *file;

		policy_set_file(set, i, &status);
		file = json_pack("{s:o, s:s, s:b, s:b, s:b, s:i, s:i}", "name",
				 answer_string(status.name), "folder",
				 status.domains ? "domains.d" : "policy.d",
				 "broken", status.broken, "in_force",
				 status.in_force, "kept", status.kept,
				 "version", (int)status.version, "count",
				 (int)status.count);
		if (status.broken)
			json_object_set_new(
				file, "error",
				error_json(&status.error, status.name));
		json_array_append_new(files, file);
	}
	return files;
}

static void add_dead(void *context, const char *file, unsigned int line,
		     const char *by_file, unsigned int by_line)
{
	json_array_append_new(
		context,
		json_sprintf("%s:%u: never decides, because %s:%u always does "
			     "before it",
			     file, line, by_file, by_line));
}

json_t *rules_lint_json(const struct policy_set *set)
{
	json_t *warnings = json_array();
	size_t rules = 0;

	for (size_t i = 0; i < policy_set_file_count(set); i++) {
		struct policy_file_status status;

		policy_set_file(set, i, &status);
		rules += status.domains ? 0 : status.count;
	}
	/* Each is compared with all before it, and 2virtd has more to do. */
	if (rules > LINT_MAX_RULES)
		json_array_append_new(
			warnings,
			json_string("too many rules to look here for those "
				    "that never decide; \"2virt policy check\" "
				    "does"));
	else
		policy_set_lint(set, add_dead, warnings);
	return warnings;
}

/* False: this 2virtd has no rules; answered. */
static const struct policy_set *rules_of(struct call *call)
{
	const struct policy_set *set = call_policy(call);

	if (!set)
		answer_problem(call->answer, 501,
			       "grants made by hand are in force",
			       "this 2virtd does not read rules");
	return set;
}

static json_t *policy_json(const struct policy_set *set)
{
	return json_pack("{s:b, s:o, s:o}", "healthy", policy_set_healthy(set),
			 "files", rules_health_json(set), "warnings",
			 rules_lint_json(set));
}

void rules_policy(struct call *call)
{
	const struct policy_set *set = rules_of(call);

	if (set)
		answer_json(call->answer, 200, policy_json(set));
}

void rules_apply(struct call *call)
{
	char why[MANAGE_WHY_SIZE] = "";
	int error = call->ops->reload ? call->ops->reload(call->context, why)
				      : -ENOSYS;

	call_audit(call, "policy apply", error ? strerror(-error) : "done");
	if (error)
		answer_errno(call, error, why);
	else if (rules_of(call))
		answer_json(call->answer, 200, policy_json(call_policy(call)));
}

/*
 * --- check and diff ---
 */

/* ?name=, "stdin.policy" by default.  NULL: answered. */
static const char *text_name(struct call *call, bool *domains)
{
	const char *name = request_query_get(call->request, "name");
	size_t len;

	name = name ? name : "stdin.policy";
	len = strlen(name);
	*domains = len > 5 && strcmp(name + len - 5, ".conf") == 0;
	if (len < NAME_SIZE && name[0] != '.' && !strchr(name, '/') &&
	    (*domains || (len > 7 && strcmp(name + len - 7, ".policy") == 0)))
		return name;
	answer_problem(call->answer, 400, NULL,
		       "name is that of a file: NAME.policy (rules) or "
		       "NAME.conf (domains.d)");
	return NULL;
}

void rules_check(struct call *call)
{
	static const struct policy_folders none;
	struct policy_error error = {0};
	struct policy_set *set;
	bool domains;
	const char *name = text_name(call, &domains);
	int rc;

	if (!name)
		return;
	set = policy_set_create(&none);
	rc = set ? policy_set_put(set, domains, name, call->request->body,
				  call->request->body_len, &error)
		 : -ENOMEM;
	if (rc == 0)
		answer_json(call->answer, 200, policy_json(set));
	else if (rc == -EINVAL)
		answer_json(call->answer, 200,
			    json_pack("{s:b, s:[{s:s, s:b, s:o}], s:[]}",
				      "healthy", 0, "files", "name", name,
				      "broken", 1, "error",
				      error_json(&error, name), "warnings"));
	else
		answer_errno(call, rc, NULL);
	policy_set_destroy(set);
}

/* A broken file would leave its last good version in force. */
static int keep_last_good(struct policy_set *set, const struct folder *from,
			  bool domains)
{
	struct folder *to = domains ? &set->domains : &set->policy;
	struct policy_error error;

	for (size_t i = 0; i < to->count; i++) {
		if (!to->files[i].broken)
			continue;
		for (size_t j = 0; j < from->count; j++) {
			const struct folder_file *file = &from->files[j];

			if (strcmp(file->name, to->files[i].name) != 0 ||
			    !file->content)
				continue;
			if (policy_set_put(set, domains, file->name, file->text,
					   file->len, &error) == -ENOMEM)
				return -ENOMEM;
		}
	}
	return 0;
}

int rules_read(const struct call *call, struct policy_set **set)
{
	struct policy_folders folders = {0};
	const struct policy_set *now = call_policy(call);
	struct policy_set *made;
	int error;

	if (call->ops->folders)
		folders = *call->ops->folders(call->context);
	folders.keep = NULL; /* nothing of this is kept */
	made = policy_set_create(&folders);
	if (!made)
		return -ENOMEM;
	error = policy_set_reload(made, NULL);
	if (error >= 0 && now) {
		error = keep_last_good(made, &now->policy, false);
		if (!error)
			error = keep_last_good(made, &now->domains, true);
	}
	if (error < 0) {
		policy_set_destroy(made);
		return error;
	}
	*set = made;
	return 0;
}

struct diff {
	struct call *call;
	const struct policy_set *now, *then;
	const struct manage_domain *domain;
	json_t *changes;
	uint64_t until_ms;
	bool cut; /* there was no time for all */
};

/* Names of services that are asked about: each once. */
struct names {
	json_t *set; /* object: "web:catalog" -> null */
};

static void name_add(struct names *names, const struct policy_service *service)
{
	json_t *text = service_json(service);

	json_object_set_new(names->set, json_string_value(text), json_null());
	json_decref(text);
}

static void name_of_service(void *argument,
			    const struct manage_service *service)
{
	name_add(argument, &service->service);
}

static void name_of_rule(void *argument, const struct policy_service *service)
{
	name_add(argument, service);
}

static void name_of_grant(void *argument, const struct manage_grant *grant)
{
	name_add(argument, &grant->service);
}

static void diff_one(struct diff *diff, const char *text)
{
	struct policy_decision before, after;
	struct policy_domain now, then;
	struct policy_service service;
	char name[POLICY_NAME_SIZE];
	json_t *params_before, *params_after;

	if (!call_service(diff->call, text, &service, name))
		return;
	if (policy_domain_init(diff->now, &now, diff->domain->name,
			       diff->domain->uuid))
		return;
	if (policy_domain_init(diff->then, &then, diff->domain->name,
			       diff->domain->uuid)) {
		policy_domain_fini(&now);
		return;
	}
	before = policy_decide(diff->now, &service, &now);
	after = policy_decide(diff->then, &service, &then);
	params_before = params_json(before.params);
	params_after = params_json(after.params);
	if (before.action != after.action ||
	    !json_equal(params_before, params_after))
		json_array_append_new(
			diff->changes,
			json_pack("{s:i, s:o, s:s, s:o, s:o}", "domid",
				  (int)diff->domain->domid, "domain",
				  answer_string(diff->domain->name), "service",
				  text, "before",
				  rules_decision_json(diff->now, &before, ""),
				  "after",
				  rules_decision_json(diff->then, &after, "")));
	json_decref(params_before);
	json_decref(params_after);
	policy_domain_fini(&now);
	policy_domain_fini(&then);
}

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void diff_domain(void *argument, const struct manage_domain *domain)
{
	struct diff *diff = argument;
	struct names names = {.set = json_object()};
	const struct manage_ops *ops = diff->call->ops;
	const char *text;
	json_t *unused;

	diff->domain = domain;
	diff->cut = diff->cut || now_ms() > diff->until_ms;
	if (diff->cut) {
		json_decref(names.set);
		return;
	}
	if (ops->services)
		ops->services(diff->call->context, name_of_service, &names);
	ops->grants(diff->call->context, domain->domid, name_of_grant, &names);
	policy_set_named(diff->now, name_of_rule, &names);
	policy_set_named(diff->then, name_of_rule, &names);
	json_object_foreach(names.set, text, unused)
	{
		diff->cut = diff->cut || now_ms() > diff->until_ms;
		if (!diff->cut)
			diff_one(diff, text);
	}
	json_decref(names.set);
}

void rules_diff(struct call *call)
{
	struct diff diff = {.call = call, .now = rules_of(call)};
	struct policy_error error;
	struct policy_set *then;
	bool domains;
	const char *name;
	int rc;

	if (!diff.now || !(name = text_name(call, &domains)))
		return;
	rc = rules_read(call, &then);
	if (rc) {
		answer_errno(call, rc, "the folders of rules cannot be read");
		return;
	}
	if (call->request->body_len)
		rc = policy_set_put(then, domains, name, call->request->body,
				    call->request->body_len, &error);
	if (rc == -EINVAL) {
		char text[512];

		policy_error_text(&error, name, text, sizeof(text));
		answer_problem(call->answer, 422, "mend it and try again", "%s",
			       text);
	} else if (rc) {
		answer_errno(call, rc, NULL);
	} else {
		diff.then = then;
		diff.until_ms = now_ms() + DIFF_BUDGET_MS;
		diff.changes = json_array();
		call->ops->domains(call->context, diff_domain, &diff);
		answer_json(call->answer, 200,
			    json_pack("{s:o, s:b, s:o}", "changes",
				      diff.changes, "complete", !diff.cut,
				      "files", rules_health_json(then)));
	}
	policy_set_destroy(then);
}
