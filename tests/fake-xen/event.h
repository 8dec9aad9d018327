/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - event channel ports of any domain; used by xenevtchn_* for dom0
 * and by guest.c for guests.  Internal to tests/fake-xen.
 *
 * All want fx_lock() held and return 0 or more, or a negative errno.
 */
#ifndef TV_TESTS_FAKE_EVENT_H
#define TV_TESTS_FAKE_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/fake-xen/layout.h"

/* A new port of `slot` that `remote_domid` may bind.  handle -1: nobody. */
int fx_port_alloc_locked(unsigned slot, int handle, uint32_t remote_domid);

/* Binds a new port of `slot` to an unbound port of another domain (or of the
 * same one).  As in Xen the new port starts with an event pending. */
int fx_port_bind_locked(unsigned slot, int handle, uint32_t remote_domid,
			uint32_t remote_port);

int fx_port_virq_locked(unsigned slot, int handle, uint32_t virq);

/* Frees a port; its peer, if any, becomes unbound and can be bound again. */
void fx_port_close_locked(unsigned slot, uint32_t port);

/* Sends; 1 if the port has no peer (Xen drops the event silently). */
int fx_port_notify_locked(unsigned slot, uint32_t port);

/* Raises an event on the port itself. */
void fx_port_raise_locked(unsigned slot, uint32_t port);

/* Books an event read from the queue; false if the port is no more. */
bool fx_port_taken_locked(unsigned slot, int handle, uint32_t port);

/* End of interrupt; false if there was no event to end. */
bool fx_port_eoi_locked(unsigned slot, uint32_t port);

/* Raises a virq wherever dom0 has bound it. */
void fx_virq_raise_locked(uint32_t virq);

/* Closes all ports of a handle, or (handle -1) of a whole domain. */
void fx_ports_close_locked(unsigned slot, int handle);

/* The peer's port structure, or NULL. */
struct fx_port *fx_port_peer_locked(const struct fx_port *port);

#endif
