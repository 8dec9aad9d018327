// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Exercises a USB host controller driver through usbfs, against the device of
 * bad-backend (its octets are known).  Runs in a guest.
 *
 *   usb-check NODE read|write LENGTH COUNT DEPTH OFFSET
 *	COUNT bulk transfers of LENGTH octets, DEPTH at once, from buffers that
 *	begin OFFSET octets into a page; checks every octet (read: from the
 *	start of the pattern, so once per device)
 *   usb-check NODE park COUNT
 *	COUNT reads that are never answered, a control transfer beside them,
 *	then all are cancelled
 *   usb-check NODE leave COUNT
 *	the same, but exits and leaves the cancelling to the kernel
 *
 * Prints one line; exit status 0 if all was as it should be.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096
#define EP_IN 0x81
#define EP_OUT 0x02
#define PARK_LENGTH 100
#define DEPTH_MAX 512

static int node;

static int die(const char *what)
{
	fprintf(stderr, "usb-check: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int control_in(uint8_t type, uint8_t request, uint16_t value, void *data,
		      uint16_t length)
{
	struct usbdevfs_ctrltransfer ctrl = {
		.bRequestType = type,
		.bRequest = request,
		.wValue = value,
		.wLength = length,
		.timeout = 5000,
		.data = data,
	};

	return ioctl(node, USBDEVFS_CONTROL, &ctrl);
}

/* The sum of all octets the device was ever written. */
static uint32_t device_sum(void)
{
	uint32_t sum;

	if (control_in(0xc0, 1, 0, &sum, sizeof(sum)) != sizeof(sum))
		die("read the sum");
	return sum;
}

static void submit(struct usbdevfs_urb *urb)
{
	if (ioctl(node, USBDEVFS_SUBMITURB, urb))
		die("submit");
}

static struct usbdevfs_urb *reap(void)
{
	struct usbdevfs_urb *urb;

	if (ioctl(node, USBDEVFS_REAPURB, &urb))
		die("reap");
	return urb;
}

static uint32_t fill(struct usbdevfs_urb *urb)
{
	uint8_t *data = urb->buffer;
	uint32_t sum = 0;
	int i;

	for (i = 0; i < urb->buffer_length; i++)
		sum += data[i] = rand();
	return sum;
}

static void check(const struct usbdevfs_urb *urb, uint32_t *pos)
{
	const uint8_t *data = urb->buffer;
	int i;

	for (i = 0; i < urb->buffer_length; i++, (*pos)++) {
		if (data[i] == (uint8_t)(*pos ^ *pos >> 9))
			continue;
		printf("octet %u is wrong\n", *pos);
		exit(1);
	}
}

static int stream(bool in, int length, int count, int depth, int offset)
{
	static struct usbdevfs_urb urbs[DEPTH_MAX];
	uint32_t pos = 0, sum = in ? 0 : device_sum();
	struct usbdevfs_urb *urb;
	double start = now();
	int sent, done;
	void *page;

	for (sent = 0; sent < depth && sent < count; sent++) {
		urb = &urbs[sent];
		if (posix_memalign(&page, PAGE, length + PAGE))
			die("memory");
		urb->type = USBDEVFS_URB_TYPE_BULK;
		urb->endpoint = in ? EP_IN : EP_OUT;
		urb->buffer = (uint8_t *)page + offset;
		urb->buffer_length = length;
		sum += in ? 0 : fill(urb);
		submit(urb);
	}
	for (done = 0; done < count; done++) {
		urb = reap();
		if (urb->status || urb->actual_length != length) {
			printf("status %d, %d of %d octets\n", urb->status,
			       urb->actual_length, length);
			return 1;
		}
		if (in)
			check(urb, &pos);
		if (sent == count)
			continue;
		sum += in ? 0 : fill(urb);
		submit(urb);
		sent++;
	}
	if (!in && device_sum() != sum) {
		printf("the device has another sum\n");
		return 1;
	}
	printf("%s %d x %d, depth %d, offset %d: %.2f MiB/s\n",
	       in ? "read" : "write", count, length, depth, offset,
	       (double)length * count / (1 << 20) / (now() - start));
	return 0;
}

static int park(int count, bool leave)
{
	static struct usbdevfs_urb urbs[DEPTH_MAX];
	static uint8_t data[DEPTH_MAX][PARK_LENGTH];
	uint8_t descriptor[18];
	double start;
	int i, bad = 0;

	for (i = 0; i < count; i++) {
		urbs[i].type = USBDEVFS_URB_TYPE_BULK;
		urbs[i].endpoint = EP_IN;
		urbs[i].buffer = data[i];
		urbs[i].buffer_length = PARK_LENGTH;
		submit(&urbs[i]);
	}
	if (control_in(0x80, 6, 0x0100, descriptor, 18) != 18) {
		printf("no control transfer beside %d parked ones\n", count);
		return 1;
	}
	if (leave)
		return 0;
	start = now();
	for (i = 0; i < count; i++)
		if (ioctl(node, USBDEVFS_DISCARDURB, &urbs[i]))
			die("discard");
	for (i = 0; i < count; i++)
		bad += reap()->status != -ENOENT;
	printf("cancelled %d in %.0f ms, %d with another status\n", count,
	       (now() - start) * 1e3, bad);
	return bad != 0;
}

int main(int argc, char **argv)
{
	unsigned int interface = 0;
	int count;

	if (argc < 4)
		goto usage;
	node = open(argv[1], O_RDWR);
	if (node < 0 || ioctl(node, USBDEVFS_CLAIMINTERFACE, &interface))
		die(argv[1]);
	count = atoi(argv[3]);
	if (argc == 4 && count <= DEPTH_MAX && !strcmp(argv[2], "park"))
		return park(count, false);
	if (argc == 4 && count <= DEPTH_MAX && !strcmp(argv[2], "leave"))
		return park(count, true);
	if (argc == 7 && atoi(argv[5]) <= DEPTH_MAX &&
	    (!strcmp(argv[2], "read") || !strcmp(argv[2], "write")))
		return stream(argv[2][0] == 'r', count, atoi(argv[4]),
			      atoi(argv[5]), atoi(argv[6]));
usage:
	fprintf(stderr,
		"usage: usb-check NODE read|write LENGTH COUNT DEPTH OFFSET\n"
		"       usb-check NODE park|leave COUNT\n");
	return 2;
}
