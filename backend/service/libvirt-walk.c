// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-walk.c - one payload read by its shape, checked, and written anew.
 *
 * In a call everything that is not allowed ends the walk.  In a reply or an
 * event an element of an array is left out if it is of a domain without a
 * grant, and texts that could name files or machines of the host are emptied.
 */
#include "backend/service/libvirt-walk.h"

#include "backend/service/libvirt-xml.h"

#include <string.h>

enum {
	TEXT_MAX = 1024,
	FIELD_MAX = 80, /* VIR_TYPED_PARAM_FIELD_LENGTH */
	TYPED_STRING = 7,
};

static enum libvirt_walked walk_item(struct libvirt_walk *walk,
				     const char **shape);

bool libvirt_text_harmless(const uint8_t *text, size_t len)
{
	if (len > TEXT_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] == 0x7f || text[i] == '/')
			return false;
	return true;
}

void libvirt_put_domain(struct xdr_out *out,
			const struct libvirt_target *target, int32_t id)
{
	xdr_put_string(out, target->name, strlen(target->name));
	xdr_put_octets(out, target->uuid, LIBVIRT_UUID_LEN);
	xdr_put_u32(out, (uint32_t)id);
}

/* --- domains -------------------------------------------------------------- */

static void id_learn(struct libvirt_ids *ids, int32_t id)
{
	ids->now = id;
	if (id < 0)
		return;
	for (unsigned int i = 0; i < LIBVIRT_IDS_SEEN && i < ids->count; i++)
		if (ids->seen[i] == id)
			return;
	ids->seen[ids->count++ % LIBVIRT_IDS_SEEN] = id;
}

static bool id_agrees(const struct libvirt_ids *ids, int32_t id)
{
	if (id == -1)
		return true;
	for (unsigned int i = 0; i < LIBVIRT_IDS_SEEN && i < ids->count; i++)
		if (ids->seen[i] == id)
			return true;
	return false;
}

/* Root of the host sees all: a domain outside the list passes as it is. */
static enum libvirt_walked walk_stranger(struct libvirt_walk *walk,
					 const uint8_t *name, size_t len,
					 const uint8_t *uuid, uint32_t id)
{
	if (!(walk->policy->host_verbs & LIBVIRT_FULL)) {
		if (walk->call)
			return LIBVIRT_WALK_DOMAIN;
		walk->omit = true;
		return LIBVIRT_WALKED;
	}
	xdr_put_string(walk->out, name, len);
	xdr_put_octets(walk->out, uuid, LIBVIRT_UUID_LEN);
	xdr_put_u32(walk->out, id);
	walk->target = NULL;
	return LIBVIRT_WALKED;
}

static enum libvirt_walked walk_domain(struct libvirt_walk *walk)
{
	const struct libvirt_policy *policy = walk->policy;
	const struct libvirt_target *target;
	const uint8_t *name, *uuid;
	struct libvirt_ids *ids;
	size_t len;
	uint32_t id;

	if (!xdr_get_string(&walk->in, &name, &len) ||
	    !xdr_get_octets(&walk->in, LIBVIRT_UUID_LEN, &uuid) ||
	    !xdr_get_u32(&walk->in, &id))
		return LIBVIRT_WALK_MALFORMED;
	target = libvirt_policy_find(policy, uuid);
	if (!target || strlen(target->name) != len ||
	    memcmp(target->name, name, len) != 0 ||
	    !libvirt_class_allowed(walk->procedure->class,
				   target->verbs | policy->host_verbs))
		return walk_stranger(walk, name, len, uuid, id);
	ids = &walk->ids[target - policy->targets];
	if (!walk->call)
		id_learn(ids, (int32_t)id);
	else if (!id_agrees(ids, (int32_t)id))
		return LIBVIRT_WALK_DOMAIN;
	walk->target = target;
	walk->plain = (target->verbs | policy->host_verbs) & LIBVIRT_FULL;
	libvirt_put_domain(walk->out, target, ids->now);
	return LIBVIRT_WALKED;
}

/* --- texts ---------------------------------------------------------------- */

static enum libvirt_walked walk_xml(struct libvirt_walk *walk,
				    const uint8_t *text, size_t len)
{
	struct xdr_out *out = walk->out;
	size_t begin = out->len;
	bool good;

	xdr_put_u32(out, 0);
	if (walk->call)
		good = libvirt_xml_snapshot(text, len, out);
	else
		good = walk->target &&
		       libvirt_xml_scrub(text, len, walk->target, out);
	if (!good)
		return LIBVIRT_WALK_VALUE;
	len = out->len - begin - 4;
	xdr_patch_u32(out, begin, (uint32_t)len);
	xdr_put_octets(out, "\0\0\0", -len & 3);
	return LIBVIRT_WALKED;
}

static enum libvirt_walked walk_text(struct libvirt_walk *walk, char letter)
{
	const uint8_t *text;
	size_t len;
	bool pass;

	if (!xdr_get_string(&walk->in, &text, &len))
		return LIBVIRT_WALK_MALFORMED;
	if (memchr(text, '\0', len) && letter != 'o')
		return LIBVIRT_WALK_MALFORMED;
	pass = walk->plain ||
	       (letter == 't' && libvirt_text_harmless(text, len));
	if (!pass && (letter == 'x' || letter == 'X'))
		return walk_xml(walk, text, len);
	if (!pass && walk->call)
		return LIBVIRT_WALK_VALUE;
	xdr_put_string(walk->out, text, pass ? len : 0);
	return LIBVIRT_WALKED;
}

/* --- typed parameters ----------------------------------------------------- */

static bool field_known(const uint8_t *field, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";

	if (len == 0 || len > FIELD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!field[i] || !strchr(letters, field[i]))
			return false;
	return true;
}

/* Texts among the parameters of which we know that they name no host's file. */
static bool field_text_known(const uint8_t *field, size_t len)
{
	static const char disk[] = "blkdeviotune.disk";

	if (len == sizeof(disk) - 1 && memcmp(field, disk, len) == 0)
		return true;
	return len > 11 && memcmp(field, "block.", 6) == 0 &&
	       memcmp(field + len - 5, ".name", 5) == 0;
}

static enum libvirt_walked walk_parameter(struct libvirt_walk *walk)
{
	const uint8_t *field, *value;
	size_t field_len, len;
	uint32_t type;
	bool pass;

	if (!xdr_get_string(&walk->in, &field, &field_len) ||
	    !xdr_get_u32(&walk->in, &type))
		return LIBVIRT_WALK_MALFORMED;
	pass = walk->plain || field_known(field, field_len);
	xdr_put_string(walk->out, field, field_len);
	xdr_put_u32(walk->out, type);
	if (type == TYPED_STRING) {
		if (!xdr_get_string(&walk->in, &value, &len))
			return LIBVIRT_WALK_MALFORMED;
		pass = walk->plain ||
		       (pass && field_text_known(field, field_len) &&
			libvirt_text_harmless(value, len));
		xdr_put_string(walk->out, value, len);
	} else {
		/* int, uint, llong, ullong, double, boolean */
		len = type == 1 || type == 2 || type == 6 ? 4 : 8;
		if (type == 0 || type > TYPED_STRING ||
		    !xdr_get_octets(&walk->in, len, &value))
			return LIBVIRT_WALK_MALFORMED;
		xdr_put_octets(walk->out, value, len);
	}
	if (!pass && walk->call)
		return LIBVIRT_WALK_VALUE;
	walk->omit = walk->omit || !pass;
	return LIBVIRT_WALKED;
}

/* --- arrays and single items ---------------------------------------------- */

/* The end of the array whose body begins at shape. */
static const char *array_end(const char *shape)
{
	unsigned int depth = 1;

	for (;; shape++) {
		if (*shape == '[')
			depth++;
		else if (*shape == ']' && --depth == 0)
			return shape;
	}
}

static enum libvirt_walked walk_element(struct libvirt_walk *walk,
					const char *shape, const char *end)
{
	enum libvirt_walked walked = LIBVIRT_WALKED;

	while (shape < end && walked == LIBVIRT_WALKED)
		walked = walk_item(walk, &shape);
	return walked;
}

static enum libvirt_walked walk_array(struct libvirt_walk *walk,
				      const char **shape)
{
	const char *body = *shape;
	const char *end = array_end(body);
	bool omit = walk->omit;
	size_t at = walk->out->len;
	unsigned int kept = 0, dropped = 0;
	uint32_t count;

	*shape = end + 1;
	/* An element has 4 octets at least. */
	if (!xdr_get_u32(&walk->in, &count) || count > walk->in.len / 4)
		return LIBVIRT_WALK_MALFORMED;
	xdr_put_u32(walk->out, count);
	for (uint32_t i = 0; i < count; i++) {
		size_t before = walk->out->len;
		enum libvirt_walked walked;

		walk->omit = false;
		walked = walk_element(walk, body, end);
		if (walked != LIBVIRT_WALKED)
			return walked;
		if (walk->omit) {
			if (!walk->out->failed)
				walk->out->len = before;
			dropped++;
		} else {
			kept++;
		}
	}
	xdr_patch_u32(walk->out, at, kept);
	walk->kept = kept;
	walk->dropped = dropped;
	walk->omit = omit;
	return LIBVIRT_WALKED;
}

static enum libvirt_walked walk_numbers(struct libvirt_walk *walk, char letter)
{
	uint32_t high = 0, value;

	if ((letter == 'h' || letter == 'F') && !xdr_get_u32(&walk->in, &high))
		return LIBVIRT_WALK_MALFORMED;
	if (!xdr_get_u32(&walk->in, &value))
		return LIBVIRT_WALK_MALFORMED;
	if (walk->call && (letter == 'f' || letter == 'F') &&
	    (value & ~walk->procedure->flags ||
	     (high && walk->procedure->flags != UINT32_MAX)) &&
	    !walk->plain)
		return LIBVIRT_WALK_FLAGS;
	if (letter == 'r')
		value -= walk->dropped < value ? walk->dropped : value;
	if (letter == 'h' || letter == 'F')
		xdr_put_u32(walk->out, high);
	xdr_put_u32(walk->out, value);
	return LIBVIRT_WALKED;
}

static enum libvirt_walked walk_item(struct libvirt_walk *walk,
				     const char **shape)
{
	char letter = *(*shape)++;
	const uint8_t *octets;
	uint32_t present;

	switch (letter) {
	case 'i':
	case 'h':
	case 'f':
	case 'F':
	case 'r':
		return walk_numbers(walk, letter);
	case 'D':
		return walk_domain(walk);
	case 'P':
		return walk_parameter(walk);
	case '[':
		return walk_array(walk, shape);
	case 'U':
		if (!xdr_get_octets(&walk->in, LIBVIRT_UUID_LEN, &octets))
			return LIBVIRT_WALK_MALFORMED;
		xdr_put_octets(walk->out, octets, LIBVIRT_UUID_LEN);
		return LIBVIRT_WALKED;
	case '?':
		if (!xdr_get_u32(&walk->in, &present) || present > 1)
			return LIBVIRT_WALK_MALFORMED;
		xdr_put_u32(walk->out, present);
		if (present)
			return walk_item(walk, shape);
		*shape =
			**shape == '[' ? array_end(*shape + 1) + 1 : *shape + 1;
		return LIBVIRT_WALKED;
	default:
		return walk_text(walk, letter);
	}
}

enum libvirt_walked libvirt_walk(struct libvirt_walk *walk,
				 const uint8_t *payload, size_t len,
				 struct xdr_out *out)
{
	const char *shape =
		walk->call ? walk->procedure->call : walk->procedure->reply;
	uint32_t verbs = walk->policy->host_verbs;
	enum libvirt_walked walked;

	walk->in = (struct xdr_in){payload, len};
	walk->out = out;
	walk->omit = false;
	walk->kept = 0;
	walk->dropped = 0;
	if (!walk->call && walk->target)
		verbs |= walk->target->verbs;
	/*
	 * Nobody comes here with a procedure of class full who may not use it,
	 * or the walk ends at its domain.
	 */
	walk->plain = verbs & LIBVIRT_FULL ||
		      walk->procedure->class == LIBVIRT_CLASS_FULL;
	walked = walk_element(walk, shape, shape + strlen(shape));
	if (walked != LIBVIRT_WALKED)
		return walked;
	if (walk->in.len || out->failed)
		return LIBVIRT_WALK_MALFORMED;
	return walk->omit ? LIBVIRT_WALK_DOMAIN : LIBVIRT_WALKED;
}
