/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_xen.c - makes and removes the folder of the fake hypervisor; faults and
 * counters for tests.
 *
 * A new machine has dom0 only, and in dom0 the port that its kernel would keep
 * for XenStore.  The file is made under another name and renamed, so that
 * nobody maps half a machine.
 */
#include "tests/fake-xen/fake_xen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/fake-xen/core.h"
#include "tests/fake-xen/event.h"

/* The folder that fake_xen_setup() made and must remove, or "". */
static char own_folder[4096];
static char current_folder[4096];

static int machine_init(int fd)
{
	pthread_mutexattr_t attributes;
	struct fx_machine *machine;
	int rc;

	if (ftruncate(fd, (off_t)FX_FILE_SIZE) != 0)
		return -errno;
	machine = mmap(NULL, FX_HANDLES_OFFSET, PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, 0);
	if (machine == MAP_FAILED)
		return -errno;
	machine->magic = FX_MAGIC;
	machine->next_domid = 1;
	machine->domain[0].state = FX_DOMAIN_ALIVE;
	machine->domain[0].next_port = 1;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	rc = -pthread_mutex_init((pthread_mutex_t *)machine->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	munmap(machine, FX_HANDLES_OFFSET);
	return rc;
}

static int file_make(const char *folder, const char *name, const void *data,
		     size_t size)
{
	char path[4200];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, 0666) != 0 || write(fd, data, size) != (ssize_t)size)
		rc = -EIO;
	close(fd);
	return rc;
}

/* dom0's kernel side of XenStore: /proc/xen/xsd_port and xsd_kva. */
static int xsd_init(const char *folder)
{
	static const uint8_t page[FX_PAGE_SIZE];
	char text[16];
	int port, rc;

	fx_lock();
	port = fx_port_alloc_locked(0, -1, 0);
	fx_unlock();
	if (port < 0)
		return port;
	snprintf(text, sizeof(text), "%d", port);
	rc = file_make(folder, "xsd_port", text, strlen(text));
	if (rc < 0)
		return rc;
	return file_make(folder, "xsd_kva", page, sizeof(page));
}

int fake_xen_create(const char *folder)
{
	char draft[4200], path[4200];
	int fd, rc;

	if (strlen(folder) >= sizeof(current_folder))
		return -ENAMETOOLONG;
	snprintf(draft, sizeof(draft), "%s/xen.draft", folder);
	snprintf(path, sizeof(path), "%s/xen", folder);
	if (access(path, F_OK) == 0)
		return -EEXIST;
	fd = open(draft, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, 0666) != 0 ? -errno : machine_init(fd);
	close(fd);
	if (rc < 0)
		return rc;
	if (rename(draft, path) != 0)
		return -errno;
	fx_detach();
	if (setenv(FAKE_XEN_ENV, folder, 1) != 0)
		return -errno;
	rc = fx_attach();
	if (rc < 0)
		return rc;
	strcpy(current_folder, folder);
	return xsd_init(folder);
}

static void folder_remove(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[4400];
		struct stat status;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
			folder_remove(path);
		else
			unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

int fake_xen_setup(void)
{
	const char *base = getenv("TMPDIR");
	int rc;

	/* A unix socket's path is short, and xenstored's is in there. */
	if (!base || strlen(base) > 60)
		base = "/tmp";
	snprintf(own_folder, sizeof(own_folder), "%s/fake-xen-XXXXXX", base);
	if (!mkdtemp(own_folder)) {
		own_folder[0] = '\0';
		return -errno;
	}
	/* Processes that drop their user must still get in. */
	(void)chmod(own_folder, 0755);
	rc = fake_xen_create(own_folder);
	if (rc < 0)
		fake_xen_teardown();
	return rc;
}

void fake_xen_teardown(void)
{
	fx_detach();
	if (own_folder[0])
		folder_remove(own_folder);
	own_folder[0] = '\0';
	current_folder[0] = '\0';
	unsetenv(FAKE_XEN_ENV);
}

const char *fake_xen_folder(void)
{
	const char *folder = getenv(FAKE_XEN_ENV);

	return current_folder[0] ? current_folder : folder;
}

int fake_xen_fault(enum fake_xen_fault kind, uint32_t domid, uint32_t skip,
		   uint32_t count, int32_t value)
{
	int rc = fx_attach();

	if (rc < 0)
		return rc;
	if (kind >= FAKE_FAULT_KINDS || count == 0)
		return -EINVAL;
	rc = -ENOSPC;
	fx_lock();
	for (unsigned i = 0; i < FX_FAULTS && rc < 0; i++) {
		struct fx_fault *fault = &fx_machine()->fault[i];

		if (fault->used)
			continue;
		*fault = (struct fx_fault){.kind = kind,
					   .used = 1,
					   .domid = domid,
					   .skip = skip,
					   .count = count,
					   .value = value};
		rc = 0;
	}
	fx_unlock();
	return rc;
}

uint64_t fake_xen_fault_hits(enum fake_xen_fault kind)
{
	uint64_t hits;

	if (fx_attach() < 0 || kind >= FAKE_FAULT_KINDS)
		return 0;
	fx_lock();
	hits = fx_machine()->fault_hits[kind];
	fx_unlock();
	return hits;
}

void fake_xen_fault_clear(void)
{
	if (fx_attach() < 0)
		return;
	fx_lock();
	memset(fx_machine()->fault, 0, sizeof(fx_machine()->fault));
	fx_unlock();
}

int fake_xen_stats(struct fake_xen_stats *out)
{
	const struct fx_stats *from;
	uint64_t mapped = 0;
	int rc = fx_attach();

	if (rc < 0)
		return rc;
	fx_lock();
	fx_reap_locked();
	for (unsigned slot = 0; slot < FX_DOMAINS; slot++)
		mapped += fx_machine()->domain[slot].maps;
	from = &fx_machine()->stats;
	*out = (struct fake_xen_stats){
		.copy_calls = from->copy_calls,
		.copy_segments = from->copy_segments,
		.copy_bytes = from->copy_bytes,
		.copy_failed = from->copy_failed,
		.map_calls = from->map_calls,
		.mapped_now = mapped,
		.notifies = from->notifies,
		.notifies_unbound = from->notifies_unbound,
		.unmasks = from->unmasks,
		.unmasks_idle = from->unmasks_idle,
		.denied = from->denied,
	};
	fx_unlock();
	return 0;
}

void fake_xen_reap(void)
{
	if (fx_attach() < 0)
		return;
	fx_lock();
	fx_reap_locked();
	fx_unlock();
}

bool fake_xen_domain_exists(uint32_t domid)
{
	bool exists;

	if (fx_attach() < 0)
		return false;
	fx_lock();
	fx_reap_locked();
	exists = fx_slot_locked(domid) >= 0;
	fx_unlock();
	return exists;
}

int fake_xen_domain_wait_gone(uint32_t domid, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = 2000000};

	for (; fake_xen_domain_exists(domid); timeout_ms -= 2) {
		if (timeout_ms <= 0)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
	return 0;
}
