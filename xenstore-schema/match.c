// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match.c - which path of the schema a path is, and the other way round.
 */
#include "xenstore-schema/internal.h"

#include <stdio.h>
#include <string.h>

static const struct schema_variable *variable_find(const struct schema *schema,
						   const char *name, size_t len)
{
	for (size_t i = 0; i < schema->variable_count; i++)
		if (strlen(schema->variables[i].name) == len &&
		    memcmp(schema->variables[i].name, name, len) == 0)
			return &schema->variables[i];
	return NULL;
}

static bool bind(struct schema_bindings *bindings, const char *name,
		 const char *value, size_t len)
{
	char *copy = bindings->values[bindings->count];

	if (bindings->count == SCHEMA_MAX_VARIABLES ||
	    len >= sizeof(bindings->values[0]))
		return false;
	memcpy(copy, value, len);
	copy[len] = '\0';
	bindings->names[bindings->count++] = name;
	return true;
}

/* One part: fixed, {variable}, or fixed{variable}. */
static bool part_match(const struct schema *schema, const char *template,
		       const char *part, size_t len,
		       struct schema_bindings *bindings)
{
	size_t fixed = strcspn(template, "{");
	const struct schema_variable *variable;
	enum schema_rule rule;
	char ignored[8], text[64];

	if (len < fixed || memcmp(template, part, fixed) != 0)
		return false;
	if (!template[fixed])
		return len == fixed;
	template += fixed + 1;
	part += fixed;
	len -= fixed;
	variable = variable_find(schema, template, strcspn(template, "}"));
	if (!variable || len >= sizeof(text))
		return false;
	memcpy(text, part, len);
	text[len] = '\0';
	return value_check(&variable->type, text, len, bindings, &rule, ignored,
			   sizeof(ignored)) &&
	       bind(bindings, variable->name, part, len);
}

/* True if the parts of a path are the first ones of the node's; *count says
 * how many they are. */
static bool parts_match(const struct schema *schema,
			const struct schema_node *node, const char *path,
			struct schema_bindings *bindings, size_t *count)
{
	bindings->count = 0;
	*count = 0;
	while (*path == '/' && path[1]) {
		size_t len = strcspn(path + 1, "/");

		if (*count == node->part_count ||
		    !part_match(schema, node->parts[*count], path + 1, len,
				bindings))
			return false;
		++*count;
		path += 1 + len;
	}
	return true;
}

static size_t fixed_parts(const struct schema_node *node)
{
	size_t count = 0;

	for (size_t i = 0; i < node->part_count; i++)
		count += node->parts[i][0] != '{';
	return count;
}

const struct schema_node *schema_match(const struct schema *schema,
				       const char *path,
				       struct schema_bindings *bindings)
{
	const struct schema_node *best = NULL;
	struct schema_bindings tried;

	for (size_t i = 0; i < schema->node_count; i++) {
		const struct schema_node *node = &schema->nodes[i];
		size_t count;

		if ((best && fixed_parts(best) >= fixed_parts(node)) ||
		    !parts_match(schema, node, path, &tried, &count) ||
		    count != node->part_count)
			continue;
		best = node;
		*bindings = tried;
	}
	return best;
}

/* True if path is root or below it. */
static bool is_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return strncmp(path, root, len) == 0 &&
	       (path[len] == '/' || path[len] == '\0');
}

bool schema_is_closed(const struct schema *schema, const char *path)
{
	for (size_t i = 0; i < schema->section_count; i++)
		if (schema->sections[i].closed &&
		    is_below(path, schema->sections[i].closed))
			return true;
	return false;
}

bool schema_concerns(const struct schema *schema, const char *path)
{
	struct schema_bindings ignored;
	size_t count;

	if (schema_is_closed(schema, path))
		return true;
	for (size_t i = 0; i < schema->node_count; i++)
		if (parts_match(schema, &schema->nodes[i], path, &ignored,
				&count))
			return true;
	return false;
}

bool template_expand(const char *template, const struct schema_bindings *with,
		     char *text, size_t size)
{
	size_t used = 0;

	while (*template) {
		size_t len = strcspn(template, "{");
		const char *value = NULL;

		if (len == 0) {
			len = strcspn(template, "}");
			for (size_t i = 0; i < with->count; i++)
				if (strlen(with->names[i]) == len - 1 &&
				    memcmp(with->names[i], template + 1,
					   len - 1) == 0)
					value = with->values[i];
			if (!value || strlen(value) >= size - used)
				return false;
			memcpy(text + used, value, strlen(value));
			used += strlen(value);
			template += len + (template[len] == '}');
			continue;
		}
		if (len >= size - used)
			return false;
		memcpy(text + used, template, len);
		used += len;
		template += len;
	}
	text[used] = '\0';
	return true;
}
