// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbip.c - the conformance table over the USB/IP bus, through a unix socket
 * and through TCP on loopback, and what the server itself promises.
 *
 * Server and client are one process; the client speaks as Linux' vhci_hcd
 * does, with raw octets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/conformance/host.h"
#include "tests/conformance/peer.h"
#include "tests/conformance/socket.h"

#include "backend/bus/address.h"
#include "backend/bus/attach.h"
#include "backend/bus/usbip.h"
#include "backend/bus/usbip_wire.h"
#include "backend/util/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
	MAX_PENDING = 64,
	PATIENCE_MS = 3000,
	RECEIVE_MAX = 2 << 20,
	PORTS = 4,
};

struct pending {
	uint32_t seqnum; /* 0: free */
	uint32_t unlink; /* seqnum of the UNLINK */
	struct host_transfer *transfer;
};

/* One client's connection. */
struct client {
	int fd; /* -1: none */
	uint32_t seqnum;
	struct pending pending[MAX_PENDING];
	uint8_t *received;
	size_t received_len;
};

struct usbip_host {
	struct host host;
	uv_loop_t loop;
	struct address address;
	struct client client;
};

static bool use_tcp;

static struct usbip_host *usbip_host_of(struct host *host)
{
	return container_of(host, struct usbip_host, host);
}

/* --- the client ----------------------------------------------------------- */

static void end_transfer(struct pending *pending, uint32_t status,
			 uint32_t actual)
{
	pending->transfer->done = true;
	pending->transfer->wire_status = (int)status;
	pending->transfer->actual = actual;
	pending->seqnum = 0;
}

static void connection_gone(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	client->received_len = 0;
	for (unsigned int i = 0; i < MAX_PENDING; i++)
		if (client->pending[i].seqnum)
			end_transfer(&client->pending[i],
				     (uint32_t)-USBIP_ESHUTDOWN, 0);
}

static struct pending *find(struct client *client, uint32_t seqnum,
			    bool by_unlink)
{
	for (unsigned int i = 0; i < MAX_PENDING; i++) {
		struct pending *pending = &client->pending[i];

		if (pending->seqnum &&
		    seqnum == (by_unlink ? pending->unlink : pending->seqnum))
			return pending;
	}
	return NULL;
}

/* The octets of the first answer in the buffer, or 0: not all is there. */
static size_t take_answer(struct client *client)
{
	struct usbip_header header;
	struct pending *pending;
	uint32_t actual;
	size_t len = sizeof(header);

	if (client->received_len < len)
		return 0;
	memcpy(&header, client->received, len);
	if (ntohl(header.command) == USBIP_RET_UNLINK) {
		pending = find(client, ntohl(header.seqnum), true);
		if (header.u.unlink_answer.status) {
			REQUIRE(pending);
			end_transfer(pending,
				     ntohl(header.u.unlink_answer.status), 0);
		} else {
			/* It came too late: the answer was there before. */
			REQUIRE(!pending);
		}
		return len;
	}
	REQUIRE(ntohl(header.command) == USBIP_RET_SUBMIT);
	pending = find(client, ntohl(header.seqnum), false);
	REQUIRE(pending);
	actual = ntohl(header.u.submit_answer.actual);
	REQUIRE(actual <= pending->transfer->length);
	if (pending->transfer->type == USB_TRANSFER_CONTROL
		    ? pending->transfer->setup[0] & 0x80
		    : pending->transfer->endpoint & 0x80) {
		if (client->received_len - len < actual)
			return 0;
		if (actual)
			memcpy(pending->transfer->data, client->received + len,
			       actual);
		len += actual;
	}
	end_transfer(pending, ntohl(header.u.submit_answer.status), actual);
	return len;
}

static bool client_poll(struct client *client, int timeout_ms)
{
	struct pollfd poll_fd = {client->fd, POLLIN, 0};
	ssize_t got;
	size_t len;

	if (client->fd < 0) {
		usleep((useconds_t)timeout_ms * 1000);
		return false;
	}
	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return false;
	got = recv(client->fd, client->received + client->received_len,
		   RECEIVE_MAX - client->received_len, MSG_DONTWAIT);
	if (got <= 0) {
		connection_gone(client);
		return true;
	}
	client->received_len += (size_t)got;
	while ((len = take_answer(client))) {
		memmove(client->received, client->received + len,
			client->received_len - len);
		client->received_len -= len;
	}
	return true;
}

static bool turn(struct host *host, int timeout_ms)
{
	struct usbip_host *usbip = usbip_host_of(host);

	uv_run(&usbip->loop, UV_RUN_NOWAIT);
	return client_poll(&usbip->client, timeout_ms);
}

static void send_all(struct usbip_host *usbip, const void *data, size_t len)
{
	const uint8_t *at = data;

	for (int ms = 0; len; ms++) {
		ssize_t sent = send(usbip->client.fd, at, len,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		REQUIRE(ms < PATIENCE_MS);
		if (sent < 0 && errno != EAGAIN) {
			connection_gone(&usbip->client);
			return;
		}
		if (sent > 0) {
			at += sent;
			len -= (size_t)sent;
		}
		if (len)
			turn(&usbip->host, 0);
	}
}

static int client_connect(struct usbip_host *usbip)
{
	int fd = address_connect(&usbip->address);

	REQUIRE(fd >= 0);
	uv_run(&usbip->loop, UV_RUN_NOWAIT);
	return fd;
}

/* Reads exactly len octets of a connection before it is imported. */
static bool read_exactly(struct usbip_host *usbip, int fd, void *data,
			 size_t len)
{
	uint8_t *at = data;

	for (int ms = 0; len && ms < PATIENCE_MS; ms++) {
		ssize_t got;

		uv_run(&usbip->loop, UV_RUN_NOWAIT);
		got = recv(fd, at, len, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			return false;
		if (got < 0) {
			usleep(1000);
			continue;
		}
		at += got;
		len -= (size_t)got;
	}
	return len == 0;
}

/* The status of the answer; the device if it is good. */
static uint32_t import(struct usbip_host *usbip, int fd, const char *busid,
		       struct usbip_device *device)
{
	struct {
		struct usbip_op op;
		char busid[USBIP_BUSID_LEN];
	} request = {{htons(USBIP_VERSION), htons(USBIP_OP_REQ_IMPORT), 0}, ""};
	struct usbip_op answer;

	snprintf(request.busid, sizeof(request.busid), "%s", busid);
	REQUIRE(send(fd, &request, sizeof(request), MSG_NOSIGNAL) ==
		sizeof(request));
	REQUIRE(read_exactly(usbip, fd, &answer, sizeof(answer)));
	REQUIRE(ntohs(answer.version) == USBIP_VERSION);
	REQUIRE(ntohs(answer.code) == USBIP_OP_REP_IMPORT);
	if (!answer.status)
		REQUIRE(read_exactly(usbip, fd, device, sizeof(*device)));
	return ntohl(answer.status);
}

static void attach(struct usbip_host *usbip)
{
	struct usbip_device device;
	char busid[USBIP_BUSID_LEN];

	snprintf(busid, sizeof(busid), "1-%u", usbip->host.port);
	usbip->client.fd = client_connect(usbip);
	REQUIRE(import(usbip, usbip->client.fd, busid, &device) == 0);
	REQUIRE(strcmp(device.busid, busid) == 0);
	REQUIRE(ntohs(device.vendor_id) == 0x02a0);
	REQUIRE(ntohs(device.product_id) == 0xa123);
	REQUIRE(ntohl(device.speed) == USBIP_SPEED_HIGH);
}

static void detach(struct usbip_host *usbip)
{
	if (usbip->client.fd >= 0)
		connection_gone(&usbip->client);
	host_settle(&usbip->host);
}

/* --- the port of the table -------------------------------------------------
 */

static void submit(struct host *host, struct host_transfer *transfer)
{
	struct usbip_host *usbip = usbip_host_of(host);
	struct client *client = &usbip->client;
	bool control = transfer->type == USB_TRANSFER_CONTROL;
	bool in = (control ? transfer->setup[0] : transfer->endpoint) & 0x80;
	struct pending *pending = client->pending;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.devid = htonl(1 << 16 | (host->port + 1)),
		.direction = htonl(in ? USBIP_DIR_IN : USBIP_DIR_OUT),
		.endpoint = htonl(control ? 0 : transfer->endpoint & 0x0f),
		.u.submit.length = htonl(transfer->length),
	};

	while (pending->seqnum)
		REQUIRE(++pending < client->pending + MAX_PENDING);
	*pending = (struct pending){++client->seqnum, 0, transfer};
	transfer->done = false;
	transfer->bus_private = pending;
	if (client->fd < 0) {
		end_transfer(pending, (uint32_t)-USBIP_ESHUTDOWN, 0);
		return;
	}
	header.seqnum = htonl(pending->seqnum);
	memcpy(header.u.submit.setup, transfer->setup, 8);
	send_all(usbip, &header, sizeof(header));
	if (!in && transfer->length && client->fd >= 0)
		send_all(usbip, transfer->data, transfer->length);
}

static void cancel(struct host *host, struct host_transfer *transfer)
{
	struct usbip_host *usbip = usbip_host_of(host);
	struct client *client = &usbip->client;
	struct pending *pending = transfer->bus_private;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_UNLINK),
		.devid = htonl(1 << 16 | (host->port + 1)),
	};

	if (transfer->done || client->fd < 0)
		return;
	pending->unlink = ++client->seqnum;
	header.seqnum = htonl(pending->unlink);
	header.u.unlink.seqnum = htonl(pending->seqnum);
	send_all(usbip, &header, sizeof(header));
}

static void reset(struct host *host)
{
	struct host_transfer transfer = {
		.type = USB_TRANSFER_CONTROL,
		.setup = {0x23, 3, 4, 0},
	};

	submit(host, &transfer);
	REQUIRE(host_wait(host, &transfer) && transfer.wire_status == 0);
}

static int wire_status(enum usb_status status)
{
	static const int wire[] = {
		[USB_STATUS_OK] = 0,	       [USB_STATUS_STALL] = -32,
		[USB_STATUS_CANCELLED] = -104, [USB_STATUS_NODEV] = -108,
		[USB_STATUS_OVERFLOW] = -75,   [USB_STATUS_INVALID] = -22,
		[USB_STATUS_IOERROR] = -71,
	};

	return wire[status];
}

static void plug(struct host *host, struct usb_device *device)
{
	struct usbip_host *usbip = usbip_host_of(host);

	if (device) {
		REQUIRE(bus_plug(host->bus, host->port, device) == 0);
		attach(usbip);
		return;
	}
	REQUIRE(bus_unplug(host->bus, host->port) == 0);
	for (int ms = 0; ms < PATIENCE_MS && usbip->client.fd >= 0; ms++)
		turn(host, 1);
	REQUIRE(usbip->client.fd < 0);
}

static const struct host_ops usbip_host_ops = {
	.submit = submit,
	.cancel = cancel,
	.wait = host_wait,
	.settle = host_settle,
	.turn = turn,
	.reset = reset,
	.wire_status = wire_status,
	.plug = plug,
	.addressed_by_bus = true,
	.types_unsaid = true,
};

static int open_listener(struct address *address)
{
	char text[128];

	if (use_tcp)
		return socket_listen(address, "tcp:127.0.0.1:0");
	snprintf(text, sizeof(text), "unix:/tmp/2virt-usbip-%d.sock",
		 (int)getpid());
	return socket_listen(address, text);
}

static struct host *setup(void)
{
	struct usbip_host *usbip = calloc(1, sizeof(*usbip));

	REQUIRE(usbip && uv_loop_init(&usbip->loop) == 0);
	usbip->client.fd = -1;
	usbip->client.received = malloc(RECEIVE_MAX);
	usbip->host.ops = &usbip_host_ops;
	usbip->host.port = 2;
	usbip->host.bus = bus_usbip_create(&(struct bus_usbip_config){
		.loop = &usbip->loop,
		.port_count = PORTS,
		.listener = open_listener(&usbip->address),
	});
	REQUIRE(usbip->host.bus);
	return &usbip->host;
}

static void teardown(struct host *host)
{
	struct usbip_host *usbip = usbip_host_of(host);

	bus_destroy(host->bus);
	uv_run(&usbip->loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&usbip->loop) == 0);
	if (usbip->client.fd >= 0)
		close(usbip->client.fd);
	if (!use_tcp) {
		char path[128];

		snprintf(path, sizeof(path), "/tmp/2virt-usbip-%d.sock",
			 (int)getpid());
		unlink(path);
	}
	free(usbip->client.received);
	free(usbip);
}

/* --- what the server promises ----------------------------------------------
 */

static struct peer peer;

static int server_setup(void **state)
{
	struct host *host = setup();

	peer_init(&peer);
	REQUIRE(bus_plug(host->bus, host->port,
			 peer_device(&peer, PEER_PIPES)) == 0);
	*state = usbip_host_of(host);
	return 0;
}

static int server_teardown(void **state)
{
	struct usbip_host *usbip = *state;

	teardown(&usbip->host);
	peer_fini(&peer);
	return 0;
}

static void ready(struct usbip_host *usbip)
{
	attach(usbip);
	socket_ready(&usbip->host);
}

static void devices_are_listed_with_interfaces(void **state)
{
	struct usbip_host *usbip = *state;
	struct usbip_op op = {htons(USBIP_VERSION), htons(USBIP_OP_REQ_DEVLIST),
			      0};
	struct {
		struct usbip_op op;
		uint32_t count;
		struct usbip_device device;
		struct usbip_interface interface;
	} answer;
	int fd = client_connect(usbip);

	assert_int_equal(send(fd, &op, sizeof(op), 0), sizeof(op));
	assert_true(read_exactly(usbip, fd, &answer, sizeof(answer)));
	assert_int_equal(ntohs(answer.op.code), USBIP_OP_REP_DEVLIST);
	assert_int_equal(ntohl(answer.count), 1);
	assert_string_equal(answer.device.busid, "1-2");
	assert_int_equal(ntohs(answer.device.vendor_id), 0x02a0);
	assert_int_equal(answer.device.interface_count, 1);
	assert_int_equal(answer.interface.class, 0xff);
	assert_int_equal(answer.interface.subclass, TV_FUNCTION_WEB);
	assert_int_equal(answer.interface.protocol, TV_USB_PROTOCOL_PIPE_1);
	/* The same connection may import afterwards. */
	assert_int_equal(import(usbip, fd, "1-2", &answer.device), 0);
	close(fd);
}

static void a_device_has_one_host_at_a_time(void **state)
{
	struct usbip_host *usbip = *state;
	struct usbip_device device;
	int first = client_connect(usbip);
	int second = client_connect(usbip);

	assert_int_equal(import(usbip, first, "1-1", &device), USBIP_ST_NODEV);
	assert_int_equal(import(usbip, first, "1-22", &device), USBIP_ST_NODEV);
	assert_int_equal(import(usbip, first, "1-2", &device), USBIP_ST_OK);
	assert_int_equal(import(usbip, second, "1-2", &device),
			 USBIP_ST_DEV_BUSY);
	close(first);
	host_settle(&usbip->host);
	assert_int_equal(import(usbip, second, "1-2", &device), USBIP_ST_OK);
	close(second);
}

static void detaching_in_the_middle_of_a_transfer_is_clean(void **state)
{
	struct usbip_host *usbip = *state;
	struct bus_usbip_stats stats;
	struct usbip_header half = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.seqnum = htonl(999),
		.endpoint = htonl(1),
		.u.submit.length = htonl(100000),
	};
	struct host_transfer in = {.type = USB_TRANSFER_BULK,
				   .endpoint = 0x82,
				   .data = (uint8_t[64]){0},
				   .length = 64};
	struct host_transfer out = {.type = USB_TRANSFER_BULK,
				    .endpoint = 0x01,
				    .data = (uint8_t[64]){0},
				    .length = 64};

	for (int round = 0; round < 3; round++) {
		ready(usbip);
		peer.pipes[0].room = 10;
		submit(&usbip->host, &in);
		submit(&usbip->host, &out);
		send_all(usbip, &half, sizeof(half));
		send_all(usbip, "half of it", 10);
		host_settle(&usbip->host);
		assert_false(in.done);
		assert_false(out.done);
		detach(usbip);
		assert_int_equal(peer.pipes[0].closes, round + 1);
		bus_usbip_get_stats(usbip->host.bus, &stats);
		assert_int_equal(stats.attached, 0);
		assert_int_equal(stats.connections, 0);
	}
	/* The last host's settings are gone with it. */
	attach(usbip);
	in = (struct host_transfer){.type = USB_TRANSFER_CONTROL,
				    .setup = {0x80, 8, 0, 0, 0, 0, 1},
				    .data = (uint8_t[1]){9},
				    .length = 1};
	submit(&usbip->host, &in);
	assert_true(host_wait(&usbip->host, &in));
	assert_int_equal(in.data[0], 0);
}

static void a_flooded_pipe_halts_and_nothing_else(void **state)
{
	struct usbip_host *usbip = *state;
	struct host_transfer out = {.type = USB_TRANSFER_BULK,
				    .endpoint = 0x02,
				    .data = (uint8_t *)"x",
				    .length = 1};

	ready(usbip);
	socket_flood(&usbip->host, &peer);
	/* Another pipe works, and so does this one when it is cleared. */
	host_control(&usbip->host, 0x41, TV_PIPE_OPEN, 1, 0x0100);
	submit(&usbip->host, &out);
	assert_true(host_wait(&usbip->host, &out));
	assert_int_equal(out.wire_status, 0);
	host_control(&usbip->host, 0x02, 1, 0, 0x01);
	host_control(&usbip->host, 0x41, TV_PIPE_OPEN, 2, 0);
	peer.pipes[0].room = PEER_BUFFER;
	out.endpoint = 0x01;
	submit(&usbip->host, &out);
	assert_true(host_wait(&usbip->host, &out));
	assert_int_equal(out.wire_status, 0);
}

static void a_client_that_does_not_read_is_not_served_more(void **state)
{
	enum { WANTED = 64 << 10, COUNT = 256 };
	struct usbip_host *usbip = *state;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.direction = htonl(USBIP_DIR_IN),
		.endpoint = htonl(2),
		.u.submit.length = htonl(WANTED),
	};
	struct bus_usbip_stats stats;
	int sent = 0;

	ready(usbip);
	for (int i = 0; i < COUNT; i++) {
		header.seqnum = htonl((uint32_t)(1000 + i));
		if (send(usbip->client.fd, &header, sizeof(header),
			 MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof(header))
			break;
		sent++;
		peer.pipes[0].out_len = WANTED;
		peer.pipes[0].out_at = 0;
		if (peer.pipes[0].pipe)
			pipe_have_in(peer.pipes[0].pipe);
		uv_run(&usbip->loop, UV_RUN_NOWAIT);
	}
	assert_true(sent > 0);
	bus_usbip_get_stats(usbip->host.bus, &stats);
	/* A socket's buffer, a queue of 1 MiB, one transfer: not 16 MiB. */
	assert_in_range(stats.octets_in, 1, 8 << 20);
	/* And when it goes, all of it goes. */
	detach(usbip);
	bus_usbip_get_stats(usbip->host.bus, &stats);
	assert_int_equal(stats.attached, 0);
}

static void expect_closed(struct usbip_host *usbip, int fd)
{
	uint8_t octet;
	ssize_t got = -1;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		uv_run(&usbip->loop, UV_RUN_NOWAIT);
		got = recv(fd, &octet, 1, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN))
			break;
		usleep(1000);
	}
	assert_true(got <= 0);
	assert_true(got == 0 || errno == ECONNRESET);
}

static void what_makes_no_sense_closes_the_connection(void **state)
{
	struct usbip_host *usbip = *state;
	static const uint8_t wrong[][48] = {
		{0, 0, 0, 9},				    /* command */
		{0, 0, 0, 1, [15] = 2},			    /* direction */
		{0, 0, 0, 1, [19] = 16},		    /* endpoint */
		{0, 0, 0, 1, [15] = 1, [34] = 4, [35] = 1}, /* packets */
	};
	struct usbip_op op = {htons(0x0106), htons(USBIP_OP_REQ_DEVLIST), 0};
	struct usbip_device device;
	int fd;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		fd = client_connect(usbip);
		assert_int_equal(import(usbip, fd, "1-2", &device), 0);
		assert_int_equal(send(fd, wrong[i], 48, 0), 48);
		expect_closed(usbip, fd);
		close(fd);
	}
	fd = client_connect(usbip);
	assert_int_equal(send(fd, &op, sizeof(op), 0), sizeof(op));
	expect_closed(usbip, fd);
	close(fd);
	op.version = htons(USBIP_VERSION);
	op.code = htons(0x8006);
	fd = client_connect(usbip);
	assert_int_equal(send(fd, &op, sizeof(op), 0), sizeof(op));
	expect_closed(usbip, fd);
	close(fd);
}

static void isochronous_transfers_are_invalid(void **state)
{
	struct usbip_host *usbip = *state;
	uint8_t packets[2 * USBIP_ISO_PACKET_LEN] = {0};
	struct host_transfer in = {.type = USB_TRANSFER_BULK,
				   .endpoint = 0x82,
				   .data = (uint8_t[64]){0},
				   .length = 64};
	struct pending *pending = usbip->client.pending;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.seqnum = htonl(77),
		.direction = htonl(USBIP_DIR_IN),
		.endpoint = htonl(2),
		.u.submit.length = htonl(64),
		.u.submit.packets = htonl(2),
	};

	ready(usbip);
	*pending = (struct pending){77, 0, &in};
	send_all(usbip, &header, sizeof(header));
	send_all(usbip, packets, sizeof(packets));
	assert_true(host_wait(&usbip->host, &in));
	assert_int_equal(in.wire_status, -22);
	host_control(&usbip->host, 0x41, TV_PIPE_OPEN, 2, 0);
}

static void addresses_are_numbers_and_loopback_is_known(void **state)
{
	static const char *const wrong[] = {
		"",
		"unix:",
		"unix:relative",
		"tcp:",
		"tcp:localhost:1",
		"tcp:127.0.0.1",
		"tcp:127.0.0.1:",
		"tcp:127.0.0.1:99999",
		"tcp:127.0.0.1:1x",
		"tcp:[::1:1",
		"tcp:::1:1",
		"tcp:[]:1",
		"udp:127.0.0.1:1",
		"tcp:1.2.3:1",
	};
	static const struct {
		const char *text;
		bool local;
	} right[] = {
		{"unix:/run/x", true},	   {"tcp:127.0.0.1:3240", true},
		{"tcp:127.9.9.9:1", true}, {"tcp:[::1]:3240", true},
		{"tcp:0.0.0.0:1", false},  {"tcp:192.168.1.1:1", false},
		{"tcp:[::]:1", false},	   {"tcp:[::ffff:127.0.0.1]:1", false},
	};
	struct address address;

	for (unsigned int i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(address_parse(&address, wrong[i]), -EINVAL);
	for (unsigned int i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(address_parse(&address, right[i].text), 0);
		assert_int_equal(address_is_local(&address), right[i].local);
	}
}

static int server_cases(void)
{
#define SERVER_CASE(name)                                                      \
	cmocka_unit_test_setup_teardown(name, server_setup, server_teardown)
	const struct CMUnitTest tests[] = {
		SERVER_CASE(devices_are_listed_with_interfaces),
		SERVER_CASE(a_device_has_one_host_at_a_time),
		SERVER_CASE(detaching_in_the_middle_of_a_transfer_is_clean),
		SERVER_CASE(a_flooded_pipe_halts_and_nothing_else),
		SERVER_CASE(a_client_that_does_not_read_is_not_served_more),
		SERVER_CASE(what_makes_no_sense_closes_the_connection),
		SERVER_CASE(isochronous_transfers_are_invalid),
		cmocka_unit_test(addresses_are_numbers_and_loopback_is_known),
	};

	return cmocka_run_group_tests_name("usbip-server", tests, NULL, NULL);
}

int main(void)
{
	int failed;

	log_init("conformance-usbip", LOG_LEVEL_ERROR);
	failed = conformance_run("usbip-unix", setup, teardown);
	use_tcp = true;
	failed += conformance_run("usbip-tcp", setup, teardown);
	return failed + server_cases();
}
