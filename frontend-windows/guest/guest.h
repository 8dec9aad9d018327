/* SPDX-License-Identifier: MIT */
/*
 * guest.h - what the files of 2virt-guest.exe share.
 *
 *   main.c     command line, Windows service
 *   offer.c    functions come and go; a listener for each
 *   relay.c    one local connection and its pipe
 *   device.c   usb2virt.sys' device interface
 *
 * The same names and the same roles as in frontend-linux/guest.
 */
#ifndef TV_WIN_GUEST_H
#define TV_WIN_GUEST_H

#include <winsock2.h>

#include <windows.h>

#include "frontend-windows/usb2virt/usb2virt_api.h"

#define FUNCTIONS_MAX 64
#define PATH_CHARS 400
#define CONNECTIONS_MAX 256

struct function {
	char path[PATH_CHARS]; /* of the device interface */
	char name[80];	       /* "web:default" */
	unsigned char type;
};

/* device.c: all return FALSE or -1 with GetLastError(). */
unsigned int device_list(struct function *out, unsigned int room);
HANDLE device_open(const char *path, DWORD wait_ms);
/* Octets, 0 at the end of the stream, -1 if it broke. */
long device_read(HANDLE device, void *data, DWORD len, HANDLE stop);
BOOL device_write(HANDLE device, const void *data, DWORD len, HANDLE stop);
BOOL device_shutdown(HANDLE device);

/* relay.c: local is a socket or a named pipe; both handles are taken over. */
struct local {
	SOCKET socket; /* or INVALID_SOCKET */
	HANDLE pipe;   /* or NULL */
};
BOOL relay_start(const char *path, const struct local *local);

/* offer.c: until the event is set. */
int offer_run(HANDLE stop, unsigned short web_port);

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
