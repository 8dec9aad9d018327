// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * win-install.c - runs under Wine: installs the simulator's root device and the
 * drivers from their INF files, as an administrator would, and keeps them until
 * a line comes on standard input; then removes the root device.
 *
 *   win-install xensim.inf DRIVER.inf...
 */
#include <windows.h>

#include <setupapi.h>

#include <newdev.h>
#include <stdio.h>

static int step(const char *what, BOOL good)
{
	if (good)
		printf("%s: done\n", what);
	else
		printf("%s: error %lx\n", what, (unsigned long)GetLastError());
	fflush(stdout);
	return good;
}

int main(int argc, char **argv)
{
	static const GUID none;
	static const char id[] = "ROOT\\XENSIM\0";
	SP_DEVINFO_DATA device = {.cbSize = sizeof(device)};
	char path[MAX_PATH], line[16];
	BOOL reboot;
	HDEVINFO set;
	int i;

	for (i = 2; i < argc; i++) {
		GetFullPathNameA(argv[i], sizeof(path), path, NULL);
		if (!step(argv[i], SetupCopyOEMInfA(path, NULL, 0, 0, NULL, 0,
						    NULL, NULL)))
			return 1;
	}
	set = SetupDiCreateDeviceInfoList(NULL, NULL);
	if (!step("device",
		  SetupDiCreateDeviceInfoA(set, "root\\xensim\\0", &none, NULL,
					   NULL, 0, &device)) ||
	    !step("hardware id", SetupDiSetDeviceRegistryPropertyA(
					 set, &device, SPDRP_HARDWAREID,
					 (const BYTE *)id, sizeof(id))) ||
	    !step("register",
		  SetupDiCallClassInstaller(DIF_REGISTERDEVICE, set, &device)))
		return 1;
	GetFullPathNameA(argv[1], sizeof(path), path, NULL);
	if (!step("start", UpdateDriverForPlugAndPlayDevicesA(
				   NULL, "ROOT\\XENSIM", path,
				   INSTALLFLAG_FORCE, &reboot)))
		return 1;
	printf("ready\n");
	fflush(stdout);
	fgets(line, sizeof(line), stdin);
	step("remove", SetupDiCallClassInstaller(DIF_REMOVE, set, &device));
	return 0;
}
