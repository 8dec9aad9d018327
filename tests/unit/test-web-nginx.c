// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test-web-nginx.c - the service set with a real web server: nginx, plain and
 * with TLS, and certificates made on the spot.
 */
#define _GNU_SOURCE
#include "tests/unit/web-bed.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { BIG_OCTETS = 20000000 };

static char dir[] = "/tmp/test-web-nginx-XXXXXX";
static int http_port;
static int https_port;
static pid_t nginx;
static struct bed *bed;
static struct guest_pipe *guest;
static struct h2_client client;

/* A port that is free now; nginx binds it a moment later. */
static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	close(fd);
	return ntohs(address.sin_port);
}

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("%s", command);
}

static void write_config(void)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/nginx.conf", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"daemon off; worker_processes 1; pid %s/pid;\n"
		"error_log %s/error.log; events {}\n"
		"http { access_log off; default_type text/plain;\n"
		"client_body_temp_path %s/a; proxy_temp_path %s/b;\n"
		"fastcgi_temp_path %s/c; uwsgi_temp_path %s/d;\n"
		"scgi_temp_path %s/e; client_max_body_size 0;\n"
		"server { listen 127.0.0.1:%d; listen 127.0.0.1:%d ssl;\n"
		"ssl_certificate %s/server.pem;\n"
		"ssl_certificate_key %s/server.key;\n"
		"root %s/www;\n"
		"location /who { return 200 \"$http_x_2virt_domain $host "
		"$ssl_server_name\\n\"; } } }\n",
		dir, dir, dir, dir, dir, dir, dir, http_port, https_port, dir,
		dir, dir);
	fclose(file);
}

static int group_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	chmod(dir, 0755);
	http_port = free_port();
	https_port = free_port();
	shell("cd %s && mkdir www && head -c %d /dev/zero > www/big && "
	      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca "
	      "-keyout ca.key -out ca.pem 2>/dev/null && "
	      "openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
	      "-subj /CN=other -keyout other.key -out other.pem 2>/dev/null && "
	      "openssl req -newkey rsa:2048 -nodes -subj /CN=shop.example "
	      "-keyout server.key -out server.csr 2>/dev/null && "
	      "echo subjectAltName=DNS:shop.example > ext && "
	      "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key "
	      "-CAcreateserial -days 2 -extfile ext -out server.pem "
	      "2>/dev/null",
	      dir, BIG_OCTETS);
	write_config();
	nginx = fork();
	if (!nginx) {
		char config[128];

		snprintf(config, sizeof(config), "%s/nginx.conf", dir);
		execlp("nginx", "nginx", "-p", dir, "-c", config, NULL);
		execl("/usr/sbin/nginx", "nginx", "-p", dir, "-c", config,
		      NULL);
		_exit(127);
	}
	for (int i = 0; i < 100; i++) {
		struct sockaddr_in address = {.sin_family = AF_INET};
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int error;

		address.sin_port = htons((uint16_t)https_port);
		address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		error = connect(fd, (struct sockaddr *)&address,
				sizeof(address));
		close(fd);
		if (!error)
			return 0;
		usleep(50000);
	}
	fail_msg("nginx does not start: apt-get install nginx-light");
	return -1;
}

static int group_teardown(void **state)
{
	(void)state;
	kill(nginx, SIGQUIT);
	waitpid(nginx, NULL, 0);
	shell("rm -rf %s", dir);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	bed = bed_create();
	guest = &bed->pipes[0];
	guest_open(guest);
	h2_start(&client, guest, false);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	h2_stop(&client);
	bed_destroy(bed);
	return 0;
}

static char *read_file(const char *name)
{
	static char text[8192];
	char path[128];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "r");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = 0;
	fclose(file);
	return text;
}

static void grant(const char *name, const char *host, int port,
		  const char *scheme, const char *ca)
{
	static const char *const address[] = {"127.0.0.1"};
	char url[128];
	struct web_upstream_config upstream = {url, address, 1};
	struct web_service_config config = {
		.name = name, .upstreams = &upstream, .upstream_count = 1};

	snprintf(url, sizeof(url), "%s://%s:%d", scheme, host, port);
	if (ca) {
		config.ca_pem = read_file(ca);
		config.ca_pem_len = strlen(config.ca_pem);
	}
	assert_int_equal(web_service_set_put(bed->services, &config), 0);
}

static bool are_closed(void *context)
{
	(void)context;
	return client.closed == client.count;
}

static struct h2_stream *ask(const char *method, const char *service,
			     const char *path, int64_t body)
{
	struct h2_stream *stream =
		h2_request(&client, method, service, path, body, NULL, 0);

	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	return stream;
}

static void plain_pages_and_files(void **state)
{
	struct h2_stream *stream;

	(void)state;
	grant("shop", "shop.example", http_port, "http", NULL);
	stream = ask("GET", "shop", "/who", -1);
	assert_int_equal(stream->status, 200);
	assert_string_equal(stream->body, "guest1 shop.example \n");
	stream = ask("GET", "shop", "/big", -1);
	assert_int_equal(stream->received, BIG_OCTETS);
	stream = ask("HEAD", "shop", "/big", -1);
	assert_int_equal(stream->status, 200);
	stream = ask("GET", "shop", "/none", -1);
	assert_int_equal(stream->status, 404);
	/* It answers before it has read all of that. */
	stream = ask("POST", "shop", "/big", 5000000);
	assert_int_equal(stream->status, 405);
}

static void tls_with_the_right_ca(void **state)
{
	struct h2_stream *stream;

	(void)state;
	grant("shop", "shop.example", https_port, "https", "ca.pem");
	for (int i = 0; i < 3; i++) {
		stream = ask("GET", "shop", "/who", -1);
		assert_int_equal(stream->status, 200);
		assert_string_equal(stream->body,
				    "guest1 shop.example shop.example\n");
	}
	stream = ask("GET", "shop", "/big", -1);
	assert_int_equal(stream->received, BIG_OCTETS);
	stream = ask("POST", "shop", "/who", 3000000);
	assert_true(stream->status == 200 || stream->error == 0);
	for (int i = 0; i < 50; i++)
		h2_request(&client, "GET", "shop", "/who", -1, NULL, 0);
	h2_flush(&client);
	assert_true(bed_until(bed, are_closed, NULL));
	for (unsigned int i = 5; i < client.count; i++)
		assert_int_equal(client.streams[i].status, 200);
}

static void tls_with_a_wrong_ca_or_name(void **state)
{
	struct h2_stream *stream;

	(void)state;
	grant("other", "shop.example", https_port, "https", "other.pem");
	stream = ask("GET", "other", "/who", -1);
	assert_int_equal(stream->status, 502);
	assert_non_null(strstr(stream->body, "certificate is not trusted"));
	grant("name", "wrong.example", https_port, "https", "ca.pem");
	stream = ask("GET", "name", "/who", -1);
	assert_int_equal(stream->status, 502);
	assert_non_null(strstr(stream->body, "certificate is not trusted"));
	/* The system's own certificates count for nothing. */
	grant("plain", "shop.example", http_port, "https", "ca.pem");
	stream = ask("GET", "plain", "/who", -1);
	assert_int_equal(stream->status, 502);
	assert_non_null(strstr(stream->body, "TLS with the upstream failed"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(plain_pages_and_files),
		TEST(tls_with_the_right_ca),
		TEST(tls_with_a_wrong_ca_or_name),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
