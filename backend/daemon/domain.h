/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain.h - one living domain: its controllers and what it is granted.
 *
 * Which device is on which controller is decided here: all go to the
 * first controller whose frontend is connected and stay there as long as that
 * serves.
 */
#ifndef DAEMON_DOMAIN_H
#define DAEMON_DOMAIN_H

#include <stdbool.h>

#include "backend/daemon/controller.h"
#include "backend/daemon/domain_list.h"
#include "backend/daemon/domain_policy.h"
#include "backend/util/list.h"

struct domain {
	struct list_node link; /* the broker's */
	struct domain_id id;
	bool up;	     /* false: dying or gone, nodes may remain */
	bool scan;	     /* controllers may have come */
	bool policy_touched; /* rules, grants or services may have changed */
	bool policy_marked;  /* as policy_touched, when events have settled */
	bool touched;	     /* a controller may have changed */
	/* The rest is the module's. */
	const struct controller_env *env;
	struct list_node controllers;
	struct domain_policy *policy;
	size_t service_count; /* web services granted that can be had */
	struct plugs_device *devices;
	size_t device_count;
	struct controller *place; /* where the devices are, or NULL */
};

/* NULL: no memory. */
struct domain *domain_create(const struct controller_env *env,
			     const struct domain_id *id);
/* Accepts NULL. */
void domain_destroy(struct domain *domain);

/* NULL: no such controller is known. */
struct controller *domain_controller(const struct domain *domain,
				     uint32_t devid);

/* The one after it in order of devid; NULL: the first, and no more. */
struct controller *
domain_controller_next(const struct domain *domain,
		       const struct controller *controller);

/*
 * Does what the flags ask for.  False: nothing of the domain is left (it is
 * down and has no controller).
 */
bool domain_run(struct domain *domain);

void domain_log_stats(const struct domain *domain);

#endif
