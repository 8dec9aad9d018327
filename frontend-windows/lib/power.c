// SPDX-License-Identifier: MIT
/*
 * power.c - power IRPs of a function driver, see power.h.
 *
 * Each IRP holds the remove lock from its arrival to its completion.
 */
#include "frontend-windows/lib/power.h"

#include "frontend-windows/lib/irp.h"

VOID tv_power_init(struct tv_power *power, PDEVICE_OBJECT self,
		   PDEVICE_OBJECT lower, PDEVICE_OBJECT pdo,
		   PIO_REMOVE_LOCK lock, VOID (*down)(PVOID), VOID (*up)(PVOID),
		   PVOID context)
{
	power->self = self;
	power->lower = lower;
	power->pdo = pdo;
	power->lock = lock;
	power->down = down;
	power->up = up;
	power->context = context;
	power->device = PowerDeviceD3;
	power->system = PowerSystemWorking;
}

static NTSTATUS pass(struct tv_power *power, PIRP irp)
{
	NTSTATUS status;

	PoStartNextPowerIrp(irp);
	IoSkipCurrentIrpStackLocation(irp);
	status = PoCallDriver(power->lower, irp);
	IoReleaseRemoveLock(power->lock, irp);
	return status;
}

/* A system IRP on its way: which power structure is its. */
static struct tv_power *power_of(PIRP irp)
{
	return irp->Tail.Overlay.DriverContext[0];
}

static VOID NTAPI device_done(PDEVICE_OBJECT device, UCHAR minor,
			      POWER_STATE state, PVOID context,
			      PIO_STATUS_BLOCK io)
{
	PIRP irp = context;
	struct tv_power *power = power_of(irp);

	UNREFERENCED_PARAMETER(device);
	UNREFERENCED_PARAMETER(minor);
	UNREFERENCED_PARAMETER(state);
	irp->IoStatus.Status = io->Status;
	PoStartNextPowerIrp(irp);
	IoCompleteRequest(irp, IO_NO_INCREMENT);
	IoReleaseRemoveLock(power->lock, irp);
}

/* Those below agree to the system's state: now our own D-state. */
static NTSTATUS NTAPI system_passed(PDEVICE_OBJECT device, PIRP irp,
				    PVOID context)
{
	struct tv_power *power = context;
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	SYSTEM_POWER_STATE to = stack->Parameters.Power.State.SystemState;
	NTSTATUS status = irp->IoStatus.Status;
	POWER_STATE want;

	UNREFERENCED_PARAMETER(device);
	if (stack->MinorFunction == IRP_MN_SET_POWER)
		power->system = to;
	want.DeviceState =
		to == PowerSystemWorking ? PowerDeviceD0 : PowerDeviceD3;
	irp->Tail.Overlay.DriverContext[0] = power;
	if (NT_SUCCESS(status))
		status = PoRequestPowerIrp(power->pdo, stack->MinorFunction,
					   want, device_done, irp, NULL);
	if (NT_SUCCESS(status))
		return STATUS_MORE_PROCESSING_REQUIRED;
	irp->IoStatus.Status = status;
	PoStartNextPowerIrp(irp);
	IoReleaseRemoveLock(power->lock, irp);
	return STATUS_SUCCESS;
}

static NTSTATUS NTAPI powered_up(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
	struct tv_power *power = context;
	POWER_STATE state;

	UNREFERENCED_PARAMETER(device);
	if (NT_SUCCESS(irp->IoStatus.Status)) {
		state.DeviceState = power->device = PowerDeviceD0;
		PoSetPowerState(power->self, DevicePowerState, state);
		power->up(power->context);
	}
	PoStartNextPowerIrp(irp);
	IoReleaseRemoveLock(power->lock, irp);
	return STATUS_SUCCESS;
}

/* Down with a completion routine; the caller returns STATUS_PENDING. */
static NTSTATUS descend(struct tv_power *power, PIRP irp,
			PIO_COMPLETION_ROUTINE routine)
{
	IoMarkIrpPending(irp);
	IoCopyCurrentIrpStackLocationToNext(irp);
	IoSetCompletionRoutine(irp, routine, power, TRUE, TRUE, TRUE);
	PoCallDriver(power->lower, irp);
	return STATUS_PENDING;
}

static NTSTATUS set_device(struct tv_power *power, PIRP irp, POWER_STATE state)
{
	if (state.DeviceState == PowerDeviceD0)
		return descend(power, irp, powered_up);
	if (power->device == PowerDeviceD0) {
		power->down(power->context);
		PoSetPowerState(power->self, DevicePowerState, state);
	}
	power->device = state.DeviceState;
	return pass(power, irp);
}

NTSTATUS tv_power_irp(struct tv_power *power, PIRP irp)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
	NTSTATUS status = IoAcquireRemoveLock(power->lock, irp);

	if (!NT_SUCCESS(status)) {
		PoStartNextPowerIrp(irp);
		return tv_irp_done(irp, status, 0);
	}
	if (stack->MinorFunction != IRP_MN_SET_POWER &&
	    stack->MinorFunction != IRP_MN_QUERY_POWER)
		return pass(power, irp);
	if (stack->Parameters.Power.Type == SystemPowerState)
		return descend(power, irp, system_passed);
	if (stack->MinorFunction == IRP_MN_SET_POWER)
		return set_device(power, irp, stack->Parameters.Power.State);
	irp->IoStatus.Status = STATUS_SUCCESS;
	return pass(power, irp);
}
