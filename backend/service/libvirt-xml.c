// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-xml.c - what of libvirt's XML may reach a guest, and the only XML
 * that a guest may send.
 *
 * One pass over the text.  The path of the element at hand is looked up in a
 * list; what is not in it is left out with everything inside (scrubbing) or
 * ends the work (strict).  Values never hold a '/', so no path of a file
 * passes, also where a text is allowed.  The five entities of XML itself pass
 * as they are written; any other ends the work, as do document types, CDATA
 * and processing instructions inside.
 */
#include "backend/service/libvirt-xml.h"

#include <stdlib.h>
#include <string.h>

enum {
	DEPTH_MAX = 32,
	PATH_MAX_LEN = 256,
	TAG_NAME_MAX = 64,
	VALUE_MAX = 1024,
};

struct scrub {
	const char *at;
	const char *end;
	struct xdr_out *out;
	const struct libvirt_xml_rule *rules;
	unsigned int rule_count;
	const struct libvirt_target *target; /* NULL: no domain is expected */
	bool strict;

	char path[PATH_MAX_LEN];
	size_t path_len;
	unsigned int depth;
	size_t names[DEPTH_MAX]; /* where in path each element's name begins */
	unsigned int skip;	 /* depth of the element left out, 0: none */
	const struct libvirt_xml_rule *rule[DEPTH_MAX];
	const char *blank; /* white space not written yet */
	size_t blank_len;
	bool named; /* the domain's uuid was seen */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ':' ||
	       c == '.';
}

static bool starts(const struct scrub *scrub, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(scrub->end - scrub->at) >= len &&
	       memcmp(scrub->at, text, len) == 0;
}

static void skip_blanks(struct scrub *scrub)
{
	while (scrub->at < scrub->end && is_blank(*scrub->at))
		scrub->at++;
}

/* Behind the next occurrence of text; false: there is none. */
static bool skip_behind(struct scrub *scrub, const char *text)
{
	for (; scrub->at < scrub->end; scrub->at++) {
		if (starts(scrub, text)) {
			scrub->at += strlen(text);
			return true;
		}
	}
	return false;
}

static size_t take_name(struct scrub *scrub, const char **name)
{
	*name = scrub->at;
	while (scrub->at < scrub->end && is_name(*scrub->at))
		scrub->at++;
	return (size_t)(scrub->at - *name);
}

/* --- values ----------------------------------------------------------------
 */

/* The octet that an entity stands for; 0: none that we know. */
static char entity(const char *at, size_t len, size_t *used)
{
	static const struct {
		const char *text;
		char is;
	} entities[] = {
		{"&amp;", '&'},	 {"&lt;", '<'},	   {"&gt;", '>'},
		{"&quot;", '"'}, {"&apos;", '\''},
	};

	for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++) {
		*used = strlen(entities[i].text);
		if (len >= *used && memcmp(at, entities[i].text, *used) == 0)
			return entities[i].is;
	}
	return '\0';
}

/* True if the value may pass as it is written. */
static bool value_harmless(const char *value, size_t len)
{
	size_t used;

	if (len > VALUE_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '/' || c == 0x7f || c == '<' || c == '>' ||
		    (c < 0x20 && !is_blank((char)c)))
			return false;
		if (c == '&' && !entity(value + i, len - i, &used))
			return false;
	}
	return true;
}

/* Does the value, with its entities resolved, read so? */
static bool value_equals(const char *value, size_t len, const char *text)
{
	size_t i = 0;

	while (i < len && *text) {
		size_t used = 1;
		char c = value[i] == '&' ? entity(value + i, len - i, &used)
					 : value[i];

		if (!c || c != *text++)
			return false;
		i += used;
	}
	return i == len && !*text;
}

/* --- the tree --------------------------------------------------------------
 */

static int rule_compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct libvirt_xml_rule *)entry)->path);
}

static bool push(struct scrub *scrub, const char *name, size_t len)
{
	if (scrub->depth == DEPTH_MAX || len == 0 || len > TAG_NAME_MAX ||
	    scrub->path_len + len + 2 > sizeof(scrub->path))
		return false;
	if (scrub->depth)
		scrub->path[scrub->path_len++] = '/';
	scrub->names[scrub->depth++] = scrub->path_len;
	memcpy(scrub->path + scrub->path_len, name, len);
	scrub->path_len += len;
	scrub->path[scrub->path_len] = '\0';
	return true;
}

static void pop(struct scrub *scrub)
{
	scrub->path_len = scrub->names[--scrub->depth];
	if (scrub->path_len)
		scrub->path_len--;
	scrub->path[scrub->path_len] = '\0';
	if (scrub->depth < scrub->skip)
		scrub->skip = 0;
}

/* A snapshot holds the domain as it was: the domain's own rules count. */
static const char *rule_path(const struct scrub *scrub)
{
	static const char inside[] = "domainsnapshot/domain";
	size_t len = sizeof(inside) - 1;

	if (strncmp(scrub->path, inside, len) == 0 &&
	    (scrub->path[len] == '\0' || scrub->path[len] == '/'))
		return scrub->path + len - strlen("domain");
	return scrub->path;
}

static const struct libvirt_xml_rule *find_rule(const struct scrub *scrub)
{
	return bsearch(rule_path(scrub), scrub->rules, scrub->rule_count,
		       sizeof(scrub->rules[0]), rule_compare);
}

static void put(struct scrub *scrub, const char *text, size_t len)
{
	xdr_put_octets(scrub->out, text, len);
}

static void put_text(struct scrub *scrub, const char *text)
{
	put(scrub, text, strlen(text));
}

static void put_blanks(struct scrub *scrub)
{
	put(scrub, scrub->blank, scrub->blank_len);
	scrub->blank_len = 0;
}

/* One attribute; written if rule allows it. */
static bool take_attribute(struct scrub *scrub,
			   const struct libvirt_xml_rule *rule)
{
	char key[TAG_NAME_MAX + 3];
	const char *name, *value;
	size_t name_len = take_name(scrub, &name);
	size_t len;
	char quote;

	if (name_len == 0 || name_len > TAG_NAME_MAX)
		return false;
	skip_blanks(scrub);
	if (!starts(scrub, "="))
		return false;
	scrub->at++;
	skip_blanks(scrub);
	if (scrub->at == scrub->end)
		return false;
	quote = *scrub->at++;
	if (quote != '\'' && quote != '"')
		return false;
	value = scrub->at;
	while (scrub->at < scrub->end && *scrub->at != quote)
		scrub->at++;
	if (scrub->at == scrub->end)
		return false;
	len = (size_t)(scrub->at++ - value);
	key[0] = key[name_len + 1] = ' ';
	memcpy(key + 1, name, name_len);
	key[name_len + 2] = '\0';
	if (!rule || !strstr(rule->attributes, key) ||
	    !value_harmless(value, len))
		return !scrub->strict;
	put(scrub, key, name_len + 1);
	put_text(scrub, "=");
	put(scrub, &quote, 1);
	put(scrub, value, len);
	put(scrub, &quote, 1);
	return true;
}

/* Behind "<name" up to and with '>'. */
static bool take_attributes(struct scrub *scrub,
			    const struct libvirt_xml_rule *rule, bool *empty)
{
	for (;;) {
		bool blank = scrub->at < scrub->end && is_blank(*scrub->at);

		skip_blanks(scrub);
		*empty = starts(scrub, "/>");
		if (*empty || starts(scrub, ">")) {
			scrub->at += *empty ? 2 : 1;
			return true;
		}
		if (!blank || !take_attribute(scrub, rule))
			return false;
	}
}

static bool take_start(struct scrub *scrub)
{
	const struct libvirt_xml_rule *rule = NULL;
	const char *name;
	size_t len;
	bool empty;

	scrub->at++;
	len = take_name(scrub, &name);
	if (!push(scrub, name, len))
		return false;
	if (!scrub->skip) {
		rule = find_rule(scrub);
		if (!rule && (scrub->strict || scrub->depth == 1))
			return false;
		if (!rule)
			scrub->skip = scrub->depth;
	}
	scrub->rule[scrub->depth - 1] = rule;
	if (rule) {
		put_blanks(scrub);
		put_text(scrub, "<");
		put(scrub, name, len);
	}
	scrub->blank_len = 0;
	if (!take_attributes(scrub, rule, &empty))
		return false;
	if (rule)
		put_text(scrub, empty ? "/>" : ">");
	if (empty)
		pop(scrub);
	return true;
}

static bool take_end(struct scrub *scrub)
{
	const char *name, *open;
	size_t len;

	scrub->at += 2;
	len = take_name(scrub, &name);
	skip_blanks(scrub);
	if (!scrub->depth || !starts(scrub, ">"))
		return false;
	scrub->at++;
	open = scrub->path + scrub->names[scrub->depth - 1];
	if (strlen(open) != len || memcmp(open, name, len) != 0)
		return false;
	if (!scrub->skip) {
		put_blanks(scrub);
		put_text(scrub, "</");
		put(scrub, name, len);
		put_text(scrub, ">");
	}
	scrub->blank_len = 0;
	pop(scrub);
	return true;
}

/* Name and uuid have to be those of the domain that was asked for. */
static bool text_agrees(struct scrub *scrub, const char *text, size_t len)
{
	const char *path = rule_path(scrub);
	char hex[2 * LIBVIRT_UUID_LEN + 5];
	uint8_t uuid[LIBVIRT_UUID_LEN];

	if (!scrub->target)
		return true;
	if (strcmp(path, "domain/name") == 0)
		return value_equals(text, len, scrub->target->name);
	if (strcmp(path, "domain/uuid") != 0)
		return true;
	if (len >= sizeof(hex))
		return false;
	memcpy(hex, text, len);
	hex[len] = '\0';
	scrub->named = true;
	return libvirt_uuid_parse(uuid, hex) &&
	       memcmp(uuid, scrub->target->uuid, sizeof(uuid)) == 0;
}

static bool take_text(struct scrub *scrub)
{
	const char *text = scrub->at;
	const struct libvirt_xml_rule *rule;
	size_t len, blanks = 0;

	while (scrub->at < scrub->end && *scrub->at != '<')
		scrub->at++;
	len = (size_t)(scrub->at - text);
	while (blanks < len && is_blank(text[blanks]))
		blanks++;
	if (scrub->skip)
		return true;
	if (blanks == len) {
		scrub->blank = text;
		scrub->blank_len = len;
		return true;
	}
	if (!scrub->depth)
		return false;
	rule = scrub->rule[scrub->depth - 1];
	if (!rule->text || !value_harmless(text, len))
		return !scrub->strict;
	if (!text_agrees(scrub, text, len))
		return false;
	put_blanks(scrub);
	put(scrub, text, len);
	return true;
}

static bool scrub_run(struct scrub *scrub)
{
	bool begun = false;

	if (starts(scrub, "<?xml") && !skip_behind(scrub, "?>"))
		return false;
	while (scrub->at < scrub->end) {
		bool good;

		if (starts(scrub, "<!--")) {
			scrub->at += 4;
			good = skip_behind(scrub, "-->");
		} else if (starts(scrub, "</")) {
			good = take_end(scrub);
		} else if (*scrub->at == '<') {
			/* One root; "<!" and "<?" have no name behind. */
			good = (scrub->depth || !begun) && take_start(scrub);
			begun = true;
		} else {
			good = take_text(scrub);
		}
		if (!good)
			return false;
	}
	return begun && !scrub->depth && !scrub->out->failed;
}

bool libvirt_xml_scrub(const uint8_t *text, size_t len,
		       const struct libvirt_target *target, struct xdr_out *out)
{
	struct scrub scrub = {
		.at = (const char *)text,
		.end = (const char *)text + len,
		.out = out,
		.rules = libvirt_xml_domain_rules,
		.rule_count = libvirt_xml_domain_rule_count,
		.target = target,
	};

	/* A description of nobody is of nobody we know. */
	return scrub_run(&scrub) && scrub.named;
}

bool libvirt_xml_snapshot(const uint8_t *text, size_t len, struct xdr_out *out)
{
	struct scrub scrub = {
		.at = (const char *)text,
		.end = (const char *)text + len,
		.out = out,
		.rules = libvirt_xml_snapshot_rules,
		.rule_count = libvirt_xml_snapshot_rule_count,
		.strict = true,
	};

	return scrub_run(&scrub);
}
