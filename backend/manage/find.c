// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * find.c - what requests name: domains, services, grants; and what errors mean.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/manage/route.h"

struct domain_search {
	const char *text;
	bool is_domid;
	uint32_t domid;
	struct found_domain *found;
};

static void domain_compare(void *argument, const struct manage_domain *domain)
{
	struct domain_search *search = argument;

	if (search->found->found)
		return;
	if (search->is_domid
		    ? domain->domid != search->domid
		    : strcmp(domain->name, search->text) != 0 &&
			      strcasecmp(domain->uuid, search->text) != 0)
		return;
	search->found->found = true;
	search->found->domid = domain->domid;
	snprintf(search->found->name, sizeof(search->found->name), "%s",
		 domain->name);
	snprintf(search->found->uuid, sizeof(search->found->uuid), "%s",
		 domain->uuid);
}

bool call_domain_find(const struct call *call, const char *text,
		      struct found_domain *found)
{
	struct domain_search search = {.text = text, .found = found};
	char *end;

	memset(found, 0, sizeof(*found));
	if (text[0] >= '0' && text[0] <= '9' && strlen(text) <= 5) {
		search.domid = (uint32_t)strtoul(text, &end, 10);
		search.is_domid = *end == '\0';
	}
	if (text[0])
		call->ops->domains(call->context, domain_compare, &search);
	return found->found;
}

bool call_domain(struct call *call, const char *text,
		 struct found_domain *found)
{
	if (!text || !text[0]) {
		answer_problem(call->answer, 400,
			       "name it by domid, name or uuid",
			       "no domain is named");
		return false;
	}
	if (call_domain_find(call, text, found))
		return true;
	answer_problem(call->answer, 404,
		       "2virt domains (GET /v1/domains) lists those that run",
		       "there is no running domain \"%s\"", text);
	return false;
}

bool call_service(struct call *call, const char *text,
		  struct policy_service *service, char name[POLICY_NAME_SIZE])
{
	const char *colon = text ? strchr(text, ':') : NULL;

	if (colon)
		service->type = policy_type_find(text, (size_t)(colon - text));
	if (!colon || service->type >= POLICY_TYPE_COUNT ||
	    !policy_name_valid(colon + 1, strlen(colon + 1), false)) {
		answer_problem(call->answer, 400,
			       "type is web, p2p, p2m, libvirt, char or diag; "
			       "name is of a-z 0-9 _ -",
			       "a service is type:name, not \"%s\"",
			       text ? text : "");
		return false;
	}
	snprintf(name, POLICY_NAME_SIZE, "%s", colon + 1);
	service->name = name;
	return true;
}

struct grant_search {
	const struct policy_service *service;
	struct found_grant *found;
	bool hit;
};

static void grant_compare(void *argument, const struct manage_grant *grant)
{
	struct grant_search *search = argument;
	struct found_grant *found = search->found;

	if (search->hit || grant->service.type != search->service->type ||
	    strcmp(grant->service.name, search->service->name) != 0)
		return;
	search->hit = true;
	snprintf(found->origin, sizeof(found->origin), "%s", grant->origin);
	found->overridden = grant->overridden;
	found->plugged = grant->plugged;
	found->is_void = grant->problem != NULL;
}

bool call_grant(const struct call *call, uint32_t domid,
		const struct policy_service *service, struct found_grant *found)
{
	struct grant_search search = {.service = service, .found = found};

	memset(found, 0, sizeof(*found));
	call->ops->grants(call->context, domid, grant_compare, &search);
	return search.hit;
}

const struct policy_set *call_policy(const struct call *call)
{
	return call->ops->policy ? call->ops->policy(call->context) : NULL;
}

json_t *params_json(const struct policy_params *params)
{
	json_t *json = json_object();

	for (unsigned int i = 0; params && i < POLICY_PARAM_COUNT; i++)
		if (params->value[i])
			json_object_set_new(json, policy_param_name(i),
					    answer_string(params->value[i]));
	return json;
}

json_t *service_json(const struct policy_service *service)
{
	return json_sprintf("%s:%s", policy_type_name(service->type),
			    service->name);
}

void answer_errno(struct call *call, int error, const char *why)
{
	static const struct {
		int error, status;
		const char *action;
	} kinds[] = {
		{ENOENT, 404, NULL},
		{ESRCH, 404, "2virt domains lists the domains that run"},
		{EINVAL, 422, NULL},
		{EPERM, 409, NULL},
		{EBUSY, 409, NULL},
		{EAGAIN, 503, "somebody else changes the same; try again"},
		{ETIMEDOUT, 504, "look at the log of 2virtd and of xl"},
		{ENOSYS, 501, "this 2virtd cannot do it"},
		{ENOSPC, 503, NULL},
		{EROFS, 500, "the folder must be writable for 2virtd"},
		{EIO, 502, "look at the log of 2virtd"},
	};

	why = why && why[0] ? why : strerror(-error);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].error != -error)
			continue;
		answer_problem(call->answer, kinds[i].status, kinds[i].action,
			       "%s", why);
		return;
	}
	answer_problem(call->answer, 500, "look at the log of 2virtd", "%s",
		       why);
}

void call_audit(const struct call *call, const char *what, const char *result)
{
	if (call->ops->audit)
		call->ops->audit(call->context, call->peer, what, result);
}
