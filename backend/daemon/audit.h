/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit.h - one line for each decision: a JSON object, to a file or to the
 * journal.
 *
 *	{"time":"2026-11-21T10:58:00.123Z","event":"request","domain":"shop",
 *	 "uuid":"…","domid":5,"service":"web:catalog","rule":"20.policy:3",
 *	 "result":"allowed","method":"GET","path":"/a","status":200,
 *	 "in":90,"out":1200,"us":5300}
 *
 * A guest causes lines at a limited rate; those beyond are counted, and the
 * count is a line of its own ("suppressed").  Lines that cannot be written are
 * counted and said likewise ("lost").
 */
#ifndef DAEMON_AUDIT_H
#define DAEMON_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/daemon/message.h"

struct audit;

/* path NULL: the journal (stderr).  0 or a negative errno. */
int audit_open(const char *path, struct audit **audit);
/* Accepts NULL. */
void audit_close(struct audit *audit);
/* The file was rotated away: begins it anew.  0 or a negative errno. */
int audit_reopen(struct audit *audit);

/* Is given each line as well, without its end. */
void audit_follow(struct audit *audit,
		  void (*line)(void *context, const char *line), void *context);

/* A domain, and how many lines it may still cause.  Zeroed at first. */
struct audit_guest {
	uint64_t refilled_ms;
	uint32_t spent;
	uint64_t suppressed;
	uint64_t lost; /* by its device process; said with the next line */
};

struct audit_who {
	const char *domain; /* NULL: unknown */
	const char *uuid;
	uint32_t domid;
};

/* NULL and 0: left out, but for result. */
struct audit_event {
	const char *event;   /* "request", "grant", "revoke", "plug" ... */
	const char *type;    /* of the service */
	const char *service; /* its name */
	const char *rule;    /* "file:line", "manual", "default" */
	const char *result;
	const char *detail;
};

/* A decision of the broker or of somebody who manages it; not limited. */
void audit_event(struct audit *audit, const struct audit_who *who,
		 const struct audit_event *event);

/* One that somebody else has put together. */
void audit_line(struct audit *audit, const char *json);

/* True: a request may be told now; else it has been counted. */
bool audit_guest_allows(struct audit_guest *guest, uint64_t now_ms);

/* A request of a guest. */
void audit_request(struct audit *audit, const struct audit_who *who,
		   const char *rule, const struct message_audit_record *record);

/* Says what was left out since the last time, if anything was. */
void audit_guest_tell(struct audit *audit, const struct audit_who *who,
		      struct audit_guest *guest);

/* "allowed", "no-grant" ...: of enum web_verdict */
const char *audit_verdict_name(uint32_t verdict);

struct audit_totals {
	uint64_t lines;
	uint64_t lost;	     /* could not be written, or by device processes */
	uint64_t suppressed; /* beyond a guest's rate */
};
struct audit_totals audit_totals(const struct audit *audit);

#endif
