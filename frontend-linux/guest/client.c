// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client.c - the commands of 2virt-guest that talk to the running daemon.
 *
 * Plain blocking code: a client has one connection and nothing else to do.
 */
#include "client.h"

#include "directory.h"
#include "guest.h"
#include "name.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { RELAY_BUFFER = 64 * 1024 };

/* A connected socket or a negative errno. */
static int socket_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* Rows from the daemon, or a negative errno. */
static int rows_ask(const char *runtime_dir, struct status_row *rows)
{
	char path[256], line[8 * STATUS_FIELD_MAX];
	int count = 0;
	FILE *in;
	int fd;

	snprintf(path, sizeof(path), "%s/" GUEST_CONTROL_NAME, runtime_dir);
	fd = socket_connect(path);
	if (fd < 0)
		return fd;
	in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return -ENOMEM;
	}
	if (!fgets(line, sizeof(line), in) || strcmp(line, STATUS_HEAD) != 0)
		goto err_protocol;
	while (count < STATUS_ROWS_MAX && fgets(line, sizeof(line), in)) {
		line[strcspn(line, "\n")] = '\0';
		if (status_row_read(&rows[count], line))
			goto err_protocol;
		count++;
	}
	fclose(in);
	return count;

err_protocol:
	fclose(in);
	return -EPROTO;
}

/* What a web function's platform says of grants, or NULL. */
static struct directory *row_ask(const struct status_row *row)
{
	struct directory *directory = NULL;
	int error;

	if (strcmp(row->type, "web") != 0 || row->socket[0] != '/')
		return NULL;
	error = directory_ask(&directory, row->socket);
	if (error)
		fprintf(stderr,
			"2virt-guest: %s:%s does not tell its grants: %s\n",
			row->type, row->name, strerror(-error));
	return directory;
}

static void row_add_grants(FILE *out, const struct status_row *row)
{
	struct directory *directory = row_ask(row);

	if (!directory)
		return;
	fputs(", \"directory\": ", out);
	directory_print_json(out, directory);
	directory_free(directory);
}

static void rows_print_grants(const struct status_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct directory *directory = row_ask(&rows[i]);

		if (!directory)
			continue;
		fputc('\n', stdout);
		directory_print_table(stdout, directory);
		directory_free(directory);
	}
}

int client_list(const char *runtime_dir, bool json)
{
	struct status_row *rows = calloc(STATUS_ROWS_MAX, sizeof(*rows));
	int count;

	if (!rows)
		return EXIT_FAILURE;
	count = rows_ask(runtime_dir, rows);
	if (count == -ENOENT || count == -ECONNREFUSED) {
		fprintf(stderr, "2virt-guest: no daemon is running\n");
		count = (int)guest_look(rows, STATUS_ROWS_MAX);
	}
	if (count < 0) {
		fprintf(stderr, "2virt-guest: the daemon does not answer: %s\n",
			strerror(-count));
		free(rows);
		return EXIT_FAILURE;
	}
	if (json) {
		status_print_json(stdout, rows, (size_t)count, row_add_grants);
	} else {
		status_print_table(stdout, rows, (size_t)count);
		rows_print_grants(rows, (size_t)count);
	}
	free(rows);
	return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* One direction of the relay: from a descriptor through a buffer to another.
 */
struct direction {
	int from;
	int to;
	size_t offset;
	size_t len;
	bool ended;  /* from has ended */
	bool passed; /* and to has been told */
	char data[RELAY_BUFFER];
};

/* Moves what can be moved; -1 with errno set when it broke. */
static int direction_move(struct direction *direction, bool readable,
			  bool writable)
{
	ssize_t n;

	if (direction->len == 0 && readable && !direction->ended) {
		n = read(direction->from, direction->data, RELAY_BUFFER);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		direction->ended = n == 0;
		direction->offset = 0;
		direction->len = n > 0 ? (size_t)n : 0;
	}
	if (direction->len && writable) {
		n = write(direction->to, direction->data + direction->offset,
			  direction->len);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -1;
		if (n > 0) {
			direction->offset += (size_t)n;
			direction->len -= (size_t)n;
		}
	}
	return 0;
}

static bool direction_done(const struct direction *direction)
{
	return direction->ended && direction->len == 0;
}

/*
 * Who reads our output learns that there is no more, while we go on with the
 * input: ssh(1) waits for that end before it ends our input.
 */
static void output_end(int fd)
{
	int null;

	if (shutdown(fd, SHUT_WR) == 0)
		return;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0) {
		close(fd);
		return;
	}
	dup2(null, fd);
	close(null);
}

/*
 * True when nothing is left to do.  The function has ended and takes no more,
 * or the input has ended too; nobody at a terminal is waited for.
 */
static bool relay_over(const struct direction *out, const struct direction *in,
		       bool hung_up)
{
	return in->passed && (out->passed || hung_up || isatty(out->from));
}

static void relay_poll_set(struct pollfd *fds, const struct direction *out,
			   const struct direction *in)
{
	fds[0].fd = !out->ended && out->len == 0 ? out->from : -1;
	fds[1].fd = in->len ? in->to : -1;
	fds[2].events =
		(out->len ? POLLOUT : 0) | (in->len || in->ended ? 0 : POLLIN);
}

static int relay(int fd, struct direction *out, struct direction *in)
{
	struct pollfd fds[] = {
		{.events = POLLIN}, {.events = POLLOUT}, {.fd = fd}};

	while (!relay_over(out, in, fds[2].revents & POLLHUP)) {
		relay_poll_set(fds, out, in);
		if (poll(fds, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		/* A function that takes no more may still have an answer. */
		if (direction_move(out, fds[0].revents,
				   fds[2].revents & (POLLOUT | POLLERR))) {
			if (errno != EPIPE && errno != ECONNRESET)
				return -1;
			out->ended = true;
			out->passed = true;
			out->len = 0;
		}
		if (direction_move(
			    in, fds[2].revents & (POLLIN | POLLHUP | POLLERR),
			    fds[1].revents))
			return -1;
		if (direction_done(out) && !out->passed) {
			out->passed = true;
			shutdown(fd, SHUT_WR);
		}
		if (direction_done(in) && !in->passed) {
			in->passed = true;
			output_end(in->to);
		}
	}
	return 0;
}

int client_connect(const char *runtime_dir, const char *text)
{
	static struct direction out, in;
	struct function_name name;
	char path[256];
	int fd;

	if (name_parse(&name, text, strlen(text))) {
		fprintf(stderr,
			"2virt-guest: '%s' is no function: say TYPE:NAME, as "
			"web:default\n",
			text);
		return 2;
	}
	fd = name_socket_path(&name, runtime_dir, path, sizeof(path));
	if (!fd)
		fd = socket_connect(path);
	if (fd < 0) {
		fprintf(stderr, "2virt-guest: cannot connect to %s: %s\n", text,
			fd == -ENOENT || fd == -ECONNREFUSED
				? "it is not plugged in, or no daemon is "
				  "running"
				: strerror(-fd));
		return EXIT_FAILURE;
	}
	signal(SIGPIPE, SIG_IGN);
	out = (struct direction){.from = STDIN_FILENO, .to = fd};
	in = (struct direction){.from = fd, .to = STDOUT_FILENO};
	if (relay(fd, &out, &in)) {
		fprintf(stderr, "2virt-guest: %s: %s\n", text, strerror(errno));
		close(fd);
		return EXIT_FAILURE;
	}
	close(fd);
	return EXIT_SUCCESS;
}
