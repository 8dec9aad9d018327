/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * char.h - a function whose pipes are connections to a provider: the octets of
 * the guest go to a socket, a program or a serial device, and back.
 *
 * What the guest sees of its provider (docs/providers.md):
 *   the connection is made              OPENED
 *   nobody is there                     RESET UNREACHABLE
 *   nobody answers                      RESET TIMEOUT
 *   too many connections already        RESET LIMIT
 *   the provider is slow, never reads   its OUTs stay unanswered
 *   the provider ends its output        EOS after the last octet
 *   the provider goes while the guest   all its output, then RESET PEER_RESET
 *   still sends
 *   it crashes                          RESET PEER_RESET
 */
#ifndef FUNCTION_CHAR_H
#define FUNCTION_CHAR_H

#include "backend/service/char.h"
#include "backend/usb/function.h"

/*
 * name: as in the grant, copied.  pipes: 1..TV_PIPE_MAX.  The target is owned
 * from then on, also on failure.  NULL: out of memory.
 */
struct usb_function *char_function_create(const char *name, unsigned int pipes,
					  struct char_target *target);

#endif
