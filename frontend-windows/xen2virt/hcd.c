// SPDX-License-Identifier: MIT
/*
 * hcd.c - a controller between core/ and Windows.
 *
 * event channel ─▶ callback (any IRQL) ─▶ DPC ─▶ tv_hcd_poll() ─▶ completions
 *                                          │
 *                                          '─▶ worker: ports, failure
 *
 * The event stays masked from the callback to the end of the DPC, so that a
 * backend can cause one DPC at a time.  After a few passes the DPC queues
 * itself again, so none runs long.  After a protocol error the event is never
 * unmasked again.
 */
#include "frontend-windows/xen2virt/driver.h"

#define PASSES 4

static bool copy(struct tv_xfer *xfer, uint32_t pos, void *octets, uint32_t len,
		 bool out);
static void notify(void *os);

static const struct tv_hcd_ops hcd_ops = {copy, notify};

VOID tv_hcd_lock(struct tv_controller *c, KIRQL *irql)
{
	KeAcquireSpinLock(&c->lock, irql);
}

/* Decides under the lock who completes, completes outside of it. */
VOID tv_hcd_unlock(struct tv_controller *c, KIRQL irql)
{
	struct tv_list mine;
	struct tv_xfer *xfer;
	PKEVENT wake = NULL;

	tv_list_init(&mine);
	while ((xfer = tv_urb_done(&c->hcd)) != NULL) {
		struct tv_request *req = xfer->os;

		req->over = TRUE;
		/* The cancel routine has the IRP: it completes it. */
		if (req->irp && !IoSetCancelRoutine(req->irp, NULL) &&
		    !req->cancel_ran)
			continue;
		tv_list_add(&mine, &xfer->node);
	}
	/* The worker bounds how long an unlink may take. */
	if (c->hcd.state == TV_FAILED || (c->hcd.unlinks_out && !c->watched))
		wake = &c->fdo->wake;
	c->watched |= c->hcd.unlinks_out > 0;
	KeReleaseSpinLock(&c->lock, irql);
	if (wake)
		KeSetEvent(wake, IO_NO_INCREMENT, FALSE);
	while (!tv_list_empty(&mine)) {
		xfer = TV_ENTRY(mine.next, struct tv_xfer, node);
		tv_list_del(&xfer->node);
		tv_urb_finish(xfer->os);
	}
}

/* ---- what core/ asks for --------------------------------------------------
 */

static void move(PUCHAR buffer, void *octets, uint32_t len, bool out)
{
	if (out)
		RtlCopyMemory(octets, buffer, len);
	else
		RtlCopyMemory(buffer, octets, len);
}

static bool copy(struct tv_xfer *xfer, uint32_t pos, void *octets, uint32_t len,
		 bool out)
{
	struct tv_request *req = xfer->os;
	PUCHAR to = octets;
	PMDL mdl;

	if (req->buffer) {
		move(req->buffer + pos, octets, len, out);
		return true;
	}
	for (mdl = req->mdl; mdl && len; mdl = mdl->Next) {
		ULONG count = MmGetMdlByteCount(mdl), part;
		PUCHAR from;

		if (pos >= count) {
			pos -= count;
			continue;
		}
		from = MmGetSystemAddressForMdlSafe(
			mdl, NormalPagePriority | MdlMappingNoExecute);
		if (!from)
			return false;
		part = count - pos < len ? count - pos : len;
		move(from + pos, to, part, out);
		to += part;
		len -= part;
		pos = 0;
	}
	return len == 0;
}

static void notify(void *os)
{
	struct tv_controller *c = os;
	XENBUS_EVTCHN_INTERFACE *evtchn = &c->fdo->evtchn;

	if (c->channel)
		evtchn->Send(&evtchn->Interface, c->channel);
}

/* ---- events ---------------------------------------------------------------
 */

static BOOLEAN NTAPI callback(PKINTERRUPT interrupt, PVOID argument)
{
	struct tv_controller *c = argument;

	UNREFERENCED_PARAMETER(interrupt);
	KeInsertQueueDpc(&c->dpc, NULL, NULL);
	return TRUE;
}

static VOID NTAPI dpc(PKDPC self, PVOID context, PVOID a, PVOID b)
{
	struct tv_controller *c = context;
	XENBUS_EVTCHN_INTERFACE *evtchn = &c->fdo->evtchn;
	unsigned int found = 0, pass;
	PXENBUS_EVTCHN_CHANNEL channel;
	KIRQL irql;

	UNREFERENCED_PARAMETER(self);
	UNREFERENCED_PARAMETER(a);
	UNREFERENCED_PARAMETER(b);
	for (pass = 0; pass < PASSES; pass++) {
		tv_hcd_lock(c, &irql);
		found = tv_hcd_poll(&c->hcd) | (found & TV_POLL_NEWS);
		channel = c->channel;
		tv_hcd_unlock(c, irql);
		if (found & TV_POLL_FAILED || !(found & TV_POLL_MORE))
			break;
	}
	if (found & (TV_POLL_NEWS | TV_POLL_FAILED))
		KeSetEvent(&c->fdo->wake, IO_NO_INCREMENT, FALSE);
	if (found & TV_POLL_FAILED || !channel)
		return;
	if (found & TV_POLL_MORE)
		KeInsertQueueDpc(&c->dpc, NULL, NULL);
	else
		evtchn->Unmask(&evtchn->Interface, channel, FALSE, TRUE);
}

NTSTATUS tv_hcd_event_open(struct tv_controller *c)
{
	XENBUS_EVTCHN_INTERFACE *evtchn = &c->fdo->evtchn;

	c->channel =
		evtchn->Open(&evtchn->Interface, XENBUS_EVTCHN_TYPE_UNBOUND,
			     callback, c, (ULONG)c->backend, (ULONG)TRUE);
	if (!c->channel)
		return STATUS_INSUFFICIENT_RESOURCES;
	evtchn->Unmask(&evtchn->Interface, c->channel, FALSE, TRUE);
	return STATUS_SUCCESS;
}

/*
 * No callback runs after Close, no DPC after the flush; a DPC between the two
 * finds the controller down and the channel gone.
 */
VOID tv_hcd_event_close(struct tv_controller *c)
{
	XENBUS_EVTCHN_INTERFACE *evtchn = &c->fdo->evtchn;
	PXENBUS_EVTCHN_CHANNEL channel;
	KIRQL irql;

	tv_hcd_lock(c, &irql);
	channel = c->channel;
	c->channel = NULL;
	tv_hcd_unlock(c, irql);
	KeRemoveQueueDpc(&c->dpc);
	KeFlushQueuedDpcs();
	if (channel)
		evtchn->Close(&evtchn->Interface, channel);
	KeRemoveQueueDpc(&c->dpc);
	KeFlushQueuedDpcs();
}

/* ---- life -----------------------------------------------------------------
 */

VOID tv_hcd_create(struct tv_controller *c)
{
	unsigned int port;

	KeInitializeSpinLock(&c->lock);
	KeInitializeDpc(&c->dpc, dpc, c);
	tv_hcd_init(&c->hcd, &hcd_ops, c);
	for (port = 1; port <= USBIF_MAX_PORTS; port++) {
		struct tv_ep *ep = &c->ep0[port];

		tv_ep_init(ep);
		ep->class = TV_CLASS_CONTROL;
		ep->type = USBIF_PIPE_TYPE_CTRL;
		ep->port = (uint8_t)port;
		ep->maxp = 64;
	}
}

/* All transfers end at once. */
VOID tv_hcd_stop(struct tv_controller *c)
{
	KIRQL irql;

	tv_hcd_lock(c, &irql);
	tv_hcd_down(&c->hcd);
	tv_hcd_unlock(c, irql);
}

/* ---- transfers of our own -------------------------------------------------
 */

static BOOLEAN wait(PKEVENT event, ULONG ms)
{
	LARGE_INTEGER timeout;

	timeout.QuadPart = -(LONGLONG)ms * 10000;
	return KeWaitForSingleObject(event, Executive, KernelMode, FALSE,
				     &timeout) == STATUS_SUCCESS;
}

/* The backend does not even answer an unlink: it has lost our trust. */
static VOID give_up(struct tv_controller *c)
{
	KIRQL irql;

	tv_hcd_lock(c, &irql);
	tv_hcd_fail(&c->hcd, "a cancelled request is never answered");
	tv_hcd_unlock(c, irql);
	tv_hcd_stop(c);
	KeSetEvent(&c->fdo->wake, IO_NO_INCREMENT, FALSE);
}

NTSTATUS tv_hcd_control(struct tv_controller *c, struct tv_ep *ep,
			const UCHAR setup[8], PVOID data, ULONG *length)
{
	struct tv_request *req = tv_alloc(sizeof(*req));
	NTSTATUS status = STATUS_DEVICE_NOT_CONNECTED;
	KEVENT event;
	KIRQL irql;

	if (!req)
		return STATUS_INSUFFICIENT_RESOURCES;
	KeInitializeEvent(&event, NotificationEvent, FALSE);
	req->controller = c;
	req->event = &event;
	req->buffer = data;
	req->xfer.os = req;
	req->xfer.ep = ep;
	req->xfer.length = *length;
	req->xfer.in = setup[0] & 0x80;
	RtlCopyMemory(req->xfer.setup, setup, 8);
	tv_hcd_lock(c, &irql);
	if (!tv_urb_enqueue(&c->hcd, &req->xfer)) {
		tv_hcd_unlock(c, irql);
		goto out;
	}
	tv_hcd_unlock(c, irql);
	if (!wait(&event, TV_ANSWER_MS)) {
		tv_hcd_lock(c, &irql);
		tv_urb_dequeue(&c->hcd, &req->xfer);
		tv_hcd_unlock(c, irql);
		if (!wait(&event, TV_ANSWER_MS))
			give_up(c);
		/* The cut completes it whatever the backend does. */
		wait(&event, 1000);
	}
	*length = req->xfer.moved;
	status = tv_usbd_ntstatus(tv_urb_status(req->xfer.result));
out:
	tv_free(req);
	return status;
}

VOID tv_hcd_drain(struct tv_controller *c, struct tv_ep *ep)
{
	LARGE_INTEGER step;
	unsigned int i;
	BOOLEAN idle;
	KIRQL irql;

	step.QuadPart = -50000; /* 5 ms */
	for (i = 0; i < TV_ANSWER_MS / 5; i++) {
		tv_hcd_lock(c, &irql);
		tv_ep_abort(&c->hcd, ep);
		idle = tv_ep_idle(ep);
		tv_hcd_unlock(c, irql);
		if (idle)
			return;
		KeDelayExecutionThread(KernelMode, FALSE, &step);
	}
	give_up(c);
}
