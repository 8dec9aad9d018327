// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * usb-bench.c - speed of the USB path as a guest's program sees it.
 *
 * Runs in a guest against the "diag" function (diag:<name>), straight on usbfs,
 * so that no library stands between the figure and the driver. Each figure is
 * the median of five rounds; a transfer is submitted when the one before has
 * come back, as a program that reads block by block does.
 *
 *   usb-bench control            microseconds for one control round trip
 *   usb-bench in|out BLOCK...    MiB/s with blocks of that many octets
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "protocol/pipe.h"

enum { ROUNDS = 5, CONTROL_COUNT = 300, TIMEOUT_MS = 10000 };
enum { OUT_ENDPOINT = 0x01, IN_ENDPOINT = 0x82 };
#define SYSFS "/sys/bus/usb/devices"

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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

static void fail(const char *what)
{
	fprintf(stderr, "usb-bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int read_line(const char *folder, const char *name, char *out,
		     size_t size)
{
	char path[512];
	FILE *file;
	int ok;

	snprintf(path, sizeof(path), SYSFS "/%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file)
		return 0;
	ok = fgets(out, (int)size, file) != NULL;
	fclose(file);
	out[strcspn(out, "\n")] = 0;
	return ok;
}

/* Opens the device whose interface 0 is called "diag:...". */
static int open_device(void)
{
	DIR *folder = opendir(SYSFS);
	struct dirent *entry;
	char line[128];
	char path[64];
	int fd = -1;

	if (!folder)
		fail(SYSFS);
	while (fd < 0 && (entry = readdir(folder))) {
		char device[sizeof(entry->d_name)];
		char bus[16];
		char number[16];

		if (!read_line(entry->d_name, "interface", line,
			       sizeof(line)) ||
		    strncmp(line, "diag:", 5) != 0)
			continue;
		snprintf(device, sizeof(device), "%s", entry->d_name);
		device[strcspn(device, ":")] = 0;
		if (!read_line(device, "busnum", bus, sizeof(bus)) ||
		    !read_line(device, "devnum", number, sizeof(number)))
			continue;
		snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d",
			 atoi(bus), atoi(number));
		fd = open(path, O_RDWR);
	}
	closedir(folder);
	if (fd < 0) {
		errno = ENODEV;
		fail("no diag function is plugged in");
	}
	return fd;
}

static void control(int fd, uint8_t type, uint8_t request, uint16_t value,
		    void *data, uint16_t len)
{
	struct usbdevfs_ctrltransfer transfer = {
		.bRequestType = type,
		.bRequest = request,
		.wValue = value,
		.wLength = len,
		.timeout = TIMEOUT_MS,
		.data = data,
	};

	if (ioctl(fd, USBDEVFS_CONTROL, &transfer) < 0)
		fail("control transfer");
}

static void claim(int fd)
{
	unsigned int interface = 0;
	struct usbdevfs_setinterface setting = {.interface = 0,
						.altsetting = 1};

	if (ioctl(fd, USBDEVFS_CLAIMINTERFACE, &interface) < 0)
		fail("claiming the interface (is 2virt-guest running?)");
	if (ioctl(fd, USBDEVFS_SETINTERFACE, &setting) < 0)
		fail("selecting the setting");
}

/* One bulk transfer from submission to completion; its octets. */
static int bulk(int fd, uint8_t endpoint, void *data, int len)
{
	struct usbdevfs_urb urb = {.type = USBDEVFS_URB_TYPE_BULK,
				   .endpoint = endpoint,
				   .buffer = data,
				   .buffer_length = len};
	struct usbdevfs_urb *done;

	if (ioctl(fd, USBDEVFS_SUBMITURB, &urb) < 0)
		fail("submitting a transfer");
	if (ioctl(fd, USBDEVFS_REAPURB, &done) < 0)
		fail("waiting for a transfer");
	if (urb.status) {
		errno = -urb.status;
		fail("bulk transfer");
	}
	return urb.actual_length;
}

static void bench_control(int fd)
{
	double us[ROUNDS];
	uint8_t data[18];

	for (int round = 0; round < ROUNDS; round++) {
		double start = now();

		for (int i = 0; i < CONTROL_COUNT; i++)
			control(fd, 0x80, 6, 0x0100, data, sizeof(data));
		us[round] = (now() - start) / CONTROL_COUNT * 1e6;
	}
	printf("control\t%.1f\tus\n", median(us));
}

/* Fewer transfers for large blocks: each round moves 1 to 16 MiB. */
static int transfers_for(int block)
{
	int count = (16 << 20) / block;

	return count > 300 ? 300 : count;
}

static void bench_bulk(int fd, int in, int block)
{
	static uint16_t generation;
	uint8_t mode = in ? 'G' : 'S';
	int count = transfers_for(block);
	double rate[ROUNDS];
	uint8_t *data = mmap(NULL, (size_t)block, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (data == MAP_FAILED)
		fail("memory");
	control(fd, 0x41, TV_PIPE_OPEN, ++generation, NULL, 0);
	bulk(fd, OUT_ENDPOINT, &mode, 1);
	for (int round = 0; round < ROUNDS; round++) {
		double start = now();
		double octets = 0;

		for (int i = 0; i < count; i++)
			octets += bulk(fd, in ? IN_ENDPOINT : OUT_ENDPOINT,
				       data, block);
		rate[round] = octets / (now() - start) / (1 << 20);
	}
	control(fd, 0x41, TV_PIPE_CLOSE, generation, NULL, 0);
	printf("bulk-%s-%d\t%.2f\tMiB/s\n", in ? "in" : "out", block,
	       median(rate));
	munmap(data, (size_t)block);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc < 2 || (strcmp(argv[1], "control") && argc < 3)) {
		fprintf(stderr, "usage: usb-bench control | in|out BLOCK...\n");
		return 2;
	}
	fd = open_device();
	if (!strcmp(argv[1], "control")) {
		bench_control(fd);
		return 0;
	}
	claim(fd);
	for (int i = 2; i < argc; i++)
		bench_bulk(fd, !strcmp(argv[1], "in"), atoi(argv[i]));
	return 0;
}
