/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device_limits.h - grants and limits of the broker, as the web services of a
 * device process take them.
 */
#ifndef DAEMON_DEVICE_LIMITS_H
#define DAEMON_DEVICE_LIMITS_H

#include <stdbool.h>

#include "backend/daemon/message.h"
#include "backend/service/web.h"

/* Borrows what limits points to. */
void device_limits_convert(const struct message_limits *from,
			   struct web_limits *to);

/* The names that GRANT_PUT said and SERVICE_REMOVE has not taken back. */
struct device_grants;

/* NULL: no memory. */
struct device_grants *device_grants_create(void);
/* Accepts NULL. */
void device_grants_destroy(struct device_grants *grants);

/*
 * Sets the limits of a service.  If they cannot be, it is not granted any
 * more: a limit that does not hold is no grant.  0 or a negative errno.
 */
int device_grants_put(struct device_grants *grants, struct web_service_set *set,
		      const struct message_grant *grant);
bool device_grants_have(const struct device_grants *grants, const char *name);
/* Takes the grant and the service away.  0 or -ENOENT: there was no service. */
int device_grants_remove(struct device_grants *grants,
			 struct web_service_set *set, const char *name);

int device_limits_domain(struct web_service_set *set,
			 const struct message_limits *limits);

/* The numbers of a service; zeros if there are none. */
void device_limits_stats(const struct web_service_set *set, const char *name,
			 struct message_grant_stats *stats);

#endif
