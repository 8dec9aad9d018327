// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-schema.c - dumps of any content, read and checked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore-schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(void *context, const struct schema_violation *violation)
{
	size_t *count = context;

	if (violation->path[0] != '/' || !violation->message[0])
		abort();
	/* Nothing of a value gets out that a terminal would obey. */
	for (const char *at = violation->message; *at; at++)
		if (*at < ' ' || *at > '~')
			abort();
	++*count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *schema;
	struct schema_result result;
	struct snapshot *snapshot;
	unsigned int line;
	const char *why = NULL;
	char text[256];
	size_t count = 0;

	if (!schema)
		schema = schema_load(NULL, text, sizeof(text));
	if (!schema)
		abort();
	if (snapshot_parse((const char *)data, size, &snapshot, &line, &why)) {
		if (!why)
			abort();
		return 0;
	}
	schema_check(schema, snapshot, look, &count, &result);
	if (count != result.violations)
		abort();
	snapshot_free(snapshot);
	return 0;
}
