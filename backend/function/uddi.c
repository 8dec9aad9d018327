// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * uddi.c - answers of UDDI's inquiry API.
 *
 * One business entity, the platform, has all services; each has one binding,
 * its URL on this device.
 */
#define _GNU_SOURCE
#include "backend/function/uddi.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KEY_BUSINESS "uddi:2virt:platform"
#define KEY_SERVICE "uddi:2virt:service:"
#define KEY_BINDING "uddi:2virt:binding:"

static const char *error_name(enum uddi_error error)
{
	switch (error) {
	case UDDI_E_NAME_TOO_LONG:
		return "E_nameTooLong";
	case UDDI_E_TOO_MANY_OPTIONS:
		return "E_tooManyOptions";
	case UDDI_E_UNRECOGNIZED_VERSION:
		return "E_unrecognizedVersion";
	case UDDI_E_UNSUPPORTED:
		return "E_unsupported";
	case UDDI_E_INVALID_KEY:
		return "E_invalidKeyPassed";
	default:
		return "E_fatalError";
	}
}

/* Text as it may stand in an element or a quoted attribute. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c >= ' ' || c == '\t' || c == '\n')
			fputc(c, out);
	}
}

static void put_element(FILE *out, const char *name, const char *text)
{
	if (!text)
		return;
	fprintf(out, "<%s xml:lang=\"en\">", name);
	put_text(out, text);
	fprintf(out, "</%s>", name);
}

/* ---- what fits ------------------------------------------------------------
 */

static bool same(char a, char b, bool ignore_case)
{
	return ignore_case
		       ? tolower((unsigned char)a) == tolower((unsigned char)b)
		       : a == b;
}

/* SQL's LIKE: % any octets, _ one, \ takes the next as it is (5.1.4.3). */
static bool like(const char *pattern, const char *text, bool ignore_case)
{
	const char *again_pattern = NULL, *again_text = NULL;

	while (*text) {
		const char *literal =
			*pattern == '\\' && pattern[1] ? pattern + 1 : pattern;

		if (*pattern == '%') {
			again_pattern = ++pattern;
			again_text = text;
		} else if (*pattern && ((*pattern == '_') ||
					same(*literal, *text, ignore_case))) {
			pattern = *pattern == '_' ? pattern + 1 : literal + 1;
			text++;
		} else if (again_pattern) {
			pattern = again_pattern;
			text = ++again_text;
		} else {
			return false;
		}
	}
	while (*pattern == '%')
		pattern++;
	return !*pattern;
}

static bool name_fits(const struct uddi_request *request, const char *name)
{
	for (size_t i = 0; i < request->names.count; i++) {
		const char *wanted = request->names.text[i];

		if (request->approximate
			    ? like(wanted, name, request->ignore_case)
			    : !(request->ignore_case ? strcasecmp(wanted, name)
						     : strcmp(wanted, name)))
			return true;
	}
	return request->names.count == 0;
}

static const struct uddi_service *
service_by_key(const struct uddi_directory *directory, const char *key)
{
	size_t head = sizeof(KEY_SERVICE) - 1;

	if (strncasecmp(key, KEY_SERVICE, head))
		return NULL;
	for (size_t i = 0; i < directory->count; i++)
		if (!strcasecmp(directory->services[i].name, key + head))
			return &directory->services[i];
	return NULL;
}

/* ---- answers --------------------------------------------------------------
 */

static void put_service_info(FILE *out, const struct uddi_service *service)
{
	fputs("<serviceInfo serviceKey=\"" KEY_SERVICE, out);
	put_text(out, service->name);
	fputs("\" businessKey=\"" KEY_BUSINESS "\">", out);
	put_element(out, "name", service->name);
	fputs("</serviceInfo>", out);
}

static void put_service(FILE *out, const struct uddi_service *service)
{
	fputs("<businessService serviceKey=\"" KEY_SERVICE, out);
	put_text(out, service->name);
	fputs("\" businessKey=\"" KEY_BUSINESS "\">", out);
	put_element(out, "name", service->name);
	put_element(out, "description", service->description);
	fputs("<bindingTemplates><bindingTemplate bindingKey=\"" KEY_BINDING,
	      out);
	put_text(out, service->name);
	fputs("\" serviceKey=\"" KEY_SERVICE, out);
	put_text(out, service->name);
	fputs("\"><accessPoint useType=\"endPoint\">", out);
	put_text(out, service->url);
	fputs("</accessPoint>", out);
	if (service->overview) {
		fputs("<tModelInstanceDetails><tModelInstanceInfo "
		      "tModelKey=\"uddi:uddi.org:protocol:http\">"
		      "<instanceDetails><overviewDoc><overviewURL>",
		      out);
		put_text(out, service->overview);
		fputs("</overviewURL></overviewDoc></instanceDetails>"
		      "</tModelInstanceInfo></tModelInstanceDetails>",
		      out);
	}
	fputs("</bindingTemplate></bindingTemplates></businessService>", out);
}

static void put_list_description(FILE *out, size_t included, size_t actual,
				 unsigned int head)
{
	fprintf(out,
		"<listDescription><includeCount>%zu</includeCount>"
		"<actualCount>%zu</actualCount><listHead>%u</listHead>"
		"</listDescription>",
		included, actual, head);
}

/* True for a row that is asked for; counts rows that fit in *row. */
static bool row_is_wanted(const struct uddi_request *request, size_t *row)
{
	size_t first = request->list_head ? request->list_head : 1;
	size_t most = request->max_rows ? request->max_rows : UDDI_ROWS_MAX;

	++*row;
	return *row >= first && *row - first < most;
}

static size_t fitting(const struct uddi_directory *directory,
		      const struct uddi_request *request, FILE *out,
		      size_t *included)
{
	size_t row = 0;

	*included = 0;
	if (request->business[0] && strcasecmp(request->business, KEY_BUSINESS))
		return 0;
	for (size_t i = 0; i < directory->count; i++) {
		const struct uddi_service *service = &directory->services[i];

		if (!name_fits(request, service->name) ||
		    !row_is_wanted(request, &row))
			continue;
		++*included;
		if (out)
			put_service_info(out, service);
	}
	return row;
}

static void find_service(FILE *out, const struct uddi_directory *directory,
			 const struct uddi_request *request)
{
	size_t included;
	size_t actual = fitting(directory, request, NULL, &included);

	fprintf(out, "<serviceList%s>",
		included < actual ? " truncated=\"true\"" : "");
	put_list_description(out, included, actual,
			     request->list_head ? request->list_head : 1);
	if (included) {
		fputs("<serviceInfos>", out);
		fitting(directory, request, out, &included);
		fputs("</serviceInfos>", out);
	}
	fputs("</serviceList>", out);
}

static void find_business(FILE *out, const struct uddi_directory *directory,
			  const struct uddi_request *request)
{
	bool found = name_fits(request, directory->platform);

	fputs("<businessList>", out);
	put_list_description(out, found, found, 1);
	if (found) {
		fputs("<businessInfos><businessInfo businessKey=\"" KEY_BUSINESS
		      "\">",
		      out);
		put_element(out, "name", directory->platform);
		fputs("<serviceInfos>", out);
		for (size_t i = 0; i < directory->count; i++)
			put_service_info(out, &directory->services[i]);
		fputs("</serviceInfos></businessInfo></businessInfos>", out);
	}
	fputs("</businessList>", out);
}

static enum uddi_error business_detail(FILE *out,
				       const struct uddi_directory *directory,
				       const struct uddi_request *request)
{
	for (size_t i = 0; i < request->keys.count; i++)
		if (strcasecmp(request->keys.text[i], KEY_BUSINESS))
			return UDDI_E_INVALID_KEY;
	if (!request->keys.count)
		return UDDI_E_INVALID_KEY;
	fputs("<businessDetail><businessEntity businessKey=\"" KEY_BUSINESS
	      "\">",
	      out);
	put_element(out, "name", directory->platform);
	fputs("<businessServices>", out);
	for (size_t i = 0; i < directory->count; i++)
		put_service(out, &directory->services[i]);
	fputs("</businessServices></businessEntity></businessDetail>", out);
	return UDDI_OK;
}

/* One key that is none makes the whole request an error (5.1.17.4). */
static enum uddi_error service_detail(FILE *out,
				      const struct uddi_directory *directory,
				      const struct uddi_request *request)
{
	if (!request->keys.count)
		return UDDI_E_INVALID_KEY;
	for (size_t i = 0; i < request->keys.count; i++)
		if (!service_by_key(directory, request->keys.text[i]))
			return UDDI_E_INVALID_KEY;
	fputs("<serviceDetail>", out);
	for (size_t i = 0; i < request->keys.count; i++)
		put_service(out,
			    service_by_key(directory, request->keys.text[i]));
	fputs("</serviceDetail>", out);
	return UDDI_OK;
}

static enum uddi_error result_put(FILE *out,
				  const struct uddi_directory *directory,
				  const struct uddi_request *request)
{
	switch (request->operation) {
	case UDDI_FIND_BUSINESS:
		find_business(out, directory, request);
		return UDDI_OK;
	case UDDI_FIND_SERVICE:
		find_service(out, directory, request);
		return UDDI_OK;
	case UDDI_GET_BUSINESS_DETAIL:
		return business_detail(out, directory, request);
	case UDDI_GET_SERVICE_DETAIL:
		return service_detail(out, directory, request);
	default:
		return UDDI_E_UNSUPPORTED;
	}
}

static void put_fault(FILE *out, enum uddi_error error, const char *why)
{
	fputs("<Fault xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\">"
	      "<faultcode xmlns=\"\">Client</faultcode>"
	      "<faultstring xmlns=\"\">Client Error</faultstring>"
	      "<detail xmlns=\"\"><dispositionReport "
	      "xmlns=\"urn:uddi-org:api_v3\">",
	      out);
	fprintf(out, "<result errno=\"%d\"><errInfo errCode=\"%s\">",
		(int)error, error_name(error));
	put_text(out, why);
	fputs("</errInfo></result></dispositionReport></detail></Fault>", out);
}

/* The result of a request, as the text of an element; NULL: no memory. */
static char *result_make(const struct uddi_directory *directory,
			 const char *text, size_t len, enum uddi_error *error,
			 const char **why)
{
	struct uddi_request *request = malloc(sizeof(*request));
	size_t result_len;
	char *result = NULL;
	FILE *out = request ? open_memstream(&result, &result_len) : NULL;

	if (!out) {
		free(request);
		return NULL;
	}
	*error = uddi_parse(text, len, request, why);
	if (!*error) {
		*error = result_put(out, directory, request);
		*why = "there is no such key here";
	}
	free(request);
	if (fclose(out)) {
		free(result);
		return NULL;
	}
	return result;
}

int uddi_answer(const struct uddi_directory *directory, const char *request,
		size_t len, struct uddi_answer *answer)
{
	enum uddi_error error;
	const char *why;
	char *result = result_make(directory, request, len, &error, &why);
	FILE *out;

	memset(answer, 0, sizeof(*answer));
	if (!result)
		return -ENOMEM;
	out = open_memstream(&answer->text, &answer->len);
	if (!out) {
		free(result);
		return -ENOMEM;
	}
	answer->status = error ? 500 : 200;
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\">"
	      "<Body>",
	      out);
	if (error) {
		put_fault(out, error, why);
	} else {
		/* "<name ..." gets the namespace of its content. */
		size_t name = strcspn(result, " >");

		fwrite(result, 1, name, out);
		fputs(" xmlns=\"urn:uddi-org:api_v3\"", out);
		fputs(result + name, out);
	}
	fputs("</Body></Envelope>\n", out);
	free(result);
	if (fclose(out)) {
		free(answer->text);
		memset(answer, 0, sizeof(*answer));
		return -ENOMEM;
	}
	return 0;
}
