// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-libvirt-xml.c - what of a domain's description reaches a guest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "backend/service/libvirt-xml.h"

#include <string.h>

#define UUID "11111111-2222-3333-4444-555555555555"
#define HEAD "<domain type='xen'><name>mine</name><uuid>" UUID "</uuid>"

static const struct libvirt_target target = {
	.name = "mine",
	.uuid = "\x11\x11\x11\x11\x22\x22\x33\x33\x44\x44\x55\x55\x55\x55\x55"
		"\x55",
};

struct row {
	const char *in;
	const char *out; /* NULL: refused */
};

static const struct row scrubbed[] = {
	{HEAD "</domain>", HEAD "</domain>"},
	{"<?xml version='1.0'?>" HEAD "</domain>", HEAD "</domain>"},
	{HEAD "<!-- a --></domain>", HEAD "</domain>"},
	/* Secrets, files, hosts. */
	{HEAD "<devices><graphics type='vnc' port='5901' passwd='x'>"
	      "<listen type='address' address='10.0.0.1'/></graphics>"
	      "</devices></domain>",
	 HEAD "<devices><graphics type='vnc'></graphics></devices></domain>"},
	{HEAD "<os><type>hvm</type><kernel>/boot/k</kernel></os></domain>",
	 HEAD "<os><type>hvm</type></os></domain>"},
	{HEAD "<devices><disk device='disk'><source file='/a'><auth><secret "
	      "uuid='1'/></auth></source><target dev='xvda'/></disk>"
	      "</devices></domain>",
	 HEAD "<devices><disk device='disk'><target dev='xvda'/></disk>"
	      "</devices></domain>"},
	{HEAD "<title>about other</title><metadata><x xmlns='y'>other</x>"
	      "</metadata></domain>",
	 HEAD "</domain>"},
	/* A path where none belongs. */
	{HEAD "<os><type machine='/etc/shadow'>a/b</type></os></domain>",
	 HEAD "<os><type></type></os></domain>"},
	{HEAD "<os><type machine='&#47;etc'>&#x2f;b</type></os></domain>",
	 HEAD "<os><type></type></os></domain>"},
	/* Names that only look like those of the list. */
	{HEAD "<devicesx/><x><devices/></x></domain>", HEAD "</domain>"},
	/* Not of the domain that was asked for. */
	{"<domain><name>other</name><uuid>" UUID "</uuid></domain>", NULL},
	{"<domain><name>mine</name><uuid>"
	 "aaaaaaaa-2222-3333-4444-555555555555</uuid></domain>",
	 NULL},
	{"<domain><name>mine</name></domain>", NULL},
	{"<network><name>mine</name></network>", NULL},
	/* Snapshots hold a domain. */
	{"<domainsnapshot><name>s</name><description>other</description>"
	 "<memory snapshot='external' file='/x'/>" HEAD
	 "<os><kernel>/k</kernel></os></domain></domainsnapshot>",
	 "<domainsnapshot><name>s</name><memory snapshot='external'/>" HEAD
	 "<os></os></domain></domainsnapshot>"},
	{"<domainsnapshot><name>s</name></domainsnapshot>", NULL},
	/* Not of the small form. */
	{"", NULL},
	{"mine", NULL},
	{HEAD, NULL},
	{HEAD "</domain></domain>", NULL},
	{HEAD "</domain>" HEAD "</domain>", NULL},
	{HEAD "</domian>", NULL},
	{HEAD "<x a=b/></domain>", NULL},
	{HEAD "<x a='1'b='2'/></domain>", NULL},
	{HEAD "<x a='1></domain>", NULL},
	{HEAD "<![CDATA[x]]></domain>", NULL},
	{HEAD "<?php x?></domain>", NULL},
	{"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>" HEAD
	 "</domain>",
	 NULL},
	{HEAD "< x/></domain>", NULL},
	{HEAD "<!-- </domain>", NULL},
};

static const struct row wanted[] = {
	{"<domainsnapshot/>", "<domainsnapshot/>"},
	{"<domainsnapshot>\n <name>s</name><description>d</description>"
	 "\n</domainsnapshot>\n",
	 "<domainsnapshot>\n <name>s</name><description>d</description>"
	 "\n</domainsnapshot>"},
	{"<domainsnapshot><memory snapshot='external' file='x'/>"
	 "</domainsnapshot>",
	 NULL},
	{"<domainsnapshot><disks><disk name='vda'/></disks></domainsnapshot>",
	 NULL},
	{"<domainsnapshot><name>../x</name></domainsnapshot>", NULL},
	{"<domainsnapshot><name>&#46;</name></domainsnapshot>", NULL},
	{"<domainsnapshot x='1'/>", NULL},
	{"<domainsnapshot>text</domainsnapshot>", NULL},
	{"<domain/>", NULL},
};

static void check(const struct row *row, bool scrub)
{
	struct xdr_out out;
	const uint8_t *text = (const uint8_t *)row->in;
	bool good;

	xdr_out_init(&out, 1 << 20);
	good = scrub ? libvirt_xml_scrub(text, strlen(row->in), &target, &out)
		     : libvirt_xml_snapshot(text, strlen(row->in), &out);
	if (good != (row->out != NULL))
		fail_msg("%s: %s", row->in, good ? "passes" : "refused");
	if (good && (out.len != strlen(row->out) ||
		     memcmp(out.data, row->out, out.len) != 0))
		fail_msg("%s\nbecomes %.*s", row->in, (int)out.len,
			 (const char *)out.data);
	xdr_out_fini(&out);
}

static void descriptions_keep_what_the_list_names(void **state)
{
	for (size_t i = 0; i < sizeof(scrubbed) / sizeof(scrubbed[0]); i++)
		check(&scrubbed[i], true);
}

static void a_snapshot_is_a_name_and_a_description(void **state)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		check(&wanted[i], false);
}

static void the_lists_are_sorted(void **state)
{
	for (unsigned int i = 1; i < libvirt_xml_domain_rule_count; i++)
		assert_true(strcmp(libvirt_xml_domain_rules[i - 1].path,
				   libvirt_xml_domain_rules[i].path) < 0);
	for (unsigned int i = 1; i < libvirt_xml_snapshot_rule_count; i++)
		assert_true(strcmp(libvirt_xml_snapshot_rules[i - 1].path,
				   libvirt_xml_snapshot_rules[i].path) < 0);
}

static void depth_and_length_are_bounded(void **state)
{
	static char deep[40000];
	struct xdr_out out;
	size_t len = 0;

	strcpy(deep, "<domain>");
	len = strlen(deep);
	while (len + 4 < sizeof(deep)) {
		memcpy(deep + len, "<a>", 3);
		len += 3;
	}
	xdr_out_init(&out, 1 << 20);
	assert_false(
		libvirt_xml_scrub((const uint8_t *)deep, len, &target, &out));
	xdr_out_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptions_keep_what_the_list_names),
		cmocka_unit_test(a_snapshot_is_a_name_and_a_description),
		cmocka_unit_test(the_lists_are_sorted),
		cmocka_unit_test(depth_and_length_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
