// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-services.c - what services.d may say, and what is said about
 * mistakes in it: each case is a file, the services that come out of it, and
 * the lines with a mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/services.h"

static char folder[64];

static void file_write(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int folder_make(void **state)
{
	strcpy(folder, "/tmp/2virt-services-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	char command[96];

	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/* Loads the folder; its log goes to a buffer. */
static struct services *load(char *log, size_t size)
{
	struct services *services = NULL;
	int kept = dup(STDERR_FILENO);
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "%s/log", folder);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	dup2(fd, STDERR_FILENO);
	assert_int_equal(services_load(folder, &services), 0);
	dup2(kept, STDERR_FILENO);
	close(kept);
	len = pread(fd, log, size - 1, 0);
	log[len < 0 ? 0 : len] = '\0';
	close(fd);
	return services;
}

/* Names of the services, each followed by a blank. */
static void names(const struct services *services, char *out, size_t size)
{
	struct list_node *pos;
	size_t len = 0;

	out[0] = '\0';
	list_for_each(pos, &services->list) len +=
		(size_t)snprintf(out + len, size - len, "%s ",
				 container_of(pos, struct service, link)->name);
}

struct golden {
	const char *text;
	const char *names;
	const char *mistakes; /* "2 5 ": lines that are complained of */
};

static const struct golden goldens[] = {
	{"", "", ""},
	{"# nothing\n; nothing\n\n", "", ""},
	{"[web:a]\nupstream=http://h\n", "a ", ""},
	{"[web:a]\nupstream = http://h ; why\n", "a ", ""},
	{"[web:ab-c_9]\nupstream=http://[::1]:8001/base\n", "ab-c_9 ", ""},
	{"[web:a]\nupstream=http://h:1\n  http://h:2\n", "a ", ""},
	{"[web:a]\nupstream=http://h\nconnect-timeout-ms=1\n"
	 "response-timeout-ms=3600000\nidle-timeout-ms=5\nretry-after-ms=6\n"
	 "connection-max=7\nbody-max-bytes=9223372036854775807\n"
	 "host-header=shop.example:80\n",
	 "a ", ""},
	{"[web:a]\nupstream=http://h\n[web:b]\nupstream=http://h\n", "a b ",
	 ""},
	/* mistakes cost their service only */
	{"[web:a]\nupstream=http://h\n[web:b]\nupstream=gopher://h\n", "a ",
	 "4 "},
	{"[web:a]\nupstream=h\n", "", "2 "},
	{"[web:a]\nupstream=http://\n", "", "2 "},
	{"[web:a]\nupstream=http://:80\n", "", "2 "},
	{"[web:a]\nupstream=http://h:0\n", "", "2 "},
	{"[web:a]\nupstream=http://h:65536\n", "", "2 "},
	{"[web:a]\nupstream=http://h:\n", "", "2 "},
	{"[web:a]\nupstream=http://h:80x\n", "", "2 "},
	{"[web:a]\nupstream=http://user@h\n", "", "2 "},
	{"[web:a]\nupstream=http://h/?q\n", "", "2 "},
	{"[web:a]\nupstream=http://h/a b\n", "", "2 "},
	{"[web:a]\nupstream=http://[::1\n", "", "2 "},
	{"[web:a]\nupstream=http://[::1]x\n", "", "2 "},
	{"[web:a]\nupstream=https://h\n", "", "1 "},
	{"[web:a]\nconnect-timeout-ms=5\n", "", "1 "},
	{"[web:a]\nupstream=http://h\nconnect-timeout-ms=0\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nconnect-timeout-ms=-5\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nconnect-timeout-ms=5s\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nconnect-timeout-ms=3600001\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nidle-timeout-ms=5\nidle-timeout-ms=5\n",
	 "", "4 "},
	{"[web:a]\nupstream=http://h\nbody-max-bytes=9223372036854775808\n", "",
	 "3 "},
	{"[web:a]\nupstream=http://h\nhost-header=a b\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nspeed=fast\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nca=relative.pem\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nca=/nonexistent\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nca=/dev/zero\n", "", "3 "},
	{"[web:a]\nupstream=http://h\nca=/etc/passwd\n", "", "3 "},
	{"[web:A]\nupstream=http://h\n", "", "1 "},
	{"[web:]\nupstream=http://h\n", "", "1 "},
	{"[web:-a]\nupstream=http://h\n", "", "1 "},
	/* No node of XenStore could grant it. */
	{"[web:a.b]\nupstream=http://h\n", "", "1 "},
	{"[p2p:a]\nupstream=http://h\n", "", "1 "},
	{"[catalog]\nupstream=http://h\n", "", "1 "},
	{"upstream=http://h\n", "", "1 "},
	{"[web:a]\n[web:b]\nupstream=http://h\n", "b ", "1 "},
	{"[web:a]\n", "", "1 "},
	{"[web:a]\nupstream=http://h\n[web:a]\nupstream=http://g\n", "a ",
	 "3 "},
	/* no ini: nothing of the file is taken */
	{"[web:a]\nupstream=http://h\nnonsense\n", "", "3 "},
	{"[web:a\nupstream=http://h\n", "", "1 1 "},
};

static void goldens_come_out_as_they_should(void **state)
{
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char log[4096], found[256], lines[64] = "";
		struct services *services;
		unsigned int mistakes = 0;

		file_write("a.conf", goldens[i].text);
		services = load(log, sizeof(log));
		names(services, found, sizeof(found));
		for (char *at = log; (at = strstr(at, "a.conf:")); at++) {
			size_t len = strlen(lines);

			/* "[a] is defined at FILE:LINE already" is no start. */
			if (strncmp(at - strlen(folder) - 1, folder,
				    strlen(folder)) != 0 ||
			    at - strlen(folder) - 1 < log + 2 ||
			    memcmp(at - strlen(folder) - 3, ": ", 2) != 0 ||
			    strstr(at, "already") == at + 9)
				continue;
			snprintf(lines + len, sizeof(lines) - len, "%lu ",
				 strtoul(at + 7, NULL, 10));
			mistakes++;
		}
		if (strcmp(found, goldens[i].names) != 0 ||
		    strcmp(lines, goldens[i].mistakes) != 0 ||
		    services->errors != mistakes)
			fail_msg("%s--- gave \"%s\", lines \"%s\", %u mistakes:"
				 "\n%s",
				 goldens[i].text, found, lines,
				 services->errors, log);
		services_free(services);
	}
}

static void all_files_are_read_in_order(void **state)
{
	struct services *services;
	char log[1024], found[64];

	file_write("2.conf", "[web:b]\nupstream=http://h\n");
	file_write("1.conf", "[web:a]\nupstream=http://h\n");
	file_write("3.conf.bak", "[web:c]\nupstream=http://h\n");
	file_write(".4.conf", "[web:d]\nupstream=http://h\n");
	file_write("5.conf", "[web:a]\nupstream=http://g\nnonsense\n");
	services = load(log, sizeof(log));
	names(services, found, sizeof(found));
	assert_string_equal(found, "a b ");
	assert_string_equal(services_find(services, "a")->upstreams[0].url,
			    "http://h");
	assert_null(services_find(services, "c"));
	services_free(services);
}

static void a_line_that_is_too_long_is_told(void **state)
{
	char text[2048] = "[web:a]\nupstream=http://h/";
	struct services *services;
	char log[1024];

	memset(text + strlen(text), 'x', 600);
	strcat(text, "\n[web:b]\nupstream=http://h\n");
	file_write("a.conf", text);
	services = load(log, sizeof(log));
	assert_non_null(strstr(log, "a.conf:2: the line is too long"));
	assert_null(services_find(services, "a"));
	assert_non_null(services_find(services, "b"));
	services_free(services);
}

static void a_folder_that_is_not_there_is_empty(void **state)
{
	struct services *services;

	assert_int_equal(services_load("/nonexistent/2virt", &services), 0);
	assert_true(list_empty(&services->list));
	services_free(services);
}

static void a_certificate_is_read_whole(void **state)
{
	char text[256], log[1024];
	struct services *services;
	struct service *service;

	file_write("ca.pem", "x\n-----BEGIN CERTIFICATE-----\ny\n");
	snprintf(text, sizeof(text),
		 "[web:a]\nupstream=https://h\nca=%s/ca.pem\n", folder);
	file_write("a.conf", text);
	services = load(log, sizeof(log));
	service = services_find(services, "a");
	assert_non_null(service);
	assert_string_equal(service->ca, "x\n-----BEGIN CERTIFICATE-----\ny\n");
	assert_true(service_equal(service, service));
	services_free(services);
}

static void a_refused_service_is_remembered_by_name(void **state)
{
	struct services *services;
	char log[1024];

	file_write("a.conf", "[web:a]\nupstream=nothing\n");
	services = load(log, sizeof(log));
	assert_true(services_mentions(services, "a"));
	assert_false(services_mentions(services, "b"));
	services_free(services);
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(goldens_come_out_as_they_should),
		CASE(all_files_are_read_in_order),
		CASE(a_line_that_is_too_long_is_told),
		CASE(a_folder_that_is_not_there_is_empty),
		CASE(a_certificate_is_read_whole),
		CASE(a_refused_service_is_remembered_by_name),
	};

	return cmocka_run_group_tests_name("daemon-services", tests, NULL,
					   NULL);
}
