/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netlink.h - requests to the kernel's routing netlink, one at a time.
 *
 * As much as a network of members needs; every request is acknowledged and
 * waited for, at most two seconds.
 */
#ifndef SERVICE_NETLINK_H
#define SERVICE_NETLINK_H

#include <stddef.h>
#include <stdint.h>

enum { NETLINK_MESSAGE_MAX = 1024 };

struct netlink_message {
	/* A struct nlmsghdr and what follows; aligned as it must be. */
	union {
		uint8_t data[NETLINK_MESSAGE_MAX];
		uint32_t align;
	};
	size_t len;
	int error; /* of the building: told by netlink_talk() */
};

/* A socket of the network namespace one is in, or a negative errno. */
int netlink_open(void);

/* type: RTM_*; flags: NLM_F_* besides REQUEST and ACK; header: what follows. */
void netlink_begin(struct netlink_message *message, uint16_t type,
		   uint16_t flags, const void *header, size_t len);
void netlink_put(struct netlink_message *message, uint16_t type,
		 const void *data, size_t len);
void netlink_put_u8(struct netlink_message *message, uint16_t type,
		    uint8_t value);
void netlink_put_u32(struct netlink_message *message, uint16_t type,
		     uint32_t value);
void netlink_put_text(struct netlink_message *message, uint16_t type,
		      const char *text);
/* Attributes until the end are inside of this one. */
size_t netlink_nest(struct netlink_message *message, uint16_t type);
void netlink_nest_end(struct netlink_message *message, size_t start);

/* Sends and waits: 0, or what the kernel says as a negative errno. */
int netlink_talk(int fd, struct netlink_message *message);

/*
 * The value of a link's u32 attribute (IFLA_*), or what it has not: -ENODATA,
 * -ENODEV.
 */
int netlink_link_u32(int fd, const char *name, uint16_t attribute,
		     uint32_t *value);
/* ... and its index: positive, or a negative errno. */
int netlink_link_index(int fd, const char *name);

#endif
