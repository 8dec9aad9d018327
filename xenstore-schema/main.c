// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - 2virt-schema: check a XenStore, list the schema, make its docs.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore-schema/live.h"

enum { EXIT_VIOLATIONS = 1, EXIT_TROUBLE = 2, INPUT_MAX_BYTES = 256 << 20 };

struct options {
	bool json;
	bool live;
	const char *schema; /* file, or NULL */
	const char *command;
	const char *input; /* file, "-", or NULL */
};

static const char usage_text[] =
	"Usage: 2virt-schema check [--live | FILE | -] [OPTION]...\n"
	"       2virt-schema list [OPTION]...\n"
	"       2virt-schema doc [OPTION]...\n"
	"\n"
	"check  compares a XenStore with the schema of 2Virt: the live one\n"
	"       (also if nothing is given), or what \"xenstore-ls -fp\" "
	"printed\n"
	"       into FILE or to standard input (-)\n"
	"list   prints every path of the schema\n"
	"doc    prints docs/xenstore.md\n"
	"\n"
	"  -j, --json         print JSON (check, list)\n"
	"  -l, --live         read the live XenStore; needs dom0's rights\n"
	"  -s, --schema FILE  use FILE instead of the schema that is built in\n"
	"  -h, --help         print this\n"
	"  -V, --version      print the version\n"
	"\n"
	"Exit status: 0 all is well, 1 there are violations, 2 could not "
	"check.\n";

/* A whole file for free(); NULL: said why. */
static char *file_read(const char *path, size_t *len)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = NULL, *grown;
	size_t size = 65536, got;

	*len = 0;
	if (!file) {
		fprintf(stderr, "2virt-schema: %s: %s\n", path,
			strerror(errno));
		return NULL;
	}
	for (;;) {
		grown = realloc(text, size + 1);
		if (!grown || size > INPUT_MAX_BYTES)
			break;
		text = grown;
		got = fread(text + *len, 1, size - *len, file);
		*len += got;
		if (got == 0)
			break;
		if (*len == size)
			size *= 2;
	}
	if (!grown || size > INPUT_MAX_BYTES || ferror(file)) {
		fprintf(stderr, "2virt-schema: %s: %s\n", path,
			ferror(file) ? "cannot be read" : "too large");
		free(grown ? grown : text);
		text = NULL;
	} else {
		text[*len] = '\0';
	}
	if (file != stdin)
		fclose(file);
	return text;
}

static struct schema *schema_open(const struct options *options)
{
	struct schema *schema;
	char why[256], *text = NULL;
	size_t len;

	if (options->schema) {
		text = file_read(options->schema, &len);
		if (!text)
			return NULL;
	}
	schema = schema_load(text, why, sizeof(why));
	free(text);
	if (!schema)
		fprintf(stderr, "2virt-schema: %s: %s\n",
			options->schema ? options->schema : "schema", why);
	return schema;
}

/*
 * --- check ---
 */

static struct snapshot *live_open(const struct schema *schema)
{
	struct xs_handle *xs = xs_open(XS_OPEN_READONLY);
	struct snapshot *snapshot = NULL;
	int error;

	if (!xs) {
		fprintf(stderr, "2virt-schema: cannot reach xenstored: %s\n",
			strerror(errno));
		return NULL;
	}
	error = schema_read_live(schema, xs, &snapshot);
	xs_close(xs);
	if (error)
		fprintf(stderr, "2virt-schema: cannot read XenStore: %s\n",
			strerror(-error));
	return error ? NULL : snapshot;
}

static struct snapshot *dump_open(const char *path)
{
	struct snapshot *snapshot = NULL;
	const char *why = strerror(ENOMEM);
	unsigned int line = 0;
	size_t len;
	char *text = file_read(path, &len);

	if (!text)
		return NULL;
	if (snapshot_parse(text, len, &snapshot, &line, &why))
		fprintf(stderr, "2virt-schema: %s:%u: %s\n", path, line, why);
	free(text);
	return snapshot;
}

static void violation_print(void *context, const struct schema_violation *found)
{
	printf("%s: %s: %s\n", found->path, schema_rule_name(found->rule),
	       found->message);
}

static void violation_collect(void *context,
			      const struct schema_violation *found)
{
	json_array_append_new(context,
			      json_pack("{s:s, s:s, s:s}", "path", found->path,
					"rule", schema_rule_name(found->rule),
					"message", found->message));
}

static int check_json(const struct schema *schema, struct snapshot *snapshot,
		      struct schema_result *result)
{
	json_t *list = json_array(), *all;
	int error =
		schema_check(schema, snapshot, violation_collect, list, result);

	all = json_pack("{s:I, s:I, s:o}", "nodes", (json_int_t)result->nodes,
			"permissions-unknown",
			(json_int_t)result->perms_unknown, "violations", list);
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	printf("\n");
	json_decref(all);
	return error;
}

static int check_text(const struct schema *schema, struct snapshot *snapshot,
		      struct schema_result *result)
{
	int error =
		schema_check(schema, snapshot, violation_print, NULL, result);

	printf("%zu nodes checked, %zu violations\n", result->nodes,
	       result->violations);
	if (result->perms_unknown)
		printf("permissions of %zu nodes are not known: use "
		       "xenstore-ls -fp\n",
		       result->perms_unknown);
	return error;
}

static int run_check(const struct schema *schema, const struct options *options)
{
	struct snapshot *snapshot =
		options->input ? dump_open(options->input) : live_open(schema);
	struct schema_result result;
	int error;

	if (!snapshot)
		return EXIT_TROUBLE;
	error = options->json ? check_json(schema, snapshot, &result)
			      : check_text(schema, snapshot, &result);
	snapshot_free(snapshot);
	if (error) {
		fprintf(stderr, "2virt-schema: %s\n", strerror(-error));
		return EXIT_TROUBLE;
	}
	return result.violations ? EXIT_VIOLATIONS : EXIT_SUCCESS;
}

/*
 * --- list and doc ---
 */

static int run_list(const struct schema *schema, const struct options *options)
{
	json_t *list = json_array();
	char type[512];

	for (size_t i = 0; i < schema_count(schema); i++) {
		struct schema_entry entry;

		schema_entry(schema, i, &entry);
		schema_entry_type(schema, i, type, sizeof(type));
		if (!options->json)
			printf("%s\n\t%s\n\t%s; writer %s; reader %s; %s\n",
			       entry.path, entry.meaning, type, entry.writer,
			       entry.reader, entry.permissions);
		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "path",
				  entry.path, "type", type, "writer",
				  entry.writer, "reader", entry.reader,
				  "permissions", entry.permissions, "meaning",
				  entry.meaning));
	}
	if (options->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(list);
	return EXIT_SUCCESS;
}

static int run_doc(const struct schema *schema, const struct options *options)
{
	char *text = schema_doc(schema);

	if (!text) {
		fprintf(stderr, "2virt-schema: %s\n", strerror(ENOMEM));
		return EXIT_TROUBLE;
	}
	fputs(text, stdout);
	free(text);
	return EXIT_SUCCESS;
}

static const struct command {
	const char *name;
	int (*run)(const struct schema *schema, const struct options *options);
} commands[] = {{"check", run_check}, {"list", run_list}, {"doc", run_doc}};

/* NULL: the command line is wrong. */
static const struct command *command_find(const struct options *options)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (options->command &&
		    strcmp(commands[i].name, options->command) == 0)
			return &commands[i];
	return NULL;
}

/* 0; 1: done, exit well; -1: wrong. */
static int options_parse(int argc, char **argv, struct options *options)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'},
		{"live", no_argument, NULL, 'l'},
		{"schema", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0}};
	int option;

	while ((option = getopt_long(argc, argv, "jls:hV", longs, NULL)) !=
	       -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 'l':
			options->live = true;
			break;
		case 's':
			options->schema = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 1;
		case 'V':
			printf("2virt-schema " SCHEMA_VERSION "\n");
			return 1;
		default:
			return -1;
		}
	}
	if (optind < argc)
		options->command = argv[optind++];
	if (optind < argc)
		options->input = argv[optind++];
	if (optind < argc || (options->live && options->input))
		return -1;
	return 0;
}

/*
 * Opens /dev/null on those of the standard descriptors that are closed, or the
 * next file that is opened would be one of them.
 */
static void stdio_ensure(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			_exit(EXIT_TROUBLE);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	const struct command *command;
	struct schema *schema;
	int parsed, rc;

	stdio_ensure();
	parsed = options_parse(argc, argv, &options);
	if (parsed > 0)
		return EXIT_SUCCESS;
	command = command_find(&options);
	if (parsed < 0 || !command ||
	    (command->run != run_check && (options.input || options.live))) {
		fputs(usage_text, stderr);
		return EXIT_TROUBLE;
	}
	schema = schema_open(&options);
	if (!schema)
		return EXIT_TROUBLE;
	rc = command->run(schema, &options);
	schema_free(schema);
	if (fflush(stdout) != 0 || ferror(stdout))
		return EXIT_TROUBLE;
	return rc;
}
