// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy_tree.c - the grants of a domain, as they stand in XenStore.
 */
#include "backend/daemon/policy_tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/store.h"
#include "backend/util/log.h"

int policy_tree_init(struct xs_handle *xs)
{
	static const char *const nodes[] = {POLICY_TREE_ROOT,
					    POLICY_TREE_ROOT "/domain"};

	for (size_t i = 0; i < 2; i++) {
		int error = 0;

		/* What is there keeps its permissions: they are checked when
		 * a grant is read, not repaired behind somebody's back. */
		if (!store_exists(xs, XBT_NULL, "%s", nodes[i]))
			error = store_make_private(xs, nodes[i]);
		if (error)
			return error;
	}
	return 0;
}

void policy_tree_wipe(struct xs_handle *xs, uint32_t domid)
{
	int error = store_remove(xs, XBT_NULL, POLICY_TREE_ROOT "/domain/%u",
				 domid);

	if (error)
		log_error("cannot remove the tree of domain %u: %s", domid,
			  strerror(-error));
}

void policy_tree_adopt(struct xs_handle *xs, const struct domain_id *domain,
		       bool strict)
{
	char expected[DOMAIN_UUID_TEXT_SIZE], found[DOMAIN_UUID_TEXT_SIZE];
	char path[STORE_PATH_SIZE];
	int error;

	domain_uuid_text(domain->uuid, expected);
	snprintf(path, sizeof(path), POLICY_TREE_ROOT "/domain/%u",
		 domain->domid);
	error = store_read(xs, XBT_NULL, found, sizeof(found), "%s/uuid", path);
	if ((error == -ENOENT && strict) || (error && error != -ENOENT) ||
	    (!error && strcmp(found, expected) != 0)) {
		if (store_exists(xs, XBT_NULL, "%s/grant", path))
			log_notice("domain %u: grants of another domain of "
				   "this number are void",
				   domain->domid);
		policy_tree_wipe(xs, domain->domid);
	}
	/* Does nothing to a node that is there. */
	if (!store_exists(xs, XBT_NULL, "%s", path))
		store_make_private(xs, path);
	store_remove(xs, XBT_NULL, "%s/state", path);
	error = store_write(xs, XBT_NULL, expected, "%s/uuid", path);
	if (error)
		log_error("cannot write %s/uuid: %s", path, strerror(-error));
}

void policy_tree_write_name(struct xs_handle *xs, uint32_t domid)
{
	char name[MESSAGE_NAME_SIZE];

	if (!store_read(xs, XBT_NULL, name, sizeof(name),
			"/local/domain/%u/name", domid))
		store_write(xs, XBT_NULL, name,
			    POLICY_TREE_ROOT "/domain/%u/name", domid);
}

void policy_tree_sweep(struct xs_handle *xs, const struct domain_list *alive)
{
	unsigned int count;
	char **names =
		store_list(xs, XBT_NULL, &count, POLICY_TREE_ROOT "/domain");

	for (unsigned int i = 0; i < count; i++) {
		uint32_t domid;

		if (!store_parse_number(names[i], UINT16_MAX, &domid)) {
			log_warning(POLICY_TREE_ROOT
				    "/domain/%s is no domain's tree",
				    names[i]);
			continue;
		}
		if (!domain_list_find(alive, domid))
			policy_tree_wipe(xs, domid);
	}
	free(names);
}

/* 0 or a negative errno; said in the log if it is one of permissions. */
static int check_private(struct xs_handle *xs, const char *path)
{
	static struct log_limit limit = LOG_LIMIT_INIT(10, 6000);
	int error = store_check_private(xs, path);

	if (error == -EPERM)
		log_limited(&limit, LOG_LEVEL_ERROR,
			    "%s: others than dom0 may write it: no grant below "
			    "it is honoured",
			    path);
	return error;
}

/* Checks all nodes from the root to a type's folder. */
static int check_way(struct xs_handle *xs, uint32_t domid, const char *type)
{
	char paths[4][STORE_PATH_SIZE];
	int error = check_private(xs, POLICY_TREE_ROOT);

	snprintf(paths[0], STORE_PATH_SIZE, POLICY_TREE_ROOT "/domain");
	snprintf(paths[1], STORE_PATH_SIZE, POLICY_TREE_ROOT "/domain/%u",
		 domid);
	snprintf(paths[2], STORE_PATH_SIZE, POLICY_TREE_ROOT "/domain/%u/grant",
		 domid);
	snprintf(paths[3], STORE_PATH_SIZE,
		 POLICY_TREE_ROOT "/domain/%u/grant/%s", domid, type);
	for (int i = 0; !error && i < 4; i++)
		error = check_private(xs, paths[i]);
	return error;
}

static int compare_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int policy_tree_grants(struct xs_handle *xs, uint32_t domid, const char *type,
		       char (**names)[MESSAGE_NAME_SIZE], size_t *count)
{
	char(*taken)[MESSAGE_NAME_SIZE];
	unsigned int found;
	char **children;
	size_t used = 0;
	int error;

	*names = NULL;
	*count = 0;
	error = check_way(xs, domid, type);
	if (error)
		return error == -ENOENT ? 0 : error;
	children =
		store_list(xs, XBT_NULL, &found,
			   POLICY_TREE_ROOT "/domain/%u/grant/%s", domid, type);
	if (!found) {
		free(children);
		return 0;
	}
	taken = calloc(found, sizeof(*taken));
	if (!taken) {
		free(children);
		return -ENOMEM;
	}
	for (unsigned int i = 0; i < found && used < POLICY_TREE_MAX_GRANTS;
	     i++) {
		char path[STORE_PATH_SIZE];

		if (!message_name_valid(children[i])) {
			log_warning("domain %u: \"%s\" can be no name of a "
				    "service",
				    domid, children[i]);
			continue;
		}
		snprintf(path, sizeof(path),
			 POLICY_TREE_ROOT "/domain/%u/grant/%s/%s", domid, type,
			 children[i]);
		if (check_private(xs, path))
			continue;
		snprintf(taken[used++], MESSAGE_NAME_SIZE, "%s", children[i]);
	}
	free(children);
	qsort(taken, used, sizeof(*taken), compare_name);
	*names = taken;
	*count = used;
	return 0;
}
