/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask.h - asks a program of the administrator whether a domain may have a
 * service (action "ask" of a rule).
 *
 *	PROGRAM <domain's name> <uuid> <type>:<name>
 *
 * with TV_DOMAIN, TV_UUID, TV_DOMID, TV_SERVICE and TV_RULE ("file:line") in
 * an environment that has only PATH besides.  Exit code 0 is yes; anything
 * else, a signal, or no end within the deadline is no.
 */
#ifndef DAEMON_ASK_H
#define DAEMON_ASK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "backend/policy/policy.h"

enum { ASK_DEFAULT_MS = 30000 };

struct ask_launcher;
/* The questions of one domain, with their answers. */
struct asks;

/* program NULL: everything is answered with no.  NULL: no memory. */
struct ask_launcher *ask_launcher_create(uv_loop_t *loop, const char *program);
/* After all asks are destroyed; run the loop afterwards.  Accepts NULL. */
void ask_launcher_destroy(struct ask_launcher *launcher);

/* answered() is called from the loop when a question has an answer. */
struct asks *asks_create(struct ask_launcher *launcher,
			 void (*answered)(void *context), void *context);
/* Programs that still run are killed.  Accepts NULL. */
void asks_destroy(struct asks *asks);

/*
 * POLICY_ALLOW or POLICY_DENY if the answer is known, else POLICY_ASK: the
 * question was put.  An answer holds as long as the same rule, as written in
 * the same file, decides.
 */
enum policy_action asks_get(struct asks *asks, uint32_t domid,
			    const struct policy_domain *domain,
			    const struct policy_service *service,
			    const struct policy_decision *decision);

/* Forgets answers that asks_get() did not want since the last call. */
void asks_sweep(struct asks *asks);

#endif
