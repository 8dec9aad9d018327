// SPDX-License-Identifier: MIT
/*
 * offer.c - what is offered to programs of this machine: a web function on a
 * loopback port, any function as a named pipe \\.\pipe\2virt-TYPE-NAME.
 *
 * The list of functions is looked at twice a second.  A listener thread belongs
 * to a place in the table and ends when its function goes; connections that
 * stand end by themselves, because their pipe breaks.
 */
#include "frontend-windows/guest/guest.h"

#include <stdio.h>
#include <string.h>

enum { LOOK_MS = 500, TYPE_WEB = 1 };

struct offer {
	struct function function;
	HANDLE gone; /* event; NULL: the place is free */
	HANDLE thread;
	unsigned short port; /* of a web function */
	BOOL seen;
};

static struct offer offers[FUNCTIONS_MAX];

/* ---- loopback port -------------------------------------------------------- */

static SOCKET listen_on(unsigned short port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port)};
	SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);

	/* Never anything but this machine. */
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (listener == INVALID_SOCKET)
		return listener;
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) ||
	    listen(listener, 64)) {
		closesocket(listener);
		return INVALID_SOCKET;
	}
	return listener;
}

static DWORD WINAPI web_thread(void *context)
{
	struct offer *offer = context;
	SOCKET listener = listen_on(offer->port);
	struct timeval step;
	fd_set set;

	if (listener == INVALID_SOCKET) {
		say("%s: port %u cannot be had: error %d",
		    offer->function.name, offer->port, WSAGetLastError());
		return 1;
	}
	say("%s is at http://127.0.0.1:%u/", offer->function.name,
	    offer->port);
	while (WaitForSingleObject(offer->gone, 0) == WAIT_TIMEOUT) {
		struct local local = {INVALID_SOCKET, NULL};

		FD_ZERO(&set);
		FD_SET(listener, &set);
		step = (struct timeval){0, LOOK_MS * 1000};
		if (select(0, &set, NULL, NULL, &step) <= 0)
			continue;
		local.socket = accept(listener, NULL, NULL);
		if (local.socket != INVALID_SOCKET)
			relay_start(offer->function.path, &local);
	}
	closesocket(listener);
	return 0;
}

/* ---- named pipe ----------------------------------------------------------- */

static HANDLE pipe_make(const char *name)
{
	return CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
				PIPE_TYPE_BYTE | PIPE_READMODE_BYTE |
					PIPE_REJECT_REMOTE_CLIENTS,
				PIPE_UNLIMITED_INSTANCES, 65536, 65536, 0,
				NULL);
}

/* Until a client comes (TRUE) or the function goes. */
static BOOL pipe_wait(HANDLE pipe, HANDLE gone)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	HANDLE events[2] = {o.hEvent, gone};
	DWORD moved, error;
	BOOL come;

	come = ConnectNamedPipe(pipe, &o);
	error = come ? ERROR_IO_PENDING : GetLastError();
	if (error == ERROR_PIPE_CONNECTED) {
		come = TRUE;
	} else if (error == ERROR_IO_PENDING) {
		come = WaitForMultipleObjects(2, events, FALSE, INFINITE) ==
		       WAIT_OBJECT_0;
		if (!come)
			CancelIoEx(pipe, &o);
		come = GetOverlappedResult(pipe, &o, &moved, TRUE) && come;
	}
	CloseHandle(o.hEvent);
	return come;
}

static DWORD WINAPI pipe_thread(void *context)
{
	struct offer *offer = context;
	char name[120] = "\\\\.\\pipe\\2virt-";
	size_t at = strlen(name);

	snprintf(name + at, sizeof(name) - at, "%s", offer->function.name);
	for (; name[at]; at++)
		if (name[at] == ':')
			name[at] = '-';
	say("%s is at %s", offer->function.name, name);
	while (WaitForSingleObject(offer->gone, 0) == WAIT_TIMEOUT) {
		struct local local = {INVALID_SOCKET, pipe_make(name)};

		if (local.pipe == INVALID_HANDLE_VALUE) {
			WaitForSingleObject(offer->gone, LOOK_MS);
			continue;
		}
		if (pipe_wait(local.pipe, offer->gone))
			relay_start(offer->function.path, &local);
		else
			CloseHandle(local.pipe);
	}
	return 0;
}

/* ---- functions come and go ------------------------------------------------ */

static void begin(const struct function *function, unsigned short web_port)
{
	struct offer *offer = NULL;
	unsigned short port = web_port;
	unsigned int i;

	for (i = 0; i < FUNCTIONS_MAX; i++) {
		if (!offers[i].gone && !offer)
			offer = &offers[i];
		if (offers[i].gone && offers[i].port == port)
			port++;
	}
	if (!offer)
		return;
	offer->function = *function;
	offer->seen = TRUE;
	offer->port = function->type == TYPE_WEB ? port : 0;
	offer->gone = CreateEventA(NULL, TRUE, FALSE, NULL);
	offer->thread = CreateThread(
		NULL, 0, function->type == TYPE_WEB ? web_thread : pipe_thread,
		offer, 0, NULL);
}

static void finish(struct offer *offer)
{
	SetEvent(offer->gone);
	if (offer->thread) {
		WaitForSingleObject(offer->thread, INFINITE);
		CloseHandle(offer->thread);
	}
	CloseHandle(offer->gone);
	say("%s is gone", offer->function.name);
	offer->gone = NULL;
	offer->thread = NULL;
	offer->port = 0;
}

static struct offer *find(const char *path)
{
	unsigned int i;

	for (i = 0; i < FUNCTIONS_MAX; i++)
		if (offers[i].gone && !strcmp(offers[i].function.path, path))
			return &offers[i];
	return NULL;
}

static void look(unsigned short web_port)
{
	static struct function now[FUNCTIONS_MAX];
	unsigned int count, i;

	for (i = 0; i < FUNCTIONS_MAX; i++)
		offers[i].seen = FALSE;
	count = device_list(now, FUNCTIONS_MAX);
	for (i = 0; i < count; i++) {
		struct offer *offer = find(now[i].path);

		if (offer)
			offer->seen = TRUE;
		else if (now[i].name[0])
			begin(&now[i], web_port);
	}
	for (i = 0; i < FUNCTIONS_MAX; i++)
		if (offers[i].gone && !offers[i].seen)
			finish(&offers[i]);
}

int offer_run(HANDLE stop, unsigned short web_port)
{
	unsigned int i;

	do
		look(web_port);
	while (WaitForSingleObject(stop, LOOK_MS) == WAIT_TIMEOUT);
	for (i = 0; i < FUNCTIONS_MAX; i++)
		if (offers[i].gone)
			finish(&offers[i]);
	return 0;
}
