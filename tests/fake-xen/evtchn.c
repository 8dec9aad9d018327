/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * evtchn.c - libxenevtchn over the fake hypervisor: xenevtchn_*, acting as
 * dom0, with the errors of Linux's evtchn device.
 */
#include <xenevtchn.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/fake-xen/core.h"
#include "tests/fake-xen/event.h"

struct xenevtchn_handle {
	unsigned index;
	int fd;
};

static int result(int rc)
{
	if (rc >= 0)
		return rc;
	errno = -rc;
	return -1;
}

static xenevtchn_handle *handle_new(int index, int fd)
{
	xenevtchn_handle *xce = malloc(sizeof(*xce));

	if (!xce) {
		errno = ENOMEM;
		return NULL;
	}
	xce->index = (unsigned)index;
	xce->fd = fd;
	return xce;
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
				 unsigned int flags)
{
	xenevtchn_handle *xce;
	int index, fd = -1;

	if (flags & ~(unsigned)XENEVTCHN_NO_CLOEXEC) {
		errno = EINVAL;
		return NULL;
	}
	index = fx_handle_open(FX_HANDLE_EVTCHN, 0,
			       !(flags & XENEVTCHN_NO_CLOEXEC), &fd);
	if (index < 0) {
		errno = -index;
		return NULL;
	}
	xce = handle_new(index, fd);
	if (!xce)
		fx_handle_close((unsigned)index, fd);
	return xce;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd,
				   unsigned open_flags)
{
	int index;

	if (open_flags) {
		errno = EINVAL;
		return NULL;
	}
	index = fx_handle_find(fd);
	if (index < 0 || fx_handle((unsigned)index)->kind != FX_HANDLE_EVTCHN) {
		errno = index < 0 ? -index : EBADF;
		return NULL;
	}
	return handle_new(index, fd);
}

int xenevtchn_close(xenevtchn_handle *xce)
{
	if (!xce)
		return 0;
	fx_handle_close(xce->index, xce->fd);
	free(xce);
	return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
	return xce->fd;
}

/* The handle's own bound port, or NULL. */
static struct fx_port *own_port_locked(const xenevtchn_handle *xce,
				       evtchn_port_t number)
{
	struct fx_port *port;

	if (number == 0 || number >= FX_PORTS)
		return NULL;
	port = &fx_domain_locked(0)->port[number];
	if (port->state == FX_PORT_FREE || port->handle != xce->index + 1)
		return NULL;
	return port;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t number)
{
	struct fx_stats *stats = &fx_machine()->stats;
	const struct fx_port *port;
	int32_t value;
	int rc = 0;

	fx_lock();
	port = own_port_locked(xce, number);
	if (!port) {
		rc = -ENOTCONN;
	} else if (fx_fault_locked(FAKE_FAULT_NOTIFY, port->remote_domid,
				   &value)) {
		rc = -value;
	} else {
		stats->notifies++;
		if (fx_port_notify_locked(0, number) == 1)
			stats->notifies_unbound++;
	}
	fx_unlock();
	return result(rc);
}

/* xenevtchn_restrict() holds for everything that names a domain. */
static bool restricted_locked(const xenevtchn_handle *xce, uint32_t domid)
{
	uint32_t only = fx_handle(xce->index)->restricted;

	if (only == FX_UNRESTRICTED || only == domid)
		return false;
	fx_machine()->stats.denied++;
	return true;
}

xenevtchn_port_or_error_t xenevtchn_bind_unbound_port(xenevtchn_handle *xce,
						      uint32_t domid)
{
	int rc;

	fx_lock();
	if (restricted_locked(xce, domid))
		rc = -EACCES;
	else
		rc = fx_port_alloc_locked(0, (int)xce->index, domid);
	fx_unlock();
	return result(rc);
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
						     uint32_t domid,
						     evtchn_port_t remote_port)
{
	int32_t value;
	int rc;

	fx_lock();
	/* The port may still be held by a process that died. */
	fx_reap_locked();
	if (restricted_locked(xce, domid))
		rc = -EACCES;
	else if (fx_fault_locked(FAKE_FAULT_BIND, domid, &value))
		rc = -value;
	else
		rc = fx_port_bind_locked(0, (int)xce->index, domid,
					 remote_port);
	fx_unlock();
	return result(rc);
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
					      unsigned int virq)
{
	int rc;

	fx_lock();
	fx_reap_locked();
	if (fx_handle(xce->index)->restricted != FX_UNRESTRICTED) {
		fx_machine()->stats.denied++;
		rc = -EACCES;
	} else {
		rc = fx_port_virq_locked(0, (int)xce->index, virq);
	}
	fx_unlock();
	return result(rc);
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t number)
{
	int rc = 0;

	fx_lock();
	if (own_port_locked(xce, number))
		fx_port_close_locked(0, number);
	else
		rc = number == 0 || number >= FX_PORTS ? -EINVAL : -ENOTCONN;
	fx_unlock();
	return result(rc);
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	uint32_t number;
	ssize_t got = read(xce->fd, &number, sizeof(number));

	if (got != (ssize_t)sizeof(number)) {
		if (got >= 0)
			errno = EIO;
		return -1;
	}
	fx_lock();
	(void)fx_port_taken_locked(0, (int)xce->index, number);
	fx_unlock();
	return (int)number;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t number)
{
	struct fx_stats *stats = &fx_machine()->stats;

	fx_lock();
	if (own_port_locked(xce, number)) {
		stats->unmasks++;
		if (!fx_port_eoi_locked(0, number))
			stats->unmasks_idle++;
	}
	/* The kernel ignores a write for a port that is not the file's. */
	fx_unlock();
	return 0;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
	int rc = 0;

	fx_lock();
	if (fx_handle(xce->index)->restricted != FX_UNRESTRICTED)
		rc = -EACCES;
	else
		fx_handle(xce->index)->restricted = domid;
	fx_unlock();
	return result(rc);
}
