// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual root hub.
 *
 * Theory of operation
 *
 * USB core asks for port status and sets port features (USB 2.0, 11.24.2);
 * port.h has the state machine.  Changes come from connection events only, so
 * the hub is never polled: tv_hub_news() completes USB core's status URB, or
 * wakes the root hub if it has been suspended for want of devices.
 */
#include "tv_hcd.h"

/* tv_hub_news - tell USB core that a port has changed; without locks */
void tv_hub_news(struct tv_hcd *tv)
{
	struct usb_hcd *hcd = READ_ONCE(tv->hcd);

	if (!hcd)
		return;
	if (hcd->state == HC_STATE_SUSPENDED)
		usb_hcd_resume_root_hub(hcd);
	else
		usb_hcd_poll_rh_status(hcd);
}

/* tv_hub_lost - everything is unplugged: the backend has gone; under lock */
void tv_hub_lost(struct tv_hcd *tv)
{
	unsigned int i;

	for (i = 0; i < tv->num_ports; i++)
		tv_port_lost(&tv->port[i]);
	tv->devices = 0;
}

/**
 * tv_hub_status_data - hc_driver.hub_status_data: the bitmap of changed ports
 * @hcd:	the controller
 * @buf:	of USB core, 6 octets
 *
 * Returns the length of the bitmap, or 0 if nothing has changed.
 */
int tv_hub_status_data(struct usb_hcd *hcd, char *buf)
{
	struct tv_hcd *tv = tv_of(hcd);
	int len = 1 + tv->num_ports / 8;
	bool changed = false;
	unsigned long flags;
	unsigned int i;

	memset(buf, 0, len);
	spin_lock_irqsave(&tv->lock, flags);
	for (i = 0; i < tv->num_ports; i++) {
		if (tv_port_status(&tv->port[i]) >> 16) {
			buf[(i + 1) / 8] |= 1 << ((i + 1) % 8);
			changed = true;
		}
	}
	spin_unlock_irqrestore(&tv->lock, flags);
	return changed ? len : 0;
}

/* USB 2.0, 11.23.2.1: both bitmaps are as long as the ports need */
static void hub_descriptor(const struct tv_hcd *tv, char *buf)
{
	struct usb_hub_descriptor *desc = (struct usb_hub_descriptor *)buf;
	unsigned int len = 1 + tv->num_ports / 8;

	desc->bDescLength = 7 + 2 * len;
	desc->bDescriptorType = USB_DT_HUB;
	desc->bNbrPorts = tv->num_ports;
	desc->wHubCharacteristics =
		cpu_to_le16(HUB_CHAR_INDV_PORT_LPSM | HUB_CHAR_NO_OCPM);
	desc->bPwrOn2PwrGood = 0;
	desc->bHubContrCurrent = 0;
	memset(buf + 7, 0, len);
	memset(buf + 7 + len, 0xff, len);
}

static int port_set_feature(struct tv_port *port, u16 feature)
{
	switch (feature) {
	case USB_PORT_FEAT_POWER:
		tv_port_power(port, true);
		return 0;
	case USB_PORT_FEAT_RESET:
		tv_port_reset(port);
		return 0;
	case USB_PORT_FEAT_SUSPEND:
		tv_port_suspend(port);
		return 0;
	default:
		return -EPIPE;
	}
}

static int port_clear_feature(struct tv_port *port, u16 feature)
{
	switch (feature) {
	case USB_PORT_FEAT_POWER:
		tv_port_power(port, false);
		return 0;
	case USB_PORT_FEAT_ENABLE:
		tv_port_disable(port);
		return 0;
	case USB_PORT_FEAT_SUSPEND:
		tv_port_resume(port);
		return 0;
	case USB_PORT_FEAT_C_CONNECTION:
		port->change &= ~TV_PORT_C_CONNECTION;
		return 0;
	case USB_PORT_FEAT_C_ENABLE:
		port->change &= ~TV_PORT_C_ENABLE;
		return 0;
	case USB_PORT_FEAT_C_SUSPEND:
		port->change &= ~TV_PORT_C_SUSPEND;
		return 0;
	case USB_PORT_FEAT_C_RESET:
		port->change &= ~TV_PORT_C_RESET;
		return 0;
	case USB_PORT_FEAT_C_OVER_CURRENT:
		return 0;
	default:
		return -EPIPE;
	}
}

/**
 * tv_hub_control - hc_driver.hub_control: a class request to the root hub
 * @hcd:	the controller
 * @type_req:	bmRequestType and bRequest
 * @value:	wValue
 * @index:	wIndex: the port, from 1
 * @buf:	of USB core, at least as long as a hub descriptor
 * @length:	wLength; USB core cuts the answer to it
 *
 * Returns 0, or -EPIPE for what there is not.
 */
int tv_hub_control(struct usb_hcd *hcd, u16 type_req, u16 value, u16 index,
		   char *buf, u16 length)
{
	struct tv_hcd *tv = tv_of(hcd);
	struct tv_port *port = NULL;
	unsigned long flags;
	int err = 0;

	if (index >= 1 && index <= tv->num_ports)
		port = &tv->port[index - 1];

	spin_lock_irqsave(&tv->lock, flags);
	switch (type_req) {
	case GetHubDescriptor:
		hub_descriptor(tv, buf);
		break;
	case GetHubStatus:
		/* Local power is good and there is no over-current. */
		memset(buf, 0, 4);
		break;
	case SetHubFeature:
	case ClearHubFeature:
		if (value != C_HUB_LOCAL_POWER && value != C_HUB_OVER_CURRENT)
			err = -EPIPE;
		break;
	case GetPortStatus:
		if (port)
			*(__le32 *)buf = cpu_to_le32(tv_port_status(port));
		else
			err = -EPIPE;
		break;
	case SetPortFeature:
		err = port ? port_set_feature(port, value) : -EPIPE;
		break;
	case ClearPortFeature:
		err = port ? port_clear_feature(port, value) : -EPIPE;
		break;
	default:
		err = -EPIPE;
	}
	spin_unlock_irqrestore(&tv->lock, flags);
	return err;
}
