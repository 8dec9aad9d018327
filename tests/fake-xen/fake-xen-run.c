/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake-xen-run.c - runs a command on a fake Xen with its own xenstored.
 *
 * usage: fake-xen-run COMMAND [ARGUMENT...]
 *
 * For people: `fake-xen-run bash`, then xenstore-ls, a daemon under a debugger,
 * and so on.  Everything is gone when the command ends, whose status is ours.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake-xen/fake_xen.h"
#include "tests/fake-xen/xenstored.h"

int main(int argc, char **argv)
{
	struct fake_xenstored *xenstored = NULL;
	int status = 0, rc;
	pid_t child;

	if (argc < 2) {
		fprintf(stderr, "usage: fake-xen-run COMMAND [ARGUMENT...]\n");
		return 2;
	}
	rc = fake_xen_setup();
	if (rc == 0)
		rc = fake_xenstored_start(&xenstored);
	if (rc < 0) {
		fprintf(stderr, "fake-xen-run: %s\n", strerror(-rc));
		fake_xen_teardown();
		return 1;
	}
	child = fork();
	if (child == 0) {
		if (fake_xen_preload_env() == 0)
			execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		perror("fake-xen-run");
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
