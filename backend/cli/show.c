// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * show.c - what there is: domains, services, grants, links, stats.
 */
#include <stdlib.h>

#include "backend/cli/client.h"
#include "backend/cli/table.h"

static json_t *get(json_t *item, const char *name)
{
	return json_object_get(item, name);
}

/* One column: its heading and the member shown. */
struct column {
	const char *heading, *member;
};

/* Prints a list of the answer as a table. */
static int list(const struct cli *cli, const char *path, const char *domain,
		const char *name, const struct column *columns)
{
	const char *headings[12] = {NULL};
	char *target = client_path(path, "domain", domain, NULL);
	struct table *table;
	json_t *answer, *item;
	size_t index;
	int status = client_ask(cli, "GET", target, NULL, &answer);

	free(target);
	if (status || !answer)
		return status;
	for (size_t i = 0; columns[i].heading; i++)
		headings[i] = columns[i].heading;
	table = table_create(headings);
	json_array_foreach(get(answer, name), index,
			   item) for (size_t i = 0; columns[i].heading; i++)
		table_json(table, get(item, columns[i].member));
	table_print(table, stdout);
	json_decref(answer);
	return CLI_OK;
}

int show_domains(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{"DOMID", "domid"},	    {"NAME", "name"},
		{"GRANTS", "grants"},	    {"CONTROLLERS", "controllers"},
		{"CONNECTED", "connected"}, {"TAGS", "tags"},
		{"UUID", "uuid"},	    {NULL, NULL}};

	if (cli_arguments(argc, argv, 0, 1))
		return CLI_USAGE;
	return list(cli, "/v1/domains", argv[1], "domains", columns);
}

int show_services(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {{"SERVICE", "service"},
						{"READY", "ready"},
						{"DETAIL", "detail"},
						{NULL, NULL}};

	if (cli_arguments(argc, argv, 0, 0))
		return CLI_USAGE;
	return list(cli, "/v1/services", NULL, "services", columns);
}

int show_grants(const struct cli *cli, int argc, char **argv)
{
	static const struct column columns[] = {
		{"DOMID", "domid"},	   {"DOMAIN", "domain"},
		{"SERVICE", "service"},	   {"ORIGIN", "origin"},
		{"BY-HAND", "overridden"}, {"PLUGGED", "plugged"},
		{"PARAMETERS", "params"},  {NULL, NULL}};

	if (cli_arguments(argc, argv, 0, 1))
		return CLI_USAGE;
	return list(cli, "/v1/grants", argv[1], "grants", columns);
}

int show_links(const struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = {"LINK", "DOMAINS", NULL};
	struct table *table;
	json_t *answer, *item, *end;
	size_t index, at;
	int status;

	if (cli_arguments(argc, argv, 0, 0))
		return CLI_USAGE;
	status = client_ask(cli, "GET", "/v1/links", NULL, &answer);
	if (status || !answer)
		return status;
	table = table_create(headings);
	json_array_foreach(get(answer, "links"), index, item)
	{
		json_t *names = json_array();

		json_array_foreach(get(item, "ends"), at, end)
			json_array_append(names, get(end, "domain"));
		table_json(table, get(item, "service"));
		table_json(table, names);
		json_decref(names);
	}
	table_print(table, stdout);
	json_decref(answer);
	return CLI_OK;
}

static json_int_t sum(json_t *object)
{
	const char *name;
	json_t *value;
	json_int_t total = 0;

	json_object_foreach(object, name, value) total +=
		json_integer_value(value);
	return total;
}

int show_stats(const struct cli *cli, int argc, char **argv)
{
	static const char *const headings[] = {
		"DOMAIN", "SERVICE", "REQUESTS",	"BYTES",  "DENIED",
		"QUEUED", "DROPS",   "UPSTREAM-P50-US", "P99-US", NULL};
	struct table *table;
	json_t *answer, *item;
	size_t index;
	char *path;
	int status;

	if (cli_arguments(argc, argv, 0, 1))
		return CLI_USAGE;
	path = client_path("/v1/stats", "domain", argv[1], NULL);
	status = client_ask(cli, "GET", path, NULL, &answer);
	free(path);
	if (status || !answer)
		return status;
	table = table_create(headings);
	json_array_foreach(get(answer, "stats"), index, item)
	{
		json_t *upstream = get(get(item, "latency"), "upstream");

		table_json(table, get(item, "domain"));
		table_json(table, get(item, "service"));
		table_json(table, get(item, "requests"));
		table_number(table, json_number_value(get(item, "bytes")));
		table_number(table, (double)sum(get(item, "denials")));
		table_json(table, get(item, "queued"));
		table_json(table, get(item, "drops"));
		table_json(table, get(upstream, "p50_us"));
		table_json(table, get(upstream, "p99_us"));
	}
	table_print(table, stdout);
	json_decref(answer);
	return CLI_OK;
}
