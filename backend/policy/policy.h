/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy.h - which domain gets which service: rules of /etc/2virt/policy.d and
 * what /etc/2virt/domains.d says about domains.
 *
 * The first rule that fits decides, over all files in the order of their
 * names; none fits: deny.  Format of the files: 2virt-policy(5).
 *
 * A set holds both folders.  Each file has a version of its own: a broken one
 * is refused as a whole and its last good version stays in force, over
 * restarts as well if there is a folder to keep copies in.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/policy/error.h"
#include "backend/policy/param.h"
#include "backend/policy/type.h"

enum policy_action { POLICY_DENY, POLICY_ALLOW, POLICY_ASK };

/* "deny" and so on; NULL for a number that is none. */
const char *policy_action_name(unsigned int action);

struct policy_service {
	enum policy_type type;
	const char *name;
};

/* name and uuid may be NULL: unknown, then no rule that names one fits. */
struct policy_domain {
	const char *name;
	const char *uuid; /* "01234567-89ab-cdef-0123-456789abcdef" */
	const char *const *tags;
	size_t tag_count;
};

struct policy_set;

/* Where the files are; copied.  NULL: no such folder. */
struct policy_folders {
	const char *policy;  /* *.policy */
	const char *domains; /* *.conf */
	const char *keep;    /* copies of good versions, made if not there */
};

/* Empty: everything is denied.  NULL: no memory. */
struct policy_set *policy_set_create(const struct policy_folders *folders);
/* Accepts NULL. */
void policy_set_destroy(struct policy_set *set);

/*
 * Reads both folders again; a folder that is not there has no files.  *changed
 * (may be NULL): whether another version of any file is in force now.
 * The number of broken files, or a negative errno: a folder cannot be read or
 * there is no memory; files that were not reached keep their version.
 */
int policy_set_reload(struct policy_set *set, bool *changed);

/*
 * Puts a file of policy.d (domains: of domains.d) into the set without reading
 * it from anywhere, for checks and tests; the next reload forgets it.
 * 0, -EINVAL with an error (the former version stays), -ENOMEM.
 */
int policy_set_put(struct policy_set *set, bool domains, const char *name,
		   const char *text, size_t len, struct policy_error *error);

/* The health of one file, in the order in which they are consulted. */
struct policy_file_status {
	const char *name; /* without folder; valid until the next reload */
	bool domains;	  /* of domains.d */
	bool broken;	  /* what is on disk is refused for error */
	bool in_force;	  /* some version is (if broken: the last good one) */
	bool kept;	  /* that version comes from the folder of copies */
	unsigned int version; /* counts good versions, from 1 */
	size_t count;	      /* rules, or sections of domains.d */
	struct policy_error error;
};

size_t policy_set_file_count(const struct policy_set *set);
void policy_set_file(const struct policy_set *set, size_t index,
		     struct policy_file_status *status);
/* False if any file is broken. */
bool policy_set_healthy(const struct policy_set *set);

/*
 * Fills in a domain and its tags; name and uuid are borrowed.  0 or -ENOMEM.
 */
int policy_domain_init(const struct policy_set *set,
		       struct policy_domain *domain, const char *name,
		       const char *uuid);
void policy_domain_fini(struct policy_domain *domain);

/*
 * What domains.d says for all traffic of a domain together (rate, burst, rps,
 * streams, weight): the first file and section that names a parameter counts.
 * The result is for policy_params_fini().  0 or -ENOMEM.
 */
int policy_domain_limits(const struct policy_set *set,
			 const struct policy_domain *domain,
			 struct policy_params *limits);

/* Everything is borrowed until the set changes. */
struct policy_decision {
	enum policy_action action;
	const struct policy_params *params; /* never NULL */
	const char *file;		    /* NULL: no rule fits */
	unsigned int line;
	const char *rule; /* as written */
};

struct policy_decision policy_decide(const struct policy_set *set,
				     const struct policy_service *service,
				     const struct policy_domain *domain);

/* "allow by 20-shop.policy:3: web:catalog @tag:shop allow" or "deny by
 * default: none of 12 rules fits". */
void policy_decision_text(const struct policy_set *set,
			  const struct policy_decision *decision, char *text,
			  size_t size);

/*
 * Calls back for each service that a rule allows (or asks about) by a name
 * without wildcards: such a name needs no definition to be granted (p2p).
 * The name is borrowed; one may come several times.
 */
void policy_set_named(const struct policy_set *set,
		      void (*named)(void *context,
				    const struct policy_service *service),
		      void *context);

/*
 * Calls back for each rule that can never decide, because an earlier one
 * always has.  Returns how many.
 */
size_t policy_set_lint(const struct policy_set *set,
		       void (*dead)(void *context, const char *file,
				    unsigned int line, const char *by_file,
				    unsigned int by_line),
		       void *context);

#endif
