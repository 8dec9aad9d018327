// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * directory.c - asks the platform what this machine is granted.
 *
 * The platform is not trusted with the terminal: whatever it says is checked
 * to be JSON of a bounded size, and printed in visible ASCII.
 */
#include "directory.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 4 << 20, LIMITS_TEXT_MAX = 1024 };

struct directory {
	json_t *root;
};

/* ---- asking ------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for an event; 0 or a negative errno. */
static int await(int fd, short events, int64_t deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int64_t left = deadline - now_ms();
	int n = left > 0 ? poll(&poll_fd, 1, (int)left) : 0;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	return n ? 0 : -ETIMEDOUT;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

/* All of the answer up to its end; its length or a negative errno. */
static ssize_t receive_all(int fd, char **text, int64_t deadline)
{
	size_t size = 0, len = 0;

	*text = NULL;
	for (;;) {
		ssize_t n;

		if (len + 1 >= size) {
			char *grown;

			size = size ? size * 2 : 16384;
			grown = size <= ANSWER_MAX ? realloc(*text, size)
						   : NULL;
			if (!grown)
				return -ENOMEM;
			*text = grown;
		}
		n = recv(fd, *text + len, size - 1 - len, 0);
		if (n > 0)
			len += (size_t)n;
		(*text)[len] = '\0';
		if (n == 0)
			return (ssize_t)len;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n < 0) {
			int error = await(fd, POLLIN, deadline);

			if (error)
				return error;
		}
	}
}

static struct directory *read_answer(const char *text, size_t len)
{
	static const char good[] = "HTTP/1.1 200 ";
	const char *body = strstr(text, "\r\n\r\n");

	if (!body || strncmp(text, good, sizeof(good) - 1) != 0)
		return NULL;
	body += 4;
	return directory_read(body, len - (size_t)(body - text));
}

int directory_ask(struct directory **directory, const char *socket_path)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: directory\r\n"
				      "Connection: close\r\n\r\n";
	int64_t deadline = now_ms() + DIRECTORY_DEADLINE_MS;
	int fd = open_socket(socket_path);
	char *text = NULL;
	ssize_t len;

	if (fd < 0)
		return fd;
	/* It fits into an empty socket. */
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(request) - 1)
		len = -EPROTO;
	else
		len = receive_all(fd, &text, deadline);
	close(fd);
	if (len >= 0) {
		*directory = read_answer(text, (size_t)len);
		len = *directory ? 0 : -EPROTO;
	}
	free(text);
	return (int)len;
}

struct directory *directory_read(const char *text, size_t len)
{
	struct directory *directory;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root) ||
	    !json_is_array(json_object_get(root, "grants")))
		goto err;
	directory = malloc(sizeof(*directory));
	if (!directory)
		goto err;
	directory->root = root;
	return directory;

err:
	json_decref(root);
	return NULL;
}

void directory_free(struct directory *directory)
{
	if (!directory)
		return;
	json_decref(directory->root);
	free(directory);
}

/* ---- showing ------------------------------------------------------------ */

struct text {
	char data[LIMITS_TEXT_MAX];
	size_t len;
};

/* Visible ASCII, as much as fits. */
static void add(struct text *text, const char *more)
{
	for (; *more && text->len < sizeof(text->data) - 1; more++)
		text->data[text->len++] =
			*more >= ' ' && *more <= '~' ? *more : '?';
	text->data[text->len] = '\0';
}

static bool is_octets(const char *key)
{
	static const char *const keys[] = {"rate", "burst", "request-size",
					   "response-size"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void add_number(struct text *text, const char *key, json_int_t number)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	char value[48];
	size_t unit = 0;

	while (is_octets(key) && unit < 4 && number && number % 1024 == 0) {
		number /= 1024;
		unit++;
	}
	snprintf(value, sizeof(value), "%" JSON_INTEGER_FORMAT "%s%s", number,
		 units[unit],
		 strcmp(key, "rate") ? ""
		 : unit		     ? "/s"
				     : "B/s");
	add(text, value);
}

static void add_value(struct text *text, const char *key, const json_t *value)
{
	size_t i;
	json_t *item;

	if (json_is_integer(value))
		add_number(text, key, json_integer_value(value));
	else if (json_is_string(value))
		add(text, json_string_value(value));
	json_array_foreach(value, i, item)
	{
		add(text, i ? "," : "");
		add(text, json_is_string(item) ? json_string_value(item) : "?");
	}
}

static const char *limits_text(struct text *text, json_t *limits)
{
	const char *key;
	json_t *value;

	text->len = 0;
	text->data[0] = '\0';
	json_object_foreach(limits, key, value)
	{
		add(text, text->len ? " " : "");
		add(text, key);
		add(text, "=");
		add_value(text, key, value);
	}
	return text->len ? text->data : "-";
}

static const char *field(struct text *text, const json_t *object,
			 const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	text->len = 0;
	add(text, value && *value ? value : "-");
	return text->data;
}

void directory_print_table(FILE *out, const struct directory *directory)
{
	json_t *grants = json_object_get(directory->root, "grants");
	json_t *domain = json_object_get(directory->root, "domain");
	struct text type, name, health, limits;
	size_t i;
	json_t *grant;

	fprintf(out, "%-8s %-24s %-9s %s\n", "GRANT", "NAME", "HEALTH",
		"LIMITS");
	json_array_foreach(grants, i, grant)
	{
		fprintf(out, "%-8s %-24s %-9s %s\n",
			field(&type, grant, "type"),
			field(&name, grant, "name"),
			field(&health, grant, "health"),
			limits_text(&limits, json_object_get(grant, "limits")));
	}
	if (json_object_size(json_object_get(domain, "limits")))
		fprintf(out, "all together: %s\n",
			limits_text(&limits,
				    json_object_get(domain, "limits")));
	if (json_object_get(directory->root, "contact"))
		fprintf(out, "for more ask %s\n",
			field(&name, directory->root, "contact"));
}

void directory_print_json(FILE *out, const struct directory *directory)
{
	json_dumpf(directory->root, out, JSON_COMPACT | JSON_ENSURE_ASCII);
}
