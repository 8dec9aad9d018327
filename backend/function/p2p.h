/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * p2p.h - a function whose pipes are connections to one other domain.
 *
 * What the guest sees (docs/p2p.md):
 *   the other guest opens a pipe too     OPENED
 *   it is not there, role connect        RESET UNREACHABLE
 *   it does not listen, role connect     RESET TIMEOUT after 10 s
 *   it is not there or opens nothing,    the pipe stays OPENING
 *   other roles
 *   it is slow, never reads              OUTs stay unanswered
 *   it shuts its side down               EOS after the last octet
 *   it closes after that                 the same; what is sent to it later:
 *                                        RESET PEER_RESET
 *   it closes without, goes, crashes     RESET PEER_RESET
 */
#ifndef FUNCTION_P2P_H
#define FUNCTION_P2P_H

#include "backend/service/link.h"
#include "backend/usb/function.h"

struct p2p_config {
	const char *name;     /* of the link, as in the grant; copied */
	unsigned int pipes;   /* 1..TV_PIPE_MAX; 0: 4 */
	struct link_end *end; /* owned, also on failure */
	/* The other domain: what the broker knows, not what it says. */
	const char *peer_name; /* copied */
	uint8_t peer_uuid[16];
};

/*
 * NULL: out of memory.  Attaching and detaching the end remains the caller's;
 * the function tells its host.
 */
struct usb_function *p2p_function_create(const struct p2p_config *config);

#endif
