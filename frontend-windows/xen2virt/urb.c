// SPDX-License-Identifier: MIT
/*
 * urb.c - internal IOCTLs and URBs of function drivers.
 *
 * A transfer's IRP is marked pending, gets a struct tv_request, and belongs to
 * core/ until it is done.  Who completes a cancelled one is decided under the
 * controller's lock: the cancel routine if it came when the transfer was over
 * already (tv_hcd_unlock() left the IRP to it), else the completion.
 *
 * While an IRP is under way its PDO's remove lock is held, so the PDO and its
 * controller stay.
 */
#include "frontend-windows/core/setup.h"
#include "frontend-windows/xen2virt/driver.h"

/* The structures of usb.h, as published for x64. */
C_ASSERT(sizeof(struct _URB_HEADER) == 24);
C_ASSERT(sizeof(struct _URB_CONTROL_TRANSFER) == 136);
C_ASSERT(sizeof(struct _URB_BULK_OR_INTERRUPT_TRANSFER) == 128);
C_ASSERT(sizeof(struct _URB_CONTROL_DESCRIPTOR_REQUEST) == 136);
C_ASSERT(sizeof(struct _URB_CONTROL_VENDOR_OR_CLASS_REQUEST) == 136);
C_ASSERT(sizeof(struct _URB_PIPE_REQUEST) == 40);
C_ASSERT(sizeof(USBD_INTERFACE_INFORMATION) == 48);
C_ASSERT(sizeof(USBD_PIPE_INFORMATION) == 24);
C_ASSERT(FIELD_OFFSET(struct _URB_CONTROL_TRANSFER, TransferBuffer) == 40);
C_ASSERT(FIELD_OFFSET(struct _URB_CONTROL_TRANSFER, SetupPacket) == 128);
C_ASSERT(FIELD_OFFSET(struct _URB_CONTROL_VENDOR_OR_CLASS_REQUEST, Value) ==
	 130);

/* ---- status ---------------------------------------------------------------
 */

USBD_STATUS tv_urb_status(enum tv_result result)
{
	static const USBD_STATUS status[TV_RESULTS] = {
		[TV_OK] = USBD_STATUS_SUCCESS,
		[TV_STALL] = USBD_STATUS_STALL_PID,
		[TV_NODEV] = USBD_STATUS_DEVICE_GONE,
		[TV_INVAL] = USBD_STATUS_INVALID_PARAMETER,
		[TV_BABBLE] = USBD_STATUS_DATA_OVERRUN,
		[TV_IOERROR] = USBD_STATUS_XACT_ERROR,
		[TV_SHUTDOWN] = USBD_STATUS_DEVICE_GONE,
		[TV_CANCELLED] = USBD_STATUS_CANCELED,
		[TV_NOMEM] = USBD_STATUS_INSUFFICIENT_RESOURCES,
	};

	return status[result];
}

NTSTATUS tv_usbd_ntstatus(USBD_STATUS status)
{
	switch (status) {
	case USBD_STATUS_SUCCESS:
		return STATUS_SUCCESS;
	case USBD_STATUS_CANCELED:
		return STATUS_CANCELLED;
	case USBD_STATUS_DEVICE_GONE:
		return STATUS_NO_SUCH_DEVICE;
	case USBD_STATUS_INVALID_URB_FUNCTION:
	case USBD_STATUS_INVALID_PARAMETER:
	case USBD_STATUS_INVALID_PIPE_HANDLE:
	case USBD_STATUS_BUFFER_TOO_SMALL:
	case USBD_STATUS_INTERFACE_NOT_FOUND:
	case USBD_STATUS_INAVLID_CONFIGURATION_DESCRIPTOR:
		return STATUS_INVALID_PARAMETER;
	case USBD_STATUS_INSUFFICIENT_RESOURCES:
		return STATUS_INSUFFICIENT_RESOURCES;
	case USBD_STATUS_NOT_SUPPORTED:
		return STATUS_NOT_SUPPORTED;
	default:
		return STATUS_UNSUCCESSFUL;
	}
}

/* Completes an IRP that has no request, and lets the PDO go. */
NTSTATUS tv_urb_complete(struct tv_pdo *pdo, PIRP irp, PURB urb,
			 USBD_STATUS status)
{
	NTSTATUS result = tv_usbd_ntstatus(status);

	urb->UrbHeader.Status = status;
	tv_irp_done(irp, result, 0);
	IoReleaseRemoveLock(&pdo->dev.remove_lock, irp);
	return result;
}

/* ---- transfers ------------------------------------------------------------
 */

static BOOLEAN is_feature(USHORT function)
{
	return (function >= URB_FUNCTION_SET_FEATURE_TO_DEVICE &&
		function <= URB_FUNCTION_CLEAR_FEATURE_TO_ENDPOINT) ||
	       function == URB_FUNCTION_CLEAR_FEATURE_TO_OTHER ||
	       function == URB_FUNCTION_SET_FEATURE_TO_OTHER;
}

/* core/ is done with a transfer; without any lock. */
VOID tv_urb_finish(struct tv_request *req)
{
	USBD_STATUS status = tv_urb_status(req->xfer.result);
	struct tv_pdo *pdo = req->pdo;
	PURB urb = req->urb;
	PIRP irp = req->irp;

	if (!irp) {
		KeSetEvent(req->event, IO_NO_INCREMENT, FALSE);
		return;
	}
	/* All structures of transfers have the length at the same place. */
	if (!is_feature(urb->UrbHeader.Function))
		urb->UrbControlTransfer.TransferBufferLength = req->xfer.moved;
	if (USBD_SUCCESS(status) && req->xfer.short_not_ok &&
	    req->xfer.moved < req->xfer.length)
		status = USBD_STATUS_ERROR_SHORT_TRANSFER;
	tv_free(req);
	tv_urb_complete(pdo, irp, urb, status);
}

static VOID NTAPI cancel(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_request *req = irp->Tail.Overlay.DriverContext[0];
	struct tv_controller *c = req->controller;
	BOOLEAN mine;
	KIRQL irql;

	UNREFERENCED_PARAMETER(device);
	IoReleaseCancelSpinLock(irp->CancelIrql);
	tv_hcd_lock(c, &irql);
	mine = req->over;
	req->cancel_ran = TRUE;
	if (!mine)
		tv_urb_dequeue(&c->hcd, &req->xfer);
	tv_hcd_unlock(c, irql);
	if (mine)
		tv_urb_finish(req);
}

static USBD_STATUS enqueue(struct tv_pdo *pdo, struct tv_request *req)
{
	struct tv_controller *c = pdo->controller;
	USBD_STATUS status = USBD_STATUS_SUCCESS;
	PIRP irp = req->irp;
	KIRQL irql;

	tv_hcd_lock(c, &irql);
	irp->Tail.Overlay.DriverContext[0] = req;
	IoSetCancelRoutine(irp, cancel);
	if (pdo->gone || !pdo->ep_open[req->xfer.ep - pdo->ep])
		status = USBD_STATUS_DEVICE_GONE;
	else if (irp->Cancel && IoSetCancelRoutine(irp, NULL))
		status = USBD_STATUS_CANCELED;
	else if (!tv_urb_enqueue(&c->hcd, &req->xfer))
		status = USBD_STATUS_DEVICE_GONE;
	if (!USBD_SUCCESS(status) && status != USBD_STATUS_CANCELED &&
	    !IoSetCancelRoutine(irp, NULL)) {
		/* The cancel routine waits for the lock, and completes. */
		req->xfer.result = TV_NODEV;
		req->over = TRUE;
		status = USBD_STATUS_PENDING;
	}
	tv_hcd_unlock(c, irql);
	return status;
}

/* Octets that a chain of MDLs holds; only the first if not chained. */
static BOOLEAN mdl_holds(PMDL mdl, BOOLEAN chained, ULONG length)
{
	for (; mdl; mdl = mdl->Next) {
		ULONG count = MmGetMdlByteCount(mdl);

		/* Mapped here once, so that the copy does not have to. */
		if (length &&
		    !MmGetSystemAddressForMdlSafe(
			    mdl, NormalPagePriority | MdlMappingNoExecute))
			return FALSE;
		if (count >= length)
			return TRUE;
		if (!chained)
			return FALSE;
		length -= count;
	}
	return length == 0;
}

static NTSTATUS transfer(struct tv_pdo *pdo, PIRP irp, PURB urb,
			 struct tv_ep *ep, const UCHAR *setup, BOOLEAN in,
			 ULONG length)
{
	BOOLEAN chained =
		urb->UrbHeader.Function ==
		URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER_USING_CHAINED_MDL;
	struct tv_request *req = tv_alloc(sizeof(*req));
	USBD_STATUS status;

	if (!req)
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INSUFFICIENT_RESOURCES);
	req->controller = pdo->controller;
	req->pdo = pdo;
	req->irp = irp;
	req->urb = urb;
	req->xfer.os = req;
	req->xfer.ep = ep;
	req->xfer.in = in;
	req->xfer.length = length;
	req->xfer.short_not_ok =
		in && setup == NULL &&
		!(urb->UrbBulkOrInterruptTransfer.TransferFlags &
		  USBD_SHORT_TRANSFER_OK);
	if (setup)
		RtlCopyMemory(req->xfer.setup, setup, 8);
	status = USBD_STATUS_INVALID_PARAMETER;
	if (length && !chained)
		req->buffer = urb->UrbControlTransfer.TransferBuffer;
	if (length && !req->buffer) {
		req->mdl = urb->UrbControlTransfer.TransferBufferMDL;
		if (!req->mdl || !mdl_holds(req->mdl, chained, length))
			goto err_free;
	}
	IoMarkIrpPending(irp);
	status = enqueue(pdo, req);
	if (USBD_SUCCESS(status) || status == USBD_STATUS_PENDING)
		return STATUS_PENDING;
	tv_free(req);
	tv_urb_complete(pdo, irp, urb, status);
	return STATUS_PENDING;

err_free:
	tv_free(req);
	return tv_urb_complete(pdo, irp, urb, status);
}

static NTSTATUS bulk(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	struct _URB_BULK_OR_INTERRUPT_TRANSFER *x =
		&urb->UrbBulkOrInterruptTransfer;
	struct tv_ep *ep = tv_config_pipe(pdo, x->PipeHandle);

	if (!ep || ep == &pdo->ep[0] || ep->type == USBIF_PIPE_TYPE_ISOC)
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_PIPE_HANDLE);
	return transfer(pdo, irp, urb, ep, NULL, ep->in,
			x->TransferBufferLength);
}

/* The caller's own setup packet; EX may name the pipe by a flag. */
static NTSTATUS control(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	struct _URB_CONTROL_TRANSFER *x = &urb->UrbControlTransfer;
	ULONG length = x->TransferBufferLength;
	UCHAR setup[8];
	BOOLEAN in;

	RtlCopyMemory(setup, x->SetupPacket, 8);
	if (x->PipeHandle && x->PipeHandle != &pdo->ep[0])
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_PIPE_HANDLE);
	if (length > MAXUSHORT)
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_PARAMETER);
	in = setup[0] & 0x80;
	setup[6] = (UCHAR)length;
	setup[7] = (UCHAR)(length >> 8);
	return transfer(pdo, irp, urb, &pdo->ep[0], setup, in, length);
}

static NTSTATUS standard(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	struct tv_setup from = {.function = urb->UrbHeader.Function};
	UCHAR setup[8];
	bool in;

	from.length = urb->UrbControlTransfer.TransferBufferLength;
	from.desc_type = urb->UrbControlDescriptorRequest.DescriptorType;
	from.desc_index = urb->UrbControlDescriptorRequest.Index;
	from.in = urb->UrbControlTransfer.TransferFlags &
		  USBD_TRANSFER_DIRECTION_IN;
	from.request = urb->UrbControlVendorClassRequest.Request;
	from.value = urb->UrbControlVendorClassRequest.Value;
	from.index = urb->UrbControlVendorClassRequest.Index;
	if (is_feature(from.function)) {
		from.value = urb->UrbControlFeatureRequest.FeatureSelector;
		from.index = urb->UrbControlFeatureRequest.Index;
		from.length = 0;
	} else if (from.function == URB_FUNCTION_GET_MS_FEATURE_DESCRIPTOR) {
		struct _URB_OS_FEATURE_DESCRIPTOR_REQUEST *os =
			&urb->UrbOSFeatureDescriptorRequest;

		from.recipient = os->Recipient;
		from.value = os->InterfaceNumber;
		from.page = os->MS_PageIndex;
		from.index = os->MS_FeatureDescriptorIndex;
		from.msos_vendor = pdo->msos10_vendor;
		if (!pdo->msos10)
			return tv_urb_complete(pdo, irp, urb,
					       USBD_STATUS_NOT_SUPPORTED);
	}
	if (!tv_setup_make(&from, setup, &in))
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_URB_FUNCTION);
	return transfer(pdo, irp, urb, &pdo->ep[0], setup, in, from.length);
}

static NTSTATUS abort_pipe(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	struct tv_ep *ep = tv_config_pipe(pdo, urb->UrbPipeRequest.PipeHandle);
	KIRQL irql;

	if (!ep)
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_PIPE_HANDLE);
	tv_hcd_lock(pdo->controller, &irql);
	tv_ep_abort(&pdo->controller->hcd, ep);
	tv_hcd_unlock(pdo->controller, irql);
	return tv_urb_complete(pdo, irp, urb, USBD_STATUS_SUCCESS);
}

/* Is the URB as long as the structures of its function? */
static BOOLEAN long_enough(PURB urb)
{
	USHORT length = urb->UrbHeader.Length;

	switch (urb->UrbHeader.Function) {
	case URB_FUNCTION_SELECT_CONFIGURATION:
	case URB_FUNCTION_SELECT_INTERFACE:
	case URB_FUNCTION_ABORT_PIPE:
	case URB_FUNCTION_SYNC_RESET_PIPE:
	case URB_FUNCTION_SYNC_CLEAR_STALL:
	case URB_FUNCTION_SYNC_RESET_PIPE_AND_CLEAR_STALL:
	case URB_FUNCTION_GET_CURRENT_FRAME_NUMBER:
		return length >= sizeof(struct _URB_HEADER) + sizeof(PVOID);
	case URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER:
	case URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER_USING_CHAINED_MDL:
		return length >= sizeof(struct _URB_BULK_OR_INTERRUPT_TRANSFER);
	default:
		return length >= sizeof(struct _URB_CONTROL_TRANSFER);
	}
}

static NTSTATUS submit(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	if (!long_enough(urb))
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INVALID_PARAMETER);
	switch (urb->UrbHeader.Function) {
	case URB_FUNCTION_SELECT_CONFIGURATION:
	case URB_FUNCTION_SELECT_INTERFACE:
	case URB_FUNCTION_SYNC_RESET_PIPE:
	case URB_FUNCTION_SYNC_CLEAR_STALL:
	case URB_FUNCTION_SYNC_RESET_PIPE_AND_CLEAR_STALL:
		return tv_config_urb(pdo, irp, urb);
	case URB_FUNCTION_ABORT_PIPE:
		return abort_pipe(pdo, irp, urb);
	case URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER:
	case URB_FUNCTION_BULK_OR_INTERRUPT_TRANSFER_USING_CHAINED_MDL:
		return bulk(pdo, irp, urb);
	case URB_FUNCTION_CONTROL_TRANSFER:
	case URB_FUNCTION_CONTROL_TRANSFER_EX:
		return control(pdo, irp, urb);
	case URB_FUNCTION_GET_CURRENT_FRAME_NUMBER:
		urb->UrbGetCurrentFrameNumber.FrameNumber =
			(ULONG)(tv_now().QuadPart / 10000);
		return tv_urb_complete(pdo, irp, urb, USBD_STATUS_SUCCESS);
	default:
		return standard(pdo, irp, urb);
	}
}

/* ---- internal IOCTLs ------------------------------------------------------
 */

static NTSTATUS port_status(struct tv_pdo *pdo, PULONG out)
{
	if (!out)
		return STATUS_INVALID_PARAMETER;
	*out = pdo->gone ? 0 : USBD_PORT_ENABLED | USBD_PORT_CONNECTED;
	return STATUS_SUCCESS;
}

static NTSTATUS ioctl(struct tv_pdo *pdo, PIO_STACK_LOCATION stack)
{
	PVOID argument = stack->Parameters.Others.Argument1;

	switch (stack->Parameters.DeviceIoControl.IoControlCode) {
	case IOCTL_INTERNAL_USB_GET_PORT_STATUS:
		return port_status(pdo, argument);
	case IOCTL_INTERNAL_USB_GET_DEVICE_HANDLE:
		if (!argument)
			return STATUS_INVALID_PARAMETER;
		*(PVOID *)argument = pdo;
		return STATUS_SUCCESS;
	case IOCTL_INTERNAL_USB_GET_HUB_COUNT:
		if (!argument)
			return STATUS_INVALID_PARAMETER;
		*(PULONG)argument = 1;
		return STATUS_SUCCESS;
	case IOCTL_INTERNAL_USB_RESET_PORT:
		/* SET_CONFIGURATION after it makes the device as new. */
		return pdo->gone ? STATUS_NO_SUCH_DEVICE : STATUS_SUCCESS;
	default:
		return STATUS_NOT_SUPPORTED;
	}
}

NTSTATUS tv_urb_ioctl(struct tv_pdo *pdo, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	NTSTATUS status = IoAcquireRemoveLock(&pdo->dev.remove_lock, irp);
	PURB urb = stack->Parameters.Others.Argument1;

	if (!NT_SUCCESS(status))
		return tv_irp_done(irp, status, 0);
	if (stack->Parameters.DeviceIoControl.IoControlCode ==
		    IOCTL_INTERNAL_USB_SUBMIT_URB &&
	    urb) {
		if (pdo->gone)
			return tv_urb_complete(pdo, irp, urb,
					       USBD_STATUS_DEVICE_GONE);
		return submit(pdo, irp, urb);
	}
	status = ioctl(pdo, stack);
	tv_irp_done(irp, status, irp->IoStatus.Information);
	IoReleaseRemoveLock(&pdo->dev.remove_lock, irp);
	return status;
}
