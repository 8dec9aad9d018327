/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guest_store.c - XenStore as a fake domain, over its ring.
 *
 * One request at a time: the message goes into the request ring, the reply is
 * awaited; watch events that come in between are kept for
 * fake_guest_xs_event().  The wire format is xen/io/xs_wire.h.
 */
#include "tests/fake-xen/guest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/io/xs_wire.h>

#include "tests/fake-xen/core.h"
#include "tests/fake-xen/guest_internal.h"

#define REPLY_TIMEOUT_MS 10000

/*
 * --- the ring -------------------------------------------------------------
 */

/* Waits for xenstored to move; 0, -ETIMEDOUT or -EPIPE. */
static int store_wait(struct fake_guest *guest, int64_t deadline)
{
	int left = guest_left_ms(deadline);
	int rc;

	/* Wake up now and then to see whether xenstored is still there. */
	if (left < 0 || left > 200)
		left = 200;
	rc = fake_guest_wait(guest, guest->store_port, left);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (guest_left_ms(deadline) == 0)
		return -ETIMEDOUT;
	if (!fake_guest_port_bound(guest, guest->store_port))
		return -EPIPE;
	return 0;
}

static int ring_write(struct fake_guest *guest, const void *data, size_t len,
		      int64_t deadline)
{
	struct xenstore_domain_interface *ring = guest->store;
	const uint8_t *from = data;
	int rc;

	while (len > 0) {
		uint32_t prod = ring->req_prod;
		uint32_t cons =
			__atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE);
		uint32_t at = prod % XENSTORE_RING_SIZE;
		uint32_t room = XENSTORE_RING_SIZE - (prod - cons);

		if (prod - cons > XENSTORE_RING_SIZE)
			return -EIO;
		if (room > XENSTORE_RING_SIZE - at)
			room = XENSTORE_RING_SIZE - at;
		if (room > len)
			room = (uint32_t)len;
		if (room == 0) {
			rc = store_wait(guest, deadline);
			if (rc < 0)
				return rc;
			continue;
		}
		memcpy(ring->req + at, from, room);
		__atomic_store_n(&ring->req_prod, prod + room,
				 __ATOMIC_RELEASE);
		from += room;
		len -= room;
		rc = fake_guest_notify(guest, guest->store_port);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static bool ring_readable(const struct fake_guest *guest)
{
	return __atomic_load_n(&guest->store->rsp_prod, __ATOMIC_ACQUIRE) !=
	       guest->store->rsp_cons;
}

static int ring_read(struct fake_guest *guest, void *data, size_t len,
		     int64_t deadline)
{
	struct xenstore_domain_interface *ring = guest->store;
	uint8_t *to = data;
	int rc;

	while (len > 0) {
		uint32_t cons = ring->rsp_cons;
		uint32_t prod =
			__atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE);
		uint32_t at = cons % XENSTORE_RING_SIZE;
		uint32_t have = prod - cons;

		if (have > XENSTORE_RING_SIZE)
			return -EIO;
		if (have > XENSTORE_RING_SIZE - at)
			have = XENSTORE_RING_SIZE - at;
		if (have > len)
			have = (uint32_t)len;
		if (have == 0) {
			rc = store_wait(guest, deadline);
			if (rc < 0)
				return rc;
			continue;
		}
		memcpy(to, ring->rsp + at, have);
		__atomic_store_n(&ring->rsp_cons, cons + have,
				 __ATOMIC_RELEASE);
		to += have;
		len -= have;
		rc = fake_guest_notify(guest, guest->store_port);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* One whole message; the body is malloc'ed and has a NUL behind it. */
static int message_read(struct fake_guest *guest, struct xsd_sockmsg *header,
			char **body, int64_t deadline)
{
	int rc = ring_read(guest, header, sizeof(*header), deadline);

	if (rc < 0)
		return rc;
	if (header->len > XENSTORE_PAYLOAD_MAX)
		return -EIO;
	*body = malloc(header->len + 1);
	if (!*body)
		return -ENOMEM;
	rc = ring_read(guest, *body, header->len, deadline);
	if (rc < 0) {
		free(*body);
		return rc;
	}
	(*body)[header->len] = '\0';
	return 0;
}

/*
 * --- messages -------------------------------------------------------------
 */

static int event_keep(struct fake_guest *guest, const char *body, size_t len)
{
	struct guest_event *event, **link;
	size_t path_len = strlen(body);

	if (path_len >= len)
		return -EIO;
	event = calloc(1, sizeof(*event));
	if (!event)
		return -ENOMEM;
	event->path = strdup(body);
	event->token = strdup(body + path_len + 1);
	if (!event->path || !event->token) {
		free(event->path);
		free(event->token);
		free(event);
		return -ENOMEM;
	}
	for (link = &guest->events; *link; link = &(*link)->next)
		;
	*link = event;
	return 0;
}

static int error_number(const char *name)
{
	for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (!strcmp(xsd_errors[i].errstring, name))
			return xsd_errors[i].errnum;
	return EIO;
}

int fake_guest_xs_talk(struct fake_guest *guest, uint32_t type, uint32_t tx,
		       const void *body, size_t body_len, char **out,
		       size_t *out_len)
{
	int64_t deadline = guest_deadline_ms(REPLY_TIMEOUT_MS);
	struct xsd_sockmsg header = {.type = type,
				     .req_id = ++guest->store_request,
				     .tx_id = tx,
				     .len = (uint32_t)body_len};
	char *reply;
	int rc;

	if (guest->destroyed)
		return -ESRCH;
	if (!fake_guest_port_bound(guest, guest->store_port))
		return -EPIPE;
	rc = ring_write(guest, &header, sizeof(header), deadline);
	if (rc == 0)
		rc = ring_write(guest, body, body_len, deadline);
	while (rc == 0) {
		rc = message_read(guest, &header, &reply, deadline);
		if (rc < 0)
			break;
		if (header.type != XS_WATCH_EVENT)
			break;
		rc = event_keep(guest, reply, header.len);
		free(reply);
	}
	if (rc < 0)
		return rc;
	if (header.type == XS_ERROR)
		rc = -error_number(reply);
	else if (header.type != type || header.req_id != guest->store_request)
		rc = -EIO;
	if (rc < 0 || !out) {
		free(reply);
		return rc;
	}
	*out = reply;
	if (out_len)
		*out_len = header.len;
	return 0;
}

int fake_guest_xs_event(struct fake_guest *guest, char **path, char **token,
			int timeout_ms)
{
	int64_t deadline = guest_deadline_ms(timeout_ms);
	struct guest_event *event;
	struct xsd_sockmsg header;
	char *body;
	int rc;

	while (!guest->events) {
		if (!ring_readable(guest)) {
			rc = store_wait(guest, deadline);
			if (rc == -ETIMEDOUT)
				return 0;
			if (rc < 0)
				return rc;
			continue;
		}
		rc = message_read(guest, &header, &body,
				  guest_deadline_ms(REPLY_TIMEOUT_MS));
		if (rc < 0)
			return rc;
		rc = header.type == XS_WATCH_EVENT
			     ? event_keep(guest, body, header.len)
			     : -EIO;
		free(body);
		if (rc < 0)
			return rc;
	}
	event = guest->events;
	guest->events = event->next;
	*path = event->path;
	*token = event->token;
	free(event);
	return 1;
}

void guest_store_fini(struct fake_guest *guest)
{
	while (guest->events) {
		struct guest_event *event = guest->events;

		guest->events = event->next;
		free(event->path);
		free(event->token);
		free(event);
	}
}

/*
 * --- operations -----------------------------------------------------------
 */

/* A request of a path and what follows its NUL. */
static int talk_path(struct fake_guest *guest, uint32_t type, uint32_t tx,
		     const char *path, const void *data, size_t len, char **out,
		     size_t *out_len)
{
	char body[XENSTORE_PAYLOAD_MAX];
	size_t path_size = strlen(path) + 1;

	if (path_size > sizeof(body) || len > sizeof(body) - path_size)
		return -E2BIG;
	memcpy(body, path, path_size);
	if (len > 0)
		memcpy(body + path_size, data, len);
	return fake_guest_xs_talk(guest, type, tx, body, path_size + len, out,
				  out_len);
}

int fake_guest_xs_read(struct fake_guest *guest, uint32_t tx, const char *path,
		       char **out, size_t *len)
{
	return talk_path(guest, XS_READ, tx, path, NULL, 0, out, len);
}

int fake_guest_xs_write(struct fake_guest *guest, uint32_t tx, const char *path,
			const void *data, size_t len)
{
	return talk_path(guest, XS_WRITE, tx, path, data, len, NULL, NULL);
}

int fake_guest_xs_printf(struct fake_guest *guest, uint32_t tx,
			 const char *path, const char *format, ...)
{
	char text[256];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (len < 0 || len >= (int)sizeof(text))
		return -E2BIG;
	return fake_guest_xs_write(guest, tx, path, text, (size_t)len);
}

int fake_guest_xs_number(struct fake_guest *guest, uint32_t tx,
			 const char *path, unsigned long *out)
{
	char *text, *end;
	int rc = fake_guest_xs_read(guest, tx, path, &text, NULL);

	if (rc < 0)
		return rc;
	errno = 0;
	*out = strtoul(text, &end, 10);
	if (errno || end == text || *end)
		rc = -EINVAL;
	free(text);
	return rc;
}

int fake_guest_xs_mkdir(struct fake_guest *guest, uint32_t tx, const char *path)
{
	return talk_path(guest, XS_MKDIR, tx, path, NULL, 0, NULL, NULL);
}

int fake_guest_xs_rm(struct fake_guest *guest, uint32_t tx, const char *path)
{
	return talk_path(guest, XS_RM, tx, path, NULL, 0, NULL, NULL);
}

int fake_guest_xs_directory(struct fake_guest *guest, uint32_t tx,
			    const char *path, char ***out, unsigned *count)
{
	char *names, **list, *text;
	size_t len;
	unsigned n = 0;
	int rc =
		talk_path(guest, XS_DIRECTORY, tx, path, NULL, 0, &names, &len);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < len; i++)
		n += names[i] == '\0';
	list = malloc(n * sizeof(*list) + len + 1);
	if (!list) {
		free(names);
		return -ENOMEM;
	}
	text = (char *)(list + n);
	memcpy(text, names, len);
	free(names);
	for (unsigned i = 0; i < n; i++, text += strlen(text) + 1)
		list[i] = text;
	*out = list;
	*count = n;
	return 0;
}

int fake_guest_xs_get_permissions(struct fake_guest *guest, uint32_t tx,
				  const char *path, struct xs_permissions **out,
				  unsigned *count)
{
	struct xs_permissions *perms;
	char *body;
	size_t len;
	unsigned n = 0;
	int rc = talk_path(guest, XS_GET_PERMS, tx, path, NULL, 0, &body, &len);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < len; i++)
		n += body[i] == '\0';
	perms = calloc(n ? n : 1, sizeof(*perms));
	if (!perms) {
		free(body);
		return -ENOMEM;
	}
	for (char *at = body, i = 0; (unsigned)i < n; at += strlen(at) + 1) {
		perms[(unsigned)i].id = (unsigned)atoi(at + 1);
		perms[(unsigned)i].perms =
			*at == 'r'   ? XS_PERM_READ
			: *at == 'w' ? XS_PERM_WRITE
			: *at == 'b' ? XS_PERM_READ | XS_PERM_WRITE
				     : XS_PERM_NONE;
		i++;
	}
	free(body);
	*out = perms;
	*count = n;
	return 0;
}

int fake_guest_xs_set_permissions(struct fake_guest *guest, uint32_t tx,
				  const char *path,
				  const struct xs_permissions *perms,
				  unsigned count)
{
	char text[1024];
	size_t len = 0;

	for (unsigned i = 0; i < count; i++) {
		int bits = perms[i].perms & (XS_PERM_READ | XS_PERM_WRITE);
		char letter = bits == XS_PERM_NONE    ? 'n'
			      : bits == XS_PERM_READ  ? 'r'
			      : bits == XS_PERM_WRITE ? 'w'
						      : 'b';

		if (sizeof(text) - len < 16)
			return -E2BIG;
		len += (size_t)sprintf(text + len, "%c%u", letter,
				       perms[i].id) +
		       1;
	}
	return talk_path(guest, XS_SET_PERMS, tx, path, text, len, NULL, NULL);
}

/* A path and a token, both with their NUL. */
int fake_guest_xs_watch(struct fake_guest *guest, const char *path,
			const char *token)
{
	return talk_path(guest, XS_WATCH, 0, path, token, strlen(token) + 1,
			 NULL, NULL);
}

int fake_guest_xs_unwatch(struct fake_guest *guest, const char *path,
			  const char *token)
{
	return talk_path(guest, XS_UNWATCH, 0, path, token, strlen(token) + 1,
			 NULL, NULL);
}

int fake_guest_xs_transaction_start(struct fake_guest *guest, uint32_t *tx)
{
	char *text;
	int rc = talk_path(guest, XS_TRANSACTION_START, 0, "", NULL, 0, &text,
			   NULL);

	if (rc < 0)
		return rc;
	*tx = (uint32_t)strtoul(text, NULL, 10);
	free(text);
	return 0;
}

int fake_guest_xs_transaction_end(struct fake_guest *guest, uint32_t tx,
				  bool abort)
{
	return talk_path(guest, XS_TRANSACTION_END, tx, abort ? "F" : "T", NULL,
			 0, NULL, NULL);
}
