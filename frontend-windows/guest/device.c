// SPDX-License-Identifier: MIT
/*
 * device.c - usb2virt.sys' device interface as blocking calls.
 *
 * Every call has an event of its own and gives up when `stop` is set: the
 * request is cancelled then and waited for, so that its buffer is free.
 */
#include "frontend-windows/guest/guest.h"

#include <setupapi.h>
#include <stdio.h>

static const GUID interface_guid = TV_FUNCTION_INTERFACE_GUID;

/* What an overlapped request moved, -1 if it failed or was stopped. */
static long finish(HANDLE device, OVERLAPPED *o, BOOL done, HANDLE stop)
{
	HANDLE events[2] = {o->hEvent, stop};
	DWORD moved = 0, error;

	if (!done && GetLastError() != ERROR_IO_PENDING) {
		error = GetLastError();
	} else {
		if (WaitForMultipleObjects(stop ? 2 : 1, events, FALSE,
					   INFINITE) != WAIT_OBJECT_0)
			CancelIoEx(device, o);
		if (GetOverlappedResult(device, o, &moved, TRUE)) {
			CloseHandle(o->hEvent);
			return (long)moved;
		}
		error = GetLastError();
	}
	CloseHandle(o->hEvent);
	SetLastError(error);
	return -1;
}

static long ioctl(HANDLE device, DWORD code, void *out, DWORD len)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};

	return finish(device, &o,
		      DeviceIoControl(device, code, NULL, 0, out, len, NULL,
				      &o),
		      NULL);
}

/* Opens and asks what it is: a driver that refuses may only say so then. */
static HANDLE open_info(const char *path, DWORD access,
			struct tv_win_info *info)
{
	HANDLE device = CreateFileA(path, access,
				    FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
				    OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);

	if (device == INVALID_HANDLE_VALUE)
		return device;
	if (ioctl(device, TV_IOCTL_GET_INFO, info, sizeof(*info)) ==
	    (long)sizeof(*info))
		return device;
	CloseHandle(device);
	SetLastError(ERROR_NO_SYSTEM_RESOURCES);
	return INVALID_HANDLE_VALUE;
}

/* Letters, digits and the like: it becomes part of a pipe's name. */
static void name_copy(char *out, size_t room, const unsigned short *name)
{
	size_t i;

	for (i = 0; i + 1 < room && name[i]; i++)
		out[i] = name[i] > ' ' && name[i] < 127 && name[i] != '\\'
				 ? (char)name[i]
				 : '_';
	out[i] = 0;
}

static BOOL describe(struct function *function)
{
	struct tv_win_info info;
	HANDLE device = open_info(function->path, 0, &info);

	if (device == INVALID_HANDLE_VALUE)
		return FALSE;
	CloseHandle(device);
	info.name[63] = 0;
	name_copy(function->name, sizeof(function->name), info.name);
	function->type = info.type;
	return TRUE;
}

/* The functions that are there now; those that do not answer are left out. */
unsigned int device_list(struct function *out, unsigned int room)
{
	union {
		SP_DEVICE_INTERFACE_DETAIL_DATA_A data;
		char octets[1024];
	} detail;
	SP_DEVICE_INTERFACE_DATA item = {.cbSize = sizeof(item)};
	unsigned int count = 0, i;
	HDEVINFO set;

	set = SetupDiGetClassDevsA(&interface_guid, NULL, NULL,
				   DIGCF_DEVICEINTERFACE | DIGCF_PRESENT);
	if (set == INVALID_HANDLE_VALUE)
		return 0;
	for (i = 0; count < room && SetupDiEnumDeviceInterfaces(
					    set, NULL, &interface_guid, i,
					    &item);
	     i++) {
		detail.data.cbSize = sizeof(detail.data);
		if (!(item.Flags & SPINT_ACTIVE) ||
		    !SetupDiGetDeviceInterfaceDetailA(set, &item, &detail.data,
						      sizeof(detail), NULL,
						      NULL))
			continue;
		snprintf(out[count].path, sizeof(out[count].path), "%s",
			 detail.data.DevicePath);
		out[count].name[0] = 0;
		count++;
	}
	SetupDiDestroyDeviceInfoList(set);
	for (i = 0; i < count; i++)
		if (!out[i].name[0])
			describe(&out[i]);
	return count;
}

/* A pipe of the function, waiting for a free one for at most that long. */
HANDLE device_open(const char *path, DWORD wait_ms)
{
	DWORD begin = GetTickCount();
	struct tv_win_info info;
	HANDLE device;

	for (;;) {
		device = open_info(path, GENERIC_READ | GENERIC_WRITE, &info);
		if (device != INVALID_HANDLE_VALUE ||
		    GetLastError() != ERROR_NO_SYSTEM_RESOURCES ||
		    GetTickCount() - begin >= wait_ms)
			return device;
		Sleep(20);
	}
}

long device_read(HANDLE device, void *data, DWORD len, HANDLE stop)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	long moved = finish(device, &o, ReadFile(device, data, len, NULL, &o),
			    stop);

	return moved < 0 && GetLastError() == ERROR_HANDLE_EOF ? 0 : moved;
}

BOOL device_write(HANDLE device, const void *data, DWORD len, HANDLE stop)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};

	return finish(device, &o, WriteFile(device, data, len, NULL, &o),
		      stop) == (long)len;
}

BOOL device_shutdown(HANDLE device)
{
	return ioctl(device, TV_IOCTL_SHUTDOWN, NULL, 0) >= 0;
}
