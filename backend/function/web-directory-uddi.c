// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-directory-uddi.c - what this machine is granted, for UDDI (uddi.h).
 */
#define _GNU_SOURCE
#include "backend/function/uddi.h"
#include "backend/function/web-conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char platform[] = "2Virt";

struct rows {
	struct uddi_service *services; /* url is owned, the rest borrowed */
	size_t count;
	size_t size;
	bool failed;
};

static bool rows_grow(struct rows *rows)
{
	size_t size = rows->size ? rows->size * 2 : 16;
	struct uddi_service *services;

	if (rows->count < rows->size)
		return true;
	services = realloc(rows->services, size * sizeof(*services));
	if (!services)
		return false;
	rows->services = services;
	rows->size = size;
	return true;
}

static void add_grant(void *context, const struct web_grant_info *info)
{
	struct rows *rows = context;
	char *url;

	if (rows->failed || !strcmp(info->type, "domain"))
		return;
	if (!rows_grow(rows) || asprintf(&url, "http://%s/", info->name) < 0) {
		rows->failed = true;
		return;
	}
	rows->services[rows->count++] =
		(struct uddi_service){.name = info->name, .url = url};
}

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free((char *)(uintptr_t)rows->services[i].url);
	free(rows->services);
}

bool web_directory_uddi(struct web_page *page, struct web_service_set *services,
			const char *request, size_t len)
{
	struct rows rows = {0};
	struct uddi_answer answer;
	bool made;

	web_service_set_list(services, add_grant, &rows);
	made = !rows.failed && !uddi_answer(
				       &(struct uddi_directory){
					       .platform = platform,
					       .services = rows.services,
					       .count = rows.count,
				       },
				       request ? request : "", len, &answer);
	rows_free(&rows);
	if (!made)
		return false;
	*page = (struct web_page){
		.status = answer.status,
		.type = "text/xml; charset=utf-8",
		.text = answer.text,
		.len = answer.len,
	};
	return true;
}
