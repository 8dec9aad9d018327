// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * diff.c - from the nodes that are there to those that shall be.
 *
 * Three sorted trees are walked side by side, unit by unit; a unit is one
 * grant (grant/<type>/<name>) or one top-level entry (limit, tags).  Inside a
 * unit they are walked node by node.
 */
#include "backend/policy/compile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/order.h"

/* A range of nodes of one tree: those of the current unit. */
struct cursor {
	struct policy_tree *tree; /* NULL: empty */
	size_t at;
	size_t end;
};

enum { BASE, WANTED, PRESENT, SIDES };

enum unit_kind {
	UNIT_FOLDER, /* grant, grant/<type>: only themselves, never changed */
	UNIT_GRANT,
	UNIT_OTHER,
};

struct differ {
	const struct policy_set *set;
	const struct policy_domain *domain;
	bool based;
	struct cursor sides[SIDES];
	char *unit; /* path of the unit */
	enum unit_kind kind;
	struct policy_changes *changes;
};

static int change_add(struct policy_changes *changes,
		      enum policy_change_kind kind, const char *path,
		      const char *value)
{
	struct policy_change *grown;
	char *copied_path, *copied_value = NULL;

	if (changes->count == changes->size) {
		size_t size = changes->size ? 2 * changes->size : 16;

		grown = reallocarray(changes->list, size, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		changes->list = grown;
		changes->size = size;
	}
	copied_path = strdup(path);
	if (value)
		copied_value = strdup(value);
	if (!copied_path || (value && !copied_value)) {
		free(copied_path);
		free(copied_value);
		return -ENOMEM;
	}
	changes->list[changes->count++] =
		(struct policy_change){kind, copied_path, copied_value};
	if (kind == POLICY_CHANGE_OVERRIDE)
		changes->overrides++;
	else
		changes->writes++;
	return 0;
}

/*
 * --- units ---
 */

/* Octets of the path that name its unit. */
static size_t unit_len(const char *path)
{
	size_t len = strcspn(path, "/");

	if (strncmp(path, "grant/", 6) != 0)
		return len;
	for (int i = 0; i < 2 && path[len]; i++)
		len += 1 + strcspn(path + len + 1, "/");
	return len;
}

static enum unit_kind unit_kind(const char *unit)
{
	const char *rest;

	if (strcmp(unit, "grant") == 0)
		return UNIT_FOLDER;
	if (strncmp(unit, "grant/", 6) != 0)
		return UNIT_OTHER;
	rest = strchr(unit + 6, '/');
	return rest ? UNIT_GRANT : UNIT_FOLDER;
}

static const char *cursor_path(const struct cursor *cursor)
{
	return policy_tree_path(cursor->tree, cursor->at);
}

static bool cursor_more(const struct cursor *cursor)
{
	return cursor->tree && cursor->at < policy_tree_count(cursor->tree);
}

static bool in_unit(const char *path, const char *unit, size_t len)
{
	return strncmp(path, unit, len) == 0 &&
	       (path[len] == '\0' || path[len] == '/');
}

/* Moves the end of a range over all nodes of the unit. */
static void cursor_span(struct cursor *cursor, const char *unit,
			enum unit_kind kind)
{
	size_t len = strlen(unit);

	cursor->end = cursor->at;
	if (kind == UNIT_FOLDER) {
		if (cursor_more(cursor) &&
		    strcmp(cursor_path(cursor), unit) == 0)
			cursor->end++;
		return;
	}
	while (cursor->tree && cursor->end < policy_tree_count(cursor->tree) &&
	       in_unit(policy_tree_path(cursor->tree, cursor->end), unit, len))
		cursor->end++;
}

static bool has(const struct cursor *cursor)
{
	return cursor->at < cursor->end;
}

/* 1: a unit is there; 0: no more; -ENOMEM. */
static int unit_next(struct differ *differ)
{
	const char *first = NULL;

	for (int i = 0; i < SIDES; i++) {
		struct cursor *cursor = &differ->sides[i];

		if (cursor_more(cursor) &&
		    (!first ||
		     policy_path_compare(cursor_path(cursor), first) < 0))
			first = cursor_path(cursor);
	}
	if (!first)
		return 0;
	free(differ->unit);
	differ->unit = strndup(first, unit_len(first));
	if (!differ->unit)
		return -ENOMEM;
	differ->kind = unit_kind(differ->unit);
	for (int i = 0; i < SIDES; i++)
		cursor_span(&differ->sides[i], differ->unit, differ->kind);
	return 1;
}

static bool is_manual(struct differ *differ)
{
	const struct cursor *present = &differ->sides[PRESENT];
	size_t len = strlen(differ->unit);

	for (size_t i = present->at; i < present->end; i++)
		if (strcmp(policy_tree_path(present->tree, i) + len,
			   "/origin") == 0)
			return strcmp(policy_tree_value(present->tree, i),
				      "rule") != 0;
	return true;
}

/* A rule says so; the default does not count. */
static bool is_denied(const struct differ *differ)
{
	const char *type = differ->unit + strlen("grant/");
	const char *name = strchr(type, '/') + 1;
	struct policy_service service = {
		policy_type_find(type, (size_t)(name - 1 - type)), name};
	struct policy_decision decision;

	if (!differ->set)
		return false;
	decision = policy_decide(differ->set, &service, differ->domain);
	return decision.file && decision.action == POLICY_DENY;
}

/* Nodes that only hold others (no value) make no difference. */
static bool is_bare(const struct cursor *cursor, const char *unit)
{
	return has(cursor) && strcmp(cursor_path(cursor), unit) == 0 &&
	       *policy_tree_value(cursor->tree, cursor->at) == '\0';
}

static bool ranges_equal(struct cursor a, struct cursor b)
{
	for (; has(&a) && has(&b); a.at++, b.at++)
		if (strcmp(cursor_path(&a), cursor_path(&b)) != 0 ||
		    strcmp(policy_tree_value(a.tree, a.at),
			   policy_tree_value(b.tree, b.at)) != 0)
			return false;
	return !has(&a) && !has(&b);
}

/*
 * --- nodes of a unit ---
 */

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* The value at a path if the cursor is there, and steps on; else NULL. */
static const char *take(struct cursor *cursor, const char *path)
{
	if (!has(cursor) || strcmp(cursor_path(cursor), path) != 0)
		return NULL;
	return policy_tree_value(cursor->tree, cursor->at++);
}

static int node_diff(struct differ *differ, const char *path, const char *base,
		     const char *wanted, const char *present)
{
	if (same(wanted, present))
		return 0;
	if (differ->based && !same(present, base) && same(wanted, base))
		return change_add(differ->changes, POLICY_CHANGE_OVERRIDE, path,
				  NULL);
	if (!wanted)
		return change_add(differ->changes, POLICY_CHANGE_REMOVE, path,
				  NULL);
	return change_add(differ->changes, POLICY_CHANGE_WRITE, path, wanted);
}

static int nodes_diff(struct differ *differ)
{
	struct cursor base = differ->sides[BASE];
	struct cursor wanted = differ->sides[WANTED];
	struct cursor present = differ->sides[PRESENT];
	struct cursor *const all[] = {&base, &wanted, &present};
	int error = 0;

	if (is_bare(&present, differ->unit))
		present.at++;
	while (!error && (has(&base) || has(&wanted) || has(&present))) {
		const char *path = NULL, *values[SIDES];

		for (int i = 0; i < SIDES; i++)
			if (has(all[i]) &&
			    (!path || policy_path_compare(cursor_path(all[i]),
							  path) < 0))
				path = cursor_path(all[i]);
		for (int i = 0; i < SIDES; i++)
			values[i] = take(all[i], path);
		error = node_diff(differ, path, values[BASE], values[WANTED],
				  values[PRESENT]);
	}
	return error;
}

static int grant_diff(struct differ *differ)
{
	const struct cursor *sides = differ->sides;
	struct policy_changes *changes = differ->changes;

	if (has(&sides[PRESENT]) && is_manual(differ)) {
		if (is_denied(differ))
			return change_add(changes, POLICY_CHANGE_REMOVE,
					  differ->unit, NULL);
		return change_add(changes, POLICY_CHANGE_OVERRIDE, differ->unit,
				  NULL);
	}
	if (!has(&sides[WANTED])) {
		if (!has(&sides[PRESENT]))
			return 0;
		return change_add(changes, POLICY_CHANGE_REMOVE, differ->unit,
				  NULL);
	}
	if (!has(&sides[PRESENT]) && differ->based && has(&sides[BASE]) &&
	    ranges_equal(sides[BASE], sides[WANTED]))
		return change_add(changes, POLICY_CHANGE_OVERRIDE, differ->unit,
				  NULL);
	if (!has(&sides[PRESENT])) {
		/* New as a whole: what it was before is of no account. */
		differ->sides[BASE].at = differ->sides[BASE].end;
		return nodes_diff(differ);
	}
	return nodes_diff(differ);
}

static int units_diff(struct differ *differ)
{
	int error;

	while ((error = unit_next(differ)) > 0) {
		if (differ->kind == UNIT_GRANT)
			error = grant_diff(differ);
		else
			error = differ->kind == UNIT_OTHER ? nodes_diff(differ)
							   : 0;
		if (error)
			return error;
		for (int i = 0; i < SIDES; i++)
			differ->sides[i].at = differ->sides[i].end;
	}
	return error;
}

/* Removals to the front, everything else in its order. */
static int changes_order(struct policy_changes *changes)
{
	struct policy_change *ordered;
	size_t used = 0;

	if (!changes->count)
		return 0;
	ordered = calloc(changes->count, sizeof(*ordered));
	if (!ordered)
		return -ENOMEM;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < changes->count; i++)
			if ((changes->list[i].kind == POLICY_CHANGE_REMOVE) ==
			    (pass == 0))
				ordered[used++] = changes->list[i];
	free(changes->list);
	changes->list = ordered;
	changes->size = changes->count;
	return 0;
}

int policy_diff(const struct policy_set *set,
		const struct policy_domain *domain, struct policy_tree *base,
		struct policy_tree *wanted, struct policy_tree *present,
		struct policy_changes *changes)
{
	struct differ differ = {
		.set = set,
		.domain = domain,
		.based = base != NULL,
		.sides = {[BASE] = {.tree = base},
			  [WANTED] = {.tree = wanted},
			  [PRESENT] = {.tree = present}},
		.changes = changes,
	};
	int error;

	memset(changes, 0, sizeof(*changes));
	error = units_diff(&differ);
	if (!error)
		error = changes_order(changes);
	free(differ.unit);
	if (error)
		policy_changes_fini(changes);
	return error;
}

void policy_changes_fini(struct policy_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		free((void *)changes->list[i].path);
		free((void *)changes->list[i].value);
	}
	free(changes->list);
	memset(changes, 0, sizeof(*changes));
}
