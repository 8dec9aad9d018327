// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dump.c - reads what "xenstore-ls -fp" prints:
 *
 *	/tool/2virt/x = "a\\b\n\001\xff"   (n0,r3)
 *
 * A backslash, control characters and what is not ASCII are escaped, a
 * quotation mark is not.  So the value ends at the last quotation mark before
 * the permissions.  Between them may be blanks and dots.
 */
#include "xenstore-schema/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dump_line {
	char path[SNAPSHOT_PATH_MAX + 1];
	char *value; /* in the reader's buffer */
	size_t len;
	struct snapshot_perm perms[SNAPSHOT_PERM_MAX];
	size_t perm_count;
};

/* 1 to 3 digits of a base; what they mean, and how many, or -1. */
static int escape_number(const char *at, const char *end, int base,
			 size_t digits, size_t *used)
{
	int value = 0;

	for (*used = 0; *used < digits && at < end; at++, ++*used) {
		int digit;

		if (*at >= '0' && *at <= '9')
			digit = *at - '0';
		else if (*at >= 'a' && *at <= 'f')
			digit = *at - 'a' + 10;
		else
			break;
		if (digit >= base)
			break;
		value = value * base + digit;
	}
	return *used == 0 || value > 255 ? -1 : value;
}

/* One escape behind its backslash; octets taken, or 0: none that is known. */
static size_t escape_parse(const char *at, const char *end, char *octet)
{
	size_t used;
	int value;

	if (at == end)
		return 0;
	switch (*at) {
	case '\\':
	case '"':
		*octet = *at;
		return 1;
	case 'n':
		*octet = '\n';
		return 1;
	case 't':
		*octet = '\t';
		return 1;
	case 'r':
		*octet = '\r';
		return 1;
	case 'x':
		value = escape_number(at + 1, end, 16, 2, &used);
		used++;
		break;
	default:
		value = escape_number(at, end, 8, 3, &used);
	}
	*octet = (char)value;
	return value < 0 ? 0 : used;
}

/* Into line->value, which has room.  NULL or what is wrong. */
static const char *value_parse(const char *at, const char *end,
			       struct dump_line *line)
{
	line->len = 0;
	while (at < end) {
		if (*at != '\\') {
			line->value[line->len++] = *at++;
		} else {
			size_t used = escape_parse(at + 1, end,
						   &line->value[line->len++]);

			if (used == 0)
				return "an escape that is not known "
				       "(is the value cut off?)";
			at += 1 + used;
		}
	}
	return NULL;
}

/* "n0,r3" up to end.  NULL or what is wrong. */
static const char *perms_parse(const char *at, const char *end,
			       struct dump_line *line)
{
	for (;;) {
		struct snapshot_perm *perm = &line->perms[line->perm_count];
		uint32_t domid = 0;
		size_t digits = 0;

		if (line->perm_count == SNAPSHOT_PERM_MAX)
			return "too many permissions";
		if (at == end || !strchr("nrwb", *at) || !*at)
			return "no permission: n, r, w or b and a domain";
		perm->letter = *at++;
		for (; at < end && *at >= '0' && *at <= '9'; at++, digits++)
			domid = domid * 10 + (uint32_t)(*at - '0');
		if (digits == 0 || digits > 5)
			return "no domain in a permission";
		perm->domid = domid;
		line->perm_count++;
		if (at == end)
			return NULL;
		if (*at++ != ',')
			return "no comma between permissions";
	}
}

static const char *rfind(const char *text, const char *end, char c)
{
	while (end > text)
		if (*--end == c)
			return end;
	return NULL;
}

/* Takes "   (n0,r3)" off the end.  NULL or what is wrong. */
static const char *tail_parse(const char *text, const char **end,
			      struct dump_line *line)
{
	const char *quote = rfind(text, *end, '"'), *open;

	line->perm_count = 0;
	if (!quote)
		return "no value in quotation marks";
	open = memchr(quote, '(', (size_t)(*end - quote));
	for (const char *at = quote + 1; at < (open ? open : *end); at++)
		if (*at != ' ' && *at != '.')
			return "something behind the value";
	if (open) {
		const char *wrong;

		if ((*end)[-1] != ')')
			return "permissions do not end";
		wrong = perms_parse(open + 1, *end - 1, line);
		if (wrong)
			return wrong;
	}
	*end = quote;
	return NULL;
}

static bool path_valid(const char *path, size_t len)
{
	if (len > SNAPSHOT_PATH_MAX || (len > 1 && path[len - 1] == '/') ||
	    memmem(path, len, "//", 2))
		return false;
	for (size_t i = 0; i < len; i++)
		if (path[i] <= ' ' || path[i] > '~')
			return false;
	return true;
}

/* NULL or what is wrong. */
static const char *line_parse(const char *text, const char *end,
			      struct dump_line *line)
{
	static const char equals[] = " = \"";
	const char *mark =
		memmem(text, (size_t)(end - text), equals, sizeof(equals) - 1);
	const char *wrong, *value;
	size_t len;

	if (!mark || *text != '/')
		return "no line of xenstore-ls -fp: /path = \"value\"  (n0)";
	len = (size_t)(mark - text);
	if (!path_valid(text, len))
		return "no path of a node";
	value = mark + sizeof(equals) - 1;
	wrong = tail_parse(value, &end, line);
	if (wrong)
		return wrong;
	if ((size_t)(end - value) > 4 * SNAPSHOT_VALUE_MAX)
		return "a value that is too long";
	memcpy(line->path, text, len);
	line->path[len] = '\0';
	return value_parse(value, end, line);
}

static int dump_read(const char *text, size_t size, struct snapshot *snapshot,
		     struct dump_line *line, unsigned int *number,
		     const char **why)
{
	const char *at = text, *end = text + size;
	int error = 0;

	for (*number = 1; !error && at < end; ++*number) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			stop = end;
		if (stop > at) {
			*why = line_parse(at, stop, line);
			if (*why)
				return -EINVAL;
			error = snapshot_add(snapshot, line->path, line->value,
					     line->len, line->perms,
					     line->perm_count);
		}
		at = stop < end ? stop + 1 : end;
	}
	return error;
}

static int duplicates_refuse(struct snapshot *snapshot, unsigned int *number,
			     const char **why)
{
	for (size_t i = 1; i < snapshot_count(snapshot); i++) {
		if (strcmp(snapshot_get(snapshot, i - 1)->path,
			   snapshot_get(snapshot, i)->path) != 0)
			continue;
		*number = 0;
		*why = "a path that is there twice";
		return -EINVAL;
	}
	return 0;
}

int snapshot_parse(const char *text, size_t len, struct snapshot **snapshot,
		   unsigned int *line, const char **why)
{
	struct snapshot *made = snapshot_create();
	struct dump_line *space = malloc(sizeof(*space));
	int error = -ENOMEM;

	if (!made || !space)
		goto err_free;
	/* No value is longer than the whole text. */
	space->value = malloc(len + 1);
	if (!space->value)
		goto err_free;
	error = dump_read(text, len, made, space, line, why);
	if (!error)
		error = duplicates_refuse(made, line, why);
	free(space->value);
	if (error)
		goto err_free;
	free(space);
	*snapshot = made;
	return 0;

err_free:
	free(space);
	snapshot_free(made);
	return error;
}
