// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-sandbox.c - what a device process can no longer do.
 *
 * From inside: a table of system calls, each made by a child that has entered
 * the sandbox.  From outside: what /proc says of such a child, which holds
 * even where the filter refuses the question.  Dropping needs root: without it
 * those cases skip.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/xen.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "backend/daemon/sandbox.h"

enum { UID = 1879048192 + 7 };

static const uint32_t all_calls =
	SANDBOX_CALLS_CORE | SANDBOX_CALLS_NETWORK | SANDBOX_CALLS_XEN;

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* In the child: leaves with 1 after saying what is wrong. */
#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s (errno %d)\n", __FILE__,    \
				__LINE__, #condition, errno);                  \
			_exit(1);                                              \
		}                                                              \
	} while (0)

/* Root becomes a domain's uid; anybody else stays who it is. */
static uid_t uid_for_us(void)
{
	return geteuid() == 0 ? UID : 0;
}

static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

/*
 * --- from inside ---
 */

enum {
	KILLED = -1,  /* by SIGSYS */
	PASSES = -2,  /* the filter lets it through, whatever comes of it */
	STRICT = 256, /* an errno in a production build under root only: */
	/* elsewhere files may be opened and sanitizers at work */
};

struct
try {
	const char *what;
	long number;
	int want; /* KILLED, PASSES or an errno */
	long arguments[6];
};

static char page[8192] __attribute__((aligned(4096)));

#define ADDRESS(of) ((long)(of))

static const struct try tries[] = {
	/* Other programs and processes. */
	{"execve", SYS_execve, KILLED, {ADDRESS("/bin/true")}},
	{"execveat", SYS_execveat, KILLED, {AT_FDCWD, ADDRESS("/bin/true")}},
	{"a process", SYS_clone, EAGAIN, {SIGCHLD}},
	{"a thread", SYS_clone3, EAGAIN, {ADDRESS(page), 88}},
#ifdef SYS_fork
	{"fork", SYS_fork, KILLED, {0}},
	{"vfork", SYS_vfork, KILLED, {0}},
#endif
	{"kill", SYS_kill, KILLED, {1, 0}},
	{"tkill", SYS_tkill, KILLED, {1, 0}},
	{"pidfd_open", SYS_pidfd_open, KILLED, {1, 0}},
	{"pidfd_getfd", SYS_pidfd_getfd, KILLED, {0, 0}},
	{"ptrace", SYS_ptrace, KILLED, {PTRACE_TRACEME}},
	{"read another's memory", SYS_process_vm_readv, KILLED, {1}},
	{"write another's memory", SYS_process_vm_writev, KILLED, {1}},
	{"kcmp", SYS_kcmp, KILLED, {1, 1}},
	{"setpriority", SYS_setpriority, KILLED, {0, 0, 0}},
	{"setrlimit", SYS_setrlimit, KILLED, {0, ADDRESS(page)}},
	/* Who it is and where it lives. */
	{"setuid", SYS_setuid, KILLED, {0}},
	{"setresuid", SYS_setresuid, KILLED, {UID + 1, UID + 1, UID + 1}},
	{"setgid", SYS_setgid, KILLED, {0}},
	{"setgroups", SYS_setgroups, KILLED, {0, 0}},
	{"capset", SYS_capset, KILLED, {ADDRESS(page), ADDRESS(page)}},
	{"a user name space", SYS_unshare, KILLED, {CLONE_NEWUSER}},
	{"setns", SYS_setns, KILLED, {0, 0}},
	{"mount", SYS_mount, KILLED, {0, ADDRESS("/"), 0, 0}},
	{"fsopen", SYS_fsopen, KILLED, {ADDRESS("tmpfs"), 0}},
	{"open_tree", SYS_open_tree, KILLED, {AT_FDCWD, ADDRESS("/"), 0}},
	{"umount", SYS_umount2, KILLED, {ADDRESS("/"), 0}},
	{"pivot_root", SYS_pivot_root, KILLED, {ADDRESS("."), ADDRESS(".")}},
	{"chroot", SYS_chroot, KILLED, {ADDRESS("/")}},
	{"chdir", SYS_chdir, KILLED, {ADDRESS("/")}},
	/* Files. */
	{"openat", SYS_openat, STRICT + ENOENT, {AT_FDCWD, ADDRESS("/")}},
	{"the root", SYS_openat, STRICT + ENOENT, {AT_FDCWD, ADDRESS(".")}},
	{"openat2", SYS_openat2, KILLED, {AT_FDCWD, ADDRESS("/"), 0, 24}},
	{"by handle", SYS_open_by_handle_at, KILLED, {0, ADDRESS(page), 0}},
	{"statx", SYS_statx, ENOENT, {AT_FDCWD, ADDRESS("/"), 0, 0, 0}},
	{"faccessat", SYS_faccessat, ENOENT, {AT_FDCWD, ADDRESS("/"), 0}},
	{"mkdirat", SYS_mkdirat, KILLED, {AT_FDCWD, ADDRESS("/x"), 0700}},
	{"mknodat", SYS_mknodat, KILLED, {AT_FDCWD, ADDRESS("/x"), 0, 0}},
	{"unlinkat", SYS_unlinkat, KILLED, {AT_FDCWD, ADDRESS("/x"), 0}},
	{"linkat", SYS_linkat, KILLED, {AT_FDCWD, ADDRESS("/x"), AT_FDCWD}},
	{"getdents64", SYS_getdents64, KILLED, {0, ADDRESS(page), 4096}},
	{"ftruncate", SYS_ftruncate, KILLED, {0, 0}},
	{"memfd_create", SYS_memfd_create, KILLED, {ADDRESS("x"), 0}},
	{"a leased file", SYS_fcntl, KILLED, {0, F_SETLEASE, F_WRLCK}},
	{"SIGIO to others", SYS_fcntl, KILLED, {0, F_SETOWN, 1}},
	/* Sockets. */
	{"AF_UNIX", SYS_socket, KILLED, {AF_UNIX, SOCK_STREAM, 0}},
	{"AF_NETLINK", SYS_socket, KILLED, {AF_NETLINK, SOCK_RAW, 0}},
	{"AF_PACKET", SYS_socket, KILLED, {AF_PACKET, SOCK_RAW, 0}},
	{"AF_VSOCK", SYS_socket, KILLED, {AF_VSOCK, SOCK_STREAM, 0}},
	{"AF_ALG", SYS_socket, KILLED, {AF_ALG, SOCK_SEQPACKET, 0}},
	{"raw", SYS_socket, KILLED, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
	{"ping", SYS_socket, KILLED, {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
	{"SCTP", SYS_socket, KILLED, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}},
	{"MPTCP", SYS_socket, KILLED, {AF_INET, SOCK_STREAM, 262}},
	{"bind", SYS_bind, KILLED, {0, ADDRESS(page), 16}},
	{"listen", SYS_listen, KILLED, {0, 1}},
	{"accept4", SYS_accept4, KILLED, {0, 0, 0, 0}},
	{"a socket's filter",
	 SYS_setsockopt,
	 ENOPROTOOPT,
	 {0, SOL_SOCKET, SO_ATTACH_FILTER}},
	{"an upper protocol",
	 SYS_setsockopt,
	 ENOPROTOOPT,
	 {0, IPPROTO_TCP, TCP_ULP}},
	{"peer's pid",
	 SYS_getsockopt,
	 ENOPROTOOPT,
	 {0, SOL_SOCKET, SO_PEERCRED}},
	/* Memory that is code. */
	{"mmap of code",
	 SYS_mmap,
	 KILLED,
	 {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"mprotect to code",
	 SYS_mprotect,
	 KILLED,
	 {ADDRESS(page), 4096, PROT_READ | PROT_WRITE | PROT_EXEC}},
	{"pkey_mprotect", SYS_pkey_mprotect, KILLED, {ADDRESS(page), 4096, 1}},
	{"remap_file_pages", SYS_remap_file_pages, KILLED, {ADDRESS(page)}},
	{"READ_IMPLIES_EXEC", SYS_personality, KILLED, {0x0400000}},
	{"shmat", SYS_shmat, KILLED, {0, 0, 0100000 /* SHM_EXEC */}},
	/* ioctl: of Xen's devices what we use, of others nothing. */
	{"EVTCHN_RESET", SYS_ioctl, KILLED, {0, IOCTL_EVTCHN_RESET}},
	{"BIND_VIRQ", SYS_ioctl, KILLED, {0, IOCTL_EVTCHN_BIND_VIRQ}},
	{"BIND_UNBOUND",
	 SYS_ioctl,
	 KILLED,
	 {0, IOCTL_EVTCHN_BIND_UNBOUND_PORT}},
	{"RESTRICT", SYS_ioctl, KILLED, {0, IOCTL_EVTCHN_RESTRICT_DOMID}},
	{"SET_MAX_GRANTS", SYS_ioctl, KILLED, {0, IOCTL_GNTDEV_SET_MAX_GRANTS}},
	{"DMABUF", SYS_ioctl, KILLED, {0, IOCTL_GNTDEV_DMABUF_EXP_FROM_REFS}},
	{"hypercalls", SYS_ioctl, KILLED, {0, 0x305000}},
	{"TIOCSTI", SYS_ioctl, KILLED, {0, TIOCSTI}},
	{"TCGETS", SYS_ioctl, ENOTTY, {0, TCGETS}},
	/* The kernel's wide surfaces. */
	{"bpf", SYS_bpf, KILLED, {BPF_MAP_CREATE, ADDRESS(page), 64}},
	{"perf", SYS_perf_event_open, KILLED, {ADDRESS(page), 0, -1, -1}},
	{"userfaultfd", SYS_userfaultfd, KILLED, {0}},
	{"io_uring", SYS_io_uring_setup, KILLED, {1, ADDRESS(page)}},
	{"keyctl", SYS_keyctl, KILLED, {0, 0, 0}},
	{"add_key", SYS_add_key, KILLED, {ADDRESS("user"), ADDRESS("x")}},
	{"seccomp", SYS_seccomp, KILLED, {SECCOMP_GET_ACTION_AVAIL, 0, 0}},
	{"init_module", SYS_init_module, KILLED, {0}},
	{"kexec_load", SYS_kexec_load, KILLED, {0}},
	{"syslog", SYS_syslog, KILLED, {3, 0, 0}},
	{"adjtimex", SYS_adjtimex, KILLED, {0}},
	{"a number of nothing", 5000, KILLED, {0}},
#ifdef __x86_64__
	{"x32", 0x40000000 + SYS_getpid, KILLED, {0}},
#endif
	/* And what it lives from. */
	{"TCP", SYS_socket, PASSES, {AF_INET, SOCK_STREAM, IPPROTO_TCP}},
	{"TCP 6",
	 SYS_socket,
	 PASSES,
	 {AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP}},
	{"NODELAY", SYS_setsockopt, PASSES, {0, IPPROTO_TCP, TCP_NODELAY}},
	{"copy", SYS_ioctl, PASSES, {-1, IOCTL_GNTDEV_GRANT_COPY}},
	{"map", SYS_ioctl, PASSES, {-1, IOCTL_GNTDEV_MAP_GRANT_REF}},
	{"notify", SYS_ioctl, PASSES, {-1, IOCTL_EVTCHN_NOTIFY}},
	{"bind", SYS_ioctl, PASSES, {-1, IOCTL_EVTCHN_BIND_INTERDOMAIN}},
	{"memory",
	 SYS_mmap,
	 PASSES,
	 {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"protect", SYS_mprotect, PASSES, {ADDRESS(page), 4096, PROT_READ}},
	{"time", SYS_clock_gettime, PASSES, {0, ADDRESS(page)}},
};

/* The child's answer: an errno or 0. */
static int try_in_child(const struct try *try)
{
	const long *a = try->arguments;
	long result;

	errno = 0;
	result = syscall(try->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return result < 0 ? errno & 255 : 0;
}

/* Wait status of a sandboxed child that tries this. */
static int try_status(const struct try *try, uint32_t calls)
{
	pid_t parent = getpid(), child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (sandbox_enter(uid_for_us(), parent, calls))
			_exit(255);
		_exit(try_in_child(try));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static bool try_is_right(const struct try *try)
{
	int status = try_status(try, all_calls);
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	int want = try->want;
	bool right;

	if (want >= STRICT)
		want = SANITIZED || geteuid() != 0 ? PASSES : want - STRICT;
	if (want == KILLED)
		right = killed;
	else if (want == PASSES)
		right = WIFEXITED(status) && WEXITSTATUS(status) != 255;
	else
		right = WIFEXITED(status) && WEXITSTATUS(status) == want;
	if (!right)
		print_error("%s: wait status %#x, wanted %d\n", try->what,
			    status, want);
	return right;
}

static void each_call_is_answered_as_the_table_says(void **state)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
		wrong += !try_is_right(&tries[i]);
	assert_int_equal(wrong, 0);
}

#ifdef __x86_64__
static void calls_of_another_architecture_kill(void **state)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0) {
		long result = 24; /* getuid; as x86-64's, sched_yield */

		CHECK(sandbox_enter(uid_for_us(), parent, all_calls) == 0);
		__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	/* Or the kernel knows none. */
	assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS ||
					    WTERMSIG(status) == SIGSEGV));
}
#endif

/* A bus without Xen has none of Xen's calls, one without network no socket. */
static void a_group_that_is_not_asked_for_is_not_there(void **state)
{
	const struct try socket = {
		"TCP", SYS_socket, KILLED, {AF_INET, SOCK_STREAM, 0}};
	const struct try copy = {
		"copy", SYS_ioctl, KILLED, {-1, IOCTL_GNTDEV_GRANT_COPY}};
	int status = try_status(&socket, SANDBOX_CALLS_CORE);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	status = try_status(&copy, SANDBOX_CALLS_CORE | SANDBOX_CALLS_NETWORK);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

/*
 * --- from outside ---
 */

struct sandboxed {
	pid_t pid;
	int end; /* closing it lets the child leave */
};

/* A child in the sandbox that waits there. */
static void sandboxed_start(struct sandboxed *child)
{
	pid_t parent = getpid();
	int ready[2], end[2];
	char octet;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0) {
		const gid_t groups[] = {1, 2};

		close(end[1]);
		/* As a broker that was started with groups of its own. */
		CHECK(setgroups(2, groups) == 0);
		CHECK(sandbox_enter(UID, parent, all_calls) == 0);
		CHECK(write(ready[1], "x", 1) == 1);
		CHECK(read(end[0], &octet, 1) == 0);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	child->end = end[1];
	assert_int_equal(read(ready[0], &octet, 1), 1);
	close(ready[0]);
}

static void sandboxed_end(struct sandboxed *child)
{
	int status;

	close(child->end);
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	assert_int_equal(status, 0);
}

/* A file of its folder in /proc; the next call overwrites the text. */
static const char *proc_read(const struct sandboxed *child, const char *name)
{
	static char text[8192];
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", child->pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	assert_true(got >= 0);
	text[got] = '\0';
	close(fd);
	return text;
}

static void has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (const char *at = text; (at = strstr(at, line)); at++)
		if ((at == text || at[-1] == '\n') &&
		    (at[len] == '\n' || at[len] == ' '))
			return;
	print_error("no line \"%s\" in\n%s", line, text);
	fail();
}

static void it_is_nobody_and_stays_so(void **state)
{
	struct sandboxed child;
	const char *status;
	struct stat folder;
	char path[64];

	need_root();
	sandboxed_start(&child);
	status = proc_read(&child, "status");
	has_line(status,
		 "Uid:\t1879048199\t1879048199\t1879048199\t1879048199");
	has_line(status,
		 "Gid:\t1879048199\t1879048199\t1879048199\t1879048199");
	has_line(status, "Groups:\t");
	has_line(status, "Threads:\t1");
	has_line(status, "CapInh:\t0000000000000000");
	has_line(status, "CapPrm:\t0000000000000000");
	has_line(status, "CapEff:\t0000000000000000");
	has_line(status, "CapBnd:\t0000000000000000");
	has_line(status, "CapAmb:\t0000000000000000");
	has_line(status, "NoNewPrivs:\t1");
	has_line(status, "Seccomp:\t2");
	/* Not dumpable: its folder is root's, so others of its uid are out. */
	snprintf(path, sizeof(path), "/proc/%d/mem", child.pid);
	assert_int_equal(stat(path, &folder), 0);
	assert_int_equal(folder.st_uid, 0);
	sandboxed_end(&child);
}

static void has_limit(const char *limits, const char *name, const char *soft,
		      const char *hard)
{
	const char *line = strstr(limits, name);
	char got[2][32];

	assert_non_null(line);
	assert_int_equal(
		sscanf(line + strlen(name), " %31s %31s", got[0], got[1]), 2);
	assert_string_equal(got[0], soft);
	assert_string_equal(got[1], hard);
}

static void its_limits_are_set(void **state)
{
	struct sandboxed child;
	const char *limits;

	need_root();
	sandboxed_start(&child);
	limits = proc_read(&child, "limits");
	has_limit(limits, "Max core file size", "0", "0");
	has_limit(limits, "Max processes", "0", "0");
	has_limit(limits, "Max open files", "1024", "1024");
	has_limit(limits, "Max msgqueue size", "0", "0");
	if (!SANITIZED)
		has_limit(limits, "Max address space", "1073741824",
			  "1073741824");
	sandboxed_end(&child);
}

static void namespace_differs(const struct sandboxed *child, const char *name)
{
	char path[64], its[64] = "", ours[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", child->pid, name);
	assert_true(readlink(path, its, sizeof(its) - 1) > 0);
	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	assert_true(readlink(path, ours, sizeof(ours) - 1) > 0);
	assert_string_not_equal(its, ours);
}

static void it_sees_no_file(void **state)
{
	struct sandboxed child;
	struct dirent *entry;
	const char *mounts;
	char path[64];
	DIR *root;

	need_root();
	sandboxed_start(&child);
	namespace_differs(&child, "mnt");
	namespace_differs(&child, "ipc");
	namespace_differs(&child, "uts");
	/* One mount: an empty tmpfs that cannot be written. */
	mounts = proc_read(&child, "mountinfo");
	assert_non_null(strstr(mounts, " / / ro,nosuid,nodev,noexec"));
	assert_non_null(strstr(mounts, " - tmpfs none ro"));
	assert_ptr_equal(strchr(mounts, '\n'), strrchr(mounts, '\n'));
	snprintf(path, sizeof(path), "/proc/%d/root/", child.pid);
	root = opendir(path);
	assert_non_null(root);
	while ((entry = readdir(root)))
		assert_int_equal(entry->d_name[0], '.');
	closedir(root);
	sandboxed_end(&child);
}

/*
 * --- TLS, which asks more of the kernel than plain sockets ---
 */

/* openssl s_server with a certificate of its own; the port, or 0. */
static unsigned int server_start(const char *folder, pid_t *server)
{
	char command[600], line[128] = "";
	unsigned int port = 0;
	int out[2];
	FILE *said;

	snprintf(command, sizeof(command),
		 "cd '%s' && openssl req -x509 -newkey rsa:2048 -nodes "
		 "-keyout key -out cert -days 2 -subj /CN=upstream.test "
		 "-addext subjectAltName=DNS:upstream.test 2>/dev/null",
		 folder);
	if (system(command) != 0)
		return 0;
	assert_int_equal(pipe(out), 0);
	*server = fork();
	if (*server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		CHECK(chdir(folder) == 0);
		execlp("openssl", "openssl", "s_server", "-accept",
		       "127.0.0.1:0", "-www", "-key", "key", "-cert", "cert",
		       NULL);
		_exit(127);
	}
	close(out[1]);
	said = fdopen(out[0], "r");
	while (!port && fgets(line, sizeof(line), said))
		sscanf(line, "ACCEPT 127.0.0.1:%u", &port);
	fclose(said);
	return port;
}

static size_t body_drop(char *data, size_t size, size_t count, void *context)
{
	return size * count;
}

/* In the child: a page by TLS, as the web service connects. */
static void page_get(unsigned int port, const char *pem, size_t len,
		     pid_t parent)
{
	struct curl_blob ca = {(void *)pem, len, CURL_BLOB_NOCOPY};
	char url[64], address[64];
	struct curl_slist *to;
	CURL *easy;

	CHECK(curl_global_init(CURL_GLOBAL_ALL) == 0);
	CHECK(sandbox_enter(uid_for_us(), parent, all_calls) == 0);
	snprintf(url, sizeof(url), "https://upstream.test:%u/", port);
	snprintf(address, sizeof(address), "::127.0.0.1:%u", port);
	to = curl_slist_append(NULL, address);
	easy = curl_easy_init();
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, to);
	curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_drop);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	CHECK(curl_easy_perform(easy) == CURLE_OK);
	_exit(0);
}

static void tls_works_inside(void **state)
{
	char folder[] = "/tmp/2virt-sandbox-XXXXXX";
	char path[64], pem[4096], command[64];
	pid_t parent = getpid(), server = -1, child;
	unsigned int port;
	size_t len;
	int status;
	FILE *file;

	assert_non_null(mkdtemp(folder));
	port = server_start(folder, &server);
	assert_int_not_equal(port, 0);
	snprintf(path, sizeof(path), "%s/cert", folder);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(pem, 1, sizeof(pem), file);
	fclose(file);
	child = fork();
	if (child == 0)
		page_get(port, pem, len, parent);
	assert_int_equal(waitpid(child, &status, 0), child);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(status, 0);
}

/*
 * --- life ---
 */

static void root_is_never_kept(void **state)
{
	pid_t parent = getpid(), child = fork();
	int status;

	if (child == 0)
		_exit(sandbox_enter(geteuid() == 0 ? 0 : UID, parent,
				    all_calls) == -EPERM
			      ? 0
			      : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void without_root_the_rest_holds(void **state)
{
	const struct try execve = tries[0];
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (geteuid() == 0)
			CHECK(setresuid(65534, 65534, 65534) == 0);
		/* The change of uid has taken that away already. */
		CHECK(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0);
		CHECK(sandbox_enter(0, getppid(), all_calls) == 0);
		_exit(try_in_child(&execve));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}

static void it_dies_with_the_broker(void **state)
{
	int alive[2], never[2];
	char octet;
	pid_t broker;

	assert_int_equal(pipe(alive), 0);
	assert_int_equal(pipe(never), 0);
	broker = fork();
	if (broker == 0) {
		pid_t self = getpid();

		if (fork() == 0) {
			CHECK(sandbox_enter(uid_for_us(), self, all_calls) ==
			      0);
			CHECK(write(alive[1], "x", 1) == 1);
			CHECK(read(never[0], &octet, 1) == 1);
			_exit(0);
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
	close(never[0]);
	close(never[1]);
}

static void a_broker_that_is_gone_already_is_noticed(void **state)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(sandbox_enter(uid_for_us(), 1, all_calls) < 0 ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_call_is_answered_as_the_table_says),
#ifdef __x86_64__
		cmocka_unit_test(calls_of_another_architecture_kill),
#endif
		cmocka_unit_test(a_group_that_is_not_asked_for_is_not_there),
		cmocka_unit_test(it_is_nobody_and_stays_so),
		cmocka_unit_test(its_limits_are_set),
		cmocka_unit_test(it_sees_no_file),
		cmocka_unit_test(tls_works_inside),
		cmocka_unit_test(root_is_never_kept),
		cmocka_unit_test(without_root_the_rest_holds),
		cmocka_unit_test(it_dies_with_the_broker),
		cmocka_unit_test(a_broker_that_is_gone_already_is_noticed),
	};

	return cmocka_run_group_tests_name("daemon-sandbox", tests, NULL, NULL);
}
