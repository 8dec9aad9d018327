/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * diag.h - a function for measuring and for finding faults: echo, sink, source.
 *
 * The first octet that the guest sends on a pipe says what it does:
 *   'E'  echo: what comes is sent back
 *   'S'  sink: what comes is thrown away; at the end of OUT the number of
 *        octets after the first one is sent back (8 octets, little endian)
 *   'G'  source: octets are sent as long as the guest reads; octet n is
 *        (n + n / 251) modulo 256
 * Anything else resets the pipe with PROTOCOL.  The function reaches nothing
 * outside; it is the pipe of docs/device.md and no more.
 */
#ifndef FUNCTION_DIAG_H
#define FUNCTION_DIAG_H

#include "backend/usb/function.h"

/* name: as in the grant, copied.  NULL: out of memory. */
struct usb_function *diag_function_create(const char *name);

#endif
