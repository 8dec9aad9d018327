// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - 2virt-guest: command line, start and end of the daemon.
 */
#include "config.h"

#include "client.h"
#include "guest.h"
#include "log.h"
#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

enum {
	EXIT_USAGE = 2,
	STOP_MS = 3000, /* for devices to give their transfers back */
	OPTION_VERSION = 256,
	OPTION_JSON,
	OPTION_DIR,
	OPTION_GROUP,
	OPTION_MODE,
	OPTION_WEB_LISTEN,
	OPTION_WEB_NAME,
};

static const char usage[] =
	"Usage: 2virt-guest [run] [OPTION]...\n"
	"       2virt-guest list [--json]\n"
	"       2virt-guest connect TYPE:NAME\n"
	"Offers the functions of 2Virt devices to local programs, each on\n"
	"/run/2virt/TYPE/NAME.sock.\n"
	"\n"
	"  run              follow plug and unplug, in the foreground\n"
	"  list             show what is plugged in\n"
	"  connect          join stdin and stdout to a function\n"
	"\n"
	"  -c, --config FILE      read FILE (default " GUEST_CONFIG_FILE ")\n"
	"      --web-listen ADDR  offer the web function on a loopback "
	"address\n"
	"                         too, as 127.0.0.1:8080\n"
	"      --web-name NAME    the web function that is meant (default)\n"
	"      --runtime-dir DIR  folder of the sockets (/run/2virt)\n"
	"      --group GROUP      who may use them (2virt, if there is one)\n"
	"      --mode MODE        and how (0660)\n"
	"      --json             list as JSON\n"
	"  -v, --verbose          say more\n"
	"  -h, --help             show this\n"
	"      --version          show the version\n";

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"web-listen", required_argument, NULL, OPTION_WEB_LISTEN},
	{"web-name", required_argument, NULL, OPTION_WEB_NAME},
	{"runtime-dir", required_argument, NULL, OPTION_DIR},
	{"group", required_argument, NULL, OPTION_GROUP},
	{"mode", required_argument, NULL, OPTION_MODE},
	{"json", no_argument, NULL, OPTION_JSON},
	{"verbose", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

struct daemon {
	struct guest *guest;
	uv_signal_t term;
	uv_signal_t interrupt;
	uv_timer_t stop;
	bool stopping;
	bool stuck;
};

static void stop_cb(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	log_warning("a device does not give its transfers back, leaving them");
	daemon->stuck = true;
	uv_stop(timer->loop);
}

static void signal_cb(uv_signal_t *signal, int number)
{
	struct daemon *daemon = signal->data;

	if (daemon->stopping)
		return;
	daemon->stopping = true;
	guest_stop(daemon->guest);
	uv_close((uv_handle_t *)&daemon->term, NULL);
	uv_close((uv_handle_t *)&daemon->interrupt, NULL);
	uv_timer_start(&daemon->stop, stop_cb, STOP_MS, 0);
	uv_unref((uv_handle_t *)&daemon->stop);
}

/* Tells systemd that the daemon is ready (sd_notify(3)), if it asked for it. */
static void ready_notify(void)
{
	static const char message[] = "READY=1";
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t len;
	int fd;

	if (!path || (path[0] != '/' && path[0] != '@') ||
	    strlen(path) >= sizeof(address.sun_path))
		return;
	strcpy(address.sun_path, path);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			  strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, message, strlen(message), MSG_NOSIGNAL,
		   (struct sockaddr *)&address, len) < 0)
		log_debug("systemd cannot be told: %s", strerror(errno));
	close(fd);
}

static int daemon_run(const struct settings *settings)
{
	struct daemon daemon = {0};
	uv_loop_t *loop = uv_default_loop();

#ifdef __GLIBC__
	/* Give large buffers back to the system when they are freed. */
	mallopt(M_MMAP_THRESHOLD, 64 * 1024);
	mallopt(M_ARENA_MAX, 1);
#endif
	signal(SIGPIPE, SIG_IGN);
	if (guest_create(&daemon.guest, loop, settings))
		return EXIT_FAILURE;
	uv_signal_init(loop, &daemon.term);
	uv_signal_init(loop, &daemon.interrupt);
	uv_timer_init(loop, &daemon.stop);
	daemon.term.data = &daemon;
	daemon.interrupt.data = &daemon;
	daemon.stop.data = &daemon;
	uv_signal_start(&daemon.term, signal_cb, SIGTERM);
	uv_signal_start(&daemon.interrupt, signal_cb, SIGINT);
	ready_notify();
	uv_run(loop, UV_RUN_DEFAULT);
	if (daemon.stuck)
		_exit(EXIT_SUCCESS); /* the kernel takes the rest */
	uv_close((uv_handle_t *)&daemon.stop, NULL);
	guest_free(daemon.guest);
	uv_loop_close(loop);
	return EXIT_SUCCESS;
}

/* Options of the command line go over those of the file. */
struct overrides {
	const char *section;
	const char *key;
	const char *option;
	const char *value;
};

static int settings_load(struct settings *settings, const char *file,
			 const struct overrides *overrides, size_t count)
{
	const char *path = file ? file : GUEST_CONFIG_FILE;
	int rc;

	settings_init(settings);
	rc = settings_read(settings, path);
	if (rc == -ENOENT && file) {
		log_error("%s: cannot be read", path);
		return rc;
	}
	if (rc && rc != -ENOENT)
		return rc;
	for (size_t i = 0; i < count; i++) {
		const struct overrides *o = &overrides[i];
		const char *why;

		if (o->value && settings_set(settings, o->section, o->key,
					     o->value, &why)) {
			log_error("--%s %s: %s", o->option, o->value, why);
			return -EINVAL;
		}
	}
	return 0;
}

/*
 * Opens /dev/null on those of the standard descriptors that are closed, or the
 * next file that is opened would be one of them (libuv aborts over that).
 */
static void stdio_ensure(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct overrides overrides[] = {
		{"socket", "dir", "runtime-dir", NULL},
		{"socket", "group", "group", NULL},
		{"socket", "mode", "mode", NULL},
		{"web", "listen", "web-listen", NULL},
		{"web", "name", "web-name", NULL},
	};
	const size_t override_count = sizeof(overrides) / sizeof(overrides[0]);
	enum log_level level = LOG_LEVEL_INFO;
	const char *file = NULL;
	const char *command = "run";
	const char *argument = NULL;
	struct settings settings;
	bool json = false;
	int c;

	stdio_ensure();
	while ((c = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			file = optarg;
			break;
		case 'v':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		case OPTION_VERSION:
			puts("2virt-guest " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case OPTION_JSON:
			json = true;
			break;
		case OPTION_DIR:
			overrides[0].value = optarg;
			break;
		case OPTION_GROUP:
			overrides[1].value = optarg;
			break;
		case OPTION_MODE:
			overrides[2].value = optarg;
			break;
		case OPTION_WEB_LISTEN:
			overrides[3].value = optarg;
			break;
		case OPTION_WEB_NAME:
			overrides[4].value = optarg;
			break;
		default:
			fputs("Try '2virt-guest --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc)
		command = argv[optind++];
	if (optind < argc)
		argument = argv[optind++];
	if (optind < argc || (argument && strcmp(command, "connect") != 0)) {
		fputs("Too many arguments. Try '2virt-guest --help'.\n",
		      stderr);
		return EXIT_USAGE;
	}

	guest_log_init(level);
	if (settings_load(&settings, file, overrides, override_count))
		return EXIT_USAGE;
	if (strcmp(command, "run") == 0)
		return daemon_run(&settings);
	if (strcmp(command, "list") == 0)
		return client_list(settings.runtime_dir, json);
	if (strcmp(command, "connect") == 0 && argument)
		return client_connect(settings.runtime_dir, argument);
	fputs("Try '2virt-guest --help'.\n", stderr);
	return EXIT_USAGE;
}
