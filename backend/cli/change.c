// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * change.c - attach, detach, allow, deny, revoke, limits.
 */
#include <stdlib.h>
#include <string.h>

#include "backend/cli/client.h"
#include "backend/cli/table.h"

/* Sends it, says what was done. */
static int send_change(const struct cli *cli, const char *method,
		       const char *path, json_t *body)
{
	json_t *answer;
	const char *detail;
	int status = client_ask(cli, method, path, body, &answer);

	if (status || !answer)
		return status;
	detail = json_string_value(json_object_get(answer, "detail"));
	table_put_text(stdout,
		       json_string_value(json_object_get(answer, "done"))
			       ?: "");
	if (detail && detail[0]) {
		fputs(": ", stdout);
		table_put_text(stdout, detail);
	}
	putchar('\n');
	json_decref(answer);
	return CLI_OK;
}

int change_attach(const struct cli *cli, int argc, char **argv)
{
	json_t *body;
	long ports;
	char *end;

	if (cli_arguments(argc, argv, 1, 2))
		return CLI_USAGE;
	body = json_pack("{s:s}", "domain", argv[1]);
	if (argc == 3) {
		if (strncmp(argv[2], "ports=", 6) != 0) {
			json_decref(body);
			return cli_usage(argv[0], "\"%s\" is not ports=N",
					 argv[2]);
		}
		ports = strtol(argv[2] + 6, &end, 10);
		json_object_set_new(body, "ports",
				    json_integer(*end ? -1 : ports));
	}
	return send_change(cli, "POST", "/v1/attach", body);
}

int change_detach(const struct cli *cli, int argc, char **argv)
{
	if (cli_arguments(argc, argv, 1, 1))
		return CLI_USAGE;
	return send_change(cli, "POST", "/v1/detach",
			   json_pack("{s:s}", "domain", argv[1]));
}

/* "key=value" into an object; "key=" is null where that takes away.  Without
 * "=" it is as "key=yes" (notify).  False: said. */
static bool param_add(const char *command, json_t *params, const char *text,
		      bool may_remove)
{
	const char *equals = strchr(text, '=');
	char name[64];
	size_t len = equals ? (size_t)(equals - text) : strlen(text);
	json_t *value;

	if (len == 0 || len >= sizeof(name)) {
		cli_usage(command, "\"%s\" is not key=value", text);
		return false;
	}
	memcpy(name, text, len);
	name[len] = '\0';
	value = may_remove && equals && !equals[1]
			? json_null()
			: json_string(equals ? equals + 1 : "yes");
	if (!value) {
		cli_usage(command, "\"%s\" is no UTF-8", text);
		return false;
	}
	json_object_set_new(params, name, value);
	return true;
}

static int grant(const struct cli *cli, int argc, char **argv, bool params)
{
	json_t *body, *object = json_object();
	char path[32];
	bool save = false;
	int words = 0;

	body = json_object();
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--save") == 0)
			save = true;
		else if (argv[i][0] == '-')
			goto err_usage;
		else if (words < 2)
			json_object_set_new(body,
					    words++ ? "service" : "domain",
					    json_string(argv[i]));
		else if (!params || !param_add(argv[0], object, argv[i], false))
			goto err_usage;
	}
	if (words < 2)
		goto err_usage;
	json_object_set_new(body, "save", json_boolean(save));
	if (params)
		json_object_set(body, "params", object);
	json_decref(object);
	snprintf(path, sizeof(path), "/v1/%s", argv[0]);
	return send_change(cli, "POST", path, body);

err_usage:
	json_decref(object);
	json_decref(body);
	return cli_usage(argv[0], "wrong arguments");
}

int change_allow(const struct cli *cli, int argc, char **argv)
{
	return grant(cli, argc, argv, true);
}

int change_deny(const struct cli *cli, int argc, char **argv)
{
	return grant(cli, argc, argv, false);
}

int change_revoke(const struct cli *cli, int argc, char **argv)
{
	return grant(cli, argc, argv, false);
}

/*
 * --- limits ---
 */

static int limits_show(const struct cli *cli, const char *domain)
{
	static const char *const headings[] = {"DOMID", "DOMAIN", "SERVICE",
					       "LIMITS", NULL};
	char *path = client_path("/v1/limits", "domain", domain, NULL);
	json_t *answer, *item;
	struct table *table;
	size_t index;
	int status = client_ask(cli, "GET", path, NULL, &answer);

	free(path);
	if (status || !answer)
		return status;
	table = table_create(headings);
	json_array_foreach(json_object_get(answer, "limits"), index, item)
	{
		json_t *service = json_object_get(item, "service");

		table_json(table, json_object_get(item, "domid"));
		table_json(table, json_object_get(item, "domain"));
		if (json_is_null(service))
			table_cell(table, "(all)");
		else
			table_json(table, service);
		table_json(table, json_object_get(item, "limits"));
	}
	table_print(table, stdout);
	json_decref(answer);
	return CLI_OK;
}

int change_limits(const struct cli *cli, int argc, char **argv)
{
	json_t *body, *limits;
	int at = 2;

	if (argc <= 2)
		return cli_arguments(argc, argv, 0, 1)
			       ? CLI_USAGE
			       : limits_show(cli, argv[1]);
	limits = json_object();
	body = json_pack("{s:s, s:o}", "domain", argv[1], "limits", limits);
	if (!body)
		return cli_usage(argv[0], "\"%s\" is no UTF-8", argv[1]);
	if (!strchr(argv[at], '=') && strchr(argv[at], ':'))
		json_object_set_new(body, "service", json_string(argv[at++]));
	for (; at < argc; at++) {
		if (strchr(argv[at], '=') &&
		    param_add(argv[0], limits, argv[at], true))
			continue;
		json_decref(body);
		return cli_usage(argv[0], "\"%s\" is not key=value", argv[at]);
	}
	if (!json_object_size(limits)) {
		json_decref(body);
		return cli_usage(argv[0], "no limit is given");
	}
	return send_change(cli, "PUT", "/v1/limits", body);
}
