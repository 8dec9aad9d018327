// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * descriptor.c - building the descriptors of a device.
 *
 * Functions write through struct usb_descriptor_writer.  An overflow of any
 * table is remembered and fails the whole build, so that callers need not
 * check every step.  Nothing here depends on the guest: all input is ours.
 */
#include "backend/usb/descriptor.h"

#include "backend/util/log.h"
#include "protocol/pipe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONFIG_HEADER_LEN = 9,
	ASSOCIATION_LEN = 8,
	INTERFACE_LEN = 9,
	ENDPOINT_MAX = 15,
	ATTRIBUTES_SELF_POWERED = 0xc0,
	LANGUAGE_ENGLISH_US = 0x0409,
	STRING_MAX_UNITS = 126,
	BULK_PACKET_FULL_SPEED = 64,
	WINDOWS_8_1 = 0x06030000,
};

struct usb_descriptor_writer {
	struct usb_descriptors *out;
	unsigned int next_interface;
	unsigned int next_endpoint[2]; /* OUT, IN */
	int error;
};

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = value & 0xff;
	at[1] = value >> 8;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value & 0xffff);
	put16(at + 2, value >> 16);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

uint8_t usb_write_interface_number(struct usb_descriptor_writer *writer)
{
	return (uint8_t)writer->next_interface++;
}

uint8_t usb_write_endpoint_address(struct usb_descriptor_writer *writer,
				   uint8_t direction)
{
	unsigned int *next = &writer->next_endpoint[direction ? 1 : 0];

	if (*next > ENDPOINT_MAX) {
		writer->error = -EINVAL;
		return 0;
	}
	return (uint8_t)((*next)++ | (direction ? 0x80 : 0));
}

void usb_write_descriptor(struct usb_descriptor_writer *writer,
			  const uint8_t *descriptor)
{
	struct usb_descriptors *out = writer->out;

	if (descriptor[0] > sizeof(out->config) - out->config_len) {
		writer->error = -EINVAL;
		return;
	}
	memcpy(out->config + out->config_len, descriptor, descriptor[0]);
	out->config_len += descriptor[0];
}

/*
 * Decodes one UTF-8 character, at most three octets (the basic plane is
 * enough for names); anything else becomes '?'.
 */
static const char *utf8_next(const char *text, uint16_t *unit)
{
	const uint8_t *s = (const uint8_t *)text;

	if (s[0] < 0x80) {
		*unit = s[0];
		return text + 1;
	}
	if ((s[0] & 0xe0) == 0xc0 && (s[1] & 0xc0) == 0x80) {
		*unit = (uint16_t)((s[0] & 0x1f) << 6 | (s[1] & 0x3f));
		return text + 2;
	}
	if ((s[0] & 0xf0) == 0xe0 && (s[1] & 0xc0) == 0x80 &&
	    (s[2] & 0xc0) == 0x80) {
		*unit = (uint16_t)((s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 |
				   (s[2] & 0x3f));
		return text + 3;
	}
	*unit = '?';
	return text + 1;
}

uint8_t usb_write_string(struct usb_descriptor_writer *writer, const char *text)
{
	struct usb_descriptors *out = writer->out;
	unsigned int units = 0;
	uint8_t *string;

	if (out->string_count >= USB_DESCRIPTORS_MAX_STRINGS) {
		writer->error = -EINVAL;
		return 0;
	}
	string = malloc(2 + 2 * STRING_MAX_UNITS);
	if (!string) {
		writer->error = -ENOMEM;
		return 0;
	}
	while (*text && units < STRING_MAX_UNITS) {
		uint16_t unit;

		text = utf8_next(text, &unit);
		put16(string + 2 + 2 * units++, unit);
	}
	string[0] = (uint8_t)(2 + 2 * units);
	string[1] = USB_DT_STRING;
	out->strings[out->string_count++] = string;
	return (uint8_t)out->string_count; /* index 0 is the languages */
}

static void build_device(struct usb_descriptor_writer *writer,
			 const struct usb_device_identity *identity,
			 bool associate)
{
	uint8_t *d = writer->out->device;
	uint8_t *q = writer->out->qualifier;

	d[0] = sizeof(writer->out->device);
	d[1] = USB_DT_DEVICE;
	put16(d + 2, 0x0201);
	if (associate) {
		/* Interface association: the "miscellaneous" class. */
		d[4] = 0xef;
		d[5] = 0x02;
		d[6] = 0x01;
	}
	d[7] = 64;
	put16(d + 8, identity->vendor_id);
	put16(d + 10, identity->product_id);
	put16(d + 12, identity->release);
	d[14] = usb_write_string(writer, identity->manufacturer);
	d[15] = usb_write_string(writer, identity->product);
	d[16] = usb_write_string(writer, identity->serial);
	d[17] = 1;

	q[0] = sizeof(writer->out->qualifier);
	q[1] = USB_DT_DEVICE_QUALIFIER;
	put16(q + 2, 0x0201);
	memcpy(q + 4, d + 4, 4);
	q[8] = 1;
}

static void build_function(struct usb_descriptor_writer *writer,
			   struct usb_function *function, bool associate)
{
	struct usb_descriptors *out = writer->out;
	uint16_t start = out->config_len;
	uint8_t *association = out->config + start;

	if (associate) {
		const uint8_t blank[ASSOCIATION_LEN] = {ASSOCIATION_LEN,
							USB_DT_ASSOCIATION};

		usb_write_descriptor(writer, blank);
	}
	function->first_interface = (uint8_t)writer->next_interface;
	function->ops->describe(function, writer);
	function->interface_count =
		(uint8_t)(writer->next_interface - function->first_interface);
	if (associate && !writer->error) {
		const uint8_t *first = association + ASSOCIATION_LEN;

		association[2] = function->first_interface;
		association[3] = function->interface_count;
		memcpy(association + 4, first + 5, 3); /* class triple */
		association[7] = first[8];	       /* iInterface */
	}
}

static void build_config(struct usb_descriptor_writer *writer,
			 struct usb_function *const *functions,
			 unsigned int count, bool associate)
{
	struct usb_descriptors *out = writer->out;
	const uint8_t header[CONFIG_HEADER_LEN] = {CONFIG_HEADER_LEN,
						   USB_DT_CONFIGURATION,
						   0,
						   0,
						   0,
						   1,
						   0,
						   ATTRIBUTES_SELF_POWERED,
						   0};

	usb_write_descriptor(writer, header);
	for (unsigned int i = 0; i < count; i++)
		build_function(writer, functions[i], associate);
	put16(out->config + 2, out->config_len);
	out->config[4] = (uint8_t)writer->next_interface;
	out->interface_count = (uint8_t)writer->next_interface;
}

/* One MS OS 2.0 "WINUSB" binding: compatible id and interface GUID. */
static uint16_t build_msos_winusb(uint8_t *at)
{
	static const char name[] = "DeviceInterfaceGUIDs";
	static const char guid[] = "{6e45736a-2b1b-4078-b772-b3af2b6fde1c}";
	enum {
		COMPATIBLE_LEN = 20,
		NAME_LEN = 2 * sizeof(name),
		DATA_LEN = 2 * (sizeof(guid) + 1),
		PROPERTY_LEN = 10 + NAME_LEN + DATA_LEN,
	};
	uint8_t *property = at + COMPATIBLE_LEN;

	put16(at, COMPATIBLE_LEN);
	put16(at + 2, 3); /* MS_OS_20_FEATURE_COMPATBLE_ID */
	memcpy(at + 4, "WINUSB", 6);

	put16(property, PROPERTY_LEN);
	put16(property + 2, 4); /* MS_OS_20_FEATURE_REG_PROPERTY */
	put16(property + 4, 7); /* REG_MULTI_SZ */
	put16(property + 6, NAME_LEN);
	for (size_t i = 0; i < sizeof(name) - 1; i++)
		put16(property + 8 + 2 * i, (uint8_t)name[i]);
	put16(property + 8 + NAME_LEN, DATA_LEN);
	for (size_t i = 0; i < sizeof(guid) - 1; i++)
		put16(property + 10 + NAME_LEN + 2 * i, (uint8_t)guid[i]);
	return COMPATIBLE_LEN + PROPERTY_LEN;
}

/* MS OS 2.0 descriptor set; empty if no function wants WinUSB. */
static void build_msos(struct usb_descriptors *out,
		       struct usb_function *const *functions,
		       unsigned int count)
{
	enum { HEADER_LEN = 10, SUBSET_LEN = 8 };
	uint8_t *set = out->msos;
	uint8_t *config = set + HEADER_LEN;
	uint16_t len = HEADER_LEN;
	bool any = false;

	if (count > 1)
		len += SUBSET_LEN;
	for (unsigned int i = 0; i < count; i++) {
		uint16_t start = len;

		if (!functions[i]->ops->winusb)
			continue;
		any = true;
		if (count > 1)
			len += SUBSET_LEN;
		len += build_msos_winusb(set + len);
		if (count > 1) {
			put16(set + start, SUBSET_LEN);
			put16(set + start + 2, 2); /* SUBSET_HEADER_FUNCTION */
			set[start + 4] = functions[i]->first_interface;
			put16(set + start + 6, len - start);
		}
	}
	if (!any)
		return;
	put16(set, HEADER_LEN);
	put32(set + 4, WINDOWS_8_1);
	put16(set + 8, len);
	if (count > 1) {
		put16(config, SUBSET_LEN);
		put16(config + 2, 1); /* SUBSET_HEADER_CONFIGURATION */
		put16(config + 6, len - HEADER_LEN);
	}
	out->msos_len = len;
}

static void build_bos(struct usb_descriptors *out)
{
	/* D8DD60DF-4589-4CC7-9CD2-659D9E648A9F */
	static const uint8_t msos_uuid[16] = {
		0xdf, 0x60, 0xdd, 0xd8, 0x89, 0x45, 0xc7, 0x4c,
		0x9c, 0xd2, 0x65, 0x9d, 0x9e, 0x64, 0x8a, 0x9f};
	uint8_t *bos = out->bos;
	uint16_t len = 5;

	/* USB 2.0 extension: no link power management. */
	bos[len] = 7;
	bos[len + 1] = USB_DT_DEVICE_CAPABILITY;
	bos[len + 2] = 2;
	len += 7;
	if (out->msos_len) {
		bos[len] = 28;
		bos[len + 1] = USB_DT_DEVICE_CAPABILITY;
		bos[len + 2] = 5; /* platform */
		memcpy(bos + len + 4, msos_uuid, sizeof(msos_uuid));
		put32(bos + len + 20, WINDOWS_8_1);
		put16(bos + len + 24, out->msos_len);
		bos[len + 26] = USB_MSOS_VENDOR_CODE;
		len += 28;
	}
	bos[0] = 5;
	bos[1] = USB_DT_BOS;
	put16(bos + 2, len);
	bos[4] = out->msos_len ? 2 : 1;
	out->bos_len = len;
}

int usb_descriptors_build(struct usb_descriptors *descriptors,
			  const struct usb_device_identity *identity,
			  struct usb_function *const *functions,
			  unsigned int count)
{
	struct usb_descriptor_writer writer = {.out = descriptors,
					       .next_endpoint = {1, 1}};

	bool associate;

	if (count < 1 || count > USB_DEVICE_MAX_FUNCTIONS)
		return -EINVAL;
	associate = count > 1 || functions[0]->ops->associated;
	build_device(&writer, identity, associate);
	build_config(&writer, functions, count, associate);
	build_msos(descriptors, functions, count);
	build_bos(descriptors);
	if (writer.error)
		log_error("the descriptors of %u functions do not fit in one "
			  "device",
			  count);
	return writer.error;
}

void usb_descriptors_fini(struct usb_descriptors *descriptors)
{
	for (unsigned int i = 0; i < descriptors->string_count; i++)
		free(descriptors->strings[i]);
	descriptors->string_count = 0;
}

static int copy_out(uint8_t *out, uint16_t size, const uint8_t *from,
		    uint16_t len)
{
	if (len > size)
		len = size;
	memcpy(out, from, len);
	return len;
}

/*
 * The configuration as it would be at full speed (9.6.4): same interfaces,
 * bulk packets of 64 octets, interrupt intervals in frames.
 */
static int get_other_speed(const struct usb_descriptors *descriptors,
			   uint8_t *out, uint16_t size)
{
	uint8_t config[USB_DESCRIPTORS_MAX_CONFIG];
	uint16_t len = descriptors->config_len;

	memcpy(config, descriptors->config, len);
	config[1] = USB_DT_OTHER_SPEED;
	for (uint16_t at = 0; at < len; at += config[at]) {
		uint8_t *endpoint = config + at;

		if (endpoint[1] != USB_DT_ENDPOINT)
			continue;
		if ((endpoint[3] & 3) == USB_TRANSFER_BULK) {
			put16(endpoint + 4, BULK_PACKET_FULL_SPEED);
		} else if ((endpoint[3] & 3) == USB_TRANSFER_INTERRUPT) {
			unsigned int microframes = 1u << (endpoint[6] - 1);
			unsigned int ms = microframes / 8;

			endpoint[6] = ms < 1 ? 1 : ms > 255 ? 255 : (uint8_t)ms;
			if (get16(endpoint + 4) > 64)
				put16(endpoint + 4, 64);
		}
	}
	return copy_out(out, size, config, len);
}

static int get_string(const struct usb_descriptors *descriptors, uint8_t index,
		      uint16_t language, uint8_t *out, uint16_t size)
{
	static const uint8_t languages[4] = {4, USB_DT_STRING,
					     LANGUAGE_ENGLISH_US & 0xff,
					     LANGUAGE_ENGLISH_US >> 8};

	if (index == 0)
		return copy_out(out, size, languages, sizeof(languages));
	if (index > descriptors->string_count ||
	    language != LANGUAGE_ENGLISH_US)
		return -1;
	return copy_out(out, size, descriptors->strings[index - 1],
			descriptors->strings[index - 1][0]);
}

int usb_descriptors_get(const struct usb_descriptors *descriptors,
			uint16_t value, uint16_t index, uint8_t *out,
			uint16_t size)
{
	uint8_t type = value >> 8;
	uint8_t number = value & 0xff;

	if (type == USB_DT_STRING)
		return get_string(descriptors, number, index, out, size);
	if (number != 0)
		return -1; /* there is one of everything else */
	switch (type) {
	case USB_DT_DEVICE:
		return copy_out(out, size, descriptors->device,
				sizeof(descriptors->device));
	case USB_DT_CONFIGURATION:
		return copy_out(out, size, descriptors->config,
				descriptors->config_len);
	case USB_DT_DEVICE_QUALIFIER:
		return copy_out(out, size, descriptors->qualifier,
				sizeof(descriptors->qualifier));
	case USB_DT_OTHER_SPEED:
		return get_other_speed(descriptors, out, size);
	case USB_DT_BOS:
		return copy_out(out, size, descriptors->bos,
				descriptors->bos_len);
	default:
		return -1;
	}
}
