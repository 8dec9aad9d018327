// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * services.c - reader of /etc/2virt/services.d/ *.conf.
 *
 * inih splits lines; it is fed through a reader of our own, which counts them
 * (the library tells no line numbers) and notices sections without a key and
 * lines that do not fit inih's buffer.
 */
#include "backend/daemon/services.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/store.h"
#include "backend/util/log.h"

struct loader {
	struct services *services;
	const char *path;
	FILE *file;
	unsigned int line;
	unsigned int section_line; /* of the last "[...]", 0: none yet */
	bool section_used;
	struct service *current; /* NULL: the section is not to be had */
	unsigned int current_line;
	bool failed; /* no memory */
};

__attribute__((format(printf, 3, 4))) static void
complain(struct loader *loader, unsigned int line, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_error("%s:%u: %s", loader->path, line, text);
	loader->services->errors++;
	if (loader->current)
		loader->current->bad = true;
}

static void service_free(struct service *service)
{
	if (!service)
		return;
	list_remove(&service->link);
	free(service->ca);
	free(service->where);
	free(service);
}

void services_free(struct services *services)
{
	struct list_node *pos, *after;

	if (!services)
		return;
	list_for_each_safe(pos, after, &services->list)
		service_free(container_of(pos, struct service, link));
	list_for_each_safe(pos, after, &services->refused)
		service_free(container_of(pos, struct service, link));
	free(services);
}

static struct service *list_find(const struct list_node *head, const char *name)
{
	struct list_node *pos;

	list_for_each(pos, head)
	{
		struct service *service =
			container_of(pos, struct service, link);

		if (strcmp(service->name, name) == 0)
			return service;
	}
	return NULL;
}

struct service *services_find(const struct services *services, const char *name)
{
	return list_find(&services->list, name);
}

bool services_mentions(const struct services *services, const char *name)
{
	return list_find(&services->refused, name) != NULL;
}

/* The keys that are numbers. */
static const struct number_key {
	const char *key;
	size_t offset;
	uint64_t max;
	const char *unit;
} number_keys[] = {
	{"connect-timeout-ms", offsetof(struct service, connect_timeout_ms),
	 SERVICE_MAX_TIMEOUT_MS, "milliseconds"},
	{"response-timeout-ms", offsetof(struct service, response_timeout_ms),
	 SERVICE_MAX_TIMEOUT_MS, "milliseconds"},
	{"idle-timeout-ms", offsetof(struct service, idle_timeout_ms),
	 SERVICE_MAX_TIMEOUT_MS, "milliseconds"},
	{"retry-after-ms", offsetof(struct service, retry_after_ms),
	 SERVICE_MAX_TIMEOUT_MS, "milliseconds"},
	{"connection-max", offsetof(struct service, connection_max),
	 SERVICE_MAX_CONNECTIONS, "connections"},
	{"body-max-bytes", offsetof(struct service, body_max_bytes), INT64_MAX,
	 "octets"},
};

enum { NUMBER_KEYS = sizeof(number_keys) / sizeof(number_keys[0]) };

static uint64_t *number_of(struct service *service, unsigned int i)
{
	return (uint64_t *)(void *)((char *)service + number_keys[i].offset);
}

bool service_equal(const struct service *a, const struct service *b)
{
	if (strcmp(a->name, b->name) != 0 ||
	    strcmp(a->host_header, b->host_header) != 0 ||
	    a->upstream_count != b->upstream_count || a->ca_len != b->ca_len ||
	    (a->ca_len && memcmp(a->ca, b->ca, a->ca_len) != 0))
		return false;
	for (unsigned int i = 0; i < NUMBER_KEYS; i++)
		if (*number_of((struct service *)a, i) !=
		    *number_of((struct service *)b, i))
			return false;
	for (unsigned int i = 0; i < a->upstream_count; i++)
		if (strcmp(a->upstreams[i].url, b->upstreams[i].url) != 0)
			return false;
	return true;
}

/*
 * --- upstream URLs ---
 */

static bool host_valid(const char *host, size_t len, bool bracketed)
{
	if (len == 0 || len >= SERVICE_HOST_SIZE)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = host[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '.';

		if (!word && !(bracketed ? c == ':' : strchr("-_", c) != NULL))
			return false;
	}
	return true;
}

const char *service_url_parse(const char *url,
			      struct service_upstream *upstream)
{
	const char *rest, *host, *end;
	uint32_t port;
	bool bracketed;

	memset(upstream, 0, sizeof(*upstream));
	if (strlen(url) >= sizeof(upstream->url))
		return "the URL is too long";
	if (strncmp(url, "http://", 7) == 0)
		rest = url + 7;
	else if (strncmp(url, "https://", 8) == 0)
		rest = url + 8;
	else
		return "an upstream begins with http:// or https://";
	bracketed = *rest == '[';
	host = bracketed ? rest + 1 : rest;
	end = host + strcspn(host, bracketed ? "]/" : ":/");
	if (bracketed && *end != ']')
		return "an IPv6 address ends with ]";
	if (!host_valid(host, (size_t)(end - host), bracketed))
		return "an upstream needs the name or address of a host";
	memcpy(upstream->host, host, (size_t)(end - host));
	rest = bracketed ? end + 1 : end;
	if (*rest == ':') {
		char text[8] = "";
		size_t len = strcspn(++rest, "/");

		if (len < sizeof(text))
			memcpy(text, rest, len);
		if (!store_parse_number(text, 65535, &port) || port == 0)
			return "a port is a number from 1 to 65535";
		rest += len;
	}
	if (*rest && *rest != '/')
		return "after the host come only :port and /path";
	for (const char *c = rest; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '?' || *c == '#')
			return "a path has no space, ? or #";
	memcpy(upstream->url, url, strlen(url));
	return NULL;
}

/*
 * --- keys ---
 */

static void key_upstream(struct loader *loader, const char *value)
{
	struct service *service = loader->current;
	struct service_upstream upstream;
	const char *wrong = service_url_parse(value, &upstream);

	if (wrong)
		complain(loader, loader->line, "\"%s\": %s", value, wrong);
	else if (service->upstream_count == SERVICE_MAX_UPSTREAMS)
		complain(loader, loader->line, "more than %d upstreams",
			 SERVICE_MAX_UPSTREAMS);
	else
		service->upstreams[service->upstream_count++] = upstream;
}

/* Reads a whole PEM file.  NULL, or what is wrong. */
static const char *ca_read(struct service *service, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *wrong = NULL;
	struct stat status;
	char *text = NULL;
	ssize_t got;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		wrong = "not a file";
		goto out_close;
	}
	if (status.st_size == 0 || status.st_size > MESSAGE_MAX_CA_BYTES) {
		wrong = "empty, or larger than 1 MiB";
		goto out_close;
	}
	text = calloc(1, (size_t)status.st_size + 1);
	if (!text) {
		wrong = "out of memory";
		goto out_close;
	}
	got = pread(fd, text, (size_t)status.st_size, 0);
	if (got != status.st_size) {
		wrong = "cannot be read";
	} else if (!strstr(text, "-----BEGIN CERTIFICATE-----")) {
		wrong = "no PEM certificate in it";
	} else {
		service->ca = text;
		service->ca_len = (size_t)got;
		text = NULL;
	}
	free(text);
out_close:
	close(fd);
	return wrong;
}

static void key_ca(struct loader *loader, const char *value)
{
	const char *wrong;

	if (loader->current->ca) {
		complain(loader, loader->line, "ca is given twice");
		return;
	}
	if (value[0] != '/') {
		complain(loader, loader->line, "ca needs an absolute path");
		return;
	}
	wrong = ca_read(loader->current, value);
	if (wrong)
		complain(loader, loader->line, "%s: %s", value, wrong);
}

static void key_number(struct loader *loader, const struct number_key *key,
		       uint64_t *number, const char *value)
{
	unsigned long long parsed;
	char *end;

	errno = 0;
	parsed = strtoull(value, &end, 10);
	if (*number)
		complain(loader, loader->line, "%s is given twice", key->key);
	else if (errno || *end || value[0] < '0' || value[0] > '9' ||
		 parsed == 0 || parsed > key->max)
		complain(loader, loader->line,
			 "%s is a number of %s, 1 to %llu", key->key, key->unit,
			 (unsigned long long)key->max);
	else
		*number = parsed;
}

static void key_host_header(struct loader *loader, const char *value)
{
	struct service *service = loader->current;

	if (service->host_header[0])
		complain(loader, loader->line, "host-header is given twice");
	else if (!value[0] || strlen(value) >= sizeof(service->host_header) ||
		 value[strspn(value, "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789.-_:[]")])
		complain(loader, loader->line,
			 "host-header is a host with or without a port");
	else
		snprintf(service->host_header, sizeof(service->host_header),
			 "%s", value);
}

/* A section that is met for the first time. */
static void section_begin(struct loader *loader, const char *section)
{
	struct service *service;
	const char *name;
	char where[PATH_MAX + 16];

	loader->current = NULL;
	loader->section_used = true;
	loader->current_line = loader->section_line;
	if (!loader->section_line) {
		complain(loader, loader->line,
			 "a key before the first [section]");
		return;
	}
	name = strncmp(section, "web:", 4) == 0 ? section + 4 : NULL;
	if (!name) {
		complain(loader, loader->section_line,
			 "[%s]: sections are called [web:NAME]", section);
		return;
	}
	if (!message_name_valid(name)) {
		complain(loader, loader->section_line,
			 "\"%s\": a name is 1 to 63 of a-z 0-9 _ - and "
			 "begins with a letter or digit",
			 name);
		return;
	}
	service = services_find(loader->services, name);
	if (service) {
		complain(loader, loader->section_line,
			 "[%s] is defined at %s already", section,
			 service->where);
		return;
	}
	snprintf(where, sizeof(where), "%s:%u", loader->path,
		 loader->section_line);
	service = calloc(1, sizeof(*service));
	if (!service || !(service->where = strdup(where))) {
		free(service);
		loader->failed = true;
		return;
	}
	snprintf(service->name, sizeof(service->name), "%s", name);
	list_append(&loader->services->list, &service->link);
	loader->current = service;
}

/* inih's handler: one key. */
static int on_key(void *context, const char *section, const char *key,
		  const char *value)
{
	struct loader *loader = context;
	struct service *service;

	if (!loader->section_used || !loader->section_line)
		section_begin(loader, section);
	service = loader->current;
	if (!service)
		return 1; /* said already */
	for (unsigned int i = 0; i < NUMBER_KEYS; i++) {
		if (strcmp(key, number_keys[i].key) == 0) {
			key_number(loader, &number_keys[i],
				   number_of(service, i), value);
			return 1;
		}
	}
	if (strcmp(key, "upstream") == 0)
		key_upstream(loader, value);
	else if (strcmp(key, "ca") == 0)
		key_ca(loader, value);
	else if (strcmp(key, "host-header") == 0)
		key_host_header(loader, value);
	else
		complain(loader, loader->line, "unknown key \"%s\"", key);
	return 1;
}

static void section_check_used(struct loader *loader)
{
	if (loader->section_line && !loader->section_used) {
		loader->current = NULL;
		complain(loader, loader->section_line,
			 "a section without any key");
	}
}

/* inih's reader: one line, as fgets(). */
static char *on_line(char *line, int size, void *context)
{
	struct loader *loader = context;
	size_t len;

	if (!fgets(line, size, loader->file))
		return NULL;
	loader->line++;
	len = strlen(line);
	if (len && line[len - 1] != '\n' && !feof(loader->file)) {
		int c;

		complain(loader, loader->line, "the line is too long");
		do {
			c = fgetc(loader->file);
		} while (c != '\n' && c != EOF);
		line[0] = '\0';
	}
	if (line[strspn(line, " \t")] == '[') {
		section_check_used(loader);
		loader->section_line = loader->line;
		loader->section_used = false;
	}
	return line;
}

/* What can be said of a service only when its section is over. */
static void service_finish(struct loader *loader, struct service *service)
{
	unsigned int line = 0;
	const char *colon = strrchr(service->where, ':');

	if (colon)
		line = (unsigned int)strtoul(colon + 1, NULL, 10);
	loader->current = service;
	if (!service->upstream_count && !service->bad)
		complain(loader, line, "[web:%s] has no upstream",
			 service->name);
	for (unsigned int i = 0; i < service->upstream_count; i++) {
		if (strncmp(service->upstreams[i].url, "https:", 6) == 0 &&
		    !service->ca && !service->bad)
			complain(loader, line,
				 "[web:%s] has an https upstream and no ca",
				 service->name);
	}
	loader->current = NULL;
}

static int file_load(struct services *services, const char *path)
{
	struct list_node *last = services->list.prev;
	struct loader loader = {.services = services, .path = path};
	struct list_node *pos, *after;
	int wrong_line;

	loader.file = fopen(path, "re");
	if (!loader.file) {
		log_error("%s: %s", path, strerror(errno));
		services->errors++;
		return 0;
	}
	wrong_line = ini_parse_stream(on_line, &loader, on_key, &loader);
	section_check_used(&loader);
	fclose(loader.file);
	if (wrong_line < 0 || loader.failed)
		return -ENOMEM;
	loader.current = NULL;
	if (wrong_line > 0)
		complain(&loader, (unsigned int)wrong_line,
			 "neither [section] nor key = value; no service of "
			 "this file is taken");
	/* What this file added is behind the former end of the list. */
	for (pos = last->next; pos != &services->list; pos = after) {
		struct service *service =
			container_of(pos, struct service, link);

		after = pos->next;
		service_finish(&loader, service);
		if (service->bad || wrong_line > 0) {
			list_remove(&service->link);
			list_append(&services->refused, &service->link);
		}
	}
	return 0;
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 &&
	       strcmp(entry->d_name + len - 5, ".conf") == 0;
}

int services_load(const char *folder, struct services **services)
{
	struct services *loaded = calloc(1, sizeof(*loaded));
	struct dirent **entries = NULL;
	char path[PATH_MAX];
	int count, error = 0;

	if (!loaded)
		return -ENOMEM;
	list_init(&loaded->list);
	list_init(&loaded->refused);
	count = scandir(folder, &entries, is_conf, alphasort);
	if (count < 0) {
		if (errno != ENOENT) {
			error = -errno;
			log_error("%s: %s", folder, strerror(errno));
			goto err_free;
		}
		count = 0;
	}
	for (int i = 0; i < count; i++) {
		if (!error && snprintf(path, sizeof(path), "%s/%s", folder,
				       entries[i]->d_name) < PATH_MAX)
			error = file_load(loaded, path);
		free(entries[i]);
	}
	free(entries);
	if (error)
		goto err_free;
	*services = loaded;
	return 0;
err_free:
	services_free(loaded);
	return error;
}
