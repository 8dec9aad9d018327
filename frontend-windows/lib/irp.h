/* SPDX-License-Identifier: MIT */
/*
 * irp.h - what both drivers do with memory, time and IRPs.
 */
#ifndef TV_WIN_IRP_H
#define TV_WIN_IRP_H

#include <ntddk.h>

#define TV_TAG 0x56326e58ul	/* Xn2V */
#define TV_TAG_PNP 0x50326e58ul /* given to PnP, which frees it */

/* Newer than the headers. */
#ifndef MdlMappingNoExecute
#define MdlMappingNoExecute 0x40000000
#endif

PVOID tv_alloc(SIZE_T octets); /* zeroed, not paged; or NULL */
VOID tv_free(PVOID memory);    /* NULL is fine */
LARGE_INTEGER tv_now(VOID);    /* 100 ns */
/* snprintf, always ended; FALSE if it did not fit. */
BOOLEAN tv_format(CHAR *out, SIZE_T room, const CHAR *format, ...)
	__attribute__((format(gnu_printf, 3, 4)));
/* Completes; returns the status. */
NTSTATUS tv_irp_done(PIRP irp, NTSTATUS status, ULONG_PTR information);
/* Passes an IRP down and waits for it; PASSIVE_LEVEL. */
NTSTATUS tv_irp_forward(PDEVICE_OBJECT lower, PIRP irp);

#endif
