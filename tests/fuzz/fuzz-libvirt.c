// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-libvirt.c - a hostile guest and a hostile daemon on the two sides of
 * the libvirt filter.
 *
 * The input is a program: each octet picks who sends what: a call made from
 * the shape of a procedure, a reply to one that waits, an event, a stream's
 * packet, octets as they are; the rest of the input spoils octets of it.
 * Promised: nothing crashes, every message that leaves is well-formed, no
 * octets of the other domain reach the guest in any message.
 */
#include "tests/unit/libvirt_bed.h"

#include <assert.h>
#include <string.h>

enum { STEPS_MAX = 64, RAW_MAX = 512 };

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

static uint32_t take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static uint32_t take16(struct input *input)
{
	uint32_t high = take(input);

	return high << 8 | take(input);
}

/* Whole messages, and nothing of the other domain in them. */
static void check(const struct bed *bed, bool hostile_daemon)
{
	const struct xdr_out *outs[] = {&bed->to_guest, &bed->to_daemon};

	for (unsigned int i = 0; i < 2; i++) {
		size_t at = 0;

		while (at < outs[i]->len) {
			struct libvirt_header header;

			assert(outs[i]->len - at >= LIBVIRT_HEADER_LEN);
			libvirt_header_read(&header, outs[i]->data + at);
			assert(header.length >= LIBVIRT_HEADER_LEN &&
			       header.length <= outs[i]->len - at);
			at += header.length;
		}
	}
	if (!hostile_daemon)
		assert(!bed_has(&bed->to_guest, bed_other, LIBVIRT_UUID_LEN));
}

static void payload_of(struct input *input, struct xdr_out *out,
		       const char *shape)
{
	static const struct bed_domain *const domains[] = {&bed_domain_mine,
							   &bed_domain_other};
	static const char description[] =
		"<domain><name>mine</name><uuid>11111111-2222-3333-4444-"
		"555555555555</uuid><devices><x a='b'/></devices></domain>";
	static const char *const texts[] = {"mine", "", description,
					    "/etc/passwd"};
	uint32_t choice = take(input);
	unsigned int spoil = choice >> 4;

	bed_payload(out, shape ? shape : "", domains[choice & 1],
		    texts[choice >> 1 & 3]);
	for (; spoil && out->len; spoil--) {
		uint32_t at = take16(input);

		out->data[at % out->len] ^= (uint8_t)take(input);
	}
}

static void raw(struct input *input, struct libvirt_header *header,
		struct xdr_out *out)
{
	size_t len = take(input);

	header->program = take(input) & 1 ? BED_REMOTE : BED_KEEPALIVE;
	header->version = take(input) % 3;
	header->procedure = take16(input);
	header->type = take(input) % 8;
	header->status = take(input) % 4;
	while (len-- && out->len < RAW_MAX) {
		uint8_t octet = (uint8_t)take(input);

		xdr_put_octets(out, &octet, 1);
	}
}

static bool step(struct bed *bed, struct input *input)
{
	uint32_t what = take(input);
	const struct libvirt_program *program =
		&libvirt_programs[take(input) % libvirt_program_count];
	const struct libvirt_procedure *procedure =
		&program->procedures[take16(input) % program->count];
	struct libvirt_header header = {
		.program = program->number,
		.version = 1,
		.procedure = procedure->number,
		.serial = take(input) % 32,
		.status = what >> 4 & 3,
	};
	struct xdr_out payload;
	bool good = true;

	xdr_out_init(&payload, 1 << 16);
	bed_clear(bed);
	switch (what & 7) {
	case 0:
	case 1:
		header.type = LIBVIRT_CALL;
		header.status = LIBVIRT_OK;
		header.serial = ++bed->serial + 1000;
		payload_of(input, &payload, procedure->call);
		if (libvirt_filter_ready(bed->filter))
			good = bed_guest(bed, &header, payload.data,
					 payload.len);
		if (good && what & 8 && bed->to_daemon.len) {
			check(bed, true);
			payload.len = 0;
			payload_of(input, &payload, procedure->reply);
			good = bed_reply(bed, what >> 4 & 1, payload.data,
					 payload.len);
		}
		break;
	case 2:
		header.type = LIBVIRT_REPLY;
		payload_of(input, &payload, procedure->reply);
		good = bed_daemon(bed, &header, payload.data, payload.len);
		break;
	case 3:
		header.type = LIBVIRT_MESSAGE;
		payload_of(input, &payload, procedure->reply);
		good = bed_daemon(bed, &header, payload.data, payload.len);
		break;
	case 4:
		header.type = LIBVIRT_STREAM_DATA;
		payload_of(input, &payload, "i");
		good = what & 8 ? bed_guest(bed, &header, payload.data,
					    payload.len)
				: bed_daemon(bed, &header, payload.data,
					     payload.len);
		break;
	case 5:
		bed->now_ms += 20000;
		good = libvirt_filter_expire(bed->filter, bed->now_ms,
					     &bed->to_guest);
		break;
	default:
		raw(input, &header, &payload);
		good = what & 8 ? bed_guest(bed, &header, payload.data,
					    payload.len)
				: bed_daemon(bed, &header, payload.data,
					     payload.len);
	}
	/* Texts that a daemon spoils may be anything, a uuid may not. */
	check(bed, false);
	xdr_out_fini(&payload);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, data + size};
	struct bed bed;

	if (!size)
		return 0;
	bed_init(&bed, take(&input) & (LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL), 0);
	if (data[0] & (LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL) && take(&input) & 1)
		bed_open(&bed);
	for (unsigned int i = 0; i < STEPS_MAX && input.at < input.end; i++)
		if (!step(&bed, &input))
			break;
	bed_fini(&bed);
	return 0;
}
