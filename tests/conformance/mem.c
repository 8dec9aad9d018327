// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mem.c - the conformance table over the in-process bus.
 */
#include "tests/conformance/host.h"

#include "backend/bus/mem.h"

#include <stdlib.h>

static void on_done(struct mem_xfer *mem)
{
	struct host_transfer *transfer = mem->context;

	transfer->done = true;
	transfer->actual = mem->xfer.actual;
	transfer->wire_status = mem->xfer.status;
	transfer->bus_private = NULL;
	free(mem);
}

static void submit(struct host *host, struct host_transfer *transfer)
{
	struct mem_xfer *mem = calloc(1, sizeof(*mem));

	if (!mem)
		abort();
	mem->xfer.type = transfer->type;
	mem->xfer.endpoint = transfer->endpoint;
	for (int i = 0; i < 8; i++)
		mem->xfer.setup[i] = transfer->setup[i];
	mem->xfer.length = transfer->length;
	mem->buffer = transfer->data;
	mem->on_done = on_done;
	mem->context = transfer;
	transfer->done = false;
	transfer->bus_private = mem;
	mem_bus_submit(host->bus, host->port, mem);
}

static void cancel(struct host *host, struct host_transfer *transfer)
{
	if (!transfer->done)
		mem_bus_cancel(host->bus, host->port, transfer->bus_private);
}

static bool wait(struct host *host, struct host_transfer *transfer)
{
	return transfer->done;
}

static void settle(struct host *host)
{
}

static void reset(struct host *host)
{
	usb_device_reset(mem_bus_device(host->bus, host->port));
}

static int wire_status(enum usb_status status)
{
	return status;
}

static void plug(struct host *host, struct usb_device *device)
{
	if (device)
		bus_plug(host->bus, host->port, device);
	else
		bus_unplug(host->bus, host->port);
}

static const struct host_ops mem_host_ops = {
	.submit = submit,
	.cancel = cancel,
	.wait = wait,
	.settle = settle,
	.reset = reset,
	.wire_status = wire_status,
	.plug = plug,
};

static struct host *setup(void)
{
	struct host *host = calloc(1, sizeof(*host));

	if (!host)
		abort();
	host->ops = &mem_host_ops;
	host->bus = mem_bus_create(4);
	host->port = 2;
	return host;
}

static void teardown(struct host *host)
{
	bus_destroy(host->bus);
	free(host);
}

int main(void)
{
	return conformance_run("mem", setup, teardown);
}
