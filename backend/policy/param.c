// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * param.c - parameters of a rule, one row of a table for each.
 */
#include "backend/policy/param.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/type.h"

enum {
	LIST_MAX_ITEMS = 16,
	METHOD_MAX_LEN = 16,
	PATH_MAX_LEN = 255,
	VALUE_SIZE = 2048, /* XenStore carries 4096 with the path */
};

#define TEBI (UINT64_C(1) << 40)
#define GIBI (UINT64_C(1) << 30)

struct param_row {
	const char *name;
	unsigned int uses;
	const char *expected;
	/* Writes the plain form into value; false: not one. */
	bool (*parse)(const struct param_row *row, const char *text,
		      char value[VALUE_SIZE]);
	uint64_t min;
	uint64_t max;
};

/*
 * --- values ---
 */

/* Leading decimal digits; *end is what follows.  False: none, or too large. */
static bool digits(const char *text, uint64_t *number, const char **end)
{
	uint64_t value = 0;
	const char *at;

	for (at = text; *at >= '0' && *at <= '9'; at++) {
		unsigned int digit = (unsigned int)(*at - '0');

		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	*end = at;
	return at != text;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit byte_units[] = {
	{"", 1},	 {"B", 1},	   {"kB", 1000},       {"KiB", 1 << 10},
	{"MB", 1000000}, {"MiB", 1 << 20}, {"GB", 1000000000}, {"GiB", 1 << 30},
	{NULL, 0},
};
static const struct unit rate_units[] = {
	{"", 1},
	{"B/s", 1},
	{"kB/s", 1000},
	{"KiB/s", 1 << 10},
	{"MB/s", 1000000},
	{"MiB/s", 1 << 20},
	{"GB/s", 1000000000},
	{"GiB/s", 1 << 30},
	{NULL, 0},
};
static const struct unit count_units[] = {{"", 1}, {NULL, 0}};
static const struct unit time_units[] = {
	{"s", 1000}, {"ms", 1}, {"min", 60000}, {NULL, 0}};

static bool with_unit(const struct param_row *row, const struct unit *units,
		      const char *text, char value[VALUE_SIZE])
{
	uint64_t number;

	if (!digits(text, &number, &text))
		return false;
	while (units->name && strcmp(units->name, text) != 0)
		units++;
	if (!units->name || number > row->max / units->factor)
		return false;
	number *= units->factor;
	if (number < row->min)
		return false;
	snprintf(value, VALUE_SIZE, "%" PRIu64, number);
	return true;
}

static bool parse_size(const struct param_row *row, const char *text,
		       char value[VALUE_SIZE])
{
	return with_unit(row, byte_units, text, value);
}

static bool parse_rate(const struct param_row *row, const char *text,
		       char value[VALUE_SIZE])
{
	return with_unit(row, rate_units, text, value);
}

static bool parse_count(const struct param_row *row, const char *text,
			char value[VALUE_SIZE])
{
	return with_unit(row, count_units, text, value);
}

static bool parse_time(const struct param_row *row, const char *text,
		       char value[VALUE_SIZE])
{
	return with_unit(row, time_units, text, value);
}

static bool method_valid(const char *item, size_t len)
{
	if (len == 0 || len > METHOD_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(item[i] >= 'A' && item[i] <= 'Z') && item[i] != '-')
			return false;
	return true;
}

static bool path_valid(const char *item, size_t len)
{
	if (len == 0 || len > PATH_MAX_LEN ||
	    (item[0] != '/' && item[0] != '*'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (item[i] <= ' ' || item[i] > '~' || item[i] == '#')
			return false;
	return true;
}

/* Commas between items, each valid, none twice. */
static bool list_valid(const char *text, bool (*valid)(const char *, size_t))
{
	const char *items[LIST_MAX_ITEMS];
	size_t lens[LIST_MAX_ITEMS], count = 0;

	for (;;) {
		size_t len = strcspn(text, ",");

		if (count == LIST_MAX_ITEMS || !valid(text, len))
			return false;
		for (size_t i = 0; i < count; i++)
			if (lens[i] == len && memcmp(items[i], text, len) == 0)
				return false;
		items[count] = text;
		lens[count++] = len;
		if (!text[len])
			return true;
		text += len + 1;
	}
}

static bool copy(const char *text, char value[VALUE_SIZE])
{
	size_t len = strlen(text);

	if (len >= VALUE_SIZE)
		return false;
	memcpy(value, text, len + 1);
	return true;
}

static bool parse_methods(const struct param_row *row, const char *text,
			  char value[VALUE_SIZE])
{
	return list_valid(text, method_valid) && copy(text, value);
}

static bool parse_paths(const struct param_row *row, const char *text,
			char value[VALUE_SIZE])
{
	return list_valid(text, path_valid) && copy(text, value);
}

static bool parse_class(const struct param_row *row, const char *text,
			char value[VALUE_SIZE])
{
	if (strcmp(text, "high") != 0 && strcmp(text, "normal") != 0 &&
	    strcmp(text, "low") != 0)
		return false;
	return copy(text, value);
}

static bool parse_service(const struct param_row *row, const char *text,
			  char value[VALUE_SIZE])
{
	return policy_name_valid(text, strlen(text), false) &&
	       copy(text, value);
}

/* "notify" alone is "notify=yes". */
static bool parse_yes(const struct param_row *row, const char *text,
		      char value[VALUE_SIZE])
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return false;
	return copy(text[0] == 'y' ? "1" : "0", value);
}

/*
 * --- the table ---
 */

#define GRANT (POLICY_PARAM_IN_ALLOW | POLICY_PARAM_IN_ASK)
#define NODE (GRANT | POLICY_PARAM_IN_TREE)
#define WEB (NODE | POLICY_PARAM_WEB_ONLY)
#define BOTH (NODE | POLICY_PARAM_IN_DOMAIN)

static const struct param_row rows[] = {
	[POLICY_PARAM_METHODS] = {"methods", WEB,
				  "methods in capitals: GET,HEAD",
				  parse_methods, 0, 0},
	[POLICY_PARAM_PATH] = {"path", WEB,
			       "patterns of paths that begin with / or *: "
			       "/api/*,/img/*",
			       parse_paths, 0, 0},
	[POLICY_PARAM_REQUEST_SIZE] = {"request-size", WEB,
				       "a size of 1B to 1024GiB, as in 64KiB",
				       parse_size, 1, TEBI},
	[POLICY_PARAM_RESPONSE_SIZE] = {"response-size", WEB,
					"a size of 1B to 1024GiB, as in 16MiB",
					parse_size, 1, TEBI},
	[POLICY_PARAM_RPS] = {"rps", WEB | POLICY_PARAM_IN_DOMAIN,
			      "requests a second, 1 to 1000000", parse_count, 1,
			      1000000},
	[POLICY_PARAM_RATE] = {"rate", BOTH,
			       "octets a second, 1KiB/s to 1024GiB/s",
			       parse_rate, 1024, TEBI},
	[POLICY_PARAM_BURST] = {"burst", BOTH, "a size of 1KiB to 1GiB",
				parse_size, 1024, GIBI},
	[POLICY_PARAM_STREAMS] = {"streams", BOTH, "a number from 1 to 10000",
				  parse_count, 1, 10000},
	[POLICY_PARAM_PIPES] = {"pipes", NODE, "a number from 1 to 15",
				parse_count, 1, 15},
	[POLICY_PARAM_CLASS] = {"class", NODE, "high, normal or low",
				parse_class, 0, 0},
	[POLICY_PARAM_WEIGHT] = {"weight", BOTH, "a number from 1 to 1000",
				 parse_count, 1, 1000},
	[POLICY_PARAM_REDIRECT] = {"redirect", NODE,
				   "the name of a service of the same type",
				   parse_service, 0, 0},
	[POLICY_PARAM_NOTIFY] = {"notify", NODE | POLICY_PARAM_IN_DENY,
				 "yes or no", parse_yes, 0, 0},
	[POLICY_PARAM_TIMEOUT] = {"timeout", POLICY_PARAM_IN_ASK,
				  "a time of 100ms to 5min, as in 10s",
				  parse_time, 100, 300000},
};
static_assert(sizeof(rows) / sizeof(rows[0]) == POLICY_PARAM_COUNT,
	      "a row for each parameter");

const char *policy_param_name(unsigned int param)
{
	return param < POLICY_PARAM_COUNT ? rows[param].name : NULL;
}

enum policy_param policy_param_find(const char *name)
{
	unsigned int param;

	for (param = 0; param < POLICY_PARAM_COUNT; param++)
		if (strcmp(rows[param].name, name) == 0)
			break;
	return param;
}

unsigned int policy_param_uses(enum policy_param param)
{
	return rows[param].uses;
}

const char *policy_param_expected(enum policy_param param)
{
	return rows[param].expected;
}

int policy_param_set(struct policy_params *params, enum policy_param param,
		     const char *text)
{
	char value[VALUE_SIZE], *copied;

	if (!rows[param].parse(&rows[param], text, value))
		return -EINVAL;
	copied = strdup(value);
	if (!copied)
		return -ENOMEM;
	free(params->value[param]);
	params->value[param] = copied;
	return 0;
}

bool policy_param_number(const struct policy_params *params,
			 enum policy_param param, uint64_t *number)
{
	const char *text = params->value[param], *end;
	uint64_t value;

	if (!text || !digits(text, &value, &end) || *end)
		return false;
	*number = value;
	return true;
}

void policy_params_fini(struct policy_params *params)
{
	for (int i = 0; i < POLICY_PARAM_COUNT; i++)
		free(params->value[i]);
	memset(params, 0, sizeof(*params));
}
