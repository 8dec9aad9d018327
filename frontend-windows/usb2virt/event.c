// SPDX-License-Identifier: MIT
/*
 * event.c - the interrupt endpoint, and IRPs that wait for news of a pipe.
 *
 * One IRP goes down again and again while the function runs.  After an error
 * other than a cancel it is tried a few times, then the function is taken for
 * broken: all pipes reset, which is what their users have to know.
 */
#include "frontend-windows/usb2virt/driver.h"

#define ERRORS_MAX 8

VOID tv_state_fill(struct tv_function *f, LONG pipe, struct tv_win_state *out)
{
	const struct tv_stream *stream = &f->stream[pipe];

	RtlZeroMemory(out, sizeof(*out));
	out->news = stream->news;
	out->state = stream->state;
	out->out_ended = stream->out_ended;
	out->in_ended = stream->eos;
	out->reason = stream->reason;
	out->generation = stream->generation;
	out->out_octets = stream->out_octets;
	out->in_octets = stream->in_octets;
}

/* ---- who waits ------------------------------------------------------------
 */

struct waiter {
	LONG pipe;
	ULONG news;
};

/* In the IRP itself: DriverContext survives while it is ours. */
static PVOID *context(PIRP irp)
{
	return irp->Tail.Overlay.DriverContext;
}

static BOOLEAN due(struct tv_function *f, PIRP irp)
{
	LONG pipe = (LONG)(LONG_PTR)context(irp)[0];

	return f->stream[pipe].news != (ULONG)(ULONG_PTR)context(irp)[1];
}

static VOID complete(struct tv_function *f, PIRP irp)
{
	LONG pipe = (LONG)(LONG_PTR)context(irp)[0];
	struct tv_win_state state;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	tv_state_fill(f, pipe, &state);
	KeReleaseSpinLock(&f->lock, irql);
	RtlCopyMemory(irp->AssociatedIrp.SystemBuffer, &state, sizeof(state));
	tv_irp_done(irp, STATUS_SUCCESS, sizeof(state));
}

/* One that is due (or a file's), out of the list; ours alone then. */
static PIRP take(struct tv_function *f, PFILE_OBJECT file)
{
	PLIST_ENTRY entry;
	PIRP found = NULL;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	for (entry = f->waiters.Flink; entry != &f->waiters && !found;
	     entry = entry->Flink) {
		PIRP irp =
			CONTAINING_RECORD(entry, IRP, Tail.Overlay.ListEntry);

		if (file ? IoGetCurrentIrpStackLocation(irp)->FileObject != file
			 : !due(f, irp))
			continue;
		/* The cancel routine may have it: it takes it out itself. */
		if (IoSetCancelRoutine(irp, NULL))
			found = irp;
	}
	if (found)
		RemoveEntryList(&found->Tail.Overlay.ListEntry);
	KeReleaseSpinLock(&f->lock, irql);
	return found;
}

VOID tv_event_news(struct tv_function *f)
{
	PIRP irp;

	while ((irp = take(f, NULL)) != NULL)
		complete(f, irp);
}

VOID tv_event_flush(struct tv_function *f, PFILE_OBJECT file)
{
	PIRP irp;

	while ((irp = take(f, file)) != NULL)
		tv_irp_done(irp, STATUS_CANCELLED, 0);
}

static VOID NTAPI cancel(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_function *f = device->DeviceExtension;
	KIRQL irql;

	IoReleaseCancelSpinLock(irp->CancelIrql);
	KeAcquireSpinLock(&f->lock, &irql);
	RemoveEntryList(&irp->Tail.Overlay.ListEntry);
	KeReleaseSpinLock(&f->lock, irql);
	tv_irp_done(irp, STATUS_CANCELLED, 0);
}

NTSTATUS tv_event_wait(struct tv_function *f, PIRP irp, LONG pipe)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	BOOLEAN cancelled;
	ULONG known;
	KIRQL irql;

	if (stack->Parameters.DeviceIoControl.InputBufferLength <
		    sizeof(known) ||
	    stack->Parameters.DeviceIoControl.OutputBufferLength <
		    sizeof(struct tv_win_state))
		return tv_irp_done(irp, STATUS_BUFFER_TOO_SMALL, 0);
	RtlCopyMemory(&known, irp->AssociatedIrp.SystemBuffer, sizeof(known));
	context(irp)[0] = (PVOID)(LONG_PTR)pipe;
	context(irp)[1] = (PVOID)(ULONG_PTR)known;
	KeAcquireSpinLock(&f->lock, &irql);
	IoMarkIrpPending(irp);
	IoSetCancelRoutine(irp, cancel);
	InsertTailList(&f->waiters, &irp->Tail.Overlay.ListEntry);
	cancelled = irp->Cancel && IoSetCancelRoutine(irp, NULL);
	if (cancelled)
		RemoveEntryList(&irp->Tail.Overlay.ListEntry);
	KeReleaseSpinLock(&f->lock, irql);
	if (cancelled)
		tv_irp_done(irp, STATUS_CANCELLED, 0);
	else
		tv_event_news(f);
	return STATUS_PENDING;
}

/* ---- the interrupt endpoint -----------------------------------------------
 */

static VOID send(struct tv_function *f);

/* Reads that wait on a pipe that has ended must not wait for ever. */
static VOID changed(struct tv_function *f, int pipe)
{
	enum tv_stream_read readable;
	USBD_PIPE_HANDLE in, out;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	readable = tv_stream_readable(&f->stream[pipe]);
	in = f->pipe[pipe].reads ? f->pipe[pipe].in : NULL;
	out = f->pipe[pipe].writes ? f->pipe[pipe].out : NULL;
	KeReleaseSpinLock(&f->lock, irql);
	if (readable != TV_READ_WAIT && in)
		tv_usb_abort_async(f, in);
	if (readable == TV_READ_BROKEN && out)
		tv_usb_abort_async(f, out);
	tv_event_news(f);
}

static VOID broken(struct tv_function *f)
{
	unsigned int i;

	tv_pipe_break_all(f, TV_PIPE_REASON_INTERNAL);
	for (i = 0; i < f->pipes; i++)
		changed(f, (int)i);
}

static NTSTATUS NTAPI arrived(PDEVICE_OBJECT device, PIRP irp, PVOID argument)
{
	struct tv_function *f = argument;
	BOOLEAN good = NT_SUCCESS(irp->IoStatus.Status);
	BOOLEAN again;
	int pipe = -1;
	KIRQL irql;

	UNREFERENCED_PARAMETER(device);
	KeAcquireSpinLock(&f->lock, &irql);
	if (good)
		pipe = tv_stream_event(f->stream, f->pipes, f->event_octets,
				       f->event_urb.TransferBufferLength);
	f->event_errors = good ? 0 : f->event_errors + 1;
	again = f->running && f->event_errors < ERRORS_MAX &&
		irp->IoStatus.Status != STATUS_CANCELLED &&
		irp->IoStatus.Status != STATUS_NO_SUCH_DEVICE;
	KeReleaseSpinLock(&f->lock, irql);
	if (pipe >= 0)
		changed(f, pipe);
	if (again) {
		send(f);
		return STATUS_MORE_PROCESSING_REQUIRED;
	}
	broken(f);
	KeSetEvent(&f->event_idle, IO_NO_INCREMENT, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID send(struct tv_function *f)
{
	struct _URB_BULK_OR_INTERRUPT_TRANSFER *urb = &f->event_urb;
	PIO_STACK_LOCATION stack;

	RtlZeroMemory(urb, sizeof(*urb));
	urb->Hdr.Function = URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER;
	urb->Hdr.Length = sizeof(*urb);
	urb->PipeHandle = f->interrupt;
	urb->TransferFlags =
		USBD_TRANSFER_DIRECTION_IN | USBD_SHORT_TRANSFER_OK;
	urb->TransferBuffer = f->event_octets;
	urb->TransferBufferLength = sizeof(f->event_octets);
	IoReuseIrp(f->event_irp, STATUS_NOT_SUPPORTED);
	stack = IoGetNextIrpStackLocation(f->event_irp);
	stack->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
	stack->Parameters.DeviceIoControl.IoControlCode =
		IOCTL_INTERNAL_USB_SUBMIT_URB;
	stack->Parameters.Others.Argument1 = urb;
	IoSetCompletionRoutine(f->event_irp, arrived, f, TRUE, TRUE, TRUE);
	IoCallDriver(f->lower, f->event_irp);
}

NTSTATUS tv_event_start(struct tv_function *f)
{
	if (!f->event_irp)
		f->event_irp = IoAllocateIrp(f->lower->StackSize, FALSE);
	if (!f->event_irp)
		return STATUS_INSUFFICIENT_RESOURCES;
	f->event_errors = 0;
	KeClearEvent(&f->event_idle);
	send(f);
	return STATUS_SUCCESS;
}

/* running is FALSE: once it has come back it stays. */
VOID tv_event_stop(struct tv_function *f)
{
	LARGE_INTEGER step;

	if (!f->event_irp)
		return;
	step.QuadPart = -200000; /* 20 ms: it may just be going down again */
	do {
		tv_usb_abort(f, f->interrupt);
	} while (KeWaitForSingleObject(&f->event_idle, Executive, KernelMode,
				       FALSE, &step) == STATUS_TIMEOUT);
	IoFreeIrp(f->event_irp);
	f->event_irp = NULL;
}
