/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decisions of the driver that need no kernel and that only Linux takes:
 * errnos, how a buffer is cut into segments.  What both frontends decide alike
 * (what a backend may say, who may have a ring slot) is protocol/front.h.
 *
 * Everything here is a pure function of its arguments, so that the unit test
 * (tests/unit/test-hcd-core.c) runs the very lines the kernel runs.
 *
 * All numbers that come from a response were copied out of shared memory
 * before they reach this file.
 */
#ifndef TV_HCD_CORE_H
#define TV_HCD_CORE_H

#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;
#endif

#include "protocol/front.h"
#include "protocol/usbif.h"

/*
 * Data of one request without indirect segments: buffer_length is a u16, and
 * 15 pages fit into 16 segments at any alignment and end on a packet.
 */
#define TV_DIRECT_BYTES (15 * USBIF_PAGE_SIZE)
#define TV_INDIRECT_BYTES (USBIF_MAX_INDIRECT_SEGMENTS * USBIF_PAGE_SIZE)

/* ---- what a backend said -------------------------------------------------- */

/**
 * tv_status_errno - errno of usbcore for a status of the ring
 * @status:	status as the backend gave it; anything unknown is -EPROTO
 */
static inline int tv_status_errno(s32 status)
{
	switch (status) {
	case USBIF_STATUS_OK:
		return 0;
	case USBIF_STATUS_NODEV:
		return -ENODEV;
	case USBIF_STATUS_INVAL:
		return -EINVAL;
	case USBIF_STATUS_STALL:
		return -EPIPE;
	case USBIF_STATUS_BABBLE:
		return -EOVERFLOW;
	case USBIF_STATUS_SHUTDOWN:
		return -ESHUTDOWN;
	default:
		return -EPROTO;
	}
}

/* ---- how a buffer is cut into segments --------------------------------- */

enum tv_step {
	TV_STEP_STOP,	/* the request is full */
	TV_STEP_SHARE,	/* a new segment: the page itself */
	TV_STEP_BOUNCE,	/* a new segment: a page of the pool */
	TV_STEP_APPEND,	/* more octets for the last bounce page */
};

/*
 * The plan of one request.  Set the limits, zero the rest, then offer the
 * buffer's runs (a run never crosses a page) in order to tv_plan_step().
 */
struct tv_plan {
	u32 max_bytes;
	u16 max_segs;
	u16 max_bounces;

	u32 bytes;	/* planned so far */
	u16 segs;
	u16 bounces;
	u16 open;	/* octets in the last segment if more may be appended */
};

/**
 * tv_plan_step - decide how the next run of the buffer travels
 * @plan:	the plan so far, advanced by this call
 * @offset:	where the run begins within its page
 * @len:	in: octets of the run, at most to the end of the page;
 *		out: octets taken, which may be fewer
 * @shareable:	the page may be granted if the run covers all of it
 *
 * Only a page that belongs to the buffer from its first octet to its last is
 * shared: any other holds octets of somebody else.  Runs that are bounced
 * follow one another in the same bounce page, because segments are one stream.
 */
static inline enum tv_step tv_plan_step(struct tv_plan *plan, u32 offset,
					u32 *len, bool shareable)
{
	u32 room = plan->max_bytes - plan->bytes;
	enum tv_step step;

	if (!room || !*len)
		return TV_STEP_STOP;

	if (shareable && offset == 0 && *len == USBIF_PAGE_SIZE &&
	    room >= USBIF_PAGE_SIZE) {
		if (plan->segs >= plan->max_segs)
			return TV_STEP_STOP;
		plan->segs++;
		plan->open = 0;
		plan->bytes += USBIF_PAGE_SIZE;
		return TV_STEP_SHARE;
	}

	if (*len > room)
		*len = room;
	if (plan->open && plan->open < USBIF_PAGE_SIZE) {
		if (*len > USBIF_PAGE_SIZE - (u32)plan->open)
			*len = USBIF_PAGE_SIZE - (u32)plan->open;
		step = TV_STEP_APPEND;
	} else {
		if (plan->segs >= plan->max_segs ||
		    plan->bounces >= plan->max_bounces)
			return TV_STEP_STOP;
		plan->segs++;
		plan->bounces++;
		plan->open = 0;
		step = TV_STEP_BOUNCE;
	}
	plan->open += *len;
	plan->bytes += *len;
	return step;
}

/**
 * tv_segs_needed - segments that a buffer can need at most
 * @bytes:	octets of the buffer
 * @extents:	contiguous parts of it (1 or the entries of its scatter list)
 * @max_segs:	segments of a request
 */
static inline u32 tv_segs_needed(u32 bytes, u32 extents, u32 max_segs)
{
	u32 need;

	if (!bytes)
		return 0;
	if (extents > max_segs)
		return max_segs;
	need = bytes / USBIF_PAGE_SIZE + 2 * extents;
	return need < max_segs ? need : max_segs;
}

#endif
