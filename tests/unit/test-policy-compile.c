// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-policy-compile.c - from rules to nodes, and from the nodes that are
 * there to those that shall be, with the operations counted.
 *
 * Trees are written as text: "path=value path=value".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/compile.h"
#include "backend/policy/order.h"

enum { TEXT_SIZE = 4096 };

static struct policy_set *rules_set(const char *rules, const char *domains)
{
	const struct policy_folders none = {0};
	struct policy_set *set = policy_set_create(&none);
	struct policy_error error;

	assert_int_equal(policy_set_put(set, false, "r.policy", rules,
					strlen(rules), &error),
			 0);
	assert_int_equal(policy_set_put(set, true, "d.conf", domains,
					strlen(domains), &error),
			 0);
	return set;
}

static const struct policy_service known[] = {
	{POLICY_TYPE_WEB, "news"},    {POLICY_TYPE_WEB, "catalog"},
	{POLICY_TYPE_P2P, "link"},    {POLICY_TYPE_WEB, "a.b"},
	{POLICY_TYPE_COUNT, "other"},
};
enum { KNOWN = sizeof(known) / sizeof(known[0]) };

static struct policy_tree *compile(struct policy_set *set,
				   policy_answer *answer, void *context)
{
	struct policy_domain domain;
	struct policy_tree *tree = NULL;

	assert_int_equal(policy_domain_init(set, &domain, "shop1", NULL), 0);
	assert_int_equal(policy_compile(set, &domain, known, KNOWN, answer,
					context, &tree),
			 0);
	policy_domain_fini(&domain);
	return tree;
}

static void tree_text(struct policy_tree *tree, char text[TEXT_SIZE])
{
	*text = '\0';
	for (size_t i = 0; i < policy_tree_count(tree); i++)
		snprintf(text + strlen(text), TEXT_SIZE - strlen(text),
			 "%s%s=%s", i ? " " : "", policy_tree_path(tree, i),
			 policy_tree_value(tree, i));
}

static struct policy_tree *tree_of(const char *text)
{
	char copy[TEXT_SIZE], *rest = copy, *word;
	struct policy_tree *tree;

	if (!text)
		return NULL;
	tree = policy_tree_create();
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " "))) {
		char *equals = strchr(word, '=');

		if (!equals)
			continue;
		*equals = '\0';
		assert_int_equal(policy_tree_add(tree, word, equals + 1), 0);
	}
	return tree;
}

/*
 * --- trees ---
 */

static void test_a_tree_is_sorted_with_children_next_to_parents(void **state)
{
	struct policy_tree *tree = tree_of("a-b=1 a/x=2 a=3 a/x/y=4 a/x-y=5 "
					   "a/x=6 b=7");
	char text[TEXT_SIZE];

	tree_text(tree, text);
	assert_string_equal(text, "a=3 a/x=2 a/x/y=4 a/x-y=5 a-b=1 b=7");
	assert_string_equal(policy_tree_get(tree, "a/x-y"), "5");
	assert_null(policy_tree_get(tree, "a/y"));
	assert_null(policy_tree_get(NULL, "a"));
	policy_tree_destroy(tree);
	tree = policy_tree_create();
	assert_int_equal(policy_tree_count(tree), 0);
	assert_null(policy_tree_get(tree, "a"));
	policy_tree_destroy(tree);
}

/*
 * --- compiling ---
 */

static enum policy_action answer_first(void *context,
				       const struct policy_service *service,
				       const struct policy_decision *decision)
{
	int *asked = context;

	assert_int_equal(decision->action, POLICY_ASK);
	return (*asked)++ == 0 ? POLICY_ALLOW : POLICY_DENY;
}

static void test_rules_become_nodes(void **state)
{
	static const struct {
		const char *rules, *domains, *expected;
	} cases[] = {
		{"", "", ""},
		{"web:* @any deny\n", "", ""},
		{"web:news @any allow\n", "", "grant/web/news/origin=rule"},
		{"web:* shop1 allow rate=1MiB/s notify\n", "",
		 "grant/web/catalog/notify=1 grant/web/catalog/origin=rule "
		 "grant/web/catalog/rate=1048576 grant/web/news/notify=1 "
		 "grant/web/news/origin=rule grant/web/news/rate=1048576"},
		{"web:news @any deny notify\n*:* @any allow\n", "",
		 "grant/p2p/link/origin=rule grant/web/catalog/origin=rule"},
		{"web:* @any ask timeout=1s\n", "", ""},
		{"p2p:* @tag:t allow\n",
		 "[shop*]\ntags = t, u\nrate = 1KiB/s\nweight=7",
		 "grant/p2p/link/origin=rule limit/rate=1024 limit/weight=7 "
		 "tags=t,u"},
		{"web:absent @any allow\n", "", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct policy_set *set =
			rules_set(cases[i].rules, cases[i].domains);
		struct policy_tree *tree = compile(set, NULL, NULL);
		char text[TEXT_SIZE];

		tree_text(tree, text);
		assert_string_equal(text, cases[i].expected);
		policy_tree_destroy(tree);
		policy_set_destroy(set);
	}
}

static void test_ask_grants_what_is_answered_with_allow(void **state)
{
	struct policy_set *set =
		rules_set("web:* @any ask timeout=1s rps=5\n", "");
	int asked = 0;
	struct policy_tree *tree = compile(set, answer_first, &asked);
	char text[TEXT_SIZE];

	assert_int_equal(asked, 2);
	tree_text(tree, text);
	assert_string_equal(text, "grant/web/news/origin=rule "
				  "grant/web/news/rps=5");
	policy_tree_destroy(tree);
	policy_set_destroy(set);
}

/*
 * --- differences ---
 */

static const char kinds[] = {[POLICY_CHANGE_REMOVE] = '-',
			     [POLICY_CHANGE_WRITE] = '+',
			     [POLICY_CHANGE_OVERRIDE] = '!'};

struct diff_case {
	const char *promise;
	const char *rules; /* for denials of manual grants only */
	const char *base;  /* NULL: unknown */
	const char *wanted;
	const char *present;
	const char *expected; /* "-path +path=value !path" */
};

#define CATALOG "grant/web/catalog/origin=rule "
#define RATE(n) "grant/web/catalog/rate=" #n " "
#define MANUAL "grant/web/catalog/origin=manual "

static const struct diff_case diff_cases[] = {
	{"nothing to nothing", "", NULL, "", NULL, ""},
	{"new grants are written", "", NULL, CATALOG RATE(5), "",
	 "+grant/web/catalog/origin=rule +grant/web/catalog/rate=5"},
	{"what is there is left alone", "", NULL, CATALOG RATE(5),
	 CATALOG RATE(5), ""},
	{"nodes that only hold others make no difference", "", NULL,
	 CATALOG "limit/rate=1 ",
	 "grant= grant/web= grant/web/catalog= " CATALOG "limit= limit/rate=1 ",
	 ""},
	{"a changed limit is one write", "", NULL, CATALOG RATE(6),
	 CATALOG RATE(5), "+grant/web/catalog/rate=6"},
	{"a limit less is one removal", "", NULL, CATALOG, CATALOG RATE(5),
	 "-grant/web/catalog/rate"},
	{"a grant less is one removal", "", NULL, "",
	 CATALOG RATE(5) "grant/web/catalog/rps=1", "-grant/web/catalog"},
	{"removals come first", "", NULL, CATALOG "grant/web/z/origin=rule",
	 "grant/web/y/origin=rule",
	 "-grant/web/y +grant/web/catalog/origin=rule "
	 "+grant/web/z/origin=rule"},
	{"names with a common beginning are kept apart", "", NULL,
	 "grant/web/a-b/origin=rule grant/web/a/origin=rule",
	 "grant/web/a/origin=rule grant/web/a.b/origin=rule",
	 "-grant/web/a.b +grant/web/a-b/origin=rule"},
	{"a manual grant stays", "", NULL, "", MANUAL RATE(5),
	 "!grant/web/catalog"},
	{"a grant without origin is manual", "", NULL, "",
	 "grant/web/catalog=", "!grant/web/catalog"},
	{"a manual grant hides the rule's", "", NULL, CATALOG RATE(5),
	 MANUAL RATE(6), "!grant/web/catalog"},
	{"a deny rule beats a manual grant", "web:c* @any deny\n", NULL, "",
	 MANUAL RATE(5) "grant/web/news/origin=manual",
	 "-grant/web/catalog !grant/web/news"},
	{"a deny rule after an allow does not",
	 "web:catalog @any allow\nweb:* @any deny\n", NULL, "", MANUAL,
	 "!grant/web/catalog"},
	{"a deny rule of all types beats what is of no known type",
	 "*:* @any deny\n", NULL, "", "grant/odd/x/origin=manual",
	 "-grant/odd/x"},
	{"a hand-set limit stays while the rules stay", "", CATALOG RATE(5),
	 CATALOG RATE(5), CATALOG RATE(9), "!grant/web/catalog/rate"},
	{"a hand-set limit goes when its rule changes", "", CATALOG RATE(5),
	 CATALOG RATE(6), CATALOG RATE(9), "+grant/web/catalog/rate=6"},
	{"a hand-added limit stays", "", CATALOG, CATALOG, CATALOG RATE(9),
	 "!grant/web/catalog/rate"},
	{"a hand-removed limit stays away", "", CATALOG RATE(5),
	 CATALOG RATE(5), CATALOG, "!grant/web/catalog/rate"},
	{"other keys follow the rules beside a hand-set one", "",
	 CATALOG RATE(5) "grant/web/catalog/rps=1",
	 CATALOG RATE(5) "grant/web/catalog/rps=2",
	 CATALOG RATE(9) "grant/web/catalog/rps=1",
	 "!grant/web/catalog/rate +grant/web/catalog/rps=2"},
	{"a grant revoked by hand stays revoked", "", CATALOG RATE(5),
	 CATALOG RATE(5), "", "!grant/web/catalog"},
	{"a grant revoked by hand comes with a new rule", "", CATALOG RATE(5),
	 CATALOG RATE(6), "",
	 "+grant/web/catalog/origin=rule +grant/web/catalog/rate=6"},
	{"hand-set values go with their grant", "", CATALOG RATE(5), "",
	 CATALOG RATE(9), "-grant/web/catalog"},
	{"after a restart the rules hold again", "", NULL, CATALOG RATE(5),
	 CATALOG RATE(9), "+grant/web/catalog/rate=5"},
	{"limits and tags of the domain", "", NULL, "limit/rate=2 tags=a,b",
	 "limit/rate=1 limit/rps=5 tags=a",
	 "-limit/rps +limit/rate=2 +tags=a,b"},
	{"limits of the domain set by hand", "", "limit/rate=2", "limit/rate=2",
	 "limit/rate=1 limit/weight=3", "!limit/rate !limit/weight"},
};

static void changes_text(const struct policy_changes *changes,
			 char text[TEXT_SIZE])
{
	*text = '\0';
	for (size_t i = 0; i < changes->count; i++) {
		const struct policy_change *change = &changes->list[i];

		snprintf(text + strlen(text), TEXT_SIZE - strlen(text),
			 "%s%c%s%s%s", i ? " " : "", kinds[change->kind],
			 change->path, change->value ? "=" : "",
			 change->value ? change->value : "");
	}
}

static void diff_check(const struct diff_case *one)
{
	struct policy_set *set = rules_set(one->rules, "");
	struct policy_tree *base = tree_of(one->base);
	struct policy_tree *wanted = tree_of(one->wanted);
	struct policy_tree *present = tree_of(one->present);
	const struct policy_domain domain = {.name = "shop1"};
	struct policy_changes changes;
	char text[TEXT_SIZE];

	assert_int_equal(
		policy_diff(set, &domain, base, wanted, present, &changes), 0);
	changes_text(&changes, text);
	if (strcmp(text, one->expected) != 0)
		fail_msg("%s: \"%s\" is not \"%s\"", one->promise, text,
			 one->expected);
	assert_int_equal(changes.writes + changes.overrides, changes.count);
	policy_changes_fini(&changes);
	policy_tree_destroy(base);
	policy_tree_destroy(wanted);
	policy_tree_destroy(present);
	policy_set_destroy(set);
}

static void test_differences(void **state)
{
	for (size_t i = 0; i < sizeof(diff_cases) / sizeof(diff_cases[0]); i++)
		diff_check(&diff_cases[i]);
}

/* Carries changes out on a tree, as a caller does on XenStore. */
static struct policy_tree *applied(struct policy_tree *present,
				   const struct policy_changes *changes)
{
	struct policy_tree *result = policy_tree_create();

	for (size_t i = 0; i < changes->count; i++)
		if (changes->list[i].kind == POLICY_CHANGE_WRITE)
			policy_tree_add(result, changes->list[i].path,
					changes->list[i].value);
	for (size_t i = 0; present && i < policy_tree_count(present); i++) {
		const char *path = policy_tree_path(present, i);
		bool gone = false;

		for (size_t j = 0; j < changes->count; j++) {
			const char *root = changes->list[j].path;
			size_t len = strlen(root);

			gone |= changes->list[j].kind == POLICY_CHANGE_REMOVE &&
				strncmp(path, root, len) == 0 &&
				(path[len] == '/' || !path[len]);
		}
		if (!gone)
			policy_tree_add(result, path,
					policy_tree_value(present, i));
	}
	return result;
}

static void test_changes_lead_from_any_tree_to_any_other(void **state)
{
	const struct policy_domain domain = {.name = "shop1"};

	srandom(1);
	for (int round = 0; round < 2000; round++) {
		struct policy_tree *trees[2], *result;
		struct policy_changes changes;
		char text[2][TEXT_SIZE];

		for (int i = 0; i < 2; i++) {
			trees[i] = policy_tree_create();
			for (long n = random() % 8; n > 0; n--) {
				static const char names[][4] = {"a", "a-b",
								"ab", "a.b"};
				char path[64];
				const char *name = names[random() % 4];

				snprintf(path, sizeof(path),
					 "grant/web/%s/origin", name);
				policy_tree_add(trees[i], path, "rule");
				snprintf(path, sizeof(path), "grant/web/%s/%s",
					 name, random() % 2 ? "rate" : "rps");
				policy_tree_add(trees[i], path,
						random() % 2 ? "1" : "2");
				if (random() % 3 == 0)
					policy_tree_add(trees[i], "limit/rate",
							random() % 2 ? "1"
								     : "2");
			}
		}
		assert_int_equal(policy_diff(NULL, &domain, NULL, trees[0],
					     trees[1], &changes),
				 0);
		result = applied(trees[1], &changes);
		tree_text(trees[0], text[0]);
		tree_text(result, text[1]);
		assert_string_equal(text[0], text[1]);
		assert_true(changes.writes <=
			    policy_tree_count(trees[0]) +
				    policy_tree_count(trees[1]));
		policy_changes_fini(&changes);
		policy_tree_destroy(result);
		policy_tree_destroy(trees[0]);
		policy_tree_destroy(trees[1]);
	}
}

/* A full load of a domain is one operation a value; one changed line is as
 * many as it has values, not as many as the domain has. */
static void test_operations_are_few(void **state)
{
	static struct policy_service services[20];
	static char names[20][8];
	char rules[4096] = "";
	struct policy_tree *wanted[2];
	struct policy_changes changes;
	const struct policy_domain domain = {.name = "shop1"};
	struct policy_set *set;

	for (int i = 0; i < 20; i++) {
		snprintf(names[i], sizeof(names[i]), "s%d", i);
		services[i] =
			(struct policy_service){POLICY_TYPE_WEB, names[i]};
		snprintf(rules + strlen(rules), sizeof(rules) - strlen(rules),
			 "web:s%d @any allow rate=1MiB/s rps=%d\n", i, i + 1);
	}
	for (int round = 0; round < 2; round++) {
		/* Line numbers and comments are not in the tree. */
		char text[4608];

		snprintf(text, sizeof(text), "%s%s",
			 round ? "# a line more\nweb:s7 @any allow rps=99\n"
			       : "",
			 rules);
		set = rules_set(text, "");
		assert_int_equal(policy_compile(set, &domain, services, 20,
						NULL, NULL, &wanted[round]),
				 0);
		policy_set_destroy(set);
	}
	assert_int_equal(policy_tree_count(wanted[0]), 60);
	policy_diff(NULL, &domain, NULL, wanted[0], NULL, &changes);
	assert_int_equal(changes.writes, 60);
	policy_changes_fini(&changes);
	policy_diff(NULL, &domain, wanted[0], wanted[1], wanted[0], &changes);
	assert_int_equal(changes.writes, 2);
	policy_changes_fini(&changes);
	policy_tree_destroy(wanted[0]);
	policy_tree_destroy(wanted[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_a_tree_is_sorted_with_children_next_to_parents),
		cmocka_unit_test(test_rules_become_nodes),
		cmocka_unit_test(test_ask_grants_what_is_answered_with_allow),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_changes_lead_from_any_tree_to_any_other),
		cmocka_unit_test(test_operations_are_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
