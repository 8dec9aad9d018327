/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules.h - rules as JSON, and the rules as they are on disk now.
 */
#ifndef MANAGE_RULES_H
#define MANAGE_RULES_H

#include <jansson.h>

#include "backend/manage/route.h"

/* [{name, folder, broken, ...}] and ["file:line: never decides ..."] */
json_t *rules_health_json(const struct policy_set *set);
json_t *rules_lint_json(const struct policy_set *set);

/* {decision, why, rule_params, file, line, rule}; more is put behind why. */
json_t *rules_decision_json(const struct policy_set *set,
			    const struct policy_decision *decision,
			    const char *more);

/*
 * What would be in force after a reload: the files on disk, for a broken one
 * its last good version.  *set is for policy_set_destroy().  0 or a negative
 * errno.
 */
int rules_read(const struct call *call, struct policy_set **set);

#endif
