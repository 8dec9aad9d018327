// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * netlink.c - requests to the kernel's routing netlink, one at a time.
 */
#include "backend/service/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { ANSWER_MAX = 32 * 1024, PATIENCE_S = 2 };

int netlink_open(void)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const int one = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	/* Our request need not come back with an error. */
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	return fd;
}

static struct nlmsghdr *header_of(struct netlink_message *message)
{
	return (struct nlmsghdr *)(void *)message->data;
}

/* Room for len octets at the end, zeroed up to the alignment. */
static void *extend(struct netlink_message *message, size_t len)
{
	size_t at = NLMSG_ALIGN(message->len);

	if (at > sizeof(message->data) || len > sizeof(message->data) - at) {
		message->error = -EMSGSIZE;
		return NULL;
	}
	memset(message->data + message->len, 0, at + len - message->len);
	message->len = at + len;
	header_of(message)->nlmsg_len = (uint32_t)message->len;
	return message->data + at;
}

void netlink_begin(struct netlink_message *message, uint16_t type,
		   uint16_t flags, const void *header, size_t len)
{
	struct nlmsghdr *nlmsg;
	void *at;

	message->len = 0;
	message->error = 0;
	nlmsg = extend(message, sizeof(*nlmsg));
	nlmsg->nlmsg_type = type;
	nlmsg->nlmsg_flags = flags | NLM_F_REQUEST | NLM_F_ACK;
	at = extend(message, len);
	if (at)
		memcpy(at, header, len);
}

void netlink_put(struct netlink_message *message, uint16_t type,
		 const void *data, size_t len)
{
	struct rtattr *attribute = extend(message, RTA_LENGTH(len));

	if (!attribute)
		return;
	attribute->rta_type = type;
	attribute->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attribute), data, len);
}

void netlink_put_u8(struct netlink_message *message, uint16_t type,
		    uint8_t value)
{
	netlink_put(message, type, &value, sizeof(value));
}

void netlink_put_u32(struct netlink_message *message, uint16_t type,
		     uint32_t value)
{
	netlink_put(message, type, &value, sizeof(value));
}

void netlink_put_text(struct netlink_message *message, uint16_t type,
		      const char *text)
{
	netlink_put(message, type, text, strlen(text) + 1);
}

size_t netlink_nest(struct netlink_message *message, uint16_t type)
{
	size_t start = NLMSG_ALIGN(message->len);

	netlink_put(message, type, NULL, 0);
	return start;
}

void netlink_nest_end(struct netlink_message *message, size_t start)
{
	struct rtattr *attribute;

	if (message->error)
		return;
	attribute = (struct rtattr *)(void *)(message->data + start);
	attribute->rta_len = (uint16_t)(message->len - start);
}

static int send_message(int fd, struct netlink_message *message)
{
	static uint32_t sequence;
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (message->error)
		return message->error;
	header_of(message)->nlmsg_seq = ++sequence;
	if (sendto(fd, message->data, message->len, 0,
		   (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/*
 * Reads until the acknowledgement; what comes before it is handed to each(),
 * which may be NULL.
 */
static int receive(int fd, uint32_t sequence,
		   void (*each)(const struct nlmsghdr *answer, void *context),
		   void *context)
{
	static union {
		uint8_t data[ANSWER_MAX];
		struct nlmsghdr align;
	} buffer;

	for (;;) {
		ssize_t got = recv(fd, buffer.data, sizeof(buffer.data), 0);
		const struct nlmsghdr *at = &buffer.align;
		size_t left = got > 0 ? (size_t)got : 0;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		for (; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
			/* Late words for a request that was given up. */
			if (at->nlmsg_seq != sequence)
				continue;
			if (at->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)NLMSG_DATA(at))
					->error;
			if (each)
				each(at, context);
		}
	}
}

int netlink_talk(int fd, struct netlink_message *message)
{
	int error = send_message(fd, message);

	return error ? error
		     : receive(fd, header_of(message)->nlmsg_seq, NULL, NULL);
}

struct link_answer {
	uint16_t attribute; /* 0: none */
	int index;
	uint32_t value;
	int found;
};

static void take_link(const struct nlmsghdr *answer, void *context)
{
	struct link_answer *link = context;
	const struct ifinfomsg *info = NLMSG_DATA(answer);
	const struct rtattr *at = IFLA_RTA(info);
	size_t left = answer->nlmsg_len;

	if (answer->nlmsg_type != RTM_NEWLINK ||
	    left < NLMSG_LENGTH(sizeof(*info)))
		return;
	left -= NLMSG_LENGTH(sizeof(*info));
	link->index = info->ifi_index;
	for (; RTA_OK(at, left); at = RTA_NEXT(at, left))
		if (at->rta_type == link->attribute &&
		    RTA_PAYLOAD(at) == sizeof(link->value)) {
			memcpy(&link->value, RTA_DATA(at), sizeof(link->value));
			link->found = 1;
		}
}

static int ask_link(int fd, const char *name, struct link_answer *link)
{
	const struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct netlink_message message;
	int error;

	netlink_begin(&message, RTM_GETLINK, 0, &info, sizeof(info));
	netlink_put_text(&message, IFLA_IFNAME, name);
	error = send_message(fd, &message);
	if (!error)
		error = receive(fd, header_of(&message)->nlmsg_seq, take_link,
				link);
	return error;
}

int netlink_link_u32(int fd, const char *name, uint16_t attribute,
		     uint32_t *value)
{
	struct link_answer link = {.attribute = attribute};
	int error = ask_link(fd, name, &link);

	if (error)
		return error;
	if (!link.found)
		return -ENODATA;
	*value = link.value;
	return 0;
}

int netlink_link_index(int fd, const char *name)
{
	struct link_answer link = {.attribute = 0};
	int error = ask_link(fd, name, &link);

	return error ? error : link.index ? link.index : -ENODEV;
}
