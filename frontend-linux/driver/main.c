// SPDX-License-Identifier: GPL-2.0
/*
 * The module: parameters, load, unload.
 *
 * 2virt-hcd is a PV USB host controller driver (Xen's usbif) for Linux guests.
 * It serves any pvUSB backend, and better than stock one that offers the two
 * additions of protocol/usbif.h.  README.md has the map of the files.
 */
#include <linux/module.h>
#include <xen/xen.h>

#include "tv_hcd.h"

bool tv_bounce_all;
module_param_named(bounce, tv_bounce_all, bool, 0644);
MODULE_PARM_DESC(bounce, "copy all data, grant no page of a buffer (default 0)");

unsigned int tv_max_ring_order = USBIF_MAX_RING_ORDER;
module_param_named(max_ring_page_order, tv_max_ring_order, uint, 0444);
MODULE_PARM_DESC(max_ring_page_order,
		 "largest urb ring to ask for, 0 to 3 (default 3)");

unsigned int tv_max_segments = USBIF_MAX_INDIRECT_SEGMENTS;
module_param_named(max_indirect_segments, tv_max_segments, uint, 0444);
MODULE_PARM_DESC(max_indirect_segments,
		 "most segments of a request, 0 for none (default 512)");

static int __init tv_init(void)
{
	if (!xen_domain() || usb_disabled())
		return -ENODEV;
	return tv_xenbus_register();
}
module_init(tv_init);

static void __exit tv_exit(void)
{
	tv_xenbus_unregister();
}
module_exit(tv_exit);

MODULE_ALIAS("xen:vusb");
MODULE_DESCRIPTION("2Virt PV USB host controller (Xen frontend)");
MODULE_AUTHOR("2Virt");
MODULE_LICENSE("GPL");
