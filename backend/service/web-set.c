// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-set.c - the services of one domain and the turns in which they work.
 *
 * Theory of operation.  Whatever asks for work (a new request, room in a
 * buffer, news from a socket) only notes it and wakes the set.  The work is
 * done in turns, before and after the loop sleeps:
 *
 *   1. requests that wait get a connection, if there are free ones
 *   2. exchanges that were paused and may go on, go on
 *      and those whose octets have come (web-limit.c)
 *   3. requests with news call back, in the order the news came
 *   4. the observer is told that the round is over
 *
 * Callbacks may ask for more work: that is for the next turn, and an idle
 * handle keeps the loop from sleeping before it.  So nobody is called back
 * from inside a call, and one busy service cannot hold up the loop.
 *
 * Clocks (answers that do not come, bodies that do not move) are looked at
 * every TICK_MS while there are requests; a service that has had none for
 * REST_MS gives up its connections.
 */
#define _GNU_SOURCE
#include "backend/service/web-internal.h"

#include "backend/util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TICK_MS = 100,
	REST_MS = 15000,
	DEFAULT_REQUEST_MAX = 1024,
	DEFAULT_BUFFER_MAX = 32 << 20,
};

static struct web_service *service_of(struct list_node *node)
{
	return container_of(node, struct web_service, link);
}

static void on_idle(uv_idle_t *idle)
{
	(void)idle; /* only keeps the loop from sleeping */
}

void web_set_wake(struct web_service_set *set)
{
	set->woken = true;
	if (!uv_is_closing((uv_handle_t *)&set->idle))
		uv_idle_start(&set->idle, on_idle);
}

void web_service_set_wake(struct web_service_set *set)
{
	web_set_wake(set);
}

/* ---- turns -------------------------------------------------------------- */

/* Moves all nodes of a list to an empty one. */
static void list_take(struct list_node *to, struct list_node *from)
{
	struct list_node *node;

	while ((node = list_first(from))) {
		list_remove(node);
		list_append(to, node);
	}
}

static void resume_paused(struct web_service_set *set)
{
	struct list_node list;
	struct list_node *node;

	/* A transfer that pauses again is not looked at twice in a turn. */
	list_init(&list);
	list_take(&list, &set->resume);
	while ((node = list_first(&list))) {
		list_remove(node);
		web_exchange_go_on(
			container_of(node, struct web_request, pause_link));
	}
}

static void tell_ready(struct web_service_set *set)
{
	struct list_node list;
	struct list_node *node;

	list_init(&list);
	list_take(&list, &set->ready);
	/* A callback may release requests, also ones of this list. */
	while ((node = list_first(&list))) {
		list_remove(node);
		web_request_tell(
			container_of(node, struct web_request, ready_link));
	}
}

static void set_turn(struct web_service_set *set)
{
	struct list_node *node;
	struct list_node *after;

	if (!set->woken)
		return;
	set->woken = false;
	list_for_each(node, &set->services) web_request_admit(service_of(node));
	resume_paused(set);
	web_limit_turn(set);
	tell_ready(set);
	web_share_tell(set);
	if (set->settled)
		set->settled(set->settled_context);
	list_for_each_safe(node, after, &set->services)
	{
		struct web_service *service = service_of(node);

		if (service->former && !service->requests)
			web_service_destroy(service);
	}
	if (!set->woken)
		uv_idle_stop(&set->idle);
}

static void on_prepare(uv_prepare_t *prepare)
{
	set_turn(prepare->data);
}

static void on_check(uv_check_t *check)
{
	set_turn(check->data);
}

/* ---- clocks ------------------------------------------------------------- */

static void free_spares(struct web_service_set *set)
{
	struct web_request *request;

	while ((request = set->spare)) {
		set->spare = request->context;
		web_request_free(request);
	}
	set->spare_count = 0;
}

static void on_tick(uv_timer_t *timer)
{
	struct web_service_set *set = timer->data;
	uint64_t now_ms = web_set_now(set);
	bool resting = true;
	struct list_node *node;

	list_for_each(node, &set->requests) web_request_tick(
		container_of(node, struct web_request, set_link), now_ms);
	list_for_each(node, &set->services)
	{
		struct web_service *service = service_of(node);

		if (!service->links)
			continue;
		if (!service->requests &&
		    now_ms - service->rested_ms >= REST_MS)
			web_service_rest(service);
		else
			resting = false;
	}
	if (set->ticked)
		web_set_wake(set);
	if (resting && !set->request_count && !set->ticked) {
		free_spares(set);
		uv_timer_stop(&set->tick);
	}
}

void web_set_start_ticking(struct web_service_set *set)
{
	if (!uv_is_active((uv_handle_t *)&set->tick))
		uv_timer_start(&set->tick, on_tick, TICK_MS, TICK_MS);
}

void web_service_set_tick(struct web_service_set *set, bool wanted)
{
	set->ticked = wanted;
	if (wanted)
		web_set_start_ticking(set);
}

/* ---- services ----------------------------------------------------------- */

struct web_service *web_set_find(const struct web_service_set *set,
				 const char *name, size_t len)
{
	const struct list_node *node;

	list_for_each(node, &set->services)
	{
		struct web_service *service =
			container_of(node, struct web_service, link);

		if (!service->former && strlen(service->name) == len &&
		    !memcmp(service->name, name, len))
			return service;
	}
	return NULL;
}

int web_service_set_put(struct web_service_set *set,
			const struct web_service_config *config)
{
	const char *error = NULL;
	struct web_service *service;
	struct web_service *former;

	if (config->name && !strcmp(config->name, WEB_SERVICE_DIRECTORY)) {
		log_error("web service %s: the name is reserved", config->name);
		return -EINVAL;
	}
	service = web_service_create(set, config, &error);
	if (!service && error) {
		log_error("web service %s: %s",
			  config->name ? config->name : "(no name)", error);
		return -EINVAL;
	}
	if (!service)
		return -ENOMEM;
	service->grant = web_grant_get(set, service->name);
	if (!service->grant) {
		web_service_destroy(service);
		return -ENOMEM;
	}
	former = web_set_find(set, service->name, strlen(service->name));
	if (former) {
		service->stats = former->stats;
		service->stats.active = 0;
		memset(&former->stats, 0, sizeof(former->stats));
		former->former = true;
		if (!former->requests)
			web_service_destroy(former);
	}
	list_append(&set->services, &service->link);
	return 0;
}

static void cut_service(struct web_service *service)
{
	struct web_service_set *set = service->set;
	struct list_node *node;

	list_for_each(node, &set->requests)
	{
		struct web_request *request =
			container_of(node, struct web_request, set_link);

		if (request->service != service)
			continue;
		web_request_deny(request, 403, WEB_REVOKED);
		request->service = NULL;
	}
	service->requests = 0;
	web_service_destroy(service);
}

int web_service_set_remove(struct web_service_set *set, const char *name)
{
	struct list_node *node;
	struct list_node *after;
	struct web_grant *grant;
	int result = -ENOENT;

	list_for_each_safe(node, after, &set->services)
	{
		if (strcmp(service_of(node)->name, name))
			continue;
		if (!service_of(node)->former)
			result = 0;
		cut_service(service_of(node));
	}
	grant = web_grant_find(set, name, strlen(name));
	if (grant)
		web_grant_forget(set, grant);
	return result;
}

static void add_stats(struct web_service_stats *sum,
		      const struct web_service_stats *part)
{
	sum->requests += part->requests;
	sum->retries += part->retries;
	sum->failures += part->failures;
	sum->sent_octets += part->sent_octets;
	sum->received_octets += part->received_octets;
}

void web_set_forget(struct web_service *service)
{
	add_stats(&service->set->past, &service->stats);
	list_remove(&service->link);
}

int web_service_set_stats(const struct web_service_set *set, const char *name,
			  struct web_service_stats *stats)
{
	const struct list_node *node;
	int result = name ? -ENOENT : 0;

	memset(stats, 0, sizeof(*stats));
	if (!name)
		*stats = set->past;
	list_for_each(node, &set->services)
	{
		const struct web_service *service =
			container_of(node, struct web_service, link);

		if (name && strcmp(service->name, name))
			continue;
		add_stats(stats, &service->stats);
		stats->active += service->requests;
		result = 0;
	}
	return result;
}

void web_service_set_observe(struct web_service_set *set,
			     void (*settled)(void *context), void *context)
{
	set->settled = settled;
	set->settled_context = context;
}

/* ---- life --------------------------------------------------------------- */

static bool is_visible(const char *text)
{
	if (!text || !*text)
		return false;
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static char *compose_identity(const struct web_service_set_config *config)
{
	static const char format[] = "X-2Virt-Domain: %s\r\n"
				     "X-2Virt-Domain-UUID: %s\r\n";
	char *text;

	if (!is_visible(config->domain_name) ||
	    !is_visible(config->domain_uuid))
		return NULL;
	if (asprintf(&text, format, config->domain_name, config->domain_uuid) <
	    0)
		return NULL;
	return text;
}

static bool copy_texts(struct web_service_set *set,
		       const struct web_service_set_config *config)
{
	set->identity = compose_identity(config);
	if (!set->identity)
		return false;
	set->identity_len = strlen(set->identity);
	set->domain_name = strdup(config->domain_name);
	set->contact = config->contact ? strdup(config->contact) : NULL;
	return set->domain_name && (set->contact || !config->contact);
}

static void free_set(struct web_service_set *set)
{
	free(set->identity);
	free(set->domain_name);
	free(set->contact);
	free(set);
}

static void init_handles(struct web_service_set *set)
{
	uv_prepare_init(set->loop, &set->prepare);
	uv_check_init(set->loop, &set->check);
	uv_idle_init(set->loop, &set->idle);
	uv_timer_init(set->loop, &set->tick);
	uv_timer_init(set->loop, &set->refill);
	set->prepare.data = set;
	set->check.data = set;
	set->idle.data = set;
	set->tick.data = set;
	set->refill.data = set;
	uv_prepare_start(&set->prepare, on_prepare);
	uv_check_start(&set->check, on_check);
	/* These two alone are no reason for the loop to go on. */
	uv_unref((uv_handle_t *)&set->prepare);
	uv_unref((uv_handle_t *)&set->check);
	set->open_handles = 5;
}

struct web_service_set *
web_service_set_create(const struct web_service_set_config *config)
{
	struct web_service_set *set;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	set = calloc(1, sizeof(*set));
	if (!set)
		goto err_curl;
	if (!copy_texts(set, config))
		goto err_free;
	set->loop = config->loop;
	set->request_max =
		config->request_max ? config->request_max : DEFAULT_REQUEST_MAX;
	set->budget.max_bytes = config->buffer_max_bytes
					? config->buffer_max_bytes
					: DEFAULT_BUFFER_MAX;
	set->up_budget.max_bytes = SIZE_MAX;
	list_init(&set->services);
	list_init(&set->requests);
	list_init(&set->ready);
	list_init(&set->resume);
	list_init(&set->grants);
	list_init(&set->limiters);
	list_init(&set->shares);
	web_grant_init(set, &set->domain);
	set->audited = config->audited;
	set->audit_context = config->audit_context;
	init_handles(set);
	return set;

err_free:
	free_set(set);
err_curl:
	curl_global_cleanup();
	return NULL;
}

void web_set_handle_closed(struct web_service_set *set)
{
	if (--set->open_handles)
		return;
	web_grant_fini(&set->domain);
	free_set(set);
	curl_global_cleanup();
}

static void on_close(uv_handle_t *handle)
{
	web_set_handle_closed(handle->data);
}

void web_service_set_destroy(struct web_service_set *set)
{
	struct list_node *node;

	if (!set)
		return;
	while ((node = list_first(&set->services)))
		cut_service(service_of(node));
	while ((node = list_first(&set->requests))) {
		struct web_request *request =
			container_of(node, struct web_request, set_link);

		web_request_release(request);
	}
	free_spares(set);
	while ((node = list_first(&set->grants)))
		web_grant_forget(set,
				 container_of(node, struct web_grant, link));
	uv_close((uv_handle_t *)&set->refill, on_close);
	uv_close((uv_handle_t *)&set->prepare, on_close);
	uv_close((uv_handle_t *)&set->check, on_close);
	uv_close((uv_handle_t *)&set->idle, on_close);
	uv_close((uv_handle_t *)&set->tick, on_close);
}
