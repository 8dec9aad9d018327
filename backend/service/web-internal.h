/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-internal.h - what the files of the web service share.
 *
 *   web_service_set ──▶ web_service (one per name, plus former ones that still
 *        │                  │        carry requests)
 *        │                  └──▶ web_upstream (one per address)
 *        │                           └──▶ web_link, idle
 *        ▼
 *   web_request (all) ──▶ its service ──▶ web_link while it is active
 *
 *   web_grant (one per name, outlives replacements) ◀── service, request
 *   web_share (one per pipe of the guest) ◀── request
 *
 * No callback of a request is called from where things happen: they fill
 * buffers and mark the request ready; the set's turn (web-set.c) then calls
 * back.
 */
#ifndef SERVICE_WEB_INTERNAL_H
#define SERVICE_WEB_INTERNAL_H

#include "backend/service/limit.h"
#include "backend/service/web-buffer.h"
#include "backend/service/web-path.h"
#include "backend/service/web.h"
#include "backend/util/list.h"

#include <curl/curl.h>
#include <http_parser.h>

/* ---- grants, shares and their limits ------------------------------------- */

/* A rate and who waits for it. */
struct web_limiter {
	struct web_service_set *set;
	struct list_node link; /* of the set, while it has a rate */
	struct limit_bucket bucket;
	struct limit_queue queue;
};

/* What is known of a name as long as it is granted, however often put. */
struct web_grant {
	struct list_node link; /* of the set */
	unsigned int refs;     /* the set, requests, uses */
	char *name;
	struct web_limits limits; /* its texts are owned */
	struct web_path_patterns *patterns;
	struct web_limiter limiter;
	struct limit_bucket rps;
	unsigned int streams; /* requests that are not released */
	unsigned int pipes;   /* that have carried some */
	struct web_grant_stats stats;
};

/* A pipe that has carried requests of a grant. */
struct web_share_use {
	struct list_node link; /* of the share */
	struct web_grant *grant;
};

struct web_share {
	struct list_node link; /* of the set */
	struct web_service_set *set;
	struct list_node uses;
	struct web_limiter limiter;
	enum web_priority wanted;
	uint64_t wanted_rate;
	void (*changed)(void *context);
	void *context;
	bool has_changed;
};

struct web_request;

struct web_grant *web_grant_find(const struct web_service_set *set,
				 const char *name, size_t len);
/* Finds or makes; NULL: out of memory. */
struct web_grant *web_grant_get(struct web_service_set *set, const char *name);
void web_grant_put(struct web_grant *grant);
/* The name is no longer granted. */
void web_grant_forget(struct web_service_set *set, struct web_grant *grant);
/* Of the domain as a whole; it has no name. */
bool web_grant_init(struct web_service_set *set, struct web_grant *grant);
void web_grant_fini(struct web_grant *grant);
/* 0, or the status to refuse a request with, before anything is made of it. */
unsigned int web_grant_judge(struct web_service_set *set,
			     struct web_grant *grant,
			     const struct web_request_head *head,
			     struct web_failure *failure);
/* A request was let in, or refused (grant: NULL if there is none), or is over.
 */
void web_grant_enter(struct web_request *request);
void web_grant_refused(struct web_service_set *set, struct web_grant *grant,
		       const struct web_request_head *head,
		       const struct web_failure *failure);
void web_grant_leave(struct web_request *request);
/* Which class it has: of what was asked for and what is allowed the lower. */
void web_grant_classify(struct web_request *request);
/* Policy ends a request that it had let in. */
void web_request_deny(struct web_request *request, unsigned int status,
		      enum web_verdict verdict);
/* What may be told to a guest about it; constant. */
const char *web_verdict_text(enum web_verdict verdict);
void web_grant_stage(struct web_request *request, enum web_stage stage,
		     uint64_t from_ns, uint64_t to_ns);

void web_limiter_init(struct web_service_set *set, struct web_limiter *limiter);
void web_limiter_set(struct web_limiter *limiter, uint64_t rate,
		     uint64_t burst);
void web_limiter_fini(struct web_limiter *limiter);
/* Octets, at most want, that may be moved; 0: it will be asked to go on. */
size_t web_limit_allow(struct web_request *request, size_t want);
void web_limit_spend(struct web_request *request, size_t octets);
/* It waits for nothing any more. */
void web_limit_leave(struct web_request *request);
/* Whether any rate holds for it, and the smallest of them. */
uint64_t web_limit_rate(const struct web_request *request);
/* Those whose time has come go on. */
void web_limit_turn(struct web_service_set *set);
void web_share_tell(struct web_service_set *set);
void web_share_mark_all(struct web_service_set *set);
/* A pipe carries a grant's requests: false: it must not. */
bool web_share_enter(struct web_share *share, struct web_grant *grant);

/* ---- upstreams ---------------------------------------------------------- */

struct web_upstream {
	CURLU *url;
	struct curl_slist *connect_to;
	char *label;	 /* for the log */
	char *host_line; /* "Host: …\r\n" */
	size_t host_line_len;
	char *base; /* path put before every target, "" mostly */
	size_t base_len;
	bool https;
	uint64_t down_until_ms;
	uint32_t backoff_ms; /* of the last failure; 0: it is up */
	struct list_node idle_links;
};

/* ---- services ----------------------------------------------------------- */

struct web_service {
	struct list_node link; /* of the set */
	struct web_service_set *set;
	char *name;
	struct web_grant *grant; /* borrowed: it lives as the name does */
	struct web_upstream *upstreams;
	unsigned int upstream_count;
	unsigned int next_upstream;
	char *ca_pem;
	size_t ca_pem_len;
	uint32_t connect_timeout_ms;
	uint32_t response_timeout_ms;
	uint32_t idle_timeout_ms;
	uint32_t down_ms;
	uint32_t connection_max;
	uint32_t header_max_bytes;
	uint64_t body_max_bytes;

	/* Replaced: it only ends what it has begun. */
	bool former;
	struct list_node waiting; /* requests without a link */
	unsigned int active;	  /* requests with a link */
	unsigned int stalled;	  /* of these, held up by the guest */
	unsigned int requests;	  /* all of its requests, ended ones too */
	uint64_t rested_ms;	  /* when the last request ended */
	struct web_service_stats stats;

	unsigned int links; /* idle ones too */
};

/* Validates and copies.  NULL with *error 0 means out of memory. */
struct web_service *web_service_create(struct web_service_set *set,
				       const struct web_service_config *config,
				       const char **error);
/* No request may be left. */
void web_service_destroy(struct web_service *service);
/* Closes what is idle; the next request makes new connections. */
void web_service_rest(struct web_service *service);
/* The next upstream that is up and not in the mask; -1: all are in it. */
int web_service_pick(struct web_service *service, uint64_t tried);
void web_upstream_failed(struct web_service *service,
			 struct web_upstream *upstream, const char *why);
void web_upstream_worked(struct web_service *service,
			 struct web_upstream *upstream);
void web_upstream_close_idle(struct web_upstream *upstream);
/* A connection slot is free: stalled requests do not count. */
static inline bool web_service_has_slot(const struct web_service *service)
{
	return service->active - service->stalled < service->connection_max;
}

/* ---- connections (web-link.c) ------------------------------------------- */

enum web_link_state { WEB_LINK_CONNECTING, WEB_LINK_READY, WEB_LINK_CLOSED };

struct web_link {
	struct web_service_set *set;
	struct web_service *service;
	struct web_upstream *upstream;
	struct web_request *request; /* NULL: idle */
	struct list_node idle;	     /* of the upstream */
	enum web_link_state state;
	CURL *easy; /* NULL: a plain connection that was taken from curl */
	CURLM *multi;
	bool due; /* curl wants to run at once */
	bool reused;
	bool taken;
	bool clamped; /* its receive buffer is small for a rate's sake */
	int fd;
	int watched;  /* UV_READABLE | UV_WRITABLE */
	bool polling; /* poll was made */
	bool poll_closed;
	bool freed;
	uv_poll_t poll;
};

/*
 * Begins to connect for a request; it goes on with web_exchange_start() or
 * web_request_unreachable(), maybe before this returns.  False: no memory.
 */
bool web_link_open(struct web_request *request, struct web_upstream *upstream);
/* An idle link, or NULL. */
struct web_link *web_link_take(struct web_upstream *upstream);
/* The exchange is over and the link is good for another. */
void web_link_rest(struct web_link *link);
void web_link_close(struct web_link *link);
void web_link_watch(struct web_link *link, int events);
/* Octets moved, 0 (received: the end), -EAGAIN, or another errno. */
ssize_t web_link_send(struct web_link *link, const void *data, size_t len);
ssize_t web_link_receive(struct web_link *link, void *data, size_t len);

/* ---- requests ----------------------------------------------------------- */

enum web_request_state {
	WEB_REQUEST_WAITING, /* for a connection slot */
	WEB_REQUEST_ACTIVE,  /* it has a link */
	WEB_REQUEST_ENDED,   /* the answer is complete */
	WEB_REQUEST_FAILED,
	WEB_REQUEST_STATE_COUNT
};

enum { /* what waits to be told */
       WEB_EVENT_HEAD = 1,
       WEB_EVENT_READABLE = 2,
       WEB_EVENT_DRAINED = 4,
       WEB_EVENT_FAILED = 8,
};

/* A header of the answer while the text may still move. */
struct web_header_offset {
	size_t name;
	size_t value;
	size_t name_len;
	size_t value_len;
};

struct web_answer {
	http_parser parser;
	char *text;
	size_t text_size;
	size_t text_len;
	size_t text_max;
	struct web_header_offset current; /* whose pieces come */
	bool in_header;
	bool in_value;
	struct web_header_offset *offsets;
	struct web_header *headers;
	size_t header_size;
	size_t header_count;
	size_t connection_count; /* Connection headers among them */
	struct web_buffer *body;
	bool bodyless; /* the answer to a HEAD */
	struct web_response_head head;
	bool head_complete;
	bool complete;
	bool keep_alive;
};

struct web_text {
	char *data;
	size_t size;
	size_t len;
};

struct web_request {
	struct list_node set_link;   /* of the set: all not released */
	struct list_node ready_link; /* of the set: something to tell */
	struct list_node wait_link;  /* of the service */
	struct list_node pause_link; /* of the set: it is to go on */
	struct web_service_set *set;
	struct web_service *service;
	struct web_link *link;
	const struct web_request_ops *ops;
	void *context;
	enum web_request_state state;
	unsigned int events;

	bool idempotent;
	bool has_body;
	bool body_finished; /* web_request_finish() was called */
	bool is_head;	    /* the method is HEAD */
	bool body_touched;  /* some of it was sent */
	bool connected;	    /* this attempt has a connection */
	bool answered;	    /* an octet of the answer came */
	bool send_paused;   /* the guest has not sent more */
	bool recv_paused;   /* the guest has not read more */
	bool stalled;	    /* counted in service->stalled */
	uint64_t tried;	    /* upstreams, by their place */
	unsigned int attempts;
	uint64_t moved_ms;
	uint64_t sent_octets;
	int64_t body_len;
	size_t drained;
	struct web_failure failure;

	/* Limits: web-limit.c, web-grant.c. */
	struct web_grant *grant;
	struct web_share *share;
	enum web_priority asked; /* by the guest */
	enum web_priority priority;
	bool throttled;		       /* waits for tokens */
	struct web_limiter *waits_for; /* whose */
	struct limit_flow flow;
	uint64_t allowance; /* while it has its turn: what is left of it */
	bool has_turn;
	uint64_t received_octets; /* of the answer's body */
	uint64_t in_octets;	  /* towards the upstream, heads too */
	uint64_t out_octets;	  /* from it */
	uint64_t start_ns;
	uint64_t sent_ns;     /* first octet towards an upstream; 0: none */
	uint64_t answered_ns; /* first octet of an answer */
	uint64_t told_ns;     /* the head was told; 0: not yet */
	unsigned int status;  /* that the guest was told */

	/* The request's head: method, target, header lines with the end. */
	struct web_text text;
	size_t target_at;
	size_t lines_at;

	/* What an attempt sends before and between the body's octets. */
	struct web_text out;
	size_t out_at;
	size_t chunk_left;
	bool chunked;
	bool last_sent;	   /* the last chunk is in out or sent */
	bool send_done;	   /* nothing more will be sent */
	bool send_broken;  /* because the upstream took no more */
	bool send_blocked; /* the socket is full */
	bool recv_full;	   /* the last read filled all the room there was */

	struct web_buffer up;
	struct web_buffer down;
	struct web_answer answer;
};

/* Gives requests that wait a link while there are slots. */
void web_request_admit(struct web_service *service);
void web_request_notify(struct web_request *request, unsigned int event);
void web_request_tell(struct web_request *request);
void web_request_ask_to_go_on(struct web_request *request);
/* Counts, or no longer counts, a request that the guest holds up. */
void web_request_update_stalled(struct web_request *request);
/* Looks at the clocks. */
void web_request_tick(struct web_request *request, uint64_t now_ms);
/* How attempts end; all but the first may be followed by another attempt. */
void web_request_done(struct web_request *request, bool reusable);
void web_request_unreachable(struct web_request *request, CURLcode result);
void web_request_broken(struct web_request *request, const char *text);
void web_request_fail(struct web_request *request, unsigned int status,
		      const char *text);
/* Frees a request that was released. */
void web_request_free(struct web_request *request);

/* ---- exchanges (web-exchange.c) ----------------------------------------- */

/* The request's link is ready. */
void web_exchange_start(struct web_request *request);
void web_exchange_event(struct web_request *request, int events);
/* The guest has sent more of the body, or made room for the answer's. */
void web_exchange_go_on(struct web_request *request);

/* ---- headers (web-header.c) --------------------------------------------- */

/* False: more than its largest size, or no memory. */
bool web_text_add(struct web_text *text, const void *data, size_t len);
/* Writes the request's text.  0, or the status to answer with. */
unsigned int web_header_compose(struct web_request *request,
				const struct web_request_head *head);
/* Whether a Connection header's value names a header. */
bool web_connection_names(const char *value, size_t value_len, const char *name,
			  size_t name_len);
/* "close" and "keep-alive" name no header: most have no more. */
bool web_connection_is_plain(const char *value, size_t len);

/* ---- answers (web-answer.c) --------------------------------------------- */

/* Before each attempt; keeps memory. */
void web_answer_init(struct web_answer *answer, size_t text_max, bool bodyless,
		     struct web_buffer *body);
/*
 * Octets of the answer, none for the end of the connection.  No more than fit
 * into the body's buffer.  False: malformed, cut off, or too large a head.
 */
bool web_answer_feed(struct web_answer *answer, const uint8_t *data,
		     size_t len);
void web_answer_free(struct web_answer *answer);

/* ---- the set ------------------------------------------------------------ */

struct web_service_set {
	uv_loop_t *loop;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	uv_timer_t tick;
	bool ticked;	   /* the observer wants a turn with each tick */
	uv_timer_t refill; /* until somebody's tokens are there */
	unsigned int open_handles;
	bool woken;	/* there is work for a turn */
	char *identity; /* header lines that say who the guest is */
	size_t identity_len;

	char *domain_name;
	char *contact;
	void (*audited)(void *context, const struct web_audit *audit);
	void *audit_context;
	struct list_node grants;
	struct list_node limiters; /* that have a rate */
	struct list_node shares;
	unsigned int share_count;
	bool shares_changed;
	struct web_grant domain;

	struct list_node services;
	struct list_node requests;
	struct list_node ready;
	struct list_node resume;
	unsigned int request_count;
	unsigned int request_max;
	struct web_request *telling; /* whose callbacks run */
	struct web_request *spare;   /* linked through context */
	unsigned int spare_count;
	struct web_budget budget;      /* of answers */
	struct web_budget up_budget;   /* of requests: the callers bound them */
	struct web_service_stats past; /* of services that are gone */
	void (*settled)(void *context);
	void *settled_context;
};

/* Makes sure that there is a turn before the loop sleeps. */
void web_set_wake(struct web_service_set *set);
struct web_service *web_set_find(const struct web_service_set *set,
				 const char *name, size_t len);
/* Takes a service that ends out of the set, keeping its numbers. */
void web_set_forget(struct web_service *service);
/* One of the handles that were counted in open_handles has closed. */
void web_set_handle_closed(struct web_service_set *set);
/* Makes sure that clocks are looked at. */
void web_set_start_ticking(struct web_service_set *set);
static inline uint64_t web_set_now(const struct web_service_set *set)
{
	return uv_now(set->loop);
}

#endif
