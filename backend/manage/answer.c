// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * answer.c - what a request gets: JSON, text, a problem.
 */
#include "backend/manage/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{411, "Length Required"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
};

const char *answer_reason(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}

void answer_fini(struct answer *answer)
{
	free(answer->body);
	memset(answer, 0, sizeof(*answer));
}

void answer_text(struct answer *answer, const char *type, char *text,
		 size_t len)
{
	answer_fini(answer);
	answer->kind = ANSWER_NOW;
	answer->status = text ? 200 : 500;
	answer->type = type;
	answer->body = text;
	answer->len = text ? len : 0;
}

/* With a newline at the end, for people with curl. */
static void set_json(struct answer *answer, int status, const char *type,
		     json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	size_t len = text ? strlen(text) : 0;
	char *grown = text ? realloc(text, len + 2) : NULL;

	json_decref(json);
	if (!grown) {
		free(text);
		answer_text(answer, type, NULL, 0);
		return;
	}
	memcpy(grown + len, "\n", 2);
	answer_text(answer, type, grown, len + 1);
	answer->status = status;
}

void answer_json(struct answer *answer, int status, json_t *json)
{
	set_json(answer, status, "application/json", json);
}

json_t *answer_string(const char *text)
{
	json_t *json = json_string(text);
	char *copy;

	if (json)
		return json;
	copy = strdup(text);
	for (char *at = copy; at && *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	json = copy ? json_string(copy) : NULL;
	free(copy);
	return json;
}

void answer_problem(struct answer *answer, int status, const char *action,
		    const char *detail, ...)
{
	char text[1024];
	json_t *json;
	va_list args;

	va_start(args, detail);
	vsnprintf(text, sizeof(text), detail, args);
	va_end(args);
	json = json_pack("{s:s, s:i, s:o}", "title", answer_reason(status),
			 "status", status, "detail", answer_string(text));
	if (json && action)
		json_object_set_new(json, "action", answer_string(action));
	set_json(answer, status, "application/problem+json", json);
}
