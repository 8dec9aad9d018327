// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plugs.c - keeps what is plugged into one controller in step with the grants.
 *
 * What is sent counts as done; an answer that says otherwise is logged by the
 * controller and leaves it so until something changes, because sending the
 * same again would fail again.  Revocations are sent at once, whatever else
 * waits: process.c counts their time from that moment.
 */
#include "backend/daemon/plugs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/store.h"
#include "backend/util/log.h"
#include "protocol/usbif.h"

enum { WINDOW = 8 };

/* A service as the process holds it. */
struct told {
	char name[MESSAGE_NAME_SIZE];
	uint64_t generation; /* of the definition; 0: not sent */
	uint64_t content;    /* of the grant */
};

struct plugs {
	struct xs_handle *xs;
	const struct registry *registry;
	uint32_t domid, devid;
	struct plugs_config config;
	struct plugs_wish wish;
	struct told *told;
	size_t told_count, told_size;
	uint64_t told_limits; /* of the domain */
	/* By port number; function 0: the port is free. */
	struct plugs_device ports[USBIF_MAX_PORTS + 1];
	bool full; /* said that there is no free port */
};

struct plugs *plugs_create(const struct plugs_config *config)
{
	struct plugs *plugs = calloc(1, sizeof(*plugs));

	if (!plugs)
		return NULL;
	plugs->config = *config;
	plugs->xs = config->xs;
	plugs->registry = config->registry;
	plugs->domid = config->domid;
	plugs->devid = config->devid;
	return plugs;
}

void plugs_destroy(struct plugs *plugs)
{
	if (!plugs)
		return;
	free(plugs->told);
	free(plugs);
}

void plugs_want(struct plugs *plugs, const struct plugs_wish *wish)
{
	plugs->wish = *wish;
}

#define STATE_PORT "/tool/2virt/domain/%u/state/%u/port/%u"

/* For people and tools. */
static void port_publish(const struct plugs *plugs, unsigned int port)
{
	const struct plugs_device *device = &plugs->ports[port];

	if (!device->function) {
		store_remove(plugs->xs, XBT_NULL, STATE_PORT, plugs->domid,
			     plugs->devid, port);
		return;
	}
	store_write(plugs->xs, XBT_NULL,
		    message_function_name(device->function), STATE_PORT "/type",
		    plugs->domid, plugs->devid, port);
	store_write(plugs->xs, XBT_NULL, device->name, STATE_PORT "/name",
		    plugs->domid, plugs->devid, port);
}

/*
 * --- devices ---
 */

static bool device_equal(const struct plugs_device *a,
			 const struct plugs_device *b)
{
	return a->function == b->function && strcmp(a->name, b->name) == 0;
}

static bool device_is_wanted(const struct plugs *plugs,
			     const struct plugs_device *device)
{
	for (size_t i = 0; i < plugs->wish.device_count; i++)
		if (device_equal(&plugs->wish.devices[i], device))
			return true;
	return false;
}

/* The port a device is on; 0: none. */
static unsigned int port_of(const struct plugs *plugs,
			    const struct plugs_device *device)
{
	for (unsigned int port = 1; port <= USBIF_MAX_PORTS; port++)
		if (device_equal(&plugs->ports[port], device))
			return port;
	return 0;
}

unsigned int plugs_port(const struct plugs *plugs,
			enum message_function function, const char *name)
{
	struct plugs_device device = {.function = function};

	snprintf(device.name, sizeof(device.name), "%s", name);
	return port_of(plugs, &device);
}

/* The first free port; 0: none. */
static unsigned int port_free(const struct plugs *plugs,
			      unsigned int port_count)
{
	for (unsigned int port = 1; port <= port_count; port++)
		if (!plugs->ports[port].function)
			return port;
	return 0;
}

static void unplug(struct plugs *plugs, struct process *process,
		   unsigned int port)
{
	union message message = {.unplug = {.port = port}};
	struct plugs_device *device = &plugs->ports[port];

	message.header.type = MESSAGE_UNPLUG;
	process_request(process, &message, -1);
	log_info("domain %u controller %u port %u: %s device %s unplugged",
		 plugs->domid, plugs->devid, port,
		 message_function_name(device->function), device->name);
	if (plugs->config.plugged)
		plugs->config.plugged(plugs->config.context, false, device,
				      port);
	memset(device, 0, sizeof(*device));
	plugs->full = false;
	port_publish(plugs, port);
}

static void plug(struct plugs *plugs, struct process *process,
		 const struct plugs_device *device, unsigned int port)
{
	union message message = {
		.plug = {.port = port, .function = device->function}};

	message.header.type = MESSAGE_PLUG;
	memcpy(message.plug.name, device->name, sizeof(message.plug.name));
	if (!process_request(process, &message, -1))
		return;
	plugs->ports[port] = *device;
	log_info("domain %u controller %u port %u: %s device %s plugged in",
		 plugs->domid, plugs->devid, port,
		 message_function_name(device->function), device->name);
	if (plugs->config.plugged)
		plugs->config.plugged(plugs->config.context, true, device,
				      port);
	port_publish(plugs, port);
}

/*
 * --- services ---
 */

const struct registry_entry *plugs_service(const struct registry *registry,
					   const struct grants *grants,
					   const struct grant *grant)
{
	if (!grants->limits_valid || !grant->valid ||
	    grant->type != POLICY_TYPE_WEB)
		return NULL;
	return registry_find(registry, grant->target);
}

static bool service_is_wanted(const struct plugs *plugs, const char *name)
{
	const struct grants *grants = plugs->wish.grants;
	const struct grant *grant =
		grants ? grants_find(grants, POLICY_TYPE_WEB, name) : NULL;

	return grant && plugs_service(plugs->registry, grants, grant);
}

static struct told *told_find(const struct plugs *plugs, const char *name)
{
	for (size_t i = 0; i < plugs->told_count; i++)
		if (strcmp(plugs->told[i].name, name) == 0)
			return &plugs->told[i];
	return NULL;
}

static bool told_grow(struct plugs *plugs)
{
	size_t size = plugs->told_size ? 2 * plugs->told_size : 16;
	struct told *grown = realloc(plugs->told, size * sizeof(*grown));

	if (!grown)
		return false;
	plugs->told = grown;
	plugs->told_size = size;
	return true;
}

static void service_revoke(struct plugs *plugs, struct process *process,
			   size_t index)
{
	union message message = {0};

	message.header.type = MESSAGE_SERVICE_REMOVE;
	memcpy(message.service_remove.name, plugs->told[index].name,
	       MESSAGE_NAME_SIZE);
	process_request(process, &message, -1);
	log_info("domain %u controller %u: service %s revoked", plugs->domid,
		 plugs->devid, plugs->told[index].name);
	plugs->told[index] = plugs->told[--plugs->told_count];
}

/* Sends the limits of a service, or with grant NULL of the domain. */
static bool limits_send(struct plugs *plugs, struct process *process,
			const struct grant *grant, bool cut)
{
	union message message = {0};
	struct policy_params params;
	char why[GRANTS_WHY_SIZE];
	struct message_limits *limits =
		grant ? &message.grant.limits : &message.domain_limits.limits;
	int error = grants_params(plugs->wish.tree, POLICY_TYPE_WEB,
				  grant ? grant->name : NULL, &params, why);

	if (!error)
		error = grants_limits(&params, limits);
	policy_params_fini(&params);
	if (error)
		return false;
	message.header.type = grant ? MESSAGE_GRANT_PUT : MESSAGE_DOMAIN_LIMITS;
	if (grant)
		memcpy(message.grant.name, grant->name, strlen(grant->name));
	return cut ? process_cut(process, &message)
		   : process_request(process, &message, -1);
}

static void service_put(struct plugs *plugs, struct process *process,
			const struct grant *grant,
			const struct registry_entry *entry)
{
	struct told *told = told_find(plugs, grant->name);
	union message message = entry->message;

	if (!told && plugs->told_count == plugs->told_size && !told_grow(plugs))
		return;
	if (!told && !limits_send(plugs, process, grant, false))
		return;
	if (!told) {
		told = &plugs->told[plugs->told_count++];
		memset(told, 0, sizeof(*told));
		memcpy(told->name, grant->name, sizeof(told->name));
		told->content = grant->content;
		log_info("domain %u controller %u: service %s granted",
			 plugs->domid, plugs->devid, told->name);
	}
	memset(message.service.name, 0, sizeof(message.service.name));
	memcpy(message.service.name, grant->name, strlen(grant->name));
	if (process_request(process, &message, entry->ca_fd))
		told->generation = entry->generation;
}

/* New limits of what is granted already: they may take something away. */
static void limits_update(struct plugs *plugs, struct process *process)
{
	const struct grants *grants = plugs->wish.grants;
	uint64_t limits = grants && grants->limits_valid ? grants->limits : 0;

	if (limits != plugs->told_limits && grants) {
		if (limits_send(plugs, process, NULL, plugs->told_count > 0))
			plugs->told_limits = limits;
	}
	for (size_t i = 0; i < plugs->told_count; i++) {
		struct told *told = &plugs->told[i];
		const struct grant *grant =
			grants ? grants_find(grants, POLICY_TYPE_WEB,
					     told->name)
			       : NULL;

		if (grant && grant->content != told->content &&
		    limits_send(plugs, process, grant, true)) {
			told->content = grant->content;
			log_info("domain %u controller %u: limits of %s are "
				 "others now",
				 plugs->domid, plugs->devid, told->name);
		}
	}
}

/* False: the window is full, the rest later. */
static bool services_put(struct plugs *plugs, struct process *process)
{
	const struct grants *grants = plugs->wish.grants;

	for (size_t i = 0; grants && i < grants->count; i++) {
		const struct grant *grant = &grants->list[i];
		const struct registry_entry *entry =
			plugs_service(plugs->registry, grants, grant);
		const struct told *told;

		if (!entry || !entry->generation)
			continue;
		told = told_find(plugs, grant->name);
		if (told && told->generation == entry->generation)
			continue;
		if (process_outstanding(process) >= WINDOW)
			return false;
		service_put(plugs, process, grant, entry);
	}
	return true;
}

/* What is missing, as far as ports and the window allow. */
static void devices_plug(struct plugs *plugs, struct process *process,
			 unsigned int port_count)
{
	const struct plugs_wish *wish = &plugs->wish;

	for (size_t i = 0; i < wish->device_count; i++) {
		unsigned int port;

		if (port_of(plugs, &wish->devices[i]))
			continue;
		port = port_free(plugs, port_count);
		if (!port) {
			if (!plugs->full)
				log_warning("domain %u controller %u: no port "
					    "is free for %s",
					    plugs->domid, plugs->devid,
					    wish->devices[i].name);
			plugs->full = true;
			return;
		}
		if (process_outstanding(process) >= WINDOW)
			return;
		plug(plugs, process, &wish->devices[i], port);
	}
}

void plugs_run(struct plugs *plugs, struct process *process,
	       unsigned int port_count)
{
	for (unsigned int port = 1; port <= USBIF_MAX_PORTS; port++)
		if (plugs->ports[port].function &&
		    !device_is_wanted(plugs, &plugs->ports[port]))
			unplug(plugs, process, port);
	for (size_t i = plugs->told_count; i-- > 0;)
		if (!service_is_wanted(plugs, plugs->told[i].name))
			service_revoke(plugs, process, i);
	limits_update(plugs, process);
	if (services_put(plugs, process))
		devices_plug(plugs, process, port_count);
}

void plugs_lost(struct plugs *plugs)
{
	plugs->told_count = 0;
	plugs->told_limits = 0;
	plugs->full = false;
	for (unsigned int port = 1; port <= USBIF_MAX_PORTS; port++) {
		if (!plugs->ports[port].function)
			continue;
		memset(&plugs->ports[port], 0, sizeof(plugs->ports[port]));
		port_publish(plugs, port);
	}
}
