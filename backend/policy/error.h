/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * error.h - where a file of the policy is broken and what was expected there.
 */
#ifndef POLICY_ERROR_H
#define POLICY_ERROR_H

#include <stddef.h>

enum { POLICY_FOUND_SIZE = 48 };

struct policy_error {
	unsigned int line;   /* from 1; 0: the file as such */
	unsigned int column; /* from 1, in octets */
	const char *expected;
	char found[POLICY_FOUND_SIZE]; /* printable; "" if it says nothing */
};

/* What was found is copied, shortened and made printable.  Returns -EINVAL. */
int policy_error_set(struct policy_error *error, unsigned int line,
		     unsigned int column, const char *expected,
		     const char *found, size_t found_len);

/* "name:3:14: expected allow, deny or ask, found "permit"". */
void policy_error_text(const struct policy_error *error, const char *name,
		       char *text, size_t size);

#endif
