/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plugs.h - keeps what is plugged into one controller in step with the grants.
 *
 * It knows what is wanted and what the device process was told, and sends the
 * difference; after every answer and every change it looks again.  So nothing
 * is lost by a crash in between, and no more than WINDOW requests wait.
 */
#ifndef DAEMON_PLUGS_H
#define DAEMON_PLUGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xenstore.h>

#include "backend/daemon/grants.h"
#include "backend/daemon/message.h"
#include "backend/daemon/process.h"
#include "backend/daemon/registry.h"

struct plugs_device {
	enum message_function function;
	char name[MESSAGE_NAME_SIZE];
};

/* What a controller shall offer.  Borrowed by those who take one. */
struct plugs_wish {
	/* Those of type web that are valid are services; NULL: none. */
	const struct grants *grants;
	struct policy_tree *tree; /* where their limits are */
	const struct plugs_device *devices;
	size_t device_count;
};

struct plugs;

struct plugs_config {
	struct xs_handle *xs;
	const struct registry *registry;
	uint32_t domid, devid;
	/* A device was plugged in or pulled out; may be NULL. */
	void (*plugged)(void *context, bool plugged,
			const struct plugs_device *device, unsigned int port);
	void *context;
};

/* NULL: no memory. */
struct plugs *plugs_create(const struct plugs_config *config);
/* Accepts NULL. */
void plugs_destroy(struct plugs *plugs);

/* The service of a grant, if it is one of type web and can be had now. */
const struct registry_entry *plugs_service(const struct registry *registry,
					   const struct grants *grants,
					   const struct grant *grant);

/* What is wanted, kept by reference until the next call. */
void plugs_want(struct plugs *plugs, const struct plugs_wish *wish);

/*
 * Sends what is missing, revocations first.  The process must have been told
 * to CONNECT with this many ports.
 */
void plugs_run(struct plugs *plugs, struct process *process,
	       unsigned int port_count);

/* The port that a device is on; 0: none. */
unsigned int plugs_port(const struct plugs *plugs,
			enum message_function function, const char *name);

/* There is no process any more that was told anything. */
void plugs_lost(struct plugs *plugs);

#endif
