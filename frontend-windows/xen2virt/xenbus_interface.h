/* SPDX-License-Identifier: MIT */
/*
 * xenbus_interface.h - the interfaces of the Xen project's XENBUS driver that
 * we use, as its documentation and headers publish them.
 *
 * Asked for by IRP_MN_QUERY_INTERFACE.  Calls are plain C with the interface
 * as first argument; Acquire before use, Release after.
 */
#ifndef TV_XENBUS_INTERFACE_H
#define TV_XENBUS_INTERFACE_H

#include <ntddk.h>

/* ---- STORE, version 2 -----------------------------------------------------
 */

typedef struct _XENBUS_STORE_TRANSACTION *PXENBUS_STORE_TRANSACTION;
typedef struct _XENBUS_STORE_WATCH *PXENBUS_STORE_WATCH;

typedef struct _XENBUS_STORE_INTERFACE {
	INTERFACE Interface;
	NTSTATUS (*Acquire)(PINTERFACE);
	VOID (*Release)(PINTERFACE);
	VOID (*Free)(PINTERFACE, PCHAR);
	NTSTATUS (*Read)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, PCHAR prefix, PCHAR node,
	 PCHAR *value);
	NTSTATUS (*Printf)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, PCHAR prefix, PCHAR node,
	 const CHAR *format, ...);
	NTSTATUS (*PermissionsSet)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, PCHAR prefix, PCHAR node,
	 PVOID permissions, ULONG count);
	NTSTATUS (*Remove)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, PCHAR prefix, PCHAR node);
	/* Names one after another, each ended by 0, the last by two. */
	NTSTATUS (*Directory)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, PCHAR prefix, PCHAR node,
	 PCHAR *names);
	NTSTATUS (*TransactionStart)(PINTERFACE, PXENBUS_STORE_TRANSACTION *);
	/* STATUS_RETRY: somebody interfered. */
	NTSTATUS (*TransactionEnd)
	(PINTERFACE, PXENBUS_STORE_TRANSACTION, BOOLEAN commit);
	NTSTATUS (*WatchAdd)
	(PINTERFACE, PCHAR prefix, PCHAR node, PKEVENT, PXENBUS_STORE_WATCH *);
	NTSTATUS (*WatchRemove)(PINTERFACE, PXENBUS_STORE_WATCH);
	VOID (*Poll)(PINTERFACE);
} XENBUS_STORE_INTERFACE;

/* ---- EVTCHN, versions 8 and 9 (alike) -------------------------------------
 */

typedef struct _XENBUS_EVTCHN_CHANNEL *PXENBUS_EVTCHN_CHANNEL;

enum xenbus_evtchn_type { XENBUS_EVTCHN_TYPE_UNBOUND = 2 };

typedef struct _XENBUS_EVTCHN_INTERFACE {
	INTERFACE Interface;
	NTSTATUS (*Acquire)(PINTERFACE);
	VOID (*Release)(PINTERFACE);
	/* Unbound: USHORT domain, BOOLEAN mask before the callback. */
	PXENBUS_EVTCHN_CHANNEL (*Open)
	(PINTERFACE, enum xenbus_evtchn_type, PKSERVICE_ROUTINE, PVOID, ...);
	NTSTATUS (*Bind)
	(PINTERFACE, PXENBUS_EVTCHN_CHANNEL, USHORT group, UCHAR number);
	BOOLEAN (*Unmask)
	(PINTERFACE, PXENBUS_EVTCHN_CHANNEL, BOOLEAN in_callback,
	 BOOLEAN force);
	VOID (*Send)(PINTERFACE, PXENBUS_EVTCHN_CHANNEL);
	VOID (*Trigger)(PINTERFACE, PXENBUS_EVTCHN_CHANNEL);
	ULONG (*GetCount)(PINTERFACE, PXENBUS_EVTCHN_CHANNEL);
	NTSTATUS (*Wait)
	(PINTERFACE, PXENBUS_EVTCHN_CHANNEL, ULONG count,
	 PLARGE_INTEGER timeout);
	ULONG (*GetPort)(PINTERFACE, PXENBUS_EVTCHN_CHANNEL);
	VOID (*Close)(PINTERFACE, PXENBUS_EVTCHN_CHANNEL);
} XENBUS_EVTCHN_INTERFACE;

/* ---- GNTTAB, version 4 ----------------------------------------------------
 */

typedef struct _XENBUS_GNTTAB_CACHE *PXENBUS_GNTTAB_CACHE;
typedef struct _XENBUS_GNTTAB_ENTRY *PXENBUS_GNTTAB_ENTRY;

typedef struct _XENBUS_GNTTAB_INTERFACE {
	INTERFACE Interface;
	NTSTATUS (*Acquire)(PINTERFACE);
	VOID (*Release)(PINTERFACE);
	NTSTATUS (*CreateCache)
	(PINTERFACE, const CHAR *name, ULONG reservation, ULONG cap,
	 VOID (*lock)(PVOID), VOID (*unlock)(PVOID), PVOID,
	 PXENBUS_GNTTAB_CACHE *);
	NTSTATUS (*PermitForeignAccess)
	(PINTERFACE, PXENBUS_GNTTAB_CACHE, BOOLEAN locked, USHORT domain,
	 PFN_NUMBER, BOOLEAN readonly, PXENBUS_GNTTAB_ENTRY *);
	NTSTATUS (*RevokeForeignAccess)
	(PINTERFACE, PXENBUS_GNTTAB_CACHE, BOOLEAN locked,
	 PXENBUS_GNTTAB_ENTRY);
	ULONG (*GetReference)(PINTERFACE, PXENBUS_GNTTAB_ENTRY);
	NTSTATUS (*QueryReference)(PINTERFACE, ULONG, PPFN_NUMBER, PBOOLEAN);
	VOID (*DestroyCache)(PINTERFACE, PXENBUS_GNTTAB_CACHE);
	NTSTATUS (*MapForeignPages)
	(PINTERFACE, USHORT, ULONG, PULONG, BOOLEAN, PHYSICAL_ADDRESS *);
	NTSTATUS (*UnmapForeignPages)(PINTERFACE, PHYSICAL_ADDRESS);
} XENBUS_GNTTAB_INTERFACE;

/* ---- SUSPEND, version 1 ---------------------------------------------------
 */

typedef struct _XENBUS_SUSPEND_CALLBACK *PXENBUS_SUSPEND_CALLBACK;

enum xenbus_suspend_type { SUSPEND_CALLBACK_EARLY = 1, SUSPEND_CALLBACK_LATE };

typedef struct _XENBUS_SUSPEND_INTERFACE {
	INTERFACE Interface;
	NTSTATUS (*Acquire)(PINTERFACE);
	VOID (*Release)(PINTERFACE);
	/* LATE is called at DISPATCH_LEVEL, all other processors held. */
	NTSTATUS (*Register)
	(PINTERFACE, enum xenbus_suspend_type, VOID (*function)(PVOID), PVOID,
	 PXENBUS_SUSPEND_CALLBACK *);
	VOID (*Deregister)(PINTERFACE, PXENBUS_SUSPEND_CALLBACK);
	NTSTATUS (*Trigger)(PINTERFACE);
	ULONG (*GetCount)(PINTERFACE);
} XENBUS_SUSPEND_INTERFACE;

C_ASSERT(sizeof(INTERFACE) == 32);
C_ASSERT(sizeof(XENBUS_STORE_INTERFACE) == 32 + 13 * 8);
C_ASSERT(sizeof(XENBUS_EVTCHN_INTERFACE) == 32 + 11 * 8);
C_ASSERT(sizeof(XENBUS_GNTTAB_INTERFACE) == 32 + 10 * 8);
C_ASSERT(sizeof(XENBUS_SUSPEND_INTERFACE) == 32 + 6 * 8);

DEFINE_GUID(GUID_XENBUS_STORE_INTERFACE, 0x86824c3b, 0xd34e, 0x4753, 0xb2, 0x81,
	    0x2f, 0x1e, 0x3a, 0xd2, 0x14, 0xd7);
DEFINE_GUID(GUID_XENBUS_EVTCHN_INTERFACE, 0xbe2440ac, 0x1098, 0x4150, 0xaf,
	    0x4d, 0x45, 0x2f, 0xad, 0xce, 0xf9, 0x23);
DEFINE_GUID(GUID_XENBUS_GNTTAB_INTERFACE, 0x763679c5, 0xe5c2, 0x4a6d, 0x8b,
	    0x88, 0x6b, 0xb0, 0x2e, 0xc4, 0x2d, 0x8e);
DEFINE_GUID(GUID_XENBUS_SUSPEND_INTERFACE, 0x0554f2af, 0xb510, 0x4c71, 0xac,
	    0x03, 0x1c, 0x50, 0x3e, 0x39, 0x42, 0x38);

#endif
