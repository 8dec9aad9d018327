/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * device.h - the inside of a device process: messages of the broker in, a bus
 * with USB devices on its ports out.
 */
#ifndef DAEMON_DEVICE_H
#define DAEMON_DEVICE_H

#include <stdbool.h>
#include <uv.h>

#include "backend/bus/bus.h"
#include "backend/daemon/message.h"

/*
 * What 2virt-device needs of a kind of bus.  open() is called while privileges
 * are there, create() when they are gone.
 */
struct device_bus {
	const char *name;
	uint32_t calls; /* SANDBOX_CALLS_* that it makes besides */
	/* Opens all handles.  0 or a negative errno. */
	int (*open)(const struct message_hello *hello, void **handles);
	/* A bus on the handles; fault() may be called from then on. */
	struct bus *(*create)(void *handles, uv_loop_t *loop,
			      const struct message_hello *hello, int journal_fd,
			      void (*fault)(void *context, const char *reason),
			      void *context);
	/* 0 or a negative errno. */
	int (*connect)(struct bus *bus, const struct message_connect *connect);
	void (*get_stats)(const struct bus *bus, struct message_stats *stats);
	/* After bus_destroy(). */
	void (*close)(void *handles);
};

extern const struct device_bus device_bus_xen;

struct device;

/*
 * Takes HELLO from the socket (waiting for it), opens the bus, enters the
 * sandbox, says READY.  0 or a negative errno.
 */
int device_start(uv_loop_t *loop, const struct device_bus *kind, int socket,
		 struct device **device);

/*
 * True after STOP: the guest was let go.  Otherwise the broker is gone, and
 * the process must exit as it is, without device_destroy(): the journal then
 * tells its successor that the guest is still connected.
 */
bool device_is_stopped(const struct device *device);

/* Frees everything.  Run the loop once more afterwards. */
void device_destroy(struct device *device);

#endif
