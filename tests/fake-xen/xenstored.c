/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstored.c - starts and stops the distribution's xenstored for a test.
 *
 * The C xenstored, database in memory, under two preloaded libraries:
 * libfakexen.so (grants, event channels, domains) and libfakexen-xsd.so
 * (/proc/xen).  Its folder is $TV_FAKE_XEN_DIR/run, which also holds its log.
 */
#include "tests/fake-xen/xenstored.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "tests/fake-xen/fake_xen.h"

#ifndef FAKE_XEN_BUILDDIR
#define FAKE_XEN_BUILDDIR "."
#endif

struct fake_xenstored {
	pid_t pid; /* 0 once it is gone */
};

const char *fake_xen_library(const char *name)
{
	static char path[4096];
	const char *folder = getenv("FAKE_XEN_LIBDIR");
	char *slash;
	ssize_t len;

	if (folder) {
		snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (access(path, R_OK) == 0)
			return path;
	}
	snprintf(path, sizeof(path), "%s/%s", FAKE_XEN_BUILDDIR, name);
	if (access(path, R_OK) == 0)
		return path;
	len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	if (len <= 0)
		return NULL;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash || strlen(name) >= sizeof(path) - (size_t)(slash - path) - 1)
		return NULL;
	strcpy(slash + 1, name);
	return access(path, R_OK) == 0 ? path : NULL;
}

int fake_xen_preload_env(void)
{
	const char *library = fake_xen_library("libfakexen.so");
	const char *options = getenv("ASAN_OPTIONS");
	char text[1024];

	if (!library)
		return -ENOENT;
	snprintf(text, sizeof(text), "%s%sverify_asan_link_order=0",
		 options ? options : "", options ? ":" : "");
	if (setenv("LD_PRELOAD", library, 1) != 0 ||
	    setenv("ASAN_OPTIONS", text, 1) != 0)
		return -errno;
	return 0;
}

/* Path of the C xenstored in out[]; -ENOENT. */
static int program_find(char *out, size_t size)
{
	const char *given = getenv("FAKE_XENSTORED");
	int rc = -ENOENT;
	glob_t found;

	if (given) {
		snprintf(out, size, "%s", given);
		return access(out, X_OK) == 0 ? 0 : -ENOENT;
	}
	if (glob("/usr/lib*/xen-*/bin/xenstored", 0, NULL, &found) != 0)
		return -ENOENT;
	if (found.gl_pathc > 0) {
		snprintf(out, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
		rc = 0;
	}
	globfree(&found);
	return rc;
}

bool fake_xenstored_available(void)
{
	char program[4096];

	return program_find(program, sizeof(program)) == 0;
}

static void sleep_ms(long ms)
{
	struct timespec time = {.tv_sec = ms / 1000,
				.tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* In the child; does not return. */
static void program_run(const char *program, const char *folder,
			const char *preload, pid_t parent)
{
	char pid_file[4200], log_file[4200];
	sigset_t none;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(log_file, sizeof(log_file), "%s/xenstored.log", folder);
	snprintf(pid_file, sizeof(pid_file), "%s/xenstored.pid", folder);
	fd = open(log_file, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd >= 0) {
		dup2(fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
	}
	setenv("LD_PRELOAD", preload, 1);
	execl(program, program, "-N", "-F", pid_file, (char *)NULL);
	_exit(127);
}

/* Waits until it answers: its socket takes us and a read works. */
static int ready_wait(struct fake_xenstored *xenstored)
{
	struct xs_handle *xs;
	unsigned len;
	void *value;

	for (int i = 0; i < 500; i++) {
		if (waitpid(xenstored->pid, NULL, WNOHANG) != 0) {
			xenstored->pid = 0;
			return -EIO;
		}
		xs = xs_open(0);
		if (xs) {
			value = xs_read(xs, XBT_NULL, "/tool/xenstored", &len);
			free(value);
			xs_close(xs);
			return 0;
		}
		sleep_ms(10);
	}
	return -ETIMEDOUT;
}

/* The folder goes with the test; what xenstored said must not. */
static void log_show(const char *folder)
{
	char path[4200], line[512];
	FILE *file;

	fprintf(stderr, "fake-xen: xenstored did not start\n");
	snprintf(path, sizeof(path), "%s/xenstored.log", folder);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		fputs(line, stderr);
	if (file)
		fclose(file);
}

int fake_xenstored_start(struct fake_xenstored **out)
{
	char program[4096], folder[4096], preload[8400], socket[4200];
	const char *base = fake_xen_folder();
	struct fake_xenstored *xenstored;
	const char *library;
	pid_t parent = getpid();
	int rc;

	if (!base)
		return -EINVAL;
	rc = program_find(program, sizeof(program));
	if (rc < 0)
		return rc;
	library = fake_xen_library("libfakexen-xsd.so");
	if (!library)
		return -ENOENT;
	snprintf(preload, sizeof(preload), "%s", library);
	library = fake_xen_library("libfakexen.so");
	if (!library)
		return -ENOENT;
	snprintf(preload + strlen(preload), sizeof(preload) - strlen(preload),
		 ":%s", library);

	snprintf(folder, sizeof(folder), "%s/run", base);
	if (mkdir(folder, 0755) != 0 && errno != EEXIST)
		return -errno;
	snprintf(socket, sizeof(socket), "%s/socket", folder);
	setenv("XENSTORED_RUNDIR", folder, 1);
	setenv("XENSTORED_PATH", socket, 1);
	/* A socket of one that was killed would look like an answer. */
	unlink(socket);

	xenstored = calloc(1, sizeof(*xenstored));
	if (!xenstored)
		return -ENOMEM;
	xenstored->pid = fork();
	if (xenstored->pid < 0) {
		rc = -errno;
		free(xenstored);
		return rc;
	}
	if (xenstored->pid == 0)
		program_run(program, folder, preload, parent);
	rc = ready_wait(xenstored);
	if (rc < 0) {
		log_show(folder);
		fake_xenstored_stop(xenstored);
		return rc;
	}
	*out = xenstored;
	return 0;
}

void fake_xenstored_kill(struct fake_xenstored *xenstored)
{
	if (xenstored->pid <= 0)
		return;
	kill(xenstored->pid, SIGKILL);
	while (waitpid(xenstored->pid, NULL, 0) < 0 && errno == EINTR)
		;
	xenstored->pid = 0;
}

void fake_xenstored_stop(struct fake_xenstored *xenstored)
{
	if (!xenstored)
		return;
	fake_xenstored_kill(xenstored);
	free(xenstored);
}

void fake_xenstored_pause(struct fake_xenstored *xenstored)
{
	if (xenstored->pid > 0)
		kill(xenstored->pid, SIGSTOP);
}

void fake_xenstored_continue(struct fake_xenstored *xenstored)
{
	if (xenstored->pid > 0)
		kill(xenstored->pid, SIGCONT);
}

pid_t fake_xenstored_pid(const struct fake_xenstored *xenstored)
{
	return xenstored->pid;
}
