// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manage_fake.c - a daemon for the control API that exists in memory only.
 */
#include "tests/unit/manage_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAKE_CROWD = 1000 };

static const struct manage_domain domains[] = {
	{.domid = 5,
	 .name = "shop-1",
	 .uuid = "00000000-0000-0000-0000-000000000005",
	 .connected = 1},
	{.domid = 7,
	 .name = "evil\" } \n\xff",
	 .uuid = "00000000-0000-0000-0000-000000000007"},
};

static void fake_domains(void *context, manage_domain_each *each,
			 void *argument)
{
	const struct manage_fake *fake = context;

	for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
		struct manage_domain domain = domains[i];

		if (domain.domid == 5) {
			domain.controllers = fake->controllers;
			domain.limits = &fake->limits;
		}
		each(argument, &domain);
	}
	for (unsigned int i = 0; i < fake->crowd; i++) {
		char name[32];
		struct manage_domain domain = {
			.domid = FAKE_CROWD + i,
			.name = name,
			.uuid = domains[0].uuid,
			.grants = 20,
		};

		snprintf(name, sizeof(name), "crowd-%u", i);
		each(argument, &domain);
	}
}

static void crowd_grants(uint32_t domid, manage_grant_each *each,
			 void *argument)
{
	static char rate[] = "1048576";
	static const struct policy_params params = {.value[POLICY_PARAM_RATE] =
							    rate};

	for (int i = 0; i < 20; i++) {
		char name[32];
		const struct manage_grant grant = {
			.domid = domid,
			.service = {POLICY_TYPE_WEB, name},
			.origin = "rule",
			.params = &params,
		};

		snprintf(name, sizeof(name), "service-%d", i);
		each(argument, &grant);
	}
}

static void fake_services(void *context, manage_service_each *each,
			  void *argument)
{
	static const struct manage_service services[] = {
		{{POLICY_TYPE_WEB, "catalog"}, true, "test.conf:1"},
		{{POLICY_TYPE_WEB, "shop"}, false, "no address yet"},
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		each(argument, &services[i]);
}

static void fake_grants(void *context, uint32_t domid, manage_grant_each *each,
			void *argument)
{
	const struct manage_fake *fake = context;

	if (domid >= FAKE_CROWD)
		crowd_grants(domid, each, argument);
	for (int i = 0; i < FAKE_MAX_GRANTS; i++) {
		const struct manage_grant grant = {
			.domid = domid,
			.service = {fake->grants[i].type, fake->grants[i].name},
			.origin = fake->grants[i].origin,
			.params = &fake->grants[i].params,
			.plugged = true,
			.controller = 0,
			.port = 1,
		};

		if (fake->grants[i].used && fake->grants[i].domid == domid)
			each(argument, &grant);
	}
}

static void fake_stats(void *context, manage_stats_each *each, void *argument)
{
	static const struct manage_count denials[] = {{"method", 3},
						      {"rate", 4}};
	struct manage_stats stats = {
		.domid = 5,
		.domain = domains[0].name,
		.service = {POLICY_TYPE_WEB, "catalog"},
		.requests = 10,
		.bytes = 21000,
		.queued = 2,
		.drops = 6,
		.denials = denials,
		.denial_count = 2,
	};

	stats.stages[1].bucket[4] = 9; /* 8..16 us */
	stats.stages[1].bucket[MANAGE_BUCKETS - 1] = 1;
	each(argument, &stats);
	stats.domid = 7;
	stats.domain = domains[1].name;
	each(argument, &stats);
}

static void fake_refresh(void *context, manage_done *done, void *token)
{
	done(token, 0, NULL);
}

static void fake_numbers(void *context, manage_number_each *each,
			 void *argument)
{
	static const struct manage_number number = {
		"twovirt_domains", "Domains that run.", false, 2};

	each(argument, &number);
}

static const struct policy_set *fake_policy(void *context)
{
	return ((struct manage_fake *)context)->set;
}

static const struct policy_folders *fake_folders(void *context)
{
	return &((struct manage_fake *)context)->folders;
}

static void finish_or_wait(struct manage_fake *fake, manage_done *done,
			   void *token)
{
	if (!fake->wait) {
		done(token, 0, "as asked");
		return;
	}
	manage_fake_finish(fake, -EBUSY);
	fake->done = done;
	fake->token = token;
}

void manage_fake_finish(struct manage_fake *fake, int error)
{
	manage_done *done = fake->done;

	fake->done = NULL;
	if (done)
		done(fake->token, error, NULL);
}

static void fake_attach(void *context, uint32_t domid, unsigned int ports,
			manage_done *done, void *token)
{
	struct manage_fake *fake = context;

	fake->controllers = 1;
	finish_or_wait(fake, done, token);
}

static void fake_detach(void *context, uint32_t domid, manage_done *done,
			void *token)
{
	struct manage_fake *fake = context;

	fake->controllers = 0;
	finish_or_wait(fake, done, token);
}

static int grant_index(const struct manage_fake *fake, uint32_t domid,
		       const struct policy_service *service)
{
	for (int i = 0; i < FAKE_MAX_GRANTS; i++)
		if (fake->grants[i].used && fake->grants[i].domid == domid &&
		    fake->grants[i].type == service->type &&
		    strcmp(fake->grants[i].name, service->name) == 0)
			return i;
	return -1;
}

bool manage_fake_granted(const struct manage_fake *fake, uint32_t domid,
			 const char *name)
{
	struct policy_service service = {POLICY_TYPE_WEB, name};

	return grant_index(fake, domid, &service) >= 0;
}

static void params_copy(struct policy_params *to,
			const struct policy_params *from)
{
	for (int i = 0; i < POLICY_PARAM_COUNT; i++) {
		if (!from->value[i])
			continue;
		free(to->value[i]);
		to->value[i] = strdup(from->value[i]);
	}
}

static int fake_grant(void *context, const struct manage_target *target,
		      const struct policy_params *params, bool by_rule,
		      char *why)
{
	struct manage_fake *fake = context;
	int i = grant_index(fake, target->domid, &target->service);

	for (int j = 0; i < 0 && j < FAKE_MAX_GRANTS; j++)
		if (!fake->grants[j].used)
			i = j;
	if (i < 0)
		return -ENOSPC;
	policy_params_fini(&fake->grants[i].params);
	memset(&fake->grants[i].params, 0, sizeof(fake->grants[i].params));
	fake->grants[i].used = true;
	fake->grants[i].domid = target->domid;
	fake->grants[i].type = target->service.type;
	snprintf(fake->grants[i].name, POLICY_NAME_SIZE, "%s",
		 target->service.name);
	snprintf(fake->grants[i].origin, sizeof(fake->grants[i].origin), "%s",
		 by_rule ? "rule" : "manual");
	params_copy(&fake->grants[i].params, params);
	return 0;
}

static int fake_revoke(void *context, const struct manage_target *target,
		       char *why)
{
	struct manage_fake *fake = context;
	int i = grant_index(fake, target->domid, &target->service);

	if (i >= 0)
		fake->grants[i].used = false;
	else
		snprintf(why, MANAGE_WHY_SIZE, "it was not granted");
	return 0;
}

static int fake_limit(void *context, uint32_t domid,
		      const struct policy_service *service,
		      const struct policy_params *params, unsigned int remove,
		      char *why)
{
	struct manage_fake *fake = context;
	struct policy_params *to = &fake->limits;

	if (service) {
		int i = grant_index(fake, domid, service);

		if (i < 0)
			return -ENOENT;
		to = &fake->grants[i].params;
	}
	for (int i = 0; i < POLICY_PARAM_COUNT; i++) {
		if (!(remove & 1u << i))
			continue;
		free(to->value[i]);
		to->value[i] = NULL;
	}
	params_copy(to, params);
	return 0;
}

static int fake_reload(void *context, char *why)
{
	int error =
		policy_set_reload(((struct manage_fake *)context)->set, NULL);

	return error < 0 ? error : 0;
}

static void fake_audit(void *context, const struct manage_peer *peer,
		       const char *what, const char *result)
{
	struct manage_fake *fake = context;

	snprintf(fake->audit, sizeof(fake->audit), "%u: %s: %s",
		 (unsigned int)peer->uid, what, result);
	fake->audits++;
	manage_log(fake->manage, fake->audit);
}

const struct manage_ops manage_fake_ops = {
	.domains = fake_domains,
	.services = fake_services,
	.grants = fake_grants,
	.stats = fake_stats,
	.refresh = fake_refresh,
	.numbers = fake_numbers,
	.policy = fake_policy,
	.folders = fake_folders,
	.attach = fake_attach,
	.detach = fake_detach,
	.grant = fake_grant,
	.revoke = fake_revoke,
	.limit = fake_limit,
	.reload = fake_reload,
	.audit = fake_audit,
};

void manage_fake_init(struct manage_fake *fake, const char *folder)
{
	memset(fake, 0, sizeof(*fake));
	fake->folders.policy = folder;
	if (folder) {
		fake->set = policy_set_create(&fake->folders);
		policy_set_reload(fake->set, NULL);
	}
}

void manage_fake_fini(struct manage_fake *fake)
{
	for (int i = 0; i < FAKE_MAX_GRANTS; i++)
		policy_params_fini(&fake->grants[i].params);
	policy_params_fini(&fake->limits);
	policy_set_destroy(fake->set);
}
