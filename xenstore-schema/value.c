// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * value.c - what values may look like.
 *
 * Values come from guests, too: they may hold any octets, and only shortened
 * and printable they get into a message.
 */
#include "xenstore-schema/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { QUOTE_LEN = 60 };

bool value_number(const char *text, size_t len, uint64_t *number)
{
	uint64_t value = 0;

	if (len == 0 || len > 20 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9' ||
		    value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

void value_quote(const char *value, size_t len, char *text, size_t size)
{
	size_t used = 0, shown = len < QUOTE_LEN ? len : QUOTE_LEN;

	if (size < QUOTE_LEN + 8) {
		text[0] = '\0';
		return;
	}
	text[used++] = '"';
	for (size_t i = 0; i < shown; i++)
		text[used++] =
			value[i] >= ' ' && value[i] <= '~' ? value[i] : '?';
	snprintf(text + used, size - used, "%s\"", shown < len ? "..." : "");
}

static bool enum_has(const json_t *values, const char *value, size_t len)
{
	for (size_t i = 0; i < json_array_size(values); i++) {
		const char *one = json_string_value(json_array_get(values, i));

		if (one && strlen(one) == len && memcmp(one, value, len) == 0)
			return true;
	}
	return false;
}

static bool is_printable(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] < ' ' || value[i] == 0x7f)
			return false;
	return true;
}

/* value has a NUL behind it, as all of a snapshot have. */
static bool fits(const struct value_type *type, const char *value, size_t len,
		 const struct schema_bindings *bindings)
{
	char expected[SNAPSHOT_PATH_MAX];
	uint64_t number;

	switch (type->kind) {
	case VALUE_EMPTY:
		return len == 0;
	case VALUE_NUMBER:
		return value_number(value, len, &number);
	case VALUE_ENUM:
		return enum_has(type->values, value, len);
	case VALUE_TEXT:
		return len <= type->max_len && is_printable(value, len);
	case VALUE_PATTERN:
		return len <= type->max_len && strlen(value) == len &&
		       regexec(&type->pattern, value, 0, NULL, 0) == 0;
	case VALUE_EQUAL:
		return template_expand(type->equal, bindings, expected,
				       sizeof(expected)) &&
		       strlen(expected) == len &&
		       memcmp(expected, value, len) == 0;
	}
	return false;
}

bool value_check(const struct value_type *type, const char *value, size_t len,
		 const struct schema_bindings *bindings, enum schema_rule *rule,
		 char *message, size_t size)
{
	char quoted[QUOTE_LEN + 8], expected[512];
	uint64_t number;

	*rule = SCHEMA_TYPE;
	value_describe(type, expected, sizeof(expected));
	if (fits(type, value, len, bindings)) {
		if (type->kind != VALUE_NUMBER ||
		    (value_number(value, len, &number) && number >= type->min &&
		     number <= type->max))
			return true;
		*rule = SCHEMA_RANGE;
	} else if (type->kind == VALUE_EQUAL) {
		template_expand(type->equal, bindings, expected,
				sizeof(expected));
	}
	value_quote(value, len, quoted, sizeof(quoted));
	snprintf(message, size, "expected %s, found %s", expected, quoted);
	return false;
}

static void enum_describe(const json_t *values, char *text, size_t size)
{
	size_t count = json_array_size(values), used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		const char *between = i == 0	       ? ""
				      : i + 1 == count ? " or "
						       : ", ";

		used += (size_t)snprintf(
			text + used, size - used, "%s%s", between,
			json_string_value(json_array_get(values, i)));
	}
}

void value_describe(const struct value_type *type, char *text, size_t size)
{
	switch (type->kind) {
	case VALUE_EMPTY:
		snprintf(text, size, "an empty value");
		break;
	case VALUE_NUMBER:
		snprintf(text, size, "a number from %" PRIu64 " to %" PRIu64,
			 type->min, type->max);
		break;
	case VALUE_ENUM:
		enum_describe(type->values, text, size);
		break;
	case VALUE_TEXT:
		snprintf(text, size, "text of up to %zu octets", type->max_len);
		break;
	case VALUE_PATTERN:
		snprintf(text, size, "%s", type->expected);
		break;
	case VALUE_EQUAL:
		snprintf(text, size, "%s", type->equal);
		break;
	}
}
