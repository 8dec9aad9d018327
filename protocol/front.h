/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * front.h - what every pvUSB frontend of ours decides alike: what a backend may
 * say, where a part of a transfer may end, who may have a ring slot.
 *
 * Pure functions of their arguments, tested natively by
 * tests/unit/test-hcd-core.c and tests/unit/test-win-hcd.c.  All numbers that
 * come from a response were copied out of shared memory before they get here.
 */
#ifndef TV_PROTOCOL_FRONT_H
#define TV_PROTOCOL_FRONT_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stdint.h>
#endif

#include "protocol/usbif.h"

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
static inline bool tv_prod_valid(uint32_t cons, uint32_t prod,
				 uint32_t in_flight)
{
	return prod - cons <= in_flight;
}

/**
 * tv_length_valid - is the actual length of a response possible?
 * @actual:	actual_length as the backend gave it
 * @length:	octets the request asked for
 */
static inline bool tv_length_valid(int32_t actual, uint32_t length)
{
	return actual >= 0 && (uint32_t)actual <= length;
}

/**
 * tv_conn_valid - is a connection event about a port and a speed there are?
 * @rsp:	copy of the event
 * @num_ports:	ports of this controller
 */
static inline bool tv_conn_valid(const struct tv_usbif_conn_response *rsp,
				 uint32_t num_ports)
{
	return rsp->portnum >= 1 && rsp->portnum <= num_ports &&
	       rsp->speed <= USBIF_SPEED_HIGH;
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
static inline uint32_t tv_plan_trim(uint32_t planned, uint32_t left,
				    uint32_t maxp)
{
	if (planned >= left)
		return left;
	return maxp ? planned - planned % maxp : planned;
}

/* ---- who may have a ring slot ------------------------------------------- */

enum tv_class {
	TV_CLASS_OUT, /* bulk and interrupt OUT: answered soon */
	TV_CLASS_IN,  /* bulk and interrupt IN: may park for ever */
	TV_CLASS_CONTROL,
	TV_CLASS_UNLINK,
};

struct tv_load {
	uint16_t entries;     /* of the ring */
	uint16_t used;	      /* slots taken */
	uint16_t parked;      /* of these, IN transfers */
	uint16_t port_parked; /* of these, of the port in question */
	uint16_t ep_parked;   /* of these, of the endpoint in question */
	uint16_t devices;     /* occupied ports */
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
	uint16_t most, share;

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
