// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - what goes on: watch, log.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/cli/client.h"
#include "backend/cli/table.h"

/* A number from 0 (or min) up; -1: it is none. */
static long number(const char *text, long min, long max)
{
	char *end;
	long value = strtol(text, &end, 10);

	return text[0] < '0' || text[0] > '9' || *end || value < min ||
			       value > max
		       ? -1
		       : value;
}

/*
 * --- watch ---
 */

struct watch {
	bool raw;
	long left; /* lines to come; -1: no end */
	double interval_s;
	json_t *before; /* the former line: rates are differences */
};

static json_t *get(json_t *item, const char *name)
{
	return json_object_get(item, name);
}

/* The same grant in the former line; NULL: there was none. */
static json_t *former(const struct watch *watch, json_t *item)
{
	json_t *other;
	size_t index;

	json_array_foreach(
		get(watch->before, "stats"), index,
		other) if (json_equal(get(other, "domid"),
				      get(item, "domid")) &&
			   json_equal(get(other, "service"),
				      get(item, "service"))) return other;
	return NULL;
}

static double rate(const struct watch *watch, json_t *item, const char *name)
{
	json_t *other = former(watch, item);
	double more = json_number_value(get(item, name)) -
		      json_number_value(get(other, name));

	return other && more > 0 ? more / watch->interval_s : 0;
}

static double denied(json_t *item)
{
	const char *name;
	json_t *value;
	double sum = 0;

	json_object_foreach(get(item, "denials"), name, value) sum +=
		json_number_value(value);
	return sum;
}

static void watch_show(const struct watch *watch, json_t *line)
{
	static const char *const headings[] = {"DOMAIN",  "SERVICE", "REQ/S",
					       "BYTES/S", "DENIED",  "QUEUED",
					       "P50-US",  "P99-US",  NULL};
	struct table *table = table_create(headings);
	json_t *item;
	size_t index;

	json_array_foreach(get(line, "stats"), index, item)
	{
		json_t *upstream = get(get(item, "latency"), "upstream");

		table_json(table, get(item, "domain"));
		table_json(table, get(item, "service"));
		table_number(table, rate(watch, item, "requests"));
		table_number(table, rate(watch, item, "bytes"));
		table_number(table, denied(item));
		table_json(table, get(item, "queued"));
		table_json(table, get(upstream, "p50_us"));
		table_json(table, get(upstream, "p99_us"));
	}
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	table_print(table, stdout);
	fflush(stdout);
}

static bool watch_line(void *context, const char *text)
{
	struct watch *watch = context;
	json_t *line;

	if (watch->raw) {
		puts(text);
		fflush(stdout);
	} else {
		line = json_loads(text, 0, NULL);
		if (!line || get(line, "lost")) {
			json_decref(line);
			return true;
		}
		watch_show(watch, line);
		json_decref(watch->before);
		watch->before = line;
	}
	return watch->left < 0 || --watch->left > 0;
}

int stream_watch(const struct cli *cli, int argc, char **argv)
{
	struct watch watch = {.raw = cli->json, .left = -1, .interval_s = 1};
	long interval_ms = 1000;
	char text[32], *path;
	int option, status;

	while ((option = getopt(argc, argv, "+n:i:")) != -1) {
		if (option == 'n') {
			watch.left = number(optarg, 1, 1000000);
			if (watch.left < 0)
				return cli_usage(argv[0], "-n takes a number");
		} else if (option == 'i') {
			interval_ms = number(optarg, 100, 3600000);
			if (interval_ms < 0)
				return cli_usage(argv[0], "-i takes a number "
							  "from 100 (ms)");
		} else {
			return cli_usage(argv[0], "wrong option");
		}
	}
	if (optind != argc)
		return cli_usage(argv[0], "\"%s\" is too much", argv[optind]);
	watch.interval_s = (double)interval_ms / 1000;
	snprintf(text, sizeof(text), "%ld", interval_ms);
	path = client_path("/v1/watch", "interval_ms", text, NULL);
	status = client_follow(cli, path, watch_line, &watch);
	json_decref(watch.before);
	free(path);
	return status;
}

/*
 * --- log ---
 */

/* "time event key=value ..." of any JSON object. */
static void log_show(json_t *line)
{
	const char *name;
	json_t *value;

	table_put_text(stdout, json_string_value(get(line, "time")) ?: "-");
	json_object_foreach(line, name, value)
	{
		char *text;

		if (strcmp(name, "time") == 0)
			continue;
		putchar(' ');
		if (strcmp(name, "event") != 0) {
			table_put_text(stdout, name);
			putchar('=');
		}
		text = json_is_string(value)
			       ? strdup(json_string_value(value))
			       : json_dumps(value,
					    JSON_ENCODE_ANY | JSON_COMPACT);
		if (json_is_string(value) && text && strchr(text, ' ')) {
			putchar('"');
			table_put_text(stdout, text);
			putchar('"');
		} else {
			table_put_text(stdout, text ? text : "");
		}
		free(text);
	}
	putchar('\n');
}

static bool log_line(void *context, const char *text)
{
	json_t *line = *(bool *)context ? NULL : json_loads(text, 0, NULL);

	if (json_is_object(line)) {
		log_show(line);
	} else {
		table_put_text(stdout, text);
		putchar('\n');
	}
	json_decref(line);
	fflush(stdout);
	return true;
}

int stream_log(const struct cli *cli, int argc, char **argv)
{
	bool follow = false, raw = cli->json;
	char *path, lines[16] = "20";
	int option, status;

	while ((option = getopt(argc, argv, "+fn:")) != -1) {
		if (option == 'f') {
			follow = true;
		} else if (option == 'n' && number(optarg, 0, 10000) >= 0) {
			snprintf(lines, sizeof(lines), "%s", optarg);
		} else {
			return cli_usage(argv[0], "-f follows, -n takes a "
						  "number up to 10000");
		}
	}
	if (optind != argc)
		return cli_usage(argv[0], "\"%s\" is too much", argv[optind]);
	path = client_path("/v1/log", "lines", lines, "follow",
			   follow ? "1" : NULL, NULL);
	status = client_follow(cli, path, log_line, &raw);
	free(path);
	return status;
}
