/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-conn.h - what the files of the web function share.
 *
 *   web_function ──▶ web_conn, one for each open pipe
 *                        │ protocol, once the first octets have told it
 *                        ├──▶ HTTP/1.1 (web-http1.c): one request at a time
 *                        └──▶ HTTP/2   (web-http2.c): one for each stream
 *
 * A protocol never calls the pipe.  It says what it wants in the connection
 * and marks it; web.c speaks to the pipe in the next turn of the services.
 */
#ifndef FUNCTION_WEB_CONN_H
#define FUNCTION_WEB_CONN_H

#include "backend/function/web.h"
#include "backend/usb/pipe.h"
#include "backend/util/list.h"

#include <stdio.h>

struct web_conn;
struct web_function;

struct web_protocol {
	/* The protocol's state, or NULL: no memory. */
	void *(*create)(struct web_conn *conn);
	/* As in struct pipe_handler_ops. */
	size_t (*receive)(void *state, const uint8_t *data, size_t len);
	void (*receive_end)(void *state);
	size_t (*produce)(void *state, uint8_t *data, size_t len);
	/* Cuts everything. */
	void (*destroy)(void *state);
};

extern const struct web_protocol web_http1;
extern const struct web_protocol web_http2;

struct web_conn {
	struct web_function *function;
	struct pipe *pipe;
	struct list_node dirty; /* in the function's list of marked ones */
	const struct web_protocol *protocol; /* NULL: not told yet */
	void *state;
	unsigned int preface_len; /* octets that were as HTTP/2's first */
	struct web_share *share;  /* what the pipe may use */

	/* What a protocol asks for. */
	bool want_out; /* octets were refused; there is room now */
	bool finished; /* all was produced: end the pipe, take no more */
	enum tv_pipe_reason reset; /* not NONE: reset the pipe */
};

struct web_function {
	struct web_service_set *services;
	size_t header_max_bytes;
	unsigned int header_max_count;
	struct list_node dirty;
	/* Shared by all HTTP/2 sessions; NULL until the first. */
	struct web_http2_shared *http2;
	size_t own_bytes;	 /* of bodies that struct web_own holds */
	struct web_watch *watch; /* of /events; NULL until the first */
	uint32_t events_idle_ms;
};

/* There is something to tell the pipe, or to produce. */
void web_conn_mark(struct web_conn *conn);

void web_http2_shared_free(struct web_http2_shared *shared);

/* ---- priority (web-priority.c) ------------------------------------------ */

/* RFC 9218: what a request says of itself. */
struct web_urgency {
	bool given;
	uint8_t urgency; /* 0, most urgent, to 7 */
	bool incremental;
};

enum { WEB_URGENCY_DEFAULT = 3, WEB_PRIORITY_TEXT_MAX = 8 };

/* Reads a priority header; what is malformed or unknown counts as not said. */
struct web_urgency web_urgency_read(const char *value, size_t len);
/* The class it asks for; NONE: none. */
enum web_priority web_urgency_class(const struct web_urgency *urgency);
/* What it gets in a class that policy allows: never more urgent than that. */
struct web_urgency web_urgency_within(const struct web_urgency *urgency,
				      enum web_priority priority);
/* "u=3, i"; the length. */
size_t web_urgency_write(char text[WEB_PRIORITY_TEXT_MAX],
			 const struct web_urgency *urgency);

/* ---- pages (web-page.c) -------------------------------------------------- */

struct web_ask;

/* An answer of our own. */
struct web_page {
	unsigned int status;
	const char *type; /* constant */
	char *text;	  /* owned */
	size_t len;
	unsigned int retry_after_s; /* 0: not said */
	bool allow;		    /* says which methods there are */
	bool fresh;		    /* says that it must not be kept */
	bool events;		    /* the body is a struct web_events */
	const char *policy; /* Content-Security-Policy, constant, or NULL */
};

/* The page that says why a request failed; why as in web_page_write(). */
bool web_page_refuse(struct web_page *page, unsigned int status,
		     const char *why);
/* The same for what policy decided; service may be NULL. */
bool web_page_deny(struct web_page *page, const struct web_function *function,
		   const struct web_failure *failure, const char *service);

/* ---- what the function answers itself (web-own.c) ------------------------ */

enum {
	WEB_OWN_BODY_MAX = 64 * 1024,	    /* octets of one request's body */
	WEB_OWN_BODIES_MAX = 8 * 64 * 1024, /* of all of a device together */
};

enum web_own_route {
	WEB_OWN_NONE,
	WEB_OWN_REFUSED, /* with status and why */
	WEB_OWN_JSON,
	WEB_OWN_HTML,
	WEB_OWN_UDDI,
	WEB_OWN_EVENTS,
	WEB_OWN_ROUTE_COUNT
};

/*
 * A request to the function itself, to http://directory/.  All zeros: there is
 * none.  It is small; the body's octets are its own and come out of one budget
 * of the device.
 */
struct web_own {
	enum web_own_route route;
	unsigned int status;
	const char *why; /* constant */
	struct web_function *function;
	char *body;
	size_t len;
	size_t size;
};

/* Whether the function answers this itself. */
bool web_own_is(const struct web_ask *ask);
/* Decides what is asked for.  Nothing of ask is needed afterwards. */
void web_own_begin(struct web_own *own, struct web_function *function,
		   const struct web_ask *ask);
/* Whether the answer waits for the request's body. */
bool web_own_wants_body(const struct web_own *own);
/* Takes octets of the body.  False: it is refused now, answer at once. */
bool web_own_write(struct web_own *own, const uint8_t *data, size_t len);
/* Makes the answer.  False: no memory.  What own held is freed. */
bool web_own_answer(struct web_own *own, struct web_page *page);
/* Forgets everything; own is all zeros then. */
void web_own_end(struct web_own *own);

/* All that this machine is granted, as JSON (web-directory.c). */
bool web_directory_json(struct web_page *page,
			struct web_service_set *services);
/* The same for eyes, as HTML (web-directory-html.c). */
bool web_directory_html(struct web_page *page,
			struct web_service_set *services);
/* "high" and the like; NULL: NONE, or there is no such class. */
const char *web_class_name(uint32_t priority);
const char *web_health_name(enum web_health health);
/* What UDDI's inquiry of len octets asks for (web-directory-uddi.c). */
bool web_directory_uddi(struct web_page *page, struct web_service_set *services,
			const char *request, size_t len);

/* One grant, or its limits, as a JSON object in one line. */
void web_directory_put_grant(FILE *out, const struct web_grant_info *info);
void web_directory_put_limits(FILE *out, const struct web_grant_info *info);

/* ---- changes of the directory (web-events.c) ----------------------------- */

enum {
	WEB_EVENTS_MAX = 16, /* listeners of one device */
	WEB_EVENTS_BUFFER_MAX = 64 * 1024,
};

struct web_watch;
struct web_events;

/*
 * A listener.  readable() is called when web_events_peek() or _over() has
 * something new, and must not destroy listeners.  NULL: too many of them, or
 * no memory.
 */
struct web_events *web_events_create(struct web_function *function,
				     void (*readable)(void *context),
				     void *context);
/* NULL is no error. */
void web_events_destroy(struct web_events *events);
/* As web_request_peek(), _consume() and _complete(). */
size_t web_events_peek(const struct web_events *events, const uint8_t **data);
void web_events_consume(struct web_events *events, size_t len);
bool web_events_over(const struct web_events *events);
/* A turn of the set: looks whether something has changed. */
void web_events_turn(struct web_function *function);
/* There are no listeners any more.  NULL is no error. */
void web_watch_free(struct web_watch *watch);

/* ---- requests (web-ask.c) ----------------------------------------------- */

/*
 * A request's head as it was parsed, before anything believes it.  Headers
 * are those that are not part of HTTP/2's pseudo-headers.
 */
struct web_ask {
	const char *method;
	size_t method_len;
	const char *target; /* origin form or "*" */
	size_t target_len;
	/* Of :authority or the target's absolute form; NULL: there is none. */
	const char *authority;
	size_t authority_len;
	const struct web_header *headers;
	size_t header_count;
	unsigned int major;
	unsigned int minor;
	bool ended; /* HTTP/2: the head has END_STREAM */

	/* Found by web_ask_check(). */
	char service[WEB_SERVICE_NAME_MAX + 1];
	size_t service_len;
	struct web_urgency urgency;
	bool chunked;
	bool expects_continue;
	bool upgrade;
	int64_t content_length; /* negative: none was given */
};

/*
 * Checks everything that decides what a request is and where it ends.
 * 0, or the status to refuse it with; then *why is one line about it.
 */
unsigned int web_ask_check(struct web_ask *ask, const char **why);

/* The head for the service set.  body_len as in struct web_request_head. */
void web_ask_fill(const struct web_ask *ask, int64_t body_len,
		  size_t body_buffer_bytes, struct web_request_head *head);

/* Whether policy, not the request itself, is why a request fails. */
bool web_is_denied(const struct web_failure *failure);
/* How a pipe or stream is cut whose answer has begun. */
enum tv_pipe_reason web_failure_reason(const struct web_failure *failure);

bool web_is_token(const char *text, size_t len);

/* "Not Found" and the like, never NULL. */
const char *web_status_phrase(unsigned int status);

/* The methods that may be asked for, for Allow. */
extern const char web_allowed_methods[];

#endif
