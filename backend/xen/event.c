// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event.c - the event channel between a device process and one guest.
 *
 * #syscalls: ioctl read write
 */
#include "backend/xen/event.h"

#include <errno.h>
#include <stddef.h>

int event_open(uint16_t domid, xenevtchn_handle **handle)
{
	xenevtchn_handle *opened = xenevtchn_open(NULL, 0);
	int error;

	if (!opened)
		return errno ? -errno : -EIO;
	if (xenevtchn_restrict(opened, domid) < 0) {
		error = errno ? -errno : -EIO;
		xenevtchn_close(opened);
		return error;
	}
	*handle = opened;
	return 0;
}

void event_init(struct event_channel *channel, xenevtchn_handle *handle)
{
	channel->handle = handle;
	channel->port = -1;
}

int event_bind(struct event_channel *channel, uint16_t domid,
	       uint32_t remote_port)
{
	int port =
		xenevtchn_bind_interdomain(channel->handle, domid, remote_port);

	if (port < 0)
		return errno ? -errno : -EIO;
	channel->port = port;
	return 0;
}

void event_unbind(struct event_channel *channel)
{
	if (channel->port < 0)
		return;
	xenevtchn_unbind(channel->handle, (evtchn_port_t)channel->port);
	channel->port = -1;
}

int event_fd(const struct event_channel *channel)
{
	return xenevtchn_fd(channel->handle);
}

bool event_take(struct event_channel *channel)
{
	int port = xenevtchn_pending(channel->handle);

	/* What was pending for a port unbound since then is nobody's. */
	return port >= 0 && port == channel->port;
}

void event_unmask(struct event_channel *channel)
{
	if (channel->port >= 0)
		xenevtchn_unmask(channel->handle, (evtchn_port_t)channel->port);
}

void event_notify(struct event_channel *channel)
{
	/* Fails only if the guest's end is gone: then nobody misses it. */
	if (channel->port >= 0)
		xenevtchn_notify(channel->handle, (evtchn_port_t)channel->port);
}
