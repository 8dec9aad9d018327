// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-policy-folder.c - files that come, change, break and go: each keeps its
 * last good version, over restarts as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/policy/policy.h"

static char base[] = "/tmp/test-policy-XXXXXX";
static char rules[64], domains[64], keep[64];
static struct policy_set *set;

static void put(const char *folder, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void drop(const char *folder, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static void empty(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(folder);
}

/* A set as of a daemon that has just started. */
static void start(void)
{
	const struct policy_folders folders = {rules, domains, keep};

	policy_set_destroy(set);
	set = policy_set_create(&folders);
	assert_non_null(set);
}

static int setup(void **state)
{
	snprintf(rules, sizeof(rules), "%s/policy.d", base);
	snprintf(domains, sizeof(domains), "%s/domains.d", base);
	snprintf(keep, sizeof(keep), "%s/keep", base);
	assert_int_equal(mkdir(rules, 0700) | mkdir(domains, 0700), 0);
	start();
	return 0;
}

static int teardown(void **state)
{
	policy_set_destroy(set);
	set = NULL;
	empty(rules);
	empty(domains);
	empty(keep);
	return 0;
}

static bool allowed(const char *name)
{
	struct policy_service service = {POLICY_TYPE_WEB, name};
	struct policy_domain domain;
	enum policy_action action;

	assert_int_equal(policy_domain_init(set, &domain, "shop1", NULL), 0);
	action = policy_decide(set, &service, &domain).action;
	policy_domain_fini(&domain);
	return action == POLICY_ALLOW;
}

static int reload(bool expected_change)
{
	bool changed = !expected_change;
	int broken = policy_set_reload(set, &changed);

	assert_true(changed == expected_change);
	return broken;
}

static struct policy_file_status status_of(const char *name)
{
	struct policy_file_status status;

	for (size_t i = 0; i < policy_set_file_count(set); i++) {
		policy_set_file(set, i, &status);
		if (strcmp(status.name, name) == 0)
			return status;
	}
	fail_msg("%s is not known", name);
	return status;
}

static void test_no_folder_is_no_rule(void **state)
{
	const struct policy_folders nowhere = {"/nonexistent/2virt", NULL,
					       NULL};
	struct policy_set *other = policy_set_create(&nowhere);

	assert_int_equal(policy_set_reload(other, NULL), 0);
	assert_int_equal(policy_set_file_count(other), 0);
	policy_set_destroy(other);
}

static void test_a_file_that_did_not_change_is_no_change(void **state)
{
	put(rules, "a.policy", "web:x @any allow\n");
	assert_int_equal(reload(true), 0);
	assert_int_equal(reload(false), 0);
	assert_int_equal(status_of("a.policy").version, 1);
	put(rules, "a.policy", "web:y @any allow\n");
	assert_int_equal(reload(true), 0);
	assert_int_equal(status_of("a.policy").version, 2);
	assert_false(allowed("x"));
	assert_true(allowed("y"));
}

static void test_a_broken_file_leaves_its_last_good_version(void **state)
{
	struct policy_file_status status;

	put(rules, "a.policy", "web:x @any allow\nweb:y @any allow\n");
	put(rules, "b.policy", "web:z @any allow\n");
	assert_int_equal(reload(true), 0);
	/* Refused as a whole: neither its good nor its bad line counts. */
	put(rules, "a.policy", "web:new @any allow\nweb:y @any alow\n");
	put(rules, "b.policy", "web:z2 @any allow\n");
	assert_int_equal(reload(true), 1);
	assert_false(policy_set_healthy(set));
	assert_true(allowed("x"));
	assert_true(allowed("y"));
	assert_false(allowed("new"));
	assert_true(allowed("z2"));
	status = status_of("a.policy");
	assert_true(status.broken && status.in_force && !status.kept);
	assert_int_equal(status.version, 1);
	assert_int_equal(status.count, 2);
	assert_int_equal(status.error.line, 2);
	assert_int_equal(status.error.column, 12);
	assert_string_equal(status.error.expected, "allow, deny or ask");
	assert_int_equal(reload(false), 1);
	put(rules, "a.policy", "web:y @any allow\n");
	assert_int_equal(reload(true), 0);
	assert_true(policy_set_healthy(set));
	assert_false(allowed("x"));
}

static void test_a_file_that_was_never_good_has_no_rule(void **state)
{
	put(rules, "a.policy", "web:x @any allow\nnonsense\n");
	put(rules, "b.policy", "web:y @any allow\n");
	assert_int_equal(reload(true), 1);
	assert_false(allowed("x"));
	assert_true(allowed("y"));
	assert_false(status_of("a.policy").in_force);
}

static void test_a_restart_keeps_the_last_good_version(void **state)
{
	put(rules, "a.policy", "web:x @any deny\n");
	put(rules, "b.policy", "web:x @any allow\nweb:y @any allow\n");
	put(domains, "a.conf", "[shop1]\ntags = t\n");
	assert_int_equal(reload(true), 0);
	put(rules, "a.policy", "web:x @any\n");
	put(domains, "a.conf", "[shop1\n");
	start();
	assert_int_equal(reload(true), 2);
	assert_false(allowed("x"));
	assert_true(allowed("y"));
	assert_true(status_of("a.policy").kept);
	assert_true(status_of("a.policy").in_force);
	assert_true(status_of("a.conf").kept);
	/* It must not come back once the file is gone. */
	drop(rules, "a.policy");
	start();
	assert_int_equal(reload(true), 1);
	assert_true(allowed("x"));
	put(rules, "a.policy", "web:x @any\n");
	start();
	assert_int_equal(reload(true), 2);
	assert_true(allowed("x"));
}

static void test_a_file_that_goes_takes_its_rules(void **state)
{
	put(rules, "a.policy", "web:x @any allow\n");
	assert_int_equal(reload(true), 0);
	drop(rules, "a.policy");
	assert_int_equal(reload(true), 0);
	assert_false(allowed("x"));
	assert_int_equal(policy_set_file_count(set), 0);
}

/* Without any rule, and without any one rule that grants, nothing is granted:
 * the mutation test of trust. */
static void test_a_rule_that_is_removed_grants_nothing(void **state)
{
	static const char *const lines[] = {"web:x shop1 allow\n",
					    "web:y @tag:t allow\n",
					    "web:z shop* allow\n"};
	static const char *const names[] = {"x", "y", "z"};

	put(domains, "d.conf", "[shop1]\ntags = t\n");
	for (int gone = 0; gone < 3; gone++) {
		char text[256] = "";

		for (int i = 0; i < 3; i++)
			if (i != gone)
				strcat(text, lines[i]);
		put(rules, "a.policy", text);
		assert_int_equal(reload(true), 0);
		for (int i = 0; i < 3; i++)
			assert_true(allowed(names[i]) == (i != gone));
	}
	put(rules, "a.policy", "");
	assert_int_equal(reload(true), 0);
	for (int i = 0; i < 3; i++)
		assert_false(allowed(names[i]));
}

static void test_files_nobody_should_trust_are_refused(void **state)
{
	char path[128], big[70];

	put(rules, "a.policy", "web:x @any allow\n");
	snprintf(path, sizeof(path), "%s/a.policy", rules);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(reload(false), 1);
	assert_false(allowed("x"));
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(reload(true), 0);
	/* A version in force outlives what replaces it. */
	assert_int_equal(unlink(path) | mkdir(path, 0700), 0);
	assert_int_equal(reload(false), 1);
	assert_true(allowed("x"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(reload(false), 1);
	assert_true(allowed("x"));
	assert_int_equal(unlink(path), 0);
	memset(big, '#', sizeof(big) - 2);
	memcpy(big + sizeof(big) - 2, "\n", 2);
	put(rules, "a.policy", big);
	{
		FILE *file = fopen(path, "ae");

		for (int i = 0; i < (1 << 20) / 69; i++)
			fputs(big, file);
		fclose(file);
	}
	assert_int_equal(reload(false), 1);
	assert_true(allowed("x"));
	assert_string_equal(status_of("a.policy").error.expected,
			    "a file of at most 1 MiB");
}

static void count_named(void *context, const struct policy_service *service)
{
	assert_int_equal(service->type, POLICY_TYPE_P2P);
	assert_string_equal(service->name, "link");
	++*(int *)context;
}

static void test_names_without_definition_are_told(void **state)
{
	int count = 0;

	put(rules, "a.policy",
	    "p2p:link shop1 allow\np2p:other shop1 deny\n*:x @any allow\n"
	    "p2p:l* @any allow\np2p:link shop2 ask\n");
	reload(true);
	policy_set_named(set, count_named, &count);
	assert_int_equal(count, 2);
}

static void dead(void *context, const char *file, unsigned int line,
		 const char *by_file, unsigned int by_line)
{
	char *text = context;

	sprintf(text + strlen(text), "%s:%u<%s:%u ", file, line, by_file,
		by_line);
}

static void test_rules_that_can_never_decide_are_told(void **state)
{
	char text[512] = "";

	put(rules, "a.policy",
	    "web:x shop* deny\nweb:x shop1 allow\nweb:* @any allow\n"
	    "p2p:x shop1 allow\nweb:y @tag:t deny\n");
	put(rules, "b.policy",
	    "p2p:x shop1 deny\np2p:x shop2 deny\n*:* @any deny\n"
	    "char:z* @any allow\nweb:x shop-* deny\n");
	reload(true);
	assert_int_equal(policy_set_lint(set, dead, text), 5);
	assert_string_equal(text, "a.policy:2<a.policy:1 a.policy:5<a.policy:3 "
				  "b.policy:1<a.policy:4 b.policy:4<b.policy:3 "
				  "b.policy:5<a.policy:3 ");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_no_folder_is_no_rule),
		CASE(test_a_file_that_did_not_change_is_no_change),
		CASE(test_a_broken_file_leaves_its_last_good_version),
		CASE(test_a_file_that_was_never_good_has_no_rule),
		CASE(test_a_restart_keeps_the_last_good_version),
		CASE(test_a_file_that_goes_takes_its_rules),
		CASE(test_a_rule_that_is_removed_grants_nothing),
		CASE(test_files_nobody_should_trust_are_refused),
		CASE(test_names_without_definition_are_told),
		CASE(test_rules_that_can_never_decide_are_told),
	};
	int failed;

	if (!mkdtemp(base))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(base);
	return failed;
}
