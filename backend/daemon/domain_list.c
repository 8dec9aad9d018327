// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * domain_list.c - which domains live, as the hypervisor says.
 *
 * The hypervisor hands its list out in pieces in ascending order of domid, so
 * a domain that is created meanwhile is at worst missed until @introduceDomain
 * makes us ask again.
 */
#include "backend/daemon/domain_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenctrl.h>

enum { PIECE = 64, DOMAINS_MAX = 32768 };

struct domain_list {
	xc_interface *xc;
	struct domain_id *ids;
	size_t count;
};

int domain_list_open(struct domain_list **list)
{
	struct domain_list *opened = calloc(1, sizeof(*opened));

	if (!opened)
		return -ENOMEM;
	errno = 0;
	opened->xc = xc_interface_open(NULL, NULL, 0);
	if (!opened->xc) {
		int error = errno == ENOENT || !errno ? -ENODEV : -errno;

		free(opened);
		return error;
	}
	*list = opened;
	return 0;
}

void domain_list_close(struct domain_list *list)
{
	if (!list)
		return;
	xc_interface_close(list->xc);
	free(list->ids);
	free(list);
}

/* Appends the living ones of a piece.  0 or -ENOMEM. */
static int piece_append(struct domain_id **ids, size_t *count,
			const xc_domaininfo_t *piece, int len)
{
	struct domain_id *grown =
		realloc(*ids, (*count + (size_t)len) * sizeof(**ids));

	if (!grown)
		return -ENOMEM;
	*ids = grown;
	for (int i = 0; i < len; i++) {
		if (piece[i].domain == 0 || (piece[i].flags & XEN_DOMINF_dying))
			continue;
		grown[*count].domid = piece[i].domain;
		memcpy(grown[*count].uuid, piece[i].handle, DOMAIN_UUID_LEN);
		(*count)++;
	}
	return 0;
}

int domain_list_refresh(struct domain_list *list)
{
	xc_domaininfo_t piece[PIECE];
	struct domain_id *ids = NULL;
	size_t count = 0;
	uint32_t first = 0;
	int got, error;

	do {
		errno = 0;
		got = xc_domain_getinfolist(list->xc, first, PIECE, piece);
		if (got < 0) {
			error = errno ? -errno : -EIO;
			goto err_free;
		}
		if (got > 0) {
			error = piece_append(&ids, &count, piece, got);
			if (error)
				goto err_free;
			first = piece[got - 1].domain + 1u;
		}
	} while (got == PIECE && count < DOMAINS_MAX);
	free(list->ids);
	list->ids = ids;
	list->count = count;
	return 0;
err_free:
	free(ids);
	return error;
}

size_t domain_list_count(const struct domain_list *list)
{
	return list->count;
}

const struct domain_id *domain_list_get(const struct domain_list *list,
					size_t index)
{
	return &list->ids[index];
}

static int compare_domid(const void *key, const void *entry)
{
	uint32_t domid = *(const uint32_t *)key;
	const struct domain_id *id = entry;

	return domid < id->domid ? -1 : domid > id->domid;
}

const struct domain_id *domain_list_find(const struct domain_list *list,
					 uint32_t domid)
{
	if (!list->count)
		return NULL;
	return bsearch(&domid, list->ids, list->count, sizeof(*list->ids),
		       compare_domid);
}

int domain_list_ask_paused(struct domain_list *list, const struct domain_id *id,
			   bool *paused)
{
	xc_domaininfo_t info;
	struct domain_id got;
	int count;

	errno = 0;
	/* The first domain of this number or a higher one; 0: none. */
	count = xc_domain_getinfolist(list->xc, id->domid, 1, &info);
	if (count < 0)
		return errno ? -errno : -EIO;
	if (!count)
		return -ENOENT;
	got.domid = info.domain;
	memcpy(got.uuid, info.handle, DOMAIN_UUID_LEN);
	if (!domain_id_equal(&got, id) || (info.flags & XEN_DOMINF_dying))
		return -ENOENT;
	*paused = info.flags & XEN_DOMINF_paused;
	return 0;
}
