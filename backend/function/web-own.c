// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-own.c - requests that the function answers itself: http://directory/.
 *
 * The name is the function's own; no service can have it.  What is asked for
 * is decided once from the head; a body is collected only where one is wanted,
 * out of one budget of the device, so that many requests that never end hold
 * no more than that.  Both protocols answer what comes out as a page.
 */
#include "backend/function/web-conn.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BODY_FIRST_SIZE = 2048 };

static bool text_is(const char *text, size_t len, const char *wanted)
{
	return strlen(wanted) == len && !memcmp(text, wanted, len);
}

bool web_own_is(const struct web_ask *ask)
{
	return text_is(ask->service, ask->service_len, WEB_SERVICE_DIRECTORY);
}

static void refuse(struct web_own *own, unsigned int status, const char *why)
{
	own->route = WEB_OWN_REFUSED;
	own->status = status;
	own->why = why;
}

/*
 * Whether Accept names text/html, before JSON: browsers do, programs that want
 * JSON do not.  Weights are not looked at.
 */
static bool prefers_html(const struct web_ask *ask)
{
	static const char html[] = "text/html";
	static const char json[] = "application/json";

	for (size_t i = 0; i < ask->header_count; i++) {
		const struct web_header *header = &ask->headers[i];

		if (header->name_len != 6 ||
		    strncasecmp(header->name, "accept", 6))
			continue;
		for (size_t at = 0; at < header->value_len; at++) {
			const char *text = header->value + at;
			size_t left = header->value_len - at;

			if (left >= sizeof(json) - 1 &&
			    !strncasecmp(text, json, sizeof(json) - 1))
				return false;
			if (left >= sizeof(html) - 1 &&
			    !strncasecmp(text, html, sizeof(html) - 1))
				return true;
		}
	}
	return false;
}

static void begin_reading(struct web_own *own, const struct web_ask *ask)
{
	if (text_is(ask->target, ask->target_len, "/"))
		own->route = prefers_html(ask) ? WEB_OWN_HTML : WEB_OWN_JSON;
	else if (text_is(ask->target, ask->target_len, "/events"))
		own->route = WEB_OWN_EVENTS;
	else if (text_is(ask->target, ask->target_len, "/uddi"))
		refuse(own, 405, "UDDI's inquiries are sent with POST");
	else
		refuse(own, 404, "the directory has no such page");
}

static void begin_posting(struct web_own *own, const struct web_ask *ask)
{
	if (!text_is(ask->target, ask->target_len, "/uddi"))
		refuse(own, 405, "the directory can only be read");
	else if (ask->content_length > WEB_OWN_BODY_MAX)
		refuse(own, 413, NULL);
	else
		own->route = WEB_OWN_UDDI;
}

void web_own_begin(struct web_own *own, struct web_function *function,
		   const struct web_ask *ask)
{
	*own = (struct web_own){.function = function};
	if (text_is(ask->method, ask->method_len, "GET") ||
	    text_is(ask->method, ask->method_len, "HEAD"))
		begin_reading(own, ask);
	else if (text_is(ask->method, ask->method_len, "POST"))
		begin_posting(own, ask);
	else
		refuse(own, 405, "the directory can only be read");
}

bool web_own_wants_body(const struct web_own *own)
{
	return own->route == WEB_OWN_UDDI;
}

static bool body_reserve(struct web_own *own, size_t len)
{
	size_t size = own->size ? own->size : BODY_FIRST_SIZE;
	char *body;

	while (size < len)
		size *= 2;
	if (size == own->size)
		return true;
	if (size - own->size > WEB_OWN_BODIES_MAX - own->function->own_bytes)
		return false;
	body = realloc(own->body, size);
	if (!body)
		return false;
	own->function->own_bytes += size - own->size;
	own->body = body;
	own->size = size;
	return true;
}

static void body_free(struct web_own *own)
{
	free(own->body);
	if (own->size)
		own->function->own_bytes -= own->size;
	own->body = NULL;
	own->size = 0;
	own->len = 0;
}

bool web_own_write(struct web_own *own, const uint8_t *data, size_t len)
{
	if (len > WEB_OWN_BODY_MAX - own->len) {
		refuse(own, 413, NULL);
		return false;
	}
	if (!body_reserve(own, own->len + len)) {
		refuse(own, 503, NULL);
		return false;
	}
	memcpy(own->body + own->len, data, len);
	own->len += len;
	return true;
}

bool web_own_answer(struct web_own *own, struct web_page *page)
{
	struct web_service_set *services = own->function->services;
	bool made = false;

	switch (own->route) {
	case WEB_OWN_REFUSED:
		made = web_page_refuse(page, own->status, own->why);
		break;
	case WEB_OWN_JSON:
		made = web_directory_json(page, services);
		break;
	case WEB_OWN_HTML:
		made = web_directory_html(page, services);
		break;
	case WEB_OWN_UDDI:
		made = web_directory_uddi(page, services, own->body, own->len);
		break;
	case WEB_OWN_EVENTS:
		*page = (struct web_page){
			.status = 200,
			.type = "text/event-stream",
			.fresh = true,
			.events = true,
		};
		made = true;
		break;
	default:
		break;
	}
	web_own_end(own);
	return made;
}

void web_own_end(struct web_own *own)
{
	body_free(own);
	memset(own, 0, sizeof(*own));
}
