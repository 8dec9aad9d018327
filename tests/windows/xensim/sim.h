/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sim.h - a XENBUS for tests under Wine.
 *
 *   xensim.c   the bus: one PDO of class VUSB, as XENBUS makes it
 *   ports.c    STORE, EVTCHN, GNTTAB and SUSPEND over the fake hypervisor
 *   link.c     the socket to win-bed, a Linux process, and the mapped memory
 *   shim.c     what Wine's ntoskrnl lacks, put into the import table of the
 *              drivers under test as they are loaded; counts what they do wrong
 *   orders.c   what win-bed orders: suspend, synthesised IRPs, URBs, a report
 *
 * The drivers under test are the shipped files, unchanged.
 */
#ifndef TV_XENSIM_H
#define TV_XENSIM_H

#include <ntddk.h>

#include "tests/windows/wire.h"

/* link.c */
BOOLEAN sim_link_open(VOID);
long long sim_syscall(long number, long long a, long long b, long long c,
		      long long d, long long e, long long f);
/* Asks win-bed; returns its status, the answer's text in *out (pool, or NULL).
 */
LONG sim_ask(ULONG op, ULONG a, ULONG b, const VOID *data, ULONG len,
	     ULONG *value, PCHAR *out);
VOID sim_say(const CHAR *format, ...) __attribute__((format(printf, 1, 2)));
VOID sim_lock(volatile LONG *lock);
VOID sim_unlock(volatile LONG *lock);
HANDLE sim_thread(VOID (*function)(PVOID), PVOID argument);
extern PUCHAR sim_memory; /* frame 0 of the domain */
extern ULONG sim_first_frame, sim_frames;
struct fx_domain;
extern struct fx_domain *sim_domain;

/* shim.c */
VOID sim_shim_start(VOID);
KIRQL sim_irql(VOID);
VOID sim_irql_set(KIRQL irql);
VOID sim_violation(const CHAR *what);
PVOID sim_frames_alloc(ULONG count, ULONG *frame);
VOID sim_frames_free(ULONG frame, ULONG count);
ULONG sim_report(PCHAR text, ULONG room);

/* ports.c */
NTSTATUS sim_interface(PIO_STACK_LOCATION stack, NTSTATUS otherwise);
VOID sim_event(ULONG port);
VOID sim_watch(ULONG token);
VOID sim_suspend(VOID);
ULONG sim_grants(VOID);

/* orders.c */
VOID sim_order(PCHAR text);

/* xensim.c */
extern PDEVICE_OBJECT sim_pdo;

#endif
