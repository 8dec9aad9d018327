/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what the files of usb2virt.sys share.
 *
 *   main.c       entry, dispatch
 *   pnp.c        plug and play, power
 *   usb.c        URBs to the bus driver below, whatever bus that is
 *   function.c   the function: configuration, endpoints, its name
 *   pipe.c       a handle and its pipe: open, close, half-close
 *   io.c         reads and writes
 *   event.c      the interrupt endpoint, and who waits for news
 *
 * The states of pipes are core/stream.c's.  One spin lock guards them and all
 * that is below it in struct tv_function; nothing is completed under it.
 */
#ifndef TV_USB2VIRT_DRIVER_H
#define TV_USB2VIRT_DRIVER_H

#include <ntddk.h>

#include <usb.h>
#include <usbioctl.h>

#include "frontend-windows/core/descriptor.h"
#include "frontend-windows/core/stream.h"
#include "frontend-windows/lib/irp.h"
#include "frontend-windows/lib/power.h"
#include "frontend-windows/usb2virt/usb2virt_api.h"

#define TV_ANSWER_MS 5000
#define TV_TRANSFER_MAX (4u << 20) /* of one ReadFile or WriteFile */

enum tv_pnp { TV_ADDED, TV_STARTED, TV_STOPPED, TV_SURPRISED, TV_REMOVED };

/* One pipe of the function and the handle that has it. */
struct tv_pipe {
	USBD_PIPE_HANDLE in, out;
	PFILE_OBJECT owner; /* NULL: free */
	BOOLEAN closing;    /* not to be taken yet */
	LONG reads, writes; /* under way below */
};

struct tv_function {
	PDEVICE_OBJECT self, lower, pdo;
	IO_REMOVE_LOCK remove_lock;
	enum tv_pnp pnp;
	struct tv_power power;
	UNICODE_STRING link;
	BOOLEAN linked;

	PUCHAR config;
	ULONG config_len;
	UCHAR iface; /* bInterfaceNumber */
	USBD_CONFIGURATION_HANDLE configuration;
	USBD_PIPE_HANDLE interrupt;
	struct tv_function_info info;
	USHORT name[64];
	unsigned int pipes;
	KMUTEX control; /* one opening, closing or half-close at a time */

	KSPIN_LOCK lock; /* all that follows */
	BOOLEAN running; /* transfers may be sent */
	struct tv_pipe pipe[TV_PIPE_MAX];
	struct tv_stream stream[TV_PIPE_MAX];
	LIST_ENTRY waiters; /* IRPs of TV_IOCTL_WAIT */

	/* The interrupt reader. */
	PIRP event_irp;
	struct _URB_BULK_OR_INTERRUPT_TRANSFER event_urb;
	UCHAR event_octets[64];
	KEVENT event_idle; /* notification: it is not below */
	unsigned int event_errors;
};

/* A handle's; in FsContext. */
struct tv_handle {
	LONG pipe; /* -1: none */
	BOOLEAN clean;
};

/* usb.c */
NTSTATUS tv_usb_urb(struct tv_function *f, PVOID urb);
NTSTATUS tv_usb_vendor(struct tv_function *f, UCHAR request, USHORT value,
		       USHORT index, PVOID data, ULONG *length, BOOLEAN in);
NTSTATUS tv_usb_descriptor(struct tv_function *f, UCHAR type, UCHAR index,
			   USHORT language, PVOID data, ULONG *length);
NTSTATUS tv_usb_abort(struct tv_function *f, USBD_PIPE_HANDLE pipe);
/* From any IRQL up to DISPATCH_LEVEL, not waited for. */
VOID tv_usb_abort_async(struct tv_function *f, USBD_PIPE_HANDLE pipe);

/* function.c */
NTSTATUS tv_function_start(struct tv_function *f);
VOID tv_function_stop(struct tv_function *f, BOOLEAN there);
/* Settings 0 and 1 again: closes every pipe. */
NTSTATUS tv_function_select(struct tv_function *f, UCHAR setting);

/* pipe.c */
NTSTATUS tv_pipe_create(struct tv_function *f, PIRP irp);
NTSTATUS tv_pipe_cleanup(struct tv_function *f, PIRP irp);
NTSTATUS tv_pipe_close(struct tv_function *f, PIRP irp);
NTSTATUS tv_pipe_ioctl(struct tv_function *f, PIRP irp);
/* All pipes break, with a reason. */
VOID tv_pipe_break_all(struct tv_function *f, USHORT reason);
struct tv_handle *tv_handle_of(PIRP irp);

/* io.c */
NTSTATUS tv_io_transfer(struct tv_function *f, PIRP irp, BOOLEAN in);

/* event.c */
NTSTATUS tv_event_start(struct tv_function *f);
VOID tv_event_stop(struct tv_function *f);
NTSTATUS tv_event_wait(struct tv_function *f, PIRP irp, LONG pipe);
/* Tells who waits; not under the lock. */
VOID tv_event_news(struct tv_function *f);
VOID tv_event_flush(struct tv_function *f, PFILE_OBJECT file);
VOID tv_state_fill(struct tv_function *f, LONG pipe, struct tv_win_state *out);

/* pnp.c */
NTSTATUS NTAPI tv_pnp_add(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo);
NTSTATUS tv_pnp_irp(struct tv_function *f, PIRP irp);

#endif
