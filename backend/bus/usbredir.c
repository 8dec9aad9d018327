// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbredir.c - ports, each with its own socket.
 *
 * A port has at most one peer; who comes second is turned away.  A port that
 * connects tries again every RECONNECT_MS, as long as it has no peer.
 */
#include "backend/bus/usbredir_internal.h"

#include "backend/util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECONNECT_MS = 1000 };

static struct usbredir_bus *usbredir_bus_of(struct bus *bus)
{
	return container_of(bus, struct usbredir_bus, bus);
}

void usbredir_bus_put(struct usbredir_bus *bus)
{
	if (--bus->handles == 0 && bus->destroyed)
		free(bus);
}

static void on_connection(uv_poll_t *handle, int status, int events)
{
	struct usbredir_port *port = handle->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	while ((fd = address_accept(port->listener)) >= 0) {
		if (port->peer) {
			static struct log_limit limit =
				LOG_LIMIT_INIT(3, 10000);

			log_limited(&limit, LOG_LEVEL_WARNING,
				    "usbredir: port %u has a peer; another "
				    "one is turned away",
				    port->number);
			close(fd);
			continue;
		}
		usbredir_peer_open(port, fd);
	}
}

static void connect_again(uv_timer_t *timer)
{
	struct usbredir_port *port = timer->data;
	int fd = address_connect(&port->address);

	if (fd < 0)
		usbredir_port_vacant(port);
	else
		usbredir_peer_open(port, fd);
}

void usbredir_port_vacant(struct usbredir_port *port)
{
	if (port->listener < 0 && !port->bus->destroyed)
		uv_timer_start(&port->again, connect_again, RECONNECT_MS, 0);
}

static int usbredir_plug(struct bus *bus, unsigned int number,
			 struct usb_device *device)
{
	struct usbredir_port *port;

	if (number < 1 || number > bus->port_count)
		return -EINVAL;
	port = &usbredir_bus_of(bus)->ports[number];
	if (port->device)
		return -EBUSY;
	port->device = device;
	if (port->peer)
		usbredir_peer_plug(port->peer);
	return 0;
}

static int usbredir_unplug(struct bus *bus, unsigned int number)
{
	struct usbredir_port *port;

	if (number < 1 || number > bus->port_count)
		return -ENOENT;
	port = &usbredir_bus_of(bus)->ports[number];
	if (!port->device)
		return -ENOENT;
	if (port->peer)
		usbredir_peer_unplug(port->peer);
	usb_device_destroy(port->device);
	port->device = NULL;
	return 0;
}

static void on_listening_closed(uv_handle_t *handle)
{
	struct usbredir_port *port = handle->data;

	close(port->listener);
	usbredir_bus_put(port->bus);
}

static void on_timer_closed(uv_handle_t *handle)
{
	usbredir_bus_put(((struct usbredir_port *)handle->data)->bus);
}

static void close_port(struct usbredir_port *port)
{
	usbredir_unplug(&port->bus->bus, port->number);
	if (port->peer)
		usbredir_peer_close(port->peer);
	uv_close((uv_handle_t *)&port->again, on_timer_closed);
	if (port->listener >= 0)
		uv_close((uv_handle_t *)&port->listening, on_listening_closed);
}

static void usbredir_destroy(struct bus *bus)
{
	struct usbredir_bus *usbredir = usbredir_bus_of(bus);

	usbredir->destroyed = true;
	/* Held until the last port is closed. */
	usbredir->handles++;
	for (unsigned int i = 1; i <= bus->port_count; i++)
		close_port(&usbredir->ports[i]);
	usbredir_bus_put(usbredir);
}

static const struct bus_ops usbredir_bus_ops = {
	.plug = usbredir_plug,
	.unplug = usbredir_unplug,
	.destroy = usbredir_destroy,
};

/* Owns the listener, also on failure. */
static int open_port(struct usbredir_bus *bus, unsigned int number,
		     const struct bus_usbredir_socket *source)
{
	struct usbredir_port *port = &bus->ports[number];
	int error;

	port->bus = bus;
	port->number = number;
	port->listener = source->listener;
	port->address = source->peer;
	if (port->listener >= 0) {
		error = uv_poll_init(bus->loop, &port->listening,
				     port->listener);
		if (error) {
			close(port->listener);
			return error;
		}
		port->listening.data = port;
		bus->handles++;
	}
	uv_timer_init(bus->loop, &port->again);
	port->again.data = port;
	bus->handles++;
	bus->bus.port_count = number;
	if (port->listener >= 0)
		return uv_poll_start(&port->listening, UV_READABLE,
				     on_connection);
	return uv_timer_start(&port->again, connect_again, 0, 0);
}

struct bus *bus_usbredir_create(const struct bus_usbredir_config *config)
{
	struct usbredir_bus *bus = NULL;
	unsigned int opened = 0;
	int error = -ENOMEM;

	if (config->port_count >= 1 &&
	    config->port_count <= BUS_USBREDIR_MAX_PORTS)
		bus = calloc(1, sizeof(*bus));
	if (!bus)
		goto err_close;
	bus->bus.ops = &usbredir_bus_ops;
	bus->loop = config->loop;
	while (opened < config->port_count) {
		error = open_port(bus, opened + 1, &config->sockets[opened]);
		opened++;
		if (error)
			goto err_close;
	}
	return &bus->bus;
err_close:
	log_error("usbredir: cannot make the bus: %s", uv_strerror(error));
	for (unsigned int i = opened; i < config->port_count; i++)
		if (config->sockets[i].listener >= 0)
			close(config->sockets[i].listener);
	if (bus)
		usbredir_destroy(&bus->bus);
	return NULL;
}

void bus_usbredir_get_stats(const struct bus *bus,
			    struct bus_usbredir_stats *stats)
{
	const struct usbredir_bus *usbredir =
		usbredir_bus_of((struct bus *)bus);

	*stats = usbredir->stats;
	stats->peers = 0;
	for (unsigned int i = 1; i <= bus->port_count; i++)
		stats->peers += usbredir->ports[i].peer != NULL;
}
