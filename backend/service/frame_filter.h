/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame_filter.h - which Ethernet frames of a member pass, and in which shape.
 *
 * Pure functions over one frame.  A frame that passes is normalised: as long as
 * its inner length says, padded with zeros to the shortest Ethernet frame, at
 * most 1514 octets, with no VLAN tag but the one policy puts there.  Malformed
 * frames never pass (XSA-423).
 *
 * A member speaks only for itself: its own MAC in the header, in ARP and in
 * neighbour discovery; its own addresses, if policy lists any.
 */
#ifndef SERVICE_FRAME_FILTER_H
#define SERVICE_FRAME_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_MAC_LEN = 6,
	FRAME_MIN = 60,	  /* without the check sequence */
	FRAME_MAX = 1514, /* ... and without a VLAN tag */
	/* What every buffer has room for: one octet more, so that too many
	   show. */
	FRAME_BUFFER = 1514 + 4 + 1,
	FRAME_MAX_MACS = 4,
	FRAME_MAX_PREFIXES = 16,
};

enum frame_verdict {
	FRAME_PASS,
	FRAME_SHORT,	  /* no whole header */
	FRAME_LONG,	  /* beyond FRAME_MAX */
	FRAME_MALFORMED,  /* an inner length, version or option is wrong */
	FRAME_VLAN,	  /* tagged, or not tagged as it should be */
	FRAME_SOURCE_MAC, /* not the member's own */
	FRAME_SOURCE_IP,  /* not one of the member's */
	FRAME_RESERVED,	  /* a bridge's own address, or flow control */
	FRAME_TYPE,	  /* neither IP nor ARP, while addresses are listed */
	FRAME_ROUTER,	  /* a router's or DHCP server's words */
	FRAME_UNWANTED,	  /* towards the guest: its packet filter */
	FRAME_LINK_DOWN,
	FRAME_NO_ROOM, /* the network takes no more now */
	FRAME_VERDICT_COUNT
};

/* "source-mac", as metrics have it. */
const char *frame_verdict_name(enum frame_verdict verdict);

struct frame_prefix {
	uint8_t address[16]; /* IPv4: the first 4 */
	uint8_t bits;
	bool v6;
};

struct frame_policy {
	uint8_t macs[FRAME_MAX_MACS][FRAME_MAC_LEN];
	unsigned int mac_count; /* 0: nothing passes */
	/*
	 * None: any address.  Otherwise these, and in IPv6 the link-local
	 * address that comes from the MAC (RFC 4291, appendix A); to allow
	 * others, list fe80::/64.
	 */
	struct frame_prefix prefixes[FRAME_MAX_PREFIXES];
	unsigned int prefix_count;
	uint16_t vlan; /* put on the way out, taken on the way in; 0: none */
	bool router;   /* may advertise itself, redirect, serve DHCP */
};

/*
 * A frame of *len octets, in a buffer of FRAME_BUFFER.  On FRAME_PASS frame
 * and *len are what goes on; otherwise they are undefined.
 */
enum frame_verdict frame_from_guest(const struct frame_policy *policy,
				    uint8_t *frame, size_t *len);
enum frame_verdict frame_to_guest(const struct frame_policy *policy,
				  uint8_t *frame, size_t *len);

/*
 * "10.1.2.3", "10.1.0.0/16", "fd00::1", "fe80::/64".  0 or -EINVAL.
 */
int frame_prefix_parse(struct frame_prefix *prefix, const char *text);

/* "02:00:00:00:00:01"; 0, or -EINVAL also for a multicast or zero one. */
int frame_mac_parse(uint8_t mac[FRAME_MAC_LEN], const char *text);

/*
 * The MAC of a domain on a network: always the same, on every host; locally
 * administered.  uuid: 16 octets; network: its name.
 */
void frame_mac_of(uint8_t mac[FRAME_MAC_LEN], const uint8_t uuid[16],
		  const char *network);

#endif
