// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-ask.c - what a request must be before it may go anywhere.
 *
 * Both protocols' parsers have accepted the octets; here is decided what they
 * mean, so that the same rules hold for both: which service is asked for,
 * whether there is a body and where it ends.  Whatever two readers could
 * understand in two ways is refused (RFC 9112, 11.2).
 */
#include "backend/function/web-conn.h"

#include <http_parser.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* b is in lower case. */
static bool text_is(const char *a, size_t len, const char *b)
{
	if (strlen(b) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != b[i])
			return false;
	return true;
}

bool web_is_token(const char *text, size_t len)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9'))
			continue;
		if (!c || !strchr(others, c))
			return false;
	}
	return len != 0;
}

static bool is_value(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_visible(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return len != 0;
}

/* ---- authority ---------------------------------------------------------- */

static bool is_port(const char *text, size_t len)
{
	if (len > 5)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

static bool is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	       c == '.' || c == '_' || c == '[' || c == ']' || c == ':';
}

/*
 * Takes the name out of host[:port], in lower case.  An IPv6 literal is well
 * formed, though no service is called so.
 */
static bool authority_name(const char *text, size_t len, char *name,
			   size_t *name_len)
{
	const char *bracket =
		len && text[0] == '[' ? memchr(text, ']', len) : NULL;
	size_t from = bracket ? (size_t)(bracket - text) : 0;
	const char *colon = memchr(text + from, ':', len - from);
	size_t host_len = colon ? (size_t)(colon - text) : len;

	if (colon && !is_port(colon + 1, len - host_len - 1))
		return false;
	if (!host_len || host_len > WEB_SERVICE_NAME_MAX)
		return false;
	for (size_t i = 0; i < host_len; i++) {
		name[i] = lower(text[i]);
		if (!is_host_char(name[i]))
			return false;
	}
	*name_len = host_len;
	name[host_len] = 0;
	return true;
}

/* ---- headers ------------------------------------------------------------ */

struct findings {
	const struct web_header *host;
	const struct web_header *length;
	const struct web_header *coding;
	const struct web_header *expect;
	const struct web_header *upgrade;
	const struct web_header *priority;
	unsigned int hosts;
	unsigned int lengths;
	unsigned int codings;
	unsigned int expects;
};

static void find_header(const struct web_header *header, struct findings *found)
{
	const char *name = header->name;
	size_t len = header->name_len;

	switch (len) {
	case 4:
		if (text_is(name, len, "host")) {
			found->host = header;
			found->hosts++;
		}
		return;
	case 6:
		if (text_is(name, len, "expect")) {
			found->expect = header;
			found->expects++;
		}
		return;
	case 7:
		if (text_is(name, len, "upgrade"))
			found->upgrade = header;
		return;
	case 8:
		if (text_is(name, len, "priority"))
			found->priority = header;
		return;
	case 14:
		if (text_is(name, len, "content-length")) {
			found->length = header;
			found->lengths++;
		}
		return;
	case 17:
		if (text_is(name, len, "transfer-encoding")) {
			found->coding = header;
			found->codings++;
		}
		return;
	default:
		return;
	}
}

static bool parse_length(const struct web_header *header, int64_t *length)
{
	int64_t number = 0;

	/* 18 digits always fit. */
	if (!header->value_len || header->value_len > 18)
		return false;
	for (size_t i = 0; i < header->value_len; i++) {
		char c = header->value[i];

		if (c < '0' || c > '9')
			return false;
		number = number * 10 + (c - '0');
	}
	*length = number;
	return true;
}

static unsigned int check_service(struct web_ask *ask,
				  const struct findings *found,
				  const char **why)
{
	char host[WEB_SERVICE_NAME_MAX + 1];
	size_t host_len = 0;

	if (found->hosts > 1) {
		*why = "there is more than one Host";
		return 400;
	}
	if (!found->hosts && !ask->authority) {
		*why = "there is no Host: which service is asked for?";
		return 400;
	}
	if (!found->hosts && ask->major == 1 && ask->minor == 1) {
		*why = "there is no Host";
		return 400;
	}
	if (found->host &&
	    !authority_name(found->host->value, found->host->value_len, host,
			    &host_len)) {
		*why = "Host is malformed";
		return 400;
	}
	if (!ask->authority) {
		memcpy(ask->service, host, host_len + 1);
		ask->service_len = host_len;
		return 0;
	}
	if (!authority_name(ask->authority, ask->authority_len, ask->service,
			    &ask->service_len)) {
		*why = "the authority is malformed";
		return 400;
	}
	if (found->host && (host_len != ask->service_len ||
			    memcmp(host, ask->service, host_len) != 0)) {
		*why = "Host and the target's authority differ";
		return 400;
	}
	return 0;
}

static unsigned int check_framing(struct web_ask *ask,
				  const struct findings *found,
				  const char **why)
{
	ask->content_length = -1;
	ask->chunked = false;
	if (found->lengths > 1 || found->codings > 1) {
		*why = "Content-Length or Transfer-Encoding is there twice";
		return 400;
	}
	if (found->length && found->coding) {
		*why = "Content-Length and Transfer-Encoding are both there";
		return 400;
	}
	if (found->length &&
	    !parse_length(found->length, &ask->content_length)) {
		*why = "Content-Length is malformed";
		return 400;
	}
	if (!found->coding)
		return 0;
	if (ask->major != 1 || ask->minor == 0) {
		*why = "Transfer-Encoding is of HTTP/1.1 only";
		return 400;
	}
	if (!text_is(found->coding->value, found->coding->value_len,
		     "chunked")) {
		*why = "no Transfer-Encoding but chunked is known";
		return 501;
	}
	ask->chunked = true;
	return 0;
}

static unsigned int check_target(const struct web_ask *ask, const char **why)
{
	bool asterisk = ask->target_len == 1 && ask->target[0] == '*';

	if (!is_visible(ask->target, ask->target_len) ||
	    memchr(ask->target, '#', ask->target_len)) {
		*why = "the target is malformed";
		return 400;
	}
	if (ask->target[0] == '/')
		return 0;
	if (asterisk && ask->method_len == 7 &&
	    !memcmp(ask->method, "OPTIONS", 7))
		return 0;
	*why = "the target is neither a path nor an http URL";
	return 400;
}

/* HTTP/1.1's parser knows the same methods. */
static bool is_known_method(const char *method, size_t len)
{
#define METHOD_NAME(number, name, string) #string,
	static const char *const known[] = {HTTP_METHOD_MAP(METHOD_NAME)};
#undef METHOD_NAME

	for (size_t i = 0; i < COUNT(known); i++)
		if (strlen(known[i]) == len && !memcmp(known[i], method, len))
			return true;
	return false;
}

static unsigned int check_method(const struct web_ask *ask, const char **why)
{
	bool has_body = ask->chunked || ask->content_length > 0;

	if (ask->method_len == 7 && !memcmp(ask->method, "CONNECT", 7)) {
		*why = "this is no tunnel";
		return 405;
	}
	if (!is_known_method(ask->method, ask->method_len)) {
		*why = "the method is not known";
		return 501;
	}
	if (has_body &&
	    ((ask->method_len == 4 && !memcmp(ask->method, "HEAD", 4)) ||
	     (ask->method_len == 5 && !memcmp(ask->method, "TRACE", 5)))) {
		*why = "such a request has no body";
		return 400;
	}
	return 0;
}

unsigned int web_ask_check(struct web_ask *ask, const char **why)
{
	struct findings found = {0};
	unsigned int status;

	for (size_t i = 0; i < ask->header_count; i++) {
		const struct web_header *header = &ask->headers[i];

		if (!web_is_token(header->name, header->name_len) ||
		    !is_value(header->value, header->value_len)) {
			*why = "a header is malformed";
			return 400;
		}
		find_header(header, &found);
	}
	status = check_framing(ask, &found, why);
	if (!status)
		status = check_method(ask, why);
	if (!status)
		status = check_target(ask, why);
	if (!status)
		status = check_service(ask, &found, why);
	if (status)
		return status;
	/* h2c is offered by clients that go on well without it. */
	if (found.upgrade &&
	    !text_is(found.upgrade->value, found.upgrade->value_len, "h2c")) {
		*why = "there is no upgrade to another protocol";
		return 501;
	}
	if (found.priority)
		ask->urgency = web_urgency_read(found.priority->value,
						found.priority->value_len);
	ask->expects_continue = found.expect != NULL;
	if (found.expects > 1 ||
	    (found.expect &&
	     !text_is(found.expect->value, found.expect->value_len,
		      "100-continue"))) {
		*why = "nothing but 100-continue can be expected";
		return 417;
	}
	return 0;
}

void web_ask_fill(const struct web_ask *ask, int64_t body_len,
		  size_t body_buffer_bytes, struct web_request_head *head)
{
	*head = (struct web_request_head){
		.service = ask->service,
		.service_len = ask->service_len,
		.method = ask->method,
		.method_len = ask->method_len,
		.target = ask->target,
		.target_len = ask->target_len,
		.headers = ask->headers,
		.header_count = ask->header_count,
		.body_len = body_len,
		.body_buffer_bytes = body_buffer_bytes,
		.http_major = ask->major,
		.http_minor = ask->minor,
		.priority = web_urgency_class(&ask->urgency),
	};
}

bool web_is_denied(const struct web_failure *failure)
{
	return failure->verdict != WEB_ALLOWED;
}

enum tv_pipe_reason web_failure_reason(const struct web_failure *failure)
{
	if (failure->revoked)
		return TV_PIPE_REASON_REVOKED;
	if (web_is_denied(failure))
		return TV_PIPE_REASON_LIMIT;
	return failure->timeout ? TV_PIPE_REASON_TIMEOUT
				: TV_PIPE_REASON_PEER_RESET;
}
