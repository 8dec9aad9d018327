/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - the host's side of a bus, as the conformance cases see it.
 *
 * One table of cases (cases.c) runs over every bus; a bus gives these few
 * functions.  A case that would need to know the bus is a question about the
 * model.
 */
#ifndef TESTS_CONFORMANCE_HOST_H
#define TESTS_CONFORMANCE_HOST_H

#include "backend/bus/bus.h"
#include "backend/usb/device.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* For what a test stands on: if that breaks, the rest says nothing. */
#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
				#condition);                                   \
			abort();                                               \
		}                                                              \
	} while (0)

struct host_transfer {
	enum usb_transfer_type type;
	uint8_t endpoint; /* address; ignored for control */
	uint8_t setup[8]; /* control only */
	uint8_t *data;
	uint32_t length;
	/* The answer. */
	bool done;
	uint32_t actual;
	int wire_status; /* in the bus' own numbers */
	void *bus_private;
};

struct host {
	const struct host_ops *ops;
	struct bus *bus;
	unsigned int port;
	uint8_t address; /* the device's, 0 until the case sets it */
};

struct host_ops {
	void (*submit)(struct host *host, struct host_transfer *transfer);
	/* Asks for cancellation; the transfer ends later or at once. */
	void (*cancel)(struct host *host, struct host_transfer *transfer);
	/* Lets things happen until the transfer is done; false: it is not. */
	bool (*wait)(struct host *host, struct host_transfer *transfer);
	/* Lets everything happen that can without new input. */
	void (*settle)(struct host *host);
	/*
	 * One turn of both sides of a wire; true if anything happened.  For
	 * host_wait() and host_settle().
	 */
	bool (*turn)(struct host *host, int timeout_ms);
	/* Resets the port, as the guest's USB core does. */
	void (*reset)(struct host *host);
	/* The bus' number for a status (docs/device.md, section 6). */
	int (*wire_status)(enum usb_status status);
	/* Plugs a device in, or pulls it (NULL). */
	void (*plug)(struct host *host, struct usb_device *device);
	/*
	 * What a wire cannot say.  A case leaves out what follows from it;
	 * nothing else of a bus is a case's business.
	 */
	bool addressed_by_bus; /* hosts keep SET_ADDRESS to themselves */
	bool types_unsaid;     /* a transfer carries no transfer type */
	bool interrupts_ahead; /* interrupt INs run before the guest asks */
	bool one_length;       /* a buffer has the length of wLength */
};

/* wait() and settle() of a host that has turn(). */
bool host_wait(struct host *host, struct host_transfer *transfer);
void host_settle(struct host *host);

/* A request without data that has to succeed. */
void host_control(struct host *host, uint8_t type, uint8_t request,
		  uint16_t value, uint16_t index);

struct conformance_case {
	const char *name;
	void (*run)(struct host *host);
};

extern const struct conformance_case conformance_cases[];
extern const unsigned int conformance_case_count;

/*
 * Runs the table with cmocka; setup makes a host with nothing plugged in.
 * The number of failed cases.
 */
int conformance_run(const char *bus_name, struct host *(*setup)(void),
		    void (*teardown)(struct host *host));

#endif
