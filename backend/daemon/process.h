/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - one device process as the broker sees it: spawned, spoken to,
 * watched, killed.
 *
 * A device process is hostile until it has exited.  It is killed when it says
 * something it may not, answers out of turn, does not answer in time, or does
 * not read; the owner hears only that it has ended.
 */
#ifndef DAEMON_PROCESS_H
#define DAEMON_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "backend/daemon/message.h"

struct process;

struct process_ops {
	/* The request of this type and sequence was carried out, or not. */
	void (*acknowledged)(void *context, unsigned int type,
			     uint32_t sequence, int error);
	/* The guest broke a rule, says the process. */
	void (*fault)(void *context, const struct message_fault *fault);
	void (*stats)(void *context, const struct message_stats *stats);
	/* May be NULL, as the next one. */
	void (*grant_stats)(void *context,
			    const struct message_grant_stats *stats);
	/* The guest's requests that were decided about, says the process. */
	void (*audit)(void *context, const struct message_audit *audit);
	/*
	 * It has exited and holds nothing any more; the process is freed after
	 * this call.  why is one line.
	 */
	void (*ended)(void *context, const char *why);
};

struct process_config {
	uv_loop_t *loop;
	const char *program; /* path of 2virt-device */
	const char *bus;
	struct message_hello hello; /* header is filled in */
	int journal_fd;		    /* borrowed */
	const struct process_ops *ops;
	void *context;
};

/* Starts one and sends HELLO.  0 or a negative errno. */
int process_start(const struct process_config *config,
		  struct process **process);

/*
 * Sends a request; its answer comes through acknowledged() or stats().  fd (-1:
 * none) stays the caller's.  Returns the sequence number, or 0: the process
 * is ending or cannot be spoken to, and ended() follows.
 */
uint32_t process_request(struct process *process, union message *message,
			 int fd);

/*
 * A request that may take something away, whatever its type: as with UNPLUG,
 * a process that does not answer in MESSAGE_CUT_DEADLINE_MS is killed.
 */
uint32_t process_cut(struct process *process, union message *message);

/* Requests without an answer yet. */
unsigned int process_outstanding(const struct process *process);

/* Asks it to let go of the guest and exit; kills it when that takes too long.
 * ended() follows. */
void process_stop(struct process *process);

/* SIGKILL.  ended() follows. */
void process_kill(struct process *process, const char *why);

/* SIGKILL, and no callback any more; frees itself.  Accepts NULL. */
void process_abandon(struct process *process);

pid_t process_pid(const struct process *process);

#endif
