/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core.c - the fake hypervisor as one process sees it.
 *
 * Everything lives in the file `xen` (layout.h), mapped shared by each process
 * and guarded by one robust mutex in it: whoever dies inside leaves at worst a
 * counter behind.  A handle (an open gntdev or evtchn) is a FIFO with an OFD
 * lock; the kernel drops the lock when the last descriptor closes, whether by
 * close, exit or kill, and survives fork and descriptor passing, exactly as the
 * release of a real device node does.  The release work itself is done by the
 * next process that looks: fx_reap_locked().
 *
 * Descriptors are opened relative to the folder's descriptor and kept, so that
 * a process may change its root, its user and its mounts after it attached.
 */
#include "tests/fake-xen/core.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fake-xen/event.h"

static_assert(sizeof(pthread_mutex_t) <= sizeof(((struct fx_machine *)0)->lock),
	      "lock fits");
static_assert(FAKE_FAULT_KINDS <= FX_FAULT_KINDS, "faults fit");

/* What this process has open; the tables are used under the machine's lock. */
static struct {
	char folder[4096];
	int folder_fd;
	int file_fd;
	uint8_t *control; /* machine and handles */
	uint8_t *domain[FX_DOMAINS];
	int queue_fd[FX_HANDLES];
} fx;

static pthread_mutex_t attach_mutex = PTHREAD_MUTEX_INITIALIZER;

bool fx_attached(void)
{
	return fx.control != NULL;
}

const char *fx_folder(void)
{
	return fx.folder;
}

static int attach(const char *folder)
{
	struct stat status;
	void *control;
	int rc;

	if (strlen(folder) >= sizeof(fx.folder))
		return -ENAMETOOLONG;
	fx.folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fx.folder_fd < 0)
		return -errno;
	fx.file_fd = openat(fx.folder_fd, "xen", O_RDWR | O_CLOEXEC);
	if (fx.file_fd < 0) {
		rc = -errno;
		goto err_folder;
	}
	if (fstat(fx.file_fd, &status) != 0 ||
	    (uint64_t)status.st_size != FX_FILE_SIZE) {
		rc = -EINVAL;
		goto err_file;
	}
	control = mmap(NULL, FX_DOMAINS_OFFSET, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fx.file_fd, 0);
	if (control == MAP_FAILED) {
		rc = -errno;
		goto err_file;
	}
	if (((struct fx_machine *)control)->magic != FX_MAGIC) {
		rc = -EINVAL;
		goto err_map;
	}
	memset(fx.domain, 0, sizeof(fx.domain));
	for (unsigned i = 0; i < FX_HANDLES; i++)
		fx.queue_fd[i] = -1;
	strcpy(fx.folder, folder);
	fx.control = control;
	return 0;

err_map:
	munmap(control, FX_DOMAINS_OFFSET);
err_file:
	close(fx.file_fd);
err_folder:
	close(fx.folder_fd);
	return rc;
}

int fx_attach(void)
{
	const char *folder;
	int rc = 0;

	pthread_mutex_lock(&attach_mutex);
	if (!fx.control) {
		folder = getenv(FAKE_XEN_ENV);
		rc = folder ? attach(folder) : -ENOENT;
	}
	pthread_mutex_unlock(&attach_mutex);
	return rc;
}

void fx_detach(void)
{
	pthread_mutex_lock(&attach_mutex);
	if (fx.control) {
		for (unsigned i = 0; i < FX_DOMAINS; i++)
			if (fx.domain[i])
				munmap(fx.domain[i], FX_DOMAIN_SIZE);
		for (unsigned i = 0; i < FX_HANDLES; i++)
			if (fx.queue_fd[i] >= 0)
				close(fx.queue_fd[i]);
		munmap(fx.control, FX_DOMAINS_OFFSET);
		close(fx.file_fd);
		close(fx.folder_fd);
		fx.control = NULL;
	}
	pthread_mutex_unlock(&attach_mutex);
}

struct fx_machine *fx_machine(void)
{
	return (struct fx_machine *)fx.control;
}

struct fx_handle *fx_handle(unsigned index)
{
	return (struct fx_handle *)(fx.control + FX_HANDLES_OFFSET) + index;
}

/*
 * To Xen a copy is one hypercall: no process dies in the middle of it.  Here
 * one may, in the lock, and leaves its grants pinned: only mappings pin now.
 */
static void copies_abandon_locked(void)
{
	for (unsigned slot = 0; slot < FX_DOMAINS; slot++) {
		struct fx_domain *domain;

		if (fx_machine()->domain[slot].state == FX_DOMAIN_FREE)
			continue;
		domain = fx_domain_locked(slot);
		for (uint32_t ref = 0; ref < FX_GRANTS; ref++) {
			const struct fx_active *active = &domain->active[ref];
			uint32_t clear = 0;

			if (active->maps_writable == 0)
				clear |= FX_GTF_WRITING;
			if (clear && active->maps_readonly == 0)
				clear |= FX_GTF_READING;
			atomic_fetch_and(&domain->grant[ref].flags_domid,
					 ~clear);
		}
	}
}

void fx_lock(void)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)fx_machine()->lock;
	int rc = pthread_mutex_lock(lock);

	if (rc == EOWNERDEAD) {
		rc = pthread_mutex_consistent(lock);
		copies_abandon_locked();
	}
	if (rc != 0) {
		fprintf(stderr, "fake-xen: lock: %s\n", strerror(rc));
		abort();
	}
}

void fx_unlock(void)
{
	pthread_mutex_unlock((pthread_mutex_t *)fx_machine()->lock);
}

/*
 * --- domains --------------------------------------------------------------
 */

static uint64_t domain_offset(unsigned slot)
{
	return FX_DOMAINS_OFFSET + slot * FX_DOMAIN_SIZE;
}

struct fx_domain *fx_domain_locked(unsigned slot)
{
	void *address;

	if (!fx.domain[slot]) {
		address = mmap(NULL, FX_DOMAIN_SIZE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_NORESERVE, fx.file_fd,
			       (off_t)domain_offset(slot));
		if (address == MAP_FAILED) {
			perror("fake-xen: map a domain");
			abort();
		}
		fx.domain[slot] = address;
	}
	return (struct fx_domain *)fx.domain[slot];
}

uint8_t *fx_memory_locked(unsigned slot)
{
	return (uint8_t *)fx_domain_locked(slot) + FX_MEMORY_OFFSET;
}

int fx_slot_locked(uint32_t domid)
{
	const struct fx_machine *machine = fx_machine();

	for (unsigned slot = 0; slot < FX_DOMAINS; slot++) {
		uint32_t state = machine->domain[slot].state;

		if (machine->domain[slot].domid == domid &&
		    (state == FX_DOMAIN_ALIVE || state == FX_DOMAIN_DYING))
			return (int)slot;
	}
	return -ESRCH;
}

int fx_page_map(void *address, unsigned slot, uint32_t frame, int protection)
{
	off_t offset = (off_t)(domain_offset(slot) + FX_MEMORY_OFFSET +
			       (uint64_t)frame * FX_PAGE_SIZE);

	if (mmap(address, FX_PAGE_SIZE, protection, MAP_SHARED | MAP_FIXED,
		 fx.file_fd, offset) == MAP_FAILED)
		return -errno;
	return 0;
}

int fx_domain_create_locked(uint32_t domid, const uint8_t uuid[16],
			    uint32_t pages)
{
	struct fx_machine *machine = fx_machine();
	struct fx_domain_info *info = NULL;
	unsigned slot;

	if (pages > FX_PAGES)
		return -EINVAL;
	if (domid == 0)
		domid = machine->next_domid;
	if (fx_slot_locked(domid) >= 0)
		return -EEXIST;
	for (slot = 1; slot < FX_DOMAINS && !info; slot++)
		if (machine->domain[slot].state == FX_DOMAIN_FREE)
			info = &machine->domain[slot];
	if (!info)
		return -ENOSPC;
	slot = (unsigned)(info - machine->domain);

	if (fallocate(fx.file_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)domain_offset(slot), (off_t)FX_DOMAIN_SIZE) != 0)
		memset(fx_domain_locked(slot), 0, FX_DOMAIN_SIZE);
	memset(info, 0, sizeof(*info));
	info->domid = domid;
	memcpy(info->uuid, uuid, sizeof(info->uuid));
	info->pages = pages;
	info->next_port = 1;
	info->state = FX_DOMAIN_ALIVE;
	if (domid >= machine->next_domid)
		machine->next_domid = domid + 1;
	return (int)slot;
}

void fx_domain_settle_locked(unsigned slot)
{
	struct fx_domain_info *info = &fx_machine()->domain[slot];

	if (info->state == FX_DOMAIN_DYING && info->maps == 0) {
		info->state = FX_DOMAIN_GONE;
		fx_virq_raise_locked(FX_VIRQ_DOM_EXC);
	}
	if (info->state == FX_DOMAIN_GONE && info->keeper == 0)
		info->state = FX_DOMAIN_FREE;
}

void fx_domain_kill_locked(unsigned slot)
{
	struct fx_domain_info *info = &fx_machine()->domain[slot];

	if (slot == 0 || info->state != FX_DOMAIN_ALIVE)
		return;
	fx_ports_close_locked(slot, -1);
	info->state = FX_DOMAIN_DYING;
	fx_virq_raise_locked(FX_VIRQ_DOM_EXC);
	fx_domain_settle_locked(slot);
}

void fx_unmap_locked(unsigned slot, uint32_t ref, bool writable)
{
	struct fx_domain_info *info = &fx_machine()->domain[slot];
	struct fx_domain *domain = fx_domain_locked(slot);
	struct fx_active *active = &domain->active[ref];
	uint32_t clear = 0;

	if (writable && active->maps_writable > 0)
		active->maps_writable--;
	else if (!writable && active->maps_readonly > 0)
		active->maps_readonly--;
	if (active->maps_writable == 0)
		clear |= FX_GTF_WRITING;
	if (active->maps_writable == 0 && active->maps_readonly == 0)
		clear |= FX_GTF_READING;
	atomic_fetch_and(&domain->grant[ref].flags_domid, ~clear);
	if (info->maps > 0)
		info->maps--;
	if (ref < FX_GRANTS_RESERVED && info->maps_xenstore > 0)
		info->maps_xenstore--;
	fx_domain_settle_locked(slot);
}

/*
 * --- handles --------------------------------------------------------------
 */

static void queue_name(char name[16], unsigned index)
{
	snprintf(name, 16, "ev-%u", index);
}

/* This process's descriptor to send events to a handle and to test its lock. */
static int queue_fd_locked(unsigned index)
{
	char name[16];

	if (fx.queue_fd[index] < 0) {
		queue_name(name, index);
		fx.queue_fd[index] = openat(fx.folder_fd, name,
					    O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	return fx.queue_fd[index];
}

static bool handle_alive_locked(unsigned index)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	int fd = queue_fd_locked(index);

	/* If it cannot be told, it lives. */
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) != 0)
		return true;
	return lock.l_type != F_UNLCK;
}

/* What the kernel does on the last close of a device node. */
static void handle_release_locked(unsigned index)
{
	struct fx_handle *handle = fx_handle(index);

	for (unsigned i = 0; handle->maps > 0 && i < FX_MAPS; i++) {
		struct fx_map *map = &handle->map[i];

		if (!map->used)
			continue;
		map->used = 0;
		handle->maps--;
		fx_unmap_locked(map->slot, map->ref, map->writable);
	}
	if (handle->kind == FX_HANDLE_EVTCHN)
		fx_ports_close_locked(0, (int)index);
	if (handle->kind == FX_HANDLE_GUEST)
		for (unsigned slot = 1; slot < FX_DOMAINS; slot++) {
			struct fx_domain_info *info =
				&fx_machine()->domain[slot];

			if (info->keeper != index + 1)
				continue;
			info->keeper = 0;
			fx_domain_settle_locked(slot);
		}
	handle->kind = FX_HANDLE_FREE;
}

void fx_reap_locked(void)
{
	for (unsigned i = 0; i < FX_HANDLES; i++)
		if (fx_handle(i)->kind != FX_HANDLE_FREE &&
		    !handle_alive_locked(i))
			handle_release_locked(i);
}

static int handle_take_locked(enum fx_handle_kind kind, uint32_t domid,
			      bool cloexec, int *out)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	struct fx_handle *handle;
	char name[16], stale[256];
	unsigned index;
	int fd, flags, rc;

	for (index = 0; index < FX_HANDLES; index++)
		if (fx_handle(index)->kind == FX_HANDLE_FREE)
			break;
	if (index == FX_HANDLES)
		return -EMFILE;
	queue_name(name, index);
	if (mkfifoat(fx.folder_fd, name, 0666) == 0) {
		/* Whatever the umask: peers may run as another user. */
		if (fchmodat(fx.folder_fd, name, 0666, 0) != 0)
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	fd = openat(fx.folder_fd, name,
		    O_RDWR | O_NONBLOCK | (cloexec ? O_CLOEXEC : 0));
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		rc = -errno;
		goto err_fd;
	}
	while (read(fd, stale, sizeof(stale)) > 0)
		;
	/* A real evtchn descriptor blocks until its owner says otherwise. */
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
		rc = -errno;
		goto err_fd;
	}
	handle = fx_handle(index);
	handle->kind = kind;
	handle->domid = domid;
	handle->pid = (uint32_t)getpid();
	handle->restricted = FX_UNRESTRICTED;
	handle->maps = 0;
	*out = fd;
	return (int)index;

err_fd:
	close(fd);
	return rc;
}

int fx_handle_open(enum fx_handle_kind kind, uint32_t domid, bool cloexec,
		   int *fd)
{
	int rc = fx_attach();

	if (rc < 0)
		return rc;
	fx_lock();
	fx_reap_locked();
	rc = handle_take_locked(kind, domid, cloexec, fd);
	fx_unlock();
	return rc;
}

int fx_handle_find(int fd)
{
	struct stat wanted, status;
	char name[16];
	int rc = fx_attach();

	if (rc < 0)
		return rc;
	if (fstat(fd, &wanted) != 0)
		return -errno;
	for (unsigned i = 0; i < FX_HANDLES; i++) {
		queue_name(name, i);
		if (fx_handle(i)->kind != FX_HANDLE_FREE &&
		    fstatat(fx.folder_fd, name, &status, 0) == 0 &&
		    status.st_ino == wanted.st_ino &&
		    status.st_dev == wanted.st_dev)
			return (int)i;
	}
	return -EBADF;
}

void fx_handle_close(unsigned index, int fd)
{
	close(fd);
	if (!fx_attached())
		return;
	fx_lock();
	if (fx_handle(index)->kind != FX_HANDLE_FREE &&
	    !handle_alive_locked(index))
		handle_release_locked(index);
	fx_unlock();
}

void fx_queue_locked(unsigned handle, uint32_t port)
{
	int fd = queue_fd_locked(handle);

	/* At most one entry a port, 1024 ports: it cannot be full. */
	if (fd < 0 || write(fd, &port, sizeof(port)) != sizeof(port))
		perror("fake-xen: queue an event");
}

/*
 * --- faults ---------------------------------------------------------------
 */

bool fx_fault_locked(enum fake_xen_fault kind, uint32_t domid, int32_t *value)
{
	struct fx_machine *machine = fx_machine();

	for (unsigned i = 0; i < FX_FAULTS; i++) {
		struct fx_fault *fault = &machine->fault[i];

		if (!fault->used || fault->kind != (uint32_t)kind ||
		    (fault->domid != FAKE_XEN_ANY_DOMAIN &&
		     fault->domid != domid))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		if (fault->count != FAKE_XEN_FOREVER && --fault->count == 0)
			fault->used = 0;
		machine->fault_hits[kind]++;
		*value = fault->value;
		return true;
	}
	return false;
}
