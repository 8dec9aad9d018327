/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vusb_front.h - a pvUSB frontend in a fake guest.
 *
 * By default it behaves as the mainline Linux frontend (xen-hcd.c) does on the
 * wire: one ring page, 512 connection requests primed, straight to
 * Connected(4), grants per page, read-only for OUT, stale fields in unlink
 * requests.  By option it negotiates more ring pages and indirect segments as
 * our own drivers do.
 *
 * It checks the backend all the time; what breaks a promise is kept as the
 * first *violation* (vusb_front_violation()), which tests assert to be NULL:
 *   - a response to an id that is not in flight, or out of range
 *   - a grant not released before the response
 *   - response indexes beyond the requests
 *   - a connection event for a port or speed that does not exist
 *   - a notification without progress on either ring
 *   - actual_length below 0 or beyond the buffer; octets of an IN buffer
 *     changed beyond actual_length; an OUT buffer changed
 *
 * One thread; functions return 0 or more, or a negative errno; "timeout_ms" < 0
 * waits for ever.
 */
#ifndef TV_TESTS_VUSB_FRONT_H
#define TV_TESTS_VUSB_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/usbif.h"
#include "tests/fake-xen/guest.h"

struct vusb_front;

struct vusb_front_options {
	unsigned ring_order; /* wanted, 0..3; the backend's maximum caps it */
	bool indirect; /* use indirect segments if the backend offers them */
	bool indirect_always; /* ... for every request with data, not only for
				 more than 16 segments */
	bool keep_going; /* do not stop at the first violation (default: as the
			    stock driver, dead after a protocol error) */
};

/*
 * --- connection -------------------------------------------------------------
 */

/* Reads num-ports and usb-ver as probe does.  options NULL: stock. */
int vusb_front_create(struct vusb_front **out, struct fake_guest *guest,
		      unsigned devid, const struct vusb_front_options *options);

/* Ends all access and frees; the guest stays.  NULL is fine. */
void vusb_front_free(struct vusb_front *front);

/* Waits for backend state 2, 3 or 4, publishes the rings in one transaction,
 * primes the connection ring, goes to state 4, waits for the backend's 4. */
int vusb_front_connect(struct vusb_front *front, int timeout_ms);

/* The single steps of connect, for tests that do other things in between. */
int vusb_front_publish(struct vusb_front *front); /* rings and nodes */
int vusb_front_set_state(struct vusb_front *front, int state);
int vusb_front_backend_state(struct vusb_front *front); /* 0 if no node */
int vusb_front_backend_wait(struct vusb_front *front, int state,
			    int timeout_ms);

/*
 * What the stock driver does when the backend closes: everything in flight is
 * given back with -ESHUTDOWN (status of the urb), state Closed(6).  Grants
 * still held by the backend are a violation.
 */
int vusb_front_disconnect(struct vusb_front *front);

/* Back to Initialising(1) with new rings (a module reload). */
int vusb_front_reopen(struct vusb_front *front);

unsigned vusb_front_ports(const struct vusb_front *front);
unsigned vusb_front_ring_entries(const struct vusb_front *front);
unsigned vusb_front_max_indirect(const struct vusb_front *front);
int vusb_front_event_port(const struct vusb_front *front);
struct fake_guest *vusb_front_guest(struct vusb_front *front);

/* NULL, or the first broken promise in words; owned by the frontend. */
const char *vusb_front_violation(const struct vusb_front *front);
/* For tests that provoke one. */
void vusb_front_violation_clear(struct vusb_front *front);

/*
 * --- transfers ---------------------------------------------------------------
 * The test owns the urb and its data; both stay until `done`.
 */
struct vusb_urb {
	/* request */
	uint8_t port;	   /* 1.. */
	uint8_t address;   /* 0..127 */
	uint8_t endpoint;  /* number, 0x80 for IN; for control: 0, and the
			      direction is taken from setup[0] */
	uint8_t type;	   /* USBIF_PIPE_TYPE_* */
	uint8_t setup[8];  /* control only */
	uint16_t interval; /* interrupt only */
	uint16_t flags;	   /* USBIF_FLAG_SHORT_NOT_OK */
	void *data;	   /* OUT: read at submit; IN: written at completion */
	size_t length;	 /* octets; at most 16 pages, or the indirect maximum */
	uint16_t offset; /* of the data in its first page, 0..4095 */

	/* answer */
	bool done;
	int status; /* USBIF_STATUS_* as the backend said it */
	int actual_length;
	int error_count;

	/* private */
	int id;
	bool unlinked;
	struct vusb_urb *next;
};

/* Puts a request on the ring and notifies if the backend asked for it (and not
 * held back).  -EAGAIN: ring full; -ESHUTDOWN: not connected or dead. */
int vusb_front_submit(struct vusb_front *front, struct vusb_urb *urb);

/* Puts an unlink request for a urb in flight on the ring; both are answered. */
int vusb_front_unlink(struct vusb_front *front, struct vusb_urb *urb);
/* Unlink answers not yet received. */
unsigned vusb_front_unlinks_pending(const struct vusb_front *front);

/* While held, requests are written but not published; release publishes all of
 * them with one push and at most one notification. */
void vusb_front_hold(struct vusb_front *front);
int vusb_front_release(struct vusb_front *front);
/* Notifies without any new request (a rogue event). */
int vusb_front_kick(struct vusb_front *front);

/* Handles responses and connection events; waits for an event if there is
 * nothing.  Returns the number of responses and events handled, 0 on timeout.
 */
int vusb_front_poll(struct vusb_front *front, int timeout_ms);

/* Polls until urb->done; 0, -ETIMEDOUT or -EPROTO (violation). */
int vusb_front_wait(struct vusb_front *front, struct vusb_urb *urb,
		    int timeout_ms);

/* Requests in flight: urbs, unlinks and raw ones. */
unsigned vusb_front_in_flight(const struct vusb_front *front);

/* Submit and wait in one: returns the status (0 or USBIF_STATUS_*, which are
 * small negatives) or -ETIMEDOUT (-110); *actual may be NULL. */
int vusb_front_control(struct vusb_front *front, uint8_t port, uint8_t address,
		       uint8_t request_type, uint8_t request, uint16_t value,
		       uint16_t index, void *data, uint16_t length, int *actual,
		       int timeout_ms);
int vusb_front_bulk(struct vusb_front *front, uint8_t port, uint8_t address,
		    uint8_t endpoint, void *data, size_t length, int *actual,
		    int timeout_ms);

/*
 * --- connection events
 * ---------------------------------------------------------
 */

/* Next event in order: 1, or 0 on timeout. */
int vusb_front_conn_next(struct vusb_front *front,
			 struct tv_usbif_conn_response *out, int timeout_ms);
/* Last speed reported for a port (0: nothing plugged). */
unsigned vusb_front_port_speed(const struct vusb_front *front, unsigned port);
/* Waits until the port's speed is `speed`. */
int vusb_front_port_wait(struct vusb_front *front, unsigned port,
			 unsigned speed, int timeout_ms);

/*
 * --- raw and hostile
 * ------------------------------------------------------------
 */

/* An id that is free, for the next vusb_front_raw(). */
int vusb_front_raw_id(struct vusb_front *front);

/* Puts 148 octets on the ring as they are.  If the id is in range and free it
 * is tracked: the answer arrives through vusb_front_raw_next(). */
int vusb_front_raw(struct vusb_front *front,
		   const struct tv_usbif_request *request);
/* Next answer to a raw request (or to an unknown id): 1, or 0 on timeout. */
int vusb_front_raw_next(struct vusb_front *front, struct tv_usbif_response *out,
			int timeout_ms);

/* Shared pages, to be smashed at will. */
struct tv_ring_header *vusb_front_urb_sring(struct vusb_front *front);
struct tv_ring_header *vusb_front_conn_sring(struct vusb_front *front);
/* The shared request slot of an index (masked). */
void *vusb_front_urb_slot(struct vusb_front *front, uint32_t index);
void *vusb_front_conn_slot(struct vusb_front *front, uint32_t index);

#endif
