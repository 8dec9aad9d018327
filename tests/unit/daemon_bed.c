// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * daemon_bed.c - a whole 2virtd with its device processes on a fake Xen.
 *
 * Started as root, the program becomes somebody else first: the fake Xen opens
 * files late, which a device process cannot do once it has dropped to another
 * uid in an empty root.  So here 2virtd is not root and device processes keep
 * its uid; test-sandbox.c looks at the drop.
 */
#include "tests/unit/daemon_bed.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/pipe.h"
#include "tests/fake-xen/xenstored.h"

#define REQUIRE(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "%s:%d: %s (%s)\n", __FILE__,          \
				__LINE__, #condition, strerror(errno));        \
			bed_log_show();                                        \
			abort();                                               \
		}                                                              \
	} while (0)

enum { NOBODY = 65534, START_MS = 20000 };

struct xs_handle *bed_xs;
static struct fake_xenstored *xenstored;
static char folder[256];
static const char *programs = BUILDDIR;
static char device_program[300];
static pid_t daemon_pid;
static off_t log_start;

uint64_t bed_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

static char *in_folder(const char *name)
{
	static char paths[16][512];
	static unsigned int next;
	char *path = paths[next++ % 16];

	snprintf(path, 512, "%s/%s", folder, name);
	return path;
}

const char *bed_path(const char *name)
{
	return in_folder(name);
}

/* Copies the programs to where anybody can run them, becomes nobody. */
static void root_leave(void)
{
	static const char *const files[] = {
		"2virtd",
		"2virt-device",
		"2virt",
		"tests/unit/hostile-device",
		"tests/fake-xen/libfakexen.so",
		"tests/fake-xen/libfakexen-xsd.so",
	};
	char command[1024];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		/* Only some tests need the one or the other. */
		snprintf(command, sizeof(command), "%s/%s", BUILDDIR, files[i]);
		if (access(command, F_OK) < 0)
			continue;
		snprintf(command, sizeof(command), "cp '%s/%s' '%s'", BUILDDIR,
			 files[i], folder);
		REQUIRE(system(command) == 0);
	}
	snprintf(command, sizeof(command), "chown -R %d:%d '%s'", NOBODY,
		 NOBODY, folder);
	REQUIRE(system(command) == 0);
	programs = folder;
	setenv("FAKE_XEN_LIBDIR", folder, 1);
	REQUIRE(chdir(folder) == 0);
	REQUIRE(setgroups(0, NULL) == 0);
	REQUIRE(setresgid(NOBODY, NOBODY, NOBODY) == 0);
	REQUIRE(setresuid(NOBODY, NOBODY, NOBODY) == 0);
}

/* An xl that only says how it was called, in the daemon's log. */
static void xl_make(void)
{
	FILE *file = fopen(in_folder("xl"), "we");

	REQUIRE(file);
	fputs("#!/bin/sh\necho \"fake xl: $*\" >&2\n", file);
	REQUIRE(fclose(file) == 0);
	REQUIRE(chmod(in_folder("xl"), 0755) == 0);
	REQUIRE(mkdir(in_folder("xen"), 0700) == 0);
}

void bed_xl_config(const char *name, const char *text)
{
	char file[128];
	FILE *written;

	snprintf(file, sizeof(file), "xen/%s.cfg", name);
	written = fopen(in_folder(file), "we");
	REQUIRE(written);
	fputs(text, written);
	REQUIRE(fclose(written) == 0);
	REQUIRE(chmod(in_folder(file), 0644) == 0);
}

int bed_setup(void)
{
	if (!fake_xenstored_available())
		return 77;
	snprintf(folder, sizeof(folder), "/tmp/2virt-daemon-XXXXXX");
	REQUIRE(mkdtemp(folder));
	if (geteuid() == 0)
		root_leave();
	snprintf(device_program, sizeof(device_program), "%s/2virt-device",
		 programs);
	bed_program_hide(false);
	REQUIRE(fake_xen_setup() == 0);
	REQUIRE(fake_xenstored_start(&xenstored) == 0);
	bed_xs = xs_open(0);
	REQUIRE(bed_xs);
	REQUIRE(mkdir(in_folder("services.d"), 0700) == 0);
	REQUIRE(mkdir(in_folder("policy.d"), 0700) == 0);
	REQUIRE(mkdir(in_folder("domains.d"), 0700) == 0);
	bed_ask_write("exit 1");
	xl_make();
	bed_services_write("[web:catalog]\n"
			   "upstream = http://127.0.0.1:9\n"
			   "[web:shop]\n"
			   "upstream = http://127.0.0.1:9\n");
	return 0;
}

void bed_teardown(void)
{
	char command[600];

	bed_daemon_kill();
	xs_close(bed_xs);
	fake_xenstored_stop(xenstored);
	fake_xen_teardown();
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	REQUIRE(system(command) == 0);
}

/*
 * --- the daemon ---
 */

static int notify_open(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s",
		 in_folder("notify"));
	unlink(address.sun_path);
	REQUIRE(fd >= 0);
	REQUIRE(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	return fd;
}

void bed_device_program(const char *name)
{
	REQUIRE(unlink(in_folder("device")) == 0);
	if (!name) {
		REQUIRE(symlink(device_program, in_folder("device")) == 0);
		return;
	}
	REQUIRE(symlink(access(in_folder("hostile-device"), X_OK) == 0
				? in_folder("hostile-device")
				: BUILDDIR "/tests/unit/hostile-device",
			in_folder("device")) == 0);
	setenv("TV_HOSTILE", name, 1);
}

static void daemon_exec(void)
{
	char program[512];
	int log = open(in_folder("log"), O_WRONLY | O_CREAT | O_APPEND, 0600);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(log, STDERR_FILENO);
	/* A descriptor too many, as from a careless parent. */
	REQUIRE(dup2(log, 200) == 200);
	/* Device processes are not dumpable, so leaks cannot be looked for. */
	setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
	fake_xen_preload_env();
	snprintf(program, sizeof(program), "%s/2virtd", programs);
	execl(program, "2virtd", "--verbose", "--services",
	      in_folder("services.d"), "--run", in_folder("run"), "--device",
	      in_folder("device"), "--xl", in_folder("xl"), "--xl-config",
	      in_folder("xen"), "--policy", in_folder("policy.d"), "--domains",
	      in_folder("domains.d"), "--keep", in_folder("keep"), "--audit",
	      in_folder("audit"), "--ask", in_folder("ask"), "--contact",
	      "ops@example.org", NULL);
	_exit(127);
}

void bed_daemon_start(void)
{
	int fd = notify_open();
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	char text[64] = "";

	REQUIRE(!daemon_pid);
	daemon_pid = fork();
	REQUIRE(daemon_pid >= 0);
	if (!daemon_pid)
		daemon_exec();
	REQUIRE(poll(&wait, 1, START_MS) == 1);
	REQUIRE(read(fd, text, sizeof(text) - 1) > 0);
	REQUIRE(strcmp(text, "READY=1") == 0);
	close(fd);
}

static void daemon_reap(void)
{
	int status;

	REQUIRE(waitpid(daemon_pid, &status, 0) == daemon_pid);
	daemon_pid = 0;
}

void bed_daemon_stop(void)
{
	int status;

	REQUIRE(daemon_pid);
	kill(daemon_pid, SIGTERM);
	REQUIRE(waitpid(daemon_pid, &status, 0) == daemon_pid);
	daemon_pid = 0;
	REQUIRE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void bed_daemon_kill(void)
{
	if (!daemon_pid)
		return;
	kill(daemon_pid, SIGKILL);
	daemon_reap();
}

void bed_daemon_signal(int number)
{
	kill(daemon_pid, number);
}

bool bed_daemon_runs(void)
{
	return daemon_pid && waitpid(daemon_pid, NULL, WNOHANG) == 0;
}

void bed_program_hide(bool hidden)
{
	if (hidden)
		REQUIRE(unlink(in_folder("device")) == 0);
	else
		REQUIRE(symlink(device_program, in_folder("device")) == 0);
}

void bed_journals_remove(void)
{
	char command[300];

	snprintf(command, sizeof(command), "rm '%s'/run/*.journal", folder);
	REQUIRE(system(command) == 0);
}

unsigned int bed_devices(pid_t *pids, unsigned int max)
{
	unsigned int count = 0;
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon_pid,
		 daemon_pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (fscanf(file, "%d", &pid) == 1) {
		if (count < max)
			pids[count] = pid;
		count++;
	}
	fclose(file);
	return count;
}

bool bed_devices_wait(unsigned int count, int timeout_ms)
{
	for (uint64_t end = bed_now_ms() + (uint64_t)timeout_ms;
	     bed_now_ms() < end; pause_ms(5))
		if (bed_devices(NULL, 0) == count)
			return true;
	return false;
}

/*
 * --- its log ---
 */

static char *log_read(void)
{
	int fd = open(in_folder("log"), O_RDONLY | O_CLOEXEC);
	off_t size;
	char *text;

	if (fd < 0)
		return strdup("");
	size = lseek(fd, 0, SEEK_END) - log_start;
	text = calloc(1, (size_t)size + 1);
	if (pread(fd, text, (size_t)size, log_start) != size)
		text[0] = '\0';
	close(fd);
	return text;
}

unsigned int bed_log_count(const char *text)
{
	char *log = log_read();
	unsigned int count = 0;

	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	free(log);
	return count;
}

bool bed_log_wait(const char *text, int timeout_ms)
{
	for (uint64_t end = bed_now_ms() + (uint64_t)timeout_ms;
	     bed_now_ms() < end; pause_ms(5))
		if (bed_log_count(text))
			return true;
	return false;
}

void bed_log_clear(void)
{
	struct stat status;

	log_start = stat(in_folder("log"), &status) == 0 ? status.st_size : 0;
}

void bed_log_show(void)
{
	char *log = log_read();

	fprintf(stderr, "--- log of 2virtd:\n%s---\n", log);
	free(log);
}

void bed_services_write(const char *text)
{
	FILE *file = fopen(in_folder("services.d/test.conf"), "we");

	REQUIRE(file);
	fputs(text, file);
	REQUIRE(fclose(file) == 0);
}

static void file_write(const char *name, const char *text)
{
	FILE *file = fopen(in_folder(".new"), "we");

	REQUIRE(file);
	fputs(text, file);
	REQUIRE(fclose(file) == 0);
	REQUIRE(chmod(in_folder(".new"), 0700) == 0);
	REQUIRE(rename(in_folder(".new"), in_folder(name)) == 0);
}

void bed_policy_write(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "policy.d/%s", name);
	if (text)
		file_write(path, text);
	else
		unlink(in_folder(path));
}

void bed_domains_write(const char *text)
{
	if (text)
		file_write("domains.d/test.conf", text);
	else
		unlink(in_folder("domains.d/test.conf"));
}

void bed_ask_write(const char *script)
{
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	file_write("ask", text);
}

char *bed_audit_read(void)
{
	FILE *file = fopen(in_folder("audit"), "re");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return strdup("");
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

bool bed_audit_wait(const char *a, const char *b, int timeout_ms)
{
	for (uint64_t end = bed_now_ms() + (uint64_t)timeout_ms;
	     bed_now_ms() < end; pause_ms(10)) {
		char *text = bed_audit_read(), *save = NULL;
		bool found = false;

		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			found |= strstr(line, a) && strstr(line, b);
		free(text);
		if (found)
			return true;
	}
	return false;
}

pid_t bed_daemon_pid(void)
{
	return daemon_pid;
}

uint64_t bed_operations(void)
{
	const char *at;
	unsigned long long count = 0;
	char *log;

	bed_log_clear();
	bed_daemon_signal(SIGUSR1);
	REQUIRE(bed_log_wait("xenstore: ", 5000));
	log = log_read();
	at = strstr(log, "xenstore: ");
	REQUIRE(at && sscanf(at, "xenstore: %llu", &count) == 1);
	free(log);
	return count;
}

/*
 * --- XenStore ---
 */

void bed_write(const char *value, const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	if (value)
		REQUIRE(xs_write(bed_xs, XBT_NULL, path, value,
				 (unsigned int)strlen(value)));
	else
		xs_rm(bed_xs, XBT_NULL, path);
}

void bed_grant(struct fake_guest *guest, const char *type, const char *name,
	       bool granted)
{
	bed_write(granted ? "" : NULL, "/tool/2virt/domain/%u/grant/%s/%s",
		  fake_guest_domid(guest), type, name);
}

bool bed_node_wait(const char *value, int timeout_ms, const char *format, ...)
{
	char path[256];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return fake_toolstack_node_wait(bed_xs, path, value, timeout_ms) == 0;
}

bool bed_node_exists(const char *format, ...)
{
	char path[256];
	unsigned int len;
	va_list args;
	char *value;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	value = xs_read(bed_xs, XBT_NULL, path, &len);
	free(value);
	return value != NULL;
}

/*
 * --- guests ---
 */

struct fake_guest *bed_guest(const char *name, unsigned int controllers)
{
	struct fake_guest *guest;

	REQUIRE(fake_guest_create(&guest, 0, NULL, 0) >= 0);
	REQUIRE(fake_toolstack_domain_create(bed_xs, guest, name) == 0);
	for (unsigned int i = 0; i < controllers; i++)
		REQUIRE(fake_toolstack_controller_attach(
				bed_xs, fake_guest_domid(guest), i, 2, 4,
				10000) == 0);
	return guest;
}

struct vusb_front *bed_front(struct fake_guest *guest, unsigned int devid)
{
	struct vusb_front *front;

	REQUIRE(vusb_front_create(&front, guest, devid, NULL) == 0);
	REQUIRE(vusb_front_connect(front, 10000) == 0);
	return front;
}

void bed_turn(struct vusb_front *front, int ms)
{
	uint64_t end = bed_now_ms() + (uint64_t)ms;

	for (uint64_t now; (now = bed_now_ms()) < end;)
		vusb_front_poll(front, (int)(end - now));
}

static bool control(struct vusb_front *front, uint8_t port, uint8_t address,
		    uint8_t type, uint8_t request, uint16_t value,
		    uint16_t index, void *data, uint16_t length)
{
	return vusb_front_control(front, port, address, type, request, value,
				  index, data, length, NULL, 5000) == 0;
}

bool bed_enumerate(struct vusb_front *front, uint8_t port, uint8_t address)
{
	uint8_t device[18];

	if (vusb_front_port_wait(front, port, USBIF_SPEED_HIGH, 5000))
		return false;
	return control(front, port, 0, 0x00, 5, address, 0, NULL, 0) &&
	       control(front, port, address, 0x80, 6, 0x0100, 0, device, 18) &&
	       (device[8] | device[9] << 8) == TV_USB_VENDOR_ID &&
	       control(front, port, address, 0x00, 9, 1, 0, NULL, 0) &&
	       control(front, port, address, 0x01, 11, 1, 0, NULL, 0);
}

/* The first bulk pair of the configuration. */
static bool pipe_find(struct vusb_front *front, uint8_t address, uint8_t *out,
		      uint8_t *in)
{
	uint8_t config[512];
	int len = 0;

	*out = *in = 0;
	if (vusb_front_control(front, 1, address, 0x80, 6, 0x0200, 0, config,
			       sizeof(config), &len, 5000))
		return false;
	for (int at = 0; at + 7 <= len && config[at]; at += config[at]) {
		const uint8_t *descriptor = config + at;
		uint8_t *end = descriptor[2] & 0x80 ? in : out;

		if (descriptor[1] == 5 && (descriptor[3] & 3) == 2 && !*end)
			*end = descriptor[2];
	}
	return *out && *in;
}

bool bed_request(struct vusb_front *front, uint8_t address, uint16_t generation,
		 const char *request, const char *expected)
{
	char answer[16384] = "";
	uint8_t out, in;
	size_t got = 0;

	if (!pipe_find(front, address, &out, &in) ||
	    !control(front, 1, address, 0x41, TV_PIPE_OPEN, generation, 0, NULL,
		     0) ||
	    vusb_front_bulk(front, 1, address, out, (void *)request,
			    strlen(request), NULL, 5000))
		return false;
	while (!strstr(answer, expected) && got < sizeof(answer) - 4097) {
		int len = 0;

		if (vusb_front_bulk(front, 1, address, in, answer + got, 4096,
				    &len, 5000)) {
			fprintf(stderr, "answer: %s\n", answer);
			return false;
		}
		got += (size_t)len;
	}
	return strstr(answer, expected) != NULL;
}
