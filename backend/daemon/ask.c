// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ask.c - asks a program of the administrator.
 *
 * At most RUNNING_MAX programs run at a time, for all domains; further
 * questions wait, and their deadline counts from their turn.  A question that
 * nobody wants any more is detached: its program is killed, its struct lives
 * until the exit is seen.
 */
#include "backend/daemon/ask.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/util/list.h"
#include "backend/util/log.h"

enum { RUNNING_MAX = 16, QUESTIONS_MAX = 256, TEXT_SIZE = 320 };

struct ask_launcher {
	uv_loop_t *loop;
	char *program;
	struct list_node waiting; /* of struct question */
	unsigned int running;
	bool said; /* that there is no program */
};

enum question_state { WAITING, RUNNING, ANSWERED };

struct question {
	struct list_node link;	  /* of asks */
	struct list_node waiting; /* of launcher */
	struct ask_launcher *launcher;
	struct asks *asks; /* NULL: nobody wants to know */
	enum question_state state;
	enum policy_action answer;
	bool wanted;
	uv_process_t child;
	uv_timer_t deadline;
	unsigned int open_handles;
	uint64_t timeout_ms;
	uint32_t domid;
	enum policy_type type;
	char name[POLICY_NAME_SIZE];
	char domain[POLICY_DOMAIN_SIZE];
	char uuid[POLICY_UUID_SIZE];
	char where[TEXT_SIZE];
	char *rule; /* as written */
};

struct asks {
	struct ask_launcher *launcher;
	struct list_node questions;
	unsigned int count;
	void (*answered)(void *context);
	void *context;
};

static void question_start(struct question *question);

static void question_free(struct question *question)
{
	free(question->rule);
	free(question);
}

/* Starts those that waited for a turn. */
static void launcher_next(struct ask_launcher *launcher)
{
	while (launcher->running < RUNNING_MAX &&
	       !list_empty(&launcher->waiting)) {
		struct question *question = container_of(
			launcher->waiting.next, struct question, waiting);

		list_remove(&question->waiting);
		question_start(question);
	}
}

static void on_close(uv_handle_t *handle)
{
	struct question *question = handle->data;

	if (--question->open_handles == 0 && !question->asks)
		question_free(question);
}

static void question_answer(struct question *question,
			    enum policy_action answer, const char *why)
{
	question->state = ANSWERED;
	question->answer = answer;
	if (!question->asks)
		return;
	log_notice("domain %u (%s): asked about %s:%s by %s: %s (%s)",
		   question->domid, question->domain,
		   policy_type_name(question->type), question->name,
		   question->where, answer == POLICY_ALLOW ? "yes" : "no", why);
	question->asks->answered(question->asks->context);
}

static void question_ended(struct question *question, enum policy_action answer,
			   const char *why)
{
	struct ask_launcher *launcher = question->launcher;

	uv_close((uv_handle_t *)&question->child, on_close);
	uv_close((uv_handle_t *)&question->deadline, on_close);
	launcher->running--;
	if (question->state != ANSWERED)
		question_answer(question, answer, why);
	launcher_next(launcher);
}

static void on_exit_seen(uv_process_t *child, int64_t status, int number)
{
	struct question *question = child->data;
	char why[48];

	if (number)
		snprintf(why, sizeof(why), "killed by signal %d", number);
	else
		snprintf(why, sizeof(why), "exit code %d", (int)status);
	question_ended(question,
		       status == 0 && number == 0 ? POLICY_ALLOW : POLICY_DENY,
		       why);
}

static void on_deadline(uv_timer_t *timer)
{
	struct question *question = timer->data;

	/* The whole group: what the program started must not go on asking. */
	uv_kill(-question->child.pid, SIGKILL);
	question_answer(question, POLICY_DENY, "no answer in time");
}

static int question_spawn(struct question *question)
{
	char domain[TEXT_SIZE], uuid[64], domid[32], service[96];
	char where[TEXT_SIZE + 16];
	char *env[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		       domain,
		       uuid,
		       domid,
		       service,
		       where,
		       NULL};
	char *args[] = {question->launcher->program, question->domain,
			question->uuid, service + strlen("TV_SERVICE="), NULL};
	uv_stdio_container_t stdio[3] = {
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
		{.flags = UV_INHERIT_FD, .data.fd = 2},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_seen,
		.file = question->launcher->program,
		.args = args,
		.env = env,
		.stdio = stdio,
		.stdio_count = 3,
		.flags = UV_PROCESS_DETACHED,
	};

	snprintf(domain, sizeof(domain), "TV_DOMAIN=%s", question->domain);
	snprintf(uuid, sizeof(uuid), "TV_UUID=%s", question->uuid);
	snprintf(domid, sizeof(domid), "TV_DOMID=%u", question->domid);
	snprintf(service, sizeof(service), "TV_SERVICE=%s:%s",
		 policy_type_name(question->type), question->name);
	snprintf(where, sizeof(where), "TV_RULE=%s", question->where);
	return uv_spawn(question->launcher->loop, &question->child, &options);
}

static void question_start(struct question *question)
{
	struct ask_launcher *launcher = question->launcher;
	int error;

	uv_timer_init(launcher->loop, &question->deadline);
	question->deadline.data = question;
	question->child.data = question;
	question->open_handles = 2;
	question->state = RUNNING;
	launcher->running++;
	error = question_spawn(question);
	if (error) {
		log_error("%s: %s", launcher->program, uv_strerror(error));
		question_ended(question, POLICY_DENY, "it cannot be started");
		return;
	}
	uv_timer_start(&question->deadline, on_deadline, question->timeout_ms,
		       0);
}

/* Nobody wants the answer any more. */
static void question_drop(struct question *question)
{
	struct asks *asks = question->asks;

	question->asks = NULL;
	list_remove(&question->link);
	asks->count--;
	if (question->state == WAITING)
		list_remove(&question->waiting);
	else if (uv_is_active((uv_handle_t *)&question->child))
		uv_kill(-question->child.pid, SIGKILL);
	if (question->open_handles == 0)
		question_free(question);
}

static struct question *question_make(struct asks *asks,
				      const struct policy_domain *domain,
				      const struct policy_service *service,
				      const struct policy_decision *decision)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->rule = strdup(decision->rule);
	if (!question->rule) {
		free(question);
		return NULL;
	}
	question->launcher = asks->launcher;
	question->asks = asks;
	question->type = service->type;
	snprintf(question->name, sizeof(question->name), "%s", service->name);
	snprintf(question->domain, sizeof(question->domain), "%s",
		 domain->name ? domain->name : "");
	snprintf(question->uuid, sizeof(question->uuid), "%s",
		 domain->uuid ? domain->uuid : "");
	snprintf(question->where, sizeof(question->where), "%.280s:%u",
		 decision->file, decision->line);
	if (!policy_param_number(decision->params, POLICY_PARAM_TIMEOUT,
				 &question->timeout_ms))
		question->timeout_ms = ASK_DEFAULT_MS;
	list_append(&asks->questions, &question->link);
	asks->count++;
	return question;
}

/* The file counts, not the line: lines move when others are added. */
static bool question_fits(const struct question *question,
			  const struct policy_domain *domain,
			  const struct policy_service *service,
			  const struct policy_decision *decision)
{
	size_t len = strlen(decision->file);

	return question->type == service->type &&
	       strcmp(question->name, service->name) == 0 &&
	       strcmp(question->rule, decision->rule) == 0 &&
	       strncmp(question->where, decision->file, len) == 0 &&
	       question->where[len] == ':' &&
	       strcmp(question->domain, domain->name ? domain->name : "") == 0;
}

enum policy_action asks_get(struct asks *asks, uint32_t domid,
			    const struct policy_domain *domain,
			    const struct policy_service *service,
			    const struct policy_decision *decision)
{
	struct ask_launcher *launcher = asks->launcher;
	struct question *question;
	struct list_node *pos;

	if (!launcher->program) {
		if (!launcher->said)
			log_warning("%s:%u says ask, but there is no program "
				    "to ask (--ask): no",
				    decision->file, decision->line);
		launcher->said = true;
		return POLICY_DENY;
	}
	list_for_each(pos, &asks->questions)
	{
		question = container_of(pos, struct question, link);
		if (!question_fits(question, domain, service, decision))
			continue;
		question->wanted = true;
		return question->state == ANSWERED ? question->answer
						   : POLICY_ASK;
	}
	if (asks->count == QUESTIONS_MAX)
		return POLICY_DENY;
	question = question_make(asks, domain, service, decision);
	if (!question)
		return POLICY_DENY;
	question->wanted = true;
	question->domid = domid;
	list_append(&launcher->waiting, &question->waiting);
	return POLICY_ASK;
}

void asks_sweep(struct asks *asks)
{
	struct list_node *pos, *after;

	list_for_each_safe(pos, after, &asks->questions)
	{
		struct question *question =
			container_of(pos, struct question, link);

		if (!question->wanted)
			question_drop(question);
		else
			question->wanted = false;
	}
	/* Not earlier: an answer may come at once. */
	launcher_next(asks->launcher);
}

struct asks *asks_create(struct ask_launcher *launcher,
			 void (*answered)(void *context), void *context)
{
	struct asks *asks = calloc(1, sizeof(*asks));

	if (!asks)
		return NULL;
	list_init(&asks->questions);
	asks->launcher = launcher;
	asks->answered = answered;
	asks->context = context;
	return asks;
}

void asks_destroy(struct asks *asks)
{
	struct list_node *pos, *after;

	if (!asks)
		return;
	list_for_each_safe(pos, after, &asks->questions)
		question_drop(container_of(pos, struct question, link));
	free(asks);
}

struct ask_launcher *ask_launcher_create(uv_loop_t *loop, const char *program)
{
	struct ask_launcher *launcher = calloc(1, sizeof(*launcher));

	if (!launcher)
		return NULL;
	list_init(&launcher->waiting);
	launcher->loop = loop;
	if (program) {
		launcher->program = strdup(program);
		if (!launcher->program) {
			free(launcher);
			return NULL;
		}
	}
	return launcher;
}

void ask_launcher_destroy(struct ask_launcher *launcher)
{
	if (!launcher)
		return;
	free(launcher->program);
	free(launcher);
}
