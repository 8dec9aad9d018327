// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * discover.c - finds 2Virt functions and follows plug and unplug.
 *
 * The kernel's own events (NETLINK_KOBJECT_UEVENT) say when to look, sysfs
 * says what is there.  Both work where no udevd runs; events carry nothing
 * else that is used, so one that is lost or forged does no harm beyond a scan.
 */
#include "discover.h"

#include "log.h"
#include "name.h"

#include "protocol/pipe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	KERNEL_GROUP = 1,
	SETTLE_MS = 30,	  /* events come in bursts */
	POLL_MS = 2000,	  /* where there are none */
	EVENT_MAX = 8192, /* the kernel's are at most 2 KiB and a path */
	CLASS_VENDOR = 0xff,
};

bool location_equal(const struct location *a, const struct location *b)
{
	return a->bus == b->bus && a->address == b->address &&
	       a->number == b->number && a->configuration == b->configuration;
}

/* A number in an attribute of sysfs, or -1. */
static long attribute_read(int dir, const char *folder, const char *name,
			   int base)
{
	char path[96], text[24], *end;
	ssize_t n;
	long value;
	int fd;

	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >=
	    (int)sizeof(path))
		return -1;
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	value = strtol(text, &end, base);
	return end == text || value < 0 ? -1 : value;
}

/* The interface's string as the kernel read it; false if there is none. */
static bool name_read(int dir, const char *interface, uint8_t subclass,
		      bool *valid)
{
	struct function_name name;
	const char *type = name_of_type(subclass);
	char path[96], text[160];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/interface", interface);
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	while (n > 0 && text[n - 1] == '\n')
		n--;
	*valid = n > 0 && name_parse(&name, text, (size_t)n) == 0 &&
		 strcmp(name.type, type) == 0;
	return true;
}

static bool location_read(int dir, const char *interface,
			  struct location *location)
{
	const char *colon = strchr(interface, ':');
	const char *dot = colon ? strchr(colon, '.') : NULL;
	char device[sizeof(location->interface)];
	long bus, address, subclass, number;
	bool valid;

	if (!dot || strlen(interface) >= sizeof(location->interface))
		return false;
	if (attribute_read(dir, interface, "bInterfaceClass", 16) !=
		    CLASS_VENDOR ||
	    attribute_read(dir, interface, "bInterfaceProtocol", 16) !=
		    TV_USB_PROTOCOL_PIPE_1)
		return false;
	snprintf(device, sizeof(device), "%.*s", (int)(colon - interface),
		 interface);
	subclass = attribute_read(dir, interface, "bInterfaceSubClass", 16);
	number = attribute_read(dir, interface, "bInterfaceNumber", 16);
	bus = attribute_read(dir, device, "busnum", 10);
	address = attribute_read(dir, device, "devnum", 10);
	if (subclass < TV_FUNCTION_WEB || subclass > TV_FUNCTION_DIAG ||
	    number < 0 || number > 255 || bus < 1 || bus > 999 || address < 1 ||
	    address > 127)
		return false;

	memset(location, 0, sizeof(*location));
	strcpy(location->interface, interface);
	location->bus = (uint16_t)bus;
	location->address = (uint16_t)address;
	location->configuration = (uint8_t)strtoul(colon + 1, NULL, 10);
	location->number = (uint8_t)number;
	location->subclass = (uint8_t)subclass;
	if (name_read(dir, interface, location->subclass, &valid))
		location->sure = valid;
	else
		location->sure = attribute_read(dir, device, "idVendor", 16) ==
					 TV_USB_VENDOR_ID &&
				 attribute_read(dir, device, "idProduct", 16) ==
					 TV_USB_PRODUCT_ID;
	snprintf(location->device, sizeof(location->device),
		 "/dev/bus/usb/%03u/%03u", location->bus, location->address);
	return true;
}

size_t discover_scan(const char *sysfs, struct location *locations, size_t max)
{
	char path[256];
	struct dirent *entry;
	size_t count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/bus/usb/devices", sysfs);
	dir = opendir(path);
	if (!dir)
		return 0; /* no USB in this kernel yet */
	while (count < max && (entry = readdir(dir)))
		if (location_read(dirfd(dir), entry->d_name, &locations[count]))
			count++;
	closedir(dir);
	return count;
}

bool discover_event_is_usb(const char *message, size_t len)
{
	static const char subsystem[] = "SUBSYSTEM=usb";

	while (len) {
		size_t n = strnlen(message, len);

		if (n == sizeof(subsystem) - 1 &&
		    memcmp(message, subsystem, n) == 0)
			return true;
		if (n == len)
			return false;
		message += n + 1;
		len -= n + 1;
	}
	return false;
}

struct discover {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_poll_t poll;
	int fd; /* -1: no kernel events */
	unsigned int handles;
	void (*changed)(void *context);
	void *context;
};

static void timer_cb(uv_timer_t *timer)
{
	struct discover *discover = timer->data;

	discover->changed(discover->context);
}

static void netlink_cb(uv_poll_t *poll, int status, int events)
{
	struct discover *discover = poll->data;
	char message[EVENT_MAX];
	bool usb = false;

	for (;;) {
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(discover->fd, message, sizeof(message),
				     MSG_DONTWAIT, (struct sockaddr *)&from,
				     &from_len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			usb |= errno == ENOBUFS; /* some were lost */
			if (errno == ENOBUFS)
				continue;
			break;
		}
		/* Port id 0 is the kernel; other senders are not listened to.
		 */
		if (from.nl_pid == 0)
			usb |= discover_event_is_usb(message, (size_t)n);
	}
	if (usb && !uv_is_active((uv_handle_t *)&discover->timer))
		uv_timer_start(&discover->timer, timer_cb, SETTLE_MS, 0);
}

static int netlink_open(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK,
		.nl_groups = KERNEL_GROUP,
	};
	int size = 256 * 1024;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			NETLINK_KOBJECT_UEVENT);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

struct discover *discover_create(uv_loop_t *loop,
				 void (*changed)(void *context), void *context)
{
	struct discover *discover = calloc(1, sizeof(*discover));

	if (!discover)
		return NULL;
	discover->loop = loop;
	discover->changed = changed;
	discover->context = context;
	uv_timer_init(loop, &discover->timer);
	discover->timer.data = discover;
	discover->handles = 1;
	discover->fd = netlink_open();
	if (discover->fd >= 0 &&
	    uv_poll_init(loop, &discover->poll, discover->fd) == 0) {
		discover->poll.data = discover;
		discover->handles++;
		uv_poll_start(&discover->poll, UV_READABLE, netlink_cb);
	} else {
		log_notice("no kernel events: looking every %d s",
			   POLL_MS / 1000);
		uv_timer_start(&discover->timer, timer_cb, POLL_MS, POLL_MS);
	}
	return discover;
}

static void closed_cb(uv_handle_t *handle)
{
	struct discover *discover = handle->data;

	if (--discover->handles == 0)
		free(discover);
}

void discover_destroy(struct discover *discover)
{
	if (!discover)
		return;
	if (discover->handles == 2)
		uv_close((uv_handle_t *)&discover->poll, closed_cb);
	if (discover->fd >= 0)
		close(discover->fd);
	uv_close((uv_handle_t *)&discover->timer, closed_cb);
}
