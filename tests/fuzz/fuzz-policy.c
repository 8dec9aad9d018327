// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-policy.c - files of the policy of any content, and the trees of any
 * content that they are compared with.
 *
 * An input is three texts parted by a line "---": a file of policy.d, one of
 * domains.d, and a present tree ("path=value" lines).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Splits off what comes before the next "---\n". */
static const char *part(const char **rest, size_t *left, size_t *len)
{
	static const char mark[] = "---\n";
	const char *text = *rest;
	const char *end = memmem(text, *left, mark, sizeof(mark) - 1);
	size_t skip;

	*len = end ? (size_t)(end - text) : *left;
	skip = end ? *len + sizeof(mark) - 1 : *left;
	*rest += skip;
	*left -= skip;
	return text;
}

static void check(int condition)
{
	if (!condition)
		abort();
}

/* An error is always somewhere in the text. */
static void put(struct policy_set *set, bool domains, const char *text,
		size_t len)
{
	struct policy_error error = {0};
	char said[512];
	int rc = policy_set_put(set, domains, "fuzz", text, len, &error);

	if (rc == 0)
		return;
	check(error.line >= 1 && error.column >= 1 && error.expected != NULL);
	policy_error_text(&error, "fuzz", said, sizeof(said));
}

static struct policy_tree *tree_read(const char *text, size_t len)
{
	struct policy_tree *tree = policy_tree_create();
	char *copy = strndup(text, len), *rest = copy, *line;

	while ((line = strsep(&rest, "\n"))) {
		char *equals = strchr(line, '=');

		if (!equals)
			continue;
		*equals = '\0';
		policy_tree_add(tree, line, equals + 1);
	}
	free(copy);
	return tree;
}

static void ignore(void *context, const char *file, unsigned int line,
		   const char *by_file, unsigned int by_line)
{
}

static void use(struct policy_set *set, struct policy_tree *present)
{
	static const struct policy_service services[] = {
		{POLICY_TYPE_WEB, "catalog"}, {POLICY_TYPE_P2P, "link"}};
	struct policy_domain domain;
	struct policy_tree *wanted;
	struct policy_changes changes;

	policy_set_lint(set, ignore, NULL);
	if (policy_domain_init(set, &domain, "shop1",
			       "01234567-89ab-cdef-0123-456789abcdef"))
		return;
	if (policy_compile(set, &domain, services, 2, NULL, NULL, &wanted) ==
	    0) {
		for (int based = 0; based < 2; based++) {
			check(policy_diff(set, &domain, based ? wanted : NULL,
					  wanted, present, &changes) == 0);
			policy_changes_fini(&changes);
		}
		/* Brought about, there is nothing more to do. */
		check(policy_diff(set, &domain, NULL, wanted, wanted,
				  &changes) == 0);
		check(changes.count == 0);
		policy_changes_fini(&changes);
		policy_tree_destroy(wanted);
	}
	policy_domain_fini(&domain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy_folders none;
	struct policy_set *set = policy_set_create(&none);
	const char *rest = (const char *)data, *text;
	struct policy_tree *present;
	size_t left = size, len;

	if (!set)
		return 0;
	text = part(&rest, &left, &len);
	put(set, false, text, len);
	text = part(&rest, &left, &len);
	put(set, true, text, len);
	present = tree_read(rest, left);
	use(set, present);
	policy_tree_destroy(present);
	policy_set_destroy(set);
	return 0;
}
