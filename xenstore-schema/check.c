// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * check.c - a snapshot against the schema.
 *
 * Every node is looked at by itself and as the parent of what has to be below
 * it.  A rule that needs a node which is not in the snapshot (it may be of a
 * part of the tree only) is left out, unless the schema says that it has to be
 * there.
 */
#include "xenstore-schema/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MESSAGE_SIZE = 4096,
	COUNT_MAX = 31, /* what is beyond is out of range, said elsewhere */
};

struct checker {
	const struct schema *schema;
	struct snapshot *snapshot;
	void (*violation)(void *context,
			  const struct schema_violation *violation);
	void *context;
	struct schema_result *result;
	/* The node that is looked at. */
	const struct snapshot_node *node;
	const struct schema_node *rule;
	struct schema_bindings bindings;
	char message[MESSAGE_SIZE];
};

static const char *const rule_names[] = {
	[SCHEMA_UNKNOWN] = "unknown",	    [SCHEMA_TYPE] = "type",
	[SCHEMA_RANGE] = "range",	    [SCHEMA_MISSING] = "missing",
	[SCHEMA_STATE] = "state",	    [SCHEMA_OWNER] = "owner",
	[SCHEMA_PERMISSION] = "permission", [SCHEMA_STALE] = "stale",
};
_Static_assert(sizeof(rule_names) / sizeof(rule_names[0]) == SCHEMA_RULE_COUNT,
	       "a name for each rule");

const char *schema_rule_name(enum schema_rule rule)
{
	return rule < SCHEMA_RULE_COUNT ? rule_names[rule] : "?";
}

static void report(struct checker *checker, const char *path,
		   enum schema_rule rule, const char *message)
{
	struct schema_violation violation = {path, rule, message};

	checker->result->violations++;
	checker->violation(checker->context, &violation);
}

static void report_formatted(struct checker *checker, enum schema_rule rule,
			     const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* About the node that is looked at. */
static void report_formatted(struct checker *checker, enum schema_rule rule,
			     const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(checker->message, sizeof(checker->message), format, args);
	va_end(args);
	report(checker, checker->node->path, rule, checker->message);
}

/* The node of a template; NULL: none. */
static const struct snapshot_node *refer(struct checker *checker,
					 const char *template)
{
	char path[SNAPSHOT_PATH_MAX];

	if (!template_expand(template, &checker->bindings, path, sizeof(path)))
		return NULL;
	return snapshot_find(checker->snapshot, path);
}

/* The number in the node of a template; false: none. */
static bool refer_number(struct checker *checker, const char *template,
			 uint64_t *number)
{
	const struct snapshot_node *node = refer(checker, template);

	return node && value_number(node->value, node->len, number);
}

/* The path's parent; a path of one part has "". */
static void parent_of(const char *path, char parent[SNAPSHOT_PATH_MAX + 1])
{
	snprintf(parent, SNAPSHOT_PATH_MAX + 1, "%.*s",
		 (int)(strrchr(path, '/') - path), path);
}

/* XenbusState of the device's folder; 0: unknown. */
static unsigned int state_in(struct checker *checker, const char *folder)
{
	char path[SNAPSHOT_PATH_MAX + 8];
	const struct snapshot_node *node;
	uint64_t state;

	snprintf(path, sizeof(path), "%s/state", folder);
	node = snapshot_find(checker->snapshot, path);
	if (!node || !value_number(node->value, node->len, &state) || state > 8)
		return 0;
	return (unsigned int)state;
}

/*
 * --- a node by itself ---
 */

static void check_value(struct checker *checker)
{
	enum schema_rule broken;
	char quoted[80];

	if (!value_check(&checker->rule->type, checker->node->value,
			 checker->node->len, &checker->bindings, &broken,
			 checker->message, sizeof(checker->message)))
		report(checker, checker->node->path, broken, checker->message);
	if (checker->rule->empty_if && checker->node->len &&
	    refer(checker, checker->rule->empty_if)) {
		value_quote(checker->node->value, checker->node->len, quoted,
			    sizeof(quoted));
		report_formatted(checker, SCHEMA_TYPE,
				 "expected an empty value beside %s, found %s",
				 strrchr(checker->rule->empty_if, '/') + 1,
				 quoted);
	}
}

static void check_max_node(struct checker *checker)
{
	const char *template = checker->rule->max_node;
	char path[SNAPSHOT_PATH_MAX], folder[SNAPSHOT_PATH_MAX + 1];
	uint64_t number, max = 0;

	if (!template ||
	    !value_number(checker->node->value, checker->node->len, &number) ||
	    !template_expand(template, &checker->bindings, path, sizeof(path)))
		return;
	parent_of(path, folder);
	if (!snapshot_find(checker->snapshot, folder))
		return;
	refer_number(checker, template, &max);
	if (number > max)
		report_formatted(checker, SCHEMA_RANGE,
				 "%" PRIu64 " is above %" PRIu64 " in %s",
				 number, max, path);
}

static void check_state(struct checker *checker)
{
	char folder[SNAPSHOT_PATH_MAX + 1];
	unsigned int state;

	if (!checker->rule->valid_in)
		return;
	parent_of(checker->node->path, folder);
	state = state_in(checker, folder);
	if (state && !(checker->rule->valid_in & (1u << state)))
		report_formatted(checker, SCHEMA_STATE,
				 "must not be there in state %u", state);
}

static void check_life(struct checker *checker)
{
	const struct schema_node *rule = checker->rule;
	struct schema_bindings with = checker->bindings;
	const struct snapshot_node *witness;
	enum schema_rule broken;
	char expected[256];

	if (rule->needs && snapshot_find(checker->snapshot, "/local/domain") &&
	    !refer(checker, rule->needs)) {
		template_expand(rule->needs, &with, expected, sizeof(expected));
		report_formatted(checker, SCHEMA_STALE,
				 "there is no such domain (%s)", expected);
	}
	witness =
		rule->witness_node ? refer(checker, rule->witness_node) : NULL;
	if (!witness || with.count == SCHEMA_MAX_VARIABLES ||
	    checker->node->len >= sizeof(with.values[0]) ||
	    !value_check(&rule->type, checker->node->value, checker->node->len,
			 &with, &broken, expected, sizeof(expected)))
		return;
	with.names[with.count] = "value";
	memcpy(with.values[with.count++], checker->node->value,
	       checker->node->len + 1);
	if (!template_expand(rule->witness_value, &with, expected,
			     sizeof(expected)) ||
	    strncmp(witness->value, expected, strlen(expected)) == 0)
		return;
	report_formatted(checker, SCHEMA_STALE,
			 "of another domain: %s does not begin with %s",
			 witness->path, expected);
}

/* How many a count rule wants; false: nobody knows. */
static bool count_wanted(struct checker *checker,
			 const struct schema_count_rule *count,
			 uint64_t *wanted)
{
	uint64_t number = 0;
	bool known = refer_number(checker, count->node, &number);

	if (!known && (!count->pages || refer(checker, count->node)))
		return false;
	if (count->pages)
		number = number == 0 || number > 16 ? 0 : UINT64_C(1) << number;
	*wanted = number;
	return true;
}

static void check_index(struct checker *checker)
{
	const struct schema_count_rule *count = &checker->rule->count;
	uint64_t wanted, index;

	if (!count->variable || !count_wanted(checker, count, &wanted))
		return;
	for (size_t i = 0; i < checker->bindings.count; i++) {
		const char *value = checker->bindings.values[i];

		if (strcmp(checker->bindings.names[i], count->variable) == 0 &&
		    value_number(value, strlen(value), &index) &&
		    index >= count->first && index - count->first >= wanted)
			report_formatted(checker, SCHEMA_RANGE,
					 "one too many: %s says %" PRIu64,
					 strrchr(count->node, '/') + 1, wanted);
	}
}

/*
 * --- permissions ---
 */

static const char *right_name(char letter)
{
	switch (letter) {
	case 'r':
		return "read";
	case 'w':
		return "write";
	default:
		return "read and write";
	}
}

static void report_right(struct checker *checker, const char *who, char letter)
{
	report_formatted(checker, SCHEMA_PERMISSION,
			 "%s may %s it; expected %s: %s", who,
			 right_name(letter), checker->rule->class->name,
			 checker->rule->class->meaning);
}

static void check_others(struct checker *checker, uint64_t owner,
			 const char *reader)
{
	const struct snapshot_node *node = checker->node;
	bool any = strcmp(reader, "any") == 0;
	char letter = node->perms[0].letter, who[32];
	uint64_t allowed;

	if (letter != 'n' && !(letter == 'r' && any))
		report_right(checker, "every domain", letter);
	if (!value_number(reader, strlen(reader), &allowed))
		allowed = UINT64_MAX;
	for (size_t i = 1; i < node->perm_count; i++) {
		const struct snapshot_perm *perm = &node->perms[i];

		/* These two may do everything as it is. */
		if (perm->domid == owner || perm->domid == 0 ||
		    perm->letter == 'n')
			continue;
		if (perm->letter == 'r' && (any || perm->domid == allowed))
			continue;
		snprintf(who, sizeof(who), "domain %" PRIu32, perm->domid);
		report_right(checker, who, perm->letter);
	}
}

static void check_permissions(struct checker *checker)
{
	const struct snapshot_node *node = checker->node;
	char owner_text[16] = "", reader[16] = "";
	uint64_t owner;

	if (node->perm_count == 0) {
		checker->result->perms_unknown++;
		return;
	}
	template_expand(checker->rule->class->owner, &checker->bindings,
			owner_text, sizeof(owner_text));
	template_expand(checker->rule->class->read, &checker->bindings, reader,
			sizeof(reader));
	if (!value_number(owner_text, strlen(owner_text), &owner))
		return;
	if (node->perms[0].domid != owner)
		report_formatted(checker, SCHEMA_OWNER,
				 "owned by domain %" PRIu32
				 ", expected domain %" PRIu64,
				 node->perms[0].domid, owner);
	check_others(checker, owner, reader);
}

/*
 * --- a node as a parent ---
 */

/* True if child is one part below parent; both are templates. */
static bool is_child(const struct schema_node *child,
		     const struct schema_node *parent)
{
	if (child->part_count != parent->part_count + 1)
		return false;
	for (size_t i = 0; i < parent->part_count; i++)
		if (strcmp(child->parts[i], parent->parts[i]) != 0)
			return false;
	return true;
}

static void report_missing(struct checker *checker,
			   const struct schema_node *child, unsigned int state)
{
	char path[SNAPSHOT_PATH_MAX], where[32] = "";

	if (!template_expand(child->path, &checker->bindings, path,
			     sizeof(path)) ||
	    snapshot_find(checker->snapshot, path))
		return;
	if (state)
		snprintf(where, sizeof(where), " in state %u", state);
	snprintf(checker->message, sizeof(checker->message),
		 "has to be there%s; its writer is %s", where, child->writer);
	report(checker, path, SCHEMA_MISSING, checker->message);
}

static void check_child(struct checker *checker,
			const struct schema_node *child)
{
	unsigned int state;
	uint64_t number;

	if (child->required)
		report_missing(checker, child, 0);
	if (!child->required_in)
		return;
	state = state_in(checker, checker->node->path);
	if (!state || !(child->required_in & (1u << state)))
		return;
	if (child->unless && refer_number(checker, child->unless, &number) &&
	    number > 0)
		return;
	report_missing(checker, child, state);
}

/* The node says how many others there are: each of them is looked for. */
static void check_counted(struct checker *checker,
			  const struct schema_node *child)
{
	struct schema_bindings saved = checker->bindings;
	size_t at = checker->bindings.count;
	uint64_t wanted;

	if (at == SCHEMA_MAX_VARIABLES ||
	    !count_wanted(checker, &child->count, &wanted) ||
	    wanted > COUNT_MAX)
		return;
	for (uint64_t i = 0; i < wanted; i++) {
		checker->bindings.names[at] = child->count.variable;
		snprintf(checker->bindings.values[at],
			 sizeof(checker->bindings.values[at]), "%" PRIu64,
			 child->count.first + i);
		checker->bindings.count = at + 1;
		report_missing(checker, child, 0);
	}
	checker->bindings = saved;
}

static void check_below(struct checker *checker)
{
	const struct schema *schema = checker->schema;

	for (size_t i = 0; i < schema->node_count; i++) {
		const struct schema_node *child = &schema->nodes[i];

		if ((child->required || child->required_in) &&
		    is_child(child, checker->rule))
			check_child(checker, child);
		if (child->count.variable &&
		    strcmp(child->count.node, checker->rule->path) == 0)
			check_counted(checker, child);
	}
}

/*
 * --- all ---
 */

static void check_node(struct checker *checker)
{
	checker->rule = schema_match(checker->schema, checker->node->path,
				     &checker->bindings);
	if (!checker->rule) {
		if (schema_is_closed(checker->schema, checker->node->path))
			report(checker, checker->node->path, SCHEMA_UNKNOWN,
			       "the schema has no such path");
		return;
	}
	checker->result->nodes++;
	check_value(checker);
	check_max_node(checker);
	check_state(checker);
	check_life(checker);
	check_index(checker);
	check_permissions(checker);
	check_below(checker);
}

int schema_check(const struct schema *schema, struct snapshot *snapshot,
		 void (*violation)(void *context,
				   const struct schema_violation *violation),
		 void *context, struct schema_result *result)
{
	struct checker *checker = calloc(1, sizeof(*checker));

	if (!checker)
		return -ENOMEM;
	memset(result, 0, sizeof(*result));
	checker->schema = schema;
	checker->snapshot = snapshot;
	checker->violation = violation;
	checker->context = context;
	checker->result = result;
	for (size_t i = 0; i < snapshot_count(snapshot); i++) {
		checker->node = snapshot_get(snapshot, i);
		check_node(checker);
	}
	free(checker);
	return 0;
}
