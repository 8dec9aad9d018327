// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control.c - the control API over what the broker has: what there is.
 *
 * Domains, controllers and services come from memory, grants and their values
 * from the tree, which is what is enforced.  A grant that is not honoured,
 * because others can write it, is not shown as one.
 */
#include "backend/daemon/control.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "backend/daemon/control_internal.h"
#include "backend/daemon/store.h"
#include "backend/manage/answer.h"
#include "backend/util/log.h"

struct domain *control_domain(const struct control *control, uint32_t domid)
{
	const struct list_node *list = control->config.domains;

	for (struct list_node *pos = list->next; pos != list; pos = pos->next) {
		struct domain *domain = container_of(pos, struct domain, link);

		if (domain->id.domid == domid && domain->up)
			return domain;
	}
	return NULL;
}

/*
 * --- domains and services ---
 */

static void count_controllers(const struct domain *domain,
			      struct manage_domain *out)
{
	struct controller *controller = NULL;

	while ((controller = domain_controller_next(domain, controller))) {
		if (controller_state(controller) == CONTROLLER_IGNORED)
			continue;
		out->controllers++;
		out->connected += controller_is_connected(controller);
	}
}

struct domain_entry {
	struct domain *domain;
	uint32_t domid;
};

static int compare_domid(const void *a, const void *b)
{
	const struct domain_entry *left = a, *right = b;

	return left->domid < right->domid ? -1 : left->domid > right->domid;
}

static void domain_show(struct domain *domain, manage_domain_each *each,
			void *argument)
{
	struct policy_tree *tree = domain_policy_tree(domain->policy);
	char uuid[DOMAIN_UUID_TEXT_SIZE], why[GRANTS_WHY_SIZE];
	struct policy_params limits = {0};
	struct manage_domain out = {
		.domid = domain->id.domid,
		.name = domain_policy_name(domain->policy),
		.uuid = uuid,
		.grants = (unsigned int)domain_policy_grants(domain->policy)
				  ->count,
		.limits = &limits,
	};

	domain_uuid_text(domain->id.uuid, uuid);
	count_controllers(domain, &out);
	if (tree)
		grants_params(tree, POLICY_TYPE_ANY, NULL, &limits, why);
	each(argument, &out);
	policy_params_fini(&limits);
}

void control_domains(void *context, manage_domain_each *each, void *argument)
{
	const struct control *control = context;
	const struct list_node *list = control->config.domains;
	struct domain_entry *entries;
	size_t count = 0, used = 0;

	for (struct list_node *pos = list->next; pos != list; pos = pos->next)
		count++;
	entries = calloc(count + 1, sizeof(*entries));
	if (!entries)
		return;
	for (struct list_node *pos = list->next; pos != list; pos = pos->next) {
		struct domain *domain = container_of(pos, struct domain, link);

		if (domain->up)
			entries[used++] =
				(struct domain_entry){domain, domain->id.domid};
	}
	qsort(entries, used, sizeof(*entries), compare_domid);
	for (size_t i = 0; i < used; i++)
		domain_show(entries[i].domain, each, argument);
	free(entries);
}

struct service_view {
	manage_service_each *each;
	void *argument;
};

static void service_show(void *context, const struct registry_entry *entry)
{
	const struct service_view *view = context;
	const struct message_service *message = &entry->message.service;
	char detail[64];
	const struct manage_service service = {
		.service = {POLICY_TYPE_WEB, entry->name},
		.ready = entry->generation != 0,
		.detail = detail,
	};

	if (entry->generation)
		snprintf(detail, sizeof(detail), "%u upstreams with an address",
			 message->upstream_count);
	else
		snprintf(detail, sizeof(detail),
			 "no upstream has an address yet");
	view->each(view->argument, &service);
}

void control_services(void *context, manage_service_each *each, void *argument)
{
	const struct control *control = context;
	struct service_view view = {each, argument};

	registry_each(control->config.registry, service_show, &view);
}

/*
 * --- grants ---
 */

/* Did somebody set a value of it by hand? */
static bool grant_overridden(const struct domain *domain,
			     const struct grant *grant)
{
	char path[STORE_PATH_SIZE];
	size_t len =
		(size_t)snprintf(path, sizeof(path), "grant/%s/%s/",
				 policy_type_name(grant->type), grant->name);

	for (size_t i = 0; i < domain_policy_override_count(domain->policy);
	     i++) {
		const char *set = domain_policy_override(domain->policy, i);

		if (strncmp(set, path, len) == 0 ||
		    (strlen(set) == len - 1 &&
		     strncmp(set, path, len - 1) == 0))
			return true;
	}
	return false;
}

/* One web device carries all web services. */
static void find_plug(const struct domain *domain, struct manage_grant *grant)
{
	const struct controller *place = domain->place;
	unsigned int port = 0;

	if (!place || grant->problem)
		return;
	if (grant->service.type == POLICY_TYPE_WEB)
		port = controller_port(place, MESSAGE_FUNCTION_WEB, "default");
	else if (grant->service.type == POLICY_TYPE_DIAG)
		port = controller_port(place, MESSAGE_FUNCTION_DIAG,
				       grant->service.name);
	grant->plugged = port != 0;
	grant->controller = controller_devid(place);
	grant->port = port;
}

static void grant_show(const struct control *control,
		       const struct domain *domain, const struct grant *grant,
		       manage_grant_each *each, void *argument)
{
	const struct grants *grants = domain_policy_grants(domain->policy);
	char why[GRANTS_WHY_SIZE] = "";
	struct policy_params params = {0};
	struct manage_grant out = {
		.domid = domain->id.domid,
		.service = {grant->type, grant->name},
		.origin = grant->rule ? "rule" : "manual",
		.overridden = grant->rule && grant_overridden(domain, grant),
		.params = &params,
	};

	grants_params(domain_policy_tree(domain->policy), grant->type,
		      grant->name, &params, why);
	if (!grant->valid || !grants->limits_valid)
		out.problem = why[0] ? why : "void";
	find_plug(domain, &out);
	if (grant->type == POLICY_TYPE_WEB && out.plugged)
		out.plugged = plugs_service(control->config.registry, grants,
					    grant) != NULL;
	each(argument, &out);
	policy_params_fini(&params);
}

void control_grants(void *context, uint32_t domid, manage_grant_each *each,
		    void *argument)
{
	const struct control *control = context;
	const struct domain *domain = control_domain(control, domid);
	const struct grants *grants;

	if (!domain || !domain_policy_tree(domain->policy))
		return;
	grants = domain_policy_grants(domain->policy);
	for (size_t i = 0; i < grants->count; i++)
		grant_show(control, domain, &grants->list[i], each, argument);
}

/*
 * --- numbers of our own ---
 */

static uint64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void count_domain(void *argument, const struct manage_domain *domain)
{
	struct manage_domain *sum = argument;

	sum->domid++;
	sum->controllers += domain->controllers;
	sum->connected += domain->connected;
	sum->grants += domain->grants;
}

void control_numbers(void *context, manage_number_each *each, void *argument)
{
	struct control *control = context;
	struct manage_domain sum = {0};
	struct manage_totals totals;
	struct audit_totals lines = audit_totals(control->config.audit);
	struct rusage usage;

	control_domains(context, count_domain, &sum);
	manage_totals(control->manage, &totals);
	getrusage(RUSAGE_SELF, &usage);
	{
		const struct manage_number numbers[] = {
			{"twovirt_uptime_seconds", "Since 2virtd started.",
			 false,
			 (double)(clock_ms() - control->started_ms) / 1e3},
			{"twovirt_domains", "Domains that run.", false,
			 sum.domid},
			{"twovirt_controllers", "Controllers served.", false,
			 sum.controllers},
			{"twovirt_controllers_connected",
			 "Controllers whose frontend is connected.", false,
			 sum.connected},
			{"twovirt_grants", "Grants in force.", false,
			 sum.grants},
			{"twovirt_control_connections",
			 "Connections of the control API at this moment.",
			 false, totals.open},
			{"twovirt_control_requests_total",
			 "Requests of the control API.", true,
			 (double)totals.requests},
			{"twovirt_control_refused_total",
			 "Connections refused.", true, (double)totals.refused},
			{"twovirt_control_lines_lost_total",
			 "Lines that followers were too slow for.", true,
			 (double)totals.lines_lost},
			{"twovirt_audit_lines_total", "Lines of the audit.",
			 true, (double)lines.lines},
			{"twovirt_audit_lost_total",
			 "Lines of the audit that were lost.", true,
			 (double)lines.lost},
			{"twovirt_audit_suppressed_total",
			 "Lines beyond the rate of a guest.", true,
			 (double)lines.suppressed},
			{"twovirt_policy_healthy",
			 "0: a file of rules is broken.", false,
			 policy_set_healthy(
				 policy_source_set(control->config.source))},
			{"twovirt_xenstore_operations_total",
			 "Operations on XenStore.", true,
			 (double)store_operations()},
			{"twovirt_cpu_seconds_total",
			 "CPU time of 2virtd alone.", true,
			 (double)(usage.ru_utime.tv_sec +
				  usage.ru_stime.tv_sec) +
				 (double)(usage.ru_utime.tv_usec +
					  usage.ru_stime.tv_usec) /
					 1e6},
			{"twovirt_memory_peak_bytes",
			 "Most memory of 2virtd at once.", false,
			 (double)usage.ru_maxrss * 1024},
		};

		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]);
		     i++)
			each(argument, &numbers[i]);
	}
}

/*
 * --- life ---
 */

static int reload(void *context, char *why)
{
	struct control *control = context;

	return control->config.reload(control->config.context);
}

/* By whom and what; it comes back by control_audit(). */
static void audit(void *context, const struct manage_peer *peer,
		  const char *what, const char *result)
{
	struct control *control = context;
	char when[32] = "";
	struct timespec now;
	struct tm parts;
	json_t *json;
	char *line;

	clock_gettime(CLOCK_REALTIME, &now);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ",
		 gmtime_r(&now.tv_sec, &parts));
	json = json_pack("{s:s, s:s, s:i, s:i, s:o, s:o}", "time", when,
			 "event", "control", "uid", (int)peer->uid, "pid",
			 (int)peer->pid, "what", answer_string(what), "result",
			 answer_string(result));
	line = json ? json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	json_decref(json);
	if (line)
		audit_line(control->config.audit, line);
	free(line);
}

static const struct policy_set *policy(void *context)
{
	const struct control *control = context;

	return policy_source_set(control->config.source);
}

static const struct policy_folders *folders(void *context)
{
	const struct control *control = context;

	return policy_source_folders(control->config.source);
}

static const struct manage_ops ops = {
	.domains = control_domains,
	.services = control_services,
	.grants = control_grants,
	.stats = control_stats,
	.refresh = control_refresh,
	.numbers = control_numbers,
	.policy = policy,
	.folders = folders,
	.attach = control_attach,
	.detach = control_detach,
	.grant = control_grant,
	.revoke = control_revoke,
	.limit = control_limit,
	.reload = reload,
	.audit = audit,
};

int control_start(const struct control_config *config, struct control **result)
{
	struct control *control = calloc(1, sizeof(*control));
	struct manage_config manage = {
		.loop = config->loop,
		.path = config->path,
		.group = "2virt",
		.ops = &ops,
		.context = control,
	};
	int error;

	if (!control)
		return -ENOMEM;
	control->config = *config;
	control->started_ms = clock_ms();
	error = manage_start(&manage, &control->manage);
	if (error) {
		log_error("control socket %s: %s", config->path,
			  strerror(-error));
		free(control);
		return error;
	}
	control_stats_init(control);
	*result = control;
	return 0;
}

void control_audit(struct control *control, const char *line)
{
	if (control)
		manage_log(control->manage, line);
}

void control_stop(struct control *control)
{
	if (!control)
		return;
	control->stopping = true;
	control_stats_fini(control);
	manage_stop(control->manage);
	control->manage = NULL;
}

void control_free(struct control *control)
{
	free(control);
}
