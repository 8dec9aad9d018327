// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rule.c - the rules of one file of policy.d.
 *
 * The grammar is one line a rule, words parted by blanks:
 *
 *	rule    = service domain action *(parameter)
 *	service = (type | "*") ":" name-pattern
 *	domain  = "@any" | "@tag:" tag | uuid | name-pattern | quoted name
 *	action  = "allow" | "deny" | "ask"
 */
#include "backend/policy/rule.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "backend/policy/glob.h"
#include "backend/policy/line.h"

static const char expected_service[] = "a service: type:name with type web, "
				       "p2p, p2m, libvirt, char, diag or *";
static const char expected_name[] =
	"a service's name of a-z 0-9 _ - with * and ? as wildcards";
static const char expected_domain[] =
	"a domain: name, pattern, uuid, @tag:x or @any";
static const char expected_action[] = "allow, deny or ask";
static const char expected_param[] =
	"a parameter: methods, path, request-size, response-size, rps, rate, "
	"burst, streams, pipes, class, weight, redirect, notify or timeout";

/* The rule and word that are being read. */
struct rule_reader {
	struct line_reader lines;
	struct line_word word;
	struct policy_error *error;
};

/* The next word, which must be there. */
static int want_word(struct rule_reader *reader, const char *expected)
{
	int got = line_word(&reader->lines, &reader->word, reader->error);

	if (got == 0)
		return line_error(&reader->lines, NULL, expected,
				  reader->error);
	return got < 0 ? got : 0;
}

/* An error at an offset inside the word, if it has no quotes. */
static int error_inside(struct rule_reader *reader, size_t offset,
			const char *expected)
{
	const struct line_word *word = &reader->word;

	if (word->quoted)
		return line_error(&reader->lines, word, expected,
				  reader->error);
	return policy_error_set(reader->error, reader->lines.number,
				word->column + (unsigned int)offset, expected,
				word->text + offset, word->len - offset);
}

static int service_parse(struct rule_reader *reader, struct policy_rule *rule)
{
	const struct line_word *word = &reader->word;
	const char *colon = memchr(word->text, ':', word->len);
	size_t len;
	bool any;

	if (!colon)
		return line_error(&reader->lines, word, expected_service,
				  reader->error);
	len = (size_t)(colon - word->text);
	any = len == 1 && word->text[0] == '*';
	rule->type = any ? POLICY_TYPE_ANY : policy_type_find(word->text, len);
	if (!any && rule->type == POLICY_TYPE_COUNT)
		return line_error(&reader->lines, word, expected_service,
				  reader->error);
	colon++;
	len = word->len - len - 1;
	if (!policy_name_valid(colon, len, true))
		return error_inside(reader, (size_t)(colon - word->text),
				    expected_name);
	memcpy(rule->name, colon, len + 1);
	return 0;
}

int rule_who_parse(const char *word, bool quoted, bool tags, enum rule_who *who,
		   char **whom)
{
	static const char tag[] = "@tag:";
	char uuid[POLICY_UUID_SIZE];
	size_t len = strlen(word);

	if (len == 0 || len >= POLICY_DOMAIN_SIZE)
		return -EINVAL;
	*whom = NULL;
	if (quoted) {
		*who = RULE_WHO_NAME;
	} else if (strcmp(word, "@any") == 0) {
		*who = RULE_WHO_ANY;
		return 0;
	} else if (tags && strncmp(word, tag, sizeof(tag) - 1) == 0) {
		word += sizeof(tag) - 1;
		if (!policy_tag_valid(word, strlen(word)))
			return -EINVAL;
		*who = RULE_WHO_TAG;
	} else if (word[0] == '@') {
		return -EINVAL;
	} else if (policy_uuid_parse(word, len, uuid)) {
		*who = RULE_WHO_UUID;
		word = uuid;
	} else {
		*who = glob_is_literal(word) ? RULE_WHO_NAME : RULE_WHO_GLOB;
	}
	*whom = strdup(word);
	return *whom ? 0 : -ENOMEM;
}

static int domain_parse(struct rule_reader *reader, struct policy_rule *rule)
{
	int error = rule_who_parse(reader->word.text, reader->word.quoted, true,
				   &rule->who, &rule->whom);

	if (error == -EINVAL)
		return line_error(&reader->lines, &reader->word,
				  expected_domain, reader->error);
	return error;
}

static int action_parse(struct rule_reader *reader, struct policy_rule *rule)
{
	unsigned int action = 0;

	while (policy_action_name(action) &&
	       strcmp(policy_action_name(action), reader->word.text) != 0)
		action++;
	if (!policy_action_name(action))
		return line_error(&reader->lines, &reader->word,
				  expected_action, reader->error);
	rule->action = action;
	return 0;
}

/* NULL: it may stand in this rule. */
static const char *param_misplaced(const struct policy_rule *rule,
				   enum policy_param param)
{
	unsigned int uses = policy_param_uses(param);

	if (rule->params.value[param])
		return "each parameter once";
	if (rule->action == POLICY_DENY && !(uses & POLICY_PARAM_IN_DENY))
		return "notify as the only parameter of a deny";
	if (rule->action == POLICY_ALLOW && !(uses & POLICY_PARAM_IN_ALLOW))
		return "timeout with ask only";
	if ((uses & POLICY_PARAM_WEB_ONLY) && rule->type != POLICY_TYPE_WEB)
		return "methods, path, sizes and rps with web:... only";
	if (param == POLICY_PARAM_REDIRECT && rule->type == POLICY_TYPE_ANY)
		return "redirect with a type only";
	return NULL;
}

static int param_parse(struct rule_reader *reader, struct policy_rule *rule)
{
	struct line_word *word = &reader->word;
	char *equals = memchr(word->text, '=', word->len);
	const char *value = equals ? equals + 1 : "yes", *misplaced;
	enum policy_param param;
	int error;

	if (equals)
		*equals = '\0';
	param = policy_param_find(word->text);
	if (equals)
		*equals = '=';
	if (param == POLICY_PARAM_COUNT)
		return line_error(&reader->lines, word, expected_param,
				  reader->error);
	misplaced = param_misplaced(rule, param);
	if (misplaced)
		return line_error(&reader->lines, word, misplaced,
				  reader->error);
	error = policy_param_set(&rule->params, param, value);
	if (error == -EINVAL)
		return error_inside(reader,
				    equals ? (size_t)(value - word->text)
					   : word->len,
				    policy_param_expected(param));
	return error;
}

static int rule_keep_text(struct rule_reader *reader, struct policy_rule *rule,
			  unsigned int from, size_t to)
{
	rule->text = strndup(reader->lines.line + from - 1, to - (from - 1));
	return rule->text ? 0 : -ENOMEM;
}

/* The first word is there. */
static int rule_parse(struct rule_reader *reader, struct policy_rule *rule)
{
	unsigned int from = reader->word.column;
	size_t to;
	int error;

	rule->line = reader->lines.number;
	error = service_parse(reader, rule);
	if (!error)
		error = want_word(reader, expected_domain);
	if (!error)
		error = domain_parse(reader, rule);
	if (!error)
		error = want_word(reader, expected_action);
	if (!error)
		error = action_parse(reader, rule);
	while (!error) {
		to = reader->lines.at;
		error = line_word(&reader->lines, &reader->word, reader->error);
		if (error == 0)
			break;
		if (error > 0)
			error = param_parse(reader, rule);
	}
	if (!error && rule->params.value[POLICY_PARAM_BURST] &&
	    !rule->params.value[POLICY_PARAM_RATE])
		return line_error(&reader->lines, NULL,
				  "rate= beside burst=", reader->error);
	return error ? error : rule_keep_text(reader, rule, from, to);
}

static void rule_fini(struct policy_rule *rule)
{
	policy_params_fini(&rule->params);
	free(rule->whom);
	free(rule->text);
}

/* A new, empty rule at the end.  NULL: no memory. */
static struct policy_rule *rules_grow(struct policy_rules *rules, size_t *size)
{
	struct policy_rule *grown;

	if (rules->count == *size) {
		size_t more = *size ? 2 * *size : 8;

		grown = reallocarray(rules->rules, more, sizeof(*grown));
		if (!grown)
			return NULL;
		rules->rules = grown;
		*size = more;
	}
	grown = &rules->rules[rules->count++];
	memset(grown, 0, sizeof(*grown));
	return grown;
}

static int rules_read(struct rule_reader *reader, struct policy_rules *rules)
{
	struct policy_rule *rule;
	size_t size = 0;
	int error;

	while ((error = line_next(&reader->lines, reader->error)) > 0) {
		error = line_word(&reader->lines, &reader->word, reader->error);
		if (error < 0)
			return error;
		if (error == 0)
			continue;
		if (rules->count == POLICY_RULES_MAX)
			return line_error(&reader->lines, &reader->word,
					  "no more than 10000 rules in a file",
					  reader->error);
		rule = rules_grow(rules, &size);
		if (!rule)
			return -ENOMEM;
		error = rule_parse(reader, rule);
		if (error)
			return error;
	}
	return error;
}

int policy_rules_parse(const char *text, size_t len,
		       struct policy_rules **rules, struct policy_error *error)
{
	struct rule_reader *reader = malloc(sizeof(*reader));
	struct policy_rules *read = calloc(1, sizeof(*read));
	int rc = -ENOMEM;

	if (!reader || !read)
		goto err_free;
	line_reader_init(&reader->lines, text, len);
	reader->error = error;
	rc = rules_read(reader, read);
	if (rc)
		goto err_free;
	free(reader);
	*rules = read;
	return 0;

err_free:
	free(reader);
	policy_rules_free(read);
	return rc;
}

void policy_rules_free(struct policy_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->count; i++)
		rule_fini(&rules->rules[i]);
	free(rules->rules);
	free(rules);
}

/*
 * --- matching ---
 */

static bool has_tag(const struct policy_domain *domain, const char *tag)
{
	for (size_t i = 0; i < domain->tag_count; i++)
		if (strcmp(domain->tags[i], tag) == 0)
			return true;
	return false;
}

bool rule_who_matches(enum rule_who who, const char *whom,
		      const struct policy_domain *domain)
{
	switch (who) {
	case RULE_WHO_ANY:
		return true;
	case RULE_WHO_TAG:
		return has_tag(domain, whom);
	case RULE_WHO_UUID:
		return domain->uuid && strcasecmp(domain->uuid, whom) == 0;
	case RULE_WHO_NAME:
		return domain->name && strcmp(domain->name, whom) == 0;
	case RULE_WHO_GLOB:
		return domain->name && glob_match(whom, domain->name);
	}
	return false;
}

bool rule_service_matches(const struct policy_rule *rule,
			  const struct policy_service *service)
{
	return (rule->type == POLICY_TYPE_ANY || rule->type == service->type) &&
	       glob_match(rule->name, service->name);
}

static bool who_covers(const struct policy_rule *wide,
		       const struct policy_rule *narrow)
{
	if (wide->who == RULE_WHO_ANY)
		return true;
	if (wide->who == RULE_WHO_GLOB &&
	    (narrow->who == RULE_WHO_GLOB || narrow->who == RULE_WHO_NAME))
		return narrow->who == RULE_WHO_NAME
			       ? glob_match(wide->whom, narrow->whom)
			       : glob_covers(wide->whom, narrow->whom);
	return wide->who == narrow->who &&
	       strcmp(wide->whom, narrow->whom) == 0;
}

bool rule_covers(const struct policy_rule *earlier,
		 const struct policy_rule *later)
{
	return (earlier->type == POLICY_TYPE_ANY ||
		earlier->type == later->type) &&
	       glob_covers(earlier->name, later->name) &&
	       who_covers(earlier, later);
}
