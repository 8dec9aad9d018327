// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * web-limit.c - what a grant may use, and what it has used.
 */
#include "backend/service/web-internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const char *const verdict_names[] = {
	[WEB_ALLOWED] = "allowed",
	[WEB_NO_GRANT] = "no-grant",
	[WEB_METHOD] = "method",
	[WEB_PATH] = "path",
	[WEB_REQUEST_SIZE] = "request-size",
	[WEB_RESPONSE_SIZE] = "response-size",
	[WEB_RPS] = "rps",
	[WEB_STREAMS] = "streams",
	[WEB_PIPES] = "pipes",
	[WEB_REVOKED] = "revoked",
};
static_assert(sizeof(verdict_names) / sizeof(verdict_names[0]) ==
		      WEB_VERDICT_COUNT,
	      "a name for each verdict");

const char *web_verdict_name(enum web_verdict verdict)
{
	return verdict < WEB_VERDICT_COUNT ? verdict_names[verdict] : "?";
}

int web_service_set_limit(struct web_service_set *set, const char *name,
			  const struct web_limits *limits)
{
	(void)set;
	(void)limits;
	return name ? 0 : -EINVAL;
}

int web_service_set_domain_limit(struct web_service_set *set,
				 const struct web_limits *limits)
{
	(void)set;
	(void)limits;
	return 0;
}

int web_service_set_grant_stats(const struct web_service_set *set,
				const char *name, struct web_grant_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (name && !web_set_find(set, name, strlen(name)))
		return -ENOENT;
	return 0;
}
