// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-xl-config.c - usbdev="2virt" is found where xl was told it, and nowhere
 * else.  A folder stands for /proc and one for /etc/xen.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/xl_config.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

/*
 * --- the grammar ---
 */

static const struct {
	const char *text;
	const char *name, *usbdev; /* what is understood */
	unsigned int line;	   /* else where it is not */
} texts[] = {
	{"", "", "", 0},
	{"name='g'\nusbdev=\"2virt\"\n", "g", "2virt", 0},
	{"name = \"g\" ; usbdev = '2virt'", "g", "2virt", 0},
	{"# usbdev='2virt'\nname='g' # usbdev='2virt'\n", "g", "", 0},
	{"name='#g'", "#g", "", 0},
	{"name='a\\'b'", "", "", 0},
	{"name='g'\r\nusbdev='2virt'\r\n", "g", "2virt", 0},
	/* The last one counts, whatever it is. */
	{"usbdev='2virt'\nusbdev='x'", "", "x", 0},
	{"usbdev='2virt'\nusbdev=['type=hostdev,hostbus=1']", "", "", 0},
	{"usbdev='2virt'\nusbdev=1", "", "", 0},
	/* A list of it is what xl refuses: not ours. */
	{"usbdev=['2virt']", "", "", 0},
	{"extra=\"usbdev='2virt'\"\nname='g'", "g", "", 0},
	{"extra='a=b; usbdev=\"2virt\"'", "", "", 0},
	{"my_usbdev='2virt'", "", "", 0},
	{"disk=['a', # one\n 'b',\n]\nname='g'", "g", "", 0},
	{"x=[[1,'a'],[],['b']]\nname='g'", "g", "", 0},
	{"memory=192\nvcpus=-1\nextra+='x'\nname='g'", "g", "", 0},
	/* Refused whole, with the line. */
	{"name='g", "", "", 1},
	{"name='g\nusbdev='2virt'", "", "", 1},
	{"name='g' usbdev='2virt'", "", "", 1},
	{"name='g'\nusbdev", "", "", 2},
	{"name=\n'g'", "", "", 1},
	{"a='x'\n\n='y'", "", "", 3},
	{"x=[1 2]", "", "", 1},
	{"x=[1", "", "", 1},
	{"x=[,]", "", "", 1},
	{"x=]", "", "", 1},
	{"x=[[[[[[[[[1]]]]]]]]]", "", "", 1},
	{"1x='g'", "", "", 1},
	{"\x80", "", "", 1},
};

static void the_grammar_is_that_of_xl(void **state)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct xl_config config = {.name = ""};
		unsigned int line = 0;
		/* Exactly as long: what is read behind it is noticed. */
		size_t len = strlen(texts[i].text);
		char *text = malloc(len ? len : 1);
		int error;

		memcpy(text, texts[i].text, len);
		error = xl_config_parse(&config, text, len, &line);
		free(text);
		if (error != (texts[i].line ? -EINVAL : 0) ||
		    line != texts[i].line)
			fail_msg("%s: %d, line %u", texts[i].text, error, line);
		if (error)
			continue;
		assert_string_equal(config.name, texts[i].name);
		assert_string_equal(config.usbdev, texts[i].usbdev);
	}
}

static void a_value_that_does_not_fit_is_none(void **state)
{
	struct xl_config config = {.name = "before"};
	char text[XL_CONFIG_TEXT_SIZE + 16];
	unsigned int line;
	int len = snprintf(text, sizeof(text), "name='%0*d'",
			   XL_CONFIG_TEXT_SIZE, 7);

	assert_int_equal(xl_config_parse(&config, text, (size_t)len, &line), 0);
	assert_string_equal(config.name, "");
}

static void a_text_that_is_too_long_is_refused(void **state)
{
	struct xl_config config = {.name = ""};
	char *text = malloc(XL_CONFIG_MAX_BYTES + 1);
	unsigned int line;

	memset(text, ' ', XL_CONFIG_MAX_BYTES + 1);
	memcpy(text, "name=1", 6);
	assert_int_equal(
		xl_config_parse(&config, text, XL_CONFIG_MAX_BYTES, &line), 0);
	assert_int_equal(
		xl_config_parse(&config, text, XL_CONFIG_MAX_BYTES + 1, &line),
		-EINVAL);
	free(text);
}

/*
 * --- command lines ---
 */

#define LINE(text) text "\0", sizeof(text)

static const struct {
	const char *line;
	size_t len;
	const char *file; /* NULL: it is not understood */
	const char *usbdev;
} lines[] = {
	{LINE("xl\0create\0/a.cfg"), "/a.cfg", ""},
	{LINE("/usr/lib/xen-4.17/bin/xl\0create\0a.cfg"), "a.cfg", ""},
	{LINE("xl\0-vvv\0-N\0create\0-q\0-p\0/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0-f\0/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0-pf\0/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0-f/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0--defconfig=/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0--defconfig\0/a.cfg"), "/a.cfg", ""},
	{LINE("xl\0create\0/a.cfg\0usbdev=\"2virt\""), "/a.cfg", "2virt"},
	{LINE("xl\0create\0usbdev='2virt'\0/a.cfg\0memory=9"), "/a.cfg",
	 "2virt"},
	{LINE("xl\0create\0/a.cfg\0usbdev=2virt"), "/a.cfg", ""},
	{LINE("xl\0restore\0/a.cfg"), NULL, ""},
	{LINE("xl\0create"), NULL, ""},
	{LINE("xl\0create\0-f"), NULL, ""},
	{LINE("xl\0create\0/a.cfg\0/b.cfg"), NULL, ""},
	{LINE("xl\0create\0/a.cfg\0usbdev='2virt"), NULL, ""},
	{LINE("xl"), NULL, ""},
	{LINE("axl\0create\0/a.cfg"), NULL, ""},
	{LINE("sh\0-c\0xl create /a.cfg"), NULL, ""},
	{"xl\0create\0/a.cfg", 16, NULL, ""}, /* no end */
	{"", 0, NULL, ""},
};

static void a_command_line_is_read_as_xl_reads_it(void **state)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct xl_command command;
		char *copy = malloc(lines[i].len + 1);
		bool got;

		memcpy(copy, lines[i].line, lines[i].len);
		got = xl_config_command(&command, copy, lines[i].len);
		if (got != (lines[i].file != NULL))
			fail_msg("line %zu", i);
		if (got) {
			assert_string_equal(command.file, lines[i].file);
			assert_string_equal(command.extra.usbdev,
					    lines[i].usbdev);
		}
		free(copy);
	}
}

/*
 * --- whom to believe ---
 */

static char root[64], proc[80], folder[80];

static void file_write(const char *path, const char *text, size_t len)
{
	FILE *file;

	unlink(path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	assert_int_equal(chmod(path, 0644), 0);
}

static void config_write(const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file_write(path, text, strlen(text));
}

static void config_chmod(const char *name, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(chmod(path, mode), 0);
}

/* A process as /proc shows it; arguments are separated by blanks here. */
static void process_write(unsigned int pid, const char *comm,
			  const char *arguments, const char *uids,
			  const char *cwd)
{
	char path[256], line[512], text[128];
	size_t len = strlen(arguments) + 1;

	snprintf(path, sizeof(path), "%s/%u", proc, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%u/comm", proc, pid);
	snprintf(text, sizeof(text), "%s\n", comm);
	file_write(path, text, strlen(text));
	memcpy(line, arguments, len);
	for (size_t i = 0; i < len; i++)
		if (line[i] == ' ')
			line[i] = '\0';
	snprintf(path, sizeof(path), "%s/%u/cmdline", proc, pid);
	file_write(path, line, len);
	snprintf(path, sizeof(path), "%s/%u/status", proc, pid);
	snprintf(text, sizeof(text), "Name:\t%s\nUid:\t%s\n", comm, uids);
	file_write(path, text, strlen(text));
	snprintf(path, sizeof(path), "%s/%u/cwd", proc, pid);
	unlink(path);
	if (cwd)
		assert_int_equal(symlink(cwd, path), 0);
}

static const char *our_uids(void)
{
	static char text[64];
	unsigned int uid = geteuid();

	snprintf(text, sizeof(text), "%u\t%u\t%u\t%u", uid, uid, uid, uid);
	return text;
}

static bool wants(const char *name)
{
	const struct xl_config_places places = {
		.proc = proc,
		.folder = folder,
		.owner = geteuid(),
	};

	return xl_config_wants(&places, name, UUID);
}

static void a_configuration_is_found_by_name(void **state)
{
	static const char *const files[] = {"g", "g.cfg", "auto/g",
					    "auto/g.cfg"};

	for (size_t i = 0; i < 4; i++) {
		char path[256];

		assert_false(wants("g"));
		config_write(files[i], "name='g'\nusbdev='2virt'\n");
		assert_true(wants("g"));
		/* The file's name is only where to look. */
		config_write(files[i], "name='h'\nusbdev='2virt'\n");
		assert_false(wants("g"));
		assert_false(wants("h"));
		config_write(files[i],
			     "name='g'\nuuid='" UUID "'\nusbdev='2virt'\n");
		assert_true(wants("g"));
		config_write(files[i],
			     "name='g'\nuuid='f" UUID "'\nusbdev='2virt'\n");
		assert_false(wants("g"));
		config_write(files[i], "name='g'\nusbdev='2virt\n");
		assert_false(wants("g"));
		snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
		unlink(path);
	}
}

static void a_name_is_no_path(void **state)
{
	config_write("auto/g", "name='auto/g'\nusbdev='2virt'\n");
	assert_false(wants("auto/g"));
	config_write("auto/.g", "name='.g'\nusbdev='2virt'\n");
	assert_false(wants(".g"));
	assert_false(wants("../xen/auto/g"));
	assert_false(wants(""));
	config_write("auto/g", "");
}

static void only_what_nobody_else_can_write_is_believed(void **state)
{
	const struct xl_config_places other = {
		.proc = proc,
		.folder = folder,
		.owner = geteuid() + 1,
	};
	char path[256];

	config_write("g", "name='g'\nusbdev='2virt'\n");
	assert_true(wants("g"));
	config_chmod("g", 0646);
	assert_false(wants("g"));
	config_chmod("g", 0644);
	assert_true(wants("g"));
	assert_false(xl_config_wants(&other, "g", UUID));
	/* Nothing that blocks, nothing that is not a file. */
	snprintf(path, sizeof(path), "%s/g", folder);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(wants("g"));
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(wants("g"));
	rmdir(path);
}

static void a_file_that_is_too_large_is_not_read(void **state)
{
	static char text[XL_CONFIG_MAX_BYTES + 2];

	memset(text, '\n', sizeof(text) - 1);
	memcpy(text, "name='g'\nusbdev='2virt'", 23);
	config_write("g", text);
	assert_false(wants("g"));
	text[XL_CONFIG_MAX_BYTES] = '\0';
	config_write("g", text);
	assert_true(wants("g"));
	config_write("g", "");
}

static void the_command_line_says_where_and_what(void **state)
{
	char arguments[400], file[256];

	snprintf(file, sizeof(file), "%s/elsewhere", root);
	file_write(file, "name='g'\n", 9);
	snprintf(arguments, sizeof(arguments), "xl create %s", file);
	process_write(7, "xl", arguments, our_uids(), NULL);
	assert_false(wants("g"));
	/* In the file. */
	file_write(file, "name='g'\nusbdev='2virt'\n", 24);
	assert_true(wants("g"));
	assert_false(wants("h"));
	/* Behind it, which counts more. */
	snprintf(arguments, sizeof(arguments), "xl create %s usbdev='none'",
		 file);
	process_write(7, "xl", arguments, our_uids(), NULL);
	assert_false(wants("g"));
	file_write(file, "name='g'\n", 9);
	snprintf(arguments, sizeof(arguments),
		 "xl create %s usbdev=\"2virt\" name='h'", file);
	process_write(7, "xl", arguments, our_uids(), NULL);
	assert_true(wants("h"));
	assert_false(wants("g"));
	/* A relative path is one of the process's folder, if we may see it. */
	process_write(7, "xl", "xl create elsewhere usbdev='2virt'", our_uids(),
		      root);
	assert_true(wants("g"));
	process_write(7, "xl", "xl create elsewhere usbdev='2virt'", our_uids(),
		      NULL);
	assert_false(wants("g"));
	process_write(7, "sh", "sh", our_uids(), NULL);
}

static void only_the_owners_xl_is_believed(void **state)
{
	static const char *const liars[] = {
		"1000\t1000\t1000\t1000", "1000\t0\t0\t0", "0\t1000\t0\t0",
		"0\t0\t1000\t0",	  "0 0 0",	   "",
	};
	char arguments[400], file[256];

	snprintf(file, sizeof(file), "%s/elsewhere", root);
	file_write(file, "name='g'\n", 9);
	snprintf(arguments, sizeof(arguments), "xl create %s usbdev='2virt'",
		 file);
	process_write(7, "xl", arguments, our_uids(), NULL);
	assert_true(wants("g"));
	for (size_t i = 0; i < sizeof(liars) / sizeof(liars[0]); i++) {
		process_write(7, "xl", arguments, liars[i], NULL);
		assert_false(wants("g"));
	}
	process_write(7, "lx", arguments, our_uids(), NULL);
	assert_false(wants("g"));
	/* Not even root's xl vouches for a file of somebody else's. */
	process_write(7, "xl", arguments, our_uids(), NULL);
	assert_int_equal(chmod(file, 0666), 0);
	assert_false(wants("g"));
	process_write(7, "sh", "sh", our_uids(), NULL);
}

static void the_youngest_xl_counts(void **state)
{
	char arguments[400], file[256];

	snprintf(file, sizeof(file), "%s/elsewhere", root);
	file_write(file, "name='g'\n", 9);
	snprintf(arguments, sizeof(arguments), "xl create %s", file);
	process_write(100, "xl", arguments, our_uids(), NULL);
	assert_false(wants("g"));
	snprintf(arguments, sizeof(arguments), "xl create %s usbdev='2virt'",
		 file);
	process_write(99, "xl", arguments, our_uids(), NULL);
	assert_false(wants("g"));
	process_write(101, "xl", arguments, our_uids(), NULL);
	assert_true(wants("g"));
}

static int folders_make(void **state)
{
	char path[128];

	snprintf(root, sizeof(root), "/tmp/2virt-xl-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(folder, sizeof(folder), "%s/xen", root);
	snprintf(path, sizeof(path), "%s/auto", folder);
	return mkdir(proc, 0755) || mkdir(folder, 0755) || mkdir(path, 0755);
}

static int folders_remove(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_is_that_of_xl),
		cmocka_unit_test(a_value_that_does_not_fit_is_none),
		cmocka_unit_test(a_text_that_is_too_long_is_refused),
		cmocka_unit_test(a_command_line_is_read_as_xl_reads_it),
		cmocka_unit_test(a_configuration_is_found_by_name),
		cmocka_unit_test(a_name_is_no_path),
		cmocka_unit_test(only_what_nobody_else_can_write_is_believed),
		cmocka_unit_test(a_file_that_is_too_large_is_not_read),
		cmocka_unit_test(the_command_line_says_where_and_what),
		cmocka_unit_test(only_the_owners_xl_is_believed),
		cmocka_unit_test(the_youngest_xl_counts),
	};

	return cmocka_run_group_tests_name("xl-config", tests, folders_make,
					   folders_remove);
}
