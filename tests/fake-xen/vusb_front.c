/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vusb_front.c - a pvUSB frontend in a fake guest, and a strict judge of the
 * backend.
 *
 * On the wire it does what the mainline Linux driver does, including what is
 * peculiar: ids are reused last-in first-out, an unlink request carries the
 * stale fields of whatever its id carried before, pages are granted read-only
 * for OUT, one push for each request.  Data travels through bounce pages filled
 * with a pattern, so that a write outside of what was answered is seen.
 *
 * Notifications: each must follow at least one new response or event.  One
 * that was still on its way when the rings were looked at is allowed for by
 * `slack`.  And a response must be notified, because the frontend always asks
 * for it: poll does not look at the rings before the event came.
 */
#include "tests/fake-xen/vusb_front.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/fake-xen/guest_internal.h"
#include "tests/fake-xen/vusb_ring.h"

#define MAX_ENTRIES USBIF_URB_RING_ENTRIES(USBIF_MAX_RING_ORDER)
#define MAX_PAGES USBIF_MAX_INDIRECT_SEGMENTS
#define MAX_INDIRECT_PAGES (MAX_PAGES / USBIF_SEGMENTS_PER_PAGE)
#define PATTERN 0xa5
#define GRACE_MS 1000 /* for a notification that is late */
#define POLL_MS 5

static_assert(MAX_INDIRECT_PAGES >= 1, "indirect pages");

enum shadow_kind { SHADOW_FREE, SHADOW_URB, SHADOW_UNLINK, SHADOW_RAW };

/* What the frontend remembers of an id. */
struct shadow {
	enum shadow_kind kind;
	bool answered_once;		 /* for the words of a violation */
	struct tv_usbif_request request; /* last one sent under this id */
	struct vusb_urb *urb;
	uint8_t *pages; /* bounce pages, adjacent */
	uint32_t page_count;
	int *refs; /* page_count, then indirect_count */
	uint8_t *indirect;
	uint32_t indirect_count;
	int next_free;
};

struct raw_answer {
	struct raw_answer *next;
	struct tv_usbif_response response;
};

struct conn_event {
	struct conn_event *next;
	struct tv_usbif_conn_response response;
};

struct vusb_front {
	struct fake_guest *guest;
	unsigned devid;
	struct vusb_front_options options;
	char path[64]; /* device/vusb/<devid> */
	char backend[256];
	unsigned ports;
	unsigned ring_order;
	unsigned max_indirect;

	struct vusb_ring urb_ring;
	struct vusb_ring conn_ring;
	int port; /* event channel, 0: none */
	bool connected;
	bool dead; /* a protocol error, as the stock driver's info->error */
	bool held;

	struct shadow shadow[MAX_ENTRIES];
	int free_head;
	unsigned in_flight;
	unsigned unlinks;
	unsigned wild; /* raw requests under ids that cannot be tracked */

	bool conn_out[USBIF_CONN_RING_ENTRIES]; /* ids the backend holds */
	uint8_t speed[USBIF_MAX_PORTS + 1];
	struct conn_event *conn_events;
	struct raw_answer *raw_answers;

	uint64_t notified; /* as of the last look */
	uint32_t progressed;
	unsigned slack;
	char violation[256];
};

static void violate(struct vusb_front *front, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void violate(struct vusb_front *front, const char *format, ...)
{
	va_list arguments;

	if (!front->violation[0]) {
		va_start(arguments, format);
		vsnprintf(front->violation, sizeof(front->violation), format,
			  arguments);
		va_end(arguments);
	}
	if (!front->options.keep_going)
		front->dead = true;
}

static void pause_ms(long ms)
{
	struct timespec time = {.tv_sec = 0, .tv_nsec = ms * 1000000};

	nanosleep(&time, NULL);
}

/*
 * --- life -----------------------------------------------------------------
 */

static void ids_init(struct vusb_front *front)
{
	unsigned entries = USBIF_URB_RING_ENTRIES(front->ring_order);

	memset(front->shadow, 0, sizeof(front->shadow));
	for (unsigned i = 0; i < entries; i++)
		front->shadow[i].next_free = i + 1 < entries ? (int)i + 1 : -1;
	front->free_head = 0;
	front->in_flight = 0;
	front->unlinks = 0;
	front->wild = 0;
}

static int backend_number(struct vusb_front *front, const char *node,
			  unsigned long *out)
{
	char path[320];

	snprintf(path, sizeof(path), "%s/%s", front->backend, node);
	return fake_guest_xs_number(front->guest, 0, path, out);
}

/* What probe reads once, and what our own drivers read besides. */
static int backend_probe(struct vusb_front *front)
{
	unsigned long number;
	char path[80], *text;
	int rc;

	snprintf(path, sizeof(path), "%s/backend", front->path);
	rc = fake_guest_xs_read(front->guest, 0, path, &text, NULL);
	if (rc < 0)
		return rc;
	snprintf(front->backend, sizeof(front->backend), "%s", text);
	free(text);
	rc = backend_number(front, USBIF_NODE_NUM_PORTS, &number);
	if (rc < 0)
		return rc;
	if (number < 1 || number > USBIF_MAX_PORTS)
		return -EINVAL;
	front->ports = (unsigned)number;
	rc = backend_number(front, USBIF_NODE_USB_VER, &number);
	if (rc < 0)
		return rc;
	return number == 1 || number == 2 ? 0 : -EINVAL;
}

/* What our own drivers negotiate, once the backend is in InitWait. */
static void negotiate(struct vusb_front *front)
{
	unsigned long number;

	front->ring_order = 0;
	front->max_indirect = 0;
	if (front->options.ring_order > 0 &&
	    backend_number(front, USBIF_NODE_MAX_RING_ORDER, &number) == 0)
		front->ring_order = number < front->options.ring_order
					    ? (unsigned)number
					    : front->options.ring_order;
	if (front->ring_order > USBIF_MAX_RING_ORDER)
		front->ring_order = USBIF_MAX_RING_ORDER;
	if (front->options.indirect &&
	    backend_number(front, USBIF_NODE_MAX_INDIRECT, &number) == 0)
		front->max_indirect = number < USBIF_MAX_INDIRECT_SEGMENTS
					      ? (unsigned)number
					      : USBIF_MAX_INDIRECT_SEGMENTS;
}

int vusb_front_create(struct vusb_front **out, struct fake_guest *guest,
		      unsigned devid, const struct vusb_front_options *options)
{
	struct vusb_front *front = calloc(1, sizeof(*front));
	int rc;

	if (!front)
		return -ENOMEM;
	front->guest = guest;
	front->devid = devid;
	if (options)
		front->options = *options;
	snprintf(front->path, sizeof(front->path), "device/vusb/%u", devid);
	ids_init(front);
	rc = backend_probe(front);
	if (rc < 0) {
		free(front);
		return rc;
	}
	*out = front;
	return 0;
}

/* Ends a request's grants; false if the backend still holds one. */
static bool shadow_release(struct vusb_front *front, struct shadow *shadow)
{
	uint32_t refs = shadow->page_count + shadow->indirect_count;
	bool released = true;

	for (uint32_t i = 0; shadow->refs && i < refs; i++) {
		if (shadow->refs[i] < 0)
			continue;
		if (fake_guest_grant_end(front->guest,
					 (uint32_t)shadow->refs[i]) < 0)
			released = false;
		else
			shadow->refs[i] = -1;
	}
	return released;
}

/* Frees the pages, unless the backend holds them: then they are lost. */
static void shadow_free_pages(struct vusb_front *front, struct shadow *shadow,
			      bool released)
{
	if (released) {
		fake_guest_pages_free(front->guest, shadow->pages,
				      shadow->page_count);
		fake_guest_pages_free(front->guest, shadow->indirect,
				      shadow->indirect_count);
	}
	free(shadow->refs);
	shadow->refs = NULL;
	shadow->pages = NULL;
	shadow->indirect = NULL;
	shadow->page_count = 0;
	shadow->indirect_count = 0;
}

static void id_put(struct vusb_front *front, int id)
{
	front->shadow[id].kind = SHADOW_FREE;
	front->shadow[id].urb = NULL;
	front->shadow[id].next_free = front->free_head;
	front->free_head = id;
}

static int id_get(struct vusb_front *front)
{
	int id = front->free_head;

	if (id < 0)
		return -EAGAIN;
	front->free_head = front->shadow[id].next_free;
	return id;
}

/* Gives everything in flight back with -ESHUTDOWN. */
static void cancel_all(struct vusb_front *front)
{
	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		struct shadow *shadow = &front->shadow[i];
		struct vusb_urb *urb = shadow->urb;
		bool released;

		if (shadow->kind == SHADOW_FREE)
			continue;
		released = shadow_release(front, shadow);
		if (!released)
			violate(front,
				"id %u: grants still held when the backend "
				"closed",
				i);
		shadow_free_pages(front, shadow, released);
		if (shadow->kind == SHADOW_URB) {
			urb->status = USBIF_STATUS_SHUTDOWN;
			urb->actual_length = 0;
			urb->done = true;
		}
		shadow->kind = SHADOW_FREE;
		shadow->urb = NULL;
	}
	ids_init(front);
}

static void queues_clear(struct vusb_front *front)
{
	while (front->conn_events) {
		struct conn_event *event = front->conn_events;

		front->conn_events = event->next;
		free(event);
	}
	while (front->raw_answers) {
		struct raw_answer *answer = front->raw_answers;

		front->raw_answers = answer->next;
		free(answer);
	}
}

static void rings_destroy(struct vusb_front *front)
{
	if (front->port > 0)
		(void)fake_guest_port_close(front->guest, front->port);
	front->port = 0;
	(void)vusb_ring_destroy(&front->urb_ring);
	(void)vusb_ring_destroy(&front->conn_ring);
	front->connected = false;
}

void vusb_front_free(struct vusb_front *front)
{
	if (!front)
		return;
	cancel_all(front);
	rings_destroy(front);
	queues_clear(front);
	free(front);
}

/*
 * --- connection -----------------------------------------------------------
 */

static int rings_create(struct vusb_front *front)
{
	int rc;

	rc = vusb_ring_create(&front->urb_ring, front->guest,
			      1u << front->ring_order,
			      USBIF_URB_RING_ENTRIES(front->ring_order),
			      sizeof(struct tv_usbif_request));
	if (rc < 0)
		return rc;
	rc = vusb_ring_create(&front->conn_ring, front->guest, 1,
			      USBIF_CONN_RING_ENTRIES,
			      sizeof(struct tv_usbif_conn_response));
	if (rc < 0)
		return rc;
	rc = fake_guest_port_alloc(front->guest, 0);
	if (rc < 0)
		return rc;
	front->port = rc;
	front->notified = 0;
	front->progressed = 0;
	front->slack = 0;
	return 0;
}

static int nodes_write(struct vusb_front *front, uint32_t tx)
{
	struct fake_guest *guest = front->guest;
	char path[128];
	int rc;

	if (front->ring_order == 0) {
		snprintf(path, sizeof(path), "%s/%s", front->path,
			 USBIF_NODE_URB_RING_REF);
		rc = fake_guest_xs_printf(guest, tx, path, "%d",
					  front->urb_ring.ref[0]);
	} else {
		snprintf(path, sizeof(path), "%s/%s", front->path,
			 USBIF_NODE_URB_RING_ORDER);
		rc = fake_guest_xs_printf(guest, tx, path, "%u",
					  front->ring_order);
		for (uint32_t i = 0; rc == 0 && i < front->urb_ring.page_count;
		     i++) {
			snprintf(path, sizeof(path), "%s/%s%u", front->path,
				 USBIF_NODE_URB_RING_REF, i);
			rc = fake_guest_xs_printf(guest, tx, path, "%d",
						  front->urb_ring.ref[i]);
		}
	}
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", front->path,
		 USBIF_NODE_CONN_RING_REF);
	rc = fake_guest_xs_printf(guest, tx, path, "%d",
				  front->conn_ring.ref[0]);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "%s/%s", front->path,
		 USBIF_NODE_EVENT_CHANNEL);
	return fake_guest_xs_printf(guest, tx, path, "%d", front->port);
}

static void conn_ring_prime(struct vusb_front *front)
{
	struct tv_usbif_conn_request request;

	for (uint32_t i = 0; i < USBIF_CONN_RING_ENTRIES; i++) {
		request.id = (uint16_t)i;
		memcpy(vusb_ring_slot(&front->conn_ring, i), &request,
		       sizeof(request));
		front->conn_out[i] = true;
	}
	front->conn_ring.req_prod = USBIF_CONN_RING_ENTRIES;
	if (vusb_ring_push(&front->conn_ring))
		(void)fake_guest_notify(front->guest, front->port);
}

int vusb_front_publish(struct vusb_front *front)
{
	uint32_t tx;
	int rc;

	if (front->port > 0)
		return -EALREADY;
	negotiate(front);
	ids_init(front);
	rc = rings_create(front);
	while (rc == 0) {
		rc = fake_guest_xs_transaction_start(front->guest, &tx);
		if (rc < 0)
			break;
		rc = nodes_write(front, tx);
		if (rc < 0) {
			(void)fake_guest_xs_transaction_end(front->guest, tx,
							    true);
			break;
		}
		rc = fake_guest_xs_transaction_end(front->guest, tx, false);
		if (rc != -EAGAIN)
			break;
		rc = 0;
	}
	if (rc < 0) {
		rings_destroy(front);
		return rc;
	}
	conn_ring_prime(front);
	front->connected = true;
	return 0;
}

int vusb_front_set_state(struct vusb_front *front, int state)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/state", front->path);
	return fake_guest_xs_printf(front->guest, 0, path, "%d", state);
}

int vusb_front_backend_state(struct vusb_front *front)
{
	unsigned long number;

	return backend_number(front, "state", &number) < 0 ? 0 : (int)number;
}

/* Waits for any of the states whose bits are set. */
static int backend_wait_any(struct vusb_front *front, unsigned states,
			    int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);

	while (!(states & 1u << (vusb_front_backend_state(front) & 31))) {
		if (guest_left_ms(deadline) == 0)
			return -ETIMEDOUT;
		pause_ms(POLL_MS);
	}
	return 0;
}

int vusb_front_backend_wait(struct vusb_front *front, int state, int timeout_ms)
{
	return backend_wait_any(front, 1u << state, timeout_ms);
}

int vusb_front_connect(struct vusb_front *front, int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	int rc = backend_wait_any(front, 1u << 2 | 1u << 3 | 1u << 4,
				  timeout_ms);

	if (rc < 0)
		return rc;
	rc = vusb_front_publish(front);
	if (rc < 0)
		return rc;
	rc = vusb_front_set_state(front, 4);
	if (rc < 0)
		return rc;
	return vusb_front_backend_wait(front, 4, guest_left_ms(deadline));
}

int vusb_front_disconnect(struct vusb_front *front)
{
	front->connected = false;
	cancel_all(front);
	return vusb_front_set_state(front, 6);
}

int vusb_front_reopen(struct vusb_front *front)
{
	cancel_all(front);
	rings_destroy(front);
	queues_clear(front);
	memset(front->speed, 0, sizeof(front->speed));
	front->dead = false;
	front->held = false;
	return vusb_front_set_state(front, 1);
}

unsigned vusb_front_ports(const struct vusb_front *front)
{
	return front->ports;
}

unsigned vusb_front_ring_entries(const struct vusb_front *front)
{
	return USBIF_URB_RING_ENTRIES(front->ring_order);
}

unsigned vusb_front_max_indirect(const struct vusb_front *front)
{
	return front->max_indirect;
}

int vusb_front_event_port(const struct vusb_front *front)
{
	return front->port;
}

struct fake_guest *vusb_front_guest(struct vusb_front *front)
{
	return front->guest;
}

const char *vusb_front_violation(const struct vusb_front *front)
{
	return front->violation[0] ? front->violation : NULL;
}

void vusb_front_violation_clear(struct vusb_front *front)
{
	front->violation[0] = '\0';
	front->dead = false;
}

/*
 * --- requests -------------------------------------------------------------
 */

static bool urb_is_in(const struct vusb_urb *urb)
{
	if (urb->type == USBIF_PIPE_TYPE_CTRL)
		return (urb->setup[0] & 0x80) != 0;
	return (urb->endpoint & 0x80) != 0;
}

static uint32_t urb_pipe(const struct vusb_urb *urb)
{
	return (uint32_t)urb->type << USBIF_PIPE_TYPE_SHIFT |
	       (urb->endpoint & USBIF_PIPE_ENDPOINT_MASK)
		       << USBIF_PIPE_ENDPOINT_SHIFT |
	       (urb->address & USBIF_PIPE_DEVICE_MASK)
		       << USBIF_PIPE_DEVICE_SHIFT |
	       (urb_is_in(urb) ? USBIF_PIPE_DIR_IN : 0) |
	       (urb->port & USBIF_PIPE_PORT_MASK);
}

/* Grants the bounce pages and fills seg[]: direct or indirect. */
static int segments_fill(struct vusb_front *front, struct shadow *shadow,
			 const struct vusb_urb *urb, bool indirect)
{
	struct tv_usbif_request *request = &shadow->request;
	size_t offset = urb->offset, left = urb->length;
	struct tv_usbif_segment segment;
	int ref;

	for (uint32_t i = 0; i < shadow->page_count; i++) {
		size_t bytes = USBIF_PAGE_SIZE - offset;

		if (bytes > left)
			bytes = left;
		ref = fake_guest_grant(front->guest,
				       shadow->pages +
					       (size_t)i * USBIF_PAGE_SIZE,
				       !urb_is_in(urb));
		if (ref < 0)
			return ref;
		shadow->refs[i] = ref;
		segment.gref = (uint32_t)ref;
		segment.offset = (uint16_t)offset;
		segment.length = (uint16_t)bytes;
		if (indirect)
			memcpy(shadow->indirect + (size_t)i * sizeof(segment),
			       &segment, sizeof(segment));
		else
			request->seg[i] = segment;
		offset = 0;
		left -= bytes;
	}
	for (uint32_t i = 0; i < shadow->indirect_count; i++) {
		uint32_t used =
			shadow->page_count - i * USBIF_SEGMENTS_PER_PAGE;

		if (used > USBIF_SEGMENTS_PER_PAGE)
			used = USBIF_SEGMENTS_PER_PAGE;
		ref = fake_guest_grant(
			front->guest,
			shadow->indirect + (size_t)i * USBIF_PAGE_SIZE, true);
		if (ref < 0)
			return ref;
		shadow->refs[shadow->page_count + i] = ref;
		request->seg[i].gref = (uint32_t)ref;
		request->seg[i].offset = 0;
		request->seg[i].length = (uint16_t)(used * sizeof(segment));
	}
	return 0;
}

static int urb_map(struct vusb_front *front, struct shadow *shadow,
		   const struct vusb_urb *urb)
{
	struct tv_usbif_request *request = &shadow->request;
	uint32_t pages =
		(uint32_t)((urb->offset + urb->length + USBIF_PAGE_SIZE - 1) /
			   USBIF_PAGE_SIZE);
	bool indirect;
	int rc;

	if (urb->length == 0)
		pages = 0;
	indirect =
		front->max_indirect > 0 && pages > 0 &&
		(pages > USBIF_MAX_SEGMENTS || front->options.indirect_always);
	if (pages > (indirect ? front->max_indirect : USBIF_MAX_SEGMENTS))
		return -E2BIG;
	if (pages > 0) {
		shadow->page_count = pages;
		shadow->indirect_count =
			indirect ? (pages + USBIF_SEGMENTS_PER_PAGE - 1) /
					   USBIF_SEGMENTS_PER_PAGE
				 : 0;
		shadow->refs = malloc((pages + shadow->indirect_count) *
				      sizeof(shadow->refs[0]));
		shadow->pages = fake_guest_pages_alloc(front->guest, pages);
		if (indirect)
			shadow->indirect = fake_guest_pages_alloc(
				front->guest, shadow->indirect_count);
		if (!shadow->refs)
			return -ENOMEM;
		memset(shadow->refs, 0xff,
		       (pages + shadow->indirect_count) *
			       sizeof(shadow->refs[0]));
		if (!shadow->pages || (indirect && !shadow->indirect))
			return -ENOMEM;
		memset(shadow->pages, PATTERN, (size_t)pages * USBIF_PAGE_SIZE);
		if (!urb_is_in(urb))
			memcpy(shadow->pages + urb->offset, urb->data,
			       urb->length);
		rc = segments_fill(front, shadow, urb, indirect);
		if (rc < 0)
			return rc;
	}
	request->pipe = urb_pipe(urb);
	request->transfer_flags =
		urb->flags | (indirect ? USBIF_FLAG_INDIRECT : 0);
	request->buffer_length = indirect ? 0 : (uint16_t)urb->length;
	request->nr_buffer_segs = (uint16_t)pages;
	if (urb->type == USBIF_PIPE_TYPE_CTRL)
		memcpy(request->u.ctrl, urb->setup, sizeof(urb->setup));
	if (urb->type == USBIF_PIPE_TYPE_INT)
		request->u.intr.interval = urb->interval;
	return 0;
}

/* Publishes what is on the ring unless held back. */
static int push(struct vusb_front *front)
{
	if (front->held)
		return 0;
	if (vusb_ring_push(&front->urb_ring))
		return fake_guest_notify(front->guest, front->port);
	return 0;
}

static int request_put(struct vusb_front *front,
		       const struct tv_usbif_request *request)
{
	memcpy(vusb_ring_slot(&front->urb_ring, front->urb_ring.req_prod),
	       request, sizeof(*request));
	front->urb_ring.req_prod++;
	front->in_flight++;
	return push(front);
}

static int usable(const struct vusb_front *front)
{
	if (!front->connected || front->dead)
		return -ESHUTDOWN;
	if (vusb_ring_used(&front->urb_ring) >= front->urb_ring.entries)
		return -EAGAIN;
	return 0;
}

int vusb_front_submit(struct vusb_front *front, struct vusb_urb *urb)
{
	struct shadow *shadow;
	int id, rc = usable(front);

	if (rc < 0)
		return rc;
	if (urb->offset >= USBIF_PAGE_SIZE)
		return -EINVAL;
	id = id_get(front);
	if (id < 0)
		return id;
	shadow = &front->shadow[id];
	rc = urb_map(front, shadow, urb);
	if (rc < 0) {
		shadow_free_pages(front, shadow, shadow_release(front, shadow));
		id_put(front, id);
		return rc;
	}
	shadow->kind = SHADOW_URB;
	shadow->urb = urb;
	shadow->request.id = (uint16_t)id;
	urb->id = id;
	urb->done = false;
	urb->unlinked = false;
	urb->status = 0;
	urb->actual_length = 0;
	urb->error_count = 0;
	return request_put(front, &shadow->request);
}

int vusb_front_unlink(struct vusb_front *front, struct vusb_urb *urb)
{
	struct shadow *shadow;
	int id, rc = usable(front);

	if (rc < 0)
		return rc;
	if (urb->done)
		return -EALREADY;
	if (urb->unlinked)
		return -EBUSY;
	id = id_get(front);
	if (id < 0)
		return id;
	shadow = &front->shadow[id];
	shadow->kind = SHADOW_UNLINK;
	/* Everything else is what the id carried before, as Linux sends it. */
	shadow->request.id = (uint16_t)id;
	shadow->request.pipe = urb_pipe(urb) | USBIF_PIPE_UNLINK;
	shadow->request.u.unlink.id = (uint16_t)urb->id;
	urb->unlinked = true;
	front->unlinks++;
	return request_put(front, &shadow->request);
}

unsigned vusb_front_unlinks_pending(const struct vusb_front *front)
{
	return front->unlinks;
}

void vusb_front_hold(struct vusb_front *front)
{
	front->held = true;
}

int vusb_front_release(struct vusb_front *front)
{
	front->held = false;
	return push(front);
}

int vusb_front_kick(struct vusb_front *front)
{
	return fake_guest_notify(front->guest, front->port);
}

/*
 * --- answers --------------------------------------------------------------
 */

static int raw_keep(struct vusb_front *front,
		    const struct tv_usbif_response *response)
{
	struct raw_answer *answer = calloc(1, sizeof(*answer)), **link;

	if (!answer)
		return -ENOMEM;
	answer->response = *response;
	for (link = &front->raw_answers; *link; link = &(*link)->next)
		;
	*link = answer;
	return 0;
}

static bool is_pattern(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (data[i] != PATTERN)
			return false;
	return true;
}

/* Looks at the bounce pages of an answered urb and gives it back. */
static void urb_finish(struct vusb_front *front, struct shadow *shadow,
		       const struct tv_usbif_response *response)
{
	struct vusb_urb *urb = shadow->urb;
	size_t total = (size_t)shadow->page_count * USBIF_PAGE_SIZE;
	size_t actual, filled;

	urb->status = response->status;
	urb->actual_length = response->actual_length;
	urb->error_count = response->error_count;
	if (urb->actual_length < 0 ||
	    (size_t)urb->actual_length > urb->length) {
		violate(front, "id %u: actual_length %d of %zu", response->id,
			urb->actual_length, urb->length);
		urb->actual_length = 0;
	}
	actual = (size_t)urb->actual_length;
	/* Of an IN that failed, no octet of the buffer is defined. */
	filled = urb_is_in(urb) && urb->status == 0 ? actual : urb->length;
	if (total > 0 && (!is_pattern(shadow->pages, urb->offset) ||
			  !is_pattern(shadow->pages + urb->offset + filled,
				      total - urb->offset - filled)))
		violate(front, "id %u: octets outside the %zu answered changed",
			response->id, filled);
	if (urb_is_in(urb) && actual > 0)
		memcpy(urb->data, shadow->pages + urb->offset, actual);
	if (!urb_is_in(urb) && total > 0 &&
	    memcmp(urb->data, shadow->pages + urb->offset, urb->length) != 0)
		violate(front, "id %u: an OUT buffer changed", response->id);
	urb->done = true;
}

static void response_handle(struct vusb_front *front,
			    const struct tv_usbif_response *response)
{
	struct shadow *shadow = NULL;
	bool released;

	if (response->id < vusb_front_ring_entries(front))
		shadow = &front->shadow[response->id];
	if (!shadow || shadow->kind == SHADOW_FREE) {
		if (front->wild > 0) {
			front->wild--;
			front->in_flight--;
			(void)raw_keep(front, response);
			return;
		}
		violate(front, "response to id %u, which is not in flight%s",
			response->id,
			shadow && shadow->answered_once ? " (any more)" : "");
		return;
	}
	shadow->answered_once = true;
	front->in_flight--;
	switch (shadow->kind) {
	case SHADOW_URB:
		released = shadow_release(front, shadow);
		if (!released)
			violate(front, "id %u: backend didn't release grant",
				response->id);
		urb_finish(front, shadow, response);
		shadow_free_pages(front, shadow, released);
		/* As the stock driver does: the rest stays stale. */
		shadow->request.nr_buffer_segs = 0;
		break;
	case SHADOW_UNLINK:
		front->unlinks--;
		break;
	default:
		/* A raw request, or one whose caller stopped waiting. */
		shadow_free_pages(front, shadow, shadow_release(front, shadow));
		(void)raw_keep(front, response);
		break;
	}
	id_put(front, response->id);
}

/* All responses there are; returns how many. */
static int responses_take(struct vusb_front *front)
{
	struct vusb_ring *ring = &front->urb_ring;
	struct tv_usbif_response response;
	int count = 0;

	do {
		uint32_t prod = vusb_ring_rsp_prod(ring);

		if (prod - ring->rsp_cons > ring->req_pushed - ring->rsp_cons) {
			violate(front, "illegal response index %u on urb ring",
				prod);
			return count;
		}
		while (ring->rsp_cons != prod) {
			memcpy(&response, vusb_ring_slot(ring, ring->rsp_cons),
			       sizeof(response));
			ring->rsp_cons++;
			count++;
			response_handle(front, &response);
			if (front->dead)
				return count;
		}
	} while (vusb_ring_final_check(ring));
	return count;
}

static int conn_event_handle(struct vusb_front *front,
			     const struct tv_usbif_conn_response *response)
{
	struct conn_event *event, **link;
	struct tv_usbif_conn_request request;

	if (response->portnum < 1 || response->portnum > front->ports ||
	    response->speed > USBIF_SPEED_HIGH) {
		violate(front, "illegal connection event: port %u speed %u",
			response->portnum, response->speed);
		return 0;
	}
	if (response->id >= USBIF_CONN_RING_ENTRIES ||
	    !front->conn_out[response->id]) {
		violate(front, "connection event with id %u, not in flight",
			response->id);
		return 0;
	}
	event = calloc(1, sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->response = *response;
	for (link = &front->conn_events; *link; link = &(*link)->next)
		;
	*link = event;
	front->speed[response->portnum] = response->speed;
	request.id = response->id;
	memcpy(vusb_ring_slot(&front->conn_ring, front->conn_ring.req_prod),
	       &request, sizeof(request));
	front->conn_ring.req_prod++;
	return 0;
}

static int conn_events_take(struct vusb_front *front)
{
	struct vusb_ring *ring = &front->conn_ring;
	struct tv_usbif_conn_response response;
	int count = 0;

	do {
		uint32_t prod = vusb_ring_rsp_prod(ring);

		if (prod - ring->rsp_cons > ring->req_pushed - ring->rsp_cons) {
			violate(front, "illegal response index %u on conn ring",
				prod);
			return count;
		}
		while (ring->rsp_cons != prod) {
			memcpy(&response, vusb_ring_slot(ring, ring->rsp_cons),
			       sizeof(response));
			ring->rsp_cons++;
			count++;
			if (conn_event_handle(front, &response) < 0 ||
			    front->dead)
				return count;
		}
		if (vusb_ring_push(ring))
			(void)fake_guest_notify(front->guest, front->port);
	} while (vusb_ring_final_check(ring));
	return count;
}

/* Compares notifications with progress; see the head of the file. */
static void notifications_judge(struct vusb_front *front)
{
	struct fake_guest_port_stats stats;
	uint64_t notified, progressed;
	uint32_t produced;

	/* Notifications first: what they announce is then in the indexes. */
	if (fake_guest_port_stats(front->guest, front->port, &stats) < 0)
		return;
	produced = vusb_ring_rsp_prod(&front->urb_ring) +
		   vusb_ring_rsp_prod(&front->conn_ring);
	notified = stats.received - front->notified;
	progressed = produced - front->progressed;
	if (notified > progressed + front->slack) {
		violate(front, "%llu notifications for %llu responses",
			(unsigned long long)notified,
			(unsigned long long)progressed);
		front->slack = 0;
	} else {
		front->slack = progressed + front->slack > notified;
	}
	front->notified = stats.received;
	front->progressed = produced;
}

static bool unannounced(struct vusb_front *front)
{
	return vusb_ring_rsp_prod(&front->urb_ring) !=
		       front->urb_ring.rsp_cons ||
	       vusb_ring_rsp_prod(&front->conn_ring) !=
		       front->conn_ring.rsp_cons;
}

int vusb_front_poll(struct vusb_front *front, int timeout_ms)
{
	int count, rc;

	if (front->port <= 0)
		return -ENOTCONN;
	if (front->dead)
		return -EPROTO;
	rc = fake_guest_wait(front->guest, front->port, timeout_ms);
	if (rc == 0 && timeout_ms > 0 && unannounced(front)) {
		rc = fake_guest_wait(front->guest, front->port, GRACE_MS);
		if (rc == 0)
			violate(front, "responses without a notification");
	}
	if (rc < 0)
		return rc;
	if (rc == 0)
		return front->dead ? -EPROTO : 0;
	count = responses_take(front);
	if (!front->dead)
		count += conn_events_take(front);
	if (!front->dead)
		notifications_judge(front);
	return front->dead ? -EPROTO : count;
}

/* Polls once within the deadline: 0, -ETIMEDOUT or another error. */
static int poll_until(struct vusb_front *front, int64_t deadline)
{
	int rc = vusb_front_poll(front, guest_left_ms(deadline));

	if (rc < 0)
		return rc;
	return rc == 0 && guest_left_ms(deadline) == 0 ? -ETIMEDOUT : 0;
}

int vusb_front_wait(struct vusb_front *front, struct vusb_urb *urb,
		    int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	int rc = 0;

	while (!urb->done && rc == 0)
		rc = poll_until(front, deadline);
	return urb->done && rc != -EPROTO ? 0 : rc;
}

unsigned vusb_front_in_flight(const struct vusb_front *front)
{
	return front->in_flight;
}

/*
 * Submits, waits, and on a timeout leaves nothing behind that points to the
 * caller's stack: the urb is forgotten and its pages are lost.
 */
static int transfer(struct vusb_front *front, struct vusb_urb *urb, int *actual,
		    int timeout_ms)
{
	struct shadow *shadow;
	int rc = vusb_front_submit(front, urb);

	if (rc < 0)
		return rc;
	rc = vusb_front_wait(front, urb, timeout_ms);
	if (!urb->done) {
		shadow = &front->shadow[urb->id];
		shadow->kind = SHADOW_RAW;
		shadow->urb = NULL;
	}
	if (rc < 0)
		return rc;
	if (actual)
		*actual = urb->actual_length;
	return urb->status;
}

int vusb_front_control(struct vusb_front *front, uint8_t port, uint8_t address,
		       uint8_t request_type, uint8_t request, uint16_t value,
		       uint16_t index, void *data, uint16_t length, int *actual,
		       int timeout_ms)
{
	struct vusb_urb urb = {
		.port = port,
		.address = address,
		.type = USBIF_PIPE_TYPE_CTRL,
		.setup = {request_type, request, (uint8_t)value,
			  (uint8_t)(value >> 8), (uint8_t)index,
			  (uint8_t)(index >> 8), (uint8_t)length,
			  (uint8_t)(length >> 8)},
		.data = data,
		.length = length,
	};

	return transfer(front, &urb, actual, timeout_ms);
}

int vusb_front_bulk(struct vusb_front *front, uint8_t port, uint8_t address,
		    uint8_t endpoint, void *data, size_t length, int *actual,
		    int timeout_ms)
{
	struct vusb_urb urb = {
		.port = port,
		.address = address,
		.endpoint = endpoint,
		.type = USBIF_PIPE_TYPE_BULK,
		.data = data,
		.length = length,
	};

	return transfer(front, &urb, actual, timeout_ms);
}

/*
 * --- connection events ----------------------------------------------------
 */

int vusb_front_conn_next(struct vusb_front *front,
			 struct tv_usbif_conn_response *out, int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	struct conn_event *event;
	int rc;

	while (!front->conn_events) {
		rc = poll_until(front, deadline);
		if (rc < 0)
			return rc == -ETIMEDOUT ? 0 : rc;
	}
	event = front->conn_events;
	front->conn_events = event->next;
	*out = event->response;
	free(event);
	return 1;
}

unsigned vusb_front_port_speed(const struct vusb_front *front, unsigned port)
{
	return port <= USBIF_MAX_PORTS ? front->speed[port] : 0;
}

int vusb_front_port_wait(struct vusb_front *front, unsigned port,
			 unsigned speed, int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	int rc = 0;

	while (rc == 0 && vusb_front_port_speed(front, port) != speed)
		rc = poll_until(front, deadline);
	return vusb_front_port_speed(front, port) == speed ? 0 : rc;
}

/*
 * --- raw and hostile ------------------------------------------------------
 */

int vusb_front_raw_id(struct vusb_front *front)
{
	return front->free_head < 0 ? -EAGAIN : front->free_head;
}

int vusb_front_raw(struct vusb_front *front,
		   const struct tv_usbif_request *request)
{
	int *link, rc = usable(front);

	if (rc < 0)
		return rc;
	for (link = &front->free_head; *link >= 0;
	     link = &front->shadow[*link].next_free)
		if (*link == request->id)
			break;
	if (*link >= 0) {
		struct shadow *shadow = &front->shadow[request->id];

		*link = shadow->next_free;
		shadow->kind = SHADOW_RAW;
		shadow->request = *request;
	} else {
		front->wild++;
	}
	return request_put(front, request);
}

int vusb_front_raw_next(struct vusb_front *front, struct tv_usbif_response *out,
			int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	struct raw_answer *answer;
	int rc;

	while (!front->raw_answers) {
		rc = poll_until(front, deadline);
		if (rc < 0)
			return rc == -ETIMEDOUT ? 0 : rc;
	}
	answer = front->raw_answers;
	front->raw_answers = answer->next;
	*out = answer->response;
	free(answer);
	return 1;
}

struct tv_ring_header *vusb_front_urb_sring(struct vusb_front *front)
{
	return vusb_ring_header(&front->urb_ring);
}

struct tv_ring_header *vusb_front_conn_sring(struct vusb_front *front)
{
	return vusb_ring_header(&front->conn_ring);
}

void *vusb_front_urb_slot(struct vusb_front *front, uint32_t index)
{
	return vusb_ring_slot(&front->urb_ring, index);
}

void *vusb_front_conn_slot(struct vusb_front *front, uint32_t index)
{
	return vusb_ring_slot(&front->conn_ring, index);
}
