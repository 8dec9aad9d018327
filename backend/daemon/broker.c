// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * broker.c - 2virtd: watches XenStore, serves all controllers of all domains.
 *
 * Events only mark what they are about; one pass at the end of a turn of the
 * loop does the work, however many there were (XSA-349, CVE-2020-29487):
 *
 *   watch @introduceDomain, @releaseDomain ─▶ list of domains ─┐
 *   watch backend/vusb ──▶ domain->scan, controller touched ───┤
 *   watch frontend state ─▶ controller touched, with a limit ──┼─▶ pass()
 *   watch /tool/2virt ─settle─▶ domain->policy_touched ────────┤
 *   files of the policy, names of domains ─▶ the same ─────────┤
 *   timers, device processes, services ─▶ domain->touched ─────┘
 *
 * When the broker ends, device processes die with it and controllers stay
 * Connected; the next broker takes over from the journals.
 */
#include "backend/daemon/broker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include <xenstore.h>

#include "backend/daemon/control.h"
#include "backend/daemon/controller.h"
#include "backend/daemon/domain.h"
#include "backend/daemon/domain_list.h"
#include "backend/daemon/journal_file.h"
#include "backend/daemon/notify.h"
#include "backend/daemon/policy_source.h"
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/registry.h"
#include "backend/daemon/store.h"
#include "backend/daemon/xl_domain.h"
#include "backend/util/log.h"

#define BACKEND_ROOT "/local/domain/0/backend/vusb"
#define TOKEN_BACK "back"
#define TOKEN_POLICY "policy"
#define TOKEN_DOMAINS "domains"

enum {
	/* Is xenstored still there?  Nothing else would tell an idle broker. */
	ALIVE_MS = 10000,
	/* Changes of grants are taken together: a pause this long, or ... */
	SETTLE_MS = 10,
	SETTLE_MAX_MS = 100,
};

struct broker {
	uv_loop_t loop;
	struct xs_handle *xs;
	uv_poll_t watches;
	uv_timer_t turn;   /* runs the pass, once in a turn of the loop */
	uv_timer_t alive;  /* looks for xenstored */
	uv_timer_t settle; /* grants that were marked are due */
	uv_timer_t retry;  /* domains that asked for it are due */
	uint64_t settle_since_ms; /* 0: nothing is marked */
	uv_signal_t terminate, interrupt, reload, stats;
	struct domain_list *alive_domains;
	struct registry *registry;
	struct controller_env env;
	struct domain_policy_env policy_env;
	struct policy_source *source;
	struct ask_launcher *launcher;
	struct audit *audit;
	struct xl_domain *xl;
	struct control *control;
	struct list_node domains;
	bool domains_touched;
	bool ending;  /* nothing is done any more */
	bool started; /* the domains that were there at first are known */
	int result;
};

/*
 * --- marking ---
 */

static void on_turn(uv_timer_t *timer);

static void pass_schedule(struct broker *broker)
{
	if (!uv_is_active((uv_handle_t *)&broker->turn))
		uv_timer_start(&broker->turn, on_turn, 0, 0);
}

static struct domain *domain_find(const struct broker *broker, uint32_t domid)
{
	struct list_node *pos;

	list_for_each(pos, &broker->domains)
	{
		struct domain *domain = container_of(pos, struct domain, link);

		if (domain->id.domid == domid)
			return domain;
	}
	return NULL;
}

static void on_wake(void *context, uint32_t domid)
{
	struct broker *broker = context;
	struct domain *domain = domain_find(broker, domid);

	if (domain)
		domain->touched = true;
	pass_schedule(broker);
}

static void policy_touch(struct broker *broker, struct domain *domain)
{
	domain->policy_touched = true;
	pass_schedule(broker);
}

/* Other rules, or others may be meant by them. */
static void on_rules_changed(void *context)
{
	struct broker *broker = context;
	struct list_node *pos;

	list_for_each(pos, &broker->domains)
	{
		struct domain *domain = container_of(pos, struct domain, link);

		domain_policy_stale(domain->policy);
		policy_touch(broker, domain);
	}
}

static void on_services_changed(void *context)
{
	struct broker *broker = context;

	if (broker->source)
		policy_source_forget(broker->source);
	on_rules_changed(broker);
}

static void on_settled(uv_timer_t *timer)
{
	struct broker *broker = timer->data;
	struct list_node *pos;

	broker->settle_since_ms = 0;
	list_for_each(pos, &broker->domains)
	{
		struct domain *domain = container_of(pos, struct domain, link);

		if (!domain->policy_marked)
			continue;
		domain->policy_marked = false;
		policy_touch(broker, domain);
	}
}

/* Its grants are looked at when no more changes come for a moment. */
static void policy_mark(struct broker *broker, struct domain *domain)
{
	uint64_t now = uv_now(&broker->loop);

	domain->policy_marked = true;
	if (!broker->settle_since_ms)
		broker->settle_since_ms = now;
	if (now - broker->settle_since_ms < SETTLE_MAX_MS)
		uv_timer_start(&broker->settle, on_settled, SETTLE_MS, 0);
}

static void on_policy_wake(void *context, uint32_t domid, unsigned int after_ms)
{
	struct broker *broker = context;
	struct domain *domain = domain_find(broker, domid);

	if (!domain)
		return;
	if (!after_ms) {
		policy_touch(broker, domain);
		return;
	}
	domain->policy_marked = true;
	if (!uv_is_active((uv_handle_t *)&broker->retry))
		uv_timer_start(&broker->retry, on_settled, after_ms, 0);
}

/* The number at the head of "/<number>[/...]"; *rest is what follows it. */
static bool path_number(const char *path, uint32_t *number, const char **rest)
{
	char text[12] = "";
	size_t len;

	if (*path++ != '/')
		return false;
	len = strcspn(path, "/");
	if (len >= sizeof(text))
		return false;
	memcpy(text, path, len);
	*rest = path + len;
	return store_parse_number(text, UINT16_MAX, number);
}

/* Something below backend/vusb changed. */
static void mark_back(struct broker *broker, const char *path)
{
	const char *rest = path + strlen(BACKEND_ROOT);
	struct controller *controller;
	struct domain *domain;
	uint32_t domid, devid;

	if (!path_number(rest, &domid, &rest)) {
		struct list_node *pos;

		list_for_each(pos, &broker->domains)
			container_of(pos, struct domain, link)
				->scan = true;
		return;
	}
	domain = domain_find(broker, domid);
	if (!domain) {
		/* Perhaps @introduceDomain is still to come. */
		broker->domains_touched = true;
		return;
	}
	domain->touched = true;
	controller = path_number(rest, &devid, &rest)
			     ? domain_controller(domain, devid)
			     : NULL;
	if (controller)
		controller_touch(controller);
	else
		domain->scan = true;
}

/* /local/domain/<domid>/device/vusb/<devid>/state: written by the guest. */
static void mark_front(struct broker *broker, const char *path)
{
	static const char head[] = "/local/domain", middle[] = "/device/vusb";
	struct controller *controller;
	struct domain *domain;
	uint32_t domid, devid;
	const char *rest;

	if (strncmp(path, head, sizeof(head) - 1) != 0 ||
	    !path_number(path + sizeof(head) - 1, &domid, &rest) ||
	    strncmp(rest, middle, sizeof(middle) - 1) != 0 ||
	    !path_number(rest + sizeof(middle) - 1, &devid, &rest))
		return;
	domain = domain_find(broker, domid);
	controller = domain ? domain_controller(domain, devid) : NULL;
	if (!controller)
		return;
	controller_touch_by_guest(controller);
	domain->touched = true;
}

static void mark_policy(struct broker *broker, const char *path)
{
	static const char head[] = POLICY_TREE_ROOT "/domain";
	struct domain *domain;
	const char *rest;
	uint32_t domid;

	if (strncmp(path, head, sizeof(head) - 1) != 0 ||
	    !path_number(path + sizeof(head) - 1, &domid, &rest)) {
		struct list_node *pos;

		list_for_each(pos, &broker->domains)
		{
			domain = container_of(pos, struct domain, link);
			domain_policy_touch(domain->policy, NULL);
			policy_mark(broker, domain);
		}
		return;
	}
	/* What we write ourselves. */
	if (strncmp(rest, "/state", 6) == 0 || strcmp(rest, "/name") == 0 ||
	    strcmp(rest, "/uuid") == 0)
		return;
	domain = domain_find(broker, domid);
	if (!domain) {
		broker->domains_touched = true;
		return;
	}
	domain_policy_touch(domain->policy, *rest == '/' ? rest + 1 : rest);
	policy_mark(broker, domain);
}

/* /local/domain/<domid>/name */
static void mark_name(struct broker *broker, const char *path)
{
	static const char head[] = "/local/domain";
	struct domain *domain;
	uint32_t domid;
	const char *rest;

	if (strncmp(path, head, sizeof(head) - 1) != 0 ||
	    !path_number(path + sizeof(head) - 1, &domid, &rest))
		return;
	domain = domain_find(broker, domid);
	if (!domain)
		return;
	domain_policy_stale(domain->policy);
	policy_mark(broker, domain);
}

static void mark(struct broker *broker, const char *path, const char *token)
{
	if (strcmp(token, CONTROLLER_FRONT_TOKEN) == 0)
		mark_front(broker, path);
	else if (strcmp(token, TOKEN_BACK) == 0)
		mark_back(broker, path);
	else if (strcmp(token, TOKEN_POLICY) == 0)
		mark_policy(broker, path);
	else if (strcmp(token, DOMAIN_POLICY_NAME_TOKEN) == 0)
		mark_name(broker, path);
	else
		broker->domains_touched = true;
}

static void broker_fail(struct broker *broker, const char *what, int error)
{
	log_error("%s: %s", what, strerror(-error));
	broker->result = error;
	uv_stop(&broker->loop);
}

static void on_watches(uv_poll_t *poll, int status, int events)
{
	struct broker *broker = poll->data;
	char **event;

	errno = 0;
	while ((event = xs_check_watch(broker->xs))) {
		mark(broker, event[XS_WATCH_PATH], event[XS_WATCH_TOKEN]);
		free(event);
		errno = 0;
	}
	if (errno && errno != EAGAIN) {
		broker_fail(broker, "lost the connection to xenstored", -errno);
		return;
	}
	pass_schedule(broker);
}

/*
 * --- the pass ---
 */

/* A domain died: its grants are void, what it held is let go. */
static void domain_down(struct broker *broker, struct domain *domain)
{
	if (!domain->up)
		return;
	log_debug("domain %u is gone", domain->id.domid);
	domain->up = false;
	domain->policy_touched = true;
	domain->scan = true; /* touches all controllers */
	policy_tree_wipe(broker->env.xs, domain->id.domid);
}

static void on_audit(void *context, uint32_t domid,
		     const struct message_audit *audit)
{
	struct domain *domain = domain_find(context, domid);

	if (domain)
		domain_policy_audit(domain->policy, audit);
}

static void on_plugged(void *context, uint32_t domid, uint32_t devid,
		       bool plugged, const struct plugs_device *device,
		       unsigned int port)
{
	struct domain *domain = domain_find(context, domid);

	if (domain)
		domain_policy_audit_device(
			domain->policy, plugged,
			message_function_name(device->function), device->name,
			devid, port);
}

static void on_grant_stats(void *context, uint32_t domid,
			   const struct message_grant_stats *stats)
{
	struct broker *broker = context;

	control_grant_stats(broker->control, domid, stats);
}

static void domains_refresh(struct broker *broker)
{
	struct domain_list *list = broker->alive_domains;
	struct list_node *pos, *after;
	int error = domain_list_refresh(list);

	if (error) {
		log_error("cannot list the domains: %s", strerror(-error));
		return;
	}
	list_for_each_safe(pos, after, &broker->domains)
	{
		struct domain *domain = container_of(pos, struct domain, link);
		const struct domain_id *now =
			domain_list_find(list, domain->id.domid);

		if (now && domain_id_equal(now, &domain->id))
			continue;
		domain_down(broker, domain);
		/* The number lives on as somebody else. */
		if (now)
			domain_destroy(domain);
	}
	for (size_t i = 0; i < domain_list_count(list); i++) {
		const struct domain_id *id = domain_list_get(list, i);
		struct domain *domain;

		if (domain_find(broker, id->domid))
			continue;
		domain = domain_create(&broker->env, id);
		if (!domain)
			continue;
		policy_tree_adopt(broker->xs, id, !broker->started);
		list_append(&broker->domains, &domain->link);
		xl_domain_add(broker->xl, id);
	}
	policy_tree_sweep(broker->xs, list);
	journal_file_sweep(broker->env.run_folder, list);
}

static void pass(struct broker *broker)
{
	struct list_node *pos, *after;

	if (broker->ending)
		return;
	if (broker->domains_touched) {
		broker->domains_touched = false;
		domains_refresh(broker);
	}
	list_for_each_safe(pos, after, &broker->domains)
	{
		struct domain *domain = container_of(pos, struct domain, link);

		if (!domain->scan && !domain->touched &&
		    !domain->policy_touched)
			continue;
		if (!domain_run(domain))
			domain_destroy(domain);
	}
}

static void on_turn(uv_timer_t *timer)
{
	pass(timer->data);
}

static void on_alive(uv_timer_t *timer)
{
	struct broker *broker = timer->data;
	unsigned int len;

	errno = 0;
	free(xs_read(broker->xs, XBT_NULL, POLICY_TREE_ROOT, &len));
	if (errno && errno != ENOENT)
		broker_fail(broker, "xenstored does not answer", -errno);
}

/*
 * --- signals ---
 */

static void on_end_signal(uv_signal_t *signal, int number)
{
	struct broker *broker = signal->data;

	log_info("ending; connected controllers wait for the next 2virtd");
	notify_send("STOPPING=1");
	uv_stop(&broker->loop);
}

/* Services with a mistake are no failure. */
static int files_reload(void *context)
{
	struct broker *broker = context;
	int errors = registry_reload(broker->registry), broken;

	if (errors > 0)
		log_error("services: %d mistakes; what is right is in force",
			  errors);
	else if (errors == 0)
		log_info("services read");
	/* After the services, which already had all rules compiled again. */
	broken = policy_source_reload(broker->source, NULL);
	if (errors < 0)
		return errors;
	return broken < 0 ? broken : 0;
}

static void on_reload_signal(uv_signal_t *signal, int number)
{
	struct broker *broker = signal->data;

	notify_reloading();
	audit_reopen(broker->audit);
	files_reload(signal->data);
	notify_send("READY=1");
}

static void on_stats_signal(uv_signal_t *signal, int number)
{
	struct broker *broker = signal->data;
	struct list_node *pos;
	struct audit_totals totals = audit_totals(broker->audit);

	log_info("xenstore: %llu operations; audit: %llu lines, %llu lost, "
		 "%llu suppressed",
		 (unsigned long long)store_operations(),
		 (unsigned long long)totals.lines,
		 (unsigned long long)totals.lost,
		 (unsigned long long)totals.suppressed);
	list_for_each(pos, &broker->domains)
		domain_log_stats(container_of(pos, struct domain, link));
}

/*
 * --- life ---
 */

static int run_folder_make(const char *path)
{
	struct stat status;

	/* Anybody may pass, to the control socket; what is in it says who. */
	if (mkdir(path, 0711) < 0 && errno != EEXIST) {
		log_error("%s: %s", path, strerror(errno));
		return -errno;
	}
	if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode) ||
	    status.st_uid != geteuid() || (status.st_mode & 022)) {
		log_error("%s: must be a folder of this user that nobody else "
			  "can write",
			  path);
		return -EPERM;
	}
	if (chmod(path, 0711) < 0)
		return -errno;
	return 0;
}

static void on_audit_line(void *context, const char *line)
{
	struct broker *broker = context;

	control_audit(broker->control, line);
}

static int control_begin(struct broker *broker,
			 const struct broker_config *config)
{
	char path[256];
	struct control_config control = {
		.loop = &broker->loop,
		.xs = broker->xs,
		.registry = broker->registry,
		.source = broker->source,
		.audit = broker->audit,
		.domains = &broker->domains,
		.path = config->control ? config->control : path,
		.xl = config->xl_program,
		.reload = files_reload,
		.context = broker,
	};

	snprintf(path, sizeof(path), "%s/control.sock", config->run_folder);
	audit_follow(broker->audit, on_audit_line, broker);
	return control_start(&control, &broker->control);
}

static int watch_all(struct broker *broker)
{
	static const struct {
		const char *path, *token;
	} watches[] = {
		{"@introduceDomain", TOKEN_DOMAINS},
		{"@releaseDomain", TOKEN_DOMAINS},
		{BACKEND_ROOT, TOKEN_BACK},
		{POLICY_TREE_ROOT, TOKEN_POLICY},
	};

	for (size_t i = 0; i < sizeof(watches) / sizeof(watches[0]); i++) {
		errno = 0;
		if (!xs_watch(broker->xs, watches[i].path, watches[i].token)) {
			log_error("cannot watch %s: %s", watches[i].path,
				  strerror(errno));
			return errno ? -errno : -EIO;
		}
	}
	return 0;
}

static void signal_start(struct broker *broker, uv_signal_t *signal,
			 void (*handler)(uv_signal_t *signal, int number),
			 int number)
{
	uv_signal_init(&broker->loop, signal);
	signal->data = broker;
	uv_signal_start(signal, handler, number);
}

/* Handles that need nothing but the loop. */
static void handles_init(struct broker *broker)
{
	uv_timer_init(&broker->loop, &broker->turn);
	broker->turn.data = broker;
	uv_timer_init(&broker->loop, &broker->alive);
	broker->alive.data = broker;
	uv_timer_start(&broker->alive, on_alive, ALIVE_MS, ALIVE_MS);
	uv_timer_init(&broker->loop, &broker->settle);
	broker->settle.data = broker;
	uv_timer_init(&broker->loop, &broker->retry);
	broker->retry.data = broker;
	signal_start(broker, &broker->terminate, on_end_signal, SIGTERM);
	signal_start(broker, &broker->interrupt, on_end_signal, SIGINT);
	signal_start(broker, &broker->reload, on_reload_signal, SIGHUP);
	signal_start(broker, &broker->stats, on_stats_signal, SIGUSR1);
}

static int xen_open(struct broker *broker)
{
	int error = domain_list_open(&broker->alive_domains);

	if (error) {
		log_error("cannot talk to the hypervisor: %s",
			  strerror(-error));
		return error;
	}
	errno = 0;
	broker->xs = xs_open(0);
	if (!broker->xs) {
		error = errno ? -errno : -EIO;
		log_error("cannot connect to xenstored: %s", strerror(-error));
		return error;
	}
	error = policy_tree_init(broker->xs);
	if (error)
		log_error("cannot make " POLICY_TREE_ROOT ": %s",
			  strerror(-error));
	return error;
}

/* Services, rules and who is asked and told about them. */
static int policy_start(struct broker *broker,
			const struct broker_config *config)
{
	int error;

	broker->launcher =
		ask_launcher_create(&broker->loop, config->ask_program);
	broker->registry =
		registry_create(&broker->loop, config->services_folder,
				on_services_changed, broker);
	if (!broker->registry || !broker->launcher)
		return -ENOMEM;
	broker->source = policy_source_create(&(struct policy_source_config){
		.loop = &broker->loop,
		.folders = {.policy = config->policy_folder,
			    .domains = config->domains_folder,
			    .keep = config->keep_folder},
		.registry = broker->registry,
		.changed = on_rules_changed,
		.context = broker,
	});
	if (!broker->source)
		return -ENOMEM;
	error = audit_open(config->audit_file, &broker->audit);
	if (error) {
		log_error("%s: %s", config->audit_file, strerror(-error));
		return error;
	}
	error = registry_reload(broker->registry);
	if (error < 0)
		return error;
	if (error > 0)
		log_error("services: %d mistakes; what is right is in force",
			  error);
	/* What cannot be read grants nothing. */
	policy_source_reload(broker->source, NULL);
	broker->policy_env = (struct domain_policy_env){
		.loop = &broker->loop,
		.xs = broker->xs,
		.source = broker->source,
		.launcher = broker->launcher,
		.audit = broker->audit,
		.wake = on_policy_wake,
		.context = broker,
	};
	return 0;
}

static int broker_start(struct broker *broker,
			const struct broker_config *config)
{
	int error = run_folder_make(config->run_folder);

	if (!error)
		error = xen_open(broker);
	if (!error)
		error = policy_start(broker, config);
	if (error)
		return error;
	broker->env = (struct controller_env){
		.loop = &broker->loop,
		.xs = broker->xs,
		.registry = broker->registry,
		.program = config->program,
		.run_folder = config->run_folder,
		.uid_base = config->uid_base,
		.log_level = config->log_level,
		.contact = config->contact,
		.wake = on_wake,
		.audit = on_audit,
		.plugged = on_plugged,
		.grant_stats = on_grant_stats,
		.policy = &broker->policy_env,
		.context = broker,
	};
	broker->xl = xl_domain_create(&(struct xl_domain_config){
		.loop = &broker->loop,
		.xs = broker->xs,
		.list = broker->alive_domains,
		.program = config->xl_program,
		.folder = config->xl_folder,
	});
	if (!broker->xl)
		return -ENOMEM;
	error = watch_all(broker);
	if (!error)
		error = control_begin(broker, config);
	if (error)
		return error;
	uv_poll_init(&broker->loop, &broker->watches, xs_fileno(broker->xs));
	broker->watches.data = broker;
	uv_poll_start(&broker->watches, UV_READABLE, on_watches);
	broker->domains_touched = true;
	pass(broker);
	broker->started = true;
	return 0;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

/* Frees everything; device processes are killed and not waited for. */
static void broker_finish(struct broker *broker)
{
	struct list_node *pos, *after;

	broker->ending = true;
	audit_follow(broker->audit, NULL, NULL);
	control_stop(broker->control);
	list_for_each_safe(pos, after, &broker->domains)
		domain_destroy(container_of(pos, struct domain, link));
	policy_source_destroy(broker->source);
	registry_destroy(broker->registry);
	xl_domain_destroy(broker->xl);
	/* Close callbacks free what they belong to, so they run first. */
	uv_run(&broker->loop, UV_RUN_NOWAIT);
	uv_walk(&broker->loop, close_handle, NULL);
	uv_run(&broker->loop, UV_RUN_NOWAIT);
	if (broker->xs)
		xs_close(broker->xs);
	domain_list_close(broker->alive_domains);
	uv_loop_close(&broker->loop);
	control_free(broker->control);
	ask_launcher_destroy(broker->launcher);
	audit_close(broker->audit);
}

int broker_run(const struct broker_config *config)
{
	struct broker *broker = calloc(1, sizeof(*broker));
	int result;

	if (!broker || uv_loop_init(&broker->loop)) {
		free(broker);
		return -ENOMEM;
	}
	list_init(&broker->domains);
	handles_init(broker);
	result = broker_start(broker, config);
	if (!result) {
		log_info("ready");
		notify_send("READY=1");
		uv_run(&broker->loop, UV_RUN_DEFAULT);
		result = broker->result;
	}
	broker_finish(broker);
	free(broker);
	return result;
}
