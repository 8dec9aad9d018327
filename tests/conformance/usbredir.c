// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbredir.c - the conformance table over the usbredir bus, through a unix
 * socket that listens and TCP on loopback that connects, and what the bus
 * itself promises.
 *
 * Bus and guest are one process.  The guest's side is the same parser in the
 * other role and behaves as QEMU's usb-redir does: SET_CONFIGURATION and
 * SET_INTERFACE are messages, interrupt packets run ahead into a queue that
 * SET_INTERFACE empties, and an interrupt packet too large for the guest's
 * buffer is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/conformance/host.h"
#include "tests/conformance/peer.h"
#include "tests/conformance/socket.h"

#include "backend/bus/attach.h"
#include "backend/bus/usbredir.h"
#include "backend/function/diag.h"
#include "backend/util/log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usbredirparser.h>
#include <uv.h>

enum {
	MAX_PENDING = 64,
	MAX_INTERRUPTS = 64,
	PATIENCE_MS = 4000,
	PORTS = 3,
};

struct interrupt_packet {
	uint8_t endpoint;
	uint8_t data[64];
	uint32_t len;
};

/* One port of the guest: what QEMU has of one usb-redir device. */
struct guest {
	int fd; /* -1: none */
	struct usbredirparser *parser;
	bool plugged;
	unsigned int connects;
	struct usb_redir_device_connect_header device;
	struct usb_redir_interface_info_header interfaces;
	struct usb_redir_ep_info_header endpoints;
	uint64_t id;
	struct host_transfer *pending[MAX_PENDING];
	uint64_t ids[MAX_PENDING];
	/* Interrupt INs. */
	bool receiving[32];
	struct host_transfer *waiting[MAX_PENDING];
	unsigned int waiting_count;
	struct interrupt_packet packets[MAX_INTERRUPTS];
	unsigned int packet_count;
};

struct redir_host {
	struct host host;
	uv_loop_t loop;
	struct address addresses[PORTS];
	int listeners[PORTS]; /* ours, where the bus connects */
	struct guest guests[PORTS];
};

static bool bus_connects;

static struct redir_host *redir_host_of(struct host *host)
{
	return container_of(host, struct redir_host, host);
}

static struct guest *guest_of(struct host *host)
{
	return &redir_host_of(host)->guests[host->port - 1];
}

/* --- the guest -------------------------------------------------------------
 */

static void end_transfer(struct host_transfer *transfer, int status,
			 uint32_t actual)
{
	transfer->done = true;
	transfer->wire_status = status;
	transfer->actual = actual;
}

static struct host_transfer *take_pending(struct guest *guest, uint64_t id)
{
	for (unsigned int i = 0; i < MAX_PENDING; i++) {
		struct host_transfer *transfer = guest->pending[i];

		if (transfer && guest->ids[i] == id) {
			guest->pending[i] = NULL;
			return transfer;
		}
	}
	fprintf(stderr, "an answer to nothing: %llu\n", (unsigned long long)id);
	abort();
}

static void end_waiting(struct guest *guest, unsigned int at, int status,
			uint32_t actual)
{
	end_transfer(guest->waiting[at], status, actual);
	guest->waiting_count--;
	memmove(&guest->waiting[at], &guest->waiting[at + 1],
		(guest->waiting_count - at) * sizeof(guest->waiting[0]));
}

static void drop_packet(struct guest *guest, unsigned int at)
{
	guest->packet_count--;
	memmove(&guest->packets[at], &guest->packets[at + 1],
		(guest->packet_count - at) * sizeof(guest->packets[0]));
}

/* Gives the first packet of an endpoint to the first transfer that waits. */
static void match_interrupts(struct guest *guest)
{
	while (guest->waiting_count && guest->packet_count) {
		struct host_transfer *transfer = guest->waiting[0];
		struct interrupt_packet *packet = &guest->packets[0];

		REQUIRE(packet->endpoint == transfer->endpoint);
		if (packet->len > transfer->length) {
			end_waiting(guest, 0, usb_redir_babble, 0);
		} else {
			memcpy(transfer->data, packet->data, packet->len);
			end_waiting(guest, 0, usb_redir_success, packet->len);
		}
		drop_packet(guest, 0);
	}
}

static void forget_interrupts(struct guest *guest)
{
	memset(guest->receiving, 0, sizeof(guest->receiving));
	guest->packet_count = 0;
	while (guest->waiting_count)
		end_waiting(guest, 0, usb_redir_cancelled, 0);
}

static void on_log(void *priv, int level, const char *message)
{
	if (level <= usbredirparser_warning)
		fprintf(stderr, "guest: %s\n", message);
}

static int on_read(void *priv, uint8_t *data, int count)
{
	struct guest *guest = priv;
	ssize_t got = recv(guest->fd, data, (size_t)count, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	return got ? (int)got : -1;
}

static int on_write(void *priv, uint8_t *data, int count)
{
	struct guest *guest = priv;
	ssize_t sent = send(guest->fd, data, (size_t)count,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	return (int)sent;
}

static void on_hello(void *priv, struct usb_redir_hello_header *hello)
{
	REQUIRE(strncmp(hello->version, "2Virt", 5) == 0);
}

static void on_connect(void *priv,
		       struct usb_redir_device_connect_header *header)
{
	struct guest *guest = priv;

	REQUIRE(!guest->plugged);
	/* What QEMU must have had before. */
	REQUIRE(guest->interfaces.interface_count > 0);
	guest->plugged = true;
	guest->connects++;
	guest->device = *header;
}

static void on_disconnect(void *priv)
{
	struct guest *guest = priv;

	guest->plugged = false;
	memset(&guest->interfaces, 0, sizeof(guest->interfaces));
	guest->packet_count = 0;
	memset(guest->receiving, 0, sizeof(guest->receiving));
	while (guest->waiting_count)
		end_waiting(guest, 0, usb_redir_ioerror, 0);
	/* The parser acknowledges by itself. */
}

static void on_interfaces(void *priv,
			  struct usb_redir_interface_info_header *header)
{
	((struct guest *)priv)->interfaces = *header;
}

static void on_endpoints(void *priv, struct usb_redir_ep_info_header *header)
{
	((struct guest *)priv)->endpoints = *header;
}

static void on_configuration(void *priv, uint64_t id,
			     struct usb_redir_configuration_status_header *h)
{
	struct host_transfer *transfer = take_pending(priv, id);
	bool get = transfer->setup[0] & 0x80;

	if (get && !h->status && transfer->length)
		transfer->data[0] = h->configuration;
	end_transfer(transfer, h->status, get && !h->status);
}

static void on_alt(void *priv, uint64_t id,
		   struct usb_redir_alt_setting_status_header *h)
{
	struct host_transfer *transfer = take_pending(priv, id);
	bool get = transfer->setup[0] & 0x80;

	if (get && !h->status && transfer->length)
		transfer->data[0] = h->alt;
	end_transfer(transfer, h->status, get && !h->status);
}

static void on_control(void *priv, uint64_t id,
		       struct usb_redir_control_packet_header *h, uint8_t *data,
		       int len)
{
	struct guest *guest = priv;
	struct host_transfer *transfer = take_pending(guest, id);

	REQUIRE(h->length <= transfer->length);
	if (len)
		memcpy(transfer->data, data, (size_t)len);
	end_transfer(transfer, h->status, h->length);
	usbredirparser_free_packet_data(guest->parser, data);
}

static void on_bulk(void *priv, uint64_t id,
		    struct usb_redir_bulk_packet_header *h, uint8_t *data,
		    int len)
{
	struct guest *guest = priv;
	struct host_transfer *transfer = take_pending(guest, id);
	uint32_t actual = h->length | (uint32_t)h->length_high << 16;

	REQUIRE(actual <= transfer->length);
	if (len)
		memcpy(transfer->data, data, (size_t)len);
	end_transfer(transfer, h->status, actual);
	usbredirparser_free_packet_data(guest->parser, data);
}

static void on_interrupt(void *priv, uint64_t id,
			 struct usb_redir_interrupt_packet_header *h,
			 uint8_t *data, int len)
{
	struct guest *guest = priv;

	REQUIRE(guest->packet_count < MAX_INTERRUPTS);
	REQUIRE(h->status == usb_redir_success && len <= 64);
	if (guest->receiving[inquiry_endpoint_index(h->endpoint)]) {
		struct interrupt_packet *packet =
			&guest->packets[guest->packet_count++];

		packet->endpoint = h->endpoint;
		packet->len = (uint32_t)len;
		memcpy(packet->data, data, (size_t)len);
		match_interrupts(guest);
	}
	usbredirparser_free_packet_data(guest->parser, data);
}

static void on_receiving(void *priv, uint64_t id,
			 struct usb_redir_interrupt_receiving_status_header *h)
{
	struct guest *guest = priv;

	if (h->status == usb_redir_success)
		return;
	guest->receiving[inquiry_endpoint_index(h->endpoint)] = false;
	for (unsigned int i = 0; i < guest->waiting_count;)
		if (guest->waiting[i]->endpoint == h->endpoint)
			end_waiting(guest, i, h->status, 0);
		else
			i++;
}

static void parser_start(struct guest *guest)
{
	static const int capabilities[] = {
		usb_redir_cap_connect_device_version,
		usb_redir_cap_filter,
		usb_redir_cap_ep_info_max_packet_size,
		usb_redir_cap_64bits_ids,
		usb_redir_cap_32bits_bulk_length,
		usb_redir_cap_device_disconnect_ack,
	};
	uint32_t caps[USB_REDIR_CAPS_SIZE] = {0};
	struct usbredirparser *parser = usbredirparser_create();

	guest->parser = parser;
	parser->priv = guest;
	parser->log_func = on_log;
	parser->read_func = on_read;
	parser->write_func = on_write;
	parser->hello_func = on_hello;
	parser->device_connect_func = on_connect;
	parser->device_disconnect_func = on_disconnect;
	parser->interface_info_func = on_interfaces;
	parser->ep_info_func = on_endpoints;
	parser->configuration_status_func = on_configuration;
	parser->alt_setting_status_func = on_alt;
	parser->control_packet_func = on_control;
	parser->bulk_packet_func = on_bulk;
	parser->interrupt_packet_func = on_interrupt;
	parser->interrupt_receiving_status_func = on_receiving;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]);
	     i++)
		usbredirparser_caps_set_cap(caps, capabilities[i]);
	usbredirparser_init(parser, "conformance", caps, USB_REDIR_CAPS_SIZE,
			    0);
}

static void guest_gone(struct guest *guest)
{
	close(guest->fd);
	guest->fd = -1;
	usbredirparser_destroy(guest->parser);
	guest->parser = NULL;
	guest->plugged = false;
	forget_interrupts(guest);
	for (unsigned int i = 0; i < MAX_PENDING; i++)
		if (guest->pending[i]) {
			end_transfer(guest->pending[i], usb_redir_ioerror, 0);
			guest->pending[i] = NULL;
		}
}

static bool guest_poll(struct guest *guest, int timeout_ms)
{
	struct pollfd poll_fd = {guest->fd, POLLIN, 0};

	if (guest->fd < 0)
		return false;
	if (usbredirparser_has_data_to_write(guest->parser) &&
	    usbredirparser_do_write(guest->parser) < 0) {
		guest_gone(guest);
		return true;
	}
	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return usbredirparser_has_data_to_write(guest->parser);
	if (usbredirparser_do_read(guest->parser) < 0)
		guest_gone(guest);
	else
		usbredirparser_do_write(guest->parser);
	return true;
}

static bool turn(struct host *host, int timeout_ms)
{
	struct redir_host *redir = redir_host_of(host);
	bool busy = false;

	uv_run(&redir->loop, UV_RUN_NOWAIT);
	for (unsigned int i = 0; i < PORTS; i++)
		busy |= guest_poll(&redir->guests[i],
				   i == redir->host.port - 1 ? timeout_ms : 0);
	return busy;
}

/* Makes the connection of a port, in whichever direction it is made. */
static void guest_connect(struct redir_host *redir, unsigned int port)
{
	struct guest *guest = &redir->guests[port - 1];

	REQUIRE(guest->fd < 0);
	if (!bus_connects) {
		guest->fd = address_connect(&redir->addresses[port - 1]);
		REQUIRE(guest->fd >= 0);
	}
	for (int ms = 0; guest->fd < 0; ms++) {
		REQUIRE(ms < PATIENCE_MS);
		uv_run(&redir->loop, UV_RUN_NOWAIT);
		guest->fd = address_accept(redir->listeners[port - 1]);
		if (guest->fd < 0)
			usleep(1000);
	}
	parser_start(guest);
}

/* --- the port of the table -------------------------------------------------
 */

static uint64_t add_pending(struct guest *guest, struct host_transfer *transfer)
{
	unsigned int at = 0;

	while (guest->pending[at])
		REQUIRE(++at < MAX_PENDING);
	guest->pending[at] = transfer;
	guest->ids[at] = ++guest->id;
	return guest->id;
}

static void submit_control(struct guest *guest, struct host_transfer *transfer)
{
	const uint8_t *s = transfer->setup;
	uint64_t id = add_pending(guest, transfer);
	struct usb_redir_control_packet_header header = {
		.endpoint = s[0] & 0x80,
		.requesttype = s[0],
		.request = s[1],
		.value = (uint16_t)(s[2] | s[3] << 8),
		.index = (uint16_t)(s[4] | s[5] << 8),
		.length = (uint16_t)transfer->length,
	};
	bool out = !(s[0] & 0x80);

	switch (s[0] << 8 | s[1]) {
	case 0x0009:
		forget_interrupts(guest);
		usbredirparser_send_set_configuration(
			guest->parser, id,
			&(struct usb_redir_set_configuration_header){s[2]});
		break;
	case 0x8008:
		usbredirparser_send_get_configuration(guest->parser, id);
		break;
	case 0x010b:
		forget_interrupts(guest);
		usbredirparser_send_set_alt_setting(
			guest->parser, id,
			&(struct usb_redir_set_alt_setting_header){s[4], s[2]});
		break;
	case 0x810a:
		usbredirparser_send_get_alt_setting(
			guest->parser, id,
			&(struct usb_redir_get_alt_setting_header){s[4]});
		break;
	default:
		usbredirparser_send_control_packet(
			guest->parser, id, &header,
			out && transfer->length ? transfer->data : NULL,
			out ? (int)transfer->length : 0);
		break;
	}
}

static void submit_bulk(struct guest *guest, struct host_transfer *transfer)
{
	struct usb_redir_bulk_packet_header header = {
		.endpoint = transfer->endpoint,
		.length = transfer->length & 0xffff,
		.length_high = (uint16_t)(transfer->length >> 16),
	};
	bool out = !(transfer->endpoint & 0x80);

	usbredirparser_send_bulk_packet(
		guest->parser, add_pending(guest, transfer), &header,
		out ? transfer->data : NULL, out ? (int)transfer->length : 0);
}

static void submit_interrupt(struct guest *guest,
			     struct host_transfer *transfer)
{
	bool *receiving =
		&guest->receiving[inquiry_endpoint_index(transfer->endpoint)];

	REQUIRE(guest->waiting_count < MAX_PENDING);
	guest->waiting[guest->waiting_count++] = transfer;
	if (!*receiving) {
		*receiving = true;
		usbredirparser_send_start_interrupt_receiving(
			guest->parser, 0,
			&(struct usb_redir_start_interrupt_receiving_header){
				transfer->endpoint});
	}
	match_interrupts(guest);
}

static void submit(struct host *host, struct host_transfer *transfer)
{
	struct guest *guest = guest_of(host);

	transfer->done = false;
	if (guest->fd < 0) {
		end_transfer(transfer, usb_redir_ioerror, 0);
		return;
	}
	if (transfer->type == USB_TRANSFER_CONTROL)
		submit_control(guest, transfer);
	else if (transfer->type == USB_TRANSFER_INTERRUPT)
		submit_interrupt(guest, transfer);
	else
		submit_bulk(guest, transfer);
	usbredirparser_do_write(guest->parser);
}

static void cancel(struct host *host, struct host_transfer *transfer)
{
	struct guest *guest = guest_of(host);

	if (transfer->done)
		return;
	for (unsigned int i = 0; i < guest->waiting_count; i++)
		if (guest->waiting[i] == transfer) {
			end_waiting(guest, i, usb_redir_cancelled, 0);
			return;
		}
	for (unsigned int i = 0; i < MAX_PENDING; i++)
		if (guest->pending[i] == transfer)
			usbredirparser_send_cancel_data_packet(guest->parser,
							       guest->ids[i]);
}

static void reset(struct host *host)
{
	struct guest *guest = guest_of(host);

	forget_interrupts(guest);
	usbredirparser_send_reset(guest->parser);
	host_settle(host);
}

static int wire_status(enum usb_status status)
{
	static const int wire[] = {
		[USB_STATUS_OK] = usb_redir_success,
		[USB_STATUS_STALL] = usb_redir_stall,
		[USB_STATUS_CANCELLED] = usb_redir_cancelled,
		[USB_STATUS_NODEV] = usb_redir_ioerror,
		[USB_STATUS_OVERFLOW] = usb_redir_babble,
		[USB_STATUS_INVALID] = usb_redir_inval,
		[USB_STATUS_IOERROR] = usb_redir_ioerror,
	};

	return wire[status];
}

static void wait_plugged(struct redir_host *redir, bool plugged)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		turn(&redir->host, 1);
		if (guest_of(&redir->host)->plugged == plugged)
			return;
	}
	REQUIRE(!"the guest was told of the plug");
}

static void plug(struct host *host, struct usb_device *device)
{
	if (device)
		REQUIRE(bus_plug(host->bus, host->port, device) == 0);
	else
		REQUIRE(bus_unplug(host->bus, host->port) == 0);
	wait_plugged(redir_host_of(host), device != NULL);
}

static const struct host_ops redir_host_ops = {
	.submit = submit,
	.cancel = cancel,
	.wait = host_wait,
	.settle = host_settle,
	.turn = turn,
	.reset = reset,
	.wire_status = wire_status,
	.plug = plug,
	.addressed_by_bus = true,
	.interrupts_ahead = true,
	.one_length = true,
};

static void socket_path(char *path, size_t size, unsigned int port)
{
	snprintf(path, size, "/tmp/2virt-redir-%d-%u.sock", (int)getpid(),
		 port);
}

/* Listens for a port, on the side that listens. */
static int open_listener(struct address *address, unsigned int port)
{
	char path[64];
	char text[80];

	if (bus_connects)
		return socket_listen(address, "tcp:127.0.0.1:0");
	socket_path(path, sizeof(path), port);
	snprintf(text, sizeof(text), "unix:%s", path);
	return socket_listen(address, text);
}

static struct host *setup(void)
{
	struct redir_host *redir = calloc(1, sizeof(*redir));
	struct bus_usbredir_socket sockets[PORTS];

	REQUIRE(redir && uv_loop_init(&redir->loop) == 0);
	for (unsigned int i = 0; i < PORTS; i++) {
		int fd = open_listener(&redir->addresses[i], i + 1);

		redir->guests[i].fd = -1;
		redir->listeners[i] = bus_connects ? fd : -1;
		sockets[i].listener = bus_connects ? -1 : fd;
		sockets[i].peer = redir->addresses[i];
	}
	redir->host.ops = &redir_host_ops;
	redir->host.port = 2;
	redir->host.bus = bus_usbredir_create(&(struct bus_usbredir_config){
		.loop = &redir->loop,
		.port_count = PORTS,
		.sockets = sockets,
	});
	REQUIRE(redir->host.bus);
	guest_connect(redir, 2);
	return &redir->host;
}

static void teardown(struct host *host)
{
	struct redir_host *redir = redir_host_of(host);

	bus_destroy(host->bus);
	uv_run(&redir->loop, UV_RUN_DEFAULT);
	REQUIRE(uv_loop_close(&redir->loop) == 0);
	for (unsigned int i = 0; i < PORTS; i++) {
		char path[64];

		if (redir->guests[i].fd >= 0)
			guest_gone(&redir->guests[i]);
		if (redir->listeners[i] >= 0)
			close(redir->listeners[i]);
		socket_path(path, sizeof(path), i + 1);
		unlink(path);
	}
	free(redir);
}

/* --- what the bus promises --------------------------------------------------
 */

static struct peer peers[PORTS];

static struct usb_device *make_device(unsigned int port)
{
	return peer_device(&peers[port - 1], PEER_PIPES);
}

static int bus_setup(void **state)
{
	for (unsigned int i = 0; i < PORTS; i++)
		peer_init(&peers[i]);
	*state = redir_host_of(setup());
	return 0;
}

static int bus_teardown(void **state)
{
	struct redir_host *redir = *state;

	teardown(&redir->host);
	for (unsigned int i = 0; i < PORTS; i++)
		peer_fini(&peers[i]);
	return 0;
}

static void the_guest_is_told_what_it_gets(void **state)
{
	struct redir_host *redir = *state;
	struct guest *guest = guest_of(&redir->host);

	plug(&redir->host, make_device(2));
	assert_int_equal(guest->device.speed, usb_redir_speed_high);
	assert_int_equal(guest->device.vendor_id, 0x02a0);
	assert_int_equal(guest->device.product_id, 0xa123);
	assert_int_equal(guest->device.device_version_bcd, 0x0100);
	assert_int_equal(guest->interfaces.interface_count, 1);
	assert_int_equal(guest->interfaces.interface_class[0], 0xff);
	assert_int_equal(guest->endpoints.type[0], usb_redir_type_control);
	assert_int_equal(guest->endpoints.type[16], usb_redir_type_control);
	assert_int_equal(guest->endpoints.type[1], usb_redir_type_invalid);
	host_control(&redir->host, 0x00, 9, 1, 0);
	assert_int_equal(guest->endpoints.type[1], usb_redir_type_invalid);
	host_control(&redir->host, 0x01, 11, 1, 0);
	assert_int_equal(guest->endpoints.type[1], usb_redir_type_bulk);
	assert_int_equal(guest->endpoints.type[17], usb_redir_type_interrupt);
	assert_int_equal(guest->endpoints.interval[17], 4);
	assert_int_equal(guest->endpoints.max_packet_size[18], 512);
	host_control(&redir->host, 0x01, 11, 0, 0);
	assert_int_equal(guest->endpoints.type[1], usb_redir_type_invalid);
}

static void a_peer_that_comes_again_finds_a_fresh_device(void **state)
{
	struct redir_host *redir = *state;
	struct host_transfer in = {.type = USB_TRANSFER_BULK,
				   .endpoint = 0x82,
				   .data = (uint8_t[64]){0},
				   .length = 64};
	struct host_transfer event = {.type = USB_TRANSFER_INTERRUPT,
				      .endpoint = 0x81,
				      .data = (uint8_t[64]){0},
				      .length = 64};

	plug(&redir->host, make_device(2));
	for (unsigned int round = 1; round <= 2; round++) {
		socket_ready(&redir->host);
		submit(&redir->host, &event);
		assert_true(host_wait(&redir->host, &event));
		assert_int_equal(event.data[0], TV_PIPE_EVENT_OPENED);
		submit(&redir->host, &in);
		submit(&redir->host, &event);
		host_settle(&redir->host);
		guest_gone(guest_of(&redir->host));
		host_settle(&redir->host);
		assert_int_equal(peers[1].pipes[0].closes, round);
		guest_connect(redir, 2);
		wait_plugged(redir, true);
	}
	assert_int_equal(guest_of(&redir->host)->connects, 3);
}

static void a_second_peer_is_turned_away(void **state)
{
	struct redir_host *redir = *state;
	uint8_t octet;
	ssize_t got = -1;
	int fd;

	if (bus_connects)
		return; /* there is nothing to connect to */
	plug(&redir->host, make_device(2));
	fd = address_connect(&redir->addresses[1]);
	assert_true(fd >= 0);
	for (int ms = 0; ms < PATIENCE_MS && got < 0; ms++) {
		turn(&redir->host, 1);
		got = recv(fd, &octet, 1, MSG_DONTWAIT);
	}
	assert_int_equal(got, 0);
	close(fd);
	socket_ready(&redir->host);
}

static void devices_do_not_know_of_each_other(void **state)
{
	struct redir_host *redir = *state;
	struct host_transfer out = {.type = USB_TRANSFER_BULK,
				    .endpoint = 0x01,
				    .data = (uint8_t *)"abc",
				    .length = 3};

	guest_connect(redir, 1);
	guest_connect(redir, 3);
	for (redir->host.port = 1; redir->host.port <= PORTS;
	     redir->host.port++) {
		plug(&redir->host, make_device(redir->host.port));
		socket_ready(&redir->host);
	}
	redir->host.port = 3;
	submit(&redir->host, &out);
	assert_true(host_wait(&redir->host, &out));
	assert_int_equal(peers[2].pipes[0].in_len, 3);
	assert_int_equal(peers[0].pipes[0].in_len, 0);
	guest_gone(guest_of(&redir->host));
	host_settle(&redir->host);
	redir->host.port = 1;
	submit(&redir->host, &out);
	assert_true(host_wait(&redir->host, &out));
	assert_int_equal(peers[0].pipes[0].in_len, 3);
	redir->host.port = 2;
}

static void a_device_waits_for_its_peer(void **state)
{
	struct redir_host *redir = *state;

	redir->host.port = 1;
	assert_int_equal(bus_plug(redir->host.bus, 1, make_device(1)), 0);
	assert_int_equal(bus_unplug(redir->host.bus, 1), 0);
	assert_int_equal(bus_plug(redir->host.bus, 1, make_device(1)), 0);
	guest_connect(redir, 1);
	wait_plugged(redir, true);
	socket_ready(&redir->host);
	redir->host.port = 2;
}

static void events_stop_and_start_again(void **state)
{
	struct redir_host *redir = *state;
	struct guest *guest = guest_of(&redir->host);
	struct host_transfer event = {.type = USB_TRANSFER_INTERRUPT,
				      .endpoint = 0x81,
				      .data = (uint8_t[64]){0},
				      .length = 64};

	plug(&redir->host, make_device(2));
	socket_ready(&redir->host);
	submit(&redir->host, &event);
	assert_true(host_wait(&redir->host, &event));
	/* Stopped: what happens now waits in the device. */
	guest->receiving[17] = false;
	usbredirparser_send_stop_interrupt_receiving(
		guest->parser, 0,
		&(struct usb_redir_stop_interrupt_receiving_header){0x81});
	host_settle(&redir->host);
	pipe_end(peers[1].pipes[0].pipe);
	host_settle(&redir->host);
	assert_int_equal(guest->packet_count, 0);
	submit(&redir->host, &event);
	assert_true(host_wait(&redir->host, &event));
	assert_int_equal(event.wire_status, usb_redir_success);
	assert_int_equal(event.data[0], TV_PIPE_EVENT_EOS);
	/* A halted endpoint ends receiving, and the guest is told. */
	submit(&redir->host, &event);
	host_settle(&redir->host);
	host_control(&redir->host, 0x02, 3, 0, 0x81);
	assert_true(host_wait(&redir->host, &event));
	assert_int_equal(event.wire_status, usb_redir_stall);
	host_control(&redir->host, 0x02, 1, 0, 0x81);
	submit(&redir->host, &event);
	pipe_reset(peers[1].pipes[0].pipe, TV_PIPE_REASON_REVOKED);
	assert_true(host_wait(&redir->host, &event));
	assert_int_equal(event.data[0], TV_PIPE_EVENT_RESET);
}

static void a_peer_that_does_not_read_is_not_served_more(void **state)
{
	enum { WANTED = 64 << 10, COUNT = 200 };
	struct redir_host *redir = *state;
	struct guest *guest = guest_of(&redir->host);
	struct usb_redir_bulk_packet_header header = {.endpoint = 0x82,
						      .length_high = 1};
	struct bus_usbredir_stats stats;

	plug(&redir->host, make_device(2));
	socket_ready(&redir->host);
	for (int i = 0; i < COUNT; i++) {
		usbredirparser_send_bulk_packet(
			guest->parser, (uint64_t)(1000 + i), &header, NULL, 0);
		usbredirparser_do_write(guest->parser);
		peers[1].pipes[0].out_len = WANTED;
		peers[1].pipes[0].out_at = 0;
		pipe_have_in(peers[1].pipes[0].pipe);
		uv_run(&redir->loop, UV_RUN_NOWAIT);
	}
	bus_usbredir_get_stats(redir->host.bus, &stats);
	assert_in_range(stats.octets_in, 1, 8 << 20);
	guest_gone(guest);
	host_settle(&redir->host);
	bus_usbredir_get_stats(redir->host.bus, &stats);
	/* Ports that connect have reached us, answered or not. */
	assert_int_equal(stats.peers, bus_connects ? PORTS - 1 : 0);
}

static void an_endless_source_waits_for_its_reader(void **state)
{
	enum { COUNT = 500 };
	struct redir_host *redir = *state;
	struct guest *guest = guest_of(&redir->host);
	struct usb_redir_bulk_packet_header header = {.endpoint = 0x82,
						      .length_high = 4};
	struct usb_redir_bulk_packet_header out = {.endpoint = 0x01,
						   .length = 1};
	struct usb_function *function = diag_function_create("measure");
	struct bus_usbredir_stats stats;

	plug(&redir->host, usb_device_create(
				   &(struct usb_device_identity){
					   .manufacturer = "2Virt",
					   .product = "2Virt diag",
					   .serial = "diag-measure",
				   },
				   &function, 1));
	socket_ready(&redir->host);
	/* All of them wait in the bus when the source begins. */
	for (int i = 0; i < COUNT; i++)
		usbredirparser_send_bulk_packet(
			guest->parser, (uint64_t)(1000 + i), &header, NULL, 0);
	host_settle(&redir->host);
	usbredirparser_send_bulk_packet(guest->parser, 1, &out, (uint8_t *)"G",
					1);
	usbredirparser_do_write(guest->parser);
	for (int i = 0; i < COUNT; i++)
		uv_run(&redir->loop, UV_RUN_NOWAIT);
	bus_usbredir_get_stats(redir->host.bus, &stats);
	assert_in_range(stats.octets_in, 1, 4 << 20);
	guest_gone(guest);
	host_settle(&redir->host);
}

static void a_flooded_pipe_halts(void **state)
{
	struct redir_host *redir = *state;

	plug(&redir->host, make_device(2));
	socket_ready(&redir->host);
	socket_flood(&redir->host, &peers[1]);
}

static void what_is_not_the_protocol_closes_the_connection(void **state)
{
	struct redir_host *redir = *state;
	struct guest *guest = guest_of(&redir->host);
	uint8_t rubbish[64];

	plug(&redir->host, make_device(2));
	memset(rubbish, 0xee, sizeof(rubbish));
	assert_int_equal(send(guest->fd, rubbish, sizeof(rubbish), 0),
			 sizeof(rubbish));
	for (int ms = 0; ms < PATIENCE_MS && guest->fd >= 0; ms++)
		turn(&redir->host, 1);
	assert_true(guest->fd < 0);
	guest_connect(redir, 2);
	wait_plugged(redir, true);
	socket_ready(&redir->host);
}

static int bus_cases(const char *name)
{
#define BUS_CASE(name)                                                         \
	cmocka_unit_test_setup_teardown(name, bus_setup, bus_teardown)
	const struct CMUnitTest tests[] = {
		BUS_CASE(the_guest_is_told_what_it_gets),
		BUS_CASE(a_peer_that_comes_again_finds_a_fresh_device),
		BUS_CASE(a_second_peer_is_turned_away),
		BUS_CASE(devices_do_not_know_of_each_other),
		BUS_CASE(a_device_waits_for_its_peer),
		BUS_CASE(events_stop_and_start_again),
		BUS_CASE(a_peer_that_does_not_read_is_not_served_more),
		BUS_CASE(an_endless_source_waits_for_its_reader),
		BUS_CASE(a_flooded_pipe_halts),
		BUS_CASE(what_is_not_the_protocol_closes_the_connection),
	};

	return _cmocka_run_group_tests(
		name, tests, sizeof(tests) / sizeof(tests[0]), NULL, NULL);
}

int main(void)
{
	int failed;

	log_init("conformance-usbredir", LOG_LEVEL_ERROR);
	failed = conformance_run("usbredir-unix", setup, teardown);
	failed += bus_cases("usbredir-bus-listening");
	bus_connects = true;
	failed += conformance_run("usbredir-tcp", setup, teardown);
	return failed + bus_cases("usbredir-bus-connecting");
}
