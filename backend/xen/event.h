/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - the event channel between a device process and one guest.
 *
 * An event arrives masked and stays so until event_unmask(): the guest cannot
 * raise the next one before the work of this one is done (XSA-332).
 */
#ifndef XEN_EVENT_H
#define XEN_EVENT_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>

struct event_channel {
	xenevtchn_handle *handle; /* borrowed */
	int port;		  /* -1: not bound */
};

/*
 * Opens the event channel device and binds the handle to one domain for ever:
 * whoever holds it can reach no other guest.  Call before privileges are
 * dropped.  0 or a negative errno; close with xenevtchn_close().
 */
int event_open(uint16_t domid, xenevtchn_handle **handle);

void event_init(struct event_channel *channel, xenevtchn_handle *handle);

/* Binds to a port the guest offers.  0 or a negative errno. */
int event_bind(struct event_channel *channel, uint16_t domid,
	       uint32_t remote_port);
/* Accepts a channel that is not bound. */
void event_unbind(struct event_channel *channel);

/* The descriptor that becomes readable with an event. */
int event_fd(const struct event_channel *channel);

/* Takes one event, which is masked now.  False: there was none of ours. */
bool event_take(struct event_channel *channel);
void event_unmask(struct event_channel *channel);
void event_notify(struct event_channel *channel);

#endif
