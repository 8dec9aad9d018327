// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uddi-parse.c - reads a SOAP request of UDDI's inquiry API.
 *
 * libxml2 calls for each element; nothing is kept but what struct uddi_request
 * has room for.  A document type stops the parser at once, so there are no
 * entities but XML's own five.
 */
#include "backend/function/uddi.h"

#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NS_SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define NS_UDDI "urn:uddi-org:api_v3"

enum place {
	PLACE_OUTSIDE,
	PLACE_ENVELOPE,
	PLACE_HEADER, /* and below: skipped */
	PLACE_BODY,
	PLACE_OPERATION,
	PLACE_QUALIFIERS,
	PLACE_VALUE, /* text is collected */
	PLACE_SKIPPED,
};

struct reader {
	xmlParserCtxtPtr parser;
	struct uddi_request *request;
	enum place places[UDDI_DEPTH_MAX];
	unsigned int depth;
	char *value; /* where text goes: UDDI_TEXT_MAX + 1 octets */
	size_t value_len;
	char qualifier[UDDI_TEXT_MAX + 1];
	enum uddi_error error;
	const char *why;
};

static void fail(struct reader *reader, enum uddi_error error, const char *why)
{
	if (reader->error)
		return;
	reader->error = error;
	reader->why = why;
	xmlStopParser(reader->parser);
}

static const struct {
	const char *name;
	enum uddi_operation operation;
} operations[] = {
	{"find_business", UDDI_FIND_BUSINESS},
	{"find_service", UDDI_FIND_SERVICE},
	{"get_businessDetail", UDDI_GET_BUSINESS_DETAIL},
	{"get_serviceDetail", UDDI_GET_SERVICE_DETAIL},
};

static bool is(const xmlChar *text, const char *other)
{
	return text && !strcmp((const char *)text, other);
}

/* The value of an attribute without namespace, as a number of 1 or more. */
static unsigned int number_of(const xmlChar *begin, const xmlChar *end,
			      unsigned int most)
{
	unsigned int number = 0;

	for (; begin < end; begin++) {
		if (*begin < '0' || *begin > '9')
			return 0;
		number = number * 10 + (unsigned int)(*begin - '0');
		if (number > most)
			return most;
	}
	return number;
}

static void read_attributes(struct reader *reader, int count,
			    const xmlChar **attributes)
{
	struct uddi_request *request = reader->request;

	/* Five pointers each: name, prefix, URI, begin and end of its value. */
	for (int i = 0; i < count; i++, attributes += 5) {
		const xmlChar *begin = attributes[3], *end = attributes[4];
		size_t len = (size_t)(end - begin);

		if (is(attributes[0], "maxRows")) {
			request->max_rows =
				number_of(begin, end, UDDI_ROWS_MAX);
		} else if (is(attributes[0], "listHead")) {
			request->list_head =
				number_of(begin, end, UDDI_ROWS_MAX);
		} else if (is(attributes[0], "businessKey")) {
			if (len > UDDI_TEXT_MAX) {
				fail(reader, UDDI_E_NAME_TOO_LONG,
				     "a key is too long");
				return;
			}
			memcpy(request->business, begin, len);
		}
	}
}

static void operation_begin(struct reader *reader, const xmlChar *name,
			    const xmlChar *uri)
{
	if (reader->request->operation) {
		fail(reader, UDDI_E_FATAL, "one request asks for one thing");
		return;
	}
	if (!is(uri, NS_UDDI)) {
		fail(reader, UDDI_E_UNRECOGNIZED_VERSION,
		     "only UDDI version 3 is spoken: " NS_UDDI);
		return;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (is(name, operations[i].name)) {
			reader->request->operation = operations[i].operation;
			return;
		}
	fail(reader, UDDI_E_UNSUPPORTED,
	     "this directory answers find_business, find_service, "
	     "get_businessDetail and get_serviceDetail");
}

static enum place value_begin(struct reader *reader, struct uddi_values *values)
{
	if (values->count == UDDI_VALUES_MAX) {
		fail(reader, UDDI_E_TOO_MANY_OPTIONS,
		     "too many names or keys in one request");
		return PLACE_SKIPPED;
	}
	reader->value = values->text[values->count++];
	reader->value_len = 0;
	return PLACE_VALUE;
}

static enum place operation_child(struct reader *reader, const xmlChar *name)
{
	struct uddi_request *request = reader->request;

	if (is(name, "name"))
		return value_begin(reader, &request->names);
	if (is(name, "serviceKey") || is(name, "businessKey"))
		return value_begin(reader, &request->keys);
	if (is(name, "findQualifiers"))
		return PLACE_QUALIFIERS;
	/* tModelBag, categoryBag and so on: our entries have none of these. */
	if (is(name, "tModelBag") || is(name, "categoryBag") ||
	    is(name, "identifierBag") || is(name, "discoveryURLs") ||
	    is(name, "find_tModel") || is(name, "find_relatedBusinesses"))
		fail(reader, UDDI_E_UNSUPPORTED,
		     "services of this directory are found by name and key");
	return PLACE_SKIPPED;
}

static enum place child_of(struct reader *reader, enum place parent,
			   const xmlChar *name, const xmlChar *uri, int count,
			   const xmlChar **attributes)
{
	switch (parent) {
	case PLACE_OUTSIDE:
		if (is(name, "Envelope") && is(uri, NS_SOAP))
			return PLACE_ENVELOPE;
		fail(reader, UDDI_E_FATAL, "this is no SOAP 1.1 envelope");
		return PLACE_SKIPPED;
	case PLACE_ENVELOPE:
		if (is(name, "Body") && is(uri, NS_SOAP))
			return PLACE_BODY;
		return PLACE_SKIPPED;
	case PLACE_BODY:
		operation_begin(reader, name, uri);
		if (!reader->error)
			read_attributes(reader, count, attributes);
		return PLACE_OPERATION;
	case PLACE_OPERATION:
		return operation_child(reader, name);
	case PLACE_QUALIFIERS:
		if (!is(name, "findQualifier"))
			return PLACE_SKIPPED;
		reader->value = reader->qualifier;
		reader->value_len = 0;
		memset(reader->qualifier, 0, sizeof(reader->qualifier));
		return PLACE_VALUE;
	default:
		return PLACE_SKIPPED;
	}
}

static void on_start(void *context, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int namespace_count,
		     const xmlChar **namespaces, int count, int defaulted,
		     const xmlChar **attributes)
{
	struct reader *reader = context;
	enum place parent = reader->depth ? reader->places[reader->depth - 1]
					  : PLACE_OUTSIDE;

	if (reader->depth == UDDI_DEPTH_MAX) {
		fail(reader, UDDI_E_FATAL,
		     "the request's elements are nested too deeply");
		return;
	}
	reader->places[reader->depth++] =
		child_of(reader, parent, name, uri, count, attributes);
}

/* "exactMatch" or "uddi:uddi.org:findqualifier:exactmatch", in any case */
static void qualifier_take(struct reader *reader)
{
	static const char head[] = "uddi:uddi.org:findqualifier:";
	const char *name = reader->qualifier;

	if (!strncasecmp(name, head, sizeof(head) - 1))
		name += sizeof(head) - 1;
	if (!strcasecmp(name, "approximateMatch"))
		reader->request->approximate = true;
	else if (!strcasecmp(name, "caseInsensitiveMatch"))
		reader->request->ignore_case = true;
	else if (strcasecmp(name, "exactMatch") &&
		 strcasecmp(name, "caseSensitiveMatch") &&
		 strcasecmp(name, "sortByNameAsc"))
		fail(reader, UDDI_E_UNSUPPORTED,
		     "this findQualifier is not supported");
}

/* Blanks around a key or name are not part of it. */
static void value_trim(struct reader *reader)
{
	static const char blanks[] = " \t\r\n";
	size_t skip = strspn(reader->value, blanks);
	size_t len = strlen(reader->value + skip);

	memmove(reader->value, reader->value + skip, len);
	while (len && strchr(blanks, reader->value[len - 1]))
		len--;
	memset(reader->value + len, 0, UDDI_TEXT_MAX + 1 - len);
}

static void on_end(void *context, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct reader *reader = context;

	if (!reader->depth || reader->error)
		return;
	reader->depth--;
	if (reader->places[reader->depth] != PLACE_VALUE)
		return;
	value_trim(reader);
	if (reader->value == reader->qualifier)
		qualifier_take(reader);
	reader->value = NULL;
}

static void on_text(void *context, const xmlChar *text, int len)
{
	struct reader *reader = context;

	if (!reader->depth || reader->error ||
	    reader->places[reader->depth - 1] != PLACE_VALUE)
		return;
	if (reader->value_len + (size_t)len > UDDI_TEXT_MAX) {
		fail(reader, UDDI_E_NAME_TOO_LONG, "a name or key is too long");
		return;
	}
	memcpy(reader->value + reader->value_len, text, (size_t)len);
	reader->value_len += (size_t)len;
}

static void on_doctype(void *context, const xmlChar *name,
		       const xmlChar *external, const xmlChar *system)
{
	fail(context, UDDI_E_FATAL, "a document type is not taken");
}

/* Malformed XML is seen by the parser's result. */
static void on_error(void *context, xmlErrorPtr error)
{
}

/*
 * Other encodings are not guessed nor believed: for them the C library would
 * load converters, and a sandboxed process has no files.
 */
static bool begins_as_utf8(const char *text, size_t len)
{
	return len > 1 && strchr("< \t\r\n\xef", text[0]) && text[0] && text[1];
}

enum uddi_error uddi_parse(const char *text, size_t len,
			   struct uddi_request *request, const char **why)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.externalSubset = on_doctype,
		.serror = on_error,
	};
	struct reader reader = {.request = request};
	bool formed;

	memset(request, 0, sizeof(*request));
	*why = "the request is too long";
	if (len > UDDI_REQUEST_MAX)
		return UDDI_E_FATAL;
	*why = "the request is no XML in UTF-8";
	if (!begins_as_utf8(text, len))
		return UDDI_E_FATAL;
	reader.parser = xmlCreatePushParserCtxt(&sax, &reader, NULL, 0, NULL);
	*why = "no memory";
	if (!reader.parser)
		return UDDI_E_FATAL;
	xmlCtxtUseOptions(reader.parser, XML_PARSE_NONET | XML_PARSE_NOERROR |
						 XML_PARSE_NOWARNING |
						 XML_PARSE_IGNORE_ENC);
	xmlParseChunk(reader.parser, text, (int)len, 1);
	formed = reader.parser->wellFormed;
	xmlFreeParserCtxt(reader.parser);
	*why = reader.why;
	if (reader.error)
		return reader.error;
	*why = "the request is no well-formed XML";
	if (!formed)
		return UDDI_E_FATAL;
	*why = "the envelope has no request in its body";
	if (!request->operation)
		return UDDI_E_FATAL;
	*why = NULL;
	return UDDI_OK;
}
