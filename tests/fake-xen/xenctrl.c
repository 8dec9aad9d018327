/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenctrl.c - the few functions of libxenctrl that a backend and xenstored
 * need, over the fake hypervisor: the list of domains.
 */
#include <xenctrl.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake-xen/core.h"

struct xc_interface_core {
	int unused;
};

xc_interface *xc_interface_open(xentoollog_logger *logger,
				xentoollog_logger *dombuild_logger,
				unsigned open_flags)
{
	struct xc_interface_core *xch;
	int rc = fx_attach();

	if (rc < 0) {
		errno = -rc;
		return NULL;
	}
	xch = calloc(1, sizeof(*xch));
	if (!xch)
		errno = ENOMEM;
	return xch;
}

int xc_interface_close(xc_interface *xch)
{
	free(xch);
	return 0;
}

/* The domain with the lowest number from `first` on, or NULL. */
static const struct fx_domain_info *next_locked(uint32_t first)
{
	const struct fx_domain_info *best = NULL;

	for (unsigned slot = 0; slot < FX_DOMAINS; slot++) {
		const struct fx_domain_info *info = &fx_machine()->domain[slot];

		if ((info->state == FX_DOMAIN_ALIVE ||
		     info->state == FX_DOMAIN_DYING) &&
		    info->domid >= first &&
		    (!best || info->domid < best->domid))
			best = info;
	}
	return best;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid,
		      unsigned int max_doms, xc_dominfo_t *info)
{
	const struct fx_domain_info *from;
	unsigned count = 0;

	fx_lock();
	fx_reap_locked();
	for (; count < max_doms; count++, info++) {
		from = next_locked(first_domid);
		if (!from)
			break;
		memset(info, 0, sizeof(*info));
		info->domid = from->domid;
		info->dying = from->state == FX_DOMAIN_DYING;
		info->paused = (from->flags & FX_DOMAIN_PAUSED) != 0;
		info->crashed = (from->flags & FX_DOMAIN_CRASHED) != 0;
		info->shutdown =
			(from->flags & FX_DOMAIN_SHUTDOWN) && !info->crashed;
		info->shutdown_reason = info->crashed ? 3 : 0;
		info->running = !info->dying && !info->shutdown &&
				!info->crashed && !info->paused;
		info->hvm = from->domid != 0;
		info->nr_pages = from->pages;
		info->nr_online_vcpus = 1;
		memcpy(info->handle, from->uuid, sizeof(info->handle));
		first_domid = from->domid + 1;
	}
	fx_unlock();
	if (count == 0 && max_doms > 0) {
		errno = ESRCH;
		return -1;
	}
	return (int)count;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain,
			  unsigned int max_domains, xc_domaininfo_t *info)
{
	const struct fx_domain_info *from;
	unsigned count = 0;

	fx_lock();
	fx_reap_locked();
	for (; count < max_domains; count++, info++) {
		from = next_locked(first_domain);
		if (!from)
			break;
		memset(info, 0, sizeof(*info));
		info->domain = (domid_t)from->domid;
		if (from->state == FX_DOMAIN_DYING)
			info->flags |= XEN_DOMINF_dying;
		if (from->domid != 0)
			info->flags |= XEN_DOMINF_hvm_guest;
		if (from->flags & FX_DOMAIN_PAUSED)
			info->flags |= XEN_DOMINF_paused;
		if (from->flags & FX_DOMAIN_SHUTDOWN)
			info->flags |= XEN_DOMINF_shutdown;
		if (from->flags & FX_DOMAIN_CRASHED)
			info->flags |= 3u << XEN_DOMINF_shutdownshift;
		if (!(info->flags & (XEN_DOMINF_dying | XEN_DOMINF_paused |
				     XEN_DOMINF_shutdown)))
			info->flags |= XEN_DOMINF_running;
		info->tot_pages = from->pages;
		info->max_pages = from->pages;
		info->nr_online_vcpus = 1;
		memcpy(info->handle, from->uuid, sizeof(info->handle));
		first_domain = from->domid + 1;
	}
	fx_unlock();
	return (int)count;
}
