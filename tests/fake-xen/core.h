/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core.h - the fake hypervisor as one process sees it: the mapped file, its
 * lock, domains, handles, death of processes, faults.
 *
 * Internal to tests/fake-xen.  Functions named *_locked want fx_lock() held.
 * Functions return 0 or more, or a negative errno.
 */
#ifndef TV_TESTS_FAKE_CORE_H
#define TV_TESTS_FAKE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/layout.h"

/*
 * Maps the machine of $TV_FAKE_XEN_DIR if this process has not yet; -ENOENT when
 * the variable is unset ("not on Xen").  Then fx_machine() and fx_handle() work
 * until fx_detach().
 */
int fx_attach(void);
void fx_detach(void);
bool fx_attached(void);
const char *fx_folder(void);

struct fx_machine *fx_machine(void);
struct fx_handle *fx_handle(unsigned index);

void fx_lock(void);
void fx_unlock(void);

/*
 * Maps the control part of a slot (and the memory, on its first use); NULL when
 * the address space is short.
 */
struct fx_domain *fx_domain_locked(unsigned slot);
uint8_t *fx_memory_locked(unsigned slot);

/* Slot of a domain the hypervisor knows (alive or dying), or -ESRCH. */
int fx_slot_locked(uint32_t domid);

/* Maps pages of a domain's memory at `address` (MAP_FIXED). */
int fx_page_map(void *address, unsigned slot, uint32_t frame, int protection);

/* A domain's last page may have been unmapped: dying becomes gone. */
void fx_domain_settle_locked(unsigned slot);
/* Creates a domain in a free slot, memory zeroed; returns the slot. */
int fx_domain_create_locked(uint32_t domid, const uint8_t uuid[16],
			    uint32_t pages);
/* Kills a domain: closes its ports, raises VIRQ_DOM_EXC. */
void fx_domain_kill_locked(unsigned slot);

/*
 * Takes a free handle; *fd becomes its descriptor, readable when an event is
 * queued.  Returns the index.
 */
int fx_handle_open(enum fx_handle_kind kind, uint32_t domid, bool cloexec,
		   int *fd);
/* The handle whose descriptor this is (inherited or received), or -EBADF. */
int fx_handle_find(int fd);
/* Closes this process's descriptor; the handle ends with the last one. */
void fx_handle_close(unsigned index, int fd);

/* Ends handles that no process holds any more. */
void fx_reap_locked(void);

/* Queues an event in a handle's FIFO. */
void fx_queue_locked(unsigned handle, uint32_t port);

/* True if a rule hits; *value then is its value. */
bool fx_fault_locked(enum fake_xen_fault kind, uint32_t domid, int32_t *value);

/* Drops one mapping of a grant from the hypervisor's books. */
void fx_unmap_locked(unsigned slot, uint32_t ref, bool writable);

#endif
