// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy_source.c - the rules in force.
 *
 * An editor causes several events; files are read SETTLE_MS after the last of
 * them.  A folder that is not there, or went away, is looked for again every
 * LOOK_MS: then nothing watches it.
 */
#include "backend/daemon/policy_source.h"

#include <stdlib.h>
#include <string.h>

#include "backend/util/log.h"

enum { SETTLE_MS = 30, LOOK_MS = 2000, FOLDERS = 2 };

struct policy_source {
	struct policy_source_config config;
	struct policy_set *set;
	char *paths[FOLDERS + 1]; /* policy, domains, keep */
	uv_fs_event_t watches[FOLDERS];
	bool watched[FOLDERS];
	uv_timer_t settle, look;
	unsigned int open_handles;
	struct policy_service *services;
	size_t service_count, service_size;
	bool services_bad; /* no memory */
};

static const char *folder_of(const struct policy_source *source, int index)
{
	return source->paths[index];
}

/*
 * --- watching ---
 */

static void on_settle(uv_timer_t *timer)
{
	struct policy_source *source = timer->data;
	bool changed;

	policy_source_reload(source, &changed);
	if (changed)
		source->config.changed(source->config.context);
}

static void on_event(uv_fs_event_t *watch, const char *name, int events,
		     int status)
{
	struct policy_source *source = watch->data;

	/* The folder itself may be gone: looking for it tells. */
	if (status < 0 || (events & UV_RENAME))
		source->watched[watch - source->watches] = false;
	uv_timer_start(&source->settle, on_settle, SETTLE_MS, 0);
}

static void watch_all(struct policy_source *source)
{
	for (int i = 0; i < FOLDERS; i++) {
		const char *path = folder_of(source, i);

		if (!path || source->watched[i])
			continue;
		uv_fs_event_stop(&source->watches[i]);
		source->watched[i] = uv_fs_event_start(&source->watches[i],
						       on_event, path, 0) == 0;
	}
}

/* Takes up what could not be watched before; then it may have files. */
static void on_look(uv_timer_t *timer)
{
	struct policy_source *source = timer->data;
	bool missing = false, found = false;

	for (int i = 0; i < FOLDERS; i++)
		missing |= folder_of(source, i) && !source->watched[i];
	if (!missing)
		return;
	watch_all(source);
	for (int i = 0; i < FOLDERS; i++)
		found |= source->watched[i];
	if (found)
		uv_timer_start(&source->settle, on_settle, SETTLE_MS, 0);
}

/*
 * --- reading ---
 */

static void tell_broken(const struct policy_source *source)
{
	for (size_t i = 0; i < policy_set_file_count(source->set); i++) {
		struct policy_file_status status;
		char text[512];

		policy_set_file(source->set, i, &status);
		if (!status.broken)
			continue;
		policy_error_text(&status.error, status.name, text,
				  sizeof(text));
		log_error("policy: %s; %s", text,
			  status.in_force
				  ? "the last good version stays in force"
				  : "nothing of this file is in force");
	}
}

int policy_source_reload(struct policy_source *source, bool *changed)
{
	bool ignored;
	int broken;

	if (!changed)
		changed = &ignored;
	*changed = false;
	uv_timer_stop(&source->settle);
	/* Before reading: what is written meanwhile is an event. */
	watch_all(source);
	broken = policy_set_reload(source->set, changed);
	policy_source_forget(source);
	if (broken < 0)
		log_error("cannot read the policy: %s", strerror(-broken));
	else if (broken > 0)
		tell_broken(source);
	if (*changed)
		log_info("policy: other rules are in force");
	return broken;
}

const struct policy_set *policy_source_set(const struct policy_source *source)
{
	return source->set;
}

const struct policy_folders *
policy_source_folders(const struct policy_source *source)
{
	return &source->config.folders;
}

/*
 * --- services ---
 */

static void service_add(struct policy_source *source, enum policy_type type,
			const char *name)
{
	if (source->service_count == source->service_size) {
		size_t size =
			source->service_size ? 2 * source->service_size : 32;
		struct policy_service *grown =
			reallocarray(source->services, size, sizeof(*grown));

		if (!grown) {
			source->services_bad = true;
			return;
		}
		source->services = grown;
		source->service_size = size;
	}
	source->services[source->service_count++] =
		(struct policy_service){type, name};
}

static void on_defined(void *context, const struct registry_entry *entry)
{
	service_add(context, POLICY_TYPE_WEB, entry->name);
}

static void on_named(void *context, const struct policy_service *service)
{
	service_add(context, service->type, service->name);
}

static int compare(const void *a, const void *b)
{
	const struct policy_service *left = a, *right = b;

	if (left->type != right->type)
		return left->type < right->type ? -1 : 1;
	return strcmp(left->name, right->name);
}

const struct policy_service *
policy_source_services(struct policy_source *source, size_t *count)
{
	size_t used = 0;

	if (!source->services) {
		source->services_bad = false;
		registry_each(source->config.registry, on_defined, source);
		policy_set_named(source->set, on_named, source);
		if (source->service_count)
			qsort(source->services, source->service_count,
			      sizeof(*source->services), compare);
		for (size_t i = 0; i < source->service_count; i++)
			if (!used || compare(&source->services[used - 1],
					     &source->services[i]) != 0)
				source->services[used++] = source->services[i];
		source->service_count = used;
	}
	*count = source->services_bad ? 0 : source->service_count;
	return source->services_bad ? NULL : source->services;
}

void policy_source_forget(struct policy_source *source)
{
	free(source->services);
	source->services = NULL;
	source->service_count = source->service_size = 0;
}

/*
 * --- life ---
 */

static void source_free(struct policy_source *source)
{
	policy_set_destroy(source->set);
	free(source->services);
	for (int i = 0; i <= FOLDERS; i++)
		free(source->paths[i]);
	free(source);
}

static void on_close(uv_handle_t *handle)
{
	struct policy_source *source = handle->data;

	if (--source->open_handles == 0)
		source_free(source);
}

/* NULL stays NULL.  False: no memory. */
static bool path_copy(const char *from, char **to)
{
	*to = from ? strdup(from) : NULL;
	return *to || !from;
}

struct policy_source *
policy_source_create(const struct policy_source_config *config)
{
	struct policy_source *source = calloc(1, sizeof(*source));

	if (!source)
		return NULL;
	source->config = *config;
	if (path_copy(config->folders.policy, &source->paths[0]) &&
	    path_copy(config->folders.domains, &source->paths[1]) &&
	    path_copy(config->folders.keep, &source->paths[2])) {
		source->config.folders = (struct policy_folders){
			.policy = source->paths[0],
			.domains = source->paths[1],
			.keep = source->paths[2],
		};
		source->set = policy_set_create(&source->config.folders);
	}
	if (!source->set) {
		source_free(source);
		return NULL;
	}
	for (int i = 0; i < FOLDERS; i++) {
		uv_fs_event_init(config->loop, &source->watches[i]);
		source->watches[i].data = source;
	}
	uv_timer_init(config->loop, &source->settle);
	uv_timer_init(config->loop, &source->look);
	source->settle.data = source;
	source->look.data = source;
	source->open_handles = FOLDERS + 2;
	uv_timer_start(&source->look, on_look, LOOK_MS, LOOK_MS);
	return source;
}

void policy_source_destroy(struct policy_source *source)
{
	if (!source)
		return;
	for (int i = 0; i < FOLDERS; i++)
		uv_close((uv_handle_t *)&source->watches[i], on_close);
	uv_close((uv_handle_t *)&source->settle, on_close);
	uv_close((uv_handle_t *)&source->look, on_close);
}
