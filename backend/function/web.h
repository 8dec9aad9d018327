/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web.h - the web function: HTTP/1.1 and HTTP/2 on each of its pipes.
 *
 * A guest names the service it wants by Host or :authority; the service set
 * behind the function knows which ones are granted.  docs/web.md says what is
 * taken, what is refused and which headers travel.
 */
#ifndef FUNCTION_WEB_H
#define FUNCTION_WEB_H

#include "backend/service/web.h"
#include "backend/usb/function.h"

struct web_function_config {
	const char *name; /* of the function, "default": copied */
	/* Borrowed: must outlive the function, which observes it. */
	struct web_service_set *services;
	/* A 0 means the default. */
	unsigned int pipe_count;       /* 4 */
	uint32_t transfer_max_bytes;   /* told to the guest's driver; 1 MiB */
	uint32_t header_max_bytes;     /* of a request's head; 32768 */
	unsigned int header_max_count; /* 128 */
	uint32_t events_idle_ms; /* after which /events says a comment; 15 s */
};

/* NULL: out of memory. */
struct usb_function *
web_function_create(const struct web_function_config *config);

#endif
