// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox_calls.c - the system calls that a device process makes.
 *
 * Found by tracing whole daemons at work and by reading the libraries; a new
 * call is added here beside its reason.  What is not listed kills the process:
 * it is a device process that was taken over, and one that is dead learns
 * nothing from trying.  The kernel's audit log names the call, 2virtd says
 * "killed by signal 31", and the guest's devices come back in a new process.
 *
 * An errno instead is for what a library tries and can do without, and never
 * more than an empty root and the limits on processes refuse anyway: a guest
 * that drives a library there shall not lose its device for that.
 *
 * The arguments that matter are tested: no memory becomes code, ioctls are
 * those of our own use of the two Xen devices, sockets are TCP's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* AT_EMPTY_PATH, F_OFD_... */
#endif
#include "backend/daemon/sandbox_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "backend/daemon/sandbox_filter.h"
#include "backend/util/log.h"

#define ALL UINT32_MAX
#define COUNT(...) (sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))
#define MASKED(argument, mask, ...)                                            \
	{                                                                      \
		argument, mask, COUNT(__VA_ARGS__),                            \
		{                                                              \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define ONE_OF(argument, ...) MASKED(argument, ALL, __VA_ARGS__)

/* Rules: made, made if its arguments are right, refused with an errno. */
#define MAKE(group, call)                                                      \
	{                                                                      \
		.groups = SANDBOX_CALLS_##group, .number = __NR_##call         \
	}
#define MAKE_IF(group, call, ...)                                              \
	{                                                                      \
		.groups = SANDBOX_CALLS_##group, .number = __NR_##call,        \
		.tests = {                                                     \
			__VA_ARGS__                                            \
		}                                                              \
	}
#define REFUSE(call, errno_of_it)                                              \
	{                                                                      \
		.groups = SANDBOX_CALLS_CORE, .number = __NR_##call,           \
		.error = (errno_of_it)                                         \
	}

/* Type of socket() without SOCK_NONBLOCK and SOCK_CLOEXEC. */
#define TYPE_MASK ((uint32_t) ~(SOCK_NONBLOCK | SOCK_CLOEXEC))

/* Of <asm/termbits.h>, which cannot be had together with <sys/ioctl.h>. */
#define TCGETS_NUMBER 0x5401

static const struct sandbox_rule rules[] = {
	/* The loop; first what each turn of it does. */
	MAKE(CORE, epoll_pwait),
	MAKE(CORE, epoll_ctl),
	MAKE(CORE, read),
	MAKE(CORE, write),
#ifdef __NR_epoll_wait
	MAKE(CORE, epoll_wait),
#endif

	/*
	 * The guest: grants copied, mapped and unmapped, its event channel
	 * bound and notified.  Not: making events of our own, virtual
	 * interrupts, DMA buffers.
	 */
	MAKE_IF(XEN, ioctl,
		ONE_OF(1, IOCTL_GNTDEV_GRANT_COPY, IOCTL_EVTCHN_NOTIFY,
		       IOCTL_GNTDEV_MAP_GRANT_REF, IOCTL_GNTDEV_UNMAP_GRANT_REF,
		       IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
		       IOCTL_GNTDEV_SET_UNMAP_NOTIFY,
		       IOCTL_EVTCHN_BIND_INTERDOMAIN, IOCTL_EVTCHN_UNBIND)),

	/* Upstreams: connect and talk; never listen, never AF_UNIX, raw or
	 * another protocol.  UDP is how libcurl asks whether IPv6 is there. */
	MAKE(NETWORK, sendto),
	MAKE(NETWORK, recvfrom),
	MAKE_IF(NETWORK, socket, ONE_OF(0, AF_INET, AF_INET6),
		MASKED(1, TYPE_MASK, SOCK_STREAM, SOCK_DGRAM),
		ONE_OF(2, 0, IPPROTO_TCP)),
	MAKE(NETWORK, connect),
	MAKE(NETWORK, getsockname),
	MAKE(NETWORK, getpeername),
	MAKE(NETWORK, shutdown),
	MAKE_IF(NETWORK, getsockopt, ONE_OF(1, SOL_SOCKET),
		ONE_OF(2, SO_ERROR, SO_TYPE)),
	MAKE_IF(NETWORK, setsockopt, ONE_OF(1, IPPROTO_TCP),
		ONE_OF(2, TCP_NODELAY, TCP_KEEPIDLE, TCP_KEEPINTVL,
		       TCP_KEEPCNT)),
	MAKE_IF(NETWORK, setsockopt, ONE_OF(1, SOL_SOCKET),
		ONE_OF(2, SO_KEEPALIVE, SO_RCVBUF)),

	/* The broker and descriptors; libcurl's way to wake itself up. */
	MAKE(CORE, recvmsg),
	MAKE(CORE, sendmsg),
	MAKE(CORE, close),
#ifdef __NR_poll
	MAKE(CORE, poll),
#endif
	MAKE(CORE, ppoll),
	MAKE(CORE, eventfd2),
	MAKE_IF(CORE, socketpair, ONE_OF(0, AF_UNIX),
		MASKED(1, TYPE_MASK, SOCK_STREAM)),
	MAKE_IF(CORE, fcntl,
		ONE_OF(1, F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC)),
	MAKE_IF(CORE, ioctl, ONE_OF(1, FIONBIO)),
	/* A certificate file from the broker: its size, its text. */
	MAKE_IF(CORE, newfstatat, MASKED(3, AT_EMPTY_PATH, AT_EMPTY_PATH)),
	MAKE(CORE, fstat),
	MAKE(CORE, pread64),

	/* Memory, none of it code.  The journal, ring pages, the heap. */
	MAKE(CORE, brk),
	MAKE_IF(CORE, mmap, MASKED(2, PROT_EXEC, 0)),
	MAKE_IF(CORE, mprotect, MASKED(2, PROT_EXEC, 0)),
	MAKE(CORE, munmap),
	MAKE(CORE, mremap),
	MAKE(CORE, madvise),
	MAKE(CORE, futex),

	/* Time, where the kernel answers it itself (a PV dom0); random
	 * numbers and who we are for TLS. */
	MAKE(CORE, clock_gettime),
	MAKE(CORE, clock_getres),
	MAKE(CORE, gettimeofday),
#ifdef __NR_time
	MAKE(CORE, time),
#endif
	MAKE(CORE, getrandom),
	MAKE(CORE, getpid),
	MAKE(CORE, gettid),
	MAKE(CORE, getuid),
	MAKE(CORE, geteuid),
	MAKE(CORE, getgid),
	MAKE(CORE, getegid),
	/* qsort() asks how much memory there is. */
	MAKE(CORE, sysinfo),

	/* Signals: libraries ignore SIGPIPE for a while; the end. */
	MAKE(CORE, rt_sigaction),
	MAKE(CORE, rt_sigprocmask),
	MAKE(CORE, rt_sigreturn),
	MAKE(CORE, restart_syscall),
	MAKE(CORE, sched_yield),
	MAKE(CORE, exit),
	MAKE(CORE, exit_group),

	/* Reports of the sanitizers: their own stack, source lines, a core
	 * that is not there; who they are. */
	MAKE(SANITIZE, sigaltstack),
	MAKE(SANITIZE, tgkill),
	MAKE(SANITIZE, prctl),
	MAKE(SANITIZE, sched_getaffinity),
	MAKE(SANITIZE, prlimit64),
	MAKE(SANITIZE, getppid),
	MAKE(SANITIZE, uname),
	MAKE(SANITIZE, lseek),
	MAKE(SANITIZE, openat),
	MAKE(SANITIZE, readlinkat),
#ifdef __NR_readlink
	MAKE(SANITIZE, open),
	MAKE(SANITIZE, readlink),
	MAKE(SANITIZE, stat),
#endif
	MAKE(SANITIZE, newfstatat),

	/* A broker that is not root cannot give an empty root, so nothing is
	 * gained by forbidding this: it is a developer's, and the fake Xen of
	 * the tests opens and locks files late. */
	MAKE(FILES, openat),
	MAKE_IF(FILES, fcntl,
		ONE_OF(1, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW)),

	/* What an empty root answers, whoever asks: time zones, host names,
	 * certificates, modules. */
	REFUSE(openat, ENOENT),
	REFUSE(newfstatat, ENOENT),
	REFUSE(statx, ENOENT),
	REFUSE(faccessat, ENOENT),
	REFUSE(faccessat2, ENOENT),
	REFUSE(readlinkat, ENOENT),
#ifdef __NR_readlink
	REFUSE(open, ENOENT),
	REFUSE(stat, ENOENT),
	REFUSE(lstat, ENOENT),
	REFUSE(access, ENOENT),
	REFUSE(readlink, ENOENT),
#endif
	/* What RLIMIT_NPROC answers: a thread that a library wants. */
	REFUSE(clone, EAGAIN),
	REFUSE(clone3, EAGAIN),
	/* Options that no upstream needs; is this a terminal? */
	REFUSE(setsockopt, ENOPROTOOPT),
	REFUSE(getsockopt, ENOPROTOOPT),
	{.groups = SANDBOX_CALLS_CORE,
	 .number = __NR_ioctl,
	 .error = ENOTTY,
	 .tests = {ONE_OF(1, TCGETS_NUMBER)}},
	REFUSE(prlimit64, EPERM),
	REFUSE(sched_getaffinity, EPERM),
	REFUSE(prctl, EINVAL),
	REFUSE(uname, EPERM),
};

int sandbox_calls_confine(uint32_t groups)
{
	int error = sandbox_filter_enter(
		rules, sizeof(rules) / sizeof(rules[0]), groups);

	if (error)
		log_error("sandbox: system-call filter: %s", strerror(-error));
	return error;
}
