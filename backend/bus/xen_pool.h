/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen_pool.h - whole pages for the data of OUT transfers.
 *
 * Buffers are kept warm while there is traffic and given back to the system
 * when there is none.
 */
#ifndef BUS_XEN_POOL_H
#define BUS_XEN_POOL_H

#include <stddef.h>
#include <stdint.h>

enum {
	XEN_POOL_CLASSES = 11,		 /* 4 KiB, 8 KiB .. 4 MiB */
	XEN_POOL_KEEP_MAX = 4 << 20,	 /* octets kept warm */
	XEN_POOL_IN_USE_MAX = 128 << 20, /* octets in use, by class size */
};

struct xen_pool_buffer;

struct xen_pool {
	struct xen_pool_buffer *kept[XEN_POOL_CLASSES];
	size_t kept_octets;
	size_t used_octets;
};

/* A zeroed struct xen_pool is an empty pool. */

/* Page-aligned memory for size octets, contents undefined; NULL: none left. */
void *xen_pool_get(struct xen_pool *pool, size_t size);
/* With the size that was asked for. */
void xen_pool_put(struct xen_pool *pool, void *buffer, size_t size);
/* Gives back to the system what is not in use. */
void xen_pool_trim(struct xen_pool *pool);

#endif
