/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.h - every XenStore path that 2Virt reads or writes, and a check of a
 * tree against it.
 *
 * The schema is 2virt.json beside this file, compiled in.  Its form is told in
 * README.md.
 */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore-schema/snapshot.h"

struct schema;

/*
 * Reads a schema; text NULL: the one that is compiled in.  NULL: it is broken
 * or there is no memory, and why (of size octets) says so.
 */
struct schema *schema_load(const char *text, char *why, size_t size);
/* Accepts NULL. */
void schema_free(struct schema *schema);

enum schema_rule {
	SCHEMA_UNKNOWN,	   /* the schema has no such path */
	SCHEMA_TYPE,	   /* the value is not what it has to be */
	SCHEMA_RANGE,	   /* a number out of its range, or above another */
	SCHEMA_MISSING,	   /* a node that has to be there is not */
	SCHEMA_STATE,	   /* must not be there in this state */
	SCHEMA_OWNER,	   /* owned by another domain */
	SCHEMA_PERMISSION, /* another domain may read or write it */
	SCHEMA_STALE,	   /* of a domain that is not there, or was another */
	SCHEMA_RULE_COUNT
};

/* "unknown" and so on. */
const char *schema_rule_name(enum schema_rule rule);

/* Strings are valid during the call only; message is printable. */
struct schema_violation {
	const char *path;
	enum schema_rule rule;
	const char *message;
};

struct schema_result {
	size_t nodes; /* that the schema speaks of */
	size_t violations;
	size_t perms_unknown; /* nodes whose permissions nobody knows */
};

/*
 * Checks a snapshot, which may be of the whole XenStore or of parts.  0 or
 * -ENOMEM.
 */
int schema_check(const struct schema *schema, struct snapshot *snapshot,
		 void (*violation)(void *context,
				   const struct schema_violation *violation),
		 void *context, struct schema_result *result);

/* True if the schema speaks of this path or of any below it: what a reader of
 * a live XenStore has to visit. */
bool schema_concerns(const struct schema *schema, const char *path);

/* One path of the schema, for lists; strings belong to the schema. */
struct schema_entry {
	const char *path; /* with {variables} */
	const char *writer;
	const char *reader;
	const char *permissions;
	const char *meaning;
};

size_t schema_count(const struct schema *schema);
void schema_entry(const struct schema *schema, size_t index,
		  struct schema_entry *entry);

/* What a value of this path has to look like, for people. */
void schema_entry_type(const struct schema *schema, size_t index, char *text,
		       size_t size);

/*
 * docs/xenstore.md.  NULL: no memory.  For free().
 */
char *schema_doc(const struct schema *schema);

#endif
