/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * param.h - parameters of a rule: what may be said, and how it is written into
 * XenStore.
 *
 * Each is kept as the text that its node gets: numbers in decimal without
 * units, lists with commas.
 */
#ifndef POLICY_PARAM_H
#define POLICY_PARAM_H

#include <stdbool.h>
#include <stdint.h>

enum policy_param {
	POLICY_PARAM_METHODS,	    /* "GET,HEAD" */
	POLICY_PARAM_PATH,	    /* "/api/ *,/img/ *" without the blank */
	POLICY_PARAM_REQUEST_SIZE,  /* octets of a request's body */
	POLICY_PARAM_RESPONSE_SIZE, /* octets of an answer's body */
	POLICY_PARAM_RPS,	    /* requests a second */
	POLICY_PARAM_RATE,	    /* octets a second, both ways together */
	POLICY_PARAM_BURST,	    /* octets */
	POLICY_PARAM_STREAMS,	    /* at once */
	POLICY_PARAM_PIPES,	    /* at once */
	POLICY_PARAM_CLASS,	    /* high, normal, low */
	POLICY_PARAM_WEIGHT,	    /* share when the host is full; 100 */
	POLICY_PARAM_REDIRECT,	    /* name of the service that is meant */
	POLICY_PARAM_NOTIFY,	    /* "1": tell the guest's user */
	POLICY_PARAM_TIMEOUT,	    /* of an ask, in ms; not in XenStore */
	POLICY_PARAM_COUNT
};

/* Where a parameter may stand. */
enum policy_param_use {
	POLICY_PARAM_IN_ALLOW = 1 << 0,
	POLICY_PARAM_IN_ASK = 1 << 1,
	POLICY_PARAM_IN_DENY = 1 << 2,
	POLICY_PARAM_IN_DOMAIN = 1 << 3, /* domains.d: all of a domain */
	POLICY_PARAM_IN_TREE = 1 << 4,	 /* becomes a node of a grant */
	POLICY_PARAM_WEB_ONLY = 1 << 5,
};

/* Values are owned; NULL: not given. */
struct policy_params {
	char *value[POLICY_PARAM_COUNT];
};

/* "request-size" and so on; NULL for a number that is none. */
const char *policy_param_name(unsigned int param);
/* POLICY_PARAM_COUNT if it is none. */
enum policy_param policy_param_find(const char *name);
/* of enum policy_param_use */
unsigned int policy_param_uses(enum policy_param param);
/* What a value has to look like, for people. */
const char *policy_param_expected(enum policy_param param);

/*
 * Checks text and sets its plain form.  0, -EINVAL (see
 * policy_param_expected()), -ENOMEM.  Sets nothing then.
 */
int policy_param_set(struct policy_params *params, enum policy_param param,
		     const char *text);

/* True if it was given and is a number. */
bool policy_param_number(const struct policy_params *params,
			 enum policy_param param, uint64_t *number);

void policy_params_fini(struct policy_params *params);

#endif
