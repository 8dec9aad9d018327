/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * socket.h - what the tests of both buses of sockets share.
 */
#ifndef TESTS_CONFORMANCE_SOCKET_H
#define TESTS_CONFORMANCE_SOCKET_H

#include "backend/bus/address.h"
#include "tests/conformance/host.h"
#include "tests/conformance/peer.h"

/* A listener; port 0 of TCP becomes the one that was given. */
int socket_listen(struct address *address, const char *text);

/* Configures the device that is plugged in and opens pipe 0. */
void socket_ready(struct host *host);

/*
 * A host that sends more to pipe 0 than may wait: the endpoint halts with all
 * that waited, and nothing is taken of it.
 */
void socket_flood(struct host *host, struct peer *peer);

#endif
