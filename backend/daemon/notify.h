/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - tells systemd how the service is doing (sd_notify(3), without the
 * library: it is one datagram).
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

/* Sends "READY=1" or the like to $NOTIFY_SOCKET; nothing if there is none. */
void notify_send(const char *state);

/* RELOADING=1 with the time stamp that Type=notify-reload wants. */
void notify_reloading(void);

#endif
