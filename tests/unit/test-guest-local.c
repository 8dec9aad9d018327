// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-guest-local.c - what 2virt-guest reads: names, descriptors, sysfs,
 * kernel events, settings, status lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frontend-linux/guest/descriptor.h"
#include "frontend-linux/guest/discover.h"
#include "frontend-linux/guest/listener.h"
#include "frontend-linux/guest/name.h"
#include "frontend-linux/guest/settings.h"
#include "frontend-linux/guest/status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names */

static int parse(struct function_name *name, const char *text)
{
	return name_parse(name, text, strlen(text));
}

static void names_are_taken_apart(void **state)
{
	struct function_name name;
	char path[64];

	assert_int_equal(parse(&name, "web:default"), 0);
	assert_string_equal(name.type, "web");
	assert_string_equal(name.name, "default");
	assert_int_equal(parse(&name, "p2p:a-b_c.9"), 0);
	assert_int_equal(
		name_socket_path(&name, "/run/2virt", path, sizeof(path)), 0);
	assert_string_equal(path, "/run/2virt/p2p/a-b_c.9.sock");
	assert_int_equal(name_socket_path(&name, "/run/2virt", path, 27),
			 -ENAMETOOLONG);
}

static void names_that_are_paths_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"web",
		"web:",
		"web:.",
		"web:..",
		"web:../x",
		"web:a/b",
		"../x:a",
		"web:A",
		"web:a b",
		"web:a\nb",
		"usb:a",
		"WEB:a",
		"web:a:b",
		":a",
		"web:.hidden",
		"web:\xc3\xa4",
	};
	struct function_name name = {.type = "as it was"};
	char longest[4 + NAME_MAX_LEN + 1] = "web:";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(parse(&name, bad[i]), -EINVAL);
	assert_int_equal(name_parse(&name, "web:a\0b", 7), -EINVAL);
	memset(longest + 4, 'a', NAME_MAX_LEN);
	assert_int_equal(parse(&name, longest), -EINVAL);
	assert_string_equal(name.type, "as it was");
	longest[4 + NAME_MAX_LEN - 1] = '\0';
	assert_int_equal(parse(&name, longest), 0);
}

/* Descriptors */

static const uint8_t good[] = {
	/* device */
	18, 1, 1, 2, 0, 0, 0, 64, 0xa0, 2, 0x23, 0xa1, 0, 1, 1, 2, 3, 1,
	/* configuration 1, 69 octets in all */
	9, 2, 69, 0, 1, 1, 0, 0xc0, 0,
	/* interface 0, setting 0 */
	9, 4, 0, 0, 0, 0xff, 1, 1, 4,
	/* interface 0, setting 1 */
	9, 4, 0, 1, 5, 0xff, 1, 1, 4,
	/* interrupt IN, then two pairs */
	7, 5, 0x81, 3, 64, 0, 4, 7, 5, 0x01, 2, 0, 2, 0, 7, 5, 0x82, 2, 0, 2, 0,
	7, 5, 0x02, 2, 0, 2, 0, 7, 5, 0x83, 2, 0, 2, 0,
	/* something unknown */
	7, 0x30, 0, 0, 0, 0, 0};

enum { CONFIG = 18, ALT0 = 27, ALT1 = 36, EVENT = 45, OUT0 = 52, IN0 = 59 };

static void pipes_are_paired_by_their_order(void **state)
{
	struct descriptor_pipes pipes;
	const char *why;

	assert_int_equal(
		descriptor_parse(&pipes, good, sizeof(good), 1, 0, &why), 0);
	assert_int_equal(pipes.count, 2);
	assert_int_equal(pipes.subclass, 1);
	assert_int_equal(pipes.string, 4);
	assert_int_equal(pipes.event_endpoint, 0x81);
	assert_int_equal(pipes.pipe[0].out, 0x01);
	assert_int_equal(pipes.pipe[0].in, 0x82);
	assert_int_equal(pipes.pipe[1].out, 0x02);
	assert_int_equal(pipes.pipe[1].in, 0x83);
}

static void broken_descriptors_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t octet;
	} changes[] = {
		{CONFIG, 8},
		{CONFIG + 1, 4},
		{CONFIG + 2, 255},
		{CONFIG + 2, 8},
		{CONFIG + 5, 2},
		{ALT0, 0},
		{ALT0, 1},
		{ALT0 + 3, 1},
		{ALT1, 8},
		{ALT1 + 2, 1},
		{ALT1 + 3, 2},
		{ALT1 + 5, 3},
		{ALT1 + 7, 2},
		{EVENT, 255},
		{EVENT + 3, 2},
		{EVENT + 2, 0x01},
		{OUT0, 6},
		{OUT0 + 2, 0x00},
		{OUT0 + 2, 0x02},
		{OUT0 + 2, 0x84},
		{OUT0 + 2, 0x11},
		{OUT0 + 3, 1},
		{OUT0 + 3, 3},
		{IN0 + 2, 0x81},
		{sizeof(good) - 7, 8},
	};
	uint8_t data[sizeof(good)];
	struct descriptor_pipes pipes;
	const char *why;

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		memcpy(data, good, sizeof(good));
		data[changes[i].at] = changes[i].octet;
		why = NULL;
		assert_int_equal(descriptor_parse(&pipes, data, sizeof(data), 1,
						  0, &why),
				 -EINVAL);
		assert_non_null(why);
	}
	assert_int_equal(
		descriptor_parse(&pipes, good, sizeof(good), 1, 1, &why),
		-EINVAL);
}

static void cut_descriptors_are_refused(void **state)
{
	struct descriptor_pipes pipes;
	const char *why;

	for (size_t len = 0; len < sizeof(good); len++) {
		uint8_t *data = malloc(len + 1); /* exact, for ASan */
		uint8_t *exact = realloc(data, len ? len : 1);

		memcpy(exact, good, len);
		assert_int_equal(
			descriptor_parse(&pipes, exact, len, 1, 0, &why),
			-EINVAL);
		free(exact);
	}
}

static void random_descriptors_do_no_harm(void **state)
{
	struct descriptor_pipes pipes;
	uint8_t data[sizeof(good)];
	const char *why;

	srand(2);
	for (int i = 0; i < 20000; i++) {
		memcpy(data, good, sizeof(good));
		for (int k = rand() % 6; k >= 0; k--)
			data[rand() % (int)sizeof(data)] = (uint8_t)rand();
		if (descriptor_parse(&pipes, data, sizeof(data), 1, 0, &why))
			continue;
		assert_in_range(pipes.count, 1, TV_PIPE_MAX);
	}
}

/* sysfs */

static char root[] = "/tmp/test-guest-XXXXXX";

static void put(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *out;

	snprintf(path, sizeof(path), "%s/bus/usb/devices/%s", root, folder);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/bus/usb/devices/%s/%s", root, folder,
		 name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void put_interface(const char *name, const char *class,
			  const char *protocol, const char *number)
{
	put(name, "bInterfaceClass", class);
	put(name, "bInterfaceSubClass", "01\n");
	put(name, "bInterfaceProtocol", protocol);
	put(name, "bInterfaceNumber", number);
}

static int tree_setup(void **state)
{
	char path[256];

	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/bus", root);
	mkdir(path, 0755);
	strcat(path, "/usb");
	mkdir(path, 0755);
	strcat(path, "/devices");
	mkdir(path, 0755);
	return 0;
}

static int tree_teardown(void **state)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static void functions_are_found_by_class_and_protocol(void **state)
{
	struct location found[DISCOVER_MAX];
	const struct location *a = &found[0], *b = &found[1];

	assert_int_equal(discover_scan("/nowhere", found, DISCOVER_MAX), 0);
	assert_int_equal(discover_scan(root, found, DISCOVER_MAX), 0);
	put("3-1.2", "busnum", "3\n");
	put("3-1.2", "devnum", "7\n");
	put_interface("3-1.2:1.0", "ff\n", "01\n", "00\n");
	put_interface("3-1.2:1.1", "ff\n", "01\n", "01\n");
	put_interface("3-1.2:1.2", "ff\n", "02\n", "02\n");
	put_interface("3-1.2:1.3", "03\n", "01\n", "03\n");
	put_interface("3-1.2:1.4", "junk\n", "01\n", "04\n");
	put_interface("9-9:1.0", "ff\n", "01\n", "00\n"); /* no device */
	assert_int_equal(discover_scan(root, found, DISCOVER_MAX), 2);
	if (a->number > b->number) {
		a = &found[1];
		b = &found[0];
	}
	assert_string_equal(a->interface, "3-1.2:1.0");
	assert_string_equal(a->device, "/dev/bus/usb/003/007");
	assert_int_equal(a->configuration, 1);
	assert_int_equal(a->number, 0);
	assert_int_equal(b->number, 1);
	assert_false(location_equal(a, b));
	assert_int_equal(discover_scan(root, found, 1), 1);
}

static bool is_sure(const char *interface)
{
	struct location found[DISCOVER_MAX];
	size_t count = discover_scan(root, found, DISCOVER_MAX);

	for (size_t i = 0; i < count; i++)
		if (strcmp(found[i].interface, interface) == 0)
			return found[i].sure;
	fail_msg("%s is not found", interface);
	return false;
}

static void devices_of_others_are_left_alone(void **state)
{
	put("4-1", "busnum", "4\n");
	put("4-1", "devnum", "2\n");
	put_interface("4-1:1.0", "ff\n", "01\n", "00\n");
	put_interface("4-1:1.1", "ff\n", "01\n", "01\n");
	/* A modem: no name, or one of its own. */
	put("4-1", "idVendor", "12d1\n");
	put("4-1", "idProduct", "a123\n");
	put("4-1:1.1", "interface", "Modem\n");
	assert_false(is_sure("4-1:1.0"));
	assert_false(is_sure("4-1:1.1"));
	/* Ours by product, while the name is away; never with another name. */
	put("4-1", "idVendor", "02a0\n");
	assert_true(is_sure("4-1:1.0"));
	assert_false(is_sure("4-1:1.1"));
	/* Ours by name, whatever the product; the type must fit. */
	put("4-1", "idVendor", "1234\n");
	put("4-1:1.0", "interface", "web:default\n");
	put("4-1:1.1", "interface", "p2p:default\n");
	assert_true(is_sure("4-1:1.0"));
	assert_false(is_sure("4-1:1.1"));
}

static void a_device_plugged_anew_is_another_one(void **state)
{
	struct location before[2], after[2];

	assert_int_equal(discover_scan(root, before, 1), 1);
	assert_int_equal(discover_scan(root, after, 1), 1);
	assert_true(location_equal(&before[0], &after[0]));
	put("3-1.2", "devnum", "8\n");
	assert_int_equal(discover_scan(root, after, 1), 1);
	assert_false(location_equal(&before[0], &after[0]));
}

static void kernel_events_of_usb_are_known(void **state)
{
	static const char usb[] = "add@/devices/x\0ACTION=add\0SUBSYSTEM=usb";
	static const char net[] = "add@/devices/x\0SUBSYSTEM=net\0X=Y";
	static const char odd[] = "SUBSYSTEM=usbmon\0ASUBSYSTEM=usb";

	assert_true(discover_event_is_usb(usb, sizeof(usb)));
	assert_true(discover_event_is_usb(usb, sizeof(usb) - 1));
	assert_false(discover_event_is_usb(usb, sizeof(usb) - 2));
	assert_false(discover_event_is_usb(net, sizeof(net)));
	assert_false(discover_event_is_usb(odd, sizeof(odd)));
	assert_false(discover_event_is_usb("", 0));
}

/* Settings */

static int set(struct settings *settings, const char *section, const char *key,
	       const char *value)
{
	const char *why = NULL;
	int rc = settings_set(settings, section, key, value, &why);

	if (rc)
		assert_non_null(why);
	return rc;
}

static void settings_are_checked(void **state)
{
	struct settings s;

	settings_init(&s);
	assert_int_equal(s.access.mode, 0660);
	assert_int_equal(set(&s, "socket", "mode", "0600"), 0);
	assert_int_equal(s.access.mode, 0600);
	assert_int_equal(set(&s, "socket", "mode", "0999"), -EINVAL);
	assert_int_equal(set(&s, "socket", "mode", "7777"), -EINVAL);
	assert_int_equal(set(&s, "socket", "dir", "run"), -EINVAL);
	assert_int_equal(set(&s, "socket", "group", "root"), 0);
	assert_int_equal(s.access.group, 0);
	assert_int_equal(set(&s, "socket", "group", "12"), 0);
	assert_int_equal(s.access.group, 12);
	assert_int_equal(set(&s, "socket", "group", "no such group"), -EINVAL);
	assert_int_equal(set(&s, "web", "name", "shop"), 0);
	assert_int_equal(set(&s, "web", "name", "../shop"), -EINVAL);
	assert_int_equal(set(&s, "web", "colour", "red"), -EINVAL);
}

static void listening_beyond_loopback_is_refused(void **state)
{
	struct settings s;

	settings_init(&s);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1:8080"), 0);
	assert_int_equal(set(&s, "web", "listen", "127.9.9.9:1"), 0);
	assert_int_equal(set(&s, "web", "listen", "localhost:80"), 0);
	assert_int_equal(set(&s, "web", "listen", "[::1]:65535"), 0);
	assert_int_equal(set(&s, "web", "listen", ""), 0);
	assert_int_equal(set(&s, "web", "listen", "0.0.0.0:80"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "10.0.0.1:80"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "[::]:80"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "[::ffff:127.0.0.1]:80"),
			 -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1:0"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1:65536"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1:80x"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "127.0.0.1:-1"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", ":80"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "example.org:80"), -EINVAL);
	assert_int_equal(set(&s, "web", "listen", "[]:80"), -EINVAL);
}

static void a_links_service_is_a_local_one(void **state)
{
	static const char *const bad[] = {"",
					  "unix:",
					  "unix:run/x",
					  "tcp:10.0.0.1:22",
					  "tcp:0.0.0.0:1",
					  "tcp:127.0.0.1",
					  "tcp:127.0.0.1:0",
					  "tcp:[::]:22",
					  "tcp:127.0.0.1:22x",
					  "tcp:",
					  "exec:sh",
					  "tcp:localhost:22"};
	struct function_name link, web;
	struct settings s;

	settings_init(&s);
	assert_int_equal(name_parse(&link, "p2p:backup", 10), 0);
	assert_int_equal(name_parse(&web, "web:backup", 10), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(set(&s, "p2p:backup", "forward", bad[i]),
				 -EINVAL);
	assert_null(settings_forward(&s, &link));
	assert_int_equal(set(&s, "p2p:../x", "forward", "unix:/x"), -EINVAL);
	assert_int_equal(set(&s, "p2p:backup", "forwards", "unix:/x"), -EINVAL);
	assert_int_equal(set(&s, "p2p:backup", "forward", "unix:/x"), 0);
	assert_int_equal(set(&s, "p2p:backup", "forward", "tcp:127.0.0.1:22"),
			 0);
	assert_string_equal(settings_forward(&s, &link), "tcp:127.0.0.1:22");
	assert_null(settings_forward(&s, &web));
	for (int i = 1; i < SETTINGS_FORWARDS; i++) {
		char section[16];

		snprintf(section, sizeof(section), "p2p:n%d", i);
		assert_int_equal(set(&s, section, "forward", "tcp:[::1]:1"), 0);
	}
	assert_int_equal(set(&s, "p2p:more", "forward", "unix:/x"), -EINVAL);
}

static int read_text(struct settings *s, const char *text)
{
	char path[64];
	FILE *out;

	snprintf(path, sizeof(path), "%s/conf", root);
	out = fopen(path, "w");
	fputs(text, out);
	fclose(out);
	settings_init(s);
	return settings_read(s, path);
}

static void the_file_is_read(void **state)
{
	struct settings s;

	assert_int_equal(read_text(&s, "; a comment\n[socket]\nmode = 0666\n"
				       "[web]\nlisten = 127.0.0.1:8080\n"),
			 0);
	assert_int_equal(s.access.mode, 0666);
	assert_string_equal(s.web_listen, "127.0.0.1:8080");
	assert_int_equal(read_text(&s, "[web]\nlisten = 1.2.3.4:80\n"),
			 -EINVAL);
	assert_int_equal(read_text(&s, "[web]\nnonsense\n"), -EINVAL);
	assert_int_equal(settings_read(&s, "/nowhere"), -ENOENT);
}

/* Status */

static void status_lines_come_back(void **state)
{
	const struct status_row row = {
		.type = "web",
		.name = "default",
		.location = "1-1:1.0",
		.device = "/dev/bus/usb/001/002",
		.state = "ready",
		.socket = "/run/2virt/web/default.sock",
		.pipes = 4,
		.pipes_used = 2,
		.bytes_in = UINT64_MAX,
		.bytes_out = 1,
	};
	struct status_row back;
	char line[512];
	int len = status_row_write(&row, line, sizeof(line));

	assert_true(len > 0);
	assert_int_equal(line[len - 1], '\n');
	line[len - 1] = '\0';
	memset(&back, 0, sizeof(back));
	assert_int_equal(status_row_read(&back, line), 0);
	assert_memory_equal(&back, &row, sizeof(row));
	assert_int_equal(status_row_write(&row, line, (size_t)len), -ENOSPC);
}

static void bad_status_lines_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"a\tb\tc\td\te\tf\tg\t1\t2\t3",
		"a\tb\tc\td\te\tf\tg\t1\t2\t3\t4\t5",
		"a\tb\tc\td\te\tf\tg\t1\t2\t3\tx",
		"a\tb\tc\td\te\tf\tg\t1\t2\t-3\t4",
		"a\tb\tc\td\te\tf\tg\t1\t\t3\t4",
	};
	struct status_row row;
	char line[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		strcpy(line, bad[i]);
		assert_int_equal(status_row_read(&row, line), -EINVAL);
	}
}

/* Sockets */

static void nothing(void *context)
{
}

static void sockets_replace_only_sockets(void **state)
{
	const struct listener_access access = {.mode = 0600,
					       .group = (gid_t)-1};
	struct listener *first, *second;
	char path[80], file[80];
	struct stat st;
	uv_loop_t loop;

	uv_loop_init(&loop);
	snprintf(path, sizeof(path), "%s/web/a.sock", root);
	assert_int_equal(listener_create_unix(&first, &loop, path, &access,
					      nothing, NULL),
			 0);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A successor takes the path over; the first does not remove it. */
	assert_int_equal(listener_create_unix(&second, &loop, path, &access,
					      nothing, NULL),
			 0);
	listener_destroy(first);
	assert_int_equal(lstat(path, &st), 0);
	listener_destroy(second);
	assert_int_equal(lstat(path, &st), -1);
	snprintf(file, sizeof(file), "%s/conf", root);
	assert_int_equal(listener_create_unix(&first, &loop, file, &access,
					      nothing, NULL),
			 -EEXIST);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_taken_apart),
		cmocka_unit_test(names_that_are_paths_are_refused),
		cmocka_unit_test(pipes_are_paired_by_their_order),
		cmocka_unit_test(broken_descriptors_are_refused),
		cmocka_unit_test(cut_descriptors_are_refused),
		cmocka_unit_test(random_descriptors_do_no_harm),
		cmocka_unit_test(functions_are_found_by_class_and_protocol),
		cmocka_unit_test(a_device_plugged_anew_is_another_one),
		cmocka_unit_test(devices_of_others_are_left_alone),
		cmocka_unit_test(kernel_events_of_usb_are_known),
		cmocka_unit_test(settings_are_checked),
		cmocka_unit_test(listening_beyond_loopback_is_refused),
		cmocka_unit_test(a_links_service_is_a_local_one),
		cmocka_unit_test(the_file_is_read),
		cmocka_unit_test(status_lines_come_back),
		cmocka_unit_test(bad_status_lines_are_refused),
		cmocka_unit_test(sockets_replace_only_sockets),
	};

	return cmocka_run_group_tests(tests, tree_setup, tree_teardown);
}
