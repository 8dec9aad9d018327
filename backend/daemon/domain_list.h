/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain_list.h - which domains live, as the hypervisor says.
 */
#ifndef DAEMON_DOMAIN_LIST_H
#define DAEMON_DOMAIN_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/daemon/domain_id.h"

struct domain_list;

/* Opens libxenctrl.  0 or a negative errno (-ENODEV: this is not Xen). */
int domain_list_open(struct domain_list **list);
/* Accepts NULL. */
void domain_list_close(struct domain_list *list);

/*
 * Asks the hypervisor anew: all domains but dom0 that are not dying, in
 * ascending order of domid.  0 or a negative errno, then the former list
 * stays.
 */
int domain_list_refresh(struct domain_list *list);

size_t domain_list_count(const struct domain_list *list);
const struct domain_id *domain_list_get(const struct domain_list *list,
					size_t index);
/*
 * Asks the hypervisor about one domain at this moment.  0; -ENOENT: it is gone
 * or dying, or the number is another one's; other negative errno.
 */
int domain_list_ask_paused(struct domain_list *list, const struct domain_id *id,
			   bool *paused);

/* NULL if no such domain lives. */
const struct domain_id *domain_list_find(const struct domain_list *list,
					 uint32_t domid);

#endif
