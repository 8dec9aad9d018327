// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-message.c - octets of a hostile peer into the broker's message checks.
 *
 * The first octet chooses the sender's side (bit 0) and the number of
 * descriptors (bits 1 and 2); the rest is the datagram.  What is accepted must
 * be sent and received again as it was, and its strings must end.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/daemon/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition))                                              \
			abort();                                               \
	} while (0)

static void strings_check(const union message *message)
{
	switch (message->header.type) {
	case MESSAGE_HELLO:
		REQUIRE(strlen(message->hello.domain_name) < MESSAGE_NAME_SIZE);
		break;
	case MESSAGE_PLUG:
		REQUIRE(message_name_valid(message->plug.name));
		break;
	case MESSAGE_SERVICE_PUT:
		REQUIRE(message_name_valid(message->service.name));
		REQUIRE(message->service.upstream_count <=
			MESSAGE_MAX_UPSTREAMS);
		for (uint32_t i = 0; i < message->service.upstream_count; i++)
			REQUIRE(strlen(message->service.upstreams[i].url) <
				MESSAGE_URL_SIZE);
		break;
	case MESSAGE_GRANT_PUT:
		REQUIRE(message_name_valid(message->grant.name));
		REQUIRE(strlen(message->grant.limits.methods) <
			MESSAGE_METHODS_SIZE);
		REQUIRE(strlen(message->grant.limits.paths) <
			MESSAGE_PATHS_SIZE);
		break;
	case MESSAGE_AUDIT:
		REQUIRE(message->audit.count <= MESSAGE_AUDIT_MAX);
		for (uint32_t i = 0; i < message->audit.count; i++)
			REQUIRE(strlen(message->audit.records[i].path) <
				MESSAGE_AUDIT_PATH_SIZE);
		break;
	case MESSAGE_FAULT:
		REQUIRE(strlen(message->fault.detail) < MESSAGE_DETAIL_SIZE);
		break;
	default:
		break;
	}
}

static void round_trip(const union message *message, size_t len,
		       enum message_side side, unsigned int fds)
{
	union message got;
	int sockets[2], fd;

	REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) == 0);
	REQUIRE(message_send(sockets[0], message, fds ? 0 : -1, side) == 0);
	REQUIRE(message_receive(sockets[1], &got, &fd, side) == 1);
	REQUIRE(memcmp(&got, message, len) == 0);
	REQUIRE((fd >= 0) == (fds == 1));
	if (fd >= 0)
		close(fd);
	close(sockets[0]);
	close(sockets[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum message_side side;
	union message message;
	unsigned int fds;

	if (size < 1)
		return 0;
	side = data[0] & 1 ? MESSAGE_FROM_DEVICE : MESSAGE_FROM_BROKER;
	fds = data[0] >> 1 & 3;
	data++;
	size--;
	if (message_check(data, size, fds, side))
		return 0;
	REQUIRE(size <= sizeof(message) && fds <= 1);
	memset(&message, 0, sizeof(message));
	memcpy(&message, data, size);
	strings_check(&message);
	round_trip(&message, size, side, fds);
	return 0;
}
