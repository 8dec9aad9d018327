// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * route.c - from a request to its answer: the table of resources.
 *
 * What a request may name in its query, and who may send it, is checked here
 * for all; the handlers see only what they have asked for.
 */
#include "backend/manage/route.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOG_LINES_DEFAULT = 20,
	LOG_LINES_MAX = 10000,
	WATCH_MS_DEFAULT = 1000,
	WATCH_MS_MIN = 100,
	WATCH_MS_MAX = 3600 * 1000,
};

enum route_flags {
	CHANGES = 1 << 0, /* uid 0 only, audited when refused */
	BODY = 1 << 1,	  /* takes a body */
	FRESH = 1 << 2,	  /* wants numbers that are up to date */
};

/* The number of ?name=, or its default.  False: answered. */
static bool query_number(struct call *call, const char *name, unsigned int min,
			 unsigned int max, unsigned int *number)
{
	const char *text = request_query_get(call->request, name);
	unsigned long value;
	char *end;

	if (!text)
		return true;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || value < min ||
	    value > max) {
		answer_problem(call->answer, 400, NULL,
			       "%s is a number from %u to %u, not \"%s\"", name,
			       min, max, text);
		return false;
	}
	*number = (unsigned int)value;
	return true;
}

static void stream_log(struct call *call)
{
	unsigned int lines = LOG_LINES_DEFAULT, follow = 0;

	if (!query_number(call, "lines", 0, LOG_LINES_MAX, &lines) ||
	    !query_number(call, "follow", 0, 1, &follow))
		return;
	call->answer->kind = ANSWER_LOG;
	call->answer->status = 200;
	call->answer->type = "application/x-ndjson";
	call->answer->lines = lines;
	call->answer->follow = follow;
}

static void stream_watch(struct call *call)
{
	unsigned int interval_ms = WATCH_MS_DEFAULT;

	if (!query_number(call, "interval_ms", WATCH_MS_MIN, WATCH_MS_MAX,
			  &interval_ms))
		return;
	call->answer->kind = ANSWER_WATCH;
	call->answer->status = 200;
	call->answer->type = "application/x-ndjson";
	call->answer->interval_ms = interval_ms;
}

static const struct route {
	const char *method, *path;
	handler *handle;
	unsigned int flags;
	const char *query; /* names, each with a blank behind */
} routes[] = {
	{"GET", "/v1", view_index, 0, ""},
	{"GET", "/v1/domains", view_domains, 0, "domain "},
	{"GET", "/v1/services", view_services, 0, ""},
	{"GET", "/v1/grants", view_grants, 0, "domain "},
	{"GET", "/v1/links", view_links, 0, ""},
	{"GET", "/v1/limits", view_limits, 0, "domain "},
	{"GET", "/v1/stats", view_stats, FRESH, "domain "},
	{"GET", "/v1/policy", rules_policy, 0, ""},
	{"GET", "/v1/explain", rules_explain, 0, "domain service "},
	{"GET", "/v1/log", stream_log, 0, "lines follow "},
	{"GET", "/v1/watch", stream_watch, 0, "interval_ms "},
	{"GET", "/metrics", view_metrics, FRESH, ""},
	{"POST", "/v1/attach", change_attach, CHANGES | BODY, ""},
	{"POST", "/v1/detach", change_detach, CHANGES | BODY, ""},
	{"POST", "/v1/allow", change_allow, CHANGES | BODY, ""},
	{"POST", "/v1/deny", change_deny, CHANGES | BODY, ""},
	{"POST", "/v1/revoke", change_revoke, CHANGES | BODY, ""},
	{"PUT", "/v1/limits", change_limits, CHANGES | BODY, ""},
	{"POST", "/v1/policy/check", rules_check, BODY, "name "},
	{"POST", "/v1/policy/diff", rules_diff, BODY, "name "},
	{"POST", "/v1/policy/apply", rules_apply, CHANGES, ""},
};
enum { ROUTE_COUNT = sizeof(routes) / sizeof(routes[0]) };

static const struct route *route_find(struct call *call)
{
	const struct request *request = call->request;
	const char *allow = NULL;

	for (size_t i = 0; i < ROUTE_COUNT; i++) {
		if (strcmp(routes[i].path, request->path) != 0)
			continue;
		if (strcmp(routes[i].method, request->method) == 0)
			return &routes[i];
		allow = allow ? "GET, PUT" : routes[i].method;
	}
	if (!allow) {
		answer_problem(call->answer, 404, "GET /v1 lists what there is",
			       "there is no %s", request->path);
		return NULL;
	}
	answer_problem(call->answer, 405, NULL, "%s takes %s, not %s",
		       request->path, allow, request->method);
	call->answer->allow = allow;
	return NULL;
}

static bool query_check(struct call *call, const struct route *route)
{
	const struct request *request = call->request;

	for (size_t i = 0; i < request->query_count; i++) {
		char word[40];

		snprintf(word, sizeof(word), "%s ", request->query[i].name);
		if (strlen(word) > 1 && !strchr(request->query[i].name, ' ') &&
		    strstr(route->query, word) &&
		    (strstr(route->query, word) == route->query ||
		     strstr(route->query, word)[-1] == ' '))
			continue;
		answer_problem(call->answer, 400, NULL,
			       "%s takes no \"%s\"; it takes: %s", route->path,
			       request->query[i].name,
			       route->query[0] ? route->query : "nothing");
		return false;
	}
	return true;
}

static bool permitted(struct call *call, const struct route *route)
{
	char what[160];

	if (!(route->flags & CHANGES) || call->peer->may_change)
		return true;
	snprintf(what, sizeof(what), "%s %s", route->method, route->path);
	call_audit(call, what, "refused: not root");
	answer_problem(call->answer, 403, "do it as root",
		       "%s changes something, and uid %u may only read",
		       route->path, (unsigned int)call->peer->uid);
	return false;
}

/* Has the numbers brought up to date first.  False: it was asked for. */
static bool fresh(struct call *call, const struct route *route)
{
	struct later *later;

	if (!(route->flags & FRESH) || call->fresh || !call->ops->refresh)
		return true;
	later = later_create(call, "", true);
	if (!later)
		return false;
	call->ops->refresh(call->context, later_done, later);
	if (later->done) {
		free(later);
		return true;
	}
	later_arm(call, later);
	return false;
}

void route(struct call *call)
{
	const struct route *route;

	memset(call->answer, 0, sizeof(*call->answer));
	route = route_find(call);
	if (!route || !permitted(call, route) || !query_check(call, route))
		return;
	if (call->request->body_len && !(route->flags & BODY)) {
		answer_problem(call->answer, 400, NULL, "%s takes no body",
			       route->path);
		return;
	}
	if (fresh(call, route))
		route->handle(call);
}

void view_index(struct call *call)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ROUTE_COUNT; i++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:b}", "method", routes[i].method,
				  "path", routes[i].path, "root",
				  routes[i].flags & CHANGES ? 1 : 0));
	answer_json(call->answer, 200, json_pack("{s:o}", "resources", list));
}
