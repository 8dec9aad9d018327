/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvirt-policy.h - verbs, and the domains that a grant has them on.
 *
 * The broker resolves @self, names and tags to uuids before this; a domain
 * that is not in the list does not exist for the guest.
 */
#ifndef SERVICE_LIBVIRT_POLICY_H
#define SERVICE_LIBVIRT_POLICY_H

#include "backend/service/libvirt-table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of verbs. */
enum {
	LIBVIRT_INFO = 1 << 0,
	LIBVIRT_CONSOLE = 1 << 1,
	LIBVIRT_LIFECYCLE = 1 << 2,
	LIBVIRT_RESET = 1 << 3,
	LIBVIRT_SNAPSHOT = 1 << 4,
	LIBVIRT_RESIZE = 1 << 5,
	LIBVIRT_EVENTS = 1 << 6,
	LIBVIRT_FULL =
		1 << 7, /* root of the host, in effect: docs/libvirt.md */
	LIBVIRT_VERBS_ALL = (1 << 8) - 1,
};

enum {
	LIBVIRT_UUID_LEN = 16,
	LIBVIRT_NAME_MAX = 255,
	LIBVIRT_TARGETS_MAX = 1024,
};

struct libvirt_target {
	char name[LIBVIRT_NAME_MAX + 1];
	uint8_t uuid[LIBVIRT_UUID_LEN];
	uint32_t verbs; /* "full" has all the others in it */
};

struct libvirt_policy {
	/* On what is not a domain (storage, networks, …): only FULL counts. */
	uint32_t host_verbs;
	unsigned int target_count;
	struct libvirt_target *targets; /* owned */
};

/* "info,lifecycle" or with '+': a set; 0: a word of it is no verb. */
uint32_t libvirt_verbs_parse(const char *text);
/* The reverse for one class: "info", "full", … "never", "base", "see". */
const char *libvirt_class_name(enum libvirt_class class);
/* May a procedure of this class be used with these verbs? */
bool libvirt_class_allowed(enum libvirt_class class, uint32_t verbs);

/* "0b2f…-…": false: that is no uuid. */
bool libvirt_uuid_parse(uint8_t uuid[LIBVIRT_UUID_LEN], const char *text);

void libvirt_policy_init(struct libvirt_policy *policy);
void libvirt_policy_fini(struct libvirt_policy *policy);
/*
 * Adds a domain; verbs of one that is there already are added to it.
 * -EINVAL: the name is too long, empty, or another one than before;
 * -ENOSPC: too many; -ENOMEM.
 */
int libvirt_policy_add(struct libvirt_policy *policy, const char *name,
		       const uint8_t uuid[LIBVIRT_UUID_LEN], uint32_t verbs);
/*
 * The same from "NAME:UUID:VERB+VERB", as command lines have it.  -EINVAL: not
 * of this form.
 */
int libvirt_policy_add_text(struct libvirt_policy *policy, const char *text);
int libvirt_policy_copy(struct libvirt_policy *to,
			const struct libvirt_policy *from);
const struct libvirt_target *
libvirt_policy_find(const struct libvirt_policy *policy,
		    const uint8_t uuid[LIBVIRT_UUID_LEN]);
const struct libvirt_target *
libvirt_policy_named(const struct libvirt_policy *policy, const char *name,
		     size_t len);
/* The verbs of all its domains and of the host together. */
uint32_t libvirt_policy_verbs(const struct libvirt_policy *policy);

#endif
