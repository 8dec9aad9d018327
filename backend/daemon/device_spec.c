// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device_spec.c - functions as a command line names them.
 *
 * This is the developer's own command line: it is checked to be helpful, not
 * because it could be hostile.
 */
#include "backend/daemon/device_spec.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/bus/address.h"
#include "backend/daemon/message.h"
#include "backend/function/char.h"
#include "backend/function/diag.h"
#include "backend/function/ncm.h"
#include "backend/function/p2p.h"
#include "backend/function/libvirt.h"
#include "backend/function/web.h"
#include "backend/service/tap.h"

enum {
	CHAR_PIPES = 4,
	MAX_LINKS = 31,
	LIBVIRT_PIPES = 4,
	MAX_ADDRESSES = 4,
	MAX_UPSTREAMS = 16,
	HOST_SIZE = 254
};

struct parts {
	char type[16];
	char name[MESSAGE_NAME_SIZE];
	const char *target; /* "" if there is none */
};

static struct usb_function *wrong(const char *text, const char *why)
{
	fprintf(stderr, "2virt-device: \"%s\": %s\n", text, why);
	return NULL;
}

static bool name_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return name[0] && strchr(letters, name[0]) && !name[len];
}

static bool split(const char *text, struct parts *parts)
{
	size_t type_len = strcspn(text, ":=");
	const char *name = text + type_len + (text[type_len] == ':');
	size_t name_len = text[type_len] == ':' ? strcspn(name, "=") : 0;

	if (type_len >= sizeof(parts->type) || name_len >= sizeof(parts->name))
		return false;
	snprintf(parts->type, sizeof(parts->type), "%.*s", (int)type_len, text);
	snprintf(parts->name, sizeof(parts->name), "%.*s", (int)name_len, name);
	parts->target = name[name_len] == '=' ? name + name_len + 1 : "";
	return true;
}

/* --- web ------------------------------------------------------------------ */

struct upstream {
	char host[HOST_SIZE];
	char text[MAX_ADDRESSES][INET6_ADDRSTRLEN];
	const char *addresses[MAX_ADDRESSES];
	unsigned int count;
};

/* The service set checks the URL; here only its host is needed. */
static bool take_host(struct upstream *upstream, const char *url)
{
	const char *host = strstr(url, "://");
	bool brackets;
	size_t len;

	if (!host)
		return false;
	host += 3;
	brackets = *host == '[';
	host += brackets;
	len = strcspn(host, brackets ? "]" : ":/");
	if (len == 0 || len >= sizeof(upstream->host))
		return false;
	memcpy(upstream->host, host, len);
	return true;
}

static bool resolve(struct upstream *upstream)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(upstream->host, NULL, &hints, &found) != 0)
		return false;
	for (struct addrinfo *at = found; at && upstream->count < MAX_ADDRESSES;
	     at = at->ai_next) {
		char *text = upstream->text[upstream->count];

		if (getnameinfo(at->ai_addr, at->ai_addrlen, text,
				INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0)
			upstream->addresses[upstream->count++] = text;
	}
	freeaddrinfo(found);
	return upstream->count > 0;
}

static const char *put_service(const struct device_spec *spec,
			       const struct parts *parts, char *urls)
{
	static struct upstream upstreams[MAX_UPSTREAMS];
	struct web_upstream_config configs[MAX_UPSTREAMS];
	unsigned int count = 0;
	char *rest = NULL;

	memset(upstreams, 0, sizeof(upstreams));
	for (char *url = strtok_r(urls, ",", &rest); url;
	     url = strtok_r(NULL, ",", &rest)) {
		struct upstream *upstream = &upstreams[count];

		if (count == MAX_UPSTREAMS)
			return "too many upstreams";
		if (!take_host(upstream, url))
			return "an upstream is http://HOST[:PORT][/PATH]";
		if (!resolve(upstream))
			return "the upstream's name is not known";
		configs[count++] = (struct web_upstream_config){
			.url = url,
			.addresses = upstream->addresses,
			.address_count = upstream->count,
		};
	}
	if (!count)
		return "a web service needs an upstream: web:NAME=http://…";
	if (web_service_set_put(spec->services, &(struct web_service_config){
							.name = parts->name,
							.upstreams = configs,
							.upstream_count = count,
						}) < 0)
		return "the service cannot be set up";
	return NULL;
}

static struct usb_function *make_web(const struct device_spec *spec,
				     const char *text,
				     const struct parts *parts)
{
	char *urls = strdup(parts->target);
	const char *why =
		urls ? put_service(spec, parts, urls) : "out of memory";

	free(urls);
	if (why)
		return wrong(text, why);
	return web_function_create(&(struct web_function_config){
		.name = parts->name,
		.services = spec->services,
	});
}

/* --- char ----------------------------------------------------------------- */

static struct char_target *make_serial(uv_loop_t *loop, const char *text)
{
	char *path = strdup(text);
	char *comma = path ? strrchr(path, ',') : NULL;
	unsigned int baud = 0;
	struct char_target *target = NULL;

	if (comma) {
		*comma = '\0';
		baud = (unsigned int)strtoul(comma + 1, NULL, 10);
	}
	if (path)
		target = char_target_serial(loop, path, baud);
	free(path);
	return target;
}

static struct usb_function *make_char(const struct device_spec *spec,
				      const char *text,
				      const struct parts *parts)
{
	const char *to = parts->target;
	struct char_target *target;
	struct address address;

	if (strncmp(to, "exec:", 5) == 0 && to[5]) {
		const char *const arguments[] = {"/bin/sh", "-c", to + 5, NULL};

		target = char_target_program(
			spec->loop,
			&(struct char_program){.arguments = arguments});
	} else if (strncmp(to, "serial:/", 8) == 0) {
		target = make_serial(spec->loop, to + 7);
	} else if (address_parse(&address, to) == 0) {
		target = char_target_socket(spec->loop,
					    (struct sockaddr *)&address.name,
					    address.len);
	} else {
		return wrong(text, "a target is unix:/PATH, tcp:ADDRESS:PORT, "
				   "exec:COMMAND or serial:/PATH[,BAUD]");
	}
	if (!target)
		return wrong(text, "out of memory");
	return char_function_create(parts->name, CHAR_PIPES, target);
}

/* --- libvirt ---------------------------------------------------------------
 */

struct libvirt_words {
	const char *socket;
	const char *uri;
	struct libvirt_policy policy;
};

/* Words behind the '='; NULL: all of them were understood. */
static const char *read_libvirt(struct libvirt_words *words, char *text)
{
	char *rest = NULL;

	for (char *word = strtok_r(text, ",", &rest); word;
	     word = strtok_r(NULL, ",", &rest)) {
		if (strncmp(word, "unix:", 5) == 0)
			words->socket = word;
		else if (strncmp(word, "uri=", 4) == 0)
			words->uri = word + 4;
		else if (strcmp(word, "host=full") == 0)
			words->policy.host_verbs = LIBVIRT_FULL;
		else if (strncmp(word, "domain=", 7) != 0 ||
			 libvirt_policy_add_text(&words->policy, word + 7))
			return "wanted: unix:PATH,uri=URI,"
			       "domain=NAME:UUID:VERB+VERB";
	}
	return words->socket && words->uri ? NULL
					   : "unix:PATH and uri= are needed";
}

static struct usb_function *make_libvirt(const struct device_spec *spec,
					 const char *text,
					 const struct parts *parts)
{
	struct libvirt_words words = {.socket = NULL};
	struct libvirt_service *service = NULL;
	char *copy = strdup(parts->target);
	const char *why = copy ? read_libvirt(&words, copy) : "out of memory";
	struct address address;

	if (!why && address_parse(&address, words.socket) < 0)
		why = "the socket's path is too long";
	if (!why) {
		struct char_target *target = char_target_socket(
			spec->loop, (struct sockaddr *)&address.name,
			address.len);

		why = "out of memory";
		if (target)
			service = libvirt_service_create(
				spec->loop, &(struct libvirt_service_config){
						    .name = parts->name,
						    .uri = words.uri,
						    .target = target,
						    .policy = &words.policy,
					    });
	}
	libvirt_policy_fini(&words.policy);
	free(copy);
	if (!service)
		return wrong(text, why);
	return libvirt_function_create(parts->name, LIBVIRT_PIPES, service);
}

/* --- p2p and p2m ---------------------------------------------------------- */

/* An end whose other end has not been named yet. */
struct lone_end {
	char name[MESSAGE_NAME_SIZE];
	struct link_end *end; /* NULL: both are there */
};

static struct lone_end lone_ends[MAX_LINKS];

/* Where to note the end of this name; NULL: both are there, or no room. */
static struct lone_end *find_lone_end(const char *name)
{
	for (unsigned int i = 0; i < MAX_LINKS; i++) {
		struct lone_end *lone = &lone_ends[i];

		if (!lone->name[0])
			strcpy(lone->name, name);
		else if (strcmp(lone->name, name) != 0)
			continue;
		else if (!lone->end)
			return NULL;
		return lone;
	}
	return NULL;
}

/* Who connects is the caller; of two equals the first is. */
static bool join_ends(struct link_end *first, struct link_end *second)
{
	bool swap = link_end_role(first) == LINK_LISTEN ||
		    link_end_role(second) == LINK_CONNECT;
	struct link_fds fds[2];
	int error;

	if (link_pair_create(fds) < 0)
		return false;
	error = link_end_attach(first, &fds[swap], !swap);
	if (link_end_attach(second, &fds[!swap], swap) < 0)
		error = -1;
	return !error;
}

/* "[ROLE][@LINK]"; the link's name goes to link (MESSAGE_NAME_SIZE). */
static bool read_role(const struct parts *parts, enum link_role *role,
		      char *link)
{
	size_t len = strcspn(parts->target, "@");
	const char *name = parts->target + len;

	snprintf(link, MESSAGE_NAME_SIZE, "%s", *name ? name + 1 : parts->name);
	*role = LINK_SYMMETRIC;
	if (len == 6 && strncmp(parts->target, "listen", len) == 0)
		*role = LINK_LISTEN;
	else if (len == 7 && strncmp(parts->target, "connect", len) == 0)
		*role = LINK_CONNECT;
	else if (len)
		return false;
	return name_valid(link);
}

static struct usb_function *make_p2p(const struct device_spec *spec,
				     const char *text,
				     const struct parts *parts)
{
	char name[MESSAGE_NAME_SIZE];
	struct lone_end *lone;
	enum link_role role;
	struct link_end *end;

	if (!read_role(parts, &role, name))
		return wrong(text, "an end is p2p:NAME, with =listen or "
				   "=connect, and @LINK if that is not NAME");
	lone = find_lone_end(name);
	if (!lone)
		return wrong(text, "a link has two ends");
	end = link_end_create(spec->loop, role);
	if (!end)
		return wrong(text, "out of memory");
	if (lone->end && !join_ends(lone->end, end)) {
		link_end_destroy(end);
		return wrong(text, "these two roles cannot meet");
	}
	lone->end = lone->end ? NULL : end;
	return p2p_function_create(&(struct p2p_config){
		.name = parts->name,
		.end = end,
		.peer_name = "the other end",
	});
}

static struct usb_function *make_p2m(const struct device_spec *spec,
				     const char *text,
				     const struct parts *parts)
{
	struct ncm_config ncm = {.name = parts->name};
	struct tap_config tap = {.up = true};
	char name[TAP_NAME_SIZE];
	size_t len = strcspn(parts->target, ",");
	uint8_t id[16] = {0};

	if (len == 0 || len >= sizeof(name))
		return wrong(text, "a network needs a TAP: p2m:NAME=TAP");
	memcpy(name, parts->target, len);
	name[len] = '\0';
	memcpy(id, name, len);
	frame_mac_of(ncm.mac, id, parts->name);
	if (parts->target[len] &&
	    frame_mac_parse(ncm.mac, parts->target + len + 1) < 0)
		return wrong(text, "that is no MAC of one machine");
	memcpy(tap.policy.macs[0], ncm.mac, FRAME_MAC_LEN);
	tap.policy.mac_count = 1;
	tap.fd = tap_open(name);
	if (tap.fd < 0)
		return wrong(text, strerror(-tap.fd));
	ncm.port = tap_create(spec->loop, &tap);
	return ncm.port ? ncm_function_create(&ncm)
			: wrong(text, "the TAP cannot be used");
}

struct usb_function *device_spec_make(const struct device_spec *spec,
				      const char *text, char *label)
{
	struct usb_function *function;
	struct parts parts;

	if (!split(text, &parts))
		return wrong(text, "too long");
	if (!parts.name[0] && strcmp(parts.type, "diag") == 0)
		strcpy(parts.name, "diag");
	if (!name_valid(parts.name))
		return wrong(text, "a name begins with a-z or 0-9 and goes on "
				   "with these, - and _");
	if (strcmp(parts.type, "diag") == 0)
		function = diag_function_create(parts.name);
	else if (strcmp(parts.type, "web") == 0)
		function = make_web(spec, text, &parts);
	else if (strcmp(parts.type, "char") == 0)
		function = make_char(spec, text, &parts);
	else if (strcmp(parts.type, "libvirt") == 0)
		function = make_libvirt(spec, text, &parts);
	else if (strcmp(parts.type, "p2p") == 0)
		function = make_p2p(spec, text, &parts);
	else if (strcmp(parts.type, "p2m") == 0)
		function = make_p2m(spec, text, &parts);
	else
		return wrong(text, "the types are web, char, p2p, p2m, "
				   "libvirt and diag");
	if (function)
		snprintf(label, DEVICE_SPEC_LABEL, "%s-%s", parts.type,
			 parts.name);
	return function;
}
