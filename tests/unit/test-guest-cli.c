// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-cli.c - the program 2virt-guest as a whole, where no USB is: its
 * commands, its control socket, its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/test-guest-XXXXXX";
static const char program[] = "./2virt-guest";

struct run {
	pid_t pid;
	int in;	 /* its stdin */
	int out; /* its stdout; stderr goes to errors */
};

static void errors_path(char *path, size_t size)
{
	snprintf(path, size, "%s/errors", folder);
}

static void start(struct run *run, const char *const *arguments)
{
	const char *argv[16] = {program, "--runtime-dir", folder};
	int in[2], out[2], errors;
	char path[64];

	for (int i = 0; arguments[i]; i++)
		argv[3 + i] = arguments[i];
	errors_path(path, sizeof(path));
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	run->pid = fork();
	if (run->pid == 0) {
		errors = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(errors, 2);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	run->in = in[1];
	run->out = out[0];
}

/* Its output, to be freed, and its exit status. */
static char *finish(struct run *run, int *status)
{
	char *text = calloc(1, 65536);
	size_t len = 0;
	ssize_t n;

	close(run->in);
	while (len < 65535 && (n = read(run->out, text + len, 65535 - len)) > 0)
		len += (size_t)n;
	close(run->out);
	assert_int_equal(waitpid(run->pid, status, 0), run->pid);
	assert_true(WIFEXITED(*status));
	*status = WEXITSTATUS(*status);
	return text;
}

static char *call(int *status, const char *a, const char *b, const char *c)
{
	const char *arguments[] = {a, b, c, NULL};
	struct run run;

	start(&run, arguments);
	return finish(&run, status);
}

static void expect_status(int wanted, const char *a, const char *b,
			  const char *c)
{
	int status;

	free(call(&status, a, b, c));
	assert_int_equal(status, wanted);
}

static void wait_for_control(void)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/guest.sock", folder);
	for (int i = 0; i < 500 && stat(path, &st); i++)
		poll(NULL, 0, 10);
	assert_int_equal(stat(path, &st), 0);
}

static void help_and_version_are_told(void **state)
{
	int status;
	char *text = call(&status, "--help", NULL, NULL);

	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "--web-listen"));
	free(text);
	text = call(&status, "--version", NULL, NULL);
	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "2virt-guest "));
	free(text);
}

static void wrong_command_lines_are_refused(void **state)
{
	expect_status(2, "dance", NULL, NULL);
	expect_status(2, "--dance", NULL, NULL);
	expect_status(2, "list", "more", NULL);
	expect_status(2, "connect", NULL, NULL);
	expect_status(2, "connect", "web", NULL);
	expect_status(2, "connect", "web:../../guest", NULL);
	expect_status(2, "run", "--web-listen", "0.0.0.0:80");
	expect_status(2, "run", "--mode", "rw");
	expect_status(2, "run", "--config", "/nowhere");
	expect_status(1, "connect", "web:default", NULL); /* not there */
}

static void list_works_without_a_daemon(void **state)
{
	int status;
	char *text = call(&status, "list", NULL, NULL);

	assert_int_equal(status, 0);
	assert_non_null(strstr(text, "TYPE"));
	free(text);
}

static void the_daemon_answers_and_ends(void **state)
{
	const char *arguments[] = {"run", NULL};
	json_t *json;
	struct run run;
	struct stat st;
	char path[64];
	char *text;
	int status;

	start(&run, arguments);
	wait_for_control();
	text = call(&status, "list", "--json", NULL);
	assert_int_equal(status, 0);
	json = json_loads(text, 0, NULL);
	assert_true(json_is_array(json));
	json_decref(json);
	free(text);
	/* A client that says nothing, or goes at once, holds nobody up. */
	for (int i = 0; i < 20; i++) {
		struct sockaddr_un address = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		snprintf(address.sun_path, sizeof(address.sun_path),
			 "%s/guest.sock", folder);
		assert_int_equal(connect(fd, (struct sockaddr *)&address,
					 sizeof(address)),
				 0);
		close(fd);
	}
	free(call(&status, "list", NULL, NULL));
	assert_int_equal(status, 0);
	kill(run.pid, SIGTERM);
	free(finish(&run, &status));
	assert_int_equal(status, 0);
	snprintf(path, sizeof(path), "%s/guest.sock", folder);
	assert_int_equal(stat(path, &st), -1);
}

/* A function's socket, served by the test. */
static int serve(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char path[64];

	snprintf(path, sizeof(path), "%s/char", folder);
	mkdir(path, 0700);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/char/a.sock",
		 folder);
	unlink(address.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void connect_passes_octets_and_both_ends(void **state)
{
	const char *arguments[] = {"connect", "char:a", NULL};
	int listener = serve();
	struct run run;
	char buffer[16];
	char *text;
	int status, fd;

	start(&run, arguments);
	fd = accept(listener, NULL, NULL);
	assert_true(fd >= 0);
	assert_int_equal(write(run.in, "question", 8), 8);
	assert_int_equal(recv(fd, buffer, 8, MSG_WAITALL), 8);
	assert_memory_equal(buffer, "question", 8);
	close(run.in); /* the end of input is passed on… */
	run.in = -1;
	assert_int_equal(recv(fd, buffer, 1, 0), 0);
	assert_int_equal(write(fd, "answer", 6), 6); /* …the answer comes */
	close(fd);
	text = finish(&run, &status);
	assert_int_equal(status, 0);
	assert_string_equal(text, "answer");
	free(text);
	close(listener);
}

static void connect_brings_the_answer_of_one_that_listens_no_more(void **state)
{
	const char *arguments[] = {"connect", "char:a", NULL};
	int listener = serve();
	char junk[4096] = {0};
	struct run run;
	char *text;
	int status, fd;

	start(&run, arguments);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(write(fd, "go away", 7), 7);
	shutdown(fd, SHUT_RDWR);
	for (int i = 0; i < 50; i++)
		if (write(run.in, junk, sizeof(junk)) < 0)
			break;
	text = finish(&run, &status);
	assert_int_equal(status, 0);
	assert_string_equal(text, "go away");
	free(text);
	close(fd);
	close(listener);
}

static void connect_sends_on_after_the_functions_end(void **state)
{
	const char *arguments[] = {"connect", "char:a", NULL};
	int listener = serve();
	struct run run;
	char buffer[16];
	char *text;
	int status, fd;

	start(&run, arguments);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(write(fd, "answer", 6), 6);
	shutdown(fd, SHUT_WR);
	/* Its own output has ended: so ssh(1) knows; its input goes on. */
	assert_int_equal(read(run.out, buffer, 6), 6);
	assert_int_equal(read(run.out, buffer, 1), 0);
	assert_int_equal(write(run.in, "still", 5), 5);
	assert_int_equal(recv(fd, buffer, 5, MSG_WAITALL), 5);
	assert_memory_equal(buffer, "still", 5);
	close(run.in);
	run.in = -1;
	assert_int_equal(recv(fd, buffer, 1, 0), 0);
	text = finish(&run, &status);
	assert_int_equal(status, 0);
	free(text);
	close(fd);
	close(listener);
}

static void connect_ends_when_the_function_is_gone(void **state)
{
	const char *arguments[] = {"connect", "char:a", NULL};
	int listener = serve();
	struct run run;
	char buffer[16];
	int status, fd;

	start(&run, arguments);
	fd = accept(listener, NULL, NULL);
	assert_int_equal(write(fd, "bye", 3), 3);
	close(fd);
	/* Though its input has not ended. */
	assert_int_equal(waitpid(run.pid, &status, 0), run.pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(read(run.out, buffer, sizeof(buffer)), 3);
	assert_memory_equal(buffer, "bye", 3);
	close(run.in);
	close(run.out);
	close(listener);
}

static int setup(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_and_version_are_told),
		cmocka_unit_test(wrong_command_lines_are_refused),
		cmocka_unit_test(list_works_without_a_daemon),
		cmocka_unit_test(the_daemon_answers_and_ends),
		cmocka_unit_test(connect_passes_octets_and_both_ends),
		cmocka_unit_test(connect_sends_on_after_the_functions_end),
		cmocka_unit_test(connect_ends_when_the_function_is_gone),
		cmocka_unit_test(
			connect_brings_the_answer_of_one_that_listens_no_more),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
