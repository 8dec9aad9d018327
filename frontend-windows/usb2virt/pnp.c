// SPDX-License-Identifier: MIT
/*
 * pnp.c - plug and play and power of the function.
 *
 *   START       configuration and setting 1 chosen, events read, interface on
 *   STOP, D3    pipes break, transfers end, setting 0
 *   D0          as START
 *   SURPRISE    as STOP, without a word to a device that is gone
 *   REMOVE      as STOP if it was not surprised; then nothing is left
 *
 * Handles stay valid through all of it and only fail; the last one's close
 * frees what it has.
 */
#include "frontend-windows/usb2virt/driver.h"

static const GUID interface_guid = TV_FUNCTION_INTERFACE_GUID;

static VOID NTAPI wake_work(PDEVICE_OBJECT device, PVOID item)
{
	struct tv_function *f = device->DeviceExtension;

	if (f->pnp == TV_STARTED)
		tv_function_start(f);
	IoFreeWorkItem(item);
	IoReleaseRemoveLock(&f->remove_lock, item);
}

/* From a completion routine: the work is for PASSIVE_LEVEL. */
static VOID power_up(PVOID context)
{
	struct tv_function *f = context;
	PIO_WORKITEM item = IoAllocateWorkItem(f->self);

	if (!item)
		return;
	if (NT_SUCCESS(IoAcquireRemoveLock(&f->remove_lock, item)))
		IoQueueWorkItem(item, wake_work, DelayedWorkQueue, item);
	else
		IoFreeWorkItem(item);
}

static VOID power_down(PVOID context)
{
	struct tv_function *f = context;

	if (f->pnp == TV_STARTED)
		tv_function_stop(f, TRUE);
}

NTSTATUS NTAPI tv_pnp_add(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo)
{
	PDEVICE_OBJECT device;
	struct tv_function *f;
	NTSTATUS status;

	status = IoCreateDevice(driver, sizeof(*f), NULL, FILE_DEVICE_UNKNOWN,
				FILE_DEVICE_SECURE_OPEN, FALSE, &device);
	if (!NT_SUCCESS(status))
		return status;
	f = device->DeviceExtension;
	RtlZeroMemory(f, sizeof(*f));
	f->self = device;
	f->pdo = pdo;
	IoInitializeRemoveLock(&f->remove_lock, TV_TAG, 0, 0);
	KeInitializeMutex(&f->control, 0);
	KeInitializeSpinLock(&f->lock);
	KeInitializeEvent(&f->event_idle, NotificationEvent, TRUE);
	InitializeListHead(&f->waiters);
	f->lower = IoAttachDeviceToDeviceStack(device, pdo);
	if (!f->lower) {
		IoDeleteDevice(device);
		return STATUS_NO_SUCH_DEVICE;
	}
	tv_power_init(&f->power, device, f->lower, pdo, &f->remove_lock,
		      power_down, power_up, f);
	status =
		IoRegisterDeviceInterface(pdo, &interface_guid, NULL, &f->link);
	if (!NT_SUCCESS(status)) {
		IoDetachDevice(f->lower);
		IoDeleteDevice(device);
		return status;
	}
	device->Flags |= DO_BUFFERED_IO | DO_POWER_PAGABLE;
	device->Flags &= ~DO_DEVICE_INITIALIZING;
	return STATUS_SUCCESS;
}

static VOID link(struct tv_function *f, BOOLEAN on)
{
	if (f->linked == on)
		return;
	if (NT_SUCCESS(IoSetDeviceInterfaceState(&f->link, on)))
		f->linked = on;
}

static NTSTATUS start(struct tv_function *f, PIRP irp)
{
	NTSTATUS status = tv_irp_forward(f->lower, irp);

	if (NT_SUCCESS(status))
		status = tv_function_start(f);
	if (!NT_SUCCESS(status))
		return status;
	f->power.device = PowerDeviceD0;
	f->pnp = TV_STARTED;
	link(f, TRUE);
	return STATUS_SUCCESS;
}

static VOID halt(struct tv_function *f, enum tv_pnp to, BOOLEAN there)
{
	if (f->pnp == TV_STARTED) {
		link(f, FALSE);
		tv_function_stop(f, there);
	}
	f->pnp = to;
}

static NTSTATUS remove_device(struct tv_function *f, PIRP irp)
{
	NTSTATUS status;

	halt(f, TV_REMOVED, TRUE);
	IoReleaseRemoveLockAndWait(&f->remove_lock, irp);
	irp->IoStatus.Status = STATUS_SUCCESS;
	IoSkipCurrentIrpStackLocation(irp);
	status = IoCallDriver(f->lower, irp);
	IoDetachDevice(f->lower);
	RtlFreeUnicodeString(&f->link);
	tv_free(f->config);
	IoDeleteDevice(f->self);
	return status;
}

NTSTATUS tv_pnp_irp(struct tv_function *f, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	NTSTATUS status = IoAcquireRemoveLock(&f->remove_lock, irp);

	if (!NT_SUCCESS(status))
		return tv_irp_done(irp, status, 0);
	switch (stack->MinorFunction) {
	case IRP_MN_START_DEVICE:
		status = start(f, irp);
		tv_irp_done(irp, status, 0);
		goto out;
	case IRP_MN_REMOVE_DEVICE:
		return remove_device(f, irp);
	case IRP_MN_STOP_DEVICE:
		halt(f, TV_STOPPED, TRUE);
		irp->IoStatus.Status = STATUS_SUCCESS;
		break;
	case IRP_MN_SURPRISE_REMOVAL:
		halt(f, TV_SURPRISED, FALSE);
		irp->IoStatus.Status = STATUS_SUCCESS;
		break;
	case IRP_MN_QUERY_STOP_DEVICE:
	case IRP_MN_CANCEL_STOP_DEVICE:
	case IRP_MN_QUERY_REMOVE_DEVICE:
	case IRP_MN_CANCEL_REMOVE_DEVICE:
		/* Nothing is promised and nothing taken back by these. */
		irp->IoStatus.Status = STATUS_SUCCESS;
		break;
	case IRP_MN_QUERY_CAPABILITIES:
		stack->Parameters.DeviceCapabilities.Capabilities
			->SurpriseRemovalOK = TRUE;
		break;
	}
	IoSkipCurrentIrpStackLocation(irp);
	status = IoCallDriver(f->lower, irp);
out:
	IoReleaseRemoveLock(&f->remove_lock, irp);
	return status;
}
