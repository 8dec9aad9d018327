// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * client.c - asks 2virtd over its socket, with libcurl.
 */
#include "backend/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_S = 5, ANSWER_S = 120, ANSWER_MAX = 64 << 20 };

struct buffer {
	char *text;
	size_t len;
	/* of a stream: called for each line */
	bool (*line)(void *context, const char *line);
	void *context;
	bool stopped;
};

/* Hands whole lines out and keeps the rest.  False: enough. */
static bool lines_take(struct buffer *buffer)
{
	char *start = buffer->text, *end;
	bool more = true;

	while (more &&
	       (end = memchr(start, '\n',
			     buffer->len - (size_t)(start - buffer->text)))) {
		*end = '\0';
		more = buffer->line(buffer->context, start);
		start = end + 1;
	}
	buffer->len -= (size_t)(start - buffer->text);
	memmove(buffer->text, start, buffer->len);
	buffer->stopped = !more;
	return more;
}

static size_t on_data(char *data, size_t size, size_t count, void *context)
{
	struct buffer *buffer = context;
	size_t len = size * count;
	char *grown;

	if (len > ANSWER_MAX - buffer->len)
		return 0;
	grown = realloc(buffer->text, buffer->len + len + 1);
	if (!grown)
		return 0;
	buffer->text = grown;
	memcpy(grown + buffer->len, data, len);
	buffer->len += len;
	grown[buffer->len] = '\0';
	if (buffer->line && !lines_take(buffer))
		return 0;
	return len;
}

static CURL *handle_make(const struct cli *cli, const char *method,
			 const char *path, struct buffer *buffer)
{
	CURL *curl = curl_easy_init();
	char url[2048];

	if (!curl)
		return NULL;
	snprintf(url, sizeof(url), "http://localhost%s", path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->control);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, buffer);
	if (!buffer->line)
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)ANSWER_S);
	return curl;
}

/* Nobody there, or nobody for us. */
static int failed(const struct cli *cli, CURL *curl, CURLcode code)
{
	long number = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &number);
	if (code == CURLE_COULDNT_CONNECT && number == EACCES) {
		cli_error("%s: permission denied; be root, or a member of the "
			  "group 2virt to read",
			  cli->control);
		return CLI_FAILED;
	}
	if (code == CURLE_COULDNT_CONNECT) {
		cli_error("%s: %s; is 2virtd running? (systemctl status "
			  "2virtd)",
			  cli->control,
			  number ? strerror((int)number) : "cannot connect");
		return CLI_NO_DAEMON;
	}
	if (code == CURLE_GOT_NOTHING || code == CURLE_RECV_ERROR ||
	    code == CURLE_OPERATION_TIMEDOUT) {
		cli_error("2virtd did not answer: %s",
			  curl_easy_strerror(code));
		return CLI_NO_DAEMON;
	}
	cli_error("%s", curl_easy_strerror(code));
	return CLI_FAILED;
}

static void tell_problem(json_t *problem, long status)
{
	const char *detail =
		json_string_value(json_object_get(problem, "detail"));
	const char *action =
		json_string_value(json_object_get(problem, "action"));

	if (!detail)
		cli_error("2virtd answered with %ld", status);
	else if (action)
		cli_error("%s; %s", detail, action);
	else
		cli_error("%s", detail);
}

static int answered(const struct cli *cli, CURL *curl, struct buffer *buffer,
		    json_t **answer)
{
	long status = 0;
	json_t *json = json_loadb(buffer->text ? buffer->text : "", buffer->len,
				  0, NULL);

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200 || status > 299) {
		tell_problem(json, status);
		json_decref(json);
		return CLI_FAILED;
	}
	if (cli->json) {
		fwrite(buffer->text, 1, buffer->len, stdout);
		json_decref(json);
		json = NULL;
	}
	*answer = json;
	return CLI_OK;
}

int client_ask_text(const struct cli *cli, const char *method, const char *path,
		    const char *text, json_t **answer)
{
	struct curl_slist *headers = NULL;
	struct buffer buffer = {0};
	CURL *curl = handle_make(cli, method, path, &buffer);
	CURLcode code;
	int status;

	*answer = NULL;
	if (!curl)
		return cli_error("no memory");
	if (text) {
		/* No Expect: 2virtd takes the body at once. */
		headers = curl_slist_append(headers, "Expect:");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE,
				 (long)strlen(text));
	}
	code = curl_easy_perform(curl);
	status = code == CURLE_OK ? answered(cli, curl, &buffer, answer)
				  : failed(cli, curl, code);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	free(buffer.text);
	return status;
}

int client_ask(const struct cli *cli, const char *method, const char *path,
	       json_t *body, json_t **answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int status = client_ask_text(cli, method, path, text, answer);

	json_decref(body);
	free(text);
	return status;
}

/* An answer that is no stream is a problem: it comes in lines, too. */
struct follow {
	CURL *curl;
	struct buffer *problem;
	bool (*line)(void *context, const char *line);
	void *context;
};

static bool follow_line(void *context, const char *line)
{
	struct follow *follow = context;
	long status = 0;

	curl_easy_getinfo(follow->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		return follow->line(follow->context, line);
	on_data((char *)line, 1, strlen(line), follow->problem);
	return true;
}

int client_follow(const struct cli *cli, const char *path,
		  bool (*line)(void *context, const char *line), void *context)
{
	struct buffer problem = {0};
	struct follow follow = {
		.problem = &problem, .line = line, .context = context};
	struct buffer buffer = {.line = follow_line, .context = &follow};
	json_t *answer = NULL;
	CURLcode code;
	int status = CLI_OK;
	long http = 0;

	follow.curl = handle_make(cli, "GET", path, &buffer);
	if (!follow.curl)
		return cli_error("no memory");
	code = curl_easy_perform(follow.curl);
	curl_easy_getinfo(follow.curl, CURLINFO_RESPONSE_CODE, &http);
	if (code == CURLE_OK && http != 200)
		status = answered(cli, follow.curl, &problem, &answer);
	else if (code != CURLE_OK && !buffer.stopped)
		status = failed(cli, follow.curl, code);
	json_decref(answer);
	curl_easy_cleanup(follow.curl);
	free(buffer.text);
	free(problem.text);
	return status;
}

char *client_path(const char *path, ...)
{
	char *text = NULL, mark = '?';
	size_t len;
	FILE *out = open_memstream(&text, &len);
	const char *name, *value;
	va_list args;

	if (!out)
		return NULL;
	fputs(path, out);
	va_start(args, path);
	while ((name = va_arg(args, const char *))) {
		char *escaped;

		value = va_arg(args, const char *);
		if (!value)
			continue;
		escaped = curl_easy_escape(NULL, value, 0);
		fprintf(out, "%c%s=%s", mark, name, escaped ? escaped : "");
		curl_free(escaped);
		mark = '&';
	}
	va_end(args);
	return fclose(out) ? NULL : text;
}
