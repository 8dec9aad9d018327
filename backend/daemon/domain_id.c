// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domain_id.c - the identity of a domain is the pair (domid, uuid).
 */
#include "backend/daemon/domain_id.h"

#include <stdio.h>
#include <string.h>

bool domain_id_equal(const struct domain_id *a, const struct domain_id *b)
{
	return a->domid == b->domid &&
	       memcmp(a->uuid, b->uuid, DOMAIN_UUID_LEN) == 0;
}

void domain_uuid_text(const uint8_t uuid[DOMAIN_UUID_LEN],
		      char text[DOMAIN_UUID_TEXT_SIZE])
{
	char *out = text;

	for (int i = 0; i < DOMAIN_UUID_LEN; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		out += snprintf(out, 3, "%02x", uuid[i]);
	}
}
