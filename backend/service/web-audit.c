// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-audit.c - what was decided and used: numbers of grants, and the audit.
 *
 * Each request is counted when it was decided about, and is told to the audit
 * exactly once: when it is refused, or when it is over.  The texts of an audit
 * are cut to a length, and live only while it is told.
 */
#include "backend/service/web-internal.h"

#include <errno.h>
#include <string.h>

enum {
	AUDIT_METHOD_MAX = 32,
	AUDIT_PATH_MAX = 1024,
};

static unsigned int bucket_of(uint64_t us)
{
	unsigned int bits = us ? 64 - (unsigned int)__builtin_clzll(us) : 0;

	return bits < WEB_HISTOGRAM_BUCKETS ? bits : WEB_HISTOGRAM_BUCKETS - 1;
}

void web_grant_stage(struct web_request *request, enum web_stage stage,
		     uint64_t from_ns, uint64_t to_ns)
{
	unsigned int bucket;

	if (!from_ns || to_ns < from_ns)
		return;
	bucket = bucket_of((to_ns - from_ns) / 1000);
	request->grant->stats.histogram[stage][bucket]++;
	request->set->domain.stats.histogram[stage][bucket]++;
}

static void copy_text(char *to, size_t size, const char *from, size_t len)
{
	if (len > size - 1)
		len = size - 1;
	if (len)
		memcpy(to, from, len);
	to[len] = 0;
}

static void tell_audit(struct web_service_set *set, const char *method,
		       size_t method_len, const char *target, size_t target_len,
		       struct web_audit *audit)
{
	char method_text[AUDIT_METHOD_MAX];
	char path_text[AUDIT_PATH_MAX];
	const char *query = memchr(target, '?', target_len);

	copy_text(method_text, sizeof(method_text), method, method_len);
	copy_text(path_text, sizeof(path_text), target,
		  query ? (size_t)(query - target) : target_len);
	audit->method = method_text;
	audit->path = path_text;
	set->audited(set->audit_context, audit);
}

static void count_denial(struct web_service_set *set, struct web_grant *grant,
			 enum web_verdict verdict)
{
	if (grant)
		grant->stats.denials[verdict]++;
	set->domain.stats.denials[verdict]++;
}

void web_grant_refused(struct web_service_set *set, struct web_grant *grant,
		       const struct web_request_head *head,
		       const struct web_failure *failure)
{
	char service[WEB_SERVICE_NAME_MAX + 1];
	struct web_audit audit = {
		.service = service,
		.status = failure->status,
		.verdict = failure->verdict,
		.notify = grant && grant->limits.notify,
	};

	if (grant)
		grant->stats.requests++;
	set->domain.stats.requests++;
	if (failure->verdict != WEB_ALLOWED)
		count_denial(set, grant, failure->verdict);
	if (!set->audited)
		return;
	copy_text(service, sizeof(service), head->service, head->service_len);
	tell_audit(set, head->method, head->method_len, head->target,
		   head->target_len, &audit);
}

void web_grant_enter(struct web_request *request)
{
	struct web_grant *domain = &request->set->domain;

	request->grant->refs++;
	request->grant->streams++;
	request->grant->stats.requests++;
	domain->streams++;
	domain->stats.requests++;
	web_grant_classify(request);
}

static void audit_request(const struct web_request *request)
{
	const struct web_text *text = &request->text;
	struct web_audit audit = {
		.service = request->grant->name,
		.status = request->status,
		.verdict = request->failure.verdict,
		.in_octets = request->in_octets,
		.out_octets = request->out_octets,
		.duration_us = (uv_hrtime() - request->start_ns) / 1000,
		.notify = request->grant->limits.notify,
	};

	tell_audit(request->set, text->data, request->target_at,
		   text->data + request->target_at,
		   request->lines_at - request->target_at, &audit);
}

void web_grant_leave(struct web_request *request)
{
	struct web_service_set *set = request->set;
	struct web_grant *grant = request->grant;

	if (request->failure.verdict != WEB_ALLOWED) {
		count_denial(set, grant, request->failure.verdict);
		grant->stats.dropped++;
		set->domain.stats.dropped++;
	}
	if (set->audited)
		audit_request(request);
	grant->streams--;
	set->domain.streams--;
	request->grant = NULL;
	request->share = NULL;
	web_grant_put(grant);
}

int web_service_set_grant_stats(const struct web_service_set *set,
				const char *name, struct web_grant_stats *stats)
{
	const struct web_grant *grant =
		name ? web_grant_find(set, name, strlen(name)) : &set->domain;
	const struct list_node *node;

	if (!grant)
		return -ENOENT;
	*stats = grant->stats;
	list_for_each(node, &set->requests)
	{
		const struct web_request *request =
			container_of(node, struct web_request, set_link);

		if ((!name || request->grant == grant) &&
		    (request->state == WEB_REQUEST_WAITING ||
		     request->throttled))
			stats->queued++;
	}
	return 0;
}
