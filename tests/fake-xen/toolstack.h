/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toolstack.h - what xl and libxl 4.17 do in XenStore, for tests.
 *
 * All functions act as dom0 on a handle of the caller's (xs_open(0)); they
 * return 0 or a negative errno.  Waits read the node every few milliseconds and
 * leave the caller's watches alone.
 */
#ifndef TV_TESTS_FAKE_TOOLSTACK_H
#define TV_TESTS_FAKE_TOOLSTACK_H

#include <stdint.h>
#include <xenstore.h>

struct fake_guest;

enum xenbus_state {
	XENBUS_UNKNOWN,
	XENBUS_INITIALISING,
	XENBUS_INIT_WAIT,
	XENBUS_INITIALISED,
	XENBUS_CONNECTED,
	XENBUS_CLOSING,
	XENBUS_CLOSED,
	XENBUS_RECONFIGURING,
	XENBUS_RECONFIGURED
};

/*
 * xl create as far as XenStore goes: /local/domain/<domid> (name, vm, domid,
 * control, device ...) and /vm/<uuid> with libxl's permissions, then
 * XS_INTRODUCE.
 */
int fake_toolstack_domain_create(struct xs_handle *xs, struct fake_guest *guest,
				 const char *name);

/*
 * xl destroy: every vusb controller is removed as libxl forces it (frontend
 * directory gone first, online=0, state=5, waits up to timeout_ms for 6), the
 * domain's own nodes go, then the domain is destroyed (fake_guest_destroy).
 * -ETIMEDOUT if a backend did not reach 6; the domain is gone all the same.
 */
int fake_toolstack_domain_destroy(struct xs_handle *xs,
				  struct fake_guest *guest, int timeout_ms);

/* A domain that dies with nobody cleaning its nodes: fake_guest_destroy(). */

/*
 * Writes the nodes of usbctrl=["type=pv,version=V,ports=P"]:
 * backend/vusb/<domid>/<devid>, device/vusb/<devid> and the /libxl copy, in one
 * transaction with libxl's permissions.  Does not wait.
 */
int fake_toolstack_controller_add(struct xs_handle *xs, uint32_t domid,
				  unsigned devid, unsigned version,
				  unsigned ports);

/* As above, then waits for the backend to reach InitWait(2), exactly that, as
 * libxl does on create and on usbctrl-attach; libxl's timeout is 10 s. */
int fake_toolstack_controller_attach(struct xs_handle *xs, uint32_t domid,
				     unsigned devid, unsigned version,
				     unsigned ports, int timeout_ms);

/* xl usbctrl-detach: online=0, state=5, waits for 6, removes the nodes. */
int fake_toolstack_controller_detach(struct xs_handle *xs, uint32_t domid,
				     unsigned devid, int timeout_ms);

/* Waits for the backend's state to be exactly `state`; -ETIMEDOUT. */
int fake_toolstack_backend_wait(struct xs_handle *xs, uint32_t domid,
				unsigned devid, enum xenbus_state state,
				int timeout_ms);
/* The state now, 0 if the node is not there. */
enum xenbus_state fake_toolstack_backend_state(struct xs_handle *xs,
					       uint32_t domid, unsigned devid);

/* Waits until a node's value is `value` (NULL: until it is gone). */
int fake_toolstack_node_wait(struct xs_handle *xs, const char *path,
			     const char *value, int timeout_ms);

#endif
