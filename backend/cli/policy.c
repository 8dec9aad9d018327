// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * policy.c - "2virt policy": check, apply, diff, explain.
 *
 * check reads files itself, with the library that 2virtd reads them with, and
 * needs no 2virtd.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/cli/client.h"
#include "backend/cli/table.h"
#include "backend/policy/folder.h"
#include "backend/policy/policy.h"

static json_t *get(json_t *item, const char *name)
{
	return json_object_get(item, name);
}

/*
 * --- check ---
 */

/* The whole file, NUL-terminated.  NULL: said why. */
static char *file_read(const char *path, size_t *len)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	char *text = NULL;

	*len = 0;
	if (!file || fstat(fileno(file), &status) < 0) {
		cli_error("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(status.st_mode) ||
		   status.st_size > FOLDER_FILE_MAX_BYTES) {
		cli_error("%s: not a regular file of at most 1 MiB", path);
	} else {
		text = malloc((size_t)status.st_size + 1);
		if (text) {
			*len = fread(text, 1, (size_t)status.st_size, file);
			text[*len] = '\0';
		}
	}
	if (file)
		fclose(file);
	return text;
}

static bool is_domains(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && strcmp(path + len - 5, ".conf") == 0;
}

/* 0 or 1: a mistake, said. */
static int check_file(struct policy_set *set, const char *path)
{
	const char *name = strrchr(path, '/');
	struct policy_error error;
	char said[512];
	size_t len;
	char *text = file_read(path, &len);
	int rc;

	if (!text)
		return 1;
	name = name ? name + 1 : path;
	rc = policy_set_put(set, is_domains(path), name, text, len, &error);
	free(text);
	if (rc == -EINVAL) {
		policy_error_text(&error, path, said, sizeof(said));
		cli_error("%s", said);
	} else if (rc) {
		cli_error("%s: %s", path, strerror(-rc));
	}
	return rc != 0;
}

static int check_folders(struct policy_set *set)
{
	int broken = policy_set_reload(set, NULL);

	if (broken < 0) {
		cli_error(POLICY_FOLDER ": %s", strerror(-broken));
		return 1;
	}
	for (size_t i = 0; i < policy_set_file_count(set); i++) {
		struct policy_file_status status;
		char said[512];

		policy_set_file(set, i, &status);
		if (!status.broken)
			continue;
		policy_error_text(&status.error, status.name, said,
				  sizeof(said));
		cli_error("%s", said);
	}
	return broken;
}

static void tell_dead(void *context, const char *file, unsigned int line,
		      const char *by_file, unsigned int by_line)
{
	fprintf(stderr,
		"2virt: warning: %s:%u: never decides, because %s:%u always "
		"does before it\n",
		file, line, by_file, by_line);
}

static int check(int argc, char **argv)
{
	const struct policy_folders folders = {
		.policy = argc > 1 ? NULL : POLICY_FOLDER,
		.domains = argc > 1 ? NULL : DOMAINS_FOLDER,
	};
	struct policy_set *set = policy_set_create(&folders);
	size_t rules = 0, files, warnings;
	int mistakes = 0;

	if (!set)
		return cli_error("no memory");
	if (argc == 1)
		mistakes = check_folders(set);
	for (int i = 1; i < argc; i++)
		mistakes += check_file(set, argv[i]);
	warnings = policy_set_lint(set, tell_dead, NULL);
	files = policy_set_file_count(set);
	for (size_t i = 0; i < files; i++) {
		struct policy_file_status status;

		policy_set_file(set, i, &status);
		rules += status.domains ? 0 : status.count;
	}
	printf("%zu files, %zu rules, %d mistakes, %zu warnings\n", files,
	       rules, mistakes, warnings);
	policy_set_destroy(set);
	return mistakes ? CLI_FAILED : CLI_OK;
}

/*
 * --- apply ---
 */

static int tell_files(json_t *answer)
{
	json_t *file, *warning;
	size_t index;
	int broken = 0;

	json_array_foreach(get(answer, "files"), index, file)
	{
		const char *text =
			json_string_value(get(get(file, "error"), "text"));

		if (!json_is_true(get(file, "broken")))
			continue;
		broken++;
		cli_error("%s (%s)", text ? text : "a broken file",
			  json_is_true(get(file, "in_force"))
				  ? "its last good version is in force"
				  : "none of its rules is in force");
	}
	json_array_foreach(get(answer, "warnings"), index, warning)
	{
		fputs("2virt: warning: ", stderr);
		table_put_text(stderr, json_string_value(warning));
		fputc('\n', stderr);
	}
	return broken;
}

static int apply(const struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	int status, broken;

	if (cli_arguments(argc, argv, 0, 0))
		return CLI_USAGE;
	status = client_ask(cli, "POST", "/v1/policy/apply", NULL, &answer);
	if (status || !answer)
		return status;
	broken = tell_files(answer);
	printf("%zu files in force, %d broken\n",
	       json_array_size(get(answer, "files")), broken);
	json_decref(answer);
	return broken ? CLI_FAILED : CLI_OK;
}

/*
 * --- diff ---
 */

static void put_decision(const char *mark, json_t *decision)
{
	fputs(mark, stdout);
	table_put_text(stdout, json_string_value(get(decision, "why")) ?: "");
	putchar('\n');
}

/* One file may be given: as if it were in its folder already. */
static int diff(const struct cli *cli, int argc, char **argv)
{
	char *text = NULL, *path;
	const char *name = NULL;
	json_t *answer, *change;
	size_t len, index;
	int status;

	if (cli_arguments(argc, argv, 0, 1))
		return CLI_USAGE;
	if (argc == 2) {
		text = file_read(argv[1], &len);
		if (!text)
			return CLI_FAILED;
		name = strrchr(argv[1], '/');
		name = name ? name + 1 : argv[1];
	}
	path = client_path("/v1/policy/diff", "name", name, NULL);
	status = client_ask_text(cli, "POST", path, text, &answer);
	free(path);
	free(text);
	if (status || !answer)
		return status;
	json_array_foreach(get(answer, "changes"), index, change)
	{
		table_put_text(stdout,
			       json_string_value(get(change, "domain")) ?: "");
		putchar(' ');
		table_put_text(stdout,
			       json_string_value(get(change, "service")) ?: "");
		putchar('\n');
		put_decision("- ", get(change, "before"));
		put_decision("+ ", get(change, "after"));
	}
	if (!json_array_size(get(answer, "changes")))
		puts("no domain that runs would notice");
	if (json_is_false(get(answer, "complete")))
		cli_error("there was no time for all domains");
	json_decref(answer);
	return CLI_OK;
}

/*
 * --- explain ---
 */

static int explain(const struct cli *cli, int argc, char **argv)
{
	char *path;
	json_t *answer;
	int status;

	if (cli_arguments(argc, argv, 2, 2))
		return CLI_USAGE;
	path = client_path("/v1/explain", "domain", argv[1], "service", argv[2],
			   NULL);
	status = client_ask(cli, "GET", path, NULL, &answer);
	free(path);
	if (status || !answer)
		return status;
	printf("%s: ", json_is_true(get(answer, "granted")) ? "granted"
							    : "not granted");
	table_put_text(stdout, json_string_value(get(answer, "why")) ?: "");
	putchar('\n');
	json_decref(answer);
	return CLI_OK;
}

int policy_command(const struct cli *cli, int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	argc--;
	argv++;
	if (strcmp(what, "check") == 0)
		return check(argc, argv);
	if (strcmp(what, "apply") == 0)
		return apply(cli, argc, argv);
	if (strcmp(what, "diff") == 0)
		return diff(cli, argc, argv);
	if (strcmp(what, "explain") == 0)
		return explain(cli, argc, argv);
	return cli_usage("policy", "say check, apply, diff or explain");
}
