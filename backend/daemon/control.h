/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the control API (backend/manage) over what the broker has.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include <stdbool.h>
#include <uv.h>
#include <xenstore.h>

#include "backend/daemon/audit.h"
#include "backend/daemon/policy_source.h"
#include "backend/daemon/registry.h"
#include "backend/util/list.h"

struct control;

/* What is borrowed from the broker; outlives the control. */
struct control_config {
	uv_loop_t *loop;
	struct xs_handle *xs;
	const struct registry *registry;
	struct policy_source *source;
	struct audit *audit;
	const struct list_node *domains; /* of struct domain */
	const char *path;		 /* of the socket */
	const char *xl;			 /* program: "xl" or a path */
	/* All files are read again.  0 or a negative errno. */
	int (*reload)(void *context);
	void *context;
};

/* 0 or a negative errno; said in the log. */
int control_start(const struct control_config *config,
		  struct control **control);

/* A line of the audit (one JSON object) for those who follow.  Accepts NULL. */
void control_audit(struct control *control, const char *line);

/* Numbers of a grant, asked for by the control.  Accepts NULL. */
void control_grant_stats(struct control *control, uint32_t domid,
			 const struct message_grant_stats *stats);

/* No requests any more.  An xl at work still knows the control; when the loop
 * is done it can be freed.  Both accept NULL. */
void control_stop(struct control *control);
void control_free(struct control *control);

#endif
