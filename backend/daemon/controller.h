/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controller.h - one PV USB controller: backend/vusb/<domid>/<devid>.
 *
 * Carries out the actions of controller_state.h: reads and writes XenStore,
 * starts and stops the device process, and keeps what is plugged in step with
 * what is granted.
 */
#ifndef DAEMON_CONTROLLER_H
#define DAEMON_CONTROLLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include <xenstore.h>

#include "backend/daemon/controller_state.h"
#include "backend/daemon/domain_list.h"
#include "backend/daemon/plugs.h"
#include "backend/daemon/registry.h"

struct domain_policy_env;

/* What all controllers share; outlives them. */
struct controller_env {
	uv_loop_t *loop;
	struct xs_handle *xs;
	const struct registry *registry;
	const char *program; /* path of 2virt-device */
	const char *run_folder;
	uint32_t uid_base;
	uint32_t log_level;
	const char *contact; /* for guests in refusals, or NULL */
	/* A controller of this domain wants controller_look() soon. */
	void (*wake)(void *context, uint32_t domid);
	/* A device process told what was decided about requests. */
	void (*audit)(void *context, uint32_t domid,
		      const struct message_audit *audit);
	/* A device was plugged in or pulled out. */
	void (*plugged)(void *context, uint32_t domid, uint32_t devid,
			bool plugged, const struct plugs_device *device,
			unsigned int port);
	/* An answer to controller_grant_stats_get(). */
	void (*grant_stats)(void *context, uint32_t domid,
			    const struct message_grant_stats *stats);
	void *context;
	/* For domains. */
	const struct domain_policy_env *policy;
};

struct controller;

/* Watches the frontend's state.  NULL: no memory. */
struct controller *controller_create(const struct controller_env *env,
				     const struct domain_id *domain,
				     uint32_t devid);

/* Kills the device process, forgets the rest.  Accepts NULL. */
void controller_destroy(struct controller *controller);

uint32_t controller_devid(const struct controller *controller);
const struct domain_id *controller_domain(const struct controller *controller);
enum controller_state controller_state(const struct controller *controller);

/* Something about it may have changed. */
void controller_touch(struct controller *controller);

/*
 * As controller_touch(), for what a guest can cause: beyond a rate that no
 * frontend needs it is looked at later.
 */
void controller_touch_by_guest(struct controller *controller);

/*
 * Looks at the nodes if it was touched, and takes all steps they ask for.
 * False: the backend directory is gone, destroy the controller.
 */
bool controller_look(struct controller *controller, bool domain_up);

/* True while the guest can see what is plugged. */
bool controller_is_connected(const struct controller *controller);

/*
 * What it shall offer; sends what makes the device process agree, revocations
 * first.  What the wish points to is kept until the next call.
 */
void controller_grant(struct controller *controller,
		      const struct plugs_wish *wish);

/* The port that a device is on; 0: none. */
unsigned int controller_port(const struct controller *controller,
			     enum message_function function, const char *name);

/*
 * Asks for the numbers of a web grant; they come to env->grant_stats(), unless
 * the process ends before.  False: it was not asked.
 */
bool controller_grant_stats_get(struct controller *controller,
				const char *name);

/* Has the device process's counters written to the log. */
void controller_log_stats(struct controller *controller);

/* The token of the watch on the frontend. */
#define CONTROLLER_FRONT_TOKEN "front"

#endif
