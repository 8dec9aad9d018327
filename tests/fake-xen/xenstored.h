/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xenstored.h - the real xenstored of the distribution, private to a test.
 *
 * It runs under the fake of TV_FAKE_XEN_DIR (fake_xen_setup() first), in its
 * folder, as any user, one per test program.
 */
#ifndef TV_TESTS_FAKE_XENSTORED_H
#define TV_TESTS_FAKE_XENSTORED_H

#include <stdbool.h>
#include <sys/types.h>

struct fake_xenstored;

/*
 * Starts xenstored, sets XENSTORED_RUNDIR and XENSTORED_PATH for this process
 * and its children so that xs_open(0) reaches it, and waits until it answers.
 * -ENOENT: no xenstored (or no preload library) on this machine; skip the test.
 * It dies with the calling process (PR_SET_PDEATHSIG).
 */
int fake_xenstored_start(struct fake_xenstored **out);

/* False where there is no xenstored to start: the test says so and exits 77. */
bool fake_xenstored_available(void);

/* Stops it and frees the handle.  NULL is fine. */
void fake_xenstored_stop(struct fake_xenstored *xenstored);

/* SIGKILLs it, as a crash; fake_xenstored_stop() still frees the handle. */
void fake_xenstored_kill(struct fake_xenstored *xenstored);

/*
 * SIGSTOP and SIGCONT: a xenstored that hangs.
 */
void fake_xenstored_pause(struct fake_xenstored *xenstored);
void fake_xenstored_continue(struct fake_xenstored *xenstored);

pid_t fake_xenstored_pid(const struct fake_xenstored *xenstored);

/* Full path of a file of this build's fake (libfakexen.so ...), found through
 * $FAKE_XEN_LIBDIR, else beside the running program, else at its build place;
 * NULL if there is none.  Owned by the module, valid until the next call. */
const char *fake_xen_library(const char *name);

/*
 * In a forked child, before exec: sets LD_PRELOAD to libfakexen.so and lets a
 * program with gcc's AddressSanitizer accept it (ASAN_OPTIONS).  -ENOENT if
 * there is no such library.
 */
int fake_xen_preload_env(void);

#endif
