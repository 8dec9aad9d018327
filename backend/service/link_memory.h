/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link_memory.h - the memory and the descriptors of a link.
 *
 * A link has two files of memory, one for each side.  A side writes its own
 * and can only read the other's: the other's descriptor is read-only, and the
 * file's mode keeps another user from opening it anew.  So a process can
 * damage nothing but what it says itself.
 *
 *   own file of a side
 *         0  channel 0: word, head, tail, wants          128 octets each
 *       128  channel 1 ...
 *      4096  ring of channel 0                           LINK_RING octets each
 *            ring of channel 1 ...
 *
 *   word   link_state.h
 *   head   octets this side has put into its ring in this epoch
 *   tail   octets it has taken out of the other side's ring
 *   wants  LINK_WANTS_*: ring the bell when there is something
 *
 * Two eventfds are the bells, one to wake each side; a socket pair that
 * carries nothing tells each side that the other's process is gone.
 */
#ifndef SERVICE_LINK_MEMORY_H
#define SERVICE_LINK_MEMORY_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	LINK_CHANNELS = 16,	/* connections at once, and some that end */
	LINK_RING = 256 * 1024, /* octets; a power of two */
	LINK_DATA_OFFSET = 4096,
	LINK_FILE_SIZE = LINK_DATA_OFFSET + LINK_CHANNELS * LINK_RING,
};

enum { LINK_WANTS_OCTETS = 1, LINK_WANTS_ROOM = 2 };

struct link_control {
	uint64_t word;
	uint64_t head;
	uint64_t tail;
	uint32_t wants;
	uint32_t reserved[25];
};

static_assert(sizeof(struct link_control) == 128, "two cache lines");
static_assert(LINK_CHANNELS * sizeof(struct link_control) <= LINK_DATA_OFFSET,
	      "control blocks before the rings");

/* What a device process is given for its side.  -1: none. */
struct link_fds {
	int own;       /* memory, read and write */
	int peer;      /* memory, read only */
	int bell;      /* eventfd: somebody rang for us */
	int peer_bell; /* eventfd: to ring for the peer */
	int life;      /* hangs up when the peer's process is gone */
};

enum { LINK_FD_COUNT = 5 };

/*
 * Makes the descriptors of a new link: ends[0] is for the caller's side,
 * ends[1] for the answerer's.  The maker passes them on and then closes its
 * own copies, or the sides do not see each other die.  0 or a negative errno.
 */
int link_pair_create(struct link_fds ends[2]);

/* Closes what is open. */
void link_fds_close(struct link_fds *fds);

struct link_memory {
	uint8_t *own;
	const uint8_t *peer;
};

/*
 * Maps both files after checking that they cannot change their size.  0 or a
 * negative errno.  The descriptors stay the caller's.
 */
int link_memory_map(struct link_memory *memory, const struct link_fds *fds);
void link_memory_unmap(struct link_memory *memory);

static inline struct link_control *
link_memory_own(const struct link_memory *memory, unsigned int channel)
{
	return (struct link_control *)(void *)memory->own + channel;
}

static inline const struct link_control *
link_memory_peer(const struct link_memory *memory, unsigned int channel)
{
	return (const struct link_control *)(const void *)memory->peer +
	       channel;
}

/* Copies into the own ring, and out of the peer's, at a position. */
void link_memory_put(const struct link_memory *memory, unsigned int channel,
		     uint64_t at, const void *data, size_t len);
void link_memory_get(const struct link_memory *memory, unsigned int channel,
		     uint64_t at, void *data, size_t len);

#endif
