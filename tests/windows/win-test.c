// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * win-test.c - runs under Wine: the promises of usb2virt.sys' device interface,
 * over the diag function (backend/function/diag.h) of the real backend.
 *
 *   win-test CASE...     "ok CASE" or "not ok CASE: why" for each
 *
 * It knows only usb2virt_api.h.
 */
#include <windows.h>

#include <setupapi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend-windows/usb2virt/usb2virt_api.h"

static const GUID function_guid = TV_FUNCTION_INTERFACE_GUID;
static char failure[300];

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			snprintf(failure, sizeof(failure),                     \
				 "line %d: %s (error %lu)", __LINE__,          \
				 #condition, (unsigned long)GetLastError());   \
			return FALSE;                                          \
		}                                                              \
	} while (0)

/* ---- the interface --------------------------------------------------------
 */

/* Path of the i-th function, waiting up to ms for it. */
static BOOL find(DWORD i, DWORD ms, char *path, size_t room)
{
	char buffer[1024];
	SP_DEVICE_INTERFACE_DETAIL_DATA_A *detail = (void *)buffer;
	SP_DEVICE_INTERFACE_DATA data = {.cbSize = sizeof(data)};
	DWORD end = GetTickCount() + ms;
	BOOL found;
	HDEVINFO set;

	do {
		set = SetupDiGetClassDevsA(&function_guid, NULL, NULL,
					   DIGCF_DEVICEINTERFACE |
						   DIGCF_PRESENT);
		detail->cbSize = sizeof(*detail);
		found = SetupDiEnumDeviceInterfaces(set, NULL, &function_guid,
						    i, &data) &&
			data.Flags & SPINT_ACTIVE &&
			SetupDiGetDeviceInterfaceDetailA(
				set, &data, detail, sizeof(buffer), NULL, NULL);
		if (found)
			snprintf(path, room, "%s", detail->DevicePath);
		SetupDiDestroyDeviceInfoList(set);
		if (!found)
			Sleep(50);
	} while (!found && GetTickCount() < end);
	return found;
}

static HANDLE open_access(DWORD access)
{
	char path[600];

	if (!find(0, 10000, path, sizeof(path)))
		return INVALID_HANDLE_VALUE;
	return CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE,
			   NULL, OPEN_EXISTING, FILE_FLAG_OVERLAPPED, NULL);
}

static long ioctl(HANDLE h, DWORD code, void *in, DWORD in_len, void *out,
		  DWORD out_len, DWORD ms);

/*
 * Wine gives a handle even if the driver refuses, and says nothing of the
 * access asked for: a refused one answers no question.
 */
static BOOL on_wine(void)
{
	return GetProcAddress(GetModuleHandleA("ntdll.dll"),
			      "wine_get_version") != NULL;
}

static HANDLE open_pipe(void)
{
	HANDLE h = open_access(GENERIC_READ | GENERIC_WRITE);
	struct tv_win_info info;

	if (h == INVALID_HANDLE_VALUE ||
	    ioctl(h, TV_IOCTL_GET_INFO, NULL, 0, &info, sizeof(info), 5000) > 0)
		return h;
	CloseHandle(h);
	SetLastError(ERROR_NO_SYSTEM_RESOURCES);
	return INVALID_HANDLE_VALUE;
}

/* Was an overlapped request taken? */
static BOOL begun(BOOL done)
{
	return done || GetLastError() == ERROR_IO_PENDING;
}

/* Waits for one that was; -1: error (GetLastError), cancelled after ms. */
static long finish(HANDLE h, OVERLAPPED *o, BOOL done, DWORD ms)
{
	DWORD moved = 0, error;

	if (!done)
		return -1;
	if (WaitForSingleObject(o->hEvent, ms) != WAIT_OBJECT_0) {
		CancelIoEx(h, o);
		GetOverlappedResult(h, o, &moved, TRUE);
		SetLastError(ERROR_SEM_TIMEOUT);
		return -1;
	}
	if (!GetOverlappedResult(h, o, &moved, FALSE)) {
		error = GetLastError();
		SetLastError(error);
		return -1;
	}
	return (long)moved;
}

static long transfer(HANDLE h, BOOL in, void *data, DWORD len, DWORD ms)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	BOOL done = begun(in ? ReadFile(h, data, len, NULL, &o)
			     : WriteFile(h, data, len, NULL, &o));
	long moved = finish(h, &o, done, ms);
	DWORD error = GetLastError();

	CloseHandle(o.hEvent);
	SetLastError(error);
	return moved;
}

static BOOL put(HANDLE h, const void *data, DWORD len)
{
	return transfer(h, FALSE, (void *)data, len, 10000) == (long)len;
}

static long get(HANDLE h, void *data, DWORD len)
{
	return transfer(h, TRUE, data, len, 10000);
}

static BOOL get_all(HANDLE h, unsigned char *data, DWORD len)
{
	for (DWORD at = 0; at < len;) {
		long n = get(h, data + at, len - at);

		if (n <= 0)
			return FALSE;
		at += (DWORD)n;
	}
	return TRUE;
}

static long ioctl(HANDLE h, DWORD code, void *in, DWORD in_len, void *out,
		  DWORD out_len, DWORD ms)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	BOOL done = begun(
		DeviceIoControl(h, code, in, in_len, out, out_len, NULL, &o));
	long moved = finish(h, &o, done, ms);
	DWORD error = GetLastError();

	CloseHandle(o.hEvent);
	SetLastError(error);
	return moved;
}

static BOOL state(HANDLE h, struct tv_win_state *out)
{
	return ioctl(h, TV_IOCTL_GET_STATE, NULL, 0, out, sizeof(*out), 5000) ==
	       sizeof(*out);
}

static BOOL shut(HANDLE h)
{
	return ioctl(h, TV_IOCTL_SHUTDOWN, NULL, 0, NULL, 0, 8000) == 0;
}

/* ---- cases ----------------------------------------------------------------
 */

static BOOL the_function_says_what_it_is(void)
{
	struct tv_win_info info;
	HANDLE h = open_access(0);

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(ioctl(h, TV_IOCTL_GET_INFO, NULL, 0, &info, sizeof(info), 5000) ==
	      sizeof(info));
	CHECK(info.type == 5 && info.pipe_count == 2 && info.version == 1);
	if (!on_wine())
		CHECK(info.pipe == 0xffffffff && info.pipes_free == 2);
	CHECK(info.name[0] == 'd' && info.name[4] == ':');
	CloseHandle(h);
	return TRUE;
}

static BOOL echo_once(HANDLE h, DWORD size)
{
	unsigned char *out = malloc(size + 1), *in = malloc(size + 1);
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	BOOL done;

	for (DWORD i = 0; i < size; i++)
		out[i] = (unsigned char)(i * 7 + (i >> 8) + size);
	/* More than the echo holds: write and read at the same time. */
	done = begun(WriteFile(h, out, size, NULL, &o));
	CHECK(done);
	CHECK(get_all(h, in, size));
	CHECK(finish(h, &o, done, 10000) == (long)size);
	CHECK(memcmp(in, out, size) == 0);
	CloseHandle(o.hEvent);
	free(out);
	free(in);
	return TRUE;
}

static BOOL octets_come_back_at_every_size(void)
{
	static const DWORD sizes[] = {0,     1,	    511,    512,    513,
				      4095,  4096,  4097,   61440,  65535,
				      65536, 65537, 131072, 1048576};
	HANDLE h = open_pipe();

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "E", 1));
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!echo_once(h, sizes[i]))
			return FALSE;
	CloseHandle(h);
	return TRUE;
}

static BOOL the_end_is_seen_after_the_last_octet(void)
{
	struct tv_win_state s;
	unsigned char in[64];
	HANDLE h = open_pipe();

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "Ehello", 6));
	CHECK(shut(h));
	CHECK(get_all(h, in, 5) && !memcmp(in, "hello", 5));
	CHECK(get(h, in, sizeof(in)) == -1);
	CHECK(GetLastError() == ERROR_HANDLE_EOF);
	CHECK(!put(h, "x", 1));
	CHECK(state(h, &s) && s.in_ended && s.out_ended);
	CHECK(s.out_octets == 6 && s.in_octets == 5);
	CloseHandle(h);
	return TRUE;
}

static BOOL a_waiting_read_ends_with_the_stream(void)
{
	OVERLAPPED o = {.hEvent = CreateEventA(NULL, TRUE, FALSE, NULL)};
	unsigned char in[64];
	HANDLE h = open_pipe();
	BOOL done;

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "E", 1));
	done = begun(ReadFile(h, in, sizeof(in), NULL, &o));
	CHECK(done);
	CHECK(shut(h));
	CHECK(finish(h, &o, done, 5000) == -1);
	CHECK(GetLastError() == ERROR_HANDLE_EOF);
	CloseHandle(o.hEvent);
	CloseHandle(h);
	return TRUE;
}

static BOOL a_sink_counts_a_megabyte(void)
{
	static unsigned char data[1 << 20];
	unsigned long long count = 0;
	HANDLE h = open_pipe();

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "S", 1));
	CHECK(put(h, data, sizeof(data)));
	CHECK(put(h, data, 513));
	CHECK(shut(h));
	CHECK(get_all(h, (unsigned char *)&count, 8));
	CHECK(count == sizeof(data) + 513);
	CloseHandle(h);
	return TRUE;
}

static BOOL source_check(HANDLE h, unsigned long long total)
{
	static unsigned char in[1 << 20];
	unsigned long long n = 0;

	while (n < total) {
		long got = get(h, in, sizeof(in));

		CHECK(got > 0);
		for (long i = 0; i < got; i++, n++)
			CHECK(in[i] == (unsigned char)(n + n / 251));
	}
	return TRUE;
}

static BOOL a_source_is_read_without_a_fault(void)
{
	HANDLE h = open_pipe();
	DWORD begin = GetTickCount(), ms;

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "G", 1));
	if (!source_check(h, 16 << 20))
		return FALSE;
	CloseHandle(h);
	ms = GetTickCount() - begin;
	printf("# 16 MiB in %lu ms\n", (unsigned long)ms);
	return TRUE;
}

static BOOL a_malformed_octet_resets_with_its_reason(void)
{
	struct tv_win_state s;
	unsigned char in[16];
	unsigned int known;
	HANDLE h = open_pipe();

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(state(h, &s));
	put(h, "?", 1);
	do {
		known = s.news;
		CHECK(s.state == 3 ||
		      ioctl(h, TV_IOCTL_WAIT, &known, sizeof(known), &s,
			    sizeof(s), 5000) == sizeof(s));
	} while (s.state != 3);
	CHECK(s.reason == 1);
	CHECK(get(h, in, sizeof(in)) == -1);
	CHECK(!put(h, "E", 1));
	CloseHandle(h);
	return TRUE;
}

static BOOL pipes_are_few_and_come_back(void)
{
	HANDLE a = open_pipe(), b = open_pipe(), c;

	CHECK(a != INVALID_HANDLE_VALUE && b != INVALID_HANDLE_VALUE);
	c = open_pipe();
	CHECK(c == INVALID_HANDLE_VALUE);
	CHECK(GetLastError() == ERROR_NO_SYSTEM_RESOURCES);
	CHECK(put(a, "Eaaaa", 5) && put(b, "Ebbbb", 5));
	CloseHandle(a);
	a = open_pipe();
	CHECK(a != INVALID_HANDLE_VALUE);
	/* Nothing of the former user is left. */
	CHECK(put(a, "Ecccc", 5));
	{
		unsigned char in[5] = "";

		CHECK(get_all(a, in, 4) && !memcmp(in, "cccc", 4));
		CHECK(get_all(b, in, 4) && !memcmp(in, "bbbb", 4));
	}
	CloseHandle(a);
	CloseHandle(b);
	return TRUE;
}

static BOOL a_closed_handle_ends_its_reads(void)
{
	for (int i = 0; i < 50; i++) {
		OVERLAPPED o[4];
		unsigned char in[4][64];
		HANDLE h = open_pipe();

		CHECK(h != INVALID_HANDLE_VALUE);
		CHECK(put(h, "E", 1));
		for (int k = 0; k < 4; k++) {
			o[k] = (OVERLAPPED){.hEvent = CreateEventA(
						    NULL, TRUE, FALSE, NULL)};
			ReadFile(h, in[k], 64, NULL, &o[k]);
		}
		CancelIo(h);
		for (int k = 0; k < 4; k++) {
			CHECK(WaitForSingleObject(o[k].hEvent, 5000) ==
			      WAIT_OBJECT_0);
			CloseHandle(o[k].hEvent);
		}
		CloseHandle(h);
	}
	return TRUE;
}

/* A cancel at every moment of a transfer's life; nothing is lost or doubled. */
static BOOL a_thousand_cancels_race_with_completion(void)
{
	unsigned char out[512], in[512];
	unsigned long long sent = 0, got = 0;
	int cancelled = 0;
	HANDLE h = open_pipe();

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "E", 1));
	srand(7);
	for (int i = 0; i < 1000; i++) {
		OVERLAPPED o = {.hEvent =
					CreateEventA(NULL, TRUE, FALSE, NULL)};
		DWORD moved = 0, len = 1 + (DWORD)rand() % sizeof(in);
		BOOL done;

		for (DWORD k = 0; k < len; k++)
			out[k] = (unsigned char)(sent + k);
		if (i % 3) {
			CHECK(put(h, out, len));
			sent += len;
		}
		done = ReadFile(h, in, sizeof(in), NULL, &o);
		for (volatile int spin = rand() % 20000; spin > 0; spin--)
			;
		if (!done)
			CancelIoEx(h, &o);
		if (GetOverlappedResult(h, &o, &moved, TRUE)) {
			for (DWORD k = 0; k < moved; k++)
				CHECK(in[k] == (unsigned char)(got + k));
			got += moved;
		} else {
			CHECK(GetLastError() == ERROR_OPERATION_ABORTED);
			cancelled++;
		}
		CloseHandle(o.hEvent);
	}
	while (got < sent) {
		long n = get(h, in, sizeof(in));

		CHECK(n > 0);
		for (long k = 0; k < n; k++)
			CHECK(in[k] == (unsigned char)(got + (unsigned)k));
		got += (unsigned long long)n;
	}
	CHECK(got == sent);
	printf("# %d of 1000 were cancelled\n", cancelled);
	CloseHandle(h);
	return TRUE;
}

static BOOL handles_do_not_leak(void)
{
	DWORD before = 0, after = 0;

	for (int i = 0; i < 100; i++) {
		HANDLE h = open_pipe();

		CHECK(h != INVALID_HANDLE_VALUE);
		CloseHandle(h);
		if (i == 10)
			GetProcessHandleCount(GetCurrentProcess(), &before);
	}
	GetProcessHandleCount(GetCurrentProcess(), &after);
	CHECK(after <= before + 2);
	return TRUE;
}

/* Reads the source until it breaks; says "moving" first. */
static BOOL a_vanished_device_ends_what_waits(void)
{
	unsigned char in[65536];
	HANDLE h = open_pipe(), g;
	DWORD begin;
	long n;

	CHECK(h != INVALID_HANDLE_VALUE);
	CHECK(put(h, "G", 1));
	CHECK(get(h, in, sizeof(in)) > 0);
	printf("# moving\n");
	fflush(stdout);
	begin = GetTickCount();
	while ((n = get(h, in, sizeof(in))) > 0)
		CHECK(GetTickCount() - begin < 20000);
	CHECK(GetLastError() != ERROR_SEM_TIMEOUT);
	CHECK(!put(h, "x", 1));
	CloseHandle(h);
	/* And the next one works. */
	for (int i = 0; i < 200; i++) {
		g = open_pipe();
		if (g != INVALID_HANDLE_VALUE)
			break;
		Sleep(50);
	}
	CHECK(g != INVALID_HANDLE_VALUE);
	CHECK(put(g, "Eagain", 6));
	CHECK(get_all(g, in, 5) && !memcmp(in, "again", 5));
	CloseHandle(g);
	return TRUE;
}

static BOOL nothing_is_there(void)
{
	char path[600];
	DWORD end = GetTickCount() + 8000;

	while (find(0, 0, path, sizeof(path)) && GetTickCount() < end)
		Sleep(50);
	CHECK(!find(0, 0, path, sizeof(path)));
	return TRUE;
}

static const struct {
	const char *name;
	BOOL (*run)(void);
} cases[] = {
#define CASE(name)                                                             \
	{                                                                      \
#name, name                                                    \
	}
	CASE(the_function_says_what_it_is),
	CASE(octets_come_back_at_every_size),
	CASE(the_end_is_seen_after_the_last_octet),
	CASE(a_waiting_read_ends_with_the_stream),
	CASE(a_sink_counts_a_megabyte),
	CASE(a_source_is_read_without_a_fault),
	CASE(a_malformed_octet_resets_with_its_reason),
	CASE(pipes_are_few_and_come_back),
	CASE(a_closed_handle_ends_its_reads),
	CASE(a_thousand_cancels_race_with_completion),
	CASE(handles_do_not_leak),
	CASE(a_vanished_device_ends_what_waits),
	CASE(nothing_is_there),
};

static int run(const char *name)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(name, cases[i].name))
			continue;
		if (cases[i].run()) {
			printf("ok %s\n", name);
			fflush(stdout);
			return 0;
		}
		printf("not ok %s: %s\n", name, failure);
		fflush(stdout);
		return 1;
	}
	printf("not ok %s: there is no such case\n", name);
	return 1;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= run(argv[i]);
	/* All but the last two need nothing done outside. */
	for (unsigned i = 0;
	     argc == 1 && i < sizeof(cases) / sizeof(cases[0]) - 2; i++)
		failed |= run(cases[i].name);
	return failed;
}
