// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xl_attach.c - domains with usbdev="2virt" get a controller, by xl.
 *
 * A timer looks at the domains that wait: at one configuration in a turn,
 * since finding it reads files, and at who has been unpaused, of which there
 * is no event.  One xl runs at a time.  It waits for our own InitWait, so it
 * must not be waited for; one that hangs is killed.  The list is no longer
 * than the list of living domains.
 */
#include "backend/daemon/xl_attach.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/util/list.h"
#include "backend/util/log.h"

enum {
	TRIES_MAX = 3,
	/* How late it may be noticed that one was unpaused in the end. */
	INTERVAL_MAX_MS = 4000,
	/* The name may not be written yet, nor xl have read its file. */
	QUESTIONS_MAX = 2,
};

struct waiting {
	struct list_node link;
	struct domain_id id;
	bool wanted; /* it is in its configuration */
	bool looked; /* in this round */
	unsigned int questions, tries;
};

struct xl_attach {
	struct xl_attach_config config;
	struct list_node list;
	uv_timer_t timer;    /* the next look */
	uv_timer_t deadline; /* of the xl at work */
	uv_process_t child;
	struct waiting *served; /* by the xl at work, or NULL */
	bool child_open;	/* its handle is not closed yet */
	bool destroyed;
	unsigned int open_handles;
	uint32_t interval_ms; /* grows while nothing happens */
};

static void on_look(uv_timer_t *timer);

static void look_later(struct xl_attach *attach)
{
	if (!attach->destroyed && !list_empty(&attach->list) &&
	    !uv_is_active((uv_handle_t *)&attach->timer))
		uv_timer_start(&attach->timer, on_look, attach->interval_ms, 0);
}

static void waiting_free(struct waiting *waiting)
{
	list_remove(&waiting->link);
	free(waiting);
}

/*
 * --- xl ---
 */

static void attach_free(struct xl_attach *attach)
{
	struct list_node *pos, *after;

	if (!attach->destroyed || attach->open_handles)
		return;
	list_for_each_safe(pos, after, &attach->list)
		waiting_free(container_of(pos, struct waiting, link));
	free(attach);
}

static void on_close(uv_handle_t *handle)
{
	struct xl_attach *attach = handle->data;

	if (handle == (uv_handle_t *)&attach->child)
		attach->child_open = false;
	attach->open_handles--;
	look_later(attach);
	attach_free(attach);
}

/* xl has ended, or could not be started. */
static void served_end(struct xl_attach *attach, bool good, const char *why)
{
	struct waiting *waiting = attach->served;

	attach->served = NULL;
	uv_timer_stop(&attach->deadline);
	uv_close((uv_handle_t *)&attach->child, on_close);
	if (attach->destroyed)
		return;
	if (good) {
		log_info("domain %u: a controller was attached for usbdev=",
			 waiting->id.domid);
		waiting_free(waiting);
	} else if (attach->config.ops->run_state(attach->config.context,
						 &waiting->id) ==
		   XL_ATTACH_GONE) {
		waiting_free(waiting);
	} else if (++waiting->tries == TRIES_MAX) {
		log_error("domain %u: usbdev=: xl usbctrl-attach %s; given up",
			  waiting->id.domid, why);
		waiting_free(waiting);
	} else {
		log_warning("domain %u: usbdev=: xl usbctrl-attach %s; once "
			    "more",
			    waiting->id.domid, why);
	}
}

static void on_exit_of_xl(uv_process_t *child, int64_t status, int signal)
{
	char why[48];

	if (signal)
		snprintf(why, sizeof(why), "was ended by signal %d", signal);
	else
		snprintf(why, sizeof(why), "ended with %d", (int)status);
	served_end(child->data, !status && !signal, why);
}

static void on_deadline(uv_timer_t *timer)
{
	struct xl_attach *attach = timer->data;

	uv_process_kill(&attach->child, SIGKILL);
}

/* What xl needs of our environment, and no more. */
static void environment_make(char path[512], char *environment[2])
{
	const char *ours = getenv("PATH");

	snprintf(path, 512, "PATH=%s",
		 ours ? ours : "/usr/sbin:/usr/bin:/sbin:/bin");
	environment[0] = path;
	environment[1] = NULL;
}

static void xl_start(struct xl_attach *attach, struct waiting *waiting)
{
	char domid[12], path[512], *environment[2];
	const char *args[] = {attach->config.program,
			      "usbctrl-attach",
			      domid,
			      "type=pv",
			      "version=2",
			      "ports=8",
			      NULL};
	uv_stdio_container_t stdio[] = {
		{.flags = UV_IGNORE},
		{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	};
	uv_process_options_t options = {
		.exit_cb = on_exit_of_xl,
		.file = attach->config.program,
		.args = (char **)args,
		.env = environment,
		.stdio = stdio,
		.stdio_count = 3,
		/* A session of its own: no terminal of ours. */
		.flags = UV_PROCESS_DETACHED,
	};
	int error;

	snprintf(domid, sizeof(domid), "%u", waiting->id.domid);
	environment_make(path, environment);
	attach->served = waiting;
	attach->child_open = true;
	attach->open_handles++;
	attach->child.data = attach;
	error = uv_spawn(attach->config.loop, &attach->child, &options);
	if (error)
		served_end(attach, false, uv_strerror(error));
	else
		uv_timer_start(&attach->deadline, on_deadline,
			       attach->config.deadline_ms, 0);
}

/*
 * --- who waits ---
 */

/* False: there is nothing to do for it, and it was freed. */
static bool ask(struct xl_attach *attach, struct waiting *waiting)
{
	const struct xl_attach_ops *ops = attach->config.ops;
	void *context = attach->config.context;

	waiting->wanted = ops->wanted(context, &waiting->id);
	if (waiting->wanted)
		log_debug("domain %u: its configuration has usbdev=\"2virt\"",
			  waiting->id.domid);
	if (waiting->wanted || ++waiting->questions < QUESTIONS_MAX)
		return true;
	waiting_free(waiting);
	return false;
}

/* True: it took the turn. */
static bool look_at(struct xl_attach *attach, struct waiting *waiting)
{
	const struct xl_attach_ops *ops = attach->config.ops;
	void *context = attach->config.context;
	int state = ops->run_state(context, &waiting->id);

	/* Before a file is read: nearly all that a new 2virtd meets. */
	if (state == XL_ATTACH_GONE ||
	    ops->has_controller(context, &waiting->id)) {
		waiting_free(waiting);
		return false;
	}
	if (!waiting->wanted) {
		/* The second question when xl is through with creating. */
		if (waiting->questions && state == XL_ATTACH_PAUSED)
			return false;
		ask(attach, waiting);
		return true;
	}
	if (state == XL_ATTACH_PAUSED)
		return false;
	xl_start(attach, waiting);
	return true;
}

static void on_look(uv_timer_t *timer)
{
	struct xl_attach *attach = timer->data;
	struct list_node *pos, *after;
	bool all = true;

	list_for_each_safe(pos, after, &attach->list)
	{
		struct waiting *waiting =
			container_of(pos, struct waiting, link);

		if (attach->child_open)
			return; /* its end looks again */
		if (waiting->looked)
			continue;
		waiting->looked = true;
		if (look_at(attach, waiting)) {
			all = false;
			break;
		}
	}
	/* A round is through: the next one begins with the first again. */
	if (all) {
		list_for_each(pos, &attach->list)
			container_of(pos, struct waiting, link)
				->looked = false;
		attach->interval_ms *= 2;
		if (attach->interval_ms > INTERVAL_MAX_MS)
			attach->interval_ms = INTERVAL_MAX_MS;
	} else {
		attach->interval_ms = attach->config.look_ms;
	}
	look_later(attach);
}

/*
 * --- life ---
 */

struct xl_attach *xl_attach_create(const struct xl_attach_config *config)
{
	struct xl_attach *attach = calloc(1, sizeof(*attach));

	if (!attach)
		return NULL;
	attach->config = *config;
	attach->interval_ms = config->look_ms;
	list_init(&attach->list);
	uv_timer_init(config->loop, &attach->timer);
	uv_timer_init(config->loop, &attach->deadline);
	attach->timer.data = attach;
	attach->deadline.data = attach;
	attach->open_handles = 2;
	return attach;
}

void xl_attach_add(struct xl_attach *attach, const struct domain_id *domain)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return;
	waiting->id = *domain;
	list_append(&attach->list, &waiting->link);
	attach->interval_ms = attach->config.look_ms;
	uv_timer_stop(&attach->timer);
	look_later(attach);
}

unsigned int xl_attach_pending(const struct xl_attach *attach)
{
	unsigned int count = 0;

	for (const struct list_node *pos = attach->list.next;
	     pos != &attach->list; pos = pos->next)
		count++;
	return count;
}

void xl_attach_destroy(struct xl_attach *attach)
{
	if (!attach)
		return;
	attach->destroyed = true;
	uv_close((uv_handle_t *)&attach->timer, on_close);
	uv_close((uv_handle_t *)&attach->deadline, on_close);
	if (attach->served) {
		/* It is reaped by who comes after us. */
		uv_process_kill(&attach->child, SIGKILL);
		attach->served = NULL;
		uv_close((uv_handle_t *)&attach->child, on_close);
	}
}
