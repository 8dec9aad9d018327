// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * socket.c - what the tests of both buses of sockets share.
 */
#include "tests/conformance/socket.h"

#include "backend/bus/attach.h"
#include "protocol/pipe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int socket_listen(struct address *address, const char *text)
{
	int fd;

	REQUIRE(address_parse(address, text) == 0);
	fd = address_listen(address, 0600);
	REQUIRE(fd >= 0);
	if (strncmp(text, "tcp:", 4) == 0)
		REQUIRE(getsockname(fd, (struct sockaddr *)&address->name,
				    &address->len) == 0);
	return fd;
}

void socket_ready(struct host *host)
{
	host_control(host, 0x00, 9, 1, 0);
	host_control(host, 0x01, 11, 1, 0);
	host_control(host, 0x41, TV_PIPE_OPEN, 1, 0);
}

void socket_flood(struct host *host, struct peer *peer)
{
	enum { CHUNK = 1 << 20, CHUNKS = ATTACH_MAX_OUT / CHUNK };
	struct host_transfer out[CHUNKS + 1];
	uint8_t *data = calloc(1, CHUNK);

	REQUIRE(data);
	peer->pipes[0].room = 0;
	for (unsigned int i = 0; i < CHUNKS + 1; i++) {
		out[i] = (struct host_transfer){.type = USB_TRANSFER_BULK,
						.endpoint = 0x01,
						.data = data,
						.length = CHUNK};
		host->ops->submit(host, &out[i]);
		host->ops->settle(host);
		REQUIRE(out[0].done == (i == CHUNKS));
	}
	for (unsigned int i = 0; i < CHUNKS + 1; i++) {
		REQUIRE(host->ops->wait(host, &out[i]));
		REQUIRE(out[i].wire_status ==
			host->ops->wire_status(USB_STATUS_STALL));
	}
	free(data);
}
