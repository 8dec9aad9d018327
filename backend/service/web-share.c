// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-share.c - what the pipes of a guest use: how many carry a service, and
 * what the guest has asked for them.
 */
#include "backend/service/web-internal.h"

#include <stdlib.h>

struct web_share *web_share_create(struct web_service_set *set,
				   void (*changed)(void *context),
				   void *context)
{
	uint32_t max = set->domain.limits.pipes;
	struct web_share *share;

	if (max && set->share_count >= max) {
		set->domain.stats.denials[WEB_PIPES]++;
		return NULL;
	}
	share = calloc(1, sizeof(*share));
	if (!share)
		return NULL;
	share->set = set;
	share->changed = changed;
	share->context = context;
	list_init(&share->uses);
	web_limiter_init(set, &share->limiter);
	list_append(&set->shares, &share->link);
	set->share_count++;
	return share;
}

void web_share_destroy(struct web_share *share)
{
	struct list_node *node;

	if (!share)
		return;
	while ((node = list_first(&share->uses))) {
		struct web_share_use *use =
			container_of(node, struct web_share_use, link);

		list_remove(node);
		use->grant->pipes--;
		web_grant_put(use->grant);
		free(use);
	}
	web_limiter_fini(&share->limiter);
	list_remove(&share->link);
	share->set->share_count--;
	free(share);
}

bool web_share_enter(struct web_share *share, struct web_grant *grant)
{
	struct web_share_use *use;
	struct list_node *node;

	list_for_each(node, &share->uses)
	{
		use = container_of(node, struct web_share_use, link);
		if (use->grant == grant)
			return true;
	}
	if (grant->limits.pipes && grant->pipes >= grant->limits.pipes)
		return false;
	use = calloc(1, sizeof(*use));
	if (!use)
		return false;
	use->grant = grant;
	grant->refs++;
	grant->pipes++;
	list_append(&share->uses, &use->link);
	return true;
}

void web_share_wish(struct web_share *share, enum web_priority priority,
		    uint64_t rate)
{
	struct list_node *node;

	share->wanted = priority;
	share->wanted_rate = rate;
	web_limiter_set(&share->limiter, rate, 0);
	list_for_each(node, &share->set->requests)
	{
		struct web_request *request =
			container_of(node, struct web_request, set_link);

		if (request->share == share)
			web_grant_classify(request);
	}
}

static enum web_priority lower_of(enum web_priority a, enum web_priority b)
{
	return a > b ? a : b;
}

void web_share_get(const struct web_share *share,
		   struct web_share_limits *limits)
{
	const struct web_limits *domain = &share->set->domain.limits;
	const struct limit_bucket *bucket = &share->set->domain.limiter.bucket;

	if (share->wanted_rate &&
	    (!bucket->rate || share->wanted_rate < bucket->rate))
		bucket = &share->limiter.bucket;
	*limits = (struct web_share_limits){
		.priority = lower_of(share->wanted,
				     (enum web_priority)domain->priority),
		.wanted_priority = share->wanted,
		.rate = bucket->rate,
		.wanted_rate = share->wanted_rate,
		.burst = bucket->rate ? bucket->burst : 0,
		.rps = domain->rps,
		.streams = domain->streams,
	};
	if (limits->priority == WEB_PRIORITY_NONE)
		limits->priority = WEB_PRIORITY_NORMAL;
}

void web_share_mark_all(struct web_service_set *set)
{
	struct list_node *node;

	list_for_each(node, &set->shares)
		container_of(node, struct web_share, link)
			->has_changed = true;
	set->shares_changed = true;
	web_set_wake(set);
}

void web_share_tell(struct web_service_set *set)
{
	struct list_node *node;

	/* A callback may end its pipe, or others. */
	while (set->shares_changed) {
		struct web_share *found = NULL;

		list_for_each(node, &set->shares)
		{
			struct web_share *share =
				container_of(node, struct web_share, link);

			if (share->has_changed) {
				found = share;
				break;
			}
		}
		if (!found) {
			set->shares_changed = false;
			return;
		}
		found->has_changed = false;
		if (found->changed)
			found->changed(found->context);
	}
}
