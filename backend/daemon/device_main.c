// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_main.c - 2virt-device: the firmware of one controller.
 *
 * Started by 2virtd with a socket on descriptor 3; what it serves comes from
 * there.  On a bus of sockets it needs no broker: device_standalone.c.
 */
#define _GNU_SOURCE /* close_range */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "backend/daemon/device.h"
#include "backend/daemon/device_standalone.h"
#include "backend/daemon/trim.h"
#include "backend/util/log.h"
#include "backend/util/stdio.h"
#include "config.h"

static const struct device_bus *const buses[] = {&device_bus_xen};

static void usage(FILE *out)
{
	fprintf(out, "Usage: 2virt-device --bus BUS\n"
		     "Serves the 2Virt devices of one controller; started by "
		     "2virtd, not by hand,\nunless the bus is usbip:ADDRESS "
		     "or usbredir:ADDRESS (2virt-device(8)).\n\n"
		     "  --bus BUS   what the devices are plugged into: xen\n"
		     "  --help      this text\n"
		     "  --version   the version\n");
}

static const struct device_bus *bus_find(const char *name)
{
	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]); i++)
		if (strcmp(buses[i]->name, name) == 0)
			return buses[i];
	return NULL;
}

static int run(const struct device_bus *bus)
{
	struct device *device = NULL;
	struct trim trim;
	uv_loop_t loop;
	int error;

	if (uv_loop_init(&loop))
		return EXIT_FAILURE;
	error = device_start(&loop, bus, MESSAGE_SOCKET_FD, &device);
	if (error)
		return EXIT_FAILURE;
	trim_start(&trim, &loop);
	uv_run(&loop, UV_RUN_DEFAULT);
	/* As a crash: nothing is to be told to the guest or the journal. */
	if (!device_is_stopped(device))
		_exit(EXIT_FAILURE);
	device_destroy(device);
	trim_stop(&trim);
	/* Close callbacks; whatever else is left dies with the process. */
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_loop_close(&loop);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"bus", required_argument, NULL, 'b'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	const struct device_bus *bus = NULL;
	int option;

	stdio_ensure();
	log_init("2virt-device", LOG_LEVEL_INFO);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			if (device_standalone_wanted(optarg))
				return device_standalone_main(argc, argv);
			bus = bus_find(optarg);
			if (bus)
				break;
			fprintf(stderr,
				"2virt-device: no bus is called \"%s\"\n",
				optarg);
			return 2;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("2virt-device %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc)
		fprintf(stderr, "2virt-device: \"%s\" is no option\n",
			argv[optind]);
	else if (!bus)
		fprintf(stderr, "2virt-device: --bus is missing\n");
	if (!bus || optind != argc) {
		usage(stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	/* Nothing else is meant for us, so nothing else can be had from us. */
	close_range(MESSAGE_SOCKET_FD + 1, ~0u, 0);
	return run(bus);
}
