/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uddi.h - the directory for programs that speak UDDI version 3: the inquiry
 * API over SOAP 1.1, for reading only.
 *
 * Texts in, texts out: nothing here waits, calls back or keeps state.  The
 * requests come from a guest: they are read by a SAX parser that takes no
 * document type, no entities of the request's own, no deep nesting and no long
 * texts, so that memory and time are bounded by the request's length.
 *
 * Specification: UDDI 3.0.2, section 5.1 (find_business, find_service,
 * get_businessDetail, get_serviceDetail) and 4.8 (errors); docs/directory.md.
 */
#ifndef FUNCTION_UDDI_H
#define FUNCTION_UDDI_H

#include <stdbool.h>
#include <stddef.h>

enum {
	UDDI_REQUEST_MAX = 64 * 1024, /* octets */
	UDDI_DEPTH_MAX = 16,	      /* elements inside each other */
	UDDI_TEXT_MAX = 255,	      /* octets of a name or key */
	UDDI_VALUES_MAX = 16,	      /* names or keys in one request */
	UDDI_ROWS_MAX = 1000,	      /* of an answer */
};

/* What can be found; borrowed. */
struct uddi_service {
	const char *name;	 /* [a-z0-9_-], becomes the key */
	const char *description; /* NULL: none */
	const char *url;	 /* access point */
	const char *overview;	 /* URL of its description document, or NULL */
};

struct uddi_directory {
	const char *platform; /* who offers: the business entity's name */
	const struct uddi_service *services;
	size_t count;
};

struct uddi_answer {
	unsigned int status; /* of HTTP: 200, or 500 with a SOAP fault */
	char *text;	     /* for free() */
	size_t len;
};

/* Answers a request of len octets.  0 or -ENOMEM. */
int uddi_answer(const struct uddi_directory *directory, const char *request,
		size_t len, struct uddi_answer *answer);

/* ---- between its files --------------------------------------------------- */

enum uddi_operation {
	UDDI_NONE,
	UDDI_FIND_BUSINESS,
	UDDI_FIND_SERVICE,
	UDDI_GET_BUSINESS_DETAIL,
	UDDI_GET_SERVICE_DETAIL,
	UDDI_OPERATION_COUNT
};

struct uddi_values {
	char text[UDDI_VALUES_MAX][UDDI_TEXT_MAX + 1];
	size_t count;
};

struct uddi_request {
	enum uddi_operation operation;
	struct uddi_values names;
	struct uddi_values keys;
	char business[UDDI_TEXT_MAX + 1]; /* businessKey of find_service */
	bool approximate; /* % and _ are wildcards, the text is a beginning */
	bool ignore_case;
	unsigned int max_rows;	/* UDDI_ROWS_MAX at most */
	unsigned int list_head; /* the first row wanted, from 1 */
};

/* errno of UDDI 3.0.2, section 12 */
enum uddi_error {
	UDDI_OK = 0,
	UDDI_E_NAME_TOO_LONG = 10020,
	UDDI_E_TOO_MANY_OPTIONS = 10030,
	UDDI_E_UNRECOGNIZED_VERSION = 10040,
	UDDI_E_UNSUPPORTED = 10050,
	UDDI_E_INVALID_KEY = 10210,
	UDDI_E_FATAL = 10500,
};

/*
 * Reads a request.  UDDI_OK, or an error with *why, one constant line.
 */
enum uddi_error uddi_parse(const char *text, size_t len,
			   struct uddi_request *request, const char **why);

#endif
