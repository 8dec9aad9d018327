// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ports.c - XENBUS' interfaces as xen2virt.sys uses them.
 *
 * STORE goes over the socket to the domain's connection of a real xenstored;
 * events go over it as well; grants are written straight into the fake
 * hypervisor's table, as tests/fake-xen/layout.h allows a guest to.
 */
#define INITGUID
#include <ntddk.h>
#include <initguid.h>

#include "frontend-windows/xen2virt/xenbus_interface.h"

#include "tests/fake-xen/layout.h"
#include "tests/windows/xensim/sim.h"

#include <stdarg.h>
#include <stdio.h>

#define FIRST_REF 4096u /* below are the Linux side's */

static LONG references; /* Acquire less Release */

static NTSTATUS acquire(PINTERFACE iface)
{
	UNREFERENCED_PARAMETER(iface);
	InterlockedIncrement(&references);
	return STATUS_SUCCESS;
}

static VOID release(PINTERFACE iface)
{
	UNREFERENCED_PARAMETER(iface);
	if (InterlockedDecrement(&references) < 0)
		sim_violation("an interface released too often");
}

static NTSTATUS nt(LONG status)
{
	switch (status) {
	case 0:
		return STATUS_SUCCESS;
	case -2:
		return STATUS_OBJECT_NAME_NOT_FOUND;
	case -11:
		return STATUS_RETRY;
	case -13:
		return STATUS_ACCESS_DENIED;
	default:
		return STATUS_UNSUCCESSFUL;
	}
}

/* ---- STORE ----------------------------------------------------------------
 */

static ULONG path_make(char *out, PCHAR prefix, PCHAR node)
{
	int n = prefix ? _snprintf(out, 300, "%s/%s", prefix, node)
		       : _snprintf(out, 300, "%s", node);

	if (sim_irql() > PASSIVE_LEVEL)
		sim_violation("STORE above PASSIVE_LEVEL");
	return (ULONG)n;
}

static ULONG tx_of(PXENBUS_STORE_TRANSACTION tx)
{
	return (ULONG)(ULONG_PTR)tx;
}

static VOID store_free(PINTERFACE iface, PCHAR text)
{
	UNREFERENCED_PARAMETER(iface);
	ExFreePool(text);
}

static NTSTATUS store_read(PINTERFACE iface, PXENBUS_STORE_TRANSACTION tx,
			   PCHAR prefix, PCHAR node, PCHAR *value)
{
	char path[300];
	ULONG len = path_make(path, prefix, node);
	PCHAR text = NULL;
	LONG status;

	UNREFERENCED_PARAMETER(iface);
	status = sim_ask(WIRE_READ, tx_of(tx), 0, path, len, NULL, &text);
	if (!status && !text) {
		text = ExAllocatePool(NonPagedPool, 2);
		text[0] = text[1] = 0;
	}
	if (!status)
		*value = text;
	return nt(status);
}

static NTSTATUS store_printf(PINTERFACE iface, PXENBUS_STORE_TRANSACTION tx,
			     PCHAR prefix, PCHAR node, const CHAR *format, ...)
{
	char text[600];
	ULONG len = path_make(text, prefix, node);
	va_list args;
	int n;

	UNREFERENCED_PARAMETER(iface);
	text[len++] = 0;
	va_start(args, format);
	n = _vsnprintf(text + len, sizeof(text) - len, format, args);
	va_end(args);
	return nt(sim_ask(WIRE_WRITE, tx_of(tx), 0, text, len + (ULONG)n, NULL,
			  NULL));
}

static NTSTATUS store_permissions(PINTERFACE iface,
				  PXENBUS_STORE_TRANSACTION tx, PCHAR prefix,
				  PCHAR node, PVOID permissions, ULONG count)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(tx);
	UNREFERENCED_PARAMETER(prefix);
	UNREFERENCED_PARAMETER(node);
	UNREFERENCED_PARAMETER(permissions);
	UNREFERENCED_PARAMETER(count);
	return STATUS_NOT_SUPPORTED;
}

static NTSTATUS store_remove(PINTERFACE iface, PXENBUS_STORE_TRANSACTION tx,
			     PCHAR prefix, PCHAR node)
{
	char path[300];
	ULONG len = path_make(path, prefix, node);

	UNREFERENCED_PARAMETER(iface);
	return nt(sim_ask(WIRE_RM, tx_of(tx), 0, path, len, NULL, NULL));
}

static NTSTATUS store_directory(PINTERFACE iface, PXENBUS_STORE_TRANSACTION tx,
				PCHAR prefix, PCHAR node, PCHAR *names)
{
	char path[300];
	ULONG len = path_make(path, prefix, node);
	PCHAR text = NULL;
	LONG status;

	UNREFERENCED_PARAMETER(iface);
	status = sim_ask(WIRE_DIRECTORY, tx_of(tx), 0, path, len, NULL, &text);
	if (!status && !text) {
		text = ExAllocatePool(NonPagedPool, 2);
		text[0] = text[1] = 0;
	}
	if (!status)
		*names = text;
	return nt(status);
}

static NTSTATUS store_start(PINTERFACE iface, PXENBUS_STORE_TRANSACTION *tx)
{
	ULONG value = 0;
	LONG status;

	UNREFERENCED_PARAMETER(iface);
	status = sim_ask(WIRE_TX_START, 0, 0, NULL, 0, &value, NULL);
	*tx = (PVOID)(ULONG_PTR)value;
	return nt(status);
}

static NTSTATUS store_end(PINTERFACE iface, PXENBUS_STORE_TRANSACTION tx,
			  BOOLEAN commit)
{
	UNREFERENCED_PARAMETER(iface);
	return nt(sim_ask(WIRE_TX_END, tx_of(tx), commit, NULL, 0, NULL, NULL));
}

struct watch {
	PKEVENT event;
	char path[300];
	ULONG len;
};

static struct watch *watches[64];
static volatile LONG watch_lock;

static NTSTATUS store_watch(PINTERFACE iface, PCHAR prefix, PCHAR node,
			    PKEVENT event, PXENBUS_STORE_WATCH *out)
{
	struct watch *watch = ExAllocatePool(NonPagedPool, sizeof(*watch));
	ULONG i;

	UNREFERENCED_PARAMETER(iface);
	watch->event = event;
	watch->len = path_make(watch->path, prefix, node);
	sim_lock(&watch_lock);
	for (i = 1; i < 64 && watches[i]; i++)
		;
	if (i < 64)
		watches[i] = watch;
	sim_unlock(&watch_lock);
	if (i == 64)
		return STATUS_INSUFFICIENT_RESOURCES;
	*out = (PVOID)(ULONG_PTR)i;
	return nt(
		sim_ask(WIRE_WATCH, i, 0, watch->path, watch->len, NULL, NULL));
}

static NTSTATUS store_unwatch(PINTERFACE iface, PXENBUS_STORE_WATCH handle)
{
	ULONG i = (ULONG)(ULONG_PTR)handle;
	struct watch *watch;
	NTSTATUS status;

	UNREFERENCED_PARAMETER(iface);
	sim_lock(&watch_lock);
	watch = watches[i];
	watches[i] = NULL;
	sim_unlock(&watch_lock);
	if (!watch) {
		sim_violation("a watch removed twice");
		return STATUS_INVALID_PARAMETER;
	}
	status = nt(sim_ask(WIRE_UNWATCH, i, 0, watch->path, watch->len, NULL,
			    NULL));
	ExFreePool(watch);
	return status;
}

VOID sim_watch(ULONG token)
{
	sim_lock(&watch_lock);
	if (token < 64 && watches[token])
		KeSetEvent(watches[token]->event, 0, FALSE);
	sim_unlock(&watch_lock);
}

static VOID store_poll(PINTERFACE iface)
{
	UNREFERENCED_PARAMETER(iface);
}

/* ---- EVTCHN ---------------------------------------------------------------
 */

struct channel {
	PKSERVICE_ROUTINE callback;
	PVOID argument;
	ULONG port, count;
	BOOLEAN open, mask;
};

static struct channel channels[32];
static volatile LONG channel_lock;

static PXENBUS_EVTCHN_CHANNEL evtchn_open(PINTERFACE iface,
					  enum xenbus_evtchn_type type,
					  PKSERVICE_ROUTINE callback,
					  PVOID argument, ...)
{
	ULONG domain, port, mask, i;
	va_list args;

	UNREFERENCED_PARAMETER(iface);
	va_start(args, argument);
	domain = va_arg(args, ULONG) & 0xffff;
	mask = va_arg(args, ULONG) & 0xff;
	va_end(args);
	if (type != XENBUS_EVTCHN_TYPE_UNBOUND ||
	    sim_ask(WIRE_PORT, domain, 0, NULL, 0, &port, NULL))
		return NULL;
	sim_lock(&channel_lock);
	for (i = 0; channels[i].open; i++)
		;
	channels[i].callback = callback;
	channels[i].argument = argument;
	channels[i].port = port;
	channels[i].mask = (BOOLEAN)mask;
	channels[i].open = TRUE;
	sim_unlock(&channel_lock);
	return (PVOID)&channels[i];
}

static NTSTATUS evtchn_bind(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL channel,
			    USHORT group, UCHAR number)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(channel);
	UNREFERENCED_PARAMETER(group);
	UNREFERENCED_PARAMETER(number);
	return STATUS_SUCCESS;
}

static struct channel *live(PXENBUS_EVTCHN_CHANNEL handle, const CHAR *what)
{
	struct channel *channel = (PVOID)handle;

	if (!channel->open)
		sim_violation(what);
	return channel;
}

static BOOLEAN evtchn_unmask(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle,
			     BOOLEAN in_callback, BOOLEAN force)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(in_callback);
	UNREFERENCED_PARAMETER(force);
	sim_ask(WIRE_EOI, live(handle, "unmask of a closed channel")->port, 0,
		NULL, 0, NULL, NULL);
	return FALSE;
}

static VOID evtchn_send(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle)
{
	UNREFERENCED_PARAMETER(iface);
	if (sim_irql() < DISPATCH_LEVEL)
		sim_violation("Send below DISPATCH_LEVEL");
	sim_ask(WIRE_NOTIFY, live(handle, "send on a closed channel")->port, 0,
		NULL, 0, NULL, NULL);
}

static VOID evtchn_trigger(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(handle);
}

static ULONG evtchn_count(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle)
{
	UNREFERENCED_PARAMETER(iface);
	return ((struct channel *)handle)->count;
}

static NTSTATUS evtchn_wait(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle,
			    ULONG count, PLARGE_INTEGER timeout)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(handle);
	UNREFERENCED_PARAMETER(count);
	UNREFERENCED_PARAMETER(timeout);
	return STATUS_NOT_SUPPORTED;
}

static ULONG evtchn_port(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle)
{
	UNREFERENCED_PARAMETER(iface);
	return live(handle, "port of a closed channel")->port;
}

static VOID evtchn_close(PINTERFACE iface, PXENBUS_EVTCHN_CHANNEL handle)
{
	struct channel *channel = live(handle, "channel closed twice");
	ULONG port = channel->port;

	UNREFERENCED_PARAMETER(iface);
	sim_lock(&channel_lock);
	channel->open = FALSE;
	sim_unlock(&channel_lock);
	sim_ask(WIRE_PORT_CLOSE, port, 0, NULL, 0, NULL, NULL);
}

/* At an IRQL above DISPATCH_LEVEL, as XENBUS does. */
VOID sim_event(ULONG port)
{
	KIRQL old = sim_irql();
	ULONG i;

	sim_lock(&channel_lock);
	sim_irql_set(HIGH_LEVEL);
	for (i = 0; i < 32; i++)
		if (channels[i].open && channels[i].port == port) {
			channels[i].count++;
			channels[i].callback(NULL, channels[i].argument);
			break;
		}
	sim_irql_set(old);
	sim_unlock(&channel_lock);
}

/* ---- GNTTAB ---------------------------------------------------------------
 */

static volatile LONG grant_lock;
static UCHAR ref_used[FX_GRANTS];
static LONG refs_used;

ULONG sim_grants(VOID)
{
	return (ULONG)refs_used;
}

static NTSTATUS gnttab_cache(PINTERFACE iface, const CHAR *name,
			     ULONG reservation, ULONG cap, VOID (*lock)(PVOID),
			     VOID (*unlock)(PVOID), PVOID argument,
			     PXENBUS_GNTTAB_CACHE *cache)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(name);
	UNREFERENCED_PARAMETER(reservation);
	UNREFERENCED_PARAMETER(cap);
	UNREFERENCED_PARAMETER(lock);
	UNREFERENCED_PARAMETER(unlock);
	UNREFERENCED_PARAMETER(argument);
	*cache = (PVOID)1;
	return STATUS_SUCCESS;
}

static NTSTATUS gnttab_permit(PINTERFACE iface, PXENBUS_GNTTAB_CACHE cache,
			      BOOLEAN locked, USHORT domain, PFN_NUMBER pfn,
			      BOOLEAN readonly, PXENBUS_GNTTAB_ENTRY *entry)
{
	ULONG ref;

	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(cache);
	UNREFERENCED_PARAMETER(locked);
	if (pfn < sim_first_frame || pfn >= sim_first_frame + sim_frames)
		sim_violation("a page that was not allocated as one");
	sim_lock(&grant_lock);
	for (ref = FIRST_REF; ref < FX_GRANTS && ref_used[ref]; ref++)
		;
	if (ref < FX_GRANTS) {
		ref_used[ref] = 1;
		refs_used++;
	}
	sim_unlock(&grant_lock);
	if (ref == FX_GRANTS)
		return STATUS_INSUFFICIENT_RESOURCES;
	sim_domain->grant[ref].frame = (ULONG)pfn;
	atomic_store_explicit(&sim_domain->grant[ref].flags_domid,
			      FX_GTF_PERMIT | (readonly ? FX_GTF_READONLY : 0) |
				      (ULONG)domain << 16,
			      memory_order_release);
	*entry = (PVOID)(ULONG_PTR)ref;
	return STATUS_SUCCESS;
}

static NTSTATUS gnttab_revoke(PINTERFACE iface, PXENBUS_GNTTAB_CACHE cache,
			      BOOLEAN locked, PXENBUS_GNTTAB_ENTRY entry)
{
	ULONG ref = (ULONG)(ULONG_PTR)entry, tries, word;

	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(cache);
	UNREFERENCED_PARAMETER(locked);
	if (!ref_used[ref]) {
		sim_violation("a grant revoked twice");
		return STATUS_INVALID_PARAMETER;
	}
	/* XENBUS tries a hundred times, then gives up. */
	for (tries = 0; tries < 100000; tries++) {
		word = atomic_load(&sim_domain->grant[ref].flags_domid);
		if (word & FX_GTF_IN_USE) {
			sim_syscall(24, 0, 0, 0, 0, 0, 0);
			continue;
		}
		if (atomic_compare_exchange_weak(
			    &sim_domain->grant[ref].flags_domid, &word, 0))
			break;
	}
	if (tries == 100000)
		return STATUS_UNSUCCESSFUL;
	sim_lock(&grant_lock);
	ref_used[ref] = 0;
	refs_used--;
	sim_unlock(&grant_lock);
	return STATUS_SUCCESS;
}

static ULONG gnttab_reference(PINTERFACE iface, PXENBUS_GNTTAB_ENTRY entry)
{
	UNREFERENCED_PARAMETER(iface);
	return (ULONG)(ULONG_PTR)entry;
}

static VOID gnttab_destroy(PINTERFACE iface, PXENBUS_GNTTAB_CACHE cache)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(cache);
}

/* ---- SUSPEND --------------------------------------------------------------
 */

static VOID (*late)(PVOID);
static PVOID late_argument;

static NTSTATUS suspend_register(PINTERFACE iface,
				 enum xenbus_suspend_type type,
				 VOID (*function)(PVOID), PVOID argument,
				 PXENBUS_SUSPEND_CALLBACK *callback)
{
	UNREFERENCED_PARAMETER(iface);
	if (type != SUSPEND_CALLBACK_LATE)
		return STATUS_NOT_SUPPORTED;
	late = function;
	late_argument = argument;
	*callback = (PVOID)1;
	return STATUS_SUCCESS;
}

static VOID suspend_deregister(PINTERFACE iface,
			       PXENBUS_SUSPEND_CALLBACK callback)
{
	UNREFERENCED_PARAMETER(iface);
	UNREFERENCED_PARAMETER(callback);
	late = NULL;
}

VOID sim_suspend(VOID)
{
	KIRQL old = sim_irql();

	sim_irql_set(DISPATCH_LEVEL);
	if (late)
		late(late_argument);
	sim_irql_set(old);
}

/* ---- all of them ----------------------------------------------------------
 */

static const XENBUS_STORE_INTERFACE store = {.Acquire = acquire,
					     .Release = release,
					     .Free = store_free,
					     .Read = store_read,
					     .Printf = store_printf,
					     .PermissionsSet =
						     store_permissions,
					     .Remove = store_remove,
					     .Directory = store_directory,
					     .TransactionStart = store_start,
					     .TransactionEnd = store_end,
					     .WatchAdd = store_watch,
					     .WatchRemove = store_unwatch,
					     .Poll = store_poll};
static const XENBUS_EVTCHN_INTERFACE evtchn = {.Acquire = acquire,
					       .Release = release,
					       .Open = evtchn_open,
					       .Bind = evtchn_bind,
					       .Unmask = evtchn_unmask,
					       .Send = evtchn_send,
					       .Trigger = evtchn_trigger,
					       .GetCount = evtchn_count,
					       .Wait = evtchn_wait,
					       .GetPort = evtchn_port,
					       .Close = evtchn_close};
static const XENBUS_GNTTAB_INTERFACE gnttab = {
	.Acquire = acquire,
	.Release = release,
	.CreateCache = gnttab_cache,
	.PermitForeignAccess = gnttab_permit,
	.RevokeForeignAccess = gnttab_revoke,
	.GetReference = gnttab_reference,
	.DestroyCache = gnttab_destroy};
static const XENBUS_SUSPEND_INTERFACE suspend = {.Acquire = acquire,
						 .Release = release,
						 .Register = suspend_register,
						 .Deregister =
							 suspend_deregister};

/* Only EVTCHN 8, so that falling back from 9 is seen to work. */
static const struct {
	const GUID *guid;
	const VOID *calls;
	USHORT size, version;
} interfaces[] = {
	{&GUID_XENBUS_STORE_INTERFACE, &store, sizeof(store), 2},
	{&GUID_XENBUS_EVTCHN_INTERFACE, &evtchn, sizeof(evtchn), 8},
	{&GUID_XENBUS_GNTTAB_INTERFACE, &gnttab, sizeof(gnttab), 4},
	{&GUID_XENBUS_SUSPEND_INTERFACE, &suspend, sizeof(suspend), 1},
};

NTSTATUS sim_interface(PIO_STACK_LOCATION stack, NTSTATUS otherwise)
{
	const GUID *type = stack->Parameters.QueryInterface.InterfaceType;
	PINTERFACE out = stack->Parameters.QueryInterface.Interface;
	ULONG i;

	for (i = 0; i < RTL_NUMBER_OF(interfaces); i++) {
		if (memcmp(type, interfaces[i].guid, sizeof(GUID)) ||
		    stack->Parameters.QueryInterface.Version !=
			    interfaces[i].version)
			continue;
		if (stack->Parameters.QueryInterface.Size < interfaces[i].size)
			return STATUS_BUFFER_TOO_SMALL;
		RtlCopyMemory(out, interfaces[i].calls, interfaces[i].size);
		out->Size = interfaces[i].size;
		out->Version = interfaces[i].version;
		return STATUS_SUCCESS;
	}
	return otherwise;
}
