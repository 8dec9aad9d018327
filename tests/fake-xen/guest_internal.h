/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_internal.h - what guest.c and guest_store.c share.
 */
#ifndef TV_TESTS_FAKE_GUEST_INTERNAL_H
#define TV_TESTS_FAKE_GUEST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/layout.h"

struct xenstore_domain_interface;

/* A watch event that came while something else was awaited. */
struct guest_event {
	struct guest_event *next;
	char *path;
	char *token;
};

struct fake_guest {
	unsigned slot;
	uint32_t domid;
	uint8_t uuid[16];
	uint32_t pages;
	bool destroyed;

	unsigned handle;
	int fd;
	bool pending[FX_PORTS]; /* events read from the queue, not consumed */

	struct fx_domain *domain; /* shared */
	uint8_t *memory;	  /* shared */

	uint8_t page_used[FX_PAGES];
	uint32_t page_next;
	uint8_t ref_used[FX_GRANTS];
	uint32_t ref_next;
	unsigned refs;

	/* XenStore */
	int store_port;
	struct xenstore_domain_interface *store;
	uint32_t store_request;
	struct guest_event *events;
};

/* Milliseconds of the monotonic clock, and what is left until then. */
int64_t guest_now_ms(void);
int guest_left_ms(int64_t deadline_ms);
/* The deadline of a timeout; INT64_MAX for a negative one. */
int64_t guest_deadline_ms(int timeout_ms);

/* Frees what guest_store.c keeps. */
void guest_store_fini(struct fake_guest *guest);

#endif
