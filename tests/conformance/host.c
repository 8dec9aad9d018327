// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * host.c - what hosts at the other end of a wire have in common.
 */
#include "tests/conformance/host.h"

enum { PATIENCE_TURNS = 4000, QUIET_TURNS = 5 };

void host_settle(struct host *host)
{
	int quiet = 0;

	while (quiet < QUIET_TURNS)
		quiet = host->ops->turn(host, 0) ? 0 : quiet + 1;
}

bool host_wait(struct host *host, struct host_transfer *transfer)
{
	for (int i = 0; i < PATIENCE_TURNS && !transfer->done; i++)
		host->ops->turn(host, i < 5 ? 0 : 1);
	return transfer->done;
}

void host_control(struct host *host, uint8_t type, uint8_t request,
		  uint16_t value, uint16_t index)
{
	struct host_transfer transfer = {
		.type = USB_TRANSFER_CONTROL,
		.setup = {type, request, value & 0xff, value >> 8, index & 0xff,
			  index >> 8},
	};

	host->ops->submit(host, &transfer);
	REQUIRE(host->ops->wait(host, &transfer));
	REQUIRE(transfer.wire_status == host->ops->wire_status(USB_STATUS_OK));
}
