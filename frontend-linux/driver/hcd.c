// SPDX-License-Identifier: GPL-2.0
/*
 * The controller as USB core sees it.
 *
 * Theory of operation
 *
 * The usb_hcd is made when the backend first answers, because the backend says
 * how many ports there are; it lives on while the rings are set up anew after
 * a restore, and goes when the backend closes.  Its private data is a pointer
 * to our tv_hcd, which belongs to the xenbus device and outlives it.
 *
 * URBs are given back in USB core's bottom half (HCD_BH): the interrupt
 * handler takes all responses with no completion handler running in between.
 */
#include "tv_hcd.h"

static int tv_hcd_start(struct usb_hcd *hcd)
{
	/* Changes are reported by event (hub.c); HCD_FLAG_POLL_RH stays off. */
	hcd->uses_new_polling = 1;
	hcd->state = HC_STATE_RUNNING;
	return 0;
}

/* The rings are down or going down by now: nothing can come any more. */
static void tv_hcd_stop(struct usb_hcd *hcd)
{
	hcd->state = HC_STATE_HALT;
}

static int tv_hcd_frame_number(struct usb_hcd *hcd)
{
	return 0;
}

#ifdef CONFIG_PM
/*
 * The ports keep their state while the root hub sleeps, and the backend is not
 * told: the ring stays as it is.  Nothing here can hold up a suspend.
 */
static int tv_hcd_bus_suspend(struct usb_hcd *hcd)
{
	return 0;
}

static int tv_hcd_bus_resume(struct usb_hcd *hcd)
{
	return 0;
}
#endif

#define TV_HC_DRIVER(usb_flags)						\
	{								\
		.description = TV_NAME,					\
		.product_desc = "2Virt PV USB Host Controller",		\
		.hcd_priv_size = sizeof(struct tv_hcd *),		\
		.flags = (usb_flags) | HCD_BH,				\
		.start = tv_hcd_start,					\
		.stop = tv_hcd_stop,					\
		.get_frame_number = tv_hcd_frame_number,		\
		.urb_enqueue = tv_urb_enqueue,				\
		.urb_dequeue = tv_urb_dequeue,				\
		.endpoint_disable = tv_urb_ep_disable,			\
		.hub_status_data = tv_hub_status_data,			\
		.hub_control = tv_hub_control,				\
		TV_HC_DRIVER_PM						\
	}

#ifdef CONFIG_PM
#define TV_HC_DRIVER_PM							\
		.bus_suspend = tv_hcd_bus_suspend,			\
		.bus_resume = tv_hcd_bus_resume,
#else
#define TV_HC_DRIVER_PM
#endif

static const struct hc_driver tv_usb11_driver = TV_HC_DRIVER(HCD_USB11);
static const struct hc_driver tv_usb20_driver = TV_HC_DRIVER(HCD_USB2);

/**
 * tv_hcd_add - register the controller with USB core
 * @tv:		num_ports and usb_ver are set; @mutex held
 *
 * Returns 0 or a negative errno.  tv_hcd_remove() undoes it.
 */
int tv_hcd_add(struct tv_hcd *tv)
{
	struct device *dev = &tv->xbdev->dev;
	struct usb_hcd *hcd;
	int err;

	hcd = usb_create_hcd(tv->usb_ver == 1 ? &tv_usb11_driver :
						&tv_usb20_driver,
			     dev, dev_name(dev));
	if (!hcd)
		return -ENOMEM;
	/* usb_create_hcd() took the driver data for itself. */
	dev_set_drvdata(dev, tv);
	*(struct tv_hcd **)hcd->hcd_priv = tv;

	hcd->skip_phy_initialization = 1;
	/* Low and full speed devices sit on the root hub itself. */
	hcd->has_tt = tv->usb_ver != 1;
	/* Any scatter list will do: what does not fit goes in parts. */
	hcd->self.sg_tablesize = USBIF_MAX_INDIRECT_SEGMENTS;
	hcd->self.no_sg_constraint = 1;
	/* The backend's queue does not stop at a short packet. */
	hcd->self.no_stop_on_short = 1;

	WRITE_ONCE(tv->hcd, hcd);
	err = usb_add_hcd(hcd, 0, 0);
	if (err) {
		WRITE_ONCE(tv->hcd, NULL);
		usb_put_hcd(hcd);
	}
	return err;
}

/**
 * tv_hcd_remove - take the controller and its devices away
 * @tv:		TV_DOWN with the interrupt unbound and all URBs given back, so
 *		that neither a response nor an event can refer to the usb_hcd;
 *		@mutex held
 */
void tv_hcd_remove(struct tv_hcd *tv)
{
	struct usb_hcd *hcd = tv->hcd;

	if (!hcd)
		return;
	usb_remove_hcd(hcd);
	WRITE_ONCE(tv->hcd, NULL);
	usb_put_hcd(hcd);
}
