/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli.h - what the subcommands of 2virt share.
 *
 * Each subcommand takes its arguments (argv[0] is its name) and returns an
 * exit status.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>

enum {
	CLI_OK = 0,
	CLI_FAILED = 1,	   /* refused or failed; said on stderr */
	CLI_USAGE = 2,	   /* no such command or option */
	CLI_NO_DAEMON = 3, /* 2virtd does not answer */
};

struct cli {
	const char *control; /* path of the socket */
	bool json;	     /* print what came, as it came */
};

typedef int cli_command(const struct cli *cli, int argc, char **argv);

cli_command show_domains, show_services, show_grants, show_links, show_stats;
cli_command change_attach, change_detach, change_allow, change_deny,
	change_revoke, change_limits;
cli_command policy_command;
cli_command stream_watch, stream_log;

/* Says "2virt NAME: ..." and how it is used.  CLI_USAGE. */
int cli_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One that takes no more than max arguments and no options.  0 or CLI_USAGE. */
int cli_arguments(int argc, char **argv, int min, int max);

#endif
