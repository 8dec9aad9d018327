// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/unit/libvirt_bed.h"

#include <assert.h>
#include <string.h>

const uint8_t bed_mine[LIBVIRT_UUID_LEN] = "\x11\x11\x11\x11\x22\x22\x33\x33"
					   "\x44\x44\x55\x55\x55\x55\x55\x55";
const uint8_t bed_other[LIBVIRT_UUID_LEN] = "\xaa\xab\xac\xad\xae\xaf\xba\xbb"
					    "\xbc\xbd\xbe\xbf\xca\xcb\xcc\xcd";
const struct bed_domain bed_domain_mine = {BED_MINE_NAME, bed_mine, -1};
const struct bed_domain bed_domain_other = {BED_OTHER_NAME, bed_other,
					    BED_OTHER_ID};

static void on_denied(void *context, const struct libvirt_denial *denial)
{
	struct bed *bed = context;

	strncpy(bed->denied, denial->why, sizeof(bed->denied) - 1);
}

void bed_init(struct bed *bed, uint32_t verbs, uint32_t host_verbs)
{
	struct libvirt_policy policy;
	static const uint8_t none[] = {0, 0, 0, 1, 0, 0, 0, 0};

	memset(bed, 0, sizeof(*bed));
	libvirt_policy_init(&policy);
	policy.host_verbs = host_verbs;
	if (verbs)
		libvirt_policy_add(&policy, BED_MINE_NAME, bed_mine, verbs);
	xdr_out_init(&bed->to_guest, 64 << 20);
	xdr_out_init(&bed->to_daemon, 64 << 20);
	bed->filter = libvirt_filter_create(&(struct libvirt_filter_config){
		.uri = "test:///etc/host/two.xml",
		.policy = &policy,
		.denied = on_denied,
		.context = bed,
	});
	assert(bed->filter);
	libvirt_policy_fini(&policy);
	libvirt_filter_start(bed->filter, 0, &bed->to_daemon);
	bed_reply(bed, LIBVIRT_OK, none, sizeof(none));
	bed_clear(bed);
}

void bed_open(struct bed *bed)
{
	struct xdr_out args;
	static const uint8_t version[] = {0, 0, 0, 0, 0, 0x89, 0x54, 0x40};

	xdr_out_init(&args, 1000);
	xdr_put_u32(&args, 1);
	xdr_put_string(&args, "evil:///x", 9);
	xdr_put_u32(&args, 0);
	assert(bed_call(bed, BED_REMOTE, 1, &args));
	bed_reply(bed, LIBVIRT_OK, NULL, 0);
	/* The version is asked then. */
	bed_reply(bed, LIBVIRT_OK, version, sizeof(version));
	bed_clear(bed);
	xdr_out_fini(&args);
}

void bed_fini(struct bed *bed)
{
	libvirt_filter_destroy(bed->filter);
	xdr_out_fini(&bed->to_guest);
	xdr_out_fini(&bed->to_daemon);
}

void bed_clear(struct bed *bed)
{
	bed->to_guest.len = 0;
	bed->to_daemon.len = 0;
	bed->denied[0] = '\0';
}

static const char *put_item(struct xdr_out *out, const char *shape,
			    const struct bed_domain *domain, const char *text)
{
	static const char snapshot[] =
		"<domainsnapshot><name>s</name></domainsnapshot>";

	switch (*shape++) {
	case 'h':
	case 'F':
		xdr_put_u32(out, 0);
		/* fall through */
	case 'i':
	case 'f':
		xdr_put_u32(out, 0);
		return shape;
	case 'r':
		xdr_put_u32(out, 1);
		return shape;
	case 'D':
		xdr_put_string(out, domain->name, strlen(domain->name));
		xdr_put_octets(out, domain->uuid, LIBVIRT_UUID_LEN);
		xdr_put_u32(out, (uint32_t)domain->id);
		return shape;
	case 'U':
		xdr_put_octets(out, domain->uuid, LIBVIRT_UUID_LEN);
		return shape;
	case 'P':
		xdr_put_string(out, "field", 5);
		xdr_put_u32(out, 2);
		xdr_put_u32(out, 7);
		return shape;
	case '?':
		xdr_put_u32(out, 1);
		return put_item(out, shape, domain, text);
	case '[':
		xdr_put_u32(out, 1);
		while (*shape != ']')
			shape = put_item(out, shape, domain, text);
		return shape + 1;
	case 'X':
		xdr_put_string(out, snapshot, strlen(snapshot));
		return shape;
	default:
		xdr_put_string(out, text, strlen(text));
		return shape;
	}
}

void bed_payload(struct xdr_out *out, const char *shape,
		 const struct bed_domain *domain, const char *text)
{
	while (*shape)
		shape = put_item(out, shape, domain, text);
}

bool bed_guest(struct bed *bed, const struct libvirt_header *header,
	       const void *payload, size_t len)
{
	struct libvirt_header whole = *header;

	whole.length = (uint32_t)(LIBVIRT_HEADER_LEN + len);
	return libvirt_filter_guest(bed->filter, bed->now_ms, &whole, payload,
				    &bed->to_guest, &bed->to_daemon);
}

bool bed_daemon(struct bed *bed, const struct libvirt_header *header,
		const void *payload, size_t len)
{
	struct libvirt_header whole = *header;

	whole.length = (uint32_t)(LIBVIRT_HEADER_LEN + len);
	return libvirt_filter_daemon(bed->filter, bed->now_ms, &whole, payload,
				     &bed->to_guest, &bed->to_daemon);
}

bool bed_call(struct bed *bed, uint32_t program, uint32_t procedure,
	      const struct xdr_out *payload)
{
	struct libvirt_header header = {
		.program = program,
		.version = 1,
		.procedure = procedure,
		.type = LIBVIRT_CALL,
		.serial = ++bed->serial + 1000,
	};

	return bed_guest(bed, &header, payload ? payload->data : NULL,
			 payload ? payload->len : 0);
}

bool bed_reply(struct bed *bed, uint32_t status, const void *payload,
	       size_t len)
{
	struct xdr_out *out = &bed->to_daemon;
	struct libvirt_header header = {.length = 0};

	/* The last of the messages. */
	for (size_t at = 0; at < out->len; at += header.length)
		libvirt_header_read(&header, out->data + at);
	assert(header.length && header.type == LIBVIRT_CALL);
	out->len = 0;
	header.type = LIBVIRT_REPLY;
	header.status = status;
	return bed_daemon(bed, &header, payload, len);
}

bool bed_first(const struct xdr_out *out, struct libvirt_header *header,
	       struct xdr_in *payload)
{
	if (out->len < LIBVIRT_HEADER_LEN)
		return false;
	libvirt_header_read(header, out->data);
	assert(header->length <= out->len);
	payload->at = out->data + LIBVIRT_HEADER_LEN;
	payload->len = header->length - LIBVIRT_HEADER_LEN;
	return true;
}

bool bed_has(const struct xdr_out *out, const void *octets, size_t len)
{
	for (size_t i = 0; len <= out->len && i <= out->len - len; i++)
		if (memcmp(out->data + i, octets, len) == 0)
			return true;
	return false;
}
