/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * services.h - what the services are: /etc/2virt/services.d/ *.conf.
 *
 *	[web:catalog]
 *	upstream = http://10.0.0.1:8001
 *	upstream = https://shop.example:8443
 *	ca = /etc/2virt/shop-ca.pem
 *	connect-timeout-ms = 2000
 *	response-timeout-ms = 30000
 *
 * and host-header, idle-timeout-ms, retry-after-ms, connection-max,
 * body-max-bytes: docs/services.md.
 *
 * A mistake is told as file:line and costs the service that it is in; a line
 * that is no ini syntax costs the services of its file.  Others are not
 * touched.
 */
#ifndef DAEMON_SERVICES_H
#define DAEMON_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/daemon/message.h"
#include "backend/util/list.h"

enum {
	SERVICE_MAX_UPSTREAMS = MESSAGE_MAX_UPSTREAMS,
	SERVICE_HOST_SIZE = 254, /* DNS name + NUL */
	SERVICE_MAX_TIMEOUT_MS = 3600 * 1000,
	SERVICE_MAX_CONNECTIONS = 65536,
};

struct service_upstream {
	char url[MESSAGE_URL_SIZE];
	char host[SERVICE_HOST_SIZE]; /* of the URL, without [] */
};

/* A number that is 0 was not given: the default of service/web.h holds. */
struct service {
	struct list_node link;
	char name[MESSAGE_NAME_SIZE];
	struct service_upstream upstreams[SERVICE_MAX_UPSTREAMS];
	unsigned int upstream_count;
	char host_header[MESSAGE_URL_SIZE];
	uint64_t connect_timeout_ms;
	uint64_t response_timeout_ms;
	uint64_t idle_timeout_ms;
	uint64_t retry_after_ms;
	uint64_t connection_max;
	uint64_t body_max_bytes;
	char *ca; /* PEM text, or NULL */
	size_t ca_len;
	char *where; /* "file:line" of its section */
	bool bad;    /* only while loading */
};

struct services {
	struct list_node list;	  /* of struct service */
	struct list_node refused; /* those with a mistake, names only */
	unsigned int errors;	  /* mistakes told while loading */
};

/*
 * Reads all *.conf of a folder in order of their names.  A folder that is not
 * there has no services.  0 or a negative errno (the folder cannot be read, no
 * memory); *services is then untouched.  Free with services_free().
 */
int services_load(const char *folder, struct services **services);
/* Accepts NULL. */
void services_free(struct services *services);

/* NULL if there is none of this name. */
struct service *services_find(const struct services *services,
			      const char *name);

/* True if it was to be defined, but with a mistake. */
bool services_mentions(const struct services *services, const char *name);

/* True if both definitions mean the same. */
bool service_equal(const struct service *a, const struct service *b);

/*
 * Checks http[s]://host[:port][/base] and takes it apart.  NULL, or what is
 * wrong with it.
 */
const char *service_url_parse(const char *url,
			      struct service_upstream *upstream);

#endif
