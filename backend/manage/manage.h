/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manage.h - the control API: HTTP/1.1 with JSON on a unix socket.
 *
 * What can be asked and done is in docs/api.md.  Where the answers come from
 * is the daemon's: it fills a table of functions.  This module holds nothing
 * of the daemon but the tail of the log.
 *
 * Reading is for root and the members of a group, changing for uid 0 (and the
 * uid of the daemon itself, which could do anything to it anyway).
 */
#ifndef MANAGE_MANAGE_H
#define MANAGE_MANAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "backend/policy/policy.h"

enum {
	MANAGE_STAGES = 4, /* ring, function, service, upstream */
	/* Bucket i: less than 2^i us, and no less than 2^(i-1); the last is
	 * open. */
	MANAGE_BUCKETS = 20,
	MANAGE_WHY_SIZE = 256,
};

/* Who asks, as the kernel says. */
struct manage_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool may_change;
};

/* Strings of all of these are borrowed during the call. */
struct manage_domain {
	uint32_t domid;
	const char *name; /* "" if XenStore has none */
	const char *uuid;
	unsigned int controllers; /* those that 2virtd serves */
	unsigned int connected;	  /* ... whose frontend is connected */
	unsigned int grants;
	const struct policy_params *limits; /* in force; NULL: none */
};

struct manage_service {
	struct policy_service service;
	bool ready; /* an upstream has an address */
	const char *detail;
};

struct manage_grant {
	uint32_t domid;
	struct policy_service service;
	const char *origin; /* "rule" or "manual" */
	bool overridden;    /* values set by hand in a grant of the rules */
	const struct policy_params *params; /* in force; NULL: none */
	const char *problem;		    /* why it is void, or NULL */
	bool plugged;
	unsigned int controller, port; /* where, if plugged */
};

struct manage_count {
	const char *name;
	uint64_t value;
};

struct manage_histogram {
	uint64_t bucket[MANAGE_BUCKETS];
};

struct manage_stats {
	uint32_t domid;
	const char *domain; /* its name */
	struct policy_service service;
	uint64_t requests; /* decided about */
	uint64_t bytes;	   /* both ways */
	uint64_t queued;   /* waiting now */
	uint64_t drops;	   /* cut after they had been allowed */
	const struct manage_count *denials; /* by reason */
	size_t denial_count;
	struct manage_histogram stages[MANAGE_STAGES];
};

/* A number of 2virtd's own, for /metrics. */
struct manage_number {
	const char *name; /* "twovirt_domains" */
	const char *help;
	bool counter; /* else a gauge */
	double value;
};

typedef void manage_domain_each(void *argument, const struct manage_domain *);
typedef void manage_service_each(void *argument, const struct manage_service *);
typedef void manage_grant_each(void *argument, const struct manage_grant *);
typedef void manage_stats_each(void *argument, const struct manage_stats *);
typedef void manage_number_each(void *argument, const struct manage_number *);

/* One grant of one domain. */
struct manage_target {
	uint32_t domid;
	struct policy_service service;
};

/*
 * To be called exactly once, within the call or later.  error: 0 or a negative
 * errno; why: one line, or NULL.
 */
typedef void manage_done(void *token, int error, const char *why);

/*
 * Any but domains and grants may be NULL: the daemon has no such thing.  Those
 * that return int: 0 or a negative errno; why (MANAGE_WHY_SIZE octets, "" at
 * first) may be filled in.
 */
struct manage_ops {
	/* in ascending order of domid */
	void (*domains)(void *context, manage_domain_each *each,
			void *argument);
	void (*services)(void *context, manage_service_each *each,
			 void *argument);
	/* of one domain */
	void (*grants)(void *context, uint32_t domid, manage_grant_each *each,
		       void *argument);
	/* of all */
	void (*stats)(void *context, manage_stats_each *each, void *argument);
	/* Brings the numbers of stats() up to date; bounded in time. */
	void (*refresh)(void *context, manage_done *done, void *token);
	void (*numbers)(void *context, manage_number_each *each,
			void *argument);
	/* The rules in force, and where they come from. */
	const struct policy_set *(*policy)(void *context);
	const struct policy_folders *(*folders)(void *context);

	/* A controller more, if it has none; without those that it has. */
	void (*attach)(void *context, uint32_t domid, unsigned int ports,
		       manage_done *done, void *token);
	void (*detach)(void *context, uint32_t domid, manage_done *done,
		       void *token);
	/*
	 * Makes the grant with these parameters.  by_rule: a rule that was
	 * saved wants it just so.
	 */
	int (*grant)(void *context, const struct manage_target *target,
		     const struct policy_params *params, bool by_rule,
		     char *why);
	int (*revoke)(void *context, const struct manage_target *target,
		      char *why);
	/*
	 * Sets the parameters that are given and takes away those of the mask
	 * (1 << enum policy_param); of a grant, or with service NULL of all
	 * traffic of the domain.
	 */
	int (*limit)(void *context, uint32_t domid,
		     const struct policy_service *service,
		     const struct policy_params *params, unsigned int remove,
		     char *why);
	/* Reads all files again and applies them; broken ones: see policy. */
	int (*reload)(void *context, char *why);
	/* One change, or a try: "allow web:catalog to domain 5 (shop)". */
	void (*audit)(void *context, const struct manage_peer *peer,
		      const char *what, const char *result);
};

struct manage_config {
	uv_loop_t *loop;
	const char *path;  /* of the socket */
	const char *group; /* may read; NULL or unknown: root only */
	const struct manage_ops *ops;
	void *context;
	/* 0: the default */
	unsigned int head_ms;  /* for a request, from its first octet */
	unsigned int idle_ms;  /* between requests */
	unsigned int write_ms; /* without progress of an answer */
};

struct manage;

/*
 * Listens.  A socket that nobody listens at is replaced.  0 or a negative
 * errno (-EADDRINUSE: somebody does).
 */
int manage_start(const struct manage_config *config, struct manage **manage);

/* A line of the audit log (one JSON object), for log and its followers. */
void manage_log(struct manage *manage, const char *line);

/* Lines that a follower was too slow for, connections and requests so far. */
struct manage_totals {
	uint64_t connections, requests, refused, lines_lost;
	unsigned int open;
};
void manage_totals(const struct manage *manage, struct manage_totals *totals);

/*
 * Closes everything; run the loop until its close callbacks are done.
 * Accepts NULL.
 */
void manage_stop(struct manage *manage);

#endif
