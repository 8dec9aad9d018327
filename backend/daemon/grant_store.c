// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grant_store.c - the grants of a domain as they stand in XenStore.
 *
 * Reading costs round trips, so a watch event reads only what it is about: a
 * value costs two operations, a grant four and its values.  What was written
 * here is put into the tree at once and comes back as events, which read it
 * again: the tree never shows what XenStore does not hold for long.
 *
 * A unit is one grant, "grant/<type>/<name>".  Units that are not dom0's alone
 * are "void": known by name, so that they are not written either.
 */
#include "backend/daemon/grant_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/paths.h"
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/store.h"
#include "backend/policy/type.h"
#include "backend/util/log.h"

enum {
	TOUCHES_MAX = 256, /* more: everything is read again */
	RELATIVE_SIZE = 160,
	VALUE_SIZE = 4096, /* XENSTORE_PAYLOAD_MAX */
};

#define DOMAIN_NODE POLICY_TREE_ROOT "/domain/%u"

struct grant_store {
	struct xs_handle *xs;
	uint32_t domid;
	struct policy_tree *tree; /* NULL: nothing is honoured */
	struct paths touched;
	struct paths voids; /* units */
	bool all;	    /* read everything */
};

/* The unit of a path; false: it is in none. */
static bool unit_of(const char *path, char unit[RELATIVE_SIZE])
{
	const char *end = path;

	if (strncmp(path, "grant/", 6) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		end += strcspn(end, "/");
		if (i < 2 && *end++ != '/')
			return false;
	}
	if (end - path >= RELATIVE_SIZE)
		return false;
	memcpy(unit, path, (size_t)(end - path));
	unit[end - path] = '\0';
	return true;
}

/*
 * --- reading ---
 */

static int check(struct grant_store *store, const char *path)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 6000);
	char full[STORE_PATH_SIZE];
	int error;

	if (snprintf(full, sizeof(full), DOMAIN_NODE "%s%s", store->domid,
		     *path ? "/" : "", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	error = store_check_private(store->xs, full);
	if (error == -EPERM)
		log_limited(&limit, LOG_LEVEL_ERROR,
			    "%s: others than dom0 may write it: no grant below "
			    "it is honoured",
			    full);
	return error;
}

/* Reads a value into the tree.  0, also if there is none; negative errno. */
static int value_read(struct grant_store *store, struct policy_tree *tree,
		      const char *path)
{
	char value[VALUE_SIZE];
	int error = store_read(store->xs, XBT_NULL, value, sizeof(value),
			       DOMAIN_NODE "/%s", store->domid, path);

	if (!error)
		error = check(store, path);
	if (error)
		return error == -ENOENT ? 0 : error;
	return policy_tree_add(tree, path, value);
}

/* All values below a node that is dom0's. */
static int values_read(struct grant_store *store, struct policy_tree *tree,
		       const char *folder)
{
	unsigned int count;
	char **names = store_list(store->xs, XBT_NULL, &count,
				  DOMAIN_NODE "/%s", store->domid, folder);
	int error = 0;

	for (unsigned int i = 0; !error && i < count; i++) {
		char path[RELATIVE_SIZE];

		if (snprintf(path, sizeof(path), "%s/%s", folder, names[i]) >=
		    (int)sizeof(path))
			error = -ENAMETOOLONG;
		else
			error = value_read(store, tree, path);
	}
	free(names);
	return error;
}

/* Adds a unit to the tree or to the void ones. */
static int unit_read(struct grant_store *store, struct policy_tree *tree,
		     const char *unit)
{
	struct policy_tree *own;
	int error = check(store, unit);

	paths_drop(&store->voids, unit);
	if (error == -ENOENT)
		return 0;
	own = policy_tree_create();
	if (!own)
		return -ENOMEM;
	if (!error)
		error = policy_tree_add(own, unit, "");
	if (!error)
		error = values_read(store, own, unit);
	for (size_t i = 0; !error && i < policy_tree_count(own); i++)
		error = policy_tree_add(tree, policy_tree_path(own, i),
					policy_tree_value(own, i));
	policy_tree_destroy(own);
	if (!error || error == -ENOMEM)
		return error;
	if (error != -EPERM)
		log_warning("domain %u: %s is void: %s", store->domid, unit,
			    strerror(-error));
	return paths_add(&store->voids, unit);
}

static int type_read(struct grant_store *store, struct policy_tree *tree,
		     const char *type)
{
	char path[RELATIVE_SIZE];
	unsigned int count;
	char **names;
	int error;

	if (policy_type_find(type, strlen(type)) == POLICY_TYPE_COUNT) {
		log_warning("domain %u: \"%s\" is no type of a service",
			    store->domid, type);
		return 0;
	}
	snprintf(path, sizeof(path), "grant/%s", type);
	error = check(store, path);
	if (error)
		return error == -EPERM ? paths_add(&store->voids, path) : error;
	names = store_list(store->xs, XBT_NULL, &count, DOMAIN_NODE "/%s",
			   store->domid, path);
	for (unsigned int i = 0;
	     !error && i < count && i < POLICY_TREE_MAX_GRANTS; i++) {
		snprintf(path, sizeof(path), "grant/%s/%.64s", type, names[i]);
		if (policy_name_valid(names[i], strlen(names[i]), false))
			error = unit_read(store, tree, path);
		else
			log_warning("domain %u: \"%s\" can be no name of a "
				    "service",
				    store->domid, names[i]);
	}
	free(names);
	return error;
}

/* Everything above the types. */
static int way_check(struct grant_store *store)
{
	int error = store_check_private(store->xs, POLICY_TREE_ROOT);

	if (!error)
		error = store_check_private(store->xs,
					    POLICY_TREE_ROOT "/domain");
	if (error == -EPERM)
		log_error(POLICY_TREE_ROOT ": others than dom0 may write it: "
					   "no grant is honoured");
	if (!error)
		error = check(store, "");
	return error;
}

static int all_read(struct grant_store *store, struct policy_tree *tree)
{
	int error = way_check(store), there;
	unsigned int count;
	char **types;

	paths_clear(&store->voids);
	if (error)
		return error;
	there = check(store, "limit");
	error = there == -ENOENT ? 0 : there;
	if (!there)
		error = values_read(store, tree, "limit");
	if (!error)
		error = value_read(store, tree, "tags");
	there = error ? error : check(store, "grant");
	if (there)
		return there == -ENOENT ? 0 : there;
	types = store_list(store->xs, XBT_NULL, &count, DOMAIN_NODE "/grant",
			   store->domid);
	for (unsigned int i = 0; !error && i < count; i++)
		error = type_read(store, tree, types[i]);
	free(types);
	return error;
}

/*
 * --- refreshing ---
 */

struct grant_store *grant_store_create(struct xs_handle *xs, uint32_t domid)
{
	struct grant_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	store->xs = xs;
	store->domid = domid;
	store->all = true;
	return store;
}

void grant_store_destroy(struct grant_store *store)
{
	if (!store)
		return;
	policy_tree_destroy(store->tree);
	paths_clear(&store->touched);
	paths_clear(&store->voids);
	free(store);
}

/* A value of a unit that is known is read alone, everything else whole. */
void grant_store_touch(struct grant_store *store, const char *path)
{
	char unit[RELATIVE_SIZE];
	const char *rest;

	if (store->all)
		return;
	/* What we write there is not read. */
	if (path &&
	    (path_is_below(path, "state") || path_is_below(path, "uuid") ||
	     path_is_below(path, "name")))
		return;
	if (path && (strcmp(path, "tags") == 0 ||
		     (strncmp(path, "limit/", 6) == 0 && path[6]))) {
		rest = path;
	} else if (path && unit_of(path, unit)) {
		bool known = store->tree && policy_tree_get(store->tree, unit);

		rest = path + strlen(unit);
		if (*rest == '/' && strchr(rest + 1, '/'))
			return; /* nothing of ours is that deep */
		rest = *rest && known ? path : unit;
	} else {
		store->all = true;
		return;
	}
	if (store->touched.count == TOUCHES_MAX || !store->tree ||
	    paths_cover(&store->voids, rest) ||
	    paths_add(&store->touched, rest))
		store->all = true;
}

static int path_read(struct grant_store *store, struct policy_tree *tree,
		     const char *path, struct paths *again)
{
	char unit[RELATIVE_SIZE];
	int error;

	if (unit_of(path, unit) && strcmp(unit, path) == 0)
		return unit_read(store, tree, path);
	error = value_read(store, tree, path);
	/* One value that is not dom0's voids its grant. */
	if (error == -EPERM && unit_of(path, unit))
		return paths_add(again, unit);
	return error;
}

/* The former tree with what was touched read again. */
static int touched_read(struct grant_store *store, struct policy_tree *tree,
			struct paths *again)
{
	int error = 0;

	paths_settle(&store->touched);
	for (size_t i = 0; !error && i < policy_tree_count(store->tree); i++)
		if (!paths_cover(&store->touched,
				 policy_tree_path(store->tree, i)))
			error = policy_tree_add(
				tree, policy_tree_path(store->tree, i),
				policy_tree_value(store->tree, i));
	for (size_t i = 0; !error && i < store->touched.count; i++)
		error = path_read(store, tree, store->touched.list[i], again);
	return error;
}

static bool trees_equal(struct policy_tree *a, struct policy_tree *b)
{
	if (!a || !b || policy_tree_count(a) != policy_tree_count(b))
		return a == b;
	for (size_t i = 0; i < policy_tree_count(a); i++)
		if (strcmp(policy_tree_path(a, i), policy_tree_path(b, i)) ||
		    strcmp(policy_tree_value(a, i), policy_tree_value(b, i)))
			return false;
	return true;
}

static int refresh_once(struct grant_store *store, struct paths *again)
{
	struct policy_tree *tree = policy_tree_create();
	bool all = store->all || !store->tree;
	int error = tree ? 0 : -ENOMEM;
	int changed;

	if (!error)
		error = all ? all_read(store, tree)
			    : touched_read(store, tree, again);
	paths_clear(&store->touched);
	store->all = false;
	if (error) {
		policy_tree_destroy(tree);
		tree = NULL;
	}
	changed = !trees_equal(tree, store->tree);
	policy_tree_destroy(store->tree);
	store->tree = tree;
	return error && error != -ENOENT ? error : changed;
}

int grant_store_refresh(struct grant_store *store)
{
	struct paths again = {0};
	int result = 0, more;

	if (!store->all && !store->touched.count)
		return 0;
	result = refresh_once(store, &again);
	if (result >= 0 && again.count) {
		store->touched = again;
		memset(&again, 0, sizeof(again));
		more = refresh_once(store, &again);
		result = more < 0 ? more : result | more;
	}
	paths_clear(&again);
	if (result < 0)
		log_error("domain %u: cannot read its grants: %s", store->domid,
			  strerror(-result));
	return result;
}

struct policy_tree *grant_store_tree(const struct grant_store *store)
{
	return store->tree;
}

/*
 * --- writing ---
 */

struct write {
	struct grant_store *store;
	const struct policy_change *list;
	size_t count;
};

static bool is_written(const struct grant_store *store,
		       const struct policy_change *change)
{
	return change->kind != POLICY_CHANGE_OVERRIDE &&
	       !paths_cover(&store->voids, change->path);
}

/* A grant that is new here must be new there: else it is somebody's own. */
static bool is_taken(struct grant_store *store, xs_transaction_t transaction,
		     const char *path, char fresh[RELATIVE_SIZE])
{
	char unit[RELATIVE_SIZE];

	if (!unit_of(path, unit) || strcmp(unit, fresh) == 0 ||
	    policy_tree_get(store->tree, unit))
		return false;
	memcpy(fresh, unit, sizeof(unit));
	return store_exists(store->xs, transaction, DOMAIN_NODE "/%s",
			    store->domid, unit);
}

static int write_body(struct xs_handle *xs, xs_transaction_t transaction,
		      void *context)
{
	const struct write *write = context;
	struct grant_store *store = write->store;
	char fresh[RELATIVE_SIZE] = "";
	int error = 0;

	for (size_t i = 0; !error && i < write->count; i++) {
		const struct policy_change *change = &write->list[i];

		if (!is_written(store, change))
			continue;
		if (change->kind == POLICY_CHANGE_REMOVE)
			error = store_remove(xs, transaction, DOMAIN_NODE "/%s",
					     store->domid, change->path);
		else if (is_taken(store, transaction, change->path, fresh))
			error = -ESTALE;
		else
			error = store_write(xs, transaction, change->value,
					    DOMAIN_NODE "/%s", store->domid,
					    change->path);
	}
	return error;
}

/* The former tree without what is gone, into a tree with what is new. */
static int tree_merge(struct grant_store *store, const struct write *write,
		      struct policy_tree *tree)
{
	struct paths gone = {0};
	char unit[RELATIVE_SIZE];
	int error = 0;

	for (size_t i = 0; !error && i < write->count; i++) {
		const struct policy_change *change = &write->list[i];

		if (!is_written(store, change))
			continue;
		error = paths_add(&gone, change->path);
		if (error || change->kind == POLICY_CHANGE_REMOVE)
			continue;
		if (unit_of(change->path, unit))
			error = policy_tree_add(tree, unit, "");
		if (!error)
			error = policy_tree_add(tree, change->path,
						change->value);
	}
	for (size_t i = 0; !error && i < policy_tree_count(store->tree); i++) {
		const char *path = policy_tree_path(store->tree, i);

		if (!paths_cover(&gone, path))
			error = policy_tree_add(
				tree, path, policy_tree_value(store->tree, i));
	}
	paths_clear(&gone);
	return error;
}

/* Puts into the tree what has been written. */
static void tree_follow(struct grant_store *store, const struct write *write)
{
	struct policy_tree *tree = policy_tree_create();

	if (!tree || tree_merge(store, write, tree)) {
		policy_tree_destroy(tree);
		store->all = true;
		return;
	}
	policy_tree_destroy(store->tree);
	store->tree = tree;
}

/* How many changes from here on belong to one unit. */
static size_t unit_span(const struct policy_change *list, size_t count)
{
	char first[RELATIVE_SIZE], unit[RELATIVE_SIZE];
	size_t span = 1;

	if (!unit_of(list[0].path, first))
		return 1;
	while (span < count && list[span].kind == list[0].kind &&
	       unit_of(list[span].path, unit) && strcmp(unit, first) == 0)
		span++;
	return span;
}

/*
 * Somebody else writes all the time: unit by unit, what is one operation
 * without a transaction.
 */
static int write_units(struct grant_store *store,
		       const struct policy_changes *changes)
{
	int error = 0;

	for (size_t i = 0, span; !error && i < changes->count; i += span) {
		struct write write = {store, &changes->list[i], 0};
		char unit[RELATIVE_SIZE];

		span = unit_span(write.list, changes->count - i);
		write.count = span;
		if (span == 1 && (write.list->kind == POLICY_CHANGE_REMOVE ||
				  !unit_of(write.list->path, unit) ||
				  policy_tree_get(store->tree, unit)))
			error = write_body(store->xs, XBT_NULL, &write);
		else
			error = store_transact(store->xs, write_body, &write);
		if (!error)
			tree_follow(store, &write);
	}
	return error;
}

int grant_store_write(struct grant_store *store,
		      const struct policy_changes *changes)
{
	struct write write = {store, changes->list, changes->count};
	int error;

	if (!changes->writes)
		return 0;
	if (!store->tree)
		return -ESTALE;
	error = store_transact(store->xs, write_body, &write);
	if (!error)
		tree_follow(store, &write);
	else if (error == -EAGAIN)
		error = write_units(store, changes);
	if (error)
		store->all = true;
	return error;
}
