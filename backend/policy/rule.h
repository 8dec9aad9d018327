/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rule.h - the rules of one file of policy.d.
 *
 *	web:catalog  @tag:shop  allow  methods=GET,HEAD rate=1MiB/s
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/policy/error.h"
#include "backend/policy/param.h"
#include "backend/policy/policy.h"
#include "backend/policy/type.h"

enum { POLICY_RULES_MAX = 10000 }; /* in a file */

enum rule_who {
	RULE_WHO_ANY,
	RULE_WHO_TAG,
	RULE_WHO_UUID,
	RULE_WHO_NAME,
	RULE_WHO_GLOB, /* of names */
};

struct policy_rule {
	unsigned int line;
	enum policy_type type;	     /* POLICY_TYPE_ANY: all */
	char name[POLICY_NAME_SIZE]; /* a pattern */
	enum rule_who who;
	char *whom; /* NULL for ANY */
	enum policy_action action;
	struct policy_params params;
	char *text; /* as written, without comment */
};

struct policy_rules {
	struct policy_rule *rules;
	size_t count;
};

/*
 * Reads a whole file; *rules is for policy_rules_free().  0, -EINVAL with an
 * error, -ENOMEM.
 */
int policy_rules_parse(const char *text, size_t len,
		       struct policy_rules **rules, struct policy_error *error);
/* Accepts NULL. */
void policy_rules_free(struct policy_rules *rules);

/* What domain and tag words mean: shared with domains.d.  0, -EINVAL. */
int rule_who_parse(const char *word, bool quoted, bool tags, enum rule_who *who,
		   char **whom);

/* NULL in name or uuid fits no rule but ANY and tags. */
bool rule_who_matches(enum rule_who who, const char *whom,
		      const struct policy_domain *domain);

bool rule_service_matches(const struct policy_rule *rule,
			  const struct policy_service *service);

/* True if surely whatever later decides, earlier has decided before. */
bool rule_covers(const struct policy_rule *earlier,
		 const struct policy_rule *later);

#endif
