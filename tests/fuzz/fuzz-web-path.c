// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-web-path.c - hostile paths, and patterns with mistakes.
 *
 * The input is PATTERNS '\n' TARGET.  What is let through must be safe however
 * a server decodes it: it is decoded once and twice, its slashes are merged and
 * its dots are resolved, and none of that may leave what was allowed.
 */
#include "backend/service/web-path.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t decode(char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && len - i > 2 && hex(text[i + 1]) >= 0 &&
		    hex(text[i + 2]) >= 0) {
			text[to++] = (char)(hex(text[i + 1]) * 16 +
					    hex(text[i + 2]));
			i += 2;
		} else {
			text[to++] = text[i];
		}
	}
	return to;
}

/* No segment is "." or "..", and no NUL or backslash is in it. */
static void check_plain(const char *path, size_t len)
{
	size_t from = 0;

	assert(!memchr(path, 0, len) && !memchr(path, '\\', len));
	for (size_t i = 0; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		assert(i - from != 1 || path[from] != '.');
		assert(i - from != 2 || memcmp(path + from, "..", 2) != 0);
		from = i + 1;
	}
}

static void check_allowed(const char *target, size_t len)
{
	char path[WEB_PATH_MAX];
	const char *query = memchr(target, '?', len);
	size_t slashes = 0;
	size_t path_len = query ? (size_t)(query - target) : len;

	assert(path_len <= WEB_PATH_MAX);
	memcpy(path, target, path_len);
	for (size_t i = 0; i < path_len; i++)
		slashes += path[i] == '/';
	for (int layer = 0; layer < 2; layer++) {
		size_t now = 0;

		check_plain(path, path_len);
		for (size_t i = 0; i < path_len; i++)
			now += path[i] == '/';
		assert(now == slashes);
		path_len = decode(path, path_len);
	}
	check_plain(path, path_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
	struct web_path_patterns *patterns;
	const char *target;
	size_t target_len;
	char *text;
	char path[WEB_PATH_MAX];
	char again[WEB_PATH_MAX];
	size_t len;
	size_t again_len;

	if (!line)
		return 0;
	target = (const char *)line + 1;
	target_len = size - (size_t)(line + 1 - data);
	if (web_path_normalise(target, target_len, path, &len) == WEB_PATH_OK) {
		/* The one form is the one form. */
		assert(web_path_normalise(path, len, again, &again_len) ==
		       WEB_PATH_OK);
		assert(len == again_len && !memcmp(path, again, len));
	}
	text = strndup((const char *)data, (size_t)(line - data));
	assert(text);
	if (!web_path_patterns_create(text, &patterns)) {
		unsigned int status =
			web_path_judge(patterns, target, target_len);

		assert(status == 0 || status == 400 || status == 403);
		if (!status)
			check_allowed(target, target_len);
		web_path_patterns_free(patterns);
	}
	free(text);
	return 0;
}
