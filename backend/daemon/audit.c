// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * audit.c - one line for each decision.
 *
 * A line is put together in a buffer and written with one write(2): lines of a
 * file never mix, and a partly written one is followed by a fresh line.  What
 * guests say in it (paths, methods, names) is escaped.
 */
#include "backend/daemon/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backend/util/log.h"

enum {
	LINE_SIZE = 2048,
	GUEST_PER_S = 20, /* lines of requests, after a burst */
	GUEST_BURST = 200,
};

struct audit {
	int fd;
	char *path;  /* NULL: the journal */
	bool broken; /* the end of a line may be missing */
	uint64_t lost_unsaid;
	struct audit_totals totals;
	void (*follow)(void *context, const char *line);
	void *context;
};

struct line {
	char text[LINE_SIZE];
	size_t len;
};

/* What does not fit is left out; a reserve is kept for the end. */
static void line_put(struct line *line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void line_put(struct line *line, const char *format, ...)
{
	size_t room = LINE_SIZE - 8 - line->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line->text + line->len, room, format, args);
	va_end(args);
	if (len > 0 && (size_t)len < room)
		line->len += (size_t)len;
	line->text[line->len] = '\0';
}

/* ,"key":"value" with the value escaped, at most 300 octets of it. */
static void line_text(struct line *line, const char *key, const char *value)
{
	char escaped[6 * 300 + 1];
	size_t len = 0;

	if (!value)
		return;
	for (size_t i = 0; value[i] && i < 300; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '"' || c == '\\') {
			escaped[len++] = '\\';
			escaped[len++] = (char)c;
		} else if (c < ' ' || c > '~') {
			len += (size_t)snprintf(escaped + len, 7, "\\u%04x", c);
		} else {
			escaped[len++] = (char)c;
		}
	}
	escaped[len] = '\0';
	line_put(line, ",\"%s\":\"%s\"", key, escaped);
}

static void line_begin(struct line *line, const char *event,
		       const struct audit_who *who)
{
	struct timespec now;
	struct tm utc;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	line->len = 0;
	line_put(line, "{\"time\":\"%s.%03ldZ\",\"event\":\"%s\"", text,
		 now.tv_nsec / 1000000, event);
	if (!who)
		return;
	line_text(line, "domain", who->domain);
	line_text(line, "uuid", who->uuid);
	line_put(line, ",\"domid\":%" PRIu32, who->domid);
}

static void line_service(struct line *line, const char *type, const char *name)
{
	char service[96];

	if (!name)
		return;
	snprintf(service, sizeof(service), "%s:%s", type ? type : "web", name);
	line_text(line, "service", service);
}

/* 0 or a negative errno. */
static int line_write(struct audit *audit, const struct line *line)
{
	char out[LINE_SIZE + 32];
	int len = snprintf(out, sizeof(out), "%s%s%s\n",
			   audit->broken ? "\n" : "",
			   audit->path ? "" : "<5>2virtd audit: ", line->text);
	ssize_t put = write(audit->fd, out, (size_t)len);

	if (put == len) {
		audit->broken = false;
		return 0;
	}
	audit->broken = put > 0;
	return put < 0 ? -errno : -EIO;
}

static void lost_tell(struct audit *audit)
{
	struct line line;
	uint64_t lost = audit->lost_unsaid;

	line_begin(&line, "lost", NULL);
	line_put(&line, ",\"count\":%" PRIu64 "}", lost);
	if (line_write(audit, &line) == 0)
		audit->lost_unsaid -= lost;
}

static void line_send(struct audit *audit, const struct line *line)
{
	static struct log_limit limit = LOG_LIMIT_INIT(3, 60000);
	int error = 0;

	if (audit->follow)
		audit->follow(audit->context, line->text);
	if (audit->lost_unsaid)
		lost_tell(audit);
	if (!audit->lost_unsaid)
		error = line_write(audit, line);
	if (!audit->lost_unsaid && !error) {
		audit->totals.lines++;
		return;
	}
	audit->lost_unsaid++;
	audit->totals.lost++;
	log_limited(&limit, LOG_LEVEL_ERROR, "%s: lines are lost: %s",
		    audit->path ? audit->path : "audit",
		    strerror(error ? -error : EIO));
}

static void line_end(struct audit *audit, struct line *line)
{
	line->text[line->len++] = '}';
	line->text[line->len] = '\0';
	line_send(audit, line);
}

/*
 * --- what is told ---
 */

void audit_line(struct audit *audit, const char *json)
{
	struct line line;

	if (!audit)
		return;
	snprintf(line.text, sizeof(line.text), "%s", json);
	line.len = strlen(line.text);
	line_send(audit, &line);
}

const char *audit_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
		"allowed",	 "no-grant", "method",	"path",	 "request-size",
		"response-size", "rps",	     "streams", "pipes", "revoked",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == MESSAGE_VERDICTS,
		      "a name for every verdict");
	return verdict < MESSAGE_VERDICTS ? names[verdict] : "unknown";
}

void audit_event(struct audit *audit, const struct audit_who *who,
		 const struct audit_event *event)
{
	struct line line;

	if (!audit)
		return;
	line_begin(&line, event->event, who);
	line_service(&line, event->type, event->service);
	line_text(&line, "rule", event->rule);
	line_text(&line, "result", event->result);
	line_text(&line, "detail", event->detail);
	line_end(audit, &line);
}

bool audit_guest_allows(struct audit_guest *guest, uint64_t now_ms)
{
	uint64_t more = (now_ms - guest->refilled_ms) * GUEST_PER_S / 1000;

	if (more) {
		guest->spent =
			more < guest->spent ? guest->spent - (uint32_t)more : 0;
		guest->refilled_ms = now_ms;
	}
	if (guest->spent >= GUEST_BURST) {
		guest->suppressed++;
		return false;
	}
	guest->spent++;
	return true;
}

void audit_request(struct audit *audit, const struct audit_who *who,
		   const char *rule, const struct message_audit_record *record)
{
	struct line line;

	if (!audit)
		return;
	line_begin(&line, "request", who);
	line_service(&line, "web", record->service);
	line_text(&line, "rule", rule);
	line_text(&line, "result", audit_verdict_name(record->verdict));
	line_text(&line, "method", record->method);
	line_text(&line, "path", record->path);
	line_put(&line,
		 ",\"status\":%" PRIu32 ",\"in\":%" PRIu64 ",\"out\":%" PRIu64
		 ",\"us\":%" PRIu64,
		 record->status, record->in_octets, record->out_octets,
		 record->duration_us);
	if (record->notify)
		line_put(&line, ",\"notify\":true");
	line_end(audit, &line);
}

void audit_guest_tell(struct audit *audit, const struct audit_who *who,
		      struct audit_guest *guest)
{
	struct line line;

	if (!audit || (!guest->suppressed && !guest->lost))
		return;
	line_begin(&line, "suppressed", who);
	line_put(&line, ",\"count\":%" PRIu64 ",\"lost\":%" PRIu64,
		 guest->suppressed, guest->lost);
	audit->totals.suppressed += guest->suppressed;
	audit->totals.lost += guest->lost;
	guest->suppressed = 0;
	guest->lost = 0;
	line_end(audit, &line);
}

struct audit_totals audit_totals(const struct audit *audit)
{
	static const struct audit_totals none;

	return audit ? audit->totals : none;
}

/*
 * --- life ---
 */

int audit_reopen(struct audit *audit)
{
	int fd;

	if (!audit->path)
		return 0;
	/* A pipe or a full device must not hold the broker up. */
	fd = open(audit->path,
		  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY |
			  O_NONBLOCK | O_NOFOLLOW,
		  0600);
	if (fd < 0)
		return -errno;
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = fd;
	return 0;
}

int audit_open(const char *path, struct audit **audit)
{
	struct audit *made = calloc(1, sizeof(*made));
	int error = made ? 0 : -ENOMEM;

	if (made) {
		made->fd = path ? -1 : STDERR_FILENO;
		made->path = path ? strdup(path) : NULL;
		error = path && !made->path ? -ENOMEM : audit_reopen(made);
	}
	if (error) {
		audit_close(made);
		return error;
	}
	*audit = made;
	return 0;
}

void audit_follow(struct audit *audit,
		  void (*line)(void *context, const char *line), void *context)
{
	if (!audit)
		return;
	audit->follow = line;
	audit->context = context;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	if (audit->path && audit->fd >= 0)
		close(audit->fd);
	free(audit->path);
	free(audit);
}
