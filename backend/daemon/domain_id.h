/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domain_id.h - the identity of a domain is the pair (domid, uuid).
 *
 * A domid alone is used again, and XenStore is no authority on either: both
 * come from the hypervisor.
 */
#ifndef DAEMON_DOMAIN_ID_H
#define DAEMON_DOMAIN_ID_H

#include <stdbool.h>
#include <stdint.h>

enum { DOMAIN_UUID_LEN = 16, DOMAIN_UUID_TEXT_SIZE = 37 };

struct domain_id {
	uint32_t domid;
	uint8_t uuid[DOMAIN_UUID_LEN];
};

bool domain_id_equal(const struct domain_id *a, const struct domain_id *b);

/* "01234567-89ab-cdef-0123-456789abcdef" */
void domain_uuid_text(const uint8_t uuid[DOMAIN_UUID_LEN],
		      char text[DOMAIN_UUID_TEXT_SIZE]);

#endif
