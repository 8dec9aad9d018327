// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libvirt-policy.c - verbs, and the domains that a grant has them on.
 */
#include "backend/service/libvirt-policy.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const class_names[] = {
	[LIBVIRT_CLASS_NEVER] = "never",
	[LIBVIRT_CLASS_BASE] = "base",
	[LIBVIRT_CLASS_SEE] = "see",
	[LIBVIRT_CLASS_INFO] = "info",
	[LIBVIRT_CLASS_CONSOLE] = "console",
	[LIBVIRT_CLASS_LIFECYCLE] = "lifecycle",
	[LIBVIRT_CLASS_RESET] = "reset",
	[LIBVIRT_CLASS_SNAPSHOT] = "snapshot",
	[LIBVIRT_CLASS_RESIZE] = "resize",
	[LIBVIRT_CLASS_EVENTS] = "events",
	[LIBVIRT_CLASS_FULL] = "full",
};
static_assert(sizeof(class_names) / sizeof(class_names[0]) ==
		      LIBVIRT_CLASS_COUNT,
	      "a name for each class");
static_assert(1 << (LIBVIRT_CLASS_FULL - LIBVIRT_CLASS_INFO) == LIBVIRT_FULL,
	      "verbs and classes have one order");

const char *libvirt_class_name(enum libvirt_class class)
{
	return class < LIBVIRT_CLASS_COUNT ? class_names[class] : "?";
}

bool libvirt_class_allowed(enum libvirt_class class, uint32_t verbs)
{
	switch (class) {
	case LIBVIRT_CLASS_NEVER:
		return false;
	case LIBVIRT_CLASS_BASE:
	case LIBVIRT_CLASS_SEE:
		return verbs != 0;
	default:
		return verbs & 1U << (class - LIBVIRT_CLASS_INFO);
	}
}

uint32_t libvirt_verbs_parse(const char *text)
{
	uint32_t verbs = 0;

	while (*text) {
		size_t len = strcspn(text, "+,");
		int class = LIBVIRT_CLASS_INFO;

		while (class <= LIBVIRT_CLASS_FULL &&
		       (strlen(class_names[class]) != len ||
			memcmp(class_names[class], text, len) != 0))
			class ++;
		if (class > LIBVIRT_CLASS_FULL)
			return 0;
		verbs |= 1U << (class - LIBVIRT_CLASS_INFO);
		text += len + (text[len] != '\0');
	}
	return verbs & LIBVIRT_FULL ? LIBVIRT_VERBS_ALL : verbs;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool libvirt_uuid_parse(uint8_t uuid[LIBVIRT_UUID_LEN], const char *text)
{
	uint8_t octets[LIBVIRT_UUID_LEN];

	for (unsigned int i = 0; i < LIBVIRT_UUID_LEN; i++) {
		int high, low;

		if ((i == 4 || i == 6 || i == 8 || i == 10) && *text == '-')
			text++;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		octets[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	memcpy(uuid, octets, sizeof(octets));
	return true;
}

void libvirt_policy_init(struct libvirt_policy *policy)
{
	*policy = (struct libvirt_policy){.host_verbs = 0};
}

void libvirt_policy_fini(struct libvirt_policy *policy)
{
	free(policy->targets);
	libvirt_policy_init(policy);
}

const struct libvirt_target *
libvirt_policy_find(const struct libvirt_policy *policy,
		    const uint8_t uuid[LIBVIRT_UUID_LEN])
{
	for (unsigned int i = 0; i < policy->target_count; i++)
		if (memcmp(policy->targets[i].uuid, uuid, LIBVIRT_UUID_LEN) ==
		    0)
			return &policy->targets[i];
	return NULL;
}

const struct libvirt_target *
libvirt_policy_named(const struct libvirt_policy *policy, const char *name,
		     size_t len)
{
	for (unsigned int i = 0; i < policy->target_count; i++)
		if (strlen(policy->targets[i].name) == len &&
		    memcmp(policy->targets[i].name, name, len) == 0)
			return &policy->targets[i];
	return NULL;
}

int libvirt_policy_add(struct libvirt_policy *policy, const char *name,
		       const uint8_t uuid[LIBVIRT_UUID_LEN], uint32_t verbs)
{
	const struct libvirt_target *there = libvirt_policy_find(policy, uuid);
	struct libvirt_target *targets = policy->targets;
	size_t len = strlen(name);

	if (len == 0 || len > LIBVIRT_NAME_MAX)
		return -EINVAL;
	if (verbs & LIBVIRT_FULL)
		verbs = LIBVIRT_VERBS_ALL;
	verbs &= LIBVIRT_VERBS_ALL;
	if (there) {
		if (strcmp(there->name, name) != 0)
			return -EINVAL;
		targets[there - targets].verbs |= verbs;
		return 0;
	}
	if (policy->target_count == LIBVIRT_TARGETS_MAX)
		return -ENOSPC;
	targets =
		realloc(targets, (policy->target_count + 1) * sizeof(*targets));
	if (!targets)
		return -ENOMEM;
	policy->targets = targets;
	targets += policy->target_count++;
	memset(targets, 0, sizeof(*targets));
	memcpy(targets->name, name, len);
	memcpy(targets->uuid, uuid, LIBVIRT_UUID_LEN);
	targets->verbs = verbs;
	return 0;
}

int libvirt_policy_add_text(struct libvirt_policy *policy, const char *text)
{
	/* A name may have colons in it. */
	const char *verbs = strrchr(text, ':');
	const char *uuid = verbs;
	char name[LIBVIRT_NAME_MAX + 1], hex[40];
	uint8_t octets[LIBVIRT_UUID_LEN];
	uint32_t set;

	while (uuid && uuid > text && *--uuid != ':')
		continue;
	if (!uuid || uuid == text || (size_t)(uuid - text) >= sizeof(name) ||
	    (size_t)(verbs - uuid) > sizeof(hex))
		return -EINVAL;
	memcpy(name, text, (size_t)(uuid - text));
	name[uuid - text] = '\0';
	memcpy(hex, uuid + 1, (size_t)(verbs - uuid - 1));
	hex[verbs - uuid - 1] = '\0';
	set = libvirt_verbs_parse(verbs + 1);
	if (!set || !libvirt_uuid_parse(octets, hex))
		return -EINVAL;
	return libvirt_policy_add(policy, name, octets, set);
}

int libvirt_policy_copy(struct libvirt_policy *to,
			const struct libvirt_policy *from)
{
	size_t size = from->target_count * sizeof(*from->targets);

	*to = *from;
	to->targets = NULL;
	if (size == 0)
		return 0;
	to->targets = malloc(size);
	if (!to->targets) {
		libvirt_policy_init(to);
		return -ENOMEM;
	}
	memcpy(to->targets, from->targets, size);
	return 0;
}

uint32_t libvirt_policy_verbs(const struct libvirt_policy *policy)
{
	uint32_t verbs =
		policy->host_verbs & LIBVIRT_FULL ? LIBVIRT_VERBS_ALL : 0;

	for (unsigned int i = 0; i < policy->target_count; i++)
		verbs |= policy->targets[i].verbs;
	return verbs;
}

const struct libvirt_procedure *
libvirt_procedure_find(uint32_t program, uint32_t version, uint32_t number)
{
	for (unsigned int i = 0; i < libvirt_program_count; i++) {
		const struct libvirt_program *entry = &libvirt_programs[i];

		if (entry->number != program)
			continue;
		if (entry->version != version || number == 0 ||
		    number > entry->count)
			return NULL;
		return &entry->procedures[number - 1];
	}
	return NULL;
}
