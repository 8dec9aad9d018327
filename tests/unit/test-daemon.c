// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-daemon.c - the promises of 2virtd and 2virt-device as whole programs.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "protocol/pipe.h"
#include "tests/unit/daemon_bed.h"

#define BACK "/local/domain/0/backend/vusb/%u/%u"
#define TREE "/tool/2virt/domain/%u"

enum { PATIENCE_MS = 5000 };

static void guest_end(struct fake_guest *guest, struct vusb_front *front)
{
	if (front)
		assert_null(vusb_front_violation(front));
	vusb_front_free(front);
	assert_int_equal(
		fake_toolstack_domain_destroy(bed_xs, guest, PATIENCE_MS), 0);
	fake_guest_free(guest);
}

static bool port_is_empty(struct vusb_front *front, unsigned int port)
{
	return vusb_front_port_wait(front, port, USBIF_SPEED_NONE,
				    PATIENCE_MS) == 0;
}

/*
 * --- life cycle with libxl ---
 */

static void attach_finds_init_wait_for_half_a_second(void **state)
{
	struct fake_guest *guest = bed_guest("hold", 1);
	uint32_t domid = fake_guest_domid(guest);
	uint64_t begin = bed_now_ms();
	struct vusb_front *front;

	/* The frontend is there at once, and still has to wait. */
	assert_int_equal(vusb_front_create(&front, guest, 0, NULL), 0);
	assert_int_equal(vusb_front_publish(front), 0);
	assert_int_equal(vusb_front_set_state(front, XENBUS_CONNECTED), 0);
	assert_int_equal(fake_toolstack_backend_wait(bed_xs, domid, 0,
						     XENBUS_CONNECTED,
						     PATIENCE_MS),
			 0);
	assert_true(bed_now_ms() - begin >= 450);
	assert_true(bed_node_exists(BACK "/max-ring-page-order", domid, 0u));
	assert_true(bed_node_exists(BACK "/feature-max-indirect-segments",
				    domid, 0u));
	guest_end(guest, front);
}

static void nothing_is_plugged_without_a_grant(void **state)
{
	struct fake_guest *guest = bed_guest("bare", 1);
	struct vusb_front *front = bed_front(guest, 0);

	bed_turn(front, 300);
	for (unsigned int port = 1; port <= 4; port++)
		assert_int_equal(vusb_front_port_speed(front, port), 0);
	guest_end(guest, front);
}

static void detach_closes_and_unmaps(void **state)
{
	struct fake_guest *guest = bed_guest("detach", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	bed_write("0", BACK "/online", domid, 0u);
	bed_write("5", BACK "/state", domid, 0u);
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_int_equal(vusb_front_disconnect(front), 0);
	assert_true(bed_node_wait("6", 1000, BACK "/state", domid, 0u));
	assert_int_equal(fake_guest_mappings(guest), 0);
	bed_write(NULL, BACK, domid, 0u);
	guest_end(guest, front);
}

static void detach_does_not_wait_long_for_a_guest(void **state)
{
	struct fake_guest *guest = bed_guest("stuck", 1);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin = bed_now_ms();

	assert_int_equal(fake_toolstack_controller_detach(
				 bed_xs, fake_guest_domid(guest), 0, 10000),
			 0);
	assert_in_range(bed_now_ms() - begin, 2500, 4500);
	guest_end(guest, front);
}

static void detach_without_a_driver_is_immediate(void **state)
{
	struct fake_guest *guest = bed_guest("nodriver", 1);
	uint64_t begin = bed_now_ms();

	assert_int_equal(fake_toolstack_controller_detach(
				 bed_xs, fake_guest_domid(guest), 0, 10000),
			 0);
	assert_true(bed_now_ms() - begin < 1500);
	guest_end(guest, NULL);
}

static void attach_again_after_detach(void **state)
{
	struct fake_guest *guest = bed_guest("again", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front;

	assert_int_equal(
		fake_toolstack_controller_detach(bed_xs, domid, 0, 10000), 0);
	assert_int_equal(
		fake_toolstack_controller_attach(bed_xs, domid, 0, 2, 4, 10000),
		0);
	front = bed_front(guest, 0);
	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	guest_end(guest, front);
}

static void destroy_is_immediate_and_leaves_nothing(void **state)
{
	struct fake_guest *guest = bed_guest("doomed", 2);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin = bed_now_ms();

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_int_equal(fake_toolstack_domain_destroy(bed_xs, guest, 10000),
			 0);
	assert_true(bed_now_ms() - begin < 2000);
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE, domid));
	assert_int_equal(fake_guest_mappings(guest), 0);
	vusb_front_free(front);
	fake_guest_free(guest);
}

static void a_domain_that_just_dies_is_let_go(void **state)
{
	struct fake_guest *guest = bed_guest("crash", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	fake_guest_destroy(guest);
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE, domid));
	assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state", domid, 0u));
	bed_write(NULL, "/local/domain/0/backend/vusb/%u", domid);
	bed_write(NULL, "/local/domain/%u", domid);
	vusb_front_free(front);
	fake_guest_free(guest);
}

static void a_driver_that_is_loaded_again_reconnects(void **state)
{
	struct fake_guest *guest = bed_guest("reload", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vusb_front_set_state(front, XENBUS_CLOSING),
				 0);
		assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state",
					  domid, 0u));
		assert_int_equal(fake_guest_mappings(guest), 0);
		assert_int_equal(vusb_front_disconnect(front), 0);
		assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state",
					  domid, 0u));
		assert_int_equal(vusb_front_reopen(front), 0);
		assert_true(bed_node_wait("2", PATIENCE_MS, BACK "/state",
					  domid, 0u));
		assert_int_equal(vusb_front_connect(front, PATIENCE_MS), 0);
		assert_true(bed_enumerate(front, 1, 2));
	}
	guest_end(guest, front);
}

static void what_is_not_ours_is_left_alone(void **state)
{
	struct fake_guest *guest = bed_guest("foreign", 0);
	uint32_t domid = fake_guest_domid(guest);

	assert_int_equal(fake_toolstack_controller_add(bed_xs, domid, 0, 2, 4),
			 0);
	/* Before the daemon sees it, so while it is stopped. */
	assert_true(bed_node_wait("2", PATIENCE_MS, BACK "/state", domid, 0u));
	bed_daemon_stop();
	bed_write("1", BACK "/state", domid, 0u);
	bed_write("1-1.2", BACK "/port/2", domid, 0u);
	assert_int_equal(fake_toolstack_controller_add(bed_xs, domid, 1, 2, 4),
			 0);
	bed_write("devicemodel", BACK "/type", domid, 1u);
	assert_int_equal(fake_toolstack_controller_add(bed_xs, domid, 2, 2, 4),
			 0);
	bed_write("/local/domain/0/device/vusb/2", BACK "/frontend", domid, 2u);
	assert_int_equal(fake_toolstack_controller_add(bed_xs, domid, 3, 2, 4),
			 0);
	bed_write("0", BACK "/frontend-id", domid, 3u);
	bed_daemon_start();
	assert_true(bed_log_wait("controller 3: left alone", PATIENCE_MS));
	assert_true(bed_log_wait("controller 2: left alone", PATIENCE_MS));
	assert_true(bed_log_wait("controller 1: left alone", PATIENCE_MS));
	assert_true(bed_log_wait("controller 0: left alone", PATIENCE_MS));
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(fake_toolstack_backend_state(bed_xs, domid, i),
				 XENBUS_INITIALISING);
		bed_write(NULL, BACK, domid, i);
	}
	guest_end(guest, NULL);
}

static void many_controllers_of_many_domains(void **state)
{
	enum { GUESTS = 4, CONTROLLERS = 3 };
	struct vusb_front *fronts[GUESTS][CONTROLLERS];
	struct fake_guest *guests[GUESTS];

	for (int i = 0; i < GUESTS; i++)
		guests[i] = bed_guest("many", CONTROLLERS);
	for (int i = 0; i < GUESTS; i++)
		for (unsigned int j = 0; j < CONTROLLERS; j++)
			fronts[i][j] = bed_front(guests[i], j);
	assert_int_equal(bed_devices(NULL, 0), GUESTS * CONTROLLERS);
	for (int i = 0; i < GUESTS; i++)
		bed_grant(guests[i], "web", "catalog", true);
	for (int i = 0; i < GUESTS; i++) {
		/* One device, on the first controller. */
		assert_true(bed_enumerate(fronts[i][0], 1, 9));
		assert_int_equal(vusb_front_port_speed(fronts[i][1], 1), 0);
	}
	for (int i = 0; i < GUESTS; i++) {
		for (unsigned int j = 0; j < CONTROLLERS; j++) {
			assert_null(vusb_front_violation(fronts[i][j]));
			vusb_front_free(fronts[i][j]);
		}
		guest_end(guests[i], NULL);
	}
	assert_true(bed_devices_wait(0, PATIENCE_MS));
}

/*
 * --- grants ---
 */

static void grants_plug_and_unplug_live(void **state)
{
	struct fake_guest *guest = bed_guest("grants", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	struct tv_usbif_conn_response event;

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(
		bed_node_wait("web", 1000, TREE "/state/0/port/1/type", domid));
	while (vusb_front_conn_next(front, &event, 0) == 1)
		;
	/* Others come and go without a replug. */
	bed_grant(guest, "web", "shop", true);
	assert_true(bed_log_wait("service shop granted", PATIENCE_MS));
	bed_grant(guest, "web", "catalog", false);
	assert_true(bed_log_wait("service catalog revoked", PATIENCE_MS));
	bed_turn(front, 200);
	assert_int_equal(vusb_front_conn_next(front, &event, 0), 0);
	/* The last one unplugs. */
	bed_grant(guest, "web", "shop", false);
	assert_true(port_is_empty(front, 1));
	assert_true(bed_node_wait(NULL, 1000, TREE "/state/0/port/1", domid));
	/* And the next one plugs again. */
	bed_grant(guest, "web", "shop", true);
	assert_true(bed_enumerate(front, 1, 3));
	guest_end(guest, front);
}

static void a_grant_without_a_service_waits_for_it(void **state)
{
	struct fake_guest *guest = bed_guest("later", 1);
	struct vusb_front *front = bed_front(guest, 0);

	bed_grant(guest, "web", "later", true);
	bed_turn(front, 200);
	assert_int_equal(vusb_front_port_speed(front, 1), 0);
	bed_services_write("[web:catalog]\nupstream = http://127.0.0.1:9\n"
			   "[web:shop]\nupstream = http://127.0.0.1:9\n"
			   "[web:later]\nupstream = http://localhost:9\n");
	bed_daemon_signal(SIGHUP);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service later granted", PATIENCE_MS));
	guest_end(guest, front);
}

static void a_mistake_in_services_keeps_what_was_right(void **state)
{
	struct fake_guest *guest = bed_guest("mistake", 1);
	struct vusb_front *front = bed_front(guest, 0);

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	bed_services_write("[web:catalog]\nupstream = ftp://127.0.0.1:9\n"
			   "[web:shop]\nupstream = http://127.0.0.1:9\n");
	bed_daemon_signal(SIGHUP);
	assert_true(bed_log_wait("test.conf:2:", PATIENCE_MS));
	assert_true(bed_log_wait("former definition stays", PATIENCE_MS));
	bed_turn(front, 200);
	assert_int_equal(vusb_front_port_speed(front, 1), USBIF_SPEED_HIGH);
	bed_services_write("[web:catalog]\nupstream = http://127.0.0.1:9\n"
			   "[web:shop]\nupstream = http://127.0.0.1:9\n");
	bed_daemon_signal(SIGHUP);
	guest_end(guest, front);
}

static void permissions_set(uint32_t other, unsigned int what, const char *path)
{
	struct xs_permissions perms[2] = {
		{.id = 0, .perms = XS_PERM_NONE},
		{.id = other, .perms = what},
	};

	assert_true(xs_set_permissions(bed_xs, XBT_NULL, path, perms, 2));
}

/* The owner, who may write whatever is said, and what everybody may. */
static void owner_set(uint32_t owner, unsigned int everybody, const char *path)
{
	struct xs_permissions perms = {.id = owner, .perms = everybody};

	assert_true(xs_set_permissions(bed_xs, XBT_NULL, path, &perms, 1));
}

static void a_tree_that_others_can_write_is_not_enforced(void **state)
{
	struct fake_guest *guest = bed_guest("perms", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	char path[64];

	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 1, 2));
	snprintf(path, sizeof(path), TREE "/grant", domid);
	permissions_set(domid, XS_PERM_READ | XS_PERM_WRITE, path);
	assert_true(port_is_empty(front, 1));
	assert_true(bed_log_wait("others than dom0 may write", 1000));
	permissions_set(domid, XS_PERM_NONE, path);
	assert_true(bed_enumerate(front, 1, 2));
	owner_set(domid, XS_PERM_NONE, path);
	assert_true(port_is_empty(front, 1));
	owner_set(0, XS_PERM_NONE, path);
	assert_true(bed_enumerate(front, 1, 2));
	owner_set(0, XS_PERM_READ | XS_PERM_WRITE, path);
	assert_true(port_is_empty(front, 1));
	owner_set(0, XS_PERM_READ, path);
	assert_true(bed_enumerate(front, 1, 2));
	/* A single grant of a tree. */
	snprintf(path, sizeof(path), TREE "/grant/web/catalog", domid);
	permissions_set(domid, XS_PERM_WRITE, path);
	assert_true(port_is_empty(front, 1));
	guest_end(guest, front);
}

static void a_guest_cannot_read_the_tree(void **state)
{
	struct fake_guest *guest = bed_guest("curious", 1);
	uint32_t domid = fake_guest_domid(guest);
	char path[64], *value;

	bed_grant(guest, "web", "catalog", true);
	snprintf(path, sizeof(path), TREE "/grant/web/catalog", domid);
	assert_int_equal(fake_guest_xs_read(guest, 0, path, &value, NULL),
			 -EACCES);
	assert_int_equal(fake_guest_xs_write(guest, 0, path, "", 0), -EACCES);
	snprintf(path, sizeof(path), TREE "/uuid", domid);
	assert_int_equal(fake_guest_xs_read(guest, 0, path, &value, NULL),
			 -EACCES);
	guest_end(guest, NULL);
}

static void a_domid_that_is_used_again_inherits_nothing(void **state)
{
	static const uint8_t uuid[16] = {0xaa, 1};
	struct fake_guest *guest = bed_guest("first", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front;

	bed_grant(guest, "web", "catalog", true);
	/* It dies while nobody looks, and its number is taken. */
	bed_daemon_stop();
	fake_guest_destroy(guest);
	fake_guest_free(guest);
	bed_write(NULL, "/local/domain/0/backend/vusb/%u", domid);
	bed_write(NULL, "/local/domain/%u", domid);
	assert_true(bed_node_exists(TREE "/grant/web/catalog", domid));
	assert_true(fake_guest_create(&guest, domid, uuid, 0) >= 0);
	assert_int_equal(fake_toolstack_domain_create(bed_xs, guest, "second"),
			 0);
	bed_daemon_start();
	assert_false(bed_node_exists(TREE "/grant/web/catalog", domid));
	assert_int_equal(
		fake_toolstack_controller_attach(bed_xs, domid, 0, 2, 4, 10000),
		0);
	front = bed_front(guest, 0);
	bed_turn(front, 200);
	assert_int_equal(vusb_front_port_speed(front, 1), 0);
	guest_end(guest, front);
}

static void a_tree_without_an_owner_is_nobodys(void **state)
{
	struct fake_guest *guest = bed_guest("foundling", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	/* Grants whose uuid is missing when 2virtd starts: whose were they? */
	bed_grant(guest, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	bed_daemon_stop();
	bed_write(NULL, TREE "/uuid", domid);
	bed_daemon_start();
	assert_false(bed_node_exists(TREE "/grant/diag/d", domid));
	assert_true(bed_node_exists(TREE "/uuid", domid));
	assert_true(port_is_empty(front, 1));
	guest_end(guest, front);
}

static void grants_of_nobody_are_wiped(void **state)
{
	bed_daemon_stop();
	bed_write("", TREE "/grant/web/catalog", 9999u);
	bed_daemon_start();
	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE, 9999u));
	/* Also while it runs. */
	bed_write("", TREE "/grant/web/catalog", 9998u);
	assert_true(bed_node_wait(NULL, PATIENCE_MS, TREE, 9998u));
}

static void diag_devices_take_the_next_ports(void **state)
{
	struct fake_guest *guest = bed_guest("diag", 1);
	struct vusb_front *front = bed_front(guest, 0);

	bed_grant(guest, "diag", "a", true);
	assert_true(bed_enumerate(front, 1, 2));
	bed_grant(guest, "web", "catalog", true);
	assert_true(bed_enumerate(front, 2, 3));
	bed_grant(guest, "diag", "b", true);
	assert_true(bed_enumerate(front, 3, 4));
	bed_grant(guest, "diag", "a", false);
	assert_true(port_is_empty(front, 1));
	assert_int_equal(vusb_front_port_speed(front, 2), USBIF_SPEED_HIGH);
	guest_end(guest, front);
}

/*
 * --- the main job ---
 */

/* A web server for one answer after the other; its port. */
static uint16_t upstream_start(pid_t *pid)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(
		bind(listener, (struct sockaddr *)&address, sizeof(address)),
		0);
	assert_int_equal(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&address, &len);
	*pid = fork();
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			char request[4096] = "", answer[4600];
			int fd = accept(listener, NULL, NULL);
			size_t got = 0;

			while (!strstr(request, "\r\n\r\n")) {
				ssize_t n = read(fd, request + got,
						 sizeof(request) - 1 - got);

				if (n <= 0)
					break;
				got += (size_t)n;
			}
			/* "/silent" is never answered. */
			if (strstr(request, " /silent "))
				continue;
			snprintf(answer, sizeof(answer),
				 "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n"
				 "Connection: close\r\n\r\n%s",
				 got, request);
			if (write(fd, answer, strlen(answer)) < 0)
				_exit(1);
			close(fd);
		}
	}
	close(listener);
	return ntohs(address.sin_port);
}

struct pipe_ends {
	uint8_t out, in;
};

/* The first bulk pair of the configuration. */
static struct pipe_ends pipe_find(struct vusb_front *front, uint8_t address)
{
	struct pipe_ends ends = {0, 0};
	uint8_t config[512];
	int len = 0;

	assert_int_equal(vusb_front_control(front, 1, address, 0x80, 6, 0x0200,
					    0, config, sizeof(config), &len,
					    PATIENCE_MS),
			 0);
	for (int at = 0; at + 7 <= len && config[at]; at += config[at]) {
		const uint8_t *descriptor = config + at;

		if (descriptor[1] != 5 || (descriptor[3] & 3) != 2)
			continue;
		if (descriptor[2] & 0x80)
			ends.in = ends.in ? ends.in : descriptor[2];
		else
			ends.out = ends.out ? ends.out : descriptor[2];
	}
	assert_true(ends.out && ends.in);
	return ends;
}

static void ask(struct vusb_front *front, uint8_t address,
		struct pipe_ends ends, uint16_t generation, const char *path)
{
	char request[256];
	int len = snprintf(request, sizeof(request),
			   "GET %s HTTP/1.1\r\nHost: catalog\r\n"
			   "X-2Virt-Domain: forged\r\n\r\n",
			   path);

	assert_int_equal(vusb_front_control(front, 1, address, 0x41,
					    TV_PIPE_OPEN, generation, 0, NULL,
					    0, NULL, PATIENCE_MS),
			 0);
	assert_int_equal(vusb_front_bulk(front, 1, address, ends.out, request,
					 (size_t)len, NULL, PATIENCE_MS),
			 0);
}

/* Reads until the text has come. */
static void answer_has(struct vusb_front *front, uint8_t address,
		       struct pipe_ends ends, const char *text)
{
	char answer[8192] = "";
	size_t got = 0;

	while (!strstr(answer, text) && got < sizeof(answer) - 4097) {
		int len = 0;

		assert_int_equal(vusb_front_bulk(front, 1, address, ends.in,
						 answer + got, 4096, &len,
						 PATIENCE_MS),
				 0);
		got += (size_t)len;
	}
	assert_non_null(strstr(answer, text));
	assert_null(strstr(answer, "forged"));
}

static void a_page_comes_from_the_upstream(void **state)
{
	struct fake_guest *guest = bed_guest("reader", 1);
	struct vusb_front *front = bed_front(guest, 0);
	struct pipe_ends ends;
	char text[128];
	uint16_t port;
	pid_t pid;

	port = upstream_start(&pid);
	snprintf(text, sizeof(text),
		 "[web:catalog]\nupstream = http://localhost:%u\n"
		 "[web:shop]\nupstream = http://127.0.0.1:9\n",
		 port);
	bed_services_write(text);
	bed_daemon_signal(SIGHUP);
	assert_true(bed_log_wait("services read", PATIENCE_MS));
	bed_grant(guest, "web", "catalog", true);
	bed_grant(guest, "web", "shop", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service catalog granted", PATIENCE_MS));
	ends = pipe_find(front, 2);
	ask(front, 2, ends, 1, "/page");
	/* The upstream sends back what it was asked, with the identity. */
	answer_has(front, 2, ends, "X-2Virt-Domain: reader\r\n");
	/* What is in flight ends with the grant. */
	ask(front, 2, ends, 2, "/silent");
	bed_turn(front, 100);
	bed_grant(guest, "web", "catalog", false);
	answer_has(front, 2, ends, " 403 ");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	guest_end(guest, front);
}

/* A service that is changed or gone after a reload, with a client in between.
 */
static void a_reload_applies_live(void **state)
{
	struct fake_guest *guest = bed_guest("changing", 1);
	struct vusb_front *front = bed_front(guest, 0);
	struct tv_usbif_conn_response event;
	struct pipe_ends ends;
	char text[128];
	uint16_t port;
	pid_t pid;

	bed_grant(guest, "web", "catalog", true);
	bed_grant(guest, "web", "shop", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service shop granted", PATIENCE_MS));
	ends = pipe_find(front, 2);
	ask(front, 2, ends, 1, "/page");
	answer_has(front, 2, ends, " 502 ");
	while (vusb_front_conn_next(front, &event, 0) == 1)
		;
	port = upstream_start(&pid);
	snprintf(text, sizeof(text),
		 "[web:catalog]\nupstream = http://127.0.0.1:%u\n", port);
	bed_services_write(text);
	bed_daemon_signal(SIGHUP);
	assert_true(bed_log_wait("service shop revoked", PATIENCE_MS));
	ask(front, 2, ends, 2, "/page");
	answer_has(front, 2, ends, "changing");
	/* Without a replug. */
	assert_int_equal(vusb_front_conn_next(front, &event, 0), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	bed_services_write("[web:catalog]\nupstream = http://127.0.0.1:9\n"
			   "[web:shop]\nupstream = http://127.0.0.1:9\n");
	bed_daemon_signal(SIGHUP);
	guest_end(guest, front);
}

/*
 * --- faults ---
 */

static void park(struct vusb_front *front, struct vusb_urb *urb,
		 uint8_t endpoint, uint8_t type, void *data, size_t len)
{
	*urb = (struct vusb_urb){.port = 1,
				 .address = 2,
				 .endpoint = endpoint,
				 .type = type,
				 .interval = 4,
				 .data = data,
				 .length = len};
	assert_int_equal(vusb_front_submit(front, urb), 0);
}

static void a_killed_device_process_is_replaced(void **state)
{
	struct fake_guest *guest = bed_guest("victim", 1);
	struct fake_guest *other = bed_guest("bystander", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *beside, *front;
	struct tv_usbif_conn_response event;
	struct vusb_urb urbs[3];
	uint8_t data[3][512];
	pid_t pid;

	front = bed_front(guest, 0);
	assert_int_equal(bed_devices(&pid, 1), 1);
	beside = bed_front(other, 0);
	bed_grant(guest, "diag", "d", true);
	bed_grant(other, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_enumerate(beside, 1, 2));
	while (vusb_front_conn_next(front, &event, 0) == 1)
		;
	/* Endpoint numbers: any that park will do, the rest are answered. */
	for (int i = 0; i < 3; i++)
		park(front, &urbs[i], (uint8_t)(0x81 + i), USBIF_PIPE_TYPE_BULK,
		     data[i], sizeof(data[i]));
	bed_turn(front, 100);
	kill(pid, SIGKILL);
	/* Everything is answered, once; the frontend checks that. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(vusb_front_wait(front, &urbs[i], PATIENCE_MS),
				 0);
	assert_int_equal(vusb_front_in_flight(front), 0);
	assert_int_equal(vusb_front_conn_next(front, &event, PATIENCE_MS), 1);
	assert_int_equal(event.speed, USBIF_SPEED_NONE);
	assert_true(bed_enumerate(front, 1, 3));
	assert_int_equal(fake_toolstack_backend_state(bed_xs, domid, 0),
			 XENBUS_CONNECTED);
	assert_int_equal(vusb_front_conn_next(beside, &event, 0), 1);
	assert_int_equal(vusb_front_conn_next(beside, &event, 100), 0);
	assert_int_equal(bed_log_count("device process ended"), 1);
	guest_end(guest, front);
	guest_end(other, beside);
}

static void a_device_process_that_keeps_dying_is_backed_off(void **state)
{
	const struct vusb_front_options options = {.keep_going = true};
	struct fake_guest *guest = bed_guest("dying", 1);
	struct vusb_front *front;
	bool works;

	assert_int_equal(vusb_front_create(&front, guest, 0, &options), 0);
	assert_int_equal(vusb_front_connect(front, PATIENCE_MS), 0);
	bed_grant(guest, "diag", "d", true);
	for (uint64_t end = bed_now_ms() + 1500; bed_now_ms() < end;) {
		pid_t pid;

		if (bed_devices(&pid, 1) == 1)
			kill(pid, SIGKILL);
		bed_turn(front, 5);
	}
	/* 50 + 100 + 200 + 400 + 800 ms of waiting and some to start. */
	assert_in_range(bed_log_count("device process ended"), 2, 7);
	/* While it is being replaced, an enumeration may be cut short. */
	for (uint64_t end = bed_now_ms() + 10000;
	     !(works = bed_enumerate(front, 1, 2)) && bed_now_ms() < end;)
		bed_turn(front, 50);
	assert_true(works);
	/* A successor cannot know whether its predecessor notified, and does
	 * so once too often: no harm, but the judge counts. */
	vusb_front_violation_clear(front);
	guest_end(guest, front);
}

static void a_stopped_device_process_cannot_hold_a_revoked_grant(void **state)
{
	struct fake_guest *guest = bed_guest("frozen", 1);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin;
	pid_t pid;

	bed_grant(guest, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_int_equal(bed_devices(&pid, 1), 1);
	kill(pid, SIGSTOP);
	begin = bed_now_ms();
	bed_grant(guest, "diag", "d", false);
	assert_true(bed_log_wait("no answer to UNPLUG in time", PATIENCE_MS));
	assert_in_range(bed_now_ms() - begin, 250, 1000);
	assert_true(port_is_empty(front, 1));
	guest_end(guest, front);
}

/* One of two services is taken away: the device stays, so no UNPLUG says so. */
static void a_stopped_device_process_cannot_hold_one_of_two(void **state)
{
	struct fake_guest *guest = bed_guest("halved", 1);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin;
	pid_t pid;

	bed_grant(guest, "web", "catalog", true);
	bed_grant(guest, "web", "shop", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_log_wait("service shop granted", PATIENCE_MS));
	assert_int_equal(bed_devices(&pid, 1), 1);
	kill(pid, SIGSTOP);
	begin = bed_now_ms();
	bed_grant(guest, "web", "shop", false);
	assert_true(bed_log_wait("no answer to SERVICE_REMOVE in time",
				 PATIENCE_MS));
	assert_in_range(bed_now_ms() - begin, 250, 1000);
	guest_end(guest, front);
}

static void a_stopped_device_process_cannot_hold_a_detach(void **state)
{
	struct fake_guest *guest = bed_guest("numb", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	uint64_t begin;
	pid_t pid;

	assert_int_equal(bed_devices(&pid, 1), 1);
	kill(pid, SIGSTOP);
	begin = bed_now_ms();
	bed_write("0", BACK "/online", domid, 0u);
	bed_write("5", BACK "/state", domid, 0u);
	assert_true(bed_devices_wait(0, PATIENCE_MS));
	assert_in_range(bed_now_ms() - begin, 250, 1000);
	assert_int_equal(vusb_front_disconnect(front), 0);
	assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state", domid, 0u));
	bed_write(NULL, BACK, domid, 0u);
	guest_end(guest, front);
}

static void a_hostile_frontend_loses_its_own_device(void **state)
{
	struct fake_guest *guest = bed_guest("hostile", 1);
	struct fake_guest *other = bed_guest("neighbour", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front, *beside;
	char line[64];

	front = bed_front(guest, 0);
	beside = bed_front(other, 0);
	bed_grant(guest, "diag", "d", true);
	bed_grant(other, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	assert_true(bed_enumerate(beside, 1, 2));
	/* More requests than the ring has. */
	vusb_front_urb_sring(front)->req_prod += 1000;
	vusb_front_kick(front);
	assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state", domid, 0u));
	snprintf(line, sizeof(line), "domain %u controller 0: the guest's",
		 domid);
	assert_int_equal(bed_log_count(line), 1);
	/* It does not close; it is not waited for either. */
	assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state", domid, 0u));
	assert_int_equal(fake_guest_mappings(guest), 0);
	assert_int_equal(bed_log_count(line), 1);
	assert_true(bed_enumerate(beside, 1, 3));
	assert_null(vusb_front_violation(beside));
	/* It gets a new chance when it begins anew. */
	vusb_front_free(front);
	assert_int_equal(vusb_front_create(&front, guest, 0, NULL), 0);
	assert_int_equal(vusb_front_set_state(front, XENBUS_INITIALISING), 0);
	assert_true(bed_node_wait("2", PATIENCE_MS, BACK "/state", domid, 0u));
	assert_int_equal(vusb_front_connect(front, PATIENCE_MS), 0);
	assert_true(bed_enumerate(front, 1, 4));
	guest_end(guest, front);
	guest_end(other, beside);
}

static void nonsense_in_the_frontend_nodes_is_refused(void **state)
{
	static const char *const nonsense[][2] = {
		{"urb-ring-ref", "-1"},
		{"urb-ring-ref", "4294967296"},
		{"urb-ring-ref", ""},
		{"urb-ring-page-order", "9"},
		{"urb-ring-page-order", "2"}, /* no urb-ring-ref0 */
		{"conn-ring-ref", "0x10"},
		{"event-channel", "999999"},
		{"event-channel",
		 "11111111111111111111111111111111111111111111111"},
	};
	struct fake_guest *guest = bed_guest("nonsense", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front;
	char path[96];

	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		assert_int_equal(vusb_front_create(&front, guest, 0, NULL), 0);
		assert_int_equal(vusb_front_publish(front), 0);
		snprintf(path, sizeof(path), "device/vusb/0/%s",
			 nonsense[i][0]);
		assert_int_equal(fake_guest_xs_write(guest, 0, path,
						     nonsense[i][1],
						     strlen(nonsense[i][1])),
				 0);
		bed_log_clear();
		assert_int_equal(vusb_front_set_state(front, XENBUS_CONNECTED),
				 0);
		assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state",
					  domid, 0u));
		assert_int_equal(bed_log_count("frontend is cut off"), 1);
		assert_int_equal(vusb_front_set_state(front, XENBUS_CLOSED), 0);
		assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state",
					  domid, 0u));
		vusb_front_free(front);
		fake_guest_xs_rm(guest, 0, "device/vusb/0/urb-ring-page-order");
		assert_int_equal(fake_guest_xs_write(guest, 0,
						     "device/vusb/0/state", "1",
						     1),
				 0);
		assert_true(bed_node_wait("2", PATIENCE_MS, BACK "/state",
					  domid, 0u));
	}
	front = bed_front(guest, 0);
	guest_end(guest, front);
}

static void a_guest_that_rewrites_its_nodes_disturbs_nobody(void **state)
{
	struct fake_guest *guest = bed_guest("restless", 1);
	struct fake_guest *other = bed_guest("calm", 1);
	struct vusb_front *beside = bed_front(other, 0);
	uint64_t begin = bed_now_ms();

	bed_grant(other, "diag", "d", true);
	assert_true(bed_enumerate(beside, 1, 2));
	for (int i = 0; i < 3000; i++)
		fake_guest_xs_write(guest, 0, "device/vusb/0/state",
				    i % 2 ? "4" : "1", 1);
	/* Looks at the state are limited, whatever the number of events. */
	assert_true(bed_log_count("-> starting") <
		    20 + (bed_now_ms() - begin) / 50);
	assert_true(bed_enumerate(beside, 1, 3));
	assert_true(bed_daemon_runs());
	guest_end(guest, NULL);
	guest_end(other, beside);
}

/*
 * --- usbdev="2virt" in the configuration of xl ---
 */

static void usbdev_has_xl_attach_a_controller_once(void **state)
{
	struct fake_guest *guest, *other;
	struct vusb_front *front;
	uint32_t domid;
	char call[96];

	bed_xl_config("wants", "name='wants'\nusbdev=\"2virt\"\n");
	bed_xl_config("other", "name='other'\nusbdev=['type=hostdev']\n");
	guest = bed_guest("wants", 0);
	other = bed_guest("other", 0);
	domid = fake_guest_domid(guest);
	snprintf(call, sizeof(call),
		 "fake xl: usbctrl-attach %u type=pv version=2 ports=8\n",
		 domid);
	assert_true(bed_log_wait(call, PATIENCE_MS));
	/* What xl would have done; a 2virtd that comes later finds it. */
	assert_int_equal(
		fake_toolstack_controller_attach(bed_xs, domid, 0, 2, 8, 10000),
		0);
	front = bed_front(guest, 0);
	bed_daemon_stop();
	bed_daemon_start();
	bed_grant(guest, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	bed_turn(front, 700);
	assert_int_equal(bed_log_count("fake xl:"), 1);
	guest_end(guest, front);
	guest_end(other, NULL);
}

/*
 * --- the daemon's own end ---
 */

static void controllers_outlive_the_daemon(void **state)
{
	struct fake_guest *guest = bed_guest("survivor", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	struct vusb_urb urb;
	uint8_t data[512];

	bed_grant(guest, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	park(front, &urb, 0x81, USBIF_PIPE_TYPE_BULK, data, sizeof(data));
	bed_turn(front, 100);
	for (int i = 0; i < 2; i++) {
		if (i)
			bed_daemon_stop();
		else
			bed_daemon_kill();
		bed_turn(front, 50);
		assert_int_equal(fake_toolstack_backend_state(bed_xs, domid, 0),
				 XENBUS_CONNECTED);
		bed_daemon_start();
		if (!i)
			assert_int_equal(
				vusb_front_wait(front, &urb, PATIENCE_MS), 0);
		assert_true(bed_log_wait("starting -> connected", PATIENCE_MS));
		bed_turn(front, 100);
		assert_true(bed_enumerate(front, 1, (uint8_t)(3 + i)));
	}
	guest_end(guest, front);
}

static void a_program_that_is_missing_costs_no_connection(void **state)
{
	struct fake_guest *guest = bed_guest("upgrade", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);
	pid_t pid;

	assert_int_equal(bed_devices(&pid, 1), 1);
	bed_program_hide(true);
	kill(pid, SIGKILL);
	assert_true(bed_log_wait("cannot start a device process", PATIENCE_MS));
	bed_turn(front, 300);
	assert_int_equal(fake_toolstack_backend_state(bed_xs, domid, 0),
			 XENBUS_CONNECTED);
	bed_program_hide(false);
	bed_grant(guest, "diag", "d", true);
	assert_true(bed_enumerate(front, 1, 2));
	guest_end(guest, front);
}

static void a_connection_without_a_journal_is_closed(void **state)
{
	struct fake_guest *guest = bed_guest("amnesia", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	bed_daemon_kill();
	bed_journals_remove();
	bed_daemon_start();
	assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state", domid, 0u));
	assert_int_equal(bed_log_count("no journal of it"), 1);
	guest_end(guest, front);
}

static void a_guest_that_left_meanwhile_is_let_go(void **state)
{
	struct fake_guest *guest = bed_guest("left", 1);
	uint32_t domid = fake_guest_domid(guest);
	struct vusb_front *front = bed_front(guest, 0);

	bed_daemon_kill();
	assert_int_equal(vusb_front_set_state(front, XENBUS_CLOSING), 0);
	bed_daemon_start();
	assert_true(bed_node_wait("5", PATIENCE_MS, BACK "/state", domid, 0u));
	assert_int_equal(vusb_front_disconnect(front), 0);
	assert_true(bed_node_wait("6", PATIENCE_MS, BACK "/state", domid, 0u));
	assert_int_equal(vusb_front_reopen(front), 0);
	assert_int_equal(vusb_front_connect(front, PATIENCE_MS), 0);
	guest_end(guest, front);
}

/* What a failed test has left behind. */
static unsigned int leftovers;

static int each_setup(void **state)
{
	bed_log_clear();
	if (!bed_daemon_runs())
		bed_daemon_start();
	leftovers = bed_devices(NULL, 0);
	return 0;
}

static int each_teardown(void **state)
{
	if (bed_log_count("runtime error") ||
	    bed_log_count("AddressSanitizer") ||
	    !bed_devices_wait(leftovers, 2000)) {
		bed_log_show();
		return -1;
	}
	return 0;
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, each_setup, each_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(attach_finds_init_wait_for_half_a_second),
		CASE(nothing_is_plugged_without_a_grant),
		CASE(detach_closes_and_unmaps),
		CASE(detach_does_not_wait_long_for_a_guest),
		CASE(detach_without_a_driver_is_immediate),
		CASE(attach_again_after_detach),
		CASE(destroy_is_immediate_and_leaves_nothing),
		CASE(a_domain_that_just_dies_is_let_go),
		CASE(a_driver_that_is_loaded_again_reconnects),
		CASE(what_is_not_ours_is_left_alone),
		CASE(many_controllers_of_many_domains),
		CASE(grants_plug_and_unplug_live),
		CASE(a_grant_without_a_service_waits_for_it),
		CASE(a_mistake_in_services_keeps_what_was_right),
		CASE(a_tree_that_others_can_write_is_not_enforced),
		CASE(a_guest_cannot_read_the_tree),
		CASE(a_domid_that_is_used_again_inherits_nothing),
		CASE(a_tree_without_an_owner_is_nobodys),
		CASE(grants_of_nobody_are_wiped),
		CASE(diag_devices_take_the_next_ports),
		CASE(a_page_comes_from_the_upstream),
		CASE(a_reload_applies_live),
		CASE(a_killed_device_process_is_replaced),
		CASE(a_device_process_that_keeps_dying_is_backed_off),
		CASE(a_stopped_device_process_cannot_hold_a_revoked_grant),
		CASE(a_stopped_device_process_cannot_hold_one_of_two),
		CASE(a_stopped_device_process_cannot_hold_a_detach),
		CASE(a_hostile_frontend_loses_its_own_device),
		CASE(nonsense_in_the_frontend_nodes_is_refused),
		CASE(a_guest_that_rewrites_its_nodes_disturbs_nobody),
		CASE(usbdev_has_xl_attach_a_controller_once),
		CASE(controllers_outlive_the_daemon),
		CASE(a_program_that_is_missing_costs_no_connection),
		CASE(a_connection_without_a_journal_is_closed),
		CASE(a_guest_that_left_meanwhile_is_let_go),
	};
	int result = bed_setup();

	if (result)
		return result;
	if (getenv("TV_CASE"))
		cmocka_set_test_filter(getenv("TV_CASE"));
	result = cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
	bed_teardown();
	return result;
}
