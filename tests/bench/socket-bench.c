// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * socket-bench.c - speed of the buses of sockets beside a trivial device.
 *
 *   socket-bench floor usbip|usbredir PATH
 *	a server that does nothing but answer: the floor.  One loopback device
 *	for one client; usbip by blocking reads and writes, usbredir by
 *	libusbredirparser, as anybody would write it
 *   socket-bench usbip|usbredir OURS FLOOR
 *	one client for both, with a "diag" device of 2virt-device's at OURS;
 *	they take turns, and the median of five rounds counts
 *
 * Prints lines "figure<TAB>ours<TAB>unit<TAB>peer<TAB>its value<TAB>ratio".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <usbredirfilter.h>
#include <usbredirparser.h>

#include "backend/bus/usbip_wire.h"
#include "protocol/pipe.h"

enum {
	ROUNDS = 5,
	PING_PONGS = 5000,
	PING_OCTETS = 64,
	WINDOW = 4,
	ROUND_OCTETS = 128 << 20,
	BUFFER = 2 << 20,
	OUT_ENDPOINT = 0x01,
	IN_ENDPOINT = 0x82,
};

static uint8_t octets[BUFFER];

static void fail(const char *what)
{
	fprintf(stderr, "socket-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un name_of(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(name.sun_path)) {
		errno = ENAMETOOLONG;
		fail(path);
	}
	strcpy(name.sun_path, path);
	return name;
}

static void write_all(int fd, const void *head, size_t head_len,
		      const void *data, size_t len)
{
	struct iovec vector[2] = {{(void *)head, head_len},
				  {(void *)data, len}};

	while (vector[0].iov_len + vector[1].iov_len) {
		ssize_t done = writev(fd, vector, 2);

		if (done <= 0)
			fail("writing");
		for (int i = 0; i < 2; i++) {
			size_t part = (size_t)done < vector[i].iov_len
					      ? (size_t)done
					      : vector[i].iov_len;

			vector[i].iov_base = (char *)vector[i].iov_base + part;
			vector[i].iov_len -= part;
			done -= (ssize_t)part;
		}
	}
}

/* --- the floor ------------------------------------------------------------ */

static char floor_mode; /* as diag has it: 0, E, S, G */
static size_t floor_len;
static uint8_t floor_fifo[BUFFER];

/* An OUT. */
static void floor_take(const uint8_t *data, size_t len)
{
	if (!floor_mode && len) {
		floor_mode = (char)data[0];
		data++;
		len--;
	}
	if (floor_mode == 'E' && len <= BUFFER - floor_len) {
		memcpy(floor_fifo + floor_len, data, len);
		floor_len += len;
	}
}

/* What an IN is answered with; the client asks for no more than there is. */
static const uint8_t *floor_give(size_t *len)
{
	if (floor_mode == 'G')
		return octets;
	if (*len > floor_len)
		*len = floor_len;
	floor_len = 0;
	return floor_fifo;
}

static void floor_control(const uint8_t *setup)
{
	if (setup[0] == 0x41 && setup[1] == TV_PIPE_OPEN) {
		floor_mode = 0;
		floor_len = 0;
	}
}

static bool read_all(int fd, void *data, size_t len)
{
	uint8_t *at = data;

	while (len) {
		ssize_t got = read(fd, at, len);

		if (got <= 0)
			return false;
		at += got;
		len -= (size_t)got;
	}
	return true;
}

static void floor_usbip(int fd)
{
	static uint8_t payload[BUFFER];
	struct {
		struct usbip_op op;
		struct usbip_device device;
	} import = {{htons(USBIP_VERSION), htons(USBIP_OP_REP_IMPORT), 0},
		    {.busid = "1-1",
		     .busnum = htonl(1),
		     .devnum = htonl(2),
		     .speed = htonl(USBIP_SPEED_HIGH)}};
	struct usbip_header header;

	if (!read_all(fd, payload, sizeof(struct usbip_op) + USBIP_BUSID_LEN))
		return;
	write_all(fd, &import, sizeof(import), NULL, 0);
	while (read_all(fd, &header, sizeof(header))) {
		size_t len = ntohl(header.u.submit.length);
		const uint8_t *give = NULL;
		size_t given = 0;

		if (len > BUFFER)
			return;
		if (!header.endpoint) {
			floor_control(header.u.submit.setup);
			len = 0;
		} else if (header.direction) {
			given = len;
			give = floor_give(&given);
			len = given;
		} else {
			if (!read_all(fd, payload, len))
				return;
			floor_take(payload, len);
		}
		header.command = htonl(USBIP_RET_SUBMIT);
		memset(&header.u, 0, sizeof(header.u));
		header.u.submit_answer.actual = htonl((uint32_t)len);
		write_all(fd, &header, sizeof(header), give, given);
	}
}

static int floor_fd;

static int floor_read(void *priv, uint8_t *data, int count)
{
	ssize_t got = recv(floor_fd, data, (size_t)count, MSG_DONTWAIT);

	(void)priv;
	if (got < 0)
		return errno == EAGAIN ? 0 : -1;
	return got ? (int)got : -1;
}

static int floor_write(void *priv, uint8_t *data, int count)
{
	ssize_t sent = send(floor_fd, data, (size_t)count,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)priv;
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	return (int)sent;
}

static void floor_log(void *priv, int level, const char *message)
{
	(void)priv;
	if (level <= usbredirparser_warning)
		fprintf(stderr, "socket-bench: %s\n", message);
}

static void floor_hello(void *priv, struct usb_redir_hello_header *hello)
{
	struct usb_redir_device_connect_header connect = {
		.speed = usb_redir_speed_high};

	(void)hello;
	usbredirparser_send_device_connect(*(struct usbredirparser **)priv,
					   &connect);
}

static void
floor_configuration(void *priv, uint64_t id,
		    struct usb_redir_set_configuration_header *header)
{
	struct usb_redir_configuration_status_header answer = {
		.configuration = header->configuration};

	usbredirparser_send_configuration_status(
		*(struct usbredirparser **)priv, id, &answer);
}

static void floor_alt(void *priv, uint64_t id,
		      struct usb_redir_set_alt_setting_header *header)
{
	struct usb_redir_alt_setting_status_header answer = {
		.alt = header->alt};

	usbredirparser_send_alt_setting_status(*(struct usbredirparser **)priv,
					       id, &answer);
}

static void floor_setup(void *priv, uint64_t id,
			struct usb_redir_control_packet_header *header,
			uint8_t *data, int len)
{
	const uint8_t setup[2] = {header->requesttype, header->request};
	struct usbredirparser *parser = *(struct usbredirparser **)priv;

	(void)len;
	floor_control(setup);
	header->length = 0;
	usbredirparser_send_control_packet(parser, id, header, NULL, 0);
	usbredirparser_free_packet_data(parser, data);
}

static void floor_bulk(void *priv, uint64_t id,
		       struct usb_redir_bulk_packet_header *header,
		       uint8_t *data, int len)
{
	struct usbredirparser *parser = *(struct usbredirparser **)priv;
	size_t size = header->length | (uint32_t)header->length_high << 16;

	if (header->endpoint & 0x80) {
		const uint8_t *give = floor_give(&size);

		header->length = (uint16_t)size;
		header->length_high = (uint16_t)(size >> 16);
		usbredirparser_send_bulk_packet(parser, id, header,
						(uint8_t *)give, (int)size);
		return;
	}
	floor_take(data, (size_t)len);
	usbredirparser_send_bulk_packet(parser, id, header, NULL, 0);
	usbredirparser_free_packet_data(parser, data);
}

static void floor_usbredir(int fd)
{
	struct usbredirparser *parser = usbredirparser_create();
	uint32_t caps[USB_REDIR_CAPS_SIZE] = {0};
	struct pollfd poll_fd = {fd, POLLIN, 0};

	floor_fd = fd;
	if (!parser)
		fail("memory");
	parser->priv = &parser;
	parser->log_func = floor_log;
	parser->read_func = floor_read;
	parser->write_func = floor_write;
	parser->hello_func = floor_hello;
	parser->set_configuration_func = floor_configuration;
	parser->set_alt_setting_func = floor_alt;
	parser->control_packet_func = floor_setup;
	parser->bulk_packet_func = floor_bulk;
	usbredirparser_caps_set_cap(caps, usb_redir_cap_connect_device_version);
	usbredirparser_caps_set_cap(caps, usb_redir_cap_64bits_ids);
	usbredirparser_caps_set_cap(caps, usb_redir_cap_32bits_bulk_length);
	usbredirparser_init(parser, "floor", caps, USB_REDIR_CAPS_SIZE,
			    usbredirparser_fl_usb_host);
	do {
		poll_fd.events =
			POLLIN |
			(usbredirparser_has_data_to_write(parser) ? POLLOUT
								  : 0);
		if (poll(&poll_fd, 1, -1) < 0)
			break;
	} while (((poll_fd.revents & ~POLLOUT) == 0 ||
		  usbredirparser_do_read(parser) == 0) &&
		 usbredirparser_do_write(parser) == 0);
	usbredirparser_destroy(parser);
}

static int serve_floor(const char *protocol, const char *path)
{
	struct sockaddr_un name = name_of(path);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	int fd;

	if (bind(listener, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    listen(listener, 1) < 0)
		fail(path);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		fail("accepting");
	if (strcmp(protocol, "usbip") == 0)
		floor_usbip(fd);
	else
		floor_usbredir(fd);
	return 0;
}

/* --- the client ----------------------------------------------------------- */

struct client {
	int fd;
	bool redir;
	bool long_ids; /* usbredir: after the hello */
	uint32_t id;
	uint8_t *received;
	size_t start;
	size_t end;
};

/* At least so many octets in one piece at the start of what was received. */
static uint8_t *need(struct client *client, size_t len)
{
	if (client->start == client->end)
		client->start = client->end = 0;
	if (client->start + len > BUFFER) {
		memmove(client->received, client->received + client->start,
			client->end - client->start);
		client->end -= client->start;
		client->start = 0;
	}
	while (client->end - client->start < len) {
		ssize_t got = read(client->fd, client->received + client->end,
				   BUFFER - client->end);

		if (got <= 0)
			fail("the server went away");
		client->end += (size_t)got;
	}
	return client->received + client->start;
}

/* usbredir: one packet; its type. */
static uint32_t take_packet(struct client *client, void *type_header,
			    size_t type_header_len)
{
	size_t head = client->long_ids ? 16 : 12;
	struct usb_redir_header header;

	memcpy(&header, need(client, head), 8);
	need(client, head + header.length);
	if (type_header_len <= header.length)
		memcpy(type_header, client->received + client->start + head,
		       type_header_len);
	client->start += head + header.length;
	return header.type;
}

static void check(uint32_t status)
{
	errno = EIO;
	if (status)
		fail("a transfer was refused");
}

/* Waits for the next answer; its octets. */
static size_t wait_one(struct client *client)
{
	struct usb_redir_bulk_packet_header bulk = {0};
	const struct usbip_header *header;
	size_t actual;

	if (!client->redir) {
		header = (const void *)need(client, sizeof(*header));
		check(header->u.submit_answer.status);
		actual = ntohl(header->u.submit_answer.actual);
		/* Direction of an answer is not said; the client knows it. */
		client->start += sizeof(*header);
		return actual;
	}
	for (;;) {
		uint32_t type = take_packet(client, &bulk, sizeof(bulk));

		if (type == usb_redir_bulk_packet) {
			check(bulk.status);
			return bulk.length | (uint32_t)bulk.length_high << 16;
		}
		if (type == usb_redir_control_packet ||
		    type == usb_redir_configuration_status ||
		    type == usb_redir_alt_setting_status)
			return 0;
	}
}

/* usbip's octets of an IN follow its answer. */
static size_t wait_in(struct client *client)
{
	size_t actual = wait_one(client);

	if (!client->redir) {
		need(client, actual);
		client->start += actual;
	}
	return actual;
}

static void send_packet(struct client *client, uint32_t type, const void *head,
			size_t head_len, const void *data, size_t len)
{
	struct {
		struct usb_redir_header header;
		uint8_t rest[64];
	} __attribute__((packed))
	packet = {.header = {.type = type,
			     .length = (uint32_t)(head_len + len),
			     .id = ++client->id}};

	memcpy(packet.rest, head, head_len);
	write_all(client->fd, &packet, sizeof(packet.header) + head_len, data,
		  len);
}

static void submit(struct client *client, uint8_t endpoint, const void *data,
		   uint32_t len)
{
	bool in = endpoint & 0x80;
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.seqnum = htonl(++client->id),
		.direction = htonl(in),
		.endpoint = htonl(endpoint & 0x0f),
		.u.submit.length = htonl(len),
	};
	struct usb_redir_bulk_packet_header bulk = {
		.endpoint = endpoint,
		.length = (uint16_t)len,
		.length_high = (uint16_t)(len >> 16),
	};

	if (client->redir)
		send_packet(client, usb_redir_bulk_packet, &bulk, sizeof(bulk),
			    data, in ? 0 : len);
	else
		write_all(client->fd, &header, sizeof(header), data,
			  in ? 0 : len);
}

static void control(struct client *client, uint8_t type, uint8_t request,
		    uint16_t value)
{
	struct usbip_header header = {
		.command = htonl(USBIP_CMD_SUBMIT),
		.seqnum = htonl(++client->id),
		.u.submit.setup = {type, request, value & 0xff,
				   (uint8_t)(value >> 8)},
	};
	struct usb_redir_control_packet_header packet = {
		.requesttype = type, .request = request, .value = value};

	if (client->redir)
		send_packet(client, usb_redir_control_packet, &packet,
			    sizeof(packet), NULL, 0);
	else
		write_all(client->fd, &header, sizeof(header), NULL, 0);
	wait_one(client);
}

static void import(struct client *client)
{
	struct {
		struct usbip_op op;
		char busid[USBIP_BUSID_LEN];
	} request = {{htons(USBIP_VERSION), htons(USBIP_OP_REQ_IMPORT), 0},
		     "1-1"};
	size_t len = sizeof(struct usbip_op) + sizeof(struct usbip_device);

	write_all(client->fd, &request, sizeof(request), NULL, 0);
	check(((const struct usbip_op *)(void *)need(client, len))->status);
	client->start += len;
	control(client, 0x00, 9, 1);
	control(client, 0x01, 11, 1);
}

static void greet(struct client *client)
{
	struct {
		uint32_t type;
		uint32_t length;
		uint32_t id;
		char version[64];
		uint32_t capabilities;
	} hello = {usb_redir_hello, 68, 0, "bench",
		   1u << usb_redir_cap_connect_device_version |
			   1u << usb_redir_cap_64bits_ids |
			   1u << usb_redir_cap_32bits_bulk_length |
			   1u << usb_redir_cap_ep_info_max_packet_size};
	const struct usb_redir_set_configuration_header configuration = {1};
	const struct usb_redir_set_alt_setting_header alt = {0, 1};
	uint8_t ignored;

	write_all(client->fd, &hello, sizeof(hello), NULL, 0);
	take_packet(client, &ignored, 1);
	client->long_ids = true;
	while (take_packet(client, &ignored, 1) != usb_redir_device_connect)
		continue;
	send_packet(client, usb_redir_set_configuration, &configuration,
		    sizeof(configuration), NULL, 0);
	wait_one(client);
	send_packet(client, usb_redir_set_alt_setting, &alt, sizeof(alt), NULL,
		    0);
	wait_one(client);
}

static void client_open(struct client *client, bool redir, const char *path)
{
	struct sockaddr_un name = name_of(path);

	*client = (struct client){
		.fd = socket(AF_UNIX, SOCK_STREAM, 0),
		.redir = redir,
		.received = malloc(BUFFER),
	};
	if (!client->received ||
	    connect(client->fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		fail(path);
	if (redir)
		greet(client);
	else
		import(client);
}

static void open_pipe(struct client *client, char mode)
{
	static uint16_t generation;

	control(client, 0x41, TV_PIPE_OPEN, ++generation);
	submit(client, OUT_ENDPOINT, &mode, 1);
	wait_one(client);
}

/* --- figures -------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* 64 octets there and back, µs. */
static double ping_pong(struct client *client, uint32_t block)
{
	double start;

	open_pipe(client, 'E');
	start = now();
	for (int i = 0; i < PING_PONGS; i++) {
		submit(client, OUT_ENDPOINT, octets, block);
		wait_one(client);
		submit(client, IN_ENDPOINT, NULL, block);
		if (wait_in(client) != block) {
			errno = EIO;
			fail("the echo is short");
		}
	}
	return (now() - start) / PING_PONGS * 1e6;
}

/* WINDOW transfers at once, MiB/s. */
static double bulk(struct client *client, bool in, uint32_t block)
{
	unsigned int count = ROUND_OCTETS / block;
	uint8_t endpoint = in ? IN_ENDPOINT : OUT_ENDPOINT;
	double moved = 0;
	double start;

	open_pipe(client, in ? 'G' : 'S');
	start = now();
	for (unsigned int i = 0; i < count + WINDOW; i++) {
		if (i >= WINDOW)
			moved += (double)(in ? wait_in(client)
					     : (wait_one(client), block));
		if (i < count)
			submit(client, endpoint, octets, block);
	}
	return moved / (now() - start) / (1 << 20);
}

static double bulk_in(struct client *client, uint32_t block)
{
	return bulk(client, true, block);
}

static double bulk_out(struct client *client, uint32_t block)
{
	return bulk(client, false, block);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), compare);
	return values[ROUNDS / 2];
}

static const struct figure {
	const char *name;
	const char *unit;
	double (*measure)(struct client *client, uint32_t block);
	uint32_t block;
} figures[] = {
	{"ping-pong", "us", ping_pong, PING_OCTETS},
	{"in-16384", "MiB/s", bulk_in, 16384},
	{"out-16384", "MiB/s", bulk_out, 16384},
	{"in-262144", "MiB/s", bulk_in, 262144},
	{"out-262144", "MiB/s", bulk_out, 262144},
};

static int compare_with_floor(const char *protocol, const char *ours_path,
			      const char *floor_path)
{
	bool redir = strcmp(protocol, "usbredir") == 0;
	struct client ours;
	struct client floor;

	client_open(&ours, redir, ours_path);
	client_open(&floor, redir, floor_path);
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
		const struct figure *figure = &figures[i];
		double our_values[ROUNDS];
		double floor_values[ROUNDS];

		for (int round = 0; round < ROUNDS; round++) {
			our_values[round] =
				figure->measure(&ours, figure->block);
			floor_values[round] =
				figure->measure(&floor, figure->block);
		}
		printf("%s-%s\t%.1f\t%s\ttrivial-device\t%.1f\t%.2f\n",
		       protocol, figure->name, median(our_values), figure->unit,
		       median(floor_values),
		       median(our_values) / median(floor_values));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "floor") == 0)
		return serve_floor(argv[2], argv[3]);
	if (argc == 4 &&
	    (strcmp(argv[1], "usbip") == 0 || strcmp(argv[1], "usbredir") == 0))
		return compare_with_floor(argv[1], argv[2], argv[3]);
	fprintf(stderr, "usage: socket-bench floor usbip|usbredir PATH\n"
			"       socket-bench usbip|usbredir OURS FLOOR\n");
	return 2;
}
