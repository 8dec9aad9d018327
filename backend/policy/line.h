/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * line.h - lines and words of the policy's files.
 *
 * Words are parted by blanks and tabs.  "..." keeps blanks and # in a word;
 * inside it \" and \\ stand for themselves without the backslash.  # at the
 * beginning of a word starts a comment.
 */
#ifndef POLICY_LINE_H
#define POLICY_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/policy/error.h"

enum { POLICY_LINE_MAX = 4096 };

struct line_reader {
	const char *text;
	size_t len;
	size_t next; /* offset of the next line */
	const char *line;
	size_t line_len;
	unsigned int number; /* of the line, from 1 */
	size_t at;	     /* in the line */
};

struct line_word {
	char text[POLICY_LINE_MAX]; /* unquoted, NUL-terminated */
	size_t len;
	unsigned int column; /* where it begins */
	bool quoted;	     /* had a quote somewhere */
};

void line_reader_init(struct line_reader *reader, const char *text, size_t len);

/* 1: the next line is there; 0: no more; -EINVAL with an error: too long, or
 * control characters in it. */
int line_next(struct line_reader *reader, struct policy_error *error);

/* The next word of the line.  1; 0: no more; -EINVAL: a quote does not end. */
int line_word(struct line_reader *reader, struct line_word *word,
	      struct policy_error *error);

/* "expected", at this word; NULL: at the end of the line.  -EINVAL. */
int line_error(const struct line_reader *reader, const struct line_word *word,
	       const char *expected, struct policy_error *error);

#endif
