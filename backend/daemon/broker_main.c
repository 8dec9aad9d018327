// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * broker_main.c - 2virtd: options and start.
 */
#define _GNU_SOURCE /* close_range */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/daemon/broker.h"
#include "backend/daemon/message.h"
#include "backend/daemon/services.h"
#include "backend/daemon/store.h"
#include "backend/util/log.h"
#include "backend/util/stdio.h"
#include "config.h"

/*
 * Uids from here on belong to domains: above what systemd gives to containers
 * (524288..1879048191) and below the half of the numbers that not every
 * program takes for positive.
 */
#define UID_BASE_DEFAULT 1879048192u
#define UID_BASE_MAX 2147000000u

/* Not $(runstatedir), whose default may not exist: it must be a tmpfs. */
#define RUN_FOLDER "/run/2virt"

/* Survives a restart of the host; systemd makes it. */
#define KEEP_FOLDER LOCALSTATEDIR "/lib/2virt"

enum { EXIT_CONFIG = 78, EXIT_USAGE = 2 };

static void usage(FILE *out)
{
	fprintf(out,
		"Usage: 2virtd [OPTION]...\n"
		"Serves 2Virt devices to the domains of this Xen host.\n\n"
		"  --services DIR   definitions of services "
		"(default " SYSCONFDIR "/2virt/services.d)\n"
		"  --run DIR        journals of connected controllers "
		"(default " RUN_FOLDER ")\n"
		"  --control PATH   socket of the control API\n"
		"                   (default: control.sock in --run)\n"
		"  --device FILE    program of device processes\n"
		"                   (default " PKGLIBEXECDIR "/2virt-device)\n"
		"  --policy DIR     rules (default " SYSCONFDIR
		"/2virt/policy.d)\n"
		"  --domains DIR    tags and limits of domains\n"
		"                   (default " SYSCONFDIR "/2virt/domains.d)\n"
		"  --keep DIR       last good versions of both\n"
		"                   (default " KEEP_FOLDER ")\n"
		"  --ask PROGRAM    answers rules that say ask (default: none, "
		"which denies)\n"
		"  --audit FILE     decisions (default: the journal)\n"
		"  --contact TEXT   whom guests may ask about a refusal\n"
		"  --xl FILE        xl, which attaches controllers for "
		"usbdev=\"2virt\" (default xl)\n"
		"  --xl-config DIR  configurations of xl (default /etc/xen)\n"
		"  --uid-base N     device processes of domain D run as uid "
		"N + D\n"
		"                   (default %u)\n"
		"  --check          check the definitions of services and "
		"exit\n"
		"  --verbose        log what happens in detail\n"
		"  --help           this text\n"
		"  --version        the version\n",
		UID_BASE_DEFAULT);
}

static int check(const char *folder)
{
	struct services *services;
	unsigned int count = 0, errors;
	struct list_node *pos;

	/* The daemon can do without; who asks to check it cannot. */
	if (access(folder, R_OK | X_OK) < 0) {
		log_error("%s: %s", folder, strerror(errno));
		return EXIT_CONFIG;
	}
	if (services_load(folder, &services))
		return EXIT_CONFIG;
	list_for_each(pos, &services->list) count++;
	errors = services->errors;
	services_free(services);
	printf("%s: %u services, %u mistakes\n", folder, count, errors);
	return errors ? EXIT_CONFIG : EXIT_SUCCESS;
}

/* Fits into a message. */
static bool contact_valid(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return len < MESSAGE_CONTACT_SIZE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"services", required_argument, NULL, 's'},
		{"run", required_argument, NULL, 'r'},
		{"control", required_argument, NULL, 'S'},
		{"device", required_argument, NULL, 'd'},
		{"uid-base", required_argument, NULL, 'u'},
		{"xl", required_argument, NULL, 'x'},
		{"xl-config", required_argument, NULL, 'X'},
		{"policy", required_argument, NULL, 'p'},
		{"domains", required_argument, NULL, 'D'},
		{"keep", required_argument, NULL, 'k'},
		{"ask", required_argument, NULL, 'a'},
		{"audit", required_argument, NULL, 'A'},
		{"contact", required_argument, NULL, 'w'},
		{"check", no_argument, NULL, 'c'},
		{"verbose", no_argument, NULL, 'v'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct broker_config config = {
		.services_folder = SYSCONFDIR "/2virt/services.d",
		.run_folder = RUN_FOLDER,
		.policy_folder = SYSCONFDIR "/2virt/policy.d",
		.domains_folder = SYSCONFDIR "/2virt/domains.d",
		.keep_folder = KEEP_FOLDER,
		.program = PKGLIBEXECDIR "/2virt-device",
		.xl_program = "xl",
		.xl_folder = "/etc/xen",
		.uid_base = UID_BASE_DEFAULT,
		.log_level = LOG_LEVEL_INFO,
	};
	bool only_check = false;
	int option;

	stdio_ensure();
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			config.services_folder = optarg;
			break;
		case 'r':
			config.run_folder = optarg;
			break;
		case 'S':
			config.control = optarg;
			break;
		case 'd':
			config.program = optarg;
			break;
		case 'u':
			if (!store_parse_number(optarg, UID_BASE_MAX,
						&config.uid_base) ||
			    config.uid_base < 65536) {
				fprintf(stderr,
					"2virtd: --uid-base is a number from "
					"65536 to %u\n",
					UID_BASE_MAX);
				return EXIT_USAGE;
			}
			break;
		case 'x':
			config.xl_program = optarg;
			break;
		case 'X':
			config.xl_folder = optarg;
			break;
		case 'p':
			config.policy_folder = optarg;
			break;
		case 'D':
			config.domains_folder = optarg;
			break;
		case 'k':
			config.keep_folder = optarg;
			break;
		case 'a':
			config.ask_program = optarg;
			break;
		case 'A':
			config.audit_file = optarg;
			break;
		case 'w':
			if (!contact_valid(optarg)) {
				fprintf(stderr, "2virtd: --contact is a line "
						"of ASCII text\n");
				return EXIT_USAGE;
			}
			config.contact = optarg;
			break;
		case 'c':
			only_check = true;
			break;
		case 'v':
			config.log_level = LOG_LEVEL_DEBUG;
			break;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		case 'V':
			printf("2virtd %s\n", PACKAGE_VERSION);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "2virtd: \"%s\" is no option\n", argv[optind]);
		usage(stderr);
		return EXIT_USAGE;
	}
	log_init("2virtd", (enum log_level)config.log_level);
	if (only_check)
		return check(config.services_folder);
	signal(SIGPIPE, SIG_IGN);
	/* Whatever we were started with is nothing for device processes. */
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	return broker_run(&config) ? EXIT_FAILURE : EXIT_SUCCESS;
}
