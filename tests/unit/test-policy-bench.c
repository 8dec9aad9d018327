// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-policy-bench.c - what 1,000 domains with 20 grants each cost: time and
 * memory are printed, only results are checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/policy/compile.h"

enum { DOMAINS = 1000, GRANTS = 20, GROUPS = 10 };

static struct policy_service services[GRANTS * GROUPS];
static char names[GRANTS * GROUPS][POLICY_NAME_SIZE];

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Ten groups of domains, each with 20 services of its own, by tag; a rule with
 * a name for every domain before them that fits only there. */
static struct policy_set *set_make(void)
{
	const struct policy_folders none = {0};
	struct policy_set *set = policy_set_create(&none);
	struct policy_error error;
	char *rules, *domains;
	size_t rules_len, domains_len;
	FILE *rules_file = open_memstream(&rules, &rules_len);
	FILE *domains_file = open_memstream(&domains, &domains_len);

	for (int i = 0; i < DOMAINS; i++)
		fprintf(rules_file, "web:none vm-%d-%d deny\n", i % GROUPS, i);
	for (int i = 0; i < GRANTS * GROUPS; i++) {
		snprintf(names[i], sizeof(names[i]), "service-%d", i);
		services[i] =
			(struct policy_service){POLICY_TYPE_WEB, names[i]};
		fprintf(rules_file,
			"web:%s @tag:group-%d allow methods=GET,HEAD "
			"rate=1MiB/s\n",
			names[i], i / GRANTS);
	}
	for (int i = 0; i < GROUPS; i++)
		fprintf(domains_file, "[vm-%d-*]\ntags = group-%d\n", i, i);
	fclose(rules_file);
	fclose(domains_file);
	assert_int_equal(
		policy_set_put(set, false, "r", rules, rules_len, &error), 0);
	assert_int_equal(
		policy_set_put(set, true, "d", domains, domains_len, &error),
		0);
	free(rules);
	free(domains);
	return set;
}

static void test_a_thousand_domains(void **state)
{
	static struct policy_tree *trees[DOMAINS];
	struct policy_set *set = set_make();
	double begin = now_ms(), compiled, compared;
	size_t memory = 0, writes = 0;

	for (int i = 0; i < DOMAINS; i++) {
		struct policy_domain domain;
		char name[32];

		snprintf(name, sizeof(name), "vm-%d-%d", i % GROUPS, i);
		assert_int_equal(policy_domain_init(set, &domain, name, NULL),
				 0);
		assert_int_equal(policy_compile(set, &domain, services,
						GRANTS * GROUPS, NULL, NULL,
						&trees[i]),
				 0);
		/* origin, methods, rate; and the tags */
		assert_int_equal(policy_tree_count(trees[i]), GRANTS * 3 + 1);
		memory += policy_tree_memory(trees[i]);
		policy_domain_fini(&domain);
	}
	compiled = now_ms();
	for (int i = 0; i < DOMAINS; i++) {
		const struct policy_domain domain = {.name = "any"};
		struct policy_changes changes;

		assert_int_equal(policy_diff(set, &domain, NULL, trees[i], NULL,
					     &changes),
				 0);
		writes += changes.writes;
		policy_changes_fini(&changes);
		assert_int_equal(policy_diff(set, &domain, trees[i], trees[i],
					     trees[i], &changes),
				 0);
		assert_int_equal(changes.count, 0);
		policy_changes_fini(&changes);
	}
	compared = now_ms();
	assert_int_equal(writes, DOMAINS * (GRANTS * 3 + 1));
	print_message("%d domains x %d grants, %d services, %d rules: compiled "
		      "in %.0f ms, compared in %.0f ms; trees %.1f MiB; "
		      "%zu writes\n",
		      DOMAINS, GRANTS, GRANTS * GROUPS,
		      DOMAINS + GRANTS * GROUPS, compiled - begin,
		      compared - compiled, (double)memory / (1 << 20), writes);
	for (int i = 0; i < DOMAINS; i++)
		policy_tree_destroy(trees[i]);
	policy_set_destroy(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_thousand_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
