// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbip.c - the USB/IP server: ports, listening, accepting.
 *
 * Connections are anonymous until they import a device, so their number is
 * bounded: one for each port and a few that list or wait.
 */
#include "backend/bus/usbip_internal.h"

#include "backend/bus/address.h"
#include "backend/util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SPARE_CONNECTIONS = 8 };

static struct usbip_bus *usbip_bus_of(struct bus *bus)
{
	return container_of(bus, struct usbip_bus, bus);
}

void usbip_bus_put(struct usbip_bus *bus)
{
	if (--bus->handles == 0 && bus->destroyed)
		free(bus);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct usbip_bus *bus = handle->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	while ((fd = address_accept(bus->listener)) >= 0) {
		if (bus->connection_count >=
		    bus->bus.port_count + SPARE_CONNECTIONS) {
			static struct log_limit limit =
				LOG_LIMIT_INIT(3, 10000);

			log_limited(&limit, LOG_LEVEL_WARNING,
				    "usbip: too many connections, one is "
				    "turned away");
			close(fd);
			continue;
		}
		usbip_conn_open(bus, fd);
	}
}

static int usbip_plug(struct bus *bus, unsigned int port,
		      struct usb_device *device)
{
	struct usbip_bus *usbip = usbip_bus_of(bus);

	if (port < 1 || port > bus->port_count)
		return -EINVAL;
	if (usbip->ports[port].device)
		return -EBUSY;
	usbip->ports[port].device = device;
	return 0;
}

static int usbip_unplug(struct bus *bus, unsigned int port)
{
	struct usbip_bus *usbip = usbip_bus_of(bus);
	struct usbip_port *at;

	if (port < 1 || port > bus->port_count || !usbip->ports[port].device)
		return -ENOENT;
	at = &usbip->ports[port];
	if (at->conn)
		usbip_conn_close(at->conn, USB_STATUS_NODEV);
	usb_device_destroy(at->device);
	at->device = NULL;
	return 0;
}

static void on_listening_closed(uv_handle_t *handle)
{
	struct usbip_bus *bus = handle->data;

	close(bus->listener);
	usbip_bus_put(bus);
}

static void usbip_destroy(struct bus *bus)
{
	struct usbip_bus *usbip = usbip_bus_of(bus);
	struct list_node *node;
	struct list_node *after;

	for (unsigned int port = 1; port <= bus->port_count; port++)
		usbip_unplug(bus, port);
	list_for_each_safe(node, after, &usbip->connections)
		usbip_conn_close(usbip_conn_of_link(node), USB_STATUS_NODEV);
	usbip->destroyed = true;
	uv_close((uv_handle_t *)&usbip->listening, on_listening_closed);
}

static const struct bus_ops usbip_bus_ops = {
	.plug = usbip_plug,
	.unplug = usbip_unplug,
	.destroy = usbip_destroy,
};

struct bus *bus_usbip_create(const struct bus_usbip_config *config)
{
	struct usbip_bus *bus = calloc(1, sizeof(*bus));
	int error = -ENOMEM;

	if (!bus || config->port_count < 1 ||
	    config->port_count > BUS_USBIP_MAX_PORTS)
		goto err_free;
	bus->bus.ops = &usbip_bus_ops;
	bus->bus.port_count = config->port_count;
	bus->loop = config->loop;
	bus->listener = config->listener;
	list_init(&bus->connections);
	error = uv_poll_init(bus->loop, &bus->listening, bus->listener);
	if (error)
		goto err_free;
	bus->handles = 1;
	bus->listening.data = bus;
	error = uv_poll_start(&bus->listening, UV_READABLE, on_connection);
	if (error) {
		log_error("usbip: cannot listen: %s", uv_strerror(error));
		usbip_destroy(&bus->bus);
		return NULL;
	}
	return &bus->bus;
err_free:
	log_error("usbip: cannot make the bus: %s", strerror(-error));
	free(bus);
	close(config->listener);
	return NULL;
}

void bus_usbip_get_stats(const struct bus *bus, struct bus_usbip_stats *stats)
{
	const struct usbip_bus *usbip = usbip_bus_of((struct bus *)bus);

	*stats = usbip->stats;
	stats->connections = usbip->connection_count;
	stats->attached = 0;
	for (unsigned int i = 1; i <= bus->port_count; i++)
		stats->attached += usbip->ports[i].conn != NULL;
}
