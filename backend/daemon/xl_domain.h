/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xl_domain.h - joins xl_attach.h and xl_config.h to XenStore and hypervisor.
 */
#ifndef DAEMON_XL_DOMAIN_H
#define DAEMON_XL_DOMAIN_H

#include <uv.h>
#include <xenstore.h>

#include "backend/daemon/domain_list.h"

struct xl_domain_config {
	uv_loop_t *loop;
	struct xs_handle *xs;
	struct domain_list *list;
	const char *program; /* xl */
	const char *folder;  /* its configurations: /etc/xen */
};

struct xl_domain;

/* NULL: no memory. */
struct xl_domain *xl_domain_create(const struct xl_domain_config *config);

/* A domain is met for the first time. */
void xl_domain_add(struct xl_domain *xl, const struct domain_id *domain);

/* Accepts NULL.  Run the loop once more afterwards. */
void xl_domain_destroy(struct xl_domain *xl);

#endif
