// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * glob.c - patterns of rules.
 *
 * Only the last star is ever gone back to: whatever an earlier one could take
 * differently, the last one can, too.  So the work is bounded by the product
 * of the lengths.
 */
#include "backend/policy/glob.h"

#include <stddef.h>
#include <string.h>

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool glob_is_literal(const char *pattern)
{
	return pattern[strcspn(pattern, "*?")] == '\0';
}

bool glob_covers(const char *wide, const char *narrow)
{
	if (strcmp(wide, "*") == 0 || strcmp(wide, narrow) == 0)
		return true;
	return glob_is_literal(narrow) && glob_match(wide, narrow);
}
