/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * manage_fake.h - a daemon for the control API that exists in memory only: two
 * domains, rules in a folder, grants as a list.
 */
#ifndef TESTS_MANAGE_FAKE_H
#define TESTS_MANAGE_FAKE_H

#include "backend/manage/manage.h"

enum { FAKE_MAX_GRANTS = 64 };

struct manage_fake {
	struct policy_set *set;
	struct policy_folders folders;
	struct {
		bool used;
		uint32_t domid;
		enum policy_type type;
		char name[POLICY_NAME_SIZE];
		char origin[8];
		struct policy_params params;
	} grants[FAKE_MAX_GRANTS];
	struct policy_params limits; /* of domain 5 */
	unsigned int controllers;    /* of domain 5 */
	unsigned int crowd; /* more domains, with 20 grants each */
	/* What was heard last. */
	char audit[1024]; /* "uid: what: result" */
	unsigned int audits;
	/* attach and detach: when told, later (fake_finish()). */
	bool wait;
	manage_done *done;
	void *token;
	struct manage *manage; /* gets audit lines, if there */
};

extern const struct manage_ops manage_fake_ops;

/* folder: of rules; NULL: no rules at all. */
void manage_fake_init(struct manage_fake *fake, const char *folder);
void manage_fake_fini(struct manage_fake *fake);
/* Ends what waits. */
void manage_fake_finish(struct manage_fake *fake, int error);
bool manage_fake_granted(const struct manage_fake *fake, uint32_t domid,
			 const char *name);

#endif
