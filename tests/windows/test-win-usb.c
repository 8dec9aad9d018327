// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-win-usb.c - the promises of the Windows drivers' portable core about
 * descriptors, ids, setup packets and the state of a pipe.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-windows/core/id.h"
#include "frontend-windows/core/setup.h"
#include "frontend-windows/core/stream.h"

static const uint8_t device[18] = {18,	 1,    1,    2,	   0, 0, 0, 64, 0xa0,
				   0x02, 0x23, 0xa1, 0x00, 1, 1, 2, 3,	1};
/* Setting 0 without, setting 1 with an interrupt and a bulk pair. */
static const uint8_t config[] = {9, 2, 48,   0, 1,  1,	  0, 0xc0, 0, /* */
				 9, 4, 0,    0, 0,  0xff, 1, 1,	   4, /* */
				 9, 4, 0,    1, 3,  0xff, 1, 1,	   4, /* */
				 7, 5, 0x81, 3, 64, 0,	  4,	      /* */
				 7, 5, 0x02, 2, 0,  2,	  0,	      /* */
				 7, 5, 0x82, 2, 0,  2,	  0};

static void text_is(const struct tv_ids *ids, const char *want)
{
	unsigned int at = 0;

	for (; *want; want++, at++)
		assert_int_equal(ids->text[at], *want == '|' ? 0 : *want);
	assert_int_equal(ids->text[at], 0);
}

static void a_configuration_is_whole_or_nothing(void **state)
{
	uint8_t copy[sizeof(config)];
	struct tv_interface iface;
	struct tv_endpoint ep;

	assert_true(tv_config_valid(config, sizeof(config)));
	assert_true(tv_config_interface(config, sizeof(config), 0, 1, &iface));
	assert_int_equal(iface.endpoints, 3);
	assert_true(tv_config_endpoint(config, sizeof(config), &iface, 2, &ep));
	assert_int_equal(ep.address, 0x82);
	assert_int_equal(ep.maxp, 512);
	assert_false(
		tv_config_endpoint(config, sizeof(config), &iface, 3, &ep));
	for (size_t len = 0; len < sizeof(config); len++)
		assert_false(tv_config_valid(config, len));
	/* Lengths, counts, numbers: each octet that matters, wrong. */
	static const struct {
		uint8_t at, value;
	} wrong[] = {{0, 8},	{2, 47}, {2, 49},    {4, 0},  {4, 2},  {9, 8},
		     {9, 0},	{12, 1}, {13, 1},    {22, 2}, {22, 4}, {27, 1},
		     {27, 255}, {29, 0}, {29, 0x91}, {31, 0}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		memcpy(copy, config, sizeof(copy));
		copy[wrong[i].at] = wrong[i].value;
		if (tv_config_valid(copy, sizeof(copy)))
			fail_msg("octet %u = %u", wrong[i].at, wrong[i].value);
	}
}

static void ids_are_those_of_the_in_box_hub(void **state)
{
	const struct tv_compat_id winusb = {"WINUSB", ""};
	const struct tv_compat_id sub = {"RNDIS", "5162001"};
	uint8_t two[sizeof(config)];
	struct tv_device_desc desc;
	struct tv_ids ids;

	assert_true(tv_device_parse(device, sizeof(device), &desc));
	tv_id_device(&desc, &ids);
	text_is(&ids, "USB\\VID_02A0&PID_A123");
	tv_id_hardware(&desc, &ids);
	text_is(&ids,
		"USB\\VID_02A0&PID_A123&REV_0100|USB\\VID_02A0&PID_A123|");
	tv_id_compatible(&desc, config, sizeof(config), &winusb, &ids);
	text_is(&ids, "USB\\MS_COMP_WINUSB|USB\\Class_FF&SubClass_01&Prot_01|"
		      "USB\\Class_FF&SubClass_01|USB\\Class_FF|");
	tv_id_compatible(&desc, config, sizeof(config), &sub, &ids);
	text_is(&ids, "USB\\MS_COMP_RNDIS&MS_SUBCOMP_5162001|"
		      "USB\\MS_COMP_RNDIS|"
		      "USB\\Class_FF&SubClass_01&Prot_01|"
		      "USB\\Class_FF&SubClass_01|USB\\Class_FF|");
	memcpy(two, config, sizeof(two));
	two[4] = 2;
	desc.class = 0xef;
	desc.subclass = 2;
	desc.protocol = 1;
	tv_id_compatible(&desc, two, sizeof(two), NULL, &ids);
	text_is(&ids, "USB\\DevClass_EF&SubClass_02&Prot_01|"
		      "USB\\DevClass_EF&SubClass_02|USB\\DevClass_EF|"
		      "USB\\COMPOSITE|");
	tv_id_instance(10, 3, &ids);
	text_is(&ids, "c10p3");
}

static void a_container_is_the_same_each_time(void **state)
{
	static const uint16_t serial[] = {'w', 'e', 'b', 0}, other[] = {'x', 0};
	struct tv_device_desc desc;
	struct tv_bos bos = {0};
	uint8_t a[16], b[16];

	tv_device_parse(device, sizeof(device), &desc);
	tv_id_container(&desc, &bos, serial, 0, 1, a);
	tv_id_container(&desc, &bos, serial, 0, 1, b);
	assert_memory_equal(a, b, 16);
	tv_id_container(&desc, &bos, other, 0, 1, b);
	assert_memory_not_equal(a, b, 16);
	bos.container = true;
	memset(bos.container_id, 7, 16);
	tv_id_container(&desc, &bos, serial, 0, 1, b);
	assert_memory_equal(b, bos.container_id, 16);
}

static void microsofts_ids_are_found_where_they_belong(void **state)
{
	uint8_t set[10 + 8 + 8 + 20] = {10, 0, 0, 0,   0,   0,	 3,   6,   46,
					0,  8, 0, 1,   0,   0,	 0,   36,  0,
					8,  0, 2, 0,   1,   0,	 28,  0,   20,
					0,  3, 0, 'W', 'I', 'N', 'U', 'S', 'B'};
	struct tv_compat_id id;

	assert_true(tv_msos20_compat(set, sizeof(set), 1, &id));
	assert_memory_equal(id.id, "WINUSB\0", 8);
	assert_false(tv_msos20_compat(set, sizeof(set), -1, &id));
	assert_false(tv_msos20_compat(set, sizeof(set) - 1, 1, &id));
	set[30] = '\\'; /* would make another registry key of it */
	assert_false(tv_msos20_compat(set, sizeof(set), 1, &id));
}

static void functions_become_setup_packets(void **state)
{
	static const struct {
		struct tv_setup urb;
		uint8_t packet[8];
		bool in;
	} table[] = {
		{{.function = 0x0b, .desc_type = 2, .index = 0, .length = 9},
		 {0x80, 6, 0, 2, 0, 0, 9, 0},
		 true},
		{{.function = 0x12, .value = 0, .index = 0x81, .length = 77},
		 {0x02, 1, 0, 0, 0x81, 0, 0, 0},
		 false},
		{{.function = 0x18,
		  .request = 1,
		  .value = 0x1234,
		  .index = 0x0201},
		 {0x41, 1, 0x34, 0x12, 1, 2, 0, 0},
		 false},
		{{.function = 0x18, .in = true, .request = 0x85, .length = 32},
		 {0xc1, 0x85, 0, 0, 0, 0, 32, 0},
		 true},
		{{.function = 0x1b, .in = true, .request = 0x80, .length = 28},
		 {0xa1, 0x80, 0, 0, 0, 0, 28, 0},
		 true},
		{{.function = 0x26, .index = 5, .length = 1},
		 {0x80, 8, 0, 0, 0, 0, 1, 0},
		 true},
		{{.function = 0x2a,
		  .recipient = 1,
		  .value = 3,
		  .index = 5,
		  .msos_vendor = 0x20,
		  .length = 40},
		 {0xc1, 0x20, 3, 0, 5, 0, 40, 0},
		 true},
	};
	static const uint16_t refused[] = {0,	 1,    8,     9,     0x0a,
					   0x16, 0x2b, 0x100, 0xffff};
	uint8_t packet[8];
	bool in;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_true(tv_setup_make(&table[i].urb, packet, &in));
		assert_memory_equal(packet, table[i].packet, 8);
		assert_int_equal(in, table[i].in);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_false(tv_setup_make(
			&(struct tv_setup){.function = refused[i]}, packet,
			&in));
	assert_false(tv_setup_make(
		&(struct tv_setup){.function = 0x0b, .length = 65536}, packet,
		&in));
}

/* ---- the pipe -------------------------------------------------------------
 */

static int tell(struct tv_stream *stream, uint8_t type, uint16_t generation,
		uint16_t reason, uint64_t count)
{
	const struct tv_pipe_event event = {.type = type,
					    .pipe = 0,
					    .generation = generation,
					    .reason = reason,
					    .count = count};

	return tv_stream_event(stream, 1, (const uint8_t *)&event,
			       sizeof(event));
}

static void a_stream_ends_with_its_count(void **state)
{
	struct tv_stream s = {0};

	tv_stream_open(&s, 7);
	assert_int_equal(tell(&s, TV_PIPE_EVENT_OPENED, 7, 0, 0), 0);
	assert_int_equal(s.state, TV_PIPE_ESTABLISHED);
	assert_int_equal(tell(&s, TV_PIPE_EVENT_EOS, 7, 0, 10), 0);
	assert_int_equal(tv_stream_readable(&s), TV_READ_WAIT);
	assert_true(tv_stream_received(&s, 10));
	assert_int_equal(tv_stream_readable(&s), TV_READ_END);
	assert_true(tv_stream_writable(&s));
	assert_false(tv_stream_received(&s, 1));
	assert_int_equal(s.state, TV_PIPE_RESET);
}

static void events_that_cannot_be_are_dropped(void **state)
{
	struct tv_pipe_event far = {.type = TV_PIPE_EVENT_RESET, .pipe = 9};
	struct tv_stream s = {0};

	assert_int_equal(tell(&s, TV_PIPE_EVENT_OPENED, 0, 0, 0), -1);
	tv_stream_open(&s, 7);
	assert_int_equal(tell(&s, TV_PIPE_EVENT_RESET, 6, 1, 0), -1);
	assert_int_equal(tell(&s, 99, 7, 0, 0), -1);
	assert_int_equal(tv_stream_event(&s, 1, (uint8_t *)&far, 16), -1);
	assert_int_equal(tv_stream_event(&s, 1, (uint8_t *)&far, 15), -1);
	assert_int_equal(s.state, TV_PIPE_OPENING);
	tell(&s, TV_PIPE_EVENT_EOS, 7, 0, 5);
	tell(&s, TV_PIPE_EVENT_EOS, 7, 0, 6);
	assert_int_equal(s.reason, TV_PIPE_REASON_PROTOCOL);
	tv_stream_open(&s, 8);
	tell(&s, TV_PIPE_EVENT_RESET, 8, 999, 0);
	assert_int_equal(s.reason, TV_PIPE_REASON_INTERNAL);
}

static void a_generation_is_never_0(void **state)
{
	struct tv_stream s = {.generation = 0xffff};

	assert_int_equal(tv_stream_next(&s), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configuration_is_whole_or_nothing),
		cmocka_unit_test(ids_are_those_of_the_in_box_hub),
		cmocka_unit_test(a_container_is_the_same_each_time),
		cmocka_unit_test(microsofts_ids_are_found_where_they_belong),
		cmocka_unit_test(functions_become_setup_packets),
		cmocka_unit_test(a_stream_ends_with_its_count),
		cmocka_unit_test(events_that_cannot_be_are_dropped),
		cmocka_unit_test(a_generation_is_never_0),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
