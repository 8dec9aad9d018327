// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * error.c - where a file of the policy is broken and what was expected there.
 */
#include "backend/policy/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int policy_error_set(struct policy_error *error, unsigned int line,
		     unsigned int column, const char *expected,
		     const char *found, size_t found_len)
{
	size_t used = 0;

	error->line = line;
	error->column = column;
	error->expected = expected;
	for (size_t i = 0; i < found_len && used < POLICY_FOUND_SIZE - 4; i++)
		error->found[used++] =
			found[i] >= ' ' && found[i] <= '~' ? found[i] : '?';
	if (used < found_len) {
		memcpy(error->found + used, "...", 3);
		used += 3;
	}
	error->found[used] = '\0';
	return -EINVAL;
}

void policy_error_text(const struct policy_error *error, const char *name,
		       char *text, size_t size)
{
	char place[32] = "";

	if (error->line)
		snprintf(place, sizeof(place), "%u:%u:", error->line,
			 error->column);
	if (error->found[0])
		snprintf(text, size, "%s:%s expected %s, found \"%s\"", name,
			 place, error->expected, error->found);
	else
		snprintf(text, size, "%s:%s expected %s", name, place,
			 error->expected);
}
