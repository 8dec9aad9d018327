// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-scale.c - what the policy of 1,000 domains with 20 grants each
 * costs 2virtd: time, memory and requests to a real xenstored.
 *
 * The parts of 2virtd that deal with policy run here on a loop of their own;
 * the domains are names in XenStore.  Prints its numbers; what is promised is
 * checked (memory only without sanitizers).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>
#include <xenstore.h>

#include "backend/daemon/domain_policy.h"
#include "backend/daemon/policy_tree.h"
#include "backend/daemon/store.h"
#include "backend/util/log.h"
#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/xenstored.h"

enum { DOMAINS = 1000, GRANTS = 20, VALUES = 4, MEMORY_MAX_KIB = 40 * 1024 };

static char folder[64] = "/tmp/2virt-scale-XXXXXX";
static struct xs_handle *xs;
static uv_loop_t loop;
static struct domain_policy *policies[DOMAINS];

static void rules_write(unsigned int rate)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/policy.d/10.policy", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	for (int i = 0; i < GRANTS; i++)
		fprintf(file,
			"web:s%d vm-* allow methods=GET,HEAD rate=%uKiB/s "
			"path=/api/*\n",
			i, rate);
	assert_int_equal(fclose(file), 0);
}

static double cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static long private_kib(void)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[128];
	long sum = 0, kib;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Private_Clean: %ld", &kib) == 1 ||
		    sscanf(line, "Private_Dirty: %ld", &kib) == 1)
			sum += kib;
	if (file)
		fclose(file);
	return sum;
}

/* As the broker does; until nothing comes for a moment. */
static void events_take(void)
{
	struct pollfd wait = {.fd = xs_fileno(xs), .events = POLLIN};

	while (poll(&wait, 1, 100) > 0) {
		char **event;

		while ((event = xs_check_watch(xs))) {
			unsigned int domid;
			int at = 0;

			if (sscanf(event[XS_WATCH_PATH],
				   POLICY_TREE_ROOT "/domain/%u/%n", &domid,
				   &at) == 1 &&
			    at && domid >= 1 && domid <= DOMAINS)
				domain_policy_touch(policies[domid - 1],
						    event[XS_WATCH_PATH] + at);
			free(event);
		}
	}
}

static void run_all(void)
{
	for (int i = 0; i < DOMAINS; i++)
		domain_policy_run(policies[i]);
	events_take();
	for (int i = 0; i < DOMAINS; i++)
		domain_policy_run(policies[i]);
}

struct costs {
	double cpu_s;
	uint64_t operations;
};

static struct costs costs_now(void)
{
	return (struct costs){cpu_s(), store_operations()};
}

static void tell(const char *what, struct costs since)
{
	printf("%s: %.2f s CPU, %llu operations\n", what, cpu_s() - since.cpu_s,
	       (unsigned long long)(store_operations() - since.operations));
}

static void ignore(void *context)
{
}

static void ignore_wake(void *context, uint32_t domid, unsigned int after_ms)
{
	fail();
}

static void a_thousand_domains_fit(void **state)
{
	char policy[96], none[96];
	struct registry *registry;
	struct domain_policy_env env = {
		.loop = &loop, .xs = xs, .wake = ignore_wake};
	struct costs since;
	long before;

	snprintf(policy, sizeof(policy), "%s/policy.d", folder);
	snprintf(none, sizeof(none), "%s/none", folder);
	rules_write(1024);
	assert_true(xs_watch(xs, POLICY_TREE_ROOT, "policy"));
	registry = registry_create(&loop, none, ignore, NULL);
	env.source = policy_source_create(&(struct policy_source_config){
		.loop = &loop,
		.folders = {.policy = policy, .domains = none},
		.registry = registry,
		.changed = ignore,
	});
	env.launcher = ask_launcher_create(&loop, NULL);
	assert_int_equal(policy_source_reload(env.source, NULL), 0);
	assert_int_equal(policy_tree_init(xs), 0);

	before = private_kib();
	since = costs_now();
	for (uint32_t i = 0; i < DOMAINS; i++) {
		struct domain_id id = {.domid = i + 1, .uuid = {1, (uint8_t)i}};

		assert_int_equal(store_write(xs, XBT_NULL, "", "/local"), 0);
		store_write(xs, XBT_NULL, "vm-1", "/local/domain/%u/name",
			    i + 1);
		policy_tree_adopt(xs, &id, true);
		policies[i] = domain_policy_create(&env, &id);
		assert_non_null(policies[i]);
	}
	run_all();
	tell("1000 domains x 20 grants x 4 values", since);
	for (int i = 0; i < DOMAINS; i++)
		assert_int_equal(domain_policy_grants(policies[i])->count,
				 GRANTS);
	/* Beside the values: name, uuid and life of each domain. */
	assert_true(store_operations() - since.operations <=
		    4u * DOMAINS * GRANTS * VALUES);
	printf("private memory of the policy: %ld KiB, of all: %ld KiB\n",
	       private_kib() - before, private_kib());
#if !defined(__SANITIZE_ADDRESS__)
	assert_true(private_kib() <= MEMORY_MAX_KIB);
#endif

	since = costs_now();
	store_write(xs, XBT_NULL, "4096",
		    POLICY_TREE_ROOT "/domain/500/grant/web/s7/rate");
	events_take();
	assert_true(domain_policy_run(policies[499]));
	tell("one value by hand", since);
	assert_true(store_operations() - since.operations <= 50);

	since = costs_now();
	rules_write(2048);
	assert_int_equal(policy_source_reload(env.source, NULL), 0);
	for (int i = 0; i < DOMAINS; i++)
		domain_policy_stale(policies[i]);
	run_all();
	tell("another rate for all 20000 grants", since);
	assert_true(store_operations() - since.operations <=
		    4u * DOMAINS * GRANTS);
	printf("private memory afterwards: %ld KiB\n", private_kib());
#if !defined(__SANITIZE_ADDRESS__)
	assert_true(private_kib() <= MEMORY_MAX_KIB);
#endif

	for (int i = 0; i < DOMAINS; i++)
		domain_policy_destroy(policies[i]);
	ask_launcher_destroy(env.launcher);
	policy_source_destroy(env.source);
	registry_destroy(registry);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_domains_fit),
	};
	struct fake_xenstored *xenstored;
	char command[128];
	int failed;

	if (!fake_xenstored_available())
		return 77;
	log_init("scale", LOG_LEVEL_WARNING);
	if (!mkdtemp(folder) || fake_xen_setup() ||
	    fake_xenstored_start(&xenstored))
		return 99;
	snprintf(command, sizeof(command), "mkdir %s/policy.d", folder);
	xs = xs_open(0);
	if (!xs || uv_loop_init(&loop) || system(command))
		return 99;
	failed = cmocka_run_group_tests_name("daemon-scale", tests, NULL, NULL);
	uv_loop_close(&loop);
	xs_close(xs);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command) ? 99 : failed;
}
