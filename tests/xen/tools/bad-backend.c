// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pvUSB backend that breaks one rule, to see what a frontend makes of it.
 *
 *   bad-backend MODE [ORDER [SEGMENTS]]
 *
 * Runs in dom0.  Waits for a controller (backend/vusb) that nobody serves, e.g.
 * of an "xl create" started right after it, offers it a ring of up to 2^ORDER
 * pages and SEGMENTS indirect segments, and plugs a device into port 1:
 *
 *   bulk IN  0x81   octet n of all that was ever read is (n ^ n >> 9) & 255; a
 *                   request of 100 octets is never answered but on unlink
 *   bulk OUT 0x02   sums the octets; IN vendor request 1 returns the sum
 *
 * MODE "none" breaks nothing and serves until the controller goes.  Every other
 * mode waits for its moment, breaks its rule, and prints the state the frontend
 * is in afterwards: "frontend state N, error ..."; then it closes.  The table
 * of modes is at the end.
 *
 * A test tool: it trusts its guest and is not fast.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>

#include "protocol/usbif.h"

#define PAGE USBIF_PAGE_SIZE
#define PARKED_MAX 128
#define PARK_LENGTH 100

union urb_entry {
	struct tv_usbif_request req;
	struct tv_usbif_response rsp;
};

union conn_entry {
	struct tv_usbif_conn_request req;
	struct tv_usbif_conn_response rsp;
};

struct backend {
	struct xs_handle *xs;
	xengnttab_handle *gnt;
	xenevtchn_handle *evt;
	evtchn_port_t port;
	uint32_t domid;
	char back[96], front[96];
	unsigned int order, entries;
	volatile struct tv_ring_header *urb, *conn;
	uint32_t req_cons, rsp_prod; /* urb ring */
	uint32_t conn_prod;
	uint32_t in_pos, out_sum;
	struct tv_usbif_request parked[PARKED_MAX];
	unsigned int nr_parked;
	unsigned int bulk_seen;
	const struct mode *mode;
	bool done; /* the mode's rule has been broken */
};

struct mode {
	const char *name;
	/* Called for each request; true if it has dealt with it. */
	bool (*request)(struct backend *be, const struct tv_usbif_request *req);
	/* Called once after the device is plugged. */
	void (*plugged)(struct backend *be);
};

static const struct mode modes[];

static void die(const char *what)
{
	fprintf(stderr, "bad-backend: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ---- XenStore ----------------------------------------------------------- */

static long node_read(struct backend *be, const char *dir, const char *name)
{
	char path[192];
	unsigned int len;
	char *text;
	long value;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = xs_read(be->xs, XBT_NULL, path, &len);
	if (!text)
		return -1;
	value = strtol(text, NULL, 10);
	free(text);
	return value;
}

static void node_write(struct backend *be, const char *name, long value)
{
	char path[192], text[24];

	snprintf(path, sizeof(path), "%s/%s", be->back, name);
	snprintf(text, sizeof(text), "%ld", value);
	xs_write(be->xs, XBT_NULL, path, text, strlen(text));
}

/* Finds a controller in state Initialising; false if there is none. */
static bool find_controller(struct backend *be)
{
	const char *top = "/local/domain/0/backend/vusb";
	unsigned int nr_doms, nr_devs, i, k;
	char **doms, **devs, path[96];
	bool found = false;

	doms = xs_directory(be->xs, XBT_NULL, top, &nr_doms);
	for (i = 0; doms && i < nr_doms && !found; i++) {
		snprintf(path, sizeof(path), "%s/%s", top, doms[i]);
		devs = xs_directory(be->xs, XBT_NULL, path, &nr_devs);
		for (k = 0; devs && k < nr_devs && !found; k++) {
			snprintf(be->back, sizeof(be->back), "%s/%s/%s", top,
				 doms[i], devs[k]);
			snprintf(be->front, sizeof(be->front),
				 "/local/domain/%s/device/vusb/%s", doms[i],
				 devs[k]);
			be->domid = strtoul(doms[i], NULL, 10);
			found = node_read(be, be->back, "state") == 1 &&
				node_read(be, be->back, "online") == 1;
		}
		free(devs);
	}
	free(doms);
	return found;
}

static void wait_state(struct backend *be, const char *dir, long state,
		       double seconds)
{
	double end = now() + seconds;

	while (node_read(be, dir, "state") != state) {
		if (now() > end) {
			fprintf(stderr, "bad-backend: %s is not %ld\n", dir,
				state);
			exit(1);
		}
		usleep(10000);
	}
}

static void connect_frontend(struct backend *be)
{
	uint32_t ref[USBIF_MAX_RING_PAGES];
	unsigned int i, pages;
	char name[32];
	long order;

	wait_state(be, be->front, 4, 60);
	order = node_read(be, be->front, USBIF_NODE_URB_RING_ORDER);
	be->order = order > 0 ? order : 0;
	be->entries = USBIF_URB_RING_ENTRIES(be->order);
	pages = 1U << be->order;
	for (i = 0; i < pages; i++) {
		snprintf(name, sizeof(name), USBIF_NODE_URB_RING_REF "%u", i);
		if (!be->order)
			strcpy(name, USBIF_NODE_URB_RING_REF);
		ref[i] = node_read(be, be->front, name);
	}
	be->urb = xengnttab_map_domain_grant_refs(be->gnt, pages, be->domid,
						  ref, PROT_READ | PROT_WRITE);
	be->conn = xengnttab_map_grant_ref(
		be->gnt, be->domid,
		node_read(be, be->front, USBIF_NODE_CONN_RING_REF),
		PROT_READ | PROT_WRITE);
	if (!be->urb || !be->conn)
		die("map the rings");
	be->port = xenevtchn_bind_interdomain(
		be->evt, be->domid,
		node_read(be, be->front, USBIF_NODE_EVENT_CHANNEL));
	printf("connected: %u slots\n", be->entries);
	node_write(be, "state", 4);
}

/* ---- rings -------------------------------------------------------------- */

static union urb_entry *urb_at(struct backend *be, uint32_t i)
{
	return (union urb_entry *)(be->urb + 1) + i % be->entries;
}

static void respond(struct backend *be, uint16_t id, int32_t status,
		    int32_t actual)
{
	urb_at(be, be->rsp_prod++)->rsp = (struct tv_usbif_response){
		.id = id, .status = status, .actual_length = actual};
	__sync_synchronize();
	be->urb->rsp_prod = be->rsp_prod;
}

static void notify(struct backend *be)
{
	__sync_synchronize();
	xenevtchn_notify(be->evt, be->port);
}

static void conn_event(struct backend *be, uint8_t port, uint8_t speed)
{
	union conn_entry *entry = (union conn_entry *)(be->conn + 1) +
				  be->conn_prod % USBIF_CONN_RING_ENTRIES;

	entry->rsp = (struct tv_usbif_conn_response){
		.id = entry->req.id, .portnum = port, .speed = speed};
	__sync_synchronize();
	be->conn->rsp_prod = ++be->conn_prod;
}

/* Every segment of a request in turn; returns how many there are. */
static unsigned int segments(struct backend *be,
			     const struct tv_usbif_request *req,
			     struct tv_usbif_segment *seg)
{
	unsigned int nr = req->nr_buffer_segs, i, n;
	struct tv_usbif_segment *page;

	if (!(req->transfer_flags & USBIF_FLAG_INDIRECT)) {
		memcpy(seg, req->seg, nr * sizeof(*seg));
		return nr;
	}
	for (i = 0; i * USBIF_SEGMENTS_PER_PAGE < nr; i++) {
		page = xengnttab_map_grant_ref(be->gnt, be->domid,
					       req->seg[i].gref, PROT_READ);
		if (!page)
			die("map an indirect page");
		n = req->seg[i].length / sizeof(*seg);
		memcpy(seg + i * USBIF_SEGMENTS_PER_PAGE, page,
		       n * sizeof(*seg));
		xengnttab_unmap(be->gnt, page, 1);
	}
	return nr;
}

static uint8_t pattern(struct backend *be)
{
	uint32_t pos = be->in_pos++;

	return pos ^ pos >> 9;
}

/*
 * Moves octets between a request's segments and data, or the bulk pattern if
 * data is NULL.  Returns how many.
 */
static uint32_t move(struct backend *be, const struct tv_usbif_request *req,
		     const uint8_t *data, uint32_t limit)
{
	static struct tv_usbif_segment seg[USBIF_MAX_INDIRECT_SEGMENTS];
	bool in = req->pipe & USBIF_PIPE_DIR_IN;
	unsigned int nr = segments(be, req, seg), i, k;
	uint32_t moved = 0, n;
	uint8_t *page;

	for (i = 0; i < nr && moved < limit; i++) {
		page = xengnttab_map_grant_ref(be->gnt, be->domid, seg[i].gref,
					       in ? PROT_READ | PROT_WRITE
						  : PROT_READ);
		if (!page)
			die("map a segment");
		n = seg[i].length < limit - moved ? seg[i].length
						  : limit - moved;
		for (k = 0; k < n; k++, moved++) {
			if (!in)
				be->out_sum += page[seg[i].offset + k];
			else if (data)
				page[seg[i].offset + k] = data[moved];
			else
				page[seg[i].offset + k] = pattern(be);
		}
		xengnttab_unmap(be->gnt, page, 1);
	}
	return moved;
}

/* ---- the device --------------------------------------------------------- */

static const uint8_t device_desc[18] = {
	18, 1, 0, 2, 0xff, 0, 0, 64, 0xa0, 0x02, 0x23, 0xa1, 0, 1, 0, 0, 0, 1};
static const uint8_t config_desc[32] = {
	9, 2, 32, 0, 1,	   1, 0, 0x80, 0, 9, 4, 0,    0, 2, 0xff, 0,
	0, 0, 7,  5, 0x81, 2, 0, 2,    0, 7, 5, 0x02, 2, 0, 2,	  0};

static void control(struct backend *be, const struct tv_usbif_request *req)
{
	const uint8_t *setup = req->u.ctrl;
	uint16_t length = setup[6] | setup[7] << 8;
	const uint8_t *data = NULL;
	uint32_t n = 0;

	if (setup[0] == 0x80 && setup[1] == 6 && setup[3] == 1) {
		data = device_desc;
		n = sizeof(device_desc);
	} else if (setup[0] == 0x80 && setup[1] == 6 && setup[3] == 2) {
		data = config_desc;
		n = sizeof(config_desc);
	} else if (setup[0] == 0xc0 && setup[1] == 1) {
		data = (const uint8_t *)&be->out_sum;
		n = sizeof(be->out_sum);
	} else if (setup[0] & 0x80 || (setup[1] != 5 && setup[1] != 9)) {
		respond(be, req->id, USBIF_STATUS_STALL, 0);
		return;
	}
	n = n < length ? n : length;
	respond(be, req->id, 0, data ? move(be, req, data, n) : 0);
}

static void unlink_parked(struct backend *be,
			  const struct tv_usbif_request *req)
{
	unsigned int i;

	for (i = 0; i < be->nr_parked; i++) {
		if (be->parked[i].id != req->u.unlink.id)
			continue;
		respond(be, req->u.unlink.id, -104, 0);
		be->parked[i] = be->parked[--be->nr_parked];
		break;
	}
	respond(be, req->id, 0, 0);
}

static uint32_t request_length(struct backend *be,
			       const struct tv_usbif_request *req)
{
	static struct tv_usbif_segment seg[USBIF_MAX_INDIRECT_SEGMENTS];
	unsigned int nr = segments(be, req, seg), i;
	uint32_t sum = 0;

	for (i = 0; i < nr; i++)
		sum += seg[i].length;
	return sum;
}

static void serve(struct backend *be, const struct tv_usbif_request *req)
{
	if (be->mode->request && !be->done && be->mode->request(be, req))
		return;
	if (req->pipe & USBIF_PIPE_UNLINK)
		unlink_parked(be, req);
	else if (req->pipe >> USBIF_PIPE_TYPE_SHIFT == USBIF_PIPE_TYPE_CTRL)
		control(be, req);
	else if (req->pipe & USBIF_PIPE_DIR_IN &&
		 request_length(be, req) == PARK_LENGTH &&
		 be->nr_parked < PARKED_MAX)
		be->parked[be->nr_parked++] = *req;
	else
		respond(be, req->id, 0, move(be, req, NULL, UINT32_MAX));
}

/* Serves what is on the ring; waits up to wait_ms for it. */
static void poll_ring(struct backend *be, int wait_ms)
{
	struct pollfd fd = {xenevtchn_fd(be->evt), POLLIN, 0};
	struct tv_usbif_request req;
	int port;

	if (poll(&fd, 1, wait_ms) > 0) {
		port = xenevtchn_pending(be->evt);
		xenevtchn_unmask(be->evt, port);
	}
	do {
		while (!be->done && be->req_cons != be->urb->req_prod) {
			__sync_synchronize();
			memcpy(&req, urb_at(be, be->req_cons++), sizeof(req));
			serve(be, &req);
			notify(be);
		}
		be->urb->req_event = be->req_cons + 1;
		__sync_synchronize();
	} while (!be->done && be->req_cons != be->urb->req_prod);
}

/* ---- rules to break ------------------------------------------------------ */

static bool bad_index(struct backend *be, const struct tv_usbif_request *req)
{
	be->urb->rsp_prod = be->rsp_prod + 1000;
	return be->done = true;
}

static bool bad_id(struct backend *be, const struct tv_usbif_request *req)
{
	respond(be, 40000, 0, 0);
	return be->done = true;
}

static bool bad_idle_id(struct backend *be, const struct tv_usbif_request *req)
{
	respond(be, req->id ^ 1, 0, 0);
	return be->done = true;
}

/* A producer that is right for one, wrong for the repeated one. */
static bool bad_twice(struct backend *be, const struct tv_usbif_request *req)
{
	respond(be, req->id, 0, 0);
	respond(be, req->id, 0, 0);
	return be->done = true;
}

static bool bad_long(struct backend *be, const struct tv_usbif_request *req)
{
	respond(be, req->id, 0, request_length(be, req) + 1);
	return be->done = true;
}

static bool bad_negative(struct backend *be, const struct tv_usbif_request *req)
{
	respond(be, req->id, 0, -1);
	return be->done = true;
}

static void bad_port_zero(struct backend *be)
{
	conn_event(be, 0, USBIF_SPEED_HIGH);
	be->done = true;
}

static void bad_port_high(struct backend *be)
{
	conn_event(be, 200, USBIF_SPEED_HIGH);
	be->done = true;
}

static void bad_speed(struct backend *be)
{
	conn_event(be, 2, 77);
	be->done = true;
}

static void bad_conn_index(struct backend *be)
{
	be->conn->rsp_prod = be->conn_prod + 5000;
	be->done = true;
}

/* Answers a bulk IN while it still maps one of its pages, writable. */
static bool bad_hold(struct backend *be, const struct tv_usbif_request *req)
{
	static struct tv_usbif_segment seg[USBIF_MAX_INDIRECT_SEGMENTS];

	if (req->pipe >> USBIF_PIPE_TYPE_SHIFT != USBIF_PIPE_TYPE_BULK)
		return false;
	segments(be, req, seg);
	if (!xengnttab_map_grant_ref(be->gnt, be->domid, seg[0].gref,
				     PROT_READ | PROT_WRITE))
		die("map a segment");
	respond(be, req->id, 0, request_length(be, req));
	return be->done = true;
}

/* Nothing on the rings, but events without end. */
static void bad_storm(struct backend *be)
{
	double end = now() + 3;

	while (now() < end)
		xenevtchn_notify(be->evt, be->port);
	puts("storm is over");
}

/* Plugs and unplugs port 2 as fast as the frontend lends entries. */
static void bad_flood(struct backend *be)
{
	double end = now() + 3;
	unsigned int n = 0;

	while (now() < end) {
		if (be->conn->req_prod == be->conn_prod) {
			notify(be);
			continue;
		}
		conn_event(be, 2,
			   n++ & 1 ? USBIF_SPEED_NONE : USBIF_SPEED_HIGH);
		notify(be);
	}
	if (n & 1)
		conn_event(be, 2, USBIF_SPEED_NONE);
	notify(be);
	printf("%u connection events\n", n);
}

/* On the first bulk request: another backend, which knows of no ring. */
static bool bad_restart(struct backend *be, const struct tv_usbif_request *req)
{
	if (req->pipe >> USBIF_PIPE_TYPE_SHIFT != USBIF_PIPE_TYPE_BULK)
		return false;
	xengnttab_unmap(be->gnt, (void *)be->urb, 1U << be->order);
	xengnttab_unmap(be->gnt, (void *)be->conn, 1);
	xenevtchn_unbind(be->evt, be->port);
	be->req_cons = be->rsp_prod = be->conn_prod = 0;
	be->mode = modes;
	node_write(be, "state", 2);
	sleep(2);
	connect_frontend(be);
	conn_event(be, 1, USBIF_SPEED_HIGH);
	notify(be);
	return true;
}

/* Never answers anything. */
static bool bad_silent(struct backend *be, const struct tv_usbif_request *req)
{
	return true;
}

static const struct mode modes[] = {
	{"none", NULL, NULL},
	{"index", bad_index, NULL},
	{"id", bad_id, NULL},
	{"idle-id", bad_idle_id, NULL},
	{"twice", bad_twice, NULL},
	{"long", bad_long, NULL},
	{"negative", bad_negative, NULL},
	{"port-zero", NULL, bad_port_zero},
	{"port-high", NULL, bad_port_high},
	{"speed", NULL, bad_speed},
	{"conn-index", NULL, bad_conn_index},
	{"hold", bad_hold, NULL},
	{"storm", NULL, bad_storm},
	{"flood", NULL, bad_flood},
	{"silent", bad_silent, NULL},
	{"restart", bad_restart, NULL},
};

static void report(struct backend *be)
{
	char path[160];
	unsigned int len;
	double end = now() + 10;
	char *text;

	while (node_read(be, be->front, "state") != 5 && now() < end)
		usleep(50000);
	snprintf(path, sizeof(path),
		 "/local/domain/%u/error/device/vusb/%s/error", be->domid,
		 strrchr(be->front, '/') + 1);
	text = xs_read(be->xs, XBT_NULL, path, &len);
	printf("frontend state %ld, error %s\n",
	       node_read(be, be->front, "state"), text ? text : "none");
	free(text);
}

int main(int argc, char **argv)
{
	struct backend be = {0};
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(argv[1], modes[i].name))
			be.mode = &modes[i];
	if (!be.mode) {
		fprintf(stderr, "usage: bad-backend MODE [ORDER [SEGMENTS]]\n");
		return 2;
	}
	be.xs = xs_open(0);
	be.gnt = xengnttab_open(NULL, 0);
	be.evt = xenevtchn_open(NULL, 0);
	if (!be.xs || !be.gnt || !be.evt)
		die("open Xen's devices");
	while (!find_controller(&be))
		usleep(50000);
	node_write(&be, USBIF_NODE_MAX_RING_ORDER,
		   argc > 2 ? atoi(argv[2]) : 0);
	node_write(&be, USBIF_NODE_MAX_INDIRECT, argc > 3 ? atoi(argv[3]) : 0);
	node_write(&be, "state", 2);
	connect_frontend(&be);
	conn_event(&be, 1, USBIF_SPEED_HIGH);
	notify(&be);
	if (be.mode->plugged)
		be.mode->plugged(&be);
	notify(&be);

	/* Until the rule is broken, the frontend leaves or xl wants us gone. */
	while (!be.done && node_read(&be, be.front, "state") == 4 &&
	       node_read(&be, be.back, "state") == 4)
		poll_ring(&be, 100);
	if (be.done) {
		notify(&be);
		report(&be);
	}
	node_write(&be, "state", 5);
	for (i = 0; i < 50 && node_read(&be, be.front, "state") > 0 &&
		    node_read(&be, be.front, "state") != 6;
	     i++)
		usleep(100000);
	printf("frontend state %ld at the end\n",
	       node_read(&be, be.front, "state"));
	node_write(&be, "state", 6);
	return 0;
}
