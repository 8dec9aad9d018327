// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of our own that stay granted to the backend.
 *
 * Theory of operation
 *
 * What cannot be shared as it is (small transfers, the ragged ends of big
 * ones, slab memory) is copied through these pages, and indirect segments are
 * written into them.  A page is zeroed, granted once, used again and again,
 * and its grant ends with the connection: no grant operation is paid for a
 * small transfer.  Its old content is always something this backend has seen
 * already, so nothing leaks by using it again.
 *
 * The pool grows on demand up to a bound and shrinks to half of what the ring
 * can use.  Control transfers and unlinks must go on when parked IN transfers
 * hold all the rest, so the last pages are for "urgent" requests only.
 *
 * Runs under tv_hcd.lock.
 */
#include <linux/gfp.h>
#include <linux/slab.h>

#include "tv_hcd.h"

/* A control transfer of 64 KiB. */
#define TV_BOUNCE_URGENT 16

static void bounce_destroy(struct tv_hcd *tv, struct tv_bounce *bounce)
{
	tv->pool.nr--;
	/* Frees the page, at once or when the backend has let go of it. */
	gnttab_end_foreign_access(bounce->gref, bounce->page);
	kfree(bounce);
}

static struct tv_bounce *bounce_create(struct tv_hcd *tv)
{
	struct tv_bounce *bounce;
	int gref;

	bounce = kmalloc(sizeof(*bounce), GFP_ATOMIC | __GFP_NOWARN);
	if (!bounce)
		return NULL;
	bounce->page = alloc_page(GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN);
	if (!bounce->page)
		goto err_page;
	gref = gnttab_grant_foreign_access(tv->xbdev->otherend_id,
					   xen_page_to_gfn(bounce->page), 0);
	if (gref < 0)
		goto err_grant;
	bounce->gref = gref;
	tv->pool.nr++;
	return bounce;

err_grant:
	__free_page(bounce->page);
err_page:
	kfree(bounce);
	return NULL;
}

/* tv_bounce_init - set the bound for a ring that has just been made */
void tv_bounce_init(struct tv_hcd *tv)
{
	INIT_LIST_HEAD(&tv->pool.idle);
	tv->pool.nr_idle = 0;
	tv->pool.nr = 0;
	tv->pool.max = 4 * tv->entries + TV_BOUNCE_URGENT;
}

/* tv_bounce_fini - end all grants; every page has been put back before */
void tv_bounce_fini(struct tv_hcd *tv)
{
	struct tv_bounce *bounce, *next;

	list_for_each_entry_safe(bounce, next, &tv->pool.idle, node)
		bounce_destroy(tv, bounce);
	INIT_LIST_HEAD(&tv->pool.idle);
	tv->pool.nr_idle = 0;
	WARN_ON(tv->pool.nr);
}

/**
 * tv_bounce_get - borrow a page
 * @tv:		controller
 * @urgent:	may take the last ones
 *
 * Returns NULL if the pool is at its bound or memory or grants are short; the
 * caller waits for another request to finish.
 */
struct tv_bounce *tv_bounce_get(struct tv_hcd *tv, bool urgent)
{
	struct tv_pool *pool = &tv->pool;
	unsigned int most = pool->max - (urgent ? 0 : TV_BOUNCE_URGENT);
	struct tv_bounce *bounce;

	if (pool->nr - pool->nr_idle >= most)
		return NULL;
	bounce = list_first_entry_or_null(&pool->idle, struct tv_bounce, node);
	if (!bounce)
		return bounce_create(tv);
	list_del(&bounce->node);
	pool->nr_idle--;
	return bounce;
}

/* tv_bounce_put - give a page back: no request on the ring names it */
void tv_bounce_put(struct tv_hcd *tv, struct tv_bounce *bounce)
{
	struct tv_pool *pool = &tv->pool;

	if (pool->nr_idle >= tv->entries / 2) {
		bounce_destroy(tv, bounce);
		return;
	}
	list_add(&bounce->node, &pool->idle);
	pool->nr_idle++;
}
