// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shim.c - kernel functions that Wine 8 lacks or only pretends to have, put
 * into the import tables of the drivers under test when they are loaded; and
 * the books of what they do wrong:
 *
 *   pool      every allocation has a guard behind it, and is counted
 *   IRQL      a number a thread; waits, page functions and STORE above
 *             PASSIVE_LEVEL, completions under a spin lock are violations
 *   DPC       two threads play processors
 *
 * Memory that a driver gives to PnP (tag TV_TAG_PNP) is Wine's to free and is
 * not counted.
 */
#include "tests/windows/xensim/sim.h"

#include <stdio.h>

#include "frontend-windows/lib/irp.h"

__declspec(dllimport) int __stdcall VirtualProtect(PVOID, SIZE_T, ULONG,
						   ULONG *);

NTSTATUS NTAPI ZwWaitForSingleObject(HANDLE, BOOLEAN, PLARGE_INTEGER);
NTSTATUS NTAPI ZwSetEvent(HANDLE, PLONG);
NTSTATUS NTAPI ZwCreateEvent(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES,
			     EVENT_TYPE, BOOLEAN);

/* ---- violations -----------------------------------------------------------
 */

static LONG violations;

VOID sim_violation(const CHAR *what)
{
	InterlockedIncrement(&violations);
	sim_say("VIOLATION: %s (IRQL %u)", what, sim_irql());
}

/* ---- IRQL -----------------------------------------------------------------
 */

#define THREADS 8192

static KIRQL irqls[THREADS];
static UCHAR locks[THREADS];

static ULONG self(VOID)
{
	return (ULONG)(ULONG_PTR)PsGetCurrentThreadId() / 4 % THREADS;
}

KIRQL sim_irql(VOID)
{
	return irqls[self()];
}

VOID sim_irql_set(KIRQL irql)
{
	irqls[self()] = irql;
}

static VOID spin(PKSPIN_LOCK lock)
{
	ULONG n = 0;

	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		if (++n % 64 == 0)
			sim_syscall(24, 0, 0, 0, 0, 0, 0);
	locks[self()]++;
}

static VOID unspin(PKSPIN_LOCK lock)
{
	if (!*lock || !locks[self()])
		sim_violation("a spin lock released that is not held");
	else
		locks[self()]--;
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
}

static KIRQL NTAPI shim_acquire(PKSPIN_LOCK lock)
{
	KIRQL old = sim_irql();

	if (old > DISPATCH_LEVEL)
		sim_violation("a spin lock above DISPATCH_LEVEL");
	sim_irql_set(DISPATCH_LEVEL);
	spin(lock);
	return old;
}

static VOID NTAPI shim_release(PKSPIN_LOCK lock, KIRQL irql)
{
	unspin(lock);
	sim_irql_set(irql);
}

static VOID NTAPI shim_acquire_dpc(PKSPIN_LOCK lock)
{
	if (sim_irql() < DISPATCH_LEVEL)
		sim_violation("AtDpcLevel below DISPATCH_LEVEL");
	spin(lock);
}

static VOID NTAPI shim_release_dpc(PKSPIN_LOCK lock)
{
	unspin(lock);
}

static VOID passive(const CHAR *what)
{
	if (sim_irql() >= DISPATCH_LEVEL)
		sim_violation(what);
}

static NTSTATUS NTAPI shim_wait(PVOID object, KWAIT_REASON reason,
				KPROCESSOR_MODE mode, BOOLEAN alertable,
				PLARGE_INTEGER timeout)
{
	if (!timeout || timeout->QuadPart)
		passive("KeWaitForSingleObject");
	return KeWaitForSingleObject(object, reason, mode, alertable, timeout);
}

static NTSTATUS NTAPI shim_delay(KPROCESSOR_MODE mode, BOOLEAN alertable,
				 PLARGE_INTEGER time)
{
	passive("KeDelayExecutionThread");
	return KeDelayExecutionThread(mode, alertable, time);
}

static VOID NTAPI shim_mutex(PFAST_MUTEX mutex)
{
	passive("ExAcquireFastMutex");
	ExAcquireFastMutex(mutex);
}

static VOID FASTCALL shim_complete(PIRP irp, CCHAR boost)
{
	if (locks[self()])
		sim_violation("IoCompleteRequest under a spin lock");
	IofCompleteRequest(irp, boost);
}

/* ---- pool -----------------------------------------------------------------
 */

#define GUARD 0x5a5a1337a5a5c0deull

struct block {
	ULONGLONG magic;
	ULONGLONG size;
};

static LONG blocks, peak;

static PVOID NTAPI shim_alloc(POOL_TYPE type, SIZE_T size, ULONG tag)
{
	struct block *block;
	LONG now;

	if (tag == TV_TAG_PNP)
		return ExAllocatePoolWithTag(type, size, tag);
	if (type == PagedPool)
		passive("paged pool");
	block = ExAllocatePoolWithTag(NonPagedPool, sizeof(*block) + size + 8,
				      tag);
	if (!block)
		return NULL;
	block->magic = GUARD;
	block->size = size;
	memset(block + 1, 0xa5, size);
	memcpy((PUCHAR)(block + 1) + size, &block->magic, 8);
	now = InterlockedIncrement(&blocks);
	if (now > peak)
		peak = now;
	return block + 1;
}

static VOID NTAPI shim_free(PVOID memory, ULONG tag)
{
	struct block *block = (struct block *)memory - 1;
	ULONGLONG guard = 0;

	if (tag != TV_TAG) {
		ExFreePoolWithTag(memory, tag);
		return;
	}
	if (block->magic == GUARD)
		memcpy(&guard, (PUCHAR)memory + block->size, 8);
	if (guard != GUARD) {
		sim_violation("pool: freed twice, or written beyond its end");
		return;
	}
	block->magic = 0;
	memset(memory, 0xdd, block->size);
	InterlockedDecrement(&blocks);
	ExFreePoolWithTag(block, tag);
}

/* ---- pages: frames of the fake domain -------------------------------------
 */

static UCHAR frame_used[8192];
static LONG frames_used;
static volatile LONG frame_lock;

PVOID sim_frames_alloc(ULONG count, ULONG *frame)
{
	ULONG i, run = 0;

	sim_lock(&frame_lock);
	for (i = 0; i < sim_frames && run < count; i++)
		run = frame_used[i] ? 0 : run + 1;
	if (run == count) {
		i -= count;
		memset(frame_used + i, 1, count);
		frames_used += (LONG)count;
	}
	sim_unlock(&frame_lock);
	if (run != count)
		return NULL;
	*frame = sim_first_frame + i;
	return sim_memory + (SIZE_T)*frame * PAGE_SIZE;
}

VOID sim_frames_free(ULONG frame, ULONG count)
{
	sim_lock(&frame_lock);
	memset(frame_used + (frame - sim_first_frame), 0, count);
	frames_used -= (LONG)count;
	sim_unlock(&frame_lock);
}

static BOOLEAN is_ours(PMDL mdl)
{
	return (PUCHAR)mdl->StartVa >= sim_memory &&
	       (PUCHAR)mdl->StartVa < sim_memory + 8192ull * PAGE_SIZE;
}

static PMDL NTAPI shim_pages(PHYSICAL_ADDRESS low, PHYSICAL_ADDRESS high,
			     PHYSICAL_ADDRESS skip, SIZE_T size,
			     MEMORY_CACHING_TYPE cache, ULONG flags)
{
	ULONG count = (ULONG)(size / PAGE_SIZE), i, frame;
	PVOID memory = sim_frames_alloc(count, &frame);
	PMDL mdl;

	(void)low;
	(void)high;
	(void)skip;
	(void)cache;
	(void)flags;
	passive("MmAllocatePagesForMdlEx");
	if (!memory)
		return NULL;
	mdl = shim_alloc(NonPagedPool,
			 sizeof(*mdl) + count * sizeof(PFN_NUMBER), TV_TAG);
	memset(mdl, 0, sizeof(*mdl));
	mdl->StartVa = memory;
	mdl->ByteCount = (ULONG)size;
	for (i = 0; i < count; i++)
		MmGetMdlPfnArray(mdl)[i] = frame + i;
	/* As left by somebody else. */
	memset(memory, 0xee, size);
	return mdl;
}

static VOID NTAPI shim_pages_free(PMDL mdl)
{
	sim_frames_free((ULONG)MmGetMdlPfnArray(mdl)[0],
			mdl->ByteCount / PAGE_SIZE);
}

static VOID NTAPI shim_free_any(PVOID memory)
{
	struct block *block = (struct block *)memory - 1;

	if (block->magic == GUARD)
		shim_free(memory, TV_TAG);
	else
		ExFreePool(memory);
}

static PVOID NTAPI shim_map(PMDL mdl, KPROCESSOR_MODE mode,
			    MEMORY_CACHING_TYPE cache, PVOID base, ULONG bug,
			    ULONG priority)
{
	(void)mode;
	(void)cache;
	(void)base;
	(void)bug;
	(void)priority;
	return (PUCHAR)mdl->StartVa + mdl->ByteOffset;
}

static VOID NTAPI shim_unmap(PVOID base, PMDL mdl)
{
	if (!is_ours(mdl) || base != mdl->StartVa)
		sim_violation("MmUnmapLockedPages of what was not mapped");
}

/* ---- DPCs -----------------------------------------------------------------
 */

#define DPCS 256

static PKDPC dpcs[DPCS];
static ULONG dpc_head, dpc_tail;
static volatile LONG dpc_lock, dpc_running;
static LONG dpc_count;
static HANDLE dpc_wake;

static PKDPC dpc_take(VOID)
{
	PKDPC dpc = NULL;

	sim_lock(&dpc_lock);
	while (dpc_head != dpc_tail && !dpc)
		dpc = dpcs[dpc_head++ % DPCS];
	if (dpc) {
		dpc->DpcData = NULL;
		InterlockedIncrement(&dpc_running);
	}
	sim_unlock(&dpc_lock);
	return dpc;
}

static VOID processor(PVOID unused)
{
	LARGE_INTEGER tick;
	PKDPC dpc;

	(void)unused;
	for (;;) {
		dpc = dpc_take();
		if (!dpc) {
			tick.QuadPart = -500000;
			ZwWaitForSingleObject(dpc_wake, FALSE, &tick);
			continue;
		}
		sim_irql_set(DISPATCH_LEVEL);
		dpc->DeferredRoutine(dpc, dpc->DeferredContext, NULL, NULL);
		if (locks[self()])
			sim_violation("a DPC ended with a spin lock");
		sim_irql_set(PASSIVE_LEVEL);
		InterlockedIncrement(&dpc_count);
		InterlockedDecrement(&dpc_running);
	}
}

static BOOLEAN NTAPI shim_dpc(PKDPC dpc, PVOID a, PVOID b)
{
	BOOLEAN queued = FALSE;

	(void)a;
	(void)b;
	sim_lock(&dpc_lock);
	if (!dpc->DpcData) {
		dpc->DpcData = dpc;
		dpcs[dpc_tail++ % DPCS] = dpc;
		queued = TRUE;
	}
	sim_unlock(&dpc_lock);
	if (queued)
		ZwSetEvent(dpc_wake, NULL);
	return queued;
}

static BOOLEAN NTAPI shim_dpc_remove(PKDPC dpc)
{
	BOOLEAN found = FALSE;
	ULONG i;

	sim_lock(&dpc_lock);
	for (i = dpc_head; i != dpc_tail; i++)
		if (dpcs[i % DPCS] == dpc) {
			dpcs[i % DPCS] = NULL;
			dpc->DpcData = NULL;
			found = TRUE;
		}
	sim_unlock(&dpc_lock);
	return found;
}

static VOID NTAPI shim_dpc_flush(VOID)
{
	BOOLEAN busy;

	passive("KeFlushQueuedDpcs");
	do {
		sim_lock(&dpc_lock);
		busy = dpc_head != dpc_tail || dpc_running;
		sim_unlock(&dpc_lock);
		if (busy)
			sim_syscall(24, 0, 0, 0, 0, 0, 0);
	} while (busy);
}

/* ---- the event log, power -------------------------------------------------
 */

static PVOID NTAPI shim_log(PVOID device, UCHAR size)
{
	(void)device;
	if (size > 0xf0)
		sim_violation("an event log entry beyond its limit");
	return shim_alloc(NonPagedPool, size, TV_TAG);
}

static VOID NTAPI shim_log_write(PVOID entry)
{
	PIO_ERROR_LOG_PACKET packet = entry;
	PWCHAR text = (PWCHAR)((PUCHAR)packet + packet->StringOffset);

	sim_say("EVENT LOG: %08lx %ls", (ULONG)packet->FinalStatus, text);
	shim_free(entry, TV_TAG);
}

struct power_done {
	PREQUEST_POWER_COMPLETE function;
	PVOID context;
	POWER_STATE state;
	UCHAR minor;
};

static NTSTATUS NTAPI power_completed(PDEVICE_OBJECT device, PIRP irp,
				      PVOID context)
{
	struct power_done *done = context;

	done->function(device, done->minor, done->state, done->context,
		       &irp->IoStatus);
	IoFreeIrp(irp);
	ExFreePool(done);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

/* Wine has no power manager: the D-IRP goes to the top of the stack. */
static NTSTATUS NTAPI shim_power(PDEVICE_OBJECT device, UCHAR minor,
				 POWER_STATE state,
				 PREQUEST_POWER_COMPLETE function,
				 PVOID context, PIRP *out)
{
	PDEVICE_OBJECT top = IoGetAttachedDeviceReference(device);
	PIRP irp = IoAllocateIrp(top->StackSize, FALSE);
	PIO_STACK_LOCATION stack = IoGetNextIrpStackLocation(irp);
	struct power_done *done = ExAllocatePool(NonPagedPool, sizeof(*done));

	(void)out;
	done->function = function;
	done->context = context;
	done->state = state;
	done->minor = minor;
	stack->MajorFunction = IRP_MJ_POWER;
	stack->MinorFunction = minor;
	stack->Parameters.Power.Type = DevicePowerState;
	stack->Parameters.Power.State = state;
	irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
	IoSetCompletionRoutine(irp, power_completed, done, TRUE, TRUE, TRUE);
	IoCallDriver(top, irp);
	ObDereferenceObject(top);
	return STATUS_PENDING;
}

static NTSTATUS NTAPI shim_po_call(PDEVICE_OBJECT device, PIRP irp)
{
	return IoCallDriver(device, irp);
}

static VOID NTAPI shim_po_next(PIRP irp)
{
	(void)irp;
}

static POWER_STATE NTAPI shim_po_state(PDEVICE_OBJECT device,
				       POWER_STATE_TYPE type, POWER_STATE state)
{
	(void)device;
	(void)type;
	return state;
}

/* ---- import tables --------------------------------------------------------
 */

static const struct {
	const char *name;
	PVOID function;
} shims[] = {
	{"KeAcquireSpinLockRaiseToDpc", shim_acquire},
	{"KeReleaseSpinLock", shim_release},
	{"KeAcquireSpinLockAtDpcLevel", shim_acquire_dpc},
	{"KeReleaseSpinLockFromDpcLevel", shim_release_dpc},
	{"KeWaitForSingleObject", shim_wait},
	{"KeDelayExecutionThread", shim_delay},
	{"ExAcquireFastMutex", shim_mutex},
	{"IofCompleteRequest", shim_complete},
	{"ExAllocatePoolWithTag", shim_alloc},
	{"ExFreePoolWithTag", shim_free},
	{"ExFreePool", shim_free_any},
	{"MmAllocatePagesForMdlEx", shim_pages},
	{"MmFreePagesFromMdl", shim_pages_free},
	{"MmMapLockedPagesSpecifyCache", shim_map},
	{"MmUnmapLockedPages", shim_unmap},
	{"KeInsertQueueDpc", shim_dpc},
	{"KeRemoveQueueDpc", shim_dpc_remove},
	{"KeFlushQueuedDpcs", shim_dpc_flush},
	{"IoAllocateErrorLogEntry", shim_log},
	{"IoWriteErrorLogEntry", shim_log_write},
	{"PoRequestPowerIrp", shim_power},
	{"PoCallDriver", shim_po_call},
	{"PoStartNextPowerIrp", shim_po_next},
	{"PoSetPowerState", shim_po_state},
};

struct import {
	ULONG names, time, forward, dll, slots;
};

static ULONG patch(PUCHAR base, const struct import *import)
{
	ULONGLONG *name = (PVOID)(base + import->names);
	PVOID *slot = (PVOID)(base + import->slots);
	ULONG count = 0, i, old;

	for (; *name; name++, slot++)
		for (i = 0; i < RTL_NUMBER_OF(shims); i++) {
			if (strcmp((char *)base + *name + 2, shims[i].name))
				continue;
			VirtualProtect(slot, 8, 4, &old);
			*slot = shims[i].function;
			VirtualProtect(slot, 8, old, &old);
			count++;
		}
	return count;
}

static VOID NTAPI loaded(PUNICODE_STRING name, HANDLE process, PIMAGE_INFO info)
{
	PUCHAR base = info->ImageBase;
	ULONG pe = *(PULONG)(base + 0x3c), count = 0;
	const struct import *import =
		(PVOID)(base + *(PULONG)(base + pe + 24 + 112 + 8));

	(void)process;
	for (; import->slots; import++)
		count += patch(base, import);
	(void)name;
	sim_say("a driver was loaded, %lu imports replaced", count);
}

ULONG sim_report(PCHAR text, ULONG room)
{
	return (ULONG)_snprintf(text, room,
				"blocks=%ld peak=%ld frames=%ld grants=%lu "
				"violations=%ld dpcs=%ld",
				blocks, peak, frames_used, sim_grants(),
				violations, dpc_count);
}

VOID sim_shim_start(VOID)
{
	ZwCreateEvent(&dpc_wake, EVENT_ALL_ACCESS, NULL, SynchronizationEvent,
		      FALSE);
	sim_thread(processor, NULL);
	sim_thread(processor, NULL);
	PsSetLoadImageNotifyRoutine(loaded);
}
