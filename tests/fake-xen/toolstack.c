/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * toolstack.c - what libxl 4.17 writes and waits for, as dom0.
 *
 * Facts behind it: docs of the bed, libxl's device code.  libxl waits by a
 * watch on the backend's state and then reads it; reading it every few
 * milliseconds sees the same thing: the value at some moment, so that a backend
 * that passes through InitWait in a hurry is missed here as it is by xl.
 */
#include "tests/fake-xen/toolstack.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/guest_internal.h"

#define POLL_MS 5
#define PATH_SIZE 256

/*
 * --- small operations -----------------------------------------------------
 * One store_tx carries a transaction and its first error through a list of
 * writes.
 */
struct store_tx {
	struct xs_handle *xs;
	xs_transaction_t id;
	int rc;
};

static void put(struct store_tx *tx, const char *value, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct store_tx *tx, const char *value, const char *format, ...)
{
	char path[PATH_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	if (tx->rc == 0 &&
	    !xs_write(tx->xs, tx->id, path, value, (unsigned)strlen(value)))
		tx->rc = -errno;
}

/* A directory of `owner` that `reader` may read. */
static void make(struct store_tx *tx, const char *path, unsigned owner,
		 unsigned reader)
{
	struct xs_permissions perms[2] = {
		{.id = owner, .perms = XS_PERM_NONE},
		{.id = reader, .perms = XS_PERM_READ},
	};

	if (tx->rc < 0)
		return;
	if (!xs_mkdir(tx->xs, tx->id, path) ||
	    !xs_set_permissions(tx->xs, tx->id, path, perms,
				owner == reader ? 1 : 2))
		tx->rc = -errno;
}

static int tx_begin(struct store_tx *tx, struct xs_handle *xs)
{
	tx->xs = xs;
	tx->rc = 0;
	tx->id = xs_transaction_start(xs);
	return tx->id == XBT_NULL ? -errno : 0;
}

/* 0: done; 1: somebody interfered, do it again; negative: failed. */
static int tx_end(struct store_tx *tx)
{
	if (!xs_transaction_end(tx->xs, tx->id, tx->rc < 0) && tx->rc == 0)
		return errno == EAGAIN ? 1 : -errno;
	return tx->rc;
}

static char *node_read(struct xs_handle *xs, xs_transaction_t id,
		       const char *path)
{
	unsigned len;

	return xs_read(xs, id, path, &len);
}

static int state_read(struct xs_handle *xs, xs_transaction_t id,
		      const char *path)
{
	char *text = node_read(xs, id, path);
	int state = text ? atoi(text) : XENBUS_UNKNOWN;

	free(text);
	return state;
}

static void pause_ms(long ms)
{
	struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

/* Removes a node and the parents it leaves empty, as libxl does, up to the
 * directory named `stop`. */
static void path_cleanup(struct xs_handle *xs, xs_transaction_t id,
			 const char *path, const char *stop)
{
	char parent[PATH_SIZE];
	char *slash, **children;
	unsigned count;

	snprintf(parent, sizeof(parent), "%s", path);
	xs_rm(xs, id, parent);
	while ((slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		if (!strcmp(parent, stop))
			return;
		children = xs_directory(xs, id, parent, &count);
		free(children);
		if (!children || count > 0)
			return;
		xs_rm(xs, id, parent);
	}
}

/*
 * --- domains --------------------------------------------------------------
 */

static void uuid_text(const uint8_t uuid[16], char out[37])
{
	char *at = out;

	for (unsigned i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += sprintf(at, "%02x", uuid[i]);
	}
}

int fake_toolstack_domain_create(struct xs_handle *xs, struct fake_guest *guest,
				 const char *name)
{
	static const char *const guest_owned[] = {"data",    "control/shutdown",
						  "attr",    "error",
						  "drivers", "feature"};
	static const char *const dom0_owned[] = {"control", "device", "memory",
						 "cpu", "store"};
	unsigned domid = fake_guest_domid(guest);
	char base[64], path[PATH_SIZE], uuid[37], number[16];
	struct store_tx tx;
	int rc;

	uuid_text(fake_guest_uuid(guest), uuid);
	snprintf(base, sizeof(base), "/local/domain/%u", domid);
	snprintf(number, sizeof(number), "%u", domid);
	do {
		rc = tx_begin(&tx, xs);
		if (rc < 0)
			return rc;
		xs_rm(xs, tx.id, base);
		make(&tx, base, 0, domid);
		for (size_t i = 0;
		     i < sizeof(dom0_owned) / sizeof(dom0_owned[0]); i++) {
			snprintf(path, sizeof(path), "%s/%.64s", base,
				 dom0_owned[i]);
			make(&tx, path, 0, domid);
		}
		for (size_t i = 0;
		     i < sizeof(guest_owned) / sizeof(guest_owned[0]); i++) {
			snprintf(path, sizeof(path), "%s/%.64s", base,
				 guest_owned[i]);
			make(&tx, path, domid, domid);
		}
		snprintf(path, sizeof(path), "/vm/%s", uuid);
		make(&tx, path, 0, domid);
		put(&tx, name, "/vm/%s/name", uuid);
		put(&tx, uuid, "/vm/%s/uuid", uuid);
		snprintf(path, sizeof(path), "/libxl/%u", domid);
		make(&tx, path, 0, 0);
		snprintf(path, sizeof(path), "/vm/%s", uuid);
		put(&tx, path, "%s/vm", base);
		put(&tx, name, "%s/name", base);
		put(&tx, number, "%s/domid", base);
		rc = tx_end(&tx);
	} while (rc == 1);
	if (rc < 0)
		return rc;
	return fake_guest_introduce(guest, xs);
}

/*
 * --- controllers ----------------------------------------------------------
 */

struct controller {
	uint32_t domid;
	unsigned devid;
	char backend[PATH_SIZE];
	char frontend[PATH_SIZE];
	char library[PATH_SIZE]; /* libxl's own copy */
};

static struct controller controller_name(uint32_t domid, unsigned devid)
{
	struct controller ctrl = {.domid = domid, .devid = devid};

	snprintf(ctrl.backend, sizeof(ctrl.backend),
		 "/local/domain/0/backend/vusb/%u/%u", domid, devid);
	snprintf(ctrl.frontend, sizeof(ctrl.frontend),
		 "/local/domain/%u/device/vusb/%u", domid, devid);
	snprintf(ctrl.library, sizeof(ctrl.library), "/libxl/%u/device/vusb/%u",
		 domid, devid);
	return ctrl;
}

/* The backend's nodes, which libxl also keeps a copy of. */
static void backend_nodes(struct store_tx *tx, const struct controller *ctrl,
			  const char *base, unsigned version, unsigned ports)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", ctrl->domid);
	put(tx, text, "%s/frontend-id", base);
	put(tx, "1", "%s/online", base);
	put(tx, "1", "%s/state", base);
	put(tx, "pv", "%s/type", base);
	snprintf(text, sizeof(text), "%u", version);
	put(tx, text, "%s/usb-ver", base);
	snprintf(text, sizeof(text), "%u", ports);
	put(tx, text, "%s/num-ports", base);
	for (unsigned i = 1; i <= ports; i++)
		put(tx, "", "%s/port/%u", base, i);
}

int fake_toolstack_controller_add(struct xs_handle *xs, uint32_t domid,
				  unsigned devid, unsigned version,
				  unsigned ports)
{
	struct controller ctrl = controller_name(domid, devid);
	struct store_tx tx;
	int rc;

	do {
		rc = tx_begin(&tx, xs);
		if (rc < 0)
			return rc;
		make(&tx, ctrl.library, 0, 0);
		put(&tx, ctrl.frontend, "%s/frontend", ctrl.library);
		put(&tx, ctrl.backend, "%s/backend", ctrl.library);
		backend_nodes(&tx, &ctrl, ctrl.library, version, ports);

		xs_rm(xs, tx.id, ctrl.frontend);
		make(&tx, ctrl.frontend, domid, 0);
		put(&tx, ctrl.backend, "%s/backend", ctrl.frontend);
		put(&tx, "0", "%s/backend-id", ctrl.frontend);
		put(&tx, "1", "%s/state", ctrl.frontend);

		xs_rm(xs, tx.id, ctrl.backend);
		make(&tx, ctrl.backend, 0, domid);
		put(&tx, ctrl.frontend, "%s/frontend", ctrl.backend);
		backend_nodes(&tx, &ctrl, ctrl.backend, version, ports);
		rc = tx_end(&tx);
	} while (rc == 1);
	return rc;
}

int fake_toolstack_controller_attach(struct xs_handle *xs, uint32_t domid,
				     unsigned devid, unsigned version,
				     unsigned ports, int timeout_ms)
{
	int rc =
		fake_toolstack_controller_add(xs, domid, devid, version, ports);

	if (rc < 0)
		return rc;
	return fake_toolstack_backend_wait(xs, domid, devid, XENBUS_INIT_WAIT,
					   timeout_ms);
}

/* The first half of a removal: asks the backend to close. */
static int removal_ask(struct xs_handle *xs, const struct controller *ctrl,
		       bool force)
{
	char path[PATH_SIZE + 8];
	struct store_tx tx;
	int rc, state;

	snprintf(path, sizeof(path), "%s/state", ctrl->backend);
	do {
		rc = tx_begin(&tx, xs);
		if (rc < 0)
			return rc;
		if (force)
			path_cleanup(xs, tx.id, ctrl->frontend,
				     "/local/domain");
		state = state_read(xs, tx.id, path);
		if (state != XENBUS_UNKNOWN) {
			put(&tx, "0", "%s/online", ctrl->backend);
			if (state != XENBUS_CLOSED)
				put(&tx, "5", "%s/state", ctrl->backend);
		}
		rc = tx_end(&tx);
	} while (rc == 1);
	return rc;
}

/* The second half: waits for Closed, removes the nodes. */
static int removal_finish(struct xs_handle *xs, const struct controller *ctrl,
			  int timeout_ms)
{
	struct store_tx tx;
	int rc, wait_rc = 0;

	if (fake_toolstack_backend_state(xs, ctrl->domid, ctrl->devid) !=
	    XENBUS_UNKNOWN)
		wait_rc = fake_toolstack_backend_wait(
			xs, ctrl->domid, ctrl->devid, XENBUS_CLOSED,
			timeout_ms);
	do {
		rc = tx_begin(&tx, xs);
		if (rc < 0)
			return rc;
		path_cleanup(xs, tx.id, ctrl->frontend, "/local/domain");
		path_cleanup(xs, tx.id, ctrl->backend, "/local/domain/0");
		path_cleanup(xs, tx.id, ctrl->library, "/libxl");
		rc = tx_end(&tx);
	} while (rc == 1);
	return wait_rc < 0 ? wait_rc : rc;
}

int fake_toolstack_controller_detach(struct xs_handle *xs, uint32_t domid,
				     unsigned devid, int timeout_ms)
{
	struct controller ctrl = controller_name(domid, devid);
	int rc = removal_ask(xs, &ctrl, false);

	return rc < 0 ? rc : removal_finish(xs, &ctrl, timeout_ms);
}

int fake_toolstack_domain_destroy(struct xs_handle *xs,
				  struct fake_guest *guest, int timeout_ms)
{
	uint32_t domid = fake_guest_domid(guest);
	int64_t deadline = guest_deadline_ms(timeout_ms);
	char path[PATH_SIZE], uuid[37];
	struct controller ctrl;
	unsigned count = 0;
	char **devids;
	int rc = 0, one;

	/* libxl pauses it first, so that it cannot make more trouble. */
	fake_guest_set_paused(guest, true);
	snprintf(path, sizeof(path), "/local/domain/0/backend/vusb/%u", domid);
	devids = xs_directory(xs, XBT_NULL, path, &count);
	for (unsigned i = 0; devids && i < count; i++) {
		ctrl = controller_name(domid, (unsigned)atoi(devids[i]));
		one = removal_ask(xs, &ctrl, true);
		rc = rc < 0 ? rc : one;
	}
	for (unsigned i = 0; devids && i < count; i++) {
		ctrl = controller_name(domid, (unsigned)atoi(devids[i]));
		one = removal_finish(xs, &ctrl, guest_left_ms(deadline));
		rc = rc < 0 ? rc : one;
	}
	free(devids);

	snprintf(path, sizeof(path), "/local/domain/%u", domid);
	xs_rm(xs, XBT_NULL, path);
	uuid_text(fake_guest_uuid(guest), uuid);
	snprintf(path, sizeof(path), "/vm/%s", uuid);
	xs_rm(xs, XBT_NULL, path);
	snprintf(path, sizeof(path), "/libxl/%u", domid);
	xs_rm(xs, XBT_NULL, path);
	fake_guest_destroy(guest);
	return rc;
}

/*
 * --- waiting --------------------------------------------------------------
 */

enum xenbus_state fake_toolstack_backend_state(struct xs_handle *xs,
					       uint32_t domid, unsigned devid)
{
	struct controller ctrl = controller_name(domid, devid);
	char path[PATH_SIZE + 8];

	snprintf(path, sizeof(path), "%s/state", ctrl.backend);
	return (enum xenbus_state)state_read(xs, XBT_NULL, path);
}

int fake_toolstack_backend_wait(struct xs_handle *xs, uint32_t domid,
				unsigned devid, enum xenbus_state state,
				int timeout_ms)
{
	struct controller ctrl = controller_name(domid, devid);
	char path[PATH_SIZE + 8], text[16];

	snprintf(path, sizeof(path), "%s/state", ctrl.backend);
	snprintf(text, sizeof(text), "%d", state);
	return fake_toolstack_node_wait(xs, path, text, timeout_ms);
}

int fake_toolstack_node_wait(struct xs_handle *xs, const char *path,
			     const char *value, int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	bool equal;
	char *text;

	for (;;) {
		errno = 0;
		text = node_read(xs, XBT_NULL, path);
		if (!text && errno != ENOENT && errno != EACCES)
			return errno ? -errno : -EIO;
		equal = value ? text && !strcmp(text, value) : !text;
		free(text);
		if (equal)
			return 0;
		if (guest_left_ms(deadline) == 0)
			return -ETIMEDOUT;
		pause_ms(POLL_MS);
	}
}
