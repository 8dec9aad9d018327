// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest.c - the daemon: what is plugged in, offered and shown.
 *
 * Each scan is compared with what is known: what has gone is unplugged, what
 * is new becomes a function, and a function that is ready is offered on its
 * sockets.  A device that was dropped for its behaviour stays known, without a
 * function, until it is pulled; one that could not be opened (another program
 * has it, its node is not there yet) is tried again with growing pauses.
 *
 * Of two devices with one name the first is offered; the other takes over
 * when it goes, as happens when a crashed device is plugged anew.
 */
#include "guest.h"

#include "discover.h"
#include "function.h"
#include "log.h"
#include "offer.h"
#include "port-libusb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RETRY_FIRST_MS = 500, RETRY_MAX_MS = 30000 };

struct plugged {
	struct guest *guest;
	struct location location;
	struct function *function; /* NULL: dropped, or to be tried again */
	struct offer *offer;
	bool ready;
	bool seen;	   /* by the scan that is going on */
	uint64_t retry_ms; /* loop time; 0: not to be tried again */
	uint64_t retry_pause_ms;
};

struct guest {
	uv_loop_t *loop;
	struct settings settings;
	struct port_libusb_context *usb;
	struct discover *discover;
	struct listener *control;
	uv_timer_t retry;
	bool stopping;
	struct plugged *plugged[DISCOVER_MAX];
	size_t plugged_count;
};

static void retry_set(struct guest *guest);
static void offers_update(struct guest *guest);

/* Functions */

static void function_ready(void *context, struct function *function)
{
	struct plugged *plugged = context;
	const struct function_name *name = function_name(function);

	plugged->ready = true;
	plugged->retry_pause_ms = 0;
	log_notice("%s: %s:%s plugged in", plugged->location.interface,
		   name->type, name->name);
	offers_update(plugged->guest);
}

static void function_freed(void *context, struct function *function)
{
	struct plugged *plugged = context;

	if (plugged->offer)
		offer_serve(plugged->offer);
}

static void function_opened(void *context, struct function *function,
			    unsigned int pipe)
{
	struct plugged *plugged = context;

	if (plugged->offer)
		offer_opened(plugged->offer, pipe);
	else
		function_attach(function, pipe, -1);
}

static void function_ended(void *context, struct function *function, int error)
{
	struct plugged *plugged = context;
	struct guest *guest = plugged->guest;

	offer_destroy(plugged->offer);
	plugged->offer = NULL;
	plugged->function = NULL;
	plugged->ready = false;
	if (guest->stopping)
		return;
	if (error != -EPROTO) {
		/* If it is gone indeed, a scan finds that first. */
		if (error && plugged->retry_pause_ms == 0)
			log_warning("%s: cannot be opened: %s, trying again",
				    plugged->location.interface,
				    strerror(-error));
		plugged->retry_pause_ms = plugged->retry_pause_ms
						  ? plugged->retry_pause_ms * 2
						  : RETRY_FIRST_MS;
		if (plugged->retry_pause_ms > RETRY_MAX_MS)
			plugged->retry_pause_ms = RETRY_MAX_MS;
		plugged->retry_ms =
			uv_now(guest->loop) + plugged->retry_pause_ms;
		retry_set(guest);
	}
	offers_update(guest);
}

static const struct function_owner_ops function_ops = {
	.ready = function_ready,
	.freed = function_freed,
	.opened = function_opened,
	.over = function_ended,
};

static bool same_name(const struct plugged *a, const struct plugged *b)
{
	const struct function_name *x = function_name(a->function);
	const struct function_name *y = function_name(b->function);

	return strcmp(x->type, y->type) == 0 && strcmp(x->name, y->name) == 0;
}

/* Offers what is ready and whose name nobody else has. */
static void offers_update(struct guest *guest)
{
	for (size_t i = 0; i < guest->plugged_count; i++) {
		struct plugged *plugged = guest->plugged[i];
		bool taken = false;

		if (!plugged->ready || plugged->offer)
			continue;
		for (size_t k = 0; k < guest->plugged_count; k++)
			if (guest->plugged[k]->offer &&
			    same_name(guest->plugged[k], plugged))
				taken = true;
		if (!taken &&
		    offer_create(&plugged->offer, guest->loop,
				 plugged->function, &guest->settings) == 0)
			offer_serve(plugged->offer);
	}
}

static void plugged_start(struct plugged *plugged)
{
	struct guest *guest = plugged->guest;
	const struct location *location = &plugged->location;
	struct port *port;

	plugged->retry_ms = 0;
	port = port_libusb_create(guest->usb, location->device,
				  location->configuration, location->number);
	if (port)
		plugged->function =
			function_create(guest->loop, port, location->interface,
					NULL, &function_ops, plugged);
	if (!plugged->function)
		function_ended(plugged, NULL, -ENOMEM);
}

/* Scans */

static void plugged_add(struct guest *guest, const struct location *location)
{
	struct plugged *plugged;

	if (guest->plugged_count == DISCOVER_MAX)
		return;
	plugged = calloc(1, sizeof(*plugged));
	if (!plugged)
		return;
	plugged->guest = guest;
	plugged->location = *location;
	plugged->seen = true;
	guest->plugged[guest->plugged_count++] = plugged;
	plugged_start(plugged);
}

static void plugged_remove(struct guest *guest, size_t index)
{
	struct plugged *plugged = guest->plugged[index];

	log_notice("%s: unplugged", plugged->location.interface);
	if (plugged->function)
		function_unplug(plugged->function);
	guest->plugged[index] = guest->plugged[--guest->plugged_count];
	free(plugged);
}

static void scan(void *context)
{
	struct guest *guest = context;
	struct location found[DISCOVER_MAX];
	size_t count = discover_scan("/sys", found, DISCOVER_MAX);

	for (size_t i = guest->plugged_count; i-- > 0;) {
		bool seen = false;

		for (size_t k = 0; k < count && !seen; k++)
			seen = location_equal(&guest->plugged[i]->location,
					      &found[k]);
		if (!seen)
			plugged_remove(guest, i);
	}
	for (size_t k = 0; k < count; k++) {
		bool known = false;

		for (size_t i = 0; i < guest->plugged_count && !known; i++)
			known = location_equal(&guest->plugged[i]->location,
					       &found[k]);
		if (!known && found[k].sure)
			plugged_add(guest, &found[k]);
	}
}

static void retry_cb(uv_timer_t *timer)
{
	struct guest *guest = timer->data;
	uint64_t now_ms = uv_now(guest->loop);

	scan(guest);
	for (size_t i = 0; i < guest->plugged_count; i++)
		if (guest->plugged[i]->retry_ms &&
		    guest->plugged[i]->retry_ms <= now_ms)
			plugged_start(guest->plugged[i]);
	retry_set(guest);
}

static void retry_set(struct guest *guest)
{
	uint64_t now_ms = uv_now(guest->loop);
	uint64_t next_ms = 0;

	for (size_t i = 0; i < guest->plugged_count; i++) {
		uint64_t retry_ms = guest->plugged[i]->retry_ms;

		if (retry_ms && (!next_ms || retry_ms < next_ms))
			next_ms = retry_ms;
	}
	if (next_ms)
		uv_timer_start(&guest->retry, retry_cb,
			       next_ms > now_ms ? next_ms - now_ms : 1, 0);
	else
		uv_timer_stop(&guest->retry);
}

/* Control socket */

static void peer_fill(const struct function_peer *peer, struct status_row *row)
{
	/* Neither a blank nor a tab is in a name (function.c). */
	if (peer->known)
		snprintf(row->peer, sizeof(row->peer), "%s %s %.60s",
			 peer->uuid, peer->present ? "there" : "absent",
			 peer->name[0] ? peer->name : "?");
}

static void row_fill(const struct plugged *plugged, struct status_row *row,
		     const struct settings *settings)
{
	struct function_stats stats = {0};

	memset(row, 0, sizeof(*row));
	strcpy(row->type, "-");
	strcpy(row->name, "-");
	strcpy(row->socket, "-");
	strcpy(row->peer, "-");
	strcpy(row->location, plugged->location.interface);
	strcpy(row->device, plugged->location.device);
	strcpy(row->state, plugged->offer      ? "ready"
			   : plugged->ready    ? "hidden"
			   : plugged->function ? "starting"
			   : plugged->retry_ms ? "waiting"
					       : "dropped");
	if (!plugged->function)
		return;
	function_stats(plugged->function, &stats);
	row->pipes = stats.pipes;
	row->pipes_used = stats.pipes_used;
	row->bytes_in = stats.bytes_in;
	row->bytes_out = stats.bytes_out;
	if (!plugged->ready)
		return;
	strcpy(row->type, function_name(plugged->function)->type);
	strcpy(row->name, function_name(plugged->function)->name);
	peer_fill(function_peer(plugged->function), row);
	if (plugged->offer)
		name_socket_path(function_name(plugged->function),
				 settings->runtime_dir, row->socket,
				 sizeof(row->socket));
}

/* All that is to be said fits a socket's buffer: nobody is waited for. */
static void control_answer(struct guest *guest, int fd)
{
	char text[32 * 1024] = STATUS_HEAD;
	size_t len = strlen(text);

	for (size_t i = 0; i < guest->plugged_count; i++) {
		struct status_row row;
		int n;

		row_fill(guest->plugged[i], &row, &guest->settings);
		n = status_row_write(&row, text + len, sizeof(text) - len);
		if (n < 0)
			break;
		len += (size_t)n;
	}
	if (send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("a client went away");
	close(fd);
}

static void control_pending(void *context)
{
	struct guest *guest = context;
	int fd;

	while ((fd = listener_accept(guest->control)) >= 0)
		control_answer(guest, fd);
	listener_resume(guest->control);
}

/* Start and end */

int guest_create(struct guest **result, uv_loop_t *loop,
		 const struct settings *settings)
{
	/* Who may see what is there is not who may use it. */
	const struct listener_access access = {.mode = 0666,
					       .group = (gid_t)-1};
	struct guest *guest = calloc(1, sizeof(*guest));
	char path[sizeof(settings->runtime_dir) + sizeof(GUEST_CONTROL_NAME)];
	int rc = -ENOMEM;

	if (!guest)
		return -ENOMEM;
	guest->loop = loop;
	guest->settings = *settings;
	uv_timer_init(loop, &guest->retry);
	guest->retry.data = guest;
	guest->usb = port_libusb_init(loop);
	if (!guest->usb)
		goto err;
	guest->discover = discover_create(loop, scan, guest);
	if (!guest->discover)
		goto err;
	snprintf(path, sizeof(path), "%s/" GUEST_CONTROL_NAME,
		 settings->runtime_dir);
	rc = listener_create_unix(&guest->control, loop, path, &access,
				  control_pending, guest);
	if (rc) {
		log_error("cannot listen on %s: %s", path, strerror(-rc));
		goto err;
	}
	scan(guest);
	*result = guest;
	return 0;

err:
	guest_stop(guest);
	uv_run(loop, UV_RUN_DEFAULT);
	guest_free(guest);
	return rc;
}

void guest_stop(struct guest *guest)
{
	if (guest->stopping)
		return;
	guest->stopping = true;
	listener_destroy(guest->control);
	discover_destroy(guest->discover);
	uv_close((uv_handle_t *)&guest->retry, NULL);
	for (size_t i = 0; i < guest->plugged_count; i++)
		if (guest->plugged[i]->function)
			function_unplug(guest->plugged[i]->function);
}

void guest_free(struct guest *guest)
{
	for (size_t i = 0; i < guest->plugged_count; i++)
		free(guest->plugged[i]);
	port_libusb_fini(guest->usb);
	uv_run(guest->loop, UV_RUN_DEFAULT);
	free(guest);
}

/* Without a daemon */

static void name_look(const struct location *location, struct status_row *row)
{
	char path[160], text[128];
	struct function_name name;
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%.31s/interface",
		 location->interface);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text));
		close(fd);
	}
	while (n > 0 && text[n - 1] == '\n')
		n--;
	strcpy(row->type, "-");
	strcpy(row->name, "-");
	if (n > 0 && name_parse(&name, text, (size_t)n) == 0) {
		strcpy(row->type, name.type);
		strcpy(row->name, name.name);
	}
}

size_t guest_look(struct status_row *rows, size_t max)
{
	struct location found[DISCOVER_MAX];
	size_t count = discover_scan("/sys", found, DISCOVER_MAX);
	size_t n = 0;

	for (size_t i = 0; i < count && n < max; i++) {
		struct status_row *row = &rows[n];

		if (!found[i].sure)
			continue;
		memset(row, 0, sizeof(*row));
		name_look(&found[i], row);
		strcpy(row->location, found[i].interface);
		strcpy(row->device, found[i].device);
		strcpy(row->state, "unused");
		strcpy(row->socket, "-");
		strcpy(row->peer, "-");
		n++;
	}
	return n;
}
