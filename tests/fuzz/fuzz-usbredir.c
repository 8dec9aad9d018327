// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-usbredir.c - a hostile QEMU against the usbredir bus and a device.
 *
 * The input is a program: each octet picks what the guest's side does (a
 * packet made by the parser in the guest's role, octets as they are, going
 * away, not reading), followed by its arguments.  Promises that are asserted,
 * as long as it has sent no octets of its own: every packet is answered once
 * at most and with no more than was asked for, and what the bus sends is the
 * protocol.
 */
#include "backend/bus/usbredir_internal.h"
#include "backend/function/diag.h"
#include "backend/util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usbredirparser.h>

enum { MAX_STEPS = 200, TRANSFERS = 64 };

struct input {
	const uint8_t *at;
	const uint8_t *end;
};

struct slot {
	uint64_t id; /* 0: free */
	uint32_t length;
};

struct session {
	uv_loop_t loop;
	struct usbredir_bus *bus;
	struct usbredirparser *parser;
	int fd;
	bool raw;
	uint64_t id;
	struct slot slots[TRANSFERS];
};

static uint8_t take(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

static void turn(struct session *session)
{
	for (int i = 0; i < 2; i++)
		uv_run(&session->loop, UV_RUN_NOWAIT);
}

/* --- the guest's side ------------------------------------------------------
 */

static void end_slot(struct session *session, uint64_t id, uint32_t actual)
{
	for (unsigned int i = 0; i < TRANSFERS; i++) {
		struct slot *slot = &session->slots[i];

		if (slot->id != id)
			continue;
		assert(actual <= slot->length);
		slot->id = 0;
		return;
	}
	assert(!"an answer to nothing");
}

static void on_log(void *priv, int level, const char *message)
{
}

static int on_read(void *priv, uint8_t *data, int count)
{
	struct session *session = priv;
	ssize_t got = recv(session->fd, data, (size_t)count, MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	return got ? (int)got : -1;
}

static int on_write(void *priv, uint8_t *data, int count)
{
	struct session *session = priv;
	ssize_t sent = send(session->fd, data, (size_t)count,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	return (int)sent;
}

static void on_hello(void *priv, struct usb_redir_hello_header *hello)
{
}

static void on_connect(void *priv, struct usb_redir_device_connect_header *h)
{
	assert(h->speed == usb_redir_speed_high);
}

static void on_disconnect(void *priv)
{
}

static void on_interfaces(void *priv, struct usb_redir_interface_info_header *h)
{
	assert(h->interface_count == 1);
}

static void on_endpoints(void *priv, struct usb_redir_ep_info_header *h)
{
	for (unsigned int i = 0; i < 32; i++)
		assert(h->type[i] != usb_redir_type_interrupt ||
		       h->interval[i]);
}

static void on_configuration(void *priv, uint64_t id,
			     struct usb_redir_configuration_status_header *h)
{
	end_slot(priv, id, 0);
}

static void on_alt(void *priv, uint64_t id,
		   struct usb_redir_alt_setting_status_header *h)
{
	end_slot(priv, id, 0);
}

static void on_control(void *priv, uint64_t id,
		       struct usb_redir_control_packet_header *h, uint8_t *data,
		       int len)
{
	struct session *session = priv;

	end_slot(session, id, h->length);
	usbredirparser_free_packet_data(session->parser, data);
}

static void on_bulk(void *priv, uint64_t id,
		    struct usb_redir_bulk_packet_header *h, uint8_t *data,
		    int len)
{
	struct session *session = priv;

	end_slot(session, id, h->length | (uint32_t)h->length_high << 16);
	usbredirparser_free_packet_data(session->parser, data);
}

static void on_interrupt(void *priv, uint64_t id,
			 struct usb_redir_interrupt_packet_header *h,
			 uint8_t *data, int len)
{
	struct session *session = priv;

	if (h->endpoint & 0x80)
		assert(len == 16);
	else
		end_slot(session, id, h->length);
	usbredirparser_free_packet_data(session->parser, data);
}

static void on_receiving(void *priv, uint64_t id,
			 struct usb_redir_interrupt_receiving_status_header *h)
{
}

static void on_iso_status(void *priv, uint64_t id,
			  struct usb_redir_iso_stream_status_header *h)
{
	assert(h->status == usb_redir_inval);
}

static void connect_guest(struct session *session)
{
	static const int capabilities[] = {
		usb_redir_cap_connect_device_version,
		usb_redir_cap_ep_info_max_packet_size,
		usb_redir_cap_64bits_ids,
		usb_redir_cap_32bits_bulk_length,
		usb_redir_cap_device_disconnect_ack,
	};
	uint32_t caps[USB_REDIR_CAPS_SIZE] = {0};
	struct usbredirparser *parser = usbredirparser_create();
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	session->fd = fds[0];
	session->raw = false;
	memset(session->slots, 0, sizeof(session->slots));
	session->parser = parser;
	parser->priv = session;
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
	parser->iso_stream_status_func = on_iso_status;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]);
	     i++)
		usbredirparser_caps_set_cap(caps, capabilities[i]);
	usbredirparser_init(parser, "fuzz", caps, USB_REDIR_CAPS_SIZE, 0);
	usbredir_peer_open(&session->bus->ports[1], fds[1]);
	assert(session->bus->ports[1].peer);
}

static void leave(struct session *session)
{
	close(session->fd);
	usbredirparser_destroy(session->parser);
	for (int i = 0; i < 10 && session->bus->ports[1].peer; i++)
		turn(session);
	assert(!session->bus->ports[1].peer);
}

static void do_write(struct session *session)
{
	for (int i = 0;
	     i < 100 && usbredirparser_has_data_to_write(session->parser);
	     i++) {
		if (usbredirparser_do_write(session->parser) < 0)
			return;
		turn(session);
	}
}

static void do_read(struct session *session)
{
	uint8_t octets[4096];
	int error;

	turn(session);
	if (session->raw) {
		while (recv(session->fd, octets, sizeof(octets), MSG_DONTWAIT) >
		       0)
			continue;
		return;
	}
	error = usbredirparser_do_read(session->parser);
	assert(error != usbredirparser_read_parse_error);
	do_write(session);
}

/*
 * An odd octet does not wait for the other hello, as a guest must: then the
 * two do not agree on what their headers are, and answers mean nothing.
 */
static void say_hello(struct session *session, struct input *input)
{
	do_write(session);
	session->raw = take(input) & 1;
	do_read(session);
}

static uint64_t new_id(struct session *session, uint32_t length)
{
	for (unsigned int i = 0; i < TRANSFERS; i++)
		if (!session->slots[i].id) {
			session->slots[i] =
				(struct slot){++session->id, length};
			return session->id;
		}
	return 0;
}

static void do_control(struct session *session, struct input *input)
{
	static uint8_t octets[256];
	struct usb_redir_control_packet_header header = {
		.requesttype = take(input),
		.request = take(input),
		.value = take(input),
		.index = take(input),
	};
	uint64_t id;
	bool in = header.requesttype & 0x80;

	header.value |= (uint16_t)(take(input) << 8);
	header.length = take(input);
	header.endpoint = header.requesttype & 0x80;
	id = new_id(session, header.length);
	if (id)
		usbredirparser_send_control_packet(
			session->parser, id, &header,
			in || !header.length ? NULL : octets,
			in ? 0 : header.length);
}

static void do_bulk(struct session *session, struct input *input)
{
	static uint8_t octets[1 << 17] = "E0123456789";
	struct usb_redir_bulk_packet_header header = {
		.endpoint = take(input) & 0x8f,
		.length = take(input),
	};
	uint32_t len;
	bool in = header.endpoint & 0x80;
	uint64_t id;

	header.length |= (uint16_t)(take(input) << 8);
	header.length_high = take(input) & 1;
	len = header.length | (uint32_t)header.length_high << 16;
	id = new_id(session, len);
	if (id)
		usbredirparser_send_bulk_packet(session->parser, id, &header,
						in || !len ? NULL : octets,
						in ? 0 : (int)len);
}

static void do_setting(struct session *session, struct input *input)
{
	uint8_t what = take(input);
	uint8_t value = take(input);
	uint64_t id = new_id(session, 0);

	if (!id)
		return;
	switch (what % 4) {
	case 0:
		usbredirparser_send_set_configuration(
			session->parser, id,
			&(struct usb_redir_set_configuration_header){value});
		break;
	case 1:
		usbredirparser_send_get_configuration(session->parser, id);
		break;
	case 2:
		usbredirparser_send_set_alt_setting(
			session->parser, id,
			&(struct usb_redir_set_alt_setting_header){
				(uint8_t)(value >> 4), value & 0x0f});
		break;
	default:
		usbredirparser_send_get_alt_setting(
			session->parser, id,
			&(struct usb_redir_get_alt_setting_header){value});
		break;
	}
}

static void do_other(struct session *session, struct input *input)
{
	struct usbredirparser *parser = session->parser;
	uint8_t what = take(input);
	uint8_t endpoint = take(input);

	switch (what % 7) {
	case 0:
		usbredirparser_send_reset(parser);
		break;
	case 1:
		usbredirparser_send_start_interrupt_receiving(
			parser, 0,
			&(struct usb_redir_start_interrupt_receiving_header){
				endpoint});
		break;
	case 2:
		usbredirparser_send_stop_interrupt_receiving(
			parser, 0,
			&(struct usb_redir_stop_interrupt_receiving_header){
				endpoint});
		break;
	case 3:
		usbredirparser_send_cancel_data_packet(
			parser, session->slots[endpoint % TRANSFERS].id);
		break;
	case 4:
		usbredirparser_send_start_iso_stream(
			parser, 0,
			&(struct usb_redir_start_iso_stream_header){
				.endpoint = endpoint});
		break;
	case 5:
		usbredirparser_send_cancel_data_packet(parser,
						       UINT64_MAX - endpoint);
		break;
	default: {
		struct usb_redir_interrupt_packet_header header = {
			.endpoint = endpoint & 0x0f, .length = 1};
		uint64_t id = new_id(session, 1);

		if (id)
			usbredirparser_send_interrupt_packet(
				parser, id, &header, &endpoint, 1);
		break;
	}
	}
}

/* What a guest does first, so that the rest means something. */
static void do_opening(struct session *session)
{
	struct usb_redir_control_packet_header open = {
		.requesttype = 0x41, .request = 1, .value = 1};
	uint64_t id = new_id(session, 0);

	if (id)
		usbredirparser_send_set_configuration(
			session->parser, id,
			&(struct usb_redir_set_configuration_header){1});
	id = new_id(session, 0);
	if (id)
		usbredirparser_send_set_alt_setting(
			session->parser, id,
			&(struct usb_redir_set_alt_setting_header){0, 1});
	id = new_id(session, 0);
	if (id)
		usbredirparser_send_control_packet(session->parser, id, &open,
						   NULL, 0);
}

static void do_raw(struct session *session, struct input *input)
{
	size_t len = take(input);

	if (len > (size_t)(input->end - input->at))
		len = (size_t)(input->end - input->at);
	session->raw = true;
	send(session->fd, input->at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	input->at += len;
	turn(session);
}

static void plug(struct usbredir_bus *bus)
{
	const struct usb_device_identity identity = {
		.manufacturer = "m", .product = "p", .serial = "s"};
	struct usb_function *function = diag_function_create("fuzz");

	bus_plug(&bus->bus, 1, usb_device_create(&identity, &function, 1));
}

static void start(struct session *session)
{
	struct bus_usbredir_socket no_listener = {
		.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)};
	struct bus *bus;

	memset(session, 0, sizeof(*session));
	uv_loop_init(&session->loop);
	bus = bus_usbredir_create(
		&(struct bus_usbredir_config){.loop = &session->loop,
					      .port_count = 1,
					      .sockets = &no_listener});
	assert(bus);
	session->bus = container_of(bus, struct usbredir_bus, bus);
	/* A socket that does not listen hangs up all the time. */
	uv_poll_stop(&session->bus->ports[1].listening);
	plug(session->bus);
	connect_guest(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct session session;
	struct input input = {data, data + size};

	log_init("fuzz", 0);
	start(&session);
	say_hello(&session, &input);
	for (int i = 0; i < MAX_STEPS && input.at < input.end; i++) {
		switch (take(&input) % 10) {
		case 0:
			do_raw(&session, &input);
			break;
		case 1:
			do_opening(&session);
			break;
		case 2:
			do_control(&session, &input);
			break;
		case 3:
		case 4:
			do_bulk(&session, &input);
			break;
		case 5:
			do_setting(&session, &input);
			break;
		case 6:
			do_other(&session, &input);
			break;
		case 7:
			leave(&session);
			connect_guest(&session);
			say_hello(&session, &input);
			break;
		case 8:
			do_read(&session);
			break;
		default:
			if (take(&input) == 255 &&
			    bus_unplug(&session.bus->bus, 1) == 0)
				plug(session.bus);
			break;
		}
		do_write(&session);
	}
	do_read(&session);
	leave(&session);
	bus_destroy(&session.bus->bus);
	uv_run(&session.loop, UV_RUN_DEFAULT);
	assert(uv_loop_close(&session.loop) == 0);
	return 0;
}
