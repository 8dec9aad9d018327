// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xen_pool.c - whole pages for the data of OUT transfers.
 *
 * Sizes are rounded up to a power of two; each has a list of kept buffers,
 * chained through their own first octets.  What a guest can have us hold is
 * bounded by its ring and by XEN_POOL_IN_USE_MAX.
 *
 * #syscalls: mmap munmap
 */
#include "backend/bus/xen_pool.h"

#include <sys/mman.h>

struct xen_pool_buffer {
	struct xen_pool_buffer *next;
};

static size_t class_size(unsigned int class)
{
	return (size_t)4096 << class;
}

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while (class < XEN_POOL_CLASSES && class_size(class) < size)
		class ++;
	return class;
}

void *xen_pool_get(struct xen_pool *pool, size_t size)
{
	unsigned int class = class_of(size);
	struct xen_pool_buffer *buffer;
	void *pages;

	if (class == XEN_POOL_CLASSES ||
	    class_size(class) > XEN_POOL_IN_USE_MAX - pool->used_octets)
		return NULL;
	buffer = pool->kept[class];
	if (buffer) {
		pool->kept[class] = buffer->next;
		pool->kept_octets -= class_size(class);
		pool->used_octets += class_size(class);
		return buffer;
	}
	pages = mmap(NULL, class_size(class), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return NULL;
	pool->used_octets += class_size(class);
	return pages;
}

void xen_pool_put(struct xen_pool *pool, void *memory, size_t size)
{
	struct xen_pool_buffer *buffer = memory;
	unsigned int class = class_of(size);

	pool->used_octets -= class_size(class);
	if (class_size(class) > XEN_POOL_KEEP_MAX - pool->kept_octets) {
		munmap(memory, class_size(class));
		return;
	}
	buffer->next = pool->kept[class];
	pool->kept[class] = buffer;
	pool->kept_octets += class_size(class);
}

void xen_pool_trim(struct xen_pool *pool)
{
	for (unsigned int class = 0; class < XEN_POOL_CLASSES; class ++) {
		while (pool->kept[class]) {
			struct xen_pool_buffer *buffer = pool->kept[class];

			pool->kept[class] = buffer->next;
			munmap(buffer, class_size(class));
		}
	}
	pool->kept_octets = 0;
}
