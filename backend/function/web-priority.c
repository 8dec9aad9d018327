// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-priority.c - the priority header of HTTP (RFC 9218) and the platform's
 * classes.
 *
 *   urgency   0 1 2   3 4     5 6 7
 *   class     high    normal  low
 */
#include "backend/function/web-conn.h"

#include <stdio.h>
#include <string.h>

enum { URGENCY_MAX = 7 };

/* One member of the dictionary, "u=5", "i" or "i=?0"; others are skipped. */
static void read_member(struct web_urgency *urgency, const char *text,
			size_t len)
{
	if (len == 3 && text[0] == 'u' && text[1] == '=' && text[2] >= '0' &&
	    text[2] <= '7') {
		urgency->urgency = (uint8_t)(text[2] - '0');
	} else if (text[0] == 'i' &&
		   (len == 1 || (len == 4 && text[1] == '=' && text[2] == '?' &&
				 (text[3] == '0' || text[3] == '1')))) {
		urgency->incremental = len == 1 || text[3] == '1';
	}
}

struct web_urgency web_urgency_read(const char *value, size_t len)
{
	struct web_urgency urgency = {.given = true,
				      .urgency = WEB_URGENCY_DEFAULT};
	size_t at = 0;

	while (at < len) {
		size_t end = at;
		size_t next;

		while (end < len && value[end] != ',')
			end++;
		next = end + 1;
		while (at < end && (value[at] == ' ' || value[at] == '\t'))
			at++;
		while (end > at &&
		       (value[end - 1] == ' ' || value[end - 1] == '\t'))
			end--;
		if (end > at)
			read_member(&urgency, value + at, end - at);
		at = next;
	}
	return urgency;
}

enum web_priority web_urgency_class(const struct web_urgency *urgency)
{
	if (!urgency->given)
		return WEB_PRIORITY_NONE;
	if (urgency->urgency < WEB_URGENCY_DEFAULT)
		return WEB_PRIORITY_HIGH;
	return urgency->urgency > 4 ? WEB_PRIORITY_LOW : WEB_PRIORITY_NORMAL;
}

struct web_urgency web_urgency_within(const struct web_urgency *urgency,
				      enum web_priority priority)
{
	static const uint8_t most[WEB_PRIORITY_COUNT] = {
		[WEB_PRIORITY_NONE] = 3,
		[WEB_PRIORITY_HIGH] = 0,
		[WEB_PRIORITY_NORMAL] = 3,
		[WEB_PRIORITY_LOW] = 5,
	};
	struct web_urgency within = *urgency;

	if (!urgency->given) {
		/* Fair shares for those who say nothing. */
		within.incremental = true;
		within.urgency =
			priority == WEB_PRIORITY_HIGH ? 2 : WEB_URGENCY_DEFAULT;
	}
	if (within.urgency < most[priority])
		within.urgency = most[priority];
	if (within.urgency > URGENCY_MAX)
		within.urgency = URGENCY_MAX;
	return within;
}

size_t web_urgency_write(char text[WEB_PRIORITY_TEXT_MAX],
			 const struct web_urgency *urgency)
{
	return (size_t)snprintf(text, WEB_PRIORITY_TEXT_MAX, "u=%u%s",
				urgency->urgency & URGENCY_MAX,
				urgency->incremental ? ", i" : "");
}
