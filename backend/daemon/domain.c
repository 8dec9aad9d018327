// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domain.c - one living domain: its controllers and what it is granted.
 *
 * A domain that died stays as long as the toolstack's backend directories do:
 * libxl may still wait for our Closed.
 */
#include "backend/daemon/domain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/store.h"
#include "backend/util/log.h"

struct member {
	struct list_node link;
	struct controller *controller;
};

struct domain *domain_create(const struct controller_env *env,
			     const struct domain_id *id)
{
	struct domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		return NULL;
	list_init(&domain->link);
	list_init(&domain->controllers);
	domain->env = env;
	domain->id = *id;
	domain->policy = domain_policy_create(env->policy, id);
	if (!domain->policy) {
		free(domain);
		return NULL;
	}
	domain->up = true;
	domain->scan = true;
	domain->policy_touched = true;
	return domain;
}

static void member_destroy(struct domain *domain, struct member *member)
{
	if (domain->place == member->controller)
		domain->place = NULL;
	controller_destroy(member->controller);
	list_remove(&member->link);
	free(member);
}

void domain_destroy(struct domain *domain)
{
	struct list_node *pos, *after;

	if (!domain)
		return;
	list_for_each_safe(pos, after, &domain->controllers)
		member_destroy(domain, container_of(pos, struct member, link));
	free(domain->devices);
	domain_policy_destroy(domain->policy);
	list_remove(&domain->link);
	free(domain);
}

struct controller *domain_controller(const struct domain *domain,
				     uint32_t devid)
{
	struct list_node *pos;

	list_for_each(pos, &domain->controllers)
	{
		struct member *member = container_of(pos, struct member, link);

		if (controller_devid(member->controller) == devid)
			return member->controller;
	}
	return NULL;
}

struct controller *
domain_controller_next(const struct domain *domain,
		       const struct controller *controller)
{
	struct list_node *pos;
	bool found = !controller;

	list_for_each(pos, &domain->controllers)
	{
		struct member *member = container_of(pos, struct member, link);

		if (found)
			return member->controller;
		found = member->controller == controller;
	}
	return NULL;
}

/* Keeps the list in ascending order of devid. */
static void member_add(struct domain *domain, uint32_t devid)
{
	struct member *member = calloc(1, sizeof(*member));
	struct list_node *pos;

	if (!member)
		return;
	member->controller = controller_create(domain->env, &domain->id, devid);
	if (!member->controller) {
		free(member);
		return;
	}
	list_for_each(pos, &domain->controllers)
	{
		struct member *other = container_of(pos, struct member, link);

		if (controller_devid(other->controller) > devid)
			break;
	}
	/* Appending to a node's list end means: before that node. */
	list_append(pos, &member->link);
}

static void controllers_scan(struct domain *domain)
{
	unsigned int count;
	char **names =
		store_list(domain->env->xs, XBT_NULL, &count,
			   "/local/domain/0/backend/vusb/%u", domain->id.domid);

	for (unsigned int i = 0; i < count; i++) {
		struct controller *controller;
		uint32_t devid;

		if (!store_parse_number(names[i], UINT16_MAX, &devid))
			continue;
		controller = domain_controller(domain, devid);
		if (controller)
			controller_touch(controller);
		else
			member_add(domain, devid);
	}
	/* Those that are gone find that out by looking. */
	for (struct list_node *pos = domain->controllers.next;
	     pos != &domain->controllers; pos = pos->next)
		controller_touch(
			container_of(pos, struct member, link)->controller);
	free(names);
}

/* How many of the web grants can be had. */
static size_t services_count(const struct domain *domain,
			     const struct grants *grants)
{
	size_t count = 0;

	for (size_t i = 0; i < grants->count; i++)
		count += plugs_service(domain->env->registry, grants,
				       &grants->list[i]) != NULL;
	return count;
}

/* One web device for all services, one device for each diag grant. */
static void devices_make(struct domain *domain, const struct grants *grants)
{
	struct plugs_device *devices =
		calloc(grants->count + 1, sizeof(*devices));
	size_t count = 0;

	free(domain->devices);
	domain->devices = devices;
	domain->device_count = 0;
	domain->service_count = services_count(domain, grants);
	if (!devices)
		return;
	if (domain->service_count) {
		devices[count].function = MESSAGE_FUNCTION_WEB;
		snprintf(devices[count++].name, MESSAGE_NAME_SIZE, "default");
	}
	for (size_t i = 0; grants->limits_valid && i < grants->count; i++) {
		const struct grant *grant = &grants->list[i];

		if (grant->type != POLICY_TYPE_DIAG || !grant->valid)
			continue;
		devices[count].function = MESSAGE_FUNCTION_DIAG;
		memcpy(devices[count].name, grant->name, strlen(grant->name));
		count++;
	}
	domain->device_count = count;
}

/* What it is granted now.  Controllers must be given it afterwards. */
static void grants_read(struct domain *domain)
{
	static const struct grants none;

	if (domain->up)
		domain_policy_run(domain->policy);
	devices_make(domain,
		     domain->up ? domain_policy_grants(domain->policy) : &none);
}

static bool can_carry(const struct controller *controller)
{
	enum controller_state state = controller_state(controller);

	return state == CONTROLLER_CONNECTED || state == CONTROLLER_STARTING;
}

static struct controller *place_find(const struct domain *domain)
{
	struct list_node *pos;

	if (domain->place && can_carry(domain->place))
		return domain->place;
	list_for_each(pos, &domain->controllers)
	{
		struct member *member = container_of(pos, struct member, link);

		if (controller_is_connected(member->controller))
			return member->controller;
	}
	return NULL;
}

static void grants_apply(struct domain *domain)
{
	static const struct plugs_wish nothing;
	const struct plugs_wish all = {
		.grants = domain->up ? domain_policy_grants(domain->policy)
				     : NULL,
		.tree = domain_policy_tree(domain->policy),
		.devices = domain->devices,
		.device_count = domain->device_count,
	};
	struct list_node *pos;

	domain->place = place_find(domain);
	list_for_each(pos, &domain->controllers)
	{
		struct controller *controller =
			container_of(pos, struct member, link)->controller;

		controller_grant(controller,
				 controller == domain->place ? &all : &nothing);
	}
}

bool domain_run(struct domain *domain)
{
	bool scan = domain->scan, policy = domain->policy_touched;
	struct list_node *pos, *after;

	domain->scan = false;
	domain->policy_touched = false;
	domain->touched = false;
	if (scan)
		controllers_scan(domain);
	if (policy) {
		grants_read(domain);
		grants_apply(domain);
	}
	list_for_each_safe(pos, after, &domain->controllers)
	{
		struct member *member = container_of(pos, struct member, link);

		if (!controller_look(member->controller, domain->up))
			member_destroy(domain, member);
	}
	grants_apply(domain);
	return domain->up || !list_empty(&domain->controllers);
}

void domain_log_stats(const struct domain *domain)
{
	struct list_node *pos;

	list_for_each(pos, &domain->controllers) controller_log_stats(
		container_of(pos, struct member, link)->controller);
}
