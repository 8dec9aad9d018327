/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - one end of a point-to-point link between two device processes.
 *
 * An *end* is what a domain has of a link, whether the other domain is there
 * or not.  While it is, the end is attached to a pair of shared memories
 * (link_memory.h).  A *stream* is one connection over it: exact, ordered,
 * flow-controlled octets each way, each direction ended by itself.
 *
 * Streams are joined in the order in which both sides open them.
 *
 *   role       the peer is not there        the peer does not open one too
 *   symmetric  the stream waits             it waits
 *   listen     it waits                     it waits
 *   connect    failed(LINK_UNREACHABLE)     failed(LINK_TIMEOUT) after 10 s
 *
 *   the other side                          the user of a stream sees
 *   is joined                               opened()
 *   is slow or never reads                  link_stream_write() takes less
 *   says its end                            link_stream_read() says LINK_END
 *                                           after the last octet
 *   takes no more                           link_stream_write(): LINK_BROKEN
 *   ends abruptly, dies, is detached        failed(LINK_PEER_RESET)
 *   breaks the rules of the memory          failed(LINK_PEER_RESET)
 *
 * A side that has said its end and closes has left its octets behind: the
 * other gets all of them, even if that process is gone by then.
 *
 * Events never come from inside a call of these functions.
 */
#ifndef SERVICE_LINK_H
#define SERVICE_LINK_H

#include "backend/service/link_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

struct link_end;
struct link_stream;

enum link_role { LINK_SYMMETRIC, LINK_LISTEN, LINK_CONNECT, LINK_ROLE_COUNT };

enum link_failure { LINK_UNREACHABLE, LINK_TIMEOUT, LINK_PEER_RESET };

/* What read and write return besides a number of octets. */
enum {
	LINK_END = -1,	  /* read: the other side sends no more */
	LINK_BROKEN = -2, /* it is gone, or takes no more */
};

struct link_end_events {
	/* The peer came (true) or went.  May be NULL. */
	void (*present)(void *context, bool present);
};

struct link_stream_events {
	void (*opened)(void *context);
	/* Close the stream; octets that were not read are lost. */
	void (*failed)(void *context, enum link_failure failure);
	/* After a read that gave 0: try again. */
	void (*readable)(void *context);
	/* After a write that took less than it was given: try again. */
	void (*writable)(void *context);
};

/* An end without a peer.  NULL: out of memory. */
struct link_end *link_end_create(uv_loop_t *loop, enum link_role role);
void link_end_watch(struct link_end *end, const struct link_end_events *events,
		    void *context);
enum link_role link_end_role(const struct link_end *end);

/*
 * The peer is there.  caller: this is side 0 of the pair; a role of connect
 * must be, one of listen must not.  The descriptors are owned, also on
 * failure.  What was attached before is detached.  0, -EINVAL (wrong side, or
 * memory that is no link's) or another negative errno.
 */
int link_end_attach(struct link_end *end, struct link_fds *fds, bool caller);

/*
 * The peer is gone: connections fail, but for what they have still to read of
 * a peer that had finished.  Happens by itself when its process dies.
 */
void link_end_detach(struct link_end *end);
bool link_end_present(const struct link_end *end);

/*
 * After the last of its streams is closed, and not inside an event.  Accepts
 * NULL.  Run the loop once more.
 */
void link_end_destroy(struct link_end *end);

/* NULL: out of memory.  events must outlive the stream. */
struct link_stream *link_stream_open(struct link_end *end,
				     const struct link_stream_events *events,
				     void *context);
/* The octets put at data (0: none now), LINK_END or LINK_BROKEN. */
ssize_t link_stream_read(struct link_stream *stream, void *data, size_t len);
/* The octets taken (0: none now) or LINK_BROKEN.  Not after shutdown. */
ssize_t link_stream_write(struct link_stream *stream, const void *data,
			  size_t len);
/* No more will be written. */
void link_stream_shutdown(struct link_stream *stream);
/*
 * Lets go at once; no event comes any more.  After a shutdown the other side
 * still gets all that was written.  Accepts NULL.
 */
void link_stream_close(struct link_stream *stream);

#endif
