// SPDX-License-Identifier: MIT
/*
 * io.c - reads and writes: the caller's IRP goes down with a URB, so that a
 * cancel reaches the bus driver by itself.
 *
 * A read that comes back cancelled because its pipe ended or broke says so and
 * not that it was cancelled.  The end may come while a read is on its way down,
 * after event.c has looked for reads to abort: so each is looked at once more
 * when it is down.
 */
#include "frontend-windows/usb2virt/driver.h"

struct transfer {
	struct tv_function *f;
	LONG pipe;
	USHORT generation;
	BOOLEAN in;
	struct _URB_BULK_OR_INTERRUPT_TRANSFER urb;
};

static NTSTATUS broken_status(const struct tv_stream *stream)
{
	return stream->reason == TV_PIPE_REASON_REFUSED
		       ? STATUS_CONNECTION_REFUSED
		       : STATUS_CONNECTION_ABORTED;
}

/* What the caller is told; under the lock. */
static NTSTATUS outcome(struct tv_function *f, struct transfer *t, PIRP irp,
			ULONG octets)
{
	struct tv_stream *stream = &f->stream[t->pipe];
	NTSTATUS status = irp->IoStatus.Status;
	BOOLEAN same = stream->generation == t->generation;

	if (same && t->in && octets && !tv_stream_received(stream, octets))
		return STATUS_CONNECTION_ABORTED;
	if (same && !t->in)
		stream->out_octets += octets;
	/* Octets that came before a cancel are the caller's, or they are lost.
	 */
	if (same && t->in && octets)
		return STATUS_SUCCESS;
	if (NT_SUCCESS(status) || irp->Cancel || !same)
		return status;
	if (t->in && tv_stream_readable(stream) == TV_READ_END)
		return STATUS_END_OF_FILE;
	if (tv_stream_readable(stream) == TV_READ_BROKEN)
		return broken_status(stream);
	return status;
}

static NTSTATUS NTAPI moved(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct transfer *t = context;
	struct tv_function *f = t->f;
	struct tv_pipe *pipe = &f->pipe[t->pipe];
	ULONG octets = t->urb.TransferBufferLength;
	BOOLEAN others;
	KIRQL irql;

	UNREFERENCED_PARAMETER(device);
	if (irp->PendingReturned)
		IoMarkIrpPending(irp);
	KeAcquireSpinLock(&f->lock, &irql);
	irp->IoStatus.Status = outcome(f, t, irp, octets);
	irp->IoStatus.Information = octets;
	InterlockedDecrement(t->in ? &pipe->reads : &pipe->writes);
	/* The last octet came: reads behind it have nothing to wait for. */
	others = t->in && pipe->reads &&
		 tv_stream_readable(&f->stream[t->pipe]) != TV_READ_WAIT;
	KeReleaseSpinLock(&f->lock, irql);
	if (others)
		tv_usb_abort_async(f, pipe->in);
	tv_free(t);
	IoReleaseRemoveLock(&f->remove_lock, irp);
	return STATUS_CONTINUE_COMPLETION;
}

static NTSTATUS admit(struct tv_function *f, struct transfer *t)
{
	struct tv_stream *stream = &f->stream[t->pipe];

	if (!f->running)
		return STATUS_DEVICE_NOT_CONNECTED;
	if (t->in)
		switch (tv_stream_readable(stream)) {
		case TV_READ_END:
			return STATUS_END_OF_FILE;
		case TV_READ_BROKEN:
			return broken_status(stream);
		default:
			break;
		}
	else if (!tv_stream_writable(stream))
		return stream->out_ended ? STATUS_PIPE_CLOSING
					 : broken_status(stream);
	t->generation = stream->generation;
	InterlockedIncrement(t->in ? &f->pipe[t->pipe].reads
				   : &f->pipe[t->pipe].writes);
	return STATUS_SUCCESS;
}

static VOID urb_make(struct tv_function *f, struct transfer *t, PVOID buffer,
		     ULONG length)
{
	t->urb.Hdr.Function = URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER;
	t->urb.Hdr.Length = sizeof(t->urb);
	t->urb.PipeHandle = t->in ? f->pipe[t->pipe].in : f->pipe[t->pipe].out;
	t->urb.TransferFlags =
		t->in ? USBD_TRANSFER_DIRECTION_IN | USBD_SHORT_TRANSFER_OK : 0;
	t->urb.TransferBuffer = buffer;
	t->urb.TransferBufferLength = length;
}

static NTSTATUS down(struct tv_function *f, struct transfer *t, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
	LONG pipe = t->pipe;
	BOOLEAN in = t->in, late;
	NTSTATUS status;
	KIRQL irql;

	RtlZeroMemory(stack, sizeof(*stack));
	stack->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
	stack->Parameters.DeviceIoControl.IoControlCode =
		IOCTL_INTERNAL_USB_SUBMIT_URB;
	stack->Parameters.Others.Argument1 = &t->urb;
	IoSetCompletionRoutine(irp, moved, t, TRUE, TRUE, TRUE);
	status = IoCallDriver(f->lower, irp);
	KeAcquireSpinLock(&f->lock, &irql);
	late = in && f->pipe[pipe].reads &&
	       tv_stream_readable(&f->stream[pipe]) != TV_READ_WAIT;
	KeReleaseSpinLock(&f->lock, irql);
	if (late)
		tv_usb_abort_async(f, f->pipe[pipe].in);
	return status;
}

NTSTATUS tv_io_transfer(struct tv_function *f, PIRP irp, BOOLEAN in)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	ULONG length = in ? stack->Parameters.Read.Length
			  : stack->Parameters.Write.Length;
	struct tv_handle *handle = tv_handle_of(irp);
	struct transfer *t;
	NTSTATUS status;
	KIRQL irql;

	if (!handle || handle->pipe < 0 || length > TV_TRANSFER_MAX)
		return tv_irp_done(irp, STATUS_INVALID_PARAMETER, 0);
	if (!length)
		return tv_irp_done(irp, STATUS_SUCCESS, 0);
	t = tv_alloc(sizeof(*t));
	if (!t)
		return tv_irp_done(irp, STATUS_INSUFFICIENT_RESOURCES, 0);
	t->f = f;
	t->pipe = handle->pipe;
	t->in = in;
	KeAcquireSpinLock(&f->lock, &irql);
	status = admit(f, t);
	KeReleaseSpinLock(&f->lock, irql);
	if (!NT_SUCCESS(status)) {
		tv_free(t);
		return tv_irp_done(irp, status, 0);
	}
	urb_make(f, t, irp->AssociatedIrp.SystemBuffer, length);
	/* Held until it comes back. */
	status = IoAcquireRemoveLock(&f->remove_lock, irp);
	if (!NT_SUCCESS(status)) {
		InterlockedDecrement(in ? &f->pipe[t->pipe].reads
					: &f->pipe[t->pipe].writes);
		tv_free(t);
		return tv_irp_done(irp, status, 0);
	}
	return down(f, t, irp);
}
