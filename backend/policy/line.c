// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * line.c - lines and words of the policy's files.
 */
#include "backend/policy/line.h"

#include <errno.h>
#include <string.h>

void line_reader_init(struct line_reader *reader, const char *text, size_t len)
{
	memset(reader, 0, sizeof(*reader));
	reader->text = text;
	reader->len = len;
}

int line_next(struct line_reader *reader, struct policy_error *error)
{
	const char *end;

	if (reader->next >= reader->len)
		return 0;
	reader->line = reader->text + reader->next;
	end = memchr(reader->line, '\n', reader->len - reader->next);
	reader->line_len =
		end ? (size_t)(end - reader->line) : reader->len - reader->next;
	reader->next += reader->line_len + (end ? 1 : 0);
	reader->number++;
	reader->at = 0;
	if (reader->line_len >= POLICY_LINE_MAX)
		return policy_error_set(error, reader->number, POLICY_LINE_MAX,
					"a line of less than 4096 octets", "",
					0);
	for (size_t i = 0; i < reader->line_len; i++) {
		unsigned char c = (unsigned char)reader->line[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return policy_error_set(error, reader->number,
						(unsigned int)i + 1,
						"no control character", "", 0);
	}
	return 1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int line_word(struct line_reader *reader, struct line_word *word,
	      struct policy_error *error)
{
	const char *line = reader->line;
	size_t end = reader->line_len, at = reader->at, quote = 0;
	bool inside = false;

	while (at < end && is_blank(line[at]))
		at++;
	reader->at = end;
	if (at == end || line[at] == '#')
		return 0;
	word->column = (unsigned int)at + 1;
	word->len = 0;
	word->quoted = false;
	for (; at < end && (inside || !is_blank(line[at])); at++) {
		if (line[at] == '"') {
			inside = !inside;
			quote = at;
			word->quoted = true;
			continue;
		}
		if (inside && line[at] == '\\' && end - at > 1 &&
		    (line[at + 1] == '"' || line[at + 1] == '\\'))
			at++;
		word->text[word->len++] = line[at];
	}
	word->text[word->len] = '\0';
	if (inside)
		return policy_error_set(error, reader->number,
					(unsigned int)quote + 1,
					"a quote that ends on its line",
					line + quote, end - quote);
	reader->at = at;
	return 1;
}

int line_error(const struct line_reader *reader, const struct line_word *word,
	       const char *expected, struct policy_error *error)
{
	static const char end[] = "end of line";

	if (!word)
		return policy_error_set(error, reader->number,
					(unsigned int)reader->line_len + 1,
					expected, end, sizeof(end) - 1);
	return policy_error_set(error, reader->number, word->column, expected,
				word->text, word->len);
}
