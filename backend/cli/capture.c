// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture.c - "2virt capture": all transfers of a running device in a file.
 *
 * The capture socket of 2virt-device (backend/bus/capture_socket.h) gives the
 * octets of the file.  To stop is to end our own direction: what the device has
 * still to say follows, and then its end of file.  A device that does not come
 * to that within DRAIN_S is left.
 */
#include "backend/cli/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { DRAIN_S = 3, MAX_S = 1000000, BLOCK = 64 << 10 };

struct capture_options {
	const char *source;
	const char *file;
	long seconds; /* 0: until told to stop */
};

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: 2virt capture SOCKET -w FILE [--for SECONDS]\n"
		"Records all transfers of a device as pcapng, for Wireshark "
		"and tshark.\n\n"
		"  SOCKET         what 2virt-device got as --capture-socket\n"
		"  -w, --write FILE   - is standard output\n"
		"      --for SECONDS  then end; else with Ctrl-C\n");
}

static bool read_options(struct capture_options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{"write", required_argument, NULL, 'w'},
		{"for", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;
	char *end;

	optind = 0; /* glibc: begin anew, with this order of options */
	while ((option = getopt_long(argc, argv, "w:h", names, NULL)) != -1) {
		switch (option) {
		case 'w':
			options->file = optarg;
			break;
		case 'f':
			options->seconds = strtol(optarg, &end, 10);
			if (*end || options->seconds < 1 ||
			    options->seconds > MAX_S)
				return false;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			return false;
		}
	}
	if (optind != argc - 1 || !options->file)
		return false;
	options->source = argv[optind];
	return true;
}

static int complain(const char *what, const char *name)
{
	fprintf(stderr, "2virt capture: %s %s: %s\n", what, name,
		strerror(errno));
	return -1;
}

static int open_source(const char *text)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	const char *path = strncmp(text, "unix:", 5) == 0 ? text + 5 : text;
	int fd;

	if (strlen(path) >= sizeof(name.sun_path)) {
		errno = ENAMETOOLONG;
		return complain("cannot connect to", path);
	}
	strcpy(name.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0)
		return fd;
	complain("cannot connect to", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_file(const char *path)
{
	int fd;

	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	/* It may hold what passed: not for everybody. */
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : complain("cannot write", path);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	/* A reader of ours that is gone is an error to tell, not a death. */
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static bool write_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t written = write(fd, data, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		data += written;
		len -= (size_t)written;
	}
	return true;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Milliseconds to wait, for poll(). */
static int time_left(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	if (deadline == INT64_MAX)
		return -1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* The octets that came, or -1: told. */
static int64_t copy(int source, int file, int signals, long seconds)
{
	int64_t deadline = seconds ? now_ms() + seconds * 1000 : INT64_MAX;
	struct pollfd polls[] = {{source, POLLIN, 0}, {signals, POLLIN, 0}};
	static uint8_t block[BLOCK];
	bool ending = false;
	int64_t total = 0;

	for (;;) {
		int ready = poll(polls, 2, time_left(deadline));
		ssize_t got;

		if (ready < 0 && errno != EINTR)
			return complain("cannot", "wait");
		if (ready == 0 || polls[1].revents) {
			if (ending)
				return total;
			ending = true;
			polls[1].fd = -1;
			polls[1].revents = 0;
			shutdown(source, SHUT_WR);
			deadline = now_ms() + DRAIN_S * 1000;
			continue;
		}
		if (ready < 0 || !polls[0].revents)
			continue;
		got = read(source, block, sizeof(block));
		if (got < 0)
			return complain("the device's", "socket");
		if (got == 0)
			return total;
		if (!write_all(file, block, (size_t)got))
			return complain("cannot write", "the file");
		total += got;
	}
}

static int run(const struct capture_options *options)
{
	int signals = open_signals();
	int source = open_source(options->source);
	int file = source < 0 ? -1 : open_file(options->file);
	int64_t total = -1;

	if (file >= 0)
		total = copy(source, file, signals, options->seconds);
	if (total == 0)
		fprintf(stderr,
			"2virt capture: %s is captured by somebody "
			"else already\n",
			options->source);
	if (file >= 0 && close(file) < 0 && total > 0)
		total = complain("cannot write", options->file);
	if (source >= 0)
		close(source);
	if (signals >= 0)
		close(signals);
	return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int capture_command(int argc, char **argv)
{
	struct capture_options options = {NULL, NULL, 0};

	if (!read_options(&options, argc, argv)) {
		usage(stderr);
		return 2;
	}
	return run(&options);
}
