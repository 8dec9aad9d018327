// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xl_config.c - the grammar of xl.cfg(5), as far as it is needed.
 *
 *	file       = { assignment | newline | ";" }
 *	assignment = word ( "=" | "+=" ) value
 *	value      = string | number | "[" [ value { "," value } [","] ] "]"
 *
 * "#" begins a comment.  A file that does not follow it is refused whole: xl
 * refuses it as well.  A string with a backslash is skipped, not decoded: none
 * of the three words that matter needs one.  Where the files are and whom to
 * believe is xl_find.c.
 */
#include "backend/daemon/xl_config.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

enum { DEPTH_MAX = 8 };

struct scan {
	const char *at, *end;
	unsigned int line;
};

static int peek(const struct scan *scan)
{
	return scan->at < scan->end ? (unsigned char)*scan->at : -1;
}

static void next(struct scan *scan)
{
	if (*scan->at++ == '\n')
		scan->line++;
}

/* Skips blanks and comments, with across also the ends of lines. */
static void skip(struct scan *scan, bool across)
{
	for (int c; (c = peek(scan)) >= 0; next(scan)) {
		if (c == '#') {
			while (peek(scan) >= 0 && peek(scan) != '\n')
				next(scan);
			c = peek(scan);
		}
		if (c != ' ' && c != '\t' && c != '\r' &&
		    !(across && c == '\n'))
			return;
	}
}

/* A word or a number; its length, 0 if there is none. */
static size_t word_len(const struct scan *scan)
{
	const char *at = scan->at;

	while (at < scan->end &&
	       (isalnum((unsigned char)*at) || *at == '_' || *at == '.'))
		at++;
	return (size_t)(at - scan->at);
}

/* Copies a value that is plain text and fits, else leaves "". */
static void keep(char text[XL_CONFIG_TEXT_SIZE], const char *from, size_t len)
{
	text[0] = '\0';
	if (len >= XL_CONFIG_TEXT_SIZE || memchr(from, '\\', len) ||
	    memchr(from, '\0', len))
		return;
	memcpy(text, from, len);
	text[len] = '\0';
}

static int read_string(struct scan *scan, char *text)
{
	const int quote = peek(scan);
	const char *begin;

	next(scan);
	begin = scan->at;
	for (int c; (c = peek(scan)) != quote; next(scan)) {
		if (c == '\\')
			next(scan);
		if (peek(scan) < 0 || c == '\n')
			return -EINVAL;
	}
	if (text)
		keep(text, begin, (size_t)(scan->at - begin));
	next(scan);
	return 0;
}

static int read_simple(struct scan *scan, char *text)
{
	size_t len;

	if (peek(scan) == '"' || peek(scan) == '\'')
		return read_string(scan, text);
	if (peek(scan) == '-')
		next(scan);
	len = word_len(scan);
	if (!len)
		return -EINVAL;
	scan->at += len;
	return 0;
}

/* A list: opening brackets are counted, nothing is kept. */
static int read_list(struct scan *scan)
{
	unsigned int depth = 0;
	bool value = false; /* a value has just ended: "," or "]" follows */

	do {
		int c = peek(scan);

		if (c == '[' && !value) {
			if (++depth > DEPTH_MAX)
				return -EINVAL;
			next(scan);
		} else if (c == ']') {
			depth--;
			value = true;
			next(scan);
		} else if (c == ',' && value) {
			value = false;
			next(scan);
		} else if (value || read_simple(scan, NULL) < 0) {
			return -EINVAL;
		} else {
			value = true;
		}
		if (depth)
			skip(scan, true);
	} while (depth);
	return 0;
}

static int read_value(struct scan *scan, char *text)
{
	if (text)
		text[0] = '\0';
	return peek(scan) == '[' ? read_list(scan) : read_simple(scan, text);
}

static char *wanted(struct xl_config *config, const char *word, size_t len)
{
	if (len == 4 && memcmp(word, "name", 4) == 0)
		return config->name;
	if (len == 4 && memcmp(word, "uuid", 4) == 0)
		return config->uuid;
	if (len == 6 && memcmp(word, "usbdev", 6) == 0)
		return config->usbdev;
	return NULL;
}

static int read_assignment(struct scan *scan, struct xl_config *config)
{
	size_t len = word_len(scan);
	char *text = wanted(config, scan->at, len);

	if (!len || isdigit((unsigned char)*scan->at))
		return -EINVAL;
	scan->at += len;
	skip(scan, false);
	if (peek(scan) == '+')
		next(scan);
	if (peek(scan) != '=')
		return -EINVAL;
	next(scan);
	skip(scan, false);
	if (read_value(scan, text) < 0)
		return -EINVAL;
	skip(scan, false);
	return peek(scan) < 0 || peek(scan) == '\n' || peek(scan) == ';'
		       ? 0
		       : -EINVAL;
}

int xl_config_parse(struct xl_config *config, const char *text, size_t len,
		    unsigned int *line)
{
	struct scan scan = {.at = text, .end = text + len, .line = 1};

	for (;;) {
		skip(&scan, true);
		if (peek(&scan) == ';') {
			next(&scan);
			continue;
		}
		if (peek(&scan) < 0)
			return 0;
		if (len > XL_CONFIG_MAX_BYTES ||
		    read_assignment(&scan, config) < 0) {
			*line = scan.line;
			return -EINVAL;
		}
	}
}

/*
 * --- command lines ---
 */

/* The next argument, or NULL. */
static const char *argument(struct scan *scan)
{
	const char *begin = scan->at;
	const char *end = memchr(begin, '\0', (size_t)(scan->end - scan->at));

	if (!end)
		return NULL;
	scan->at = end + 1;
	return begin;
}

static bool is_xl(const char *program)
{
	const char *slash = strrchr(program, '/');

	return strcmp(slash ? slash + 1 : program, "xl") == 0;
}

/* An option of "xl create"; false: what follows cannot be told. */
static bool read_option(struct scan *scan, const char *option,
			struct xl_command *command)
{
	static const char file[] = "--defconfig=";

	if (strncmp(option, file, sizeof(file) - 1) == 0) {
		command->file = option + sizeof(file) - 1;
	} else if (strcmp(option, "--defconfig") == 0) {
		command->file = argument(scan);
	} else if (option[1] != '-') {
		const char *f = strchr(option, 'f');

		/* -f FILE, -fFILE, -pf FILE */
		if (f)
			command->file = f[1] ? f + 1 : argument(scan);
		return !f || command->file;
	}
	return true;
}

static bool read_extra(struct xl_command *command, const char *text)
{
	unsigned int line;

	return xl_config_parse(&command->extra, text, strlen(text), &line) == 0;
}

bool xl_config_command(struct xl_command *command, const char *line, size_t len)
{
	struct scan scan = {.at = line, .end = line + len};
	const char *text = argument(&scan);

	memset(command, 0, sizeof(*command));
	if (len > XL_CONFIG_MAX_BYTES || !text || !is_xl(text))
		return false;
	/* Options of xl itself have no values. */
	do
		text = argument(&scan);
	while (text && text[0] == '-');
	if (!text || strcmp(text, "create") != 0)
		return false;
	while ((text = argument(&scan))) {
		if (text[0] == '-' && text[1]) {
			if (!read_option(&scan, text, command))
				return false;
		} else if (strchr(text, '=')) {
			if (!read_extra(command, text))
				return false;
		} else if (!command->file) {
			command->file = text;
		} else {
			return false;
		}
	}
	return command->file != NULL;
}
