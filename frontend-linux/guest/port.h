/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - one claimed USB interface, as the rest of the daemon sees USB.
 *
 * A function (function.h) drives its interface through struct port and never
 * sees who implements it: port-libusb.c in the daemon, a fake in the tests.
 * Everything is asynchronous; callbacks come from the loop, never from inside
 * submit(), cancel(), open() or select().
 */
#ifndef GUEST_PORT_H
#define GUEST_PORT_H

#include <stddef.h>
#include <stdint.h>

/* How a transfer ended: the device's answer, never an errno. */
enum port_status {
	PORT_OK,
	PORT_STALL,
	PORT_CANCELLED, /* taken back by cancel() */
	PORT_TIMEOUT,
	PORT_OVERFLOW, /* the device sent more than there was room for */
	PORT_GONE,     /* unplugged */
	PORT_ERROR,
	PORT_STATUS_COUNT
};

enum port_xfer_type { PORT_CONTROL, PORT_BULK, PORT_INTERRUPT };

struct port_xfer {
	/* Set by the submitter and left alone until completion. */
	enum port_xfer_type type;
	uint8_t endpoint;    /* address; 0 for control */
	uint32_t timeout_ms; /* 0: none */
	uint8_t *data;	     /* control: the setup packet, then the data */
	uint32_t length;     /* octets at data; control: 8 + wLength */
	void (*complete)(struct port_xfer *xfer);

	/* The answer. */
	enum port_status status;
	uint32_t actual; /* octets moved, without the setup packet */

	/* The port's own: not NULL while the transfer is out. */
	void *handle;
};

/* What the port tells the function it belongs to. */
struct port_events {
	/* open() is done: 0 or a negative errno.  The fields are filled in. */
	void (*opened)(void *context, int error);
	/* select() is done: 0 or a negative errno. */
	void (*selected)(void *context, int error);
};

struct port;

struct port_ops {
	/* Opens the device and claims the interface; answers opened(). */
	void (*open)(struct port *port);
	/*
	 * Starts a transfer.  0: complete() will be called exactly once.
	 * -ENOMEM: no room now, less or later may do.  -ENODEV: unplugged.
	 */
	int (*submit)(struct port *port, struct port_xfer *xfer);
	/*
	 * Takes a transfer back: complete() follows.  Nothing happens if it is
	 * not out.
	 */
	void (*cancel)(struct port *port, struct port_xfer *xfer);
	/*
	 * Selects an alternate setting; answers selected().  No transfer may
	 * be out.
	 */
	void (*select)(struct port *port, uint8_t alt);
	/*
	 * Lets go of the interface and frees the port.  No transfer, open()
	 * or select() may be out.
	 */
	void (*close)(struct port *port);
};

struct port {
	const struct port_ops *ops;
	const struct port_events *events; /* set by the function */
	void *context;			  /* for events */

	/* Known from the start. */
	uint8_t interface;     /* bInterfaceNumber */
	uint8_t configuration; /* bConfigurationValue */

	/* Valid after open(); the device wrote the descriptors. */
	const uint8_t *descriptors; /* device and configuration descriptors */
	size_t descriptors_len;
	uint32_t transfer_max;	  /* largest single transfer, octets */
	unsigned int queue_depth; /* transfers worth queueing per endpoint */
};

#endif
