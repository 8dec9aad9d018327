/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The controller: what the files of this driver share.
 *
 *   xenbus.c ── hcd.c ── hub.c        process context, under @mutex
 *                 │        │
 *               urb.c    conn.c       under @lock, from any context
 *                 │        │
 *   bounce.c ── ring.c ────┘
 */
#ifndef TV_HCD_H
#define TV_HCD_H

#include <linux/interrupt.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/usb.h>
#include <linux/usb/hcd.h>
#include <linux/workqueue.h>

#include <xen/grant_table.h>
#include <xen/xenbus.h>
#include <xen/interface/io/ring.h>

#include "core.h"
#include "port.h"

#define TV_NAME "2virt-hcd"
#define TV_MAX_ENTRIES USBIF_URB_RING_ENTRIES(USBIF_MAX_RING_ORDER)
#define TV_NO_SLOT 0xffff

DEFINE_RING_TYPES(tv_urb, struct tv_usbif_request, struct tv_usbif_response);
DEFINE_RING_TYPES(tv_conn, struct tv_usbif_conn_request,
		  struct tv_usbif_conn_response);

struct tv_xfer;

/* A page of our own that stays granted to the backend, see bounce.c. */
struct tv_bounce {
	struct list_head node;	/* tv_pool.idle, while nobody has it */
	struct page *page;
	grant_ref_t gref;
};

struct tv_pool {
	struct list_head idle;
	unsigned int nr_idle;
	unsigned int nr;	/* idle and in use */
	unsigned int max;
};

/* A ring slot: what an id in flight stands for.  busy iff on the ring. */
struct tv_slot {
	struct tv_xfer *xfer;	/* NULL for an unlink */
	bool busy;
};

/* Our half of an endpoint, from its first URB to endpoint_disable. */
struct tv_ep {
	struct list_head waiting;	/* xfers not on the ring, in order */
	struct list_head node;		/* tv_hcd.ready iff waiting is not empty */
	struct tv_xfer *partial;	/* on the ring, and not all of it */
	enum tv_class class;
	u16 in_flight;
};

enum tv_state {
	TV_DOWN,	/* no rings: URBs are refused */
	TV_UP,
	TV_FAILED,	/* the backend broke the protocol: fail_work cleans up */
};

/* One controller; its xenbus device owns it (driver data). */
struct tv_hcd {
	struct xenbus_device *xbdev;
	struct work_struct fail_work;
	struct work_struct poll_work;	/* goes on where the interrupt stopped */

	struct mutex mutex;		/* connect, close, resume, failure */
	struct usb_hcd *hcd;		/* registered with USB core, or NULL */
	bool seen_connected;		/* the backend took our rings */
	evtchn_port_t evtchn;
	unsigned int irq;		/* 0: none; changes in TV_DOWN only */
	unsigned int ring_order;
	grant_ref_t urb_gref[USBIF_MAX_RING_PAGES];
	grant_ref_t conn_gref;
	u16 num_ports;
	u16 usb_ver;
	u16 max_segs;			/* of a request: 16, more if indirect */

	spinlock_t lock;		/* all that follows */
	enum tv_state state;
	const char *reason;		/* of TV_FAILED */
	bool need_push;			/* requests the backend does not see */
	struct tv_urb_front_ring urb_ring;
	struct tv_conn_front_ring conn_ring;
	struct tv_pool pool;

	struct tv_slot slot[TV_MAX_ENTRIES];
	u16 free_id[TV_MAX_ENTRIES];	/* a stack */
	u16 nr_free;
	u16 entries;
	u16 parked;			/* IN transfers on the ring */
	u16 devices;			/* ports with a device */
	struct tv_port port[USBIF_MAX_PORTS];

	struct list_head ready;		/* endpoints with URBs that wait */
	struct list_head unlinks;	/* unlinks that wait for a slot */
	struct list_head done;		/* URBs to give back */
};

/* What a look at a ring found, or-ed together. */
#define TV_POLL_WORK BIT(0)	/* there was something to do */
#define TV_POLL_MORE BIT(1)	/* and there is more */
#define TV_POLL_NEWS BIT(2)	/* the root hub has a change to report */
#define TV_POLL_FAILED BIT(3)	/* the backend broke the protocol */

/* main.c */
extern bool tv_bounce_all;
extern unsigned int tv_max_ring_order;
extern unsigned int tv_max_segments;

/* xenbus.c */
void tv_hcd_fail(struct tv_hcd *tv, const char *reason);
int tv_xenbus_register(void);
void tv_xenbus_unregister(void);

/* hcd.c */
int tv_hcd_add(struct tv_hcd *tv);
void tv_hcd_remove(struct tv_hcd *tv);
static inline struct tv_hcd *tv_of(struct usb_hcd *hcd)
{
	return *(struct tv_hcd **)hcd->hcd_priv;
}

/* hub.c */
int tv_hub_status_data(struct usb_hcd *hcd, char *buf);
int tv_hub_control(struct usb_hcd *hcd, u16 type_req, u16 value, u16 index,
		   char *buf, u16 length);
void tv_hub_news(struct tv_hcd *tv);
void tv_hub_lost(struct tv_hcd *tv);

/* ring.c */
int tv_ring_setup(struct tv_hcd *tv, unsigned int order);
void tv_ring_teardown(struct tv_hcd *tv);
u16 tv_ring_slot_get(struct tv_hcd *tv, struct tv_xfer *xfer);
void tv_ring_slot_put(struct tv_hcd *tv, u16 id);
void tv_ring_send(struct tv_hcd *tv, const struct tv_usbif_request *req);
void tv_ring_push(struct tv_hcd *tv);
unsigned int tv_ring_poll(struct tv_hcd *tv);
static inline u16 tv_ring_used(const struct tv_hcd *tv)
{
	return tv->entries - tv->nr_free;
}

/* conn.c */
int tv_conn_setup(struct tv_hcd *tv);
void tv_conn_teardown(struct tv_hcd *tv);
void tv_conn_prime(struct tv_hcd *tv);
unsigned int tv_conn_poll(struct tv_hcd *tv);

/* bounce.c */
void tv_bounce_init(struct tv_hcd *tv);
void tv_bounce_fini(struct tv_hcd *tv);
struct tv_bounce *tv_bounce_get(struct tv_hcd *tv, bool urgent);
void tv_bounce_put(struct tv_hcd *tv, struct tv_bounce *bounce);

/* urb.c */
int tv_urb_enqueue(struct usb_hcd *hcd, struct urb *urb, gfp_t gfp);
int tv_urb_dequeue(struct usb_hcd *hcd, struct urb *urb, int status);
void tv_urb_ep_disable(struct usb_hcd *hcd, struct usb_host_endpoint *hep);
bool tv_urb_answered(struct tv_hcd *tv, u16 id,
		     const struct tv_usbif_response *rsp);
void tv_urb_kick(struct tv_hcd *tv);
void tv_urb_cut(struct tv_hcd *tv);
void tv_urb_giveback(struct tv_hcd *tv);

#endif
