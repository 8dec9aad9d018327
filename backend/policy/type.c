// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * type.c - what kinds of services there are, and how names may look.
 */
#include "backend/policy/type.h"

#include <assert.h>
#include <string.h>

static const char *const type_names[] = {
	[POLICY_TYPE_WEB] = "web",   [POLICY_TYPE_P2P] = "p2p",
	[POLICY_TYPE_P2M] = "p2m",   [POLICY_TYPE_LIBVIRT] = "libvirt",
	[POLICY_TYPE_CHAR] = "char", [POLICY_TYPE_DIAG] = "diag",
};
static_assert(sizeof(type_names) / sizeof(type_names[0]) == POLICY_TYPE_COUNT,
	      "a name for each type");

const char *policy_type_name(unsigned int type)
{
	return type < POLICY_TYPE_COUNT ? type_names[type] : NULL;
}

enum policy_type policy_type_find(const char *name, size_t len)
{
	unsigned int type;

	for (type = 0; type < POLICY_TYPE_COUNT; type++)
		if (strlen(type_names[type]) == len &&
		    memcmp(type_names[type], name, len) == 0)
			break;
	return type;
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool policy_name_valid(const char *name, size_t len, bool pattern)
{
	if (len == 0 || len >= POLICY_NAME_SIZE)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool fits = is_lower(c) || is_digit(c) ||
			    (pattern && (c == '*' || c == '?')) ||
			    (i > 0 && (c == '_' || c == '-'));

		if (!fits)
			return false;
	}
	return true;
}

bool policy_tag_valid(const char *tag, size_t len)
{
	if (len == 0 || len >= POLICY_TAG_SIZE)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = tag[i];

		if (!is_lower(c) && !is_digit(c) && !(c >= 'A' && c <= 'Z') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	return true;
}

bool policy_uuid_parse(const char *text, size_t len,
		       char uuid[POLICY_UUID_SIZE])
{
	if (len != POLICY_UUID_SIZE - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (c != '-')
				return false;
		} else if (c >= 'A' && c <= 'F') {
			c = (char)(c - 'A' + 'a');
		} else if (!is_digit(c) && !(c >= 'a' && c <= 'f')) {
			return false;
		}
		uuid[i] = c;
	}
	uuid[len] = '\0';
	return true;
}
