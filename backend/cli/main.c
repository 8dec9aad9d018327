// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - 2virt: the command of the host's administrator.
 */
#include <curl/curl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cli/capture.h"
#include "backend/cli/cli.h"
#include "backend/util/stdio.h"
#include "config.h"

#define CONTROL "/run/2virt/control.sock"

/* Knows the socket of a device, not ours. */
static int capture(const struct cli *cli, int argc, char **argv)
{
	return capture_command(argc, argv);
}

static const struct command {
	const char *name;
	cli_command *run;
	const char *arguments, *help;
	bool own_help;
} commands[] = {
	{"domains", show_domains, "[DOMAIN]", "domains that run", false},
	{"services", show_services, "", "services that are defined", false},
	{"grants", show_grants, "[DOMAIN]", "what is granted, and its limits",
	 false},
	{"links", show_links, "", "links and the domains they join", false},
	{"attach", change_attach, "DOMAIN [ports=N]",
	 "gives a running domain a controller (by xl)", false},
	{"detach", change_detach, "DOMAIN", "takes its controllers away",
	 false},
	{"allow", change_allow, "DOMAIN SERVICE [KEY=VALUE]... [--save]",
	 "grants a service now; --save: and writes a rule", false},
	{"deny", change_deny, "DOMAIN SERVICE [--save]",
	 "takes it away now; --save: and writes a rule", false},
	{"revoke", change_revoke, "DOMAIN SERVICE [--save]",
	 "takes it away now; --save: and the rule that was saved", false},
	{"policy", policy_command,
	 "check [FILE]... | apply | diff [FILE] | explain DOMAIN SERVICE",
	 "rules: mistakes, putting them in force, what would change, why",
	 false},
	{"limits", change_limits, "[DOMAIN [SERVICE] [KEY=[VALUE]]...]",
	 "shows limits, or sets them (KEY=: takes one away)", false},
	{"stats", show_stats, "[DOMAIN]", "numbers since a grant began", false},
	{"watch", stream_watch, "[-i MILLISECONDS] [-n COUNT]",
	 "a live table of the numbers", false},
	{"log", stream_log, "[-f] [-n LINES]",
	 "who did and was refused what; -f: as it happens", false},
	{"capture", capture, "SOCKET -w FILE [--for SECONDS]",
	 "all transfers of a device into a file", true},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

int cli_error(const char *format, ...)
{
	va_list args;

	fputs("2virt: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return CLI_FAILED;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static void command_help(FILE *out, const struct command *command)
{
	fprintf(out, "Usage: 2virt [--json] [--control PATH] %s%s%s\n%s.\n",
		command->name, command->arguments[0] ? " " : "",
		command->arguments, command->help);
}

int cli_usage(const char *name, const char *format, ...)
{
	const struct command *command = find(name);
	va_list args;

	fprintf(stderr, "2virt %s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	if (command)
		command_help(stderr, command);
	return CLI_USAGE;
}

int cli_arguments(int argc, char **argv, int min, int max)
{
	/* "2virt policy apply x" is usage of policy */
	const char *name = find(argv[0]) ? argv[0] : "policy";

	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return cli_usage(name, "there is no option %s",
					 argv[i]);
	if (argc - 1 < min)
		return cli_usage(name, "something is missing");
	if (argc - 1 > max)
		return cli_usage(name, "\"%s\" is too much", argv[max + 1]);
	return 0;
}

static void usage(FILE *out)
{
	fputs("Usage: 2virt [--json] [--control PATH] COMMAND [ARGUMENT]...\n"
	      "What domains may use of 2Virt devices on this Xen host.\n\n",
	      out);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
	fputs("\n"
	      "  --json          print what 2virtd answered\n"
	      "  --control PATH  socket of 2virtd (default " CONTROL ")\n"
	      "  --help          this text; after a command: its arguments\n"
	      "  --version       the version\n\n"
	      "Exit status: 0 done, 1 refused or failed, 2 usage, 3 2virtd "
	      "does "
	      "not answer.\n",
	      out);
}

/* The command's options of everyone; the others move up.  -1: go on. */
static int common_options(struct cli *cli, const struct command *command,
			  int *argc, char **argv)
{
	int used = 1;

	if (command->own_help)
		return -1;
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--help") == 0) {
			command_help(stdout, command);
			return CLI_OK;
		}
		if (strcmp(argv[i], "--json") == 0)
			cli->json = true;
		else
			argv[used++] = argv[i];
	}
	*argc = used;
	argv[used] = NULL;
	return -1;
}

static int command_run(struct cli *cli, int argc, char **argv)
{
	const struct command *command = find(argv[0]);
	int status;

	if (!command) {
		cli_error("there is no command \"%s\"; see 2virt --help",
			  argv[0]);
		return CLI_USAGE;
	}
	status = common_options(cli, command, &argc, argv);
	if (status >= 0)
		return status;
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	return command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"control", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},
		{NULL, 0, NULL, 0},
	};
	struct cli cli = {.control = CONTROL};
	int option, status;

	stdio_ensure();
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			cli.json = true;
			break;
		case 'c':
			cli.control = optarg;
			break;
		case 'h':
			usage(stdout);
			return CLI_OK;
		case 'V':
			printf("2virt %s\n", PACKAGE_VERSION);
			return CLI_OK;
		default:
			usage(stderr);
			return CLI_USAGE;
		}
	}
	if (optind == argc) {
		usage(stderr);
		return CLI_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = command_run(&cli, argc - optind, argv + optind);
	curl_global_cleanup();
	/* A full disk is a failure, too. */
	if (fflush(stdout) || ferror(stdout))
		status = cli_error("cannot write");
	return status;
}
