// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe.c - a function that takes and gives what a test tells it.
 */
#include "tests/unit/probe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct probe *probe_of(struct usb_function *function)
{
	return container_of(function, struct probe, function);
}

static void describe(struct usb_function *function,
		     struct usb_descriptor_writer *writer)
{
	uint8_t interface[] = {
		9, 4, usb_write_interface_number(writer), 0, 3, 0xff, 0, 0, 0,
	};
	uint8_t endpoints[3][7] = {
		{7, 5, 0, 3, 64, 0, 4},
		{7, 5, 0, 2, 0, 2, 0},
		{7, 5, 0, 2, 0, 2, 0},
	};

	(void)function;
	usb_write_descriptor(writer, interface);
	endpoints[0][2] = usb_write_endpoint_address(writer, 0x80);
	endpoints[1][2] = usb_write_endpoint_address(writer, 0);
	endpoints[2][2] = usb_write_endpoint_address(writer, 0x80);
	assert(endpoints[0][2] == PROBE_EVENT);
	assert(endpoints[1][2] == PROBE_OUT);
	assert(endpoints[2][2] == PROBE_IN);
	for (unsigned int i = 0; i < 3; i++)
		usb_write_descriptor(writer, endpoints[i]);
}

static void on_select(struct usb_function *function, uint8_t interface,
		      uint8_t alt)
{
	(void)interface;
	(void)alt;
	probe_of(function)->resets++;
}

static int control(struct usb_function *function, const struct usb_setup *setup,
		   uint8_t *data, uint16_t len)
{
	(void)function;
	if (!(setup->bmRequestType & 0x80))
		return 0;
	for (uint16_t i = 0; i < len; i++)
		data[i] = probe_octet(i);
	return len;
}

static void keep(struct probe *probe, const uint8_t *data, size_t len)
{
	probe->taken = realloc(probe->taken, probe->taken_len + len);
	assert(probe->taken);
	memcpy(probe->taken + probe->taken_len, data, len);
	probe->taken_len += len;
}

static void take_out(struct probe *probe)
{
	struct usb_xfer *xfer;

	while (probe->room > 0 &&
	       (xfer = usb_endpoint_first(&probe->function, PROBE_OUT))) {
		uint32_t left;

		if (xfer->length && !xfer->data && xfer->ops->fetch(xfer) < 0) {
			probe->refused++;
			usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
			continue;
		}
		left = xfer->length - xfer->offset;
		if (left > probe->room)
			left = (uint32_t)probe->room;
		if (left && !probe->forgets)
			keep(probe, xfer->data + xfer->offset, left);
		probe->room -= left;
		xfer->offset += left;
		if (xfer->offset == xfer->length)
			usb_xfer_complete(xfer, USB_STATUS_OK, xfer->length);
	}
}

static void give_in(struct probe *probe)
{
	struct usb_xfer *xfer;

	while (probe->stock > 0 &&
	       (xfer = usb_endpoint_first(&probe->function, PROBE_IN))) {
		uint8_t *place = xfer->ops->reserve(xfer, xfer->length);
		uint32_t len = xfer->length;

		assert(place);
		/* What is not produced must not be seen. */
		memset(place, 0xdd, len);
		if (len > probe->stock)
			len = (uint32_t)probe->stock;
		for (uint32_t i = 0; i < len; i++)
			place[i] = probe_octet(probe->given++);
		probe->stock -= len;
		usb_xfer_complete(xfer, USB_STATUS_OK, len);
	}
}

static void give_events(struct probe *probe)
{
	struct usb_xfer *xfer;

	while (probe->events > 0 &&
	       (xfer = usb_endpoint_first(&probe->function, PROBE_EVENT))) {
		uint8_t *place;

		probe->events--;
		if (xfer->length == 0) {
			usb_xfer_complete(xfer, USB_STATUS_OVERFLOW, 0);
			continue;
		}
		place = xfer->ops->reserve(xfer, 1);
		assert(place);
		*place = 0x5a;
		usb_xfer_complete(xfer, USB_STATUS_OK, 1);
	}
}

static void transfer(struct usb_function *function, uint8_t endpoint)
{
	struct probe *probe = probe_of(function);

	if (endpoint == PROBE_OUT)
		take_out(probe);
	else if (endpoint == PROBE_IN)
		give_in(probe);
	else
		give_events(probe);
}

static void destroy(struct usb_function *function)
{
	struct probe *probe = probe_of(function);

	if (probe->destroyed)
		*probe->destroyed = true;
	free(probe->taken);
	free(probe);
}

static const struct usb_function_ops probe_ops = {
	.describe = describe,
	.select = on_select,
	.control = control,
	.transfer = transfer,
	.destroy = destroy,
};

struct probe *probe_create(void)
{
	static const struct usb_device_identity identity = {
		.vendor_id = 0x02a0,
		.product_id = 0xa123,
		.release = 0x100,
		.manufacturer = "2virt",
		.product = "probe",
		.serial = "1",
	};
	struct probe *probe = calloc(1, sizeof(*probe));
	struct usb_function *function;

	if (!probe)
		return NULL;
	probe->function.ops = &probe_ops;
	function = &probe->function;
	probe->device = usb_device_create(&identity, &function, 1);
	return probe->device ? probe : NULL;
}

void probe_accept(struct probe *probe, size_t room)
{
	probe->room += room;
	take_out(probe);
}

void probe_give(struct probe *probe, size_t stock)
{
	probe->stock += stock;
	give_in(probe);
}

void probe_raise(struct probe *probe)
{
	probe->events++;
	give_events(probe);
}
