/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-bed.h - a bed for the web function: guest, device and upstreams on one
 * loop.
 *
 *   guest pipe ─ mem bus ─ USB model ─ web function ─ service set ─ loopback
 *                                                                     │
 *                                      upstreams of the test's own ◀──┘
 */
#ifndef TESTS_UNIT_WEB_BED_H
#define TESTS_UNIT_WEB_BED_H

#include "backend/bus/mem.h"
#include "backend/function/web.h"
#include "protocol/pipe.h"

#include <nghttp2/nghttp2.h>

#include <http_parser.h>

enum { BED_PIPES = 4, BED_INS = 2, BED_TRANSFER = 65536 };

struct bed;

/* ---- upstreams ---------------------------------------------------------- */

/*
 * An HTTP/1.1 server.  What it does is in the path of the request, see
 * upstream_answer() in web-bed.c.
 */
struct upstream {
	struct bed *bed;
	uv_tcp_t listener;
	bool listening;
	int port;
	char url[64];
	unsigned int requests;	  /* whose head came */
	unsigned int connections; /* accepted */
	unsigned int open;	  /* of these, now */
	unsigned int aborted;	  /* ended in the middle of a request */
	uint64_t body_octets;
	uint64_t sent_octets;
	bool hold;	  /* does not read */
	char head[65536]; /* of the last request */
	size_t head_len;
	struct upstream_conn *conns;
};

struct upstream *upstream_create(struct bed *bed);
/* Closes listener and connections: later connects are refused. */
void upstream_kill(struct upstream *upstream);
void upstream_hold(struct upstream *upstream, bool hold);

/* ---- guest -------------------------------------------------------------- */

struct guest_pipe {
	struct bed *bed;
	unsigned int index;
	uint16_t generation;
	uint8_t out_endpoint;
	uint8_t in_endpoint;

	/* OUT: octets that wait for a transfer. */
	uint8_t *send;
	size_t send_len;
	size_t send_size;
	struct mem_xfer out;
	bool out_busy;
	size_t piece; /* octets per transfer; 0: as many as there are */
	uint64_t sent;

	/* IN */
	struct mem_xfer ins[BED_INS];
	uint8_t *in_buffers[BED_INS];
	bool stuck; /* does not read */
	uint32_t in_length;
	void (*on_data)(struct guest_pipe *pipe, const uint8_t *data,
			size_t len);
	void *context;
	uint64_t received;
	char *text; /* what came, if on_data is NULL; ends with 0 */
	size_t text_len;
	size_t text_size;

	/* Events */
	bool opened;
	bool ended;
	bool reset;
	unsigned int reason;
	unsigned int limit_events;
};

/* Opens, and if that is not to succeed, expects a reset. */
void guest_open(struct guest_pipe *pipe);
void guest_open_refused(struct guest_pipe *pipe);
struct tv_pipe_limits guest_limits(struct guest_pipe *pipe);
/* False: it was stalled. */
bool guest_wish(struct guest_pipe *pipe, unsigned int priority, uint64_t rate);
void guest_close(struct guest_pipe *pipe);
void guest_send(struct guest_pipe *pipe, const void *data, size_t len);
void guest_send_text(struct guest_pipe *pipe, const char *text);
void guest_shutdown(struct guest_pipe *pipe);
/* Starts (again) to read. */
void guest_read(struct guest_pipe *pipe);
void guest_forget(struct guest_pipe *pipe);

/* ---- HTTP/2 clients ----------------------------------------------------- */

enum { H2_STREAMS = 600 };

struct h2_stream {
	int32_t id;
	int status;
	bool continued; /* 100 came */
	bool closed;
	uint32_t error;
	uint64_t received;
	char body[256];
	size_t body_len;
	char headers[2048];
	/* What it sends. */
	uint64_t to_send;
	bool send_forever;
	bool cut;	  /* never ends its body */
	const char *text; /* the body's last octets; NULL: any */
};

struct h2_client {
	struct guest_pipe *pipe;
	nghttp2_session *session;
	struct h2_stream streams[H2_STREAMS];
	unsigned int count;
	unsigned int closed;
	bool goaway;
	uint32_t goaway_error;
	bool no_window_updates;
};

void h2_start(struct h2_client *client, struct guest_pipe *pipe,
	      bool no_window_updates);
void h2_stop(struct h2_client *client);
/* A request; body: octets to send, negative: none. */
struct h2_stream *h2_request(struct h2_client *client, const char *method,
			     const char *authority, const char *path,
			     int64_t body, const nghttp2_nv *more,
			     size_t more_count);
void h2_flush(struct h2_client *client);

/* ---- the bed ------------------------------------------------------------ */

struct bed {
	uv_loop_t loop;
	struct web_service_set *services;
	struct bus *bus;
	struct guest_pipe pipes[BED_PIPES];
	struct mem_xfer event;
	uint8_t event_buffer[16];
	uint8_t event_endpoint;
	struct upstream *upstreams[8];
	unsigned int upstream_count;
	bool timed_out;
	/* The last audit, and how many there were. */
	struct bed_audit {
		char service[256];
		char method[32];
		char path[1024];
		struct web_audit audit;
	} audit;
	unsigned int audits;
};

struct bed *bed_create(void);
/* Everything ends, and everything must be gone. */
void bed_destroy(struct bed *bed);
/* Grants a service on the first count upstreams, with defaults and options. */
void bed_grant(struct bed *bed, const char *name, struct upstream **upstreams,
	       unsigned int count, const struct web_service_config *options);
/* Runs until done(context); false: that took longer than 10 s. */
bool bed_until(struct bed *bed, bool (*done)(void *context), void *context);
void bed_run_ms(struct bed *bed, unsigned int ms);
/* Runs until the pipe has text, or has ended. */
bool bed_until_text(struct guest_pipe *pipe, const char *text);
bool bed_until_over(struct guest_pipe *pipe);

#endif
