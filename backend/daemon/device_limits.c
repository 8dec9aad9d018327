// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_limits.c - grants and limits of the broker, as the web services of a
 * device process take them.
 *
 * The message has its own numbers for verdicts, stages and classes, so that
 * the broker needs nothing of the services; that they agree is asserted here.
 */
#include "backend/daemon/device_limits.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/util/list.h"

static_assert((int)MESSAGE_VERDICTS == (int)WEB_VERDICT_COUNT, "verdicts");
static_assert((int)MESSAGE_STAGES == (int)WEB_STAGE_COUNT, "stages");
static_assert((int)MESSAGE_BUCKETS == (int)WEB_HISTOGRAM_BUCKETS, "buckets");
static_assert((int)MESSAGE_PRIORITY_HIGH == (int)WEB_PRIORITY_HIGH &&
		      (int)MESSAGE_PRIORITY_NORMAL ==
			      (int)WEB_PRIORITY_NORMAL &&
		      (int)MESSAGE_PRIORITY_LOW == (int)WEB_PRIORITY_LOW,
	      "classes");

enum { GRANTS_MAX = 1024 };

struct granted {
	struct list_node link;
	char name[MESSAGE_NAME_SIZE];
};

struct device_grants {
	struct list_node list;
	unsigned int count;
};

void device_limits_convert(const struct message_limits *from,
			   struct web_limits *to)
{
	*to = (struct web_limits){
		.request_bytes = from->request_bytes,
		.response_bytes = from->response_bytes,
		.rate = from->rate,
		.burst = from->burst,
		.rps = from->rps,
		.streams = from->streams,
		.pipes = from->pipes,
		.weight = from->weight,
		.priority = from->priority,
		.notify = from->notify != 0,
		.methods = from->methods[0] ? from->methods : NULL,
		.paths = from->paths[0] ? from->paths : NULL,
	};
}

struct device_grants *device_grants_create(void)
{
	struct device_grants *grants = calloc(1, sizeof(*grants));

	if (grants)
		list_init(&grants->list);
	return grants;
}

static struct granted *granted_find(const struct device_grants *grants,
				    const char *name)
{
	struct list_node *pos;

	list_for_each(pos, &grants->list)
	{
		struct granted *granted =
			container_of(pos, struct granted, link);

		if (strcmp(granted->name, name) == 0)
			return granted;
	}
	return NULL;
}

static void granted_free(struct device_grants *grants, struct granted *granted)
{
	if (!granted)
		return;
	list_remove(&granted->link);
	free(granted);
	grants->count--;
}

void device_grants_destroy(struct device_grants *grants)
{
	struct list_node *pos, *after;

	if (!grants)
		return;
	list_for_each_safe(pos, after, &grants->list)
		granted_free(grants, container_of(pos, struct granted, link));
	free(grants);
}

bool device_grants_have(const struct device_grants *grants, const char *name)
{
	return granted_find(grants, name) != NULL;
}

int device_grants_put(struct device_grants *grants, struct web_service_set *set,
		      const struct message_grant *grant)
{
	struct granted *granted = granted_find(grants, grant->name);
	struct web_limits limits;
	int error;

	if (!granted) {
		if (grants->count == GRANTS_MAX)
			return -ENOSPC;
		granted = calloc(1, sizeof(*granted));
		if (!granted)
			return -ENOMEM;
		memcpy(granted->name, grant->name, sizeof(granted->name));
		list_append(&grants->list, &granted->link);
		grants->count++;
	}
	device_limits_convert(&grant->limits, &limits);
	error = web_service_set_limit(set, grant->name, &limits);
	if (error)
		device_grants_remove(grants, set, grant->name);
	return error;
}

int device_grants_remove(struct device_grants *grants,
			 struct web_service_set *set, const char *name)
{
	granted_free(grants, granted_find(grants, name));
	return web_service_set_remove(set, name);
}

int device_limits_domain(struct web_service_set *set,
			 const struct message_limits *limits)
{
	struct web_limits converted;

	device_limits_convert(limits, &converted);
	return web_service_set_domain_limit(set, &converted);
}

void device_limits_stats(const struct web_service_set *set, const char *name,
			 struct message_grant_stats *stats)
{
	struct web_grant_stats numbers = {0};

	if (web_service_set_grant_stats(set, name, &numbers))
		memset(&numbers, 0, sizeof(numbers));
	memcpy(stats->name, name, strlen(name));
	stats->requests = numbers.requests;
	stats->octets = numbers.octets;
	stats->queued = numbers.queued;
	stats->dropped = numbers.dropped;
	static_assert(sizeof(stats->denials) == sizeof(numbers.denials) &&
			      sizeof(stats->histogram) ==
				      sizeof(numbers.histogram),
		      "same shape");
	memcpy(stats->denials, numbers.denials, sizeof(stats->denials));
	memcpy(stats->histogram, numbers.histogram, sizeof(stats->histogram));
}
