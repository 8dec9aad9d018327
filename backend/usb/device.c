// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device.c - the device of USB 2.0, chapter 9.
 *
 * Control transfers are answered before submission returns: no request of the
 * device or of its functions waits for anything.  Transfers on other endpoints
 * wait in the endpoint's queue until the function completes them.
 *
 * Completing a transfer may submit the next one at once.  So a state change
 * (halt, setting, configuration, removal) is made first, then the queue is
 * moved aside and ended: what is submitted meanwhile meets the new state.
 *
 * Every field of a setup packet comes from the guest.
 */
#include "backend/usb/device.h"

#include "backend/usb/descriptor.h"
#include "backend/util/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
	ENDPOINT_COUNT = 32, /* number | direction << 4 */
	MAX_INTERFACES = 16,
	CONTROL_MAX_DATA = 4096,
	CONFIGURATION_VALUE = 1,
	STATUS_SELF_POWERED = 1,
	FEATURE_ENDPOINT_HALT = 0,
	NO_INTERFACE = 0xff,
};

/* bmRequestType (table 9-2) */
enum {
	REQUEST_IN = 0x80,
	REQUEST_TYPE_MASK = 0x60,
	REQUEST_TYPE_STANDARD = 0x00,
	REQUEST_TYPE_CLASS = 0x20,
	REQUEST_TYPE_VENDOR = 0x40,
	RECIPIENT_MASK = 0x1f,
	RECIPIENT_DEVICE = 0,
	RECIPIENT_INTERFACE = 1,
	RECIPIENT_ENDPOINT = 2,
};

/* bRequest (table 9-4) */
enum {
	GET_STATUS = 0,
	CLEAR_FEATURE = 1,
	SET_FEATURE = 3,
	SET_ADDRESS = 5,
	GET_DESCRIPTOR = 6,
	GET_CONFIGURATION = 8,
	SET_CONFIGURATION = 9,
	GET_INTERFACE = 10,
	SET_INTERFACE = 11,
};

struct usb_endpoint {
	struct list_node queue;
	uint8_t interface; /* NO_INTERFACE: there is no such endpoint */
	uint8_t alt;
	enum usb_transfer_type type;
	bool halted;
};

struct usb_interface {
	struct usb_function *function;
	uint8_t alt;
	uint8_t alt_count;
};

struct usb_device {
	struct usb_descriptors descriptors;
	struct usb_function *functions[USB_DEVICE_MAX_FUNCTIONS];
	unsigned int function_count;
	struct usb_interface interfaces[MAX_INTERFACES];
	struct usb_endpoint endpoints[ENDPOINT_COUNT];
	enum usb_state state;
	uint8_t address;
	bool gone;
	struct usb_tap *tap;
};

enum { STALL = -1 };

static unsigned int endpoint_index(uint8_t address)
{
	return (address & 0x0f) | (address & 0x80) >> 3;
}

static struct usb_endpoint *endpoint_at(struct usb_device *device,
					uint8_t address)
{
	return &device->endpoints[endpoint_index(address)];
}

/* The endpoint if it is part of the settings that are selected now. */
static struct usb_endpoint *endpoint_selected(struct usb_device *device,
					      uint8_t address)
{
	struct usb_endpoint *endpoint = endpoint_at(device, address);

	if (device->state != USB_STATE_CONFIGURED || (address & 0x70) ||
	    endpoint->interface == NO_INTERFACE ||
	    device->interfaces[endpoint->interface].alt != endpoint->alt)
		return NULL;
	return endpoint;
}

static void endpoint_end_all(struct usb_endpoint *endpoint,
			     enum usb_status status)
{
	struct list_node ending;
	struct list_node *node;

	if (list_empty(&endpoint->queue))
		return;
	ending = endpoint->queue;
	ending.next->prev = &ending;
	ending.prev->next = &ending;
	list_init(&endpoint->queue);
	while ((node = list_first(&ending))) {
		struct usb_xfer *xfer =
			container_of(node, struct usb_xfer, link);

		usb_xfer_complete(xfer, status, xfer->offset);
	}
}

struct usb_xfer *usb_endpoint_first(struct usb_function *function,
				    uint8_t endpoint)
{
	struct list_node *node =
		list_first(&endpoint_at(function->device, endpoint)->queue);

	return node ? container_of(node, struct usb_xfer, link) : NULL;
}

void usb_endpoint_flush(struct usb_function *function, uint8_t endpoint,
			enum usb_status status)
{
	endpoint_end_all(endpoint_at(function->device, endpoint), status);
}

void usb_endpoint_halt(struct usb_function *function, uint8_t address)
{
	struct usb_endpoint *endpoint = endpoint_at(function->device, address);

	endpoint->halted = true;
	endpoint_end_all(endpoint, USB_STATUS_STALL);
}

/* Ends the transfers of one interface, or of all, and clears the halts. */
static void end_interface(struct usb_device *device, uint8_t interface,
			  enum usb_status status)
{
	for (unsigned int i = 0; i < ENDPOINT_COUNT; i++) {
		struct usb_endpoint *endpoint = &device->endpoints[i];

		if (interface != NO_INTERFACE &&
		    endpoint->interface != interface)
			continue;
		endpoint->halted = false;
		endpoint_end_all(endpoint, status);
	}
}

static void select_setting(struct usb_device *device, uint8_t interface,
			   uint8_t alt)
{
	struct usb_function *function = device->interfaces[interface].function;

	device->interfaces[interface].alt = alt;
	end_interface(device, interface, USB_STATUS_CANCELLED);
	function->ops->select(function, interface, alt);
}

/* Enters a state with every interface in setting 0 and nothing waiting. */
static void enter_state(struct usb_device *device, enum usb_state state,
			enum usb_status status)
{
	device->state = state;
	for (unsigned int i = 0; i < device->descriptors.interface_count; i++)
		device->interfaces[i].alt = 0;
	end_interface(device, NO_INTERFACE, status);
	for (unsigned int i = 0; i < device->descriptors.interface_count; i++) {
		struct usb_function *function = device->interfaces[i].function;

		function->ops->select(function, (uint8_t)i, 0);
	}
}

static bool configured(const struct usb_device *device)
{
	return device->state == USB_STATE_CONFIGURED;
}

static bool interface_exists(const struct usb_device *device, uint16_t index)
{
	return configured(device) &&
	       index < device->descriptors.interface_count;
}

static int put_status(uint8_t *data, uint16_t len, uint16_t status)
{
	uint8_t octets[2] = {status & 0xff, status >> 8};

	if (len > sizeof(octets))
		len = sizeof(octets);
	memcpy(data, octets, len);
	return len;
}

static int get_status(struct usb_device *device, const struct usb_setup *setup,
		      uint8_t *data, uint16_t len)
{
	struct usb_endpoint *endpoint;

	if (setup->wValue != 0 || device->state == USB_STATE_DEFAULT)
		return STALL;
	switch (setup->bmRequestType & RECIPIENT_MASK) {
	case RECIPIENT_DEVICE:
		if (setup->wIndex != 0)
			return STALL;
		return put_status(data, len, STATUS_SELF_POWERED);
	case RECIPIENT_INTERFACE:
		if (!interface_exists(device, setup->wIndex))
			return STALL;
		return put_status(data, len, 0);
	case RECIPIENT_ENDPOINT:
		if (setup->wIndex > 0xff)
			return STALL;
		if ((setup->wIndex & 0x7f) == 0)
			return put_status(data, len, 0);
		endpoint = endpoint_selected(device, (uint8_t)setup->wIndex);
		if (!endpoint)
			return STALL;
		return put_status(data, len, endpoint->halted);
	default:
		return STALL;
	}
}

/* SET_FEATURE and CLEAR_FEATURE: only ENDPOINT_HALT is supported. */
static int change_feature(struct usb_device *device,
			  const struct usb_setup *setup, bool set)
{
	struct usb_endpoint *endpoint;

	if ((setup->bmRequestType & RECIPIENT_MASK) != RECIPIENT_ENDPOINT ||
	    setup->wValue != FEATURE_ENDPOINT_HALT || setup->wIndex > 0xff ||
	    setup->wLength != 0 || device->state == USB_STATE_DEFAULT)
		return STALL;
	if ((setup->wIndex & 0x7f) == 0)
		return 0;
	endpoint = endpoint_selected(device, (uint8_t)setup->wIndex);
	if (!endpoint)
		return STALL;
	endpoint->halted = set;
	if (set)
		endpoint_end_all(endpoint, USB_STATUS_STALL);
	return 0;
}

static int set_address(struct usb_device *device, const struct usb_setup *setup)
{
	if (setup->wValue > 127 || setup->wIndex != 0 || setup->wLength != 0 ||
	    configured(device))
		return STALL;
	device->address = (uint8_t)setup->wValue;
	device->state = device->address ? USB_STATE_ADDRESS : USB_STATE_DEFAULT;
	return 0;
}

static int set_configuration(struct usb_device *device,
			     const struct usb_setup *setup)
{
	if (setup->wValue > CONFIGURATION_VALUE || setup->wIndex != 0 ||
	    setup->wLength != 0 || device->state == USB_STATE_DEFAULT)
		return STALL;
	enter_state(device,
		    setup->wValue ? USB_STATE_CONFIGURED : USB_STATE_ADDRESS,
		    USB_STATUS_CANCELLED);
	return 0;
}

static int set_interface(struct usb_device *device,
			 const struct usb_setup *setup)
{
	if (!interface_exists(device, setup->wIndex) || setup->wLength != 0 ||
	    setup->wValue >= device->interfaces[setup->wIndex].alt_count)
		return STALL;
	select_setting(device, (uint8_t)setup->wIndex, (uint8_t)setup->wValue);
	return 0;
}

static int get_octet(const struct usb_setup *setup, uint8_t value,
		     uint8_t *data, uint16_t len)
{
	if (setup->wValue != 0)
		return STALL;
	if (len)
		data[0] = value;
	return len ? 1 : 0;
}

static int standard_request(struct usb_device *device,
			    const struct usb_setup *setup, uint8_t *data,
			    uint16_t len)
{
	uint8_t recipient = setup->bmRequestType & RECIPIENT_MASK;
	bool in = setup->bmRequestType & REQUEST_IN;

	switch (setup->bRequest << 8 | setup->bmRequestType) {
	case SET_ADDRESS << 8 | RECIPIENT_DEVICE:
		return set_address(device, setup);
	case SET_CONFIGURATION << 8 | RECIPIENT_DEVICE:
		return set_configuration(device, setup);
	case SET_INTERFACE << 8 | RECIPIENT_INTERFACE:
		return set_interface(device, setup);
	case GET_DESCRIPTOR << 8 | REQUEST_IN | RECIPIENT_DEVICE:
		return usb_descriptors_get(&device->descriptors, setup->wValue,
					   setup->wIndex, data, len);
	case GET_CONFIGURATION << 8 | REQUEST_IN | RECIPIENT_DEVICE:
		if (setup->wIndex != 0 || device->state == USB_STATE_DEFAULT)
			return STALL;
		return get_octet(setup,
				 configured(device) ? CONFIGURATION_VALUE : 0,
				 data, len);
	case GET_INTERFACE << 8 | REQUEST_IN | RECIPIENT_INTERFACE:
		if (!interface_exists(device, setup->wIndex))
			return STALL;
		return get_octet(setup, device->interfaces[setup->wIndex].alt,
				 data, len);
	default:
		break;
	}
	if (recipient > RECIPIENT_ENDPOINT)
		return STALL;
	if (setup->bRequest == GET_STATUS && in)
		return get_status(device, setup, data, len);
	if (setup->bRequest == CLEAR_FEATURE && !in)
		return change_feature(device, setup, false);
	if (setup->bRequest == SET_FEATURE && !in)
		return change_feature(device, setup, true);
	return STALL;
}

/* The function a class or vendor request is meant for, or NULL. */
static struct usb_function *request_function(struct usb_device *device,
					     const struct usb_setup *setup)
{
	struct usb_endpoint *endpoint;
	uint8_t low = setup->wIndex & 0xff;

	switch (setup->bmRequestType & RECIPIENT_MASK) {
	case RECIPIENT_INTERFACE:
		if (!interface_exists(device, low))
			return NULL;
		return device->interfaces[low].function;
	case RECIPIENT_ENDPOINT:
		endpoint = endpoint_selected(device, low);
		if (!endpoint)
			return NULL;
		return device->interfaces[endpoint->interface].function;
	default:
		return NULL;
	}
}

static int msos_request(struct usb_device *device,
			const struct usb_setup *setup, uint8_t *data,
			uint16_t len)
{
	const struct usb_descriptors *descriptors = &device->descriptors;

	/* MS_OS_20_DESCRIPTOR_INDEX is 7. */
	if (setup->wIndex != 7 || setup->wValue != 0 || !descriptors->msos_len)
		return STALL;
	if (len > descriptors->msos_len)
		len = descriptors->msos_len;
	memcpy(data, descriptors->msos, len);
	return len;
}

static int dispatch_request(struct usb_device *device,
			    const struct usb_setup *setup, uint8_t *data,
			    uint16_t len)
{
	uint8_t type = setup->bmRequestType & REQUEST_TYPE_MASK;
	struct usb_function *function;

	if (type == REQUEST_TYPE_STANDARD)
		return standard_request(device, setup, data, len);
	if (type != REQUEST_TYPE_CLASS && type != REQUEST_TYPE_VENDOR)
		return STALL;
	if (setup->bRequest == USB_MSOS_VENDOR_CODE &&
	    setup->bmRequestType ==
		    (REQUEST_IN | REQUEST_TYPE_VENDOR | RECIPIENT_DEVICE))
		return msos_request(device, setup, data, len);
	function = request_function(device, setup);
	if (!function)
		return STALL;
	return function->ops->control(function, setup, data, len);
}

static void control_in(struct usb_device *device, struct usb_xfer *xfer,
		       const struct usb_setup *setup)
{
	uint8_t data[CONTROL_MAX_DATA];
	uint16_t len = setup->wLength;
	uint8_t *place;
	int n;

	if (len > xfer->length)
		len = (uint16_t)xfer->length;
	if (len > sizeof(data))
		len = sizeof(data);
	n = dispatch_request(device, setup, data, len);
	if (n < 0) {
		usb_xfer_complete(xfer, USB_STATUS_STALL, 0);
		return;
	}
	assert(n <= len);
	if (n > 0) {
		place = xfer->ops->reserve(xfer, (uint32_t)n);
		if (!place) {
			usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
			return;
		}
		memcpy(place, data, (size_t)n);
	}
	usb_xfer_complete(xfer, USB_STATUS_OK, (uint32_t)n);
}

static void control_out(struct usb_device *device, struct usb_xfer *xfer,
			const struct usb_setup *setup)
{
	uint16_t len = setup->wLength;
	int n;

	if (xfer->length < len) {
		usb_xfer_complete(xfer, USB_STATUS_INVALID, 0);
		return;
	}
	if (len > CONTROL_MAX_DATA) {
		usb_xfer_complete(xfer, USB_STATUS_STALL, 0);
		return;
	}
	if (len && !xfer->data && xfer->ops->fetch(xfer) < 0) {
		usb_xfer_complete(xfer, USB_STATUS_IOERROR, 0);
		return;
	}
	n = dispatch_request(device, setup, xfer->data, len);
	if (n < 0)
		usb_xfer_complete(xfer, USB_STATUS_STALL, 0);
	else
		usb_xfer_complete(xfer, USB_STATUS_OK, len);
}

static void submit_control(struct usb_device *device, struct usb_xfer *xfer)
{
	const uint8_t *s = xfer->setup;
	struct usb_setup setup = {
		.bmRequestType = s[0],
		.bRequest = s[1],
		.wValue = (uint16_t)(s[2] | s[3] << 8),
		.wIndex = (uint16_t)(s[4] | s[5] << 8),
		.wLength = (uint16_t)(s[6] | s[7] << 8),
	};

	if (xfer->endpoint & 0x7f)
		usb_xfer_complete(xfer, USB_STATUS_INVALID, 0);
	else if (setup.bmRequestType & REQUEST_IN)
		control_in(device, xfer, &setup);
	else
		control_out(device, xfer, &setup);
}

void usb_device_submit(struct usb_device *device, struct usb_xfer *xfer)
{
	struct usb_endpoint *endpoint;
	struct usb_function *function;

	list_init(&xfer->link);
	xfer->offset = 0;
	xfer->actual = 0;
	xfer->tap = device->tap;
	if (xfer->tap)
		xfer->tap->submitted(xfer->tap, xfer);
	if (device->gone) {
		usb_xfer_complete(xfer, USB_STATUS_NODEV, 0);
		return;
	}
	if (xfer->type == USB_TRANSFER_CONTROL) {
		submit_control(device, xfer);
		return;
	}
	endpoint = endpoint_selected(device, xfer->endpoint);
	if (!endpoint || endpoint->type != xfer->type) {
		usb_xfer_complete(xfer, USB_STATUS_INVALID, 0);
		return;
	}
	if (endpoint->halted) {
		usb_xfer_complete(xfer, USB_STATUS_STALL, 0);
		return;
	}
	list_append(&endpoint->queue, &xfer->link);
	function = device->interfaces[endpoint->interface].function;
	function->ops->transfer(function, xfer->endpoint);
}

void usb_device_cancel(struct usb_device *device, struct usb_xfer *xfer)
{
	(void)device;
	assert(list_linked(&xfer->link));
	usb_xfer_complete(xfer, USB_STATUS_CANCELLED, xfer->offset);
}

void usb_device_reset(struct usb_device *device)
{
	device->address = 0;
	enter_state(device, USB_STATE_DEFAULT, USB_STATUS_CANCELLED);
}

void usb_device_set_tap(struct usb_device *device, struct usb_tap *tap)
{
	device->tap = tap;
	/* A tap sees no completion of what it has not seen submitted. */
	for (unsigned int i = 0; i < ENDPOINT_COUNT; i++) {
		struct list_node *node;

		list_for_each(node, &device->endpoints[i].queue)
			container_of(node, struct usb_xfer, link)
				->tap = NULL;
	}
}

enum usb_state usb_device_state(const struct usb_device *device)
{
	return device->state;
}

uint8_t usb_device_address(const struct usb_device *device)
{
	return device->address;
}

/* Fills interface and endpoint tables from the finished configuration. */
static bool index_configuration(struct usb_device *device)
{
	const uint8_t *config = device->descriptors.config;
	uint16_t len = device->descriptors.config_len;
	uint8_t interface = 0;
	uint8_t alt = 0;

	for (uint16_t at = 0; at < len; at += config[at]) {
		const uint8_t *d = config + at;

		if (d[1] == USB_DT_INTERFACE) {
			interface = d[2];
			alt = d[3];
			if (interface >= MAX_INTERFACES ||
			    alt != device->interfaces[interface].alt_count++)
				return false;
		} else if (d[1] == USB_DT_ENDPOINT) {
			struct usb_endpoint *endpoint =
				endpoint_at(device, d[2]);

			/* One owner each keeps an address in one setting. */
			if (endpoint->interface != NO_INTERFACE)
				return false;
			endpoint->interface = interface;
			endpoint->alt = alt;
			endpoint->type = d[3] & 3;
		}
	}
	for (unsigned int f = 0; f < device->function_count; f++) {
		struct usb_function *function = device->functions[f];

		for (unsigned int i = 0; i < function->interface_count; i++)
			device->interfaces[function->first_interface + i]
				.function = function;
	}
	return true;
}

struct usb_device *usb_device_create(const struct usb_device_identity *identity,
				     struct usb_function *const *functions,
				     unsigned int count)
{
	struct usb_device *device = calloc(1, sizeof(*device));
	bool complete = device && count <= USB_DEVICE_MAX_FUNCTIONS;

	if (!complete) {
		free(device);
		for (unsigned int i = 0; i < count; i++)
			if (functions[i])
				functions[i]->ops->destroy(functions[i]);
		return NULL;
	}
	for (unsigned int i = 0; i < ENDPOINT_COUNT; i++) {
		list_init(&device->endpoints[i].queue);
		device->endpoints[i].interface = NO_INTERFACE;
	}
	for (unsigned int i = 0; i < count; i++) {
		if (!functions[i]) {
			complete = false;
			continue;
		}
		functions[i]->device = device;
		device->functions[device->function_count++] = functions[i];
	}
	if (complete &&
	    usb_descriptors_build(&device->descriptors, identity,
				  device->functions,
				  device->function_count) == 0 &&
	    index_configuration(device))
		return device;
	usb_device_destroy(device);
	return NULL;
}

void usb_device_destroy(struct usb_device *device)
{
	if (!device)
		return;
	device->gone = true;
	device->state = USB_STATE_DEFAULT;
	end_interface(device, NO_INTERFACE, USB_STATUS_NODEV);
	for (unsigned int i = 0; i < device->function_count; i++)
		device->functions[i]->ops->destroy(device->functions[i]);
	usb_descriptors_fini(&device->descriptors);
	free(device);
}
