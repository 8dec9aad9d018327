/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * set.h - the inside of a policy set, for this folder only.
 */
#ifndef POLICY_SET_H
#define POLICY_SET_H

#include "backend/policy/domains.h"
#include "backend/policy/folder.h"
#include "backend/policy/rule.h"

struct policy_set {
	struct folder policy;  /* content: struct policy_rules */
	struct folder domains; /* content: struct domains_file */
};

/* What a rule of a file decides; rule NULL: the default. */
void policy_decision_of(const struct folder_file *file,
			const struct policy_rule *rule,
			struct policy_decision *decision);

#endif
