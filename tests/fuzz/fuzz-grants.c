// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-grants.c - a tree of any content, as XenStore could hold it, into the
 * grants that 2virtd would honour.
 *
 * An input is lines "path=value".  A grant that counts has limits that fit
 * into a message; no message means more than the tree says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/daemon/grants.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
	if (!condition)
		abort();
}

static struct policy_tree *tree_read(const uint8_t *data, size_t size)
{
	struct policy_tree *tree = policy_tree_create();
	char *copy = strndup((const char *)data, size), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *equals = strchr(line, '=');

		if (!equals || equals == line)
			continue;
		*equals = '\0';
		check(policy_tree_add(tree, line, equals + 1) == 0);
	}
	free(copy);
	return tree;
}

static void grant_check(struct policy_tree *tree, const struct grant *grant)
{
	union message message = {.header.type = MESSAGE_GRANT_PUT};
	struct policy_params params;
	char why[GRANTS_WHY_SIZE] = "";
	int error = grants_params(tree, grant->type, grant->name, &params, why);

	check(grant->content != 0 && message_name_valid(grant->name) &&
	      message_name_valid(grant->target));
	check((error == 0) == grant->valid && (error == 0 || why[0]));
	if (!error) {
		check(grants_limits(&params, &message.grant.limits) == 0);
		memcpy(message.grant.name, grant->name, strlen(grant->name));
		check(message_check(&message, sizeof(message.grant), 0,
				    MESSAGE_FROM_BROKER) == 0);
		for (int i = 0; i < POLICY_PARAM_COUNT; i++)
			check(!params.value[i] ||
			      (policy_param_uses(i) & POLICY_PARAM_IN_TREE));
		/* Given is never unlimited. */
		check(!params.value[POLICY_PARAM_RATE] ||
		      message.grant.limits.rate);
		check(!params.value[POLICY_PARAM_REQUEST_SIZE] ||
		      message.grant.limits.request_bytes);
		check(!params.value[POLICY_PARAM_METHODS] ||
		      message.grant.limits.methods[0]);
		check(!params.value[POLICY_PARAM_PATH] ||
		      message.grant.limits.paths[0]);
	}
	policy_params_fini(&params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct policy_tree *tree;
	struct grants grants;

	if (size > 1 << 16)
		return 0;
	tree = tree_read(data, size);
	check(grants_parse(&grants, tree, true) == 0);
	for (size_t i = 0; i < grants.count; i++)
		grant_check(tree, &grants.list[i]);
	grants_fini(&grants);
	check(grants_parse(&grants, tree, false) == 0);
	for (size_t i = 0; i < grants.count; i++)
		check(!grants.list[i].rule);
	grants_fini(&grants);
	policy_tree_destroy(tree);
	return 0;
}
