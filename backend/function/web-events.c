// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-events.c - changes of the directory as server-sent events.
 *
 * While somebody listens, the set's observer compares what is granted with
 * what it was, every LOOK_MS at most, and writes one event for each difference
 * into each listener's buffer.  A listener begins with the whole directory, so
 * that nothing is missed between two requests.
 *
 * One who does not read is not waited for: a buffer that is full ends its
 * stream once what is in it was read.  The client comes again and gets the
 * whole directory.  Listeners end with their pipe or stream.
 */
#define _GNU_SOURCE
#include "backend/function/web-conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_MS = 100, IDLE_MS = 15000, MS_NS = 1000000 };

struct entry {
	bool domain;
	char *name;
	char *limits; /* JSON */
	char *grant;  /* JSON, with health and limits */
	enum web_health health;
};

struct snapshot {
	struct entry *entries;
	size_t count;
	size_t size;
	bool failed;
};

struct web_watch {
	struct web_function *function;
	struct list_node listeners;
	unsigned int listener_count;
	struct snapshot last;
	uint64_t looked_ns;
};

struct web_events {
	struct web_watch *watch;
	struct list_node link;
	void (*readable)(void *context);
	void *context;
	char *data;
	size_t len;
	size_t at;	  /* taken so far */
	uint64_t said_ns; /* when something was written last */
	bool over;
};

/* ---- snapshots ----------------------------------------------------------- */

static void entry_free(struct entry *entry)
{
	free(entry->name);
	free(entry->limits);
	free(entry->grant);
}

static void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		entry_free(&snapshot->entries[i]);
	free(snapshot->entries);
	memset(snapshot, 0, sizeof(*snapshot));
}

static char *json_of(const struct web_grant_info *info,
		     void (*put)(FILE *out, const struct web_grant_info *info))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	put(out, info);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

static bool snapshot_grow(struct snapshot *snapshot)
{
	size_t size = snapshot->size ? snapshot->size * 2 : 16;
	struct entry *entries;

	if (snapshot->count < snapshot->size)
		return true;
	entries = realloc(snapshot->entries, size * sizeof(*entries));
	if (!entries)
		return false;
	snapshot->entries = entries;
	snapshot->size = size;
	return true;
}

static void snapshot_add(void *context, const struct web_grant_info *info)
{
	struct snapshot *snapshot = context;
	struct entry *entry;

	if (snapshot->failed || !snapshot_grow(snapshot)) {
		snapshot->failed = true;
		return;
	}
	entry = &snapshot->entries[snapshot->count++];
	*entry = (struct entry){
		.domain = !strcmp(info->type, "domain"),
		.name = strdup(info->name),
		.limits = json_of(info, web_directory_put_limits),
		.grant = json_of(info, web_directory_put_grant),
		.health = info->health,
	};
	if (!entry->name || !entry->limits || !entry->grant)
		snapshot->failed = true;
}

/* Mostly it is where it was. */
static const struct entry *snapshot_find(const struct snapshot *snapshot,
					 const struct entry *wanted,
					 size_t hint)
{
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct entry *entry =
			&snapshot->entries[(hint + i) % snapshot->count];

		if (entry->domain == wanted->domain &&
		    !strcmp(entry->name, wanted->name))
			return entry;
	}
	return NULL;
}

/* ---- listeners ----------------------------------------------------------- */

/* The first text of a listener may have any length, all others are bounded. */
static void events_add(struct web_events *events, const char *text, size_t len)
{
	size_t have = events->len - events->at;
	char *data;

	if (events->over)
		return;
	if (events->at)
		memmove(events->data, events->data + events->at, have);
	events->at = 0;
	events->len = have;
	data = have && have + len > WEB_EVENTS_BUFFER_MAX
		       ? NULL
		       : realloc(events->data, have + len);
	if (data) {
		memcpy(data + have, text, len);
		events->data = data;
		events->len += len;
		events->said_ns = uv_hrtime();
	} else {
		events->over = true;
	}
	events->readable(events->context);
}

static void tell_all(struct web_watch *watch, const char *event,
		     const char *data)
{
	struct list_node *node;
	char *text;
	int len = asprintf(&text, "event: %s\ndata: %s\n\n", event, data);

	list_for_each(node, &watch->listeners)
	{
		struct web_events *events =
			container_of(node, struct web_events, link);

		if (len >= 0) {
			events_add(events, text, (size_t)len);
		} else {
			events->over = true;
			events->readable(events->context);
		}
	}
	if (len >= 0)
		free(text);
}

static void tell_differences(struct web_watch *watch, const struct snapshot *is)
{
	const struct snapshot *was = &watch->last;

	for (size_t i = 0; i < was->count; i++)
		if (!snapshot_find(is, &was->entries[i], i))
			tell_all(watch, "unplug", was->entries[i].grant);
	for (size_t i = 0; i < is->count; i++) {
		const struct entry *now = &is->entries[i];
		const struct entry *then = snapshot_find(was, now, i);

		if (!then) {
			tell_all(watch, "plug", now->grant);
			continue;
		}
		if (then->health != now->health)
			tell_all(watch, "health", now->grant);
		if (strcmp(then->limits, now->limits) != 0)
			tell_all(watch, "limits", now->grant);
	}
}

/* Without memory nothing is told; the next look will see it as well. */
static void watch_look(struct web_watch *watch)
{
	struct snapshot now = {0};

	watch->looked_ns = uv_hrtime();
	web_service_set_list(watch->function->services, snapshot_add, &now);
	if (now.failed) {
		snapshot_free(&now);
		return;
	}
	tell_differences(watch, &now);
	snapshot_free(&watch->last);
	watch->last = now;
}

void web_events_turn(struct web_function *function)
{
	static const char comment[] = ":\n\n";
	struct web_watch *watch = function->watch;
	uint64_t now_ns = uv_hrtime();
	struct list_node *node;

	if (!watch || !watch->listener_count ||
	    now_ns - watch->looked_ns < (uint64_t)LOOK_MS * MS_NS)
		return;
	watch_look(watch);
	list_for_each(node, &watch->listeners)
	{
		struct web_events *events =
			container_of(node, struct web_events, link);

		if (now_ns > events->said_ns &&
		    now_ns - events->said_ns >=
			    (uint64_t)function->events_idle_ms * MS_NS)
			events_add(events, comment, sizeof(comment) - 1);
	}
}

/* ---- life ---------------------------------------------------------------- */

static struct web_watch *watch_get(struct web_function *function)
{
	if (function->watch)
		return function->watch;
	function->watch = calloc(1, sizeof(*function->watch));
	if (!function->watch)
		return NULL;
	function->watch->function = function;
	list_init(&function->watch->listeners);
	if (!function->events_idle_ms)
		function->events_idle_ms = IDLE_MS;
	return function->watch;
}

void web_watch_free(struct web_watch *watch)
{
	if (!watch)
		return;
	snapshot_free(&watch->last);
	free(watch);
}

/* The whole directory as the first event, in one line. */
static bool events_begin(struct web_events *events)
{
	struct web_page page;
	char *text;
	int len;

	if (!web_directory_json(&page, events->watch->function->services))
		return false;
	for (size_t i = 0; i < page.len; i++)
		if (page.text[i] == '\n')
			page.text[i] = ' ';
	len = asprintf(&text, "event: directory\ndata: %s\n\n", page.text);
	free(page.text);
	if (len < 0)
		return false;
	events->data = text;
	events->len = (size_t)len;
	events->said_ns = uv_hrtime();
	return true;
}

struct web_events *web_events_create(struct web_function *function,
				     void (*readable)(void *context),
				     void *context)
{
	struct web_watch *watch = watch_get(function);
	struct web_events *events;

	if (!watch || watch->listener_count >= WEB_EVENTS_MAX)
		return NULL;
	events = calloc(1, sizeof(*events));
	if (!events)
		return NULL;
	events->watch = watch;
	events->readable = readable;
	events->context = context;
	/* What it begins with is what later looks are compared with. */
	watch_look(watch);
	if (!events_begin(events)) {
		free(events);
		return NULL;
	}
	list_append(&watch->listeners, &events->link);
	if (!watch->listener_count++)
		web_service_set_tick(function->services, true);
	return events;
}

void web_events_destroy(struct web_events *events)
{
	struct web_watch *watch;

	if (!events)
		return;
	watch = events->watch;
	list_remove(&events->link);
	if (!--watch->listener_count)
		web_service_set_tick(watch->function->services, false);
	free(events->data);
	free(events);
}

size_t web_events_peek(const struct web_events *events, const uint8_t **data)
{
	*data = (const uint8_t *)events->data + events->at;
	return events->len - events->at;
}

void web_events_consume(struct web_events *events, size_t len)
{
	events->at += len;
}

bool web_events_over(const struct web_events *events)
{
	return events->over;
}
