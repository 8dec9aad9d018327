// SPDX-License-Identifier: MIT
/*
 * usbdi.c - the USB bus interface that function drivers call directly,
 * versions 0 to 3.
 */
#include "frontend-windows/xen2virt/driver.h"

#include <initguid.h>
#include <usbbusif.h>

#define HIGH_SPEED_BANDWIDTH 400000 /* as the in-box driver says */

static VOID NTAPI reference(PVOID context)
{
	struct tv_pdo *pdo = context;

	ObReferenceObject(pdo->dev.self);
}

static VOID NTAPI dereference(PVOID context)
{
	struct tv_pdo *pdo = context;

	ObDereferenceObject(pdo->dev.self);
}

static VOID USB_BUSIFFN version(PVOID context,
				PUSBD_VERSION_INFORMATION information,
				PULONG capabilities)
{
	UNREFERENCED_PARAMETER(context);
	if (information) {
		information->USBDI_Version = 0x600;
		information->Supported_USB_Version = 0x200;
	}
	if (capabilities)
		*capabilities = 0;
}

/* Milliseconds, as frames of a bus that has none. */
static NTSTATUS USB_BUSIFFN bus_time(PVOID context, PULONG frame)
{
	UNREFERENCED_PARAMETER(context);
	if (frame)
		*frame = (ULONG)(tv_now().QuadPart / 10000);
	return STATUS_SUCCESS;
}

static NTSTATUS USB_BUSIFFN bus_time_ex(PVOID context, PULONG microframe)
{
	UNREFERENCED_PARAMETER(context);
	if (microframe)
		*microframe = (ULONG)(tv_now().QuadPart / 1250);
	return STATUS_SUCCESS;
}

static NTSTATUS USB_BUSIFFN submit_iso(PVOID context, PURB urb)
{
	UNREFERENCED_PARAMETER(context);
	UNREFERENCED_PARAMETER(urb);
	return STATUS_NOT_SUPPORTED;
}

static NTSTATUS USB_BUSIFFN bus_information(PVOID context, ULONG level,
					    PVOID buffer, PULONG length,
					    PULONG actual)
{
	USB_BUS_INFORMATION_LEVEL_0 information = {HIGH_SPEED_BANDWIDTH, 0};
	ULONG room = *length;

	UNREFERENCED_PARAMETER(context);
	if (level != 0)
		return STATUS_NOT_SUPPORTED;
	*length = sizeof(information);
	if (actual)
		*actual = sizeof(information);
	if (room < sizeof(information))
		return STATUS_BUFFER_TOO_SMALL;
	RtlCopyMemory(buffer, &information, sizeof(information));
	return STATUS_SUCCESS;
}

static BOOLEAN USB_BUSIFFN is_high_speed(PVOID context)
{
	struct tv_pdo *pdo = context;

	return pdo->controller->hcd.speed[pdo->port] == USBIF_SPEED_HIGH;
}

static NTSTATUS USB_BUSIFFN enum_log(PVOID context, ULONG tag, ULONG data,
				     ULONG p1, ULONG p2)
{
	UNREFERENCED_PARAMETER(context);
	UNREFERENCED_PARAMETER(tag);
	UNREFERENCED_PARAMETER(data);
	UNREFERENCED_PARAMETER(p1);
	UNREFERENCED_PARAMETER(p2);
	return STATUS_NOT_SUPPORTED;
}

static NTSTATUS USB_BUSIFFN controller_type(PVOID context, PULONG flags,
					    PUSHORT vendor, PUSHORT device,
					    PUCHAR class, PUCHAR subclass,
					    PUCHAR revision, PUCHAR iface)
{
	UNREFERENCED_PARAMETER(context);
	UNREFERENCED_PARAMETER(flags);
	UNREFERENCED_PARAMETER(vendor);
	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(class);
	UNREFERENCED_PARAMETER(subclass);
	UNREFERENCED_PARAMETER(revision);
	UNREFERENCED_PARAMETER(iface);
	return STATUS_NOT_SUPPORTED;
}

NTSTATUS tv_usbdi_query(struct tv_pdo *pdo, PIRP irp)
{
	static const USHORT sizes[] = {sizeof(USB_BUS_INTERFACE_USBDI_V0),
				       sizeof(USB_BUS_INTERFACE_USBDI_V1),
				       sizeof(USB_BUS_INTERFACE_USBDI_V2),
				       sizeof(USB_BUS_INTERFACE_USBDI_V3)};
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	USHORT v = stack->Parameters.QueryInterface.Version;
	USB_BUS_INTERFACE_USBDI_V3 all = {
		.BusContext = pdo,
		.InterfaceReference = reference,
		.InterfaceDereference = dereference,
		.GetUSBDIVersion = version,
		.QueryBusTime = bus_time,
		.SubmitIsoOutUrb = submit_iso,
		.QueryBusInformation = bus_information,
		.IsDeviceHighSpeed = is_high_speed,
		.EnumLogEntry = enum_log,
		.QueryBusTimeEx = bus_time_ex,
		.QueryControllerType = controller_type,
	};

	if (!IsEqualGUID(stack->Parameters.QueryInterface.InterfaceType,
			 &USB_BUS_INTERFACE_USBDI_GUID) ||
	    v >= RTL_NUMBER_OF(sizes))
		return irp->IoStatus.Status;
	if (stack->Parameters.QueryInterface.Size < sizes[v])
		return STATUS_BUFFER_TOO_SMALL;
	all.Size = sizes[v];
	all.Version = v;
	/* Each version begins as the one before. */
	RtlCopyMemory(stack->Parameters.QueryInterface.Interface, &all,
		      sizes[v]);
	reference(pdo);
	return STATUS_SUCCESS;
}
