// SPDX-License-Identifier: MIT
/*
 * xenbus.c - controllers as Xen sees them: found, connected, closed.
 *
 *   backend            we
 *   InitWait (2)       read its offers, make rings, pages and event channel,
 *                      write them in one transaction, lend the connection
 *                      ring, go Connected (4) at once
 *   Connected (4)      it sends a connection event per occupied port
 *   InitWait again     a new backend: everything is unplugged, new rings
 *   Closing, Closed    everything is unplugged, Closed (6); a later InitWait
 *                      starts over
 *
 * After a restore the rings name memory and channels of a domain that is no
 * more: the SUSPEND callback sets a flag and wakes the worker, which takes all
 * down and looks again.
 *
 * Everything here runs in the worker thread at PASSIVE_LEVEL.
 */
#include "frontend-windows/xen2virt/driver.h"

#define STORE(fdo) (&(fdo)->store.Interface)

/* ---- interfaces -----------------------------------------------------------
 */

static NTSTATUS query(struct tv_fdo *fdo, const GUID *guid, USHORT version,
		      PINTERFACE iface, USHORT size)
{
	PIO_STACK_LOCATION stack;
	IO_STATUS_BLOCK io;
	NTSTATUS status;
	KEVENT event;
	PIRP irp;

	KeInitializeEvent(&event, NotificationEvent, FALSE);
	RtlZeroMemory(iface, size);
	irp = IoBuildSynchronousFsdRequest(IRP_MJ_PNP, fdo->lower, NULL, 0,
					   NULL, &event, &io);
	if (!irp)
		return STATUS_INSUFFICIENT_RESOURCES;
	stack = IoGetNextIrpStackLocation(irp);
	stack->MinorFunction = IRP_MN_QUERY_INTERFACE;
	stack->Parameters.QueryInterface.InterfaceType = guid;
	stack->Parameters.QueryInterface.Size = size;
	stack->Parameters.QueryInterface.Version = version;
	stack->Parameters.QueryInterface.Interface = iface;
	stack->Parameters.QueryInterface.InterfaceSpecificData = NULL;
	irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
	status = IoCallDriver(fdo->lower, irp);
	if (status == STATUS_PENDING) {
		KeWaitForSingleObject(&event, Executive, KernelMode, FALSE,
				      NULL);
		status = io.Status;
	}
	return status;
}

static VOID cache_lock(PVOID argument)
{
	struct tv_fdo *fdo = argument;

	KeAcquireSpinLockAtDpcLevel(&fdo->cache_lock);
}

static VOID cache_unlock(PVOID argument)
{
	struct tv_fdo *fdo = argument;

	KeReleaseSpinLockFromDpcLevel(&fdo->cache_lock);
}

/* At DISPATCH_LEVEL, alone on the machine: no lock, no calls. */
static VOID resumed(PVOID argument)
{
	struct tv_fdo *fdo = argument;
	PLIST_ENTRY entry;

	for (entry = fdo->controllers.Flink; entry != &fdo->controllers;
	     entry = entry->Flink)
		CONTAINING_RECORD(entry, struct tv_controller, entry)->resumed =
			TRUE;
	KeSetEvent(&fdo->wake, IO_NO_INCREMENT, FALSE);
}

static NTSTATUS query_all(struct tv_fdo *fdo)
{
	NTSTATUS status;

	status = query(fdo, &GUID_XENBUS_STORE_INTERFACE, 2,
		       &fdo->store.Interface, sizeof(fdo->store));
	if (!NT_SUCCESS(status))
		return status;
	status = query(fdo, &GUID_XENBUS_EVTCHN_INTERFACE, 9,
		       &fdo->evtchn.Interface, sizeof(fdo->evtchn));
	if (!NT_SUCCESS(status))
		status = query(fdo, &GUID_XENBUS_EVTCHN_INTERFACE, 8,
			       &fdo->evtchn.Interface, sizeof(fdo->evtchn));
	if (!NT_SUCCESS(status))
		return status;
	status = query(fdo, &GUID_XENBUS_GNTTAB_INTERFACE, 4,
		       &fdo->gnttab.Interface, sizeof(fdo->gnttab));
	if (!NT_SUCCESS(status))
		return status;
	return query(fdo, &GUID_XENBUS_SUSPEND_INTERFACE, 1,
		     &fdo->suspend.Interface, sizeof(fdo->suspend));
}

static NTSTATUS watch_add(struct tv_fdo *fdo, PCHAR path,
			  PXENBUS_STORE_WATCH *watch)
{
	return fdo->store.WatchAdd(STORE(fdo), NULL, path, &fdo->wake, watch);
}

static VOID watch_remove(struct tv_fdo *fdo, PXENBUS_STORE_WATCH *watch)
{
	if (*watch)
		fdo->store.WatchRemove(STORE(fdo), *watch);
	*watch = NULL;
}

/* Interfaces, grant cache, suspend callback and the watch of device/vusb. */
NTSTATUS tv_xenbus_acquire(struct tv_fdo *fdo)
{
	NTSTATUS status = query_all(fdo);

	if (!NT_SUCCESS(status))
		return status;
	status = fdo->store.Acquire(STORE(fdo));
	if (!NT_SUCCESS(status))
		return status;
	status = fdo->evtchn.Acquire(&fdo->evtchn.Interface);
	if (!NT_SUCCESS(status))
		goto err_store;
	status = fdo->gnttab.Acquire(&fdo->gnttab.Interface);
	if (!NT_SUCCESS(status))
		goto err_evtchn;
	status = fdo->suspend.Acquire(&fdo->suspend.Interface);
	if (!NT_SUCCESS(status))
		goto err_gnttab;
	status = fdo->gnttab.CreateCache(&fdo->gnttab.Interface, "xen2virt", 0,
					 4096, cache_lock, cache_unlock, fdo,
					 &fdo->cache);
	if (!NT_SUCCESS(status))
		goto err_suspend;
	status = fdo->suspend.Register(&fdo->suspend.Interface,
				       SUSPEND_CALLBACK_LATE, resumed, fdo,
				       &fdo->on_resume);
	if (!NT_SUCCESS(status))
		goto err_cache;
	status = watch_add(fdo, "device/vusb", &fdo->watch);
	if (!NT_SUCCESS(status))
		goto err_register;
	fdo->acquired = TRUE;
	return STATUS_SUCCESS;

err_register:
	fdo->suspend.Deregister(&fdo->suspend.Interface, fdo->on_resume);
err_cache:
	fdo->gnttab.DestroyCache(&fdo->gnttab.Interface, fdo->cache);
err_suspend:
	fdo->suspend.Release(&fdo->suspend.Interface);
err_gnttab:
	fdo->gnttab.Release(&fdo->gnttab.Interface);
err_evtchn:
	fdo->evtchn.Release(&fdo->evtchn.Interface);
err_store:
	fdo->store.Release(STORE(fdo));
	return status;
}

/* All controllers are closed.  Harmless without interfaces. */
VOID tv_xenbus_release(struct tv_fdo *fdo)
{
	if (!fdo->acquired)
		return;
	fdo->acquired = FALSE;
	watch_remove(fdo, &fdo->watch);
	fdo->suspend.Deregister(&fdo->suspend.Interface, fdo->on_resume);
	fdo->gnttab.DestroyCache(&fdo->gnttab.Interface, fdo->cache);
	fdo->suspend.Release(&fdo->suspend.Interface);
	fdo->gnttab.Release(&fdo->gnttab.Interface);
	fdo->evtchn.Release(&fdo->evtchn.Interface);
	fdo->store.Release(STORE(fdo));
}

/* ---- numbers and names in XenStore ----------------------------------------
 */

/* Decimal, at most 9 digits, nothing behind. */
static BOOLEAN number_parse(const CHAR *text, ULONG *out)
{
	ULONG value = 0, digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && digits < 9;
	     digits++)
		value = value * 10 + (ULONG)(text[digits] - '0');
	*out = value;
	return digits && !text[digits];
}

static ULONG number_read(struct tv_fdo *fdo, PCHAR dir, PCHAR node,
			 ULONG otherwise)
{
	ULONG value = otherwise;
	PCHAR text;

	if (!NT_SUCCESS(fdo->store.Read(STORE(fdo), NULL, dir, node, &text)))
		return otherwise;
	if (!number_parse(text, &value))
		value = otherwise;
	fdo->store.Free(STORE(fdo), text);
	return value;
}

static VOID switch_state(struct tv_controller *c, enum xenbus_state state)
{
	c->fdo->store.Printf(STORE(c->fdo), NULL, c->front, "state", "%d",
			     (int)state);
	c->state = state;
}

/* The backend's path as the toolstack wrote it. */
static BOOLEAN backend_find(struct tv_controller *c)
{
	struct tv_fdo *fdo = c->fdo;
	NTSTATUS status;
	BOOLEAN fits;
	ULONG domain;
	PCHAR text;

	status = fdo->store.Read(STORE(fdo), NULL, c->front, "backend", &text);
	if (!NT_SUCCESS(status))
		return FALSE;
	fits = tv_format(c->back, sizeof(c->back), "%s", text);
	fdo->store.Free(STORE(fdo), text);
	domain = number_read(fdo, c->front, "backend-id", MAXULONG);
	if (!fits || domain > MAXUSHORT)
		return FALSE;
	c->backend = (USHORT)domain;
	return tv_format(c->watched_path, sizeof(c->watched_path), "%s/state",
			 c->back) &&
	       NT_SUCCESS(watch_add(fdo, c->watched_path, &c->watch));
}

/* ---- connect --------------------------------------------------------------
 */

static VOID complain(struct tv_controller *c, NTSTATUS code, const CHAR *text)
{
	CHAR line[100];

	if (c->complained)
		return;
	c->complained = TRUE;
	tv_format(line, sizeof(line), "controller %lu: %s", c->devid, text);
	tv_fdo_log(c->fdo, code, line);
	c->fdo->store.Printf(STORE(c->fdo), NULL, c->front, "error", "%s",
			     text);
}

static BOOLEAN offers_read(struct tv_controller *c)
{
	struct tv_fdo *fdo = c->fdo;
	ULONG ports, order, segments;

	ports = number_read(fdo, c->back, USBIF_NODE_NUM_PORTS, 0);
	if (ports < 1 || ports > USBIF_MAX_PORTS)
		return FALSE;
	order = number_read(fdo, c->back, USBIF_NODE_MAX_RING_ORDER, 0);
	segments = number_read(fdo, c->back, USBIF_NODE_MAX_INDIRECT, 0);
	c->hcd.num_ports = (uint16_t)ports;
	c->hcd.ring_order =
		order < TV_MAX_RING_ORDER ? order : TV_MAX_RING_ORDER;
	c->hcd.indirect = segments >= TV_PART_PAGES;
	return TRUE;
}

static NTSTATUS refs_write(struct tv_controller *c,
			   PXENBUS_STORE_TRANSACTION tx)
{
	XENBUS_STORE_INTERFACE *store = &c->fdo->store;
	NTSTATUS status = STATUS_SUCCESS;
	CHAR name[32];
	ULONG i;

	/* What a former connection left must not be taken for ours. */
	store->Remove(&store->Interface, tx, c->front,
		      USBIF_NODE_URB_RING_ORDER);
	store->Remove(&store->Interface, tx, c->front, USBIF_NODE_URB_RING_REF);
	if (!c->hcd.ring_order)
		return store->Printf(&store->Interface, tx, c->front,
				     USBIF_NODE_URB_RING_REF, "%u",
				     tv_share_ref(c, &c->rings, 0));
	status = store->Printf(&store->Interface, tx, c->front,
			       USBIF_NODE_URB_RING_ORDER, "%u",
			       c->hcd.ring_order);
	for (i = 0; i < c->rings.pages && NT_SUCCESS(status); i++) {
		tv_format(name, sizeof(name), "%s%lu", USBIF_NODE_URB_RING_REF,
			  i);
		status = store->Printf(&store->Interface, tx, c->front, name,
				       "%u", tv_share_ref(c, &c->rings, i));
	}
	return status;
}

static NTSTATUS nodes_write(struct tv_controller *c,
			    PXENBUS_STORE_TRANSACTION tx)
{
	XENBUS_STORE_INTERFACE *store = &c->fdo->store;
	XENBUS_EVTCHN_INTERFACE *evtchn = &c->fdo->evtchn;
	NTSTATUS status = refs_write(c, tx);

	if (!NT_SUCCESS(status))
		return status;
	status = store->Printf(&store->Interface, tx, c->front,
			       USBIF_NODE_CONN_RING_REF, "%u",
			       tv_share_ref(c, &c->conn, 0));
	if (!NT_SUCCESS(status))
		return status;
	return store->Printf(&store->Interface, tx, c->front,
			     USBIF_NODE_EVENT_CHANNEL, "%u",
			     evtchn->GetPort(&evtchn->Interface, c->channel));
}

static NTSTATUS nodes_publish(struct tv_controller *c)
{
	XENBUS_STORE_INTERFACE *store = &c->fdo->store;
	PXENBUS_STORE_TRANSACTION tx;
	NTSTATUS status = STATUS_RETRY;
	unsigned int attempt;

	for (attempt = 0; attempt < 100 && status == STATUS_RETRY; attempt++) {
		status = store->TransactionStart(&store->Interface, &tx);
		if (!NT_SUCCESS(status))
			return status;
		status = nodes_write(c, tx);
		if (!NT_SUCCESS(status)) {
			store->TransactionEnd(&store->Interface, tx, FALSE);
			return status;
		}
		status = store->TransactionEnd(&store->Interface, tx, TRUE);
	}
	return status;
}

static NTSTATUS shares_create(struct tv_controller *c)
{
	ULONG entries = USBIF_URB_RING_ENTRIES(c->hcd.ring_order);
	ULONG pages = TV_POOL_PAGES(entries), i;
	NTSTATUS status;

	c->page = tv_alloc(pages * sizeof(*c->page));
	if (!c->page)
		return STATUS_INSUFFICIENT_RESOURCES;
	status = tv_share_create(c, &c->rings, 1ul << c->hcd.ring_order);
	if (NT_SUCCESS(status))
		status = tv_share_create(c, &c->conn, 1);
	if (NT_SUCCESS(status))
		status = tv_share_create(c, &c->data, pages);
	if (!NT_SUCCESS(status))
		return status;
	for (i = 0; i < pages; i++) {
		c->page[i].octets = c->data.octets + (SIZE_T)i * PAGE_SIZE;
		c->page[i].gref = tv_share_ref(c, &c->data, i);
	}
	return STATUS_SUCCESS;
}

/* Nothing moves any more; what is granted stays so for the moment. */
static VOID quiesce(struct tv_controller *c)
{
	tv_hcd_stop(c);
	tv_hub_lost(c);
	tv_hcd_event_close(c);
}

/*
 * Takes everything down and back but the controller itself: transfers end, the
 * backend is told and lets go, then the pages go.  Harmless twice.
 */
static VOID disconnect(struct tv_controller *c, enum xenbus_state state)
{
	quiesce(c);
	if (state != XENBUS_UNKNOWN && state != c->state)
		switch_state(c, state);
	c->patience = c->rings.pages ? 300 : 0;
	c->lost_pages = FALSE;
	tv_share_destroy(c, &c->data);
	tv_share_destroy(c, &c->conn);
	tv_share_destroy(c, &c->rings);
	tv_free(c->page);
	c->page = NULL;
	if (c->lost_pages)
		complain(c, STATUS_DEVICE_BUSY,
			 "the backend keeps our pages: they are lost");
}

/* The backend waits for us; everything is down. */
static VOID connect(struct tv_controller *c)
{
	const CHAR *what = "the backend offers no ports";
	NTSTATUS status = STATUS_INVALID_PARAMETER;
	KIRQL irql;

	if (!offers_read(c))
		goto err_down;
	what = "no pages or grants";
	status = shares_create(c);
	if (!NT_SUCCESS(status))
		goto err_down;
	what = "no event channel";
	status = tv_hcd_event_open(c);
	if (!NT_SUCCESS(status))
		goto err_down;
	what = "the ring references cannot be written";
	status = nodes_publish(c);
	if (!NT_SUCCESS(status))
		goto err_down;
	tv_hcd_lock(c, &irql);
	c->hcd.urb = (struct tv_ring_header *)c->rings.octets;
	c->hcd.conn = (struct tv_ring_header *)c->conn.octets;
	tv_hcd_up(&c->hcd, c->page, c->data.pages);
	tv_hcd_unlock(c, irql);
	c->seen_connected = FALSE;
	c->complained = FALSE;
	switch_state(c, XENBUS_CONNECTED);
	return;

err_down:
	disconnect(c, XENBUS_CLOSED);
	complain(c, status, what);
}

/* ---- what the backend does ------------------------------------------------
 */

static VOID backend_waits(struct tv_controller *c)
{
	switch (c->state) {
	case XENBUS_INITIALISING:
		break;
	case XENBUS_CONNECTED:
		/* A new backend only if the old one had connected. */
		if (!c->seen_connected)
			return;
		disconnect(c, XENBUS_INITIALISING);
		break;
	case XENBUS_CLOSING:
		/* A backend that we gave up begins anew. */
		disconnect(c, XENBUS_CLOSED);
		switch_state(c, XENBUS_INITIALISING);
		break;
	case XENBUS_CLOSED:
		switch_state(c, XENBUS_INITIALISING);
		break;
	default:
		return;
	}
	connect(c);
}

static VOID backend_look(struct tv_controller *c)
{
	ULONG state = number_read(c->fdo, c->back, "state", XENBUS_UNKNOWN);

	switch (state) {
	case XENBUS_INIT_WAIT:
		backend_waits(c);
		break;
	case XENBUS_CONNECTED:
		c->seen_connected = TRUE;
		break;
	case XENBUS_UNKNOWN:
	case XENBUS_CLOSED:
		/* Closed from before our time: it will see that we begin. */
		if (c->state == XENBUS_CONNECTED || c->state == XENBUS_CLOSING)
			disconnect(c, XENBUS_CLOSED);
		break;
	case XENBUS_CLOSING:
		if (c->state != XENBUS_CLOSED)
			disconnect(c, XENBUS_CLOSED);
		break;
	default:
		break;
	}
}

/*
 * The backend broke the protocol: said once, and nothing more comes from us.
 * Our pages stay granted until it closes, then we close (backend_look()).
 */
static VOID failed_look(struct tv_controller *c)
{
	if (!c->hcd.reason || c->state != XENBUS_CONNECTED)
		return;
	complain(c, STATUS_DEVICE_PROTOCOL_ERROR, c->hcd.reason);
	quiesce(c);
	switch_state(c, XENBUS_CLOSING);
}

/* TRUE while an unlink is on the ring. */
static BOOLEAN unlinks_look(struct tv_controller *c)
{
	LARGE_INTEGER now = tv_now();
	KIRQL irql;

	tv_hcd_lock(c, &irql);
	c->watched = c->hcd.unlinks_out > 0;
	if (!c->watched)
		c->unlink_since.QuadPart = 0;
	else if (!c->unlink_since.QuadPart)
		c->unlink_since = now;
	else if (now.QuadPart - c->unlink_since.QuadPart >
		 2 * TV_ANSWER_MS * 10000ll)
		tv_hcd_fail(&c->hcd, "a cancelled request is never answered");
	tv_hcd_unlock(c, irql);
	return c->watched;
}

static VOID restored_look(struct tv_controller *c)
{
	if (!InterlockedExchange(&c->resumed, FALSE))
		return;
	disconnect(c, XENBUS_UNKNOWN);
	watch_remove(c->fdo, &c->watch);
	c->state = XENBUS_INITIALISING;
	c->complained = FALSE;
	if (backend_find(c))
		switch_state(c, XENBUS_INITIALISING);
}

/* ---- controllers come and go ----------------------------------------------
 */

static VOID controller_create(struct tv_fdo *fdo, ULONG devid)
{
	struct tv_controller *c = tv_alloc(sizeof(*c));
	KIRQL irql;

	if (!c)
		return;
	c->fdo = fdo;
	c->devid = devid;
	c->refs = 1;
	tv_format(c->front, sizeof(c->front), "device/vusb/%lu", devid);
	tv_hcd_create(c);
	if (!backend_find(c)) {
		tv_free(c);
		return;
	}
	/* After an unload and load the state is that of the former driver. */
	switch_state(c, XENBUS_INITIALISING);
	KeAcquireSpinLock(&fdo->lock, &irql);
	InsertTailList(&fdo->controllers, &c->entry);
	KeReleaseSpinLock(&fdo->lock, irql);
}

VOID tv_controller_put(struct tv_controller *c)
{
	if (!InterlockedDecrement(&c->refs))
		tv_free(c);
}

static VOID controller_remove(struct tv_controller *c, BOOLEAN say)
{
	struct tv_fdo *fdo = c->fdo;
	KIRQL irql;

	disconnect(c, say ? XENBUS_CLOSED : XENBUS_UNKNOWN);
	watch_remove(fdo, &c->watch);
	KeAcquireSpinLock(&fdo->lock, &irql);
	RemoveEntryList(&c->entry);
	KeReleaseSpinLock(&fdo->lock, irql);
	tv_controller_put(c);
}

static struct tv_controller *controller_find(struct tv_fdo *fdo, ULONG devid)
{
	PLIST_ENTRY entry;

	for (entry = fdo->controllers.Flink; entry != &fdo->controllers;
	     entry = entry->Flink) {
		struct tv_controller *c =
			CONTAINING_RECORD(entry, struct tv_controller, entry);

		if (c->devid == devid)
			return c;
	}
	return NULL;
}

static BOOLEAN listed(const CHAR *names, ULONG devid)
{
	ULONG number;

	for (; names && *names; names += strlen(names) + 1)
		if (number_parse(names, &number) && number == devid)
			return TRUE;
	return FALSE;
}

static VOID controllers_match(struct tv_fdo *fdo)
{
	PLIST_ENTRY entry, next;
	PCHAR names = NULL, name;
	NTSTATUS status;
	ULONG devid;

	status = fdo->store.Directory(STORE(fdo), NULL, "device", "vusb",
				      &names);
	if (!NT_SUCCESS(status))
		names = NULL;
	for (entry = fdo->controllers.Flink; entry != &fdo->controllers;
	     entry = next) {
		struct tv_controller *c =
			CONTAINING_RECORD(entry, struct tv_controller, entry);

		next = entry->Flink;
		if (!listed(names, c->devid))
			controller_remove(c, FALSE);
	}
	for (name = names; name && *name; name += strlen(name) + 1)
		if (number_parse(name, &devid) && !controller_find(fdo, devid))
			controller_create(fdo, devid);
	if (names)
		fdo->store.Free(STORE(fdo), names);
}

BOOLEAN tv_xenbus_scan(struct tv_fdo *fdo)
{
	BOOLEAN again = FALSE;
	PLIST_ENTRY entry;

	controllers_match(fdo);
	for (entry = fdo->controllers.Flink; entry != &fdo->controllers;
	     entry = entry->Flink) {
		struct tv_controller *c =
			CONTAINING_RECORD(entry, struct tv_controller, entry);

		restored_look(c);
		backend_look(c);
		tv_hub_scan(c);
		again |= unlinks_look(c);
		failed_look(c);
	}
	if (fdo->news)
		IoInvalidateDeviceRelations(fdo->pdo, BusRelations);
	fdo->news = FALSE;
	return again;
}

VOID tv_xenbus_close_all(struct tv_fdo *fdo)
{
	while (!IsListEmpty(&fdo->controllers))
		controller_remove(CONTAINING_RECORD(fdo->controllers.Flink,
						    struct tv_controller,
						    entry),
				  TRUE);
}
