// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_stats.c - numbers of grants, asked of the device processes when
 * somebody wants them.
 *
 * All processes are asked at once, each for a few grants at a time; whoever has
 * not answered in COLLECT_MS is left out.  Those who want numbers meanwhile get
 * the same ones.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/control_internal.h"

enum { COLLECT_MS = 200, WINDOW = 4 };

static_assert((int)MANAGE_STAGES == (int)MESSAGE_STAGES, "stages");
static_assert((int)MANAGE_BUCKETS == (int)MESSAGE_BUCKETS, "buckets");

/* What one domain has answered. */
struct collect {
	struct list_node link;
	uint32_t domid;
	size_t next; /* grant to ask for */
	size_t count, size;
	struct message_grant_stats *results;
};

static void collects_free(struct control *control)
{
	struct list_node *pos, *after;

	list_for_each_safe(pos, after, &control->collects)
	{
		struct collect *collect =
			container_of(pos, struct collect, link);

		list_remove(&collect->link);
		free(collect->results);
		free(collect);
	}
}

/* Everybody who waits goes on with what there is. */
static void collect_finish(struct control *control)
{
	size_t count = control->waiter_count;

	if (!control->collect_runs)
		return;
	control->collect_runs = false;
	control->collecting = 0;
	uv_timer_stop(&control->collect_end);
	/* Those who come from now on begin anew, behind these. */
	for (size_t i = 0; i < count; i++)
		control->waiters[i].done(control->waiters[i].token, 0, NULL);
	control->waiter_count -= count;
	memmove(control->waiters, control->waiters + count,
		control->waiter_count * sizeof(control->waiters[0]));
}

/* Asks for the next grant of a domain.  False: there is none more. */
static bool collect_ask(struct control *control, struct collect *collect)
{
	const struct domain *domain = control_domain(control, collect->domid);
	const struct grants *grants;

	if (!domain || !domain->place)
		return false;
	grants = domain_policy_grants(domain->policy);
	while (collect->next < grants->count) {
		const struct grant *grant = &grants->list[collect->next++];

		if (grant->type != POLICY_TYPE_WEB || !grant->valid)
			continue;
		if (!controller_grant_stats_get(domain->place, grant->name))
			return false;
		control->collecting++;
		return true;
	}
	return false;
}

static void collect_begin(struct control *control, const struct domain *domain)
{
	const struct grants *grants = domain_policy_grants(domain->policy);
	struct collect *collect;

	if (!domain->up || !domain->place || !grants->count)
		return;
	collect = calloc(1, sizeof(*collect));
	if (!collect)
		return;
	collect->domid = domain->id.domid;
	collect->size = grants->count;
	collect->results = calloc(grants->count, sizeof(*collect->results));
	list_append(&control->collects, &collect->link);
	for (int i = 0; collect->results && i < WINDOW; i++)
		if (!collect_ask(control, collect))
			break;
}

static void on_end(uv_timer_t *timer)
{
	collect_finish(timer->data);
}

void control_refresh(void *context, manage_done *done, void *token)
{
	struct control *control = context;
	const struct list_node *list = control->config.domains;

	if (control->stopping || control->waiter_count == CONTROL_MAX_WAITERS) {
		done(token, -EAGAIN, NULL);
		return;
	}
	control->waiters[control->waiter_count].done = done;
	control->waiters[control->waiter_count++].token = token;
	if (control->collect_runs)
		return;
	collects_free(control);
	control->collect_runs = true;
	for (struct list_node *pos = list->next; pos != list; pos = pos->next)
		collect_begin(control, container_of(pos, struct domain, link));
	if (control->collecting)
		uv_timer_start(&control->collect_end, on_end, COLLECT_MS, 0);
	else
		collect_finish(control);
}

void control_grant_stats(struct control *control, uint32_t domid,
			 const struct message_grant_stats *stats)
{
	struct list_node *pos;

	if (!control || !control->collect_runs)
		return; /* too late */
	list_for_each(pos, &control->collects)
	{
		struct collect *collect =
			container_of(pos, struct collect, link);

		if (collect->domid != domid)
			continue;
		if (collect->count < collect->size)
			collect->results[collect->count++] = *stats;
		if (control->collecting)
			control->collecting--;
		collect_ask(control, collect);
		break;
	}
	if (!control->collecting)
		collect_finish(control);
}

static void stats_show(const struct domain *domain,
		       const struct message_grant_stats *result,
		       manage_stats_each *each, void *argument)
{
	struct manage_count denials[MESSAGE_VERDICTS];
	struct manage_stats stats = {
		.domid = domain->id.domid,
		.domain = domain_policy_name(domain->policy),
		.service = {POLICY_TYPE_WEB, result->name},
		.requests = result->requests,
		.bytes = result->octets,
		.queued = result->queued,
		.drops = result->dropped,
		.denials = denials,
		.denial_count = MESSAGE_VERDICTS - 1,
	};

	/* The first verdict is that it was allowed. */
	for (uint32_t i = 1; i < MESSAGE_VERDICTS; i++)
		denials[i - 1] = (struct manage_count){audit_verdict_name(i),
						       result->denials[i]};
	for (size_t i = 0; i < MESSAGE_STAGES; i++)
		memcpy(stats.stages[i].bucket, result->histogram[i],
		       sizeof(stats.stages[i].bucket));
	each(argument, &stats);
}

void control_stats(void *context, manage_stats_each *each, void *argument)
{
	struct control *control = context;
	struct list_node *pos;

	list_for_each(pos, &control->collects)
	{
		const struct collect *collect =
			container_of(pos, struct collect, link);
		const struct domain *domain =
			control_domain(control, collect->domid);

		for (size_t i = 0; domain && i < collect->count; i++)
			stats_show(domain, &collect->results[i], each,
				   argument);
	}
}

void control_stats_init(struct control *control)
{
	list_init(&control->collects);
	uv_timer_init(control->config.loop, &control->collect_end);
	control->collect_end.data = control;
}

void control_stats_fini(struct control *control)
{
	collect_finish(control);
	collects_free(control);
	uv_close((uv_handle_t *)&control->collect_end, NULL);
}
