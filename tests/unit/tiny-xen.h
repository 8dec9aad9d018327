/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tiny-xen.h - one guest's memory and event channel, inside the process.
 *
 * Stands for libxengnttab and libxenevtchn where a test or a fuzzer wants the
 * hypervisor at hand and fast; tests/fake-xen is the faithful one.  A grant
 * reference is the number of a page.
 */
#ifndef TESTS_TINY_XEN_H
#define TESTS_TINY_XEN_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

enum { TINY_XEN_PAGES = 1024, TINY_XEN_DOMID = 7, TINY_XEN_PORT = 5 };

enum tiny_grant { TINY_NOT_GRANTED, TINY_READ_ONLY, TINY_WRITABLE };

struct tiny_xen {
	uint8_t *memory; /* TINY_XEN_PAGES pages, shared with children */
	enum tiny_grant grants[TINY_XEN_PAGES];
	bool copy_call_fails;
	bool bind_fails;

	bool bound;
	bool masked;
	bool pending; /* raised while masked */
	int queue[2]; /* where the events go through */

	unsigned int mapped; /* pages now */
	unsigned int copy_calls;
	unsigned int copy_segments;
	unsigned int notifications;
	unsigned int unmasks;
	unsigned int idle_unmasks; /* of what was not masked */
};

extern struct tiny_xen tiny_xen;

void tiny_xen_init(void);
void tiny_xen_fini(void);
/* As when a process dies: nothing is mapped and bound any more. */
void tiny_xen_forget(void);

xengnttab_handle *tiny_xen_gnttab(void);
xenevtchn_handle *tiny_xen_evtchn(void);
uint8_t *tiny_xen_page(uint32_t ref);
/* The guest raises its event. */
void tiny_xen_kick(void);

#endif
