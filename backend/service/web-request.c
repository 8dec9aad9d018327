// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-request.c - one request on its way to an upstream and back.
 *
 *   WAITING ──slot free──▶ ACTIVE ──answer complete──▶ ENDED
 *      │ ▲                   │                          (body may still wait
 *      │ └───── retry ───────┤                           to be consumed)
 *      └─────────────────────┴──▶ FAILED
 *
 * A request is tried again, on an upstream that it has not been tried on, only
 * if its method is idempotent, no octet of its body was sent and no octet of
 * an answer came.  Everything else is never sent twice.
 *
 * The body goes through two bounded buffers.  A full one stops the reading
 * from the upstream (towards the guest) or makes the caller wait (from the
 * guest); an exchange that the guest holds up does not count for timeouts nor
 * for the service's connection slots, so the guest harms itself alone.
 */
#include "backend/service/web-internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	DOWN_LIMIT_BYTES = 65536,
	SPARE_MAX = 64,
	SPARE_TEXT_MAX = 8192,
	/* A guest that has a body to send and sends none. */
	SEND_STALL_MS = 60000,
};

static const char *const idempotent_methods[] = {"GET",	  "HEAD",   "OPTIONS",
						 "TRACE", "DELETE", "PUT"};

void web_request_notify(struct web_request *request, unsigned int event)
{
	request->events |= event;
	if (!list_linked(&request->ready_link))
		list_append(&request->set->ready, &request->ready_link);
	web_set_wake(request->set);
}

void web_request_update_stalled(struct web_request *request)
{
	bool stalled = request->state == WEB_REQUEST_ACTIVE &&
		       (request->recv_paused || request->send_paused ||
			request->throttled);

	if (stalled == request->stalled)
		return;
	request->stalled = stalled;
	request->moved_ms = web_set_now(request->set);
	if (stalled)
		request->service->stalled++;
	else
		request->service->stalled--;
	if (!list_empty(&request->service->waiting))
		web_set_wake(request->set);
}

void web_request_ask_to_go_on(struct web_request *request)
{
	if (!request->connected || !request->link)
		return;
	if (!list_linked(&request->pause_link))
		list_append(&request->set->resume, &request->pause_link);
	web_set_wake(request->set);
}

/* ---- attempts ----------------------------------------------------------- */

static void leave_lists(struct web_request *request)
{
	list_remove(&request->wait_link);
	list_remove(&request->pause_link);
	web_limit_leave(request);
}

/* The attempt is over; the link is kept only if it is fit for another. */
static void drop_link(struct web_request *request, bool reusable)
{
	struct web_link *link = request->link;

	leave_lists(request);
	request->recv_paused = false;
	request->send_paused = false;
	if (request->stalled) {
		request->stalled = false;
		request->service->stalled--;
	}
	if (request->state == WEB_REQUEST_ACTIVE) {
		request->service->active--;
		if (!list_empty(&request->service->waiting))
			web_set_wake(request->set);
	}
	request->link = NULL;
	if (!link)
		return;
	link->request = NULL;
	if (reusable && !request->service->former &&
	    (!link->clamped || web_limit_rate(request)))
		web_link_rest(link);
	else
		web_link_close(link);
}

void web_request_fail(struct web_request *request, unsigned int status,
		      const char *text)
{
	if (request->state == WEB_REQUEST_FAILED)
		return;
	drop_link(request, false);
	request->state = WEB_REQUEST_FAILED;
	request->failure.status = status;
	request->failure.text = text;
	request->service->stats.failures++;
	web_request_notify(request, WEB_EVENT_FAILED);
}

static void request_attempt(struct web_request *request)
{
	struct web_service *service = request->service;
	int at = web_service_pick(service, request->tried);
	struct web_upstream *upstream;
	struct web_link *link;

	if (at < 0) {
		web_request_fail(request, 502, "no upstream is left to try");
		return;
	}
	upstream = &service->upstreams[at];
	request->tried |= UINT64_C(1) << at;
	request->attempts++;
	request->state = WEB_REQUEST_ACTIVE;
	request->connected = false;
	request->moved_ms = web_set_now(request->set);
	service->active++;
	link = web_link_take(upstream);
	if (link) {
		request->link = link;
		link->request = request;
		web_exchange_start(request);
	} else if (!web_link_open(request, upstream)) {
		web_request_fail(request, 503, "out of memory");
	}
}

void web_request_admit(struct web_service *service)
{
	struct list_node *node;

	while (web_service_has_slot(service) &&
	       (node = list_first(&service->waiting))) {
		list_remove(node);
		request_attempt(
			container_of(node, struct web_request, wait_link));
	}
}

void web_request_done(struct web_request *request, bool reusable)
{
	web_upstream_worked(request->service, request->link->upstream);
	drop_link(request, reusable);
	request->state = WEB_REQUEST_ENDED;
	web_request_notify(request, WEB_EVENT_READABLE);
}

/* Queues the request for another attempt, if it may have one. */
static bool retry(struct web_request *request)
{
	struct web_service *service = request->service;
	struct web_upstream *upstream = request->link->upstream;
	bool reused = request->link->reused;

	if (!request->idempotent || request->body_touched ||
	    request->answered ||
	    request->attempts > 2 * service->upstream_count)
		return false;
	if (reused) {
		/*
		 * It had been idle and ended as it was used.  The others are
		 * likely to be as dead; the upstream itself need not be.
		 */
		web_upstream_close_idle(upstream);
		request->tried &=
			~(UINT64_C(1) << (upstream - service->upstreams));
	} else if (__builtin_popcountll(request->tried) ==
		   (int)service->upstream_count) {
		return false;
	}
	service->stats.retries++;
	drop_link(request, false);
	request->state = WEB_REQUEST_WAITING;
	list_append(&service->waiting, &request->wait_link);
	web_set_wake(request->set);
	return true;
}

/* What a curl error means to the guest. */
static const char *explain(CURLcode result, unsigned int *status)
{
	*status = 502;
	switch (result) {
	case CURLE_OPERATION_TIMEDOUT:
		*status = 504;
		return "connecting to the upstream took too long";
	case CURLE_PEER_FAILED_VERIFICATION:
		return "the upstream's certificate is not trusted";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
		return "TLS with the upstream failed";
	case CURLE_OUT_OF_MEMORY:
		*status = 503;
		return "out of memory";
	default:
		return "the upstream cannot be reached";
	}
}

void web_request_unreachable(struct web_request *request, CURLcode result)
{
	unsigned int status;
	const char *text = explain(result, &status);

	if (result != CURLE_OUT_OF_MEMORY)
		web_upstream_failed(request->service, request->link->upstream,
				    text);
	if (retry(request))
		return;
	request->failure.timeout = status == 504;
	web_request_fail(request, status, text);
}

void web_request_broken(struct web_request *request, const char *text)
{
	if (!retry(request))
		web_request_fail(request, 502, text);
}

static void time_out(struct web_request *request, unsigned int status,
		     const char *text)
{
	request->failure.timeout = true;
	web_request_fail(request, status, text);
}

void web_request_tick(struct web_request *request, uint64_t now_ms)
{
	const struct web_service *service = request->service;
	uint64_t still_ms = now_ms - request->moved_ms;

	if (request->state > WEB_REQUEST_ACTIVE || request->stalled ||
	    now_ms < request->moved_ms) {
		if (request->send_paused && !request->throttled &&
		    now_ms >= request->moved_ms && still_ms >= SEND_STALL_MS)
			time_out(request, 408,
				 "the request's body stopped coming");
		return;
	}
	if (request->state == WEB_REQUEST_WAITING) {
		if (still_ms >= service->response_timeout_ms)
			time_out(request, 503,
				 "all connections to the service are in use");
	} else if (!request->connected) {
		if (still_ms >= service->connect_timeout_ms)
			web_request_unreachable(request,
						CURLE_OPERATION_TIMEDOUT);
	} else if (request->answer.head_complete) {
		if (still_ms >= service->idle_timeout_ms)
			time_out(request, 504,
				 "the upstream stopped answering");
	} else if (still_ms >= service->response_timeout_ms) {
		time_out(request, 504, "the upstream did not answer in time");
	}
}

/* ---- for functions ------------------------------------------------------ */

static bool is_idempotent(const struct web_request_head *head)
{
	for (size_t i = 0;
	     i < sizeof(idempotent_methods) / sizeof(idempotent_methods[0]);
	     i++)
		if (strlen(idempotent_methods[i]) == head->method_len &&
		    !memcmp(idempotent_methods[i], head->method,
			    head->method_len))
			return true;
	return false;
}

static struct web_request *request_get(struct web_service_set *set)
{
	struct web_request *request = set->spare;

	if (!request) {
		request = calloc(1, sizeof(*request));
		if (!request)
			return NULL;
		list_init(&request->set_link);
		list_init(&request->ready_link);
		list_init(&request->wait_link);
		list_init(&request->pause_link);
		limit_flow_init(&request->flow);
		request->set = set;
		return request;
	}
	set->spare = request->context;
	set->spare_count--;
	return request;
}

static void free_texts(struct web_request *request)
{
	web_answer_free(&request->answer);
	free(request->text.data);
	free(request->out.data);
	memset(&request->text, 0, sizeof(request->text));
	memset(&request->out, 0, sizeof(request->out));
}

static void request_put(struct web_request *request)
{
	struct web_service_set *set = request->set;

	if (set->spare_count >= SPARE_MAX) {
		web_request_free(request);
		return;
	}
	web_buffer_trim(&request->up);
	web_buffer_trim(&request->down);
	if (request->text.size > SPARE_TEXT_MAX ||
	    request->answer.text_size > SPARE_TEXT_MAX)
		free_texts(request);
	request->context = set->spare;
	set->spare = request;
	set->spare_count++;
}

void web_request_free(struct web_request *request)
{
	web_buffer_free(&request->up);
	web_buffer_free(&request->down);
	free_texts(request);
	free(request);
}

static void request_reset(struct web_request *request,
			  const struct web_request_head *head)
{
	struct web_service_set *set = request->set;

	request->service = NULL;
	request->link = NULL;
	request->state = WEB_REQUEST_WAITING;
	request->events = 0;
	request->idempotent = is_idempotent(head);
	request->has_body = head->body_len != 0;
	request->body_finished = !request->has_body;
	request->body_touched = false;
	request->connected = false;
	request->answered = false;
	request->send_paused = false;
	request->recv_paused = false;
	request->stalled = false;
	request->is_head =
		head->method_len == 4 && !memcmp(head->method, "HEAD", 4);
	request->tried = 0;
	request->attempts = 0;
	request->moved_ms = web_set_now(set);
	request->sent_octets = 0;
	request->body_len = head->body_len;
	request->drained = 0;
	memset(&request->failure, 0, sizeof(request->failure));
	limit_flow_init(&request->flow);
	request->throttled = false;
	request->waits_for = NULL;
	request->has_turn = false;
	request->share = head->share;
	request->asked = head->priority;
	request->received_octets = 0;
	request->in_octets = 0;
	request->out_octets = 0;
	request->sent_ns = 0;
	request->answered_ns = 0;
	request->told_ns = 0;
	request->status = 0;
	web_buffer_init(&request->up, head->body_buffer_bytes, &set->up_budget);
	web_buffer_init(&request->down, DOWN_LIMIT_BYTES, &set->budget);
}

/* Everything that refuses it before anything is made of it. */
static unsigned int judge(struct web_service_set *set,
			  struct web_service *service,
			  const struct web_request_head *head,
			  struct web_failure *failure)
{
	unsigned int status = web_grant_judge(
		set, service ? service->grant : NULL, head, failure);

	if (status)
		return status;
	if (service->body_max_bytes && head->body_len > 0 &&
	    (uint64_t)head->body_len > service->body_max_bytes)
		return 413;
	return set->request_count < set->request_max ? 0 : 503;
}

/* 0, or the status to refuse it with. */
static unsigned int make(struct web_service_set *set,
			 const struct web_request_head *head,
			 struct web_request **request)
{
	struct web_request *made = request_get(set);
	unsigned int status;

	if (!made)
		return 503;
	request_reset(made, head);
	status = web_header_compose(made, head);
	if (status) {
		request_put(made);
		return status;
	}
	*request = made;
	return 0;
}

unsigned int web_request_start(struct web_service_set *set,
			       const struct web_request_head *head,
			       const struct web_request_ops *ops, void *context,
			       struct web_request **request,
			       struct web_failure *failure)
{
	struct web_service *service =
		web_set_find(set, head->service, head->service_len);
	struct web_request *made = NULL;
	unsigned int status;

	memset(failure, 0, sizeof(*failure));
	status = judge(set, service, head, failure);
	if (!status)
		status = make(set, head, &made);
	if (status) {
		failure->status = status;
		web_grant_refused(set, service ? service->grant : NULL, head,
				  failure);
		return status;
	}
	made->service = service;
	made->grant = service->grant;
	made->ops = ops;
	made->context = context;
	made->start_ns = uv_hrtime();
	web_grant_enter(made);
	web_grant_stage(made, WEB_STAGE_FUNCTION, head->begun_ns,
			made->start_ns);
	list_append(&set->requests, &made->set_link);
	list_append(&service->waiting, &made->wait_link);
	set->request_count++;
	service->requests++;
	service->stats.requests++;
	web_set_start_ticking(set);
	web_set_wake(set);
	*request = made;
	return 0;
}

size_t web_request_room(const struct web_request *request)
{
	return web_buffer_room(&request->up);
}

static bool exceeds(uint64_t max, uint64_t octets)
{
	return max && octets > max;
}

/* With len octets more: then it has failed. */
static bool body_is_too_large(struct web_request *request, size_t len)
{
	uint64_t octets = request->sent_octets + len;

	if (exceeds(request->grant->limits.request_bytes, octets) ||
	    exceeds(request->set->domain.limits.request_bytes, octets)) {
		web_request_deny(request, 413, WEB_REQUEST_SIZE);
		return true;
	}
	if (exceeds(request->service->body_max_bytes, octets)) {
		web_request_fail(request, 413,
				 "the request's body is too large");
		return true;
	}
	return false;
}

size_t web_request_write(struct web_request *request, const uint8_t *data,
			 size_t len)
{
	if (request->state > WEB_REQUEST_ACTIVE || request->body_finished)
		return len; /* nobody wants it any more */
	if (len > web_buffer_room(&request->up))
		len = web_buffer_room(&request->up);
	if (body_is_too_large(request, len))
		return len;
	if (!web_buffer_put(&request->up, data, len)) {
		web_request_fail(request, 503, "out of memory");
		return len;
	}
	request->sent_octets += len;
	if (len)
		web_request_ask_to_go_on(request);
	return len;
}

void web_request_finish(struct web_request *request)
{
	request->body_finished = true;
	web_request_ask_to_go_on(request);
}

size_t web_request_peek(const struct web_request *request, const uint8_t **data)
{
	*data = web_buffer_data(&request->down);
	return web_buffer_used(&request->down);
}

/* The bus has begun to take the answer. */
static void note_taken(struct web_request *request)
{
	if (!request->told_ns)
		return;
	web_grant_stage(request, WEB_STAGE_RING, request->told_ns, uv_hrtime());
	request->told_ns = 0;
}

void web_request_consume(struct web_request *request, size_t len)
{
	note_taken(request);
	web_buffer_consume(&request->down, len);
	if (request->recv_paused && web_buffer_is_low(&request->down))
		web_request_ask_to_go_on(request);
}

bool web_request_complete(const struct web_request *request)
{
	return request->state == WEB_REQUEST_ENDED;
}

void web_request_tell(struct web_request *request)
{
	struct web_service_set *set = request->set;
	const struct web_request_ops *ops = request->ops;
	unsigned int events = request->events;
	size_t drained = request->drained;

	request->events = 0;
	request->drained = 0;
	if (events & WEB_EVENT_FAILED) {
		if (!request->status)
			request->status = request->failure.status;
		ops->failed(request->context, &request->failure);
		return;
	}
	/* Any callback may release the request, which clears telling. */
	set->telling = request;
	if (events & WEB_EVENT_DRAINED)
		ops->drained(request->context, drained);
	if (set->telling && events & WEB_EVENT_HEAD) {
		request->status = request->answer.head.status;
		request->told_ns = uv_hrtime();
		ops->head(request->context, &request->answer.head);
	}
	if (set->telling && events & WEB_EVENT_READABLE)
		ops->readable(request->context);
	set->telling = NULL;
}

void web_request_release(struct web_request *request)
{
	struct web_service_set *set = request->set;

	if (request->service) {
		drop_link(request, false);
		request->service->requests--;
		request->service->rested_ms = web_set_now(set);
		/* A former service may be over now. */
		if (request->service->former)
			web_set_wake(set);
	}
	if (set->telling == request)
		set->telling = NULL;
	if (list_linked(&request->ready_link))
		list_remove(&request->ready_link);
	list_remove(&request->set_link);
	set->request_count--;
	web_grant_leave(request);
	request_put(request);
}
