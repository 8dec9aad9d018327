// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest-mem-port.c - a port of 2virt-guest over the in-process bus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/guest-mem-port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MEM_XFERS = 32 };

struct mem_port {
	struct port port;
	uv_idle_t idle;
	uint8_t descriptors[1024];
	bool answer_open;
	bool answer_select;
	int select_error;
	bool closed;
	struct mem_transfer {
		struct mem_xfer mem;
		struct port_xfer *xfer; /* NULL: free */
		bool returned;
	} transfers[MEM_XFERS];
};

struct bus *bus;

static enum port_status status_of(enum usb_status status)
{
	switch (status) {
	case USB_STATUS_OK:
		return PORT_OK;
	case USB_STATUS_STALL:
		return PORT_STALL;
	case USB_STATUS_CANCELLED:
		return PORT_CANCELLED;
	case USB_STATUS_NODEV:
		return PORT_GONE;
	case USB_STATUS_OVERFLOW:
		return PORT_OVERFLOW;
	default:
		return PORT_ERROR;
	}
}

static void idle_cb(uv_idle_t *idle)
{
	struct mem_port *mem = idle->data;

	uv_idle_stop(idle);
	if (mem->answer_open) {
		mem->answer_open = false;
		mem->port.events->opened(mem->port.context, 0);
	}
	if (mem->answer_select) {
		mem->answer_select = false;
		mem->port.events->selected(mem->port.context,
					   mem->select_error);
	}
	for (int i = 0; i < MEM_XFERS && !mem->closed; i++) {
		struct mem_transfer *transfer = &mem->transfers[i];
		struct port_xfer *xfer = transfer->xfer;

		if (!xfer || !transfer->returned)
			continue;
		transfer->xfer = NULL;
		xfer->status = status_of(transfer->mem.xfer.status);
		xfer->actual = transfer->mem.xfer.actual;
		xfer->handle = NULL;
		xfer->complete(xfer);
	}
}

static void transfer_done(struct mem_xfer *transfer)
{
	struct mem_transfer *mine = (struct mem_transfer *)(void *)transfer;
	struct mem_port *mem = transfer->context;

	mine->returned = true;
	uv_idle_start(&mem->idle, idle_cb);
}

static int port_submit(struct port *port, struct port_xfer *xfer)
{
	struct mem_port *mem = (struct mem_port *)(void *)port;
	bool control = xfer->type == PORT_CONTROL;
	struct mem_transfer *transfer = NULL;

	for (int i = 0; i < MEM_XFERS && !transfer; i++)
		if (!mem->transfers[i].xfer)
			transfer = &mem->transfers[i];
	assert_non_null(transfer);
	if (!mem_bus_device(bus, MEM_PORT_NUMBER))
		return -ENODEV;
	memset(transfer, 0, sizeof(*transfer));
	transfer->xfer = xfer;
	xfer->handle = transfer;
	transfer->mem.on_done = transfer_done;
	transfer->mem.context = mem;
	transfer->mem.buffer = control ? xfer->data + 8 : xfer->data;
	transfer->mem.xfer.type = control ? USB_TRANSFER_CONTROL
				  : xfer->type == PORT_BULK
					  ? USB_TRANSFER_BULK
					  : USB_TRANSFER_INTERRUPT;
	transfer->mem.xfer.endpoint = xfer->endpoint;
	transfer->mem.xfer.length = xfer->length - (control ? 8 : 0);
	if (control)
		memcpy(transfer->mem.xfer.setup, xfer->data, 8);
	mem_bus_submit(bus, MEM_PORT_NUMBER, &transfer->mem);
	return 0;
}

static void port_cancel(struct port *port, struct port_xfer *xfer)
{
	struct mem_transfer *transfer = xfer->handle;

	if (transfer && !transfer->returned)
		mem_bus_cancel(bus, MEM_PORT_NUMBER, &transfer->mem);
}

int mem_port_control(uint8_t type, uint8_t request, uint16_t value,
		     uint16_t index, uint8_t *data, uint16_t len)
{
	struct mem_xfer transfer = {
		.xfer = {.type = USB_TRANSFER_CONTROL,
			 .setup = {type, request, value & 0xff, value >> 8,
				   index & 0xff, index >> 8, len & 0xff,
				   len >> 8},
			 .length = len},
		.buffer = data,
	};

	mem_bus_submit(bus, MEM_PORT_NUMBER, &transfer);
	assert_true(transfer.done);
	return transfer.xfer.status == USB_STATUS_OK ? (int)transfer.xfer.actual
						     : -1;
}

static void port_open(struct port *port)
{
	struct mem_port *mem = (struct mem_port *)(void *)port;
	int len = mem_port_control(0x80, 6, 0x0100, 0, mem->descriptors, 18);

	assert_int_equal(len, 18);
	len = mem_port_control(0x80, 6, 0x0200, 0, mem->descriptors + 18, 1000);
	assert_true(len > 0);
	port->descriptors = mem->descriptors;
	port->descriptors_len = 18 + (size_t)len;
	port->transfer_max = 1 << 20;
	port->queue_depth = 2;
	mem->answer_open = true;
	uv_idle_start(&mem->idle, idle_cb);
}

static void port_select(struct port *port, uint8_t alt)
{
	struct mem_port *mem = (struct mem_port *)(void *)port;

	mem->select_error =
		mem_port_control(0x01, 11, alt, port->interface, NULL, 0) < 0
			? -EIO
			: 0;
	mem->answer_select = true;
	uv_idle_start(&mem->idle, idle_cb);
}

static void idle_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void port_close(struct port *port)
{
	struct mem_port *mem = (struct mem_port *)(void *)port;

	for (int i = 0; i < MEM_XFERS; i++)
		assert_null(mem->transfers[i].xfer);
	mem->closed = true;
	uv_close((uv_handle_t *)&mem->idle, idle_closed);
}

static const struct port_ops port_ops = {
	.open = port_open,
	.submit = port_submit,
	.cancel = port_cancel,
	.select = port_select,
	.close = port_close,
};

struct port *mem_port_create(uv_loop_t *loop, uint8_t interface)
{
	struct mem_port *mem = calloc(1, sizeof(*mem));

	assert_non_null(mem);
	mem->port.ops = &port_ops;
	mem->port.interface = interface;
	mem->port.configuration = 1;
	uv_idle_init(loop, &mem->idle);
	mem->idle.data = mem;
	return &mem->port;
}
