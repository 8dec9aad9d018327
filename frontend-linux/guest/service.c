// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * service.c - answers the connections of a link's far side.
 *
 * A pipe that is reset before anybody joins it (this side is the one that
 * connects, for example) is not opened again at once, but after a pause.
 *
 * Every call into the function may end it and so this object; it is freed from
 * the close callback of its timer, that is after the call.
 */
#include "service.h"

#include "forward.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 1000, NO_PIPE = -1 };

struct service {
	struct function *function;
	uv_timer_t pause;
	int pipe; /* that waits, or NO_PIPE */
	bool ended;
	char *target;
};

static void pause_cb(uv_timer_t *timer)
{
	service_go_on(timer->data);
}

struct service *service_create(uv_loop_t *loop, struct function *function,
			       const char *target)
{
	struct service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	service->target = strdup(target);
	if (!service->target) {
		free(service);
		return NULL;
	}
	service->function = function;
	service->pipe = NO_PIPE;
	uv_timer_init(loop, &service->pause);
	service->pause.data = service;
	return service;
}

void service_go_on(struct service *service)
{
	if (service->ended || uv_is_active((uv_handle_t *)&service->pause))
		return;
	if (service->pipe != NO_PIPE) {
		if (function_is_waiting(service->function,
					(unsigned int)service->pipe))
			return;
		service->pipe = NO_PIPE;
		uv_timer_start(&service->pause, pause_cb, PAUSE_MS, 0);
		return;
	}
	service->pipe = function_wait(service->function);
	if (service->pipe < 0)
		service->pipe = NO_PIPE;
}

void service_opened(struct service *service, unsigned int pipe)
{
	struct function *function = service->function;
	int fd = forward_connect(service->target);

	if (fd < 0)
		log_warning("p2p:%s: %s cannot be connected to: %s",
			    function_name(function)->name, service->target,
			    strerror(-fd));
	if (service->pipe == (int)pipe)
		service->pipe = NO_PIPE;
	service_go_on(service);
	function_attach(function, pipe, fd);
}

static void closed_cb(uv_handle_t *handle)
{
	struct service *service = handle->data;

	free(service->target);
	free(service);
}

void service_destroy(struct service *service)
{
	if (!service || service->ended)
		return;
	service->ended = true;
	uv_close((uv_handle_t *)&service->pause, closed_cb);
}
