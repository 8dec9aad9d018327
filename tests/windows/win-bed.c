// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * win-bed.c - the Linux side of the tests under Wine: a fake Xen with the real
 * xenstored, 2virtd and 2virt-device, and one domain whose XENBUS is the
 * simulator (xensim.sys) at the other end of a socket.
 *
 *   win-bed SOCKET
 *
 * Takes one command a line on standard input, answers each with one line that
 * begins with "= ":
 *
 *   daemon start|stop|kill     2virtd
 *   services TEXT              services.d, "\n" is a new line
 *   grant TYPE NAME on|off
 *   controller N               one more, as xl usbctrl-attach
 *   detach N                   xl usbctrl-detach as far as the backend closes
 *   remove N                   ... and its nodes go
 *   device kill                SIGKILL to all 2virt-device processes
 *   order TEXT                 to the simulator (orders.c); its outcome
 *   wait SECONDS TEXT          until the simulator has said TEXT
 *   said TEXT                  how often it has
 *   front N NODE               a node of the frontend's directory
 *   run COMMAND                with this fake Xen in the environment; its pid
 *   quit
 *
 * What the simulator says goes to standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fake-xen/core.h"
#include "tests/fake-xen/guest.h"
#include "tests/fake-xen/xenstored.h"
#include "tests/unit/daemon_bed.h"
#include "tests/windows/wire.h"

enum { FRAMES = 1600, SAID_MAX = 1 << 20, PORTS = 32 };

static struct fake_guest *guest;
static int listener = -1, questions = -1, events = -1;
static int port[PORTS];
static unsigned int nr_ports;
static char said[SAID_MAX];
static size_t said_len;
static char outcome[400];
static bool outcome_there;
static void *frames;

static void die(const char *what)
{
	fprintf(stderr, "win-bed: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the simulator's end --------------------------------------------------
 */

static bool all_read(int fd, void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = read(fd, (char *)data + at, len - at);

		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

static void all_write(int fd, const void *data, size_t len)
{
	for (size_t at = 0; fd >= 0 && at < len;) {
		ssize_t n = send(fd, (const char *)data + at, len - at,
				 MSG_NOSIGNAL);

		if (n <= 0)
			return;
		at += (size_t)n;
	}
}

static void message(int fd, unsigned int op, unsigned int a, const void *data,
		    size_t len)
{
	const struct wire_head head = {op, a, 0, (unsigned int)len};

	all_write(fd, &head, sizeof(head));
	all_write(fd, data, len);
}

static void answer(int status, unsigned int value, const void *data, size_t len)
{
	message(questions, (unsigned int)(status < 0 ? status : 0), value, data,
		len);
}

static void say(const char *text)
{
	fprintf(stderr, "sim: %s\n", text);
	said_len += (size_t)snprintf(said + said_len, sizeof(said) - said_len,
				     "%s\n", text);
	if (said_len > sizeof(said) - 1)
		said_len = sizeof(said) - 1;
}

static void answer_hello(void)
{
	struct wire_hello hello = {.frames = FRAMES};
	int slot;

	fx_lock();
	slot = fx_slot_locked(fake_guest_domid(guest));
	hello.first_frame =
		(unsigned int)((uint8_t *)frames -
			       fx_memory_locked((unsigned int)slot)) /
		FX_PAGE_SIZE;
	fx_unlock();
	hello.domain_offset =
		FX_DOMAINS_OFFSET + (unsigned int)slot * FX_DOMAIN_SIZE;
	hello.memory_offset = hello.domain_offset + FX_MEMORY_OFFSET;
	hello.memory_size = (unsigned long long)FX_PAGES * FX_PAGE_SIZE;
	snprintf(hello.path, sizeof(hello.path), "%s/xen", fx_folder());
	answer(0, 0, &hello, sizeof(hello));
}

static void answer_directory(unsigned int tx, const char *path)
{
	char names[WIRE_TEXT_MAX];
	unsigned int count, i;
	size_t len = 0;
	char **list;
	int rc = fake_guest_xs_directory(guest, tx, path, &list, &count);

	if (rc < 0) {
		answer(rc, 0, NULL, 0);
		return;
	}
	for (i = 0; i < count && len + 300 < sizeof(names); i++)
		len += (size_t)sprintf(names + len, "%s", list[i]) + 1;
	free(list);
	answer(0, 0, names, len);
}

static void answer_port(unsigned int domid)
{
	int rc = nr_ports < PORTS ? fake_guest_port_alloc(guest, domid)
				  : -ENOSPC;

	if (rc > 0)
		port[nr_ports++] = rc;
	answer(rc, (unsigned int)rc, NULL, 0);
}

static void answer_port_close(int number)
{
	unsigned int i;

	for (i = 0; i < nr_ports && port[i] != number; i++)
		;
	if (i < nr_ports)
		port[i] = port[--nr_ports];
	answer(fake_guest_port_close(guest, number), 0, NULL, 0);
}

static void answer_store(const struct wire_head *head, const char *text)
{
	char token[16], *value = NULL;
	size_t len = 0;
	uint32_t tx = 0;
	int rc = -EINVAL;

	snprintf(token, sizeof(token), "%u", head->a);
	switch (head->op) {
	case WIRE_READ:
		rc = fake_guest_xs_read(guest, head->a, text, &value, &len);
		break;
	case WIRE_WRITE:
		rc = fake_guest_xs_write(guest, head->a, text,
					 text + strlen(text) + 1,
					 head->len - strlen(text) - 1);
		break;
	case WIRE_RM:
		rc = fake_guest_xs_rm(guest, head->a, text);
		break;
	case WIRE_TX_START:
		rc = fake_guest_xs_transaction_start(guest, &tx);
		break;
	case WIRE_TX_END:
		rc = fake_guest_xs_transaction_end(guest, head->a, !head->b);
		break;
	case WIRE_WATCH:
		rc = fake_guest_xs_watch(guest, text, token);
		break;
	case WIRE_UNWATCH:
		rc = fake_guest_xs_unwatch(guest, text, token);
		break;
	}
	answer(rc, tx, rc < 0 ? NULL : value, rc < 0 ? 0 : len);
	free(value);
}

static bool serve(void)
{
	static char text[WIRE_TEXT_MAX + 1];
	struct wire_head head;

	if (!all_read(questions, &head, sizeof(head)) ||
	    head.len > WIRE_TEXT_MAX || !all_read(questions, text, head.len))
		return false;
	text[head.len] = 0;
	switch (head.op) {
	case WIRE_HELLO:
		answer_hello();
		break;
	case WIRE_DIRECTORY:
		answer_directory(head.a, text);
		break;
	case WIRE_PORT:
		answer_port(head.a);
		break;
	case WIRE_PORT_CLOSE:
		answer_port_close((int)head.a);
		break;
	case WIRE_NOTIFY:
		answer(fake_guest_notify(guest, (int)head.a), 0, NULL, 0);
		break;
	case WIRE_EOI:
		answer(0, 0, NULL, 0);
		break;
	case WIRE_SAY:
		say(text);
		answer(0, 0, NULL, 0);
		break;
	case WIRE_DONE:
		snprintf(outcome, sizeof(outcome), "%.399s", text);
		outcome_there = true;
		answer(0, 0, NULL, 0);
		break;
	default:
		answer_store(&head, text);
	}
	return true;
}

/* What happened to the domain, told to the simulator. */
static void tell(void)
{
	char *path, *token;

	for (unsigned int i = 0; i < nr_ports; i++)
		if (fake_guest_wait(guest, port[i], 0) == 1)
			message(events, WIRE_EVENT, (unsigned int)port[i], NULL,
				0);
	while (fake_guest_xs_event(guest, &path, &token, 0) == 1) {
		message(events, WIRE_FIRED,
			(unsigned int)strtoul(token, NULL, 10), NULL, 0);
		free(path);
		free(token);
	}
}

static void admit(void)
{
	int fd = accept(listener, NULL, NULL);

	if (questions < 0)
		questions = fd;
	else if (events < 0)
		events = fd;
	else
		close(fd);
}

static void gone(void)
{
	close(questions);
	close(events);
	questions = events = -1;
	while (nr_ports)
		fake_guest_port_close(guest, port[--nr_ports]);
}

/* One turn; true if standard input has something. */
static bool turn(bool commands, int timeout_ms)
{
	struct pollfd fds[] = {
		{commands ? STDIN_FILENO : -1, POLLIN, 0},
		{listener, POLLIN, 0},
		{questions, POLLIN, 0},
		{fake_guest_fd(guest), POLLIN, 0},
	};

	if (poll(fds, 4, timeout_ms) <= 0)
		return false;
	if (fds[1].revents)
		admit();
	if (fds[2].revents && !serve())
		gone();
	tell();
	return fds[0].revents != 0;
}

/* ---- commands -------------------------------------------------------------
 */

static unsigned int count_said(const char *text)
{
	unsigned int count = 0;

	for (const char *at = said; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

static void command_wait(char *words)
{
	uint64_t end = bed_now_ms() + strtoul(words, &words, 10) * 1000;

	while (*words == ' ')
		words++;
	while (!count_said(words) && bed_now_ms() < end)
		turn(false, 50);
	printf("= %s\n", count_said(words) ? "yes" : "no");
}

static void command_order(const char *text)
{
	uint64_t end = bed_now_ms() + 60000;

	outcome_there = false;
	snprintf(outcome, sizeof(outcome), "no answer");
	if (events >= 0)
		message(events, WIRE_ORDER, 0, text, strlen(text));
	while (!outcome_there && events >= 0 && bed_now_ms() < end)
		turn(false, 50);
	printf("= %s\n", outcome);
}

static void command_services(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (from[0] == '\\' && from[1] == 'n') {
			*to++ = '\n';
			from++;
		} else {
			*to++ = *from;
		}
	*to = 0;
	bed_services_write(text);
	printf("= done\n");
}

static void command_daemon(const char *what)
{
	if (!strcmp(what, "start"))
		bed_daemon_start();
	else if (!strcmp(what, "stop"))
		bed_daemon_stop();
	else
		bed_daemon_kill();
	printf("= done\n");
}

static void command_device_kill(void)
{
	pid_t pids[32];
	unsigned int count = bed_devices(pids, 32);

	for (unsigned int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	printf("= %u\n", count);
}

static void command_front(const char *words)
{
	char path[200], *value = NULL;
	unsigned int devid = 0;
	char node[64] = "state";
	int rc;

	sscanf(words, "%u %63s", &devid, node);
	snprintf(path, sizeof(path), "device/vusb/%u/%s", devid, node);
	rc = fake_guest_xs_read(guest, 0, path, &value, NULL);
	printf("= %s\n", rc < 0 ? strerror(-rc) : value);
	free(value);
}

/* In the background; with the libraries preloaded. */
static void command_run(const char *text)
{
	pid_t pid = fork();

	if (!pid) {
		fake_xen_preload_env();
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(127);
	}
	printf("= %d\n", (int)pid);
}

static void attach(unsigned int devid)
{
	printf("= %s\n",
	       strerror(-fake_toolstack_controller_add(
		       bed_xs, fake_guest_domid(guest), devid, 2, 4)));
}

#define BACK "/local/domain/0/backend/vusb/%u/%u"
#define FRONT "/local/domain/%u/device/vusb/%u"

static void detach(unsigned int devid)
{
	uint32_t domid = fake_guest_domid(guest);

	bed_write("0", BACK "/online", domid, devid);
	bed_write("5", BACK "/state", domid, devid);
	printf("= done\n");
}

static void remove_nodes(unsigned int devid)
{
	uint32_t domid = fake_guest_domid(guest);

	bed_write(NULL, BACK, domid, devid);
	bed_write(NULL, FRONT, domid, devid);
	printf("= done\n");
}

static bool command(char *line)
{
	char type[32], name[64], state[8];

	line[strcspn(line, "\n")] = 0;
	if (!strcmp(line, "quit"))
		return false;
	if (!strncmp(line, "daemon ", 7))
		command_daemon(line + 7);
	else if (!strncmp(line, "services ", 9))
		command_services(line + 9);
	else if (sscanf(line, "grant %31s %63s %7s", type, name, state) == 3) {
		bed_grant(guest, type, name, !strcmp(state, "on"));
		printf("= done\n");
	} else if (!strncmp(line, "controller ", 11))
		attach((unsigned int)atoi(line + 11));
	else if (!strncmp(line, "detach ", 7))
		detach((unsigned int)atoi(line + 7));
	else if (!strncmp(line, "remove ", 7))
		remove_nodes((unsigned int)atoi(line + 7));
	else if (!strcmp(line, "device kill"))
		command_device_kill();
	else if (!strncmp(line, "order ", 6))
		command_order(line + 6);
	else if (!strncmp(line, "wait ", 5))
		command_wait(line + 5);
	else if (!strncmp(line, "said ", 5))
		printf("= %u\n", count_said(line + 5));
	else if (!strncmp(line, "front ", 6))
		command_front(line + 6);
	else if (!strncmp(line, "run ", 4))
		command_run(line + 4);
	else
		printf("= what is '%s'?\n", line);
	return true;
}

static void listener_open(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 4) < 0)
		die(path);
	chmod(path, 0666);
}

static void guest_make(void)
{
	if (fake_guest_create(&guest, 0, NULL, 0) < 0 ||
	    fake_toolstack_domain_create(bed_xs, guest, "windows") < 0)
		die("the domain");
	frames = fake_guest_pages_alloc(guest, FRAMES);
	if (!frames)
		die("memory");
}

int main(int argc, char **argv)
{
	char line[2000];

	if (argc != 2)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	listener_open(argv[1]);
	if (bed_setup())
		return 77;
	guest_make();
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("= ready\n");
	for (;;) {
		/* Lines are not buffered ahead: poll() must see them. */
		if (!turn(true, 1000))
			continue;
		for (size_t n = 0;; n++) {
			if (n + 1 >= sizeof(line) ||
			    read(STDIN_FILENO, line + n, 1) != 1)
				goto out;
			line[n + 1] = 0;
			if (line[n] == '\n')
				break;
		}
		if (!command(line))
			break;
	}
out:
	bed_daemon_kill();
	fake_guest_free(guest);
	bed_teardown();
	return 0;
}
