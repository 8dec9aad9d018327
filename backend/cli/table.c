// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * table.c - columns on a terminal.
 *
 * Names come from guests' configurations and from guests: what a terminal takes
 * for a command becomes '?'.
 */
#include "backend/cli/table.h"

#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 12 };

struct table {
	size_t columns, count, size;
	char **cells; /* the headings first */
};

void table_put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		unsigned char next = (unsigned char)text[1];

		if (c < 0x20 || c == 0x7f) {
			fputc('?', out);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			fputc('?', out); /* C1 in UTF-8 */
			text++;
		} else {
			fputc(c, out);
		}
	}
}

struct table *table_create(const char *const *headings)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	while (headings[table->columns] && table->columns < COLUMNS_MAX)
		table->columns++;
	for (size_t i = 0; i < table->columns; i++)
		table_cell(table, headings[i]);
	return table;
}

void table_cell(struct table *table, const char *text)
{
	char **grown;

	if (!table)
		return;
	if (table->count == table->size) {
		size_t size = table->size ? 2 * table->size : 64;

		grown = reallocarray(table->cells, size, sizeof(*grown));
		if (!grown)
			return;
		table->cells = grown;
		table->size = size;
	}
	table->cells[table->count++] = strdup(text ? text : "");
}

void table_number(struct table *table, double number)
{
	static const char units[] = " kMGT";
	unsigned int unit = 0;
	char text[32];

	while (number >= 10000 && unit < 4) {
		number /= 1000;
		unit++;
	}
	if (unit)
		snprintf(text, sizeof(text), "%.1f%c", number, units[unit]);
	else
		snprintf(text, sizeof(text), "%.0f", number);
	table_cell(table, text);
}

static void put_json(FILE *out, json_t *json)
{
	const char *name, *gap = "";
	json_t *value;
	size_t index;

	if (json_is_string(json))
		fputs(json_string_value(json), out);
	else if (json_is_integer(json))
		fprintf(out, "%lld", (long long)json_integer_value(json));
	else if (json_is_boolean(json))
		fputs(json_is_true(json) ? "yes" : "no", out);
	json_array_foreach(json, index, value)
	{
		fputs(gap, out);
		put_json(out, value);
		gap = ",";
	}
	json_object_foreach(json, name, value)
	{
		fprintf(out, "%s%s=", gap, name);
		put_json(out, value);
		gap = " ";
	}
}

void table_json(struct table *table, json_t *json)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return;
	put_json(out, json);
	if (fclose(out) == 0)
		table_cell(table, text);
	free(text);
}

/* Characters, as far as UTF-8 goes. */
static size_t width(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += (*text & 0xc0) != 0x80;
	return count;
}

void table_print(struct table *table, FILE *out)
{
	size_t widest[COLUMNS_MAX] = {0};

	if (!table)
		return;
	for (size_t i = 0; i < table->count; i++) {
		size_t w = width(table->cells[i]);

		if (w > widest[i % table->columns])
			widest[i % table->columns] = w;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		size_t pad = widest[column] - width(table->cells[i]) + 2;

		table_put_text(out, table->cells[i]);
		if (column + 1 < table->columns)
			fprintf(out, "%*s", (int)pad, "");
		else
			fputc('\n', out);
		free(table->cells[i]);
	}
	free(table->cells);
	free(table);
}
