/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registry.h - services ready to be handed to device processes: definitions of
 * services.d with the numeric addresses of their upstreams.
 *
 * Names are resolved here and nowhere else, again every minute.  A definition
 * that changed, or whose addresses did, gets a new generation.
 */
#ifndef DAEMON_REGISTRY_H
#define DAEMON_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "backend/daemon/message.h"

struct registry;

struct registry_entry {
	char name[MESSAGE_NAME_SIZE];
	/* Unique in this process; 0: no upstream is resolved yet. */
	uint64_t generation;
	union message message; /* SERVICE_PUT, for process_request() */
	int ca_fd;	       /* -1 or a sealed memfd, to go with it */
};

/*
 * A registry without services; changed() is called from the loop when
 * generations may have changed.  NULL: no memory.
 */
struct registry *registry_create(uv_loop_t *loop, const char *folder,
				 void (*changed)(void *context), void *context);

/*
 * Reads services.d (again).  A definition with a mistake leaves its former one
 * in force.  The number of mistakes (told in the log), or a negative errno:
 * then nothing changed.
 */
int registry_reload(struct registry *registry);

/* NULL: there is no such service.  Valid until the loop goes on. */
const struct registry_entry *registry_find(const struct registry *registry,
					   const char *name);

/* Calls back for each service; the entry is borrowed during the call. */
void registry_each(const struct registry *registry,
		   void (*each)(void *context,
				const struct registry_entry *entry),
		   void *context);

/* Run the loop until its close callbacks are done.  Accepts NULL. */
void registry_destroy(struct registry *registry);

#endif
