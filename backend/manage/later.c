// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * later.c - answers that wait for the daemon.
 *
 * The daemon's function may be done before it returns, or when nobody waits
 * any more; the object lives until both it and route() are through with it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/manage/route.h"

struct later *later_create(struct call *call, const char *what, bool again)
{
	struct later *later = calloc(1, sizeof(*later));

	if (!later) {
		answer_problem(call->answer, 500, NULL, "no memory");
		return NULL;
	}
	later->ops = call->ops;
	later->context = call->context;
	later->peer = *call->peer;
	later->again = again;
	snprintf(later->what, sizeof(later->what), "%s", what);
	return later;
}

static void answer_make(struct later *later, int error, const char *why)
{
	struct call call = {
		.ops = later->ops,
		.context = later->context,
		.peer = &later->peer,
		.answer = &later->answer,
	};

	if (later->again)
		return;
	if (error)
		answer_errno(&call, error, why);
	else
		answer_json(&later->answer, 200,
			    json_pack("{s:s, s:o}", "done", later->what,
				      "detail", answer_string(why ? why : "")));
	call_audit(&call, later->what, error ? strerror(-error) : "done");
}

void later_done(void *token, int error, const char *why)
{
	struct later *later = token;

	answer_make(later, error, why);
	later->done = true;
	if (!later->armed)
		return;
	if (later->owner)
		later->finish(later->owner, &later->answer, later->again);
	answer_fini(&later->answer);
	free(later);
}

void later_arm(struct call *call, struct later *later)
{
	if (later->done) {
		*call->answer = later->answer;
		free(later);
		return;
	}
	later->armed = true;
	call->answer->kind = ANSWER_LATER;
	call->answer->later = later;
}
