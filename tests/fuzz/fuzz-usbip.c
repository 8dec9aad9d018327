// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-usbip.c - a hostile USB/IP client against the server and a device.
 *
 * The input is a program: each octet picks what the client does (import,
 * SUBMIT, UNLINK, octets as they are, going away, not reading), followed by
 * its arguments.  Promises that are asserted, as long as the client has sent
 * no octets of its own: every transfer is answered once at most, with no more
 * than was asked for, and every UNLINK once.
 */
#include "backend/bus/usbip_internal.h"
#include "backend/function/diag.h"
#include "backend/util/log.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_STEPS = 200, TRANSFERS = 64, RECEIVE_MAX = 4 << 20 };

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

enum slot_state { SLOT_FREE, SLOT_SUBMITTED, SLOT_UNLINKED };

struct slot {
	uint32_t seqnum;
	uint32_t unlink;
	enum slot_state state;
	uint32_t length;
	bool in;
	bool answered;
};

struct session {
	uv_loop_t loop;
	struct usbip_bus *bus;
	int fd;
	uint32_t seqnum;
	bool imported;
	bool raw; /* has sent octets of its own */
	struct slot slots[TRANSFERS];
	size_t received;
};

static uint8_t received[RECEIVE_MAX];

static uint8_t take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static void turn(struct session *session)
{
	for (int i = 0; i < 2; i++)
		uv_run(&session->loop, UV_RUN_NOWAIT);
}

static void send_octets(struct session *session, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (int tries = 0; len && tries < 100; tries++) {
		ssize_t sent =
			send(session->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0) {
			at += sent;
			len -= (size_t)sent;
		}
		turn(session);
	}
	/* Half a command: what follows is not what it looks like. */
	if (len)
		session->raw = true;
}

static void connect_client(struct session *session)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	session->fd = fds[0];
	session->imported = false;
	session->raw = false;
	session->received = 0;
	memset(session->slots, 0, sizeof(session->slots));
	usbip_conn_open(session->bus, fds[1]);
}

static void leave(struct session *session)
{
	close(session->fd);
	turn(session);
	assert(session->bus->connection_count == 0);
	for (unsigned int i = 1; i <= session->bus->bus.port_count; i++)
		assert(!session->bus->ports[i].conn);
}

static void do_import(struct session *session)
{
	struct {
		struct usbip_op op;
		char busid[USBIP_BUSID_LEN];
	} request = {{htons(USBIP_VERSION), htons(USBIP_OP_REQ_IMPORT), 0},
		     "1-1"};

	if (session->imported)
		return;
	session->imported = true;
	send_octets(session, &request, sizeof(request));
}

static struct slot *free_slot(struct session *session)
{
	for (unsigned int i = 0; i < TRANSFERS; i++)
		if (session->slots[i].state == SLOT_FREE)
			return &session->slots[i];
	return NULL;
}

static void do_submit(struct session *session, struct input *input)
{
	static const uint8_t requests[][8] = {
		{0x00, 9, 1},
		{0x01, 11, 1},
		{0x01, 11, 0},
		{0x41, 1, 1},
		{0x41, 1, 2},
		{0x41, 3, 1},
		{0x80, 6, 0, 2, 0, 0, 255, 0},
		{0x23, 3, 4},
		{0x02, 3, 0, 0, 1},
		{0x02, 1, 0, 0, 1},
	};
	static const uint8_t payload[1 << 16] = "E0123456789";
	struct slot *slot = free_slot(session);
	uint8_t how = take(input);
	uint32_t len = take(input) | (uint32_t)take(input) << 8;
	struct usbip_header header = {.command = htonl(USBIP_CMD_SUBMIT)};
	uint8_t endpoint = how & 7;

	if (!slot)
		return;
	*slot = (struct slot){.seqnum = ++session->seqnum,
			      .state = SLOT_SUBMITTED,
			      .length = len,
			      .in = how & 0x80};
	if (!endpoint) {
		const uint8_t *setup =
			requests[take(input) % (sizeof(requests) / 8)];

		memcpy(header.u.submit.setup, setup, 8);
		if (how & 0x08)
			header.u.submit.setup[4 + (how >> 4 & 3)] = take(input);
		slot->in = setup[0] & 0x80;
		if (!slot->in)
			slot->length = 0;
	}
	if ((how & 0x30) == 0x30)
		header.u.submit.packets = htonl(take(input) % 4);
	header.seqnum = htonl(slot->seqnum);
	header.direction = htonl(slot->in ? USBIP_DIR_IN : USBIP_DIR_OUT);
	header.endpoint = htonl(endpoint);
	header.u.submit.length = htonl(slot->length);
	send_octets(session, &header, sizeof(header));
	if (!slot->in)
		send_octets(session, payload, slot->length);
	send_octets(session, payload,
		    (size_t)ntohl(header.u.submit.packets) *
			    USBIP_ISO_PACKET_LEN);
}

static void do_unlink(struct session *session, struct input *input)
{
	struct slot *slot = &session->slots[take(input) % TRANSFERS];
	struct usbip_header header = {.command = htonl(USBIP_CMD_UNLINK)};

	if (slot->state != SLOT_SUBMITTED)
		return;
	slot->state = SLOT_UNLINKED;
	slot->unlink = ++session->seqnum;
	header.seqnum = htonl(slot->unlink);
	header.u.unlink.seqnum = htonl(slot->seqnum);
	send_octets(session, &header, sizeof(header));
}

static void do_raw(struct session *session, struct input *input)
{
	size_t len = take(input);

	if (len > (size_t)(input->end - input->at))
		len = (size_t)(input->end - input->at);
	session->raw = true;
	send_octets(session, input->at, len);
	input->at += len;
}

static void check_unlink_answer(struct session *session, uint32_t seqnum,
				uint32_t status)
{
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		struct slot *slot = &session->slots[i];

		if (slot->state != SLOT_UNLINKED || slot->unlink != seqnum)
			continue;
		/* Taken back, or answered before: never both, never none. */
		assert((status == 0) == slot->answered);
		slot->state = SLOT_FREE;
		return;
	}
	assert(!"an answer to no UNLINK");
}

/* The octets of the answer, or 0: not all there. */
static size_t check_answer(struct session *session, const uint8_t *at,
			   size_t len)
{
	struct usbip_header header;
	uint32_t actual;

	if (len < sizeof(header))
		return 0;
	memcpy(&header, at, sizeof(header));
	if (ntohl(header.command) == USBIP_RET_UNLINK) {
		check_unlink_answer(session, ntohl(header.seqnum),
				    ntohl(header.u.unlink_answer.status));
		return sizeof(header);
	}
	assert(ntohl(header.command) == USBIP_RET_SUBMIT);
	actual = ntohl(header.u.submit_answer.actual);
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		struct slot *slot = &session->slots[i];
		size_t octets;

		if (slot->state == SLOT_FREE ||
		    slot->seqnum != ntohl(header.seqnum))
			continue;
		assert(actual <= slot->length);
		octets = slot->in ? actual : 0;
		if (len - sizeof(header) < octets)
			return 0;
		assert(!slot->answered);
		slot->answered = true;
		if (slot->state == SLOT_SUBMITTED)
			slot->state = SLOT_FREE;
		return sizeof(header) + octets;
	}
	assert(!"an answer to no SUBMIT");
	return 0;
}

static void do_read(struct session *session)
{
	size_t at = 0;
	size_t len;
	ssize_t got;

	turn(session);
	got = recv(session->fd, received + session->received,
		   RECEIVE_MAX - session->received, MSG_DONTWAIT);
	if (got <= 0)
		return;
	session->received += (size_t)got;
	if (session->raw || !session->imported) {
		session->received = 0;
		return;
	}
	/* The answer to IMPORT comes first. */
	if (session->seqnum == 0 || received[0] == 1) {
		size_t skip =
			sizeof(struct usbip_op) + sizeof(struct usbip_device);

		if (received[0] == 1 && session->received < skip)
			return;
		at = received[0] == 1 ? skip : 0;
	}
	while ((len = check_answer(session, received + at,
				   session->received - at)))
		at += len;
	memmove(received, received + at, session->received - at);
	session->received -= at;
}

static void plug(struct usbip_bus *bus)
{
	const struct usb_device_identity identity = {
		.manufacturer = "m", .product = "p", .serial = "s"};
	struct usb_function *function = diag_function_create("fuzz");

	bus_plug(&bus->bus, 1, usb_device_create(&identity, &function, 1));
}

static void start(struct session *session)
{
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct bus *bus;

	memset(session, 0, sizeof(*session));
	uv_loop_init(&session->loop);
	bus = bus_usbip_create(&(struct bus_usbip_config){
		.loop = &session->loop, .port_count = 1, .listener = listener});
	assert(bus);
	session->bus = container_of(bus, struct usbip_bus, bus);
	/* A socket that does not listen hangs up all the time. */
	uv_poll_stop(&session->bus->listening);
	plug(session->bus);
	connect_client(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session session;
	struct input input = {data, data + size};

	log_init("fuzz", 0);
	start(&session);
	for (int i = 0; i < MAX_STEPS && input.at < input.end; i++) {
		switch (take(&input) % 8) {
		case 0:
			do_raw(&session, &input);
			break;
		case 1:
			do_import(&session);
			break;
		case 2:
		case 3:
			do_import(&session);
			do_submit(&session, &input);
			break;
		case 4:
			do_unlink(&session, &input);
			break;
		case 5:
			leave(&session);
			connect_client(&session);
			break;
		case 6:
			do_read(&session);
			break;
		default:
			if (take(&input) == 255 &&
			    bus_unplug(&session.bus->bus, 1) == 0)
				plug(session.bus);
			turn(&session);
			break;
		}
	}
	do_read(&session);
	leave(&session);
	bus_destroy(&session.bus->bus);
	uv_run(&session.loop, UV_RUN_DEFAULT);
	assert(uv_loop_close(&session.loop) == 0);
	return 0;
}
