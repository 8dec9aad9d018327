// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-header.c - which headers travel from the guest to an upstream.
 *
 * From the guest (docs/web.md, "Headers"): gone are what belongs to one hop
 * (RFC 9110, 7.6.1), what Connection names, what this side sets itself, and
 * what only a proxy that knows better may say: who the guest is and where a
 * request came from.  Names are compared with '_' read as '-', since many
 * servers turn both into the same variable.
 */
#include "backend/service/web-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_LEN_KNOWN = 32, /* no name of interest is longer */
	TEXT_FIRST_SIZE = 1024,
	REQUEST_TEXT_MAX = 256 * 1024,
	CONNECTION_MAX = 8, /* Connection headers looked at */
};

enum header_fate {
	FATE_PASS,
	FATE_DROP,
	FATE_CONNECTION,
	FATE_COOKIE,
};

struct known_header {
	const char *name;
	enum header_fate fate;
};

/* Sorted by nothing: the length decides most of the time. */
static const struct known_header request_known[] = {
	{"te", FATE_DROP},
	{"host", FATE_DROP},
	{"expect", FATE_DROP},
	{"cookie", FATE_COOKIE},
	{"trailer", FATE_DROP},
	{"upgrade", FATE_DROP},
	{"forwarded", FATE_DROP},
	{"x-real-ip", FATE_DROP},
	{"keep-alive", FATE_DROP},
	{"connection", FATE_CONNECTION},
	{"content-length", FATE_DROP},
	{"http2-settings", FATE_DROP},
	{"transfer-encoding", FATE_DROP},
};

/* Names that begin so are dropped from requests. */
static const char *const request_prefixes[] = {"x-2virt-", "x-forwarded-",
					       "proxy-"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Compares without case; b is in lower case. */
static bool equals(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != b[i])
			return false;
	return true;
}

static enum header_fate look_up(const struct known_header *known, size_t count,
				const char *name, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (known[i].name[0] == name[0] &&
		    strlen(known[i].name) == len &&
		    !memcmp(known[i].name, name, len))
			return known[i].fate;
	return FATE_PASS;
}

static enum header_fate request_fate(const char *name, size_t len)
{
	char known[NAME_LEN_KNOWN];
	size_t known_len = len < sizeof(known) ? len : sizeof(known);
	enum header_fate fate;

	for (size_t i = 0; i < known_len; i++)
		known[i] = name[i] == '_' ? '-' : lower(name[i]);
	for (size_t i = 0; i < COUNT(request_prefixes); i++) {
		size_t prefix = strlen(request_prefixes[i]);

		if (known_len >= prefix &&
		    !memcmp(known, request_prefixes[i], prefix))
			return FATE_DROP;
	}
	if (known_len < len)
		return FATE_PASS;
	fate = look_up(request_known, COUNT(request_known), known, len);
	/* Only the true Cookie and Connection are what they seem. */
	if (fate > FATE_DROP && memchr(name, '_', len))
		return FATE_DROP;
	return fate;
}

bool web_connection_names(const char *value, size_t value_len, const char *name,
			  size_t name_len)
{
	size_t at = 0;

	while (at < value_len) {
		size_t end = at;
		size_t next;

		while (end < value_len && value[end] != ',')
			end++;
		next = end + 1;
		while (at < end && (value[at] == ' ' || value[at] == '\t'))
			at++;
		while (end > at &&
		       (value[end - 1] == ' ' || value[end - 1] == '\t'))
			end--;
		if (end - at == name_len) {
			size_t i = 0;

			while (i < name_len &&
			       lower(value[at + i]) == lower(name[i]))
				i++;
			if (i == name_len)
				return true;
		}
		at = next;
	}
	return false;
}

bool web_connection_is_plain(const char *value, size_t len)
{
	return (len == 5 && equals(value, "close", len)) ||
	       (len == 10 && equals(value, "keep-alive", len));
}

/* ---- requests ----------------------------------------------------------- */

bool web_text_add(struct web_text *text, const void *data, size_t len)
{
	size_t size = text->size ? text->size : TEXT_FIRST_SIZE;
	char *grown;

	if (len > text->size - text->len) {
		if (len > REQUEST_TEXT_MAX - text->len)
			return false;
		while (size - text->len < len)
			size *= 2;
		grown = realloc(text->data, size);
		if (!grown)
			return false;
		text->data = grown;
		text->size = size;
	}
	if (len)
		memcpy(text->data + text->len, data, len);
	text->len += len;
	return true;
}

static bool text_add(struct web_request *request, const char *data, size_t len)
{
	return web_text_add(&request->text, data, len);
}

static bool text_add_line(struct web_request *request,
			  const struct web_header *header)
{
	return text_add(request, header->name, header->name_len) &&
	       text_add(request, ": ", 2) &&
	       text_add(request, header->value, header->value_len) &&
	       text_add(request, "\r\n", 2);
}

struct connection_list {
	const struct web_header *headers[CONNECTION_MAX];
	size_t count;
};

/* False: more Connection headers than anyone sends. */
static bool find_connections(const struct web_request_head *head,
			     struct connection_list *list)
{
	list->count = 0;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct web_header *header = &head->headers[i];

		if (header->name_len != 10 ||
		    !equals(header->name, "connection", 10) ||
		    web_connection_is_plain(header->value, header->value_len))
			continue;
		if (list->count == CONNECTION_MAX)
			return false;
		list->headers[list->count++] = header;
	}
	return true;
}

static bool is_named(const struct connection_list *list,
		     const struct web_header *header)
{
	for (size_t i = 0; i < list->count; i++)
		if (web_connection_names(list->headers[i]->value,
					 list->headers[i]->value_len,
					 header->name, header->name_len))
			return true;
	return false;
}

static bool add_cookies(struct web_request *request,
			const struct web_request_head *head,
			const struct connection_list *named)
{
	bool first = true;

	/* HTTP/2 may send it in pieces (RFC 9113, 8.2.3). */
	for (size_t i = 0; i < head->header_count; i++) {
		const struct web_header *header = &head->headers[i];

		if (request_fate(header->name, header->name_len) !=
			    FATE_COOKIE ||
		    is_named(named, header))
			continue;
		if (!text_add(request, first ? "Cookie: " : "; ",
			      first ? 8 : 2) ||
		    !text_add(request, header->value, header->value_len))
			return false;
		first = false;
	}
	return first || text_add(request, "\r\n", 2);
}

/* An empty body is said so where one is expected (RFC 9110, 8.6). */
static bool wants_length(const struct web_request_head *head)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH"};

	if (head->body_len)
		return head->body_len > 0;
	for (size_t i = 0; i < COUNT(methods); i++)
		if (strlen(methods[i]) == head->method_len &&
		    !memcmp(methods[i], head->method, head->method_len))
			return true;
	return false;
}

static bool add_framing(struct web_request *request,
			const struct web_request_head *head)
{
	char line[48];

	if (head->body_len < 0)
		return text_add(request, "Transfer-Encoding: chunked\r\n", 28);
	if (!wants_length(head))
		return true;
	snprintf(line, sizeof(line), "Content-Length: %lld\r\n",
		 (long long)head->body_len);
	return text_add(request, line, strlen(line));
}

static bool add_own_lines(struct web_request *request,
			  const struct web_request_head *head)
{
	char via[] = "Via: x.x 2virt\r\n";
	size_t via_len = sizeof(via) - 1;

	via[5] = (char)('0' + head->http_major % 10);
	via[7] = (char)('0' + head->http_minor % 10);
	if (!text_add(request, request->set->identity,
		      request->set->identity_len) ||
	    !text_add(request, "X-2Virt-Service: ", 17) ||
	    !text_add(request, head->service, head->service_len) ||
	    !text_add(request, "\r\n", 2) || !text_add(request, via, via_len))
		return false;
	return add_framing(request, head);
}

unsigned int web_header_compose(struct web_request *request,
				const struct web_request_head *head)
{
	struct connection_list named;
	bool cookies = false;

	request->text.len = 0;
	if (!find_connections(head, &named))
		return 431;
	if (!text_add(request, head->method, head->method_len))
		return 431;
	request->target_at = request->text.len;
	if (!text_add(request, head->target, head->target_len))
		return 431;
	request->lines_at = request->text.len;
	if (!add_own_lines(request, head))
		return 431;
	for (size_t i = 0; i < head->header_count; i++) {
		const struct web_header *header = &head->headers[i];
		enum header_fate fate =
			request_fate(header->name, header->name_len);

		cookies = cookies || fate == FATE_COOKIE;
		if (fate != FATE_PASS ||
		    (named.count && is_named(&named, header)))
			continue;
		if (!text_add_line(request, header))
			return 431;
	}
	if (cookies && !add_cookies(request, head, &named))
		return 431;
	return text_add(request, "\r\n", 2) ? 0 : 431;
}
