// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * registry.c - services ready to be handed to device processes.
 *
 * A slot holds one service: its definition, the addresses of each upstream and
 * what is published of both.  Resolver calls run in libuv's threads and come
 * back to a struct lookup, which outlives the slot if need be (slot = NULL).
 * A name that cannot be resolved keeps the addresses it had.
 */
#define _GNU_SOURCE /* memfd_create, seals */
#include "backend/daemon/registry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/daemon/services.h"
#include "backend/util/list.h"
#include "backend/util/log.h"

enum { REFRESH_MS = 60000, RETRY_MS = 5000 };

struct addresses {
	unsigned int count;
	char text[MESSAGE_MAX_ADDRESSES][MESSAGE_ADDRESS_SIZE];
};

struct slot {
	struct list_node link;
	struct registry *registry;
	struct service *definition; /* of registry->services */
	struct addresses resolved[SERVICE_MAX_UPSTREAMS];
	struct registry_entry entry;
	struct list_node lookups;
};

struct lookup {
	uv_getaddrinfo_t request;
	struct list_node link;
	struct slot *slot; /* NULL: nobody waits any more */
	unsigned int upstream;
	bool tell; /* log a failure */
};

struct registry {
	uv_loop_t *loop;
	uv_timer_t timer;
	char *folder;
	struct services *services;
	struct list_node slots;
	uint64_t generation;
	void (*changed)(void *context);
	void *context;
	bool unresolved; /* a name is: try again soon */
};

static void timer_arm(struct registry *registry);

/* A sealed copy of PEM text.  A descriptor or a negative errno. */
static int ca_publish(const struct service *service)
{
	const int seals =
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
	int fd = memfd_create("2virt-ca", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;
	int error;

	if (fd < 0)
		return -errno;
	while (done < service->ca_len) {
		ssize_t put = pwrite(fd, service->ca + done,
				     service->ca_len - done, (off_t)done);

		if (put <= 0)
			goto err_close;
		done += (size_t)put;
	}
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		goto err_close;
	return fd;
err_close:
	error = errno ? -errno : -EIO;
	close(fd);
	return error;
}

static void message_fill(const struct slot *slot, struct message_service *out)
{
	const struct service *service = slot->definition;

	memset(out, 0, sizeof(*out));
	out->header.type = MESSAGE_SERVICE_PUT;
	memcpy(out->name, service->name, sizeof(out->name));
	memcpy(out->host_header, service->host_header,
	       sizeof(out->host_header));
	out->connect_timeout_ms = (uint32_t)service->connect_timeout_ms;
	out->response_timeout_ms = (uint32_t)service->response_timeout_ms;
	out->idle_timeout_ms = (uint32_t)service->idle_timeout_ms;
	out->retry_after_ms = (uint32_t)service->retry_after_ms;
	out->connection_max = (uint32_t)service->connection_max;
	out->body_max_bytes = service->body_max_bytes;
	out->ca = slot->entry.ca_fd >= 0;
	for (unsigned int i = 0; i < service->upstream_count; i++) {
		const struct addresses *resolved = &slot->resolved[i];
		struct message_upstream *upstream;

		if (!resolved->count)
			continue;
		upstream = &out->upstreams[out->upstream_count++];
		memcpy(upstream->url, service->upstreams[i].url,
		       sizeof(upstream->url));
		upstream->address_count = resolved->count;
		memcpy(upstream->addresses, resolved->text,
		       sizeof(upstream->addresses));
	}
}

/* Publishes what a slot knows now; true if that is something new. */
static bool slot_publish(struct slot *slot)
{
	struct message_service made;

	message_fill(slot, &made);
	if (!made.upstream_count ||
	    (slot->entry.generation &&
	     memcmp(&made, &slot->entry.message.service, sizeof(made)) == 0))
		return false;
	slot->entry.message.service = made;
	slot->entry.generation = ++slot->registry->generation;
	return true;
}

static int compare_address(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Numeric forms in a stable order, at most MESSAGE_MAX_ADDRESSES. */
static void addresses_take(struct addresses *out, const struct addrinfo *found)
{
	memset(out, 0, sizeof(*out));
	for (; found && out->count < MESSAGE_MAX_ADDRESSES;
	     found = found->ai_next) {
		char *text = out->text[out->count];
		bool known = false;

		if (getnameinfo(found->ai_addr, found->ai_addrlen, text,
				MESSAGE_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST))
			memset(text, 0, MESSAGE_ADDRESS_SIZE);
		/* A scope ("%eth0") means nothing to the device process. */
		if (!text[0] || strchr(text, '%'))
			known = true;
		for (unsigned int i = 0; i < out->count; i++)
			known |= strcmp(out->text[i], text) == 0;
		if (known)
			memset(text, 0, MESSAGE_ADDRESS_SIZE);
		else
			out->count++;
	}
	/* getnameinfo() may leave octets behind the end of a string. */
	for (unsigned int i = 0; i < out->count; i++) {
		size_t len = strlen(out->text[i]);

		memset(out->text[i] + len, 0, MESSAGE_ADDRESS_SIZE - len);
	}
	qsort(out->text, out->count, MESSAGE_ADDRESS_SIZE, compare_address);
}

static void on_resolved(uv_getaddrinfo_t *request, int status,
			struct addrinfo *found)
{
	struct lookup *lookup = request->data;
	struct slot *slot = lookup->slot;

	if (slot) {
		struct registry *registry = slot->registry;
		const struct service *service = slot->definition;
		struct addresses *kept = &slot->resolved[lookup->upstream];

		list_remove(&lookup->link);
		if (status == 0 && found) {
			addresses_take(kept, found);
			if (slot_publish(slot))
				registry->changed(registry->context);
		} else {
			if (lookup->tell)
				log_warning("service %s: cannot resolve %s: %s",
					    service->name,
					    service->upstreams[lookup->upstream]
						    .host,
					    uv_strerror(status));
			registry->unresolved = true;
			timer_arm(registry);
		}
	}
	uv_freeaddrinfo(found);
	free(lookup);
}

/* True if the host needs no resolver; then its address is taken. */
static bool host_is_numeric(const char *host, struct addresses *out)
{
	uint8_t binary[16];
	int family = AF_INET;

	if (inet_pton(AF_INET, host, binary) != 1) {
		family = AF_INET6;
		if (inet_pton(AF_INET6, host, binary) != 1)
			return false;
	}
	memset(out, 0, sizeof(*out));
	out->count = 1;
	inet_ntop(family, binary, out->text[0], MESSAGE_ADDRESS_SIZE);
	return true;
}

static void slot_resolve(struct slot *slot, bool tell)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				       .ai_flags = AI_ADDRCONFIG};
	const struct service *service = slot->definition;

	/* The round before is still on its way. */
	if (!list_empty(&slot->lookups))
		return;
	for (unsigned int i = 0; i < service->upstream_count; i++) {
		struct lookup *lookup;

		if (host_is_numeric(service->upstreams[i].host,
				    &slot->resolved[i]))
			continue;
		lookup = calloc(1, sizeof(*lookup));
		if (!lookup)
			continue;
		lookup->request.data = lookup;
		lookup->slot = slot;
		lookup->upstream = i;
		lookup->tell = tell;
		list_append(&slot->lookups, &lookup->link);
		if (uv_getaddrinfo(slot->registry->loop, &lookup->request,
				   on_resolved, service->upstreams[i].host,
				   NULL, &hints)) {
			list_remove(&lookup->link);
			free(lookup);
		}
	}
}

static void slot_free(struct slot *slot)
{
	struct list_node *pos, *after;

	list_for_each_safe(pos, after, &slot->lookups)
	{
		struct lookup *lookup = container_of(pos, struct lookup, link);

		list_remove(&lookup->link);
		lookup->slot = NULL;
		uv_cancel((uv_req_t *)&lookup->request);
	}
	if (slot->entry.ca_fd >= 0)
		close(slot->entry.ca_fd);
	list_remove(&slot->link);
	free(slot);
}

static struct slot *slot_find(const struct registry *registry, const char *name)
{
	struct list_node *pos;

	list_for_each(pos, &registry->slots)
	{
		struct slot *slot = container_of(pos, struct slot, link);

		if (strcmp(slot->entry.name, name) == 0)
			return slot;
	}
	return NULL;
}

static int slot_make(struct registry *registry, struct service *definition)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	list_init(&slot->lookups);
	slot->registry = registry;
	slot->definition = definition;
	memcpy(slot->entry.name, definition->name, sizeof(slot->entry.name));
	slot->entry.ca_fd = -1;
	if (definition->ca) {
		int fd = ca_publish(definition);

		if (fd < 0) {
			free(slot);
			return fd;
		}
		slot->entry.ca_fd = fd;
	}
	list_append(&registry->slots, &slot->link);
	slot_resolve(slot, true);
	slot_publish(slot);
	return 0;
}

static void on_timer(uv_timer_t *timer)
{
	struct registry *registry = timer->data;
	bool tell = !registry->unresolved;
	struct list_node *pos;

	registry->unresolved = false;
	list_for_each(pos, &registry->slots)
		slot_resolve(container_of(pos, struct slot, link), tell);
	timer_arm(registry);
}

static void timer_arm(struct registry *registry)
{
	uint64_t after_ms = registry->unresolved ? RETRY_MS : REFRESH_MS;

	uv_timer_start(&registry->timer, on_timer, after_ms, 0);
}

/* A name that was written wrong this time keeps its former definition. */
static void definitions_keep(struct services *loaded, struct registry *registry)
{
	struct list_node *pos, *after;

	if (!loaded->errors || !registry->services)
		return;
	list_for_each_safe(pos, after, &registry->services->list)
	{
		struct service *old = container_of(pos, struct service, link);

		if (services_find(loaded, old->name) ||
		    !services_mentions(loaded, old->name))
			continue;
		log_warning("service %s: the former definition stays in force",
			    old->name);
		list_remove(&old->link);
		list_append(&loaded->list, &old->link);
	}
}

int registry_reload(struct registry *registry)
{
	struct services *loaded, *former = registry->services;
	struct list_node *pos, *after;
	int error = services_load(registry->folder, &loaded);

	if (error)
		return error;
	definitions_keep(loaded, registry);
	list_for_each_safe(pos, after, &registry->slots)
	{
		struct slot *slot = container_of(pos, struct slot, link);
		struct service *now = services_find(loaded, slot->entry.name);

		/* An equal one may be where the old one was. */
		if (now && service_equal(now, slot->definition))
			slot->definition = now;
		else
			slot_free(slot);
	}
	list_for_each(pos, &loaded->list)
	{
		struct service *service =
			container_of(pos, struct service, link);

		if (slot_find(registry, service->name))
			continue;
		error = slot_make(registry, service);
		if (error)
			log_error("service %s: %s", service->name,
				  strerror(-error));
	}
	registry->services = loaded;
	services_free(former);
	registry->changed(registry->context);
	return (int)loaded->errors;
}

const struct registry_entry *registry_find(const struct registry *registry,
					   const char *name)
{
	struct slot *slot = slot_find(registry, name);

	return slot ? &slot->entry : NULL;
}

void registry_each(const struct registry *registry,
		   void (*each)(void *context,
				const struct registry_entry *entry),
		   void *context)
{
	struct list_node *pos;

	list_for_each(pos, &registry->slots)
		each(context, &container_of(pos, struct slot, link)->entry);
}

struct registry *registry_create(uv_loop_t *loop, const char *folder,
				 void (*changed)(void *context), void *context)
{
	struct registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->folder = strdup(folder);
	if (!registry->folder) {
		free(registry);
		return NULL;
	}
	registry->loop = loop;
	registry->changed = changed;
	registry->context = context;
	list_init(&registry->slots);
	uv_timer_init(loop, &registry->timer);
	registry->timer.data = registry;
	timer_arm(registry);
	return registry;
}

static void on_close(uv_handle_t *handle)
{
	struct registry *registry = handle->data;

	services_free(registry->services);
	free(registry->folder);
	free(registry);
}

void registry_destroy(struct registry *registry)
{
	struct list_node *pos, *after;

	if (!registry)
		return;
	list_for_each_safe(pos, after, &registry->slots)
		slot_free(container_of(pos, struct slot, link));
	uv_close((uv_handle_t *)&registry->timer, on_close);
}
