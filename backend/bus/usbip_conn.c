// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usbip_conn.c - one connection of a USB/IP client.
 *
 * Reading is a machine of four states, fed from a small buffer of the
 * connection; the octets of an OUT are read straight to where they stay.
 *
 *   OPERATION ──IMPORT──▶ HEADER ──SUBMIT OUT──▶ PAYLOAD
 *       │ DEVLIST            ▲  └─SUBMIT refused─▶ SKIP
 *       └──▶ OPERATION       └──────────────────────┘
 *
 * An answer is written at once; what the socket does not take is copied and
 * queued.  While anything is queued no IN is started: it would be copied too,
 * and come no sooner.  While more than QUEUE_HIGH octets are queued nothing is
 * read, so a client that does not read its answers stops itself.
 *
 * An OUT that was taken back after octets of it had been taken is answered by
 * RET_SUBMIT with their number, and its UNLINK as one that came too late:
 * RET_UNLINK has no place for a number, and a pipe needs it.
 *
 * The client is not trusted.  What it cannot mean (another version, unknown
 * commands, isochronous transfers of more packets than there may be) closes the
 * connection; what the device does not have is answered by the device.
 */
#include "backend/bus/usbip_internal.h"

#include "backend/util/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BUFFER_SIZE = 64 << 10,
	QUEUE_HIGH = 1 << 20,
	QUEUE_LOW = 256 << 10,
	READS_AT_ONCE = 16,
	IMPORT_TIMEOUT_MS = 10000,
	BUSNUM = 1,
};

enum usbip_state {
	USBIP_OPERATION,
	USBIP_HEADER,
	USBIP_PAYLOAD,
	USBIP_SKIP,
	USBIP_CLOSING,
};

struct usbip_conn {
	struct list_node link;
	struct usbip_bus *bus;
	struct usbip_port *port; /* imported, or NULL */
	struct attach attach;
	uv_pipe_t stream;
	uv_timer_t timer;
	unsigned int handles;
	enum usbip_state state;
	bool paused;
	bool unlinking; /* a transfer is being taken back */
	bool answered;	/* ... and has been answered by RET_SUBMIT */

	struct usbip_header header; /* in host order, of the OUT being read */
	uint8_t *payload;
	uint32_t payload_at;
	uint64_t skip;
	int skip_status; /* what a skipped SUBMIT is answered */

	size_t buffered;
	size_t parsed;
	uint8_t buffer[BUFFER_SIZE];
};

struct usbip_write {
	uv_write_t request;
	struct usbip_conn *conn;
	uint8_t data[];
};

struct usbip_conn *usbip_conn_of_link(struct list_node *link)
{
	return container_of(link, struct usbip_conn, link);
}

/* --- closing --------------------------------------------------------------
 */

static void on_handle_closed(uv_handle_t *handle)
{
	struct usbip_conn *conn = handle->data;
	struct usbip_bus *bus = conn->bus;

	if (--conn->handles)
		return;
	attach_fini(&conn->attach);
	free(conn->payload);
	free(conn);
	usbip_bus_put(bus);
}

void usbip_conn_close(struct usbip_conn *conn, enum usb_status status)
{
	if (conn->state == USBIP_CLOSING)
		return;
	/* Told before the end, so a client knows what became of transfers. */
	if (status == USB_STATUS_NODEV)
		attach_end(&conn->attach, status);
	conn->state = USBIP_CLOSING;
	attach_end(&conn->attach, status);
	if (conn->port) {
		conn->port->conn = NULL;
		log_info("usbip: device 1-%u is detached",
			 (unsigned int)(conn->port - conn->bus->ports));
	}
	list_remove(&conn->link);
	conn->bus->connection_count--;
	uv_close((uv_handle_t *)&conn->stream, on_handle_closed);
	uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

static void refuse(struct usbip_conn *conn, const char *why)
{
	static struct log_limit limit = LOG_LIMIT_INIT(5, 10000);

	log_limited(&limit, LOG_LEVEL_WARNING,
		    "usbip: a connection is closed: %s", why);
	usbip_conn_close(conn, USB_STATUS_CANCELLED);
}

/* --- writing --------------------------------------------------------------
 */

static void start_reading(struct usbip_conn *conn);
static void parse(struct usbip_conn *conn);

static size_t queued(const struct usbip_conn *conn)
{
	return uv_stream_get_write_queue_size(
		(const uv_stream_t *)&conn->stream);
}

static void pause_if_full(struct usbip_conn *conn)
{
	attach_set_congested(&conn->attach, queued(conn) > 0);
	if (conn->paused || queued(conn) <= QUEUE_HIGH)
		return;
	conn->paused = true;
	uv_read_stop((uv_stream_t *)&conn->stream);
}

static void on_written(uv_write_t *request, int status)
{
	struct usbip_write *write = (struct usbip_write *)request;
	struct usbip_conn *conn = write->conn;

	free(write);
	if (conn->state == USBIP_CLOSING)
		return;
	if (status < 0) {
		usbip_conn_close(conn, USB_STATUS_CANCELLED);
		return;
	}
	if (!queued(conn))
		attach_set_congested(&conn->attach, false);
	if (!conn->paused || queued(conn) > QUEUE_LOW)
		return;
	conn->paused = false;
	parse(conn);
	start_reading(conn);
}

static void queue_rest(struct usbip_conn *conn, const uv_buf_t *bufs,
		       unsigned int count, size_t done)
{
	struct usbip_write *write;
	size_t total = 0;
	size_t len = 0;
	uv_buf_t rest;

	for (unsigned int i = 0; i < count; i++)
		total += bufs[i].len;
	if (done == total)
		return;
	write = malloc(sizeof(*write) + total - done);
	if (!write) {
		/* Nothing can follow half an answer: the read ends it all. */
		uv_os_fd_t fd;

		if (uv_fileno((uv_handle_t *)&conn->stream, &fd) == 0)
			shutdown(fd, SHUT_RDWR);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		size_t skip = done < bufs[i].len ? done : bufs[i].len;

		memcpy(write->data + len, bufs[i].base + skip,
		       bufs[i].len - skip);
		len += bufs[i].len - skip;
		done -= skip;
	}
	write->conn = conn;
	rest = uv_buf_init((char *)write->data, (unsigned int)len);
	if (uv_write(&write->request, (uv_stream_t *)&conn->stream, &rest, 1,
		     on_written) < 0)
		free(write);
	pause_if_full(conn);
}

static void send_octets(struct usbip_conn *conn, const void *head,
			size_t head_len, const void *data, size_t len)
{
	uv_buf_t bufs[2] = {
		uv_buf_init((char *)head, (unsigned int)head_len),
		uv_buf_init((char *)data, (unsigned int)len),
	};
	unsigned int count = len ? 2 : 1;
	int done;

	if (conn->state == USBIP_CLOSING)
		return;
	done = uv_try_write((uv_stream_t *)&conn->stream, bufs, count);
	queue_rest(conn, bufs, count, done > 0 ? (size_t)done : 0);
}

static uint32_t wire_status(enum usb_status status)
{
	static const int wire[] = {
		[USB_STATUS_OK] = 0,
		[USB_STATUS_STALL] = -USBIP_EPIPE,
		[USB_STATUS_CANCELLED] = -USBIP_ECONNRESET,
		[USB_STATUS_NODEV] = -USBIP_ESHUTDOWN,
		[USB_STATUS_OVERFLOW] = -USBIP_EOVERFLOW,
		[USB_STATUS_INVALID] = -USBIP_EINVAL,
		[USB_STATUS_IOERROR] = -USBIP_EPROTO,
	};

	static_assert(sizeof(wire) / sizeof(wire[0]) == USB_STATUS_COUNT,
		      "one for each status");
	return (uint32_t)wire[status];
}

static void answer_submit(struct usbip_conn *conn, uint32_t seqnum,
			  uint32_t status, uint32_t actual, const void *data,
			  uint32_t len)
{
	struct usbip_header header = {
		.command = htonl(USBIP_RET_SUBMIT),
		.seqnum = htonl(seqnum),
		.u.submit_answer.status = htonl(status),
		.u.submit_answer.actual = htonl(actual),
	};

	send_octets(conn, &header, sizeof(header), data, len);
}

static void on_done(struct attach *attach, struct attach_xfer *transfer)
{
	struct usbip_conn *conn =
		container_of(attach, struct usbip_conn, attach);
	const struct usb_xfer *xfer = &transfer->xfer;
	bool in = usb_xfer_is_in(xfer);

	if (in)
		conn->bus->stats.octets_in += xfer->actual;
	else
		conn->bus->stats.octets_out += xfer->actual;
	if (transfer->cancelling && !xfer->actual)
		return;
	conn->answered = true;
	answer_submit(conn, (uint32_t)transfer->id, wire_status(xfer->status),
		      xfer->actual, xfer->data, in ? xfer->actual : 0);
}

static void free_payload(struct attach *attach, uint8_t *payload)
{
	free(payload);
}

static const struct attach_ops usbip_attach_ops = {
	.done = on_done,
	.free_payload = free_payload,
};

/* --- operations -----------------------------------------------------------
 */

static void describe(const struct usbip_bus *bus, unsigned int port,
		     struct inquiry *inquiry, struct usbip_device *device)
{
	memset(device, 0, sizeof(*device));
	snprintf(device->path, sizeof(device->path),
		 "/sys/devices/2virt/usb%d/%d-%u", BUSNUM, BUSNUM, port);
	snprintf(device->busid, sizeof(device->busid), "%d-%u", BUSNUM, port);
	device->busnum = htonl(BUSNUM);
	device->devnum = htonl(port + 1);
	device->speed = htonl(USBIP_SPEED_HIGH);
	if (inquiry_describe(bus->ports[port].device, inquiry) < 0)
		return;
	device->vendor_id = htons(inquiry->vendor_id);
	device->product_id = htons(inquiry->product_id);
	device->release = htons(inquiry->release);
	device->class = inquiry->class;
	device->subclass = inquiry->subclass;
	device->protocol = inquiry->protocol;
	device->configuration_value = inquiry->configuration_value;
	device->configuration_count = inquiry->configuration_count;
	device->interface_count = inquiry->interface_count;
}

static void send_operation(struct usbip_conn *conn, uint16_t code,
			   enum usbip_op_status status, const void *data,
			   size_t len)
{
	struct usbip_op op = {htons(USBIP_VERSION), htons(code), htonl(status)};

	send_octets(conn, &op, sizeof(op), data, len);
}

static void send_list(struct usbip_conn *conn)
{
	const struct usbip_bus *bus = conn->bus;
	uint32_t count = 0;

	for (unsigned int port = 1; port <= bus->bus.port_count; port++)
		count += bus->ports[port].device && !bus->ports[port].conn;
	count = htonl(count);
	send_operation(conn, USBIP_OP_REP_DEVLIST, USBIP_ST_OK, &count,
		       sizeof(count));
	for (unsigned int port = 1; port <= bus->bus.port_count; port++) {
		struct usbip_interface list[INQUIRY_MAX_INTERFACES] = {0};
		struct usbip_device device;
		struct inquiry inquiry;

		/* What somebody has imported is not there to be had. */
		if (!bus->ports[port].device || bus->ports[port].conn)
			continue;
		describe(bus, port, &inquiry, &device);
		for (unsigned int i = 0; i < device.interface_count; i++) {
			list[i].class = inquiry.interfaces[i].class;
			list[i].subclass = inquiry.interfaces[i].subclass;
			list[i].protocol = inquiry.interfaces[i].protocol;
		}
		send_octets(conn, &device, sizeof(device), list,
			    device.interface_count * sizeof(list[0]));
	}
}

static struct usbip_port *find_port(struct usbip_bus *bus, const char *busid)
{
	for (unsigned int port = 1; port <= bus->bus.port_count; port++) {
		char name[USBIP_BUSID_LEN];

		snprintf(name, sizeof(name), "%d-%u", BUSNUM, port);
		if (strncmp(busid, name, USBIP_BUSID_LEN) == 0)
			return bus->ports[port].device ? &bus->ports[port]
						       : NULL;
	}
	return NULL;
}

static void import(struct usbip_conn *conn, const char *busid)
{
	struct usbip_port *port = find_port(conn->bus, busid);
	struct usbip_device device;
	struct inquiry inquiry;
	unsigned int number;

	if (!port) {
		send_operation(conn, USBIP_OP_REP_IMPORT, USBIP_ST_NODEV, NULL,
			       0);
		return;
	}
	if (port->conn) {
		send_operation(conn, USBIP_OP_REP_IMPORT, USBIP_ST_DEV_BUSY,
			       NULL, 0);
		return;
	}
	number = (unsigned int)(port - conn->bus->ports);
	describe(conn->bus, number, &inquiry, &device);
	if (attach_begin(&conn->attach, port->device) < 0) {
		send_operation(conn, USBIP_OP_REP_IMPORT, USBIP_ST_DEV_ERR,
			       NULL, 0);
		return;
	}
	port->conn = conn;
	conn->port = port;
	conn->state = USBIP_HEADER;
	uv_timer_stop(&conn->timer);
	send_operation(conn, USBIP_OP_REP_IMPORT, USBIP_ST_OK, &device,
		       sizeof(device));
	log_info("usbip: device 1-%u is attached", number);
}

/* --- commands -------------------------------------------------------------
 */

static void header_to_host(struct usbip_header *header)
{
	uint32_t *words = (uint32_t *)(void *)header;

	/* All but the setup packet, the last two. */
	for (unsigned int i = 0; i < sizeof(*header) / 4 - 2; i++)
		words[i] = ntohl(words[i]);
}

static uint8_t header_endpoint(const struct usbip_header *header)
{
	return (uint8_t)(header->endpoint |
			 (header->direction == USBIP_DIR_IN ? 0x80 : 0));
}

/*
 * A host has no other way to say that it resets the port than the request that
 * its root hub got: SET_FEATURE(PORT_RESET) to "other" (11.24.2.13).
 */
static bool is_port_reset(const struct usbip_header *header)
{
	const uint8_t *setup = header->u.submit.setup;

	return header->endpoint == 0 && setup[0] == 0x23 && setup[1] == 3 &&
	       setup[2] == 4 && setup[3] == 0;
}

static void hand_over(struct usbip_conn *conn, uint8_t *payload)
{
	const struct usbip_header *header = &conn->header;
	uint8_t endpoint = header_endpoint(header);
	int error;

	conn->bus->stats.requests++;
	if (is_port_reset(header)) {
		free(payload);
		attach_reset(&conn->attach);
		answer_submit(conn, header->seqnum, 0, 0, NULL, 0);
		return;
	}
	error = attach_submit(&conn->attach, header->seqnum,
			      attach_type(&conn->attach, endpoint), endpoint,
			      header->u.submit.setup, header->u.submit.length,
			      payload);
	if (!error)
		return;
	free(payload);
	refuse(conn, "more transfers than a host may have");
}

static void skip_and_answer(struct usbip_conn *conn, uint64_t len,
			    enum usb_status status)
{
	conn->skip = len;
	conn->skip_status = (int)wire_status(status);
	conn->state = USBIP_SKIP;
}

/* 4.2: SUBMIT.  Nothing but the header has been read. */
static void command_submit(struct usbip_conn *conn)
{
	const struct usbip_header *header = &conn->header;
	uint32_t packets = header->u.submit.packets;
	uint32_t len = header->u.submit.length;
	bool out = header->direction == USBIP_DIR_OUT;
	uint8_t endpoint = header_endpoint(header);
	bool setup_in = header->u.submit.setup[0] & 0x80;

	if (packets == USBIP_NO_PACKETS)
		packets = 0;
	if (packets > USBIP_MAX_ISO_PACKETS) {
		refuse(conn, "an isochronous transfer of too many packets");
		return;
	}
	if (packets || (!header->endpoint && len && setup_in == out)) {
		/* No isochronous endpoints; no request both ways. */
		skip_and_answer(conn,
				(out ? len : 0) + (uint64_t)packets *
							  USBIP_ISO_PACKET_LEN,
				USB_STATUS_INVALID);
		return;
	}
	if (!out || !len) {
		hand_over(conn, NULL);
		return;
	}
	if (!attach_has_room(&conn->attach, endpoint, len)) {
		attach_halt(&conn->attach, endpoint);
		skip_and_answer(conn, len, USB_STATUS_STALL);
		return;
	}
	conn->payload = malloc(len);
	if (!conn->payload) {
		refuse(conn, "out of memory");
		return;
	}
	conn->payload_at = 0;
	conn->state = USBIP_PAYLOAD;
}

static void command_unlink(struct usbip_conn *conn)
{
	struct usbip_header answer = {
		.command = htonl(USBIP_RET_UNLINK),
		.seqnum = htonl(conn->header.seqnum),
	};

	conn->answered = false;
	if (attach_cancel(&conn->attach, conn->header.u.unlink.seqnum) &&
	    !conn->answered)
		answer.u.unlink_answer.status =
			htonl((uint32_t)-USBIP_ECONNRESET);
	send_octets(conn, &answer, sizeof(answer), NULL, 0);
}

static void command(struct usbip_conn *conn)
{
	header_to_host(&conn->header);
	if (conn->header.direction > USBIP_DIR_IN ||
	    conn->header.endpoint > 15) {
		refuse(conn, "no such endpoint can be");
		return;
	}
	switch (conn->header.command) {
	case USBIP_CMD_SUBMIT:
		command_submit(conn);
		break;
	case USBIP_CMD_UNLINK:
		command_unlink(conn);
		break;
	default:
		refuse(conn, "an unknown command");
		break;
	}
}

/* --- reading --------------------------------------------------------------
 */

static size_t available(const struct usbip_conn *conn)
{
	return conn->buffered - conn->parsed;
}

static bool take(struct usbip_conn *conn, void *to, size_t len)
{
	if (available(conn) < len)
		return false;
	memcpy(to, conn->buffer + conn->parsed, len);
	conn->parsed += len;
	return true;
}

static bool parse_operation(struct usbip_conn *conn)
{
	char busid[USBIP_BUSID_LEN];
	struct usbip_op op;
	size_t before = conn->parsed;

	if (!take(conn, &op, sizeof(op)))
		return false;
	if (ntohs(op.version) != USBIP_VERSION) {
		refuse(conn, "another version of USB/IP");
		return false;
	}
	switch (ntohs(op.code)) {
	case USBIP_OP_REQ_DEVLIST:
		send_list(conn);
		return true;
	case USBIP_OP_REQ_IMPORT:
		if (!take(conn, busid, sizeof(busid))) {
			conn->parsed = before;
			return false;
		}
		import(conn, busid);
		return true;
	default:
		refuse(conn, "an unknown operation");
		return false;
	}
}

static void payload_done(struct usbip_conn *conn)
{
	uint8_t *payload = conn->payload;

	conn->payload = NULL;
	conn->state = USBIP_HEADER;
	hand_over(conn, payload);
}

static bool parse_payload(struct usbip_conn *conn)
{
	size_t len = conn->header.u.submit.length - conn->payload_at;

	if (len > available(conn))
		len = available(conn);
	take(conn, conn->payload + conn->payload_at, len);
	conn->payload_at += (uint32_t)len;
	if (conn->payload_at < conn->header.u.submit.length)
		return false;
	payload_done(conn);
	return true;
}

static bool parse_skip(struct usbip_conn *conn)
{
	size_t len = available(conn);

	if (len > conn->skip)
		len = (size_t)conn->skip;
	conn->parsed += len;
	conn->skip -= len;
	if (conn->skip)
		return false;
	conn->state = USBIP_HEADER;
	answer_submit(conn, conn->header.seqnum, (uint32_t)conn->skip_status, 0,
		      NULL, 0);
	return true;
}

static bool parse_one(struct usbip_conn *conn)
{
	switch (conn->state) {
	case USBIP_OPERATION:
		return parse_operation(conn);
	case USBIP_HEADER:
		if (!take(conn, &conn->header, sizeof(conn->header)))
			return false;
		command(conn);
		return true;
	case USBIP_PAYLOAD:
		return parse_payload(conn);
	case USBIP_SKIP:
		return parse_skip(conn);
	default:
		return false;
	}
}

static void parse(struct usbip_conn *conn)
{
	while (!conn->paused && parse_one(conn))
		continue;
	if (conn->parsed == 0)
		return;
	memmove(conn->buffer, conn->buffer + conn->parsed, available(conn));
	conn->buffered -= conn->parsed;
	conn->parsed = 0;
}

/* The rest of a payload goes where it stays. */
static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct usbip_conn *conn = handle->data;

	(void)suggested;
	if (conn->state == USBIP_PAYLOAD && !conn->buffered)
		*buf = uv_buf_init((char *)conn->payload + conn->payload_at,
				   conn->header.u.submit.length -
					   conn->payload_at);
	else
		*buf = uv_buf_init(
			(char *)conn->buffer + conn->buffered,
			(unsigned int)(BUFFER_SIZE - conn->buffered));
}

static void received(struct usbip_conn *conn, const uv_buf_t *buf, size_t len)
{
	if ((uint8_t *)buf->base == conn->buffer + conn->buffered)
		conn->buffered += len;
	else
		conn->payload_at += (uint32_t)len;
	if (conn->state == USBIP_PAYLOAD &&
	    conn->payload_at == conn->header.u.submit.length)
		payload_done(conn);
	parse(conn);
}

/*
 * A host that is busy has sent the next transfer when this one is answered: to
 * look costs less than a turn of the loop.  READS_AT_ONCE, then others' turn.
 */
static void read_on(struct usbip_conn *conn)
{
	uv_buf_t buf;
	ssize_t len;
	uv_os_fd_t fd;

	for (int i = 0; i < READS_AT_ONCE; i++) {
		if (conn->state == USBIP_CLOSING || conn->paused ||
		    uv_fileno((uv_handle_t *)&conn->stream, &fd) < 0)
			return;
		on_alloc((uv_handle_t *)&conn->stream, 0, &buf);
		len = recv(fd, buf.base, buf.len, MSG_DONTWAIT);
		/* An end or an error is there for the loop to find, too. */
		if (len <= 0)
			return;
		received(conn, &buf, (size_t)len);
	}
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
	struct usbip_conn *conn = stream->data;

	if (conn->state == USBIP_CLOSING || len == 0)
		return;
	if (len < 0) {
		usbip_conn_close(conn, USB_STATUS_CANCELLED);
		return;
	}
	received(conn, buf, (size_t)len);
	read_on(conn);
}

static void start_reading(struct usbip_conn *conn)
{
	if (conn->state != USBIP_CLOSING && !conn->paused)
		uv_read_start((uv_stream_t *)&conn->stream, on_alloc, on_read);
}

static void on_timeout(uv_timer_t *timer)
{
	usbip_conn_close(timer->data, USB_STATUS_CANCELLED);
}

void usbip_conn_open(struct usbip_bus *bus, int fd)
{
	struct usbip_conn *conn = calloc(1, sizeof(*conn));

	if (!conn) {
		close(fd);
		return;
	}
	conn->bus = bus;
	conn->state = USBIP_OPERATION;
	attach_init(&conn->attach, &usbip_attach_ops);
	/* A pipe is libuv's name for a stream of any socket family. */
	uv_pipe_init(bus->loop, &conn->stream, 0);
	uv_timer_init(bus->loop, &conn->timer);
	conn->stream.data = conn;
	conn->timer.data = conn;
	conn->handles = 2;
	bus->handles++;
	list_append(&bus->connections, &conn->link);
	bus->connection_count++;
	if (uv_pipe_open(&conn->stream, fd) < 0) {
		close(fd);
		usbip_conn_close(conn, USB_STATUS_CANCELLED);
		return;
	}
	uv_timer_start(&conn->timer, on_timeout, IMPORT_TIMEOUT_MS, 0);
	start_reading(conn);
}
