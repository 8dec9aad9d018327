// SPDX-License-Identifier: MIT
/*
 * pipe.c - a handle and the pipe it has.
 *
 *   free ──CreateFile──▶ owned, open ──last handle closed──▶ closing ──▶ free
 *
 * Closing takes back what waits on both endpoints, waits (bounded) until it is
 * back, then tells the device; a device that does not answer is reset by
 * selecting setting 0 and 1 again.  Only then the pipe is free for another
 * handle, so no octet of one user reaches the next.
 */
#include "frontend-windows/usb2virt/driver.h"

struct tv_handle *tv_handle_of(PIRP irp)
{
	PFILE_OBJECT file = IoGetCurrentIrpStackLocation(irp)->FileObject;

	return file ? file->FsContext : NULL;
}

static USHORT index_of(const struct tv_function *f, LONG pipe)
{
	return (USHORT)(f->iface | pipe << 8);
}

static VOID lock_control(struct tv_function *f)
{
	KeWaitForSingleObject(&f->control, Executive, KernelMode, FALSE, NULL);
}

static VOID unlock_control(struct tv_function *f)
{
	KeReleaseMutex(&f->control, FALSE);
}

static LONG pipe_take(struct tv_function *f, PFILE_OBJECT file,
		      USHORT *generation)
{
	LONG found = -1, i;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	for (i = 0; i < (LONG)f->pipes && found < 0; i++)
		if (f->running && !f->pipe[i].owner && !f->pipe[i].closing)
			found = i;
	if (found >= 0) {
		f->pipe[found].owner = file;
		*generation = tv_stream_next(&f->stream[found]);
		tv_stream_open(&f->stream[found], *generation);
	}
	KeReleaseSpinLock(&f->lock, irql);
	return found;
}

static VOID pipe_free(struct tv_function *f, LONG pipe)
{
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	tv_stream_close(&f->stream[pipe]);
	f->pipe[pipe].owner = NULL;
	f->pipe[pipe].closing = FALSE;
	KeReleaseSpinLock(&f->lock, irql);
}

static NTSTATUS pipe_open(struct tv_function *f, PFILE_OBJECT file, LONG *out)
{
	USHORT generation = 0;
	ULONG none = 0;
	NTSTATUS status;
	unsigned int tries;
	LONG pipe;

	pipe = pipe_take(f, file, &generation);
	if (pipe < 0)
		return f->running ? STATUS_INSUFFICIENT_RESOURCES
				  : STATUS_DEVICE_NOT_CONNECTED;
	/* The generation may be the one of an opening before our time. */
	for (tries = 0; tries < 2; tries++) {
		status = tv_usb_vendor(f, TV_PIPE_OPEN, generation,
				       index_of(f, pipe), NULL, &none, FALSE);
		if (NT_SUCCESS(status)) {
			*out = pipe;
			return status;
		}
		pipe_free(f, pipe);
		pipe = pipe_take(f, file, &generation);
		if (pipe < 0)
			return status;
	}
	pipe_free(f, pipe);
	return status;
}

NTSTATUS tv_pipe_create(struct tv_function *f, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	PIO_SECURITY_CONTEXT security =
		stack->Parameters.Create.SecurityContext;
	ACCESS_MASK access = security ? security->DesiredAccess
				      : FILE_READ_DATA | FILE_WRITE_DATA;
	struct tv_handle *handle = tv_alloc(sizeof(*handle));
	NTSTATUS status = STATUS_SUCCESS;

	if (!handle)
		return tv_irp_done(irp, STATUS_INSUFFICIENT_RESOURCES, 0);
	handle->pipe = -1;
	if (access & (FILE_READ_DATA | FILE_WRITE_DATA | GENERIC_READ |
		      GENERIC_WRITE | GENERIC_ALL)) {
		lock_control(f);
		status = pipe_open(f, stack->FileObject, &handle->pipe);
		unlock_control(f);
	}
	if (!NT_SUCCESS(status)) {
		tv_free(handle);
		return tv_irp_done(irp, status, 0);
	}
	stack->FileObject->FsContext = handle;
	return tv_irp_done(irp, STATUS_SUCCESS, 0);
}

/* Until nothing of the pipe is below; FALSE after 5 s. */
static BOOLEAN pipe_drain(struct tv_function *f, LONG pipe)
{
	struct tv_pipe *p = &f->pipe[pipe];
	LARGE_INTEGER step;
	unsigned int i;

	step.QuadPart = -50000; /* 5 ms */
	for (i = 0; i < TV_ANSWER_MS / 5; i++) {
		if (!p->reads && !p->writes)
			return TRUE;
		if (p->reads)
			tv_usb_abort(f, p->in);
		if (p->writes)
			tv_usb_abort(f, p->out);
		if (p->reads || p->writes)
			KeDelayExecutionThread(KernelMode, FALSE, &step);
	}
	return FALSE;
}

static VOID reset(struct tv_function *f)
{
	tv_event_stop(f);
	if (NT_SUCCESS(tv_function_select(f, 0)) &&
	    NT_SUCCESS(tv_function_select(f, 1)))
		tv_event_start(f);
}

static VOID pipe_close(struct tv_function *f, LONG pipe)
{
	USHORT generation;
	ULONG none = 0;
	BOOLEAN told;
	KIRQL irql;

	lock_control(f);
	KeAcquireSpinLock(&f->lock, &irql);
	f->pipe[pipe].closing = TRUE;
	generation = f->stream[pipe].generation;
	/* No read or write is admitted from here on. */
	tv_stream_close(&f->stream[pipe]);
	KeReleaseSpinLock(&f->lock, irql);
	tv_event_news(f);
	told = pipe_drain(f, pipe) && f->running &&
	       NT_SUCCESS(tv_usb_vendor(f, TV_PIPE_CLOSE, generation,
					index_of(f, pipe), NULL, &none, FALSE));
	if (!told && f->running)
		reset(f);
	pipe_free(f, pipe);
	unlock_control(f);
}

static VOID clean(struct tv_function *f, PIRP irp)
{
	struct tv_handle *handle = tv_handle_of(irp);

	if (!handle || handle->clean)
		return;
	handle->clean = TRUE;
	tv_event_flush(f, IoGetCurrentIrpStackLocation(irp)->FileObject);
	if (handle->pipe >= 0)
		pipe_close(f, handle->pipe);
}

/* The last handle is closed. */
NTSTATUS tv_pipe_cleanup(struct tv_function *f, PIRP irp)
{
	clean(f, irp);
	return tv_irp_done(irp, STATUS_SUCCESS, 0);
}

NTSTATUS tv_pipe_close(struct tv_function *f, PIRP irp)
{
	clean(f, irp);
	tv_free(tv_handle_of(irp));
	return tv_irp_done(irp, STATUS_SUCCESS, 0);
}

VOID tv_pipe_break_all(struct tv_function *f, USHORT reason)
{
	unsigned int i;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	for (i = 0; i < f->pipes; i++)
		tv_stream_break(&f->stream[i], reason);
	KeReleaseSpinLock(&f->lock, irql);
	tv_event_news(f);
}

/* ---- IOCTLs ---------------------------------------------------------------
 */

static NTSTATUS get_info(struct tv_function *f, struct tv_handle *handle,
			 struct tv_win_info *out)
{
	unsigned int i;
	KIRQL irql;

	RtlZeroMemory(out, sizeof(*out));
	out->type = f->info.type;
	out->pipe_count = (UCHAR)f->pipes;
	out->version = f->info.version;
	out->transfer_max = f->info.transfer_max;
	out->pipe = (ULONG)handle->pipe;
	KeAcquireSpinLock(&f->lock, &irql);
	for (i = 0; i < f->pipes; i++)
		out->pipes_free += !f->pipe[i].owner && !f->pipe[i].closing;
	KeReleaseSpinLock(&f->lock, irql);
	RtlCopyMemory(out->name, f->name, sizeof(out->name));
	return STATUS_SUCCESS;
}

static NTSTATUS shut_down(struct tv_function *f, LONG pipe)
{
	struct tv_stream *stream = &f->stream[pipe];
	NTSTATUS status = STATUS_SUCCESS;
	ULONG length = sizeof(ULONGLONG);
	BOOLEAN before;
	ULONGLONG count;
	USHORT generation;
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	before = stream->out_ended;
	if (f->pipe[pipe].writes)
		status = STATUS_DEVICE_BUSY;
	else if (!f->running || (!before && !tv_stream_writable(stream)))
		status = STATUS_CONNECTION_ABORTED;
	else
		stream->out_ended = TRUE;
	count = stream->out_octets;
	generation = stream->generation;
	KeReleaseSpinLock(&f->lock, irql);
	if (!NT_SUCCESS(status) || before)
		return status;
	return tv_usb_vendor(f, TV_PIPE_SHUTDOWN, generation, index_of(f, pipe),
			     &count, &length, FALSE);
}

static NTSTATUS get_state(struct tv_function *f, LONG pipe,
			  struct tv_win_state *out)
{
	KIRQL irql;

	KeAcquireSpinLock(&f->lock, &irql);
	tv_state_fill(f, pipe, out);
	KeReleaseSpinLock(&f->lock, irql);
	return STATUS_SUCCESS;
}

NTSTATUS tv_pipe_ioctl(struct tv_function *f, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	ULONG room = stack->Parameters.DeviceIoControl.OutputBufferLength;
	ULONG code = stack->Parameters.DeviceIoControl.IoControlCode;
	struct tv_handle *handle = tv_handle_of(irp);
	PVOID buffer = irp->AssociatedIrp.SystemBuffer;
	NTSTATUS status;

	if (!handle || handle->clean)
		return tv_irp_done(irp, STATUS_INVALID_HANDLE, 0);
	if (code == TV_IOCTL_GET_INFO) {
		if (room < sizeof(struct tv_win_info))
			return tv_irp_done(irp, STATUS_BUFFER_TOO_SMALL, 0);
		get_info(f, handle, buffer);
		return tv_irp_done(irp, STATUS_SUCCESS,
				   sizeof(struct tv_win_info));
	}
	if (handle->pipe < 0)
		return tv_irp_done(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
	switch (code) {
	case TV_IOCTL_GET_STATE:
		if (room < sizeof(struct tv_win_state))
			return tv_irp_done(irp, STATUS_BUFFER_TOO_SMALL, 0);
		get_state(f, handle->pipe, buffer);
		return tv_irp_done(irp, STATUS_SUCCESS,
				   sizeof(struct tv_win_state));
	case TV_IOCTL_SHUTDOWN:
		lock_control(f);
		status = shut_down(f, handle->pipe);
		unlock_control(f);
		return tv_irp_done(irp, status, 0);
	case TV_IOCTL_WAIT:
		return tv_event_wait(f, irp, handle->pipe);
	default:
		return tv_irp_done(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
	}
}
