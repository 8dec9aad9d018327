// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-service.c - a daemon, a URI and a policy; what its links share.
 */
#include "backend/service/libvirt-link.h"

#include "backend/util/log.h"

#include <stdlib.h>
#include <string.h>

struct libvirt_service *
libvirt_service_create(uv_loop_t *loop,
		       const struct libvirt_service_config *config)
{
	struct libvirt_service *service = calloc(1, sizeof(*service));

	if (!service) {
		char_target_destroy(config->target);
		return NULL;
	}
	service->loop = loop;
	service->target = config->target;
	service->name = strdup(config->name);
	service->uri = strdup(config->uri);
	service->call_timeout_ms = config->call_timeout_ms;
	service->stall_timeout_ms = config->stall_timeout_ms;
	service->denied = config->denied;
	service->context = config->context;
	service->limit = (struct log_limit)LOG_LIMIT_INIT(10, 5000);
	list_init(&service->links);
	if (!service->name || !service->uri ||
	    libvirt_policy_copy(&service->policy, config->policy)) {
		libvirt_service_destroy(service);
		return NULL;
	}
	return service;
}

void libvirt_service_destroy(struct libvirt_service *service)
{
	if (!service)
		return;
	char_target_destroy(service->target);
	libvirt_policy_fini(&service->policy);
	free(service->name);
	free(service->uri);
	free(service);
}

int libvirt_service_set_policy(struct libvirt_service *service,
			       const struct libvirt_policy *policy)
{
	struct libvirt_policy fresh;
	int rc = libvirt_policy_copy(&fresh, policy);

	if (rc)
		return rc;
	libvirt_policy_fini(&service->policy);
	service->policy = fresh;
	libvirt_service_update_links(service);
	return 0;
}

void libvirt_service_refused(void *context, const struct libvirt_denial *denial)
{
	struct libvirt_service *service = context;

	log_limited(&service->limit, LOG_LEVEL_NOTICE,
		    "libvirt:%s: denied %s%s%s: %s (verb '%s')", service->name,
		    denial->procedure, denial->domain[0] ? " on " : "",
		    denial->domain, denial->why, denial->class);
	if (service->denied)
		service->denied(service->context, denial);
}

void libvirt_service_count(struct libvirt_service *service,
			   const struct libvirt_filter_stats *stats)
{
	struct libvirt_filter_stats *sum = &service->stats;

	sum->calls += stats->calls;
	sum->denied += stats->denied;
	sum->replies += stats->replies;
	sum->events += stats->events;
	sum->events_hidden += stats->events_hidden;
	if (!stats->daemon_version ||
	    stats->daemon_version == sum->daemon_version)
		return;
	sum->daemon_version = stats->daemon_version;
	if (stats->daemon_version != libvirt_table_version)
		log_notice("libvirt:%s: the daemon is version %lu, our table "
			   "of procedures is of %s: what is newer is denied",
			   service->name, stats->daemon_version,
			   libvirt_table_source);
}

void libvirt_service_stats(const struct libvirt_service *service,
			   struct libvirt_filter_stats *stats)
{
	*stats = service->stats;
	libvirt_service_add_links(service, stats);
}
