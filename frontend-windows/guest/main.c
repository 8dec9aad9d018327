// SPDX-License-Identifier: MIT
/*
 * main.c - 2virt-guest.exe: offers the functions of 2Virt devices to programs
 * that know nothing of USB.
 *
 *   2virt-guest [--port N]      in a console, until Ctrl-C
 *   2virt-guest --install       as a service of LocalService, started at once
 *   2virt-guest --uninstall
 */
#include "frontend-windows/guest/guest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE L"2virt-guest"

enum { WEB_PORT = 8480 };

static HANDLE stop;
static SERVICE_STATUS_HANDLE service;
static unsigned short web_port = WEB_PORT;

void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static int run(void)
{
	WSADATA data;

	if (WSAStartup(MAKEWORD(2, 2), &data))
		return 1;
	return offer_run(stop, web_port);
}

/* ---- service -------------------------------------------------------------- */

static void report(DWORD state)
{
	SERVICE_STATUS status = {
		.dwServiceType = SERVICE_WIN32_OWN_PROCESS,
		.dwCurrentState = state,
		.dwControlsAccepted = SERVICE_ACCEPT_STOP,
	};

	SetServiceStatus(service, &status);
}

static DWORD WINAPI control(DWORD code, DWORD type, void *data, void *context)
{
	(void)type;
	(void)data;
	(void)context;
	if (code == SERVICE_CONTROL_STOP)
		SetEvent(stop);
	return code == SERVICE_CONTROL_STOP ||
			       code == SERVICE_CONTROL_INTERROGATE
		       ? NO_ERROR
		       : ERROR_CALL_NOT_IMPLEMENTED;
}

static void WINAPI service_main(DWORD argc, wchar_t **argv)
{
	(void)argc;
	(void)argv;
	service = RegisterServiceCtrlHandlerExW(SERVICE, control, NULL);
	report(SERVICE_RUNNING);
	run();
	report(SERVICE_STOPPED);
}

static int failed(const char *what)
{
	fprintf(stderr, "2virt-guest: %s: error %lu\n", what, GetLastError());
	return 1;
}

static int install(void)
{
	wchar_t program[MAX_PATH], command[MAX_PATH + 20];
	SC_HANDLE manager, entry;

	GetModuleFileNameW(NULL, program, MAX_PATH);
	_snwprintf(command, MAX_PATH + 20, L"\"%ls\" --service", program);
	command[MAX_PATH + 19] = 0;
	manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CREATE_SERVICE);
	if (!manager)
		return failed("service manager");
	entry = CreateServiceW(manager, SERVICE, L"2Virt guest service",
			       SERVICE_ALL_ACCESS, SERVICE_WIN32_OWN_PROCESS,
			       SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command,
			       NULL, NULL, NULL, L"NT AUTHORITY\\LocalService",
			       NULL);
	if (!entry)
		return failed("create the service");
	if (!StartServiceW(entry, 0, NULL))
		return failed("start the service");
	return 0;
}

static int uninstall(void)
{
	SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
	SC_HANDLE entry = OpenServiceW(manager, SERVICE, SERVICE_ALL_ACCESS);
	SERVICE_STATUS status;

	if (!entry)
		return failed("open the service");
	ControlService(entry, SERVICE_CONTROL_STOP, &status);
	return DeleteService(entry) ? 0 : failed("delete the service");
}

/* ---- command line --------------------------------------------------------- */

static BOOL WINAPI on_break(DWORD type)
{
	(void)type;
	SetEvent(stop);
	return TRUE;
}

static int usage(void)
{
	fprintf(stderr, "Usage: 2virt-guest [--port N]\n"
			"       2virt-guest --install | --uninstall\n");
	return 2;
}

int wmain(int argc, wchar_t **argv);

int wmain(int argc, wchar_t **argv)
{
	static const SERVICE_TABLE_ENTRYW table[] = {
		{(wchar_t *)SERVICE, service_main}, {NULL, NULL}};
	int port;

	stop = CreateEventA(NULL, TRUE, FALSE, NULL);
	if (argc == 2 && !wcscmp(argv[1], L"--install"))
		return install();
	if (argc == 2 && !wcscmp(argv[1], L"--uninstall"))
		return uninstall();
	if (argc == 2 && !wcscmp(argv[1], L"--service"))
		return StartServiceCtrlDispatcherW(table) ? 0
							  : failed("service");
	if (argc == 3 && !wcscmp(argv[1], L"--port")) {
		port = _wtoi(argv[2]);
		if (port < 1 || port > 65535 - FUNCTIONS_MAX)
			return usage();
		web_port = (unsigned short)port;
	} else if (argc != 1) {
		return usage();
	}
	SetConsoleCtrlHandler(on_break, TRUE);
	return run();
}
