/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web.h - the outside of the web function: clusters of web servers by name.
 *
 * A web_service_set holds all web services that one domain is granted.  The
 * function starts requests by service name; the set picks an upstream, speaks
 * HTTP/1.1 to it (libcurl) and hands the answer back.
 *
 * Everything happens on one libuv loop.  No function of this header calls back
 * before it returns: callbacks come from the loop, and whatever this header
 * offers may be called inside them.
 */
#ifndef SERVICE_WEB_H
#define SERVICE_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct web_service_set;
struct web_request;
struct web_audit;

enum {
	WEB_SERVICE_NAME_MAX = 253, /* octets, without the final 0 */
	WEB_UPSTREAM_MAX = 64,	    /* per service, one for each address */
};

struct web_service_set_config {
	uv_loop_t *loop;
	/*
	 * Who the guest is, for X-2Virt-Domain and X-2Virt-Domain-UUID: copied,
	 * visible ASCII only.
	 */
	const char *domain_name;
	const char *domain_uuid;
	/*
	 * Requests of this domain at once (0: 1024), and octets that bodies
	 * may hold in memory beyond a first 16 KiB each (0: 32 MiB).
	 */
	unsigned int request_max;
	size_t buffer_max_bytes;
	/*
	 * Whom a guest's user may ask about a refusal ("cloud@example.org"):
	 * copied, a page of text shows it; NULL: nobody is named.
	 */
	const char *contact;
	/*
	 * Called once for each request that was decided about, when it is over
	 * (a denied one at once).  NULL: nobody wants to know.  It may be
	 * called from inside web_request_start() and web_request_release(),
	 * and must not call this header's functions.
	 */
	void (*audited)(void *context, const struct web_audit *audit);
	void *audit_context;
};

/* What was decided about a request: why it was refused or cut, or not. */
enum web_verdict {
	WEB_ALLOWED,
	WEB_NO_GRANT,
	WEB_METHOD,
	WEB_PATH,
	WEB_REQUEST_SIZE,
	WEB_RESPONSE_SIZE,
	WEB_RPS,
	WEB_STREAMS,
	WEB_PIPES,
	WEB_REVOKED,
	WEB_VERDICT_COUNT
};

/* "allowed", "no-grant", "method", …: as in audit lines and metrics. */
const char *web_verdict_name(enum web_verdict verdict);

/* One request; everything lives only while audited() runs. */
struct web_audit {
	const char *service;
	const char *method;
	const char *path; /* without query */
	/*
	 * As the guest saw it; 0: none, the guest left before the answer
	 * began.  With another verdict than WEB_ALLOWED and a status below
	 * 400 the answer was cut.
	 */
	unsigned int status;
	enum web_verdict verdict;
	uint64_t in_octets;  /* head and body from the guest */
	uint64_t out_octets; /* head and body to the guest */
	uint64_t duration_us;
	bool notify; /* the grant wants its use to be told */
};

enum web_priority { /* the class a grant may use; WEB_PRIORITY_NONE: normal */
		    WEB_PRIORITY_NONE,
		    WEB_PRIORITY_HIGH,
		    WEB_PRIORITY_NORMAL,
		    WEB_PRIORITY_LOW,
		    WEB_PRIORITY_COUNT
};

/* What a grant, or a domain, may use.  0 and NULL: no limit. */
struct web_limits {
	uint64_t request_bytes;	 /* of a request's body */
	uint64_t response_bytes; /* of an answer's body */
	uint64_t rate;		 /* octets a second, both ways together */
	uint64_t burst;		 /* octets; 0 with a rate: 64 KiB at most */
	uint32_t rps;		 /* requests a second */
	uint32_t streams;	 /* requests at once */
	uint32_t pipes;		 /* pipes that carry them at once */
	uint32_t weight;	 /* share when octets are scarce; 0: 100 */
	uint32_t priority;	 /* enum web_priority: the best class allowed */
	bool notify;		 /* audits say so */
	const char *methods;	 /* "GET,HEAD" */
	const char *paths;	 /* "/api/ *,/img/ *", without the blanks */
};

struct web_upstream_config {
	/* "http://host[:port][/base]" or https; no user, query, fragment. */
	const char *url;
	/*
	 * The host's numeric addresses ("192.0.2.1", "2001:db8::1"), each used
	 * as an upstream of its own.  May be none if the host is numeric:
	 * nothing is ever resolved here.
	 */
	const char *const *addresses;
	unsigned int address_count;
};

/* Everything is copied.  A 0 in a number means its default. */
struct web_service_config {
	const char *name; /* as in Host: [a-z0-9._-] */
	const struct web_upstream_config *upstreams;
	unsigned int upstream_count;
	/* The only certificates https trusts; NULL: there is no https. */
	const char *ca_pem;
	size_t ca_pem_len;
	/* Host towards the upstreams; NULL: the authority of the URL. */
	const char *host_header;
	uint32_t connect_timeout_ms;  /* with TLS; 3000 */
	uint32_t response_timeout_ms; /* request sent to answer's head; 30000 */
	uint32_t idle_timeout_ms;     /* nothing moves in a body; 30000 */
	uint32_t down_ms;	   /* first back-off, doubles to 30 s; 1000 */
	uint32_t connection_max;   /* that carry requests; 128 */
	uint32_t header_max_bytes; /* of an answer's head; 65536 */
	uint64_t body_max_bytes;   /* of a request's body; 0: no limit */
};

/* NULL: out of memory, or the domain's name or uuid is not fit for a header. */
struct web_service_set *
web_service_set_create(const struct web_service_set_config *config);

/*
 * Cuts everything without calling back: the owners of requests must have
 * released them.  Memory is freed once the loop has run its close callbacks.
 */
void web_service_set_destroy(struct web_service_set *set);

/*
 * Grants a service, or replaces it: requests in flight end on the former
 * configuration, later ones use this one.
 * 0, -EINVAL (a malformed configuration, said in the log), -ENOMEM.
 */
int web_service_set_put(struct web_service_set *set,
			const struct web_service_config *config);

/*
 * Takes a service away and closes its connections; what is in flight fails
 * (403 if the answer has not begun).  0 or -ENOENT.
 */
int web_service_set_remove(struct web_service_set *set, const char *name);

/*
 * Sets what a granted service may use, NULL: anything.  Copied.  May come
 * before web_service_set_put() and outlives a replacement; it ends with the
 * service (web_service_set_remove()).  A change holds for what is running at
 * once: a slower rate slows it down, a smaller size cuts it, methods and paths
 * it must not use any more cut it.
 * 0, -EINVAL (methods or paths are malformed: nothing was changed; the caller
 * must not leave the service granted then), -ENOMEM.
 */
int web_service_set_limit(struct web_service_set *set, const char *name,
			  const struct web_limits *limits);

/*
 * The same for all services of the domain together: rate, burst, rps, streams,
 * pipes and sizes count; methods, paths, notify and weight do not.
 */
int web_service_set_domain_limit(struct web_service_set *set,
				 const struct web_limits *limits);

/* Whom to ask, from the configuration; NULL: nobody was named. */
const char *web_service_set_contact(const struct web_service_set *set);

/* A name that no service can have: the function itself answers it. */
#define WEB_SERVICE_DIRECTORY "directory"

enum web_health {
	WEB_HEALTH_UP,
	WEB_HEALTH_DEGRADED, /* some upstreams are left out */
	WEB_HEALTH_DOWN,     /* all are */
	WEB_HEALTH_COUNT
};

/* A grant as the guest may see it; lives until the next change of the set. */
struct web_grant_info {
	const char *type; /* "web" */
	const char *name;
	const struct web_limits *limits;
	enum web_health health;
};

/*
 * Calls back for each granted service, in the order in which they came; with
 * the domain's own limits first, under type "domain" and the domain's name.
 */
void web_service_set_list(const struct web_service_set *set,
			  void (*each)(void *context,
				       const struct web_grant_info *info),
			  void *context);

enum web_stage {
	WEB_STAGE_RING,	    /* answer's head told to the bus taking its body */
	WEB_STAGE_FUNCTION, /* head's first octet to the request's start */
	WEB_STAGE_SERVICE,  /* request's start to octets towards an upstream */
	WEB_STAGE_UPSTREAM, /* from there to the answer's first octet */
	WEB_STAGE_COUNT
};
/* Bucket i counts what took less than 2^i µs, the last one all others. */
enum { WEB_HISTOGRAM_BUCKETS = 20 };

/* Numbers of one grant since it began; they only grow, except queued. */
struct web_grant_stats {
	uint64_t requests; /* decided about, denials too */
	uint64_t octets;   /* both ways, heads too: what the rate counts */
	uint64_t denials[WEB_VERDICT_COUNT];
	uint64_t queued;  /* requests that wait at this moment */
	uint64_t dropped; /* cut after they had been allowed */
	uint64_t histogram[WEB_STAGE_COUNT][WEB_HISTOGRAM_BUCKETS];
};

/*
 * Numbers of a service by name, of the whole domain with NULL (which counts
 * denials of what was not granted too).  0 or -ENOENT.
 */
int web_service_set_grant_stats(const struct web_service_set *set,
				const char *name,
				struct web_grant_stats *stats);

struct web_service_stats {
	uint64_t requests; /* started */
	uint64_t retries;  /* sent again to another upstream */
	uint64_t failures; /* ended in failed() */
	uint64_t sent_octets;
	uint64_t received_octets;
	unsigned int active; /* requests at this moment */
};

/* Numbers of a service by name, or of all services ever with name NULL. */
int web_service_set_stats(const struct web_service_set *set, const char *name,
			  struct web_service_stats *stats);

/*
 * Called after every round of callbacks, so that a function can flush once
 * for many answers.  One observer per set; NULL removes it.
 * web_service_set_wake() asks for such a call before the loop sleeps.
 */
void web_service_set_wake(struct web_service_set *set);
void web_service_set_observe(struct web_service_set *set,
			     void (*settled)(void *context), void *context);
/* Whether the observer is to be called every 100 ms even if nothing happens. */
void web_service_set_tick(struct web_service_set *set, bool wanted);

struct web_header {
	const char *name;
	const char *value;
	size_t name_len;
	size_t value_len;
};

/* ---- shares: what one pipe of the guest may use ------------------------- */

/*
 * All requests of one pipe.  The guest may ask for a class and a rate of the
 * pipe, and gets what its grants allow, never more.
 */
struct web_share;

struct web_share_limits {
	enum web_priority priority; /* in force, before a grant's own */
	enum web_priority wanted_priority;
	uint64_t rate; /* octets a second, in force; 0: no limit */
	uint64_t wanted_rate;
	uint64_t burst;
	uint32_t rps;
	uint32_t streams;
};

/*
 * For a pipe that was opened.  changed() is called from the loop when what is
 * in force has changed.  NULL: the domain may have no more pipes (said in its
 * numbers), or no memory.
 */
struct web_share *web_share_create(struct web_service_set *set,
				   void (*changed)(void *context),
				   void *context);
/* The pipe's requests must have been released.  NULL is no error. */
void web_share_destroy(struct web_share *share);
/* Asks for a class (WEB_PRIORITY_NONE: any) and a rate (0: any). */
void web_share_wish(struct web_share *share, enum web_priority priority,
		    uint64_t rate);
void web_share_get(const struct web_share *share,
		   struct web_share_limits *limits);

/* What is asked; everything is borrowed until web_request_start() returns. */
struct web_request_head {
	const char *service; /* lower case, no port */
	size_t service_len;
	const char *method;
	size_t method_len;
	/* Path and query, or "*"; visible ASCII only. */
	const char *target;
	size_t target_len;
	/*
	 * As the guest sent them; the set drops what is not to travel (see
	 * docs/web.md).  Names in any case, checked to be tokens; values
	 * without control characters.
	 */
	const struct web_header *headers;
	size_t header_count;
	/* Octets of the body; 0 none, negative: there is one, of any length. */
	int64_t body_len;
	/* Octets of body the set holds before web_request_room() is 0. */
	size_t body_buffer_bytes;
	unsigned int http_major; /* for Via: 1 or 2 */
	unsigned int http_minor;
	/* The pipe it came on; NULL: it shares no pipe's limits. */
	struct web_share *share;
	enum web_priority priority; /* asked for; NONE: not said */
	uint64_t begun_ns; /* uv_hrtime() of its first octet; 0: not known */
};

struct web_response_head {
	unsigned int status; /* 200..999 */
	/* Names in lower case; hop-by-hop headers are gone. */
	const struct web_header *headers;
	size_t header_count;
	/* Of the body; negative: unknown. */
	int64_t content_length;
};

struct web_failure {
	/* The status to answer with if the head has not been given. */
	unsigned int status;
	const char *text; /* one line, constant */
	bool timeout;
	bool revoked;
	/* Not WEB_ALLOWED: policy refused or cut it; text says what of it. */
	enum web_verdict verdict;
	unsigned int retry_after_s; /* 0: not said */
};

struct web_request_ops {
	/* The answer begins.  head lives until web_request_release(). */
	void (*head)(void *context, const struct web_response_head *head);
	/* web_request_peek() or web_request_complete() has something new. */
	void (*readable)(void *context);
	/* len octets written before have gone towards the upstream. */
	void (*drained)(void *context, size_t len);
	/* It is over without an end; nothing but release is left to do. */
	void (*failed)(void *context, const struct web_failure *failure);
};

/*
 * Starts a request.  0, or the status to answer with, which *failure explains:
 * 400 (a path that is none), 403 (policy), 413, 429 (with a time to wait), 431,
 * 503 (too many requests or no memory).
 */
unsigned int web_request_start(struct web_service_set *set,
			       const struct web_request_head *head,
			       const struct web_request_ops *ops, void *context,
			       struct web_request **request,
			       struct web_failure *failure);

/* The class it has got: what was asked for, within what policy allows. */
enum web_priority web_request_priority(const struct web_request *request);

/* The request's body: octets that web_request_write() will take now. */
size_t web_request_room(const struct web_request *request);
/* Takes at most web_request_room() octets; returns how many. */
size_t web_request_write(struct web_request *request, const uint8_t *data,
			 size_t len);
/* The body is complete. */
void web_request_finish(struct web_request *request);

/* The answer's body: octets at *data, until the next consume or release. */
size_t web_request_peek(const struct web_request *request,
			const uint8_t **data);
void web_request_consume(struct web_request *request, size_t len);
/* The answer is complete: what web_request_peek() shows is the rest of it. */
bool web_request_complete(const struct web_request *request);

/* Lets go of a request, cutting it if it runs.  No callback follows. */
void web_request_release(struct web_request *request);

#endif
