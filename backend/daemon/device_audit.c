// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_audit.c - collects the decisions of a device process.
 *
 * One message is filled; it is sent when it is full, or FLUSH_MS after its
 * first record.  A record that finds it full (the broker does not read), or
 * comes faster than RECORDS_PER_S, is counted as lost, and the count goes with
 * the next message: a guest can neither fill memory nor the broker's time, and
 * nothing vanishes unsaid.
 */
#include "backend/daemon/device_audit.h"

#include <stdlib.h>
#include <string.h>

enum { FLUSH_MS = 100, RECORDS_PER_S = 1000, BURST = 1000 };

struct device_audit {
	uv_timer_t timer;
	int socket;
	uint64_t refilled_ms;
	uint32_t tokens;
	union message message;
};

static void on_timer(uv_timer_t *timer)
{
	device_audit_flush(timer->data);
}

struct device_audit *device_audit_create(uv_loop_t *loop, int socket)
{
	struct device_audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return NULL;
	uv_timer_init(loop, &audit->timer);
	audit->timer.data = audit;
	audit->socket = socket;
	audit->tokens = BURST;
	audit->refilled_ms = uv_now(loop);
	return audit;
}

static void on_close(uv_handle_t *handle)
{
	free(handle->data);
}

void device_audit_destroy(struct device_audit *audit)
{
	if (audit)
		uv_close((uv_handle_t *)&audit->timer, on_close);
}

void device_audit_flush(struct device_audit *audit)
{
	struct message_audit *message = &audit->message.audit;

	if (!message->count && !message->lost)
		return;
	message->header.type = MESSAGE_AUDIT;
	if (message_send(audit->socket, &audit->message, -1,
			 MESSAGE_FROM_DEVICE)) {
		uv_timer_start(&audit->timer, on_timer, FLUSH_MS, 0);
		return;
	}
	memset(&audit->message, 0, sizeof(audit->message));
	uv_timer_stop(&audit->timer);
}

/* The beginning of a string, printable. */
static void text_take(char *field, size_t size, const char *text)
{
	for (size_t i = 0; text && text[i] && i < size - 1; i++)
		field[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
}

static bool token_take(struct device_audit *audit)
{
	uint64_t now = uv_now(audit->timer.loop);
	uint64_t more = (now - audit->refilled_ms) * RECORDS_PER_S / 1000;

	audit->refilled_ms = now;
	audit->tokens = more > BURST - audit->tokens
				? BURST
				: audit->tokens + (uint32_t)more;
	if (!audit->tokens)
		return false;
	audit->tokens--;
	return true;
}

void device_audit_add(void *context, const struct web_audit *request)
{
	struct device_audit *audit = context;
	struct message_audit *message = &audit->message.audit;
	struct message_audit_record *record;

	if (!uv_is_active((uv_handle_t *)&audit->timer))
		uv_timer_start(&audit->timer, on_timer, FLUSH_MS, 0);
	if (message->count == MESSAGE_AUDIT_MAX || !token_take(audit)) {
		if (message->lost < UINT32_MAX)
			message->lost++;
		return;
	}
	record = &message->records[message->count++];
	text_take(record->service, sizeof(record->service), request->service);
	text_take(record->method, sizeof(record->method), request->method);
	text_take(record->path, sizeof(record->path), request->path);
	record->status = request->status < 1000 ? request->status : 0;
	record->verdict = request->verdict;
	record->in_octets = request->in_octets;
	record->out_octets = request->out_octets;
	record->duration_us = request->duration_us;
	record->notify = request->notify;
	if (message->count == MESSAGE_AUDIT_MAX)
		device_audit_flush(audit);
}
