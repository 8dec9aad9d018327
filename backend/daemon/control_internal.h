/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_internal.h - what the files of the control API share.
 */
#ifndef DAEMON_CONTROL_INTERNAL_H
#define DAEMON_CONTROL_INTERNAL_H

#include "backend/daemon/control.h"
#include "backend/daemon/domain.h"
#include "backend/manage/manage.h"

enum { CONTROL_MAX_WAITERS = 256 };

struct control {
	struct control_config config;
	struct manage *manage;
	uint64_t started_ms;
	bool stopping;
	/* control_stats.c */
	struct list_node collects;
	uv_timer_t collect_end;
	unsigned int collecting; /* answers that are still to come */
	bool collect_runs;
	struct {
		manage_done *done;
		void *token;
	} waiters[CONTROL_MAX_WAITERS];
	size_t waiter_count;
};

/* NULL: there is no such domain, or it is dying. */
struct domain *control_domain(const struct control *control, uint32_t domid);

/* control.c: what there is */
void control_domains(void *context, manage_domain_each *each, void *argument);
void control_services(void *context, manage_service_each *each, void *argument);
void control_grants(void *context, uint32_t domid, manage_grant_each *each,
		    void *argument);
void control_numbers(void *context, manage_number_each *each, void *argument);

/* control_stats.c */
void control_stats_init(struct control *control);
void control_stats_fini(struct control *control);
void control_refresh(void *context, manage_done *done, void *token);
void control_stats(void *context, manage_stats_each *each, void *argument);

/* control_change.c */
int control_grant(void *context, const struct manage_target *target,
		  const struct policy_params *params, bool by_rule, char *why);
int control_revoke(void *context, const struct manage_target *target,
		   char *why);
int control_limit(void *context, uint32_t domid,
		  const struct policy_service *service,
		  const struct policy_params *params, unsigned int remove,
		  char *why);
void control_attach(void *context, uint32_t domid, unsigned int ports,
		    manage_done *done, void *token);
void control_detach(void *context, uint32_t domid, manage_done *done,
		    void *token);

#endif
