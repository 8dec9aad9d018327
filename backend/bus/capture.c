// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture.c - pcapng of all transfers (draft-ietf-opsawg-pcapng).
 *
 *   section header │ interface description │ packet, packet, …  │ statistics
 *
 * Each transfer gives two packets, S (submission) and C (completion), joined
 * by an id.  Numbers are in the host's order, as the section header says.
 * Packets are put into a buffer whole or not at all, so a slow reader never
 * sees half a packet.
 */
#include "backend/bus/capture.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	BLOCK_SECTION = 0x0a0d0d0a,
	BLOCK_INTERFACE = 1,
	BLOCK_STATISTICS = 5,
	BLOCK_PACKET = 6,
	BYTE_ORDER_MAGIC = 0x1a2b3c4d,
	LINKTYPE_USB_LINUX_MMAPPED = 220,
	OPTION_APPLICATION = 4, /* of a section */
	OPTION_DROPPED = 5,	/* of statistics */
	BUFFER_SIZE = 4 << 20,
	STATISTICS_ROOM = 64, /* kept free of packets */
	NOTE_OCTETS_SEEN = 1, /* in usb_xfer.tap_note, below the id */
};

/* Linux' numbers, as usbmon has them. */
enum { EINPROGRESS_WIRE = -115 };

/* Documentation/usb/usbmon.rst, struct mon_bin_hdr of 64 octets. */
struct usbmon_header {
	uint64_t id;
	uint8_t type; /* S or C */
	uint8_t xfer_type;
	uint8_t endpoint;
	uint8_t device;
	uint16_t bus;
	char flag_setup; /* 0: there is one */
	char flag_data;	 /* 0: there are octets */
	int64_t seconds;
	int32_t microseconds;
	int32_t status;
	uint32_t length;
	uint32_t captured;
	uint8_t setup[8];
	int32_t interval;
	int32_t start_frame;
	uint32_t flags;
	uint32_t descriptors;
};
static_assert(sizeof(struct usbmon_header) == 64, "usbmon header");

struct packet_block {
	uint32_t type;
	uint32_t total;
	uint32_t interface;
	uint32_t time_high; /* µs since 1970 */
	uint32_t time_low;
	uint32_t captured;
	uint32_t original;
};
static_assert(sizeof(struct packet_block) == 28, "packet block");

struct capture_device {
	struct usb_tap tap;
	struct capture *capture;
	struct list_node link;
	uint16_t bus;
	uint8_t number;
};

struct capture {
	int fd;
	int error; /* the reader is gone */
	bool ended;
	uint32_t snap_len;
	uint64_t next_id;
	struct capture_stats stats;
	struct list_node devices;
	size_t start;
	size_t end;
	uint8_t buffer[BUFFER_SIZE];
};

int capture_flush(struct capture *capture)
{
	while (!capture->error && capture->start < capture->end) {
		ssize_t written =
			write(capture->fd, capture->buffer + capture->start,
			      capture->end - capture->start);

		if (written >= 0)
			capture->start += (size_t)written;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			capture->error = -errno;
	}
	if (capture->start == capture->end || capture->error) {
		capture->start = 0;
		capture->end = 0;
	}
	return capture->error;
}

static void append(struct capture *capture, const void *data, size_t len)
{
	if (len)
		memcpy(capture->buffer + capture->end, data, len);
	capture->end += len;
}

/* Room for a block of so many octets; false: it is dropped. */
static bool make_room(struct capture *capture, size_t len)
{
	if (capture->error)
		return false;
	if (len <= BUFFER_SIZE - capture->end)
		return true;
	memmove(capture->buffer, capture->buffer + capture->start,
		capture->end - capture->start);
	capture->end -= capture->start;
	capture->start = 0;
	return len <= BUFFER_SIZE - capture->end;
}

static size_t padding(size_t len)
{
	return -len & 3;
}

static void write_start(struct capture *capture)
{
	const struct {
		uint32_t type;
		uint32_t total;
		uint32_t magic;
		uint16_t major;
		uint16_t minor;
		uint32_t section_length[2];
		uint16_t option;
		uint16_t option_length;
		char name[8];
		uint32_t end_of_options;
		uint32_t total_again;
	} section = {
		.type = BLOCK_SECTION,
		.total = sizeof(section),
		.magic = BYTE_ORDER_MAGIC,
		.major = 1,
		.section_length = {UINT32_MAX, UINT32_MAX},
		.option = OPTION_APPLICATION,
		.option_length = 5,
		.name = "2virt",
		.total_again = sizeof(section),
	};
	const struct {
		uint32_t type;
		uint32_t total;
		uint16_t link_type;
		uint16_t reserved;
		uint32_t snap_len;
		uint32_t total_again;
	} interface = {
		.type = BLOCK_INTERFACE,
		.total = sizeof(interface),
		.link_type = LINKTYPE_USB_LINUX_MMAPPED,
		.snap_len = capture->snap_len +
			    (uint32_t)sizeof(struct usbmon_header),
		.total_again = sizeof(interface),
	};

	append(capture, &section, sizeof(section));
	append(capture, &interface, sizeof(interface));
}

static void write_statistics(struct capture *capture)
{
	const struct {
		uint32_t type;
		uint32_t total;
		uint32_t interface;
		uint32_t time[2];
		uint16_t option;
		uint16_t option_length;
		uint32_t dropped[2];
		uint32_t end_of_options;
		uint32_t total_again;
	} statistics = {
		.type = BLOCK_STATISTICS,
		.total = sizeof(statistics),
		.option = OPTION_DROPPED,
		.option_length = 8,
		.dropped = {(uint32_t)capture->stats.dropped,
			    (uint32_t)(capture->stats.dropped >> 32)},
		.total_again = sizeof(statistics),
	};

	static_assert(sizeof(statistics) <= STATISTICS_ROOM, "room for it");
	if (make_room(capture, sizeof(statistics)))
		append(capture, &statistics, sizeof(statistics));
}

static void write_packet(struct capture *capture, struct usbmon_header *header,
			 const uint8_t *octets)
{
	static const uint8_t zeros[4];
	uint32_t captured = header->captured;
	uint32_t len = (uint32_t)sizeof(*header) + captured;
	size_t pad = padding(len);
	struct packet_block block = {
		.type = BLOCK_PACKET,
		.total = (uint32_t)(sizeof(block) + len + pad + 4),
		.captured = len,
	};
	struct timespec now;
	uint64_t microseconds;

	if (!make_room(capture, block.total + STATISTICS_ROOM)) {
		capture->stats.dropped++;
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	microseconds =
		(uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	block.time_high = (uint32_t)(microseconds >> 32);
	block.time_low = (uint32_t)microseconds;
	header->seconds = now.tv_sec;
	header->microseconds = (int32_t)(now.tv_nsec / 1000);
	block.original = (uint32_t)sizeof(*header) +
			 (header->flag_data ? 0 : header->length);
	append(capture, &block, sizeof(block));
	append(capture, header, sizeof(*header));
	append(capture, octets, captured);
	append(capture, zeros, pad);
	append(capture, &block.total, sizeof(block.total));
	capture->stats.records++;
}

static struct usbmon_header start_header(const struct capture_device *device,
					 const struct usb_xfer *xfer)
{
	static const uint8_t types[] = {
		[USB_TRANSFER_CONTROL] = 2,
		[USB_TRANSFER_ISOCHRONOUS] = 0,
		[USB_TRANSFER_BULK] = 3,
		[USB_TRANSFER_INTERRUPT] = 1,
	};

	return (struct usbmon_header){
		.id = xfer->tap_note & ~(uint64_t)NOTE_OCTETS_SEEN,
		.xfer_type = types[xfer->type],
		.endpoint = (uint8_t)((xfer->endpoint & 0x0f) |
				      (usb_xfer_is_in(xfer) ? 0x80 : 0)),
		.device = device->number,
		.bus = device->bus,
		.flag_setup = '-',
		.flag_data = usb_xfer_is_in(xfer) ? '<' : '>',
	};
}

static void include(const struct capture *capture, struct usbmon_header *header,
		    uint32_t len)
{
	header->flag_data = 0;
	header->captured = len < capture->snap_len ? len : capture->snap_len;
}

static void on_submitted(struct usb_tap *tap, struct usb_xfer *xfer)
{
	struct capture_device *device =
		container_of(tap, struct capture_device, tap);
	struct capture *capture = device->capture;
	struct usbmon_header header;

	capture->next_id += 2;
	xfer->tap_note = capture->next_id;
	header = start_header(device, xfer);
	header.type = 'S';
	header.status = EINPROGRESS_WIRE;
	header.length = xfer->length;
	if (xfer->type == USB_TRANSFER_CONTROL) {
		header.flag_setup = 0;
		memcpy(header.setup, xfer->setup, sizeof(header.setup));
	}
	if (!usb_xfer_is_in(xfer) && xfer->data && xfer->length) {
		xfer->tap_note |= NOTE_OCTETS_SEEN;
		include(capture, &header, xfer->length);
	}
	write_packet(capture, &header, xfer->data);
	capture_flush(capture);
}

static void on_completed(struct usb_tap *tap, struct usb_xfer *xfer)
{
	static const int32_t wire[] = {
		[USB_STATUS_OK] = 0,	       [USB_STATUS_STALL] = -32,
		[USB_STATUS_CANCELLED] = -104, [USB_STATUS_NODEV] = -108,
		[USB_STATUS_OVERFLOW] = -75,   [USB_STATUS_INVALID] = -22,
		[USB_STATUS_IOERROR] = -71,
	};
	struct capture_device *device =
		container_of(tap, struct capture_device, tap);
	struct capture *capture = device->capture;
	struct usbmon_header header = start_header(device, xfer);

	static_assert(sizeof(wire) / sizeof(wire[0]) == USB_STATUS_COUNT,
		      "one for each status");
	header.type = 'C';
	header.status = wire[xfer->status];
	header.length = xfer->actual;
	if (xfer->actual && xfer->data && !(xfer->tap_note & NOTE_OCTETS_SEEN))
		include(capture, &header, xfer->actual);
	write_packet(capture, &header, xfer->data);
	capture_flush(capture);
}

struct capture *capture_create(int fd, uint32_t snap_len)
{
	struct capture *capture = calloc(1, sizeof(*capture));

	if (!capture) {
		close(fd);
		return NULL;
	}
	capture->fd = fd;
	/* The largest packet has to fit the buffer. */
	capture->snap_len =
		snap_len < BUFFER_SIZE / 2 ? snap_len : BUFFER_SIZE / 2;
	list_init(&capture->devices);
	write_start(capture);
	capture_flush(capture);
	return capture;
}

struct usb_tap *capture_tap(struct capture *capture, uint16_t bus,
			    uint8_t number)
{
	struct capture_device *device = calloc(1, sizeof(*device));

	if (!device)
		return NULL;
	device->tap.submitted = on_submitted;
	device->tap.completed = on_completed;
	device->capture = capture;
	device->bus = bus;
	device->number = number;
	list_append(&capture->devices, &device->link);
	return &device->tap;
}

size_t capture_pending(const struct capture *capture)
{
	return capture->end - capture->start;
}

void capture_end(struct capture *capture)
{
	if (capture->ended)
		return;
	capture->ended = true;
	write_statistics(capture);
	capture_flush(capture);
}

void capture_get_stats(const struct capture *capture,
		       struct capture_stats *stats)
{
	*stats = capture->stats;
}

void capture_destroy(struct capture *capture)
{
	struct list_node *node;

	if (!capture)
		return;
	capture_end(capture);
	while ((node = list_first(&capture->devices))) {
		list_remove(node);
		free(container_of(node, struct capture_device, link));
	}
	close(capture->fd);
	free(capture);
}
