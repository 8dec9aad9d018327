// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-manage-server.c - the control API over its socket: who may come, and
 * clients that mean no good.  The server is a process of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/manage_fake.h"

#define GROUP "users"
enum {
	HEAD_MS = 400,
	IDLE_MS = 800,
	WRITE_MS = 400,
	PATIENCE_MS = 5000,
	READER = 1000,
	STRANGER = 1002,
};

static char folder[64], path[96];
static pid_t server;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * --- the server ---
 */

static void on_end(uv_signal_t *signal, int number)
{
	manage_stop(((struct manage_fake *)signal->data)->manage);
	uv_close((uv_handle_t *)signal, NULL);
}

/* SIGUSR1: somebody does a lot. */
static void on_lines(uv_signal_t *signal, int number)
{
	struct manage_fake *fake = signal->data;
	char line[1100];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < 2000; i++)
		manage_log(fake->manage, line);
	manage_log(fake->manage, "{\"last\": 1}");
}

static void serve(int ready)
{
	static struct manage_fake fake;
	uv_signal_t end, lines;
	uv_loop_t loop;
	struct manage_config config = {
		.loop = &loop,
		.path = path,
		.group = GROUP,
		.ops = &manage_fake_ops,
		.context = &fake,
		.head_ms = HEAD_MS,
		.idle_ms = IDLE_MS,
		.write_ms = WRITE_MS,
	};
	struct rlimit files = {4096, 4096};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &files);
	manage_fake_init(&fake, folder);
	uv_loop_init(&loop);
	if (manage_start(&config, &fake.manage))
		_exit(1);
	uv_signal_init(&loop, &end);
	end.data = &fake;
	uv_signal_start(&end, on_end, SIGTERM);
	uv_signal_init(&loop, &lines);
	lines.data = &fake;
	uv_signal_start(&lines, on_lines, SIGUSR1);
	uv_unref((uv_handle_t *)&lines);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&lines, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop))
		_exit(2);
	manage_fake_fini(&fake);
	exit(0); /* leaks are looked for */
}

static int start(void **state)
{
	int ready[2];
	char octet;
	FILE *file;

	strcpy(folder, "/tmp/2virt-manage-XXXXXX");
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chmod(folder, 0755), 0);
	snprintf(path, sizeof(path), "%s/10-shop.policy", folder);
	file = fopen(path, "w");
	fputs("web:catalog shop-* allow rate=1MiB/s\n", file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/control.sock", folder);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	server = fork();
	if (server == 0)
		serve(ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
	return 0;
}

static int end(void **state)
{
	char command[128];
	int status;

	kill(server, SIGTERM);
	assert_int_equal(waitpid(server, &status, 0), server);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* It took its socket along. */
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

/*
 * --- clients ---
 */

static int client(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -errno;
}

/* As somebody else; group: a supplementary one, -1: none. */
static int client_as(uid_t uid, gid_t gid, int group)
{
	gid_t more = (gid_t)group;
	int fd;

	assert_int_equal(setgroups(group >= 0, &more), 0);
	assert_int_equal(setegid(gid), 0);
	assert_int_equal(seteuid(uid), 0);
	fd = client();
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
	assert_int_equal(setgroups(0, NULL), 0);
	return fd;
}

static gid_t group_id(void)
{
	struct group *group = getgrnam(GROUP);

	return group ? group->gr_gid : 0;
}

static void put(int fd, const char *text)
{
	size_t len = strlen(text);

	assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), len);
}

/* Reads until the server closes, the text is there, or it is too late. */
static size_t take(int fd, char *text, size_t size, const char *until,
		   int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	size_t len = 0;

	text[0] = '\0';
	while (len + 1 < size && !(until && strstr(text, until))) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int64_t left = end - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&wait, 1, (int)left) != 1)
			break;
		got = read(fd, text + len, size - len - 1);
		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
	}
	return len;
}

static bool closed_within(int fd, int timeout_ms)
{
	static char rest[1 << 20];
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	int64_t end = now_ms() + timeout_ms;

	while (end > now_ms()) {
		if (poll(&wait, 1, (int)(end - now_ms())) == 1 &&
		    read(fd, rest, sizeof(rest)) <= 0)
			return true;
	}
	return false;
}

static void assert_status(int fd, const char *status)
{
	char text[65536], head[32];

	take(fd, text, sizeof(text), "\r\n\r\n", PATIENCE_MS);
	snprintf(head, sizeof(head), "HTTP/1.1 %s ", status);
	if (strncmp(text, head, strlen(head)) != 0) {
		print_error("wanted %s, got: %s\n", status, text);
		fail();
	}
}

#define GET(target) "GET " target " HTTP/1.1\r\nHost: x\r\n\r\n"

static void assert_serves(void)
{
	int fd = client();

	assert_true(fd >= 0);
	put(fd, GET("/v1/domains"));
	assert_status(fd, "200");
	close(fd);
}

/*
 * --- who may come ---
 */

static void only_root_and_the_group_may_connect(void **state)
{
	struct stat status;
	int fd;

	if (geteuid() != 0 || !group_id())
		skip();
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0660);
	assert_int_equal(status.st_uid, 0);
	assert_int_equal(status.st_gid, group_id());
	assert_int_equal(client_as(STRANGER, STRANGER, -1), -EACCES);
	/* Even if somebody opens the file to all. */
	assert_int_equal(chmod(path, 0666), 0);
	fd = client_as(STRANGER, STRANGER, -1);
	assert_true(fd >= 0);
	assert_true(closed_within(fd, PATIENCE_MS));
	close(fd);
	assert_serves();
}

static void members_of_the_group_read_only(void **state)
{
	static const char change[] =
		"POST /v1/allow HTTP/1.1\r\nHost: x\r\nContent-Length: 38\r\n"
		"\r\n{\"domain\": 5, \"service\": \"web:shop\"}  ";
	int fd;

	if (geteuid() != 0 || !group_id())
		skip();
	for (int i = 0; i < 2; i++) {
		fd = i ? client_as(READER, READER, (int)group_id())
		       : client_as(READER, group_id(), -1);
		assert_true(fd >= 0);
		put(fd, GET("/v1/grants"));
		assert_status(fd, "200");
		put(fd, change);
		assert_status(fd, "403");
		close(fd);
	}
	/* The same from root is done. */
	fd = client();
	put(fd, change);
	assert_status(fd, "200");
	close(fd);
}

/* Groups are asked for when the connection is made: what somebody else passes
 * on keeps the right of the one who connected. */
static void root_finds_a_place_when_readers_take_all(void **state)
{
	int fds[40], served = 0, fd;
	char text[4096];

	if (geteuid() != 0 || !group_id())
		skip();
	for (int i = 0; i < 40; i++) {
		fds[i] = client_as(READER, group_id(), -1);
		assert_true(fds[i] >= 0);
		send(fds[i], GET("/v1/watch"), strlen(GET("/v1/watch")),
		     MSG_NOSIGNAL);
		take(fds[i], text, sizeof(text), "\r\n\r\n", PATIENCE_MS);
		served += strncmp(text, "HTTP/1.1 200", 12) == 0;
	}
	assert_int_equal(served, 16);
	fd = client_as(READER + 1, group_id(), -1);
	put(fd, GET("/v1/domains"));
	assert_status(fd, "200");
	close(fd);
	assert_serves();
	for (int i = 0; i < 40; i++)
		close(fds[i]);
}

/*
 * --- clients that mean no good ---
 */

static void a_request_may_come_octet_by_octet(void **state)
{
	static const char text[] = GET("/v1/domains");
	int fd = client();

	for (const char *at = text; *at; at++)
		assert_int_equal(send(fd, at, 1, MSG_NOSIGNAL), 1);
	assert_status(fd, "200");
	close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
	static char text[1 << 20];
	unsigned int good = 0, bad = 0;
	int fd = client();

	for (int i = 0; i < 50; i++) {
		put(fd, GET("/v1/services"));
		put(fd, "POST /v1/policy/check HTTP/1.1\r\nHost: x\r\n"
			"Content-Length: 1\r\n\r\nx");
		put(fd, "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
	}
	put(fd, "GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	take(fd, text, sizeof(text), NULL, PATIENCE_MS);
	for (const char *at = text; (at = strstr(at, "HTTP/1.1 ")); at++) {
		good += strncmp(at + 9, "200", 3) == 0;
		bad += strncmp(at + 9, "404", 3) == 0;
	}
	assert_int_equal(good, 101);
	assert_int_equal(bad, 50);
	close(fd);
}

static void a_half_closed_client_gets_its_answer(void **state)
{
	int fd = client();

	put(fd, GET("/v1/domains"));
	shutdown(fd, SHUT_WR);
	assert_status(fd, "200");
	assert_true(closed_within(fd, PATIENCE_MS));
	close(fd);
}

static void slow_and_idle_clients_are_let_go(void **state)
{
	int slow = client(), body = client(), idle = client();
	int64_t begin = now_ms();

	put(slow, "GET /v1 HTTP/1.1\r\n");
	put(body, "POST /v1/policy/check HTTP/1.1\r\nHost: x\r\n"
		  "Content-Length: 100\r\n\r\n");
	/* Drops of input buy no time. */
	for (int i = 0; i < 3; i++) {
		usleep(100 * 1000);
		send(slow, "A", 1, MSG_NOSIGNAL);
		send(body, "A", 1, MSG_NOSIGNAL);
	}
	assert_status(slow, "408");
	assert_status(body, "408");
	assert_true(now_ms() - begin < 2 * HEAD_MS + 500);
	assert_true(closed_within(idle, IDLE_MS + 1000));
	assert_true(now_ms() - begin >= IDLE_MS - 50);
	close(slow);
	close(body);
	close(idle);
}

static void a_client_that_does_not_read_is_let_go(void **state)
{
	int fd = client(), small = 4096;
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int64_t begin = now_ms();
	bool gone = false;

	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (!gone && now_ms() - begin < PATIENCE_MS) {
		if (poll(&wait, 1, 100) == 1)
			gone = send(fd, GET("/metrics"),
				    strlen(GET("/metrics")),
				    MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
			       errno != EAGAIN;
		/* Others are served meanwhile. */
		assert_serves();
	}
	assert_true(gone);
	close(fd);
}

static void what_is_too_large_is_refused_early(void **state)
{
	static char junk[10000];
	int fd = client();

	memset(junk, 'x', sizeof(junk) - 1);
	put(fd, "GET /v1 HTTP/1.1\r\nA: ");
	put(fd, junk);
	assert_status(fd, "431");
	close(fd);
	fd = client();
	put(fd, "POST /v1/policy/check HTTP/1.1\r\nHost: x\r\n"
		"Content-Length: 1000000000\r\n\r\n");
	assert_status(fd, "413");
	assert_true(closed_within(fd, PATIENCE_MS));
	close(fd);
	fd = client();
	put(fd, "\x16\x03\x01\x02\x03");
	assert_status(fd, "400");
	close(fd);
}

static unsigned int server_fds(void)
{
	char command[64];
	unsigned int count = 0;
	FILE *list;

	snprintf(command, sizeof(command), "ls /proc/%d/fd | wc -l", server);
	list = popen(command, "r");
	assert_int_equal(fscanf(list, "%u", &count), 1);
	pclose(list);
	return count;
}

static void a_thousand_connections_do_not_keep_others_out(void **state)
{
	enum { MANY = 1000 };
	static int fds[MANY];
	struct rlimit files = {4096, 4096};
	unsigned int before = server_fds(), opened = 0, after = 0;

	if (setrlimit(RLIMIT_NOFILE, &files))
		skip();
	for (int i = 0; i < MANY; i++) {
		fds[i] = client();
		opened += fds[i] >= 0;
	}
	assert_true(opened > 100);
	assert_true(server_fds() < 200); /* 64 served, 160 in all */
	for (int i = 0; i < MANY; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	for (int i = 0; i < 50; i++) {
		after = server_fds();
		if (after <= before)
			break;
		usleep(100 * 1000);
	}
	assert_int_equal(after, before);
	assert_serves();
}

/*
 * --- streams ---
 */

static void the_log_is_followed_live(void **state)
{
	int fd = client(), other = client();
	char text[8192];

	put(other, "POST /v1/revoke HTTP/1.1\r\nHost: x\r\n"
		   "Content-Length: 38\r\n\r\n"
		   "{\"domain\": 5, \"service\": \"web:first\"} ");
	assert_status(other, "200");
	put(fd, GET("/v1/log?follow=1"));
	assert_true(take(fd, text, sizeof(text), "web:first", PATIENCE_MS));
	assert_non_null(strstr(text, "chunked"));
	assert_non_null(strstr(text, "web:first"));
	put(other, "POST /v1/revoke HTTP/1.1\r\nHost: x\r\n"
		   "Content-Length: 38\r\n\r\n"
		   "{\"domain\": 5, \"service\": \"web:other\"} ");
	assert_status(other, "200");
	take(fd, text, sizeof(text), "web:other", PATIENCE_MS);
	assert_non_null(strstr(text, "web:other"));
	close(fd);
	/* Without following it ends by itself, and the connection goes on. */
	put(other, GET("/v1/log?lines=1"));
	take(other, text, sizeof(text), "\r\n0\r\n\r\n", PATIENCE_MS);
	assert_non_null(strstr(text, "web:other"));
	assert_null(strstr(text, "web:first"));
	put(other, GET("/v1"));
	assert_status(other, "200");
	close(other);
}

static void a_slow_follower_is_told_what_it_lost(void **state)
{
	static char text[8 << 20];
	int fd = client();

	put(fd, GET("/v1/log?follow=1&lines=0"));
	take(fd, text, sizeof(text), "\r\n\r\n", PATIENCE_MS);
	kill(server, SIGUSR1);
	usleep(300 * 1000); /* reads nothing meanwhile */
	assert_serves();
	/* Read again: the next line says how many are missing. */
	assert_true(take(fd, text, sizeof(text), "nothing like that", 500) <
		    1 << 20);
	kill(server, SIGUSR1);
	take(fd, text, sizeof(text), "{\"lost\": ", PATIENCE_MS);
	assert_non_null(strstr(text, "{\"lost\": "));
	close(fd);
}

static void watch_sends_a_line_each_interval(void **state)
{
	static char text[1 << 20];
	int64_t begin = now_ms();
	unsigned int lines = 0;
	int fd = client();

	put(fd, GET("/v1/watch?interval_ms=100"));
	take(fd, text, sizeof(text), NULL, 650);
	for (const char *at = text; (at = strstr(at, "\"stats\":")); at++)
		lines++;
	assert_in_range(lines, 3, 8);
	assert_true(now_ms() - begin >= 600);
	close(fd);
	assert_serves();
	fd = client();
	put(fd, "GET /v1/watch HTTP/1.0\r\n\r\n");
	assert_status(fd, "505");
	close(fd);
}

/*
 * --- the socket's file ---
 */

static void a_socket_in_use_is_left_alone(void **state)
{
	uv_loop_t loop;
	char other[128];
	struct manage *manage = NULL;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct manage_config config = {
		.loop = &loop,
		.path = path,
		.ops = &manage_fake_ops,
	};
	int fd;

	uv_loop_init(&loop);
	assert_int_equal(manage_start(&config, &manage), -EADDRINUSE);
	assert_serves();
	/* What a crash left is replaced; what is no socket is not. */
	snprintf(other, sizeof(other), "%s/stale", folder);
	strcpy(address.sun_path, other);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
	close(fd);
	config.path = other;
	assert_int_equal(manage_start(&config, &manage), 0);
	manage_stop(manage);
	uv_run(&loop, UV_RUN_DEFAULT);
	fd = open(other, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_int_equal(manage_start(&config, &manage), -EEXIST);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/*
 * --- docs/api.md ---
 */

/* Runs a line of the page against the server.  curl's status. */
static int run_line(const char *line)
{
	static const char published[] = "/run/2virt/control.sock";
	char command[1024];
	const char *at = strstr(line, published);
	int status;

	assert_non_null(at);
	snprintf(command, sizeof(command),
		 "curl -sS --fail-with-body -m 2 -o '%s/out' %.*s%s%s", folder,
		 (int)(at - line - 5), line + 5, path, at + strlen(published));
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void every_line_of_the_page_works(void **state)
{
	FILE *page = fopen(SRCDIR "/docs/api.md", "r");
	char line[700];
	unsigned int count = 0;

	if (system("command -v curl >/dev/null") != 0)
		skip();
	assert_non_null(page);
	while (fgets(line, sizeof(line), page)) {
		int status;

		if (strncmp(line, "curl ", 5) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		status = run_line(line);
		/* 28: a stream was still going on after 2 s. */
		if (status != 0 && !(status == 28 && (strstr(line, "follow") ||
						      strstr(line, "watch")))) {
			print_error("curl says %d: %s\n", status, line);
			fail();
		}
		count++;
	}
	fclose(page);
	assert_true(count >= 20);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(only_root_and_the_group_may_connect),
		CASE(members_of_the_group_read_only),
		CASE(root_finds_a_place_when_readers_take_all),
		CASE(a_request_may_come_octet_by_octet),
		CASE(pipelined_requests_are_answered_in_order),
		CASE(a_half_closed_client_gets_its_answer),
		CASE(slow_and_idle_clients_are_let_go),
		CASE(a_client_that_does_not_read_is_let_go),
		CASE(what_is_too_large_is_refused_early),
		CASE(a_thousand_connections_do_not_keep_others_out),
		CASE(the_log_is_followed_live),
		CASE(a_slow_follower_is_told_what_it_lost),
		CASE(watch_sends_a_line_each_interval),
		CASE(a_socket_in_use_is_left_alone),
		CASE(every_line_of_the_page_works),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
