// SPDX-License-Identifier: MIT
/*
 * config.c - configurations, alternate settings, and the pipe handles that
 * stand for endpoints.
 *
 * A pipe handle is the address of the PDO's struct tv_ep; it is taken for one
 * only if it points to one that is open.  Changes are made by a work item at
 * PASSIVE_LEVEL, because each is one or more control transfers; config_mutex
 * keeps them apart.
 */
#include "frontend-windows/xen2virt/driver.h"

static unsigned int ep_slot(UCHAR address)
{
	return (address & 0x0f) + (address & 0x80 ? 15 : 0);
}

struct tv_ep *tv_config_pipe(struct tv_pdo *pdo, USBD_PIPE_HANDLE handle)
{
	unsigned int i;

	for (i = 0; i < TV_EPS; i++)
		if (handle == &pdo->ep[i])
			return pdo->ep_open[i] ? &pdo->ep[i] : NULL;
	return NULL;
}

static VOID ep_close(struct tv_pdo *pdo, unsigned int slot)
{
	KIRQL irql;

	tv_hcd_lock(pdo->controller, &irql);
	pdo->ep_open[slot] = FALSE;
	tv_hcd_unlock(pdo->controller, irql);
	if (pdo->ep[slot].node.next)
		tv_hcd_drain(pdo->controller, &pdo->ep[slot]);
}

static VOID interface_close(struct tv_pdo *pdo, UCHAR number)
{
	unsigned int slot;

	for (slot = 1; slot < TV_EPS; slot++)
		if (pdo->ep_open[slot] && pdo->ep_interface[slot] == number)
			ep_close(pdo, slot);
}

/* All pipes but the control pipe; no transfer of theirs is left. */
VOID tv_config_close(struct tv_pdo *pdo)
{
	unsigned int slot;

	ExAcquireFastMutex(&pdo->config_mutex);
	for (slot = 1; slot < TV_EPS; slot++)
		if (pdo->ep_open[slot])
			ep_close(pdo, slot);
	pdo->configured = 0;
	ExReleaseFastMutex(&pdo->config_mutex);
}

static VOID ep_open(struct tv_pdo *pdo, UCHAR number,
		    const struct tv_endpoint *from)
{
	static const UCHAR types[] = {
		USBIF_PIPE_TYPE_CTRL, USBIF_PIPE_TYPE_ISOC,
		USBIF_PIPE_TYPE_BULK, USBIF_PIPE_TYPE_INT};
	unsigned int slot = ep_slot(from->address);
	struct tv_ep *ep = &pdo->ep[slot];
	KIRQL irql;

	tv_hcd_lock(pdo->controller, &irql);
	tv_ep_init(ep);
	ep->in = from->address & 0x80;
	ep->class = ep->in ? TV_CLASS_IN : TV_CLASS_OUT;
	ep->number = from->address & 0x0f;
	ep->type = types[from->type];
	ep->port = pdo->port;
	ep->address = pdo->address;
	ep->maxp = from->maxp;
	ep->interval = from->interval;
	pdo->ep_interface[slot] = number;
	pdo->ep_open[slot] = !pdo->gone;
	tv_hcd_unlock(pdo->controller, irql);
}

static NTSTATUS request(struct tv_pdo *pdo, UCHAR type, UCHAR code, UCHAR value,
			UCHAR index)
{
	const UCHAR setup[8] = {type, code, value, 0, index};
	ULONG none = 0;

	return tv_hcd_control(pdo->controller, &pdo->ep[0], setup, NULL, &none);
}

/* Opens the endpoints of a setting and tells the caller their handles. */
static USBD_STATUS interface_open(struct tv_pdo *pdo,
				  PUSBD_INTERFACE_INFORMATION info,
				  const struct tv_interface *from)
{
	struct tv_endpoint ep;
	unsigned int i;

	info->Class = from->class;
	info->SubClass = from->subclass;
	info->Protocol = from->protocol;
	info->InterfaceHandle = (PVOID)from->at;
	info->NumberOfPipes = from->endpoints;
	for (i = 0; i < from->endpoints; i++) {
		PUSBD_PIPE_INFORMATION pipe = &info->Pipes[i];

		if (!tv_config_endpoint(pdo->config, pdo->config_len, from, i,
					&ep))
			return USBD_STATUS_BAD_NUMBER_OF_ENDPOINTS;
		/* Twice the same address: the second would take the first. */
		if (pdo->ep_open[ep_slot(ep.address)])
			return USBD_STATUS_BAD_ENDPOINT_ADDRESS;
		ep_open(pdo, from->number, &ep);
		pipe->MaximumPacketSize = ep.maxp;
		pipe->EndpointAddress = ep.address;
		pipe->Interval = ep.interval;
		pipe->PipeType = (USBD_PIPE_TYPE)ep.type;
		pipe->PipeHandle = &pdo->ep[ep_slot(ep.address)];
	}
	pdo->setting[from->number & 31] = from->setting;
	return USBD_STATUS_SUCCESS;
}

/* Is the caller's structure what it says, with room for all pipes? */
static BOOLEAN room_for(PUSBD_INTERFACE_INFORMATION info, ULONG left,
			unsigned int pipes)
{
	SIZE_T need = FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes) +
		      pipes * sizeof(USBD_PIPE_INFORMATION);

	return left >= need && info->Length >= need && info->Length <= left;
}

static USBD_STATUS set_interface(struct tv_pdo *pdo,
				 PUSBD_INTERFACE_INFORMATION info, ULONG left)
{
	struct tv_interface from;

	if (left < FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes))
		return USBD_STATUS_BUFFER_TOO_SMALL;
	if (!tv_config_interface(pdo->config, pdo->config_len,
				 info->InterfaceNumber, info->AlternateSetting,
				 &from))
		return USBD_STATUS_INTERFACE_NOT_FOUND;
	if (!room_for(info, left, from.endpoints))
		return USBD_STATUS_BUFFER_TOO_SMALL;
	interface_close(pdo, from.number);
	/* A device with only setting 0 may stall the request for it. */
	if (!NT_SUCCESS(request(pdo, 0x01, 11, from.setting, from.number)) &&
	    from.setting)
		return USBD_STATUS_STALL_PID;
	return interface_open(pdo, info, &from);
}

static USBD_STATUS select_interface(struct tv_pdo *pdo, PURB urb)
{
	ULONG fixed = FIELD_OFFSET(struct _URB_SELECT_INTERFACE, Interface);

	if (!pdo->configured)
		return USBD_STATUS_INVALID_PARAMETER;
	if (urb->UrbHeader.Length < fixed)
		return USBD_STATUS_BUFFER_TOO_SMALL;
	return set_interface(pdo, &urb->UrbSelectInterface.Interface,
			     urb->UrbHeader.Length - fixed);
}

static USBD_STATUS interfaces_open(struct tv_pdo *pdo, PURB urb)
{
	PUCHAR end = (PUCHAR)urb + urb->UrbHeader.Length;
	PUCHAR at = (PUCHAR)&urb->UrbSelectConfiguration.Interface;
	ULONG least = FIELD_OFFSET(USBD_INTERFACE_INFORMATION, Pipes);
	PUSBD_INTERFACE_INFORMATION info;
	struct tv_interface from;
	USBD_STATUS status;

	for (; at < end; at += info->Length) {
		info = (PUSBD_INTERFACE_INFORMATION)at;
		if ((ULONG)(end - at) < least || info->Length < least)
			return USBD_STATUS_BUFFER_TOO_SMALL;
		if (info->AlternateSetting) {
			status = set_interface(pdo, info, (ULONG)(end - at));
		} else if (!tv_config_interface(pdo->config, pdo->config_len,
						info->InterfaceNumber, 0,
						&from)) {
			status = USBD_STATUS_INTERFACE_NOT_FOUND;
		} else if (!room_for(info, (ULONG)(end - at), from.endpoints)) {
			status = USBD_STATUS_BUFFER_TOO_SMALL;
		} else {
			status = interface_open(pdo, info, &from);
		}
		if (!USBD_SUCCESS(status))
			return status;
	}
	return USBD_STATUS_SUCCESS;
}

static VOID all_close(struct tv_pdo *pdo)
{
	unsigned int slot;

	for (slot = 1; slot < TV_EPS; slot++)
		if (pdo->ep_open[slot])
			ep_close(pdo, slot);
	pdo->configured = 0;
}

static USBD_STATUS select_configuration(struct tv_pdo *pdo, PURB urb)
{
	struct _URB_SELECT_CONFIGURATION *select = &urb->UrbSelectConfiguration;
	UCHAR value = tv_config_value(pdo->config);
	USBD_STATUS status;

	if (urb->UrbHeader.Length <
	    FIELD_OFFSET(struct _URB_SELECT_CONFIGURATION, Interface))
		return USBD_STATUS_BUFFER_TOO_SMALL;
	all_close(pdo);
	if (!select->ConfigurationDescriptor) {
		request(pdo, 0x00, 9, 0, 0);
		return USBD_STATUS_SUCCESS;
	}
	if (select->ConfigurationDescriptor->bConfigurationValue != value)
		return USBD_STATUS_INAVLID_CONFIGURATION_DESCRIPTOR;
	if (!NT_SUCCESS(request(pdo, 0x00, 9, value, 0)))
		return USBD_STATUS_SET_CONFIG_FAILED;
	pdo->configured = value;
	select->ConfigurationHandle = pdo->config;
	status = interfaces_open(pdo, urb);
	if (!USBD_SUCCESS(status))
		all_close(pdo);
	return status;
}

/* Clears a halt on both sides; the device forgets its data toggle too. */
static USBD_STATUS reset_pipe(struct tv_pdo *pdo, PURB urb)
{
	struct tv_ep *ep = tv_config_pipe(pdo, urb->UrbPipeRequest.PipeHandle);

	if (!ep)
		return USBD_STATUS_INVALID_PIPE_HANDLE;
	if (ep == &pdo->ep[0] ||
	    urb->UrbHeader.Function == URB_FUNCTION_SYNC_RESET_PIPE)
		return USBD_STATUS_SUCCESS;
	return NT_SUCCESS(request(pdo, 0x02, 1, 0,
				  ep->number | (ep->in ? 0x80 : 0)))
		       ? USBD_STATUS_SUCCESS
		       : USBD_STATUS_STALL_PID;
}

/* ---- work items -----------------------------------------------------------
 */

struct work {
	PIO_WORKITEM item;
	struct tv_pdo *pdo;
	PIRP irp;
	PURB urb;
};

static VOID NTAPI work(PDEVICE_OBJECT device, PVOID context)
{
	struct work *work = context;
	struct tv_pdo *pdo = work->pdo;
	USBD_STATUS status = USBD_STATUS_DEVICE_GONE;

	UNREFERENCED_PARAMETER(device);
	ExAcquireFastMutex(&pdo->config_mutex);
	if (!pdo->gone) {
		switch (work->urb->UrbHeader.Function) {
		case URB_FUNCTION_SELECT_CONFIGURATION:
			status = select_configuration(pdo, work->urb);
			break;
		case URB_FUNCTION_SELECT_INTERFACE:
			status = select_interface(pdo, work->urb);
			break;
		default:
			status = reset_pipe(pdo, work->urb);
		}
	}
	ExReleaseFastMutex(&pdo->config_mutex);
	IoFreeWorkItem(work->item);
	tv_urb_complete(pdo, work->irp, work->urb, status);
	tv_free(work);
}

/* The PDO's remove lock is held for the IRP. */
NTSTATUS tv_config_urb(struct tv_pdo *pdo, PIRP irp, PURB urb)
{
	struct work *w = tv_alloc(sizeof(*w));

	if (w)
		w->item = IoAllocateWorkItem(pdo->dev.self);
	if (!w || !w->item) {
		tv_free(w);
		return tv_urb_complete(pdo, irp, urb,
				       USBD_STATUS_INSUFFICIENT_RESOURCES);
	}
	w->pdo = pdo;
	w->irp = irp;
	w->urb = urb;
	IoMarkIrpPending(irp);
	IoQueueWorkItem(w->item, work, DelayedWorkQueue, w);
	return STATUS_PENDING;
}
