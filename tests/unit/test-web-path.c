// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-path.c - which paths a grant's patterns let through.
 */
#include "backend/service/web-path.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct path_case {
	const char *patterns;
	const char *target;
	unsigned int status;
};

static const struct path_case path_cases[] = {
	/* patterns */
	{NULL, "/../%00", 0}, /* without patterns nothing is looked at */
	{"/api/*", "/api/x", 0},
	{"/api/*", "/api/", 0},
	{"/api/*", "/api/a/b/c", 0},
	{"/api/*", "/api", 403},
	{"/api/*", "/apix", 403},
	{"/api/*", "/API/x", 403},
	{"/api/*", "/x/api/y", 403},
	{"/api/*,/img/*.png", "/img/a/b.png", 0},
	{"/api/*,/img/*.png", "/img/b.jpg", 403},
	{"/api/*,/img/*.png", "/img/b.png/x", 403},
	{"/only", "/only", 0},
	{"/only", "/only/", 403},
	{"*.css", "/a/b.css", 0},
	{"*", "/anything", 0},
	{"/a*b*c", "/aXbXbXc", 0},
	{"/a*b*c", "/aXcXb", 403},
	{"/", "/", 0},
	{"/", "/x", 403},
	/* the query is never part of it */
	{"/api/*", "/api/x?y=/../..%2f%00", 0},
	{"/api/*", "/secret?/api/x", 403},
	{"/api/x", "/api/x?", 0},
	/* no paths */
	{"*", "*", 400},
	{"*", "", 400},
	{"*", "?x", 400},
	{"*", "api", 400},
	{"*", "/a#b", 400},
	{"*", "/a b", 400},
	{"*", "/a\x80", 400},
	/* malformed %XX */
	{"*", "/%", 400},
	{"*", "/%4", 400},
	{"*", "/%4g", 400},
	{"*", "/%g4", 400},
	{"*", "/a%%41", 400},
	/* one form: %XX of what needs none, in any case of its digits */
	{"/api/*", "/%61pi/x", 0},
	{"/api/*", "/a%70%69/x", 0},
	{"/a~b", "/a%7eb", 0},
	{"/a~b", "/a%7Eb", 0},
	{"/%61pi/*", "/api/x", 0},
	{"/a%3ab", "/a%3Ab", 0},
	{"/a%3Ab", "/a%3ab", 0},
	{"/a%3ab", "/a:b", 403}, /* reserved: not the same */
	{"/a:b", "/a%3ab", 403},
	{"/caf%c3%a9", "/caf%C3%A9", 0},
	/* dots */
	{"*", "/.", 403},
	{"*", "/..", 403},
	{"*", "/./a", 403},
	{"*", "/../a", 403},
	{"/api/*", "/api/../secret", 403},
	{"/api/*", "/api/./x", 403},
	{"/api/*", "/api/x/..", 403},
	{"/api/*", "/api/%2e%2e/secret", 403},
	{"/api/*", "/api/%2E./secret", 403},
	{"/api/*", "/api/.%2e/secret", 403},
	{"/api/*", "/api/..;x=1/secret", 403},
	{"/api/*", "/api/..%3bx/secret", 403},
	{"/api/*", "/api/..%20/secret", 403},
	{"/api/*", "/api/.;/x", 403},
	{"/api/*", "/api/...", 0},
	{"/api/*", "/api/..x", 0},
	{"/api/*", "/api/.x", 0},
	{"/api/*", "/api/x..", 0},
	{"/api/*", "/api/x%2ey", 0},
	/* what servers take for a separator, an end, or decode again */
	{"*", "/a%2fb", 403},
	{"*", "/a%2Fb", 403},
	{"/api/*", "/api/..%2fsecret", 403},
	{"*", "/a%5cb", 403},
	{"*", "/a\\b", 403},
	{"*", "/a%00", 403},
	{"*", "/a%00.png", 403},
	{"*", "/a%0a", 403},
	{"*", "/a%7f", 403},
	{"/api/*", "/api/%252e%252e/secret", 403},
	{"*", "/100%25", 403},
	/* several slashes: as they stand and as one */
	{"/api/*", "/api//x", 0},
	{"/api/*", "//api/x", 403},
	{"/api/*", "/api///", 0},
	{"/a/*/pub", "/a//pub", 403},
	{"/a/*/pub", "/a/x//pub", 0},
	{"//x", "//x", 403},
	{"*", "//", 0},
};

static unsigned int judge(const char *text, const char *target, size_t len)
{
	struct web_path_patterns *patterns;
	unsigned int status;

	assert_int_equal(web_path_patterns_create(text, &patterns), 0);
	status = web_path_judge(patterns, target, len);
	web_path_patterns_free(patterns);
	return status;
}

static void each_path_is_judged_as_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(path_cases); i++) {
		const struct path_case *c = &path_cases[i];
		unsigned int status =
			judge(c->patterns, c->target, strlen(c->target));

		if (status != c->status)
			fail_msg("%s against %s: %u, not %u", c->target,
				 c->patterns, status, c->status);
	}
}

static void a_long_path_is_not_judged(void **state)
{
	static char target[WEB_PATH_MAX + 1];

	(void)state;
	memset(target, 'a', sizeof(target));
	target[0] = '/';
	assert_int_equal(judge("/a*", target, WEB_PATH_MAX), 0);
	assert_int_equal(judge("/a*", target, WEB_PATH_MAX + 1), 403);
}

static void malformed_patterns_are_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"x",
		",",
		"/a,",
		",/a",
		"/a,,/b",
		"/a?b",
		"/a/../b",
		"/%2e%2e/",
		"/%",
		"/a b",
		"/a\\b",
		"/%00",
		"/a%2fb",
		"*/../x",
		"/1,/2,/3,/4,/5,/6,/7,/8,/9,/a,/b,/c,/d,/e,/f,/g,/h",
	};
	char longest[WEB_PATH_PATTERN_MAX + 1];
	struct web_path_patterns *patterns;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_int_equal(web_path_patterns_create(wrong[i], &patterns),
				 -EINVAL);
		assert_null(patterns);
	}
	memset(longest, '/', sizeof(longest));
	longest[sizeof(longest) - 1] = 0;
	assert_int_equal(web_path_patterns_create(longest, &patterns), 0);
	web_path_patterns_free(patterns);
	longest[0] = '*';
	assert_int_equal(web_path_patterns_create(longest, &patterns), 0);
	web_path_patterns_free(patterns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_path_is_judged_as_documented),
		cmocka_unit_test(a_long_path_is_not_judged),
		cmocka_unit_test(malformed_patterns_are_refused),
	};

	return cmocka_run_group_tests_name("web-path", tests, NULL, NULL);
}
