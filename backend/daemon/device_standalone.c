// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_standalone.c - 2virt-device without a broker.
 *
 * For a developer's own machine and for QEMU: what to serve and where stands
 * on the command line, and it runs with the rights of who started it.  A bus
 * of QEMU sockets has one socket for each device, a USB/IP server one for all.
 */
#define _GNU_SOURCE
#include "backend/daemon/device_standalone.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "backend/bus/address.h"
#include "backend/bus/capture.h"
#include "backend/bus/capture_socket.h"
#include "backend/bus/usbip.h"
#include "backend/bus/usbredir.h"
#include "backend/daemon/device_spec.h"
#include "backend/util/log.h"
#include "protocol/pipe.h"

enum { MAX_DEVICES = 31, LABEL_SIZE = 128 };

struct device_words {
	const char *functions[USB_DEVICE_MAX_FUNCTIONS];
	unsigned int count;
};

struct options {
	const char *buses[MAX_DEVICES];
	unsigned int bus_count;
	struct device_words devices[MAX_DEVICES];
	unsigned int device_count;
	const char *capture;
	const char *capture_socket;
	bool anywhere;
	enum log_level level;
};

struct standalone {
	uv_loop_t loop;
	uv_signal_t signals[2];
	struct web_service_set *services;
	struct usb_device *devices[MAX_DEVICES];
	struct capture *capture;
	struct capture_socket *capture_socket;
	struct bus *bus;
};

static const char usbip_prefix[] = "usbip:";
static const char usbredir_prefix[] = "usbredir:";

static bool has_prefix(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool device_standalone_wanted(const char *bus)
{
	return has_prefix(bus, usbip_prefix) ||
	       has_prefix(bus, usbredir_prefix);
}

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: 2virt-device --bus usbip:ADDRESS --device FUNCTION "
		"...\n"
		"       2virt-device {--bus usbredir:[connect:]ADDRESS "
		"--device FUNCTION} ...\n"
		"Serves devices without Xen: see docs/usbip.md, "
		"docs/qemu.md.\n\n"
		"  --device FUNCTION   a device: web:NAME=URL[,URL],\n"
		"                      char:NAME=unix:/PATH|tcp:ADDRESS:PORT|\n"
		"                      exec:COMMAND|serial:/PATH[,BAUD], "
		"diag,\n"
		"                      p2p:NAME[=[listen|connect][@LINK]],\n"
		"                      p2m:NAME=TAP[,MAC]\n"
		"  --with FUNCTION     one more function in the last device\n"
		"  --capture FILE      record all transfers as pcapng\n"
		"  --capture-socket ADDRESS\n"
		"                      give a recording to who connects: "
		"2virt capture\n"
		"  --listen-anywhere   allow addresses beyond this machine\n"
		"  --debug             say more\n"
		"ADDRESS is unix:/PATH, tcp:127.0.0.1:PORT or "
		"tcp:[::1]:PORT\n");
}

/* --- command line --------------------------------------------------------- */

static bool add_function(struct options *options, const char *text, bool with)
{
	struct device_words *device;

	if (!with) {
		if (options->device_count == MAX_DEVICES)
			return false;
		options->device_count++;
	}
	if (!options->device_count)
		return false;
	device = &options->devices[options->device_count - 1];
	if (device->count == USB_DEVICE_MAX_FUNCTIONS)
		return false;
	device->functions[device->count++] = text;
	return true;
}

static const char *parse_options(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"bus", required_argument, NULL, 'b'},
		{"device", required_argument, NULL, 'd'},
		{"with", required_argument, NULL, 'w'},
		{"capture", required_argument, NULL, 'c'},
		{"capture-socket", required_argument, NULL, 's'},
		{"listen-anywhere", no_argument, NULL, 'a'},
		{"debug", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 1;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == 'b') {
			if (options->bus_count == MAX_DEVICES ||
			    !device_standalone_wanted(optarg))
				return "that cannot be a --bus as well";
			options->buses[options->bus_count++] = optarg;
		} else if (option == 'd' || option == 'w') {
			if (!add_function(options, optarg, option == 'w'))
				return "too many --device, or --with before it";
		} else if (option == 'c') {
			options->capture = optarg;
		} else if (option == 's') {
			options->capture_socket = optarg;
		} else if (option == 'a') {
			options->anywhere = true;
		} else if (option == 'v') {
			options->level = LOG_LEVEL_DEBUG;
		} else if (option == 'h') {
			usage(stdout);
			exit(EXIT_SUCCESS);
		} else {
			return "no such option, or its argument is missing";
		}
	}
	if (optind != argc)
		return "there is an argument that is no option";
	if (!options->device_count)
		return "--device is missing";
	if (options->capture && options->capture_socket)
		return "--capture and --capture-socket exclude each other";
	if (has_prefix(options->buses[0], usbip_prefix))
		return options->bus_count == 1 ? NULL
					       : "one usbip bus is enough";
	for (unsigned int i = 0; i < options->bus_count; i++)
		if (has_prefix(options->buses[i], usbip_prefix))
			return "one kind of bus at a time";
	return options->bus_count == options->device_count
		       ? NULL
		       : "each usbredir --bus is for one --device";
}

/* --- buses ---------------------------------------------------------------- */

static bool read_address(const struct options *options, const char *text,
			 struct address *address)
{
	if (address_parse(address, text) < 0) {
		log_error("\"%s\" is no address: unix:/PATH or "
			  "tcp:NUMBER:PORT",
			  text);
		return false;
	}
	if (address_is_local(address) || options->anywhere)
		return true;
	log_error("\"%s\" can be reached from other machines, and who reaches "
		  "it has the devices: refused without --listen-anywhere",
		  text);
	return false;
}

static int open_listener(const struct options *options, const char *text)
{
	struct address address;
	int fd;

	if (!read_address(options, text, &address))
		return -EINVAL;
	fd = address_listen(&address, 0600);
	if (fd < 0)
		log_error("cannot listen on %s: %s", text, strerror(-fd));
	return fd;
}

static struct bus *open_usbip(struct standalone *standalone,
			      const struct options *options)
{
	int listener = open_listener(options,
				     options->buses[0] + strlen(usbip_prefix));

	if (listener < 0)
		return NULL;
	return bus_usbip_create(&(struct bus_usbip_config){
		.loop = &standalone->loop,
		.port_count = options->device_count,
		.listener = listener,
	});
}

static struct bus *open_usbredir(struct standalone *standalone,
				 const struct options *options)
{
	struct bus_usbredir_socket sockets[MAX_DEVICES];
	unsigned int opened = 0;

	for (; opened < options->bus_count; opened++) {
		const char *text =
			options->buses[opened] + strlen(usbredir_prefix);
		struct bus_usbredir_socket *at = &sockets[opened];

		at->listener = -1;
		if (has_prefix(text, "connect:")) {
			if (!read_address(options, text + strlen("connect:"),
					  &at->peer))
				goto err_close;
			continue;
		}
		at->listener = open_listener(options, text);
		if (at->listener < 0)
			goto err_close;
	}
	return bus_usbredir_create(&(struct bus_usbredir_config){
		.loop = &standalone->loop,
		.port_count = options->bus_count,
		.sockets = sockets,
	});
err_close:
	while (opened--)
		if (sockets[opened].listener >= 0)
			close(sockets[opened].listener);
	return NULL;
}

/* --- devices -------------------------------------------------------------- */

static struct usb_device *make_device(struct standalone *standalone,
				      const struct device_words *words)
{
	const struct device_spec spec = {&standalone->loop,
					 standalone->services};
	struct usb_function *functions[USB_DEVICE_MAX_FUNCTIONS];
	char label[DEVICE_SPEC_LABEL];
	char serial[DEVICE_SPEC_LABEL];
	char product[LABEL_SIZE];
	unsigned int made = 0;

	for (; made < words->count; made++) {
		functions[made] =
			device_spec_make(&spec, words->functions[made], label);
		if (!functions[made])
			goto err_destroy;
		if (!made)
			strcpy(serial, label);
	}
	snprintf(product, sizeof(product), "2Virt %.*s",
		 (int)strcspn(serial, "-"), serial);
	return usb_device_create(
		&(struct usb_device_identity){
			.vendor_id = TV_USB_VENDOR_ID,
			.product_id = TV_USB_PRODUCT_ID,
			.release = 0x0100,
			.manufacturer = "2Virt",
			.product = made > 1 ? "2Virt device" : product,
			.serial = serial,
		},
		functions, made);
err_destroy:
	while (made--)
		functions[made]->ops->destroy(functions[made]);
	return NULL;
}

/* capture NULL: no more. */
static void tap_device(struct standalone *standalone, unsigned int index,
		       struct capture *capture)
{
	usb_device_set_tap(
		standalone->devices[index],
		capture ? capture_tap(capture, 1, (uint8_t)(index + 1)) : NULL);
}

static bool plug_devices(struct standalone *standalone,
			 const struct options *options)
{
	for (unsigned int i = 0; i < options->device_count; i++) {
		struct usb_device *device =
			make_device(standalone, &options->devices[i]);

		if (!device)
			return false;
		standalone->devices[i] = device;
		if (standalone->capture)
			tap_device(standalone, i, standalone->capture);
		if (bus_plug(standalone->bus, i + 1, device) < 0) {
			standalone->devices[i] = NULL;
			usb_device_destroy(device);
			return false;
		}
	}
	return true;
}

static void tap_devices(void *context, struct capture *capture)
{
	struct standalone *standalone = context;

	for (unsigned int i = 0; i < MAX_DEVICES; i++)
		if (standalone->devices[i])
			tap_device(standalone, i, capture);
}

static bool open_capture_socket(struct standalone *standalone,
				const struct options *options)
{
	int listener = open_listener(options, options->capture_socket);

	if (listener < 0)
		return false;
	standalone->capture_socket = capture_socket_create(
		&standalone->loop, listener, tap_devices, standalone);
	return standalone->capture_socket != NULL;
}

static bool start_capture(struct standalone *standalone, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY,
		      0600);

	if (fd < 0) {
		log_error("cannot write %s: %s", path, strerror(errno));
		return false;
	}
	standalone->capture = capture_create(fd, CAPTURE_SNAP_LEN);
	return standalone->capture != NULL;
}

/* --- running -------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int number)
{
	uv_stop(signal->loop);
}

static void close_handle(uv_handle_t *handle, void *context)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static bool start(struct standalone *standalone, const struct options *options)
{
	static const int numbers[] = {SIGINT, SIGTERM};

	for (unsigned int i = 0; i < 2; i++) {
		uv_signal_init(&standalone->loop, &standalone->signals[i]);
		uv_signal_start(&standalone->signals[i], on_signal, numbers[i]);
	}
	standalone->services =
		web_service_set_create(&(struct web_service_set_config){
			.loop = &standalone->loop,
			.domain_name = "standalone",
			.domain_uuid = "00000000-0000-0000-0000-000000000000",
		});
	if (!standalone->services)
		return false;
	if (options->capture && !start_capture(standalone, options->capture))
		return false;
	standalone->bus = has_prefix(options->buses[0], usbip_prefix)
				  ? open_usbip(standalone, options)
				  : open_usbredir(standalone, options);
	if (!standalone->bus || !plug_devices(standalone, options))
		return false;
	return !options->capture_socket ||
	       open_capture_socket(standalone, options);
}

static void stop(struct standalone *standalone)
{
	/* Before the devices that it taps. */
	capture_socket_destroy(standalone->capture_socket);
	/* Ends transfers, so the capture has their ends. */
	bus_destroy(standalone->bus);
	capture_destroy(standalone->capture);
	if (standalone->services)
		web_service_set_destroy(standalone->services);
	for (unsigned int i = 0; i < 2; i++)
		close_handle((uv_handle_t *)&standalone->signals[i], NULL);
	/* Programs of char functions get their time to go. */
	uv_run(&standalone->loop, UV_RUN_DEFAULT);
	uv_loop_close(&standalone->loop);
}

int device_standalone_main(int argc, char **argv)
{
	struct options options = {.level = LOG_LEVEL_INFO};
	struct standalone standalone = {.capture = NULL};
	const char *why = parse_options(&options, argc, argv);
	bool started;

	if (why) {
		fprintf(stderr, "2virt-device: %s\n", why);
		usage(stderr);
		return 2;
	}
	log_init("2virt-device", options.level);
	signal(SIGPIPE, SIG_IGN);
	if (uv_loop_init(&standalone.loop) < 0)
		return EXIT_FAILURE;
	started = start(&standalone, &options);
	if (started) {
		log_info("%u device(s) ready", options.device_count);
		uv_run(&standalone.loop, UV_RUN_DEFAULT);
	}
	stop(&standalone);
	return started ? EXIT_SUCCESS : EXIT_FAILURE;
}
