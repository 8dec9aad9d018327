// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link_memory.c - the memory and the descriptors of a link.
 *
 * The seals keep a side from cutting the file under the other's mapping
 * (SIGBUS).  Pages come into being when they are first written, so a link that
 * is not used costs two pages.
 */
#include "backend/service/link_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static const struct link_fds no_fds = {-1, -1, -1, -1, -1};

/* One file: to write for its side, to read for the other. */
static int file_create(int *writer, int *reader)
{
	char path[32];
	int fd = memfd_create("2virt-link", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	*writer = fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fchmod(fd, S_IRUSR | S_IWUSR) < 0 ||
	    ftruncate(fd, LINK_FILE_SIZE) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	*reader = open(path, O_RDONLY | O_CLOEXEC);
	return *reader < 0 ? -errno : 0;
}

static int bell_create(int *listener, int *ringer)
{
	*listener = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (*listener < 0)
		return -errno;
	*ringer = fcntl(*listener, F_DUPFD_CLOEXEC, 0);
	return *ringer < 0 ? -errno : 0;
}

int link_pair_create(struct link_fds ends[2])
{
	int life[2];
	int error;

	ends[0] = no_fds;
	ends[1] = no_fds;
	error = file_create(&ends[0].own, &ends[1].peer);
	if (!error)
		error = file_create(&ends[1].own, &ends[0].peer);
	if (!error)
		error = bell_create(&ends[0].bell, &ends[1].peer_bell);
	if (!error)
		error = bell_create(&ends[1].bell, &ends[0].peer_bell);
	if (!error &&
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0, life) < 0)
		error = -errno;
	if (error) {
		link_fds_close(&ends[0]);
		link_fds_close(&ends[1]);
		return error;
	}
	ends[0].life = life[0];
	ends[1].life = life[1];
	return 0;
}

void link_fds_close(struct link_fds *fds)
{
	const int all[LINK_FD_COUNT] = {fds->own, fds->peer, fds->bell,
					fds->peer_bell, fds->life};

	for (unsigned int i = 0; i < LINK_FD_COUNT; i++)
		if (all[i] >= 0)
			close(all[i]);
	*fds = no_fds;
}

static int file_map(int fd, int protection, void **at)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size != LINK_FILE_SIZE)
		return -EINVAL;
	*at = mmap(NULL, LINK_FILE_SIZE, protection, MAP_SHARED, fd, 0);
	return *at == MAP_FAILED ? -errno : 0;
}

int link_memory_map(struct link_memory *memory, const struct link_fds *fds)
{
	void *own, *peer;
	int error = file_map(fds->own, PROT_READ | PROT_WRITE, &own);

	if (error)
		return error;
	error = file_map(fds->peer, PROT_READ, &peer);
	if (error) {
		munmap(own, LINK_FILE_SIZE);
		return error;
	}
	memory->own = own;
	memory->peer = peer;
	return 0;
}

void link_memory_unmap(struct link_memory *memory)
{
	munmap(memory->own, LINK_FILE_SIZE);
	munmap((void *)(uintptr_t)memory->peer, LINK_FILE_SIZE);
	memory->own = NULL;
	memory->peer = NULL;
}

/* The octets from a position to the end of a ring, at most len. */
static size_t until_end(uint64_t at, size_t len)
{
	size_t left = LINK_RING - (size_t)(at % LINK_RING);

	return len < left ? len : left;
}

void link_memory_put(const struct link_memory *memory, unsigned int channel,
		     uint64_t at, const void *data, size_t len)
{
	uint8_t *ring =
		memory->own + LINK_DATA_OFFSET + (size_t)channel * LINK_RING;
	size_t first = until_end(at, len);

	memcpy(ring + at % LINK_RING, data, first);
	memcpy(ring, (const uint8_t *)data + first, len - first);
}

void link_memory_get(const struct link_memory *memory, unsigned int channel,
		     uint64_t at, void *data, size_t len)
{
	const uint8_t *ring =
		memory->peer + LINK_DATA_OFFSET + (size_t)channel * LINK_RING;
	size_t first = until_end(at, len);

	memcpy(data, ring + at % LINK_RING, first);
	memcpy((uint8_t *)data + first, ring, len - first);
}
