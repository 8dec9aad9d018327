// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-message.c - broker and device process take exactly what they
 * should from each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/daemon/message.h"

static const unsigned int all_types[] = {
	MESSAGE_HELLO,	     MESSAGE_CONNECT,	      MESSAGE_PLUG,
	MESSAGE_UNPLUG,	     MESSAGE_SERVICE_PUT,     MESSAGE_SERVICE_REMOVE,
	MESSAGE_STOP,	     MESSAGE_STATS_GET,	      MESSAGE_READY,
	MESSAGE_ACK,	     MESSAGE_FAULT,	      MESSAGE_STATS,
	MESSAGE_AUDIT,	     MESSAGE_GRANT_PUT,	      MESSAGE_DOMAIN_LIMITS,
	MESSAGE_GRANT_STATS, MESSAGE_GRANT_STATS_GET,
};

enum { TYPES = sizeof(all_types) / sizeof(all_types[0]) };

static enum message_side side_of(unsigned int type)
{
	return type < 64 ? MESSAGE_FROM_BROKER : MESSAGE_FROM_DEVICE;
}

static unsigned int fds_of(unsigned int type)
{
	return type == MESSAGE_HELLO ? 1 : 0;
}

/* A message of this type that is right. */
static union message make(unsigned int type)
{
	union message message;

	memset(&message, 0, sizeof(message));
	message.header.type = (uint16_t)type;
	message.header.sequence = 7;
	switch (type) {
	case MESSAGE_HELLO:
		message.hello.version = MESSAGE_VERSION;
		message.hello.domid = 3;
		message.hello.port_count = 8;
		message.hello.log_level = 6;
		strcpy(message.hello.domain_name, "guest");
		break;
	case MESSAGE_PLUG:
		message.plug.port = 1;
		message.plug.function = MESSAGE_FUNCTION_WEB;
		strcpy(message.plug.name, "default");
		break;
	case MESSAGE_UNPLUG:
		message.unplug.port = 31;
		break;
	case MESSAGE_SERVICE_PUT:
		strcpy(message.service.name, "catalog");
		message.service.upstream_count = 1;
		strcpy(message.service.upstreams[0].url, "http://a:1");
		message.service.upstreams[0].address_count = 1;
		strcpy(message.service.upstreams[0].addresses[0], "10.0.0.1");
		break;
	case MESSAGE_SERVICE_REMOVE:
		strcpy(message.service_remove.name, "catalog");
		break;
	case MESSAGE_FAULT:
		message.fault.reason = MESSAGE_FAULT_PROTOCOL;
		strcpy(message.fault.detail, "why");
		break;
	case MESSAGE_GRANT_PUT:
		strcpy(message.grant.name, "catalog");
		strcpy(message.grant.limits.methods, "GET,HEAD");
		break;
	case MESSAGE_AUDIT:
		message.audit.count = 1;
		strcpy(message.audit.records[0].service, "catalog");
		break;
	case MESSAGE_GRANT_STATS_GET:
		strcpy(message.grant_stats_get.name, "catalog");
		break;
	case MESSAGE_GRANT_STATS:
		strcpy(message.grant_stats.name, "catalog");
		break;
	default:
		break;
	}
	return message;
}

static int check(const union message *message)
{
	unsigned int type = message->header.type;

	return message_check(message, message_length(type), fds_of(type),
			     side_of(type));
}

static void every_type_is_taken_at_its_length_only(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		union message message = make(all_types[i]);
		size_t len = message_length(all_types[i]);
		unsigned int fds = fds_of(all_types[i]);
		enum message_side side = side_of(all_types[i]);

		assert_int_equal(message_check(&message, len, fds, side), 0);
		for (size_t other = 0; other <= sizeof(message); other++)
			if (other != len)
				assert_int_equal(message_check(&message, other,
							       fds, side),
						 -EPROTO);
	}
}

static void nobody_says_what_the_other_side_says(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		union message message = make(all_types[i]);

		assert_int_equal(
			message_check(&message, message_length(all_types[i]),
				      fds_of(all_types[i]),
				      side_of(all_types[i]) ==
						      MESSAGE_FROM_BROKER
					      ? MESSAGE_FROM_DEVICE
					      : MESSAGE_FROM_BROKER),
			-EPROTO);
	}
}

static void descriptors_are_counted(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		union message message = make(all_types[i]);
		unsigned int right = fds_of(all_types[i]);

		for (unsigned int fds = 0; fds <= 2; fds++)
			assert_int_equal(
				message_check(&message,
					      message_length(all_types[i]), fds,
					      side_of(all_types[i])),
				fds == right ? 0 : -EPROTO);
	}
}

static void reserved_octets_are_zero(void **state)
{
	for (size_t i = 0; i < TYPES; i++) {
		union message message = make(all_types[i]);

		message.header.reserved = 1;
		assert_int_equal(check(&message), -EPROTO);
	}
}

#define REFUSED(type, change)                                                  \
	do {                                                                   \
		union message message = make(type);                            \
                                                                               \
		assert_int_equal(check(&message), 0);                          \
		change;                                                        \
		assert_int_equal(check(&message), -EPROTO);                    \
	} while (0)

static void limits_and_audits_out_of_range_are_refused(void **state)
{
	REFUSED(MESSAGE_HELLO, memset(message.hello.contact, 'a', 128));
	REFUSED(MESSAGE_GRANT_PUT, message.grant.name[0] = '\0');
	REFUSED(MESSAGE_GRANT_PUT, message.grant.limits.priority = 4);
	REFUSED(MESSAGE_GRANT_PUT, message.grant.limits.notify = 2);
	REFUSED(MESSAGE_GRANT_PUT,
		memset(message.grant.limits.methods, 'A', 288));
	REFUSED(MESSAGE_GRANT_PUT, message.grant.limits.methods[287] = 'A');
	REFUSED(MESSAGE_GRANT_PUT,
		memset(message.grant.limits.paths, '/', 2048));
	REFUSED(MESSAGE_GRANT_PUT, message.grant.limits.paths[0] = '\n');
	REFUSED(MESSAGE_DOMAIN_LIMITS,
		message.domain_limits.limits.priority = 4);
	REFUSED(MESSAGE_DOMAIN_LIMITS, message.domain_limits.limits.notify = 2);
	REFUSED(MESSAGE_AUDIT, message.audit.count = 0);
	REFUSED(MESSAGE_AUDIT, message.audit.count = 17);
	REFUSED(MESSAGE_AUDIT, message.audit.records[1].status = 1);
	REFUSED(MESSAGE_AUDIT, message.audit.records[0].status = 1000);
	REFUSED(MESSAGE_AUDIT,
		message.audit.records[0].verdict = MESSAGE_VERDICTS);
	REFUSED(MESSAGE_AUDIT, message.audit.records[0].notify = 2);
	REFUSED(MESSAGE_AUDIT, message.audit.records[0].reserved = 1);
	REFUSED(MESSAGE_AUDIT, message.audit.records[0].path[3] = 'a');
	REFUSED(MESSAGE_AUDIT, message.audit.records[0].path[0] = '\x7f');
	REFUSED(MESSAGE_AUDIT,
		memset(message.audit.records[0].method, 'A', 16));
	REFUSED(MESSAGE_GRANT_STATS_GET,
		message.grant_stats_get.name[0] = '\0');
	REFUSED(MESSAGE_GRANT_STATS, message.grant_stats.name[0] = '/');
}

static void fields_out_of_range_are_refused(void **state)
{
	REFUSED(MESSAGE_HELLO, message.hello.version = 1);
	REFUSED(MESSAGE_HELLO, message.hello.domid = 0);
	REFUSED(MESSAGE_HELLO, message.hello.domid = 0x7ff0);
	REFUSED(MESSAGE_HELLO, message.hello.port_count = 0);
	REFUSED(MESSAGE_HELLO, message.hello.port_count = 32);
	REFUSED(MESSAGE_HELLO, message.hello.log_level = 8);
	REFUSED(MESSAGE_HELLO, message.hello.max_ring_order = 4);
	REFUSED(MESSAGE_HELLO, message.hello.max_indirect_segments = 513);
	REFUSED(MESSAGE_HELLO, memset(message.hello.domain_name, 'a', 64));
	REFUSED(MESSAGE_HELLO, message.hello.domain_name[63] = 'x');
	REFUSED(MESSAGE_HELLO, message.hello.domain_name[1] = '\n');
	REFUSED(MESSAGE_CONNECT, message.connect.ring_order = 4);
	REFUSED(MESSAGE_CONNECT, message.connect.ring_refs[1] = 1);
	REFUSED(MESSAGE_CONNECT, message.connect.resume = 3);
	REFUSED(MESSAGE_PLUG, message.plug.port = 0);
	REFUSED(MESSAGE_PLUG, message.plug.port = 32);
	REFUSED(MESSAGE_PLUG, message.plug.function = 0);
	REFUSED(MESSAGE_PLUG, message.plug.function = 3);
	REFUSED(MESSAGE_PLUG, message.plug.name[0] = '\0');
	REFUSED(MESSAGE_PLUG, message.plug.name[0] = 'D');
	REFUSED(MESSAGE_PLUG, message.plug.name[0] = '.');
	REFUSED(MESSAGE_PLUG, message.plug.name[3] = '/');
	REFUSED(MESSAGE_UNPLUG, message.unplug.port = 0);
	REFUSED(MESSAGE_UNPLUG, message.unplug.reserved = 1);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.name[0] = '\0');
	REFUSED(MESSAGE_SERVICE_PUT, message.service.ca = 1);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.ca = 2);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.reserved = 1);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.upstream_count = 0);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.upstream_count = 2);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.upstream_count = 17);
	REFUSED(MESSAGE_SERVICE_PUT, message.service.upstreams[9].url[3] = 1);
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].address_count = 0);
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].address_count = 2);
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].address_count = 5);
	REFUSED(MESSAGE_SERVICE_PUT,
		memset(message.service.upstreams[0].url, 'a', 256));
	REFUSED(MESSAGE_SERVICE_PUT, message.service.host_header[255] = 'a');
	REFUSED(MESSAGE_SERVICE_REMOVE,
		memset(message.service_remove.name, 'a', 64));
	/* Octets behind the end of a string, where a reader stops looking. */
	REFUSED(MESSAGE_PLUG, message.plug.name[63] = 'x');
	REFUSED(MESSAGE_SERVICE_PUT, message.service.name[63] = 'x');
	REFUSED(MESSAGE_SERVICE_REMOVE, message.service_remove.name[63] = 'x');
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].url[255] = 'x');
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].addresses[0][20] = 'x');
	REFUSED(MESSAGE_SERVICE_PUT,
		message.service.upstreams[0].addresses[1][20] = 'x');
	REFUSED(MESSAGE_FAULT,
		message.fault.detail[MESSAGE_DETAIL_SIZE - 1] = 'x');
	REFUSED(MESSAGE_GRANT_PUT, message.grant.name[63] = 'x');
	REFUSED(MESSAGE_GRANT_STATS_GET,
		message.grant_stats_get.name[63] = 'x');
	REFUSED(MESSAGE_GRANT_STATS, message.grant_stats.name[63] = 'x');
	REFUSED(MESSAGE_ACK, message.ack.error = 1);
	REFUSED(MESSAGE_ACK, message.ack.error = -4096);
	REFUSED(MESSAGE_ACK, message.ack.reserved = 1);
	REFUSED(MESSAGE_FAULT, message.fault.reason = 0);
	REFUSED(MESSAGE_FAULT, message.fault.reason = MESSAGE_FAULT_COUNT);
	REFUSED(MESSAGE_FAULT, message.fault.detail[0] = '\x1b');
	REFUSED(MESSAGE_FAULT, message.fault.reserved = 1);
}

/* A device process resolves no names, so it is told none. */
static void addresses_are_numbers(void **state)
{
	static const struct {
		const char *address;
		int error;
	} cases[] = {
		{"10.0.0.1", 0},     {"::1", 0},
		{"fe80::1", 0},	     {"localhost", -EPROTO},
		{"10.0.0", -EPROTO}, {"10.0.0.1:80", -EPROTO},
		{"[::1]", -EPROTO},  {"fe80::1%eth0", -EPROTO},
		{"0x7f.1", -EPROTO}, {" 10.0.0.1", -EPROTO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		union message message = make(MESSAGE_SERVICE_PUT);

		memset(message.service.upstreams[0].addresses[0], 0,
		       MESSAGE_ADDRESS_SIZE);
		strcpy(message.service.upstreams[0].addresses[0],
		       cases[i].address);
		assert_int_equal(check(&message), cases[i].error);
	}
}

/*
 * --- over a socket ---
 */

static int sockets[2];

static int sockets_open(void **state)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets);
}

static int sockets_close(void **state)
{
	close(sockets[0]);
	close(sockets[1]);
	return 0;
}

static unsigned int open_fds(void)
{
	unsigned int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void a_message_and_its_descriptor_arrive(void **state)
{
	union message hello = make(MESSAGE_HELLO), got;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), passed;

	assert_int_equal(
		message_send(sockets[0], &hello, fd, MESSAGE_FROM_BROKER), 0);
	assert_int_equal(
		message_receive(sockets[1], &got, &passed, MESSAGE_FROM_BROKER),
		1);
	assert_memory_equal(&got.hello, &hello.hello, sizeof(hello.hello));
	assert_true(passed >= 0 && passed != fd);
	assert_true(fcntl(passed, F_GETFD) & FD_CLOEXEC);
	close(passed);
	close(fd);
}

static void what_is_wrong_is_not_sent(void **state)
{
	union message message = make(MESSAGE_PLUG), got;
	int fd;

	message.plug.port = 77;
	assert_int_equal(
		message_send(sockets[0], &message, -1, MESSAGE_FROM_BROKER),
		-EPROTO);
	message = make(MESSAGE_ACK);
	assert_int_equal(
		message_send(sockets[0], &message, -1, MESSAGE_FROM_BROKER),
		-EPROTO);
	assert_int_equal(
		message_receive(sockets[1], &got, &fd, MESSAGE_FROM_BROKER),
		-EAGAIN);
}

static void send_raw(const void *data, size_t len, const int *fds,
		     unsigned int count)
{
	char control[CMSG_SPACE(8 * sizeof(int))] = {0};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

	if (count) {
		struct cmsghdr *cmsg;

		header.msg_control = control;
		header.msg_controllen = CMSG_SPACE(count * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof(int));
	}
	assert_true(sendmsg(sockets[0], &header, 0) == (ssize_t)len);
}

static void surplus_descriptors_are_closed(void **state)
{
	union message hello = make(MESSAGE_HELLO), ack = make(MESSAGE_ACK), got;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), fd;
	int fds[8] = {null, null, null, null, null, null, null, null};
	unsigned int before = open_fds();

	for (unsigned int count = 0; count <= 8; count++) {
		if (count != 1) {
			send_raw(&hello, sizeof(hello.hello), fds, count);
			assert_int_equal(message_receive(sockets[1], &got, &fd,
							 MESSAGE_FROM_BROKER),
					 -EPROTO);
		}
		if (count != 0) {
			send_raw(&ack, sizeof(ack.ack), fds, count);
			assert_int_equal(message_receive(sockets[1], &got, &fd,
							 MESSAGE_FROM_DEVICE),
					 -EPROTO);
		}
		assert_int_equal(fd, -1);
		assert_int_equal(open_fds(), before);
	}
	close(null);
}

static void longer_than_any_message_is_refused(void **state)
{
	static uint8_t data[3 * sizeof(union message)];
	union message stop = make(MESSAGE_STOP), got;
	int fd;

	memcpy(data, &stop, sizeof(stop));
	send_raw(data, sizeof(data), NULL, 0);
	assert_int_equal(
		message_receive(sockets[1], &got, &fd, MESSAGE_FROM_BROKER),
		-EPROTO);
	send_raw(data, sizeof(stop.plain), NULL, 0);
	assert_int_equal(
		message_receive(sockets[1], &got, &fd, MESSAGE_FROM_BROKER), 1);
}

static void a_peer_that_does_not_read_is_noticed(void **state)
{
	union message message = make(MESSAGE_SERVICE_PUT);
	int sent = 0, error;

	while (!(error = message_send(sockets[0], &message, -1,
				      MESSAGE_FROM_BROKER)))
		assert_true(++sent < 10000);
	assert_int_equal(error, -EAGAIN);
	/* The broker's window of 8 is no trouble. */
	assert_true(sent >= 8);
}

static void the_end_is_noticed(void **state)
{
	union message message = make(MESSAGE_STOP), got;
	int fd;

	shutdown(sockets[0], SHUT_RDWR);
	assert_int_equal(
		message_receive(sockets[1], &got, &fd, MESSAGE_FROM_BROKER), 0);
	assert_int_equal(
		message_send(sockets[1], &message, -1, MESSAGE_FROM_BROKER),
		-EPIPE);
}

#define SOCKET_CASE(name)                                                      \
	cmocka_unit_test_setup_teardown(name, sockets_open, sockets_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_is_taken_at_its_length_only),
		cmocka_unit_test(nobody_says_what_the_other_side_says),
		cmocka_unit_test(descriptors_are_counted),
		cmocka_unit_test(reserved_octets_are_zero),
		cmocka_unit_test(fields_out_of_range_are_refused),
		cmocka_unit_test(addresses_are_numbers),
		cmocka_unit_test(limits_and_audits_out_of_range_are_refused),
		SOCKET_CASE(a_message_and_its_descriptor_arrive),
		SOCKET_CASE(what_is_wrong_is_not_sent),
		SOCKET_CASE(surplus_descriptors_are_closed),
		SOCKET_CASE(longer_than_any_message_is_refused),
		SOCKET_CASE(a_peer_that_does_not_read_is_noticed),
		SOCKET_CASE(the_end_is_noticed),
	};

	return cmocka_run_group_tests_name("daemon-message", tests, NULL, NULL);
}
