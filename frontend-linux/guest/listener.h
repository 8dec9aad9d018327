/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listener.h - a listening socket that is accepted from only when asked.
 *
 * Connections beyond the free pipes stay in the kernel's backlog.
 */
#ifndef GUEST_LISTENER_H
#define GUEST_LISTENER_H

#include <sys/types.h>
#include <uv.h>

struct listener;

/* What a socket in the file system looks like to others. */
struct listener_access {
	mode_t mode;
	gid_t group; /* (gid_t)-1: as it comes */
};

/*
 * Listens on a unix socket; folders of the path below dir are made, an old
 * socket is replaced.  pending() is called when a connection waits; then not
 * again before listener_resume().  0 or a negative errno.
 */
int listener_create_unix(struct listener **listener, uv_loop_t *loop,
			 const char *path, const struct listener_access *access,
			 void (*pending)(void *context), void *context);

/* The same on a TCP address, which must be a loopback one (-EINVAL if not). */
int listener_create_tcp(struct listener **listener, uv_loop_t *loop,
			const char *address, void (*pending)(void *context),
			void *context);

/* "127.0.0.1:8080" or "[::1]:8080"; 0, or -EINVAL for anything else. */
int listener_address_check(const char *address);

/* The next connection (non-blocking), or -1 if none waits. */
int listener_accept(struct listener *listener);

/* Calls pending() again when a connection waits. */
void listener_resume(struct listener *listener);

/* Ends it and removes the socket from the file system.  NULL is allowed. */
void listener_destroy(struct listener *listener);

#endif
