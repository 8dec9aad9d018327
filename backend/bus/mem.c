// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mem.c - a bus inside the process.
 *
 * Transfers carry a pointer to the host's buffer, so fetching and reserving
 * are just that pointer.
 */
#include "backend/bus/mem.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { MEM_MAX_PORTS = 31 };

struct mem_bus {
	struct bus bus;
	struct usb_device *devices[MEM_MAX_PORTS + 1];
};

static struct mem_bus *mem_bus_of(struct bus *bus)
{
	return container_of(bus, struct mem_bus, bus);
}

static struct mem_xfer *mem_xfer_of(struct usb_xfer *xfer)
{
	return container_of(xfer, struct mem_xfer, xfer);
}

static int mem_fetch(struct usb_xfer *xfer)
{
	struct mem_xfer *transfer = mem_xfer_of(xfer);

	if (transfer->fail_data)
		return -EFAULT;
	xfer->data = transfer->buffer;
	return 0;
}

static uint8_t *mem_reserve(struct usb_xfer *xfer, uint32_t len)
{
	struct mem_xfer *transfer = mem_xfer_of(xfer);

	assert(len <= xfer->length);
	if (transfer->fail_data)
		return NULL;
	xfer->data = transfer->buffer;
	return xfer->data;
}

static void mem_complete(struct usb_xfer *xfer)
{
	struct mem_xfer *transfer = mem_xfer_of(xfer);

	assert(!transfer->done);
	transfer->done = true;
	transfer->submitted = false;
	if (transfer->on_done)
		transfer->on_done(transfer);
}

static const struct usb_xfer_ops mem_xfer_ops = {
	.fetch = mem_fetch,
	.reserve = mem_reserve,
	.complete = mem_complete,
};

void mem_bus_submit(struct bus *bus, unsigned int port,
		    struct mem_xfer *transfer)
{
	struct usb_device *device = mem_bus_device(bus, port);

	assert(!transfer->submitted);
	transfer->xfer.ops = &mem_xfer_ops;
	transfer->xfer.data = NULL;
	transfer->done = false;
	transfer->submitted = true;
	list_init(&transfer->xfer.link);
	if (device)
		usb_device_submit(device, &transfer->xfer);
	else
		usb_xfer_complete(&transfer->xfer, USB_STATUS_NODEV, 0);
}

void mem_bus_cancel(struct bus *bus, unsigned int port,
		    struct mem_xfer *transfer)
{
	assert(transfer->submitted);
	usb_device_cancel(mem_bus_device(bus, port), &transfer->xfer);
}

struct usb_device *mem_bus_device(struct bus *bus, unsigned int port)
{
	if (port < 1 || port > bus->port_count)
		return NULL;
	return mem_bus_of(bus)->devices[port];
}

static int mem_plug(struct bus *bus, unsigned int port,
		    struct usb_device *device)
{
	if (port < 1 || port > bus->port_count)
		return -EINVAL;
	if (mem_bus_of(bus)->devices[port])
		return -EBUSY;
	mem_bus_of(bus)->devices[port] = device;
	return 0;
}

static int mem_unplug(struct bus *bus, unsigned int port)
{
	struct usb_device *device = mem_bus_device(bus, port);

	if (!device)
		return -ENOENT;
	mem_bus_of(bus)->devices[port] = NULL;
	usb_device_destroy(device);
	return 0;
}

static void mem_destroy(struct bus *bus)
{
	for (unsigned int port = 1; port <= bus->port_count; port++)
		mem_unplug(bus, port);
	free(mem_bus_of(bus));
}

static const struct bus_ops mem_bus_ops = {
	.plug = mem_plug,
	.unplug = mem_unplug,
	.destroy = mem_destroy,
};

struct bus *mem_bus_create(unsigned int port_count)
{
	struct mem_bus *mem;

	if (port_count < 1 || port_count > MEM_MAX_PORTS)
		return NULL;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return NULL;
	mem->bus.ops = &mem_bus_ops;
	mem->bus.port_count = port_count;
	return &mem->bus;
}
