// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domains.c - one file of domains.d: tags and limits of domains.
 *
 * Not inih, because what is wrong is to be told with its column, and because
 * one parser of lines serves both folders.
 */
#include "backend/policy/domains.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "backend/policy/line.h"

static const char expected_section[] =
	"a section: [name], [pattern], [uuid] or [@any]";
static const char expected_key[] =
	"tags, rate, burst, rps, streams or weight, and =";
static const char expected_tag[] = "a tag of A-Z a-z 0-9 . _ -";

struct domains_reader {
	struct line_reader lines;
	struct line_word word;
	struct domains_file *file;
	size_t size;
	struct policy_error *error;
};

static struct domains_section *section_last(struct domains_reader *reader)
{
	struct domains_file *file = reader->file;

	return file->count ? &file->sections[file->count - 1] : NULL;
}

static int section_add(struct domains_reader *reader)
{
	struct domains_file *file = reader->file;
	struct domains_section *grown;

	if (file->count == DOMAINS_MAX_SECTIONS)
		return line_error(&reader->lines, &reader->word,
				  "no more than 10000 sections in a file",
				  reader->error);
	if (file->count == reader->size) {
		size_t more = reader->size ? 2 * reader->size : 8;

		grown = reallocarray(file->sections, more, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		file->sections = grown;
		reader->size = more;
	}
	grown = &file->sections[file->count++];
	memset(grown, 0, sizeof(*grown));
	grown->line = reader->lines.number;
	return 0;
}

/* The word is there and starts with a bracket. */
static int section_parse(struct domains_reader *reader)
{
	struct line_word *word = &reader->word;
	struct domains_section *section;
	int error;

	if (word->len < 3 || word->text[word->len - 1] != ']')
		return line_error(&reader->lines, word, expected_section,
				  reader->error);
	error = section_add(reader);
	if (error)
		return error;
	section = section_last(reader);
	word->text[word->len - 1] = '\0';
	error = rule_who_parse(word->text + 1, word->quoted, false,
			       &section->who, &section->whom);
	word->text[word->len - 1] = ']';
	if (error == -EINVAL)
		return line_error(&reader->lines, word, expected_section,
				  reader->error);
	if (error)
		return error;
	error = line_word(&reader->lines, word, reader->error);
	if (error > 0)
		return line_error(&reader->lines, word, "the end of the line",
				  reader->error);
	return error;
}

static bool section_has_tag(const struct domains_section *section,
			    const char *tag)
{
	for (size_t i = 0; i < section->tag_count; i++)
		if (strcmp(section->tags[i], tag) == 0)
			return true;
	return false;
}

static int tag_add(struct domains_section *section, const char *tag)
{
	char **grown;

	if (section_has_tag(section, tag))
		return 0;
	grown = reallocarray(section->tags, section->tag_count + 1,
			     sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	section->tags = grown;
	grown[section->tag_count] = strdup(tag);
	if (!grown[section->tag_count])
		return -ENOMEM;
	section->tag_count++;
	return 0;
}

/* Text of one word: tags with commas between, or none. */
static int tags_parse(struct domains_reader *reader, char *text)
{
	struct domains_section *section = section_last(reader);
	char *tag, *rest = text;
	int error;

	while ((tag = strsep(&rest, ","))) {
		if (*tag == '\0')
			continue;
		if (!policy_tag_valid(tag, strlen(tag)))
			return policy_error_set(reader->error,
						reader->lines.number,
						reader->word.column,
						expected_tag, tag, strlen(tag));
		if (section->tag_count == DOMAINS_MAX_TAGS)
			return line_error(&reader->lines, &reader->word,
					  "no more than 64 tags",
					  reader->error);
		error = tag_add(section, tag);
		if (error)
			return error;
	}
	return 0;
}

static int limit_parse(struct domains_reader *reader, enum policy_param param,
		       const char *text)
{
	struct policy_params *limits = &section_last(reader)->limits;
	int error;

	if (limits->value[param])
		return line_error(&reader->lines, &reader->word,
				  "each key once in a section", reader->error);
	error = policy_param_set(limits, param, text);
	if (error == -EINVAL)
		return policy_error_set(reader->error, reader->lines.number,
					reader->word.column,
					policy_param_expected(param), text,
					strlen(text));
	return error;
}

/*
 * Splits "key=", "key =", "key = value" and "key=value" alike: the key goes
 * into key, what is left of the word into *rest.  0 or -EINVAL.
 */
static int key_parse(struct domains_reader *reader, char key[16], char **rest)
{
	struct line_word *word = &reader->word;
	size_t len = strcspn(word->text, "=");
	unsigned int column = word->column;
	int got;

	if (len == 0 || len >= 16)
		return line_error(&reader->lines, word, expected_key,
				  reader->error);
	memcpy(key, word->text, len);
	key[len] = '\0';
	if (strcmp(key, "tags") != 0) {
		enum policy_param param = policy_param_find(key);

		if (param == POLICY_PARAM_COUNT ||
		    !(policy_param_uses(param) & POLICY_PARAM_IN_DOMAIN))
			return policy_error_set(reader->error,
						reader->lines.number, column,
						expected_key, key, len);
	}
	*rest = word->text + len;
	if (**rest == '\0') {
		got = line_word(&reader->lines, word, reader->error);
		if (got < 0)
			return got;
		if (got == 0 || word->text[0] != '=')
			return line_error(&reader->lines, got ? word : NULL,
					  "=", reader->error);
		*rest = word->text;
	}
	(*rest)++;
	return 0;
}

static int value_parse(struct domains_reader *reader, const char *key,
		       char *text)
{
	if (strcmp(key, "tags") == 0)
		return tags_parse(reader, text);
	return limit_parse(reader, policy_param_find(key), text);
}

static int pair_parse(struct domains_reader *reader)
{
	char key[16], *rest = NULL;
	bool tags, given;
	int error = key_parse(reader, key, &rest);

	if (error)
		return error;
	tags = strcmp(key, "tags") == 0;
	given = *rest != '\0';
	if (given)
		error = value_parse(reader, key, rest);
	while (!error) {
		error = line_word(&reader->lines, &reader->word, reader->error);
		if (error <= 0)
			break;
		if (given && !tags)
			return line_error(&reader->lines, &reader->word,
					  "the end of the line", reader->error);
		given = true;
		error = value_parse(reader, key, reader->word.text);
	}
	if (!error && !given && !tags)
		return line_error(&reader->lines, NULL,
				  policy_param_expected(policy_param_find(key)),
				  reader->error);
	return error;
}

static int file_read(struct domains_reader *reader)
{
	int error;

	while ((error = line_next(&reader->lines, reader->error)) > 0) {
		error = line_word(&reader->lines, &reader->word, reader->error);
		if (error < 0)
			return error;
		if (error == 0)
			continue;
		if (reader->word.text[0] == '[')
			error = section_parse(reader);
		else if (!reader->file->count)
			error = line_error(&reader->lines, &reader->word,
					   expected_section, reader->error);
		else
			error = pair_parse(reader);
		if (error)
			return error;
	}
	return error;
}

int domains_parse(const char *text, size_t len, struct domains_file **file,
		  struct policy_error *error)
{
	struct domains_reader *reader = calloc(1, sizeof(*reader));
	struct domains_file *read = calloc(1, sizeof(*read));
	int rc = -ENOMEM;

	if (!reader || !read)
		goto err_free;
	line_reader_init(&reader->lines, text, len);
	reader->file = read;
	reader->error = error;
	rc = file_read(reader);
	if (rc)
		goto err_free;
	free(reader);
	*file = read;
	return 0;

err_free:
	free(reader);
	domains_free(read);
	return rc;
}

void domains_free(struct domains_file *file)
{
	if (!file)
		return;
	for (size_t i = 0; i < file->count; i++) {
		struct domains_section *section = &file->sections[i];

		for (size_t j = 0; j < section->tag_count; j++)
			free(section->tags[j]);
		free(section->tags);
		free(section->whom);
		policy_params_fini(&section->limits);
	}
	free(file->sections);
	free(file);
}
