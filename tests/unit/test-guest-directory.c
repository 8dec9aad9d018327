// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-directory.c - a platform's directory in the guest, good or bad.
 */
#include "frontend-linux/guest/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char folder[] = "/tmp/test-directory-XXXXXX";
static char path[64];

static const char good[] =
	"{\"version\":1,\"contact\":\"cloud@example.org\",\"domain\":{\"name\":"
	"\"g1\",\"limits\":{\"streams\":9}},\"grants\":[\n{\"type\":\"web\","
	"\"name\":\"catalog\",\"health\":\"up\",\"limits\":{\"methods\":"
	"[\"GET\",\"HEAD\"],\"path\":[\"/api/*\"],\"rps\":7,\"rate\":1048576,"
	"\"burst\":65536,\"class\":\"low\"}},\n{\"type\":\"web\",\"name\":"
	"\"x\\u001b[1m\",\"health\":\"down\",\"limits\":{}}\n]}\n";

static char *shown(const struct directory *directory, int json)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (json)
		directory_print_json(out, directory);
	else
		directory_print_table(out, directory);
	fclose(out);
	return text;
}

static void grants_are_shown_with_their_limits(void **state)
{
	struct directory *directory = directory_read(good, strlen(good));
	char *text;

	assert_non_null(directory);
	text = shown(directory, 0);
	assert_non_null(strstr(text, "web      catalog                  up"));
	assert_non_null(strstr(text, "methods=GET,HEAD path=/api/* rps=7 "
				     "rate=1MiB/s burst=64KiB class=low\n"));
	assert_non_null(strstr(text, "x?[1m")); /* nothing for the terminal */
	assert_non_null(strstr(text, "all together: streams=9\n"));
	assert_non_null(strstr(text, "for more ask cloud@example.org\n"));
	free(text);
	text = shown(directory, 1);
	assert_null(strchr(text, 27));
	assert_non_null(strstr(text, "\"rate\":1048576"));
	free(text);
	directory_free(directory);
}

static void what_is_no_directory_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"[]",
		"{}",
		"{\"grants\":{}}",
		"{\"grants\":[]",
		"{\"grants\":[],\"grants\":[]}",
		"{\"grants\":[]}x",
	};
	/* Odd, but one can be shown. */
	static const char *const odd[] = {
		"{\"grants\":[1,null,[],{}]}",
		"{\"grants\":[{\"type\":1,\"limits\":[]}],\"domain\":7,"
		"\"contact\":{}}",
		"{\"grants\":[{\"limits\":{\"rate\":\"x\",\"y\":[1,{}]}}]}",
	};

	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_null(directory_read(wrong[i], strlen(wrong[i])));
	for (size_t i = 0; i < COUNT(odd); i++) {
		struct directory *directory =
			directory_read(odd[i], strlen(odd[i]));

		assert_non_null(directory);
		free(shown(directory, 0));
		free(shown(directory, 1));
		directory_free(directory);
	}
}

/* A web function's socket that answers once, in two pieces. */
static pid_t serve(const char *answer, size_t len)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char junk[256];
	pid_t pid;

	unlink(path);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		int client = accept(fd, NULL, NULL);

		if (read(client, junk, sizeof(junk)) > 0 &&
		    write(client, answer, len / 2) > 0) {
			usleep(20000);
			if (write(client, answer + len / 2, len - len / 2) < 0)
				_exit(1);
		}
		if (!len) /* says nothing */
			sleep(30);
		_exit(0);
	}
	close(fd);
	return pid;
}

static int ask(const char *answer)
{
	struct directory *directory = NULL;
	pid_t pid = serve(answer, strlen(answer));
	int error = directory_ask(&directory, path);

	directory_free(directory);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return error;
}

static void each_answer_of_a_platform_ends(void **state)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(good), good);
	assert_int_equal(ask(text), 0);
	assert_int_equal(ask("HTTP/1.1 403 Forbidden\r\n\r\nno"), -EPROTO);
	assert_int_equal(ask("HTTP/1.1 200 OK\r\n\r\n{"), -EPROTO);
	assert_int_equal(ask("HTTP/1.1 200 OK\r\n"), -EPROTO);
	assert_int_equal(ask(""), -ETIMEDOUT);
	unlink(path);
	assert_int_equal(directory_ask(&(struct directory *){NULL}, path),
			 -ENOENT);
}

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/web.sock", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grants_are_shown_with_their_limits),
		cmocka_unit_test(what_is_no_directory_is_refused),
		cmocka_unit_test(each_answer_of_a_platform_ends),
	};

	return cmocka_run_group_tests_name("guest-directory", tests, setup,
					   teardown);
}
