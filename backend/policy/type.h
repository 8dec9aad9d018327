/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * type.h - what kinds of services there are, and how names may look.
 */
#ifndef POLICY_TYPE_H
#define POLICY_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum policy_type {
	POLICY_TYPE_WEB,
	POLICY_TYPE_P2P,
	POLICY_TYPE_P2M,
	POLICY_TYPE_LIBVIRT,
	POLICY_TYPE_CHAR,
	POLICY_TYPE_DIAG,
	POLICY_TYPE_COUNT,
	POLICY_TYPE_ANY = POLICY_TYPE_COUNT, /* in a rule: "*" */
};

enum {
	POLICY_NAME_SIZE = 64,	  /* service + NUL, as in messages */
	POLICY_TAG_SIZE = 64,	  /* + NUL */
	POLICY_DOMAIN_SIZE = 256, /* domain's name + NUL */
	POLICY_UUID_SIZE = 37,
};

/* "web" and so on; NULL for a number that is none. */
const char *policy_type_name(unsigned int type);

/* POLICY_TYPE_COUNT if it is none. */
enum policy_type policy_type_find(const char *name, size_t len);

/*
 * [a-z0-9][a-z0-9_-]*, 1 to 63 octets; with pattern also * and ?.  No dot: the
 * name becomes a node of XenStore, which takes A-Z a-z 0-9 - _ @ only.
 */
bool policy_name_valid(const char *name, size_t len, bool pattern);

/* [A-Za-z0-9._-]+, 1 to 63 octets */
bool policy_tag_valid(const char *tag, size_t len);

/* True for 8-4-4-4-12 hexadecimal digits, then in lower case in uuid. */
bool policy_uuid_parse(const char *text, size_t len,
		       char uuid[POLICY_UUID_SIZE]);

#endif
