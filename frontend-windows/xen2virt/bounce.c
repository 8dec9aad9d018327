// SPDX-License-Identifier: MIT
/*
 * bounce.c - pages of our own that are granted to the backend.
 *
 * Pages are taken whole, zeroed and granted when the rings are made, and keep
 * their grants until the rings go: nothing that anybody else has in memory is
 * ever shown, and no grant operation is paid for a transfer.
 *
 * A backend may need a moment to let the rings go once it is told; one that
 * still maps a page after that has broken the protocol.  Such a page must never
 * be used again: it is left to it, leaked on purpose, and its grant stays.
 *
 * All of this runs at PASSIVE_LEVEL, in the worker.
 */
#include "frontend-windows/xen2virt/driver.h"

static PMDL pages_alloc(ULONG pages)
{
	PHYSICAL_ADDRESS low, high, skip;
	SIZE_T octets = (SIZE_T)pages * PAGE_SIZE;
	PMDL mdl;

	low.QuadPart = 0;
	high.QuadPart = -1;
	skip.QuadPart = 0;
	mdl = MmAllocatePagesForMdlEx(low, high, skip, octets, MmCached,
				      MM_ALLOCATE_FULLY_REQUIRED);
	if (mdl && MmGetMdlByteCount(mdl) < octets) {
		MmFreePagesFromMdl(mdl);
		ExFreePool(mdl);
		mdl = NULL;
	}
	return mdl;
}

static NTSTATUS grant(struct tv_controller *c, struct tv_share *share)
{
	XENBUS_GNTTAB_INTERFACE *gnttab = &c->fdo->gnttab;
	PPFN_NUMBER pfn = MmGetMdlPfnArray(share->mdl);
	NTSTATUS status;
	ULONG i;

	for (i = 0; i < share->pages; i++) {
		status = gnttab->PermitForeignAccess(
			&gnttab->Interface, c->fdo->cache, FALSE, c->backend,
			pfn[i], FALSE, &share->entry[i]);
		if (!NT_SUCCESS(status)) {
			share->entry[i] = NULL;
			return status;
		}
	}
	return STATUS_SUCCESS;
}

/* On failure the share is as tv_share_destroy() leaves it. */
NTSTATUS tv_share_create(struct tv_controller *c, struct tv_share *share,
			 ULONG pages)
{
	NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;

	RtlZeroMemory(share, sizeof(*share));
	share->entry = tv_alloc(pages * sizeof(*share->entry));
	if (!share->entry)
		return status;
	share->pages = pages;
	share->mdl = pages_alloc(pages);
	if (!share->mdl)
		goto err_destroy;
	share->octets = MmMapLockedPagesSpecifyCache(
		share->mdl, KernelMode, MmCached, NULL, FALSE,
		NormalPagePriority | MdlMappingNoExecute);
	if (!share->octets)
		goto err_destroy;
	RtlZeroMemory(share->octets, (SIZE_T)pages * PAGE_SIZE);
	status = grant(c, share);
	if (NT_SUCCESS(status))
		return STATUS_SUCCESS;

err_destroy:
	tv_share_destroy(c, share);
	return status;
}

/* Tries as long as the controller has patience left. */
static BOOLEAN revoke(struct tv_controller *c, PXENBUS_GNTTAB_ENTRY entry)
{
	XENBUS_GNTTAB_INTERFACE *gnttab = &c->fdo->gnttab;
	LARGE_INTEGER step;

	step.QuadPart = -100000; /* 10 ms */
	while (!NT_SUCCESS(gnttab->RevokeForeignAccess(
		&gnttab->Interface, c->fdo->cache, FALSE, entry))) {
		if (!c->patience)
			return FALSE;
		c->patience--;
		KeDelayExecutionThread(KernelMode, FALSE, &step);
	}
	return TRUE;
}

VOID tv_share_destroy(struct tv_controller *c, struct tv_share *share)
{
	BOOLEAN held = FALSE;
	ULONG i;

	for (i = 0; i < share->pages; i++)
		if (share->entry[i] && !revoke(c, share->entry[i]))
			held = TRUE;
	c->lost_pages |= held;
	if (share->octets)
		MmUnmapLockedPages(share->octets, share->mdl);
	if (share->mdl && !held) {
		MmFreePagesFromMdl(share->mdl);
		ExFreePool(share->mdl);
	}
	tv_free(share->entry);
	RtlZeroMemory(share, sizeof(*share));
}

ULONG tv_share_ref(struct tv_controller *c, const struct tv_share *share,
		   ULONG page)
{
	XENBUS_GNTTAB_INTERFACE *gnttab = &c->fdo->gnttab;

	return gnttab->GetReference(&gnttab->Interface, share->entry[page]);
}
