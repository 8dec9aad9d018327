// SPDX-License-Identifier: MIT
/*
 * irp.c - what both drivers do with memory, time and IRPs.
 */
#include "frontend-windows/lib/irp.h"

#include <stdarg.h>
#include <stdio.h>

PVOID tv_alloc(SIZE_T octets)
{
	PVOID memory = ExAllocatePoolWithTag(NonPagedPoolNx, octets, TV_TAG);

	if (memory)
		RtlZeroMemory(memory, octets);
	return memory;
}

VOID tv_free(PVOID memory)
{
	if (memory)
		ExFreePoolWithTag(memory, TV_TAG);
}

LARGE_INTEGER tv_now(VOID)
{
	LARGE_INTEGER now;

	KeQuerySystemTime(&now);
	return now;
}

NTSTATUS tv_irp_done(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
	irp->IoStatus.Status = status;
	irp->IoStatus.Information = information;
	IoCompleteRequest(irp, IO_NO_INCREMENT);
	return status;
}

static NTSTATUS NTAPI forwarded(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(irp);
	KeSetEvent(event, IO_NO_INCREMENT, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS tv_irp_forward(PDEVICE_OBJECT lower, PIRP irp)
{
	KEVENT event;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	IoCopyCurrentIrpStackLocationToNext(irp);
	IoSetCompletionRoutine(irp, forwarded, &event, TRUE, TRUE, TRUE);
	if (IoCallDriver(lower, irp) == STATUS_PENDING)
		KeWaitForSingleObject(&event, Executive, KernelMode, FALSE,
				      NULL);
	return irp->IoStatus.Status;
}

BOOLEAN tv_format(CHAR *out, SIZE_T room, const CHAR *format, ...)
{
	va_list args;
	int count;

	va_start(args, format);
	count = _vsnprintf(out, room, format, args);
	va_end(args);
	out[room - 1] = 0;
	return count >= 0 && (SIZE_T)count < room;
}
