// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * explain.c - why a service is granted or not: what the rules decide, beside
 * what is in force.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"
#include "backend/manage/rules.h"

enum { TEXT_SIZE = 6144 };

struct readiness {
	const struct policy_service *service;
	bool known, ready;
};

static void service_look(void *argument, const struct manage_service *service)
{
	struct readiness *readiness = argument;

	if (service->service.type != readiness->service->type ||
	    strcmp(service->service.name, readiness->service->name) != 0)
		return;
	readiness->known = true;
	readiness->ready = service->ready;
}

/* What comes to the decision of the rules. */
static const char *comment(const struct call *call,
			   const struct policy_service *service,
			   const struct found_domain *domain,
			   enum policy_action action, bool granted,
			   const struct found_grant *grant)
{
	struct readiness readiness = {.service = service};
	bool allowed = action == POLICY_ALLOW;

	if (!domain->found)
		return "; no such domain runs now";
	if (granted && grant->is_void)
		return "; its grant is void: a value in it cannot be";
	if (action == POLICY_ASK &&
	    (!granted || strcmp(grant->origin, "rule") == 0))
		return granted ? "; the program that is asked said yes"
			       : "; the program that is asked said no, or has "
				 "not answered";
	if (granted && strcmp(grant->origin, "rule") != 0)
		return allowed ? "; granted by hand as well"
			       : "; granted by hand all the same";
	if (granted && !allowed)
		return "; the grant of a former rule is still there";
	if (granted)
		return grant->overridden
			       ? "; its parameters were changed by hand"
			       : "";
	if (!allowed)
		return "";
	if (call->ops->services)
		call->ops->services(call->context, service_look, &readiness);
	if (!readiness.known && service->type == POLICY_TYPE_WEB)
		return "; not granted: services.d does not define it";
	return "; not granted: taken away by hand, or about to be granted";
}

json_t *rules_decision_json(const struct policy_set *set,
			    const struct policy_decision *decision,
			    const char *more)
{
	char *text = malloc(TEXT_SIZE);
	size_t used;
	json_t *json;

	if (!text)
		return NULL;
	policy_decision_text(set, decision, text, TEXT_SIZE);
	used = strlen(text);
	snprintf(text + used, TEXT_SIZE - used, "%s", more);
	json = json_pack("{s:s, s:o, s:o}", "decision",
			 policy_action_name(decision->action), "why",
			 answer_string(text), "rule_params",
			 params_json(decision->params));
	if (json && decision->file) {
		json_object_set_new(json, "file",
				    answer_string(decision->file));
		json_object_set_new(json, "line", json_integer(decision->line));
		json_object_set_new(json, "rule",
				    answer_string(decision->rule));
	}
	free(text);
	return json;
}

static json_t *explain_json(struct call *call, const char *name,
			    const struct found_domain *domain,
			    const struct policy_service *service)
{
	const struct policy_set *set = call_policy(call);
	struct policy_decision decision;
	struct policy_domain whom;
	struct found_grant grant = {0};
	bool there = domain->found &&
		     call_grant(call, domain->domid, service, &grant);
	bool granted = there && !grant.is_void;
	json_t *json;

	if (!set)
		return json_pack("{s:n, s:s, s:b}", "decision", "why",
				 "this 2virtd does not read rules", "granted",
				 granted);
	if (policy_domain_init(set, &whom, domain->found ? domain->name : name,
			       domain->found ? domain->uuid : NULL))
		return NULL;
	decision = policy_decide(set, service, &whom);
	json = rules_decision_json(set, &decision,
				   comment(call, service, domain,
					   decision.action, granted, &grant));
	policy_domain_fini(&whom);
	if (!json)
		return NULL;
	json_object_set_new(json, "granted", json_boolean(granted));
	if (granted) {
		json_object_set_new(json, "origin",
				    answer_string(grant.origin));
		json_object_set_new(json, "overridden",
				    json_boolean(grant.overridden));
	}
	return json;
}

void rules_explain(struct call *call)
{
	const char *domain_text = request_query_get(call->request, "domain");
	struct policy_service service;
	char name[POLICY_NAME_SIZE];
	struct found_domain domain;
	json_t *json;

	if (!domain_text || !domain_text[0]) {
		answer_problem(call->answer, 400,
			       "ask with ?domain=NAME&service=TYPE:NAME",
			       "no domain is named");
		return;
	}
	if (!call_service(call, request_query_get(call->request, "service"),
			  &service, name))
		return;
	call_domain_find(call, domain_text, &domain);
	json = explain_json(call, domain_text, &domain, &service);
	if (json) {
		json_object_set_new(json, "domain",
				    answer_string(domain.found ? domain.name
							       : domain_text));
		json_object_set_new(json, "domid",
				    domain.found ? json_integer(domain.domid)
						 : json_null());
		json_object_set_new(json, "service", service_json(&service));
	}
	answer_json(call->answer, 200, json);
}
