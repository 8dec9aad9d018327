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
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/store.h"
#include "backend/manage/answer.h"
#include "backend/util/log.h"
#include "protocol/usbif.h"

enum { STATE_MAX = 8 * USBIF_MAX_PORTS };

/* One port with something plugged in. */
struct plugged {
	unsigned int controller, port;
	char type[16], name[MESSAGE_NAME_SIZE];
};

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

static void params_free(struct policy_params *params)
{
	policy_params_fini(params);
	memset(params, 0, sizeof(*params));
}

/* The parameters below a node, as they stand there. */
static void params_read(const struct control *control, const char *path,
			struct policy_params *params)
{
	struct xs_handle *xs = control->config.xs;
	unsigned int count;
	char **names = store_list(xs, XBT_NULL, &count, "%s", path);

	memset(params, 0, sizeof(*params));
	for (unsigned int i = 0; i < count; i++) {
		enum policy_param param = policy_param_find(names[i]);
		char value[STORE_VALUE_SIZE];

		if (param != POLICY_PARAM_COUNT && !params->value[param] &&
		    !store_read(xs, XBT_NULL, value, sizeof(value), "%s/%s",
				path, names[i]))
			params->value[param] = strdup(value);
	}
	free(names);
}

/*
 * --- domains and services ---
 */

static void count_controllers(const struct domain *domain,
			      struct manage_domain *out)
{
	struct controller *controller;
	unsigned int count;
	char **names =
		store_list(domain->env->xs, XBT_NULL, &count,
			   "/local/domain/0/backend/vusb/%u", domain->id.domid);

	for (unsigned int i = 0; i < count; i++) {
		uint32_t devid;

		if (!store_parse_number(names[i], UINT16_MAX, &devid))
			continue;
		controller = domain_controller(domain, devid);
		if (!controller ||
		    controller_state(controller) == CONTROLLER_IGNORED)
			continue;
		out->controllers++;
		out->connected += controller_is_connected(controller);
	}
	free(names);
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

static void domain_show(const struct control *control, struct domain *domain,
			manage_domain_each *each, void *argument)
{
	char name[POLICY_DOMAIN_SIZE] = "", uuid[DOMAIN_UUID_TEXT_SIZE];
	char path[STORE_PATH_SIZE];
	struct policy_params limits;
	struct manage_domain out = {
		.domid = domain->id.domid,
		.name = name,
		.uuid = uuid,
		.grants = (unsigned int)(domain->service_count),
		.limits = &limits,
	};

	for (size_t i = 0; i < domain->device_count; i++)
		out.grants +=
			domain->devices[i].function != MESSAGE_FUNCTION_WEB;
	domain_uuid_text(domain->id.uuid, uuid);
	if (store_read(control->config.xs, XBT_NULL, name, sizeof(name),
		       "/local/domain/%u/name", out.domid))
		name[0] = '\0';
	count_controllers(domain, &out);
	snprintf(path, sizeof(path), POLICY_TREE_ROOT "/domain/%u/limit",
		 out.domid);
	params_read(control, path, &limits);
	each(argument, &out);
	params_free(&limits);
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
		domain_show(control, entries[i].domain, each, argument);
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

static size_t ports_read(const struct control *control, uint32_t domid,
			 const char *devid, struct plugged *list, size_t size)
{
	struct xs_handle *xs = control->config.xs;
	unsigned int count;
	size_t used = 0;
	char **ports = store_list(xs, XBT_NULL, &count,
				  POLICY_TREE_ROOT "/domain/%u/state/%s/port",
				  domid, devid);

	for (unsigned int i = 0; i < count && used < size; i++) {
		struct plugged *at = &list[used];
		uint32_t controller, port;

		if (store_parse_number(devid, UINT16_MAX, &controller) &&
		    store_parse_number(ports[i], USBIF_MAX_PORTS, &port) &&
		    !store_read(xs, XBT_NULL, at->type, sizeof(at->type),
				POLICY_TREE_ROOT
				"/domain/%u/state/%s/port/%s/type",
				domid, devid, ports[i]) &&
		    !store_read(xs, XBT_NULL, at->name, sizeof(at->name),
				POLICY_TREE_ROOT
				"/domain/%u/state/%s/port/%s/name",
				domid, devid, ports[i])) {
			at->controller = controller;
			at->port = port;
			used++;
		}
	}
	free(ports);
	return used;
}

static size_t plugged_read(const struct control *control, uint32_t domid,
			   struct plugged list[STATE_MAX])
{
	unsigned int count;
	size_t used = 0;
	char **devids = store_list(control->config.xs, XBT_NULL, &count,
				   POLICY_TREE_ROOT "/domain/%u/state", domid);

	for (unsigned int i = 0; i < count; i++)
		used += ports_read(control, domid, devids[i], list + used,
				   STATE_MAX - used);
	free(devids);
	return used;
}

/* One web device carries all web services. */
static void find_plug(struct manage_grant *grant, const struct plugged *list,
		      size_t count)
{
	const char *type = policy_type_name(grant->service.type);
	bool web = grant->service.type == POLICY_TYPE_WEB;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].type, type) != 0 ||
		    (!web && strcmp(list[i].name, grant->service.name) != 0))
			continue;
		grant->plugged = true;
		grant->controller = list[i].controller;
		grant->port = list[i].port;
		return;
	}
}

static bool is_overridden(const struct domain_policy *policy, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < domain_policy_override_count(policy); i++)
		if (strncmp(domain_policy_override(policy, i), path, len) == 0)
			return true;
	return false;
}

static void grant_show(const struct control *control,
		       const struct domain *domain, const struct grant *from,
		       struct manage_grant *grant, manage_grant_each *each,
		       void *argument)
{
	const struct registry_entry *entry;
	char path[STORE_PATH_SIZE], why[GRANTS_WHY_SIZE];
	struct policy_params params;

	snprintf(path, sizeof(path), "grant/%s/%s/",
		 policy_type_name(from->type), from->name);
	grants_params(domain_policy_tree(domain->policy), from->type,
		      from->name, &params, why);
	grant->origin = from->rule ? "rule" : "manual";
	grant->overridden = is_overridden(domain->policy, path);
	grant->params = &params;
	if (from->type == POLICY_TYPE_WEB) {
		entry = registry_find(control->config.registry, from->target);
		grant->plugged = grant->plugged && entry && entry->generation;
	}
	each(argument, grant);
	params_free(&params);
}

/* Those that are void are not in force, so not shown. */
void control_grants(void *context, uint32_t domid, manage_grant_each *each,
		    void *argument)
{
	const struct control *control = context;
	const struct domain *domain = control_domain(control, domid);
	const struct grants *grants;
	struct plugged *list;
	size_t plugged;

	if (!domain)
		return;
	grants = domain_policy_grants(domain->policy);
	list = calloc(STATE_MAX, sizeof(*list));
	plugged = list ? plugged_read(control, domid, list) : 0;
	for (size_t i = 0; grants->limits_valid && i < grants->count; i++) {
		struct manage_grant grant = {
			.domid = domid,
			.service = {grants->list[i].type, grants->list[i].name},
		};

		if (!grants->list[i].valid)
			continue;
		find_plug(&grant, list, plugged);
		grant_show(control, domain, &grants->list[i], &grant, each,
			   argument);
	}
	free(list);
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

/* One line for the log and for those who follow. */
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
	log_notice("control: uid %u pid %d: %s: %s", (unsigned int)peer->uid,
		   (int)peer->pid, what, result);
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
	.policy = policy,
	.folders = folders,
	.domains = control_domains,
	.services = control_services,
	.grants = control_grants,
	.numbers = control_numbers,
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
	manage_stop(control->manage);
	control->manage = NULL;
}

void control_free(struct control *control)
{
	free(control);
}
