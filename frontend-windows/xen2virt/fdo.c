// SPDX-License-Identifier: MIT
/*
 * fdo.c - the bus device: plug and play, power, and the worker thread.
 *
 * The worker (xenbus.c, hub.c) runs from START to STOP, SURPRISE or REMOVE, and
 * is the only one that touches XenStore, controllers and ports.  Who wants it
 * to end sets a flag, wakes it and waits; everything it does is bounded.
 *
 * D3 (sleep, hibernation) closes all controllers as a removal would, D0 finds
 * them anew: behind each port there is another instance then anyway.
 */
#include "frontend-windows/xen2virt/driver.h"

/* ---- event log ------------------------------------------------------------
 */

/* One entry with the text as its string; PASSIVE_LEVEL not needed. */
VOID tv_fdo_log(struct tv_fdo *fdo, NTSTATUS code, const CHAR *text)
{
	SIZE_T chars = strlen(text), i;
	PIO_ERROR_LOG_PACKET packet;
	PWCHAR to;

	if (chars > 90)
		chars = 90;
	packet = IoAllocateErrorLogEntry(
		fdo->dev.self,
		(UCHAR)(sizeof(*packet) + (chars + 1) * sizeof(WCHAR)));
	if (!packet)
		return;
	RtlZeroMemory(packet, sizeof(*packet));
	/* IO_ERR_CONTROLLER_ERROR of the system's own messages. */
	packet->ErrorCode = (NTSTATUS)0xc004000b;
	packet->FinalStatus = code;
	packet->NumberOfStrings = 1;
	packet->StringOffset = sizeof(*packet);
	to = (PWCHAR)((PUCHAR)packet + sizeof(*packet));
	for (i = 0; i < chars; i++)
		to[i] = (UCHAR)text[i];
	to[chars] = 0;
	IoWriteErrorLogEntry(packet);
}

/* ---- the worker -----------------------------------------------------------
 */

static VOID NTAPI worker(PVOID context)
{
	struct tv_fdo *fdo = context;
	BOOLEAN again = FALSE;
	LARGE_INTEGER second;

	second.QuadPart = -10000000;
	while (!fdo->stop) {
		if (fdo->asleep) {
			tv_xenbus_close_all(fdo);
			if (fdo->news)
				IoInvalidateDeviceRelations(fdo->pdo,
							    BusRelations);
			fdo->news = FALSE;
			again = FALSE;
			KeSetEvent(&fdo->quiet, IO_NO_INCREMENT, FALSE);
		} else {
			again = tv_xenbus_scan(fdo);
		}
		KeWaitForSingleObject(&fdo->wake, Executive, KernelMode, FALSE,
				      again ? &second : NULL);
	}
	tv_xenbus_close_all(fdo);
	PsTerminateSystemThread(STATUS_SUCCESS);
}

static NTSTATUS worker_start(struct tv_fdo *fdo)
{
	OBJECT_ATTRIBUTES attributes;
	NTSTATUS status;
	HANDLE handle;

	if (fdo->worker)
		return STATUS_SUCCESS;
	fdo->stop = FALSE;
	fdo->asleep = FALSE;
	InitializeObjectAttributes(&attributes, NULL, OBJ_KERNEL_HANDLE, NULL,
				   NULL);
	status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, &attributes,
				      NULL, NULL, worker, fdo);
	if (!NT_SUCCESS(status))
		return status;
	/* Of a handle just made, with all access: it cannot fail. */
	ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode,
				  (PVOID *)&fdo->worker, NULL);
	ZwClose(handle);
	return STATUS_SUCCESS;
}

/* Afterwards all controllers are closed.  Harmless without a worker. */
static VOID worker_stop(struct tv_fdo *fdo)
{
	if (!fdo->worker)
		return;
	InterlockedExchange(&fdo->stop, TRUE);
	KeSetEvent(&fdo->wake, IO_NO_INCREMENT, FALSE);
	KeWaitForSingleObject(fdo->worker, Executive, KernelMode, FALSE, NULL);
	ObDereferenceObject(fdo->worker);
	fdo->worker = NULL;
}

static VOID worker_sleep(struct tv_fdo *fdo)
{
	if (!fdo->worker)
		return;
	KeClearEvent(&fdo->quiet);
	InterlockedExchange(&fdo->asleep, TRUE);
	KeSetEvent(&fdo->wake, IO_NO_INCREMENT, FALSE);
	KeWaitForSingleObject(&fdo->quiet, Executive, KernelMode, FALSE, NULL);
}

static VOID worker_awake(struct tv_fdo *fdo)
{
	InterlockedExchange(&fdo->asleep, FALSE);
	KeSetEvent(&fdo->wake, IO_NO_INCREMENT, FALSE);
}

static VOID power_down(PVOID context);
static VOID power_up(PVOID context);

/* ---- plug and play --------------------------------------------------------
 */

NTSTATUS tv_fdo_add(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo)
{
	PDEVICE_OBJECT device;
	struct tv_fdo *fdo;
	NTSTATUS status;

	status = IoCreateDevice(driver, sizeof(*fdo), NULL,
				FILE_DEVICE_BUS_EXTENDER,
				FILE_DEVICE_SECURE_OPEN, FALSE, &device);
	if (!NT_SUCCESS(status))
		return status;
	fdo = device->DeviceExtension;
	RtlZeroMemory(fdo, sizeof(*fdo));
	fdo->dev.kind = TV_KIND_FDO;
	fdo->dev.self = device;
	IoInitializeRemoveLock(&fdo->dev.remove_lock, TV_TAG, 0, 0);
	KeInitializeSpinLock(&fdo->lock);
	KeInitializeSpinLock(&fdo->cache_lock);
	KeInitializeEvent(&fdo->wake, SynchronizationEvent, FALSE);
	KeInitializeEvent(&fdo->quiet, NotificationEvent, FALSE);
	InitializeListHead(&fdo->controllers);
	InitializeListHead(&fdo->pdos);
	fdo->pdo = pdo;
	fdo->lower = IoAttachDeviceToDeviceStack(device, pdo);
	if (!fdo->lower) {
		IoDeleteDevice(device);
		return STATUS_NO_SUCH_DEVICE;
	}
	tv_power_init(&fdo->power, device, fdo->lower, pdo,
		      &fdo->dev.remove_lock, power_down, power_up, fdo);
	/* Power IRPs at PASSIVE_LEVEL: closing controllers waits. */
	device->Flags |= DO_POWER_PAGABLE;
	device->Flags &= ~DO_DEVICE_INITIALIZING;
	return STATUS_SUCCESS;
}

static NTSTATUS start(struct tv_fdo *fdo, PIRP irp)
{
	NTSTATUS status = tv_irp_forward(fdo->lower, irp);

	if (!NT_SUCCESS(status))
		return status;
	if (!fdo->acquired)
		status = tv_xenbus_acquire(fdo);
	if (!NT_SUCCESS(status)) {
		tv_fdo_log(fdo, status, "XENBUS does not offer what is needed");
		return status;
	}
	status = worker_start(fdo);
	if (!NT_SUCCESS(status)) {
		tv_xenbus_release(fdo);
		return status;
	}
	fdo->power.device = PowerDeviceD0;
	fdo->dev.pnp = TV_PNP_STARTED;
	return STATUS_SUCCESS;
}

static VOID halt(struct tv_fdo *fdo)
{
	worker_stop(fdo);
	tv_xenbus_release(fdo);
}

/* What relations there were before, with ours behind. */
static PDEVICE_RELATIONS relations_grow(PDEVICE_RELATIONS old, ULONG more)
{
	ULONG count = old ? old->Count : 0, i;
	PDEVICE_RELATIONS new;

	new = ExAllocatePoolWithTag(
		PagedPool,
		sizeof(*new) + (count + more) * sizeof(PDEVICE_OBJECT),
		TV_TAG_PNP);
	if (!new)
		return NULL;
	new->Count = count;
	for (i = 0; i < count; i++)
		new->Objects[i] = old->Objects[i];
	if (old)
		ExFreePool(old);
	return new;
}

static NTSTATUS bus_relations(struct tv_fdo *fdo, PIRP irp)
{
	PDEVICE_RELATIONS relations;
	PLIST_ENTRY entry;
	ULONG most = 0;
	KIRQL irql;

	KeAcquireSpinLock(&fdo->lock, &irql);
	for (entry = fdo->pdos.Flink; entry != &fdo->pdos; entry = entry->Flink)
		most++;
	KeReleaseSpinLock(&fdo->lock, irql);
	relations = relations_grow((PVOID)irp->IoStatus.Information, most);
	if (!relations)
		return STATUS_INSUFFICIENT_RESOURCES;
	KeAcquireSpinLock(&fdo->lock, &irql);
	for (entry = fdo->pdos.Flink; entry != &fdo->pdos;
	     entry = entry->Flink) {
		struct tv_pdo *pdo =
			CONTAINING_RECORD(entry, struct tv_pdo, entry);

		/* One that came meanwhile is told with the next query. */
		if (pdo->present && most) {
			most--;
			pdo->reported = TRUE;
			ObReferenceObject(pdo->dev.self);
			relations->Objects[relations->Count++] = pdo->dev.self;
		} else if (!pdo->present) {
			pdo->missed = TRUE;
		}
	}
	KeReleaseSpinLock(&fdo->lock, irql);
	irp->IoStatus.Information = (ULONG_PTR)relations;
	irp->IoStatus.Status = STATUS_SUCCESS;
	return STATUS_SUCCESS;
}

static VOID pdos_delete(struct tv_fdo *fdo)
{
	struct tv_pdo *pdo;
	KIRQL irql;

	for (;;) {
		KeAcquireSpinLock(&fdo->lock, &irql);
		pdo = IsListEmpty(&fdo->pdos)
			      ? NULL
			      : CONTAINING_RECORD(fdo->pdos.Flink,
						  struct tv_pdo, entry);
		KeReleaseSpinLock(&fdo->lock, irql);
		if (!pdo)
			return;
		tv_pdo_delete(pdo);
	}
}

static NTSTATUS gone(struct tv_fdo *fdo, PIRP irp)
{
	NTSTATUS status;

	fdo->dev.pnp = TV_PNP_REMOVED;
	halt(fdo);
	IoReleaseRemoveLockAndWait(&fdo->dev.remove_lock, irp);
	pdos_delete(fdo);
	irp->IoStatus.Status = STATUS_SUCCESS;
	IoSkipCurrentIrpStackLocation(irp);
	status = IoCallDriver(fdo->lower, irp);
	IoDetachDevice(fdo->lower);
	IoDeleteDevice(fdo->dev.self);
	return status;
}

/* Undoes a query after those below have. */
static NTSTATUS cancel(struct tv_fdo *fdo, PIRP irp, enum tv_pnp pending)
{
	NTSTATUS status = tv_irp_forward(fdo->lower, irp);

	if (fdo->dev.pnp == pending)
		fdo->dev.pnp = fdo->dev.pnp_before;
	return status;
}

static VOID pend(struct tv_dev *dev, enum tv_pnp pending)
{
	dev->pnp_before = dev->pnp;
	dev->pnp = pending;
}

/* TRUE: the IRP is to be completed here with *status. */
static BOOLEAN pnp(struct tv_fdo *fdo, PIRP irp, NTSTATUS *status)
{
	PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);

	switch (stack->MinorFunction) {
	case IRP_MN_START_DEVICE:
		*status = start(fdo, irp);
		return TRUE;
	case IRP_MN_CANCEL_STOP_DEVICE:
		*status = cancel(fdo, irp, TV_PNP_STOP_PENDING);
		return TRUE;
	case IRP_MN_CANCEL_REMOVE_DEVICE:
		*status = cancel(fdo, irp, TV_PNP_REMOVE_PENDING);
		return TRUE;
	case IRP_MN_QUERY_STOP_DEVICE:
		pend(&fdo->dev, TV_PNP_STOP_PENDING);
		break;
	case IRP_MN_QUERY_REMOVE_DEVICE:
		pend(&fdo->dev, TV_PNP_REMOVE_PENDING);
		break;
	case IRP_MN_STOP_DEVICE:
		halt(fdo);
		fdo->dev.pnp = TV_PNP_STOPPED;
		break;
	case IRP_MN_SURPRISE_REMOVAL:
		halt(fdo);
		fdo->dev.pnp = TV_PNP_SURPRISED;
		break;
	case IRP_MN_QUERY_DEVICE_RELATIONS:
		if (stack->Parameters.QueryDeviceRelations.Type != BusRelations)
			return FALSE;
		*status = bus_relations(fdo, irp);
		return !NT_SUCCESS(*status);
	default:
		return FALSE;
	}
	irp->IoStatus.Status = STATUS_SUCCESS;
	return FALSE;
}

NTSTATUS tv_fdo_pnp(struct tv_fdo *fdo, PIRP irp)
{
	NTSTATUS status = IoAcquireRemoveLock(&fdo->dev.remove_lock, irp);

	if (!NT_SUCCESS(status))
		return tv_irp_done(irp, status, 0);
	if (IoGetCurrentIrpStackLocation(irp)->MinorFunction ==
	    IRP_MN_REMOVE_DEVICE)
		return gone(fdo, irp);
	if (pnp(fdo, irp, &status)) {
		tv_irp_done(irp, status, irp->IoStatus.Information);
	} else {
		IoSkipCurrentIrpStackLocation(irp);
		status = IoCallDriver(fdo->lower, irp);
	}
	IoReleaseRemoveLock(&fdo->dev.remove_lock, irp);
	return status;
}

/* ---- power ----------------------------------------------------------------
 */

static VOID power_down(PVOID context)
{
	worker_sleep(context);
}

static VOID power_up(PVOID context)
{
	worker_awake(context);
}

NTSTATUS tv_fdo_power(struct tv_fdo *fdo, PIRP irp)
{
	return tv_power_irp(&fdo->power, irp);
}
