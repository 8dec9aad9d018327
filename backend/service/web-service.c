// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-service.c - one service: its configuration, upstreams and handles.
 *
 * Every numeric address of every URL is an upstream of its own.  They take
 * turns; one that cannot be connected to is left out for a while that doubles
 * with each failure (passive failover).  If all are left out, the one whose
 * time is up first is tried all the same, so a cluster that comes back is
 * found at once.
 */
#define _GNU_SOURCE
#include "backend/service/web-internal.h"

#include "backend/util/log.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	DEFAULT_CONNECT_MS = 3000,
	DEFAULT_RESPONSE_MS = 30000,
	DEFAULT_IDLE_MS = 30000,
	DEFAULT_DOWN_MS = 1000,
	DOWN_LIMIT_MS = 30000,
	DEFAULT_CONNECTIONS = 128,
	DEFAULT_HEADER_BYTES = 65536,
};

/* ---- upstreams ---------------------------------------------------------- */

static void upstream_fini(struct web_upstream *upstream)
{
	curl_url_cleanup(upstream->url);
	curl_slist_free_all(upstream->connect_to);
	free(upstream->label);
	free(upstream->host_line);
	free(upstream->base);
}

static bool is_ipv6(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_numeric(const char *text)
{
	struct in_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || is_ipv6(text);
}

/* The parts of an upstream's URL; each is freed with curl_free(). */
struct url_parts {
	char *scheme;
	char *host; /* IPv6 in brackets */
	char *port; /* the scheme's own if there was none */
	char *path;
	bool own_port;
};

static void url_parts_fini(struct url_parts *parts)
{
	curl_free(parts->scheme);
	curl_free(parts->host);
	curl_free(parts->port);
	curl_free(parts->path);
}

static bool url_has(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static const char *url_split(CURLU *url, const char *text,
			     struct url_parts *parts)
{
	if (curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME))
		return "an upstream's URL is malformed";
	if (url_has(url, CURLUPART_USER) || url_has(url, CURLUPART_PASSWORD) ||
	    url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT) ||
	    url_has(url, CURLUPART_ZONEID))
		return "an upstream's URL has more than scheme, host, port and "
		       "path";
	parts->own_port = url_has(url, CURLUPART_PORT);
	if (curl_url_get(url, CURLUPART_SCHEME, &parts->scheme, 0) ||
	    curl_url_get(url, CURLUPART_HOST, &parts->host, 0) ||
	    curl_url_get(url, CURLUPART_PATH, &parts->path, 0) ||
	    curl_url_get(url, CURLUPART_PORT, &parts->port, CURLU_DEFAULT_PORT))
		return "an upstream's URL is malformed";
	if (strcmp(parts->scheme, "http") && strcmp(parts->scheme, "https"))
		return "an upstream's URL is neither http nor https";
	return NULL;
}

static bool host_is_numeric(const char *host)
{
	char bare[INET6_ADDRSTRLEN];
	size_t len = strlen(host);

	if (*host != '[')
		return is_numeric(host);
	if (len < 3 || len - 2 >= sizeof(bare))
		return false;
	memcpy(bare, host + 1, len - 2);
	bare[len - 2] = 0;
	return is_ipv6(bare);
}

/* Points an upstream at one address.  NULL is success. */
static const char *upstream_aim(struct web_upstream *upstream,
				const struct url_parts *parts,
				const char *address)
{
	const char *open;
	const char *close;
	char text[WEB_SERVICE_NAME_MAX + 2 * INET6_ADDRSTRLEN];

	if (!address)
		return host_is_numeric(parts->host)
			       ? NULL
			       : "an upstream has a name and no address";
	if (!is_numeric(address))
		return "an upstream's address is not numeric";
	open = is_ipv6(address) ? "[" : "";
	close = is_ipv6(address) ? "]" : "";
	if (!upstream->https) {
		/* Host says the name; the URL needs none. */
		snprintf(text, sizeof(text), "%s%s%s", open, address, close);
		return curl_url_set(upstream->url, CURLUPART_HOST, text, 0)
			       ? "an upstream's address is malformed"
			       : NULL;
	}
	if ((size_t)snprintf(text, sizeof(text), "%s:%s:%s%s%s:%s", parts->host,
			     parts->port, open, address, close,
			     parts->port) >= sizeof(text))
		return "an upstream's name is too long";
	upstream->connect_to = curl_slist_append(NULL, text);
	return upstream->connect_to ? NULL : "out of memory";
}

static const char *upstream_label(struct web_upstream *upstream,
				  const struct url_parts *parts,
				  const char *host_header, const char *address)
{
	size_t len = strlen(parts->path);
	int n;

	while (len && parts->path[len - 1] == '/')
		len--;
	upstream->base = strndup(parts->path, len);
	upstream->base_len = len;
	if (host_header)
		n = asprintf(&upstream->host_line, "Host: %s\r\n", host_header);
	else
		n = asprintf(&upstream->host_line, "Host: %s%s%s\r\n",
			     parts->host, parts->own_port ? ":" : "",
			     parts->own_port ? parts->port : "");
	if (n < 0) {
		upstream->host_line = NULL;
		return "out of memory";
	}
	upstream->host_line_len = (size_t)n;
	if (asprintf(&upstream->label, "%s://%s:%s%s%s%s", parts->scheme,
		     parts->host, parts->port, address ? " (" : "",
		     address ? address : "", address ? ")" : "") < 0) {
		upstream->label = NULL;
		return "out of memory";
	}
	return upstream->base ? NULL : "out of memory";
}

static const char *upstream_init(struct web_upstream *upstream,
				 const struct web_service_config *config,
				 const char *url, const char *address)
{
	struct url_parts parts = {0};
	const char *error = NULL;

	list_init(&upstream->idle_links);
	upstream->url = curl_url();
	if (!upstream->url)
		return "out of memory";
	error = url_split(upstream->url, url, &parts);
	if (!error) {
		upstream->https = !strcmp(parts.scheme, "https");
		if (upstream->https && !config->ca_pem)
			error = "an https upstream needs the CA it is "
				"certified by";
	}
	if (!error)
		error = upstream_aim(upstream, &parts, address);
	if (!error)
		error = upstream_label(upstream, &parts, config->host_header,
				       address);
	/* The request's target is given apart: the URL's path is not used. */
	if (!error && curl_url_set(upstream->url, CURLUPART_PATH, "/", 0))
		error = "out of memory";
	url_parts_fini(&parts);
	return error;
}

int web_service_pick(struct web_service *service, uint64_t tried)
{
	uint64_t now_ms = web_set_now(service->set);
	unsigned int count = service->upstream_count;
	int best = -1;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int at = (service->next_upstream + i) % count;
		const struct web_upstream *upstream = &service->upstreams[at];

		if (tried >> at & 1)
			continue;
		if (upstream->down_until_ms <= now_ms) {
			service->next_upstream = at + 1;
			return (int)at;
		}
		if (best < 0 || upstream->down_until_ms <
					service->upstreams[best].down_until_ms)
			best = (int)at;
	}
	if (best >= 0)
		service->next_upstream = (unsigned int)best + 1;
	return best;
}

void web_upstream_failed(struct web_service *service,
			 struct web_upstream *upstream, const char *why)
{
	uint64_t now_ms = web_set_now(service->set);

	/* Requests that failed together count as one failure. */
	if (upstream->down_until_ms > now_ms)
		return;
	if (!upstream->backoff_ms) {
		log_warning("web service %s: upstream %s is down: %s",
			    service->name, upstream->label, why);
		upstream->backoff_ms = service->down_ms;
	} else if (upstream->backoff_ms < DOWN_LIMIT_MS) {
		upstream->backoff_ms = upstream->backoff_ms < DOWN_LIMIT_MS / 2
					       ? upstream->backoff_ms * 2
					       : DOWN_LIMIT_MS;
	}
	upstream->down_until_ms = now_ms + upstream->backoff_ms;
}

void web_upstream_worked(struct web_service *service,
			 struct web_upstream *upstream)
{
	if (!upstream->backoff_ms)
		return;
	log_notice("web service %s: upstream %s is up again", service->name,
		   upstream->label);
	upstream->backoff_ms = 0;
	upstream->down_until_ms = 0;
}

void web_upstream_close_idle(struct web_upstream *upstream)
{
	struct list_node *node;

	while ((node = list_first(&upstream->idle_links)))
		web_link_close(container_of(node, struct web_link, idle));
}

void web_service_rest(struct web_service *service)
{
	for (unsigned int i = 0; i < service->upstream_count; i++)
		web_upstream_close_idle(&service->upstreams[i]);
}

/* ---- configuration ------------------------------------------------------ */

static bool is_service_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = name ? strlen(name) : 0;

	return len && len <= WEB_SERVICE_NAME_MAX &&
	       strspn(name, allowed) == len;
}

static bool is_header_value(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static unsigned int count_upstreams(const struct web_service_config *config)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < config->upstream_count; i++) {
		unsigned int more = config->upstreams[i].address_count;

		if (more > WEB_UPSTREAM_MAX - count)
			return WEB_UPSTREAM_MAX + 1;
		count += more ? more : 1;
	}
	return count;
}

static const char *service_fill(struct web_service *service,
				const struct web_service_config *config)
{
	for (unsigned int i = 0; i < config->upstream_count; i++) {
		const struct web_upstream_config *from = &config->upstreams[i];
		unsigned int j = 0;

		do {
			const char *address =
				from->address_count ? from->addresses[j] : NULL;
			struct web_upstream *upstream =
				&service->upstreams[service->upstream_count++];
			const char *error = upstream_init(upstream, config,
							  from->url, address);

			if (error)
				return error;
		} while (++j < from->address_count);
	}
	return NULL;
}

static const char *check_config(const struct web_service_config *config)
{
	if (!is_service_name(config->name))
		return "the name is not a host name";
	if (!config->upstream_count)
		return "there is no upstream";
	if (count_upstreams(config) > WEB_UPSTREAM_MAX)
		return "there are too many upstreams";
	if (config->host_header && !is_header_value(config->host_header))
		return "the host header is malformed";
	return NULL;
}

struct web_service *web_service_create(struct web_service_set *set,
				       const struct web_service_config *config,
				       const char **error)
{
	struct web_service *service;

	*error = check_config(config);
	if (*error)
		return NULL;
	service = calloc(1, sizeof(*service));
	if (!service)
		return NULL;
	list_init(&service->link);
	list_init(&service->waiting);
	service->set = set;
	service->name = strdup(config->name);
	service->upstreams =
		calloc(count_upstreams(config), sizeof(*service->upstreams));
	if (!service->name || !service->upstreams)
		goto err;
	if (config->ca_pem) {
		service->ca_pem = malloc(config->ca_pem_len + 1);
		if (!service->ca_pem)
			goto err;
		memcpy(service->ca_pem, config->ca_pem, config->ca_pem_len);
		service->ca_pem[config->ca_pem_len] = 0;
		service->ca_pem_len = config->ca_pem_len;
	}
	service->connect_timeout_ms =
		or_default(config->connect_timeout_ms, DEFAULT_CONNECT_MS);
	service->response_timeout_ms =
		or_default(config->response_timeout_ms, DEFAULT_RESPONSE_MS);
	service->idle_timeout_ms =
		or_default(config->idle_timeout_ms, DEFAULT_IDLE_MS);
	service->down_ms = or_default(config->down_ms, DEFAULT_DOWN_MS);
	service->connection_max =
		or_default(config->connection_max, DEFAULT_CONNECTIONS);
	service->header_max_bytes =
		or_default(config->header_max_bytes, DEFAULT_HEADER_BYTES);
	service->body_max_bytes = config->body_max_bytes;
	*error = service_fill(service, config);
	if (*error)
		goto err;
	return service;

err:
	web_service_destroy(service);
	return NULL;
}

void web_service_destroy(struct web_service *service)
{
	if (list_linked(&service->link))
		web_set_forget(service);
	web_service_rest(service);
	for (unsigned int i = 0; i < service->upstream_count; i++)
		upstream_fini(&service->upstreams[i]);
	free(service->upstreams);
	free(service->ca_pem);
	free(service->name);
	free(service);
}
