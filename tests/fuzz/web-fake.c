// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-fake.c - the pipe and the service set of the fuzz targets.
 */
#include "tests/fuzz/web-fake.h"

#include "backend/function/web.h"
#include "backend/usb/pipe.h"
#include "backend/util/list.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { REQUESTS_MAX = 1024, ANSWER_MAX = 70000, TURNS = 8 };

/* ---- the service set ---------------------------------------------------- */

struct web_request {
	struct list_node link;
	const struct web_request_ops *ops;
	void *context;
	unsigned int how; /* picked by the target */
	enum web_priority priority;
	unsigned int step;
	int64_t body_len;
	uint64_t written;
	size_t buffered;
	size_t buffer_max;
	bool finished;
	bool failed;
	size_t answer_left;
	bool complete;
};

struct web_share {
	bool alive;
	void (*changed)(void *context);
	void *context;
};

static struct web_share share;
static struct list_node requests = {&requests, &requests};
static unsigned int request_count;
static void (*settled)(void *context);
static void *settled_context;
static uint8_t answer[ANSWER_MAX];

static bool is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' ||
		    strchr("\"(),/:;<=>?@[\\]{}", text[i]))
			return false;
	return len != 0;
}

static void check_head(const struct web_request_head *head)
{
	assert(is_token(head->method, head->method_len));
	assert(head->target_len &&
	       (head->target[0] == '/' || head->target_len == 1));
	for (size_t i = 0; i < head->target_len; i++)
		assert(head->target[i] > ' ' && head->target[i] <= '~');
	assert(head->service_len && head->service_len <= WEB_SERVICE_NAME_MAX);
	for (size_t i = 0; i < head->service_len; i++) {
		char c = head->service[i];

		assert(c > ' ' && c <= '~' && !(c >= 'A' && c <= 'Z'));
		assert(c != '/' && c != '@' && c != ',');
	}
	for (size_t i = 0; i < head->header_count; i++) {
		const struct web_header *header = &head->headers[i];

		assert(is_token(header->name, header->name_len));
		for (size_t j = 0; j < header->value_len; j++) {
			unsigned char c = (unsigned char)header->value[j];

			assert(c == '\t' || (c >= ' ' && c != 0x7f));
		}
	}
}

unsigned int web_request_start(struct web_service_set *set,
			       const struct web_request_head *head,
			       const struct web_request_ops *ops, void *context,
			       struct web_request **request,
			       struct web_failure *failure)
{
	struct web_request *made;

	(void)set;
	assert(head->share == &share && share.alive);
	assert(head->priority < WEB_PRIORITY_COUNT);
	assert(head->service_len != 9 || memcmp(head->service, "directory", 9));
	check_head(head);
	memset(failure, 0, sizeof(*failure));
	if (head->service[0] == 'x') {
		failure->status = head->service[1] == 'x' ? 429 : 403;
		failure->verdict = 1 + (unsigned int)head->service_len %
					       (WEB_VERDICT_COUNT - 1);
		failure->retry_after_s = failure->status == 429;
		failure->text = "policy";
		return failure->status;
	}
	failure->status = 503;
	failure->text = "too many";
	if (request_count == REQUESTS_MAX)
		return 503;
	made = calloc(1, sizeof(*made));
	assert(made);
	made->ops = ops;
	made->context = context;
	made->priority = head->priority;
	made->how = head->target_len > 1 ? (unsigned char)head->target[1] : 0;
	made->body_len = head->body_len;
	made->buffer_max = head->body_buffer_bytes;
	made->finished = !head->body_len;
	list_append(&requests, &made->link);
	request_count++;
	*request = made;
	return 0;
}

size_t web_request_room(const struct web_request *request)
{
	return request->buffer_max - request->buffered;
}

size_t web_request_write(struct web_request *request, const uint8_t *data,
			 size_t len)
{
	(void)data;
	if (request->failed || request->finished)
		return len;
	if (len > web_request_room(request))
		len = web_request_room(request);
	request->buffered += len;
	request->written += len;
	assert(request->body_len < 0 ||
	       request->written <= (uint64_t)request->body_len);
	return len;
}

void web_request_finish(struct web_request *request)
{
	assert(request->body_len < 0 || request->failed ||
	       request->written == (uint64_t)request->body_len);
	request->finished = true;
}

size_t web_request_peek(const struct web_request *request, const uint8_t **data)
{
	*data = answer;
	return request->step >= 2 ? request->answer_left : 0;
}

void web_request_consume(struct web_request *request, size_t len)
{
	assert(len <= request->answer_left);
	request->answer_left -= len;
}

bool web_request_complete(const struct web_request *request)
{
	return request->complete;
}

void web_request_release(struct web_request *request)
{
	list_remove(&request->link);
	request_count--;
	free(request);
}

void web_service_set_observe(struct web_service_set *set,
			     void (*callback)(void *context), void *context)
{
	(void)set;
	settled = callback;
	settled_context = context;
}

void web_service_set_wake(struct web_service_set *set)
{
	(void)set;
}

void web_service_set_tick(struct web_service_set *set, bool wanted)
{
	(void)set;
	(void)wanted;
}

/* The pipe's share: limits change under the function's feet. */
struct web_share *web_share_create(struct web_service_set *set,
				   void (*changed)(void *context),
				   void *context)
{
	(void)set;
	assert(!share.alive);
	share = (struct web_share){true, changed, context};
	return &share;
}

void web_share_destroy(struct web_share *old)
{
	assert(old == &share && share.alive && !request_count);
	share.alive = false;
}

void web_share_wish(struct web_share *wishing, enum web_priority priority,
		    uint64_t rate)
{
	(void)wishing;
	(void)priority;
	(void)rate;
}

void web_share_get(const struct web_share *asked,
		   struct web_share_limits *limits)
{
	(void)asked;
	memset(limits, 0, sizeof(*limits));
}

enum web_priority web_request_priority(const struct web_request *request)
{
	return request->priority > WEB_PRIORITY_NORMAL ? request->priority
						       : WEB_PRIORITY_NORMAL;
}

const char *web_service_set_contact(const struct web_service_set *set)
{
	(void)set;
	return "cloud@example.org";
}

void web_service_set_list(const struct web_service_set *set,
			  void (*each)(void *context,
				       const struct web_grant_info *info),
			  void *context)
{
	static const struct web_limits limits = {
		.rate = 1, .methods = "GET,HEAD", .paths = "/\"*,/\\*"};

	(void)set;
	each(context, &(struct web_grant_info){"domain", "fuzz", &limits, 0});
	each(context,
	     &(struct web_grant_info){"web", "shop", &limits, WEB_HEALTH_DOWN});
}

/* One event of one request. */
static void request_turn(struct web_request *request)
{
	static const struct web_header headers[] = {
		{"content-type", "text/plain", 12, 10},
		{"priority", "u=0", 8, 3},
		{"x-empty", "", 7, 0}};
	static const struct web_failure failures[] = {
		{.status = 502, .text = "broken"},
		{.status = 504, .text = "late", .timeout = true},
		{.status = 403,
		 .text = "revoked",
		 .revoked = true,
		 .verdict = WEB_REVOKED},
		{.status = 403,
		 .text = "too large",
		 .verdict = WEB_RESPONSE_SIZE},
		{.status = 413,
		 .text = "too large",
		 .verdict = WEB_REQUEST_SIZE}};
	static const unsigned int statuses[] = {200, 204, 304, 404};
	struct web_response_head head = {
		.status = statuses[request->how >> 3 & 3],
		.headers = headers,
		.header_count = 3,
		.content_length = -1,
	};
	size_t size = (request->how & 4) ? ANSWER_MAX : 10;

	if (request->failed || request->complete)
		return;
	if (request->how % 7 == request->step + 4) {
		request->failed = true;
		request->ops->failed(request->context,
				     &failures[request->how % 5]);
		return;
	}
	request->step++;
	if (request->step == 1) {
		if (request->how & 1)
			head.content_length = (int64_t)size;
		request->ops->head(request->context, &head);
	} else if (request->step == 2) {
		request->answer_left =
			head.status == 204 || head.status == 304 ? 0 : size;
		request->complete = request->how & 2;
		request->ops->readable(request->context);
	} else if (request->buffered) {
		size_t len = request->buffered;

		request->buffered = 0;
		request->ops->drained(request->context, len);
	} else if (request->finished) {
		request->complete = true;
		request->ops->readable(request->context);
	}
}

static void turn(void)
{
	struct list_node *node;
	struct list_node *after;

	/* A request's callback releases that request at most. */
	list_for_each_safe(node, after, &requests)
		request_turn(container_of(node, struct web_request, link));
	if (share.alive)
		share.changed(share.context);
	if (settled)
		settled(settled_context);
}

/* ---- the pipe ----------------------------------------------------------- */

struct pipe {
	const uint8_t *out;
	size_t out_len;
	size_t out_room; /* of what the host offers now */
	size_t in_room;
	bool open;
	bool ended;
	bool pumping;
	void *data;
};

static struct pipe_function_config function;
static struct usb_function made;

struct usb_function *
pipe_function_create(const struct pipe_function_config *config)
{
	function = *config;
	return &made;
}

static void pump_out(struct pipe *pipe)
{
	if (pipe->pumping)
		return;
	pipe->pumping = true;
	while (pipe->open && pipe->out_room) {
		size_t taken = function.ops->receive(function.context, pipe,
						     pipe->out, pipe->out_room);

		if (!pipe->open)
			break;
		assert(taken <= pipe->out_room);
		pipe->out += taken;
		pipe->out_len -= taken;
		if (taken == pipe->out_room)
			pipe->out_room = 0;
		else
			pipe->out_room -= taken;
		if (!taken || pipe->out_room)
			break;
	}
	pipe->pumping = false;
}

static void pump_in(struct pipe *pipe)
{
	static uint8_t place[65536];

	while (pipe->open && !pipe->ended && pipe->in_room) {
		size_t n = function.ops->produce(function.context, pipe, place,
						 pipe->in_room);

		assert(n <= pipe->in_room);
		if (!n)
			break;
	}
}

void pipe_established(struct pipe *pipe)
{
	(void)pipe;
}

void pipe_want_out(struct pipe *pipe)
{
	pump_out(pipe);
}

void pipe_have_in(struct pipe *pipe)
{
	pump_in(pipe);
}

void pipe_limits_changed(struct pipe *pipe)
{
	assert(pipe->open);
}

void pipe_end(struct pipe *pipe)
{
	pipe->ended = true;
}

void pipe_reset(struct pipe *pipe, enum tv_pipe_reason reason)
{
	assert(reason != TV_PIPE_REASON_NONE);
	if (!pipe->open)
		return;
	pipe->open = false;
	function.ops->close(function.context, pipe);
	pipe->data = NULL;
}

void *pipe_data(const struct pipe *pipe)
{
	return pipe->data;
}

void pipe_set_data(struct pipe *pipe, void *data)
{
	pipe->data = data;
}

/* ---- runs --------------------------------------------------------------- */

static uint32_t next(uint32_t *steps)
{
	*steps = *steps * 1664525 + 1013904223;
	return *steps >> 8;
}

static size_t pick(uint32_t *steps)
{
	static const size_t sizes[] = {1, 2, 7, 64, 512, 4096, 65536, 65536};

	return sizes[next(steps) % 8];
}

void web_fake_run(const uint8_t *data, size_t len, uint32_t steps)
{
	struct pipe pipe = {.out = data, .out_len = len, .open = true};
	unsigned int idle = 0;

	assert(web_function_create(
		&(struct web_function_config){.name = "fuzz"}));
	function.ops->open(function.context, &pipe);
	while (pipe.open && pipe.out_len && idle < TURNS) {
		size_t before = pipe.out_len;

		if (!pipe.out_room) {
			pipe.out_room = pick(&steps);
			if (pipe.out_room > pipe.out_len)
				pipe.out_room = pipe.out_len;
		}
		pipe.in_room = pick(&steps);
		pump_out(&pipe);
		turn();
		idle = pipe.out_len == before ? idle + 1 : 0;
	}
	if (pipe.open && !pipe.out_len && next(&steps) & 1)
		function.ops->receive_end(function.context, &pipe);
	for (int i = 0; i < TURNS && pipe.open; i++) {
		pipe.in_room = 65536;
		turn();
		pump_in(&pipe);
	}
	if (pipe.open) {
		pipe.open = false;
		function.ops->close(function.context, &pipe);
	}
	/* Nothing of a connection outlives it. */
	assert(list_empty(&requests) && !request_count);
	function.ops->destroy(function.context);
	assert(!settled);
}
