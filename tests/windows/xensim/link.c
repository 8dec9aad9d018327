// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link.c - the simulator's way to Linux: raw system calls, because a Wine
 * process is a Linux process, and neither unix sockets nor a mapping in the
 * middle of a 2 GiB file can be had through the NT API without a detour.
 *
 * The socket's name comes from TV_SIM_SOCKET of the environment that Wine was
 * started with.
 */
#include "tests/windows/xensim/sim.h"

#include <stdarg.h>
#include <stdio.h>

#include "tests/fake-xen/layout.h"

enum {
	LINUX_READ = 0,
	LINUX_WRITE = 1,
	LINUX_OPEN = 2,
	LINUX_CLOSE = 3,
	LINUX_MMAP = 9,
	LINUX_YIELD = 24,
	LINUX_SOCKET = 41,
	LINUX_CONNECT = 42,
};

PUCHAR sim_memory;
ULONG sim_first_frame, sim_frames;
struct fx_domain *sim_domain;

static int questions = -1, events = -1;
static volatile LONG asking;
static char socket_path[100] = "/tmp/2virt-sim.socket";

__declspec(dllimport) HANDLE
	__stdcall CreateThread(PVOID, SIZE_T, PVOID, PVOID, ULONG, ULONG *);

long long sim_syscall(long number, long long a, long long b, long long c,
		      long long d, long long e, long long f)
{
	register long long r10 __asm__("r10") = d;
	register long long r8 __asm__("r8") = e;
	register long long r9 __asm__("r9") = f;
	long long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long long)number), "D"(a), "S"(b), "d"(c),
			   "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

VOID sim_lock(volatile LONG *lock)
{
	while (InterlockedExchange(lock, 1))
		sim_syscall(LINUX_YIELD, 0, 0, 0, 0, 0, 0);
}

VOID sim_unlock(volatile LONG *lock)
{
	InterlockedExchange(lock, 0);
}

struct start {
	VOID (*function)(PVOID);
	PVOID argument;
};

static ULONG __stdcall thread(PVOID context)
{
	struct start start = *(struct start *)context;

	ExFreePool(context);
	start.function(start.argument);
	return 0;
}

HANDLE sim_thread(VOID (*function)(PVOID), PVOID argument)
{
	struct start *start = ExAllocatePool(NonPagedPool, sizeof(*start));

	start->function = function;
	start->argument = argument;
	return CreateThread(NULL, 0, thread, start, 0, NULL);
}

static BOOLEAN all(long number, int fd, PVOID data, ULONG len)
{
	ULONG at = 0;

	while (at < len) {
		long long n =
			sim_syscall(number, fd, (long long)((PUCHAR)data + at),
				    len - at, 0, 0, 0);

		if (n == -4)
			continue;
		if (n <= 0)
			return FALSE;
		at += (ULONG)n;
	}
	return TRUE;
}

static int open_socket(void)
{
	struct {
		unsigned short family;
		char path[108];
	} address = {1, ""};
	int fd = (int)sim_syscall(LINUX_SOCKET, 1, 1, 0, 0, 0, 0);

	RtlCopyMemory(address.path, socket_path, sizeof(socket_path));
	if (fd < 0 || sim_syscall(LINUX_CONNECT, fd, (long long)&address,
				  sizeof(address), 0, 0, 0) < 0)
		return -1;
	return fd;
}

LONG sim_ask(ULONG op, ULONG a, ULONG b, const VOID *data, ULONG len,
	     ULONG *value, PCHAR *out)
{
	struct wire_head head = {op, a, b, len};
	PCHAR text = NULL;

	sim_lock(&asking);
	if (!all(LINUX_WRITE, questions, &head, sizeof(head)) ||
	    !all(LINUX_WRITE, questions, (PVOID)data, len) ||
	    !all(LINUX_READ, questions, &head, sizeof(head)))
		goto err_gone;
	if (head.len) {
		text = ExAllocatePool(NonPagedPool, head.len + 2);
		if (!all(LINUX_READ, questions, text, head.len))
			goto err_gone;
		text[head.len] = text[head.len + 1] = 0;
	}
	sim_unlock(&asking);
	if (value)
		*value = head.a;
	if (out)
		*out = text;
	else if (text)
		ExFreePool(text);
	return (LONG)head.op;

err_gone:
	sim_unlock(&asking);
	return -5;
}

VOID sim_say(const CHAR *format, ...)
{
	char text[400];
	va_list args;
	int n;

	va_start(args, format);
	n = _vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0)
		n = sizeof(text) - 1;
	text[n] = 0;
	if (questions >= 0)
		sim_ask(WIRE_SAY, 0, 0, text, (ULONG)n, NULL, NULL);
	else
		DbgPrint("%s\n", text);
}

static VOID order(PVOID text)
{
	sim_order(text);
	ExFreePool(text);
}

static VOID listen(PVOID unused)
{
	struct wire_head head;
	PCHAR text;

	UNREFERENCED_PARAMETER(unused);
	while (all(LINUX_READ, events, &head, sizeof(head))) {
		switch (head.op) {
		case WIRE_EVENT:
			sim_event(head.a);
			break;
		case WIRE_FIRED:
			sim_watch(head.a);
			break;
		case WIRE_ORDER:
			text = ExAllocatePool(NonPagedPool, head.len + 1);
			if (!all(LINUX_READ, events, text, head.len))
				return;
			text[head.len] = 0;
			/* It may wait for events that come here. */
			ZwClose(sim_thread(order, text));
			break;
		}
	}
}

static VOID find_socket(VOID)
{
	static const char name[] = "TV_SIM_SOCKET=";
	int fd = (int)sim_syscall(LINUX_OPEN, (long long)"/proc/self/environ",
				  0, 0, 0, 0, 0);
	PCHAR text = ExAllocatePool(NonPagedPool, 65536);
	long long n = 0, got = 0, i;

	while (fd >= 0 && n < 65535 &&
	       (got = sim_syscall(LINUX_READ, fd, (long long)(text + n),
				  65535 - n, 0, 0, 0)) > 0)
		n += got;
	text[n < 0 ? 0 : n] = 0;
	for (i = 0; i < n; i += (long long)strlen(text + i) + 1)
		if (!strncmp(text + i, name, sizeof(name) - 1))
			strncpy(socket_path, text + i + sizeof(name) - 1,
				sizeof(socket_path) - 1);
	sim_syscall(LINUX_CLOSE, fd, 0, 0, 0, 0, 0);
	ExFreePool(text);
}

static PUCHAR map(int fd, unsigned long long offset, unsigned long long size)
{
	long long at = sim_syscall(LINUX_MMAP, 0, (long long)size, 3, 1, fd,
				   (long long)offset);

	return at < 0 && at > -4096 ? NULL : (PUCHAR)at;
}

BOOLEAN sim_link_open(VOID)
{
	struct wire_hello *hello;
	PCHAR answer = NULL;
	int file;

	if (questions >= 0)
		return TRUE;
	find_socket();
	questions = open_socket();
	events = open_socket();
	if (questions < 0 || events < 0 ||
	    sim_ask(WIRE_HELLO, 0, 0, NULL, 0, NULL, &answer) || !answer)
		return FALSE;
	hello = (PVOID)answer;
	file = (int)sim_syscall(LINUX_OPEN, (long long)hello->path, 2, 0, 0, 0,
				0);
	if (file < 0)
		return FALSE;
	sim_domain = (PVOID)map(file, hello->domain_offset,
				sizeof(struct fx_domain));
	sim_memory = map(file, hello->memory_offset, hello->memory_size);
	sim_first_frame = hello->first_frame;
	sim_frames = hello->frames;
	sim_syscall(LINUX_CLOSE, file, 0, 0, 0, 0, 0);
	ExFreePool(answer);
	if (!sim_domain || !sim_memory)
		return FALSE;
	ZwClose(sim_thread(listen, NULL));
	return TRUE;
}
