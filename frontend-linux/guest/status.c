// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * status.c - what is plugged in, for people and programs.
 *
 * No field holds a tab, a quote or a control character: names are checked
 * (name.c), the rest is the kernel's or ours.  The JSON is escaped anyhow.
 */
#include "status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int status_row_write(const struct status_row *row, char *line, size_t size)
{
	int len = snprintf(line, size,
			   "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64
			   "\t%" PRIu64 "\t%" PRIu64 "\n",
			   row->type, row->name, row->location, row->device,
			   row->state, row->socket, row->peer, row->pipes,
			   row->pipes_used, row->bytes_in, row->bytes_out);

	return len < 0 || (size_t)len >= size ? -ENOSPC : len;
}

int status_row_read(struct status_row *row, char *line)
{
	char *const texts[] = {row->type,   row->name,	row->location,
			       row->device, row->state, row->socket,
			       row->peer};
	uint64_t *const numbers[] = {&row->pipes, &row->pipes_used,
				     &row->bytes_in, &row->bytes_out};
	char *rest = line;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *field = strsep(&rest, "\t");

		if (!field || strlen(field) >= STATUS_FIELD_MAX)
			return -EINVAL;
		strcpy(texts[i], field);
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const char *field = strsep(&rest, "\t");
		char *end;

		if (!field || field[0] < '0' || field[0] > '9')
			return -EINVAL;
		*numbers[i] = strtoull(field, &end, 10);
		if (*end)
			return -EINVAL;
	}
	return rest ? -EINVAL : 0;
}

/* Octets for people: four characters at most and a unit. */
static void size_format(char *text, size_t size, uint64_t octets)
{
	static const char units[] = "KMGTPE";
	double value = (double)octets;
	int unit = -1;

	while (value >= 1024 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	if (unit < 0)
		snprintf(text, size, "%" PRIu64 " B", octets);
	else
		snprintf(text, size, "%.1f %ciB", value, units[unit]);
}

/* "UUID there NAME" taken apart; false: there is none. */
static bool peer_split(const struct status_row *row, char *uuid, char *state,
		       char *name)
{
	return sscanf(row->peer, "%39s %9s %63s", uuid, state, name) == 3;
}

/* Who is at the other end of each link, below the table. */
static void peers_print(FILE *out, const struct status_row *rows, size_t count)
{
	char uuid[40], state[10], name[64];
	bool first = true;

	for (size_t i = 0; i < count; i++) {
		if (!peer_split(&rows[i], uuid, state, name))
			continue;
		if (first)
			fprintf(out, "\n%-16s %-9s %-20s %s\n", "LINK",
				"PEER IS", "PEER", "UUID");
		first = false;
		fprintf(out, "%-16s %-9s %-20s %s\n", rows[i].name, state, name,
			uuid);
	}
}

void status_print_table(FILE *out, const struct status_row *rows, size_t count)
{
	fprintf(out, "%-8s %-16s %-9s %-7s %10s %10s  %-10s %s\n", "TYPE",
		"NAME", "STATE", "PIPES", "IN", "OUT", "WHERE", "SOCKET");
	for (size_t i = 0; i < count; i++) {
		const struct status_row *row = &rows[i];
		char pipes[48], in[32], bytes_out[32];

		snprintf(pipes, sizeof(pipes), "%" PRIu64 "/%" PRIu64,
			 row->pipes_used, row->pipes);
		size_format(in, sizeof(in), row->bytes_in);
		size_format(bytes_out, sizeof(bytes_out), row->bytes_out);
		fprintf(out, "%-8s %-16s %-9s %-7s %10s %10s  %-10s %s\n",
			row->type, row->name, row->state, pipes, in, bytes_out,
			row->location, row->socket);
	}
	peers_print(out, rows, count);
}

static void json_string(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned char)*text);
		else
			fputc(*text, out);
	}
	fputs("\", ", out);
}

static void peer_print_json(FILE *out, const struct status_row *row)
{
	char uuid[40], state[10], name[64];

	if (!peer_split(row, uuid, state, name))
		return;
	fputs(", \"peer\": {", out);
	json_string(out, "name", name);
	json_string(out, "uuid", uuid);
	fprintf(out, "\"present\": %s}",
		strcmp(state, "there") == 0 ? "true" : "false");
}

void status_print_json(FILE *out, const struct status_row *rows, size_t count,
		       void (*more)(FILE *out, const struct status_row *row))
{
	fputs("[", out);
	for (size_t i = 0; i < count; i++) {
		const struct status_row *row = &rows[i];

		fputs(i ? ",\n {" : "\n {", out);
		json_string(out, "type", row->type);
		json_string(out, "name", row->name);
		json_string(out, "state", row->state);
		json_string(out, "location", row->location);
		json_string(out, "device", row->device);
		json_string(out, "socket", row->socket);
		fprintf(out,
			"\"pipes\": %" PRIu64 ", \"pipes_used\": %" PRIu64
			", \"bytes_in\": %" PRIu64 ", \"bytes_out\": %" PRIu64,
			row->pipes, row->pipes_used, row->bytes_in,
			row->bytes_out);
		peer_print_json(out, row);
		if (more)
			more(out, row);
		fputc('}', out);
	}
	fputs(count ? "\n]\n" : "]\n", out);
}
