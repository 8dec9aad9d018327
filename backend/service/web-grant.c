// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-grant.c - what a grant allows, and what is decided by it.
 *
 * A grant is known by its name from the first time that the name is given
 * limits or a service until the service is taken away; replacing the service
 * leaves it as it is.  Requests hold a reference, so the numbers of one that is
 * being cut still have a place.
 *
 * Each request is decided about exactly once, web_grant_judge(); what was
 * decided is counted in web-audit.c.
 */
#include "backend/service/web-internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verdict_words {
	const char *name;
	const char *text;
};

static const struct verdict_words verdict_words[] = {
	[WEB_ALLOWED] = {"allowed", "allowed"},
	/* Withdrawn, unknown and not granted look the same to a guest. */
	[WEB_NO_GRANT] = {"no-grant",
			  "no such service is granted to this machine"},
	[WEB_METHOD] = {"method", "the method is not allowed on this service"},
	[WEB_PATH] = {"path", "the path is not allowed on this service"},
	[WEB_REQUEST_SIZE] = {"request-size",
			      "the request's body is larger than allowed"},
	[WEB_RESPONSE_SIZE] = {"response-size",
			       "the answer's body is larger than allowed"},
	[WEB_RPS] = {"rps", "more requests a second than allowed"},
	[WEB_STREAMS] = {"streams", "more requests at once than allowed"},
	[WEB_PIPES] = {"pipes", "more connections at once than allowed"},
	[WEB_REVOKED] = {"revoked",
			 "no such service is granted to this machine"},
};
static_assert(sizeof(verdict_words) / sizeof(verdict_words[0]) ==
		      WEB_VERDICT_COUNT,
	      "words for each verdict");

const char *web_verdict_name(enum web_verdict verdict)
{
	return verdict < WEB_VERDICT_COUNT ? verdict_words[verdict].name : "?";
}

const char *web_verdict_text(enum web_verdict verdict)
{
	return verdict_words[verdict].text;
}

/* ---- life --------------------------------------------------------------- */

struct web_grant *web_grant_find(const struct web_service_set *set,
				 const char *name, size_t len)
{
	const struct list_node *node;

	list_for_each(node, &set->grants)
	{
		struct web_grant *grant =
			container_of(node, struct web_grant, link);

		if (strlen(grant->name) == len &&
		    !memcmp(grant->name, name, len))
			return grant;
	}
	return NULL;
}

bool web_grant_init(struct web_service_set *set, struct web_grant *grant)
{
	list_init(&grant->link);
	grant->refs = 1;
	web_limiter_init(set, &grant->limiter);
	return true;
}

void web_grant_fini(struct web_grant *grant)
{
	web_limiter_fini(&grant->limiter);
	web_path_patterns_free(grant->patterns);
	free((char *)(uintptr_t)grant->limits.methods);
	free((char *)(uintptr_t)grant->limits.paths);
	free(grant->name);
}

struct web_grant *web_grant_get(struct web_service_set *set, const char *name)
{
	struct web_grant *grant = web_grant_find(set, name, strlen(name));

	if (grant)
		return grant;
	grant = calloc(1, sizeof(*grant));
	if (!grant)
		return NULL;
	web_grant_init(set, grant);
	grant->name = strdup(name);
	if (!grant->name) {
		free(grant);
		return NULL;
	}
	list_append(&set->grants, &grant->link);
	return grant;
}

void web_grant_put(struct web_grant *grant)
{
	if (--grant->refs)
		return;
	web_grant_fini(grant);
	free(grant);
}

void web_grant_forget(struct web_service_set *set, struct web_grant *grant)
{
	(void)set;
	list_remove(&grant->link);
	web_grant_put(grant);
}

/* ---- limits ------------------------------------------------------------- */

/* "GET,HEAD": tokens with one comma between them. */
static bool methods_are_fine(const char *text)
{
	size_t len = 0;

	for (; text && *text; text++) {
		if (*text == ',') {
			if (!len)
				return false;
			len = 0;
		} else if ((*text >= 'A' && *text <= 'Z') || *text == '-') {
			len++;
		} else {
			return false;
		}
	}
	return !text || len;
}

static bool method_is_in(const char *methods, const char *method, size_t len)
{
	while (methods) {
		size_t one = strcspn(methods, ",");

		if (one == len && !memcmp(methods, method, len))
			return true;
		methods = methods[one] ? methods + one + 1 : NULL;
	}
	return false;
}

/* What the limits now say against a request that runs.  WEB_ALLOWED: none. */
static enum web_verdict recheck(const struct web_request *request,
				unsigned int *status)
{
	const struct web_grant *grant = request->grant;
	const struct web_limits *limits = &grant->limits;
	const struct web_limits *domain = &request->set->domain.limits;
	const char *text = request->text.data;

	*status = 403;
	if (limits->methods &&
	    !method_is_in(limits->methods, text, request->target_at))
		return WEB_METHOD;
	if (web_path_judge(grant->patterns, text + request->target_at,
			   request->lines_at - request->target_at))
		return WEB_PATH;
	if ((limits->response_bytes &&
	     request->received_octets > limits->response_bytes) ||
	    (domain->response_bytes &&
	     request->received_octets > domain->response_bytes))
		return WEB_RESPONSE_SIZE;
	*status = 413;
	if ((limits->request_bytes &&
	     request->sent_octets > limits->request_bytes) ||
	    (domain->request_bytes &&
	     request->sent_octets > domain->request_bytes))
		return WEB_REQUEST_SIZE;
	return WEB_ALLOWED;
}

static enum web_priority lower_of(enum web_priority a, enum web_priority b)
{
	return a > b ? a : b;
}

void web_grant_classify(struct web_request *request)
{
	enum web_priority best =
		(enum web_priority)request->grant->limits.priority;

	if (best == WEB_PRIORITY_NONE)
		best = WEB_PRIORITY_NORMAL;
	best = lower_of(
		best, (enum web_priority)request->set->domain.limits.priority);
	if (request->share)
		best = lower_of(best, request->share->wanted);
	request->priority = lower_of(best, request->asked);
}

static void apply_to_running(struct web_service_set *set,
			     const struct web_grant *grant)
{
	struct list_node *node;

	list_for_each(node, &set->requests)
	{
		struct web_request *request =
			container_of(node, struct web_request, set_link);
		enum web_verdict verdict;
		unsigned int status;

		if (!request->service ||
		    (grant != &set->domain && request->grant != grant))
			continue;
		web_grant_classify(request);
		verdict = recheck(request, &status);
		if (verdict != WEB_ALLOWED)
			web_request_deny(request, status, verdict);
	}
	web_share_mark_all(set);
}

/* Both texts are copied, or nothing is changed. */
static int grant_set(struct web_service_set *set, struct web_grant *grant,
		     const struct web_limits *limits)
{
	static const struct web_limits none = {0};
	struct web_path_patterns *patterns;
	char *methods = NULL;
	char *paths = NULL;
	int error;

	if (!limits)
		limits = &none;
	if ((limits->methods && !*limits->methods) ||
	    !methods_are_fine(limits->methods) ||
	    limits->priority >= WEB_PRIORITY_COUNT)
		return -EINVAL;
	error = web_path_patterns_create(limits->paths, &patterns);
	if (error)
		return error;
	if (limits->methods && !(methods = strdup(limits->methods)))
		goto err;
	if (limits->paths && !(paths = strdup(limits->paths)))
		goto err;
	web_path_patterns_free(grant->patterns);
	free((char *)(uintptr_t)grant->limits.methods);
	free((char *)(uintptr_t)grant->limits.paths);
	grant->limits = *limits;
	grant->limits.methods = methods;
	grant->limits.paths = paths;
	grant->patterns = patterns;
	web_limiter_set(&grant->limiter, limits->rate, limits->burst);
	if (grant->rps.rate != limits->rps)
		limit_bucket_set(&grant->rps, limits->rps, limits->rps,
				 uv_hrtime());
	apply_to_running(set, grant);
	return 0;

err:
	free(methods);
	web_path_patterns_free(patterns);
	return -ENOMEM;
}

int web_service_set_limit(struct web_service_set *set, const char *name,
			  const struct web_limits *limits)
{
	struct web_grant *grant = web_grant_find(set, name, strlen(name));
	bool made = !grant;
	int error;

	if (strlen(name) > WEB_SERVICE_NAME_MAX)
		return -EINVAL;
	if (made)
		grant = web_grant_get(set, name);
	if (!grant)
		return -ENOMEM;
	error = grant_set(set, grant, limits);
	if (error && made)
		web_grant_forget(set, grant);
	return error;
}

int web_service_set_domain_limit(struct web_service_set *set,
				 const struct web_limits *limits)
{
	struct web_limits own = {0};

	if (limits)
		own = *limits;
	own.methods = NULL;
	own.paths = NULL;
	own.notify = false;
	own.weight = 0;
	return grant_set(set, &set->domain, &own);
}

/* ---- decisions ---------------------------------------------------------- */

static unsigned int refuse(struct web_failure *failure, unsigned int status,
			   enum web_verdict verdict)
{
	failure->status = status;
	failure->verdict = verdict;
	failure->text = verdict_words[verdict].text;
	return status;
}

static unsigned int judge_head(struct web_grant *grant,
			       const struct web_request_head *head,
			       struct web_failure *failure)
{
	unsigned int status;

	if (grant->limits.methods &&
	    !method_is_in(grant->limits.methods, head->method,
			  head->method_len))
		return refuse(failure, 403, WEB_METHOD);
	status =
		web_path_judge(grant->patterns, head->target, head->target_len);
	if (!status)
		return 0;
	refuse(failure, status, WEB_PATH);
	if (status == 400)
		failure->text = "the path is malformed";
	return status;
}

static unsigned int judge_counts(const struct web_grant *grant,
				 const struct web_request_head *head,
				 struct web_failure *failure)
{
	const struct web_limits *limits = &grant->limits;

	if (limits->request_bytes && head->body_len > 0 &&
	    (uint64_t)head->body_len > limits->request_bytes)
		return refuse(failure, 413, WEB_REQUEST_SIZE);
	if (limits->streams && grant->streams >= limits->streams) {
		failure->retry_after_s = 1;
		return refuse(failure, 429, WEB_STREAMS);
	}
	return 0;
}

static unsigned int judge_rps(struct web_grant *grant,
			      struct web_failure *failure)
{
	uint64_t wait_ns;

	if (!grant->rps.rate)
		return 0;
	wait_ns = limit_bucket_wait_ns(&grant->rps, 1, uv_hrtime());
	if (!wait_ns)
		return 0;
	failure->retry_after_s =
		(unsigned int)((wait_ns + 999999999) / 1000000000);
	return refuse(failure, 429, WEB_RPS);
}

unsigned int web_grant_judge(struct web_service_set *set,
			     struct web_grant *grant,
			     const struct web_request_head *head,
			     struct web_failure *failure)
{
	unsigned int status;

	if (!grant)
		return refuse(failure, 403, WEB_NO_GRANT);
	status = judge_head(grant, head, failure);
	if (!status)
		status = judge_counts(grant, head, failure);
	if (!status)
		status = judge_counts(&set->domain, head, failure);
	if (!status)
		status = judge_rps(grant, failure);
	if (!status)
		status = judge_rps(&set->domain, failure);
	if (!status && head->share && !web_share_enter(head->share, grant))
		status = refuse(failure, 429, WEB_PIPES);
	if (status)
		return status;
	limit_bucket_take(&grant->rps, 1);
	limit_bucket_take(&set->domain.rps, 1);
	return 0;
}

void web_request_deny(struct web_request *request, unsigned int status,
		      enum web_verdict verdict)
{
	if (request->state == WEB_REQUEST_FAILED)
		return;
	request->failure.verdict = verdict;
	request->failure.revoked = verdict == WEB_REVOKED;
	web_request_fail(request, status, verdict_words[verdict].text);
}

enum web_priority web_request_priority(const struct web_request *request)
{
	return request->priority;
}

/* ---- what the guest may see --------------------------------------------- */

static enum web_health health_of(const struct web_service *service)
{
	uint64_t now_ms = web_set_now(service->set);
	unsigned int down = 0;

	for (unsigned int i = 0; i < service->upstream_count; i++)
		down += service->upstreams[i].backoff_ms &&
			service->upstreams[i].down_until_ms > now_ms;
	if (!down)
		return WEB_HEALTH_UP;
	return down < service->upstream_count ? WEB_HEALTH_DEGRADED
					      : WEB_HEALTH_DOWN;
}

void web_service_set_list(const struct web_service_set *set,
			  void (*each)(void *context,
				       const struct web_grant_info *info),
			  void *context)
{
	const struct list_node *node;
	struct web_grant_info info = {
		.type = "domain",
		.name = set->domain_name,
		.limits = &set->domain.limits,
	};

	each(context, &info);
	info.type = "web";
	list_for_each(node, &set->services)
	{
		const struct web_service *service =
			container_of(node, struct web_service, link);

		if (service->former)
			continue;
		info.name = service->name;
		info.limits = &service->grant->limits;
		info.health = health_of(service);
		each(context, &info);
	}
}

const char *web_service_set_contact(const struct web_service_set *set)
{
	return set->contact;
}
