// SPDX-License-Identifier: MIT
/*
 * relay.c - octets between a local connection and its pipe, two threads, one a
 * direction.
 *
 *   up     local ─▶ device; its end half-closes the pipe
 *   down   device ─▶ local; its end half-closes the local connection
 *
 * When one direction breaks, `stop` ends the other.  The last of the two frees
 * everything.  Each holds one buffer: nothing grows.
 */
#include "frontend-windows/guest/guest.h"

#include <stdio.h>
#include <stdlib.h>

enum { BUFFER = 65536, OPEN_WAIT_MS = 30000 };

struct relay {
	char path[PATH_CHARS];
	struct local local;
	HANDLE device, stop;
	LONG threads;
};

static volatile LONG connections;

static long local_read(struct relay *relay, void *data, DWORD len)
{
	if (relay->local.pipe) {
		long n = device_read(relay->local.pipe, data, len, relay->stop);

		/* The client closed its end. */
		return n < 0 && GetLastError() == ERROR_BROKEN_PIPE ? 0 : n;
	}
	return recv(relay->local.socket, data, (int)len, 0);
}

static BOOL local_write(struct relay *relay, const char *data, long len)
{
	if (relay->local.pipe)
		return device_write(relay->local.pipe, data, (DWORD)len,
				    relay->stop);
	while (len > 0) {
		int n = send(relay->local.socket, data, (int)len, 0);

		if (n <= 0)
			return FALSE;
		data += n;
		len -= n;
	}
	return TRUE;
}

static void end(struct relay *relay)
{
	if (InterlockedDecrement(&relay->threads))
		return;
	CloseHandle(relay->device);
	if (relay->local.pipe) {
		FlushFileBuffers(relay->local.pipe);
		DisconnectNamedPipe(relay->local.pipe);
		CloseHandle(relay->local.pipe);
	} else {
		closesocket(relay->local.socket);
	}
	CloseHandle(relay->stop);
	free(relay);
	InterlockedDecrement(&connections);
}

/* One direction broke: the other must not wait any longer. */
static void broken(struct relay *relay)
{
	SetEvent(relay->stop);
	if (!relay->local.pipe)
		shutdown(relay->local.socket, SD_BOTH);
}

static DWORD WINAPI down(void *context)
{
	struct relay *relay = context;
	char *buffer = malloc(BUFFER);
	long n = -1;

	while (buffer && (n = device_read(relay->device, buffer, BUFFER,
					  relay->stop)) > 0)
		if (!local_write(relay, buffer, n)) {
			n = -1;
			break;
		}
	if (n == 0 && !relay->local.pipe)
		shutdown(relay->local.socket, SD_SEND);
	else
		broken(relay);
	free(buffer);
	end(relay);
	return 0;
}

static DWORD WINAPI up(void *context)
{
	struct relay *relay = context;
	char *buffer = malloc(BUFFER);
	HANDLE thread;
	long n = -1;

	relay->device = device_open(relay->path, OPEN_WAIT_MS);
	if (relay->device == INVALID_HANDLE_VALUE) {
		say("no pipe for a connection: error %lu", GetLastError());
		relay->threads = 1;
		goto out;
	}
	thread = CreateThread(NULL, 0, down, relay, 0, NULL);
	if (!thread) {
		relay->threads = 1;
		goto out;
	}
	CloseHandle(thread);
	while (buffer && (n = local_read(relay, buffer, BUFFER)) > 0)
		if (!device_write(relay->device, buffer, (DWORD)n,
				  relay->stop)) {
			n = -1;
			break;
		}
	if (n != 0 || !device_shutdown(relay->device))
		broken(relay);
out:
	free(buffer);
	end(relay);
	return 0;
}

static void refuse(const struct local *local)
{
	if (local->pipe)
		CloseHandle(local->pipe);
	else
		closesocket(local->socket);
}

BOOL relay_start(const char *path, const struct local *local)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	HANDLE thread;

	if (!relay || InterlockedIncrement(&connections) > CONNECTIONS_MAX)
		goto err_refuse;
	snprintf(relay->path, sizeof(relay->path), "%s", path);
	relay->local = *local;
	relay->device = INVALID_HANDLE_VALUE;
	relay->threads = 2;
	relay->stop = CreateEventA(NULL, TRUE, FALSE, NULL);
	thread = CreateThread(NULL, 0, up, relay, 0, NULL);
	if (!thread)
		goto err_refuse;
	CloseHandle(thread);
	return TRUE;

err_refuse:
	if (relay)
		InterlockedDecrement(&connections);
	free(relay);
	refuse(local);
	return FALSE;
}
