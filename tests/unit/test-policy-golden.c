// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-policy-golden.c - files of the policy that are to be understood, with
 * what they decide, and files that are to be refused, with what is said.
 *
 * policy-golden/pass/NAME: a folder of *.policy, *.conf and cases:
 *
 *	web:catalog DOMAIN UUID = decision     (- : unknown; _ in DOMAIN: blank)
 *	 parameter value                       (those of the line above)
 *	limits DOMAIN UUID = rate 1024 ...     (of the domain)
 *	tags DOMAIN UUID = a,b
 *
 * policy-golden/fail/NAME.policy or .conf, and NAME.expected.
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
#include <unistd.h>

#include "backend/policy/policy.h"

#define GOLDEN POLICY_GOLDEN

enum { TEXT_SIZE = 8192 };

static size_t file_read(const char *path, char text[TEXT_SIZE])
{
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	len = fread(text, 1, TEXT_SIZE - 1, file);
	assert_true(len < TEXT_SIZE - 1);
	text[len] = '\0';
	fclose(file);
	return len;
}

/* Names that end so, sorted. */
static int names(const char *folder, struct dirent ***list)
{
	int count = scandir(folder, list, NULL, alphasort);

	assert_true(count > 0);
	return count;
}

static bool ends_with(const char *name, const char *end)
{
	size_t len = strlen(name), tail = strlen(end);

	return len > tail && strcmp(name + len - tail, end) == 0;
}

/*
 * --- pass ---
 */

struct run {
	struct policy_set *set;
	struct policy_domain domain;
	struct policy_decision decision;
	unsigned int params; /* told since the last decision */
	bool decided;
};

static void domain_set(struct run *run, char *name, const char *uuid)
{
	for (char *at = name; *at; at++)
		if (*at == '_')
			*at = ' ';
	policy_domain_fini(&run->domain);
	assert_int_equal(
		policy_domain_init(run->set, &run->domain,
				   strcmp(name, "-") == 0 ? NULL : name,
				   strcmp(uuid, "-") == 0 ? NULL : uuid),
		0);
}

/* All parameters of the decision were told, no more. */
static void params_end(struct run *run)
{
	unsigned int count = 0;

	if (!run->decided)
		return;
	for (int i = 0; i < POLICY_PARAM_COUNT; i++)
		count += run->decision.params->value[i] != NULL;
	if (run->params)
		assert_int_equal(run->params, count);
}

static void param_check(struct run *run, char *line)
{
	char name[32], value[256];
	enum policy_param param;

	assert_int_equal(sscanf(line, " %31s %255s", name, value), 2);
	param = policy_param_find(name);
	assert_int_not_equal(param, POLICY_PARAM_COUNT);
	assert_non_null(run->decision.params->value[param]);
	assert_string_equal(run->decision.params->value[param], value);
	run->params++;
}

static void limits_check(struct run *run, const char *expected)
{
	struct policy_params limits;
	char text[512] = "";

	assert_int_equal(policy_domain_limits(run->set, &run->domain, &limits),
			 0);
	for (int i = 0; i < POLICY_PARAM_COUNT; i++)
		if (limits.value[i])
			snprintf(text + strlen(text),
				 sizeof(text) - strlen(text), "%s%s %s",
				 *text ? " " : "", policy_param_name(i),
				 limits.value[i]);
	policy_params_fini(&limits);
	/* Same words in any order: told in the table's order. */
	assert_int_equal(strlen(text), strlen(expected));
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		assert_non_null(strstr(expected, word));
}

static void tags_check(struct run *run, const char *expected)
{
	char text[512] = "";

	for (size_t i = 0; i < run->domain.tag_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%s%s", i ? "," : "", run->domain.tags[i]);
	assert_string_equal(text, expected);
}

static void decision_check(struct run *run, char *what, const char *expected)
{
	char *name = strchr(what, ':'), text[1024];
	struct policy_service service;

	assert_non_null(name);
	*name++ = '\0';
	service.type = policy_type_find(what, strlen(what));
	service.name = name;
	assert_int_not_equal(service.type, POLICY_TYPE_COUNT);
	run->decision = policy_decide(run->set, &service, &run->domain);
	run->decided = true;
	policy_decision_text(run->set, &run->decision, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void case_check(struct run *run, char *line)
{
	char *equals = strstr(line, " = ");
	char what[80], name[256], uuid[64];

	if (line[0] == ' ') {
		param_check(run, line);
		return;
	}
	params_end(run);
	run->decided = false;
	run->params = 0;
	assert_non_null(equals);
	*equals = '\0';
	assert_int_equal(sscanf(line, "%79s %255s %63s", what, name, uuid), 3);
	domain_set(run, name, uuid);
	if (strcmp(what, "limits") == 0)
		limits_check(run, equals + 3);
	else if (strcmp(what, "tags") == 0)
		tags_check(run, equals + 3);
	else
		decision_check(run, what, equals + 3);
	/* name was borrowed. */
	policy_domain_fini(&run->domain);
}

static void pass_check(const char *folder)
{
	const struct policy_folders folders = {.policy = folder,
					       .domains = folder};
	char path[512], text[TEXT_SIZE], *line, *rest = text;
	struct run run = {.set = policy_set_create(&folders)};

	assert_non_null(run.set);
	assert_int_equal(policy_set_reload(run.set, NULL), 0);
	assert_true(policy_set_healthy(run.set));
	snprintf(path, sizeof(path), "%s/cases", folder);
	file_read(path, text);
	while ((line = strsep(&rest, "\n")))
		if (*line)
			case_check(&run, line);
	params_end(&run);
	policy_set_destroy(run.set);
}

static void test_good_files_decide_as_written(void **state)
{
	struct dirent **list;
	int count = names(GOLDEN "/pass", &list), run = 0;

	for (int i = 0; i < count; i++) {
		char path[512];

		if (list[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), GOLDEN "/pass/%s",
				 list[i]->d_name);
			print_message("pass: %s\n", list[i]->d_name);
			pass_check(path);
			run++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(run >= 8);
}

/*
 * --- fail ---
 */

static void fail_check(const char *name)
{
	const struct policy_folders none = {0};
	struct policy_set *set = policy_set_create(&none);
	char path[512], text[TEXT_SIZE], expected[TEXT_SIZE], said[1024];
	struct policy_error error;
	bool domains = ends_with(name, ".conf");
	size_t len;

	snprintf(path, sizeof(path), GOLDEN "/fail/%s", name);
	len = file_read(path, text);
	snprintf(strrchr(path, '.'), 16, ".expected");
	file_read(path, expected);
	expected[strcspn(expected, "\n")] = '\0';
	assert_int_equal(policy_set_put(set, domains, name, text, len, &error),
			 -EINVAL);
	policy_error_text(&error, name, said, sizeof(said));
	assert_string_equal(said, expected);
	assert_false(policy_set_healthy(set));
	policy_set_destroy(set);
}

static void test_broken_files_say_where_and_what_was_expected(void **state)
{
	struct dirent **list;
	int count = names(GOLDEN "/fail", &list), run = 0;

	for (int i = 0; i < count; i++) {
		const char *name = list[i]->d_name;

		if (ends_with(name, ".policy") || ends_with(name, ".conf")) {
			print_message("fail: %s\n", name);
			fail_check(name);
			run++;
		}
		free(list[i]);
	}
	free(list);
	assert_true(run >= 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_files_decide_as_written),
		cmocka_unit_test(
			test_broken_files_say_where_and_what_was_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
