// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * relay.c - the libvirt service behind a unix socket, without a device between:
 * what tests/libvirt/run lets stock clients talk to.
 *
 *   relay LISTEN DAEMON URI DUMP|- [full] [domain=NAME:UUID:VERBS]... [call=MS]
 *         [stall=MS]
 *
 * Every octet that goes to a guest is appended to DUMP.  SIGUSR1 withdraws all
 * grants.  At SIGTERM the numbers of the service are printed.
 */
#include "backend/bus/address.h"
#include "backend/service/libvirt.h"
#include "backend/util/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct server {
	uv_loop_t loop;
	uv_poll_t accept;
	uv_signal_t term;
	uv_signal_t usr1;
	int listener;
	FILE *dump;
	struct libvirt_service *service;
	unsigned int connections;
};

struct guest {
	struct server *server;
	struct libvirt_link *link;
	int fd;
	uv_poll_t poll;
	uint8_t in[16384]; /* from the guest, not taken yet */
	size_t in_len, in_at;
	uint8_t out[16384]; /* to the guest, not sent yet */
	size_t out_len, out_at;
	bool ended;
	bool closing;
};

static void pump(struct guest *guest);

static void on_event(void *context)
{
	pump(context);
}

static void on_cut(void *context, enum libvirt_cut why);

static const struct libvirt_link_events link_events = {
	.cut = on_cut,
	.readable = on_event,
	.writable = on_event,
};

static void guest_closed(uv_handle_t *handle)
{
	struct guest *guest = handle->data;

	close(guest->fd);
	free(guest);
}

static void guest_close(struct guest *guest)
{
	if (guest->closing)
		return;
	guest->closing = true;
	libvirt_link_close(guest->link);
	uv_close((uv_handle_t *)&guest->poll, guest_closed);
}

static void on_cut(void *context, enum libvirt_cut why)
{
	guest_close(context);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	pump(poll->data);
}

/* Octets to the guest; false: it takes no more now, or is gone. */
static bool pump_to_guest(struct guest *guest)
{
	ssize_t n;

	if (guest->out_at == guest->out_len) {
		n = libvirt_link_read(guest->link, guest->out,
				      sizeof(guest->out));
		if (n < 0)
			guest->ended = true;
		if (n <= 0)
			return false;
		guest->out_at = 0;
		guest->out_len = (size_t)n;
		if (guest->server->dump)
			fwrite(guest->out, 1, guest->out_len,
			       guest->server->dump);
	}
	n = send(guest->fd, guest->out + guest->out_at,
		 guest->out_len - guest->out_at, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN)
		guest->ended = true;
	if (n > 0)
		guest->out_at += (size_t)n;
	return n > 0;
}

static bool pump_from_guest(struct guest *guest)
{
	size_t taken;
	ssize_t n;

	if (guest->in_at == guest->in_len) {
		n = recv(guest->fd, guest->in, sizeof(guest->in), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			guest->ended = true;
		if (n <= 0)
			return false;
		guest->in_at = 0;
		guest->in_len = (size_t)n;
	}
	taken = libvirt_link_write(guest->link, guest->in + guest->in_at,
				   guest->in_len - guest->in_at);
	guest->in_at += taken;
	return taken > 0;
}

static void pump(struct guest *guest)
{
	bool from = true, to = true;
	int events = 0;

	while (!guest->closing && !guest->ended && (from || to)) {
		from = pump_from_guest(guest);
		to = !guest->ended && pump_to_guest(guest);
	}
	if (guest->closing)
		return;
	if (guest->ended) {
		guest_close(guest);
		return;
	}
	if (guest->in_at == guest->in_len)
		events |= UV_READABLE;
	if (guest->out_at < guest->out_len)
		events |= UV_WRITABLE;
	if (events)
		uv_poll_start(&guest->poll, events, on_poll);
	else
		uv_poll_stop(&guest->poll);
}

static void on_accept(uv_poll_t *poll, int status, int events)
{
	struct server *server = poll->data;
	struct guest *guest;
	int fd = address_accept(server->listener);

	if (fd < 0)
		return;
	guest = calloc(1, sizeof(*guest));
	if (!guest)
		abort();
	server->connections++;
	guest->server = server;
	guest->fd = fd;
	uv_poll_init(&server->loop, &guest->poll, fd);
	guest->poll.data = guest;
	guest->link = libvirt_link_open(server->service, &link_events, guest);
	if (!guest->link)
		abort();
	pump(guest);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct server *server = signal->data;
	struct libvirt_filter_stats stats;
	struct libvirt_policy nothing;
	struct timespec cpu;

	if (number == SIGUSR1) {
		libvirt_policy_init(&nothing);
		libvirt_service_set_policy(server->service, &nothing);
		return;
	}
	libvirt_service_stats(server->service, &stats);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("connections %u calls %llu denied %llu replies %llu events %llu "
	       "hidden %llu daemon %lu cpu_us %llu\n",
	       server->connections, (unsigned long long)stats.calls,
	       (unsigned long long)stats.denied,
	       (unsigned long long)stats.replies,
	       (unsigned long long)stats.events,
	       (unsigned long long)stats.events_hidden, stats.daemon_version,
	       (unsigned long long)cpu.tv_sec * 1000000 +
		       (unsigned long long)cpu.tv_nsec / 1000);
	fflush(stdout);
	if (server->dump)
		fclose(server->dump);
	_exit(0);
}

static struct libvirt_service *make_service(struct server *server,
					    const char *daemon, const char *uri,
					    char **words)
{
	struct libvirt_service_config config = {.name = "test", .uri = uri};
	struct libvirt_policy policy;
	struct address address;
	char text[200];

	libvirt_policy_init(&policy);
	for (; *words; words++) {
		if (strcmp(*words, "full") == 0)
			policy.host_verbs = LIBVIRT_FULL;
		else if (strncmp(*words, "call=", 5) == 0)
			config.call_timeout_ms = (uint32_t)atoi(*words + 5);
		else if (strncmp(*words, "stall=", 6) == 0)
			config.stall_timeout_ms = (uint32_t)atoi(*words + 6);
		else if (strncmp(*words, "domain=", 7) != 0 ||
			 libvirt_policy_add_text(&policy, *words + 7))
			return NULL;
	}
	snprintf(text, sizeof(text), "unix:%s", daemon);
	if (address_parse(&address, text))
		return NULL;
	config.policy = &policy;
	config.target = char_target_socket(
		&server->loop, (struct sockaddr *)&address.name, address.len);
	server->service = libvirt_service_create(&server->loop, &config);
	libvirt_policy_fini(&policy);
	return server->service;
}

int main(int argc, char **argv)
{
	static struct server server;
	struct address address;
	char text[200];

	if (argc < 5)
		return 2;
	log_init("relay", LOG_LEVEL_INFO);
	uv_loop_init(&server.loop);
	snprintf(text, sizeof(text), "unix:%s", argv[1]);
	if (strcmp(argv[4], "-") != 0)
		server.dump = fopen(argv[4], "a");
	server.listener = address_parse(&address, text)
				  ? -1
				  : address_listen(&address, 0600);
	if (server.listener < 0 ||
	    !make_service(&server, argv[2], argv[3], argv + 5)) {
		fprintf(stderr, "relay: bad arguments\n");
		return 2;
	}
	uv_poll_init(&server.loop, &server.accept, server.listener);
	server.accept.data = &server;
	uv_poll_start(&server.accept, UV_READABLE, on_accept);
	uv_signal_init(&server.loop, &server.term);
	server.term.data = &server;
	uv_signal_start(&server.term, on_signal, SIGTERM);
	uv_signal_init(&server.loop, &server.usr1);
	server.usr1.data = &server;
	uv_signal_start(&server.usr1, on_signal, SIGUSR1);
	uv_run(&server.loop, UV_RUN_DEFAULT);
	return 0;
}
