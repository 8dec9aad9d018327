// SPDX-License-Identifier: MIT
/*
 * usb.c - URBs to the bus driver below.
 *
 * A URB that is waited for is bounded: after 5 s it is cancelled, and then the
 * bus driver answers, whatever the device does.
 */
#include "frontend-windows/usb2virt/driver.h"

static NTSTATUS NTAPI answered(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(irp);
	KeSetEvent(event, IO_NO_INCREMENT, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

static PIRP make(struct tv_function *f, PVOID urb,
		 PIO_COMPLETION_ROUTINE routine, PVOID context)
{
	PIRP irp = IoAllocateIrp(f->lower->StackSize, FALSE);
	PIO_STACK_LOCATION stack;

	if (!irp)
		return NULL;
	stack = IoGetNextIrpStackLocation(irp);
	stack->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
	stack->Parameters.DeviceIoControl.IoControlCode =
		IOCTL_INTERNAL_USB_SUBMIT_URB;
	stack->Parameters.Others.Argument1 = urb;
	IoSetCompletionRoutine(irp, routine, context, TRUE, TRUE, TRUE);
	return irp;
}

/* PASSIVE_LEVEL. */
NTSTATUS tv_usb_urb(struct tv_function *f, PVOID urb)
{
	LARGE_INTEGER timeout;
	NTSTATUS status;
	KEVENT event;
	PIRP irp;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	irp = make(f, urb, answered, &event);
	if (!irp)
		return STATUS_INSUFFICIENT_RESOURCES;
	timeout.QuadPart = -(LONGLONG)TV_ANSWER_MS * 10000;
	IoCallDriver(f->lower, irp);
	if (KeWaitForSingleObject(&event, Executive, KernelMode, FALSE,
				  &timeout) == STATUS_TIMEOUT) {
		IoCancelIrp(irp);
		KeWaitForSingleObject(&event, Executive, KernelMode, FALSE,
				      NULL);
	}
	status = irp->IoStatus.Status;
	IoFreeIrp(irp);
	if (NT_SUCCESS(status) &&
	    !USBD_SUCCESS(((struct _URB_HEADER *)urb)->Status))
		status = STATUS_UNSUCCESSFUL;
	return status;
}

NTSTATUS tv_usb_vendor(struct tv_function *f, UCHAR request, USHORT value,
		       USHORT index, PVOID data, ULONG *length, BOOLEAN in)
{
	struct _URB_CONTROL_VENDOR_OR_CLASS_REQUEST urb;
	NTSTATUS status;

	RtlZeroMemory(&urb, sizeof(urb));
	urb.Hdr.Function = URB_FUNCTION_VENDOR_INTERFACE;
	urb.Hdr.Length = sizeof(urb);
	urb.TransferFlags =
		in ? USBD_TRANSFER_DIRECTION_IN | USBD_SHORT_TRANSFER_OK : 0;
	urb.TransferBuffer = data;
	urb.TransferBufferLength = *length;
	urb.Request = request;
	urb.Value = value;
	urb.Index = index;
	status = tv_usb_urb(f, &urb);
	*length = urb.TransferBufferLength;
	return status;
}

NTSTATUS tv_usb_descriptor(struct tv_function *f, UCHAR type, UCHAR index,
			   USHORT language, PVOID data, ULONG *length)
{
	struct _URB_CONTROL_DESCRIPTOR_REQUEST urb;
	NTSTATUS status;

	RtlZeroMemory(&urb, sizeof(urb));
	urb.Hdr.Function = URB_FUNCTION_GET_DESCRIPTOR_FROM_DEVICE;
	urb.Hdr.Length = sizeof(urb);
	urb.TransferBuffer = data;
	urb.TransferBufferLength = *length;
	urb.DescriptorType = type;
	urb.Index = index;
	urb.LanguageId = language;
	status = tv_usb_urb(f, &urb);
	*length = urb.TransferBufferLength;
	return status;
}

static VOID abort_make(struct _URB_PIPE_REQUEST *urb, USBD_PIPE_HANDLE pipe)
{
	RtlZeroMemory(urb, sizeof(*urb));
	urb->Hdr.Function = URB_FUNCTION_ABORT_PIPE;
	urb->Hdr.Length = sizeof(*urb);
	urb->PipeHandle = pipe;
}

NTSTATUS tv_usb_abort(struct tv_function *f, USBD_PIPE_HANDLE pipe)
{
	struct _URB_PIPE_REQUEST urb;

	abort_make(&urb, pipe);
	return tv_usb_urb(f, &urb);
}

static NTSTATUS NTAPI aborted(PDEVICE_OBJECT device, PIRP irp, PVOID urb)
{
	UNREFERENCED_PARAMETER(device);
	tv_free(urb);
	IoFreeIrp(irp);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

VOID tv_usb_abort_async(struct tv_function *f, USBD_PIPE_HANDLE pipe)
{
	struct _URB_PIPE_REQUEST *urb = tv_alloc(sizeof(*urb));
	PIRP irp = urb ? make(f, urb, aborted, urb) : NULL;

	if (!irp) {
		tv_free(urb);
		return;
	}
	abort_make(urb, pipe);
	IoCallDriver(f->lower, irp);
}
