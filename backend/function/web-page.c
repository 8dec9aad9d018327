// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-page.c - answers of the function's own: one line of text that says why
 * there is no other.
 */
#define _GNU_SOURCE
#include "backend/function/web-conn.h"

#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char web_allowed_methods[] =
	"GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE";

struct status_entry {
	unsigned int status;
	const char *why;
};

static const struct status_entry status_words[] = {
	{400, "the request is malformed"},
	{403, "no such service is granted to this machine"},
	{408, "the request's body stopped coming"},
	{413, "the request's body is too large"},
	{417, "the expectation cannot be met"},
	{431, "the request's headers are too large"},
	{501, "this is not implemented"},
	{502, "the upstream failed"},
	{503, "too many requests at once"},
	{504, "the upstream took too long"},
	{505, "HTTP/1.0, HTTP/1.1 and HTTP/2 are spoken here"},
};

const char *web_status_phrase(unsigned int status)
{
#define STATUS_CASE(number, name, string)                                      \
	case number:                                                           \
		return #string;
	switch (status) {
		HTTP_STATUS_MAP(STATUS_CASE)
	default:
		return "Unknown";
	}
#undef STATUS_CASE
}

static bool page_take(struct web_page *page, unsigned int status, int len,
		      char *text)
{
	if (len < 0)
		return false;
	*page = (struct web_page){
		.status = status,
		.type = "text/plain",
		.text = text,
		.len = (size_t)len,
		.allow = status == 405,
	};
	return true;
}

bool web_page_refuse(struct web_page *page, unsigned int status,
		     const char *why)
{
	char *text = NULL;
	int len;

	for (size_t i = 0; !why && i < COUNT(status_words); i++)
		if (status_words[i].status == status)
			why = status_words[i].why;
	len = asprintf(&text, "%u %s: %s\n", status, web_status_phrase(status),
		       why ? why : "");
	return page_take(page, status, len, text);
}

bool web_page_deny(struct web_page *page, const struct web_function *function,
		   const struct web_failure *failure, const char *service)
{
	const char *contact = web_service_set_contact(function->services);
	char *text = NULL;
	int len = asprintf(&text,
			   "%u %s: %s.\n"
			   "This is policy of the platform, for the service "
			   "\"%s\".%s%s%s\n",
			   failure->status, web_status_phrase(failure->status),
			   failure->text, service, contact ? " Ask " : "",
			   contact ? contact : "", contact ? "." : "");

	if (!page_take(page, failure->status, len, text))
		return false;
	page->retry_after_s = failure->retry_after_s;
	return true;
}
