// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-exchange.c - one request and its answer on a link.
 *
 * Both directions run at once.  Up: head, then body from the request's buffer,
 * as it is or in chunks, until the socket takes no more (watch for writable)
 * or the guest has not sent more (starved).  Down: what the socket has, as
 * much as the buffer has room for, until there is none (watch for readable) or
 * no room (paused).
 *
 * An upstream may answer before it has read the whole body, and then close:
 * a send that fails only ends the upward direction, and what the upstream has
 * said meanwhile is still read.
 */
#include "backend/service/web-internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RECEIVE_MAX = 65536,
	ROUNDS_MAX = 4, /* at once, before others have their turn */
	CHUNK_LINE_MAX = 24,
	CLAMP_MIN = 64 << 10,
	CLAMP_MAX = 4 << 20,
};

static uint8_t scratch[RECEIVE_MAX];

static bool add(struct web_request *request, const char *data, size_t len)
{
	return web_text_add(&request->out, data, len);
}

/* ---- up ----------------------------------------------------------------- */

static bool compose_head(struct web_request *request)
{
	const struct web_upstream *upstream = request->link->upstream;
	const char *text = request->text.data;
	size_t method_len = request->target_at;
	size_t target_len = request->lines_at - request->target_at;

	request->out.len = 0;
	request->out_at = 0;
	request->chunk_left = 0;
	return add(request, text, method_len) && add(request, " ", 1) &&
	       (text[request->target_at] != '/' ||
		add(request, upstream->base, upstream->base_len)) &&
	       add(request, text + request->target_at, target_len) &&
	       add(request, " HTTP/1.1\r\n", 11) &&
	       add(request, upstream->host_line, upstream->host_line_len) &&
	       add(request, text + request->lines_at,
		   request->text.len - request->lines_at);
}

/* Octets to send, or none: *starved tells whether more will come. */
static size_t next_octets(struct web_request *request, const void **data)
{
	size_t have = request->out.len - request->out_at;
	size_t used = web_buffer_used(&request->up);

	if (have) {
		*data = request->out.data + request->out_at;
		return have;
	}
	*data = web_buffer_data(&request->up);
	if (request->chunk_left && request->chunk_left < used)
		return request->chunk_left;
	return used;
}

/* Puts what surrounds chunks into out.  False: no memory. */
static bool frame_chunk(struct web_request *request)
{
	size_t used = web_buffer_used(&request->up);
	char line[CHUNK_LINE_MAX];

	if (!request->chunked || request->out.len > request->out_at ||
	    request->chunk_left || request->last_sent)
		return true;
	if (!used && !request->body_finished)
		return true;
	request->out.len = 0;
	request->out_at = 0;
	if (request->body_touched && !add(request, "\r\n", 2))
		return false;
	if (!used) {
		request->last_sent = true;
		return add(request, "0\r\n\r\n", 5);
	}
	snprintf(line, sizeof(line), "%zx\r\n", used);
	request->chunk_left = used;
	return add(request, line, strlen(line));
}

static void octets_sent(struct web_request *request, size_t len)
{
	request->moved_ms = web_set_now(request->set);
	request->in_octets += len;
	web_limit_spend(request, len);
	if (!request->sent_ns) {
		request->sent_ns = uv_hrtime();
		web_grant_stage(request, WEB_STAGE_SERVICE, request->start_ns,
				request->sent_ns);
	}
	if (request->out.len > request->out_at) {
		request->out_at += len;
		return;
	}
	request->body_touched = true;
	if (request->chunked)
		request->chunk_left -= len;
	web_buffer_consume(&request->up, len);
	request->service->stats.sent_octets += len;
	request->drained += len;
	web_request_notify(request, WEB_EVENT_DRAINED);
}

static bool upload_is_over(const struct web_request *request)
{
	if (request->out.len > request->out_at)
		return false;
	if (request->chunked)
		return request->last_sent;
	return request->body_finished && !web_buffer_used(&request->up);
}

/* False: the request has failed. */
static bool push(struct web_request *request)
{
	while (!request->send_done) {
		const void *data;
		size_t len;
		ssize_t n;

		if (!frame_chunk(request)) {
			web_request_fail(request, 503, "out of memory");
			return false;
		}
		len = next_octets(request, &data);
		if (!len) {
			request->send_done = upload_is_over(request);
			request->send_paused = !request->send_done;
			return true;
		}
		request->send_paused = false;
		len = web_limit_allow(request, len);
		if (!len)
			return true;
		n = web_link_send(request->link, data, len);
		if (n == -EAGAIN || n == -EINTR) {
			request->send_blocked = true;
			return true;
		}
		if (n < 0) {
			request->send_done = true;
			request->send_broken = true;
			return true;
		}
		octets_sent(request, (size_t)n);
		if ((size_t)n < len) {
			request->send_blocked = true;
			return true;
		}
	}
	return true;
}

/* ---- down --------------------------------------------------------------- */

static void finish(struct web_request *request)
{
	bool reusable = request->answer.keep_alive && request->send_done &&
			!request->send_broken && upload_is_over(request);

	web_request_done(request, reusable);
}

static void broken(struct web_request *request, bool malformed)
{
	if (malformed)
		web_request_broken(request, "the upstream's answer is "
					    "malformed or its head too large");
	else
		web_request_broken(request, "the upstream broke the "
					    "connection");
}

static void octets_came(struct web_request *request, size_t len)
{
	request->moved_ms = web_set_now(request->set);
	request->out_octets += len;
	web_limit_spend(request, len);
	if (request->answered_ns)
		return;
	request->answered_ns = uv_hrtime();
	web_grant_stage(request, WEB_STAGE_UPSTREAM, request->sent_ns,
			request->answered_ns);
}

static bool exceeds(uint64_t max, uint64_t octets)
{
	return max && octets > max;
}

/* Larger than allowed, or announced to be: then it has failed. */
static bool answer_is_too_large(struct web_request *request, bool had_head)
{
	const struct web_answer *answer = &request->answer;
	uint64_t octets = request->received_octets;

	if (answer->head_complete && !had_head && !answer->bodyless &&
	    answer->head.status != 304 && answer->head.content_length > 0 &&
	    (uint64_t)answer->head.content_length > octets)
		octets = (uint64_t)answer->head.content_length;
	if (!exceeds(request->grant->limits.response_bytes, octets) &&
	    !exceeds(request->set->domain.limits.response_bytes, octets))
		return false;
	web_request_deny(request, 403, WEB_RESPONSE_SIZE);
	return true;
}

/* One read.  True: there may be more. */
static bool pull_once(struct web_request *request)
{
	struct web_answer *answer = &request->answer;
	bool had_head = answer->head_complete;
	size_t before = web_buffer_used(&request->down);
	/* Short answers must not cost a large buffer. */
	size_t room = web_buffer_make_room(
		&request->down,
		request->recv_full ? RECEIVE_MAX : WEB_BUFFER_FREE_BYTES);
	ssize_t n;
	bool fine;

	if (!room) {
		request->recv_paused = true;
		return false;
	}
	room = web_limit_allow(request, room);
	if (!room)
		return false;
	n = web_link_receive(request->link, scratch, room);
	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n > 0) {
		request->answered = true;
		request->recv_full = (size_t)n == room;
		octets_came(request, (size_t)n);
	}
	fine = n >= 0 && web_answer_feed(answer, scratch, (size_t)n);
	request->received_octets += web_buffer_used(&request->down) - before;
	if (fine && answer_is_too_large(request, had_head))
		return false;
	if (fine && answer->head_complete && !had_head)
		web_request_notify(request, WEB_EVENT_HEAD);
	if (web_buffer_used(&request->down) > before) {
		request->service->stats.received_octets +=
			web_buffer_used(&request->down) - before;
		web_request_notify(request, WEB_EVENT_READABLE);
	}
	if (fine && answer->complete) {
		finish(request);
		return false;
	}
	if (!fine || n == 0) {
		broken(request, n > 0);
		return false;
	}
	/* A plain socket that gave less has no more. */
	return (size_t)n == room || request->link->easy;
}

static void pull(struct web_request *request)
{
	int i = 0;

	while (i < ROUNDS_MAX && pull_once(request))
		i++;
	/* Octets that TLS has decoded already make no socket readable. */
	if (i == ROUNDS_MAX && request->link && request->link->easy)
		web_request_ask_to_go_on(request);
}

/* ---- both --------------------------------------------------------------- */

static void watch(struct web_request *request)
{
	int events = 0;

	if (!request->link)
		return;
	if (!request->recv_paused && !request->throttled)
		events |= UV_READABLE;
	if (request->send_blocked && !request->throttled)
		events |= UV_WRITABLE;
	web_link_watch(request->link, events);
	web_request_update_stalled(request);
}

/*
 * What an upstream may send ahead of a rate lies in the kernel: little, so that
 * the rate is seen outside too, but enough for 20 ms.
 */
static void clamp_link(struct web_request *request)
{
	uint64_t rate = web_limit_rate(request);
	int size = rate / 50 < CLAMP_MIN ? CLAMP_MIN : (int)(rate / 50);

	if (!rate || rate / 50 > CLAMP_MAX)
		return;
	request->link->clamped = true;
	setsockopt(request->link->fd, SOL_SOCKET, SO_RCVBUF, &size,
		   sizeof(size));
}

void web_exchange_start(struct web_request *request)
{
	request->connected = true;
	request->moved_ms = web_set_now(request->set);
	request->send_done = false;
	request->send_broken = false;
	request->send_blocked = false;
	request->last_sent = false;
	request->recv_full = false;
	request->chunked = request->has_body && request->body_len < 0;
	web_answer_init(&request->answer, request->service->header_max_bytes,
			request->is_head, &request->down);
	if (!compose_head(request)) {
		web_request_fail(request, 503, "out of memory");
		return;
	}
	if (!list_empty(&request->set->limiters))
		clamp_link(request);
	if (push(request))
		watch(request);
}

void web_exchange_event(struct web_request *request, int events)
{
	if (events & UV_WRITABLE) {
		request->send_blocked = false;
		if (!push(request))
			return;
	}
	if (events & UV_READABLE)
		pull(request);
	watch(request);
}

void web_exchange_go_on(struct web_request *request)
{
	if (!request->send_blocked && !push(request))
		return;
	if (request->recv_paused && web_buffer_is_low(&request->down))
		request->recv_paused = false;
	if (!request->recv_paused)
		pull(request);
	watch(request);
}
