// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * view.c - what is there, as JSON: domains, services, grants, links, limits,
 * stats.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"

/* One pass over domains, and inside over their grants. */
struct view {
	struct call *call;
	json_t *list;
	bool only; /* this domid */
	uint32_t domid;
	const struct manage_domain *domain;
};

static bool wanted(const struct view *view, uint32_t domid)
{
	return !view->only || view->domid == domid;
}

/* False: ?domain= names one that is not there, answered. */
static bool view_begin(struct view *view, struct call *call)
{
	struct found_domain found;

	const char *only = request_query_get(call->request, "domain");

	*view = (struct view){.call = call, .only = only != NULL};
	if (only && !call_domain(call, only, &found))
		return false;
	view->domid = only ? found.domid : 0;
	view->list = json_array();
	return true;
}

static void view_end(struct view *view, const char *name)
{
	answer_json(view->call->answer, 200,
		    json_pack("{s:o}", name, view->list));
}

static json_t *tags_json(const struct view *view,
			 const struct manage_domain *domain)
{
	const struct policy_set *set = call_policy(view->call);
	json_t *tags = json_array();
	struct policy_domain whom;

	if (!set || policy_domain_init(set, &whom, domain->name, domain->uuid))
		return tags;
	for (size_t i = 0; i < whom.tag_count; i++)
		json_array_append_new(tags, answer_string(whom.tags[i]));
	policy_domain_fini(&whom);
	return tags;
}

static void add_domain(void *argument, const struct manage_domain *domain)
{
	struct view *view = argument;

	if (!wanted(view, domain->domid))
		return;
	json_array_append_new(
		view->list,
		json_pack(
			"{s:i, s:o, s:s, s:o, s:i, s:i, s:i}", "domid",
			(int)domain->domid, "name", answer_string(domain->name),
			"uuid", domain->uuid, "tags", tags_json(view, domain),
			"controllers", (int)domain->controllers, "connected",
			(int)domain->connected, "grants", (int)domain->grants));
}

void view_domains(struct call *call)
{
	struct view view;

	if (!view_begin(&view, call))
		return;
	call->ops->domains(call->context, add_domain, &view);
	view_end(&view, "domains");
}

static void add_service(void *argument, const struct manage_service *service)
{
	struct view *view = argument;

	json_array_append_new(
		view->list,
		json_pack(
			"{s:o, s:b, s:o}", "service",
			service_json(&service->service), "ready",
			service->ready, "detail",
			answer_string(service->detail ? service->detail : "")));
}

void view_services(struct call *call)
{
	struct view view;

	if (!view_begin(&view, call))
		return;
	if (call->ops->services)
		call->ops->services(call->context, add_service, &view);
	view_end(&view, "services");
}

static json_t *grant_json(const struct view *view,
			  const struct manage_grant *grant)
{
	json_t *json = json_pack(
		"{s:i, s:o, s:o, s:s, s:b, s:o, s:b}", "domid",
		(int)grant->domid, "domain", answer_string(view->domain->name),
		"service", service_json(&grant->service), "origin",
		grant->origin, "overridden", grant->overridden, "params",
		params_json(grant->params), "plugged", grant->plugged);

	if (json && grant->problem)
		json_object_set_new(json, "problem",
				    answer_string(grant->problem));
	if (json && grant->plugged) {
		json_object_set_new(json, "controller",
				    json_integer(grant->controller));
		json_object_set_new(json, "port", json_integer(grant->port));
	}
	return json;
}

static void add_grant(void *argument, const struct manage_grant *grant)
{
	struct view *view = argument;

	json_array_append_new(view->list, grant_json(view, grant));
}

static void add_domains_grants(void *argument,
			       const struct manage_domain *domain)
{
	struct view *view = argument;

	view->domain = domain;
	if (wanted(view, domain->domid))
		view->call->ops->grants(view->call->context, domain->domid,
					add_grant, view);
}

void view_grants(struct call *call)
{
	struct view view;

	if (!view_begin(&view, call))
		return;
	call->ops->domains(call->context, add_domains_grants, &view);
	view_end(&view, "grants");
}

/*
 * A link is a grant that several domains have: p2p of two, p2m of many.
 */
static void add_end(void *argument, const struct manage_grant *grant)
{
	struct view *view = argument;
	json_t *link, *found = NULL, *name;
	size_t index;

	if (grant->service.type != POLICY_TYPE_P2P &&
	    grant->service.type != POLICY_TYPE_P2M)
		return;
	name = service_json(&grant->service);
	json_array_foreach(
		view->list, index,
		link) if (json_equal(json_object_get(link, "service"), name))
		found = link;
	if (!found) {
		found = json_pack("{s:O, s:[]}", "service", name, "ends");
		json_array_append_new(view->list, found);
	}
	json_array_append_new(json_object_get(found, "ends"),
			      json_pack("{s:i, s:o, s:b}", "domid",
					(int)grant->domid, "domain",
					answer_string(view->domain->name),
					"plugged", grant->plugged));
	json_decref(name);
}

static void add_domains_ends(void *argument, const struct manage_domain *domain)
{
	struct view *view = argument;

	view->domain = domain;
	view->call->ops->grants(view->call->context, domain->domid, add_end,
				view);
}

void view_links(struct call *call)
{
	struct view view;

	if (!view_begin(&view, call))
		return;
	call->ops->domains(call->context, add_domains_ends, &view);
	view_end(&view, "links");
}

static void add_grants_limits(void *argument, const struct manage_grant *grant)
{
	struct view *view = argument;

	json_array_append_new(
		view->list,
		json_pack("{s:i, s:o, s:o, s:o}", "domid", (int)grant->domid,
			  "domain", answer_string(view->domain->name),
			  "service", service_json(&grant->service), "limits",
			  params_json(grant->params)));
}

static void add_limits(void *argument, const struct manage_domain *domain)
{
	struct view *view = argument;

	if (!wanted(view, domain->domid))
		return;
	view->domain = domain;
	json_array_append_new(view->list,
			      json_pack("{s:i, s:o, s:n, s:o}", "domid",
					(int)domain->domid, "domain",
					answer_string(domain->name), "service",
					"limits", params_json(domain->limits)));
	view->call->ops->grants(view->call->context, domain->domid,
				add_grants_limits, view);
}

void view_limits(struct call *call)
{
	struct view view;

	if (!view_begin(&view, call))
		return;
	call->ops->domains(call->context, add_limits, &view);
	view_end(&view, "limits");
}
