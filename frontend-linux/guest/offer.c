// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offer.c - a function offered to local programs on its sockets.
 *
 * Every function has a unix socket, the web function of the settings a TCP
 * listener on the loopback as well.  A connection is accepted only when a
 * pipe is free for it; until then it waits in the kernel's backlog and the
 * function is told that somebody waits.
 *
 * A link whose far side is answered by a local service (settings, "forward")
 * has one more pipe open that waits for the far side.
 */
#include "offer.h"

#include "log.h"
#include "service.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

enum { LISTENERS = 2 };

struct offer {
	struct function *function;
	struct listener *listener[LISTENERS]; /* unix; TCP or NULL */
	unsigned int next;		      /* asked first, by turns */
	struct service *service;	      /* NULL: none */
	bool serving;
	bool destroyed; /* while serving: the device went away just then */
};

static int accept_next(struct offer *offer)
{
	int one = 1;

	for (unsigned int i = 0; i < LISTENERS; i++) {
		unsigned int k = (offer->next + i) % LISTENERS;
		int fd = -1;

		if (offer->listener[k])
			fd = listener_accept(offer->listener[k]);
		if (fd < 0)
			continue;
		offer->next = k + 1;
		/* Of no effect, and no harm, on a unix socket. */
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		return fd;
	}
	return -1;
}

void offer_serve(struct offer *offer)
{
	if (offer->serving)
		return;
	offer->serving = true;
	function_set_waiting(offer->function, false);
	while (!offer->destroyed && function_has_free(offer->function)) {
		int fd = accept_next(offer);

		if (fd < 0)
			break;
		function_connect(offer->function, fd);
	}
	if (!offer->destroyed && offer->service)
		service_go_on(offer->service);
	offer->serving = false;
	if (offer->destroyed) {
		free(offer);
		return;
	}
	for (unsigned int i = 0; i < LISTENERS; i++)
		if (offer->listener[i])
			listener_resume(offer->listener[i]);
}

static void pending(void *context)
{
	struct offer *offer = context;

	/* None free: leave the poll off until offer_serve() is called. */
	if (function_has_free(offer->function))
		offer_serve(offer);
	else
		function_set_waiting(offer->function, true);
}

int offer_create(struct offer **result, uv_loop_t *loop,
		 struct function *function, const struct settings *settings)
{
	const struct function_name *name = function_name(function);
	struct offer *offer = calloc(1, sizeof(*offer));
	char path[sizeof(settings->runtime_dir) + sizeof(*name) + 8];
	int rc;

	if (!offer)
		return -ENOMEM;
	offer->function = function;
	rc = name_socket_path(name, settings->runtime_dir, path, sizeof(path));
	if (!rc)
		rc = listener_create_unix(&offer->listener[0], loop, path,
					  &settings->access, pending, offer);
	if (rc) {
		log_error("%s:%s: cannot listen on %s: %s", name->type,
			  name->name, path, strerror(-rc));
		free(offer);
		return rc;
	}
	if (settings->web_listen[0] && strcmp(name->type, "web") == 0 &&
	    strcmp(name->name, settings->web_name) == 0) {
		rc = listener_create_tcp(&offer->listener[1], loop,
					 settings->web_listen, pending, offer);
		if (rc)
			log_error("%s:%s: cannot listen on %s: %s", name->type,
				  name->name, settings->web_listen,
				  strerror(-rc));
	}
	log_info("%s:%s is on %s", name->type, name->name, path);
	if (settings_forward(settings, name)) {
		offer->service = service_create(
			loop, function, settings_forward(settings, name));
		if (!offer->service)
			log_error("%s:%s: there is no memory to answer it",
				  name->type, name->name);
	}
	*result = offer;
	return 0;
}

void offer_opened(struct offer *offer, unsigned int pipe)
{
	if (offer->service)
		service_opened(offer->service, pipe);
	else
		function_attach(offer->function, pipe, -1);
}

void offer_destroy(struct offer *offer)
{
	if (!offer)
		return;
	for (unsigned int i = 0; i < LISTENERS; i++)
		listener_destroy(offer->listener[i]);
	service_destroy(offer->service);
	offer->service = NULL;
	if (offer->serving)
		offer->destroyed = true;
	else
		free(offer);
}
