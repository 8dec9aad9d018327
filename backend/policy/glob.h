/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * glob.h - patterns of rules: * stands for any octets, ? for one.
 */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>

/* True if the whole text fits.  Takes at most len(pattern) * len(text) steps.
 */
bool glob_match(const char *pattern, const char *text);

bool glob_is_literal(const char *pattern);

/*
 * True if surely every text of narrow is one of wide.  False says nothing when
 * both have wildcards and differ.
 */
bool glob_covers(const char *wide, const char *narrow);

#endif
