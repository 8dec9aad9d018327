// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-uddi.c - UDDI's inquiry API: what is asked is found, and what XML can
 * be misused for is refused.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/function/uddi.h"

static const struct uddi_service services[] = {
	{"catalog", "Books & <more>", "http://catalog/",
	 "http://directory/catalog/description"},
	{"catalog-old", NULL, "http://catalog-old/", NULL},
	{"shop", "A shop", "http://shop/", NULL},
};
static const struct uddi_directory directory = {"Example Cloud", services, 3};

#define HEAD                                                                   \
	"<?xml version='1.0'?><s:Envelope xmlns:s="                            \
	"'http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
#define TAIL "</s:Body></s:Envelope>"
#define NS " xmlns='urn:uddi-org:api_v3'"
#define KEY(name) "uddi:2virt:service:" name

/* The answer's text, to be freed; it is well-formed in any case. */
static char *ask(const char *request, size_t len, unsigned int *status)
{
	struct uddi_answer answer;
	xmlDocPtr document;

	assert_int_equal(uddi_answer(&directory, request, len, &answer), 0);
	document = xmlReadMemory(answer.text, (int)answer.len, NULL, NULL,
				 XML_PARSE_NONET);
	assert_non_null(document);
	xmlFreeDoc(document);
	*status = answer.status;
	return answer.text;
}

struct row {
	const char *name;
	const char *request;
	unsigned int status;
	const char *wanted[4];
	const char *unwanted;
};

static const struct row rows[] = {
	{"all services",
	 HEAD "<find_service" NS "/>" TAIL,
	 200,
	 {"<serviceList xmlns=\"urn:uddi-org:api_v3\">",
	  "serviceKey=\"" KEY("catalog") "\"", "<actualCount>3</actualCount>",
	  "serviceKey=\"" KEY("shop") "\""},
	 NULL},
	{"by exact name",
	 HEAD "<find_service" NS "><name> shop </name></find_service>" TAIL,
	 200,
	 {KEY("shop"), "<actualCount>1</actualCount>"},
	 KEY("catalog")},
	{"exact is exact",
	 HEAD "<find_service" NS "><name>sho</name></find_service>" TAIL,
	 200,
	 {"<actualCount>0</actualCount>"},
	 "serviceInfos"},
	{"a declared encoding is not believed",
	 "<?xml version='1.0' encoding='ISO-2022-JP'?><s:Envelope xmlns:s="
	 "'http://schemas.xmlsoap.org/soap/envelope/'><s:Body>"
	 "<find_service" NS "><name>shop</name></find_service>" TAIL,
	 200,
	 {KEY("shop")},
	 NULL},
	{"what does not begin as UTF-8 is refused",
	 "\xff\xfe<",
	 500,
	 {"UTF-8"},
	 NULL},
	{"case counts",
	 HEAD "<find_service" NS "><name>SHOP</name></find_service>" TAIL,
	 200,
	 {"<actualCount>0</actualCount>"},
	 KEY("shop")},
	{"case does not count if asked for",
	 HEAD "<find_service" NS "><findQualifiers><findQualifier>"
	      "caseInsensitiveMatch</findQualifier></findQualifiers>"
	      "<name>SHOP</name></find_service>" TAIL,
	 200,
	 {KEY("shop")},
	 KEY("catalog")},
	{"approximate match has wildcards",
	 HEAD "<find_service" NS "><findQualifiers><findQualifier>"
	      "uddi:uddi.org:findqualifier:approximatematch</findQualifier>"
	      "</findQualifiers><name>cat%l_g%</name></find_service>" TAIL,
	 200,
	 {KEY("catalog"), KEY("catalog-old"), "<actualCount>2</actualCount>"},
	 KEY("shop")},
	{"a wildcard is none in an exact match",
	 HEAD "<find_service" NS "><name>%</name></find_service>" TAIL,
	 200,
	 {"<actualCount>0</actualCount>"},
	 KEY("shop")},
	{"rows are counted and cut",
	 HEAD "<find_service" NS " maxRows='1' listHead='2'/>" TAIL,
	 200,
	 {"truncated=\"true\"", "<includeCount>1</includeCount>",
	  "<listHead>2</listHead>", KEY("catalog-old")},
	 KEY("shop")},
	{"of this business",
	 HEAD "<find_service" NS " businessKey='uddi:2virt:platform'/>" TAIL,
	 200,
	 {"<actualCount>3</actualCount>"},
	 NULL},
	{"of another business",
	 HEAD "<find_service" NS " businessKey='uddi:other'/>" TAIL,
	 200,
	 {"<actualCount>0</actualCount>"},
	 KEY("shop")},
	{"the business",
	 HEAD "<find_business" NS
	      "><name>Example Cloud</name></find_business>" TAIL,
	 200,
	 {"<businessList", "businessKey=\"uddi:2virt:platform\"", KEY("shop")},
	 NULL},
	{"business detail",
	 HEAD "<get_businessDetail" NS "><businessKey>uddi:2virt:platform"
	      "</businessKey></get_businessDetail>" TAIL,
	 200,
	 {"<businessDetail", "<businessServices>", KEY("catalog-old")},
	 NULL},
	{"service detail",
	 HEAD "<get_serviceDetail" NS "><serviceKey>" KEY(
		 "catalog") "</serviceKey></get_serviceDetail>" TAIL,
	 200,
	 {"<accessPoint useType=\"endPoint\">http://catalog/</accessPoint>",
	  "Books &amp; &lt;more&gt;",
	  "<overviewURL>http://directory/catalog/description</overviewURL>"},
	 KEY("shop")},
	{"a prefix and a header do not matter",
	 "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'>"
	 "<e:Header><x><y/></x></e:Header><e:Body><u:find_service "
	 "xmlns:u='urn:uddi-org:api_v3'><u:name>shop</u:name>"
	 "</u:find_service></e:Body></e:Envelope>",
	 200,
	 {KEY("shop")},
	 KEY("catalog")},
	{"no such key",
	 HEAD "<get_serviceDetail" NS "><serviceKey>" KEY(
		 "secret") "</serviceKey></get_serviceDetail>" TAIL,
	 500,
	 {"errno=\"10210\"", "E_invalidKeyPassed", "<faultcode"},
	 "businessService"},
	{"one wrong key of two",
	 HEAD "<get_serviceDetail" NS "><serviceKey>" KEY(
		 "shop") "</serviceKey><serviceKey>x</serviceKey>"
			 "</get_serviceDetail>" TAIL,
	 500,
	 {"errno=\"10210\""},
	 "businessService"},
	{"what would change something",
	 HEAD "<save_service" NS "/>" TAIL,
	 500,
	 {"errno=\"10050\"", "E_unsupported"},
	 NULL},
	{"another version",
	 HEAD "<find_service xmlns='urn:uddi-org:api_v2'/>" TAIL,
	 500,
	 {"errno=\"10040\""},
	 NULL},
	{"an unknown qualifier",
	 HEAD "<find_service" NS "><findQualifiers><findQualifier>soundex"
	      "</findQualifier></findQualifiers></find_service>" TAIL,
	 500,
	 {"errno=\"10050\""},
	 NULL},
	{"a bag",
	 HEAD "<find_service" NS "><categoryBag/></find_service>" TAIL,
	 500,
	 {"errno=\"10050\""},
	 NULL},
	{"two requests in one",
	 HEAD "<find_service" NS "/><find_service" NS "/>" TAIL,
	 500,
	 {"errno=\"10500\""},
	 NULL},
	{"no request", HEAD TAIL, 500, {"errno=\"10500\""}, NULL},
	{"no envelope", "<find_service" NS "/>", 500, {"SOAP 1.1"}, NULL},
	{"no XML", "hello", 500, {"errno=\"10500\""}, NULL},
	{"nothing", "", 500, {"errno=\"10500\""}, NULL},
	{"XML that ends too early",
	 HEAD "<find_service" NS ">",
	 500,
	 {"well-formed"},
	 NULL},
	{"an entity of the request's own",
	 "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'shop'>]><x/>",
	 500,
	 {"document type"},
	 NULL},
	{"a file as an entity",
	 "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>" HEAD
	 "<find_service" NS "><name>&a;</name></find_service>" TAIL,
	 500,
	 {"document type"},
	 "root:"},
	{"entities in entities",
	 "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>"
	 "<!ENTITY c '&b;&b;&b;&b;'>]><x>&c;</x>",
	 500,
	 {"document type"},
	 NULL},
	{"an entity that is not there",
	 HEAD "<find_service" NS "><name>&a;</name></find_service>" TAIL,
	 500,
	 {"well-formed"},
	 NULL},
	{"XML's own entities",
	 HEAD "<find_service" NS "><name>&#115;hop</name></find_service>" TAIL,
	 200,
	 {KEY("shop")},
	 KEY("catalog")},
};

static void each_request_gets_its_answer(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		unsigned int status;
		char *text = ask(row->request, strlen(row->request), &status);

		if (status != row->status)
			fail_msg("%s: %u: %s", row->name, status, text);
		for (int j = 0; j < 4 && row->wanted[j]; j++)
			if (!strstr(text, row->wanted[j]))
				fail_msg("%s: no %s in %s", row->name,
					 row->wanted[j], text);
		if (row->unwanted && strstr(text, row->unwanted))
			fail_msg("%s: %s in %s", row->name, row->unwanted,
				 text);
		free(text);
	}
}

/* A request with so many times a text in the middle. */
static char *request_of(const char *head, const char *text, size_t times,
			const char *tail, size_t *len)
{
	char *request;
	FILE *out = open_memstream(&request, len);

	fputs(head, out);
	for (size_t i = 0; i < times; i++)
		fputs(text, out);
	fputs(tail, out);
	fclose(out);
	return request;
}

static void expect_refusal(const char *head, const char *text, size_t times,
			   const char *tail, const char *errno_text)
{
	unsigned int status;
	size_t len;
	char *request = request_of(head, text, times, tail, &len);
	char *answer = ask(request, len, &status);

	assert_int_equal(status, 500);
	assert_non_null(strstr(answer, errno_text));
	free(answer);
	free(request);
}

static void what_is_too_much_is_refused(void **state)
{
	expect_refusal(HEAD "<find_service" NS ">", "<a>", 100000, "", "10500");
	expect_refusal(HEAD "<find_service" NS ">", "<a>", 20,
		       "</find_service>" TAIL, "nested too deeply");
	expect_refusal(HEAD "<find_service" NS "><name>", "x", 256,
		       "</name></find_service>" TAIL, "10020");
	expect_refusal(HEAD "<find_service" NS " businessKey='", "x", 256,
		       "'/>" TAIL, "10020");
	expect_refusal(HEAD "<find_service" NS ">", "<name>x</name>", 17,
		       "</find_service>" TAIL, "10030");
	expect_refusal(HEAD "<!--", "x", UDDI_REQUEST_MAX, "-->" TAIL,
		       "too long");
}

static void the_longest_name_is_taken(void **state)
{
	unsigned int status;
	size_t len;
	char *request = request_of(HEAD "<find_service" NS "><name>", "x", 255,
				   "</name></find_service>" TAIL, &len);

	free(ask(request, len, &status));
	assert_int_equal(status, 200);
	free(request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_request_gets_its_answer),
		cmocka_unit_test(what_is_too_much_is_refused),
		cmocka_unit_test(the_longest_name_is_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
