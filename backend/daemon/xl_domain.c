// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xl_domain.c - joins xl_attach.h and xl_config.h to XenStore and hypervisor.
 */
#include "backend/daemon/xl_domain.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "backend/daemon/store.h"
#include "backend/daemon/xl_attach.h"
#include "backend/daemon/xl_config.h"

enum {
	DEADLINE_MS = 30000, /* libxl itself gives up after 10 s */
	LOOK_MS = 200,
};

struct xl_domain {
	struct xl_domain_config config;
	struct xl_config_places places;
	struct xl_attach *attach;
};

static bool is_wanted(void *context, const struct domain_id *domain)
{
	struct xl_domain *xl = context;
	char name[STORE_VALUE_SIZE], uuid[DOMAIN_UUID_TEXT_SIZE];

	/* Written by libxl; the guest can read it, no more. */
	if (store_read(xl->config.xs, XBT_NULL, name, sizeof(name),
		       "/local/domain/%u/name", domain->domid))
		return false;
	domain_uuid_text(domain->uuid, uuid);
	return xl_config_wants(&xl->places, name, uuid);
}

static bool has_controller(void *context, const struct domain_id *domain)
{
	struct xl_domain *xl = context;
	unsigned int count;

	free(store_list(xl->config.xs, XBT_NULL, &count,
			"/local/domain/0/backend/vusb/%u", domain->domid));
	return count != 0;
}

static int run_state(void *context, const struct domain_id *domain)
{
	struct xl_domain *xl = context;
	bool paused;

	/* What cannot be asked may be answered the next time. */
	switch (domain_list_ask_paused(xl->config.list, domain, &paused)) {
	case 0:
		return paused ? XL_ATTACH_PAUSED : XL_ATTACH_RUNS;
	case -ENOENT:
		return XL_ATTACH_GONE;
	default:
		return XL_ATTACH_PAUSED;
	}
}

struct xl_domain *xl_domain_create(const struct xl_domain_config *config)
{
	static const struct xl_attach_ops ops = {
		.wanted = is_wanted,
		.has_controller = has_controller,
		.run_state = run_state,
	};
	struct xl_domain *xl = calloc(1, sizeof(*xl));

	if (!xl)
		return NULL;
	xl->config = *config;
	xl->places = (struct xl_config_places){
		.proc = "/proc",
		.folder = config->folder,
		/* Root's: a broker that is not root is a developer's. */
		.owner = geteuid(),
	};
	xl->attach = xl_attach_create(&(struct xl_attach_config){
		.loop = config->loop,
		.program = config->program,
		.deadline_ms = DEADLINE_MS,
		.look_ms = LOOK_MS,
		.ops = &ops,
		.context = xl,
	});
	if (!xl->attach) {
		free(xl);
		return NULL;
	}
	return xl;
}

void xl_domain_add(struct xl_domain *xl, const struct domain_id *domain)
{
	xl_attach_add(xl->attach, domain);
}

void xl_domain_destroy(struct xl_domain *xl)
{
	if (!xl)
		return;
	xl_attach_destroy(xl->attach);
	free(xl);
}
