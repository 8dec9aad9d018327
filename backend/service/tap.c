// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tap.c - a member's TAP.
 *
 * The kernel hands a TAP's frames over one by one; they are read as long as
 * the function has room, and written as they come.  Nothing is queued here:
 * what the guest does not fetch waits in the TAP's own queue and is dropped
 * there, and a guest beyond its rate finds send() refusing until there are
 * tokens again, which leaves its transfers unanswered.
 *
 * The descriptor is watched only when somebody waits for it.
 */
#include "backend/service/tap.h"

#include "backend/util/list.h"
#include "backend/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	READ_TRIES = 64,       /* dropped frames before others get a turn */
	BURST_MIN = 64 * 1024, /* four blocks */
	RETRY_MAX_MS = 1000,
};

struct tap {
	struct frame_port port;
	uv_loop_t *loop;
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned int handles;
	int fd;
	bool up;
	bool gone; /* the TAP itself */
	bool link_told;
	bool wants_frame;
	bool wants_room;
	struct frame_policy policy;
	uint64_t rate;
	uint64_t burst;
	uint64_t tokens; /* octets, in thousandths */
	uint64_t refilled_ms;
	struct tap_counters counters;
};

static struct tap *tap_of(struct frame_port *port)
{
	return container_of(port, struct tap, port);
}

static bool is_up(const struct tap *tap)
{
	return tap->up && !tap->gone;
}

/* --- rate ----------------------------------------------------------------- */

static void set_rate(struct tap *tap, uint64_t rate, uint32_t burst)
{
	/* Beyond this nothing is limited, and numbers stay in range. */
	if (rate > UINT64_C(1) << 40)
		rate = 0;
	tap->rate = rate;
	tap->burst = burst ? burst : rate / 20;
	if (tap->burst < (burst ? FRAME_BUFFER : BURST_MIN))
		tap->burst = burst ? FRAME_BUFFER : BURST_MIN;
	tap->tokens = tap->burst * 1000;
	tap->refilled_ms = uv_now(tap->loop);
}

/* True if len octets may go now. */
static bool take_tokens(struct tap *tap, size_t len)
{
	uint64_t now_ms = uv_now(tap->loop);
	uint64_t passed_ms = now_ms - tap->refilled_ms;

	if (!tap->rate)
		return true;
	if (passed_ms > 100000)
		passed_ms = 100000;
	tap->tokens += passed_ms * tap->rate;
	if (tap->tokens > tap->burst * 1000)
		tap->tokens = tap->burst * 1000;
	tap->refilled_ms = now_ms;
	if (tap->tokens < len * 1000)
		return false;
	tap->tokens -= len * 1000;
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct tap *tap = timer->data;

	if (tap->link_told != is_up(tap)) {
		tap->link_told = is_up(tap);
		tap->port.events->link_changed(tap->port.context);
	}
	if (!tap->wants_room)
		return;
	tap->wants_room = false;
	tap->port.events->writable(tap->port.context);
}

static void wait_for_tokens(struct tap *tap, size_t len)
{
	uint64_t missing = len * 1000 - tap->tokens;
	uint64_t wait_ms = missing / tap->rate + 1;

	tap->wants_room = true;
	uv_timer_start(&tap->timer, on_timer,
		       wait_ms > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms, 0);
}

/* --- the TAP -------------------------------------------------------------- */

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct tap *tap)
{
	if (tap->wants_frame && is_up(tap))
		uv_poll_start(&tap->poll, UV_READABLE, on_poll);
	else
		uv_poll_stop(&tap->poll);
}

/* It came up or went down: told soon, and what waited for tokens is dropped. */
static void link_changed(struct tap *tap)
{
	watch(tap);
	uv_timer_start(&tap->timer, on_timer, 0, 0);
}

static void tap_is_gone(struct tap *tap)
{
	if (tap->gone)
		return;
	log_notice("a network's TAP is gone: its link is down");
	tap->gone = true;
	link_changed(tap);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct tap *tap = poll->data;

	if (status < 0) {
		tap_is_gone(tap);
		return;
	}
	tap->wants_frame = false;
	watch(tap);
	tap->port.events->readable(tap->port.context);
}

static bool tap_send(struct frame_port *port, uint8_t *frame, size_t len)
{
	struct tap *tap = tap_of(port);
	enum frame_verdict verdict;

	if (!is_up(tap)) {
		tap->counters.dropped_out[FRAME_LINK_DOWN]++;
		return true;
	}
	/* What is dropped below costs too: a flood of it is no way round. */
	if (!take_tokens(tap, len)) {
		wait_for_tokens(tap, len);
		return false;
	}
	verdict = frame_from_guest(&tap->policy, frame, &len);
	if (verdict == FRAME_PASS && write(tap->fd, frame, len) < 0)
		verdict = errno == EIO || errno == EBADFD ? FRAME_LINK_DOWN
							  : FRAME_NO_ROOM;
	if (verdict != FRAME_PASS) {
		tap->counters.dropped_out[verdict]++;
		return true;
	}
	tap->counters.frames_out++;
	tap->counters.octets_out += len;
	return true;
}

static size_t tap_receive(struct frame_port *port, uint8_t *frame)
{
	struct tap *tap = tap_of(port);

	for (int i = 0; i < READ_TRIES && is_up(tap); i++) {
		enum frame_verdict verdict;
		ssize_t got = read(tap->fd, frame, FRAME_BUFFER);
		size_t len = got > 0 ? (size_t)got : 0;

		if (got < 0) {
			if (errno != EAGAIN && errno != EINTR)
				tap_is_gone(tap);
			break;
		}
		verdict = frame_to_guest(&tap->policy, frame, &len);
		if (verdict == FRAME_PASS) {
			tap->counters.frames_in++;
			tap->counters.octets_in += len;
			return len;
		}
		tap->counters.dropped_in[verdict]++;
	}
	tap->wants_frame = true;
	watch(tap);
	return 0;
}

static void tap_unwanted(struct frame_port *port)
{
	struct tap *tap = tap_of(port);

	tap->counters.dropped_in[FRAME_UNWANTED]++;
}

static bool tap_link_up(const struct frame_port *port)
{
	return is_up(container_of(port, const struct tap, port));
}

static void on_closed(uv_handle_t *handle)
{
	struct tap *tap = handle->data;

	if (--tap->handles)
		return;
	close(tap->fd);
	free(tap);
}

static void tap_destroy(struct frame_port *port)
{
	struct tap *tap = tap_of(port);

	uv_close((uv_handle_t *)&tap->poll, on_closed);
	uv_close((uv_handle_t *)&tap->timer, on_closed);
}

static const struct frame_port_ops tap_ops = {
	.send = tap_send,
	.receive = tap_receive,
	.unwanted = tap_unwanted,
	.link_up = tap_link_up,
	.destroy = tap_destroy,
};

int tap_open(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd;

	if (strlen(name) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	strcpy(request.ifr_name, name);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	/* The guest computes its checksums and cuts its segments itself. */
	if (ioctl(fd, TUNSETIFF, &request) < 0 ||
	    ioctl(fd, TUNSETOFFLOAD, 0) < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	return fd;
}

struct frame_port *tap_create(uv_loop_t *loop, const struct tap_config *config)
{
	struct tap *tap = calloc(1, sizeof(*tap));

	/* Also makes it non-blocking. */
	if (!tap || uv_poll_init(loop, &tap->poll, config->fd)) {
		free(tap);
		close(config->fd);
		return NULL;
	}
	uv_timer_init(loop, &tap->timer);
	tap->handles = 2;
	tap->poll.data = tap;
	tap->timer.data = tap;
	tap->port.ops = &tap_ops;
	tap->loop = loop;
	tap->fd = config->fd;
	tap->up = config->up;
	tap->link_told = config->up;
	tap->policy = config->policy;
	set_rate(tap, config->rate, config->burst);
	return &tap->port;
}

void tap_set_policy(struct frame_port *port, const struct frame_policy *policy,
		    uint64_t rate, uint32_t burst)
{
	struct tap *tap = tap_of(port);

	tap->policy = *policy;
	set_rate(tap, rate, burst);
	if (tap->wants_room)
		uv_timer_start(&tap->timer, on_timer, 0, 0);
}

void tap_set_up(struct frame_port *port, bool up)
{
	struct tap *tap = tap_of(port);

	if (tap->up == up)
		return;
	tap->up = up;
	link_changed(tap);
}

void tap_get_counters(const struct frame_port *port,
		      struct tap_counters *counters)
{
	*counters = container_of(port, const struct tap, port)->counters;
}
