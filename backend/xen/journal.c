// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal.c - what survives a device process: where its rings stood.
 *
 * Only one process writes at a time: the broker starts a successor after it
 * has reaped the process before.  Dying processes complete the stores they
 * have executed, so the order of the program is all that counts.
 *
 * #syscalls: mmap munmap fstat
 */
#define _GNU_SOURCE /* memfd_create, seals */
#include "backend/xen/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/usbif.h"

#define JOURNAL_MAGIC 0x6a767432u /* "2tvj" */
enum { JOURNAL_VERSION = 1 };

/*
 *         0       1       2       3
 *     +-------+-------+-------+-------+
 *   0 |             magic             |
 *   4 |            version            |
 *   8 |   current: 0 or 1             |
 *  12 |               0               |
 *  16 |  state 0                      |
 *  64 |  state 1                      |
 * 112 +-------------------------------+
 */
struct journal_page {
	uint32_t magic;
	uint32_t version;
	uint32_t current;
	uint32_t reserved;
	struct journal_state states[2];
};

static_assert(sizeof(struct journal_state) == 48, "journal of version 1");
static_assert(offsetof(struct journal_page, states) == 16, "version 1");
static_assert(sizeof(struct journal_page) <= JOURNAL_SIZE, "one page");
static_assert(JOURNAL_ID_MAX >= USBIF_URB_RING_ENTRIES(USBIF_MAX_RING_ORDER),
	      "a bit for each id");

int journal_create(void)
{
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	int fd = memfd_create("2virt-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	/* Of fixed size, or a process could have its successor die of SIGBUS.
	 */
	if (ftruncate(fd, JOURNAL_SIZE) < 0 ||
	    fcntl(fd, F_ADD_SEALS, seals) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

int journal_open(struct journal *journal, int fd)
{
	struct stat status;
	void *page;

	memset(journal, 0, sizeof(*journal));
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size != JOURNAL_SIZE)
		return -EINVAL;
	page = mmap(NULL, JOURNAL_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	if (page == MAP_FAILED)
		return -errno;
	journal->page = page;
	return 0;
}

void journal_close(struct journal *journal)
{
	if (journal->page)
		munmap(journal->page, JOURNAL_SIZE);
	journal->page = NULL;
}

static unsigned int ids_in_flight(const struct journal_state *state)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < JOURNAL_ID_WORDS; i++)
		count +=
			(unsigned int)__builtin_popcountll(state->in_flight[i]);
	return count;
}

static bool state_is_sound(const struct journal_state *state)
{
	uint32_t taken = state->urb_req_cons - state->urb_rsp_prod;
	uint32_t entries;

	if (state->connected != 1 || state->order > USBIF_MAX_RING_ORDER ||
	    state->unannounced > 1 || state->reserved != 0)
		return false;
	entries = USBIF_URB_RING_ENTRIES(state->order);
	if (taken > entries || taken != ids_in_flight(state))
		return false;
	for (unsigned int id = entries; id < JOURNAL_ID_MAX; id++)
		if (journal_id_in_flight(state, id))
			return false;
	/* Ports 1..31. */
	return !(state->port_mask & 1);
}

int journal_load(struct journal *journal)
{
	const struct journal_page *page = journal->page;
	uint32_t current = __atomic_load_n(&page->current, __ATOMIC_ACQUIRE);
	struct journal_state state;

	/* Never written. */
	if (page->magic == 0)
		return -ENOENT;
	if (page->magic != JOURNAL_MAGIC || page->version != JOURNAL_VERSION ||
	    current > 1)
		return -EPROTO;
	state = page->states[current];
	if (state.connected == 0)
		return -ENOENT;
	if (!state_is_sound(&state))
		return -EPROTO;
	journal->state = state;
	return 0;
}

void journal_commit(struct journal *journal)
{
	struct journal_page *page = journal->page;
	uint32_t next = page->current ? 0 : 1;

	page->states[next] = journal->state;
	/* Release: the copy is whole before it becomes the current one. */
	__atomic_store_n(&page->current, next, __ATOMIC_RELEASE);
}

static void page_format(struct journal_page *page)
{
	/* magic last: half-written is the same as never written. */
	page->version = JOURNAL_VERSION;
	page->reserved = 0;
	__atomic_store_n(&page->magic, JOURNAL_MAGIC, __ATOMIC_RELEASE);
}

void journal_reset(struct journal *journal, uint32_t order)
{
	memset(&journal->state, 0, sizeof(journal->state));
	journal->state.connected = 1;
	journal->state.order = order;
	journal_commit(journal);
	page_format(journal->page);
}

void journal_clear(struct journal *journal)
{
	memset(&journal->state, 0, sizeof(journal->state));
	journal_commit(journal);
	page_format(journal->page);
}
