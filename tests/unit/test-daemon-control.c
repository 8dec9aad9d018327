// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon-control.c - the control API and the command 2virt over a whole
 * 2virtd on a fake Xen, with an xl that writes down what it was asked for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "backend/daemon/control_xl.h"
#include "tests/unit/daemon_bed.h"

#define TREE "/tool/2virt/domain/%u"
enum { PATIENCE_MS = 5000 };

static char said[1 << 16]; /* of the last command, both streams */

/* Runs a shell command, with the text of its output in said. */
static int run(const char *command)
{
	char line[2048];
	size_t len;
	FILE *out;

	snprintf(line, sizeof(line), "(%s) 2>&1", command);
	out = popen(line, "r");
	assert_non_null(out);
	len = fread(said, 1, sizeof(said) - 1, out);
	said[len] = '\0';
	return WEXITSTATUS(pclose(out));
}

static const char *program(void)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s", bed_path("2virt"));
	if (access(path, X_OK) < 0)
		snprintf(path, sizeof(path), "%s/2virt", BUILDDIR);
	return path;
}

/* 2virt with these arguments.  Its exit status. */
static int cli(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int cli(const char *format, ...)
{
	char command[1500], arguments[700];
	va_list args;

	va_start(args, format);
	vsnprintf(arguments, sizeof(arguments), format, args);
	va_end(args);
	snprintf(command, sizeof(command), "'%s' --control '%s' %s", program(),
		 bed_path("run/control.sock"), arguments);
	return run(command);
}

static void assert_said(const char *text)
{
	if (strstr(said, text))
		return;
	print_error("no \"%s\" in: %s\n", text, said);
	bed_log_show();
	fail();
}

/* An xl that does this, after noting its arguments in the file "xl.log". */
static void xl_write(const char *what)
{
	FILE *file = fopen(bed_path("xl"), "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\necho \"$*\" >>'%s'\n%s\n", bed_path("xl.log"),
		what);
	fclose(file);
	assert_int_equal(chmod(bed_path("xl"), 0755), 0);
}

static const char *xl_log(void)
{
	static char text[4096];
	FILE *file = fopen(bed_path("xl.log"), "r");
	size_t len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;

	if (file)
		fclose(file);
	text[len] = '\0';
	return text;
}

static int setup(void **state)
{
	int rc = bed_setup();

	if (rc == 77)
		exit(77);
	if (rc)
		return rc;
	xl_write("exit 0");
	return 0;
}

static int teardown(void **state)
{
	bed_teardown();
	return 0;
}

static int start(void **state)
{
	bed_log_clear();
	unlink(bed_path("xl.log"));
	bed_daemon_start();
	return 0;
}

static int stop(void **state)
{
	bed_daemon_stop();
	return 0;
}

static void guest_end(struct fake_guest *guest, struct vusb_front *front)
{
	vusb_front_free(front);
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, guest, PATIENCE_MS), 0);
	fake_guest_free(guest);
}

/*
 * --- what there is ---
 */

static void what_there_is_is_shown(void **state)
{
	struct fake_guest *guest = bed_guest("shop-1", 1);
	struct vusb_front *front = bed_front(guest, 0);
	char line[64];

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_int_equal(cli("domains"), 0);
	snprintf(line, sizeof(line), "%u ", fake_guest_domid(guest));
	assert_said(line);
	assert_said("shop-1");
	assert_int_equal(cli("services"), 0);
	assert_said("web:catalog");
	assert_int_equal(cli("grants shop-1"), 0);
	assert_said("manual");
	assert_int_equal(cli("--json grants shop-1"), 0);
	assert_said("\"service\": \"web:catalog\"");
	assert_said("\"port\": 1");
	assert_int_equal(cli("grants nobody"), 1);
	assert_said("there is no running domain \"nobody\"; 2virt domains");
	assert_int_equal(cli("stats"), 0);
	assert_int_equal(cli("links"), 0);
	assert_int_equal(cli("watch -n 2 -i 100"), 0);
	guest_end(guest, front);
}

static void metrics_count_what_runs(void **state)
{
	struct fake_guest *guest = bed_guest("counted", 1);
	struct vusb_front *front = bed_front(guest, 0);
	char command[700];

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	snprintf(command, sizeof(command),
		 "curl -sf --unix-socket '%s' http://localhost/metrics",
		 bed_path("run/control.sock"));
	assert_int_equal(run(command), 0);
	assert_said("\ntwovirt_domains 1\n");
	assert_said("\ntwovirt_controllers_connected 1\n");
	assert_said("\ntwovirt_grants 1\n");
	guest_end(guest, front);
}

/*
 * --- changing ---
 */

static void allow_plugs_and_revoke_unplugs_within_a_second(void **state)
{
	struct fake_guest *guest = bed_guest("live", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin = bed_now_ms();

	assert_int_equal(cli("allow live web:catalog rate=1MiB/s"), 0);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_now_ms() - begin < 1000);
	assert_true(bed_node_wait("1048576", 1000,
				  TREE "/grant/web/catalog/rate", domid));
	assert_true(bed_node_wait("manual", 1000,
				  TREE "/grant/web/catalog/origin", domid));
	/* Once more, otherwise: what is not given is gone. */
	assert_int_equal(cli("allow %u web:catalog methods=GET", domid), 0);
	assert_false(bed_node_exists(TREE "/grant/web/catalog/rate", domid));
	begin = bed_now_ms();
	assert_int_equal(cli("revoke live web:catalog"), 0);
	assert_int_equal(vusb_front_port_wait(front, 1, USBIF_SPEED_NONE, 1000),
			 0);
	assert_true(bed_now_ms() - begin < 1000);
	assert_int_equal(cli("revoke live web:catalog"), 0);
	assert_said("it was not granted");
	assert_true(bed_audit_wait("\"control\"", "revoke web:catalog", 1000));
	assert_int_equal(cli("log"), 0);
	assert_said("revoke web:catalog of domain");
	guest_end(guest, front);
}

static void limits_are_nodes(void **state)
{
	struct fake_guest *guest = bed_guest("limited", 1);
	uint32_t domid = fake_guest_domid(guest);

	assert_int_equal(cli("limits limited rate=2MiB/s streams=5"), 0);
	assert_true(bed_node_wait("2097152", 1000, TREE "/limit/rate", domid));
	assert_int_equal(cli("limits limited"), 0);
	assert_said("rate=2097152 streams=5");
	assert_int_equal(cli("limits limited rate="), 0);
	assert_false(bed_node_exists(TREE "/limit/rate", domid));
	assert_int_equal(cli("limits limited web:catalog rate=1MiB/s"), 1);
	assert_said("it is not granted");
	assert_int_equal(cli("limits limited rate=fast"), 1);
	assert_said("rate must be");
	guest_end(guest, NULL);
}

static void attach_and_detach_ask_xl_once(void **state)
{
	struct fake_guest *guest = bed_guest("attach", 0);
	uint32_t domid = fake_guest_domid(guest);
	char expected[128];

	assert_int_equal(cli("attach attach ports=4"), 0);
	snprintf(expected, sizeof(expected),
		 "usbctrl-attach %u type=pv version=2 ports=4\n", domid);
	assert_string_equal(xl_log(), expected);
	/* What it was asked for is there now. */
	assert_int_equal(
		fake_toolstack_controller_attach(bed_xs, domid, 0, 2, 4, 10000),
		0);
	assert_int_equal(cli("attach attach"), 0);
	assert_said("it has a controller already");
	assert_string_equal(xl_log(), expected);
	xl_write("echo 'libxl: error: no' >&2; exit 1");
	assert_int_equal(cli("detach attach"), 1);
	assert_said("libxl: error: no");
	xl_write("exit 0");
	assert_int_equal(
		fake_toolstack_controller_detach(bed_xs, domid, 0, 10000), 0);
	assert_int_equal(cli("detach attach"), 0);
	assert_said("0 controllers detached");
	guest_end(guest, NULL);
}

/* Whatever a domain is called, it is one argument of a program, never a
 * shell's. */
static void names_are_never_a_shells(void **state)
{
	struct fake_guest *guest = bed_guest("a;touch x", 0);
	char expected[64];

	xl_write("exit 0");
	assert_int_equal(cli("attach 'a;touch x'"), 0);
	snprintf(expected, sizeof(expected), "usbctrl-attach %u type=pv",
		 fake_guest_domid(guest));
	assert_int_equal(strncmp(xl_log(), expected, strlen(expected)), 0);
	assert_int_equal(cli("attach '$(id)'"), 1);
	guest_end(guest, NULL);
}

/*
 * --- rules ---
 */

/* What is enforced: the grant is in the tree and its device is plugged. */
static bool granted(uint32_t domid, const char *type, const char *name)
{
	return bed_node_exists(TREE "/grant/%s/%s", domid, type, name);
}

static void explain_agrees_with_what_is_enforced_and_the_audit(void **state)
{
	static const struct {
		const char *type, *name;
		bool allowed;
		const char *rule;
	} cases[] = {
		{"web", "catalog", true, "20-a.policy:1"},
		{"web", "shop", false, "20-a.policy:2"},
		{"diag", "echo", true, "30-b.policy:1"},
		{"diag", "other", false, "default"},
	};
	struct fake_guest *guest;
	uint32_t domid;

	bed_policy_write("20-a.policy", "web:catalog shop-* allow rate=1MiB/s\n"
					"web:shop shop-1 deny\n"
					"web:shop @any allow\n");
	bed_policy_write("30-b.policy", "diag:echo @any allow\n"
					"web:* @any deny\n");
	assert_int_equal(cli("policy apply"), 0);
	guest = bed_guest("shop-1", 1);
	domid = fake_guest_domid(guest);
	assert_true(bed_node_wait("rule", PATIENCE_MS,
				  TREE "/grant/diag/echo/origin", domid));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cli("policy explain shop-1 %s:%s",
				     cases[i].type, cases[i].name),
				 0);
		assert_int_equal(strncmp(said, "granted: ", 9) == 0,
				 cases[i].allowed);
		assert_said(cases[i].rule);
		assert_int_equal(granted(domid, cases[i].type, cases[i].name),
				 cases[i].allowed);
		if (cases[i].allowed)
			assert_true(bed_audit_wait(cases[i].name, cases[i].rule,
						   PATIENCE_MS));
	}
	/* By hand, against the default and against a rule. */
	assert_int_equal(cli("allow shop-1 diag:other"), 0);
	assert_true(bed_node_wait("manual", 1000,
				  TREE "/grant/diag/other/origin", domid));
	usleep(200 * 1000);
	assert_int_equal(cli("policy explain shop-1 diag:other"), 0);
	assert_said("granted: deny by default");
	assert_said("granted by hand all the same");
	assert_int_equal(cli("allow shop-1 web:shop"), 1);
	assert_said("20-a.policy:2: web:shop shop-1 deny");
	assert_false(granted(domid, "web", "shop"));
	/* Taken away by hand, against a rule. */
	assert_int_equal(cli("revoke shop-1 web:catalog"), 0);
	assert_said("until the next start of 2virtd; rules: allow by");
	usleep(200 * 1000);
	assert_int_equal(cli("policy explain shop-1 web:catalog"), 0);
	assert_said("not granted: allow by 20-a.policy:1");
	assert_said("taken away by hand");
	assert_false(granted(domid, "web", "catalog"));
	guest_end(guest, NULL);
	bed_policy_write("20-a.policy", NULL);
	bed_policy_write("30-b.policy", NULL);
}

static void what_is_saved_outlives_the_daemon(void **state)
{
	struct fake_guest *guest = bed_guest("kept", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin;

	assert_int_equal(cli("allow kept web:catalog rate=1MiB/s --save"), 0);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_node_wait("rule", 1000,
				  TREE "/grant/web/catalog/origin", domid));
	bed_daemon_stop();
	bed_write(NULL, TREE "/grant", domid);
	bed_daemon_start();
	assert_true(bed_node_wait("1048576", PATIENCE_MS,
				  TREE "/grant/web/catalog/rate", domid));
	assert_int_equal(cli("policy explain kept web:catalog"), 0);
	assert_said("granted: allow by 00-2virt.policy:2");
	begin = bed_now_ms();
	assert_int_equal(cli("deny kept web:catalog --save"), 0);
	assert_true(
		bed_node_wait(NULL, 1000, TREE "/grant/web/catalog", domid));
	assert_true(bed_now_ms() - begin < 1000);
	assert_int_equal(cli("revoke kept web:catalog --save"), 0);
	assert_int_equal(cli("policy explain kept web:catalog"), 0);
	assert_said("not granted: deny by default");
	bed_policy_write("00-2virt.policy", NULL);
	guest_end(guest, front);
}

static void a_broken_file_is_named_and_changes_nothing(void **state)
{
	struct fake_guest *guest;
	uint32_t domid;

	bed_policy_write("20-a.policy", "web:catalog @any allow\n");
	assert_int_equal(cli("policy apply"), 0);
	guest = bed_guest("steady", 1);
	domid = fake_guest_domid(guest);
	assert_true(bed_node_wait("rule", PATIENCE_MS,
				  TREE "/grant/web/catalog/origin", domid));
	bed_policy_write("20-a.policy", "web:catalog @any permit\n");
	assert_int_equal(cli("policy diff"), 0);
	assert_said("no domain that runs would notice");
	assert_int_equal(cli("policy apply"), 1);
	assert_said("20-a.policy:1:18: expected allow, deny or ask");
	assert_said("last good version is in force");
	assert_true(granted(domid, "web", "catalog"));
	bed_policy_write("new.policy", "web:catalog @any deny\n");
	assert_int_equal(
		cli("policy check '%s'", bed_path("policy.d/new.policy")), 0);
	bed_policy_write("20-a.policy", NULL);
	assert_int_equal(cli("policy apply"), 0);
	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE "/grant/web/catalog",
				  domid));
	bed_policy_write("new.policy", NULL);
	guest_end(guest, NULL);
}

static void numbers_do_not_wait_for_a_stopped_process(void **state)
{
	struct fake_guest *guest = bed_guest("still", 1);
	struct vusb_front *front = bed_front(guest, 0);
	pid_t device = 0;
	uint64_t begin;

	assert_int_equal(cli("allow still web:catalog"), 0);
	assert_true(bed_enumerate(front, 1, 2));
	assert_int_equal(cli("--json stats still"), 0);
	assert_said("\"service\": \"web:catalog\"");
	assert_said("\"requests\": 0");
	assert_said("\"no-grant\": 0");
	assert_int_equal(bed_devices(&device, 1), 1);
	kill(device, SIGSTOP);
	begin = bed_now_ms();
	assert_int_equal(cli("stats"), 0);
	assert_true(bed_now_ms() - begin < 1000);
	kill(device, SIGCONT);
	guest_end(guest, front);
}

/*
 * --- xl ---
 */

struct heard {
	bool done;
	int error;
	char text[300];
};

static void on_xl(void *token, int error, const char *text)
{
	struct heard *heard = token;

	assert_false(heard->done);
	heard->done = true;
	heard->error = error;
	snprintf(heard->text, sizeof(heard->text), "%s", text);
}

static void an_xl_that_hangs_is_not_waited_for(void **state)
{
	static const struct {
		const char *script;
		int error;
		const char *text;
	} cases[] = {
		{"exit 0", 0, ""},
		{"echo first >&2; echo '	last' >&2; exit 3", -EIO,
		 "first  last"},
		{"kill -9 $$", -EIO, ""},
		{"exec sleep 100", -ETIMEDOUT, "did not end in time"},
		/* somebody else keeps its stderr */
		{"sleep 2 & exit 0", -ETIMEDOUT, "did not end in time"},
		{"head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1", -EIO,
		 "xxxx"},
	};
	const char *arguments[] = {"argument", NULL};
	uv_loop_t loop;

	uv_loop_init(&loop);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct heard heard = {0};
		uint64_t begin = bed_now_ms();

		xl_write(cases[i].script);
		assert_int_equal(control_xl_run(&loop, bed_path("xl"),
						arguments, 500, on_xl, &heard),
				 0);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_true(heard.done);
		assert_int_equal(heard.error, cases[i].error);
		if (!strstr(heard.text, cases[i].text))
			fail_msg("case %zu: %s", i, heard.text);
		assert_true(bed_now_ms() - begin < 1500);
	}
	{
		struct heard heard = {0};

		assert_true(control_xl_run(&loop, bed_path("none"), arguments,
					   500, on_xl, &heard) < 0);
		uv_run(&loop, UV_RUN_DEFAULT);
		assert_false(heard.done);
	}
	assert_int_equal(uv_loop_close(&loop), 0);
	xl_write("exit 0");
}

/*
 * --- life ---
 */

static int control_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s",
		 bed_path("run/control.sock"));
	assert_int_equal(
		connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void hostile_clients_delay_no_guest(void **state)
{
	struct fake_guest *guest = bed_guest("calm", 1);
	struct vusb_front *front = bed_front(guest, 0);
	int fds[200];
	uint64_t begin;

	for (int i = 0; i < 200; i++) {
		fds[i] = control_connect();
		send(fds[i], i % 2 ? "GET /v1/" : "\r\n\x01\x02\r\n\r\n", 8,
		     MSG_NOSIGNAL);
	}
	begin = bed_now_ms();
	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_now_ms() - begin < 1000);
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	assert_true(bed_daemon_runs());
	guest_end(guest, front);
}

static void a_killed_daemon_leaves_no_socket_in_the_way(void **state)
{
	struct stat status;

	assert_int_equal(stat(bed_path("run/control.sock"), &status), 0);
	/* no group 2virt here, or ours: never for others */
	assert_int_equal(status.st_mode & 07, 0);
	bed_daemon_kill();
	assert_int_equal(cli("domains"), 3);
	assert_said("is 2virtd running?");
	bed_daemon_start();
	assert_int_equal(cli("domains"), 0);
	bed_daemon_stop();
	assert_int_not_equal(access(bed_path("run/control.sock"), F_OK), 0);
	assert_int_equal(cli("domains"), 3);
	bed_daemon_start();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_there_is_is_shown),
		CASE(metrics_count_what_runs),
		CASE(allow_plugs_and_revoke_unplugs_within_a_second),
		CASE(limits_are_nodes),
		CASE(attach_and_detach_ask_xl_once),
		CASE(names_are_never_a_shells),
		CASE(explain_agrees_with_what_is_enforced_and_the_audit),
		CASE(what_is_saved_outlives_the_daemon),
		CASE(a_broken_file_is_named_and_changes_nothing),
		CASE(numbers_do_not_wait_for_a_stopped_process),
		cmocka_unit_test(an_xl_that_hangs_is_not_waited_for),
		CASE(hostile_clients_delay_no_guest),
		CASE(a_killed_daemon_leaves_no_socket_in_the_way),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
