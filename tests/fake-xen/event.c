/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.c - event channel ports, as Xen and the kernel's evtchn device make
 * them together.
 *
 * A port that gets an event is masked and queued in its handle's FIFO once;
 * what comes until the owner unmasks it is remembered as one more event:
 *
 *     0 --event--> QUEUED --event--> QUEUED|AGAIN --EOI--> QUEUED
 *                  QUEUED --EOI--> 0
 *
 * Closing one end leaves the other end unbound and open to its old peer's
 * domain: so a restarted backend binds the same port of the guest again.
 */
#include "tests/fake-xen/event.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "tests/fake-xen/core.h"

static int port_take_locked(unsigned slot, int handle, struct fx_port **out)
{
	struct fx_domain_info *info = &fx_machine()->domain[slot];
	struct fx_domain *domain = fx_domain_locked(slot);

	/* Numbers go round, so that an event left in a queue from a former port
	 * of the same number is unlikely to meet a new one. */
	for (unsigned i = 0; i < FX_PORTS; i++) {
		uint32_t number = (info->next_port + i) % FX_PORTS;
		struct fx_port *port = &domain->port[number];

		if (number == 0 || port->state != FX_PORT_FREE)
			continue;
		info->next_port = number + 1;
		memset(port, 0, sizeof(*port));
		port->handle = (uint32_t)(handle + 1);
		*out = port;
		return (int)number;
	}
	return -ENOSPC;
}

int fx_port_alloc_locked(unsigned slot, int handle, uint32_t remote_domid)
{
	struct fx_port *port;
	int number = port_take_locked(slot, handle, &port);

	if (number < 0)
		return number;
	port->remote_domid = remote_domid;
	port->state = FX_PORT_UNBOUND;
	return number;
}

int fx_port_bind_locked(unsigned slot, int handle, uint32_t remote_domid,
			uint32_t remote_port)
{
	const struct fx_domain_info *info = fx_machine()->domain;
	struct fx_port *port, *remote;
	int remote_slot = fx_slot_locked(remote_domid);
	int number;

	if (remote_slot < 0)
		return -ESRCH;
	if (remote_port == 0 || remote_port >= FX_PORTS ||
	    info[remote_slot].state != FX_DOMAIN_ALIVE)
		return -EINVAL;
	remote = &fx_domain_locked((unsigned)remote_slot)->port[remote_port];
	if (remote->state != FX_PORT_UNBOUND ||
	    remote->remote_domid != info[slot].domid)
		return -EINVAL;
	number = port_take_locked(slot, handle, &port);
	if (number < 0)
		return number;
	port->remote_domid = remote_domid;
	port->remote_port = remote_port;
	port->state = FX_PORT_INTERDOMAIN;
	remote->remote_port = (uint32_t)number;
	remote->binds++;
	remote->state = FX_PORT_INTERDOMAIN;
	fx_port_raise_locked(slot, (uint32_t)number);
	return number;
}

int fx_port_virq_locked(unsigned slot, int handle, uint32_t virq)
{
	struct fx_domain *domain = fx_domain_locked(slot);
	struct fx_port *port;
	int number;

	for (unsigned i = 1; i < FX_PORTS; i++)
		if (domain->port[i].state == FX_PORT_VIRQ &&
		    domain->port[i].remote_port == virq)
			return -EEXIST;
	number = port_take_locked(slot, handle, &port);
	if (number < 0)
		return number;
	port->remote_port = virq;
	port->state = FX_PORT_VIRQ;
	return number;
}

struct fx_port *fx_port_peer_locked(const struct fx_port *port)
{
	int slot;

	if (port->state != FX_PORT_INTERDOMAIN)
		return NULL;
	slot = fx_slot_locked(port->remote_domid);
	if (slot < 0 || port->remote_port >= FX_PORTS)
		return NULL;
	return &fx_domain_locked((unsigned)slot)->port[port->remote_port];
}

void fx_port_close_locked(unsigned slot, uint32_t number)
{
	struct fx_port *port = &fx_domain_locked(slot)->port[number];
	struct fx_port *peer = fx_port_peer_locked(port);

	if (peer && peer != port) {
		peer->remote_port = 0;
		peer->state = FX_PORT_UNBOUND;
	}
	port->handle = 0;
	port->state = FX_PORT_FREE;
}

void fx_port_raise_locked(unsigned slot, uint32_t number)
{
	struct fx_port *port = &fx_domain_locked(slot)->port[number];
	uint32_t old;

	if (port->handle == 0)
		return;
	old = atomic_load(&port->event);
	while (!atomic_compare_exchange_weak(
		&port->event, &old,
		old == 0 ? FX_EVENT_QUEUED : FX_EVENT_QUEUED | FX_EVENT_AGAIN))
		;
	if (old == 0)
		fx_queue_locked(port->handle - 1, number);
}

int fx_port_notify_locked(unsigned slot, uint32_t number)
{
	struct fx_port *port = &fx_domain_locked(slot)->port[number];
	struct fx_port *peer = fx_port_peer_locked(port);
	int peer_slot;

	port->sent++;
	if (!peer)
		return 1;
	peer->received++;
	peer_slot = fx_slot_locked(port->remote_domid);
	fx_port_raise_locked((unsigned)peer_slot, port->remote_port);
	return 0;
}

bool fx_port_taken_locked(unsigned slot, int handle, uint32_t number)
{
	struct fx_port *port, *peer;

	if (number == 0 || number >= FX_PORTS)
		return false;
	port = &fx_domain_locked(slot)->port[number];
	if (port->state == FX_PORT_FREE ||
	    port->handle != (uint32_t)(handle + 1))
		return false;
	port->delivered++;
	peer = fx_port_peer_locked(port);
	if (peer)
		peer->peer_delivered++;
	return true;
}

bool fx_port_eoi_locked(unsigned slot, uint32_t number)
{
	struct fx_port *port = &fx_domain_locked(slot)->port[number];
	struct fx_port *peer = fx_port_peer_locked(port);
	uint32_t old = atomic_exchange(&port->event, 0);

	port->eois++;
	if (peer)
		peer->peer_eois++;
	if (old & FX_EVENT_AGAIN)
		fx_port_raise_locked(slot, number);
	return (old & FX_EVENT_QUEUED) != 0;
}

void fx_virq_raise_locked(uint32_t virq)
{
	struct fx_domain *dom0 = fx_domain_locked(0);

	for (uint32_t i = 1; i < FX_PORTS; i++)
		if (dom0->port[i].state == FX_PORT_VIRQ &&
		    dom0->port[i].remote_port == virq)
			fx_port_raise_locked(0, i);
}

void fx_ports_close_locked(unsigned slot, int handle)
{
	struct fx_domain *domain = fx_domain_locked(slot);

	for (uint32_t i = 1; i < FX_PORTS; i++)
		if (domain->port[i].state != FX_PORT_FREE &&
		    (handle < 0 ||
		     domain->port[i].handle == (uint32_t)handle + 1))
			fx_port_close_locked(slot, i);
}
