// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * port-libusb.c - ports on real USB, through libusb-1.0 and usbfs.
 *
 * libusb is used for transfers only.  It does not look for devices: its own
 * discovery gets no events where no udevd runs.  discover.c finds the device
 * node, this file opens it and hands the descriptor to
 * libusb_wrap_sys_device().
 *
 * What blocks (opening, claiming, SET_INTERFACE, each up to 5 s on a device
 * that does not answer) runs on libuv's worker threads, one at a time for a
 * port.  libusb's events are handled on the loop alone, so callbacks come from
 * there.
 *
 * libusb starts with the first port: it refuses to where /dev/bus/usb is
 * empty, as it is before a controller is there.
 */
#include "port-libusb.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libusb.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	INTERNAL_FDS_MAX = 4,
	DESCRIPTORS_MAX = 16 * 1024,
	/* One URB each: libusb cuts larger ones unless the HCD takes lists. */
	TRANSFER_MAX_PLAIN = 16 * 1024,
	TRANSFER_MAX_LISTS = 1024 * 1024,
	QUEUE_PLAIN = 1,
	QUEUE_LISTS = 2,
};

struct port_libusb_context {
	uv_loop_t *loop;
	libusb_context *usb; /* NULL: not started */
	uv_poll_t internal[INTERNAL_FDS_MAX];
	unsigned int internal_count;
	unsigned int handles_open;
	bool failed; /* libusb cannot be used at all */
};

struct port_libusb {
	struct port port;
	struct port_libusb_context *context;
	char path[32];
	int fd;
	libusb_device_handle *usb;
	bool polled;
	uv_poll_t poll;
	uv_work_t work; /* open or select; one at a time */
	int work_error;
	uint8_t work_alt;
	uint8_t descriptors[]; /* DESCRIPTORS_MAX */
};

static int error_of(int rc)
{
	switch (rc) {
	case LIBUSB_SUCCESS:
		return 0;
	case LIBUSB_ERROR_NO_DEVICE:
	case LIBUSB_ERROR_NOT_FOUND:
		return -ENODEV;
	case LIBUSB_ERROR_NO_MEM:
		return -ENOMEM;
	case LIBUSB_ERROR_BUSY:
		return -EBUSY;
	case LIBUSB_ERROR_ACCESS:
		return -EACCES;
	case LIBUSB_ERROR_INVALID_PARAM:
		return -EINVAL;
	default:
		return -EIO;
	}
}

/* Events */

static void events_handle(struct port_libusb_context *context)
{
	struct timeval now = {0};

	libusb_handle_events_timeout_completed(context->usb, &now, NULL);
}

static void internal_cb(uv_poll_t *poll, int status, int events)
{
	events_handle(poll->data);
}

static void device_cb(uv_poll_t *poll, int status, int events)
{
	struct port_libusb *port = poll->data;

	/*
	 * status < 0: usbfs says the device is gone, and libuv polls it no
	 * longer.  libusb finds the same and ends all transfers of the handle.
	 */
	events_handle(port->context);
}

static int context_start(struct port_libusb_context *context)
{
	const struct libusb_pollfd **fds;
	int rc;

	if (context->failed)
		return -ENOSYS;
	if (context->usb)
		return 0;
	libusb_set_option(NULL, LIBUSB_OPTION_NO_DEVICE_DISCOVERY);
	rc = libusb_init(&context->usb);
	if (rc) {
		context->usb = NULL;
		log_error("libusb does not start: %s", libusb_error_name(rc));
		return error_of(rc);
	}
	fds = libusb_get_pollfds(context->usb);
	for (unsigned int i = 0; fds && fds[i]; i++) {
		uv_poll_t *poll = &context->internal[context->internal_count];

		if (context->internal_count == INTERNAL_FDS_MAX ||
		    uv_poll_init(context->loop, poll, fds[i]->fd))
			goto err_fds;
		poll->data = context;
		context->internal_count++;
		/* Ports keep the loop running, libusb itself does not. */
		uv_unref((uv_handle_t *)poll);
		uv_poll_start(
			poll,
			(fds[i]->events & POLLIN ? UV_READABLE : 0) |
				(fds[i]->events & POLLOUT ? UV_WRITABLE : 0),
			internal_cb);
	}
	libusb_free_pollfds(fds);
	/* Without a timerfd nobody would wake the loop for a timeout. */
	if (context->internal_count == 0 ||
	    !libusb_pollfds_handle_timeouts(context->usb))
		goto err_failed;
	return 0;

err_fds:
	libusb_free_pollfds(fds);
err_failed:
	context->failed = true;
	log_error("libusb's events cannot be polled");
	return -ENOSYS;
}

/* Transfers */

static enum port_status status_of(enum libusb_transfer_status status)
{
	switch (status) {
	case LIBUSB_TRANSFER_COMPLETED:
		return PORT_OK;
	case LIBUSB_TRANSFER_STALL:
		return PORT_STALL;
	case LIBUSB_TRANSFER_CANCELLED:
		return PORT_CANCELLED;
	case LIBUSB_TRANSFER_TIMED_OUT:
		return PORT_TIMEOUT;
	case LIBUSB_TRANSFER_OVERFLOW:
		return PORT_OVERFLOW;
	case LIBUSB_TRANSFER_NO_DEVICE:
		return PORT_GONE;
	default:
		return PORT_ERROR;
	}
}

static void LIBUSB_CALL transfer_cb(struct libusb_transfer *transfer)
{
	struct port_xfer *xfer = transfer->user_data;

	xfer->status = status_of(transfer->status);
	xfer->actual = (uint32_t)transfer->actual_length;
	xfer->handle = NULL;
	libusb_free_transfer(transfer);
	xfer->complete(xfer);
}

static int port_submit(struct port *base, struct port_xfer *xfer)
{
	struct port_libusb *port = (struct port_libusb *)(void *)base;
	struct libusb_transfer *transfer = libusb_alloc_transfer(0);
	int rc;

	if (!transfer)
		return -ENOMEM;
	transfer->dev_handle = port->usb;
	transfer->endpoint = xfer->endpoint;
	transfer->type =
		xfer->type == PORT_CONTROL ? LIBUSB_TRANSFER_TYPE_CONTROL
		: xfer->type == PORT_BULK  ? LIBUSB_TRANSFER_TYPE_BULK
					   : LIBUSB_TRANSFER_TYPE_INTERRUPT;
	transfer->timeout = xfer->timeout_ms;
	transfer->buffer = xfer->data;
	transfer->length = (int)xfer->length;
	transfer->user_data = xfer;
	transfer->callback = transfer_cb;
	rc = error_of(libusb_submit_transfer(transfer));
	if (rc) {
		libusb_free_transfer(transfer);
		return rc;
	}
	xfer->handle = transfer;
	return 0;
}

static void port_cancel(struct port *base, struct port_xfer *xfer)
{
	if (xfer->handle)
		libusb_cancel_transfer(xfer->handle);
}

/* Open and select, on a worker thread */

/* On the worker: all that may block until the interface is ours. */
static void open_work(uv_work_t *work)
{
	struct port_libusb *port = work->data;
	uint32_t capabilities = 0;
	size_t len = 0;
	ssize_t n;
	int rc;

	port->fd = open(port->path, O_RDWR | O_CLOEXEC);
	if (port->fd < 0) {
		port->work_error = -errno;
		return;
	}
	while (len < DESCRIPTORS_MAX &&
	       (n = read(port->fd, port->descriptors + len,
			 DESCRIPTORS_MAX - len)) > 0)
		len += (size_t)n;
	port->port.descriptors = port->descriptors;
	port->port.descriptors_len = len;
	ioctl(port->fd, USBDEVFS_GET_CAPABILITIES, &capabilities);
	port->port.transfer_max = TRANSFER_MAX_PLAIN;
	port->port.queue_depth = QUEUE_PLAIN;
	if (capabilities & USBDEVFS_CAP_BULK_SCATTER_GATHER) {
		port->port.transfer_max = TRANSFER_MAX_LISTS;
		port->port.queue_depth = QUEUE_LISTS;
	}
	rc = libusb_wrap_sys_device(port->context->usb, port->fd, &port->usb);
	if (rc) {
		port->usb = NULL;
		port->work_error = error_of(rc);
		return;
	}
	port->work_error = error_of(
		libusb_claim_interface(port->usb, port->port.interface));
}

static void open_done(uv_work_t *work, int status)
{
	struct port_libusb *port = work->data;
	int error = status ? -ECANCELED : port->work_error;

	if (port->usb)
		port->context->handles_open++;
	if (!error && uv_poll_init(port->context->loop, &port->poll, port->fd))
		error = -EMFILE;
	if (!error) {
		port->polled = true;
		port->poll.data = port;
		uv_poll_start(&port->poll, UV_WRITABLE, device_cb);
	}
	port->port.events->opened(port->port.context, error);
}

static void port_open(struct port *base)
{
	struct port_libusb *port = (struct port_libusb *)(void *)base;

	port->work.data = port;
	uv_queue_work(port->context->loop, &port->work, open_work, open_done);
}

static void select_work(uv_work_t *work)
{
	struct port_libusb *port = work->data;

	port->work_error = error_of(libusb_set_interface_alt_setting(
		port->usb, port->port.interface, port->work_alt));
}

static void select_done(uv_work_t *work, int status)
{
	struct port_libusb *port = work->data;

	port->port.events->selected(port->port.context,
				    status ? -ECANCELED : port->work_error);
}

static void port_select(struct port *base, uint8_t alt)
{
	struct port_libusb *port = (struct port_libusb *)(void *)base;

	port->work.data = port;
	port->work_alt = alt;
	uv_queue_work(port->context->loop, &port->work, select_work,
		      select_done);
}

/* Close, also on a worker: releasing the interface selects setting 0. */

static void close_work(uv_work_t *work)
{
	struct port_libusb *port = work->data;

	if (port->usb) {
		libusb_release_interface(port->usb, port->port.interface);
		libusb_close(port->usb);
	}
	if (port->fd >= 0)
		close(port->fd);
}

static void close_done(uv_work_t *work, int status)
{
	struct port_libusb *port = work->data;

	if (port->usb)
		port->context->handles_open--;
	free(port);
}

static void close_polled(uv_handle_t *handle)
{
	struct port_libusb *port = handle->data;

	uv_queue_work(port->context->loop, &port->work, close_work, close_done);
}

static void port_close(struct port *base)
{
	struct port_libusb *port = (struct port_libusb *)(void *)base;

	port->work.data = port;
	if (port->polled)
		uv_close((uv_handle_t *)&port->poll, close_polled);
	else
		uv_queue_work(port->context->loop, &port->work, close_work,
			      close_done);
}

static const struct port_ops ops = {
	.open = port_open,
	.submit = port_submit,
	.cancel = port_cancel,
	.select = port_select,
	.close = port_close,
};

/* Public */

struct port *port_libusb_create(struct port_libusb_context *context,
				const char *path, uint8_t configuration,
				uint8_t interface)
{
	struct port_libusb *port;

	if (strlen(path) >= sizeof(port->path) || context_start(context))
		return NULL;
	port = calloc(1, sizeof(*port) + DESCRIPTORS_MAX);
	if (!port)
		return NULL;
	port->port.ops = &ops;
	port->port.configuration = configuration;
	port->port.interface = interface;
	port->context = context;
	port->fd = -1;
	strcpy(port->path, path);
	return &port->port;
}

struct port_libusb_context *port_libusb_init(uv_loop_t *loop)
{
	struct port_libusb_context *context = calloc(1, sizeof(*context));

	if (context)
		context->loop = loop;
	return context;
}

static void internal_closed(uv_handle_t *handle)
{
	struct port_libusb_context *context = handle->data;

	if (--context->internal_count)
		return;
	if (context->handles_open == 0)
		libusb_exit(context->usb);
	free(context);
}

void port_libusb_fini(struct port_libusb_context *context)
{
	unsigned int count;

	if (!context)
		return;
	count = context->internal_count;
	if (count == 0)
		free(context);
	for (unsigned int i = 0; i < count; i++)
		uv_close((uv_handle_t *)&context->internal[i], internal_closed);
}
