/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-link.h - a service's insides, for libvirt-service.c and
 * libvirt-link.c.
 */
#ifndef SERVICE_LIBVIRT_LINK_H
#define SERVICE_LIBVIRT_LINK_H

#include "backend/service/libvirt.h"
#include "backend/util/list.h"
#include "backend/util/log.h"

struct libvirt_service {
	uv_loop_t *loop;
	struct char_target *target;
	char *name;
	char *uri;
	struct libvirt_policy policy;
	uint32_t call_timeout_ms;
	uint32_t stall_timeout_ms;
	void (*denied)(void *context, const struct libvirt_denial *denial);
	void *context;
	struct list_node links;
	struct log_limit limit;
	struct libvirt_filter_stats stats; /* of links that are closed */
};

void libvirt_service_update_links(struct libvirt_service *service);
void libvirt_service_add_links(const struct libvirt_service *service,
			       struct libvirt_filter_stats *stats);
void libvirt_service_refused(void *context,
			     const struct libvirt_denial *denial);
void libvirt_service_count(struct libvirt_service *service,
			   const struct libvirt_filter_stats *stats);

#endif
