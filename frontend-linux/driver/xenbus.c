// SPDX-License-Identifier: GPL-2.0
/*
 * The controller as Xen sees it: probe, connect, go.
 *
 * Theory of operation
 *
 *   backend            we
 *   InitWait (2)       read its offers, make rings and event channel, write
 *                      them in one transaction, register the HCD, lend the
 *                      connection ring, go Connected (4) at once
 *   Connected (4)      it sends a connection event per occupied port
 *   InitWait again     a new backend: everything is unplugged, new rings
 *   Closing, Closed    URBs fail, the HCD goes, Closed (6); a later InitWait
 *                      starts over
 *
 * Suspend needs nothing.  After a restore the rings name memory and channels
 * of a domain that is no more: resume() fails what was in flight, empties the
 * ports and frees the rings; the new backend's InitWait then connects.  The
 * devices are always enumerated again (persistence is switched off for them),
 * because behind each port there is another instance.
 *
 * Teardown (tv_down): with the state TV_DOWN no URB is taken and no response
 * looked at; then the interrupt and the worker are waited for and unbound;
 * then nobody else can hold a slot, and all URBs are failed and all grants
 * ended; only then the rings go.
 *
 * Interrupt: the handler takes the responses itself, so a completion is one
 * event away; EOI comes late, after the work, and is marked spurious if there
 * was none.  After a few passes a worker goes on, so that no backend can keep
 * a CPU in the handler; the event stays masked until the worker is through.
 * After a protocol error there is no EOI at all.
 */
#include <linux/module.h>
#include <linux/slab.h>

#include <xen/events.h>
#include <xen/xen.h>

#include "tv_hcd.h"

#define TV_IRQ_PASSES 4
#define TV_WORK_PASSES 64

/* ---- interrupt ---------------------------------------------------------- */

static unsigned int tv_poll(struct tv_hcd *tv)
{
	unsigned int found = 0;
	unsigned long flags;

	spin_lock_irqsave(&tv->lock, flags);
	if (tv->state == TV_FAILED)
		found = TV_POLL_FAILED;
	if (tv->state == TV_UP)
		found |= tv_ring_poll(tv);
	if (tv->state == TV_UP)
		found |= tv_conn_poll(tv);
	if (tv->state == TV_UP) {
		tv_urb_kick(tv);
		tv_ring_push(tv);
	}
	tv_urb_giveback(tv);
	spin_unlock_irqrestore(&tv->lock, flags);

	if (found & TV_POLL_NEWS)
		tv_hub_news(tv);
	return found;
}

static irqreturn_t tv_interrupt(int irq, void *data)
{
	struct tv_hcd *tv = data;
	unsigned int eoi = XEN_EOI_FLAG_SPURIOUS;
	unsigned int found, pass;

	for (pass = 0; pass < TV_IRQ_PASSES; pass++) {
		found = tv_poll(tv);
		if (found & TV_POLL_FAILED)
			return IRQ_HANDLED;
		if (found & TV_POLL_WORK)
			eoi = 0;
		if (!(found & TV_POLL_MORE)) {
			xen_irq_lateeoi(irq, eoi);
			return IRQ_HANDLED;
		}
	}
	schedule_work(&tv->poll_work);
	return IRQ_HANDLED;
}

static void tv_poll_work(struct work_struct *work)
{
	struct tv_hcd *tv = container_of(work, struct tv_hcd, poll_work);
	unsigned int found, pass;

	for (pass = 0; pass < TV_WORK_PASSES; pass++) {
		found = tv_poll(tv);
		if (found & TV_POLL_FAILED)
			return;
		if (!(found & TV_POLL_MORE)) {
			xen_irq_lateeoi(tv->irq, 0);
			return;
		}
		cond_resched();
	}
	schedule_work(&tv->poll_work);
}

/* ---- connect ------------------------------------------------------------ */

static int tv_irq_setup(struct tv_hcd *tv)
{
	int err;

	err = xenbus_alloc_evtchn(tv->xbdev, &tv->evtchn);
	if (err)
		return err;
	err = bind_evtchn_to_irqhandler_lateeoi(tv->evtchn, tv_interrupt, 0,
						TV_NAME, tv);
	if (err < 0) {
		xenbus_free_evtchn(tv->xbdev, tv->evtchn);
		return err;
	}
	tv->irq = err;
	return 0;
}

/*
 * Stops everything and gives everything back but the HCD.  @mutex held; does
 * nothing the second time.
 */
static void tv_down(struct tv_hcd *tv)
{
	unsigned long flags;

	spin_lock_irqsave(&tv->lock, flags);
	tv->state = TV_DOWN;
	spin_unlock_irqrestore(&tv->lock, flags);

	if (tv->irq) {
		synchronize_irq(tv->irq);
		cancel_work_sync(&tv->poll_work);
		/* Closes the event channel as well. */
		unbind_from_irqhandler(tv->irq, tv);
		tv->irq = 0;
	}

	spin_lock_irqsave(&tv->lock, flags);
	tv_urb_cut(tv);
	tv_bounce_fini(tv);
	tv_hub_lost(tv);
	tv_urb_giveback(tv);
	spin_unlock_irqrestore(&tv->lock, flags);

	tv_conn_teardown(tv);
	tv_ring_teardown(tv);
}

/* Reads what the backend offers.  Returns 0 or a negative errno, reported. */
static int tv_read_offers(struct tv_hcd *tv, unsigned int *order)
{
	struct xenbus_device *dev = tv->xbdev;
	unsigned int ports, ver, segs;

	ports = xenbus_read_unsigned(dev->otherend, USBIF_NODE_NUM_PORTS, 0);
	ver = xenbus_read_unsigned(dev->otherend, USBIF_NODE_USB_VER, 0);
	if (ports < 1 || ports > USBIF_MAX_PORTS || ver < 1 || ver > 2) {
		xenbus_dev_fatal(dev, -EINVAL, "%u ports of USB version %u",
				 ports, ver);
		return -EINVAL;
	}
	if (tv->hcd && (ports != tv->num_ports || ver != tv->usb_ver)) {
		xenbus_dev_fatal(dev, -EINVAL,
				 "%u ports where there were %u before", ports,
				 tv->num_ports);
		return -EINVAL;
	}
	tv->num_ports = ports;
	tv->usb_ver = ver;

	*order = xenbus_read_unsigned(dev->otherend, USBIF_NODE_MAX_RING_ORDER,
				      0);
	*order = min(*order, tv_max_ring_order);
	*order = min_t(unsigned int, *order, USBIF_MAX_RING_ORDER);
	segs = xenbus_read_unsigned(dev->otherend, USBIF_NODE_MAX_INDIRECT, 0);
	segs = min(segs, tv_max_segments);
	tv->max_segs = clamp_t(unsigned int, segs, USBIF_MAX_SEGMENTS,
			       USBIF_MAX_INDIRECT_SEGMENTS);
	return 0;
}

static int tv_write_ring_refs(struct tv_hcd *tv, struct xenbus_transaction xbt)
{
	const char *dir = tv->xbdev->nodename;
	char name[sizeof(USBIF_NODE_URB_RING_REF) + 10];
	unsigned int i;
	int err;

	/* What a former connection left must not be taken for ours. */
	xenbus_rm(xbt, dir, USBIF_NODE_URB_RING_ORDER);
	xenbus_rm(xbt, dir, USBIF_NODE_URB_RING_REF);
	if (tv->ring_order == 0)
		return xenbus_printf(xbt, dir, USBIF_NODE_URB_RING_REF, "%u",
				     tv->urb_gref[0]);

	err = xenbus_printf(xbt, dir, USBIF_NODE_URB_RING_ORDER, "%u",
			    tv->ring_order);
	for (i = 0; i < 1U << tv->ring_order && !err; i++) {
		snprintf(name, sizeof(name), USBIF_NODE_URB_RING_REF "%u", i);
		err = xenbus_printf(xbt, dir, name, "%u", tv->urb_gref[i]);
	}
	return err;
}

/* Writes rings and event channel in one transaction. */
static int tv_write_nodes(struct tv_hcd *tv)
{
	const char *dir = tv->xbdev->nodename;
	struct xenbus_transaction xbt;
	int err;

	do {
		err = xenbus_transaction_start(&xbt);
		if (err)
			return err;
		err = tv_write_ring_refs(tv, xbt);
		if (!err)
			err = xenbus_printf(xbt, dir, USBIF_NODE_CONN_RING_REF,
					    "%u", tv->conn_gref);
		if (!err)
			err = xenbus_printf(xbt, dir, USBIF_NODE_EVENT_CHANNEL,
					    "%u", tv->evtchn);
		if (err) {
			xenbus_transaction_end(xbt, 1);
			return err;
		}
		err = xenbus_transaction_end(xbt, 0);
	} while (err == -EAGAIN);
	return err;
}

/* The backend waits for us.  @mutex held, TV_DOWN. */
static void tv_connect(struct tv_hcd *tv)
{
	struct xenbus_device *dev = tv->xbdev;
	const char *what = "reading the backend's offers";
	unsigned long flags;
	unsigned int order;
	int err;

	if (tv_read_offers(tv, &order))
		return;

	what = "making the rings";
	err = tv_ring_setup(tv, order);
	if (err)
		goto err_down;
	tv_bounce_init(tv);
	err = tv_conn_setup(tv);
	if (err)
		goto err_down;
	what = "making the event channel";
	err = tv_irq_setup(tv);
	if (err)
		goto err_down;
	what = "writing the ring references";
	err = tv_write_nodes(tv);
	if (err)
		goto err_down;
	if (!tv->hcd) {
		what = "registering the host controller";
		err = tv_hcd_add(tv);
		if (err)
			goto err_down;
	}

	spin_lock_irqsave(&tv->lock, flags);
	tv->state = TV_UP;
	tv_conn_prime(tv);
	spin_unlock_irqrestore(&tv->lock, flags);
	tv->seen_connected = false;
	xenbus_switch_state(dev, XenbusStateConnected);
	dev_info(&dev->dev, "%u ports, %u ring slots, %u segments\n",
		 tv->num_ports, tv->entries, tv->max_segs);
	return;

err_down:
	tv_down(tv);
	xenbus_dev_fatal(dev, err, "%s", what);
}

static void tv_close(struct tv_hcd *tv)
{
	tv_down(tv);
	tv_hcd_remove(tv);
}

/* ---- failure ------------------------------------------------------------ */

/**
 * tv_hcd_fail - the backend broke the protocol: give up on it
 * @tv:		controller
 * @reason:	constant text for the one line in the log
 *
 * Under tv_hcd.lock, from any context; the work is done later.
 */
void tv_hcd_fail(struct tv_hcd *tv, const char *reason)
{
	if (tv->state != TV_UP)
		return;
	tv->state = TV_FAILED;
	tv->reason = reason;
	schedule_work(&tv->fail_work);
}

static void tv_fail_work(struct work_struct *work)
{
	struct tv_hcd *tv = container_of(work, struct tv_hcd, fail_work);

	mutex_lock(&tv->mutex);
	if (tv->state == TV_FAILED) {
		tv_close(tv);
		xenbus_dev_fatal(tv->xbdev, -EPROTO,
				 "backend broke the protocol: %s", tv->reason);
	}
	mutex_unlock(&tv->mutex);
}

/* ---- xenbus_driver ------------------------------------------------------ */

static int tv_probe(struct xenbus_device *dev,
		    const struct xenbus_device_id *id)
{
	struct tv_hcd *tv;

	tv = kzalloc(sizeof(*tv), GFP_KERNEL);
	if (!tv)
		return -ENOMEM;
	tv->xbdev = dev;
	mutex_init(&tv->mutex);
	spin_lock_init(&tv->lock);
	INIT_WORK(&tv->fail_work, tv_fail_work);
	INIT_WORK(&tv->poll_work, tv_poll_work);
	INIT_LIST_HEAD(&tv->ready);
	INIT_LIST_HEAD(&tv->unlinks);
	INIT_LIST_HEAD(&tv->done);
	INIT_LIST_HEAD(&tv->pool.idle);
	dev_set_drvdata(&dev->dev, tv);
	/* After an unload and load the state is that of the former driver. */
	xenbus_switch_state(dev, XenbusStateInitialising);
	return 0;
}

/*
 * xenbus calls with the state it read just now, and may call twice for one
 * change: InitWait means a new backend only if the old one had connected.
 */
static void tv_backend_waits(struct tv_hcd *tv)
{
	struct xenbus_device *dev = tv->xbdev;

	switch (dev->state) {
	case XenbusStateInitialising:
		break;
	case XenbusStateConnected:
		if (!tv->seen_connected)
			return;
		tv_down(tv);
		tv_hub_news(tv);
		xenbus_switch_state(dev, XenbusStateInitialising);
		break;
	case XenbusStateClosed:
		xenbus_switch_state(dev, XenbusStateInitialising);
		break;
	default:
		return;
	}
	tv_connect(tv);
}

static void tv_backend_changed(struct xenbus_device *dev,
			       enum xenbus_state state)
{
	struct tv_hcd *tv = dev_get_drvdata(&dev->dev);

	mutex_lock(&tv->mutex);
	switch (state) {
	case XenbusStateInitWait:
		tv_backend_waits(tv);
		break;
	case XenbusStateConnected:
		tv->seen_connected = true;
		break;
	case XenbusStateClosed:
		if (dev->state == XenbusStateClosed)
			break;
		fallthrough;
	case XenbusStateClosing:
		tv_close(tv);
		xenbus_frontend_closed(dev);
		break;
	default:
		break;
	}
	mutex_unlock(&tv->mutex);
}

/* After a restore; xenbus looks at the new backend when we return. */
static int tv_resume(struct xenbus_device *dev)
{
	struct tv_hcd *tv = dev_get_drvdata(&dev->dev);
	struct usb_device *root, *child;
	int port;

	mutex_lock(&tv->mutex);
	tv_down(tv);
	if (tv->hcd) {
		root = tv->hcd->self.root_hub;
		usb_hub_for_each_child(root, port, child)
			child->persist_enabled = 0;
		usb_root_hub_lost_power(root);
	}
	mutex_unlock(&tv->mutex);
	return 0;
}

static void tv_remove(struct xenbus_device *dev)
{
	struct tv_hcd *tv = dev_get_drvdata(&dev->dev);

	mutex_lock(&tv->mutex);
	tv_down(tv);
	mutex_unlock(&tv->mutex);
	/* Nothing can schedule it any more. */
	cancel_work_sync(&tv->fail_work);
	mutex_lock(&tv->mutex);
	tv_hcd_remove(tv);
	mutex_unlock(&tv->mutex);
	dev_set_drvdata(&dev->dev, NULL);
	kfree(tv);
}

static const struct xenbus_device_id tv_ids[] = {
	{ "vusb" },
	{ "" },
};

static struct xenbus_driver tv_xenbus_driver = {
	.name = TV_NAME,
	.ids = tv_ids,
	.probe = tv_probe,
	.remove = tv_remove,
	.resume = tv_resume,
	.otherend_changed = tv_backend_changed,
	.not_essential = true,
};

int tv_xenbus_register(void)
{
	return xenbus_register_frontend(&tv_xenbus_driver);
}

void tv_xenbus_unregister(void)
{
	xenbus_unregister_driver(&tv_xenbus_driver);
}
