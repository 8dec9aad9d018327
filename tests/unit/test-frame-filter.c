// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-frame-filter.c - frames of members, good and bad, as a table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/frame_filter.h"
#include "backend/util/sha256.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINE "020000000001 "
#define OTHER "020000000002 "
#define ALL "ffffffffffff "
#define PEER "020000000009 "

/* From 10.0.0.1 to 10.0.0.9, nothing inside. */
#define IP4(length, protocol, source)                                          \
	"0800 45 00 " length " 0000 0000 40 " protocol " 0000 " source         \
	" 0a000009 "
#define IP6(length, next, hops, source)                                        \
	"86dd 60000000 " length " " next " " hops " " source                   \
	" ff020000000000000000000000000001 "
#define LOCAL "fe800000000000000000 00fffe000001"
#define LOCAL_OTHER "fe80000000000000000000fffe000002"
#define NOBODY "00000000000000000000000000000000"
#define ARP(operation, mac, ip)                                                \
	"0806 0001 0800 06 04 " operation " " mac " " ip                       \
	" 000000000000 0a000009 "

enum {
	FREE,	/* the MAC is held, no addresses */
	HELD,	/* 10.0.0.1, 192.168.4.0/22, fd00::1 */
	ROUTER, /* as HELD, and a router */
	TAGGED, /* as FREE, in VLAN 7 */
	POLICIES
};

static struct frame_policy policies[POLICIES];

static const struct {
	const char *name;
	int policy;
	const char *hex;
	enum frame_verdict verdict;
	unsigned int len; /* that passes; 0: 60 */
} rows[] = {
	/* the frame itself */
	{"nothing", FREE, "", FRAME_SHORT, 0},
	{"half a header", FREE, PEER MINE "08", FRAME_SHORT, 0},
	{"an unknown type", FREE, PEER MINE "1234 aabb", FRAME_PASS, 0},
	{"an unknown type while held", HELD, PEER MINE "1234 aabb", FRAME_TYPE,
	 0},
	{"another's MAC", FREE, PEER OTHER "1234 aabb", FRAME_SOURCE_MAC, 0},
	{"a multicast source", FREE, PEER "010000000001 1234", FRAME_SOURCE_MAC,
	 0},
	{"spanning tree", FREE, "0180c2000000" MINE "0004 424203 00",
	 FRAME_RESERVED, 0},
	{"a pause", FREE, "0180c2000001" MINE "8808 0001 ffff", FRAME_RESERVED,
	 0},
	{"a pause to anybody", FREE, PEER MINE "8808 0001 ffff", FRAME_RESERVED,
	 0},
	/* lengths */
	{"802.3 as long as it says", FREE, PEER MINE "0004 424203 00",
	 FRAME_PASS, 0},
	{"802.3 longer than it is", FREE, PEER MINE "0005 424203 00",
	 FRAME_MALFORMED, 0},
	{"802.3 without LLC", FREE, PEER MINE "0002 4242", FRAME_MALFORMED, 0},
	{"802.3 while held", HELD, PEER MINE "0004 424203 00", FRAME_TYPE, 0},
	{"neither length nor type", FREE, PEER MINE "05dd 0000",
	 FRAME_MALFORMED, 0},
	/* VLAN */
	{"a priority tag", FREE, PEER MINE "8100 e000 1234 aabb", FRAME_PASS,
	 0},
	{"a VLAN tag", FREE, PEER MINE "8100 0007 1234 aabb", FRAME_VLAN, 0},
	{"half a tag", FREE, PEER MINE "8100 0000", FRAME_SHORT, 0},
	{"two tags", FREE, PEER MINE "8100 0000 8100 0007 1234", FRAME_VLAN, 0},
	{"a provider tag", FREE, PEER MINE "88a8 0007 1234", FRAME_VLAN, 0},
	{"untagged in a VLAN", TAGGED, PEER MINE "1234 aabb", FRAME_PASS, 64},
	{"tagged in a VLAN", TAGGED, PEER MINE "8100 0007 1234 aabb",
	 FRAME_VLAN, 0},
	/* ARP */
	{"who has", HELD, ALL MINE ARP("0001", MINE, "0a000001"), FRAME_PASS,
	 0},
	{"a probe", HELD, ALL MINE ARP("0001", MINE, "00000000"), FRAME_PASS,
	 0},
	{"an answer from nobody", HELD, ALL MINE ARP("0002", MINE, "00000000"),
	 FRAME_SOURCE_IP, 0},
	{"another's address", HELD, ALL MINE ARP("0001", MINE, "0a000002"),
	 FRAME_SOURCE_IP, 0},
	{"another's MAC inside", FREE, ALL MINE ARP("0002", OTHER, "0a000001"),
	 FRAME_SOURCE_MAC, 0},
	{"any address while free", FREE, ALL MINE ARP("0002", MINE, "0a000002"),
	 FRAME_PASS, 0},
	{"ARP cut", FREE, ALL MINE "0806 0001 0800 06 04 0001 020000000001",
	 FRAME_MALFORMED, 0},
	{"ARP of other lengths", FREE,
	 ALL MINE "0806 0001 0800 08 04 0001" MINE MINE MINE "0a000001",
	 FRAME_MALFORMED, 0},
	{"ARP of another operation", FREE,
	 ALL MINE ARP("0003", MINE, "0a000001"), FRAME_MALFORMED, 0},
	/* IPv4 */
	{"a packet", HELD, PEER MINE IP4("0014", "01", "0a000001"), FRAME_PASS,
	 0},
	{"in a listed network", HELD, PEER MINE IP4("0014", "01", "c0a807ff"),
	 FRAME_PASS, 0},
	{"just behind it", HELD, PEER MINE IP4("0014", "01", "c0a80800"),
	 FRAME_SOURCE_IP, 0},
	{"a spoofed source", HELD, PEER MINE IP4("0014", "01", "0a000002"),
	 FRAME_SOURCE_IP, 0},
	{"any source while free", FREE, PEER MINE IP4("0014", "01", "08080808"),
	 FRAME_PASS, 0},
	{"longer than its frame", FREE, PEER MINE IP4("0015", "01", "0a000001"),
	 FRAME_MALFORMED, 0},
	{"shorter than its header", FREE,
	 PEER MINE IP4("0013", "01", "0a000001"), FRAME_MALFORMED, 0},
	{"version 6 in IPv4", FREE,
	 PEER MINE "0800 65000014000000004001000000000000 00000000",
	 FRAME_MALFORMED, 0},
	{"a header of 16 octets", FREE,
	 PEER MINE "0800 44000014000000004001 0000 0a000001 0a000009",
	 FRAME_MALFORMED, 0},
	{"a cut UDP header", FREE,
	 PEER MINE IP4("0018", "11", "0a000001") "00010002", FRAME_MALFORMED,
	 0},
	{"a fragment inside of a TCP header", FREE,
	 PEER MINE "0800 4500001c 0000 0001 4006 0000 0a000001 0a000009"
		   "0000000000000000",
	 FRAME_MALFORMED, 0},
	{"a later fragment", HELD,
	 PEER MINE "0800 4500001c 0000 0010 4011 0000 0a000001 0a000009"
		   "0000000000000000",
	 FRAME_PASS, 0},
	{"a later fragment of another", HELD,
	 PEER MINE "0800 4500001c 0000 0010 4011 0000 0a000002 0a000009"
		   "0000000000000000",
	 FRAME_SOURCE_IP, 0},
	{"asking for an address", HELD,
	 ALL MINE IP4("001c", "11", "00000000") "0044 0043 0008 0000",
	 FRAME_PASS, 0},
	{"from nobody to elsewhere", HELD,
	 ALL MINE IP4("001c", "11", "00000000") "0044 0035 0008 0000",
	 FRAME_SOURCE_IP, 0},
	{"serving addresses", FREE,
	 ALL MINE IP4("001c", "11", "0a000001") "0043 0044 0008 0000",
	 FRAME_ROUTER, 0},
	{"serving addresses as a router", ROUTER,
	 ALL MINE IP4("001c", "11", "0a000001") "0043 0044 0008 0000",
	 FRAME_PASS, 0},
	/* IPv6 */
	{"a link-local source", HELD, PEER MINE IP6("0000", "3b", "40", LOCAL),
	 FRAME_PASS, 0},
	{"another's link-local", HELD,
	 PEER MINE IP6("0000", "3b", "40", LOCAL_OTHER), FRAME_SOURCE_IP, 0},
	{"another's link-local while free", FREE,
	 PEER MINE IP6("0000", "3b", "40", LOCAL_OTHER), FRAME_PASS, 0},
	{"IPv6 longer than its frame", FREE,
	 PEER MINE IP6("0001", "3b", "40", LOCAL), FRAME_MALFORMED, 0},
	{"a jumbo", FREE, PEER MINE IP6("0000", "00", "40", LOCAL),
	 FRAME_MALFORMED, 0},
	{"an extension that is cut", FREE,
	 PEER MINE IP6("0008", "3c", "40", LOCAL) "3b01000000000000",
	 FRAME_MALFORMED, 0},
	{"nine extensions", FREE,
	 PEER MINE IP6(
		 "0048", "3c", "40",
		 LOCAL) "3c00000000000000 3c00000000000000 3c00000000000000"
			"3c00000000000000 3c00000000000000 3c00000000000000"
			"3c00000000000000 3c00000000000000 3b00000000000000",
	 FRAME_MALFORMED, 0},
	/* neighbours */
	{"duplicate address detection", HELD,
	 PEER MINE IP6("0018", "3a", "ff", NOBODY) "8700000000000000" LOCAL,
	 FRAME_PASS, 78},
	{"detection of another's", HELD,
	 PEER MINE IP6("0018", "3a", "ff",
		       NOBODY) "8700000000000000" LOCAL_OTHER,
	 FRAME_SOURCE_IP, 0},
	{"a solicitation", HELD,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8700000000000000" LOCAL_OTHER
						  "0101" MINE,
	 FRAME_PASS, 86},
	{"a solicitation with another's MAC", FREE,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8700000000000000" LOCAL_OTHER
						  "0101" OTHER,
	 FRAME_SOURCE_MAC, 0},
	{"an advertisement of another's address", HELD,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8800000060000000" LOCAL_OTHER
						  "0201" MINE,
	 FRAME_SOURCE_IP, 0},
	{"an advertisement of one's own", HELD,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8800000060000000" LOCAL
						  "0201" MINE,
	 FRAME_PASS, 86},
	{"an advertisement with another's MAC", FREE,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8800000060000000" LOCAL
						  "0201" OTHER,
	 FRAME_SOURCE_MAC, 0},
	{"the same behind an extension", FREE,
	 PEER MINE IP6("0028", "3c", "ff",
		       LOCAL) "3a00000000000000 8800000060000000" LOCAL
			      "0201" OTHER,
	 FRAME_SOURCE_MAC, 0},
	{"the same in a fragment", FREE,
	 PEER MINE IP6("0028", "2c", "ff",
		       LOCAL) "3a00000100000001 8800000060000000" LOCAL
			      "0201" MINE,
	 FRAME_MALFORMED, 0},
	{"from beyond a router", FREE,
	 PEER MINE IP6("0018", "3a", "40", LOCAL) "8800000060000000" LOCAL,
	 FRAME_MALFORMED, 0},
	{"an option without end", FREE,
	 PEER MINE IP6("0020", "3a", "ff", LOCAL) "8800000060000000" LOCAL
						  "0200" MINE,
	 FRAME_MALFORMED, 0},
	{"asking for routers", HELD,
	 PEER MINE IP6("0008", "3a", "ff", NOBODY) "8500000000000000",
	 FRAME_PASS, 62},
	{"being a router", FREE,
	 PEER MINE IP6("0010", "3a", "ff",
		       LOCAL) "86000000 40000708 00000000 00000000",
	 FRAME_ROUTER, 0},
	{"being a router that is one", ROUTER,
	 PEER MINE IP6("0010", "3a", "ff",
		       LOCAL) "86000000 40000708 00000000 00000000",
	 FRAME_PASS, 70},
	{"a redirect", FREE,
	 PEER MINE IP6("0028", "3a", "ff",
		       LOCAL) "8900000000000000" LOCAL LOCAL_OTHER,
	 FRAME_ROUTER, 0},
	{"serving IPv6 addresses", FREE,
	 PEER MINE IP6("0008", "11", "40", LOCAL) "0223 0222 0008 0000",
	 FRAME_ROUTER, 0},
	{"from nobody to somebody", HELD,
	 PEER MINE IP6("0008", "3a", "40", NOBODY) "8000000000000000",
	 FRAME_SOURCE_IP, 0},
	{"listening to a group", HELD,
	 PEER MINE IP6("0010", "00", "01",
		       NOBODY) "3a00050200000000 8f00000000000000",
	 FRAME_PASS, 70},
};

static size_t octets(uint8_t *at, const char *hex)
{
	size_t len = 0;

	for (; *hex; hex++) {
		if (*hex == ' ')
			continue;
		assert_true(len < FRAME_BUFFER);
		at[len++] = (uint8_t)strtoul((char[]){hex[0], hex[1], '\0'},
					     NULL, 16);
		hex++;
	}
	return len;
}

static int setup(void **state)
{
	struct frame_policy *held = &policies[HELD];

	for (int i = 0; i < POLICIES; i++) {
		policies[i].mac_count = 1;
		assert_int_equal(frame_mac_parse(policies[i].macs[0],
						 "02:00:00:00:00:01"),
				 0);
	}
	assert_int_equal(frame_prefix_parse(&held->prefixes[0], "10.0.0.1"), 0);
	assert_int_equal(
		frame_prefix_parse(&held->prefixes[1], "192.168.4.0/22"), 0);
	assert_int_equal(frame_prefix_parse(&held->prefixes[2], "fd00::1"), 0);
	held->prefix_count = 3;
	policies[ROUTER] = *held;
	policies[ROUTER].router = true;
	policies[TAGGED].vlan = 7;
	return 0;
}

static void each_frame_meets_its_verdict(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *frame = malloc(FRAME_BUFFER);
		enum frame_verdict verdict;
		size_t len;

		memset(frame, 0xee, FRAME_BUFFER);
		len = octets(frame, rows[i].hex);
		verdict = frame_from_guest(&policies[rows[i].policy], frame,
					   &len);
		if (verdict != rows[i].verdict)
			fail_msg("%s: %s", rows[i].name,
				 frame_verdict_name(verdict));
		if (verdict == FRAME_PASS &&
		    len != (rows[i].len ? rows[i].len : FRAME_MIN))
			fail_msg("%s: %zu octets", rows[i].name, len);
		free(frame);
	}
}

static void what_passes_is_padded_with_zeros_and_trimmed(void **state)
{
	uint8_t frame[FRAME_BUFFER], zero[FRAME_BUFFER] = {0};
	size_t len = octets(frame, PEER MINE IP4("0014", "01", "0a000001"));

	memset(frame + len, 0xee, 100);
	len += 100; /* what a careless driver left behind the packet */
	assert_int_equal(frame_from_guest(&policies[FREE], frame, &len),
			 FRAME_PASS);
	assert_int_equal(len, FRAME_MIN);
	assert_memory_equal(frame + 34, zero, FRAME_MIN - 34);
}

static void the_longest_frame_passes_and_one_more_does_not(void **state)
{
	uint8_t frame[FRAME_BUFFER] = {0};
	size_t len;

	octets(frame, PEER MINE "1234");
	len = FRAME_MAX;
	assert_int_equal(frame_from_guest(&policies[TAGGED], frame, &len),
			 FRAME_PASS);
	assert_int_equal(len, FRAME_MAX + 4);
	assert_memory_equal(frame + 12, "\x81\x00\x00\x07\x12\x34", 6);
	/* ... and back. */
	assert_int_equal(frame_to_guest(&policies[TAGGED], frame, &len),
			 FRAME_PASS);
	assert_int_equal(len, FRAME_MAX);
	octets(frame, PEER MINE "1234");
	len = FRAME_MAX + 1;
	assert_int_equal(frame_from_guest(&policies[FREE], frame, &len),
			 FRAME_LONG);
	octets(frame, PEER MINE "8100 0000 1234");
	len = FRAME_BUFFER;
	assert_int_equal(frame_from_guest(&policies[FREE], frame, &len),
			 FRAME_LONG);
}

static void towards_the_guest_only_the_shape_counts(void **state)
{
	static const struct {
		const char *hex;
		int policy;
		enum frame_verdict verdict;
	} table[] = {
		{MINE OTHER IP4("0014", "01", "08080808"), HELD, FRAME_PASS},
		{MINE OTHER IP4("0015", "01", "08080808"), HELD,
		 FRAME_MALFORMED},
		{MINE OTHER "86dd 60000000 0010 3a ff" LOCAL_OTHER LOCAL
			    "86000000 40000708 00000000 00000000",
		 HELD, FRAME_PASS},
		{MINE OTHER "1234 0000", HELD, FRAME_PASS},
		{MINE OTHER "8100 0007 1234 0000", FREE, FRAME_VLAN},
		{MINE OTHER "8100 0007 1234 0000", TAGGED, FRAME_PASS},
		{MINE OTHER "8100 0008 1234 0000", TAGGED, FRAME_VLAN},
		{MINE OTHER "1234 0000", TAGGED, FRAME_VLAN},
		{"0180c2000000" OTHER "0004 42420300", FREE, FRAME_RESERVED},
		{MINE, FREE, FRAME_SHORT},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint8_t frame[FRAME_BUFFER];
		size_t len = octets(frame, table[i].hex);

		assert_int_equal(
			frame_to_guest(&policies[table[i].policy], frame, &len),
			table[i].verdict);
	}
}

static void nobody_without_a_mac_speaks(void **state)
{
	const struct frame_policy none = {.mac_count = 0};
	uint8_t frame[FRAME_BUFFER];
	size_t len = octets(frame, PEER MINE "1234 0000");

	assert_int_equal(frame_from_guest(&none, frame, &len),
			 FRAME_SOURCE_MAC);
}

static void addresses_are_parsed_strictly(void **state)
{
	static const char *const bad[] = {"",	       "10.0.0",  "10.0.0.1/33",
					  "10.0.0.1/", "::1/129", "10.0.0.1/-1",
					  "name",      "::1/1x",  "10.0.0.1 "};
	static const char *const bad_macs[] = {
		"",
		"02:00:00:00:00",
		"02:00:00:00:00:0",
		"02:00:00:00:00:01:",
		"03:00:00:00:00:01",
		"00:00:00:00:00:00",
		"02-00-00-00-00-01",
		"0x:00:00:00:00:01",
		"02:00:00:00:00:011",
	};
	struct frame_prefix prefix = {.bits = 77};
	uint8_t mac[FRAME_MAC_LEN];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(frame_prefix_parse(&prefix, bad[i]), -EINVAL);
	assert_int_equal(prefix.bits, 77);
	for (size_t i = 0; i < sizeof(bad_macs) / sizeof(bad_macs[0]); i++)
		assert_int_equal(frame_mac_parse(mac, bad_macs[i]), -EINVAL);
	assert_int_equal(frame_prefix_parse(&prefix, "fe80::/64"), 0);
	assert_true(prefix.v6);
	assert_int_equal(prefix.bits, 64);
	assert_int_equal(frame_prefix_parse(&prefix, "0.0.0.0/0"), 0);
	assert_int_equal(prefix.bits, 0);
}

static void a_mac_is_always_the_same(void **state)
{
	const uint8_t uuid[16] = {1, 2,	 3,  4,	 5,  6,	 7,  8,
				  9, 10, 11, 12, 13, 14, 15, 16};
	uint8_t a[FRAME_MAC_LEN], b[FRAME_MAC_LEN], other[16];

	frame_mac_of(a, uuid, "cluster");
	/* The sum begins with a13078349550. */
	assert_memory_equal(a, "\xa2\x30\x78\x34\x95\x50", sizeof(a));
	frame_mac_of(b, uuid, "cluster");
	assert_memory_equal(a, b, sizeof(a));
	frame_mac_of(b, uuid, "cluster2");
	assert_memory_not_equal(a, b, sizeof(a));
	memcpy(other, uuid, sizeof(other));
	other[15]++;
	frame_mac_of(b, other, "cluster");
	assert_memory_not_equal(a, b, sizeof(a));
}

/* FIPS 180-4's examples, and the lengths around a block. */
static void sums_are_those_of_the_standard(void **state)
{
	static const struct {
		const char *text;
		size_t times;
		const char *hex;
	} table[] = {
		{"", 0,
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
		 "b855"},
		{"abc", 1,
		 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f200"
		 "15ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db"
		 "06c1"},
		{"a", 1000000,
		 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc711"
		 "2cd0"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t len = strlen(table[i].text), at = 0;
		char *data = malloc(len * table[i].times + 1);
		uint8_t digest[SHA256_LEN];
		char hex[2 * SHA256_LEN + 1];

		for (size_t k = 0; k < table[i].times; k++, at += len)
			memcpy(data + at, table[i].text, len);
		sha256(data, at, digest);
		for (size_t k = 0; k < SHA256_LEN; k++)
			snprintf(hex + 2 * k, 3, "%02x", digest[k]);
		assert_string_equal(hex, table[i].hex);
		free(data);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_frame_meets_its_verdict),
		cmocka_unit_test(what_passes_is_padded_with_zeros_and_trimmed),
		cmocka_unit_test(
			the_longest_frame_passes_and_one_more_does_not),
		cmocka_unit_test(towards_the_guest_only_the_shape_counts),
		cmocka_unit_test(nobody_without_a_mac_speaks),
		cmocka_unit_test(addresses_are_parsed_strictly),
		cmocka_unit_test(a_mac_is_always_the_same),
		cmocka_unit_test(sums_are_those_of_the_standard),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
