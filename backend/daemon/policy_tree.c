// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy_tree.c - the life of the trees of domains in XenStore.
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
