// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-path.c - paths in one form, and patterns of them.
 *
 * The path goes on to the upstream as the guest wrote it, so a judgement is
 * only good if every server understands the path as it was judged here.  Two
 * readings are known to be common and harmless if both are allowed: "a//b" as
 * it stands and as "a/b"; both must match.  All others make a path unclear.
 */
#include "backend/service/web-path.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
	char text[WEB_PATH_PATTERN_MAX];
	size_t len;
};

struct web_path_patterns {
	size_t count;
	struct pattern pattern[WEB_PATH_PATTERNS];
};

/* ---- one form ----------------------------------------------------------- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_unreserved(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/*
 * What some servers decode once more, take for a separator or for an end:
 * %00 and other controls, %2f, %5c, and %25 (a second layer of them).
 */
static bool is_unclear(int c)
{
	return c < ' ' || c == 0x7f || c == '/' || c == '\\' || c == '%';
}

/* One %XX at text; how it is written goes to the path. */
static enum web_path_result take_triplet(const char *text, size_t left,
					 char *path, size_t *len)
{
	static const char digits[] = "0123456789ABCDEF";
	int high = left > 2 ? hex_value(text[1]) : -1;
	int low = left > 2 ? hex_value(text[2]) : -1;
	int c = high * 16 + low;

	if (high < 0 || low < 0)
		return WEB_PATH_MALFORMED;
	if (is_unclear(c))
		return WEB_PATH_UNCLEAR;
	if (is_unreserved(c)) {
		path[(*len)++] = (char)c;
		return WEB_PATH_OK;
	}
	path[(*len)++] = '%';
	path[(*len)++] = digits[high];
	path[(*len)++] = digits[low];
	return WEB_PATH_OK;
}

/*
 * "." or "..", also before parameters and blanks that some servers take away.
 */
static bool is_dot_segment(const char *segment, size_t len)
{
	size_t dots = 0;

	while (dots < len && segment[dots] == '.')
		dots++;
	if (!dots || dots > 2)
		return false;
	return dots == len || segment[dots] == ';' || segment[dots] == '%';
}

static bool has_dot_segment(const char *path, size_t len)
{
	size_t from = 1;

	for (size_t i = 1; i <= len; i++) {
		if (i < len && path[i] != '/')
			continue;
		if (is_dot_segment(path + from, i - from))
			return true;
		from = i + 1;
	}
	return false;
}

enum web_path_result web_path_normalise(const char *target, size_t target_len,
					char path[WEB_PATH_MAX], size_t *len)
{
	const char *query = memchr(target, '?', target_len);
	size_t end = query ? (size_t)(query - target) : target_len;
	size_t at = 0;

	*len = 0;
	if (!end || target[0] != '/')
		return WEB_PATH_MALFORMED;
	if (end > WEB_PATH_MAX)
		return WEB_PATH_UNCLEAR;
	while (at < end) {
		char c = target[at];
		enum web_path_result result;

		if (c <= ' ' || c > '~' || c == '#')
			return WEB_PATH_MALFORMED;
		if (c == '\\')
			return WEB_PATH_UNCLEAR;
		if (c != '%') {
			path[(*len)++] = c;
			at++;
			continue;
		}
		result = take_triplet(target + at, end - at, path, len);
		if (result != WEB_PATH_OK)
			return result;
		at += 3;
	}
	return has_dot_segment(path, *len) ? WEB_PATH_UNCLEAR : WEB_PATH_OK;
}

/* ---- patterns ----------------------------------------------------------- */

static int pattern_read(struct pattern *pattern, const char *text, size_t len)
{
	char path[WEB_PATH_MAX];
	char rooted[WEB_PATH_PATTERN_MAX + 1];
	size_t rooted_len = 0;
	size_t path_len;
	bool bare = len && text[0] == '*';

	if (!len || len > WEB_PATH_PATTERN_MAX || (text[0] != '/' && !bare))
		return -EINVAL;
	/* Compared with paths in their one form, it has to be in it too. */
	if (bare)
		rooted[rooted_len++] = '/';
	memcpy(rooted + rooted_len, text, len);
	rooted_len += len;
	if (memchr(text, '?', len) ||
	    web_path_normalise(rooted, rooted_len, path, &path_len) !=
		    WEB_PATH_OK)
		return -EINVAL;
	pattern->len = path_len - bare;
	memcpy(pattern->text, path + bare, pattern->len);
	return 0;
}

int web_path_patterns_create(const char *text,
			     struct web_path_patterns **patterns)
{
	struct web_path_patterns *made;

	*patterns = NULL;
	if (!text)
		return 0;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	for (;;) {
		size_t len = strcspn(text, ",");

		if (made->count == WEB_PATH_PATTERNS ||
		    pattern_read(&made->pattern[made->count++], text, len)) {
			free(made);
			return -EINVAL;
		}
		if (!text[len])
			break;
		text += len + 1;
	}
	*patterns = made;
	return 0;
}

void web_path_patterns_free(struct web_path_patterns *patterns)
{
	free(patterns);
}

/* Goes back to the last star only: no more than len * pattern->len steps. */
static bool pattern_fits(const struct pattern *pattern, const char *path,
			 size_t len)
{
	size_t p = 0;
	size_t star = SIZE_MAX;
	size_t star_at = 0;
	size_t i = 0;

	while (i < len) {
		if (p < pattern->len && pattern->text[p] == '*') {
			star = p++;
			star_at = i;
		} else if (p < pattern->len && pattern->text[p] == path[i]) {
			p++;
			i++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			i = ++star_at;
		} else {
			return false;
		}
	}
	while (p < pattern->len && pattern->text[p] == '*')
		p++;
	return p == pattern->len;
}

static bool any_fits(const struct web_path_patterns *patterns, const char *path,
		     size_t len)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (pattern_fits(&patterns->pattern[i], path, len))
			return true;
	return false;
}

/* As servers read it that take several slashes for one. */
static size_t merge_slashes(char *path, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++)
		if (!kept || path[i] != '/' || path[kept - 1] != '/')
			path[kept++] = path[i];
	return kept;
}

unsigned int web_path_judge(const struct web_path_patterns *patterns,
			    const char *target, size_t target_len)
{
	char path[WEB_PATH_MAX];
	size_t len;
	size_t merged;

	if (!patterns)
		return 0;
	switch (web_path_normalise(target, target_len, path, &len)) {
	case WEB_PATH_OK:
		break;
	case WEB_PATH_MALFORMED:
		return 400;
	default:
		return 403;
	}
	if (!any_fits(patterns, path, len))
		return 403;
	merged = merge_slashes(path, len);
	return merged == len || any_fits(patterns, path, merged) ? 0 : 403;
}
