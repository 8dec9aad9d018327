// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-network.c - members on real bridges of the kernel, in a network
 * namespace of the test's own that stands for the host.
 *
 * The test plays the guests: it gives frames to the ports and takes what comes.
 * Without the right to make a namespace, or without a kind of device in this
 * kernel, the cases concerned say so and are skipped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/netlink.h"
#include "backend/service/network.h"
#include "backend/service/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, QUIET_MS = 150 };

struct member {
	struct frame_port *port;
	uint8_t mac[FRAME_MAC_LEN];
	unsigned int readable;
	unsigned int writable;
	unsigned int link_changes;
};

static uv_loop_t loop;
static bool may;

static void on_readable(void *context)
{
	((struct member *)context)->readable++;
}

static void on_writable(void *context)
{
	((struct member *)context)->writable++;
}

static void on_link_changed(void *context)
{
	((struct member *)context)->link_changes++;
}

static const struct frame_port_events events = {
	.readable = on_readable,
	.writable = on_writable,
	.link_changed = on_link_changed,
};

/* The host: a namespace with nothing in it but what the test makes. */
static int setup_group(void **state)
{
	may = unshare(CLONE_NEWNET) == 0 ||
	      unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
	if (may && access("/dev/net/tun", R_OK | W_OK) != 0)
		may = false;
	return 0;
}

static int setup(void **state)
{
	return uv_loop_init(&loop);
}

static int teardown(void **state)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static void need_rights(void)
{
	if (may)
		return;
	print_message("skipped: no network namespace or /dev/net/tun here\n");
	skip();
}

static struct network *make(const struct network_config *config)
{
	struct network *network = NULL;
	int error = network_create(&network, config);

	if (error == -EOPNOTSUPP) {
		print_message("skipped: this kernel has no such device\n");
		skip();
	}
	assert_int_equal(error, 0);
	return network;
}

static void member_join(struct member *member, struct network *network,
			const char *name, uint8_t number, bool spoke,
			uint64_t rate)
{
	struct tap_config config = {.up = true, .rate = rate};

	memset(member, 0, sizeof(*member));
	member->mac[0] = 0x02;
	member->mac[5] = number;
	memcpy(config.policy.macs[0], member->mac, FRAME_MAC_LEN);
	config.policy.mac_count = 1;
	config.fd = network_join(network, name, spoke);
	assert_true(config.fd >= 0);
	member->port = tap_create(&loop, &config);
	assert_non_null(member->port);
	member->port->events = &events;
	member->port->context = member;
}

static void member_drop(struct member *member)
{
	member->port->ops->destroy(member->port);
	uv_run(&loop, UV_RUN_NOWAIT);
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
	usleep(1000);
}

/* A frame of len octets with a number in it. */
static bool member_send(struct member *from, const uint8_t *target,
			const uint8_t *source, uint8_t number, size_t len)
{
	uint8_t frame[FRAME_BUFFER];

	memset(frame, number, sizeof(frame));
	memcpy(frame, target, FRAME_MAC_LEN);
	memcpy(frame + FRAME_MAC_LEN, source, FRAME_MAC_LEN);
	frame[12] = 0x88;
	frame[13] = 0xb5; /* for experiments */
	return from->port->ops->send(from->port, frame, len);
}

/* The next frame of the test's own type, within some time; its number or -1. */
static int member_take(struct member *to, int patience_ms)
{
	for (int ms = 0; ms < patience_ms; ms++) {
		uint8_t frame[FRAME_BUFFER];
		size_t len;

		while ((len = to->port->ops->receive(to->port, frame)))
			if (frame[12] == 0x88 && frame[13] == 0xb5)
				return frame[14];
		turn();
	}
	return -1;
}

static const uint8_t broadcast[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* True if what one sends to all arrives at the other. */
static bool hears(struct member *to, struct member *from, uint8_t number)
{
	assert_true(member_send(from, broadcast, from->mac, number, 60));
	for (int got; (got = member_take(to, PATIENCE_MS / 4)) != number;)
		if (got < 0)
			return false;
	return true;
}

static uint64_t dropped(struct member *member, enum frame_verdict why)
{
	struct tap_counters counters;

	tap_get_counters(member->port, &counters);
	return counters.dropped_out[why];
}

static void members_meet_and_nobody_else(void **state)
{
	struct network *network;
	struct member a, b;
	uint32_t value;
	int host;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	assert_int_equal(network_mtu(network), 1500);
	member_join(&a, network, "a", 1, false, 0);
	member_join(&b, network, "b", 2, false, 0);
	assert_true(hears(&b, &a, 1));
	assert_true(hears(&a, &b, 2));
	/* By its address too, and of every length. */
	for (size_t len = 60; len <= FRAME_MAX; len += 97) {
		assert_true(member_send(&a, b.mac, a.mac, (uint8_t)len, len));
		assert_int_equal(member_take(&b, PATIENCE_MS), (uint8_t)len);
	}
	/* The host has none of it. */
	host = netlink_open();
	assert_int_equal(netlink_link_index(host, "a"), -ENODEV);
	assert_int_equal(netlink_link_index(host, "members"), -ENODEV);
	assert_int_equal(netlink_link_u32(host, "lo", IFLA_MTU, &value), 0);
	close(host);
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
}

static void two_networks_do_not_meet(void **state)
{
	const struct network_config config = {.kind = NETWORK_ISOLATED};
	struct network *first, *second;
	struct member a, b;

	need_rights();
	first = make(&config);
	second = make(&config);
	/* Even the same names. */
	member_join(&a, first, "m", 1, false, 0);
	member_join(&b, second, "m", 2, false, 0);
	assert_true(member_send(&a, broadcast, a.mac, 7, 60));
	assert_int_equal(member_take(&b, QUIET_MS), -1);
	member_drop(&a);
	member_drop(&b);
	network_destroy(first);
	network_destroy(second);
}

static void a_spoofed_mac_is_dropped_and_counted(void **state)
{
	struct network *network;
	struct member a, b;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, false, 0);
	member_join(&b, network, "b", 2, false, 0);
	assert_true(hears(&b, &a, 1));
	for (int i = 0; i < 5; i++)
		assert_true(member_send(&a, broadcast, b.mac, 9, 60));
	assert_int_equal(member_take(&b, QUIET_MS), -1);
	assert_int_equal(dropped(&a, FRAME_SOURCE_MAC), 5);
	assert_true(member_send(&a, broadcast, a.mac, 9, 10));
	assert_int_equal(dropped(&a, FRAME_SHORT), 1);
	/* He is still himself. */
	assert_true(hears(&b, &a, 2));
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
}

static void spokes_see_the_gateway_only(void **state)
{
	struct network *network;
	struct member a, b, gateway;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, true, 0);
	member_join(&b, network, "b", 2, true, 0);
	member_join(&gateway, network, "g", 3, false, 0);
	assert_true(hears(&gateway, &a, 1));
	assert_true(hears(&gateway, &b, 2));
	assert_true(hears(&a, &gateway, 3));
	while (member_take(&b, QUIET_MS) >= 0)
		continue;
	assert_true(member_send(&a, broadcast, a.mac, 4, 60));
	assert_true(member_send(&a, b.mac, a.mac, 5, 60));
	assert_int_equal(member_take(&b, QUIET_MS), -1);
	member_drop(&a);
	member_drop(&b);
	member_drop(&gateway);
	network_destroy(network);
}

static void who_is_taken_out_sees_the_link_go_down(void **state)
{
	struct network *network;
	struct member a, b;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, false, 0);
	member_join(&b, network, "b", 2, false, 0);
	assert_true(hears(&b, &a, 1));
	/* He has to wait for frames to learn of it. */
	assert_int_equal(member_take(&a, 5), -1);
	assert_int_equal(network_leave(network, "a"), 0);
	assert_int_equal(network_leave(network, "a"), -ENODEV);
	for (int ms = 0; ms < PATIENCE_MS && !a.link_changes; ms++) {
		uint8_t frame[FRAME_BUFFER];

		if (a.readable) {
			a.readable = 0;
			a.port->ops->receive(a.port, frame);
		}
		turn();
	}
	assert_int_equal(a.link_changes, 1);
	assert_false(a.port->ops->link_up(a.port));
	assert_true(member_send(&a, broadcast, a.mac, 2, 60));
	assert_int_equal(dropped(&a, FRAME_LINK_DOWN), 1);
	/* His name is free for the next. */
	member_drop(&a);
	member_join(&a, network, "a", 1, false, 0);
	assert_true(hears(&b, &a, 3));
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
}

static void a_member_that_is_down_neither_speaks_nor_hears(void **state)
{
	struct network *network;
	struct member a, b;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, false, 0);
	member_join(&b, network, "b", 2, false, 0);
	assert_true(hears(&b, &a, 1));
	tap_set_up(a.port, false);
	tap_set_up(a.port, false);
	assert_true(member_send(&a, broadcast, a.mac, 2, 60));
	assert_int_equal(member_take(&b, QUIET_MS), -1);
	assert_int_equal(a.link_changes, 1);
	assert_int_equal(member_take(&a, QUIET_MS), -1);
	tap_set_up(a.port, true);
	turn();
	assert_true(hears(&b, &a, 3));
	assert_int_equal(a.link_changes, 2);
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
}

static void a_rate_holds_the_guest_back_and_loses_nothing(void **state)
{
	enum { RATE = 1000000, FRAMES = 600, LEN = 1000 };
	struct network *network;
	struct member a, b;
	unsigned int sent = 0, refused = 0;
	uint64_t start_ms, took_ms;
	struct tap_counters counters;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, false, RATE);
	member_join(&b, network, "b", 2, false, 0);
	uv_update_time(&loop);
	start_ms = uv_now(&loop);
	while (sent < FRAMES) {
		if (member_send(&a, b.mac, a.mac, 1, LEN)) {
			sent++;
			continue;
		}
		refused++;
		a.writable = 0;
		while (!a.writable)
			uv_run(&loop, UV_RUN_ONCE);
	}
	uv_update_time(&loop);
	took_ms = uv_now(&loop) - start_ms;
	/* 600 kB, of which the burst of 64 KiB is free, at 1 MB/s. */
	assert_true(took_ms >= 500);
	assert_true(took_ms < 2000);
	assert_true(refused > 10);
	tap_get_counters(a.port, &counters);
	assert_int_equal(counters.frames_out, FRAMES);
	assert_int_equal(counters.dropped_out[FRAME_NO_ROOM], 0);
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
}

static void vlans_of_one_bridge_are_apart(void **state)
{
	struct frame_policy policy = {.mac_count = 1, .vlan = 7};
	struct network *network;
	struct member a, b, c;

	need_rights();
	network = make(&(struct network_config){.kind = NETWORK_ISOLATED});
	member_join(&a, network, "a", 1, false, 0);
	member_join(&b, network, "b", 2, false, 0);
	member_join(&c, network, "c", 3, false, 0);
	memcpy(policy.macs[0], a.mac, FRAME_MAC_LEN);
	tap_set_policy(a.port, &policy, 0, 0);
	memcpy(policy.macs[0], b.mac, FRAME_MAC_LEN);
	tap_set_policy(b.port, &policy, 0, 0);
	assert_true(hears(&b, &a, 1));
	assert_int_equal(member_take(&c, QUIET_MS), -1);
	assert_true(member_send(&c, broadcast, c.mac, 2, 60));
	assert_int_equal(member_take(&a, QUIET_MS), -1);
	member_drop(&a);
	member_drop(&b);
	member_drop(&c);
	network_destroy(network);
}

static void host_bridge_make(int netlink, const char *name)
{
	const struct ifinfomsg none = {.ifi_family = AF_UNSPEC};
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct netlink_message message;
	size_t info;

	netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &none,
		      sizeof(none));
	netlink_put_text(&message, IFLA_IFNAME, name);
	info = netlink_nest(&message, IFLA_LINKINFO);
	netlink_put_text(&message, IFLA_INFO_KIND, "bridge");
	netlink_nest_end(&message, info);
	assert_int_equal(netlink_talk(netlink, &message), 0);
	up.ifi_index = netlink_link_index(netlink, name);
	netlink_begin(&message, RTM_SETLINK, 0, &up, sizeof(up));
	assert_int_equal(netlink_talk(netlink, &message), 0);
}

static void a_bridge_of_the_host_is_found_by_name(void **state)
{
	struct network_config config = {.kind = NETWORK_BRIDGE,
					.bridge = "br-test"};
	struct network *network = NULL;
	uint32_t master;
	struct member a, b;
	int host;

	need_rights();
	assert_int_equal(network_create(&network, &config), -ENODEV);
	config.bridge = "no/name";
	assert_int_equal(network_create(&network, &config), -EINVAL);
	config.bridge = "lo";
	assert_int_equal(network_create(&network, &config), 0);
	assert_true(network_join(network, "tap0", false) < 0);
	network_destroy(network);
	host = netlink_open();
	host_bridge_make(host, "br-test");
	config.bridge = "br-test";
	network = make(&config);
	member_join(&a, network, "tap-a", 1, false, 0);
	member_join(&b, network, "tap-b", 2, false, 0);
	assert_int_equal(netlink_link_u32(host, "tap-a", IFLA_MASTER, &master),
			 0);
	assert_int_equal(master, netlink_link_index(host, "br-test"));
	assert_true(hears(&b, &a, 1));
	assert_true(network_join(network, "tap-a", false) < 0);
	assert_int_equal(network_join(network, "../x", false), -EINVAL);
	assert_int_equal(network_join(network, "a-name-of-sixteen", false),
			 -EINVAL);
	member_drop(&a);
	member_drop(&b);
	network_destroy(network);
	close(host);
}

/* --- two hosts ------------------------------------------------------------ */

static int go_to(int namespace)
{
	int was = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(was >= 0);
	assert_int_equal(setns(namespace, CLONE_NEWNET), 0);
	return was;
}

/* A pair of cables between this namespace and another. */
static void cable_lay(int netlink, int other)
{
	const struct ifinfomsg none = {.ifi_family = AF_UNSPEC};
	struct netlink_message message;
	size_t info, data, peer;

	netlink_begin(&message, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &none,
		      sizeof(none));
	netlink_put_text(&message, IFLA_IFNAME, "cable");
	info = netlink_nest(&message, IFLA_LINKINFO);
	netlink_put_text(&message, IFLA_INFO_KIND, "veth");
	data = netlink_nest(&message, IFLA_INFO_DATA);
	peer = netlink_nest(&message, 1); /* VETH_INFO_PEER */
	memset(message.data + message.len, 0, sizeof(none));
	message.len += sizeof(none);
	netlink_put_text(&message, IFLA_IFNAME, "cable");
	netlink_put_u32(&message, IFLA_NET_NS_FD, (uint32_t)other);
	netlink_nest_end(&message, peer);
	netlink_nest_end(&message, data);
	netlink_nest_end(&message, info);
	assert_int_equal(netlink_talk(netlink, &message), 0);
}

static void cable_address(uint8_t last)
{
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	const uint8_t address[4] = {192, 0, 2, last};
	struct netlink_message message;
	int netlink = netlink_open();
	struct ifaddrmsg holder = {.ifa_family = AF_INET, .ifa_prefixlen = 24};

	up.ifi_index = netlink_link_index(netlink, "cable");
	holder.ifa_index = (uint32_t)up.ifi_index;
	netlink_begin(&message, RTM_NEWADDR, NLM_F_CREATE, &holder,
		      sizeof(holder));
	netlink_put(&message, IFA_LOCAL, address, sizeof(address));
	assert_int_equal(netlink_talk(netlink, &message), 0);
	netlink_begin(&message, RTM_SETLINK, 0, &up, sizeof(up));
	assert_int_equal(netlink_talk(netlink, &message), 0);
	close(netlink);
}

static void members_of_two_hosts_meet_over_vxlan(void **state)
{
	struct sockaddr_storage peers[2] = {0};
	struct network_config config = {.kind = NETWORK_VXLAN,
					.vni = 42,
					.device = "cable",
					.peer_count = 1};
	struct network *networks[2];
	struct member a, b;
	int here, there, netlink;

	need_rights();
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in *in = (struct sockaddr_in *)&peers[i];

		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(0xc0000201 + (uint32_t)i);
	}
	netlink = netlink_open();
	here = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	there = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	close(go_to(here));
	cable_lay(netlink, there);
	close(netlink);
	cable_address(1);
	config.peers = &peers[1];
	networks[0] = make(&config);
	assert_int_equal(network_mtu(networks[0]), 1450);
	close(go_to(there));
	cable_address(2);
	config.peers = &peers[0];
	networks[1] = make(&config);
	close(go_to(here));
	member_join(&a, networks[0], "m", 1, false, 0);
	member_join(&b, networks[1], "m", 2, false, 0);
	assert_true(hears(&b, &a, 1));
	assert_true(hears(&a, &b, 2));
	assert_true(member_send(&a, b.mac, a.mac, 3, 1464));
	assert_int_equal(member_take(&b, PATIENCE_MS), 3);
	member_drop(&a);
	member_drop(&b);
	network_destroy(networks[0]);
	network_destroy(networks[1]);
	close(here);
	close(there);
}

static void a_vxlan_that_makes_no_sense_is_refused(void **state)
{
	struct sockaddr_storage peer = {.ss_family = AF_INET};
	struct network_config config = {.kind = NETWORK_VXLAN,
					.vni = 1,
					.peers = &peer,
					.peer_count = 1};
	struct network *network;

	config.vni = 0;
	assert_int_equal(network_create(&network, &config), -EINVAL);
	config.vni = 1 << 24;
	assert_int_equal(network_create(&network, &config), -EINVAL);
	config.vni = 1;
	config.peer_count = 0;
	assert_int_equal(network_create(&network, &config), -EINVAL);
	config.peer_count = NETWORK_MAX_PEERS + 1;
	assert_int_equal(network_create(&network, &config), -EINVAL);
	config.peer_count = 1;
	peer.ss_family = AF_UNIX;
	assert_int_equal(network_create(&network, &config), -EINVAL);
	peer.ss_family = AF_INET;
	config.device = "a b";
	assert_int_equal(network_create(&network, &config), -EINVAL);
	need_rights();
	config.device = "none";
	assert_int_equal(network_create(&network, &config), -ENODEV);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(members_meet_and_nobody_else),
		TEST(two_networks_do_not_meet),
		TEST(a_spoofed_mac_is_dropped_and_counted),
		TEST(spokes_see_the_gateway_only),
		TEST(who_is_taken_out_sees_the_link_go_down),
		TEST(a_member_that_is_down_neither_speaks_nor_hears),
		TEST(a_rate_holds_the_guest_back_and_loses_nothing),
		TEST(vlans_of_one_bridge_are_apart),
		TEST(a_bridge_of_the_host_is_found_by_name),
		TEST(members_of_two_hosts_meet_over_vxlan),
		TEST(a_vxlan_that_makes_no_sense_is_refused),
	};

	return cmocka_run_group_tests(tests, setup_group, NULL);
}
