// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-schema.c - the schema, its checker and its docs, on golden trees:
 * tests/schema/pass/NAME.tree, and tests/schema/fail/NAME.tree with the
 * violations in NAME.expected.
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

#include "backend/daemon/controller_state.h"
#include "backend/policy/param.h"
#include "backend/policy/type.h"
#include "protocol/usbif.h"
#include "xenstore-schema/schema.h"

static struct schema *schema;

static char *file_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1 << 20);

	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	assert_non_null(text);
	assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
	fclose(file);
	return text;
}

static void collect(void *context, const struct schema_violation *violation)
{
	fprintf(context, "%s: %s: %s\n", violation->path,
		schema_rule_name(violation->rule), violation->message);
}

/* The violations of a dump as text for free(). */
static char *violations(const char *dump, struct schema_result *result)
{
	struct snapshot *snapshot;
	const char *why = "";
	unsigned int line = 0;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (snapshot_parse(dump, strlen(dump), &snapshot, &line, &why))
		fail_msg("line %u: %s", line, why);
	assert_int_equal(schema_check(schema, snapshot, collect, out, result),
			 0);
	snapshot_free(snapshot);
	fclose(out);
	return text;
}

static void golden_check(const char *folder, const char *name, bool good)
{
	char path[512], *dump, *expected, *found;
	struct schema_result result;

	snprintf(path, sizeof(path), SCHEMA_GOLDEN "/%s/%s", folder, name);
	dump = file_read(path);
	snprintf(strrchr(path, '.'), 16, ".expected");
	expected = good ? calloc(1, 1) : file_read(path);
	found = violations(dump, &result);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: found\n%s, expected\n%s", name, found, expected);
	assert_true(good ? result.violations == 0 : result.violations > 0);
	free(dump);
	free(expected);
	free(found);
}

static int golden_run(const char *folder, bool good)
{
	struct dirent **list;
	char path[512];
	int count, run = 0;

	snprintf(path, sizeof(path), SCHEMA_GOLDEN "/%s", folder);
	count = scandir(path, &list, NULL, alphasort);
	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		const char *end = strrchr(list[i]->d_name, '.');

		if (end && strcmp(end, ".tree") == 0) {
			golden_check(folder, list[i]->d_name, good);
			run++;
		}
		free(list[i]);
	}
	free(list);
	return run;
}

static void test_good_trees_pass(void **state)
{
	assert_true(golden_run("pass", true) >= 15);
}

static void test_bad_trees_fail_with_path_and_rule(void **state)
{
	assert_true(golden_run("fail", false) >= 45);
}

static void test_docs_are_up_to_date(void **state)
{
	char *made = schema_doc(schema), *kept = file_read(SCHEMA_DOC);

	assert_non_null(made);
	if (strcmp(made, kept) != 0)
		fail_msg("docs/xenstore.md is out of date: run 2virt-schema "
			 "doc");
	free(made);
	free(kept);
}

/*
 * --- dumps ---
 */

static void test_lines_that_are_none_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
		unsigned int line;
	} cases[] = {
		{"nonsense\n",
		 "no line of xenstore-ls -fp: /path = \"value\"  (n0)", 1},
		{"/a = \"\" (n0)\n\n/b\n",
		 "no line of xenstore-ls -fp: /path = \"value\"  (n0)", 3},
		{"tool = \"\"\n",
		 "no line of xenstore-ls -fp: /path = \"value\"  (n0)", 1},
		{"/a//b = \"\"\n", "no path of a node", 1},
		{"/a/ = \"\"\n", "no path of a node", 1},
		{"/a = \"x\" (n0\n", "permissions do not end", 1},
		{"/a = \"x\" (q0)\n",
		 "no permission: n, r, w or b and a domain", 1},
		{"/a = \"x\" ()\n", "no permission: n, r, w or b and a domain",
		 1},
		{"/a = \"x\" (n)\n", "no domain in a permission", 1},
		{"/a = \"x\" (n123456)\n", "no domain in a permission", 1},
		{"/a = \"x\" (n0;r1)\n", "no comma between permissions", 1},
		{"/a = \"x\" (n0,)\n",
		 "no permission: n, r, w or b and a domain", 1},
		{"/a = \"x\" y\n", "something behind the value", 1},
		{"/a = \"x\\q\"\n",
		 "an escape that is not known (is the value cut off?)", 1},
		{"/a = \"xxx\\...\"  (n0)\n",
		 "an escape that is not known (is the value cut off?)", 1},
		{"/a = \"x\\\"\n",
		 "an escape that is not known (is the value cut off?)", 1},
		{"/a = \"x\\777\"\n",
		 "an escape that is not known (is the value cut off?)", 1},
		{"/a = \"1\"\n/b = \"2\"\n/a = \"3\"\n",
		 "a path that is there twice", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct snapshot *snapshot = NULL;
		const char *why = NULL;
		unsigned int line = 99;

		assert_int_equal(snapshot_parse(cases[i].text,
						strlen(cases[i].text),
						&snapshot, &line, &why),
				 -EINVAL);
		assert_string_equal(why, cases[i].why);
		assert_int_equal(line, cases[i].line);
	}
}

static void test_escapes_are_undone(void **state)
{
	static const char text[] =
		"/a = \"a\\\\b\"c\\n\\t\\r\\001\\xff\\0001\"   (n0,b1,w2)\n"
		"/b = \" = \"x\" (n0)\" . . (r0)\n/c = \"\"";
	static const char expected[] = "a\\b\"c\n\t\r\001\xff\0"
				       "1";
	const struct snapshot_node *node;
	struct snapshot *snapshot;
	const char *why;
	unsigned int line;

	assert_int_equal(
		snapshot_parse(text, sizeof(text) - 1, &snapshot, &line, &why),
		0);
	node = snapshot_find(snapshot, "/a");
	assert_int_equal(node->len, sizeof(expected) - 1);
	assert_memory_equal(node->value, expected, node->len);
	assert_int_equal(node->perm_count, 3);
	assert_int_equal(node->perms[1].domid, 1);
	assert_int_equal(node->perms[1].letter, 'b');
	assert_int_equal(snapshot_find(snapshot, "/c")->perm_count, 0);
	assert_null(snapshot_find(snapshot, "/d"));
	assert_string_equal(snapshot_find(snapshot, "/b")->value,
			    " = \"x\" (n0)");
	snapshot_free(snapshot);
}

/*
 * --- schemas ---
 */

#define HEAD                                                                   \
	"{\"format\":1,\"permissions\":{\"p\":{\"owner\":\"0\",\"read\":"      \
	"\"any\",\"meaning\":\"m\"}},"
#define SECTION                                                                \
	"\"sections\":[{\"title\":\"t\",\"text\":\"t\",\"base\":\"/"           \
	"b\",\"nodes\":["
#define PEOPLE                                                                 \
	"\"writer\":\"w\",\"reader\":\"r\",\"meaning\":\"m\",\"permissions\":" \
	"\"p\""

static void test_broken_schemas_are_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "line"},
		{"{}", "not of format 1"},
		{"{\"format\":1,\"format\":1}", "line"},
		{"{\"format\":1,\"more\":1}", "unknown key more"},
		{HEAD "\"sections\":[]}", "no nodes"},
		{HEAD "\"sections\":[{}]}", "a section without"},
		{HEAD SECTION "{}]}]}", "a node without path"},
		{HEAD SECTION "{\"path\":\"x\"," PEOPLE "}]}]}",
		 "/b/x: unknown type"},
		{HEAD SECTION "{\"path\":\"x\",\"type\":\"empty\"}]}]}",
		 "/b/x: no permissions, writer"},
		{HEAD SECTION "{\"path\":\"x\",\"type\":\"number\",\"min\":2,"
			      "\"max\":1," PEOPLE "}]}]}",
		 "/b/x: no range"},
		{HEAD SECTION "{\"path\":\"x\",\"type\":\"enum\"," PEOPLE
			      "}]}]}",
		 "/b/x: no values"},
		{HEAD SECTION "{\"path\":\"x\",\"type\":\"pattern\","
			      "\"pattern\":\"(\",\"expected\":\"e\"," PEOPLE
			      "}]}]}",
		 "/b/x: pattern is none"},
		{HEAD SECTION
		 "{\"path\":\"x\",\"type\":\"empty\",\"typo\":1," PEOPLE
		 "}]}]}",
		 "/b/x: unknown key typo"},
		{HEAD SECTION "{\"path\":\"x\",\"type\":\"empty\","
			      "\"count\":{\"first\":1}," PEOPLE "}]}]}",
		 "/b/x: count or witness"},
	};
	struct schema *made;
	char why[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_null(schema_load(cases[i].text, why, sizeof(why)));
		if (!strstr(why, cases[i].why))
			fail_msg("\"%s\" is not \"%s\"", why, cases[i].why);
	}
	made = schema_load(HEAD SECTION
			   "{\"path\":\"x\",\"type\":\"empty\"," PEOPLE "}]}]}",
			   why, sizeof(why));
	assert_non_null(made);
	assert_int_equal(schema_count(made), 1);
	schema_free(made);
}

/*
 * --- in step with the code that writes ---
 */

static bool value_passes(const char *path, const char *value)
{
	char dump[4096];
	struct schema_result result;
	char *found;
	bool passes;

	snprintf(dump, sizeof(dump), "%s = \"%s\"\n", path, value);
	found = violations(dump, &result);
	assert_int_equal(result.nodes + result.violations > 0, 1);
	passes = result.violations == 0;
	free(found);
	return passes;
}

/* Smallest, largest, one less, one more: schema and policy draw the same
 * lines. */
static void test_limits_are_those_of_the_policy(void **state)
{
	static const char *const values[] = {
		"0",
		"1",
		"2",
		"15",
		"16",
		"1000",
		"1001",
		"1023",
		"1024",
		"10000",
		"10001",
		"1000000",
		"1000001",
		"1073741824",
		"1073741825",
		"1099511627776",
		"1099511627777",
		"high",
		"normal",
		"low",
		"yes",
		"GET",
		"GET,HEAD",
		"get",
		"GET,",
		"/a",
		"*",
		"a/b",
		"/a,*b",
		"/a,b",
		"name",
		"a-b_c",
		"a.b",
		"-a",
		"",
		" ",
	};

	for (unsigned int i = 0; i < POLICY_PARAM_COUNT; i++) {
		for (size_t j = 0; j < sizeof(values) / sizeof(values[0]);
		     j++) {
			struct policy_params params = {0};
			char grant[128], limit[128];
			bool fits =
				policy_param_set(&params, i, values[j]) == 0;
			const char *plain = fits ? params.value[i] : values[j];

			snprintf(grant, sizeof(grant),
				 "/tool/2virt/domain/3/grant/web/x/%s",
				 policy_param_name(i));
			snprintf(limit, sizeof(limit),
				 "/tool/2virt/domain/3/limit/%s",
				 policy_param_name(i));
			if (i == POLICY_PARAM_NOTIFY && !fits)
				continue; /* written as 0 and 1 */
			if (policy_param_uses(i) & POLICY_PARAM_IN_TREE)
				assert_int_equal(value_passes(grant, plain),
						 fits);
			if (policy_param_uses(i) & POLICY_PARAM_IN_DOMAIN)
				assert_int_equal(value_passes(limit, plain),
						 fits);
			policy_params_fini(&params);
		}
	}
}

static void test_names_are_those_of_the_code(void **state)
{
	for (unsigned int i = 0; i < POLICY_TYPE_COUNT; i++) {
		char path[128];

		snprintf(path, sizeof(path),
			 "/tool/2virt/domain/3/grant/%s/x/origin",
			 policy_type_name(i));
		assert_true(value_passes(path, "rule"));
		assert_true(
			value_passes("/tool/2virt/domain/3/state/0/port/1/type",
				     policy_type_name(i)));
	}
	for (int i = 0; i < CONTROLLER_STATE_COUNT; i++)
		assert_true(
			value_passes("/tool/2virt/domain/3/state/0/controller",
				     controller_state_name(i)));
}

static void test_ring_limits_are_those_of_the_protocol(void **state)
{
#define BACK "/local/domain/0/backend/vusb/3/0/"
	char number[16];

	for (int more = 0; more < 2; more++) {
		snprintf(number, sizeof(number), "%d",
			 USBIF_MAX_RING_ORDER + more);
		assert_int_equal(
			value_passes(BACK USBIF_NODE_MAX_RING_ORDER, number),
			!more);
		snprintf(number, sizeof(number), "%d",
			 USBIF_MAX_INDIRECT_SEGMENTS + more);
		assert_int_equal(
			value_passes(BACK USBIF_NODE_MAX_INDIRECT, number),
			!more);
	}
}

static int setup(void **state)
{
	char why[256];

	schema = schema_load(NULL, why, sizeof(why));
	if (!schema)
		print_message("%s\n", why);
	return schema ? 0 : -1;
}

static int teardown(void **state)
{
	schema_free(schema);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_trees_pass),
		cmocka_unit_test(test_bad_trees_fail_with_path_and_rule),
		cmocka_unit_test(test_docs_are_up_to_date),
		cmocka_unit_test(test_lines_that_are_none_are_refused),
		cmocka_unit_test(test_escapes_are_undone),
		cmocka_unit_test(test_broken_schemas_are_refused),
		cmocka_unit_test(test_limits_are_those_of_the_policy),
		cmocka_unit_test(test_names_are_those_of_the_code),
		cmocka_unit_test(test_ring_limits_are_those_of_the_protocol),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
