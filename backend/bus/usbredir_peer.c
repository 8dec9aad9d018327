// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbredir_peer.c - the connection of one port, spoken by libusbredirparser.
 *
 *   HELLO ──hello──▶ EMPTY ──plug: info, connect──▶ PLUGGED
 *                      ▲                               │ unplug: disconnect
 *                      └────── ack (if it has the ──── DISCONNECTING
 *                              capability)
 *
 * The peer configures the device by messages of their own, and before each
 * answer to one it is told which interfaces and endpoints there are now.
 * SET_ADDRESS it keeps to itself.
 *
 * Interrupt INs do not wait for the guest: the peer starts receiving on an
 * endpoint, and from then on one transfer of ours is always in the device;
 * what it brings is sent as a packet.  Its id in struct attach is RECEIVER.
 *
 * Packets are sent where they arise and written at the end of a turn of the
 * parser.  What the socket does not take stays in the parser's queue.  From
 * QUEUE_BATCH of it no IN is started until it is empty, and while that is more
 * than QUEUE_HIGH, nothing is read.
 *
 * The peer is QEMU and as trustworthy as its guest: what the protocol does not
 * allow closes the connection.
 */
#include "backend/bus/usbredir_internal.h"

#include "backend/util/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <usbredirfilter.h>
#include <usbredirparser.h>

enum { QUEUE_HIGH = 1 << 20, QUEUE_LOW = 256 << 10, QUEUE_BATCH = 64 << 10 };

#define RECEIVER(endpoint) (UINT64_MAX - (endpoint))

enum peer_state {
	PEER_HELLO,
	PEER_EMPTY,
	PEER_PLUGGED,
	PEER_DISCONNECTING,
	PEER_CLOSED,
};

struct usbredir_peer {
	struct usbredir_port *port;
	struct usbredirparser *parser;
	struct attach attach;
	uv_poll_t poll;
	int fd;
	enum peer_state state;
	bool paused;
	bool parsing;
	bool broken; /* the socket takes no more: close at the next event */
	bool receiving[INQUIRY_ENDPOINTS]; /* interrupt INs */
	uint64_t interrupt_id;
};

/* --- reading and writing --------------------------------------------------
 */

static void on_event(uv_poll_t *handle, int status, int events);

static void watch(struct usbredir_peer *peer)
{
	int events = peer->paused ? 0 : UV_READABLE;

	if (usbredirparser_has_data_to_write(peer->parser) || peer->broken)
		events |= UV_WRITABLE;
	uv_poll_start(&peer->poll, events, on_event);
}

/* May start INs that waited for room. */
static void update_queue(struct usbredir_peer *peer)
{
	uint64_t queued =
		usbredirparser_get_bufferered_output_size(peer->parser);

	if (peer->paused ? queued <= QUEUE_LOW : queued > QUEUE_HIGH)
		peer->paused = !peer->paused;
	if (queued == 0 || queued > QUEUE_BATCH)
		attach_set_congested(&peer->attach, queued > 0);
}

/* Writes what there is, unless the parser's turn will do it at its end. */
static void flush(struct usbredir_peer *peer)
{
	bool emptied;

	if (peer->state == PEER_CLOSED)
		return;
	if (peer->parsing) {
		update_queue(peer);
		return;
	}
	/* Starting INs sends more; without nesting. */
	peer->parsing = true;
	do {
		if (usbredirparser_do_write(peer->parser) < 0)
			peer->broken = true;
		emptied = !usbredirparser_has_data_to_write(peer->parser);
		update_queue(peer);
	} while (!peer->broken && emptied &&
		 usbredirparser_has_data_to_write(peer->parser));
	peer->parsing = false;
	watch(peer);
}

static int read_octets(void *priv, uint8_t *data, int count)
{
	struct usbredir_peer *peer = priv;
	ssize_t got;

	update_queue(peer);
	if (peer->paused)
		return 0;
	got = recv(peer->fd, data, (size_t)count, MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return got ? (int)got : -1;
}

static int write_octets(void *priv, uint8_t *data, int count)
{
	struct usbredir_peer *peer = priv;
	ssize_t sent = send(peer->fd, data, (size_t)count,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	return (int)sent;
}

static void on_event(uv_poll_t *handle, int status, int events)
{
	struct usbredir_peer *peer = handle->data;
	int error = 0;

	if (status < 0 || peer->broken) {
		usbredir_peer_close(peer);
		return;
	}
	if (events & UV_READABLE) {
		peer->parsing = true;
		error = usbredirparser_do_read(peer->parser);
		peer->parsing = false;
	}
	if (error == usbredirparser_read_parse_error) {
		static struct log_limit limit = LOG_LIMIT_INIT(5, 10000);

		log_limited(&limit, LOG_LEVEL_WARNING,
			    "usbredir: port %u is closed: not the protocol",
			    peer->port->number);
	}
	if (error) {
		usbredir_peer_close(peer);
		return;
	}
	flush(peer);
}

static void on_log(void *priv, int level, const char *message)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 10000);
	struct usbredir_peer *peer = priv;

	if (level <= usbredirparser_warning)
		log_limited(&limit, LOG_LEVEL_WARNING, "usbredir: port %u: %s",
			    peer->port->number, message);
}

/* --- answers --------------------------------------------------------------
 */

static uint8_t wire_status(enum usb_status status)
{
	static const uint8_t wire[] = {
		[USB_STATUS_OK] = usb_redir_success,
		[USB_STATUS_STALL] = usb_redir_stall,
		[USB_STATUS_CANCELLED] = usb_redir_cancelled,
		[USB_STATUS_NODEV] = usb_redir_ioerror,
		[USB_STATUS_OVERFLOW] = usb_redir_babble,
		[USB_STATUS_INVALID] = usb_redir_inval,
		[USB_STATUS_IOERROR] = usb_redir_ioerror,
	};

	static_assert(sizeof(wire) / sizeof(wire[0]) == USB_STATUS_COUNT,
		      "one for each status");
	return wire[status];
}

static void answer_control(struct usbredir_peer *peer, uint64_t id,
			   const uint8_t *setup, enum usb_status status,
			   uint8_t *data, uint32_t actual)
{
	struct usb_redir_control_packet_header header = {
		.endpoint = setup[0] & 0x80,
		.requesttype = setup[0],
		.request = setup[1],
		.value = (uint16_t)(setup[2] | setup[3] << 8),
		.index = (uint16_t)(setup[4] | setup[5] << 8),
		.status = wire_status(status),
		.length = (uint16_t)actual,
	};
	bool in = setup[0] & 0x80;

	usbredirparser_send_control_packet(peer->parser, id, &header,
					   in && actual ? data : NULL,
					   in ? (int)actual : 0);
}

static void answer_bulk(struct usbredir_peer *peer, uint64_t id,
			uint8_t endpoint, enum usb_status status, uint8_t *data,
			uint32_t actual)
{
	struct usb_redir_bulk_packet_header header = {
		.endpoint = endpoint,
		.status = wire_status(status),
		.length = actual & 0xffff,
		.length_high = (uint16_t)(actual >> 16),
	};
	bool in = endpoint & 0x80;

	usbredirparser_send_bulk_packet(peer->parser, id, &header,
					in && actual ? data : NULL,
					in ? (int)actual : 0);
}

static void answer_interrupt(struct usbredir_peer *peer, uint64_t id,
			     uint8_t endpoint, enum usb_status status,
			     uint8_t *data, uint32_t actual)
{
	struct usb_redir_interrupt_packet_header header = {
		.endpoint = endpoint,
		.status = wire_status(status),
		.length = (uint16_t)actual,
	};
	bool in = endpoint & 0x80;

	usbredirparser_send_interrupt_packet(peer->parser, id, &header,
					     in && actual ? data : NULL,
					     in ? (int)actual : 0);
}

static void answer_receiving(struct usbredir_peer *peer, uint64_t id,
			     uint8_t endpoint, enum usb_status status)
{
	struct usb_redir_interrupt_receiving_status_header header = {
		.endpoint = endpoint,
		.status = wire_status(status),
	};

	usbredirparser_send_interrupt_receiving_status(peer->parser, id,
						       &header);
}

static int receive_one(struct usbredir_peer *peer, uint8_t endpoint)
{
	const struct inquiry_endpoint *known =
		&peer->attach.inquiry
			 .endpoints[inquiry_endpoint_index(endpoint)];

	return attach_submit(&peer->attach, RECEIVER(endpoint),
			     USB_TRANSFER_INTERRUPT, endpoint, NULL,
			     known->present ? known->max_packet : 1, NULL);
}

/* A transfer of our own on an interrupt IN has ended. */
static void received(struct usbredir_peer *peer,
		     const struct attach_xfer *transfer)
{
	const struct usb_xfer *xfer = &transfer->xfer;
	uint8_t endpoint = xfer->endpoint;
	bool *receiving = &peer->receiving[inquiry_endpoint_index(endpoint)];

	if (!*receiving)
		return;
	if (xfer->status == USB_STATUS_OK) {
		answer_interrupt(peer, peer->interrupt_id++, endpoint,
				 xfer->status, xfer->data, xfer->actual);
		if (receive_one(peer, endpoint) == 0)
			return;
	}
	*receiving = false;
	/* The peer knows when it has ended it itself. */
	if (xfer->status != USB_STATUS_CANCELLED)
		answer_receiving(peer, 0, endpoint, xfer->status);
}

static void on_done(struct attach *attach, struct attach_xfer *transfer)
{
	struct usbredir_peer *peer =
		container_of(attach, struct usbredir_peer, attach);
	const struct usb_xfer *xfer = &transfer->xfer;

	if (peer->state == PEER_CLOSED)
		return;
	if (usb_xfer_is_in(xfer))
		peer->port->bus->stats.octets_in += xfer->actual;
	else
		peer->port->bus->stats.octets_out += xfer->actual;
	if (xfer->type == USB_TRANSFER_CONTROL)
		answer_control(peer, transfer->id, xfer->setup, xfer->status,
			       xfer->data, xfer->actual);
	else if (xfer->type == USB_TRANSFER_BULK)
		answer_bulk(peer, transfer->id, xfer->endpoint, xfer->status,
			    xfer->data, xfer->actual);
	else if (usb_xfer_is_in(xfer))
		received(peer, transfer);
	else
		answer_interrupt(peer, transfer->id, xfer->endpoint,
				 xfer->status, NULL, xfer->actual);
	flush(peer);
}

static void free_payload(struct attach *attach, uint8_t *payload)
{
	struct usbredir_peer *peer =
		container_of(attach, struct usbredir_peer, attach);

	usbredirparser_free_packet_data(peer->parser, payload);
}

static const struct attach_ops usbredir_attach_ops = {
	.done = on_done,
	.free_payload = free_payload,
};

/* --- plugging -------------------------------------------------------------
 */

static uint8_t selected_alt(struct usbredir_peer *peer, uint8_t interface)
{
	const uint8_t setup[8] = {0x81, 10, 0, 0, interface, 0, 1, 0};
	uint8_t alt = 0;

	/* Stalls while not configured: setting 0. */
	inquiry_control(peer->port->device, setup, &alt, NULL);
	return alt;
}

static void send_info(struct usbredir_peer *peer)
{
	const struct inquiry *inquiry = &peer->attach.inquiry;
	struct usb_redir_interface_info_header interfaces = {
		.interface_count = inquiry->interface_count};
	struct usb_redir_ep_info_header endpoints = {0};
	uint8_t alts[INQUIRY_MAX_INTERFACES] = {0};

	for (uint8_t i = 0; i < inquiry->interface_count; i++) {
		interfaces.interface[i] = i;
		interfaces.interface_class[i] = inquiry->interfaces[i].class;
		interfaces.interface_subclass[i] =
			inquiry->interfaces[i].subclass;
		interfaces.interface_protocol[i] =
			inquiry->interfaces[i].protocol;
		alts[i] = selected_alt(peer, i);
	}
	for (unsigned int i = 0; i < INQUIRY_ENDPOINTS; i++) {
		const struct inquiry_endpoint *endpoint =
			&inquiry->endpoints[i];

		endpoints.type[i] = usb_redir_type_invalid;
		if (!(i & 0x0f)) {
			endpoints.type[i] = usb_redir_type_control;
			endpoints.max_packet_size[i] = 64;
		} else if (endpoint->present &&
			   endpoint->alt == alts[endpoint->interface]) {
			endpoints.type[i] = (uint8_t)endpoint->type;
			endpoints.max_packet_size[i] = endpoint->max_packet;
			endpoints.interval[i] = endpoint->interval;
			endpoints.interface[i] = endpoint->interface;
		}
	}
	usbredirparser_send_interface_info(peer->parser, &interfaces);
	usbredirparser_send_ep_info(peer->parser, &endpoints);
}

void usbredir_peer_plug(struct usbredir_peer *peer)
{
	const struct inquiry *inquiry = &peer->attach.inquiry;
	struct usb_redir_device_connect_header header;

	if (peer->state != PEER_EMPTY)
		return;
	if (attach_begin(&peer->attach, peer->port->device) < 0)
		return;
	peer->state = PEER_PLUGGED;
	memset(peer->receiving, 0, sizeof(peer->receiving));
	header = (struct usb_redir_device_connect_header){
		.speed = usb_redir_speed_high,
		.device_class = inquiry->class,
		.device_subclass = inquiry->subclass,
		.device_protocol = inquiry->protocol,
		.vendor_id = inquiry->vendor_id,
		.product_id = inquiry->product_id,
		.device_version_bcd = inquiry->release,
	};
	send_info(peer);
	usbredirparser_send_device_connect(peer->parser, &header);
	flush(peer);
}

void usbredir_peer_unplug(struct usbredir_peer *peer)
{
	if (peer->state != PEER_PLUGGED)
		return;
	memset(peer->receiving, 0, sizeof(peer->receiving));
	attach_end(&peer->attach, USB_STATUS_NODEV);
	peer->state = usbredirparser_peer_has_cap(
			      peer->parser, usb_redir_cap_device_disconnect_ack)
			      ? PEER_DISCONNECTING
			      : PEER_EMPTY;
	usbredirparser_send_device_disconnect(peer->parser);
	flush(peer);
}

static void on_hello(void *priv, struct usb_redir_hello_header *hello)
{
	struct usbredir_peer *peer = priv;

	(void)hello;
	if (peer->state != PEER_HELLO)
		return;
	peer->state = PEER_EMPTY;
	log_info("usbredir: port %u has a peer", peer->port->number);
	if (peer->port->device)
		usbredir_peer_plug(peer);
}

static void on_disconnect_ack(void *priv)
{
	struct usbredir_peer *peer = priv;

	if (peer->state != PEER_DISCONNECTING)
		return;
	peer->state = PEER_EMPTY;
	if (peer->port->device)
		usbredir_peer_plug(peer);
}

static void on_filter_reject(void *priv)
{
	struct usbredir_peer *peer = priv;

	log_warning("usbredir: port %u: the peer's filter refuses the device",
		    peer->port->number);
}

static void on_filter(void *priv, struct usbredirfilter_rule *rules, int count)
{
	(void)priv;
	(void)count;
	free(rules);
}

/* --- requests -------------------------------------------------------------
 */

static bool plugged(const struct usbredir_peer *peer)
{
	return peer->state == PEER_PLUGGED;
}

static void on_reset(void *priv)
{
	struct usbredir_peer *peer = priv;

	if (plugged(peer))
		attach_reset(&peer->attach);
}

static void answer_configuration(struct usbredir_peer *peer, uint64_t id,
				 enum usb_status status)
{
	static const uint8_t setup[8] = {0x80, 8, 0, 0, 0, 0, 1, 0};
	struct usb_redir_configuration_status_header header = {
		.status = wire_status(status)};
	uint8_t value = 0;

	if (plugged(peer))
		inquiry_control(peer->port->device, setup, &value, NULL);
	header.configuration = value;
	usbredirparser_send_configuration_status(peer->parser, id, &header);
}

static void
on_set_configuration(void *priv, uint64_t id,
		     struct usb_redir_set_configuration_header *header)
{
	struct usbredir_peer *peer = priv;
	const uint8_t setup[8] = {0x00, 9, header->configuration};
	enum usb_status status = USB_STATUS_NODEV;

	if (plugged(peer)) {
		status = inquiry_control(peer->port->device, setup, NULL, NULL);
		send_info(peer);
	}
	answer_configuration(peer, id, status);
}

static void on_get_configuration(void *priv, uint64_t id)
{
	struct usbredir_peer *peer = priv;

	answer_configuration(peer, id,
			     plugged(peer) ? USB_STATUS_OK : USB_STATUS_NODEV);
}

static void on_set_alt(void *priv, uint64_t id,
		       struct usb_redir_set_alt_setting_header *header)
{
	struct usbredir_peer *peer = priv;
	const uint8_t setup[8] = {0x01, 11, header->alt, 0, header->interface};
	struct usb_redir_alt_setting_status_header answer = {
		.status = usb_redir_ioerror,
		.interface = header->interface,
		.alt = header->alt,
	};

	if (plugged(peer)) {
		answer.status = wire_status(
			inquiry_control(peer->port->device, setup, NULL, NULL));
		send_info(peer);
	}
	usbredirparser_send_alt_setting_status(peer->parser, id, &answer);
}

static void on_get_alt(void *priv, uint64_t id,
		       struct usb_redir_get_alt_setting_header *header)
{
	struct usbredir_peer *peer = priv;
	const uint8_t setup[8] = {0x81, 10, 0, 0, header->interface, 0, 1, 0};
	struct usb_redir_alt_setting_status_header answer = {
		.status = usb_redir_ioerror,
		.interface = header->interface,
	};

	if (plugged(peer))
		answer.status = wire_status(inquiry_control(
			peer->port->device, setup, &answer.alt, NULL));
	usbredirparser_send_alt_setting_status(peer->parser, id, &answer);
}

static void
on_start_interrupt(void *priv, uint64_t id,
		   struct usb_redir_start_interrupt_receiving_header *header)
{
	struct usbredir_peer *peer = priv;
	uint8_t endpoint = header->endpoint;
	bool *receiving;

	if (!plugged(peer) || !(endpoint & 0x80) || (endpoint & 0x70) ||
	    !(endpoint & 0x0f)) {
		answer_receiving(peer, id, endpoint,
				 plugged(peer) ? USB_STATUS_INVALID
					       : USB_STATUS_NODEV);
		return;
	}
	receiving = &peer->receiving[inquiry_endpoint_index(endpoint)];
	if (!*receiving) {
		*receiving = true;
		if (receive_one(peer, endpoint) < 0)
			*receiving = false;
		/* Ended at once: that has been said. */
		if (!*receiving)
			return;
	}
	answer_receiving(peer, id, endpoint, USB_STATUS_OK);
}

static void
on_stop_interrupt(void *priv, uint64_t id,
		  struct usb_redir_stop_interrupt_receiving_header *header)
{
	struct usbredir_peer *peer = priv;
	uint8_t endpoint = header->endpoint;

	if (plugged(peer) && (endpoint & 0x80)) {
		peer->receiving[inquiry_endpoint_index(endpoint)] = false;
		attach_cancel(&peer->attach, RECEIVER(endpoint));
	}
	answer_receiving(peer, id, endpoint, USB_STATUS_OK);
}

static void on_cancel(void *priv, uint64_t id)
{
	struct usbredir_peer *peer = priv;

	/* One that has ended has been answered. */
	if (plugged(peer) && id < RECEIVER(0xff))
		attach_cancel(&peer->attach, id);
}

/* Hands a transfer over, or says what is wrong with it. */
static enum usb_status hand_over(struct usbredir_peer *peer, uint64_t id,
				 enum usb_transfer_type type, uint8_t endpoint,
				 const uint8_t *setup, uint32_t len,
				 uint8_t *data)
{
	enum usb_status status = USB_STATUS_NODEV;

	peer->port->bus->stats.requests++;
	if (!plugged(peer))
		goto out;
	status = USB_STATUS_INVALID;
	if (endpoint & 0x70)
		goto out;
	if (data && !attach_has_room(&peer->attach, endpoint, len)) {
		attach_halt(&peer->attach, endpoint);
		status = USB_STATUS_STALL;
		goto out;
	}
	if (attach_submit(&peer->attach, id, type, endpoint, setup, len,
			  data) == 0)
		return USB_STATUS_OK;
	/* More than a host may have at once. */
	peer->broken = true;
	status = USB_STATUS_IOERROR;
out:
	if (data)
		usbredirparser_free_packet_data(peer->parser, data);
	return status;
}

static void on_control(void *priv, uint64_t id,
		       struct usb_redir_control_packet_header *header,
		       uint8_t *data, int len)
{
	struct usbredir_peer *peer = priv;
	const uint8_t setup[8] = {
		header->requesttype,   header->request,
		header->value & 0xff,  (uint8_t)(header->value >> 8),
		header->index & 0xff,  (uint8_t)(header->index >> 8),
		header->length & 0xff, (uint8_t)(header->length >> 8),
	};
	enum usb_status status = USB_STATUS_INVALID;

	(void)len;
	/* The parser knows directions by the endpoint, a device by the setup.
	 */
	if ((header->endpoint ^ header->requesttype) & 0x80)
		usbredirparser_free_packet_data(peer->parser, data);
	else
		status = hand_over(peer, id, USB_TRANSFER_CONTROL,
				   header->endpoint, setup, header->length,
				   data);
	if (status != USB_STATUS_OK)
		answer_control(peer, id, setup, status, NULL, 0);
}

static void on_bulk(void *priv, uint64_t id,
		    struct usb_redir_bulk_packet_header *header, uint8_t *data,
		    int data_len)
{
	struct usbredir_peer *peer = priv;
	uint8_t endpoint = header->endpoint;
	uint32_t len = header->length;
	enum usb_status status = USB_STATUS_INVALID;

	(void)data_len;
	if (usbredirparser_peer_has_cap(peer->parser,
					usb_redir_cap_32bits_bulk_length))
		len |= (uint32_t)header->length_high << 16;
	if (header->stream_id)
		usbredirparser_free_packet_data(peer->parser, data);
	else
		status = hand_over(peer, id, USB_TRANSFER_BULK, endpoint, NULL,
				   len, data);
	if (status != USB_STATUS_OK)
		answer_bulk(peer, id, endpoint, status, NULL, 0);
}

static void on_interrupt(void *priv, uint64_t id,
			 struct usb_redir_interrupt_packet_header *header,
			 uint8_t *data, int len)
{
	struct usbredir_peer *peer = priv;
	uint8_t endpoint = header->endpoint;
	enum usb_status status;

	if (endpoint & 0x80) {
		usbredirparser_free_packet_data(peer->parser, data);
		return;
	}
	status = hand_over(peer, id, USB_TRANSFER_INTERRUPT, endpoint, NULL,
			   (uint32_t)len, data);
	if (status != USB_STATUS_OK)
		answer_interrupt(peer, id, endpoint, status, NULL, 0);
}

/* --- what no device of ours has -------------------------------------------
 */

static void on_start_iso(void *priv, uint64_t id,
			 struct usb_redir_start_iso_stream_header *header)
{
	struct usbredir_peer *peer = priv;
	struct usb_redir_iso_stream_status_header answer = {
		.status = usb_redir_inval, .endpoint = header->endpoint};

	usbredirparser_send_iso_stream_status(peer->parser, id, &answer);
}

static void on_stop_iso(void *priv, uint64_t id,
			struct usb_redir_stop_iso_stream_header *header)
{
	struct usbredir_peer *peer = priv;
	struct usb_redir_iso_stream_status_header answer = {
		.status = usb_redir_inval, .endpoint = header->endpoint};

	usbredirparser_send_iso_stream_status(peer->parser, id, &answer);
}

static void on_iso(void *priv, uint64_t id,
		   struct usb_redir_iso_packet_header *header, uint8_t *data,
		   int len)
{
	struct usbredir_peer *peer = priv;

	usbredirparser_free_packet_data(peer->parser, data);
}

static void on_alloc_streams(void *priv, uint64_t id,
			     struct usb_redir_alloc_bulk_streams_header *header)
{
	struct usbredir_peer *peer = priv;
	struct usb_redir_bulk_streams_status_header answer = {
		.status = usb_redir_inval, .endpoints = header->endpoints};

	usbredirparser_send_bulk_streams_status(peer->parser, id, &answer);
}

static void on_free_streams(void *priv, uint64_t id,
			    struct usb_redir_free_bulk_streams_header *header)
{
	struct usbredir_peer *peer = priv;
	struct usb_redir_bulk_streams_status_header answer = {
		.status = usb_redir_inval, .endpoints = header->endpoints};

	usbredirparser_send_bulk_streams_status(peer->parser, id, &answer);
}

/* Not among our capabilities: the parser does not let these through. */
static void on_start_bulk(void *priv, uint64_t id,
			  struct usb_redir_start_bulk_receiving_header *header)
{
}

static void on_stop_bulk(void *priv, uint64_t id,
			 struct usb_redir_stop_bulk_receiving_header *header)
{
}

/* --- opening and closing --------------------------------------------------
 */

static void parser_start(struct usbredir_peer *peer)
{
	static const int capabilities[] = {
		usb_redir_cap_connect_device_version,
		usb_redir_cap_filter,
		usb_redir_cap_device_disconnect_ack,
		usb_redir_cap_ep_info_max_packet_size,
		usb_redir_cap_64bits_ids,
		usb_redir_cap_32bits_bulk_length,
	};
	struct usbredirparser *parser = peer->parser;
	uint32_t caps[USB_REDIR_CAPS_SIZE] = {0};

	parser->priv = peer;
	parser->log_func = on_log;
	parser->read_func = read_octets;
	parser->write_func = write_octets;
	parser->hello_func = on_hello;
	parser->reset_func = on_reset;
	parser->set_configuration_func = on_set_configuration;
	parser->get_configuration_func = on_get_configuration;
	parser->set_alt_setting_func = on_set_alt;
	parser->get_alt_setting_func = on_get_alt;
	parser->start_iso_stream_func = on_start_iso;
	parser->stop_iso_stream_func = on_stop_iso;
	parser->start_interrupt_receiving_func = on_start_interrupt;
	parser->stop_interrupt_receiving_func = on_stop_interrupt;
	parser->alloc_bulk_streams_func = on_alloc_streams;
	parser->free_bulk_streams_func = on_free_streams;
	parser->cancel_data_packet_func = on_cancel;
	parser->control_packet_func = on_control;
	parser->bulk_packet_func = on_bulk;
	parser->iso_packet_func = on_iso;
	parser->interrupt_packet_func = on_interrupt;
	parser->filter_reject_func = on_filter_reject;
	parser->filter_filter_func = on_filter;
	parser->device_disconnect_ack_func = on_disconnect_ack;
	parser->start_bulk_receiving_func = on_start_bulk;
	parser->stop_bulk_receiving_func = on_stop_bulk;
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]);
	     i++)
		usbredirparser_caps_set_cap(caps, capabilities[i]);
	usbredirparser_init(parser, "2Virt", caps, USB_REDIR_CAPS_SIZE,
			    usbredirparser_fl_usb_host);
}

static void on_closed(uv_handle_t *handle)
{
	struct usbredir_peer *peer = handle->data;
	struct usbredir_bus *bus = peer->port->bus;

	close(peer->fd);
	attach_fini(&peer->attach);
	usbredirparser_destroy(peer->parser);
	free(peer);
	usbredir_bus_put(bus);
}

void usbredir_peer_close(struct usbredir_peer *peer)
{
	struct usbredir_port *port = peer->port;

	if (peer->state == PEER_CLOSED)
		return;
	if (peer->state != PEER_HELLO)
		log_info("usbredir: the peer of port %u is gone", port->number);
	peer->state = PEER_CLOSED;
	attach_end(&peer->attach, USB_STATUS_CANCELLED);
	port->peer = NULL;
	uv_close((uv_handle_t *)&peer->poll, on_closed);
	usbredir_port_vacant(port);
}

void usbredir_peer_open(struct usbredir_port *port, int fd)
{
	struct usbredir_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		goto err_close;
	peer->port = port;
	peer->fd = fd;
	peer->state = PEER_HELLO;
	peer->parser = usbredirparser_create();
	if (!peer->parser)
		goto err_free;
	if (uv_poll_init(port->bus->loop, &peer->poll, fd) < 0)
		goto err_destroy;
	peer->poll.data = peer;
	attach_init(&peer->attach, &usbredir_attach_ops);
	parser_start(peer);
	port->bus->handles++;
	port->peer = peer;
	/* Waits for the connection too; the hello is in the queue. */
	watch(peer);
	return;
err_destroy:
	usbredirparser_destroy(peer->parser);
err_free:
	free(peer);
err_close:
	close(fd);
	usbredir_port_vacant(port);
}
