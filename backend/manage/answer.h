/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.h - what a request gets: JSON, text, a problem, or a stream.
 */
#ifndef MANAGE_ANSWER_H
#define MANAGE_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum answer_kind {
	ANSWER_NOW,
	ANSWER_LATER, /* later->finish is called */
	ANSWER_LOG,   /* lines of the log */
	ANSWER_WATCH, /* a line for each interval */
};

struct later;

struct answer {
	enum answer_kind kind;
	int status;
	const char *type; /* Content-Type */
	char *body;	  /* owned */
	size_t len;
	const char *allow;   /* of 405 */
	struct later *later; /* of LATER */
	unsigned int lines;  /* of LOG: how many old ones */
	bool follow;	     /* of LOG: and all new ones */
	unsigned int interval_ms;
};

/* Takes the reference of json; NULL becomes a 500. */
void answer_json(struct answer *answer, int status, json_t *json);
/* Takes the text (from malloc); NULL becomes a 500. */
void answer_text(struct answer *answer, const char *type, char *text,
		 size_t len);
/*
 * application/problem+json (RFC 9457): what is wrong (detail, with a format)
 * and what to do about it (action, may be NULL).
 */
void answer_problem(struct answer *answer, int status, const char *action,
		    const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
void answer_fini(struct answer *answer);

/* "Not Found" */
const char *answer_reason(int status);

/* A JSON string of any octets: what is no UTF-8 becomes '?'. */
json_t *answer_string(const char *text);

#endif
