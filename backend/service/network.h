/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.h - the networks that members are put into; for the broker.
 *
 * The kernel is the switch: a network is a bridge, a member a TAP on it.
 *
 *   isolated  a bridge in a network namespace of its own: nobody but members
 *             is there, not even this host
 *   vxlan     the same, joined to other hosts by a vxlan device whose outside
 *             stays in the host's namespace; over a wireguard device it is
 *             encrypted
 *   bridge    a bridge of the host's that exists, by name
 *
 * All calls need CAP_NET_ADMIN, and CAP_SYS_ADMIN for the namespaces; they wait
 * for the kernel, which takes milliseconds, and never longer than two seconds.
 * What is made here goes when its last descriptor is closed.
 */
#ifndef SERVICE_NETWORK_H
#define SERVICE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct network;

enum network_kind {
	NETWORK_ISOLATED,
	NETWORK_BRIDGE,
	NETWORK_VXLAN,
	NETWORK_KIND_COUNT
};

enum { NETWORK_NAME_SIZE = 16, NETWORK_MAX_PEERS = 32 };

struct network_config {
	enum network_kind kind;
	const char *bridge; /* NETWORK_BRIDGE: its name */
	/* NETWORK_VXLAN */
	uint32_t vni;	    /* 1..2^24-1, the same on all hosts */
	uint16_t port;	    /* UDP; 0: 4789 */
	const char *device; /* the way out (eth1, wg0); NULL: as routed */
	/* The other hosts' addresses, all of one family. */
	const struct sockaddr_storage *peers;
	unsigned int peer_count;
	uint32_t mtu; /* 0: what the bridge, or the way out, has */
};

/* 0 or a negative errno; -ENODEV: there is no such bridge or device. */
int network_create(struct network **network,
		   const struct network_config *config);

/* What guests may send, without the Ethernet header. */
uint32_t network_mtu(const struct network *network);

/*
 * A TAP called name in the network, up; its descriptor or a negative errno.
 * spoke: it sees only members that are none (port isolation).  The member is
 * out when the descriptor is closed, or by network_leave().
 */
int network_join(struct network *network, const char *name, bool spoke);

/*
 * Takes a member out, whatever the process does that has its descriptor.
 * 0, -ENODEV: it is not there, or another negative errno.
 */
int network_leave(struct network *network, const char *name);

/* Members may still be there.  Accepts NULL. */
void network_destroy(struct network *network);

#endif
