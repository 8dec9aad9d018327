// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-libvirt.c - what the filter of libvirt's RPC promises, for every
 * procedure of the table and without a daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/libvirt_bed.h"

#include <stdio.h>
#include <string.h>

enum {
	ACCESS_DENIED = 88,
	NO_SUPPORT = 3,
	CLASSES = LIBVIRT_CLASS_COUNT,
};

static uint32_t verb_of(unsigned int class)
{
	return class < LIBVIRT_CLASS_INFO ? 0
					  : 1U << (class - LIBVIRT_CLASS_INFO);
}

/* The guest has an error that names policy, the daemon has nothing. */
static void assert_denied(struct bed *bed)
{
	struct libvirt_header header;
	struct xdr_in in;
	uint32_t code;

	assert_int_equal(bed->to_daemon.len, 0);
	assert_true(bed_first(&bed->to_guest, &header, &in));
	assert_int_equal(header.length, bed->to_guest.len);
	assert_int_equal(header.type, LIBVIRT_REPLY);
	assert_int_equal(header.status, LIBVIRT_ERROR);
	assert_int_equal(header.serial, bed->serial + 1000);
	assert_true(xdr_get_u32(&in, &code));
	assert_true(code == ACCESS_DENIED || code == NO_SUPPORT);
	assert_true(bed_has(&bed->to_guest, "2virt policy", 12));
	bed_clear(bed);
}

static void without_a_grant_every_number_of_every_program_is_denied(void **s)
{
	static const uint32_t programs[] = {
		0x20008086, 0x20008087, 0x00068000, /* remote, qemu, lxc */
		0x06900690, 0x7d3eef2,	0,	    /* admin, lock, none */
	};
	struct bed bed;
	struct libvirt_header header;
	unsigned int tried = 0;

	bed_init(&bed, 0, 0);
	for (unsigned int p = 0; p < 6; p++) {
		for (uint32_t number = 0; number <= 1000; number++) {
			for (uint32_t version = 0; version < 3; version++) {
				header = (struct libvirt_header){
					.program = programs[p],
					.version = version,
					.procedure = number,
					.type = version == 2
							? LIBVIRT_CALL_WITH_FDS
							: LIBVIRT_CALL,
					.serial = ++bed.serial + 1000,
				};
				assert_true(
					bed_guest(&bed, &header, "\0\0\0", 4));
				assert_denied(&bed);
				tried++;
			}
		}
	}
	assert_int_equal(tried, 6 * 1001 * 3);
	bed_fini(&bed);
}

/* Calls a procedure with what fits its shape. */
static void try(struct bed *bed, const struct libvirt_program *program,
		const struct libvirt_procedure *procedure,
		const struct bed_domain *domain)
{
	struct xdr_out args;

	xdr_out_init(&args, 1 << 20);
	bed_clear(bed);
	/* For lookups the text is a name; else it is any text. */
	bed_payload(&args, procedure->call, domain, domain->name);
	assert_true(bed_call(bed, program->number, procedure->number, &args));
	xdr_out_fini(&args);
}

static bool passed(const struct bed *bed)
{
	return bed->to_daemon.len > 0;
}

/* What is answered without a daemon, or needs what was before. */
static bool special(const struct libvirt_procedure *procedure)
{
	return procedure->special == LIBVIRT_OPEN ||
	       procedure->special == LIBVIRT_AUTH ||
	       procedure->special == LIBVIRT_URI ||
	       procedure->special == LIBVIRT_FEATURE ||
	       procedure->special == LIBVIRT_DEREGISTER;
}

static void each(void (*check)(const struct libvirt_program *program,
			       const struct libvirt_procedure *procedure))
{
	for (unsigned int p = 0; p < libvirt_program_count; p++)
		for (unsigned int i = 0; i < libvirt_programs[p].count; i++)
			check(&libvirt_programs[p],
			      &libvirt_programs[p].procedures[i]);
}

static void check_verbs(const struct libvirt_program *program,
			const struct libvirt_procedure *procedure)
{
	uint32_t own = verb_of(procedure->class);
	struct bed bed;

	if (procedure->event || special(procedure))
		return;
	/* With all verbs but its own and full it is denied. */
	bed_init(&bed, LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL & ~own, 0);
	bed_open(&bed);
	try(&bed, program, procedure, &bed_domain_mine);
	if (own || procedure->class == LIBVIRT_CLASS_NEVER)
		assert_denied(&bed);
	else
		assert_true(passed(&bed));
	bed_fini(&bed);
	/* With its own alone it passes, unless it is about the host. */
	bed_init(&bed, own ? own : LIBVIRT_INFO, 0);
	bed_open(&bed);
	try(&bed, program, procedure, &bed_domain_mine);
	if (procedure->class == LIBVIRT_CLASS_NEVER ||
	    (procedure->class == LIBVIRT_CLASS_FULL &&
	     !strchr(procedure->call, 'D')))
		assert_denied(&bed);
	else if (!passed(&bed))
		fail_msg("%s does not pass: %s", procedure->name, bed.denied);
	bed_fini(&bed);
}

static void a_verb_opens_its_own_procedures_and_no_others(void **s)
{
	each(check_verbs);
}

static void check_domains(const struct libvirt_program *program,
			  const struct libvirt_procedure *procedure)
{
	const struct bed_domain wrong[] = {
		bed_domain_other,
		{BED_MINE_NAME, bed_other, -1},
		{BED_OTHER_NAME, bed_mine, -1},
		{"mime", bed_mine, -1},
		{BED_MINE_NAME, bed_mine, 77},
		{"", bed_mine, -1},
	};
	struct bed bed;

	if (procedure->event || procedure->class == LIBVIRT_CLASS_NEVER ||
	    !strchr(procedure->call, 'D'))
		return;
	bed_init(&bed, LIBVIRT_VERBS_ALL, 0);
	bed_open(&bed);
	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		try(&bed, program, procedure, &wrong[i]);
		assert_denied(&bed);
	}
	bed_fini(&bed);
}

static void a_domain_passes_only_if_name_uuid_and_id_agree(void **s)
{
	each(check_domains);
}

static void check_truncated(const struct libvirt_program *program,
			    const struct libvirt_procedure *procedure)
{
	struct bed bed;
	struct xdr_out args;
	size_t whole;

	if (procedure->event || procedure->class == LIBVIRT_CLASS_NEVER)
		return;
	if (procedure->special == LIBVIRT_AUTH ||
	    procedure->special == LIBVIRT_URI)
		return;
	xdr_out_init(&args, 1 << 20);
	bed_payload(&args, procedure->call, &bed_domain_mine, "mine");
	whole = args.len;
	bed_init(&bed, LIBVIRT_VERBS_ALL, LIBVIRT_FULL);
	bed_open(&bed);
	for (size_t len = 0; len <= whole + 4; len += 4) {
		if (len == whole)
			continue;
		if (len > whole)
			xdr_put_u32(&args, 0);
		args.len = len;
		bed_clear(&bed);
		assert_true(bed_call(&bed, program->number, procedure->number,
				     &args));
		if (passed(&bed))
			fail_msg("%s of %zu octets passes", procedure->name,
				 len);
	}
	bed_fini(&bed);
	xdr_out_fini(&args);
}

static void a_call_too_short_or_too_long_is_denied(void **s)
{
	each(check_truncated);
}

/* Replies that name another domain wherever one can stand. */
static void check_reply(const struct libvirt_program *program,
			const struct libvirt_procedure *procedure)
{
	struct bed bed;
	struct xdr_out reply;

	if (procedure->event || special(procedure) ||
	    procedure->class == LIBVIRT_CLASS_NEVER ||
	    procedure->class == LIBVIRT_CLASS_FULL)
		return;
	bed_init(&bed, LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL, 0);
	bed_open(&bed);
	try(&bed, program, procedure, &bed_domain_mine);
	xdr_out_init(&reply, 1 << 20);
	if (procedure->special >= LIBVIRT_LIST &&
	    procedure->special <= LIBVIRT_COUNT_DEFINED)
		bed_payload(&reply, "[D]r", &bed_domain_other, "");
	else
		bed_payload(&reply, procedure->reply, &bed_domain_other,
			    "/var/lib/" BED_OTHER_NAME);
	bed_reply(&bed, LIBVIRT_OK, reply.data, reply.len);
	assert_true(bed.to_guest.len > 0);
	if (bed_has(&bed.to_guest, BED_OTHER_NAME, strlen(BED_OTHER_NAME)) ||
	    bed_has(&bed.to_guest, bed_other, LIBVIRT_UUID_LEN) ||
	    bed_has(&bed.to_guest, "\x5a\x5b\x5c\x5d", 4))
		fail_msg("%s tells of another domain", procedure->name);
	xdr_out_fini(&reply);
	bed_fini(&bed);
}

static void no_reply_tells_of_another_domain(void **s)
{
	each(check_reply);
}

static void check_error(const struct libvirt_program *program,
			const struct libvirt_procedure *procedure)
{
	struct bed bed;
	struct xdr_out error;

	if (procedure->event || special(procedure) ||
	    procedure->class == LIBVIRT_CLASS_NEVER ||
	    procedure->class == LIBVIRT_CLASS_FULL)
		return;
	bed_init(&bed, LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL, 0);
	bed_open(&bed);
	try(&bed, program, procedure, &bed_domain_mine);
	xdr_out_init(&error, 1 << 20);
	bed_payload(&error, "ii?si?D?s?s?sii?sU", &bed_domain_other,
		    "domain " BED_OTHER_NAME " has /dev/sda");
	bed_reply(&bed, LIBVIRT_ERROR, error.data, error.len);
	assert_true(bed.to_guest.len > 0);
	assert_false(
		bed_has(&bed.to_guest, BED_OTHER_NAME, strlen(BED_OTHER_NAME)));
	assert_false(bed_has(&bed.to_guest, bed_other, LIBVIRT_UUID_LEN));
	xdr_out_fini(&error);
	bed_fini(&bed);
}

static void no_error_tells_of_another_domain(void **s)
{
	each(check_error);
}

/* --- events
 * ------------------------------------------------------------------- */

static void register_events(struct bed *bed)
{
	struct xdr_out args;

	xdr_out_init(&args, 100);
	xdr_put_u32(&args, 0);
	xdr_put_u32(&args, 0);
	assert_true(bed_call(bed, BED_REMOTE, 316, &args));
	assert_true(passed(bed));
	/* Callback 0. */
	bed_reply(bed, LIBVIRT_OK, "\0\0\0", 4);
	bed_clear(bed);
	xdr_out_fini(&args);
}

static void send_event(struct bed *bed, const struct libvirt_program *program,
		       const struct libvirt_procedure *procedure,
		       const struct bed_domain *domain)
{
	struct libvirt_header header = {
		.program = program->number,
		.version = 1,
		.procedure = procedure->number,
		.type = LIBVIRT_MESSAGE,
	};
	struct xdr_out message;

	xdr_out_init(&message, 1 << 20);
	bed_payload(&message, procedure->reply, domain, "/dev/host");
	bed_clear(bed);
	bed_daemon(bed, &header, message.data, message.len);
	xdr_out_fini(&message);
}

static void check_event(const struct libvirt_program *program,
			const struct libvirt_procedure *procedure)
{
	struct bed bed;

	if (!procedure->event)
		return;
	bed_init(&bed, LIBVIRT_EVENTS, 0);
	bed_open(&bed);
	send_event(&bed, program, procedure, &bed_domain_mine);
	if (procedure->class == LIBVIRT_CLASS_EVENTS)
		assert_int_equal(bed.to_guest.len, 0);
	register_events(&bed);
	send_event(&bed, program, procedure, &bed_domain_other);
	if (procedure->class != LIBVIRT_CLASS_BASE)
		assert_int_equal(bed.to_guest.len, 0);
	send_event(&bed, program, procedure, &bed_domain_mine);
	assert_int_equal(bed.to_guest.len > 0,
			 procedure->class == LIBVIRT_CLASS_EVENTS ||
				 procedure->class == LIBVIRT_CLASS_BASE);
	assert_false(bed_has(&bed.to_guest, "/dev", 4));
	bed_fini(&bed);
	bed_init(&bed, LIBVIRT_VERBS_ALL & ~LIBVIRT_FULL & ~LIBVIRT_EVENTS, 0);
	bed_open(&bed);
	send_event(&bed, program, procedure, &bed_domain_mine);
	if (procedure->class != LIBVIRT_CLASS_BASE)
		assert_int_equal(bed.to_guest.len, 0);
	bed_fini(&bed);
}

static void an_event_passes_if_asked_for_and_of_a_granted_domain(void **s)
{
	each(check_event);
}

/* --- connection
 * ---------------------------------------------------------------- */

static void the_uri_is_the_services_own(void **s)
{
	struct bed bed;
	struct xdr_out args;

	bed_init(&bed, LIBVIRT_LIFECYCLE, 0);
	xdr_out_init(&args, 1000);
	bed_payload(&args, "?sf", &bed_domain_mine, "qemu+ssh://evil/system");
	assert_true(bed_call(&bed, BED_REMOTE, 1, &args));
	assert_true(bed_has(&bed.to_daemon, "test:///etc/host/two.xml", 24));
	assert_false(bed_has(&bed.to_daemon, "evil", 4));
	bed_reply(&bed, LIBVIRT_OK, NULL, 0);
	bed_clear(&bed);
	/* A second time. */
	assert_true(bed_call(&bed, BED_REMOTE, 1, &args));
	assert_denied(&bed);
	/* What it is told of it names no file of the host. */
	assert_true(bed_call(&bed, BED_REMOTE, 110, NULL));
	assert_true(bed_has(&bed.to_guest, "test:///", 8));
	assert_false(bed_has(&bed.to_guest, "host", 4));
	xdr_out_fini(&args);
	bed_fini(&bed);
}

static void nothing_passes_before_the_connection_is_open(void **s)
{
	struct bed bed;

	bed_init(&bed, LIBVIRT_VERBS_ALL, LIBVIRT_FULL);
	for (uint32_t number = 2; number < 450; number++) {
		bed_clear(&bed);
		assert_true(bed_call(&bed, BED_REMOTE, number, NULL));
		assert_int_equal(bed.to_daemon.len, 0);
	}
	bed_fini(&bed);
}

static void log_in_is_ours_and_polkit_is_done(void **s)
{
	static const uint8_t polkit[] = {0, 0, 0, 1, 0, 0, 0, 2};
	struct bed bed;
	struct libvirt_header header;
	struct xdr_in in;

	bed_init(&bed, LIBVIRT_INFO, 0);
	libvirt_filter_destroy(bed.filter);
	bed.filter = NULL;
	{
		struct libvirt_policy policy;

		libvirt_policy_init(&policy);
		libvirt_policy_add(&policy, "mine", bed_mine, LIBVIRT_INFO);
		bed.filter =
			libvirt_filter_create(&(struct libvirt_filter_config){
				.uri = "xen:///system", .policy = &policy});
		libvirt_policy_fini(&policy);
	}
	libvirt_filter_start(bed.filter, 0, &bed.to_daemon);
	assert_false(libvirt_filter_ready(bed.filter));
	assert_true(bed_first(&bed.to_daemon, &header, &in));
	assert_int_equal(header.procedure, 66);
	bed_reply(&bed, LIBVIRT_OK, polkit, sizeof(polkit));
	assert_true(bed_first(&bed.to_daemon, &header, &in));
	assert_int_equal(header.procedure, 70);
	assert_false(libvirt_filter_ready(bed.filter));
	bed_reply(&bed, LIBVIRT_OK, "\0\0\0\1", 4);
	assert_true(libvirt_filter_ready(bed.filter));
	/* The guest is told that nothing is needed, and cannot do it itself. */
	assert_true(bed_call(&bed, BED_REMOTE, 66, NULL));
	assert_true(bed_first(&bed.to_guest, &header, &in));
	assert_memory_equal(in.at, "\0\0\0\1\0\0\0\0", 8);
	bed_clear(&bed);
	assert_true(bed_call(&bed, BED_REMOTE, 70, NULL));
	assert_denied(&bed);
	bed_fini(&bed);
}

static void replies_go_to_their_calls_and_nowhere_else(void **s)
{
	struct bed bed;
	struct libvirt_header first, second, answer;
	struct xdr_in in;

	bed_init(&bed, LIBVIRT_INFO, 0);
	bed_open(&bed);
	assert_true(bed_call(&bed, BED_REMOTE, 4, NULL));
	bed_first(&bed.to_daemon, &first, &in);
	bed_clear(&bed);
	assert_true(bed_call(&bed, BED_REMOTE, 157, NULL));
	bed_first(&bed.to_daemon, &second, &in);
	assert_int_not_equal(first.serial, second.serial);
	bed_clear(&bed);
	/* Of another procedure, or never asked for: dropped. */
	answer = second;
	answer.type = LIBVIRT_REPLY;
	answer.serial = first.serial;
	assert_true(bed_daemon(&bed, &answer, "12345678", 8));
	answer.serial = 99999;
	assert_true(bed_daemon(&bed, &answer, "12345678", 8));
	assert_int_equal(bed.to_guest.len, 0);
	answer.serial = second.serial;
	assert_true(bed_daemon(&bed, &answer, "12345678", 8));
	assert_true(bed_first(&bed.to_guest, &answer, &in));
	assert_int_equal(answer.serial, bed.serial + 1000);
	bed_clear(&bed);
	/* Twice: dropped. */
	answer = second;
	answer.type = LIBVIRT_REPLY;
	assert_true(bed_daemon(&bed, &answer, "12345678", 8));
	assert_int_equal(bed.to_guest.len, 0);
	/* Descriptors from the daemon end it. */
	answer.type = LIBVIRT_REPLY_WITH_FDS;
	assert_false(bed_daemon(&bed, &answer, "12345678", 8));
	bed_fini(&bed);
}

static void calls_are_capped_and_answered_in_time(void **s)
{
	struct bed bed;
	unsigned int calls = 0;

	bed_init(&bed, LIBVIRT_INFO, 0);
	bed_open(&bed);
	while (libvirt_filter_ready(bed.filter)) {
		assert_true(bed_call(&bed, BED_REMOTE, 4, NULL));
		assert_true(calls++ < LIBVIRT_CALLS_MAX);
	}
	bed_clear(&bed);
	/* A daemon that leaves so many is not waited for. */
	assert_true(libvirt_filter_expire(bed.filter, 1000, &bed.to_guest));
	assert_int_equal(bed.to_guest.len, 0);
	assert_false(libvirt_filter_expire(bed.filter, 61000, &bed.to_guest));
	assert_true(bed_has(&bed.to_guest, "in time", 7));
	libvirt_filter_gone(bed.filter, "gone", &bed.to_guest);
	assert_true(libvirt_filter_ready(bed.filter));
	bed_clear(&bed);
	assert_true(bed_call(&bed, BED_REMOTE, 4, NULL));
	assert_true(bed_has(&bed.to_guest, "gone", 4));
	assert_int_equal(bed.to_daemon.len, 0);
	bed_fini(&bed);
}

static void keep_alive_is_answered_on_each_side(void **s)
{
	struct libvirt_header ping = {.program = BED_KEEPALIVE,
				      .version = 1,
				      .procedure = 1,
				      .type = LIBVIRT_MESSAGE};
	struct libvirt_header pong;
	struct xdr_in in;
	struct bed bed;

	bed_init(&bed, LIBVIRT_INFO, 0);
	assert_true(bed_guest(&bed, &ping, NULL, 0));
	assert_true(bed_first(&bed.to_guest, &pong, &in));
	assert_int_equal(pong.procedure, 2);
	assert_int_equal(bed.to_daemon.len, 0);
	bed_clear(&bed);
	assert_true(bed_daemon(&bed, &ping, NULL, 0));
	assert_true(bed_first(&bed.to_daemon, &pong, &in));
	assert_int_equal(bed.to_guest.len, 0);
	bed_fini(&bed);
}

/* --- streams
 * --------------------------------------------------------------------- */

static struct libvirt_header open_console(struct bed *bed)
{
	struct libvirt_header call;
	struct xdr_in in;
	struct xdr_out args;

	xdr_out_init(&args, 1000);
	bed_payload(&args, "D?tf", &bed_domain_mine, "serial0");
	assert_true(bed_call(bed, BED_REMOTE, 201, &args));
	assert_true(bed_first(&bed->to_daemon, &call, &in));
	xdr_out_fini(&args);
	return call;
}

static void a_console_streams_both_ways_and_ends(void **s)
{
	struct libvirt_header daemon, guest, seen;
	struct xdr_in in;
	struct bed bed;

	bed_init(&bed, LIBVIRT_CONSOLE, 0);
	bed_open(&bed);
	daemon = open_console(&bed);
	guest = daemon;
	guest.serial = bed.serial + 1000;
	guest.type = LIBVIRT_STREAM_DATA;
	guest.status = LIBVIRT_CONTINUE;
	bed.to_guest.len = 0;
	/* Not before it is answered. */
	assert_true(bed_guest(&bed, &guest, "early", 5));
	assert_false(bed_has(&bed.to_daemon, "early", 5));
	bed_reply(&bed, LIBVIRT_OK, NULL, 0);
	bed_clear(&bed);
	assert_true(bed_guest(&bed, &guest, "ls", 2));
	assert_true(bed_first(&bed.to_daemon, &seen, &in));
	assert_int_equal(seen.serial, daemon.serial);
	assert_memory_equal(in.at, "ls", 2);
	bed_clear(&bed);
	daemon.type = LIBVIRT_STREAM_DATA;
	daemon.status = LIBVIRT_CONTINUE;
	assert_true(bed_daemon(&bed, &daemon, "file", 4));
	assert_true(bed_first(&bed.to_guest, &seen, &in));
	assert_int_equal(seen.serial, guest.serial);
	assert_memory_equal(in.at, "file", 4);
	bed_clear(&bed);
	/* Finish, and what comes after that. */
	guest.status = LIBVIRT_OK;
	assert_true(bed_guest(&bed, &guest, NULL, 0));
	assert_true(bed.to_daemon.len > 0);
	bed_clear(&bed);
	guest.status = LIBVIRT_CONTINUE;
	assert_true(bed_guest(&bed, &guest, "late", 4));
	assert_int_equal(bed.to_daemon.len, 0);
	daemon.status = LIBVIRT_OK;
	assert_true(bed_daemon(&bed, &daemon, NULL, 0));
	assert_true(bed.to_guest.len > 0);
	bed_clear(&bed);
	daemon.status = LIBVIRT_CONTINUE;
	assert_true(bed_daemon(&bed, &daemon, "late", 4));
	assert_int_equal(bed.to_guest.len, 0);
	/* Holes are never asked for. */
	guest.type = LIBVIRT_STREAM_HOLE;
	assert_false(bed_guest(&bed, &guest, "12345678", 8));
	bed_fini(&bed);
}

static void streams_are_capped_and_end_with_their_grant(void **s)
{
	struct libvirt_policy nothing;
	struct bed bed;

	bed_init(&bed, LIBVIRT_CONSOLE, 0);
	bed_open(&bed);
	for (unsigned int i = 0; i < LIBVIRT_STREAMS_MAX; i++) {
		open_console(&bed);
		bed_reply(&bed, LIBVIRT_OK, NULL, 0);
		bed_clear(&bed);
	}
	{
		struct xdr_out args;

		xdr_out_init(&args, 1000);
		bed_payload(&args, "D?tf", &bed_domain_mine, "serial0");
		assert_true(bed_call(&bed, BED_REMOTE, 201, &args));
		assert_denied(&bed);
		xdr_out_fini(&args);
	}
	libvirt_policy_init(&nothing);
	assert_int_equal(libvirt_filter_set_policy(bed.filter, &nothing,
						   &bed.to_guest,
						   &bed.to_daemon),
			 0);
	/* The guest has an error for each, the daemon an abort. */
	assert_true(bed_has(&bed.to_guest, "policy has changed", 18));
	assert_int_equal(bed.to_daemon.len,
			 LIBVIRT_STREAMS_MAX * LIBVIRT_HEADER_LEN);
	bed_clear(&bed);
	assert_true(bed_call(&bed, BED_REMOTE, 4, NULL));
	assert_denied(&bed);
	bed_fini(&bed);
}

static void a_grant_that_went_hides_the_reply_that_comes(void **s)
{
	struct libvirt_policy nothing;
	struct xdr_out args, reply;
	struct bed bed;

	bed_init(&bed, LIBVIRT_INFO, 0);
	bed_open(&bed);
	xdr_out_init(&args, 1000);
	xdr_out_init(&reply, 1000);
	bed_payload(&args, "D", &bed_domain_mine, "");
	assert_true(bed_call(&bed, BED_REMOTE, 19, &args));
	libvirt_policy_init(&nothing);
	libvirt_filter_set_policy(bed.filter, &nothing, &bed.to_guest,
				  &bed.to_daemon);
	bed_payload(&reply, "t", &bed_domain_mine, "hvm");
	bed_reply(&bed, LIBVIRT_OK, reply.data, reply.len);
	assert_denied(&bed);
	xdr_out_fini(&args);
	xdr_out_fini(&reply);
	bed_fini(&bed);
}

static void flags_outside_the_table_are_denied(void **s)
{
	struct xdr_out args;
	struct bed bed;

	bed_init(&bed, LIBVIRT_INFO, 0);
	bed_open(&bed);
	for (uint32_t flag = 1; flag; flag <<= 1) {
		xdr_out_init(&args, 1000);
		bed_payload(&args, "D", &bed_domain_mine, "");
		xdr_put_u32(&args, flag);
		assert_true(bed_call(&bed, BED_REMOTE, 14, &args));
		if (flag == 2)
			bed_reply(&bed, LIBVIRT_ERROR, NULL, 0);
		else
			assert_denied(&bed);
		bed_clear(&bed);
		xdr_out_fini(&args);
	}
	bed_fini(&bed);
}

static void strings_of_stats_that_name_the_host_are_left_out(void **s)
{
	struct xdr_out args, reply;
	struct bed bed;

	bed_init(&bed, LIBVIRT_INFO, 0);
	bed_open(&bed);
	xdr_out_init(&args, 1000);
	xdr_out_init(&reply, 1000);
	xdr_put_u32(&args, 0);
	xdr_put_u32(&args, 0);
	xdr_put_u32(&args, 0);
	assert_true(bed_call(&bed, BED_REMOTE, 344, &args));
	assert_true(passed(&bed));
	xdr_put_u32(&reply, 2);
	bed_payload(&reply, "D", &bed_domain_other, "");
	bed_payload(&reply, "[P]", &bed_domain_other, "");
	bed_payload(&reply, "D", &bed_domain_mine, "");
	xdr_put_u32(&reply, 3);
	xdr_put_string(&reply, "block.0.name", 12);
	xdr_put_u32(&reply, 7);
	xdr_put_string(&reply, "vda", 3);
	xdr_put_string(&reply, "block.0.path", 12);
	xdr_put_u32(&reply, 7);
	xdr_put_string(&reply, "nbd:host", 8);
	xdr_put_string(&reply, "cpu.time", 8);
	xdr_put_u32(&reply, 4);
	xdr_put_octets(&reply, "87654321", 8);
	bed_reply(&bed, LIBVIRT_OK, reply.data, reply.len);
	assert_true(bed_has(&bed.to_guest, "vda", 3));
	assert_true(bed_has(&bed.to_guest, "87654321", 8));
	assert_false(bed_has(&bed.to_guest, "nbd", 3));
	assert_false(bed_has(&bed.to_guest, "block.0.path", 12));
	assert_false(bed_has(&bed.to_guest, BED_OTHER_NAME, 5));
	xdr_out_fini(&args);
	xdr_out_fini(&reply);
	bed_fini(&bed);
}

static void verbs_and_texts_of_a_policy_are_read_or_refused(void **s)
{
	struct libvirt_policy policy;

	assert_int_equal(libvirt_verbs_parse("info+lifecycle"),
			 LIBVIRT_INFO | LIBVIRT_LIFECYCLE);
	assert_int_equal(libvirt_verbs_parse("full"), LIBVIRT_VERBS_ALL);
	assert_int_equal(libvirt_verbs_parse("info,see"), 0);
	assert_int_equal(libvirt_verbs_parse("inf"), 0);
	libvirt_policy_init(&policy);
	assert_int_equal(libvirt_policy_add_text(&policy,
						 "a:b:11111111-2222-3333-4444-"
						 "555555555555:info"),
			 0);
	assert_string_equal(policy.targets[0].name, "a:b");
	assert_true(libvirt_policy_add_text(&policy, "x:info") < 0);
	assert_true(libvirt_policy_add_text(&policy, "x:1234:info") < 0);
	assert_true(libvirt_policy_add_text(
			    &policy, ":11111111-2222-3333-4444-555555555556:"
				     "info") < 0);
	/* One uuid, two names. */
	assert_true(libvirt_policy_add_text(
			    &policy, "c:11111111-2222-3333-4444-555555555555:"
				     "info") < 0);
	libvirt_policy_fini(&policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			without_a_grant_every_number_of_every_program_is_denied),
		cmocka_unit_test(a_verb_opens_its_own_procedures_and_no_others),
		cmocka_unit_test(
			a_domain_passes_only_if_name_uuid_and_id_agree),
		cmocka_unit_test(a_call_too_short_or_too_long_is_denied),
		cmocka_unit_test(no_reply_tells_of_another_domain),
		cmocka_unit_test(no_error_tells_of_another_domain),
		cmocka_unit_test(
			an_event_passes_if_asked_for_and_of_a_granted_domain),
		cmocka_unit_test(the_uri_is_the_services_own),
		cmocka_unit_test(nothing_passes_before_the_connection_is_open),
		cmocka_unit_test(log_in_is_ours_and_polkit_is_done),
		cmocka_unit_test(replies_go_to_their_calls_and_nowhere_else),
		cmocka_unit_test(calls_are_capped_and_answered_in_time),
		cmocka_unit_test(keep_alive_is_answered_on_each_side),
		cmocka_unit_test(a_console_streams_both_ways_and_ends),
		cmocka_unit_test(streams_are_capped_and_end_with_their_grant),
		cmocka_unit_test(a_grant_that_went_hides_the_reply_that_comes),
		cmocka_unit_test(flags_outside_the_table_are_denied),
		cmocka_unit_test(
			strings_of_stats_that_name_the_host_are_left_out),
		cmocka_unit_test(
			verbs_and_texts_of_a_policy_are_read_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
