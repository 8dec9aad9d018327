// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-directory.c - what this machine is granted, as JSON.
 *
 * The guest sees its own grants and limits, no upstreams and nothing of other
 * domains (docs/directory.md).
 */
#define _GNU_SOURCE
#include "backend/function/web-conn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	FILE *out;
	unsigned int grants;
};

static void put_string(FILE *out, const char *text, size_t len)
{
	fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < ' ' || c > '~')
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void put_key(FILE *out, bool *first, const char *key)
{
	fprintf(out, "%s\"%s\":", *first ? "" : ",", key);
	*first = false;
}

static void put_number(FILE *out, bool *first, const char *key, uint64_t number)
{
	if (!number)
		return;
	put_key(out, first, key);
	fprintf(out, "%" PRIu64, number);
}

static void put_list(FILE *out, bool *first, const char *key, const char *list)
{
	if (!list)
		return;
	put_key(out, first, key);
	fputc('[', out);
	for (;;) {
		size_t len = strcspn(list, ",");

		put_string(out, list, len);
		if (!list[len])
			break;
		fputc(',', out);
		list += len + 1;
	}
	fputc(']', out);
}

const char *web_class_name(uint32_t priority)
{
	static const char *const names[WEB_PRIORITY_COUNT] = {NULL, "high",
							      "normal", "low"};

	return priority < WEB_PRIORITY_COUNT ? names[priority] : NULL;
}

const char *web_health_name(enum web_health health)
{
	static const char *const names[WEB_HEALTH_COUNT] = {"up", "degraded",
							    "down"};

	return names[health];
}

static void put_class(FILE *out, bool *first, uint32_t priority)
{
	if (!web_class_name(priority))
		return;
	put_key(out, first, "class");
	fprintf(out, "\"%s\"", web_class_name(priority));
}

/* The names are those of the rules' parameters; what is not there is free. */
static void put_limits(FILE *out, const struct web_limits *limits)
{
	bool first = true;

	fputc('{', out);
	put_list(out, &first, "methods", limits->methods);
	put_list(out, &first, "path", limits->paths);
	put_number(out, &first, "request-size", limits->request_bytes);
	put_number(out, &first, "response-size", limits->response_bytes);
	put_number(out, &first, "rps", limits->rps);
	put_number(out, &first, "rate", limits->rate);
	put_number(out, &first, "burst", limits->burst);
	put_number(out, &first, "streams", limits->streams);
	put_number(out, &first, "pipes", limits->pipes);
	put_number(out, &first, "weight", limits->weight);
	put_class(out, &first, limits->priority);
	fputc('}', out);
}

void web_directory_put_limits(FILE *out, const struct web_grant_info *info)
{
	put_limits(out, info->limits);
}

void web_directory_put_grant(FILE *out, const struct web_grant_info *info)
{
	fputs("{\"type\":", out);
	put_string(out, info->type, strlen(info->type));
	fputs(",\"name\":", out);
	put_string(out, info->name, strlen(info->name));
	/* The domain itself has none. */
	if (strcmp(info->type, "domain") != 0)
		fprintf(out, ",\"health\":\"%s\"",
			web_health_name(info->health));
	fputs(",\"limits\":", out);
	put_limits(out, info->limits);
	fputc('}', out);
}

static void put_grant(void *context, const struct web_grant_info *info)
{
	struct writer *writer = context;
	FILE *out = writer->out;

	if (!strcmp(info->type, "domain")) {
		fputs("\"domain\":{\"name\":", out);
		put_string(out, info->name, strlen(info->name));
		fputs(",\"limits\":", out);
		put_limits(out, info->limits);
		fputs("},\"grants\":[", out);
		return;
	}
	fputs(writer->grants++ ? ",\n" : "\n", out);
	web_directory_put_grant(out, info);
}

static void put_all(FILE *out, struct web_service_set *set)
{
	const char *contact = web_service_set_contact(set);
	struct writer writer = {.out = out};

	fputs("{\"version\":1,", out);
	if (contact) {
		fputs("\"contact\":", out);
		put_string(out, contact, strlen(contact));
		fputc(',', out);
	}
	web_service_set_list(set, put_grant, &writer);
	fputs("\n]}\n", out);
}

bool web_directory_json(struct web_page *page, struct web_service_set *services)
{
	FILE *out;

	memset(page, 0, sizeof(*page));
	page->status = 200;
	page->type = "application/json";
	page->fresh = true;
	out = open_memstream(&page->text, &page->len);
	if (!out)
		return false;
	put_all(out, services);
	if (!fclose(out))
		return true;
	free(page->text);
	return false;
}
