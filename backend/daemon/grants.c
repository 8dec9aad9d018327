// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grants.c - the grants of a domain as its tree says, checked.
 *
 * A value that cannot be, or a parameter that nobody knows, voids its grant: a
 * limit that is written wrong must never mean that there is none.  Likewise a
 * wrong limit of the domain voids all of its grants.
 */
#include "backend/daemon/grants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_SIZE = 96 };

static int by_number(const struct policy_params *params,
		     enum policy_param param, uint64_t max, uint64_t *number)
{
	if (!params->value[param])
		return 0;
	return policy_param_number(params, param, number) && *number <= max
		       ? 0
		       : -EINVAL;
}

static int by_number32(const struct policy_params *params,
		       enum policy_param param, uint32_t *number)
{
	uint64_t wide = 0;
	int error = by_number(params, param, UINT32_MAX, &wide);

	*number = (uint32_t)wide;
	return error;
}

static int by_text(const char *value, char *field, size_t size)
{
	if (!value)
		return 0;
	if (!*value || strlen(value) >= size)
		return -EINVAL;
	memcpy(field, value, strlen(value));
	return 0;
}

static int by_class(const char *value, uint32_t *priority)
{
	static const char *const names[MESSAGE_PRIORITY_COUNT] = {
		NULL, "high", "normal", "low"};

	for (uint32_t i = 1; value && i < MESSAGE_PRIORITY_COUNT; i++)
		if (strcmp(names[i], value) == 0) {
			*priority = i;
			return 0;
		}
	return value ? -EINVAL : 0;
}

int grants_limits(const struct policy_params *params,
		  struct message_limits *limits)
{
	int bad = 0;

	memset(limits, 0, sizeof(*limits));
	bad |= by_number(params, POLICY_PARAM_REQUEST_SIZE, UINT64_MAX,
			 &limits->request_bytes);
	bad |= by_number(params, POLICY_PARAM_RESPONSE_SIZE, UINT64_MAX,
			 &limits->response_bytes);
	bad |= by_number(params, POLICY_PARAM_RATE, UINT64_MAX, &limits->rate);
	bad |= by_number(params, POLICY_PARAM_BURST, UINT64_MAX,
			 &limits->burst);
	bad |= by_number32(params, POLICY_PARAM_RPS, &limits->rps);
	bad |= by_number32(params, POLICY_PARAM_STREAMS, &limits->streams);
	bad |= by_number32(params, POLICY_PARAM_PIPES, &limits->pipes);
	bad |= by_number32(params, POLICY_PARAM_WEIGHT, &limits->weight);
	bad |= by_number32(params, POLICY_PARAM_NOTIFY, &limits->notify);
	bad |= by_class(params->value[POLICY_PARAM_CLASS], &limits->priority);
	bad |= by_text(params->value[POLICY_PARAM_METHODS], limits->methods,
		       sizeof(limits->methods));
	bad |= by_text(params->value[POLICY_PARAM_PATH], limits->paths,
		       sizeof(limits->paths));
	return bad ? -EINVAL : 0;
}

/* Keys that are no parameters, for the types that have them. */
static bool key_is_known(enum policy_type type, const char *key)
{
	if (strcmp(key, "origin") == 0)
		return true;
	return type != POLICY_TYPE_WEB && type != POLICY_TYPE_DIAG &&
	       policy_param_find(key) == POLICY_PARAM_COUNT;
}

static bool param_fits(enum policy_param param, enum policy_type type,
		       bool domain)
{
	unsigned int uses = policy_param_uses(param);

	if (domain)
		return uses & POLICY_PARAM_IN_DOMAIN;
	return (uses & POLICY_PARAM_IN_TREE) &&
	       (type == POLICY_TYPE_WEB || !(uses & POLICY_PARAM_WEB_ONLY));
}

static int param_take(struct policy_params *params, enum policy_type type,
		      bool domain, const char *key, const char *value,
		      char why[GRANTS_WHY_SIZE])
{
	enum policy_param param = policy_param_find(key);
	int error;

	if (!domain && key_is_known(type, key))
		return 0;
	if (param == POLICY_PARAM_COUNT || !param_fits(param, type, domain)) {
		snprintf(why, GRANTS_WHY_SIZE, "%.40s: no such parameter", key);
		return -EINVAL;
	}
	/* Rules say yes and no, the tree 1 and 0. */
	if (param == POLICY_PARAM_NOTIFY)
		value = strcmp(value, "1") == 0	  ? "yes"
			: strcmp(value, "0") == 0 ? "no"
						  : value;
	error = policy_param_set(params, param, value);
	if (error == -EINVAL)
		snprintf(why, GRANTS_WHY_SIZE, "%.40s = \"%.40s\": expected %s",
			 key, value, policy_param_expected(param));
	return error;
}

/* The first node below a folder; count if there is none. */
static size_t below_first(struct policy_tree *tree, const char *folder)
{
	size_t len = strlen(folder), i = 0;

	for (; i < policy_tree_count(tree); i++) {
		const char *path = policy_tree_path(tree, i);

		if (strncmp(path, folder, len) == 0 && path[len] == '/')
			break;
	}
	return i;
}

/* The same from a node on; tells if it is below the folder. */
static const char *below(struct policy_tree *tree, size_t index,
			 const char *folder)
{
	size_t len = strlen(folder);
	const char *path;

	if (index >= policy_tree_count(tree))
		return NULL;
	path = policy_tree_path(tree, index);
	return strncmp(path, folder, len) == 0 && path[len] == '/'
		       ? path + len + 1
		       : NULL;
}

static int params_at(struct policy_tree *tree, size_t first, const char *folder,
		     enum policy_type type, bool domain,
		     struct policy_params *params, char why[GRANTS_WHY_SIZE])
{
	struct message_limits limits;
	const char *key;
	int error = 0;

	memset(params, 0, sizeof(*params));
	for (size_t i = first; !error && (key = below(tree, i, folder)); i++)
		error = param_take(params, type, domain, key,
				   policy_tree_value(tree, i), why);
	if (!error && grants_limits(params, &limits)) {
		snprintf(why, GRANTS_WHY_SIZE, "a value is too long");
		error = -EINVAL;
	}
	return error;
}

int grants_params(struct policy_tree *tree, enum policy_type type,
		  const char *name, struct policy_params *params,
		  char why[GRANTS_WHY_SIZE])
{
	char folder[FOLDER_SIZE] = "limit";

	memset(params, 0, sizeof(*params));
	if (!tree)
		return 0;
	if (name)
		snprintf(folder, sizeof(folder), "grant/%s/%.63s",
			 policy_type_name(type), name);
	return params_at(tree, below_first(tree, folder), folder, type, !name,
			 params, why);
}

/* FNV-1a: tells changes that dom0 makes, nothing hostile. */
static void content_add(uint64_t *hash, const char *text)
{
	do {
		*hash = (*hash ^ (uint8_t)*text) * 0x100000001b3u;
	} while (*text++);
}

static uint64_t content_of(struct policy_tree *tree, size_t first,
			   const char *folder)
{
	uint64_t hash = 0xcbf29ce484222325u;
	const char *key;

	for (size_t i = first; (key = below(tree, i, folder)); i++) {
		content_add(&hash, key);
		content_add(&hash, policy_tree_value(tree, i));
	}
	return hash ? hash : 1;
}

/* Takes "grant/<type>/<name>" apart.  False: it is none. */
static bool unit_parse(const char *path, struct grant *grant)
{
	const char *type = path + strlen("grant/"), *name;

	if (strncmp(path, "grant/", 6) != 0)
		return false;
	name = strchr(type, '/');
	if (!name || strchr(name + 1, '/'))
		return false;
	grant->type = policy_type_find(type, (size_t)(name - type));
	name++;
	if (grant->type == POLICY_TYPE_COUNT ||
	    !policy_name_valid(name, strlen(name), false))
		return false;
	memcpy(grant->name, name, strlen(name) + 1);
	return true;
}

static int grant_fill(struct grant *grant, struct policy_tree *tree,
		      size_t index)
{
	const char *folder = policy_tree_path(tree, index), *origin, *target;
	struct policy_params params;
	char why[GRANTS_WHY_SIZE], path[FOLDER_SIZE + 16];
	int error = params_at(tree, index + 1, folder, grant->type, false,
			      &params, why);

	snprintf(path, sizeof(path), "%s/origin", folder);
	origin = policy_tree_get(tree, path);
	grant->rule = origin && strcmp(origin, "rule") == 0;
	grant->valid = !error;
	grant->content = content_of(tree, index + 1, folder);
	target = params.value[POLICY_PARAM_REDIRECT];
	snprintf(grant->target, sizeof(grant->target), "%s",
		 target ? target : grant->name);
	policy_params_fini(&params);
	return error == -EINVAL ? 0 : error;
}

static int limits_fill(struct grants *grants, struct policy_tree *tree)
{
	size_t first = below_first(tree, "limit");
	struct policy_params params;
	char why[GRANTS_WHY_SIZE];
	int error = params_at(tree, first, "limit", POLICY_TYPE_ANY, true,
			      &params, why);

	policy_params_fini(&params);
	grants->limits_valid = !error;
	if (below(tree, first, "limit"))
		grants->limits = content_of(tree, first, "limit");
	return error == -EINVAL ? 0 : error;
}

int grants_parse(struct grants *grants, struct policy_tree *tree, bool rules)
{
	size_t count = tree ? policy_tree_count(tree) : 0;
	struct grant grant;
	int error;

	memset(grants, 0, sizeof(*grants));
	grants->limits_valid = true;
	if (!tree)
		return 0;
	grants->list = calloc(count + 1, sizeof(*grants->list));
	error = grants->list ? limits_fill(grants, tree) : -ENOMEM;
	for (size_t i = 0; !error && i < count; i++) {
		/* Names go into messages, which are zero behind them. */
		memset(&grant, 0, sizeof(grant));
		if (!unit_parse(policy_tree_path(tree, i), &grant))
			continue;
		error = grant_fill(&grant, tree, i);
		if (!error && (rules || !grant.rule))
			grants->list[grants->count++] = grant;
	}
	if (!error && grants->count) {
		struct grant *fit = realloc(
			grants->list, grants->count * sizeof(*grants->list));

		grants->list = fit ? fit : grants->list;
	}
	return error;
}

void grants_fini(struct grants *grants)
{
	free(grants->list);
	memset(grants, 0, sizeof(*grants));
}

const struct grant *grants_find(const struct grants *grants,
				enum policy_type type, const char *name)
{
	for (size_t i = 0; i < grants->count; i++)
		if (grants->list[i].type == type &&
		    strcmp(grants->list[i].name, name) == 0)
			return &grants->list[i];
	return NULL;
}
