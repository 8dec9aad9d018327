/* SPDX-License-Identifier: MIT */
/*
 * power.h - a function driver that owns its device's power policy.
 *
 *   system IRP ─▶ down ─▶ PoRequestPowerIrp: S0 is D0, all else D3 ─▶ done
 *   D0         ─▶ down ─▶ up()
 *   D1..D3     ─▶ down() ─▶ down
 *
 * The device object has DO_POWER_PAGABLE, so down() may wait.
 */
#ifndef TV_WIN_POWER_H
#define TV_WIN_POWER_H

#include <ntddk.h>

struct tv_power {
	PDEVICE_OBJECT self, lower, pdo;
	PIO_REMOVE_LOCK lock;
	VOID (*down)(PVOID);
	VOID (*up)(PVOID); /* any IRQL up to DISPATCH_LEVEL */
	PVOID context;
	DEVICE_POWER_STATE device;
	SYSTEM_POWER_STATE system;
};

/* The device starts in D3; START_DEVICE sets .device. */
VOID tv_power_init(struct tv_power *power, PDEVICE_OBJECT self,
		   PDEVICE_OBJECT lower, PDEVICE_OBJECT pdo,
		   PIO_REMOVE_LOCK lock, VOID (*down)(PVOID), VOID (*up)(PVOID),
		   PVOID context);
/* Any power IRP of the FDO. */
NTSTATUS tv_power_irp(struct tv_power *power, PIRP irp);

#endif
