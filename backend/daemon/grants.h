/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * grants.h - the grants of a domain as its tree says, checked.
 *
 * The list holds what must be looked at often; limits are made from the tree
 * when they are sent, because a thousand domains with twenty grants each would
 * not fit into memory as messages.
 */
#ifndef DAEMON_GRANTS_H
#define DAEMON_GRANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/daemon/message.h"
#include "backend/policy/param.h"
#include "backend/policy/tree.h"
#include "backend/policy/type.h"

enum { GRANTS_WHY_SIZE = 160 };

struct grant {
	enum policy_type type;
	bool valid;	  /* false: void, because a value cannot be */
	bool rule;	  /* the rules made it; else it was made by hand */
	uint64_t content; /* differs if its values do; never 0 */
	char name[MESSAGE_NAME_SIZE];
	char target[MESSAGE_NAME_SIZE]; /* redirect, or the name itself */
};

struct grants {
	struct grant *list; /* sorted by type and name as the tree is */
	size_t count;
	uint64_t limits; /* as content, of the domain's limits; 0: none */
	bool limits_valid;
};

/*
 * Makes the list from a tree (NULL: empty).  rules false: grants that rules
 * made do not count, because nobody knows whether the rules still want them.
 * For grants_fini() also on failure.  0 or -ENOMEM.
 */
int grants_parse(struct grants *grants, struct policy_tree *tree, bool rules);
void grants_fini(struct grants *grants);

/* NULL: there is none. */
const struct grant *grants_find(const struct grants *grants,
				enum policy_type type, const char *name);

/*
 * The parameters of a grant; name NULL: the limits of the domain.  0, -ENOMEM,
 * or -EINVAL with what is wrong in why.  params is for policy_params_fini()
 * in any case.
 */
int grants_params(struct policy_tree *tree, enum policy_type type,
		  const char *name, struct policy_params *params,
		  char why[GRANTS_WHY_SIZE]);

/* As a message.  0, or -EINVAL: something does not fit into it. */
int grants_limits(const struct policy_params *params,
		  struct message_limits *limits);

#endif
