// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * network.c - bridges, TAPs and vxlan devices, through the kernel's netlink.
 *
 * A netlink socket belongs to the namespace it was opened in, and so does what
 * is made through it.  So is a TAP: the namespace counts in which /dev/net/tun
 * is opened.  The caller's thread leaves its namespace for these two steps only
 * and is always back when a call returns; if it cannot get back the process
 * ends, for then nothing it does is where it belongs.
 *
 * The members' interfaces get no IPv6 address of the kernel's: a port of a
 * switch has none, and a host that answered on one would be a member.
 */
#include "backend/service/network.h"
#include "backend/service/netlink.h"
#include "backend/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	MTU_DEFAULT = 1500,
	MTU_MIN = 576,
	VXLAN_PORT = 4789,
	VXLAN_OVERHEAD = 50, /* over IPv4; 20 more over IPv6 */
	VNI_MAX = (1 << 24) - 1,
	ADDRESS_NONE = 1, /* IN6_ADDR_GEN_MODE_NONE */
};

static const char own_bridge[] = "members";
static const char own_vxlan[] = "others";

struct network {
	char bridge[NETWORK_NAME_SIZE];
	int namespace; /* -1: the host's */
	int netlink;
	uint32_t mtu;
};

static bool name_valid(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len < NETWORK_NAME_SIZE && name[0] != '.' &&
	       name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
			    "XYZ0123456789_.-") == len;
}

/* --- namespaces ----------------------------------------------------------- */

static int namespace_open(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static void namespace_return(int home)
{
	if (setns(home, CLONE_NEWNET) < 0) {
		log_error("cannot return to the host's network: %s",
			  strerror(errno));
		abort();
	}
	close(home);
}

/* Goes into a namespace; the way home, or a negative errno. */
static int namespace_enter(int namespace)
{
	int home = namespace_open();

	if (home >= 0 && setns(namespace, CLONE_NEWNET) < 0) {
		int error = -errno;

		close(home);
		return error;
	}
	return home;
}

/* A new one with nothing in it, and a netlink socket of it. */
static int namespace_create(struct network *network)
{
	int home = namespace_open();
	int error = 0;

	if (home < 0)
		return home;
	if (unshare(CLONE_NEWNET) < 0) {
		error = -errno;
		close(home);
		return error;
	}
	network->namespace = namespace_open();
	network->netlink = netlink_open();
	namespace_return(home);
	if (network->namespace < 0)
		return network->namespace;
	return network->netlink < 0 ? network->netlink : 0;
}

/* --- links ---------------------------------------------------------------- */

static void begin_link(struct netlink_message *message, uint16_t type,
		       uint16_t flags, int index, bool up)
{
	const struct ifinfomsg info = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = index,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = up ? IFF_UP : 0,
	};

	netlink_begin(message, type, flags, &info, sizeof(info));
}

static void put_no_address(struct netlink_message *message)
{
	size_t families = netlink_nest(message, IFLA_AF_SPEC);
	size_t family = netlink_nest(message, AF_INET6);

	netlink_put_u8(message, IFLA_INET6_ADDR_GEN_MODE, ADDRESS_NONE);
	netlink_nest_end(message, family);
	netlink_nest_end(message, families);
}

/* A kernel without IPv6 has no addresses to be kept from. */
static int set_no_address(int netlink, int index)
{
	struct netlink_message message;
	int error;

	begin_link(&message, RTM_SETLINK, 0, index, false);
	put_no_address(&message);
	error = netlink_talk(netlink, &message);
	return error == -EAFNOSUPPORT || error == -EOPNOTSUPP ? 0 : error;
}

static int create_bridge(struct network *network)
{
	struct netlink_message message;
	size_t info;
	int error;
	int index;

	begin_link(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, false);
	netlink_put_text(&message, IFLA_IFNAME, network->bridge);
	netlink_put_u32(&message, IFLA_MTU, network->mtu);
	info = netlink_nest(&message, IFLA_LINKINFO);
	netlink_put_text(&message, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&message, info);
	error = netlink_talk(network->netlink, &message);
	if (error)
		return error;
	index = netlink_link_index(network->netlink, network->bridge);
	if (index < 0)
		return index;
	error = set_no_address(network->netlink, index);
	if (error)
		return error;
	begin_link(&message, RTM_SETLINK, 0, index, true);
	return netlink_talk(network->netlink, &message);
}

static int set_isolated(int netlink, int index)
{
	const struct ifinfomsg info = {.ifi_family = AF_BRIDGE,
				       .ifi_index = index};
	struct netlink_message message;
	size_t port;

	netlink_begin(&message, RTM_SETLINK, 0, &info, sizeof(info));
	port = netlink_nest(&message, IFLA_PROTINFO | NLA_F_NESTED);
	netlink_put_u8(&message, IFLA_BRPORT_ISOLATED, 1);
	netlink_nest_end(&message, port);
	return netlink_talk(netlink, &message);
}

/*
 * Makes a link a port of the network's bridge.  It comes up last, when all that
 * holds for it holds.
 */
static int add_port(struct network *network, const char *name, bool isolated)
{
	int bridge = netlink_link_index(network->netlink, network->bridge);
	int index = netlink_link_index(network->netlink, name);
	struct netlink_message message;
	int error;

	if (bridge < 0 || index < 0)
		return bridge < 0 ? bridge : index;
	error = set_no_address(network->netlink, index);
	if (error)
		return error;
	begin_link(&message, RTM_SETLINK, 0, index, false);
	netlink_put_u32(&message, IFLA_MTU, network->mtu);
	netlink_put_u32(&message, IFLA_MASTER, (uint32_t)bridge);
	error = netlink_talk(network->netlink, &message);
	if (!error && isolated)
		error = set_isolated(network->netlink, index);
	if (error)
		return error;
	begin_link(&message, RTM_SETLINK, 0, index, true);
	return netlink_talk(network->netlink, &message);
}

/* --- vxlan ---------------------------------------------------------------- */

static void put_address(struct netlink_message *message, uint16_t v4,
			uint16_t v6, const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		netlink_put(message, v6,
			    &((const struct sockaddr_in6 *)address)->sin6_addr,
			    16);
	else
		netlink_put(message, v4,
			    &((const struct sockaddr_in *)address)->sin_addr,
			    4);
}

static void put_vxlan(struct netlink_message *message,
		      const struct network_config *config, int device)
{
	uint16_t port = htons(config->port ? config->port : VXLAN_PORT);
	size_t info = netlink_nest(message, IFLA_LINKINFO);
	size_t data;

	netlink_put_text(message, IFLA_INFO_KIND, "vxlan");
	data = netlink_nest(message, IFLA_INFO_DATA);
	netlink_put_u32(message, IFLA_VXLAN_ID, config->vni);
	netlink_put(message, IFLA_VXLAN_PORT, &port, sizeof(port));
	netlink_put_u8(message, IFLA_VXLAN_LEARNING, 1);
	if (device)
		netlink_put_u32(message, IFLA_VXLAN_LINK, (uint32_t)device);
	put_address(message, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6,
		    &config->peers[0]);
	netlink_nest_end(message, data);
	netlink_nest_end(message, info);
}

/* What has no known place goes to this host, too. */
static int add_peer(struct network *network, int index,
		    const struct sockaddr_storage *peer)
{
	static const uint8_t unknown[6];
	const struct ndmsg neighbour = {
		.ndm_family = AF_BRIDGE,
		.ndm_ifindex = index,
		.ndm_state = NUD_NOARP | NUD_PERMANENT,
		.ndm_flags = NTF_SELF,
	};
	struct netlink_message message;

	netlink_begin(&message, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND,
		      &neighbour, sizeof(neighbour));
	netlink_put(&message, NDA_LLADDR, unknown, sizeof(unknown));
	put_address(&message, NDA_DST, NDA_DST, peer);
	return netlink_talk(network->netlink, &message);
}

/*
 * Made through the host's socket, so that its outside stays there, and put into
 * the network's namespace at once.
 */
static int create_vxlan(struct network *network,
			const struct network_config *config, int host)
{
	struct netlink_message message;
	int device = 0;
	int error;
	int index;

	if (config->device)
		device = netlink_link_index(host, config->device);
	if (device < 0)
		return device;
	begin_link(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, 0, false);
	netlink_put_text(&message, IFLA_IFNAME, own_vxlan);
	netlink_put_u32(&message, IFLA_NET_NS_FD, (uint32_t)network->namespace);
	put_vxlan(&message, config, device);
	error = netlink_talk(host, &message);
	if (error)
		return error;
	index = netlink_link_index(network->netlink, own_vxlan);
	if (index < 0)
		return index;
	for (unsigned int i = 1; i < config->peer_count && !error; i++)
		error = add_peer(network, index, &config->peers[i]);
	return error ? error : add_port(network, own_vxlan, false);
}

static bool vxlan_valid(const struct network_config *config)
{
	if (config->vni < 1 || config->vni > VNI_MAX ||
	    config->peer_count < 1 || config->peer_count > NETWORK_MAX_PEERS ||
	    (config->device && !name_valid(config->device)))
		return false;
	for (unsigned int i = 0; i < config->peer_count; i++)
		if (config->peers[i].ss_family != config->peers[0].ss_family ||
		    (config->peers[i].ss_family != AF_INET &&
		     config->peers[i].ss_family != AF_INET6))
			return false;
	return true;
}

/* --- networks ------------------------------------------------------------- */

/* What fits through the way out, or what was asked for. */
static int find_mtu(struct network *network,
		    const struct network_config *config, int host)
{
	uint32_t mtu = MTU_DEFAULT;
	const char *way = NULL;
	int error = 0;

	if (config->kind == NETWORK_BRIDGE)
		way = config->bridge;
	if (config->kind == NETWORK_VXLAN)
		way = config->device;
	if (way)
		error = netlink_link_u32(host, way, IFLA_MTU, &mtu);
	if (error)
		return error;
	if (config->kind == NETWORK_VXLAN)
		mtu -= VXLAN_OVERHEAD +
		       (config->peers[0].ss_family == AF_INET6 ? 20 : 0);
	network->mtu = config->mtu ? config->mtu : mtu;
	/* Guests have no longer frames (frame_filter.h). */
	if (network->mtu > MTU_DEFAULT)
		network->mtu = MTU_DEFAULT;
	return network->mtu < MTU_MIN ? -EINVAL : 0;
}

static int use_bridge(struct network *network,
		      const struct network_config *config)
{
	strcpy(network->bridge, config->bridge);
	network->netlink = netlink_open();
	return network->netlink < 0
		       ? network->netlink
		       : find_mtu(network, config, network->netlink);
}

static int make_bridge(struct network *network,
		       const struct network_config *config)
{
	int host = netlink_open();
	int error;

	if (host < 0)
		return host;
	strcpy(network->bridge, own_bridge);
	error = find_mtu(network, config, host);
	if (!error)
		error = namespace_create(network);
	if (!error)
		error = create_bridge(network);
	if (!error && config->kind == NETWORK_VXLAN)
		error = create_vxlan(network, config, host);
	close(host);
	return error;
}

int network_create(struct network **result, const struct network_config *config)
{
	struct network *network;
	int error;

	if ((config->kind == NETWORK_BRIDGE && !name_valid(config->bridge)) ||
	    (config->kind == NETWORK_VXLAN && !vxlan_valid(config)))
		return -EINVAL;
	network = calloc(1, sizeof(*network));
	if (!network)
		return -ENOMEM;
	network->namespace = -1;
	network->netlink = -1;
	error = config->kind == NETWORK_BRIDGE ? use_bridge(network, config)
					       : make_bridge(network, config);
	if (error) {
		network_destroy(network);
		return error;
	}
	*result = network;
	return 0;
}

uint32_t network_mtu(const struct network *network)
{
	return network->mtu;
}

static int open_tun(const struct network *network)
{
	int home = -1;
	int fd;

	if (network->namespace >= 0) {
		home = namespace_enter(network->namespace);
		if (home < 0)
			return home;
	}
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		fd = -errno;
	if (home >= 0)
		namespace_return(home);
	return fd;
}

int network_join(struct network *network, const char *name, bool spoke)
{
	struct ifreq request = {.ifr_flags =
					IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
	int error;
	int fd;

	if (!name_valid(name))
		return -EINVAL;
	fd = open_tun(network);
	if (fd < 0)
		return fd;
	strcpy(request.ifr_name, name);
	error = ioctl(fd, TUNSETIFF, &request) < 0 ? -errno : 0;
	/* The guest computes its checksums and cuts its segments itself. */
	if (!error && ioctl(fd, TUNSETOFFLOAD, 0) < 0)
		error = -errno;
	if (!error)
		error = add_port(network, name, spoke);
	if (error) {
		close(fd);
		return error;
	}
	return fd;
}

int network_leave(struct network *network, const char *name)
{
	int index = netlink_link_index(network->netlink, name);
	struct netlink_message message;

	if (index < 0)
		return index;
	begin_link(&message, RTM_DELLINK, 0, index, false);
	return netlink_talk(network->netlink, &message);
}

void network_destroy(struct network *network)
{
	if (!network)
		return;
	if (network->netlink >= 0)
		close(network->netlink);
	if (network->namespace >= 0)
		close(network->namespace);
	free(network);
}
