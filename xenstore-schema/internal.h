/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - a schema in memory, for this folder only.
 */
#ifndef SCHEMA_INTERNAL_H
#define SCHEMA_INTERNAL_H

#include <jansson.h>
#include <regex.h>

#include "xenstore-schema/schema.h"

enum {
	SCHEMA_MAX_PARTS = 24, /* of a path */
	SCHEMA_MAX_VARIABLES = 16,
	SCHEMA_TEXT_MAX = 1024, /* of a value, if nothing else is said */
};

enum value_kind {
	VALUE_EMPTY,
	VALUE_NUMBER,
	VALUE_ENUM,
	VALUE_TEXT,    /* printable */
	VALUE_PATTERN, /* a whole match */
	VALUE_EQUAL,   /* a template */
};

struct value_type {
	enum value_kind kind;
	uint64_t min; /* NUMBER */
	uint64_t max;
	size_t max_len;	      /* TEXT, PATTERN */
	const json_t *values; /* ENUM: array of strings */
	const char *expected; /* PATTERN: for people */
	const char *equal;    /* EQUAL */
	regex_t pattern;
	bool compiled; /* pattern */
};

struct schema_variable {
	const char *name;
	const char *meaning;
	struct value_type type;
};

/* A class of permissions; owner and reader are templates. */
struct schema_class {
	const char *name;
	const char *owner;
	const char *read; /* "any", "none", or one domain */
	const char *meaning;
};

/* How many of a path there have to be. */
struct schema_count_rule {
	const char *variable; /* NULL: no such rule */
	uint64_t first;
	char *node; /* template of the node that says it */
	bool pages; /* it says the log2; 0 is none at all */
};

struct schema_node {
	char *path; /* template */
	const char *parts[SCHEMA_MAX_PARTS];
	size_t part_count;
	char *parts_text; /* what parts point into */
	size_t section;
	struct value_type type;
	const struct schema_class *class;
	bool required;
	unsigned int valid_in;	  /* bits of states; 0: all */
	unsigned int required_in; /* bits of states */
	char *unless;		  /* required-in only if this is 0 or none */
	char *empty_if;
	char *max_node;
	char *witness_node;
	const char *witness_value;
	const char *needs;
	struct schema_count_rule count;
	const char *writer;
	const char *reader;
	const char *unit;
	const char *meaning;
};

struct schema_section {
	const char *title;
	const char *text;
	const char *base;
	const char *closed; /* NULL: unknown nodes are fine */
};

struct schema {
	json_t *json; /* owns all const strings */
	struct schema_variable variables[SCHEMA_MAX_VARIABLES];
	size_t variable_count;
	struct schema_class *classes;
	size_t class_count;
	struct schema_section *sections;
	size_t section_count;
	struct schema_node *nodes;
	size_t node_count;
};

/* Values of variables, as a path gave them. */
struct schema_bindings {
	const char *names[SCHEMA_MAX_VARIABLES];
	char values[SCHEMA_MAX_VARIABLES][64];
	size_t count;
};

/* The text of 2virt.json. */
extern const char schema_text[];

/* value.c */
/*
 * NULL if the value fits; otherwise the rule that is broken, and message says
 * how.  bindings are for templates.
 */
bool value_check(const struct value_type *type, const char *value, size_t len,
		 const struct schema_bindings *bindings, enum schema_rule *rule,
		 char *message, size_t size);
void value_describe(const struct value_type *type, char *text, size_t size);
/* Decimal digits without sign or leading zero. */
bool value_number(const char *text, size_t len, uint64_t *number);
/* Shortened, printable, in quotation marks. */
void value_quote(const char *value, size_t len, char *text, size_t size);

/* match.c */
/* Replaces {name} by its binding.  False: it does not fit into text. */
bool template_expand(const char *template, const struct schema_bindings *with,
		     char *text, size_t size);
/* The node of the schema that a path is; NULL: none.  Prefers fixed parts to
 * variables. */
const struct schema_node *schema_match(const struct schema *schema,
				       const char *path,
				       struct schema_bindings *bindings);
/* True if the path is inside a folder of which the schema knows everything. */
bool schema_is_closed(const struct schema *schema, const char *path);

#endif
