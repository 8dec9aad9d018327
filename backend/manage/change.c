// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * change.c - what changes something: attach, detach, allow, deny, revoke,
 * limits.
 *
 * A body is one JSON object with known names only.  Each change ends in the
 * audit, with who did it; what was refused for its form is no change.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"
#include "backend/manage/save.h"

enum { PORTS_DEFAULT = 8, PORTS_MAX = 31, WHAT_SIZE = 512 };

struct order {
	struct call *call;
	json_t *body;
	struct found_domain domain;
	bool has_service;
	struct policy_service service;
	char service_name[POLICY_NAME_SIZE];
	struct policy_params params;
	struct save_param given[POLICY_PARAM_COUNT];
	size_t given_count;
	unsigned int remove; /* mask: limits that are null */
	bool save;
	char what[WHAT_SIZE]; /* for the audit */
};

static void order_fini(struct order *order)
{
	policy_params_fini(&order->params);
	json_decref(order->body);
}

/* False: answered.  names: those that may stand in the object. */
static bool body_parse(struct order *order, const char *const *names)
{
	const struct request *request = order->call->request;
	struct answer *answer = order->call->answer;
	json_error_t error;
	const char *name;
	json_t *value;

	order->body =
		json_loadb(request->body_len ? request->body : "",
			   request->body_len, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(order->body)) {
		answer_problem(answer, 400, "send an object of JSON",
			       "the body is no JSON object: %s",
			       order->body ? "it is something else"
					   : error.text);
		return false;
	}
	json_object_foreach(order->body, name, value)
	{
		size_t i = 0;

		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (names[i])
			continue;
		answer_problem(answer, 400, NULL, "\"%.64s\" is not known here",
			       name);
		return false;
	}
	return true;
}

static bool get_domain(struct order *order)
{
	json_t *value = json_object_get(order->body, "domain");
	char number[24];
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld",
			 (long long)json_integer_value(value));
		text = number;
	}
	return call_domain(order->call, text, &order->domain);
}

static bool get_service(struct order *order, bool needed)
{
	json_t *value = json_object_get(order->body, "service");

	if (!needed && (!value || json_is_null(value)))
		return true;
	order->has_service = true;
	return call_service(order->call, json_string_value(value),
			    &order->service, order->service_name);
}

static bool get_save(struct order *order)
{
	json_t *value = json_object_get(order->body, "save");

	order->save = json_is_true(value);
	if (!value || json_is_boolean(value))
		return true;
	answer_problem(order->call->answer, 400, NULL, "save is true or false");
	return false;
}

/* May this parameter stand here? */
static const char *param_misplaced(const struct order *order,
				   enum policy_param param)
{
	unsigned int uses = policy_param_uses(param);

	if (!order->has_service)
		return uses & POLICY_PARAM_IN_DOMAIN
			       ? NULL
			       : "is no limit of a whole domain";
	if (!(uses & POLICY_PARAM_IN_ALLOW) || !(uses & POLICY_PARAM_IN_TREE))
		return "is no parameter of a grant";
	if ((uses & POLICY_PARAM_WEB_ONLY) &&
	    order->service.type != POLICY_TYPE_WEB)
		return "is for web services only";
	return NULL;
}

static bool get_param(struct order *order, const char *name, json_t *value,
		      bool may_remove)
{
	struct answer *answer = order->call->answer;
	enum policy_param param = policy_param_find(name);
	const char *wrong, *text = json_string_value(value);
	int error;

	if (param == POLICY_PARAM_COUNT) {
		answer_problem(answer, 400, "2virt-policy(5) lists them",
			       "there is no parameter \"%.64s\"", name);
		return false;
	}
	wrong = param_misplaced(order, param);
	if (wrong) {
		answer_problem(answer, 422, NULL, "%s %s", name, wrong);
		return false;
	}
	if (may_remove && json_is_null(value)) {
		order->remove |= 1u << param;
		return true;
	}
	/* A new line would be a new rule when it is saved. */
	error = text && !strpbrk(text, "\r\n")
			? policy_param_set(&order->params, param, text)
			: -EINVAL;
	if (error == -EINVAL)
		answer_problem(answer, 422, NULL, "%s must be %s, as a string",
			       name, policy_param_expected(param));
	else if (error)
		answer_errno(order->call, error, NULL);
	order->given[order->given_count++] = (struct save_param){param, text};
	return error == 0;
}

static bool get_params(struct order *order, const char *key, bool may_remove)
{
	json_t *object = json_object_get(order->body, key), *value;
	const char *name;

	if (object && !json_is_object(object)) {
		answer_problem(order->call->answer, 400, NULL,
			       "%s is an object of name: value", key);
		return false;
	}
	json_object_foreach(object, name, value)
	{
		if (!get_param(order, name, value, may_remove))
			return false;
	}
	if (!order->params.value[POLICY_PARAM_BURST] ||
	    order->params.value[POLICY_PARAM_RATE] || may_remove)
		return true;
	answer_problem(order->call->answer, 422, NULL,
		       "burst needs a rate beside it");
	return false;
}

/* "allow web:catalog to domain 5 (shop) rate=1048576, saved" */
static void describe(struct order *order, const char *verb)
{
	FILE *out = fmemopen(order->what, sizeof(order->what), "w");

	if (!out)
		return;
	fputs(verb, out);
	if (order->has_service)
		fprintf(out, " %s:%s", policy_type_name(order->service.type),
			order->service.name);
	fprintf(out, " of domain %u (%s)", (unsigned int)order->domain.domid,
		order->domain.name);
	for (unsigned int i = 0; i < POLICY_PARAM_COUNT; i++)
		if (order->params.value[i])
			fprintf(out, " %s=%s", policy_param_name(i),
				order->params.value[i]);
		else if (order->remove & 1u << i)
			fprintf(out, " -%s", policy_param_name(i));
	if (order->save)
		fputs(", saved", out);
	fclose(out);
}

/* The answer of a change: what was done, and what the rules think of it. */
static void finish(struct order *order, int error, const char *why)
{
	struct call *call = order->call;

	call_audit(call, order->what, error ? strerror(-error) : "done");
	if (error)
		answer_errno(call, error, why);
	else
		answer_json(call->answer, 200,
			    json_pack("{s:o, s:o}", "done",
				      answer_string(order->what), "detail",
				      answer_string(why ? why : "")));
}

/* A saved rule is in force before the grant that it wants. */
static int save(struct order *order, const enum policy_action *action)
{
	const struct save_rule rule = {
		.domain = order->domain.name,
		.uuid = order->domain.uuid,
		.service = order->service,
		.action = action,
		.params = order->given,
		.param_count = order->given_count,
	};
	struct call *call = order->call;
	char why[MANAGE_WHY_SIZE] = "";
	int error;

	if (!order->save)
		return 0;
	if (!order->domain.name[0]) {
		answer_problem(call->answer, 422, NULL,
			       "a domain without a name cannot be saved");
		return -EINVAL;
	}
	error = save_rule(call, &rule);
	if (!error && call->ops->reload) {
		error = call->ops->reload(call->context, why);
		if (error)
			answer_errno(call, error, why);
	}
	if (error)
		call_audit(call, order->what, strerror(-error));
	return error;
}

/* What the rules say about it, when that is not what was done. */
static void against_rules(const struct order *order, enum policy_action wanted,
			  char why[MANAGE_WHY_SIZE])
{
	const struct policy_set *set = call_policy(order->call);
	struct policy_decision decision;
	struct policy_domain domain;
	char text[MANAGE_WHY_SIZE - 48];

	size_t used = strlen(why);

	if (!set || policy_domain_init(set, &domain, order->domain.name,
				       order->domain.uuid))
		return;
	decision = policy_decide(set, &order->service, &domain);
	policy_decision_text(set, &decision, text, sizeof(text));
	if (decision.action != wanted)
		snprintf(why + used, MANAGE_WHY_SIZE - used,
			 "%suntil the next start of 2virtd; rules: %s",
			 used ? "; " : "", text);
	policy_domain_fini(&domain);
}

/* An explicit deny is stronger than what is done by hand. */
static bool denied_by_rule(struct order *order)
{
	const struct policy_set *set = call_policy(order->call);
	struct policy_decision decision;
	struct policy_domain domain;
	char text[1024];

	if (!set || policy_domain_init(set, &domain, order->domain.name,
				       order->domain.uuid))
		return false;
	decision = policy_decide(set, &order->service, &domain);
	policy_decision_text(set, &decision, text, sizeof(text));
	policy_domain_fini(&domain);
	if (!decision.file || decision.action != POLICY_DENY)
		return false;
	call_audit(order->call, order->what, "refused: a rule denies it");
	answer_problem(order->call->answer, 409,
		       "change that rule, or put one before it with --save",
		       "a rule is stronger than a grant by hand: %s", text);
	return true;
}

static const char *const grant_names[] = {"domain", "service", "params", "save",
					  NULL};
static const char *const revoke_names[] = {"domain", "service", "save", NULL};

void change_allow(struct call *call)
{
	static const enum policy_action action = POLICY_ALLOW;
	struct order order = {.call = call};
	struct manage_target target;
	char why[MANAGE_WHY_SIZE] = "";
	int error;

	if (!body_parse(&order, grant_names) || !get_domain(&order) ||
	    !get_service(&order, true) ||
	    !get_params(&order, "params", false) || !get_save(&order))
		goto out;
	describe(&order, "allow");
	if ((!order.save && denied_by_rule(&order)) || save(&order, &action))
		goto out;
	target = (struct manage_target){order.domain.domid, order.service};
	error = call->ops->grant
			? call->ops->grant(call->context, &target,
					   &order.params, order.save, why)
			: -ENOSYS;
	if (!error)
		against_rules(&order, POLICY_ALLOW, why);
	finish(&order, error, why);
out:
	order_fini(&order);
}

static void take_away(struct call *call, const char *verb,
		      const enum policy_action *action)
{
	struct order order = {.call = call};
	struct manage_target target;
	char why[MANAGE_WHY_SIZE] = "";
	int error;

	if (!body_parse(&order, revoke_names) || !get_domain(&order) ||
	    !get_service(&order, true) || !get_save(&order))
		goto out;
	describe(&order, verb);
	if (save(&order, action))
		goto out;
	target = (struct manage_target){order.domain.domid, order.service};
	error = call->ops->revoke
			? call->ops->revoke(call->context, &target, why)
			: -ENOSYS;
	if (!error)
		against_rules(&order, POLICY_DENY, why);
	finish(&order, error, why);
out:
	order_fini(&order);
}

void change_deny(struct call *call)
{
	static const enum policy_action action = POLICY_DENY;

	take_away(call, "deny", &action);
}

void change_revoke(struct call *call)
{
	take_away(call, "revoke", NULL);
}

void change_limits(struct call *call)
{
	static const char *const names[] = {"domain", "service", "limits",
					    NULL};
	struct order order = {.call = call};
	char why[MANAGE_WHY_SIZE] = "";
	int error;

	if (!body_parse(&order, names) || !get_domain(&order) ||
	    !get_service(&order, false) || !get_params(&order, "limits", true))
		goto out;
	describe(&order, "limits");
	error = call->ops->limit
			? call->ops->limit(call->context, order.domain.domid,
					   order.has_service ? &order.service
							     : NULL,
					   &order.params, order.remove, why)
			: -ENOSYS;
	finish(&order, error, why);
out:
	order_fini(&order);
}

static bool get_ports(struct order *order, unsigned int *ports)
{
	json_t *value = json_object_get(order->body, "ports");
	json_int_t number = json_integer_value(value);

	*ports = PORTS_DEFAULT;
	if (!value)
		return true;
	if (!json_is_integer(value) || number < 1 || number > PORTS_MAX) {
		answer_problem(order->call->answer, 400, NULL,
			       "ports is a number from 1 to %d", PORTS_MAX);
		return false;
	}
	*ports = (unsigned int)number;
	return true;
}

void change_attach(struct call *call)
{
	static const char *const names[] = {"domain", "ports", NULL};
	struct order order = {.call = call};
	struct later *later;
	unsigned int ports;

	if (!body_parse(&order, names) || !get_domain(&order) ||
	    !get_ports(&order, &ports))
		goto out;
	describe(&order, "attach");
	if (!call->ops->attach) {
		finish(&order, -ENOSYS, NULL);
		goto out;
	}
	later = later_create(call, order.what, false);
	if (later) {
		call->ops->attach(call->context, order.domain.domid, ports,
				  later_done, later);
		later_arm(call, later);
	}
out:
	order_fini(&order);
}

void change_detach(struct call *call)
{
	static const char *const names[] = {"domain", NULL};
	struct order order = {.call = call};
	struct later *later;

	if (!body_parse(&order, names) || !get_domain(&order))
		goto out;
	describe(&order, "detach");
	if (!call->ops->detach) {
		finish(&order, -ENOSYS, NULL);
		goto out;
	}
	later = later_create(call, order.what, false);
	if (later) {
		call->ops->detach(call->context, order.domain.domid, later_done,
				  later);
		later_arm(call, later);
	}
out:
	order_fini(&order);
}
