/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test-vusb-front.c - the fake frontend and toolstack speak the protocol, and
 * the frontend catches a backend that breaks a promise.
 *
 * The backend here is a puppet: it maps the rings and does only what a test
 * tells it, right or wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/toolstack.h"
#include "tests/fake-xen/vusb_front.h"
#include "tests/fake-xen/xenstored.h"

#define SECOND 1000

static struct fake_xenstored *xenstored;
static struct xs_handle *dom0;

/* A puppet and what hangs on its strings. */
struct bed {
	struct fake_guest *guest;
	struct vusb_front *front;
	uint32_t domid;
	char backend[64];
	char frontend[64];
	xenevtchn_handle *xce;
	xengnttab_handle *xgt;
	int port;
	unsigned order;
	struct tv_ring_header *urb; /* mapped */
	struct tv_ring_header *conn;
	uint32_t req_cons;
	uint32_t conn_req_cons;
};

/*
 * --- the puppet -----------------------------------------------------------
 */

static void node_set(const char *base, const char *node, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", base, node);
	assert_true(
		xs_write(dom0, XBT_NULL, path, value, (unsigned)strlen(value)));
}

static uint32_t node_number(const char *base, const char *node)
{
	char path[128], *text;
	unsigned len;
	uint32_t number;

	snprintf(path, sizeof(path), "%s/%s", base, node);
	text = xs_read(dom0, XBT_NULL, path, &len);
	assert_non_null(text);
	number = (uint32_t)strtoul(text, NULL, 10);
	free(text);
	return number;
}

static uint8_t *entries(struct tv_ring_header *header)
{
	return (uint8_t *)(header + 1);
}

static void puppet_connect(struct bed *bed)
{
	uint32_t refs[USBIF_MAX_RING_PAGES], conn_ref;
	char name[32];

	if (bed->order == 0)
		refs[0] = node_number(bed->frontend, "urb-ring-ref");
	for (unsigned i = 0; bed->order > 0 && i < 1u << bed->order; i++) {
		snprintf(name, sizeof(name), "urb-ring-ref%u", i);
		refs[i] = node_number(bed->frontend, name);
	}
	conn_ref = node_number(bed->frontend, "conn-ring-ref");
	bed->urb = xengnttab_map_domain_grant_refs(bed->xgt, 1u << bed->order,
						   bed->domid, refs,
						   PROT_READ | PROT_WRITE);
	bed->conn = xengnttab_map_grant_ref(bed->xgt, bed->domid, conn_ref,
					    PROT_READ | PROT_WRITE);
	assert_non_null(bed->urb);
	assert_non_null(bed->conn);
	bed->port = xenevtchn_bind_interdomain(
		bed->xce, bed->domid,
		node_number(bed->frontend, "event-channel"));
	assert_true(bed->port > 0);
	bed->req_cons = 0;
	bed->conn_req_cons = 0;
	node_set(bed->backend, "state", "4");
}

static void puppet_disconnect(struct bed *bed)
{
	xengnttab_unmap(bed->xgt, bed->urb, 1u << bed->order);
	xengnttab_unmap(bed->xgt, bed->conn, 1);
	xenevtchn_unbind(bed->xce, (evtchn_port_t)bed->port);
	bed->urb = NULL;
	bed->conn = NULL;
}

static void puppet_notify(struct bed *bed)
{
	assert_int_equal(xenevtchn_notify(bed->xce, (evtchn_port_t)bed->port),
			 0);
}

static bool puppet_request(struct bed *bed, struct tv_usbif_request *out)
{
	uint32_t slot = bed->req_cons % USBIF_URB_RING_ENTRIES(bed->order);

	if (bed->urb->req_prod == bed->req_cons)
		return false;
	memcpy(out, entries(bed->urb) + slot * sizeof(*out), sizeof(*out));
	bed->req_cons++;
	bed->urb->req_event = bed->req_cons + 1;
	return true;
}

/* Puts a response without notifying. */
static void puppet_respond(struct bed *bed, uint16_t id, int status, int actual)
{
	struct tv_usbif_response response = {
		.id = id, .status = status, .actual_length = actual};
	uint32_t slot = bed->urb->rsp_prod % USBIF_URB_RING_ENTRIES(bed->order);

	memcpy(entries(bed->urb) + slot * sizeof(struct tv_usbif_request),
	       &response, sizeof(response));
	bed->urb->rsp_prod++;
}

static void puppet_plug(struct bed *bed, uint8_t port, uint8_t speed)
{
	struct tv_usbif_conn_response response = {.portnum = port,
						  .speed = speed};
	uint32_t at = bed->conn->rsp_prod % USBIF_CONN_RING_ENTRIES;

	memcpy(&response.id,
	       entries(bed->conn) +
		       (bed->conn_req_cons++ % USBIF_CONN_RING_ENTRIES) *
			       sizeof(response),
	       sizeof(response.id));
	memcpy(entries(bed->conn) + at * sizeof(response), &response,
	       sizeof(response));
	bed->conn->rsp_prod++;
}

/* Copies between a buffer and the data segments of a request. */
static void puppet_data(struct bed *bed, const struct tv_usbif_request *request,
			uint8_t *data, size_t len, bool to_guest)
{
	struct tv_usbif_segment segments[USBIF_SEGMENTS_PER_PAGE];
	unsigned count = request->nr_buffer_segs;

	memcpy(segments, request->seg, sizeof(request->seg));
	if (request->transfer_flags & USBIF_FLAG_INDIRECT) {
		xengnttab_grant_copy_segment_t copy = {
			.source.foreign = {.ref = request->seg[0].gref,
					   .domid = (uint16_t)bed->domid},
			.dest.virt = segments,
			.len = (uint16_t)(count * sizeof(segments[0])),
			.flags = GNTCOPY_source_gref,
		};

		assert_int_equal(request->seg[0].length, copy.len);
		assert_int_equal(xengnttab_grant_copy(bed->xgt, 1, &copy), 0);
		assert_int_equal(copy.status, GNTST_okay);
	}
	for (unsigned i = 0; i < count && len > 0; i++) {
		union xengnttab_copy_ptr local = {.virt = data};
		union xengnttab_copy_ptr foreign = {
			.foreign = {.ref = segments[i].gref,
				    .offset = segments[i].offset,
				    .domid = (uint16_t)bed->domid},
		};
		xengnttab_grant_copy_segment_t copy = {
			.source = to_guest ? local : foreign,
			.dest = to_guest ? foreign : local,
			.len = segments[i].length,
			.flags = to_guest ? GNTCOPY_dest_gref
					  : GNTCOPY_source_gref,
		};

		if (copy.len > len)
			copy.len = (uint16_t)len;
		assert_int_equal(xengnttab_grant_copy(bed->xgt, 1, &copy), 0);
		assert_int_equal(copy.status, GNTST_okay);
		data += copy.len;
		len -= copy.len;
	}
}

/*
 * --- a bed for each test --------------------------------------------------
 */

static void bed_start(struct bed *bed, const struct vusb_front_options *options)
{
	memset(bed, 0, sizeof(*bed));
	assert_int_equal(fake_guest_create(&bed->guest, 0, NULL, 1024), 0);
	bed->domid = fake_guest_domid(bed->guest);
	assert_int_equal(fake_toolstack_domain_create(dom0, bed->guest, "v"),
			 0);
	assert_int_equal(
		fake_toolstack_controller_add(dom0, bed->domid, 0, 2, 8), 0);
	snprintf(bed->backend, sizeof(bed->backend),
		 "/local/domain/0/backend/vusb/%u/0", bed->domid);
	snprintf(bed->frontend, sizeof(bed->frontend),
		 "/local/domain/%u/device/vusb/0", bed->domid);
	bed->xce = xenevtchn_open(NULL, 0);
	bed->xgt = xengnttab_open(NULL, 0);
	node_set(bed->backend, "max-ring-page-order", "2");
	node_set(bed->backend, "feature-max-indirect-segments", "256");
	node_set(bed->backend, "state", "2");
	assert_int_equal(vusb_front_create(&bed->front, bed->guest, 0, options),
			 0);
	assert_int_equal(vusb_front_ports(bed->front), 8);
	assert_int_equal(vusb_front_backend_wait(bed->front, 2, SECOND), 0);
	assert_int_equal(vusb_front_publish(bed->front), 0);
	assert_int_equal(vusb_front_set_state(bed->front, 4), 0);
	if (options)
		bed->order = node_number(bed->frontend, "urb-ring-page-order");
	puppet_connect(bed);
	assert_int_equal(vusb_front_backend_wait(bed->front, 4, SECOND), 0);
}

static void bed_stop(struct bed *bed)
{
	if (bed->urb)
		puppet_disconnect(bed);
	vusb_front_free(bed->front);
	assert_int_equal(fake_guest_mappings(bed->guest), 0);
	assert_int_equal(fake_guest_grants_in_use(bed->guest), 0);
	node_set(bed->backend, "state", "6");
	assert_int_equal(
		fake_toolstack_domain_destroy(dom0, bed->guest, SECOND), 0);
	assert_int_equal(fake_xen_domain_wait_gone(bed->domid, SECOND), 0);
	fake_guest_free(bed->guest);
	xenevtchn_close(bed->xce);
	xengnttab_close(bed->xgt);
}

/* An IN bulk urb on the ring and taken by the puppet. */
static void urb_start(struct bed *bed, struct vusb_urb *urb,
		      struct tv_usbif_request *request, void *data, size_t len)
{
	*urb = (struct vusb_urb){.port = 1,
				 .address = 5,
				 .endpoint = 0x81,
				 .type = USBIF_PIPE_TYPE_BULK,
				 .data = data,
				 .length = len};
	assert_int_equal(vusb_front_submit(bed->front, urb), 0);
	assert_true(puppet_request(bed, request));
}

static void test_stock_handshake_and_events(void **state)
{
	struct tv_usbif_conn_response event;
	struct bed bed;

	bed_start(&bed, NULL);
	assert_int_equal(vusb_front_ring_entries(bed.front), 16);
	assert_int_equal(bed.conn->req_prod, 512);
	assert_int_equal(vusb_front_conn_next(bed.front, &event, 20), 0);
	puppet_plug(&bed, 3, USBIF_SPEED_HIGH);
	puppet_plug(&bed, 4, USBIF_SPEED_FULL);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_conn_next(bed.front, &event, SECOND), 1);
	assert_int_equal(event.portnum, 3);
	assert_int_equal(
		vusb_front_port_wait(bed.front, 4, USBIF_SPEED_FULL, SECOND),
		0);
	/* The ids come back as requests; 600 events go through a ring of 512.
	 */
	for (int i = 0; i < 600; i++) {
		puppet_plug(&bed, 3, i & 1 ? USBIF_SPEED_HIGH : 0);
		puppet_notify(&bed);
		assert_int_equal(vusb_front_poll(bed.front, SECOND), 1);
	}
	assert_int_equal(bed.conn->req_prod, 512 + 602);
	assert_null(vusb_front_violation(bed.front));
	bed_stop(&bed);
}

static void test_data_goes_both_ways(void **state)
{
	struct tv_usbif_request request;
	uint8_t out[9000], in[9000], got[9000];
	struct vusb_urb urb;
	struct bed bed;

	bed_start(&bed, NULL);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 7);
	urb = (struct vusb_urb){.port = 2,
				.address = 7,
				.endpoint = 3,
				.type = USBIF_PIPE_TYPE_BULK,
				.data = out,
				.length = sizeof(out),
				.offset = 4000};
	assert_int_equal(vusb_front_submit(bed.front, &urb), 0);
	assert_true(puppet_request(&bed, &request));
	assert_int_equal(request.nr_buffer_segs, 4);
	assert_int_equal(request.buffer_length, 9000);
	assert_int_equal(request.seg[0].offset, 4000);
	assert_int_equal(request.seg[0].length, 96);
	assert_int_equal(request.pipe, 3u << 30 | 3u << 15 | 7u << 8 | 2);
	puppet_data(&bed, &request, got, sizeof(got), false);
	assert_memory_equal(got, out, sizeof(out));
	puppet_respond(&bed, request.id, 0, sizeof(out));
	puppet_notify(&bed);
	assert_int_equal(vusb_front_wait(bed.front, &urb, SECOND), 0);
	assert_int_equal(urb.actual_length, 9000);

	memset(in, 0, sizeof(in));
	urb_start(&bed, &urb, &request, in, sizeof(in));
	puppet_data(&bed, &request, out, 5000, true);
	puppet_respond(&bed, request.id, 0, 5000);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_wait(bed.front, &urb, SECOND), 0);
	assert_memory_equal(in, out, 5000);
	assert_int_equal(in[5000], 0);
	assert_null(vusb_front_violation(bed.front));
	bed_stop(&bed);
}

static void test_our_own_dialect_is_negotiated(void **state)
{
	const struct vusb_front_options options = {.ring_order = 3,
						   .indirect = true};
	static uint8_t in[100000], data[100000];
	struct tv_usbif_request request;
	struct vusb_urb urb;
	struct bed bed;

	bed_start(&bed, &options);
	assert_int_equal(bed.order, 2);
	assert_int_equal(vusb_front_ring_entries(bed.front), 64);
	assert_int_equal(vusb_front_max_indirect(bed.front), 256);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i >> 3);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	assert_int_equal(request.transfer_flags, USBIF_FLAG_INDIRECT);
	assert_int_equal(request.nr_buffer_segs, 25);
	assert_int_equal(request.buffer_length, 0);
	puppet_data(&bed, &request, data, sizeof(data), true);
	puppet_respond(&bed, request.id, 0, sizeof(data));
	puppet_notify(&bed);
	assert_int_equal(vusb_front_wait(bed.front, &urb, SECOND), 0);
	assert_memory_equal(in, data, sizeof(data));
	assert_null(vusb_front_violation(bed.front));
	bed_stop(&bed);
}

static void test_ring_fills_and_unlinks(void **state)
{
	struct tv_usbif_request request;
	struct vusb_urb urb[16];
	uint8_t in[16][64];
	struct bed bed;

	bed_start(&bed, NULL);
	vusb_front_hold(bed.front);
	for (int i = 0; i < 15; i++) {
		urb[i] = (struct vusb_urb){.port = 1,
					   .endpoint = 0x82,
					   .type = USBIF_PIPE_TYPE_INT,
					   .interval = 4,
					   .data = in[i],
					   .length = 64};
		assert_int_equal(vusb_front_submit(bed.front, &urb[i]), 0);
	}
	assert_false(puppet_request(&bed, &request));
	assert_int_equal(vusb_front_release(bed.front), 0);
	for (int i = 0; i < 15; i++) {
		assert_true(puppet_request(&bed, &request));
		assert_int_equal(request.id, urb[i].id);
		assert_int_equal(request.u.intr.interval, 4);
	}
	assert_int_equal(vusb_front_unlink(bed.front, &urb[3]), 0);
	assert_int_equal(vusb_front_submit(bed.front, &urb[15]), -EAGAIN);
	assert_true(puppet_request(&bed, &request));
	assert_true(request.pipe & USBIF_PIPE_UNLINK);
	assert_int_equal(request.u.unlink.id, urb[3].id);
	/* Both are answered, one notification for both. */
	puppet_respond(&bed, request.id, 0, 0);
	puppet_respond(&bed, (uint16_t)urb[3].id, USBIF_STATUS_NODEV, 0);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_poll(bed.front, SECOND), 2);
	assert_true(urb[3].done);
	assert_int_equal(vusb_front_unlinks_pending(bed.front), 0);
	assert_int_equal(vusb_front_in_flight(bed.front), 14);
	/* The backend closes: the rest comes back with -ESHUTDOWN. */
	assert_int_equal(vusb_front_disconnect(bed.front), 0);
	assert_true(urb[0].done);
	assert_int_equal(urb[0].status, USBIF_STATUS_SHUTDOWN);
	assert_int_equal(node_number(bed.frontend, "state"), 6);
	assert_null(vusb_front_violation(bed.front));
	bed_stop(&bed);
}

/*
 * --- broken promises ------------------------------------------------------
 */

static void expect_violation(struct bed *bed, const char *words)
{
	assert_int_equal(vusb_front_poll(bed->front, SECOND), -EPROTO);
	assert_non_null(vusb_front_violation(bed->front));
	assert_non_null(strstr(vusb_front_violation(bed->front), words));
	vusb_front_violation_clear(bed->front);
	bed_stop(bed);
}

static void test_an_id_answered_twice_is_caught(void **state)
{
	struct tv_usbif_request request;
	struct vusb_urb urb, second;
	uint8_t in[8], in2[8];
	struct bed bed;

	bed_start(&bed, NULL);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	urb_start(&bed, &second, &request, in2, sizeof(in2));
	puppet_respond(&bed, (uint16_t)urb.id, 0, 0);
	puppet_respond(&bed, (uint16_t)urb.id, 0, 0);
	puppet_notify(&bed);
	expect_violation(&bed, "not in flight (any more)");
}

static void test_a_grant_that_is_held_is_caught(void **state)
{
	struct tv_usbif_request request;
	struct vusb_urb urb;
	uint8_t in[8];
	struct bed bed;
	void *held;

	bed_start(&bed, NULL);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	held = xengnttab_map_grant_ref(bed.xgt, bed.domid, request.seg[0].gref,
				       PROT_READ);
	puppet_respond(&bed, request.id, 0, 0);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_poll(bed.front, SECOND), -EPROTO);
	assert_non_null(strstr(vusb_front_violation(bed.front), "release"));
	/* As in Linux the page is lost. */
	xengnttab_unmap(bed.xgt, held, 1);
	assert_int_equal(fake_guest_grant_end(bed.guest, request.seg[0].gref),
			 0);
	bed_stop(&bed);
}

static void test_too_many_octets_are_caught(void **state)
{
	struct tv_usbif_request request;
	struct vusb_urb urb;
	uint8_t in[64], data[64] = {0};
	struct bed bed;

	bed_start(&bed, NULL);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	puppet_data(&bed, &request, data, 64, true);
	puppet_respond(&bed, request.id, 0, 10);
	puppet_notify(&bed);
	expect_violation(&bed, "outside the 10 answered");
	bed_start(&bed, NULL);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	puppet_respond(&bed, request.id, 0, 65);
	puppet_notify(&bed);
	expect_violation(&bed, "actual_length 65 of 64");
}

static void test_notifications_are_judged(void **state)
{
	struct tv_usbif_request request;
	struct vusb_urb urb;
	uint8_t in[8];
	struct bed bed;

	/* One without progress. */
	bed_start(&bed, NULL);
	urb_start(&bed, &urb, &request, in, sizeof(in));
	puppet_respond(&bed, request.id, 0, 0);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_poll(bed.front, SECOND), 1);
	puppet_notify(&bed);
	expect_violation(&bed, "notifications");

	/* One for a push that was seen before it was announced: fine. */
	bed_start(&bed, NULL);
	puppet_plug(&bed, 1, 3);
	puppet_notify(&bed);
	puppet_plug(&bed, 2, 3);
	assert_int_equal(vusb_front_poll(bed.front, SECOND), 2);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_poll(bed.front, SECOND), 0);
	assert_null(vusb_front_violation(bed.front));
	puppet_notify(&bed);
	expect_violation(&bed, "notifications");

	/* None at all. */
	bed_start(&bed, NULL);
	puppet_plug(&bed, 1, 3);
	expect_violation(&bed, "without a notification");
}

static void test_illegal_events_and_indexes_are_caught(void **state)
{
	struct bed bed;

	bed_start(&bed, NULL);
	puppet_plug(&bed, 9, 3);
	puppet_notify(&bed);
	expect_violation(&bed, "port 9");
	bed_start(&bed, NULL);
	bed.urb->rsp_prod = 1;
	puppet_notify(&bed);
	expect_violation(&bed, "urb ring");
}

static void test_raw_requests_are_answered_raw(void **state)
{
	struct tv_usbif_request request = {.nr_buffer_segs = 17}, seen;
	struct tv_usbif_response response;
	struct bed bed;

	bed_start(&bed, NULL);
	request.id = (uint16_t)vusb_front_raw_id(bed.front);
	assert_int_equal(vusb_front_raw(bed.front, &request), 0);
	request.id = 999;
	assert_int_equal(vusb_front_raw(bed.front, &request), 0);
	assert_true(puppet_request(&bed, &seen));
	assert_int_equal(seen.nr_buffer_segs, 17);
	puppet_respond(&bed, seen.id, USBIF_STATUS_INVAL, 0);
	puppet_respond(&bed, 999, USBIF_STATUS_INVAL, 0);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_raw_next(bed.front, &response, SECOND), 1);
	assert_int_equal(response.status, USBIF_STATUS_INVAL);
	assert_int_equal(vusb_front_raw_next(bed.front, &response, SECOND), 1);
	assert_int_equal(response.id, 999);
	assert_int_equal(vusb_front_raw_next(bed.front, &response, 0), 0);
	assert_null(vusb_front_violation(bed.front));
	bed_stop(&bed);
}

static void test_frontend_comes_back(void **state)
{
	struct bed bed;

	bed_start(&bed, NULL);
	assert_int_equal(vusb_front_disconnect(bed.front), 0);
	puppet_disconnect(&bed);
	node_set(bed.backend, "state", "2");
	assert_int_equal(vusb_front_reopen(bed.front), 0);
	assert_int_equal(vusb_front_publish(bed.front), 0);
	assert_int_equal(vusb_front_set_state(bed.front, 4), 0);
	puppet_connect(&bed);
	puppet_plug(&bed, 1, 3);
	puppet_notify(&bed);
	assert_int_equal(vusb_front_port_wait(bed.front, 1, 3, SECOND), 0);
	bed_stop(&bed);
}

/*
 * --- toolstack ------------------------------------------------------------
 */

static void test_nodes_are_as_libxl_writes_them(void **state)
{
	struct xs_permissions *perms;
	char path[96], *text;
	unsigned count, len;
	struct bed bed;

	bed_start(&bed, NULL);
	assert_int_equal(node_number(bed.backend, "frontend-id"), bed.domid);
	assert_int_equal(node_number(bed.backend, "online"), 1);
	assert_int_equal(node_number(bed.backend, "usb-ver"), 2);
	assert_int_equal(node_number(bed.backend, "num-ports"), 8);
	snprintf(path, sizeof(path), "%s/port/8", bed.backend);
	text = xs_read(dom0, XBT_NULL, path, &len);
	assert_non_null(text);
	assert_int_equal(len, 0);
	free(text);
	perms = xs_get_permissions(dom0, XBT_NULL, path, &count);
	assert_int_equal(count, 2);
	assert_int_equal(perms[0].id, 0);
	assert_int_equal(perms[0].perms, XS_PERM_NONE);
	assert_int_equal(perms[1].id, bed.domid);
	assert_int_equal(perms[1].perms, XS_PERM_READ);
	free(perms);
	perms = xs_get_permissions(dom0, XBT_NULL, bed.frontend, &count);
	assert_int_equal(perms[0].id, bed.domid);
	assert_int_equal(perms[1].id, 0);
	free(perms);
	/* The guest cannot plug or unplug itself. */
	snprintf(path, sizeof(path), "%s/online", bed.backend);
	assert_int_equal(fake_guest_xs_write(bed.guest, 0, path, "0", 1),
			 -EACCES);
	bed_stop(&bed);
}

static void test_attach_and_detach_wait_for_the_backend(void **state)
{
	struct fake_guest *guest;
	char base[64];
	uint32_t domid;

	assert_int_equal(fake_guest_create(&guest, 0, NULL, 16), 0);
	domid = fake_guest_domid(guest);
	assert_int_equal(fake_toolstack_domain_create(dom0, guest, "t"), 0);
	assert_int_equal(
		fake_toolstack_controller_attach(dom0, domid, 1, 2, 4, 50),
		-ETIMEDOUT);
	snprintf(base, sizeof(base), "/local/domain/0/backend/vusb/%u/1",
		 domid);
	node_set(base, "state", "2");
	assert_int_equal(fake_toolstack_backend_wait(dom0, domid, 1,
						     XENBUS_INIT_WAIT, 50),
			 0);
	assert_int_equal(fake_toolstack_controller_detach(dom0, domid, 1, 50),
			 -ETIMEDOUT);
	assert_int_equal(fake_toolstack_backend_state(dom0, domid, 1),
			 XENBUS_UNKNOWN);
	assert_int_equal(fake_toolstack_node_wait(dom0, base, NULL, 0), 0);
	/* Destroying a domain without controllers waits for nobody. */
	assert_int_equal(fake_toolstack_domain_destroy(dom0, guest, SECOND), 0);
	fake_guest_free(guest);
}

/*
 * --- a whole program ------------------------------------------------------
 */

static void test_a_preloaded_program_runs_on_the_fake(void **state)
{
	char domid[16], port[16], ref[16], line[64] = "", expected[64];
	const char *found = fake_xen_library("preload-probe");
	struct fake_guest *guest;
	int *page, status, fds[2];
	char program[4096];
	pid_t child;

	assert_non_null(found);
	snprintf(program, sizeof(program), "%s", found);
	assert_int_equal(fake_guest_create(&guest, 0, NULL, 16), 0);
	assert_int_equal(fake_toolstack_domain_create(dom0, guest, "p"), 0);
	page = fake_guest_page_alloc(guest);
	snprintf(domid, sizeof(domid), "%u", fake_guest_domid(guest));
	snprintf(port, sizeof(port), "%d", fake_guest_port_alloc(guest, 0));
	snprintf(ref, sizeof(ref), "%d", fake_guest_grant(guest, page, false));
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		if (fake_xen_preload_env() == 0)
			execl(program, program, domid, port, ref, NULL);
		_exit(127);
	}
	close(fds[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	close(fds[0]);
	snprintf(expected, sizeof(expected), "/local/domain/%s\n", domid);
	assert_string_equal(line, expected);
	assert_int_equal(page[0], 1);
	assert_int_equal(page[1], 1);
	assert_int_equal(fake_guest_wait(guest, atoi(port), SECOND), 1);
	assert_int_equal(fake_guest_mappings(guest), 0);
	fake_toolstack_domain_destroy(dom0, guest, SECOND);
	fake_guest_free(guest);
}

static int group_setup(void **state)
{
	int rc = fake_xen_setup();

	if (rc == 0)
		rc = fake_xenstored_start(&xenstored);
	if (rc < 0)
		return rc;
	dom0 = xs_open(0);
	return dom0 ? 0 : -1;
}

static int group_teardown(void **state)
{
	if (dom0)
		xs_close(dom0);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stock_handshake_and_events),
		cmocka_unit_test(test_data_goes_both_ways),
		cmocka_unit_test(test_our_own_dialect_is_negotiated),
		cmocka_unit_test(test_ring_fills_and_unlinks),
		cmocka_unit_test(test_an_id_answered_twice_is_caught),
		cmocka_unit_test(test_a_grant_that_is_held_is_caught),
		cmocka_unit_test(test_too_many_octets_are_caught),
		cmocka_unit_test(test_notifications_are_judged),
		cmocka_unit_test(test_illegal_events_and_indexes_are_caught),
		cmocka_unit_test(test_raw_requests_are_answered_raw),
		cmocka_unit_test(test_frontend_comes_back),
		cmocka_unit_test(test_nodes_are_as_libxl_writes_them),
		cmocka_unit_test(test_attach_and_detach_wait_for_the_backend),
		cmocka_unit_test(test_a_preloaded_program_runs_on_the_fake),
	};

	if (!fake_xenstored_available()) {
		printf("SKIP: no xenstored (apt-get install xen-utils-4.17)\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
