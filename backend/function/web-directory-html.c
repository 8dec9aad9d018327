// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-directory-html.c - what this machine is granted, as a page for eyes.
 *
 * No scripts, no styles, nothing loaded; all that is not constant is escaped.
 */
#define _GNU_SOURCE
#include "backend/function/web-conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c > '~')
			fprintf(out, "&#xFFFD;");
		else if (strchr("<>&\"'", c))
			fprintf(out, "&#%u;", c);
		else
			fputc(c, out);
	}
}

static void put_number(FILE *out, const char *key, uint64_t number)
{
	if (number)
		fprintf(out, "<li>%s: %" PRIu64 "</li>\n", key, number);
}

static void put_list(FILE *out, const char *key, const char *list)
{
	if (!list)
		return;
	fprintf(out, "<li>%s: <code>", key);
	put_text(out, list);
	fputs("</code></li>\n", out);
}

/* The names are those of the rules' parameters; what is not there is free. */
static void put_limits(FILE *out, const struct web_limits *limits)
{
	fputs("<ul>\n", out);
	put_list(out, "methods", limits->methods);
	put_list(out, "path", limits->paths);
	put_number(out, "request-size", limits->request_bytes);
	put_number(out, "response-size", limits->response_bytes);
	put_number(out, "rps", limits->rps);
	put_number(out, "rate", limits->rate);
	put_number(out, "burst", limits->burst);
	put_number(out, "streams", limits->streams);
	put_number(out, "pipes", limits->pipes);
	put_number(out, "weight", limits->weight);
	put_list(out, "class", web_class_name(limits->priority));
	fputs("</ul>", out);
}

static void put_grant(void *context, const struct web_grant_info *info)
{
	FILE *out = context;

	if (!strcmp(info->type, "domain")) {
		fputs("<h1>What ", out);
		put_text(out, info->name);
		fputs(" may use</h1>\n<p>All services together:</p>\n", out);
		put_limits(out, info->limits);
		fputs("\n<table border=\"1\">\n<tr><th>service</th>"
		      "<th>type</th><th>health</th><th>limits</th></tr>\n",
		      out);
		return;
	}
	/* A service's name is [a-z0-9._-]: it is its URL's host. */
	fputs("<tr><td><a href=\"http://", out);
	put_text(out, info->name);
	fputs("/\">", out);
	put_text(out, info->name);
	fputs("</a></td><td>", out);
	put_text(out, info->type);
	fprintf(out, "</td><td>%s</td><td>", web_health_name(info->health));
	put_limits(out, info->limits);
	fputs("</td></tr>\n", out);
}

static void put_all(FILE *out, struct web_service_set *services)
{
	const char *contact = web_service_set_contact(services);

	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
	      "charset=\"utf-8\"><title>directory</title></head><body>\n",
	      out);
	web_service_set_list(services, put_grant, out);
	fputs("</table>\n", out);
	if (contact) {
		fputs("<p>Ask ", out);
		put_text(out, contact);
		fputs(" for more.</p>\n", out);
	}
	fputs("<p>What is not listed is free. For programs: this page as JSON, "
	      "UDDI 3 at <code>POST /uddi</code>.</p>\n</body></html>\n",
	      out);
}

bool web_directory_html(struct web_page *page, struct web_service_set *services)
{
	FILE *out;

	*page = (struct web_page){
		.status = 200,
		.type = "text/html; charset=utf-8",
		.fresh = true,
		.policy = "default-src 'none'; frame-ancestors 'none'",
	};
	out = open_memstream(&page->text, &page->len);
	if (!out)
		return false;
	put_all(out, services);
	if (!fclose(out))
		return true;
	free(page->text);
	return false;
}
