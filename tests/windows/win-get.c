// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * win-get.c - a Windows program that knows only sockets: GET / of a service
 * through 2virt-guest.exe's loopback port, the body to standard output.
 *
 *   win-get PORT SERVICE [TIMES]
 */
#include <winsock2.h>

#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static SOCKET dial(unsigned short port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port)};
	DWORD end = GetTickCount() + 15000;
	SOCKET s;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	do {
		s = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(s, (struct sockaddr *)&address, sizeof(address)))
			return s;
		closesocket(s);
		Sleep(100);
	} while (GetTickCount() < end);
	return INVALID_SOCKET;
}

static int get(unsigned short port, const char *service)
{
	static char text[1 << 20];
	int len = 0, n;
	SOCKET s = dial(port);
	char *body;

	if (s == INVALID_SOCKET)
		return 1;
	n = snprintf(text, sizeof(text),
		     "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
		     service);
	if (send(s, text, n, 0) != n)
		return 1;
	while ((n = recv(s, text + len, (int)sizeof(text) - 1 - len, 0)) > 0)
		len += n;
	text[len] = 0;
	closesocket(s);
	body = strstr(text, "\r\n\r\n");
	if (strncmp(text, "HTTP/1.1 200", 12) || !body) {
		printf("answer: %.60s\n", text);
		return 1;
	}
	printf("%s", body + 4);
	return 0;
}

int main(int argc, char **argv)
{
	int times = argc > 3 ? atoi(argv[3]) : 1, failed = 0;
	WSADATA data;

	if (argc < 3 || WSAStartup(MAKEWORD(2, 2), &data))
		return 2;
	while (times-- > 0)
		failed |= get((unsigned short)atoi(argv[1]), argv[2]);
	return failed;
}
