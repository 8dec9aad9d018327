// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * message.c - codec of the messages between broker and device process.
 *
 * Both sides run the same checks on what they send and on what they get: a
 * table gives the sender, length and descriptor count of every type, and one
 * function per type looks at its fields.  Nothing is copied out of a datagram
 * before all of them have agreed.
 */
#include "backend/daemon/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/usbif.h"

/* Room for one more descriptor than is ever expected, to notice it. */
enum { FD_ROOM = MESSAGE_MAX_FDS + 1 };

static bool bytes_are_zero(const void *data, size_t len)
{
	const uint8_t *octets = data;

	for (size_t i = 0; i < len; i++)
		if (octets[i])
			return false;
	return true;
}

/* Ends inside its field, is zero after its end, and is printable ASCII. */
static bool string_valid(const char *field, size_t size)
{
	size_t len = strnlen(field, size);

	if (len == size)
		return false;
	for (size_t i = 0; i < len; i++)
		if (field[i] < ' ' || field[i] > '~')
			return false;
	return bytes_are_zero(field + len, size - len);
}

int message_name_valid(const char *name)
{
	size_t len = strnlen(name, MESSAGE_NAME_SIZE);

	if (len == 0 || len == MESSAGE_NAME_SIZE)
		return 0;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];
		bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

		if (!word && (i == 0 || !strchr("_-", c)))
			return 0;
	}
	return 1;
}

static bool name_field_valid(const char field[MESSAGE_NAME_SIZE])
{
	return string_valid(field, MESSAGE_NAME_SIZE) &&
	       message_name_valid(field);
}

static bool port_valid(uint32_t port)
{
	return port >= 1 && port <= USBIF_MAX_PORTS;
}

static bool hello_valid(const union message *message)
{
	const struct message_hello *hello = &message->hello;

	return hello->version == MESSAGE_VERSION && hello->domid != 0 &&
	       hello->domid < 0x7ff0 && hello->devid <= INT32_MAX &&
	       port_valid(hello->port_count) && hello->log_level <= 7 &&
	       hello->max_ring_order <= USBIF_MAX_RING_ORDER &&
	       hello->max_indirect_segments <= USBIF_MAX_INDIRECT_SEGMENTS &&
	       string_valid(hello->domain_name, sizeof(hello->domain_name)) &&
	       string_valid(hello->contact, sizeof(hello->contact));
}

static bool connect_valid(const union message *message)
{
	const struct message_connect *connect = &message->connect;
	size_t pages;

	if (connect->ring_order > USBIF_MAX_RING_ORDER)
		return false;
	pages = (size_t)1 << connect->ring_order;
	return connect->resume <= MESSAGE_RESUME_OR_FRESH &&
	       bytes_are_zero(connect->ring_refs + pages,
			      (MESSAGE_MAX_RING_PAGES - pages) *
				      sizeof(connect->ring_refs[0]));
}

static bool plug_valid(const union message *message)
{
	const struct message_plug *plug = &message->plug;

	return port_valid(plug->port) &&
	       plug->function >= MESSAGE_FUNCTION_WEB &&
	       plug->function <= MESSAGE_FUNCTION_DIAG &&
	       name_field_valid(plug->name);
}

static bool unplug_valid(const union message *message)
{
	return port_valid(message->unplug.port) &&
	       message->unplug.reserved == 0;
}

/* A number: a device process resolves no names. */
static bool address_valid(const char field[MESSAGE_ADDRESS_SIZE])
{
	struct in6_addr binary;

	return string_valid(field, MESSAGE_ADDRESS_SIZE) &&
	       (inet_pton(AF_INET, field, &binary) == 1 ||
		inet_pton(AF_INET6, field, &binary) == 1);
}

static bool upstream_valid(const struct message_upstream *upstream)
{
	uint32_t count = upstream->address_count;

	if (!upstream->url[0] ||
	    !string_valid(upstream->url, sizeof(upstream->url)) || count < 1 ||
	    count > MESSAGE_MAX_ADDRESSES)
		return false;
	for (uint32_t i = 0; i < MESSAGE_MAX_ADDRESSES; i++)
		if (i < count ? !address_valid(upstream->addresses[i])
			      : !bytes_are_zero(upstream->addresses[i],
						MESSAGE_ADDRESS_SIZE))
			return false;
	return true;
}

static bool service_valid(const union message *message)
{
	const struct message_service *service = &message->service;
	uint32_t count = service->upstream_count;

	if (!name_field_valid(service->name) ||
	    !string_valid(service->host_header, sizeof(service->host_header)) ||
	    service->ca > 1 || service->reserved != 0 || count < 1 ||
	    count > MESSAGE_MAX_UPSTREAMS)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!upstream_valid(&service->upstreams[i]))
			return false;
	return bytes_are_zero(service->upstreams + count,
			      (MESSAGE_MAX_UPSTREAMS - count) *
				      sizeof(service->upstreams[0]));
}

static bool service_remove_valid(const union message *message)
{
	return name_field_valid(message->service_remove.name);
}

static bool limits_valid(const struct message_limits *limits)
{
	return limits->priority < MESSAGE_PRIORITY_COUNT &&
	       limits->notify <= 1 &&
	       string_valid(limits->methods, sizeof(limits->methods)) &&
	       string_valid(limits->paths, sizeof(limits->paths));
}

static bool grant_valid(const union message *message)
{
	return name_field_valid(message->grant.name) &&
	       limits_valid(&message->grant.limits);
}

static bool domain_limits_valid(const union message *message)
{
	return limits_valid(&message->domain_limits.limits);
}

static bool record_valid(const struct message_audit_record *record)
{
	return record->status < 1000 && record->verdict < MESSAGE_VERDICTS &&
	       record->notify <= 1 && record->reserved == 0 &&
	       string_valid(record->service, sizeof(record->service)) &&
	       string_valid(record->method, sizeof(record->method)) &&
	       string_valid(record->path, sizeof(record->path));
}

static bool audit_valid(const union message *message)
{
	const struct message_audit *audit = &message->audit;
	uint32_t count = audit->count;

	if (count > MESSAGE_AUDIT_MAX || (!count && !audit->lost))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!record_valid(&audit->records[i]))
			return false;
	return bytes_are_zero(audit->records + count,
			      (MESSAGE_AUDIT_MAX - count) *
				      sizeof(audit->records[0]));
}

static bool grant_stats_get_valid(const union message *message)
{
	return name_field_valid(message->grant_stats_get.name);
}

static bool grant_stats_valid(const union message *message)
{
	return name_field_valid(message->grant_stats.name);
}

static bool plain_valid(const union message *message)
{
	return true;
}

static bool ack_valid(const union message *message)
{
	return message->ack.error <= 0 && message->ack.error > -4096 &&
	       message->ack.reserved == 0;
}

static bool fault_valid(const union message *message)
{
	const struct message_fault *fault = &message->fault;

	return fault->reason > MESSAGE_FAULT_NONE &&
	       fault->reason < MESSAGE_FAULT_COUNT && fault->reserved == 0 &&
	       string_valid(fault->detail, sizeof(fault->detail));
}

struct type_rule {
	uint16_t type;
	enum message_side from;
	size_t length;
	bool (*valid)(const union message *message);
	const char *name;
};

static const struct type_rule rules[] = {
	{MESSAGE_HELLO, MESSAGE_FROM_BROKER, sizeof(struct message_hello),
	 hello_valid, "HELLO"},
	{MESSAGE_CONNECT, MESSAGE_FROM_BROKER, sizeof(struct message_connect),
	 connect_valid, "CONNECT"},
	{MESSAGE_PLUG, MESSAGE_FROM_BROKER, sizeof(struct message_plug),
	 plug_valid, "PLUG"},
	{MESSAGE_UNPLUG, MESSAGE_FROM_BROKER, sizeof(struct message_unplug),
	 unplug_valid, "UNPLUG"},
	{MESSAGE_SERVICE_PUT, MESSAGE_FROM_BROKER,
	 sizeof(struct message_service), service_valid, "SERVICE_PUT"},
	{MESSAGE_SERVICE_REMOVE, MESSAGE_FROM_BROKER,
	 sizeof(struct message_service_remove), service_remove_valid,
	 "SERVICE_REMOVE"},
	{MESSAGE_STOP, MESSAGE_FROM_BROKER, sizeof(struct message_plain),
	 plain_valid, "STOP"},
	{MESSAGE_STATS_GET, MESSAGE_FROM_BROKER, sizeof(struct message_plain),
	 plain_valid, "STATS_GET"},
	{MESSAGE_GRANT_PUT, MESSAGE_FROM_BROKER, sizeof(struct message_grant),
	 grant_valid, "GRANT_PUT"},
	{MESSAGE_DOMAIN_LIMITS, MESSAGE_FROM_BROKER,
	 sizeof(struct message_domain_limits), domain_limits_valid,
	 "DOMAIN_LIMITS"},
	{MESSAGE_GRANT_STATS_GET, MESSAGE_FROM_BROKER,
	 sizeof(struct message_grant_stats_get), grant_stats_get_valid,
	 "GRANT_STATS_GET"},
	{MESSAGE_READY, MESSAGE_FROM_DEVICE, sizeof(struct message_plain),
	 plain_valid, "READY"},
	{MESSAGE_ACK, MESSAGE_FROM_DEVICE, sizeof(struct message_ack),
	 ack_valid, "ACK"},
	{MESSAGE_FAULT, MESSAGE_FROM_DEVICE, sizeof(struct message_fault),
	 fault_valid, "FAULT"},
	{MESSAGE_STATS, MESSAGE_FROM_DEVICE, sizeof(struct message_stats),
	 plain_valid, "STATS"},
	{MESSAGE_AUDIT, MESSAGE_FROM_DEVICE, sizeof(struct message_audit),
	 audit_valid, "AUDIT"},
	{MESSAGE_GRANT_STATS, MESSAGE_FROM_DEVICE,
	 sizeof(struct message_grant_stats), grant_stats_valid, "GRANT_STATS"},
};

static const struct type_rule *rule_find(unsigned int type)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].type == type)
			return &rules[i];
	return NULL;
}

const char *message_type_name(unsigned int type)
{
	const struct type_rule *rule = rule_find(type);

	return rule ? rule->name : "unknown";
}

const char *message_function_name(unsigned int function)
{
	switch (function) {
	case MESSAGE_FUNCTION_WEB:
		return "web";
	case MESSAGE_FUNCTION_DIAG:
		return "diag";
	default:
		return "unknown";
	}
}

const char *message_fault_name(unsigned int reason)
{
	static const char *const names[] = {
		"none",
		"protocol violation",
		"rings unusable",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == MESSAGE_FAULT_COUNT,
		      "a name for every reason");
	return reason < MESSAGE_FAULT_COUNT ? names[reason] : "unknown";
}

size_t message_length(unsigned int type)
{
	const struct type_rule *rule = rule_find(type);

	return rule ? rule->length : 0;
}

static unsigned int expected_fds(const union message *message)
{
	switch (message->header.type) {
	case MESSAGE_HELLO:
		return 1;
	case MESSAGE_SERVICE_PUT:
		return message->service.ca ? 1 : 0;
	default:
		return 0;
	}
}

int message_check(const void *data, size_t len, unsigned int fd_count,
		  enum message_side from)
{
	const struct type_rule *rule;
	union message message;

	if (len < sizeof(message.header) || len > sizeof(message))
		return -EPROTO;
	memcpy(&message, data, len);
	rule = rule_find(message.header.type);
	if (!rule || rule->from != from || rule->length != len ||
	    message.header.reserved != 0)
		return -EPROTO;
	if (!rule->valid(&message) || expected_fds(&message) != fd_count)
		return -EPROTO;
	return 0;
}

int message_send(int socket, const union message *message, int fd,
		 enum message_side from)
{
	size_t len = message_length(message->header.type);
	struct iovec iov = {.iov_base = (void *)message, .iov_len = len};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (message_check(message, len, fd < 0 ? 0 : 1, from))
		return -EPROTO;
	if (fd >= 0) {
		struct cmsghdr *cmsg;

		memset(&control, 0, sizeof(control));
		header.msg_control = control.space;
		header.msg_controllen = sizeof(control.space);
		cmsg = CMSG_FIRSTHDR(&header);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	return (size_t)sent == len ? 0 : -EIO;
}

/* Takes the descriptors out of a received header; how many there were. */
static unsigned int take_fds(struct msghdr *header, int fds[FD_ROOM])
{
	unsigned int count = 0;

	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg;
	     cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t len;

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		len = cmsg->cmsg_len - CMSG_LEN(0);
		for (size_t off = 0; len - off >= sizeof(int);
		     off += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + off, sizeof(fd));
			if (count < FD_ROOM)
				fds[count++] = fd;
			else
				close(fd);
		}
	}
	return count;
}

int message_receive(int socket, union message *message, int *fd,
		    enum message_side from)
{
	/* One octet more than the largest message, to notice a longer one. */
	uint8_t data[sizeof(union message) + 1];
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(FD_ROOM * sizeof(int))];
	} control;
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control.space,
				.msg_controllen = sizeof(control.space)};
	int fds[FD_ROOM] = {-1, -1};
	unsigned int fd_count;
	ssize_t got;

	*fd = -1;
	do {
		got = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got < 0) {
		/* A peer that died with unread messages resets the socket. */
		if (errno == ECONNRESET)
			return 0;
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	fd_count = take_fds(&header, fds);
	/* An empty datagram is indistinguishable from the end: both end it. */
	if (got == 0 && fd_count == 0)
		return 0;
	if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
	    message_check(data, (size_t)got, fd_count, from))
		goto err_close;
	memset(message, 0, sizeof(*message));
	memcpy(message, data, (size_t)got);
	*fd = fds[0];
	return 1;
err_close:
	for (unsigned int i = 0; i < fd_count; i++)
		close(fds[i]);
	return -EPROTO;
}
