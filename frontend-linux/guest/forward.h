/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * forward.h - a local service that answers what comes over a link.
 *
 * "unix:/PATH", "tcp:127.0.0.1:PORT" or "tcp:[::1]:PORT".
 */
#ifndef GUEST_FORWARD_H
#define GUEST_FORWARD_H

/* 0, or -EINVAL if that is no address (a TCP one is to be loopback). */
int forward_check(const char *target);

/*
 * A non-blocking socket that is connected or on its way; or a negative errno.
 * Whoever reads or writes it learns whether somebody is there.
 */
int forward_connect(const char *target);

#endif
