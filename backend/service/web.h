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

struct web_header {
	const char *name;
	const char *value;
	size_t name_len;
	size_t value_len;
};

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
 * Starts a request.  0, or the status to answer with: 403 (no such service),
 * 413, 431, 503 (too many requests or no memory).
 */
unsigned int web_request_start(struct web_service_set *set,
			       const struct web_request_head *head,
			       const struct web_request_ops *ops, void *context,
			       struct web_request **request);

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
