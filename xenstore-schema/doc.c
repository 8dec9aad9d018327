// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * doc.c - the schema for people: entries, and docs/xenstore.md.
 */
#include "xenstore-schema/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t schema_count(const struct schema *schema)
{
	return schema->node_count;
}

void schema_entry(const struct schema *schema, size_t index,
		  struct schema_entry *entry)
{
	const struct schema_node *node = &schema->nodes[index];

	entry->path = node->path;
	entry->writer = node->writer;
	entry->reader = node->reader;
	entry->permissions = node->class->name;
	entry->meaning = node->meaning;
}

void schema_entry_type(const struct schema *schema, size_t index, char *text,
		       size_t size)
{
	const struct schema_node *node = &schema->nodes[index];

	value_describe(&node->type, text, size);
	if (node->unit) {
		size_t used = strlen(text);

		snprintf(text + used, size - used, ", %s", node->unit);
	}
}

/* A bar would end the cell of a table. */
static void cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

/* {domid} as <domid>, as everywhere in the docs. */
static void path_print(FILE *out, const char *path)
{
	for (; *path; path++)
		fputc(*path == '{' ? '<' : *path == '}' ? '>' : *path, out);
}

static void states_print(FILE *out, unsigned int states)
{
	const char *between = "";

	for (unsigned int i = 0; i < 16; i++) {
		if (!(states & (1u << i)))
			continue;
		fprintf(out, "%s%u", between, i);
		between = ", ";
	}
}

/* When it is there: required, states, count. */
static void presence_print(FILE *out, const struct schema_node *node)
{
	const char *between = "";

	if (node->required) {
		fputs("always", out);
		between = "; ";
	}
	if (node->valid_in) {
		fprintf(out, "%sin ", between);
		states_print(out, node->valid_in);
		between = "; ";
	}
	if (node->required_in) {
		fprintf(out, "%salways in ", between);
		states_print(out, node->required_in);
		if (node->unless)
			fprintf(out, " unless %s is above 0",
				strrchr(node->unless, '/') + 1);
		between = "; ";
	}
	if (node->count.variable)
		fprintf(out, "%s%s %s%s from %llu", between,
			strrchr(node->count.node, '/') + 1,
			node->count.pages ? "(as a log2, 0: none) " : "",
			"of them, counted",
			(unsigned long long)node->count.first);
}

static void type_print(FILE *out, const struct schema_node *node)
{
	char text[512];

	value_describe(&node->type, text, sizeof(text));
	if (node->type.kind == VALUE_EMPTY)
		snprintf(text, sizeof(text), "empty");
	if (node->type.kind == VALUE_EQUAL) {
		fputc('`', out);
		path_print(out, text);
		fputc('`', out);
	} else {
		cell(out, text);
	}
	if (node->unit)
		fprintf(out, ", %s", node->unit);
	if (node->max_node)
		fprintf(out, ", at most %s", strrchr(node->max_node, '/') + 1);
}

static void node_print(FILE *out, const struct schema_node *node,
		       const char *base)
{
	const char *path = node->path;

	if (strncmp(path, base, strlen(base)) == 0 && path[strlen(base)])
		path += strlen(base) + 1;
	fputs("| `", out);
	path_print(out, path);
	fputs("` | ", out);
	type_print(out, node);
	fprintf(out, " | %s | %s | %s | ", node->writer, node->reader,
		node->class->name);
	presence_print(out, node);
	fputs(" | ", out);
	cell(out, node->meaning);
	fputs(" |\n", out);
}

static void section_print(FILE *out, const struct schema *schema, size_t index)
{
	const struct schema_section *section = &schema->sections[index];

	fprintf(out, "\n## %s\n\n%s\n\nBelow `", section->title, section->text);
	path_print(out, section->base);
	fputs("`", out);
	if (section->closed) {
		fputs(" (nothing that is not named here may be below `", out);
		path_print(out, section->closed);
		fputs("`)", out);
	}
	fputs(":\n\n| node | value | writer | reader | permissions | there | "
	      "meaning |\n|---|---|---|---|---|---|---|\n",
	      out);
	for (size_t i = 0; i < schema->node_count; i++)
		if (schema->nodes[i].section == index)
			node_print(out, &schema->nodes[i], section->base);
}

static void head_print(FILE *out, const struct schema *schema)
{
	char text[512];

	fputs("<!-- Made by \"2virt-schema doc\" from "
	      "xenstore-schema/2virt.json; edit that. -->\n"
	      "# XenStore\n\n"
	      "Every path that 2Virt reads or writes. `2virt-schema check` "
	      "compares a live XenStore\nor a dump with this.\n\n"
	      "| variable | value | |\n|---|---|---|\n",
	      out);
	for (size_t i = 0; i < schema->variable_count; i++) {
		const struct schema_variable *variable = &schema->variables[i];

		value_describe(&variable->type, text, sizeof(text));
		fprintf(out, "| `<%s>` | %s | %s |\n", variable->name, text,
			variable->meaning);
	}
	fputs("\n| permissions | owner | |\n|---|---|---|\n", out);
	for (size_t i = 0; i < schema->class_count; i++) {
		fprintf(out, "| %s | `", schema->classes[i].name);
		path_print(out, schema->classes[i].owner);
		fprintf(out, "` | %s |\n", schema->classes[i].meaning);
	}
}

static void watches_print(FILE *out, const struct schema *schema)
{
	size_t i;
	json_t *watch;

	fputs("\n## Special watches\n\n| watch | reader | |\n|---|---|---|\n",
	      out);
	json_array_foreach(json_object_get(schema->json, "watches"), i, watch)
	{
		fprintf(out, "| `%s` | %s | %s |\n",
			json_string_value(json_object_get(watch, "path")),
			json_string_value(json_object_get(watch, "reader")),
			json_string_value(json_object_get(watch, "meaning")));
	}
}

char *schema_doc(const struct schema *schema)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	head_print(out, schema);
	for (size_t i = 0; i < schema->section_count; i++)
		section_print(out, schema, i);
	watches_print(out, schema);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
