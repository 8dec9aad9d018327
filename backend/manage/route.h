/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route.h - from a request to its answer.
 *
 * Nothing here knows the socket: tests and the fuzzer call route() as the
 * server does.
 */
#ifndef MANAGE_ROUTE_H
#define MANAGE_ROUTE_H

#include <jansson.h>

#include "backend/manage/answer.h"
#include "backend/manage/manage.h"
#include "backend/manage/request.h"

struct call {
	const struct manage_ops *ops;
	void *context; /* of ops */
	const struct manage_peer *peer;
	const struct request *request;
	struct answer *answer;
	bool fresh; /* the numbers were brought up to date for this call */
};

/*
 * Answers.  With ANSWER_LATER the caller sets answer->later->owner and
 * ->finish at once, and clears the owner if it goes away before.
 */
void route(struct call *call);

/* An answer that waits for the daemon. */
struct later {
	/*
	 * Takes what is in answer; again: the call is to be routed once more,
	 * fresh, and answer is empty.
	 */
	void (*finish)(void *owner, struct answer *answer, bool again);
	void *owner; /* NULL: nobody waits any more */
	/* The rest is the module's. */
	const struct manage_ops *ops;
	void *context;
	struct manage_peer peer;
	char what[512];
	bool again; /* this was a refresh */
	bool armed; /* route() has returned */
	bool done;
	struct answer answer;
};

/*
 * --- between the files of this folder ---
 */

/* For the daemon's (done, token).  NULL: no memory, answered. */
struct later *later_create(struct call *call, const char *what, bool again);
void later_done(void *token, int error, const char *why);
/* After the daemon's function returned: the answer is there, or waits. */
void later_arm(struct call *call, struct later *later);

/* A domain as a request names it: domid, name or uuid. */
struct found_domain {
	bool found;
	uint32_t domid;
	char name[POLICY_DOMAIN_SIZE];
	char uuid[POLICY_UUID_SIZE];
};

/* False: answered with 404 (no such domain) or 400 (none was named). */
bool call_domain(struct call *call, const char *text,
		 struct found_domain *found);
/* The same without an answer. */
bool call_domain_find(const struct call *call, const char *text,
		      struct found_domain *found);

/* "web:catalog" into type and name (a copy).  False: answered. */
bool call_service(struct call *call, const char *text,
		  struct policy_service *service, char name[POLICY_NAME_SIZE]);

/* The grant of a service.  False: there is none. */
struct found_grant {
	char origin[16];
	bool overridden, plugged, is_void;
};
bool call_grant(const struct call *call, uint32_t domid,
		const struct policy_service *service,
		struct found_grant *found);

/* The rules in force; NULL: there are none yet. */
const struct policy_set *call_policy(const struct call *call);

/* {"rate": "1048576"}; params may be NULL. */
json_t *params_json(const struct policy_params *params);
/* "web:catalog" */
json_t *service_json(const struct policy_service *service);

/* What a daemon's errno is in HTTP, and the answer for it. */
void answer_errno(struct call *call, int error, const char *why);

void call_audit(const struct call *call, const char *what, const char *result);

/* Handlers of the files of this folder. */
typedef void handler(struct call *call);
handler view_domains, view_services, view_grants, view_links, view_limits,
	view_stats, view_index, view_metrics;
handler rules_policy, rules_explain, rules_check, rules_apply, rules_diff;
handler change_attach, change_detach, change_allow, change_deny, change_revoke,
	change_limits;

#endif
