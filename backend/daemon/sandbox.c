// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c - how a device process gives everything away that it does not need.
 *
 * Everything it will ever open is open before: Xen's handles, the socket to
 * the broker, the journal.  What remains possible afterwards is to use those,
 * to connect to upstreams, and to compute.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* unshare */
#endif
#include "backend/daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend/util/log.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum {
	NOFILE_MAX = 1024,
	ADDRESS_SPACE_MAX_MIB = 1024,
};

static int failed(const char *what)
{
	int error = errno ? -errno : -EIO;

	log_error("sandbox: %s: error %d", what, -error);
	return error;
}

/* An empty root: pivot onto a tmpfs and let go of everything else. */
static int mounts_leave(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return failed("unshare");
	if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return failed("make mounts private");
	if (mount("none", "/proc", "tmpfs",
		  MS_NODEV | MS_NOEXEC | MS_NOSUID | MS_RDONLY,
		  "nr_inodes=2,nr_blocks=1,mode=555") < 0)
		return failed("mount an empty root");
	if (chdir("/proc") < 0)
		return failed("enter the empty root");
	/* pivot_root(".", "."): the old root lies on top of the new one. */
	if (syscall(SYS_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) < 0)
			return failed("leave the old root");
		return chdir("/") < 0 ? failed("chdir") : 0;
	}
	if (errno != EINVAL)
		return failed("pivot_root");
	/* An initramfs cannot be pivoted away: cover it, as switch_root does.
	 * Without capabilities there is no way out of a chroot. */
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return failed("cover the old root");
	if (chroot(".") < 0)
		return failed("chroot");
	return chdir("/") < 0 ? failed("chdir") : 0;
}

static int limit(int resource, rlim_t value)
{
	struct rlimit now, limit = {.rlim_cur = value, .rlim_max = value};

	if (getrlimit(resource, &now) < 0)
		return -1;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
	return setrlimit(resource, &limit);
}

static int limits_set(void)
{
	const rlim_t memory = (rlim_t)ADDRESS_SPACE_MAX_MIB << 20;

	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NPROC, 0) < 0 ||
	    limit(RLIMIT_MSGQUEUE, 0) < 0 ||
	    limit(RLIMIT_NOFILE, NOFILE_MAX) < 0)
		return failed("resource limits");
	/* The address sanitizer reserves terabytes of addresses. */
	if (!SANITIZED && limit(RLIMIT_AS, memory) < 0)
		return failed("memory limit");
	return 0;
}

/* Nothing can ever be gained back. */
static int capabilities_drop(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return failed("capability bounding set");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return failed("ambient capabilities");
	return 0;
}

/* The change of uid emptied these already; saying it again is free. */
static int capabilities_empty(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return failed("capset");
	return 0;
}

static int identity_take(uid_t uid)
{
	gid_t gid = (gid_t)uid;

	if (setgroups(0, NULL) < 0)
		return failed("setgroups");
	if (setresgid(gid, gid, gid) < 0)
		return failed("setresgid");
	if (setresuid(uid, uid, uid) < 0)
		return failed("setresuid");
	/* There must be no way back. */
	if (setuid(0) == 0 || setgid(0) == 0) {
		errno = EPERM;
		return failed("still root");
	}
	return 0;
}

int sandbox_enter(uid_t uid, pid_t broker, uint32_t calls)
{
	int error;

	if (!uid)
		calls |= SANDBOX_CALLS_FILES;
	if (SANITIZED)
		calls |= SANDBOX_CALLS_SANITIZE;

	if ((uid == 0) != (geteuid() != 0)) {
		log_error("sandbox: root needs a uid to drop to, nobody else "
			  "can have one");
		return -EPERM;
	}
	if (uid) {
		error = mounts_leave();
		if (error)
			return error;
	}
	error = limits_set();
	if (error)
		return error;
	if (uid) {
		error = capabilities_drop();
		if (!error)
			error = identity_take(uid);
		if (!error)
			error = capabilities_empty();
		if (error)
			return error;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failed("no new privileges");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return failed("not dumpable");
	/* After the change of uid, which would undo it. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return failed("die with the broker");
	if (getppid() != broker) {
		errno = ESRCH;
		return failed("the broker is gone");
	}
	return sandbox_calls_confine(calls);
}
