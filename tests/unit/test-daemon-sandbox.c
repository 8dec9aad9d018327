// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-sandbox.c - what a device process can no longer do.
 *
 * Each case runs in a child that has entered the sandbox; its exit status says
 * which line was wrong.  Dropping needs root: without it those cases skip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/daemon/sandbox.h"

enum { UID = 1879048192 + 7 };

/* In the child: leaves with the line that is wrong (modulo 256, not 0). */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__,    \
				__LINE__, #condition, errno);                  \
			_exit(1);                                              \
		}                                                              \
	} while (0)

/* Runs body in a sandboxed child; its wait status. */
static int run(uid_t uid, void (*body)(void))
{
	pid_t parent = getpid(), child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		const gid_t groups[] = {1, 2};

		/* As a broker that was started with groups of its own. */
		CHECK(geteuid() != 0 || setgroups(2, groups) == 0);
		CHECK(sandbox_enter(uid, parent) == 0);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void body_identity(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct caps[2];
	uid_t real, effective, saved;
	gid_t rgid, egid, sgid;

	CHECK(getresuid(&real, &effective, &saved) == 0);
	CHECK(real == UID && effective == UID && saved == UID);
	CHECK(getresgid(&rgid, &egid, &sgid) == 0);
	CHECK(rgid == UID && egid == UID && sgid == UID);
	CHECK(getgroups(0, NULL) == 0);
	CHECK(setuid(0) < 0 && setgid(0) < 0 && setuid(UID + 1) < 0);
	CHECK(syscall(SYS_capget, &header, caps) == 0);
	CHECK(!caps[0].effective && !caps[0].permitted && !caps[0].inheritable);
	CHECK(!caps[1].effective && !caps[1].permitted && !caps[1].inheritable);
	CHECK(prctl(PR_CAPBSET_READ, 0, 0, 0, 0) == 0);
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static void body_files(void)
{
	struct dirent *entry;
	DIR *root = opendir("/");

	CHECK(root);
	while ((entry = readdir(root)))
		CHECK(entry->d_name[0] == '.');
	CHECK(open("/etc/passwd", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/proc/self/status", O_RDONLY) < 0 && errno == ENOENT);
	CHECK(open("/dev/null", O_RDWR) < 0 && errno == ENOENT);
	CHECK(open("..", O_RDONLY | O_DIRECTORY) >= 0);
	CHECK(open("/x", O_CREAT | O_RDWR, 0600) < 0);
	CHECK(mkdir("/x", 0700) < 0);
	CHECK(chroot("/") < 0);
}

static void body_processes(void)
{
	struct rlimit limit;

	CHECK(fork() < 0 && errno == EAGAIN);
	CHECK(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_max == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 1024);
}

static void body_sockets(void)
{
	/* This it needs: connections to upstreams. */
	CHECK(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	CHECK(write(STDERR_FILENO, "", 0) == 0);
}

static void it_is_nobody_and_stays_so(void **state)
{
	need_root();
	assert_int_equal(run(UID, body_identity), 0);
}

static void it_sees_no_file(void **state)
{
	need_root();
	assert_int_equal(run(UID, body_files), 0);
}

static void it_makes_no_process(void **state)
{
	need_root();
	assert_int_equal(run(UID, body_processes), 0);
}

static void it_can_still_connect(void **state)
{
	need_root();
	assert_int_equal(run(UID, body_sockets), 0);
}

static void root_is_never_kept(void **state)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0)
		_exit(sandbox_enter(geteuid() == 0 ? 0 : UID, parent) == -EPERM
			      ? 0
			      : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void body_unprivileged(void)
{
	CHECK(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
}

static void without_root_the_rest_holds(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (geteuid() == 0)
			CHECK(setresuid(65534, 65534, 65534) == 0);
		/* The change of uid has taken that away already. */
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
		CHECK(sandbox_enter(0, getppid()) == 0);
		body_unprivileged();
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void it_dies_with_the_broker(void **state)
{
	int alive[2];
	char octet;
	pid_t broker;

	assert_int_equal(pipe(alive), 0);
	broker = fork();
	if (broker == 0) {
		pid_t self = getpid();

		if (fork() == 0) {
			CHECK(sandbox_enter(geteuid() == 0 ? UID : 0, self) ==
			      0);
			CHECK(write(alive[1], "x", 1) == 1);
			for (;;)
				pause();
		}
		/* Only the child holds it now: its failure is an end too. */
		close(alive[1]);
		for (;;)
			pause();
	}
	close(alive[1]);
	assert_int_equal(read(alive[0], &octet, 1), 1);
	kill(broker, SIGKILL);
	waitpid(broker, NULL, 0);
	/* The end of the pipe: the last holder of the other end is gone. */
	assert_int_equal(read(alive[0], &octet, 1), 0);
	close(alive[0]);
}

static void a_broker_that_is_gone_already_is_noticed(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(sandbox_enter(geteuid() == 0 ? UID : 0, 1) < 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_nobody_and_stays_so),
		cmocka_unit_test(it_sees_no_file),
		cmocka_unit_test(it_makes_no_process),
		cmocka_unit_test(it_can_still_connect),
		cmocka_unit_test(root_is_never_kept),
		cmocka_unit_test(without_root_the_rest_holds),
		cmocka_unit_test(it_dies_with_the_broker),
		cmocka_unit_test(a_broker_that_is_gone_already_is_noticed),
	};

	return cmocka_run_group_tests_name("daemon-sandbox", tests, NULL, NULL);
}
