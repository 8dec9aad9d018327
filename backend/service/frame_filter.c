// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frame_filter.c - the frame itself: header, VLAN, length, source.
 *
 * What is inside of ARP, IPv4 and IPv6 is looked at in frame_inner.c, which
 * also finds how long the payload is.
 */
#include "backend/service/frame_inner.h"
#include "backend/util/sha256.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	TYPE_AT = 12,
	TAG_LEN = 4,
	VID_MASK = 0x0fff,
	LENGTH_MAX = 1500,  /* 802.3: up to here it is a length ... */
	TYPE_FIRST = 0x600, /* ... from here on a type */
	LLC_MIN = 3,
};

const char *frame_verdict_name(enum frame_verdict verdict)
{
	static const char *const names[] = {
		[FRAME_PASS] = "pass",
		[FRAME_SHORT] = "short",
		[FRAME_LONG] = "long",
		[FRAME_MALFORMED] = "malformed",
		[FRAME_VLAN] = "vlan",
		[FRAME_SOURCE_MAC] = "source-mac",
		[FRAME_SOURCE_IP] = "source-ip",
		[FRAME_RESERVED] = "reserved",
		[FRAME_TYPE] = "type",
		[FRAME_ROUTER] = "router",
		[FRAME_UNWANTED] = "unwanted",
		[FRAME_LINK_DOWN] = "link-down",
		[FRAME_NO_ROOM] = "no-room",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == FRAME_VERDICT_COUNT,
		      "a name for each");
	return names[verdict];
}

bool frame_mac_allowed(const struct frame_policy *policy, const uint8_t *mac)
{
	for (unsigned int i = 0; i < policy->mac_count; i++)
		if (memcmp(policy->macs[i], mac, FRAME_MAC_LEN) == 0)
			return true;
	return false;
}

static uint16_t type_of(const uint8_t *frame)
{
	return (uint16_t)(frame[TYPE_AT] << 8 | frame[TYPE_AT + 1]);
}

static bool is_tag(uint16_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 ||
	       type == 0x9200 || type == 0x9300;
}

static void tag_remove(uint8_t *frame, size_t *len)
{
	memmove(frame + TYPE_AT, frame + TYPE_AT + TAG_LEN,
		*len - TYPE_AT - TAG_LEN);
	*len -= TAG_LEN;
}

static void tag_insert(uint8_t *frame, size_t *len, uint16_t vlan)
{
	memmove(frame + TYPE_AT + TAG_LEN, frame + TYPE_AT, *len - TYPE_AT);
	frame[TYPE_AT] = 0x81;
	frame[TYPE_AT + 1] = 0x00;
	frame[TYPE_AT + 2] = (uint8_t)(vlan >> 8 & 0x0f);
	frame[TYPE_AT + 3] = vlan & 0xff;
	*len += TAG_LEN;
}

/* Leaves an untagged frame, if its tag is the expected one (0: none). */
static enum frame_verdict take_tag(uint8_t *frame, size_t *len, uint16_t vlan)
{
	uint16_t vid = 0;

	if (*len < FRAME_HEADER_LEN)
		return FRAME_SHORT;
	if (type_of(frame) == 0x8100) {
		if (*len < FRAME_HEADER_LEN + TAG_LEN)
			return FRAME_SHORT;
		vid = (uint16_t)(frame[TYPE_AT + 2] << 8 | frame[TYPE_AT + 3]) &
		      VID_MASK;
		tag_remove(frame, len);
	}
	if (vid != vlan || is_tag(type_of(frame)))
		return FRAME_VLAN;
	return *len > FRAME_MAX ? FRAME_LONG : FRAME_PASS;
}

/* 01-80-c2-00-00-0x stays between a bridge and its neighbour (802.1Q, 8.6.3).
 */
static bool is_reserved(const uint8_t *frame)
{
	static const uint8_t bridge[5] = {0x01, 0x80, 0xc2, 0x00, 0x00};

	return (memcmp(frame, bridge, sizeof(bridge)) == 0 &&
		(frame[5] & 0xf0) == 0) ||
	       type_of(frame) == 0x8808;
}

/* What the payload's own length says, then zeros up to the shortest frame. */
static void set_length(uint8_t *frame, size_t *len, size_t payload)
{
	*len = FRAME_HEADER_LEN + payload;
	if (*len < FRAME_MIN) {
		memset(frame + *len, 0, FRAME_MIN - *len);
		*len = FRAME_MIN;
	}
}

static enum frame_verdict check_llc(const struct frame_inner *inner,
				    uint16_t type, size_t *payload)
{
	if (type > LENGTH_MAX || type < LLC_MIN || type > inner->len)
		return FRAME_MALFORMED;
	/* It can carry IP as well: who is held to addresses has no use. */
	if (inner->policy && inner->policy->prefix_count)
		return FRAME_TYPE;
	*payload = type;
	return FRAME_PASS;
}

/* policy: NULL if nobody is to be held to anything. */
static enum frame_verdict normalise(const struct frame_policy *policy,
				    uint8_t *frame, size_t *len)
{
	struct frame_inner inner = {
		.policy = policy,
		.source_mac = frame + FRAME_MAC_LEN,
		.data = frame + FRAME_HEADER_LEN,
		.len = *len - FRAME_HEADER_LEN,
	};
	uint16_t type = type_of(frame);
	enum frame_verdict verdict = FRAME_PASS;
	size_t payload = inner.len;

	if (type < TYPE_FIRST)
		verdict = check_llc(&inner, type, &payload);
	else if (type == 0x0800)
		verdict = frame_check_ipv4(&inner, &payload);
	else if (type == 0x0806)
		verdict = frame_check_arp(&inner, &payload);
	else if (type == 0x86dd)
		verdict = frame_check_ipv6(&inner, &payload);
	else if (policy && policy->prefix_count)
		verdict = FRAME_TYPE;
	if (verdict == FRAME_PASS)
		set_length(frame, len, payload);
	return verdict;
}

enum frame_verdict frame_from_guest(const struct frame_policy *policy,
				    uint8_t *frame, size_t *len)
{
	enum frame_verdict verdict = take_tag(frame, len, 0);

	if (verdict != FRAME_PASS)
		return verdict;
	if (is_reserved(frame))
		return FRAME_RESERVED;
	if (!frame_mac_allowed(policy, frame + FRAME_MAC_LEN))
		return FRAME_SOURCE_MAC;
	verdict = normalise(policy, frame, len);
	if (verdict == FRAME_PASS && policy->vlan)
		tag_insert(frame, len, policy->vlan);
	return verdict;
}

enum frame_verdict frame_to_guest(const struct frame_policy *policy,
				  uint8_t *frame, size_t *len)
{
	enum frame_verdict verdict = take_tag(frame, len, policy->vlan);

	if (verdict != FRAME_PASS)
		return verdict;
	if (is_reserved(frame))
		return FRAME_RESERVED;
	return normalise(NULL, frame, len);
}

int frame_prefix_parse(struct frame_prefix *prefix, const char *text)
{
	struct frame_prefix parsed = {.v6 = strchr(text, ':') != NULL};
	unsigned int max = parsed.v6 ? 128 : 32;
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(text, "/");
	unsigned long bits = max;

	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, len);
	address[len] = '\0';
	if (text[len]) {
		char *end;

		if (text[len + 1] < '0' || text[len + 1] > '9')
			return -EINVAL;
		bits = strtoul(text + len + 1, &end, 10);
		if (*end || bits > max)
			return -EINVAL;
	}
	if (inet_pton(parsed.v6 ? AF_INET6 : AF_INET, address,
		      parsed.address) != 1)
		return -EINVAL;
	parsed.bits = (uint8_t)bits;
	*prefix = parsed;
	return 0;
}

int frame_mac_parse(uint8_t mac[FRAME_MAC_LEN], const char *text)
{
	static const uint8_t zero[FRAME_MAC_LEN];
	uint8_t parsed[FRAME_MAC_LEN];

	for (unsigned int i = 0; i < FRAME_MAC_LEN; i++) {
		const char *digits = text + 3 * (size_t)i;
		char pair[3] = {digits[0], digits[0] ? digits[1] : '\0', '\0'};
		char *end;

		if (strspn(pair, "0123456789abcdefABCDEF") != 2 ||
		    digits[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		parsed[i] = (uint8_t)strtoul(pair, &end, 16);
	}
	if ((parsed[0] & 1) || memcmp(parsed, zero, sizeof(zero)) == 0)
		return -EINVAL;
	memcpy(mac, parsed, FRAME_MAC_LEN);
	return 0;
}

void frame_mac_of(uint8_t mac[FRAME_MAC_LEN], const uint8_t uuid[16],
		  const char *network)
{
	uint8_t digest[SHA256_LEN];
	char text[16 + 256];
	int len;

	memcpy(text, uuid, 16);
	len = snprintf(text + 16, sizeof(text) - 16, "%s", network);
	if (len > 255)
		len = 255;
	sha256(text, 16 + (size_t)len, digest);
	memcpy(mac, digest, FRAME_MAC_LEN);
	/* Locally administered, unicast (802-2014, 8.4). */
	mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}
