// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * orders.c - what win-bed tells the simulator to do, one line of text each;
 * the outcome goes back as one line.
 *
 *   report              the books (shim.c)
 *   suspend             the domain was restored
 *   pnp WHO MINOR       a plug and play IRP; WHO 0: the bus device, 1..: the
 *                       USB devices in the order of its bus relations
 *   power WHO system|device N
 *   children            how many USB devices are reported
 */
#include "tests/windows/xensim/sim.h"

#include <stdio.h>

static NTSTATUS NTAPI sent(PDEVICE_OBJECT device, PIRP irp, PVOID event)
{
	(void)device;
	(void)irp;
	KeSetEvent(event, 0, FALSE);
	return STATUS_MORE_PROCESSING_REQUIRED;
}

/* To the top of the device's stack; waits at most 30 s. */
static NTSTATUS send(PDEVICE_OBJECT device, UCHAR major, UCHAR minor,
		     PIO_STACK_LOCATION from, ULONG_PTR *information)
{
	PDEVICE_OBJECT top = IoGetAttachedDeviceReference(device);
	PIRP irp = IoAllocateIrp(top->StackSize + 1, FALSE);
	PIO_STACK_LOCATION stack;
	LARGE_INTEGER timeout;
	NTSTATUS status;
	KEVENT event;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
	stack = IoGetNextIrpStackLocation(irp);
	*stack = *from;
	stack->MajorFunction = major;
	stack->MinorFunction = minor;
	IoSetCompletionRoutine(irp, sent, &event, TRUE, TRUE, TRUE);
	IoCallDriver(top, irp);
	timeout.QuadPart = -300000000;
	if (KeWaitForSingleObject(&event, Executive, KernelMode, FALSE,
				  &timeout)) {
		ObDereferenceObject(top);
		return STATUS_IO_TIMEOUT;
	}
	status = irp->IoStatus.Status;
	if (information)
		*information = irp->IoStatus.Information;
	IoFreeIrp(irp);
	ObDereferenceObject(top);
	return status;
}

static PDEVICE_RELATIONS children(VOID)
{
	IO_STACK_LOCATION stack;
	ULONG_PTR list = 0;

	RtlZeroMemory(&stack, sizeof(stack));
	stack.Parameters.QueryDeviceRelations.Type = BusRelations;
	if (!sim_pdo || send(sim_pdo, IRP_MJ_PNP, IRP_MN_QUERY_DEVICE_RELATIONS,
			     &stack, &list))
		return NULL;
	return (PVOID)list;
}

/* With a reference of the caller's. */
static PDEVICE_OBJECT device_of(ULONG who)
{
	PDEVICE_OBJECT found = sim_pdo;
	PDEVICE_RELATIONS list;
	ULONG i;

	if (!who) {
		if (found)
			ObReferenceObject(found);
		return found;
	}
	found = NULL;
	list = children();
	for (i = 0; list && i < list->Count; i++)
		if (i + 1 == who)
			found = list->Objects[i];
		else
			ObDereferenceObject(list->Objects[i]);
	if (list)
		ExFreePool(list);
	return found;
}

/* A number at *text, which moves behind it and what spaces follow. */
static ULONG number(PCHAR *text)
{
	ULONG value = 0;

	while (**text == ' ')
		(*text)++;
	for (; (**text >= '0' && **text <= '9'); (*text)++)
		value = value * 10 + (ULONG)(**text - '0');
	while (**text == ' ')
		(*text)++;
	return value;
}

static NTSTATUS irp_order(PCHAR text, BOOLEAN is_power)
{
	ULONG who = number(&text);
	PDEVICE_OBJECT device = device_of(who);
	IO_STACK_LOCATION stack;
	UCHAR major = IRP_MJ_PNP, minor;
	NTSTATUS status;

	if (!device)
		return STATUS_NO_SUCH_DEVICE;
	RtlZeroMemory(&stack, sizeof(stack));
	if (is_power) {
		major = IRP_MJ_POWER;
		minor = IRP_MN_SET_POWER;
		stack.Parameters.Power.Type =
			*text == 's' ? SystemPowerState : DevicePowerState;
		while (*text && *text != ' ')
			text++;
		stack.Parameters.Power.State.SystemState =
			(SYSTEM_POWER_STATE)number(&text);
	} else {
		minor = (UCHAR)number(&text);
	}
	status = send(device, major, minor, &stack, NULL);
	ObDereferenceObject(device);
	return status;
}

VOID sim_order(PCHAR text)
{
	char answer[300];
	PDEVICE_RELATIONS list;
	ULONG i;

	if (!strcmp(text, "report")) {
		sim_report(answer, sizeof(answer));
	} else if (!strcmp(text, "suspend")) {
		sim_suspend();
		_snprintf(answer, sizeof(answer), "status=0");
	} else if (!strcmp(text, "children")) {
		list = children();
		_snprintf(answer, sizeof(answer), "children=%lu",
			  list ? list->Count : 0);
		for (i = 0; list && i < list->Count; i++)
			ObDereferenceObject(list->Objects[i]);
		if (list)
			ExFreePool(list);
	} else if (!strncmp(text, "pnp ", 4)) {
		_snprintf(answer, sizeof(answer), "status=%lx",
			  (ULONG)irp_order(text + 4, FALSE));
	} else if (!strncmp(text, "power ", 6)) {
		_snprintf(answer, sizeof(answer), "status=%lx",
			  (ULONG)irp_order(text + 6, TRUE));
	} else {
		_snprintf(answer, sizeof(answer), "what is '%s'?", text);
	}
	answer[sizeof(answer) - 1] = 0;
	sim_ask(WIRE_DONE, 0, 0, answer, (ULONG)strlen(answer), NULL, NULL);
}
