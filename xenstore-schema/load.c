// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load.c - from the JSON text to a schema in memory.
 *
 * The text is the product's own, so it is read strictly: a key that is not
 * known is an error, not something for later.  Strings stay in the JSON.
 */
#include "xenstore-schema/internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loader {
	struct schema *schema;
	char *why;
	size_t size;
};

static int wrong(struct loader *loader, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int wrong(struct loader *loader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(loader->why, loader->size, format, args);
	va_end(args);
	return -EINVAL;
}

/* All keys of an object are of this list (NULL ends it). */
static int keys_check(struct loader *loader, json_t *object,
		      const char *const *known, const char *where)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return wrong(loader, "%s: not an object", where);
	json_object_foreach(object, key, value)
	{
		size_t i = 0;

		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i])
			return wrong(loader, "%s: unknown key %s", where, key);
	}
	return 0;
}

/*
 * --- types ---
 */

static int pattern_compile(struct loader *loader, json_t *object,
			   struct value_type *type, const char *where)
{
	const char *text =
		json_string_value(json_object_get(object, "pattern"));
	char whole[512];

	type->expected = json_string_value(json_object_get(object, "expected"));
	if (!text || !type->expected)
		return wrong(loader, "%s: no pattern or expected", where);
	if (snprintf(whole, sizeof(whole), "^(%s)$", text) >=
	    (int)sizeof(whole))
		return wrong(loader, "%s: pattern too long", where);
	if (regcomp(&type->pattern, whole, REG_EXTENDED | REG_NOSUB))
		return wrong(loader, "%s: pattern is none", where);
	type->compiled = true;
	return 0;
}

static int type_load(struct loader *loader, json_t *object,
		     struct value_type *type, const char *where)
{
	static const char *const names[] = {
		[VALUE_EMPTY] = "empty",     [VALUE_NUMBER] = "number",
		[VALUE_ENUM] = "enum",	     [VALUE_TEXT] = "text",
		[VALUE_PATTERN] = "pattern", [VALUE_EQUAL] = "equal"};
	const char *name = json_string_value(json_object_get(object, "type"));
	json_t *max_len = json_object_get(object, "max-length");
	unsigned int kind = 0;

	while (kind <= VALUE_EQUAL && (!name || strcmp(names[kind], name)))
		kind++;
	if (kind > VALUE_EQUAL)
		return wrong(loader, "%s: unknown type", where);
	type->kind = kind;
	type->max_len =
		max_len ? (size_t)json_integer_value(max_len) : SCHEMA_TEXT_MAX;
	type->min =
		(uint64_t)json_integer_value(json_object_get(object, "min"));
	type->max =
		(uint64_t)json_integer_value(json_object_get(object, "max"));
	type->values = json_object_get(object, "values");
	type->equal = json_string_value(json_object_get(object, "value"));
	if (kind == VALUE_NUMBER && type->max < type->min)
		return wrong(loader, "%s: no range", where);
	if (kind == VALUE_ENUM && !json_array_size(type->values))
		return wrong(loader, "%s: no values", where);
	if (kind == VALUE_EQUAL && !type->equal)
		return wrong(loader, "%s: no value", where);
	if (kind == VALUE_PATTERN)
		return pattern_compile(loader, object, type, where);
	return 0;
}

/*
 * --- head ---
 */

static int variables_load(struct loader *loader, json_t *object)
{
	static const char *const known[] = {"type",    "min",	  "max",
					    "values",  "pattern", "expected",
					    "meaning", NULL};
	struct schema *schema = loader->schema;
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		struct schema_variable *variable =
			&schema->variables[schema->variable_count];
		int error = keys_check(loader, value, known, name);

		if (schema->variable_count == SCHEMA_MAX_VARIABLES)
			return wrong(loader, "too many variables");
		if (error)
			return error;
		schema->variable_count++;
		variable->name = name;
		variable->meaning =
			json_string_value(json_object_get(value, "meaning"));
		error = type_load(loader, value, &variable->type, name);
		if (error)
			return error;
	}
	return 0;
}

static int classes_load(struct loader *loader, json_t *object)
{
	static const char *const known[] = {"owner", "read", "meaning", NULL};
	struct schema *schema = loader->schema;
	const char *name;
	json_t *value;

	schema->classes =
		calloc(json_object_size(object) + 1, sizeof(*schema->classes));
	if (!schema->classes)
		return -ENOMEM;
	json_object_foreach(object, name, value)
	{
		struct schema_class *class =
			&schema->classes[schema->class_count++];
		int error = keys_check(loader, value, known, name);

		if (error)
			return error;
		class->name = name;
		class->owner =
			json_string_value(json_object_get(value, "owner"));
		class->read = json_string_value(json_object_get(value, "read"));
		class->meaning =
			json_string_value(json_object_get(value, "meaning"));
		if (!class->owner || !class->read || !class->meaning)
			return wrong(loader, "%s: a key is missing", name);
	}
	return 0;
}

/*
 * --- nodes ---
 */

/* base/path, base if path is "", path if that begins with a slash. */
static char *path_join(const char *base, const char *path)
{
	char *joined;

	if (path[0] == '/')
		return strdup(path);
	if (!path[0])
		return strdup(base);
	return asprintf(&joined, "%s/%s", base, path) < 0 ? NULL : joined;
}

/* A template in an optional key; *out stays NULL without one. */
static int reference_load(json_t *object, const char *key, const char *base,
			  char **out)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		return 0;
	*out = path_join(base, text);
	return *out ? 0 : -ENOMEM;
}

static unsigned int states_load(json_t *array)
{
	unsigned int bits = 0;
	size_t i;
	json_t *value;

	json_array_foreach(array, i, value) bits |=
		1u << (json_integer_value(value) & 15);
	return bits;
}

static int parts_split(struct loader *loader, struct schema_node *node)
{
	char *rest, *part;

	node->parts_text = strdup(node->path);
	if (!node->parts_text)
		return -ENOMEM;
	rest = node->parts_text + 1;
	while ((part = strsep(&rest, "/"))) {
		if (node->part_count == SCHEMA_MAX_PARTS)
			return wrong(loader, "%s: too deep", node->path);
		node->parts[node->part_count++] = part;
	}
	return 0;
}

static const struct schema_class *class_find(const struct schema *schema,
					     const char *name)
{
	for (size_t i = 0; name && i < schema->class_count; i++)
		if (strcmp(schema->classes[i].name, name) == 0)
			return &schema->classes[i];
	return NULL;
}

static int references_load(struct loader *loader, json_t *object,
			   const char *base, struct schema_node *node)
{
	json_t *count = json_object_get(object, "count");
	json_t *witness = json_object_get(object, "witness");
	int error = reference_load(object, "unless", base, &node->unless);

	if (!error)
		error = reference_load(object, "empty-if", base,
				       &node->empty_if);
	if (!error)
		error = reference_load(object, "max-node", base,
				       &node->max_node);
	if (!error)
		error = reference_load(witness, "node", base,
				       &node->witness_node);
	if (!error)
		error = reference_load(count, "node", base, &node->count.node);
	if (error)
		return error;
	node->witness_value =
		json_string_value(json_object_get(witness, "value"));
	node->needs = json_string_value(json_object_get(object, "needs"));
	node->count.variable =
		json_string_value(json_object_get(count, "variable"));
	node->count.first =
		(uint64_t)json_integer_value(json_object_get(count, "first"));
	node->count.pages = json_is_true(json_object_get(count, "pages"));
	if ((count && (!node->count.variable || !node->count.node)) ||
	    (witness && (!node->witness_node || !node->witness_value)))
		return wrong(loader, "%s: count or witness is not whole",
			     node->path);
	return 0;
}

static int node_load(struct loader *loader, json_t *object, size_t section,
		     struct schema_node *node)
{
	static const char *const known[] = {
		"path",	       "type",	   "min",      "max",	      "values",
		"value",       "pattern",  "expected", "max-length",  "unit",
		"permissions", "required", "valid-in", "required-in", "unless",
		"empty-if",    "max-node", "witness",  "needs",	      "count",
		"writer",      "reader",   "meaning",  NULL};
	const char *base = loader->schema->sections[section].base;
	const char *path = json_string_value(json_object_get(object, "path"));
	int error;

	if (!path)
		return wrong(loader, "%s: a node without path", base);
	node->path = path_join(base, path);
	if (!node->path)
		return -ENOMEM;
	node->section = section;
	error = keys_check(loader, object, known, node->path);
	if (!error)
		error = parts_split(loader, node);
	if (!error)
		error = type_load(loader, object, &node->type, node->path);
	if (!error)
		error = references_load(loader, object, base, node);
	if (error)
		return error;
	node->class = class_find(
		loader->schema,
		json_string_value(json_object_get(object, "permissions")));
	node->required = json_is_true(json_object_get(object, "required"));
	node->valid_in = states_load(json_object_get(object, "valid-in"));
	node->required_in = states_load(json_object_get(object, "required-in"));
	node->writer = json_string_value(json_object_get(object, "writer"));
	node->reader = json_string_value(json_object_get(object, "reader"));
	node->unit = json_string_value(json_object_get(object, "unit"));
	node->meaning = json_string_value(json_object_get(object, "meaning"));
	if (!node->class || !node->writer || !node->reader || !node->meaning)
		return wrong(loader,
			     "%s: no permissions, writer, reader or meaning",
			     node->path);
	return 0;
}

static int section_load(struct loader *loader, json_t *object)
{
	static const char *const known[] = {"title",  "text",  "base",
					    "closed", "nodes", NULL};
	struct schema *schema = loader->schema;
	size_t section = schema->section_count++, i;
	struct schema_section *made = &schema->sections[section];
	json_t *nodes = json_object_get(object, "nodes"), *value;
	struct schema_node *grown;
	int error = keys_check(loader, object, known, "section");

	if (error)
		return error;
	made->title = json_string_value(json_object_get(object, "title"));
	made->text = json_string_value(json_object_get(object, "text"));
	made->base = json_string_value(json_object_get(object, "base"));
	made->closed = json_string_value(json_object_get(object, "closed"));
	if (!made->title || !made->text || !made->base || made->base[0] != '/')
		return wrong(loader, "a section without title, text or base");
	grown = reallocarray(schema->nodes,
			     schema->node_count + json_array_size(nodes) + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	schema->nodes = grown;
	json_array_foreach(nodes, i, value)
	{
		struct schema_node *node = &grown[schema->node_count++];

		memset(node, 0, sizeof(*node));
		error = node_load(loader, value, section, node);
		if (error)
			return error;
	}
	return 0;
}

static int root_load(struct loader *loader)
{
	static const char *const known[] = {
		"comment", "format",   "variables", "permissions",
		"watches", "sections", NULL};
	struct schema *schema = loader->schema;
	json_t *sections = json_object_get(schema->json, "sections"), *value;
	int error = keys_check(loader, schema->json, known, "schema");
	size_t i;

	if (error)
		return error;
	if (json_integer_value(json_object_get(schema->json, "format")) != 1)
		return wrong(loader, "not of format 1");
	error = variables_load(loader,
			       json_object_get(schema->json, "variables"));
	if (!error)
		error = classes_load(
			loader, json_object_get(schema->json, "permissions"));
	if (error)
		return error;
	schema->sections = calloc(json_array_size(sections) + 1,
				  sizeof(*schema->sections));
	if (!schema->sections)
		return -ENOMEM;
	json_array_foreach(sections, i, value)
	{
		error = section_load(loader, value);
		if (error)
			return error;
	}
	return schema->node_count ? 0 : wrong(loader, "no nodes");
}

struct schema *schema_load(const char *text, char *why, size_t size)
{
	struct schema *schema = calloc(1, sizeof(*schema));
	struct loader loader = {schema, why, size};
	json_error_t error;
	int rc;

	snprintf(why, size, "out of memory");
	if (!schema)
		return NULL;
	schema->json = json_loads(text ? text : schema_text,
				  JSON_REJECT_DUPLICATES, &error);
	if (schema->json) {
		rc = root_load(&loader);
	} else {
		rc = wrong(&loader, "line %d, column %d: %s", error.line,
			   error.column, error.text);
	}
	if (!rc)
		return schema;
	schema_free(schema);
	return NULL;
}

static void type_fini(struct value_type *type)
{
	if (type->compiled)
		regfree(&type->pattern);
}

void schema_free(struct schema *schema)
{
	if (!schema)
		return;
	for (size_t i = 0; i < schema->variable_count; i++)
		type_fini(&schema->variables[i].type);
	for (size_t i = 0; i < schema->node_count; i++) {
		struct schema_node *node = &schema->nodes[i];

		type_fini(&node->type);
		free(node->path);
		free(node->parts_text);
		free(node->unless);
		free(node->empty_if);
		free(node->max_node);
		free(node->witness_node);
		free(node->count.node);
	}
	free(schema->nodes);
	free(schema->sections);
	free(schema->classes);
	json_decref(schema->json);
	free(schema);
}
