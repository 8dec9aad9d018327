/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domains.h - one file of domains.d: tags and limits of domains.
 *
 *	[shop-*]
 *	tags = shop, public
 *	rate = 10MiB/s
 */
#ifndef POLICY_DOMAINS_H
#define POLICY_DOMAINS_H

#include <stddef.h>

#include "backend/policy/rule.h"

enum { DOMAINS_MAX_SECTIONS = 10000, DOMAINS_MAX_TAGS = 64 };

struct domains_section {
	unsigned int line;
	enum rule_who who;
	char *whom; /* NULL for ANY */
	char **tags;
	size_t tag_count;
	struct policy_params limits;
};

struct domains_file {
	struct domains_section *sections;
	size_t count;
};

/* 0, -EINVAL with an error, -ENOMEM.  *file is for domains_free(). */
int domains_parse(const char *text, size_t len, struct domains_file **file,
		  struct policy_error *error);
/* Accepts NULL. */
void domains_free(struct domains_file *file);

#endif
