// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-win-hcd.c - the promises of the Windows drivers' portable core: a
 * controller against a backend that this file plays on the same pages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frontend-windows/core/hcd.h"

enum { ORDER = 1, ENTRIES = 32, POOL = 4 * ENTRIES + TV_URGENT_PAGES };

struct bed {
	struct tv_hcd hcd;
	struct tv_page page[POOL];
	uint8_t (*memory)[USBIF_PAGE_SIZE];
	void *urb, *conn;
	uint32_t req_cons, rsp_prod, conn_prod;
	unsigned int notifies;
	bool no_buffer;
	struct tv_ep control, in, out;
};

static bool copy(struct tv_xfer *xfer, uint32_t pos, void *octets, uint32_t len,
		 bool out)
{
	uint8_t *buffer = xfer->os;

	if (!buffer)
		return false;
	assert_true(pos + len <= xfer->length);
	if (out)
		memcpy(octets, buffer + pos, len);
	else
		memcpy(buffer + pos, octets, len);
	return true;
}

static void notify(void *os)
{
	((struct bed *)os)->notifies++;
}

static const struct tv_hcd_ops ops = {copy, notify};

static void ep_make(struct tv_ep *ep, enum tv_class class, uint8_t type,
		    bool in)
{
	memset(ep, 0, sizeof(*ep));
	tv_ep_init(ep);
	ep->class = class;
	ep->type = type;
	ep->number = class == TV_CLASS_CONTROL ? 0 : 1;
	ep->port = 1;
	ep->address = 2;
	ep->in = in;
	ep->maxp = class == TV_CLASS_CONTROL ? 64 : 512;
}

static int setup(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->memory = calloc(POOL, USBIF_PAGE_SIZE);
	tv_hcd_init(&bed->hcd, &ops, bed);
	bed->hcd.urb = bed->urb = calloc(1u << ORDER, USBIF_PAGE_SIZE);
	bed->hcd.conn = bed->conn = calloc(1, USBIF_PAGE_SIZE);
	bed->hcd.ring_order = ORDER;
	bed->hcd.num_ports = 4;
	bed->hcd.indirect = true;
	for (unsigned int i = 0; i < POOL; i++) {
		bed->page[i].octets = bed->memory[i];
		bed->page[i].gref = 100 + i;
	}
	ep_make(&bed->control, TV_CLASS_CONTROL, USBIF_PIPE_TYPE_CTRL, false);
	ep_make(&bed->in, TV_CLASS_IN, USBIF_PIPE_TYPE_BULK, true);
	ep_make(&bed->out, TV_CLASS_OUT, USBIF_PIPE_TYPE_BULK, false);
	bed->out.number = 2;
	*state = bed;
	tv_hcd_up(&bed->hcd, bed->page, POOL);
	return 0;
}

static int teardown(void **state)
{
	struct bed *bed = *state;

	tv_hcd_down(&bed->hcd);
	while (tv_urb_done(&bed->hcd))
		;
	assert_true(tv_ep_idle(&bed->in) && tv_ep_idle(&bed->out));
	free(bed->urb);
	free(bed->conn);
	free(bed->memory);
	free(bed);
	return 0;
}

/* ---- the backend ----------------------------------------------------------
 */

static uint8_t *slot(struct bed *bed, uint32_t index)
{
	return (uint8_t *)(bed->hcd.urb + 1) + index % ENTRIES * 148;
}

static bool take(struct bed *bed, struct tv_usbif_request *req)
{
	if (bed->req_cons == bed->hcd.urb->req_prod)
		return false;
	memcpy(req, slot(bed, bed->req_cons++), sizeof(*req));
	bed->hcd.urb->req_event = bed->req_cons + 1;
	return true;
}

static void respond(struct bed *bed, uint16_t id, int32_t status,
		    int32_t actual)
{
	const struct tv_usbif_response rsp = {
		.id = id, .status = status, .actual_length = actual};

	memcpy(slot(bed, bed->rsp_prod++), &rsp, sizeof(rsp));
	bed->hcd.urb->rsp_prod = bed->rsp_prod;
}

static void conn(struct bed *bed, uint8_t port, uint8_t speed)
{
	const struct tv_usbif_conn_response rsp = {.portnum = port,
						   .speed = speed};

	memcpy((uint8_t *)(bed->hcd.conn + 1) + bed->conn_prod++ % 512 * 4,
	       &rsp, sizeof(rsp));
	bed->hcd.conn->rsp_prod = bed->conn_prod;
}

static uint8_t *octets(struct bed *bed, uint32_t gref)
{
	assert_in_range(gref, 100, 100 + POOL - 1);
	return bed->memory[gref - 100];
}

/* Segments of a request, direct or not; returns their sum. */
static uint32_t segments(struct bed *bed, const struct tv_usbif_request *req,
			 struct tv_usbif_segment *seg)
{
	const void *from = req->seg;
	uint32_t sum = 0;

	if (req->transfer_flags & USBIF_FLAG_INDIRECT) {
		assert_int_equal(req->seg[0].length, req->nr_buffer_segs * 8);
		assert_int_equal(req->buffer_length, 0);
		from = octets(bed, req->seg[0].gref);
	} else {
		assert_true(req->nr_buffer_segs <= USBIF_MAX_SEGMENTS);
	}
	memcpy(seg, from, req->nr_buffer_segs * sizeof(*seg));
	for (unsigned int i = 0; i < req->nr_buffer_segs; i++) {
		assert_in_range(seg[i].length, 1, USBIF_PAGE_SIZE);
		sum += seg[i].length;
	}
	if (!(req->transfer_flags & USBIF_FLAG_INDIRECT))
		assert_int_equal(req->buffer_length, sum & 0xffff);
	return sum;
}

static struct tv_xfer *submit(struct bed *bed, struct tv_ep *ep, void *buffer,
			      uint32_t length, bool in)
{
	struct tv_xfer *xfer = calloc(1, sizeof(*xfer));

	xfer->ep = ep;
	xfer->os = buffer;
	xfer->length = length;
	xfer->in = in;
	assert_true(tv_urb_enqueue(&bed->hcd, xfer));
	return xfer;
}

static void expect_done(struct bed *bed, struct tv_xfer *xfer,
			enum tv_result result, uint32_t moved)
{
	assert_ptr_equal(tv_urb_done(&bed->hcd), xfer);
	assert_int_equal(xfer->result, result);
	assert_int_equal(xfer->moved, moved);
	free(xfer);
}

/* ---- promises -------------------------------------------------------------
 */

static void every_size_arrives_whole(void **state)
{
	static const uint32_t sizes[] = {0,	1,     511,    512,    4096,
					 61440, 65536, 131072, 131073, 1048576};
	struct tv_usbif_segment seg[TV_PART_PAGES];
	struct bed *bed = *state;
	struct tv_usbif_request req;

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *from = malloc(sizes[i] + 1);
		struct tv_xfer *xfer;
		uint32_t at = 0;

		for (uint32_t k = 0; k < sizes[i]; k++)
			from[k] = (uint8_t)(k * 7 + (k >> 9));
		xfer = submit(bed, &bed->out, from, sizes[i], false);
		while (take(bed, &req)) {
			uint32_t sum = segments(bed, &req, seg);

			for (unsigned int s = 0; s < req.nr_buffer_segs; s++) {
				assert_memory_equal(octets(bed, seg[s].gref),
						    from + at, seg[s].length);
				at += seg[s].length;
			}
			/* Only the last part may end within a packet. */
			assert_true(sum % 512 == 0 || at == sizes[i]);
			respond(bed, req.id, 0, (int32_t)sum);
			tv_hcd_poll(&bed->hcd);
		}
		assert_int_equal(at, sizes[i]);
		expect_done(bed, xfer, TV_OK, sizes[i]);
		free(from);
	}
}

static void a_short_part_ends_the_transfer(void **state)
{
	struct bed *bed = *state;
	uint8_t *to = calloc(1, 300000);
	struct tv_xfer *xfer = submit(bed, &bed->in, to, 300000, true);
	struct tv_usbif_request req;

	assert_true(take(bed, &req));
	assert_true(req.pipe & USBIF_PIPE_DIR_IN);
	respond(bed, req.id, 0, TV_PART_PAGES * USBIF_PAGE_SIZE);
	tv_hcd_poll(&bed->hcd);
	assert_true(take(bed, &req));
	respond(bed, req.id, 0, 100);
	tv_hcd_poll(&bed->hcd);
	assert_false(take(bed, &req));
	expect_done(bed, xfer, TV_OK, TV_PART_PAGES * USBIF_PAGE_SIZE + 100);
	free(to);
}

static void a_stall_brings_no_octet(void **state)
{
	struct bed *bed = *state;
	uint8_t to[64] = {0};
	struct tv_xfer *xfer = submit(bed, &bed->in, to, 64, true);
	struct tv_usbif_request req;

	assert_true(take(bed, &req));
	memset(octets(bed, req.seg[0].gref), 0xff, 64);
	respond(bed, req.id, USBIF_STATUS_STALL, 64);
	tv_hcd_poll(&bed->hcd);
	expect_done(bed, xfer, TV_STALL, 0);
	assert_int_equal(to[0], 0);
}

static void a_waiting_transfer_is_cancelled_at_once(void **state)
{
	struct bed *bed = *state;
	static uint8_t to[ENTRIES][8];
	struct tv_xfer *xfer[ENTRIES];
	struct tv_usbif_request req;
	unsigned int flying = 0;

	for (unsigned int i = 0; i < ENTRIES; i++)
		xfer[i] = submit(bed, &bed->in, to[i], 8, true);
	while (take(bed, &req))
		flying++;
	assert_true(flying > 0 && flying <= ENTRIES - TV_SLOTS_KEPT);
	tv_urb_dequeue(&bed->hcd, xfer[ENTRIES - 1]);
	expect_done(bed, xfer[ENTRIES - 1], TV_CANCELLED, 0);
	/* The rest goes with the cut, each once. */
	tv_hcd_down(&bed->hcd);
	for (unsigned int i = 0; i < ENTRIES - 1; i++) {
		struct tv_xfer *done = tv_urb_done(&bed->hcd);

		assert_non_null(done);
		assert_int_equal(done->result, TV_SHUTDOWN);
		free(done);
	}
	assert_null(tv_urb_done(&bed->hcd));
}

static void a_flying_one_waits_for_its_own_answer(void **state)
{
	struct bed *bed = *state;
	uint8_t to[8];
	struct tv_xfer *xfer = submit(bed, &bed->in, to, 8, true);
	struct tv_usbif_request req, unlink;

	assert_true(take(bed, &req));
	tv_urb_dequeue(&bed->hcd, xfer);
	tv_urb_dequeue(&bed->hcd, xfer);
	assert_true(take(bed, &unlink));
	assert_true(unlink.pipe & USBIF_PIPE_UNLINK);
	assert_int_equal(unlink.u.unlink.id, req.id);
	assert_false(take(bed, &unlink));
	assert_null(tv_urb_done(&bed->hcd));
	respond(bed, req.id, USBIF_STATUS_IOERROR, 0);
	respond(bed, unlink.id, 0, 0);
	tv_hcd_poll(&bed->hcd);
	expect_done(bed, xfer, TV_CANCELLED, 0);
	assert_int_equal(bed->hcd.unlinks_out, 0);
	assert_int_equal(tv_ring_used(&bed->hcd), 0);
}

static void octets_that_came_before_the_cancel_are_kept(void **state)
{
	struct bed *bed = *state;
	uint8_t to[8] = {0};
	struct tv_xfer *xfer = submit(bed, &bed->in, to, 8, true);
	struct tv_usbif_request req;

	assert_true(take(bed, &req));
	octets(bed, req.seg[0].gref)[0] = 42;
	tv_urb_dequeue(&bed->hcd, xfer);
	respond(bed, req.id, 0, 1);
	tv_hcd_poll(&bed->hcd);
	expect_done(bed, xfer, TV_OK, 1);
	assert_int_equal(to[0], 42);
}

static void control_goes_on_when_reads_hold_the_rest(void **state)
{
	struct bed *bed = *state;
	static uint8_t to[100][8];
	struct tv_xfer *xfer;
	struct tv_usbif_request req = {0};

	for (unsigned int i = 0; i < 100; i++)
		submit(bed, &bed->in, to[i], 8, true);
	while (take(bed, &req))
		;
	xfer = submit(bed, &bed->control, to[0], 0, false);
	assert_true(take(bed, &req));
	assert_int_equal(req.pipe >> USBIF_PIPE_TYPE_SHIFT,
			 USBIF_PIPE_TYPE_CTRL);
	respond(bed, req.id, 0, 0);
	tv_hcd_poll(&bed->hcd);
	expect_done(bed, xfer, TV_OK, 0);
	tv_hcd_down(&bed->hcd);
	while ((xfer = tv_urb_done(&bed->hcd)) != NULL)
		free(xfer);
}

static void an_unreachable_buffer_fails_one_transfer(void **state)
{
	struct bed *bed = *state;
	struct tv_xfer *xfer = submit(bed, &bed->out, NULL, 100, false);

	expect_done(bed, xfer, TV_NOMEM, 0);
	assert_int_equal(bed->hcd.nr_free_pages, POOL);
}

static void ports_are_as_the_backend_says(void **state)
{
	struct bed *bed = *state;

	conn(bed, 2, USBIF_SPEED_HIGH);
	assert_true(tv_hcd_poll(&bed->hcd) & TV_POLL_NEWS);
	assert_int_equal(bed->hcd.devices, 1);
	conn(bed, 2, USBIF_SPEED_NONE);
	conn(bed, 2, USBIF_SPEED_HIGH);
	tv_hcd_poll(&bed->hcd);
	/* Nobody misses that it is another device now. */
	assert_int_equal(bed->hcd.plugs[2], 3);
	assert_int_equal(bed->hcd.devices, 1);
	tv_hcd_down(&bed->hcd);
	assert_int_equal(bed->hcd.plugs[2], 4);
	assert_int_equal(bed->hcd.speed[2], USBIF_SPEED_NONE);
}

/* What a backend may break; each ends the controller and nothing else. */
static void bad_index(struct bed *bed, uint16_t id)
{
	bed->hcd.urb->rsp_prod += 1000;
}
static void bad_index_back(struct bed *bed, uint16_t id)
{
	bed->hcd.urb->rsp_prod -= 1;
}
static void bad_id(struct bed *bed, uint16_t id)
{
	respond(bed, 40000, 0, 0);
}
static void bad_idle_id(struct bed *bed, uint16_t id)
{
	respond(bed, id ^ 1, 0, 0);
}
static void bad_twice(struct bed *bed, uint16_t id)
{
	respond(bed, id, 0, 0);
	respond(bed, id, 0, 0);
}
static void bad_length(struct bed *bed, uint16_t id)
{
	respond(bed, id, 0, 65);
}
static void bad_negative(struct bed *bed, uint16_t id)
{
	respond(bed, id, 0, -1);
}
static void bad_conn_index(struct bed *bed, uint16_t id)
{
	bed->hcd.conn->rsp_prod += 513;
}
static void bad_port_0(struct bed *bed, uint16_t id)
{
	conn(bed, 0, 3);
}
static void bad_port(struct bed *bed, uint16_t id)
{
	conn(bed, 5, 3);
}
static void bad_speed(struct bed *bed, uint16_t id)
{
	conn(bed, 1, 4);
}

static void a_backend_that_breaks_a_rule_is_left(void **state)
{
	static void (*const rules[])(struct bed *, uint16_t) = {
		bad_index,  bad_index_back, bad_id,	  bad_idle_id,
		bad_twice,  bad_length,	    bad_negative, bad_conn_index,
		bad_port_0, bad_port,	    bad_speed};

	for (unsigned int i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct tv_usbif_request req;
		uint8_t to[64];
		struct tv_xfer *xfer;
		void *one = NULL;
		struct bed *bed;

		setup(&one);
		bed = one;
		xfer = submit(bed, &bed->in, to, 64, true);
		assert_true(take(bed, &req));
		rules[i](bed, req.id);
		assert_true(tv_hcd_poll(&bed->hcd) & TV_POLL_FAILED);
		assert_non_null(bed->hcd.reason);
		/* Nothing is looked at any more. */
		assert_int_equal(tv_hcd_poll(&bed->hcd), TV_POLL_FAILED);
		tv_hcd_down(&bed->hcd);
		assert_ptr_equal(tv_urb_done(&bed->hcd), xfer);
		assert_null(tv_urb_done(&bed->hcd));
		free(xfer);
		teardown(&one);
	}
}

static void nothing_is_taken_while_it_is_down(void **state)
{
	struct bed *bed = *state;
	struct tv_xfer xfer = {.ep = &bed->in};

	tv_hcd_down(&bed->hcd);
	assert_false(tv_urb_enqueue(&bed->hcd, &xfer));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_size_arrives_whole),
		TEST(a_short_part_ends_the_transfer),
		TEST(a_stall_brings_no_octet),
		TEST(a_waiting_transfer_is_cancelled_at_once),
		TEST(a_flying_one_waits_for_its_own_answer),
		TEST(octets_that_came_before_the_cancel_are_kept),
		TEST(control_goes_on_when_reads_hold_the_rest),
		TEST(an_unreachable_buffer_fails_one_transfer),
		TEST(ports_are_as_the_backend_says),
		TEST(a_backend_that_breaks_a_rule_is_left),
		TEST(nothing_is_taken_while_it_is_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
