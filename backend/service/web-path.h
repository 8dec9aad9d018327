/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * web-path.h - whether a path is one that a grant allows.
 *
 * What servers read in different ways is not guessed at but refused, see
 * docs/web.md, "Paths".
 */
#ifndef SERVICE_WEB_PATH_H
#define SERVICE_WEB_PATH_H

#include <stdbool.h>
#include <stddef.h>

enum {
	WEB_PATH_MAX = 4096, /* longer ones are not judged */
	WEB_PATH_PATTERN_MAX = 255,
	WEB_PATH_PATTERNS = 16,
};

enum web_path_result {
	WEB_PATH_OK,
	WEB_PATH_MALFORMED, /* no path at all: 400 */
	WEB_PATH_UNCLEAR,   /* servers differ in what it means: 403 */
};

/*
 * Writes the one form in which paths are compared: %XX of letters, digits and
 * "-._~" decoded, other %XX in capitals.  The query is cut off.  *len is how
 * long it is; path has no final 0.
 */
enum web_path_result web_path_normalise(const char *target, size_t target_len,
					char path[WEB_PATH_MAX], size_t *len);

struct web_path_patterns;

/*
 * Reads patterns with commas between them ("/api/ *,/img/ *", without the
 * blanks): '*' stands for any octets, none too.  NULL text is no patterns,
 * which allow everything.  0, -EINVAL, -ENOMEM; *patterns is the caller's.
 */
int web_path_patterns_create(const char *text,
			     struct web_path_patterns **patterns);
void web_path_patterns_free(struct web_path_patterns *patterns);

/*
 * Judges a target.  The status to refuse it with (400 or 403), or 0.  Without
 * patterns nothing is looked at.
 */
unsigned int web_path_judge(const struct web_path_patterns *patterns,
			    const char *target, size_t target_len);

#endif
