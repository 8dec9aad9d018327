// SPDX-License-Identifier: MIT
/*
 * main.c - xen2virt.sys: a bus driver for pvUSB controllers.
 *
 * XENBUS makes one device for the class VUSB; we are its function driver (FDO,
 * fdo.c), find the controllers below device/vusb ourselves, and report the USB
 * devices plugged into them (PDO, pdo.c) to the plug and play manager, with the
 * ids and requests that the in-box hub driver would give them.
 */
#include <initguid.h>

#include "frontend-windows/xen2virt/driver.h"

static NTSTATUS NTAPI dispatch_pnp(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_dev *dev = device->DeviceExtension;

	if (dev->kind == TV_KIND_FDO)
		return tv_fdo_pnp((struct tv_fdo *)dev, irp);
	return tv_pdo_pnp((struct tv_pdo *)dev, irp);
}

static NTSTATUS NTAPI dispatch_power(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_dev *dev = device->DeviceExtension;

	if (dev->kind == TV_KIND_FDO)
		return tv_fdo_power((struct tv_fdo *)dev, irp);
	return tv_pdo_power((struct tv_pdo *)dev, irp);
}

static NTSTATUS NTAPI dispatch_ioctl(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_dev *dev = device->DeviceExtension;

	if (dev->kind == TV_KIND_PDO)
		return tv_urb_ioctl((struct tv_pdo *)dev, irp);
	return tv_irp_done(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
}

/* WMI and the like: of the FDO it goes down, a PDO leaves it as it is. */
static NTSTATUS NTAPI dispatch_system(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_dev *dev = device->DeviceExtension;

	if (dev->kind == TV_KIND_PDO)
		return tv_irp_done(irp, irp->IoStatus.Status,
				   irp->IoStatus.Information);
	IoSkipCurrentIrpStackLocation(irp);
	return IoCallDriver(((struct tv_fdo *)dev)->lower, irp);
}

static VOID NTAPI unload(PDRIVER_OBJECT driver)
{
	UNREFERENCED_PARAMETER(driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
	UNREFERENCED_PARAMETER(path);
	driver->DriverExtension->AddDevice = tv_fdo_add;
	driver->MajorFunction[IRP_MJ_PNP] = dispatch_pnp;
	driver->MajorFunction[IRP_MJ_POWER] = dispatch_power;
	driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = dispatch_system;
	driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = dispatch_ioctl;
	driver->DriverUnload = unload;
	return STATUS_SUCCESS;
}
