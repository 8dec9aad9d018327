// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device.c - the inside of a device process.
 *
 * The broker is trusted, its messages are checked all the same: a message that
 * is wrong means a broker of another build, and the process exits.  When the
 * socket ends, the broker is gone, and the process exits as well, leaving the
 * journal as it stands for its successor.
 *
 * Order of destruction: bus (and with it the devices and their functions),
 * then the services that functions borrow, then Xen's handles.
 */
#include "backend/daemon/device.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/daemon/device_audit.h"
#include "backend/daemon/device_limits.h"
#include "backend/daemon/device_make.h"
#include "backend/daemon/domain_id.h"
#include "backend/daemon/sandbox.h"
#include "backend/service/web.h"
#include "backend/util/log.h"

enum { HELLO_WAIT_MS = 10000 };

struct device {
	const struct device_bus *kind;
	uv_loop_t *loop;
	uv_poll_t poll;
	unsigned int open_handles;
	int socket;
	struct message_hello hello;
	char uuid[DOMAIN_UUID_TEXT_SIZE];
	void *handles;
	struct bus *bus;
	struct web_service_set *services;
	struct device_grants *grants;
	struct device_audit *audit;
};

/* Nothing more is read or done; the loop ends. */
static void device_leave(struct device *device)
{
	uv_poll_stop(&device->poll);
	uv_stop(device->loop);
}

static void answer(struct device *device, union message *message)
{
	int error =
		message_send(device->socket, message, -1, MESSAGE_FROM_DEVICE);

	if (error) {
		log_error("cannot answer the broker: %s", strerror(-error));
		device_leave(device);
	}
}

static void fault_send(struct device *device, enum message_fault_reason reason,
		       const char *detail)
{
	union message message = {.header.type = MESSAGE_FAULT};

	message.fault.reason = reason;
	for (size_t i = 0; detail[i] && i < MESSAGE_DETAIL_SIZE - 1; i++)
		message.fault.detail[i] =
			detail[i] >= ' ' && detail[i] <= '~' ? detail[i] : '?';
	answer(device, &message);
}

static void on_fault(void *context, const char *reason)
{
	fault_send(context, MESSAGE_FAULT_PROTOCOL, reason);
}

/*
 * --- requests of the broker: each returns 0 or a negative errno ---
 */

static int do_connect(struct device *device, const struct message_connect *wish)
{
	int error = device->kind->connect(device->bus, wish);

	if (error)
		fault_send(device, MESSAGE_FAULT_CONNECT, strerror(-error));
	return error;
}

static int do_plug(struct device *device, const struct message_plug *plug)
{
	struct usb_device *usb =
		device_make(plug->function, plug->name, device->services);
	int error;

	if (!usb)
		return -ENOMEM;
	error = bus_plug(device->bus, plug->port, usb);
	if (error)
		usb_device_destroy(usb);
	return error;
}

/* Reads a CA file that the broker made.  NULL: it is not what it should be. */
static char *ca_read(int fd, size_t *len)
{
	struct stat status;
	char *text;

	if (fstat(fd, &status) < 0 || status.st_size <= 0 ||
	    status.st_size > MESSAGE_MAX_CA_BYTES)
		return NULL;
	text = malloc((size_t)status.st_size);
	if (!text)
		return NULL;
	if (pread(fd, text, (size_t)status.st_size, 0) != status.st_size) {
		free(text);
		return NULL;
	}
	*len = (size_t)status.st_size;
	return text;
}

static int do_service_put(struct device *device,
			  const struct message_service *service, int fd)
{
	struct web_upstream_config upstreams[MESSAGE_MAX_UPSTREAMS];
	const char *addresses[MESSAGE_MAX_UPSTREAMS][MESSAGE_MAX_ADDRESSES];
	struct web_service_config config = {
		.name = service->name,
		.upstreams = upstreams,
		.upstream_count = service->upstream_count,
		.host_header =
			service->host_header[0] ? service->host_header : NULL,
		.connect_timeout_ms = service->connect_timeout_ms,
		.response_timeout_ms = service->response_timeout_ms,
		.idle_timeout_ms = service->idle_timeout_ms,
		.down_ms = service->retry_after_ms,
		.connection_max = service->connection_max,
		.body_max_bytes = service->body_max_bytes,
	};
	char *ca = NULL;
	int error;

	if (!device_grants_have(device->grants, service->name))
		return -EPERM;
	for (uint32_t i = 0; i < service->upstream_count; i++) {
		const struct message_upstream *upstream =
			&service->upstreams[i];

		for (uint32_t j = 0; j < upstream->address_count; j++)
			addresses[i][j] = upstream->addresses[j];
		upstreams[i].url = upstream->url;
		upstreams[i].addresses = addresses[i];
		upstreams[i].address_count = upstream->address_count;
	}
	if (service->ca) {
		ca = ca_read(fd, &config.ca_pem_len);
		if (!ca)
			return -EINVAL;
		config.ca_pem = ca;
	}
	error = web_service_set_put(device->services, &config);
	free(ca);
	return error;
}

static int request_do(struct device *device, const union message *message,
		      int fd)
{
	switch (message->header.type) {
	case MESSAGE_CONNECT:
		return do_connect(device, &message->connect);
	case MESSAGE_PLUG:
		return do_plug(device, &message->plug);
	case MESSAGE_UNPLUG:
		return bus_unplug(device->bus, message->unplug.port);
	case MESSAGE_SERVICE_PUT:
		return do_service_put(device, &message->service, fd);
	case MESSAGE_SERVICE_REMOVE:
		return device_grants_remove(device->grants, device->services,
					    message->service_remove.name);
	case MESSAGE_GRANT_PUT:
		return device_grants_put(device->grants, device->services,
					 &message->grant);
	case MESSAGE_DOMAIN_LIMITS:
		return device_limits_domain(device->services,
					    &message->domain_limits.limits);
	case MESSAGE_STOP:
		/* Lets go of the guest here, so that the ACK means it. */
		bus_destroy(device->bus);
		device->bus = NULL;
		device_audit_flush(device->audit);
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void request_handle(struct device *device, const union message *message,
			   int fd)
{
	union message reply = {0};

	reply.header.sequence = message->header.sequence;
	if (message->header.type == MESSAGE_STATS_GET) {
		reply.header.type = MESSAGE_STATS;
		device->kind->get_stats(device->bus, &reply.stats);
	} else if (message->header.type == MESSAGE_GRANT_STATS_GET) {
		reply.header.type = MESSAGE_GRANT_STATS;
		device_limits_stats(device->services,
				    message->grant_stats_get.name,
				    &reply.grant_stats);
	} else {
		reply.header.type = MESSAGE_ACK;
		reply.ack.error = request_do(device, message, fd);
		/* What the guest caused is said once, by the broker. */
		if (reply.ack.error && message->header.type != MESSAGE_CONNECT)
			log_warning("%s: %s",
				    message_type_name(message->header.type),
				    strerror(-reply.ack.error));
	}
	answer(device, &reply);
	if (message->header.type == MESSAGE_STOP)
		device_leave(device);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct device *device = poll->data;
	union message message;
	int fd, got;

	got = message_receive(device->socket, &message, &fd,
			      MESSAGE_FROM_BROKER);
	if (got == -EAGAIN)
		return;
	if (got <= 0) {
		if (got < 0)
			log_error("the broker's message is wrong: %s",
				  strerror(-got));
		device_leave(device);
		return;
	}
	if (device->bus)
		request_handle(device, &message, fd);
	if (fd >= 0)
		close(fd);
}

/* Waits for HELLO; its descriptor is the journal. */
static int hello_wait(struct device *device, int *journal_fd)
{
	struct pollfd wait = {.fd = device->socket, .events = POLLIN};
	union message message;
	int got;

	if (poll(&wait, 1, HELLO_WAIT_MS) <= 0)
		return -ETIMEDOUT;
	got = message_receive(device->socket, &message, journal_fd,
			      MESSAGE_FROM_BROKER);
	if (got <= 0)
		return got ? got : -EPIPE;
	if (message.header.type != MESSAGE_HELLO) {
		if (*journal_fd >= 0)
			close(*journal_fd);
		return -EPROTO;
	}
	device->hello = message.hello;
	return 0;
}

static void log_identify(const struct message_hello *hello)
{
	char prefix[64];

	snprintf(prefix, sizeof(prefix), "2virt-device[%u/%u]", hello->domid,
		 hello->devid);
	log_init(prefix, (enum log_level)hello->log_level);
}

static int services_make(struct device *device)
{
	const char *contact = device->hello.contact;
	struct web_service_set_config config = {
		.loop = device->loop,
		.domain_name = device->hello.domain_name,
		.domain_uuid = device->uuid,
		.contact = contact[0] ? contact : NULL,
		.audited = device_audit_add,
	};

	device->audit = device_audit_create(device->loop, device->socket);
	device->grants = device_grants_create();
	config.audit_context = device->audit;
	if (device->audit && device->grants)
		device->services = web_service_set_create(&config);
	return device->services ? 0 : -ENOMEM;
}

/* What services_make() made, as far as it came. */
static void services_unmake(struct device *device)
{
	if (device->services)
		web_service_set_destroy(device->services);
	device_grants_destroy(device->grants);
	device_audit_destroy(device->audit);
}

static void on_close(uv_handle_t *handle)
{
	struct device *device = handle->data;

	if (--device->open_handles == 0)
		free(device);
}

int device_start(uv_loop_t *loop, const struct device_bus *kind, int socket,
		 struct device **started)
{
	union message ready = {.header.type = MESSAGE_READY};
	struct device *device = calloc(1, sizeof(*device));
	pid_t broker = getppid();
	int journal_fd = -1;
	int error;

	if (!device)
		return -ENOMEM;
	device->loop = loop;
	device->kind = kind;
	device->socket = socket;
	error = hello_wait(device, &journal_fd);
	if (error) {
		log_error("no greeting from the broker: %s", strerror(-error));
		goto err_free;
	}
	log_identify(&device->hello);
	domain_uuid_text(device->hello.domain_uuid, device->uuid);
	error = kind->open(&device->hello, &device->handles);
	if (error)
		goto err_journal;
	/* Reads its configuration and random seed while there are files. */
	if (curl_global_init(CURL_GLOBAL_ALL)) {
		error = -ENOMEM;
		goto err_handles;
	}
	error = sandbox_enter(device->hello.uid, broker,
			      SANDBOX_CALLS_CORE | SANDBOX_CALLS_NETWORK |
				      kind->calls);
	if (error)
		goto err_handles;
	error = services_make(device);
	if (error)
		goto err_services;
	device->bus = kind->create(device->handles, loop, &device->hello,
				   journal_fd, on_fault, device);
	if (!device->bus) {
		error = -ENOMEM;
		goto err_services;
	}
	close(journal_fd);
	uv_poll_init(loop, &device->poll, socket);
	device->poll.data = device;
	device->open_handles = 1;
	uv_poll_start(&device->poll, UV_READABLE | UV_DISCONNECT, on_readable);
	ready.header.sequence = 1; /* answers HELLO */
	answer(device, &ready);
	*started = device;
	return 0;
err_services:
	services_unmake(device);
err_handles:
	kind->close(device->handles);
err_journal:
	close(journal_fd);
err_free:
	free(device);
	return error;
}

bool device_is_stopped(const struct device *device)
{
	return device->bus == NULL;
}

void device_destroy(struct device *device)
{
	bus_destroy(device->bus);
	device->bus = NULL;
	services_unmake(device);
	device->kind->close(device->handles);
	uv_close((uv_handle_t *)&device->poll, on_close);
	close(device->socket);
}
