// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * controller.c - one PV USB controller.
 *
 * controller_look() is the only place where steps are taken: watches, timers
 * and the device process just note what happened and wake the broker, so that
 * many events in one turn of the loop cost one look.
 *
 * What may not be trusted: every node of the frontend (bounded reads, strict
 * numbers, one transaction), the device process (process.h).  The frontend's
 * path is computed; a path that somebody wrote is compared, never followed.
 * After START the rings' numbers are kept: whatever the guest writes later is
 * not looked at until it has disconnected.
 */
#include "backend/daemon/controller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/daemon/journal_file.h"
#include "backend/daemon/process.h"
#include "backend/daemon/store.h"
#include "backend/util/log.h"
#include "protocol/usbif.h"

enum {
	/* Steps in one look; the table has no longer way without waiting. */
	STEPS_MAX = 8,
	/* Looks that a guest can cause: this many at once, then slowly. */
	GUEST_BURST = 16,
	GUEST_INTERVAL_MS = 100,
	BACKOFF_FIRST_MS = 50,
	BACKOFF_MAX_MS = 5000,
	/* A process that lived this long ends the back-off. */
	BACKOFF_FORGET_MS = 30000,
};

struct controller {
	const struct controller_env *env;
	struct domain_id domain;
	uint32_t devid;
	char front[STORE_PATH_SIZE]; /* frontend directory, computed */
	char back[STORE_PATH_SIZE];

	enum controller_state state;
	bool touched;
	struct controller_view view; /* flags of timers and device process */
	uint32_t guest_looks;	     /* spent of GUEST_BURST */
	uint64_t guest_refill_ms;

	uv_timer_t hold, close, retry, throttle;
	unsigned int open_handles;

	uint32_t port_count;
	uint32_t max_ring_order, max_indirect;
	struct message_connect rings;
	bool rings_known; /* taken from the frontend, kept until it goes */
	bool served;	  /* the guest has seen Connected on these rings */
	bool adopted;	  /* found in InitWait: a journal may be there */

	struct process *process;
	uint64_t process_started_ms;
	uint32_t backoff_ms;
	int journal_fd;

	struct plugs *plugs;
	struct log_limit limit;
};

static void wake(struct controller *controller)
{
	controller->touched = true;
	controller->env->wake(controller->env->context,
			      controller->domain.domid);
}

uint32_t controller_devid(const struct controller *controller)
{
	return controller->devid;
}

const struct domain_id *controller_domain(const struct controller *controller)
{
	return &controller->domain;
}

enum controller_state controller_state(const struct controller *controller)
{
	return controller->state;
}

bool controller_is_connected(const struct controller *controller)
{
	return controller->state == CONTROLLER_CONNECTED;
}

#define LOG(controller, level, format, ...)                                    \
	log_limited(&(controller)->limit, level,                               \
		    "domain %u controller %u: " format,                        \
		    (controller)->domain.domid,                                \
		    (controller)->devid __VA_OPT__(, ) __VA_ARGS__)

/*
 * --- timers ---
 */

static void on_hold(uv_timer_t *timer)
{
	struct controller *controller = timer->data;

	controller->view.hold_over = true;
	wake(controller);
}

static void on_close_over(uv_timer_t *timer)
{
	struct controller *controller = timer->data;

	controller->view.close_over = true;
	wake(controller);
}

static void on_throttle(uv_timer_t *timer)
{
	wake(timer->data);
}

void controller_touch(struct controller *controller)
{
	controller->touched = true;
}

void controller_touch_by_guest(struct controller *controller)
{
	uint64_t now = uv_now(controller->env->loop);
	uint64_t refill =
		(now - controller->guest_refill_ms) / GUEST_INTERVAL_MS;

	if (refill) {
		controller->guest_looks =
			refill < controller->guest_looks
				? controller->guest_looks - (uint32_t)refill
				: 0;
		controller->guest_refill_ms = now;
	}
	if (controller->guest_looks < GUEST_BURST) {
		controller->guest_looks++;
		controller->touched = true;
	} else if (!uv_is_active((uv_handle_t *)&controller->throttle)) {
		uv_timer_start(&controller->throttle, on_throttle,
			       GUEST_INTERVAL_MS, 0);
	}
}

/*
 * --- the frontend's rings ---
 */

/* In a transaction: the whole of what a frontend publishes. */
static int rings_read(struct xs_handle *xs, xs_transaction_t transaction,
		      void *context)
{
	struct controller *controller = context;
	struct message_connect *rings = &controller->rings;
	const char *front = controller->front, *back = controller->back;
	uint32_t state;
	int error;

	memset(rings, 0, sizeof(*rings));
	error = store_read_number(xs, transaction, 8, &state, "%s/state",
				  front);
	if (error || state != XENBUS_STATE_CONNECTED)
		return error ? error : -ESTALE;
	if (store_read_number(xs, transaction, USBIF_MAX_RING_ORDER,
			      &controller->max_ring_order,
			      "%s/" USBIF_NODE_MAX_RING_ORDER, back))
		controller->max_ring_order = 0;
	if (store_read_number(xs, transaction, USBIF_MAX_INDIRECT_SEGMENTS,
			      &controller->max_indirect,
			      "%s/" USBIF_NODE_MAX_INDIRECT, back))
		controller->max_indirect = 0;
	error = store_read_number(xs, transaction, controller->max_ring_order,
				  &rings->ring_order,
				  "%s/" USBIF_NODE_URB_RING_ORDER, front);
	if (error == -ENOENT)
		error = 0; /* the stock dialect */
	if (!error && rings->ring_order == 0)
		error = store_read_number(xs, transaction, UINT32_MAX,
					  &rings->ring_refs[0],
					  "%s/" USBIF_NODE_URB_RING_REF, front);
	for (unsigned int i = 0;
	     !error && rings->ring_order && i < 1u << rings->ring_order; i++)
		error = store_read_number(
			xs, transaction, UINT32_MAX, &rings->ring_refs[i],
			"%s/" USBIF_NODE_URB_RING_REF "%u", front, i);
	if (!error)
		error = store_read_number(
			xs, transaction, UINT32_MAX, &rings->conn_ref,
			"%s/" USBIF_NODE_CONN_RING_REF, front);
	if (!error)
		error = store_read_number(
			xs, transaction, UINT32_MAX, &rings->event_channel,
			"%s/" USBIF_NODE_EVENT_CHANNEL, front);
	return error;
}

/* True: the rings are known and make sense. */
static bool rings_take(struct controller *controller)
{
	int error = store_transact(controller->env->xs, rings_read, controller);

	controller->rings_known = error == 0;
	if (!error)
		return true;
	if (error == -ESTALE) {
		/* It changed its mind meanwhile: its state says what, or it
		 * is asked again after the back-off. */
		controller->view.device_lost = true;
		return false;
	}
	LOG(controller, LOG_LEVEL_WARNING,
	    "the guest's frontend is cut off: its ring nodes are unusable: %s",
	    strerror(-error));
	controller->view.device_fault = true;
	return false;
}

/*
 * --- the device process ---
 */

static void on_acknowledged(void *context, unsigned int type, uint32_t sequence,
			    int error)
{
	struct controller *controller = context;

	if (type == MESSAGE_CONNECT) {
		/* An error comes with a FAULT, which says more. */
		controller->view.device_connected = error == 0;
		controller->view.device_fault |= error != 0;
		wake(controller);
		return;
	}
	if (error)
		LOG(controller, LOG_LEVEL_WARNING,
		    "the device process did not do %s: %s",
		    message_type_name(type), strerror(-error));
	if (controller_is_connected(controller))
		plugs_run(controller->plugs, controller->process,
			  controller->port_count);
}

static void on_fault(void *context, const struct message_fault *fault)
{
	struct controller *controller = context;

	if (controller->view.device_fault)
		return;
	LOG(controller, LOG_LEVEL_WARNING,
	    "the guest's frontend is cut off: %s: %s",
	    message_fault_name(fault->reason), fault->detail);
	controller->view.device_fault = true;
	wake(controller);
}

static void on_grant_stats(void *context,
			   const struct message_grant_stats *stats)
{
	struct controller *controller = context;
	const struct controller_env *env = controller->env;

	if (env->grant_stats)
		env->grant_stats(env->context, controller->domain.domid, stats);
}

static void on_stats(void *context, const struct message_stats *stats)
{
	struct controller *controller = context;

	log_info("domain %u controller %u: %llu requests, %llu octets in, "
		 "%llu out, %llu errors",
		 controller->domain.domid, controller->devid,
		 (unsigned long long)stats->requests,
		 (unsigned long long)stats->octets_in,
		 (unsigned long long)stats->octets_out,
		 (unsigned long long)stats->errors);
}

static void on_audit(void *context, const struct message_audit *audit)
{
	struct controller *controller = context;

	controller->env->audit(controller->env->context,
			       controller->domain.domid, audit);
}

static void on_plugged(void *context, bool plugged,
		       const struct plugs_device *device, unsigned int port)
{
	struct controller *controller = context;

	controller->env->plugged(controller->env->context,
				 controller->domain.domid, controller->devid,
				 plugged, device, port);
}

static void on_ended(void *context, const char *why)
{
	struct controller *controller = context;
	bool asked = controller->state == CONTROLLER_STOPPING ||
		     controller->state == CONTROLLER_REMOVE_STOPPING;

	controller->process = NULL;
	plugs_lost(controller->plugs);
	if (asked) {
		controller->view.device_stopped = true;
	} else {
		LOG(controller, LOG_LEVEL_WARNING,
		    "the device process ended: %s", why);
		controller->view.device_lost = true;
	}
	wake(controller);
}

static const struct process_ops process_ops = {
	.acknowledged = on_acknowledged,
	.fault = on_fault,
	.stats = on_stats,
	.grant_stats = on_grant_stats,
	.audit = on_audit,
	.ended = on_ended,
};

static void hello_fill(const struct controller *controller,
		       struct message_hello *hello)
{
	const struct controller_env *env = controller->env;
	char *name = hello->domain_name;

	memset(hello, 0, sizeof(*hello));
	hello->version = MESSAGE_VERSION;
	hello->domid = controller->domain.domid;
	hello->devid = controller->devid;
	hello->port_count = controller->port_count;
	hello->uid =
		geteuid() == 0 ? env->uid_base + controller->domain.domid : 0;
	hello->log_level = env->log_level;
	hello->max_ring_order = controller->max_ring_order;
	hello->max_indirect_segments = controller->max_indirect;
	memcpy(hello->domain_uuid, controller->domain.uuid,
	       sizeof(hello->domain_uuid));
	if (store_read(env->xs, XBT_NULL, name, sizeof(hello->domain_name),
		       "/local/domain/%u/name", hello->domid) ||
	    !name[0]) {
		memset(name, 0, sizeof(hello->domain_name));
		snprintf(name, sizeof(hello->domain_name), "domain-%u",
			 hello->domid);
	}
	/* It becomes the value of a header. */
	for (char *c = name; *c; c++)
		if (*c <= ' ' || *c > '~')
			*c = '_';
	memset(name + strlen(name), 0,
	       sizeof(hello->domain_name) - strlen(name));
	if (env->contact)
		snprintf(hello->contact, sizeof(hello->contact), "%s",
			 env->contact);
}

/*
 * Opens the journal that fits; *resume is what the device process shall do
 * with it.  0; -ENOENT: one is needed and not there; another negative errno.
 */
static int journal_open_for(struct controller *controller,
			    enum message_resume *resume)
{
	const char *folder = controller->env->run_folder;
	int fd = controller->journal_fd;

	/* A journal is there if there was a process on these rings before. */
	*resume = controller->served		   ? MESSAGE_RESUME
		  : controller->adopted || fd >= 0 ? MESSAGE_RESUME_OR_FRESH
						   : MESSAGE_FRESH;
	if (fd < 0)
		fd = journal_file_open(folder, &controller->domain,
				       controller->devid,
				       *resume == MESSAGE_FRESH);
	if (fd == -ENOENT && *resume == MESSAGE_RESUME_OR_FRESH) {
		*resume = MESSAGE_FRESH;
		fd = journal_file_open(folder, &controller->domain,
				       controller->devid, true);
	}
	if (fd < 0)
		return fd;
	controller->journal_fd = fd;
	return journal_file_check(fd);
}

/* 0 or a negative errno. */
static int device_spawn(struct controller *controller,
			enum message_resume resume)
{
	const struct controller_env *env = controller->env;
	struct process_config config = {
		.loop = env->loop,
		.program = env->program,
		.bus = "xen",
		.journal_fd = controller->journal_fd,
		.ops = &process_ops,
		.context = controller,
	};
	union message message = {.connect = controller->rings};
	int error;

	hello_fill(controller, &config.hello);
	error = process_start(&config, &controller->process);
	if (error)
		return error;
	log_debug("domain %u controller %u: device process %d",
		  controller->domain.domid, controller->devid,
		  (int)process_pid(controller->process));
	message.header.type = MESSAGE_CONNECT;
	message.connect.resume = resume;
	process_request(controller->process, &message, -1);
	return 0;
}

static void device_start(struct controller *controller)
{
	enum message_resume resume;
	int error;

	controller->process_started_ms = uv_now(controller->env->loop);
	controller->view.device_connected = false;
	controller->view.device_lost = false;
	if (!controller->rings_known && !rings_take(controller)) {
		wake(controller);
		return;
	}
	error = journal_open_for(controller, &resume);
	if (error == -ENOENT) {
		LOG(controller, LOG_LEVEL_WARNING,
		    "is connected, but there is no journal of it: closing it");
		controller->view.device_fault = true;
		wake(controller);
		return;
	}
	if (!error)
		error = device_spawn(controller, resume);
	if (error) {
		LOG(controller, LOG_LEVEL_ERROR,
		    "cannot start a device process: %s", strerror(-error));
		controller->view.device_lost = true;
		wake(controller);
	}
}

static void on_retry(uv_timer_t *timer)
{
	struct controller *controller = timer->data;

	if (!controller->process && controller->state == CONTROLLER_STARTING)
		device_start(controller);
}

static void device_replace(struct controller *controller)
{
	uint64_t lived =
		uv_now(controller->env->loop) - controller->process_started_ms;

	controller->view.device_lost = false;
	if (lived > BACKOFF_FORGET_MS || !controller->backoff_ms)
		controller->backoff_ms = BACKOFF_FIRST_MS;
	else if (controller->backoff_ms < BACKOFF_MAX_MS)
		controller->backoff_ms *= 2;
	if (controller->backoff_ms > BACKOFF_MAX_MS)
		controller->backoff_ms = BACKOFF_MAX_MS;
	uv_timer_start(&controller->retry, on_retry, controller->backoff_ms, 0);
}

/* Nothing of the guest is held any more. */
static void device_forget(struct controller *controller)
{
	uv_timer_stop(&controller->retry);
	controller->served = false;
	controller->adopted = false;
	controller->rings_known = false;
	if (controller->journal_fd >= 0)
		close(controller->journal_fd);
	controller->journal_fd = -1;
	journal_file_remove(controller->env->run_folder, &controller->domain,
			    controller->devid);
}

static void device_stop(struct controller *controller)
{
	if (controller->process)
		process_stop(controller->process);
	else
		controller->view.device_stopped = true;
}

static void device_kill(struct controller *controller)
{
	process_abandon(controller->process);
	controller->process = NULL;
	plugs_lost(controller->plugs);
	device_forget(controller);
}

/*
 * --- XenStore ---
 */

struct switch_request {
	const struct controller *controller;
	enum xenbus_node_state state;
};

/* In a transaction: writes the state unless the directory is gone. */
static int state_switch(struct xs_handle *xs, xs_transaction_t transaction,
			void *context)
{
	const struct switch_request *request = context;
	const char *back = request->controller->back;
	char text[16], now[16];
	int error;

	error = store_read(xs, transaction, now, sizeof(now), "%s/state", back);
	if (error)
		return error;
	snprintf(text, sizeof(text), "%d", request->state);
	/* A write wakes the frontend even if it changes nothing. */
	if (strcmp(now, text) == 0)
		return -EALREADY;
	if (request->state == XENBUS_STATE_INIT_WAIT) {
		char order[16], indirect[16];

		snprintf(order, sizeof(order), "%d", USBIF_MAX_RING_ORDER);
		snprintf(indirect, sizeof(indirect), "%d",
			 USBIF_MAX_INDIRECT_SEGMENTS);
		error = store_write(xs, transaction, order,
				    "%s/" USBIF_NODE_MAX_RING_ORDER, back);
		if (!error)
			error = store_write(xs, transaction, indirect,
					    "%s/" USBIF_NODE_MAX_INDIRECT,
					    back);
		if (error)
			return error;
	}
	return store_write(xs, transaction, text, "%s/state", back);
}

static void backend_write(struct controller *controller,
			  enum xenbus_node_state state)
{
	struct switch_request request = {controller, state};
	int error = store_transact(controller->env->xs, state_switch, &request);

	if (error && error != -EALREADY && error != -ENOENT)
		LOG(controller, LOG_LEVEL_ERROR, "cannot write state %d: %s",
		    state, strerror(-error));
}

/* A kernel backend that is loaded serves all pv controllers. */
static bool kernel_backend_present(void)
{
	return access("/sys/bus/xen-backend/drivers/vusb", F_OK) == 0 ||
	       access("/sys/module/xen_usbback", F_OK) == 0;
}

/* NULL: ours to serve; otherwise why not. */
static const char *foreign_reason(struct controller *controller)
{
	struct xs_handle *xs = controller->env->xs;
	const char *back = controller->back;
	char text[STORE_PATH_SIZE];
	uint32_t number;

	if (store_read(xs, XBT_NULL, text, sizeof(text), "%s/type", back) ||
	    strcmp(text, "pv") != 0)
		return "its type is not pv";
	if (store_read_number(xs, XBT_NULL, UINT32_MAX, &number,
			      "%s/frontend-id", back) ||
	    number != controller->domain.domid)
		return "its frontend-id is not the domain of its path";
	if (store_read(xs, XBT_NULL, text, sizeof(text), "%s/frontend", back) ||
	    strcmp(text, controller->front) != 0)
		return "its frontend is not where libxl puts it";
	if (store_read_number(xs, XBT_NULL, USBIF_MAX_PORTS,
			      &controller->port_count,
			      "%s/" USBIF_NODE_NUM_PORTS, back) ||
	    controller->port_count == 0)
		return "its number of ports is not 1 to 31";
	for (uint32_t port = 1; port <= controller->port_count; port++) {
		int error = store_read(xs, XBT_NULL, text, sizeof(text),
				       "%s/port/%u", back, port);

		if (error == -EMSGSIZE || (!error && text[0]))
			return "a host's USB device is assigned to it";
	}
	if (kernel_backend_present())
		return "a kernel backend (usbback) is loaded";
	return NULL;
}

static enum xenbus_node_state front_state_read(struct controller *controller)
{
	uint32_t number;
	int error = store_read_number(controller->env->xs, XBT_NULL, 8, &number,
				      "%s/state", controller->front);

	if (error == -ENOENT)
		return XENBUS_STATE_UNKNOWN;
	return error ? XENBUS_STATE_OTHER : (enum xenbus_node_state)number;
}

static void view_fill(struct controller *controller, bool domain_up)
{
	struct controller_view *view = &controller->view;
	struct xs_handle *xs = controller->env->xs;
	uint32_t number;
	int error;

	error = store_read_number(xs, XBT_NULL, 8, &number, "%s/state",
				  controller->back);
	view->exists = error != -ENOENT;
	view->backend =
		error ? XENBUS_STATE_OTHER : (enum xenbus_node_state)number;
	view->online = !store_read_number(xs, XBT_NULL, 1, &number, "%s/online",
					  controller->back) &&
		       number == 1;
	view->domain_up = domain_up;
	view->frontend = front_state_read(controller);
	view->foreign = false;
	if (view->exists && (controller->state == CONTROLLER_NEW ||
			     controller->state == CONTROLLER_IGNORED)) {
		const char *reason = foreign_reason(controller);

		view->foreign = reason != NULL;
		if (reason && controller->state == CONTROLLER_NEW)
			LOG(controller, LOG_LEVEL_NOTICE, "left alone: %s",
			    reason);
	}
}

static void state_publish(const struct controller *controller)
{
	store_write(controller->env->xs, XBT_NULL,
		    controller_state_name(controller->state),
		    "/tool/2virt/domain/%u/state/%u/controller",
		    controller->domain.domid, controller->devid);
}

/*
 * --- steps ---
 */

static void actions_do(struct controller *controller, unsigned int actions)
{
	struct controller_view *view = &controller->view;

	if (actions & CONTROLLER_ACTION_KILL)
		device_kill(controller);
	if (actions & CONTROLLER_ACTION_STOP)
		device_stop(controller);
	if (actions & (CONTROLLER_ACTION_START | CONTROLLER_ACTION_RESUME)) {
		view->device_fault = false;
		view->device_stopped = false;
		controller->served = actions & CONTROLLER_ACTION_RESUME;
		controller->rings_known = false;
		device_start(controller);
	}
	if (actions & CONTROLLER_ACTION_REPLACE)
		device_replace(controller);
	if (actions & CONTROLLER_ACTION_WRITE_INIT_WAIT)
		backend_write(controller, XENBUS_STATE_INIT_WAIT);
	if (actions & CONTROLLER_ACTION_WRITE_CONNECTED) {
		controller->served = true;
		backend_write(controller, XENBUS_STATE_CONNECTED);
	}
	if (actions & CONTROLLER_ACTION_WRITE_CLOSING)
		backend_write(controller, XENBUS_STATE_CLOSING);
	if (actions & CONTROLLER_ACTION_WRITE_CLOSED)
		backend_write(controller, XENBUS_STATE_CLOSED);
	if (actions & CONTROLLER_ACTION_ARM_HOLD) {
		view->hold_over = false;
		uv_timer_start(&controller->hold, on_hold, CONTROLLER_HOLD_MS,
			       0);
	}
	if (actions & CONTROLLER_ACTION_ARM_CLOSE) {
		view->close_over = false;
		uv_timer_start(&controller->close, on_close_over,
			       CONTROLLER_CLOSE_MS, 0);
	}
}

static void step_take(struct controller *controller,
		      enum controller_event event)
{
	struct controller_step step = controller_step(controller->state, event);
	enum controller_state from = controller->state;

	controller->state = step.state;
	if (from != step.state)
		log_debug("domain %u controller %u: %s -> %s (%s)",
			  controller->domain.domid, controller->devid,
			  controller_state_name(from),
			  controller_state_name(step.state),
			  controller_event_name(event));
	if (event == CONTROLLER_EVENT_BACK_INIT_WAIT)
		controller->adopted = true;
	/* Consumed; it must not speak for the next process. */
	controller->view.device_connected = false;
	if (event == CONTROLLER_EVENT_DEVICE_STOPPED) {
		controller->view.device_stopped = false;
		controller->view.device_lost = false;
		controller->view.device_fault = false;
		device_forget(controller);
	}
	actions_do(controller, step.actions);
	/* Not for the dead: their tree is wiped already. */
	if (from != step.state && controller->view.domain_up &&
	    step.state != CONTROLLER_GONE && step.state != CONTROLLER_IGNORED)
		state_publish(controller);
}

bool controller_look(struct controller *controller, bool domain_up)
{
	if (!controller->touched)
		return true;
	controller->touched = false;
	for (int i = 0; i < STEPS_MAX; i++) {
		enum controller_event event;

		view_fill(controller, domain_up);
		event = controller_event(controller->state, &controller->view);
		if (event == CONTROLLER_EVENT_NONE)
			break;
		step_take(controller, event);
		if (controller->state == CONTROLLER_GONE)
			return false;
	}
	return true;
}

unsigned int controller_port(const struct controller *controller,
			     enum message_function function, const char *name)
{
	return plugs_port(controller->plugs, function, name);
}

bool controller_grant_stats_get(struct controller *controller, const char *name)
{
	union message message = {.header.type = MESSAGE_GRANT_STATS_GET};

	snprintf(message.grant_stats_get.name,
		 sizeof(message.grant_stats_get.name), "%s", name);
	return controller_is_connected(controller) && controller->process &&
	       process_request(controller->process, &message, -1);
}

void controller_log_stats(struct controller *controller)
{
	union message message = {.header.type = MESSAGE_STATS_GET};

	if (controller_is_connected(controller) && controller->process)
		process_request(controller->process, &message, -1);
}

void controller_grant(struct controller *controller,
		      const struct plugs_wish *wish)
{
	plugs_want(controller->plugs, wish);
	if (controller_is_connected(controller) && controller->process)
		plugs_run(controller->plugs, controller->process,
			  controller->port_count);
}

/*
 * --- life ---
 */

struct controller *controller_create(const struct controller_env *env,
				     const struct domain_id *domain,
				     uint32_t devid)
{
	struct controller *controller = calloc(1, sizeof(*controller));
	uv_timer_t *timers[4];
	char path[STORE_PATH_SIZE + 8];

	if (!controller)
		return NULL;
	controller->plugs = plugs_create(&(struct plugs_config){
		.xs = env->xs,
		.registry = env->registry,
		.domid = domain->domid,
		.devid = devid,
		.plugged = on_plugged,
		.context = controller,
	});
	if (!controller->plugs) {
		free(controller);
		return NULL;
	}
	controller->env = env;
	controller->domain = *domain;
	controller->devid = devid;
	controller->journal_fd = -1;
	controller->touched = true;
	controller->limit = (struct log_limit)LOG_LIMIT_INIT(10, 1000);
	snprintf(controller->front, sizeof(controller->front),
		 "/local/domain/%u/device/vusb/%u", domain->domid, devid);
	snprintf(controller->back, sizeof(controller->back),
		 "/local/domain/0/backend/vusb/%u/%u", domain->domid, devid);
	timers[0] = &controller->hold;
	timers[1] = &controller->close;
	timers[2] = &controller->retry;
	timers[3] = &controller->throttle;
	for (int i = 0; i < 4; i++) {
		uv_timer_init(env->loop, timers[i]);
		timers[i]->data = controller;
		controller->open_handles++;
	}
	snprintf(path, sizeof(path), "%s/state", controller->front);
	if (!xs_watch(env->xs, path, CONTROLLER_FRONT_TOKEN))
		log_error("cannot watch %s: %s", path, strerror(errno));
	return controller;
}

static void on_closed(uv_handle_t *handle)
{
	struct controller *controller = handle->data;

	if (--controller->open_handles == 0)
		free(controller);
}

void controller_destroy(struct controller *controller)
{
	char path[STORE_PATH_SIZE + 8];

	if (!controller)
		return;
	process_abandon(controller->process);
	controller->process = NULL;
	if (controller->journal_fd >= 0)
		close(controller->journal_fd);
	snprintf(path, sizeof(path), "%s/state", controller->front);
	xs_unwatch(controller->env->xs, path, CONTROLLER_FRONT_TOKEN);
	plugs_destroy(controller->plugs);
	uv_close((uv_handle_t *)&controller->hold, on_closed);
	uv_close((uv_handle_t *)&controller->close, on_closed);
	uv_close((uv_handle_t *)&controller->retry, on_closed);
	uv_close((uv_handle_t *)&controller->throttle, on_closed);
}
