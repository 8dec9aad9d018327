// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_change.c - the control API over what the broker has: changes.
 *
 * Grants and limits are nodes of the tree, as if written by hand; the watch
 * brings them into force.  Controllers are libxl's: xl is asked.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/control_internal.h"
#include "backend/daemon/control_xl.h"
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/store.h"

enum { XL_DEADLINE_MS = 30000 };

/*
 * --- the tree ---
 */

struct node_change {
	char path[STORE_PATH_SIZE]; /* of the grant, or of the limits */
	const char *origin;	    /* NULL: not a grant */
	const struct policy_params *params;
	unsigned int remove; /* mask */
	bool must_exist, remove_others;
};

static int change_body(struct xs_handle *xs, xs_transaction_t transaction,
		       void *context)
{
	const struct node_change *change = context;
	int error = 0;

	if (change->must_exist &&
	    !store_exists(xs, transaction, "%s", change->path))
		return -ENOENT;
	if (change->origin) {
		if (change->remove_others)
			error = store_remove(xs, transaction, "%s",
					     change->path);
		if (!error)
			error = store_write(xs, transaction, "", "%s",
					    change->path);
		if (!error)
			error = store_write(xs, transaction, change->origin,
					    "%s/origin", change->path);
	}
	for (unsigned int i = 0; !error && i < POLICY_PARAM_COUNT; i++) {
		if (change->params->value[i])
			error = store_write(xs, transaction,
					    change->params->value[i], "%s/%s",
					    change->path, policy_param_name(i));
		else if (change->remove & 1u << i)
			error = store_remove(xs, transaction, "%s/%s",
					     change->path,
					     policy_param_name(i));
	}
	return error;
}

static void grant_path(char path[STORE_PATH_SIZE], uint32_t domid,
		       const struct policy_service *service)
{
	snprintf(path, STORE_PATH_SIZE,
		 POLICY_TREE_ROOT "/domain/%u/grant/%s/%s", domid,
		 policy_type_name(service->type), service->name);
}

int control_grant(void *context, const struct manage_target *target,
		  const struct policy_params *params, bool by_rule, char *why)
{
	const struct control *control = context;
	struct node_change change = {
		.origin = by_rule ? "rule" : "manual",
		.params = params,
		.remove_others = true,
	};

	if (!control_domain(control, target->domid))
		return -ESRCH;
	grant_path(change.path, target->domid, &target->service);
	return store_transact(control->config.xs, change_body, &change);
}

int control_revoke(void *context, const struct manage_target *target, char *why)
{
	const struct control *control = context;
	char path[STORE_PATH_SIZE];

	if (!control_domain(control, target->domid))
		return -ESRCH;
	grant_path(path, target->domid, &target->service);
	if (!store_exists(control->config.xs, XBT_NULL, "%s", path)) {
		snprintf(why, MANAGE_WHY_SIZE, "it was not granted");
		return 0;
	}
	return store_remove(control->config.xs, XBT_NULL, "%s", path);
}

int control_limit(void *context, uint32_t domid,
		  const struct policy_service *service,
		  const struct policy_params *params, unsigned int remove,
		  char *why)
{
	const struct control *control = context;
	struct node_change change = {
		.params = params,
		.remove = remove,
		.must_exist = service != NULL,
	};
	int error;

	if (!control_domain(control, domid))
		return -ESRCH;
	if (service)
		grant_path(change.path, domid, service);
	else
		snprintf(change.path, sizeof(change.path),
			 POLICY_TREE_ROOT "/domain/%u/limit", domid);
	error = store_transact(control->config.xs, change_body, &change);
	if (error == -ENOENT)
		snprintf(why, MANAGE_WHY_SIZE,
			 "it is not granted; limits belong to a grant");
	return error;
}

/*
 * --- controllers ---
 */

/* Away with one controller after the other. */
struct detaching {
	struct control *control;
	manage_done *done;
	void *token;
	char domid[12];
	unsigned int gone;
};

/* The first controller of ours that is not going away; NULL: none. */
static struct controller *controller_first(const struct control *control,
					   uint32_t domid)
{
	const struct domain *domain = control_domain(control, domid);
	struct controller *controller = NULL;

	while (domain &&
	       (controller = domain_controller_next(domain, controller))) {
		enum controller_state state = controller_state(controller);

		if (state != CONTROLLER_IGNORED &&
		    state != CONTROLLER_REMOVE_STOPPING &&
		    state != CONTROLLER_REMOVING &&
		    state != CONTROLLER_REMOVED && state != CONTROLLER_GONE)
			return controller;
	}
	return NULL;
}

void control_attach(void *context, uint32_t domid, unsigned int ports,
		    manage_done *done, void *token)
{
	struct control *control = context;
	char domid_text[12], ports_text[16];
	const char *arguments[] = {"usbctrl-attach", domid_text, "type=pv",
				   "version=2",	     ports_text, NULL};
	int error;

	if (controller_first(control, domid)) {
		done(token, 0, "it has a controller already");
		return;
	}
	snprintf(domid_text, sizeof(domid_text), "%u", domid);
	snprintf(ports_text, sizeof(ports_text), "ports=%u", ports);
	error = control_xl_run(control->config.loop, control->config.xl,
			       arguments, XL_DEADLINE_MS, done, token);
	if (error)
		done(token, error, "xl cannot be started");
}

static void detach_next(struct detaching *detaching);

static void detached(void *token, int error, const char *text)
{
	struct detaching *detaching = token;

	if (!error) {
		detaching->gone++;
		detach_next(detaching);
		return;
	}
	detaching->done(detaching->token, error, text);
	free(detaching);
}

static void detach_next(struct detaching *detaching)
{
	char devid_text[12], text[64];
	const char *arguments[] = {"usbctrl-detach", detaching->domid,
				   devid_text, NULL};
	struct control *control = detaching->control;
	uint32_t domid = (uint32_t)strtoul(detaching->domid, NULL, 10);
	struct controller *first = controller_first(control, domid);
	int error;

	if (control->stopping || detaching->gone > UINT8_MAX || !first) {
		snprintf(text, sizeof(text), "%u controllers detached",
			 detaching->gone);
		detaching->done(detaching->token, 0, text);
		free(detaching);
		return;
	}
	snprintf(devid_text, sizeof(devid_text), "%u", controller_devid(first));
	error = control_xl_run(control->config.loop, control->config.xl,
			       arguments, XL_DEADLINE_MS, detached, detaching);
	if (error)
		detached(detaching, error, "xl cannot be started");
}

void control_detach(void *context, uint32_t domid, manage_done *done,
		    void *token)
{
	struct detaching *detaching = calloc(1, sizeof(*detaching));

	if (!detaching) {
		done(token, -ENOMEM, NULL);
		return;
	}
	detaching->control = context;
	detaching->done = done;
	detaching->token = token;
	snprintf(detaching->domid, sizeof(detaching->domid), "%u", domid);
	detach_next(detaching);
}
