/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The decisions of the driver that need no kernel: what a backend may
 * say, how a buffer is cut into segments, who may have a ring slot.
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

#include "protocol/usbif.h"

/*
 * Data of one request without indirect segments: buffer_length is a u16, and
 * 15 pages fit into 16 segments at any alignment and end on a packet.
 */
#define TV_DIRECT_BYTES (15 * USBIF_PAGE_SIZE)
#define TV_INDIRECT_BYTES (USBIF_MAX_INDIRECT_SEGMENTS * USBIF_PAGE_SIZE)

/* Slots that bulk and interrupt transfers never take: control and unlink. */
#define TV_SLOTS_KEPT 2
/* Slots that IN transfers leave for OUT ones on top of that. */
#define TV_SLOTS_OUT 4

/* ---- what a backend may say ------------------------------------------- */

/**
 * tv_prod_valid - may the backend's producer index be believed?
 * @cons:	our private consumer index
 * @prod:	copy of the shared producer index
 * @in_flight:	requests on the ring that have no response yet
 *
 * A backend can only have answered what it was asked.
 */
static inline bool tv_prod_valid(u32 cons, u32 prod, u32 in_flight)
{
	return prod - cons <= in_flight;
}

/**
 * tv_length_valid - is the actual length of a response possible?
 * @actual:	actual_length as the backend gave it
 * @length:	octets the request asked for
 */
static inline bool tv_length_valid(s32 actual, u32 length)
{
	return actual >= 0 && (u32)actual <= length;
}

/**
 * tv_conn_valid - is a connection event about a port and a speed there are?
 * @rsp:	copy of the event
 * @num_ports:	ports of this controller
 */
static inline bool tv_conn_valid(const struct tv_usbif_conn_response *rsp,
				 u32 num_ports)
{
	return rsp->portnum >= 1 && rsp->portnum <= num_ports &&
	       rsp->speed <= USBIF_SPEED_HIGH;
}

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
 * tv_plan_trim - octets of a plan that may really be sent
 * @planned:	octets planned
 * @left:	octets of the transfer that are not sent yet
 * @maxp:	maximum packet size of the endpoint
 *
 * A request that is not the last one of its transfer must end on a packet
 * boundary, or the device would see a short packet in the middle.
 * Returns 0 if no whole packet was planned.
 */
static inline u32 tv_plan_trim(u32 planned, u32 left, u32 maxp)
{
	if (planned >= left)
		return left;
	return maxp ? planned - planned % maxp : planned;
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

/* ---- who may have a ring slot ------------------------------------------- */

enum tv_class {
	TV_CLASS_OUT,		/* bulk and interrupt OUT: answered soon */
	TV_CLASS_IN,		/* bulk and interrupt IN: may park for ever */
	TV_CLASS_CONTROL,
	TV_CLASS_UNLINK,
};

struct tv_load {
	u16 entries;	/* of the ring */
	u16 used;	/* slots taken */
	u16 parked;	/* of these, IN transfers */
	u16 port_parked;/* of these, of the port in question */
	u16 ep_parked;	/* of these, of the endpoint in question */
	u16 devices;	/* occupied ports */
};

/**
 * tv_slot_allowed - may a request of this class take a slot now?
 * @class:	what kind of request
 * @load:	who has slots
 *
 * The last slot is for unlinks, the last but one for control as well.  INs
 * leave some slots for OUTs, and a port that has its share of them gets more
 * only for an endpoint that has none, so that no endpoint of a device starves
 * behind another one's read-ahead.
 */
static inline bool tv_slot_allowed(enum tv_class class,
				   const struct tv_load *load)
{
	u16 most, share;

	switch (class) {
	case TV_CLASS_UNLINK:
		return load->used < load->entries;
	case TV_CLASS_CONTROL:
		return load->used < load->entries - 1;
	case TV_CLASS_OUT:
		return load->used < load->entries - TV_SLOTS_KEPT;
	case TV_CLASS_IN:
		break;
	}

	most = load->entries - TV_SLOTS_KEPT - TV_SLOTS_OUT;
	if (load->used >= load->entries - TV_SLOTS_KEPT || load->parked >= most)
		return false;
	share = most / (load->devices ? load->devices : 1);
	return load->ep_parked == 0 || load->port_parked < share;
}

#endif
