/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.h - the transfers that a host behind a socket has on one device.
 *
 * What USB/IP and usbredir have in common: the host sends whole transfers, OUT
 * with all their octets, and is answered in any order by an id.  Both buses
 * are codecs around this.
 *
 * A socket has no back-pressure for one endpoint alone, so what a host can
 * make us hold is bounded here:
 *   OUT  at most ATTACH_MAX_OUT octets wait on one endpoint; one more halts
 *        it, because a stream with a hole is worse than one that has stopped
 *   IN   at most ATTACH_WINDOW transfers of one endpoint are in the device,
 *        each for at most ATTACH_MAX_IN octets; the others wait here, where
 *        they cost nothing, and no more are handed over while the host does
 *        not read its answers (attach_set_congested())
 *   all  at most ATTACH_MAX_TRANSFERS
 */
#ifndef BUS_ATTACH_H
#define BUS_ATTACH_H

#include "backend/bus/inquiry.h"

enum {
	ATTACH_MAX_TRANSFERS = 1024,
	ATTACH_MAX_OUT = 4 << 20,
	ATTACH_MAX_IN = 128 << 10,
	ATTACH_WINDOW = 4,
	ATTACH_MAX_CONTROL = 4096,
};

struct attach;

struct attach_xfer {
	struct usb_xfer xfer;
	struct attach *attach;
	struct list_node link; /* all transfers, oldest first */
	uint64_t id;
	uint32_t wanted;  /* octets the host asked for or sent */
	uint8_t *payload; /* OUT: owned */
	bool submitted;	  /* the device has seen it */
	bool cancelling;  /* the host has taken it back */
};

struct attach_ops {
	/*
	 * A transfer is over.  Octets of an IN are at transfer->xfer.data and
	 * hold until this returns, as does the transfer.
	 */
	void (*done)(struct attach *attach, struct attach_xfer *transfer);
	/* Frees the octets of an OUT. */
	void (*free_payload)(struct attach *attach, uint8_t *payload);
};

struct attach_endpoint {
	struct list_node held; /* IN: not in the device yet */
	unsigned int in_device;
	uint32_t out_octets;
	bool releasing;
};

struct attach {
	const struct attach_ops *ops;
	struct usb_device *device; /* borrowed; NULL: nothing is attached */
	struct inquiry inquiry;
	struct list_node transfers;
	unsigned int count;
	bool congested;
	struct attach_endpoint endpoints[INQUIRY_ENDPOINTS];
	uint8_t *scratch; /* where INs are reserved */
	uint32_t scratch_size;
};

void attach_init(struct attach *attach, const struct attach_ops *ops);
/* After attach_end(). */
void attach_fini(struct attach *attach);

/*
 * The host has the device from now on: it is reset and has an address.
 * 0 or -EPROTO.
 */
int attach_begin(struct attach *attach, struct usb_device *device);

/* The host resets the port: every transfer ends CANCELLED. */
void attach_reset(struct attach *attach);

/*
 * The host is gone, or the device is about to go: every transfer ends with
 * status, and the device is as it was before attach_begin().
 */
void attach_end(struct attach *attach, enum usb_status status);

/*
 * What the device's descriptors say of an endpoint's type; bulk if there is
 * none (the device will say INVALID).
 */
enum usb_transfer_type attach_type(const struct attach *attach,
				   uint8_t endpoint);

/* True if so many octets may still be sent to an OUT endpoint. */
bool attach_has_room(const struct attach *attach, uint8_t endpoint,
		     uint32_t len);

/* Halts an OUT endpoint whose host sent more than there is room for. */
void attach_halt(struct attach *attach, uint8_t endpoint);

/*
 * Hands a transfer over; it may end before this returns.  payload (OUT, len
 * octets) is owned on 0.  setup only for control, else NULL.
 * 0, -ENOBUFS (too many transfers), -ENOMEM.
 */
int attach_submit(struct attach *attach, uint64_t id,
		  enum usb_transfer_type type, uint8_t endpoint,
		  const uint8_t *setup, uint32_t len, uint8_t *payload);

/* Ends a transfer CANCELLED; false: there is none with this id (any more). */
bool attach_cancel(struct attach *attach, uint64_t id);

/* The host does not read its answers (true), or reads again. */
void attach_set_congested(struct attach *attach, bool congested);

#endif
