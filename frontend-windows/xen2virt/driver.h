/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what the files of xen2virt.sys share.
 *
 *   main.c      entry, dispatch by kind of device object
 *   fdo.c       the bus device: PnP and power; owns the worker thread
 *   xenbus.c    XENBUS' interfaces; controllers found in XenStore; handshake
 *   hcd.c       a controller: lock, event, DPC, transfers in and out of core/
 *   bounce.c    pages granted to the backend
 *   hub.c       ports: enumerates what is plugged, makes and drops PDOs
 *   pdo.c       a USB device: PnP, power, ids
 *   urb.c       internal IOCTLs and URBs of function drivers
 *   config.c    configurations, settings, pipe handles
 *   usbdi.c     the USBDI direct-call interfaces
 *
 * Locks.  fdo.lock (spin) guards the lists that PnP reads; only the worker
 * thread changes them.  controller.lock (spin) guards all of core/'s tv_hcd.
 * They nest in that order.  Nothing pageable: every path may meet a DPC.
 */
#ifndef TV_XEN2VIRT_DRIVER_H
#define TV_XEN2VIRT_DRIVER_H

#include <ntddk.h>

#include <usb.h>
#include <usbioctl.h>

#include "frontend-windows/core/descriptor.h"
#include "frontend-windows/core/hcd.h"
#include "frontend-windows/core/id.h"
#include "frontend-windows/lib/irp.h"
#include "frontend-windows/lib/power.h"
#include "frontend-windows/xen2virt/xenbus_interface.h"

#define TV_TAG_PNP 0x50326e58ul /* given to PnP, which frees it */

#define TV_ANSWER_MS 5000 /* longest wait for an answer of the backend */

struct tv_fdo;
struct tv_pdo;

enum tv_kind { TV_KIND_FDO, TV_KIND_PDO };

enum tv_pnp {
	TV_PNP_ADDED,
	TV_PNP_STARTED,
	TV_PNP_STOP_PENDING,
	TV_PNP_STOPPED,
	TV_PNP_REMOVE_PENDING,
	TV_PNP_SURPRISED,
	TV_PNP_REMOVED
};

/* First in the extension of every device object. */
struct tv_dev {
	enum tv_kind kind;
	PDEVICE_OBJECT self;
	enum tv_pnp pnp, pnp_before;
	DEVICE_POWER_STATE power; /* D-state of a PDO */
	IO_REMOVE_LOCK remove_lock;
};

/* ---- a controller ---------------------------------------------------------
 */

enum xenbus_state {
	XENBUS_UNKNOWN,
	XENBUS_INITIALISING,
	XENBUS_INIT_WAIT,
	XENBUS_INITIALISED,
	XENBUS_CONNECTED,
	XENBUS_CLOSING,
	XENBUS_CLOSED
};

/* A run of pages of ours, adjacent for us, each granted to the backend. */
struct tv_share {
	PMDL mdl;
	PUCHAR octets;
	ULONG pages;
	PXENBUS_GNTTAB_ENTRY *entry;
};

#define TV_PATH 96

struct tv_controller {
	LIST_ENTRY entry; /* fdo.controllers */
	struct tv_fdo *fdo;
	LONG refs; /* the list, each PDO */
	ULONG devid;

	/* The worker's. */
	CHAR front[TV_PATH], back[TV_PATH]; /* paths in XenStore */
	CHAR watched_path[TV_PATH];
	USHORT backend;		 /* its domain */
	enum xenbus_state state; /* what we wrote last */
	BOOLEAN seen_connected;
	BOOLEAN complained; /* of this backend, in the event log */
	BOOLEAN lost_pages; /* the backend did not let some go */
	PXENBUS_STORE_WATCH watch;
	struct tv_share rings, conn, data;
	ULONG patience; /* 10 ms each that a backend may still map */
	PXENBUS_EVTCHN_CHANNEL channel;
	struct tv_page *page;
	struct tv_pdo *port[USBIF_MAX_PORTS + 1];
	ULONG port_seen[USBIF_MAX_PORTS + 1]; /* hcd.plugs dealt with */
	LARGE_INTEGER unlink_since;	      /* 0: none on the ring */

	KDPC dpc;
	volatile LONG resumed; /* the domain was restored */

	KSPIN_LOCK lock; /* all that follows */
	BOOLEAN watched; /* the worker looks after unlinks */
	struct tv_hcd hcd;
	struct tv_ep ep0[USBIF_MAX_PORTS + 1];
};

/* A transfer of core/ with what Windows wants of it. */
struct tv_request {
	struct tv_xfer xfer;
	struct tv_controller *controller;
	struct tv_pdo *pdo; /* of an IRP, its remove lock is held */
	PIRP irp;	    /* or NULL */
	PURB urb;
	PKEVENT event;		  /* of the driver's own transfer */
	PUCHAR buffer;		  /* linear */
	PMDL mdl;		  /* or a chain, mapped */
	BOOLEAN over, cancel_ran; /* who completes the IRP, see urb.c */
};

/* xenbus.c */
NTSTATUS tv_xenbus_acquire(struct tv_fdo *fdo);
VOID tv_xenbus_release(struct tv_fdo *fdo);
/* TRUE: look again in a second. */
BOOLEAN tv_xenbus_scan(struct tv_fdo *fdo);
VOID tv_xenbus_close_all(struct tv_fdo *fdo);
VOID tv_controller_put(struct tv_controller *c);

/* hcd.c */
VOID tv_hcd_create(struct tv_controller *c);
NTSTATUS tv_hcd_event_open(struct tv_controller *c);
VOID tv_hcd_event_close(struct tv_controller *c);
VOID tv_hcd_stop(struct tv_controller *c);
VOID tv_hcd_lock(struct tv_controller *c, KIRQL *irql);
/* Completes what is over, without the lock. */
VOID tv_hcd_unlock(struct tv_controller *c, KIRQL irql);
/* A control transfer of our own, bounded; PASSIVE_LEVEL. */
NTSTATUS tv_hcd_control(struct tv_controller *c, struct tv_ep *ep,
			const UCHAR setup[8], PVOID data, ULONG *length);
/* Cancels what an endpoint has and waits, bounded; PASSIVE_LEVEL. */
VOID tv_hcd_drain(struct tv_controller *c, struct tv_ep *ep);

/* bounce.c */
NTSTATUS tv_share_create(struct tv_controller *c, struct tv_share *share,
			 ULONG pages);
VOID tv_share_destroy(struct tv_controller *c, struct tv_share *share);
ULONG tv_share_ref(struct tv_controller *c, const struct tv_share *share,
		   ULONG page);

/* hub.c */
VOID tv_hub_scan(struct tv_controller *c);
VOID tv_hub_lost(struct tv_controller *c);

/* ---- the bus device -------------------------------------------------------
 */

struct tv_fdo {
	struct tv_dev dev;
	PDEVICE_OBJECT lower, pdo;
	struct tv_power power;
	BOOLEAN acquired; /* interfaces */
	XENBUS_STORE_INTERFACE store;
	XENBUS_EVTCHN_INTERFACE evtchn;
	XENBUS_GNTTAB_INTERFACE gnttab;
	XENBUS_SUSPEND_INTERFACE suspend;
	PXENBUS_GNTTAB_CACHE cache;
	KSPIN_LOCK cache_lock;
	PXENBUS_SUSPEND_CALLBACK on_resume;
	PXENBUS_STORE_WATCH watch;

	PKTHREAD worker; /* NULL: none */
	KEVENT wake;	 /* synchronization; set by watches, DPCs, PnP */
	KEVENT quiet;	 /* notification: the worker has closed everything */
	volatile LONG stop;
	volatile LONG asleep; /* keep everything closed */
	BOOLEAN news;	      /* the worker's: bus relations have changed */

	KSPIN_LOCK lock; /* the lists */
	LIST_ENTRY controllers;
	LIST_ENTRY pdos;
};

/* fdo.c */
NTSTATUS tv_fdo_add(PDRIVER_OBJECT driver, PDEVICE_OBJECT pdo);
NTSTATUS tv_fdo_pnp(struct tv_fdo *fdo, PIRP irp);
NTSTATUS tv_fdo_power(struct tv_fdo *fdo, PIRP irp);
VOID tv_fdo_log(struct tv_fdo *fdo, NTSTATUS code, const CHAR *text);

/* ---- a USB device ---------------------------------------------------------
 */

#define TV_EPS 31 /* 0: control; 1..15 OUT, 16..30 IN */

struct tv_pdo {
	struct tv_dev dev;
	LIST_ENTRY entry; /* fdo.pdos */
	struct tv_fdo *fdo;
	struct tv_controller *controller;
	UCHAR port, address;
	BOOLEAN present;  /* fdo.lock: report it */
	BOOLEAN reported; /* ... it has been */
	BOOLEAN missed;	  /* ... and PnP was told that it is no more */
	BOOLEAN gone;	  /* the device is unplugged: no new transfers */

	/* Fixed once it is made. */
	struct tv_device_desc desc;
	UCHAR desc_octets[18];
	PUCHAR config;
	USHORT config_len;
	struct tv_bos bos;
	BOOLEAN has_compat;
	struct tv_compat_id compat;
	UCHAR msos10_vendor;
	BOOLEAN msos10;
	UINT16 product[64], serial[64];

	FAST_MUTEX config_mutex; /* the configuration */
	UCHAR configured;	 /* bConfigurationValue, 0: none */
	UCHAR setting[32];	 /* alternate setting by interface */
	UCHAR ep_interface[TV_EPS];
	BOOLEAN ep_open[TV_EPS]; /* controller.lock to change it */
	struct tv_ep ep[TV_EPS];
};

/* pdo.c */
NTSTATUS tv_pdo_create(struct tv_controller *c, UCHAR port,
		       struct tv_pdo **out);
VOID tv_pdo_delete(struct tv_pdo *pdo);
VOID tv_pdo_unplug(struct tv_pdo *pdo);
NTSTATUS tv_pdo_pnp(struct tv_pdo *pdo, PIRP irp);
NTSTATUS tv_pdo_power(struct tv_pdo *pdo, PIRP irp);

/* urb.c */
NTSTATUS tv_urb_ioctl(struct tv_pdo *pdo, PIRP irp);
VOID tv_urb_finish(struct tv_request *req);
USBD_STATUS tv_urb_status(enum tv_result result);
NTSTATUS tv_usbd_ntstatus(USBD_STATUS status);
NTSTATUS tv_urb_complete(struct tv_pdo *pdo, PIRP irp, PURB urb,
			 USBD_STATUS status);

/* config.c */
NTSTATUS tv_config_urb(struct tv_pdo *pdo, PIRP irp, PURB urb);
struct tv_ep *tv_config_pipe(struct tv_pdo *pdo, USBD_PIPE_HANDLE handle);
VOID tv_config_close(struct tv_pdo *pdo);

/* usbdi.c */
NTSTATUS tv_usbdi_query(struct tv_pdo *pdo, PIRP irp);

#endif
