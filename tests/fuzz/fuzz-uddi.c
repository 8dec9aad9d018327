// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz-uddi.c - any octets as a UDDI request: there is always an answer, it is
 * well-formed, and its length is bounded.
 */
#include "backend/function/uddi.h"

#include <libxml/parser.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void quiet(void *context, const char *message, ...)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct uddi_service services[] = {
		{"catalog", "A <shop> & more", "http://catalog/", NULL},
		{"shop-2", NULL, "http://shop-2/", "http://directory/shop-2"},
	};
	static const struct uddi_directory directory = {"Platform", services,
							2};
	struct uddi_answer answer;
	xmlDocPtr document;

	xmlSetGenericErrorFunc(NULL, quiet);
	if (uddi_answer(&directory, (const char *)data, size, &answer))
		return 0;
	if (answer.len > 64 * 1024)
		abort();
	document = xmlReadMemory(answer.text, (int)answer.len, NULL, NULL,
				 XML_PARSE_NONET);
	if (!document)
		abort();
	xmlFreeDoc(document);
	free(answer.text);
	return 0;
}
