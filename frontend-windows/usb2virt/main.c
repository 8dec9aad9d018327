// SPDX-License-Identifier: MIT
/*
 * main.c - usb2virt.sys: the device driver of a 2Virt function.
 *
 * It speaks docs/device.md over URBs and knows nothing of the bus below:
 * xen2virt.sys, usbccgp over it, or any USB host controller, real, redirected
 * or over IP.
 */
#include "frontend-windows/usb2virt/driver.h"

typedef NTSTATUS handler(struct tv_function *f, PIRP irp);

/* With the remove lock for the time of the call. */
static NTSTATUS guarded(PDEVICE_OBJECT device, PIRP irp, handler *handle)
{
	struct tv_function *f = device->DeviceExtension;
	NTSTATUS status = IoAcquireRemoveLock(&f->remove_lock, irp);

	if (!NT_SUCCESS(status))
		return tv_irp_done(irp, status, 0);
	status = handle(f, irp);
	/* The IRP may be gone: its address is only a tag here. */
	IoReleaseRemoveLock(&f->remove_lock, irp);
	return status;
}

static NTSTATUS NTAPI dispatch_create(PDEVICE_OBJECT device, PIRP irp)
{
	return guarded(device, irp, tv_pipe_create);
}

/* These must succeed on a removed device too: no remove lock. */
static NTSTATUS NTAPI dispatch_cleanup(PDEVICE_OBJECT device, PIRP irp)
{
	return tv_pipe_cleanup(device->DeviceExtension, irp);
}

static NTSTATUS NTAPI dispatch_close(PDEVICE_OBJECT device, PIRP irp)
{
	return tv_pipe_close(device->DeviceExtension, irp);
}

static NTSTATUS do_read(struct tv_function *f, PIRP irp)
{
	return tv_io_transfer(f, irp, TRUE);
}

static NTSTATUS do_write(struct tv_function *f, PIRP irp)
{
	return tv_io_transfer(f, irp, FALSE);
}

static NTSTATUS NTAPI dispatch_read(PDEVICE_OBJECT device, PIRP irp)
{
	return guarded(device, irp, do_read);
}

static NTSTATUS NTAPI dispatch_write(PDEVICE_OBJECT device, PIRP irp)
{
	return guarded(device, irp, do_write);
}

static NTSTATUS NTAPI dispatch_ioctl(PDEVICE_OBJECT device, PIRP irp)
{
	return guarded(device, irp, tv_pipe_ioctl);
}

static NTSTATUS NTAPI dispatch_pnp(PDEVICE_OBJECT device, PIRP irp)
{
	return tv_pnp_irp(device->DeviceExtension, irp);
}

static NTSTATUS NTAPI dispatch_power(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_function *f = device->DeviceExtension;

	return tv_power_irp(&f->power, irp);
}

static NTSTATUS NTAPI dispatch_down(PDEVICE_OBJECT device, PIRP irp)
{
	struct tv_function *f = device->DeviceExtension;

	IoSkipCurrentIrpStackLocation(irp);
	return IoCallDriver(f->lower, irp);
}

static VOID NTAPI unload(PDRIVER_OBJECT driver)
{
	UNREFERENCED_PARAMETER(driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS NTAPI DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
	UNREFERENCED_PARAMETER(path);
	driver->DriverExtension->AddDevice = tv_pnp_add;
	driver->MajorFunction[IRP_MJ_CREATE] = dispatch_create;
	driver->MajorFunction[IRP_MJ_CLEANUP] = dispatch_cleanup;
	driver->MajorFunction[IRP_MJ_CLOSE] = dispatch_close;
	driver->MajorFunction[IRP_MJ_READ] = dispatch_read;
	driver->MajorFunction[IRP_MJ_WRITE] = dispatch_write;
	driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = dispatch_ioctl;
	driver->MajorFunction[IRP_MJ_PNP] = dispatch_pnp;
	driver->MajorFunction[IRP_MJ_POWER] = dispatch_power;
	driver->MajorFunction[IRP_MJ_SYSTEM_CONTROL] = dispatch_down;
	driver->MajorFunction[IRP_MJ_INTERNAL_DEVICE_CONTROL] = dispatch_down;
	driver->DriverUnload = unload;
	return STATUS_SUCCESS;
}
