// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frame_inner.c - ARP, IPv4 and IPv6 as far as a member could lie with them.
 *
 * Everything is from the guest.  Lengths are compared by subtraction; the walk
 * over IPv6 headers has an end.  What hides its upper layer where a listener
 * would still find it (fragments of neighbour discovery, RFC 6980; tiny first
 * fragments, RFC 1858) counts as malformed.
 */
#include "backend/service/frame_inner.h"

#include <string.h>

enum {
	ARP_LEN = 28,
	IPV4_MIN = 20,
	IPV6_LEN = 40,
	UDP_LEN = 8,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
	IPV6_HEADERS_MAX = 8,
	ND_HOP_LIMIT = 255,
};

/* ICMPv6 types (RFC 4861, RFC 3810, RFC 2710). */
enum {
	MLD_REPORT = 131,
	MLD_DONE = 132,
	ND_ROUTER_SOLICIT = 133,
	ND_ROUTER_ADVERT = 134,
	ND_NEIGHBOR_SOLICIT = 135,
	ND_NEIGHBOR_ADVERT = 136,
	ND_REDIRECT = 137,
	MLD2_REPORT = 143,
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static bool prefix_holds(const struct frame_prefix *prefix,
			 const uint8_t *address)
{
	unsigned int whole = prefix->bits / 8;
	unsigned int rest = prefix->bits % 8;

	if (memcmp(prefix->address, address, whole) != 0)
		return false;
	return !rest ||
	       ((prefix->address[whole] ^ address[whole]) >> (8 - rest)) == 0;
}

static bool is_zero(const uint8_t *address, size_t len)
{
	while (len--)
		if (*address++)
			return false;
	return true;
}

static bool listed(const struct frame_policy *policy, const uint8_t *address,
		   bool v6)
{
	for (unsigned int i = 0; i < policy->prefix_count; i++)
		if (policy->prefixes[i].v6 == v6 &&
		    prefix_holds(&policy->prefixes[i], address))
			return true;
	return false;
}

/* Nobody is held to addresses when none is listed. */
static bool address_allowed(const struct frame_inner *inner,
			    const uint8_t *address, bool v6)
{
	const struct frame_policy *policy = inner->policy;
	const uint8_t *mac = inner->source_mac;
	const uint8_t local[16] = {0xfe,   0x80,   0,
				   0,	   0,	   0,
				   0,	   0,	   (uint8_t)(mac[0] ^ 0x02),
				   mac[1], mac[2], 0xff,
				   0xfe,   mac[3], mac[4],
				   mac[5]};

	if (!policy || !policy->prefix_count || listed(policy, address, v6))
		return true;
	return v6 && memcmp(address, local, sizeof(local)) == 0;
}

enum frame_verdict frame_check_arp(const struct frame_inner *inner,
				   size_t *payload)
{
	/* Ethernet, IPv4, their lengths (RFC 826). */
	static const uint8_t head[6] = {0, 1, 8, 0, 6, 4};
	const uint8_t *arp = inner->data;
	uint16_t operation;

	if (inner->len < ARP_LEN || memcmp(arp, head, sizeof(head)) != 0)
		return FRAME_MALFORMED;
	operation = get16(arp + 6);
	if (operation < 1 || operation > 2)
		return FRAME_MALFORMED;
	*payload = ARP_LEN;
	if (!inner->policy)
		return FRAME_PASS;
	if (memcmp(arp + 8, inner->source_mac, FRAME_MAC_LEN) != 0)
		return FRAME_SOURCE_MAC;
	/* Who asks whether an address is free has none yet (RFC 5227). */
	if (operation == 1 && is_zero(arp + 14, 4))
		return FRAME_PASS;
	return address_allowed(inner, arp + 14, false) ? FRAME_PASS
						       : FRAME_SOURCE_IP;
}

/* Ports 67 and 547 are servers', 68 and 546 clients'. */
static bool is_from_port(const uint8_t *udp, uint16_t source, uint16_t target)
{
	return get16(udp) == source && get16(udp + 2) == target;
}

/* The upper layer of an IPv4 packet, or of its first fragment. */
static enum frame_verdict check_ipv4_upper(const struct frame_inner *inner,
					   const uint8_t *upper, size_t len,
					   uint8_t protocol)
{
	const uint8_t *source = inner->data + 12;

	if (protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP) {
		if (len < UDP_LEN)
			return FRAME_MALFORMED;
	}
	if (!inner->policy)
		return FRAME_PASS;
	if (protocol == PROTOCOL_UDP && !inner->policy->router &&
	    is_from_port(upper, 67, 68))
		return FRAME_ROUTER;
	if (protocol == PROTOCOL_UDP && is_zero(source, 4) &&
	    is_from_port(upper, 68, 67))
		return FRAME_PASS;
	return address_allowed(inner, source, false) ? FRAME_PASS
						     : FRAME_SOURCE_IP;
}

enum frame_verdict frame_check_ipv4(const struct frame_inner *inner,
				    size_t *payload)
{
	const uint8_t *ip = inner->data;
	size_t header, total;
	uint16_t offset;

	if (inner->len < IPV4_MIN || ip[0] >> 4 != 4)
		return FRAME_MALFORMED;
	header = (size_t)(ip[0] & 0x0f) * 4;
	total = get16(ip + 2);
	if (header < IPV4_MIN || total < header || total > inner->len)
		return FRAME_MALFORMED;
	*payload = total;
	offset = get16(ip + 6) & 0x1fff;
	if (offset == 0)
		return check_ipv4_upper(inner, ip + header, total - header,
					ip[9]);
	/* A fragment that begins inside of a transport header (RFC 1858). */
	if (offset < 3 && (ip[9] == PROTOCOL_TCP || ip[9] == PROTOCOL_UDP))
		return FRAME_MALFORMED;
	return address_allowed(inner, ip + 12, false) ? FRAME_PASS
						      : FRAME_SOURCE_IP;
}

/* --- IPv6 ----------------------------------------------------------------- */

/* The link-layer addresses that a neighbour message claims (RFC 4861, 4.6.1).
 */
static enum frame_verdict check_nd_options(const struct frame_inner *inner,
					   const uint8_t *options, size_t len)
{
	while (len) {
		size_t option_len;

		if (len < 8)
			return FRAME_MALFORMED;
		option_len = (size_t)options[1] * 8;
		if (option_len == 0 || option_len > len)
			return FRAME_MALFORMED;
		if (inner->policy && (options[0] == 1 || options[0] == 2) &&
		    (option_len != 8 ||
		     !frame_mac_allowed(inner->policy, options + 2)))
			return FRAME_SOURCE_MAC;
		options += option_len;
		len -= option_len;
	}
	return FRAME_PASS;
}

static bool is_nd(uint8_t type)
{
	return type >= ND_ROUTER_SOLICIT && type <= ND_REDIRECT;
}

static enum frame_verdict check_nd(const struct frame_inner *inner,
				   const uint8_t *icmp, size_t len)
{
	static const uint8_t fixed[] = {8, 16, 24, 24, 40};
	uint8_t type = icmp[0];
	size_t head = fixed[type - ND_ROUTER_SOLICIT];
	const uint8_t *source = inner->data + 8;
	bool from_nobody = is_zero(source, 16);

	if (inner->data[7] != ND_HOP_LIMIT || icmp[1] != 0 || len < head)
		return FRAME_MALFORMED;
	if (inner->policy && !inner->policy->router &&
	    (type == ND_ROUTER_ADVERT || type == ND_REDIRECT))
		return FRAME_ROUTER;
	/* Only who has an address may be wrong about it. */
	if (type == ND_NEIGHBOR_ADVERT ||
	    (type == ND_NEIGHBOR_SOLICIT && from_nobody)) {
		if (icmp[8] == 0xff)
			return FRAME_MALFORMED; /* multicast */
		if (!address_allowed(inner, icmp + 8, true))
			return FRAME_SOURCE_IP;
	}
	return check_nd_options(inner, icmp + head, len - head);
}

/* An ICMPv6 message, or what a first fragment has of it. */
static enum frame_verdict check_icmpv6(const struct frame_inner *inner,
				       const uint8_t *icmp, size_t len,
				       bool fragment)
{
	bool from_nobody = is_zero(inner->data + 8, 16);
	uint8_t type;

	if (len < 4)
		return FRAME_MALFORMED;
	type = icmp[0];
	if (is_nd(type)) {
		enum frame_verdict verdict =
			fragment ? FRAME_MALFORMED : check_nd(inner, icmp, len);

		if (verdict != FRAME_PASS)
			return verdict;
	}
	if (from_nobody && inner->policy && inner->policy->prefix_count)
		return type == ND_NEIGHBOR_SOLICIT ||
				       type == ND_ROUTER_SOLICIT ||
				       type == MLD_REPORT || type == MLD_DONE ||
				       type == MLD2_REPORT
			       ? FRAME_PASS
			       : FRAME_SOURCE_IP;
	return address_allowed(inner, inner->data + 8, true) ? FRAME_PASS
							     : FRAME_SOURCE_IP;
}

static enum frame_verdict check_ipv6_upper(const struct frame_inner *inner,
					   const uint8_t *upper, size_t len,
					   uint8_t protocol, bool fragment)
{
	if (protocol == PROTOCOL_ICMPV6)
		return check_icmpv6(inner, upper, len, fragment);
	if ((protocol == PROTOCOL_UDP || protocol == PROTOCOL_TCP) &&
	    len < UDP_LEN)
		return FRAME_MALFORMED;
	if (inner->policy && !inner->policy->router &&
	    protocol == PROTOCOL_UDP && is_from_port(upper, 547, 546))
		return FRAME_ROUTER;
	return address_allowed(inner, inner->data + 8, true) ? FRAME_PASS
							     : FRAME_SOURCE_IP;
}

/* The length of one extension header; 0: it is cut.  1: it is none. */
static size_t extension_len(uint8_t protocol, const uint8_t *at, size_t left)
{
	size_t len;

	switch (protocol) {
	case 0:	  /* hop by hop */
	case 43:  /* routing */
	case 60:  /* destination */
	case 135: /* mobility */
	case 139: /* host identity */
	case 140: /* shim6 */
		len = left >= 8 ? (size_t)at[1] * 8 + 8 : 0;
		break;
	case 44: /* fragment */
		len = 8;
		break;
	case 51: /* authentication */
		len = left >= 8 ? (size_t)at[1] * 4 + 8 : 0;
		break;
	default:
		return 1;
	}
	return len > left ? 0 : len;
}

enum frame_verdict frame_check_ipv6(const struct frame_inner *inner,
				    size_t *payload)
{
	const uint8_t *ip = inner->data;
	const uint8_t *at = ip + IPV6_LEN;
	bool fragment = false;
	uint8_t protocol;
	size_t left;

	if (inner->len < IPV6_LEN || ip[0] >> 4 != 6)
		return FRAME_MALFORMED;
	left = get16(ip + 4);
	if (left > inner->len - IPV6_LEN)
		return FRAME_MALFORMED;
	*payload = IPV6_LEN + left;
	protocol = ip[6];
	for (unsigned int i = 0; i < IPV6_HEADERS_MAX; i++) {
		size_t len = extension_len(protocol, at, left);

		if (len == 0)
			return FRAME_MALFORMED;
		if (len == 1)
			return check_ipv6_upper(inner, at, left, protocol,
						fragment);
		if (protocol == 44) {
			fragment = true;
			if (get16(at + 2) & 0xfff8) /* not the first one */
				return address_allowed(inner, ip + 8, true)
					       ? FRAME_PASS
					       : FRAME_SOURCE_IP;
		}
		protocol = at[0];
		at += len;
		left -= len;
	}
	return FRAME_MALFORMED;
}
