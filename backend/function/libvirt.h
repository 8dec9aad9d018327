/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt.h - a function whose pipes are connections to the platform's libvirt
 * within a grant (docs/libvirt.md): on each pipe a stock client speaks
 * libvirt's RPC as on a unix socket.
 *
 *   the pipe is opened                    OPENED at once: whether a daemon is
 *                                         there is told as a libvirt error
 *   the daemon goes                       errors for what is open, then EOS
 *   octets that are no RPC                RESET PROTOCOL
 *   the guest does not read               RESET TIMEOUT
 */
#ifndef FUNCTION_LIBVIRT_H
#define FUNCTION_LIBVIRT_H

#include "backend/service/libvirt.h"
#include "backend/usb/function.h"

/*
 * name: as in the grant, copied.  pipes: 1..TV_PIPE_MAX.  The service is owned
 * from then on, also on failure.  NULL: out of memory.
 */
struct usb_function *libvirt_function_create(const char *name,
					     unsigned int pipes,
					     struct libvirt_service *service);

#endif
