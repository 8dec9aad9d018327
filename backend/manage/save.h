/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * save.h - rules that the API writes: SAVE_FILE in policy.d.
 *
 * The file belongs to people as well: their lines and comments stay.  It is
 * checked before it takes the place of the former one, which it does at once
 * or not at all.
 */
#ifndef MANAGE_SAVE_H
#define MANAGE_SAVE_H

#include "backend/manage/route.h"

#define SAVE_FILE "00-2virt.policy" /* first of all, by its name */

/* The parameters of a rule as they were given: "methods=GET,HEAD". */
struct save_param {
	enum policy_param param;
	const char *text;
};

struct save_rule {
	const char *domain; /* its name */
	const char *uuid;
	struct policy_service service;
	const enum policy_action *action; /* NULL: only take the rule away */
	const struct save_param *params;
	size_t param_count;
};

/*
 * Puts the rule first in the file, in the place of one for the same service
 * and domain.  0, or an answer was given: the file is broken, a rule before it
 * decides otherwise, it cannot be written.
 */
int save_rule(struct call *call, const struct save_rule *rule);

#endif
