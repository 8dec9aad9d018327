// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * descriptor.c - parses configuration descriptors (USB 2.0, 9.6).
 *
 * The octets come from the device and lie if they like: every length is
 * checked against what is left before anything is read.
 */
#include "descriptor.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum {
	TYPE_CONFIGURATION = 2,
	TYPE_INTERFACE = 4,
	TYPE_ENDPOINT = 5,
	LEN_CONFIGURATION = 9,
	LEN_INTERFACE = 9,
	LEN_ENDPOINT = 7,
	CLASS_VENDOR = 0xff,
	ATTR_TYPE_MASK = 3,
	ATTR_BULK = 2,
	ATTR_INTERRUPT = 3,
};

struct parser {
	struct descriptor_pipes *pipes;
	unsigned int out_count;
	unsigned int in_count;
	uint32_t used_out; /* endpoint numbers seen, one bit each */
	uint32_t used_in;
};

static const char *endpoint_take(struct parser *parser, const uint8_t *d)
{
	struct descriptor_pipes *pipes = parser->pipes;
	uint8_t address = d[2];
	uint8_t type = d[3] & ATTR_TYPE_MASK;
	bool in = address & 0x80;
	uint32_t bit = 1u << (address & 0x0f);
	uint32_t *used = in ? &parser->used_in : &parser->used_out;

	if ((address & 0x70) || (address & 0x0f) == 0)
		return "an endpoint has no valid address";
	if (*used & bit)
		return "two endpoints have one address";
	*used |= bit;

	if (type == ATTR_INTERRUPT && in && pipes->event_endpoint == 0) {
		pipes->event_endpoint = address;
	} else if (type == ATTR_BULK && in && parser->in_count < TV_PIPE_MAX) {
		pipes->pipe[parser->in_count++].in = address;
	} else if (type == ATTR_BULK && !in &&
		   parser->out_count < TV_PIPE_MAX) {
		pipes->pipe[parser->out_count++].out = address;
	} else {
		return "it has an endpoint too many";
	}
	return NULL;
}

/* Walks one configuration; NULL or what is wrong with it. */
static const char *configuration_parse(struct parser *parser,
				       const uint8_t *data, size_t len,
				       uint8_t interface)
{
	bool inside = false;
	bool found = false;

	for (size_t off = 0; off < len; off += data[off]) {
		const uint8_t *d = data + off;
		const char *why;

		if (len - off < 2 || d[0] < 2 || d[0] > len - off)
			return "a descriptor is cut short";
		if (d[1] == TYPE_INTERFACE) {
			if (d[0] < LEN_INTERFACE)
				return "an interface descriptor is short";
			inside = d[2] == interface && d[3] == 1;
			if (!inside)
				continue;
			if (found)
				return "alternate setting 1 is there twice";
			if (d[5] != CLASS_VENDOR ||
			    d[7] != TV_USB_PROTOCOL_PIPE_1)
				return "alternate setting 1 is of another kind";
			found = true;
			parser->pipes->subclass = d[6];
			parser->pipes->string = d[8];
		} else if (d[1] == TYPE_ENDPOINT && inside) {
			if (d[0] < LEN_ENDPOINT)
				return "an endpoint descriptor is short";
			why = endpoint_take(parser, d);
			if (why)
				return why;
		}
	}
	if (!found)
		return "it has no alternate setting 1";
	if (parser->pipes->event_endpoint == 0)
		return "it has no interrupt endpoint";
	if (parser->in_count == 0 || parser->in_count != parser->out_count)
		return "its bulk endpoints are no pairs";
	return NULL;
}

int descriptor_parse(struct descriptor_pipes *pipes, const uint8_t *data,
		     size_t len, uint8_t configuration, uint8_t interface,
		     const char **why)
{
	struct parser parser = {.pipes = pipes};
	size_t off, total;

	memset(pipes, 0, sizeof(*pipes));
	*why = "its configuration is not there";
	if (len < 2 || data[0] < 2 || data[0] > len)
		return -EINVAL;
	for (off = data[0]; len - off >= LEN_CONFIGURATION; off += total) {
		const uint8_t *d = data + off;

		total = d[2] | (size_t)d[3] << 8;
		if (d[0] < LEN_CONFIGURATION || d[1] != TYPE_CONFIGURATION ||
		    total < d[0] || total > len - off) {
			*why = "its configuration descriptor is malformed";
			return -EINVAL;
		}
		if (d[5] != configuration)
			continue;
		*why = configuration_parse(&parser, d, total, interface);
		pipes->count = parser.in_count;
		return *why ? -EINVAL : 0;
	}
	return -EINVAL;
}
